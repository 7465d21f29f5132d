"""Hold the sketches of an archive with the shots that they are of, as they lie in its films.

Two looks are taken at them: one at many stretches at once (`match.align.coarse`), and one at a
single moment, many times a second (`match.live.moments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, Sketches
from kuleshov.jobs import Job
from kuleshov.match.align.asked import Offer

__all__ = ["Segments", "Sketched", "SketchedShots"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SketchedShots:
    """The offered shots of all films by place, (S,) each, and where each film's begin, (F + 1,).

    Every number of a shot has a place; `end` of the core is 0 where it is not offered. `low` and
    `high` are its first row and the end.
    """

    begin: Ints
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    low: Ints
    high: Ints
    title: NDArray[np.bool_]
    lettered: NDArray[np.bool_]

    @classmethod
    def of(cls, films: Sequence[ArchiveFilm], job: Job) -> SketchedShots:
        """Return the shots of films."""
        tables, begin = [], [0]
        for film in job.over(films):
            rows, seconds = film.edges()
            numbers = film.numbers
            table = np.zeros((int(numbers.max(initial=-1)) + 1, 6))
            table[numbers, :2], table[numbers, 2:4] = seconds, rows
            for column, marked in ((4, film.titles), (5, film.lettered)):
                if marked:
                    table[numbers[np.isin(numbers, list(marked))], column] = 1
            tables.append(table)
            begin.append(begin[-1] + len(table))
        whole = np.concatenate([*tables, np.zeros((0, 6))])
        start, end, low, high, title, lettered = whole.T
        return cls(
            *(np.array(begin, np.int64), start.copy(), end.copy()),
            *(low.astype(np.int64), high.astype(np.int64)),
            *(title.astype(np.bool_), lettered.astype(np.bool_)),
        )

    def place(self, film: NDArray[np.int32], number: Ints) -> Ints:
        """Return the places of shots, -1 for those that are not offered."""
        place = self.begin[film] + number
        there = place < self.begin[film + 1]
        return np.where(there & (self.end[np.where(there, place, 0)] > 0), place, -1)


@dataclass(frozen=True, eq=False)
class Segments:
    """All segments of an archive, (N,) each: film, place of the shot, rows, and how many follow.

    `place` is -1 where the shot is not offered; `later` are the segments of the shot behind it.
    """

    film: NDArray[np.int32]
    place: Ints
    first: Ints
    end: Ints
    later: Ints


@dataclass(frozen=True, eq=False)
class Sketched:
    """The sketches of an archive as they lie in its films, with the shots that they are of."""

    shots: SketchedShots
    segments: Segments
    codes: Sequence[Sketches]
    begin: Ints

    @classmethod
    def of(cls, films: Sequence[ArchiveFilm], facets: Sequence[str], job: Job) -> Sketched:
        """Open the sketches of films: those of packs, mapped, or else made of the rows now."""
        shots = SketchedShots.of(films, job)
        spans, codes, begin = [], [], [0]
        with job.step("opening sketches", of=len(films), unit="films") as step:
            for film in step.over(films):
                part, sketched = film.sketched(facets)
                spans.append(part)
                codes.append(sketched)
                begin.append(begin[-1] + len(part))
        whole = np.concatenate([*spans, np.zeros((0, 3), np.int64)])
        number, first, end = whole.T
        counts = np.diff(begin)
        owner = np.repeat(np.arange(len(films), dtype=np.int32), counts)
        place = shots.place(owner, number)
        key = owner.astype(np.int64) << 32 | number
        edge = np.append(np.flatnonzero(key[1:] != key[:-1]), len(key) - 1)
        later = edge[np.searchsorted(edge, np.arange(len(key)))] - np.arange(len(key))
        table = Segments(owner, place, first.copy(), end.copy(), later)
        return cls(shots, table, codes, np.array(begin, np.int64))

    def allowed(self, offer: Offer) -> NDArray[np.bool_]:
        """Return which segments are of shots that are offered."""
        there = self.segments.place >= 0
        if offer.is_all:
            return there
        shots = np.ones(len(self.shots.end), np.bool_)
        for film, numbers in offer.shots.items():
            part = shots[self.shots.begin[film] : self.shots.begin[film + 1]]
            part[:] = False
            part[numbers] = True
        return there & offer.films[self.segments.film] & shots[self.segments.place]
