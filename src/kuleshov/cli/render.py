"""`kuleshov render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import film_option, json_option
from kuleshov.cli.look import look_options
from kuleshov.cli.words import Words, words_options

if TYPE_CHECKING:
    from kuleshov.cli.look import Appearance
    from kuleshov.render.options import Missing


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@film_option
@look_options
@click.option(
    "--missing",
    type=click.Choice(["refuse", "placeholder"]),
    default="refuse",
    show_default=True,
    help="What to do where footage is missing or cannot be decoded: no film, or one with marked "
    "placeholders.",
)
@words_options
@click.option(
    "--original",
    type=click.Path(path_type=Path),
    help="The project before an editing program changed it: what that dropped is taken from it.",
)
@json_option
def command(
    project: Path,
    out: Path,
    appearance: Appearance,
    missing: Missing,
    words: Words,
    original: Path | None,
    as_json: bool,
) -> None:
    """Render a project (.otio) again, as it is now: also after an editing program changed it."""
    from kuleshov.cli import work
    from kuleshov.cli.recut import add_credits, check_output, tell, write_film
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.reattach import reattached

    check_output(out, project, appearance)
    timeline, products = read_otio(project), work.Products()
    if original is not None:
        timeline, notes = reattached(timeline, read_otio(original))
        products.notes += notes
    if words.credits:
        timeline = add_credits(products, timeline)
    write_film(products, timeline, out, appearance, words, missing)
    tell(products, as_json)
