"""The takes of a live view: one runs at a time, and becomes a project once it has ended.

What came is safe on the disk before the page is answered. A take ends when a person ends it, when
its page is silent for ten seconds, and with the server; one that a crash ended is finished when the
next view of the same folder begins.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuleshov.desk.takes import ENDINGS, Take, TakeHead, finished, unfinished
from kuleshov.errors import KuleshovError
from kuleshov.jobs import Job
from kuleshov.studio.answers import Refused

if TYPE_CHECKING:
    from kuleshov.archive.rows import ArchiveFilm
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.live import Answer

__all__ = ["KINDS", "Takes"]

KINDS = tuple(ENDINGS)
"""What a page may record."""

_SILENT = 10.0  # s without a part after which a take has ended
_WATCH = 1.0  # s between two looks whether it has

_log = logging.getLogger(__name__)


class Takes:
    """The takes of one view. Safe among threads; close it before its desk.

    `silent`: after so many s without a part a take has ended.
    """

    def __init__(self, desk: Desk, folder: Path, *, silent: float = _SILENT) -> None:
        self.folder = folder.absolute()
        self._desk, self._silent, self._job = desk, silent, Job()
        self._changed = threading.Condition()
        self._take: Take | None = None
        self._heard, self._page = 0.0, ""
        self._shown: tuple[float, Answer | None, ArchiveFilm | None] | None = None
        self._left: list[Path] = []  # journals that are to be finished
        self._project: Path | None = None
        self._text: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def state(self) -> dict[str, Any]:
        """Return how it stands, ready for JSON."""
        with self._changed:
            take, project = self._take, self._project
            finishing = bool(self._left)
            return {
                "state": "running" if take else "finishing" if finishing else "none",
                "name": take.name if take else None,
                "seconds": round(take.seconds, 1) if take else 0.0,
                "bytes": take.bytes if take else 0,
                "folder": str(self.folder),
                "project": None if project is None else str(project),
                "text": self._text,
            }

    def recover(self) -> None:
        """Finish the takes that were cut short before."""
        with self._changed:
            self._left += unfinished(self.folder)
            self._begin_thread()

    def begin(self, kind: str, head: Callable[[str], TakeHead]) -> None:
        """Begin a take of this kind of film. Raises `Refused`, `KuleshovError`."""
        with self._changed:
            if self._closed:
                raise Refused(409, "closed", "The live view was closed.")
            if self._take is not None:
                raise Refused(409, "take-runs", "A take runs already: end that first.")
            self._take = Take.begin(self.folder, head(ENDINGS[kind]))
            self._project = self._text = None
            self._heard = time.monotonic()
            if self._shown is not None:
                self._take.answered(*self._shown)
            self._begin_thread()

    def part(self, name: str, data: bytes, number: int, begins: float) -> None:
        """Keep a part of the take that runs. Raises `Refused` where it is another."""
        take = self._take
        if take is None or take.name != name:
            raise Refused(409, "take-ended", self._text or "This take has ended.")
        take.part(data, number, begins)
        with self._changed:
            self._heard = time.monotonic()
            if take.ended and take is self._take:
                self._ended(take)

    def end(self, *, why: str | None = None) -> None:
        """End the take that runs, if one does."""
        with self._changed:
            if self._take is not None:
                self._take.end()
                self._ended(self._take, why)

    def heard(self, at: float, answer: Answer | None, film: ArchiveFilm | None) -> None:
        """Hear what is shown to the camera."""
        take, self._shown = self._take, (at, answer, film)
        if take is not None:
            take.answered(at, answer, film)

    def froze(self, at: float, *, frozen: bool) -> None:
        """Hear that the picture stands still, or moves again."""
        take = self._take
        if take is not None:
            take.froze(at, frozen=frozen)

    def camera(self, page: str) -> None:
        """Hear that a page's camera is looked through; a take of another page's ends."""
        if page != self._page:
            self.end(why="The take has ended, and is kept: another window has the camera.")
        self._page, self._shown = page, None

    def close(self) -> None:
        """End the take that runs, and make the project of it."""
        self.end()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _ended(self, take: Take, why: str | None = None) -> None:
        self._take, self._text = None, take.why or why
        self._left.append(take.journal)
        self._changed.notify_all()

    def _begin_thread(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """End takes whose page is silent, and make projects of those that have ended."""
        while True:
            with self._changed:
                while not self._left and not self._closed:
                    self._changed.wait(_WATCH)
                    silent = time.monotonic() - self._heard > self._silent
                    if self._take is not None and silent:
                        self._take.end()
                        text = "The take has ended, and is kept: its page was closed."
                        self._ended(self._take, text)
                if not self._left:
                    return
                journal = self._left[0]
            self._finish(journal)

    def _finish(self, journal: Path) -> None:
        project, text = None, None
        try:
            project = finished(journal, self._desk, job=self._job)
        except KuleshovError as error:
            text = f"{journal.stem} is kept as it was recorded, without a project: {error}"
        except Exception as error:  # the page says so  # noqa: BLE001
            _log.error("a take: %s: %s", type(error).__name__, error)
            text = f"{journal.stem} is kept as it was recorded: something is wrong."
        with self._changed:
            with contextlib.suppress(ValueError):
                self._left.remove(journal)
            self._project = project or self._project
            self._text = text or self._text
