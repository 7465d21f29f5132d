"""Tone: the light and the colour of a picture, whatever it shows.

Low key is like low key, hard contrast like hard contrast, warm like warm, black and white like
black and white, and a bright sky over dark ground like another. Measured in CIELAB, where equal
distances look about equally different (CIE 15:2004).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.facet import Reference

__all__ = ["Tone", "colourless", "lab"]

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
    """Lightness and colour in 4 x 4 cells, and how lightness and chroma are distributed over the
    whole picture.

    The distributions are compared by their quantiles, so that a picture that is a little lighter is
    a little less alike (the distance between two is Wasserstein's), and a crop changes little.
    """

    name = "tone"
    version = 1
    maker = NO_NETWORK

    def __init__(self, reference: Reference | None = None) -> None:
        """Nothing of the `reference` is needed."""

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Unit vectors, (N, 60) float16."""
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
    """(M,): which of the rows (M, 60) that `Tone` gives are of black and white pictures."""
    strongest = np.asarray(rows[:, -2], np.float32) * _RADIUS / np.sqrt(_SHARES["chroma"] / 4)
    return np.asarray(strongest < _GREY)


def lab(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn sRGB (..., 3), 0 to 255, into CIELAB (..., 3): lightness 0 to 100, green to red, blue to
    yellow."""
    part = colours / np.float32(255)
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ.T.astype(np.float32)
    edge = 6 / 29
    bent = np.where(xyz > edge**3, np.cbrt(xyz), xyz / (3 * edge**2) + 4 / 29)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1).astype(np.float32)


def _reduced(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, S, S, 3) averaged to about (N, 56, 56, 3), a multiple of 4 a side."""
    side = images.shape[1]
    parts = min(_SIDE, side // _CELLS * _CELLS)
    step = side // parts
    total = np.zeros((len(images), parts, parts, 3), np.uint16)
    for y in range(step):
        for x in range(step):
            total += images[:, y : parts * step : step, x : parts * step : step]
    return np.asarray(total / np.float32(step**2), np.float32)


def _cells(values: Floats) -> Floats:
    """(N, s, s, C) averaged over 4 x 4 cells: (N, 16 * C)."""
    count, side, _, channels = values.shape
    step = side // _CELLS
    parts = values.reshape(count, _CELLS, step, _CELLS, step, channels)
    return np.asarray(parts.mean(axis=(2, 4)).reshape(count, _CELLS * _CELLS * channels))


def _quantiles(values: Floats) -> Floats:
    """(N, 7): the values (N, s, s) at `_LEVELS` of each picture's distribution."""
    flat = np.sort(values.reshape(len(values), values.shape[1] * values.shape[2]), axis=1)
    at = np.rint(_LEVELS * (flat.shape[1] - 1)).astype(np.intp)
    return np.asarray(flat[:, at])


def _lifted(vectors: Floats) -> NDArray[np.float16]:
    """(N, D) on the unit sphere of one dimension more, (N, D + 1), so that the dot product falls
    with the distance. What lies outside the ball is brought to its surface."""
    square = np.square(vectors).sum(axis=1, keepdims=True)
    rest = np.sqrt(np.maximum(1 - square, 0))
    whole = np.concatenate((vectors / np.sqrt(np.maximum(square, 1)), rest), axis=1)
    return np.asarray(whole, np.float16)
