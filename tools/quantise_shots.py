# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy", "onnx", "openvino==2026.4.1", "av"]
# ///
"""Write the shot network in eight bits: `python tools/quantise_shots.py FLOAT.onnx OUT.onnx`.

FLOAT is TransNetV2 as `export_models.py` exports it, which calls this for the bundled file. The
convolutions over the picture, nine tenths of the work, then take and hold whole numbers of eight
bits; the result is an ordinary ONNX file (QuantizeLinear, DequantizeLinear). What must stay exact
stays in float32: the convolutions over time, which subtract pictures that are nearly the same, the
first layer, and what goes past a layer to be added to its result. Weights take seven bits, since
processors without VNNI would overflow with eight.

Ranges come from edits of the bundled samples, and from the samples themselves. On one kind of
processor the same network gives the same bytes.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.models.graphs import halve_weights
from kuleshov.models.runtime import Network, load_bytes

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "src" / "kuleshov" / "samples" / "archive"

STAGES, BLOCKS, DILATIONS = (0, 1, 2), (0, 1), (1, 2, 4, 8)
SEEDS = (0, 1)
WINDOW = 100
"""Frames that are looked at of each edit and each film."""

_LEVELS = 63  # of weights: two products of 255 and 63 fit into sixteen bits, with 127 they do not
_FINE = 127  # of weights that are only kept so
_TOP = 255  # of what a layer takes, which is never negative
_PLACES = 30_000  # of each window, by which a tensor is measured

Frames = NDArray[np.uint8]
"""(1, T, 27, 48, 3) RGB."""
Floats = NDArray[np.float32]


QUANTISED = frozenset(
    f"net.SDDCNN.{stage}.DDCNN.{block}.Conv3D_{dilation}.layers.0.weight"
    for stage in STAGES
    for block in BLOCKS
    for dilation in DILATIONS
    if (stage, block) != (0, 0)
)
"""The convolutions that are done in eight bits, by their weights' names."""


def quantised(data: bytes, looked_at: Sequence[Frames]) -> bytes:
    """Return a network, which is an ONNX file in float, in eight bits, by what it is shown."""
    model = onnx.load_from_string(data)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    taken = sorted({node.input[0] for node in convolutions if node.input[1] in QUANTISED})
    seen = taken_values(data, taken, looked_at)
    return written(model, {tensor: step_of(values) for tensor, values in seen.items()})


def unpacked(model: Any) -> dict[str, Floats]:
    """Return the weights of a network by name, float32, as if they had not been halved."""
    return {
        tensor.name.removesuffix(".half"): numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in model.graph.initializer
    }


def taken_values(
    data: bytes, tensors: Sequence[str], looked_at: Sequence[Frames]
) -> dict[str, Floats]:
    """Return some numbers of each tensor, (n,), when films are looked at, the largest included."""
    rng = np.random.default_rng(0)
    found: dict[str, list[Floats]] = {tensor: [] for tensor in tensors}
    network = telling(data, tensors)
    for frames in looked_at:
        told = network(frames)
        for tensor in tensors:
            flat = told[tensor].ravel()
            found[tensor] += [flat[rng.integers(0, flat.size, _PLACES)], flat.max(keepdims=True)]
    return {tensor: np.concatenate(parts) for tensor, parts in found.items()}


def telling(data: bytes, tensors: Sequence[str]) -> Network:
    """Return a network that also gives the tensors of these names."""
    model = onnx.load_from_string(data)
    model.graph.output.extend(
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None) for tensor in tensors
    )
    return load_bytes(bytes(model.SerializeToString()), "the network", precision="f32")


def step_of(values: Floats) -> float:
    """Return the step between whole numbers with which values come out best in the mean square."""
    steps = float(values.max()) / _TOP * np.geomspace(0.1, 1, 25)
    lost = [
        float(np.mean((np.clip(np.rint(values / s), 0, _TOP) * s - values) ** 2)) for s in steps
    ]
    return float(steps[int(np.argmin(lost))])


