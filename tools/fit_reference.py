"""Make `features/reference-ENCODER.safetensors`: centres, projections and scales of facets.

    python tools/fit_reference.py centres FILE_OR_FOLDER...
    python tools/fit_reference.py scales [--only FACET] ARCHIVE...

Projections come from the network's own weights. Centres come from the films given, each weighing
the same; they change what facets say, so archives must be indexed anew afterwards. Scales, how
alike random pairs of pictures are, come from indexed archives: pairs only between different films,
each film weighing the same, black left out. Use as many different films as there are. With `--only`
the other facets keep theirs, where a facet was added.
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
from kuleshov.archive.archive import open_archive
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.errors import MediaError
from kuleshov.features.composition import pool
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.facet import FACETS, KEPT, MOVEMENT, PRINT, Scale, facets, load_reference
from kuleshov.features.fitted import RELATED, balanced_mean, random_pairs, row_products
from kuleshov.features.movement import SAMPLES
from kuleshov.features.specs import specs_of
from kuleshov.match.align.refine import concordance
from kuleshov.media.sampling import FrameBatch, ReadRequest, read

SUBJECT, COMPOSITION = 256, 32  # dimensions kept
PAIRS = 1_000_000
WINDOW, WINDOWS = 2, 400  # s; stretches of each film between which movement is compared


def files_of(paths: list[Path]) -> list[Path]:
    """Return all files named, or below folders that are."""
    found = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [file for file in found if file.is_file()]


def pictures(files: list[Path]) -> Iterator[NDArray[np.uint8]]:
    """Yield the sampled pictures of each film that can be read, (M, 224, 224, 3)."""
    for file in files:
        try:
            batches = [m for m in read(ReadRequest(file)) if isinstance(m, FrameBatch)]
        except MediaError:
            continue
        yield np.concatenate([batch.pictures for batch in batches])


def weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the classifier (1000, 1280) and the head (1280, 320) of the bundled network."""
    path = Path(models.__file__).with_name("efficientnet-lite0.onnx")
    arrays = [numpy_helper.to_array(array) for array in onnx.load(path).graph.initializer]
    classifier = next(a for a in arrays if sorted(a.shape) == [1000, 1280])
    head = next(a for a in arrays if a.shape[:2] == (1280, 320))
    if classifier.shape[0] != 1000:
        classifier = classifier.T
    return classifier.astype(np.float32), head.reshape(1280, 320).astype(np.float32)


def directions(matrix: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the right singular vectors of `matrix` with the largest values, (columns, count)."""
    _, _, rows = np.linalg.svd(matrix, full_matrices=False)
    # A singular vector's sign is arbitrary and differs between libraries: fix it.
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return np.ascontiguousarray((rows * signs[:, None])[:count].T)


def pairs(films: list[ArchiveFilm]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of rows of different films, films weighing the same, without copies.

    Rows are numbered over all films.

    Two films of a collection may share material: no random pair is the same picture.
    """
    a, b = random_pairs([int(seen(film).sum()) for film in films], PAIRS)
    apart = products(films, PRINT, a, b) < RELATED
    return a[apart], b[apart]


def products(
    films: list[ArchiveFilm], name: str, a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the similarity of rows `a` and `b` in one facet."""
    whole = np.concatenate([film.rows[name][seen(film)].astype(np.float32) for film in films])
    return row_products(whole, a, b)


def movement_levels(curves: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the scale of how well stretches of different films move together."""
    rng = np.random.default_rng(0)
    length = WINDOW * SAMPLES
    stretches = [
        np.stack([curve[s : s + length] for s in rng.integers(0, len(curve) - length, WINDOWS)])
        for curve in (part.reshape(-1) for part in curves)
        if len(curve) > length
    ]
    values = []
    for number, own in enumerate(stretches):
        others = np.concatenate(stretches[:number] + stretches[number + 1 :])
        drawn = others[rng.integers(0, len(others), 500)]
        values += [concordance(drawn, stretch) for stretch in own[:100]]
    return Scale.fitted(np.concatenate(values)).levels


def films_of(roots: list[Path], encoder: EfficientNet) -> list[ArchiveFilm]:
    """Return the films of all archives, each once."""
    described = facets((*FACETS, *KEPT), load_reference(encoder))
    found: dict[str, ArchiveFilm] = {}
    for root in roots:
        with open_archive(root) as archive:
            for film in ArchiveRows.load(archive, specs_of(described)).films:
                found[film.footage.checksum] = film
    return list(found.values())


def seen(film: ArchiveFilm) -> NDArray[np.bool_]:
    """Return which rows lie in the core of a shot that is offered, (M,)."""
    inside = np.zeros(len(film.shown), np.bool_)
    for first, end in film.edges()[0].tolist():
        inside[first:end] = True
    return inside


def centred(files: list[Path], encoder: EfficientNet) -> dict[str, NDArray[np.float32]]:
    """Return centres and projections."""
    pooled, grids = [], []
    for part in pictures(files):
        encoded = encoder(part)
        pooled.append(encoded.pooled)
        grids.append(pool(encoded.grid, 4))
    classifier, head = weights()
    return {
        "subject.centre": balanced_mean(pooled),
        "subject.projection": directions(classifier - classifier.mean(axis=0), SUBJECT),
        "composition.centre": balanced_mean(grids),
        "composition.projection": directions(head, COMPOSITION),
    }


def scaled(films: list[ArchiveFilm], only: str | None = None) -> dict[str, NDArray[np.float32]]:
    """Return the scales of all facets, and of movement, or of one facet only."""
    shown = [film for film in films if seen(film).any()]
    a, b = pairs(shown)
    names = FACETS if only is None else [only]
    arrays = {f"{n}.levels": Scale.fitted(products(shown, n, a, b)).levels for n in names}
    if only is not None:
        return arrays
    curves = [film.rows[MOVEMENT].astype(np.float32) for film in films]
    return {**arrays, f"{MOVEMENT}.levels": movement_levels(curves)}


def main() -> None:
    """Fit one or the other, keep the rest, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("centres", "scales"))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--only", choices=FACETS, help="the one facet whose scale is fitted")
    options = parser.parse_args()
    encoder = EfficientNet()
    out = Path(features.__file__).with_name(f"reference-{encoder.name}.safetensors")
    arrays = dict(load_reference(encoder).arrays) if out.is_file() else {}
    if options.what == "centres":
        arrays |= centred(files_of(options.paths), encoder)
    else:
        films = films_of(options.paths, encoder)
        if options.only is None:
            arrays = {n: a for n, a in arrays.items() if n.endswith((".centre", ".projection"))}
        arrays |= scaled(films, options.only)
        print(f"{len(films)} films, {sum(len(film.shown) for film in films)} rows")
    stored = {
        name: array.astype(np.float16 if "projection" in name else np.float32)
        for name, array in arrays.items()
    }
    save_file(stored, out)
    print(f"{out}: {', '.join(sorted(arrays))}")


if __name__ == "__main__":
    main()
