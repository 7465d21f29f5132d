"""Encode pictures with the bundled EfficientNet-Lite0.

Tan & Le 2019, arXiv:1905.11946; Lite by Google.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.models.runtime import Network, load

__all__ = ["EfficientNet"]

_BATCH = 16


class EfficientNet:
    """The `Encoder` on the bundled network `efficientnet-lite0`."""

    name = "efficientnet-lite0"
    side = 224

    def __init__(self, network: Network | None = None) -> None:
        self._network = load(self.name) if network is None else network
        self.checksum = self._network.checksum

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        """Encode (N, 224, 224, 3) uint8 RGB pictures.

        Gives pooled (N, 1280), grid (N, 7, 7, 320), logits (N, 1000).
        """
        pooled = np.empty((len(images), 1280), np.float32)
        grid = np.empty((len(images), 7, 7, 320), np.float32)
        logits = np.empty((len(images), 1000), np.float32)
        for first in range(0, len(images), _BATCH):
            part = slice(first, first + _BATCH)
            seen = self._network(np.ascontiguousarray(images[part]))
            pooled[part] = seen["pooled"]
            grid[part] = seen["map"].transpose(0, 2, 3, 1)
            logits[part] = seen["logits"]
        return Encoded(images, pooled, grid, logits=logits)
