"""Small pictures are upright, without bars, and each corner is a corner of the picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from films import bars_around, flat, make_film
from kuleshov.footage import Bars
from kuleshov.media.decode import Film
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.media.scale import Scaler

F = Fraction


def four(width: int, height: int) -> np.ndarray:
    """A grey level in each quarter."""
    picture = flat(50, size=(width, height))
    luma = picture[:height]
    luma[: height // 2, width // 2 :] = 100
    luma[height // 2 :, : width // 2] = 150
    luma[height // 2 :, width // 2 :] = 200
    return picture


def quarters(image: np.ndarray) -> list[int]:
    """The level at the corners of a small picture, as limited-range luma again."""
    levels = [image[y, x].mean() for y, x in ((2, 2), (2, -3), (-3, 2), (-3, -3))]
    return [round(float(level) * 219 / 255 + 16) for level in levels]


def close(one: list[int], other: list[int]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 4


@pytest.mark.parametrize(
    ("degrees", "wanted"),
    [
        (0, [50, 100, 150, 200]),
        (90, [150, 50, 200, 100]),
        (180, [200, 150, 100, 50]),
        (270, [100, 200, 50, 150]),
    ],
)
@pytest.mark.parametrize("bars", [Bars(), Bars(left=40, top=10, right=20, bottom=30)], ids=str)
def test_upright_and_without_bars(tmp_path, degrees, wanted, bars):
    """`bars` are given coded here; the scaler takes them upright."""
    picture = bars_around(four(240, 160), bars)
    path = make_film(tmp_path / "a.mp4", [picture] * 3, 10, rotation=degrees)
    sides = [bars.left, bars.top, bars.right, bars.bottom]
    for _ in range(degrees // 90):
        sides = [sides[3], *sides[:3]]
    with Film(path) as film:
        small = Scaler(film.video, 32, 32, Bars(*sides))(next(film.pictures()).frame)
    assert small.shape == (32, 32, 3)
    assert close(quarters(small), wanted), quarters(small)
    # The quarters meet in the middle, and of the bars no more is left than rounding to a pixel of
    # the small picture leaves in its outermost line.
    inner = small[..., 1].astype(int)
    assert abs(inner[1:15, 1:15].mean() - inner[2, 2]) < 3
    assert abs(inner[17:-1, 17:-1].mean() - inner[-3, -3]) < 3


@pytest.mark.parametrize("size", [(27, 48), (224, 224), (33, 7)])
@pytest.mark.parametrize("degrees", [0, 90])
def test_any_shape(tmp_path, size, degrees):
    path = make_film(tmp_path / "a.mp4", [four(240, 160)] * 3, 10, rotation=degrees)
    with Film(path) as film:
        assert Scaler(film.video, *size)(next(film.pictures()).frame).shape == (*size, 3)


def test_averages_over_areas(tmp_path):
    """A fine chequerboard comes out grey, not as a pattern of its own."""
    picture = flat(128, size=(320, 320))
    y, x = np.mgrid[:320, :320]
    picture[:320] = np.where((x + y) % 2, 60, 200)
    path = make_film(tmp_path / "a.mp4", [picture] * 2, 10, options={"crf": "0"})
    with Film(path) as film:
        small = Scaler(film.video, 32, 32)(next(film.pictures()).frame)
    assert small.std() < 3
    assert abs(float(small.mean()) - (130 - 16) * 255 / 219) < 4


def test_pixels_that_are_not_square_change_nothing(tmp_path):
    """Pictures are stretched to one shape anyway; the aspect is for those who show the film."""
    seen = []
    for aspect in (F(1), F(16, 11)):
        path = make_film(
            tmp_path / f"{aspect.numerator}.mp4", [four(352, 288)] * 2, 10, aspect=aspect
        )
        with Film(path) as film:
            assert film.video.aspect == aspect
            assert film.video.active_aspect == F(352, 288) * aspect
            seen.append(Scaler(film.video, 32, 32)(next(film.pictures()).frame))
    one, other = seen
    np.testing.assert_array_equal(one, other)


def test_a_pass_gives_upright_pictures(tmp_path):
    """From file to picture: turned, with bars, at once."""
    bars = Bars(top=40, bottom=40)
    picture = bars_around(four(240, 160), bars)
    path = make_film(tmp_path / "a.mp4", [picture] * 20, 10, rotation=90, gop=3)
    messages = list(read(ReadRequest(path, picture=32)))
    found = messages[-1].video.bars
    assert 40 <= found.left <= 42
    assert 40 <= found.right <= 42
    assert (found.top, found.bottom) == (0, 0)
    batch = next(m for m in messages if isinstance(m, FrameBatch))
    assert close(quarters(batch.pictures[0]), [150, 50, 200, 100])
    # Those for the detector keep the bars.
    assert batch.tiny[0][:, :4].max() < 20
