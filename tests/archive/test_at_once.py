"""Several films are indexed at once: the archive is the same, and so is what happens on the way."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fakes import Log, MeanEncoder, film_of_shots, quick_analyst
from kuleshov.archive.archive import make_archive, open_archive
from kuleshov.archive.ingest import IngestSummary, ingest
from kuleshov.errors import Stopped
from kuleshov.features.encoder import Encoded
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.media.worker import ReadLimits
from told import threads_at_work

pytestmark = pytest.mark.slow

PATIENCE = 60  # s


class Meeting(MeanEncoder):
    """An encoder that goes on only once two threads have come to it."""

    def __init__(self) -> None:
        super().__init__()
        self._met = threading.Barrier(2)
        self._came: set[int] = set()

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        if threading.get_ident() not in self._came:
            self._came.add(threading.get_ident())
            self._met.wait(PATIENCE)
        return super().__call__(images)


class Doing(MeanEncoder):
    """An encoder that does something at its so-many-th call, of whichever thread."""

    def __init__(self, at: int, what: Callable[[], Any]) -> None:
        super().__init__()
        self._left, self._what = at, what
        self._lock = threading.Lock()

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        with self._lock:
            self._left -= 1
            now = self._left == 0
        if now:
            self._what()
        return super().__call__(images)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six films, a copy of one, one that is no film inside, and one that is cut short."""
    made = tmp_path / "films"
    made.mkdir()
    for number in range(6):
        levels = (40 + 25 * number, 210 - 30 * number, 90)[: 1 + number % 3]
        film_of_shots(made / f"{number}.mp4", levels)
    shutil.copy2(made / "4.mp4", made / "0 copy of 4.mp4")
    (made / "bad.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 400)
    (made / "cut.mp4").write_bytes((made / "3.mp4").read_bytes()[:300])
    return made


def indexed(
    root: Path, folder: Path, at_once: int, encoder: MeanEncoder | None = None, job: Job = QUIET
) -> IngestSummary:
    make_archive(root)
    with quick_analyst(encoder=encoder) as analyst, open_archive(root) as archive:
        return ingest(archive, [folder], analyst, job, at_once=at_once)


def known(root: Path) -> dict[str, Any]:
    """All that an archive knows, but for the numbers of its footage, and times."""
    with open_archive(root) as archive:
        every = {
            footage.checksum: (
                sorted(location.path for location in footage.locations),
                (footage.frames, footage.duration, footage.probe),
                archive.catalogue.shots(footage.id),
                archive.catalogue.tags(footage.id),
            )
            for footage in archive.catalogue.all(with_missing=True)
        }
    files = (root / "footage").rglob("*.*")
    rows = {p.relative_to(root): p.read_bytes() for p in files if p.is_file()}
    return {"footage": every, "files": rows}


@pytest.mark.parametrize("at_once", [2, 3, 50])
def test_the_archive_is_the_same(folder, tmp_path, at_once):
    log, together = Log(), Log()
    alone = indexed(tmp_path / "alone", folder, 1, job=log)
    several = indexed(tmp_path / "several", folder, at_once, job=together)
    assert several == alone
    assert together.outcomes == log.outcomes
    assert len(alone.added) == 6
    assert [path.name for path in alone.copies] == ["4.mp4"]
    assert [failure.path.name for failure in alone.failed] == ["bad.mp4", "cut.mp4"]
    assert known(tmp_path / "several") == known(tmp_path / "alone")
    again = indexed(tmp_path / "several", folder, at_once)
    assert len(again.known) == 7
    assert not again.added


def test_two_films_are_looked_at_at_once(folder, tmp_path):
    assert len(indexed(tmp_path / "archive", folder, 2, Meeting()).added) == 6


def test_each_has_a_process_that_decodes_and_they_end(folder, tmp_path):
    before = threads_at_work()
    root = tmp_path / "archive"
    make_archive(root)
    with quick_analyst(ReadLimits(), Meeting()) as analyst, open_archive(root) as archive:
        first = analyst.worker
        assert len(ingest(archive, [folder], analyst, at_once=2).added) == 6
        assert analyst.worker is first
        assert not ingest(archive, [folder], analyst, at_once=2).added  # and may be used again
    assert threads_at_work() == before


def test_of_copies_the_first_is_looked_at_and_no_other(folder, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    for number in range(5):
        shutil.copy2(folder / "5.mp4", copies / f"{number}.mp4")
    looked: list[str] = []

    class Looks(Log):
        def began(self, step: Step) -> None:
            super().began(step)
            if step.what.startswith("looking at"):
                looked.append(step.what)

    summary = indexed(tmp_path / "archive", copies, 4, job=Looks())
    assert looked == ["looking at 0.mp4"]
    assert [path.name for path in summary.added] == ["0.mp4"]
    assert len(summary.copies) == 4


@pytest.mark.parametrize("at", [1, 3, 6])
def test_it_may_be_stopped_and_goes_on_later(folder, tmp_path, at):
    root, job, before = tmp_path / "archive", Job(), threads_at_work()
    with pytest.raises(Stopped):
        indexed(root, folder, 3, Doing(at, job.stop), job)
    assert threads_at_work() == before
    assert not list((root / "staging").iterdir())
    assert job.steps == ()
    with open_archive(root) as archive:
        there = len(archive.catalogue.all())
    summary = indexed(root, folder, 3)
    assert len(summary.added) == 6 - there
    indexed(tmp_path / "alone", folder, 1)
    assert known(root) == known(tmp_path / "alone")


def test_an_error_of_one_ends_all_and_is_raised(folder, tmp_path):
    root, before = tmp_path / "archive", threads_at_work()

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        indexed(root, folder, 3, Doing(3, broken))
    assert threads_at_work() == before
    assert not list((root / "staging").iterdir())


def test_steps_are_parts_of_the_whole_and_counted_once(folder, tmp_path):
    within: Counter[str] = Counter()
    done: list[float] = []

    class Heard(Log):
        def began(self, step: Step) -> None:
            within[step.within.what if step.within else ""] += 1

        def moved(self, step: Step) -> None:
            if step.unit == "files":
                done.append(step.done)

    indexed(tmp_path / "archive", folder, 3, job=Heard())
    assert within["indexing 9 files"] == 9
    assert [number for number in done if number] == list(range(1, 10))
