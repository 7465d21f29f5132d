"""Refine hits: move and stretch the best in-points to where they fit best.

The archive's similarity is interpolated between its rows and compared at all samples of the source,
at several speeds and in steps of a frame; a curve of the amount of movement, 24 samples a second,
brings movement peak onto movement peak. All in-points of a stretch are moved at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.features.facet import MOVEMENT
from kuleshov.features.grid import rows_of
from kuleshov.features.movement import SAMPLES
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.align.scan import MISSING, TITLE
from kuleshov.match.align.strength import Strength

__all__ = ["Refiner", "Surroundings", "concordance", "speeds"]


_SHIFTS = np.arange(-9, 10) / 24  # s; moves tried, to either side of an in-point on the grid
_HURRY = 0.4  # bits lost at the greatest stretch: a film's own speed is the better one
_STILL = 0.05  # variance of the movement curve below which there is nothing to align
_TIMED = 1 << 18  # samples of movement that are laid on one another at once
_MOST = 24  # samples of a stretch that are compared; long ones are thinned out

Values = NDArray[np.float32]
Times = NDArray[np.float64]


def speeds(stretch: float) -> tuple[Fraction, ...]:
    """Return the speeds to try when a clip may be `stretch` times slower or faster; 1 first."""
    if stretch <= 1:
        return (Fraction(1),)
    steps = (0.0, 0.5, -0.5, 1.0, -1.0)
    return tuple(Fraction(stretch**step).limit_denominator(100) for step in steps)


@dataclass(frozen=True, repr=False)
class Surroundings:
    """An in-point and its surroundings, kept for when its film is closed again.

    `middle` of the in-point, `low` and `high` of its shot's core in s; `first`: the row at which
    `similar` begins, facet to (n, W), the query's samples against the archive's rows. `curve` (C,)
    is the movement from `curve_start` s on.
    """

    film: int
    shot: int
    title: bool
    middle: float
    low: float
    high: float
    grid: int
    first: int
    similar: Mapping[str, Values]
    curve: Values
    curve_start: float


class Refiner:
    """A refiner that moves the in-points of one query."""

    def __init__(self, query: Query, how: Strength, stretch: float) -> None:
        thin = max(1, -(-len(query.time) // _MOST))
        self._query, self._how, self._stretch = query, how, max(1.0, stretch)
        self._time = query.time[::thin]
        self._rows = {name: query.rows[name][::thin] for name in how.weights}
        self._speeds = np.array([float(speed) for speed in speeds(stretch)])
        self._curve: Values | None = None
        if how.timing and len(query.time) > 1:
            self._curve = query.rows[MOVEMENT].reshape(-1).astype(np.float32)
            self._curve_time = query.time[0] + np.arange(len(self._curve)) / SAMPLES

    def see(
        self,
        rows: Mapping[str, NDArray[np.float16]],
        film: int,
        source: ArchiveFilm,
        hit: tuple[int, float, float],
    ) -> Surroundings:
        """Return the surroundings of an in-point (shot, start, length) while its film is open.

        `rows` are the whole film's, facet to (M, D).
        """
        number, begin, length = hit
        shot, grid = source.shot(number), source.grid
        core = source.core(shot)
        first, end = rows_of(source.shown, shot.core)
        middle = begin + length / 2
        reach = self._query.duration * self._stretch / 2 + float(_SHIFTS[-1])
        low = min(max(first, int((middle - reach) * grid)), end - 1)
        high = max(low + 1, min(end, int(np.ceil((middle + reach) * grid)) + 1))
        start = max(float(core.start), middle - reach)
        curve = np.zeros(0, np.float32)
        if self._curve is not None:
            last = min(float(core.end), middle + reach)
            part = slice(int(start * SAMPLES), int(np.ceil(last * SAMPLES)) + 1)
            curve = rows[MOVEMENT].reshape(-1)[part].astype(np.float32)
        return Surroundings(
            film=film,
            shot=number,
            title=number in source.titles,
            middle=middle,
            low=float(core.start),
            high=float(core.end),
            grid=grid,
            first=low,
            similar={
                name: part @ rows[name][low:high].astype(np.float32).T
                for name, part in self._rows.items()
            },
            curve=curve.copy(),
            curve_start=int(start * SAMPLES) / SAMPLES,
        )

    def moved(self, seen: Sequence[Surroundings]) -> list[Alignment]:
        """Return each in-point where it fits best, at the speed that fits best."""
        if not seen:
            return []
        low, high = (
            np.array([getattr(s, name) for s in seen])[:, None] for name in ("low", "high")
        )
        middle = np.array([s.middle for s in seen])[:, None]
        start, speed, allowed = self._placements(middle, low, high)
        similarity = self._similarity(seen, start, speed)
        present = np.minimum(1.0, (high - low) / (self._query.duration * speed) + 1e-9)
        strength = self._how.whole(similarity) - MISSING * (1 - present)
        if self._stretch > 1:
            strength -= _HURRY * np.abs(np.log(speed)) / np.log(self._stretch)
        if not self._query.title:
            strength -= TITLE * np.array([s.title for s in seen])[:, None]
        if self._curve is not None:
            timing = self._timing(seen, start, speed)
            strength += self._how.timing * self._how.scales[MOVEMENT].bits(timing)
        # Of equal placements the nearest: a still picture gives no reason to move.
        taken = np.minimum(self._query.duration * speed, high - low)
        away = np.abs(start + taken / 2 - middle) + np.abs(speed - 1)
        best = np.where(allowed, np.round(strength, 3) - 1e-6 * away, -np.inf).argmax(axis=1)
        found = []
        for hit, (one, at) in enumerate(zip(seen, best.tolist(), strict=True)):
            begin, duration = float(start[hit, at]), float(taken[hit, at])
            found.append(
                Alignment(
                    strength=float(strength[hit, at]),
                    film=one.film,
                    shot=one.shot,
                    start=begin,
                    duration=duration,
                    speed=Fraction(float(speed[hit, at])).limit_denominator(1000),
                    present=float(min(1.0, present[hit, at])),
                    mirrored=self._query.mirrored,
                    similarity={name: float(v[hit, at]) for name, v in similarity.items()},
                )
            )
        return found

    def _placements(
        self, middle: Times, low: Times, high: Times
    ) -> tuple[Times, Times, NDArray[np.bool_]]:
        """Return starts and speeds to try, (H, P) each, within the shots, and which are allowed."""
        duration = self._query.duration
        speed = np.repeat(self._speeds, len(_SHIFTS))[None, :] * np.ones_like(low)
        room = (high - low) / duration
        # Too short at its own speed: slow enough to fill the stretch, or as slow as it may be.
        speed = np.where(room < 1 - 1e-9, np.maximum(room, 1 / self._stretch), speed)
        taken = np.minimum(duration * speed, high - low)
        start = middle - taken / 2 + np.tile(_SHIFTS, len(self._speeds))
        allowed = (duration * speed <= high - low + 1e-9) | (room < 1 - 1e-9)
        return np.clip(start, low, high - taken), speed, allowed

    def _similarity(
        self, seen: Sequence[Surroundings], start: Times, speed: Times
    ) -> dict[str, Values]:
        """Return each facet's mean similarity, (H, P), the archive's interpolated between rows."""
        grid, count = seen[0].grid, len(self._time)
        first = np.array([s.first for s in seen])[:, None]
        wide = np.array([next(iter(s.similar.values())).shape[1] for s in seen])
        most = int(wide.max())
        at = (start * grid - first)[..., None] + speed[..., None] * (self._time * grid)
        place = np.clip(at, 0, (wide - 1)[:, None, None]).astype(np.float32)  # (H, P, n)
        left = np.minimum(place.astype(np.int32), np.maximum(0, wide - 2)[:, None, None])
        part = place - left
        sample = np.arange(len(seen))[:, None, None] * count + np.arange(count)
        left = sample * most + left
        right = left + (wide > 1)[:, None, None]
        found = {}
        for name in self._rows:
            whole = np.zeros((len(seen), count, most), np.float32)
            for hit, one in enumerate(seen):
                whole[hit, :, : wide[hit]] = one.similar[name]
            flat = whole.reshape(-1)
            value = flat[left]
            value += part * (flat[right] - value)
            found[name] = value.mean(axis=2)
        return found

    def _timing(self, seen: Sequence[Surroundings], start: Times, speed: Times) -> Values:
        """Return how well movement falls on movement, (H, P), from -1 to 1."""
        assert self._curve is not None
        found = np.zeros(start.shape, np.float32)
        several = max(1, _TIMED // (start.shape[1] * len(self._curve)))
        for first in range(0, len(seen), several):
            part = slice(first, first + several)
            found[part] = self._timing_of(seen[part], start[part], speed[part])
        return found

    def _timing_of(self, seen: Sequence[Surroundings], start: Times, speed: Times) -> Values:
        assert self._curve is not None
        long = np.array([len(one.curve) for one in seen])
        curves = np.zeros((len(seen), max(2, int(long.max()))), np.float32)
        for hit, one in enumerate(seen):
            curves[hit, : long[hit]] = one.curve
        begin = (start - np.array([one.curve_start for one in seen])[:, None]) * SAMPLES
        place = begin[..., None] + speed[..., None] * (self._curve_time * SAMPLES)  # (H, P, T)
        left = np.clip(place.astype(np.int32), 0, np.maximum(0, long - 2)[:, None, None])
        part = np.clip(place - left, 0, 1).astype(np.float32)
        left += (np.arange(len(seen)) * curves.shape[1])[:, None, None].astype(np.int32)
        flat = curves.reshape(-1)
        value = flat[left]
        value += part * (flat[left + 1] - value)
        return concordance(value, self._curve) * (long > 1)[:, None]


def concordance(curves: Values, curve: Values) -> Values:
    """Return how alike `curves` (..., T) move to `curve` (T,): 1 the same, 0 nothing in common.

    Twice the covariance over the sum of variances (Lin 1989, without the means), so that a still
    picture agrees with nothing.
    """
    one = curves - curves.mean(axis=-1, keepdims=True)
    other = curve - curve.mean()
    spread = (one * one).mean(axis=-1) + float((other * other).mean()) + _STILL
    # Not as a product of matrices, whose last bits depend on how many curves there are.
    return np.asarray(2 * (one * other).mean(axis=-1) / spread, np.float32)
