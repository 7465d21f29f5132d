"""Tell rows that are like some examples from all others, by a line drawn between them.

A handful of examples is enough, for what is usual is known from many rows: a linear separator by
weighted least squares with a ridge, which is Fisher's discriminant (Fisher 1936; Hariharan et al.
2012 for few examples against many), examples that are not meant being as many more to tell from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Separator", "separate", "surety"]

Array = NDArray[np.float32]

_LOGISTIC = math.pi / math.sqrt(3)
"""Log odds of a standard deviation, where what is usual is spread as a logistic distribution."""
_RIDGE = 0.03  # beside 0.004, the square of a number of a unit row: much, for examples are few
_CLEAR, _LEAST = 0.5, 0.75  # of the place of the middle example, and deviations at least


@dataclass(frozen=True, repr=False)
class Separator:
    """A direction (D,), and what it gives usually: mean and deviation, and from where it is clear.

    `clear` is in deviations.
    """

    vector: Array
    mean: float
    spread: float
    clear: float

    def deviations(self, rows: NDArray[Any]) -> Array:
        """Return how many deviations rows (n, D) lie from what is usual, (n,) float32."""
        along = np.asarray(rows, np.float32) @ self.vector
        return np.asarray((along - self.mean) / self.spread, np.float32)

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, D), (n,) float32."""
        return np.asarray(_LOGISTIC * self.deviations(rows), np.float32)


def separate(liked: Array, unlike: Array, usual: Array) -> Separator:
    """Return the separator of examples (n, D), n at least 1, from others and from what is usual.

    `unlike` (m, D), any m, are examples that are not meant; `usual` (N, D), N at least 1, are rows
    at large, among which there may be some that are meant. Each of the three counts alike.
    """
    centre = usual.mean(axis=0)
    groups = [(liked, 1.0), (usual, -1.0), *([(unlike, -1.0)] if len(unlike) else [])]
    size = usual.shape[1]
    square, towards = _RIDGE * np.eye(size), np.zeros(size)
    for rows, side in groups:
        away = (rows - centre).astype(np.float64)
        square += away.T @ away / len(rows)
        towards += side * away.mean(axis=0)
    vector = np.linalg.solve(square, towards)
    vector /= max(float(np.linalg.norm(vector)), 1e-9)
    along = usual @ vector
    mean, spread = float(along.mean()), max(float(along.std()), 1e-4)
    middle = float(np.median((liked @ vector - mean) / spread))
    clear = max(_LEAST, _CLEAR * middle)
    return Separator(np.asarray(vector, np.float32), mean, spread, clear)


def surety(liked: Array, unlike: Array, usual: Array) -> float | None:
    """Return how sure a separator is: the mean share of what is usual behind an example left out.

    Each example is left out once and looked for by what the others teach. It is 1 where each would
    be found before all else, 0.5 where nothing was learnt. None for fewer than two examples.
    """
    if len(liked) < 2:
        return None
    shares = []
    for one in range(len(liked)):
        learnt = separate(np.delete(liked, one, axis=0), unlike, usual)
        own = float(learnt.deviations(liked[one : one + 1])[0])
        shares.append(float(np.mean(learnt.deviations(usual) < own)))
    return float(np.mean(shares))
