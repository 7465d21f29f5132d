"""Measure how near a cut between two clips is to a match cut: alike, and moving alike.

The last picture of a clip and the first of the next are compared facet by facet, as footage is in
`match.align.strength`, and the bits that they lack to being the same picture are the cost of the
cut.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.features.facet import COMPOSITION, FACES, MOTION, SUBJECT, TONE, Reference
from kuleshov.match.align.strength import Strength, Weights
from kuleshov.timecode import TimeRange

__all__ = ["JOINED_BY", "Joins", "PlacedClip", "best_starts"]

JOINED_BY: Weights = {
    COMPOSITION: 1.0,
    TONE: 0.8,
    MOTION: 0.8,
    SUBJECT: 0.6,
    FACES: 0.6,
}
"""The weight of each facet at a cut: shapes, light and movement that go on, before things."""

Rows = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class PlacedClip:
    """A clip's place in its footage: media time in s, and the core of its shot."""

    film: ArchiveFilm
    core: TimeRange
    media: TimeRange


class Joins:
    """The costs of cuts, in bits, between places in footage."""

    def __init__(
        self, films: Sequence[ArchiveFilm], reference: Reference, weights: Weights = JOINED_BY
    ) -> None:
        known = frozenset.intersection(*(frozenset(film.rows) for film in films))
        known &= {name.removesuffix(".levels") for name in reference.arrays}
        self._how = Strength.of(weights, reference, known)
        self._same = sum(w * self._how.scales[n].same for n, w in self._how.weights.items())

    def costs(
        self, leaving: Sequence[PlacedClip], entering: Sequence[PlacedClip]
    ) -> NDArray[np.float64]:
        """Return the costs of cuts, (L, E), from ends of `leaving` to starts of `entering`.

        It is 0 for the same picture, and more the less the two have in common.
        """
        ends = [_last(place) for place in leaving]
        out = self._rows(leaving, ends)
        into = self._rows(entering, [place.media.start for place in entering])
        bits = np.zeros((len(leaving), len(entering)))
        for name, weight in self._how.weights.items():
            bits += weight * self._how.scales[name].bits(out[name] @ into[name].T)
        return np.asarray(self._same - bits, np.float64)

    def mean(self, order: Sequence[PlacedClip]) -> float:
        """Return the mean cost of the cuts of a film; 0.0 where it has none."""
        pairs = itertools.pairwise(order)
        found = [float(self.costs([one], [other])[0, 0]) for one, other in pairs]
        return float(np.mean(found)) if found else 0.0

    def _rows(self, places: Sequence[PlacedClip], times: Sequence[Fraction]) -> Rows:
        """Return each facet's rows, (P, D), at these media times, interpolated between two rows."""
        taken: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self._how.weights}
        for place, time in zip(places, times, strict=True):
            film = place.film
            at = float(time) * film.grid
            low = int(np.ceil(float(place.core.start) * film.grid - 1e-6))
            high = int(np.ceil(float(place.core.end) * film.grid - 1e-6)) - 1
            at = min(max(at, low), max(high, low))
            for name, rows in taken.items():
                found = film.rows[name]
                left = min(int(at), len(found) - 1)
                right = min(left + 1, len(found) - 1, max(high, left))
                part = at - left if right > left else 0.0
                row = (1 - part) * found[left].astype("f4") + part * found[right].astype("f4")
                rows.append(row / max(float(np.linalg.norm(row)), 1e-6))
        return {name: np.asarray(rows, np.float32) for name, rows in taken.items()}


def best_starts(choices: Sequence[Sequence[PlacedClip]], joins: Joins) -> list[int]:
    """Return for each clip of a film which of its places makes the best cuts all in all.

    Exact, by dynamic programming from cut to cut. The first place of each is the one that was
    wanted; of equal ones the earlier is taken.
    """
    cost = np.zeros(len(choices[0]))
    came: list[NDArray[np.int64]] = []
    for before, after in itertools.pairwise(choices):
        whole = cost[:, None] + joins.costs(before, after)
        came.append(whole.argmin(axis=0))
        cost = whole.min(axis=0)
    chosen = [int(cost.argmin())]
    for step in reversed(came):
        chosen.append(int(step[chosen[-1]]))
    return chosen[::-1]


def _last(place: PlacedClip) -> Fraction:
    """Return the time at which a clip's last picture begins."""
    return max(place.media.start, place.media.end - 1 / place.film.footage.probe.video.rate)
