"""Hard cuts, judged by two witnesses and by the rhythm around them.

Each step from a frame to the next is a cut or none, and what speaks for it is added up as log odds.
Light says how much greater the step is than the movement on its quieter and on its busier side, and
how unlike the two pictures are whatever their light. The network is heard where it was asked. The
prior is how often the film cuts nearby: in a run of short shots another cut is no surprise. The
weights are those of a logistic regression over the steps of edits with known cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.detector import Prediction
from kuleshov.shots.flashes import is_flash
from kuleshov.shots.light import ROWS_COLUMNS, Light
from kuleshov.timecode import FrameRange

__all__ = ["Steps", "judged_cuts", "steps", "unsure"]

_BLACK = 10  # of 255; rows and columns below are bars, which make all pictures alike
_SIDE = 6  # frames on either side of a step whose movement is compared
_RUN = 3  # steps that must be quiet together: pictures may be shown twice or thrice
_BESIDE = 2  # frames on either side in which movement counts, however brief
_NOISE = 0.3  # of 255; what compression and grain change from frame to frame
_WEIGHTS = (3.9, 16.5)  # of the two features of `measured`
_BIAS = -9.1

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
_BUSY = (0.6, 3.0)  # a ratio (its logarithm) below which as much is taken off
_PART = 0.14  # of the picture; what changes in less is a title, a number or a face, and no cut
_LEAST = 1.0  # of 255; a smaller step is no cut, whatever the ratio
_MOVED = 0.13  # root of what is left unexplained, below which it is the same picture
_HELD = (5, 25)  # so many jumps within so many frames on either side: pictures are held
_JUMP = (3.0, 0.2)  # of 255, and the most that the steps beside it may have of it
_SHOWN = 0.6  # root of what is left unexplained, below which such a jump shows the same take


@dataclass(frozen=True, repr=False)
class Steps:
    """What light says of the steps into N frames, (N,) float32 each.

    `change` is the mean change of luma where the picture is, of 255; `odds` are the log odds that
    the step is a cut, in a film of the usual rhythm.
    """

    change: NDArray[np.float32]
    odds: NDArray[np.float32]


def steps(grid: NDArray[np.float32]) -> Steps:
    """The steps between frames that are given as (N, 144) luma."""
    change, features = measured(grid)
    odds = np.full(len(grid), _BIAS, np.float32)
    for weight, feature in zip(_WEIGHTS, features, strict=True):
        odds += np.float32(weight) * feature
    odds[features[0] < _BUSY[0]] -= _BUSY[1]
    same = (features[1] < _MOVED) | _held(change, features[1])
    odds[(change < _LEAST) | same | (_spread(grid) < _PART)] = -20
    return Steps(change, odds)


def unsure(grid: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return about which of N steps, (N,), the network is to be asked, whatever the rhythm."""
    odds = steps(grid).odds
    low, high = _UNDECIDED
    return np.asarray((odds > low) & (odds < high))


