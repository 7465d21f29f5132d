"""Vectors: a picture in the space of words, for encoders that put words among their pictures.

Pictures are not matched by it; words are looked for with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import Reference, unit

__all__ = ["Vectors"]


class Vectors:
    """The pooled vector as it is; its product with that of a text says how well they fit."""

    name = "vectors"
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Unit vectors, (N, P) float16, P as the encoder has it."""
        return unit(seen.pooled)
