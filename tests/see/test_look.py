"""From frame to frame through lenses that do one plain thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from kuleshov.errors import ModelError, UsageError
from kuleshov.models.runtime import load_bytes
from kuleshov.see.abstraction import (
    Abstraction,
    LensTone,
    Matrices,
    abstract,
    grey,
    matrices,
    toned,
)
from kuleshov.see.camera import LookOptions, framed, light_of, looked_size, parted
from kuleshov.see.lens import MULTIPLE
from kuleshov.see.looker import Looker, State
from see.tiny import lens, tinted

PLAIN = LookOptions(smoothing=1, drift=0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def looker(cache):
    """One that passes on what it is given."""

    def made(width, height, *lenses):
        return Looker(lenses or [lens()], width, height, precision="f32", cache=cache)

    return made


def frame(width, height, seed=0):
    """Large soft forms and a little noise, in colour."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [np.sin(rng.uniform(3, 12) * xs + rng.uniform(3, 12) * ys + k) for k in range(3)]
    picture = 128 + 90 * np.stack(waves, axis=2) + rng.normal(0, 8, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def in_torch(picture, size):
    """The operator as training calls it, on tensors."""
    light = grey(torch.from_numpy(picture).permute(2, 0, 1).float()) / 255
    names = ("down_rows", "up_rows", "down_columns", "up_columns")
    return light, Matrices(*(torch.from_numpy(getattr(size, name)) for name in names))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(256, 256), (256, 144), (144, 256), (170, 96)])
def test_a_film_and_training_abstract_alike_number_by_number(looker, width, height):
    picture = frame(width, height)
    size = matrices(height, width, Abstraction())
    light, tensors = in_torch(picture, size)
    trained = abstract(light, tensors).numpy()
    np.testing.assert_allclose(abstract(light.numpy(), size), trained, atol=2e-6)
    # A film's grey is in whole levels, which averages over 24 x 24 pixels leave nothing of.
    in_levels = light_of(picture, width, height, PLAIN)
    np.testing.assert_allclose(in_levels, light, atol=0.502 / 255)
    _, state = looker(width, height).look(picture, State(), PLAIN)
    assert state.picture.shape == (height, width, 3)
    for plane in range(3):
        np.testing.assert_allclose(state.picture[:, :, plane], trained, atol=0.1 / 255)
        in_numpy = abstract(in_levels, size)
        np.testing.assert_allclose(state.picture[:, :, plane], in_numpy, atol=2e-6)


def test_brightness_and_contrast_are_those_of_training(looker):
    picture = frame(256, 160)
    light, tensors = in_torch(picture, matrices(160, 256, Abstraction()))
    # Within black and white, toning before and after abstracting are the same.
    trained = toned(abstract(light, tensors), 0.04, 0.9).numpy()
    options = LookOptions(smoothing=1, brightness=0.04, contrast=0.9)
    _, state = looker(256, 160).look(picture, State(), options)
    np.testing.assert_allclose(state.picture[:, :, 0], trained, atol=0.1 / 255)


def test_padding_goes_on_beyond_the_border_and_is_cut_off(looker):
    picture = frame(170, 98)
    whole = looker(170, 98)
    shown, _ = whole.look(picture, State(), PLAIN)
    assert shown.shape == (98, 170, 3)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown[:, :, 0], whole.seen(picture, PLAIN))
    assert 170 % MULTIPLE
    assert 98 % MULTIPLE


@pytest.mark.slow
def test_the_picture_is_seen_as_large_as_asked_for_whatever_its_shape(looker):
    for wide, high in ((640, 360), (361, 641), (33, 47), (1000, 90)):
        width, height = looked_size(wide, high, 64)
        assert width % 2 == height % 2 == 0
        assert min(width, height) == 64
        assert width / height == pytest.approx(wide / high, rel=0.03)
        shown, _ = looker(width, height).look(frame(wide, high), State(), PLAIN)
        assert shown.shape == (height, width, 3)
    assert looked_size(640, 360, (100, 80)) == (100, 80)
    with pytest.raises(UsageError, match="too long"):
        looked_size(10_000, 10, 256)


