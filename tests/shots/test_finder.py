"""All that finds shots together, with a detector that says what it is told."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.footage import Shot, Transition
from kuleshov.shots.detector import Prediction
from kuleshov.shots.finder import ShotFinder, _divided, find_transitions
from kuleshov.timecode import FrameRange
from shots.edits import dissolve, flashed, light, panorama, push, shot, wipe

R = FrameRange


class Told:
    """A detector with a prediction made beforehand."""

    def __init__(self, prediction: Prediction | None = None) -> None:
        self.prediction = prediction
        self.fed = 0

    def feed(self, frames: np.ndarray) -> None:
        self.fed += len(frames)

    def finish(self) -> Prediction:
        return self.prediction or says(self.fed)


def says(frames: int, *boundaries: FrameRange, height: float = 0.9) -> Prediction:
    heads = np.zeros((2, frames), np.float32)
    for one in boundaries:
        heads[0, (one.first + one.end) // 2 - (not len(one))] = height
        heads[1, one.first - (not len(one)) : one.end] = height
    return Prediction(*heads)


def found(frames: np.ndarray, prediction: Prediction | None = None, pieces: int = 3) -> list[Shot]:
    finder = ShotFinder(Told(prediction))
    for piece in np.array_split(frames, pieces):
        finder.feed(piece)
    return list(finder.finish())


def into(shots: list[Shot]) -> list[tuple[str, int, int]]:
    return [
        (s.transition.kind, s.transition.frames.first, s.transition.frames.end) for s in shots[1:]
    ]


@pytest.mark.slow
def test_every_kind_of_boundary_is_found_and_named():
    film = np.concatenate(
        [
            shot(60, 1),
            dissolve(shot(70, 2), shot(50, 3), 16),  # from 60 to 164, mixed from 114 to 130
            wipe(shot(70, 4), shot(50, 5), 20, (-1, 0)),  # to 264
            push(shot(70, 6), shot(60, 7), 21, 1, True),
        ]
    )
    kinds = [kind for kind, _, _ in into(found(film, says(len(film), R(113, 131))))]
    assert kinds == ["cut", "dissolve", "cut", "wipe", "cut", "wipe"]


def test_the_ends_of_a_dissolve_are_fitted():
    film = dissolve(shot(90, 1), shot(90, 2), 24)
    ((kind, first, end),) = into(found(film, says(len(film), R(70, 86))))
    assert kind == "dissolve"
    assert abs(first - 66) <= 2
    assert abs(end - 90) <= 2


@pytest.mark.slow
def test_a_notion_of_a_slow_dissolve_counts_where_the_pictures_bear_it_out():
    film = dissolve(shot(120, 1), shot(120, 2), 60)
    faint = says(len(film), R(70, 110), height=0.3)
    ((kind, _, _),) = into(found(film, faint))
    assert kind == "dissolve"
    assert into(found(shot(180, 1), says(180, R(70, 110), height=0.3))) == []


def test_two_halves_of_a_slow_dissolve_are_one():
    film = dissolve(shot(120, 1), shot(120, 2), 60)
    ((kind, first, end),) = into(found(film, says(len(film), R(64, 76), R(100, 114))))
    assert kind == "dissolve"
    assert abs(first - 60) <= 6
    assert abs(end - 120) <= 6


@pytest.mark.parametrize("at", [40, 43])
def test_a_flash_is_no_boundary(at):
    film = flashed(shot(90, 1), 40, (0.9, 0.7, 0.5))
    assert into(found(film, says(90, R(at, at)))) == []


def test_a_white_flash_that_dies_away_is_no_fade():
    film = flashed(shot(90, 1), 40, (1.0, 0.8, 0.6, 0.4, 0.2))
    assert into(found(film)) == []


def test_through_white():
    old, new = shot(70, 1).astype(np.float32), shot(70, 2).astype(np.float32)
    weights = np.linspace(0, 1, 14)[1:-1, None, None, None]
    old[-12:] += (255 - old[-12:]) * weights
    new[:12] += (255 - new[:12]) * weights[::-1]
    white = np.full((3, 27, 48, 3), 255.0)
    film = np.concatenate([old, white, new]).round().astype(np.uint8)
    ((kind, first, end),) = into(found(film, says(143, R(60, 66), R(75, 80))))
    assert kind == "fade"
    assert abs(first - 58) <= 2
    assert abs(end - 85) <= 2


def test_what_a_detector_says_within_a_wipe_is_the_same_event():
    film = wipe(shot(90, 1), shot(90, 2), 30, (1, 1))
    told = says(len(film), R(66, 66), R(70, 80))
    ((kind, _, _),) = into(found(film, told))
    assert kind == "wipe"


def faint_cut(seed: int = 0) -> np.ndarray:
    """Return two shots of 30 frames of one room in which a camera turns; light alone is unsure."""
    wide = panorama(160, seed)[9:36]
    places = [*range(10, 40), *range(44, 74)]
    return np.clip([wide[:, x : x + 48] for x in places], 0, 255).astype(np.uint8)


@pytest.mark.slow
def test_the_detector_decides_on_a_faint_cut():
    film = faint_cut()
    assert into(found(film)) == []
    assert into(found(film, says(60, R(30, 30), height=0.95))) == [("cut", 30, 30)]


def test_a_faint_cut_is_found_where_the_film_cuts_often():
    lengths, pair = (40, 6, 5, 7, 6), faint_cut()[24:37]
    before = [shot(length, seed) for seed, length in enumerate(lengths, 1)]
    after = [shot(length, seed) for seed, length in enumerate(reversed(lengths), 11)]
    film = np.concatenate([*before, pair, *after])
    assert ("cut", 70, 70) in into(found(film))


def test_a_dark_shot_that_is_black_but_for_its_first_frames_begins_at_the_cut():
    black = (shot(30, 5) * 0.04 + 5).astype(np.uint8)
    black[:4] += 1
    film = np.concatenate([(shot(30, 1) * 0.12).astype(np.uint8), black, shot(30, 2)])
    assert into(found(film)) == [("cut", 30, 30), ("cut", 60, 60)]


@pytest.mark.slow
def test_shots_tile_however_frames_are_fed():
    film = np.concatenate([shot(60, 1), wipe(shot(70, 4), shot(50, 5), 20, (0, 1))])
    once, often = found(film, pieces=1), found(film, pieces=40)
    assert once == often
    assert [s.frames.first for s in once[1:]] == [s.frames.end for s in once[:-1]]
    assert once[-1].frames.end == len(film)
    assert [s.transition.kind for s in once] == ["none", "cut", "wipe"]
    assert abs(len(once[1].core) - 50) <= 3


def test_no_frames_no_shots():
    assert ShotFinder(Told()).finish() == ()


def test_transitions_alone():
    film = light(np.concatenate([shot(40, 1), shot(40, 2)]))
    assert find_transitions(film, says(80)) == ([Transition("cut", R(40, 40))], [])


def test_a_wipe_that_holds_a_cut_is_a_run_of_short_shots():
    wiped, cuts = Transition("wipe", FrameRange(100, 120)), [60, 100, 120, 180]
    assert not _divided(wiped, cuts)  # a hard edge may begin or end with a jump of light
    assert _divided(wiped, [*cuts, 110])
    assert not _divided(Transition("fade", FrameRange(100, 120)), [110])


@pytest.mark.slow
def test_a_small_title_springs_up_from_black():
    dark = np.zeros((70, 27, 48, 3), np.uint8)
    dark[20:50, 13, 19:29] = 200
    film = np.concatenate([shot(40, 1), dark, shot(40, 2)])
    shots = found(film)
    assert into(shots) == [("cut", at, at) for at in (40, 60, 90, 110)]
    assert [one.black for one in shots] == [False, True, False, True, False]
    film[40:110, 13, 19:29] = 200  # a watermark
    shots = found(film)
    assert into(shots) == [("cut", 40, 40), ("cut", 110, 110)]
    assert shots[1].black


def test_a_fade_through_white_between_bars():
    old, new = shot(60, 1) // 2, shot(60, 2) // 2
    weights = np.r_[np.ones(48), np.arange(12, 0, -1) / 13, 0, np.arange(1, 13) / 13, np.ones(48)]
    shown = np.concatenate([old, old[-1:], new]).astype(np.float32)
    part = weights[:, None, None, None]
    film = (shown * part + 255 * (1 - part)).astype(np.uint8)
    film[:, :4] = film[:, -4:] = 0
    ((kind, first, end),) = into(found(film, says(len(film), R(61, 61))))
    assert kind == "fade"
    assert abs(first - 48) <= 2
    assert abs(end - 73) <= 2
