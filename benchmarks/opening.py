"""How long it takes to open an archive of 4,000 films: film by film, and packed.

    python benchmarks/opening.py [--films 4000] [--repeat 5] [--keep FOLDER]

The archive is made up (`made_up`), in a temporary folder, or in `--keep`, where it is used again.
Opened is what every verb opens first:
the rows of all footage that is there, with what of it may be offered. Both are measured warm, in
turns, in new processes; the ratio is that of the medians. Then the pooled rows of all shots, by
which grids and clusters know places.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kuleshov.archive.archive import open_archive
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.reader import RowsReader
from kuleshov.features.specs import bundled_rows
from kuleshov.match.likeness.places import members, pooled
from made_up import SECONDS, build
from measure import machine


def opened(root: Path) -> tuple[float, float, int, int]:
    """Seconds to open and to pool, films, shots; of this process."""
    specs = bundled_rows()
    began = time.perf_counter()
    with open_archive(root) as archive:
        rows = RowsReader(archive).rows(specs)
        films, shots = len(rows.films), sum(len(film.shots) for film in rows.films)
        seconds = time.perf_counter() - began
        assert not rows.left_out
        shown = members(rows)
        began = time.perf_counter()
        pooled(shown, ["composition", "print"])
        return seconds, time.perf_counter() - began, films, shots


def measured(root: Path) -> tuple[float, float, int, int]:
    """The same of a new process."""
    said = subprocess.run(
        [sys.executable, __file__, "--open", str(root)], capture_output=True, check=True, text=True
    )
    opening, pooling, films, shots = said.stdout.split()
    return float(opening), float(pooling), int(films), int(shots)


def pack(root: Path) -> float:
    """Pack an archive, and return the seconds that it took."""
    began = time.perf_counter()
    with open_archive(root) as archive, archive.indexing():
        pack_archive(archive, [bundled_rows()])
    return time.perf_counter() - began


def size(folder: Path, ending: str) -> float:
    """The MB of the files below a folder whose names end so."""
    return sum(path.stat().st_size for path in folder.rglob(f"*{ending}")) / 1e6


def report(root: Path, repeat: int) -> None:
    packs, aside = root / "packs", root / "packs-aside"
    if aside.exists():
        aside.rename(packs)
    if not packs.exists():
        print(f"packed in {pack(root):.0f} s")
    singly: list[tuple[float, float]] = []
    packed: list[tuple[float, float]] = []
    for turn in range(repeat + 1):  # the first of each only warms
        packs.rename(aside)
        one = measured(root)
        aside.rename(packs)
        other = measured(root)
        assert one[2:] == other[2:]
        if turn:
            singly.append(one[:2])
            packed.append(other[:2])
    hours = one[2] * SECONDS / 3600
    rows, copies = size(root / "footage", ".safetensors"), size(packs, ".pack")
    print(f"{machine()}\n{one[2]} films, {one[3]} shots, {hours:.0f} hours")
    print(f"{rows / hours:.0f} MB an hour in files of their own, {copies / hours:.0f} in packs")
    for what, n in (("opening", 0), ("pooling", 1)):
        slow, fast = (statistics.median(turn[n] for turn in part) for part in (singly, packed))
        print(f"{what}: film by film {slow:.2f} s, packed {fast:.2f} s, {slow / fast:.1f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where the archive is made, or lies")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.open is not None:
        print(*opened(given.open))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = given.keep or Path(folder) / "archive"
        if not root.exists():
            build(root, given.films)
        report(root, given.repeat)


if __name__ == "__main__":
    main()
