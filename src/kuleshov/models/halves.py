"""ONNX files of half the size: weights in half precision, cast back in the graph. Needs onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["halve_weights"]


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
