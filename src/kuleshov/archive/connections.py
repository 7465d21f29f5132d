"""Open connections to one SQLite file, for any number of threads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from kuleshov.errors import ArchiveError, Closed

__all__ = ["Connections"]

_PATIENCE = 30.0  # s that one waits for another process's transaction
_memories = count()


class Connections:
    """A pool that gives each thread a connection while it needs one, and keeps unused ones.

    There are as many as were ever needed at once. `path` may be `:memory:`, which is a database of
    this object's own. Raises `ArchiveError` where the file cannot be opened.
    """

    def __init__(self, path: Path | str, *, read_only: bool) -> None:
        self._path, self._read_only = path, read_only
        self._memory = f"file:kuleshov-{next(_memories)}?mode=memory&cache=shared"
        self._lock, self._watching = threading.Lock(), threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._mine = threading.local()
        # It never writes, so that every commit is another connection's. It also keeps a database in
        # memory alive, and the file open, whose log would be merged each time the last one closes.
        self._watch = self._connected()

    def close(self) -> None:
        """Close all connections; one still in use is closed when its thread gives it back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        with self._watching:
            for db in (*idle, self._watch):
                db.close()

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; within the block this thread is given the same one again."""
        mine: sqlite3.Connection | None = getattr(self._mine, "db", None)
        if mine is not None:
            yield mine
            return
        with self._lock:
            if self._closed:
                raise Closed("The archive")
            db = self._idle.pop() if self._idle else None
        if db is None:
            db = self._connected()
        self._mine.db = db
        try:
            yield db
        finally:
            self._mine.db = None
            with self._lock:
                wanted = not self._closed
                if wanted:
                    self._idle.append(db)
            if not wanted:
                db.close()

    def version(self) -> int:
        """Return a number that changes after any commit."""
        with self._watching:
            if self._closed:
                raise Closed("The archive")
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def _connected(self) -> sqlite3.Connection:
        try:
            return connected(self._where(), read_only=self._read_only)
        except sqlite3.Error as error:
            raise ArchiveError(f"{self._path} cannot be opened as a catalogue: {error}.") from error

    def _where(self) -> str:
        if self._path == ":memory:":
            return self._memory
        mode = "ro" if self._read_only else "rwc"
        return f"{Path(self._path).resolve().as_uri()}?mode={mode}"


def connected(uri: str, *, read_only: bool) -> sqlite3.Connection:
    """Return a new connection. Raises `sqlite3.Error`."""
    # Connections change threads, but are never two threads' at once.
    db = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
    )
    try:
        if not read_only:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.row_factory = sqlite3.Row
    except BaseException:
        db.close()
        raise
    return db
