"""The verb `kuleshov supercut`: make a film of everything that answers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.appearance import appearance_options
from kuleshov.cli.asking import ask_options
from kuleshov.cli.common import (
    TIME,
    Parsed,
    archive_option,
    encoder_option,
    film_option,
    json_option,
    this_job,
)
from kuleshov.cli.made import tell
from kuleshov.cli.many import ray_option, shared
from kuleshov.cli.matching import filter_options
from kuleshov.errors import UsageError
from kuleshov.timecode import parse_rate

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.appearance import Appearance
    from kuleshov.desk.asking import Ask
    from kuleshov.edit.supercut import Order


def _lengths(text: str) -> tuple[Fraction, Fraction]:
    low, _, high = text.partition("-")
    try:
        return Fraction(low), Fraction(high or low)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is not a length: write 0.5-3, in seconds.") from None


@click.command("supercut")
@ask_options
@film_option
@click.option(
    "--length",
    "longest",
    type=TIME,
    help="Length of the film at most.  [default: 60 s, or the length of the music]",
)
@click.option(
    "--order",
    type=click.Choice(["similar", "flow", "time", "shuffle"]),
    default="similar",
    show_default=True,
    help="Order of the shots: the best first, each cut as near to a match cut as can be, by file "
    "and time, or at random.",
)
@click.option(
    "--shot",
    type=Parsed("min-max", _lengths),
    default="0.5-3",
    show_default=True,
    help="Least and greatest length of a clip, in seconds. Without it, clips last up to twice as "
    "long if there are few shots.",
)
@click.option("--music", type=click.Path(path_type=Path), help="A song to cut to, on its beats.")
@click.option(
    "--sound",
    type=click.Choice(["own", "none"]),
    help="Sound of the film: the clips' own, or none.  [default: own, or the --music]",
)
@click.option("--seed", default=0, show_default=True, help="Random seed of --order shuffle.")
@click.option(
    "--rate",
    type=Parsed("rate", parse_rate),
    help="Frame rate of the film.  [default: that of most of the footage]",
)
@filter_options
@appearance_options
@ray_option("a large archive looked through for an example")
@encoder_option
@archive_option
@json_option
def command(
    ask: Ask,
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
    ray: str | None,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Make a film of all shots in the archive that answer, each once, at its best moment.

    Still shots last longest, lively ones shortest. Beside OUT.mp4 it writes OUT.otio, the project,
    and OUT.sheet.png. `--order flow` joins shots that end and begin alike, and moves their ends a
    little for it.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.products import write_made
    from kuleshov.edit.supercut import SupercutOptions

    given = click.get_current_context().get_parameter_source("shot")
    options = SupercutOptions(
        *(longest, order, shot, seed, rate, appearance.fit or "fill"),
        own_sound=sound != "none",
        shape=appearance.shape,
        # Who says how long clips are gets that; else they may be longer where shots are few.
        longest=None if given is click.core.ParameterSource.COMMANDLINE else 2 * shot[1],
    )
    _check(out, ask, music, sound, appearance)
    job = this_job()
    with Desk(root, encoder, job=job) as desk:
        with shared(desk, ray, job, ask):
            made = desk.supercut(ask, options, filters, music, job=job)
        products = write_made(made, out, (appearance,), job=job)
    tell(products, as_json)


def _check(
    out: Path, ask: Ask, music: Path | None, sound: str | None, appearance: Appearance
) -> None:
    """Refuse options that contradict each other or cannot be met, before any time is spent."""
    from kuleshov.cli.appearance import check_film
    from kuleshov.media.beats import check_music

    if appearance.arrangement not in (None, "alone") or appearance.gap:
        raise click.UsageError("A supercut has no source to lie beside: leave out --layout.")
    if appearance.finishing.tone_match:
        raise click.UsageError("A supercut has no source to take tones from: no --tone-match.")
    if music is not None and sound is not None:
        raise click.UsageError("With --music the song is the sound: leave out --sound.")
    for given in (ask.like, music):
        check_film(out, given, appearance)
    if music is not None:
        check_music()
