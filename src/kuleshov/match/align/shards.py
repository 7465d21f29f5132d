"""Ask all shards of an archive, wherever they are held, and merge what they answer.

    shards = here(rows)                               # one shard: this process has all
    hits = through_sketches(shards, asked, offer)     # or through_rows
    answers = refined(shards, asked, hits, best=60)

This is the one place at which stretches are scored against an archive by many. Whoever holds the
shards is a `Shards`; `kuleshov.ray` has one whose shards lie on the machines of a cluster. The
answers are those of one machine, to the last bit, whatever comes first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.specs import RowsSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.asked import Asked, Offer, Ranked
from kuleshov.match.align.coarse import segments_wanted
from kuleshov.match.align.query import Alignment
from kuleshov.match.align.scan import Hits
from kuleshov.match.align.shard import InPoint, Shard
from kuleshov.match.align.sketched import Sketched
from kuleshov.match.same.own import Own

__all__ = [
    "Call",
    "Divide",
    "Here",
    "Shards",
    "here",
    "own_of",
    "refined",
    "through_rows",
    "through_sketches",
]

_WAITING = 4  # times as much as is wanted that waits to be merged

Ints = NDArray[np.int64]
A = TypeVar("A")
P = TypeVar("P")
T = TypeVar("T")
Call: TypeAlias = Callable[[Shard, A, P, Job], T]
"""What is done by whoever holds a shard."""


class Shards(Protocol):
    """The shards of an archive, which are asked together.

    Shard n holds the films from `edges[n]` to `edges[n + 1]`; each is made of whole runs.
    """

    @property
    def edges(self) -> Sequence[int]:
        """The films at which shards begin, and the end."""

    def each(
        self, call: Call[A, P, T], asked: A, parts: Sequence[P | None], job: Job = QUIET
    ) -> Iterator[tuple[int, T]]:
        """Yield the number of each shard and what `call` answers there, in any order.

        It is given the shard, what is `asked` of all, its own of the `parts`, and a job; a shard
        whose part is None is not asked. It is a function of a module or class, since what is sent
        to other machines is its name.
        """


class Here:
    """All of an archive as one shard, in this process."""

    def __init__(self, rows: ArchiveRows) -> None:
        self.edges = (0, len(rows.films))
        self._shard = Shard(rows)

    def each(
        self, call: Call[A, P, T], asked: A, parts: Sequence[P | None], job: Job = QUIET
    ) -> Iterator[tuple[int, T]]:
        """Yield what the shard answers; see `Shards`."""
        part = parts[0]
        if part is not None:
            yield 0, call(self._shard, asked, part, job)

    def opened(self, job: Job = QUIET) -> Sketched:
        """Return the sketches of the whole archive, opened once for whoever asks first."""
        return self._shard.sketched(job)


Divide: TypeAlias = Callable[[ArchiveRows, Sequence[RowsSpec], Job], Shards | None]
"""What gives the shards of an archive, loaded by these specs; None where this process is enough."""


_KEPT: WeakKeyDictionary[ArchiveRows, Here] = WeakKeyDictionary()


def here(rows: ArchiveRows) -> Here:
    """Return an archive as one shard, kept for whoever asks of the same rows."""
    return _KEPT.setdefault(rows, Here(rows))


def through_sketches(shards: Shards, asked: Asked, offer: Offer, job: Job = QUIET) -> list[Hits]:
    """Return the strongest in-points of each query in what is offered, found by their sketches.

    What may be among the best of all shards is then scored by its rows.
    """
    wanted = segments_wanted(asked)
    found = [_Best(wanted) for _ in asked.queries]
    for shard, ranked in shards.each(Shard.ranked, asked, _parts(shards, offer), job):
        for best, one in zip(found, ranked, strict=True):
            best.add(shard, one)
    chosen: list[list[Ints] | None] = []
    for shard in range(len(shards.edges) - 1):
        mine = [best.of(shard) for best in found]
        chosen.append(mine if any(map(len, mine)) else None)
    return _merged(shards, Shard.close, asked, chosen, job)


def through_rows(shards: Shards, asked: Asked, offer: Offer, job: Job = QUIET) -> list[Hits]:
    """Return the strongest in-points of each query in what is offered, of all rows."""
    return _merged(shards, Shard.scanned, asked, _parts(shards, offer), job)


def refined(
    shards: Shards, asked: Asked, hits: Sequence[Hits], best: int, job: Job = QUIET
) -> list[list[Alignment]]:
    """Return the `best` hits of each query that do not overlap by half, moved to the best fit.

    They are sorted, the strongest first.
    """
    edges = shards.edges
    parts: list[list[list[InPoint]] | None] = [None] * (len(edges) - 1)
    for query, strongest in enumerate(job.over(hits)):
        for film, number, start, length in _apart(strongest, best):
            shard = int(np.searchsorted(edges, film, "right")) - 1
            part = parts[shard]
            if part is None:
                part = parts[shard] = [[] for _ in hits]
            part[query].append((film - edges[shard], number, start, length))
    found: list[list[Alignment]] = [[] for _ in hits]
    for shard, answers in shards.each(Shard.refined, asked, parts, job):
        for kept, new in zip(found, answers, strict=True):
            kept += [replace(one, film=one.film + edges[shard]) for one in new]
    # By film, each of which lies in one shard: it makes no difference which came first.
    return [sorted(part, key=lambda a: (-a.strength, a.film, a.start)) for part in found]


def own_of(shards: Shards, prints: NDArray[np.floating[Any]], job: Job = QUIET) -> Own:
    """Return what a source with these prints shows of all films; see `own_material`."""
    parts = [True] * (len(shards.edges) - 1)
    found: dict[int, NDArray[np.float64]] = {}
    for _, own in shards.each(Shard.own, prints, parts, job):
        found |= own.ranges
    return Own(found)


def _parts(shards: Shards, offer: Offer) -> list[Offer | None]:
    """Return what each shard has of an offer; None where that is nothing."""
    edges = shards.edges
    parts = [offer.part(a, b) for a, b in pairwise(edges)]
    return [part if part.films.any() else None for part in parts]


def _merged(
    shards: Shards,
    call: Call[Asked, P, list[Hits]],
    asked: Asked,
    parts: Sequence[P | None],
    job: Job,
) -> list[Hits]:
    """Return the strongest hits of each query of all shards."""
    found: list[list[Hits]] = [[] for _ in asked.queries]
    for shard, answers in shards.each(call, asked, parts, job):
        for kept, hits in zip(found, answers, strict=True):
            first = np.int32(shards.edges[shard])
            kept.append(replace(hits, film=np.asarray(hits.film + first, np.int32)))
            if sum(map(len, kept)) > _WAITING * asked.most:
                kept[:] = [Hits.joined(kept).best(asked.most)]
    return [Hits.joined(kept).best(asked.most) for kept in found]


class _Best:
    """The best segments of one query among those that shards have found."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._waiting = wanted, 0
        self._parts: list[tuple[NDArray[np.float32], Ints, Ints]] = []

    def add(self, shard: int, ranked: Ranked) -> None:
        self._parts.append((ranked.strength, np.full(len(ranked), shard, np.int64), ranked.segment))
        self._waiting += len(ranked)
        if self._waiting > _WAITING * self._wanted:
            self._sift()

    def of(self, shard: int) -> Ints:
        """Return the segments of a shard that are among the best of all."""
        self._sift()
        return self._parts[0][2][self._parts[0][1] == shard] if self._parts else _NONE

    def _sift(self) -> None:
        if len(self._parts) < 2 and self._waiting <= self._wanted:
            return
        strength, shard, segment = (
            np.concatenate(column) for column in zip(*self._parts, strict=True)
        )
        # Of equal ones the first of the archive.
        order = np.lexsort((segment, shard, -strength))[: self._wanted]
        self._parts = [(strength[order], shard[order], segment[order])]
        self._waiting = len(order)


_NONE: Ints = np.zeros(0, np.int64)


def _apart(hits: Hits, best: int) -> list[InPoint]:
    """Return the strongest `best` hits that do not overlap by half."""
    kept: list[InPoint] = []
    at: dict[int, list[tuple[float, float]]] = defaultdict(list)
    # Of equal ones the first of the archive.
    for index in np.lexsort((hits.start, hits.number, hits.film, -hits.strength)).tolist():
        film, start, length = (
            int(hits.film[index]),
            float(hits.start[index]),
            float(hits.length[index]),
        )
        if any(abs(other - start) < (long + length) / 4 for other, long in at[film]):
            continue
        at[film].append((start, length))
        kept.append((film, int(hits.number[index]), start, length))
        if len(kept) >= best:
            break
    return kept
