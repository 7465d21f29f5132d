"""What the verbs share: options, the networks, progress on stderr."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.errors import NotWritten, UsageError
from kuleshov.timecode import parse_time

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress, TaskID

    from kuleshov.features.analyse import Analyst, Eyes
    from kuleshov.features.facet import Reference
    from kuleshov.media.worker import Worker

__all__ = [
    "TIME",
    "WEIGHTS",
    "Networks",
    "Parsed",
    "answer_json",
    "archive_option",
    "check_room",
    "chosen_archive",
    "encoder_option",
    "film_option",
    "json_option",
    "networks",
    "note",
    "output_option",
    "progress",
    "say_waiting",
]

F = TypeVar("F", bound=Callable[..., Any])


T = TypeVar("T")

EVERY = 30.0
"""Seconds after which it is said again how far something is, where no terminal shows bars."""


class Parsed(click.ParamType[T]):
    """An option that `parse` makes of its text; what that refuses by `UsageError` is told."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """What a text means; anything else is that already."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"{part!r} is no weight: write subject=1,composition=0.5.") from None
    return weights


TIME = Parsed("time", parse_time)
"""Seconds (83.5) or h:mm:ss (0:01:23.5), exact."""
WEIGHTS = Parsed("facet=weight,…", _weights)
"""`subject=1,composition=0.5`."""


def archive_option(function: F) -> F:
    """`--archive DIR`."""
    return click.option(
        "--archive",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        help="The archive's folder.  [default: $KULESHOV_ARCHIVE, else among your user data]",
    )(function)


def encoder_option(function: F) -> F:
    """`--encoder NAME`; the command gets it as `eyes`."""
    return click.option(
        "--encoder",
        "eyes",
        metavar="NAME",
        help="Look with another network than the bundled one: clip, or clip:MODEL/WEIGHTS as "
        "open_clip names them. Footage must be indexed with it.",
    )(function)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(function)


def output_option(text: str) -> Callable[[F], F]:
    """`-o OUT`, with this help; the command gets it as `out`."""
    return click.option(
        "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help=text
    )


film_option = output_option("The film, .mp4 or .mov.")
"""`-o FILM`."""


def original_option(function: F) -> F:
    """`--original PROJECT`; see `work.read_project`."""
    return click.option(
        "--original",
        type=click.Path(path_type=Path),
        help="The project before an editing program changed it: what that dropped is taken from "
        "it.",
    )(function)


def make_room(out: Path, given: Path | None, what: str, whence: str) -> None:
    """Make the folder for `out`, and see that it can be written in; refuse an `out` that is a
    folder itself, or the file that is `given`.

    `what` is written, `whence`, as people call them. Said before any time is spent.
    """
    if out.is_dir():
        raise click.UsageError(f"{out} is a folder: name the {what} to write.")
    if given is not None and out.exists() and given.exists() and out.samefile(given):
        raise click.UsageError(f"{out} is the {whence} itself: name another {what} to write.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{out.parent} cannot be made: {error.strerror}.") from error
    check_room(out)


def check_room(out: Path) -> None:
    """Refuse a file that cannot be written where it is to lie, before any time is spent."""
    from kuleshov.files import check_writable

    try:
        check_writable(out)
    except NotWritten as error:
        raise click.UsageError(
            f"Nothing can be written in {out.parent} ({error.strerror}): name another folder."
        ) from error


def chosen_archive(root: Path | None) -> Path:
    """The archive that was asked for, or the default one."""
    if root is not None:
        return root
    from kuleshov.archive.archive import default_root

    return default_root()


def say_waiting(root: Path) -> Callable[[], None]:
    """What to do where an archive is written by another process: say so, once, and wait."""
    return lambda: note(
        f"Another process is writing to {root}; waiting until it is done (Ctrl-C to stop)."
    )


def answer_json(answer: Any) -> None:
    """Print an answer for a program."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Say something to the person, apart from the answer."""
    click.echo(text, err=True)


