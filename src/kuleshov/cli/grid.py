"""The verb `kuleshov grid`: show shots that look alike side by side."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.asking import ask_options_or_none
from kuleshov.cli.common import (
    SIZE_LIMIT,
    TIME,
    Parsed,
    archive_option,
    encoder_option,
    json_option,
    output_option,
    this_job,
)
from kuleshov.cli.made import tell
from kuleshov.cli.matching import filter_options, match_options
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kuleshov.archive.filters import Filter
    from kuleshov.desk.asking import Ask
    from kuleshov.desk.loops import Cells
    from kuleshov.desk.products import Products
    from kuleshov.edit.grid import Cell, GridOptions
    from kuleshov.jobs import Job
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.render.gif import Moving


def _pair(text: str) -> tuple[int, int]:
    one, _, other = text.lower().partition("x")
    try:
        return int(one), int(other)
    except ValueError:
        raise UsageError(f"{text!r} is not a size: write two numbers, such as 3x3.") from None


_PAIR = Parsed("AxB", _pair)


@click.command("grid")
@ask_options_or_none
@click.option(
    "--clusters",
    "count",
    type=click.IntRange(min=1),
    help="Make so many grids, OUT-1, OUT-2 and so on, of the archive's own groups of like shots.",
)
@output_option("The grid: .mp4, .gif, .webp, or .png for a still.")
@click.option(
    "--size", type=_PAIR, default="3x3", show_default=True, help="Columns and rows of cells."
)
@click.option(
    "--length",
    "seconds",
    type=TIME,
    default="4",
    show_default=True,
    help="Length of each loop, in seconds.",
)
@click.option(
    "--cell", type=_PAIR, help="Size of one cell, in pixels.  [default: about 320x180, in the "
    "footage's shape]"
)  # fmt: skip
@click.option("--gap", default=0, show_default=True, help="Pixels between the cells.")
@click.option("--monochrome", is_flag=True, help="Take out the colour.")
@click.option(
    "--max-size", "limit", type=SIZE_LIMIT, help="Size limit of a .gif or .webp: 8MB, 500kB."
)
@click.option(
    "--page",
    "page_out",
    type=click.Path(path_type=Path),
    help="Also write an HTML page that shows all grids.",
)
@match_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    ask: Ask | None,
    count: int | None,
    out: Path,
    size: tuple[int, int],
    seconds: Fraction,
    cell: tuple[int, int] | None,
    gap: int,
    monochrome: bool,
    limit: int | None,
    page_out: Path | None,
    match: MatchOptions,
    filters: Filter,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Show shots that are alike side by side, each a loop without a jump.

    What is found by WORDS, --like or --bin stands in the order of its likeness, in reading order;
    no two cells show the same place. Beside the film it writes OUT.otio, the project.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.loops import cells_of, clusters
    from kuleshov.desk.products import MOVING, PICTURE, Products, write_page
    from kuleshov.desk.room import check_output
    from kuleshov.edit.grid import GridOptions
    from kuleshov.render.gif import Moving

    if count is not None and ask is not None:
        raise click.UsageError("--clusters finds by itself: leave WORDS, --like and --bin out.")
    if count is None and ask is None:
        raise click.UsageError(
            'Say what to show: "WORDS", --like FILE, --bin NAME, or --clusters N.'
        )
    options = GridOptions(size[0], size[1], seconds, cell, gap)
    if count is not None and size[0] * size[1] < 2:
        raise click.UsageError("A cluster is at least two shots: --size 2x1 or more.")
    if limit is not None and out.suffix.lower() not in MOVING:
        raise click.UsageError("--max-size is for .gif and .webp.")
    given = ask.like if ask is not None else None
    check_output(out, given, (".mp4", *MOVING, PICTURE), what="file")
    _check_page(page_out)
    products, moving = Products(), Moving(limit=limit)
    job = this_job()
    with Desk(root, encoder, job=job) as desk:
        if ask is not None:
            groups: Sequence[Cells] = (cells_of(desk, ask, options, match, filters, job=job),)
        else:
            groups, said = clusters(desk, count or 1, options, match, filters, job=job)
            products = products.saying(said)
        for number, group in enumerate(groups, 1):
            path = out if count is None else out.with_stem(f"{out.stem}-{number}")
            products = products.saying(group.notes)
            with job.step(f"grid {number} of {len(groups)}"):
                products += _made(group.cells, path, options, monochrome, moving, job)
            if page_out is not None:
                page = write_page(page_out, ask.name if ask is not None else out.stem, products)
    tell(products if page_out is None else products + page, as_json, moving=True)


def _made(
    cells: Sequence[Cell],
    out: Path,
    options: GridOptions,
    monochrome: bool,
    moving: Moving,
    job: Job,
) -> Products:
    """Find the loops, and write the grid."""
    from kuleshov.desk.loops import grid
    from kuleshov.desk.products import PICTURE, Products, write_moving
    from kuleshov.render.options import Finishing, RenderOptions

    made = grid(out.stem, cells, options, picture=out.suffix.lower() == PICTURE, job=job)
    # As many films stay open as there are cells: each is read in two places.
    render = RenderOptions(
        finishing=Finishing(monochrome=monochrome), idle_films=len(made.shown), threads=1
    )
    written = write_moving(made.timeline, out, moving, render, made.shown, job=job)
    return Products(notes=made.notes) + written


def _check_page(page_out: Path | None) -> None:
    if page_out is None:
        return
    from kuleshov.desk.room import make_room

    if page_out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError("--page must end in .html.")
    make_room(page_out, None, "page", "grid")
