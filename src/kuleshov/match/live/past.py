"""Tell instants apart by the last seconds of a camera, not by its newest frame alone.

One frame of a person who speaks is like a hundred others; a second of it is not. So the nearest
moments are scored once more by what was seen up to a second ago, each glance against what the
archive shows so long before, and moved to where all of it fits best, in steps of a frame: the sum
along a diagonal, as where films are matched, with the archive interpolated between its rows. The
curve of movement, 24 samples a second, is laid on the archive's.

Where a shot hardly changes all its instants are about as alike, and which of them is most so says
more of the crop and the light than of the instant. What tells them apart is how glances and rows
differ from their own means: likeness from which the mean of each glance and of each row was taken
(`_changes`), along the last two seconds. It chooses among the instants of a shot, never among
shots.
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
from kuleshov.match.live.moments import Moment, Moments

__all__ = ["Past"]

_BACK = 1.0  # s that are looked back
_LONG = 2.0  # s of which changes are compared
_CHANGES = 2.0  # bits that changes count which are as alike as usual, over all facets
_FAINT = 1e-4  # likeness of changes below which there are none
_APART = 0.24  # s between two glances of which both count
_NEAR = 12  # steps of a frame that a moment may be moved, to either side
_WIDE = 30 * SAMPLES  # the same for the first moments: as a rule all of their shot
_FAR = 300.0  # s that these may be moved in all
_STRIDE = 0.25  # s between two instants that are tried so far away
_WHOLE = 4  # moments that are moved so far
_TIMING = 3.0  # times what movement counts where stretches are matched: here it tells instants
_MOVED = 1e-3  # bits lost for each second that a moment is moved: of equal ones the nearest
_INSIDE = 1e-6  # s

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines of N moments that lie one after another: where each begins, and how many they are."""

    begin: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, counts: Sequence[int]) -> _Lines:
        count = np.array(counts, np.int64)
        return cls(np.cumsum(count) - count, count)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Windows on the archive around N moments, each from its row `first` on, (N,).

    `low` is when each one's shot begins, in s. `similar` is the likeness of all their `rows` to G
    glances, facet to (M, G), and `changes` that of changes. `curve` is their movement, each from
    its sample `curve_first` on.
    """

    first: NDArray[np.int64]
    grid: NDArray[np.int64]
    low: NDArray[np.float64]
    rows: _Lines
    similar: Mapping[str, Rows]
    changes: Mapping[str, Rows]
    curve: Rows
    curve_lines: _Lines
    curve_first: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Places:
    """Places (P, G) between rows (M, G): what lies before each in flat rows, beside, and how far.

    Both are numbers in rows laid flat; `part` is the share of what lies beside.
    """

    at: NDArray[np.int64]
    beside: NDArray[np.int64]
    part: Rows

    @classmethod
    def of(cls, place: NDArray[np.float64], rows: _Lines, owner: NDArray[np.int64]) -> _Places:
        """Return places that are counted from the first row of the moment that owns them."""
        last = rows.count[owner, None] - 1
        place = np.clip(place, 0, last)
        left = np.minimum(place.astype(np.int64), np.maximum(0, last - 1))
        width = place.shape[1]
        step = np.minimum(left + 1, last) - left
        at = (left + rows.begin[owner, None]) * width + np.arange(width)
        return cls(at, at + step * width, (place - left).astype(np.float32))

    def means(self, similar: Mapping[str, Rows], counts: Rows) -> dict[str, Rows]:
        """Return each facet's mean likeness (P,), from that of rows, (M, G); by counts (P, G)."""
        many = counts.sum(axis=1)
        found = {}
        for name, values in similar.items():
            flat = values.reshape(-1)
            value = flat[self.at]
            value += self.part * (flat[self.beside] - value)
            found[name] = np.asarray((value * counts).sum(axis=1) / many, np.float32)
        return found