@dataclass(frozen=True)
class Networks:
    """The networks, loaded, and the reference that belongs to them."""

    analyst: Analyst
    reference: Reference


@contextmanager
def networks(chosen: str | None = None) -> Iterator[Networks]:
    """Load the bundled networks, and the encoder that was `chosen` besides; they share one
    decoding process, which ends with the block."""
    from kuleshov.features.analyse import Analyst
    from kuleshov.features.encoder import BUNDLED, encoder
    from kuleshov.features.facet import FACETS, KEPT, facets, load_reference
    from kuleshov.media.worker import Worker
    from kuleshov.models.runtime import load
    from kuleshov.shots.transnet import TransNet

    eyes = encoder()
    reference = load_reference(eyes)
    network = load("transnetv2")
    with Worker() as worker:
        described = facets((*FACETS, *KEPT), reference)
        other = None
        if chosen not in (None, BUNDLED):
            other, reference = _other_eyes(chosen, worker, reference)
        made = Analyst(worker, lambda: TransNet(network), eyes, described, other)
        yield Networks(made, reference)


def _other_eyes(name: str, worker: Worker, reference: Reference) -> tuple[Eyes, Reference]:
    """Another encoder's eyes, and the reference with which films are matched by them."""
    import numpy as np
    from platformdirs import user_cache_path

    from kuleshov.features.analyse import Eyes
    from kuleshov.features.encoder import ReadsWords, encoder
    from kuleshov.features.facet import ENCODED, WORDED, Reference, facets
    from kuleshov.features.fitted import kept_reference
    from kuleshov.media.read import FrameBatch, ReadRequest

    eyes = encoder(name)

    def samples() -> Iterator[NDArray[np.uint8]]:
        note(f"Getting to know {eyes.name} by the samples, once ...")
        for path in sorted((Path(__file__).parents[1] / "samples" / "archive").glob("*.mp4")):
            read = worker.read(ReadRequest(path, picture=eyes.side))
            yield np.concatenate([m.pictures[m.which] for m in read if isinstance(m, FrameBatch)])

    own = kept_reference(eyes, user_cache_path("kuleshov") / "references", samples)
    both = Reference({**reference.arrays, **own.arrays}, own.maker)
    names = (*ENCODED, *(WORDED if isinstance(eyes, ReadsWords) else ()))
    return Eyes(eyes, facets(names, own)), both


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress bars on stderr, gone when done.

    Where stderr is no terminal, lines instead: one when a task begins, and every `EVERY` seconds
    one that says what is done and of how much.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<28.28}"),
        BarColumn(32),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[speed]:>10}"),
        TimeRemainingColumn(),
    )
    if console.is_terminal:
        with Progress(*columns, console=console, transient=True) as bars:
            yield bars
        return
    silent = Progress(*columns, console=console, disable=True)
    lines = _Lines(silent)
    try:
        yield silent
    finally:
        lines.end()


class _Lines:
    """Tells in lines what progress bars would show; a thread of its own looks at them."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._began, self._over = bars, time.monotonic(), threading.Event()
        add_task = bars.add_task

        def adding(description: str, *given: Any, **fields: Any) -> TaskID:
            if description:
                note(f"{description[:1].upper()}{description[1:]} ...")
            return add_task(description, *given, **fields)

        bars.add_task = adding  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._tell, name="kuleshov-lines", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Say no more."""
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        while not self._over.wait(EVERY):
            for task in self._bars.tasks:
                if task.description and not task.finished:
                    note(self._line(task.description, task.completed, task.total))

    def _line(self, what: str, done: float, of: float | None) -> str:
        seconds = f"after {time.monotonic() - self._began:.0f} s"
        if not of:
            return f"{what}: {f'{done:,.0f}, ' if done else ''}{seconds}"
        return f"{what}: {done:,.0f} of {of:,.0f} ({done / of:.0%}), {seconds}"
