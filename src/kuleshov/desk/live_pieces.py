"""Pieces of footage, ready to be played as answers to a camera.

    with Pieces() as pieces:
        data = pieces.piece(footage, 3)          # an MP4 of 6 s to 10 s, small and without sound

Footage is divided into pieces of four seconds, one every two, so that from any instant there are
two seconds to play before another one is needed. They are made of proxies, in processes of their
own, kept on disk under what they show, and made once however many ask.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from concurrent.futures import Future
from fractions import Fraction
from math import ceil
from typing import Self

from kuleshov.archive.catalogue import Footage
from kuleshov.desk.preview import PreviewCache
from kuleshov.errors import Closed, UsageError
from kuleshov.files import Kept
from kuleshov.jobs import Job
from kuleshov.media.guard import Helper
from kuleshov.records import plain
from kuleshov.render.segments import LARGEST, clip_film, warmed
from kuleshov.timeline import Clip, Media

__all__ = ["LENGTH", "STEP", "Pieces"]

STEP, LENGTH = Fraction(2), Fraction(4)
"""Seconds from one piece to the next, and of each."""

_HELPERS = 2
_FASTEST = 30  # frames a second of a piece
_VERSION = 1  # of what pieces look like


class Pieces:
    """Pieces of footage; a context manager. Safe among threads."""

    def __init__(self, cache: PreviewCache | None = None) -> None:
        self._cache = cache or PreviewCache()
        self._lock = threading.Lock()
        self._making: dict[str, Future[bytes]] = {}
        self._helpers: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        self._all = [Helper() for _ in range(_HELPERS)]
        for helper in self._all:
            self._helpers.put(helper)
        self._job, self._closed = Job(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop what is being made, and end the processes."""
        with self._lock:
            self._closed = True
        self._job.stop()
        for _ in self._all:
            self._helpers.get().close()  # whoever had it gave it back

    def warm(self) -> None:
        """Load what the first piece needs, so that it does not wait for that."""
        helper = self._helpers.get()
        try:
            helper.call(warmed, job=self._job)
        finally:
            self._helpers.put(helper)

    def piece(self, footage: Footage, number: int) -> bytes:
        """Return a piece of footage, by its number from 0.

        Raises `UsageError` where there is none, `Closed` once this is closed. A marked picture
        stands for what cannot be read.
        """
        start = STEP * number
        if not 0 <= start < footage.duration:
            raise UsageError(f"{footage.path.name} has no piece {number}.")
        name = f"live/{self._key(footage, number)}.mp4"
        kept: Kept = self._cache.made
        known = kept.get(name)
        if known is not None:
            return known
        with self._lock:
            if self._closed:
                raise Closed("The live view")
            waiting = self._making.get(name)
            mine = waiting is None
            if waiting is None:
                waiting = self._making[name] = Future()
        if not mine:
            return waiting.result()
        try:
            made = self._made(footage, start)
            kept.put(name, made)
            waiting.set_result(made)
        except BaseException as error:
            waiting.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[name]
        return made

    def _made(self, footage: Footage, start: Fraction) -> bytes:
        video = footage.probe.video
        rate = min(video.rate, Fraction(_FASTEST))
        length = min(LENGTH, footage.duration - start)
        media = Media(footage.path, footage.checksum, video.bars)
        clip = Clip(media, start, max(1, ceil(length * rate)))
        helper = self._helpers.get()
        try:
            return helper.call(
                clip_film,
                [clip],
                rate,
                _size(video.active_aspect),
                self._cache.proxies,
                job=self._job,
            )
        finally:
            self._helpers.put(helper)

    @staticmethod
    def _key(footage: Footage, number: int) -> str:
        there = footage.path.is_file()
        told = (_VERSION, footage.checksum, plain(footage.probe.video.bars), number, there)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:40]


def _size(aspect: Fraction) -> tuple[int, int]:
    """Return width and height, even, of pictures of this shape, as large as previews are."""
    wide, high = LARGEST
    if aspect >= Fraction(wide, high):
        return wide, max(16, 2 * round(wide / aspect / 2))
    return max(16, 2 * round(high * aspect / 2)), high
