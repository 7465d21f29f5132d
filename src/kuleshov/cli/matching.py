"""Give a verb that matches shots the options of matching, choosing and filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.common import WEIGHTS, Parsed
from kuleshov.errors import UsageError, meant

if TYPE_CHECKING:
    from kuleshov.match.align.strength import Weights

__all__ = ["filter_options", "match_options", "select_options", "weight_options"]

F = TypeVar("F", bound=Callable[..., Any])


_COLOURS = ("colour", "color", "light", "brightness", "palette")


def _preset(text: str) -> dict[str, float]:
    from kuleshov.match.align.strength import PRESETS

    if text not in PRESETS:
        # The eye's word for light and colour together is tone.
        near = "tone" if text.casefold() in _COLOURS else text
        raise UsageError(f"{text!r} is not a way to match; {meant(near, PRESETS)}")
    return dict(PRESETS[text])


def weight_options(function: F) -> F:
    """Add `--weights` and `--by`; the command gets them as `weights`."""

    @click.option(
        "--weights",
        type=WEIGHTS,
        help="How much each facet counts: subject, composition, tone, motion, faces, bodies.",
    )
    @click.option(
        "--by",
        type=Parsed("name", _preset),
        help="Weigh by one word instead: look (all facets, the default), subject, composition, "
        "tone, motion, faces, bodies.",
    )
    @wraps(function)
    def command(*args: Any, weights: Weights | None, by: Weights | None, **others: Any) -> Any:
        if weights is not None and by is not None:
            raise click.UsageError("--by and --weights say the same thing: give one of them.")
        return function(*args, weights=weights or by, **others)

    return command  # type: ignore[return-value]


def match_options(function: F) -> F:
    """Add `--weights`, `--by`, `--mirror` and the like; the command gets them as `match`."""

    @weight_options
    @click.option(
        "--tightness",
        default=1.0,
        show_default=True,
        help="How alike clips must be: 1 in every respect, 0 in one only, and not in subject.",
    )
    @click.option(
        "--max-stretch",
        "stretch",
        default=1.25,
        show_default=True,
        help="How many times slower or faster a clip may run.",
    )
    @click.option("--mirror", is_flag=True, help="Also consider the archive's shots mirrored.")
    @click.option(
        "--exact",
        is_flag=True,
        help="Compare with all of a large archive in full, which takes many times as long.",
    )
    @wraps(function)
    def command(
        *args: Any,
        weights: Weights | None,
        tightness: float,
        stretch: float,
        mirror: bool,
        exact: bool,
        **others: Any,
    ) -> Any:
        from kuleshov.match.align.candidates import MatchOptions

        match = MatchOptions(
            weights=weights,
            mirror=mirror,
            stretch=stretch,
            tightness=tightness,
            exact=exact,
        )
        return function(*args, match=match, **others)

    return command  # type: ignore[return-value]


def select_options(function: F) -> F:
    """Add `--spread`, `--few-films`, `--fresh`, `--variants` and `--at-most`.

    The command gets them as `choose`.
    """

    @click.option(
        "--spread",
        type=click.FloatRange(0, 1),
        help="How far neighbours come from different footage, 0 to 1.  [default: 0.3]",
    )
    @click.option(
        "--few-films", is_flag=True, help="Use as few films as possible, the opposite of --spread."
    )
    @click.option(
        "--fresh",
        type=click.FloatRange(0, 1),
        help="How much what was not shown yet is preferred, 0 to 1.  [default: 0.5]",
    )
    @click.option(
        "--variants", default=1, show_default=True, help="How many clearly different films to make."
    )
    @click.option(
        "--at-most", type=click.IntRange(1), help="Number of clips from one footage, at most."
    )
    @wraps(function)
    def command(
        *args: Any,
        spread: float | None,
        few_films: bool,
        fresh: float | None,
        variants: int,
        at_most: int | None,
        **others: Any,
    ) -> Any:
        from kuleshov.match.choose.select import SelectOptions

        if few_films and spread:
            raise click.UsageError("--few-films and --spread are opposites: give one of them.")
        if few_films:
            choose = SelectOptions(spread=0.0, few_films=1.0, variants=variants)
        elif spread is not None:
            choose = SelectOptions(spread=spread, variants=variants)
        else:
            choose = SelectOptions(variants=variants)
        choose = replace(choose, at_most=at_most)
        if fresh is not None:
            choose = replace(choose, fresh=fresh)
        return function(*args, choose=choose, **others)

    return command  # type: ignore[return-value]


def filter_options(function: F) -> F:
    """Add `--only` and `--exclude`; the command gets them as `filters`."""

    @click.option(
        "--only",
        multiple=True,
        metavar="WHAT",
        help="Offer nothing else: a file or its title (* stands for anything), bin:NAME, tag:WORD, "
        "word:NAME (one that was taught), licence:TEXT, author:TEXT, bw or colour. May be "
        "repeated.",
    )
    @click.option(
        "--exclude",
        multiple=True,
        metavar="WHAT",
        help="Do not offer this; written as for --only. May be repeated.",
    )
    @wraps(function)
    def command(*args: Any, only: tuple[str, ...], exclude: tuple[str, ...], **others: Any) -> Any:
        from kuleshov.archive.filters import parse_terms

        return function(*args, filters=parse_terms(only, exclude), **others)

    return command  # type: ignore[return-value]
