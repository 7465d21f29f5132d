"""Keep the light of every frame of a film: luma on a coarse grid, and its extremes.

Fades, wipes, clear cuts and the ends of dissolves are found in it. 146 bytes a frame; the tiny
frames themselves are 3888.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELLS", "ROWS_COLUMNS", "Light", "LightMeter", "grid_of"]

ROWS_COLUMNS = (9, 16)
"""Cells of the grid, height by width: 3 x 3 pixels of a tiny frame each."""
CELLS = ROWS_COLUMNS[0] * ROWS_COLUMNS[1]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FEW = 8  # pixels; a speck of dust does not light a frame, nor a letter darken it


@dataclass(frozen=True, repr=False)
class Light:
    """The light of N frames, all uint8.

    `grid` (N, 144): luma over 9 x 16 cells, row by row. `peak` and `floor` (N,): luma of the
    brightest and darkest pixels, but for a few.
    """

    grid: NDArray[np.uint8]
    peak: NDArray[np.uint8]
    floor: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.grid.shape != (len(self.peak), CELLS) or self.floor.shape != self.peak.shape:
            shapes = f"{self.grid.shape}, {self.peak.shape}, {self.floor.shape}"
            raise ValueError(f"light of shapes {shapes}")

    def __len__(self) -> int:
        return len(self.peak)

    def __repr__(self) -> str:
        return f"Light({len(self)} frames)"

    @property
    def inverted(self) -> Light:
        """The light of the negative, in which white is black."""
        return Light(255 - self.grid, 255 - self.floor, 255 - self.peak)


class LightMeter:
    """A meter that gathers `Light` from the tiny frames of a film as they come."""

    def __init__(self) -> None:
        self._parts: list[Light] = []

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Take (N, 27, 48, 3) uint8 RGB frames, in order."""
        if not len(frames):
            return
        luma = frames.astype(np.float32) @ _LUMA
        flat = luma.reshape(len(luma), -1)
        flat = np.partition(flat, (_FEW - 1, flat.shape[1] - _FEW), axis=1)
        peak, floor = flat[:, -_FEW].astype(np.uint8), flat[:, _FEW - 1].astype(np.uint8)
        self._parts.append(Light(_cells(luma).astype(np.uint8), peak, floor))

    def finish(self) -> Light:
        """Return the light of all frames fed."""
        nothing = np.zeros(0, np.uint8)
        parts = self._parts or [Light(np.zeros((0, CELLS), np.uint8), nothing, nothing)]
        return Light(
            np.concatenate([part.grid for part in parts]),
            np.concatenate([part.peak for part in parts]),
            np.concatenate([part.floor for part in parts]),
        )


def grid_of(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma of tiny frames on the coarse grid, (N, 144) float32.

    Frames are (N, 27, 48, 3) uint8 RGB.
    """
    return _cells(frames.astype(np.float32) @ _LUMA)


def _cells(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = ROWS_COLUMNS
    count, height, width = luma.shape
    cells = luma.reshape(count, rows, height // rows, columns, width // columns)
    return np.asarray(cells.mean(axis=(2, 4)), np.float32).reshape(count, CELLS)
