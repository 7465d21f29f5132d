"""What picks say of an editor's taste: the true weights are met, and nothing is said too early."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.features.facet import FACETS
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.match.choose.taste import Choice, _slope, _terms, _value, bits_of, learned, words_for

NAMES = list(FACETS)


def choices(weights, count, seed=0, refused=False):
    """What somebody picks, or refuses, who follows these weights."""
    rng = np.random.default_rng(seed)
    told = np.array([weights.get(name, 0.0) for name in NAMES])
    made = []
    for _ in range(count):
        bits = rng.normal(1, 2.5, (12, len(NAMES)))
        worth = bits @ told / told.sum() + rng.gumbel(0, 0.3, 12)
        made.append(Choice(bits, int(worth.argmin() if refused else worth.argmax()), refused))
    return made


@pytest.mark.parametrize("refused", [False, True])
def test_many_choices_lead_to_the_weights_behind_them(refused):
    wanted = {"subject": 0.4, "composition": 1.9, "tone": 0.2, "motion": 0.5, "faces": 0.7}
    taste = learned(choices(wanted, 400 if refused else 150, refused=refused), DEFAULT_WEIGHTS)
    assert sum(taste.weights.values()) == pytest.approx(sum(DEFAULT_WEIGHTS.values()), abs=0.05)
    assert taste.weights["composition"] > 1.35
    assert taste.weights["subject"] < 0.75
    assert taste.picks == (0 if refused else 150)
    assert taste.sure is (not refused), "refusals alone propose nothing"


def test_ten_picks_move_the_weights_towards_it_and_not_beyond():
    wanted = {"composition": 1.0}
    taste = learned(choices(wanted, 10), DEFAULT_WEIGHTS)
    assert 1.1 < taste.weights["composition"] < 3
    assert min(taste.weights.values()) > 0.05
    assert taste.sure
    said = words_for(taste, DEFAULT_WEIGHTS)
    assert said.startswith("Your picks follow composition more than ")
    assert f"composition 1.0 → {taste.weights['composition']:.1f}" in said
    assert said.endswith(". Apply?")


def test_whoever_agrees_hears_nothing():
    seeds = range(40)
    misread = [learned(choices(DEFAULT_WEIGHTS, 12, s), DEFAULT_WEIGHTS).sure for s in seeds]
    assert sum(misread) <= len(seeds) / 20, "one editor in twenty is misread"


def test_few_picks_propose_nothing():
    assert not learned(choices({"tone": 1.0}, 4), DEFAULT_WEIGHTS).sure
    assert learned([], DEFAULT_WEIGHTS).weights == pytest.approx(DEFAULT_WEIGHTS, abs=0.01)


def test_the_prior_is_centred_on_what_is_set():
    own = {**dict.fromkeys(NAMES, 0.2), "tone": 2.0}
    assert learned([], own).weights == pytest.approx(own, abs=0.01)
    assert not learned(choices(own, 20), own).sure
    assert learned(choices(own, 20), DEFAULT_WEIGHTS).sure


def test_a_refusal_counts_less_than_a_pick():
    made = choices({"tone": 1.0}, 5)
    picked = learned(made, DEFAULT_WEIGHTS)
    turned = [Choice(-one.bits, one.number, refused=True) for one in made]
    refused = learned(turned, DEFAULT_WEIGHTS)
    moves = [abs(np.log(t.weights["tone"] / 0.5)) for t in (picked, refused)]
    assert 0 < moves[1] < moves[0]


def test_the_slope_is_that_of_the_value():
    rng = np.random.default_rng(3)
    terms = _terms([*choices({"tone": 1}, 3), *choices({"faces": 1}, 2, refused=True)])
    base, at = rng.uniform(0.1, 0.5, len(NAMES)), rng.normal(0, 0.3, len(NAMES))
    slope, curve = _slope(at, base, terms)
    for n in range(len(NAMES)):
        step = np.eye(len(NAMES))[n] * 1e-6
        change = (_value(at + step, base, terms) - _value(at - step, base, terms)) / 2e-6
        assert slope[n] == pytest.approx(change, rel=1e-4, abs=1e-6)
    assert np.linalg.eigvalsh(curve).min() > 0


def test_shares_are_read_as_bits():
    bits = dict(
        zip(NAMES, bits_of({"subject": 0.5, "tone": 1023 / 1024, "faces": 0.0}), strict=True)
    )
    assert bits["subject"] == 0
    assert bits["composition"] == 0, "it is not known"
    assert bits["tone"] == pytest.approx(7.99, abs=0.01)
    assert bits["faces"] == pytest.approx(-7.99, abs=0.01)
