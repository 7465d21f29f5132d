"""The shortest way through points, against every way and exact dynamic programming."""

import itertools

import numpy as np
import pytest

from kuleshov.match.likeness.tour import best_order, least, length


def exact(cost: np.ndarray) -> float:
    """Held and Karp 1962: the least cost of a way, by the set of points visited and the last."""
    count = len(cost)
    best = np.full((1 << count, count), np.inf)
    for point in range(count):
        best[1 << point, point] = 0
    for visited in range(1, 1 << count):
        for last in range(count):
            if not visited >> last & 1 or best[visited, last] == np.inf:
                continue
            for point in range(count):
                if not visited >> point & 1:
                    there = best[visited, last] + cost[last, point]
                    grown = visited | 1 << point
                    best[grown, point] = min(best[grown, point], there)
    return float(best[-1].min())


def costs(count: int, seed: int) -> np.ndarray:
    """Asymmetric: the way from the end of one line in the plane to the beginning of another."""
    rng = np.random.default_rng(seed)
    ends, begins = rng.random((2, count, 3))
    return np.linalg.norm(ends[:, None] - begins[None], axis=2)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_few_points_are_visited_as_well_as_can_be(count):
    for seed in range(5):
        cost = costs(count, seed)
        ways = itertools.permutations(range(count))
        best = min(length(cost, list(way)) for way in ways)
        way = best_order(cost)
        assert sorted(way) == list(range(count))
        assert length(cost, way) == pytest.approx(best)
        assert least(cost) <= best + 1e-9


@pytest.mark.slow
def test_it_comes_near_the_best_way_of_eleven():
    found, best = [], []
    for seed in range(6):
        cost = costs(11, seed)
        found.append(length(cost, best_order(cost)))
        best.append(exact(cost))
    assert np.all(np.array(found) >= np.array(best) - 1e-9)
    assert sum(found) <= 1.01 * sum(best)


@pytest.mark.slow
def test_many_points_are_far_better_than_by_nearest_neighbours_and_near_the_bound():
    cost = costs(60, 1)
    way = best_order(cost, kicks=10)
    assert sorted(way) == list(range(60))
    greedy = []
    for begin in range(60):
        left, at, total = set(range(60)) - {begin}, begin, 0.0
        while left:
            following = min(left, key=lambda point: cost[at, point])
            total, at = total + cost[at, following], following
            left.remove(at)
        greedy.append(total)
    assert length(cost, way) < 0.97 * min(greedy)
    assert length(cost, way) < 1.15 * least(cost)
    assert way == best_order(cost, kicks=10)
