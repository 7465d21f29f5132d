"""Judge material: what a picture is good for.

Leader, test signals, blanks and what is hopelessly out of focus are not offered; title cards are
told from pictures; a picture with text in it is never mirrored. Three small networks that vote
(fitted on made examples by `tools/fit_material.py`) read the encoder's numbers and some that are
measured here: strokes, flatness, stripes, how steep edges are. What they call unusable must also
measure so: a picture thrown away is worse than a blank that is kept.

Stored as rows, like a facet, but pictures are not matched by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError
from kuleshov.features.encoder import BUNDLED, NO_NETWORK, Encoded, Maker
from kuleshov.features.facet import MATERIAL, Reference

__all__ = [
    "KINDS",
    "Judged",
    "Kind",
    "Material",
    "Measured",
    "Trait",
    "Whole",
    "infer",
    "judge",
    "measure",
    "wide",
]

Kind = Literal["picture", "title", "leader", "bars", "blank", "blurred"]
Array = NDArray[np.float32]

KINDS: tuple[Kind, ...] = ("picture", "title", "leader", "bars", "blank", "blurred")
"""The kinds of a picture or a shot, in the order of the first six columns."""

_CELLS = 7  # as many as the encoder's grid has places
_STROKE = 9  # pixels; at 256 lines the strokes of all but very large letters are thinner
_READ = 0.8  # of text, in a picture; half of what lies between 0.5 and this is leaves and windows


class Trait(IntEnum):
    """The columns of a row, each 0 to 1.

    The first six say what the picture is and sum to 1.
    """

    PICTURE = 0
    """An ordinary picture, also one with text in it."""
    TITLE = 1
    """A title card: text on a plain ground, or so large on a pictured one that it is the point."""
    LEADER = 2
    """A countdown, academy leader, scratched film without a picture."""
    BARS = 3
    """Colour bars, steps of grey, grids, test cards."""
    BLANK = 4
    """Nothing: one colour, grain, black, or black but for a mark or a time code at its edge."""
    BLURRED = 5
    """So far out of focus that nothing can be made out."""
    TEXT = 6
    """How likely there is text to be read."""
    SHARPNESS = 7
    """How steep the steepest edges are: 1 where they rise within two pixels of 128 lines."""


@dataclass(frozen=True)
class Judged:
    """A judgement of a whole shot.

    `share`: how sure it is, the mean over its rows of what speaks for `kind`, 0 to 1. `text`:
    whether text can be read in a good part of it.
    """

    kind: Kind
    text: bool
    share: float

    @property
    def offered(self) -> bool:
        """Whether the shot may be proposed at all; titles may, to answer titles."""
        return self.kind in ("picture", "title")


def judge(rows: NDArray[np.floating[Any]]) -> Judged:
    """Return what a shot is, by the (M, 8) rows of its core, any M.

    A shot is unusable only where four fifths of it are: one number of a countdown or a long fade is
    not enough. It is a title where at least half of its pictures that are not blank are. Without a
    row nothing speaks against a picture.
    """
    if not len(rows):
        return Judged("picture", text=False, share=0.0)
    seen = np.asarray(rows, np.float32)
    kinds, text = seen[:, : len(KINDS)], seen[:, Trait.TEXT]
    read = bool((text > _READ).mean() >= 0.25)
    mean = kinds.mean(axis=0)
    fit = kinds[:, Trait.PICTURE] + kinds[:, Trait.TITLE]
    if (fit < 0.5).mean() >= 0.8:
        worst = Trait.LEADER + int(mean[Trait.LEADER :].argmax())
        return Judged(KINDS[worst], read, float(1 - fit.mean()))
    usable = kinds[fit >= 0.5]
    title = usable[:, Trait.TITLE] > usable[:, Trait.PICTURE]
    if title.mean() >= 0.5:
        return Judged("title", True, float(usable[:, Trait.TITLE].mean()))
    return Judged("picture", read, float(usable[:, Trait.PICTURE].mean()))


class Material:
    """The material rows, which say of each picture what kind it is.

    The order of the columns is `Trait`'s.
    """

    name = MATERIAL
    version = 1

    def __init__(self, reference: Reference | None = None) -> None:
        from safetensors.numpy import load_file

        self.maker: Maker = NO_NETWORK if reference is None else reference.maker
        path = Path(__file__).with_name(f"material-{BUNDLED}.safetensors")
        if not path.is_file():
            raise ModelError(
                f"The weights of material are missing: {path}. Install Kuleshov again."
            )
        self._weights = {name: a.astype(np.float32) for name, a in load_file(path).items()}

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return (N, 8) float16, columns as in `Trait`; without `seen.large` small text is missed.

        Raises `ModelError` for numbers of another encoder than the bundled one.
        """
        known = len(self._weights["pooled.mean"])
        if seen.pooled.shape[1] != known:
            raise ModelError(
                f"Material is known from pictures that {BUNDLED} encoded ({known} numbers each), "
                f"not from {seen.pooled.shape[1]} numbers: use that encoder."
            )
        pictures = seen.images if seen.large is None else seen.large
        rows = np.zeros((len(pictures), len(Trait)), np.float32)
        if not len(pictures):
            return rows.astype(np.float16)
        found = [measure(picture) for picture in pictures]
        cells = np.stack([one.cells for one in found])
        whole = np.stack([one.whole for one in found])
        rows[:, :7] = infer(self._weights, seen.pooled, seen.grid, cells, whole)
        rows[:, Trait.SHARPNESS] = whole[:, Whole.SHARPNESS]
        _held(rows, whole)
        return rows.astype(np.float16)


