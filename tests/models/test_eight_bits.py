"""Networks in eight bits: they give what they gave, or stay as they were."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.models.eight_bits import Examples
from kuleshov.models.graphs import Graph
from kuleshov.models.runtime import load_bytes, openvino
from kuleshov.see.bundled import bundled_lenses
from kuleshov.see.camera import LookOptions
from kuleshov.see.lens import read_lens
from kuleshov.see.looker import Looker, State

SIDE, CHANNELS = 32, 16
SHAPE = (1, CHANNELS, SIDE, SIDE)
able = pytest.mark.skipif(
    "INT8" not in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
    reason="this processor computes in floating point alone",
)


def weights(scales=1.0):
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(CHANNELS, CHANNELS, 3, 3)) / (3 * np.sqrt(CHANNELS))
    return (drawn * np.reshape(scales, (-1, 1, 1, 1))).astype(np.float32)


def network(kernel, pad="edge", only=()):
    """A convolution that is padded, for pictures of a height and width `only`."""
    graph = Graph()
    edges = graph.weight(np.array([0, 0, 1, 1] * 2, np.int64))
    padded = graph.add("Pad", "given", edges, mode=pad)
    made = graph.add("Conv", padded, graph.weight(kernel), out="" if only else "made")
    shape = (1, CHANNELS, *(only or ("height", "width")))
    if only:
        graph.add("Reshape", made, graph.weight(np.array(shape, np.int64)), out="made")
    return graph.model("one", {"given": shape}, {"made": shape}).SerializeToString()


def taken(seed, low=-1.0, high=3.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(low, high, SHAPE).astype(np.float32)


def opened(data, within=1.0, shape=SHAPE, examples=None):
    """The network in eight bits, and in floating point."""
    shown = Examples(examples or [{"given": taken(seed)} for seed in range(3)], within)
    shapes = {"given": shape}
    return (
        load_bytes(data, "one", shapes=shapes, examples=shown),
        load_bytes(data, "one", shapes=shapes, precision="f32"),
    )


def lost(pair, given):
    """What eight bits lose of each channel, as a share of what it is."""
    rounded, exact = (each({"given": given})["made"] for each in pair)
    over = (0, 2, 3)
    return np.sqrt(((rounded - exact) ** 2).mean(over) / (exact**2).mean(over))


@able
def test_results_stay_near_and_are_rounded():
    pair = opened(network(weights()))
    assert (pair[0].precision, pair[1].precision) == ("i8", "f32")
    assert 0 < lost(pair, taken(9)).max() < 0.05


@able
def test_each_channel_has_steps_of_its_own():
    scales = np.geomspace(0.001, 1, CHANNELS)
    assert lost(opened(network(weights(scales))), taken(9)).max() < 0.05


@able
@pytest.mark.parametrize("pad", ["edge", "reflect", "constant"])
def test_edges_are_padded_as_they_were(pad):
    examples = [{"given": taken(seed, 2, 3)} for seed in range(3)]
    pair = opened(network(weights(), pad), examples=examples)
    given = taken(9, 2, 3)
    rounded, exact = (each({"given": given})["made"] for each in pair)
    inner = np.abs(rounded - exact)[:, :, 1:-1, 1:-1].max()
    assert np.abs(rounded - exact).max() < 2 * inner


@able
def test_another_size_than_that_of_the_examples_may_be_asked_for():
    pair = opened(network(weights()), shape=(1, CHANNELS, 64, 96))
    given = np.tile(taken(9), (1, 1, 2, 3))
    assert pair[0].precision == "i8"
    assert lost(pair, given).max() < 0.05


def test_what_would_lose_more_than_it_may_stays_as_it_is():
    pair = opened(network(weights()), within=1e-6)
    assert pair[0].precision == pair[1].precision or pair[0].precision == "bf16"
    assert (lost(pair, taken(9)) < 0.01).all()


def test_what_is_no_number_stays_as_it_is():
    assert opened(network(weights() * np.float32(np.nan)))[0].precision != "i8"


def test_a_network_of_one_size_alone_is_opened_for_it():
    wide = 2 * SIDE
    pair = opened(network(weights(), only=(SIDE, wide)), shape=(1, CHANNELS, SIDE, wide))
    assert pair[0].precision != "i8"
    assert lost(pair, np.tile(taken(9), (1, 1, 1, 2))).max() < 0.05


@able
@pytest.mark.parametrize("name", bundled_lenses())
@pytest.mark.parametrize("contrast", [1, 6])
def test_no_one_sees_that_a_lens_is_in_eight_bits(name, contrast):
    lens = read_lens(bundled_lenses()[name])
    ys, xs = np.mgrid[0:96, 0:160] / 160
    light = 0.5 + 0.3 * np.sin(9 * xs + 5 * ys) + 0.2 * (np.hypot(xs - 0.5, ys - 0.3) < 0.2)
    frame = np.repeat(np.clip(light * 255, 0, 255).astype(np.uint8)[..., None], 3, 2)
    options = LookOptions(contrast=contrast)
    rounded, exact = (
        Looker([lens], 160, 96, precision=how).look(frame, State(), options)[0].astype(float)
        for how in ("auto", "f32")
    )
    moved = ((rounded - exact) ** 2).mean()
    assert 0 < moved < 255**2 * 10**-4, "40 dB"
