"""Instants of a shot are told apart by how it changes, also where it hardly does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.watching import Glance
from kuleshov.match.align.strength import Strength
from kuleshov.match.live.moments import Moment, Moments, Spot
from kuleshov.match.live.past import Past
from match.rows import FACETS, SIZE, film, path_through, reference

SECONDS, RATE, GRID = 20.0, 12, 2
LITTLE = 0.1  # how much of a row changes from instant to instant


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def standing(number: int, grid: int) -> np.ndarray:
    """Return the rows of a shot that hardly changes."""
    still = unit(np.random.default_rng(number).normal(size=SIZE))
    return unit(still + LITTLE * path_through(number, SECONDS, grid))


@pytest.fixture(scope="module")
def moments() -> Moments:
    films = []
    for number in (1, 2):
        rows = standing(number, GRID).astype(np.float16)
        films.append(replace(film(number, SECONDS), rows=dict.fromkeys(FACETS, rows)))
    return Moments(ArchiveRows(films), reference())


def seen(number: int, until: float, seed: int) -> list[Glance]:
    """Return two seconds of glances at a shot, by another crop and in another light.

    These make what is seen unlike all of the shot, and some of its instants less unlike.
    """
    rng = np.random.default_rng(seed)
    rows = standing(number, RATE)
    other = 0.5 * unit(rng.normal(size=SIZE)) + 0.3 * unit(rows[rng.integers(len(rows))])
    last = round(until * RATE)
    found = []
    for at in range(last - 2 * RATE, last + 1):
        row = unit(rows[at] + other + 0.01 * unit(rng.normal(size=SIZE))).astype(np.float32)
        both = np.stack([row, np.zeros_like(row)])
        found.append(Glance(at / RATE, dict.fromkeys(FACETS, both), 0.0))
    return found


def spot(time: float) -> Spot:
    return Spot(0, 0, time, mirrored=False)


def refined(moments: Moments, glances: list[Glance], kept: Moment | None = None):
    past = Past()
    for glance in glances:
        past.add(glance)
    how = Strength.of(dict.fromkeys(FACETS, 1.0), reference(), FACETS)
    found, _ = moments.nearest(glances[-1].rows, how)
    return past.refined(moments, found, how, kept)


INSTANTS = [(4.0, 1), (6.5, 2), (9.0, 3), (11.3, 4), (13.7, 5), (16.0, 6), (18.2, 7), (8.1, 8)]


def test_the_instant_of_a_shot_that_stands_still_is_found(moments):
    right = 0
    for until, seed in INSTANTS:
        found, _ = refined(moments, seen(1, until, seed))
        assert found[0].spot.film == 0
        right += abs(found[0].spot.time - until) <= 0.5
    assert right >= len(INSTANTS) - 1


def test_by_the_newest_frame_alone_it_is_a_guess(moments):
    right = 0
    for until, seed in INSTANTS:
        found, _ = refined(moments, seen(1, until, seed)[-1:])
        right += abs(found[0].spot.time - until) <= 0.5
    assert right < len(INSTANTS) - 1


def test_what_is_kept_is_scored_where_it_is_and_by_the_same_measure(moments):
    until, seed = INSTANTS[2]
    glances = seen(1, until, seed)
    there = refined(moments, glances)[0][0]
    for time in (until - 4, until, until + 3):
        kept = replace(there, spot=spot(time), strength=0.0, timed=0.0)
        found, scored = refined(moments, glances, kept)
        assert scored is not None
        assert scored.spot == kept.spot
        assert found[0] == there
        if abs(time - until) > 1:
            assert scored.strength + scored.timed < there.strength + there.timed
    same = refined(moments, glances, there)[1]
    assert same is not None
    assert same.timed == pytest.approx(there.timed, abs=1e-3)
    assert same.strength == pytest.approx(there.strength, abs=1e-2)


def test_changes_choose_no_other_shot(moments, monkeypatch):
    strengths = []
    for bits in (0.0, 5.0):
        monkeypatch.setattr("kuleshov.match.live.past._CHANGES", bits)
        found, _ = refined(moments, seen(1, 9.0, 3))
        strengths.append([one.spot.film for one in found])
    assert strengths[0] == strengths[1]


def test_nothing_is_looked_for_among_nothing(moments):
    past = Past()
    past.add(seen(1, 4.0, 1)[0])
    how = Strength.of(dict.fromkeys(FACETS, 1.0), reference(), FACETS)
    assert past.refined(moments, [], how) == ([], None)
