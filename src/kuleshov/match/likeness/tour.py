"""Find a short way through N points, each visited once, where going and coming back differ.

An asymmetric travelling salesman without the way home. Nearest neighbours from several points, then
local search until nothing is gained: two neighbouring parts of any length change places (an or-3opt
move, which turns nothing round), and a part is turned round (2-opt, its inner costs both ways).
Then, again and again, the best way is broken at three places (double bridge; Martin, Otto and
Felten 1991) and searched anew. The same costs give the same way.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from kuleshov.jobs import QUIET, Job

__all__ = ["best_order", "least", "length"]

Costs = NDArray[np.float64]

_STARTS = 8  # points from which nearest neighbours are followed
_KICKS = 40
_GAIN = 1e-9


def best_order(cost: Costs, kicks: int = _KICKS, job: Job = QUIET) -> list[int]:
    """Return the order in which to visit N points; `cost` (N, N) is from row to column.

    About N³ steps a round; for up to some hundred points.
    """
    count = len(cost)
    if count < 3:
        return min(
            (list(order) for order in itertools.permutations(range(count))),
            key=lambda order: length(cost, order),
        )
    order = np.argsort(cost.sum(axis=1))
    begins = order[np.linspace(0, count - 1, min(_STARTS, count)).round().astype(int)]
    ways = [_improved(cost, _nearest(cost, int(begin)), job) for begin in job.over(begins)]
    best = min(ways, key=lambda way: length(cost, way))
    rng = np.random.default_rng(count)
    for _ in range(kicks if count > 7 else 0):
        at = np.sort(rng.choice(np.arange(1, count), 3, replace=False))
        parts = np.split(best, at)
        tried = _improved(cost, np.concatenate([parts[k] for k in (0, 2, 1, 3)]), job)
        if length(cost, tried) < length(cost, best) - _GAIN:
            best = tried
    return [int(point) for point in best]


def length(cost: Costs, order: NDArray[np.int64] | list[int]) -> float:
    """Return the cost of a way."""
    return float(cost[order[:-1], order[1:]].sum()) if len(order) > 1 else 0.0


def least(cost: Costs) -> float:
    """Return the least that any way can cost.

    Each point but one is followed by its own successor, whether or not they make one way (the
    assignment problem).
    """
    from scipy.optimize import linear_sum_assignment

    count = len(cost)
    if count < 2:
        return 0.0
    far = float(np.abs(cost).max()) * count + 1
    wide = np.zeros((count + 1, count + 1))
    wide[:count, :count] = np.where(np.eye(count, dtype=bool), far, cost)
    wide[count, count] = far
    rows, columns = linear_sum_assignment(wide)
    return float(wide[rows, columns].sum())


def _nearest(cost: Costs, begin: int) -> NDArray[np.int64]:
    way = [begin]
    left = np.ones(len(cost), bool)
    left[begin] = False
    while left.any():
        following = np.where(left, cost[way[-1]], np.inf)
        way.append(int(following.argmin()))
        left[way[-1]] = False
    return np.array(way)


def _improved(cost: Costs, way: NDArray[np.int64], job: Job) -> NDArray[np.int64]:
    while True:
        better = _swapped(cost, way, job)
        if better is None:
            better = _turned(cost, way)
        if better is None:
            return way
        way = better


def _framed(cost: Costs, way: NDArray[np.int64]) -> Costs:
    """Return the costs between places of the way, 1 to N.

    Places 0 and N + 1 lie before and after it and cost nothing.
    """
    framed = np.zeros((len(way) + 2, len(way) + 2))
    framed[1:-1, 1:-1] = cost[np.ix_(way, way)]
    return framed


def _swapped(cost: Costs, way: NDArray[np.int64], job: Job) -> NDArray[np.int64] | None:
    """Return the way with two neighbouring parts exchanged where that gains; else None.

    From the first place on at which any exchange gains, it is the one that gains most.
    """
    c, count = _framed(cost, way), len(way)
    step = c[np.arange(count + 1), np.arange(1, count + 2)]  # from each place to the next
    for i in job.over(range(count - 1)):
        # Parts i + 1 … j and j + 1 … k.
        j = np.arange(i + 1, count)[:, None]
        k = np.arange(i + 2, count + 1)[None, :]
        change = c[i, j + 1] + c[k, i + 1] + c[j, k + 1] - step[i] - step[j] - step[k]
        change = np.where(k > j, change, np.inf)
        best = int(change.argmin())
        if change.flat[best] < -_GAIN:
            a, b = divmod(best, change.shape[1])
            j0, k0 = i + 1 + a, i + 2 + b
            return np.concatenate([way[:i], way[j0:k0], way[i:j0], way[k0:]])
    return None


def _turned(cost: Costs, way: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the way with the part turned round that gains most; None where none gains."""
    c, count = _framed(cost, way), len(way)
    place = np.arange(count + 1)
    there = np.concatenate([[0.0], np.cumsum(c[place, place + 1])])  # up to each place
    back = np.concatenate([[0.0], np.cumsum(c[place + 1, place])])
    i = np.arange(1, count + 1)[:, None]
    j = np.arange(1, count + 1)[None, :]
    inner = (back[j] - back[i]) - (there[j] - there[i])
    change = c[i - 1, j] + c[i, j + 1] - c[i - 1, i] - c[j, j + 1] + inner
    change = np.where(j > i, change, np.inf)
    best = int(change.argmin())
    if not change.flat[best] < -_GAIN:
        return None
    a, b = divmod(best, count)
    return np.concatenate([way[:a], way[a : b + 1][::-1], way[b + 1 :]])
