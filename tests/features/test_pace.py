"""What takes long looks a few times a second, and wherever the picture has changed."""

from fractions import Fraction

import numpy as np
import pytest

from fakes import CutDetector, MeanEncoder, inline
from films import flat, make_film
from kuleshov.features.analyse import Analyst
from kuleshov.features.encoder import NO_NETWORK

RATE = 24


class Light:
    """A slow facet that gives the picture's light, and remembers how many pictures it saw."""

    name = "light"
    version = 1
    maker = NO_NETWORK
    slow = True
    pace = 2

    def __init__(self):
        self.seen = 0

    def describe(self, seen):
        self.seen += len(seen.images)
        return seen.images.mean(axis=(1, 2, 3))[:, None].astype(np.float16)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three seconds that grow lighter by a level a frame, but for a cut after 1.2 s."""
    path = tmp_path_factory.mktemp("pace") / "light.mp4"
    frames = [flat(40 + n // 2 + (90 if n >= 29 else 0)) for n in range(3 * RATE)]
    make_film(path, frames, Fraction(RATE))
    return path


def rows_of(film, grid, pace=2):
    facet = Light()
    facet.pace = pace
    analysis = Analyst(inline(), CutDetector, MeanEncoder(), (facet,)).analyse(
        film, grid, mirrored=True
    )
    assert analysis.mirrored is not None
    rows, flipped = analysis.features["light"], analysis.mirrored["light"]
    assert np.array_equal(rows, flipped)
    return rows[:, 0].astype(float), facet.seen // 2


def test_rows_between_hold_what_was_seen_until_the_picture_changes(film):
    every, all_of_them = rows_of(film, 8, pace=0)
    held, few = rows_of(film, 8)
    assert all_of_them >= 23
    assert few == 7  # twice a second, and at the cut
    cut = 10  # the first row of the second shot
    looked = [*range(0, 24, 4), cut]
    for row in range(len(held)):
        last = max(at for at in looked if at <= row)
        assert held[row] == every[last]
    assert every[cut] > every[cut - 1] + 50


def test_on_the_archives_grid_every_row_is_looked_at(film):
    assert np.array_equal(rows_of(film, 2)[0], rows_of(film, 2, pace=0)[0])
