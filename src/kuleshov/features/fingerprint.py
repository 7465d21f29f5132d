"""Describe prints, the picture itself made small, by which material is known again.

Features of networks say what two pictures have in common; a copy that was scaled down and
compressed hard may be further from its original in them than another shot of the same scene. Coarse
luma is nearly untouched by that. A print is stored like a facet, but people do not match by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.facet import PRINT, unit

__all__ = ["Print"]

_CELLS = 16
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Print:
    """The print: luma in 16 x 16 cells, its mean taken off.

    The dot product of two is their correlation.
    """

    name = PRINT
    version = 1
    maker = NO_NETWORK

    def __init__(self, reference: object = None) -> None:
        """Take a reference as every facet does, and need none."""

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 256) float16."""
        side = seen.images.shape[1] // _CELLS * _CELLS
        luma = seen.images[:, :side, :side].astype(np.float32) @ _LUMA
        step = side // _CELLS
        cells = luma.reshape(len(luma), _CELLS, step, _CELLS, step).mean(axis=(2, 4))
        return unit(cells - cells.mean(axis=(1, 2), keepdims=True))
