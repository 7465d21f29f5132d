"""Describe movement: how much the picture moves, 24 times a second.

The curve tells when things happen: by it a peak of movement is laid on a peak of movement to the
frame, and a moment is known again after it was cropped, mirrored or graded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import MOVEMENT, Reference
from kuleshov.features.flow import CELLS, Flow
from kuleshov.features.motion import mean_speeds, shot_times, usable_pairs

__all__ = ["SAMPLES", "Movement", "peak", "speeds_of"]

SAMPLES = 24
"""Instants a second."""

_GLANCE = 0.125  # s around each instant over which displacements are added up
_SLOW = 0.02  # of the picture's size a second; slower movement is hardly told from none


class Movement:
    """The movement curve: the mean speed over the picture at each instant, camera and all."""

    name = MOVEMENT
    version = 1
    maker = NO_NETWORK

    def __init__(self, reference: Reference | None = None) -> None:
        """Take a reference as every facet does, and need nothing of it."""

    def describe_flow(
        self,
        flow: Flow,
        seconds: NDArray[np.float64],
        times: NDArray[np.float64],
        rate: float,
        breaks: Sequence[int],
        grid: int = 2,
    ) -> NDArray[np.float16]:
        """Return the curve, (M, 24 / `grid`) float16, in rows that follow one another.

        `seconds` (N,): when each frame of `flow` is first seen; `times` (M,): when each row begins,
        `grid` rows a second (a divisor of 24); `rate`: frames a second, nominally; `breaks`: the
        first frames of shots. Sample k of a row is the movement around its time + (k + 0.5) / 24 s,
        within the shot that is seen then: log(1 + speed / 0.02), the speed in parts of the
        picture's size a second. Cuts and flashes are not movement and are left out.
        """
        if len(flow) != len(seconds):
            raise ValueError(f"{len(seconds)} times for {len(flow)} frames")
        if grid < 1 or SAMPLES % grid:
            raise ValueError(f"{SAMPLES} samples a second do not divide into {grid} rows")
        columns = SAMPLES // grid
        instants = (times[:, None] + (np.arange(columns) + 0.5) / SAMPLES).reshape(-1)
        begin, end = shot_times(seconds, instants, rate, breaks)
        # A film of few frames a second is looked at from one of its frames to the next.
        half = max(_GLANCE, 1 / rate) / 2
        middle = np.clip(instants, np.minimum(begin + half, end), np.maximum(end - half, begin))
        first, last = np.clip(middle - half, begin, end), np.clip(middle + half, begin, end)
        usable = usable_pairs(flow, breaks)
        speeds = mean_speeds(flow.grid, seconds, usable, first, last)
        speeds = speeds.reshape(len(instants), *CELLS, 2)
        amount = np.hypot(speeds[..., 0], speeds[..., 1]).mean(axis=(1, 2))
        curve = np.log1p(amount / _SLOW).reshape(len(times), columns)
        return np.asarray(curve, np.float16)


def speeds_of(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the speeds of rows (any shape) of `Movement`, in picture sizes a second."""
    return np.asarray(_SLOW * np.expm1(np.asarray(rows, np.float64)))


def peak(curve: NDArray[Any]) -> float:
    """Return the instant of most movement, in s from the beginning of a curve.

    The curve may have any shape and is read in order; the instant is the top of the parabola
    through the greatest sample and its neighbours.

    The first of several equal ones; 0.0 for an empty curve.
    """
    line = np.asarray(curve, np.float64).reshape(-1)
    if not line.size:
        return 0.0
    top = int(line.argmax())
    shift = 0.0
    if 0 < top < line.size - 1:
        left, middle, right = line[top - 1 : top + 2]
        bend = left - 2 * middle + right
        shift = 0.5 * float((left - right) / bend) if bend < 0 else 0.0
    return (top + 0.5 + shift) / SAMPLES
