"""Look at a film once: its shots and, on a fixed grid of time, its features.

Indexing (`Analyst.index`) and recutting (`Analyst.analyse`) begin with this pass. It needs about
7 kB of memory for each second of film, and nothing else that grows with the film's length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, UsageError
from kuleshov.features.encoder import Encoder
from kuleshov.features.facet import AnyFacet, Facet, FlowFacet
from kuleshov.features.flow import FlowMeter
from kuleshov.footage import Probe, Shot, Video
from kuleshov.media.read import FrameBatch, ReadEnd, ReadRequest
from kuleshov.media.worker import Worker
from kuleshov.shots.detector import Detector
from kuleshov.shots.finder import ShotFinder
from kuleshov.timecode import FrameRange, TimeRange

__all__ = [
    "ARCHIVE_GRID",
    "LARGE",
    "MARGIN",
    "SOURCE_GRID",
    "Analysis",
    "Analyst",
    "Described",
    "Eyes",
    "StillSink",
]

ARCHIVE_GRID = 2
"""Rows a second of footage in an archive."""
SOURCE_GRID = 8
"""Rows a second of a source, so that half a second of it is still four pictures."""

LARGE = 256
"""Shorter side of the pictures in which faces and letters are looked for."""

MARGIN = Fraction(10)
"""Seconds that are read before and after a part of a film, to find its shots: transitions are
shorter, and what finds them looks no further."""
AROUND = Fraction(1)
"""Seconds before and after a part that have features too."""

Progress = Callable[[int, float | None], None]
"""Called with the frames done and the film's length in frames as its container claims it."""


class StillSink(Protocol):
    """Takes the sampled pictures as they pass, to keep some as stills."""

    def add(self, pictures: NDArray[np.uint8], which: NDArray[np.int64]) -> None:
        """The next (P, S, S, 3) uint8 RGB pictures, and which of them each next row shows, (M,)."""


@dataclass(frozen=True, repr=False, eq=False)
class Analysis:
    """All that a film is known by.

    `pts` (N,) int64: ticks since the first picture, a frame each. `grid` rows a second; `shown`
    (M,) int64: the frame that each row shows. `features`: facet to (M, D) float16; `mirrored`: the
    same for the pictures flipped left to right, or None. `last`: how long the last picture stays,
    in seconds (None: as long as one does at the film's rate).

    Of a part of a film only the frames around it are here, counted from the first of these, and
    only the rows in it, of which the first is the film's row `first_row`; times stay the film's.
    """

    path: Path
    probe: Probe
    pts: NDArray[np.int64]
    shots: tuple[Shot, ...]
    grid: int
    shown: NDArray[np.int64]
    features: Mapping[str, NDArray[np.float16]]
    mirrored: Mapping[str, NDArray[np.float16]] | None
    damaged: int
    first_row: int = 0
    last: Fraction | None = None

    def __post_init__(self) -> None:
        for name, rows in self.features.items():
            if len(rows) != len(self.shown):
                raise ValueError(f"{name}: {len(rows)} rows for {len(self.shown)} pictures")

    def __repr__(self) -> str:
        return f"Analysis({self.path.name}: {len(self.pts)} frames, {len(self.shots)} shots)"

    @property
    def frames(self) -> int:
        """How many pictures the film has."""
        return len(self.pts)

    def time_of(self, frame: int) -> Fraction:
        """Media time of a frame's first instant, in seconds; `frames` gives the film's end."""
        video = self.probe.video
        if frame < len(self.pts):
            return int(self.pts[frame]) * video.time_base
        last = 1 / video.rate if self.last is None else self.last
        return int(self.pts[-1]) * video.time_base + last

    def range_of(self, frames: FrameRange) -> TimeRange:
        """The media time that frames take."""
        return TimeRange(self.time_of(frames.first), self.time_of(frames.end))

    def within(self, part: TimeRange) -> Analysis:
        """The same with those shots only of which something lies in a part of the film (media
        time), counted from the first of them."""
        there = [shot for shot in self.shots if self.range_of(shot.frames).overlaps(part)]
        return replace(self, shots=tuple(replace(s, index=n) for n, s in enumerate(there)))


