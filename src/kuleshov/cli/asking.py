"""Give a verb the options that say what to look for: words, an example or a bin."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from kuleshov.cli.common import TIME

__all__ = ["ask_options", "ask_options_or_none"]

F = TypeVar("F", bound=Callable[..., Any])


def ask_options(function: F) -> F:
    """Add `WORDS`, `--like`, `--at`, `--for`, `--bin` and `--drift`.

    The command gets them as one `ask`; giving none is a usage error.
    """
    return _options(function, needed=True)


def ask_options_or_none(function: F) -> F:
    """Add the options of `ask_options` to a verb that can also find by itself.

    The command gets `ask` as None where none of them is given.
    """
    return _options(function, needed=False)


def _options(function: F, *, needed: bool) -> F:
    @click.argument("words", required=False)
    @click.option("--like", type=click.Path(path_type=Path), help="A film or picture to look like.")
    @click.option(
        "--at", type=TIME, default="0", show_default=True, help="Where the example begins."
    )
    @click.option(
        "--for", "length", type=TIME, default="2", show_default=True, help="Length of the example."
    )
    @click.option("--bin", "bin_name", metavar="NAME", help="Take all shots of a bin.")
    @click.option(
        "--drift",
        type=float,
        default=0.0,
        show_default=True,
        help="Drift from what WORDS mean (0) to what the machine takes for it (1).",
    )
    @wraps(function)
    def command(
        *args: Any,
        words: str | None,
        like: Path | None,
        at: Fraction,
        length: Fraction,
        bin_name: str | None,
        drift: float,
        **others: Any,
    ) -> Any:
        from kuleshov.desk.asking import Ask

        given = needed or drift or any(one is not None for one in (words, like, bin_name))
        ask = Ask(words, like, at, length, bin_name, drift) if given else None
        return function(*args, ask=ask, **others)

    return command  # type: ignore[return-value]
