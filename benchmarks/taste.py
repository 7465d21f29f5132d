"""How soon suggestions follow an editor's taste, with simulated editors on real offers.

    python benchmarks/taste.py PROJECT --archive DIR [--editors 200]

Each editor weighs facets in another way than the usual one: the logarithms of the weights differ by
0.4 (near) or 0.8 (far) on average. Of a shot's offers, which are what the archive gives by the
usual weights, the editor sees the best twelve and picks what is best for them, with some noise.
After so many picks on shots drawn at random, the first suggestion for the other shots is compared
with what the editor would pick of all offers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kuleshov.desk.desk import Desk
from kuleshov.features.facet import FACETS
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.match.choose.taste import Bits, Choice, bits_of, learned
from measure import machine

SHOWN, AFTER = 12, (0, 5, 10, 20)
NOISE = 0.5  # bits of strength, of a Gumbel distribution: about every third pick is not the best


def pool(project: Path, archive: Path) -> list[Bits]:
    """Return the bits of the offers of each shot."""
    with Desk(archive) as desk:
        cut = desk.resume(project).cut
        offers = [cut.offers[slot] for slot in cut.plan.wanted if len(cut.offers[slot]) > SHOWN]
    return [np.stack([bits_of(one.facets) for one in part]) for part in offers]


def weighed(bits: Bits, weights: Bits) -> Bits:
    return np.asarray(bits @ (weights / weights.sum()))


def tried(shots: list[Bits], spread: float, rng: np.random.Generator) -> dict[int, tuple[int, int]]:
    """Return for one editor after so many picks where their own best of a shot is ranked first, and
    among the first three, of all shots that were not picked for."""
    usual = np.array([DEFAULT_WEIGHTS.get(name, 0.0) for name in FACETS])
    own = usual * np.exp(rng.normal(0, spread, len(usual)))
    order = rng.permutation(len(shots))
    asked, rest = order[: max(AFTER)], order[max(AFTER) :]
    choices: list[Choice] = []
    found: dict[int, tuple[int, int]] = {}
    for picks in range(max(AFTER) + 1):
        if picks in AFTER:
            taste = learned(choices, DEFAULT_WEIGHTS) if choices else None
            now = usual if taste is None else np.array([taste.weights[name] for name in FACETS])
            ranks = []
            for shot in rest:
                best = int(weighed(shots[shot], own).argmax())
                worth = weighed(shots[shot], now)
                ranks.append(int((worth > worth[best]).sum()))
            found[picks] = (sum(r == 0 for r in ranks), sum(r < 3 for r in ranks))
        if picks < len(asked):
            bits = shots[asked[picks]]
            seen = bits[np.argsort(-weighed(bits, usual))[:SHOWN]]
            noisy = weighed(seen, own) + rng.gumbel(0, NOISE, len(seen))
            choices.append(Choice(seen, int(noisy.argmax())))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--editors", type=int, default=200)
    given = parser.parse_args()
    print(machine())
    shots = pool(given.project, given.archive)
    rest = len(shots) - max(AFTER)
    print(f"{len(shots)} shots with {sum(map(len, shots))} offers, {given.editors} editors")
    for name, spread in (("near", 0.4), ("far", 0.8)):
        rng = np.random.default_rng(7)
        every = [tried(shots, spread, rng) for _ in range(given.editors)]
        for picks in AFTER:
            first = np.mean([one[picks][0] for one in every]) / rest
            three = np.mean([one[picks][1] for one in every]) / rest
            print(f"{name:<5} after {picks:>2} picks: first {first:6.1%}, in three {three:6.1%}")


if __name__ == "__main__":
    main()
