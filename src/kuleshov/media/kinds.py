"""Tell what a file is, a film or what else, by its contents and as cheaply as can be.

Endings of pictures, sound, texts and documents are believed: folders hold thousands of these, and
none is opened. Of anything else the first 4 KB are read. What begins as films do is one, whatever
it is called; what is called a film and begins otherwise is tried as one, so that a broken one is
named, unless texts are called so as well (`.ts` is TypeScript, too) and it is one. Whether it can
be decoded is found out when it is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from kuleshov.media.numbered import ENDING, is_numbered

__all__ = ["EXTENSIONS", "Kind", "kind_of", "passed_folder"]

Kind = Literal["film", "picture", "sound", "text", "preview", "other"]
"""`preview`: small films that cameras keep beside the real ones."""

_FILM_ENDINGS = (
    "3gp avi asf divx dv f4v flv gif h264 hevc m1v m2t m2ts m2v m4v mjpeg mkv mov mp4 mpe mpeg mpg "
    "mts mxf nut ogm ogv qt rm rmvb ts vob webm wmv y4m"
)
EXTENSIONS = frozenset(f".{name}" for name in _FILM_ENDINGS.split())
"""Files in a folder that are tried as films, unless they are text. A file named by itself is always
tried."""

_BELIEVED: dict[Kind, str] = {
    "picture": "jpg jpeg jpe jfif jxl png webp avif heic heif hif tif tiff bmp tga dpx cin exr hdr "
    "pbm pgm ppm pam psd psb xcf svg ai eps ico cur cr2 cr3 nef arw dng raf orf rw2 pef srw insp "
    "jp2 j2k",
    "sound": "mp3 wav wave bwf aif aiff aifc flac m4a m4b m4r aac ac3 eac3 dts opus ogg oga wma "
    "mka mid midi amr caf ape wv mp2 au",
    "text": "txt md rst srt vtt ass ssa sub idx xml json csv tsv html htm css js py c h sh log "
    "nfo ini cfg yaml yml toml edl fcpxml xmp url m3u m3u8 mpd tex rtf otio cube "
    "bim mhl md5 sha1 ppn",
    "preview": "thm lrv lrf",
    "other": "pdf doc docx odt xls xlsx ods ppt pptx odp key pages numbers zip rar 7z gz bz2 xz "
    "tar dmg iso exe dll msi app so o a pyc db sqlite sqlite3 ttf otf ttc woff woff2 blend aep "
    "prproj drp see onnx safetensors pt lock ds_store torrent part crdownload",
}
_KINDS: dict[str, Kind] = {
    f".{name}": kind for kind, names in _BELIEVED.items() for name in names.split()
}

_ALSO_TEXT = (".ts", ".mts", ".nut")  # TypeScript, Qt's words, Squirrel

_HEAD = 4096  # bytes
_TS_PACKETS = (188, 192, 204)
_TS_SEEN = 5  # packets in a row that begin as packets do
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_FILMS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x00\x00\x01\xb3",  # MPEG-1 and -2 video
    b"\x00\x00\x01\xb0",  # MPEG-4 video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV, DVR-MS
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11",  # WTV
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b"\x00\x00\x00\x00\x01\xbc",  # GXF
    b"\x1f\x07\x00",  # DV
    b"FLV\x01",
    b".RMF",
    b"nut/multimedia container",
    b"DKIF",  # IVF
    b"YUV4MPEG2",
    b"GIF8",
    b"NSVf",
)
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis", b"crx ", b"jxl ")
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
_NOT_FOOTAGE = re.compile(
    r"\..*|\$.*|@eaDir|#recycle|__MACOSX|__pycache__|node_modules|lost\+found|"
    r"System Volume Information|CacheClip|ProxyMedia|Peak Files|Media Cache.*|"
    r"Adobe Premiere Pro (Video|Audio) Previews",
    re.IGNORECASE,
)


def kind_of(path: Path) -> Kind:
    """Return what kind of file lies at a path.

    A file that cannot be read is a film if its ending says so: the reason is told when it is read.
    """
    suffix = path.suffix.lower()
    if suffix == ENDING:
        return "film" if is_numbered(path) else "text"
    if suffix in _KINDS:
        return _KINDS[suffix]
    named: Kind = "film" if suffix in EXTENSIONS else "other"
    try:
        if not path.is_file():  # a pipe would be waited for
            return named
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return named
    begun = _begun(head)
    if begun != "other":
        return begun
    if named == "other" or suffix in _ALSO_TEXT:
        return "text" if head and _is_text(head) else named
    return named


def passed_folder(name: str) -> bool:
    """Return whether a folder of that name holds nobody's footage: hidden, a bin, a cache."""
    return _NOT_FOOTAGE.fullmatch(name) is not None


def _begun(head: bytes) -> Kind:
    """Return the kind of file that begins with these bytes."""
    if head[4:8] in _BOXES:
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        if brand in _PICTURE_BRANDS:
            return "picture"
        return "sound" if brand in _SOUND_BRANDS else "film"
    if head[:4] == b"RIFF":
        return {b"AVI ": "film", b"AVIX": "film", b"WAVE": "sound", b"WEBP": "picture"}.get(  # type: ignore[return-value]
            head[8:12], "other"
        )
    if head[:4] == b"OggS":
        return "film" if b"theora" in head or b"video" in head else "sound"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC", b"ILBM"):
        return "picture" if head[8:12] == b"ILBM" else "sound"
    if head.startswith(_FILMS) or _is_transport_stream(head) or _is_raw_video(head):
        return "film"
    return "other"


def _is_transport_stream(head: bytes) -> bool:
    """Return whether there are packets of one length that all begin with G."""
    for length in _TS_PACKETS:
        for first in range(min(length, len(head))):
            starts = range(first, first + length * _TS_SEEN, length)
            if starts[-1] < len(head) and all(head[at] == 0x47 for at in starts):
                return not _is_text(head)
    return False


def _is_raw_video(head: bytes) -> bool:
    """Return whether it is H.264 or HEVC without a container.

    Such begins with a start code, then parameters or a delimiter.
    """
    start = next((code for code in (b"\0\0\0\1", b"\0\0\1") if head.startswith(code)), b"")
    if not start or len(head) < len(start) + 2:
        return False
    one, two = head[len(start)], head[len(start) + 1]
    avc = not one & 0x80 and one & 0x1F in (7, 9)
    hevc = not one & 0x81 and (one >> 1) in (32, 33, 35) and two == 1
    return avc or hevc


def _is_text(head: bytes) -> bool:
    """Return whether it is text in UTF-8 or UTF-16, without any byte that text does not have."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a letter may be cut in two at the end
            return False
        text = head[: error.start].decode()
    return all(letter.isprintable() or letter in "\n\r\t\f" for letter in text)
