"""Fit the weights by which light judges hard cuts (`shots/judgement`), and print them.

    python tools/fit_cuts.py --stretches FILE [--height 180] [--seeds 0 1 2 3] [--films DIR]

FILE holds single-shot stretches of footage as `benchmarks/shots.py --stretches` writes them. Edits
with known cuts are drawn from them, written as films and read again. Each step from a frame to the
next is one row of a logistic regression (maximum likelihood, Newton's method, a little ridge). What
the network says and the rhythm of the true cuts are given, as they weigh when a film is judged.
Left out are steps that are never cuts, whatever they look like (`never`), those right beside a cut
or within another transition, edges of flashes, and jumps within a take (`edits.JUMP`). A false cut
weighs as much as `COST` that are missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.media import decode
from kuleshov.media.scale import Scaler
from kuleshov.models.runtime import load
from kuleshov.shots.detector import TINY
from kuleshov.shots.flashes import is_flash
from kuleshov.shots.judgement import given, measured, never
from kuleshov.shots.light import grid_of
from kuleshov.shots.transnet import TransNet
from kuleshov.timecode import FrameRange

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from edits import MIXES, QUICK, Truth  # type: ignore[import-not-found]
from shots import (  # type: ignore[import-not-found]
    Material,
    Stretch,
    drawn,
    write,
)

COST = 4.0
RIDGE = 0.01
ROUNDS = 30
FLASHES = 1.5  # of 255; smaller steps are not asked whether they are flashes
SETS = ("montage", "dialogue", "chase", "strobes", "brief", "flashes", "shake", "edits")

Rows = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]
"""Features (n, 3), what is given besides them (n,), and whether each step is a cut (n,)."""


def tiny_frames(path: Path) -> NDArray[np.uint8]:
    """Return the frames of a film as detectors see them, (N, 27, 48, 3)."""
    with decode.Film(path) as film:
        scaler = Scaler(film.video, *TINY)
        return np.array([scaler(picture.frame) for picture in film.pictures()])


def rows_of(tiny: NDArray[np.uint8], truths: Sequence[Truth], detector: TransNet) -> Rows:
    """Return the rows of one edit."""
    detector.feed(tiny)
    prediction = detector.finish()
    grid = grid_of(tiny)
    change, features = measured(grid)
    cuts = np.zeros(len(grid), np.float64)
    kept = ~never(grid, change, features)
    kept[0] = False
    for truth in truths:
        beside = 1 if not len(truth.frames) else 3
        kept[max(0, truth.frames.first - beside) : truth.frames.end + beside + 1] = False
    for truth in truths:
        if not len(truth.frames):
            kept[truth.frames.first] = not truth.jump
            cuts[truth.frames.first] = 1
    for frame in np.flatnonzero(kept & (cuts == 0) & (change > FLASHES)):
        kept[frame] = not is_flash(grid, FrameRange(int(frame), int(frame)), near=0)
    return features.T[kept].astype(np.float64), given(prediction, cuts)[kept], cuts[kept]


def fitted(rows: Rows) -> NDArray[np.float64]:
    """Return the weights of the features, and the bias after them."""
    features, offset, cuts = rows
    table = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    cost = np.where(cuts == 1, 1.0, COST)
    weights = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        likely = 1 / (1 + np.exp(-np.clip(table @ weights + offset, -30, 30)))
        curve = (table.T * (cost * likely * (1 - likely))) @ table + RIDGE * np.eye(len(weights))
        slope = table.T @ (cost * (cuts - likely)) - RIDGE * weights
        weights += np.clip(np.linalg.solve(curve, slope), -3, 3)
    return weights


def main() -> None:
    """Fit the weights and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stretches", type=Path, required=True)
    parser.add_argument("--height", type=int, default=180, help="of the edits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--films", type=Path, help="where edits are kept, to be looked at again")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=[*MIXES, *QUICK])
    options = parser.parse_args()
    found = [Stretch(**one) for one in json.loads(options.stretches.read_text(encoding="utf-8"))]
    material = Material(found, options.height)
    network = load("transnetv2")
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            for seed in options.seeds if name in QUICK else options.seeds[:1]:
                print(f"{name} {seed}", file=sys.stderr, flush=True)
                edit = drawn(material, name, seed)
                path = (options.films or Path(folder)) / f"{name} {seed} {options.height}.mp4"
                if not path.exists():
                    write(path, edit, material)
                parts.append(rows_of(tiny_frames(path), edit.truths, TransNet(network)))
    features, offset, cuts = (np.concatenate(part) for part in zip(*parts, strict=True))
    weights = fitted((features, offset, cuts))
    print(f"{len(cuts)} steps, {int(cuts.sum())} cuts")
    print(f"_WEIGHTS = ({', '.join(f'{weight:.1f}' for weight in weights[:-1])})")
    print(f"_BIAS = {weights[-1]:.1f}")


if __name__ == "__main__":
    main()
