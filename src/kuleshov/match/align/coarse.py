"""Look through a large archive by its sketches, and score exactly what may be among the best.

    coarse = Coarse(rows)
    ranked = coarse.best(asked, offer)           # of each query, what may be among the best
    hits = coarse.close(asked, [one.segment for one in ranked])     # scored as a scan does

Every segment of every shot is scored by its sketch (`features.sketch`) with the same bits as rows,
so that weights, tightness, filters and refusals are as free. The in-points of the best few hundred
segments of each query are then scored by their rows, as `Scan` does: what is found has its exact
score, and what is not found was not among the best few hundred by its sketch. Between the two, what
other parts of an archive have found may be merged (`match.align.shards`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows, RowBlock, Sketches
from kuleshov.features.sketch import LONGEST, SKETCHED
from kuleshov.features.sketch import asked as sketched
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.asked import Asked, Offer, Ranked
from kuleshov.match.align.cores import on_all_cores
from kuleshov.match.align.query import Query
from kuleshov.match.align.scan import TITLE, Hits, Scan
from kuleshov.match.align.sketched import Sketched
from kuleshov.match.align.strength import Strength

__all__ = ["LEAST", "Coarse", "is_large", "segments_wanted"]

LEAST = 100_000
"""Rows from which on an archive is looked through by sketches: fourteen hours."""

_SEGMENTS = 600  # of each query that are scored by rows, at least
_REMEMBERED = 96 << 20  # bytes of likeness that are kept, to be weighed again
_COMPARED = 32 << 20  # bytes of exact likeness that are kept
_BLOCK = 1 << 16  # likenesses made at once, of all queries: they fit into a core's cache
_SHORTEST_BLOCK = 2048  # segments of a block, however many queries there are
_FILMS = 32  # that one thread reads in one go
_LISTEN = 0.1  # s between two looks whether to stop, while another thread opens sketches
_EARLIER = 2  # rows before a segment at which an in-point may lie that is scored by it

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def is_large(archive: ArchiveRows) -> bool:
    """Return whether so much is there that looking through sketches is worth it."""
    return len(archive) >= LEAST


class Coarse:
    """A coarse look at the films of an archive, or of a part that is made of whole runs.

    Their sketches are opened when they are first asked for: those of packs, mapped; of films in no
    pack they are made of the rows, once, and kept. Safe among threads. Films and segments are
    numbered as they lie here.
    """

    def __init__(self, archive: ArchiveRows) -> None:
        self._films, self._facets, self._runs = archive.films, archive.facets, archive.runs
        self._lock = threading.Lock()
        self._opened: Sketched | None = None
        self._known, self._compared = _Known(), _Compared()

    def best(self, asked: Asked, offer: Offer, job: Job = QUIET) -> list[Ranked]:
        """Return the best `segments_wanted` of what is offered for each query, with strengths.

        All queries have the same facets.
        """
        opened, scans = self.opened(job), asked.scans(self._films[0].grid)
        look = _Look(opened, self._runs, asked, scans, opened.allowed(offer), self._known)
        return look.best(segments_wanted(asked), job)

    def close(self, asked: Asked, chosen: Sequence[Ints], job: Job = QUIET) -> list[Hits]:
        """Return the strongest in-points in the segments that were chosen for each query.

        They are given in the order in which they lie.
        """
        opened = self.opened(job)
        scans = asked.scans(self._films[0].grid)
        close = _Close(opened, self._films, asked.queries, scans, chosen)
        close.score(asked.how, self._compared, job)
        return [scan.hits() for scan in scans]

    def opened(self, job: Job = QUIET) -> Sketched:
        """Return the sketches, opened once for whoever asks first."""
        while not self._lock.acquire(timeout=_LISTEN):
            job.check_waiting()
        try:
            if self._opened is None:
                facets = [name for name in SKETCHED if name in self._facets]
                self._opened = Sketched.of(self._films, facets, job)
            return self._opened
        finally:
            self._lock.release()


def segments_wanted(asked: Asked) -> int:
    """Return how many segments are scored by rows, for each query."""
    return max(_SEGMENTS, asked.most)


class _Known:
    """The likeness of a few queries to all segments, facet by facet, to be weighed again.

    Other weights make no other likeness: who moves a slider waits for no product of matrices. What
    was asked for last is kept, as much as `_REMEMBERED` bytes. Safe among threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Floats, NDArray[np.bool_]]] = OrderedDict()

    def of(
        self, key: Hashable, queries: int, segments: int, blocks: int
    ) -> tuple[Floats, NDArray[np.bool_]] | None:
        """Return bits, (Q, N), and which blocks of them are there; None for what is too much."""
        size = 4 * queries * segments
        if size > _REMEMBERED // 8:
            return None
        with self._lock:
            if key not in self._kept:
                while (
                    self._kept
                    and sum(b.nbytes for b, _ in self._kept.values()) + size > _REMEMBERED
                ):
                    self._kept.popitem(last=False)
                self._kept[key] = (
                    np.empty((queries, segments), np.float32),
                    np.zeros(blocks, np.bool_),
                )
            self._kept.move_to_end(key)
            return self._kept[key]


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows that one query was compared with.

    `at` has film and number of each, in order (N,); `alike` is how alike they are in F facets to
    the query's n samples, (F, n, N).
    """

    at: Ints
    alike: Floats

    def within(self, wanted: Ints) -> tuple[NDArray[np.bool_], Ints]:
        """Return which of some rows are among these, and where, as far as they are."""
        if not len(self.at):
            return np.zeros(len(wanted), np.bool_), np.zeros(len(wanted), np.int64)
        place = np.minimum(np.searchsorted(self.at, wanted), len(self.at) - 1)
        return self.at[place] == wanted, place

    def having(self, at: Ints, alike: Floats) -> _Rows:
        """Return these and others, of which some may be among these."""
        at, first = np.unique(np.concatenate([self.at, at]), return_index=True)
        return _Rows(at, np.concatenate([self.alike, alike], axis=2)[:, :, first])


class _Compared:
    """The rows that the last few queries were compared with, one by one, to be weighed again.

    Other weights make other segments the best, but for the most part the same ones. Safe among
    threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Rows] = OrderedDict()

    def of(self, key: Hashable) -> _Rows | None:
        """Return the rows that a query was compared with."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Hashable, rows: _Rows) -> None:
        """Keep the rows of a query, as long as there is room for those of the last few."""
        with self._lock:
            self._kept[key] = rows
            self._kept.move_to_end(key)
            while self._kept and sum(one.alike.nbytes for one in self._kept.values()) > _COMPARED:
                self._kept.popitem(last=False)


class _Look:
    """A look of several queries at all segments."""

    def __init__(
        self,
        opened: Sketched,
        runs: Ints,
        asked: Asked,
        scans: Sequence[Scan],
        allowed: NDArray[np.bool_],
        known: _Known,
    ) -> None:
        how, queries, shortest = asked.how, asked.queries, asked.shortest
        self._opened, self._how, self._allowed = opened, how, allowed
        counts = np.array([max(1, round(scan.count / LONGEST)) for scan in scans])
        # The windows of a query lie one after another in time, as segments do.
        self._counts, self._first = counts, np.cumsum(counts) - counts
        self._rows: dict[str, tuple[Floats, np.float32]] = {}
        for name in how.weights:
            parts = [
                np.array([window.mean(axis=0) for window in np.array_split(s.samples(name), n)])
                for s, n in zip(scans, counts.tolist(), strict=True)
            ]
            rise, offset = how.scales[name].places()
            self._rows[name] = (sketched(name, np.concatenate(parts)) * rise, offset)
        self._blocks = [*self._parts(runs)]
        self._bits = {
            name: known.of(
                (name, counts.tobytes(), rows.tobytes(), float(offset), len(self._blocks)),
                *(len(queries), len(allowed), len(self._blocks)),
            )
            for name, (rows, offset) in self._rows.items()
        }
        shots, place = opened.shots, opened.segments.place
        self._length = np.where(allowed, shots.end[place] - shots.start[place], 0)
        self._least = np.array([shortest * query.duration - 1e-9 for query in queries])
        self._title = np.array([not query.title for query in queries])
        self._mirrored = np.array([query.mirrored for query in queries])
        self._floor = np.full(len(queries), -np.inf, np.float32)

    def best(self, wanted: int, job: Job) -> list[Ranked]:
        """Return the best `wanted` segments of each query."""
        blocks = self._blocks
        count = len(self._floor)
        kept: list[list[tuple[Floats, Ints]]] = [[] for _ in range(count)]
        waiting = 0
        total = len(self._allowed)
        with job.step("looking through sketches", of=total, unit="segments") as step:
            for found, (low, high) in zip(
                on_all_cores(self._scored, range(len(blocks)), job), blocks, strict=True
            ):
                query, segment, strength = found
                edges = np.searchsorted(query, np.arange(count + 1))
                for n in np.flatnonzero(np.diff(edges)).tolist():
                    part = slice(edges[n], edges[n + 1])
                    kept[n].append((strength[part], segment[part]))
                waiting += len(query)
                if waiting > 2 * wanted * count:
                    waiting = self._sift(kept, wanted)
                step.advance(int(self._opened.begin[high] - self._opened.begin[low]))
        self._sift(kept, wanted)
        return [Ranked(*parts[0]) if parts else Ranked.nothing() for parts in kept]

    def _sift(self, kept: list[list[tuple[Floats, Ints]]], wanted: int) -> int:
        """Keep the best of what was found, and let nothing weaker in any more; return how many."""
        count = 0
        for n, parts in enumerate(kept):
            if not parts:
                continue
            strength = np.concatenate([part[0] for part in parts])
            segment = np.concatenate([part[1] for part in parts])
            if len(strength) > wanted:
                best = _best(strength, segment, wanted)
                strength, segment = strength[best], segment[best]
                self._floor[n] = strength.min()
            kept[n] = [(strength, segment)]
            count += len(strength)
        return count

    def _parts(self, runs: Ints) -> Iterator[tuple[int, int]]:
        """Yield films of one run, first and end, of about as many segments each."""
        begin = self._opened.begin
        most = max(_SHORTEST_BLOCK, _BLOCK // len(self._counts))
        for low, end in pairwise(runs.tolist()):
            while low < end:
                high = int(np.searchsorted(begin, begin[low] + most, "right")) - 1
                high = min(max(low + 1, high), end)
                yield low, high
                low = high

    def _scored(self, number: int) -> tuple[Ints, Ints, Floats]:
        """Return query, segment and strength of what is strong enough in a block of films.

        That is what is not weaker than the best of the others; queries come in order.
        """
        begin, (low, high) = self._opened.begin, self._blocks[number]
        part = slice(int(begin[low]), int(begin[high]))
        bits = {name: self._bits_of(name, number, part) for name in self._how.weights}
        return self._strong(self._how.weighed(bits), part)

    def _bits_of(self, name: str, number: int, part: slice) -> Floats:
        """Return each query's likeness from each segment of a block on, (Q, B), in bits."""
        known = self._bits[name]
        if known is not None and known[1][number]:
            return known[0][:, part]
        low, high = self._blocks[number]
        found = self._how.scales[name].at(self._places(name, self._opened.codes[low:high], part))
        if known is not None:
            known[0][:, part] = found
            known[1][number] = True
        return found

    def _places(self, name: str, films: Sequence[Sketches], part: slice) -> Floats:
        """Return each query's likeness from each segment on, (Q, B), as places of the scale."""
        rows, offset = self._rows[name]
        codes = np.concatenate([film[name] for film in films]).astype(np.float32)
        alike = rows @ codes.T
        if len(rows) > len(self._counts):
            later, windows = self._opened.segments.later[part], alike
            alike = windows[self._first]
            for n in range(1, int(self._counts.max())):
                long = np.flatnonzero(self._counts > n)
                at = np.arange(len(later)) + np.minimum(later, n)
                alike[long] += windows[self._first[long] + n][:, at]
            alike /= self._counts[:, None].astype(np.float32)
        alike += offset
        return np.asarray(alike, np.float32)

    def _strong(self, strength: Floats, part: slice) -> tuple[Ints, Ints, Floats]:
        shots, place = self._opened.shots, self._opened.segments.place[part]
        title, lettered = shots.title[place], shots.lettered[place]
        if title.any():
            strength -= np.float32(TITLE) * (self._title[:, None] & title)
        good = strength >= self._floor[:, None]
        good &= self._length[part] >= self._least[:, None]
        if self._mirrored.any() and lettered.any():
            good &= ~(self._mirrored[:, None] & lettered)
        query, at = np.nonzero(good)
        return query, at + part.start, strength[query, at]


