"""Solve the integer programme behind selection with HiGHS, through `scipy.optimize`.

Three steps. Its linear relaxation, with those of its many rows and columns that matter: what an
answer breaks is added until it breaks nothing (cutting planes, Dantzig, Fulkerson & Johnson 1954;
columns, Gilmore & Gomory 1961). A good answer known beforehand then leaves few candidates: one
whose reduced cost exceeds what lies between that answer and the relaxation is in no better answer
(reduced-cost fixing). Last the integer programme over those that are left.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.choose.groups import Groups, Returns, Wearing
from kuleshov.match.choose.worth import Problem, greedy, improved, worth

__all__ = ["Solved", "solve"]

_BROKEN = 1e-6  # by how much a row must be broken to be added
_STALLED = 1e-3  # a relative gain over five rounds of rows that is too little to go on
_KEPT_BACK = 0.6  # of the time, for whole numbers
_PROMISING, _WORTHWHILE = 20, 4
"""Candidates a stretch to begin with, where there are so many times more that may matter."""
_FEW_INSTANTS = 2000  # are all added at once
_QUICK, _ROUGH, _FINE = 5e-3, 1e-3, 1e-6
"""Relative gaps: among the promising; among all, roughly; and finely."""
_MANY = 5000  # candidates: with more it is not done finely
_NODES = 500  # of the search tree in the fine step: a limit that depends on no clock
_PROVED = 1e-5  # relative gap within which an answer counts as the best there is


_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Solved:
    """A selection and what is proved of it, in bits.

    The candidates `chosen` (S,), their `worth`, the `bound` that no selection exceeds, and the sum
    of the strongest of each stretch (`most`).
    """

    chosen: _Ints
    worth: float
    bound: float
    most: float

    @property
    def gap(self) -> float:
        """The most by which another selection might be worth more, as a share of `most`."""
        return max(0.0, self.bound - self.worth) / max(1.0, abs(self.most))

    @property
    def optimal(self) -> bool:
        """Whether it is proved that nothing better exists."""
        return self.gap <= _PROVED


def solve(problem: Problem, seconds: float, job: Job = QUIET) -> Solved:
    """Return the best selection, or the best that was found within about `seconds`.

    The same problem gives the same answer unless time runs out. A stop is answered at once; HiGHS,
    which cannot be interrupted, then works on in its thread until `seconds` are over, for nobody.
    """
    deadline = time.monotonic() + seconds
    chosen = improved(problem, greedy(problem, job), job)
    most = float(np.maximum.reduceat(problem.strength, problem.first[:-1]).sum())
    gained = sum(bits for *_, bits in problem.returns)
    known = Solved(chosen, worth(problem, chosen), most + gained - problem.film, most)
    programme = _Programme(problem, job)
    values, relaxed, prices, bounds = None, known.bound, None, []
    while not known.optimal and (left := deadline - _KEPT_BACK * seconds - time.monotonic()) > 0:
        answer = programme.relaxed(left)
        if answer is None:
            break
        values, relaxed, reduced = answer
        prices = programme.priced(reduced)
        bounds.append(relaxed)
        stalled = bounds[-6:][0] - relaxed <= _STALLED * abs(relaxed) and len(bounds) > 5
        if (not programme.separated(values) or stalled) and prices is not None:
            break
    if values is not None:
        bound = known.bound if prices is None else relaxed
        known = _better(problem, known, programme.rounded(values), bound, job)
    if prices is None:
        return known
    # First among the candidates that promise most, quickly; then among all that may be in a better
    # answer, whose bound is then true.
    for count in (_PROMISING * problem.stretches, len(prices)):
        known = _searched(problem, programme, known, (relaxed, prices, count), deadline, job)
    return known


def _searched(
    problem: Problem,
    programme: _Programme,
    known: Solved,
    relaxation: tuple[float, _Floats, int],
    deadline: float,
    job: Job,
) -> Solved:
    """Return what is known after the integer programme over at most so many candidates."""
    relaxed, prices, count = relaxation
    last = count == len(prices)
    gap = _ROUGH if last else _QUICK
    while not known.optimal and (left := deadline - time.monotonic()) > 0:
        # A selection with any other candidate is worth no more than what is known.
        able = int((prices <= relaxed - known.worth + _BROKEN).sum())
        if not last and able < _WORTHWHILE * count:
            break
        kept = np.zeros(len(prices), np.bool_)
        kept[np.argsort(prices, kind="stable")[: min(able, count)]] = True
        kept[known.chosen] = True
        found = programme.whole(kept, gap, left)
        if found is None:
            break
        bound = max(found.bound, known.worth) if last else known.bound
        known = _better(problem, known, programme.rounded(found.values), bound, job)
        if not programme.separated(found.values):
            if gap == _FINE or not last or able > _MANY:
                break
            gap = _FINE
    return known


def _better(problem: Problem, known: Solved, chosen: _Ints, bound: float, job: Job) -> Solved:
    """Return what is known after another answer and another bound."""
    chosen = improved(problem, chosen, job)
    total = worth(problem, chosen)
    if total <= known.worth:
        chosen, total = known.chosen, known.worth
    return Solved(chosen, total, min(bound, known.bound), known.most)


@dataclass(frozen=True, eq=False)
class _Found:
    """An answer in whole numbers.

    `values` are those of all columns; `bound` holds over the candidates that were allowed.
    """

    values: _Floats
    bound: float


class _Programme:
    """The integer programme: costs to minimise over columns, under rows `values @ column <= most`.

    The first C columns are the candidates, of which each stretch takes one. What is lost or gained
    has a column each: for two near stretches from one footage, for a footage used, for each time
    that material is shown again beyond what it may be, for a stretch that shows what an earlier
    variant showed, for an instant shown again, for a return.
    """

    def __init__(self, problem: Problem, job: Job) -> None:
        self._problem, self._job = problem, job
        self._count = len(problem.strength)
        self._cost = (-problem.strength).tolist()
        self._limit = [1.0] * self._count
        self._rows: list[tuple[_Ints, _Floats, float]] = []
        self._films = Groups(problem, problem.footage)
        self._near, self._near_a, self._near_b = self._films.sides(problem.near, job)
        self._near_column = np.array([self._column(bits) for *_, bits in problem.near], np.int64)
        self._near_held = np.zeros(len(self._near), np.bool_)
        films = int(problem.footage.max()) + 1 if problem.film else 0
        self._film_column = np.array([self._column(problem.film) for _ in range(films)], np.int64)
        self._film_held = np.zeros(len(self._films), np.bool_)
        self._held: dict[int, int] = {}  # instants, with the columns that count repeats
        for seen in problem.earlier:
            again = self._column(problem.same, np.inf)
            self._row(np.flatnonzero(seen), [again], float(problem.most_same))
        self._wears = [Wearing(problem, wear) for wear in problem.wears]
        self._returns = Returns(problem, job)

    def _column(self, cost: float, limit: float = 1.0) -> int:
        self._cost.append(cost)
        self._limit.append(limit)
        return len(self._cost) - 1

    def _row(self, plus: Iterable[int], minus: Iterable[int], most: float, by: float = 1.0) -> None:
        """Add a row: the sum of `plus` less `by` times the sum of `minus` is at most `most`."""
        more, less = np.array([*plus], np.int64), np.array([*minus], np.int64)
        values = np.concatenate([np.ones(len(more)), np.full(len(less), -by)])
        self._rows.append((np.concatenate([more, less]), values, most))

    # Solving

    def relaxed(self, seconds: float) -> tuple[_Floats, float, _Floats] | None:
        """Return the relaxed answer: all columns, bound, and the candidates' reduced costs (C,).

        Columns need not be whole numbers.
        """
        from scipy.optimize import linprog

        rows, most, one = self._matrices()
        result = stoppable(
            lambda: linprog(
                self._cost,
                A_ub=rows,
                b_ub=most,
                A_eq=one,
                b_eq=np.ones(self._problem.stretches),
                bounds=[(0.0, limit) for limit in self._limit],
                method="highs-ds",
                options={"time_limit": max(0.1, seconds)},
            ),
            self._job,
        )
        if result.status != 0 or result.fun is None:
            return None
        # A candidate's limit of 1 is implied by its stretch's sum and may take a part of its cost.
        marginals = result.lower.marginals + result.upper.marginals
        return np.asarray(result.x), -float(result.fun), marginals[: self._count]

    def whole(self, kept: NDArray[np.bool_], gap: float, seconds: float) -> _Found | None:
        """Return the answer in whole numbers over the candidates `kept` (C,)."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        self._complete(kept)
        rows, most, one = self._matrices()
        others = np.arange(self._count, len(self._cost))
        columns = np.concatenate([np.flatnonzero(kept), others])
        whole = np.concatenate([np.ones(int(kept.sum())), np.zeros(len(others))])
        result = stoppable(
            lambda: milp(
                np.array(self._cost)[columns],
                constraints=[
                    LinearConstraint(one[:, columns], 1, 1),
                    LinearConstraint(rows[:, columns], -np.inf, most),
                ],
                bounds=Bounds(0, np.array(self._limit)[columns]),
                integrality=whole,
                options={
                    "time_limit": max(0.1, seconds),
                    "mip_rel_gap": gap,
                    "node_limit": _NODES if gap <= _FINE else 1_000_000,
                },
            ),
            self._job,
        )
        if result.x is None:
            return None
        values = np.zeros(len(self._cost))
        values[columns] = result.x
        bound = result.mip_dual_bound
        return _Found(values, np.inf if bound is None else -float(bound))

    def rounded(self, values: _Floats) -> _Ints:
        """Return the candidate of each stretch that is taken furthest, (S,)."""
        first = self._problem.first
        parts = np.split(values[: self._count], first[1:-1])
        return first[:-1] + np.array([part.argmax() for part in parts], np.int64)

    def _matrices(self) -> tuple[Any, _Floats, Any]:
        """Return the rows, their limits, and the sums over the candidates of each stretch."""
        from scipy.sparse import csr_array

        width, problem = len(self._cost), self._problem
        columns = [c for c, _, _ in self._rows]
        values = [v for _, v, _ in self._rows]
        ends = np.cumsum([0, *(len(c) for c in columns)])
        empty = np.zeros(0)
        rows = csr_array(
            (np.concatenate([empty, *values]), np.concatenate([empty.astype(int), *columns]), ends),
            shape=(len(self._rows), width),
        )
        ones = np.ones(self._count)
        one = csr_array(
            (ones, (problem.owner, np.arange(self._count))), shape=(problem.stretches, width)
        )
        return rows, np.array([most for *_, most in self._rows]), one

    # Rows and columns as they are needed

    def separated(self, values: _Floats) -> bool:
        """Add the rows that an answer breaks, and return whether there were any."""
        before, x = len(self._rows), values[: self._count]
        instants = self._problem.instants
        shown = instants @ x
        for instant, again in self._held.items():
            shown[instant] -= values[again]
        self._add_instants(np.flatnonzero(shown > 1 + _BROKEN))
        taken = self._films.sums(x)
        over = taken[self._near_a] + taken[self._near_b] - values[self._near_column[self._near]]
        self._add_near(over > 1 + _BROKEN)
        if len(self._film_column):
            self._add_films(taken > values[self._film_column[self._films.number]] + _BROKEN)
        for wearing in self._wears:
            self._add_wear(wearing, wearing.broken(x, _BROKEN))
        return len(self._rows) > before

    def priced(self, reduced: _Floats) -> _Floats | None:
        """Return reduced costs, (C,), that hold with the returns that have no columns yet.

        Returns None after adding columns where there are no such costs.
        """
        lacking, prices = self._returns.priced(reduced)
        if not lacking.any():
            return prices
        self._add_returns(lacking)
        return None

    def _complete(self, kept: NDArray[np.bool_]) -> None:
        """Add all rows that concern kept candidates only; of many instants only those needed."""
        if self._problem.instants.shape[0] <= _FEW_INSTANTS:
            self._add_instants(np.arange(self._problem.instants.shape[0]))
        groups = self._films.any(kept)
        self._add_near(groups[self._near_a] & groups[self._near_b])
        if len(self._film_column):
            self._add_films(groups)
        for wearing in self._wears:
            self._add_wear(wearing, wearing.possible(kept))
        self._add_returns(self._returns.any(kept))

    def _add_instants(self, wanted: _Ints) -> None:
        instants = self._problem.instants
        for instant in self._job.over(wanted.tolist()):
            if instant not in self._held:
                again = self._held[instant] = self._column(self._problem.repeat, np.inf)
                part = slice(instants.indptr[instant], instants.indptr[instant + 1])
                self._row(instants.indices[part], [again], 1.0)

    def _add_near(self, wanted: NDArray[np.bool_]) -> None:
        members = self._films.members
        for k in self._job.over(np.flatnonzero(wanted & ~self._near_held)):
            both = np.concatenate([members[self._near_a[k]], members[self._near_b[k]]])
            self._row(both, [self._near_column[self._near[k]]], 1.0)
        self._near_held |= wanted

    def _add_films(self, wanted: NDArray[np.bool_]) -> None:
        for group in self._job.over(np.flatnonzero(wanted & ~self._film_held)):
            used = self._film_column[self._films.number[group]]
            self._row(self._films.members[group], [used], 0.0)
        self._film_held |= wanted

    def _add_wear(self, wearing: Wearing, wanted: Iterable[int]) -> None:
        """Add the rows that count how often material is shown, and columns for each time again."""
        wear = wearing.wear
        for material in self._job.over(wanted):
            shown: list[int] = []
            for groups in wearing.by_setup(material):
                if len(groups) == 1:
                    shown += groups[0].tolist()
                    continue
                once = self._column(0.0)
                for members in groups:
                    self._row(members, [once], 0.0)
                shown.append(once)
            for limit in wearing.limits(material):
                self._row(shown, [self._column(wear.bits, np.inf)], float(limit))
            wearing.held.add(material)

    def _add_returns(self, wanted: NDArray[np.bool_]) -> None:
        returns = self._returns
        members = returns.groups.members
        touched: set[int] = set()
        for k in self._job.over(np.flatnonzero(wanted & (returns.column < 0))):
            column = returns.column[k] = self._column(-returns.bits[k])
            for group in (int(returns.a[k]), int(returns.b[k])):
                self._row([column], members[group], 0.0)
                touched.add(group)
        for group in self._job.over(sorted(touched)):
            beside, room = returns.around(group)
            if room - 1 < len(beside):
                self._row(returns.column[beside], members[group], 0.0, by=room - 1)
