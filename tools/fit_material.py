"""Make `features/material-ENCODER.safetensors`, by which `features/material` knows kinds.

    python tools/fit_material.py --fonts FOLDER FILE_OR_FOLDER...

Films and photographs given are the ordinary pictures and the grounds for what is drawn (see
`material_examples`); they must hold no titles, leader or blanks. Where a film shows text that
nobody drew, name it with `--lettered`, so that its pictures do not teach that there is none. The
same call with the same files gives the same weights. `--save` keeps what was drawn and measured,
`--load` begins with that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kuleshov import features
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.material import KINDS, infer, measure, wide
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.models.runtime import load
from material_examples import Maker, finish

EXAMPLES, SEEDS = 5000, (1, 2)  # as many with each seed
PER_FILM = 60  # frames of each film, evenly spread
LINES = 432  # more than is looked at: what was made larger would be softer than real films
PLACE, POOLED, HEAD = 24, 16, 48  # hidden units
MEMBERS = 3  # that vote; one alone takes an aeroplane in the sky for a title now and then
STEPS, BATCH, RATE, DECAY = 1500, 256, 2e-3, 3e-3
PICTURE_COUNTS = 2.0  # an ordinary picture thrown away costs as much as two misses

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Weights = dict[str, Array]


@dataclass(frozen=True, repr=False)
class Examples:
    """Examples of kinds: N encoded and measured pictures.

    `letters` (N, 7, 7): the share of text at each place, negative where unknown; `kind` (N,) index
    into `KINDS`.
    """

    pooled: Array
    grid: Array
    cells: Array
    whole: Array
    letters: Array
    kind: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)


def frames(paths: Sequence[Path]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pictures, (H, W, 3), of films and photographs."""
    files = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    for file in files:
        if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            for _ in range(4):  # is cropped and changed differently each time
                yield file.name, np.asarray(Image.open(file).convert("RGB"))
        elif file.is_file():
            batches = [
                m
                for m in read(ReadRequest(file, large=LINES, threads=1))
                if isinstance(m, FrameBatch)
            ]
            film = np.concatenate([b.large for b in batches if b.large is not None])
            shown = np.linspace(0, len(film) - 1, min(PER_FILM, len(film))).astype(int)
            for number in shown:
                if film[number].max() > 60:  # not the black that films begin with
                    yield file.name, film[number]


def encode(made: Sequence[tuple[Pixels, Pixels, Array, int]]) -> Examples:
    """Encode and measure `finish`ed examples with their kinds."""
    eyes = EfficientNet(load("efficientnet-lite0", threads=1, precision="f32"))
    seen = eyes(np.stack([squeezed for _, squeezed, _, _ in made]))
    found = [measure(large) for large, _, _, _ in made]
    return Examples(
        seen.pooled,
        seen.grid,
        np.stack([one.cells for one in found]),
        np.stack([one.whole for one in found]),
        np.stack([letters for _, _, letters, _ in made]),
        np.array([kind for _, _, _, kind in made]),
    )


def fit(seen: Examples) -> Weights:
    """Return the weights that `material.infer` takes: those that read places, then the rest."""
    weights = _scales(seen)
    weights |= _fit_places(seen, weights)
    letters = _letters(seen, weights)
    measured = wide(seen.cells, seen.whole, letters)
    weights["wide.mean"], weights["wide.spread"] = measured.mean(axis=0), _spread(measured)
    measured = np.clip((measured - weights["wide.mean"]) / weights["wide.spread"], -5, 5)
    pooled = seen.pooled - weights["pooled.mean"]
    members = [_fit_head(seen, pooled, measured, seed) for seed in range(MEMBERS)]
    return weights | {name: np.stack([one[name] for one in members]) for name in members[0]}


def _spread(values: Array) -> Array:
    spread = values.reshape(-1, values.shape[-1]).std(axis=0)
    return np.asarray(np.maximum(spread, 1e-2), np.float32)


def _scales(seen: Examples) -> Weights:
    """Return what inputs are centred and divided by."""
    return {
        "grid.scale": (0.5 / _spread(seen.grid)).astype(np.float32),
        "cell.mean": seen.cells.reshape(-1, seen.cells.shape[-1]).mean(axis=0),
        "cell.spread": _spread(seen.cells),
        "pooled.mean": seen.pooled.mean(axis=0),
    }


