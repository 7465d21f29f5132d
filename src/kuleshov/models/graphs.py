"""Write ONNX files node by node, with weights in half precision. Needs onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Graph", "halve_weights"]

_OPSET = 17
_IR = 8  # of ONNX's own format, as its version 1.12 wrote it


class Graph:
    """A graph that collects the nodes and weights of a network."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, *given: str, out: str = "", **attributes: Any) -> str:
        """Add a node, and return its result's name, which is `out` if that is given."""
        from onnx import helper

        name = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [name], **attributes))
        return name

    def weight(self, values: NDArray[Any] | np.generic) -> str:
        """Add a constant, and return its name."""
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def model(
        self,
        name: str,
        inputs: Mapping[str, Sequence[str | int]],
        outputs: Mapping[str, Sequence[str | int]],
        *,
        taken: type[np.generic] = np.float32,
        note: str = "",
    ) -> Any:
        """Return the finished `onnx.ModelProto`, checked.

        Inputs, of numbers that are `taken`, and outputs, float32, by their names, with their
        shapes; weights in half precision.
        """
        import onnx
        from onnx import helper

        def values(shapes: Mapping[str, Sequence[str | int]], kind: type[np.generic]) -> list[Any]:
            number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
            return [
                helper.make_tensor_value_info(key, number, list(shape))
                for key, shape in shapes.items()
            ]

        given, results = values(inputs, taken), values(outputs, np.float32)
        made = helper.make_model(
            helper.make_graph(self.nodes, name, given, results, self.weights, note),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
            producer_name="kuleshov",
            doc_string=note,
        )
        halve_weights(made)
        onnx.checker.check_model(made)
        return made


def halve_weights(model: Any, least: int = 256) -> None:
    """Store float32 weights of `least` numbers or more as float16, cast back in the graph.

    `model` is an `onnx.ModelProto`, changed in place. OpenVINO folds the casts when it compiles,
    so this halves the file and costs no time.
    """
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or weights.size < least:
            continue
        name = tensor.name
        half = weights.astype(np.float16)
        if not np.isfinite(half).all():
            continue  # out of float16's range: keep it whole
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
