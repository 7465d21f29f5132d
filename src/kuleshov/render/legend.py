"""Write words at the bottom of a picture, large, white with a black edge: a GIF's caption.

As large as the width of the picture lets them be; in lines, of which there are as few as can be
read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError
from kuleshov.letters import Line, line, wrapped
from kuleshov.render.clips import Planes
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import Timeline

__all__ = ["Legend", "legend_of"]

_BLACK, _WHITE, _GREY = 16, 235, 128  # limited range
_LARGEST, _SMALLEST = 9, 22  # parts of the picture's shorter side
_LEAST = 10  # pixels; smaller letters cannot be read
_LINES = 3  # that letters are made smaller for
_HIGH = 0.6  # of the picture that words may take
_MARGIN = 0.04  # of the width on both sides, and of the height at the bottom


class Legend:
    """A legend: words for pictures of `width` by `height`.

    Raises `UsageError` where they have no room.
    """

    def __init__(self, text: str, width: int, height: int) -> None:
        lines, size = _set(text, width, height)
        edge = max(1, round(size / 9))
        letters, around = (_drawn(lines, size, stroke, width) for stroke in (0, edge))
        kept = (1 - around) * (1 - letters)
        added = _BLACK * around * (1 - letters) + _WHITE * letters
        high = len(kept)
        coarse = kept.reshape(high // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float32)
        self._luma = kept, added
        self._chroma = coarse, _GREY * (1 - coarse)
        bottom = round(height * _MARGIN / 2) * 2
        self._top = max(0, height - bottom - high)
        self._top -= self._top % 2

    def burn(self, planes: Planes) -> None:
        """Write the words on the planes of a whole picture."""
        for index, plane in enumerate(planes):
            top = self._top // (2 if index else 1)
            kept, added = self._chroma if index else self._luma
            part = plane[top : top + len(kept)]
            rows = len(part)
            part[:] = np.rint(part * kept[:rows] + added[:rows])


def legend_of(timeline: Timeline, options: RenderOptions) -> Legend | None:
    """Return the legend of a film, None where it has none."""
    layout = timeline.layout
    text = options.legend.strip()
    return Legend(text, layout.width, layout.height) if text else None


def _set(text: str, width: int, height: int) -> tuple[list[Line], int]:
    """Return the words in lines, and the size of their letters."""
    room = width * (1 - 2 * _MARGIN)
    short = min(width, height)
    largest = max(_LEAST, round(short / _LARGEST))
    smallest = max(_LEAST, round(short / _SMALLEST))
    lines: list[Line] = []
    size = largest
    for size in range(largest, smallest - 1, -1):
        lines = [part for given in text.splitlines() for part in wrapped(given, size, room)]
        unbroken = all(line(w, size, plain=True).width <= room for w in text.split())
        if len(lines) <= _LINES and unbroken and _tall(lines) <= height * _HIGH:
            break
    if not lines or _tall(lines) > height * _HIGH:
        raise UsageError(
            f"The caption has no room in a picture of {width}x{height}: shorten it, or make the "
            "picture larger."
        )
    return lines, size


def _tall(lines: list[Line]) -> int:
    return sum(sum(part.font.getmetrics()) for part in lines)


def _drawn(lines: list[Line], size: int, stroke: int, width: int) -> NDArray[np.float32]:
    """Return centred lines with a stroke around the letters, (H, `width`) float32 from 0 to 1.

    H is even.
    """
    from PIL import Image, ImageDraw

    edge = max(1, round(size / 9))
    ascent, descent = lines[0].font.getmetrics()
    high = (ascent + descent) * len(lines) + 2 * edge
    mask = Image.new("L", (width, high + high % 2))
    pen = ImageDraw.Draw(mask)
    for number, part in enumerate(lines):
        base = edge + ascent + number * (ascent + descent)
        middle = (width / 2, base)
        # Thin letters are made bolder by a little stroke of their own.
        bold = max(0, round(size / 40)) if not stroke else 0
        part.draw(pen, middle, 255, "ms", stroke + bold)
    return np.asarray(mask).astype(np.float32) / np.float32(255)
