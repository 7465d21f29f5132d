"""The verbs `kuleshov see look` and `kuleshov see lenses`; `train` is in `cli.see_train`."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.appearance import write_options
from kuleshov.cli.common import (
    TIME,
    Parsed,
    answer_json,
    json_option,
    note,
    output_option,
    this_job,
)
from kuleshov.cli.hints import hinted
from kuleshov.errors import UsageError
from kuleshov.see.camera import LookOptions

if TYPE_CHECKING:
    from kuleshov.media.codecs import WriteOptions
    from kuleshov.see.films import Panel, Seen, ViewOptions
    from kuleshov.see.lens import Lens

_LATER = {"train": ("kuleshov.cli.see_train", "Train a lens on one kind of footage.")}
"""Verbs that are loaded only when they are called: module and help."""

_TRAINED = ("steps", "minutes")
"""What of a recipe is told to people."""

_DEFAULTS = LookOptions()


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_LATER, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATER:
            command: click.Command = importlib.import_module(_LATER[cmd_name][0]).command
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        told = {name: text for name, (_, text) in _LATER.items()}
        told |= {name: command.get_short_help_str() for name, command in self.commands.items()}
        with formatter.section("Verbs"):
            formatter.write_dl(list(told.items()))


@click.group("see", cls=_Verbs, subcommand_metavar="VERB ...")
def command() -> None:
    """Train a network on one kind of footage, and look through it.

    After Memo Akten's "Learning to See": a lens that knows only waves makes waves of whatever it
    is shown. Lenses are .see files; some come with Kuleshov and are called by their names.
    """


def _size(text: str) -> int | tuple[int, int]:
    width, cross, height = text.lower().removesuffix("p").rpartition("x")
    try:
        return (int(width), int(height)) if cross else int(height)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a size: write 256 for the shorter side, or 512x288."
        ) from None


@command.command("look", short_help="Look at a film or a picture through a lens.")
@click.argument("lens", metavar="LENS")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@output_option("The film, .mp4 or .mov; of a picture .png, .jpg or .webp.")
@click.option("--side-by-side", is_flag=True, help="The source on the left, the result beside it.")
@click.option("--show-input", is_flag=True, help="Also show what the lens is given.")
@click.option(
    "--size",
    type=Parsed("size", _size),
    help="Size of the result: its shorter side, or 512x288.  [default: that of the training]",
)
@click.option(
    "--smoothing",
    default=_DEFAULTS.smoothing,
    show_default=True,
    help="Smoothing: the share of the new picture after 1/25 s; 1 turns it off.",
)
@click.option(
    "--cut",
    default=_DEFAULTS.cut,
    show_default=True,
    help="Change of light, 0 to 1, that is taken for a cut of the source, where smoothing begins "
    "anew; 0 for never.",
)
@click.option(
    "--match-light",
    "match",
    default=_DEFAULTS.match,
    show_default=True,
    help="How far, 0 to 1, the light of each shot is brought to that of the pictures that the lens "
    "learnt from.",
)
@click.option("--brightness", default=_DEFAULTS.brightness, help="Light to add, -1 to 1.")
@click.option(
    "--contrast",
    default=_DEFAULTS.contrast,
    show_default=True,
    help="Contrast of the light, 0 to 10.",
)
@click.option("--blur", default=_DEFAULTS.blur, help="Blur of the input, in pixels.")
@click.option(
    "--threshold", type=float, help="Make pictures black and white at this light, 0 to 1."
)
@click.option(
    "--crop",
    default=_DEFAULTS.crop,
    show_default=True,
    help="Look at this part of the frame's width and height only.",
)
@click.option("--mirror", is_flag=True, help="Swap left and right.")
@click.option(
    "--keep-bars",
    is_flag=True,
    help="Look at a film's black bars too; by default they are cut off.",
)
@click.option(
    "--drift",
    default=_DEFAULTS.drift,
    show_default=True,
    help="How often a second the noise that textures grow from changes; 0 keeps it still.",
)
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="Random seed of the noise.")
@click.option(
    "--mix", metavar="OTHER", help="Cross-fade from LENS to OTHER; a picture gets half of each."
)
@click.option(
    "--mix-from", type=TIME, help="Time at which the mix begins.  [default: with the film]"
)
@click.option("--mix-to", type=TIME, help="Time at which the mix ends.  [default: with the film]")
@write_options
@json_option
def look(
    lens: str,
    source: Path,
    out: Path,
    side_by_side: bool,
    show_input: bool,
    keep_bars: bool,
    mix: str | None,
    mix_from: Fraction | None,
    mix_to: Fraction | None,
    write: WriteOptions,
    as_json: bool,
    **looks: Any,
) -> None:
    """Look at INPUT, a film or a picture, through LENS.

    LENS is a .see file or the name of a bundled one. The film has as many frames as the source, at
    the same times, and its sound.
    """
    options = LookOptions(**looks)
    if mix is None and (mix_from is not None or mix_to is not None):
        raise click.UsageError("--mix-from and --mix-to go with --mix.")
    _check_out(out, source, write)
    from kuleshov.see.bundled import lens_path
    from kuleshov.see.films import CrossFade, ViewOptions
    from kuleshov.see.lens import read_lens

    panels: list[Panel] = ["source"] if side_by_side else []
    panels += ["input"] if show_input else []
    fade = CrossFade(mix_from, mix_to)
    whole = ViewOptions(options, (*panels, "result"), fade, keep_bars, write)
    lenses = [read_lens(lens_path(name)) for name in (lens, mix) if name is not None]
    seen = _viewed(source, lenses, out, whole)
    for one in seen.warnings:
        note(hinted(one))
    if as_json:
        answer_json(_as_data(seen, source, lenses))
    else:
        film = "" if _names_picture(out) else f"{seen.frames} frames of "
        sound = "" if _names_picture(out) else f", sound {seen.sound}"
        click.echo(f"{seen.path}: {film}{seen.width}x{seen.height}{sound}.")


def _names_picture(out: Path) -> bool:
    from kuleshov.see.films import PICTURES

    return out.suffix.lower() in PICTURES


def _check_out(out: Path, source: Path, write: WriteOptions) -> None:
    """Refuse an output that cannot be written, before any time is spent."""
    from kuleshov.desk.room import make_room
    from kuleshov.see.films import PICTURES

    if out.suffix.lower() not in write.suffixes and not _names_picture(out):
        films, stills = " or ".join(write.suffixes), ", ".join(PICTURES)
        raise click.UsageError(
            f"-o ends in {films} for a film ({write.codec}), and in {stills} for a picture, not in "
            f"{out.suffix or 'nothing'!r}."
        )
    make_room(out, source, "file", "source")


def _viewed(source: Path, lenses: list[Lens], out: Path, options: ViewOptions) -> Seen:
    from kuleshov.files import remove_unfinished
    from kuleshov.media.guard import guarded
    from kuleshov.see.films import view

    return guarded(
        *(view, source, lenses, out, options),
        tidy=lambda process: remove_unfinished(out, process),
        job=this_job(),
    )


def _as_data(seen: Seen, source: Path, lenses: list[Lens]) -> dict[str, Any]:
    return {
        "output": str(seen.path),
        "source": str(source),
        "lenses": [lens.name for lens in lenses],
        "frames": seen.frames,
        "width": seen.width,
        "height": seen.height,
        "sound": seen.sound,
        "warnings": [hinted(one) for one in seen.warnings],
    }


@command.command("lenses", short_help="List the bundled lenses, or tell of one.")
@click.argument("lens", required=False)
@json_option
def lenses(lens: str | None, as_json: bool) -> None:
    """List the lenses that come with Kuleshov, or say what LENS is made of.

    LENS is a .see file or a bundled one's name: what it was trained on and on what terms that may
    be used, how, and what was measured of it.
    """
    from kuleshov.see.bundled import bundled_lenses, lens_path
    from kuleshov.see.lens import read_lens

    paths = list(bundled_lenses().values()) if lens is None else [lens_path(lens)]
    told = [_told(read_lens(path), path) for path in paths]
    if as_json:
        answer_json(told[0] if lens is not None else {"lenses": told})
    elif lens is not None:
        _tell(told[0])
    else:
        for one in told:
            of = ", ".join(origin["name"] for origin in one["origins"]) or "footage not named"
            click.echo(f"{one['name']:<16} {one['size']} pixels, of {of}")
        if not told:
            click.echo("No lenses come with this Kuleshov: train one with `kuleshov see train`.")


def _told(lens: Lens, path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(path),
        "name": lens.name,
        "size": lens.size,
        "bytes": len(lens.network),
        "abstraction": asdict(lens.abstraction),
        "tone": None if lens.tone is None else asdict(lens.tone),
        "origins": [asdict(origin) for origin in lens.origins],
        "recipe": lens.recipe,
        "measured": lens.measured,
    }


def _tell(told: dict[str, Any]) -> None:
    megabytes, recipe = told["bytes"] / 1e6, told["recipe"]
    click.echo(f"{told['name']}: {told['path']}, {megabytes:.1f} MB")
    for origin in told["origins"]:
        who = ", ".join(origin[k] for k in ("title", "author", "url") if origin[k])
        licence = origin["licence"] or "licence not stated"
        of = f"{origin['pictures']} pictures of {origin['name']}"
        click.echo(f"  {of}{f' ({who})' if who else ''}: {licence}")
    facts = [f"{recipe[name]} {name}" for name in _TRAINED if name in recipe]
    click.echo(f"  trained on {told['size']} pixels{''.join(f', {fact}' for fact in facts)}")
    measured = ", ".join(f"{name} {value:.3g}" for name, value in told["measured"].items())
    if measured:
        click.echo(f"  measured on pictures held out: {measured}")
    click.echo(f"  all of its recipe: kuleshov see lenses {told['path']} --json")
