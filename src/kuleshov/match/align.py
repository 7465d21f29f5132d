"""Alignment: lay a stretch of the source along every shot of the archive, at every in-point.

A frame's nearest neighbour is found anywhere; an editor needs two seconds that stay alike. So the
score of an in-point is the mean, over the stretch, of how alike source and archive are at the same
moment after the in-point. First all in-points on the archive's grid (2 a second) are scored, by
sums along the diagonals of a matrix of similarities; then the best are moved by eighths of a second
with the archive's similarity interpolated between its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.facet import Reference, Scale
from kuleshov.match.rows import ArchiveRows, Block, Film

__all__ = ["Aligned", "Aligner", "Query", "Weights"]

PRINT = "print"
"""The name of the rows by which copies are known (`features.print`)."""

Weights = Mapping[str, float]
"""How much each facet counts. Those left out count nothing."""

_SLACK = 0.26  # s; an in-point on the grid may be moved this far to fit into a shot
_SHIFTS = np.arange(-3, 4) / 8  # s; moves tried when refining
_SHORTEST = 0.4  # of a stretch: an archive shot that has less of it is not proposed
_MISSING = 2.0  # standard deviations that a stretch loses, in proportion to what is missing


@dataclass(frozen=True, repr=False)
class Query:
    """A stretch of the source that wants an answer.

    `duration` s; `time` (n,) float64, s after its beginning, evenly spaced, at least one;
    `rows`: facet to (n, D) float32.
    """

    duration: float
    time: NDArray[np.float64]
    rows: Mapping[str, NDArray[np.float32]]
    mirrored: bool = False

    def __post_init__(self) -> None:
        if not len(self.time) or any(len(rows) != len(self.time) for rows in self.rows.values()):
            raise ValueError(f"a query needs at least one sample, as many rows: {len(self.time)}")


@dataclass(frozen=True, order=True)
class Aligned:
    """An answer: film and shot of the archive, in-point, and how alike.

    `strength` is in standard deviations above a random pair, weighted over facets; `similarity`
    is each facet's, from -1 to 1. `present` is the share of the stretch that the shot can fill;
    `copied` how far the pictures themselves correlate, where prints are known.
    """

    strength: float
    film: int
    shot: int
    start: float
    duration: float
    present: float
    mirrored: bool
    similarity: Mapping[str, float]
    copied: float = 0.0


class Aligner:
    """Scores stretches of a source against all rows of an archive."""

    def __init__(self, archive: ArchiveRows, reference: Reference, weights: Weights) -> None:
        self._archive = archive
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError("weights must not be negative, and not all nothing")
        self._weights = {name: weight / total for name, weight in weights.items() if weight}
        self._scales: dict[str, Scale] = {name: reference.scale(name) for name in self._weights}

    def score(self, strength: float) -> float:
        """`strength` from 0 (as alike as a random pair) to 1 (the same picture)."""
        same = sum(w * (1 - s.mean) / s.spread for w, s in self._each())
        return float(np.clip(strength / same, 0, 1))

    def percentile(self, facet: str, similarity: float) -> float:
        """The share of random pairs that are less alike in one facet, 0 to 1."""
        return float(self._scales[facet].percentile(similarity))

    def align(
        self, queries: Sequence[Query], best: int, *, shorter: bool = False
    ) -> list[list[Aligned]]:
        """For each query the `best` answers that do not overlap by half, strongest first.

        Shots shorter than the query are left out; with `shorter`, they are proposed too, down to
        two fifths of it, at a loss.
        """
        if not queries:
            return []
        coarse = [_Coarse(query, self._archive_grid) for query in queries]
        found: list[list[_Hits]] = [[] for _ in queries]
        for block in self._archive.blocks(self._weights):
            similar = self._strengths(coarse, block)
            for hits, query, strength in zip(found, coarse, similar, strict=True):
                hits.append(_hits(query, strength, block, 6 * best, shorter))
        return [
            self._refined(query, hits, best) for query, hits in zip(queries, found, strict=True)
        ]

    @property
    def _archive_grid(self) -> int:
        return self._archive.films[0].grid if self._archive.films else 2

    def _each(self) -> list[tuple[float, Scale]]:
        return [(weight, self._scales[name]) for name, weight in self._weights.items()]

    def _strengths(self, queries: Sequence[_Coarse], block: Block) -> list[NDArray[np.float32]]:
        """For each query (n, R): weighted standardised similarity of its samples and all rows."""
        whole: NDArray[np.float32] | None = None
        for name, weight in self._weights.items():
            samples = np.concatenate([query.rows[name] for query in queries])
            part = self._scales[name].standardised(samples @ block.rows[name].T)
            part *= np.float32(weight)
            whole = part if whole is None else np.add(whole, part, out=whole)
        assert whole is not None
        ends = np.cumsum([len(query.time) for query in queries])
        return np.split(whole, ends[:-1])

    def _refined(self, query: Query, hits: Sequence[_Hits], best: int) -> list[Aligned]:
        """The best hits of all blocks, apart from each other, moved to where they fit best."""
        whole = _Hits.joined(hits)
        kept: list[Aligned] = []
        for index in np.argsort(-whole.strength, kind="stable"):
            film, shot = int(whole.film[index]), int(whole.number[index])
            start, length = float(whole.start[index]), float(whole.length[index])
            if any(
                a.film == film and abs(a.start - start) < (a.duration + length) / 4 for a in kept
            ):
                continue
            kept.append(self._moved(query, film, shot, start, length))
            if len(kept) >= best:
                break
        return sorted(kept, key=lambda a: (-a.strength, a.film, a.start))

    def _moved(self, query: Query, film: int, number: int, start: float, length: float) -> Aligned:
        """Try the in-point and its neighbours on all samples of the query."""
        source = self._archive.films[film]
        shot = next(shot for shot in source.shots if shot.index == number)
        core = source.core(shot)
        first, end = (
            int(r) for r in np.searchsorted(source.shown, [shot.core.first, shot.core.end])
        )
        starts = np.clip(start + _SHIFTS, float(core.start), float(core.end) - length)
        inside = query.time < length + 1e-9
        inside[0] = True
        similarity = {
            name: _interpolated(query.rows[name][inside], source, name, (first, end), starts, at)
            for name in self._weights
            for at in (query.time[inside],)
        }
        strength = sum(
            (
                weight * self._scales[name].standardised(similarity[name])
                for name, weight in self._weights.items()
            ),
            np.zeros(len(starts), np.float32),
        )
        # Of equal moves the smallest: a still picture gives no reason to move.
        move = min(range(len(starts)), key=lambda i: (-round(float(strength[i]), 4), abs(i - 3)))
        present = min(1.0, length / query.duration)
        return Aligned(
            strength=float(strength[move]) - _MISSING * (1 - present),
            film=film,
            shot=number,
            start=float(starts[move]),
            duration=length,
            present=present,
            mirrored=query.mirrored,
            similarity={name: float(values[move]) for name, values in similarity.items()},
            copied=_copied(query, source, (first, end), float(starts[move]), length),
        )


class _Coarse:
    """The samples of a query that lie on the archive's grid, centred in the stretch."""

    def __init__(self, query: Query, grid: int) -> None:
        count = max(1, int(query.duration * grid + 1e-6))
        first = (query.duration - (count - 1) / grid) / 2
        wanted = first + np.arange(count) / grid
        nearest = np.abs(query.time[None, :] - wanted[:, None]).argmin(axis=1)
        self.duration = query.duration
        self.grid = grid
        self.time = wanted
        self.rows = {name: rows[nearest] for name, rows in query.rows.items()}


