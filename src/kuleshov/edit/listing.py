"""Lay answers one after another on a timeline, so that it can be drawn as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kuleshov.edit.focus import focus_of
from kuleshov.errors import UsageError
from kuleshov.match.align.candidates import Candidate
from kuleshov.timeline import Clip, Layout, Timeline, Track

__all__ = ["listed"]

_RATE = Fraction(25)
_SIZE = (640, 360)


def listed(
    name: str, found: Sequence[Candidate], reasons: Sequence[Sequence[str]] = ()
) -> Timeline:
    """Return a timeline of the clips in their order, with their scores and facets.

    Each lasts as long as it is.

    `reasons` are short words for each that a sheet shows beside it. Raises `UsageError` where
    there are none.
    """
    if not found:
        raise UsageError("Nothing was found, so there is no sheet to draw.")
    why = reasons or [()] * len(found)
    clips = tuple(_clip(each, words) for each, words in zip(found, why, strict=True))
    track = Track("recut", clips)
    about = {"kuleshov": {"listed": len(clips)}}
    return Timeline(name, _RATE, Layout.single(*_SIZE), (track,), metadata=about)


def _clip(found: Candidate, reasons: Sequence[str]) -> Clip:
    footage = found.film.footage
    return Clip(
        media=footage.media,
        start=found.media.start,
        duration=max(1, int(found.media.duration / found.speed * _RATE)),
        speed=found.speed,
        mirrored=found.mirrored,
        caption=footage.caption,
        usable=found.usable,
        metadata={"kuleshov": {**found.likeness, "marks": list(reasons)}},
        focus=focus_of(found.film, found.film.shot(found.shot), found.media, Fraction(*_SIZE)),
    )
