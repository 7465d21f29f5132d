"""Read a film once, and give all that analysis needs of it, in batches.

This runs where the film is decoded, as a rule in a process of its own (`media.worker`): only small
pictures leave it.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import NOT_THERE, MediaError, MediaNotFound
from kuleshov.footage import Probe, Video
from kuleshov.media.bars import BarWatch, find_bars
from kuleshov.media.decode import Film, Picture, open_file, reason_of
from kuleshov.media.hand import check_openable
from kuleshov.media.scale import Scaler

__all__ = [
    "Checksum",
    "ChecksumRequest",
    "FrameBatch",
    "ReadEnd",
    "ReadRequest",
    "checksum",
    "read",
]

_BATCH = 64  # frames
_PIECE = 16 << 20  # bytes
_STEPS = 4096  # different lengths of frames that are counted
_SAME = Fraction(1, 100)  # by which a rate may miss the nominal one where lengths vary
_COARSE = 8  # ticks; a frame of fewer whole ones is exact
_LONGEST = Fraction(4 * 3600)  # s, for which a last picture may stay
_LATEST = 1.0  # s; a slow film's batches are sent half full, so that progress can be seen


@dataclass(frozen=True)
class ReadRequest:
    """A request of what to read of a film.

    Pictures of `picture` by `picture` pixels, `per_second` of media time, and of every frame one of
    `tiny` (height, width). `large` is the shorter side of further pictures, at the same instants,
    in the film's own shape (0: none). `begin` and `end` (media time in seconds) limit it to a part;
    frames, ticks and rows then count from the part's first picture, ticks and rows from the film's
    with `whole_clock`. `video`, as an earlier pass gave it, tells whether the film can be sought in
    by time.
    """

    path: Path
    per_second: int = 2
    picture: int = 224
    large: int = 0
    tiny: tuple[int, int] = (27, 48)
    threads: int = 0
    begin: Fraction | None = None
    end: Fraction | None = None
    video: Video | None = None
    whole_clock: bool = False


@dataclass(frozen=True)
class ChecksumRequest:
    """A request for the SHA-256 of a whole file."""

    path: Path


@dataclass(frozen=True)
class Checksum:
    """The checksum of a file, while it is read: how many bytes so far.

    At the end, `sha256` in hexadecimal.
    """

    read: int
    sha256: str = ""


def checksum(request: ChecksumRequest) -> Iterator[Checksum]:
    """Read a file and yield how far it is, every 16 MiB, and its checksum at the end.

    Raises `MediaError` where it cannot be read.
    """
    digest, done = hashlib.sha256(), 0
    try:
        check_openable(request.path)
        with request.path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                done += len(piece)
                yield Checksum(done)
    except FileNotFoundError as error:
        raise MediaNotFound(request.path, NOT_THERE) from error
    except OSError as error:
        raise MediaError(request.path, reason_of(error)) from error
    yield Checksum(done, digest.hexdigest())


@dataclass(frozen=True)
class FrameBatch:
    """A batch of consecutive frames.

    `pts` (N,) int64, ticks since the first picture; `tiny` (N, h, w, 3) uint8 RGB, bars and all;
    `first_row` the number of the first row on the grid; `sampled` (M,) int64, the frame that each
    row shows; `pictures` (P, s, s, 3) uint8 RGB, upright and without bars, each once however long
    it stays; `which` (M,) int64, the picture of each row; `large` (P, H, W, 3) the pictures with
    square pixels, where it was asked for.
    """

    first_frame: int
    pts: NDArray[np.int64]
    tiny: NDArray[np.uint8]
    first_row: int
    sampled: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    which: NDArray[np.int64]
    large: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        pictures = len(self.pictures)
        large = pictures if self.large is None else len(self.large)
        known = not len(self.which) or int(self.which.max()) < pictures
        same = len(self.pts) == len(self.tiny) and len(self.sampled) == len(self.which)
        if not (same and known and large == pictures):
            raise ValueError(f"a batch with parts of different length: {self!r}")

    def __len__(self) -> int:
        return len(self.pts)

    def __repr__(self) -> str:
        return (
            f"FrameBatch(first_frame={self.first_frame}, frames={len(self.pts)}, "
            f"pictures={self.pictures.shape})"
        )


@dataclass(frozen=True)
class ReadEnd:
    """The end of a reading: what only the whole pass can tell.

    `damaged` counts packets that could not be decoded; `last` is how long the last picture stays,
    in seconds.
    """

    video: Video
    frames: int
    damaged: int
    last: Fraction


def read(request: ReadRequest) -> Iterator[Probe | FrameBatch | ReadEnd]:
    """Decode a film from first picture to last, and yield one `Probe`, batches, one `ReadEnd`.

    Raises `MediaError` where the film cannot be opened, holds no pictures or is cut short.
    """
    _refuse_cut_short(request.path)
    with Film(request.path, threads=request.threads, video=request.video) as film:
        probe = film.probe
        video, kept = probe.video, list[FrameBatch | ReadEnd]()
        if request.begin is None and request.end is None:
            # Where key frames do not tell of bars, the first seconds do. They are looked at as they
            # are read, which holds if there are no bars.
            watch = BarWatch(film, probe.duration_s)
            messages = _batches(film, request, video, watch)
            while not watch.settled and (message := next(messages, None)) is not None:
                kept.append(message)
            bars = watch.bars()
        else:
            bars = find_bars(film, probe.duration_s)
        bars = bars.widened(film.cropped())
        if bars or not kept:
            kept, video = [], replace(video, bars=bars)
            messages = _batches(film, request, video)
        yield replace(probe, video=video)
        yield from kept
        yield from messages


def _batches(
    film: Film, request: ReadRequest, video: Video, watch: BarWatch | None = None
) -> Iterator[FrameBatch | ReadEnd]:
    """Yield the wanted part of a film, looked at by `watch`, and what is known at its end."""
    film.damaged = 0
    pictures = _part(film, request)
    gather = _Gather(request, video)
    for picture in pictures if watch is None else watch.over(pictures):
        gather.add(picture)
        if gather.full:
            yield gather.batch()
    # Nothing is shown after the last frame: instants behind it have no row.
    yield gather.batch()
    rate, variable = gather.rate()
    video = replace(
        video,
        rate=rate,
        variable_rate=variable,
        discontinuous=film.discontinuous,
        interlaced=video.interlaced or film.interlaced,
    )
    yield ReadEnd(video, gather.frames, film.damaged, gather.last(rate, variable))


def _part(film: Film, request: ReadRequest) -> Iterator[Picture]:
    """Yield the wanted pictures, counted from the first of them."""
    if request.begin is None and request.end is None:
        yield from film.pictures()
        return
    half = 1 / film.video.rate / 2
    first: Picture | None = None
    for picture in film.pictures(request.begin):
        if request.begin is not None and picture.time < request.begin - half:
            continue
        if request.end is not None and picture.time >= request.end - half and first is not None:
            return
        first = first or picture
        if request.whole_clock:
            yield picture
            continue
        yield replace(picture, pts=picture.pts - first.pts, time=picture.time - first.time)


def _refuse_cut_short(path: Path) -> None:
    """Raise `MediaError` where a container's index points behind the file's end (MP4, AVI)."""
    with open_file(path) as container:
        size = path.stat().st_size
        for stream in container.streams.video:
            entries = stream.index_entries
            last = max((e.pos + e.size for e in (entries[-1:] if len(entries) else [])), default=0)
            if last > size:
                raise MediaError(path, f"it is cut short: {last - size:,} bytes are missing.")


def _large_size(video: Video, shorter: int) -> tuple[int, int]:
    """Return height and width in the film's own shape, at most three times as long as short."""
    aspect = min(max(video.active_aspect, Fraction(1, 3)), Fraction(3))
    return (shorter, round(shorter * aspect)) if aspect >= 1 else (round(shorter / aspect), shorter)


