"""Describe composition: what stands where in the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import COMPOSITION, Reference, unit

__all__ = ["COMPOSITION_CELLS", "SETUP", "Composition", "pool"]

COMPOSITION_CELLS = 4
"""Parts a side of the picture."""

SETUP = 11.0
"""Bits in composition from which two shots of one film are taken for one set-up."""


class Composition:
    """The composition facet: the map before the network's head, averaged.

    There are 4 x 4 cells of 32 numbers each.

    The projection spans the 32 directions that the network's own head weighs most (singular vectors
    of its weights), so that it depends on no choice of pictures.
    """

    name = COMPOSITION
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker
        self._centre = reference["composition.centre"]
        self._projection = reference["composition.projection"]

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 512) float16: cells row by row, 32 numbers each."""
        cells = pool(seen.grid, COMPOSITION_CELLS)
        return unit((cells - self._centre) @ self._projection)


def pool(grid: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Return (N, h, w, C) averaged over `cells` by `cells` equal parts.

    A part may divide a place.
    """
    rows, columns = (_shares(length, cells) for length in grid.shape[1:3])
    return np.asarray(np.einsum("ah,bw,nhwc->nabc", rows, columns, grid, optimize=True))


def _shares(length: int, cells: int) -> NDArray[np.float32]:
    """Return how much each of `length` places counts in each cell, (cells, length).

    Rows sum to 1.
    """
    edges = np.linspace(0, length, cells + 1)
    places = np.arange(length)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    shares = np.maximum(overlap, 0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
