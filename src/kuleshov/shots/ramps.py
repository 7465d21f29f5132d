"""Find where a dissolve may lie: pictures that go the straight way from one to another.

A network costs a hundred times what the rest of looking for shots does. No dissolve can lie where
nothing happens that looks like that, so the network need not look there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.light import Light
from kuleshov.timecode import FrameRange

__all__ = ["has_ramp", "likeness", "ramps", "widened"]

_MARGIN = 16  # frames on either side of what is asked about

_LIGHT = 0.3  # of the way; where less is left when light and contrast are made equal, it is light
_LIT = 0.9  # correlation of pictures that differ in light alone
_EMPTY, _FLAT = 40.0, 10.0  # of 255; from black or white, and deviation: as good as black or white

_HALVES = (5, 7, 10, 14, 19)  # frames from the middle of a ramp to where it is looked at
_STRAIGHT = ((0.18, 10.0), (0.22, 20.0), (0.3, 40.0))
"""How far off the straight line, as part of the way, the pictures between may lie where the way is
so long (root mean square, of 255). Dissolves of calm shots come to 0.01 to 0.13, of shots full of
movement to 0.28; within one shot the way is then short."""

_SURE = ((0.13, 10.0),)
"""The same where it is the proof: slow dissolves came to 0.07, what a network mistook for one to
0.23 and more."""


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the correlation of two pictures' cells, (144,) each.

    It is 1 where only light and contrast differ.
    """
    a, b = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-3 else 0.0


def ramps(
    grid: NDArray[np.float32],
    cuts: NDArray[np.int64],
    limits: tuple[tuple[float, float], ...] = _STRAIGHT,
) -> NDArray[np.bool_]:
    """Return which of N frames, (N,), lie within what could be a dissolve.

    The three pictures at a quarter, half and three quarters of the way from one frame to another
    must be the mixtures of both, within `limits` as `_STRAIGHT` has them. What crosses one of
    `cuts` is none.
    """
    count = len(grid)
    within = np.zeros(count, np.bool_)
    shot = np.searchsorted(cuts, np.arange(count), side="right")
    for half in _HALVES:
        if count <= 2 * half:
            break
        first, last = grid[: -2 * half], grid[2 * half :]
        way = last - first
        length = np.einsum("ij,ij->i", way, way)
        off = np.zeros(len(way), np.float32)
        for at in (half - half // 2, half, half + half // 2):
            rest = grid[at : at + len(way)] - first
            rest -= way * np.float32(at / (2 * half))
            off += np.einsum("ij,ij->i", rest, rest)
        straight = np.zeros(len(way), np.bool_)
        for most, least in limits:
            straight |= (off < 3 * most**2 * length) & (length > least**2 * grid.shape[1])
        one_shot = shot[: -2 * half] == shot[2 * half :]
        starts = np.flatnonzero(straight & one_shot)
        middles = np.zeros(count, np.bool_)
        middles[half + starts[_other(first[starts], last[starts])]] = True
        within |= widened(middles, half)
    return within


def _other(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where two of (n, 144) pictures differ by more than light and contrast, (n,).

    Fades, through black and white, are found by light: from an empty picture all is light.
    """
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (one, other))
    aa, bb, ab = (np.einsum("ij,ij->i", x, y) for x, y in ((a, a), (b, b), (a, b)))
    # What no gain of the one makes up for in the other, whichever is the darker.
    left = np.minimum(bb - ab**2 / (aa + 1), aa - ab**2 / (bb + 1))
    way = other - one
    same = (left < _LIGHT**2 * np.einsum("ij,ij->i", way, way)) & (ab > _LIT * np.sqrt(aa * bb))
    empty = np.zeros(len(one), np.bool_)
    for picture, spread in ((one, aa), (other, bb)):
        level = np.abs(picture.mean(axis=1) - 127.5)
        empty |= (level > 127.5 - _EMPTY) & (spread < _FLAT**2 * one.shape[1])
    return np.asarray(~(same | empty))


def has_ramp(light: Light, frames: FrameRange) -> bool:
    """Return whether some part of `frames` can hardly be anything but a dissolve."""
    grid = light.grid[max(0, frames.first - _MARGIN) : frames.end + _MARGIN].astype(np.float32)
    return bool(ramps(grid, np.zeros(0, np.int64), _SURE).any())


def widened(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """Return a mask of frames, (N,), with so many more on either side of what is true."""
    sums = np.concatenate([[0], np.cumsum(mask)])
    frames = np.arange(len(mask))
    ends = np.minimum(frames + by + 1, len(mask))
    return np.asarray(sums[ends] > sums[np.maximum(frames - by, 0)])
