"""Tell instants apart by the last second of a camera, not by its newest frame alone.

One frame of a person who speaks is like a hundred others; a second of it is not. So the nearest
moments are scored once more by what was seen up to a second ago, each glance against what the
archive shows so long before, and moved to where all of it fits best, in steps of a frame: the sum
along a diagonal, as where films are matched, with the archive interpolated between its rows. The
curve of movement, 24 samples a second, is laid on the archive's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.facet import MOVEMENT
from kuleshov.features.movement import SAMPLES
from kuleshov.features.watching import Glance
from kuleshov.match.align.refine import concordance
from kuleshov.match.align.strength import Strength
from kuleshov.match.live.moments import Moment, Moments, Spot

__all__ = ["Past"]

_BACK = 1.0  # s that are looked back
_APART = 0.24  # s between two glances of which both count
_NEAR = 12  # steps of a frame that a moment may be moved, to either side
_WIDE = 30 * SAMPLES  # the same for the first moments: as a rule all of their shot
_WHOLE = 4  # moments that are moved so far
_TIMING = 3.0  # times what movement counts where stretches are matched: here it tells instants
_MOVED = 1e-3  # bits lost for each second that a moment is moved: of equal ones the nearest
_INSIDE = 1e-6  # s

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Window:
    """A window on the archive around a moment: likeness (W, G) by facet from row `first` on."""

    first: int
    low: float
    similar: Mapping[str, Rows]
    curve: Rows
    curve_first: int


class Past:
    """The last second of one camera: some glances of it, since the last cut."""

    def __init__(self) -> None:
        self._glances: deque[Glance] = deque()

    def forget(self) -> None:
        """Look back at nothing."""
        self._glances.clear()

    def add(self, glance: Glance) -> None:
        """Take in the newest glance; what lies before a cut counts no more."""
        if glance.cut or (self._glances and glance.time <= self._glances[-1].time):
            self._glances.clear()
        # The newest one always counts, and of the others one in a while.
        if len(self._glances) > 1 and glance.time - self._glances[-2].time < _APART:
            self._glances.pop()
        self._glances.append(glance)
        while self._glances[0].time < glance.time - _BACK - _INSIDE:
            self._glances.popleft()

    def refined(
        self, moments: Moments, found: Sequence[Moment], how: Strength, *, still: bool = False
    ) -> list[Moment]:
        """Return moments, scored by the last second and moved to where they fit best; best first.

        `still`: they are only scored.
        """
        moved = [
            self._moved(moments, one, how, 0 if still else _WIDE if n < _WHOLE else _NEAR)
            for n, one in enumerate(found)
        ]
        return sorted(moved, key=lambda one: -one.strength)

    def _moved(self, moments: Moments, one: Moment, how: Strength, reach: int) -> Moment:
        """Return a moment scored by the last second, at most `reach` steps from where it was."""
        now = self._glances[-1].time
        glances = [g for g in self._glances if all(name in g.rows for name in how.weights)]
        age = np.array([now - glance.time for glance in glances])
        last = max(one.low, one.high - 1 / SAMPLES)
        here = min(max(one.spot.time, one.low), last)
        left, right = int((here - one.low) * SAMPLES), int((last - here) * SAMPLES)
        steps = np.arange(-min(reach, left), min(reach, right) + 1)
        start = here + steps / SAMPLES
        window = self._window(moments, one.spot, glances, how, reach / SAMPLES)
        at = start[:, None] - age[None, :]  # (P, G)
        # What was shown before the shot began is not compared: there is another shot.
        counts = (at >= window.low - _INSIDE).astype(np.float32)
        counts[:, -1] = 1
        grid = moments.film(one.spot).grid
        similarity = {
            name: _along(values, at * grid - window.first, counts)
            for name, values in window.similar.items()
        }
        strength = how.whole(similarity)
        if how.timing and len(window.curve):
            strength = strength + _TIMING * how.timing * how.scales[MOVEMENT].bits(
                _timing(window, start, self._glances[-1].curve)
            )
        strength = strength - _MOVED * np.abs(start - one.spot.time).astype(np.float32)
        best = int(np.round(strength, 4).argmax())
        return replace(
            one,
            spot=replace(one.spot, time=float(start[best])),
            strength=float(strength[best]) - one.lost,
            similarity={name: float(values[best]) for name, values in similarity.items()},
        )

    def _window(
        self,
        moments: Moments,
        spot: Spot,
        glances: Sequence[Glance],
        how: Strength,
        reach: float,
    ) -> _Window:
        film = moments.film(spot)
        low, end, begin = moments.rows_of(spot)
        first = min(max(low, int((spot.time - _BACK - reach) * film.grid)), end - 1)
        last = max(first + 1, min(end, int(np.ceil((spot.time + reach) * film.grid)) + 1))
        side = int(spot.mirrored)
        similar = {
            name: film.rows[name][first:last].astype(np.float32)
            @ np.stack([glance.rows[name][side] for glance in glances]).T
            for name in how.weights
        }
        curve, curve_first = np.zeros(0, np.float32), 0
        if how.timing and glances[-1].curve is not None:
            whole = film.rows[MOVEMENT].reshape(-1)
            curve_first = max(0, int((spot.time - _BACK - reach) * SAMPLES) - 1)
            until = int(np.ceil((spot.time + reach) * SAMPLES)) + 2
            curve = whole[curve_first:until].astype(np.float32)
        return _Window(first, begin, similar, curve, curve_first)


def _along(similar: Rows, place: NDArray[np.float64], counts: Rows) -> Rows:
    """Return the mean likeness (P,) of glances at places (P, G) between the rows of (W, G)."""
    place = np.clip(place, 0, len(similar) - 1)
    left = np.minimum(place.astype(np.int64), max(0, len(similar) - 2))
    right = np.minimum(left + 1, len(similar) - 1)
    part = (place - left).astype(np.float32)
    glance = np.arange(similar.shape[1])[None, :]
    value = similar[left, glance]
    value = value + part * (similar[right, glance] - value)
    return np.asarray((value * counts).sum(axis=1) / counts.sum(axis=1), np.float32)


def _timing(window: _Window, start: NDArray[np.float64], curve: Rows | None) -> Rows:
    """Return how well movement falls on movement, (P,), from -1 to 1; 0 where it is not known."""
    if curve is None:
        return np.zeros(len(start), np.float32)
    instants = (np.arange(len(curve)) - len(curve) + 0.5) / SAMPLES
    place = (start[:, None] + instants) * SAMPLES - 0.5 - window.curve_first
    at = np.clip(np.rint(place).astype(np.int64), 0, len(window.curve) - 1)
    return concordance(window.curve[at], curve)
