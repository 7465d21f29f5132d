"""Score stretches against a shard: a part of an archive that one process holds.

    shard = Shard(rows)                          # whole runs of an archive: `ArchiveRows.runs`
    ranked = shard.ranked(asked, offer)          # what its sketches say
    hits = shard.close(asked, chosen)            # chosen segments, scored by their rows
    hits = shard.scanned(asked, offer)           # or all rows of what is offered
    answers = shard.refined(asked, in_points)    # moved to where they fit best

It knows nothing of other shards. Films are numbered as they lie in it. Products are of the same
rows wherever they are made, so that all shards of an archive together answer as one that has all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows, RowBlock
from kuleshov.features.facet import MOVEMENT
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.asked import Asked, Offer, Ranked
from kuleshov.match.align.coarse import Coarse
from kuleshov.match.align.cores import on_all_cores, products
from kuleshov.match.align.query import Alignment
from kuleshov.match.align.refine import Refiner, Surroundings
from kuleshov.match.align.scan import Hits, Scan
from kuleshov.match.align.sketched import Sketched
from kuleshov.match.align.strength import Strength
from kuleshov.match.same.own import Own, own_material

__all__ = ["InPoint", "Shard"]

InPoint = tuple[int, int, float, float]
"""Film, number of the shot, start and length in s."""


class Shard:
    """A shard: the rows of some films, with their sketches. Safe among threads.

    Each call takes what is asked of all shards, and what of this one.
    """

    def __init__(self, rows: ArchiveRows) -> None:
        # Its own, so that whoever keeps it by the rows that it was made of lets go of both.
        self.rows = ArchiveRows(rows.films)
        self._coarse = Coarse(self.rows)

    def sketched(self, job: Job = QUIET) -> Sketched:
        """Return the sketches, opened once for whoever asks first."""
        return self._coarse.opened(job)

    def ranked(self, asked: Asked, offer: Offer, job: Job = QUIET) -> list[Ranked]:
        """Return the best segments of what is offered for each query, by their sketches."""
        return self._coarse.best(asked, offer, job)

    def close(
        self, asked: Asked, chosen: Sequence[NDArray[np.int64]], job: Job = QUIET
    ) -> list[Hits]:
        """Return the strongest in-points in chosen segments of each query, scored by rows."""
        return self._coarse.close(asked, [np.sort(part) for part in chosen], job)

    def scanned(self, asked: Asked, offer: Offer, job: Job = QUIET) -> list[Hits]:
        """Return the strongest in-points of each query in all that is offered."""
        scans = asked.scans(self.rows.films[0].grid)
        films = np.flatnonzero(offer.films)
        total = sum(len(self.rows.films[place].shown) for place in films.tolist())
        with job.step("comparing", of=total, unit="rows") as step:
            for first, end in pairwise(np.searchsorted(films, self.rows.runs).tolist()):
                places = films[first:end]
                run = ArchiveRows(offer.film(n, self.rows.films[n]) for n in places.tolist())
                for block in run.blocks(asked.how.weights, job):
                    _look(scans, replace(block, film=places[block.film].astype("i4")), asked, job)
                    step.advance(len(block.time))
        return [scan.hits() for scan in scans]

    def refined(
        self, asked: Asked, in_points: Sequence[Sequence[InPoint]], job: Job = QUIET
    ) -> list[list[Alignment]]:
        """Return the in-points of each query, each moved to where it fits best, film by film."""
        by_film: dict[int, list[tuple[int, tuple[int, float, float]]]] = defaultdict(list)
        for query, points in enumerate(job.over(in_points)):
            for film, shot, start, length in points:
                by_film[film].append((query, (shot, start, length)))
        refiners = [Refiner(query, asked.how, asked.stretch) for query in asked.queries]
        seen: list[list[Surroundings]] = [[] for _ in refiners]

        def see(film: int) -> list[tuple[int, Surroundings]]:
            source = self.rows.films[film]
            rows = _looked_at(source, asked.how)
            return [(n, refiners[n].see(rows, film, source, hit)) for n, hit in by_film[film]]

        with job.step("looking closely", of=len(by_film), unit="films") as step:
            for found in step.over(on_all_cores(see, sorted(by_film), job)):
                for query, surroundings in found:
                    seen[query].append(surroundings)
            every = range(len(refiners))
            return list(on_all_cores(lambda n: refiners[n].moved(seen[n]), every, job))

    def own(self, prints: NDArray[np.floating[Any]], _: bool = True, job: Job = QUIET) -> Own:
        """Return what a source with these prints shows of the films; see `own_material`."""
        runs = [ArchiveRows(self.rows.films[a:b]) for a, b in pairwise(self.rows.runs.tolist())]
        found = on_all_cores(lambda run: own_material(prints, run, job), runs, job)
        return Own({key: part for own in found for key, part in own.ranges.items()})


def _look(scans: Sequence[Scan], block: RowBlock, asked: Asked, job: Job) -> None:
    """Let all scans look at a block."""
    ends = np.cumsum([scan.count for scan in scans])
    samples = {n: np.concatenate([scan.samples(n) for scan in scans]) for n in asked.how.weights}
    whole = products(samples, block.rows, job)

    def look(n: int) -> None:
        part = slice(int(ends[n]) - scans[n].count, int(ends[n]))
        scans[n].look(block, {name: alike[part] for name, alike in whole.items()}, asked.how)

    for _ in on_all_cores(look, range(len(scans)), job):
        pass


def _looked_at(film: ArchiveFilm, how: Strength) -> Mapping[str, NDArray[np.float16]]:
    """Return the rows of a film that refining looks at."""
    names = [*how.weights, *([MOVEMENT] if how.timing else [])]
    return {name: film.rows[name] for name in names if name in film.rows}
