"""Ask in the words of an encoder that puts texts among its pictures, as a `Lexicon`.

Any words are understood.

A text is asked as the mean of some sentences about it (Radford et al. 2021, section 3.1.4). How
well a picture fits is read against pictures at large, for the product of the two says little by
itself: it is high for every picture where a text is vague.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features import concepts
from kuleshov.features.encoder import ReadsWords
from kuleshov.features.facet import VECTORS
from kuleshov.match.text.lexicon import NEAR, drift_shares
from kuleshov.match.text.looks import Direction

__all__ = ["EmbeddingLexicon"]

Array = NDArray[np.float32]

_SENTENCES = ("{}", "a photo of {}.", "a film still of {}.", "a film still that shows {}.")


class EmbeddingLexicon:
    """The words of `encoder`; `background` (N, P) are the vectors of pictures at large."""

    facet = VECTORS
    whole = True

    def __init__(self, encoder: ReadsWords, background: Array) -> None:
        self._encoder, self._background = encoder, background

    def knows(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return False: no text is a name of its own, it is read as it stands."""
        return False

    def reads(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return True: any text is read."""
        return True

    def sure(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return True: nothing is guessed, as all words have a place among the pictures."""
        return True

    def look(self, text: str) -> None:
        """Return None: what it asks is what it looks like."""

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """Return the text itself, as near as can be: everything is understood."""
        return 1.0, (text,)

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Direction:
        """Return the question for a text; its `words` are in it already.

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
        """The vectors of names, (1000, P), less their mean, which is what all texts share."""
        vectors = self._encoder.words([f"a photo of {name}." for name in concepts.names()])
        return np.asarray(vectors - vectors.mean(axis=0), np.float32)

    def _stepped(self, vector: Array, passed: frozenset[int]) -> tuple[Array, frozenset[int]]:
        """Return the mean of the names nearest to a vector, but those passed, and their numbers."""
        alike = self._named @ vector
        alike[list(passed)] = -np.inf
        chosen = np.argsort(-alike, kind="stable")[:NEAR].tolist()
        lines = [f"a photo of {concepts.names()[number]}." for number in chosen]
        return _unit(self._encoder.words(lines).mean(axis=0)), frozenset(chosen)


def _unit(vector: NDArray[Any]) -> Array:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