@dataclass(frozen=True, repr=False, eq=False)
class Described:
    """A part of a film: `time` (n,) float64 in seconds after its beginning, and its features."""

    time: NDArray[np.float64]
    features: Mapping[str, NDArray[np.float16]]
    mirrored: Mapping[str, NDArray[np.float16]] | None


@dataclass(frozen=True)
class Eyes:
    """An encoder, and the facets that are made of what it sees."""

    encoder: Encoder
    facets: tuple[AnyFacet, ...]

    def only(self, names: Collection[str]) -> Eyes:
        """The same with no other facets than these."""
        return Eyes(self.encoder, tuple(f for f in self.facets if f.name in names))


class Analyst:
    """Analyses one film after another with the same networks. The parts are passed in.

    Facets that `other` eyes make too are looked at with those: an archive is indexed with both, a
    source is described as it will be matched.
    """

    def __init__(
        self,
        worker: Worker,
        new_detector: Callable[[], Detector],
        encoder: Encoder,
        facets: tuple[AnyFacet, ...],
        other: Eyes | None = None,
    ) -> None:
        self._worker = worker
        self._new_detector = new_detector
        self._own = Eyes(encoder, facets)
        self._other = other

    @property
    def eyes(self) -> tuple[Eyes, ...]:
        """All that an archive is indexed with, the first's facets complete."""
        return (self._own,) if self._other is None else (self._own, self._other)

    @property
    def matched(self) -> tuple[AnyFacet, ...]:
        """The facets by which films are matched, each once."""
        return tuple(facet for eyes in self._looking() for facet in eyes.facets)

    def _looking(self) -> tuple[Eyes, ...]:
        """The same eyes without what others see for them."""
        if self._other is None:
            return (self._own,)
        others = {facet.name for facet in self._other.facets}
        mine = {facet.name for facet in self._own.facets} - others
        return (self._own.only(mine), self._other)

    @property
    def worker(self) -> Worker:
        """The decoding process in use."""
        return self._worker

    def analyse(
        self,
        path: Path,
        grid: int = ARCHIVE_GRID,
        *,
        mirrored: bool = False,
        only: Collection[str] | None = None,
        part: TimeRange | None = None,
        progress: Progress | None = None,
    ) -> Analysis:
        """Read a film and describe it by the `matched` facets, or `only` by those of these names;
        by other eyes it is read again.

        Of a `part` (media time) only that and `MARGIN` seconds around it are read: its shots are
        those that lie in it, in full as far as they were read. Of a film with a constant rate, they
        have the frames, and the rows the features, that they have where the whole film is read.
        Raises `MediaError` where it cannot be used, `UsageError` where the part is beyond its end.
        """
        looking = self._looking()
        own, *others = looking if only is None else [each.only(only) for each in looking]
        analysis = self._first(path, grid, own, mirrored, None, progress, part)
        features, flipped = dict(analysis.features), dict(analysis.mirrored or {})
        for eyes in (each for each in others if each.facets):
            more = self._again(eyes, _request(path, grid, part), mirrored, (), progress, part)
            if len(more.time) != len(analysis.shown):
                raise MediaError(path, "read twice, it has not the same pictures: is it damaged?")
            features |= more.features
            flipped |= more.mirrored or {}
        return replace(analysis, features=features, mirrored=flipped if mirrored else None)

    def length(self, path: Path) -> float | None:
        """Return how many seconds a film lasts, as its container claims; None where it does not.

        Raises `MediaError` where it cannot be used.
        """
        seconds = None
        for message in self._worker.read(ReadRequest(path, begin=Fraction(0), end=Fraction(0))):
            if isinstance(message, Probe):
                seconds = message.duration_s
        return seconds

    def index(
        self, path: Path, *, stills: StillSink | None = None, progress: Progress | None = None
    ) -> Analysis:
        """Read a film once and describe it by all facets of the first eyes."""
        return self._first(path, ARCHIVE_GRID, self._own, False, stills, progress)

    def _first(
        self,
        path: Path,
        grid: int,
        eyes: Eyes,
        mirrored: bool,
        stills: StillSink | None,
        progress: Progress | None,
        part: TimeRange | None = None,
    ) -> Analysis:
        """Shots and features in one reading."""
        request = replace(_request(path, grid, part), picture=eyes.encoder.side, large=LARGE)
        finder = ShotFinder(self._new_detector())
        pts: list[NDArray[np.int64]] = []
        rows = _Rows(eyes, grid, mirrored, part)
        probe: Probe | None = None
        end: ReadEnd | None = None
        for message in self._worker.read(request):
            if isinstance(message, Probe):
                probe = message
                rows.begin(probe.video)
            elif isinstance(message, FrameBatch):
                finder.feed(message.tiny)
                pts.append(message.pts)
                rows.add(message)
                if stills is not None:
                    stills.add(message.pictures, message.which)
                if progress is not None and probe is not None:
                    progress(message.first_frame + len(message), _claimed(probe, part))
            else:
                end = message
        if part is not None and not (probe is not None and end is not None and rows.any):
            raise UsageError(
                f"{path.name} is shorter: it has no picture at {float(part.start):g} s."
            )
        if probe is None or end is None or not end.frames:
            raise MediaError(path, "no picture of it can be decoded.")
        shots = finder.finish()
        features, flipped = rows.finish(end.video, [shot.frames.first for shot in shots[1:]])
        analysis = Analysis(
            path=path,
            probe=replace(probe, video=end.video),
            pts=np.concatenate(pts),
            shots=shots,
            grid=grid,
            shown=rows.shown,
            features=features,
            mirrored=flipped,
            damaged=end.damaged,
            first_row=rows.first_row,
            last=end.last,
        )
        return analysis if part is None else analysis.within(part)

    def describe(
        self,
        path: Path,
        begin: Fraction | None = None,
        end: Fraction | None = None,
        grid: int = SOURCE_GRID,
        *,
        mirrored: bool = False,
        only: Collection[str] | None = None,
        breaks: Sequence[int] = (),
        progress: Progress | None = None,
    ) -> Described:
        """Describe a film, a part of it, or a picture, without looking for shots.

        `only` names the facets wanted (None: all); `breaks` are the first frames of shots, where
        they are known. A single picture has nothing of what is seen in movement only. Raises
        `MediaError` where it cannot be used or has no picture after `begin`.
        """
        request = ReadRequest(path, grid, begin=begin, end=end)
        parts = [
            self._again(eyes, request, mirrored, breaks, progress)
            for eyes in (each.only(only) if only is not None else each for each in self._looking())
            if eyes.facets
        ]
        features = {name: rows for part in parts for name, rows in part.features.items()}
        flipped = {name: rows for part in parts for name, rows in (part.mirrored or {}).items()}
        return Described(parts[0].time, features, flipped if mirrored else None)

    def look_again(
        self,
        eyes: Eyes,
        path: Path,
        *,
        breaks: Sequence[int] = (),
        progress: Progress | None = None,
    ) -> Described:
        """A whole film as an archive has it, as these eyes see it; the rest as for `describe`."""
        return self._again(eyes, ReadRequest(path, ARCHIVE_GRID), False, breaks, progress)

    def _again(
        self,
        eyes: Eyes,
        request: ReadRequest,
        mirrored: bool,
        breaks: Sequence[int],
        progress: Progress | None,
        part: TimeRange | None = None,
    ) -> Described:
        request = replace(request, picture=eyes.encoder.side, large=LARGE)
        path, grid = request.path, request.per_second
        rows = _Rows(eyes, grid, mirrored, part)
        frames = 0
        probe: Probe | None = None
        video: Video | None = None
        for message in self._worker.read(request):
            if isinstance(message, Probe):
                probe = message
                rows.begin(probe.video)
            elif isinstance(message, FrameBatch):
                rows.add(message)
                frames += len(message)
                if progress is not None and probe is not None:
                    progress(frames, _claimed(probe))
            else:
                video = message.video
        if not frames or video is None:
            raise MediaError(path, f"it has no picture at {float(request.begin or 0):g} s.")
        features, flipped = rows.finish(video, breaks, part=True)
        return Described(np.arange(len(rows.shown)) / grid, features, flipped)


