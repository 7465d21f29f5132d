"""Rows lie on a grid of time: which of them belong to which frames of a film.

Each row shows one frame, `shown` (M,) int64, rising. A shot is read by the rows within its core.
One that lies between two rows has none, and is read by the next where it must be read at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.timecode import FrameRange

__all__ = ["rows_of", "rows_of_each", "rows_within", "rows_within_each"]


def rows_within(shown: NDArray[np.int64], frames: FrameRange) -> tuple[int, int]:
    """Return the first row that shows one of these frames, and the end of them; equal for none."""
    first, end = np.searchsorted(shown, [frames.first, frames.end])
    return int(first), int(end)


def rows_of(shown: NDArray[np.int64], frames: FrameRange) -> tuple[int, int]:
    """Return the first row and the end of those that these frames are read by: one at least."""
    first, end = rows_within(shown, frames)
    first = min(first, max(0, len(shown) - 1))
    return first, max(end, first + 1)


def rows_within_each(shown: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what `rows_within` does of many ranges: (S, 2) of (S, 2), first and end."""
    return np.searchsorted(shown, frames).astype(np.int64).reshape(-1, 2)


def rows_of_each(shown: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what `rows_of` does of many ranges: (S, 2) of (S, 2), first and end."""
    spans = rows_within_each(shown, frames)
    first = np.minimum(spans[:, 0], max(0, len(shown) - 1))
    return np.stack([first, np.maximum(spans[:, 1], first + 1)], axis=1)
