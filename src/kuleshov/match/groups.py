"""Candidates of a selection in groups: of one stretch from one footage, or from one shot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kuleshov.match.worth import Pair, Problem, members_of

__all__ = ["Groups", "Returns"]

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


class Groups:
    """Candidates of one stretch with the same number (of a footage, of a shot) as G groups."""

    def __init__(self, problem: Problem, number: _Ints) -> None:
        self._count = int(number.max()) + 1
        self._keys, of = np.unique(problem.owner * self._count + number, return_inverse=True)
        self.of = of.astype(np.int64)
        self.members = members_of(self.of)
        self.number = self._keys % self._count

    def __len__(self) -> int:
        return len(self.members)

    def sums(self, x: _Floats) -> _Floats:
        """How far each group is taken, (G,)."""
        return np.bincount(self.of, x, len(self)).astype(np.float64)

    def any(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each group has a candidate that is kept, (G,)."""
        found = np.zeros(len(self), np.bool_)
        found[self.of[kept]] = True
        return found

    def least(self, values: _Floats) -> _Floats:
        """The least value in each group, (G,)."""
        found = np.full(len(self), np.inf)
        np.minimum.at(found, self.of, values)
        return found

    def common(self, i: int, j: int) -> tuple[_Ints, _Ints]:
        """The groups of two stretches with the same numbers, side by side."""
        n = self._count
        a = slice(*np.searchsorted(self._keys, [i * n, (i + 1) * n]))
        b = slice(*np.searchsorted(self._keys, [j * n, (j + 1) * n]))
        _, left, right = np.intersect1d(self.number[a], self.number[b], return_indices=True)
        return left + a.start, right + b.start

    def sides(self, pairs: Sequence[Pair]) -> tuple[_Ints, _Ints, _Ints]:
        """All common groups of the pairs: which pair, and the group on either side."""
        found = [self.common(i, j) for i, j, _ in pairs]
        of = np.repeat(np.arange(len(pairs)), [len(a) for a, _ in found])
        none = np.zeros(0, np.int64)
        return (
            of,
            np.concatenate([none, *(a for a, _ in found)]),
            np.concatenate([none, *(b for _, b in found)]),
        )


class Returns:
    """Two stretches from one archive shot: for each pair and shot that can answer both, K in all,
    the groups `a` and `b`, the `bits` gained and the `column`, -1 where there is none yet."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.groups = Groups(problem, problem.shot)
        pair, a, b = self.groups.sides(problem.returns)
        # Another range of the shot: one of them must end before one of the other begins.
        ends, starts = self.groups.least(problem.end), -self.groups.least(-problem.start)
        apart = (ends[a] <= starts[b]) | (ends[b] <= starts[a])
        self.a, self.b = a[apart], b[apart]
        self.bits = np.array([bits for *_, bits in problem.returns], np.float64)[pair[apart]]
        self.column = np.full(len(self.a), -1)
        self._at: dict[int, list[int]] = defaultdict(list)
        for k, sides in enumerate(zip(self.a.tolist(), self.b.tolist(), strict=True)):
            for group in sides:
                self._at[group].append(k)

    def any(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where both sides have a candidate that is kept, (K,)."""
        groups = self.groups.any(kept)
        return groups[self.a] & groups[self.b]

    def priced(self, reduced: _Floats) -> tuple[NDArray[np.bool_], _Floats]:
        """Which columns are lacking (K,), and what candidates cost where none is (C,).

        A return without a column changes nothing where the reduced costs of its two sides pay for
        it: each side's is shared out among its returns.
        """
        absent = self.column < 0
        budget = np.maximum(0, self.groups.least(reduced))
        share = np.zeros(len(self.groups))
        np.add.at(share, self.a[absent], 1)
        np.add.at(share, self.b[absent], 1)
        budget /= np.maximum(1, share)
        lacking = absent & (budget[self.a] + budget[self.b] < self.bits)
        paid = np.zeros(len(self.groups))
        one = np.minimum(self.bits, budget[self.a])
        np.add.at(paid, self.a[absent], one[absent])
        np.add.at(paid, self.b[absent], (self.bits - one)[absent])
        return lacking, reduced - paid[self.groups.of]

    def around(self, group: int) -> tuple[list[int], int]:
        """The returns of a group that have columns, and how many ranges the shot has room for.

        Where the shot has room for r ranges, one stretch returns to it with at most r - 1 others.
        """
        beside = [k for k in self._at[group] if self.column[k] >= 0]
        groups = {int(side) for k in beside for side in (self.a[k], self.b[k])}
        members = np.concatenate([self.groups.members[g] for g in sorted(groups)])
        start, end = self._problem.start[members], self._problem.end[members]
        room, last = 0, -np.inf
        for k in np.argsort(end, kind="stable"):
            if start[k] >= last:
                room, last = room + 1, end[k]
        return beside, room
