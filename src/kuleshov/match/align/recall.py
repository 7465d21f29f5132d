"""Recall what was found of a stretch, so that asking again takes a moment.

To hold a stretch against every row of an archive takes seconds where it is large; to weigh the
facets in another way does not. So of the latest stretches it is kept, for each row of the archive
from which it might begin and each facet, how rare that likeness is, in bits. Weights, tightness,
filters and refusals then only add up what is there: the same numbers as those of the first look.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveRows, RowBlock
from kuleshov.features.facet import FACETS, Reference
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.cores import products
from kuleshov.match.align.query import Query
from kuleshov.match.align.scan import Hits, Scan
from kuleshov.match.align.strength import Strength

__all__ = ["LIMIT", "Recall"]

LIMIT = 256 << 20
"""Bytes that what is kept may take: some 18 stretches against 720,000 rows."""

_LEAST = 0.25  # of a stretch: the shortest shots that are asked about at all

Bits = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Look:
    """A look at one stretch: facet to bits, from each row on (R,) and for the `short` shots."""

    full: Mapping[str, Bits]
    heads: Mapping[str, Bits]
    short: NDArray[np.int64]

    @property
    def bytes(self) -> int:
        bits = (*self.full.values(), *self.heads.values())
        return self.short.nbytes + sum(part.nbytes for part in bits)


class Recall:
    """A memory that scans an archive for single stretches and keeps the latest looks."""

    def __init__(self, archive: ArchiveRows, reference: Reference, limit: int = LIMIT) -> None:
        self.archive = archive
        self._reference, self._limit = reference, limit
        self._looks: OrderedDict[str, _Look] = OrderedDict()
        self._whole: RowBlock | None = None
        self._ends: list[int] = []  # of the blocks, in rows

    def fits(self, queries: int) -> bool:
        """Return whether the looks at so many stretches can be kept at once."""
        return 4 * len(self.archive) * len(self._facets) * queries <= self._limit

    @property
    def _facets(self) -> list[str]:
        scaled = (name for name in FACETS if f"{name}.levels" in self._reference.arrays)
        return [name for name in scaled if name in self.archive.facets]

    def hits(
        self,
        query: Query,
        how: Strength,
        most: int,
        shortest: float,
        offered: ArchiveRows,
        job: Job = QUIET,
    ) -> Hits:
        """Return the strongest in-points of what is `offered` of the archive; see `Scan`.

        Films are numbered as in `offered`.
        """
        grid = self.archive.films[0].grid
        look = self._look(query, grid, job)
        assert self._whole is not None
        numbers, allowed = self._allowed(offered, self._whole)
        scan = Scan(query, grid, most, shortest)
        job.check()
        full = how.weighed({name: look.full[name] for name in how.weights})
        heads = how.weighed({name: look.heads[name] for name in how.weights})
        starts = max(0, len(self._whole.shot) - scan.count + 1)
        scan.take(self._whole, full[:starts], heads, look.short, allowed)
        found = scan.hits()
        return replace(found, film=numbers[found.film])

    def _look(self, query: Query, grid: int, job: Job) -> _Look:
        key = _key(query)
        if key in self._looks:
            self._looks.move_to_end(key)
            return self._looks[key]
        look = self._looked(query, grid, job)
        self._looks[key] = look
        while len(self._looks) > 1 and sum(one.bytes for one in self._looks.values()) > self._limit:
            self._looks.popitem(last=False)
        return look

    def _looked(self, query: Query, grid: int, job: Job) -> _Look:
        """Return a look at the stretch held against every row."""
        names = [name for name in self._facets if name in query.rows]
        scan = Scan(query, grid, 1, _LEAST)
        samples = {name: scan.samples(name) for name in names}
        full: dict[str, list[Bits]] = {name: [] for name in names}
        heads: dict[str, list[Bits]] = {name: [] for name in names}
        short, blocks, shots = [], [], 0
        for block in self.archive.blocks(names, job):
            few = scan.too_short(block, _LEAST)
            for name in job.over(names):
                scale = self._reference.scale(name)
                alike = products({name: samples[name]}, block.rows, job)[name]
                along, head = scan.means(block, alike, few)
                # Rows from which on a block has too few: no shot reaches into the next block.
                rest = np.zeros(len(block.shot) - len(along), np.float32)
                full[name].append(np.concatenate([scale.bits(along), rest]))
                heads[name].append(scale.bits(head))
            short.append(few + shots)
            shots += len(block.film)
            if self._whole is None:
                blocks.append(replace(block, rows={}))
        if self._whole is None:
            self._whole = _joined(blocks)
        return _Look(
            {name: np.concatenate(parts) for name, parts in full.items()},
            {name: np.concatenate(parts) for name, parts in heads.items()},
            np.concatenate(short),
        )

    def _allowed(
        self, offered: ArchiveRows, whole: RowBlock
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_] | None]:
        """Return the number of each film among those offered, and whether each shot is offered.

        Films that are not offered have -1; None instead of shots means that all are.
        """
        if offered is self.archive:
            return np.arange(len(offered.films), dtype=np.int32), None
        by_id = {film.footage.id: n for n, film in enumerate(offered.films)}
        numbers = np.array([by_id.get(f.footage.id, -1) for f in self.archive.films], np.int32)
        some = {
            n: {shot.index for shot in offered.films[number].shots}
            for n, number in enumerate(numbers.tolist())
            if number >= 0 and offered.films[number].shots is not self.archive.films[n].shots
        }
        allowed = numbers[whole.film] >= 0
        for place in np.flatnonzero(np.isin(whole.film, list(some))).tolist():
            allowed[place] = int(whole.number[place]) in some[int(whole.film[place])]
        return numbers, allowed


def _joined(blocks: list[RowBlock]) -> RowBlock:
    """Return several blocks as one, without their rows."""
    shots = np.cumsum([0, *(len(block.film) for block in blocks)])
    rows = np.cumsum([0, *(len(block.shot) for block in blocks)])

    def every(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(block, name) for block in blocks])

    fields = ("time", "film", "number", "start", "end", "count", "title", "lettered")
    owner = [np.where(b.shot >= 0, b.shot + n, -1) for b, n in zip(blocks, shots[:-1], strict=True)]
    return RowBlock(
        rows={},
        shot=np.concatenate(owner).astype(np.int32),
        first=np.concatenate([b.first + n for b, n in zip(blocks, rows[:-1], strict=True)]),
        **{name: every(name) for name in fields},  # type: ignore[arg-type]
    )


def _key(query: Query) -> str:
    """Return a key that tells a stretch from others, made of all that it is compared by."""
    found = hashlib.blake2b(repr((query.duration, query.mirrored)).encode())
    found.update(query.time.tobytes())
    for name in sorted(query.rows):
        found.update(name.encode() + np.ascontiguousarray(query.rows[name]).tobytes())
    return found.hexdigest()
