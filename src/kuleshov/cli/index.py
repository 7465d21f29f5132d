"""The verb `kuleshov index`: add footage to the archive."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    Parsed,
    answer_json,
    archive_option,
    encoder_option,
    json_option,
    note,
    this_job,
)
from kuleshov.cli.many import lookers, ray_option
from kuleshov.errors import UsageError
from kuleshov.timecode import parse_rate

if TYPE_CHECKING:
    from kuleshov.archive.ingest import IngestSummary
    from kuleshov.media.kinds import Kind
    from kuleshov.media.numbered import Run


_ENDINGS = 5
_MANY = 48  # numbered pictures that are more likely a film than photos


def _rate(text: str) -> Fraction:
    rate = parse_rate(text)
    if not 1 <= rate <= 120:
        raise UsageError(f"{text!r} is not a frame rate of a film: write one from 1 to 120.")
    return rate


_CALLED: dict[Kind, tuple[str, str]] = {
    "film": ("film", "films"),
    "picture": ("picture", "pictures"),
    "sound": ("sound", "sounds"),
    "text": ("text", "texts"),
    "preview": ("preview of a camera", "previews of a camera"),
    "other": ("other file", "other files"),
}


@click.command("index")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rate",
    type=Parsed("rate", _rate),
    help="Make films of numbered pictures in folders (a film scan, a time lapse), with this frame "
    "rate: 18, 23.976 or 24000/1001.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Number of films looked at at once.  [default: one for each processor, as memory allows]",
)
@ray_option("films looked at")
@encoder_option
@archive_option
@json_option
def command(
    paths: tuple[Path, ...],
    rate: Fraction | None,
    jobs: int | None,
    ray: str | None,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Add footage to the archive: films, or folders of films.

    Run it again after new files have come: what is known is skipped, what moved is recognised, what
    changed is looked at again. It may be stopped at any time and goes on from there.

    Films in folders are known by what is in them, whatever they are called; what is not a film is
    counted, what is hidden or a cache left alone. A file that is named by itself is always tried.
    Exits with 1 where nothing of it all can be used.
    """
    from kuleshov.desk.desk import Desk

    if rate is not None:
        _describe(paths, rate)
    job = this_job()
    with Desk(root, encoder, job=job) as desk, lookers(desk, ray, jobs, job) as others:
        summary = desk.index(paths, at_once=jobs, lookers=others, job=job)
        where = desk.root
    if rate is None:
        _hint(paths)
    if as_json:
        answer_json(_as_json(summary))
    else:
        _tell(summary, where, paths)
    if not (summary.added or summary.updated or summary.known or summary.moved or summary.copies):
        raise SystemExit(1)


def _describe(paths: tuple[Path, ...], rate: Fraction) -> None:
    """Describe the numbered pictures in folders as films, and say which films were made."""
    from kuleshov.media.numbered import write_film

    found = [run for path in paths for run in _runs(path)]
    if not found:
        raise UsageError("There are no numbered pictures there for --rate to make films of.")
    for run in found:
        note(f"Reading {len(run.names)} pictures, {run.names[0]} to {run.names[-1]} ...")
        path = write_film(run, rate)
        numbers = "1 number" if run.missing == 1 else f"{run.missing} numbers"
        gap = f"; {numbers} between the first and the last have no picture" if run.missing else ""
        note(f"{path}: {len(run.names)} pictures, {float(rate):.6g} a second{gap}.")


def _hint(paths: tuple[Path, ...]) -> None:
    """Say how numbered pictures that are not part of a film yet become one."""
    from kuleshov.media.numbered import described

    for run in (run for path in paths for run in _runs(path, _MANY)):
        if not described(run.folder).issuperset(run.names):
            again = f"`kuleshov index {shlex.quote(str(run.folder))} --rate 18`"
            note(
                f"{run.folder} holds {len(run.names)} numbered pictures ({run.names[0]} to "
                f"{run.names[-1]}): {again} takes them as a film of 18 a second."
            )


def _runs(path: Path, least: int | None = None) -> Iterator[Run]:
    """Yield the runs of numbered pictures in a folder and all folders below it."""
    from kuleshov.media.kinds import passed_folder
    from kuleshov.media.numbered import LEAST, runs_in

    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not passed_folder(name))
        yield from runs_in(Path(folder), names, least or LEAST)


def _as_json(summary: IngestSummary) -> dict[str, object]:
    names = ("added", "updated", "known", "moved", "copies", "missing")
    return {
        **{name: [str(path) for path in getattr(summary, name)] for name in names},
        "passed_over": dict(sorted(summary.passed.items())),
        "failed": [{"path": str(f.path), "reason": f.reason} for f in summary.failed],
        "in_part": [{"path": str(f.path), "reason": f.reason} for f in summary.in_part],
        "shots": summary.shots,
        "seconds": round(summary.seconds, 3),
    }


def _tell(summary: IngestSummary, where: Path, paths: tuple[Path, ...]) -> None:
    from kuleshov.timecode import format_time

    counted = (
        (summary.added, "added"),
        (summary.updated, "indexed again"),
        (summary.known, "already known"),
        (summary.moved, "moved, found again"),
        (summary.copies, "copies of known footage"),
        (summary.missing, "missing now"),
        (summary.failed, "skipped"),
    )
    parts = [f"{len(paths)} {what}" for paths, what in counted if paths]
    looked, passed = ", ".join(map(str, paths)), _passed(summary)
    if parts:
        click.echo(f"{where}: {', '.join(parts)}.")
        if passed:
            click.echo(f"Passed over, because they are not films: {passed}.")
    else:
        found = f"only {passed}" if passed else "nothing at all"
        click.echo(f"There are no films in {looked}: {found}.")
    if summary.shots:
        click.echo(f"New: {summary.shots} shots in {format_time(summary.seconds)} of film.")
    for path in summary.missing:
        click.echo(f"  missing  {path}")
    if summary.missing:
        click.echo("What was moved elsewhere is found again with `kuleshov relink FOLDER`.")
    for part in summary.in_part:
        click.echo(f"  in part  {part.path}: {part.reason}")
    for failure in summary.failed:
        click.echo(f"  skipped  {failure.path}: {failure.reason}")


def _passed(summary: IngestSummary) -> str:
    """Return a count of the files that are not films, by kind.

    Files of unknown kind are told by their commonest endings.
    """
    parts = []
    for kind, count in summary.passed.most_common():
        one, many = _CALLED[kind]
        named = ""
        if kind == "other":
            endings = [e or "no ending" for e, _ in summary.endings.most_common(_ENDINGS)]
            more = ", ..." if len(summary.endings) > _ENDINGS else ""
            named = f" ({', '.join(endings)}{more})"
        parts.append(f"{count} {one if count == 1 else many}{named}")
    return ", ".join(parts)
