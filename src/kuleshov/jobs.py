"""Let a long call tell what it is doing, and be stopped.

    job = Job(page)                        # page.began(step), page.moved(step), page.ended(step)
    threading.Thread(target=render, args=(timeline, out), kwargs={"job": job}).start()
    job.stop()                             # `render` raises `Stopped` and leaves nothing behind

Every call that may last longer than half a second takes a `job`. It names what it does in steps,
says how far each is, and looks often (a few times a second) whether it is to stop:

    with job.step("rendering film.mp4", of=frames, unit="frames") as step:
        for number in step.over(range(frames)):
            ...
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, ClassVar, Protocol, TypeVar

from kuleshov.errors import Stopped
from kuleshov.notes import Note

__all__ = ["QUIET", "Job", "Listener", "Step", "Yielding", "stoppable", "undisturbed", "unheard"]

_LISTEN = 0.1  # s between two looks whether to stop, while a call works that does not look itself
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 60.0  # s that a process which ends waits for what still computes
_REST = 2.0  # s without a call after which a thread ends

T = TypeVar("T")


class Listener(Protocol):
    """A listener that hears of a job.

    Called on the threads that work, by one at a time, and often: it must be quick.
    """

    def began(self, step: Step) -> None:
        """Hear that a step begins."""

    def moved(self, step: Step) -> None:
        """Hear that a step is further than before."""

    def ended(self, step: Step) -> None:
        """Hear that a step is over, done or not."""

    def noted(self, note: Note) -> None:
        """Hear something that is to be said at once, not only with the result."""


class Step:
    """A step: one part of a job, and a context within which it lasts.

    `what` says in a few words what is being done ("looking at film.mp4"); `done` of `of` things
    called `unit` ("frames") are done, where `of` is known. `within` is the step of which it is a
    part. `began` is the clock of `time.monotonic`, in s. `outcome` may say in a word what came of
    it.
    """

    def __init__(
        self, job: Job, what: str, of: float | None, unit: str, within: Step | None
    ) -> None:
        self._job = job
        self.what, self.of, self.unit, self.within = what, of, unit, within
        self.done = 0.0
        self.began = time.monotonic()
        self.outcome = ""

    def at(self, done: float, of: float | None = None) -> None:
        """Tell that so much is done, and of how much if that is known only now.

        Raises `Stopped` where the job is to stop.
        """
        self.done = done
        if of is not None:
            self.of = of
        self._job._moved(self)

    def advance(self, by: float = 1) -> None:
        """Tell that so much more is done. Raises `Stopped` where the job is to stop."""
        self.at(self.done + by)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, each of which is one more thing done when the next is asked for.

        Raises `Stopped` where the job is to stop.
        """
        self._job.check()
        for item in items:
            yield item
            self.advance()

    def __enter__(self) -> Step:
        self._job._began(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._job._ended(self)


class Job:
    """A job: a long call as seen by whoever waits for it. Safe among threads."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._telling = threading.RLock()  # of this job, and of those beside it
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: list[Step] = []

    def step(self, what: str, of: float | None = None, unit: str = "") -> Step:
        """Return a step to be entered; it is a part of the innermost one that lasts.

        Raises `Stopped` where the job is to stop.
        """
        self.check()
        steps = self.steps
        return Step(self, what, of, unit, steps[-1] if steps else None)

    def beside(self) -> Job:
        """Return a job for a part of this one that another thread does.

        It is stopped with this one, or alone; its steps are parts of the innermost step that lasts
        here now.
        """
        return _Beside(self)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items until the job is to stop, then raise `Stopped`."""
        for item in items:
            self.check()
            yield item

    def note(self, note: Note) -> None:
        """Tell at once what is of no use later: for instance that one waits for another process."""
        if self._listener is not None:
            with self._telling:
                self._listener.noted(note)

    def check(self) -> None:
        """Raise `Stopped` where the job is to stop."""
        if self._stop.is_set():
            raise Stopped

    def check_waiting(self) -> None:
        """Do the same while something else is waited for: how often depends on how long it takes.

        How often a call looks by `check` depends on what it has to do alone.
        """
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        """Ask the call to stop; it ends soon, and raises `Stopped`. From any thread."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the call was asked to stop."""
        return self._stop.is_set()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that last now, the widest first."""
        with self._lock:
            return tuple(self._running)

    def _began(self, step: Step) -> None:
        with self._lock:
            self._running.append(step)
        if self._listener is not None:
            with self._telling:
                self._listener.began(step)

    def _moved(self, step: Step) -> None:
        self.check()
        if self._listener is not None:
            with self._telling:
                self._listener.moved(step)
            self.check()  # it may well be the listener who stops

    def _ended(self, step: Step) -> None:
        with self._lock:
            self._running.remove(step)
        if self._listener is not None:
            with self._telling:
                self._listener.ended(step)


class Yielding(Job):
    """A job that nobody waits for, and that goes on only while nothing is asked `first`.

    It waits wherever it looks whether to stop: what it does must hold no lock then that others
    need. From any thread.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        super().__init__(listener)
        self._asked = 0
        self._free = threading.Condition()

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Have the job wait for what is done within."""
        with self._free:
            self._asked += 1
        try:
            yield
        finally:
            with self._free:
                self._asked -= 1
                self._free.notify_all()

    def check(self) -> None:
        """Wait as long as something is asked first; raise `Stopped` where the job is to stop."""
        with self._free:
            while self._asked and not self.stopped:
                self._free.wait(_LISTEN)
        super().check()


class _Beside(Job):
    """A job for a part of another, done by another thread."""

    def __init__(self, whole: Job) -> None:
        super().__init__(whole._listener)
        self._telling = whole._telling
        self._whole, self._within = whole, whole.steps

    def check(self) -> None:
        """Raise `Stopped` where this job, or the one that it is a part of, is to stop."""
        super().check()
        self._whole.check()

    def check_waiting(self) -> None:
        """Do the same while something else is waited for."""
        super().check_waiting()
        self._whole.check_waiting()

    @property
    def stopped(self) -> bool:
        """Whether the call was asked to stop, alone or with the one that it is a part of."""
        return super().stopped or self._whole.stopped

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that last now, the widest first, from those of the whole job on."""
        return (*self._within, *super().steps)


class _Quiet(Job):
    """A job of which nobody hears, and which nobody can stop: all calls may share it."""

    def stop(self) -> None:
        raise ValueError("nobody can stop a call without a job of its own: give it a Job()")

    def _began(self, step: Step) -> None:
        pass

    def _moved(self, step: Step) -> None:
        pass

    def _ended(self, step: Step) -> None:
        pass

    def __reduce__(self) -> tuple[Any, ...]:
        return _quiet, ()


def _quiet() -> Job:
    return QUIET


QUIET: Job = _Quiet()
"""For calls that nobody waits for: it tells nothing and is never stopped."""


def stoppable(call: Callable[[], T], job: Job) -> T:
    """Return the result of a call that does not look at the job itself.

    It is made in a thread of its own, which is left to itself where the job is to stop: `Stopped`
    is raised at once, and nobody waits for what comes. So the call must only compute, and write
    nothing that is not thrown away. Where nobody can stop the job no thread is needed.
    """
    if job is QUIET:
        return call()
    job.check()
    answers: _Answers = queue.SimpleQueue()
    _Aside.make(call, answers)
    while True:
        job.check_waiting()
        try:
            made, error = answers.get(timeout=_LISTEN)
        except queue.Empty:
            continue
        if error is not None:
            raise error
        return made  # type: ignore[no-any-return]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off Ctrl-C and other signals until the block ends, which tidies up and must be short.

    Whoever presses Ctrl-C a second time would else stop the tidying up that the first has begun.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    put_off: list[tuple[int, FrameType | None]] = []
    handlers: dict[int, Any] = {}
    number: int
    for number in _SIGNALS:
        if callable(handler := signal.getsignal(number)):
            handlers[number] = handler
            signal.signal(number, lambda *given: put_off.append(given))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for given in put_off[:1]:
            handlers[given[0]](*given)


def unheard() -> int:
    """Return how many calls still compute in threads for which nobody waits any more.

    A process that ends while native code runs in one of them would crash: so it waits for them,
    or leaves by `os._exit`, once all that it had to tidy up is done.
    """
    return sum(thread.busy for thread in threading.enumerate() if isinstance(thread, _Aside))


_Answers = queue.SimpleQueue[tuple[Any, BaseException | None]]


@atexit.register
def _finished() -> None:
    """Wait at the end of the process for what still computes: it would crash the interpreter."""
    until = time.monotonic() + _PATIENCE
    while unheard() and time.monotonic() < until:
        time.sleep(_LISTEN)


class _Aside(threading.Thread):
    """A thread in which calls are made one after another, for as long as there soon is another.

    Networks keep their buffers for each thread: a film is looked at in one.
    """

    _idle: ClassVar[list[_Aside]] = []  # the last to be idle is taken first
    _choosing: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        super().__init__(name="kuleshov-aside", daemon=True)
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], _Answers]] = queue.SimpleQueue()
        self.busy = True

    @classmethod
    def make(cls, call: Callable[[], Any], answers: _Answers) -> None:
        """Have a call made; what it returns or raises goes to `answers`."""
        with cls._choosing:
            thread = cls._idle.pop() if cls._idle else None
            if thread is not None:
                thread.busy = True
        if thread is None:
            thread = cls()
            thread.start()
        thread._calls.put((call, answers))

    def run(self) -> None:
        """Make calls until there has been none for a while."""
        while True:
            try:
                call, answers = self._calls.get(timeout=_REST)
            except queue.Empty:
                with self._choosing:
                    if self not in self._idle:
                        continue  # one is just being given
                    self._idle.remove(self)
                return
            answer: tuple[Any, BaseException | None]
            try:
                answer = call(), None
            except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
                answer = None, error
            del call
            with self._choosing:  # before the answer: the next call may come at once
                self.busy = False
                self._idle.append(self)
            answers.put(answer)
            del answer, answers
