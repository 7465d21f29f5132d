"""Set words in pictures: which fonts have the letters, and how much of a text fits.

Fonts are tried in this order: the one that `KULESHOV_FONT` names, the bundled DejaVu Sans (Latin,
Greek, Cyrillic, Arabic, Hebrew, Georgian, Armenian and more), and fonts of the system for what that
lacks (Chinese, Japanese, Korean, emoji). Contact sheets, whose figures are set in Pillow's own
font, try that before the bundled one. A text is set in one font where one has all of it; else what
the best one lacks is set in others. A letter that no font has becomes a question mark, never a box,
and what to install is said once.
"""

from __future__ import annotations

import logging
import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kuleshov.errors import RenderError

__all__ = ["Line", "check_font", "fitted", "line", "lost", "shortened", "wrapped"]

_LOG = logging.getLogger(__name__)
_OWN = "KULESHOV_FONT"
_PILLOW = ""
_BUNDLED = str(Path(__file__).parent / "fonts" / "DejaVuSans.ttf")
# Names of files, the best first; what else the system has is tried after these.
_SYSTEM = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKjp-Regular.otf", "NotoSansCJKsc-Regular.otf"),
    *("SourceHanSans-Regular.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc"),
    *("DroidSansFallbackFull.ttf", "DroidSansFallback.ttf"),
    *("Arial Unicode.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc"),
    *("msyh.ttc", "msgothic.ttc", "YuGothM.ttc", "malgun.ttf", "Nirmala.ttf", "LeelawUI.ttf"),
    *("NotoSansThai-Regular.ttf", "NotoSansDevanagari-Regular.ttf"),
    *("NotoColorEmoji.ttf", "Apple Color Emoji.ttc", "seguiemj.ttf", "NotoEmoji-Regular.ttf"),
    *("Symbola.ttf", "seguisym.ttf", "NotoSansSymbols2-Regular.ttf"),
)
_ENDINGS = (".ttf", ".ttc", ".otf", ".otc")
_CUTS = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono", "serif")
_MOST = 400  # fonts of a system that are tried
_BITMAPS = (109, 160, 136, 128, 96, 64)  # pixels; fonts of coloured pictures have one size
_TALL = 1.15  # such a picture's height over the size of the letters beside it
_NONE = "\U0010ffff"  # no font has a letter here
_SAMPLE = 12  # letters that are shown of those that are lacking


@dataclass(frozen=True)
class Line:
    """A line of text as it can be drawn.

    `text` has letters that are lacking replaced; `parts` tell in which font each part of it is set.
    `font` is the one of most of it, by which the line is as high.
    """

    text: str
    parts: tuple[tuple[str, str], ...]
    main: str
    size: int

    @property
    def font(self) -> Any:
        """The font of Pillow for most of the text."""
        return _font(self.main, self.size)

    @property
    def width(self) -> float:
        """The length in pixels."""
        return sum(_length(name, part, self.size) for part, name in self.parts)

    def draw(
        self, pen: Any, place: tuple[float, float], fill: Any, anchor: str = "la", stroke: int = 0
    ) -> None:
        """Draw the line with a pen of Pillow's.

        `anchor` and `stroke` (pixels) are as Pillow has them.
        """
        if len(self.parts) < 2 and not any(_is_bitmap(name) for _, name in self.parts):
            pen.text(place, self.text, fill, self.font, anchor=anchor, stroke_width=stroke)
            return
        x = place[0] - self.width * {"l": 0, "m": 0.5, "r": 1}[anchor[0]]
        ascent, descent = self.font.getmetrics()
        base = place[1] + {"a": ascent, "s": 0, "m": (ascent - descent) / 2}[anchor[1]]
        for part, name in self.parts:
            if _is_bitmap(name):
                _paste(pen, (round(x), round(base)), part, name, self.size, fill)
            else:
                font = _font(name, self.size)
                pen.text((x, base), part, fill, font, anchor="ls", stroke_width=stroke)
            x += _length(name, part, self.size)


def line(text: str, size: int, *, plain: bool = False) -> Line:
    """Return a text set in the first font that has all its letters.

    Where none has, it is the one that has most, and what that lacks is set in others.

    `plain` leaves Pillow's own font out, which lacks accents and crowds its letters when small.
    Raises `RenderError` where `KULESHOV_FONT` names no font.
    """
    # Names of files may hold breaks of lines and bells, which would be drawn as such.
    text = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
    return _set(text, _best(frozenset(text), plain=plain), size)


