"""Look at a film once: find its shots and, on a fixed grid of time, its features.

Indexing (`Analyst.index`) and recutting (`Analyst.analyse`) begin with this pass. It needs about
7 kB of memory for each second of film, and nothing else that grows with the film's length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, floor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, UsageError
from kuleshov.features.encoder import Encoded, Encoder
from kuleshov.features.facet import AnyFacet, Facet, FlowFacet
from kuleshov.features.flow import FlowMeter
from kuleshov.features.specs import ARCHIVE_GRID, RowsSpec, specs_of, used_rows
from kuleshov.footage import Probe, Shot, Video
from kuleshov.jobs import QUIET, Job, Step, stoppable
from kuleshov.media.sampling import FrameBatch, ReadEnd, ReadRequest
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
    "FacetGroup",
    "StillSink",
    "check_begins",
    "claimed_length",
]

SOURCE_GRID = 8
"""Rows a second of a source, so that half a second of it is still four pictures."""

LARGE = 256
"""Shorter side of the pictures in which faces and letters are looked for."""

MARGIN = Fraction(10)
"""Seconds that are read before and after a part of a film, to find its shots: transitions are
shorter, and what finds them looks no further."""
_COARSE = 16  # pixels of a picture of which one tells whether it has changed
_OTHER = 12.0  # levels by which it then differs from the one before, in the mean
AROUND = Fraction(1)
"""Seconds before and after a part that have features too."""


class StillSink(Protocol):
    """A sink that takes the sampled pictures as they pass, to keep some as stills."""

    def add(self, pictures: NDArray[np.uint8], which: NDArray[np.int64]) -> None:
        """Take the next pictures, and which of them each next row shows, (M,).

        Pictures are (P, S, S, 3) uint8 RGB.
        """


@dataclass(frozen=True, repr=False, eq=False)
class Analysis:
    """An analysis: all that a film is known by.

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
        """The number of pictures of the film."""
        return len(self.pts)

    def time_of(self, frame: int) -> Fraction:
        """Return the media time of a frame's first instant, in s; `frames` gives the film's end."""
        video = self.probe.video
        if frame < len(self.pts):
            return int(self.pts[frame]) * video.time_base
        last = 1 / video.rate if self.last is None else self.last
        return int(self.pts[-1]) * video.time_base + last

    def range_of(self, frames: FrameRange) -> TimeRange:
        """Return the media time that frames take."""
        return TimeRange(self.time_of(frames.first), self.time_of(frames.end))

    def within(self, part: TimeRange) -> Analysis:
        """Return the analysis with only those shots that reach into a part of the film.

        `part` is media time; shots are counted from the first of them.
        """
        there = [shot for shot in self.shots if self.range_of(shot.frames).overlaps(part)]
        return replace(self, shots=tuple(replace(s, index=n) for n, s in enumerate(there)))


@dataclass(frozen=True, repr=False, eq=False)
class Described:
    """A described part of a film: `time` (n,) float64 in s after its beginning, and features."""

    time: NDArray[np.float64]
    features: Mapping[str, NDArray[np.float16]]
    mirrored: Mapping[str, NDArray[np.float16]] | None


@dataclass(frozen=True)
class FacetGroup:
    """An encoder, and the facets that are made of what it sees."""

    encoder: Encoder
    facets: tuple[AnyFacet, ...]

    def only(self, names: Collection[str]) -> FacetGroup:
        """Return the eyes with no other facets than these."""
        return FacetGroup(self.encoder, tuple(f for f in self.facets if f.name in names))


