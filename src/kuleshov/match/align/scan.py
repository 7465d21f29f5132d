"""Scan an archive: score every in-point on its grid, in one pass over all rows.

A frame's nearest neighbour is found anywhere; an editor needs two seconds that stay alike. So the
score of an in-point is, for each facet, the mean over the stretch of how alike source and archive
are at the same moment after the in-point: the sum along a diagonal of the matrix of similarities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import RowBlock
from kuleshov.match.align.query import Query
from kuleshov.match.align.strength import Strength

__all__ = ["MISSING", "TITLE", "Hits", "Scan"]

MISSING = 4.0
"""Bits that an answer loses, in proportion to the part of the stretch that it cannot fill."""

TITLE = 6.0
"""Bits that a title card loses where it answers a picture."""

_SEVERAL = 20  # times as many in-points as wanted are looked at first
_SLACK = 0.26  # s; an in-point on the grid may be moved this far to fit into a shot


@dataclass(frozen=True, repr=False, eq=False)
class Hits:
    """Hits: in-points with their strength in bits; all arrays are (H,).

    `length` is media time, s.
    """

    strength: NDArray[np.float32]
    film: NDArray[np.int32]
    number: NDArray[np.int32]
    start: NDArray[np.float64]
    length: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.strength)

    @staticmethod
    def joined(parts: Sequence[Hits]) -> Hits:
        """Return the hits of all `parts`, in order."""
        names = ("strength", "film", "number", "start", "length")
        kinds = (np.float32, np.int32, np.int32, np.float64, np.float64)
        return Hits(
            *(
                np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])
                for name, kind in zip(names, kinds, strict=True)
            )
        )

    def best(self, most: int) -> Hits:
        """Return the `most` strongest hits in their order.

        Of equally strong ones those first in the archive are taken, so that it makes no difference
        how much of it is looked at at once.
        """
        if len(self) <= most:
            return self
        least = -np.partition(-self.strength, most - 1)[most - 1]
        sure, equal = np.flatnonzero(self.strength > least), np.flatnonzero(self.strength == least)
        order = np.lexsort((self.start[equal], self.number[equal], self.film[equal]))
        top = np.sort(np.concatenate([sure, equal[order][: most - len(sure)]]))
        return Hits(
            self.strength[top], self.film[top], self.number[top], self.start[top], self.length[top]
        )


class Scan:
    """A scan with one query over one block after another, which keeps the `most` strongest hits.

    `shortest` is the share of the stretch that a shot must have to be proposed at all: 1 / the
    greatest stretch, or less where too short shots are wanted too.
    """

    def __init__(self, query: Query, grid: int, most: int, shortest: float) -> None:
        count = max(1, int(query.duration * grid + 1e-6))
        first = (query.duration - (count - 1) / grid) / 2
        wanted = first + np.arange(count) / grid
        nearest = np.abs(query.time[None, :] - wanted[:, None]).argmin(axis=1)
        self._query, self._most, self._shortest = query, most, shortest
        self._first = first
        self._count = count
        self._rows = {name: rows[nearest] for name, rows in query.rows.items()}
        self._kept: list[Hits] = []
        self._waiting = 0
        self._floor = -np.inf

    def samples(self, facet: str) -> NDArray[np.float32]:
        """Return the query's rows of a facet that lie on the archive's grid, (n, D)."""
        return np.asarray(self._rows[facet], np.float32)

    @property
    def count(self) -> int:
        """The number of samples."""
        return self._count

    def look(self, block: RowBlock, similar: dict[str, NDArray[np.float32]], how: Strength) -> None:
        """Take in a block; `similar` maps a facet to (n, R), its samples against the rows."""
        short = self.too_short(block, self._shortest)
        parts = {name: self.means(block, part, short) for name, part in similar.items()}
        strength = how.whole({name: np.concatenate(both) for name, both in parts.items()})
        starts = len(strength) - len(short)
        self.take(block, strength[:starts], strength[starts:], short)

    def too_short(self, block: RowBlock, shortest: float) -> NDArray[np.int64]:
        """Return which shots of a block are shorter than the stretch, but have that share of it."""
        length = block.end - block.start
        return np.flatnonzero(
            (length < self._query.duration - 1e-9)
            & (length >= shortest * self._query.duration - 1e-9)
            & (block.count > 0)
        )

    def means(
        self, block: RowBlock, similar: NDArray[np.float32], short: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the likeness in one facet from each row of a block on, and of too short shots.

        `similar` (n, R) are the samples against the rows.
        """
        starts = max(0, len(block.shot) - self._count + 1)
        heads = _heads(similar, block.first[short], block.count[short])
        return _diagonals(similar, starts), heads

    def take(
        self,
        block: RowBlock,
        full: NDArray[np.float32],
        heads: NDArray[np.float32],
        short: NDArray[np.int64],
        allowed: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take in the strength from each row of a block on, and that of shots that are too short.

        The latter are numbered in `short`. Only `allowed` shots are proposed (None: all).
        """
        length = block.end - block.start
        wanted = length[short] >= self._shortest * self._query.duration - 1e-9
        if allowed is not None:
            wanted &= allowed[short]
        short, heads = short[wanted], heads[wanted]
        self._keep(self._full(full, block, allowed))
        part = length[short] / self._query.duration
        lost = np.float32(MISSING) * np.maximum(0, 1 - part).astype(np.float32)
        self._keep(self._hits(short, heads - lost, block, block.start[short], length[short]))

    def hits(self) -> Hits:
        """Return the strongest hits of all blocks."""
        return Hits.joined(self._kept).best(self._most)

    def _full(
        self, strength: NDArray[np.float32], block: RowBlock, allowed: NDArray[np.bool_] | None
    ) -> Hits:
        """Return the hits at which the whole stretch fits into one shot at its own speed."""
        starts = len(strength)
        owner = block.shot[:starts]
        same = (owner >= 0) & (owner == block.shot[self._count - 1 :][:starts])
        if allowed is not None:
            same &= allowed[np.maximum(owner, 0)]
        chosen = np.flatnonzero(same & (strength > self._floor))
        if len(chosen) > _SEVERAL * self._most:
            # The strongest first: if they are enough, no other need be looked at.
            there = strength[chosen]
            least = -np.partition(-there, _SEVERAL * self._most)[_SEVERAL * self._most]
            found = self._placed(strength, chosen[there > least], block)
            if (found.strength > least).sum() >= self._most:
                return found
        return self._placed(strength, chosen, block)

    def _placed(
        self, strength: NDArray[np.float32], chosen: NDArray[np.int64], block: RowBlock
    ) -> Hits:
        """Return the hits at these rows, as far as the stretch fits into their shots."""
        if not len(chosen):
            return Hits.joined([])
        shot = block.shot[chosen]
        wanted = block.time[chosen] - self._first
        latest = block.end[shot] - self._query.duration
        start = np.clip(wanted, block.start[shot], np.maximum(latest, block.start[shot]))
        fits = (latest >= block.start[shot] - 1e-9) & (np.abs(start - wanted) <= _SLACK)
        length = np.full(len(chosen), self._query.duration)
        return self._hits(shot[fits], strength[chosen][fits], block, start[fits], length[fits])

    def _hits(
        self,
        shot: NDArray[np.int64] | NDArray[np.int32],
        strength: NDArray[np.float32],
        block: RowBlock,
        start: NDArray[np.float64],
        length: NDArray[np.float64],
    ) -> Hits:
        if not self._query.title:
            strength = strength - np.float32(TITLE) * block.title[shot].astype(np.float32)
        allowed = strength > self._floor
        if self._query.mirrored:
            allowed &= ~block.lettered[shot]  # letters are never mirrored
        return Hits(
            strength[allowed],
            block.film[shot][allowed],
            block.number[shot][allowed],
            start[allowed],
            length[allowed],
        ).best(self._most)

    def _keep(self, hits: Hits) -> None:
        self._kept.append(hits)
        self._waiting += len(hits)
        if self._waiting > 4 * self._most:
            # What is weaker than all that are kept need not be looked at again.
            best = Hits.joined(self._kept).best(self._most)
            self._kept, self._waiting = [best], 0
            # What is as strong may come first in the archive.
            self._floor = float(np.nextafter(best.strength.min(), np.float32(-np.inf)))


def _diagonals(similar: NDArray[np.float32], starts: int) -> NDArray[np.float32]:
    """Return the mean along the diagonal that begins at each row, (starts,)."""
    mean = np.zeros(starts, np.float32)
    for sample, row in enumerate(similar):
        mean += row[sample : sample + starts]
    return np.asarray(mean / len(similar), np.float32)


def _heads(
    similar: NDArray[np.float32], first: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the mean along the diagonal from each shot's `first` row, as far as it goes, (S,)."""
    sample = np.arange(len(similar))[:, None]
    inside = sample < count
    along = similar[sample, np.minimum(first + sample, similar.shape[1] - 1)]
    return np.asarray((along * inside).sum(axis=0) / np.maximum(1, inside.sum(axis=0)), np.float32)