def written(model: Any, ranges: Mapping[str, float]) -> bytes:
    """Return the network with its `QUANTISED` convolutions in eight bits.

    `ranges` are the steps of what they take, by tensor. The dense layer takes floats, but its
    weights, two thirds of all, are kept in eight bits.
    """
    weights, graph = unpacked(model), model.graph
    dense = max(weights, key=lambda name: weights[name].size)
    halves = {node.output[0] for node in graph.node if node.input[:1] == [f"{node.output[0]}.half"]}
    nodes = [node for node in graph.node if node.output[0] not in halves]
    coding: list[Any] = []
    tensors: list[Any] = []
    for name, values in weights.items():
        if name not in {*QUANTISED, dense}:
            tensors.append(numpy_helper.from_array(values, name))
            continue
        axis, levels = (1, _FINE) if name == dense else (0, _LEVELS)
        steps, numbers = in_whole_numbers(values, axis, levels)
        parts: dict[str, Any] = {f"{name}.numbers": numbers, f"{name}.steps": steps}
        tensors += [numpy_helper.from_array(part, key) for key, part in parts.items()]
        coding.append(helper.make_node("DequantizeLinear", list(parts), [name], axis=axis))
    for tensor, step in ranges.items():
        tensors += [
            numpy_helper.from_array(np.array(step, np.float32), f"{tensor}.step"),
            numpy_helper.from_array(np.array(0, np.uint8), f"{tensor}.zero"),
        ]
    made = onnx.ModelProto.FromString(model.SerializeToString())
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend([*coding, *_with_coding(nodes)])
    made.graph.initializer.extend(tensors)
    halve_weights(made)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def _with_coding(nodes: Sequence[Any]) -> Iterator[Any]:
    """Yield the nodes, with what the `QUANTISED` convolutions take in whole numbers.

    Whoever else reads the same tensor goes on reading it in float.
    """
    there: set[str] = set()
    for node in nodes:
        if node.op_type == "Conv" and node.input[1] in QUANTISED:
            tensor = node.input[0]
            coding = [f"{tensor}.step", f"{tensor}.zero"]
            if tensor not in there:
                there.add(tensor)
                whole, back = f"{tensor}.whole", f"{tensor}.back"
                yield helper.make_node("QuantizeLinear", [tensor, *coding], [whole])
                yield helper.make_node("DequantizeLinear", [whole, *coding], [back])
            node = onnx.NodeProto.FromString(node.SerializeToString())
            node.input[0] = f"{tensor}.back"
        yield node


def in_whole_numbers(values: Floats, axis: int, levels: int) -> tuple[Floats, NDArray[np.int8]]:
    """Return a step for each index of `axis`, and the values in such steps.

    Of a few steps the one that loses least is taken.
    """
    others = tuple(each for each in range(values.ndim) if each != axis)
    top = np.maximum(np.abs(values).max(others, keepdims=True), 1e-9)
    tried = [(top * share / levels).astype(np.float32) for share in (1, 0.95, 0.9, 0.85, 0.8)]
    coded = [np.clip(np.rint(values / steps), -levels, levels) for steps in tried]
    lost = [
        ((numbers * steps - values) ** 2).sum(others, keepdims=True)
        for numbers, steps in zip(coded, tried, strict=True)
    ]
    best = np.argmin(lost, axis=0)[np.newaxis]
    steps = np.take_along_axis(np.stack(tried), best, 0)[0]
    numbers = np.clip(np.rint(values / steps), -levels, levels)
    return steps.ravel(), numbers.astype(np.int8)


# What the network is shown


def examples(data: bytes) -> list[Frames]:
    """Return a window of each edit of the samples, calm and hard, and of each sample."""
    rng = np.random.default_rng(7)
    films = [*edits(load_bytes(data, "the network")), *map(tiny_frames, sorted(SAMPLES.glob("*")))]
    found = []
    for frames in films:
        if len(frames) >= WINDOW:
            first = int(rng.integers(0, len(frames) - WINDOW + 1))
            found.append(frames[np.newaxis, first : first + WINDOW])
    return found


def edits(network: Network) -> Iterator[Frames]:
    """Yield edits of the samples, of each set of the benchmark, as the network sees them."""
    sys.path.append(str(ROOT / "benchmarks"))
    drawing: Any = importlib.import_module("edits")
    shots: Any = importlib.import_module("shots")
    found = shots.stretches(sorted(SAMPLES.glob("*.mp4")), network, 200)
    material = shots.Material(found, 108)
    for name in (*drawing.MIXES, *drawing.QUICK):
        for seed in SEEDS:
            try:
                edit = shots.drawn(material, name, seed)
            except ValueError:
                continue  # the samples have no shots as long as this one wants
            yield np.stack([_tiny(picture) for picture in drawing.render(edit, material)])


def _tiny(picture: Frames) -> Frames:
    """Return a picture of 192 x 108 as detectors see it."""
    cells = picture.reshape(27, 4, 48, 4, 3)
    return np.asarray(np.rint(cells.mean((1, 3))), np.uint8)


def tiny_frames(path: Path) -> Frames:
    """Return the frames of a film as detectors see them, (N, 27, 48, 3)."""
    messages = read(ReadRequest(path, per_second=1, picture=32))
    return np.concatenate([m.tiny for m in messages if isinstance(m, FrameBatch)])


def main() -> None:
    """Parse the command line, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("float", type=Path, help="TransNetV2 in float, an ONNX file")
    parser.add_argument("out", type=Path, help="the file to be written")
    options = parser.parse_args()
    data = options.float.read_bytes()
    options.out.write_bytes(quantised(data, examples(data)))


if __name__ == "__main__":
    main()