class Analyst:
    """An analyst that analyses one film after another with the same networks.

    The parts are passed in.

    Facets that the `other` group has too are made by that one: an archive is indexed with both, a
    source is described as it will be matched.
    """

    def __init__(
        self,
        worker: Worker,
        new_detector: Callable[[], Detector],
        encoder: Encoder,
        facets: tuple[AnyFacet, ...],
        other: FacetGroup | None = None,
    ) -> None:
        self._worker = worker
        self._new_detector = new_detector
        self._own = FacetGroup(encoder, facets)
        self._other = other

    def beside(self) -> Analyst:
        """Return another analyst with the same networks and a decoding process of its own.

        So two films can be looked at at once. Whoever asked for it ends its `worker`.
        """
        own, worker = self._own, self._worker.another()
        return Analyst(worker, self._new_detector, own.encoder, own.facets, self._other)

    @property
    def facet_groups(self) -> tuple[FacetGroup, ...]:
        """All eyes with which an archive is indexed, the first's facets complete."""
        return (self._own,) if self._other is None else (self._own, self._other)

    @property
    def groups(self) -> tuple[tuple[RowsSpec, ...], ...]:
        """The rows with which an archive is indexed, those of each of the `facet_groups`."""
        return tuple(specs_of(group.facets) for group in self.facet_groups)

    @property
    def rows(self) -> tuple[RowsSpec, ...]:
        """The rows by which films are matched, each facet once."""
        return used_rows(self.groups)

    @property
    def matched(self) -> tuple[AnyFacet, ...]:
        """The facets by which films are matched, each once."""
        return tuple(facet for group in self._looking() for facet in group.facets)

    def _looking(self) -> tuple[FacetGroup, ...]:
        """Return the eyes without facets that other eyes another one makes for them."""
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
        job: Job = QUIET,
    ) -> Analysis:
        """Return an analysis of a film by the `matched` facets, or `only` by those of these names.

        For the facets of another group it is read again.

        Of a `part` (media time) only that and `MARGIN` seconds around it are read: its shots are
        those that lie in it, in full as far as they were read. Of a film with a constant rate, they
        have the frames, and the rows the features, that they have where the whole film is read.
        Raises `MediaError` where it cannot be used, `UsageError` where the part is beyond its end.
        """
        looking = self._looking()
        own, *others = looking if only is None else [each.only(only) for each in looking]
        analysis = self._first(path, grid, own, mirrored, None, part, job)
        features, flipped = dict(analysis.features), dict(analysis.mirrored or {})
        for group in (each for each in others if each.facets):
            more = self._again(group, _request(path, grid, part), mirrored, (), part, job)
            if len(more.time) != len(analysis.shown):
                raise MediaError(path, "read twice, it has not the same pictures: is it damaged?")
            features |= more.features
            flipped |= more.mirrored or {}
        return replace(analysis, features=features, mirrored=flipped if mirrored else None)

    def length(self, path: Path, job: Job = QUIET) -> float | None:
        """Return how many seconds a film lasts; see `claimed_length`."""
        return claimed_length(self._worker, path, job)

    def index(self, path: Path, *, stills: StillSink | None = None, job: Job = QUIET) -> Analysis:
        """Read a film once and describe it by all facets of the first group."""
        return self._first(path, ARCHIVE_GRID, self._own, False, stills, None, job)

    def _first(
        self,
        path: Path,
        grid: int,
        group: FacetGroup,
        mirrored: bool,
        stills: StillSink | None,
        part: TimeRange | None,
        job: Job,
    ) -> Analysis:
        """Return shots and features of a film from one reading."""
        with job.step(f"looking at {path.name}", unit="frames") as step:
            return self._seen(path, grid, group, mirrored, stills, part, job, step)

    def _seen(
        self,
        path: Path,
        grid: int,
        group: FacetGroup,
        mirrored: bool,
        stills: StillSink | None,
        part: TimeRange | None,
        job: Job,
        step: Step,
    ) -> Analysis:
        request = replace(_request(path, grid, part), picture=group.encoder.side, large=LARGE)
        finder = ShotFinder(self._new_detector())
        pts: list[NDArray[np.int64]] = []
        rows = _Rows(group, grid, mirrored, part, job)
        probe: Probe | None = None
        end: ReadEnd | None = None
        for message in self._worker.read(request, job):
            if isinstance(message, Probe):
                probe = message
                rows.begin(probe.video)
            elif isinstance(message, FrameBatch):
                # Networks cannot be interrupted, and some take seconds for what they look at.
                stoppable(partial(finder.feed, message.tiny), job)
                pts.append(message.pts)
                rows.add(message)
                if stills is not None:
                    stills.add(message.pictures, message.which)
                if probe is not None:
                    _tell(step, message.first_frame + len(message), _claimed(probe, part))
            else:
                end = message
        if part is not None and not (probe is not None and end is not None and rows.any):
            raise _shorter(path, part.start)
        if probe is None or end is None or not end.frames:
            raise MediaError(path, "no picture of it can be decoded.")
        # Of a long film that takes seconds, and looks at all of it at once.
        shots = stoppable(finder.finish, job)
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
        job: Job = QUIET,
    ) -> Described:
        """Describe a film, a part of it, or a picture, without looking for shots.

        `only` names the facets wanted (None: all); `breaks` are the first frames of shots, where
        they are known. A single picture has nothing of what is seen in movement only. Raises
        `MediaError` where it cannot be used or has no picture after `begin`.
        """
        request = ReadRequest(path, grid, begin=begin, end=end)
        parts = [
            self._again(group, request, mirrored, breaks, None, job)
            for group in (each.only(only) if only is not None else each for each in self._looking())
            if group.facets
        ]
        features = {name: rows for part in parts for name, rows in part.features.items()}
        flipped = {name: rows for part in parts for name, rows in (part.mirrored or {}).items()}
        return Described(parts[0].time, features, flipped if mirrored else None)

    def look_again(
        self,
        group: FacetGroup,
        path: Path,
        *,
        breaks: Sequence[int] = (),
        job: Job = QUIET,
    ) -> Described:
        """Return a whole film as these group sees it on an archive's grid.

        The rest is as for `describe`.
        """
        return self._again(group, ReadRequest(path, ARCHIVE_GRID), False, breaks, None, job)

    def _again(
        self,
        group: FacetGroup,
        request: ReadRequest,
        mirrored: bool,
        breaks: Sequence[int],
        part: TimeRange | None,
        job: Job,
    ) -> Described:
        request = replace(request, picture=group.encoder.side, large=LARGE)
        path, grid = request.path, request.per_second
        rows = _Rows(group, grid, mirrored, part, job)
        frames = 0
        probe: Probe | None = None
        video: Video | None = None
        with job.step(f"looking at {path.name}", unit="frames") as step:
            for message in self._worker.read(request, job):
                if isinstance(message, Probe):
                    probe = message
                    rows.begin(probe.video)
                elif isinstance(message, FrameBatch):
                    rows.add(message)
                    frames += len(message)
                    if probe is not None:
                        _tell(step, frames, _claimed(probe))
                else:
                    video = message.video
            if not frames or video is None:
                raise MediaError(path, f"it has no picture at {float(request.begin or 0):g} s.")
            features, flipped = rows.finish(video, breaks, part=True)
        return Described(np.arange(len(rows.shown)) / grid, features, flipped)