def test_a_frame_of_another_shape_fills_the_picture():
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 200  # the middle third, a square
    assert (framed(picture, 64, 64, LookOptions()) == 200).all()
    tall = np.ascontiguousarray(np.rot90(picture))
    assert (framed(tall, 64, 64, LookOptions()) == 200).all()


def test_a_crop_shows_the_middle_and_a_mirror_swaps_sides():
    picture = frame(200, 120)
    middle = framed(picture, 100, 60, LookOptions(crop=0.5))
    assert np.array_equal(middle, picture[30:90, 50:150])
    assert np.array_equal(framed(picture, 200, 120, LookOptions(mirror=True)), picture[:, ::-1])
    larger = framed(picture, 200, 120, LookOptions(crop=0.5))
    assert np.abs(larger[::2, ::2].astype(int) - middle).mean() < 12


def test_a_threshold_parts_black_from_white_softly_and_blur_takes_detail():
    slope = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (60, 1))
    two = parted(slope, LookOptions(threshold=0.5))
    assert (two[:, :80] == 0).all()
    assert (two[:, 120:] == 1).all()
    assert (np.diff(two[0]) >= 0).all()
    assert 0.2 < two[0, 95] < 0.8
    grain = np.random.default_rng(0).random((60, 200), np.float32)
    blurred = parted(grain, LookOptions(blur=4))
    assert blurred.std() < grain.std() / 8
    assert blurred.mean() == pytest.approx(grain.mean(), abs=0.01)
    assert parted(grain, LookOptions()) is grain


