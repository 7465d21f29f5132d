"""Run a call in a process of its own, so that a file that crashes it takes nothing else along.

    film = guarded(render, timeline, out, options, progress=report)
    facts = spared(facts_of, timeline)      # again without each file that ends the process
    slates = asked(own_slate, paths)        # one question to many files, in one process

The process says which file it has in hand (`media.hand`). Where it dies, hangs over a file or takes
more memory than it may, it is ended, and the error names that file: whoever called may go on
without it. Only arguments, progress and the result go from one process to the other, as pickles;
pictures do not. The process ends itself when its caller is gone.
"""

from __future__ import annotations

import contextlib
import faulthandler
import inspect
import os
import pickle
import queue
import re
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

from kuleshov.errors import KuleshovError, MediaError, MediaStalled, WorkerDied
from kuleshov.media.hand import Held, keep_record, read_record, refuse

__all__ = ["GuardLimits", "asked", "guarded", "memory_limit", "resident", "spared"]

T = TypeVar("T")

_LEAST, _MOST = 2 << 30, 8 << 30  # bytes
_LOOK = 0.25  # s between two looks at the process
_TELL = 0.1  # s between two messages about progress
_PARTING = 10.0  # s in which it may tidy up before it is killed
_DEADLY = 8  # files; where there are more, the fault does not lie with them


def memory_limit() -> int:
    """Bytes that a call may take: half of the machine's memory, between 2 and 8 GiB."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows does not tell so
        whole = _MOST
    return min(max(whole // 2, _LEAST), _MOST)


@dataclass(frozen=True)
class GuardLimits:
    """`stall_s`: how long one file may be in hand without giving anything; `memory`: bytes that the
    process may take (0: `memory_limit`)."""

    stall_s: float = 30.0
    memory: int = 0


def guarded(
    function: Callable[..., T],
    *arguments: Any,
    progress: Callable[..., None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    limits: GuardLimits = GuardLimits(),
    refused: Mapping[Path, str] = MappingProxyType({}),
    tidy: Callable[[int], None] | None = None,
) -> T:
    """Call a function of a module elsewhere: `function(*arguments, progress=…, cancelled=…)`, as
    far as it takes these.

    `progress` gets what the function reports, ten times a second. The files of `refused` cannot be
    opened there, for the reasons given: they have proved dangerous. `tidy` gets the number of a
    process that could not clean up after itself. Raises what the function raises; `WorkerDied` or
    `MediaStalled` for the file that was in hand when the process had to be ended or died, or
    `KuleshovError` if there was none.
    """
    with tempfile.TemporaryDirectory(prefix="kuleshov-", ignore_cleanup_errors=True) as folder:
        call = _Call(Path(folder), limits)
        try:
            return call.run((function, arguments, dict(refused)), progress, cancelled)  # type: ignore[no-any-return]
        finally:
            call.close()
            if tidy is not None and call.process.returncode:
                tidy(call.process.pid)


def spared(
    function: Callable[..., T],
    *arguments: Any,
    again: Callable[[Any], Any] | None = None,
    progress: Callable[..., None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    limits: GuardLimits = GuardLimits(),
    tidy: Callable[[int], None] | None = None,
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
                progress=progress,
                cancelled=cancelled,
                limits=limits,
                refused=refused,
                tidy=tidy,
            )
        except (WorkerDied, MediaStalled) as error:
            if error.path in refused or len(refused) == _DEADLY:
                raise
            refused[error.path] = error.reason


def asked(question: Callable[[Path], T], files: Iterable[Path]) -> dict[Path, T | MediaError]:
    """Ask each file the same question, all in one process; the answers, or why there is none.

    No process is started where there are no files. Raises as `spared`.
    """
    paths = list(dict.fromkeys(files))
    return spared(_answers, question, paths) if paths else {}


def _answers(question: Callable[[Path], T], paths: list[Path]) -> dict[Path, T | MediaError]:
    answers: dict[Path, T | MediaError] = {}
    for path in paths:
        try:
            answers[path] = question(path)
        except MediaError as error:
            answers[path] = error
    return answers


class _Call:
    """One call in its process, seen from outside."""

    def __init__(self, folder: Path, limits: GuardLimits) -> None:
        self._folder, self._limits = folder, limits
        self._memory = limits.memory or memory_limit()
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._since: dict[int, tuple[int, float]] = {}
        self._listener: threading.Thread | None = None
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kuleshov.media.guard", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **places, "PYTHONPATH": path},
        )

    def run(
        self,
        request: tuple[Any, ...],
        progress: Callable[..., None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> Any:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # if it has died already, it is found out below
            _Pickler(self.process.stdin).dump(request)
            self.process.stdin.flush()
        listening = (self.process.stdout, self._inbox)
        self._listener = threading.Thread(target=_listen, args=listening, daemon=True)
        self._listener.start()
        looked = time.monotonic()
        while True:
            try:
                kind, *what = self._inbox.get(timeout=_LOOK)
            except queue.Empty:
                kind, what = "", []
            if kind == "progress" and progress is not None:
                progress(*what)
            elif kind == "done":
                return what[0]
            elif kind == "error":
                raise what[0]
            elif kind == "end":
                raise self._died()
            if cancelled is not None and cancelled():
                self._stop()
            if time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                self._watch()

    def close(self) -> None:
        """Let it tidy up and end; it is killed where that takes long."""
        self._stop()
        try:
            self.process.wait(_PARTING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._listener is not None:
            self._listener.join(_PARTING)  # it has come to the end of what the process said
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _stop(self) -> None:
        """Closing its input tells it that nobody waits for the rest."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def _watch(self) -> None:
        """End it where it hangs over a file, or takes too much memory."""
        taken = resident(self.process.pid)
        held = read_record(self._folder / "hand")
        if taken > self._memory:
            self._kill()
            raise _blamed(held, f"it took more than {self._memory / (1 << 30):.1f} GiB of memory.")
        now = time.monotonic()
        for one in held:
            number, since = self._since.get(one.thread, (0, now))
            self._since[one.thread] = (one.number, since if number == one.number else now)
            if one.busy and number == one.number and now - since > self._limits.stall_s:
                self._kill()
                seconds = f"{self._limits.stall_s:g}"
                raise MediaStalled(one.path, f"it gave nothing for {seconds} seconds.")

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _died(self) -> KuleshovError:
        code = self.process.wait()
        held = read_record(self._folder / "hand")
        with contextlib.suppress(OSError):
            crash = (self._folder / "crash").read_text(errors="replace")
            found = re.search(r"Current thread 0x([0-9a-fA-F]+)", crash)
            # Another thread may well have had another file in hand at that time.
            held = [one for one in held if found and one.thread == int(found[1], 16)] or held
        return _blamed(held, f"the process that decoded it ended with status {code}.")