def claimed_length(worker: Worker, path: Path, job: Job = QUIET) -> float | None:
    """Return how many seconds a film lasts, as its container claims, or None.

    Raises `MediaError` where it cannot be used.
    """
    seconds = None
    request = ReadRequest(path, begin=Fraction(0), end=Fraction(0))
    for message in worker.read(request, job):
        if isinstance(message, Probe):
            seconds = message.duration_s
    return seconds


def check_begins(worker: Worker, path: Path, begin: Fraction, job: Job = QUIET) -> None:
    """Raise `UsageError` where a film has no picture at `begin` s or later.

    One picture is decoded, since a container may claim another length. Raises `MediaError` where it
    cannot be used.
    """
    request = ReadRequest(path, picture=16, tiny=(1, 1), begin=begin, end=begin)
    messages = worker.read(request, job)
    if not any(isinstance(one, FrameBatch) and len(one) for one in messages):
        raise _shorter(path, begin)


def _shorter(path: Path, begin: Fraction) -> UsageError:
    return UsageError(f"{path.name} is shorter: it has no picture at {float(begin):g} s.")


def _request(path: Path, grid: int, part: TimeRange | None) -> ReadRequest:
    """Return what to read of a film for a part of it; all of it where there is none."""
    if part is None:
        return ReadRequest(path, grid)
    begin, end = max(Fraction(0), part.start - MARGIN), part.end + MARGIN
    return ReadRequest(path, grid, begin=begin, end=end, whole_clock=True)


def _claimed(probe: Probe, part: TimeRange | None = None) -> int | None:
    """Return how many frames there are to look at, as far as the container tells."""
    whole = probe.duration_s
    if part is not None:
        last = part.end + MARGIN if whole is None else min(part.end + MARGIN, Fraction(whole))
        whole = float(last - max(Fraction(0), part.start - MARGIN))
    return round(whole * float(probe.video.rate)) if whole else None


def _tell(step: Step, frames: int, of: int | None) -> None:
    """Tell how many frames are done.

    The total is what the container claims, which may be less.
    """
    step.at(frames, max(of, frames) if of else None)


