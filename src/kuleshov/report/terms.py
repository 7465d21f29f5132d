"""Explain film terms in one sentence each, for readers of the page who do not know them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["TERMS", "terms_for"]

TERMS: Mapping[str, str] = {
    "average shot length": "The film's length over the number of its shots: the common measure of "
    "how fast a film is cut (Salt 1974).",
    "cut": "The instant at which one shot is followed by the next.",
    "dissolve": "One shot fades out while the next fades in over it, so that both are seen.",
    "fade": "A shot comes out of black or white, or goes into it.",
    "wipe": "The next shot pushes the one before aside, along a line that crosses the picture.",
    "rhyme": "Two shots, apart in time, that are alike: the second recalls the first.",
    "set-up": "One position of the camera; a film that cuts away and comes back uses it again.",
    "extreme close-up": "A part of a face, or a detail, fills the picture.",
    "close-up": "A head, with some of the shoulders, fills the picture.",
    "medium close-up": "A figure down to the chest.",
    "medium shot": "A figure down to the waist.",
    "medium long shot": "A figure down to the knees.",
    "long shot": "The whole figure, and the place that it is in.",
    "static": "The camera stands still.",
    "pan left": "The camera turns to the left on its foot, and what it sees moves to the right.",
    "pan right": "The camera turns to the right on its foot, and what it sees moves to the left.",
    "tilt up": "The camera turns upwards.",
    "tilt down": "The camera turns downwards.",
    "push in": "The camera moves or zooms towards what it shows, which grows.",
    "pull out": "The camera moves or zooms away from what it shows, and more comes into view.",
    "roll": "The camera turns around the line of its sight, and the horizon tips.",
    "handheld": "The camera is held by hand, and wavers with whoever holds it.",
    "low key": "A picture that is mostly dark, with few lights: night, menace, film noir.",
    "high key": "A picture that is mostly bright, with few shadows: comedy, dream, advertising.",
    "high contrast": "Bright and dark stand hard against each other.",
    "low contrast": "Bright and dark lie close together, as in fog or in faded film.",
    "black and white": "Film without colour.",
    "tinted": "One colour lies over the whole picture, as in silent films whose nights were blue.",
    "muted": "Colours that are weak, near to grey.",
    "title": "A card with words, between pictures.",
}
"""Each term and what it means."""


def terms_for(words: Collection[str]) -> dict[str, str]:
    """Return those of `TERMS` that occur among `words`, in the order of `TERMS`."""
    return {term: said for term, said in TERMS.items() if term in words}
