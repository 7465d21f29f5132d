"""Write small files, whole or not at all, and make names of files."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kuleshov.errors import NotWritten

__all__ = [
    "Kept",
    "Usage",
    "cache_folder",
    "check_writable",
    "new_beside",
    "plain_name",
    "remove_unfinished",
    "replacing",
    "write_bytes",
    "write_text",
]

_LEFT_OVER = 86400  # s, after which a file that was not finished is nobody's any more
_LOOK = 50  # parts of a limit, after one of which is written what is kept is counted again


@dataclass(frozen=True)
class Usage:
    """The usage of a cache: how many entries there are, and the bytes that they take."""

    entries: int
    bytes: int


class Kept:
    """A folder of files that can be made again, which together take no more bytes than `limit`.

    Where they take more, those go first that were not used for longest. It is made when the first
    is put into it, and may be shared by any number of processes: each file is written whole, and
    whoever reads must reckon with one being gone. Files lie in it, or in folders of it, under any
    name that does not begin with a dot. What cannot be written is not kept, and nobody hears of it.
    Only files whose paths match `pattern` are counted and deleted: whoever names the folder may
    have other files there.
    """

    def __init__(self, folder: Path, limit: int, pattern: str = "**/[!.]*") -> None:
        self.folder, self.limit, self.pattern = Path(folder), limit, pattern
        self._written: float = limit  # bytes since it was last counted: so at once

    def get(self, name: str) -> bytes | None:
        """Return the content of a file; None where it is not there."""
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError:
            return None
        self.used(path)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep a file, where that can be written, and take away what is too much."""
        if len(data) > self.limit:
            return
        path = self.folder / name
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, data)
            self.added(len(data))

    def used(self, path: Path) -> None:
        """Remember that a file was of use just now."""
        with contextlib.suppress(OSError):
            os.utime(path)

    def added(self, size: int) -> None:
        """Count a file of `size` bytes that was moved into the folder.

        What is too much is deleted.
        """
        self._written += size
        if self._written * _LOOK < self.limit:
            return
        self._written = 0
        entries = self._entries()
        taken = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if taken <= self.limit:
                break
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                taken -= size
                self._tidy([path])
        for path in self.folder.rglob(".*.part"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER:
                    path.unlink()

    def usage(self) -> Usage:
        """Return how much is kept."""
        sizes = [size for _, size, _ in self._entries()]
        return Usage(len(sizes), sum(sizes))

    def empty(self) -> Usage:
        """Take all files away; return what there was."""
        known = self.usage()
        entries = self._entries()
        for _, _, path in entries:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self._tidy([path for _, _, path in entries])
        return known

    def _tidy(self, gone: Iterable[Path]) -> None:
        """Delete the folders in which nothing is left, now that these files are gone."""
        within = {above for path in gone for above in path.parents} - {self.folder}
        for folder in sorted(within - set(self.folder.parents), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _entries(self) -> list[tuple[float, int, Path]]:
        """Return when each file was used last, its bytes and its path, the oldest first."""
        found = []
        for path in self.folder.glob(self.pattern):
            with contextlib.suppress(OSError):  # another process has taken it away
                about = path.stat()
                if not path.is_dir():
                    found.append((about.st_mtime, about.st_size, path))
        return sorted(found)


def cache_folder(name: str, own: str = "") -> Path:
    """Return where a cache lies: a folder `name` among the user's caches.

    The environment's `KULESHOV_` and that name may name another; then it is that folder, or the one
    called `own` in it.
    """
    named = os.environ.get(f"KULESHOV_{name.upper()}")
    if named:
        return Path(named) / own
    from platformdirs import user_cache_path

    return user_cache_path("kuleshov") / name


def plain_name(text: str) -> str:
    """Return a text as a part of a file's name on any system.

    It has small letters, figures and hyphens.
    """
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) as `write_bytes` does.

    A path whose name is not text in any language, written into the file, stays the bytes it is.
    """
    write_bytes(path, text.encode("utf-8", errors="surrogateescape"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync it, and give it that name. Raises `NotWritten`."""
    path = Path(path)
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise NotWritten(path, error) from error


@contextlib.contextmanager
def replacing(path: Path, suffix: str = ".part") -> Iterator[IO[bytes]]:
    """Open a new file beside `path`, which takes its name, synced, when the block ends.

    Where the block ends with an error the file is gone, and `path` is as it was. Raises `OSError`.
    """
    with _beside(path, suffix) as temporary:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def check_writable(path: Path) -> None:
    """Raise `NotWritten` where no file can be made at `path`.

    It is found out by making one beside it, since permissions do not tell it of everyone and
    everywhere.
    """
    path = Path(path)
    try:
        with _beside(path):
            pass
    except OSError as error:
        raise NotWritten(path, error) from error


@contextlib.contextmanager
def _beside(path: Path, suffix: str = ".part") -> Iterator[Path]:
    """Yield a new, empty file in the folder of `path`, which is gone at the end.

    Raises `OSError`.
    """
    temporary = new_beside(path, suffix)
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def new_beside(path: Path, suffix: str = ".part") -> Path:
    """Make an empty file beside `path`, hidden and with a unique name, and return it.

    The name ends in this process's number and `suffix`, so that what a process left that was killed
    can be told (`media.guard`). It has the rights that a file at `path` has, or would have; whoever
    asked for it writes it and moves it to `path`, or takes it away. Two jobs that write one path,
    in one process or in two, never meet in it. Raises `OSError`.
    """
    path = Path(path)
    folder = path.absolute().parent
    handle, name = tempfile.mkstemp(
        dir=folder, prefix=f".{path.name[:100]}.", suffix=f".{os.getpid()}{suffix}"
    )
    os.close(handle)
    made = Path(name)
    with contextlib.suppress(OSError):
        made.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
    return made


def remove_unfinished(path: Path, process: int) -> None:
    """Remove what another process that was ended had begun to write beside `path`."""
    for begun in Path(path).absolute().parent.glob(f".*.{process}.part"):
        with contextlib.suppress(OSError):
            begun.unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
