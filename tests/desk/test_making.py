"""What is made once is not made again before it is told."""

from __future__ import annotations

import os
import threading
import time
from pathlib import PurePath
from typing import Any

import pytest

from kuleshov.desk import making
from kuleshov.desk.making import Makers, Task
from kuleshov.media.guard import Helper


@pytest.mark.slow
def test_what_is_made_and_not_told_yet_is_not_made_again():
    makers, told, asked = Makers(2), [], threading.Semaphore(0)

    def done(outcome: Any) -> None:
        # Meanwhile everyone asks what is to be done, several times.
        for _ in range(3):
            makers.look()
            assert asked.acquire(timeout=30)
        told.append(outcome)

    def urgent(_: int) -> Task | None:
        asked.release()
        if told or "one" in [task.key for task in makers.under_way]:
            return None
        return Task("one", PurePath, ("made",), done)

    makers.serve(urgent)
    makers.start()
    try:
        while not told:
            threading.Event().wait(0.01)
        makers.look()
        assert asked.acquire(timeout=30)
    finally:
        makers.close()
    assert told == [PurePath("made")]


def made(makers: Makers, count: int, function: Any, *arguments: Any) -> list[Any]:
    """Have a function called so often, each time by whoever is free first."""
    told: list[Any] = []
    given = iter(range(count))
    lock = threading.Lock()

    def urgent(_: int) -> Task | None:
        with lock:
            number = next(given, None)
        return None if number is None else Task(str(number), function, arguments, told.append)

    makers.serve(urgent)
    makers.start()
    try:
        while len(told) < count:
            time.sleep(0.01)
    finally:
        makers.close()
    return told


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "nice"), reason="Windows knows no niceness")
def test_making_gives_way_to_who_answers():
    own = os.nice(0)
    assert all(nice > own for nice in made(Makers(2), 4, os.nice, 0))


@pytest.mark.slow
def test_one_core_is_left_to_who_opens_a_film(monkeypatch):
    monkeypatch.setattr(making, "cores", lambda: 2)
    loading, at_once = [0], []
    lock = threading.Lock()
    call = Helper.call

    def counted(helper: Helper, function: Any, *arguments: Any, **how: Any) -> Any:
        if function is not making.warmed:
            return call(helper, function, *arguments, **how)
        with lock:
            loading[0] += 1
            at_once.append(loading[0])
        try:
            return call(helper, function, *arguments, **how)
        finally:
            with lock:
                loading[0] -= 1

    monkeypatch.setattr(Helper, "call", counted)
    made(Makers(3), 9, PurePath, "made")
    assert at_once
    assert max(at_once) == 1
