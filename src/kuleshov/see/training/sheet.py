"""Draw a contact sheet of pictures to train on, to look at before an hour is spent."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError
from kuleshov.files import write_bytes
from kuleshov.letters import Line, fitted, line
from kuleshov.see.training.gathering import evenly
from kuleshov.see.training.pictures import PictureOrigin, Pictures
from kuleshov.timecode import format_time

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["sheet"]

_MOST = 120
_ACROSS = 10
_WIDTH, _HEIGHT = 160, 108  # of a cell's picture
_CAPTION, _GAP, _MARGIN, _HEAD, _PART = 18, 8, 32, 92, 44
_GROUND, _BRIGHT, _TEXT, _DIM = (22, 22, 23), (240, 238, 234), (200, 198, 194), (128, 127, 125)


def sheet(pictures: Pictures, path: Path, title: str = "Pictures to train on") -> None:
    """Draw an even choice of at most 120 of what was taken, and some of what was not and why.

    Written to `path` as PNG or JPEG, by its name, whole or not at all. Raises UsageError for
    another name, OSError where it cannot be written.
    """
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path} is not a PNG or JPEG: name a sheet .png or .jpg.")
    taken = evenly(list(range(len(pictures))), _MOST)
    left = [(one.place, one.small, one.reason) for one in pictures.dropped]
    lines = math.ceil(len(taken) / _ACROSS) + math.ceil(len(left) / _ACROSS)
    width = 2 * _MARGIN + _ACROSS * (_WIDTH + _GAP) - _GAP
    height = _HEAD + lines * (_HEIGHT + _CAPTION + _GAP) + _PART * bool(left) + _MARGIN
    page = _page(width, height)
    from PIL import ImageDraw

    pen = ImageDraw.Draw(page)
    _put(pen, (_MARGIN, 22), fitted(title, 24, width - 2 * _MARGIN, plain=True), _BRIGHT)
    said = f"{len(pictures):,} taken" + _refused(pictures.refused)
    if len(taken) < len(pictures):
        said += f"   ·   {len(taken)} of them shown"
    _put(pen, (_MARGIN, 58), line(said, 14, plain=True), _TEXT)
    shown = [(pictures.places[k], pictures.pixels[k], "") for k in taken]
    y = _cells(page, pen, shown, _HEAD)
    if left:
        _put(pen, (_MARGIN, y + 12), line("Left out, some of it", 16, plain=True), _BRIGHT)
        _cells(page, pen, left, y + _PART)
    buffer = io.BytesIO()
    page.save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {"optimize": True}))
    write_bytes(path, buffer.getvalue())


def _refused(refused: Mapping[str, int]) -> str:
    total = sum(refused.values())
    if not total:
        return ", none left out"
    parts = ", ".join(f"{count:,} {reason}" for reason, count in refused.items())
    return f"   ·   {total:,} left out: {parts}"


def _cells(
    page: Image, pen: Any, shown: Sequence[tuple[PictureOrigin, NDArray[np.uint8], str]], y: int
) -> int:
    """Draw pictures with their places or reasons, and return where the next line begins.

    A place is where a picture is from, a reason why it is not taken.
    """
    from PIL.Image import fromarray

    for index, (place, pixels, reason) in enumerate(shown):
        row, column = divmod(index, _ACROSS)
        left = _MARGIN + column * (_WIDTH + _GAP)
        top = y + row * (_HEIGHT + _CAPTION + _GAP)
        small = fromarray(pixels)
        small.thumbnail((_WIDTH, _HEIGHT))
        page.paste(small, (left + (_WIDTH - small.width) // 2, top + _HEIGHT - small.height))
        time = line("" if place.time is None else f" {format_time(place.time)}", 10, plain=True)
        words = fitted(reason or place.path.stem, 10, _WIDTH - time.width, plain=True)
        colour, below = _TEXT if reason else _DIM, top + _HEIGHT + 3
        _put(pen, (left, below), words, colour)
        _put(pen, (left + words.width, below), time, colour)
    return y + math.ceil(len(shown) / _ACROSS) * (_HEIGHT + _CAPTION + _GAP)


def _page(width: int, height: int) -> Image:
    from PIL.Image import new

    return new("RGB", (width, height), _GROUND)


def _put(pen: Any, place: tuple[float, int], words: Line, colour: tuple[int, int, int]) -> None:
    words.draw(pen, place, colour)