# ---------------------------------------------------------------- the network


def infer(
    weights: Mapping[str, Array], pooled: Array, grid: Array, cells: Array, whole: Array
) -> Array:
    """Return the six kinds, which sum to 1, and text, before they are checked, (N, 7).

    What was measured is held against them later. `pooled` (N, P) and `grid` (N, 7, 7, C) are as
    encoded, `cells` (N, 7, 7, c) and `whole` (N, w) as measured. The last two layers of `weights`
    have a leading axis, one for each that votes.
    """
    w = weights
    places = np.concatenate(
        [grid * w["grid.scale"], (cells - w["cell.mean"]) / w["cell.spread"]], 3
    )
    hidden = np.maximum(places @ w["place.1"] + w["place.1.bias"], 0)
    letters = _logistic(hidden @ w["place.2"] + w["place.2.bias"])[..., 0]
    measured = (wide(cells, whole, letters) - w["wide.mean"]) / w["wide.spread"]
    measured = np.clip(measured, -5, 5)
    out = np.zeros((len(pooled), 7), np.float32)
    members = len(w["head.2"])
    for one in range(members):
        seen = (pooled - w["pooled.mean"]) @ w["pooled.1"][one] + w["pooled.1.bias"][one]
        both = np.concatenate([np.maximum(seen, 0), measured], axis=1)
        hidden = np.maximum(both @ w["head.1"][one] + w["head.1.bias"][one], 0)
        out += (hidden @ w["head.2"][one] + w["head.2.bias"][one]) / members
    kinds = np.exp(out[:, :6] - out[:, :6].max(axis=1, keepdims=True))
    kinds /= kinds.sum(axis=1, keepdims=True)
    return np.concatenate([kinds, _logistic(out[:, 6:])], axis=1).astype(np.float32)


