"""Make a picture's light coarse: one operator for all that a network is given.

Akten, Fiebrink & Grierson (2019) train on target pictures alone: the input is made from each by
taking its grey, averaging it down by 24 and enlarging it again bicubically. What a camera sees is
treated in the same way, so that a network that knows only waves is asked only what it knows.

Averaging and enlarging are separable and linear: two thin matrices a side. They are the same
numbers for NumPy and PyTorch, so training, films and live pictures are abstracted alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LUMA",
    "Abstraction",
    "LensTone",
    "Matrices",
    "abstract",
    "averaged",
    "brought",
    "grey",
    "matrices",
    "tone_of",
    "toned",
]

A = TypeVar("A", bound=Any)
"""An array that knows `@`, `*` and `.T`: of NumPy or of PyTorch."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (BT.601, as PyTorch, TensorFlow and Pillow use)."""

_GAIN = (0.25, 2.0)
"""Of contrast, at least and at most, where light is brought to another tone."""

_SHARP = -0.5
"""The free number of Keys' cubic kernel; -0.5 follows a straight slope exactly."""


@dataclass(frozen=True)
class Abstraction:
    """An abstraction: how much of a picture is left.

    `factor` is the side of the square, in pixels, over which light is averaged.
    """

    factor: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.factor <= 256:
            raise UsageError(f"A picture is averaged over 1 to 256 pixels, not {self.factor}.")


@dataclass(frozen=True)
class LensTone:
    """The tone of pictures: how bright they are, 0 to 1.

    Mean and standard deviation of their light, averaged over squares of 24 pixels.
    """

    mean: float
    spread: float

    def __post_init__(self) -> None:
        if not (0 <= self.mean <= 1 and 0 <= self.spread <= 1):
            raise UsageError(f"Light lies between 0 and 1: {self.mean:g}, {self.spread:g} do not.")


@dataclass(frozen=True)
class Matrices:
    """The operator for one size: `down` (n, length), `up` (length, n), of rows and of columns.

    float32 arrays of NumPy as `matrices` gives them; anything else with `@` where the caller
    converted them.
    """

    down_rows: Any
    up_rows: Any
    down_columns: Any
    up_columns: Any


def grey(picture: A) -> A:
    """Return the grey (..., H, W) of an RGB picture (3, ..., H, W) or its three planes."""
    red, green, blue = LUMA
    result: A = red * picture[0] + green * picture[1] + blue * picture[2]
    return result


def averaged(light: A, size: Matrices) -> A:
    """Return `light` (..., H, W) averaged down: one value for each square."""
    result: A = size.down_rows @ light @ size.down_columns.T
    return result


def abstract(light: A, size: Matrices) -> A:
    """Return `light` (..., H, W) made coarse, of the same shape.

    It is averaged down and enlarged again. Values may overshoot a little, as bicubic enlargement
    does; they are not clipped.
    """
    result: A = size.up_rows @ averaged(light, size) @ size.up_columns.T
    return result


def toned(light: A, brightness: float | A = 0.0, contrast: float | A = 1.0) -> A:
    """Return `light` (0 to 1) with its contrast multiplied around middle grey, then brightened."""
    result: A = (light - 0.5) * contrast + (0.5 + brightness)
    return result


def tone_of(cells: NDArray[np.float32]) -> LensTone:
    """Return the tone of pictures whose averaged light is `cells`, of any shape."""
    # Rounding may bring what is all white a little above 1.
    return LensTone(min(1.0, max(0.0, float(cells.mean()))), min(1.0, float(cells.std())))


def brought(light: A, given: LensTone, wanted: LensTone, share: float = 1.0) -> A:
    """Return `light` of the tone `given`, brought a `share` of the way to the tone `wanted`.

    `share` is 0 to 1. Mean and standard deviation are moved (Reinhard et al. 2001, there for
    colours), the latter at most to twice what it was: a blank wall stays one.
    """
    least, most = _GAIN
    gain = min(most, max(least, wanted.spread / max(given.spread, 1e-6))) ** share
    mean = given.mean + share * (wanted.mean - given.mean)
    result: A = (light - given.mean) * gain + mean
    return result


@lru_cache(maxsize=16)
def matrices(height: int, width: int, abstraction: Abstraction) -> Matrices:
    """Return the operator for pictures of `height` by `width` pixels."""
    rows = _pair(height, abstraction.factor)
    columns = rows if width == height else _pair(width, abstraction.factor)
    return Matrices(*rows, *columns)


def _pair(length: int, factor: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    count = max(1, round(length / factor))
    return _averaging(length, count), _cubic(count, length)


def _averaging(length: int, count: int) -> NDArray[np.float32]:
    """Return means over `count` equal stretches, whose ends may part a pixel, (count, length)."""
    edges = np.arange(count + 1) * (length / count)
    pixel = np.arange(length)
    begin = np.maximum(edges[:-1, None], pixel)
    end = np.minimum(edges[1:, None], pixel + 1)
    shares = np.clip(end - begin, 0, None)
    means: NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


def _cubic(count: int, length: int) -> NDArray[np.float32]:
    """Return bicubic enlargement (Keys 1981), (length, count).

    The border is repeated, centres are aligned.
    """
    result = np.zeros((length, count))
    for row in range(length):
        place = (row + 0.5) * count / length - 0.5
        first = math.floor(place) - 1
        for tap in range(first, first + 4):
            result[row, min(max(tap, 0), count - 1)] += _keys(place - tap)
    return result.astype(np.float32)


def _keys(x: float) -> float:
    x = abs(x)
    if x < 1:
        return ((_SHARP + 2) * x - (_SHARP + 3)) * x * x + 1
    if x < 2:
        return _SHARP * (((x - 5) * x + 8) * x - 4)
    return 0.0
