"""Pack the rows of many films into one file, so that a large archive is opened at once.

    ARCHIVE/packs/000001.subject.efficientnet-lite0.pack

A pack holds one kind of rows and is a safetensors file, mapped. Its `films` say where the rows of
each film lie, and at which revision of the footage they were taken. A pack is written whole and
never changed: new films go into a new one, and old ones are removed once all that counts in them
lies in another. A pack is a copy: the files of each footage stay what is true, so that a pack that
is damaged or lost costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.store import TYPES, read_tensors, sync_folder
from kuleshov.errors import ArchiveError
from kuleshov.files import new_beside
from kuleshov.jobs import QUIET, Job

__all__ = ["Damaged", "Pack", "PackKind", "Packed", "Packs", "kind_of", "write_pack"]

_SUFFIX, _DAMAGED = ".pack", ".damaged"
_NUMBERED = re.compile(r"(\d+)\..*")
_LARGEST = (1 << 63) - 1
_SYNCED = 64 << 20  # bytes written before the disk is waited for
_COPIED = 4 << 20  # bytes copied between two looks whether to stop
_HEADER = 4096  # bytes, filled up with blanks: it is written last

Array = NDArray[Any]


class Damaged(ArchiveError):
    """Raised where what a pack holds of a film is not what was written."""


@dataclass(frozen=True)
class PackKind:
    """A kind of rows: `name` is a part of the file's name, `about` all that they depend on."""

    name: str
    about: tuple[tuple[str, str], ...]


