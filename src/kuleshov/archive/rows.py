"""Give the archive as matching sees it: rows of features in blocks, and their shots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from math import ceil
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.pack import Damaged, Pack, Packs
from kuleshov.archive.packing import (
    FRAMES,
    POOLED,
    means_kind,
    rows_kind,
    segments_kind,
    shots_kind,
    sketch_kind,
)
from kuleshov.archive.shots import Judgement, ShotTable, judged
from kuleshov.archive.store import Store
from kuleshov.errors import ArchiveError
from kuleshov.features.facet import MATERIAL, TONE
from kuleshov.features.grid import rows_within_each
from kuleshov.features.material import KINDS
from kuleshov.features.sketch import SKETCHED, segments, sketches
from kuleshov.features.specs import RowsSpec
from kuleshov.features.tags import Tag
from kuleshov.footage import Shot, ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.notes import Note
from kuleshov.timecode import TimeRange

__all__ = ["ArchiveFilm", "ArchiveRows", "FilmSpec", "RowBlock", "Sketches"]

Sketches: TypeAlias = Mapping[str, NDArray[np.int8]]
"""Facet to the sketches of N segments, (N, K)."""

_BLOCK = 8192  # rows scored at once: large enough for fast products, small enough for the cache
_RUN = 1 << 15  # rows of a run: four and a half hours


class _Opened:
    """The opened rows of an archive for some specs: where each lies, in a pack or its own file."""

    def __init__(self, packs: Packs, store: Store, specs: tuple[RowsSpec, ...]) -> None:
        packs.refresh()
        self._store, self._specs = store, specs
        self._frames = packs.table(FRAMES)
        self._shots = packs.table(shots_kind(specs))
        self._rows = {spec.facet: packs.table(rows_kind(spec)) for spec in specs}
        means = {s.facet: packs.table(means_kind(s)) for s in specs if s.facet in POOLED}
        self._means = means
        self._segments = packs.table(segments_kind())
        self._sketches = {
            s.facet: packs.table(sketch_kind(s)) for s in specs if s.facet in SKETCHED
        }
        self._by_facet = {spec.facet: spec for spec in specs}
        self.names = frozenset(self._by_facet)
        # The maps of single files; each holds one open.
        self._mapped = lru_cache(_most_open())(store.features)

    def film(
        self, footage: Footage, judge: Callable[[NDArray[np.int64], _Rows], Judgement]
    ) -> ArchiveFilm:
        """Return footage, ready to be matched, with those of its shots that may be offered.

        `judge` tells these, by which frame each row shows, and the rows. Raises `ArchiveError`
        where the rows are not there.
        """
        key = (footage.checksum, footage.revision)
        pts, shown = self._times(key)
        for facet, table in self._rows.items():
            if key not in table:
                self._store.features(footage.checksum, self._by_facet[facet])
        rows = _Rows(self, key)
        found = judge(shown, rows)
        grid, marks = self._specs[0].grid, found.marks()
        return ArchiveFilm(footage, found.shots, pts, shown, rows, grid, *marks, _Means(self, key))

    def judged(self, footage: Footage) -> Judgement | None:
        """Return what is kept of which shots may be offered; None where nothing is."""
        location = self._shots.get((footage.checksum, footage.revision))
        table, unwanted = _part(location, "shots"), _part(location, "unwanted")
        if table is None or unwanted is None:
            return None
        return Judgement(ShotTable(table), unwanted[0])

    def rows(self, key: tuple[str, int], facet: str) -> NDArray[np.float16]:
        """Return the rows of a facet of some footage. Raises `ArchiveError`, `KeyError`."""
        packed = _part(self._rows[facet].get(key), "rows")
        return self._mapped(key[0], self._by_facet[facet]) if packed is None else packed

    def means(self, key: tuple[str, int], facet: str) -> NDArray[np.float32]:
        """Return the means of the shots' rows. Raises `KeyError` where they are not kept."""
        found = _part(self._means[facet][key], "means")
        if found is None:
            raise KeyError(facet)
        return found

    def sketched(self, key: tuple[str, int]) -> tuple[NDArray[np.int64], Sketches] | None:
        """Return the segments of some footage with their sketches; None where they are not kept."""
        spans = _part(self._segments.get(key), "spans")
        codes = {f: _part(table.get(key), "codes") for f, table in self._sketches.items()}
        kept = {facet: part for facet, part in codes.items() if part is not None}
        if spans is None or len(kept) < len(codes):
            return None
        return (spans, kept) if all(len(part) == len(spans) for part in kept.values()) else None

    def kept_means(self, key: tuple[str, int]) -> list[str]:
        """Return the facets whose means are kept."""
        return [facet for facet, table in self._means.items() if key in table]

    @property
    def facets(self) -> tuple[str, ...]:
        """The names of the rows."""
        return tuple(self._rows)

    def _times(self, key: tuple[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        location = self._frames.get(key)
        pts, shown = _part(location, "pts"), _part(location, "shown")
        if pts is None or shown is None:
            # Copied, and the map let go again: it would hold a file open.
            pts, shown = (np.array(part) for part in self._store.frames(key[0]))
        return pts, shown


def _part(location: tuple[Pack, int] | None, name: str) -> NDArray[Any] | None:
    """Return what a pack holds, or None where it is not there or damaged.

    Then the files are read.
    """
    if location is None:
        return None
    try:
        return location[0].part(name, location[1])
    except Damaged:
        return None


class _Rows(Mapping[str, NDArray[np.float16]]):
    """The rows of one footage by facet, mapped when asked for."""

    def __init__(self, opened: _Opened, key: tuple[str, int]) -> None:
        self._opened, self._key = opened, key

    @property
    def names(self) -> frozenset[str]:
        """The facets: one value for all films that have the same."""
        return self._opened.names

    def sketched(self) -> tuple[NDArray[np.int64], Sketches] | None:
        """Return what is kept of sketches; see `ArchiveFilm.sketched`."""
        return self._opened.sketched(self._key)

    def __getitem__(self, facet: str) -> NDArray[np.float16]:
        return self._opened.rows(self._key, facet)

    def __contains__(self, facet: object) -> bool:
        return facet in self._opened.facets

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened.facets)

    def __len__(self) -> int:
        return len(self._opened.facets)


class _Means(Mapping[str, NDArray[np.float32]]):
    """The means of the rows of one footage over each shot, where they are kept."""

    def __init__(self, opened: _Opened, key: tuple[str, int]) -> None:
        self._opened, self._key = opened, key

    def __getitem__(self, facet: str) -> NDArray[np.float32]:
        return self._opened.means(self._key, facet)

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened.kept_means(self._key))

    def __len__(self) -> int:
        return len(self._opened.kept_means(self._key))


