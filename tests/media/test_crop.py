"""Edges that a container crops: MP4's clean aperture and Matroska's PixelCrop."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from films import make_film, numbered
from kuleshov.footage import Bars, Probe, Video
from kuleshov.media.crop import container_crop
from kuleshov.media.decode import Film
from kuleshov.media.sampling import ReadRequest, read

SIZE = (160, 96)
CROP = Bars(left=16, top=8, right=12, bottom=10)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("crop")
    pictures = list(numbered(20, size=SIZE))
    return {kind: make_film(root / f"plain.{kind}", pictures, 20) for kind in ("mp4", "mkv")}


def aperture(path: Path) -> Path:
    """The MP4 with a box `clap` in the sample entry of its pictures."""
    data = bytearray(path.read_bytes())
    width, height = SIZE[0] - CROP.left - CROP.right, SIZE[1] - CROP.top - CROP.bottom
    across, down = CROP.left - CROP.right, CROP.top - CROP.bottom
    box = struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, across, 2, down, 2)
    begin, chain = 0, []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(name, begin) - 4
        chain.append(at)
        begin = at + 8
    assert data.index(b"mdat") < chain[0]  # the places of the pictures stay
    (end,) = struct.unpack_from(">I", data, chain[-1])
    for at in chain:
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(box))
    data[chain[-1] + end : chain[-1] + end] = box
    changed = path.with_name("clap.mp4")
    changed.write_bytes(data)
    return changed


def pixel_crop(path: Path) -> Path:
    """The Matroska film with PixelCrop elements, taken out of the room that it keeps."""
    data = bytearray(path.read_bytes())
    sides = {0xCC: CROP.left, 0xBB: CROP.top, 0xDD: CROP.right, 0xAA: CROP.bottom}
    added = b"".join(bytes([0x54, name, 0x81, value]) for name, value in sides.items())

    def size_at(at: int) -> tuple[int, int]:
        length = 9 - data[at].bit_length()
        return int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1), length

    def grow(at: int, by: int) -> None:
        size, length = size_at(at)
        data[at : at + length] = ((1 << 7 * length) | (size + by)).to_bytes(length, "big")

    void = data.index(b"\xec")
    tracks = data.index(b"\x16\x54\xae\x6b", void)  # before that only its place is named
    track = data.index(b"\xae", tracks + 4 + size_at(tracks + 4)[1])
    shape = data.index(b"\xe0", track)
    while data[shape + 1 + size_at(shape + 1)[1]] != 0xB0:  # PixelWidth comes first
        shape = data.index(b"\xe0", shape + 1)
    inside = shape + 1 + size_at(shape + 1)[1]
    data[inside:inside] = added
    for at in (shape + 1, track + 1, tracks + 4):
        grow(at, len(added))
    grow(void + 1, -len(added))
    begin = void + 1 + size_at(void + 1)[1]
    del data[begin : begin + len(added)]
    changed = path.with_name("crop.mkv")
    changed.write_bytes(data)
    return changed


@pytest.mark.parametrize(("kind", "change"), [("mp4", aperture), ("mkv", pixel_crop)])
def test_what_a_container_crops_is_cut_off(plain, kind, change):
    for path, bars in ((plain[kind], Bars()), (change(plain[kind]), CROP)):
        with av.open(path) as container:  # it is a film still, of as many whole pictures
            shown = [(f.width, f.height) for f in container.decode(video=0)]
        assert shown == [SIZE] * 20
        with Film(path) as film:
            assert film.cropped() == bars
        probe = next(one for one in read(ReadRequest(path)) if isinstance(one, Probe))
        assert probe.video.bars == bars
        width, height = probe.video.active_size
        assert (width, height) == (
            SIZE[0] - bars.left - bars.right,
            SIZE[1] - bars.top - bars.bottom,
        )


def test_it_turns_with_the_picture(plain):
    path = aperture(plain["mp4"])
    video = Video("h264", *SIZE, Fraction(20), Fraction(1, 20))
    turned = container_crop(path, "mov,mp4", 1, replace(video, rotation=90))
    assert turned == Bars(left=10, top=16, right=8, bottom=12)
    mirrored = container_crop(path, "mov,mp4", 1, replace(video, mirrored=True))
    assert mirrored == Bars(left=12, top=8, right=16, bottom=10)
    assert container_crop(path, "mov,mp4", 2, video) == Bars()  # of another track
    assert container_crop(path, "mov,mp4", 1, replace(video, width=20)) == Bars()  # nonsense


@pytest.mark.parametrize(("kind", "change"), [("mp4", aperture), ("mkv", pixel_crop)])
def test_what_is_damaged_crops_nothing_and_breaks_nothing(plain, tmp_path, kind, change):
    data = change(plain[kind]).read_bytes()
    video = Video("h264", *SIZE, Fraction(20), Fraction(1, 20))
    name, number = ("mov,mp4", 1) if kind == "mp4" else ("matroska,webm", 0)
    path = tmp_path / "damaged"
    for end in (*range(0, 800, 37), *range(max(0, len(data) - 1500), len(data), 53)):
        for damaged in (data[:end], data[: max(0, end - 9)] + b"\xff" * 9 + data[end:]):
            path.write_bytes(damaged)
            container_crop(path, name, number, video)
