"""Three processes that make pictures and sound for whoever waits, the most urgent first.

    makers = Makers()
    makers.start()                           # before there is anything to do: that takes a while
    makers.serve(urgent)                     # `urgent(n)`: what maker n is to do next, or None
    makers.look()                            # there may be something to do
    makers.close()

What a process needs is loaded before its first task. A file that ends its process is refused from
then on: what is made of it says so, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kuleshov.errors import MediaStalled, Stopped, WorkerDied
from kuleshov.jobs import Job
from kuleshov.media.guard import Helper, ProcessLimits, cores
from kuleshov.render.segments import warmed

__all__ = ["Makers", "Task"]

MAKERS = 3
"""Processes that work at once: two for pictures, one for sound, for which pictures wait."""

_LIMITS = ProcessLimits(nice=10)  # they give way to those that answer a person
_PATIENCE = 0.25  # s between two looks whether there is something to do
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Task:
    """A call to be made elsewhere: `function(*arguments)`, with `job` if it takes one.

    `done` is called with what it returns or raises, on the thread that waited for it; not where the
    task's `job` was stopped.
    """

    key: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: Callable[[Any], None]
    job: Job = field(default_factory=Job)


class Makers:
    """Makes what the one that it serves names, with a few processes. Safe among threads."""

    def __init__(self, makers: int = MAKERS) -> None:
        self.refused: dict[Path, str] = {}
        self._urgent: Callable[[int], Task | None] = _nothing
        self._choosing = threading.Lock()
        self._woken = threading.Condition()
        self._calls = 0
        self._begun = self._closed = False
        self._loading = Job()
        # One core is left to whoever opens the film meanwhile.
        self._starting = threading.Semaphore(max(1, cores() - 1))
        self._under_way: dict[int, Task] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name="kuleshov-preview", daemon=True)
            for n in range(makers)
        ]

    def start(self) -> None:
        """Begin; what was begun already goes on."""
        with self._woken:
            if self._begun or self._closed:
                return
            self._begun = True
            for thread in self._threads:
                thread.start()

    def serve(self, urgent: Callable[[int], Task | None]) -> None:
        """Ask a function, by the number of a maker, what that is to do next, from now on."""
        self._urgent = urgent
        self.look()

    def look(self) -> None:
        """Say that there may be something to do."""
        with self._woken:
            self._calls += 1
            self._woken.notify_all()

    @property
    def under_way(self) -> tuple[Task, ...]:
        """The tasks that are being made now."""
        with self._woken:
            return tuple(self._under_way.values())

    def close(self) -> None:
        """Stop what is being made, and end the processes."""
        with self._woken:
            self._closed = True
            self._loading.stop()
            for task in self._under_way.values():
                task.job.stop()
            self._woken.notify_all()
        for thread in self._threads if self._begun else ():
            thread.join()

    def _work(self, number: int) -> None:
        with Helper(_LIMITS) as helper:
            # Where it cannot be loaded the first task is late, or says why.
            with contextlib.suppress(Exception), self._starting:
                helper.call(warmed, job=self._loading)
            while (task := self._next(number)) is not None:
                try:
                    self._done(helper, task)
                finally:  # only now: what is made and not told yet would be made again
                    with self._woken:
                        del self._under_way[number]

    def _done(self, helper: Helper, task: Task) -> None:
        """Do a task, and tell what became of it."""
        try:
            outcome = self._made(helper, task)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            outcome = error
        self._told(task, outcome)

    def _next(self, number: int) -> Task | None:
        while True:
            with self._woken:
                if self._closed:
                    return None
                calls = self._calls
            # Nobody else is asked while one is: two do not do the same.
            with self._choosing:
                task = self._urgent(number)
                with self._woken:
                    if task is not None and not self._closed:
                        self._under_way[number] = task
                        return task
                    if self._calls != calls or self._closed:
                        continue
            with self._woken:
                if self._calls == calls and not self._closed:
                    self._woken.wait(_PATIENCE)

    def _made(self, helper: Helper, task: Task) -> Any:
        while True:
            known = dict(self.refused)
            try:
                return helper.call(task.function, *task.arguments, refused=known, job=task.job)
            except (WorkerDied, MediaStalled) as error:
                if error.path in known:
                    raise
                self.refused[error.path] = error.reason

    def _told(self, task: Task, outcome: Any) -> None:
        try:
            task.done(outcome)
        except Exception:  # noqa: BLE001 - the making goes on
            _log.exception("what was made of %s could not be told", task.key)


def _nothing(_number: int) -> Task | None:
    """Return None: there is nothing to do."""
    return None
