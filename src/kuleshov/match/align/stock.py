"""Hold an archive ready to be asked again and again.

    stock = Stock(rows, reference, bins=catalogue.bins(), tags=catalogue.tag_table)
    stock.candidates(queries, durations, options, filters, own=own)

It holds the rows of a whole archive, the reference by which likeness is read, and what filters need
to know. What is filtered, and what was looked at last, is kept, so that to ask again costs little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.filters import Filter, Shots
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.archive.tag_table import Tags
from kuleshov.archive.taught import WordShots
from kuleshov.errors import MatchError
from kuleshov.features.facet import Reference
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions, find_candidates
from kuleshov.match.align.coarse import is_large
from kuleshov.match.align.query import Query
from kuleshov.match.align.recall import Recall
from kuleshov.match.align.shards import Shards, here, own_of
from kuleshov.match.same.own import NOTHING, Own, own_material

__all__ = ["Stock"]

_SINGLE = 2  # stretches, of which it is kept what was found
_FILTERED = 4  # filtered archives that are kept


class Stock:
    """The rows of an archive with their reference, and its bins, tags and words for filters.

    `shards` are those of a cluster that holds them; None: this process has all.
    """

    def __init__(
        self,
        rows: ArchiveRows,
        reference: Reference,
        *,
        bins: Shots | None = None,
        tags: Tags | None = None,
        words: WordShots | None = None,
        shards: Shards | None = None,
    ) -> None:
        self.rows, self.reference = rows, reference
        self._bins, self._tags, self._words = bins or {}, tags, words
        self._recall = Recall(rows, reference)
        self.whole = rows, here(rows) if shards is None else shards
        self._filtered: dict[Filter, ArchiveRows] = {}

    def only(self, shots: AbstractSet[ShotRef]) -> Stock:
        """Return the same archive with no other shots than these; what was looked at is shared.

        Raises `MatchError` for none.
        """
        wanted = {ref.checksum for ref in shots}
        films = []
        for film in self.rows.films:
            if film.footage.checksum in wanted:
                kept = tuple(shot for shot in film.shots if film.ref(shot) in shots)
                films += [replace(film, shots=kept)] if kept else []
        if not films:
            raise MatchError("Nothing of the archive shows that.", code="nothing-left")
        less = Stock(
            ArchiveRows(films), self.reference, bins=self._bins, tags=self._tags, words=self._words
        )
        less._recall, less.whole = self._recall, self.whole
        return less

    def within(self, filters: Filter, job: Job = QUIET) -> ArchiveRows:
        """Return the archive as far as filters let it. Raises as `Filter.apply` does."""
        if not filters:
            return self.rows
        if filters not in self._filtered:
            while len(self._filtered) >= _FILTERED:
                del self._filtered[next(iter(self._filtered))]
            self._filtered[filters] = filters.apply(
                *(self.rows, self._bins), tags=self._tags, words=self._words, job=job
            )
        return self._filtered[filters]

    @cached_property
    def by_checksum(self) -> Mapping[str, ArchiveFilm]:
        """The films by the checksum of their footage."""
        return {film.footage.checksum: film for film in self.rows.films}

    def own(self, prints: NDArray[np.floating[Any]] | None, job: Job = QUIET) -> Own:
        """Return what a source with these prints shows of it; see `own_material`."""
        if prints is None or not len(prints):
            return NOTHING
        if not is_large(self.rows) or self.rows is not self.whole[0]:
            return own_material(prints, self.rows, job)
        return own_of(self.whole[1], prints, job)

    def candidates(
        self,
        queries: Sequence[Sequence[Query]],
        durations: Sequence[Fraction],
        options: MatchOptions,
        filters: Filter = Filter(),
        *,
        exclude: frozenset[str] = frozenset(),
        own: Own | None = None,
        job: Job = QUIET,
    ) -> list[list[Candidate]]:
        """Return the candidates of each stretch; see `find_candidates`."""
        return find_candidates(
            *(queries, durations, self.within(filters, job), self.reference, options),
            exclude=exclude,
            own=own,
            recall=self._recall if len(queries) <= _SINGLE else None,
            whole=self.whole,
            job=job,
        )
