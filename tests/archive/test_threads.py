"""One open archive and many threads, and other processes that write to it."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes import Inline, Log, film_of_shots, quick_analyst
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.archive.reader import RowsReader
from kuleshov.media.sampling import FrameBatch, ReadEnd, ReadRequest
from kuleshov.media.worker import Worker

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    for number in range(4):
        film_of_shots(made / f"{number}.mp4", (40 + 9 * number, 200), frames=6)
    return made


@pytest.fixture
def root(tmp_path: Path, folder: Path) -> Path:
    made = tmp_path / "archive"
    with quick_analyst() as analyst, write_archive(made) as archive:
        ingest(archive, [folder], analyst, Log())
    return made


def test_an_open_archive_is_asked_by_many_threads(root):
    with open_archive(root) as archive, ThreadPoolExecutor(8) as threads:
        ready = threading.Barrier(8)

        def ask(_: int) -> list[int]:
            ready.wait(30)
            return [
                len(archive.catalogue.shots(film.id))
                for _ in range(20)
                for film in archive.catalogue.all()
            ]

        answers = list(threads.map(ask, range(8)))
    assert answers == [[2] * 80] * 8


def test_an_archive_is_written_by_many_threads(root):
    with write_archive(root) as archive, ThreadPoolExecutor(8) as threads:
        films = archive.catalogue.all()

        def put(number: int) -> None:
            bins = archive.catalogue.bin_table
            bins.add(f"bin {number}", films[number % 4].checksum, [number % 2])

        list(threads.map(put, range(24)))
        held = archive.catalogue.bins()
    assert len(held) == 24
    assert all(len(shots) == 1 for shots in held.values())


def test_a_snapshot_does_not_see_what_is_committed_meanwhile(root):
    with open_archive(root) as archive:
        with archive.catalogue.snapshot():
            before = archive.catalogue.bins()
            with ThreadPoolExecutor(1) as other:
                other.submit(add_bin, root, "new").result()
            assert archive.catalogue.bins() == before == {}
        assert set(archive.catalogue.bins()) == {"new"}


def test_rows_are_loaded_again_after_a_commit_only(root, folder):
    with quick_analyst() as analyst, open_archive(root) as archive:
        reader = RowsReader(archive)
        first = reader.rows(analyst.rows)
        assert reader.rows(list(analyst.rows)) is first
        assert len(reader.rows(analyst.rows[:1]).films) == 4
        film_of_shots(folder / "9.mp4", (90, 20), frames=6)
        in_another_process(root, folder)
        second = reader.rows(analyst.rows)
        assert [len(rows.films) for rows in (first, second)] == [4, 5]
        assert reader.rows(analyst.rows) is second
        # A commit of this process is one, too.
        add_bin(root, "here")
        assert reader.rows(analyst.rows) is not second


def test_threads_that_need_rows_at_once_get_the_same(root):
    with quick_analyst() as analyst, open_archive(root) as archive:
        reader = RowsReader(archive)
        with ThreadPoolExecutor(6) as threads:
            rows = list(threads.map(lambda _: reader.rows(analyst.rows), range(12)))
    assert len({id(one) for one in rows}) == 1


def test_threads_take_turns_with_one_worker(folder):
    paths = sorted(folder.glob("*.mp4"))
    with Worker() as worker, ThreadPoolExecutor(4) as threads:

        def read(path: Path) -> tuple[list[str], str]:
            heard = [type(m).__name__ for m in worker.read(ReadRequest(path, picture=32))]
            return heard, worker.checksum(path)

        answers = list(threads.map(read, paths * 3))
    for path, (heard, checksum) in zip(paths * 3, answers, strict=True):
        assert heard[0] == "Probe"
        assert heard.count(ReadEnd.__name__) == 1
        assert FrameBatch.__name__ in heard
        assert checksum == Inline().checksum(path)


def test_a_thread_that_reads_two_films_at_once_is_told(folder):
    one, other, *_ = sorted(folder.glob("*.mp4"))
    with Worker() as worker:
        reading = worker.read(ReadRequest(one))
        next(reading)
        with pytest.raises(RuntimeError, match="still reads"):
            worker.checksum(other)
        reading.close()
        assert worker.checksum(other)


def add_bin(root: Path, name: str) -> None:
    with write_archive(root) as archive:
        film = archive.catalogue.all()[0]
        archive.catalogue.bin_table.add(name, film.checksum, [0])


def in_another_process(root: Path, folder: Path) -> None:
    said = (
        "from fakes import *; from kuleshov.archive.archive import *; "
        "from kuleshov.archive.ingest import ingest; from pathlib import Path; import sys\n"
        "with quick_analyst() as analyst, write_archive(Path(sys.argv[1])) as archive:\n"
        "    ingest(archive, [Path(sys.argv[2])], analyst, Log())\n"
    )
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{said}", root, folder],
        check=True,
    )
