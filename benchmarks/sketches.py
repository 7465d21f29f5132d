"""Measure what is found through sketches of what a look at all rows finds, and how long both take.

    python benchmarks/sketches.py --archive REAL [--films 4000] [--queries 40] [--keep FOLDER]

The archive is mixed of the rows of a real one: films of 90 s whose shots take each facet from two
real shots, weighed at random, with noise; faces and movement are those of a real shot. It is made
in a temporary folder, or in `--keep`, where it is used again. Asked are stretches of 2 s of the
real archive. Counted is, by weights and tightness, how many of the first and the first ten answers
of a look at all rows are found, or others as strong; and how strong the first ten are, in all.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.facet import FACES, FACETS, MOVEMENT, unit
from kuleshov.features.grid import rows_of
from kuleshov.features.specs import bundled_reference, bundled_rows, only
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.coarse import LEAST
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.align.shards import Shards, here
from kuleshov.match.align.strength import PRESETS
from kuleshov.timecode import FrameRange
from measure import machine

ROWS, RATE, GRID = 180, 24, 2
SPECS = only(bundled_rows(), (*FACETS, MOVEMENT))
NOISE = {"subject": 0.45, "composition": 0.45, "tone": 0.06, "motion": 0.08}
WAYS = [("look", 1.0), ("look", 0.3), ("look", 0.0), *((n, 1.0) for n in PRESETS if n != "look")]
Whole = tuple[ArchiveRows, Shards]
Real = list[dict[str, NDArray[np.float32]]]


def real_shots(archive: Path) -> Real:
    """Return the rows of each shot of three rows or more."""
    found = []
    with open_archive(archive) as opened:
        for film in ArchiveRows.load(opened, SPECS).films:
            for shot in film.shots:
                first, end = rows_of(film.shown, shot.core)
                if end - first >= 3:
                    part = {name: film.rows[name][first:end] for name in film.rows}
                    found.append({name: rows.astype(np.float32) for name, rows in part.items()})
    return found


def along(rows: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return so many rows, from a random one on, to and fro."""
    place = (np.arange(count) + rng.integers(len(rows))) % (2 * len(rows))
    return rows[np.where(place < len(rows), place, 2 * len(rows) - 1 - place)]


def mixed(real: Real, name: str, count: int, rng: np.random.Generator) -> NDArray[np.float16]:
    """Return the rows of a facet of a shot that never was."""
    one, other = (along(real[rng.integers(len(real))][name], count, rng) for _ in range(2))
    if name in (FACES, MOVEMENT):
        return one.astype(np.float16)
    part, size = rng.uniform(0.05, 0.5), one.shape[1]
    noise = rng.normal(size=size) + 0.3 * rng.normal(size=(count, size))
    return unit((1 - part) * one + part * other + noise * NOISE[name] / np.sqrt(size))


