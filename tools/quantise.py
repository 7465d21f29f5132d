# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy", "onnx", "openvino==2026.4.1", "av", "pillow"]
# ///
"""Measure the steps of MoveNet in eight bits: `python tools/quantise.py FLOAT.onnx --footage DIR`.

FLOAT is the network in float (`export_bodies.py --float FILE`). DIR holds films with people in all
sizes, and without; the first half of each is looked at. Writes `movenet_steps.json` beside this
file, from which `export_bodies.py` makes the bundled network without any film. The shot network
is brought into eight bits by `quantise_shots.py`, with steps of its own kind.

The backbone, nine tenths of the work, then takes and holds whole numbers of eight bits, as ONNX
writes them. In float32 stay the first layer, which sees the picture itself, and all that tells
bodies from the backbone's maps: in eight bits that would cost most of the accuracy.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image

from kuleshov.features.face_nets import fit
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.models.graphs import halve_weights
from quantise_shots import telling

STEPS = Path(__file__).with_name("movenet_steps.json")

TAKEN = slice(1, 53)
"""The convolutions of MoveNet, in the graph's order, that are done in eight bits."""

_TOP = 255  # of what a layer takes
_FINE = 127  # of a weight
_PAIR = 128  # of two weights side by side: with 255 each their products fit into sixteen bits
_PLACES = 2500  # of each picture, by which a tensor is measured
_AREA = 160 * 256  # pixels to which pictures are scaled, as `features/body_nets` does
_PICTURES = 6  # of each film; of one of many shots as many more
_LONG = 24

Floats = NDArray[np.float32]
Steps = Mapping[str, tuple[float, int]]
"""The step and the zero of what layers take, by tensor."""


def written(model: Any, steps: Steps) -> Any:
    """Return a network, `onnx.ModelProto` in float, with the convolutions `TAKEN` in eight bits."""
    weights, nodes = unpacked(model)
    convolutions = [node for node in nodes if node.op_type == "Conv"][TAKEN]
    outputs = {node.output[0] for node in convolutions}
    kernels = {node.input[1] for node in convolutions}
    tensors, coding = [], []
    for name, values in weights.items():
        if name not in kernels:
            tensors.append(numpy_helper.from_array(values, name))
            continue
        numbers, scales = in_pairs(values)
        parts: dict[str, Any] = {f"{name}.numbers": numbers, f"{name}.steps": scales}
        tensors += [numpy_helper.from_array(part, key) for key, part in parts.items()]
        coding.append(helper.make_node("DequantizeLinear", list(parts), [name], axis=0))
    rest: list[Any] = []
    there: set[str] = set()
    for node in nodes:
        if node.output[0] in outputs:
            tensor = node.input[0]
            scale = [f"{tensor}.step", f"{tensor}.zero"]
            if tensor not in there:
                there.add(tensor)
                step, zero = steps[tensor]
                tensors.append(numpy_helper.from_array(np.array(step, np.float32), scale[0]))
                tensors.append(numpy_helper.from_array(np.array(zero, np.uint8), scale[1]))
                whole, back = f"{tensor}.whole", f"{tensor}.back"
                rest.append(helper.make_node("QuantizeLinear", [tensor, *scale], [whole]))
                rest.append(helper.make_node("DequantizeLinear", [whole, *scale], [back]))
            node.input[0] = f"{tensor}.back"
        rest.append(node)
    made = onnx.ModelProto.FromString(model.SerializeToString())
    del made.graph.node[:], made.graph.initializer[:]
    made.graph.node.extend([*coding, *rest])
    made.graph.initializer.extend(tensors)
    halve_weights(made)
    onnx.checker.check_model(made)
    return made


def unpacked(model: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return weights in float32, by name, and the nodes without those that unpack weights."""
    weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in weights:
            weights[node.output[0]] = weights.pop(node.input[0]).astype(np.float32)
        else:
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    return weights, nodes


def in_pairs(kernel: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return the weights of a convolution in whole numbers, and a step for each channel.

    No two weights of neighbouring channels that are added are larger than `_PAIR` together, so that
    processors without VNNI, which add such products in sixteen bits, do not overflow.
    """
    flat = kernel.reshape(*kernel.shape[:2], -1).astype(np.float64)
    steps = np.abs(flat).max((1, 2)) / _FINE
    for sign in (1, -1):
        one = np.maximum(sign * flat, 0)
        if kernel.shape[1] > 1:
            steps = np.maximum(steps, (one[:, 1:] + one[:, :-1]).max((1, 2)) / (_PAIR - 1))
    steps = np.maximum(steps, 1e-9).astype(np.float32)
    numbers = np.rint(kernel / steps.reshape(-1, *(1,) * (kernel.ndim - 1)))
    return np.clip(numbers, -_FINE, _FINE).astype(np.int8), steps


def step_of(values: Floats) -> tuple[float, int]:
    """Return the step and the zero by which values come out best in the mean square."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    best = (np.inf, 1.0, 0)
    for least in np.geomspace(0.1, 1, 8) * low if low < 0 else [0.0]:
        for most in np.geomspace(0.1, 1, 16) * high:
            step = float(most - least) / _TOP
            zero = round(float(-least) / step)
            numbers = np.clip(np.rint(values / step) + zero, 0, _TOP)
            best = min(best, (float(np.mean(((numbers - zero) * step - values) ** 2)), step, zero))
    return best[1], best[2]


def measured(data: bytes, pictures: Sequence[NDArray[np.uint8]]) -> Steps:
    """Return the steps of what the layers `TAKEN` take where a network is shown some pictures."""
    _, nodes = unpacked(onnx.load_from_string(data))
    taken = [node.input[0] for node in nodes if node.op_type == "Conv"][TAKEN]
    tensors = sorted(set(taken))
    rng = np.random.default_rng(0)
    found: dict[str, list[Floats]] = {tensor: [] for tensor in tensors}
    network = telling(data, tensors)
    for picture in pictures:
        told = network(picture[np.newaxis])
        for tensor in tensors:
            flat = told[tensor].ravel()
            found[tensor] += [
                flat[rng.integers(0, flat.size, _PLACES)],
                np.array([flat.min(), flat.max()]),
            ]
    return {tensor: step_of(np.concatenate(parts)) for tensor, parts in found.items()}


def pictures_of(path: Path) -> list[NDArray[np.uint8]]:
    """Return pictures of the first half of a film, scaled as the network sees them."""
    batches = [b for b in read(ReadRequest(path, large=256)) if isinstance(b, FrameBatch)]
    large = [p for b in batches if b.large is not None for p in b.large]
    half = large[: max(1, len(large) // 2)]
    count = min(len(half), _LONG if len(half) > 100 else _PICTURES)
    found = []
    for n in np.linspace(0, len(half) - 1, count).astype(int):
        height, width = half[n].shape[:2]
        image = Image.fromarray(half[n])
        scaled = image.resize(fit(width, height, _AREA), Image.Resampling.BILINEAR)
        found.append(np.asarray(scaled))
    return found


def main() -> None:
    """Parse the command line, and write the steps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("float", type=Path, help="the network in float, an ONNX file")
    parser.add_argument("--footage", type=Path, required=True, help="folder of films")
    options = parser.parse_args()
    films = sorted(options.footage.iterdir())
    pictures = [picture for film in films for picture in pictures_of(film)]
    steps = measured(options.float.read_bytes(), pictures)
    STEPS.write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
