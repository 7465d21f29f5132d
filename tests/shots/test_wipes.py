"""Wipes and pushes, in all directions, and what looks like one and is none."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.shots.pushes import find_pushes
from kuleshov.shots.wipes import find_wipes
from shots.edits import HEIGHT, WIDTH, dissolve, light, panorama, push, shot, wipe

WAYS = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("frames", [8, 15, 24, 40])
@pytest.mark.parametrize("soft", [0.02, 0.2])
def test_a_wipe(way, frames, soft):
    (found,) = find_wipes(light(wipe(shot(120, 1), shot(120, 2), frames, way, soft)))
    if frames > 8:  # at a glance directions look alike
        assert found.direction == way
    assert abs(found.frames.first - (120 - frames)) <= 4, found
    assert abs(found.frames.end - 120) <= 4, found


def test_three_wipes_are_three_in_order():
    film = np.concatenate(
        [wipe(shot(70, seed), shot(50, seed + 1), 20, (1, 0)) for seed in (1, 3, 5)]
    )
    found = find_wipes(light(film))
    assert [wipe.frames.first // 100 for wipe in found] == [0, 1, 2]


@pytest.mark.slow
def test_wipes_of_a_long_film_do_not_depend_on_where_it_is_divided():
    still = shot(1, 7).repeat(4080, axis=0)
    film = np.concatenate([still, wipe(shot(60, 1), shot(60, 2), 20, (0, 1))])
    (found,) = find_wipes(light(film))
    assert abs(found.frames.first - 4120) <= 3
    assert abs(found.frames.end - 4140) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_cuts_and_dissolves_are_no_wipes(seed):
    cut = np.concatenate([shot(60, seed), shot(60, seed + 10)])
    assert find_wipes(light(cut)) == []
    for frames in (8, 20, 40):
        assert find_wipes(light(dissolve(shot(90, seed), shot(90, seed + 10), frames))) == []


@pytest.mark.parametrize("speed", [1, 2, 4])
def test_what_crosses_the_picture_is_no_wipe(speed):
    frames = shot(1, 3).repeat(120, axis=0)
    for k in range(120):
        left = k * speed - 20
        frames[k, 5:25, max(0, left) : max(0, left + 12)] = 220
    film = light(frames)
    assert find_wipes(film) == []
    assert find_pushes(film) == []


@pytest.mark.parametrize("speed", [1, 2, 3])
def test_a_pan_is_no_wipe_and_no_push(speed):
    wide = panorama(WIDTH + 100 * speed, 4)[:HEIGHT].astype(np.uint8)
    frames = np.array([wide[:, k * speed : k * speed + WIDTH] for k in range(100)])
    assert frames.shape == (100, HEIGHT, WIDTH, 3)
    assert find_wipes(light(frames)) == []
    assert find_pushes(light(frames)) == []


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("frames", [9, 15, 23, 33])
def test_a_push(axis, forward, frames):
    (found,) = find_pushes(light(push(shot(100, 1), shot(100, 2), frames, axis, forward)))
    assert abs(found.first - (100 - frames)) <= 3, found
    assert abs(found.end - 100) <= 3, found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_cuts_dissolves_and_wipes_are_no_pushes(seed):
    old, new = shot(90, seed), shot(90, seed + 10)
    assert find_pushes(light(np.concatenate([old, new]))) == []
    for frames in (8, 20, 40):
        assert find_pushes(light(dissolve(old, new, frames))) == []
        assert find_pushes(light(wipe(old, new, frames, (1, 0)))) == []


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_short_films(count):
    film = light(shot(max(count, 1), 1)[:count])
    assert find_wipes(film) == []
    assert find_pushes(film) == []
