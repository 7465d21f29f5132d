"""Describe concepts: how likely the bundled classifier finds ImageNet's 1,000 classes.

Kept as the classes' log probabilities in 31 steps, three to a half-precision number: 668 bytes a
row. That tells more of them than as many bytes of a projection do (docs/benchmarks.md). Pictures
are not matched by it; words are looked for with it, and shots are tagged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError
from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import CONCEPTS, Reference

__all__ = [
    "CLASSES",
    "FLOOR",
    "STEP",
    "Class",
    "Concepts",
    "Hypernym",
    "Vocabulary",
    "levels",
    "names",
    "pack",
    "probabilities",
    "vocabulary",
]

CLASSES = 1000
"""The number of classes, in ImageNet's usual order."""
FLOOR = -13.0
"""Natural logarithm of the least probability that is told from none."""

_LEVELS = 31
STEP = -FLOOR / (_LEVELS - 1)
"""The distance between levels, natural logarithm."""

_EACH = 3  # classes in one number
_FIRST = 1024  # the first bit pattern used: those below are subnormal, which a processor may drop
_WIDTH = -(-CLASSES // _EACH)
_PLACES = (1, _LEVELS, _LEVELS * _LEVELS)
# The last pattern used, 1024 + 31^3 - 1 = 30,814, is below 31,744, infinity.


@dataclass(frozen=True)
class Class:
    """A class of ImageNet: its short `name`, its `words` (synonyms) and `gloss` in WordNet."""

    name: str
    words: tuple[str, ...]
    gloss: str


@dataclass(frozen=True)
class Hypernym:
    """A kind: a noun above classes, as "animal", with its words, gloss and its classes."""

    words: tuple[str, ...]
    gloss: str
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary: what the classes are called and what they are kinds of (WordNet 3.0)."""

    classes: tuple[Class, ...]
    kinds: tuple[Hypernym, ...]


class Concepts:
    """The concepts facet, which says of each picture how likely each class is."""

    name = CONCEPTS
    version = 1

    def __init__(self, reference: Reference) -> None:
        self.maker = reference.maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return (N, 334) float16, to be read by `probabilities` and `levels`, not by arithmetic.

        Raises `ModelError` for an encoder that does not tell classes.
        """
        if seen.logits is None:
            raise ModelError("Concepts need an encoder that tells the classes of ImageNet.")
        return pack(seen.logits)


def pack(logits: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """Return rows, (N, 334) float16, of the classes' logits, (N, 1000)."""
    if logits.ndim != 2 or logits.shape[1] != CLASSES:
        raise ValueError(f"logits of {CLASSES} classes, not {logits.shape}")
    high = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    likely = high - np.log(np.exp(high).sum(axis=1, keepdims=True))
    steps = np.clip(np.rint((likely - FLOOR) / STEP), 0, _LEVELS - 1).astype(np.uint16)
    full = np.zeros((len(logits), _WIDTH * _EACH), np.uint16)
    full[:, :CLASSES] = steps
    packed = full.reshape(len(logits), _WIDTH, _EACH) @ np.array(_PLACES, np.uint16) + _FIRST
    return packed.astype(np.uint16).view(np.float16)


def levels(
    rows: NDArray[np.floating[Any]], classes: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the level, 0 to 30, of K classes in rows (n, 334), as (n, K) uint8.

    A class's log probability is `FLOOR` + level * `STEP`. Only the numbers asked for are read.
    """
    wanted = np.asarray(classes, np.int64)
    columns, where = np.unique(wanted // _EACH, return_inverse=True)
    part = np.asarray(rows)[:, columns].astype(np.float16)
    whole = np.ascontiguousarray(part.T).view(np.uint16) - np.uint16(_FIRST)
    found = np.empty((len(wanted), whole.shape[1]), np.uint8)
    digits = _digits()
    for line, (column, place) in enumerate(zip(where.tolist(), wanted % _EACH, strict=True)):
        digits[place].take(whole[column], out=found[line], mode="clip")
    return np.ascontiguousarray(found.T)


@lru_cache(maxsize=1)
def _digits() -> NDArray[np.uint8]:
    """Return the three levels of each number, (3, 29791)."""
    every = np.arange(_LEVELS**_EACH)
    return np.stack([every // place % _LEVELS for place in _PLACES]).astype(np.uint8)


def probabilities(rows: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return how likely each class is in rows (n, 334), (n, 1000) float32.

    Each row sums to 1.
    """
    table = np.exp(FLOOR + STEP * np.arange(_LEVELS)).astype(np.float32)
    found = table[levels(rows, np.arange(CLASSES))]
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)


def names() -> tuple[str, ...]:
    """Return the short names of the 1,000 classes, each once, as people read them."""
    return tuple(each.name for each in vocabulary().classes)


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the words of the classes, as shipped.

    Raises `ModelError` where they are missing.
    """
    words = _words()
    return Vocabulary(
        tuple(Class(c["name"], tuple(c["words"]), c["gloss"]) for c in words["classes"]),
        tuple(
            Hypernym(tuple(k["words"]), k["gloss"], tuple(k["classes"]))
            for k in (*words["kinds"], *_parents(words))
        ),
    )


def _parents(words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return classes that others are kinds of, as kinds."""
    return [
        {**words["classes"][parent["class"]], "classes": parent["classes"]}
        for parent in words["parents"]
    ]


def _words() -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    path = Path(__file__).with_name("concepts.safetensors")
    if not path.is_file():
        raise ModelError(f"The names of classes are missing: {path}. Install Kuleshov again.")
    found: Mapping[str, Any] = json.loads(load_file(path)["words"].tobytes())
    return found
