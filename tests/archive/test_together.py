"""One archive and several processes: while one indexes the others read and write.

A process of its own (this file, run as a script) indexes a folder, and waits in the midst of its
second film until it is told to go on.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fakes import Log, MeanEncoder, film_of_shots, quick_analyst
from kuleshov.archive.archive import make_archive, open_archive, write_archive
from kuleshov.archive.ingest import ingest, plan
from kuleshov.archive.reader import RowsReader
from kuleshov.archive.staging import Staging, sweep
from kuleshov.archive.tasks import Staged, Task, analyse, commit, decided, identified
from kuleshov.errors import ArchiveBusy, Stopped
from kuleshov.features.encoder import Encoded
from kuleshov.footage import Slate
from kuleshov.jobs import Job
from kuleshov.notes import Note

pytestmark = pytest.mark.slow

PATIENCE = 60  # s


class Waiting(MeanEncoder):
    """An encoder that stops in the midst of the second film that it sees."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self._calls = folder, 0

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        self._calls += 1
        if self._calls == 2:
            (self._folder / "waits").touch()
            wait_for(self._folder / "go")
        return super().__call__(images)


def main(root: str, films: str, signs: str) -> None:
    make_archive(Path(root))
    with quick_analyst(encoder=Waiting(Path(signs))) as analyst, open_archive(Path(root)) as opened:
        ingest(opened, [Path(films)], analyst)


