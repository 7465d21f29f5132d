"""Run the bundled EfficientNet-Lite0 in PyTorch, to be learnt through.

The weights are read from the same ONNX file that the archive's encoder runs, so what training
looks with is what is bundled. Only its first two thirds are needed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from kuleshov.errors import ModelError
from kuleshov.models.runtime import FOLDER

__all__ = ["TAPS", "Perception", "perceptual_distance"]

TAPS = (16, 24, 40, 112)
"""Channels of the maps that are looked at, at 1/2, 1/4, 1/8 and 1/16 of the size."""


class Perception(nn.Module):
    """The features of pictures, (N, 3, H, W) RGB from 0 to 1: one map for each of `TAPS`.

    Nothing in it is trained. Raises ModelError if the file is missing or is another network.
    """

    def __init__(self, name: str = "efficientnet-lite0.onnx") -> None:
        super().__init__()
        import onnx
        from onnx import numpy_helper

        try:
            graph = onnx.load(str(FOLDER / name)).graph
        except OSError as error:
            raise ModelError(f"The network {FOLDER / name} is missing: {error}.") from error
        values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        self.steps: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = []
        same: dict[str, str] = {}  # padding is done by the convolution that follows
        for node in graph.node:
            inputs = tuple(same.get(each, each) for each in node.input)
            if node.op_type == "Cast" and node.input[0] in values:
                values[node.output[0]] = values[node.input[0]].astype("float32")
            elif node.op_type == "Pad":
                same[node.output[0]] = inputs[0]
            elif node.op_type in ("Conv", "Clip", "Add"):
                options: dict[str, Any] = {}
                if node.op_type == "Conv":
                    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                    options = {"stride": found["strides"][0], "groups": found["group"]}
                    number = len(self.steps)
                    for kind, key in zip(("weight", "bias"), inputs[1:], strict=True):
                        value = torch.from_numpy(values[key].astype("float32"))
                        self.register_buffer(f"{kind}{number}", value, persistent=False)
                elif node.op_type == "Clip" and len(inputs) != 3:
                    raise ModelError(f"{name} is not the EfficientNet-Lite that is meant.")
                self.steps.append((node.op_type, node.output[0], inputs, options))
        self._keep_what_is_needed()

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return the maps of `TAPS`, finest first."""
        known = {self.steps[0][2][0]: (pictures * 255 - 127) / 128}
        for number, (kind, name, inputs, options) in enumerate(self.steps):
            x = known[inputs[0]]
            if kind == "Conv":
                known[name] = self._convolved(number, x, **options)
            elif kind == "Clip":
                known[name] = x.clamp(0, 6)  # EfficientNet-Lite's activation is ReLU6
            else:
                known[name] = x + known[inputs[1]]
        return [known[name] for name in self.taps]

    def _convolved(self, number: int, x: Tensor, stride: int, groups: int) -> Tensor:
        weight, bias = getattr(self, f"weight{number}"), getattr(self, f"bias{number}")
        side = weight.shape[-1]
        pads: list[int] = []
        for length in (x.shape[-1], x.shape[-2]):  # TensorFlow's "same": the odd one at the end
            missing = max((-(-length // stride) - 1) * stride + side - length, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), weight, bias, stride=stride, groups=groups)

    def _keep_what_is_needed(self) -> None:
        """Find the last map of each size in `TAPS`, and forget what follows the last of them."""
        channels: dict[str, int] = {}
        last: dict[int, tuple[int, str]] = {}
        for number, (kind, name, inputs, _) in enumerate(self.steps):
            if kind == "Conv":
                channels[name] = len(getattr(self, f"bias{number}"))
            else:
                channels[name] = channels[inputs[0]]
            if kind in ("Add", "Conv"):
                last[channels[name]] = (number, name)
        self.taps = [last[count][1] for count in TAPS]
        end = last[TAPS[-1]][0] + 1
        for number in range(end, len(self.steps)):
            for kind in ("weight", "bias"):
                if hasattr(self, f"{kind}{number}"):
                    delattr(self, f"{kind}{number}")
        del self.steps[end:]


def perceptual_distance(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Return how unlike two batches look, (N,).

    Features of length 1 at each place, their squared difference averaged over places and maps (as
    LPIPS, Zhang et al. 2018, without its weights).
    """
    parts = [
        (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean((1, 2))
        for a, b in zip(one, other, strict=True)
    ]
    return torch.stack(parts).mean(0)
