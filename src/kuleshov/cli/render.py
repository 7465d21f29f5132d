"""`kuleshov render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import json_option

if TYPE_CHECKING:
    from kuleshov.render.placeholder import Missing


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="The film, .mp4."
)
@click.option("--side-by-side", is_flag=True, help="Show the source at the left of its remake.")
@click.option(
    "--missing",
    type=click.Choice(["refuse", "placeholder"]),
    default="refuse",
    show_default=True,
    help="What to do where footage is missing or cannot be decoded: no film, or one with marked "
    "placeholders.",
)
@json_option
def command(project: Path, out: Path, side_by_side: bool, missing: Missing, as_json: bool) -> None:
    """Render a project (.otio) again, as it is now: also after an editing program changed it."""
    from kuleshov.cli import work
    from kuleshov.cli.recut import check_output, tell
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.recut import layout_of
    from kuleshov.render.film import RenderOptions

    check_output(out, project)
    timeline = read_otio(project)
    if {track.name for track in timeline.tracks} >= {"recut", "source"} or side_by_side:
        timeline = layout_of(timeline, side_by_side=side_by_side)
    film = work.render_film(timeline, out, RenderOptions(missing=missing))
    tell(work.Products(films=[film]), as_json)
