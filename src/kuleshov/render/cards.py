"""Draw cards, words on black, for the region of their track, and make end credits of them.

A card's paragraphs stand one below the other, centred; the first line of each is brighter and
larger. Sizes follow the height of the region, and everything stays within its middle four fifths.
What is too much for one card is set smaller, down to a limit, and then cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import av
import numpy as np
from numpy.typing import NDArray

from kuleshov.edit.credits import Credit, with_cards
from kuleshov.letters import Line, lost, shortened, wrapped
from kuleshov.notes import Note
from kuleshov.render.clips import BLACK, Cutting, planes_of
from kuleshov.timeline import Region, Timeline

__all__ = ["CardView", "entry", "luma_of_card", "pages", "with_credits"]

_SAFE = 0.8  # of width and height
_LINES = 26  # of the larger size to the height of a picture
_SMALLEST = 12  # pixels of the larger size
_DETAIL, _LEADING, _PARTED = 0.78, 1.28, 0.8  # of the larger size, of each size, of the larger size
_SHRINK, _LEAST = 0.9, 0.6
_BRIGHT, _DIM = 235, 160  # luma
_PAGE_S, _ENTRY_S, _LEAST_S = 1.0, 0.35, 3.0


@dataclass(frozen=True)
class _Set:
    """A line of a card in its place.

    `top` in pixels from the top of the text, `height` with its leading.
    """

    line: Line
    top: float
    height: float
    luma: int


class CardView:
    """A view of a card in a region: one picture, always the same.

    It stands where a clip's view does.
    """

    held = 0
    reader = None

    def __init__(self, text: str, region: Region) -> None:
        self._text, self._region = text, region
        self._view: tuple[av.VideoFrame, Cutting] | None = None

    def at(self, frame: int) -> tuple[av.VideoFrame, Cutting]:  # noqa: ARG002 - as of a clip
        """Return the picture, yuv420p, and a cutting that fills the region."""
        if self._view is None:
            width, height = self._region.width, self._region.height
            picture = av.VideoFrame(width, height, "yuv420p")
            luma, *chroma = planes_of(picture)
            luma[:] = luma_of_card(self._text, width, height)
            for plane in chroma:
                plane[:] = BLACK[1]
            self._view = picture, Cutting(0, 0, width, height, (width, height))
        return self._view


def luma_of_card(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """Return a card as luma (H, W) in limited range.

    Raises `RenderError` where no font can be read.
    """
    from PIL import Image, ImageDraw

    lines = _fitting(text, width, height)
    image = Image.new("L", (width, height), BLACK[0])
    pen = ImageDraw.Draw(image)
    above = (height - _height(lines)) / 2
    for part in lines:
        middle = above + part.top + part.height / 2
        part.line.draw(pen, (width / 2, middle), part.luma, "mm")
    return np.asarray(image)


def _fitting(text: str, width: int, height: int) -> list[_Set]:
    """Return the lines of a card, set as large as they may be, without those that find no place."""
    scale = 1.0
    lines = _set(text, width, height, scale)
    while _height(lines) > _SAFE * height and scale > _LEAST:
        scale *= _SHRINK
        lines = _set(text, width, height, scale)
    if _height(lines) <= _SAFE * height:
        return lines
    kept = [part for part in lines if part.top + part.height <= _SAFE * height]
    if kept:
        last = kept[-1]
        kept[-1] = replace(last, line=shortened(last.line, _SAFE * width))
    return kept


def _set(text: str, width: int, height: int, scale: float = 1.0) -> list[_Set]:
    large = max(_SMALLEST, height / _LINES) * scale
    lines: list[_Set] = []
    top = 0.0
    for paragraph in _paragraphs(text):
        top += large * _PARTED if lines else 0
        for number, row in enumerate(paragraph):
            size = large * (_DETAIL if number else 1)
            for part in wrapped(row, round(size), _SAFE * width):
                lines.append(_Set(part, top, size * _LEADING, _DIM if number else _BRIGHT))
                top += size * _LEADING
    return lines


def _paragraphs(text: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for row in text.splitlines():
        if row.strip():
            parts[-1].append(row)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _height(lines: Sequence[_Set]) -> float:
    return lines[-1].top + lines[-1].height if lines else 0.0


# ---------------------------------------------------------------- end credits


def with_credits(
    timeline: Timeline, credited: Sequence[Credit]
) -> tuple[Timeline, tuple[Note, ...]]:
    """Return the film with end credits in place of those it may have, and notes on them.

    Each page is shown for 1 s and 0.35 s an entry, at least 3 s.
    """
    region = timeline.layout.region(timeline.recut.region)
    texts = pages([entry(credit) for credit in credited], region.width, region.height)
    cards = [("\n\n".join(page), max(_LEAST_S, _PAGE_S + _ENTRY_S * len(page))) for page in texts]
    unset = [credit.title for credit in credited if lost(entry(credit).replace("\n", " "))]
    notes = [
        Note(
            "letters-missing",
            f"No font here has all letters of {title!r} in the credits: name one that has in "
            "KULESHOV_FONT.",
            {"title": title},
        )
        for title in unset
    ]
    return with_cards(timeline, cards), tuple(notes)


def entry(credit: Credit) -> str:
    """Return a card's text on one footage: its title, and below it who made it on what terms."""
    slate = credit.slate
    role = "source of the cut" if credit.source else ""
    below = " · ".join(part for part in (role, slate.author, slate.licence) if part)
    title = " ".join(credit.title.split())
    return f"{title}\n{below}" if below else title


def pages(entries: Sequence[str], width: int, height: int) -> list[list[str]]:
    """Return entries on as few pages as hold them at full size, about as many on each."""
    filled = _fill(entries, width, height, len(entries))
    if len(filled) < 2:
        return filled
    even = _fill(entries, width, height, -(-len(entries) // len(filled)))
    return even if len(even) == len(filled) else filled


def _fill(entries: Sequence[str], width: int, height: int, most: int) -> list[list[str]]:
    """Return pages in order, none with more than `most` entries or than its height holds."""
    result: list[list[str]] = []
    for text in entries:
        more = [*result[-1], text] if result else [text]
        fits = _height(_set("\n\n".join(more), width, height)) <= _SAFE * height
        if result and fits and len(more) <= most:
            result[-1] = more
        else:
            result.append([text])
    return result
