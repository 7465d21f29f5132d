"""An editor's taste: how much each facet counts for somebody, learnt from what they pick.

    taste = learned([Choice(bits, 3), ...], weights)
    taste.weights, taste.sure

Whoever picks one of several clips on the screen makes a conditional logit choice (McFadden 1974)
whose utility is what the clips score: the bits of each facet, weighed. The weights are found as the
most likely ones a posteriori, by Newton's method with the expected curvature. The prior is centred
on the weights that are set: without it ten choices teach nothing, as a simulation showed
(`benchmarks/taste.py`). So the order of suggestions is what is promised to get better, not a
portrait of the editor: several weights may explain the same choices (arXiv 2405.02612).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.facet import FACETS

__all__ = ["Choice", "Taste", "bits_of", "learned", "words_for"]

Bits = NDArray[np.float64]

_KEEN = 1.5  # nats of utility for each bit of strength: how sure a hand picks the better of two
_PRIOR = 4.0  # precision of the prior, of the logarithms of weights
_REFUSED = 0.5  # weight of a refusal, beside a pick
_FLOOR = 0.1  # weight from which a facet starts that counts nothing until now
_ROUNDS, _DONE = 40, 1e-7
_LEAST = 5  # picks, before anything is proposed
_SURE = 3.5  # nats by which picks must be likelier: one editor in twenty is misread
_CHANGE = 0.15  # of a weight, as a logarithm; less is not worth a word
_WORST = 2.0**-8  # share that is told from none


@dataclass(frozen=True, eq=False)
class Choice:
    """One pick, or refusal, among what was on the screen.

    `bits` (N, F) of each clip that was shown, in the order of `FACETS`; `number` of the one that
    was picked, or `refused`.
    """

    bits: Bits
    number: int
    refused: bool = False


@dataclass(frozen=True)
class Taste:
    """The weights that an editor's choices speak for, in sum as those that were set.

    They are learnt from so many `picks`. `gain` is by how many nats the picks are likelier than
    under the weights that were set. `sure`: it is enough to be proposed.
    """

    weights: Mapping[str, float]
    picks: int
    gain: float
    sure: bool


def bits_of(facets: Mapping[str, float]) -> Bits:
    """Return the bits of a candidate's facets, (F,), from its shares of random pairs.

    A facet that is not known has 0.
    """
    shares = np.array([facets.get(name, 0.5) for name in FACETS])
    shares = np.clip(shares, _WORST, 1 - _WORST)
    return np.asarray(np.log2(shares / (1 - shares)))


def learned(choices: Sequence[Choice], weights: Mapping[str, float]) -> Taste:
    """Return the taste that choices show, where these weights are set.

    Of a refusal each other clip that was shown is preferred to it, together at half the weight of
    a pick.
    """
    names = list(FACETS)
    start = np.array([max(weights.get(name, 0.0), 0.0) for name in names])
    total = float(start.sum()) or 1.0
    base = np.maximum(start, _FLOOR * float(start.max() or 1.0)) / total * _KEEN
    terms = _terms(choices)
    moved = np.zeros(len(names))
    value = _value(moved, base, terms)
    for _ in range(_ROUNDS):
        slope, curve = _slope(moved, base, terms)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while size > _DONE:
            tried = moved + size * step
            better = _value(tried, base, terms)
            if better >= value:
                break
            size /= 2
        if size <= _DONE or better - value < _DONE:
            break
        moved, value = tried, better
    told = base * np.exp(moved)
    told *= total / told.sum()
    # How decided somebody is says nothing of what they follow: it is the same on both sides.
    found_now = base * np.exp(moved)
    gain = _likely(found_now, terms) - _likely(base * found_now.sum() / base.sum(), terms)
    picks = sum(not one.refused for one in choices)
    spread = np.sqrt(np.diag(np.linalg.inv(_slope(moved, base, terms)[1])))
    relative = np.log(told / np.maximum(start, _FLOOR * float(start.max() or 1.0)))
    plain = bool((np.abs(relative) > np.maximum(_CHANGE, spread / 2)).any())
    found = {name: round(float(w), 2) for name, w in zip(names, told, strict=True)}
    return Taste(found, picks, gain, picks >= _LEAST and gain >= _SURE and plain)


def words_for(taste: Taste, weights: Mapping[str, float]) -> str:
    """Return what is proposed, in a sentence.

    It names the facet that is to count more and the one that is to count less, with their weights.
    """
    change = {
        name: np.log((taste.weights[name] + 1e-3) / (weights.get(name, 0.0) + 1e-3))
        for name in FACETS
    }
    more, less = max(change, key=change.__getitem__), min(change, key=change.__getitem__)
    told = [f"{n} {weights.get(n, 0.0):.1f} → {taste.weights[n]:.1f}" for n in (more, less)]
    return f"Your picks follow {more} more than {less}: {', '.join(told)}. Apply?"


_Term = tuple[Bits, float]
"""What a choice says: the bits of each clip less those of what was preferred, (N, F), and how much
that counts."""


def _terms(choices: Sequence[Choice]) -> list[_Term]:
    found: list[_Term] = []
    for one in choices:
        others = np.delete(one.bits, one.number, axis=0)
        if not len(others):
            continue
        if one.refused:
            share = _REFUSED / len(others)
            found += [((one.bits[one.number] - other)[None], share) for other in others]
        else:
            found.append((others - one.bits[one.number], 1.0))
    return found


def _likely(weights: Bits, terms: Sequence[_Term]) -> float:
    """Return how likely the choices are, in nats."""
    return -sum(share * float(np.logaddexp.reduce([0, *(bits @ weights)])) for bits, share in terms)


def _value(moved: Bits, base: Bits, terms: Sequence[_Term]) -> float:
    return _likely(base * np.exp(moved), terms) - _PRIOR / 2 * float(moved @ moved)


def _slope(moved: Bits, base: Bits, terms: Sequence[_Term]) -> tuple[Bits, Bits]:
    """Return the slope of the value, (F,), and its expected curvature, (F, F), both upwards."""
    weights = base * np.exp(moved)
    slope, curve = -_PRIOR * moved, _PRIOR * np.eye(len(moved))
    for bits, share in terms:
        scaled = bits * weights  # by the logarithms of the weights
        utility = bits @ weights
        chance = np.exp(utility - np.logaddexp.reduce([0, *utility]))
        mean = chance @ scaled
        slope = slope - share * mean
        curve = curve + share * ((scaled * chance[:, None]).T @ scaled - np.outer(mean, mean))
    return slope, curve
