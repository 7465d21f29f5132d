"""Run a call in a process of its own, so that a file that crashes it takes nothing else along.

    film = guarded(render, timeline, out, options, job=job)
    facts = spared(facts_of, timeline)      # again without each file that ends the process
    slates = asked(own_slate, paths)        # one question to many files, in one process
    with Helper() as helper:                # one process for many calls, one after another
        made = helper.call(write_excerpt, part, proxies)

The process says which file it has in hand (`media.hand`). Where it dies, hangs over a file or takes
more memory than it may, it is ended, and the error names that file: whoever called may go on
without it. Only arguments, steps of the job and the result go from one process to the other, as
pickles; pictures do not. A job that is stopped closes the pipe to the process, whose own job stops
then, as it does when its caller is gone.
"""

from __future__ import annotations

import contextlib
import faulthandler
import inspect
import itertools
import os
import pickle
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeVar

from kuleshov.errors import KuleshovError, MediaError, MediaStalled, Stopped, WorkerDied
from kuleshov.jobs import QUIET, Job, Step, undisturbed
from kuleshov.media.hand import Held, keep_record, read_record, refuse
from kuleshov.notes import Note

__all__ = [
    "Helper",
    "ProcessLimits",
    "asked",
    "cores",
    "crowding",
    "guarded",
    "memory_limit",
    "resident",
    "spared",
]

T = TypeVar("T")

_LEAST, _MOST = 2 << 30, 8 << 30  # bytes
_LOOK = 0.25  # s between two looks at the process
_LISTEN = 0.1  # s between two looks whether to stop
_TELL = 0.1  # s between two messages about how far a step is
_PARTING = 10.0  # s in which it may tidy up before it is killed
_STOPPING = 0.2  # s: the same where a job is stopped, and somebody waits
_DEADLY = 8  # files; where there are more, the fault does not lie with them


def memory_limit() -> int:
    """Return the bytes that a call may take: half of the machine's memory, between 2 and 8 GiB."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows does not tell so
        whole = _MOST
    return min(max(whole // 2, _LEAST), _MOST)


def cores() -> int:
    """Return how many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def crowding() -> float:
    """Return how many times longer than alone a process takes here now, from 1 to 10.

    It goes by the system's load. What is slow for that reason is not stalled.
    """
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows does not tell
        return 1.0
    return min(10.0, max(1.0, load / (os.cpu_count() or 1)))


@dataclass(frozen=True)
class ProcessLimits:
    """The limits of a guarded call.

    `stall_s`: how long one file may be in hand without giving anything, longer where the machine is
    busy (`crowding`); `memory`: bytes that the process may take (0: `memory_limit`); `nice`: how
    far it gives way to other processes, as the command of that name counts (not on Windows).
    """

    stall_s: float = 30.0
    memory: int = 0
    nice: int = 0


def guarded(
    function: Callable[..., T],
    *arguments: Any,
    limits: ProcessLimits = ProcessLimits(),
    refused: Mapping[Path, str] = MappingProxyType({}),
    tidy: Callable[[int], None] | None = None,
    job: Job = QUIET,
) -> T:
    """Call a function of a module in a process of its own and return its result.

    It is called as `function(*arguments)`, with a `job` if it takes one. The steps of the
    function's job are told as steps of `job`, ten times a second. The files of `refused` cannot be
    opened there, for the reasons given: they have proved dangerous. `tidy` gets the number of a
    process that could not clean up after itself. Raises what the function raises; `WorkerDied` or
    `MediaStalled` for the file that was in hand when the process had to be ended or died, or
    `KuleshovError` if there was none.
    """
    job.check()
    folder = Path(tempfile.mkdtemp(prefix="kuleshov-"))
    call: _Call | None = None
    patience = _STOPPING  # where the job is stopped, or the whole process: somebody waits
    try:
        call = _Call(folder, limits)
        made: T = call.run((function, arguments, dict(refused)), job)
        patience = _PARTING
    except KuleshovError as error:
        patience = _STOPPING if isinstance(error, Stopped) else _PARTING
        raise
    finally:
        with undisturbed():
            if call is not None:
                call.close(patience)
                if tidy is not None and call.process.returncode:
                    tidy(call.process.pid)
            shutil.rmtree(folder, ignore_errors=True)
    return made


