"""Alignment: lay stretches of the source along every shot of the archive, at every in-point.

First all in-points on the archive's grid are scored in one pass over its rows (`match.scan`), then
the best are moved, slowed and hurried to where they fit best (`match.refine`), film by film, so
that each film's rows are opened once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.facet import Reference
from kuleshov.match.query import Aligned, Query
from kuleshov.match.refine import Refiner, Seen
from kuleshov.match.rows import ArchiveRows, Film
from kuleshov.match.scan import Hits, Scan
from kuleshov.match.strength import MOVEMENT, Strength, Weights

__all__ = ["SHORTEST", "AlignOptions", "Aligner"]

SHORTEST = Fraction(2, 5)
"""Of a stretch: an archive shot that has less of it is not proposed."""
_HITS = 6  # in-points kept for each answer wanted: neighbours of one another among them


@dataclass(frozen=True)
class AlignOptions:
    """`stretch`: how many times slower or faster a clip may run; `tightness` as in `Strength`."""

    stretch: float = 1.25
    tightness: float = 1.0


class Aligner:
    """Scores stretches of a source against all rows of an archive."""

    def __init__(
        self,
        archive: ArchiveRows,
        reference: Reference,
        weights: Weights,
        options: AlignOptions = AlignOptions(),
    ) -> None:
        self._archive, self._reference = archive, reference
        self._weights, self._options = weights, options

    def strength(self, known: Collection[str]) -> Strength:
        """How answers are weighed where the source has the facets `known`."""
        there = set(known) & self._archive.facets
        return Strength.of(self._weights, self._reference, there, self._options.tightness)

    def align(
        self, queries: Sequence[Query], best: int, *, shorter: bool = False
    ) -> list[list[Aligned]]:
        """For each query the `best` answers that do not overlap by half, strongest first.

        All queries have the same facets. Shots that are too short even when slowed are left out;
        with `shorter`, they are proposed too, down to two fifths of the stretch, at a loss.
        """
        if not queries or not self._archive.films:
            return [[] for _ in queries]
        how = self.strength(queries[0].rows)
        shortest = float(SHORTEST) if shorter else 1 / self._options.stretch
        grid = self._archive.films[0].grid
        scans = [Scan(query, grid, _HITS * best, shortest) for query in queries]
        ends = np.cumsum([scan.count for scan in scans])[:-1]
        samples = {n: np.concatenate([scan.samples(n) for scan in scans]) for n in how.weights}
        for block in self._archive.blocks(how.weights):
            whole = {name: part @ block.rows[name].T for name, part in samples.items()}
            split = {name: np.split(part, ends) for name, part in whole.items()}
            for number, scan in enumerate(scans):
                scan.look(block, {name: split[name][number] for name in split}, how)
        return self._refined(queries, [scan.hits() for scan in scans], best, how)

    def _refined(
        self, queries: Sequence[Query], hits: Sequence[Hits], best: int, how: Strength
    ) -> list[list[Aligned]]:
        """The best hits of each query, apart from each other, moved to where they fit best."""
        by_film: dict[int, list[tuple[int, tuple[int, float, float]]]] = defaultdict(list)
        for index, found in enumerate(hits):
            for film, shot, start, length in _apart(found, best):
                by_film[film].append((index, (shot, start, length)))
        refiners = [Refiner(query, how, self._options.stretch) for query in queries]
        seen: list[list[Seen]] = [[] for _ in queries]
        for film in sorted(by_film):
            source = self._archive.films[film]
            rows = _opened(source, how)
            for index, hit in by_film[film]:
                seen[index].append(refiners[index].see(rows, film, source, hit))
        answers = [refiner.moved(part) for refiner, part in zip(refiners, seen, strict=True)]
        return [sorted(part, key=lambda a: (-a.strength, a.film, a.start)) for part in answers]


def _apart(hits: Hits, best: int) -> list[tuple[int, int, float, float]]:
    """The strongest `best` hits that do not overlap by half: film, shot, start, length."""
    kept: list[tuple[int, int, float, float]] = []
    at: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for index in np.argsort(-hits.strength, kind="stable").tolist():
        film, start, length = (
            int(hits.film[index]),
            float(hits.start[index]),
            float(hits.length[index]),
        )
        if any(abs(other - start) < (long + length) / 4 for other, long in at[film]):
            continue
        at[film].append((start, length))
        kept.append((film, int(hits.number[index]), start, length))
        if len(kept) >= best:
            break
    return kept


def _opened(film: Film, how: Strength) -> Mapping[str, NDArray[np.float32]]:
    """The rows of a film that refining looks at, as float32."""
    names = [*how.weights, *([MOVEMENT] if how.timing else [])]
    return {name: film.rows[name].astype(np.float32) for name in names if name in film.rows}