def measured(grid: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The change of each step, (N,), and the features by which it is judged, (2, N)."""
    count = len(grid)
    change, moved = np.zeros(count, np.float32), np.ones(count, np.float32)
    if count > 1:
        change[1:], moved[1:] = _pairs(grid[:-1], grid[1:])
    # A step that a movement of the camera explains says that it moves here; a cut beside does not.
    movement = change * np.clip(moved, 0, 1) ** 2
    near = np.pad(movement, _BESIDE)
    beside = [near[_BESIDE + k :][:count] for k in range(-_BESIDE, _BESIDE + 1) if k]
    busy = np.maximum.reduce([_quiet(change, -1), _quiet(change, 1), *beside])
    features = (
        np.log(change + 0.1) - np.log(busy + _NOISE),
        np.sqrt(np.clip(1 - moved, 0, 1.5)),
    )
    return change, np.array(features, np.float32)


def _spread(grid: NDArray[np.float32]) -> NDArray[np.float32]:
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
    """The mean change between (n, 144) pictures without their black bars, and the best correlation
    where the camera may have moved by a cell or two. (n,) each.
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
    """(n,): the correlation where the picture moved by less than a cell: with it and its slopes."""
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
    """What of (n, 9, 16) pictures is still seen when the camera moves by so many cells."""
    rows, columns = ROWS_COLUMNS
    return pictures[:, max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]


def _quiet(change: NDArray[np.float32], sign: int) -> NDArray[np.float32]:
    """(N,): the movement on one side of each step, in its quietest run of `_RUN` steps."""
    count = len(change)
    pad = np.zeros(_SIDE, np.float32)
    padded = np.concatenate([pad, change, pad])
    near = [padded[_SIDE + sign * k : _SIDE + sign * k + count] for k in range(1, _SIDE + 1)]
    runs = [np.maximum.reduce(near[k : k + _RUN]) for k in range(_SIDE - _RUN + 1)]
    return np.asarray(np.minimum.reduce(runs))


def judged_cuts(light: Light, prediction: Prediction) -> list[int]:
    """The frames before which a shot ends, in order: cuts that are neither flashes nor mixtures."""
    change, odds = (np.zeros(len(light), np.float32) for _ in range(2))
    for first in range(0, len(light), _PIECE):
        base = max(0, first - _AROUND)
        grid = light.grid[base : first + _PIECE + _AROUND].astype(np.float32)
        found, here = steps(grid), slice(first - base, first - base + _PIECE)
        change[first : first + _PIECE] = found.change[here]
        odds[first : first + _PIECE] = found.odds[here]
    odds = _together(odds, _heard(prediction))
    cuts = [int(frame) for frame in np.flatnonzero(odds > 0)]
    cuts = [cut for cut in cuts if not is_flash(light.grid, FrameRange(cut, cut), near=0)]
    return _joined(light, cuts, change)


def _together(odds: NDArray[np.float32], heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log odds by light, network and rhythm, (N,).

    Of short shots the network misses many, so what it says against a cut counts the less, the more
    often the film cuts nearby; but not where it is all but certain.
    """
    rhythm = _rhythm(odds + heard)
    against = np.clip(heard, -_AGAINST, 0) * np.exp(-np.maximum(rhythm, 0))
    against += np.minimum(heard + _AGAINST, 0)
    return np.asarray(odds + np.maximum(heard, 0) + against + rhythm, np.float32)


def _heard(prediction: Prediction) -> NDArray[np.float32]:
    """(N,): what the network adds to the log odds of the steps about which it was asked."""
    before = np.concatenate([np.zeros(1, np.float32), prediction.single[:-1]])
    sure = np.clip(before, _UNSURE, 1 - _UNSURE)
    added = np.float32(_NETWORK) * np.log(sure / (1 - sure))
    return np.where(before > 0, added, 0).astype(np.float32)[: len(prediction)]


def _rhythm(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,): what the cuts around each step add to its log odds."""
    count = len(odds)
    likely = 1 / (1 + np.exp(-np.clip(odds, -20, 20)))
    sums = np.concatenate([[0.0], np.cumsum(likely)])
    frames = np.arange(count)
    first, end = np.maximum(frames - _REACH, 0), np.minimum(frames + _REACH + 1, count)
    others = sums[end] - sums[first] - likely
    # As if the usual cuts of so many frames had been seen as well.
    rate = (others + _USUAL * _REACH) / (end - first + _REACH)
    return np.asarray(_RHYTHM * np.log(rate / _USUAL), np.float32)


def _joined(light: Light, cuts: list[int], change: NDArray[np.float32]) -> list[int]:
    """`cuts` without those that are a second half: of a white frame, or of a mixture."""
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
    """Whether a frame lies between the one before and the one after, as mixed by a converter."""
    old, mixed, new = grid[frame - 1 : frame + 2].astype(np.float32)
    way = new - old
    length = float(way @ way)
    part = float((mixed - old) @ way) / max(length, 1)
    rest = mixed - old - part * way
    return 0.1 < part < 0.9 and float(rest @ rest) < _MIXED**2 * length


def _white(grid: NDArray[np.uint8], first: int, end: int) -> bool:
    """Whether the frames from `first` to `end` are one light, brighter than what is around."""
    pictures = grid[first - 1 : end + 1].astype(np.float32)
    shown = pictures.max(axis=0) > _BLACK
    if not shown.any():
        return False
    level, spread = pictures[:, shown].mean(axis=1), pictures[:, shown].std(axis=1)
    return bool(
        level[1:-1].min() > max(level[0], level[-1]) and (spread[1:-1] < _FLAT * level[1:-1]).all()
    )
