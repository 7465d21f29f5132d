"""Read what a container says is to be cropped: MP4's clean aperture, Matroska's PixelCrop.

Players leave these edges out: they hold lines that were coded to fill blocks, or a tape's own. PyAV
does not tell of them, so the few bytes are read here. What cannot be read crops nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from kuleshov.footage import Bars, Video

__all__ = ["container_crop"]

_LARGEST = 1 << 25  # bytes of a header that are read
_INTO = {b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8}  # bytes before what is inside
_VISUAL = 78  # bytes of a sample entry of pictures before its boxes
_BEGINNING = 1 << 20  # bytes of a Matroska film in which its tracks are described
_SEGMENT, _TRACKS, _TRACK = 0x18538067, 0x1654AE6B, 0xAE
_VIDEO, _CLUSTER = 0xE0, 0x1F43B675
_SIDES = (0x54CC, 0x54BB, 0x54DD, 0x54AA)  # PixelCrop left, top, right, bottom

Crop = tuple[int, int, int, int]
"""Pixels at the left, top, right and bottom of the coded picture."""


def container_crop(path: Path, kind: str, number: int, video: Video) -> Bars:
    """Return the edges that a container crops, in upright pixels; none where it says nothing.

    `kind` is FFmpeg's name of the format, `number` MP4's own of the track, else which it is,
    counted from 0.
    """
    try:
        with path.open("rb") as file:
            if "mp4" in kind:
                found = _clean_aperture(file, number, video.width, video.height)
            elif "matroska" in kind:
                found = _pixel_crop(file, number)
            else:
                return Bars()
    except (OSError, ValueError, struct.error, IndexError, ZeroDivisionError):
        return Bars()
    if found is None or min(found) < 0:
        return Bars()
    left, top, right, bottom = found
    if left + right >= video.width or top + bottom >= video.height:
        return Bars()
    sides = [left, top, right, bottom]
    # Turning the picture turns its sides along: what was at the left stands at the top, and so on.
    for _ in range(video.rotation // 90):
        sides = [sides[3], sides[0], sides[1], sides[2]]
    if video.mirrored:
        sides = [sides[2], sides[1], sides[0], sides[3]]
    return Bars(*sides)


def _clean_aperture(file: BinaryIO, number: int, width: int, height: int) -> Crop | None:
    """Return the clean aperture of a track of an MP4 or QuickTime film.

    See ISO 14496-12, `clap`.
    """
    moov = _moov(file)
    for name, first, end in _boxes(moov, 0, len(moov)):
        if name != b"trak":
            continue
        inside = dict(_within(moov, first, end))
        if b"tkhd" not in inside or b"clap" not in inside:
            continue
        head = inside[b"tkhd"]
        place = 20 if moov[head] == 1 else 12
        if struct.unpack_from(">I", moov, head + place)[0] != number:
            continue
        values = struct.unpack_from(">2I2I2i2i", moov, inside[b"clap"])
        wide, high, right, down = (Fraction(*values[n : n + 2]) for n in (0, 2, 4, 6))
        left, top = (width - wide) / 2 + right, (height - high) / 2 + down
        return round(left), round(top), width - round(left + wide), height - round(top + high)
    return None


def _moov(file: BinaryIO) -> bytes:
    """Return the box that describes a film; empty where there is none or it is too large."""
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        before = 8
        if size == 1:
            size, before = struct.unpack(">Q", file.read(8))[0], 16
        if name == b"moov":
            return file.read(size - before) if size <= _LARGEST else b""
        if size < before:
            return b""
        file.seek(size - before, 1)
    return b""


def _boxes(data: bytes, first: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes in a part of `data`: name, and where their contents begin and end."""
    while first + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, first)
        if size < 8 or first + size > end:
            return
        yield name, first + 8, first + size
        first += size


def _within(data: bytes, first: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield all boxes on the way to a track's first sample entry and in it: name and begin."""
    for name, begin, until in _boxes(data, first, end):
        yield name, begin
        if name in _INTO:
            yield from _within(data, begin + _INTO[name], until)
        elif until - begin > _VISUAL and name not in (b"tkhd", b"mdhd", b"hdlr", b"stts"):
            yield from ((inner, at) for inner, at, _ in _boxes(data, begin + _VISUAL, until))


def _pixel_crop(file: BinaryIO, number: int) -> Crop | None:
    """Return the PixelCrop elements of a track of a Matroska film (RFC 9559)."""
    head = file.read(_BEGINNING)
    first, end = _element(head, 0, len(head), _SEGMENT)
    first, end = _element(head, first, end, _TRACKS)
    tracks = [(low, high) for name, low, high in _elements(head, first, end) if name == _TRACK]
    shown = _element(head, *tracks[number], _VIDEO)
    sides = {key: head[low:high] for key, low, high in _elements(head, *shown)}
    left, top, right, bottom = (int.from_bytes(sides.get(s, b""), "big") for s in _SIDES)
    return left, top, right, bottom


def _element(data: bytes, first: int, end: int, wanted: int) -> tuple[int, int]:
    """Return where the contents of the first such element begin and end; (0, 0) for none."""
    found = ((low, high) for name, low, high in _elements(data, first, end) if name == wanted)
    return next(found, (0, 0))


def _elements(data: bytes, first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the EBML elements in a part of `data`, up to the first cluster of pictures."""
    while first < end:
        length = 9 - data[first].bit_length()
        name = int.from_bytes(data[first : first + length], "big")
        first += length
        if name == _CLUSTER or first >= end:
            return
        length = 9 - data[first].bit_length()
        raw = int.from_bytes(data[first : first + length], "big")
        size = raw & ((1 << 7 * length) - 1)
        first += length
        unknown = size == (1 << 7 * length) - 1
        until = end if unknown else min(end, first + size)
        yield name, first, until
        first = until