@dataclass(frozen=True, repr=False)
class _Hits:
    """In-points with their strength; all arrays (H,)."""

    strength: NDArray[np.float32]
    film: NDArray[np.int32]
    number: NDArray[np.int32]
    start: NDArray[np.float64]
    length: NDArray[np.float64]

    @staticmethod
    def joined(parts: Sequence[_Hits]) -> _Hits:
        names = ("strength", "film", "number", "start", "length")
        empty = (np.float32, np.int32, np.int32, np.float64, np.float64)
        return _Hits(
            *(
                np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])
                for name, kind in zip(names, empty, strict=True)
            )
        )


def _hits(
    query: _Coarse, strength: NDArray[np.float32], block: Block, most: int, shorter: bool
) -> _Hits:
    """The best in-points of one query in one block."""
    parts = [_full_length(query, strength, block)]
    if shorter:
        parts.append(_too_short(query, strength, block))
    hits = _Hits.joined(parts)
    if len(hits.strength) > most:
        top = np.sort(np.argpartition(-hits.strength, most)[:most])
        hits = _Hits(
            *(getattr(hits, n)[top] for n in ("strength", "film", "number", "start", "length"))
        )
    return hits


def _full_length(query: _Coarse, strength: NDArray[np.float32], block: Block) -> _Hits:
    """Every in-point on the grid at which the whole stretch fits into one shot."""
    count, rows = strength.shape
    starts = rows - count + 1
    if starts < 1 or not len(block.film):
        return _Hits.joined([])
    mean = np.zeros(starts, np.float32)
    for sample in range(count):
        mean += strength[sample, sample : sample + starts]
    mean /= count
    shot = block.shot[:starts]
    same = (shot >= 0) & (shot == block.shot[count - 1 :])
    wanted = block.time[:starts] - query.time[0]
    latest = block.end[shot] - query.duration
    start = np.clip(wanted, block.start[shot], np.maximum(latest, block.start[shot]))
    fits = same & (latest >= block.start[shot] - 1e-9) & (np.abs(start - wanted) <= _SLACK)
    chosen = np.flatnonzero(fits)
    owner = shot[chosen]
    return _Hits(
        mean[chosen],
        block.film[owner],
        block.number[owner],
        start[chosen],
        np.full(len(chosen), query.duration),
    )


