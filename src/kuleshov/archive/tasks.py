"""Index one film in steps: what is to be done, the looking, and the commit.

    task = identified(task, worker)                  # reads the file, for its checksum
    task = decided(archive, task)                    # asks the catalogue; may be all there is to do
    staged = analyse(task, analyst, staging)         # slow; in any process that has the same disk
    outcome = commit(archive, staged)                # locks the archive for as long as this takes

Tasks and what comes of them are plain values that can be sent. `analyse` neither reads nor writes
the catalogue; the files that it makes lie in a `Staging` until they are committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Footage, Location
from kuleshov.archive.staging import Staging
from kuleshov.archive.stills import StillSpool, still_path, write_stills
from kuleshov.archive.store import Store
from kuleshov.errors import ArchiveError, MediaError, MediaNotFound
from kuleshov.features.analyse import Analyst, FacetGroup
from kuleshov.features.measuring import NEEDED, tags_in, tags_of_analysis
from kuleshov.features.specs import ARCHIVE_GRID, RowsSpec, only, specs_of
from kuleshov.features.tags import Tag
from kuleshov.footage import Probe, Shot
from kuleshov.jobs import QUIET, Job

__all__ = [
    "CatalogueEntry",
    "Groups",
    "Looker",
    "LooksHere",
    "Outcome",
    "Staged",
    "Task",
    "analyse",
    "commit",
    "decided",
    "identified",
    "retag",
]

Outcome = Literal["added", "updated", "known", "moved", "copy", "failed"]

_CHANGED = "it changed while it was read: is it still being written?"

Groups = tuple[tuple[RowsSpec, ...], ...]


class ReadsChecksums(Protocol):
    """A reader that knows the checksum of a file: a `Worker`."""

    def checksum(self, path: Path, job: Job = QUIET) -> str:
        """Return the SHA-256 of a file in hexadecimal.

        Raises `MediaError` and `Stopped`.
        """


@dataclass(frozen=True)
class Task:
    """A task: a file to be in the archive with all rows of `groups`, a group for each encoder.

    `again` says that the archive knew something at this path, or knows the footage. `location` and
    `checksum` are known once the file was read. `outcome` is set where nothing is left to do. Of
    footage that lacks rows only, `shots` and the number of `rows` are known.
    """

    path: Path
    groups: Groups
    again: bool = False
    outcome: Outcome | None = None
    location: Location | None = None
    checksum: str = ""
    shots: tuple[Shot, ...] = ()
    rows: int = 0
    lacking: tuple[RowsSpec, ...] = ()


@dataclass(frozen=True)
class CatalogueEntry:
    """The findings about a film, for the catalogue."""

    frames: int
    duration: Fraction
    probe: Probe
    shots: tuple[Shot, ...]
    tags: Mapping[int, Sequence[Tag]]


@dataclass(frozen=True)
class Staged:
    """A result of a task, staged: its files lie in a folder of footage under `path`.

    `found` is None where only rows were added.
    """

    task: Task
    path: Path
    found: CatalogueEntry | None = None


class Looker(Protocol):
    """A looker: what does the slow steps of one task at a time, here or on another machine."""

    def identified(self, task: Task, job: Job = QUIET) -> Task:
        """Do what `identified` does. Raises `MediaError` and `Stopped`."""

    def analyse(self, task: Task, staging: Staging, job: Job = QUIET) -> Staged:
        """Do what `analyse` does. Raises `MediaError` and `Stopped`."""

    def close(self) -> None:
        """End what it has started."""


class LooksHere:
    """A looker that has an analyst of this process; closing it ends what the analyst decodes with.

    Those of several analysts that share their networks may work at once, each in a thread.
    """

    def __init__(self, analyst: Analyst) -> None:
        self._analyst = analyst

    def identified(self, task: Task, job: Job = QUIET) -> Task:
        """Return a task with the checksum of its file. Raises `MediaError` and `Stopped`."""
        return identified(task, self._analyst.worker, job)

    def analyse(self, task: Task, staging: Staging, job: Job = QUIET) -> Staged:
        """Look at the film of a task, and stage what was found. Raises as `analyse`."""
        return analyse(task, self._analyst, staging, job)

    def close(self) -> None:
        """End the decoding process."""
        self._analyst.worker.retire()


def location_of(path: Path) -> Location:
    """Return what lies at a path now. Raises `MediaNotFound`."""
    try:
        info = path.stat()
    except OSError as error:
        raise MediaNotFound(
            path, "it is not there, or may not be looked at: check its name and permissions."
        ) from error
    return Location(path, info.st_size, info.st_mtime_ns)


def is_whole(archive: Archive, checksum: str, groups: Groups) -> bool:
    """Return whether all files of known footage are there, sound, and made as they would be now."""
    stills = still_path(archive.store.folder(checksum), 0)
    specs = [spec for group in groups for spec in group]
    return stills.is_file() and archive.store.has(checksum, specs)


def identified(task: Task, reader: ReadsChecksums, job: Job = QUIET) -> Task:
    """Return a task with the checksum of its file, which is read. Raises `MediaError`."""
    location = location_of(task.path)
    checksum = reader.checksum(task.path, job) if location.size else ""
    return replace(task, location=location, checksum=checksum)


def decided(archive: Archive, task: Task, job: Job = QUIET) -> Task:
    """Return a task after asking the archive whether it has this content.

    Where it has all of it, note where it lies: the task has an outcome then. Otherwise the task
    says which rows are lacking.
    """
    assert task.location is not None
    footage = archive.catalogue.by_checksum(task.checksum)
    if footage is None:
        return task
    states = {location.path: location.now() for location in footage.locations}
    gone = [path for path, now in states.items() if now == "missing"]
    if is_whole(archive, task.checksum, task.groups):
        with archive.writing(job) as writing:
            writing.catalogue.mark_missing(gone)
            writing.catalogue.seen(task.location, task.checksum)
        if task.path in states:
            return replace(task, outcome="known")
        moved = all(p.missing or states[p.path] == "missing" for p in footage.locations)
        return replace(task, outcome="moved" if moved else "copy")
    if gone:
        with archive.writing(job) as writing:
            writing.catalogue.mark_missing(gone)
    return _lacking(archive, footage, replace(task, again=True))


def analyse(task: Task, analyst: Analyst, staging: Staging, job: Job = QUIET) -> Staged:
    """Look at the film of a task, or once more with some of the networks, and stage the results.

    Raises `MediaError` where the film cannot be used, `Stopped` where the job is to stop; nothing
    of it stays staged then.
    """
    staging.clear(task.checksum)
    try:
        if task.lacking and _added(task, analyst, staging.store, job):
            return Staged(task, staging.path)
        staging.clear(task.checksum)
        return Staged(task, staging.path, _looked(task, analyst, staging.store, job))
    except BaseException:
        staging.clear(task.checksum)
        raise


def commit(archive: Archive, staged: Staged, job: Job = QUIET) -> Outcome:
    """Move staged files to the archive and enter them, as one step that happens or does not.

    The archive is locked for as long as that takes. What another process has added meanwhile is
    replaced. Raises `ArchiveError` where the archive cannot be written.
    """
    task, found = staged.task, staged.found
    assert task.location is not None
    with archive.writing(job) as writing:
        writing.store.adopt(task.checksum, Store.at(staged.path))
        if found is not None:
            writing.catalogue.add(
                *(task.checksum, found.frames, found.duration, found.probe, found.shots),
                task.location,
                found.tags,
            )
            return "updated" if task.again else "added"
        writing.catalogue.seen(task.location, task.checksum)
        writing.catalogue.revised(task.checksum)
        footage = writing.catalogue.by_checksum(task.checksum)
        if footage is not None:
            _tag(writing, footage, task.groups)
    return "updated"


def retag(archive: Archive, footage: Footage, groups: Groups, job: Job = QUIET) -> None:
    """Tag the shots of footage anew, by its stored rows."""
    with archive.writing(job) as writing:
        _tag(writing, footage, groups)


def _lacking(archive: Archive, footage: Footage, task: Task) -> Task:
    """Return the task, with what footage lacks where it lacks rows only."""
    store, checksum = archive.store, footage.checksum
    try:
        _, shown = store.frames(checksum)
    except ArchiveError:
        return task
    if not still_path(store.folder(checksum), 0).is_file():
        return task
    every = [spec for group in task.groups for spec in group]
    lacking = tuple(spec for spec in every if not store.has(checksum, [spec]))
    return replace(
        *(task,),
        shots=archive.catalogue.shots(footage.id),
        rows=len(shown),
        lacking=lacking,
    )


def _added(task: Task, analyst: Analyst, store: Store, job: Job) -> bool:
    """Stage the rows that are lacking.

    Returns False where the film has another number of rows now.
    """
    return all(
        _looked_again(task, analyst, group, task.shots, task.rows, store, job)
        for group in _groups(analyst, task.lacking)
    )


def _looked(task: Task, analyst: Analyst, store: Store, job: Job) -> CatalogueEntry:
    """Stage all of a film, and return what was found."""
    path, checksum = task.path, task.checksum
    with StillSpool() as spool:
        analysis = analyst.index(path, stills=spool, job=job)
        job.check()
        if location_of(path) != task.location:
            raise MediaError(path, _CHANGED)
        for spec in task.groups[0]:
            store.write_features(checksum, spec, analysis.features[spec.facet])
        aspect = analysis.probe.video.active_aspect
        write_stills(store.folder(checksum), spool, analysis.shots, analysis.shown, aspect, job)
        store.write_frames(checksum, analysis.pts, analysis.shown)
    rows = len(analysis.shown)
    others = [spec for group in task.groups[1:] for spec in group]
    for group in _groups(analyst, others):
        if not _looked_again(task, analyst, group, analysis.shots, rows, store, job):
            raise MediaError(path, _CHANGED)
    return CatalogueEntry(
        analysis.frames,
        analysis.time_of(analysis.frames),
        analysis.probe,
        analysis.shots,
        {
            shot.index: tags
            for shot, tags in zip(analysis.shots, tags_of_analysis(analysis, job), strict=True)
        },
    )


def _groups(analyst: Analyst, specs: Sequence[RowsSpec]) -> list[FacetGroup]:
    """Return the groups that make these rows, with no other facets."""
    found = []
    for group in analyst.facet_groups:
        names = {spec.facet for spec in specs_of(group.facets) if spec in specs}
        if names:
            found.append(group.only(names))
    return found


def _looked_again(
    task: Task,
    analyst: Analyst,
    group: FacetGroup,
    shots: Sequence[Shot],
    rows: int,
    store: Store,
    job: Job,
) -> bool:
    """Describe a film by this group and keep it.

    Returns False where the film has another number of rows now.
    """
    breaks = [shot.frames.first for shot in shots[1:]]
    described = analyst.look_again(group, task.path, breaks=breaks, job=job)
    if len(described.time) != rows:
        return False
    for spec in specs_of(group.facets):
        store.write_features(task.checksum, spec, described.features[spec.facet])
    return True


def _tag(archive: Archive, footage: Footage, groups: Groups) -> None:
    pts, shown = archive.store.frames(footage.checksum)
    stored = only(groups[0], NEEDED)
    rows = {spec.facet: archive.store.features(footage.checksum, spec) for spec in stored}
    base, tags = footage.probe.video.time_base, {}
    for shot in archive.catalogue.shots(footage.id):
        core = shot.core
        end = int(pts[core.end]) * base if core.end < len(pts) else footage.duration
        begin = int(pts[core.first]) * base if core.first < len(pts) else end
        tags[shot.index] = tags_in(rows, shown, shot, float(end - begin), ARCHIVE_GRID)
    archive.catalogue.tag_table.write(footage.id, tags)