def _only(seen: Encoded, which: NDArray[np.int64]) -> Encoded:
    """Return those of the encoded pictures that `which` numbers."""
    large = None if seen.large is None else seen.large[which]
    return Encoded(seen.images[which], seen.pooled[which], seen.grid[which], large)


class _Rows:
    """Rows gathered: features of the sampled pictures, and the movement between all frames."""

    def __init__(
        self, group: FacetGroup, grid: int, mirrored: bool, part: TimeRange | None, job: Job
    ) -> None:
        self._job = job
        self._encoder, self._grid = group.encoder, grid
        self._first, self._end = 0, 1 << 62  # rows that are wanted
        if part is not None:
            self._first = max(0, floor((part.start - AROUND) * grid))
            self._end = ceil((part.end + AROUND) * grid)
        self.first_row = self._first
        self._seen: list[Facet] = []
        self._moving: list[FlowFacet] = []
        for facet in group.facets:
            # What describes movement waits for the film's end; the rest is done as it comes.
            if isinstance(facet, FlowFacet):
                self._moving.append(facet)
            else:
                self._seen.append(facet)
        self._coarse: NDArray[np.int16] | None = None
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
        changed = self._changed(batch) if looked_at else np.zeros(0, np.bool_)
        for flipped, side in enumerate(self._sides if looked_at else ()):
            images, large = batch.pictures, batch.large
            if flipped:
                images, large = images[:, :, ::-1], None if large is None else large[:, :, ::-1]
            seen = stoppable(partial(self._encoder, np.ascontiguousarray(images)), self._job)
            seen = replace(seen, large=None if large is None else np.ascontiguousarray(large))
            for facet in self._job.over(self._seen):
                held = side[facet.name][-1][-1:] if side[facet.name] else None
                rows = self._rows(facet, seen, batch, changed, held)
                side[facet.name].append(rows)

    def _rows(
        self,
        facet: Facet,
        seen: Encoded,
        batch: FrameBatch,
        changed: NDArray[np.bool_],
        held: NDArray[np.float16] | None,
    ) -> NDArray[np.float16]:
        """Return a facet's rows of a batch; `held` is its last row before.

        A picture that is held is looked at once, and between those at which a facet looks by its
        pace rows hold what it saw, as long as the picture stays about the same.
        """
        pace = getattr(facet, "pace", 0)
        step = max(1, self._grid // pace) if pace else 1
        if step == 1:
            return self._described(facet, seen)[batch.which]
        looks = ((batch.first_row + np.arange(len(batch.which))) % step == 0) | changed
        looks[0] |= held is None
        pictures, places = np.unique(batch.which[looks], return_inverse=True)
        found = self._described(facet, _only(seen, pictures))[places]
        if held is not None:
            found = np.concatenate([held, found])
        return np.asarray(found[np.cumsum(looks) - (held is None)], np.float16)

    def _changed(self, batch: FrameBatch) -> NDArray[np.bool_]:
        """Return which rows show another picture than the row before, by far, (M,)."""
        coarse = batch.pictures[:, ::_COARSE, ::_COARSE].astype(np.int16)[batch.which]
        before = coarse[:1] if self._coarse is None else self._coarse
        self._coarse = coarse[-1:]
        apart = np.abs(np.diff(np.concatenate([before, coarse]), axis=0))
        return np.asarray(apart.reshape(len(coarse), -1).mean(axis=1) > _OTHER)

    def _described(self, facet: Facet, seen: Encoded) -> NDArray[np.float16]:
        """Return the rows of some pictures.

        A slow facet is asked picture by picture, for each may take long.
        """
        if not getattr(facet, "slow", False) or not len(seen.images):
            return stoppable(partial(facet.describe, seen), self._job)
        rows = [
            stoppable(partial(facet.describe, _only(seen, np.array([n]))), self._job)
            for n in self._job.over(range(len(seen.images)))
        ]
        return np.concatenate(rows)

    def _wanted(self, batch: FrameBatch) -> FrameBatch:
        """Return a batch with the sampled pictures of the wanted rows only."""
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
                for facet in self._job.over(self._moving):
                    side[facet.name] = facet.describe_flow(
                        moved, seconds, times, float(video.rate), breaks, self._grid
                    )
        return whole[0], whole[1] if len(whole) > 1 else None
