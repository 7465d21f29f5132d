"""A call in a process of its own: its result, its errors, and its end over a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import misdeeds
from films import flat, make_film
from kuleshov.errors import KuleshovError, MediaError, MediaStalled, Stopped, UsageError, WorkerDied
from kuleshov.jobs import Job
from kuleshov.media import guard as guard_module
from kuleshov.media.guard import Helper, ProcessLimits, asked, guarded, memory_limit, spared
from kuleshov.media.hand import in_hand, keep_record, read_record
from media_orders import film, levels, sides_first
from told import Told, threads_at_work

pytestmark = pytest.mark.slow

A = Path("/films/ä one.mp4")
B = Path("/films/other.mp4")


def test_a_result_comes_back():
    assert guarded(misdeeds.add, 2, 3) == 5


def test_no_thread_is_left(monkeypatch):
    """Also where the thread that listens is slow to hear that the process has ended."""
    listen = guard_module._listen

    def slowly(*what: Any) -> None:
        listen(*what)
        time.sleep(1)

    monkeypatch.setattr(guard_module, "_listen", slowly)
    before = threads_at_work()
    guarded(misdeeds.reported, 5, job=Told())
    assert threads_at_work() == before


def test_progress_is_reported_from_another_process():
    job = Told()
    with job.step("here"):
        process = guarded(misdeeds.reported, 40, job=job)
    assert process != os.getpid()
    assert job.begun == ["here", "reporting", "within"]
    assert job.outcomes == [("within", "well"), ("reporting", ""), ("here", "")]
    told = [(done, of) for what, done, of in job.moves if what == "reporting"]
    assert 1 < len(told) < 40
    assert told == sorted(told)
    assert told[-1] == (40, 40), "the last is always told"
    assert [note.code for note in job.notes] == ["said"]


def test_errors_come_back():
    with pytest.raises(UsageError, match="no call"):
        guarded(misdeeds.refuse_all)
    with pytest.raises(KuleshovError, match="_Odd: it cannot travel"):
        guarded(misdeeds.odd)


def test_a_crash_names_the_file_in_hand():
    ended: list[int] = []
    with pytest.raises(WorkerDied, match="ended with status") as caught:
        guarded(misdeeds.crash, A, tidy=ended.append)
    assert caught.value.path == A
    assert len(ended) == 1


def test_a_crash_names_the_file_of_the_thread_that_crashed():
    with pytest.raises(WorkerDied) as caught:
        guarded(misdeeds.crash_beside, A, B)
    assert caught.value.path == A


def test_a_real_crash(tmp_path):
    """What PyAV does with a custom order of channels, if it is let."""
    path = sides_first(film(tmp_path / "a.mov", ("7.1", levels(*[0.1] * 8))))
    with pytest.raises(WorkerDied) as caught:
        guarded(misdeeds.forbidden_order, path)
    assert caught.value.path == path


def test_hunger_for_memory_is_ended():
    limits = ProcessLimits(memory=400 << 20)
    with pytest.raises(WorkerDied, match=r"more than 0\.4 GiB") as caught:
        guarded(misdeeds.eat, A, limits=limits)
    assert caught.value.path == A


def test_a_file_that_gives_nothing_is_given_up():
    with pytest.raises(MediaStalled, match=r"gave nothing for 0\.5 seconds") as caught:
        guarded(misdeeds.hang, A, limits=ProcessLimits(stall_s=0.5))
    assert caught.value.path == A


def test_refused_files_are_not_opened(tmp_path):
    path = make_film(tmp_path / "a.mp4", [flat(90)] * 3)
    assert "mp4" in guarded(misdeeds.opened, path)
    with pytest.raises(MediaError, match="it is deadly") as caught:
        guarded(misdeeds.opened, path, refused={path: "it is deadly."})
    assert caught.value.path == path


class _At(Told):
    """A job that does something once a file is there."""

    def __init__(self, begun: Path, what: Callable[[Job], None]) -> None:
        super().__init__()
        self._begun, self._what = begun, what

    def check_waiting(self) -> None:
        if self._begun.exists():
            self._what(self)
        super().check_waiting()


def test_stopping_lets_it_tidy_up(tmp_path):
    begun = tmp_path / "begun"
    with pytest.raises(Stopped):
        guarded(misdeeds.until_stopped, begun, job=_At(begun, Job.stop))
    assert (tmp_path / "ended").exists()


def test_stopping_ends_what_does_not_listen(tmp_path):
    begun, ended = tmp_path / "begun", list[int]()
    with pytest.raises(Stopped):
        guarded(misdeeds.deaf, begun, job=_At(begun, Job.stop), tidy=ended.append)
    assert len(ended) == 1


def test_a_job_that_is_stopped_starts_nothing(tmp_path):
    job = Job()
    job.stop()
    with pytest.raises(Stopped):
        guarded(misdeeds.until_stopped, tmp_path / "begun", job=job)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_lets_it_tidy_up(tmp_path):
    def interrupt(_: Job) -> None:
        raise KeyboardInterrupt

    begun = tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt):
        guarded(misdeeds.until_stopped, begun, job=_At(begun, interrupt))
    assert (tmp_path / "ended").exists()


_INTERRUPTED_TWICE = """
import signal, sys, tempfile
from pathlib import Path
import misdeeds
from kuleshov.media import guard
from media.test_guard import _At

signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where this began
folder = Path(sys.argv[1])
tempfile.tempdir = str(folder / "temporary")
close = guard._Call.close

def pressed_again(call, patience):
    signal.raise_signal(signal.SIGINT)
    close(call, patience)

def interrupt(_):
    raise KeyboardInterrupt

guard._Call.close = pressed_again
begun, ended = folder / "begun", []
try:
    guard.guarded(misdeeds.deaf, begun, job=_At(begun, interrupt), tidy=ended.append)
except KeyboardInterrupt:
    print(len(ended), len(list(Path(tempfile.tempdir).iterdir())))
"""


def test_a_second_interrupt_does_not_stop_the_tidying_up(tmp_path):
    """In a process of its own: nobody else is to be interrupted."""
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_TWICE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("1 0\n", 0), done.stderr


def test_what_kills_is_left_out_and_the_rest_is_done_again():
    deadly = [Path("/films/deadly one.mp4"), Path("/films/deadly two.mp4")]
    told = asked(misdeeds.named_unless_deadly, [A, deadly[0], B, deadly[1], A])
    assert told[A] == A.name
    assert told[B] == B.name
    for path in deadly:
        assert isinstance(told[path], MediaError)
        assert "ended with status" in told[path].reason
    assert list(told) == [A, deadly[0], B, deadly[1]]
    assert asked(misdeeds.named_unless_deadly, []) == {}


@pytest.mark.slow
def test_what_kills_again_is_an_error():
    """A fault that lies with no file does not go on for ever."""
    with pytest.raises(WorkerDied) as caught:
        spared(misdeeds.crash, A)
    assert caught.value.path == A
    many = [Path(f"/films/deadly {number}.mp4") for number in range(9)]
    with pytest.raises(WorkerDied):
        asked(misdeeds.named_unless_deadly, many)


def test_the_bound_is_generous():
    assert 2 << 30 <= memory_limit() <= 8 << 30


def test_a_record_of_many_threads(tmp_path, monkeypatch):
    from kuleshov.media import hand

    monkeypatch.setattr(hand, "_record", None)
    keep_record(tmp_path / "hand")
    waiting, seen = threading.Barrier(51), threading.Barrier(51)

    def work(number: int) -> None:
        with in_hand(Path(f"/films/{number}.mp4")):
            waiting.wait(10)
            seen.wait(10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    waiting.wait(10)
    held = read_record(tmp_path / "hand")
    seen.wait(10)
    for thread in threads:
        thread.join()
    assert len(held) == 32
    assert [one.number for one in held] == sorted((one.number for one in held), reverse=True)
    assert all(one.busy for one in held)
    with in_hand(A):
        assert read_record(tmp_path / "hand")[0].path == A
    assert not read_record(tmp_path / "hand")[0].busy


def test_a_helper_makes_one_call_after_another_in_one_process(tmp_path):
    with Helper() as helper:
        job = Told()
        one = helper.call(misdeeds.reported, 3, job=job)
        assert helper.call(misdeeds.add, 2, 3) == 5
        with pytest.raises(UsageError, match="no call"):
            helper.call(misdeeds.refuse_all)
        assert helper.call(misdeeds.reported, 1, job=job) == one != os.getpid()
        assert job.begun.count("reporting") == 2


def test_a_helper_goes_on_after_a_crash_and_after_a_stop(tmp_path):
    with Helper() as helper:
        first = helper.call(misdeeds.reported, 1)
        with pytest.raises(WorkerDied) as caught:
            helper.call(misdeeds.crash, A)
        assert caught.value.path == A
        second = helper.call(misdeeds.reported, 1)
        assert second != first
        for function, same in ((misdeeds.until_stopped, True), (misdeeds.deaf, False)):
            begun = tmp_path / function.__name__
            job = Job()
            threading.Thread(target=_stop_when, args=(begun, job)).start()
            with pytest.raises(Stopped):
                helper.call(function, begun, job=job)
            assert (helper.call(misdeeds.reported, 1) == second) is same
    assert (tmp_path / "ended").exists()


def _stop_when(begun: Path, job: Job) -> None:
    while not begun.exists():
        time.sleep(0.01)
    job.stop()


def test_what_a_helper_was_told_to_refuse_it_does_not_open(tmp_path):
    path = make_film(tmp_path / "a.mp4", [flat(90)] * 3)
    with Helper() as helper:
        assert "mp4" in helper.call(misdeeds.opened, path)
        with pytest.raises(MediaError, match="it is deadly"):
            helper.call(misdeeds.opened, path, refused={path: "it is deadly."})
