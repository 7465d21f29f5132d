"""Tell what clips of other programs show whose pictures are in no file: bars, colours.

Kuleshov makes black of them only. For the others a card with their name stands in the film, and the
clip itself is kept, to be written again; see `project.file`. `opentimelineio` has no types, so
its objects are `Any` here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["is_black", "not_of_a_file"]

_BLACK = frozenset({"black", "blackvideo", "slug", "gap", "blank", "empty", "transparent"})
_COLOURS = ("solidcolor", "solidcolour", "solid", "color", "colour", "colormatte", "matte")
_LONGEST = 60  # letters of a name


def not_of_a_file(clip: Any) -> str:
    """Return in words what a clip shows where that is in no file; else an empty text.

    It is empty for a clip of a file, and for one whose file another program has lost.
    """
    import opentimelineio as otio

    reference = clip.media_reference
    known = (otio.schema.ExternalReference, otio.schema.MissingReference)
    if reference is None or isinstance(reference, known):
        return ""
    name = str(clip.name or reference.name or "a clip")[:_LONGEST]
    if isinstance(reference, otio.schema.GeneratorReference):
        kind = str(reference.generator_kind or "no kind")[:_LONGEST]
        return f"{name}: a generator ({kind})"
    if isinstance(reference, otio.schema.ImageSequenceReference):
        return f"{name}: numbered pictures"
    return f"{name}: {type(reference).__name__}"


def is_black(reference: Any) -> bool:
    """Return whether a generator makes black: one of that name, or a colour that is black."""
    kind = _plain(getattr(reference, "generator_kind", ""))
    if kind in _BLACK:
        return True
    if kind not in _COLOURS:
        return False
    given = {_plain(key): value for key, value in reference.parameters.items()}
    colour = next((given[key] for key in ("color", "colour", "rgb") if key in given), None)
    if isinstance(colour, str):
        return colour.strip().lower() in ("black", "#000", "#000000")
    if not isinstance(colour, Iterable):
        return False
    parts = list(colour)[:3]
    return len(parts) == 3 and all(part == 0 for part in parts)


def _plain(name: Any) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())
