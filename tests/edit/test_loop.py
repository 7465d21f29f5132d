"""Loops without a jump, on films made here and a real one."""

from fractions import Fraction

import numpy as np
import pytest

from films import flat, make_film
from kuleshov.edit.loop import Decoded, decoded, find_loop, played
from kuleshov.media.decode import Film
from kuleshov.render.frames import frames
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

pytestmark = pytest.mark.slow

RATE = Fraction(25)
SIZE = (160, 90)


def blob(x, y=45.0):
    """A soft light spot on grey."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    picture = flat(60, size=SIZE)
    spot = 150 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 300)
    picture[: SIZE[1]] = (60 + spot).astype(np.uint8)
    return picture


@pytest.fixture(scope="module")
def swing(tmp_path_factory):
    """A spot that swings to and fro in 2 s, for 6 s."""
    path = tmp_path_factory.mktemp("loops") / "swing.mp4"
    return make_film(path, [blob(80 + 50 * np.sin(2 * np.pi * n / 50)) for n in range(150)], RATE)


@pytest.fixture(scope="module")
def march(tmp_path_factory):
    """A spot that goes one way, for 4 s, and never returns."""
    path = tmp_path_factory.mktemp("loops") / "march.mp4"
    return make_film(path, [blob(20 + 1.2 * n) for n in range(100)], RATE)


def looked_at(path, end):
    media = Media(path)
    with Film(path) as film:
        video = film.video
    return media, decoded(media, video, TimeRange(Fraction(0), Fraction(end)), RATE)


def shown(media, loop, count, end, turned=0.0):
    usable = TimeRange(Fraction(0), Fraction(end))
    items = played(loop, media, usable, RATE, count, Clip(media, loop.start, 1), turned)
    timeline = Timeline("loop", RATE, Layout.single(*SIZE), (Track("recut", *items),))
    assert timeline.duration == count
    return np.stack(list(frames(timeline))).astype(int)


def steps(pictures):
    """The step from last to first, and the steps between neighbours."""
    sizes = np.abs(pictures - np.roll(pictures, 1, axis=0)).mean(axis=(1, 2, 3))
    return sizes[0], sizes[1:]


def test_what_returns_is_cut_where_it_moves_the_same_way(swing):
    media, looked = looked_at(swing, 6)
    loop = find_loop(looked, 40, 60)
    assert (loop.frames, loop.dissolve) == (50, 0)
    jump, others = steps(shown(media, loop, 50, 6))
    assert jump <= others.max() * 1.1


def test_what_never_returns_dissolves_into_what_lies_before(march):
    media, looked = looked_at(march, 4)
    loop = find_loop(looked, 50, 50, Fraction(2))
    assert loop.dissolve >= 4
    assert loop.start >= loop.dissolve / RATE
    pictures = shown(media, loop, 50, 4)
    jump, others = steps(pictures)
    assert jump <= others.max() * 1.05
    # A plain cut back would jump.
    cut = np.abs(pictures[50 - loop.dissolve - 1] - pictures[0]).mean()
    assert cut > 3 * jump


@pytest.mark.parametrize("turned", [0.0, 0.3, 0.9])
def test_a_short_shot_is_played_again_and_fills_the_track(march, turned):
    media, looked = looked_at(march, Fraction(7, 5))
    loop = find_loop(looked, 25, 25)
    jump, others = steps(shown(media, loop, 100, Fraction(7, 5), turned))
    assert jump <= others.max() * 1.05


def test_a_track_that_begins_within_the_loop_ends_before_that(march):
    media, looked = looked_at(march, 4)
    loop = find_loop(looked, 50, 50)
    plain, turned = (shown(media, loop, 50, 4, at) for at in (0.0, 0.5))
    into = min(range(50), key=lambda k: np.abs(np.roll(turned, k, axis=0) - plain).mean())
    assert 0 < into < 50
    assert np.abs(np.roll(turned, into, axis=0) - plain).mean() < 0.5


def test_the_instant_wanted_is_in_the_loop(swing):
    _, looked = looked_at(swing, 6)
    for best in (Fraction(1), Fraction(3), Fraction(5)):
        loop = find_loop(looked, 25, 50, best)
        assert loop.start <= best <= loop.start + loop.frames / RATE


@pytest.mark.parametrize("count", [1, 2, 5])
def test_very_short_stretches_loop_all_the_same(swing, count):
    media, looked = looked_at(swing, Fraction(count, 25))
    loop = find_loop(looked, 25, 50)
    assert 1 <= loop.frames <= count
    assert len(shown(media, loop, 30, Fraction(count, 25))) == 30


def test_a_real_shot(footage):
    path = footage / "archive" / "pexels_woman_closeup.mp4"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    media, looked = looked_at(path, 6)
    loop = find_loop(looked, 50, 50)
    jump, others = steps(shown(media, loop, 50, 6))
    assert jump <= others.max()


def test_a_loop_is_as_long_as_people_like_where_it_may_be():
    """Of a picture that is always the same any loop is seamless."""
    still = Decoded(Fraction(0), RATE, np.full((200, 8), 90, np.float32))
    assert find_loop(still, 10, 150).frames == pytest.approx(2.5 * RATE, abs=1)


def test_a_step_back_that_would_be_seen_is_not_cut():
    """Both ends lie among like pictures, but for one that lies between them and the cut."""
    rng = np.random.default_rng(0)
    moving = np.cumsum(rng.normal(size=(120, 40)), axis=0).astype(np.float32) * 3 + 100
    moving[70:74] = moving[10:14] + 0.1  # the same four pictures again
    seamless = find_loop(Decoded(Fraction(0), RATE, moving), 60, 60)
    assert (seamless.start * RATE, seamless.dissolve) in {(n, 0) for n in range(11, 14)}
    jumping = moving.copy()
    jumping[::2] += 12  # every step is one that is seen, and usual
    jumping[11:14] = jumping[11]
    jumping[71:74] = jumping[11] + 25
    loop = find_loop(Decoded(Fraction(0), RATE, jumping), 60, 60)
    last = round(loop.start * RATE) + loop.frames - 1
    first = round(loop.start * RATE)
    steps = np.sqrt((np.diff(jumping, axis=0) ** 2).mean(axis=1))
    step = np.sqrt(((jumping[last] - jumping[first]) ** 2).mean())
    assert loop.dissolve or step <= 1.2 * max(steps[first], steps[last - 1])