@dataclass(frozen=True, eq=False)
class _Ranges:
    """Rows that are scored exactly, (N,) each: query, film, place of the shot, first row and end.

    They are in the order of the queries, and of films within each. `at` is where each begins among
    all rows of its query, (N,), and `total` how many these are, (Q,).
    """

    query: Ints
    film: Ints
    place: Ints
    low: Ints
    high: Ints
    at: Ints
    total: Ints


class _Close:
    """A close look at the segments that were chosen for each query."""

    def __init__(
        self,
        opened: Sketched,
        films: Sequence[ArchiveFilm],
        queries: Sequence[Query],
        scans: Sequence[Scan],
        chosen: Sequence[Ints],
    ) -> None:
        self._opened, self._films, self._scans = opened, films, scans
        self._ranges = _ranges(opened, queries, scans, chosen)
        counts = np.array([scan.count for scan in scans])
        self._first = np.cumsum(counts) - counts

    def score(self, how: Strength, compared: _Compared, job: Job) -> None:
        """Let each scan look at what was chosen for it; what it was `compared` with is known."""
        ranges, names = self._ranges, list(how.weights)
        similar = [
            np.empty((len(names), scan.count, total), np.float32)
            for scan, total in zip(self._scans, ranges.total.tolist(), strict=True)
        ]
        samples = {n: np.concatenate([scan.samples(n) for scan in self._scans]) for n in names}
        if len(self._scans) == 1:
            self._single(samples, similar, compared, job)
        else:
            self._all(np.arange(len(ranges.film)), samples, similar, job)
        edges = np.searchsorted(ranges.query, np.arange(len(self._scans) + 1))

        def look(n: int) -> None:
            if edges[n + 1] > edges[n]:
                block = self._block(slice(int(edges[n]), int(edges[n + 1])))
                self._scans[n].look(block, dict(zip(names, similar[n], strict=True)), how)

        for _ in on_all_cores(look, range(len(self._scans)), job):
            pass

    def _single(
        self,
        samples: Mapping[str, Floats],
        similar: Sequence[Floats],
        compared: _Compared,
        job: Job,
    ) -> None:
        """Compare the rows that the only query wants and was not compared with before."""
        (found,), ranges = similar, self._ranges
        key = tuple((name, part.tobytes()) for name, part in samples.items())
        known = compared.of(key) or _Rows(np.zeros(0, np.int64), found[:, :, :0])
        wanted = np.repeat(ranges.film, ranges.high - ranges.low) << 32 | self._rows(slice(None))
        there, place = known.within(wanted)
        # Of a film of which some are lacking all are multiplied, as they would be at first.
        new = np.isin(ranges.film, np.unique(wanted[~there] >> 32))
        old = np.repeat(~new, ranges.high - ranges.low)
        found[:, :, old] = known.alike[:, :, place[old]]
        if new.any():
            self._all(np.flatnonzero(new), samples, similar, job)
            known = known.having(wanted[~old], found[:, :, ~old])
        compared.keep(key, known)

    def _all(
        self, which: Ints, samples: Mapping[str, Floats], similar: Sequence[Floats], job: Job
    ) -> None:
        """Compare the rows of some of the ranges, film by film."""
        ranges = self._ranges
        which = which[np.argsort(ranges.film[which], kind="stable")]
        films, begin = np.unique(ranges.film[which], return_index=True)
        groups = np.split(which, begin[1:])

        def compare(part: range) -> None:
            for n in part:
                self._compare(int(films[n]), groups[n], samples, similar)

        parts = [range(n, min(n + _FILMS, len(films))) for n in range(0, len(films), _FILMS)]
        with job.step("comparing", of=len(films), unit="films") as step:
            for part, _ in zip(parts, on_all_cores(compare, parts, job), strict=True):
                step.advance(len(part))

    def _rows(self, part: slice) -> Ints:
        """Return the numbers of the rows of some ranges, each in its film."""
        low, count = self._ranges.low[part], self._ranges.high[part] - self._ranges.low[part]
        before = np.cumsum(count) - count
        return np.asarray(np.arange(int(count.sum())) + np.repeat(low - before, count), np.int64)

    def _compare(
        self,
        film: int,
        group: Ints,
        samples: Mapping[str, Floats],
        similar: Sequence[Floats],
    ) -> None:
        """Compare the rows of a film that are wanted with the samples of those that want them."""
        ranges, rows = self._ranges, self._films[film].rows
        low = int(ranges.low[group].min())
        wanted = np.zeros(int(ranges.high[group].max()) - low, np.bool_)
        spans = np.column_stack([ranges.low[group], ranges.high[group]]) - low
        for first, end in spans.tolist():
            wanted[first:end] = True
        where = np.cumsum(wanted) - 1
        at, asking = np.flatnonzero(wanted) + low, np.unique(ranges.query[group])
        counts = np.array([self._scans[n].count for n in asking.tolist()])
        begin = np.cumsum(counts) - counts
        mine = np.repeat(self._first[asking] - begin, counts) + np.arange(counts.sum())
        first_sample = dict(zip(asking.tolist(), begin.tolist(), strict=True))
        alike = np.empty((len(samples), len(mine), len(at)), np.float32)
        for n, (name, part) in enumerate(samples.items()):
            np.matmul(part[mine], rows[name][at].astype(np.float32).T, out=alike[n])
        places = zip(
            *(ranges.query[group].tolist(), ranges.at[group].tolist()),
            *(where[spans[:, 0]].tolist(), (spans[:, 1] - spans[:, 0]).tolist()),
            strict=True,
        )
        for query, to, column, length in places:
            line = first_sample[query]
            part = alike[:, line : line + self._scans[query].count, column : column + length]
            similar[query][:, :, to : to + length] = part

    def _block(self, part: slice) -> RowBlock:
        """Return the rows of one query as a block whose shots are the ranges."""
        ranges, shots = self._ranges, self._opened.shots
        place, film = ranges.place[part], ranges.film[part]
        count = ranges.high[part] - ranges.low[part]
        first = ranges.at[part]
        owner = np.repeat(np.arange(len(count), dtype=np.int32), count)
        row = self._rows(part)
        return RowBlock(
            rows={},
            shot=owner,
            time=row / self._films[0].grid,
            film=film.astype(np.int32),
            number=(place - shots.begin[film]).astype(np.int32),
            start=shots.start[place],
            end=shots.end[place],
            first=first,
            count=count,
            title=shots.title[place],
            lettered=shots.lettered[place],
        )


