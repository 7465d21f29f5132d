"""Timelines as GIFs: within their limit, with their own times, and with words on them."""

import io
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from films import make_film, numbered, read_number
from kuleshov.errors import RenderError, UsageError
from kuleshov.media.gif import read_times
from kuleshov.notes import texts
from kuleshov.render.frames import frames
from kuleshov.render.gif import Moving, _bytes, render_gif, render_still
from kuleshov.render.legend import Legend
from kuleshov.render.options import Finishing, RenderOptions
from kuleshov.timeline import Clip, Layout, Media, Region, Timeline, Track

RATE = Fraction(24)
SIZE = (320, 180)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    path = tmp_path_factory.mktemp("gif") / "numbers.mp4"
    return make_film(path, numbered(48, SIZE), RATE)


@pytest.fixture(scope="module")
def restless(tmp_path_factory):
    """Noise, which no format can make small."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(16, 236, (270, 320)).astype(np.uint8) for _ in range(24)]
    return make_film(tmp_path_factory.mktemp("gif") / "noise.mp4", pictures, RATE)


def timeline(path, count=48):
    clip = Clip(Media(path), Fraction(0), count)
    return Timeline("film", RATE, Layout.single(*SIZE), (Track("recut", (clip,)),))


def pictures_of(path):
    image = Image.open(io.BytesIO(path.read_bytes()))
    shown = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        shown.append(np.asarray(image.convert("RGB")))
    return shown


def number_in(picture):
    return read_number(picture.astype(float) @ np.array([0.299, 0.587, 0.114]))


def test_frames_are_those_of_the_film_and_only_those_wanted(numbers):
    every = [number_in(p) for p in frames(timeline(numbers))]
    assert every == list(range(48))
    assert [number_in(p) for p in frames(timeline(numbers), [3, 17, 40])] == [3, 17, 40]
    (grey,) = frames(timeline(numbers), [5], RenderOptions(finishing=Finishing(monochrome=True)))
    assert np.ptp(grey.astype(int), axis=2).max() <= 1


@pytest.mark.slow
def test_every_nth_frame_for_as_long_as_the_film_lasts(numbers, tmp_path):
    out = tmp_path / "a.gif"
    made = render_gif(timeline(numbers), out)
    assert [number_in(p) for p in pictures_of(out)] == list(range(0, 48, 2))
    assert sum(read_times(out).delays) == 200
    assert (made.frames, made.width, made.height, made.notes) == (24, 320, 180, ())
    assert made.bytes == out.stat().st_size


def test_given_delays_are_kept(numbers, tmp_path):
    out = tmp_path / "a.gif"
    delays = (5, 30, 2, 11)
    moving = Moving(delays=delays, frames=(0, 7, 20, 47), loop=2)
    render_gif(timeline(numbers), out, moving)
    assert [number_in(p) for p in pictures_of(out)] == [0, 7, 20, 47]
    assert read_times(out).delays == delays
    assert read_times(out).loop == 2


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_limit_is_kept_and_what_it_cost_is_said(restless, tmp_path, suffix):
    whole = render_gif(timeline(restless, 24), tmp_path / f"whole{suffix}")
    sizes, lost = [], []
    for share in (0.8, 0.3, 0.1):
        limit = int(whole.bytes * share)
        made = render_gif(timeline(restless, 24), tmp_path / f"a{suffix}", Moving(limit=limit))
        assert made.path.stat().st_size == made.bytes <= limit
        (sentence,) = texts(made.notes)
        assert "To stay below" in sentence
        sizes.append(made.bytes)
        lost.append(("a second" in sentence, "instead of 255" in sentence or "quality" in sentence,
                     "pixels wide" in sentence))  # fmt: skip
    # First pictures a second, then colours, then the size.
    assert lost[0][0]
    assert not lost[0][2]
    assert lost[2] == (True, True, True)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 500])
def test_a_limit_that_cannot_be_met_leaves_nothing_and_one_that_can_is_said(
    restless, tmp_path, limit
):
    out = tmp_path / "a.gif"
    with pytest.raises(RenderError, match="make it shorter, or allow that much") as error:
        render_gif(timeline(restless, 12), out, Moving(limit=limit))
    assert not list(tmp_path.iterdir())
    told = re.search(r"smaller than ([\d.]+) (MB|kB)", str(error.value))
    size, unit = told.groups()
    enough = int(Fraction(size) * {"MB": 1_000_000, "kB": 1000}[unit])
    assert render_gif(timeline(restless, 12), out, Moving(limit=enough)).bytes <= enough


def test_bytes_are_never_said_as_nothing():
    assert [_bytes(n) for n in (1, 999, 1000, 99_949, 100_000)] == [
        *("1 byte", "999 bytes", "1.0 kB", "99.9 kB", "0.10 MB")
    ]
    assert [_bytes(n, up=True) for n in (1, 1001, 100_001)] == ["1 byte", "1.1 kB", "0.11 MB"]


@pytest.mark.slow
def test_delays_that_are_given_are_not_given_up_for_size(restless, tmp_path):
    moving = Moving(delays=(4,) * 12, frames=tuple(range(12)))
    whole = render_gif(timeline(restless, 24), tmp_path / "a.gif", moving)
    limited = Moving(limit=whole.bytes // 3, delays=moving.delays, frames=moving.frames)
    made = render_gif(timeline(restless, 24), tmp_path / "b.gif", limited)
    assert made.frames == 12
    assert read_times(tmp_path / "b.gif").delays == (4,) * 12


def test_words_are_drawn_at_the_bottom_of_everything(numbers, tmp_path):
    plain, worded = (
        next(iter(frames(timeline(numbers), [5], RenderOptions(legend=text)))).astype(int)
        for text in ("", "Überraschung — сюрприз")
    )
    changed = np.abs(plain - worded).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert rows.min() > 180 * 0.6
    assert 160 - 8 < (columns.min() + columns.max()) / 2 < 160 + 8
    lower = worded[120:]
    assert (lower.min(axis=2) > 225).sum() > 200  # white letters
    assert (lower.max(axis=2) < 30).sum() > 200  # with a black edge
    assert number_in(worded) == 5


def test_long_words_are_broken_into_lines_and_too_long_ones_refused():
    short, long = Legend("Hm.", *SIZE), Legend("so this is what they call a film " * 2, *SIZE)
    assert len(long._luma[0]) > len(short._luma[0])
    with pytest.raises(UsageError, match="has no room"):
        Legend("many words " * 80, *SIZE)


def test_regions_and_a_still(numbers, tmp_path):
    layout = Layout(
        324, 90, (Region("a", 0, 0, 160, 90), Region("b", 164, 0, 160, 90))
    )  # 4 pixels between
    tracks = tuple(
        Track(name, (Clip(Media(numbers), Fraction(first, 24), 1, speed=Fraction(0)),), region=name)
        for name, first in (("a", 4), ("b", 30))
    )
    out = tmp_path / "a.png"
    render_still(Timeline("grid", RATE, layout, tracks), out)
    picture = np.asarray(Image.open(io.BytesIO(out.read_bytes())))
    assert number_in(picture[:, :160]) == 4
    assert number_in(picture[:, 164:]) == 30
    assert picture[:, 160:164].max() == 0


def test_missing_footage_and_wrong_suffix_are_said(tmp_path):
    film = timeline(tmp_path / "gone.mp4")
    with pytest.raises(RenderError, match=r"gone.mp4"):
        render_gif(film, tmp_path / "a.gif")
    with pytest.raises(UsageError, match=r".gif or .webp"):
        render_gif(film, tmp_path / "a.avi")
    with pytest.raises(UsageError, match="fps lies"):
        Moving(fps=Fraction(0))
    assert list(tmp_path.iterdir()) == []
