"""What is made once is not made again before it is told."""

from __future__ import annotations

import threading
from pathlib import PurePath
from typing import Any

import pytest

from kuleshov.desk.making import Makers, Task


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
