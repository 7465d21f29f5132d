"""Put the convolutions of a network into whole numbers of eight bits, by examples of what it takes.

Processors multiply those two to four times as fast as floating point. What a convolution takes is
rounded to 256 steps of its own range, which examples tell; its weights are rounded to 127 steps
for each channel, since processors without VNNI would overflow with more. All else stays as it is.

It is done on the runtime's own graph when a network is opened, so that networks which others have
trained gain as well, and their files stay ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Examples", "in_eight_bits"]

_LEVELS = 127  # of weights, from -63 to 63
_STEPS = 256  # of what is taken
_SHARES = np.geomspace(0.15, 1, 20)  # of the range that may be kept
_PLACES = 2_000  # numbers of each tensor and example by which its range is found
_WORK = 0.01  # of all: a convolution with less stays as it is
_COPIED = ("edge", "reflect", "symmetric")  # ways to pad that add no new numbers

Floats = NDArray[np.float32]
Given = Mapping[str, Floats]
Compile = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of what a network takes, all of one shape, and how far its results may move.

    `given`: an array for each input. `within`: the root mean square of a result's differences.
    """

    given: Sequence[Given]
    within: float


def in_eight_bits(ov: Any, model: Any, examples: Examples, compiled: Compile) -> Any | None:
    """Return the model in eight bits, for the shapes of the examples; None where it loses much.

    `ov` is the runtime, `compiled` makes an inference request of a model. The model given is
    changed.
    """
    first = examples.given[0]
    model.reshape({name: list(values.shape) for name, values in first.items()})
    _folded(model)
    convolutions = _convolutions(model)
    if not convolutions:
        return None
    results = len(model.outputs)
    # Asked for in one graph: each example is run once.
    asked = [*(each.get_node().input_value(0) for each in model.outputs)]
    asked += [node.input_value(0) for node in convolutions]
    telling = ov.Model([ov.opset13.result(one) for one in asked], model.get_parameters())
    told = _told(compiled(telling), examples, len(asked))
    for node, seen in zip(convolutions, told[results:], strict=True):
        _round(ov, node, np.concatenate([_some(values) for values in seen]))
    model.validate_nodes_and_infer_types()
    made = _told(compiled(model), examples, results)
    for before, after in zip(told[:results], made, strict=True):
        moved = np.mean([np.mean((a - b) ** 2) for a, b in zip(before, after, strict=True)])
        if not moved <= examples.within**2:
            return None
    return model


def _told(request: Any, examples: Examples, outputs: int) -> list[list[Floats]]:
    """Return what each output is for each of the examples."""
    found: list[list[Floats]] = [[] for _ in range(outputs)]
    for given in examples.given:
        request.infer(dict(given), share_inputs=True)
        for number, values in enumerate(found):
            values.append(np.array(request.get_output_tensor(number).data, np.float32))
    return found


def _folded(model: Any) -> None:
    """Make constants of what is worked out of constants alone, as halved weights are."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)


def _convolutions(model: Any) -> list[Any]:
    """Return the convolutions of a model that are worth it, with weights that do not change."""
    found = []
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution":
            weights, places = node.input_value(1), node.get_output_shape(0)[2:]
            if weights.get_node().get_type_name() == "Constant":
                found.append((node, math.prod(weights.get_shape()) * math.prod(places)))
    least = _WORK * sum(work for _, work in found)
    return [node for node, work in found if work >= least]


def _some(values: Floats) -> Floats:
    flat = values.ravel()
    step = max(1, flat.size // _PLACES)
    return np.concatenate([flat[::step], [flat.min(), flat.max()]])


def _round(ov: Any, node: Any, seen: Floats) -> None:
    """Round what a convolution takes, and its weights."""
    weights = np.array(node.input_value(1).get_node().data, np.float32)
    step = _step(weights)
    half = _LEVELS // 2
    weights = np.clip(np.rint(weights / step), -half, half) * step
    # Written as 255 steps, the form in which the runtime knows weights, of which 127 are taken.
    most = step * 127
    rounded = _rounded(ov, ov.opset13.constant(weights), -most, most, 255)
    node.input(1).replace_source_output(rounded)
    taken, before = node.input(0), node.input_value(0).get_node()
    if before.get_type_name() == "Pad" and before.get_attributes()["pad_mode"] in _COPIED:
        taken = before.input(0)  # a quarter of the numbers to be moved
    low, high = (np.full((1,) * weights.ndim, end, np.float32) for end in _range(seen))
    taken.replace_source_output(_rounded(ov, taken.get_source_output(), low, high, _STEPS))


def _rounded(ov: Any, source: Any, low: Floats, high: Floats, levels: int) -> Any:
    op = ov.opset13
    ends = [op.constant(low), op.constant(high)]
    return op.fake_quantize(source, *ends, *ends, levels).output(0)


def _step(weights: Floats) -> Floats:
    """Return the steps of each channel by which least of the weights is lost, (n, 1, 1, 1)."""
    over, half = tuple(range(1, weights.ndim)), _LEVELS // 2
    top = np.maximum(np.abs(weights).max(over, keepdims=True), 1e-9)
    tried = np.stack([top * np.float32(share / half) for share in (1, 0.95, 0.9, 0.85, 0.8)])
    coded = np.clip(np.rint(weights / tried), -half, half) * tried
    lost = ((coded - weights) ** 2).sum(tuple(range(2, weights.ndim + 1)), keepdims=True)
    found: Floats = np.take_along_axis(tried, np.argmin(lost, axis=0)[None], 0)[0]
    return found


def _range(values: Floats) -> tuple[float, float]:
    """Return the range whose steps lose least of the numbers, in which 0 is a step."""
    low, high = min(0.0, float(values.min())), max(1e-6, float(values.max()))
    least, found = np.inf, (low, high)
    for share in _SHARES:
        step = share * (high - low) / (_STEPS - 1)
        first = np.rint(share * low / step)
        numbers = np.clip(np.rint(values / step), first, first + _STEPS - 1)
        lost = float(np.mean((numbers * step - values) ** 2))
        if lost < least:
            least, found = lost, (first * step, (first + _STEPS - 1) * step)
    return found
