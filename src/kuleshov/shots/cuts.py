"""Clear cuts, and where a network has to look at all.

A network costs a hundred times what the rest of looking for shots does. Most cuts are so clear that
it is not needed: two frames differ in nearly every cell, those before and after hardly move, and
the new picture stays. And no shot can end where nothing happens that looks like an unclear cut or
like the straight way from one picture to another that a dissolve takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.light import Light
from kuleshov.timecode import FrameRange

__all__ = ["Steps", "clear_cuts", "doubtful", "has_ramp", "likeness", "ramps", "steps"]

_BESIDE = 4  # frames to either side of a cut that must be calm; repeated pictures are longer gone
_NOISE = 3.0  # of 255
_CLEAR = (12.0, 3.0, 0.7)  # mean change, ratio, share
_UNCLEAR = (4.0, 1.5, 0.3)
_STAYS = (2, 4, 6, 8, 10)  # frames after which the other picture must still be there
_STAYED = 0.6  # of the change
_ALIKE = 0.8  # correlation; the same picture, brighter, is no other picture

_LIGHT = 0.3  # of the way; where less is left when light and contrast are made equal, it is light
_LIT = 0.9  # correlation of pictures that differ in light alone
_EMPTY, _FLAT = 40.0, 10.0  # of 255; from black or white, and deviation: as good as black or white

_PIECE = 4096  # frames looked at together
_MARGIN = 16  # frames on either side of a cut that say whether it is clear

_HALVES = (5, 7, 10, 14, 19)  # frames from the middle of a ramp to where it is looked at
_STRAIGHT = ((0.18, 10.0), (0.22, 20.0), (0.3, 40.0))
"""How far off the straight line, as part of the way, the pictures between may lie where the way is
so long (root mean square, of 255). Dissolves of calm shots come to 0.01 to 0.13, of shots full of
movement to 0.28; within one shot the way is then short."""

_SURE = ((0.13, 10.0),)
"""The same where it is the proof: slow dissolves came to 0.07, what a network mistook for one to
0.23 and more."""


@dataclass(frozen=True, repr=False)
class Steps:
    """From each of N frames' predecessor to the frame, (N,) float32 each.

    `mean`: change of luma over all cells; `ratio`: that over the greatest change between
    neighbours nearby; `share`: part of the cells that change more there than nearby.
    """

    mean: NDArray[np.float32]
    ratio: NDArray[np.float32]
    share: NDArray[np.float32]

    def above(self, limits: tuple[float, float, float]) -> NDArray[np.bool_]:
        """(N,): where mean, ratio and share reach these limits."""
        mean, ratio, share = limits
        return (self.mean >= mean) & (self.ratio >= ratio) & (self.share >= share)


def steps(grid: NDArray[np.float32]) -> Steps:
    """The steps between frames, given as (N, 144) luma."""
    count = len(grid)
    change = np.zeros((count + 2 * _BESIDE, grid.shape[1]), np.float32)
    if count > 1:
        np.abs(np.diff(grid, axis=0), out=change[_BESIDE + 1 : _BESIDE + count])
    here = change[_BESIDE : _BESIDE + count]
    near = [change[_BESIDE + k : _BESIDE + k + count] for k in range(-_BESIDE, _BESIDE + 1) if k]
    most = np.maximum.reduce(near)
    mean = here.mean(axis=1)
    busiest = np.maximum.reduce([part.mean(axis=1) for part in near])
    return Steps(mean, mean / (busiest + _NOISE), (here > 1.5 * most + 4).mean(axis=1, dtype="f4"))


def clear_cuts(light: Light) -> list[int]:
    """The frames before which a shot ends beyond doubt, in order."""
    cuts: set[int] = set()
    for first in range(0, max(1, len(light)), _PIECE):
        base = max(0, first - 2 * _MARGIN)
        grid = light.grid[base : first + _PIECE + _MARGIN].astype(np.float32)
        # What a piece has too little of on either side, the next has wholly.
        near_ends = (base + _MARGIN if base else 0, base + len(grid) - _MARGIN)
        last = first + _PIECE >= len(light)
        found = (base + int(cut) for cut in _clear(grid, steps(grid)))
        cuts |= {cut for cut in found if near_ends[0] <= cut and (last or cut < near_ends[1])}
    return sorted(cuts)


def _clear(grid: NDArray[np.float32], found: Steps) -> NDArray[np.int64]:
    frames = np.flatnonzero(found.above(_CLEAR))
    return np.array([f for f in frames if _stays(grid, int(f))], np.int64)


def _stays(grid: NDArray[np.float32], frame: int) -> bool:
    """Whether another picture begins with `frame` and stays: no flash, no lamp."""
    old, new = grid[frame - 1], grid[frame]
    least = _STAYED * float(np.abs(new - old).mean())
    for away in _STAYS:
        later = grid[min(frame + away, len(grid) - 1)]
        earlier = grid[max(frame - 1 - away, 0)]
        if min(np.abs(later - old).mean(), np.abs(new - earlier).mean()) < least:
            return False
    return likeness(old, new) < _ALIKE


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Correlation of two pictures' cells, (144,) each: 1 where only light and contrast differ."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-3 else 0.0


def doubtful(grid: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Where a network has to look, (N,), and the clear cuts, where it has not."""
    found = steps(grid)
    cuts = _clear(grid, found)
    unclear = found.above(_UNCLEAR)
    for cut in cuts:
        unclear[max(0, cut - 1) : cut + 2] = False
    frames = np.flatnonzero(unclear)
    unclear[frames] = _other(grid[np.maximum(frames - 1, 0)], grid[frames])
    return _spread(unclear, 2) | ramps(grid, cuts), cuts


def ramps(
    grid: NDArray[np.float32],
    cuts: NDArray[np.int64],
    limits: tuple[tuple[float, float], ...] = _STRAIGHT,
) -> NDArray[np.bool_]:
    """(N,): which frames lie within what could be a dissolve or a fade.

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
        within |= _spread(middles, half)
    return within


def _other(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,): where two of (n, 144) pictures differ by more than light and contrast.

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
    """Whether some part of `frames` can hardly be anything but a dissolve."""
    grid = light.grid[max(0, frames.first - _MARGIN) : frames.end + _MARGIN].astype(np.float32)
    return bool(ramps(grid, np.zeros(0, np.int64), _SURE).any())


def _spread(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """`mask` with `by` more frames on either side of what is true."""
    sums = np.concatenate([[0], np.cumsum(mask)])
    frames = np.arange(len(mask))
    ends = np.minimum(frames + by + 1, len(mask))
    return np.asarray(sums[ends] > sums[np.maximum(frames - by, 0)])
