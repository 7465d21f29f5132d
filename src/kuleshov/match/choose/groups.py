"""Group the candidates of a selection: of one stretch from one footage, shot or other material."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kuleshov.jobs import QUIET, Job
from kuleshov.match.choose.worth import Pair, Problem, Wear, members_of

__all__ = ["Groups", "Returns", "Wearing"]

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


class Groups:
    """The G groups of candidates of one stretch with the same number, of a footage or a shot."""

    def __init__(self, problem: Problem, number: _Ints) -> None:
        self._count = int(number.max()) + 1
        self._keys, of = np.unique(problem.owner * self._count + number, return_inverse=True)
        self.of = of.astype(np.int64)
        self.members = members_of(self.of)
        self.number = self._keys % self._count

    def __len__(self) -> int:
        return len(self.members)

    def sums(self, x: _Floats) -> _Floats:
        """Return how far each group is taken, (G,)."""
        return np.bincount(self.of, x, len(self)).astype(np.float64)

    def any(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether each group has a candidate that is kept, (G,)."""
        found = np.zeros(len(self), np.bool_)
        found[self.of[kept]] = True
        return found

    def least(self, values: _Floats) -> _Floats:
        """Return the least value in each group, (G,)."""
        found = np.full(len(self), np.inf)
        np.minimum.at(found, self.of, values)
        return found

    def common(self, i: int, j: int) -> tuple[_Ints, _Ints]:
        """Return the groups of two stretches that have the same numbers, side by side."""
        n = self._count
        a = slice(*np.searchsorted(self._keys, [i * n, (i + 1) * n]))
        b = slice(*np.searchsorted(self._keys, [j * n, (j + 1) * n]))
        _, left, right = np.intersect1d(self.number[a], self.number[b], return_indices=True)
        return left + a.start, right + b.start

    def sides(self, pairs: Sequence[Pair], job: Job = QUIET) -> tuple[_Ints, _Ints, _Ints]:
        """Return all common groups of the pairs: which pair, and the group on either side."""
        found = [self.common(i, j) for i, j, _ in job.over(pairs)]
        of = np.repeat(np.arange(len(pairs)), [len(a) for a, _ in found])
        none = np.zeros(0, np.int64)
        return (
            of,
            np.concatenate([none, *(a for a, _ in found)]),
            np.concatenate([none, *(b for _, b in found)]),
        )


class Returns:
    """The returns of two stretches to one archive shot, K in all: one for each pair and shot.

    `a` and `b` are the groups on either side, `bits` what is gained, and `column` its column, -1
    where there is none yet.
    """

    def __init__(self, problem: Problem, job: Job = QUIET) -> None:
        self._problem = problem
        self.groups = Groups(problem, problem.shot)
        pair, a, b = self.groups.sides(problem.returns, job)
        # Another range of the shot: one of them must end before one of the other begins.
        ends, starts = self.groups.least(problem.end), -self.groups.least(-problem.start)
        apart = (ends[a] <= starts[b]) | (ends[b] <= starts[a])
        self.a, self.b = a[apart], b[apart]
        self.bits = np.array([bits for *_, bits in problem.returns], np.float64)[pair[apart]]
        self.column = np.full(len(self.a), -1)
        self._at: dict[int, list[int]] = defaultdict(list)
        for k, sides in enumerate(job.over(zip(self.a.tolist(), self.b.tolist(), strict=True))):
            for group in sides:
                self._at[group].append(k)

    def any(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where both sides have a candidate that is kept, (K,)."""
        groups = self.groups.any(kept)
        return groups[self.a] & groups[self.b]

    def priced(self, reduced: _Floats) -> tuple[NDArray[np.bool_], _Floats]:
        """Return which columns are lacking, (K,), and candidates' costs where none is, (C,).

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
        """Return the returns of a group that have columns, and how many ranges its shot can hold.

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


class Wearing:
    """The materials that wear by being shown again, and which of them have rows already.

    `held` are those that have.
    """

    def __init__(self, problem: Problem, wear: Wear) -> None:
        self.wear = wear
        self.held: set[int] = set()
        self._owner = problem.owner
        self._setup = wear.setups(problem.stretches)[problem.owner]
        order = np.argsort(wear.of, kind="stable")
        numbers, first = np.unique(wear.of[order], return_index=True)
        parts = np.split(order, first[1:])
        self._members = {
            number: part
            for number, part in zip(numbers.tolist(), parts, strict=True)
            if number >= 0 and len(np.unique(self._setup[part])) > wear.limits[number, 0]
        }

    def limits(self, material: int) -> list[int]:
        """Return those of its limits that it can exceed: in so many set-ups it is offered."""
        most = len(np.unique(self._setup[self._members[material]]))
        return [limit for limit in self.wear.limits[material].tolist() if limit < most]

    def by_setup(self, material: int) -> list[list[_Ints]]:
        """Return the candidates that show a material: of each set-up, those of each stretch."""
        members = self._members[material]
        found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for one in members.tolist():
            found[int(self._setup[one])][int(self._owner[one])].append(one)
        return [[np.array(part) for part in stretches.values()] for stretches in found.values()]

    def possible(self, kept: NDArray[np.bool_]) -> list[int]:
        """Return the materials without rows that kept candidates may show more often than free."""
        return [
            material
            for material, members in self._members.items()
            if material not in self.held
            and len(np.unique(self._setup[members[kept[members]]])) > self.wear.limits[material, 0]
        ]

    def broken(self, x: _Floats, least: float) -> list[int]:
        """Return the materials without rows that candidates taken so far, (C,), show too often."""
        return [
            material
            for material, members in self._members.items()
            if material not in self.held
            and self._shown(x, members) > self.wear.limits[material, 0] + least
        ]

    def _shown(self, x: _Floats, members: _Ints) -> float:
        """Return in how many set-ups candidates are shown, each of which counts once."""
        stretches = np.bincount(self._owner[members], x[members])
        owners, at = np.unique(self._owner[members], return_index=True)
        setups = np.zeros(int(self._setup.max()) + 1)
        np.maximum.at(setups, self._setup[members[at]], stretches[owners])
        return float(setups.sum())
