"""Selection: choose for all shots at once, so that no instant of footage is shown twice.

An integer programme, solved by HiGHS through `scipy.optimize.milp`: one candidate a shot; of all
candidates that show the same instant of the same footage at most one, save where nothing else is
left; as strong as possible in sum.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MatchError

__all__ = ["Choice", "select"]

_REPEAT = 100.0  # strength that showing an instant again costs: more than any likeness is worth


@dataclass(frozen=True)
class Choice:
    """A candidate as selection sees it: what it shows, from `start` to `end` in seconds, dissolve
    handles included, and how strong it is."""

    footage: int
    start: float
    end: float
    strength: float


def select(shots: Sequence[Sequence[Choice]], *, time_limit_s: float = 60.0) -> tuple[int, ...]:
    """For each shot the index of its choice; each shot needs at least one.

    The same input gives the same answer. Raises `MatchError` where a shot has no candidates.
    """
    if any(not choices for choices in shots):
        raise MatchError("There is a shot without any candidate: the archive has nothing for it.")
    if not shots:
        return ()
    flat = [choice for choices in shots for choice in choices]
    counts = [len(choices) for choices in shots]
    owner = np.repeat(np.arange(len(shots)), counts)
    first = np.cumsum([0, *counts[:-1]])
    cliques = _cliques(flat, owner.tolist())
    of_choice: dict[int, list[int]] = defaultdict(list)
    for number, clique in enumerate(cliques):
        for index in clique:
            of_choice[index].append(number)
    # Nearly all cliques never bind. Begin with none and add those that the answer breaks, until it
    # breaks none: the answer is then the best under all of them.
    binding: set[int] = set()
    deadline = time.monotonic() + time_limit_s
    while True:
        held = [cliques[number] for number in sorted(binding)]
        taken = _solve(flat, owner, held, deadline - time.monotonic())
        chosen = tuple(int(part.argmax()) for part in np.split(taken, first[1:]))
        shown = Counter(number for index in first + chosen for number in of_choice[index])
        broken = {number for number, count in shown.items() if count > 1} - binding
        if not broken:
            return chosen
        binding |= broken


def _solve(
    flat: Sequence[Choice],
    owner: NDArray[np.int64],
    cliques: Sequence[tuple[int, ...]],
    seconds: float,
) -> NDArray[np.float64]:
    """How far each of `flat` is taken, 0 or 1: one a shot, of `cliques` one each where possible."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    count, shots = len(flat), int(owner[-1]) + 1
    variables = count + len(cliques)
    # A candidate each: the sum over a shot's candidates is 1.
    one = csr_array((np.ones(count), (owner, np.arange(count))), shape=(shots, variables))
    constraints = [LinearConstraint(one, 1, 1)]
    if cliques:
        # Of those that show one instant, one; each more is counted by the clique's own variable.
        entries = [(row, column) for row, clique in enumerate(cliques) for column in clique]
        repeats = [(row, count + row) for row in range(len(cliques))]
        rows, columns = zip(*entries, *repeats, strict=True)
        values = np.concatenate((np.ones(len(entries)), -np.ones(len(repeats))))
        shared = csr_array((values, (rows, columns)), shape=(len(cliques), variables))
        constraints.append(LinearConstraint(shared, -np.inf, 1))
    result = milp(
        np.concatenate(([-choice.strength for choice in flat], np.full(len(cliques), _REPEAT))),
        constraints=constraints,
        bounds=Bounds(0, np.concatenate((np.ones(count), np.full(len(cliques), float(shots))))),
        integrality=np.concatenate((np.ones(count), np.zeros(len(cliques)))),
        options={"time_limit": max(1.0, seconds), "mip_rel_gap": 1e-6},
    )
    if result.x is None:
        raise MatchError("No selection was found in time: try again with --candidates 20.")
    return np.asarray(result.x[:count], np.float64)


def _cliques(choices: Sequence[Choice], shots: Sequence[int]) -> list[tuple[int, ...]]:
    """The largest sets of candidates that all show one instant, from at least two shots.

    Ranges on a line overlap all at once where they overlap in pairs, so these sets say all.
    """
    found: list[tuple[int, ...]] = []
    by_footage: dict[int, list[int]] = defaultdict(list)
    for index, choice in enumerate(choices):
        by_footage[choice.footage].append(index)
    for _, members in sorted(by_footage.items()):
        events = sorted(
            [(choices[i].start, 1, i) for i in members] + [(choices[i].end, 0, i) for i in members]
        )
        running: set[int] = set()
        grew = False
        for _, begins, index in events:
            if begins:
                running.add(index)
                grew = True
                continue
            # Just before one leaves, the set is as large as it gets.
            if grew and len({shots[i] for i in running}) > 1:
                found.append(tuple(sorted(running)))
            running.discard(index)
            grew = False
    return found
