"""Play a film as a camera: its frames come at its own rate, and those that come too late are lost.

with Camera(desk, path) as camera:
    while (frame := camera.newest()) is not None:    # waits for a frame that was not given yet
        live.look(frame.picture, frame.time, frame.came)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from kuleshov.desk.room import check_there
from kuleshov.errors import KuleshovError, MediaError
from kuleshov.features.analyse import LARGE
from kuleshov.footage import Probe
from kuleshov.jobs import QUIET, Job
from kuleshov.media.sampling import FrameBatch, ReadRequest

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["Camera", "CameraFrame"]

_FASTEST = 30  # frames a second, as cameras have
_AHEAD = 96  # frames that are decoded before they are due
_LISTEN = 0.1  # s between two looks whether to stop


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A frame of a camera: its time in s, and when it came, by `time.perf_counter`."""

    picture: NDArray[np.uint8]
    time: float
    came: float


class Camera:
    """A film that is played as a camera; its clock starts with the first frame that is asked for.

    `rate` is how many frames come a second: the film's own, 30 at most. Raises `MediaError` where
    it cannot be read; a film that breaks on the way ends there.
    """

    def __init__(self, desk: Desk, path: Path, job: Job = QUIET) -> None:
        check_there(path)
        self._worker, self._path, self._job = desk.networks.worker.another(), path, job
        self.rate = self._rate()
        self._frames: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: KuleshovError | None = None
        self._began: float | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._decode, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop decoding."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._worker.retire()
        self._thread.join()

    def _rate(self) -> int:
        """Return how many frames a second there are, without reading more than the first ones."""
        rate = 0
        request = ReadRequest(self._path, begin=Fraction(0), end=Fraction(0))
        try:
            for message in self._worker.read(request, self._job):
                if isinstance(message, Probe):
                    rate = max(1, min(_FASTEST, round(float(message.video.rate))))
        except BaseException:
            self._worker.retire()
            raise
        if not rate:
            raise MediaError(self._path, "no picture of it can be decoded.")
        return rate

    def _decode(self) -> None:
        number = 0
        try:
            request = ReadRequest(self._path, self.rate, picture=16, large=LARGE)
            for message in self._worker.read(request, self._job):
                if not isinstance(message, FrameBatch) or message.large is None:
                    continue
                for which in message.which.tolist():
                    if not self._put(number / self.rate, message.large[which]):
                        return
                    number += 1
        except KuleshovError as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, at: float, picture: NDArray[np.uint8]) -> bool:
        with self._changed:
            while len(self._frames) >= _AHEAD and not self._closed:
                self._changed.wait(_LISTEN)
            self._frames.append((at, picture))
            self._changed.notify_all()
            return not self._closed

    def newest(self) -> CameraFrame | None:
        """Wait for the next frame that is due, and return the newest of those; None at the end.

        Frames that were due before it are dropped. Raises `MediaError` where nothing could be read.
        """
        with self._changed:
            while not self._frames and not self._ended:
                self._job.check()
                self._changed.wait(_LISTEN)
            if not self._frames:
                if self._error is not None and self._began is None:
                    raise self._error
                return None
            if self._began is None:
                self._began = time.perf_counter() - self._frames[0][0]
        self._wait(self._began + self._frames[0][0])
        with self._changed:
            now = time.perf_counter() - self._began
            at, picture = self._frames.popleft()
            while self._frames and self._frames[0][0] <= now:
                at, picture = self._frames.popleft()
                self.dropped += 1
            self._changed.notify_all()
        return CameraFrame(picture, at, self._began + at)

    def _wait(self, due: float) -> None:
        while (left := due - time.perf_counter()) > 0:
            self._job.check()
            time.sleep(min(left, _LISTEN))
