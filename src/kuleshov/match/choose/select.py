"""Select: choose for all stretches at once, over the whole film, like an editor.

One candidate a stretch; no instant of footage twice, nor a copy of it in other footage, save where
nothing else is left; as strong as possible in sum, less what is lost where neighbours come from the
same footage (or for each footage used) and where a place or a footage is shown again and again,
plus what is gained where a set-up that returns is answered by the same archive shot. Further
selections of the same film (variants) show other shots. The programme is in
`match.choose.programme`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MatchError, UsageError
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.choose.worth import Pair, Problem, Wear

if TYPE_CHECKING:
    from kuleshov.match.choose.programme import Solved

__all__ = ["NEIGHBOURS", "Choice", "Return", "SelectOptions", "Selection", "select"]

Return = tuple[int, int, float]
"""Two stretches of the source, the earlier first, that show the same set-up; weight 0 to 1."""

NEIGHBOURS = (4.0, 2.0)
"""Bits that clips of one footage lose at spread 1: next to each other, and two apart."""

# Bits, where 1.4 is a random pair, 2 to 12 a candidate and 16 the same picture.
_FILM = 8.0  # lost at few_films 1 for each footage used
_RETURN = 4.0  # gained at returns 1, weight 1
_AGAIN = 1.0  # lost by material that an earlier variant shows in another place
_REPEAT = 100.0  # lost by an instant shown twice: more than any likeness is worth
_CROWD = 40.0  # lost by a clip of a footage that has as many as it may have
_PLACE, _FOOTAGE = 3.0, 0.5
"""Lost at fresh 1 by a place, and by a footage, that is shown more often than its fair share: so
much the first time, twice as much the second, and from the third on three times as much."""
_STEPS = 3
_ROOM = 2  # times its fair share that a footage may be shown
_SAME = 50.0  # lost by a stretch that does not differ, where too few do


@dataclass(frozen=True)
class Choice:
    """A choice: a candidate as selection sees it.

    The number of its `shot` within its `footage`, what it shows, from `start` to `end` in seconds,
    dissolve handles included, and its strength in bits. `also` is where the same frames lie in
    other footage: number of it, start and end in seconds. `place`: a number that it shares with
    what looks the same, by which the film is kept varied (None: nothing does).
    """

    footage: int
    shot: int
    start: float
    end: float
    strength: float
    also: tuple[tuple[int, float, float], ...] = ()
    place: int | None = None


@dataclass(frozen=True)
class SelectOptions:
    """The options of a selection, all but the last three from 0 to 1.

    `spread`: neighbours come from different footage; at 1 a pair of neighbours from the same loses
    4 bits, a pair with one stretch between them 2. `few_films`, its opposite: at 1 each footage
    used loses 8 bits. `returns`: set-ups that return are answered by another range of the same
    archive shot; at 1 each return gains up to 4 bits. `fresh`: what was shown already is shown no
    more, where there is anything else: at 1 a place that is shown again loses 3 bits, then 6, then
    9 each time, and a footage half a bit, then more, beyond twice its fair share. `differ`: the
    share of stretches that show another archive shot than in each earlier variant. `variants`: how
    many selections. `time_limit_s`: for all of them. `at_most`: how many clips come from one
    footage, where that is possible (None: any number). Raises `UsageError` where one is out of its
    range, or both `spread` and `few_films` are asked for.
    """

    spread: float = 0.3
    few_films: float = 0.0
    returns: float = 0.5
    fresh: float = 0.5
    differ: float = 0.6
    variants: int = 1
    time_limit_s: float = 60.0
    at_most: int | None = None

    def __post_init__(self) -> None:
        for name in ("spread", "few_films", "returns", "fresh", "differ"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(
                    f"{name} must lie between 0 and 1, not at {getattr(self, name):g}."
                )
        if self.spread and self.few_films:
            raise UsageError(
                "Either neighbours come from different footage (spread) or few films are used "
                "(few_films): set one of them to 0."
            )
        if self.variants < 1:
            raise UsageError(f"There must be at least 1 variant, not {self.variants}.")
        if self.at_most is not None and self.at_most < 1:
            raise UsageError(
                f"At least 1 clip comes from each footage, not {self.at_most}.", option="at_most"
            )
        if not self.time_limit_s > 0:
            raise UsageError("The time limit must be above 0 s.")


@dataclass(frozen=True)
class Selection:
    """A selection: for each stretch the index of its choice.

    `strength` is the sum of the choices' own, in bits; `kept` its share of what the strongest of
    each stretch have together. `optimal`: nothing better exists, to a hundred-thousandth; where it
    is not, `gap` is at most how much better, as a share. `differs`: the least share of stretches
    that show another archive shot than an earlier variant does there (1 for the first); where it is
    below what was `wanted`, the archive is too small.
    """

    choices: tuple[int, ...]
    strength: float
    kept: float
    optimal: bool
    gap: float = 0.0
    differs: float = 1.0
    wanted: float = 0.0


def select(
    stretches: Sequence[Sequence[Choice]],
    options: SelectOptions = SelectOptions(),
    *,
    returns: Sequence[Return] = (),
    job: Job = QUIET,
) -> tuple[Selection, ...]:
    """Return a selection for each variant; each stretch needs at least one candidate.

    `returns` are pairs of stretches that show the same set-up. Of a stretch's pairs with earlier
    ones the heaviest counts, and of those equal to a tenth the latest: so each return is rewarded
    once. A pair that returns loses less for coming from the same footage.

    The same input gives the same answer unless time runs out; then it is the best that was found.
    Where a proof would take long, a gap of up to 0.1 % is not closed; both are said by
    `Selection.optimal` and `gap`. Raises `MatchError` where a stretch has no candidates,
    `ValueError` where a return names no two stretches or a number is none.
    """
    if any(not choices for choices in stretches):
        raise MatchError(
            "There is a stretch without any candidate: the archive has nothing for it."
        )
    if not all(0 <= i < j < len(stretches) and 0 <= weight <= 1 for i, j, weight in returns):
        raise ValueError("a return is two stretches, the earlier first, and a weight from 0 to 1")
    if not stretches:
        return (Selection((), 0.0, 1.0, True),) * options.variants
    from kuleshov.match.choose.programme import solve

    deadline = time.monotonic() + options.time_limit_s
    table = _Table.of(stretches)
    made: list[Selection] = []
    before: list[NDArray[np.int64]] = []
    with job.step("choosing", of=options.variants, unit="films") as step:
        for left in step.over(range(options.variants, 0, -1)):
            problem = stoppable(partial(_problem, table, options, returns, before), job)
            solved = solve(problem, max(0.1, (deadline - time.monotonic()) / left), job)
            made.append(_selection(table, solved, before, options.differ if before else 0.0))
            before.append(solved.chosen)
    return tuple(made)


@dataclass(frozen=True, eq=False)
class _Table:
    """A table of the candidates (C,) of all stretches in order; footage and shots count from 0."""

    first: NDArray[np.int64]
    footage: NDArray[np.int64]
    shot: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    strength: NDArray[np.float64]
    place: NDArray[np.int64]
    also: tuple[tuple[int, int, float, float], ...] = ()

    @classmethod
    def of(cls, stretches: Sequence[Sequence[Choice]]) -> _Table:
        flat = [choice for choices in stretches for choice in choices]
        start, end, strength = np.array([(c.start, c.end, c.strength) for c in flat], float).T
        if not (np.isfinite(start) & np.isfinite(end) & np.isfinite(strength)).all():
            raise ValueError("the times and the strength of a choice must be finite")
        footage: dict[object, int] = {}
        return cls(
            first=np.cumsum([0, *(len(choices) for choices in stretches)]),
            footage=_numbered((c.footage for c in flat), footage),
            also=tuple(
                (n, footage[number], begin, stop)
                for n, c in enumerate(flat)
                for number, begin, stop in c.also
                if number in footage
            ),
            shot=_numbered((c.footage, c.shot) for c in flat),
            place=_numbered((n,) if c.place is None else c.place for n, c in enumerate(flat)),
            start=start,
            end=end,
            strength=strength,
        )

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The stretch of each candidate, (C,)."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def shown_elsewhere(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which candidates show an instant that is chosen for another stretch, (C,)."""
        found = np.zeros(len(self.start), np.bool_)
        for stretch, other in enumerate(chosen.tolist()):
            found |= (
                (self.footage == self.footage[other])
                & (self.start < self.end[other])
                & (self.end > self.start[other])
                & (self.owner != stretch)
            )
        return found