def spared(
    function: Callable[..., T],
    *arguments: Any,
    again: Callable[[Any], Any] | None = None,
    limits: ProcessLimits = ProcessLimits(),
    tidy: Callable[[int], None] | None = None,
    job: Job = QUIET,
) -> T:
    """Call a function as `guarded` does, and again without each file that ends its process.

    Such a file is refused from then on: opening it raises `MediaError` with the reason, which the
    function takes as of any file that cannot be read. `again` makes the arguments of a further call
    out of the first ones. Raises as `guarded`; `WorkerDied` or `MediaStalled` only where the
    process ends over a file that it no longer opens, or over more than eight files.
    """
    refused: dict[Path, str] = {}
    while True:
        given = arguments if again is None or not refused else [again(one) for one in arguments]
        try:
            return guarded(
                function,
                *given,
                limits=limits,
                refused=refused,
                tidy=tidy,
                job=job,
            )
        except (WorkerDied, MediaStalled) as error:
            if error.path in refused or len(refused) == _DEADLY:
                raise
            refused[error.path] = error.reason


def asked(
    question: Callable[[Path], T], files: Iterable[Path], job: Job = QUIET
) -> dict[Path, T | MediaError]:
    """Return the answers of files to one question, all asked in one process, or why there is none.

    No process is started where there are no files. Raises as `spared`.
    """
    paths = list(dict.fromkeys(files))
    return spared(_answers, question, paths, job=job) if paths else {}


def _answers(
    question: Callable[[Path], T], paths: list[Path], job: Job = QUIET
) -> dict[Path, T | MediaError]:
    answers: dict[Path, T | MediaError] = {}
    for path in job.over(paths):
        try:
            answers[path] = question(path)
        except MediaError as error:
            answers[path] = error
    return answers


class Helper:
    """A process that makes one call after another, started when it is first needed.

    It is started anew after it has died or had to be ended. Used by one thread at a time; a context
    manager.
    """

    def __init__(self, limits: ProcessLimits = ProcessLimits()) -> None:
        self._limits = limits
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._running: _Call | None = None

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, if it does not run: a call need not wait for it then."""
        if self._running is not None and self._running.process.poll() is not None:
            self.close()
        if self._running is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="kuleshov-", ignore_cleanup_errors=True
            )
            self._running = _Call(Path(self._folder.name), self._limits)

    def call(
        self,
        function: Callable[..., T],
        *arguments: Any,
        refused: Mapping[Path, str] = MappingProxyType({}),
        job: Job = QUIET,
    ) -> T:
        """Call a function as `guarded` does. Raises as that."""
        job.check()
        self.start()
        assert self._running is not None
        try:
            return self._running.run((function, arguments, dict(refused)), job)  # type: ignore[no-any-return]
        except Stopped:
            if not self._running.stop_call(_STOPPING):
                self.close()
            raise
        except BaseException:
            if self._running.ended:
                self.close()
            raise

    def close(self) -> None:
        """End the process; the next call starts another."""
        running, self._running = self._running, None
        folder, self._folder = self._folder, None
        if running is not None:
            running.close(_STOPPING)
        if folder is not None:
            folder.cleanup()


class _Call:
    """A process that makes calls, one at a time, seen from outside."""

    def __init__(self, folder: Path, limits: ProcessLimits) -> None:
        self._folder, self._limits = folder, limits
        self._memory = limits.memory or memory_limit()
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._since: dict[int, tuple[int, float]] = {}
        self.ended = False
        self._listener: threading.Thread | None = None
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kuleshov.media.guard", str(folder), str(limits.nice)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **places, "PYTHONPATH": path},
        )

    def run(self, request: tuple[Any, ...], job: Job) -> Any:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # if it has died already, it is found out below
            _Pickler(self.process.stdin).dump(request)
            self.process.stdin.flush()
        if self._listener is None:
            listening = (self.process.stdout, self._inbox)
            self._listener = threading.Thread(target=_listen, args=listening, daemon=True)
            self._listener.start()
        self._since = {}
        looked = time.monotonic()
        with _Retelling(job) as steps:
            while True:
                job.check_waiting()
                try:
                    kind, *what = self._inbox.get(timeout=_LISTEN)
                except queue.Empty:
                    kind, what = "", []
                if kind == "done":
                    return what[0]
                if kind == "error":
                    raise what[0]
                if kind == "end":
                    raise self._died()
                if kind:
                    steps.tell(kind, *what)
                if time.monotonic() - looked > _LOOK:
                    looked = time.monotonic()
                    self._watch()

    def stop_call(self, patience: float) -> bool:
        """Make the process end its call, and return whether it has within `patience` s.

        Then it can make another.
        """
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, queue.Empty):
            pickle.dump(None, self.process.stdin)
            self.process.stdin.flush()
            until = time.monotonic() + patience
            while True:
                kind, *_ = self._inbox.get(timeout=max(0.0, until - time.monotonic()))
                if kind in ("done", "error", "end"):
                    return bool(kind != "end")
        return False

    def close(self, patience: float) -> None:
        """Let the process tidy up and end; it is killed after `patience` s."""
        self._stop()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._listener is not None:
            self._listener.join(_PARTING)  # it has come to the end of what the process said
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _stop(self) -> None:
        """Close its input, which tells the process that nobody waits for the rest."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def _watch(self) -> None:
        """End the process where it hangs over a file, or takes too much memory."""
        taken = resident(self.process.pid)
        held = read_record(self._folder / "hand")
        if taken > self._memory:
            self._kill()
            raise _blamed(held, f"it took more than {self._memory / (1 << 30):.1f} GiB of memory.")
        now, patience = time.monotonic(), self._limits.stall_s * crowding()
        for one in held:
            number, since = self._since.get(one.thread, (0, now))
            self._since[one.thread] = (one.number, since if number == one.number else now)
            if one.busy and number == one.number and now - since > patience:
                self._kill()
                seconds = f"{self._limits.stall_s:g}"
                raise MediaStalled(one.path, f"it gave nothing for {seconds} seconds.")

    def _kill(self) -> None:
        self.ended = True
        self.process.kill()
        self.process.wait()

    def _died(self) -> KuleshovError:
        self.ended = True
        code = self.process.wait()
        held = read_record(self._folder / "hand")
        with contextlib.suppress(OSError):
            crash = (self._folder / "crash").read_text(errors="replace")
            found = re.search(r"Current thread 0x([0-9a-fA-F]+)", crash)
            # Another thread may well have had another file in hand at that time.
            held = [one for one in held if found and one.thread == int(found[1], 16)] or held
        return _blamed(held, f"the process that decoded it ended with status {code}.")


