"""Bins: named sets of archive shots, kept in the catalogue.

    with write_archive(root) as archive:
        archive.catalogue.bin_table.add("trains", checksum, [3, 4])

A bin holds shots by footage and number. Where footage is indexed again and cut otherwise, its bins
keep what they showed: each new shot that lies mainly within an old one, and each that an old one
lies mainly within.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from kuleshov.errors import UsageError

__all__ = ["MIGRATION", "Bins", "Marked", "mark_again", "marked"]

MIGRATION = """
    CREATE TABLE bin (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE bin_shot (
        bin INTEGER NOT NULL REFERENCES bin(id) ON DELETE CASCADE,
        footage INTEGER NOT NULL REFERENCES footage(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        PRIMARY KEY (bin, footage, number)
    ) WITHOUT ROWID;
    CREATE INDEX bin_shot_footage ON bin_shot(footage);
    """

Marked = list[tuple[int, int, int]]
"""Frames that are in a bin: the bin's number, the first frame, and the end."""


class Bins:
    """The bins of a catalogue, read and written through it.

    Names differ by more than case: `Trains` and `trains` are one bin, named as it was at first.
    """

    def __init__(
        self,
        rows: Callable[[str, tuple[object, ...]], list[sqlite3.Row]],
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
    ) -> None:
        self._rows, self._transaction = rows, transaction

    def names(self) -> list[str]:
        """The names of all bins, in the order of the alphabet."""
        rows = self._rows("SELECT name FROM bin", ())
        return sorted((row["name"] for row in rows), key=lambda name: (name.casefold(), name))

    def all(self) -> dict[str, set[tuple[str, int]]]:
        """For each bin its shots, by the checksum of the footage and the number of the shot."""
        found: dict[str, set[tuple[str, int]]] = {name: set() for name in self.names()}
        query = (
            "SELECT bin.name, footage.checksum, bin_shot.number FROM bin_shot "
            "JOIN bin ON bin.id = bin_shot.bin JOIN footage ON footage.id = bin_shot.footage"
        )
        for row in self._rows(query, ()):
            found[row["name"]].add((row["checksum"], row["number"]))
        return found

    def add(self, name: str, checksum: str, shots: Iterable[int]) -> None:
        """Put shots of one footage into a bin, which is made where there is none.

        Raises `UsageError` where the name is none, or the footage has no such shot.
        """
        name = self._known(name) or _checked(name)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO bin (name) VALUES (?)", (name,))
            for number in shots:
                found = db.execute(
                    "INSERT OR REPLACE INTO bin_shot SELECT bin.id, footage.id, shot.number "
                    "FROM bin, footage JOIN shot ON shot.footage = footage.id "
                    "WHERE bin.name = ? AND checksum = ? AND shot.number = ?",
                    (name, checksum, number),
                )
                if not found.rowcount:
                    raise UsageError(f"The footage has no shot {number}.")

    def remove(self, name: str, checksum: str, shots: Iterable[int]) -> None:
        """Take shots of one footage out of a bin; the bin stays, even empty.

        Raises `UsageError` where there is no such bin.
        """
        name = self.named(name)
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM bin_shot WHERE bin = (SELECT id FROM bin WHERE name = ?) "
                "AND footage = (SELECT id FROM footage WHERE checksum = ?) AND number = ?",
                ((name, checksum, number) for number in shots),
            )

    def delete(self, name: str) -> None:
        """Delete a bin; the footage stays. Raises `UsageError` where there is no such bin."""
        name = self.named(name)
        with self._transaction() as db:
            db.execute("DELETE FROM bin WHERE name = ?", (name,))

    def named(self, name: str) -> str:
        """The bin's name as it was given at first. Raises `UsageError` where there is none."""
        known = self._known(name)
        if known is None:
            there = ", ".join(self.names())
            raise UsageError(
                f"There is no bin {name!r}; there are {there}."
                if there
                else f"There is no bin {name!r}: make it with `kuleshov bin {name} --add FOOTAGE`."
            )
        return known

    def _known(self, name: str) -> str | None:
        wanted = name.strip().casefold()
        return next((known for known in self.names() if known.casefold() == wanted), None)


def marked(db: sqlite3.Connection, footage: int) -> Marked:
    """The frames of one footage that are in bins."""
    query = (
        "SELECT bin, first_frame, end_frame FROM bin_shot "
        "JOIN shot ON shot.footage = bin_shot.footage AND shot.number = bin_shot.number "
        "WHERE bin_shot.footage = ?"
    )
    return [(row[0], row[1], row[2]) for row in db.execute(query, (footage,))]


def mark_again(db: sqlite3.Connection, footage: int, before: Marked) -> None:
    """Put the shots that footage has now into the bins that hold these frames.

    A shot is in where its middle lies in what was in, or the middle of that lies in the shot.
    """
    db.execute("DELETE FROM bin_shot WHERE footage = ?", (footage,))
    for number, first, end in before:
        db.execute(
            "INSERT OR IGNORE INTO bin_shot SELECT ?, footage, number FROM shot "
            "WHERE footage = ? AND ((first_frame + end_frame) / 2 >= ? "
            "AND (first_frame + end_frame) / 2 < ? OR first_frame <= ? AND end_frame > ?)",
            (number, footage, first, end, (first + end) // 2, (first + end) // 2),
        )


def _checked(name: str) -> str:
    """A name for a bin."""
    name = name.strip()
    if not name or not name.isprintable():
        raise UsageError("A bin needs a name of printable characters.")
    return name
