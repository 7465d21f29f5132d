"""Do on threads what takes time, opening, indexing, rendering; tell how far it is, and stop it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kuleshov.errors import KuleshovError, Stopped
from kuleshov.jobs import Job, Step
from kuleshov.notes import Note
from kuleshov.studio.answers import Refused

__all__ = ["Jobs", "Kind", "Work"]

Kind = Literal["open", "index", "relink", "render", "gif", "export", "change"]
State = Literal["runs", "done", "stopped", "failed"]

_TELL = 0.15  # s between two words on how far something is
_SILENT = 1.0  # s without one after which is told anew how long it takes
_SHORT = 0.5  # s after which a change is told of as a job
_KEPT = 20  # jobs that are over and still told of
_CALM = 20.0  # s after which two thirds of what is thought now of the time left are believed
_SURE = 0.02  # share that must be done before it is said how long the rest takes

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Work:
    """One job of the studio, and how far it is.

    `what` is being done now, `done` of `of` things called `unit`; `left_s` is how long it will
    take, in s, where that can be told; `text` says in the end what became of it, `result` what came
    of it, by names of its own; of what failed, the `code` of the fault. What was not `announced` is
    not told of.
    """

    id: str
    kind: Kind
    title: str
    job: Job
    what: str = ""
    done: float = 0.0
    of: float | None = None
    unit: str = ""
    left_s: float | None = None
    state: State = "runs"
    text: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    announced: bool = True
    telling: _Telling | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "what": self.what,
            "done": round(self.done, 3),
            "of": None if self.of is None else round(self.of, 3),
            "unit": self.unit,
            "left_s": self.left_s,
            "state": self.state,
            "text": self.text,
            **self.result,
        }


class Jobs:
    """The jobs of one studio.

    `tell` hears of each as data, on the thread that works; `noted` of what is to be said at once.
    """

    def __init__(
        self, tell: Callable[[dict[str, Any]], None], noted: Callable[[Note], None]
    ) -> None:
        self._tell, self._noted = tell, noted
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._works: dict[str, Work] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False

    def start(
        self, kind: Kind, title: str, call: Callable[[Job], Mapping[str, Any] | None]
    ) -> Work:
        """Begin a job, which is `call`, on a thread, and return it at once.

        What it returns is its `result`; there, `text` is the sentence that people read. Raises
        `Refused` where one of its kind is running.
        """
        work = self._new(kind, title, alone=True)
        thread = threading.Thread(
            target=self._run, args=(work, call), name=f"kuleshov-{kind}", daemon=True
        )
        with self._lock:
            self._threads[work.id] = thread
        thread.start()
        return work

    @contextlib.contextmanager
    def meanwhile(self, kind: Kind, title: str) -> Iterator[Job]:
        """Yield a job that is done on this thread, and told of only where it takes a while."""
        work = self._new(kind, title, alone=False)
        try:
            yield work.job
            work.state = "done"
        except Stopped:
            work.state = "stopped"
            raise
        except BaseException:
            work.state = "failed"
            raise
        finally:
            with self._lock:
                del self._works[work.id]
            if work.announced:
                work.left_s = None
                self._tell(work.as_data())

    def _new(self, kind: Kind, title: str, *, alone: bool) -> Work:
        with self._lock:
            if self._closed:
                raise Refused(409, "closed", "The studio is being closed.")
            busy = any(one.kind == kind and one.state == "runs" for one in self._works.values())
            if alone and busy:
                text = f"{_BUSY[kind]}: wait for it, or stop it."
                raise Refused(409, "busy", text)
            identity = f"j{next(self._numbers)}"
            work = Work(identity, kind, title, Job(), announced=alone)
            work.telling = _Telling(work, self._tell, self._noted)
            work.job = Job(work.telling)
            self._works[identity] = work
            over = [key for key, one in self._works.items() if one.state != "runs"]
            for key in over[:-_KEPT]:
                del self._works[key]
        return work

    def _run(self, work: Work, call: Callable[[Job], Mapping[str, Any] | None]) -> None:
        self._tell(work.as_data())
        try:
            work.result = call(work.job) or {}
            work.state, work.text = "done", str(work.result.get("text", ""))
        except Stopped:
            work.state, work.text = "stopped", "Stopped; what was done before is kept."
        except (KuleshovError, Refused) as error:
            work.state, work.text = "failed", str(error)
            work.result = {"code": error.code} if error.code else {}
        except OSError as error:  # a full disk, a drive that is gone
            named = f"{error.filename}: " if error.filename else ""
            work.state, work.text = "failed", f"{named}{error.strerror or error}."
        except BaseException as error:  # noqa: BLE001 (a crash is told, and ends nothing else)
            _log.exception("%s failed", work.title)
            work.state = "failed"
            work.text = (
                f"Something is wrong in Kuleshov itself ({type(error).__name__}); what was decided "
                "is saved."
            )
        finally:
            work.left_s = None
            with self._lock:
                self._threads.pop(work.id, None)
            self._tell(work.as_data())

    def stop(self, identity: str) -> Work:
        """Ask a job to stop, which it soon does. Raises `Refused` where there is none."""
        with self._lock:
            work = self._works.get(identity)
        if work is None:
            raise Refused(404, "no-such-job", "There is no such job any more.")
        work.job.stop()
        return work

    def all(self) -> list[dict[str, Any]]:
        """Return every job that runs, and the last ones that are over, ready for JSON."""
        with self._lock:
            return [one.as_data() for one in self._works.values() if one.announced]

    def look(self) -> None:
        """Tell anew how long that takes of which nothing was heard for a while.

        What does not get on takes longer than was said last.
        """
        with self._lock:
            works = [one for one in self._works.values() if one.announced and one.state == "runs"]
        for work in works:
            if work.telling is not None:
                work.telling.again()

    def running(self, kind: Kind) -> bool:
        """Return whether a job of a kind is running."""
        with self._lock:
            return any(one.kind == kind and one.state == "runs" for one in self._works.values())

    def close(self, patience: float = 5.0) -> None:
        """Stop every job, wait for them for some seconds, and begin no more."""
        with self._lock:
            self._closed = True
            threads = [*self._threads.values()]
            works = [one for one in self._works.values() if one.state == "runs"]
        for work in works:
            work.job.stop()
        until = time.monotonic() + patience
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


_BUSY: Mapping[Kind, str] = {
    "open": "A project is being opened",
    "index": "Footage is being indexed",
    "relink": "Footage is being looked for",
    "render": "A film is being rendered",
    "gif": "A GIF is being made",
    "export": "A file is being written",
    "change": "A change is being made",
}


class _Telling:
    """Hears of one job's steps, and tells of them now and then."""

    def __init__(
        self,
        work: Work,
        tell: Callable[[dict[str, Any]], None],
        noted: Callable[[Note], None],
    ) -> None:
        self._work, self._tell, self._noted = work, tell, noted
        self._told, self._began = 0.0, time.monotonic()
        self._last: Step | None = None
        self._running: list[Step] = []
        self._left: tuple[float, float] | None = None  # s that were left, and when that was

    def again(self) -> None:
        """Tell the last step once more, where that is long ago."""
        if self._last is not None and time.monotonic() - self._told >= _SILENT:
            self._show(self._last, at_once=True)

    def began(self, step: Step) -> None:
        self._running.append(step)
        self._show(step, at_once=True)

    def moved(self, step: Step) -> None:
        self._show(step, at_once=False)

    def ended(self, step: Step) -> None:
        self._running = [one for one in self._running if one is not step]
        self._last = step.within
        if step.within is not None:
            self._show(step.within, at_once=False)

    def noted(self, note: Note) -> None:
        self._noted(note)

    def _show(self, step: Step, *, at_once: bool) -> None:
        now = time.monotonic()
        if not self._work.announced and now - self._began < _SHORT:
            return
        self._work.announced = True
        if not at_once and now - self._told < _TELL:
            return
        self._told, self._last = now, step
        work, known = self._work, step
        while not known.of and known.within is not None:
            known = known.within  # a step of which the end is not known says less than its whole
        whole = _files(step)
        if whole is None:
            work.what, work.done, work.left_s = step.what, known.done, _left(known, known.done, now)
        else:
            # Files that are looked at beside each other are told of as one.
            known, work.what = whole, whole.what
            work.done = whole.done + sum(map(self._share, self._within(whole)))
            work.left_s = self._calm(_left(whole, work.done, now), now)
        work.of, work.unit = known.of, known.unit
        self._tell(work.as_data())

    def _within(self, step: Step) -> list[Step]:
        return [one for one in self._running if one.within is step]

    def _share(self, step: Step) -> float:
        """Return how much of a step is done, from 0 to 1, as far as that is known."""
        if step.of:
            return min(1.0, step.done / step.of)
        return max(map(self._share, self._within(step)), default=0.0)

    def _calm(self, left: float | None, now: float) -> float | None:
        """Return how long it takes, which comes only slowly to be what is thought now."""
        if left is not None and self._left is not None:
            before, then = self._left
            kept = math.exp((then - now) / _CALM)
            left = kept * max(0.0, before - (now - then)) + (1 - kept) * left
        if left is None:
            return None
        self._left = left, now
        return round(left, 1)


def _files(step: Step | None) -> Step | None:
    """Return the step of several files of which a step is a part, if there is one."""
    while step is not None:
        if step.unit == "files" and step.of is not None and step.of > 1:
            return step
        step = step.within
    return None


def _left(step: Step, done: float, now: float) -> float | None:
    """Return how long a step of which so much is done will take, in s, as fast as it was."""
    if not step.of or done < _SURE * step.of:
        return None
    return round((now - step.began) * (step.of - done) / done, 1)
