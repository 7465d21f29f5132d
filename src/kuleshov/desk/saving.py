"""Keep a file saved while it changes, and hold it so that one process at a time changes it.

It is saved in the background, soon after each change, and again and again where that fails.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs

from kuleshov.errors import KuleshovError

__all__ = ["Hold", "Saver", "kept_beside"]

_SOON = 0.25  # s after the first change that is not saved yet
_AGAIN = 3.0  # s after which a save that failed is tried again


def kept_beside(path: Path, suffix: str) -> Path:
    """Return where something is kept that belongs to a file, among the user's caches.

    So the user's own folder holds nothing that the user did not ask for.
    """
    folder = platformdirs.user_cache_path("kuleshov") / "projects"
    name = hashlib.blake2b(str(path.resolve()).encode("utf-8", "surrogateescape"), digest_size=12)
    return folder / f"{name.hexdigest()}{suffix}"


class Hold:
    """The right to change a file, which one has at a time, of all processes of a user."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock

        where = kept_beside(path, ".lock")
        where.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(where)

    def take(self) -> bool:
        """Take the right, unless somebody else has it, and return whether one has it now."""
        from filelock import Timeout

        if not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        return True

    def leave(self) -> None:
        """Let others have it."""
        if self._lock.is_locked:
            self._lock.release()


class Saver:
    """Calls `save` in a thread of its own within 0.3 s of each `changed`.

    `save` raises `KuleshovError` where it cannot; it is tried again every few seconds, and at the
    next change. `told` hears the sentence, and None when it is saved again.
    """

    def __init__(self, save: Callable[[], None], told: Callable[[str | None], None]) -> None:
        self._save, self._told = save, told
        self._wake = threading.Condition()
        self._saving = threading.Lock()
        self._due: float | None = None
        self._ended = False
        self._thread: threading.Thread | None = None
        self.error: str | None = None

    @property
    def saved(self) -> bool:
        """Whether there is nothing to be saved."""
        with self._wake:
            return self._due is None and not self._saving.locked()

    def changed(self) -> None:
        """Save soon."""
        with self._wake:
            if self._due is None or self.error is not None:
                self._due = time.monotonic() + _SOON
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(
                    target=self._run, name="kuleshov-saves", daemon=True
                )
                self._thread.start()
            self._wake.notify_all()

    def flush(self) -> bool:
        """Save now what is not saved yet, and return whether all is."""
        with self._saving:
            return self._once()

    def close(self) -> bool:
        """Save what is not saved yet, and end; return False, and go on, where that fails."""
        if not self.flush():
            return False
        with self._wake:
            self._ended = True
            self._wake.notify_all()
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._ended and (
                    self._due is None or (left := self._due - time.monotonic()) > 0
                ):
                    self._wake.wait(None if self._due is None else left)
                if self._ended:
                    return
            with self._saving:
                self._once()

    def _once(self) -> bool:
        with self._wake:
            if self._due is None:
                return True
            self._due = None
        try:
            self._save()
        except KuleshovError as error:
            with self._wake:
                self._due = time.monotonic() + _AGAIN
                self._wake.notify_all()  # it may wait for a change, while another thread saved
            self.error = str(error)
            self._told(self.error)
            return False
        if self.error is not None:
            self.error = None
        self._told(None)
        return True
