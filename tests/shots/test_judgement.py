"""Which steps are hard cuts, where cuts are close together or light plays tricks."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.shots.detector import Prediction
from kuleshov.shots.judgement import (
    _heard,
    _likely,
    _rhythm,
    _together,
    clear_cuts,
    evidence,
    judged_cuts,
    undecided,
)
from kuleshov.shots.light import grid_of
from shots.edits import dissolve, flashed, light, panorama, shot, wipe

HEIGHT, WIDTH = 27, 48


def cuts(frames: np.ndarray, single: np.ndarray | None = None) -> list[int]:
    silent = np.zeros(len(frames), np.float32)
    heard = silent if single is None else single.astype(np.float32)
    return judged_cuts(light(frames), Prediction(heard, silent))


def clear(frames: np.ndarray) -> list[int]:
    grid = grid_of(frames)
    return clear_cuts(grid, evidence(grid).odds).tolist()


def framed(seed: int, right: int, length: int) -> np.ndarray:
    """A still camera in a wide room, turned `right` by so many pixels."""
    noise = np.random.default_rng(seed + right).normal(0, 1, (length, HEIGHT, WIDTH, 1))
    picture = panorama(120, seed)[9 : 9 + HEIGHT, right : right + WIDTH]
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def panned(seed: int, start: int, length: int) -> np.ndarray:
    """Return a camera that turns over a wide room by a pixel a frame."""
    wide = panorama(160, seed)[9 : 9 + HEIGHT]
    places = range(start, start + length)
    return np.clip([wide[:, x : x + WIDTH] for x in places], 0, 255).astype(np.uint8)


def edit(lengths: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([shot(length, seed) for seed, length in enumerate(lengths)])


def lit(frames: np.ndarray, gain: float) -> np.ndarray:
    """The frames with light from the right."""
    side = 1 + gain * np.linspace(0.3, 1, WIDTH)[:, None]
    return np.minimum(frames * side + 20 * gain, 255).astype(np.uint8)


def test_montage_of_short_shots():
    lengths = (9, 5, 7, 12, 6, 5, 8, 20)
    assert cuts(edit(lengths)) == np.cumsum(lengths)[:-1].tolist()


@pytest.mark.parametrize("gain", [1.0, 0.25])
def test_montage_with_neighbours_of_one_take_letterboxed_and_dark(gain):
    pieces = [framed(1, 0, 9), framed(1, 30, 7), shot(8, 5), framed(2, 40, 6), framed(2, 4, 12)]
    film = (np.concatenate(pieces) * gain).astype(np.uint8)
    film[:, :4] = film[:, -4:] = 0
    assert cuts(film) == [9, 16, 24, 30]


def test_a_white_frame_at_a_cut_is_one_cut():
    white = np.full((1, HEIGHT, WIDTH, 3), 255, np.uint8)
    assert cuts(np.concatenate([shot(20, 1), white, shot(20, 2)])) == [21]


def test_shots_of_one_and_two_frames():
    lengths = (12, 1, 9, 2, 11, 1, 2, 14)
    assert cuts(edit(lengths)) == np.cumsum(lengths)[:-1].tolist()


def test_a_frame_mixed_of_both_sides_is_one_cut():
    old, new = shot(20, 1), shot(20, 2)
    mixed = (old[-1:].astype(np.float32) * 0.4 + new[:1] * 0.6).astype(np.uint8)
    assert cuts(np.concatenate([old, mixed, new])) in ([20], [21])


def test_dialogue_between_like_pictures():
    film = np.concatenate([framed(3, 10 + 14 * (k % 2), 20) for k in range(5)])
    assert cuts(film) == [20, 40, 60, 80]


def test_lightning_within_a_shot_is_no_cut():
    film = shot(120, 1) // 3
    for at, strength in ((30, 2.0), (31, 0.6), (33, 1.5), (34, 1.5), (35, 0.2), (70, 2.5)):
        film[at] = lit(film[at : at + 1], strength)[0]
    assert cuts(film) == []


def test_strobes_within_a_shot_leave_the_cut_beside_them():
    film = np.concatenate([shot(40, 1), shot(40, 2)])
    for at in (*range(10, 34, 3), *range(44, 70, 4)):
        film = flashed(film, at, (0.7,))
    assert cuts(film) == [40]


@pytest.mark.parametrize("length", [2, 6])
def test_a_brighter_shot_between_two_of_one_take_is_no_flash(length):
    bright = (shot(length, 7) * 0.5 + 125).astype(np.uint8)
    film = np.concatenate([shot(20, 1) // 2, bright, shot(20, 1) // 2])
    assert cuts(film) == [20, 20 + length]


def test_a_jolt_of_the_camera_is_no_cut():
    picture = panorama(120, 4)[9 : 9 + HEIGHT]
    places = [30] * 30 + [34, 41, 46, 42, 35, 31] + [30] * 30
    assert cuts(np.array([picture[:, x : x + WIDTH] for x in places]).astype(np.uint8)) == []


def test_every_picture_shown_twice_or_thrice():
    pan = np.array([np.roll(shot(1, 1)[0], 6 * k, axis=1) for k in range(30)])
    for times in (2, 3):
        assert cuts(pan.repeat(times, axis=0)) == []


def test_the_network_speaks_for_and_against_only_where_it_was_asked():
    single = np.array([0.95, 0, 0.01, 0.5], np.float32)
    heard = _heard(Prediction(single, single))
    assert heard[1] > 1
    assert heard[2] == 0
    assert heard[3] < -1


def test_where_a_film_cuts_often_another_cut_is_likelier():
    odds = np.full(400, -9, np.float32)
    odds[200:300:12] = 6
    added = _rhythm(_likely(odds))
    assert added[250] > 1
    assert added[50] < 0


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_a_flash_up_to_white_is_no_cut(strength):
    assert cuts(flashed(shot(60, 1), 30, (strength, strength * 0.8))) == []


def test_a_flash_over_what_moves_is_no_cut():
    film = shot(40, 1) * 0.25 + 30
    for frame in range(40):
        film[frame, 4:24, 2 + frame : 8 + frame] = 130
    assert cuts(flashed(film.astype(np.uint8), 16, (0.95, 0.8, 0.65, 0.5))) == []


def test_bars_do_not_make_pictures_alike():
    film = np.concatenate([150 + (panned(seed, 10, 24) - 128.0) * 0.15 for seed in (1, 3)])
    film[:, :9] = film[:, -9:] = 0
    assert cuts(film.astype(np.uint8)) == [24]


@pytest.mark.parametrize("times", [4, 5])
def test_pictures_held_for_some_frames_are_one_take(times):
    slowed = panned(2, 10, 40)[::3].repeat(times, axis=0)
    cut = len(slowed)
    assert cuts(np.concatenate([slowed, panned(5, 10, 40)[::3].repeat(times, axis=0)])) == [cut]


def test_what_the_network_says_against_a_cut_weighs_less_in_montage():
    odds, heard = np.full(400, -9, np.float32), np.zeros(400, np.float32)
    odds[200:300:12] = 6
    odds[[50, 250]], heard[[50, 250]] = -0.3, -2
    judged = _together(odds, heard)
    assert judged[250] > 0
    assert judged[50] < -1


def test_a_long_film_does_not_depend_on_where_it_is_divided():
    still = shot(1, 3).repeat(4090, axis=0)
    film = np.concatenate([still, shot(6, 1), shot(60, 2), shot(30, 4)])
    assert cuts(film) == [4090, 4096, 4156]


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_a_title_that_appears_in_a_still_picture_is_no_cut(gain):
    """Subtitles, numbers, captions: sharp, sudden, and in a small part of the picture."""
    film = framed(5, 20, 60).copy()
    film[12:30, 20:24, 8:40] = 255
    film[40:50, 3:9, 30:46] = 0
    film = (film * gain).astype(np.uint8)
    assert cuts(film) == []
    film = np.concatenate([film, (framed(6, 30, 30) * gain).astype(np.uint8)])
    film[55:65, 20:24, 8:40] = round(250 * gain)  # a title that stays over a cut
    assert cuts(film) == [60]


def test_a_fade_of_a_plain_picture_has_no_cut_and_plain_cards_have():
    def plain(levels):
        frames = np.ones((len(levels), HEIGHT, WIDTH, 3)) * np.array(levels)[:, None, None, None]
        return frames.round().astype(np.uint8)

    assert cuts(plain(250 * np.sin(np.linspace(0, np.pi, 90)))) == []
    assert cuts(plain([40] * 30 + [120] * 30)) == [30]


def test_the_network_is_asked_where_light_is_undecided():
    clear, like = shot(40, 1), framed(8, 10, 30)
    film = np.concatenate([clear, shot(40, 2), like, framed(8, 15, 30)])
    asked = np.flatnonzero(undecided(evidence(grid_of(film)).odds))
    assert 110 in asked  # two framings of one room
    assert 40 not in asked
    assert len(asked) < 10


def test_a_network_that_is_all_but_certain_is_heard_in_montage_too():
    odds = np.full(400, -9, np.float32)
    odds[150:250:12] = 6
    odds[205] = 0.6
    for said, found in ((-1.0, True), (-4.8, False)):
        heard = np.zeros(400, np.float32)
        heard[205] = said
        assert bool(_together(odds, heard)[205] > 0) is found


@pytest.mark.parametrize("seed", range(4))
def test_clear_cuts_need_nothing_but_light(seed):
    film = np.concatenate([shot(50, seed), shot(40, seed + 10), shot(60, seed + 20)])
    assert clear(film) == [50, 90]


def passing(places: list[int], cut: int | None = None) -> np.ndarray:
    """Return a room in which something comes close to the camera from the left, up to `places`.

    It moves with what it hides; from frame `cut` on the film shows another room.
    """
    film = framed(3, 20, len(places))
    near = panorama(160, 9)[9 : 9 + HEIGHT] * 0.5
    for frame, place in zip(film, places, strict=True):
        frame[:, :place] = near[:, 60 - place : 60]
    if cut is not None:
        film[cut:] = framed(4, 40, len(places) - cut)
    return film


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_gunfire_in_the_dark_is_no_cut(seed):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    glow = 120 * np.exp(-((x - 16) ** 2 + (y - 9) ** 2) / 90.0)[..., None]
    film = shot(60, seed) * 0.12
    film[[30, 32, 34]] += glow
    assert cuts(film.astype(np.uint8)) == []


def test_a_brief_shot_of_something_bright_in_the_dark_is_no_gunfire():
    film = shot(60, 1) * 0.12
    film[30:33, 6:21, 10:30] += 120
    assert cuts(film.astype(np.uint8)) == [30, 33]


@pytest.mark.parametrize(
    "places",
    [
        (1, 2, 3, 4, 6, 9, 16, 30, 40, 44, 40, 36, 32, 29),
        (1, 2, 4, 8, 18, 34, 40, 42, 42, 40),
    ],
)
def test_what_passes_close_to_the_camera_is_no_cut(places):
    places = [0] * 30 + list(places) + [places[-1]] * 30
    heard = np.full(len(places), 0.05)  # the network is not sure
    assert cuts(passing(places), heard) == []
    assert cuts(passing(places, cut=34), heard) == [34]


def test_what_is_no_clear_cut():
    lamp = shot(80, 1)
    lamp[40:] = (lamp[40:] * 0.5 + 90).astype(np.uint8)
    pan = np.array([np.roll(shot(1, 1)[0], 6 * k, axis=1) for k in range(30)])
    films = {
        "dissolve": dissolve(shot(60, 1), shot(60, 2), 8),
        "wipe": wipe(shot(60, 1), shot(60, 2), 12, (1, 0)),
        "flash": flashed(shot(80, 1), 40, (0.8,)),
        "long flash": flashed(shot(80, 1), 40, (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)),
        "lamp": lamp,
        "pictures shown twice": pan.repeat(2, axis=0),
        "pictures shown thrice": pan.repeat(3, axis=0),
    }
    assert [name for name, film in films.items() if clear(film) + cuts(film)] == []


def test_a_step_that_stands_alone_speaks_for_a_cut():
    """The same two pictures, among the same movement, but for a frame that is not theirs."""
    for seed in (1, 3, 4, 5):
        alone = np.concatenate([framed(seed, 10, 20), framed(seed, 14, 20)])
        beside = alone.copy()
        beside[17] = shot(1, 60 + seed)[0]
        odds = [float(evidence(grid_of(film)).odds[20]) for film in (alone, beside)]
        assert odds[0] > odds[1] + 3
