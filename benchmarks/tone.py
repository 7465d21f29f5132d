"""Measure what it brings to match the light of foreign films to the tone that a lens knows.

    python benchmarks/tone.py LENS FOOTAGE FILM... [--frames 40]

Frames of FILMs, which have nothing to do with the lens, are looked at through it, with more and
more of their light matched to that of FOOTAGE, on which the lens was trained. Prints for each share

- kernel: kernel distance (as in `see.py`) between what it paints and pictures of FOOTAGE: whether
  it is of the material;
- patches: distance of the fine detail of both (as in `see.py`), in levels;
- form: correlation of the coarse light of what it paints with that of the frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kuleshov.features.efficientnet import EfficientNet
from kuleshov.models.runtime import load
from kuleshov.see.abstraction import Abstraction, abstract, matrices
from kuleshov.see.bundled import lens_path
from kuleshov.see.camera import LookOptions, framed, light_of
from kuleshov.see.lens import read_lens
from kuleshov.see.looker import Looker, State
from kuleshov.see.training.files import found_in
from kuleshov.see.training.gathering import GatherOptions, gather
from see import kernel_distance, patch_distance

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def main() -> None:
    """Gather, look and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lens")
    parser.add_argument("footage", type=Path)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=40)
    given = parser.parse_args()
    lens = read_lens(lens_path(given.lens))
    size = lens.size
    encoder = EfficientNet(load("efficientnet-lite0"))
    known = gather(list(found_in(given.footage)), GatherOptions(size=size))
    material = [framed(pixels, size, size, LookOptions()) for pixels in known.pixels]
    frames: list[NDArray[np.uint8]] = []
    for film in given.films:
        found = gather(list(found_in(film)), GatherOptions(size=size)).pixels
        chosen = np.linspace(0, len(found) - 1, given.frames).round().astype(int)
        frames += [found[index] for index in chosen]
    looker, coarse = Looker([lens], size, size), matrices(size, size, Abstraction())
    inputs = np.stack(
        [abstract(light_of(each, size, size, LookOptions()), coarse) for each in frames]
    )
    print(f"{len(frames)} frames of {len(given.films)} films, {len(material)} pictures of footage")
    for share in SHARES:
        options = LookOptions(smoothing=1, match=share)
        painted = [looker.look(each, State(), options)[0] for each in frames]
        light = np.stack([light_of(each, size, size, LookOptions()) for each in painted])
        form = np.mean(
            [
                np.corrcoef(a.ravel(), abstract(b, coarse).ravel())[0, 1]
                for a, b in zip(inputs, light, strict=True)
            ]
        )
        made, wanted = _planes(painted), _planes(material)
        distance, detail = kernel_distance(made, wanted, encoder), patch_distance(made, wanted)
        print(f"share {share:.2f}  kernel {distance:6.1f}  patches {detail:.3f}  form {form:.3f}")


def _planes(pictures: list[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255)


if __name__ == "__main__":
    main()
