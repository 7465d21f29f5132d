"""Teach a network pictures of one kind, step by step. Needs PyTorch (`kuleshov[see]`).

Only target pictures are needed (Akten, Fiebrink & Grierson, SIGGRAPH 2019): the network is given
the coarse grey of each and learns to paint the picture again. Since the grey says little, there is
no one right answer; so beside losses that hold it to the form, critics judge whether what it
paints is of the material.

The knobs stand first, then one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (PyTorch's own name for it)

from kuleshov.errors import ModelError, UsageError
from kuleshov.see.abstraction import Abstraction
from kuleshov.see.lens import MULTIPLE
from kuleshov.see.training.batches import Batch, Batches, noise_for
from kuleshov.see.training.critics import Critics, augmented, hinge
from kuleshov.see.training.model import Shape, UNet
from kuleshov.see.training.perception import Perception, perceptual_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BASE", "Knobs", "Trainer", "chosen_device"]

BASE = Path(__file__).resolve().parents[1] / "base.safetensors"
"""The bundled network that every training starts from; `tools/make_base.py` makes it."""

_GENTLE = 100
"""Steps until the network learns at its full rate."""


@dataclass(frozen=True)
class Knobs:
    """The knobs of a training. What is not said here is in the code below."""

    size: int = 256
    """Shorter side, in pixels, at which pictures are shown (times 1 to 1.3)."""
    crop: int = 192
    """Side of the square that is cut from a picture and learnt from."""
    batch: int = 6
    """Squares a step."""
    pairs: int = 2
    """Of these, how many are the same as another, moved by a few pixels: for `steady`."""
    rate: float = 3e-4
    """Learning rate of the network (Adam)."""
    critics_rate: float = 1e-4
    """Learning rate of the critics."""
    average: float = 0.995
    """The network that is kept is a moving average of the one that learns; this is its memory."""
    colour: float = 8.0
    """Weight of being right in coarse light and colour: mean absolute error at 1/8 of the size."""
    pixels: float = 0.0
    """Weight of being right in every pixel, as plain pix2pix asks (100 there)."""
    perceptual: float = 2.0
    """Weight of the distance of the bundled network's features."""
    adversarial: float = 1.0
    """Weight of being taken for real by the critics."""
    matching: float = 2.0
    """Weight of looking to the critics, layer by layer, as the target does."""
    steady: float = 4.0
    """Weight of painting the same where the picture moved by a few pixels: against flicker."""
    augment: bool = True
    """Whether critics see pictures only lit, tinted and moved at random."""
    features: bool = True
    """Whether critics see features of the bundled network beside pixels."""
    base: bool = True
    """Whether training starts from the bundled base network."""
    seed: int = 0
    abstraction: Abstraction = field(default_factory=Abstraction)
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("crop", self.crop)):
            if value % MULTIPLE or value < 2 * MULTIPLE:
                raise UsageError(f"The {name} is a multiple of {MULTIPLE} from 64, not {value}.")
        if self.crop > self.size:
            raise UsageError(f"A crop of {self.crop} does not fit into a size of {self.size}.")


