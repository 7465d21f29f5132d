"""Sift pictures that are worth training on: not blank, not blurred, not the same again.

**Sharpness** is how much of the light's change within some pixels is left within one: the ratio of
two bands of a picture (below 1 pixel, and 1 to 3, Gaussian), in the tiles of it that show anything.
Nature's pictures have about the same ratio whatever their contrast; blurring takes it away. At 333
lines films lie between 0.3 and 1.3; the same pictures blurred by 2 pixels at 0.19 to 0.29, by 3
pixels or more below 0.22. Clouds and water may lie there as well, so a picture counts as blurred
only beside sharper ones: below `SOFT` and below half of the set's median.

**Likeness** is the root of the mean squared difference of two pictures, both averaged down to 48 by
48 cells, in levels of 255. The sharper of two that are alike stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.see.abstraction import LUMA

__all__ = ["ALIKE", "SOFT", "blurred", "is_blank", "print_of", "sharpness", "unlike"]

SOFT = 0.3
"""Sharpness below which a picture may be called blurred."""
_HALF = 0.5  # of the set's median, below which it is

ALIKE = (4.0, 2.5, 1.5)
"""Levels within which pictures are near-duplicates: the first of these that leaves enough. Noise
and compression alone differ by up to about 1."""
_CONTRAST = 32.0  # levels; pictures of less contrast differ less

_TILE = 24
_SHOWN = 1.0  # levels that a tile varies by in the coarser band, to show anything
_SHOWN_SHARE = 0.3  # of the most that any does
_LEAST_TILES = 3
_DARK = 30  # level below which a whole picture is black
_FLAT = 12  # levels between the darkest and the brightest of one that shows nothing
_CELLS = 48
_BLOCK = 256

F32 = NDArray[np.float32]


def is_blank(pixels: NDArray[np.uint8]) -> bool:
    """Return whether (H, W, 3) RGB shows black or one colour.

    A hundredth of it may be otherwise.
    """
    small = pixels[::2, ::2].reshape(-1, 3)
    low, high = np.percentile(small, (1, 99), axis=0)
    return bool(high.max() < _DARK or (high - low).max() < _FLAT)


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return how sharp (H, W, 3) RGB is: about 0.6 for films.

    It is 0 where it shows no detail at all.
    """
    from scipy.ndimage import gaussian_filter

    light = pixels.astype(np.float32) @ np.array(LUMA, np.float32)
    soft = gaussian_filter(light, 1.0, truncate=3)
    softer = gaussian_filter(soft, 3.0, truncate=2)
    fine, coarse = _tiles(light - soft), _tiles(soft - softer)
    shown = coarse > max(_SHOWN, _SHOWN_SHARE * float(np.percentile(coarse, 95)))
    if np.count_nonzero(shown) < _LEAST_TILES:
        return 0.0
    # The sharpest quarter: one thing in focus is enough.
    return float(np.percentile(fine[shown] / coarse[shown], 75))


def _tiles(band: F32) -> F32:
    """Return how much a band varies in each tile."""
    tile = min(_TILE, *band.shape)
    rows, columns = (length // tile for length in band.shape)
    cut = band[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    return np.asarray(np.sqrt((cut**2).mean(axis=(1, 3))).ravel())


def blurred(sharp: Sequence[float]) -> NDArray[np.bool_]:
    """Return which of a set are blurred, by the sharpness of each."""
    values = np.array(sharp, np.float64)
    if not values.size:
        return np.zeros(0, bool)
    return np.asarray(values < min(SOFT, _HALF * float(np.median(values))))


def print_of(pixels: NDArray[np.uint8]) -> F32:
    """Return what a picture is known again by, (6912,).

    It is 48 x 48 cells of red, green and blue.
    """
    from PIL.Image import Resampling, fromarray

    small = fromarray(pixels).resize((_CELLS, _CELLS), Resampling.BOX)
    return np.asarray(small, np.float32).ravel() - 128


def unlike(prints: F32, sharp: Sequence[float], enough: int) -> NDArray[np.bool_]:
    """Return which of (N, 6912) prints stay, so that no two are alike: the sharpest of those.

    Where the strictest measure leaves fewer than `enough`, the next is taken.
    """
    order = np.argsort(-np.array(sharp), kind="stable")
    kept = np.zeros(len(prints), bool)
    for levels in ALIKE:
        kept = _unlike(prints, order, levels)
        if np.count_nonzero(kept) >= enough:
            break
    return kept


def _unlike(prints: F32, order: NDArray[Any], levels: float) -> NDArray[np.bool_]:
    """Return which stay, greedily.

    Each in this order stays if nothing that stays is within `levels` of it.
    """
    size = prints.shape[1]
    squares = (prints**2).sum(axis=1)
    contrast = prints.std(axis=1)
    limits = (levels * np.clip(contrast / _CONTRAST, 0.5, 1)) ** 2 * size
    staying: list[int] = []
    for first in range(0, len(order), _BLOCK):
        block = order[first : first + _BLOCK]
        beside = np.array([*staying, *block])
        far = squares[block, None] + squares[beside] - 2 * prints[block] @ prints[beside].T
        close = far < limits[block, None]
        before = np.zeros(len(beside), bool)
        before[: len(staying)] = True
        base = len(staying)
        for row, index in enumerate(block):
            if not np.any(close[row] & before):
                before[base + row] = True
                staying.append(int(index))
    kept = np.zeros(len(prints), bool)
    kept[staying] = True
    return kept
