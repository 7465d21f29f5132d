"""Archives made of numbers: films whose features wander smoothly, without any file."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np

from kuleshov.archive.catalogue import Footage, Location
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import PRINT, Reference, Scale
from kuleshov.footage import Probe, Shot, Slate, Transition, Video
from kuleshov.match.align.query import Query
from kuleshov.timecode import FrameRange

FACETS = ("subject", "composition")
RATE = 24
GRID = 2
SIZE = 48


def reference() -> Reference:
    """Random pairs are unlike, with a spread of 0.15."""
    pairs = np.random.default_rng(0).normal(0, 0.15, 100_000).astype(np.float32)
    return Reference({f"{name}.levels": Scale.fitted(pairs).levels for name in FACETS}, NO_NETWORK)


def path_through(seed: int, seconds: float, per_second: int) -> np.ndarray:
    """(seconds * per_second, SIZE) unit vectors: a film that changes gradually and never returns.

    The same seed gives the same film, whatever the grid it is looked at on.
    """
    rng = np.random.default_rng(seed)
    knots = np.cumsum(rng.normal(size=(int(seconds) * 2 + 3, SIZE)), axis=0)
    time = np.arange(round(seconds * per_second)) / per_second * 2
    left = time.astype(int)
    part = (time - left)[:, None]
    rows = (1 - part) * knots[left] + part * knots[left + 1]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def film(number: int, seconds: float, cuts: tuple[float, ...] = (), black: int = -1) -> ArchiveFilm:
    """A film of `seconds` with cuts at these times; its rows come from `path_through(number)`."""
    frames = round(seconds * RATE)
    borders = [0, *(round(cut * RATE) for cut in cuts), frames]
    shots = []
    for index, (first, end) in enumerate(itertools.pairwise(borders)):
        span = FrameRange(first, end)
        into = Transition("cut" if index else "none", FrameRange(first, first))
        if index != black:
            shots.append(Shot(index, span, span, into))
    video = Video("h264", 64, 36, Fraction(RATE), Fraction(1, RATE))
    footage = Footage(
        id=number,
        checksum=f"{number:064x}",
        frames=frames,
        duration=Fraction(frames, RATE),
        probe=Probe(video, None, seconds),
        slate=Slate(),
        locations=(Location(Path(f"/films/{number}.mp4"), 1, 1),),
    )
    rows = path_through(number, seconds, GRID)
    return ArchiveFilm(
        footage=footage,
        shots=tuple(shots),
        pts=np.arange(frames),
        shown=np.round(np.arange(len(rows)) * RATE / GRID).astype(np.int64),
        rows={name: rows.astype(np.float16) for name in (*FACETS, PRINT)},
        grid=GRID,
    )


def query(number: int, start: float, duration: float, noise: float = 0.0) -> Query:
    """What a source shows that plays film `number` from `start`, sampled at 8 a second."""
    grid = 8
    rows = path_through(number, start + duration + 1, grid)
    first = round(start * grid)
    rows = rows[first : first + max(1, round(duration * grid))]
    rng = np.random.default_rng(1)
    rows = rows + noise * rng.normal(size=rows.shape) / np.sqrt(SIZE)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    time = np.arange(len(rows)) / grid
    return Query(duration, time, dict.fromkeys((*FACETS, PRINT), rows))