def build(root: Path, real: Real, films: int) -> None:
    """Write the mixed archive, and pack it."""
    video = Video("h264", 640, 360, Fraction(RATE), Fraction(1, RATE))
    pts, shown = np.arange(ROWS * RATE // GRID), np.arange(ROWS) * (RATE // GRID)
    (root / "films").mkdir(parents=True)
    with patch.object(os, "fsync", lambda _: None), write_archive(root) as archive:
        for number in range(films):
            rng, checksum = np.random.default_rng((11, number)), f"{number:064x}"[::-1]
            ends = np.cumsum(rng.integers(4, 17, ROWS))
            edges = np.array([0, *ends[ends < ROWS - 3], ROWS])
            for spec in SPECS:
                parts = [mixed(real, spec.facet, n, rng) for n in np.diff(edges).tolist()]
                archive.store.write_features(checksum, spec, np.concatenate(parts))
            archive.store.write_frames(checksum, pts, shown)
            path = root / "films" / f"{number}.mp4"
            path.touch()
            spans = [
                FrameRange(int(a), int(b)) for a, b in np.column_stack([edges[:-1], edges[1:]]) * 12
            ]
            none = FrameRange(0, 0)
            shots = [
                Shot(n, span, span, Transition("cut" if n else "none", none))
                for n, span in enumerate(spans)
            ]
            place = Location(path, 0, path.stat().st_mtime_ns)
            probe = Probe(video, None, ROWS / GRID)
            archive.catalogue.add(checksum, len(pts), Fraction(ROWS, GRID), probe, shots, place)
    unsynced = patch.object(os, "fsync", lambda _: None)
    with unsynced, open_archive(root) as archive, archive.indexing():
        pack_archive(archive, [SPECS])


def questions(real: Real, count: int) -> list[Query]:
    """Return stretches of 2 s of real shots."""
    rng, found = np.random.default_rng(3), []
    long = [shot for shot in real if len(shot[MOVEMENT]) >= 5]
    for number in rng.permutation(len(long))[:count].tolist():
        shot = long[number]
        first = int(rng.integers(len(shot[MOVEMENT]) - 3))
        rows = {name: part[first : first + 4] for name, part in shot.items()}
        found.append(Query(2.0, np.arange(4) / GRID + 0.2, rows, title=True))
    return found


@dataclass(frozen=True)
class Run:
    """What was found, and the seconds of the processor and the clock that it took."""

    answers: list[list[Alignment]]
    processor: float
    clock: float


def run(rows: ArchiveRows, way: tuple[str, float], asked: list[Query], whole: Whole | None) -> Run:
    options = AlignOptions(1.25, way[1])
    aligner = Aligner(rows, bundled_reference(), PRESETS[way[0]], options, whole=whole)
    used, began = time.process_time(), time.perf_counter()
    answers = aligner.align(asked, 60)
    return Run(answers, time.process_time() - used, time.perf_counter() - began)


def recall(found: Sequence[Alignment], exact: Sequence[Alignment], first: int) -> float:
    """Return the share of the first answers that are there, or others as strong."""
    there = {(a.film, a.shot, round(a.start, 3)) for a in found}
    hits = [
        (a.film, a.shot, round(a.start, 3)) in there or b.strength >= a.strength - 0.01
        for a, b in zip(exact[:first], found[:first], strict=False)
    ]
    return sum(hits) / max(1, min(first, len(exact)))


def report(root: Path, real: Real, count: int) -> None:
    asked = questions(real, count)
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, SPECS)
    through = rows, here(rows)
    print(f"{machine()}\n{len(rows):,} rows, {len(asked)} stretches; load {os.getloadavg()[0]:.1f}")
    if len(rows) < LEAST:
        print("Too few rows: all of them are looked at both times.")
    run(rows, WAYS[0], asked[:1], through)
    print("weights, tightness: first, first ten, their strength")
    print("processor and clock, s: through sketches, all rows")
    for way in WAYS:
        quick, whole = run(rows, way, asked, through), run(rows, way, asked, None)
        pairs = list(zip(quick.answers, whole.answers, strict=True))
        one, ten = (np.mean([recall(a, b, n) for a, b in pairs]) for n in (1, 10))
        sums = [
            sum(a.strength for run_ in side for a in run_[:10]) for side in zip(*pairs, strict=True)
        ]
        print(
            f"{way[0]:12} {way[1]:.1f}: {one:.3f} {ten:.3f} {sums[0] / sums[1]:.4f}; "
            f"{quick.processor:.1f} {quick.clock:.1f}, {whole.processor:.1f} {whole.clock:.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="a real one, of any size")
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="where the mixed archive is made, or lies")
    given = parser.parse_args()
    real = real_shots(given.archive)
    with tempfile.TemporaryDirectory(prefix="kuleshov-sketches-") as folder:
        root = given.keep or Path(folder) / "archive"
        if not root.exists():
            build(root, real, given.films)
        report(root, real, given.queries)


if __name__ == "__main__":
    main()
