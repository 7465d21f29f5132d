"""`kuleshov grid`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    TIME,
    Parsed,
    archive_option,
    chosen_archive,
    encoder_option,
    json_option,
    make_room,
    networks,
    note,
    output_option,
    progress,
)
from kuleshov.cli.finding import Asked, asked_options_or_none
from kuleshov.cli.matching import filter_options, match_options
from kuleshov.cli.moving import SIZE_LIMIT, Products, check_moving, page, tell, write
from kuleshov.errors import UsageError
from kuleshov.timecode import format_time

if TYPE_CHECKING:
    from kuleshov.archive.archive import Archive
    from kuleshov.cli.common import Networks
    from kuleshov.edit.grid import Cell, GridOptions, Looped
    from kuleshov.match.candidates import Candidate, MatchOptions
    from kuleshov.match.filters import Filter

_SHORTEST = Fraction(3, 4)  # s of a shot for a cell


def _pair(text: str) -> tuple[int, int]:
    one, _, other = text.lower().partition("x")
    try:
        return int(one), int(other)
    except ValueError:
        raise UsageError(f"{text!r} is no size: write two numbers, such as 3x3.") from None


_PAIR = Parsed("AxB", _pair)


@click.command("grid")
@asked_options_or_none
@click.option(
    "--clusters",
    "count",
    type=click.IntRange(min=1),
    help="The archive's own groups of shots that look alike, so many: OUT-1, OUT-2 and so on.",
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
    help="Of the loop, in seconds.",
)
@click.option(
    "--cell", type=_PAIR, help="Of one cell, in pixels.  [default: about 320x180, in the "
    "footage's shape]"
)  # fmt: skip
@click.option("--gap", default=0, show_default=True, help="Pixels between the cells.")
@click.option("--monochrome", is_flag=True, help="Take out the colour.")
@click.option("--max-size", "limit", type=SIZE_LIMIT, help="Of a .gif or .webp: 8MB, 500kB.")
@click.option(
    "--page", "page_out", type=click.Path(path_type=Path), help="Also an HTML page that shows all."
)
@match_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    asked: Asked | None,
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
    eyes: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Show shots that are alike side by side, each a loop without a jump.

    What is found by WORDS, --like or --bin stands in the order of its likeness, in reading order;
    no two cells show the same place. Beside the film it writes OUT.otio, the project.
    """
    from kuleshov.archive.archive import open_archive
    from kuleshov.edit.grid import GridOptions

    if count is not None and asked is not None:
        raise click.UsageError("--clusters finds by itself: leave WORDS, --like and --bin out.")
    if count is None and asked is None:
        raise click.UsageError(
            'Say what to show: "WORDS", --like FILE, --bin NAME, or --clusters N.'
        )
    options = GridOptions(size[0], size[1], seconds, cell, gap)
    if count is not None and size[0] * size[1] < 2:
        raise click.UsageError("A cluster is at least two shots: --size 2x1 or more.")
    if limit is not None and out.suffix.lower() not in (".gif", ".webp"):
        raise click.UsageError("--max-size is for .gif and .webp.")
    check_moving(out, asked.like if asked is not None else None, still=True)
    _check_page(page_out)
    products = Products()
    with networks(eyes) as loaded, open_archive(chosen_archive(root)) as archive:
        if asked is not None:
            chosen = [_asked(asked, options, archive, loaded, match, filters, products)]
        else:
            chosen = _clusters(count or 1, options, archive, loaded, match, filters, products)
    for number, cells in enumerate(chosen, 1):
        path = out if count is None else out.with_stem(f"{out.stem}-{number}")
        _make(cells, path, options, monochrome, limit, products)
    if page_out is not None:
        page(page_out, asked.name if asked is not None else out.stem, products)
    tell(products, as_json)


def _check_page(page_out: Path | None) -> None:
    if page_out is None:
        return
    if page_out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError("--page must end in .html.")
    make_room(page_out, None, "page", "grid")


