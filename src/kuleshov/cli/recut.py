"""The verb `kuleshov recut`: remake a film from the archive, or go on with a project."""

from __future__ import annotations

import shlex
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.appearance import appearance_options, check_film
from kuleshov.cli.by_hand import given, orders_options, with_given
from kuleshov.cli.common import (
    TIME,
    archive_option,
    encoder_option,
    json_option,
    note,
    this_job,
)
from kuleshov.cli.made import tell
from kuleshov.cli.many import ray_option, shared
from kuleshov.cli.matching import filter_options, match_options, select_options
from kuleshov.notes import together

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.appearance import Appearance
    from kuleshov.desk.products import Made, Products
    from kuleshov.edit.cut import Titles
    from kuleshov.edit.orders import Orders
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.match.choose.select import SelectOptions


@click.command("recut")
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="The film, .mp4 or .mov.  [default with --project: its own name]",
)
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    help="Go on with this project (.otio) instead of a new source; the old one is kept aside.",
)
@orders_options
@click.option("--sheet-only", is_flag=True, help="Write project and contact sheet, but no film.")
@click.option("--in", "begin", type=TIME, help="Begin at this time of the source.")
@click.option("--out", "end", type=TIME, help="End at this time of the source.")
@click.option(
    "--candidates", default=60, show_default=True, help="Number of clips considered for each shot."
)
@match_options
@select_options
@filter_options
@click.option(
    "--titles",
    type=click.Choice(["match", "keep", "black"]),
    default="match",
    show_default=True,
    help="Title cards are answered like any shot, kept, or left black.",
)
@click.option(
    "--keep-bars",
    is_flag=True,
    help="Keep the source's black bars and whole frame; by default the bars are cut off.",
)
@click.option("--allow-same", is_flag=True, help="Also offer material that the source shows.")
@appearance_options
@ray_option("a large archive looked through")
@encoder_option
@archive_option
@json_option
def command(
    source: Path | None,
    out: Path | None,
    project: Path | None,
    orders: Orders,
    sheet_only: bool,
    begin: Fraction | None,
    end: Fraction | None,
    candidates: int,
    match: MatchOptions,
    choose: SelectOptions,
    filters: Filter,
    titles: Titles,
    keep_bars: bool,
    allow_same: bool,
    appearance: Appearance,
    ray: str | None,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Remake a film from the archive, shot for shot, to its own rhythm and sound.

    With --project it goes on with one: what you locked stays, what you refused never comes back,
    and what is not locked can be chosen again. `kuleshov offers` lists what a shot may show.

    Beside OUT.mp4 it writes OUT.otio, the project, which editing programs open and `kuleshov
    render` renders again, and OUT.sheet.png, each shot beside the clip chosen for it. With
    --variants they are OUT-1.mp4, OUT-2.mp4 and so on.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.products import Products, numbered
    from kuleshov.edit.cut import RecutOptions

    match = replace(match, candidates=candidates, allow_same=allow_same)
    if project is not None:
        if source is not None:
            raise click.UsageError(f"--project goes on with its own source: leave out {source}.")
        _refuse_new(project)
        out = out or project.with_suffix(".mp4")
        check_film(out, project, appearance)
        orders = with_given(orders, match, choose, filters, appearance)
        job = this_job()
        with Desk(root, encoder, job=job) as desk:
            with shared(desk, ray, job):
                going = desk.resume(project, job=job)
                made = going.after(orders, job=job).made()
            made = replace(made, notes=together(going.notes, made.notes))
            products = _written(made, out, going.appearance(appearance), sheet_only)
        tell(products, as_json)
        return
    if source is None:
        raise click.UsageError("Name a film to remake, or a project to go on with (--project).")
    if out is None:
        raise click.UsageError("Name the film to write with -o.")
    if orders:
        raise click.UsageError(
            "--take, --lock and the like go on with a project: name it with --project."
        )
    check_film(out, source, appearance)
    fit, shape = appearance.fit or "fill", appearance.shape
    options = RecutOptions(
        *(begin, end, fit, titles, match, choose), shape=shape, keep_bars=keep_bars
    )
    products, job = Products(), this_job()
    with Desk(root, encoder, job=job) as desk:
        with shared(desk, ray, job):
            films = desk.recut(source.absolute(), options, filters, job=job)
        for made, path in zip(films, numbered(out, len(films)), strict=True):
            products += _written(made, path, appearance, sheet_only)
    tell(products, as_json)


_NEW = ("begin", "end", "titles", "keep_bars", "allow_same", "variants")
"""Options that only a new recut has."""


def _refuse_new(project: Path) -> None:
    """Refuse options that cannot be changed any more once there is a project."""
    names = sorted(given() & set(_NEW))
    if names:
        written = {"begin": "in", "end": "out"}
        option = "--" + written.get(names[0], names[0]).replace("_", "-")
        raise click.UsageError(
            f"{option} belongs to a new recut: {project} keeps what it was made with."
        )


def _written(made: Made, out: Path, appearance: Appearance, sheet_only: bool) -> Products:
    """Write the products of a recut; a person who stops it is told how to go on."""
    from kuleshov.desk.products import write_made

    try:
        return write_made(made, out, (appearance,), films=not sheet_only, job=this_job())
    except (KeyboardInterrupt, SystemExit):
        project = out.with_suffix(".otio")
        if project.exists():
            note(
                f"The project is there: `kuleshov render {shlex.quote(str(project))} -o "
                f"{shlex.quote(str(out))}` makes the film of it, and matches nothing again."
            )
        raise
