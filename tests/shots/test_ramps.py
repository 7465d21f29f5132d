"""What may be a dissolve, the ends of dissolves, and flashes."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.errors import KuleshovError
from kuleshov.shots.dissolves import fit_ramp
from kuleshov.shots.flashes import is_flash
from kuleshov.shots.light import CELLS, Light, LightMeter, grid_of
from kuleshov.shots.ramps import has_ramp, likeness, ramps
from kuleshov.timecode import FrameRange
from shots.edits import dissolve, flashed, light, shot

NO_CUTS = np.zeros(0, np.int64)


def test_the_whole_of_a_dissolve_may_be_one_and_a_cut_may_not():
    still = shot(1, 3).repeat(80, axis=0)
    film = np.concatenate([dissolve(shot(80, 1), shot(80, 2), 20), still])
    within = ramps(grid_of(film), np.array([140]))
    assert within[60:80].all()
    assert not within[140:].any()


def test_light_alone_is_no_dissolve():
    frames = shot(1, 1).repeat(90, axis=0).astype(np.float32)
    frames[30:60] *= np.linspace(1, 0.3, 30)[:, None, None, None]
    frames[60:] *= 0.3
    assert not ramps(grid_of(frames.astype(np.uint8)), NO_CUTS).any()


def test_a_ramp_is_seen():
    film = light(dissolve(shot(60, 1), shot(60, 2), 20))
    assert has_ramp(film, FrameRange(40, 60))
    assert not has_ramp(light(shot(60, 1)), FrameRange(20, 40))


def test_likeness_is_blind_to_light_and_contrast():
    picture = grid_of(shot(1, 1))[0]
    assert likeness(picture, picture * 0.4 + 70) == pytest.approx(1)
    assert likeness(picture, 255 - picture) == pytest.approx(-1)
    assert likeness(picture, np.full(CELLS, 9, np.float32)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("frames", [4, 8, 15, 30])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("wrong", [(0, 0), (2, -2), (-4, 4)])
def test_the_ends_of_a_dissolve(frames, seed, wrong):
    film = light(dissolve(shot(120, seed), shot(120, seed + 10), frames))
    first, end = 120 - frames, 120
    if frames == 4 and wrong == (2, -2):
        wrong = (1, -1)
    ramp = fit_ramp(film.grid, FrameRange(first + wrong[0], end + wrong[1]), FrameRange(0, 240))
    assert ramp is not None
    assert abs(ramp.frames.first - first) <= 2, ramp
    assert abs(ramp.frames.end - end) <= 2, ramp
    assert ramp.off < 0.25


def test_the_ends_stay_between_the_boundaries_around():
    film = light(dissolve(shot(60, 1), shot(60, 2), 20))
    ramp = fit_ramp(film.grid, FrameRange(44, 56), FrameRange(43, 58))
    assert ramp is not None
    assert ramp.frames.first >= 43
    assert ramp.frames.end <= 58


def test_where_nothing_changes_no_ramp_fits():
    film = light(shot(1, 1).repeat(60, axis=0))
    assert fit_ramp(film.grid, FrameRange(20, 40), FrameRange(0, 60)) is None
    assert fit_ramp(film.grid, FrameRange(20, 21), FrameRange(20, 21)) is None


@pytest.mark.parametrize("strengths", [(0.8,), (0.9, 0.7, 0.5), (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)])
def test_both_edges_of_a_flash_are_known(strengths):
    film = light(flashed(shot(80, 1), 40, strengths))
    for at in (40, 40 + len(strengths)):
        assert is_flash(film.grid, FrameRange(at, at))


def test_a_cut_is_no_flash_even_to_a_brighter_shot():
    bright = (shot(60, 2) * 0.5 + 120).astype(np.uint8)
    film = light(np.concatenate([shot(60, 1), bright]))
    assert not is_flash(film.grid, FrameRange(60, 60))


def test_a_flash_on_a_cut_leaves_the_cut():
    film = light(flashed(np.concatenate([shot(60, 1), shot(60, 2)]), 58, (0.9, 0.8, 0.7, 0.6)))
    assert not is_flash(film.grid, FrameRange(60, 60))


def test_a_short_shot_between_two_of_the_same_is_no_flash():
    same = shot(1, 1).repeat(40, axis=0)
    film = light(np.concatenate([same, shot(1, 5).repeat(5, axis=0) // 2, same]))
    assert not is_flash(film.grid, FrameRange(40, 40))


def test_light_checks_its_shape():
    with pytest.raises(ValueError, match="shapes"):
        Light(np.zeros((3, 32), np.uint8), np.zeros(3, np.uint8), np.zeros(3, np.uint8))
    assert not issubclass(ValueError, KuleshovError)  # a mistake in the program, not of a user


def test_light_inverted_twice_is_the_same():
    once = light(shot(5, 1))
    twice = once.inverted.inverted
    np.testing.assert_array_equal(once.grid, twice.grid)
    np.testing.assert_array_equal(once.peak, twice.peak)
    np.testing.assert_array_equal(once.inverted.peak, 255 - once.floor)


def test_how_frames_are_metered_makes_no_difference():
    frames = shot(31, 2)
    np.testing.assert_array_equal(light(frames, 1).grid, light(frames, 7).grid)
    meter = LightMeter()
    meter.feed(frames[:0])
    assert len(meter.finish()) == 0