class _Retelling:
    """A relay that tells the steps of another process's job as steps of a job here."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._steps: dict[int, Step] = {}

    def __enter__(self) -> _Retelling:
        return self

    def __exit__(self, *_: object) -> None:
        """End what the process has begun and not ended: it died, or nobody waits any more."""
        for number in reversed([*self._steps]):
            self._ended(number, None, None, "")

    def tell(self, kind: str, *what: Any) -> None:
        """Pass on what the other process tells."""
        if kind == "began":
            number, text, of, unit = what
            self._steps[number] = self._job.step(text, of, unit).__enter__()
        elif kind == "moved":
            number, done, of = what
            self._steps[number].at(done, of)
        elif kind == "ended":
            self._ended(*what)
        elif kind == "noted":
            self._job.note(what[0])

    def _ended(self, number: int, done: float | None, of: float | None, outcome: str) -> None:
        step = self._steps.pop(number)
        step.outcome = outcome
        try:
            if done is not None and (done, of) != (step.done, step.of):
                step.at(done, of)
        finally:
            step.__exit__(None, None, None)


def _blamed(held: list[Held], reason: str) -> KuleshovError:
    """Return the error that names the file in hand, or else the file that was so last."""
    likely = [one for one in held if one.busy] or held
    return WorkerDied(likely[0].path, reason) if likely else KuleshovError(reason)


def _read_only(value: dict[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(value)


class _Pickler(pickle.Pickler):
    """A pickler that also takes mappings that cannot be changed: timelines have some."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, MappingProxyType):
            return _read_only, (dict(value),)
        return NotImplemented


def _listen(pipe: IO[bytes], inbox: queue.Queue[Any]) -> None:
    """Move messages from the process to `inbox`; `end` when there are no more."""
    while True:
        try:
            inbox.put(pickle.load(pipe))
        except Exception:  # noqa: BLE001 - whatever is wrong with the pipe, nothing more will come
            inbox.put(("end",))
            return


