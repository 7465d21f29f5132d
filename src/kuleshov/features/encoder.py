"""Define image encoders, which turn pictures into the numbers that facets are made of.

The bundled one needs no download. Another is one small file with one class and a line in
`ENCODERS`; an archive may hold the rows of several, and never mixes them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError

__all__ = [
    "BUNDLED",
    "ENCODERS",
    "NO_NETWORK",
    "Encoded",
    "Encoder",
    "Maker",
    "ReadsWords",
    "encoder",
]

ENCODERS: Mapping[str, str] = {
    "efficientnet-lite0": "kuleshov.features.efficientnet:EfficientNet",
    "clip": "kuleshov.features.clip:OpenClip",
}
"""The encoders by name, each with its class: `module:class`, imported when asked for."""

BUNDLED = "efficientnet-lite0"
"""The encoder that every archive is indexed with."""


@dataclass(frozen=True)
class Maker:
    """The maker of rows: the network whose numbers they are made of.

    It has a name, and a `checksum` that changes whenever these numbers do. Rows of different makers
    never meet.
    """

    name: str = ""
    checksum: str = ""


NO_NETWORK = Maker()
"""The maker of rows that are measured in the picture itself."""


@dataclass(frozen=True, repr=False)
class Encoded:
    """N pictures, and what an encoder makes of them.

    `images` (N, S, S, 3) uint8 RGB, what went in, the picture squeezed square; `pooled` (N, P)
    float32, one vector a picture; `grid` (N, h, w, C) float32, one vector for each place in it.
    `large` (N, H, W, 3) uint8 RGB, the same pictures with square pixels, for what is small in them.
    `logits` (N, 1000) float32 over the classes of ImageNet-1k, of encoders that tell them.
    """

    images: NDArray[np.uint8]
    pooled: NDArray[np.float32]
    grid: NDArray[np.float32]
    large: NDArray[np.uint8] | None = None
    logits: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        large = len(self.images) if self.large is None else len(self.large)
        told = len(self.images) if self.logits is None else len(self.logits)
        if not len(self.images) == len(self.pooled) == len(self.grid) == large == told:
            raise ValueError(f"parts of different length: {self!r}")

    def __repr__(self) -> str:
        return f"Encoded(pooled={self.pooled.shape}, grid={self.grid.shape})"


@runtime_checkable
class ReadsWords(Protocol):
    """An encoder that puts words among its pictures: `pooled` vectors are compared with them."""

    def words(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, (N, P) float32, for N texts."""


class Encoder(Protocol):
    """An encoder of pictures. `checksum` changes whenever what it gives changes."""

    name: str
    checksum: str
    side: int

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        """Encode (N, side, side, 3) uint8 RGB pictures, any N."""


def encoder(name: str = BUNDLED) -> Encoder:
    """Return a new encoder by its name in `ENCODERS`; its class reads what follows a colon.

    Raises `UsageError` if there is none of that name, `ModelError` if its network cannot run.
    """
    known, colon, variant = name.partition(":")
    if known not in ENCODERS or (known == BUNDLED and colon):
        raise UsageError(f"There is no encoder {name!r}; there are {', '.join(ENCODERS)}.")
    module, _, attribute = ENCODERS[known].partition(":")
    made: Encoder = getattr(importlib.import_module(module), attribute)(*[variant][: len(colon)])
    return made
