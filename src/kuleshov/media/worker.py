"""Decode in a process that may die, hang or be killed, without ending the run.

    with Worker() as worker:
        for message in worker.read(request): ...

The process is started once and reads one film after another; it is replaced when it has died or
had to be stopped. Messages are pickles on its standard output: both ends are this package.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from kuleshov.errors import Closed, KuleshovError, MediaError, MediaStalled, WorkerDied
from kuleshov.footage import Probe
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import ProcessLimits, crowding, memory_limit, resident
from kuleshov.media.sampling import (
    Checksum,
    ChecksumRequest,
    FrameBatch,
    ReadEnd,
    ReadRequest,
    checksum,
    read,
)

__all__ = ["ReadLimits", "Worker"]

_LOOK = 0.25  # s between two looks at the process
_LISTEN = 0.1  # s between two looks whether to stop
_AHEAD = 4  # batches that may wait to be taken
_PARTING = 10.0  # s in which the thread that listens ends once the process has


@dataclass(frozen=True)
class ReadLimits(ProcessLimits):
    """The limits of a process that decodes: how long a film may keep one waiting, besides.

    It is given up, too, where, after `patience_s` seconds of waiting, it has given less than
    `min_fps` frames a second. A busy machine is given more time (`guard.crowding`).
    """

    patience_s: float = 60.0
    min_fps: float = 1.0


class Worker:
    """A decoding process, started when first needed.

    Of several threads each waits until the one before has read to the end or listens no more.
    """

    def __init__(self, limits: ReadLimits = ReadLimits()) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox: queue.Queue[object] = queue.Queue(_AHEAD)
        self._abandoned = threading.Event()
        self._listener: threading.Thread | None = None
        self._looked = 0.0
        self._turn = _Turn()
        self._retired = False

    def another(self) -> Worker:
        """Return another process with the same limits, not started yet."""
        return Worker(self._limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def retire(self) -> None:
        """End the process for good: reading a film then, now or later, raises `Closed`."""
        self._retired = True
        self.close()

    def close(self) -> None:
        """End the process; the next reading starts another."""
        process, self._process = self._process, None
        self._abandoned.set()
        if process is None:
            return
        process.kill()
        process.wait()
        if self._listener is not None:
            # Where it waits for room there is some now, and what comes is not wanted any more.
            with contextlib.suppress(queue.Empty):
                self._inbox.get_nowait()
            self._listener.join(_PARTING)
            self._listener = None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def read(
        self, request: ReadRequest, job: Job = QUIET
    ) -> Generator[Probe | FrameBatch | ReadEnd]:
        """Yield what `media.sampling.read` does, from the other process.

        Raises what that raises, `MediaStalled` or `WorkerDied`.
        """
        with self._turn.of(job):
            yield from self._conversation(request, job)

    def checksum(self, path: Path, job: Job = QUIET) -> str:
        """Return the SHA-256 of a file, in hexadecimal; the steps count bytes. Raises as `read`."""
        sha256 = ""
        try:
            size: int | None = path.stat().st_size
        except OSError:
            size = None  # reading it says why
        with job.step(f"reading {path.name}", of=size, unit="bytes") as step, self._turn.of(job):
            for message in self._conversation(ChecksumRequest(path), job):
                sha256 = message.sha256
                step.at(message.read)
        return str(sha256)

    def _conversation(self, request: ReadRequest | ChecksumRequest, job: Job) -> Iterator[Any]:
        job.check()
        self._check_open()
        done = False
        try:
            self._ask(request)
            for message in self._messages(request, job):
                if isinstance(message, KuleshovError):
                    done = True
                    raise message
                done = isinstance(message, ReadEnd) or (
                    isinstance(message, Checksum) and bool(message.sha256)
                )
                yield message
                if done:
                    return
        finally:
            # Someone who stops listening half way must not hear the rest with the next film.
            if not done:
                self.close()

    def _messages(self, request: ReadRequest | ChecksumRequest, job: Job) -> Iterator[Any]:
        limits, waited, frames = self._limits, 0.0, 0
        while True:
            job.check()
            began = time.monotonic()
            message = self._next(request.path, began + limits.stall_s * crowding(), job)
            waited += time.monotonic() - began
            if message is None:
                self._check_open()
                raise WorkerDied(request.path, self._epitaph())
            # 16 MiB of a file that is only copied are worth as much as a batch of pictures.
            frames += len(message) if isinstance(message, FrameBatch) else 64
            if waited > limits.patience_s and frames < limits.min_fps * waited / crowding():
                raise MediaStalled(
                    request.path, f"it gives less than {limits.min_fps:g} pictures a second."
                )
            yield message

    def _next(self, path: Path, until: float, job: Job) -> Any:
        """Return the next message, waiting for it until that time of the clock.

        The process's memory is looked at four times a second, and oftener whether to stop.
        """
        most = self._limits.memory or memory_limit()
        while True:
            job.check_waiting()
            self._check_open()
            now = time.monotonic()
            if now - self._looked > _LOOK and self._process is not None:
                self._looked = now
                if resident(self._process.pid) > most:
                    reason = f"it took more than {most / (1 << 30):.1f} GiB of memory."
                    raise WorkerDied(path, reason)
            try:
                return self._inbox.get(timeout=min(_LISTEN, max(0.0, until - now)))
            except queue.Empty:
                if time.monotonic() >= until:
                    seconds = f"{self._limits.stall_s:g}"
                    raise MediaStalled(path, f"it gave no picture for {seconds} seconds.") from None

    def _check_open(self) -> None:
        if self._retired:
            raise Closed("What looks at films")

    def _epitaph(self) -> str:
        process = self._process
        code = process.wait(timeout=10) if process is not None else None
        return f"the process that decoded it ended with status {code}."

    def _ask(self, request: ReadRequest | ChecksumRequest) -> None:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError where the pipe was closed
            self._check_open()
            raise WorkerDied(request.path, self._epitaph()) from error

    def _start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kuleshov.media.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._inbox, self._abandoned = queue.Queue(_AHEAD), threading.Event()
        self._listener = threading.Thread(
            target=_listen,
            args=(self._process.stdout, self._inbox, self._abandoned),
            name="kuleshov-worker",
            daemon=True,
        )
        self._listener.start()


class _Turn:
    """A context that one thread is in at a time; the others wait.

    A reading may be ended by another thread than began it, so no thread owns it for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whose = 0

    @contextlib.contextmanager
    def of(self, job: Job) -> Iterator[None]:
        """Have the turn, once nobody else has it. Raises `Stopped` where the job is to stop."""
        if self._whose == threading.get_ident():
            raise RuntimeError("This thread still reads another film with the same Worker.")
        while not self._lock.acquire(timeout=_LISTEN):
            job.check_waiting()
        self._whose = threading.get_ident()
        try:
            yield
        finally:
            self._whose = 0
            self._lock.release()


def _listen(pipe: IO[bytes], inbox: queue.Queue[object], abandoned: threading.Event) -> None:
    """Move messages from the pipe to `inbox`; None when the process has ended."""
    message: object = ...
    while message is not None:
        try:
            message = pickle.load(pipe)
        except (EOFError, OSError, ValueError, AttributeError, pickle.UnpicklingError):
            message = None
        while not abandoned.is_set():
            try:
                inbox.put(message, timeout=0.5)
                break
            except queue.Full:
                continue


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Run the process's own loop: a request in, its messages out."""
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        try:
            messages = checksum(request) if isinstance(request, ChecksumRequest) else read(request)
            for message in messages:
                pickle.dump(message, answers, protocol=5)
                answers.flush()
        except BrokenPipeError:
            return
        except KuleshovError as error:
            pickle.dump(error, answers)
        except Exception as error:  # noqa: BLE001 - the other end must hear of it, whatever it is
            reason = f"{type(error).__name__}: {error}"
            pickle.dump(MediaError(request.path, reason), answers)
        answers.flush()


def main() -> None:
    """Serve on standard input and output, to which libraries may not print any more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
