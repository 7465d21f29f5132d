"""Tell which shots show the same place, and take shots from different ones.

Copies are known by their prints. Shots of one set-up are known by their composition, within one
film only: that two films have the same picture is what one looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.archive.shots import means
from kuleshov.features.composition import SETUP
from kuleshov.features.facet import COMPOSITION, PRINT, Reference
from kuleshov.features.grid import rows_of_each
from kuleshov.footage import Shot, ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.same.prints import COPY

__all__ = [
    "Member",
    "Places",
    "different",
    "known_rows",
    "members",
    "numbered",
    "places_of",
    "pooled",
    "setup_of",
]

_BLOCK = 256  # shots compared with all others at once
_AGAIN = 1.5  # bits that a further shot of the same film loses, each time


@dataclass(frozen=True)
class Member:
    """A shot of the archive with its film."""

    film: ArchiveFilm
    shot: Shot


@dataclass(frozen=True, repr=False)
class Places:
    """The rows by which shots are known to show the same place.

    `film` (S,): numbers of films; `composition` (S, C) and `prints` (S, P) float32, rows of length
    1, or None where the archive has none.
    """

    film: NDArray[np.int64]
    composition: NDArray[np.float32] | None
    prints: NDArray[np.float32] | None
    setup: float

    def same(self, one: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the others show the same place as one.

        They are copies of it, or of the same set-up of a film.
        """
        alike = np.zeros(len(others), np.bool_)
        if self.prints is not None:
            alike |= self.prints[others] @ self.prints[one] >= COPY
        if self.composition is not None:
            near = self.composition[others] @ self.composition[one] >= self.setup
            alike |= near & (self.film[others] == self.film[one])
        return alike

    def pairs(self, begin: int, end: int) -> NDArray[np.intp]:
        """Return which of the shots from `begin` to `end` show the same place as which, (2, N).

        Those before `begin` are left out: a pair is told once.
        """
        film = self.film[begin:end, None] == self.film[begin:]
        alike = np.zeros(film.shape, np.bool_)
        if self.prints is not None:
            alike |= self.prints[begin:end] @ self.prints[begin:].T >= COPY
        if self.composition is not None:
            near = self.composition[begin:end] @ self.composition[begin:].T >= self.setup
            alike |= near & film
        return np.array(np.nonzero(alike)) + begin


def members(
    archive: ArchiveRows, shortest: Fraction = Fraction(0), job: Job = QUIET
) -> list[Member]:
    """Return all shots of at least `shortest` seconds that are pictures and not title cards."""
    return [
        Member(film, shot)
        for film in job.over(archive.films)
        for shot in film.shots
        if shot.index not in film.titles and (not shortest or film.core(shot).duration >= shortest)
    ]


def setup_of(reference: Reference) -> float:
    """Return the similarity in composition from which two shots of a film are of one set-up.

    Above 1, which nothing reaches, where the reference does not know the facet.
    """
    known = f"{COMPOSITION}.levels" in reference.arrays
    return _similarity_at(reference, SETUP) if known else 2.0


def places_of(shots: Sequence[Member], setup: float, job: Job = QUIET) -> Places:
    """Return what tells whether these shots show the same place; for `setup` see `setup_of`."""
    numbers: dict[int, int] = {}
    film = [numbers.setdefault(m.film.footage.id, len(numbers)) for m in shots]
    known = known_rows(shots)
    rows = pooled(shots, [n for n in (COMPOSITION, PRINT) if n in known], job)
    return Places(np.array(film), rows.get(COMPOSITION), rows.get(PRINT), setup)


def numbered(shots: Sequence[Member], setup: float, job: Job = QUIET) -> list[int]:
    """Return a number for the place of each shot: shots of the same place have the same."""
    if not shots:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    places = places_of(shots, setup, job)
    pairs = [
        places.pairs(begin, begin + _BLOCK) for begin in job.over(range(0, len(shots), _BLOCK))
    ]
    one, other = np.concatenate(pairs, axis=1)
    same = coo_array((np.ones(len(one)), (one, other)), shape=(len(shots), len(shots)))
    return [int(n) for n in connected_components(same, directed=False)[1]]


def different(
    found: Sequence[Candidate], count: int, reference: Reference, job: Job = QUIET
) -> tuple[list[Candidate], int]:
    """Return at most `count` clips, best first, each of another place, and how many were left out.

    One of each shot is taken, none that shows the same as another, and rather from different films.
    Those left out show the same place as others.

    What was found first is taken as the best of its shot.
    """
    best: dict[ShotRef, Candidate] = {}
    for candidate in found:
        best.setdefault(candidate.ref, candidate)
    pool = list(best.values())
    if not pool:
        return [], 0
    shots = [Member(c.film, c.film.shot(c.shot)) for c in pool]
    places = places_of(shots, setup_of(reference), job)
    worth = np.array([candidate.strength for candidate in pool])
    blocked = np.zeros(len(pool), np.bool_)
    taken: list[int] = []
    everything = np.arange(len(pool))
    while len(taken) < count and not blocked.all():
        job.check()
        at = int(np.where(blocked, -np.inf, worth).argmax())
        taken.append(at)
        blocked |= places.same(at, everything)
        blocked[at] = True
        worth = worth - _AGAIN * (places.film == places.film[at])
    return [pool[i] for i in sorted(taken)], int(blocked.sum()) - len(taken)


def known_rows(shots: Sequence[Member]) -> frozenset[str]:
    """Return the names of the rows that all these shots have."""
    films = {id(m.film): m.film for m in shots}.values()
    return frozenset.intersection(*(frozenset(film.rows) for film in films))


def pooled(
    shots: Sequence[Member], names: Sequence[str], job: Job = QUIET
) -> dict[str, NDArray[np.float32]]:
    """Return each shot's mean row of each facet, of length 1: (S, D) float32.

    Read film by film; means that are kept with the archive are not computed again.
    """
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for _, group in job.over(groupby(shots, key=lambda member: id(member.film))):
        of_film = list(group)
        for name in names:
            rows[name].append(_means(of_film, name))
    whole = {name: np.concatenate(parts) for name, parts in rows.items() if parts}
    return {
        name: part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6)
        for name, part in whole.items()
    }


def _means(shots: Sequence[Member], name: str) -> NDArray[np.float32]:
    """Return the mean rows of shots of one film."""
    film = shots[0].film
    kept = film.means.get(name)
    if kept is not None:
        return kept[[member.shot.index for member in shots]]
    cores = np.array([(m.shot.core.first, m.shot.core.end) for m in shots], np.int64)
    return means(film.rows[name], rows_of_each(film.shown, cores))


def _similarity_at(reference: Reference, bits: float) -> float:
    """Return the similarity from which two compositions are so many bits alike."""
    steps = np.linspace(-1, 1, 4001, dtype=np.float32)
    above = np.flatnonzero(reference.scale(COMPOSITION).bits(steps) >= bits)
    return float(steps[above[0]]) if len(above) else 2.0
