"""Give a verb that writes a film the options of its layout, look and encoding."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from kuleshov.cli.common import Parsed
from kuleshov.desk.appearance import Appearance
from kuleshov.desk.room import check_output
from kuleshov.edit.layouts import ARRANGEMENTS, Arrangement
from kuleshov.errors import UsageError
from kuleshov.media.codecs import PRESETS, Codec, Preset, WriteOptions
from kuleshov.render.options import Cadence, Finishing
from kuleshov.timeline import Fit

__all__ = ["appearance_options", "check_film", "write_options"]

F = TypeVar("F", bound=Callable[..., Any])


def _size(text: str) -> tuple[int | None, int]:
    width, cross, height = text.lower().removesuffix("p").rpartition("x")
    try:
        return (int(width) if cross else None), int(height)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a size: write 1280x720, or 720 for the height."
        ) from None


def write_options(function: F) -> F:
    """Add `--codec`, `--crf` and `--preset`; the command gets them as `write`."""

    @click.option(
        "--codec",
        type=click.Choice(get_args(Codec)),
        default="h264",
        show_default=True,
        help="Codec of the film.",
    )
    @click.option(
        "--crf",
        type=int,
        help="Loss of quality: 0 (none) to 51 (AV1: 63).  [default: 18, 20 or 26 by codec]",
    )
    @click.option(
        "--preset",
        type=click.Choice(PRESETS),
        default="medium",
        show_default=True,
        help="Speed of the encoder; slower presets make smaller files.",
    )
    @wraps(function)
    def command(*args: Any, codec: Codec, crf: int | None, preset: Preset, **others: Any) -> Any:
        return function(*args, write=WriteOptions(crf=crf, preset=preset, codec=codec), **others)

    return command  # type: ignore[return-value]


def appearance_options(function: F) -> F:
    """Add `--layout`, `--size`, `--codec` and the like; the command gets them as `appearance`."""

    @click.option(
        "--layout",
        type=click.Choice(ARRANGEMENTS),
        help="The remake alone (the default), beside its source, below it, or with the source "
        "small in a corner.",
    )
    @click.option(
        "--side-by-side", "layout", flag_value="side-by-side", help="Same as --layout side-by-side."
    )
    @click.option("--gap", default=0, help="Pixels between the two pictures.", show_default=True)
    @click.option(
        "--size",
        type=Parsed("size", _size),
        help="Size of the remake's picture: 1280x720, or 720 for its height.",
    )
    @click.option(
        "--fit",
        type=click.Choice(get_args(Fit)),
        help="Clips of another shape fill the picture (the default), or fit into it.",
    )
    @click.option(
        "--tone-match",
        type=click.FloatRange(0, 1),
        default=0.0,
        help="Pull the tone of clips towards that of the shots they answer, 0 to 1.",
    )
    @click.option("--monochrome", is_flag=True, help="Take out the colour of the remake.")
    @click.option(
        "--grain", type=click.FloatRange(0, 1), default=0.0, help="Strength of added grain, 0 to 1."
    )
    @click.option(
        "--cadence",
        type=click.Choice(get_args(Cadence)),
        default="nearest",
        show_default=True,
        help="Show the nearest picture of footage with another frame rate, or blend two.",
    )
    @click.option(
        "--credits",
        "end_credits",
        is_flag=True,
        help="End with credits of all footage used, and write them to OUT.credits.txt and .json.",
    )
    @click.option(
        "--burn-in", is_flag=True, help="Burn in name and time of the footage that is shown."
    )
    @write_options
    @wraps(function)
    def command(
        *args: Any,
        layout: Arrangement | None,
        gap: int,
        size: tuple[int | None, int] | None,
        fit: Fit | None,
        tone_match: float,
        monochrome: bool,
        grain: float,
        cadence: Cadence,
        end_credits: bool,
        burn_in: bool,
        write: WriteOptions,
        **others: Any,
    ) -> Any:
        appearance = Appearance(
            *(layout, size, gap, fit, write, cadence),
            finishing=Finishing(tone_match, monochrome, grain),
            burn_in=burn_in,
            credits=end_credits,
        )
        return function(*args, appearance=appearance, **others)

    return command  # type: ignore[return-value]


def check_film(out: Path, given: Path | None, appearance: Appearance) -> None:
    """Refuse a film that cannot be written, or files beside it, before any time is spent."""
    endings = appearance.write.suffixes
    check_output(out, given, endings, beside=(".otio", ".sheet.png"))
