"""The options by which a film looks and is written, for every verb that writes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar, get_args

import click

from kuleshov.cli.common import Parsed
from kuleshov.edit.layouts import ARRANGEMENTS, Arrangement, arranged, check_size
from kuleshov.errors import UsageError
from kuleshov.media.codecs import PRESETS, Codec, Preset, WriteOptions
from kuleshov.render.options import Cadence, Look
from kuleshov.timeline import Fit, Layout, Timeline

__all__ = ["Appearance", "look_options", "write_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Appearance:
    """How a film is laid out, looks and is written. None leaves what the timeline has."""

    arrangement: Arrangement | None = None
    size: tuple[int | None, int] | None = None
    gap: int = 0
    fit: Fit | None = None
    write: WriteOptions = field(default_factory=WriteOptions)
    cadence: Cadence = "nearest"
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        # Said before any film is looked at. A width that is to be reckoned is even, and any gap
        # that is too wide for it is said later.
        width, height = self.size or (None, 16)
        check_size(width or max(16, self.gap + self.gap % 2), height, self.gap)

    @property
    def shape(self) -> Fraction | None:
        """Width over height of the recut's picture; None where it keeps its own."""
        if self.size is None or self.size[0] is None:
            return None
        return Fraction(self.size[0], self.size[1])

    def arrange(self, timeline: Timeline) -> Timeline:
        """The timeline as it is to be rendered: the recut alone where nothing else is asked for.

        A timeline of other programs that has no track `recut` keeps its layout but for its size.
        """
        shown = timeline.layout.region(timeline.recut.region)
        width, height = shown.width, shown.height
        if self.size is not None:
            height = self.size[1]
            width = self.size[0] or max(2, 2 * round(shown.width * height / shown.height / 2))
        if self.arrangement or any(track.name == "recut" for track in timeline.tracks):
            kind: Arrangement = self.arrangement or "alone"
            return arranged(timeline, kind, size=(width, height), gap=self.gap, fit=self.fit)
        if (self.size is None and self.fit is None) or len(timeline.layout.regions) > 1:
            return timeline
        layout = Layout.single(width, height, self.fit or shown.fit)
        return timeline.with_layout(layout)


def _size(text: str) -> tuple[int | None, int]:
    width, cross, height = text.lower().removesuffix("p").rpartition("x")
    try:
        return (int(width) if cross else None), int(height)
    except ValueError:
        raise UsageError(f"{text!r} is no size: write 1280x720, or 720 for the lines.") from None


def write_options(function: F) -> F:
    """`--codec`, `--crf`, `--preset`; the command gets them as `write`."""

    @click.option("--codec", type=click.Choice(get_args(Codec)), default="h264", show_default=True)
    @click.option(
        "--crf",
        type=int,
        help="How much is lost: 0 nothing, 51 (AV1: 63) most.  [default: 18, 20 or 26 by codec]",
    )
    @click.option(
        "--preset",
        type=click.Choice(PRESETS),
        default="medium",
        show_default=True,
        help="Slower ones make smaller files.",
    )
    @wraps(function)
    def command(*args: Any, codec: Codec, crf: int | None, preset: Preset, **others: Any) -> Any:
        return function(*args, write=WriteOptions(crf=crf, preset=preset, codec=codec), **others)

    return command  # type: ignore[return-value]


def look_options(function: F) -> F:
    """`--layout`, `--size`, `--codec` and the like; the command gets them as `appearance`."""

    @click.option(
        "--layout",
        type=click.Choice(ARRANGEMENTS),
        help="The remake alone (the default), beside its source, below it, or with the source "
        "small in a corner.",
    )
    @click.option(
        "--side-by-side", "layout", flag_value="side-by-side", help="The same as --layout."
    )
    @click.option("--gap", default=0, help="Pixels between the two pictures.", show_default=True)
    @click.option(
        "--size",
        type=Parsed("size", _size),
        help="Of the remake's picture: 1280x720, or 720 for its lines.",
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
        "--grain", type=click.FloatRange(0, 1), default=0.0, help="Put grain over it, 0 to 1."
    )
    @click.option(
        "--cadence",
        type=click.Choice(get_args(Cadence)),
        default="nearest",
        show_default=True,
        help="What footage of another frame rate shows between two of its pictures.",
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
        write: WriteOptions,
        **others: Any,
    ) -> Any:
        look = Look(tone_match, monochrome, grain)
        appearance = Appearance(layout, size, gap, fit, write, cadence, look)
        return function(*args, appearance=appearance, **others)

    return command  # type: ignore[return-value]
