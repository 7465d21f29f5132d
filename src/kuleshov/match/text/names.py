"""Search names: files, folders, slates' titles and authors that hold the words of a text.

Words are compared without capitals and accents, in any script (Unicode NFKD and case folding);
names are parted at signs, at capitals within a word, and between letters and digits. Scripts that
write no spaces between words (Chinese, Japanese, Thai) are looked for as they stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kuleshov.archive.catalogue import Footage

__all__ = ["Naming", "named", "parted", "plain"]

_CAMEL = re.compile(r"(?<=[^\W\d_a-z])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_IDLE = frozenset(
    word
    for words in (
        "a an and at by for from in of on the to with",
        "das der die el la le les un una une",
    )
    for word in words.split()
)
_FOLDERS = 2  # above a file; those further up say where a drive is, not what a film is
_STEM = 4  # letters of a word from which a longer one may go on, as in trains or Lumières


@dataclass(frozen=True)
class Naming:
    """A name in which a text was found, and its kind (file, folder, title, author)."""

    kind: str
    name: str


def named(text: str, footage: Footage) -> Naming | None:
    """Return the name of this footage that holds every word of a text; None where none does."""
    asked = [word for word in parted(text) if word not in _IDLE]
    if not asked:
        return None
    return next((one for one in _names(footage) if _holds(asked, one.name)), None)


def plain(text: str) -> str:
    """Return a text without capitals, accents and other marks."""
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return unicodedata.normalize("NFKC", bare.casefold())


def parted(text: str) -> tuple[str, ...]:
    """Return the words of a text or name, plain."""
    whole = unicodedata.normalize("NFC", text)
    return tuple(_WORD.findall(plain(_CAMEL.sub(" ", whole).replace("_", " "))))


def _names(footage: Footage) -> list[Naming]:
    slate = footage.slate
    found = [Naming("title", slate.title), Naming("author", slate.author)]
    for location in footage.locations:
        found.append(Naming("file", location.path.stem))
        found += [Naming("folder", part) for part in location.path.parent.parts[-_FOLDERS:]]
    return [one for one in found if one.name]


def _holds(asked: Sequence[str], name: str) -> bool:
    words, whole = parted(name), plain(name)
    return all(
        word in whole if _UNSPACED.search(word) else any(_same(word, own) for own in words)
        for word in asked
    )


def _same(word: str, own: str) -> bool:
    """Return whether two words are the same but for an ending of one or two letters."""
    short, long = sorted((word, own), key=len)
    return short == long or (
        len(short) >= _STEM and not short.isdigit() and long.startswith(short)
        and len(long) - len(short) <= 2
    )  # fmt: skip
