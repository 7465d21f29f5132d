"""The archive as matching sees it: rows of features in blocks, and the shots they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.store import FeatureTag
from kuleshov.errors import ArchiveError
from kuleshov.features.material import judge
from kuleshov.features.tone import colourless
from kuleshov.footage import Shot
from kuleshov.timecode import TimeRange

__all__ = ["MATERIAL", "MISSING", "ArchiveRows", "Block", "Film"]

MATERIAL = "material"
"""The name of the rows that tell pictures from leader, bars and the like."""

MISSING = "it is missing."
"""The reason for which footage is left out that lies at none of its places."""

_MOSTLY = 0.7  # of a shot's rows without colour make it black and white
_BLOCK = 8192  # rows scored at once: large enough for fast products, small enough for the cache


class _Mapped(Mapping[str, NDArray[np.float16]]):
    """The rows of one footage by facet, mapped when asked for; `mapped` keeps the latest maps."""

    def __init__(
        self,
        mapped: Callable[[str, FeatureTag], NDArray[np.float16]],
        checksum: str,
        tags: tuple[FeatureTag, ...],
    ) -> None:
        self._mapped, self._checksum = mapped, checksum
        self._tags = {tag.facet: tag for tag in tags}

    def __getitem__(self, facet: str) -> NDArray[np.float16]:
        return self._mapped(self._checksum, self._tags[facet])

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)


@dataclass(frozen=True, repr=False, eq=False)
class Film:
    """One footage of the archive, ready to be matched.

    `pts` (N,) int64 ticks; `rows`: facet to (M, D) float16, memory-mapped. Row k lies at media time
    k / grid. `shots` leaves out those without picture and those that no one wants to see (leader,
    test bars and the like). Of these, `titles` are the numbers of shots that show title cards,
    `lettered` of those in which there are letters to be read, `grey` of those without colour.
    """

    footage: Footage
    shots: tuple[Shot, ...]
    pts: NDArray[np.int64]
    shown: NDArray[np.int64]
    rows: Mapping[str, NDArray[np.float16]]
    grid: int
    titles: frozenset[int] = frozenset()
    lettered: frozenset[int] = frozenset()
    grey: frozenset[int] = frozenset()

    @cached_property
    def _by_number(self) -> Mapping[int, Shot]:
        return {shot.index: shot for shot in self.shots}

    def shot(self, number: int) -> Shot:
        """The shot of this number."""
        return self._by_number[number]

    def time_of(self, frame: int) -> Fraction:
        """Media time of a frame's first instant, in seconds."""
        video = self.footage.probe.video
        if frame >= len(self.pts):
            return self.footage.duration
        return int(self.pts[frame]) * video.time_base

    def core(self, shot: Shot) -> TimeRange:
        """The media time that may be used of a shot."""
        return TimeRange(self.time_of(shot.core.first), self.time_of(shot.core.end))

    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The cores of all S shots at once: first and end row (S, 2), start and end in s (S, 2)."""
        span = np.array([(s.core.first, s.core.end) for s in self.shots], np.int64).reshape(-1, 2)
        base = self.footage.probe.video.time_base
        times = self.pts * base.numerator / base.denominator
        seconds = np.append(times, float(self.footage.duration))
        rows = np.searchsorted(self.shown, span).astype(np.int64)
        return rows, seconds[np.minimum(span, len(self.pts))]

    def frame_start(self, time: Fraction) -> Fraction:
        """The start of the frame that begins nearest to `time`."""
        base = self.footage.probe.video.time_base
        ticks = time / base
        after = int(np.searchsorted(self.pts, float(ticks)))
        near = [int(self.pts[i]) for i in (after - 1, after) if 0 <= i < len(self.pts)]
        return min(near, key=lambda pts: abs(pts - ticks)) * base


@dataclass(frozen=True, repr=False, eq=False)
class Block:
    """Rows of several films, one after another.

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
    """All footage of an archive that can be used now.

    `left_out` names footage that is catalogued but not offered, with the reason: it is missing, has
    changed, or its features are damaged or come from another encoder. `unwanted` counts shots that
    are not offered by what they show: leader, bars, blank, blurred.
    """

    def __init__(
        self,
        films: Iterable[Film],
        left_out: Iterable[tuple[Footage, str]] = (),
        unwanted: Mapping[str, int] | None = None,
    ) -> None:
        self.films = tuple(films)
        self.left_out = tuple(left_out)
        self.unwanted = dict(unwanted or {})

    @property
    def facets(self) -> frozenset[str]:
        """The names of the rows that every film has."""
        every = [frozenset(film.rows) for film in self.films]
        return frozenset.intersection(*every) if every else frozenset()

    def __len__(self) -> int:
        return sum(len(film.shown) for film in self.films)

    def without(self, checksums: Collection[str]) -> ArchiveRows:
        """Return the same without the footage of these checksums."""
        films = (film for film in self.films if film.footage.checksum not in checksums)
        return ArchiveRows(films, self.left_out, self.unwanted)

    @classmethod
    def load(cls, archive: Archive, tags: Iterable[FeatureTag]) -> ArchiveRows:
        """All footage that is present and was indexed with `tags`; rows are mapped when needed."""
        wanted, films, left_out = tuple(tags), [], []
        unwanted: Counter[str] = Counter()
        mapped = lru_cache(_most_open())(archive.store.features)
        for footage in archive.catalogue.all(with_missing=True):
            states = [place.now() for place in footage.places]
            places = zip(footage.places, states, strict=True)
            footage = replace(
                footage, places=tuple(replace(p, missing=now != "there") for p, now in places)
            )
            if footage.missing:
                changed = "it has changed: index it again."
                left_out.append((footage, changed if "changed" in states else MISSING))
                continue
            try:
                # Copied, and the maps of all rows let go again: each would hold a file open.
                pts, shown = (np.array(part) for part in archive.store.frames(footage.checksum))
                for tag in wanted:
                    archive.store.features(footage.checksum, tag)
            except ArchiveError as error:
                left_out.append((footage, str(error)))
                continue
            shots = tuple(
                shot
                for shot in archive.catalogue.shots(footage.id)
                if not shot.black and len(shot.core)
            )
            rows = _Mapped(mapped, footage.checksum, wanted)
            film = Film(footage, shots, pts, shown, rows, wanted[0].grid)
            films.append(_sorted_out(film, unwanted))
        return cls(films, left_out, unwanted)

    def of_shots_from(self, shortest: Fraction) -> ArchiveRows:
        """Return the same with only those shots of which `shortest` s or more may be used."""
        films = (
            replace(film, shots=tuple(s for s in film.shots if film.core(s).duration >= shortest))
            for film in self.films
        )
        return ArchiveRows(films, self.left_out, self.unwanted)

    def blocks(self, facets: Collection[str]) -> Iterator[Block]:
        """The films' rows of these facets in blocks of about 8,192."""
        waiting: list[int] = []
        rows = 0
        for index, film in enumerate(self.films):
            waiting.append(index)
            rows += len(film.shown)
            if rows >= _BLOCK:
                yield self._block(waiting, facets)
                waiting, rows = [], 0
        if waiting:
            yield self._block(waiting, facets)

    def _block(self, indices: list[int], facets: Collection[str]) -> Block:
        films = [self.films[i] for i in indices]
        shot_of_row, times, tables, firsts, count, done = [], [], [], [], 0, 0
        for index, film in zip(indices, films, strict=True):
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
        return Block(
            rows={
                facet: np.concatenate([film.rows[facet].astype(np.float32) for film in films])
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


def _sorted_out(film: Film, unwanted: Counter[str]) -> Film:
    """`film` without the shots that are no pictures, which `unwanted` counts."""
    if MATERIAL not in film.rows:
        return film
    kept: list[Shot] = []
    titles: set[int] = set()
    lettered: set[int] = set()
    grey: set[int] = set()
    material, (edges, _) = film.rows[MATERIAL], film.edges()
    tone = colourless(film.rows["tone"]) if "tone" in film.rows else None
    for shot, (begin, end) in zip(film.shots, edges.tolist(), strict=True):
        first = min(begin, len(material) - 1)  # a shot between two rows is judged by the next
        judged = judge(material[first : max(end, first + 1)])
        if not judged.offered:
            unwanted[judged.kind] += 1
            continue
        kept.append(shot)
        if judged.kind == "title":
            titles.add(shot.index)
        if judged.text:
            lettered.add(shot.index)
        if tone is not None and tone[first : max(end, first + 1)].mean() > _MOSTLY:
            grey.add(shot.index)
    return replace(
        film,
        shots=tuple(kept),
        titles=frozenset(titles),
        lettered=frozenset(lettered),
        grey=frozenset(grey),
    )


def _most_open() -> int:
    """How many files to keep mapped: half of what the system lets a process hold open."""
    try:
        import resource
    except ImportError:  # Windows, which allows thousands
        return 1024
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 8192 if soft == resource.RLIM_INFINITY else max(32, min(8192, soft // 2))
