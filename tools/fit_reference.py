"""Make `features/reference-ENCODER.safetensors`: what facets are centred, projected and read by.

    python tools/fit_reference.py FILE_OR_FOLDER...

Projections come from the network's own weights. Centres, and how alike random pairs of pictures
are, come from the films given: pictures at 2 a second, each film weighing the same, pairs only
between different films. Run it on as many different films as there are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import save_file

from kuleshov import features, models
from kuleshov.errors import MediaError
from kuleshov.features.composition import pool
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import FACETS, Reference, facets
from kuleshov.media.read import FrameBatch, ReadRequest, read

SUBJECT, COMPOSITION = 256, 32  # dimensions kept
PAIRS, QUANTILES = 400_000, 401


def films(paths: list[Path]) -> Iterator[NDArray[np.uint8]]:
    """The sampled pictures of each film that can be read, (M, 224, 224, 3)."""
    files = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    for file in files:
        if file.is_dir():
            continue
        try:
            batches = [m for m in read(ReadRequest(file)) if isinstance(m, FrameBatch)]
        except MediaError as error:
            print(f"left out: {error}")
            continue
        yield np.concatenate([batch.pictures for batch in batches])


def weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The classifier (1000, 1280) and the head (1280, 320) of the bundled network."""
    path = Path(models.__file__).with_name("efficientnet-lite0.onnx")
    arrays = [numpy_helper.to_array(array) for array in onnx.load(path).graph.initializer]
    classifier = next(a for a in arrays if sorted(a.shape) == [1000, 1280])
    head = next(a for a in arrays if a.shape[:2] == (1280, 320))
    if classifier.shape[0] != 1000:
        classifier = classifier.T
    return classifier.astype(np.float32), head.reshape(1280, 320).astype(np.float32)


def directions(matrix: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """(columns, count): the right singular vectors of `matrix` with the largest values."""
    _, _, rows = np.linalg.svd(matrix, full_matrices=False)
    # A singular vector's sign is arbitrary and differs between libraries: fix it.
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return np.ascontiguousarray((rows * signs[:, None])[:count].T)


def balanced_mean(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean over films of the mean over each film's rows."""
    means = [part.reshape(-1, part.shape[-1]).mean(axis=0) for part in parts]
    return np.asarray(np.mean(means, axis=0), np.float32)


def quantiles(rows: list[NDArray[np.float16]]) -> NDArray[np.float32]:
    """Similarity of pairs of pictures from different films, films weighing the same."""
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, len(rows), (2, PAIRS))
    one, other = one[one != other], other[one != other]
    where = rng.random((2, len(one)))
    lengths = np.array([len(part) for part in rows])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    a = starts[one] + (where[0] * lengths[one]).astype(int)
    b = starts[other] + (where[1] * lengths[other]).astype(int)
    whole = np.concatenate(rows).astype(np.float32)
    similarity = np.concatenate(
        [(whole[a[i : i + 8192]] * whole[b[i : i + 8192]]).sum(1) for i in range(0, len(a), 8192)]
    )
    return np.asarray(np.quantile(similarity, np.linspace(0, 1, QUANTILES)), np.float32)


def main() -> None:
    """Read the films, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    paths = parser.parse_args().paths
    encoder = EfficientNet()
    seen: list[Encoded] = [encoder(pictures) for pictures in films(paths)]
    classifier, head = weights()
    arrays = {
        "subject.centre": balanced_mean([part.pooled for part in seen]),
        "subject.projection": directions(classifier - classifier.mean(axis=0), SUBJECT),
        "composition.centre": balanced_mean([pool(part.grid, 4) for part in seen]),
        "composition.projection": directions(head, COMPOSITION),
    }
    reference = Reference(arrays, encoder.checksum)
    for facet in facets(FACETS, reference):
        arrays[f"{facet.name}.quantiles"] = quantiles([facet.describe(part) for part in seen])
    out = Path(features.__file__).with_name(f"reference-{encoder.name}.safetensors")
    stored = {
        name: array.astype(np.float16 if "projection" in name else np.float32)
        for name, array in arrays.items()
    }
    save_file(stored, out)
    print(f"{out}: {len(seen)} films, {sum(len(p.images) for p in seen)} pictures")


if __name__ == "__main__":
    main()
