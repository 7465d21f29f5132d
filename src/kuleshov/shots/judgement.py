"""Judge hard cuts by two witnesses and by the rhythm around them.

Each step from a frame to the next is a cut or none, and what speaks for it is added up as log odds.
Light says how much greater the step is than the movement on its quieter and on its busier side, how
unlike the two pictures are whatever their light, and whether the step stands alone. The network is
heard where it was asked. The prior is how often the film cuts nearby: in a run of short shots
another cut is likely. The weights are those of a logistic regression over the steps of edits with
known cuts (`tools/fit_cuts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.detector import Prediction
from kuleshov.shots.flashes import is_flash
from kuleshov.shots.light import ROWS_COLUMNS, Light
from kuleshov.timecode import FrameRange

__all__ = [
    "Evidence",
    "clear_cuts",
    "evidence",
    "given",
    "judged_cuts",
    "measured",
    "never",
    "undecided",
]

_BLACK = 10  # of 255; rows and columns below are bars, which make all pictures alike
_SIDE = 6  # frames on either side of a step whose movement is compared
_RUN = 3  # steps that must be quiet together: pictures may be shown twice or thrice
_BESIDE = 2  # frames on either side in which movement counts, however brief
_NOISE = 0.3  # of 255; what compression and grain change from frame to frame
_WEIGHTS = (3.2, 14.4, 7.9)  # of the features of `measured`
_BIAS = -10.6

_REACH = 50  # frames on either side whose rate of cuts is the prior
_USUAL = 0.012  # cuts a frame, with which the weights were fitted
_RHYTHM = 1.0  # how much of the prior's log odds is believed

_NETWORK = 0.7  # of the network's log odds; it is surer of itself than it is right
_AGAINST = 3.0  # what it says against a cut up to this counts less in montage
_UNSURE = 1e-3  # probability; beyond it from 0 and 1 the network's log odds say nothing more

_PLAIN = (3.0, 0.91)  # deviation of 255, below which a picture is plain, and how alike two are
_UNDECIDED = (-4.0, 9.0)  # log odds by light, between which the network is asked
_FLAT = 0.1  # deviation over mean light, below which a picture is one light
_BRIEF = 3  # frames of white between two cuts that are one
_MIXED = 0.15  # of the way; a frame that is nearer the straight line than this is a mixture
_PIECE = 4096  # frames looked at together,
_AROUND = 40  # and so many more on either side
_PART = 0.14  # of the picture; what changes in less is a title, a number or a face, and no cut
_LEAST = 1.0  # of 255; a smaller step is no cut, whatever the ratio
_MOVED = 0.13  # root of what is left unexplained, below which it is the same picture
_HELD = (5, 25)  # so many jumps within so many frames on either side: pictures are held
_JUMP = (3.0, 0.2)  # of 255, and the most that the steps beside it may have of it
_SHOWN = 0.6  # root of what is left unexplained, below which such a jump shows the same take
_NEVER = -20.0  # log odds of what is no cut, whatever else is said


@dataclass(frozen=True, repr=False)
class Evidence:
    """The evidence of light on the steps into N frames, (N,) float32 each.

    `change` is the mean change of luma where the picture is, of 255; `odds` are the log odds that
    the step is a cut, in a film of the usual rhythm.
    """

    change: NDArray[np.float32]
    odds: NDArray[np.float32]


def evidence(grid: NDArray[np.float32]) -> Evidence:
    """Return what light says of the steps between frames, which are given as (N, 144) luma."""
    change, features = measured(grid)
    odds = np.full(len(grid), _BIAS, np.float32)
    for weight, feature in zip(_WEIGHTS, features, strict=True):
        odds += np.float32(weight) * feature
    odds[never(grid, change, features)] = _NEVER
    return Evidence(change, odds)


def never(
    grid: NDArray[np.float32], change: NDArray[np.float32], features: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which of N steps cannot be cuts, (N,), whatever their odds.

    They are too small, show the same picture, change a part of it only, or lie among the jumps of
    a take whose pictures are held.
    """
    unlike = features[1]
    same = (unlike < _MOVED) | _held(change, unlike)
    return np.asarray((change < _LEAST) | same | (_changed_part(grid) < _PART))