def _facets(rows: Mapping[str, NDArray[np.float16]]) -> frozenset[str]:
    return rows.names if isinstance(rows, _Rows) else frozenset(rows)


@dataclass(frozen=True, repr=False, eq=False)
class ArchiveFilm:
    """A film: one footage of the archive, ready to be matched.

    `pts` (N,) int64 ticks; `rows`: facet to (M, D) float16, memory-mapped. Row k lies at media time
    k / grid. `shots` leaves out those without picture and those that nobody wants to see (leader,
    test bars and the like). Of these, `titles` are the numbers of shots that show title cards,
    `lettered` of those in which there are letters to be read, `grey` of those without colour.
    `means`, where they are kept: facet to the mean row of each shot, (S, D) float32, by its number.
    """

    footage: Footage
    shots: Sequence[Shot]
    pts: NDArray[np.int64]
    shown: NDArray[np.int64]
    rows: Mapping[str, NDArray[np.float16]]
    grid: int
    titles: frozenset[int] = frozenset()
    lettered: frozenset[int] = frozenset()
    grey: frozenset[int] = frozenset()
    means: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @cached_property
    def _by_number(self) -> Mapping[int, Shot]:
        return {shot.index: shot for shot in self.shots}

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The numbers of its shots, (S,), without making the shots."""
        if isinstance(self.shots, ShotTable):
            return self.shots.table[:, 0]
        return np.array([shot.index for shot in self.shots], np.int64)

    @cached_property
    def known_numbers(self) -> frozenset[int]:
        """The numbers of its shots, to ask whether one is there, without making the shots."""
        return frozenset(self.numbers.tolist())

    @cached_property
    def tags(self) -> dict[Shot, tuple[Tag, ...]]:
        """The tags of its shots as far as they were read (`archive.shot_tags.tags_of`)."""
        return {}

    def shot(self, number: int) -> Shot:
        """Return the shot of this number."""
        return self._by_number[number]

    def ref(self, shot: Shot) -> ShotRef:
        """Return which shot of which footage this is."""
        return ShotRef(self.footage.checksum, shot.index)

    def time_of(self, frame: int) -> Fraction:
        """Return the media time of a frame's first instant, in seconds."""
        video = self.footage.probe.video
        if frame >= len(self.pts):
            return self.footage.duration
        return int(self.pts[frame]) * video.time_base

    def core(self, shot: Shot) -> TimeRange:
        """Return the media time of a shot that may be used."""
        return TimeRange(self.time_of(shot.core.first), self.time_of(shot.core.end))

    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the cores of all S shots: first and end row (S, 2), start and end in s (S, 2)."""
        shots = self.shots
        if isinstance(shots, ShotTable):
            span = shots.cores
        else:
            span = np.array([(s.core.first, s.core.end) for s in shots], np.int64).reshape(-1, 2)
        base = self.footage.probe.video.time_base
        # Only of the frames that are asked for: a film has thousands.
        ticks = self.pts[np.minimum(span, len(self.pts) - 1)]
        times = ticks * base.numerator / base.denominator
        seconds = np.where(span < len(self.pts), times, float(self.footage.duration))
        return rows_within_each(self.shown, span), seconds

    def sketched(self, facets: Collection[str]) -> tuple[NDArray[np.int64], Sketches]:
        """Return segments (N, 3), shot number, first row and end, and their sketches of facets.

        They are those of a pack, mapped, of all its shots, or else made of the rows now, of those
        shots that are offered.
        """
        kept = self.rows.sketched() if isinstance(self.rows, _Rows) else None
        if kept is not None and kept[1].keys() >= set(facets):
            return kept
        spans = segments(self.edges()[0])
        spans[:, 0] = self.numbers[spans[:, 0]]
        return spans, {name: sketches(name, self.rows[name], spans[:, 1:]) for name in facets}

    def frame_start(self, time: Fraction) -> Fraction:
        """Return the start of the frame that begins nearest to `time`."""
        base = self.footage.probe.video.time_base
        ticks = time / base
        # A whole number, since others would have all ticks made floating point first.
        after = int(np.searchsorted(self.pts, ceil(ticks)))
        near = [int(self.pts[i]) for i in (after - 1, after) if 0 <= i < len(self.pts)]
        # Of two equally near ones the first; in whole numbers, for many are asked for.
        closer = 2 * ticks.numerator <= (near[0] + near[-1]) * ticks.denominator
        return (near[0] if closer else near[-1]) * base


@dataclass(frozen=True, repr=False, eq=False)
class FilmSpec:
    """A spec of a film: what another process must know of it to open its rows.

    `shots` (S, 12) is the table of those that may be offered, as a `ShotTable` has it.
    """

    footage: Footage
    shots: NDArray[np.int64]

    @classmethod
    def of(cls, film: ArchiveFilm) -> FilmSpec:
        """Return the spec of a film that was loaded from an archive."""
        assert isinstance(film.shots, ShotTable)  # of others nobody has made fewer
        return cls(film.footage, np.array(film.shots.table))


@dataclass(frozen=True, repr=False, eq=False)
class RowBlock:
    """A block: rows of several films, one after another.

    `rows`: facet to (R, D) float32. For each row its `shot` (R,) int32, -1 where it belongs to no
    usable shot, and its media `time` (R,) float64 in seconds. For each shot (S,): `film`, `number`,
    its core from `start` to `end` in seconds, `first` and `count` of its rows, and whether it shows
    a `title` or is `lettered`.
    """

    rows: Mapping[str, NDArray[np.float32]]
    shot: NDArray[np.int32]
    time: NDArray[np.float64]
    film: NDArray[np.int32]
    number: NDArray[np.int32]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    title: NDArray[np.bool_]
    lettered: NDArray[np.bool_]


class ArchiveRows:
    """The rows of all footage of an archive that can be used now.

    `left_out` names footage that is catalogued but not offered, with a note that says why, in words
    that go on after its name: it is missing (`footage-missing`), has changed (`footage-changed`),
    or its features are damaged or come from another encoder (`rows-unusable`). `unwanted` counts
    shots that are not offered by what they show: leader, bars, blank, blurred.
    """

    def __init__(
        self,
        films: Iterable[ArchiveFilm],
        left_out: Iterable[tuple[Footage, Note]] = (),
        unwanted: Mapping[str, int] | None = None,
    ) -> None:
        self.films = tuple(films)
        self.left_out = tuple(left_out)
        self.unwanted = dict(unwanted or {})

    @cached_property
    def facets(self) -> frozenset[str]:
        """The names of the rows that every film has."""
        every = {_facets(film.rows) for film in self.films}
        return frozenset.intersection(*every) if every else frozenset()

    @cached_property
    def runs(self) -> NDArray[np.int64]:
        """The films at which runs begin, of some 33,000 rows each, and the end, (R + 1,).

        They are the same however many machines there are, and products are never of rows of two
        runs: so whoever has whole runs multiplies as one that has all, to the last bit. The runs of
        a part of an archive that is made of whole runs are those of the archive.
        """
        begin, rows = [0], 0
        for place, film in enumerate(self.films, 1):
            rows += len(film.shown)
            if rows >= _RUN:
                begin.append(place)
                rows = 0
        return np.unique([*begin, len(self.films)])

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        return sum(len(film.shown) for film in self.films)

    @cached_property
    def by_id(self) -> Mapping[int, ArchiveFilm]:
        """The films by the number of their footage."""
        return {film.footage.id: film for film in self.films}

    @cached_property
    def _checksums(self) -> frozenset[str]:
        return frozenset(film.footage.checksum for film in self.films)

    def without(self, checksums: Collection[str]) -> ArchiveRows:
        """Return the rows without the footage of these checksums."""
        if self._checksums.isdisjoint(checksums):
            return self
        films = (film for film in self.films if film.footage.checksum not in checksums)
        return ArchiveRows(films, self.left_out, self.unwanted)

    @classmethod
    def load(cls, archive: Archive, specs: Iterable[RowsSpec], job: Job = QUIET) -> ArchiveRows:
        """Return the rows of all footage that is present and has rows of these specs.

        Rows are mapped when they are needed.
        """
        with archive.catalogue.snapshot():
            return cls._loaded(archive, tuple(specs), job)

    @classmethod
    def _loaded(cls, archive: Archive, wanted: tuple[RowsSpec, ...], job: Job) -> ArchiveRows:
        films: list[ArchiveFilm] = []
        left_out: list[tuple[Footage, Note]] = []
        unwanted: Counter[str] = Counter()
        opened = _Opened(archive.packs, archive.store, wanted)

        def judge(footage: Footage, shown: NDArray[np.int64], rows: _Rows) -> Judgement:
            found = opened.judged(footage)
            if found is None:
                shots = archive.catalogue.shots(footage.id)
                found = judged(shots, shown, rows.get(MATERIAL), rows.get(TONE))
            if found.unwanted.any():
                counts = dict(zip(KINDS, found.unwanted.tolist(), strict=True))
                unwanted.update({kind: count for kind, count in counts.items() if count})
            return found

        for footage in _in_turn(archive.catalogue.all(with_missing=True, job=job), job):
            states = [location.now() for location in footage.locations]
            locations = tuple(
                location
                if location.missing == (now != "there")
                else replace(location, missing=now != "there")
                for location, now in zip(footage.locations, states, strict=True)
            )
            if locations != footage.locations:
                footage = replace(footage, locations=locations)
            if footage.missing:
                changed = "changed" in states
                why = "it has changed: index it again." if changed else "it is missing."
                code = "footage-changed" if changed else "footage-missing"
                left_out.append((footage, Note(code, why, {"footage": str(footage.path)})))
                continue
            try:
                films.append(opened.film(footage, partial(judge, footage)))
            except ArchiveError as error:
                about = {"footage": str(footage.path)}
                left_out.append((footage, Note("rows-unusable", str(error), about)))
        return cls(films, left_out, unwanted)

    @classmethod
    def opened(
        cls, root: Path, specs: Iterable[RowsSpec], films: Iterable[FilmSpec], job: Job = QUIET
    ) -> ArchiveRows:
        """Return the rows of films of the archive at `root`, of which all is known but the rows.

        Its catalogue is left alone. Raises `ArchiveError` where rows are not there.
        """
        opened = _Opened(Packs(root), Store(root), tuple(specs))
        nothing = np.zeros(len(KINDS), np.int64)
        return cls(
            opened.film(one.footage, lambda *_, one=one: Judgement(ShotTable(one.shots), nothing))
            for one in job.over(films)
        )

    def of_shots_from(self, shortest: Fraction, job: Job = QUIET) -> ArchiveRows:
        """Return the rows with only those shots of which `shortest` s or more may be used."""
        films = (
            replace(film, shots=tuple(s for s in film.shots if film.core(s).duration >= shortest))
            for film in job.over(self.films)
        )
        return ArchiveRows(films, self.left_out, self.unwanted)

    def blocks(self, facets: Collection[str], job: Job = QUIET) -> Iterator[RowBlock]:
        """Yield the films' rows of these facets in blocks of about 8,192, each of one run."""
        waiting: list[int] = []
        rows, ends = 0, {*self.runs.tolist()}
        for index, film in enumerate(job.over(self.films)):
            waiting.append(index)
            rows += len(film.shown)
            if rows >= _BLOCK or index + 1 in ends:
                yield self._block(waiting, facets, job)
                waiting, rows = [], 0

    def _block(self, indices: list[int], facets: Collection[str], job: Job) -> RowBlock:
        films = [self.films[i] for i in indices]
        shot_of_row, times, tables, firsts, count, done = [], [], [], [], 0, 0
        for index, film in job.over(zip(indices, films, strict=True)):
            rows, seconds = film.edges()
            owner = np.full(len(film.shown), -1, np.int32)
            for number, (first, end) in enumerate(rows.tolist(), count):
                owner[first:end] = number
            firsts.append(np.column_stack([rows[:, 0] + done, rows[:, 1] - rows[:, 0]]))
            count += len(rows)
            done += len(film.shown)
            shot_of_row.append(owner)
            times.append(np.arange(len(film.shown)) / film.grid)
            about = [
                (index, s.index, s.index in film.titles, s.index in film.lettered)
                for s in film.shots
            ]
            tables.append(np.column_stack([np.reshape(about, (-1, 4)), seconds]))
        shots, where = np.concatenate(tables), np.concatenate(firsts)
        return RowBlock(
            rows={
                # They may have to come from the disk.
                facet: np.concatenate(
                    [film.rows[facet].astype(np.float32) for film in job.over(films)]
                )
                for facet in facets
            },
            shot=np.concatenate(shot_of_row),
            time=np.concatenate(times),
            film=shots[:, 0].astype(np.int32),
            number=shots[:, 1].astype(np.int32),
            start=shots[:, 4],
            end=shots[:, 5],
            first=where[:, 0].astype(np.int64),
            count=where[:, 1].astype(np.int64),
            title=shots[:, 2].astype(np.bool_),
            lettered=shots[:, 3].astype(np.bool_),
        )


def _in_turn(films: Sequence[Footage], job: Job) -> Iterator[Footage]:
    with job.step("opening the archive", of=len(films), unit="films") as step:
        yield from step.over(films)


def _most_open() -> int:
    """Return how many files to keep mapped: half of what a process may hold open."""
    try:
        import resource
    except ImportError:  # Windows, which allows thousands
        return 1024
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 8192 if soft == resource.RLIM_INFINITY else max(32, min(8192, soft // 2))
