"""Measure how well a network sees, on pictures that it was not trained on. Needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from kuleshov.see.training.perception import Perception, perceptual_distance

__all__ = ["LensMeasures", "measure"]

_COARSE = 32
"""Form is what is left of a picture at 1/32 of its size."""


@dataclass(frozen=True)
class LensMeasures:
    """The measures of outputs for held-out inputs.

    `distance`: mean perceptual distance to the targets (`perceptual_distance`; 0 is equal).
    `form`: correlation of the coarse light of outputs with that of the inputs, -1 to 1.
    `sensitivity`: how much outputs differ from each other in coarse light and colour, as a
    share of how much the targets do; near 0 if outputs no longer depend on the input.
    """

    distance: float
    form: float
    sensitivity: float


def measure(
    outputs: Tensor, light: Tensor, targets: Tensor, perception: Perception
) -> LensMeasures:
    """Return measures of `outputs` (N, 3, H, W) for `light` (N, 1, H, W), made of `targets`.

    N is above 1.
    """
    with torch.no_grad():
        distance = perceptual_distance(perception(outputs), perception(targets)).mean()
        shown, wanted = F.avg_pool2d(outputs, _COARSE), F.avg_pool2d(targets, _COARSE)
        given = F.avg_pool2d(light, _COARSE).flatten()
        both = torch.corrcoef(torch.stack([shown.mean(1).flatten(), given]))[0, 1]
        share = _spread(shown) / _spread(wanted).clamp_min(1e-6)
    return LensMeasures(float(distance), float(torch.nan_to_num(both)), float(share))


def _spread(pictures: Tensor) -> Tensor:
    """Return how far pictures lie from their mean picture, root mean square."""
    return (pictures - pictures.mean(0, keepdim=True)).square().mean().sqrt()
