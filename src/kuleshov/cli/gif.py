"""`kuleshov gif`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    archive_option,
    chosen_archive,
    encoder_option,
    json_option,
    networks,
    note,
    output_option,
)
from kuleshov.cli.finding import Asked, asked_options
from kuleshov.cli.matching import filter_options, match_options
from kuleshov.cli.moving import SIZE_LIMIT, Products, check_moving, tell, write
from kuleshov.timecode import format_time

if TYPE_CHECKING:
    from kuleshov.edit.grid import Cell, Looped
    from kuleshov.match.candidates import MatchOptions
    from kuleshov.match.filters import Filter
    from kuleshov.media.gif import GifTimes
    from kuleshov.render.gif import Moving
    from kuleshov.render.options import RenderOptions
    from kuleshov.timeline import Timeline

_WIDTH = 480
_SUFFIXES = (
    *(".gif", ".webp", ".png", ".apng", ".jpg", ".jpeg", ".mp4", ".mov", ".m4v", ".mkv", ".webm"),
    *(".avi", ".mpg", ".mpeg", ".ts", ".mxf", ".ogv", ".wmv", ".flv", ".3gp"),
)
_SHORTEST, _LONGEST = Fraction(1), Fraction(4)  # s of an answer


@click.command("gif")
@asked_options
@output_option("The answer: .gif, .webp or .mp4.")
@click.option("--caption", default="", metavar="TEXT", help="Words at the bottom.")
@click.option("--max-size", "limit", type=SIZE_LIMIT, help="Of the file: 8MB, 500kB.")
@click.option(
    "--width",
    type=click.IntRange(32, 3840),
    help="In pixels.  [default: 480, or the source's where that is less]",
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
    asked: Asked,
    out: Path,
    caption: str,
    limit: int | None,
    width: int | None,
    fps: float | None,
    monochrome: bool,
    match: MatchOptions,
    filters: Filter,
    eyes: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Make a GIF of the archive: remake one, or answer words.

    Where WORDS name a file, it is remade: its shots, the length of each picture and how often it is
    played are kept, and the archive plays them. Else the best moment of the best shot is taken, as
    a loop. To limit its size, first fewer pictures a second are shown, then fewer colours; then the
    picture gets smaller. Beside it OUT.otio is written, the project.
    """
    from kuleshov.render.gif import Moving
    from kuleshov.render.options import Look, RenderOptions

    source = _source(asked)
    check_moving(out, source or asked.like)
    if limit is not None and out.suffix.lower() == ".mp4":
        raise click.UsageError("--max-size is for .gif and .webp.")
    if width is not None and width % 2:
        raise click.UsageError(f"--width must be even, not {width}.")
    moving = Moving(None if fps is None else Fraction(fps).limit_denominator(1000), limit)
    options = RenderOptions(look=Look(monochrome=monochrome), legend=caption)
    products = Products()
    if source is not None:
        _remake(source, out, products, moving, options, width, match, filters, eyes, root)
    else:
        _answer(asked, out, products, moving, options, width, match, filters, eyes, root)
    tell(products, as_json)


def _source(asked: Asked) -> Path | None:
    """The file that is meant, None for words. Raises `UsageError` for a file that is not there."""
    if asked.words is None:
        return None
    path = Path(asked.words).expanduser()
    try:
        if path.is_file():
            return path.absolute()
        known = path.exists()
    except (OSError, ValueError):  # too long for a path: words
        return None
    if known:
        what = "a folder" if path.is_dir() else "no regular file"
        raise click.UsageError(f"{path} is {what}: name a GIF or a film, or write words.")
    if path.suffix.lower() in _SUFFIXES:
        raise click.UsageError(f"{path} is not there: name a GIF or a film, or write words.")
    return None