def _numbered(
    keys: Iterable[object], numbers: dict[object, int] | None = None
) -> NDArray[np.int64]:
    """Return each key as a number from 0, in the order in which keys first occur.

    `numbers` records which key has which number.
    """
    numbers = {} if numbers is None else numbers
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _problem(
    table: _Table,
    options: SelectOptions,
    returns: Sequence[Return],
    before: Sequence[NDArray[np.int64]],
) -> Problem:
    """Return the problem of one variant, given what the earlier ones chose."""
    stretches = len(table.first) - 1
    strength = table.strength.copy()
    for chosen in before:
        strength -= _AGAIN * table.shown_elsewhere(chosen)
    span = float(np.ptp(table.strength))
    same, wanted = _SAME + span, math.ceil(options.differ * stretches - 1e-9)
    wears = tuple(_wears(table, options, _setups(stretches, returns), before))
    return Problem(
        first=table.first,
        strength=strength,
        footage=table.footage,
        shot=table.shot,
        start=table.start,
        end=table.end,
        also=table.also,
        # Nor does anything repeat for the sake of being different.
        repeat=_REPEAT
        + 2 * span
        + (same * wanted * len(before))
        + sum(w.bits * w.steps for w in wears),
        near=_near(stretches, options.spread, returns),
        film=_FILM * options.few_films,
        returns=_rewarded(returns, _RETURN * options.returns),
        earlier=tuple(table.shot == table.shot[chosen][table.owner] for chosen in before),
        most_same=stretches - wanted,
        same=same,
        wears=wears,
    )


