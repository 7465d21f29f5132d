"""Describe tone: the light and the colour of a picture, whatever it shows.

Low key is like low key, hard contrast like hard contrast, warm like warm, black and white like
black and white, and a bright sky over dark ground like another. Measured in CIELAB, where equal
distances look about equally different (CIE 15:2004).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.facet import TONE, Reference

__all__ = ["Tone", "colourless", "colours_of", "lab", "lights_of", "rgb", "strengths_of"]

Floats = NDArray[np.floating[Any]]

_CELLS = 4
_SIDE = 56  # the picture is looked at in this many parts a side; finer is texture, not tone
_LEVELS = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])  # of the distributions
_DIM, _VIVID = 15.0, 60.0  # chroma; what is vivid differs less, and at most by this
_GREY = 0.3  # strongest colour, as it is seen, of black and white film: chroma of 9 of about 100
_RADIUS = 0.6  # of the ball that tones lie in; few real pictures come near its surface
_MIDDLE = 0.42  # lightness; near it the sphere's pole lies
_SHARES = {"light": 0.23, "lights": 0.35, "colour": 0.3, "chroma": 0.12}

# sRGB (IEC 61966-2-1) to CIE XYZ, over the white point D65, so that white is (1, 1, 1).
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
     [0.0193339, 0.119192, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])  # fmt: skip


class Tone:
    """The tone facet: lightness and colour in 4 x 4 cells, and how they are distributed.

    That is the distribution of lightness and of chroma over the whole picture.

    The distributions are compared by their quantiles, so that a picture that is a little lighter is
    a little less alike (the distance between two is Wasserstein's), and a crop changes little.
    """

    name = TONE
    version = 1
    maker = NO_NETWORK

    def __init__(self, reference: Reference | None = None) -> None:
        """Take a reference as every facet does, and need nothing of it."""

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 60) float16."""
        colours = lab(_reduced(seen.images))
        light = colours[..., 0] / 100 - _MIDDLE
        chroma = np.linalg.norm(colours[..., 1:], axis=-1)
        # Saturation as it is seen: from grey to a tint is far, from vivid to more vivid is not.
        strength = np.minimum(np.log1p(chroma / _DIM) / np.log1p(_VIVID / _DIM), 1)
        colour = colours[..., 1:] * (strength / np.maximum(chroma, 1e-6))[..., None]
        described = {
            "light": _cells(light[..., None]),
            "lights": _quantiles(light),
            "colour": _cells(colour),
            "chroma": _quantiles(strength)[:, ::2],
        }
        vectors = [
            rows * np.sqrt(_SHARES[name] / rows.shape[1]) for name, rows in described.items()
        ]
        return _lifted(np.concatenate(vectors, axis=1) / _RADIUS)


def colourless(rows: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return which rows (M, 60) of `Tone` are of black and white pictures, (M,)."""
    strongest = np.asarray(rows[:, -2], np.float32) * _RADIUS / np.sqrt(_SHARES["chroma"] / 4)
    return np.asarray(strongest < _GREY)


def lights_of(rows: NDArray[np.floating[Any]]) -> Floats:
    """Return the lightness at seven places of each picture's distribution, (M, 7).

    From 0 to 100: 2, 10, 25, 50, 75, 90 and 98 % of each picture lie below. By the rows (M, 60)
    that `Tone` gives.
    """
    scaled = _part(rows, 16, 23, "lights")
    return np.asarray(np.clip((scaled + _MIDDLE) * 100, 0, 100), np.float32)


def strengths_of(rows: NDArray[np.floating[Any]]) -> Floats:
    """Return how strong colour is, as it is seen, (M, 4): 0 grey, 1 vivid.

    2, 25, 75 and 98 % of each picture are weaker. By the rows (M, 60) that `Tone` gives.
    """
    return np.asarray(np.clip(_part(rows, 55, 59, "chroma"), 0, 1), np.float32)


def colours_of(rows: NDArray[np.floating[Any]]) -> Floats:
    """Return the mean colours of 4 x 4 cells, (M, 16, 3) in CIELAB.

    Row by row from the upper left one, by the rows (M, 60) that `Tone` gives.
    """
    light = _part(rows, 0, 16, "light") * 100 + _MIDDLE * 100
    seen = _part(rows, 23, 55, "colour").reshape(-1, 16, 2)
    strength = np.linalg.norm(seen, axis=-1, keepdims=True)
    chroma = _DIM * np.expm1(np.minimum(strength, 1) * np.log1p(_VIVID / _DIM))
    colour = seen * (chroma / np.maximum(strength, 1e-6))
    return np.concatenate((np.clip(light, 0, 100)[..., None], colour), axis=-1)


def _part(rows: NDArray[np.floating[Any]], first: int, end: int, name: str) -> Floats:
    """Return what a part of the rows was made of.

    Where a row lies on the sphere's edge, it is a bit less.
    """
    part = np.asarray(rows[:, first:end], np.float32)
    return np.asarray(part * _RADIUS / np.sqrt(_SHARES[name] / (end - first)), np.float32)


def rgb(colours: Floats) -> NDArray[np.uint8]:
    """Return CIELAB (..., 3) as sRGB (..., 3), 0 to 255: it undoes `lab`.

    Colours that no screen shows are clipped.
    """
    values = np.asarray(colours, np.float64)
    y = (values[..., 0] + 16) / 116
    bent = np.stack((y + values[..., 1] / 500, y, y - values[..., 2] / 200), axis=-1)
    edge = 6 / 29
    xyz = np.where(bent > edge, bent**3, 3 * edge**2 * (bent - 4 / 29))
    linear = np.clip(xyz @ np.linalg.inv(_XYZ).T, 0, 1)
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(coded * 255), np.uint8)


def lab(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sRGB (..., 3), 0 to 255, as CIELAB (..., 3).

    Lightness 0 to 100, green to red, blue to yellow.
    """
    part = colours / np.float32(255)
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ.T.astype(np.float32)
    edge = 6 / 29
    bent = np.where(xyz > edge**3, np.cbrt(xyz), xyz / (3 * edge**2) + 4 / 29)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1).astype(np.float32)


def _reduced(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (N, S, S, 3) averaged to about (N, 56, 56, 3), a multiple of 4 a side."""
    side = images.shape[1]
    parts = min(_SIDE, side // _CELLS * _CELLS)
    step = side // parts
    total = np.zeros((len(images), parts, parts, 3), np.uint16)
    for y in range(step):
        for x in range(step):
            total += images[:, y : parts * step : step, x : parts * step : step]
    return np.asarray(total / np.float32(step**2), np.float32)


def _cells(values: Floats) -> Floats:
    """Return (N, s, s, C) averaged over 4 x 4 cells, (N, 16 * C)."""
    count, side, _, channels = values.shape
    step = side // _CELLS
    parts = values.reshape(count, _CELLS, step, _CELLS, step, channels)
    return np.asarray(parts.mean(axis=(2, 4)).reshape(count, _CELLS * _CELLS * channels))


def _quantiles(values: Floats) -> Floats:
    """Return the values (N, s, s) at `_LEVELS` of each picture's distribution, (N, 7)."""
    flat = np.sort(values.reshape(len(values), values.shape[1] * values.shape[2]), axis=1)
    at = np.rint(_LEVELS * (flat.shape[1] - 1)).astype(np.intp)
    return np.asarray(flat[:, at])


def _lifted(vectors: Floats) -> NDArray[np.float16]:
    """Return (N, D) lifted onto the unit sphere of one dimension more, (N, D + 1).

    So the dot product falls with the distance. What lies outside the ball is brought to its
    surface.
    """
    square = np.square(vectors).sum(axis=1, keepdims=True)
    rest = np.sqrt(np.maximum(1 - square, 0))
    whole = np.concatenate((vectors / np.sqrt(np.maximum(square, 1)), rest), axis=1)
    return np.asarray(whole, np.float16)
