"""Burn the name and media time of what is shown into a film.

A caption is drawn once for each text into small patches of luma and alpha, and blended into the
planes of a picture by NumPy; colour goes towards grey under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.edit.credits import known_slate
from kuleshov.letters import fitted, line
from kuleshov.render.clips import ClipView, Planes
from kuleshov.timeline import Timeline

__all__ = ["BurnIn", "running_time"]

_BLACK, _WHITE, _GREY = 16, 235, 128  # limited range


@dataclass(frozen=True)
class _Patch:
    """A drawn text, to be blended into a picture.

    What is kept of the picture below it, 0 to 1, and what is added, for luma (H, W) and chroma
    (H/2, W/2) float32. `base` is the row of the letters' feet; all even.
    """

    luma: tuple[NDArray[np.float32], NDArray[np.float32]]
    chroma: tuple[NDArray[np.float32], NDArray[np.float32]]
    base: int


def running_time(time: Fraction, rate: Fraction) -> str:
    """Return a time as `01:23.07`: minutes, seconds, and the picture within that second.

    From an hour on `1:01:23.07`. Timestamps that a container rounded count as what they mean.
    """
    count = round(time * rate)
    if abs(time * rate - count) < Fraction(1, 5):
        time = count / rate
    whole = int(time // 1)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    picture = int((time - whole) * rate // 1)
    return f"{f'{hours}:' if hours else ''}{minutes:02d}:{seconds:02d}.{picture:02d}"


class BurnIn:
    """A burn-in of name and media time into the lower left of the recut's region."""

    def __init__(self, timeline: Timeline) -> None:
        recut = timeline.recut
        self._track = recut.name
        region = timeline.layout.region(recut.region)
        self._size = max(12, round(region.height / 36))
        self._margin = max(4, round(region.height * 0.05) // 2 * 2)
        self._width = region.width - 2 * self._margin
        self._latest: tuple[str, _Patch] | None = None

    def burn(self, track: str, target: Planes, seen: list[tuple[Fraction, Any]]) -> None:
        """Write on the planes of a track's region what is in sight in it.

        In a dissolve that is the clip that is seen more, and the new one where both are seen as
        much.
        """
        clips = [(weight, n, v) for n, (weight, v) in enumerate(seen) if isinstance(v, ClipView)]
        if track != self._track or not clips:
            return
        view = max(clips, key=lambda found: found[:2])[2]
        if view.shown_time is None:
            return
        time = running_time(view.shown_time, view.reader.video.rate)
        name = known_slate(view.clip).title or view.clip.media.path.stem
        patch = self._patch(name, time)
        _blend(target, patch, self._margin, self._margin)

    def _patch(self, name: str, time: str) -> _Patch:
        if self._latest is None or self._latest[0] != f"{name}\n{time}":
            self._latest = f"{name}\n{time}", _drawn_patch(name, time, self._size, self._width)
        return self._latest[1]


def _drawn_patch(name: str, time: str, size: int, width: int) -> _Patch:
    """Return name and time drawn white with a thin dark edge.

    The name is cut where the line is too long.
    """
    edge = max(1, round(size / 10))
    # Figures one by one: each is drawn once, and then laid beside the others.
    figures = [_stamp(figure, size, edge) for figure in time]
    needed = sum(figure.advance for figure in figures) + size + 2 * edge
    shown = fitted(name, size, max(size, width - needed), plain=True).text
    stamps = [_stamp(shown, size, edge), *figures]
    base = max(stamp.base for stamp in stamps)
    base += base % 2
    height = base + max(len(stamp.around) - stamp.base for stamp in stamps)
    height += height % 2
    wide = min(width, stamps[0].advance + needed)
    wide += wide % 2
    around, letters = np.zeros((2, height, wide), np.float32)
    x = 0
    for number, stamp in enumerate(stamps):
        top, rows, columns = base - stamp.base, *stamp.around.shape
        for whole, part in ((around, stamp.around), (letters, stamp.letters)):
            under = whole[top : top + rows, x : x + columns]
            np.maximum(under, part[:, : under.shape[1]], out=under)
        x += stamp.advance + (0 if number else size)
    kept = (1 - around) * (1 - letters)
    added = _BLACK * around * (1 - letters) + _WHITE * letters
    coarse = kept.reshape(height // 2, 2, wide // 2, 2).mean(axis=(1, 3), dtype=np.float32)
    return _Patch((kept, added), (coarse, _GREY * (1 - coarse)), base)


@dataclass(frozen=True)
class _Stamp:
    """A drawn text: its `letters` and the wider shape `around` them, (H, W) float32 from 0 to 1.

    `base` is the row of the letters' feet; the next text begins `advance` pixels further on.
    """

    around: NDArray[np.float32]
    letters: NDArray[np.float32]
    base: int
    advance: int


@lru_cache(maxsize=256)
def _stamp(text: str, size: int, edge: int) -> _Stamp:
    from PIL import Image, ImageDraw

    part = line(text, size, plain=True)
    ascent, descent = part.font.getmetrics()
    base, advance = ascent + edge, round(part.width)
    masks = []
    for stroke in (edge, 0):
        mask = Image.new("L", (advance + 2 * edge + 2, base + descent + edge))
        pen = ImageDraw.Draw(mask)
        part.draw(pen, (edge, base), 255, "ls", stroke)
        masks.append(np.asarray(mask).astype(np.float32) / np.float32(255))
    return _Stamp(masks[0], masks[1], base, advance)


def _blend(target: Planes, patch: _Patch, left: int, bottom: int) -> None:
    """Blend a patch in, `left` pixels from the left and `bottom` from the bottom; both even."""
    height = patch.luma[0].shape[0]
    top = target[0].shape[0] - bottom - height
    if top < 0:
        return
    top -= top % 2
    for index, plane in enumerate(target):
        by = 2 if index else 1
        kept, added = patch.chroma if index else patch.luma
        part = plane[top // by :, left // by :][: kept.shape[0], : kept.shape[1]]
        rows, columns = part.shape
        part[:] = np.rint(part * kept[:rows, :columns] + added[:rows, :columns])
