"""Hold back some of the gathered pictures, to measure what a network learnt from the others."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from kuleshov.errors import UsageError
from kuleshov.see.training.pictures import Pictures

__all__ = ["held_out"]

_LEAST_HELD = 4
_RUNS = 5  # of pictures that are held out, at most
_MARGIN = Fraction(1, 2)  # s on either side of a run, left out of both


def held_out(pictures: Pictures, share: float = 0.1) -> tuple[Pictures, Pictures]:
    """Return the pictures to train on, and those to measure by: `share` of all.

    These are at least 4 where there are 12.

    These come in up to five runs, spread over all footage, each of pictures that follow one another
    in one film or folder. What lies within half a second of such a run is in neither part, for it
    shows nearly the same. No chance is in it. Raises UsageError if `share` is not from 0 to 0.5.
    """
    if not 0 <= share <= 0.5:
        raise UsageError(f"At most half of the pictures can be held out, not {share:g} of them.")
    total = len(pictures)
    count = round(share * total) if share else 0
    if share:
        count = min(max(count, _LEAST_HELD), total // 3)
    held, beside = set[int](), set[int]()
    for runs in range(min(_RUNS, count // _LEAST_HELD) or min(1, count), 0, -1):
        held = _runs(total, count, runs)
        beside = {k for k in range(total) if k not in held and _near(pictures, k, held)}
        if len(beside) <= count:
            break  # else fewer runs have fewer neighbours
    train = [k for k in range(total) if k not in held and k not in beside]
    return _part(pictures, train), _part(pictures, sorted(held))


def _runs(total: int, count: int, runs: int) -> set[int]:
    """Return the numbers of `count` of `total` pictures, in runs."""
    held: set[int] = set()
    for run in range(runs):
        length = count * (run + 1) // runs - count * run // runs
        # In the middle of its share of all: the ends of footage are often titles.
        first = (2 * run + 1) * total // (2 * runs) - length // 2
        held.update(range(first, first + length))
    return held


def _near(pictures: Pictures, index: int, held: set[int]) -> bool:
    """Return whether a picture lies so near to one held out that it shows the same."""
    place = pictures.places[index]
    if place.time is None:
        return False
    for step in (-1, 1):
        other = index + step
        while 0 <= other < len(pictures):
            beside = pictures.places[other]
            if beside.path != place.path or beside.time is None:
                break
            if abs(beside.time - place.time) >= _MARGIN:
                break
            if other in held:
                return True
            other += step
    return False


def _part(pictures: Pictures, chosen: list[int]) -> Pictures:
    return replace(
        pictures,
        pixels=tuple(pictures.pixels[k] for k in chosen),
        places=tuple(pictures.places[k] for k in chosen),
    )
