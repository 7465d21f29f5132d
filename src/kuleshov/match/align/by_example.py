"""Search by example: find clips that look like a stretch of film, or like a picture."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import Described
from kuleshov.features.facet import Reference
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions, clip_around, find_candidates
from kuleshov.match.align.query import Query
from kuleshov.match.align.shards import Shards

__all__ = ["find_like", "middles"]


def find_like(
    example: Described,
    duration: Fraction,
    archive: ArchiveRows,
    reference: Reference,
    options: MatchOptions = MatchOptions(),
    *,
    whole: tuple[ArchiveRows, Shards] | None = None,
    job: Job = QUIET,
) -> list[Candidate]:
    """Return the clips of `duration` seconds that look most like `example`, best first.

    `whole` is the archive of which `archive` is all or a part; see `find_candidates`. Raises
    `MatchError` where the archive offers nothing.
    """
    sides: list[tuple[Mapping[str, np.ndarray], bool]] = [(example.features, False)]
    if example.mirrored is not None:
        sides.append((example.mirrored, True))
    # A single picture stands for the whole stretch; it is looked for in its middle.
    time = example.time if len(example.time) > 1 else np.array([float(duration) / 2])
    queries = [
        Query(
            duration=float(duration),
            time=time,
            rows={name: part.astype(np.float32) for name, part in rows.items()},
            mirrored=mirrored,
            title=True,  # whoever looks for one thing wants all that looks like it
        )
        for rows, mirrored in sides
    ]
    return find_candidates(
        *([queries], [duration], archive, reference, options), whole=whole, job=job
    )[0]


def middles(archive: ArchiveRows, duration: Fraction, job: Job = QUIET) -> list[Candidate]:
    """Return the middle of every shot, `duration` seconds or as long as the shot is, in order."""
    found = []
    for film in job.over(archive.films):
        for shot in film.shots:
            media, core = clip_around(film, shot.index, duration)
            found.append(
                Candidate(
                    film=film,
                    shot=shot.index,
                    media=media,
                    usable=core,
                    mirrored=False,
                    strength=0.0,
                    score=1.0,
                    facets={},
                    held=duration - media.duration,
                )
            )
    return found
