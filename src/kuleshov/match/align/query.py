"""Hold what is asked of an archive and what it answers: queries and aligned answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["Alignment", "Query"]


@dataclass(frozen=True, repr=False, eq=False)
class Query:
    """A query: a stretch of the source that wants an answer.

    `duration` s; `time` (n,) float64, s after its beginning, evenly spaced, at least one;
    `rows`: facet to (n, D) float32. `title` says that it shows a title card.
    """

    duration: float
    time: NDArray[np.float64]
    rows: Mapping[str, NDArray[np.float32]]
    mirrored: bool = False
    title: bool = False

    def __post_init__(self) -> None:
        if not len(self.time) or any(len(rows) != len(self.time) for rows in self.rows.values()):
            raise ValueError(f"a query needs at least one sample, as many rows: {len(self.time)}")


@dataclass(frozen=True)
class Alignment:
    """An answer to a query: film and shot of the archive, in-point, and how alike it is.

    `start` and `duration` are media time in seconds: at `speed` the material fills `present` of the
    stretch. `strength` is in bits, weighted over facets; `similarity` is each facet's, 1 at most.
    """

    strength: float
    film: int
    shot: int
    start: float
    duration: float
    speed: Fraction
    present: float
    mirrored: bool
    similarity: Mapping[str, float]
