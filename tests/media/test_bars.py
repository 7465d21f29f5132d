"""Black bars are found to within two pixels; black that belongs to the picture is left alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from films import bars_around, flat, make_film
from kuleshov.footage import Bars
from kuleshov.media.bars import find_bars
from kuleshov.media.decode import Film

F = Fraction


def scene(k: int, width: int, height: int) -> np.ndarray:
    """A picture without black: soft stripes that move, lit to all edges."""
    picture = flat(90, 110 + k, 140, size=(width, height))
    y, x = np.mgrid[:height, :width]
    picture[:height] = (120 + 60 * np.sin((x + 3 * y + 9 * k) / 17)).astype(np.uint8)
    return picture


def found(path: Path) -> Bars:
    with Film(path) as film:
        return find_bars(film, film.probe.duration_s)


def near(bars: Bars, wanted: Bars) -> bool:
    return all(
        # Never less than there is, and no more than two pixels of the picture lost.
        0 <= getattr(bars, side) - getattr(wanted, side) <= 2
        if getattr(wanted, side)
        else getattr(bars, side) == 0
        for side in ("left", "top", "right", "bottom")
    )


def framed(path: Path, bars: Bars, size: tuple[int, int] = (400, 300), **how: Any) -> Path:
    width, height = size[0] - bars.left - bars.right, size[1] - bars.top - bars.bottom
    pictures = [bars_around(scene(k, width, height), bars) for k in range(30)]
    return make_film(path, pictures, 10, gop=3, **how)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bars",
    [
        Bars(),
        Bars(top=38, bottom=38),
        Bars(left=50, right=50),
        Bars(left=50, top=38, right=50, bottom=38),
        Bars(top=30, bottom=44),
        Bars(top=6, bottom=6),
        Bars(top=100, bottom=100),
        Bars(left=4, right=8),
        Bars(left=8),
    ],
    ids=str,
)
@pytest.mark.parametrize("quality", ["4", "32"])
def test_are_found_to_within_two_pixels(tmp_path, bars, quality):
    bars_found = found(framed(tmp_path / "a.mp4", bars, options={"crf": quality}))
    assert near(bars_found, bars), bars_found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("degrees", "upright"),
    [
        (90, Bars(left=16, top=30, right=20, bottom=40)),
        (180, Bars(left=40, top=16, right=30, bottom=20)),
        (270, Bars(left=20, top=40, right=16, bottom=30)),
    ],
)
def test_turn_with_the_picture(tmp_path, degrees, upright):
    # Coded: 30 left, 20 top, 40 right, 16 bottom. Turned clockwise, left comes to stand on top.
    coded = Bars(left=30, top=20, right=40, bottom=16)
    path = framed(tmp_path / "a.mp4", coded, rotation=degrees)
    assert near(found(path), upright), found(path)


def space(k: int) -> np.ndarray:
    """A planet on black: round, in the middle, moving a little."""
    picture = flat(16, size=(400, 300))
    y, x = np.mgrid[:300, :400]
    disc = (x - 200 - k // 3) ** 2 + (y - 150) ** 2 < 90**2
    picture[:300][disc] = 170
    return picture


def half(k: int) -> np.ndarray:
    """A picture whose left third is simply dark."""
    picture = scene(k, 400, 300)
    picture[:300, :130] = 16
    return picture


def titled(k: int) -> np.ndarray:
    """White letters, not much, in the middle of black."""
    picture = flat(16, size=(400, 300))
    picture[140:160, 150 : 250 : 1 + k % 2] = 235
    return picture


def nothing(k: int) -> np.ndarray:
    return flat(16, size=(400, 300))


@pytest.mark.slow
@pytest.mark.parametrize("picture", [space, half, titled, nothing])
def test_black_that_belongs_to_the_picture_is_no_bar(tmp_path, picture):
    path = make_film(tmp_path / "a.mp4", [picture(k) for k in range(30)], 10, gop=3)
    assert found(path) == Bars()


def test_a_film_that_begins_in_black_has_its_bars(tmp_path):
    bars = Bars(top=38, bottom=38)
    lit = [bars_around(scene(k, 400, 224), bars) for k in range(20)]
    path = make_film(tmp_path / "a.mp4", [flat(16, size=(400, 300))] * 40 + lit, 10, gop=3)
    assert near(found(path), bars)


@pytest.mark.slow
def test_bars_that_come_and_go_are_none(tmp_path):
    """Only what is black throughout is cut off."""
    bars = Bars(top=38, bottom=38)
    boxed = [bars_around(scene(k, 400, 224), bars) for k in range(20)]
    whole = [scene(k, 400, 300) for k in range(20)]
    assert found(make_film(tmp_path / "a.mp4", boxed + whole, 10, gop=3)) == Bars()


@pytest.mark.slow
def test_one_title_over_the_bars_does_not_hide_them(tmp_path):
    """One frame in eight of those looked at may have one."""
    bars = Bars(top=38, bottom=38)
    pictures = [bars_around(scene(k, 400, 224), bars) for k in range(60)]
    for picture in pictures[30:33]:
        picture[275:290, 150:250] = 235
    path = make_film(tmp_path / "a.mp4", pictures, 10, gop=3)
    assert near(found(path), bars)
