"""Recognise flashes, which look like cuts: lamps, gunfire, strobes and lightning.

Afterwards the picture is what it was before, and meanwhile it is the same picture with more light:
hardly anything is darker, and what is not light alone follows from the picture before. Another shot
between two of one take is brighter in some places and darker in others, or shows something else.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.light import ROWS_COLUMNS
from kuleshov.shots.ramps import likeness
from kuleshov.timecode import FrameRange

__all__ = ["is_flash"]

_LONGEST = 24  # frames; lightning flickers
_BLACK = 10  # of 255; what is darker in all frames is bars
_BRIGHTER = (1.5, 0.05)  # of 255, and of the light before: how much brighter the brightest frame is
_EDGE = 0.1  # of the brightest frame's light, that the first and the last must have
_SAME = 0.7  # correlation of what is before and after; things move meanwhile,
_ON = 0.85  # and more where each frame shows still what the one before it showed
_LEVEL = 0.5  # of the flash's own light, by which the two may differ in light
_CHANGED = 0.4  # of the step, by which the two may differ
_MOVED, _NOISE = 0.3, 2.0  # of their contrast, and of 255, by which most cells may
_DARKER = (3.0, 0.1)  # of 255, and of the cell's light: a cell that loses more is darker
_FEW = 0.12  # of the cells may be darker
_BRIEF = 4  # frames
_FOREIGN = (0.45, 0.35)  # of a picture's contrast, that the picture before leaves open: brief, long
_ROUGH = 0.28  # of a glow's contrast, by which cells differ from their neighbours: 0.22; white 0.36
_AWAY = 0.35  # of a glow's most, that half of the picture stays below: 0.2; other shots 0.6
_LITTLE = 2.0  # of 255, that is as good as nothing


def is_flash(
    light: NDArray[np.uint8] | NDArray[np.float32], boundary: FrameRange, near: int = 1
) -> bool:
    """Return whether a boundary is nothing but a flash.

    Some frames near it are brighter than the picture before and after them, which is the same.
    `light` is (N, 144) luma; a boundary that is only roughly known may lie `near` frames beside
    the flash.
    """
    base = max(0, boundary.first - _LONGEST - 1)
    grid = light[base : boundary.end + _LONGEST + 2].astype(np.float32)
    shown = grid.max(axis=0) > _BLACK
    grid = grid[:, shown]
    if not grid.shape[1]:
        return False
    level = grid.mean(axis=1)
    begins, ends = boundary.first - base, boundary.end - base
    for first in range(min(ends + near, len(grid) - 1), 0, -1):
        for end in range(
            max(first + 1, begins - near + (near > 0)), min(first + _LONGEST + 1, len(grid))
        ):
            sides = max(level[first - 1], level[end])
            glow = float(level[first:end].max() - sides)
            if (
                glow > _BRIGHTER[0] + _BRIGHTER[1] * sides
                and float(min(level[first], level[end - 1]) - sides) > _EDGE * glow
                and abs(float(level[first - 1] - level[end])) < _LEVEL * glow
                and _returns(grid, first, end)
                and _lit(grid, first, end, shown)
            ):
                return True
    return False


def _returns(grid: NDArray[np.float32], first: int, end: int) -> bool:
    """Return whether the picture at `end` is the one before `first`."""
    old, new = grid[first - 1], grid[end]
    step = max(np.abs(grid[first] - old).mean(), np.abs(new - grid[end - 1]).mean())
    change = np.abs(new - old)
    if float(change.mean()) > _CHANGED * step:
        return False
    if likeness(old, new) < _SAME and not _goes_on(grid[first - 1 : end + 1]):
        return False
    return float(np.median(change)) < _NOISE + _MOVED * float(min(old.std(), new.std()))


def _goes_on(pictures: NDArray[np.float32]) -> bool:
    """Return whether each picture shows, whatever its light, what the one before it showed."""
    return all(likeness(one, other) >= _ON for one, other in pairwise(pictures))


def _lit(grid: NDArray[np.float32], first: int, end: int, shown: NDArray[np.bool_]) -> bool:
    """Return whether frames are the picture around them with more light.

    `shown` are the cells, (144,), that `grid` holds.
    """
    least = np.minimum(grid[first - 1], grid[end])
    between = grid[first:end]
    darker = between < least - _DARKER[0] - _DARKER[1] * least
    if float(darker.mean(axis=1).max()) > _FEW:
        return False
    basis = np.stack([grid[first - 1], grid[end], np.ones_like(least)], axis=1)
    found, *_rest = np.linalg.lstsq(basis, between.T, rcond=None)
    rest = np.median(np.abs(between.T - basis @ found), axis=0)
    part = _FOREIGN[0] if end - first <= _BRIEF else _FOREIGN[1]
    if (rest < np.maximum(part * between.std(axis=1), _LITTLE)).all():
        return True
    return end - first <= _BRIEF and _glows(grid, first, end, shown)


def _glows(grid: NDArray[np.float32], first: int, end: int, shown: NDArray[np.bool_]) -> bool:
    """Return whether what is added in frames is a glow around a place, as that of gunfire.

    Away from the place there is little of it, and it has no edges, whatever the picture. What is
    left when a picture is taken from another is everywhere, and has the edges of both.
    """
    added = np.zeros((end - first, len(shown)), np.float32)
    added[:, shown] = grid[first:end] - (grid[first - 1] + grid[end]) / 2
    pictures = added.reshape(-1, *ROWS_COLUMNS)
    near = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    sides = near[:, :-2, 1:-1] + near[:, 2:, 1:-1] + near[:, 1:-1, :-2] + near[:, 1:-1, 2:]
    rough = (pictures - sides / 4).reshape(added.shape)[:, shown]
    added = added[:, shown]
    smooth = np.sqrt((rough**2).mean(axis=1)) < _ROUGH * added.std(axis=1)
    local = np.median(added, axis=1) < _AWAY * added.max(axis=1)
    return bool((smooth & local).all())
