"""Facets: the ways in which two pictures can be alike.

A facet describes each picture by a unit vector; how alike two pictures are is the dot product,
read against `Reference`: what random pairs of pictures give. A new facet is one file with one class
and a line in `FACETS`; what is indexed already stays as it is.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError, UsageError
from kuleshov.features.encoder import Encoded, Encoder

__all__ = ["FACETS", "Facet", "Reference", "Scale", "facets", "load_reference", "unit"]

FACETS: Mapping[str, str] = {
    "subject": "kuleshov.features.subject:Subject",
    "composition": "kuleshov.features.composition:Composition",
}
"""Where each facet's class lies: `module:class`, imported when asked for."""


@dataclass(frozen=True)
class Scale:
    """What random pairs of pictures give: `quantiles` (Q,) float32 of their similarity, at evenly
    spaced probabilities from 0 to 1."""

    quantiles: NDArray[np.float32]

    @property
    def mean(self) -> float:
        """Similarity of a random pair, on average."""
        return float(self.quantiles.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of that similarity."""
        return float(self.quantiles.std())

    def percentile(self, similarity: NDArray[np.float32] | float) -> NDArray[np.float64]:
        """The share of random pairs that are less alike, 0 to 1."""
        levels = np.linspace(0, 1, len(self.quantiles))
        return np.asarray(np.interp(similarity, self.quantiles, levels), np.float64)

    def standardised(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarity in standard deviations above a random pair: facets become comparable."""
        return (similarity - np.float32(self.mean)) / np.float32(self.spread)


@dataclass(frozen=True)
class Reference:
    """What is fixed once and shipped: centres, projections, scales. Never taken from an archive."""

    arrays: Mapping[str, NDArray[np.float32]]
    checksum: str

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self.arrays[name]

    def scale(self, facet: str) -> Scale:
        """The scale of `facet`."""
        return Scale(self.arrays[f"{facet}.quantiles"])


class Facet(Protocol):
    """One way of being alike. `version` grows whenever the numbers change."""

    name: str
    version: int

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Unit vectors, (N, D) float16, for N encoded pictures."""


def load_reference(encoder: Encoder) -> Reference:
    """The reference that belongs to `encoder`. Raises `ModelError` where there is none."""
    from safetensors.numpy import load_file

    path = Path(__file__).with_name(f"reference-{encoder.name}.safetensors")
    if not path.is_file():
        raise ModelError(f"There is no reference for the encoder {encoder.name!r}: {path}.")
    arrays = {name: array.astype(np.float32) for name, array in load_file(path).items()}
    return Reference(arrays, encoder.checksum)


def facets(names: Iterable[str], reference: Reference) -> tuple[Facet, ...]:
    """New facets by their names in `FACETS`; raises `UsageError` for a name that is not there."""
    made: list[Facet] = []
    for name in names:
        if name not in FACETS:
            raise UsageError(f"There is no facet {name!r}; there are {', '.join(FACETS)}.")
        module, _, attribute = FACETS[name].partition(":")
        made.append(getattr(importlib.import_module(module), attribute)(reference))
    return tuple(made)


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """(N, ...) vectors flattened to (N, D) and scaled to length 1; zero vectors stay zero."""
    flat = vectors.reshape(len(vectors), math.prod(vectors.shape[1:]))
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float16)
