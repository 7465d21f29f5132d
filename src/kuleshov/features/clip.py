"""Encode pictures and words with open_clip, an extra that is downloaded when chosen.

open_clip (github.com/mlfoundations/open_clip) has CLIP (Radford et al. 2021, arXiv:2103.00020),
SigLIP and their kin.

    clip                                the one in `DEFAULT`
    clip:ViT-B-16-SigLIP2-256/webli     a model of open_clip and the tag of its weights
    clip:hf-hub:ORGANISATION/NAME       a model on the Hugging Face hub
    clip:local-dir:FOLDER               a folder with open_clip_config.json and weights
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError
from kuleshov.features.encoder import Encoded

__all__ = ["DEFAULT", "OpenClip"]

DEFAULT = "ViT-B-32/laion2b_s34b_b79k"
"""The fastest of those that are good at words; its weights (LAION, MIT licence) are 605 MB."""

_BATCH = 16
_WHOLE = ("hf-hub:", "local-dir:")  # names that are not a model and a tag


class OpenClip:
    """An `Encoder` that also reads words, on PyTorch. The picture is squeezed square.

    Raises `ModelError` where open_clip is not installed, or the model is not known, cannot be
    downloaded or cannot be read.
    """

    def __init__(self, variant: str = DEFAULT) -> None:
        open_clip, self._torch = _imported()
        self.name = f"clip:{variant}"
        self._model, self._tokens = _loaded(open_clip, variant, self.name)
        visual = self._model.visual
        size = visual.image_size
        self.side = int(size if isinstance(size, int) else max(size))
        self._device = _device(self._torch)
        self._model.eval().to(self._device)
        prepared = getattr(visual, "preprocess_cfg", {})
        self._mean, self._deviation = (
            self._torch.tensor(prepared.get(name, value)).view(1, 3, 1, 1).to(self._device)
            for name, value in (
                ("mean", open_clip.OPENAI_DATASET_MEAN),
                ("std", open_clip.OPENAI_DATASET_STD),
            )
        )
        self.checksum = _checksum(self._model)

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        """Encode (N, side, side, 3) uint8 RGB pictures.

        Gives pooled (N, P), in the space of the words, and the grid of the last layer (N, h, w, C).
        """
        whole = [self._encode(images[at : at + _BATCH]) for at in range(0, len(images), _BATCH)]
        if not whole:
            empty = self._encode(np.zeros((1, self.side, self.side, 3), np.uint8))
            whole = [(empty[0][:0], empty[1][:0])]
        pooled, grid = (np.concatenate(parts) for parts in zip(*whole, strict=True))
        return Encoded(images, pooled, grid)

    def words(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, (N, P) float32, for N texts."""
        with self._torch.inference_mode():
            tokens = self._tokens(list(texts)).to(self._device)
            vectors = self._model.encode_text(tokens, normalize=True)
            return np.asarray(vectors.float().cpu().numpy(), np.float32)

    def _encode(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        torch = self._torch
        with torch.inference_mode():
            pictures = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
            pictures = pictures.permute(0, 3, 1, 2).float() / 255
            seen = self._model.visual.forward_intermediates(
                (pictures - self._mean) / self._deviation, indices=1, output_fmt="NCHW"
            )
            grid = seen["image_intermediates"][-1].permute(0, 2, 3, 1)
            pooled = torch.nn.functional.normalize(seen["image_features"], dim=-1)
            return pooled.float().cpu().numpy(), grid.float().cpu().numpy()


def _imported() -> tuple[Any, Any]:
    """Import the packages open_clip and torch, and return them.

    What downloads weights for open_clip tells the hub about this machine (its Python, its packages)
    unless this is said before it is imported.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import open_clip
        import torch
    except ImportError as error:
        raise ModelError(
            f"The encoder clip needs a package that is not here ({error.name or error}): "
            "pip install 'kuleshov[clip]'."
        ) from error
    except RuntimeError as error:  # torchvision of another build than torch says so while imported
        raise ModelError(
            f"open_clip cannot be imported ({error}): install torch and torchvision of one build."
        ) from error
    return open_clip, torch


def _loaded(open_clip: Any, variant: str, name: str) -> tuple[Any, Any]:
    """Return the model and its tokenizer."""
    whole = variant.startswith(_WHOLE)
    model, _, tag = (variant, "", "") if whole else variant.partition("/")
    known = open_clip.list_pretrained()
    if not whole and (model, tag) not in known:
        tags = [of for of_model, of in known if of_model == model]
        there = (
            f"of {model} there are {', '.join(tags)}"
            if tags
            else f"write a model and its weights, as in {DEFAULT}, hf-hub:NAME or local-dir:FOLDER"
        )
        raise ModelError(f"open_clip has no {variant!r}: {there}.")
    folder = Path(variant.removeprefix("local-dir:"))
    if variant.startswith("local-dir:") and not (folder / "open_clip_config.json").is_file():
        raise ModelError(f"{folder} is not a model's folder: it has no open_clip_config.json.")

    def made() -> tuple[Any, Any]:
        model_of = open_clip.create_model(
            model, pretrained=tag or None, require_pretrained=not whole
        )
        return model_of, open_clip.get_tokenizer(model)

    try:
        with _quiet():
            # What was downloaded before is not asked after again.
            with contextlib.suppress(Exception), _offline():
                return made()
            return made()
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ModelError(
            f"The encoder {name} cannot be loaded ({reason[0]}): is there a connection to download "
            "it, and is its name right?"
        ) from error


@contextmanager
def _offline() -> Iterator[None]:
    """Let the hub's client answer only from what is on this machine."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Let only errors of open_clip through, in the block.

    open_clip tells the root logger what it does.
    """
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


def _device(torch: Any) -> str:
    """Return the device to compute on: a graphics card where there is one."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _checksum(model: Any) -> str:
    """Return the SHA-256 of all weights."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(np.ascontiguousarray(tensor.float().cpu().numpy()).tobytes())
    return found.hexdigest()
