"""Measure what each part of a lens's training brings, beside a plain pix2pix of the same size.

    python benchmarks/see.py FOOTAGE... --minutes 20 [--variants whole,pix2pix,...] [--out FOLDER]
    python benchmarks/see.py FOOTAGE... --steps 400 ...

Every variant is the same network, trained as long on the same pictures of FOOTAGE, and asked for
the same held-out ones. Writes one sheet of all variants' outputs into FOLDER, and prints

- kernel: kernel distance (Binkowski et al. 2018, times 1,000) of the pooled features of the
  bundled EfficientNet-Lite0, between outputs and held-out pictures;
- distance: mean distance of its maps, output to target (`kuleshov.see.training.measure`);
- patches: distance of the two in a way that no variant trains for and no network sees: sliced
  Wasserstein distance of 7 x 7 patches of the fine detail (after Karras et al. 2018), in levels;
- form and sensitivity: as `kuleshov see train` prints them;
- flicker: how far outputs change, in levels, while the input pans by one pixel a frame, after
  the pan is taken back.

Run it on an idle machine: who trains by the clock learns less on a busy one; by steps it does not
matter. A lens that lies in FOLDER already is measured as it is.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from kuleshov.features.efficientnet import EfficientNet
from kuleshov.models.runtime import load
from kuleshov.see.abstraction import Abstraction, matrices
from kuleshov.see.training.batches import as_tensors, coarse, noise_for
from kuleshov.see.training.course import Course, training_folder
from kuleshov.see.training.files import found_in
from kuleshov.see.training.gathering import GatherOptions, gather
from kuleshov.see.training.holdout import held_out
from kuleshov.see.training.measure import measure
from kuleshov.see.training.model import UNet
from kuleshov.see.training.perception import Perception
from kuleshov.see.training.pictures import LARGEST, Pictures
from kuleshov.see.training.train import train
from kuleshov.see.training.trainer import Knobs

WHOLE = Knobs()
VARIANTS = {
    "whole": WHOLE,
    "pix2pix": replace(
        WHOLE,
        rate=2e-4,
        critics_rate=2e-4,
        average=0.0,
        colour=0.0,
        pixels=100.0,
        perceptual=0.0,
        matching=0.0,
        steady=0.0,
        pairs=0,
        augment=False,
        features=False,
        base=False,
    ),
    "no base": replace(WHOLE, base=False),
    "no perceptual": replace(WHOLE, perceptual=0.0),
    "no feature critics": replace(WHOLE, features=False),
    "no critics": replace(WHOLE, adversarial=0.0, matching=0.0),
    "no matching": replace(WHOLE, matching=0.0),
    "no augmentation": replace(WHOLE, augment=False),
    "no steadiness": replace(WHOLE, steady=0.0, pairs=0),
}
CROPS, SHOWN, PAN = 4, 8, 6


def crops(pictures: Pictures, size: int, each: int) -> Tensor:
    """Return squares of the pictures, `each` of every one, 0 to 1: (N, 3, size, size)."""
    random = np.random.default_rng(5)
    result = []
    for pixels in pictures.pixels:
        picture = Image.fromarray(pixels)
        for _ in range(each):
            side = min(picture.size) / random.uniform(1, LARGEST)
            left = random.uniform(0, picture.width - side)
            top = random.uniform(0, picture.height - side)
            box = (left, top, left + side, top + side)
            cut = picture.resize((size, size), Image.Resampling.BILINEAR, box)
            result.append(np.asarray(cut))
    return torch.from_numpy(np.stack(result)).permute(0, 3, 1, 2).float().div(255)


def painted(net: UNet, light: Tensor) -> Tensor:
    """Return what the network makes of (N, 1, S, S), 0 to 1."""
    with torch.no_grad():
        return torch.cat([net(one[None], noise_for(one[None])).clamp(0, 1) for one in light])


def kernel_distance(one: Tensor, other: Tensor, encoder: EfficientNet) -> float:
    """Return KID times 1,000: unbiased, polynomial kernel of degree 3."""

    def features(pictures: Tensor) -> NDArray[np.float64]:
        small = F.interpolate(pictures, (224, 224), mode="bilinear", antialias=True)
        pixels = small.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
        return encoder(np.ascontiguousarray(pixels)).pooled.astype(np.float64)

    x, y = features(one), features(other)

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return (a @ b.T / a.shape[1] + 1) ** 3

    n, m = len(x), len(y)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(1000 * (within - 2 * xy.mean()))


def patch_distance(one: Tensor, other: Tensor) -> float:
    """Return the sliced Wasserstein distance of patches of fine detail, in levels of 255.

    Patches are 7 x 7; fine detail is what a blur takes away.
    """
    random = torch.Generator().manual_seed(3)
    directions = F.normalize(torch.randn(147, 64, generator=random), dim=0)

    def slices(pictures: Tensor) -> Tensor:
        detail = pictures - F.avg_pool2d(pictures, 5, 1, 2, count_include_pad=False)
        patches = F.unfold(detail, 7, stride=11).transpose(1, 2).reshape(-1, 147)
        chosen = torch.randperm(len(patches), generator=torch.Generator().manual_seed(4))[:16384]
        return (patches[chosen] @ directions).sort(dim=0).values

    return float((slices(one) - slices(other)).abs().mean() * 255)


def flicker(net: UNet, targets: Tensor, size: int) -> float:
    """Return the mean change, in levels of 255, from frame to frame of a pan, taken back.

    It pans by one pixel a frame.
    """
    operator = as_tensors(matrices(size, size, Abstraction()))
    wide = F.interpolate(targets, (size + PAN, size + PAN), mode="bilinear")
    frames = [
        painted(net, coarse(wide[:, :, step : step + size, step : step + size], operator))
        for step in range(PAN + 1)
    ]
    changes = [
        (b[:, :, :-1, :-1] - a[:, :, 1:, 1:]).abs().mean() for a, b in itertools.pairwise(frames)
    ]
    return float(torch.stack(changes).mean() * 255)


def main() -> None:
    """Gather, train every variant, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("footage", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    spans = [span for path in given.footage for span in found_in(path)]
    learnt, held = held_out(gather(spans, GatherOptions()))
    how_long = f"{given.steps} steps" if given.steps else f"{given.minutes:g} minutes"
    print(f"{len(learnt)} pictures, {len(held)} held out; {how_long} each; {out}")
    size = WHOLE.size
    targets = crops(held, size, CROPS)
    light = coarse(targets, as_tensors(matrices(size, size, Abstraction())))
    perception, encoder = Perception(), EfficientNet(load("efficientnet-lite0"))
    heads = ("steps", "kernel", "distance", "patches", "form", "sensitivity", "flicker")
    print(f"{'variant':20}" + "".join(f"{head:>12}" for head in heads))
    columns = [light.expand(-1, 3, -1, -1).clamp(0, 1)]
    half = len(targets) // 2
    self_kernel = kernel_distance(targets[:half], targets[half:], encoder)
    self_patches = patch_distance(targets[:half], targets[half:])
    print(f"{'(held-out halves)':20}{'':12}{self_kernel:12.2f}{'':12}{self_patches:12.2f}")
    for name in given.variants.split(","):
        lens = out / f"{name.replace(' ', '-')}.see"
        if not lens.exists():
            minutes = 10_000 if given.steps else given.minutes
            course = Course(minutes=minutes, steps=given.steps, preview=minutes, patience=0)
            train(learnt.pixels, held.pixels, lens, VARIANTS[name], course)
        state = torch.load(training_folder(lens) / "state.pt", weights_only=True)["trainer"]
        kept = [("", "average")]
        if name == "whole":
            kept.append((", no average", "net"))
        for note, which in kept:
            net = UNet(VARIANTS[name].shape)
            net.load_state_dict(state[which])
            outputs = painted(net, light)
            figures = measure(outputs, light, targets, perception)
            values = (
                kernel_distance(outputs, targets, encoder),
                figures.distance,
                patch_distance(outputs, targets),
                figures.form,
                figures.sensitivity,
                flicker(net, targets[:SHOWN], size),
            )
            cells = "".join(f"{value:12.3f}" for value in values)
            print(f"{name + note:20}{state['step']:12d}{cells}", flush=True)
            columns.append(outputs)
    columns.append(targets)
    shown = np.linspace(0, len(targets) - 1, SHOWN).round().astype(int)
    sheet = torch.cat([torch.cat([c[i] for c in columns], 2) for i in shown], 1)
    pixels = sheet.mul(255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(out / "variants.png")
    print(f"{out / 'variants.png'}: input, {given.variants}, target")


if __name__ == "__main__":
    main()
