"""Fit what words look like to the bundled encoder: `python tools/fit_looks.py PICTURES`.

Writes `src/kuleshov/features/looks.safetensors`. Wanted are `onnx`, and PICTURES: folders of
photographs, as those that Debian's packages carry (`make_base.PACKAGES` and gnome-backgrounds).

- `map` (384, 256) leads from the vector of a text to a direction among the rows of the facet
  subject: a linear map, by ridge regression from the descriptions of ImageNet's classes and of what
  they are kinds of (WordNet) to the weights that the network itself has for them, in the subject's
  projection; of a kind the mean of those of its classes. So it learns from no picture (after
  Romera-Paredes & Torr 2015, with the classifier's weights in the place of one that is learnt).
- `text` (384,) is the mean of those descriptions.
- `mean` (256,) and `spread` (256, 256) are mean and covariance of the rows of the pictures, whole
  and cut in three ways: what is usual.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file, save_file

from kuleshov import features, models
from kuleshov.features import concepts
from kuleshov.features.encoder import encoder
from kuleshov.features.facet import load_reference
from kuleshov.features.sentences import Sentences
from kuleshov.features.subject import Subject

Array = NDArray[np.float32]

RIDGE = 3.0
"""Chosen on the tuning halves of the benchmark of words: 1 and 10 find as many."""
LEAST = 200  # pixels of a picture's shorter side
WINDOWS = ((0, 0, 1, 1), (0, 0, 0.75, 1), (0.25, 0, 1, 1), (0.15, 0.15, 0.85, 0.85))
"""What is looked at of a picture: left, top, right, bottom."""


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pictures", type=Path, nargs="+")
    rows = rows_of(parser.parse_args().pictures)
    text, towards = mapped()
    made = {
        "map": towards,
        "text": text,
        "mean": rows.mean(axis=0),
        "spread": np.cov(rows, rowvar=False),
    }
    out = Path(features.__file__).with_name("looks.safetensors")
    save_file({name: array.astype(np.float16) for name, array in made.items()}, out)
    print(f"{out}: usual is what {len(rows)} views show, {out.stat().st_size} bytes")


def mapped() -> tuple[Array, Array]:
    """Return the mean of the descriptions, (384,), and the map, (384, 256)."""
    read = Sentences()
    weights = unit(class_weights())
    known = concepts.vocabulary()
    kinds = read([f"{', '.join(kind.words)}: {kind.gloss}" for kind in known.kinds])
    meant = [weights, unit(np.stack([weights[list(k.classes)].mean(axis=0) for k in known.kinds]))]
    classes = load_file(Path(features.__file__).with_name("concepts.safetensors"))["texts"]
    texts = np.concatenate([classes.astype(np.float32), kinds])
    mean = texts.mean(axis=0)
    apart = texts - mean
    square = apart.T @ apart + RIDGE * np.eye(apart.shape[1])
    return mean, np.asarray(np.linalg.solve(square, apart.T @ np.concatenate(meant)), np.float32)


def class_weights() -> Array:
    """Return the network's weights for its classes in the subject's projection, (1000, 256)."""
    import onnx

    network = onnx.load(str(Path(models.__file__).with_name("efficientnet-lite0.onnx")))
    (found,) = (
        onnx.numpy_helper.to_array(one)
        for one in network.graph.initializer
        if tuple(one.dims) == (concepts.CLASSES, 1280)
    )
    projected = found.astype(np.float32) @ load_reference(encoder())["subject.projection"]
    return np.asarray(projected - projected.mean(axis=0), np.float32)


def rows_of(folders: list[Path]) -> Array:
    """Return the rows of all pictures in these folders, (N, 256), each view of them one."""
    look = encoder()
    subject = Subject(load_reference(look))
    found: list[Array] = []
    for path in sorted(p for folder in folders for p in folder.rglob("*")):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp") or path.is_symlink():
            continue
        with Image.open(path) as opened:
            if min(opened.size) < LEAST:
                continue
            opened.draft("RGB", (1024, 768))
            picture = opened.convert("RGB")
        wide, high = picture.size
        views = [
            picture.resize((look.side, look.side), box=(a * wide, b * high, c * wide, d * high))
            for a, b, c, d in WINDOWS
        ]
        rows = subject.describe(look(np.stack([np.asarray(view) for view in views])))
        found.append(rows.astype(np.float32))
    return np.concatenate(found)


def unit(rows: Array) -> Array:
    """Return rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


if __name__ == "__main__":
    main()
