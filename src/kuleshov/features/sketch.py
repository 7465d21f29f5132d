"""Sketch rows: a few small whole numbers of each facet, by which much footage is looked through.

A sketch stands for a *segment*: up to two seconds of one shot, whose rows are averaged, since what
lies half a second apart in a shot is mostly the same. Of the mean row a part is kept, chosen by no
footage, and each number becomes a whole one of 8 bits. The product of a sketch and a query, reduced
in the same way, is nearly the facet's similarity, and is read against the same `Scale`: weights and
tightness are as free as they are with rows.
"""

from __future__ import annotations

import hashlib
import inspect
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.bodies import COMPARED
from kuleshov.features.composition import COMPOSITION_CELLS
from kuleshov.features.facet import BODIES, COMPOSITION, FACES, FACETS, MOTION, SUBJECT

__all__ = ["LONGEST", "SKETCHED", "asked", "reduced", "segments", "sketch_rules", "sketches"]

SKETCHED = tuple(FACETS)
"""The facets of which there are sketches: those that people match by."""

LONGEST = 4
"""Rows of a segment, at most: two seconds."""

_LEADING = 160  # numbers kept of a subject: its projection begins with what counts most
_COARSER = COMPOSITION_CELLS // 2  # cells a side of the picture
_COMPARED = 157  # numbers by which faces are compared; what they are read back from lies behind
_STEP = np.float32(127)  # whole numbers for 1: rows are of length 1, so that nothing is cut off
_FINE = frozenset({MOTION})  # most pairs are alike to a hundredth, and rarity lies in thousandths
_FINER = np.float32(254)  # whole numbers for a step, of what is left over
_GAIN = {SUBJECT: np.float32(1.08), COMPOSITION: np.float32(1.1)}
"""By how much less alike sketches are than rows, since a part is missing."""


def segments(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the segments of shots whose rows are `spans` (S, 2), first and end.

    They are (N, 3): the shot's place among the spans, first row and end. A shot without rows has
    none; the others are divided into as few segments as can be, as equal as can be.
    """
    length = spans[:, 1] - spans[:, 0]
    count = -(-length // LONGEST)
    shot = np.repeat(np.arange(len(spans)), count)
    place = np.arange(len(shot)) - np.repeat(np.cumsum(count) - count, count)
    edge = spans[shot, 0][:, None] + (
        (place[:, None] + np.arange(2)) * length[shot][:, None] // count[shot][:, None]
    )
    return np.column_stack([shot, edge]).astype(np.int64).reshape(-1, 3)


def reduced(facet: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the part of a facet's rows (N, D) that sketches keep, (N, K)."""
    if facet == SUBJECT:
        return rows[:, :_LEADING]
    if facet == FACES:
        return rows[:, :_COMPARED]
    if facet == BODIES:
        return rows[:, :COMPARED]
    cells = COMPOSITION_CELLS
    if facet != COMPOSITION or rows.shape[1] % cells**2:
        return rows
    parts = rows.reshape(len(rows), _COARSER, 2, _COARSER, 2, rows.shape[1] // cells**2)
    # Twice the mean: as alike as the cells would be if neighbours were the same.
    return np.asarray(parts.sum(axis=(2, 4)).reshape(len(rows), rows.shape[1] // 4) / 2, np.float32)


def sketches(facet: str, rows: NDArray[np.float16], spans: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the sketches (N, K) of segments (N, 2), first row and end, of a facet's rows."""
    if not len(spans):
        return _codes(facet, reduced(facet, np.zeros((0, rows.shape[1]), np.float32)))
    # One segment ends where the next begins, or later: what lies between them is added up in vain.
    edges = spans.reshape(-1)
    whole = np.concatenate([rows.astype(np.float32), np.zeros((1, rows.shape[1]), np.float32)])
    sums = np.add.reduceat(whole, edges)[::2]
    mean = sums / (spans[:, 1] - spans[:, 0])[:, None].astype(np.float32)
    return _codes(facet, reduced(facet, _levelled(facet, np.asarray(mean, np.float32))))


def _levelled(facet: str, mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return means of rows (N, D) as long as rows are, where a little less means much less alike.

    The mean of rows that change is shorter than they are, and would be like nothing.
    """
    if facet not in _FINE:
        return mean
    length = np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
    return np.asarray(mean / length, np.float32)


def _codes(facet: str, rows: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return rows as whole numbers, with what is left over as further ones where that counts."""
    near = np.clip(np.rint(rows * _STEP), -127, 127)
    if facet not in _FINE:
        return np.asarray(near, np.int8)
    rest = np.clip(np.rint((rows * _STEP - near) * _FINER), -127, 127)
    return np.asarray(np.concatenate([near, rest], axis=1), np.int8)


def asked(facet: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return means of a query's rows (N, D) such that products with sketches are similarities.

    They are (N, K).
    """
    part = reduced(facet, _levelled(facet, rows)) * (_GAIN.get(facet, np.float32(1)) / _STEP)
    whole = part if facet not in _FINE else np.concatenate([part, part / _FINER], axis=1)
    return np.asarray(whole, np.float32)


@cache
def sketch_rules() -> str:
    """Return a digest of the code that makes sketches: what is kept of them holds for it alone."""
    said = "".join(
        inspect.getsource(one) for one in (segments, reduced, sketches, _levelled, _codes)
    )
    numbers = (LONGEST, _LEADING, _COARSER, COMPOSITION_CELLS, _COMPARED, COMPARED)
    constants = (*numbers, float(_STEP), float(_FINER), sorted(_FINE))
    return hashlib.sha256(f"{said}{constants}".encode()).hexdigest()