def _letters(seen: Examples, weights: Weights) -> Array:
    """Return how likely text is at each place, (N, 7, 7), as `material.infer` computes it."""
    places = _places(seen.grid, seen.cells, weights)
    hidden = np.maximum(places @ weights["place.1"] + weights["place.1.bias"], 0)
    out = hidden @ weights["place.2"] + weights["place.2.bias"]
    return np.asarray(1 / (1 + np.exp(-np.clip(out[..., 0], -30, 30))), np.float32)


def _places(grid: Array, cells: Array, weights: Weights) -> Array:
    measured = (cells - weights["cell.mean"]) / weights["cell.spread"]
    return np.concatenate([grid * weights["grid.scale"], measured], axis=-1)


class Adam:
    """An optimiser: Adam with decoupled weight decay, the rate falling to 0 as a cosine.

    Kingma & Ba 2015.
    """

    def __init__(self, weights: Weights, steps: int) -> None:
        self._weights, self._steps, self._done = weights, steps, 0
        self._first = {name: np.zeros_like(a) for name, a in weights.items()}
        self._second = {name: np.zeros_like(a) for name, a in weights.items()}

    def step(self, slopes: Weights) -> None:
        """Move the weights against `slopes`, in place."""
        self._done += 1
        rate = RATE * 0.5 * (1 + np.cos(np.pi * self._done / self._steps))
        for name, slope in slopes.items():
            first, second, weight = self._first[name], self._second[name], self._weights[name]
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            moved = first / (1 - 0.9**self._done)
            moved = moved / (np.sqrt(second / (1 - 0.999**self._done)) + 1e-8)
            weight -= rate * (moved + (DECAY * weight if weight.ndim > 1 else 0))


