"""Find pushes: the new picture shoves the old one out of the frame.

Halfway one half of the frame is the old picture's other half, as it was before, and the other is
the new one's, as it will be; at a quarter and at three quarters likewise. A camera that pans does
the same only if it comes to rest after exactly one width of the frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.light import ROWS_COLUMNS, Light
from kuleshov.timecode import FrameRange

__all__ = ["find_pushes"]

_HALVES = (4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 17, 18, 20)  # frames to the middle
_AXES = ((1, True), (1, False), (0, True), (0, False))  # of the grid, and whether it grows along it
_PARTS = (0.3, 0.5, 0.7)
_WRONG = 0.3  # of the difference between both pictures, by which the model may fail
_BETTER = 0.45  # of how wrong it would be to take the middle for a mixture; fades come to 0.9
_CALM = 0.5  # of that difference; what may change in either picture
_STEP = 12.0  # of 255; that difference
_PIECE = 4096  # frames looked at together


def find_pushes(light: Light) -> list[FrameRange]:
    """Return the frames of the pushes of a film, in order and apart from each other."""
    found: list[tuple[float, FrameRange]] = []
    overlap = 4 * _HALVES[-1]
    for first in range(0, len(light), _PIECE):
        base = max(0, first - overlap)
        grid = light.grid[base : first + _PIECE + overlap].astype(np.float32)
        pictures = grid.reshape(-1, *ROWS_COLUMNS)
        for half in _HALVES:
            if len(pictures) > 2 * half:
                found += [
                    (wrong, FrameRange(base + middle - half + 1, base + middle + half))
                    for middle, wrong in _middles(pictures, half)
                ]
    kept: list[FrameRange] = []
    for _, frames in sorted(found):
        if not any(frames.overlaps(other) for other in kept):
            kept.append(frames)
    return sorted(kept)


def _middles(pictures: NDArray[np.float32], half: int) -> list[tuple[int, float]]:
    """Return the frames that are the middle of a push of 2 * `half` - 1 frames, and its error."""
    old, new = pictures[: -2 * half], pictures[2 * half :]
    apart = np.abs(new - old).mean(axis=(1, 2))
    worst = np.full(len(old), np.inf, np.float32)
    for axis, forward in _AXES:
        wrong = np.zeros(len(old), np.float32)
        for part in _PARTS:
            at = round(part * 2 * half)
            seen = pictures[at : at + len(old)]
            model = _pushed(old, new, at / (2 * half), axis, forward)
            wrong = np.maximum(wrong, np.abs(seen - model).mean(axis=(1, 2)) / (apart + 1))
        worst = np.minimum(worst, wrong)
    # Before and after nothing moves as it does in between.
    calm = np.maximum(_moved(pictures, half, -half), _moved(pictures, half, half))[: len(old)]
    mixed = np.abs(pictures[half : half + len(old)] - (old + new) / 2).mean(axis=(1, 2))
    good = (worst < _WRONG) & (worst * apart < _BETTER * mixed)
    good &= (apart > _STEP) & (calm < _CALM * apart)
    return [(int(at) + half, float(worst[at])) for at in np.flatnonzero(good)]


def _moved(pictures: NDArray[np.float32], half: int, by: int) -> NDArray[np.float32]:
    """Return the mean change of the old picture in the `half` frames before, (n,).

    Or of the new picture in the frames after, by the sign of `by`.
    """
    start = 0 if by < 0 else 2 * half
    frames = np.arange(len(pictures) - 2 * half) + start
    other = np.clip(frames + by // 2, 0, len(pictures) - 1)
    return np.asarray(np.abs(pictures[frames] - pictures[other]).mean(axis=(1, 2)))


def _pushed(
    old: NDArray[np.float32], new: NDArray[np.float32], part: float, axis: int, forward: bool
) -> NDArray[np.float32]:
    """Return what a push shows that has gone `part` of its way.

    It goes along an axis of the (n, 9, 16) grid.
    """
    size = old.shape[axis + 1]
    both = np.concatenate([new, old] if forward else [old, new], axis=axis + 1)
    places = np.arange(size) + size * ((1 - part) if forward else part)
    low = np.minimum(places.astype(np.int64), 2 * size - 2)
    weight = (places - low).astype(np.float32)
    weight = weight.reshape((-1, 1) if axis == 0 else (1, -1))
    lower, upper = np.take(both, low, axis + 1), np.take(both, low + 1, axis + 1)
    return np.asarray(lower * (1 - weight) + upper * weight)