class Past:
    """The last two seconds of one camera: some glances of it, since the last cut."""

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
        while self._glances[0].time < glance.time - _LONG - _INSIDE:
            self._glances.popleft()

    def refined(
        self, moments: Moments, found: Sequence[Moment], how: Strength, kept: Moment | None = None
    ) -> tuple[list[Moment], Moment | None]:
        """Return moments, scored by the last second and moved to where they fit best; best first.

        `kept` is scored where it is.
        """
        every = [*found, *([] if kept is None else [kept])]
        if not every:
            return [], None
        far = np.array(
            [
                n < _WHOLE or (kept is not None and one.spot.of_shot(kept.spot))
                for n, one in enumerate(every)
            ]
        )
        steps = [
            _steps(
                one, 0 if one is kept else _WIDE if wide else _NEAR, far=wide and one is not kept
            )
            for one, wide in zip(every, far.tolist(), strict=True)
        ]
        count = [len(part) for part in steps]
        owner = np.repeat(np.arange(len(every)), count)
        start = np.concatenate(steps)
        glances = [g for g in self._glances if all(name in g.rows for name in how.weights)]
        age = np.array([self._glances[-1].time - glance.time for glance in glances])
        windows = _windows(moments, every, glances, how, steps, far)
        at = start[:, None] - age  # (P, G)
        # What was shown before the shot began is not compared: there is another shot.
        seen = (at >= windows.low[owner, None] - _INSIDE).astype(np.float32)
        seen[:, -1] = 1
        place = at * windows.grid[owner, None] - windows.first[owner, None]
        places = _Places.of(place, windows.rows, owner)
        similarity = places.means(windows.similar, seen * (age <= _BACK + _INSIDE))
        strength = how.whole(similarity)
        known = windows.curve_lines.count[owner] > 0
        if how.timing and known.any():
            timing = _timing(windows, owner, start, self._glances[-1].curve)
            strength += known * _TIMING * how.timing * how.scales[MOVEMENT].bits(timing)
        changes = places.means(windows.changes, seen)
        # Where little of it can be compared, near the beginning of a shot, it says little.
        counting = np.float32(_CHANGES) * far[owner] * seen.mean(axis=1)
        timed = counting * sum(np.float32(how.weights[n]) * part for n, part in changes.items())
        asked = np.array([one.spot.time for one in every])[owner]
        strength -= _MOVED * np.abs(start - asked).astype(np.float32)
        moved = []
        for one, end, length in zip(every, np.cumsum(count).tolist(), count, strict=True):
            fit = strength[end - length : end] + timed[end - length : end]
            best = end - length + int(np.round(fit, 4).argmax())
            moved.append(
                replace(
                    one,
                    spot=replace(one.spot, time=float(start[best])),
                    strength=float(strength[best]) - one.lost,
                    timed=float(timed[best]),
                    similarity={name: float(values[best]) for name, values in similarity.items()},
                )
            )
        last = None if kept is None else moved.pop()
        return sorted(moved, key=lambda one: -one.strength), last


def _steps(one: Moment, reach: int, *, far: bool) -> NDArray[np.float64]:
    """Return the instants, in s, to which a moment may be moved: by at most `reach` steps.

    Those that lie so `far` away that a step is not worth its while lie further apart.
    """
    last = max(one.low, one.high - 1 / SAMPLES)
    here = min(max(one.spot.time, one.low), last)
    left, right = int((here - one.low) * SAMPLES), int((last - here) * SAMPLES)
    near = here + np.arange(-min(reach, left), min(reach, right) + 1) / SAMPLES
    if not far or (left <= reach and right <= reach):
        return near
    before = np.arange(near[0] - _STRIDE, max(one.low, here - _FAR), -_STRIDE)[::-1]
    after = np.arange(near[-1] + _STRIDE, min(last, here + _FAR), _STRIDE)
    return np.concatenate((before, near, after))


