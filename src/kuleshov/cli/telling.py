"""Tell the steps of a job on stderr: as bars on a terminal, else in lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kuleshov.cli import common
from kuleshov.cli.hints import hinted
from kuleshov.jobs import Job, Step
from kuleshov.notes import Note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["EVERY", "telling"]

EVERY = 30.0
"""Seconds after which it is said again how far something is, where no terminal shows bars."""

_NEXT = 0.1  # s between two changes of a bar
_UNSAID = "known"  # an outcome that needs no line: nothing was done


@contextmanager
def telling() -> Iterator[Job]:
    """Yield a job whose steps are told on stderr while they last.

    A terminal shows a bar for each step that is not only made of others. Elsewhere there is a line
    when a step begins that is part of no other, every `EVERY` seconds one that says how far each
    is, and one for what came of it where that is said.
    """
    from rich.console import Console

    console = Console(stderr=True)
    listener = _Bars(console) if console.is_terminal else _Lines()
    try:
        yield Job(listener)
    finally:
        listener.close()


class _Bars:
    """The progress bars of a job on a terminal, which are gone when it is done.

    Bars are shown only while a step lasts, so that nothing else has to be written around them.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: Progress | None = None
        self._bars: dict[Step, TaskID] = {}
        self._last: dict[Step, float] = {}

    def began(self, step: Step) -> None:
        if self._shown is None:
            self._shown = self._new()
            self._shown.start()
        self._bars[step] = self._shown.add_task(step.what, total=step.of or None, speed="")
        self._uncover(step.within)

    def moved(self, step: Step) -> None:
        now = time.monotonic()
        done = step.of is not None and step.done >= step.of
        if self._shown is None or (now - self._last.get(step, 0.0) < _NEXT and not done):
            return
        self._last[step] = now
        self._shown.update(
            self._bars[step], completed=step.done, total=step.of or None, speed=_speed(step)
        )
        self._uncover(step)

    def ended(self, step: Step) -> None:
        bar = self._bars.pop(step, None)
        self._last.pop(step, None)
        if self._shown is None or bar is None:
            return
        self._shown.remove_task(bar)
        if not self._bars:
            self.close()
        else:
            self._uncover(step.within)

    def noted(self, note: Note) -> None:
        common.note(hinted(note))

    def close(self) -> None:
        """Remove the bars."""
        shown, self._shown = self._shown, None
        if shown is not None:
            shown.stop()

    def _uncover(self, step: Step | None) -> None:
        """Show a step, unless nothing is known of it but the steps that it is made of."""
        if step is not None and self._shown is not None and step in self._bars:
            made_of = any(other.within is step for other in self._bars)
            self._shown.update(self._bars[step], visible=bool(step.of) or not made_of)

    def _new(self) -> Progress:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description:<28.28}"),
            BarColumn(32),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[speed]:>10}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,  # an answer never goes to stderr
        )


class _Lines:
    """The progress of a job in lines; a thread of its own prints how far each step is."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._spent: dict[Step, tuple[int, float]] = {}  # parts that took time, and how many s

    def began(self, step: Step) -> None:
        if step.within is None:
            common.note(f"{step.what[:1].upper()}{step.what[1:]} ...")
        with self._lock:
            self._steps.append(step)
        if self._thread is None:
            self._thread = threading.Thread(target=self._tell, name="kuleshov-lines", daemon=True)
            self._thread.start()

    def moved(self, step: Step) -> None:
        """Do nothing: the thread prints the progress when it is time."""

    def ended(self, step: Step) -> None:
        with self._lock:
            at_once = sum(one.within is step.within for one in self._steps)
            self._steps.remove(step)
        self._spent.pop(step, None)
        if step.outcome and step.outcome != _UNSAID:
            took = time.monotonic() - step.began
            left = self._left(step, took, at_once)
            common.note(f"{step.outcome:<8} {step.what}  {took:.0f} s{left}")

    def _left(self, step: Step, took: float, at_once: int) -> str:
        """Return how many parts of the enclosing step are done, and how long the rest may take.

        So many of them are in hand `at_once`.
        """
        whole = step.within
        if whole is None or whole.unit != "files" or not whole.of:
            return ""
        parts, seconds = self._spent.get(whole, (0, 0.0))
        self._spent[whole] = parts + 1, seconds + took
        done = whole.done + 1
        left = (whole.of - done) * (seconds + took) / (parts + 1) / at_once
        return f"  ({done:.0f} of {whole.of:.0f}{f', about {left:.0f} s left' if left else ''})"

    def noted(self, note: Note) -> None:
        common.note(hinted(note))

    def close(self) -> None:
        """Stop printing."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _tell(self) -> None:
        while not self._over.wait(EVERY):
            with self._lock:
                known = [step for step in self._steps if step.of and step.done < step.of]
                told = known or self._steps[-1:]
            for step in told:
                if not step.of or step.done < step.of:
                    common.note(_line(step))


def _speed(step: Step) -> str:
    """Return the speed of a step that counts frames, in frames a second.

    Other steps that are counted without an end give their count instead.
    """
    if step.unit == "frames":
        return f"{step.done / max(1e-3, time.monotonic() - step.began):.0f} fps"
    return "" if step.of else f"{step.done:,.0f} {step.unit}"


def _line(step: Step) -> str:
    seconds = f"after {time.monotonic() - step.began:.0f} s"
    if not step.of:
        return f"{step.what}: {f'{step.done:,.0f}, ' if step.done else ''}{seconds}"
    return f"{step.what}: {step.done:,.0f} of {step.of:,.0f} ({step.done / step.of:.0%}), {seconds}"
