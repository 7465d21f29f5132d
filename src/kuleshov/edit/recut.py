"""Remake a source from an archive, shot for shot, to its own rhythm and sound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kuleshov.archive.filters import Filter
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.choosing import offered, variants
from kuleshov.edit.cut import RecutOptions, Source, Titles, begun
from kuleshov.edit.resuming import remembering
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import Reference
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.align.stock import Stock
from kuleshov.notes import Note
from kuleshov.timeline import Timeline

__all__ = ["Recut", "RecutOptions", "Titles", "recut", "recut_of"]


@dataclass(frozen=True)
class Recut:
    """A remade film.

    Tracks `source` and `recut` have the same borders; the layout shows the latter alone. `notes`
    are on what the archive could not give.
    """

    timeline: Timeline
    notes: tuple[Note, ...]


def recut(
    analysis: Analysis,
    checksum: str,
    archive: ArchiveRows,
    reference: Reference,
    options: RecutOptions = RecutOptions(),
    job: Job = QUIET,
) -> tuple[Recut, ...]:
    """Return remakes of a source: find candidates for each shot, choose, lay them on timelines.

    As many films as `options.select.variants`. `checksum` is the source's own: the same file in the
    archive is not offered. Raises `MatchError` where the archive offers nothing, `UsageError` where
    the part is empty.
    """
    return recut_of(Source(analysis, checksum), Stock(archive, reference), options, job=job)


def recut_of(
    source: Source,
    stock: Stock,
    options: RecutOptions = RecutOptions(),
    filters: Filter = Filter(),
    job: Job = QUIET,
) -> tuple[Recut, ...]:
    """Return the remakes of a source from a stock that is ready to be asked, within `filters`."""
    cut = offered(begun(source, stock, options, filters, job=job), stock, job=job)
    films = (stoppable(partial(remembering, one), job) for one in job.over(variants(cut, job=job)))
    return tuple(Recut(timeline, notes) for timeline, notes in films)