def _request(path: Path, grid: int, part: TimeRange | None) -> ReadRequest:
    """What to read of a film for a part of it; all of it where there is none."""
    if part is None:
        return ReadRequest(path, grid)
    begin, end = max(Fraction(0), part.start - MARGIN), part.end + MARGIN
    return ReadRequest(path, grid, begin=begin, end=end, whole_clock=True)


def _claimed(probe: Probe, part: TimeRange | None = None) -> float | None:
    whole = probe.duration_s
    if part is not None:
        last = part.end + MARGIN if whole is None else min(part.end + MARGIN, Fraction(whole))
        whole = float(last - max(Fraction(0), part.start - MARGIN))
    return whole * float(probe.video.rate) if whole else None


class _Rows:
    """Gathers the features of the sampled pictures, and of the movement between all frames."""

    def __init__(
        self, eyes: Eyes, grid: int, mirrored: bool, part: TimeRange | None = None
    ) -> None:
        self._encoder, self._grid = eyes.encoder, grid
        self._first, self._end = 0, 1 << 62  # rows that are wanted
        if part is not None:
            self._first = max(0, floor((part.start - AROUND) * grid))
            self._end = ceil((part.end + AROUND) * grid)
        self.first_row = self._first
        self._seen: list[Facet] = []
        self._moving: list[FlowFacet] = []
        for facet in eyes.facets:
            # What describes movement waits for the film's end; the rest is done as it comes.
            if isinstance(facet, FlowFacet):
                self._moving.append(facet)
            else:
                self._seen.append(facet)
        self._shown: list[NDArray[np.int64]] = []
        self._pts: list[NDArray[np.int64]] = []
        self._sides: list[dict[str, list[NDArray[np.float16]]]] = [
            {facet.name: [] for facet in self._seen} for _ in range(2 if mirrored else 1)
        ]

    def begin(self, video: Video) -> None:
        self._meter = FlowMeter(video)

    def add(self, batch: FrameBatch) -> None:
        self._pts.append(batch.pts)
        if self._moving:
            self._meter.feed(batch.tiny)
        batch = self._wanted(batch)
        if not self.any:
            self.first_row = batch.first_row
        self._shown.append(batch.sampled)
        looked_at = self._seen and len(batch.sampled)
        for flipped, side in enumerate(self._sides if looked_at else ()):
            images, large = batch.pictures, batch.large
            if flipped:
                images, large = images[:, :, ::-1], None if large is None else large[:, :, ::-1]
            seen = self._encoder(np.ascontiguousarray(images))
            seen = replace(seen, large=None if large is None else np.ascontiguousarray(large))
            for facet in self._seen:
                # A picture that is held is looked at once.
                side[facet.name].append(facet.describe(seen)[batch.which])

    def _wanted(self, batch: FrameBatch) -> FrameBatch:
        """A batch with the sampled pictures of the rows that are wanted."""
        count = len(batch.sampled)
        low = min(max(0, self._first - batch.first_row), count)
        high = max(low, min(self._end - batch.first_row, count))
        if (low, high) == (0, count):
            return batch
        which = batch.which[low:high]
        first, end = (int(which[0]), int(which[-1]) + 1) if len(which) else (0, 0)
        return replace(
            batch,
            first_row=batch.first_row + low,
            sampled=batch.sampled[low:high],
            pictures=batch.pictures[first:end],
            which=which - first,
            large=None if batch.large is None else batch.large[first:end],
        )

    @property
    def any(self) -> bool:
        """Whether there is a row."""
        return any(len(part) for part in self._shown)

    @property
    def shown(self) -> NDArray[np.int64]:
        return np.concatenate(self._shown)

    def finish(
        self, video: Video, breaks: Sequence[int], *, part: bool = False
    ) -> tuple[dict[str, NDArray[np.float16]], dict[str, NDArray[np.float16]] | None]:
        whole = [
            {name: np.concatenate(parts) for name, parts in side.items()} for side in self._sides
        ]
        pts = np.concatenate(self._pts)
        if self._moving and (len(pts) > 1 or not part):
            seconds = np.asarray(pts * float(video.time_base), np.float64)
            times = (np.arange(len(self.shown)) + self.first_row) / self._grid
            flow = self._meter.finish()
            for side, moved in zip(whole, (flow, flow.mirrored()), strict=False):
                for facet in self._moving:
                    side[facet.name] = facet.describe_flow(
                        moved, seconds, times, float(video.rate), breaks, self._grid
                    )
        return whole[0], whole[1] if len(whole) > 1 else None
