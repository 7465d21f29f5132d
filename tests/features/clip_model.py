"""A tiny model in open_clip's own format, with weights drawn at random, so that the way through
open_clip is tested without a download. What it sees means nothing, but is always the same."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["imported", "make_model"]

_SIZE: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 64,
        "layers": 2,
        "width": 64,
        "head_width": 32,
        "patch_size": 16,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def imported() -> Any:
    """open_clip, also where torchvision was built for another torch than the one that is here.

    Then the operators of its own (which open_clip does not use) are not there, and torchvision
    does not import unless they are at least declared.
    """
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        sys.modules["_declared"] = declared  # type: ignore[assignment] # it must not be collected
    import open_clip

    return open_clip


def make_model(folder: Path, seed: int = 0) -> Path:
    """Write config and weights to `folder`, as on the hub; gives the folder."""
    open_clip = imported()
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    model = open_clip.CLIP(
        _SIZE["embed_dim"],
        open_clip.CLIPVisionCfg(**_SIZE["vision_cfg"]),
        open_clip.CLIPTextCfg(**_SIZE["text_cfg"]),
    )
    folder.mkdir(parents=True, exist_ok=True)
    about = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    config = {"model_cfg": _SIZE, "preprocess_cfg": about}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder
