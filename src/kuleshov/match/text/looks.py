"""Find directions among pictures: what a text looks like to the bundled encoder.

A linear map leads from a text's vector to a direction among the rows of the facet subject. It is
fitted on what the encoder's own classifier has for ImageNet's classes and their kinds
(`tools/fit_looks.py`; after Romera-Paredes & Torr 2015), so that it knows of no picture and yet
reaches what lies between the classes: a desert, a street, what is painted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov import features
from kuleshov.errors import ModelError
from kuleshov.features.separator import Separator

__all__ = ["LOOKED", "Direction", "Looks", "Usual", "looks", "taught"]

Array = NDArray[np.float32]

LOOKED = 256
"""The numbers of a row of the facet subject, as the bundled encoder makes it."""

_LOGISTIC = math.pi / math.sqrt(3)
"""Log odds of a standard deviation, where what is usual is spread as a logistic distribution."""


@dataclass(frozen=True, repr=False)
class Direction:
    """A `Question`: a direction (D,) among rows that an encoder makes.

    `mean` and `spread` are those of its product with pictures at large.
    """

    names: tuple[str, ...]
    vector: Array
    mean: float
    spread: float

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, D), (n,) float32."""
        fit = np.asarray(rows, np.float32) @ self.vector
        return np.asarray(_LOGISTIC * (fit - self.mean) / self.spread, np.float32)

    def shares(self, rows: NDArray[Any]) -> Array | None:  # noqa: ARG002 - the protocol's
        """Return None: a product is not a probability."""
        return None


def taught(name: str, separator: Separator) -> Direction:
    """Return a word that was taught by examples as a question to rows of the facet subject."""
    return Direction((name,), separator.vector, separator.mean, separator.spread)


@dataclass(frozen=True, repr=False)
class Usual:
    """The usual: mean (256,) and covariance (256, 256) of the rows of pictures at large."""

    mean: Array
    spread: Array


@dataclass(frozen=True, repr=False)
class Looks:
    """The shipped map: `text` (384,) is what a text's vector is less by, `towards` leads on.

    `towards` is (384, 256).
    """

    text: Array
    towards: Array
    usual: Usual

    def look(self, name: str, vector: Array) -> Direction:
        """Return what a text with this vector (384,) looks like."""
        way = (vector - self.text) @ self.towards
        way = way / max(float(np.linalg.norm(way)), 1e-9)
        usual = self.usual
        spread = math.sqrt(max(float(way @ usual.spread @ way), 1e-9))
        return Direction((name,), np.asarray(way, np.float32), float(usual.mean @ way), spread)


@lru_cache(maxsize=1)
def looks() -> Looks:
    """Return the map as shipped. Raises `ModelError` where it is missing."""
    from safetensors.numpy import load_file

    path = Path(features.__file__).with_name("looks.safetensors")
    if not path.is_file():
        raise ModelError(f"What words look like is missing: {path}. Install Kuleshov again.")
    data = {name: array.astype(np.float32) for name, array in load_file(path).items()}
    return Looks(data["text"], data["map"], Usual(data["mean"], data["spread"]))
