"""Keep results until they are committed: a folder for each process that makes some.

    ARCHIVE/staging/
    ├── HOST-PID-TOKEN.lock      held as long as the process lives
    └── HOST-PID-TOKEN/          what it has made so far
        └── abcdef…/             the files of one footage, as the store has them

Nobody removes the folder of a process that lives: its lock says so, and the system lets go of that
when the process ends, however it ends. The folder of a process on another machine, whose lock may
not be seen from here, is removed after a week without any change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
import uuid
from pathlib import Path
from typing import Self

from kuleshov.archive.store import Store
from kuleshov.files import plain_name
from kuleshov.jobs import undisturbed

__all__ = ["Staging", "sweep"]

_FOREIGN = 7 * 86400  # s without a change, after which nobody on another machine works there
_BARE = 3600  # s after which a lock without a folder is nobody's: the folder is made at once


class Staging:
    """The folder of one process, in `with`; it is gone afterwards.

    Another process on the same disk may make something in there (`Staging.at(path)`), as long as
    the one lives whose it is.
    """

    def __init__(self, root: Path) -> None:
        name = f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.path = root / "staging" / name

    @classmethod
    def at(cls, path: Path) -> Self:
        """Return another process's folder, for what is made on its behalf; not for `with`."""
        made = cls(path)
        made.path = path
        return made

    def __enter__(self) -> Self:
        from filelock import FileLock

        self.path.parent.mkdir(exist_ok=True)
        self._lock = FileLock(_lock_of(self.path))
        self._lock.acquire(timeout=0)
        self.path.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            _remove(self.path)
            self._lock.release()

    @property
    def store(self) -> Store:
        """The files in it, kept as an archive's are."""
        return Store.at(self.path)

    def clear(self, checksum: str) -> None:
        """Remove what was begun of one footage."""
        if checksum:  # an empty file has none
            shutil.rmtree(self.store.folder(checksum), ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove what processes left that do not live any more."""
    from filelock import FileLock, Timeout

    base = root / "staging"
    for path in [path for path in base.glob("*") if path.is_dir()]:
        if not path.name.startswith(f"{_host()}-") and _age(path) < _FOREIGN:
            continue
        lock = FileLock(_lock_of(path))
        with contextlib.suppress(Timeout, OSError):
            lock.acquire(timeout=0)
            try:
                _remove(path)
            finally:
                lock.release()
    for bare in base.glob("*.lock"):
        if not bare.with_suffix("").exists() and _age(bare) > _BARE:
            bare.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # Windows removes no file that is open
        _lock_of(path).unlink(missing_ok=True)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _host() -> str:
    return plain_name(socket.gethostname()) or "host"


def _age(path: Path) -> float:
    """Return the seconds since anything was changed in a folder, or since a file was."""
    times = [time.time()]
    with contextlib.suppress(OSError):
        times = [path.stat().st_mtime, *(p.stat().st_mtime for p in path.rglob("*"))]
    return time.time() - max(times)
