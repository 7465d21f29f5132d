"""Define tags: what film people would say of a shot, measured.

A tag is a kind, a word of that kind, and how far it holds. The words are those of `WORDS`, but for
recognised things, which are called by the names of the classes. `features/measuring` measures them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kuleshov.features.body_nets import COCO

__all__ = [
    "SENTENCES",
    "VERSION",
    "WORDS",
    "Tag",
    "as_data",
    "kind_of",
    "mirrored",
    "phrase",
    "phrases",
]

VERSION = 3
"""Grows when shots would be tagged otherwise; the archive then tags them anew."""

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
    "people": ("no people", "one person", "two people", "three people", "crowd"),
    "body": (
        "full figure",
        "from behind",
        "arms raised",
        "sitting",
        "crouching",
        "lying",
    ),
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
    "object": COCO[1:],
    "material": ("title",),
    "length": ("under 1 s", "1 to 3 s", "3 to 10 s", "over 10 s"),
}
"""The kinds of tags and the words of each, in the order in which people read them."""

SENTENCES: Mapping[str, str] = {
    "scale": "The scale of a shot is told from the height of its largest face, forehead to chin, "
    "by the proportions of a figure: a head and shoulders make a close-up, a figure to the waist a "
    "medium shot (value: parts of the picture's height); without a face there is none.",
    "faces": "Faces are found by BlazeFace (Bazarevsky et al. 2019) and believed where a network "
    "for landmarks (Kartynnik et al. 2019) sees one; the word is what most of the shot shows "
    "(value: mean number).",
    "face": "Left, centre or right is where the middle of the largest face lies: left of 40 %, "
    "right of 60 % of the picture's width (value: parts of the width).",
    "expression": "The expression is what a network for expressions says of a face that is at "
    "least a sixth of the picture high, averaged over the shot (value: its probability): how a "
    "face looks, not what somebody feels.",
    "people": "People are found by a detector of COCO's things (CenterNet, Zhou et al. 2019) and "
    "by MoveNet MultiPose, their faces as above; the word is what most of the shot shows, four and "
    "more are a crowd (value: mean number).",
    "body": "What a body does is told from the joints of the largest one that MoveNet MultiPose "
    "finds, and how they stand to each other (value: the part of the shot).",
    "camera": "What the camera does is the movement that most of the picture shares, by least "
    "squares from one frame to the next (value: picture sizes a second); what moves before it does "
    "not count.",
    "speed": "The speed is how fast the picture moves, camera and all, at a middle moment of the "
    "shot (value: picture sizes a second).",
    "light": "Low key is a picture of which more than half is dark and little is bright, high key "
    "one of which more than half is bright and little is dark, in CIELAB's lightness (value: the "
    "median, 0 to 100).",
    "contrast": "Contrast is the distance in lightness between the darkest and the brightest tenth "
    "of the picture (CIELAB; value: 0 to 100).",
    "colour": "Black and white has no colour anywhere, tinted film one colour everywhere; muted or "
    "colourful is told by the strongest and the usual colour (CIELAB's chroma; value: the chroma "
    "of the strongest colours, 0 to 1 as it is seen).",
    "hue": "The hues are those of the means of 4 x 4 places of the picture that are not grey, up "
    "to three (CIELAB's hue angle; value: the part of the picture).",
    "thing": "Things are classes of ImageNet that the network which encodes the pictures "
    "recognises (value: the probability).",
    "object": "Objects are what a detector of COCO's things finds, however much else there is "
    "(value: mean number).",
    "material": "A title card is told from a picture by small networks that know strokes, flat "
    "grounds and text (value: how sure).",
    "length": "The length is that of the shot without its transitions (value: seconds).",
}
"""For each kind one sentence: how it is computed, and from what."""


@dataclass(frozen=True)
class Tag:
    """A tag: `word` of `kind` holds by `share`, 0 to 1.

    `share` is how sure it is, or how much of the shot it is true of. `value` is what was measured,
    in the unit that its kind names, None where there is no number to it.
    """

    kind: str
    word: str
    share: float
    value: float | None = None


def kind_of(word: str) -> str | None:
    """Return the kind that a word of `WORDS` belongs to; None for any other."""
    return next((kind for kind, words in WORDS.items() if word in words), None)


_FLIPPED = {"left": "right", "right": "left", "pan left": "pan right", "pan right": "pan left"}


def mirrored(tags: Sequence[Tag]) -> tuple[Tag, ...]:
    """Return the tags of the same shot mirrored.

    Left is right, and a pan goes the other way.
    """
    return tuple(
        replace(tag, word=_FLIPPED.get(tag.word, tag.word))
        if tag.kind in ("face", "camera")
        else tag
        for tag in tags
    )


def as_data(tags: Sequence[Tag]) -> list[dict[str, object]]:
    """Return tags as data for a program."""
    return [
        {"kind": tag.kind, "word": tag.word, "share": tag.share, "value": tag.value} for tag in tags
    ]


def phrase(tag: Tag) -> str:
    """Return a tag as it reads by itself: "face left" and "slow movement"."""
    if tag.kind == "face":
        return f"face {tag.word}" if tag.word != "centre" else "face in the centre"
    if tag.kind == "expression":
        return f"{tag.word} face"
    if tag.kind == "speed":
        return "no movement" if tag.word == "still" else f"{tag.word} movement"
    if tag.kind == "camera":
        return {"static": "static camera", "handheld": "handheld camera"}.get(tag.word, tag.word)
    if tag.kind == "material":
        return "title card"
    return tag.word


def phrases(tags: Sequence[Tag]) -> str:
    """Return tags in a line, without what goes without saying: no faces, medium contrast."""
    return ", ".join(
        phrase(tag)
        for tag in tags
        if tag.word not in ("no face", "no people", "medium contrast") and tag.kind != "length"
    )
