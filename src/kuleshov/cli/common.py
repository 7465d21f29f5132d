"""Options and calls that the verbs share: the archive, JSON, output files, the job and notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.hints import told
from kuleshov.errors import UsageError
from kuleshov.timecode import parse_time

if TYPE_CHECKING:
    from kuleshov.desk.products import Products
    from kuleshov.jobs import Job

__all__ = [
    "SIZE_LIMIT",
    "TIME",
    "WEIGHTS",
    "Parsed",
    "answer_json",
    "archive_option",
    "check_sheet",
    "chosen_archive",
    "encoder_option",
    "film_option",
    "json_option",
    "note",
    "output_option",
    "tell_written",
    "this_job",
]

_JOB = "kuleshov.job"
_SHEETS = (".png", ".jpg", ".jpeg")

F = TypeVar("F", bound=Callable[..., Any])


T = TypeVar("T")


class Parsed(click.ParamType[T]):
    """An option whose text is read by `parse`.

    A `UsageError` that `parse` raises is told as a usage error of this option.
    """

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Return the parsed value of a text.

        A default is parsed already and is returned as it is.
        """
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except UsageError as error:
            self.fail(told(error), param, ctx)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            raise UsageError(
                f"{part!r} is not a weight: write subject=1,composition=0.5."
            ) from None
    return weights


def _bytes(text: str) -> int:
    plain = text.strip().lower().removesuffix("b").strip()
    unit = {"k": 1000, "m": 1_000_000, "g": 1_000_000_000}.get(plain[-1:], 1)
    try:
        size = Fraction(plain[:-1].strip() if unit > 1 else plain) * unit
    except (ValueError, ZeroDivisionError):
        size = Fraction(0)
    if size < 1:
        raise UsageError(f"{text!r} is not a size: write 8MB or 500kB.")
    return int(size)


SIZE_LIMIT = Parsed("size", _bytes)
"""`8MB`, `500kB`, or a number of bytes."""
TIME = Parsed("time", parse_time)
"""Seconds (83.5) or h:mm:ss (0:01:23.5), exact."""
WEIGHTS = Parsed("facet=weight,…", _weights)
"""`subject=1,composition=0.5`."""


def archive_option(function: F) -> F:
    """Add `--archive DIR`; the command gets it as `root`."""
    return click.option(
        "--archive",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        help="The archive's folder.  [default: $KULESHOV_ARCHIVE, else among your user data]",
    )(function)


def encoder_option(function: F) -> F:
    """Add `--encoder NAME`; the command gets it as `encoder`."""
    return click.option(
        "--encoder",
        metavar="NAME",
        help="Look with another network than the bundled one: clip, or clip:MODEL/WEIGHTS as "
        "open_clip names them. Footage must be indexed with it.",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`; the command gets it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(function)


def output_option(text: str) -> Callable[[F], F]:
    """Return a decorator that adds `-o OUT` with this help; the command gets it as `out`."""
    return click.option(
        "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help=text
    )


film_option = output_option("The film, .mp4 or .mov.")
"""`-o FILM`."""


def original_option(function: F) -> F:
    """Add `--original PROJECT`; see `desk.projects.read_project`."""
    return click.option(
        "--original",
        type=click.Path(path_type=Path),
        help="The project as it was before an editing program changed it; what the program "
        "dropped is taken from there.",
    )(function)


def check_sheet(sheet: Path, given: Path | None, whence: str) -> None:
    """Refuse a `--sheet` that cannot be written, or is the `given` file, called `whence`."""
    from kuleshov.desk.room import make_room

    make_room(sheet, given, "sheet", whence)
    if sheet.suffix.lower() not in _SHEETS:
        raise click.UsageError(f"--sheet must end in .png or .jpg, not {sheet.suffix!r}.")


def chosen_archive(root: Path | None) -> Path:
    """Return the archive's folder that was asked for, or else the default one."""
    if root is not None:
        return root
    from kuleshov.archive.archive import default_root

    return default_root()


def this_job() -> Job:
    """Return the one job of this call of the command line, whose steps are told on stderr."""
    from kuleshov.cli.telling import telling
    from kuleshov.jobs import QUIET

    context = click.get_current_context(silent=True)
    if context is None:  # called as a library
        return QUIET
    root = context.find_root()
    if _JOB not in root.meta:
        root.meta[_JOB] = root.with_resource(telling())
    return root.meta[_JOB]  # type: ignore[no-any-return]


def answer_json(answer: Any) -> None:
    """Print an answer for a program."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Print a sentence for the person on stderr, apart from the answer."""
    click.echo(text, err=True)


def tell_written(products: Products) -> None:
    """Print which files were written beside the answer."""
    for one in products.written:
        note(f"Written: {one.path}")
