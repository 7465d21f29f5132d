"""Decode in a process that may die, hang or be killed, without taking the run down.

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from kuleshov.errors import KuleshovError, MediaError, MediaStalled, WorkerDied
from kuleshov.footage import Probe
from kuleshov.media.guard import memory_limit, resident
from kuleshov.media.read import (
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
_AHEAD = 4  # batches that may wait to be taken
_PARTING = 10.0  # s in which the thread that listens ends once the process has


@dataclass(frozen=True)
class ReadLimits:
    """How long a film may keep one waiting.

    It is given up after `stall_s` seconds without any frame, and where, after `patience_s` seconds
    of waiting, it has given less than `min_fps` frames a second; and where the process takes more
    than `memory` bytes (0: `guard.memory_limit`).
    """

    stall_s: float = 30.0
    patience_s: float = 60.0
    min_fps: float = 1.0
    memory: int = 0


class Worker:
    """A decoding process, started when first needed. Not for use by several threads at once."""

    def __init__(self, limits: ReadLimits = ReadLimits()) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox: queue.Queue[object] = queue.Queue(_AHEAD)
        self._abandoned = threading.Event()
        self._listener: threading.Thread | None = None
        self._looked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
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

    def read(self, request: ReadRequest) -> Iterator[Probe | FrameBatch | ReadEnd]:
        """`media.read.read`, elsewhere. Raises what that raises, `MediaStalled` or `WorkerDied`."""
        yield from self._conversation(request)

    def checksum(self, path: Path, progress: Callable[[int], None] | None = None) -> str:
        """SHA-256 of a file, in hexadecimal; `progress` gets the bytes read. Raises as `read`."""
        sha256 = ""
        for message in self._conversation(ChecksumRequest(path)):
            sha256 = message.sha256
            if progress is not None:
                progress(message.read)
        return str(sha256)

    def _conversation(self, request: ReadRequest | ChecksumRequest) -> Iterator[Any]:
        self._ask(request)
        done = False
        try:
            for message in self._messages(request):
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

    def _messages(self, request: ReadRequest | ChecksumRequest) -> Iterator[Any]:
        limits, waited, frames = self._limits, 0.0, 0
        while True:
            began = time.monotonic()
            message = self._next(request.path, began + limits.stall_s)
            waited += time.monotonic() - began
            if message is None:
                raise WorkerDied(request.path, self._epitaph())
            # 16 MiB of a file that is only copied are worth as much as a batch of pictures.
            frames += len(message) if isinstance(message, FrameBatch) else 64
            if waited > limits.patience_s and frames < limits.min_fps * waited:
                raise MediaStalled(
                    request.path, f"it gives less than {limits.min_fps:g} pictures a second."
                )
            yield message

    def _next(self, path: Path, until: float) -> Any:
        """The next message, for which one waits until that time of the clock; the process's memory
        is looked at four times a second."""
        most = self._limits.memory or memory_limit()
        while True:
            now = time.monotonic()
            if now - self._looked > _LOOK and self._process is not None:
                self._looked = now
                if resident(self._process.pid) > most:
                    reason = f"it took more than {most / (1 << 30):.1f} GiB of memory."
                    raise WorkerDied(path, reason)
            try:
                return self._inbox.get(timeout=min(_LOOK, max(0.0, until - now)))
            except queue.Empty:
                if time.monotonic() >= until:
                    seconds = f"{self._limits.stall_s:g}"
                    raise MediaStalled(path, f"it gave no picture for {seconds} seconds.") from None

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
        except OSError as error:
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
    """The process's own loop: a request in, its messages out."""
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
    """Serve on standard input and output, which libraries may not print to any more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
