"""Turn a frame into the light that a lens is given: framing, then controls, as a camera has them.

As in training, the grey of a frame, at the size that is looked at, is abstracted
(`see.abstraction`). Controls change the grey before it is abstracted: it is blurred, then parted
into black and white; then it is brought to the tone that the lens knows (`see.looker`), then
contrast and brightness are changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import UsageError
from kuleshov.footage import even
from kuleshov.see.abstraction import toned
from kuleshov.see.lens import MULTIPLE

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["LookOptions", "exposed", "framed", "light_of", "looked_size", "parted"]

Light = NDArray[np.float32]
Picture = NDArray[np.uint8]

_LARGEST = 4096  # pixels of a side
_SOFTNESS = 0.16  # of the light, from black to white, around a threshold
_REACH = 3.0  # of a blur, in its own widths


@dataclass(frozen=True)
class LookOptions:
    """The options by which frames are looked at. All but `size` may change from frame to frame.

    `size`: of the picture that is looked at and given: its shorter side, or (width, height), in
    pixels; None: the size that the lens was trained on.
    `smoothing`: the share of the new picture after 1/25 s, above 0 to 1 (none): over a time t the
    old one keeps (1 - smoothing) ** (25 t), so that films of all frame rates look alike. Akten
    mixed 0.5 to 0.8 a frame.
    `match`: the share of the way, 0 to 1, that a film's light is brought to the tone of the
    pictures that a lens learnt from; it paints best what is as bright as those.
    `brightness` is added to the light (0 to 1), `contrast` multiplies it around middle grey.
    `blur`: of the grey, a standard deviation in pixels. `threshold`: the light (0 to 1) that
    parts black from white, softly; None: not parted.
    `crop`: the part of the frame's width and height that is seen, around its middle. `mirror`
    swaps left and right.
    `seed` of the noise, and `drift`: how many times a second the noise becomes another; 0: still.
    `cut`: by how much (0 to 1) the coarse light must change on average from frame to frame to
    count as a cut, where smoothing begins anew; 0: never.
    """

    size: int | tuple[int, int] | None = None
    smoothing: float = 0.65
    match: float = 0.75
    brightness: float = 0.0
    contrast: float = 1.0
    blur: float = 0.0
    threshold: float | None = None
    crop: float = 1.0
    mirror: bool = False
    seed: int = 0
    drift: float = 0.25
    cut: float = 0.12

    def __post_init__(self) -> None:
        sides = self.size if isinstance(self.size, tuple) else (self.size or MULTIPLE,)
        if not all(MULTIPLE <= side <= _LARGEST for side in sides):
            raise UsageError(f"A side that is looked at has {MULTIPLE} to {_LARGEST} pixels.")
        if any(side % 2 for side in sides):
            raise UsageError("Sides that are looked at must be even.")
        for name, value, least, most in (
            ("A share of tone", self.match, 0, 1),
            ("Brightness", self.brightness, -1, 1),
            ("Contrast", self.contrast, 0, 10),
            ("Blur", self.blur, 0, 64),
            ("A threshold", self.threshold or 0, 0, 1),
            ("Drift", self.drift, 0, 25),
            ("A cut", self.cut, 0, 1),
        ):
            if not least <= value <= most:
                raise UsageError(f"{name} lies between {least} and {most}, not at {value:g}.")
        if not 0 < self.smoothing <= 1:
            raise UsageError(f"Smoothing is above 0 and at most 1 (none), not {self.smoothing:g}.")
        if not 0.02 <= self.crop <= 1:
            raise UsageError(f"A crop lies between 0.02 and 1 (all), not at {self.crop:g}.")
        if self.seed < 0:
            raise UsageError(f"A seed is 0 or more, not {self.seed}.")


def looked_size(width: int, height: int, size: int | tuple[int, int]) -> tuple[int, int]:
    """Return width and height, both even, at which a frame is looked at.

    The frame has `width` by `height` square pixels. Raises UsageError where it is so long that it
    would be too large.
    """
    if isinstance(size, tuple):
        return size
    longer = max(width, height) * size / min(width, height)
    if longer > _LARGEST:
        raise UsageError(f"A picture of {width}x{height} is too long for {size}: name WxH.")
    short = max(2, size // 2 * 2)
    return (even(longer), short) if width >= height else (short, even(longer))


def framed(frame: Picture, width: int, height: int, options: LookOptions) -> Picture:
    """Return what is seen of a frame (H, W, 3), uint8 RGB: (height, width, 3).

    That is its middle, as large as `options.crop` says; where the shapes differ it fills the
    picture.
    """
    return _framed(_image(frame), width, height, options)


def light_of(frame: Picture, width: int, height: int, options: LookOptions) -> Light:
    """Return the grey (height, width) of what is seen of a frame, float32, 0 to 1.

    The frame is (H, W, 3) uint8 RGB.

    As in training, but for rounding: the grey is taken first, in whole levels, since scaling one
    plane takes a third of the time of scaling three.
    """
    light = _framed(_image(frame).convert("L"), width, height, options).astype(np.float32)
    light *= np.float32(1 / 255)
    return light


def _image(frame: Picture) -> Image:
    from PIL import Image

    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
        raise UsageError(f"A frame is (H, W, 3) uint8 RGB, not {frame.shape} {frame.dtype}.")
    return Image.fromarray(np.ascontiguousarray(frame))


def _framed(image: Image, width: int, height: int, options: LookOptions) -> Picture:
    from PIL.Image import Resampling

    wide, high = image.size
    across = options.crop * min(1, width * high / (height * wide)) * wide
    down = options.crop * min(1, height * wide / (width * high)) * high
    left, top = (wide - across) / 2, (high - down) / 2
    if (across, down) == (width, height) and left.is_integer() and top.is_integer():
        image = image.crop((int(left), int(top), int(left) + width, int(top) + height))
    else:
        # Averages over areas when it gets smaller, whole blocks first: as good here, and quicker.
        how = Resampling.BOX if across >= width and down >= height else Resampling.BICUBIC
        box = (left, top, left + across, top + down)
        image = image.resize((width, height), how, box=box, reducing_gap=1.0)
    seen = np.asarray(image)
    return np.ascontiguousarray(seen[:, ::-1]) if options.mirror else seen


def parted(light: Light, options: LookOptions) -> Light:
    """Return grey (H, W), blurred and parted into black and white.

    Where neither is asked for it is returned as it is.
    """
    if options.blur:
        rows, columns = (_gaussian(length, options.blur) for length in light.shape)
        light = np.asarray(rows @ light @ columns.T, np.float32)
    if options.threshold is not None:
        part = np.clip((light - options.threshold) / _SOFTNESS + 0.5, 0, 1)
        light = part * part * (3 - 2 * part)  # a smooth step
    return light


def exposed(light: Light, options: LookOptions) -> Light:
    """Return grey (H, W) after contrast and brightness are changed.

    Where neither is changed it is returned as it is.
    """
    if (options.brightness, options.contrast) == (0.0, 1.0):
        return light
    # A camera knows nothing darker than black or brighter than white.
    return np.clip(toned(light, options.brightness, options.contrast), 0, 1)


@lru_cache(maxsize=8)
def _gaussian(length: int, width: float) -> Light:
    """Return a blur along one side, (length, length), the border repeated."""
    result = np.zeros((length, length))
    reach = math.ceil(_REACH * width)
    for offset in range(-reach, reach + 1):
        weight = math.exp(-0.5 * (offset / width) ** 2)
        places = np.clip(np.arange(length) + offset, 0, length - 1)
        np.add.at(result, (np.arange(length), places), weight)
    blur: Light = (result / result.sum(axis=1, keepdims=True)).astype(np.float32)
    return blur
