"""Measure what it brings to index several films at once.

    python benchmarks/at_once.py --footage DIR [--jobs 1 2 4] [--repeat 3]

The films of DIR are indexed into new archives by `kuleshov index --jobs N`, each N in turn and over
again, so that whatever else the machine does touches all alike. By the clock; how busy the
processors were that the machine has; processor time; and the peak of memory, of all processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kuleshov.media.guard import cores
from measure import children, cpu_seconds, machine, spread

_LOOK = 0.25  # s between two looks at memory


@dataclass(frozen=True)
class Run:
    """One run: seconds by the clock and of processors, and the peak of memory in MB."""

    clock: float
    processor: float
    memory: float


def indexed(footage: Path, jobs: int) -> Run:
    """Index the films in a process of its own, and return what that took."""
    with tempfile.TemporaryDirectory(prefix="kuleshov-at-once-") as folder:
        command = [sys.executable, "-m", "kuleshov", "index", str(footage)]
        began, before, most = time.perf_counter(), cpu_seconds(), 0.0
        process = subprocess.Popen(
            [*command, "--archive", folder, "--jobs", str(jobs), "--json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            most = max(most, sum(map(_resident, [process.pid, *_below(process.pid)])))
            time.sleep(_LOOK)
        assert process.returncode == 0, "nothing was indexed"
        return Run(time.perf_counter() - began, cpu_seconds() - before, most)


def _below(process: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    found = []
    for child in children(process):
        found += [child, *_below(child)]
    return found


def _resident(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path, required=True)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    runs: dict[int, list[Run]] = {jobs: [] for jobs in options.jobs}
    for _ in range(options.repeat):
        for jobs in options.jobs:
            runs[jobs].append(indexed(options.footage, jobs))
    processors = cores()
    alone = statistics.median(run.clock for run in runs[options.jobs[0]])
    for jobs, made in runs.items():
        clock = [run.clock for run in made]
        busy = statistics.median(run.processor / run.clock for run in made) / processors
        print(
            f"{jobs} at once: {spread(clock)} s by the clock "
            f"({alone / statistics.median(clock):.2f} times as fast), {busy:.0%} of {processors} "
            f"processors busy with it, {spread([run.processor for run in made])} s of processor, "
            f"{max(run.memory for run in made):.0f} MB"
        )


if __name__ == "__main__":
    main()
