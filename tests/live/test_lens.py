"""Looking through lenses live: cross-fades, and pictures that get smaller on a slow machine."""

from __future__ import annotations

import io
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from kuleshov.desk.live_lens import SIZES, LensOptions, LiveLens
from kuleshov.errors import ModelError, UsageError
from kuleshov.see.bundled import lens_path
from kuleshov.see.camera import LookOptions
from kuleshov.see.lens import write_lens
from kuleshov.studio.live_lens import HEAD, LensView
from kuleshov.studio.reading import Fields
from see.tiny import lens, tinted

pytestmark = pytest.mark.slow

_STILL = LookOptions(smoothing=1.0, drift=0.0)


def frame(seed=1):
    shades = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), np.uint8)
    return np.ascontiguousarray(shades.repeat(20, 0).repeat(20, 1))


def test_pictures_get_smaller_where_they_take_too_long_and_only_there():
    known = {"sea": lens_path("sea")}
    slow, quick = (LiveLens(known, LensOptions("sea"), slow_s=s) for s in (0.0, math.inf))
    for n in range(22):
        slow.look(frame(), n / 25)
    assert slow.size == (398, SIZES[1])
    assert slow.slow
    for n in range(22):
        quick.look(frame(), n / 25)
    assert quick.size == (512, SIZES[0])
    assert not quick.slow


def test_a_cross_fade_lies_between_its_lenses(tmp_path):
    shutil.copy(lens_path("sea"), tmp_path / "waves.see")
    known = {"sea": lens_path("sea"), "waves": tmp_path / "waves.see"}

    def seen(mix, other="waves"):
        lens = LiveLens(known, LensOptions("sea", other, mix, _STILL))
        return lens.look(frame(), 0.0).picture.astype(int)

    # The other one is the same network: whatever the mix, so is the picture.
    assert np.abs(seen(0.5) - seen(0.0)).max() <= 1
    assert np.array_equal(seen(1.0), seen(0.0, ""))


@pytest.fixture
def colours(tmp_path):
    """Lenses that see one colour each, whatever they are given."""
    known = {}
    for name, colour in (("warm", (0.8, 0.4, 0.2)), ("cold", (0.1, 0.3, 0.9))):
        known[name] = tmp_path / f"{name}.see"
        write_lens(tinted(name, *colour), known[name])
    return known


@pytest.mark.parametrize("mix", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_cross_fade_goes_from_the_one_to_the_other(colours, mix):
    live = LiveLens(colours, LensOptions("warm", "cold", mix, _STILL))
    seen = live.look(frame(), 0.0).picture.reshape(-1, 3).mean(0) / 255
    warm, cold = np.array([0.8, 0.4, 0.2]), np.array([0.1, 0.3, 0.9])
    assert seen == pytest.approx(warm + mix * (cold - warm), abs=0.01)


def test_a_page_is_sent_the_colours_that_a_lens_sees(colours):
    view = LensView(colours, "lens")
    for one, colour in (("warm", (204, 102, 51)), ("cold", (26, 76, 230))):
        view.change(Fields({"one": one}))
        view.forget()
        made = view.look(7, frame(), 0.0)
        assert made is not None
        with Image.open(io.BytesIO(made[HEAD.size :])) as picture:
            sent = np.asarray(picture).reshape(-1, 3).mean(0)
        assert sent == pytest.approx(colour, abs=3)


def test_red_is_darker_to_a_lens_than_green_and_brighter_than_blue(tmp_path):
    write_lens(lens("plain"), tmp_path / "plain.see")
    live = LiveLens({"plain": tmp_path / "plain.see"}, LensOptions("plain", look=_STILL))
    light = []
    for place in range(3):
        live.forget()
        one = np.zeros((90, 160, 3), np.uint8)
        one[..., place] = 255
        light.append(live.look(one, 0.0).picture.mean() / 255)
    assert light == pytest.approx([0.299, 0.587, 0.114], abs=0.01)


def test_what_is_not_there_or_damaged_is_said(tmp_path):
    (tmp_path / "broken.see").write_bytes(b"no lens")
    with pytest.raises(UsageError, match="lake"):
        LiveLens({"sea": lens_path("sea")}, LensOptions("lake"))
    with pytest.raises(ModelError, match="damaged"):
        LiveLens({"broken": tmp_path / "broken.see"}, LensOptions("broken"))
