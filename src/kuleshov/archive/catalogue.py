"""The catalogue: which footage an archive holds, where it lies, and its shots. SQLite.

One process writes at a time (`archive.lock`), any number read. What is in here is true: a row is
committed only after the files that it speaks of are safe. Times are kept as ticks or as exact
fractions in text, never as floats.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from kuleshov.archive import tags as tag_rows
from kuleshov.archive.bins import MIGRATION, Bins, mark_again, marked
from kuleshov.errors import ArchiveError
from kuleshov.features.tags import Tag
from kuleshov.footage import Audio, Bars, Probe, Shot, Slate, Transition, Video
from kuleshov.timecode import FrameRange

__all__ = ["Catalogue", "Footage", "Place", "parts_of"]

_OF_WINDOWS = re.compile(r"^([A-Za-z]:[\\/]|\\\\)")

_MIGRATIONS = (
    """
    CREATE TABLE footage (
        id INTEGER PRIMARY KEY,
        checksum TEXT NOT NULL UNIQUE,
        frames INTEGER NOT NULL,
        duration TEXT NOT NULL,
        video TEXT NOT NULL,
        audio TEXT,
        title TEXT NOT NULL DEFAULT '',
        author TEXT NOT NULL DEFAULT '',
        licence TEXT NOT NULL DEFAULT '',
        url TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE place (
        path TEXT PRIMARY KEY,
        footage INTEGER NOT NULL REFERENCES footage(id) ON DELETE CASCADE,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX place_footage ON place(footage);
    CREATE TABLE shot (
        footage INTEGER NOT NULL REFERENCES footage(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        first_frame INTEGER NOT NULL,
        end_frame INTEGER NOT NULL,
        core_first INTEGER NOT NULL,
        core_end INTEGER NOT NULL,
        transition TEXT NOT NULL,
        transition_first INTEGER NOT NULL,
        transition_end INTEGER NOT NULL,
        black INTEGER NOT NULL,
        PRIMARY KEY (footage, number)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE shot ADD COLUMN transition_black_first INTEGER;
    ALTER TABLE shot ADD COLUMN transition_black_end INTEGER;
    """,
    MIGRATION,
    tag_rows.MIGRATION,
)


@dataclass(frozen=True)
class Place:
    """A path at which footage was seen, and by what one sees that it is unchanged."""

    path: Path
    size: int
    mtime_ns: int
    missing: bool = False

    def now(self) -> Literal["there", "changed", "missing"]:
        """What lies there at this moment; a file of another size is another film."""
        try:
            return "there" if self.path.stat().st_size == self.size else "changed"
        except OSError:  # not there, or in a folder that may not be looked into
            return "missing"


@dataclass(frozen=True)
class Footage:
    """One film of the archive, known by the SHA-256 of its file. `duration` in exact seconds."""

    id: int
    checksum: str
    frames: int
    duration: Fraction
    probe: Probe
    slate: Slate
    places: tuple[Place, ...]

    @property
    def path(self) -> Path:
        """Where it lies: the first place that is not missing, else the first."""
        return next((p.path for p in self.places if not p.missing), self.places[0].path)

    @property
    def missing(self) -> bool:
        """True where it lies nowhere any more."""
        return all(place.missing for place in self.places)


class Catalogue:
    """An open catalogue. Raises `ArchiveError` where the file is none, or of a newer version.

    `path` may be `:memory:` for tests.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self._path = path
        try:
            if read_only:
                uri = f"{Path(path).resolve().as_uri()}?mode=ro"
                self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
            else:
                self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.row_factory = sqlite3.Row
            self._migrate(read_only)
        except sqlite3.Error as error:
            raise ArchiveError(f"{path} cannot be opened as a catalogue: {error}.") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _migrate(self, read_only: bool) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(_MIGRATIONS):
            raise ArchiveError(
                f"{self._path} was made by a newer Kuleshov (version {version} of the catalogue, "
                f"this one knows {len(_MIGRATIONS)}): install that."
            )
        if read_only:
            if version < len(_MIGRATIONS):
                raise ArchiveError(
                    f"{self._path} is empty or was made by an older Kuleshov: "
                    "run `kuleshov index` on any footage first."
                )
            return
        for number in range(version, len(_MIGRATIONS)):
            with self._transaction():
                for statement in _MIGRATIONS[number].split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:  # a full disk may have ended it already
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise ArchiveError(f"{self._path} cannot be written: {error}.") from error
            raise

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be read: {error}.") from error

    # Reading

    def all(self, *, with_missing: bool = False) -> list[Footage]:
        """All footage in the order in which it was added."""
        places: dict[int, list[Place]] = {}
        for row in self._rows("SELECT * FROM place ORDER BY path"):
            places.setdefault(row["footage"], []).append(_place(row))
        films = [
            _footage(row, tuple(places.get(row["id"], ())))
            for row in self._rows("SELECT * FROM footage ORDER BY id")
        ]
        return [f for f in films if f.places and (with_missing or not f.missing)]

    def by_checksum(self, checksum: str) -> Footage | None:
        """The footage with this content, or None."""
        found = self._rows("SELECT * FROM footage WHERE checksum = ?", (checksum,))
        if not found:
            return None
        places = self._rows(
            "SELECT * FROM place WHERE footage = ? ORDER BY path", (found[0]["id"],)
        )
        return _footage(found[0], tuple(_place(place) for place in places))

    def at(self, path: Path) -> Footage | None:
        """The footage that was seen at this path, or None."""
        query = "SELECT checksum FROM footage JOIN place ON footage = id WHERE path = ?"
        found = self._rows(query, (_stored(path),))
        return self.by_checksum(found[0]["checksum"]) if found else None

    def places(self) -> dict[Path, Place]:
        """Every path at which footage was seen."""
        return {place.path: place for place in map(_place, self._rows("SELECT * FROM place"))}

    def shots(self, footage: int) -> tuple[Shot, ...]:
        """The shots of one footage, in order."""
        rows = self._rows("SELECT * FROM shot WHERE footage = ? ORDER BY number", (footage,))
        return tuple(_shot(row) for row in rows)

    def checksums(self) -> set[str]:
        """The checksums of all footage."""
        return {row["checksum"] for row in self._rows("SELECT checksum FROM footage")}

    @property
    def bin_table(self) -> Bins:
        """The bins, to be changed."""
        return Bins(self._rows, self._transaction)

    def bins(self) -> dict[str, set[tuple[str, int]]]:
        """For each bin its shots, by the checksum of the footage and the number of the shot."""
        return self.bin_table.all()

    @property
    def tag_table(self) -> tag_rows.Tags:
        """The tags, to be asked for and changed."""
        return tag_rows.Tags(self._rows, self._transaction)

    def tags(self, footage: int) -> dict[int, tuple[Tag, ...]]:
        """The tags of each shot of one footage, by the shot's number."""
        return self.tag_table.of(footage)

    # Writing

    def add(
        self,
        checksum: str,
        frames: int,
        duration: Fraction,
        probe: Probe,
        shots: Iterable[Shot],
        place: Place,
    ) -> None:
        """Add footage whose feature files are safe, in one transaction; replaces the same path.

        New footage gets the slate of its own tags. Footage that is there already keeps its number,
        slate and bins, and gets the new shots.
        """
        video, audio = _packed(probe.video), _packed(probe.audio)
        with self._transaction():
            self._db.execute(
                "INSERT INTO footage "
                "(checksum, frames, duration, video, audio, title, author, licence, url) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (checksum) DO UPDATE SET "
                "(frames, duration, video, audio) = "
                "(excluded.frames, excluded.duration, excluded.video, excluded.audio)",
                (checksum, frames, str(duration), video, audio, *astuple(probe.tags)),
            )
            (number,) = self._db.execute(
                "SELECT id FROM footage WHERE checksum = ?", (checksum,)
            ).fetchone()
            binned = marked(self._db, number)
            self._db.execute("DELETE FROM shot WHERE footage = ?", (number,))
            self._db.executemany(
                "INSERT INTO shot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *_shot_row(shot)) for shot in shots),
            )
            mark_again(self._db, number, binned)
            self._put(place, checksum)

    def enter_slates(self, slates: Mapping[str, Slate]) -> None:
        """Set the slates of footage, by checksum: all of them or, where one fails, none.

        Raises `ArchiveError` where there is no such footage.
        """
        with self._transaction() as db:
            for checksum, slate in slates.items():
                found = db.execute(
                    "UPDATE footage SET title = ?, author = ?, licence = ?, url = ? "
                    "WHERE checksum = ?",
                    (*astuple(slate), checksum),
                )
                if not found.rowcount:
                    raise ArchiveError(f"The archive has no footage {checksum[:12]} any more.")

    def seen(self, place: Place, checksum: str) -> None:
        """Note that footage already known lies at `place`."""
        with self._transaction():
            self._put(place, checksum)

    def moved(self, found: Iterable[tuple[str, Place, Iterable[Path]]]) -> None:
        """Note, in one transaction, where footage lies now: its checksum, its new place, and the
        paths at which it does not lie any more."""
        with self._transaction():
            for checksum, place, gone in found:
                self._db.executemany(
                    "UPDATE place SET missing = 1 WHERE path = ? AND footage = "
                    "(SELECT id FROM footage WHERE checksum = ?)",
                    [(_stored(path), checksum) for path in gone],
                )
                self._put(place, checksum)

    def mark_missing(self, paths: Iterable[Path]) -> None:
        """Note that nothing lies at these paths any more."""
        with self._transaction():
            self._db.executemany(
                "UPDATE place SET missing = 1 WHERE path = ?",
                ((_stored(path),) for path in paths),
            )

    def forget_unplaced(self) -> None:
        """Drop footage that lies at no path any more, not even a missing one.

        Only when all paths have been looked at: two files may have changed names.
        """
        with self._transaction():
            self._db.execute("DELETE FROM footage WHERE id NOT IN (SELECT footage FROM place)")

    def _put(self, place: Place, checksum: str) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO place (path, footage, size, mtime_ns, missing) "
            "SELECT ?, id, ?, ?, 0 FROM footage WHERE checksum = ?",
            (_stored(place.path), place.size, place.mtime_ns, checksum),
        )
        # Where a file was changed, or a moved one found again, nobody needs the old place.
        self._db.execute(
            "DELETE FROM place WHERE missing = 1 AND footage = "
            "(SELECT id FROM footage WHERE checksum = ?)",
            (checksum,),
        )


def parts_of(path: Path) -> tuple[str, ...]:
    """The folders and the name of a path, also of one that was written on Windows."""
    return PureWindowsPath(path).parts if _OF_WINDOWS.match(str(path)) else path.parts


def _packed(record: Video | Audio | None) -> str | None:
    if record is None:
        return None
    fields = asdict(record)
    return json.dumps(
        {name: str(v) if isinstance(v, Fraction) else v for name, v in fields.items()},
        sort_keys=True,
    )


def _video(text: str) -> Video:
    fields: dict[str, Any] = json.loads(text)
    exact = {name: Fraction(fields[name]) for name in ("rate", "time_base", "start", "aspect")}
    return Video(**{**fields, **exact, "bars": Bars(**fields["bars"])})


def _audio(text: str | None) -> Audio | None:
    if text is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    return Audio(**{**fields, "start": Fraction(fields["start"])})


def _stored(path: Path) -> str | bytes:
    """A path as text, or, where its name is none in any language, as the bytes that it is."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _place(row: sqlite3.Row) -> Place:
    return Place(Path(os.fsdecode(row["path"])), row["size"], row["mtime_ns"], bool(row["missing"]))


def _footage(row: sqlite3.Row, places: tuple[Place, ...]) -> Footage:
    video, duration = _video(row["video"]), Fraction(row["duration"])
    return Footage(
        id=row["id"],
        checksum=row["checksum"],
        frames=row["frames"],
        duration=duration,
        probe=Probe(video, _audio(row["audio"]), float(duration)),
        slate=Slate(row["title"], row["author"], row["licence"], row["url"]),
        places=places,
    )


def _shot_row(shot: Shot) -> tuple[int | str | None, ...]:
    into = shot.transition
    return (
        shot.index,
        shot.frames.first,
        shot.frames.end,
        shot.core.first,
        shot.core.end,
        into.kind,
        into.frames.first,
        into.frames.end,
        int(shot.black),
        into.black.first if into.black is not None else None,
        into.black.end if into.black is not None else None,
    )


def _shot(row: sqlite3.Row) -> Shot:
    first, end = row["transition_black_first"], row["transition_black_end"]
    return Shot(
        index=row["number"],
        frames=FrameRange(row["first_frame"], row["end_frame"]),
        core=FrameRange(row["core_first"], row["core_end"]),
        transition=Transition(
            row["transition"],
            FrameRange(row["transition_first"], row["transition_end"]),
            None if first is None else FrameRange(first, end),
        ),
        black=bool(row["black"]),
    )