def _asked(
    asked: Asked,
    options: GridOptions,
    archive: Archive,
    loaded: Networks,
    match: MatchOptions,
    filters: Filter,
    products: Products,
) -> list[Cell]:
    """The cells that answer what was asked for, best first."""
    from kuleshov.cli.finding import find
    from kuleshov.edit.grid import Cell
    from kuleshov.match.places import different

    wanted = options.columns * options.rows
    # Several clips of one shot may be found, and copies of it.
    match = replace(match, candidates=max(60, 10 * wanted))
    found = find(asked, asked.length, archive, loaded, match, filters)
    products.say(found.told)
    # What does not answer is not shown only to fill a cell.
    good, said = found.clear(asked.drift)
    products.say(said)
    long = [c for c in good if c.usable.duration >= _SHORTEST]
    pool = long or list(good)
    originals = _originals(pool)
    chosen, same = different(originals, wanted, loaded.reference)
    same += len(pool) - len(originals)
    if same and len(chosen) < wanted:
        products.say([f"Shots that show the same place as another were left out: {same}."])
    return [
        Cell(
            c.film,
            c.film.shot(c.shot),
            None if asked.bin is not None else c.media,
            c.mirrored,
        )
        for c in chosen
    ]


def _originals(found: Sequence[Candidate]) -> list[Candidate]:
    """What was found, without what better files show as well."""
    from kuleshov.match.duplicates import without_copies
    from kuleshov.match.rows import ArchiveRows

    held: dict[int, set[int]] = {}
    films = {}
    for one in found:
        films[one.film.footage.id] = one.film
        held.setdefault(one.film.footage.id, set()).add(one.shot)
    pool = ArchiveRows(
        replace(film, shots=tuple(s for s in film.shots if s.index in held[number]))
        for number, film in films.items()
    )
    left = {(f.footage.id, s.index) for f in without_copies(pool).films for s in f.shots}
    return [one for one in found if (one.film.footage.id, one.shot) in left]


def _clusters(
    count: int,
    options: GridOptions,
    archive: Archive,
    loaded: Networks,
    match: MatchOptions,
    filters: Filter,
    products: Products,
) -> list[list[Cell]]:
    from kuleshov.cli import work
    from kuleshov.edit.grid import Cell
    from kuleshov.match.clusters import clusters
    from kuleshov.match.duplicates import without_copies
    from kuleshov.match.tagged import shared_by

    rows = work.offered(archive, loaded, filters)
    with progress() as bars:
        bars.add_task("looking for shots that are alike", total=None, speed="")
        found = clusters(
            without_copies(rows),
            loaded.reference,
            count,
            options.columns * options.rows,
            match.weights,
            _SHORTEST,
        )
    if len(found) < count:
        products.say(
            [f"Of {count} clusters {len(found)} were found: the archive has no more shots."]
        )
    for number, group in enumerate(found, 1):
        if shared := shared_by([(member.film, member.shot) for member in group.members]):
            products.say([f"Cluster {number}: {', '.join(shared)}."])
    return [[Cell(member.film, member.shot) for member in group.members] for group in found]


def _make(
    cells: Sequence[Cell],
    out: Path,
    options: GridOptions,
    monochrome: bool,
    limit: int | None,
    products: Products,
) -> None:
    """Look for the loops, and write the grid."""
    from kuleshov.edit.grid import fitting, grid, still
    from kuleshov.errors import MatchError
    from kuleshov.render.gif import Moving
    from kuleshov.render.options import Look, RenderOptions

    looped = _looped(cells, options)
    if not looped:
        raise MatchError("No shot that was found can be read: see `kuleshov relink`.")
    columns, rows = fitting(len(looped), options)
    if columns * rows < options.columns * options.rows:
        products.say(
            [
                f"{out.name} has {columns}x{rows} cells instead of {options.columns}x"
                f"{options.rows}: the archive has no more different shots of it."
            ]
        )
    timeline = grid(out.stem, looped, options)
    shown = looped[: columns * rows]
    if out.suffix.lower() == ".png":
        timeline = still(timeline, shown)
    # As many films stay open as there are cells: each is read in two places.
    render = RenderOptions(look=Look(monochrome=monochrome), idle_films=len(shown), threads=1)
    write(timeline, out, products, Moving(limit=limit), render, [_said(one) for one in shown])


def _looped(cells: Sequence[Cell], options: GridOptions) -> list[Looped]:
    from kuleshov.edit.grid import loops_of, rate_of
    from kuleshov.errors import MediaError

    with progress() as bars:
        task = bars.add_task("looking for loops", total=len(cells), speed="")

        def report(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of)

        length = options.length
        found = loops_of(cells, rate_of(cells), length, length, fill=True, progress=report)
    looped = []
    for one in found:
        if isinstance(one, MediaError):
            note(f"Not shown: {one}")
        else:
            looped.append(one)
    return looped


def _said(one: Looped) -> str:
    """Where a cell comes from."""
    footage = one.cell.film.footage
    return f"{footage.slate.title or footage.path.name} from {format_time(one.loop.start)}"
