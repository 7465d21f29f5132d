"""Find the moments of an archive that are most like one picture, many times a second.

    moments = Moments(rows, facets, reference)         # sketches are held ready: once
    found = moments.nearest(glance.rows, how, mask)    # best first

It is the coarse look at sketches (`match.align.coarse`) for a single moment: the sketches of all
segments are held in 8 bits and multiplied at once (`models.products`), weighed and masked; the rows
of the best hundred or so are then scored exactly, and only these scores count. A facet that was not
looked at anew costs nothing: what came of its last row is kept. Of the others half are looked at,
by turns, where the picture goes on as it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.facet import MOTION, Reference
from kuleshov.features.sketch import SKETCHED, asked
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.asked import Offer
from kuleshov.match.align.scan import TITLE
from kuleshov.match.align.shards import here
from kuleshov.match.align.strength import Strength
from kuleshov.models.products import Products

__all__ = ["Moment", "Moments", "Spot"]

_SEGMENTS = 96  # whose rows are scored exactly
_AT_HAND = 4096  # rows of a facet of a film
_BLOCK = 64  # segments that are looked at as one
_NEVER = np.float32(-1e6)  # bits of what must not answer

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Spot:
    """A spot in an archive: the film's number there, the shot's, media time in s, and the side."""

    film: int
    shot: int
    time: float
    mirrored: bool

    def of_shot(self, other: Spot) -> bool:
        """Return whether another spot lies in the same shot, and shows the same side of it."""
        mine, theirs = (self.film, self.shot), (other.film, other.shot)
        return mine == theirs and self.mirrored == other.mirrored


@dataclass(frozen=True)
class Moment:
    """A moment that was found: where, how alike in bits, and how alike by facet.

    `low` and `high` are the core of its shot in s; `lost` are the bits that are taken off since it
    was shown lately. `timed` are bits by which instants of one shot are told apart, beside these.
    """

    spot: Spot
    strength: float
    similarity: Mapping[str, float]
    low: float
    high: float
    lost: float = 0.0
    timed: float = 0.0


@dataclass(frozen=True, eq=False)
class _Asked:
    """Rows that are scored exactly, (N,) each: their film, first row, end and side."""

    film: Ints
    place: Ints
    first: Ints
    end: Ints
    side: Ints


class Moments:
    """The moments of an archive, held ready to be asked. Safe among threads.

    What is held takes 0.6 kB for each segment of up to two seconds.
    """

    def __init__(self, rows: ArchiveRows, reference: Reference, job: Job = QUIET) -> None:
        self.rows = rows
        facets = [name for name in SKETCHED if name in rows.facets]
        self._sketched = here(rows).opened(job)
        self._lock = threading.Lock()
        self._products: dict[str, Products] = {}
        films = rows.films
        self._parts = lru_cache(_AT_HAND)(lambda film, facet: films[film].rows[facet])
        self._kept: dict[str, tuple[Rows, Rows]] = {}  # the one that waited longest comes first
        self.costs: dict[str, float] = {}
        with job.step("holding sketches ready", of=len(facets), unit="facets") as step:
            for name in step.over(facets):
                parts = [codes[name] for codes in self._sketched.codes]
                codes = np.concatenate(parts) if parts else np.zeros((0, 1), np.int8)
                scale = reference.scale(name)
                _, offset = scale.places()
                self._products[name] = Products(
                    codes, scale.table, float(offset), exact=name == MOTION
                )
        self._scales = {name: reference.scale(name) for name in facets}
        place = self._sketched.segments.place
        shots = self._sketched.shots
        self._title = np.where(shots.title[place], np.float32(-TITLE), np.float32(0))
        self._lettered = shots.lettered[place]
        self._open = self.mask(rows)

    @property
    def facets(self) -> tuple[str, ...]:
        """The facets by which it can be asked."""
        return tuple(self._products)

    def __len__(self) -> int:
        return len(self._sketched.segments.place)

    def mask(self, offered: ArchiveRows, mirrored: bool = False) -> Rows:
        """Return what is added to the bits of each segment, (1, N), where this is offered.

        `mirrored`: the archive may be flipped, too; then (2, N).
        """
        allowed = self._sketched.allowed(Offer.of(self.rows, offered))
        mask = np.where(allowed, self._title, _NEVER)
        sides = [mask, np.where(self._lettered, _NEVER, mask)] if mirrored else [mask]
        return np.stack(sides).astype(np.float32)

    def nearest(
        self,
        rows: Mapping[str, Rows],
        how: Strength,
        mask: Rows | None = None,
        *,
        tired: Sequence[tuple[Spot, float]] = (),
        also: Spot | None = None,
        most: int = 12,
        anew: bool = True,
    ) -> tuple[list[Moment], Moment | None]:
        """Return the nearest moments, best first, one of each shot and side, and `also`, scored.

        `rows` are facet to (2, D), the picture's and its mirror image's; `mask` as `mask` gives it.
        Shots of `tired` spots lose so many bits each. Not `anew`: the picture goes on as it was, so
        the segments whose rows are scored may be chosen by half of the facets as they are now, and
        by the others as they were a call ago.
        """
        since = time.perf_counter()
        with self._lock:
            bits = np.array(self._open if mask is None else mask)
            part = np.empty_like(bits)
            used = self._used(how)
            self._renew([name for name, _ in used], rows, len(bits), anew=anew)
            for name, weight in used:
                # In place: at a million rows each pass over new memory would cost a millisecond.
                np.multiply(self._kept[name][1], np.float32(weight), out=part)
                bits += part
            for spot, lost in tired:
                bits[:, self._of_shot(spot)] -= np.float32(lost)
            self.costs["sketches"] = 1000 * (time.perf_counter() - since)
            since = time.perf_counter()
            chosen = self._chosen(bits, also)
            found, kept = self._scored(chosen, rows, how, dict(tired), also, most)
            self.costs["rows"] = 1000 * (time.perf_counter() - since)
        return found, kept

    def _used(self, how: Strength) -> list[tuple[str, float]]:
        return [(name, weight) for name, weight in how.weights.items() if name in self._products]

    def _renew(
        self, names: Sequence[str], rows: Mapping[str, Rows], sides: int, *, anew: bool
    ) -> None:
        """Bring the bits of each segment in these facets up to date, (sides, N) each.

        Not `anew`: half of those that are not, which waited longest.
        """
        there = {n for n in names if n in self._kept and len(self._kept[n][1]) == sides}
        new = [name for name in names if name not in there]
        old = [n for n in self._kept if n in there and self._kept[n][0] is not rows[n]]
        due = old if anew or new else old[: (len(old) + 1) // 2]
        for name in (*new, *due):
            rise, _ = self._scales[name].places()
            bits = self._products[name](asked(name, rows[name][:sides]) * rise)
            self._kept.pop(name, None)
            self._kept[name] = rows[name], bits

    def _of_shot(self, spot: Spot) -> slice:
        begin, segments = self._sketched.begin, self._sketched.segments
        first, end = int(begin[spot.film]), int(begin[spot.film + 1])
        place = self._sketched.shots.begin[spot.film] + spot.shot
        low = first + int(np.searchsorted(segments.place[first:end], place))
        return slice(low, low + int((segments.place[low:end] == place).sum()))

    def _chosen(self, bits: Rows, also: Spot | None) -> _Asked:
        """Return the rows of the best segments; those of `also` come last."""
        segments, count = self._sketched.segments, bits.shape[1]
        flat = bits.reshape(-1)
        best = _greatest(flat, _SEGMENTS)
        best = best[flat[best] > _NEVER / 2]
        side, at = best // max(1, count), best % max(1, count)
        film, place = segments.film[at].astype(np.int64), segments.place[at]
        first, end = segments.first[at], segments.end[at]
        if also is not None:
            shots, grid = self._sketched.shots, self.rows.films[also.film].grid
            where = int(shots.begin[also.film]) + also.shot
            low = min(max(int(also.time * grid), int(shots.low[where])), int(shots.high[where]) - 1)
            high = min(low + 2, int(shots.high[where]))
            film, place = np.append(film, also.film), np.append(place, where)
            first, end = np.append(first, low), np.append(end, high)
            side = np.append(side, int(also.mirrored))
        return _Asked(film, place, first, end, side)

    def _scored(
        self,
        chosen: _Asked,
        rows: Mapping[str, Rows],
        how: Strength,
        tired: Mapping[Spot, float],
        also: Spot | None,
        most: int,
    ) -> tuple[list[Moment], Moment | None]:
        count = chosen.end - chosen.first
        if not count.sum():
            return [], None
        owner = np.repeat(np.arange(len(count)), count)
        side = chosen.side[owner]
        spans = list(zip(chosen.film.tolist(), chosen.first.tolist(), chosen.end.tolist()))  # noqa: B905
        similar: dict[str, Rows] = {}
        for name, _ in self._used(how):
            block = np.concatenate([self.part(film, name)[low:high] for film, low, high in spans])
            both = block.astype(np.float32) @ rows[name].T
            similar[name] = both[np.arange(len(both)), side]
        shots = self._sketched.shots
        strength = (
            how.whole(similar)
            + np.where(shots.title[chosen.place], np.float32(-TITLE), np.float32(0))[owner]
        )
        begin = np.cumsum(count) - count

        def moment(n: int) -> Moment:
            part = slice(int(begin[n]), int(begin[n] + count[n]))
            return self._moment(n, part, chosen, strength, similar)

        kept = moment(len(count) - 1) if also is not None else None
        several = len(count) - (also is not None)
        lost = {(spot.film, spot.shot): bits for spot, bits in tired.items()}
        top = np.maximum.reduceat(strength, begin)[:several]
        found: dict[tuple[int, int], Moment] = {}
        for n in np.argsort(-top, kind="stable").tolist():  # of each shot and side the best
            key = int(chosen.place[n]), int(chosen.side[n])
            if key in found or (len(found) >= most + 2 * len(lost)):
                continue
            one = moment(n)
            bits = lost.get((one.spot.film, one.spot.shot), 0.0)
            found[key] = replace(one, strength=one.strength - bits, lost=bits) if bits else one
        return sorted(found.values(), key=lambda one: -one.strength)[:most], kept

    def _moment(
        self, n: int, part: slice, chosen: _Asked, strength: Rows, similar: Mapping[str, Rows]
    ) -> Moment:
        """Return the best moment of some rows, or of what lies between two of them."""
        line = strength[part]
        at = int(line.argmax())
        shift = _top(line, at)
        shots, place, film = self._sketched.shots, int(chosen.place[n]), int(chosen.film[n])
        low, high = float(shots.start[place]), float(shots.end[place])
        moment = (int(chosen.first[n]) + at + shift) / self.rows.films[film].grid
        return Moment(
            spot=Spot(
                film,
                place - int(shots.begin[film]),
                min(max(moment, low), max(low, high - 0.04)),
                bool(chosen.side[n]),
            ),
            strength=float(line[at]),
            similarity={name: float(values[part.start + at]) for name, values in similar.items()},
            low=low,
            high=high,
        )

    def rows_of(self, spot: Spot) -> tuple[int, int, float]:
        """Return the first row and the end of a spot's shot, and when the shot begins."""
        shots = self._sketched.shots
        place = int(shots.begin[spot.film]) + spot.shot
        return int(shots.low[place]), int(shots.high[place]), float(shots.start[place])

    def part(self, film: int, facet: str) -> NDArray[np.float16]:
        """Return the rows of a facet of a film, by its number: those asked for last are at hand."""
        return self._parts(film, facet)

    def film(self, spot: Spot) -> ArchiveFilm:
        """Return the film that a spot lies in."""
        return self.rows.films[spot.film]


def _greatest(values: Rows, count: int) -> Ints:
    """Return where the `count` greatest of values (N,) are, in order of place."""
    whole = len(values) // _BLOCK
    if whole > count:
        # They lie in the blocks whose greatest values are greatest, which are quickly told.
        tops = values[: whole * _BLOCK].reshape(whole, _BLOCK).max(axis=1)
        blocks = np.argpartition(tops, whole - count)[whole - count :]
        places = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).reshape(-1)
        places = np.append(places, np.arange(whole * _BLOCK, len(values)))
    else:
        places = np.arange(len(values))
    if len(places) > count:
        places = places[np.argpartition(values[places], len(places) - count)[-count:]]
    return np.sort(places)


def _top(line: Rows, at: int) -> float:
    """Return how far from its greatest value a line has its top, -0.5 to 0.5: by a parabola."""
    if not 0 < at < len(line) - 1:
        return 0.0
    left, middle, right = (float(value) for value in line[at - 1 : at + 2])
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, 0.5 * (left - right) / bend))
