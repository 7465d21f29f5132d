"""The verb `kuleshov render`: render a project again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from kuleshov.cli.appearance import appearance_options, check_film
from kuleshov.cli.common import film_option, json_option, original_option, this_job
from kuleshov.cli.made import tell
from kuleshov.render.options import Missing

if TYPE_CHECKING:
    from kuleshov.desk.appearance import Appearance


@click.command("render")
@click.argument("project", type=click.Path(path_type=Path))
@film_option
@appearance_options
@click.option(
    "--missing",
    type=click.Choice(get_args(Missing)),
    default="refuse",
    show_default=True,
    help="Where footage is missing or cannot be decoded, make no film, or one with marked "
    "placeholders.",
)
@original_option
@json_option
def command(
    project: Path,
    out: Path,
    appearance: Appearance,
    missing: Missing,
    original: Path | None,
    as_json: bool,
) -> None:
    """Render a project (.otio) as it is now, for instance after an editing program changed it."""
    from kuleshov.desk.products import Products, credited, write_film
    from kuleshov.desk.projects import read_project

    check_film(out, project, appearance)
    timeline, notes = read_project(project, original)
    products = Products(notes=notes)
    if appearance.credits:
        timeline, more = credited(timeline)
        products = products.saying(more)
    products += write_film(timeline, out, appearance, missing, job=this_job())
    tell(products, as_json)
