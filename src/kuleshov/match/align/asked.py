"""Hold what is asked of a part of an archive, and what of it is offered, as plain values.

They are small and can be sent to another process or machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.facet import MOVEMENT
from kuleshov.match.align.query import Query
from kuleshov.match.align.scan import Scan
from kuleshov.match.align.strength import Strength

__all__ = ["Asked", "Offer", "Ranked"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asked:
    """A question: stretches that want answers, and how these are weighed.

    All queries have the same facets. `most` in-points are wanted of each, `shortest` is the share
    of the stretch that a shot must have, and a clip may run `stretch` times slower or faster.
    """

    queries: tuple[Query, ...]
    how: Strength
    most: int
    shortest: float
    stretch: float

    def scans(self, grid: int) -> list[Scan]:
        """Return new scans, one for each query, for rows of which `grid` make a second."""
        return [Scan(query, grid, self.most, self.shortest) for query in self.queries]

    @property
    def weighed(self) -> Asked:
        """The same question with no more rows than are weighed."""
        names = {*self.how.weights, *([MOVEMENT] if self.how.timing else [])}
        less = (
            replace(query, rows={name: query.rows[name] for name in query.rows if name in names})
            for query in self.queries
        )
        return replace(self, queries=tuple(less))


@dataclass(frozen=True, eq=False)
class Offer:
    """An offer: which of F films are offered, (F,), and of some of them which shots alone.

    `shots` has the numbers of the shots by the place of the film.
    """

    films: NDArray[np.bool_]
    shots: Mapping[int, Ints]

    @classmethod
    def of(cls, whole: ArchiveRows, offered: ArchiveRows) -> Offer:
        """Return what is `offered` of a whole archive."""
        if offered.films is whole.films:
            return cls.all(len(whole.films))
        places = {film.footage.id: n for n, film in enumerate(whole.films)}
        films = np.zeros(len(places), np.bool_)
        shots = {}
        for film in offered.films:
            place = places[film.footage.id]
            films[place] = True
            if len(film.numbers) < len(whole.films[place].numbers):
                shots[place] = np.array(film.numbers)
        return cls(films, shots)

    @classmethod
    def all(cls, films: int) -> Offer:
        """Return the offer of all of so many films."""
        return cls(np.ones(films, np.bool_), {})

    @cached_property
    def is_all(self) -> bool:
        """Whether all shots of all films are offered."""
        return not self.shots and bool(self.films.all())

    def part(self, first: int, end: int) -> Offer:
        """Return what is offered of the films from `first` to `end`, numbered from 0."""
        shots = {place - first: kept for place, kept in self.shots.items() if first <= place < end}
        return Offer(self.films[first:end], shots)

    def film(self, place: int, film: ArchiveFilm) -> ArchiveFilm:
        """Return a film with those shots that are offered."""
        if place not in self.shots:
            return film
        kept = frozenset(self.shots[place].tolist())
        return replace(film, shots=tuple(shot for shot in film.shots if shot.index in kept))


@dataclass(frozen=True, eq=False)
class Ranked:
    """Segments that were found for a query, with their strength by sketch, (N,) each."""

    strength: NDArray[np.float32]
    segment: Ints

    @classmethod
    def nothing(cls) -> Ranked:
        """Return none."""
        return cls(np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.segment)
