"""Read who made a film from its container: title, artist, copyright, a web address.

Tags are written by cameras, editing programs and downloaders alike, and many say nothing: a title
that is the file's name, a comment that names the encoder. What is not plainly of use is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kuleshov.footage import Slate

__all__ = ["slate_of"]

_TITLE = ("title", "com.apple.quicktime.title")
_AUTHOR = ("artist", "author", "director", "com.apple.quicktime.author", "album_artist", "composer")
_LICENCE = ("license", "licence", "copyright", "com.apple.quicktime.copyright")
_URL = ("purl", "url", "website", "comment", "description", "synopsis")
_LONGEST = 300  # characters of a tag that is still a title, not a text
_EMPTY = frozenset({"untitled", "unknown", "title", "artist", "author", "none", "n/a", "null"})
_ADDRESS = re.compile(r"https?://[^\s<>\"'\]]+", re.IGNORECASE)
_COMMONS = re.compile(
    r"creativecommons\.org/(?:licenses/(?P<kind>[a-z-]+)/(?P<version>\d\.\d)"
    r"|publicdomain/(?P<public>zero|mark)/(?P<given>\d\.\d))",
    re.IGNORECASE,
)


def slate_of(*metadata: Mapping[str, str], name: str = "") -> Slate:
    """Return the slate that tags give; earlier mappings win.

    `name` is the file's, which does not count as a title.
    """
    tags: dict[str, str] = {}
    for part in metadata:
        for key, value in part.items():
            tags.setdefault(key.casefold(), value)
    title = _first(tags, _TITLE)
    stem = name.rpartition(".")[0] or name
    if title.casefold() in (name.casefold(), stem.casefold()):
        title = ""
    return Slate(
        title=title,
        author=_first(tags, _AUTHOR),
        licence=_named(_first(tags, _LICENCE)),
        url=_address(tags),
    )


def _first(tags: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _sensible(tags.get(key, "")))), "")


def _sensible(text: str) -> str:
    """Return a tag in one line; nothing where it says nothing, or cannot be read."""
    text = " ".join(text.split())
    known = text.casefold() not in _EMPTY and any(letter.isalnum() for letter in text)
    readable = "\N{REPLACEMENT CHARACTER}" not in text and text.isprintable()
    return text if known and readable and len(text) <= _LONGEST else ""


def _named(licence: str) -> str:
    """Return a licence by its short name where the tag is the address of one."""
    found = _COMMONS.search(licence)
    if found is None:
        return licence
    if found["public"]:
        named = "CC0" if found["public"].casefold() == "zero" else "Public Domain Mark"
        return f"{named} {found['given']}"
    return f"CC {found['kind'].upper()} {found['version']}"


def _address(tags: Mapping[str, str]) -> str:
    """Return the first web address among the tags that may hold one."""
    for key in _URL:
        found = _ADDRESS.search(tags.get(key, ""))
        if found is not None and found[0].isprintable() and len(found[0]) <= _LONGEST:
            return found[0].rstrip(".,;:!?)")
    return ""
