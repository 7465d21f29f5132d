"""The archive's files: features, frame times and stills, a folder for each footage.

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
import json
import os
import shutil
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ArchiveError
from kuleshov.files import new_beside, plain_name

__all__ = ["FeatureTag", "Store", "read_tensors", "write_tensors"]

_TYPES = {"F16": np.float16, "F32": np.float32, "I64": np.int64, "U8": np.uint8}
_PARTIAL = ".partial"


@dataclass(frozen=True)
class FeatureTag:
    """What a row of features was made by: two rows compare only where these agree."""

    facet: str
    version: int
    model: str
    checksum: str
    grid: int

    @property
    def file(self) -> str:
        """The name of the file: rows of several networks may lie side by side."""
        return ".".join(filter(None, (self.facet, plain_name(self.model), "safetensors")))

    def metadata(self) -> dict[str, str]:
        """As the text that a safetensors header holds."""
        return {
            "facet": self.facet,
            "version": str(self.version),
            "model": self.model,
            "model_checksum": self.checksum,
            "grid": str(self.grid),
        }


class Store:
    """The folder of files beside the catalogue."""

    def __init__(self, root: Path) -> None:
        self._root = root / "footage"

    def folder(self, checksum: str) -> Path:
        """Where the files of one footage lie."""
        return self._root / checksum[:2] / checksum

    def write_frames(self, checksum: str, pts: NDArray[np.int64], shown: NDArray[np.int64]) -> None:
        """Store when each of N frames is shown (ticks) and which frame each of M rows shows."""
        path = self.folder(checksum) / "frames.safetensors"
        write_tensors(path, {"pts": pts, "shown": shown}, {"footage": checksum})

    def frames(self, checksum: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`pts` (N,) and `shown` (M,), memory-mapped."""
        tensors, _ = read_tensors(self.folder(checksum) / "frames.safetensors", "pts", "shown")
        return tensors["pts"].astype(np.int64, copy=False), tensors["shown"].astype(
            np.int64, copy=False
        )

    def write_features(self, checksum: str, tag: FeatureTag, rows: NDArray[np.float16]) -> None:
        """Store the rows (M, D) of one facet."""
        path = self.folder(checksum) / tag.file
        write_tensors(path, {"rows": rows}, {**tag.metadata(), "footage": checksum})

    def features(self, checksum: str, tag: FeatureTag) -> NDArray[np.float16]:
        """The rows (M, D) of one facet, memory-mapped.

        Raises `ArchiveError` where they are missing or were made by something else than `tag`.
        """
        path = self.folder(checksum) / tag.file
        tensors, metadata = read_tensors(path, "rows")
        if any(metadata.get(key) != value for key, value in tag.metadata().items()):
            raise ArchiveError(
                f"{path} was made by another version or network: index the footage again."
            )
        return tensors["rows"].astype(np.float16, copy=False)

    def has(self, checksum: str, tags: Iterable[FeatureTag]) -> bool:
        """Whether the frame times and the rows of all these facets are there and sound."""
        try:
            self.frames(checksum)
            for tag in tags:
                self.features(checksum, tag)
        except ArchiveError:
            return False
        return True

    def sweep(self, known: set[str]) -> None:
        """Remove what an interrupted run left: half-written files, footage not in `known`."""
        for folder in self._root.glob("??/*"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(OSError):  # others share its first two letters
                    folder.parent.rmdir()
        for partial in self._root.glob(f"??/*/*{_PARTIAL}"):
            partial.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, even if the machine stops half way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = new_beside(path, _PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]
) -> None:
    """Write a safetensors file whole.

    The same tensors give the same bytes; the library's own writer shuffles the header.
    """
    names = {np.dtype(kind): name for name, kind in _TYPES.items()}
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
    """Map a safetensors file into memory: its tensors, not copied, and its metadata.

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
            flat = mapped[begin:end].view(_TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
        if missing := set(names) - set(tensors):
            raise ValueError(f"it holds no {', '.join(sorted(missing))}")
    except FileNotFoundError as error:
        raise ArchiveError(f"{path} is missing: index the footage again.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ArchiveError(f"{path} is damaged ({error}): index the footage again.") from error
    return tensors, metadata


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders, and syncs renames by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
