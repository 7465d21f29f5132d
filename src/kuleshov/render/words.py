"""Words in pictures: which font has the letters, and captions burnt into a film.

Fonts are tried in this order: the one that `KULESHOV_FONT` names, the bundled DejaVu Sans (Latin,
Greek, Cyrillic, Arabic, Hebrew, Georgian, Armenian and more), and fonts of the system for what that
lacks. Contact sheets, whose figures are set in Pillow's own font, try that before the bundled one.
A letter that no font has becomes a question mark, never a box.

A caption is drawn once for each text into small patches of luma and alpha, and blended into the
planes of a picture by NumPy; colour goes towards grey under it.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.edit.credits import known_slate
from kuleshov.errors import RenderError
from kuleshov.render.clips import ClipView, Planes
from kuleshov.timeline import Timeline

__all__ = [
    "Captions",
    "Line",
    "check_font",
    "fitted",
    "line",
    "lost",
    "running_time",
    "shortened",
    "wrapped",
]

_OWN = "KULESHOV_FONT"
_PILLOW = ""
_BUNDLED = str(Path(__file__).parents[1] / "fonts" / "DejaVuSans.ttf")
_SYSTEM = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansCJKsc-Regular.otf",
    "SourceHanSans-Regular.ttc",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "msyh.ttc",
    "msgothic.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
    "LeelawUI.ttf",
)
_NONE = "\U0010ffff"  # no font has a letter here
_BLACK, _WHITE, _GREY = 16, 235, 128  # limited range


@dataclass(frozen=True)
class Line:
    """A text as it can be drawn: `text` with letters that are lacking replaced, in `font`."""

    text: str
    font: Any

    @property
    def width(self) -> float:
        """Length in pixels."""
        return float(self.font.getlength(self.text))


def line(text: str, size: int, *, plain: bool = False) -> Line:
    """A text in the first font that has all its letters, else in the one that has most.

    `plain` leaves Pillow's own font out, which lacks accents and crowds its letters when small.
    Raises `RenderError` where `KULESHOV_FONT` names no font.
    """
    # Names of files may hold breaks of lines and bells, which would be drawn as such.
    text = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
    letters = frozenset(text)
    best = _best(letters, plain=plain)
    gone = {letter for letter in letters if not _has(best, letter)}
    return Line("".join("?" if letter in gone else letter for letter in text), _font(best, size))


def check_font() -> None:
    """Raises `RenderError` where `KULESHOV_FONT` names no font."""
    _names(plain=True)


def lost(text: str) -> bool:
    """True where no one font has all letters of a text."""
    letters = frozenset(text)
    return _lacking(_best(letters, plain=True), letters) > 0


def fitted(text: str, size: int, width: float, *, plain: bool = False) -> Line:
    """As much of a text as fits into `width` pixels, with an ellipsis for the rest."""
    drawn = line(text, size, plain=plain)
    return drawn if drawn.width <= width else shortened(drawn, width)


def shortened(drawn: Line, width: float) -> Line:
    """A line with an ellipsis at its end, and as much before it as fits into `width` pixels."""
    kept = drawn.text.rstrip()
    while kept and drawn.font.getlength(f"{kept}…") > width:
        kept = kept[:-1].rstrip()
    return Line(f"{kept}…", drawn.font)


def wrapped(text: str, size: int, width: float) -> list[Line]:
    """A text in lines of at most `width` pixels; what is longer than a line alone is broken."""
    drawn = line(text, size, plain=True)
    lines: list[str] = []
    for word in drawn.text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and drawn.font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and drawn.font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [Line(part, drawn.font) for part in lines]


def _names(plain: bool) -> tuple[str, ...]:
    own = os.environ.get(_OWN, "")
    if own:
        try:
            _font(own, 12)
        except OSError as error:
            raise RenderError(f"{_OWN} names {own}, which cannot be read as a font.") from error
    first = (own,) if own else ()
    return (*first, *(() if plain else (_PILLOW,)), _BUNDLED, *_SYSTEM)


def _best(letters: frozenset[str], *, plain: bool) -> str:
    """The first font that has these letters, else the first of those that have most."""
    names = _names(plain)
    best, least = names[0], len(letters) + 1
    for name in names:  # one by one: looking for fonts of the system takes its time
        if (lacking := _lacking(name, letters)) < least:
            best, least = name, lacking
        if not least:
            break
    return best


def _lacking(name: str, letters: frozenset[str]) -> int:
    return sum(not _has(name, letter) for letter in letters)


@lru_cache(maxsize=512)
def _font(name: str, size: int) -> Any:
    """A font by the name of its file; raises `OSError` where there is none."""
    from PIL import ImageFont

    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _box(name: str) -> tuple[tuple[int, int], bytes] | None:
    """What a font draws for a letter that it lacks; None where there is no such font."""
    try:
        return _drawn(name, _NONE)
    except OSError:
        return None


@lru_cache(maxsize=65536)
def _has(name: str, letter: str) -> bool:
    box = _box(name)
    if box is None or unicodedata.category(letter) == "Cs":  # half a letter, or none at all
        return False
    # Marks stand on other letters, and blanks and signs of direction draw nothing of their own.
    if letter.isspace() or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return True
    return _drawn(name, letter) != box


def _drawn(name: str, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(name, 24).getmask(letter)
    return mask.size, bytes(mask)


# ---------------------------------------------------------------- captions


@dataclass(frozen=True)
class _Patch:
    """A drawn text: what is kept of the picture below it, 0 to 1, and what is added, for luma
    (H, W) and chroma (H/2, W/2) float32. `base` is the row of the letters' feet; all even."""

    luma: tuple[NDArray[np.float32], NDArray[np.float32]]
    chroma: tuple[NDArray[np.float32], NDArray[np.float32]]
    base: int


def running_time(time: Fraction, rate: Fraction) -> str:
    """`01:23.07`: minutes, seconds, and the number of the picture within that second.

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


class Captions:
    """Burns name and media time of what the recut shows into the lower left of its region."""

    def __init__(self, timeline: Timeline) -> None:
        recut = timeline.recut
        self._track = recut.name
        region = timeline.layout.region(recut.region)
        self._size = max(12, round(region.height / 36))
        self._margin = max(4, round(region.height * 0.05) // 2 * 2)
        self._width = region.width - 2 * self._margin
        self._latest: tuple[str, _Patch] | None = None

    def burn(self, track: str, target: Planes, seen: list[tuple[Fraction, Any]]) -> None:
        """Write on the planes of a track's region what is in sight in it: in a dissolve, the clip
        that is seen more, the new one where both are seen as much."""
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
    """Name and time, white with a thin dark edge; the name is cut where the line is too long."""
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
    `base` is the row of the letters' feet; the next text begins `advance` pixels further on."""

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
        pen.text((edge, base), part.text, 255, part.font, anchor="ls", stroke_width=stroke)
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
