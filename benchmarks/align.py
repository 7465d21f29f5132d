"""Measure how fast a film is laid along 100 hours of archive, beside the processor's limit.

    python benchmarks/align.py [--films 4000 (0: selection only)] [--queries 100] [--repeat 3]

The archive: films of 90 s with a cut about every 5 s, rows of the real facets' sizes (1,082
numbers, float16), written by `archive.store` into a temporary folder and mapped from there; the
numbers are random, and no two films share a row. The source: shots of 2 s at 8 rows a second, each
cut out of one of the films and disturbed, so that the right answer is known. The limit: the same
products of float32 matrices in the same blocks and nothing else, and the bytes over the memory's
speed. Last, selection: one candidate for each of 150 stretches, of 60 or 200, from 100 hours or
one hour of footage, with each of its options.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive, open_archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.rows import _BLOCK as BLOCK
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.encoder import Maker
from kuleshov.features.facet import Reference, Scale
from kuleshov.features.specs import RowsSpec
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match.align import shard
from kuleshov.match.align.aligner import Aligner
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.choose.select import Choice, SelectOptions, select
from kuleshov.timecode import FrameRange
from measure import MemoryPeak, machine, spread

SIZES = {"subject": 256, "composition": 512, "tone": 60, "motion": 30, "faces": 212}
KEPT = {"movement": 12}  # per row, in the archive; a source has 3 of them
SECONDS, RATE, GRID, SOURCE_GRID = 90, 24, 2, 8
POOL = 4096  # random rows that films are made of
BEST = 60  # candidates a shot, as `kuleshov recut` asks for
TAGS = tuple(RowsSpec(name, 1, "random", "0" * 64, GRID) for name in (*SIZES, *KEPT))
Pool = dict[str, NDArray[np.float32]]


def pool() -> Pool:
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(POOL, size)) for name, size in (SIZES | KEPT).items()}
    return {n: (r / np.linalg.norm(r, axis=1)[:, None]).astype(np.float32) for n, r in rows.items()}


def rows_of(number: int, pool: Pool) -> dict[str, NDArray[np.float32]]:
    """Return a film's rows: rows of the pool with signs turned as in no other film."""
    rng = np.random.default_rng((1, number))
    picked = rng.integers(0, POOL, SECONDS * GRID)
    return {n: r[picked] * rng.choice([-1, 1], r.shape[1]).astype("f") for n, r in pool.items()}


def shots_of(number: int) -> tuple[Shot, ...]:
    rng = np.random.default_rng((2, number))
    lengths = rng.integers(2 * RATE, 8 * RATE, SECONDS)
    ends = np.cumsum(lengths)
    borders = [0, *ends[ends < (SECONDS - 2) * RATE].tolist(), SECONDS * RATE]
    spans = [FrameRange(first, end) for first, end in itertools.pairwise(borders)]
    none = FrameRange(0, 0)
    return tuple(
        Shot(i, span, span, Transition("cut" if i else "none", none))
        for i, span in enumerate(spans)
    )


def build(root: Path, films: int, pool: Pool) -> None:
    """Write the archive as `ingest` does."""
    frames = SECONDS * RATE
    video = Video("h264", 640, 360, Fraction(RATE), Fraction(1, RATE))
    pts = np.arange(frames, dtype=np.int64)
    shown = (np.arange(SECONDS * GRID) * (RATE // GRID)).astype(np.int64)
    (root / "films").mkdir()

    def features(archive: Archive, number: int) -> None:
        checksum = f"{number:064x}"[::-1]
        rows = rows_of(number, pool)
        for tag in TAGS:
            archive.store.write_features(checksum, tag, rows[tag.facet].astype(np.float16))
        archive.store.write_frames(checksum, pts, shown)

    with write_archive(root) as archive, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: features(archive, number), range(films)))
        for number in range(films):
            path = root / "films" / f"{number}.mp4"
            path.touch()
            place, checksum = Location(path, 0, path.stat().st_mtime_ns), f"{number:064x}"[::-1]
            probe = Probe(video, None, float(SECONDS))
            archive.catalogue.add(
                checksum, frames, Fraction(SECONDS), probe, shots_of(number), place
            )