def wide(cells: Array, whole: Array, letters: Array) -> Array:
    """Return all that is known of a picture besides `pooled`, (N, D).

    `letters` (N, 7, 7) is how likely text is at each place; it counts sorted, so that it matters
    how much there is and not where.
    """
    flat = cells.reshape(len(cells), _CELLS * _CELLS, -1)
    ordered = np.sort(letters.reshape(len(letters), -1), axis=1)[:, ::-1]
    rows, columns = letters.max(axis=2), letters.max(axis=1)
    parts = (
        whole,
        flat.mean(axis=1),
        flat.max(axis=1),
        flat.std(axis=1),
        ordered[:, :24:2],
        ordered.mean(axis=1, keepdims=True),
        rows,
        np.sort(columns, axis=1),
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


def _logistic(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)


def _held(rows: Array, whole: Array) -> None:
    """Turn what the measures contradict into a picture, in place.

    Limits lie where made examples and real films part: a real picture's crispness was at least 0.22
    and a defocused one's at most 0.15; a blank has nothing in its middle, a bird in the sky has.
    """
    plain = (whole[:, Whole.EDGES] < 0.004) & (whole[:, Whole.DEPTH] < 0.18)
    possible = {
        Trait.TITLE: rows[:, Trait.TEXT] >= 0.5,
        Trait.BARS: whole[:, Whole.SPAN] > 0.4,
        Trait.BLANK: plain,
        Trait.BLURRED: whole[:, Whole.CRISP] < 0.17,
    }
    for kind, may in possible.items():
        rows[:, Trait.PICTURE] += np.where(may, 0, rows[:, kind])
        rows[:, kind] *= may


# ---------------------------------------------------------------- measuring


@dataclass(frozen=True, repr=False)
class Measured:
    """The measures of a picture.

    `cells` (7, 7, c) and `whole` (w,) float32, all about 0 to 1, the latter beginning with those of
    `Whole`.
    """

    cells: Array
    whole: Array

    def __post_init__(self) -> None:
        if self.cells.shape[:2] != (_CELLS, _CELLS) or self.whole.ndim != 1:
            raise ValueError(f"not what is measured: {self.cells.shape}, {self.whole.shape}")


class Whole(IntEnum):
    """The numbers of `Measured.whole` that are held against what the network claims."""

    SHARPNESS = 0
    """The steepest edges at half of the size, as a share of the picture's contrast."""
    SPAN = 1
    """The contrast: between nearly the darkest and the lightest at a quarter of the size."""
    EDGES = 2
    """The share of the middle, at an eighth of the size, in which luma steps by over 10 of 255."""
    DEPTH = 3
    """The contrast in the middle, at an eighth of the size."""
    CRISP = 4
    """Sharpness at a quarter of the size, where grain counts less."""


def measure(picture: NDArray[np.uint8]) -> Measured:
    """Return measures of a picture (H, W, 3) uint8 RGB, its shorter side about 256 pixels."""
    from PIL import Image

    image = Image.fromarray(picture)
    grey = image.convert("L")
    small = image.reduce(4)
    red, green, blue = (np.asarray(band) for band in small.split())
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    scales = [np.asarray(grey.reduce(factor)) for factor in (2, 4, 8)]
    cells = _cells(np.asarray(grey), scales[0], chroma)
    return Measured(cells, _whole(np.array(grey.histogram()), scales, chroma))


def _cells(luma: NDArray[np.uint8], half: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> Array:
    """Return light, strokes of letters, edges, flatness and colour at each place, (7, 7, 22).

    `luma` is at full size, `half` at half of it, `chroma` at a quarter.

    Strokes are what morphological opening and closing take away: thin, and lighter or darker than
    both sides.
    """
    hats = [_hat(luma, axis, dark) for axis in (1, 0) for dark in (False, True)]
    dx, dy = (_steps(luma, axis) for axis in (1, 0))
    light, dark = (np.maximum(one, other) > 32 for one, other in (hats[::2], hats[1::2]))
    masks = [hat > 32 for hat in hats] + [hat > 96 for hat in hats[:2]]
    masks += [dx > 24, dy > 24, np.maximum(dx, dy) < 4, light, dark]
    # Letters are all of one shade; leaves and hair are not.
    masks += [light & (luma > level) for level in (96, 160, 216)]
    masks += [dark & (luma < level) for level in (32, 80, 144)]
    down, across = _parts(luma.shape[0]), _parts(luma.shape[1]).T
    # A place is less than 256 pixels high: its columns can be summed as bytes.
    seen = np.stack(masks).view(np.uint8)
    rows = np.linspace(0, len(luma), _CELLS + 1).round().astype(int)
    sums = [seen[:, a:b].sum(axis=1, dtype=np.uint8) for a, b in pairwise(rows)]
    shares = (np.stack(sums, axis=1) @ across) / np.diff(rows)[:, None].astype(np.float32)
    found = list(shares)
    for thin in (light, dark):
        # Lines of text come and go from row to row of pixels.
        along = thin.astype(np.float32) @ across
        found.append(_root(down @ along**2 - (down @ along) ** 2))
    grey = half * np.float32(1 / 255)
    coarse = (grey, grey * grey, chroma * np.float32(1 / 255))
    found += [_parts(v.shape[0]) @ v @ _parts(v.shape[1]).T for v in coarse]
    found[-2] = _root(found[-2] - found[-3] ** 2)
    return np.stack(found, axis=2).astype(np.float32)


def _whole(
    counts: NDArray[np.int64], scales: list[NDArray[np.uint8]], chroma: NDArray[np.uint8]
) -> Array:
    """Return numbers of the picture as a whole, (30,), the first four as in `Whole`.

    `counts` (256,): how many pixels have each luma; `scales`: luma at a half, a quarter, an eighth
    of the size.
    """
    half, quarter, eighth = scales
    below = np.cumsum(counts) / counts.sum()
    levels = np.searchsorted(below, (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995)) / 255
    near = np.convolve(counts, np.ones(13), "same") / counts.sum()
    common = int(near.argmax())
    slopes: list[float] = []
    for scale in scales:
        steep = np.bincount(np.maximum(_steps(scale, 0), _steps(scale, 1)).ravel(), minlength=256)
        share = np.cumsum(steep) / steep.sum()
        slopes += [
            float(np.searchsorted(share, 0.995)),
            float(steep @ np.arange(256) / steep.sum()),
        ]
    lows = np.cumsum(np.bincount(quarter.ravel(), minlength=256)) / quarter.size
    span = float(np.searchsorted(lows, 0.997) - np.searchsorted(lows, 0.003))
    crisp = np.array(slopes[::2]) / max(span, 12.0)
    plain = float((np.maximum(_steps(half, 0), _steps(half, 1)) < 6).mean())
    total = max(float(quarter.var()), 1.0)
    stripes = [float(quarter.mean(axis=axis).var()) / total for axis in (0, 1)]
    still = [float((_steps(quarter, axis) < 6).mean()) for axis in (0, 1)]
    busy = float((np.abs(eighth - np.median(eighth)) > 14).mean())
    vivid = [chroma.mean() / 255, chroma.std() / 255, (chroma > 110).mean()]
    margin = [length // 5 for length in eighth.shape]
    inner = eighth[margin[0] : -margin[0] or None, margin[1] : -margin[1] or None]
    edges = float((np.maximum(_steps(inner, 0), _steps(inner, 1)) > 10).mean())
    depth = float(np.ptp(np.quantile(inner, (0.01, 0.99)))) / 255
    numbers = [min(1.0, crisp[0]), span / 255, edges, depth, *crisp[1:], *levels, common / 255]
    numbers += [near[common], *(np.array(slopes) / 64), *stripes, *still, plain, busy, *vivid]
    return np.array(numbers, np.float32)


@lru_cache(maxsize=32)
def _parts(length: int) -> Array:
    """Return which of `length` pixels belong to each place, (7, length); rows sum to 1."""
    edges = np.linspace(0, length, _CELLS + 1).round()
    pixels = np.arange(length)
    inside = (pixels >= edges[:-1, None]) & (pixels < edges[1:, None])
    return np.asarray(inside / inside.sum(axis=1, keepdims=True), np.float32)


def _root(values: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(values, 0)), np.float32)


def _steps(luma: NDArray[np.uint8], axis: int) -> NDArray[np.uint8]:
    """Return how much each pixel differs from the one before it, same shape."""
    one, other = (luma[:, 1:], luma[:, :-1]) if axis else (luma[1:], luma[:-1])
    steps = np.zeros_like(luma)
    (steps[:, 1:] if axis else steps[1:])[...] = np.maximum(one, other) - np.minimum(one, other)
    return steps


def _hat(luma: NDArray[np.uint8], axis: int, dark: bool) -> NDArray[np.uint8]:
    """Return by how much pixels stand out from their surroundings along `axis`.

    These are all lines of `_STROKE` pixels that hold them: the top-hat of morphology, of light
    strokes or `dark` ones.
    """
    first, second = (np.maximum, np.minimum) if dark else (np.minimum, np.maximum)
    margin = [(0, 0), (0, 0)]
    margin[axis] = (_STROKE - 1, _STROKE - 1)
    rest = np.pad(luma, margin, mode="edge")
    for pick in (first, second):
        span = 1
        while span < _STROKE:
            step = min(span, _STROKE - span)
            ahead = rest[:, step:] if axis else rest[step:]
            rest = pick(rest[:, :-step] if axis else rest[:-step], ahead)
            span += step
    return np.asarray(rest - luma if dark else luma - rest)
