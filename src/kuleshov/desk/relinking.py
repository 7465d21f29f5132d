"""Find the lost media of an archive and of projects in folders they may have been moved to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kuleshov.archive import relink
from kuleshov.archive.archive import Archive, make_archive, open_archive
from kuleshov.archive.catalogue import Location
from kuleshov.desk.projects import replace_project
from kuleshov.errors import ArchiveError, UsageError
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.media.worker import Worker
from kuleshov.project.file import read_otio
from kuleshov.project.relink import Need, film_lengths, guess, lost_media, namesakes, relinked
from kuleshov.timeline import Timeline

__all__ = ["Relinked", "RelinkedProject", "relink_all"]


@dataclass
class RelinkedProject:
    """A project, the media that it needs, and what became of them.

    `moved` maps old to new paths; `guessed` are those found by name and length only; `missing` says
    why each was not found. `kept` is where the old project was kept.
    """

    path: Path
    timeline: Timeline
    needs: tuple[Need, ...]
    moved: dict[Path, Path] = field(default_factory=dict)
    guessed: set[Path] = field(default_factory=set)
    missing: dict[Path, str] = field(default_factory=dict)
    kept: Path | None = None


@dataclass
class Relinked:
    """The media that were found again.

    `moved` maps old to new places of the archive's footage.
    """

    summary: relink.RelinkSummary
    archive: Path | None = None
    moved: dict[Path, Path] = field(default_factory=dict)
    missing: list[Path] = field(default_factory=list)
    projects: list[RelinkedProject] = field(default_factory=list)


def relink_all(
    folders: Sequence[Path],
    root: Path,
    projects: Sequence[Path] = (),
    *,
    needed: bool = True,
    dry_run: bool = False,
    job: Job = QUIET,
) -> Relinked:
    """Find what the archive in `root` and projects lack, in these folders and all below them.

    Known by content: files of the right size are read. The archive is written as things are found,
    projects at the end, their old state kept; with `dry_run` nothing is changed. Where no archive
    is `needed`, one need not be there. Raises `ArchiveError`, `ProjectError`, `UsageError`.
    """
    for folder in folders:
        if not folder.exists():
            raise UsageError(f"{folder} does not exist: name a folder to look in.")
    read = [(path, stoppable(partial(read_otio, path), job)) for path in dict.fromkeys(projects)]
    with _opened(root, needed=needed, dry_run=dry_run, job=job) as archive:
        found = _find(archive, read, folders, dry_run=dry_run, job=job)
    for project in found.projects:
        if project.moved and not dry_run:
            project.kept = replace_project(project.timeline, project.path)
    return found


@contextlib.contextmanager
def _opened(root: Path, *, needed: bool, dry_run: bool, job: Job) -> Iterator[Archive | None]:
    """Yield the open archive, or None where there is none.

    Nobody else can add to it meanwhile, unless nothing is to be changed.
    """
    try:
        with open_archive(root):  # one that is not there is not made
            pass
    except ArchiveError:
        if needed:
            raise
        yield None
        return
    if dry_run:
        with open_archive(root) as archive:
            yield archive
        return
    make_archive(root, job=job)  # or bring it up to date
    with open_archive(root) as archive, archive.indexing(job):
        yield archive


def _find(
    archive: Archive | None,
    read: Sequence[tuple[Path, Timeline]],
    folders: Sequence[Path],
    *,
    dry_run: bool,
    job: Job,
) -> Relinked:
    """Look for the media that archive and projects lack, and update the archive as it goes."""
    summary = relink.RelinkSummary()
    lost, known, sizes = [], {}, {}
    if archive is not None:
        lost = relink.lost(archive.catalogue, job)
        known = relink.known_places(archive.catalogue, job)
        for footage in archive.catalogue.all(with_missing=True, job=job):
            sizes[footage.checksum] = footage.locations[0].size
    projects = [
        RelinkedProject(path, line, stoppable(partial(lost_media, line, sizes), job))
        for path, line in read
    ]
    here = {checksum: location for location, checksum in known.values()}
    wanted = {one.checksum: one for one in lost}
    for media in (need.media for project in projects for need in project.needs):
        checksum = media.checksum
        if checksum and checksum not in wanted and checksum not in here:
            wanted[checksum] = relink.LostFootage(checksum, media.path, sizes.get(checksum))
    locations = relink.look_into(folders, summary.unreadable, job=job)
    settler = None
    if archive is not None:
        settler = relink.Settler(archive, write=not dry_run, job=job)
    with Worker() as worker:
        relink.find_again(
            *(list(wanted.values()), locations, worker, summary),
            known=known,
            settle=settler,
            job=job,
        )
    for failure in settler.finish() if settler is not None else ():
        summary.failed.append(failure)
    refused = {failure.path for failure in summary.failed}
    answer = Relinked(summary, None if archive is None else archive.root, projects=projects)
    for one in lost:
        location = summary.found.get(one.checksum)
        if location is None or location.path in refused:
            answer.missing.append(one.path)
        else:
            answer.moved[one.path] = location.path
    for project in projects:
        _put_right(project, {**here, **summary.found}, locations, job)
    return answer


def _put_right(
    project: RelinkedProject, found: Mapping[str, Location], locations: Sequence[Location], job: Job
) -> None:
    """Point a project's timeline to the media that were found."""
    guesses = [need for need in project.needs if not need.media.checksum]
    named = (path for need in guesses for path in namesakes(need, locations))
    lengths = film_lengths(named, job)
    for need in project.needs:
        media = need.media
        if media.checksum:
            if (location := found.get(media.checksum)) is not None:
                project.moved[media.path] = location.path
            else:
                project.missing[media.path] = "it is in none of the folders."
        elif isinstance(guessed := guess(need, locations, lengths.get), Path):
            project.moved[media.path] = guessed
            project.guessed.add(media.path)
        else:
            project.missing[media.path] = guessed
    checksums = {checksum: location.path for checksum, location in found.items()}
    project.timeline = relinked(project.timeline, project.moved, checksums)
