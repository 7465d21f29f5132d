"""The bundled networks for faces: what they take and give, as the manifest says."""

import numpy as np
import pytest

from kuleshov.models.runtime import bundled, load

DETECTORS = {"blazeface-back": ((16, 2), (32, 6)), "blazeface-full-range": ((4, 1),)}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    cache = tmp_path_factory.mktemp("networks")
    return lambda name: load(name, threads=1, precision="f32", cache=cache)


def pictures(count, height, width):
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("size", [(192, 352), (160, 288), (352, 192)])
def test_a_detector_takes_any_multiple_of_32(network, name, size):
    given = network(name)(pictures(2, *size))
    places = sum(size[0] // step * (size[1] // step) * anchors for step, anchors in DETECTORS[name])
    assert given["scores"].shape == (2, places)
    assert given["boxes"].shape == (2, places, 16)
    assert 0 <= given["scores"].min() <= given["scores"].max() < 0.6  # noise is no face


def test_landmarks_stay_in_the_picture_they_are_told_of(network):
    given = network("face-landmarks")(pictures(3, 192, 192))
    assert given["points"].shape == (3, 468, 3)
    assert given["presence"].shape == (3,)
    assert given["presence"].max() < 0.5


def test_expressions_are_probabilities(network):
    given = network("face-expression")(pictures(3, 64, 64))["expressions"]
    assert given.shape == (3, 7)
    assert np.allclose(given.sum(axis=1), 1, atol=1e-5)
    assert given.min() >= 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("blazeface-back", (96, 160)),
        ("blazeface-full-range", (96, 160)),
        ("face-landmarks", (192, 192)),
        ("face-expression", (64, 64)),
    ],
)
def test_a_picture_gives_the_same_alone_and_in_a_batch(network, name, size):
    run, batch = network(name), pictures(3, *size)
    together, alone = run(batch), run(batch[1:2])
    for output, values in alone.items():
        np.testing.assert_allclose(together[output][1:2], values, atol=2e-3)


def test_the_networks_for_faces_are_small():
    from kuleshov.models.runtime import FOLDER

    names = (*DETECTORS, "face-landmarks", "face-expression")
    records = {record.name: record for record in bundled()}
    assert sum((FOLDER / records[name].file).stat().st_size for name in names) < 3e6