def questions(count: int, films: int, pool: Pool) -> list[tuple[int, float, Query]]:
    """Return film, in-point and query of each source shot."""
    rng = np.random.default_rng(3)
    found: list[tuple[int, float, Query]] = []
    while len(found) < count:
        number = int(rng.integers(films))
        shots = [s.frames for s in shots_of(number) if len(s.frames) >= 3 * RATE]
        shot = shots[int(rng.integers(len(shots)))]
        start = float(rng.uniform(shot.first, shot.end - 2 * RATE) / RATE)
        offset = np.arange(2 * SOURCE_GRID) / SOURCE_GRID
        at = (start + offset) * GRID
        left = np.minimum(at.astype(int), SECONDS * GRID - 2)
        part = (at - left)[:, None]
        rows = {}
        for name, film in rows_of(number, pool).items():
            row = (1 - part) * film[left] + part * film[left + 1]
            row += rng.normal(size=row.shape) / np.sqrt(row.shape[1])
            rows[name] = (row / np.linalg.norm(row, axis=1)[:, None]).astype(np.float32)
        rows["movement"] = np.abs(rng.normal(size=(len(offset), 3))).astype(np.float32)
        found.append((number, start, Query(2.0, offset, rows)))
    return found


class Stages:
    """A clock around each of the parts of alignment, which adds up the time spent."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._clocked(ArchiveRows, "_block", "read rows, to float32")
        self._clocked(shard, "_look", "products and weighing")
        self._clocked(shard.Shard, "refined", "refining")

    def _clocked(self, owner: Any, name: str, stage: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def clocked(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return inner(*args, **named)
            finally:
                self.seconds[stage] += time.perf_counter() - began

        setattr(owner, name, clocked)

    def taken(self) -> dict[str, float]:
        """Return the seconds of each part since this was last asked."""
        seconds, self.seconds = dict(self.seconds), defaultdict(float)
        return seconds


def forget_files(root: Path) -> None:
    """Ask the system to drop the files from its cache, so that they are read from the disk."""
    os.sync()
    for path in root.rglob("*.safetensors"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limit(blocks: Sequence[int], samples: int) -> float:
    """Return the seconds that products of the same sizes take, operands ready in memory."""
    rng = np.random.default_rng(4)
    sides = [rng.random((samples, size), np.float32) for size in SIZES.values()]
    most = [rng.random((16384, size), np.float32) for size in SIZES.values()]
    began = time.perf_counter()
    for rows in blocks:
        for side, block in zip(sides, most, strict=True):
            side @ block[:rows].T
    return time.perf_counter() - began


def bandwidth() -> float:
    """Return the bytes a second that one core reads from memory, at best of three."""
    data = np.ones(64 << 20, np.float32)
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        data.max()
        best = max(best, data.nbytes / (time.perf_counter() - began))
    return best


def right(answers: list[list[Alignment]], asked: list[tuple[int, float, Query]]) -> int:
    return sum(
        found[0].film == film and abs(found[0].start - start) <= 0.5
        for found, (film, start, _) in zip(answers, asked, strict=True)
    )


def opened(root: Path) -> ArchiveRows:
    """Return the archive's rows, mapped twice: from the disk and from the system's cache."""
    forget_files(root)
    rows = ArchiveRows(())
    with open_archive(root) as archive:
        loads = []
        for _ in range(2):
            began = time.perf_counter()
            rows = ArchiveRows(())  # gives back the files of the first time
            rows = ArchiveRows.load(archive, TAGS)
            loads.append(time.perf_counter() - began)
        handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are not wanted
    print(
        f"loaded in {loads[0]:.1f} s cold, {loads[1]:.1f} s warm: "
        f"{len(rows.films)} films, {len(rows):,} rows, "
        f"{sum(len(f.shots) for f in rows.films):,} shots, {len(rows.left_out)} films left out, "
        f"{handles:,} files held open"
    )
    return rows


def alignment(root: Path, films: int, count: int, repeat: int) -> None:
    numbers = pool()
    began = time.perf_counter()
    build(root, films, numbers)
    print(f"archive of {films} films written in {time.perf_counter() - began:.0f} s")
    asked = questions(count, films, numbers)
    pairs = np.random.default_rng(5).normal(0, 0.07, 400_000).astype(np.float32)
    levels = Scale.fitted(pairs).levels
    reference = Reference(
        {f"{name}.levels": levels for name in (*SIZES, *KEPT)}, Maker("random", "0" * 64)
    )
    rows = opened(root)
    stages, aligner = Stages(), Aligner(rows, reference, dict.fromkeys(SIZES, 1.0))
    queries = [query for _, _, query in asked]
    sizes = list(sizes_of(rows))
    totals, limits, best = [], [], 0
    stored = len(rows) * sum(SIZES.values()) * 2
    for run in range(repeat + 1):
        if not run:
            forget_files(root)
        stages.taken()
        with MemoryPeak() as memory:
            began = time.perf_counter()
            answers = aligner.align(queries, BEST)
            total = time.perf_counter() - began
        taken = stages.taken()
        taken["the rest"] = total - sum(taken.values())
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in taken.items())
        products = limit(sizes, 4 * count)
        reading = stored / bandwidth()
        best = right(answers, asked)
        print(
            f"{'cold' if not run else 'warm'}: {total:.1f} s = {total / (products + reading):.1f}x "
            f"the limit ({products:.2f} s products + {reading:.2f} s reading); {parts}; "
            f"memory +{memory.own_mb:.0f} MB own, +{memory.mapped_mb:.0f} MB mapped"
        )
        if run:
            totals.append(total)
            limits.append(total / (products + reading))
    print(f"warm, seconds: {spread(totals, 1)}; a query {1000 * np.median(totals) / count:.0f} ms")
    print(f"over the limit: {spread(limits, 1)}; right answer first: {best} of {count}")


def sizes_of(rows: ArchiveRows) -> Iterator[int]:
    """Yield the rows in each block, as `ArchiveRows.blocks` cuts them."""
    size = 0
    for film in rows.films:
        size += len(film.shown)
        if size >= BLOCK:
            yield size
            size = 0
    if size:
        yield size


STRETCHES, SCENE = 150, 6
CHOICES = (
    ("plain", SelectOptions(spread=0.0, returns=0.0, fresh=0.0)),
    ("spread 0.3", SelectOptions(spread=0.3, returns=0.0, fresh=0.0)),
    ("spread 1", SelectOptions(spread=1.0, returns=0.0, fresh=0.0)),
    ("few films 0.5", SelectOptions(spread=0.0, few_films=0.5, returns=0.0, fresh=0.0)),
    ("returns 0.5", SelectOptions(spread=0.0, returns=0.5, fresh=0.0)),
    ("spread 0.3, returns 0.5", SelectOptions(fresh=0.0)),
    ("fresh 0.5", SelectOptions(spread=0.0, returns=0.0)),
    ("spread 0.3, returns 0.5, fresh 0.5", SelectOptions()),
    ("the same, 3 variants", SelectOptions(variants=3)),
)


def choices(hours: int, candidates: int, scenes: bool) -> list[list[Choice]]:
    """Return stretches of 2 s with candidates among `hours` of footage, in shots of 5 s.

    At random; or in scenes of six stretches, of which each prefers some films, the candidates the
    best of twenty times as many: neighbours then want the same footage.
    """
    rng, taste = np.random.default_rng(0), np.random.default_rng(7)
    films, count = hours * 40, candidates * (20 if scenes else 1)
    likes = taste.gumbel(0, 0.6, (STRETCHES // SCENE, films)) if scenes else None
    found = []
    for number in range(STRETCHES):
        film = rng.integers(0, films, count)
        start = rng.uniform(0, SECONDS - 2, count)
        strength = rng.gumbel(2 if scenes else 4, 0.5, count)
        if likes is not None:
            strength += likes[number // SCENE, film]
        best = np.argsort(-strength)[:candidates]
        parts = zip(*(part[best].tolist() for part in (film, start, strength)), strict=True)
        found.append(
            [
                Choice(f, int(s // 5), s, s + 2, v, place=1000 * f + int(s // 15))
                for f, s, v in parts
            ]
        )
    return found


def selection(hours: int, candidates: int, scenes: bool) -> None:
    """Choose for 150 stretches with each option; every other one returns to the same set-up."""
    stretches = choices(hours, candidates, scenes)
    pairs = [(i, i + 2, 1.0) for i in range(STRETCHES - 2) if i // SCENE == (i + 2) // SCENE]
    print(
        f"selection, {STRETCHES} stretches x {candidates} candidates of {hours} h, "
        f"{'in scenes' if scenes else 'at random'}:"
    )
    for name, options in CHOICES:
        began, used = time.perf_counter(), time.process_time()
        made = select(stretches, options, returns=pairs)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        shown = [c[i] for c, i in zip(stretches, made[-1].choices, strict=True)]
        same = sum(a.footage == b.footage for a, b in itertools.pairwise(shown))
        shots = [(c.footage, c.shot) for c in shown]
        print(
            f"  {name}: {seconds:.1f} s, {used:.1f} s of processor; {made[-1].kept:.2%} of the "
            f"strength, gap {max(one.gap for one in made):.2%}; "
            f"{len({c.footage for c in shown})} films, {same} neighbours from one film, "
            f"{sum(shots[i] == shots[j] for i, j, _ in pairs)} of {len(pairs)} returns"
            + (f"; differs in {min(one.differs for one in made):.0%}" if len(made) > 1 else "")
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=4000, help="0: selection only")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    if options.films:
        with tempfile.TemporaryDirectory(prefix="kuleshov-align-") as folder:
            alignment(Path(folder), options.films, options.queries, options.repeat)
    for hours, candidates, scenes in itertools.product((100, 1), (60, 200), (False, True)):
        selection(hours, candidates, scenes)


if __name__ == "__main__":
    main()
