"""Keep the words that a person taught, with their examples, in the catalogue.

    with write_archive(root) as archive:
        archive.catalogue.word_table.teach("my mother", examples)

Of an example its row is kept, not its picture: what was taught stays where its files are gone. The
separator is drawn anew from the rows that the archive has when a word is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.named import Named
from kuleshov.errors import UsageError, meant

__all__ = ["MIGRATION", "WordExample", "Words"]

MIGRATION = """
    CREATE TABLE word (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE word_example (
        word INTEGER NOT NULL REFERENCES word(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        wanted INTEGER NOT NULL,
        said TEXT NOT NULL,
        maker TEXT NOT NULL,
        row BLOB NOT NULL,
        PRIMARY KEY (word, number)
    ) WITHOUT ROWID;
    """


@dataclass(frozen=True, repr=False)
class WordExample:
    """An example of a word, or of what it does not mean: its row (D,) float16 and whence it came.

    `maker` says what made the row: rows of different makers never meet.
    """

    said: str
    wanted: bool
    maker: str
    row: NDArray[np.float16]


class Words(Named):
    """The taught words of a catalogue, read and written through it.

    Names differ by more than case: `My mother` and `my mother` are one word.
    """

    table = "word"

    def examples(self, name: str) -> tuple[WordExample, ...]:
        """Return the examples of a word, as they were given.

        Raises `UsageError` where there is no such word.
        """
        query = (
            "SELECT said, wanted, maker, row FROM word_example JOIN word ON word.id = word "
            "WHERE name = ? ORDER BY number"
        )
        return tuple(
            WordExample(
                row["said"], bool(row["wanted"]), row["maker"], np.frombuffer(row["row"], "<f2")
            )
            for row in self._rows(query, (self.named(name),))
        )

    def teach(self, name: str, examples: Sequence[WordExample]) -> None:
        """Add examples to a word, which is made where there is none.

        One that comes from the same place as one before takes its place. Raises `UsageError` where
        the name is none.
        """
        name = self.known(" ".join(name.split())) or _checked(name)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO word (name) VALUES (?)", (name,))
            (number,) = db.execute("SELECT id FROM word WHERE name = ?", (name,)).fetchone()
            db.executemany(
                "DELETE FROM word_example WHERE word = ? AND said = ?",
                ((number, one.said) for one in examples),
            )
            after = "SELECT COALESCE(MAX(number), -1) + 1 FROM word_example WHERE word = ?"
            (first,) = db.execute(after, (number,)).fetchone()
            db.executemany(
                "INSERT INTO word_example VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        number,
                        place,
                        one.wanted,
                        one.said,
                        one.maker,
                        one.row.astype("<f2").tobytes(),
                    )
                    for place, one in enumerate(examples, first)
                ),
            )

    def forget(self, name: str) -> None:
        """Forget a word and its examples. Raises `UsageError` where there is no such word."""
        name = self.named(name)
        with self._transaction() as db:
            db.execute("DELETE FROM word WHERE name = ?", (name,))

    def named(self, name: str) -> str:
        """Return a word as it was taught. Raises `UsageError` where there is none."""
        known = self.known(" ".join(name.split()))
        if known is None:
            there = self.names()
            if not there:
                raise UsageError(f"No word was taught yet, so not {name!r}.", code="word-missing")
            raise UsageError(f"No word {name!r} was taught; {meant(name, there)}")
        return known


def _checked(name: str) -> str:
    """Return a text as a word to teach. Raises `UsageError` where it cannot be one."""
    name = " ".join(name.split())
    if not name.isprintable() or not any(sign.isalnum() for sign in name):
        raise UsageError("A word to teach needs a name with letters or numbers.")
    return name
