"""Draw test signals for `tools/material_examples.py`: colour bars, steps, grids, test cards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["card"]

Picture = Image.Image
Generator = np.random.Generator

_BARS = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)]


def card(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return some test signal of `size`."""
    kinds = (_smpte, _smpte, _ebu, _ebu, _steps, _grid, _round, _round, _lines, _split)
    return kinds[int(rng.integers(len(kinds)))](rng, size)


def _fill(picture: Picture, columns: list[NDArray[np.float64]], top: float, bottom: float) -> None:
    """Draw columns of equal width between two heights (parts of the picture's)."""
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    edges = np.linspace(0, width, len(columns) + 1).round()
    for left, right, colour in zip(edges, edges[1:], columns, strict=False):
        box = [left, round(top * height), right, round(bottom * height)]
        draw.rectangle(box, tuple(int(v) for v in np.clip(colour, 0, 255)))


def _colours(rng: Generator) -> list[NDArray[np.float64]]:
    high, low = rng.choice([180, 191, 235, 255]), rng.choice([0, 16])
    return [np.array(bar) * (high - low) + low for bar in _BARS]


def _smpte(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return SMPTE EG 1: seven bars, a strip of reversed blues, I, white, Q, black and pluge."""
    picture, bars = Image.new("RGB", size), _colours(rng)
    _fill(picture, bars, 0, 0.67)
    dark = np.array([16.0, 16, 16])
    _fill(picture, [bars[6], dark, bars[4], dark, bars[2], dark, bars[0]], 0.67, 0.75)
    last = [np.array(c, float) for c in ((0, 33, 76), (235, 235, 235), (50, 0, 106), (16, 16, 16))]
    _fill(picture, [*last, dark - 7, dark + 9, dark], 0.75, 1)
    return picture


def _ebu(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return EBU bars: eight full columns, sometimes with a band of red or grey beneath."""
    picture, bars = Image.new("RGB", size), _colours(rng)
    _fill(picture, [*bars, np.zeros(3)], 0, 1)
    if rng.random() < 0.35:
        _fill(picture, [bars[int(rng.choice([0, 5]))]], rng.uniform(0.55, 0.8), 1)
    return picture


def _steps(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return steps of grey, up, down or both."""
    picture, count = Image.new("RGB", size), int(rng.integers(5, 13))
    greys = [np.full(3, v) for v in np.linspace(0, 255, count)]
    _fill(picture, greys, 0, 1)
    if rng.random() < 0.5:
        _fill(picture, greys[::-1], 0.5, 1)
    return picture


def _grid(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return a crosshatch, or a chessboard."""
    step = size[1] / float(rng.integers(6, 17))
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    if rng.random() < 0.5:
        seen = (((x // step) + (y // step)) % 2) * 255
    else:
        wide = rng.uniform(1, 4)
        seen = ((x % step < wide) | (y % step < wide)) * 235 + 10
    if rng.random() < 0.3:
        seen = 255 - seen
    picture = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).convert("RGB")
    if rng.random() < 0.4:
        _circle(rng, picture, False)
    return picture


def _lines(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return a multiburst: packets of ever finer lines."""
    packets = int(rng.integers(4, 8))
    along = np.linspace(0, packets, size[0], endpoint=False)
    fine = np.linspace(3, rng.uniform(12, 30), packets)[along.astype(int)]
    row = 127 + 110 * np.sign(np.sin(2 * np.pi * fine * (along % 1))) * (along % 1 < 0.9)
    seen = np.tile(row, (size[1], 1))
    return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).convert("RGB")


def _split(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return HD bars: grey sides, seven bars, ramps and strips beneath (SMPTE RP 219)."""
    picture, bars = Image.new("RGB", size), _colours(rng)
    grey = np.full(3, 104.0)
    _fill(picture, [grey, *bars, grey], 0, 0.58)
    _fill(picture, [bars[2], bars[0], bars[0], bars[0], bars[6]], 0.58, 0.67)
    ramp = [np.full(3, v) for v in np.linspace(0, 235, 40)]
    _fill(picture, [bars[1], *([np.zeros(3)] * 5), bars[5]], 0.67, 0.75)
    _fill(picture, ramp, 0.67, 0.75)
    dark = np.full(3, 16.0)
    _fill(picture, [grey, dark, bars[0], dark, dark - 8, dark + 8, grey], 0.75, 1)
    return picture


def _round(rng: Generator, size: tuple[int, int]) -> Picture:
    """Return a test card: a grid on grey with a large circle that holds bars, steps and a cross."""
    level = int(rng.integers(40, 150))
    picture = Image.new("RGB", size, (level, level, level))
    draw, step = ImageDraw.Draw(picture), size[1] / float(rng.integers(10, 17))
    for x in np.arange(size[0] / 2 % step, size[0], step):
        draw.line([x, 0, x, size[1]], (230, 230, 230), 2)
    for y in np.arange(size[1] / 2 % step, size[1], step):
        draw.line([0, y, size[0], y], (230, 230, 230), 2)
    if rng.random() < 0.6:
        for x in np.arange(0, size[0], 2 * step):
            draw.rectangle([x, 0, x + step, step * 0.6], (240, 240, 240))
            draw.rectangle([x, size[1] - step * 0.6, x + step, size[1]], (240, 240, 240))
    _circle(rng, picture, True)
    return picture


def _circle(rng: Generator, picture: Picture, filled: bool) -> None:
    size = picture.size
    radius = min(size) * float(rng.uniform(0.38, 0.47))
    x, y = size[0] / 2, size[1] / 2
    ring = (x - radius, y - radius, x + radius, y + radius)
    if filled:
        inner, edges = Image.new("RGB", size), np.sort(rng.uniform(0.05, 0.95, 5))
        bands = [0.0, *edges, 1.0]
        greys = [np.full(3, v) for v in np.linspace(0, 255, 6)]
        for top, bottom in pairwise(bands):
            chance = rng.random()
            if chance < 0.4:
                _fill(inner, _colours(rng), top, bottom)
            elif chance < 0.65:
                _fill(inner, greys, top, bottom)
            elif chance < 0.8:
                inner.paste(
                    _lines(rng, size)
                    .crop((0, 0, size[0], 40))
                    .resize((size[0], max(1, round((bottom - top) * size[1])))),
                    (0, round(top * size[1])),
                )
            else:
                _fill(inner, [np.full(3, float(rng.choice([10, 235])))], top, bottom)
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).ellipse(ring, fill=255)
        picture.paste(inner, (0, 0), mask)
    draw = ImageDraw.Draw(picture)
    draw.ellipse(ring, outline=(240, 240, 240), width=int(rng.integers(2, 5)))
    if rng.random() < 0.5:
        draw.line([x - radius, y, x + radius, y], (240, 240, 240), 2)
        draw.line([x, y - radius, x, y + radius], (240, 240, 240), 2)
