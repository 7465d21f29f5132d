"""The verb `kuleshov export`: write a project for editing programs and spreadsheets."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import (
    answer_json,
    json_option,
    note,
    original_option,
    output_option,
    this_job,
)
from kuleshov.cli.hints import hinted


@click.command("export")
@click.argument("project", type=click.Path(path_type=Path))
@output_option("The file: .edl, .fcpxml, .otio, .json or .csv.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["edl", "fcpxml", "otio", "json", "csv"]),
    help="The format, where the suffix does not say it.",
)
@click.option(
    "--start",
    metavar="TIMECODE",
    default="01:00:00:00",
    show_default=True,
    help="Timecode of the first frame.",
)
@original_option
@json_option
def command(
    project: Path, out: Path, form: str | None, start: str, original: Path | None, as_json: bool
) -> None:
    """Write a project (.otio) as editing programs and spreadsheets open it.

    An EDL (CMX 3600) for nearly every editing program, FCPXML for Final Cut Pro and DaVinci
    Resolve, OpenTimelineIO with the media named from its new place, and JSON or CSV lists of the
    clips. Files are found by their own timecode. What a format cannot say is said.
    """
    from kuleshov.desk.projects import read_project, set_aside
    from kuleshov.desk.room import make_room
    from kuleshov.exchange.export import export, format_of
    from kuleshov.notes import Note, together

    chosen = format_of(out, form)
    make_room(out, project, "file", "project")
    timeline, notes = read_project(project, original)
    if chosen == "otio" and (kept := set_aside(out)) is not None:
        text = f"A project was in the way and is now {kept}."
        notes = together(notes, [Note("project-kept", text, {"path": str(kept)})])
    done = export(timeline, out, form=chosen, start=start, job=this_job())
    said = [hinted(one) for one in together(notes, done.notes)]
    if as_json:
        answer = {"path": str(done.path), "format": done.format, "clips": done.clips}
        answer_json({**answer, "notes": said})
        return
    for text in said:
        note(f"Note: {text}")
    click.echo(f"{done.format:<8} {done.path}  ({done.clips} clips)")
