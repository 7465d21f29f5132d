"""Hold what a call found worth saying besides its result, as values that a program can read.

    Note("shot-missing", "Shot 4 has no candidate and stays black.", {"shot": 4})

Every result that has something to say carries a tuple of notes. A note's `code` says which kind it
is, so that nothing compares sentences, and a face adds what only it knows: which option helps, or
where to click.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Note", "texts", "together"]


@dataclass(frozen=True)
class Note:
    """A note: one thing worth saying.

    `code` names its kind in a few words joined by hyphens; `text` is one plain sentence or two,
    which name no option of any command line; `about` holds what the sentence speaks of (numbers of
    shots count from 1; paths are text), ready for JSON.
    """

    code: str
    text: str
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.text


def together(*parts: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes of all parts in their order, each sentence once."""
    return tuple({note.text: note for part in parts for note in part}.values())


def texts(notes: Iterable[Note]) -> list[str]:
    """Return the sentences of notes."""
    return [note.text for note in notes]
