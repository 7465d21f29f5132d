"""The verb `kuleshov relink`: find footage again that was moved or renamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    note,
    this_job,
)

if TYPE_CHECKING:
    from kuleshov.desk.relinking import Relinked

_SHOWN = 20  # lines of one kind; --json gives all


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
    """Find footage again that was moved or renamed, in these folders and all folders below them.

    It is known by its content, whatever its name: files of the right size are read, and nothing is
    decoded. The archive then knows the new places. A project is written anew, and the old one kept
    beside it; its media that have no checksum are found by name and length, which is less sure.
    """
    from kuleshov.desk.relinking import relink_all

    # A project can be put right without an archive, unless one was asked for.
    needed = root is not None or not projects
    answer = relink_all(
        *(folders, chosen_archive(root), projects),
        needed=needed,
        dry_run=dry_run,
        job=this_job(),
    )
    if as_json:
        answer_json(_as_json(answer, dry_run=dry_run))
    else:
        _tell(answer, dry_run=dry_run)
    found = answer.moved or any(project.moved for project in answer.projects)
    missing = answer.missing or any(project.missing for project in answer.projects)
    if missing and not found:
        raise SystemExit(1)


def _as_json(answer: Relinked, *, dry_run: bool) -> dict[str, Any]:
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


def _tell(answer: Relinked, *, dry_run: bool) -> None:
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
