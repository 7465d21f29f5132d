"""How fast a film is laid along 100 hours of archive, beside what the processor can do at all.

    python benchmarks/align.py [--films 4000 (0: selection only)] [--queries 100] [--repeat 3]

The archive: films of 90 s with a cut about every 5 s, rows of the real facets' sizes (256 + 512
numbers, float16), written by `archive.store` into a temporary folder and mapped from there; the
numbers are random, and no two films share a row. The source: shots of 2 s at 8 rows a second, each
cut out of one of the films and disturbed, so that the right answer is known. The limit: the same
products of float32 matrices in the same blocks and nothing else, and the bytes over the memory's
speed. Last, selection: one candidate for each of 150 shots, of 60 or 200, from 100 hours or
one hour of footage.
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
from kuleshov.archive.catalogue import Place
from kuleshov.archive.store import FeatureTag
from kuleshov.features.facet import Reference
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match import align
from kuleshov.match.align import Aligned, Aligner, Query
from kuleshov.match.rows import _BLOCK as BLOCK
from kuleshov.match.rows import ArchiveRows
from kuleshov.match.select import Choice, select
from kuleshov.timecode import FrameRange
from measure import MemoryPeak, machine, spread

SIZES = {"subject": 256, "composition": 512}
SECONDS, RATE, GRID, SOURCE_GRID = 90, 24, 2, 8
POOL = 4096  # random rows that films are made of
BEST = 60  # candidates a shot, as `kuleshov recut` asks for
TAGS = tuple(FeatureTag(name, 1, "random", "0" * 64, GRID) for name in SIZES)
Pool = dict[str, NDArray[np.float32]]


def pool() -> Pool:
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(POOL, size)) for name, size in SIZES.items()}
    return {n: (r / np.linalg.norm(r, axis=1)[:, None]).astype(np.float32) for n, r in rows.items()}


def rows_of(number: int, pool: Pool) -> dict[str, NDArray[np.float32]]:
    """A film's rows: rows of the pool with signs turned as in no other film."""
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
            place, checksum = Place(path, 0, path.stat().st_mtime_ns), f"{number:064x}"[::-1]
            probe = Probe(video, None, float(SECONDS))
            archive.catalogue.add(
                checksum, frames, Fraction(SECONDS), probe, shots_of(number), place
            )


def questions(count: int, films: int, pool: Pool) -> list[tuple[int, float, Query]]:
    """Film, in-point and query of each source shot."""
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
        found.append((number, start, Query(2.0, offset, rows)))
    return found


class Stages:
    """Adds up the time spent in the parts of alignment, by putting a clock around each."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._clocked(ArchiveRows, "_block", "read rows, to float32")
        self._clocked(Aligner, "_strengths", "products, weighting")
        self._clocked(align, "_hits", "best in-points")
        self._clocked(Aligner, "_refined", "refining")

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
        """Seconds of each part since this was last asked."""
        seconds, self.seconds = dict(self.seconds), defaultdict(float)
        return seconds


def forget_files(root: Path) -> None:
    """Ask the system to drop the files from its cache, so that they are read from the disk."""
    os.sync()
    for path in root.rglob("*.safetensors"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limit(blocks: Sequence[int], samples: int) -> float:
    """Seconds that the matrix products of the same sizes take, operands ready in memory."""
    rng = np.random.default_rng(4)
    sides = [rng.random((samples, size), np.float32) for size in SIZES.values()]
    most = [rng.random((16384, size), np.float32) for size in SIZES.values()]
    began = time.perf_counter()
    for rows in blocks:
        for side, block in zip(sides, most, strict=True):
            side @ block[:rows].T
    return time.perf_counter() - began


def bandwidth() -> float:
    """Bytes a second that one core reads from memory, at best of three."""
    data = np.ones(64 << 20, np.float32)
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        data.max()
        best = max(best, data.nbytes / (time.perf_counter() - began))
    return best


def right(answers: list[list[Aligned]], asked: list[tuple[int, float, Query]]) -> int:
    return sum(
        found[0].film == film and abs(found[0].start - start) <= 0.5
        for found, (film, start, _) in zip(answers, asked, strict=True)
    )


def opened(root: Path) -> ArchiveRows:
    """The archive's rows, mapped twice: from the disk and from the system's cache."""
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
    levels = np.linspace(-0.2, 0.2, 401, dtype=np.float32)
    reference = Reference({f"{name}.quantiles": levels for name in SIZES}, "random")
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
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.taken().items())
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
    """Rows in each block, as `ArchiveRows.blocks` cuts them."""
    size = 0
    for film in rows.films:
        size += len(film.shown)
        if size >= BLOCK:
            yield size
            size = 0
    if size:
        yield size


def selection(hours: int, candidates: int) -> None:
    """150 shots of 2 s, for each some candidates among `hours` of footage, at random."""
    rng = np.random.default_rng(0)
    shots = []
    for _ in range(150):
        film = rng.integers(0, hours * 40, candidates)
        start = rng.uniform(0, SECONDS - 2, candidates)
        strength = np.sort(rng.gumbel(4, 0.5, candidates))[::-1]
        parts = zip(film.tolist(), start.tolist(), strength.tolist(), strict=True)
        shots.append([Choice(f, s, s + 2, v) for f, s, v in parts])
    began, used = time.perf_counter(), time.process_time()
    chosen = select(shots)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    got = sum(choices[i].strength for choices, i in zip(shots, chosen, strict=True))
    print(
        f"selection, 150 shots x {candidates} candidates of {hours} h: {seconds:.1f} s, "
        f"{used:.1f} s of processor; {got / sum(c[0].strength for c in shots):.2%} of the "
        "strength that the first candidates have"
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
    for hours, candidates in ((100, 60), (100, 200), (1, 60), (1, 200)):
        selection(hours, candidates)


if __name__ == "__main__":
    main()
