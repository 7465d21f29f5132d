"""The options by which a film is matched, for every verb that matches one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.common import WEIGHTS, Parsed
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from kuleshov.match.strength import Weights

__all__ = ["filter_options", "match_options", "select_options"]

F = TypeVar("F", bound=Callable[..., Any])


def _preset(text: str) -> dict[str, float]:
    from kuleshov.match.strength import PRESETS

    if text not in PRESETS:
        raise UsageError(f"{text!r} is none of {', '.join(PRESETS)}.")
    return dict(PRESETS[text])


def match_options(function: F) -> F:
    """`--weights`, `--by`, `--mirror` and the like; the command gets them as `match`."""

    @click.option(
        "--weights",
        type=WEIGHTS,
        help="How much each facet counts: subject, composition, tone, motion, faces.",
    )
    @click.option(
        "--by",
        type=Parsed("name", _preset),
        help="The same by one word: look (all facets, the default), subject, composition, tone, "
        "movement, faces.",
    )
    @click.option(
        "--tightness",
        default=1.0,
        show_default=True,
        help="From 1, alike in every respect, to 0: alike in one, and not in subject.",
    )
    @click.option(
        "--max-stretch",
        "stretch",
        default=1.25,
        show_default=True,
        help="How many times slower or faster a clip may run.",
    )
    @click.option("--mirror", is_flag=True, help="Also consider the archive mirrored.")
    @wraps(function)
    def command(
        *args: Any,
        weights: Weights | None,
        by: Weights | None,
        tightness: float,
        stretch: float,
        mirror: bool,
        **others: Any,
    ) -> Any:
        from kuleshov.match.candidates import MatchOptions

        if weights is not None and by is not None:
            raise click.UsageError("--by and --weights say the same thing: give one of them.")
        match = MatchOptions(
            weights=weights or by, mirror=mirror, stretch=stretch, tightness=tightness
        )
        return function(*args, match=match, **others)

    return command  # type: ignore[return-value]


def select_options(function: F) -> F:
    """`--spread`, `--few-films`, `--variants`; the command gets them as `choose`."""

    @click.option(
        "--spread",
        type=click.FloatRange(0, 1),
        help="How far neighbours come from different footage, 0 to 1.  [default: 0.3]",
    )
    @click.option("--few-films", is_flag=True, help="The opposite: use as few films as possible.")
    @click.option(
        "--variants", default=1, show_default=True, help="How many clearly different films to make."
    )
    @wraps(function)
    def command(
        *args: Any, spread: float | None, few_films: bool, variants: int, **others: Any
    ) -> Any:
        from kuleshov.match.select import SelectOptions

        if few_films and spread:
            raise click.UsageError("--few-films and --spread are opposites: give one of them.")
        if few_films:
            choose = SelectOptions(spread=0.0, few_films=1.0, variants=variants)
        elif spread is not None:
            choose = SelectOptions(spread=spread, variants=variants)
        else:
            choose = SelectOptions(variants=variants)
        return function(*args, choose=choose, **others)

    return command  # type: ignore[return-value]


def filter_options(function: F) -> F:
    """`--only` and `--exclude`; the command gets them as `filters`."""

    @click.option(
        "--only",
        multiple=True,
        metavar="WHAT",
        help="Offer nothing else: a file or its title (* stands for anything), bin:NAME, tag:WORD, "
        "licence:TEXT, author:TEXT, bw or colour. May be repeated.",
    )
    @click.option(
        "--exclude", multiple=True, metavar="WHAT", help="Do not offer this; said as for --only."
    )
    @wraps(function)
    def command(*args: Any, only: tuple[str, ...], exclude: tuple[str, ...], **others: Any) -> Any:
        from kuleshov.match.filters import parse_terms

        return function(*args, filters=parse_terms(only, exclude), **others)

    return command  # type: ignore[return-value]
