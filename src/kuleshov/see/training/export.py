"""Write the network as the ONNX file that a lens holds. Needs onnx, from `kuleshov[see]`.

Written node by node: eight kinds of them suffice. PyTorch's own exporters would do it, too, but the
old one is deprecated, and the new one takes ten seconds and another package for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kuleshov.models.graphs import Graph
from kuleshov.see.lens import NOISE
from kuleshov.see.training.model import SLOPE

if TYPE_CHECKING:
    from torch import nn

    from kuleshov.see.training.model import UNet

__all__ = ["to_onnx"]


class _Writer(Graph):
    """A writer of the parts that the network is made of."""

    def conv(self, layer: nn.Module, x: str) -> str:
        """Add a convolution with its weights."""
        from torch import nn

        assert isinstance(layer, nn.Conv2d), "a convolution with a bias and its padding in pixels"
        assert layer.bias is not None
        assert not isinstance(layer.padding, str)
        if any(layer.padding):
            assert layer.padding_mode == "replicate"
            edges = self.weight(np.array([0, 0, *layer.padding] * 2, np.int64))
            x = self.add("Pad", x, edges, mode="edge")
        kept = (self.weight(each.detach().cpu().numpy()) for each in (layer.weight, layer.bias))
        return self.add("Conv", x, *kept, strides=list(layer.stride))

    def bent(self, x: str) -> str:
        """Add the activation."""
        return self.add("LeakyRelu", x, alpha=SLOPE)

    def doubled(self, x: str) -> str:
        """Add an enlargement to twice the size, each value repeated."""
        scales = self.weight(np.array([1, 1, 2, 2], np.float32))
        how = {"mode": "nearest", "nearest_mode": "floor"}
        return self.add("Resize", x, "", scales, coordinate_transformation_mode="asymmetric", **how)

    def blocks(self, blocks: nn.Module, x: str) -> str:
        """Add residual blocks."""
        for block in blocks.children():
            inner = self.conv(block.get_submodule("one"), self.bent(x))
            x = self.add("Add", x, self.conv(block.get_submodule("two"), self.bent(inner)))
        return x

    def scaled(self, x: str, factor: float, shift: float) -> str:
        """Add `x * factor + shift`."""
        more = self.add("Mul", x, self.weight(np.float32(factor)))
        return self.add("Add", more, self.weight(np.float32(shift)))


def to_onnx(net: UNet) -> bytes:
    """Return the network as ONNX, for any size, as `lens.Lens` describes it.

    Weights are in half precision, its picture clipped and with colours last. It follows
    `UNet.forward` line by line.
    """
    graph = _Writer()
    x = graph.conv(net.read, graph.scaled("grey", 2.0, -1.0))
    x = graph.add("Add", x, graph.conv(net.seed, "noise"))
    beside: list[str] = []
    for down in net.down:
        beside.append(x)
        x = graph.conv(down, graph.bent(x))
    x = graph.blocks(net.deep, x)
    for up, work in zip(reversed(net.up), reversed(net.work), strict=True):
        x = graph.add("Add", graph.conv(up, graph.doubled(x)), beside.pop())
        x = graph.blocks(work, x)
    x = graph.conv(net.fine, graph.doubled(graph.bent(x)))
    x = graph.conv(net.paint, graph.bent(x))
    x = graph.add("DepthToSpace", x, blocksize=2, mode="CRD")
    x = graph.scaled(x, 0.5, 0.5)
    x = graph.add("Clip", x, graph.weight(np.float32(0)), graph.weight(np.float32(1)))
    graph.add("Transpose", x, out="picture", perm=[0, 2, 3, 1])
    inputs = {
        "grey": (1, 1, "height", "width"),
        "noise": (1, 1, f"height/{NOISE}", f"width/{NOISE}"),
    }
    made = graph.model("lens", inputs, {"picture": (1, "height", "width", 3)})
    data: bytes = made.SerializeToString()
    return data
