"""Black stretches and fades from and to black, from the light of each frame.

A frame within a fade is the picture beyond it, darkened: luma = weight x luma of that picture. The
weight is found by projection, and what the projection leaves over tells a fade from a film that
only happens to get darker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Transition
from kuleshov.timecode import FrameRange

__all__ = ["Light", "LightMeter", "find_black"]

_GRID = (4, 8)  # cells, height by width
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BLACK_MEAN, _BLACK_PEAK = 10, 26  # of 255; compression noise in black stays below
_EMPTY_MEAN = 2  # of 255; black but for something as small as a watermark
_GLOW = 0.75  # mean luma above a stretch's darkest at which a fade is still seen
_LONGEST_FADE = 120  # frames
_SHORTEST_FADE = 3  # frames; what is quicker is a cut
_LEFT_OVER = 0.35  # share of a frame that darkening the picture beyond may fail to explain
_BRIEF_BLACK = 12  # frames; a fade through shorter black is one transition


@dataclass(frozen=True)
class Light:
    """`grid` (N, 32) uint8: luma over 4 x 8 cells; `peak` (N,) uint8: the brightest pixels."""

    grid: NDArray[np.uint8]
    peak: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.grid.shape != (len(self.peak), _GRID[0] * _GRID[1]):
            raise ValueError(f"light of shape {self.grid.shape} for {len(self.peak)} frames")

    def __len__(self) -> int:
        return len(self.peak)

    @property
    def black(self) -> NDArray[np.bool_]:
        """(N,): which frames are black."""
        mean = self.grid.mean(axis=1)
        dim = (mean < _BLACK_MEAN) & (self.peak < _BLACK_PEAK)
        return np.asarray(dim | (mean < _EMPTY_MEAN))


class LightMeter:
    """Gathers `Light` from the tiny frames of a film as they come."""

    def __init__(self) -> None:
        self._grids: list[NDArray[np.uint8]] = []
        self._peaks: list[NDArray[np.uint8]] = []

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Take (N, 27, 48, 3) uint8 RGB frames, in order."""
        if not len(frames):
            return
        luma = frames.astype(np.float32) @ _LUMA
        rows, columns = _GRID
        height, width = luma.shape[1] // rows * rows, luma.shape[2] // columns * columns
        cells = luma[:, :height, :width].reshape(
            len(luma), rows, height // rows, columns, width // columns
        )
        self._grids.append(cells.mean(axis=(2, 4)).reshape(len(luma), -1).astype(np.uint8))
        # The brightest pixels but for a few: a speck of dust does not light a frame.
        flat = np.partition(luma.reshape(len(luma), -1), -8, axis=1)
        self._peaks.append(flat[:, -8].astype(np.uint8))

    def finish(self) -> Light:
        """The light of all frames fed."""
        if not self._grids:
            return Light(np.zeros((0, _GRID[0] * _GRID[1]), np.uint8), np.zeros(0, np.uint8))
        return Light(np.concatenate(self._grids), np.concatenate(self._peaks))


@dataclass(frozen=True)
class BlackStretch:
    """`frames` are black; `before` fades out to them, `after` fades in from them (maybe empty)."""

    frames: FrameRange
    before: FrameRange
    after: FrameRange

    @property
    def whole(self) -> FrameRange:
        """The stretch with its fades."""
        return FrameRange(self.before.first, self.after.end)

    def transition(self) -> Transition | None:
        """The one transition that a brief stretch between two pictures is; None for a long one."""
        if len(self.frames) >= _BRIEF_BLACK or not (len(self.before) and len(self.after)):
            return None
        return Transition("fade", self.whole, self.frames)


def find_black(light: Light) -> list[BlackStretch]:
    """The black stretches of a film with the fades around them, in order.

    A film that begins (or ends) in the middle of a fade has an empty black stretch there.
    """
    grid = light.grid.astype(np.float32)
    level = grid.mean(axis=1)
    runs = [_trimmed(run, level) for run in _runs(light.black)]
    count = len(light)
    if count and (not runs or runs[0].first > 0):
        runs.insert(0, FrameRange(0, 0))
    if count and runs[-1].end < count:
        runs.append(FrameRange(count, count))
    stretches = []
    for index, run in enumerate(runs):
        earliest = runs[index - 1].end if index else 0
        latest = runs[index + 1].first if index + 1 < len(runs) else count
        out = _fade_length(grid[earliest : run.first][::-1], hard=len(run) > 0)
        into = _fade_length(grid[run.end : latest], hard=len(run) > 0)
        if not len(run) and not max(out, into):
            continue
        stretches.append(
            BlackStretch(
                run,
                FrameRange(run.first - out, run.first),
                FrameRange(run.end, run.end + into),
            )
        )
    return stretches


def _runs(flags: NDArray[np.bool_]) -> list[FrameRange]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [FrameRange(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _trimmed(run: FrameRange, level: NDArray[np.float32]) -> FrameRange:
    """`run` without the last glow of the fades at its ends."""
    floor = float(level[run.first : run.end].min()) + _GLOW
    dark = run.first + np.flatnonzero(level[run.first : run.end] <= floor)
    return FrameRange(int(dark[0]), int(dark[-1]) + 1)


def _fade_length(grid: NDArray[np.float32], hard: bool) -> int:
    """How many frames a fade from black takes that begins with the first of `grid`; 0 for none.

    `grid` (n, 32) runs away from the black. `hard` says that real black stands before it; without
    (at the ends of a film) the first frame must be nearly black itself.
    """
    grid = grid[: _LONGEST_FADE + 4]
    level = grid.mean(axis=1)
    if len(level) < _SHORTEST_FADE + 1:
        return 0
    length = _rise(level)
    if length < _SHORTEST_FADE:
        return 0
    beyond = grid[length]
    energy = float(beyond @ beyond)
    weights = grid[:length] @ beyond / energy
    if weights[0] > (0.5 if hard else 0.2):
        return 0
    left = np.linalg.norm(grid[:length] - weights[:, None] * beyond, axis=1)
    explained = np.linalg.norm(weights[:, None] * beyond, axis=1)
    bright = weights > 0.15  # below, rounding and noise are most of what is left over
    if bright.any() and float(np.median(left[bright] / explained[bright])) > _LEFT_OVER:
        return 0
    return length


def _rise(level: NDArray[np.float32]) -> int:
    """Index of the first frame at which steadily growing light has stopped growing."""
    top = float(level.max())
    if top < 2 * _BLACK_MEAN:
        return 0
    step = np.diff(level)
    for index in range(len(step)):
        # Ended where the next frames together grow less than half as fast as the fade did so far.
        pace = (level[index] - level[0]) / index if index else step[0]
        ahead = step[index : index + 3]
        if index >= 2 and float(ahead.mean()) < 0.5 * max(float(pace), 0.25):
            return index
    return 0
