"""Tags: what film people would say of a shot, measured.

A tag is a kind, a word of that kind, and how far it holds. The words are those of `WORDS`, but for
recognised things, which are called by the names of the classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["WORDS", "Tag"]

WORDS: Mapping[str, tuple[str, ...]] = {
    "scale": (
        "extreme close-up",
        "close-up",
        "medium close-up",
        "medium shot",
        "medium long shot",
        "long shot",
    ),
    "faces": ("no face", "one face", "two faces", "three faces", "many faces"),
    "face": ("left", "centre", "right"),
    "expression": ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral"),
    "camera": (
        "static",
        "pan left",
        "pan right",
        "tilt up",
        "tilt down",
        "push in",
        "pull out",
        "roll",
        "handheld",
    ),
    "speed": ("still", "slow", "moderate", "fast"),
    "light": ("low key", "even light", "high key"),
    "contrast": ("low contrast", "medium contrast", "high contrast"),
    "colour": ("black and white", "tinted", "muted", "colourful"),
    "hue": ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"),
    "thing": (),
    "material": ("title",),
    "length": ("under 1 s", "1 to 3 s", "3 to 10 s", "over 10 s"),
}
"""The kinds of tags and the words of each, in the order in which people read them."""


@dataclass(frozen=True)
class Tag:
    """`word` of `kind` holds by `share`, 0 to 1: how sure it is, or how much of the shot it is
    true of. `value` is what was measured, in the unit that its kind names, None where there is no
    number to it."""

    kind: str
    word: str
    share: float
    value: float | None = None
