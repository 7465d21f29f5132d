"""`kuleshov supercut`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    TIME,
    Networks,
    Parsed,
    archive_option,
    chosen_archive,
    encoder_option,
    film_option,
    json_option,
    networks,
    progress,
)
from kuleshov.cli.finding import Asked, Found, asked_options
from kuleshov.cli.look import look_options
from kuleshov.cli.matching import filter_options
from kuleshov.cli.words import Words, words_options
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from kuleshov.archive.archive import Archive
    from kuleshov.cli.look import Appearance
    from kuleshov.edit.supercut import Music, Order, Supercut, SupercutOptions
    from kuleshov.match.filters import Filter

_CLIPS = 2000  # looked at to find the best of each shot


def _lengths(text: str) -> tuple[Fraction, Fraction]:
    low, _, high = text.partition("-")
    try:
        return Fraction(low), Fraction(high or low)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is no length: write 0.5-3, in seconds.") from None


def _rate(text: str) -> Fraction:
    from kuleshov.timecode import nearest_standard_rate

    try:
        rate = Fraction(text)
        near = nearest_standard_rate(rate) if rate > 0 else rate
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is no frame rate: write 25, 23.976 or 24000/1001.") from None
    # People write 23.976 and mean 24000/1001.
    return near if abs(rate - near) < Fraction(1, 100) else rate


@click.command("supercut")
@asked_options
@film_option
@click.option(
    "--length",
    "longest",
    type=TIME,
    help="Of the film at most, in s.  [default: 60, or the length of the music]",
)
@click.option(
    "--order",
    type=click.Choice(["similar", "flow", "time", "shuffle"]),
    default="similar",
    show_default=True,
    help="The best first; each cut as near to a match cut as can be; by file and time; mixed.",
)
@click.option(
    "--shot",
    type=Parsed("min-max", _lengths),
    default="0.5-3",
    show_default=True,
    help="The least and the greatest length of a clip, in s.",
)
@click.option("--music", type=click.Path(path_type=Path), help="A song to cut to, on its beats.")
@click.option(
    "--sound",
    type=click.Choice(["own", "none"]),
    help="The clips' own sound, or none.  [default: own, but with --music that]",
)
@click.option("--seed", default=0, show_default=True, help="For --order shuffle.")
@click.option(
    "--rate", type=Parsed("rate", _rate), help="Frames a second.  [default: as most of the footage]"
)
@filter_options
@look_options
@words_options
@encoder_option
@archive_option
@json_option
def command(
    asked: Asked,
    out: Path,
    longest: Fraction | None,
    order: Order,
    shot: tuple[Fraction, Fraction],
    music: Path | None,
    sound: str | None,
    seed: int,
    rate: Fraction | None,
    filters: Filter,
    appearance: Appearance,
    words: Words,
    eyes: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Make a film of everything in the archive that answers, each shot once, at its best moment.

    Still shots last longest, lively ones shortest. Beside OUT.mp4 it writes OUT.otio, the project,
    and OUT.sheet.png. `--order flow` joins shots that end and begin alike, and moves their ends a
    little for it.
    """
    from kuleshov.cli import work
    from kuleshov.cli.recut import tell, write
    from kuleshov.edit.supercut import SupercutOptions

    given = click.get_current_context().get_parameter_source("shot")
    options = SupercutOptions(
        *(longest, order, shot, seed, rate, appearance.fit or "fill"),
        own_sound=sound != "none",
        shape=appearance.shape,
        # Who says how long clips are gets that; else they may be longer where shots are few.
        longest=None if given is click.core.ParameterSource.COMMANDLINE else 2 * shot[1],
    )
    _check(out, asked, music, sound, appearance)
    made = _make(asked, options, music, filters, eyes, root)
    products = work.Products()
    write(products, made, out, (appearance,), words)
    tell(products, as_json)


def _check(
    out: Path, asked: Asked, music: Path | None, sound: str | None, appearance: Appearance
) -> None:
    """Refuse what cannot be, before any time is spent."""
    from kuleshov.cli.recut import check_output
    from kuleshov.media.beats import check_music

    if appearance.arrangement not in (None, "alone") or appearance.gap:
        raise click.UsageError("A supercut has no source to lie beside: leave out --layout.")
    if appearance.look.tone_match:
        raise click.UsageError("A supercut has no source to take tones from: no --tone-match.")
    if music is not None and sound is not None:
        raise click.UsageError("With --music the song is the sound: leave out --sound.")
    for given in (asked.like, music):
        check_output(out, given, appearance)
    if music is not None:
        check_music()


def _make(
    asked: Asked,
    options: SupercutOptions,
    song: Path | None,
    filters: Filter,
    eyes: str | None,
    root: Path | None,
) -> Supercut:
    from kuleshov.archive.archive import open_archive
    from kuleshov.edit.supercut import supercut

    music = None if song is None else _music(song, options)
    with networks(eyes) as loaded, open_archive(chosen_archive(root)) as archive:
        found = _found(asked, options, archive, loaded, filters)
        clips, said = found.clear(asked.drift)
        with progress() as bars:
            bars.add_task("cutting", total=None, speed="")
            made = supercut(asked.name, clips, loaded.reference, options, music)
    return replace(made, notes=(*found.told, *said, *made.notes))


def _found(
    asked: Asked, options: SupercutOptions, archive: Archive, loaded: Networks, filters: Filter
) -> Found:
    """Clips as long as shots may be, and for the shots that are shorter, shorter ones."""
    from kuleshov.cli.finding import find
    from kuleshov.match.candidates import MatchOptions

    match = MatchOptions(candidates=_CLIPS, stretch=1.0)
    low, high = options.shot
    if asked.like is None or low == high:  # by words and bins each shot is found once
        return find(asked, high, archive, loaded, match, filters, fold=False)
    long = find(_shortened(asked, high), high, archive, loaded, match, filters, fold=False)
    short = find(_shortened(asked, low), low, archive, loaded, match, filters, fold=False)
    known = {(one.film.footage.id, one.shot) for one in long.candidates}
    more = [one for one in short.candidates if (one.film.footage.id, one.shot) not in known]
    notes = dict.fromkeys((*long.notes, *short.notes))
    return replace(long, candidates=(*long.candidates, *more), notes=tuple(notes))


def _shortened(asked: Asked, duration: Fraction) -> Asked:
    """An example that is no longer than the clips that answer it."""
    return replace(asked, length=min(asked.length, duration))


def _music(song: Path, options: SupercutOptions) -> Music:
    from kuleshov.edit.supercut import Music
    from kuleshov.media.beats import beats
    from kuleshov.media.guard import guarded
    from kuleshov.timeline import Media

    with progress() as bars:
        bars.add_task(f"listening to {song.name}", total=None, speed="")
        longest = None if options.length is None else float(options.length)
        found, length = guarded(beats, song, longest)
    return Music(Media(song.absolute()), tuple(found.tolist()), length)
