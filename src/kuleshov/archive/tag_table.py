"""Keep the tags of the archive's shots in the catalogue, for filters and searches.

They follow from the stored rows, so they are written without looking at the film again: when it is
indexed, and again where the rules have become better (`VERSION`). They go when the shot goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from kuleshov.features.tags import VERSION, Tag
from kuleshov.footage import ShotRef

__all__ = ["MIGRATION", "Tags", "put"]

MIGRATION = """
    CREATE TABLE tag (
        footage INTEGER NOT NULL,
        number INTEGER NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        word TEXT NOT NULL,
        share REAL NOT NULL,
        value REAL,
        version INTEGER NOT NULL,
        PRIMARY KEY (footage, number, place),
        FOREIGN KEY (footage, number) REFERENCES shot(footage, number) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX tag_word ON tag(kind, word);
    """


class Tags:
    """The tags of a catalogue, read and written through it."""

    def __init__(
        self,
        rows: Callable[[str, tuple[object, ...]], list[sqlite3.Row]],
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
    ) -> None:
        self._rows, self._transaction = rows, transaction

    def of(self, footage: int) -> dict[int, tuple[Tag, ...]]:
        """Return the tags of each shot of one footage that has any, by the shot's number."""
        found: dict[int, list[Tag]] = {}
        query = "SELECT * FROM tag WHERE footage = ? ORDER BY number, place"
        for row in self._rows(query, (footage,)):
            tag = Tag(row["kind"], row["word"], row["share"], row["value"])
            found.setdefault(row["number"], []).append(tag)
        return {number: tuple(tags) for number, tags in found.items()}

    def words(self, kind: str) -> tuple[str, ...]:
        """Return the words of a kind that some shot of the archive has, in alphabetical order."""
        query = "SELECT DISTINCT word FROM tag WHERE kind = ? ORDER BY word"
        return tuple(row["word"] for row in self._rows(query, (kind,)))

    def shots(self, kind: str, word: str) -> set[ShotRef]:
        """Return the shots with a tag."""
        query = (
            "SELECT checksum, number FROM tag JOIN footage ON footage.id = tag.footage "
            "WHERE kind = ? AND word = ?"
        )
        return {ShotRef(row["checksum"], row["number"]) for row in self._rows(query, (kind, word))}

    def footage(self) -> set[str]:
        """Return the checksums of the footage that is tagged by the present rules."""
        query = (
            "SELECT checksum FROM footage WHERE EXISTS "
            "(SELECT 1 FROM tag WHERE tag.footage = footage.id AND version = ?)"
        )
        return {row["checksum"] for row in self._rows(query, (VERSION,))}

    def write(self, footage: int, tags: Mapping[int, Sequence[Tag]]) -> None:
        """Put these tags, by number of the shot, in the place of those of one footage."""
        with self._transaction() as db:
            put(db, footage, tags)


def put(db: sqlite3.Connection, footage: int, tags: Mapping[int, Sequence[Tag]]) -> None:
    """Do what `Tags.write` does within a transaction."""
    db.execute("DELETE FROM tag WHERE footage = ?", (footage,))
    db.executemany(
        "INSERT INTO tag VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (footage, number, place, tag.kind, tag.word, tag.share, tag.value, VERSION)
            for number, shot in tags.items()
            for place, tag in enumerate(shot)
        ),
    )