def _new(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> Weights:
    matrix = rng.normal(0, (2 / inputs) ** 0.5, (inputs, outputs)).astype(np.float32)
    return {name: matrix, f"{name}.bias": np.zeros(outputs, np.float32)}


def _fit_places(seen: Examples, scales: Weights) -> Weights:
    """Return the weights that tell whether there is text at a place.

    A place has text where letters cover a twelfth of it; where they cover less nobody says.
    """
    rng = np.random.default_rng(0)
    share = seen.letters.reshape(-1)
    width = seen.grid.shape[-1]
    rows = seen.grid.reshape(-1, width), seen.cells.reshape(len(share), -1)
    with_text, without = np.flatnonzero(share > 0.08), np.flatnonzero(share == 0)
    weights = _new(rng, "place.1", width + rows[1].shape[1], PLACE) | _new(rng, "place.2", PLACE, 1)
    adam = Adam(weights, STEPS)
    for _ in range(STEPS):
        half = BATCH // 2
        pick = np.concatenate([rng.choice(with_text, half), rng.choice(without, half * 3)])
        batch = _places(rows[0][pick], rows[1][pick], scales)
        hidden = np.maximum(batch @ weights["place.1"] + weights["place.1.bias"], 0)
        out = hidden @ weights["place.2"] + weights["place.2.bias"]
        error = (1 / (1 + np.exp(-out)) - (share[pick, None] > 0)) / len(pick)
        back = (error @ weights["place.2"].T) * (hidden > 0)
        adam.step(
            {
                "place.1": batch.T @ back,
                "place.1.bias": back.sum(axis=0),
                "place.2": hidden.T @ error,
                "place.2.bias": error.sum(axis=0),
            }
        )
    return weights


def _fit_head(seen: Examples, pooled: Array, measured: Array, seed: int) -> Weights:
    """Return the weights of the head: kinds by cross entropy, text by logistic loss, together."""
    rng = np.random.default_rng(seed)
    weights = _new(rng, "pooled.1", pooled.shape[1], POOLED)
    weights |= _new(rng, "head.1", POOLED + measured.shape[1], HEAD) | _new(rng, "head.2", HEAD, 7)
    weights["pooled.1"] *= np.float32(1 / max(float(pooled.std()), 1e-3))
    known, text = seen.letters[:, 0, 0] >= 0, (seen.letters.max(axis=(1, 2)) > 0.08) * 1.0
    counts = np.where(seen.kind == 0, PICTURE_COUNTS, 1.0)[:, None]
    adam = Adam(weights, STEPS)
    for _ in range(STEPS):
        pick = rng.integers(0, len(seen), BATCH)
        # Half of the encoder's numbers are left out: no single one may decide.
        kept = (rng.random((BATCH, pooled.shape[1])) < 0.5) * np.float32(2)
        one = pooled[pick] * kept
        first = np.maximum(one @ weights["pooled.1"] + weights["pooled.1.bias"], 0)
        both = np.concatenate([first, measured[pick]], axis=1)
        hidden = np.maximum(both @ weights["head.1"] + weights["head.1.bias"], 0)
        out = hidden @ weights["head.2"] + weights["head.2.bias"]
        error = np.empty_like(out)
        kinds = np.exp(out[:, :6] - out[:, :6].max(axis=1, keepdims=True))
        error[:, :6] = kinds / kinds.sum(axis=1, keepdims=True) - np.eye(6)[seen.kind[pick]]
        error[:, :6] *= counts[pick]
        error[:, 6] = (1 / (1 + np.exp(-out[:, 6])) - text[pick]) * known[pick]
        error /= BATCH
        slope = (error @ weights["head.2"].T) * (hidden > 0)
        lower = (slope @ weights["head.1"][:POOLED].T) * (first > 0)
        adam.step(
            {
                "pooled.1": one.T @ lower,
                "pooled.1.bias": lower.sum(axis=0),
                "head.1": both.T @ slope,
                "head.1.bias": slope.sum(axis=0),
                "head.2": hidden.T @ error,
                "head.2.bias": error.sum(axis=0),
            }
        )
    return weights


def report(seen: Examples, weights: Weights) -> None:
    """Print how often each kind is taken for each."""
    out = infer(weights, seen.pooled, seen.grid, seen.cells, seen.whole)
    for number, kind in enumerate(KINDS):
        of = out[seen.kind == number, :6].argmax(axis=1)
        print(
            f"{kind:8} {len(of):5}", *(f"{KINDS[k][:7]} {(of == k).mean():.3f}" for k in range(6))
        )
    known, text = seen.letters[:, 0, 0] >= 0, seen.letters.max(axis=(1, 2)) > 0.08
    read = out[:, 6] > 0.5
    print(f"text: found {read[known & text].mean():.3f}, wrong {read[known & ~text].mean():.3f}")


def main() -> None:
    """Draw, encode, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--fonts", type=Path, help="folder with TrueType and OpenType files")
    parser.add_argument("--lettered", nargs="*", default=[], help="names of files that show text")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", type=Path)
    asked = parser.parse_args()
    if asked.load:
        with np.load(asked.load) as kept:
            seen = Examples(**{name: kept[name] for name in Examples.__dataclass_fields__})
    else:
        parts = [_draw(asked.paths, asked.fonts, asked.lettered, seed) for seed in SEEDS]
        seen = _joined(parts)
        if asked.save:
            np.savez(asked.save, **{n: getattr(seen, n) for n in Examples.__dataclass_fields__})
    weights = fit(seen)
    # What divides is kept in full; the rest loses nothing that counts at half.
    full = ("scale", "mean", "spread", "bias")
    short = {n: a if n.endswith(full) else a.astype(np.float16) for n, a in weights.items()}
    report(seen, {name: array.astype(np.float32) for name, array in short.items()})
    from safetensors.numpy import save_file

    path = Path(features.__file__).with_name("material-efficientnet-lite0.safetensors")
    save_file({name: np.ascontiguousarray(array) for name, array in sorted(short.items())}, path)
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size:,} bytes from {len(seen)} examples")


def _joined(parts: Sequence[Examples]) -> Examples:
    """Return all examples of several lots."""
    names = Examples.__dataclass_fields__
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _draw(paths: Sequence[Path], fonts: Path, lettered: Sequence[str], seed: int) -> Examples:
    """Draw and encode `EXAMPLES` examples, 500 at a time."""
    named = list(frames(paths))
    files = sorted(f for f in fonts.rglob("*") if f.suffix.lower() in (".ttf", ".otf", ".ttc"))
    maker = Maker([f for _, f in named], [name not in lettered for name, _ in named], files, seed)
    parts = []
    for first in range(0, EXAMPLES, 500):
        made = [maker.make() for _ in range(min(500, EXAMPLES - first))]
        parts.append(encode([(*finish(one), KINDS.index(one.kind)) for one in made]))
        print(f"{first + len(made)} of {EXAMPLES}", flush=True)
    return _joined(parts)


if __name__ == "__main__":
    main()
