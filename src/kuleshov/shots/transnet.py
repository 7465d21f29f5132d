"""Shot boundaries by TransNetV2 (Souček & Lokoč 2020, arXiv:2008.04838)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kuleshov.errors import UsageError
from kuleshov.models.runtime import load
from kuleshov.shots.detector import TINY, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kuleshov.models.runtime import Network

__all__ = ["TransNet"]

WINDOW = 300
"""Frames that the network sees at a time. The original takes 100; the longer the window, the less
of it is spent on context."""

CONTEXT = 25
"""Frames at either end of a window whose prediction is thrown away, as in the original."""

STEP = 50
"""A film's last window is rounded up to this many frames beyond its context, as in the original.
Few lengths occur, so OpenVINO prepares for few, and a short film costs a short window."""

_LAG = 12  # frames
_LEVELS = 10  # of 255
_SHARE = 0.25  # of the picture's cells; the least seen across a real boundary was 0.66


class TransNet:
    """The `Detector` that the network TransNetV2 makes.

    `network` is the loaded "transnetv2" (default: load it); `window` the frames of one run, of
    which `window - 2 * CONTEXT` are kept; `skip_still` leaves out stretches in which too little
    changes for a shot to end (see `changes`): their probabilities are 0. Holds no more than a
    window of frames, and eight bytes a frame for the prediction. Raises UsageError if `window` is
    not a multiple of 50 from 100 up.
    """

    def __init__(
        self, network: Network | None = None, *, window: int = WINDOW, skip_still: bool = True
    ) -> None:
        if window < 2 * CONTEXT + STEP or window % STEP:
            raise UsageError(f"A window is 100, 150, 200, ... frames, not {window}.")
        self._network = load("transnetv2") if network is None else network
        self._window = window
        self._skip_still = skip_still
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
        """The prediction for all N frames fed, which may be none."""
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
        """Predict the middle of a window, (T, 27, 48, 3), as far as anything changes in it."""
        kept = len(window) - 2 * CONTEXT
        single, many = np.zeros(kept, np.float32), np.zeros(kept, np.float32)
        looked_at = changes(window) if self._skip_still else np.ones(len(window), np.bool_)
        steps = np.flatnonzero(
            np.pad(looked_at[CONTEXT:-CONTEXT], (0, -kept % STEP)).reshape(-1, STEP).any(axis=1)
        )
        if steps.size:
            first, end = int(steps[0]) * STEP, min(kept, (int(steps[-1]) + 1) * STEP)
            heads = self._network(window[np.newaxis, first : end + 2 * CONTEXT])
            inside = slice(CONTEXT, CONTEXT + end - first)
            single[first:end] = heads["single"][0, inside]
            many[first:end] = heads["many"][0, inside]
        self._parts.append((single, many))


def changes(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,): whether so much changes around each of (N, 27, 48, 3) frames that a shot could end.

    Between two shots most of the picture changes within half a second, however slowly; where it
    does not, the network need not look. A cell has changed if its mean level differs by more than
    `_LEVELS` from what it was `_LAG` frames before.
    """
    cells = frames[:, :24].reshape(len(frames), 4, 6, 8, 6, 3).mean(axis=(2, 4), dtype=np.float32)
    changed = (np.abs(cells[_LAG:] - cells[:-_LAG]).mean(axis=3) > _LEVELS).mean(axis=(1, 2))
    found = np.zeros(len(frames), np.bool_)
    for start in np.flatnonzero(changed >= _SHARE):
        found[start : start + _LAG + 1] = True
    return found


def _shown(frames: NDArray[np.uint8]) -> str:
    return f"{frames.shape} {frames.dtype}"
