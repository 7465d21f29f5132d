"""Weigh facets against each other, in bits.

Each facet's similarity is read against random pairs (`features.facet.Scale`): how rare is it that
two pictures are this alike, as log odds in bits. Bits of different facets can be added: a face in
the same place is rare and says much, two pictures without a face are common and say little, and
what is less alike than most random pairs speaks against a match.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError
from kuleshov.features.facet import (
    BODIES,
    COMPOSITION,
    FACES,
    FACETS,
    MOTION,
    MOVEMENT,
    SUBJECT,
    TONE,
    Reference,
    Scale,
)

__all__ = ["DEFAULT_WEIGHTS", "PRESETS", "Strength", "Weights", "checked"]

Weights = Mapping[str, float]
"""The weight of each facet. Those left out count nothing."""

DEFAULT_WEIGHTS: Weights = {
    SUBJECT: 1.0,
    COMPOSITION: 1.0,
    TONE: 0.5,
    MOTION: 0.5,
    FACES: 0.7,
    BODIES: 0.6,
}

PRESETS: Mapping[str, Weights] = {
    "look": DEFAULT_WEIGHTS,
    "subject": {SUBJECT: 1.0, COMPOSITION: 0.3},
    "composition": {COMPOSITION: 1.0, TONE: 0.3},
    "tone": {TONE: 1.0, COMPOSITION: 0.3},
    "motion": {MOTION: 1.0, COMPOSITION: 0.2},
    "faces": {FACES: 1.0, COMPOSITION: 0.2, TONE: 0.1},
    "bodies": {BODIES: 1.0, COMPOSITION: 0.2, TONE: 0.1},
}
"""Weights by plain names."""

_TIMING = 0.5  # weight of when it moves, beside that of how it moves
_REPELLED = 0.5  # of a shared subject's bits, lost at tightness 0


def checked(weights: Weights) -> Weights:
    """Return `weights` unchanged. Raises `UsageError` for unknown facets, or where all are 0."""
    for name, weight in weights.items():
        if name not in FACETS:
            raise UsageError(f"There is no facet {name!r}; there are {', '.join(FACETS)}.")
        if weight < 0:
            raise UsageError(f"The weight of {name!r} must not be negative.")
    if not any(weights.values()):
        raise UsageError("At least one facet must have a weight above 0.")
    return weights


@dataclass(frozen=True)
class Strength:
    """Weights that turn the bits of facets into one strength.

    `tightness` runs from 1, alike in every respect, to 0, alike in one respect but not in subject:
    the likeness that one discovers.
    """

    weights: Weights
    scales: Mapping[str, Scale]
    tightness: float = 1.0
    timing: float = 0.0

    @classmethod
    def of(
        cls,
        weights: Weights,
        reference: Reference,
        known: Collection[str],
        tightness: float = 1.0,
    ) -> Strength:
        """Return the strength for the facets in `known`, which both sides have.

        Raises `UsageError` where none of them has a weight.
        """
        used = {name: w for name, w in weights.items() if w > 0 and name in known}
        if not used:
            wanted = ", ".join(name for name, w in weights.items() if w > 0)
            raise UsageError(f"A picture alone says nothing of {wanted}: choose other weights.")
        total = sum(used.values())
        used = {name: w / total for name, w in used.items()}
        timing = _TIMING * used.get(MOTION, 0.0) if MOVEMENT in known else 0.0
        names = (*used, MOVEMENT) if timing else tuple(used)
        return cls(used, {n: reference.scale(n) for n in names}, tightness, timing)

    def whole(self, similarity: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the strength of H answers in bits, (H,), from facets' mean similarity, (H,)."""
        return self.weighed({n: self.scales[n].bits(similarity[n]) for n in self.weights})

    def weighed(self, bits: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the strength of H answers in bits, (H,), from each facet's bits, (H,)."""
        every = sum(np.float32(w) * bits[n] for n, w in self.weights.items())
        others = {name: weight for name, weight in self.weights.items() if name != SUBJECT}
        if self.tightness == 1 or not others:
            return np.asarray(every, np.float32)
        most = max(others.values())
        one = reduce(np.maximum, (np.float32(w / most) * bits[n] for n, w in others.items()))
        if SUBJECT in bits:
            one = one - np.float32(_REPELLED) * bits[SUBJECT]
        return np.asarray(self.tightness * every + (1 - self.tightness) * one, np.float32)

    def itself(self, rows: Mapping[str, NDArray[np.float32]]) -> float:
        """Return the strength, in bits, of a query against itself; `rows` are its own.

        A facet in which there is nothing to be seen, as faces where there are none, says little
        even then: many pictures share that.
        """
        alike = {
            name: np.einsum("nd,nd->n", rows[name], rows[name]).mean(keepdims=True)
            for name in self.weights
        }
        bits = (w * float(self.scales[n].bits(alike[n])[0]) for n, w in self.weights.items())
        return max(sum(bits), 1e-3)

    def score(self, strength: float, same: float | None = None) -> float:
        """Return `strength` as a score from 0 (as alike as a random pair) to 1 (the same picture).

        `same` is the strength of the same picture (None: of one in which there is something of each
        facet).
        """
        if same is None:
            same = sum(weight * self.scales[name].same for name, weight in self.weights.items())
        return float(np.clip(strength / same, 0, 1))
