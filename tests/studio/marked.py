"""Small films of real pictures, each of which says which one it is: for tests of what plays.

Where cuts are found and clips are matched by what they show, grey test pictures will not do. So the
sample footage is copied, small, with a row of blocks along the bottom that is read as a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from films import make_film, noise

__all__ = [
    "BITS",
    "LEFT",
    "SIDE",
    "SIZE",
    "TOP",
    "archive_of",
    "marked",
    "narrow_trailer_of",
    "number_of",
    "trailer_of",
    "trailer_with_black_of",
]

Array = NDArray[Any]
SIZE = (320, 180)
BITS = 12
LEFT, TOP, SIDE = 64, 164, 16  # pixels; blocks of 16 x 16 along the bottom
_DARK, _BRIGHT = 30, 225

_SAMPLES = Path(__file__).parents[2] / "src" / "kuleshov" / "samples"
_ARCHIVE = (
    "animal_portraits",
    "city_from_above",
    "drawing_hand",
    "dusk_building",
    "night_sky",
    "ocean_wave",
    "opossum_in_snow",
    "to_the_stars",
)
_EACH = 150  # pictures of each


def marked(picture: Array, number: int) -> Array:
    """Return a yuv420p picture of `SIZE` with a number, 0 to 4095, written along its bottom."""
    picture = picture.copy()
    width, height = SIZE
    luma, chroma = picture[:height], picture[height:].reshape(2, height // 2, width // 2)
    for bit in range(BITS):
        x = LEFT + bit * SIDE
        luma[TOP:, x : x + SIDE] = _BRIGHT if number >> bit & 1 else _DARK
    left, right = LEFT // 2, (LEFT + BITS * SIDE) // 2
    chroma[:, TOP // 2 :, left:right] = 128
    return picture


def number_of(luma: Array, *, mirrored: bool = False) -> int | None:
    """Return the number that a picture (H, W) of any size carries; None where it is not clear."""
    if mirrored:
        luma = luma[:, ::-1]
    height, width = luma.shape
    across, down = width / SIZE[0], height / SIZE[1]
    number = 0
    for bit in range(BITS):
        x = (LEFT + (bit + 0.5) * SIDE) * across
        y = (TOP + 0.5 * SIDE) * down
        block = luma[
            round(y - 3 * down) : round(y + 3 * down), round(x - 3 * across) : round(x + 3 * across)
        ]
        level = float(block.mean())
        if 90 < level < 165:
            return None
        number |= (level >= 165) << bit
    return number


def archive_of(folder: Path) -> dict[str, range]:
    """Make the footage, and return the numbers of each film's pictures, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {}
    for index, name in enumerate(_ARCHIVE):
        first = (index + 1) * 400
        pictures = list(islice(_pictures(_SAMPLES / "archive" / f"{name}.mp4"), _EACH))
        shown = (marked(picture, first + n) for n, picture in enumerate(pictures))
        make_film(folder / f"{name}.mp4", shown, Fraction(24), options={"crf": "12"})
        numbers[name] = range(first, first + len(pictures))
    return numbers


def trailer_of(path: Path, pictures: int = 234) -> Path:
    """Make the source: shots with hard cuts and one dissolve, numbered from 0, with sound."""
    taken = islice(_pictures(_SAMPLES / "trailer.mp4"), pictures)
    shown = (marked(one, n) for n, one in enumerate(taken))
    sound = noise(pictures / 24)
    return make_film(path, shown, Fraction(24), options={"crf": "12"}, sound=sound)


def narrow_trailer_of(path: Path, pictures: int = 60) -> Path:
    """Make a source of another shape than all footage, 4:3, of which clips are cropped."""
    shown = islice(_pictures(_SAMPLES / "trailer.mp4", (240, 180)), pictures)
    return make_film(path, shown, Fraction(24), options={"crf": "12"})


def trailer_with_black_of(path: Path) -> Path:
    """Make a source of two shots with black between, into which one fades and out of which the
    other comes."""
    taken = [*islice(_pictures(_SAMPLES / "trailer.mp4"), 234)]
    before, after = taken[:40], taken[-40:]
    black = np.full_like(before[0], 16)
    black[SIZE[1] :] = 128
    out = [_dimmed(before[-1], black, n / 12) for n in range(12)]
    back = [_dimmed(after[0], black, 1 - n / 12) for n in range(12)]
    shown = (*before, *out, *[black] * 30, *back, *after)
    return make_film(path, shown, Fraction(24), options={"crf": "12"})


def _dimmed(picture: Array, black: Array, share: float) -> Array:
    mixed = (1 - share) * picture.astype(np.float32) + share * black
    return np.asarray(np.round(mixed).astype(np.uint8))


def _pictures(path: Path, size: tuple[int, int] = SIZE) -> Iterator[Array]:
    with av.open(path) as film:
        for picture in film.decode(video=0):
            yield np.asarray(picture.reformat(*size, "yuv420p").to_ndarray())
