"""Find clusters: shots of an archive that look alike, each from another place.

Each shot is one pooled row of subject, composition, tone and motion; how alike two shots are is
their strength in bits. Each shot's nearest others are found first (all with all in blocks, or, in a
large archive, only within the nearest parts of it: Jégou et al. 2011, inverted files). Clusters
grow from the shots whose neighbours are nearest, always by the shot that is most alike to all that
are in (average linkage). Copies, and shots of one set-up, count as one place; shots of one film
lose bits. Nothing is left to chance: the same archive gives the same clusters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.facet import COMPOSITION, MOTION, SUBJECT, TONE, Reference
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Strength, Weights
from kuleshov.match.likeness.places import Member, known_rows, members, places_of, pooled, setup_of

__all__ = ["Cluster", "clusters"]

_FACETS = (SUBJECT, COMPOSITION, TONE, MOTION)
_SAME_FILM = 0.8  # bits that a shot loses for each of its film that is in already
_NEIGHBOURS = 48  # of each shot that are kept
_EXACT = 6000  # shots; up to so many all are compared with all
_BLOCK = 64  # shots compared at once, between two looks whether to stop
_PARTS_LOOKED_IN = 8
_ROUNDS = 4  # of Lloyd's, to part a large archive
_SEEDS = 48  # from which a cluster is tried
_LEAST = 2.5  # bits to those that are in, on average; a random pair has 1.4
_SHARE = 0.6  # of what those that are in have with one another
_VARIETY = 4.0  # bits that a cluster of one film alone loses against one of as many films as shots


@dataclass(frozen=True)
class Cluster:
    """A cluster of shots that look alike.

    `members` come most alike first; `strength` is the mean over all pairs, in bits; `films` is the
    number of different ones.
    """

    members: tuple[Member, ...]
    strength: float
    films: int


def clusters(
    archive: ArchiveRows,
    reference: Reference,
    count: int,
    size: int,
    weights: Weights | None = None,
    shortest: Fraction = Fraction(1, 2),
    job: Job = QUIET,
) -> list[Cluster]:
    """Return at most `count` clusters of `size` shots, the tightest and most varied first.

    A cluster is smaller where no more shots are alike; no shot is in two. Shots are at least
    `shortest` seconds long.

    Raises `MatchError` where the archive has fewer than two shots, `UsageError` for sizes that
    cannot be.
    """
    if count < 1 or size < 2:
        raise UsageError(f"Clusters are at least 1, of at least 2 shots: not {count} of {size}.")
    shots = members(archive, shortest, job)
    if len(shots) < 2:
        raise MatchError(
            "The archive has too few shots to find any that are alike.", code="archive-empty"
        )
    with job.step("looking for shots that are alike", of=count, unit="clusters") as step:
        grower = _Grower(shots, reference, weights or DEFAULT_WEIGHTS, size, job)
        return list(step.over(grower.clusters(count)))


class _Grower:
    """A grower of clusters over a graph of nearest neighbours."""

    def __init__(
        self,
        shots: Sequence[Member],
        reference: Reference,
        weights: Weights,
        size: int,
        job: Job,
    ) -> None:
        self._job = job
        known = [n for n in _FACETS if n in known_rows(shots) and f"{n}.levels" in reference.arrays]
        self._shots, self._size = shots, size
        self._rows = pooled(shots, known, job)
        self._strength = Strength.of({n: weights.get(n, 0.0) for n in known}, reference, known)
        self._places = places_of(shots, setup_of(reference), job)
        self._free = np.ones(len(shots), np.bool_)
        self._near, self._bits = self._graph()

    def clusters(self, count: int) -> Iterator[Cluster]:
        """Yield one cluster after another, each the best of those that can still be grown."""
        for _ in range(count):
            promise = self._promise()
            order = np.argsort(-promise, kind="stable")[:_SEEDS]
            grown = [self._grow(int(seed)) for seed in order if np.isfinite(promise[seed])]
            grown = [entry for entry in grown if len(entry[1]) > 1]
            if not grown:
                return
            # A larger one of two that are about as tight.
            _, taken = max(grown, key=lambda entry: (entry[0] * len(entry[1]) ** 0.5, entry[0]))
            self._free[taken] = False
            yield self._told(taken)

    def _promise(self) -> NDArray[np.float64]:
        """Return the promise of a cluster around each shot: the mean of its nearest free others."""
        free = self._free[self._near] & (self._near >= 0)
        bits = np.where(free, self._bits, -np.inf)
        best = -np.sort(-bits, axis=1)[:, : self._size - 1]
        best = np.where(np.isfinite(best), best, -6.0)
        return np.where(self._free & free.any(axis=1), best.mean(axis=1), -np.inf)

    def _grow(self, seed: int) -> tuple[float, list[int]]:
        """Return a cluster grown from a seed, after its worth."""
        inside, places, held = [seed], self._places, 0.0
        pool = self._candidates([seed], set(inside))
        sums = self._pairs(seed, pool)
        blocked = places.same(seed, pool)
        while len(inside) < self._size and len(pool):
            self._job.check()
            again = (places.film[pool][:, None] == places.film[inside]).sum(axis=1)
            worth = np.where(blocked, -np.inf, sums / len(inside) - _SAME_FILM * again)
            at = int(worth.argmax())
            # What is hardly more alike than chance, or much less than the others are, stays out.
            like = float(sums[at]) / len(inside)
            least = max(_LEAST, _SHARE * held / max(1, len(inside) - 1))
            if not np.isfinite(worth[at]) or like < least:
                break
            held += like
            taken = int(pool[at])
            inside.append(taken)
            new = self._candidates([taken], {*inside, *pool.tolist()})
            if len(new):
                pool = np.concatenate([pool, new])
                sums = np.concatenate([sums, sum((self._pairs(i, new) for i in inside[:-1]), 0.0)])
                old = [places.same(i, new) for i in inside[:-1]]
                blocked = np.concatenate([blocked, np.logical_or.reduce(old)])
            sums = sums + self._pairs(taken, pool)
            blocked = blocked | places.same(taken, pool) | (pool == taken)
        told = self._told(inside)
        share = (told.films - 1) / max(1, len(inside) - 1)
        return told.strength - _VARIETY * (1 - share), inside

    def _candidates(self, of: Sequence[int], known: set[int]) -> NDArray[np.int64]:
        near = {int(n) for shot in of for n in self._near[shot] if n >= 0 and self._free[n]}
        return np.array(sorted(near - known), np.int64)

    def _pairs(self, one: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the strength between one shot and others, in bits."""
        if not len(others):
            return np.zeros(0)
        alike = {name: rows[others] @ rows[one] for name, rows in self._rows.items()}
        return np.asarray(self._strength.whole(alike), np.float64)

    def _told(self, inside: Sequence[int]) -> Cluster:
        index = np.array(inside)
        table = np.stack([self._pairs(int(i), index) for i in index])
        np.fill_diagonal(table, 0)
        means = table.sum(axis=1) / max(1, len(index) - 1)
        order = np.argsort(-means, kind="stable")
        films = len({int(self._places.film[i]) for i in inside})
        return Cluster(tuple(self._shots[int(index[i])] for i in order), float(means.mean()), films)

    def _graph(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the nearest others of each shot, (S, K), -1 where there are fewer, with bits."""
        count, kept = len(self._shots), min(max(_NEIGHBOURS, 4 * self._size), len(self._shots) - 1)
        near = np.full((count, kept), -1, np.int64)
        bits = np.full((count, kept), -np.inf, np.float32)
        for some, among in self._job.over(_compared(self._rows, self._job)):
            alike = {name: rows[some] @ rows[among].T for name, rows in self._rows.items()}
            found = self._strength.whole(alike)
            found[some[:, None] == among[None, :]] = -np.inf
            if found.shape[1] > kept:
                best = np.sort(np.argpartition(-found, kept - 1, axis=1)[:, :kept], axis=1)
            else:
                best = np.broadcast_to(np.arange(found.shape[1]), found.shape)
            values = np.take_along_axis(found, best, axis=1)
            width = best.shape[1]
            near[some, :width] = np.where(np.isfinite(values), among[best], -1)
            bits[some, :width] = values
        return near, bits


def _compared(
    rows: Mapping[str, NDArray[np.float32]], job: Job
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield which shots to compare with which: each shot once, in blocks."""
    first = next(iter(rows.values()))
    count = len(first)
    everything = np.arange(count)
    if count <= _EXACT:
        for begin in range(0, count, _BLOCK):
            yield everything[begin : begin + _BLOCK], everything
        return
    joined = np.concatenate([rows[n] for n in (SUBJECT, TONE) if n in rows] or [first], axis=1)
    owner, centres = _parted(joined, round(np.sqrt(count)), job)
    held = [np.flatnonzero(owner == part) for part in range(len(centres))]
    nearest = np.argsort(-(centres @ centres.T), axis=1, kind="stable")[:, :_PARTS_LOOKED_IN]
    for part, some in enumerate(held):
        among = np.sort(np.concatenate([held[other] for other in nearest[part]]))
        for begin in range(0, len(some), _BLOCK):
            yield some[begin : begin + _BLOCK], among


def _parted(
    rows: NDArray[np.float32], parts: int, job: Job
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the part to which each row belongs, and the parts' centres, by a few Lloyd rounds."""
    centres = rows[np.linspace(0, len(rows) - 1, parts).astype(np.int64)]
    owner = np.zeros(len(rows), np.int64)
    for _ in range(_ROUNDS):
        for begin in job.over(range(0, len(rows), 8192)):
            owner[begin : begin + 8192] = (rows[begin : begin + 8192] @ centres.T).argmax(axis=1)
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(parts))
        filled = np.flatnonzero(np.diff(np.append(starts, len(rows))))
        sums = np.add.reduceat(rows[order], starts[filled], axis=0)
        centres = centres.copy()
        centres[filled] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    return owner, centres
