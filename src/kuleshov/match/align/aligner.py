"""Align stretches of the source with every shot of the archive, at every in-point.

First all in-points on the archive's grid are scored in one pass over its rows (`match.align.scan`),
then the best are moved, slowed and hurried to where they fit best (`match.align.refine`), film by
film, so that each film's rows are opened once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.facet import Reference
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.asked import Asked, Offer
from kuleshov.match.align.coarse import is_large
from kuleshov.match.align.cores import one_each
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.align.recall import Recall
from kuleshov.match.align.shards import Here, Shards, refined, through_rows, through_sketches
from kuleshov.match.align.strength import Strength, Weights

__all__ = ["SHORTEST", "AlignOptions", "Aligner"]

SHORTEST = Fraction(2, 5)
"""The share of a stretch that an archive shot must have to be proposed."""
_HITS = 6  # in-points kept for each answer wanted: neighbours of one another among them


@dataclass(frozen=True)
class AlignOptions:
    """The options of an alignment.

    `stretch`: how many times slower or faster a clip may run; `tightness` as in `Strength`; with
    `exact` sketches are left aside.
    """

    stretch: float = 1.25
    tightness: float = 1.0
    exact: bool = False


class Aligner:
    """An aligner that scores stretches of a source against all rows of an archive.

    `recall` and `whole`, all rows with their shards, know the archive of which this is all or a
    part, in the same order. The shards are asked where much of it is offered; else `recall`, which
    keeps the latest looks, where stretches are few.
    """

    def __init__(
        self,
        archive: ArchiveRows,
        reference: Reference,
        weights: Weights,
        options: AlignOptions = AlignOptions(),
        recall: Recall | None = None,
        whole: tuple[ArchiveRows, Shards] | None = None,
    ) -> None:
        self._recall, self._whole = recall, whole
        self._archive, self._reference = archive, reference
        self._weights, self._options = weights, options

    def strength(self, known: Collection[str]) -> Strength:
        """Return how answers are weighed where the source has the facets `known`."""
        there = set(known) & self._archive.facets
        return Strength.of(self._weights, self._reference, there, self._options.tightness)

    def align(
        self, queries: Sequence[Query], best: int, *, shorter: bool = False, job: Job = QUIET
    ) -> list[list[Alignment]]:
        """Return for each query the `best` answers, strongest first, that do not overlap by half.

        All queries have the same facets. Shots that are too short even when slowed are left out;
        with `shorter`, they are proposed too, down to two fifths of the stretch, at a loss.
        """
        if not queries or not self._archive.films:
            return [[] for _ in queries]
        how, stretch = self.strength(queries[0].rows), self._options.stretch
        shortest = float(SHORTEST) if shorter else 1 / stretch
        asked = Asked(tuple(queries), how, _HITS * best, shortest, stretch)
        recall = self._recall if self._recall and self._recall.fits(len(queries)) else None
        whole = self._whole if is_large(self._archive) else None
        if whole is not None and (recall is None or not self._options.exact):
            with one_each():
                return self._of_whole(asked, *whole, best, job)
        shards, all_of_it = Here(self._archive), Offer.all(len(self._archive.films))
        if recall is not None:
            told = (how, asked.most, shortest, self._archive, job)
            hits = [recall.hits(query, *told) for query in queries]
        else:
            hits = through_rows(shards, asked, all_of_it, job)
        return refined(shards, asked, hits, best, job)

    def _of_whole(
        self, asked: Asked, rows: ArchiveRows, shards: Shards, best: int, job: Job
    ) -> list[list[Alignment]]:
        """Return the answers of those who hold the whole archive, its films numbered as here."""
        asked, offer = asked.weighed, Offer.of(rows, self._archive)
        look = through_rows if self._options.exact else through_sketches
        found = refined(shards, asked, look(shards, asked, offer, job), best, job)
        numbers = (np.cumsum(offer.films) - 1).tolist()
        return [[replace(one, film=numbers[one.film]) for one in part] for part in found]