def check_font() -> None:
    """Raise `RenderError` where `KULESHOV_FONT` does not name a font."""
    _names(plain=True)


def lost(text: str) -> bool:
    """Return whether there are letters in a text that no font has."""
    letters = frozenset(text)
    best = _best(letters, plain=True)
    return any(not _has(best, letter) and _other(letter) is None for letter in letters)


def fitted(text: str, size: int, width: float, *, plain: bool = False) -> Line:
    """Return as much of a text as fits into `width` pixels, with an ellipsis for the rest."""
    drawn = line(text, size, plain=plain)
    return drawn if drawn.width <= width else shortened(drawn, width)


def shortened(drawn: Line, width: float) -> Line:
    """Return as much of a line as fits into `width` pixels with an ellipsis at its end."""
    kept = drawn.text.rstrip()
    while kept and _set(f"{kept}…", drawn.main, drawn.size).width > width:
        kept = kept[:-1].rstrip()
    return _set(f"{kept}…", drawn.main, drawn.size)


def wrapped(text: str, size: int, width: float) -> list[Line]:
    """Return a text in lines of at most `width` pixels.

    A word that is longer than a line is broken.
    """
    drawn = line(text, size, plain=True)

    def room(part: str) -> bool:
        return _set(part, drawn.main, size).width <= width

    lines: list[str] = []
    for word in drawn.text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and room(joined):
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and not room(lines[-1] + letter):
                lines.append("")
            lines[-1] += letter
    return [_set(part, drawn.main, size) for part in lines]


def _set(text: str, main: str, size: int) -> Line:
    """Return a text set in `main`, and what that lacks in other fonts.

    Each part is as long as can be.
    """
    parts: list[tuple[str, str]] = []
    lacking = []
    for letter in text:
        name: str | None = main
        if not _has(main, letter):
            name = _other(letter)
            if name is None:
                if unicodedata.category(letter) != "Cs":  # a byte that is no text has no font
                    lacking.append(letter)
                letter, name = "?", main
        elif parts and _stays(letter):
            name = parts[-1][1]
        if parts and parts[-1][1] == name:
            parts[-1] = (parts[-1][0] + letter, name)
        else:
            parts.append((letter, name or main))
    if lacking:
        _say("".join(dict.fromkeys(lacking)))
    return Line("".join(part for part, _ in parts), tuple(parts), main, size)


def _stays(letter: str) -> bool:
    """Return whether a letter belongs to the one before it, in whatever font that is."""
    # Tones of skin are of the emoji before them, which is drawn in its own.
    tone = "\U0001f3fb" <= letter <= "\U0001f3ff"
    return tone or unicodedata.category(letter) in ("Mn", "Me", "Cf")


def _say(lacking: str) -> None:
    for asked in dict.fromkeys(_package(letter) for letter in lacking):
        of = [letter for letter in lacking if _package(letter) == asked]
        _say_once(asked, "".join(of[:_SAMPLE]))


_SAID: set[str] = set()


def _say_once(package: str, sample: str) -> None:
    if package not in _SAID:
        _SAID.add(package)
        _LOG.warning(
            "No font here has the letters %s, which are drawn as question marks: install one "
            "(on Debian and Ubuntu: apt install %s), or name one in %s.",
            sample,
            package,
            _OWN,
        )


def _package(letter: str) -> str:
    """Return the package of fonts for Linux that has a letter."""
    script = unicodedata.name(letter, "?").split()[0]
    if script in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "IDEOGRAPHIC", "BOPOMOFO"):
        return "fonts-noto-cjk"
    return "fonts-noto-color-emoji" if ord(letter) >= 0x1F000 else "fonts-noto-core"


def _names(plain: bool) -> tuple[str, ...]:
    own = os.environ.get(_OWN, "")
    if own:
        try:
            _font(own, 12)
        except OSError as error:
            raise RenderError(f"{_OWN} names {own}, which cannot be read as a font.") from error
    first = (own,) if own else ()
    return (*first, *(() if plain else (_PILLOW,)), _BUNDLED)


def _best(letters: frozenset[str], *, plain: bool) -> str:
    """Return the first font that has these letters, or the first of those with most of them."""
    names = _names(plain)
    best, least = names[0], len(letters) + 1
    for name in names:
        if (lacking := _lacking(name, letters)) < least:
            best, least = name, lacking
        if not least:
            return best
    # What is all in another script looks best in one font of that: the first that lacks nothing.
    missing = next(letter for letter in sorted(letters) if not _has(best, letter))
    other = _other(missing)
    if other is not None and not _is_bitmap(other) and not _lacking(other, letters):
        return other
    return best


