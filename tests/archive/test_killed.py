"""Indexing may be killed at any moment: run again, it ends as if nothing had happened.

A process of its own (this file, run as a script) indexes eight small films and is killed: by
itself just before or after a step that reaches the disk, or by us after some time. A second run
then finishes the work.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fakes import Log, film_of_shots, quick_analyst
from kuleshov.archive import connections, packing
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.catalogue import Catalogue
from kuleshov.archive.ingest import ingest
from kuleshov.archive.rows import ArchiveRows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL there"),
]

FILMS = 8
BY_ITSELF, BY_US = 9, 6
"""How often it is killed: at a step that it counts, and after a time that we measure."""


def main(root: str, films: str, fatal: str) -> None:
    """Index, and die at the step `fatal`; print the number of steps at the end.

    `fatal` is `KIND N`: the N-th step of that kind, where `step` means of any.
    """
    packing.LEAST = FILMS // 2
    taken = count_steps(fatal)
    print("ready", flush=True)
    with quick_analyst() as analyst, write_archive(Path(root)) as archive:
        ingest(archive, [Path(films)], analyst, Log())
    print(taken["step"], flush=True)


def count_steps(fatal: str) -> Counter[str]:
    """Make a step of all that reaches the disk: before and after it, and just before a commit."""
    taken: Counter[str] = Counter()
    inside: list[str] = []

    def step(kind: str) -> None:
        taken["step"] += 1
        taken[kind] += 1
        if fatal in (f"step {taken['step']}", f"{kind} {taken[kind]}"):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def stepping(*args: Any, **how: Any) -> Any:
            step(f"before {name}")
            inside.append(name)
            result = function(*args, **how)
            inside.pop()
            step(f"after {name}")
            return result

        setattr(owner, name, stepping)

    opened = connections.connected

    def traced(uri: str, *, read_only: bool) -> sqlite3.Connection:
        made = opened(uri, read_only=read_only)
        # Heard just before the statement is carried out.
        made.set_trace_callback(
            lambda said: step(f"commit of {inside[-1]}") if said == "COMMIT" and inside else None
        )
        return made

    connections.connected = traced
    around(os, "fsync")
    around(Path, "replace")
    around(packing, "write_pack")
    for name in ("add", "seen", "mark_missing", "forget_unplaced"):
        around(Catalogue, name)
    return taken


def start(root: Path, films: Path, fatal: str = "none") -> subprocess.Popen[str]:
    here = Path(__file__)
    path = os.pathsep.join([str(here.parent.parent), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, str(here), str(root), str(films), fatal],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(root: Path, films: Path) -> dict[str, str]:
    log = Log()
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [films], analyst, log)
    return log.outcomes


def files(root: Path) -> dict[str, bytes | None]:
    """Everything below `footage`, folders included."""
    below = root / "footage"
    return {
        path.relative_to(below).as_posix(): path.read_bytes() if path.is_file() else None
        for path in below.rglob("*")
    }


def tables(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the catalogue, table by table, once SQLite finds the file sound."""
    database = sqlite3.connect(root / "catalogue.sqlite")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall()) for (name,) in names
        }
    finally:
        database.close()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for number in range(FILMS):
        levels = [40 + 7 * number, 200 - 5 * number, 110 + number][: 1 + number % 3]
        film_of_shots(folder / f"{number}.mp4", levels, frames=8)
    return folder


@pytest.fixture(scope="module")
def whole(films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, float]:
    """An archive made without a break; how many steps that took, and how many seconds."""
    root = tmp_path_factory.mktemp("whole")
    process = start(root, films)
    began = time.monotonic()
    said, _ = process.communicate(timeout=60)
    seconds = time.monotonic() - began
    assert process.returncode == 0
    assert len(tables(root)["footage"]) == FILMS
    return root, int(said), seconds


def test_killed_at_its_steps(films, whole, tmp_path):
    expected, taken, _ = whole
    assert taken > 100
    shares = random.Random(2).sample(range(taken * 10), BY_ITSELF)
    for share in [share // 10 + 1 for share in shares]:
        root = tmp_path / str(share)
        process = start(root, films, f"step {share}")
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        check(root, films, expected, f"step {share} of {taken}")


def test_killed_at_any_time(films, whole, tmp_path):
    expected, _, seconds = whole
    chance = random.Random(3)
    killed = 0
    for number in range(BY_US):
        root = tmp_path / str(number)
        process = start(root, films)
        wait = seconds * (number + chance.random()) / BY_US
        time.sleep(wait)
        process.kill()
        process.communicate(timeout=60)
        killed += process.returncode == -signal.SIGKILL
        check(root, films, expected, f"{wait:.3f} s of {seconds:.3f} s")
    assert killed, "the process was always faster than its murderer"


def test_killed_around_a_commit(films, whole, tmp_path):
    """Again and again in one archive: each run dies just before, or just after, its commits."""
    root = tmp_path / "archive"
    for fatal, known in (
        ("commit of add 1", 0),
        ("after add 1", 1),
        ("commit of add 2", 2),
        ("commit of add 1", 2),
        ("after add 3", 5),
    ):
        process = start(root, films, fatal)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert len(tables(root)["footage"]) == known
    check(root, films, whole[0], "commits")


def test_killed_while_rows_are_packed(films, tmp_path, monkeypatch):
    """Again and again: what was packed stays, what was begun is tidied away."""
    monkeypatch.setattr(packing, "LEAST", FILMS // 2)
    root = tmp_path / "archive"
    for fatal, packed in (("before write_pack 1", 0), ("after write_pack 2", 2)):
        process = start(root, films, fatal)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert len(list((root / "packs").glob("*.pack"))) == packed
    (root / "packs" / ".begun.1.part").touch()
    assert set(finish(root, films).values()) == {"known"}
    assert len(list((root / "packs").iterdir())) == 5  # frames, two kinds of rows, shots, sketches
    with quick_analyst() as analyst, open_archive(root) as archive:
        found = [ArchiveRows.load(archive, analyst.rows)]
        shutil.rmtree(root / "packs")
        found.append(ArchiveRows.load(archive, analyst.rows))
        for one, other in zip(*(rows.films for rows in found), strict=True):
            assert tuple(one.shots) == tuple(other.shots)
            assert one.rows["mood"].tobytes() == other.rows["mood"].tobytes()


def check(root: Path, films: Path, expected: Path, when: str) -> None:
    outcomes = finish(root, films)
    assert set(outcomes.values()) <= {"added", "known"}, when
    assert tables(root) == tables(expected), when
    assert files(root) == files(expected), when


if __name__ == "__main__":
    main(*sys.argv[1:])
