"""An archive that is made up, for benchmarks of what is asked of many films.

Films of 90 s with a cut about every 5 s and all the rows of the bundled networks, of their real
sizes: random numbers, of length 1, but of each shot as a picture; one film in fifty is a copy of
another.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import numpy as np

from align import shots_of
from kuleshov.archive.archive import Archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.features.material import Trait
from kuleshov.features.specs import bundled_rows
from kuleshov.footage import Probe, Video
from kuleshov.match.align.query import Query

__all__ = ["GRID", "RATE", "SECONDS", "SIZES", "SOURCE_GRID", "build", "queries", "rows_of"]

SIZES = {
    "subject": 256,
    "composition": 512,
    "tone": 60,
    "motion": 30,
    "faces": 212,
    "bodies": 382,
    "movement": 12,
    "print": 256,
    "material": 8,
    "concepts": 334,
    "things": 60,
}
SECONDS, RATE, GRID, SOURCE_GRID = 90, 24, 2, 8


def rows_of(number: int) -> dict[str, np.ndarray]:
    """The rows of a film, of length 1: like no other film's, but for copies."""
    if number % 50 == 1:
        number -= 1
    count = SECONDS * GRID
    rng = np.random.default_rng((7, number))
    first = int(rng.integers(0, count * 7))
    made = {}
    for name, pool in _pool().items():
        part = pool[first : first + count]
        if name not in ("material", "movement"):
            part = part * rng.choice([-1, 1], part.shape[1]).astype(np.float16)
        made[name] = np.ascontiguousarray(part, np.float16)
    return made


_POOL: dict[str, np.ndarray] = {}


def _pool() -> dict[str, np.ndarray]:
    if not _POOL:
        rng = np.random.default_rng(0)
        for name, size in SIZES.items():
            rows = rng.normal(size=(SECONDS * GRID * 8, size))
            _POOL[name] = (rows / np.linalg.norm(rows, axis=1)[:, None]).astype(np.float16)
        _POOL["movement"] = np.abs(_POOL["movement"])
        for name in ("faces", "bodies", "things"):
            _POOL[name][:] = 0  # of nobody: random numbers are no faces
        _POOL["material"][:] = 0.1
        _POOL["material"][:, Trait.PICTURE] = 1
        _POOL["material"][:, Trait.TEXT] = 0
    return _POOL


def build(root: Path, films: int) -> None:
    """Write the archive as `ingest` does, but for the syncing, which takes hours of it."""
    video = Video("h264", 640, 360, Fraction(RATE), Fraction(1, RATE))
    pts = np.arange(SECONDS * RATE, dtype=np.int64)
    shown = (np.arange(SECONDS * GRID) * (RATE // GRID)).astype(np.int64)
    (root / "films").mkdir(parents=True)
    _pool()

    def features(archive: Archive, number: int) -> None:
        checksum, rows = f"{number:064x}"[::-1], rows_of(number)
        for spec in bundled_rows():
            archive.store.write_features(checksum, spec, rows[spec.facet])
        archive.store.write_frames(checksum, pts, shown)

    unsynced = patch.object(os, "fsync", lambda _: None)
    with unsynced, write_archive(root) as archive, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: features(archive, number), range(films)))
        for number in range(films):
            path = root / "films" / f"{number}.mp4"
            path.touch()
            location, checksum = Location(path, 0, path.stat().st_mtime_ns), f"{number:064x}"[::-1]
            probe = Probe(video, None, float(SECONDS))
            archive.catalogue.add(
                *(checksum, SECONDS * RATE, Fraction(SECONDS), probe, shots_of(number), location)
            )


def queries(count: int, films: int) -> list[Query]:
    """Stretches of 2 s, each out of one of the films and disturbed."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        every = rows_of(int(rng.integers(films)))
        at = int(rng.integers(0, SECONDS * GRID - 2 * GRID))
        place = at + np.arange(2 * SOURCE_GRID) * GRID // SOURCE_GRID
        rows = {}
        for name, film in every.items():
            if name in ("material", "concepts"):
                continue
            row = film[place].astype(np.float32)
            row += rng.normal(size=row.shape).astype("f") / np.sqrt(row.shape[1])
            rows[name] = (row / np.maximum(np.linalg.norm(row, axis=1), 1e-6)[:, None]).astype(
                np.float32
            )
        rows["movement"] = np.abs(rng.normal(size=(len(place), 3))).astype(np.float32)
        found.append(Query(2.0, np.arange(2 * SOURCE_GRID) / SOURCE_GRID, rows))
    return found
