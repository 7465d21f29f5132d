"""Places: which shots show the same, and how to take shots from different ones.

Copies are known by their prints. Shots of one set-up are known by their composition, within one
film only: that two films have the same picture is what one looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.facet import Reference
from kuleshov.footage import Shot
from kuleshov.match.candidates import Candidate
from kuleshov.match.prints import COPY, PRINT
from kuleshov.match.rows import ArchiveRows, Film

__all__ = ["Member", "Places", "different", "known_rows", "members", "places_of", "pooled"]

_SETUP = 11.0  # bits in composition from which two shots of a film are one set-up
_AGAIN = 1.5  # bits that a further shot of the same film loses, each time


@dataclass(frozen=True)
class Member:
    """A shot of the archive."""

    film: Film
    shot: Shot


@dataclass(frozen=True, repr=False)
class Places:
    """Where shots come from, and what tells that two show the same place.

    `film` (S,): numbers of films; `composition` (S, C) and `prints` (S, P) float32, rows of length
    1, or None where the archive has none.
    """

    film: NDArray[np.int64]
    composition: NDArray[np.float32] | None
    prints: NDArray[np.float32] | None
    setup: float

    def same(self, one: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the others show the same as one: copies, and the same set-up of a film."""
        alike = np.zeros(len(others), np.bool_)
        if self.prints is not None:
            alike |= self.prints[others] @ self.prints[one] >= COPY
        if self.composition is not None:
            near = self.composition[others] @ self.composition[one] >= self.setup
            alike |= near & (self.film[others] == self.film[one])
        return alike


def members(archive: ArchiveRows, shortest: Fraction = Fraction(0)) -> list[Member]:
    """All shots of at least `shortest` seconds that are pictures, no title cards."""
    return [
        Member(film, shot)
        for film in archive.films
        for shot in film.shots
        if shot.index not in film.titles and film.core(shot).duration >= shortest
    ]


def places_of(shots: Sequence[Member], reference: Reference) -> Places:
    """What tells whether these shots show the same place."""
    numbers: dict[int, int] = {}
    film = [numbers.setdefault(m.film.footage.id, len(numbers)) for m in shots]
    known = known_rows(shots)
    rows = pooled(shots, [n for n in ("composition", PRINT) if n in known])
    bits = _similarity_at(reference, _SETUP) if "composition" in rows else 2.0
    return Places(np.array(film), rows.get("composition"), rows.get(PRINT), bits)


def different(
    found: Sequence[Candidate], count: int, reference: Reference
) -> tuple[list[Candidate], int]:
    """At most `count` of what was found, best first: one of each shot, none of what shows the same
    as another, and rather of different films. Also how many were left out as the same place.

    What was found first is taken as the best of its shot.
    """
    best: dict[tuple[int, int], Candidate] = {}
    for candidate in found:
        best.setdefault((candidate.film.footage.id, candidate.shot), candidate)
    pool = list(best.values())
    if not pool:
        return [], 0
    places = places_of([Member(c.film, c.film.shot(c.shot)) for c in pool], reference)
    worth = np.array([candidate.strength for candidate in pool])
    blocked = np.zeros(len(pool), np.bool_)
    taken: list[int] = []
    everything = np.arange(len(pool))
    while len(taken) < count and not blocked.all():
        at = int(np.where(blocked, -np.inf, worth).argmax())
        taken.append(at)
        blocked |= places.same(at, everything)
        blocked[at] = True
        worth = worth - _AGAIN * (places.film == places.film[at])
    return [pool[i] for i in sorted(taken)], int(blocked.sum()) - len(taken)


def known_rows(shots: Sequence[Member]) -> frozenset[str]:
    """The names of the rows that all these shots have."""
    films = {id(m.film): m.film for m in shots}.values()
    return frozenset.intersection(*(frozenset(film.rows) for film in films))


def pooled(shots: Sequence[Member], names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Each shot's mean row of each facet, of length 1: (S, D) float32. Read film by film."""
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    film: Film | None = None
    for member in shots:
        if member.film is not film:
            film = member.film
            held = {name: film.rows[name] for name in names}
        span = (member.shot.core.first, member.shot.core.end)
        begin, end = np.searchsorted(film.shown, span).tolist()
        begin = min(begin, len(film.shown) - 1)
        for name in names:
            rows[name].append(held[name][begin : max(end, begin + 1)].mean(axis=0, dtype="f4"))
    whole = {name: np.array(part, np.float32) for name, part in rows.items()}
    return {
        name: part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6)
        for name, part in whole.items()
    }


def _similarity_at(reference: Reference, bits: float) -> float:
    """The similarity from which two compositions are so many bits alike."""
    steps = np.linspace(-1, 1, 4001, dtype=np.float32)
    above = np.flatnonzero(reference.scale("composition").bits(steps) >= bits)
    return float(steps[above[0]]) if len(above) else 2.0
