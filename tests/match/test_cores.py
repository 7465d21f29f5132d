"""All cores work on one question; the next one finds their threads."""

from __future__ import annotations

import threading

import pytest

from kuleshov.errors import Stopped
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.cores import on_all_cores
from kuleshov.media.guard import cores

PATIENCE = 60


def test_threads_are_kept_for_the_next_call():
    together = threading.Barrier(cores())

    def who(_: int) -> threading.Thread:
        together.wait(PATIENCE)
        return threading.current_thread()

    first, *later = [{*on_all_cores(who, range(cores()), QUIET)} for _ in range(4)]
    assert len(first) == cores()
    assert all(part == first for part in later)


def test_a_short_call_does_not_wait_for_a_long_one():
    begun, end = threading.Event(), threading.Event()

    def long(number: int) -> int:
        begun.set()
        assert end.wait(PATIENCE)
        return number

    def call() -> None:
        kept.extend(on_all_cores(long, range(100), QUIET))

    kept: list[int] = []
    caller = threading.Thread(target=call)
    caller.start()
    assert begun.wait(PATIENCE)
    assert [*on_all_cores(lambda n: n * n, range(50), QUIET)] == [n * n for n in range(50)]
    assert not kept
    end.set()
    caller.join(PATIENCE)
    assert kept == [*range(100)]


def test_who_stops_leaves_nothing_to_do_behind():
    job, done = Job(), []

    def call(number: int) -> None:
        done.append(number)
        job.stop()

    with pytest.raises(Stopped):
        [*on_all_cores(call, range(10_000), job)]
    count = len(done)
    assert count < 10_000
    assert [*on_all_cores(lambda n: n, range(10), QUIET)] == [*range(10)]
    assert len(done) == count, "no thread that was lent to another goes on with it"
