"""Words in pictures: which font has the letters, and how much of a text fits.

Fonts are tried in this order: the one that `KULESHOV_FONT` names, the bundled DejaVu Sans (Latin,
Greek, Cyrillic, Arabic, Hebrew, Georgian, Armenian and more), and fonts of the system for what that
lacks. Contact sheets, whose figures are set in Pillow's own font, try that before the bundled one.
A letter that no font has becomes a question mark, never a box.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kuleshov.errors import RenderError

__all__ = ["Line", "check_font", "fitted", "line", "lost", "shortened", "wrapped"]

_OWN = "KULESHOV_FONT"
_PILLOW = ""
_BUNDLED = str(Path(__file__).parent / "fonts" / "DejaVuSans.ttf")
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
