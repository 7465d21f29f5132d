"""Write networks as ONNX, for the scripts that export them.

It has a writer of graphs, a translator of what OpenVINO reads from TensorFlow Lite, and the
manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from kuleshov.models.graphs import Graph

__all__ = ["FIRST", "LAST", "Translator", "Values", "Writer", "write_records"]

FIRST = (0, 3, 1, 2)  # channels last to channels first
LAST = (0, 2, 3, 1)

Values = NDArray[Any]


class Writer(Graph):
    """A writer of the graph of a network that takes pictures."""

    def pictures(self, scale: float, shift: float) -> str:
        """Add the steps from bytes, channels last, to what the network takes."""
        floats = self.add("Cast", "pictures", to=TensorProto.FLOAT)
        scaled = self.add("Mul", floats, self.weight(np.float32(scale)))
        return self.add("Add", scaled, self.weight(np.float32(shift)))

    def finished(self, name: str, outputs: Mapping[str, Sequence[str | int]], note: str) -> Any:
        """Return the finished model: the nodes with these outputs, by name with their shapes."""
        taken = {"pictures": ("N", "H", "W", 3)}
        return self.model(name, taken, outputs, taken=np.uint8, note=note)


class Translator:
    """A translator of graphs that OpenVINO has read from TensorFlow Lite to ONNX.

    It writes channels first.

    The original keeps channels last and turns them before and after each convolution. Here only
    what axis counts what is turned: `_last` tells which tensors the original means channels last.
    """

    def __init__(self, model: Any, writer: Writer, first: str) -> None:
        self._writer = writer
        self._constants: dict[str, Values] = {}
        self._names: dict[str, str] = {}
        self._last: dict[str, bool] = {}
        self.results: dict[int, str] = {}  # by their last axis
        for node in model.get_ordered_ops():
            self._translate(node, first)

    def _translate(self, node: Any, first: str) -> None:
        kind, key = node.get_type_name(), node.get_name()
        given = [each.get_source_output().get_node().get_name() for each in node.inputs()]
        if kind == "Constant":
            self._constants[key] = np.array(node.data)
        elif kind == "Parameter":
            self._names[key], self._last[key] = first, True
        elif kind == "Result":
            self.results[int(node.output(0).shape[-1])] = self._names[given[0]]
        elif all(each in self._constants for each in given):
            self._constants[key] = _folded(kind, node, [self._constants[each] for each in given])
        else:
            last = self._last[next(each for each in given if each in self._names)]
            self._names[key], self._last[key] = self._written(kind, node, given, last)

    def _input(self, key: str, last: bool) -> str:
        """Return a tensor's name; a constant is turned as the tensors beside it are."""
        if key in self._names:
            if self._last[key] != last:
                raise RuntimeError(f"{key} is laid out in another way than what it meets.")
            return self._names[key]
        values = self._constants[key].astype(np.float32)
        if last:
            values = values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(FIRST)
        return self._writer.weight(values)

    def _written(self, kind: str, node: Any, given: list[str], last: bool) -> tuple[str, bool]:
        """Write one node; return its result's name and whether it means channels last."""
        if kind == "Transpose":
            if tuple(self._constants[given[1]]) != (FIRST if last else LAST):
                raise RuntimeError(f"{node.get_name()} turns axes in a way that is not known.")
            return self._names[given[0]], not last
        if kind == "Convert":
            return self._names[given[0]], last
        if kind in ("Add", "Relu", "PRelu"):
            return self._writer.add(kind, *(self._input(key, last) for key in given)), last
        x, write = self._names[given[0]], self._writer
        if kind in ("Convolution", "GroupConvolution"):
            return self._convolution(kind, node, x, self._constants[given[1]]), last
        if kind == "MaxPool":
            size = list(node.get_attributes()["kernel"])
            return write.add(kind, x, kernel_shape=size, **_moves(node)), last
        if kind == "Concat":
            axis = int(node.get_attributes()["axis"])
            return write.add(kind, *(self._input(key, last) for key in given), axis=axis), last
        if kind == "Pad":
            sides = [self._constants[key] for key in given[1:3]]
            turned = [side[list(FIRST)] if last else side for side in sides]
            amounts = write.weight(np.concatenate(turned).astype(np.int64))
            return write.add(kind, x, amounts), last
        if kind == "Interpolate":  # all are by two, between pixel centres
            twice = write.weight(np.array([1, 1, 2, 2], np.float32))
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            return write.add("Resize", x, "", twice, **how), last
        if kind == "Reshape":
            if last:
                x = write.add("Transpose", x, perm=LAST)
            shape = self._constants[given[1]].astype(np.int64)
            shape[0] = 0  # any number of pictures
            return write.add(kind, x, write.weight(shape)), False
        raise RuntimeError(f"No way is known to write {kind} as ONNX.")

    def _convolution(self, kind: str, node: Any, x: str, weights: Values) -> str:
        kernel = weights.astype(np.float32)
        groups = 1
        if kind == "GroupConvolution":
            groups = len(kernel)
            kernel = kernel.reshape(-1, *kernel.shape[2:])
        size = list(kernel.shape[2:])
        named = self._writer.weight(kernel)
        return self._writer.add("Conv", x, named, group=groups, kernel_shape=size, **_moves(node))


def _moves(node: Any) -> dict[str, Any]:
    """Return strides and margins of a convolution or a pooling."""
    said = node.get_attributes()
    how = str(said["auto_pad"]).upper()
    if how in ("EXPLICIT", "NOTSET"):
        margins: dict[str, Any] = {"pads": [*said["pads_begin"], *said["pads_end"]]}
    else:
        margins = {"auto_pad": how}
    return {"strides": list(said["strides"]), **margins}


def _folded(kind: str, node: Any, given: list[Values]) -> Values:
    """Return what a node gives whose inputs are all constants."""
    if kind == "Convert":
        return given[0].astype(node.get_element_type().to_dtype())
    if kind == "Unsqueeze":
        return np.expand_dims(given[0], tuple(int(axis) for axis in np.atleast_1d(given[1])))
    if kind == "Transpose":
        return np.transpose(given[0], given[1])
    if kind == "Reshape":
        same = node.get_attributes().get("special_zero")
        shape = [given[0].shape[i] if same and s == 0 else s for i, s in enumerate(given[1])]
        return given[0].reshape([int(size) for size in shape])
    raise RuntimeError(f"No way is known to compute {kind}.")


def write_records(records: list[dict[str, Any]], folder: Path) -> None:
    """Put `records` into the manifest in `folder`, each in the place of the one of its name."""
    path = folder / "manifest.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["models"] if path.is_file() else []
    by_name = {record["name"]: record for record in [*kept, *records]}
    text = json.dumps({"models": list(by_name.values())}, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
