"""Composition: what stands where in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import Reference, unit

__all__ = ["COMPOSITION_CELLS", "Composition", "pool"]

COMPOSITION_CELLS = 4
"""Parts a side of the picture."""


class Composition:
    """The map before the network's head, averaged over 4 x 4 cells of 32 numbers each.

    The projection spans the 32 directions that the network's own head weighs most (singular vectors
    of its weights), so that it depends on no choice of pictures.
    """

    name = "composition"
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker
        self._centre = reference["composition.centre"]
        self._projection = reference["composition.projection"]

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Unit vectors, (N, 512) float16: cells row by row, 32 numbers each."""
        cells = pool(seen.grid, COMPOSITION_CELLS)
        return unit((cells - self._centre) @ self._projection)


def pool(grid: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Average (N, h, w, C) over `cells` by `cells` equal parts, which may divide a place."""
    rows, columns = (_shares(length, cells) for length in grid.shape[1:3])
    return np.asarray(np.einsum("ah,bw,nhwc->nabc", rows, columns, grid, optimize=True))


def _shares(length: int, cells: int) -> NDArray[np.float32]:
    """(cells, length): how much each of `length` places counts in each cell; rows sum to 1."""
    edges = np.linspace(0, length, cells + 1)
    places = np.arange(length)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    shares = np.maximum(overlap, 0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
