"""Every open window, and what is still to be told to each.

A window that is slow, or asleep in another tab, is told less often and never of anything old: of
the state there is one word, of each job the last one. So what waits does not grow with time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from kuleshov.notes import Note

__all__ = ["Hub", "Window"]

_NOTES = 100  # that wait for one window
_SEGMENTS = 20_000  # the same

STATE: Mapping[str, Any] = {"type": "state"}
"""That the state is to be told, which is looked up only when it is."""


class Window:
    """One window: what it has not been told yet."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._notes: deque[Mapping[str, Any]] = deque(maxlen=_NOTES)
        self._there = asyncio.Event()

    def put(self, message: Mapping[str, Any]) -> None:
        """Remember to tell something; an older word on the same is forgotten."""
        kind = message["type"]
        if kind in ("note", "refused"):
            self._notes.append(message)
        else:
            key = (kind, str(message.get("id") or message.get("key") or ""))
            self._waiting.pop(key, None)
            self._waiting[key] = message
            if len(self._waiting) > _SEGMENTS:
                self._waiting.pop(next(iter(self._waiting)))
        self._there.set()

    async def next(self) -> Mapping[str, Any]:
        """Return what is to be told next, waiting for it."""
        while True:
            if self._waiting:
                return self._waiting.pop(next(iter(self._waiting)))
            if self._notes:
                return self._notes.popleft()
            self._there.clear()
            await self._there.wait()


class Hub:
    """All windows of one studio. `tell` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: set[Window] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Say on which loop the windows are served; None once it ends."""
        with self._lock:
            self._loop = loop

    def join(self) -> Window:
        """Return a new window."""
        window = Window()
        self._windows.add(window)
        return window

    def leave(self, window: Window) -> None:
        """Note that a window was closed."""
        self._windows.discard(window)

    def __len__(self) -> int:
        return len(self._windows)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Tell every window something."""
        with self._lock:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._put, message)

    def note(self, note: Note) -> None:
        """Tell every window a note."""
        self.tell({"type": "note", "code": note.code, "text": note.text})

    def _put(self, message: Mapping[str, Any]) -> None:
        for window in self._windows:
            window.put(message)
