"""Define the network that looks: a small U-Net from coarse grey to a picture. Needs PyTorch.

`see/training/export` writes the same graph for lenses: change both.

What it is given was averaged over 24 pixels, so nothing finer than that has to be read: the first
convolution goes straight to a quarter of the size, and the work is done where it is cheap, on
small maps with many channels. No normalisation: a flat sky stays flat instead of being stretched,
one frame's brightness does not hang on another's, and any size will do.

A plane of noise goes in beside the grey. Where the input says nothing (a blank wall), a network
that may only look at it can but repeat one tile; noise tells places apart, and as the plane is
the same from frame to frame, what grows out of it stays still.

Beyond its edges a picture goes on as it ends there (replicated padding): zeros are a grey frame,
which a short training does not quite learn to look past.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from kuleshov.see.lens import NOISE

__all__ = ["SLOPE", "Shape", "UNet"]

SLOPE = 0.2
"""The slope of the activation (leaky ReLU) below 0."""


@dataclass(frozen=True)
class Shape:
    """The shape of the network: how large it is.

    `channels` at 1/4, 1/8, 1/16 and 1/32 of the size, `blocks` the residual blocks of each on the
    way up, `fine` the channels at half the size.
    """

    channels: tuple[int, int, int, int] = (32, 64, 128, 192)
    blocks: tuple[int, int, int, int] = (1, 1, 2, 3)
    fine: int = 20


class Block(nn.Module):
    """A residual block: two convolutions beside a straight way through, without normalisation.

    He et al. 2016.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = _conv(channels, channels)
        self.two = _conv(channels, channels)
        # Begins as the straight way alone, which is what stands in for normalisation.
        nn.init.zeros_(self.two.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H, W) in the same shape."""
        y: Tensor = x + self.two(_bent(self.one(_bent(x))))
        return y


class UNet(nn.Module):
    """The network from coarse grey to picture (after Ronneberger et al. 2015; Isola et al. 2017).

    Takes `grey` (N, 1, H, W), 0 to 1, and `noise` (N, 1, H / NOISE, W / NOISE), normally
    distributed; H and W multiples of MULTIPLE. Gives RGB (N, 3, H, W), about 0 to 1: not clipped,
    so that training feels what lies beyond.
    """

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        widths = shape.channels
        pairs = list(itertools.pairwise(widths))
        self.shape = shape
        self.read = nn.Conv2d(1, widths[0], NOISE, stride=NOISE)
        self.seed = _conv(1, widths[0])
        self.down = nn.ModuleList(_conv(a, b, stride=2) for a, b in pairs)
        self.deep = nn.Sequential(*(Block(widths[-1]) for _ in range(shape.blocks[-1])))
        self.up = nn.ModuleList(_conv(b, a) for a, b in pairs)
        self.work = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(count)))
            for width, count in zip(widths[:-1], shape.blocks[:-1], strict=True)
        )
        self.fine = _conv(widths[0], shape.fine)
        self.paint = _conv(shape.fine, 12)  # 2 x 2 pixels of three colours

    def forward(self, grey: Tensor, noise: Tensor) -> Tensor:
        """Return the picture, as the class says."""
        x = self.read(grey * 2 - 1) + self.seed(noise)
        beside: list[Tensor] = []
        for down in self.down:
            beside.append(x)
            x = down(_bent(x))
        x = self.deep(x)
        for up, work in zip(reversed(self.up), reversed(self.work), strict=True):
            x = work(up(_doubled(x)) + beside.pop())
        x = self.paint(_bent(self.fine(_doubled(_bent(x)))))
        picture: Tensor = F.pixel_shuffle(x, 2) * 0.5 + 0.5
        return picture


def _conv(channels: int, result: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, result, 3, stride, padding=1, padding_mode="replicate")


def _bent(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
