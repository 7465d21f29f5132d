"""Keep which file each thread of a process has in hand, where it outlives the process.

    with in_hand(path):
        packet.decode()

What decodes or opens what others wrote says so. Only a process that another watches over
(`media.guard`) keeps a record: a small file, mapped into memory, that is written at no cost worth
speaking of and read by the other when the process has died, hangs, or takes too much memory.
"""

from __future__ import annotations

import mmap
import stat
import struct
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from kuleshov.errors import MediaError

__all__ = [
    "Held",
    "check_openable",
    "check_refused",
    "in_hand",
    "keep_record",
    "read_record",
    "refuse",
]

_SLOTS, _SLOT = 32, 4096
_HEAD = struct.Struct("<QQ?H")  # thread, number of the holding, still held, bytes of the path
_NOTHING = nullcontext()


@dataclass(frozen=True)
class Held:
    """A file that a thread had in hand last.

    `number` grows with each taking up in the process; `busy` while it is in hand.
    """

    thread: int
    number: int
    busy: bool
    path: Path


class _Record:
    """The record of this process: one slot a thread."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(_SLOTS * _SLOT))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        self._numbers = count(1)
        self._slots: dict[int, _Holding] = {}
        self._lock = threading.Lock()

    def holding(self, path: Path) -> _Holding:
        thread = threading.get_ident()
        holding = self._slots.get(thread)
        if holding is None:
            with self._lock:
                holding = self._slots[thread] = _Holding(self, thread, self._free())
        holding.path = path
        return holding

    def _free(self) -> int:
        if len(self._slots) < _SLOTS:
            return len(self._slots)
        last = min(self._slots, key=lambda thread: self._slots[thread].number)
        return self._slots.pop(last).slot

    def write(self, holding: _Holding, busy: bool) -> None:
        holding.number = next(self._numbers)
        at = holding.slot * _SLOT
        name = b""
        if holding.path is not holding.written:
            name = str(holding.path).encode("utf-8", "surrogateescape")[: _SLOT - _HEAD.size]
            self._map[at + _HEAD.size : at + _HEAD.size + len(name)] = name
            holding.written, holding.length = holding.path, len(name)
        _HEAD.pack_into(self._map, at, holding.thread, holding.number, busy, holding.length)


class _Holding:
    """A context in which one thread has a file in hand; made once for each thread."""

    def __init__(self, record: _Record, thread: int, slot: int) -> None:
        self.thread, self.slot = thread, slot
        self.number = self.length = 0
        self.path = self.written = Path()
        self._record = record

    def __enter__(self) -> None:
        self._record.write(self, busy=True)

    def __exit__(self, *_: object) -> None:
        self._record.write(self, busy=False)


_record: _Record | None = None  # of the process, which is what it is about
_refused: dict[Path, str] = {}


def keep_record(file: Path) -> None:
    """Keep a record of this process in a file from now on."""
    global _record
    _record = _Record(file)


def refuse(files: Mapping[Path, str]) -> None:
    """Have these files refused by `check_openable` from now on, for the reasons given."""
    _refused.update(files)


def check_refused(path: Path) -> None:
    """Raise `MediaError` for a file that proved dangerous in an earlier process."""
    if path in _refused:
        raise MediaError(path, _refused[path])


def check_openable(path: Path) -> None:
    """Raise `MediaError` for what must not be opened.

    That is a folder, a pipe, for which one would wait for ever, or a file that proved dangerous in
    an earlier process.

    Raises `OSError` where nothing is known of it.
    """
    check_refused(path)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise MediaError(path, "it is a folder: name a film.")
    if not stat.S_ISREG(mode):
        raise MediaError(path, "it is not a regular file.")


def in_hand(path: Path) -> AbstractContextManager[None]:
    """Return a context in which a file is in hand; those of one thread are not nested."""
    return _NOTHING if _record is None else _record.holding(path)


def read_record(file: Path) -> list[Held]:
    """Return what the threads of another process had in hand last, the latest first."""
    try:
        data = file.read_bytes()
    except OSError:
        return []
    held = []
    for at in range(0, len(data) // _SLOT * _SLOT, _SLOT):
        thread, number, busy, length = _HEAD.unpack_from(data, at)
        if number:
            name = data[at + _HEAD.size : at + _HEAD.size + length]
            held.append(Held(thread, number, busy, Path(name.decode("utf-8", "surrogateescape"))))
    return sorted(held, key=lambda one: -one.number)
