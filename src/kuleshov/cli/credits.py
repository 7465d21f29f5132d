"""`kuleshov credits`."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import answer_json, check_room, json_option, note
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
    from kuleshov.cli.words import write_list
    from kuleshov.edit.credits import as_json as listed_for_programs
    from kuleshov.edit.credits import as_text, credits_of
    from kuleshov.edit.interchange import read_otio

    timeline = read_otio(project)
    if root is not None:
        timeline = _renewed(timeline, root, project)
    else:
        with contextlib.suppress(ArchiveError):  # there need not be a default one
            timeline = _with_slates_of(timeline, default_root())
    names = {track.name for track in timeline.tracks}
    shown = names - {"source"} if {"recut", "source"} <= names else names
    listed = credits_of(timeline, shown)
    base = project if out is None else out
    if base.suffix.lower() in (".otio", ".mp4"):
        base = base.with_suffix("")
    check_room(base)
    written = write_list(listed, base.name, base)
    if as_json:
        files = [str(path) for path in written]
        answer_json({**json.loads(listed_for_programs(base.name, listed)), "files": files})
        return
    click.echo(as_text(base.name, listed))
    for path in written:
        click.echo(f"credits  {path}")


def _with_slates_of(timeline: Timeline, root: Path) -> Timeline:
    """Return the project with the slates that an archive has. Raises `ArchiveError` for none."""
    from kuleshov.archive.archive import open_archive
    from kuleshov.edit.credits import with_slates
    from kuleshov.footage import Slate

    with open_archive(root) as archive:
        films = archive.catalogue.all(with_missing=True)
    return with_slates(timeline, {f.checksum: f.slate for f in films if f.slate != Slate()})


def _renewed(timeline: Timeline, root: Path, project: Path) -> Timeline:
    """The project with the archive's slates; written where that changes it, the old one kept."""
    from kuleshov.cli import work

    renewed = _with_slates_of(timeline, root)
    if renewed != timeline:
        kept = work.replace_project(renewed, project)
        note(f"The project has the archive's slates now; as it was it is kept as {kept}.")
    return renewed