def resident(process: int) -> int:
    """Return the bytes of memory that a process holds; 0 where they cannot be told.

    It is gone then, or the system does not tell.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
    elif sys.platform == "win32":
        return _resident_on_windows(process)
    else:
        asked = ["ps", "-o", "rss=", "-p", str(process)]
        with contextlib.suppress(OSError, ValueError):
            return 1024 * int(subprocess.run(asked, capture_output=True, text=True).stdout)
    return 0


def _resident_on_windows(process: int) -> int:
    import ctypes

    class Counters(ctypes.Structure):  # PROCESS_MEMORY_COUNTERS of psapi.h
        _fields_ = [("size", ctypes.c_ulong), ("faults", ctypes.c_ulong)] + [
            (f"bytes{n}", ctypes.c_size_t) for n in range(8)
        ]

    counters = Counters()
    counters.size = ctypes.sizeof(counters)
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, process)  # PROCESS_QUERY_LIMITED_INFORMATION
    try:
        told = kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.size)
        return int(counters.bytes1) if told else 0  # WorkingSetSize
    finally:
        kernel.CloseHandle(handle)


# ---------------------------------------------------------------- in the process


class _Teller:
    """A sender of messages; as the listener of a job it tells steps, and how far they are.

    It tells how far they are only now and then.
    """

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self._numbers: dict[Step, int] = {}
        self._last: dict[Step, float] = {}
        self._count = itertools.count()

    def began(self, step: Step) -> None:
        number = self._numbers[step] = next(self._count)
        self.tell("began", number, step.what, step.of, step.unit)

    def moved(self, step: Step) -> None:
        now = time.monotonic()
        if now - self._last.get(step, 0.0) >= _TELL:
            self._last[step] = now
            self.tell("moved", self._numbers[step], step.done, step.of)

    def ended(self, step: Step) -> None:
        self._last.pop(step, None)
        self.tell("ended", self._numbers.pop(step), step.done, step.of, step.outcome)

    def noted(self, note: Note) -> None:
        self.tell("noted", note)

    def tell(self, *message: Any) -> None:
        # Whoever has stopped listening has closed the pipe; what is then done is to end.
        with self._lock, contextlib.suppress(BrokenPipeError):
            pickle.dump(message, self._answers, protocol=5)
            self._answers.flush()


def _portable(error: Exception) -> Exception:
    """Return an error that arrives whole at another process; one of a library may not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - libraries' errors fail in as many ways
        return KuleshovError(f"{type(error).__name__}: {error}")
    return error


class _Requests:
    """The calls that come over standard input, and whether nobody waits any more."""

    def __init__(self) -> None:
        self._requests: queue.Queue[Any] = queue.Queue()
        self.job: Job | None = None  # of the call that is being made, if it looks after one
        self._busy = self._alone = False
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Any:
        with self._lock:
            if self._alone:
                os._exit(0)
        return self._requests.get()

    def done(self) -> None:
        """Record that the call that was taken last is over."""
        with self._lock:
            self._busy, self.job = False, None

    def _listen(self) -> None:
        while True:
            try:
                request = pickle.load(sys.stdin.buffer)
            except Exception:  # noqa: BLE001 - whatever is wrong with the pipe: the caller is gone
                self._end()
            if request is None:
                self._stop()
                continue
            with self._lock:
                self._busy = True
            self._requests.put(request)

    def _stop(self) -> None:
        with self._lock:
            if self.job is not None:
                self.job.stop()

    def _end(self) -> None:
        with self._lock:
            busy, job = self._busy, self.job
            self._alone = True
        if busy and job is not None:
            job.stop()
            time.sleep(_PARTING)  # by then a call that looks after its job has ended
        # A daemon thread that waits for input holds its lock: the interpreter would not end well.
        os._exit(1 if busy else 0)


def main() -> None:
    """Answer calls on standard input.

    Libraries may not print to standard output.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears of it, and closes our input
    folder, nice = Path(sys.argv[1]), int(sys.argv[2])
    if nice and hasattr(os, "nice"):
        os.nice(nice)
    with (folder / "crash").open("w") as crash:
        faulthandler.enable(crash)
        keep_record(folder / "hand")
        requests = _Requests()
        while True:
            _answer(requests, answers)


def _answer(requests: _Requests, answers: IO[bytes]) -> None:
    function, arguments, refused = requests.next()
    refuse(refused)
    teller = _Teller(answers)
    takes = "job" in inspect.signature(function).parameters
    job = Job(teller)
    requests.job = job if takes else None
    try:
        made = function(*arguments, **({"job": job} if takes else {}))
        message: tuple[Any, ...] = ("done", made)
    except Exception as error:  # noqa: BLE001 - the other end must hear of it, whatever it is
        message = ("error", _portable(error))
    requests.done()
    teller.tell(*message)


if __name__ == "__main__":
    main()
