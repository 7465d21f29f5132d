"""Lay out a recut and its source in one picture, in one of four arrangements."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal, get_args

from kuleshov.errors import UsageError
from kuleshov.footage import even
from kuleshov.timeline import Fit, Layout, Region, Timeline, Track

__all__ = ["ARRANGEMENTS", "Arrangement", "arranged", "check_size"]

Arrangement = Literal["alone", "side-by-side", "stacked", "inset"]
"""The recut alone, at the right of its source, below it, or with the source small in a corner."""

ARRANGEMENTS: tuple[Arrangement, ...] = get_args(Arrangement)

_INSET = Fraction(3, 10)  # of the picture's width
_MARGIN = Fraction(1, 30)  # of the picture's height, to its edges


def arranged(
    timeline: Timeline,
    arrangement: Arrangement = "alone",
    *,
    size: tuple[int, int] | None = None,
    gap: int = 0,
    fit: Fit | None = None,
) -> Timeline:
    """Return a timeline with its tracks `recut` and `source` laid out anew.

    `size`: width and height of the recut's picture (default: what it has); the film is larger where
    the source has a place of its own, which is as large. `gap`: pixels of black between the two.
    `fit`: how clips of another shape are shown (default: as before). Raises `TimelineError` where a
    track for it is missing, `UsageError` for sizes that cannot be.
    """
    region = timeline.layout.region(timeline.recut.region)
    width, height = size or (region.width, region.height)
    fit = fit or region.fit
    check_size(width, height, gap)
    if arrangement == "alone":
        only = timeline.with_layout(Layout.single(width, height, fit), ("recut",))
        return replace(only, tracks=(replace(only.tracks[0], region="main"),))
    # Editing programs lay later tracks above earlier ones: what they show is the remake.
    tracks = tuple(
        Track(name, found.items, found.transitions, "source" if name == "source" else "main")
        for name, found in ((name, timeline.track(name)) for name in ("source", "recut"))
    )
    return replace(timeline, layout=_layout(arrangement, (width, height), gap, fit), tracks=tracks)


def check_size(width: int, height: int, gap: int = 0) -> None:
    """Raise `UsageError` where a film cannot have a picture, or a gap, of that size."""
    if width < 16 or height < 16 or width % 2 or height % 2:
        raise UsageError(f"A film has even sides of at least 16 pixels, not {width}x{height}.")
    if gap < 0 or gap % 2 or gap > width:
        raise UsageError(f"A gap is an even number of pixels up to the picture's width, not {gap}.")


def _layout(arrangement: Arrangement, size: tuple[int, int], gap: int, fit: Fit) -> Layout:
    width, height = size
    if arrangement == "side-by-side":
        places = (0, 0), (width + gap, 0)
        whole = (2 * width + gap, height)
    elif arrangement == "stacked":
        places = (0, 0), (0, height + gap)
        whole = (width, 2 * height + gap)
    else:
        small = even(width * _INSET), even(height * _INSET)
        margin = even(height * _MARGIN)
        main = Region("main", 0, 0, width, height, fit)
        corner = (width - small[0] - margin, height - small[1] - margin)
        # Painted in order: the small one last, over the large one.
        return Layout(width, height, (main, Region("source", *corner, *small, "fit")))
    return Layout(
        *whole,
        (
            Region("source", *places[0], width, height, "fit"),
            Region("main", *places[1], width, height, fit),
        ),
    )