def _blamed(held: list[Held], reason: str) -> KuleshovError:
    """The error that names the file in hand, or that which was so last."""
    likely = [one for one in held if one.busy] or held
    return WorkerDied(likely[0].path, reason) if likely else KuleshovError(reason)


def _read_only(value: dict[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(value)


class _Pickler(pickle.Pickler):
    """Takes mappings that cannot be changed, too: timelines have some."""

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
    """Bytes of memory that a process holds; 0 where it is gone or the system does not tell."""
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
    """Sends messages; of progress only some."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers, self._last = answers, 0.0
        self._lock = threading.Lock()

    def progress(self, *what: Any) -> None:
        now = time.monotonic()
        if now - self._last >= _TELL:
            self._last = now
            self.tell("progress", *what)

    def tell(self, *message: Any) -> None:
        with self._lock:
            pickle.dump(message, self._answers, protocol=5)
            self._answers.flush()


def _portable(error: Exception) -> Exception:
    """An error that arrives whole; one of a library may not."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - libraries' errors fail in as many ways
        return KuleshovError(f"{type(error).__name__}: {error}")
    return error


def main() -> None:
    """Answer the one call on standard input. Libraries may not print to standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears of it, and closes our input
    folder, gone = Path(sys.argv[1]), threading.Event()
    with (folder / "crash").open("w") as crash:
        faulthandler.enable(crash)
        keep_record(folder / "hand")
        function, arguments, refused = pickle.load(sys.stdin.buffer)
        refuse(refused)
        takes = inspect.signature(function).parameters

        def wait() -> None:
            sys.stdin.buffer.read()
            gone.set()
            if "cancelled" not in takes:
                os._exit(1)

        threading.Thread(target=wait, daemon=True).start()
        teller = _Teller(answers)
        try:
            means = {"progress": teller.progress, "cancelled": gone.is_set}
            given = {name: value for name, value in means.items() if name in takes}
            made = function(*arguments, **given)
            message: tuple[Any, ...] = ("done", made)
        except Exception as error:  # noqa: BLE001 - the other end must hear of it, whatever it is
            message = ("error", _portable(error))
        with contextlib.suppress(BrokenPipeError):
            teller.tell(*message)
        answers.close()
        # A daemon thread that waits for input holds its lock: the interpreter would not end well.
        os._exit(0)


if __name__ == "__main__":
    main()
