"""How facets are weighed against each other.

Each facet's similarity is read against random pairs (`features.facet.Scale`): how rare is it that
two pictures are this alike, as log odds in bits. Bits of different facets can be added: a face in
the same place is rare and says much, two pictures without a face are common and say little, and
what is less alike than most random pairs speaks against a match.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError
from kuleshov.features.facet import FACETS, Reference, Scale

__all__ = ["DEFAULT_WEIGHTS", "MOVEMENT", "PRESETS", "Strength", "Weights", "checked"]

Weights = Mapping[str, float]
"""How much each facet counts. Those left out count nothing."""

DEFAULT_WEIGHTS: Weights = {
    "subject": 1.0,
    "composition": 1.0,
    "tone": 0.5,
    "motion": 0.5,
    "faces": 0.7,
}

PRESETS: Mapping[str, Weights] = {
    "look": DEFAULT_WEIGHTS,
    "subject": {"subject": 1.0, "composition": 0.3},
    "composition": {"composition": 1.0, "tone": 0.3},
    "tone": {"tone": 1.0, "composition": 0.3},
    "movement": {"motion": 1.0, "composition": 0.2},
    "faces": {"faces": 1.0, "composition": 0.2, "tone": 0.1},
}
"""Weights by plain names, as `--by` takes them."""

MOVEMENT = "movement"
"""The rows that tell when it moves; they shift an in-point, movement peak on movement peak."""

_TIMING = 0.5  # weight of when it moves, beside that of how it moves
_REPELLED = 0.5  # of a shared subject's bits, lost at tightness 0


def checked(weights: Weights) -> Weights:
    """`weights` as they are. Raises `UsageError` where they name no facet or say nothing."""
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
    """Weighs bits. `tightness` runs from 1, alike in every respect, to 0, alike in one respect but
    not in subject: the likeness that one discovers."""

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
        """For the facets in `known`, which both sides have. Raises `UsageError` for none."""
        used = {name: w for name, w in weights.items() if w > 0 and name in known}
        if not used:
            wanted = ", ".join(name for name, w in weights.items() if w > 0)
            raise UsageError(f"A picture alone says nothing of {wanted}: choose other weights.")
        total = sum(used.values())
        used = {name: w / total for name, w in used.items()}
        timing = _TIMING * used.get("motion", 0.0) if MOVEMENT in known else 0.0
        names = (*used, MOVEMENT) if timing else tuple(used)
        return cls(used, {n: reference.scale(n) for n in names}, tightness, timing)

    def whole(self, similarity: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """The strength of H answers in bits, (H,), from each facet's mean similarity, (H,)."""
        bits = {name: self.scales[name].bits(similarity[name]) for name in self.weights}
        every = np.sum([np.float32(w) * bits[n] for n, w in self.weights.items()], axis=0)
        others = {name: weight for name, weight in self.weights.items() if name != "subject"}
        if self.tightness == 1 or not others:
            return np.asarray(every, np.float32)
        most = max(others.values())
        one = np.max([np.float32(w / most) * bits[n] for n, w in others.items()], axis=0)
        if "subject" in bits:
            one = one - np.float32(_REPELLED) * bits["subject"]
        return np.asarray(self.tightness * every + (1 - self.tightness) * one, np.float32)

    def itself(self, rows: Mapping[str, NDArray[np.float32]]) -> float:
        """Return the strength, in bits, of what is asked for against itself; `rows` are its own.

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
        """Return `strength` from 0 (as alike as a random pair) to 1 (the same picture, whose
        strength is `same`; None: that of one in which there is something of each facet)."""
        if same is None:
            same = sum(weight * self.scales[name].same for name, weight in self.weights.items())
        return float(np.clip(strength / same, 0, 1))
