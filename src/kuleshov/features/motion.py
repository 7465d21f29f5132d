"""Describe motion: where to, and how fast, things move in the picture, and the camera's part.

Speeds are what a flow's displacements add up to over a time, divided by that time. Means, not
medians: film of 24 pictures a second that is shown 30 times a second stands still in every fifth
frame, slow movement stands still in most frames of a strongly compressed film, and both make up for
it in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import MOTION, Reference
from kuleshov.features.flow import CELLS, Flow

__all__ = [
    "UNEXPLAINED",
    "CameraMovement",
    "Motion",
    "camera_of",
    "camera_word",
    "compress",
    "describe_camera",
    "mean_speeds",
    "shot_times",
    "usable_pairs",
]

UNEXPLAINED = 0.12
"""A pair of frames whose `Flow.error` is greater shows no movement that can be believed: a cut, a
flash, a frame that is damaged."""

_REACH = 0.25  # s before and after a row's time
_GLANCE = 0.125  # s over which displacements are added up before their size is taken
_SLOW, _FAST = 0.01, 2.0  # of the picture's size a second; slower is hardly seen, faster all alike
_LIVELY = 0.05  # the same for movement beyond the camera, which noise is a part of
_SHARES = {"grid": 0.5, "pan": 0.2, "zoom": 0.1, "roll": 0.05, "foreground": 0.15}
_RADIUS = 0.8  # of the ball that motions lie in: what moves fast in all ways at once is rare

_STILL = 0.016  # of the picture's size a second; below, a camera stands still
_CORNER = 0.7  # of the picture's size: how far its corners are from the middle
_SHAKY = 0.03  # the same: a camera that stands less still is held by hand
_STEADY = 0.7  # how much of what a camera's shake is, a movement must be to have a name

F64 = NDArray[np.float64]


class Motion:
    """The motion facet: movement within a quarter of a second before and after.

    Direction and speed in 3 x 4 cells, the camera's pan, tilt, zoom and roll, and how much moves
    besides.

    Two pictures in which nothing moves are fully alike; opposite directions are less alike than
    movement and rest.
    """

    name = MOTION
    version = 1
    maker = NO_NETWORK

    def __init__(self, reference: Reference | None = None) -> None:
        """Take a reference as every facet does, and need nothing of it."""

    def describe_flow(
        self,
        flow: Flow,
        seconds: F64,
        times: F64,
        rate: float,
        breaks: Sequence[int],
        grid: int = 2,
    ) -> NDArray[np.float16]:
        """Return unit vectors, (M, 30) float16, for M rows, `grid` of them a second.

        `seconds` (N,): when each frame of `flow` is first seen; `times` (M,): of each row; `rate`:
        frames a second, nominally; `breaks`: the first frames of shots. Movement from one shot to
        the next does not count, nor does what moves in the neighbouring shots.
        """
        _check(flow, seconds)
        begin, end = shot_times(seconds, times, rate, breaks)
        middle = np.clip(times, begin, end)
        reach = max(_REACH, 0.5 / grid)  # nothing between two rows is left out
        first, last = np.maximum(middle - reach, begin), np.minimum(middle + reach, end)
        usable = usable_pairs(flow, breaks)
        moved = mean_speeds(flow.grid, seconds, usable, first, last).reshape(len(times), *CELLS, 2)
        camera = mean_speeds(flow.camera, seconds, usable, first, last)
        # Growth and turn as the speed that they give to the middle of the picture's sides.
        camera[:, 2:] /= 2
        cells = compress(moved, _SLOW).reshape(len(times), CELLS[0] * CELLS[1] * 2)
        parts = {
            "grid": cells / np.sqrt(CELLS[0] * CELLS[1]),
            "pan": compress(camera[:, :2], _SLOW),
            "zoom": compress(camera[:, 2:3], _SLOW),
            "roll": compress(camera[:, 3:], _SLOW),
            "foreground": self._foreground(flow, seconds, usable, (first, last)),
        }
        whole = [part * np.sqrt(_SHARES[name]) for name, part in parts.items()]
        return _lifted(np.concatenate(whole, axis=1) / _RADIUS)

    def _foreground(
        self, flow: Flow, seconds: F64, usable: NDArray[np.bool_], span: tuple[F64, F64]
    ) -> F64:
        """Return how much moves beyond the camera between the times of `span`, (M, 1), 0 to 1."""
        first, last = span
        moving = flow.foreground
        amount = np.zeros(len(first))
        steps = round(2 * _REACH / _GLANCE)
        for step in range(steps):
            part = (first + (last - first) * k / steps for k in (step, step + 1))
            speeds = mean_speeds(moving, seconds, usable, *part).reshape(len(first), *CELLS, 2)
            amount += np.hypot(speeds[..., 0], speeds[..., 1]).mean(axis=(1, 2))
        return compress(amount[:, None] / steps, _LIVELY)


@dataclass(frozen=True)
class CameraMovement:
    """A camera movement: what the camera does in a shot, on average.

    `word` as in `camera_word`. `pan` (to the right) in picture widths a second, `tilt` (upwards) in
    heights a second, `zoom` (in) as growth a second (0.1: by a tenth), `roll` (clockwise) in
    radians a second, `shake` in picture sizes a second: how much that changes, as a rule, from one
    eighth of a second to the next.
    """

    word: str
    pan: float
    tilt: float
    zoom: float
    roll: float
    shake: float


def camera_word(pan: float, tilt: float, zoom: float, roll: float, shake: float) -> str:
    """Return what a camera with these mean speeds, as in `CameraMovement`, does.

    It is "static", "pan left", "pan right", "tilt up", "tilt down", "push in", "pull out", "roll"
    or "handheld".

    The fastest of the four names it, zoom and roll counting by the speed that they give to the
    picture's corners. It must be faster than 0.016 of the picture's size a second, and not be lost
    in the shake; a shaking camera that goes nowhere is held by hand.
    """
    moves = {
        "pan right" if pan > 0 else "pan left": abs(pan),
        "tilt up" if tilt > 0 else "tilt down": abs(tilt),
        "push in" if zoom > 0 else "pull out": abs(zoom) * _CORNER,
        "roll": abs(roll) * _CORNER,
    }
    word, speed = max(moves.items(), key=lambda move: move[1])
    if speed > _STILL and speed > _STEADY * shake:
        return word
    return "handheld" if shake > _SHAKY else "static"


def describe_camera(flow: Flow, seconds: F64, first: int, end: int) -> CameraMovement:
    """Return the camera's movement over the frames `first` to before `end`.

    They should be of one shot. `seconds` (N,): when each frame of `flow` is first seen.
    """
    _check(flow, seconds)
    usable = usable_pairs(flow, (first,))
    begin, close = seconds[first], seconds[max(first, end - 1)]
    whole = mean_speeds(flow.camera, seconds, usable, np.array([begin]), np.array([close]))[0]
    steps = max(1, int((close - begin) / _GLANCE))
    edges = np.linspace(begin, close, steps + 1)
    speeds = mean_speeds(flow.camera, seconds, usable, edges[:-1], edges[1:])
    speeds[:, 2:] /= 2
    # From one step to the next a steady hand hardly changes; the median, because something that
    # passes before the camera may throw a few steps off.
    wavering = np.linalg.norm(np.diff(speeds, axis=0), axis=1)
    shake = float(np.median(wavering)) if len(wavering) else 0.0
    pan, tilt, zoom, roll = (float(v) for v in whole * (-1, 1, 1, -1))
    return CameraMovement(camera_word(pan, tilt, zoom, roll, shake), pan, tilt, zoom, roll, shake)


def usable_pairs(flow: Flow, breaks: Sequence[int]) -> NDArray[np.bool_]:
    """Return which entries of `flow` are movement, (N,): not across `breaks` nor unexplained."""
    usable = flow.error.astype(np.float32) <= UNEXPLAINED
    usable[:1] = False
    inside = [frame for frame in breaks if 0 <= frame < len(usable)]
    usable[inside] = False
    return usable


def shot_times(seconds: F64, times: F64, rate: float, breaks: Sequence[int]) -> tuple[F64, F64]:
    """Return when the shot that is seen at each of `times` (M,) begins, and its last frame.

    Frame n of `seconds` (N,) is seen from half a frame before its time, as where rows are sampled.
    """
    last = len(seconds) - 1
    shown = np.clip(np.searchsorted(seconds, times + 0.5 / rate, side="right") - 1, 0, last)
    cuts = np.array(sorted({0, len(seconds), *breaks}))
    shot = np.searchsorted(cuts, shown, side="right") - 1
    return seconds[cuts[shot]], seconds[cuts[shot + 1] - 1]


def mean_speeds(
    values: NDArray[Any], seconds: F64, usable: NDArray[np.bool_], begin: F64, end: F64
) -> F64:
    """Return mean speeds, (M, K) a second, between the times `begin` and `end`, (M,) each.

    `values` (N, ...), K numbers an entry, are what moved until frame n since the frame before, at
    `seconds` (N,). Entries that are not `usable` (N,) count neither as movement nor as time; where
    nothing else is there the speed is 0.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    passed = np.diff(seconds, prepend=seconds[:1]) * usable
    path = np.cumsum(np.column_stack((passed, flat * usable[:, None])), axis=0)
    gone = _at(path, seconds, end) - _at(path, seconds, begin)
    # Less than this is what is left of a pair that does not count.
    there = gone[:, 0] > 1e-6
    return np.where(there[:, None], gone[:, 1:] / np.where(there, gone[:, 0], 1)[:, None], 0.0)