def _lacking(name: str, letters: frozenset[str]) -> int:
    return sum(not _has(name, letter) for letter in letters)


@lru_cache(maxsize=4096)
def _other(letter: str) -> str | None:
    """Return the first font, ours or the system's, that has a letter; None where none has."""
    if unicodedata.category(letter) in ("Cs", "Cn", "Co"):
        return None  # half a letter, or none at all
    return next((name for name in (_BUNDLED, *_system()) if _has(name, letter)), None)


@lru_cache(maxsize=1)
def _system() -> tuple[str, ...]:
    """Return the fonts of the system.

    Those that are known to be good come first, then others, upright ones before the rest.
    """
    found: dict[str, str] = {}
    for folder in _folders():
        for place, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith(_ENDINGS):
                    found.setdefault(name, str(Path(place, name)))
    known = [found.pop(name) for name in _SYSTEM if name in found]
    rest = sorted(found, key=lambda name: (any(cut in name.lower() for cut in _CUTS), name))
    return (*known, *(found[name] for name in rest[:_MOST]))


def _folders() -> Iterator[Path]:
    """Yield the folders in which a system keeps its fonts, the user's own first."""
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA", home), "Microsoft", "Windows", "Fonts")
        yield Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")
        return
    if sys.platform == "darwin":
        yield from (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
        return
    yield Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share", "fonts")
    yield home / ".fonts"
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (Path(folder, "fonts") for folder in shared.split(":") if folder)


@lru_cache(maxsize=512)
def _font(name: str, size: int) -> Any:
    """Return a font by the name of its file. Raises `OSError` where there is none."""
    from PIL import ImageFont

    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def _box(name: str) -> tuple[tuple[int, int], bytes] | None:
    """Return what a font draws for a letter that it lacks; None where there is no such font."""
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
    if letter.isspace() or _stays(letter):
        return True
    return _drawn(name, letter) != box


def _drawn(name: str, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = _font(name, _bitmap_size(name) or 24).getmask(letter)
    return mask.size, bytes(mask)


# ---------------------------------------------------------------- coloured pictures


@lru_cache(maxsize=1024)
def _bitmap_size(name: str) -> int | None:
    """Return the one size, in pixels, of a font of coloured pictures; None for usual fonts."""
    try:
        _font(name, 24)
    except OSError:
        for size in _BITMAPS:
            try:
                _font(name, size)
            except OSError:
                continue
            return size
    return None


def _is_bitmap(name: str) -> bool:
    return _bitmap_size(name) is not None


def _length(name: str, text: str, size: int) -> float:
    own = _bitmap_size(name)
    if own is None:
        return float(_font(name, size).getlength(text))
    return float(sum(_bitmap(name, one, size).width for one in text if not _stays(one)))


@lru_cache(maxsize=256)
def _bitmap(name: str, letter: str, size: int) -> Any:
    """Return an emoji as an image (RGBA), as high as letters of a size."""
    from PIL import Image, ImageDraw

    font = _font(name, _bitmap_size(name) or 24)
    left, top, right, bottom = font.getbbox(letter)
    drawn = Image.new("RGBA", (max(1, round(right - left)), max(1, round(bottom - top))))
    pen = ImageDraw.Draw(drawn)
    pen.text((-left, -top), letter, font=font, embedded_color=True)
    high = max(1, round(size * _TALL))
    return drawn.resize((max(1, round(drawn.width * high / drawn.height)), high))


def _paste(pen: Any, place: tuple[int, int], text: str, name: str, size: int, fill: Any) -> None:
    """Draw emoji on what a pen draws on, their feet a little below `place`.

    On a mask they are drawn by their light, as bright as `fill` at most.
    """
    from PIL import Image

    page, x = pen._image, place[0]
    for letter in text:
        if _stays(letter):
            continue
        drawn = _bitmap(name, letter, size)
        alpha, y = drawn.getchannel("A"), place[1] - round(0.9 * drawn.height)
        if page.mode == "L":
            light = drawn.convert("L").point(lambda value: round(value * int(fill) / 255))
            page.paste(Image.composite(light, Image.new("L", light.size), alpha), (x, y), alpha)
        else:
            page.paste(drawn.convert(page.mode), (x, y), alpha)
        x += drawn.width
