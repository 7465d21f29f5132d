"""Give a verb the options by which a person changes a recut, shot by shot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.common import Parsed
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.appearance import Appearance
    from kuleshov.edit.orders import Orders
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.match.choose.select import SelectOptions

__all__ = ["SHOTS", "given", "orders_options", "with_given"]

F = TypeVar("F", bound=Callable[..., Any])

_MATCH = ("candidates", "weights", "by", "tightness", "stretch", "mirror")


def _shots(text: str) -> tuple[str, ...]:
    from kuleshov.edit.orders import shots_in

    return shots_in(text)


def _shots_or_all(text: str) -> tuple[str, ...]:
    return ("all",) if text.strip() == "all" else _shots(text)


def _numbers(example: str) -> Callable[[str], tuple[tuple[str, int], ...]]:
    def parsed(text: str) -> tuple[tuple[str, int], ...]:
        from kuleshov.edit.orders import pairs_in

        try:
            return tuple((shot, int(value)) for shot, value in pairs_in(text, example))
        except ValueError as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{text!r} has no whole number: write {example}.") from None

    return parsed


def _speeds(text: str) -> tuple[tuple[str, Fraction | None], ...]:
    from kuleshov.edit.orders import pairs_in

    try:
        return tuple(
            (shot, None if value == "offered" else Fraction(value))
            for shot, value in pairs_in(text, "5=0.8, or 5=offered")
        )
    except (ValueError, ZeroDivisionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{text!r} has no speed: write 5=0.8, or 5=offered.") from None


SHOTS = Parsed("shots", _shots)
"""`3,7-9`, or `5.2` for a part of a shot that is divided."""


def orders_options(function: F) -> F:
    """Add `--take`, `--lock`, `--refuse` and the like; the command gets them as `orders`."""

    @click.option(
        "--take",
        multiple=True,
        type=Parsed("shot=offer", _numbers("23=3")),
        help="Show another offer in a shot, by its number in `kuleshov offers`: 23=3.",
    )
    @click.option(
        "--own",
        multiple=True,
        type=SHOTS,
        help="Nothing fits these shots: they show the source's own.",
    )
    @click.option("--black", multiple=True, type=SHOTS, help="The same, left black.")
    @click.option(
        "--still", multiple=True, type=SHOTS, help="The same, a still of the source instead."
    )
    @click.option(
        "--lock",
        multiple=True,
        type=SHOTS,
        help="Keep these shots when others are chosen again: 3,7-9.",
    )
    @click.option(
        "--unlock",
        multiple=True,
        type=Parsed("shots", _shots_or_all),
        help="Let these shots be chosen again; `all` for all.",
    )
    @click.option(
        "--refuse",
        multiple=True,
        type=SHOTS,
        help="Never offer again what these shots show, and choose another clip.",
    )
    @click.option(
        "--refuse-what",
        "what",
        type=click.Choice(["clip", "shot", "footage"]),
        default="clip",
        show_default=True,
        help="Refuse the clip, the shot that it is cut from, or all of its footage.",
    )
    @click.option("--here", is_flag=True, help="Refuse for this shot only, not the whole film.")
    @click.option(
        "--allow",
        multiple=True,
        type=Parsed("numbers", _shots_or_all),
        help="Take back what was refused, by its number in `kuleshov offers`; `all` for all.",
    )
    @click.option(
        "--shot",
        multiple=True,
        type=SHOTS,
        help="Match only these shots again, by --weights, --only and the like.  [default: all]",
    )
    @click.option(
        "--slip",
        multiple=True,
        type=Parsed("shot=pictures", _numbers("4=-12")),
        help="Begin a clip so many pictures later (4=12) or earlier (4=-12).",
    )
    @click.option("--flip", multiple=True, type=SHOTS, help="Mirror these shots, or undo it.")
    @click.option(
        "--speed",
        multiple=True,
        type=Parsed("shot=speed", _speeds),
        help="Speed of a clip: 5=0.8; 5=offered for its first speed.",
    )
    @click.option(
        "--hold",
        multiple=True,
        type=Parsed("shot=frames", _numbers("5=12")),
        help="Hold a picture for the last frames of a shot: 5=12; 5=0 undoes that.",
    )
    @click.option("--swap", multiple=True, type=SHOTS, help="Exchange the clips of two shots: 4,5.")
    @click.option("--fill", is_flag=True, help="Choose all shots again that are not locked.")
    @wraps(function)
    def command(
        *args: Any,
        take: Any,
        own: Any,
        black: Any,
        still: Any,
        lock: Any,
        unlock: Any,
        refuse: Any,
        what: Any,
        here: bool,
        allow: Any,
        shot: Any,
        slip: Any,
        flip: Any,
        speed: Any,
        hold: Any,
        swap: Any,
        fill: bool,
        **others: Any,
    ) -> Any:
        from kuleshov.edit.orders import Orders

        orders = Orders(
            unlock=_joined(unlock),
            allow=_joined(allow),
            refuse=_joined(refuse),
            what=what,
            here=here,
            shot=_joined(shot),
            swap=swap,
            take=dict(_joined(take)),
            own=_joined(own),
            black=_joined(black),
            still=_joined(still),
            slip=dict(_joined(slip)),
            flip=_joined(flip),
            speed=dict(_joined(speed)),
            hold=dict(_joined(hold)),
            lock=_joined(lock),
            fill=fill,
        )
        return function(*args, orders=orders, **others)

    return command  # type: ignore[return-value]


def _joined(parts: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(one for part in parts for one in part)


def given() -> frozenset[str]:
    """Return the names of the options that were given on the command line."""
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    return frozenset(n for n in context.params if context.get_parameter_source(n) is source)


def with_given(
    orders: Orders,
    match: MatchOptions,
    choose: SelectOptions,
    filters: Filter,
    appearance: Appearance,
) -> Orders:
    """Return the orders with those options of matching, choosing and appearance that were given.

    What was not given stays as the project has it.
    """
    names = given()
    told = {{"by": "weights"}.get(name, name) for name in _MATCH if name in names}
    select: dict[str, Any] = {}
    if names & {"spread", "few_films"}:
        select = {"spread": choose.spread, "few_films": choose.few_films}
    select |= {name: getattr(choose, name) for name in ("fresh", "at_most") if name in names}
    return replace(
        orders,
        match={name: getattr(match, name) for name in told},
        filters=filters if names & {"only", "exclude"} else None,
        select=select,
        shape=appearance.shape,
        fit=appearance.fit,
    )
