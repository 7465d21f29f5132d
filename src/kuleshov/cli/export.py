"""`kuleshov export`."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import answer_json, json_option, note


@click.command("export")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    required=True,
    type=click.Path(path_type=Path),
    help="The file: .edl, .fcpxml, .otio, .json or .csv.",
)
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
@click.option(
    "--original",
    type=click.Path(path_type=Path),
    help="The project before an editing program changed it: what that dropped is taken from it.",
)
@json_option
def command(
    project: Path, out: Path, form: str | None, start: str, original: Path | None, as_json: bool
) -> None:
    """Write a project (.otio) as editing programs and spreadsheets open it.

    An EDL (CMX 3600) for nearly every editing program, FCPXML for Final Cut Pro and DaVinci
    Resolve, OpenTimelineIO with the media named from its new place, and JSON or CSV lists of the
    clips. Files are found by their own timecode. What a format cannot say is said.
    """
    from kuleshov.cli.work import keep_old
    from kuleshov.edit.export import export, format_of
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.reattach import reattached

    chosen = format_of(out, form)
    _check(out, project)
    timeline = read_otio(project)
    notes: list[str] = []
    if original is not None:
        timeline, notes = reattached(timeline, read_otio(original))
    if chosen == "otio" and (kept := keep_old(out)) is not None:
        notes.append(f"A project was in the way and is now {kept}.")
    done = export(timeline, out, form=chosen, start=start)
    notes += done.notes
    if as_json:
        answer = {"path": str(done.path), "format": done.format, "clips": done.clips}
        answer_json({**answer, "notes": notes})
        return
    for text in notes:
        note(f"Note: {text}")
    click.echo(f"{done.format:<8} {done.path}  ({done.clips} clips)")


def _check(out: Path, project: Path) -> None:
    """Refuse an output that cannot be written, and the project itself."""
    if out.is_dir():
        raise click.UsageError(f"{out} is a folder: name the file to write.")
    if out.exists() and project.exists() and out.samefile(project):
        raise click.UsageError(f"{out} is the project itself: name another file to write.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{out.parent} cannot be made: {error.strerror}.") from error