class Pack:
    """An open pack. Raises `ArchiveError` where the file is damaged or gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        tensors, metadata = read_tensors(path, "films", "checksums")
        # Plain arrays: those that know the file they are mapped from are slow to cut.
        self._tensors = {name: np.asarray(tensor) for name, tensor in tensors.items()}
        self._films = np.array(self._tensors.pop("films"))
        names = np.array(self._tensors.pop("checksums"))
        if metadata.pop("index", "") != f"{_sum(self._films) ^ _sum(names):x}":
            raise ArchiveError(f"{path} is damaged: its list of films is not what was written.")
        self._columns = {name: 1 + 3 * n for n, name in enumerate(sorted(self._tensors))}
        self.kind = PackKind(path.name.partition(".")[2].removesuffix(_SUFFIX), _about(metadata))
        long, text = names.shape[1], names.tobytes().decode("latin-1")
        checksums = (text[at : at + long] for at in range(0, len(text), long))
        self.films = list(zip(checksums, self._films[:, 0].tolist(), strict=True))
        self._sound: set[tuple[str, int]] = set()
        self._looked: set[str] = set()

    def __len__(self) -> int:
        return len(self.films)

    @property
    def is_damaged(self) -> bool:
        """Whether somebody has found the pack damaged."""
        return self.path.with_suffix(_DAMAGED).exists()

    def has(self, name: str) -> bool:
        """Return whether there are rows of this name."""
        return name in self._tensors

    def part(self, name: str, at: int) -> Array:
        """Return what the pack holds of a film, mapped.

        It is checked when it is first asked for. Raises `Damaged` where it is not what was written,
        and leaves a sign beside the file.
        """
        column, tensor = self._columns[name], self._tensors[name]
        first, count, expected = self._films[at, column : column + 3].tolist()
        rows = tensor[first : first + count]
        if name not in self._looked and tensor.dtype == np.int64:
            self._look_through(name)
        if (name, at) not in self._sound:
            if len(rows) != count or _sum(rows) != expected:
                with contextlib.suppress(OSError):
                    self.path.with_suffix(_DAMAGED).touch()
                raise Damaged(f"{self.path} is damaged; the next `index` makes it anew.")
            self._sound.add((name, at))
        return rows

    def _look_through(self, name: str) -> None:
        """Check what all films have at once, as is done with what every call needs."""
        self._looked.add(name)
        column, flat = self._columns[name], self._tensors[name].reshape(-1).view(np.uint64)
        wide = flat.size // max(1, len(self._tensors[name]))
        first, count, expected = self._films[:, column : column + 3].T
        whole = np.concatenate(([0], np.cumsum(count)))
        if not flat.size or not np.array_equal(first, whole[:-1]) or whole[-1] * wide != flat.size:
            return
        there = np.flatnonzero(count)
        sums = np.add.reduceat(flat, first[there] * wide).astype(np.uint64)
        sums = (sums + (count[there] * wide * 8).astype(np.uint64)) & np.uint64(_LARGEST)
        sound = there[sums == expected[there].astype(np.uint64)]
        self._sound.update((name, at) for at in sound.tolist())

    def remove(self) -> None:
        """Remove the file.

        Where it is mapped elsewhere and that forbids it, it stays a while.
        """
        for path in (self.path, self.path.with_suffix(_DAMAGED)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


File = tuple[int, int, int]


def _file(path: Path) -> tuple[Path, File] | None:
    """Return a path with what tells its file from another one of that name; None where it went."""
    try:
        about = path.stat()
    except OSError:
        return None
    return path, (about.st_ino, about.st_size, about.st_mtime_ns)


class Packs:
    """The packs of an archive. Safe among threads; opened again when files come and go."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "packs"
        self._lock = threading.Lock()
        self._open: dict[Path, Pack] = {}
        self._tables: dict[PackKind, dict[tuple[str, int], tuple[Pack, int]]] = {}
        self._broken: set[Path] = set()
        self._there: dict[Path, File] = {}

    def refresh(self) -> None:
        """Open the packs that came since, and forget those that went."""
        with self._lock:
            there = dict(filter(None, map(_file, self.folder.glob(f"*{_SUFFIX}"))))
            if there == self._there:
                return
            same = {path for path, file in there.items() if self._there.get(path) == file}
            self._open = {path: pack for path, pack in self._open.items() if path in same}
            self._broken &= same
            for path in there.keys() - self._open - self._broken:
                try:
                    self._open[path] = Pack(path)
                except ArchiveError:
                    self._broken.add(path)
            self._there = there
            tables: dict[PackKind, dict[tuple[str, int], tuple[Pack, int]]] = {}
            for path in sorted(self._open):  # of two that hold a film the newer one counts
                pack = self._open[path]
                table = tables.setdefault(pack.kind, {})
                table.update((film, (pack, at)) for at, film in enumerate(pack.films))
            self._tables = tables

    def table(self, kind: PackKind) -> Mapping[tuple[str, int], tuple[Pack, int]]:
        """Return where films lie, by the checksum and revision of their footage."""
        return self._tables.get(kind, {})

    def all(self) -> list[Pack]:
        """Return all packs, the oldest first."""
        return [self._open[path] for path in sorted(self._open)]

    def tidy(self) -> None:
        """Remove packs that cannot be opened, and what a killed process began to write."""
        for path in self._broken:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for path in self.folder.glob(".*.part"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def new_path(self, kind: PackKind) -> Path:
        """Return a name for a pack that is greater than all there are."""
        numbers = [int(m[1]) for p in self.folder.glob("*") if (m := _NUMBERED.fullmatch(p.name))]
        return self.folder / f"{max(numbers, default=0) + 1:06d}.{kind.name}{_SUFFIX}"


@dataclass(frozen=True, eq=False)
class Packed:
    """A film to be packed: its checksum, its revision, and its rows by name."""

    checksum: str
    revision: int
    parts: Mapping[str, Array]


def write_pack(
    path: Path,
    kind: PackKind,
    films: Iterable[Packed],
    types: Mapping[str, str],
    job: Job = QUIET,
) -> int:
    """Write a pack whole or not at all, film by film: memory does not grow with it.

    All films have rows of the same names, as wide and of the same `types` (as safetensors calls
    them). Returns how many there were; without any, nothing is written. Raises `OSError`.
    """
    path.parent.mkdir(exist_ok=True)
    partial = new_beside(path)
    try:
        with partial.open("wb") as file, _Writer(file, kind, types) as writer:
            written = 0
            for film in films:
                written += writer.add(film)
                if written > _SYNCED:
                    # Synced as it goes: all at once it would take as long as the disk needs for it.
                    _sync(file)
                    written = 0
            writer.finish(job)
            job.check()
            _sync(file)
            count = len(writer.table)
        if count:
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    if count:
        sync_folder(path.parent)
    return count


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


class _Writer:
    """A writer of one pack.

    The rows of the first name are written as they come; the others are put behind them.
    """

    def __init__(self, file: IO[bytes], kind: PackKind, types: Mapping[str, str]) -> None:
        self._file, self._kind, self._types = file, kind, types
        self._first, *others = sorted(types)
        # On the same disk: that of temporary files may be small.
        folder = Path(file.name).parent
        self._spools = {n: tempfile.TemporaryFile(dir=folder) for n in others}  # noqa: SIM115
        self._done = dict.fromkeys(types, 0)
        self._widths: dict[str, tuple[int, ...]] = {}
        self._checksums: list[bytes] = []
        self.table: list[list[int]] = []
        file.seek(_HEADER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools.values():
            spool.close()

    def add(self, film: Packed) -> int:
        """Add a film; return how many bytes that were."""
        line, size = [film.revision], 0
        for name in sorted(self._types):
            rows = np.ascontiguousarray(film.parts[name])
            if self._widths.setdefault(name, rows.shape[1:]) != rows.shape[1:]:
                raise ArchiveError(f"The rows of {film.checksum[:12]} are not as wide as others.")
            self._spools.get(name, self._file).write(rows.tobytes())
            line += [self._done[name], len(rows), _sum(rows)]
            self._done[name] += len(rows)
            size += rows.nbytes
        self.table.append(line)
        self._checksums.append(film.checksum.encode())
        return size

    def finish(self, job: Job = QUIET) -> None:
        if not self.table:
            return
        file, header, at = self._file, {}, 0
        table = np.array(self.table, np.int64)
        checksums = np.array([list(checksum) for checksum in self._checksums], np.uint8)
        for name in sorted(self._types):
            kind = self._types[name]
            shape = (self._done[name], *self._widths[name])
            length = int(np.prod(shape, dtype=np.int64)) * np.dtype(TYPES[kind]).itemsize
            if name in self._spools:
                file.seek(_HEADER + at)
                self._spools[name].seek(0)
                written = 0
                while part := self._spools[name].read(_COPIED):
                    job.check()
                    file.write(part)
                    written += len(part)
                    if written > _SYNCED:
                        _sync(file)
                        written = 0
            header[name] = _tensor(kind, shape, at, length)
            at += length + -length % 8
        for name, array, kind in (("films", table, "I64"), ("checksums", checksums, "U8")):
            file.seek(_HEADER + at)
            file.write(array.tobytes())
            header[name] = _tensor(kind, array.shape, at, array.nbytes)
            at += array.nbytes + -array.nbytes % 8
        index = f"{_sum(table) ^ _sum(checksums):x}"
        metadata = {**dict(self._kind.about), "index": index}
        text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
        file.seek(0)
        file.write(struct.pack("<Q", _HEADER - 8) + text.ljust(_HEADER - 8))


def _tensor(kind: str, shape: tuple[int, ...], at: int, length: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + length]}


def _about(metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(metadata.items()))


def kind_of(name: str, about: Mapping[str, str]) -> PackKind:
    """Return a kind by all that its rows depend on."""
    return PackKind(name, _about(about))


def _sum(array: Array) -> int:
    """Return a checksum that differs where some byte does, found as fast as memory is read."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = len(flat) // 8 * 8
    words = int(np.add.reduce(flat[:whole].view("<u8"), dtype=np.uint64))
    rest = int.from_bytes(flat[whole:].tobytes(), "little")
    return (words + rest * 31 + len(flat)) & _LARGEST
