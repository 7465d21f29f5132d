"""`kuleshov recut`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from kuleshov.cli.common import (
    TIME,
    answer_json,
    archive_option,
    chosen_archive,
    encoder_option,
    film_option,
    json_option,
    make_room,
    networks,
    note,
    progress,
)
from kuleshov.cli.look import look_options
from kuleshov.cli.matching import filter_options, match_options, select_options
from kuleshov.cli.words import Words, words_options

if TYPE_CHECKING:
    from kuleshov.cli.look import Appearance
    from kuleshov.cli.work import Products
    from kuleshov.edit.recut import Titles
    from kuleshov.match.candidates import MatchOptions
    from kuleshov.match.filters import Filter
    from kuleshov.match.select import SelectOptions
    from kuleshov.render.options import Missing
    from kuleshov.timeline import Timeline


@click.command("recut")
@click.argument("source", type=click.Path(path_type=Path))
@film_option
@click.option("--in", "begin", type=TIME, help="Begin at this time of the source.")
@click.option("--out", "end", type=TIME, help="End at this time of the source.")
@click.option("--candidates", default=60, show_default=True, help="Clips considered for each shot.")
@match_options
@select_options
@filter_options
@click.option(
    "--titles",
    type=click.Choice(["match", "keep", "black"]),
    default="match",
    show_default=True,
    help="What becomes of title cards: answered like any shot, kept, or left black.",
)
@click.option(
    "--keep-bars",
    is_flag=True,
    help="Keep the source's black bars, which are else cut off: the film has its whole frame.",
)
@click.option("--allow-same", is_flag=True, help="Also offer material that the source shows.")
@look_options
@words_options
@encoder_option
@archive_option
@json_option
def command(
    source: Path,
    out: Path,
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
    words: Words,
    eyes: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Remake a film from the archive, shot for shot, to its own rhythm and sound.

    Beside OUT.mp4 it writes OUT.otio, the project, which editing programs open and `kuleshov
    render` renders again, and OUT.sheet.png, each shot beside the clip chosen for it. With
    --variants they are OUT-1.mp4, OUT-2.mp4 and so on.
    """
    from kuleshov.cli import work
    from kuleshov.edit.recut import RecutOptions

    check_output(out, source, appearance)
    match = replace(match, candidates=candidates, allow_same=allow_same)
    fit, shape = appearance.fit or "fill", appearance.shape
    options = RecutOptions(
        *(begin, end, fit, titles, match, choose), shape=shape, keep_bars=keep_bars
    )
    with networks(eyes) as loaded:
        films = work.make_recut(chosen_archive(root), source.absolute(), loaded, options, filters)
    products = work.Products()
    for number, made in enumerate(films, 1):
        path = out if len(films) == 1 else out.with_stem(f"{out.stem}-{number}")
        write(products, made, path, (appearance,), words)
    tell(products, as_json)


class Made(Protocol):
    """A film that was made, and sentences about it."""

    @property
    def timeline(self) -> Timeline:
        """The film."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it."""


def write(
    products: Products,
    made: Made,
    out: Path,
    looks: Sequence[Appearance],
    words: Words = Words(),
) -> None:
    """Write project, sheet and films of what was made, one film for each of `looks`."""
    from kuleshov.cli import work
    from kuleshov.edit.interchange import write_otio
    from kuleshov.edit.layouts import arranged
    from kuleshov.render.apart import apart
    from kuleshov.render.sheet import SheetOptions, sheet

    project = out.with_suffix(".otio")
    kept = work.keep_old(project)
    if kept:
        note(f"The project that was there is kept as {kept}.")
    whole = add_credits(products, made.timeline) if words.credits else made.timeline
    paired = any(track.name == "source" for track in whole.tracks)
    write_otio(arranged(whole, "side-by-side") if paired else whole, project)
    products.projects.append(project)
    products.notes += [text for text in made.notes if text not in products.notes]
    with progress() as bars:
        task = bars.add_task("drawing the sheet", total=None, speed="")

        def drawn(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of)

        drawing = out.with_suffix(".sheet.png")
        products.sheets += apart(sheet, made.timeline, drawing, SheetOptions(), progress=drawn)
    for look in looks:
        other = look.arrangement not in (None, "alone") and len(looks) > 1
        path = out.with_stem(f"{out.stem}-{look.arrangement}") if other else out
        write_film(products, whole, path, look, words)


def add_credits(products: Products, timeline: Timeline) -> Timeline:
    """The film with end credits; what is to be said of them is noted."""
    from kuleshov.cli.words import credited

    timeline, notes = credited(timeline)
    products.notes += [text for text in notes if text not in products.notes]
    return timeline


def write_film(
    products: Products,
    whole: Timeline,
    out: Path,
    appearance: Appearance,
    words: Words,
    missing: Missing = "refuse",
) -> None:
    """Render a film and, with credits, write their list; `whole` has its source too."""
    from kuleshov.cli import work
    from kuleshov.cli.words import write_list
    from kuleshov.edit.credits import credits_of

    made = work.render_film(whole, out, appearance, missing, captions=words.captions)
    products.films.append(made)
    if words.credits:
        shown = {track.name for track in appearance.arrange(whole).tracks}
        listed = credits_of(whole, shown)
        products.credits += write_list(listed, out.stem, out.with_suffix(""))


def check_output(out: Path, source: Path | None, appearance: Appearance) -> None:
    """Refuse an output that cannot be written, before any time is spent."""
    from kuleshov.letters import check_font

    check_font()
    suffixes = appearance.write.suffixes
    if out.suffix.lower() not in suffixes:
        wanted = " or ".join(suffixes)
        raise click.UsageError(f"-o must end in {wanted}, not {out.suffix or 'nothing'!r}.")
    make_room(out, source, "film", "source")
    for beside in (out.with_suffix(".otio"), out.with_suffix(".sheet.png")):
        if beside.is_dir():
            raise click.UsageError(
                f"{beside} is a folder, and would be written: rename one of them."
            )


def tell(products: Products, as_json: bool) -> None:
    """Say what was made and where it lies."""
    warnings = [*products.notes, *(w for film in products.films for w in film.warnings)]
    if as_json:
        films = [
            {
                "path": str(film.path),
                "frames": film.frames,
                "width": film.width,
                "height": film.height,
                "sound": film.sound,
            }
            for film in products.films
        ]
        answer_json(
            {
                "films": films,
                "projects": [str(path) for path in products.projects],
                "sheets": [str(path) for path in products.sheets],
                "credits": [str(path) for path in products.credits],
                "notes": warnings,
            }
        )
        return
    for text in warnings:
        note(f"Note: {text}")
    for film in products.films:
        size = f"{film.frames} frames, {film.width}x{film.height}, sound {film.sound}"
        click.echo(f"film     {film.path}  ({size})")
    for path in products.sheets:
        click.echo(f"sheet    {path}")
    for path in products.credits:
        click.echo(f"credits  {path}")
    for path in products.projects:
        click.echo(f"project  {path}")