def wait_for(sign: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not sign.exists():
        assert time.monotonic() < until, f"{sign.name} did not come"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    for number in range(3):
        film_of_shots(made / f"{number}.mp4", (40 + 9 * number, 200), frames=6)
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@contextmanager
def half_way(root: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has committed one film and looks at the second; it ends with the block."""
    here, signs = Path(__file__), root.parent
    path = os.pathsep.join([str(here.parent.parent), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, str(here), str(root), str(folder), str(signs)],
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        wait_for(signs / "waits")
        yield process
        (signs / "go").touch()
        assert process.wait(PATIENCE) in (0, -signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


def test_bins_slates_and_tags_are_written_while_another_indexes(root, folder):
    with half_way(root, folder):
        with write_archive(root, wait=False) as archive:
            [film] = archive.catalogue.all()
            archive.catalogue.bin_table.add("good", film.checksum, [1])
            archive.catalogue.enter_slates({film.checksum: Slate("A title", "", "", "")})
            archive.catalogue.tag_table.write(film.id, {})
        with open_archive(root) as archive:
            assert archive.catalogue.bins() == {"good": {(film.checksum, 1)}}
    with open_archive(root) as archive:
        films = archive.catalogue.all()
        assert [film.path.name for film in films] == ["0.mp4", "1.mp4", "2.mp4"]
        assert films[0].slate.title == "A title"
        assert archive.catalogue.bins() == {"good": {(film.checksum, 1)}}
        assert archive.catalogue.tags(films[1].id)
    assert not list((root / "staging").iterdir())


def test_what_another_process_stages_is_not_tidied_away(root, folder):
    with half_way(root, folder):
        [staged] = [path for path in (root / "staging").iterdir() if path.is_dir()]
        (staged / "of-the-film").touch()
        for _ in range(2):
            with write_archive(root, wait=False):
                assert (staged / "of-the-film").exists()
        sweep(root)
        assert (staged / "of-the-film").exists()


def test_what_a_killed_process_staged_is_tidied_away(root, folder):
    with half_way(root, folder) as process:
        [staged] = [path for path in (root / "staging").iterdir() if path.is_dir()]
        (staged / "of-the-film").touch()
        process.kill()
        process.wait()
        with write_archive(root, wait=False) as archive:
            assert not staged.exists()
            assert len(archive.catalogue.all()) == 1


def test_footage_that_has_no_place_for_a_moment_is_kept_while_another_indexes(root, folder):
    """As that of two films that have changed names, when the first of them is found again."""
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [folder / "0.mp4"], analyst)
    with open_archive(root) as archive:
        with archive.indexing():
            with archive.writing() as writing, writing.catalogue._transaction() as db:
                db.execute("DELETE FROM place")
            with write_archive(root) as other:
                assert len(other.catalogue.checksums()) == 1
        with write_archive(root) as other:
            assert not other.catalogue.checksums()


def test_a_second_index_waits_and_says_so(root, folder):
    said: list[Note] = []

    class Listener:
        def began(self, step: object) -> None: ...
        def moved(self, step: object) -> None: ...
        def ended(self, step: object) -> None: ...
        def noted(self, note: Note) -> None:
            said.append(note)
            (root.parent / "go").touch()

    with half_way(root, folder), open_archive(root) as archive:
        with pytest.raises(ArchiveBusy), archive.indexing(wait=False):
            pass
        with quick_analyst() as analyst:
            summary = ingest(archive, [folder], analyst, Job(Listener()))
    assert [note.code for note in said] == ["archive-waiting"]
    assert len(summary.known) == 3


def test_rows_are_read_all_the_time_that_another_indexes(root, folder):
    with half_way(root, folder) as process, open_archive(root) as archive:
        reader, over = RowsReader(archive), threading.Event()
        with quick_analyst() as analyst:
            specs = analyst.rows

        def read() -> list[int]:
            counts = [1]
            while not over.is_set():
                rows = reader.rows(specs)
                assert not rows.left_out
                for film in rows.films:
                    assert len(film.rows["mood"]) == len(film.shown)
                    assert len(film.shots) == 2
                counts.append(len(rows.films))
            return counts

        with ThreadPoolExecutor(2) as threads:
            reading = [threads.submit(read) for _ in range(2)]
            (root.parent / "go").touch()
            process.wait(PATIENCE)
            assert len(reader.rows(specs).films) == 3  # at once after the commit
            over.set()
            for one in reading:
                assert one.result() == sorted(one.result())


def test_films_are_analysed_elsewhere_and_committed_here(root, folder):
    make_archive(root)
    with quick_analyst() as analyst, open_archive(root) as archive, archive.indexing() as staging:
        planned = plan(archive, [folder], analyst.groups)
        assert [task.path.name for task in planned.tasks] == ["0.mp4", "1.mp4", "2.mp4"]
        sent = pickle.dumps([identified(task, analyst.worker) for task in planned.tasks])
        looked = _elsewhere(sent, staging.path)
        assert not archive.catalogue.all()
        outcomes = [commit(archive, staged) for staged in looked]
        assert outcomes == ["added"] * 3
        again: list[Task] = [decided(archive, one.task) for one in looked]
        assert [task.outcome for task in again] == ["known"] * 3
    with open_archive(root) as archive:
        rows = RowsReader(archive).rows(analyst.rows)
        assert not rows.left_out
        assert all(archive.catalogue.tags(film.footage.id) for film in rows.films)
    with quick_analyst() as analyst, write_archive(root) as archive:
        log = Log()
        ingest(archive, [folder], analyst, log)
    assert set(log.outcomes.values()) == {"known"}


def _elsewhere(tasks: bytes, path: Path) -> list[Staged]:
    """Have tasks done by another process, in the folder of this one."""
    said = (
        "import pickle, sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from fakes import quick_analyst\n"
        "from kuleshov.archive.staging import Staging\n"
        "from kuleshov.archive.tasks import analyse\n"
        "tasks, path = pickle.load(sys.stdin.buffer)\n"
        "with quick_analyst() as analyst:\n"
        "    staging = Staging.at(path)\n"
        "    done = [analyse(task, analyst, staging) for task in tasks]\n"
        "pickle.dump(done, sys.stdout.buffer)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", said],
        input=pickle.dumps((pickle.loads(tasks), path)),
        capture_output=True,
        check=True,
    )
    return pickle.loads(answer.stdout)


class Hasty(Log):
    """A job that is stopped as soon as frames are read."""

    def progress(self, frames: float) -> None:
        self.stop()


def test_a_film_that_is_given_up_leaves_nothing_staged(root, folder):
    make_archive(root)
    with quick_analyst() as analyst, open_archive(root) as archive, archive.indexing() as staging:
        planned = plan(archive, [folder / "0.mp4"], analyst.groups)
        task = identified(planned.tasks[0], analyst.worker)
        job = Hasty()
        with pytest.raises(Stopped):
            analyse(task, analyst, staging, job)
        assert not list(staging.path.rglob("*.*"))
    assert not staging.path.exists()


def test_a_staging_folder_is_swept_only_where_nobody_holds_it(root):
    make_archive(root)
    with Staging(root) as mine, write_archive(root):
        assert mine.path.is_dir()
    foreign = root / "staging" / "another-1-aa"
    foreign.mkdir()
    with write_archive(root):
        assert foreign.is_dir()  # its lock may not be seen from here
    os.utime(foreign, (0, 0))
    with write_archive(root):
        assert not foreign.exists()


if __name__ == "__main__":
    main(*sys.argv[1:])
