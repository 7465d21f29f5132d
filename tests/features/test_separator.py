"""Separators: a line between some examples and what is usual."""

import numpy as np

from kuleshov.features.separator import separate, surety

SIZE = 64


def around(centre, count, seed, spread=0.7):
    """Unit rows about a direction."""
    rows = centre + spread * np.random.default_rng(seed).normal(0, SIZE**-0.5, (count, SIZE))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def direction(seed):
    way = np.random.default_rng(seed).normal(size=SIZE)
    return way / np.linalg.norm(way)


NONE = np.zeros((0, SIZE), np.float32)
USUAL = around(0.6 * direction(9), 500, 1, spread=1.5)
MEANT, OTHER = direction(2), direction(3)


def test_what_is_like_the_examples_lies_before_what_is_usual():
    found = separate(around(MEANT, 3, 4), NONE, USUAL)
    same, usual = found.deviations(around(MEANT, 50, 5)), found.deviations(USUAL)
    assert np.mean(same[:, None] > usual[None]) > 0.98
    assert np.mean(same >= found.clear) > 0.9 > 0.1 > np.mean(usual >= found.clear)
    assert abs(float(usual.mean())) < 1e-3
    assert np.all(found.bits(USUAL)[usual > 0] > 0)


def test_an_example_of_what_is_not_meant_moves_the_line():
    """Where the examples show two kinds at once, the one that is not meant falls."""
    mixed = np.concatenate([around(MEANT + 0.8 * OTHER, 2, 6)])
    without = separate(mixed, NONE, USUAL)
    with_it = separate(mixed, around(OTHER, 2, 7), USUAL)
    wrong, right = around(OTHER, 20, 8), around(MEANT, 20, 10)
    gap = [np.mean(one.deviations(right)) - np.mean(one.deviations(wrong)) for one in
           (without, with_it)]  # fmt: skip
    assert gap[1] > gap[0] + 1


def test_how_sure_it_is_tells_examples_of_one_kind_from_any():
    kind = surety(around(MEANT, 4, 11), NONE, USUAL)
    anything = surety(USUAL[::100], NONE, USUAL)
    assert kind is not None
    assert anything is not None
    assert kind > 0.95
    assert abs(anything - 0.5) < 0.35
    assert surety(around(MEANT, 1, 12), NONE, USUAL) is None
