"""Spread values over marks, so that how near two of them are is a product of two vectors.

A value is spread over a few marks with a Gaussian; the product of two such spreads is again a
Gaussian of the distance between the values. Faces and bodies are described by such spreads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Values", "around", "spread", "united", "unknown"]

Values = NDArray[np.float64]


def spread(value: float, marks: Sequence[float]) -> Values:
    """Return a value spread over marks, (len(marks),) of length 1.

    It counts as no further out than the marks. The spread's deviation is 2/3 of their distance.
    """
    deviation = (marks[1] - marks[0]) / 1.5
    inside = min(max(value, marks[0]), marks[-1])
    values = np.exp(-(((np.array(marks) - inside) / deviation) ** 2) / 2)
    return np.asarray(values / np.linalg.norm(values))


def around(angle: float, count: int) -> Values:
    """Return an angle, in radians, spread over so many marks around the circle, of length 1."""
    step = 2 * math.pi / count
    apart = np.angle(np.exp(1j * (np.arange(count) * step - angle)))
    values = np.exp(-((apart / (step / 1.5)) ** 2) / 2)
    return np.asarray(values / np.linalg.norm(values))


def unknown(count: int) -> Values:
    """Return what stands for a value that is not known, (count,) of length 1.

    It is half like any value, and like another that is not known.
    """
    return np.full(count, 1 / math.sqrt(count))


def united(parts: Sequence[Values], shares: Values) -> Values:
    """Return one vector of length 1 for several things, each counting by its share."""
    total = np.sum([share * part for share, part in zip(shares, parts, strict=True)], axis=0)
    return np.asarray(total / np.linalg.norm(total))
