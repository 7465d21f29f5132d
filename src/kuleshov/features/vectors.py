"""Describe pictures as vectors in the space of words, for encoders that read words.

Pictures are not matched by it; words are looked for with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import VECTORS, Reference, unit

__all__ = ["Vectors"]


class Vectors:
    """The vectors facet: the pooled vector; its product with a text's says how well they fit."""

    name = VECTORS
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, P) float16, P as the encoder has it."""
        return unit(seen.pooled)
