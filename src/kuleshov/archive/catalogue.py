"""Keep the catalogue: which footage an archive holds, where it lies, and its shots.

It is a file of SQLite.

One process writes at a time (`archive.lock`), any number read. What is in here is true: a row is
committed only after the files that it speaks of are safe. Times are kept as ticks or as exact
fractions in text, never as floats.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from kuleshov.archive import tag_table as tag_rows
from kuleshov.archive import word_table as word_rows
from kuleshov.archive.bins import MIGRATION, Bins, mark_again, marked
from kuleshov.archive.connections import Connections
from kuleshov.errors import ArchiveError
from kuleshov.features.tags import Tag
from kuleshov.footage import Audio, Bars, Probe, Shot, ShotRef, Slate, Transition, Video
from kuleshov.jobs import QUIET, Job
from kuleshov.timecode import FrameRange, TimeRange
from kuleshov.timeline import Media

__all__ = ["Catalogue", "Footage", "Location", "OlderCatalogue", "parts_of"]

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
    """
    ALTER TABLE footage ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE revision (latest INTEGER NOT NULL);
    INSERT INTO revision VALUES (0);
    """,
    word_rows.MIGRATION,
)


_SHOWN = "NOT black AND core_end - core_first >= 12"  # shots that show something for a while
_SEEN = "footage.id IN (SELECT footage FROM place)"  # footage that lies somewhere


@dataclass(frozen=True)
class Location:
    """A path at which footage was seen, with size and time by which a change is noticed."""

    path: Path
    size: int
    mtime_ns: int
    missing: bool = False

    def now(self) -> Literal["there", "changed", "missing"]:
        """Return whether the file is there, changed (of another size) or missing at this moment."""
        try:
            return "there" if self.path.stat().st_size == self.size else "changed"
        except OSError:  # not there, or in a folder that may not be looked into
            return "missing"


@dataclass(frozen=True)
class Totals:
    """The number of films and shots of an archive, and the length of all films in exact s."""

    films: int
    shots: int
    duration: Fraction


@dataclass(frozen=True)
class Footage:
    """A footage: one film of the archive, known by the SHA-256 of its file.

    `duration` is in exact seconds.

    `revision` is another number, never used before, whenever its shots or rows were made anew.
    """

    id: int
    checksum: str
    frames: int
    duration: Fraction
    probe: Probe
    slate: Slate
    locations: tuple[Location, ...]
    revision: int = 0

    @property
    def path(self) -> Path:
        """The path where it lies: the first place that is not missing, or else the first."""
        return next((p.path for p in self.locations if not p.missing), self.locations[0].path)

    @property
    def media(self) -> Media:
        """The footage as clips name it."""
        whole = TimeRange(Fraction(0), self.duration)
        return Media(self.path, self.checksum, self.probe.video.bars, whole)

    @property
    def caption(self) -> str:
        """The name that its clips bear: its title, or else the name of its file."""
        return self.slate.title or self.path.stem

    @property
    def bytes(self) -> int:
        """The bytes of its file, of the largest where there are several."""
        return max((location.size for location in self.locations), default=0)

    @property
    def missing(self) -> bool:
        """Whether it lies nowhere any more."""
        return all(location.missing for location in self.locations)


class OlderCatalogue(ArchiveError):
    """Raised where a catalogue of an older Kuleshov must be brought up to date first."""


class Catalogue:
    """An open catalogue.

    Raises `ArchiveError` where the file is not a catalogue, or is of a newer version.

    Any number of threads may use it at once: each query has a connection for as long as it lasts.
    `path` may be `:memory:` for tests.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self._path = path
        self._connections = Connections(path, read_only=read_only)
        try:
            self._migrate(read_only)
        except sqlite3.Error as error:
            self.close()
            raise ArchiveError(f"{path} cannot be opened as a catalogue: {error}.") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connections.close()

    def version(self) -> int:
        """Return a number that changes as soon as any process has committed anything."""
        try:
            return self._connections.version()
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be read: {error}.") from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let this thread see in the block what was committed when it first read.

        What is committed meanwhile is not seen.
        """
        try:
            with self._connections.held() as db:
                db.execute("BEGIN")
                try:
                    yield
                finally:
                    db.execute("COMMIT")
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be read: {error}.") from error

    def _migrate(self, read_only: bool) -> None:
        with self._connections.held() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(_MIGRATIONS):
            raise ArchiveError(
                f"{self._path} was made by a newer Kuleshov (version {version} of the catalogue, "
                f"this one knows {len(_MIGRATIONS)}): install that."
            )
        if read_only:
            if version < len(_MIGRATIONS):
                raise (OlderCatalogue if version else ArchiveError)(
                    f"{self._path} is empty or was made by an older Kuleshov: index any footage.",
                    code="archive-old",
                )
            return
        for number in range(version, len(_MIGRATIONS)):
            with self._transaction() as db:
                for statement in _MIGRATIONS[number].split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connections.held() as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException as error:
                if db.in_transaction:  # a full disk may have ended it already
                    db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise ArchiveError(f"{self._path} cannot be written: {error}.") from error
                raise

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        try:
            with self._connections.held() as db:
                return db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be read: {error}.") from error

    # Reading

    def all(self, *, with_missing: bool = False, job: Job = QUIET) -> list[Footage]:
        """Return all footage in the order in which it was added."""
        locations: dict[int, list[Location]] = {}
        for row in job.over(self._rows("SELECT * FROM place ORDER BY path")):
            locations.setdefault(row["footage"], []).append(_location(row))
        films = [
            _footage(row, tuple(locations.get(row["id"], ())))
            for row in job.over(self._rows("SELECT * FROM footage ORDER BY id"))
        ]
        return [f for f in films if f.locations and (with_missing or not f.missing)]

    def by_checksum(self, checksum: str) -> Footage | None:
        """Return the footage with this content, or None."""
        found = self._rows("SELECT * FROM footage WHERE checksum = ?", (checksum,))
        if not found:
            return None
        locations = self._rows(
            "SELECT * FROM place WHERE footage = ? ORDER BY path", (found[0]["id"],)
        )
        return _footage(found[0], tuple(_location(location) for location in locations))

    def at(self, path: Path) -> Footage | None:
        """Return the footage that was seen at this path, or None."""
        query = "SELECT checksum FROM footage JOIN place ON footage = id WHERE path = ?"
        found = self._rows(query, (_stored(path),))
        return self.by_checksum(found[0]["checksum"]) if found else None

    def locations(self) -> dict[Path, Location]:
        """Return every path at which footage was seen, with its place."""
        return {
            location.path: location
            for location in map(_location, self._rows("SELECT * FROM place"))
        }

    def shots(self, footage: int) -> tuple[Shot, ...]:
        """Return the shots of one footage, in order."""
        rows = self._rows("SELECT * FROM shot WHERE footage = ? ORDER BY number", (footage,))
        return tuple(_shot(row) for row in rows)

    def spread(self, count: int) -> list[ShotRef]:
        """Return so many shots from all over the archive, of as many films as can be.

        Black ones and very short ones are left out, so that there may be fewer.
        """
        films = self._rows(
            f"SELECT id, checksum FROM footage WHERE {_SEEN} AND EXISTS"
            f" (SELECT 1 FROM shot WHERE shot.footage = footage.id AND {_SHOWN}) ORDER BY id"
        )
        if len(films) > count:
            films = [films[n * len(films) // count] for n in range(count)]
        query = f"SELECT number FROM shot WHERE footage = ? AND {_SHOWN} ORDER BY number"
        shots = {row["checksum"]: self._rows(query, (row["id"],)) for row in films}
        share = dict.fromkeys(shots, 0)
        for _ in range(count):
            roomy = [one for one in shots if share[one] < len(shots[one])]
            if roomy:
                share[min(roomy, key=lambda one: share[one])] += 1
        return [
            ShotRef(one, int(shots[one][(2 * n + 1) * len(shots[one]) // (2 * part)]["number"]))
            for one, part in share.items()
            for n in range(part)
        ]

    def totals(self) -> Totals:
        """Return how much there is, what is missing included."""
        (films,) = self._rows(f"SELECT COUNT(*) AS n FROM footage WHERE {_SEEN}")
        (shots,) = self._rows(
            "SELECT COUNT(*) AS n FROM shot JOIN footage ON footage.id = shot.footage WHERE "
            + _SEEN
        )
        lengths = self._rows(
            f"SELECT duration, COUNT(*) AS n FROM footage WHERE {_SEEN} GROUP BY duration"
        )
        seconds = sum((_fraction(row["duration"]) * row["n"] for row in lengths), Fraction(0))
        return Totals(films["n"], shots["n"], seconds)

    def checksums(self) -> set[str]:
        """Return the checksums of all footage."""
        return {row["checksum"] for row in self._rows("SELECT checksum FROM footage")}

    @property
    def bin_table(self) -> Bins:
        """The bins, to be changed."""
        return Bins(self._rows, self._transaction)

    def bins(self) -> dict[str, set[ShotRef]]:
        """Return the shots and each bin."""
        return self.bin_table.all()

    @property
    def tag_table(self) -> tag_rows.Tags:
        """The tags, to be asked for and changed."""
        return tag_rows.Tags(self._rows, self._transaction)

    @property
    def word_table(self) -> word_rows.Words:
        """The words that a person taught, to be asked for and changed."""
        return word_rows.Words(self._rows, self._transaction)

    def tags(self, footage: int) -> dict[int, tuple[Tag, ...]]:
        """Return the tags of each shot of one footage, by the shot's number."""
        return self.tag_table.of(footage)

    # Writing

    def add(
        self,
        checksum: str,
        frames: int,
        duration: Fraction,
        probe: Probe,
        shots: Iterable[Shot],
        location: Location,
        tags: Mapping[int, Sequence[Tag]] | None = None,
    ) -> None:
        """Add footage whose feature files are safe, in one transaction; it replaces the same path.

        `tags` are those of its shots, by their numbers, where they are known.

        New footage gets the slate of its own tags. Footage that is there already keeps its number,
        slate and bins, and gets the new shots.
        """
        video, audio = _packed(probe.video), _packed(probe.audio)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO footage "
                "(checksum, frames, duration, video, audio, title, author, licence, url) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (checksum) DO UPDATE SET "
                "(frames, duration, video, audio) = "
                "(excluded.frames, excluded.duration, excluded.video, excluded.audio)",
                (checksum, frames, str(duration), video, audio, *astuple(probe.tags)),
            )
            (number,) = db.execute(
                "SELECT id FROM footage WHERE checksum = ?", (checksum,)
            ).fetchone()
            binned = marked(db, number)
            db.execute("DELETE FROM shot WHERE footage = ?", (number,))
            db.executemany(
                "INSERT INTO shot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *_shot_row(shot)) for shot in shots),
            )
            mark_again(db, number, binned)
            if tags is not None:
                tag_rows.put(db, number, tags)
            self._revised(db, checksum)
            self._put(db, location, checksum)

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

    def revised(self, checksum: str) -> None:
        """Record that rows of footage were made anew."""
        with self._transaction() as db:
            self._revised(db, checksum)

    def _revised(self, db: sqlite3.Connection, checksum: str) -> None:
        db.execute("UPDATE revision SET latest = latest + 1")
        db.execute(
            "UPDATE footage SET revision = (SELECT latest FROM revision) WHERE checksum = ?",
            (checksum,),
        )

    def seen(self, location: Location, checksum: str) -> None:
        """Record that known footage lies at `location`."""
        with self._transaction() as db:
            self._put(db, location, checksum)

    def moved(self, found: Iterable[tuple[str, Location, Iterable[Path]]]) -> None:
        """Record, in one transaction, where footage lies now.

        Each find is its checksum, its new place, and the paths at which it does not lie any more.
        """
        with self._transaction() as db:
            for checksum, location, gone in found:
                db.executemany(
                    "UPDATE place SET missing = 1 WHERE path = ? AND footage = "
                    "(SELECT id FROM footage WHERE checksum = ?)",
                    [(_stored(path), checksum) for path in gone],
                )
                self._put(db, location, checksum)

    def mark_missing(self, paths: Iterable[Path]) -> None:
        """Record that nothing lies at these paths any more."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE place SET missing = 1 WHERE path = ?",
                ((_stored(path),) for path in paths),
            )

    def forget_unplaced(self) -> None:
        """Drop footage that lies at no path any more, not even a missing one.

        Call it only when all paths have been looked at: two files may have changed names.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM footage WHERE id NOT IN (SELECT footage FROM place)")

    def _put(self, db: sqlite3.Connection, location: Location, checksum: str) -> None:
        db.execute(
            "INSERT OR REPLACE INTO place (path, footage, size, mtime_ns, missing) "
            "SELECT ?, id, ?, ?, 0 FROM footage WHERE checksum = ?",
            (_stored(location.path), location.size, location.mtime_ns, checksum),
        )
        # Where a file was changed, or a moved one found again, nobody needs the old place.
        db.execute(
            "DELETE FROM place WHERE missing = 1 AND footage = "
            "(SELECT id FROM footage WHERE checksum = ?)",
            (checksum,),
        )


