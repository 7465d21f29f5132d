"""Black and the fades around it, from frames whose darkening is known."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.shots.fades import (
    BlackStretch,
    find_black,
    find_plain,
    find_white,
    without_titles,
)
from kuleshov.shots.light import Light, LightMeter
from kuleshov.timecode import FrameRange
from shots.synthetic import Piece, film

R = FrameRange


def shot(length: int, seed: int) -> np.ndarray:
    """A textured, moving shot: (length, 27, 48, 3)."""
    return film((Piece(length),), seed=seed)[0]


def dimmed(frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (frames * weights[:, None, None, None]).round().astype(np.uint8)


def black(length: int) -> np.ndarray:
    return np.zeros((length, 27, 48, 3), np.uint8)


def out_of(length: int, fade: int, seed: int) -> np.ndarray:
    """A shot whose last `fade` frames go down to black, which comes right after."""
    weights = np.ones(length)
    weights[length - fade :] = 1 - np.arange(1, fade + 1) / (fade + 1)
    return dimmed(shot(length, seed), weights)


def into(length: int, fade: int, seed: int) -> np.ndarray:
    weights = np.ones(length)
    weights[:fade] = np.arange(1, fade + 1) / (fade + 1)
    return dimmed(shot(length, seed), weights)


def light(*parts: np.ndarray, pieces: int = 3) -> Light:
    meter = LightMeter()
    for piece in np.array_split(np.concatenate(parts), pieces):
        meter.feed(piece)
    return meter.finish()


def stretches(*parts: np.ndarray, pieces: int = 3) -> list[BlackStretch]:
    return find_black(light(*parts, pieces=pieces))


def near(found: FrameRange, first: int, end: int, by: int = 1) -> bool:
    return abs(found.first - first) <= by and abs(found.end - end) <= by


@pytest.mark.parametrize("fade", [8, 15, 30, 60])
@pytest.mark.parametrize("dark", [1, 5, 30])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_through_black(fade, dark, seed):
    (found,) = stretches(out_of(100, fade, seed), black(dark), into(100, fade, seed + 10))
    assert near(found.before, 100 - fade, 100), found
    assert near(found.frames, 100, 100 + dark), found
    assert near(found.after, 100 + dark, 100 + dark + fade), found
    through = found.transition()
    assert (through is not None) == (dark < 12)
    if through is not None:
        assert (through.kind, through.frames, through.black) == ("fade", found.whole, found.frames)


@pytest.mark.parametrize("fade", [8, 15, 30])
@pytest.mark.parametrize("seed", [4, 5])
def test_to_black_and_a_cut_from_it(fade, seed):
    (found,) = stretches(out_of(80, fade, seed), black(20), shot(60, seed + 10))
    assert near(found.before, 80 - fade, 80)
    assert near(found.frames, 80, 100)
    assert len(found.after) == 0
    assert found.transition() is None


@pytest.mark.parametrize("fade", [8, 15, 30])
@pytest.mark.parametrize("seed", [4, 5])
def test_a_cut_to_black_and_a_fade_from_it(fade, seed):
    (found,) = stretches(shot(60, seed), black(20), into(80, fade, seed + 10))
    assert len(found.before) == 0
    assert near(found.frames, 60, 80)
    assert near(found.after, 80, 80 + fade)


@pytest.mark.parametrize("seed", range(4))
def test_hard_cuts_to_and_from_black_are_no_fades(seed):
    (found,) = stretches(shot(50, seed), black(10), shot(50, seed + 10))
    assert (found.before, found.frames, found.after) == (
        FrameRange(50, 50),
        FrameRange(50, 60),
        FrameRange(60, 60),
    )


@pytest.mark.parametrize("dark", [0, 1, 20])
def test_at_the_ends_of_a_film(dark):
    fade = 20
    head, tail = stretches(black(dark), into(70, fade, 1), out_of(70, fade, 2), black(dark))
    assert near(head.frames, 0, dark)
    assert near(head.after, dark, dark + fade)
    assert head.before == FrameRange(0, 0)
    assert near(tail.before, dark + 140 - fade, dark + 140)
    assert near(tail.frames, dark + 140, 2 * dark + 140)
    assert len(tail.after) == 0


def test_a_watermark_over_black_is_black():
    marked = black(20)
    marked[:, 24:26, 42:46] = 180
    (found,) = stretches(out_of(80, 15, 1), marked, into(80, 15, 2))
    assert near(found.frames, 80, 100)
    assert near(found.before, 65, 80)
    assert near(found.after, 100, 115)


def test_noise_in_black_is_black():
    noisy = np.random.default_rng(1).integers(0, 9, (20, 27, 48, 3)).astype(np.uint8)
    (found,) = stretches(shot(50, 1), noisy, shot(50, 2))
    assert found.frames == FrameRange(50, 70)


def test_a_dark_picture_is_not_black():
    night = (shot(60, 3) * 0.12).astype(np.uint8)  # dim, but one sees something
    night[:, 10:14, 20:26] = 70
    assert stretches(shot(50, 1), night, shot(50, 2)) == []


def test_a_lamp_in_the_dark_is_not_black():
    lamp = black(40)
    lamp[:, 8:16, 16:30] = 200
    assert stretches(shot(50, 1), lamp, shot(50, 2)) == []


def test_a_film_without_black():
    assert stretches(shot(100, 1), shot(100, 2)) == []


def test_a_film_of_nothing_but_black():
    (found,) = stretches(black(30))
    assert (found.frames, found.whole) == (FrameRange(0, 30), FrameRange(0, 30))


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_very_short_films(frames):
    assert stretches(shot(frames, 1), pieces=1) == []
    assert len(stretches(black(frames), pieces=1)) == 1


def test_nothing():
    assert find_black(LightMeter().finish()) == []
    meter = LightMeter()
    meter.feed(black(0))
    assert len(meter.finish()) == 0


def test_how_frames_are_fed_makes_no_difference():
    parts = (out_of(80, 15, 1), black(5), into(80, 15, 2))
    assert stretches(*parts, pieces=1) == stretches(*parts, pieces=31)


def test_ranges_are_in_order_and_apart():
    found = stretches(
        into(60, 20, 1), out_of(60, 20, 2), black(3), into(40, 25, 3), out_of(40, 12, 4),
        black(30), shot(40, 5), black(1), into(40, 10, 6),
    )  # fmt: skip
    edges = [edge for s in found for edge in (s.whole.first, s.whole.end)]
    assert edges == sorted(edges)
    assert len(found) == 4


@pytest.mark.parametrize("fade", [8, 15, 30])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fade_that_turns_back_before_it_is_black(fade, seed):
    (found,) = stretches(out_of(100, fade, seed), into(100, fade, seed + 10))
    through = found.transition()
    assert through is not None
    assert near(through.frames, 100 - fade, 100 + fade), found
    if fade == 8:  # the darkest frames of slower ones are dark enough to be black
        assert through.black is None


@pytest.mark.parametrize("dark", [1, 3])
def test_a_few_black_frames_between_cuts_are_one_transition(dark):
    (found,) = stretches(shot(50, 1), black(dark), shot(50, 2))
    through = found.transition()
    assert through is not None
    assert through.frames == through.black == FrameRange(50, 50 + dark)


@pytest.mark.parametrize("fade", [8, 15, 30])
@pytest.mark.parametrize("bright", [0, 1, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_through_white(fade, bright, seed):
    parts = (out_of(100, fade, seed), black(bright), into(100, fade, seed + 10))
    (found,) = find_white(light(*(255 - part for part in parts)))
    assert found.kind == "fade"
    assert found.black is None
    assert near(found.frames, 100 - fade, 100 + bright + fade), found


def test_long_white_is_a_picture_with_a_fade_on_either_side():
    parts = (out_of(80, 15, 1), black(40), into(80, 10, 2))
    before, after = find_white(light(*(255 - part for part in parts)))
    assert near(before.frames, 65, 80)
    assert near(after.frames, 120, 130)


def test_white_between_cuts_is_no_fade():
    assert find_white(light(shot(50, 1), 255 - black(20), shot(50, 2))) == []


def test_a_film_that_begins_and_ends_white_has_no_fade():
    assert find_white(light(255 - black(5), shot(80, 1), 255 - black(5))) == []


def towards(level: int, frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return frames of which so much is left, the rest a plain picture of that luma."""
    part = weights[:, None, None, None]
    return (frames * part + level * (1 - part)).round().astype(np.uint8)


