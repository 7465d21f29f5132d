"""Judge a network while it learns: is this a picture of the material? Needs PyTorch."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)
from torch.nn.utils.parametrizations import spectral_norm

from kuleshov.see.training.perception import TAPS

__all__ = ["Critics", "Judged", "augmented", "hinge"]

Judged = tuple[list[Tensor], list[Tensor]]
"""Verdicts, each (N, 1, h, w), above 0 for real; and the maps on the way to them."""


class Critics(nn.Module):
    """The critics: one judge of patches and three of features.

    The first sees pixels with the coarse grey that they answer (Isola et al. 2017): texture, and
    whether it is where it should be. The others see the bundled network's features (projected
    GAN, Sauer et al. 2021): it already knows much of what pictures are like, so a few hundred
    pictures teach them.
    """

    def __init__(self, width: int = 32, features: bool = True) -> None:
        super().__init__()
        sides = [4, width, 2 * width, 4 * width]
        self.patch = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1))
            for a, b in itertools.pairwise(sides)
        )
        self.patch_verdict = spectral_norm(nn.Conv2d(sides[-1], 1, 3, padding=1))
        counts = TAPS[1:] if features else ()
        self.features = nn.ModuleList(
            spectral_norm(nn.Conv2d(count, 64, 3, padding=1)) for count in counts
        )
        self.verdicts = nn.ModuleList(spectral_norm(nn.Conv2d(64, 1, 3, padding=1)) for _ in counts)

    def forward(self, picture: Tensor, grey: Tensor, seen: list[Tensor]) -> Judged:
        """Return the verdicts on `picture`, made for `grey`, with features `seen`.

        `picture` is (N, 3, H, W), `grey` (N, 1, H, W).
        """
        x = torch.cat([picture, grey], 1) * 2 - 1
        passed: list[Tensor] = []
        for layer in self.patch:
            x = F.leaky_relu(layer(x), 0.2)
            passed.append(x)
        verdicts: list[Tensor] = [self.patch_verdict(x)]
        for layer, verdict, features in zip(self.features, self.verdicts, seen[1:], strict=False):
            x = F.leaky_relu(layer(features / 4), 0.2)
            passed.append(x)
            verdicts.append(verdict(x))
        return verdicts, passed


def hinge(verdicts: list[Tensor], real: bool) -> Tensor:
    """Return what the critics lose by taking `verdicts` for real or not (Lim & Ye 2017)."""
    sign = -1.0 if real else 1.0
    return torch.stack([F.relu(1 + sign * each).mean() for each in verdicts]).mean()


def augmented(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures lit, tinted and moved at random, differentiably.

    They are (N, C, H, W), colours first. Zhao et al. 2020: critics that only ever see pictures
    changed like this cannot learn a few hundred of them by heart. The same `random` state changes
    another batch in the same way.
    """
    count, channels, height, width = pictures.shape
    draw = torch.rand(count, 4, generator=random)
    light, tint = (draw[:, :2].to(pictures.device) - 0.5).mul(0.4).T
    far = [int(height * 0.1), int(width * 0.1)]
    colour = pictures[:, :3] + light.view(-1, 1, 1, 1)
    mean = colour.mean(1, keepdim=True)
    colour = (colour - mean) * (1 + 2 * tint.view(-1, 1, 1, 1)) + mean
    x = torch.cat([colour, pictures[:, 3:]], 1) if channels > 3 else colour
    moved = []
    for one, (dy, dx) in zip(x, draw[:, 2:].tolist(), strict=True):
        down, right = round((dy * 2 - 1) * far[0]), round((dx * 2 - 1) * far[1])
        padded = F.pad(one[None], (far[1], far[1], far[0], far[0]), mode="reflect")
        top, left = far[0] + down, far[1] + right
        moved.append(padded[:, :, top : top + height, left : left + width])
    return torch.cat(moved)
