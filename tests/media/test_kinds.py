"""Footage is known by what is in it; what is none is not opened, or not called damaged."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from av.codec.codec import UnknownCodecError

from films import make_film, numbered
from kuleshov.media import kinds
from kuleshov.media.kinds import kind_of, passed_folder

RATE = Fraction(25)
CONTAINERS = {
    "mp4": ("libx264", ".insv .3g2 .MP4~"),
    "matroska": ("libx264", ".mk3d .whatever"),
    "vob": ("mpeg2video", ".MOD .m2p .vro"),
    "mpegts": ("mpeg2video", ".TOD .trp"),
    "h264": ("libx264", ".264 .jsv"),
    "mpeg2video": ("mpeg2video", ".mpv"),
    "avi": ("mpeg4", ".dat"),
    "asf": ("wmv2", ".dvr-ms"),
    "mxf": ("mpeg2video", ".bin"),
    "flv": ("flv", ".cache"),
    "ivf": ("libvpx", ".ivf"),
    "nut": ("mpeg4", ".n"),
    "ogg": ("libtheora", ".x"),
    "dv": ("dvvideo", ".y"),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_film_is_one_whatever_it_is_called(container: str, tmp_path: Path) -> None:
    codec, endings = CONTAINERS[container]
    size = (720, 576) if codec == "dvvideo" else (320, 180)
    made = tmp_path / "film"
    try:
        make_film(made, numbered(6, size), RATE, codec=codec, container=container)
    except UnknownCodecError:
        pytest.skip(f"there is no encoder {codec} here")
    for ending in endings.split():
        path = tmp_path / f"a{ending}"
        shutil.copy(made, path)
        assert kind_of(path) == "film", ending


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("component.ts", b"export const x: number = 71;\nGGGGG\n" * 100, "text"),
        ("readme", "Größe\n".encode() * 2000, "text"),
        ("notes.mod", b"module x\n", "text"),
        ("windows", "text".encode("utf-16"), "text"),
        ("page.mp4", b"<html>404</html>", "film"),
        ("a.bin", bytes(range(256)) * 16, "other"),
        ("sync.bin", (b"G" + bytes(187)) * 4 + bytes(3000), "other"),
        ("kernel.mod", b"\x7fELF" + bytes(4000), "other"),
        ("photo", b"\0\0\0\x18ftypheic", "picture"),
        ("song", b"\0\0\0\x18ftypM4A ", "sound"),
        ("noise", b"RIFF\0\0\0\0WAVE", "sound"),
        ("empty", b"", "other"),
        ("broken.mp4", bytes(5000), "film"),
        ("empty.mp4", b"", "film"),
    ],
)
def test_what_is_no_film(name: str, content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert kind_of(tmp_path / name) == kind


def test_endings_of_other_things_are_believed_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds.Path, "open", None)
    for name, kind in (("a.JPG", "picture"), ("a.xmp", "text"), ("GX.LRV", "preview")):
        assert kind_of(tmp_path / name) == kind


def test_folders_of_caches_are_left_alone() -> None:
    for name in (".git", "$RECYCLE.BIN", "@eaDir", "__MACOSX", "lost+found", "CacheClip"):
        assert passed_folder(name)
    for name in ("films", "__rushes", "a.b", "#1"):
        assert not passed_folder(name)
