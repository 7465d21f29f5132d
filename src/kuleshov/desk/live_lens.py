"""Look through lenses live: whatever comes is seen as what they have learnt.

    through = LiveLens({"sea": lens_path("sea")}, LensOptions("sea"))
    seen = through.look(frame, 0.04)        # a frame (H, W, 3) uint8 RGB, at 0.04 s
    seen.picture                            # (288, 512, 3) uint8 RGB, for a frame of 16:9

Networks are compiled when they are first looked through. Where a machine cannot give fifteen
pictures a second, they get smaller, and `LiveLens.size` says what they are.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError, UsageError
from kuleshov.see.camera import LookOptions, looked_size
from kuleshov.see.lens import Lens, read_lens
from kuleshov.see.looker import RATE, Looker, State

__all__ = ["SIZES", "LensOptions", "LiveLens", "Seen"]

SIZES = (288, 224, 160)
"""Shorter sides of the pictures, in pixels: the first unless the machine is too slow for it."""

_SLOW = 1 / 15
_JUDGED = 20  # pictures by which that is known
_KEPT = 4  # pairs of lenses that are held ready
_PAUSE = 0.5  # s after which what was seen before is forgotten


@dataclass(frozen=True)
class LensOptions:
    """The options of looking through lenses live.

    `mix` from 0 to 1 cross-fades from the lens that is called `one` to the `other` ("" is none).
    `look` are those of `see.camera`, whose size counts for nothing here.
    """

    one: str
    other: str = ""
    mix: float = 0.0
    look: LookOptions = field(default_factory=LookOptions)

    def __post_init__(self) -> None:
        if not 0 <= self.mix <= 1:
            raise UsageError(f"A mix lies between 0 and 1, not at {self.mix:g}.")


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as lenses make it, (H, W, 3) uint8 RGB, and how long it took, in s."""

    picture: NDArray[np.uint8]
    took: float


class LiveLens:
    """Lenses that one camera is looked through. One thread at a time looks.

    `known` are the files of the lenses by name; pictures that take longer than `slow_s` on average
    get smaller. Raises `ModelError` for a lens that cannot be
    looked through, `UsageError` for one that is not known.
    """

    def __init__(
        self, known: Mapping[str, Path], options: LensOptions, slow_s: float = _SLOW
    ) -> None:
        self.known, self._slow = dict(known), slow_s
        self._lenses: dict[str, Lens] = {}
        self._lookers: dict[tuple[str, ...], Looker] = {}
        self._lock = threading.Lock()
        self._spent: deque[float] = deque(maxlen=_JUDGED)
        self._at = 0.0
        self._state = State()
        self._shorter = SIZES[0]
        self.size: tuple[int, int] | None = None
        self.options = options
        self.change(options)

    @property
    def slow(self) -> bool:
        """Whether pictures are smaller than they were to be."""
        return self.size is not None and min(self.size) < SIZES[0]

    def change(self, options: LensOptions) -> None:
        """Look by other options from the next frame on. Raises as the class."""
        for name in filter(None, (options.one, options.other)):
            if name not in self.known:
                raise UsageError(f"There is no lens {name!r} here.")
            if name not in self._lenses:
                self._lenses[name] = read_lens(self.known[name])
        with self._lock:
            before, self.options = self.options, options
            if (before.one, before.other) != (options.one, options.other):
                self._shorter = SIZES[0]
                self._spent.clear()

    def forget(self) -> None:
        """Begin anew, with other pictures."""
        with self._lock:
            self._state, self._at = State(), 0.0

    def look(self, frame: NDArray[np.uint8], at: float) -> Seen:
        """Return what lenses make of a frame at `at` s, which is newer than those before."""
        with self._lock:
            options, before, state = self.options, self._at, self._state
        began = time.perf_counter()
        height, width = frame.shape[:2]
        size = looked_size(width, height, self._shorter)
        names, weights = _pair(options)
        looker, new = self._looker(names, size)
        passed = at - before
        if not 0 < passed <= _PAUSE:
            state, passed = State(), 1 / RATE
        picture, state = looker.look(frame, state, options.look, seconds=passed, weights=weights)
        took = time.perf_counter() - began
        with self._lock:
            self._state, self._at, self.size = state, at, size
            if not new:
                self._spent.append(took)
                self._judge()
        return Seen(picture, took)

    def _judge(self) -> None:
        """Make pictures smaller where they take too long."""
        smaller = [side for side in SIZES if side < self._shorter]
        full = len(self._spent) == _JUDGED
        if smaller and full and sum(self._spent) / _JUDGED > self._slow:
            self._shorter = smaller[0]
            self._spent.clear()

    def _looker(self, names: tuple[str, ...], size: tuple[int, int]) -> tuple[Looker, bool]:
        """Return what looks through these lenses at this size, and whether it was made now."""
        key = (*names, *map(str, size))
        found = self._lookers.pop(key, None)
        new = found is None
        if found is None:
            try:
                found = Looker([self._lenses[name] for name in names], *size)
            except KeyError as error:
                raise ModelError(f"There is no lens {error.args[0]}.") from error
        self._lookers[key] = found
        while len(self._lookers) > _KEPT:
            self._lookers.pop(next(iter(self._lookers)))
        return found, new


def _pair(options: LensOptions) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the lenses that are looked through, and the weight of each."""
    if not options.other or options.other == options.one or not options.mix:
        return (options.one,), (1.0,)
    if options.mix == 1:
        return (options.other,), (1.0,)
    return (options.one, options.other), (1 - options.mix, options.mix)