def _wears(
    table: _Table,
    options: SelectOptions,
    setup: NDArray[np.int64],
    before: Sequence[NDArray[np.int64]],
) -> Iterator[Wear]:
    """Return what wears by being shown again: places, in all variants, and footage in each."""
    if options.fresh:
        places = int(table.place.max()) + 1
        shown = [np.unique(table.place[chosen]) for chosen in before]
        times = np.bincount(np.concatenate([*shown, np.zeros(0, np.int64)]), minlength=places)
        free = math.ceil(len(setup) / places)
        yield Wear(table.place, _PLACE * options.fresh, times, free, _STEPS, setup)
    films = int(table.footage.max()) + 1
    none = np.zeros(films, np.int64)
    if options.fresh and not options.few_films:
        free = math.ceil(_ROOM * len(setup) / films)
        yield Wear(table.footage, _FOOTAGE * options.fresh, none, free, _STEPS, setup)
    if options.at_most is not None:
        yield Wear(table.footage, _CROWD + float(np.ptp(table.strength)), none, options.at_most)


def _setups(stretches: int, returns: Sequence[Return]) -> NDArray[np.int64]:
    """Return a number for the set-up of each stretch: those that return have the same."""
    number = np.arange(stretches)
    for one, other, _ in sorted(returns, key=lambda pair: pair[1]):
        number[number == number[other]] = number[one]
    return number


def _near(stretches: int, spread: float, returns: Sequence[Return]) -> tuple[Pair, ...]:
    """Return the pairs of neighbours and what they lose when both come from one footage.

    A return to the same set-up may well be from the same footage, and loses less.
    """
    weight = {(i, j): w for i, j, w in returns}
    pairs = [
        (i, i + apart, spread * bits * (1 - weight.get((i, i + apart), 0.0)))
        for apart, bits in enumerate(NEIGHBOURS, 1)
        for i in range(stretches - apart)
    ]
    return tuple(pair for pair in pairs if pair[2] > 0)


def _rewarded(returns: Sequence[Return], bits: float) -> tuple[Pair, ...]:
    """Return for each stretch that returns the one earlier stretch that it is to look like."""
    best: dict[int, Return] = {}
    for pair in sorted(returns, key=lambda r: (r[1], round(r[2], 1), r[0])):
        best[pair[1]] = pair
    return tuple((i, j, bits * weight) for i, j, weight in best.values() if bits * weight > 0)


def _selection(
    table: _Table, solved: Solved, before: Sequence[NDArray[np.int64]], wanted: float
) -> Selection:
    """Return the programme's answer as a selection, in the caller's terms."""
    chosen = solved.chosen
    strength = float(table.strength[chosen].sum())
    most = float(np.maximum.reduceat(table.strength, table.first[:-1]).sum())
    differs = [float((table.shot[chosen] != table.shot[other]).mean()) for other in before]
    return Selection(
        choices=tuple((chosen - table.first[:-1]).tolist()),
        strength=strength,
        kept=strength / most if most > 0 else 1.0,
        optimal=solved.optimal,
        gap=0.0 if solved.optimal else solved.gap,
        differs=min(differs, default=1.0),
        wanted=wanted,
    )
