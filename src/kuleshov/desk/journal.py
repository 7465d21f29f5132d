"""Keep safe what was done to a project and is not in its file yet, line by line.

    journal = Journal(kept_beside(project, ".journal"))
    journal.begin(base_of(project))          # what the file holds, to which more is done
    journal.add({"do": "step", ...})         # on the disk when this returns
    ...
    stamp = journal.stamp                    # goes into the project, with all that was done
    journal.saved(stamp)                     # the project is on the disk: nothing is to be kept
    ...
    entries = Journal(path).left(base)       # what a process that was killed could not save

A project of many shots takes most of a second to be written, a line a few milliseconds. Each file
of a journal belongs to what a project file held: it names that, and lines are counted, so that what
is in the project already is not done twice. It lies among the user's caches, named by the project's
path: a project that is copied or moved away is what its file says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kuleshov.errors import NotWritten
from kuleshov.files import write_bytes

__all__ = ["Base", "Journal", "Stamp"]

Stamp = tuple[str, int]
"""The name of what a project file holds: all lines of this journal up to this number."""

Base = Stamp | str
"""The name of what a file holds, to which more is done: a stamp, or else its digest."""

_CHECK = 8  # bytes of a line's digest


class Journal:
    """A journal in a file, which is made with the first line. Safe among threads.

    A journal that cannot be written is not `safe` until all of it is in the project.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._name = secrets.token_hex(8)
        self._base: Base = ""
        self._lines: list[bytes] = []  # not in the project yet
        self._number = 0  # of the last line
        self._written = 0  # bytes of the file that are whole
        self._file: int | None = None
        self.safe = True

    @property
    def stamp(self) -> Stamp:
        """The stamp of a project that holds all that was done by now."""
        return (self._name, self._number)

    def begin(self, base: Base, entries: Sequence[Mapping[str, Any]] = ()) -> None:
        """Go on from what a project file holds, and from what was `left` besides."""
        with self._lock:
            self._base, self._number = base, len(entries)
            self._lines = [_line({**one, "n": n}) for n, one in enumerate(entries, 1)]
            self._again()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write what was done, and have it on the disk; where that fails it is not `safe`."""
        with self._lock:
            self._number += 1
            line = _line({"n": self._number, **entry})
            self._lines.append(line)
            if self.safe:
                self._append(line)

    def saved(self, stamp: Stamp) -> None:
        """Forget what a project file holds by now."""
        with self._lock:
            more = self._number - stamp[1]
            self._lines = self._lines[len(self._lines) - more :] if more else []
            self._base = stamp
            self._again()

    def close(self) -> None:
        """Take the file away, where nothing is left in it."""
        with self._lock:
            self._close()
            if not self._lines:
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)

    def left(self, base: Sequence[Base]) -> list[dict[str, Any]] | None:
        """Return what another process wrote that a project file does not hold, in its order.

        `base` are all the names of what the file holds. None: there is something, and it does not
        belong to that file.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return []
        told = [*_whole(lines)]
        if len(told) < 2:
            return []
        head, entries = told[0], told[1:]
        if _stamp(head.get("after")) in base:
            return entries
        for one in base:
            if not isinstance(one, str) and head.get("id") == one[0]:
                rest = [entry for entry in entries if entry["n"] > one[1]]
                fits = len(rest) < len(entries) or entries[0]["n"] == one[1] + 1
                return rest if fits else None
        return None

    def _append(self, line: bytes) -> None:
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
                self._file = os.open(self.path, flags, 0o600)
                os.ftruncate(self._file, self._written)
            data = line if self._written else self._head() + line
            os.lseek(self._file, self._written, os.SEEK_SET)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
            self._written += len(data)
        except OSError:
            self.safe = False

    def _head(self) -> bytes:
        return _line({"id": self._name, "after": self._base})

    def _again(self) -> None:
        """Write the file again, with what is not in the project."""
        if not self._lines:
            self._empty()
            return
        self._close()
        whole = b"".join([self._head(), *self._lines])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self.path, whole)
            self._written, self.safe = len(whole), True
        except (OSError, NotWritten):
            self.safe = False

    def _empty(self) -> None:
        self._written, self.safe = 0, True
        if self._file is None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            return
        try:
            os.ftruncate(self._file, 0)
        except OSError:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _stamp(told: object) -> Base | None:
    if isinstance(told, list) and len(told) == 2:
        return (str(told[0]), int(told[1]))
    return told if isinstance(told, str) else None


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return _check(text) + b" " + text + b"\n"


def _check(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_CHECK).hexdigest().encode()


def _whole(lines: Sequence[bytes]) -> Sequence[dict[str, Any]]:
    """Return the entries up to the first line that is not whole."""
    found: list[dict[str, Any]] = []
    for line in lines:
        check, _, text = line.partition(b" ")
        if check != _check(text):
            break
        found.append(json.loads(text))
    return found
