"""Answer calls in the process of an actor, where any of them can be stopped.

It knows nothing of Ray.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kuleshov.errors import KuleshovError
from kuleshov.jobs import Job, Step
from kuleshov.notes import Note

__all__ = ["Answer", "Working"]

_KNOWN = 256  # questions that were stopped and are remembered

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """An answer to a call: its result, or an error raised on purpose, which goes on as it is."""

    result: T | None = None
    error: KuleshovError | None = None


class Working:
    """An actor that does one thing at a time. `stop` is called by another thread meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._question = ""
        self._stopped: deque[str] = deque(maxlen=_KNOWN)

    def stop(self, question: str) -> None:
        """Stop what is done for a question, and what is asked for it after this."""
        with self._lock:
            self._stopped.append(question)
            if self._job is not None and question == self._question:
                self._job.stop()

    def _answer(self, call: Callable[[Job], T], question: str = "") -> Answer[T]:
        job = Job(self)
        with self._lock:
            self._job, self._question = job, question
            if question in self._stopped:
                job.stop()
        try:
            job.check()
            return Answer(call(job))
        except KuleshovError as error:
            return Answer(error=error)
        finally:
            with self._lock:
                self._job = None

    # As a listener of its job

    def began(self, step: Step) -> None:
        """Hear that a step begins."""

    def moved(self, step: Step) -> None:
        """Hear that a step is further than before."""

    def ended(self, step: Step) -> None:
        """Hear that a step is over."""

    def noted(self, note: Note) -> None:
        """Hear a note, which is of this machine alone."""
