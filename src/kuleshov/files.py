"""Small files, written whole or not at all, and names of files."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kuleshov.errors import NotWritten

__all__ = [
    "check_writable",
    "new_beside",
    "plain_name",
    "remove_unfinished",
    "write_bytes",
    "write_text",
]


def plain_name(text: str) -> str:
    """A text as a part of a file's name on any system: small letters, figures and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) as `write_bytes` does.

    A path whose name is no text in any language, written into the file, stays the bytes it is.
    """
    write_bytes(path, text.encode("utf-8", errors="surrogateescape"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, sync it, and give it that name. Raises `NotWritten`."""
    path = Path(path)
    try:
        with _beside(path) as temporary:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise NotWritten(path, error) from error


def check_writable(path: Path) -> None:
    """Raise `NotWritten` where no file can be made at `path`; found out by making one beside it,
    since permissions do not tell it of everyone and everywhere."""
    path = Path(path)
    try:
        with _beside(path):
            pass
    except OSError as error:
        raise NotWritten(path, error) from error


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new, empty file in the folder of `path`, which is gone in the end. Raises `OSError`."""
    temporary = new_beside(path)
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def new_beside(path: Path, suffix: str = ".part") -> Path:
    """Make an empty file beside `path`, hidden and of a name that nothing else has, and return it.

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
