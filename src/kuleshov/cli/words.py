"""Words for films: the options `--credits` and `--captions`, and the lists that go with credits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kuleshov.edit.credits import Credit
    from kuleshov.timeline import Timeline

__all__ = ["Words", "credited", "words_options", "write_list"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Words:
    """What is written into a film: `credits` after it, `captions` on its pictures."""

    credits: bool = False
    captions: bool = False


def words_options(function: F) -> F:
    """`--credits` and `--captions`; the command gets them as `words`."""

    @click.option(
        "--credits",
        "end_credits",
        is_flag=True,
        help="End with credits of all footage used, and write them to OUT.credits.txt and .json.",
    )
    @click.option(
        "--captions", is_flag=True, help="Burn in name and time of the footage that is shown."
    )
    @wraps(function)
    def wrapped(*args: Any, end_credits: bool, captions: bool, **options: Any) -> Any:
        return function(*args, words=Words(end_credits, captions), **options)

    return wrapped  # type: ignore[return-value]


def credited(timeline: Timeline) -> tuple[Timeline, list[str]]:
    """The film with end credits, and what is to be said of them."""
    from kuleshov.edit.credits import credits_of, without_licence
    from kuleshov.render.cards import with_credits

    listed = credits_of(timeline)
    film, notes = with_credits(timeline, listed)
    lacking = without_licence(listed)
    return film, [*notes, lacking] if lacking else [*notes]


def write_list(listed: Sequence[Credit], name: str, base: Path) -> list[Path]:
    """Write BASE.credits.txt and BASE.credits.json; raises `RenderError`."""
    from kuleshov.edit.credits import as_json, as_text
    from kuleshov.errors import RenderError
    from kuleshov.files import write_text

    written = []
    for suffix, text in ((".txt", as_text(name, listed)), (".json", as_json(name, listed))):
        path = base.with_name(f"{base.name}.credits{suffix}")
        try:
            write_text(path, text)
        except OSError as error:
            raise RenderError(f"{path} was not written: {error.strerror}.") from error
        written.append(path)
    return written
