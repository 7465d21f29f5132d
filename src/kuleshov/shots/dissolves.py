"""Find where a dissolve begins and ends.

A frame within a dissolve is a weighted mean of the pictures before and after it. Its weight is
found by projection on the way from the one to the other; outside it is near 0 or 1, within it
rises in a straight line. The line that fits best has the dissolve's ends, to the frame where the
shots are calm; a network sees them only roughly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.timecode import FrameRange

__all__ = ["Ramp", "fit_ramp"]

_SIDE = 3  # frames averaged to stand for the picture on either side
_REACH = 12  # frames by which an end may move in one round
_ROUNDS = 4
_FURTHEST = (_ROUNDS + 1) * _REACH + 2
_AROUND = 14  # frames on either side in which the weight must be flat


@dataclass(frozen=True)
class Ramp:
    """A ramp: `frames` mix two pictures that lie `way` levels (root mean square, of 255) apart.

    `off` is by how much of that way frames differ from the mixture that they should be, and `wrong`
    by how much the weights differ from the straight line, both on average.
    """

    frames: FrameRange
    way: float
    off: float
    wrong: float


def fit_ramp(light: NDArray[np.uint8], guess: FrameRange, within: FrameRange) -> Ramp | None:
    """Return the ramp that fits best near `guess`; None where nothing changes.

    `light` is (N, 144) luma.

    Looks no further than `within`, the frames between the boundaries before and after.
    """
    low, high = within.first, within.end
    first, end = max(guess.first, low + 1), min(guess.end, high - 1)
    if end <= first:
        return None
    low, high = max(low, first - _FURTHEST), min(high, end + _FURTHEST)
    first, end, low, high, base = first - low, end - low, 0, high - low, low
    grid = light[base : base + high].astype(np.float32)
    for turn in range(_ROUNDS):
        begin, stop = max(low, first - _AROUND), min(high, end + _AROUND)
        # A guess may fall short: what is first taken for a side must not lie within the ramp.
        spare = 0 if turn else (end - first) // 4
        last, next_ = max(low + 1, first - spare), min(high - 1, end + spare)
        old = grid[max(low, last - _SIDE) : last].mean(axis=0)
        new = grid[next_ : min(high, next_ + _SIDE)].mean(axis=0)
        way = new - old
        length = float(way @ way)
        if length < 1.0:
            return None
        weights = np.clip((grid[begin:stop] - old) @ way / length, -0.3, 1.3)
        found = _line(weights, begin, (first, end), (low, high))
        done = found[:2] == (first, end)
        first, end, wrong = found
        if done and turn:
            break
    part = (np.arange(first, end) - first + 1) / (end - first + 1)
    rest = grid[first:end] - old - part[:, None].astype(np.float32) * way
    off = float(np.sqrt(np.mean(np.einsum("ij,ij->i", rest, rest)) / length))
    return Ramp(FrameRange(base + first, base + end), float(np.sqrt(length / len(way))), off, wrong)


def _line(
    weights: NDArray[np.float32], begin: int, ends: tuple[int, int], within: tuple[int, int]
) -> tuple[int, int, float]:
    """Return the line that fits `weights` best: first frame, end, and mean error.

    `weights` begin with frame `begin`.
    """
    firsts = np.arange(max(within[0] + 1, ends[0] - _REACH), ends[0] + _REACH + 1)
    stops = np.arange(ends[1] - _REACH, min(within[1] - 1, ends[1] + _REACH) + 1)
    pairs = np.array([(a, b) for a in firsts for b in stops if b > a])
    if not len(pairs):
        return ends[0], ends[1], 1.0
    times = begin + np.arange(len(weights))
    line = (times - pairs[:, :1] + 1) / (pairs[:, 1:] - pairs[:, :1] + 1)
    errors = np.abs(np.clip(line, 0, 1) - weights).mean(axis=1)
    best = int(errors.argmin())
    return int(pairs[best, 0]), int(pairs[best, 1]), float(errors[best])