def _best(strength: Floats, segment: Ints, wanted: int) -> Ints:
    """Return where the best `wanted` of more segments stand; of equal ones the first are taken.

    So that it makes no difference what was found when.
    """
    least = np.partition(strength, -wanted)[-wanted]
    above, equal = np.flatnonzero(strength > least), np.flatnonzero(strength == least)
    first = np.argsort(segment[equal])[: wanted - len(above)]
    return np.concatenate([above, equal[first]])


def _ranges(
    opened: Sketched, queries: Sequence[Query], scans: Sequence[Scan], chosen: Sequence[Ints]
) -> _Ranges:
    """Return the rows that the chosen segments of each query ask for, neighbours joined."""
    shots, segments = opened.shots, opened.segments
    segment = np.concatenate([*chosen, np.zeros(0, np.int64)])
    query = np.repeat(np.arange(len(queries)), [len(part) for part in chosen])
    count = np.array([scan.count for scan in scans], np.int64)[query]
    duration = np.array([asked.duration for asked in queries])[query]
    place = segments.place[segment]
    start, end = shots.low[place], shots.high[place]
    # In-points that lie in the segment or a little before it, as far as the stretch fits.
    low = segments.first[segment] - np.minimum(_EARLIER, count // 2)
    low = np.maximum(start, np.minimum(low, end - count))
    high = np.minimum(end, segments.end[segment] - 1 + count)
    short = shots.end[place] - shots.start[place] < duration - 1e-9
    low, high = np.where(short, start, low), np.where(short, end, high)
    # Segments lie in the order of their rows, so that those of a shot follow one another.
    new = np.ones(len(low), np.bool_)
    new[1:] = (query[1:] != query[:-1]) | (place[1:] != place[:-1]) | (low[1:] > high[:-1])
    first = np.flatnonzero(new)
    if len(first):
        low, high = low[first], np.maximum.reduceat(high, first)
    query, place, film = query[first], place[first], segments.film[segment[first]]
    length = high - low
    total = np.bincount(query, length, len(queries)).astype(np.int64)
    at = np.cumsum(length) - length - (np.cumsum(total) - total)[query]
    return _Ranges(query, film.astype(np.int64), place, low, high, at, total)
