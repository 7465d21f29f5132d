"""A `Lexicon` of an encoder that puts words among its pictures: any words are understood.

A text is asked as the mean of some sentences about it (Radford et al. 2021, section 3.1.4). How
well a picture fits is read against pictures at large, for the product of the two says little by
itself: it is high for every picture where a text is vague.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features import concepts
from kuleshov.features.encoder import ReadsWords
from kuleshov.match.lexicon import NEAR, drift_shares

__all__ = ["Direction", "Space"]

Array = NDArray[np.float32]

_SENTENCES = ("{}", "a photo of {}.", "a film still of {}.", "a film still that shows {}.")
_LOGISTIC = math.pi / math.sqrt(3)
"""Log odds of a standard deviation, where what is usual is spread as a logistic distribution."""


@dataclass(frozen=True, repr=False)
class Direction:
    """A `Question`: a vector (P,), and the `mean` and `spread` of its product with pictures at
    large."""

    names: tuple[str, ...]
    vector: Array
    mean: float
    spread: float

    def bits(self, rows: NDArray[Any]) -> Array:
        """(n,) float32 of rows (n, P) of the facet `vectors`."""
        fit = np.asarray(rows, np.float32) @ self.vector
        return np.asarray(_LOGISTIC * (fit - self.mean) / self.spread, np.float32)


class Space:
    """The words of `encoder`; `background` (N, P) are the vectors of pictures at large."""

    facet = "vectors"

    def __init__(self, encoder: ReadsWords, background: Array) -> None:
        self._encoder, self._background = encoder, background

    def knows(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """No text is a name of its own: it is read as it stands."""
        return False

    def reads(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Whatever is written."""
        return True

    def sure(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing is guessed: any words are among the pictures."""
        return True

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """All is understood."""
        return 1.0, (text,)

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Direction:
        """The question for a text; its `words` are in it already.

        Adrift, one step goes to the mean of the eight names nearest to it, two steps to the
        nearest of these; none, one and two count as `(1 - d)^2`, `2 d (1 - d)` and `d^2`, and the
        text itself counts against an answer by `d^2 / 2`. The names are those of ImageNet's
        classes.
        """
        del words
        meant = self._meant(text)
        names: tuple[str, ...] = (text,)
        vector = meant
        if drift > 0:
            one, near = self._stepped(meant, frozenset())
            two, far = self._stepped(one, near)
            none, first, second, away = drift_shares(drift)
            vector = none * meant + first * one + second * two - away * meant
            passed = sorted(near if drift < 0.5 else far)
            names = tuple(concepts.names()[number] for number in passed)
        usual = self._background @ vector
        spread = max(float(usual.std()), 1e-6)
        return Direction(names, np.asarray(vector, np.float32), float(usual.mean()), spread)

    def _meant(self, text: str) -> Array:
        mean = self._encoder.words([line.format(text) for line in _SENTENCES]).mean(axis=0)
        return _unit(mean)

    @cached_property
    def _named(self) -> Array:
        """(1000, P): the vectors of names, their mean taken off: what all texts share."""
        vectors = self._encoder.words([f"a photo of {name}." for name in concepts.names()])
        return np.asarray(vectors - vectors.mean(axis=0), np.float32)

    def _stepped(self, vector: Array, passed: frozenset[int]) -> tuple[Array, frozenset[int]]:
        """The mean of the names nearest to a vector, but those passed, and which they are."""
        alike = self._named @ vector
        alike[list(passed)] = -np.inf
        chosen = np.argsort(-alike, kind="stable")[:NEAR].tolist()
        lines = [f"a photo of {concepts.names()[number]}." for number in chosen]
        return _unit(self._encoder.words(lines).mean(axis=0)), frozenset(chosen)


def _unit(vector: NDArray[Any]) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
