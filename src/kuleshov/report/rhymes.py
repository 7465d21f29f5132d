"""Find rhymes: shots of one film that are alike and lie apart.

Likeness is that of matching: similarity of each facet read as bits against random pairs, weighed
(`match/align/strength`). Shots that follow each other closely are of one scene, and no rhyme; a
set-up that comes back much later is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.shot_tags import shared_phrases
from kuleshov.features.analyse import Analysis
from kuleshov.features.composition import SETUP
from kuleshov.features.facet import COMPOSITION, Reference
from kuleshov.features.grid import rows_of
from kuleshov.features.tags import Tag
from kuleshov.footage import Shot
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Strength

__all__ = ["Rhyme", "rhymes"]

_MOST = 12  # rhymes told
_LEAST = 3.0  # bits: one random pair in nine is as alike
_NEAR = 8  # shots from which on two are not taken for one scene, or
_PART = 6  # this part of all shots, in a short film
_SHOTS = 3000  # of a film, the longest, that are compared: each with each


@dataclass(frozen=True)
class Rhyme:
    """A rhyme: two shots, by their indices.

    What both are said to be, each facet's share of random pairs that are less alike, and whether
    they are one set-up.
    """

    first: int
    second: int
    shared: tuple[str, ...]
    facets: Mapping[str, float]
    setup: bool


def rhymes(
    analysis: Analysis,
    shots: Sequence[Shot],
    tags: Sequence[tuple[Tag, ...]],
    reference: Reference,
) -> tuple[Rhyme, ...]:
    """Return the pairs most alike, the strongest first; each shot is in one pair at most.

    `tags` are those of all shots of the film.
    """
    compared = [s for s in shots if len(s.core) and not s.black and not _is_title(tags[s.index])]
    compared = sorted(sorted(compared, key=lambda s: -len(s.core))[:_SHOTS], key=lambda s: s.index)
    known = [name for name in DEFAULT_WEIGHTS if name in analysis.features]
    if len(compared) < 2 or not known:
        return ()
    strength = Strength.of(DEFAULT_WEIGHTS, reference, known)
    alike = {name: _similarity(analysis, compared, name) for name in strength.weights}
    bits = strength.whole({name: part.ravel() for name, part in alike.items()})
    bits = bits.reshape(len(compared), -1)
    setups = np.zeros(bits.shape, np.bool_)
    if COMPOSITION in alike:
        setups = strength.scales[COMPOSITION].bits(alike[COMPOSITION]) >= SETUP
    place = np.arange(len(compared))
    apart = np.abs(place[:, None] - place[None, :])
    near = min(_NEAR, max(1, len(compared) // _PART))
    allowed = (place[:, None] < place[None, :]) & (apart > near)
    bits = np.where(allowed, bits, -np.inf)
    found: list[Rhyme] = []
    while len(found) < _MOST:
        one, other = (int(n) for n in np.unravel_index(int(bits.argmax()), bits.shape))
        if bits[one, other] < _LEAST:
            break
        first, second = compared[one].index, compared[other].index
        found.append(
            Rhyme(
                first,
                second,
                tuple(shared_phrases(tags[first], tags[second])),
                {
                    name: float(strength.scales[name].percentile(part[one, other]))
                    for name, part in alike.items()
                },
                bool(setups[one, other]),
            )
        )
        # Each shot once; and where set-ups come back, each set-up once.
        taken = setups[one] | setups[other]
        taken[[one, other]] = True
        bits[taken, :] = bits[:, taken] = -np.inf
    return tuple(found)


def _is_title(tags: Sequence[Tag]) -> bool:
    return any(tag.kind == "material" for tag in tags)


def _similarity(analysis: Analysis, shots: Sequence[Shot], facet: str) -> NDArray[np.float32]:
    """Return how alike shots are in one facet, (S, S).

    It is the mean of the similarities of their pictures, which is the product of their mean rows.
    """
    rows, shown = analysis.features[facet], analysis.shown
    means = []
    for shot in shots:
        first, end = rows_of(shown, shot.core)
        means.append(rows[first:end].astype(np.float32).mean(axis=0))
    every = np.array(means, np.float32)
    return np.asarray(every @ every.T, np.float32)
