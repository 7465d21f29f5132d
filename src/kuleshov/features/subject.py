"""Describe the subject: what a picture shows, wherever in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import SUBJECT, Reference, unit

__all__ = ["Subject"]


class Subject:
    """The subject facet: the pooled features, centred and projected to 256 numbers.

    The projection spans the 256 directions in which the network's own classifier tells most apart
    (singular vectors of its weights), so that it depends on no choice of pictures.
    """

    name = SUBJECT
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker
        self._centre = reference["subject.centre"]
        self._projection = reference["subject.projection"]

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 256) float16."""
        return unit((seen.pooled - self._centre) @ self._projection)
