"""`kuleshov read`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import answer_json, json_option, make_room, networks, note, progress

if TYPE_CHECKING:
    from kuleshov.cli.common import Networks
    from kuleshov.read.film import FilmRead
    from kuleshov.read.stills import Still
    from kuleshov.timecode import TimeRange
    from kuleshov.timeline import Media, Timeline


@click.command("read")
@click.argument("film", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), help="The page.  [default: FILM.html]"
)
@json_option
def command(film: Path, out: Path | None, as_json: bool) -> None:
    """Read a film, or a project (.otio): a page on its shots, rhythm, light, colours and rhymes.

    Of a project each shot of the source is shown beside the clip that answers it, with what both
    share. The page is one HTML file that needs nothing beside it.
    """
    from kuleshov.files import write_bytes

    out = out or Path(f"{film.stem}.html")
    if out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"{out.name} is no page: let its name end in .html.")
    make_room(out, film, "page", "film")
    project = film.suffix.lower() == ".otio"
    with networks() as loaded:
        text, shots = _of_project(film, loaded) if project else _of_film(film, loaded)
    try:
        write_bytes(out, text.encode("utf-8", errors="replace"))
    except OSError as error:
        raise click.ClickException(f"{out} could not be written: {error.strerror}.") from error
    if as_json:
        answer_json({"page": str(out), "shots": shots, "bytes": out.stat().st_size})
    else:
        click.echo(f"{out}: {shots} shot{'s' if shots != 1 else ''}.")


def _of_film(path: Path, loaded: Networks) -> tuple[str, int]:
    """The page on a film, and how many shots it has."""
    from kuleshov.read.page import page

    film, pictures = _film(path, loaded, None)
    return page(film.slate.title or path.stem, film, pictures), len(film.shots)


def _film(
    path: Path, loaded: Networks, span: TimeRange | None, only: bool = False
) -> tuple[FilmRead, dict[int, Still]]:
    """What is told of a film, and its stills by number of the shot; `only` those of rhymes."""
    from kuleshov.cli import work
    from kuleshov.features.analyse import ARCHIVE_GRID
    from kuleshov.media.guard import guarded
    from kuleshov.read.film import read_film
    from kuleshov.read.stills import stills

    analysis, _ = work.analyse_source(path, loaded, grid=ARCHIVE_GRID)
    with progress() as bars:
        bars.add_task("listening, and comparing the shots", total=None, speed="")
        film = read_film(analysis, loaded.reference, span)
    rhyming = {number for rhyme in film.rhymes for number in (rhyme.first, rhyme.second)}
    shown = [shot for shot in film.shots if not only or shot.number in rhyming]
    with progress() as bars:
        bars.add_task("taking stills", total=None, speed="")
        found = guarded(stills, path, analysis.probe.video, [shot.still for shot in shown])
    pairs = zip(shown, found, strict=True)
    return film, {shot.number: still for shot, still in pairs if still is not None}


def _of_project(path: Path, loaded: Networks) -> tuple[str, int]:
    """The page on a recut, and how many shots it has."""
    from kuleshov.cli import work
    from kuleshov.errors import MediaError
    from kuleshov.media.guard import spared
    from kuleshov.read.answers import told_of
    from kuleshov.read.page import page

    timeline, notes = work.read_project(path)
    with progress() as bars:
        bars.add_task("taking stills of the clips", total=None, speed="")
        answered, missing = spared(told_of, timeline)
    notes = [*notes, *(f"Not to be seen here: {lost}." for lost in missing)]
    film, pictures = None, dict[int, "Still"]()
    media, span = _source(timeline)
    if media is None:
        notes.append("The project has no source beside its clips: its rhythm is not told.")
    else:
        try:
            film, pictures = _film(media.path, loaded, span, only=True)
        except MediaError as error:
            notes.append(f"The source's rhythm is not told: {error}")
    for text in notes:
        note(text)
    if answered and not any(answer.tags[1] for answer in answered):
        notes.append(
            "What the shots share is not in this project: it was made by an older Kuleshov."
        )
    used = {i.media.path for i in timeline.recut.items if hasattr(i, "media")}
    count = f"{len(answered)} shots from {len(used)} film{'s' if len(used) != 1 else ''}"
    title = timeline.name or path.stem
    return page(title, film, pictures, answered, notes, [("Recut", count)]), len(answered)


def _source(timeline: Timeline) -> tuple[Media | None, TimeRange | None]:
    """The source of a recut and the part of it that was remade, media time."""
    from kuleshov.timecode import TimeRange
    from kuleshov.timeline import Clip

    track = next((track for track in timeline.tracks if track.name == "source"), None)
    clips = [item for item in track.items if isinstance(item, Clip)] if track is not None else []
    if not clips:
        return None, None
    media = clips[0].media
    own = [clip for clip in clips if clip.media.path == media.path]
    shown = [clip.shown(timeline.rate) for clip in own]
    start, end = min(part.start for part in shown), max(part.end for part in shown)
    return media, TimeRange(max(Fraction(0), start), end)
