"""Add up what a whole selection is worth, all its terms in one place, and find a quick good answer.

`Problem` holds the numbers of one selection, candidates of all stretches one after another. `worth`
adds up what a choice of one candidate a stretch is worth; the integer programme
(`match.choose.programme`) maximises the same sum. `improved` moves one stretch at a time to where
it is worth most until nothing is gained: a good answer within moments, and the answer where the
programme finds none in time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.jobs import QUIET, Job, stoppable

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Pair", "Problem", "Wear", "greedy", "improved", "members_of", "worth"]

Pair = tuple[int, int, float]
"""Two stretches, the earlier first, and the bits that are at stake between them."""

_ROUNDS = 20  # times that all stretches are gone through; three or four suffice


@dataclass(frozen=True, eq=False)
class Wear:
    """The loss by material that is shown again, which grows each time.

    `of` (C,): the number of the material that each candidate shows, counted from 0, -1 for none.
    It may be shown `free` times; the next time loses `bits`, the one after that twice as much, and
    so on up to `steps` times. `before` (M,): how often it was shown already, in earlier films.
    `setup` (S,): numbers, from 0, for the stretches; those with the same count as one (None: each
    counts).
    """

    of: NDArray[np.int64]
    bits: float
    before: NDArray[np.int64]
    free: int = 1
    steps: int = 1
    setup: NDArray[np.int64] | None = None

    def setups(self, stretches: int) -> NDArray[np.int64]:
        """Return the number of each stretch, by which it counts, (S,)."""
        return np.arange(stretches) if self.setup is None else self.setup

    @cached_property
    def limits(self) -> NDArray[np.int64]:
        """The numbers of times above which each material loses so many bits more, (M, steps)."""
        return np.asarray(
            np.maximum(0, self.free + np.arange(self.steps) - self.before[:, None]), np.int64
        )

    def lost(self, times: NDArray[np.int64]) -> float:
        """Return the bits that are lost where each material is shown so many times, (M,)."""
        return self.bits * float(np.maximum(0, times[:, None] - self.limits).sum())

    def next(self, times: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the bits that each material loses by being shown once more, (M,)."""
        return np.asarray(
            self.bits * np.clip(times + self.before + 1.0 - self.free, 0.0, self.steps)
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """A selection problem: C candidates of S stretches, in the order of the stretches.

    `first` (S + 1,): where each stretch's candidates begin, and C. For each candidate (C,):
    `strength` in bits, numbers for its `footage` and its archive `shot`, counted from 0, and what
    it shows, from `start` to `end` in seconds. What costs, in bits: `repeat` for each showing of an
    instant beyond the first; `near` for each pair of stretches from the same footage; `film` for
    each footage used; `same` for each stretch beyond `most_same` that shows one of the candidates
    of a set in `earlier` (C,) bool; `wears` for material that is shown again. What is gained:
    `returns`, for each pair of stretches from the same archive shot. `also` tells where frames of a
    candidate lie besides, in copies: number of the candidate, of the footage, start and end.
    """

    first: NDArray[np.int64]
    strength: NDArray[np.float64]
    footage: NDArray[np.int64]
    shot: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    repeat: float
    near: tuple[Pair, ...] = ()
    film: float = 0.0
    returns: tuple[Pair, ...] = ()
    earlier: tuple[NDArray[np.bool_], ...] = ()
    most_same: int = 0
    same: float = 0.0
    also: tuple[tuple[int, int, float, float], ...] = ()
    wears: tuple[Wear, ...] = ()
    _beside: dict[int, list[tuple[int, float, bool]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = len(self.strength)
        worn = (wear.of for wear in self.wears)
        parts = (self.footage, self.shot, self.start, self.end, *self.earlier, *worn)
        if any(part.shape != (count,) for part in parts):
            raise ValueError(f"each of the {count} candidates needs one number of each kind")
        if self.first[0] != 0 or self.first[-1] != count or (np.diff(self.first) < 1).any():
            raise ValueError("every stretch needs at least one candidate")
        beside = defaultdict(list)
        for pairs, returning in ((self.near, False), (self.returns, True)):
            for i, j, bits in pairs:
                beside[i].append((j, bits, returning))
                beside[j].append((i, bits, returning))
        object.__setattr__(self, "_beside", dict(beside))

    @property
    def stretches(self) -> int:
        """The number of stretches."""
        return len(self.first) - 1

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The stretch of each candidate, (C,)."""
        return np.repeat(np.arange(self.stretches), np.diff(self.first))

    @cached_property
    def instants(self) -> csr_array:
        """The largest sets of candidates that show one instant, as ones in a matrix (Q, C)."""
        return _shared_instants(self)

    @cached_property
    def by_stretch(self) -> list[csr_array]:
        """The instants that each stretch's candidates show, as matrices (its candidates, Q)."""
        whole = self.instants.T.tocsr()
        return [whole[a:b] for a, b in zip(self.first[:-1], self.first[1:], strict=True)]

    def beside(self, stretch: int) -> list[tuple[int, float, bool]]:
        """Return the stretches that one is paired with, the bits, and whether it is a return."""
        return self._beside.get(stretch, [])


def worth(problem: Problem, chosen: NDArray[np.int64]) -> float:
    """Return the worth of the candidates `chosen` (S,), one a stretch, in bits."""
    footage, shot = problem.footage[chosen], problem.shot[chosen]
    shown = problem.instants[:, chosen].sum(axis=1)
    total = problem.strength[chosen].sum() - problem.repeat * np.maximum(shown - 1, 0).sum()
    total -= sum(bits for i, j, bits in problem.near if footage[i] == footage[j])
    total -= problem.film * len(set(footage.tolist()))
    for wear, worn in zip(problem.wears, _Worn.of(problem, chosen), strict=True):
        total -= wear.lost(worn.times)
    total += sum(bits for i, j, bits in problem.returns if shot[i] == shot[j])
    for seen in problem.earlier:
        total -= problem.same * max(0, int(seen[chosen].sum()) - problem.most_same)
    return float(total)


def greedy(problem: Problem, job: Job = QUIET) -> NDArray[np.int64]:
    """Return a candidate for each stretch (S,), with the strongest stretches filled first."""
    stoppable(lambda: problem.by_stretch, job)  # found once, for all that follows
    best = np.maximum.reduceat(problem.strength, problem.first[:-1])
    order = np.argsort(-best, kind="stable")
    return _gone_through(problem, np.full(problem.stretches, -1), job.over(order))


def improved(problem: Problem, chosen: NDArray[np.int64], job: Job = QUIET) -> NDArray[np.int64]:
    """Return a selection (S,) worth as much or more, which no change of one stretch improves."""
    for _ in range(_ROUNDS):
        before = chosen
        chosen = _gone_through(problem, before, job.over(range(problem.stretches)))
        if (chosen == before).all():
            break
    return chosen


def _gone_through(
    problem: Problem, chosen: NDArray[np.int64], order: Iterable[int]
) -> NDArray[np.int64]:
    """Return each stretch in turn moved to its best candidate, given the others.

    A stretch without a choice yet is -1.
    """
    chosen = chosen.copy()
    there = chosen[chosen >= 0]
    shown = np.asarray(problem.instants[:, there].sum(axis=1), np.float64)
    films = np.bincount(problem.footage[there], minlength=int(problem.footage.max()) + 1)
    same = [int(seen[there].sum()) for seen in problem.earlier]
    worn = _Worn.of(problem, chosen)
    for stretch in order:
        first, end = problem.first[stretch], problem.first[stretch + 1]
        own, rows = int(chosen[stretch]), problem.by_stretch[stretch]
        for sign in (-1, 1):
            if own >= 0:
                shown += sign * np.asarray(rows[[own - first]].sum(axis=0)).ravel()
                films[problem.footage[own]] += sign
                same = [n + sign * int(s[own]) for n, s in zip(same, problem.earlier, strict=True)]
                for one in worn:
                    one.count(stretch, own, sign)
            if sign < 0:
                gain = _gain(problem, stretch, chosen, (shown, films, same, worn))
                best = int(gain.argmax())
                if own < 0 or gain[best] > gain[own - first] + 1e-9:
                    own = int(first) + best
        chosen[stretch] = own
        assert first <= own < end
    return chosen


def _gain(
    problem: Problem,
    stretch: int,
    chosen: NDArray[np.int64],
    others: tuple[NDArray[np.float64], NDArray[np.int64], Sequence[int], Sequence[_Worn]],
) -> NDArray[np.float64]:
    """Return what each candidate of a stretch adds to what the other stretches have chosen."""
    shown, films, same, worn = others
    part = slice(problem.first[stretch], problem.first[stretch + 1])
    footage, shot = problem.footage[part], problem.shot[part]
    gain = problem.strength[part] - problem.repeat * (problem.by_stretch[stretch] @ (shown > 0))
    for other, bits, returning in problem.beside(stretch):
        if (there := chosen[other]) >= 0:
            if returning:
                gain = gain + bits * (shot == problem.shot[there])
            else:
                gain = gain - bits * (footage == problem.footage[there])
    if problem.film:
        gain = gain - problem.film * (films[footage] == 0)
    for one in worn:
        gain = gain - one.lost(stretch, part)
    for count, seen in zip(same, problem.earlier, strict=True):
        if count >= problem.most_same:
            gain = gain - problem.same * seen[part]
    return np.asarray(gain, np.float64)


class _Worn:
    """A count of the times, (M,), that each material of a `Wear` is shown, by distinct set-ups."""

    def __init__(self, problem: Problem, wear: Wear) -> None:
        self._wear, self._setup = wear, wear.setups(problem.stretches)
        self._clips: Counter[tuple[int, int]] = Counter()  # of a material and a set-up
        self.times = np.zeros(len(wear.before), np.int64)

    @classmethod
    def of(cls, problem: Problem, chosen: NDArray[np.int64]) -> list[_Worn]:
        """Return what wears by the candidates chosen (S,), -1 for none yet, for each `Wear`."""
        made = [cls(problem, wear) for wear in problem.wears]
        for one in made:
            for stretch, candidate in enumerate(chosen.tolist()):
                if candidate >= 0:
                    one.count(stretch, candidate, 1)
        return made

    def count(self, stretch: int, candidate: int, sign: int) -> None:
        """Count a stretch's candidate, or (-1) count it no more."""
        material = int(self._wear.of[candidate])
        if material < 0:
            return
        key = (material, int(self._setup[stretch]))
        before = self._clips[key] > 0
        self._clips[key] += sign
        self.times[material] += int(self._clips[key] > 0) - int(before)

    def lost(self, stretch: int, part: slice) -> NDArray[np.float64]:
        """Return what each candidate of a stretch would lose; of its set-up shown already, none."""
        of, setup = self._wear.of[part], int(self._setup[stretch])
        bits = self._wear.next(self.times)[of] * (of >= 0)
        returning = [material for material in set(of.tolist()) if self._clips[material, setup] > 0]
        return np.where(np.isin(of, returning), 0.0, bits)


def members_of(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return, for each number that occurs, from 0 on, the places where it occurs."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _shared_instants(problem: Problem) -> csr_array:
    """Return the largest sets of candidates that all show one instant, from two stretches or more.

    Ranges on a line overlap all at once where they overlap in pairs, so these sets say all there is
    to say about what must not be shown twice.
    """
    from scipy.sparse import csr_array

    columns: list[int] = []
    ends = [0]
    owner, start, end = problem.owner.tolist(), problem.start.tolist(), problem.end.tolist()
    lying: dict[int, list[tuple[float, float, int]]] = defaultdict(list)
    for i, footage in enumerate(problem.footage.tolist()):
        lying[footage].append((start[i], end[i], i))
    for i, footage, begin, stop in problem.also:
        lying[footage].append((begin, stop, i))
    for _, spans in sorted(lying.items()):
        events = sorted(
            [(s, 1, i) for s, e, i in spans if e > s] + [(e, 0, i) for s, e, i in spans if e > s]
        )
        running: Counter[int] = Counter()  # how often: a copy may lie in one footage twice
        grew = False
        for _, begins, index in events:
            if begins:
                running[index] += 1
                grew = True
                continue
            # Just before one leaves, the set is as large as it gets.
            if grew and len({owner[i] for i in running}) > 1:
                columns += sorted(running)
                ends.append(len(columns))
            running[index] -= 1
            if not running[index]:
                del running[index]
            grew = False
    ones = np.ones(len(columns))
    return csr_array((ones, columns, ends), shape=(len(ends) - 1, len(owner)))
