"""Reduce pictures to few colours: a palette, the nearest of it for each, ordered dither.

A palette is split from the pictures' colours where they vary most (Wan, Wong & Prusinkiewicz 1990:
the box with the greatest variance is cut across its longest axis at its mean) and then moved to the
middles of what falls to it (Lloyd 1982). Distances are weighted, for the eye sees green best.
Dither is ordered (Bayer 1973): it is the same in every picture, so that what stands still stays as
it is and costs nothing in a file of differences.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mapper", "palette_of"]

_WEIGHTS = np.array([0.95, 1.15, 0.85], np.float32)  # of red, green and blue in a distance
_SHIFT = 2  # bits of each colour that the table of nearest colours leaves out
_COLOURS = 1 << 15  # of different colours that a palette is made from
_MOVES = 6
_BLOCK = 4096
_BAYER = 8


def palette_of(pictures: Iterable[NDArray[np.uint8]], colours: int) -> NDArray[np.uint8]:
    """Return at most `colours` colours, (n, 3) uint8 RGB, that stand best for all pictures.

    Pictures are (H, W, 3).

    Of many colours some 32,000 are looked at, weighed by how often they come.
    """
    points, weights = _histogram(pictures)
    centres = _split(points, weights, colours)
    for _ in range(_MOVES if len(points) > colours else 0):
        owner = _nearest(points, centres)
        total = np.bincount(owner, weights, len(centres))
        sums = [np.bincount(owner, weights * points[:, c], len(centres)) for c in range(3)]
        moved = np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]
        centres = np.where(total[:, None] > 0, moved, centres).astype(np.float32)
    whole = np.clip(np.rint(centres / _WEIGHTS), 0, 255).astype(np.uint8)
    return np.unique(whole, axis=0)


class Mapper:
    """A mapper of pictures to the numbers of a palette's colours.

    They are dithered by `dither` (0: not at all, 1: by about the distance of neighbouring colours).
    """

    def __init__(self, palette: NDArray[np.uint8], dither: float = 0.5) -> None:
        self.palette = palette
        steps = 256 >> _SHIFT
        values = (np.arange(steps) << _SHIFT) + (1 << _SHIFT >> 1)
        grid = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1)
        scaled = palette.astype(np.float32) * _WEIGHTS
        self._table = _looked_up(grid.reshape(-1, 3) * _WEIGHTS, scaled)
        self._spread = dither * _apart(scaled)
        self._pattern = _bayer(_BAYER)

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the number of a colour for each pixel: (H, W) uint8."""
        height, width = picture.shape[:2]
        wanted = picture.astype(np.int16)
        if self._spread >= 1:
            tiles = (height // _BAYER + 1, width // _BAYER + 1)
            pattern = np.tile(self._pattern, tiles)[:height, :width]
            wanted = wanted + np.rint(pattern * self._spread).astype(np.int16)[:, :, None]
        levels = np.clip(wanted, 0, 255) >> _SHIFT
        bits = 8 - _SHIFT
        place = levels[..., 0].astype(np.int32) << 2 * bits | levels[..., 1] << bits
        return np.asarray(self._table[place | levels[..., 2]], np.uint8)


def _histogram(
    pictures: Iterable[NDArray[np.uint8]],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return weighted colours (n, 3), or the means of like ones, and how often each comes."""
    counts = np.zeros(1 << 18, np.int64)
    sums = np.zeros((3, 1 << 18), np.float64)
    for picture in pictures:
        flat = picture.reshape(-1, 3)
        keys = flat.astype(np.int32) >> 2
        key = keys[:, 0] << 12 | keys[:, 1] << 6 | keys[:, 2]
        counts += np.bincount(key, minlength=1 << 18)
        for channel in range(3):
            sums[channel] += np.bincount(key, flat[:, channel], minlength=1 << 18)
    used = np.flatnonzero(counts)
    if len(used) > _COLOURS:
        used = used[np.argsort(-counts[used], kind="stable")[:_COLOURS]]
    means = (sums[:, used] / counts[used]).T
    return (means * _WEIGHTS).astype(np.float32), counts[used].astype(np.float64)


def _split(
    points: NDArray[np.float32], weights: NDArray[np.float64], colours: int
) -> NDArray[np.float32]:
    boxes = [np.arange(len(points))]
    spreads = [_spread(points, weights, boxes[0])]
    while len(boxes) < colours:
        worst = max(range(len(boxes)), key=lambda i: spreads[i][0])
        error, axis, middle = spreads[worst]
        if error <= 0:
            break
        box = boxes[worst]
        low = points[box, axis] <= middle
        halves = box[low], box[~low]
        boxes[worst : worst + 1] = halves
        spreads[worst : worst + 1] = [_spread(points, weights, half) for half in halves]
    means = [np.average(points[box], axis=0, weights=weights[box]) for box in boxes]
    return np.asarray(means, np.float32)


def _spread(
    points: NDArray[np.float32], weights: NDArray[np.float64], box: NDArray[np.int64]
) -> tuple[float, int, float]:
    """Return how much a box varies along its widest axis, that axis, and its mean there.

    The widest axis is the one where it varies most.
    """
    if len(box) < 2:
        return 0.0, 0, 0.0
    inside, weight = points[box].astype(np.float64), weights[box]
    mean = np.average(inside, axis=0, weights=weight)
    error = weight @ (inside - mean) ** 2
    axis = int(error.argmax())
    # A mean at the edge of a box, by rounding, would split off nothing.
    if np.ptp(inside[:, axis]) < 1e-3:
        return 0.0, axis, 0.0
    return float(error[axis]), axis, float(mean[axis])


def _nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    half = (centres**2).sum(axis=1) / 2
    found = [
        (points[i : i + _BLOCK] @ centres.T - half).argmax(axis=1)
        for i in range(0, len(points), _BLOCK)
    ]
    return np.concatenate(found)


def _looked_up(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.uint8]:
    from scipy.spatial import KDTree

    _, found = KDTree(centres).query(points)
    return np.asarray(found, np.uint8)


def _apart(scaled: NDArray[np.float32]) -> float:
    """Return how far a colour is from its nearest others: the median over the palette."""
    if len(scaled) < 2:
        return 0.0
    from scipy.spatial import KDTree

    distance = np.asarray(KDTree(scaled).query(scaled, k=2)[0])
    return float(np.median(distance[:, 1]))


def _bayer(side: int) -> NDArray[np.float32]:
    """Return Bayer's pattern, (side, side) from -0.5 to 0.5; `side` is a power of 2."""
    pattern = np.zeros((1, 1))
    while len(pattern) < side:
        four = 4 * pattern
        pattern = np.block([[four, four + 2], [four + 3, four + 1]])
    return np.asarray((pattern + 0.5) / side**2 - 0.5, np.float32)