def _windows(
    moments: Moments,
    found: Sequence[Moment],
    glances: Sequence[Glance],
    how: Strength,
    steps: Sequence[NDArray[np.float64]],
    far: NDArray[np.bool_],
) -> _Windows:
    """Return what the archive shows where moments may be moved to, and some seconds before.

    For those that are looked at `far` that is what lies as far away, be they moved or not.
    """
    films = [moments.film(one.spot) for one in found]
    spans, lows, curves, curve_first = [], [], [], []
    newest = glances[-1].curve
    for one, film, instants, wide in zip(found, films, steps, far.tolist(), strict=True):
        low, end, begins = moments.rows_of(one.spot)
        earliest, latest = float(instants[0]) - _BACK, float(instants[-1])
        left = one.spot.time - _FAR - _LONG if wide else earliest
        right = one.spot.time + _FAR if wide else latest
        first = min(max(low, int(left * film.grid)), end - 1)
        spans.append((first, max(first + 1, min(end, int(np.ceil(right * film.grid)) + 1))))
        lows.append(begins)
        curve_first.append(max(0, int(earliest * SAMPLES) - 1))
        curve = np.zeros(0, np.float32)
        if how.timing and newest is not None:
            part = slice(curve_first[-1], int(np.ceil(latest * SAMPLES)) + 2)
            curve = film.rows[MOVEMENT].reshape(-1)[part].astype(np.float32)
        curves.append(curve)
    length = [end - first for first, end in spans]
    sides = np.repeat([int(one.spot.mirrored) for one in found], length)
    similar = {}
    for name in how.weights:
        parts = [
            moments.part(one.spot.film, name)[a:b] for one, (a, b) in zip(found, spans, strict=True)
        ]
        block = np.concatenate(parts).astype(np.float32)
        similar[name] = np.empty((len(block), len(glances)), np.float32)
        for side in {*sides.tolist()}:
            of_side = np.stack([glance.rows[name][side] for glance in glances])
            similar[name][sides == side] = block[sides == side] @ of_side.T
    rows = _Lines.of(length)
    return _Windows(
        first=np.array([first for first, _ in spans], np.int64),
        grid=np.array([film.grid for film in films], np.int64),
        low=np.array(lows),
        rows=rows,
        similar=similar,
        changes={name: _changes(values, rows) for name, values in similar.items()},
        curve=np.concatenate(curves),
        curve_lines=_Lines.of([len(curve) for curve in curves]),
        curve_first=np.array(curve_first, np.int64),
    )


def _changes(similar: Rows, lines: _Lines) -> Rows:
    """Return the likeness of changes (M, G): without each row's mean, and each glance's of a line.

    That is the covariance of how both differ from their means. It is as large as usual at 1.
    """
    left = similar - similar.mean(axis=1, keepdims=True)
    begin, count = lines.begin, lines.count[:, None]
    left -= np.repeat(np.add.reduceat(left, begin, axis=0) / count, lines.count, axis=0)
    usual = np.sqrt(np.add.reduceat(np.square(left).mean(axis=1), begin) / lines.count)
    left /= np.repeat(usual + np.float32(_FAINT), lines.count)[:, None]
    return np.asarray(left, np.float32)


def _timing(
    windows: _Windows, owner: NDArray[np.int64], start: NDArray[np.float64], curve: Rows | None
) -> Rows:
    """Return how well movement falls on movement, (P,), from -1 to 1."""
    assert curve is not None
    instants = (np.arange(len(curve)) - len(curve) + 0.5) / SAMPLES
    place = (start[:, None] + instants) * SAMPLES - 0.5 - windows.curve_first[owner, None]
    lines = windows.curve_lines
    last = np.maximum(0, lines.count[owner, None] - 1)
    at = np.clip(np.rint(place).astype(np.int64), 0, last) + lines.begin[owner, None]
    return concordance(windows.curve[np.minimum(at, len(windows.curve) - 1)], curve)