def test_smoothing_is_the_same_at_any_frame_rate(looker):
    dark, bright = np.full((64, 96, 3), 60, np.uint8), np.full((64, 96, 3), 80, np.uint8)
    one, after = looker(96, 64), {}
    options = LookOptions(smoothing=0.4, drift=0)
    for rate in (25, 50, 100):
        _, state = one.look(dark, State(), options)
        for _ in range(rate * 2 // 25):
            _, state = one.look(bright, state, options, seconds=1 / rate)
        after[rate] = state.picture.mean() * 255
    assert after[25] == pytest.approx(80 - 20 * 0.6**2, abs=0.01)
    assert after[50] == pytest.approx(after[25], abs=0.01)
    assert after[100] == pytest.approx(after[25], abs=0.01)
    _, state = one.look(bright, one.look(dark, State(), PLAIN)[1], PLAIN)
    assert state.picture.mean() * 255 == pytest.approx(80, abs=0.01)


def test_a_cut_restarts_smoothing_and_a_change_of_light_does_not(looker):
    one, options = looker(96, 64), LookOptions(smoothing=0.3, drift=0)
    dark, bright, lighter = (np.full((64, 96, 3), level, np.uint8) for level in (30, 220, 45))
    _, state = one.look(dark, State(), options)
    cut, _ = one.look(bright, state, options)
    assert (cut == 220).all()
    changed, _ = one.look(lighter, state, options)
    assert changed.mean() == pytest.approx(30 + 0.3 * 15, abs=1)
    never, _ = one.look(bright, state, LookOptions(smoothing=0.3, drift=0, cut=0))
    assert never.mean() == pytest.approx(30 + 0.3 * 190, abs=1)


def test_light_is_brought_to_the_tone_that_a_lens_knows(looker):
    known = LensTone(0.2, 0.05)
    one = looker(240, 144, replace(lens(), tone=known))
    bright = np.clip(frame(240, 144).astype(int) // 2 + 110, 0, 255).astype(np.uint8)
    coarse = matrices(144, 240, Abstraction())

    def tone_of(light):
        cells = coarse.down_rows @ light @ coarse.down_columns.T
        return float(cells.mean()), float(cells.std())

    def seen(share):
        _, state = one.look(bright, State(), LookOptions(smoothing=1, drift=0, match=share))
        return tone_of(state.picture[:, :, 0])

    given = tone_of(light_of(bright, 240, 144, PLAIN))
    (left, spread), (mean, narrower) = seen(0), seen(1)
    assert left == pytest.approx(given[0], abs=0.005)
    assert mean == pytest.approx(known.mean, abs=0.005)
    assert narrower / spread == pytest.approx(known.spread / given[1], rel=0.01)
    assert left > seen(0.5)[0] > mean
    two_tones = LookOptions(smoothing=1, drift=0, match=1, threshold=0.55)
    _, state = one.look(bright, State(), two_tones)
    assert tone_of(state.picture[:, :, 0])[0] == pytest.approx(known.mean, abs=0.01)
    wall = np.full((144, 240, 3), 200, np.uint8)
    wall[60:80] += 1
    _, state = one.look(wall, State(), LookOptions(smoothing=1, drift=0, match=1))
    assert np.ptp(state.picture) < 3 / 255, "a blank wall stays one"
    assert one.seen(wall, PLAIN).mean() < 0.6 * 200


@pytest.mark.slow
def test_a_tone_is_followed_slowly_within_a_shot_and_anew_from_a_cut_on(looker):
    one, options = looker(96, 64, replace(lens(), tone=LensTone(0.5, 0.1))), replace(PLAIN, match=1)
    dark, lighter, bright = (np.full((64, 96, 3), level, np.uint8) for level in (60, 80, 230))
    first, state = one.look(dark, State(), options)
    assert first.mean() == pytest.approx(127.5, abs=1)
    second, state = one.look(lighter, state, options)
    step = second.mean() - first.mean()
    assert step > 30, "what passes by changes the picture, as it did, twice at most"
    for _ in range(400):
        later, state = one.look(lighter, state, options)
    assert later.mean() == pytest.approx(127.5, abs=1)
    cut, _ = one.look(bright, state, options)
    assert cut.mean() == pytest.approx(127.5, abs=1)
    for level in (0, 255):  # to the end of the scale
        _, state = one.look(np.full((64, 96, 3), level, np.uint8), State(), options)
        one.look(np.full((64, 96, 3), level, np.uint8), state, options)


def test_the_state_that_is_handed_in_stays_what_it_was(looker):
    one = looker(96, 64)
    _, state = one.look(frame(96, 64), State())
    kept = state.picture.copy()
    first = one.look(frame(96, 64, 1), state)[0]
    again = one.look(frame(96, 64, 1), state)[0]
    assert np.array_equal(first, again)
    assert np.array_equal(state.picture, kept)


def test_noise_is_given_by_its_seed_and_drifts_at_its_speed(looker):
    one = looker(96, 64, lens(noise=0.1))
    grey_frame = np.full((64, 96, 3), 128, np.uint8)

    def grain(seed, drift, seconds):
        options = LookOptions(smoothing=1, seed=seed, drift=drift)
        _, state = one.look(grey_frame, State(), options)
        _, state = one.look(grey_frame, state, options, seconds=seconds)
        return (state.picture[::4, ::4, 0] - 128 / 255).ravel()

    still = grain(0, 0, 1)
    assert np.array_equal(still, grain(0, 0, 7))
    assert still.std() == pytest.approx(0.1, rel=0.15)
    assert abs(np.corrcoef(still, grain(1, 0, 1))[0, 1]) < 0.2
    near, far = grain(0, 0.25, 1 / 25), grain(0, 0.25, 4)
    assert np.corrcoef(still, near)[0, 1] > 0.99
    assert abs(np.corrcoef(still, far)[0, 1]) < 0.2
    assert grain(0, 0.25, 2).std() == pytest.approx(still.std(), rel=0.15)
    assert np.allclose(grain(0, 1, 0.5), grain(0, 0.5, 1))


def test_lenses_are_mixed_by_weights_that_sum_to_one(looker):
    red, blue = tinted("red", 1, 0, 0), tinted("blue", 0, 0, 1)
    both, picture = looker(96, 64, red, blue), frame(96, 64)
    for share in (0.0, 0.25, 1.0):
        shown, _ = both.look(picture, State(), PLAIN, weights=(1 - share, share))
        assert shown[5, 5] == pytest.approx([255 * (1 - share), 0, 255 * share], abs=1)
    assert both.look(picture, State(), PLAIN)[0][0, 0].tolist() == [255, 0, 0]
    for wrong in ((1,), (0.5, 0.4), (1.5, -0.5)):
        with pytest.raises(UsageError, match="eights"):
            both.look(picture, State(), PLAIN, weights=wrong)


def test_a_lens_of_weight_0_is_not_asked(looker, monkeypatch):
    both = looker(96, 64, tinted("red", 1, 0, 0), tinted("blue", 0, 0, 1))
    asked = []
    whole = type(both._networks[0]).__call__

    def counting(network, batch):
        asked.append(network.name)
        return whole(network, batch)

    monkeypatch.setattr(type(both._networks[0]), "__call__", counting)
    both.look(frame(96, 64), State(), weights=(0, 1))
    assert asked == ["the lens blue"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lens(takes=("pictures", "noise")), "grey"),
        (lens(gives="image"), "train it again"),
        (lens(planes=1), "train it again"),
        (lens(tint=(float("nan"),) * 3), "not numbers"),
    ],
)
def test_a_network_that_cannot_look_is_refused(looker, wrong, reason):
    with pytest.raises(ModelError, match=reason) as told:
        looker(96, 64, wrong).look(frame(96, 64), State())
    assert "\n" not in str(told.value)


