"""Flashes, which look like cuts and are none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.cuts import likeness
from kuleshov.timecode import FrameRange

__all__ = ["is_flash"]

_LONGEST = 8  # frames
_BRIGHTER = 8.0  # of 255; mean luma above that on either side
_SAME = 0.7  # correlation of what is before and after; things move meanwhile
_LEVEL = 0.5  # of the flash's own light, by which the two may differ in light


def is_flash(light: NDArray[np.uint8], boundary: FrameRange) -> bool:
    """Whether a boundary is but a flash: some frames near it are brighter than the picture before
    and after them, which is the same. `light` is (N, 144) luma.
    """
    base = max(0, boundary.first - _LONGEST - 1)
    grid = light[base : boundary.end + _LONGEST + 2].astype(np.float32)
    level = grid.mean(axis=1)
    begins, ends = boundary.first - base, boundary.end - base
    for first in range(1, ends + 2):
        for end in range(max(first, begins - 1) + 1, first + _LONGEST + 1):
            if end >= len(grid):
                break
            sides = max(level[first - 1], level[end])
            glow = float(level[first:end].max() - sides)
            if (
                glow > _BRIGHTER
                and float(level[first:end].min()) > sides
                and abs(float(level[first - 1] - level[end])) < _LEVEL * glow
                and likeness(grid[first - 1], grid[end]) > _SAME
            ):
                return True
    return False
