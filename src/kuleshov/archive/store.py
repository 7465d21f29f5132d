"""Store the archive's files: features, frame times and stills, a folder for each footage.

    ARCHIVE/
    ├── catalogue.sqlite
    ├── lock
    └── footage/ab/abcdef…/          named by the checksum of the film
        ├── frames.safetensors        pts (N,) int64; shown (M,) int64
        ├── tone.safetensors          rows (M, D) float16
        ├── subject.efficientnet-lite0.safetensors
        └── stills-000.jpg …          three stills a shot, 20 shots a row

Each feature file says in its header which facet, version and network it comes from, so that the
catalogue can be made again from the files, and a new facet or encoder leaves the others alone.
Files are written whole: to a temporary name, synced, renamed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ArchiveError
from kuleshov.features.specs import RowsSpec
from kuleshov.files import replacing
from kuleshov.jobs import QUIET, Job

__all__ = ["TYPES", "Store", "read_tensors", "sync_folder", "write_tensors", "write_whole"]

TYPES: dict[str, Any] = {
    "F16": np.float16,
    "F32": np.float32,
    "I8": np.int8,
    "I64": np.int64,
    "U8": np.uint8,
}
_PARTIAL = ".partial"
_FRAMES = "frames.safetensors"


class Store:
    """The store: the folder of files beside the catalogue."""

    def __init__(self, root: Path) -> None:
        self._root = root / "footage"

    @classmethod
    def at(cls, folder: Path) -> Store:
        """Return what lies in a folder as if it were the `footage` of an archive."""
        made = cls(folder)
        made._root = folder
        return made

    def folder(self, checksum: str) -> Path:
        """Return the folder of one footage's files."""
        return self._root / checksum[:2] / checksum

    def write_frames(self, checksum: str, pts: NDArray[np.int64], shown: NDArray[np.int64]) -> None:
        """Store when each of N frames is shown (ticks), and which frame each of M rows shows."""
        path = self.folder(checksum) / _FRAMES
        write_tensors(path, {"pts": pts, "shown": shown}, {"footage": checksum})

    def frames(self, checksum: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `pts` (N,) and `shown` (M,), memory-mapped."""
        tensors, _ = read_tensors(self.folder(checksum) / _FRAMES, "pts", "shown")
        return tensors["pts"].astype(np.int64, copy=False), tensors["shown"].astype(
            np.int64, copy=False
        )

    def write_features(self, checksum: str, spec: RowsSpec, rows: NDArray[np.float16]) -> None:
        """Store the rows (M, D) of one facet."""
        path = self.folder(checksum) / spec.file
        write_tensors(path, {"rows": rows}, {**spec.metadata(), "footage": checksum})

    def features(self, checksum: str, spec: RowsSpec) -> NDArray[np.float16]:
        """Return the rows (M, D) of one facet, memory-mapped.

        Raises `ArchiveError` where they are missing or were made by something else than `spec`.
        """
        path = self.folder(checksum) / spec.file
        tensors, metadata = read_tensors(path, "rows")
        if any(metadata.get(key) != value for key, value in spec.metadata().items()):
            raise ArchiveError(
                f"{path} was made by another version or network: index the footage again."
            )
        return tensors["rows"].astype(np.float16, copy=False)

    def has(self, checksum: str, specs: Iterable[RowsSpec]) -> bool:
        """Return whether the frame times and the rows of all these facets are there and sound."""
        try:
            self.frames(checksum)
            for spec in specs:
                self.features(checksum, spec)
        except ArchiveError:
            return False
        return True

    def adopt(self, checksum: str, other: Store) -> None:
        """Move the files of one footage here from another store, in which they are safe.

        Where footage has files already, those of the same names are replaced; what says that it is
        complete comes last.
        """
        here, there = self.folder(checksum), other.folder(checksum)
        here.parent.mkdir(parents=True, exist_ok=True)
        if not here.exists() and here.parent.stat().st_dev == there.stat().st_dev:
            there.replace(here)
        else:
            here.mkdir(exist_ok=True)
            for path in sorted(there.iterdir(), key=lambda path: (path.name == _FRAMES, path.name)):
                _move(path, here / path.name)
            sync_folder(here)
        sync_folder(here.parent)
        sync_folder(self._root)

    def sweep(self, known: set[str], job: Job = QUIET) -> None:
        """Remove what an interrupted run left: half-written files, footage not in `known`."""
        for folder in job.over(self._root.glob("??/*")):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(OSError):  # others share its first two letters
                    folder.parent.rmdir()
            else:
                job.check()
                for partial in folder.glob(f"*{_PARTIAL}"):
                    partial.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, even if the machine stops half way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, _PARTIAL) as file:
        file.write(data)
    sync_folder(path.parent)


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]
) -> None:
    """Write a safetensors file whole.

    The same tensors give the same bytes; the library's own writer shuffles the header.
    """
    names = {np.dtype(kind): name for name, kind in TYPES.items()}
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    parts: list[bytes] = []
    at = 0
    for name, array in sorted(tensors.items()):
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [at, at + len(data)],
        }
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned
    write_whole(path, b"".join((struct.pack("<Q", len(text)), text, *parts)))


def read_tensors(path: Path, *names: str) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
    """Return the tensors of a safetensors file, mapped and not copied, and its metadata.

    The library's own reader copies into memory what it gives to NumPy. Raises `ArchiveError` for a
    file that is missing, damaged, or without one of the tensors `names`.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size - 8:
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        mapped = np.memmap(path, np.uint8, "r", 8 + length)
        tensors: dict[str, NDArray[np.generic]] = {}
        metadata = dict(header.pop("__metadata__", {}))
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            flat = mapped[begin:end].view(TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
        if missing := set(names) - set(tensors):
            raise ValueError(f"it holds no {', '.join(sorted(missing))}")
    except FileNotFoundError as error:
        raise ArchiveError(f"{path} is missing: index the footage again.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ArchiveError(f"{path} is damaged ({error}): index the footage again.") from error
    return tensors, metadata


def _move(path: Path, to: Path) -> None:
    """Move a file that is safe, also from another disk."""
    try:
        path.replace(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        write_whole(to, path.read_bytes())
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    if os.name == "nt":  # Windows cannot open folders, and syncs renames by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
