"""Where pictures are cropped, as rendered."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from films import bars_around, flat, make_film, turn
from kuleshov.footage import Bars
from kuleshov.render.clips import cutting
from kuleshov.render.frames import frames
from kuleshov.render.sheet import sheet
from kuleshov.timeline import Clip, Layout, Media, Region, Timeline, Track

F = Fraction
WIDE, TALL = (320, 180), (180, 320)


def block(size: tuple[int, int], x: float, y: float):
    """A dark picture with a bright block, 32 pixels a side, whose middle lies at x, y."""
    picture = flat(40, size=size)
    left, top = round(x * size[0]) - 16, round(y * size[1]) - 16
    luma = picture[: size[1]]
    luma[max(0, top) : max(0, top + 32), max(0, left) : max(0, left + 32)] = 220
    return picture


def found(picture) -> tuple[float, float] | None:
    """Where the block's middle is, in pixels; None where there is none."""
    rows, columns = np.nonzero(np.asarray(picture).mean(axis=2) > 128)
    return None if not len(rows) else (float(columns.mean()) + 0.5, float(rows.mean()) + 0.5)


def shown(path: Path, size: tuple[int, int], count: int = 1, **how):
    clip = Clip(Media(path, bars=how.pop("bars", Bars())), F(0), count, **how)
    track = Track("recut", (clip,))
    return list(frames(Timeline("test", F(25), Layout.single(*size), (track,))))


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """A block at a fifth of the width, three tenths of the height."""
    path = tmp_path_factory.mktemp("focus") / "wide.mp4"
    return make_film(path, [block(WIDE, 0.2, 0.3)] * 6, 25)


def test_the_crop_lies_at_the_focus_and_does_not_move(wide: Path) -> None:
    assert (found(shown(wide, (180, 180))[0]) or (99, 0))[0] < 10  # in the middle it is cut off
    pictures = shown(wide, (100, 180), 6, focus=(0.2, 0.9))
    assert len(pictures) == 6
    for picture in pictures:
        x, y = found(picture) or (0, 0)
        assert abs(x - 50) <= 2
        assert abs(y - 54) <= 1
    right = shown(wide, (100, 180), focus=(0.3, 0.5))[0]
    assert abs((found(right) or (0, 0))[0] - (50 - 32)) <= 2


def test_a_mirrored_clip_is_mirrored_after_it_is_cropped(wide: Path) -> None:
    plain = shown(wide, (120, 180), focus=(0.3, 0.5))[0]
    mirrored = shown(wide, (120, 180), focus=(0.3, 0.5), mirrored=True)[0]
    assert abs((found(plain) or (0, 0))[0] - 28) <= 2
    assert abs((found(mirrored) or (0, 0))[0] - 92) <= 2


def test_turned_footage_and_bars(tmp_path: Path) -> None:
    tall = make_film(tmp_path / "tall.mp4", [block(TALL, 0.5, 0.15)] * 3, 25)
    assert found(shown(tall, (180, 100))[0]) is None
    assert abs((found(shown(tall, (180, 100), focus=(0.5, 0.2))[0]) or (0, 0))[1] - 34) <= 3
    # Stored lying down, as phones do: a block at the stored left is at the top when upright.
    phone = make_film(tmp_path / "phone.mp4", [block(WIDE, 0.15, 0.5)] * 3, 25)
    turn(phone, 90)
    assert found(shown(phone, (180, 100))[0]) is None
    assert abs((found(shown(phone, (180, 100), focus=(0.5, 0.15))[0]) or (0, 0))[1] - 48) <= 3
    bars = Bars(40, 20, 0, 0)
    framed = [bars_around(block(WIDE, 0.2, 0.5), bars)] * 3
    barred = make_film(tmp_path / "barred.mp4", framed, 25)
    x, y = found(shown(barred, (100, 180), focus=(0.2, 0.5), bars=bars)[0]) or (0, 0)
    assert abs(x - 50) <= 2
    assert abs(y - 90) <= 2


def test_cells_and_sheets_crop_alike(wide: Path, tmp_path: Path) -> None:
    clip = Clip(Media(wide), F(0), 6, focus=(0.2, 0.5))
    cells = tuple(Region(f"cell {n}", 100 * n, 0, 100, 180) for n in range(2))
    tracks = tuple(Track(r.name, (clip,), region=r.name) for r in cells)
    picture = next(iter(frames(Timeline("t", F(25), Layout(200, 180, cells), tracks))))
    assert np.array_equal(picture[:, :100], picture[:, 100:])
    assert abs((found(picture[:, :100]) or (0, 0))[0] - 50) <= 2
    from PIL import Image

    def still(one: Clip) -> float:
        film = Timeline("t", F(25), Layout.single(180, 180), (Track("recut", (one,)),))
        (path,) = sheet(film, tmp_path / "sheet.png")
        page = np.asarray(Image.open(path).convert("RGB")).astype(int)
        return float((page[104:, 44:200].min(axis=2) > 200).mean())

    assert still(clip) > 4 * still(replace(clip, focus=(0.8, 0.5)))


@pytest.mark.parametrize("size", [(320, 180), (319, 180), (321, 241), (180, 320)])
@pytest.mark.parametrize("wanted", [(100, 100), (64, 200), (200, 64), (320, 180)])
def test_numbers_stay_even_and_inside(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    region = Region("main", 0, 0, *wanted)
    plain = cutting(size, F(1), Bars(), region)
    assert cutting(size, F(1), Bars(), region, (0.5, 0.5)) == plain
    for focus in ((0.0, 0.0), (1.0, 1.0), (0.31, 0.77), (0.0, 1.0)):
        for bars in (Bars(), Bars(3, 5, 7, 1)):
            cut = cutting(size, F(4, 3), bars, region, focus)
            assert cut.x % 2 == cut.y % 2 == 0
            assert bars.left <= cut.x <= size[0] - bars.right - cut.width
            assert bars.top <= cut.y <= size[1] - bars.bottom - cut.height
            middle = cutting(size, F(4, 3), bars, region)
            assert replace(cut, x=0, y=0) == replace(middle, x=0, y=0)
    fit = Region("main", 0, 0, *wanted, "fit")
    assert cutting(size, F(1), Bars(), fit, (0.0, 0.0)) == cutting(size, F(1), Bars(), fit)