def undecided(odds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return about which of N steps, (N,), the network is to be asked, whatever the rhythm."""
    low, high = _UNDECIDED
    return np.asarray((odds > low) & (odds < high))


def clear_cuts(grid: NDArray[np.float32], odds: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the frames into which the step is a cut by light alone, in order."""
    frames = np.flatnonzero(odds >= _UNDECIDED[1])
    return np.array([frame for frame in frames if not _flash(grid, int(frame))], np.int64)


def measured(grid: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the change of each step, (N,), and the features by which it is judged, (3, N).

    They are the logarithm of the change over the movement around it, what is left of the new
    picture when the old one may be lit and moved (the root of a share), and that times the
    logarithm of the change over the greatest change beside it.
    """
    count = len(grid)
    change, moved = np.zeros(count, np.float32), np.ones(count, np.float32)
    if count > 1:
        change[1:], moved[1:] = _pairs(grid[:-1], grid[1:])
    # A step that a movement of the camera explains says that it moves here; a cut beside does not.
    moving = _greatest(change * np.clip(moved, 0, 1) ** 2)
    busy = np.maximum.reduce([_quiet(change, -1), _quiet(change, 1), moving])
    size = np.log(change + 0.1)
    unlike = np.sqrt(np.clip(1 - moved, 0, 1.5))
    alone = np.maximum(size - np.log(_greatest(change) + _NOISE), 0)
    return change, np.array([size - np.log(busy + _NOISE), unlike, unlike * alone], np.float32)


def _greatest(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the greatest change in the steps right beside each of N, (N,)."""
    near = np.pad(change, _BESIDE)
    places = [k for k in range(2 * _BESIDE + 1) if k != _BESIDE]
    return np.asarray(np.maximum.reduce([near[k : k + len(change)] for k in places]))


def _changed_part(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return over how much of the picture each of N steps is spread, (N,) from 0 to 1.

    It is the participation ratio of the changes of its cells (Bell and Dean 1970): the share of the
    picture that changes, were it all by the same. Of 1,602 cuts 0.2 % came to less than 0.19; a
    title that appears in a picture that stays comes to 0.03 to 0.12.
    """
    found = np.ones(len(grid), np.float32)
    if len(grid) > 1:
        shown = np.maximum(grid[1:], grid[:-1]) > _BLACK
        change = np.abs(np.diff(grid, axis=0)) * shown
        squares = np.maximum(shown.sum(axis=1) * (change**2).sum(axis=1), 1e-6)
        found[1:] = change.sum(axis=1) ** 2 / squares
    return found


def _held(change: NDArray[np.float32], left: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which of N steps are jumps of a take whose pictures are held for some frames each.

    Slowed films and drawn ones are still between their jumps, which are then as sharp as cuts; but
    there are many, and they show what was seen before. `left` is what is left unexplained.
    """
    near = np.pad(change, 1)
    beside = np.maximum(near[:-2], near[2:])
    taken = left < _SHOWN
    jumps = taken & (change > _JUMP[0]) & (beside < _JUMP[1] * change)
    sums = np.concatenate([[0], np.cumsum(jumps)])
    frames = np.arange(len(change))
    fewest, reach = _HELD
    first, end = np.maximum(frames - reach, 0), np.minimum(frames + reach + 1, len(change))
    return np.asarray(taken & (sums[end] - sums[first] > fewest))


def _pairs(
    old: NDArray[np.float32], new: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean change between pictures, (n, 144) each, and how alike they are, (n,) each.

    Black bars do not count. How alike is the best correlation where the camera may have moved by a
    cell or two, or by less.
    """
    shape = (len(old), *ROWS_COLUMNS)
    shown = np.maximum(old, new).reshape(shape)
    rows, columns = shown.max(axis=2) > _BLACK, shown.max(axis=1) > _BLACK
    inside = (rows[:, :, None] & columns[:, None, :]).astype(np.float32)
    cells = np.maximum(inside.sum(axis=(1, 2)), 1)
    change = (np.abs(new - old).reshape(shape) * inside).sum(axis=(1, 2)) / cells
    a, b = (
        (part - ((part * inside).sum(axis=(1, 2)) / cells)[:, None, None]) * inside
        for part in (old.reshape(shape), new.reshape(shape))
    )
    aa, bb = (np.einsum("nij,nij->n", part, part) for part in (a, b))
    both = np.maximum(np.sqrt(aa * bb), 1e-3)
    best = np.full(len(old), -1, np.float32)
    for down in range(-1, 2):
        for right in range(-2, 3):
            one, other = _overlap(a, down, right), _overlap(b, -down, -right)
            lengths = np.einsum("nij,nij->n", one, one) * np.einsum("nij,nij->n", other, other)
            # What little is left of a picture says little.
            found = np.einsum("nij,nij->n", one, other) / np.maximum(np.sqrt(lengths), 0.5 * both)
            np.maximum(best, found, out=best)
    best = np.maximum(best, _shifted(a, b, aa, bb))
    # Of two plain pictures nothing but light can be told: only the ratio says whether it is a cut.
    plain = np.maximum(aa, bb) < _PLAIN[0] ** 2 * cells
    best[plain] = np.maximum(best[plain], _PLAIN[1])
    return change, best


def _shifted(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    aa: NDArray[np.float32],
    bb: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the correlation of pictures that moved by less than a cell, (n,).

    The new one is explained by the old one and its slopes.
    """
    slopes = [np.gradient(a, axis=axis) for axis in (1, 2)]
    parts = np.stack([a, *slopes], axis=1).reshape(len(a), 3, -1)
    squares = np.einsum("nik,njk->nij", parts, parts) + 1e-2 * np.eye(3, dtype=np.float32)
    shared = np.einsum("nik,nk->ni", parts, b.reshape(len(b), -1))
    found = np.linalg.solve(squares, shared[..., None])[..., 0]
    explained = np.einsum("ni,ni->n", found, shared)
    # A picture that is only turned to its negative is not the same picture.
    good = (found[:, 0] > 0) & (aa > 1) & (bb > 1)
    return np.where(good, np.sqrt(np.clip(explained / np.maximum(bb, 1), 0, 1)), -1)


def _overlap(pictures: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    """Return what of (n, 9, 16) pictures is still seen when the camera moves by so many cells."""
    rows, columns = ROWS_COLUMNS
    return pictures[:, max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]


def _quiet(change: NDArray[np.float32], sign: int) -> NDArray[np.float32]:
    """Return the movement on one side of each of N steps, (N,), in its quietest `_RUN` steps."""
    count = len(change)
    pad = np.zeros(_SIDE, np.float32)
    padded = np.concatenate([pad, change, pad])
    near = [padded[_SIDE + sign * k : _SIDE + sign * k + count] for k in range(1, _SIDE + 1)]
    runs = [np.maximum.reduce(near[k : k + _RUN]) for k in range(_SIDE - _RUN + 1)]
    return np.asarray(np.minimum.reduce(runs))


def judged_cuts(light: Light, prediction: Prediction) -> list[int]:
    """Return the frames with which a new shot begins, in order.

    Flashes are left out, and of a cut in two steps (a white frame, a mixture) one is left.
    """
    change, odds = (np.zeros(len(light), np.float32) for _ in range(2))
    for first in range(0, len(light), _PIECE):
        base = max(0, first - _AROUND)
        grid = light.grid[base : first + _PIECE + _AROUND].astype(np.float32)
        found, here = evidence(grid), slice(first - base, first - base + _PIECE)
        change[first : first + _PIECE] = found.change[here]
        odds[first : first + _PIECE] = found.odds[here]
    odds = _together(odds, _heard(prediction))
    cuts = [int(frame) for frame in np.flatnonzero(odds > 0)]
    cuts = [cut for cut in cuts if not _flash(light.grid, cut)]
    return _joined(light, cuts, change)


def _flash(grid: NDArray[np.uint8] | NDArray[np.float32], frame: int) -> bool:
    """Return whether the step into a frame is the edge of a flash."""
    return is_flash(grid, FrameRange(frame, frame), near=0)


def _together(odds: NDArray[np.float32], heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log odds by light, network and rhythm, (N,)."""
    return np.asarray(odds + _besides(heard, _rhythm(_likely(odds + heard))), np.float32)


def given(prediction: Prediction, likely: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what speaks for a cut besides light, (N,) log odds, where so many cuts are likely.

    `likely` is the probability of a cut at each of N steps.
    """
    return _besides(_heard(prediction), _rhythm(likely))


def _besides(heard: NDArray[np.float32], rhythm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what network and rhythm add to the log odds of N steps, (N,).

    Of short shots the network misses many, so what it says against a cut counts the less, the more
    often the film cuts nearby; but not where it is all but certain.
    """
    against = np.clip(heard, -_AGAINST, 0) * np.exp(-np.maximum(rhythm, 0))
    against += np.minimum(heard + _AGAINST, 0)
    return np.asarray(np.maximum(heard, 0) + against + rhythm, np.float32)


def _heard(prediction: Prediction) -> NDArray[np.float32]:
    """Return what the network adds to the log odds of N steps, (N,): 0 where it was not asked."""
    before = np.concatenate([np.zeros(1, np.float32), prediction.single[:-1]])
    sure = np.clip(before, _UNSURE, 1 - _UNSURE)
    added = np.float32(_NETWORK) * np.log(sure / (1 - sure))
    return np.where(before > 0, added, 0).astype(np.float32)[: len(prediction)]


def _likely(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of a cut, (N,), from its log odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -20, 20))), np.float32)


def _rhythm(likely: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what the cuts around each of N steps add to its log odds, (N,)."""
    count = len(likely)
    sums = np.concatenate([[0.0], np.cumsum(likely)])
    frames = np.arange(count)
    first, end = np.maximum(frames - _REACH, 0), np.minimum(frames + _REACH + 1, count)
    others = sums[end] - sums[first] - likely
    # As if the usual cuts of so many frames had been seen as well.
    rate = (others + _USUAL * _REACH) / (end - first + _REACH)
    return np.asarray(_RHYTHM * np.log(rate / _USUAL), np.float32)


def _joined(light: Light, cuts: list[int], change: NDArray[np.float32]) -> list[int]:
    """Return cuts without those that are the other end of a white frame or of a mixture."""
    kept: list[int] = []
    for cut in cuts:
        last = kept[-1] if kept else -_BRIEF - 1
        if cut - last == 1 and _mixture(light.grid, last):
            kept[-1] = max((last, cut), key=lambda frame: change[frame])
        elif 0 < cut - last <= _BRIEF and _white(light.grid, last, cut):
            kept[-1] = cut
        else:
            kept.append(cut)
    return kept


def _mixture(grid: NDArray[np.uint8], frame: int) -> bool:
    """Return whether a frame is a mixture of its neighbours, as a converter makes it."""
    old, mixed, new = grid[frame - 1 : frame + 2].astype(np.float32)
    way = new - old
    length = float(way @ way)
    part = float((mixed - old) @ way) / max(length, 1)
    rest = mixed - old - part * way
    return 0.1 < part < 0.9 and float(rest @ rest) < _MIXED**2 * length


def _white(grid: NDArray[np.uint8], first: int, end: int) -> bool:
    """Return whether frames are one light, brighter than what is around them."""
    pictures = grid[first - 1 : end + 1].astype(np.float32)
    shown = pictures.max(axis=0) > _BLACK
    if not shown.any():
        return False
    level, spread = pictures[:, shown].mean(axis=1), pictures[:, shown].std(axis=1)
    return bool(
        level[1:-1].min() > max(level[0], level[-1]) and (spread[1:-1] < _FLAT * level[1:-1]).all()
    )
