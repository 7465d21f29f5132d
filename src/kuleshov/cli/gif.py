"""The verb `kuleshov gif`: remake a GIF, or make one that answers words."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.asking import ask_options
from kuleshov.cli.common import (
    SIZE_LIMIT,
    archive_option,
    encoder_option,
    json_option,
    output_option,
    this_job,
)
from kuleshov.cli.made import tell
from kuleshov.cli.matching import filter_options, match_options

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.asking import Ask
    from kuleshov.match.align.candidates import MatchOptions

_SUFFIXES = (
    *(".gif", ".webp", ".png", ".apng", ".jpg", ".jpeg", ".mp4", ".mov", ".m4v", ".mkv", ".webm"),
    *(".avi", ".mpg", ".mpeg", ".ts", ".mxf", ".ogv", ".wmv", ".flv", ".3gp"),
)


@click.command("gif")
@ask_options
@output_option("The answer: .gif, .webp or .mp4.")
@click.option("--caption", default="", metavar="TEXT", help="Caption at the bottom of the picture.")
@click.option("--max-size", "limit", type=SIZE_LIMIT, help="Size limit of the file: 8MB, 500kB.")
@click.option(
    "--width",
    type=click.IntRange(32, 3840),
    help="Width in pixels.  [default: 480, or the source's where that is less]",
)
@click.option(
    "--fps",
    type=click.FloatRange(1, 50),
    help="Pictures a second at most.  [default: 15 (GIF), 25 (WebP); those of a GIF that is the "
    "source]",
)
@click.option("--monochrome", is_flag=True, help="Take out the colour.")
@match_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    ask: Ask,
    out: Path,
    caption: str,
    limit: int | None,
    width: int | None,
    fps: float | None,
    monochrome: bool,
    match: MatchOptions,
    filters: Filter,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Make a GIF of the archive: remake one, or answer words.

    Where WORDS name a file, it is remade: its shots, the length of each picture and how often it is
    played are kept, and the archive plays them. Else the best moment of the best shot is taken, as
    a loop. To limit its size, first fewer pictures a second are shown, then fewer colours; then the
    picture gets smaller. Beside it OUT.otio is written, the project.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.loops import gif, remade_gif
    from kuleshov.desk.products import MOVING, Products, write_moving
    from kuleshov.desk.room import check_output
    from kuleshov.render.gif import Moving
    from kuleshov.render.options import Finishing, RenderOptions

    source = _source(ask)
    check_output(out, source or ask.like, (".mp4", *MOVING), what="file")
    timed = out.suffix.lower() in MOVING
    if limit is not None and not timed:
        raise click.UsageError("--max-size is for .gif and .webp.")
    if width is not None and width % 2:
        raise click.UsageError(f"--width must be even, not {width}.")
    moving = Moving(None if fps is None else Fraction(fps).limit_denominator(1000), limit)
    options = RenderOptions(finishing=Finishing(monochrome=monochrome), legend=caption)
    job = this_job()
    with Desk(root, encoder, job=job) as desk:
        if source is not None:
            made = remade_gif(
                *(desk, source, moving, match, filters), width=width, timed=timed, job=job
            )
        else:
            made = gif(desk, ask, out.stem, moving, match, filters, width=width, job=job)
        products = Products(notes=made.notes)
        products += write_moving(made.timeline, out, made.moving, options, made.shown, job=job)
    tell(products, as_json, moving=True)


def _source(ask: Ask) -> Path | None:
    """Return the file that `WORDS` name, or None where they are words.

    Raises `UsageError` for a file that is not there.
    """
    if ask.words is None:
        return None
    path = Path(ask.words).expanduser()
    try:
        if path.is_file():
            return path.absolute()
        known = path.exists()
    except (OSError, ValueError):  # too long for a path: words
        return None
    if known:
        what = "a folder" if path.is_dir() else "not a regular file"
        raise click.UsageError(f"{path} is {what}: name a GIF or a film, or write words.")
    if path.suffix.lower() in _SUFFIXES:
        raise click.UsageError(f"{path} is not there: name a GIF or a film, or write words.")
    return None