def _at(path: F64, seconds: F64, times: F64) -> F64:
    """Return `path` (N, K), known at its `seconds` (N,), at `times` (M,): (M, K)."""
    after = np.clip(np.searchsorted(seconds, times, side="right"), 1, max(1, len(seconds) - 1))
    after = np.minimum(after, len(seconds) - 1)
    before = np.maximum(after - 1, 0)
    length = seconds[after] - seconds[before]
    share = np.where(length > 0, (times - seconds[before]) / np.where(length > 0, length, 1), 1.0)
    share = np.clip(share, 0, 1)[:, None]
    return np.asarray(path[before] * (1 - share) + path[after] * share)


def compress(speeds: F64, slow: float) -> F64:
    """Return speeds with each vector's length brought from 0 up to 2 a second to 0 to 1.

    `speeds` are (..., K). Lengths go by their logarithm: speeds differ by how many times they are
    faster, except below `slow`.
    """
    size = np.sqrt(np.square(speeds).sum(axis=-1, keepdims=True))
    wanted = np.minimum(np.log1p(size / slow) / np.log1p(_FAST / slow), 1)
    return np.asarray(speeds * (wanted / np.maximum(size, 1e-9)))


def camera_of(rows: NDArray[np.floating[Any]]) -> F64:
    """Return pan, tilt, zoom and roll, (M, 4), as rows (M, 30) of `Motion` hold them.

    In the units of `CameraMovement`, each the mean of half a second.

    Right to a hundredth; where all of the picture moves at the greatest speeds they read slower.
    """
    values = np.asarray(rows, np.float64)
    first = 2 * CELLS[0] * CELLS[1]
    shares = [_SHARES["pan"]] * 2 + [_SHARES["zoom"], _SHARES["roll"]]
    squeezed = values[:, first : first + 4] * _RADIUS / np.sqrt(shares)
    pan = _expanded(squeezed[:, :2], _SLOW)
    growth, turn = _expanded(squeezed[:, 2:3], _SLOW), _expanded(squeezed[:, 3:], _SLOW)
    return np.concatenate((pan, growth * 2, turn * 2), axis=1) * (-1, 1, 1, -1)


def _expanded(squeezed: F64, slow: float) -> F64:
    """Return the speeds (..., K) of which `compress` made these."""
    size = np.sqrt(np.square(squeezed).sum(axis=-1, keepdims=True))
    speed = slow * np.expm1(np.minimum(size, 1) * np.log1p(_FAST / slow))
    return np.asarray(squeezed * (speed / np.maximum(size, 1e-9)))


def _lifted(vectors: F64) -> NDArray[np.float16]:
    """Return (M, D) vectors of length up to 1, lifted onto a sphere: (M, D + 1).

    The dot product of two then falls with their distance, and two zero vectors are fully alike.
    """
    square = np.square(vectors).sum(axis=1, keepdims=True)
    scale = np.sqrt(np.maximum(square, 1))
    rest = np.sqrt(np.maximum(1 - square, 0))
    return np.asarray(np.concatenate((vectors / scale, rest), axis=1), np.float16)


def _check(flow: Flow, seconds: F64) -> None:
    if len(flow) != len(seconds):
        raise ValueError(f"{len(seconds)} times for {len(flow)} frames")
