"""Say how alike clips are to each other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.composition import SETUP
from kuleshov.features.facet import Reference
from kuleshov.match.align.candidates import Candidate

__all__ = ["MeanRows", "likeness", "looks_same", "rows_at", "same_looking"]

_FACES = ("composition", "subject", "tone")  # by which clips are alike to each other
_MEANS = 4096  # rows of clips that are kept

MeanRows = OrderedDict[Hashable, NDArray[np.float32]]
"""Mean rows of clips, kept from one list of offers to the next."""


def same_looking(
    one: Candidate, others: Sequence[Candidate], reference: Reference
) -> tuple[Candidate, ...]:
    """Return those of some clips that are of the same shot as one, or look the same."""
    clips = (one, *others)
    _, composed = likeness(clips, reference, OrderedDict())
    same = looks_same(clips, composed)[0, 1:].tolist()
    return tuple(
        other for other, looks in zip(others, same, strict=True) if looks or other.ref == one.ref
    )


def looks_same(clips: Sequence[Candidate], composed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which clips look the same, (N, N); `composed` is their likeness in composition."""
    footage = np.array([one.film.footage.id for one in clips], np.int64)
    return np.asarray((footage[:, None] == footage) & (composed >= SETUP), np.bool_)


def likeness(
    clips: Sequence[Candidate], reference: Reference, known: MeanRows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the likeness of clips to each other in bits: of all facets, of composition, (N, N)."""
    count = len(clips)
    whole, composed, facets = np.zeros((count, count)), np.zeros((count, count)), 0
    for name in _FACES:
        if f"{name}.levels" not in reference.arrays or any(
            name not in one.film.rows for one in clips
        ):
            continue
        if not clips:
            break  # all footage may be gone
        rows = np.stack([_mean(one, name, known) for one in clips])
        bits = reference.scale(name).bits((rows @ rows.T).astype(np.float32)).astype(float)
        whole += bits
        facets += 1
        if name == "composition":
            composed = bits
    return whole / max(facets, 1), composed


def _mean(one: Candidate, name: str, known: MeanRows) -> NDArray[np.float32]:
    """Return the mean row of what a clip shows, of length 1."""
    first, end = rows_at(one)
    key = (one.film.footage.checksum, first, end, name)
    if (found := known.get(key)) is not None:
        return found
    row = one.film.rows[name][first:end].astype(np.float32).mean(axis=0)
    mean = np.asarray(row / max(float(np.linalg.norm(row)), 1e-6), np.float32)
    known[key] = mean
    while len(known) > _MEANS:
        known.popitem(last=False)
    return mean


def rows_at(one: Candidate) -> tuple[int, int]:
    """Return the rows of what a clip shows, one at least: the first, and the end."""
    grid, count = one.film.grid, len(one.film.shown)
    first = int(np.ceil(float(one.media.start) * grid))
    end = int(np.ceil(float(one.media.end) * grid))
    if first >= min(end, count):
        first = min(int(float(one.media.start + one.media.end) / 2 * grid), count - 1)
    return first, max(first + 1, min(end, count))