class _Gather:
    """A collector of frames and of the pictures on the grid, which hands them out as batches."""

    def __init__(self, request: ReadRequest, video: Video) -> None:
        self.frames = 0
        self._time_base = video.time_base
        self._half = 1 / video.rate / 2
        self._nominal = video.rate
        self._step = Fraction(1, request.per_second)
        self._tiny_size, self._picture_size = request.tiny, request.picture
        self._tiny_scaler = Scaler(video, *request.tiny)
        self._scaler = Scaler(video, request.picture, request.picture, video.bars)
        self._large_size = _large_size(video, request.large) if request.large else None
        self._large_scaler = self._large_size and Scaler(
            video, *self._large_size, video.bars, fit=True
        )
        self._row = 0
        self._previous: Picture | None = None
        self._first_pts = 0
        self._steps = Counter[int]()
        self._clear()

    def _clear(self) -> None:
        self._pts: list[int] = []
        self._tiny: list[NDArray[np.uint8]] = []
        self._first_row = self._row
        self._sampled: list[int] = []
        self._which: list[int] = []
        self._pictures: list[NDArray[np.uint8]] = []
        self._large: list[NDArray[np.uint8]] = []
        self._since = time.monotonic()

    @property
    def full(self) -> bool:
        return len(self._pts) >= _BATCH or time.monotonic() - self._since > _LATEST

    def add(self, picture: Picture) -> None:
        """Take the next picture in."""
        if not self.frames and picture.time > self._half:
            # A part on the clock of the whole film: what lies before it has rows, but not here.
            self._row = self._first_row = math.ceil((picture.time - self._half) / self._step)
            self._first_pts = picture.pts
        # A grid instant that falls into a gap before this frame is still shown by the one before.
        if self._previous is not None:
            self._sample(self._previous, self.frames - 1, until=picture.time - self._half)
            step = picture.pts - self._previous.pts
            if step in self._steps or len(self._steps) < _STEPS:
                self._steps[step] += 1
        self._sample(picture, self.frames, until=picture.time + self._half)
        self._pts.append(picture.pts)
        self._tiny.append(self._tiny_scaler(picture.frame, picture.aspect))
        self._previous = picture
        self.frames += 1

    def _sample(self, picture: Picture, number: int, until: Fraction) -> None:
        """Give a row to each instant of the grid that this picture shows."""
        count = max(0, math.ceil(until / self._step) - self._row)
        if not count:
            return
        if not self._sampled or self._sampled[-1] != number:
            frame, aspect = picture.frame, picture.aspect
            self._pictures.append(self._scaler(frame, aspect))
            if self._large_scaler:
                self._large.append(self._large_scaler(frame, aspect))
        self._sampled += [number] * count
        self._which += [len(self._pictures) - 1] * count
        self._row += count

    def batch(self) -> FrameBatch:
        side = self._picture_size
        batch = FrameBatch(
            first_frame=self.frames - len(self._pts),
            pts=np.array(self._pts, np.int64),
            tiny=np.array(self._tiny, np.uint8).reshape(-1, *self._tiny_size, 3),
            first_row=self._first_row,
            sampled=np.array(self._sampled, np.int64),
            which=np.array(self._which, np.int64),
            pictures=np.array(self._pictures, np.uint8).reshape(-1, side, side, 3),
            large=None
            if self._large_size is None
            else np.array(self._large, np.uint8).reshape(-1, *self._large_size, 3),
        )
        self._clear()
        return batch

    def rate(self) -> tuple[Fraction, bool]:
        """Return the frames a second, and whether durations differ by more than rounding to ticks.

        A constant rate is the nominal one where that agrees with the timestamps to within 0.1 %, or
        a tick, to which they are rounded; else what the timestamps say. A variable rate is that of
        the usual step from picture to picture, so that pauses and left-out pictures do not count:
        where all pictures lie on one grid, it is this grid's. Films slower than a picture a second
        have none.
        """
        if self.frames < 2 or not self._steps or self._previous is None:
            return self._nominal, False
        length = (self._previous.pts - self._first_pts) * self._time_base
        mean = (self.frames - 1) / length
        variable = self._varies() or mean < 1
        if variable:
            usual = self._usual_rate()
            near = abs(usual / self._nominal - 1) < _SAME
            return self._nominal if near else usual, True
        off = abs((self.frames - 1) / self._nominal - length)
        if off <= self._time_base or off < length / 1000:
            return self._nominal, variable
        return mean.limit_denominator(1001), variable

    def _varies(self) -> bool:
        shortest, longest = min(self._steps), max(self._steps)
        nominal = 1 / (self._nominal * self._time_base)
        # Where a frame takes a few whole ticks, nothing is rounded, and one more is a difference.
        exact = nominal.denominator == 1 and nominal < _COARSE
        return longest - shortest > (0 if exact else 1)

    def _usual_rate(self) -> Fraction:
        """Return the pictures a second, without the steps that are far longer than the median.

        Pictures that have the same time as the one before follow it after a single tick
        (`times.Clock`). That is not a rate: they are left out, and where they are many the nominal
        rate is the one at which all are shown.
        """
        steps = sorted(self._steps.items())
        if 1 / (self._nominal * self._time_base) > 2:
            if 4 * self._steps[1] > self._steps.total():
                return self._nominal
            steps = [(step, count) for step, count in steps if step > 1]
        half = sum(count for _, count in steps) / 2
        sums = accumulate(count for _, count in steps)
        middle = next(step for (step, _), many in zip(steps, sums, strict=True) if many >= half)
        usual = [(step, count) for step, count in steps if 2 * step <= 3 * middle]
        ticks = sum(step * count for step, count in usual) * self._time_base
        return (sum(count for _, count in usual) / ticks).limit_denominator(1001)

    def last(self, rate: Fraction, variable: bool) -> Fraction:
        """Return how long the last picture stays, in seconds.

        It is as the file says where the rate varies.
        """
        picture = self._previous
        if picture is not None and (variable or self.frames < 2):
            frame = picture.frame
            said = (frame.duration or 0) * Fraction(frame.time_base or 0)
            if 0 < said < _LONGEST:
                return said
        return 1 / rate
