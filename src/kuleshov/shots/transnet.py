"""Find shot boundaries with TransNetV2 (Souček & Lokoč 2020, arXiv:2008.04838)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kuleshov.errors import UsageError
from kuleshov.models.runtime import load
from kuleshov.shots.detector import TINY, Prediction, ranges
from kuleshov.shots.judgement import clear_cuts, evidence, undecided
from kuleshov.shots.light import grid_of
from kuleshov.shots.ramps import ramps, widened
from kuleshov.timecode import FrameRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kuleshov.models.runtime import Network

__all__ = ["CONTEXT", "GLANCE", "TransNet"]

WINDOW = 300
"""Frames that the network sees at a time. The original takes 100; the longer the window, the less
of it is spent on context."""

CONTEXT = 25
"""Frames at either end of a window whose prediction is thrown away, as in the original."""

STEP = 50
"""A film's last window is rounded up to this many frames beyond its context, as in the original.
Few lengths occur, so OpenVINO prepares for few, and a short film costs a short window."""

GLANCE = 16
"""Context where only a part of a window is looked at."""

_BESIDE = 2  # frames on either side of a step about which the network is asked
_LENGTHS = 10  # frames, of which such a part is a multiple, for the same reason


class TransNet:
    """The `Detector` of the network TransNetV2.

    `network` is the loaded "transnetv2" (default: load it); `window` the frames of one run, of
    which `window - 2 * CONTEXT` are kept. `sparing` asks the network only where a step may be a cut
    or the picture may dissolve: clear cuts are certain, and elsewhere the
    probabilities are 0. Holds no more than a window of frames, and eight bytes a frame for the
    prediction. Raises UsageError if `window` is not a multiple of 50 from 100 up.
    """

    def __init__(
        self, network: Network | None = None, *, window: int = WINDOW, sparing: bool = True
    ) -> None:
        if window < 2 * CONTEXT + STEP or window % STEP:
            raise UsageError(f"A window is 100, 150, 200, ... frames, not {window}.")
        self._network = load("transnetv2") if network is None else network
        self._window = window
        self._sparing = sparing
        self._waiting = np.empty((0, *TINY, 3), dtype=np.uint8)
        self._parts: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
        self._fed = 0
        self._finished = False

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Look at the next frames, (N, 27, 48, 3) uint8 RGB, any N.

        Raises UsageError on any other shape or type, or after `finish`.
        """
        if self._finished:
            raise UsageError("This detector has finished; make a new one for another film.")
        if frames.shape[1:] != (*TINY, 3) or frames.dtype != np.uint8:
            raise UsageError(f"A detector takes (N, 27, 48, 3) uint8, not {_shown(frames)}.")
        if not len(frames):
            return
        if not self._fed:
            self._waiting = frames[:1].repeat(CONTEXT, axis=0)
        self._fed += len(frames)
        # In pieces, so that one large call holds no second copy of the film.
        for start in range(0, len(frames), self._window):
            piece = frames[start : start + self._window]
            self._waiting = np.concatenate([self._waiting, piece])
            while len(self._waiting) >= self._window:
                self._run(self._waiting[: self._window])
                self._waiting = self._waiting[self._window - 2 * CONTEXT :]

    def finish(self) -> Prediction:
        """Return the prediction for all N frames fed, which may be none."""
        if not self._finished:
            self._finished = True
            left = self._fed - sum(len(single) for single, _ in self._parts)
            if left:
                wanted = -(-left // STEP) * STEP + 2 * CONTEXT
                padding = self._waiting[-1:].repeat(wanted - len(self._waiting), axis=0)
                self._run_all(np.concatenate([self._waiting, padding]))
            self._waiting = self._waiting[:0]
        if not self._parts:
            return Prediction(np.empty(0, np.float32), np.empty(0, np.float32))
        single, many = (
            np.concatenate(head)[: self._fed] for head in zip(*self._parts, strict=True)
        )
        return Prediction(single, many)

    def _run_all(self, frames: NDArray[np.uint8]) -> None:
        """Predict all but the context at either end, a window at a time."""
        while len(frames) > 2 * CONTEXT:
            self._run(frames[: self._window])
            frames = frames[self._window - 2 * CONTEXT :]

    def _run(self, window: NDArray[np.uint8]) -> None:
        """Predict the middle of a window, (T, 27, 48, 3)."""
        kept = slice(CONTEXT, len(window) - CONTEXT)
        heads = self._sparingly(window) if self._sparing else self._network_on(window)
        self._parts.append((heads[0, kept], heads[1, kept]))

    def _network_on(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the network says of (T, 27, 48, 3) frames, (2, T)."""
        heads = self._network(window[np.newaxis])
        return np.stack([heads["single"][0], heads["many"][0]])

    def _sparingly(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the same, (2, T), with the network asked only about doubtful parts."""
        grid = grid_of(window)
        odds = evidence(grid).odds
        cuts = clear_cuts(grid, odds)
        # The network tells of the last frame before a cut.
        doubts = widened(undecided(odds), _BESIDE) | ramps(grid, cuts)
        doubts[:CONTEXT] = doubts[len(window) - CONTEXT :] = False
        heads = np.zeros((2, len(window)), np.float32)
        for part in _parts(doubts):
            heads[:, part.first : part.end] = self._network_on(
                window[part.first - GLANCE : part.end + GLANCE]
            )[:, GLANCE:-GLANCE]
        heads[:, cuts[cuts > 0] - 1] = 1
        return heads


def _parts(doubts: NDArray[np.bool_]) -> list[FrameRange]:
    """Return the parts of a window that hold all doubts, a multiple of `_LENGTHS` frames each.

    Parts that lie so near that their contexts overlap are one.
    """
    joined: list[FrameRange] = []
    for run in ranges(doubts):
        if joined and run.first - joined[-1].end <= 2 * GLANCE:
            run = FrameRange(joined.pop().first, run.end)
        joined.append(run)
    whole = FrameRange(CONTEXT, len(doubts) - CONTEXT)
    return [_rounded(part, whole) for part in joined]


def _rounded(part: FrameRange, whole: FrameRange) -> FrameRange:
    length = min(-(-len(part) // _LENGTHS) * _LENGTHS, len(whole))
    first = min(part.first, whole.end - length)
    return FrameRange(first, first + length)


def _shown(frames: NDArray[np.uint8]) -> str:
    return f"{frames.shape} {frames.dtype}"
