"""The shipped path (ONNX, OpenVINO, windows of 300) against the original network's outputs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from kuleshov.errors import ModelError, UsageError
from kuleshov.models.runtime import FOLDER, Network, bundled, load
from kuleshov.shots.detector import Prediction, boundaries, detector
from kuleshov.shots.transnet import TransNet
from kuleshov.timecode import FrameRange
from shots.synthetic import REFERENCE, Piece, film

OUTPUTS = Path(__file__).parent.parent / "data" / "transnetv2_reference.npz"
"""Written by `tools/export_models.py`, whose `write_reference` says how."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    cache = tmp_path_factory.mktemp("networks")
    return load("transnetv2", threads=2, precision="f32", cache=cache)


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    with np.load(OUTPUTS) as file:
        return dict(file)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return film(REFERENCE)[0]


@pytest.fixture(scope="module")
def shipped(network: Network, frames: np.ndarray) -> Prediction:
    return predict(network, frames)


def predict(network: Network, frames: np.ndarray, pieces: int = 1, window: int = 300) -> Prediction:
    transnet = TransNet(network, window=window, sparing=False)
    for piece in np.array_split(frames, pieces):
        transnet.feed(piece)
    return transnet.finish()


def test_film_is_the_one_the_reference_was_made_with(frames, outputs):
    assert hashlib.sha256(frames.tobytes()).hexdigest() == str(outputs["film"])


def test_reference_is_worth_holding_to(outputs):
    # Against a reference without peaks and transitions any network would pass.
    assert (outputs["single_300"] > 0.5).sum() >= 8
    assert (outputs["many_300"] > 0.5).sum() >= 60


@pytest.mark.slow
def test_eight_bits_say_what_the_original_says(shipped, outputs):
    # Whole numbers cost 0.02. Where pictures are subtracted in eight bits, or what goes past a
    # layer is rounded too, it is more than a tenth.
    assert np.abs(shipped.single - outputs["single_300"]).max() < 0.04
    assert np.abs(shipped.many - outputs["many_300"]).max() < 0.04


@pytest.mark.slow
def test_windows_of_100_equal_the_originals_own_inference(network, frames, outputs):
    start = frames[:180]
    ours = predict(network, start, window=100)
    # The end of the piece is padded, so it differs from there on.
    assert np.abs(ours.single - outputs["single_100"][:180])[:120].max() < 0.04
    assert np.abs(ours.many - outputs["many_100"][:180])[:120].max() < 0.04


def test_the_network_is_in_eight_bits_but_where_pictures_are_subtracted():
    onnx = pytest.importorskip("onnx")
    record = next(record for record in bundled() if record.name == "transnetv2")
    graph = onnx.load(FOLDER / record.file).graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    coded = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        taken, kernel = node.input[:2]
        over_time, first = ".layers.1." in kernel, "SDDCNN.0.DDCNN.0" in kernel
        assert (taken in coded) == (kernel in coded) == (not over_time and not first), kernel
        if kernel in coded:
            # With more, processors without VNNI overflow.
            assert np.abs(weights[f"{kernel}.numbers"].astype(int)).max() <= 63
    added = {name for node in graph.node if node.op_type == "Add" for name in node.input}
    assert not added & coded


def test_longer_windows_give_the_originals_boundaries(shipped, outputs):
    original = Prediction(outputs["single_100"], outputs["many_100"])
    found, expected = boundaries(shipped), boundaries(original)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert abs(ours.first - theirs.first) <= 2
        assert abs(ours.end - theirs.end) <= 2


def test_bf16_gives_the_originals_boundaries(frames, outputs, tmp_path):
    try:
        network = load("transnetv2", threads=2, precision="bf16", cache=tmp_path)
    except ModelError as error:
        pytest.skip(str(error))
    assert network.precision == "bf16"
    rough = predict(network, frames)
    assert np.abs(rough.single - outputs["single_300"]).mean() < 0.01
    found = boundaries(rough)
    expected = boundaries(Prediction(outputs["single_300"], outputs["many_300"]))
    assert [r for r in found if not len(r)] == [r for r in expected if not len(r)]
    assert len(found) == len(expected)


def test_cuts_are_exact_and_dissolves_within_two_frames(shipped):
    expected = film(REFERENCE)[1]
    found = boundaries(shipped)
    assert len(found) == len(expected)
    for ours, (first, end) in zip(found, expected, strict=True):
        if first == end:
            assert (ours.first, ours.end) == (first, end)
        else:
            assert len(ours)
            assert abs(ours.first - first) <= 2
            assert abs(ours.end - end) <= 2


@pytest.mark.slow
def test_how_frames_are_fed_makes_no_difference(network, frames, shipped):
    parts = predict(network, frames, pieces=7)
    np.testing.assert_array_equal(shipped.single, parts.single)
    np.testing.assert_array_equal(shipped.many, parts.many)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 2, 25, 49, 50, 51, 100])
def test_short_films(network, frames, length):
    found = predict(network, frames[:length])
    assert len(found) == length
    assert np.isfinite(found.single).all()
    expected = [FrameRange(60, 60)] if length > 75 else []
    assert boundaries(found) == expected


