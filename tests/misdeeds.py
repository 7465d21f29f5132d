"""Calls that end badly, made by tests in a process of their own (`media.guard`)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

from kuleshov.errors import UsageError
from kuleshov.media.decode import Film, open_file
from kuleshov.media.hand import check_refused, in_hand
from kuleshov.render.film import render
from kuleshov.timeline import Timeline

__all__ = [
    "aborting",
    "add",
    "crash",
    "crash_beside",
    "eat",
    "forbidden_order",
    "hang",
    "named_unless_deadly",
    "odd",
    "opened",
    "refuse_all",
    "reported",
    "until_cancelled",
]


def add(one: int, other: int) -> int:
    return one + other


def reported(count: int, progress: Callable[[int, int], None]) -> int:
    for number in range(count):
        progress(number, count)
        time.sleep(0.02)
    return os.getpid()


def refuse_all() -> None:
    raise UsageError("That is no call.")


def odd() -> None:
    raise _Odd("it cannot", "travel")


class _Odd(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


def crash(path: Path) -> None:
    with in_hand(path.with_name("before")):
        pass
    with in_hand(path):
        os.abort()


def crash_beside(path: Path, busy: Path) -> None:
    """A crash of one thread while another takes its time with another file."""
    begun = threading.Event()

    def work() -> None:
        with in_hand(busy):
            begun.set()
            time.sleep(60)

    with in_hand(path):
        pass
    threading.Thread(target=work, daemon=True).start()
    begun.wait()
    os.abort()


def eat(path: Path) -> None:
    eaten = []
    with in_hand(path):
        while True:
            eaten.append(b"\1" * (8 << 20))
            time.sleep(0.005)


def named_unless_deadly(path: Path) -> str:
    check_refused(path)
    with in_hand(path):
        if path.name.startswith("deadly"):
            os.abort()
    return path.name


def hang(path: Path) -> None:
    with in_hand(path):
        time.sleep(600)


def opened(path: Path) -> str:
    with open_file(path) as container:
        return container.format.name


def until_cancelled(begun: Path, cancelled: Callable[[], bool]) -> str:
    begun.touch()
    while not cancelled():
        time.sleep(0.01)
    begun.with_name("ended").touch()
    return "ended"


def forbidden_order(path: Path) -> None:
    """Decode sound of a custom order of channels as it is: PyAV frees its memory twice."""
    with in_hand(path), av.open(path) as container:
        for _ in range(3):
            container.seek(0)
            for frame in container.decode(audio=0):
                del frame


def aborting(timeline: Timeline, out: Path, *more: Any, **reports: Any) -> Any:
    """`render`, in a process that dies of the 20th frame of a film named `deadly`."""
    decode = Film._frames

    def frames(film: Film) -> Iterator[av.VideoFrame]:
        for number, frame in enumerate(decode(film)):
            if film.path.stem == "deadly" and number == 20:
                with in_hand(film.path):
                    os.abort()
            yield frame

    Film._frames = frames  # type: ignore[method-assign]
    return render(timeline, out, *more, **reports)
