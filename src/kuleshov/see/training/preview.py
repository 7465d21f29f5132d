"""Draw what one looks at while a network learns: held-out pictures, and how losses fall."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["loss_plot", "preview_sheet"]

_GAP, _LINE = 6, 18
_INK = ("#c0392b", "#2471a3", "#1e8449", "#b7950b", "#6c3483", "#5f6a6a")


def preview_sheet(rows: Sequence[Sequence[NDArray[np.uint8]]], title: str) -> bytes:
    """Return a PNG of `rows`, each an input, an output and a target.

    They are (H, W, 3) uint8 of one size. Three rows stand side by side where there are more than
    three.
    """
    from PIL import Image, ImageDraw

    height, width = rows[0][0].shape[:2]
    beside = 2 if len(rows) > 3 else 1
    lines = -(-len(rows) // beside)
    block = len(rows[0]) * (width + _GAP)
    page = Image.new(
        "RGB", (beside * block + (beside - 1) * 2 * _GAP, lines * (height + _GAP) + 2 * _LINE)
    )
    pen = ImageDraw.Draw(page)
    pen.text((_GAP, 3), title, fill="white")
    for number, row in enumerate(rows):
        left, top = (number % beside) * (block + 2 * _GAP), 2 * _LINE
        top += (number // beside) * (height + _GAP)
        for place, picture in enumerate(row):
            page.paste(Image.fromarray(picture), (left + place * (width + _GAP), top))
            if number < beside:
                words = ("input", "output", "target")[place]
                pen.text((left + place * (width + _GAP) + 2, _LINE + 2), words, fill="white")
    return _png(page)


def loss_plot(history: Mapping[str, Sequence[float]], steps: Sequence[int]) -> bytes:
    """Return a PNG with one curve for each loss, over `steps`.

    Each has its own scale, said beside it.
    """
    from PIL import Image, ImageDraw

    width, height, margin = 900, 130, 40
    page = Image.new("RGB", (width, height * max(1, len(history)) + 20), "white")
    pen = ImageDraw.Draw(page)
    for place, (name, values) in enumerate(history.items()):
        top = place * height + 6
        low, high = min(values, default=0.0), max(values, default=1.0)
        span = (high - low) or 1.0
        first, last = (steps[0], steps[-1]) if steps else (0, 1)
        points = [
            (
                margin + (width - 2 * margin) * (step - first) / max(1, last - first),
                top + 20 + (height - 34) * (1 - (value - low) / span),
            )
            for step, value in zip(steps, values, strict=True)
        ]
        ink = _INK[place % len(_INK)]
        pen.text((margin, top), f"{name}: {low:.3g} to {high:.3g}, now {values[-1]:.3g}", fill=ink)
        if len(points) > 1:
            pen.line(points, fill=ink, width=2)
    if steps:
        pen.text((margin, page.height - 16), f"steps {steps[0]} to {steps[-1]}", fill="black")
    return _png(page)


def _png(page: object) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG")  # type: ignore[attr-defined]  # an image of Pillow
    return buffer.getvalue()
