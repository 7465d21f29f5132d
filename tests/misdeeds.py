"""Calls that end badly, made by tests in a process of their own (`media.guard`)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from kuleshov.errors import UsageError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.decode import Film, open_file
from kuleshov.media.hand import check_refused, in_hand
from kuleshov.notes import Note
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import Timeline

__all__ = [
    "aborting",
    "add",
    "crash",
    "crash_beside",
    "deaf",
    "eat",
    "forbidden_order",
    "hang",
    "named_unless_deadly",
    "odd",
    "opened",
    "refuse_all",
    "reported",
    "until_stopped",
]


def add(one: int, other: int) -> int:
    return one + other


def reported(count: int, job: Job = QUIET) -> int:
    with job.step("reporting", of=count, unit="things") as step:
        with job.step("within") as inner:
            inner.outcome = "well"
        job.note(Note("said", "It was said."))
        for _ in step.over(range(count)):
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


def until_stopped(begun: Path, job: Job = QUIET) -> None:
    begun.touch()
    try:
        while True:
            job.check()
            time.sleep(0.01)
    finally:
        begun.with_name("ended").touch()


def deaf(begun: Path, job: Job = QUIET) -> None:
    """Never looks whether it is to stop."""
    with job.step("sleeping"):
        begun.touch()
        time.sleep(600)


def forbidden_order(path: Path) -> None:
    """Decode sound of a custom order of channels as it is: PyAV frees its memory twice."""
    with in_hand(path), av.open(path) as container:
        for _ in range(3):
            container.seek(0)
            for frame in container.decode(audio=0):
                del frame


def aborting(timeline: Timeline, out: Path, options: RenderOptions, job: Job = QUIET) -> Any:
    """`render`, in a process that dies of the 20th frame of a film named `deadly`."""
    decode = Film._frames

    def frames(film: Film) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        for number, frame in enumerate(decode(film)):
            if film.path.stem == "deadly" and number == 20:
                with in_hand(film.path):
                    os.abort()
            yield frame

    setattr(Film, "_frames", frames)  # noqa: B010 - a method of this process alone
    return render(timeline, out, options, job=job)
