"""Read stills for the page as the contact sheet reads them, small, as text that stands in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.footage import Video
from kuleshov.jobs import QUIET, Job
from kuleshov.render.sheet import SheetOptions, rows
from kuleshov.timeline import Clip, Gap, Layout, Media, Timeline, Track

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ROOM", "Still", "embedded", "stills"]

ROOM = 9_000_000
"""Bytes of all pictures of a page together; as text they take a third more."""

_WIDTHS = (400, 320, 240, 160, 96, 64, 48)  # pixels, tried one after another
_QUALITIES = (80, 66, 50)
_MOST = 40_000  # bytes of one


@dataclass(frozen=True)
class Still:
    """A picture as a `data:` address, and its size in pixels."""

    address: str
    width: int
    height: int


def stills(
    path: Path, video: Video, times: Sequence[Fraction | None], job: Job = QUIET
) -> list[Still | None]:
    """Return the pictures of a film at these media times, in order; None for None.

    They are without bars, upright, and together take `ROOM` at most. Raises `MediaError`.
    """
    media = Media(path, bars=video.bars)
    items = tuple(Gap(1) if time is None else Clip(media, time, 1) for time in times)
    if not items:
        return []
    height = 480
    width = max(2, 2 * round(video.active_aspect * height / 2))
    layout = Layout.single(width, height)
    timeline = Timeline(path.stem, Fraction(25), layout, (Track("stills", items),))
    with job.step("reading its shots", of=len(items), unit="shots") as step:
        return [
            None if row.select is None else embedded(row.select, len(items))
            for row in step.over(rows(timeline, SheetOptions(still=_WIDTHS[0]), job=job))
        ]


def embedded(picture: Image, among: int) -> Still:
    """Return a picture as text, as large and as good as there is room for `among` of them."""
    room = min(_MOST, ROOM // max(1, among))
    data, size = b"", picture.size
    for width in _WIDTHS:
        if width > picture.width and width != _WIDTHS[-1]:
            continue
        height = max(1, round(picture.height * width / picture.width))
        small = picture.convert("RGB").resize((width, height))
        for quality in _QUALITIES:
            file = io.BytesIO()
            small.save(file, "JPEG", quality=quality, optimize=True)
            data, size = file.getvalue(), small.size
            if len(data) <= room:
                return _still(data, size)
    return _still(data, size)


def _still(data: bytes, size: tuple[int, int]) -> Still:
    return Still("data:image/jpeg;base64," + base64.b64encode(data).decode(), *size)
