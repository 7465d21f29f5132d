"""One desk and several threads: what one finds while another indexes, and what closing it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from films import make_film
from kuleshov.archive.archive import open_archive
from kuleshov.archive.reader import RowsReader
from kuleshov.desk.asking import Ask
from kuleshov.desk.desk import Desk
from kuleshov.errors import Closed, Stopped
from kuleshov.jobs import Job, Step

pytestmark = pytest.mark.slow

PATIENCE = 60  # s that a test waits for another thread before it fails
WORDS = Ask("low key")


class At(Job):
    """A job that calls back where a step of this name begins."""

    def __init__(self, name: str, callback: Callable[[], object]) -> None:
        super().__init__(self)
        self._name, self._callback = name, callback

    def began(self, step: Step) -> None:
        if step.what == self._name:
            self._callback()

    def moved(self, step: Step) -> None:
        pass

    def ended(self, step: Step) -> None:
        pass

    def noted(self, note: object) -> None:
        pass


def films_in(folder: Path, *numbers: int) -> None:
    """Write films of spots that move; no two are alike."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        make_film(folder / f"{number}.mp4", spots(number), 12, options={"crf": "20"})


def spots(seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    places = rng.random((9, 4))
    y, x = np.mgrid[:96, :128]
    for frame in range(20):
        picture = np.full((144, 128), 128, np.uint8)
        luma = np.full((96, 128), 60.0)
        for a, b, size, light in places:
            luma += (light * 160 - 40) * (np.hypot(x - a * 128 - frame, y - b * 96) < 6 + 14 * size)
        picture[:96] = np.clip(luma, 16, 235)
        yield picture


def found_by(desk: Desk) -> set[str]:
    """The names of the films that the desk finds."""
    found = desk.find(WORDS, Fraction(1, 2)).hits
    return {one.film.footage.path.name for one in found}


def test_one_thread_finds_while_another_indexes(tmp_path):
    """What was committed is found at once, though the other thread is not done."""
    films_in(tmp_path / "films", 1)
    with Desk(tmp_path / "archive") as desk, ThreadPoolExecutor(1) as other:
        desk.index([tmp_path / "films"])
        assert found_by(desk) == {"1.mp4"}
        films_in(tmp_path / "films", 2, 3)
        at_third, go_on = threading.Event(), threading.Event()

        def third() -> None:
            at_third.set()
            go_on.wait(PATIENCE)

        job = At("3.mp4", third)
        indexing = other.submit(desk.index, [tmp_path / "films"], at_once=1, job=job)
        assert at_third.wait(PATIENCE)
        assert found_by(desk) == {"1.mp4", "2.mp4"}
        assert not indexing.done()
        go_on.set()
        # Both at once, as often as there is time.
        while not indexing.done():
            assert {"1.mp4", "2.mp4"} <= found_by(desk) <= {"1.mp4", "2.mp4", "3.mp4"}
        assert [path.name for path in indexing.result().added] == ["2.mp4", "3.mp4"]
        assert found_by(desk) == {"1.mp4", "2.mp4", "3.mp4"}


def test_many_threads_ask_at_once(tmp_path):
    films_in(tmp_path / "films", 1, 2)
    with Desk(tmp_path / "archive") as desk:
        desk.index([tmp_path / "films"])
    with Desk(tmp_path / "archive") as desk, ThreadPoolExecutor(6) as threads:
        ready = threading.Barrier(6)

        def ask(_: int) -> tuple[int, set[str]]:
            ready.wait(PATIENCE)
            return id(desk.rows().rows), found_by(desk)

        answers = list(threads.map(ask, range(6)))
    assert len({rows for rows, _ in answers}) == 1, "rows are loaded once"
    assert all(names == {"1.mp4", "2.mp4"} for _, names in answers)


def test_closing_ends_what_another_thread_does(tmp_path):
    """It is told so, and of the film at hand nothing is left, nor is it taken for broken."""
    root = tmp_path / "archive"
    films_in(tmp_path / "films", 1, 2, 3)
    desk = Desk(root)
    with ThreadPoolExecutor(1) as other:
        looking, closed = threading.Event(), threading.Event()

        def second() -> None:
            looking.set()
            closed.wait(PATIENCE)

        job = At("looking at 2.mp4", second)
        indexing = other.submit(desk.index, [tmp_path / "films"], at_once=1, job=job)
        assert looking.wait(PATIENCE)
        desk.close()
        closed.set()
        with pytest.raises(Closed, match="closed"):
            indexing.result(PATIENCE)
    with open_archive(root) as archive:
        (kept,) = archive.catalogue.all(with_missing=True)
        assert kept.path.name == "1.mp4"
        assert not kept.missing
        assert {path.name for path in (root / "footage").glob("??/*")} == {kept.checksum}
    assert not list((root / "staging").iterdir())
    with Desk(root) as again:
        summary = again.index([tmp_path / "films"])
        assert [path.name for path in summary.added] == ["2.mp4", "3.mp4"]


def test_a_closed_desk_says_so(tmp_path):
    films_in(tmp_path / "films", 1)
    desk = Desk(tmp_path / "archive")
    desk.index([tmp_path / "films"])
    archive, (stock, _) = desk.archive, desk.stock()
    desk.close()
    desk.close()
    calls: list[Callable[[], object]] = [
        lambda: desk.archive,
        desk.rows,
        desk.stock,
        lambda: desk.find(WORDS),
        lambda: desk.index([tmp_path / "films"]),
        lambda: desk.recut(tmp_path / "films" / "1.mp4"),
        lambda: desk.checksum(tmp_path / "films" / "1.mp4"),
        archive.catalogue.all,
        archive.catalogue.version,
    ]
    for call in calls:
        with pytest.raises(Closed, match="open it again"):
            call()
    assert stock.rows.films[0].rows["tone"].shape[1] == 60, "what was given before is of use"


def test_who_waits_for_another_thread_can_be_stopped(tmp_path):
    """For the process that decodes, and for the rows that are loaded once for all."""
    films_in(tmp_path / "films", 1)
    with Desk(tmp_path / "archive") as desk:
        desk.index([tmp_path / "films"])
        reader = RowsReader(desk.archive)
        held, let_go = threading.Event(), threading.Event()

        def hold() -> None:
            with desk.networks.worker._turn.of(Job()), reader._lock:
                held.set()
                let_go.wait(PATIENCE)

        holding = threading.Thread(target=hold)
        holding.start()
        assert held.wait(PATIENCE)
        calls: list[Callable[[Job], object]] = [
            lambda job: desk.checksum(tmp_path / "films" / "1.mp4", job=job),
            lambda job: desk.networks.worker._turn.of(job).__enter__(),
            lambda job: reader.rows(desk.networks.rows, job),
        ]
        for call in calls:
            job = Job()
            stopping = threading.Timer(0.05, job.stop)
            stopping.start()
            with pytest.raises(Stopped):
                call(job)
        let_go.set()
        holding.join(PATIENCE)
        assert len(desk.checksum(tmp_path / "films" / "1.mp4")) == 64
