"""`kuleshov index`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    encoder_option,
    json_option,
    networks,
)

if TYPE_CHECKING:
    from kuleshov.archive.ingest import IngestSummary
    from kuleshov.media.kinds import Kind


_ENDINGS = 5
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
@encoder_option
@archive_option
@json_option
def command(paths: tuple[Path, ...], eyes: str | None, root: Path | None, as_json: bool) -> None:
    """Add footage to the archive: films, or folders of films.

    Run it again after new files have come: what is known is skipped, what moved is recognised, what
    changed is looked at again. It may be stopped at any time and goes on from there.

    Films in folders are known by what is in them, whatever they are called; what is no film is
    counted, what is hidden or a cache left alone. A file that is named by itself is always tried.
    Exits with 1 where nothing of it all can be used.
    """
    from kuleshov.cli import work

    where = chosen_archive(root)
    with networks(eyes) as loaded:
        summary = work.index(where, paths, loaded)
    if as_json:
        answer_json(_as_json(summary))
    else:
        _tell(summary, where, paths)
    if not (summary.added or summary.updated or summary.known or summary.moved or summary.copies):
        raise SystemExit(1)


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
            click.echo(f"Passed over, for they are no films: {passed}.")
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
    """The files that are no films, counted by kind; of unknown kinds the commonest endings."""
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
