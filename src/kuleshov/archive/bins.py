"""Keep bins, named sets of archive shots, in the catalogue.

    with write_archive(root) as archive:
        archive.catalogue.bin_table.add("trains", checksum, [3, 4])

A bin holds shots by footage and number. Where footage is indexed again and cut otherwise, its bins
keep what they showed: each new shot that lies mainly within an old one, and each that an old one
lies mainly within.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from kuleshov.archive.named import Named
from kuleshov.errors import UsageError, meant
from kuleshov.footage import ShotRef

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


class Bins(Named):
    """The bins of a catalogue, read and written through it.

    Names differ by more than case: `Trains` and `trains` are one bin, named as it was at first.
    """

    table = "bin"

    def all(self) -> dict[str, set[ShotRef]]:
        """Return the shots and each bin."""
        found: dict[str, set[ShotRef]] = {name: set() for name in self.names()}
        query = (
            "SELECT bin.name, footage.checksum, bin_shot.number FROM bin_shot "
            "JOIN bin ON bin.id = bin_shot.bin JOIN footage ON footage.id = bin_shot.footage"
        )
        for row in self._rows(query, ()):
            found[row["name"]].add(ShotRef(row["checksum"], row["number"]))
        return found

    def add(self, name: str, checksum: str, shots: Iterable[int]) -> None:
        """Put shots of one footage into a bin, which is made where there is none.

        Raises `UsageError` where the name is none, or the footage has no such shot.
        """
        name = self.known(name.strip()) or _checked(name)
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
        """Take shots of one footage out of a bin; the bin stays, even if empty.

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
        """Return a bin's name as it was given at first. Raises `UsageError` where there is none."""
        known = self.known(name.strip())
        if known is None:
            there = self.names()
            if not there:
                raise UsageError(f"There is no bin {name!r}.", code="bin-missing")
            raise UsageError(f"There is no bin {name!r}; {meant(name, there)}")
        return known


def marked(db: sqlite3.Connection, footage: int) -> Marked:
    """Return the frames of one footage that are in bins."""
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
    """Return a text as a name for a bin. Raises `UsageError` where it cannot be one."""
    name = name.strip()
    if not name or not name.isprintable():
        raise UsageError("A bin needs a name of printable characters.")
    return name
