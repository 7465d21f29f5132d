"""The lenses that come with Kuleshov: each can be looked through, and says whose footage it is."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.see.bundled import bundled_lenses
from kuleshov.see.lens import read_lens
from kuleshov.see.looker import Looker, State

LENSES = bundled_lenses()


def test_the_sea_comes_along():
    assert "sea" in LENSES


@pytest.mark.slow
@pytest.mark.parametrize("name", LENSES)
def test_what_is_painted_follows_form_and_is_of_a_material(name):
    lens = read_lens(LENSES[name])
    looker = Looker([lens], 256, 256)
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 256, 0)
    frame = np.repeat(ramp, 3, 2)
    painted, _ = looker.look(frame, State())
    light = painted.astype(float).mean(2)
    columns = light.mean(0)
    assert np.corrcoef(columns, np.arange(256))[0, 1] > 0.9, "bright stays bright"
    detail = light[:-1, :-1] - light[1:, 1:]
    given = ramp.astype(float)[:-1, :-1, 0] - ramp.astype(float)[1:, 1:, 0]
    assert detail.std() > 5 * given.std(), "and has a texture that was not there"
    mirrored, _ = looker.look(frame[:, ::-1], State())
    turned = mirrored.astype(float).mean(2).mean(0)
    assert np.corrcoef(turned, np.arange(256))[0, 1] < -0.9


@pytest.mark.parametrize("name", LENSES)
def test_whose_footage_it_was_is_said(name):
    lens = read_lens(LENSES[name])
    assert lens.name == name
    assert lens.origins
    assert all(origin.licence and origin.pictures for origin in lens.origins)
    assert lens.recipe["steps"] > 0
    assert lens.measured["sensitivity"] > 0.25
