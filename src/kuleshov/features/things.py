"""Describe things: which of COCO's eighty are in a picture, where and how large.

Nothing is weighed by these rows: they are read back for tags and words (`things_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.body_nets import COCO, Thing, ThingFinder, thing_network
from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import THINGS, Reference

__all__ = ["WIDTH", "Thing", "Things", "row_of", "things_of"]

_KEPT = 10  # things that a row tells of
_NUMBERS = 6  # kept of each: its kind, counted from 1, its score, its box
WIDTH = _KEPT * _NUMBERS
"""Numbers in a row."""


class Things:
    """The things facet: the things of a picture as one row.

    They are looked for in `seen.large` or, where there is none, `seen.images`, twice a second.
    """

    name = THINGS
    version = 1
    slow = True
    pace = 2

    def __init__(self, reference: Reference, finder: ThingFinder | None = None) -> None:
        del reference  # nothing was fitted
        self.maker = thing_network()
        self._finder = finder or ThingFinder.shared()

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return one row a picture, (N, WIDTH) float16."""
        pictures = seen.images if seen.large is None else seen.large
        rows = [row_of(self._finder.find(picture)) for picture in pictures]
        return np.array(rows, np.float16).reshape(-1, WIDTH)


def row_of(things: Sequence[Thing]) -> NDArray[np.float16]:
    """Return the row, (WIDTH,) float16, of a picture with these things, the surest first."""
    row = np.zeros((_KEPT, _NUMBERS))
    for line, thing in zip(row, things, strict=False):
        line[:] = (COCO.index(thing.name) + 1, thing.score, *thing.box)
    return row.ravel().astype(np.float16)


def things_of(row: NDArray[np.floating[Any]]) -> tuple[Thing, ...]:
    """Return the things that a row, (WIDTH,), tells of, the surest first."""
    lines = np.asarray(row, np.float64).reshape(_KEPT, _NUMBERS)
    return tuple(
        Thing(COCO[round(kind) - 1], score, (x, y, width, height))
        for kind, score, x, y, width, height in lines.tolist()
        if 1 <= round(kind) <= len(COCO)
    )
