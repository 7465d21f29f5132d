"""Lenses whose networks do one plain thing, made with onnx alone."""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import TensorProto, helper

from kuleshov.see.lens import Lens, Origin

__all__ = ["lens", "tinted"]

FLOAT = TensorProto.FLOAT


def lens(
    name: str = "tiny",
    *,
    noise: float = 0.0,
    tint: tuple[float, float, float] = (0.0, 0.0, 0.0),
    grey: float = 1.0,
    takes: tuple[str, str] = ("grey", "noise"),
    gives: str = "picture",
    planes: int = 3,
) -> Lens:
    """A lens whose picture is `grey` times the light it is given, plus `tint`, plus `noise` times
    the plane of noise, each of its values in a square of four pixels."""
    # Every constant has the planes in its last place, as the picture has.
    constants = {"part": [noise] * planes, "tint": list(tint)[:planes], "share": [grey] * planes}
    nodes = [
        helper.make_node("Transpose", [takes[0]], ["light"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["light", "share"], ["shared"]),
        helper.make_node("Add", ["shared", "tint"], ["tinted"]),
        helper.make_node("Resize", [takes[1], "", "scales"], ["large"], mode="nearest"),
        helper.make_node("Transpose", ["large"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["turned", "part"], ["grain"]),
        helper.make_node("Add", ["tinted", "grain"], [gives]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(takes[0], FLOAT, [1, 1, "H", "W"]),
            helper.make_tensor_value_info(takes[1], FLOAT, [1, 1, "h", "w"]),
        ],
        [helper.make_tensor_value_info(gives, FLOAT, [1, "H", "W", planes])],
        [
            helper.make_tensor("scales", FLOAT, [4], [1.0, 1.0, 4.0, 4.0]),
            *(helper.make_tensor(key, FLOAT, [planes], v) for key, v in constants.items()),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model)
    origin = Origin("sea.mp4", 240, "The sea", "N. N.", "CC0-1.0", "https://example.org/sea")
    return Lens(name, model.SerializeToString(), 96, origins=(origin,), recipe={"steps": 10})


def tinted(name: str, red: float, green: float, blue: float) -> Lens:
    """A lens that sees one colour whatever it is given."""
    return replace(lens(name, tint=(red, green, blue), grey=0.0))
