"""Selection: choose for all shots at once, so that no instant of footage is shown twice.

An integer programme, solved by HiGHS through `scipy.optimize.milp`: one candidate a shot; of all
candidates that show the same instant of the same footage at most one, save where nothing else is
left; as strong as possible in sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    flat = [(shot, choice) for shot, choices in enumerate(shots) for choice in choices]
    cliques = _cliques([choice for _, choice in flat], [shot for shot, _ in flat])
    variables = len(flat) + len(cliques)
    # A candidate each: sum over a shot's candidates is 1.
    one = csr_array(
        (np.ones(len(flat)), ([shot for shot, _ in flat], range(len(flat)))),
        shape=(len(shots), variables),
    )
    constraints = [LinearConstraint(one, 1, 1)]
    if cliques:
        # Of those that show one instant, one; each more is counted by the clique's own variable.
        entries = [(row, column) for row, clique in enumerate(cliques) for column in clique]
        repeats = [(row, len(flat) + row) for row in range(len(cliques))]
        rows, columns = zip(*entries, *repeats, strict=True)
        values = np.concatenate((np.ones(len(entries)), -np.ones(len(repeats))))
        shared = csr_array((values, (rows, columns)), shape=(len(cliques), variables))
        constraints.append(LinearConstraint(shared, -np.inf, 1))
    cost = np.concatenate(([-c.strength for _, c in flat], np.full(len(cliques), _REPEAT)))
    upper = np.concatenate((np.ones(len(flat)), np.full(len(cliques), float(len(shots)))))
    result = milp(
        cost,
        constraints=constraints,
        bounds=Bounds(np.zeros(variables), upper),
        integrality=np.concatenate((np.ones(len(flat)), np.zeros(len(cliques)))),
        options={"time_limit": time_limit_s, "mip_rel_gap": 1e-6},
    )
    if result.x is None:
        raise MatchError(f"No selection was found within {time_limit_s:g} s: try --candidates 20.")
    chosen: list[int] = []
    offset = 0
    for choices in shots:
        chosen.append(int(np.argmax(result.x[offset : offset + len(choices)])))
        offset += len(choices)
    return tuple(chosen)


def _cliques(choices: Sequence[Choice], shots: Sequence[int]) -> list[tuple[int, ...]]:
    """The largest sets of candidates that all show one instant, from at least two shots.

    Ranges on a line overlap all at once where they overlap in pairs, so these sets say all.
    """
    found: list[tuple[int, ...]] = []
    for footage in sorted({choice.footage for choice in choices}):
        members = [i for i, choice in enumerate(choices) if choice.footage == footage]
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
