"""Compare prints, and tell whether two are of the same picture.

A print is 16 x 16 cells of luma (`features.fingerprint`). Everything that has to know a copy again
asks here: duplicates of the archive, the source's own material, clips of one film, places of a
grid.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["COARSELY", "COPY", "coarse", "flipped", "is_whole", "same_picture"]

COPY = 0.9
"""Correlation of two prints from which they show the same material. A copy at two thirds of the
size and crf 32 gave 0.94 to 1.00 (30 shots), the most alike of other films' shots 0.54."""

COARSELY = 0.85
"""Correlation of coarse prints from which two pictures are looked at."""

_CELLS = 16
_COARSE = 8
_DETAIL = 0.75  # correlation without what changes slowly over the picture
_TELLING = 0.05  # share of a print that must be left then

Prints = NDArray[np.float32]


def is_whole(prints: NDArray[np.floating]) -> bool:
    """Return whether these rows are prints of 16 x 16 cells, and not something shorter."""
    return int(prints.shape[1]) == _CELLS**2


def same_picture(one: Prints, other: Prints) -> NDArray[np.float32]:
    """Return how far prints (N, 256) and (N, 256) show the same picture.

    That is their correlation, and 0 where it may be by chance.
    """
    whole = np.einsum("nd,nd->n", one, other)
    left, right = _detail(one), _detail(other)
    size = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    fine = np.einsum("nd,nd->n", left, right) / np.maximum(size[0] * size[1], 1e-9)
    # A unit print with a share of `_TELLING` left has that share's root as its length.
    told = (np.minimum(*size) >= np.sqrt(_TELLING)) & (fine >= _DETAIL)
    return np.where(told, whole, 0.0).astype(np.float32)


def _detail(prints: Prints) -> Prints:
    """Return prints without the quadratic surface that fits each best."""
    surface = _surface()
    return np.asarray(prints - (prints @ surface) @ surface.T, np.float32)


@lru_cache(maxsize=1)
def _surface() -> Prints:
    axis = np.linspace(-1, 1, _CELLS)
    y, x = (part.reshape(-1) for part in np.meshgrid(axis, axis, indexing="ij"))
    basis = np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    return np.asarray(np.linalg.qr(basis)[0], np.float32)


def flipped(prints: NDArray[np.floating], mirrored: bool) -> Prints:
    """Return prints (N, 256) as float32 and, where wanted, mirrored."""
    side = round(prints.shape[1] ** 0.5)
    square = prints.astype(np.float32).reshape(-1, side, side)
    return (square[:, :, ::-1] if mirrored else square).reshape(len(prints), -1)


def coarse(prints: NDArray[np.floating]) -> Prints:
    """Return prints (N, 256) in 8 x 8 cells, (N, 64), of unit length; shorter rows as they are."""
    rows = prints.astype(np.float32)
    if not is_whole(prints):
        return rows
    step = _CELLS // _COARSE
    cells = rows.reshape(-1, _COARSE, step, _COARSE, step).mean(axis=(2, 4))
    flat = cells.reshape(len(rows), -1)
    return np.asarray(
        flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32
    )
