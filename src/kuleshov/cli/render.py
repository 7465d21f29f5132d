"""`kuleshov render`."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import json_option


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="The film, .mp4."
)
@click.option("--side-by-side", is_flag=True, help="Show the source at the left of its remake.")
@click.option(
    "--original",
    type=click.Path(path_type=Path),
    help="The project before an editing program changed it: what that dropped is taken from it.",
)
@json_option
def command(
    project: Path, out: Path, side_by_side: bool, original: Path | None, as_json: bool
) -> None:
    """Render a project (.otio) again, as it is now: also after an editing program changed it."""
    from kuleshov.cli import work
    from kuleshov.cli.recut import check_output, tell
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.reattach import reattached
    from kuleshov.edit.recut import layout_of

    check_output(out, project)
    timeline, notes = read_otio(project), list[str]()
    if original is not None:
        timeline, notes = reattached(timeline, read_otio(original))
    if {track.name for track in timeline.tracks} >= {"recut", "source"} or side_by_side:
        timeline = layout_of(timeline, side_by_side=side_by_side)
    tell(work.Products(films=[work.render_film(timeline, out)], notes=notes), as_json)
