"""Learn from an editor's picks, as a project keeps them, and propose other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kuleshov.match.align.candidates import Candidate
from kuleshov.match.choose.taste import Choice, bits_of, learned, words_for

__all__ = ["Learned", "Proposal", "evidence_of", "learned_from"]

_MOST = 100  # choices that count: the latest


@dataclass(frozen=True)
class Proposal:
    """Other weights that an editor's picks speak for, and a sentence on them."""

    text: str
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Learned:
    """The outcome of learning from so many picks: a proposal, or None where nothing is sure."""

    picks: int
    proposal: Proposal | None = None


def evidence_of(
    shown: Sequence[Candidate], one: Candidate, *, refused: bool = False
) -> dict[str, Any] | None:
    """Return what it says to pick one clip, or to refuse it, among those that were shown.

    None where nothing else was shown, so that it says nothing.
    """
    others = [other for other in shown if other is not one]
    if not others:
        return None
    bits = [[round(float(b), 2) for b in bits_of(each.facets)] for each in (one, *others)]
    return {"bits": bits, "refused": refused}


def learned_from(evidence: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> Learned:
    """Return what was learnt where these weights are set.

    Raises `LookupError` or `ValueError` where evidence is damaged.
    """
    choices = [
        Choice(np.array(one["bits"], np.float64), 0, bool(one["refused"]))
        for one in evidence[-_MOST:]
    ]
    if not choices:
        return Learned(0)
    taste = learned(choices, weights)
    if not taste.sure:
        return Learned(taste.picks)
    return Learned(taste.picks, Proposal(words_for(taste, weights), taste.weights))
