"""`kuleshov render`."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import json_option
from kuleshov.cli.words import Words, words_options


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="The film, .mp4."
)
@click.option("--side-by-side", is_flag=True, help="Show the source at the left of its remake.")
@words_options
@json_option
def command(project: Path, out: Path, side_by_side: bool, words: Words, as_json: bool) -> None:
    """Render a project (.otio) again, as it is now: also after an editing program changed it."""
    from kuleshov.cli import work
    from kuleshov.cli.recut import add_credits, check_output, tell, write_film
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.recut import layout_of

    check_output(out, project)
    timeline = read_otio(project)
    products = work.Products()
    if words.credits:
        timeline = add_credits(products, timeline)
    whole = timeline
    if {track.name for track in timeline.tracks} >= {"recut", "source"} or side_by_side:
        timeline = layout_of(timeline, side_by_side=side_by_side)
    write_film(products, whole, timeline, out, words)
    tell(products, as_json)