class Fake:
    """Stands for the network: the probabilities are the frame's own first two bytes."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.lengths.append(batch.shape[1])
        values = batch[:, :, 0, 0, :].astype(np.float32)
        return {"single": values[..., 0], "many": values[..., 1]}


@pytest.mark.parametrize("length", [1, 24, 25, 49, 50, 51, 249, 250, 251, 274, 275, 300, 501, 1000])
@pytest.mark.parametrize("window", [100, 300])
def test_every_frame_gets_its_own_prediction(length, window):
    frames = np.zeros((length, 27, 48, 3), dtype=np.uint8)
    frames[:, 0, 0, 0] = np.arange(length) % 251
    frames[:, 0, 0, 1] = np.arange(length) // 251
    fake = Fake()
    found = predict(fake, frames, pieces=3, window=window)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.single, np.arange(length) % 251)
    np.testing.assert_array_equal(found.many, np.arange(length) // 251)
    assert max(fake.lengths) <= window


def test_nothing_fed_gives_an_empty_prediction():
    assert len(TransNet(Fake()).finish()) == 0  # type: ignore[arg-type]
    assert boundaries(TransNet(Fake()).finish()) == []  # type: ignore[arg-type]


def test_wrong_calls():
    transnet = TransNet(Fake())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="27, 48"):
        transnet.feed(np.zeros((3, 48, 27, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="uint8"):
        transnet.feed(np.zeros((3, 27, 48, 3), dtype=np.float32))
    transnet.finish()
    with pytest.raises(UsageError, match="finished"):
        transnet.feed(np.zeros((1, 27, 48, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="window"):
        TransNet(Fake(), window=120)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="transnet"):
        detector("guess")


def prediction(length: int, single: dict[int, float], many: dict[range, float]) -> Prediction:
    heads = np.zeros((2, length), dtype=np.float32)
    for frame, value in single.items():
        heads[0, frame] = value
    for frames, value in many.items():
        heads[1, frames.start : frames.stop] = value
    return Prediction(*heads)


def test_a_peak_is_a_cut_after_it():
    assert boundaries(prediction(50, {19: 0.9}, {range(19, 20): 0.8})) == [FrameRange(20, 20)]


def test_two_peaks_in_one_dissolve_are_one_boundary():
    both = prediction(80, {21: 0.8, 38: 0.7}, {range(20, 40): 0.9})
    assert boundaries(both) == [FrameRange(20, 40)]


def test_peaks_closer_than_three_frames_are_one_boundary():
    both = prediction(50, {19: 0.7, 21: 0.9}, {range(19, 20): 0.8, range(21, 22): 0.8})
    assert boundaries(both) == [FrameRange(22, 22)]


def test_slow_dissolve_without_a_peak():
    spread = dict.fromkeys(range(30, 36), 0.3)
    assert boundaries(prediction(80, spread, {range(20, 50): 0.9})) == [FrameRange(20, 50)]
    assert boundaries(prediction(80, {}, {range(20, 50): 0.9})) == []


def test_no_boundary_at_the_ends():
    assert boundaries(prediction(50, {49: 0.9}, {range(49, 50): 0.9})) == []
    assert boundaries(prediction(50, {2: 0.9}, {range(5): 0.9})) == []


def test_prediction_checks_its_shape():
    with pytest.raises(UsageError, match="one number"):
        Prediction(np.zeros(3, np.float32), np.zeros(4, np.float32))
    with pytest.raises(UsageError, match="float32"):
        Prediction(np.zeros(3), np.zeros(3))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_film_with_other_pieces_is_cut_where_it_was_joined(network):
    frames, expected = film((Piece(40), Piece(30), Piece(40)), seed=5)
    assert [(r.first, r.end) for r in boundaries(predict(network, frames))] == expected


def test_still_stretches_are_not_looked_at():
    fake = Fake()
    still = np.random.default_rng(5).integers(0, 256, (1, 27, 48, 3), dtype=np.uint8)
    frames = still.repeat(1000, axis=0)
    frames[:, 20:24, 30:34] += np.arange(1000, dtype=np.uint8)[
        :, None, None, None
    ]  # a little moves
    transnet = TransNet(fake)  # type: ignore[arg-type]
    transnet.feed(frames)
    assert len(transnet.finish()) == 1000
    assert fake.lengths == []


@pytest.mark.parametrize("at", [3, 240, 249, 250, 251, 600, 990])
def test_clear_cuts_need_no_network(at):
    fake = Fake()
    frames = np.zeros((1000, 27, 48, 3), np.uint8)
    frames[:at, :, :24] = 120
    frames[at:] = np.random.default_rng(5).integers(90, 256, (27, 48, 3), dtype=np.uint8)
    transnet = TransNet(fake)  # type: ignore[arg-type]
    transnet.feed(frames)
    assert boundaries(transnet.finish()) == [FrameRange(at, at)]
    assert fake.lengths == []


@pytest.mark.parametrize("at", [30, 235, 249, 250, 600, 960])
def test_what_may_be_a_dissolve_is_looked_at(at):
    fake = Fake()
    rng = np.random.default_rng(5)
    old, new = (np.kron(rng.integers(30, 200, (9, 16, 1)), np.ones((3, 3, 3))) for _ in range(2))
    weights = np.clip((np.arange(1000) - at + 1) / 13, 0, 1)[:, None, None, None]
    frames = (old * (1 - weights) + new * weights).astype(np.uint8)
    frames[:, 0, 0, 0] = 77  # the fake network's answer, where it is asked
    transnet = TransNet(fake)  # type: ignore[arg-type]
    transnet.feed(frames)
    looked = transnet.finish().single == 77
    assert looked[at : at + 12].all()
    assert looked.sum() <= 100


@pytest.mark.slow
def test_sparing_the_network_finds_the_same_boundaries(network, frames, shipped):
    sparing = TransNet(network)
    sparing.feed(frames)
    found, expected = boundaries(sparing.finish()), boundaries(shipped)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert abs(ours.first - theirs.first) <= 2
        assert abs(ours.end - theirs.end) <= 2
        assert (len(ours) == 0) == (len(theirs) == 0)
