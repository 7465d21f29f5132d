"""The verb `kuleshov credits`: list whose footage a project uses."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import answer_json, json_option, note
from kuleshov.errors import ArchiveError

if TYPE_CHECKING:
    from kuleshov.timeline import Timeline


@click.command("credits")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="Write OUT.credits.txt and OUT.credits.json.  [default: beside the project]",
)
@click.option(
    "--archive",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Take the slates from this archive, not the default one, and keep them in the project.",
)
@json_option
def command(project: Path, out: Path | None, root: Path | None, as_json: bool) -> None:
    """List whose footage a project is made of, on what terms, and when each is seen.

    A project knows the slates that the archive had when it was made; those that your archive has
    now come before them. The list is printed, and written beside the project as text and as JSON.
    """
    from kuleshov.archive.archive import default_root
    from kuleshov.desk.products import write_credits
    from kuleshov.desk.projects import with_slates_of
    from kuleshov.desk.room import check_room
    from kuleshov.edit.credits import as_json as listed_for_programs
    from kuleshov.edit.credits import as_text, credits_of
    from kuleshov.project.file import read_otio

    timeline = read_otio(project)
    if root is not None:
        timeline = _renewed(timeline, root, project)
    else:
        with contextlib.suppress(ArchiveError):  # there need not be a default one
            timeline = with_slates_of(timeline, default_root())
    names = {track.name for track in timeline.tracks}
    shown = names - {"source"} if {"recut", "source"} <= names else names
    listed = credits_of(timeline, shown)
    base = project if out is None else out
    if base.suffix.lower() in (".otio", ".mp4"):
        base = base.with_suffix("")
    check_room(base)
    written = [one.path for one in write_credits(listed, base.name, base).written]
    if as_json:
        files = [str(path) for path in written]
        answer_json({**json.loads(listed_for_programs(base.name, listed)), "files": files})
        return
    click.echo(as_text(base.name, listed))
    for path in written:
        click.echo(f"credits  {path}")


def _renewed(timeline: Timeline, root: Path, project: Path) -> Timeline:
    """Return the project with the archive's slates, written anew where that changes it."""
    from kuleshov.desk.projects import replace_project, with_slates_of

    renewed = with_slates_of(timeline, root)
    if renewed != timeline:
        kept = replace_project(renewed, project)
        note(f"The project has the archive's slates now; as it was it is kept as {kept}.")
    return renewed