def test_a_network_in_memory_is_checked(cache):
    data = lens().network
    shapes = {"grey": (1, 1, 32, 64), "noise": (1, 1, 8, 16)}
    network = load_bytes(data, "tiny", shapes=shapes, threads=1, precision="f32", cache=cache)
    assert len(network.checksum) == 64
    given = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    assert network(given)["picture"].shape == (1, 32, 64, 3)
    wrongs: tuple[dict[str, Any], ...] = (
        {"grey": given["grey"]},
        {**given, "noise": given["noise"].astype(np.float64)},
        {**given, "grey": given["grey"][:, :, 1:]},
    )
    for wrong in wrongs:
        with pytest.raises(ModelError, match="tiny takes"):
            network(wrong)
    for broken in (b"nothing of the kind", data[: len(data) // 2]):
        with pytest.raises(ModelError, match="damaged"):
            load_bytes(broken, "tiny", cache=cache)
    with pytest.raises(ModelError, match="tiny takes grey, noise"):
        load_bytes(data, "tiny", shapes={"pictures": (1, 3)}, cache=cache)
    with pytest.raises(ModelError, match="cannot take"):
        load_bytes(data, "tiny", shapes={"grey": (3, 4)}, cache=cache)


@pytest.mark.parametrize(
    "wrong",
    [
        {"smoothing": 0},
        {"smoothing": 1.1},
        {"size": 30},
        {"size": 257},
        {"size": (64, 5000)},
        {"match": 1.5},
        {"brightness": 2},
        {"contrast": -1},
        {"blur": -1},
        {"blur": float("nan")},
        {"threshold": 1.2},
        {"crop": 0},
        {"drift": -1},
        {"cut": 2},
        {"seed": -1},
    ],
)
def test_options_check_themselves(wrong):
    with pytest.raises(UsageError):
        LookOptions(**wrong)


def test_what_is_no_frame_is_refused(looker):
    one = looker(96, 64)
    for wrong in (np.zeros((64, 96), np.uint8), np.zeros((64, 96, 3)), np.zeros((0, 9, 3), "u1")):
        with pytest.raises(UsageError, match="A frame is"):
            one.look(wrong, State())


def test_looks_at_once_leave_the_threads_of_the_process_as_they_were() -> None:
    """One look begins, another begins, the first ends, the second ends."""
    from threadpoolctl import ThreadpoolController

    from kuleshov.see.looker import _ONE_THREAD

    pools = ThreadpoolController().select(user_api="blas")

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in pools.info()}

    with pools.limit(limits=2):
        before = threads()
        _ONE_THREAD.__enter__()
        assert threads() == {1}
        _ONE_THREAD.__enter__()
        _ONE_THREAD.__exit__(None, None, None)
        assert threads() == {1}
        _ONE_THREAD.__exit__(None, None, None)
        assert threads() == before
        with _ONE_THREAD:
            assert threads() == {1}
        assert threads() == before
