"""Define facets: the ways in which two pictures can be alike.

A facet describes each picture by a vector; how alike two pictures are is the dot product, at most 1
where they are the same, read against `Scale`: how rare it is that two random pictures are as alike.
A new facet is one file with one class and a line in `FACETS`; what is indexed already stays as it
is.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError, UsageError
from kuleshov.features.encoder import Encoded, Encoder, Maker

if TYPE_CHECKING:
    from kuleshov.features.flow import Flow

__all__ = [
    "BODIES",
    "COMPOSITION",
    "CONCEPTS",
    "EMPTY",
    "ENCODED",
    "FACES",
    "FACETS",
    "KEPT",
    "MATERIAL",
    "MOTION",
    "MOVEMENT",
    "PRINT",
    "SUBJECT",
    "THINGS",
    "TONE",
    "VECTORS",
    "WORDED",
    "AnyFacet",
    "Facet",
    "FlowFacet",
    "Reference",
    "Scale",
    "facets",
    "load_reference",
    "unit",
]

SUBJECT, COMPOSITION, TONE, MOTION = "subject", "composition", "tone", "motion"
FACES, BODIES = "faces", "bodies"
MOVEMENT, PRINT, MATERIAL, CONCEPTS = "movement", "print", "material", "concepts"
EMPTY = {FACES: 0.5, BODIES: 0.5}
"""Likeness of two pictures that both lack what a facet is about: there is little to compare."""
THINGS = "things"
VECTORS = "vectors"

FACETS: Mapping[str, str] = {
    SUBJECT: "kuleshov.features.subject:Subject",
    COMPOSITION: "kuleshov.features.composition:Composition",
    TONE: "kuleshov.features.tone:Tone",
    MOTION: "kuleshov.features.motion:Motion",
    FACES: "kuleshov.features.faces:Faces",
    BODIES: "kuleshov.features.bodies:Bodies",
}
"""The facets that people match by, each with its class: `module:class`, imported when asked for."""

KEPT: Mapping[str, str] = {
    MOVEMENT: "kuleshov.features.movement:Movement",
    PRINT: "kuleshov.features.fingerprint:Print",
    MATERIAL: "kuleshov.features.material:Material",
    CONCEPTS: "kuleshov.features.concepts:Concepts",
    THINGS: "kuleshov.features.things:Things",
}
"""Rows that are described and stored in the same way, but not weighted: when it moves, by which
copies are known, what is not a picture, what a classifier and a detector see in it."""

ENCODED = (SUBJECT, COMPOSITION)
"""The facets that are made of whatever an encoder sees."""

WORDED: Mapping[str, str] = {VECTORS: "kuleshov.features.vectors:Vectors"}
"""The rows that are kept besides for an encoder that reads words."""

_LOWEST, _HIGHEST, _STEP = -6.0, 14.0, 0.25  # bits, of the levels that are fitted
_MOST = 24.0  # bits of the same picture, however steep the tail
_SLOPE = 6  # bits of the tail by whose slope it is prolonged
_ENTRIES = 8192  # of the table by which similarities are turned into bits
_TIED = 3e-4  # similarities nearer than this are one: rows are stored in half precision
_ROUNDING = 1e-3  # what the product of a row with itself may fall short of 1, in half precision


@dataclass(frozen=True)
class Scale:
    """A scale: how likely a similarity is among random pairs of pictures, as log odds in bits.

    0 bits: half of all pairs are less alike; 10 bits: only one in 1,000 is as alike; -3 bits: only
    one in 9 is less alike. `levels` (K,) float32: the similarity at -6, -5.75, … bits, as far as it
    was measured; beyond, the tail's slope is prolonged up to the same picture. What many pairs
    share counts as the middle of their places.
    """

    levels: NDArray[np.float32]

    @classmethod
    def fitted(cls, similarity: NDArray[np.float32]) -> Scale:
        """Return the scale of random pairs with these similarities, (P,).

        There must be at least 1,024 of them.
        """
        rarest = min(_HIGHEST, math.floor(math.log2(len(similarity) / 8)))
        bits = np.arange(_LOWEST, rarest + _STEP / 2, _STEP)
        return cls(np.asarray(np.quantile(similarity, 1 / (1 + np.exp2(-bits))), np.float32))

    @cached_property
    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The similarities at which the scale bends, growing, and their bits."""
        known = self.levels[self.levels < 1 - _ROUNDING].astype(np.float64)
        bits = _LOWEST + np.arange(len(known)) * _STEP
        starts = np.flatnonzero(np.diff(known, prepend=-2.0) > _TIED)
        ends = np.append(starts[1:], len(known))
        similarity: list[float] = []
        value: list[float] = []
        for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
            share = float(np.mean(1 / (1 + np.exp2(-bits[[first, end - 1]]))))
            at, middle = float(known[first]), math.log2(share / (1 - share))
            if end - first == 1:
                similarity.append(at)
                value.append(middle)
            else:  # what lies only just beyond a tie lies beyond all of it
                similarity += [at - 2 * _TIED, at - _TIED, at + _TIED, at + 2 * _TIED]
                value += [float(bits[first]), middle, middle, float(bits[end - 1])]
        value = np.maximum.accumulate(value).tolist()
        near = min(int(np.searchsorted(value, value[-1] - _SLOPE)), len(value) - 2)
        rise = (value[-1] - value[near]) / max(similarity[-1] - similarity[near], _TIED)
        same = min(value[-1] + rise * (1 - similarity[-1]), _MOST)
        return np.maximum.accumulate([*similarity, 1.0]), np.array([*value, same])

    @property
    def same(self) -> float:
        """The bits of a picture and itself."""
        return float(self._knots[1][-1])

    @cached_property
    def _table(self) -> tuple[float, float, NDArray[np.float32]]:
        similarity, bits = self._knots
        low = float(similarity[0])
        steps = np.linspace(low, 1.0, _ENTRIES)
        return low, (_ENTRIES - 1) / (1 - low), np.interp(steps, similarity, bits).astype("f4")

    def bits(self, similarity: NDArray[np.float32] | float) -> NDArray[np.float32]:
        """Return log odds in bits, from -6 to `same`."""
        low, steps, _ = self._table
        place = (np.asarray(similarity, np.float32) - np.float32(low)) * np.float32(steps) + 0.5
        return self.at(place)

    def places(self) -> tuple[np.float32, np.float32]:
        """Return rise and offset by which a similarity becomes a place of the scale; see `at`."""
        low, steps, _ = self._table
        return np.float32(steps), np.float32(0.5 - low * steps)

    @property
    def table(self) -> NDArray[np.float32]:
        """The bits at each place of the scale, (T,)."""
        return self._table[2]

    def at(self, place: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the bits at places of the scale: for many products of vectors, times the rise."""
        return np.asarray(self._table[2].take(place.astype(np.int32), mode="clip"), np.float32)

    def percentile(self, similarity: NDArray[np.float32] | float) -> NDArray[np.float64]:
        """Return the share of random pairs that are less alike, 0 to 1."""
        return np.asarray(1 / (1 + np.exp2(-self.bits(similarity).astype(np.float64))))


@dataclass(frozen=True)
class Reference:
    """A reference: centres, projections and scales, fixed once and never taken from an archive.

    `maker` is the encoder whose numbers they belong to.
    """

    arrays: Mapping[str, NDArray[np.float32]]
    maker: Maker

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self.arrays[name]

    def scale(self, facet: str) -> Scale:
        """Return the scale of `facet`. Raises `KeyError` where it has none."""
        if facet not in self._scales:
            self._scales[facet] = Scale(self.arrays[f"{facet}.levels"])
        return self._scales[facet]

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        """The scales that were asked for: each makes a table when it is first read."""
        return {}


class Facet(Protocol):
    """A facet: one way of being alike that can be seen in one picture.

    `version` grows when numbers change; `maker` is the network that they are made of. One that
    takes long for a picture says so by `slow = True`: it is asked picture by picture. One that
    need not look at every row says by `pace` at how many a second it looks; the rows between hold
    what it saw, unless the picture has changed.
    """

    name: str
    version: int
    maker: Maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return vectors, (N, D) float16, for N encoded pictures."""


@runtime_checkable
class FlowFacet(Protocol):
    """A facet that is seen only from picture to picture."""

    name: str
    version: int
    maker: Maker

    def describe_flow(
        self,
        flow: Flow,
        seconds: NDArray[np.float64],
        times: NDArray[np.float64],
        rate: float,
        breaks: Sequence[int],
        grid: int = 2,
    ) -> NDArray[np.float16]:
        """Return vectors, (M, D) float16, for rows at `times` (M,) s, `grid` of them a second.

        `seconds` (N,) is when each frame of `flow` is first shown, `rate` how many there are a
        second; `breaks` are the first frames of new shots, into which nothing has moved.
        """


AnyFacet: TypeAlias = Facet | FlowFacet


def load_reference(encoder: Encoder | Maker) -> Reference:
    """Return the reference that belongs to `encoder`, of which only name and checksum are needed.

    Raises `ModelError` where there is none.
    """
    from safetensors.numpy import load_file

    path = Path(__file__).with_name(f"reference-{encoder.name}.safetensors")
    if not path.is_file():
        raise ModelError(f"There is no reference for the encoder {encoder.name!r}: {path}.")
    arrays = {name: array.astype(np.float32) for name, array in load_file(path).items()}
    return Reference(arrays, Maker(encoder.name, encoder.checksum))


def facets(names: Iterable[str], reference: Reference) -> tuple[AnyFacet, ...]:
    """Return new facets by their names in `FACETS`, `KEPT` or `WORDED`.

    Raises `UsageError` for a name that is in none of them.
    """
    made: list[AnyFacet] = []
    for name in names:
        where = {**FACETS, **KEPT, **WORDED}.get(name)
        if where is None:
            raise UsageError(f"There is no facet {name!r}; there are {', '.join(FACETS)}.")
        module, _, attribute = where.partition(":")
        made.append(getattr(importlib.import_module(module), attribute)(reference))
    return tuple(made)


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """Return (N, ...) vectors flattened to (N, D) and scaled to length 1.

    Zero vectors stay zero.
    """
    flat = vectors.reshape(len(vectors), math.prod(vectors.shape[1:]))
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float16)
