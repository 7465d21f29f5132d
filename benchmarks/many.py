"""Measure what a cluster of processes takes to look through an archive, beside one process.

    python benchmarks/many.py --archive REAL [--films 760] [--queries 40] [--processes 2] [--keep F]

The archive is the mixed one of `sketches.py`, which says how it is made. Asked are stretches of 2 s
of the real archive. It fails where the answers are not the same to the last bit. Processes of the
cluster work on one core each; what they use of the processor and of memory is theirs alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kuleshov.archive.archive import open_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.specs import bundled_reference
from kuleshov.jobs import QUIET
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.align.shards import Shards, here
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.ray.cluster import Cluster
from kuleshov.ray.shard_actor import ShardActor
from measure import machine
from sketches import SPECS, build, questions, real_shots


class Measured(ShardActor):
    """An actor that says what it has used."""

    def used(self) -> tuple[float, int, int]:
        """Return seconds of the processor, memory of its own and mapped, in bytes."""
        parts = Path("/proc/self/statm").read_text().split()
        page = resource.getpagesize()
        resident, shared = int(parts[1]) * page, int(parts[2]) * page
        return time.process_time(), resident - shared, shared


@dataclass(frozen=True)
class Run:
    """What was found, and the seconds of the clock and of the processor that it took here."""

    answers: list[list[Alignment]]
    clock: float
    processor: float


def run(rows: ArchiveRows, shards: Shards, asked: list[Query], *, exact: bool) -> Run:
    options = AlignOptions(1.25, 1.0, exact)
    aligner = Aligner(rows, bundled_reference(), DEFAULT_WEIGHTS, options, whole=(rows, shards))
    used, began = time.process_time(), time.perf_counter()
    answers = aligner.align(asked, 60)
    return Run(answers, time.perf_counter() - began, time.process_time() - used)


def report(root: Path, asked: list[Query], processes: int) -> None:
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, SPECS)
    hours = len(rows) / 7200
    load = os.getloadavg()[0]
    print(f"{machine()}; load {load:.1f}")
    print(
        f"{len(rows):,} rows ({hours:.1f} hours), {len(rows.runs) - 1} runs, {len(asked)} stretches"
    )
    for kind in ("sketches", "segments"):
        bytes_ = sum(p.stat().st_size for p in (root / "packs").glob(f"*{kind}*"))
        print(f"{kind}: {bytes_ / hours / 1e6:.2f} MB an hour")
    alone = {}
    for name, exact in (("first", False), ("again", False), ("exact", True)):
        one = alone[name] = run(rows, here(rows), asked, exact=exact)
        print(f"alone, {name}: clock {one.clock:.1f}, processor {one.processor:.1f}", flush=True)
    with (
        Cluster.joined("local") as joined,
        Cluster(joined._ray, holder=Measured).sharing(root, at_once=processes) as sharing,
    ):
        shards = sharing(rows, SPECS, QUIET)
        assert shards is not None, "the archive is too small to be divided: give more --films"
        before = 0.0
        for name, exact in (("first", False), ("again", False), ("exact", True)):
            found = run(rows, shards, asked, exact=exact)
            assert found.answers == alone[name].answers, "other answers than alone"
            used = joined._ray.get([actor.used.remote() for actor in sharing._holders._live])
            there = sum(each[0] for each in used) - before
            before += there
            own, mapped = (max(each[n] for each in used) / 1e6 for n in (1, 2))
            print(
                f"{len(used)} processes, {name}: clock {found.clock:.1f}, processor {there:.1f} "
                f"there, {found.processor:.1f} here; {len(shards.edges) - 1} shards; memory of a "
                f"process {own:.0f} MB own, {mapped:.0f} MB mapped; the same answers",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="a real one, of any size")
    parser.add_argument("--films", type=int, default=760)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where the mixed archive is made, or lies")
    given = parser.parse_args()
    real = real_shots(given.archive)
    with tempfile.TemporaryDirectory(prefix="kuleshov-many-") as folder:
        root = given.keep or Path(folder) / "archive"
        if not root.exists():
            build(root, real, given.films)
        os.environ.setdefault("PYTHONPATH", str(Path(__file__).parent))
        report(root, questions(real, given.queries), given.processes)


if __name__ == "__main__":
    main()