def _remake(
    source: Path,
    out: Path,
    products: Products,
    moving: Moving,
    options: RenderOptions,
    width: int | None,
    match: MatchOptions,
    filters: Filter,
    eyes: str | None,
    root: Path | None,
) -> None:
    """The source's shots, delays and loop, played by the archive."""
    from kuleshov.cli import work
    from kuleshov.edit.layouts import arranged
    from kuleshov.edit.recut import RecutOptions
    from kuleshov.media.gif import TICK, read_times
    from kuleshov.media.guard import guarded

    # A film has one frame rate; only a GIF keeps how long each picture stays.
    times = None if out.suffix.lower() == ".mp4" else guarded(read_times, source)
    # On a clock of a GIF's own ticks each of its pictures has its instant, whatever its delay.
    recut = RecutOptions(match=match, rate=None if times is None else 1 / TICK)
    with networks(eyes) as loaded:
        made = work.make_recut(chosen_archive(root), source, loaded, recut, filters)[0]
    products.say([text for text in made.notes if "no constant frame rate" not in text])
    timeline = made.timeline
    region = timeline.layout.region(timeline.recut.region)
    wide = width or min(_WIDTH, region.width)
    size = (wide, max(16, 2 * round(region.height * wide / region.width / 2)))
    timeline = replace(arranged(timeline, "alone", size=size), sound=None)
    if times is not None and moving.fps is None:
        moving = _timed(timeline, times, moving)
    write(timeline, out, products, moving, options, [source.name])


def _timed(timeline: Timeline, times: GifTimes, moving: Moving) -> Moving:
    """The GIF's own pictures: those of the timeline at its instants, as long as they stay."""
    starts, clock = [], 0
    for delay in times.delays:
        starts.append(min(clock, timeline.duration - 1))
        clock += delay
    return replace(moving, delays=times.delays, frames=tuple(starts), loop=times.loop)


def _answer(
    asked: Asked,
    out: Path,
    products: Products,
    moving: Moving,
    options: RenderOptions,
    width: int | None,
    match: MatchOptions,
    filters: Filter,
    eyes: str | None,
    root: Path | None,
) -> None:
    """The best moment of the best shot, as a loop."""
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli.finding import find
    from kuleshov.edit.grid import Cell
    from kuleshov.errors import MatchError

    with networks(eyes) as loaded, open_archive(chosen_archive(root)) as archive:
        found = find(asked, asked.length, archive, loaded, match, filters)
    products.say(found.told)
    clips = (*(one.candidate for one in found.named), *found.candidates)
    # A shot that is shorter than a second is taken only where there is no other.
    ranked = sorted(clips, key=lambda c: c.usable.duration < _SHORTEST)
    looped: Looped | None = None
    for one in ranked:
        near = None if asked.bin is not None else one.media
        cell = Cell(one.film, one.film.shot(one.shot), near, one.mirrored)
        looped = _looped(cell)
        if looped is not None:
            break
    if looped is None:
        raise MatchError("No shot that was found can be read: see `kuleshov relink`.")
    footage = looped.cell.film.footage
    said = f"{footage.slate.title or footage.path.name} from {format_time(looped.loop.start)}"
    products.say([f"It shows {said}."])
    write(_timeline(looped, out.stem, width), out, products, moving, options, [said])


def _looped(cell: Cell) -> Looped | None:
    """The loop of a shot; None, with a note, where it cannot be read."""
    from kuleshov.edit.grid import loop_of, rate_of
    from kuleshov.errors import MediaError

    try:
        return loop_of(cell, rate_of([cell]), _SHORTEST, _LONGEST)
    except MediaError as error:
        note(f"Not shown: {error}")
        return None


def _timeline(looped: Looped, name: str, width: int | None) -> Timeline:
    """A film of one loop, once."""
    from kuleshov.timeline import Layout, Timeline

    video = looped.cell.film.footage.probe.video
    wide = width or min(_WIDTH, max(32, video.active_size[0] // 2 * 2))
    high = max(16, 2 * round(wide / video.active_aspect / 2))
    track = looped.track("recut", "main", looped.loop.frames)
    return Timeline(name, looped.rate, Layout.single(wide, high), (track,))
