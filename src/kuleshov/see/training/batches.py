"""Make batches to learn from: random cuts of pictures, with what a network is given of them.

Every batch follows from the seed and its number alone, so a training that was interrupted goes on
as if it had not been. Needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kuleshov.see.abstraction import Abstraction, Matrices, abstract, grey, matrices, toned
from kuleshov.see.lens import NOISE
from kuleshov.see.training.pictures import LARGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Batch", "Batches", "coarse", "noise_for"]

BRIGHTNESS, CONTRAST = 0.2, 0.15
"""The most by which inputs of the network are made brighter or darker, stronger or weaker."""

STEP = 12
"""How far, in pixels, the second picture of a pair lies from the first at most."""


@dataclass(frozen=True)
class Batch:
    """A batch of pictures that one step learns from.

    `target` (N, 3, S, S) RGB, `light` (N, 1, S, S) what the network is given, both 0 to 1;
    `noise` (N, 1, S / NOISE, S / NOISE). Of the first 2 P, picture `p` and `P + p` are cut from
    one picture, the second `shifts[p]` (down, right) pixels further, under the same noise.
    """

    target: Tensor
    light: Tensor
    noise: Tensor
    shifts: tuple[tuple[int, int], ...]


class Batches:
    """The batches of a training: `count` crops of `crop` pixels a side.

    `pairs` of them come twice, moved a little.

    `pictures` are (H, W, 3) uint8 RGB; `size` is what their shorter side is shown at, times 1 to
    LARGEST.
    """

    def __init__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        size: int,
        crop: int,
        count: int,
        pairs: int,
        abstraction: Abstraction,
        seed: int,
    ) -> None:
        from PIL import Image

        if not 0 <= 2 * pairs <= count:
            raise ValueError(f"{pairs} pairs do not fit into a batch of {count}.")
        self._pictures = [Image.fromarray(picture) for picture in pictures]
        self._size, self._crop, self._count, self._pairs = size, crop, count, pairs
        self._matrices = as_tensors(matrices(crop, crop, abstraction))
        self._seed = seed

    def __call__(self, number: int) -> Batch:
        """Return batch `number`, always the same for one seed."""
        random = np.random.default_rng([self._seed, number])
        crops: list[NDArray[np.float32]] = []
        again: list[NDArray[np.float32]] = []
        shifts: list[tuple[int, int]] = []
        for place in range(self._count - self._pairs):
            down, right = (0, 0)
            if place < self._pairs:
                down, right = (int(each) for each in random.integers(-STEP, STEP + 1, 2))
                shifts.append((down, right))
            whole = self._cut(random, abs(down), abs(right))
            top, left = max(0, -down), max(0, -right)
            crops.append(self._part(whole, top, left))
            if place < self._pairs:
                again.append(self._part(whole, top + down, left + right))
        ordered = crops[: self._pairs] + again + crops[self._pairs :]
        target = torch.from_numpy(np.stack(ordered)).permute(0, 3, 1, 2).div(255)
        light = coarse(target, self._matrices)
        draw = random.uniform(-1, 1, (2, self._count)).astype(np.float32)
        draw[:, self._pairs : 2 * self._pairs] = draw[:, : self._pairs]
        change = torch.from_numpy(draw).view(2, -1, 1, 1, 1)
        light = toned(light, BRIGHTNESS * change[0], 1 + CONTRAST * change[1])
        noise = random.standard_normal((self._count, 1, *(2 * (self._crop // NOISE,))), np.float32)
        noise[self._pairs : 2 * self._pairs] = noise[: self._pairs]
        return Batch(target.contiguous(), light, torch.from_numpy(noise), tuple(shifts))

    def _part(self, whole: NDArray[np.float32], top: int, left: int) -> NDArray[np.float32]:
        return whole[top : top + self._crop, left : left + self._crop]

    def _cut(self, random: np.random.Generator, taller: int, wider: int) -> NDArray[np.float32]:
        """Return a cut of a picture at a random scale, maybe mirrored.

        It is (crop + taller, crop + wider, 3).
        """
        from PIL import Image

        picture = self._pictures[int(random.integers(len(self._pictures)))]
        height, width = self._crop + taller, self._crop + wider
        shown = self._size * random.uniform(1, LARGEST)
        # A picture never has to be wider than what is cut from it.
        scale = min(min(picture.size) / shown, picture.width / width, picture.height / height)
        left = random.uniform(0, max(0.0, picture.width - width * scale))
        top = random.uniform(0, max(0.0, picture.height - height * scale))
        box = (left, top, left + width * scale, top + height * scale)
        cut = picture.resize((width, height), Image.Resampling.BILINEAR, box)
        pixels = np.asarray(cut, np.float32)
        return pixels[:, ::-1] if random.random() < 0.5 else pixels


def as_tensors(size: Matrices) -> Matrices:
    """Return the operator of the abstraction for PyTorch: the same numbers."""
    values: list[Any] = [
        torch.from_numpy(each)
        for each in (size.down_rows, size.up_rows, size.down_columns, size.up_columns)
    ]
    return Matrices(*values)


def coarse(pictures: Tensor, size: Matrices) -> Tensor:
    """Return what a network is given of (N, 3, H, W) pictures from 0 to 1: (N, 1, H, W)."""
    return abstract(grey(pictures.movedim(1, 0)), size)[:, None]


def noise_for(pictures: Tensor, seed: int = 0) -> Tensor:
    """Return noise for (N, C, H, W): (N, 1, H / NOISE, W / NOISE).

    The plane is the same for each.
    """
    height, width = pictures.shape[-2] // NOISE, pictures.shape[-1] // NOISE
    plane = np.random.default_rng(seed).standard_normal((1, 1, height, width), np.float32)
    return torch.from_numpy(plane).to(pictures.device).expand(len(pictures), -1, -1, -1)