def _too_short(query: _Coarse, strength: NDArray[np.float32], block: Block) -> _Hits:
    """Shots that are shorter than the stretch, laid along its beginning."""
    length = block.end - block.start
    usable = np.flatnonzero(
        (length < query.duration - 1e-9) & (length >= _SHORTEST * query.duration)
    )
    found = []
    for shot in usable:
        rows = np.flatnonzero(block.shot == shot)[: len(query.time)]
        if rows.size:
            along = float(strength[np.arange(len(rows)), rows].mean())
            loss = _MISSING * (1 - length[shot] / query.duration)
            found.append((along - loss, shot))
    shots = np.array([shot for _, shot in found], np.int64)
    return _Hits(
        np.array([value for value, _ in found], np.float32),
        block.film[shots],
        block.number[shots],
        block.start[shots],
        length[shots],
    )


def _interpolated(
    samples: NDArray[np.float32],
    film: Film,
    facet: str,
    rows: tuple[int, int],
    starts: NDArray[np.float64],
    time: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Mean similarity for each in-point (P,), the archive's interpolated between its rows."""
    first, end = rows
    low = max(first, int(np.floor((starts.min() + time[0]) * film.grid)))
    high = min(end, int(np.ceil((starts.max() + time[-1]) * film.grid)) + 1)
    low, high = min(low, end - 1), max(high, min(low, end - 1) + 1)
    similar = samples @ film.rows[facet][low:high].astype(np.float32).T
    position = np.clip((starts[:, None] + time[None, :]) * film.grid - low, 0, high - low - 1)
    left = np.minimum(position.astype(np.int64), max(0, high - low - 2))
    part = (position - left).astype(np.float32)
    sample = np.arange(len(time))[None, :]
    right = np.minimum(left + 1, high - low - 1)
    value = (1 - part) * similar[sample, left] + part * similar[sample, right]
    return np.asarray(value.mean(axis=1), np.float32)


def _copied(query: Query, film: Film, rows: tuple[int, int], start: float, length: float) -> float:
    """How far source and archive correlate as pictures, at the archive's own rows, -1 to 1.

    Prints are not interpolated: between two pictures of a movement lies a third, not their mean. An
    eighth of a second more or less is tried, which is how well the in-point is known.
    """
    if PRINT not in query.rows or PRINT not in film.rows:
        return 0.0
    low = max(rows[0], int(np.ceil(start * film.grid - 1e-6)))
    high = min(rows[1], int(np.ceil((start + length) * film.grid - 1e-6)))
    if low >= high:
        low = min(max(rows[0], round((start + length / 2) * film.grid)), rows[1] - 1)
        high = low + 1
    prints = film.rows[PRINT][low:high].astype(np.float32)
    time = np.arange(low, high) / film.grid - start
    best = -1.0
    for shift in (-0.125, 0.0, 0.125):
        nearest = np.abs(query.time[None, :] - (time + shift)[:, None]).argmin(axis=1)
        best = max(best, float((prints * query.rows[PRINT][nearest]).sum(axis=1).mean()))
    return best