class Trainer:
    """A network, its critics and all that a step needs; what `state` gives, `restore` takes."""

    def __init__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        knobs: Knobs,
        device: str | None = None,
        base: Path | None = BASE,
    ) -> None:
        torch.manual_seed(knobs.seed)
        self.knobs = knobs
        self.device = torch.device(chosen_device(device))
        self.net, self.average = UNet(knobs.shape), UNet(knobs.shape)
        self.critics = Critics(features=knobs.features)
        if knobs.base and base is not None:
            self._load_base(base)
        self.average.load_state_dict(self.net.state_dict())
        for part in (self.net, self.average, self.critics):
            part.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.perception = Perception().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # The rates of Adam's means are those of most adversarial training.
        self.optimiser = torch.optim.Adam(self.net.parameters(), knobs.rate, (0.5, 0.99))
        self.critics_optimiser = torch.optim.Adam(
            self.critics.parameters(), knobs.critics_rate, (0.5, 0.99)
        )
        self.batches = Batches(
            pictures,
            knobs.size,
            knobs.crop,
            knobs.batch,
            knobs.pairs,
            knobs.abstraction,
            knobs.seed,
        )
        self.step = 0

    def learn(self) -> dict[str, float]:
        """Learn one step; return each loss, unweighted."""
        knobs = self.knobs
        batch = _to(self.batches(self.step), self.device)
        painted = self.net(batch.light, batch.noise)
        real, fake = (torch.cat([each, batch.light], 1) for each in (batch.target, painted))
        if knobs.augment:
            real = augmented(real, torch.Generator().manual_seed(self.step))
            fake = augmented(fake, torch.Generator().manual_seed(self.step))
        judged = knobs.adversarial > 0 or knobs.matching > 0
        real_seen: list[Tensor] = []
        fake_seen: list[Tensor] = []
        if knobs.perceptual > 0 or (judged and knobs.features):
            with torch.no_grad():
                real_seen = self.perception(real[:, :3])
            fake_seen = self.perception(fake[:, :3])

        losses: dict[str, Tensor] = {}
        if judged:
            losses["critics"], real_passed = self._teach_critics(real, fake, real_seen, fake_seen)
            self.critics.requires_grad_(False)
            taken, passed = self.critics(fake[:, :3], fake[:, 3:], fake_seen)
            self.critics.requires_grad_(True)
            losses["adversarial"] = -torch.stack([each.mean() for each in taken]).mean()
            losses["matching"] = _unlike(passed, real_passed)
        losses["colour"] = F.l1_loss(F.avg_pool2d(painted, 8), F.avg_pool2d(batch.target, 8))
        losses["pixels"] = F.l1_loss(painted, batch.target)
        if fake_seen:
            losses["perceptual"] = perceptual_distance(fake_seen, real_seen).mean()
        losses["steady"] = _unsteady(painted, batch, knobs.pairs)
        weighted = [getattr(knobs, name, 0.0) * loss for name, loss in losses.items()]
        self._follow(torch.stack(weighted).sum())
        self.step += 1
        self._remember()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _teach_critics(
        self, real: Tensor, fake: Tensor, real_seen: list[Tensor], fake_seen: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Teach the critics one step; return their loss, and how real pictures look to them."""
        still = fake.detach()
        verdicts, passed = self.critics(real[:, :3], real[:, 3:], real_seen)
        doubted, _ = self.critics(still[:, :3], still[:, 3:], [each.detach() for each in fake_seen])
        judging = hinge(verdicts, True) + hinge(doubted, False)
        self.critics_optimiser.zero_grad(set_to_none=True)
        judging.backward()  # type: ignore[no-untyped-call]
        self.critics_optimiser.step()
        return judging.detach(), passed

    def _follow(self, total: Tensor) -> None:
        """Move the network one step down `total`."""
        # Adam's first steps are wild, and nothing here is normalised: begin gently.
        for group in self.optimiser.param_groups:
            group["lr"] = self.knobs.rate * min(1.0, (self.step + 1) / _GENTLE)
        self.optimiser.zero_grad(set_to_none=True)
        if torch.isfinite(total):  # a step into nowhere would spoil all before it
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimiser.step()

    def turn_to(self, knobs: Knobs) -> None:
        """Go on with other weights of losses and other rates; the rest stays as it was begun."""
        self.knobs = knobs
        for group in self.critics_optimiser.param_groups:
            group["lr"] = knobs.critics_rate

    def paint(self, light: Tensor) -> Tensor:
        """Return what the averaged network makes of `light` (N, 1, H, W): (N, 3, H, W), 0 to 1."""
        painted: list[Tensor] = []
        with torch.no_grad():
            for one in light.to(self.device):
                noise = noise_for(one[None], self.knobs.seed)
                painted.append(self.average(one[None], noise).clamp(0, 1))
        return torch.cat(painted)

    def state(self) -> dict[str, Any]:
        """Return all that a step depends on."""
        parts = ("net", "average", "critics", "optimiser", "critics_optimiser")
        return {"step": self.step, **{part: getattr(self, part).state_dict() for part in parts}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.step = int(state["step"])
        for part in ("net", "average", "critics", "optimiser", "critics_optimiser"):
            getattr(self, part).load_state_dict(state[part])

    def _remember(self) -> None:
        """Move the averaged network towards the one that learns; faster while both are young."""
        memory = min(self.knobs.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
                kept.lerp_(new, 1 - memory)

    def _load_base(self, path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            weights = {name: value.float() for name, value in load_file(path).items()}
            for part, name in ((self.net, "net."), (self.critics, "critics.")):
                own = {k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)}
                # Critics that see pixels alone take what they share with those of the base.
                part.load_state_dict({key: own[key] for key in part.state_dict()})
        except (OSError, SafetensorError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"The base network {path} is missing, damaged, or of another shape; install "
                "Kuleshov again, or train from nothing.",
                code="training-base",
            ) from error


def chosen_device(asked: str | None = None) -> str:
    """Return the device `asked` for, or the fastest for PyTorch here: "cuda", "mps" or "cpu".

    Raises UsageError if PyTorch cannot compute there.
    """
    able = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    able["cpu"] = True
    if asked is None:
        return next(name for name, there in able.items() if there)
    if not able.get(asked.partition(":")[0], False):
        here = ", ".join(name for name, there in able.items() if there)
        raise UsageError(f"PyTorch cannot train on {asked!r} here; it can on {here}.")
    return asked


def _to(batch: Batch, device: torch.device) -> Batch:
    return replace(
        batch,
        target=batch.target.to(device),
        light=batch.light.to(device),
        noise=batch.noise.to(device),
    )


def _unlike(passed: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Return the mean absolute difference, layer by layer: feature matching.

    Wang et al. 2018.
    """
    parts = [F.l1_loss(a, b.detach()) for a, b in zip(passed, real, strict=True)]
    return torch.stack(parts).mean()


def _unsteady(painted: Tensor, batch: Batch, pairs: int) -> Tensor:
    """Return how unlike the two pictures of each pair were painted where they show the same."""
    parts = [painted.new_zeros(())]
    for number, (down, right) in enumerate(batch.shifts):
        one, other = painted[number], painted[pairs + number]
        height, width = one.shape[-2] - abs(down), one.shape[-1] - abs(right)
        top, left = max(0, down), max(0, right)
        a = one[:, top : top + height, left : left + width]
        top, left = max(0, -down), max(0, -right)
        b = other[:, top : top + height, left : left + width]
        parts.append(F.l1_loss(a, b))
    return torch.stack(parts).sum() / max(1, pairs)
