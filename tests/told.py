"""Jobs that remember what they were told, and that stop themselves somewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuleshov.errors import Stopped
from kuleshov.jobs import Job, Step
from kuleshov.notes import Note

__all__ = ["Told", "everything_in", "stops_anywhere", "threads_at_work"]


class Told(Job):
    """A job that remembers: the steps that `began`, how far they moved (what, done, of), which
    ended with what outcome, and `notes`. It stops itself at telling `stop_at`, or when it is looked
    at for the `look`th time, counted from 1."""

    def __init__(self, stop_at: int | None = None, look: int | None = None) -> None:
        super().__init__(self)
        self.count = self.looks = 0
        self._look = look
        self.begun: list[str] = []
        self.moves: list[tuple[str, float, float | None]] = []
        self.outcomes: list[tuple[str, str]] = []
        self.notes: list[Note] = []
        self._stop_at = stop_at

    def began(self, step: Step) -> None:
        self.begun.append(step.what)
        self._counted()

    def moved(self, step: Step) -> None:
        self.moves.append((step.what, step.done, step.of))
        self._counted()

    def ended(self, step: Step) -> None:
        self.outcomes.append((step.what, step.outcome))

    def noted(self, note: Note) -> None:
        self.notes.append(note)

    def check(self) -> None:
        self.looks += 1
        if self.looks == self._look:
            self.stop()
        super().check()

    def _counted(self) -> None:
        self.count += 1
        if self.count == self._stop_at:
            self.stop()


def threads_at_work() -> int:
    """How many threads there are, but for those that wait a while for another call."""
    return sum(thread.name != "kuleshov-aside" for thread in threading.enumerate())


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """All that lies below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def stops_anywhere(
    call: Callable[[Job], Any],
    *,
    steps: int = 1,
    points: int = 6,
    folder: Path | None = None,
    part: float = 1.0,
) -> Any:
    """See that a call can be stopped wherever it looks whether it is to stop, at the first and the
    last of these among others, and then leaves nothing in `folder` but what was there; return what
    it returns when it is not stopped. It has told so many `steps` at least, and all have ended.

    `part` of all looks are tried: a call that waits for another process looks now more, now less
    often.
    """
    before = {} if folder is None else everything_in(folder)
    whole = Told()
    made = call(whole)
    assert len(whole.begun) >= steps, whole.begun
    assert len(whole.outcomes) == len(whole.begun)
    assert whole.steps == ()
    last = max(1, int(whole.looks * part))
    for at in sorted({1 + (last - 1) * n // max(1, points - 1) for n in range(points)}):
        if folder is not None:
            _only(before, folder)
        job = Told(look=at)
        with pytest.raises(Stopped):
            call(job)
        assert job.steps == (), "every step ends"
        if folder is not None:
            assert everything_in(folder) == before, f"stopped at look {at} of {whole.looks}"
    return made


def _only(before: dict[str, bytes | None], folder: Path) -> None:
    """Take away what was not there before."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.relative_to(folder).as_posix() not in before:
            path.rmdir() if path.is_dir() else path.unlink()
