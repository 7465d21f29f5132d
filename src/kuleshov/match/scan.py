"""The first look at an archive: every in-point on its grid, in one pass over all rows.

A frame's nearest neighbour is found anywhere; an editor needs two seconds that stay alike. So the
score of an in-point is, for each facet, the mean over the stretch of how alike source and archive
are at the same moment after the in-point: the sum along a diagonal of the matrix of similarities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.match.query import Query
from kuleshov.match.rows import Block
from kuleshov.match.strength import Strength

__all__ = ["MISSING", "TITLE", "Hits", "Scan"]

MISSING = 4.0
"""Bits that an answer loses, in proportion to the part of the stretch that it cannot fill."""

TITLE = 6.0
"""Bits that a title card loses where it answers a picture."""

_SLACK = 0.26  # s; an in-point on the grid may be moved this far to fit into a shot


@dataclass(frozen=True, repr=False, eq=False)
class Hits:
    """In-points with their strength in bits; all arrays (H,). `length` is media time, s."""

    strength: NDArray[np.float32]
    film: NDArray[np.int32]
    number: NDArray[np.int32]
    start: NDArray[np.float64]
    length: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.strength)

    @staticmethod
    def joined(parts: Sequence[Hits]) -> Hits:
        """All of `parts` in order."""
        names = ("strength", "film", "number", "start", "length")
        kinds = (np.float32, np.int32, np.int32, np.float64, np.float64)
        return Hits(
            *(
                np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)])
                for name, kind in zip(names, kinds, strict=True)
            )
        )

    def best(self, most: int) -> Hits:
        """The `most` strongest, in the order in which they are."""
        if len(self) <= most:
            return self
        top = np.sort(np.argpartition(-self.strength, most)[:most])
        return Hits(
            self.strength[top], self.film[top], self.number[top], self.start[top], self.length[top]
        )


class Scan:
    """One query against one block after another; keeps the `most` strongest in-points.

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
        """The query's rows of a facet that lie on the archive's grid, (n, D)."""
        return np.asarray(self._rows[facet], np.float32)

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self._count

    def look(self, block: Block, similar: dict[str, NDArray[np.float32]], how: Strength) -> None:
        """Take in a block: `similar` is facet to (n, R), its samples against the block's rows."""
        rows = len(block.shot)
        starts = max(0, rows - self._count + 1)
        length = block.end - block.start
        short = np.flatnonzero(
            (length < self._query.duration - 1e-9)
            & (length >= self._shortest * self._query.duration - 1e-9)
            & (block.count > 0)
        )
        mean = {
            name: np.concatenate(
                (_diagonals(part, starts), _heads(part, block.first[short], block.count[short]))
            )
            for name, part in similar.items()
        }
        strength = how.whole(mean)
        self._keep(self._full(strength[:starts], block))
        part = length[short] / self._query.duration
        lost = np.float32(MISSING) * np.maximum(0, 1 - part).astype(np.float32)
        self._keep(
            self._hits(short, strength[starts:] - lost, block, block.start[short], length[short])
        )

    def hits(self) -> Hits:
        """The strongest in-points of all blocks."""
        return Hits.joined(self._kept).best(self._most)

    def _full(self, strength: NDArray[np.float32], block: Block) -> Hits:
        """In-points at which the whole stretch fits into one shot at its own speed."""
        starts = len(strength)
        owner = block.shot[:starts]
        same = (owner >= 0) & (owner == block.shot[self._count - 1 :][:starts])
        chosen = np.flatnonzero(same & (strength > self._floor))
        if not len(chosen):
            return Hits.joined([])
        shot = owner[chosen]
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
        block: Block,
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
            self._floor = float(best.strength.min())


def _diagonals(similar: NDArray[np.float32], starts: int) -> NDArray[np.float32]:
    """(starts,): the mean along the diagonal that begins at each row."""
    mean = np.zeros(starts, np.float32)
    for sample, row in enumerate(similar):
        mean += row[sample : sample + starts]
    return np.asarray(mean / len(similar), np.float32)


def _heads(
    similar: NDArray[np.float32], first: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(S,): the mean along the diagonal from the `first` row of each shot, as far as it goes."""
    sample = np.arange(len(similar))[:, None]
    inside = sample < count
    along = similar[sample, np.minimum(first + sample, similar.shape[1] - 1)]
    return np.asarray((along * inside).sum(axis=0) / np.maximum(1, inside.sum(axis=0)), np.float32)
