"""`kuleshov render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from kuleshov.cli.common import film_option, json_option, original_option
from kuleshov.cli.look import look_options
from kuleshov.cli.words import Words, words_options
from kuleshov.render.options import Missing

if TYPE_CHECKING:
    from kuleshov.cli.look import Appearance


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@film_option
@look_options
@click.option(
    "--missing",
    type=click.Choice(get_args(Missing)),
    default="refuse",
    show_default=True,
    help="What to do where footage is missing or cannot be decoded: no film, or one with marked "
    "placeholders.",
)
@words_options
@original_option
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

    check_output(out, project, appearance)
    timeline, notes = work.read_project(project, original)
    products = work.Products(notes=notes)
    if words.credits:
        timeline = add_credits(products, timeline)
    write_film(products, timeline, out, appearance, words, missing)
    tell(products, as_json)
