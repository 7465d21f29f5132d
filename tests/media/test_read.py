"""One pass over a film: which frame lies on which row of the grid, and what the pass finds out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import bars_around, join_ts, make_film, numbered, numbered_picture, read_number
from kuleshov.errors import MediaError, MediaNotFound
from kuleshov.footage import Bars, Probe
from kuleshov.media import sampling as read_module
from kuleshov.media.decode import Film
from kuleshov.media.sampling import (
    ChecksumRequest,
    FrameBatch,
    ReadEnd,
    ReadRequest,
    checksum,
    read,
)
from kuleshov.timecode import frame_at

F = Fraction
SMALL = (96, 64)


class Pass:
    """A whole pass, its batches joined; `rows` are the numbers that the sampled pictures carry."""

    def __init__(self, path: Path, **how: Any) -> None:
        messages = list(read(ReadRequest(path, picture=96, **how)))
        self.probe, self.end = messages[0], messages[-1]
        assert isinstance(self.probe, Probe)
        assert isinstance(self.end, ReadEnd)
        batches = [m for m in messages if isinstance(m, FrameBatch)]
        self.pts = np.concatenate([b.pts for b in batches])
        self.tiny = np.concatenate([b.tiny for b in batches])
        self.sampled = np.concatenate([b.sampled for b in batches])
        self.pictures = np.concatenate([b.pictures[b.which] for b in batches])
        self.rows = [read_number(picture[..., 1]) for picture in self.pictures]
        self.times = [int(p) * self.probe.video.time_base for p in self.pts]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(10), F(24), F(25), F(30000, 1001), F(60)])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
@pytest.mark.parametrize("per_second", [2, 8])
def test_each_row_shows_the_frame_of_its_instant(tmp_path, rate, kind, per_second):
    frames = int(3 * rate)
    film = Pass(
        make_film(tmp_path / f"a.{kind}", numbered(frames, SMALL), rate), per_second=per_second
    )
    # Matroska rounds to milliseconds: at a tie the frame before may be as near.
    end = (frames - F(1, 2)) / rate
    instants = [F(k, per_second) for k in range(3 * per_second + 1) if F(k, per_second) < end]
    expected = [frame_at(instant, rate) for instant in instants]
    assert len(film.rows) == len(expected)
    for instant, row, wanted in zip(instants, film.rows, expected, strict=True):
        tie = (instant * rate - F(1, 2)).denominator == 1
        assert row == wanted or (tie and kind == "mkv" and row == wanted - 1)
    assert film.sampled.tolist() == film.rows
    assert not film.end.video.variable_rate
    assert film.end.video.rate == rate
    assert film.end.frames == frames


def test_no_row_lies_behind_the_last_frame(tmp_path):
    assert Pass(make_film(tmp_path / "a.mp4", numbered(51, SMALL), 25)).rows == [0, 13, 25, 38, 50]
    assert Pass(make_film(tmp_path / "b.mp4", numbered(50, SMALL), 25)).rows == [0, 13, 25, 38]
    assert Pass(make_film(tmp_path / "c.mp4", numbered(1, SMALL), 25)).rows == [0]


class TestVariableRate:
    """Frames come at 25 a second, but for a gap of 1.6 s behind frame 20, which is shown in it."""

    @pytest.fixture(params=["mp4", "mkv"])
    def film(self, request, tmp_path) -> Pass:
        times = [F(k, 25) + (F(8, 5) if k > 20 else 0) for k in range(50)]
        return Pass(
            make_film(tmp_path / f"a.{request.param}", numbered(50, SMALL), 25, times=times)
        )

    def test_the_frame_before_a_gap_is_shown_in_it(self, film):
        # The gap lasts from 0.84 s to 2.44 s.
        assert film.rows == [0, 13, 20, 20, 20, 23, 35, 48]

    def test_times_are_kept(self, film):
        wanted = [F(k, 25) + (F(8, 5) if k > 20 else 0) for k in range(50)]
        assert all(abs(a - b) < F(1, 500) for a, b in zip(film.times, wanted, strict=True))

    def test_is_flagged(self, film):
        assert film.end.video.variable_rate


@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001), F(60)])
def test_the_jitter_of_milliseconds_is_no_variable_rate(tmp_path, rate):
    film = Pass(make_film(tmp_path / "a.mkv", numbered(90, SMALL), rate))
    assert len(set(np.diff(film.pts))) == 2, "this film was to jitter"
    assert not film.end.video.variable_rate


@pytest.mark.parametrize("frames", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001), F(60)])
def test_a_short_film_in_milliseconds_keeps_its_rate(tmp_path, frames, rate):
    film = Pass(make_film(tmp_path / "a.mkv", numbered(frames, SMALL), rate))
    assert film.end.video.rate == rate
    assert not film.end.video.variable_rate


def test_a_header_that_lies_about_the_rate(tmp_path):
    times = [F(k, 20) for k in range(60)]
    film = Pass(make_film(tmp_path / "a.mkv", numbered(60, SMALL), 25, times=times))
    assert film.end.video.rate == 20
    assert not film.end.video.variable_rate
    assert film.rows == [0, 10, 20, 30, 40, 50]


def test_stamps_that_restart(tmp_path):
    parts = [
        make_film(tmp_path / f"{k}.ts", numbered(40, SMALL, first=40 * k), 25) for k in range(3)
    ]
    film = Pass(join_ts(parts, tmp_path / "a.ts"))
    assert film.times == [F(k, 25) for k in range(120)]
    assert film.rows == [0, 13, 25, 38, 50, 63, 75, 88, 100, 113]
    assert film.end.video.discontinuous
    assert not film.end.video.variable_rate
    assert film.end.video.rate == 25


class TestParts:
    @pytest.fixture
    def path(self, tmp_path) -> Path:
        return make_film(tmp_path / "a.mp4", numbered(150, SMALL), 25)

    def test_begin_and_end(self, path):
        film = Pass(path, per_second=5, begin=F(2), end=F(3))
        assert film.end.frames == 25
        assert film.rows == [50, 55, 60, 65, 70]
        assert film.sampled.tolist() == [0, 5, 10, 15, 20]
        assert film.times == [F(k, 25) for k in range(25)]

    def test_between_two_frames_the_nearest_counts(self, path):
        assert Pass(path, per_second=5, begin=F(201, 100), end=F(3)).rows[0] == 50
        assert Pass(path, per_second=5, begin=F(203, 100), end=F(3)).rows[0] == 51

    def test_only_one_of_them(self, path):
        assert Pass(path, begin=F(5)).rows == [125, 138]
        assert Pass(path, end=F(1)).rows == [0, 13]
        assert Pass(path, end=F(1)).end.frames == 25

    def test_an_empty_range_gives_one_frame(self, path):
        film = Pass(path, begin=F(2), end=F(2))
        assert (film.rows, film.end.frames) == ([50], 1)

    def test_behind_the_end_is_nothing(self, path):
        film = Pass(path, begin=F(9), end=F(10))
        assert film.end.frames == 0
        assert film.rows == []

    @pytest.mark.parametrize("kind", ["mkv", "ts"])
    def test_in_other_containers(self, tmp_path, kind):
        path = make_film(tmp_path / f"a.{kind}", numbered(150, SMALL), 25)
        for begin in (1, 37, 100):
            film = Pass(path, per_second=5, begin=F(begin, 25), end=F(begin + 15, 25))
            assert film.rows == [begin, begin + 5, begin + 10]

    def test_where_stamps_restart(self, tmp_path):
        parts = [
            make_film(tmp_path / f"{k}.ts", numbered(50, SMALL, first=50 * k), 25) for k in range(3)
        ]
        path = join_ts(parts, tmp_path / "a.ts")
        known = Pass(path).end.video
        part = Pass(path, per_second=5, begin=F(3), end=F(4), video=known)
        assert part.rows == [75, 80, 85, 90, 95]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(tmp_path, monkeypatch):
    """The reader is never more than a batch ahead of who takes them."""
    path = make_film(tmp_path / "a.mp4", numbered(800, SMALL), 25)
    decoded = 0
    pictures = read_module.Film.pictures

    def counted(self: Any, *args: Any) -> Iterator[Any]:
        nonlocal decoded
        for picture in pictures(self, *args):
            decoded += 1
            yield picture

    # Only the pass itself is counted, not the look for bars before it.
    messages = read(ReadRequest(path, picture=32))
    assert isinstance(next(messages), Probe)
    monkeypatch.setattr(read_module.Film, "pictures", counted)
    taken, batches = 0, 0
    for message in messages:
        if isinstance(message, FrameBatch):
            taken += len(message)
            batches += 1
            assert decoded <= taken
            assert len(message) <= 64
    assert taken == decoded == 800
    assert batches >= 12


@pytest.mark.slow
@pytest.mark.parametrize("bars", [Bars(), Bars(top=40, bottom=40)])
@pytest.mark.parametrize("seconds", [4, 40])
def test_bars_are_seen_on_the_way_where_key_frames_do_not_tell(
    tmp_path, monkeypatch, bars, seconds
):
    pictures = [bars_around(numbered_picture(n, (320, 160)), bars) for n in range(seconds * 5)]
    few = make_film(tmp_path / "few.mp4", pictures, 5, gop=1000)
    many = make_film(tmp_path / "many.mp4", pictures, 5, gop=5)
    decoded = 0
    inner = Film._frames

    def counted(film: Film) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        nonlocal decoded
        for frame in inner(film):
            decoded += film.path == few
            yield frame

    monkeypatch.setattr(Film, "_frames", counted)
    found, expected = (list(read(ReadRequest(path))) for path in (few, many))
    # Without bars nothing is decoded twice, but for the first frames, on which all seeks land.
    assert decoded <= len(pictures) + 24 + (15 * 5 + 64 if bars else 0)
    assert isinstance(found[0], Probe)
    assert found[0].video.bars == expected[0].video.bars
    assert bool(found[0].video.bars) == bool(bars)
    assert found[-1] == expected[-1]
    for part in ("pts", "sampled", "pictures"):
        one, other = (
            np.concatenate([getattr(m, part) for m in messages if isinstance(m, FrameBatch)])
            for messages in (found, expected)
        )
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).mean() < 1


def test_tiny_frames_are_the_whole_frame_squeezed(tmp_path):
    film = Pass(make_film(tmp_path / "a.mp4", numbered(3, (480, 270)), 25))
    assert film.tiny.shape == (3, 27, 48, 3)
    small = numbered_picture(2, (480, 270))[:270].reshape(27, 10, 48, 10).mean(axis=(1, 3))
    # Full range on the way out, so compare shapes of light, not levels.
    assert np.corrcoef(film.tiny[2, ..., 1].ravel(), small.ravel())[0, 1] > 0.99


def test_batches_check_their_parts():
    with pytest.raises(ValueError, match="different length"):
        FrameBatch(
            0,
            np.zeros(2, np.int64),
            np.zeros((1, 27, 48, 3), np.uint8),
            0,
            np.zeros(0, np.int64),
            np.zeros((0, 8, 8, 3), np.uint8),
            np.zeros(0, np.int64),
        )


def test_a_film_cut_short_is_refused(tmp_path):
    whole = make_film(tmp_path / "a.mp4", numbered(60), 25, header={"movflags": "faststart"})
    data = whole.read_bytes()
    whole.write_bytes(data[:-100])
    with pytest.raises(MediaError, match=r"cut short: [\d,]+ bytes"):
        Pass(whole)


@pytest.mark.slow
def test_checksum(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(40 << 20))
    *steps, last = checksum(ChecksumRequest(path))
    assert [step.read for step in steps] == [16 << 20, 32 << 20, 40 << 20]
    assert not any(step.sha256 for step in steps)
    assert last.sha256 == hashlib.sha256(bytes(40 << 20)).hexdigest()
    with pytest.raises(MediaNotFound):
        list(checksum(ChecksumRequest(tmp_path / "none")))


def test_missing_stamps(tmp_path):
    """A raw stream has none: frames follow each other at its rate."""
    path = tmp_path / "a.h264"
    make_film(path, numbered(50, SMALL), 25, container="h264", b_frames=0)
    with av.open(path) as container:
        assert any(packet.pts is None for packet in container.demux(video=0))
    film = Pass(path)
    assert film.end.frames == 50
    assert film.rows == [0, 13, 25, 38]


def test_pictures_of_one_time_are_no_rate(tmp_path):
    """Each second picture says the time of the one before it: 50 pictures at 25 a second."""
    times = [F(k - k % 2, 25) for k in range(50)]
    film = Pass(make_film(tmp_path / "a.mkv", numbered(50, SMALL), codec="ffv1", times=times))
    assert len(film.times) == 50
    assert film.end.video.rate == 25
