"""`kuleshov relink`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    note,
    progress,
    say_waiting,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from kuleshov.archive.archive import Archive
    from kuleshov.archive.catalogue import Place
    from kuleshov.archive.relink import RelinkSummary
    from kuleshov.edit.relink import Need
    from kuleshov.timeline import Timeline

_SHOWN = 20  # lines of one kind; --json gives all


@dataclass
class _Project:
    """A project, the media that it lacks, and what became of them (paths, and sentences)."""

    path: Path
    timeline: Timeline
    needs: tuple[Need, ...]
    moved: dict[Path, Path] = field(default_factory=dict)
    guessed: set[Path] = field(default_factory=set)
    missing: dict[Path, str] = field(default_factory=dict)
    kept: Path | None = None


@dataclass
class _Answer:
    """All that is said at the end. `moved`: old and new place of the archive's footage."""

    summary: RelinkSummary
    archive: Path | None = None
    moved: dict[Path, Path] = field(default_factory=dict)
    missing: list[Path] = field(default_factory=list)
    projects: list[_Project] = field(default_factory=list)


@click.command("relink")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--project",
    "projects",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Also put the media of this project right. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be found, and change nothing.")
@archive_option
@json_option
def command(
    folders: tuple[Path, ...],
    projects: tuple[Path, ...],
    dry_run: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Find footage again that was moved or renamed, in folders and all that is below them.

    It is known by its content, whatever its name: files of the right size are read, and nothing is
    decoded. The archive then knows the new places. A project is written anew, and the old one kept
    beside it; its media that have no checksum are found by name and length, which is less sure.
    """
    from kuleshov.edit.interchange import read_otio

    read = [(path, read_otio(path)) for path in dict.fromkeys(projects)]
    where = chosen_archive(root)
    # A project can be put right without an archive, unless one was asked for.
    needed = root is not None or not projects
    with _opened(where, needed=needed, dry_run=dry_run) as archive, progress() as bars:
        answer = _find(archive, read, folders, bars, dry_run=dry_run)
    if not dry_run:
        for project in answer.projects:
            _save(project)
    if as_json:
        answer_json(_as_json(answer, dry_run=dry_run))
    else:
        _tell(answer, dry_run=dry_run)
    found = answer.moved or any(project.moved for project in answer.projects)
    missing = answer.missing or any(project.missing for project in answer.projects)
    if missing and not found:
        raise SystemExit(1)


@contextlib.contextmanager
def _opened(root: Path, *, needed: bool, dry_run: bool) -> Iterator[Archive | None]:
    """The archive, to be written unless nothing is to be changed; None where there is none."""
    from kuleshov.archive.archive import open_archive, write_archive
    from kuleshov.errors import ArchiveError

    try:
        with open_archive(root):  # one that is not there is not made
            pass
    except ArchiveError:
        if needed:
            raise
        yield None
        return
    with (
        open_archive(root) if dry_run else write_archive(root, waiting=say_waiting(root)) as archive
    ):
        yield archive


def _find(
    archive: Archive | None,
    read: list[tuple[Path, Timeline]],
    folders: tuple[Path, ...],
    bars: Progress,
    *,
    dry_run: bool,
) -> _Answer:
    """Look for what archive and projects lack; the archive is written as it is found."""
    from kuleshov.archive import relink
    from kuleshov.edit.relink import lost_media
    from kuleshov.media.worker import Worker

    summary, report = relink.RelinkSummary(), _Bars(bars)
    lost, known, sizes = [], {}, {}
    if archive is not None:
        lost = relink.lost(archive.catalogue)
        known = relink.known_places(archive.catalogue)
        for footage in archive.catalogue.all(with_missing=True):
            sizes[footage.checksum] = footage.places[0].size
    projects = [_Project(path, line, lost_media(line, sizes)) for path, line in read]
    here = {checksum: place for place, checksum in known.values()}
    wanted = {one.checksum: one for one in lost}
    for media in (need.media for project in projects for need in project.needs):
        checksum = media.checksum
        if checksum and checksum not in wanted and checksum not in here:
            wanted[checksum] = relink.Wanted(checksum, media.path, sizes.get(checksum))
    places = relink.look_into(folders, summary.unreadable, report.looked)
    settler = None
    if archive is not None:
        settler = relink.Settler(archive.catalogue, write=not dry_run)
    with Worker() as worker:
        relink.find_again(
            list(wanted.values()), places, worker, report, summary, known=known, settle=settler
        )
    for failure in settler.finish() if settler is not None else ():
        summary.failed.append(failure)
    refused = {failure.path for failure in summary.failed}
    answer = _Answer(summary, None if archive is None else archive.root, projects=projects)
    for one in lost:
        place = summary.found.get(one.checksum)
        if place is None or place.path in refused:
            answer.missing.append(one.path)
        else:
            answer.moved[one.path] = place.path
    for project in projects:
        _put_right(project, {**here, **summary.found}, places)
    return answer


def _put_right(project: _Project, found: Mapping[str, Place], places: list[Place]) -> None:
    """Relink a project's timeline to what was found."""
    from kuleshov.edit.relink import film_lengths, guess, namesakes, relinked

    guesses = [need for need in project.needs if not need.media.checksum]
    lengths = film_lengths(path for need in guesses for path in namesakes(need, places))
    for need in project.needs:
        media = need.media
        if media.checksum:
            if (place := found.get(media.checksum)) is not None:
                project.moved[media.path] = place.path
            else:
                project.missing[media.path] = "it is in none of the folders."
        elif isinstance(guessed := guess(need, places, lengths.get), Path):
            project.moved[media.path] = guessed
            project.guessed.add(media.path)
        else:
            project.missing[media.path] = guessed
    checksums = {checksum: place.path for checksum, place in found.items()}
    project.timeline = relinked(project.timeline, project.moved, checksums)


def _save(project: _Project) -> None:
    """Write a project of which something was found, and keep the old one."""
    from kuleshov.cli.work import replace_project

    if project.moved:
        project.kept = replace_project(project.timeline, project.path)


class _Bars:
    """First how many files were seen, then how much of what has to be read is read."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("looking", total=None, speed="")
        self._before = 0

    def looked(self, files: int) -> None:
        self._bars.update(self._task, speed=f"{files} files")

    def begin(self, size: int) -> None:
        self._bars.reset(self._task, description="reading", total=max(1, size), speed="")

    def reading(self, path: Path, done: int) -> None:
        self._bars.update(self._task, description=path.name, completed=self._before + done)

    def done(self, size: int) -> None:
        self._before += size
        self._bars.update(self._task, completed=self._before)


def _as_json(answer: _Answer, *, dry_run: bool) -> dict[str, Any]:
    def pairs(moved: Mapping[Path, Path]) -> list[dict[str, str]]:
        return [{"from": str(old), "to": str(new)} for old, new in moved.items()]

    summary = answer.summary
    return {
        "archive": None if answer.archive is None else str(answer.archive),
        "dry_run": dry_run,
        "found": pairs(answer.moved),
        "missing": [str(path) for path in answer.missing],
        "namesakes": [
            {"missing": str(one.missing), "path": str(one.path)} for one in summary.namesakes
        ],
        "failed": [{"path": str(one.path), "reason": one.reason} for one in summary.failed],
        "projects": [
            {
                "path": str(project.path),
                "kept": None if project.kept is None else str(project.kept),
                "found": pairs(project.moved),
                "by_name": [str(path) for path in project.moved if path in project.guessed],
                "missing": [
                    {"path": str(path), "reason": why} for path, why in project.missing.items()
                ],
            }
            for project in answer.projects
        ],
    }


def _tell(answer: _Answer, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    if answer.archive is not None:
        parts = [f"{len(answer.moved)} {would}found again"] if answer.moved else []
        parts += [f"{len(answer.missing)} still missing"] if answer.missing else []
        click.echo(f"{answer.archive}: {', '.join(parts) or 'no footage is missing'}.")
        _lines("found", (f"{old} -> {new}" for old, new in answer.moved.items()))
        _lines("missing", map(str, answer.missing))
    for project in answer.projects:
        parts = [f"{len(project.moved)} media {would}relinked"] if project.moved else []
        parts += [f"{len(project.missing)} still missing"] if project.missing else []
        click.echo(f"{project.path}: {', '.join(parts) or 'no media are missing'}.")
        _lines(
            "found",
            (
                f"{old} -> {new}{'  (by name and length only)' if old in project.guessed else ''}"
                for old, new in project.moved.items()
            ),
        )
        _lines("missing", (f"{path}: {why}" for path, why in project.missing.items()))
        if project.guessed:
            note(
                f"Note: {len(project.guessed)} media of {project.path.name} have no checksum: they "
                "were found by name and length only; look whether they are the right ones."
            )
        if project.kept is not None:
            note(f"The project as it was is kept as {project.kept}.")
    _lines(
        "another",
        (f"{one.path} has its name, but is another film" for one in answer.summary.namesakes),
    )
    _lines("skipped", (f"{one.path}: {one.reason}" for one in answer.summary.failed))


def _lines(what: str, texts: Iterator[str]) -> None:
    listed = list(texts)
    for text in listed[:_SHOWN]:
        click.echo(f"  {what:<8} {text}")
    if len(listed) > _SHOWN:
        click.echo(f"  {what:<8} and {len(listed) - _SHOWN} more (--json lists all)")
