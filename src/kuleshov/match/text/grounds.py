"""Ask for grounds: what fills a picture without being a thing, as the sky or a room.

ImageNet has no classes for them. A line for each was fitted on labelled pictures, to the rows of
subject and tone side by side (`tools/fit_grounds.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov import features
from kuleshov.errors import ModelError
from kuleshov.features.facet import SUBJECT, TONE
from kuleshov.match.text.lexicon import singular

__all__ = ["ASKED", "GROUNDS", "Ground", "ground_of", "known"]

Array = NDArray[np.float32]

ASKED = (SUBJECT, TONE)
"""The facets whose rows, side by side, a ground is asked of."""

_SAID: Mapping[str, str] = {
    "sky": "sky, heaven",
    "under water": "under water, underwater, undersea, under the sea, below the surface",
    "room": "room, interior, living room, hall, indoors",
    "planet": "planet, moon, earth, earth from space, globe",
    "desert": "desert, dune, sand dune",
    "water": "lake, river, pond, canal, water",
    "field": "field, meadow, lawn, grass, pasture",
}
GROUNDS: Mapping[str, str] = {
    word: name for name, words in _SAID.items() for word in words.split(", ")
}
"""The ground that each word means, in the singular."""

_BY_DAY = "sky"  # learnt from skies by day: at night there is nothing of it to be seen
_DARK = frozenset(("night", "at night", "dark", "darkness", "sunset", "sunrise", "dusk", "dawn"))
_MOST = 6.0  # log odds that count, either way
_USUAL = 3.0  # log odds against a ground in a picture at large: one in twenty shows it


@dataclass(frozen=True, repr=False)
class Ground:
    """A `Question` to rows of `ASKED` side by side: a line (D + 1,), the last number its offset."""

    names: tuple[str, ...]
    line: Array

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, D), (n,) float32."""
        odds = np.asarray(rows, np.float32) @ self.line[:-1] + self.line[-1]
        return np.asarray(np.clip(odds, -_MOST, _MOST), np.float32)

    def shares(self, rows: NDArray[Any]) -> Array | None:
        """Return how likely rows (n, D) show it, as both columns of (n, 2) float32."""
        likely = 1 / (1 + np.exp(_USUAL - self.bits(rows)))
        return np.asarray(np.stack([likely, likely], axis=1), np.float32)


def ground_of(words: Sequence[str], beside: Collection[str] = ()) -> Ground | None:
    """Return the question after the ground that one of these words means, None where none does.

    `beside` is what else is said of the picture: of the sky at night nothing is known.
    """
    for word in words:
        name = next((GROUNDS[plain] for plain in singular(word) if plain in GROUNDS), "")
        if name == _BY_DAY and not _DARK.isdisjoint((*words, *beside)):
            continue
        if name in known():
            return Ground((name,), known()[name])
    return None


@lru_cache(maxsize=1)
def known() -> Mapping[str, Array]:
    """Return the line of each ground, as shipped. Raises `ModelError` where they are missing."""
    from safetensors.numpy import load_file

    path = Path(features.__file__).with_name("grounds.safetensors")
    if not path.is_file():
        raise ModelError(f"The grounds are missing: {path}. Install Kuleshov again.")
    data = load_file(path)
    return dict(zip(json.loads(data["words"].tobytes()), data["lines"], strict=True))