def parts_of(path: Path) -> tuple[str, ...]:
    """Return the folders and the name of a path, also of one that was written on Windows."""
    return PureWindowsPath(path).parts if _OF_WINDOWS.match(str(path)) else path.parts


def _packed(record: Video | Audio | None) -> str | None:
    if record is None:
        return None
    fields = asdict(record)
    return json.dumps(
        {name: str(v) if isinstance(v, Fraction) else v for name, v in fields.items()},
        sort_keys=True,
    )


@lru_cache(1024)
def _video(text: str) -> Video:
    """Return a record of video; the films of one camera share theirs."""
    fields: dict[str, Any] = json.loads(text)
    exact = {name: _fraction(fields[name]) for name in ("rate", "time_base", "start", "aspect")}
    return Video(**{**fields, **exact, "bars": Bars(**fields["bars"])})


@lru_cache(4096)
def _fraction(text: str) -> Fraction:
    """Return a fraction from its text; most films share theirs."""
    return Fraction(text)


def _audio(text: str | None) -> Audio | None:
    if text is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    return Audio(**{**fields, "start": Fraction(fields["start"])})


def _stored(path: Path) -> str | bytes:
    """Return a path as text or, where its name is not text in any language, as its bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _location(row: sqlite3.Row) -> Location:
    return Location(
        Path(os.fsdecode(row["path"])), row["size"], row["mtime_ns"], bool(row["missing"])
    )


def _footage(row: sqlite3.Row, locations: tuple[Location, ...]) -> Footage:
    video, duration = _video(row["video"]), _fraction(row["duration"])
    return Footage(
        id=row["id"],
        checksum=row["checksum"],
        frames=row["frames"],
        duration=duration,
        probe=Probe(video, _audio(row["audio"]), float(duration)),
        slate=Slate(row["title"], row["author"], row["licence"], row["url"]),
        locations=locations,
        revision=row["revision"],
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