def letterboxed(frames: np.ndarray, bar: float = 3.4) -> np.ndarray:
    """Return frames with black bars of so many rows above and below, the last in part."""
    rows = np.clip(np.arange(27) + 1 - bar, 0, 1)
    return (frames * np.minimum(rows, rows[::-1])[:, None, None]).round().astype(np.uint8)


def plain(level: int, length: int) -> np.ndarray:
    return np.full((length, 27, 48, 3), level, np.uint8)


def through(level: int, fade: int, still: int, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return `old` and `new` with a fade through a plain picture between them."""
    down = np.r_[np.ones(len(old) - fade), 1 - np.arange(1, fade + 1) / (fade + 1)]
    up = np.r_[np.arange(1, fade + 1) / (fade + 1), np.ones(len(new) - fade)]
    return np.concatenate([towards(level, old, down), plain(level, still), towards(level, new, up)])


@pytest.mark.parametrize(("level", "bars"), [(255, True), (176, True), (176, False), (120, False)])
@pytest.mark.parametrize("fade", [6, 15, 30])
@pytest.mark.parametrize("still", [1, 4])
def test_through_white_between_bars_and_through_grey(level, bars, fade, still):
    frames = through(level, fade, still, shot(80, 3) // 2, shot(80, 14) // 2)
    (found,) = find_plain(light(letterboxed(frames) if bars else frames))
    assert (found.kind, found.black) == ("fade", None)
    assert near(found.frames, 80 - fade, 80 + still + fade, 2), found


def test_a_long_grey_picture_has_a_fade_on_either_side():
    frames = letterboxed(through(150, 12, 40, shot(80, 3) // 2, shot(80, 14) // 2))
    before, after = find_plain(light(frames))
    assert near(before.frames, 68, 80, 2)
    assert near(after.frames, 120, 132, 2)


def test_what_is_no_fade_through_a_plain_picture():
    old, new = shot(40, 3) // 2, shot(40, 14) // 2
    cut_to_grey = np.concatenate([old, plain(176, 5), new])
    one_take = shot(1, 3).repeat(80, axis=0) // 2
    lamp = through(230, 10, 3, one_take[:40], one_take[40:])  # the picture comes back
    dark = through(70, 10, 3, shot(40, 3), shot(40, 14))
    at_the_ends = towards(176, old, np.r_[np.zeros(15), np.linspace(0, 1, 15), np.ones(10)])
    logo = through(176, 10, 3, old, new)
    logo[:, 10:14, 42:47] = 60  # the picture goes, but this stays
    wall = np.array([np.roll(frame, 4 * k, 1) for k, frame in enumerate(one_take[:24])])
    for k, frame in enumerate(wall):  # the camera turns to a white wall and away from it
        frame[:, 48 - min(4 * k, 92 - 4 * k, 48) :] = 200
    turned = np.concatenate([old, wall, new])
    for frames in (cut_to_grey, lamp, dark, at_the_ends, logo, turned):
        assert find_plain(light(letterboxed(frames))) == []


def titled(*stays: tuple[int, int], length: int = 60, peak: int = 200) -> np.ndarray:
    """Return black with a title of a few pixels from one frame up to another."""
    frames = black(length)
    for first, end in stays:
        frames[first:end, 13, 19:29] = peak
    return frames


def test_a_small_title_on_black_is_not_black():
    lit = light(titled((10, 40)))
    (stretch,) = find_black(lit)
    assert stretch.frames == R(0, 60)  # it is as dark as black with a watermark
    before, after = without_titles(lit, stretch, [10, 40])
    assert (before.frames, after.frames) == (R(0, 10), R(40, 60))
    assert without_titles(lit, stretch, [5, 45]) == [stretch]  # it comes and goes with no cut


def test_a_small_title_gives_way_to_another():
    lit = light(titled((0, 60)))
    (stretch,) = find_black(lit)
    assert without_titles(lit, stretch, [30]) == []
    assert without_titles(lit, stretch, [0, 3, 57, 60]) == [stretch]  # the edges of the black


def test_a_small_title_between_fades():
    lit = light(out_of(40, 12, 1), titled((10, 30), length=30, peak=90), into(40, 12, 2))
    (stretch,) = find_black(lit)
    before, after = without_titles(lit, stretch, [50])
    assert near(before.before, 28, 40)
    assert before.frames.end == 50
    assert len(after.frames) == 0
    assert near(after.whole, 70, 82)


def test_a_spark_leaves_black_whole():
    lit = light(titled((20, 24)))
    (stretch,) = find_black(lit)
    assert without_titles(lit, stretch, [20, 24]) == [stretch]
