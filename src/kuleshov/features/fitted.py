"""Fit the reference of an encoder that comes without one, once, on fixed pictures; keep it.

The pictures are those of the bundled samples, so that archives do not depend on what was indexed
first. The same functions fit the bundled encoder's reference (`tools/fit_reference.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from kuleshov.features.composition import COMPOSITION_CELLS, Composition, pool
from kuleshov.features.encoder import Encoded, Encoder, Maker
from kuleshov.features.facet import Facet, Reference, Scale
from kuleshov.features.fingerprint import Print
from kuleshov.features.subject import Subject
from kuleshov.files import plain_name, write_bytes

__all__ = [
    "RELATED",
    "balanced_mean",
    "fitted_reference",
    "kept_reference",
    "random_pairs",
    "row_products",
]

RELATED = 0.8
"""Correlation of prints from which two pictures are the same material: no random pair."""
_VERSION = 2  # of what is fitted here
_DIRECTIONS = 32  # of composition
_PAIRS = 200_000
_BACKGROUND = 64  # pictures of each film at most that stand for any pictures
Array = NDArray[np.float32]


def kept_reference(
    encoder: Encoder, folder: Path, films: Callable[[], Iterable[NDArray[np.uint8]]]
) -> Reference:
    """Return the reference of `encoder` from `folder`, or fit it and put it there.

    `films` gives the sampled pictures of each film, (M, side, side, 3) uint8 RGB.
    """
    maker = Maker(encoder.name, encoder.checksum)
    name = f"{plain_name(encoder.name)}-{encoder.checksum[:16]}-{_VERSION}.safetensors"
    path = folder / name
    if path.is_file():
        return Reference(load_file(path), maker)
    reference = fitted_reference(maker, [encoder(pictures) for pictures in films()])
    with contextlib.suppress(OSError):  # where it cannot be kept it is fitted again the next time
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, save(dict(reference.arrays)))
    return reference


def fitted_reference(maker: Maker, films: Sequence[Encoded]) -> Reference:
    """Return a reference fitted to the pictures of at least two films.

    It has centres, projections and scales; and as `background` the pooled vectors (N, P) of some
    pictures, for what is asked about pictures at large.
    """
    grids = [pool(film.grid, COMPOSITION_CELLS) for film in films]
    arrays = {
        "subject.centre": balanced_mean([film.pooled for film in films]),
        "composition.centre": balanced_mean(grids),
        "composition.projection": _principal(grids, _DIRECTIONS),
    }
    arrays["background"] = np.concatenate([_some(film.pooled) for film in films])
    arrays["subject.projection"] = np.eye(len(arrays["subject.centre"]), dtype=np.float32)
    unscaled = Reference(arrays, maker)
    one, other = random_pairs([len(film.pooled) for film in films], _PAIRS)
    apart = _products(films, Print(), one, other) < RELATED
    made: list[Facet] = [Subject(unscaled), Composition(unscaled)]
    for facet in made:
        alike = _products(films, facet, one[apart], other[apart])
        arrays[f"{facet.name}.levels"] = Scale.fitted(alike).levels
    return Reference(arrays, maker)


def balanced_mean(parts: Sequence[Array]) -> Array:
    """Return the mean over films of the mean over each film's rows, (D,)."""
    means = [part.reshape(-1, part.shape[-1]).mean(axis=0) for part in parts]
    return np.asarray(np.mean(means, axis=0), np.float32)


def _some(rows: Array) -> Array:
    """Return rows evenly spread over a film."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, _BACKGROUND).astype(int))
    return np.asarray(rows[chosen], np.float32)


def _principal(grids: Sequence[Array], count: int) -> Array:
    """Return the directions in which places vary most, (C, count).

    Each film weighs the same.
    """
    spread = np.zeros((grids[0].shape[-1],) * 2)
    centre = balanced_mean(grids)
    for grid in grids:
        places = grid.reshape(-1, grid.shape[-1]) - centre
        spread += places.T.astype(np.float64) @ places / len(places)
    _, vectors = np.linalg.eigh(spread)
    chosen = vectors[:, ::-1][:, :count]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])])
    return np.ascontiguousarray(chosen * signs, np.float32)


def random_pairs(lengths: Sequence[int], drawn: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of rows of different films, always the same ones, films weighing the same.

    Rows are numbered over all films; of `drawn` pairs those are taken whose films differ. `lengths`
    are the numbers of rows of the films.
    """
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, len(lengths), (2, drawn))
    one, other = one[one != other], other[one != other]
    where = rng.random((2, len(one)))
    count = np.array(lengths)
    starts = np.concatenate(([0], np.cumsum(count)[:-1]))
    return (
        starts[one] + (where[0] * count[one]).astype(np.int64),
        starts[other] + (where[1] * count[other]).astype(np.int64),
    )


def _products(
    films: Sequence[Encoded], facet: Facet, one: NDArray[np.int64], other: NDArray[np.int64]
) -> Array:
    """Return how alike rows `one` and `other` are in a facet."""
    rows = np.concatenate([facet.describe(film).astype(np.float32) for film in films])
    return row_products(rows, one, other)


def row_products(rows: Array, one: NDArray[np.int64], other: NDArray[np.int64]) -> Array:
    """Return the dot products, (P,), of rows (N, D) numbered `one` and `other`, (P,) each."""
    parts = [
        (rows[one[at : at + 8192]] * rows[other[at : at + 8192]]).sum(axis=1)
        for at in range(0, len(one), 8192)
    ]
    return np.asarray(np.concatenate(parts), np.float32)
