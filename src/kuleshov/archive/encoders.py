"""Tell which encoders that read words have seen the footage of an archive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from kuleshov.archive.archive import Archive
from kuleshov.archive.store import read_tensors
from kuleshov.errors import ArchiveError
from kuleshov.features.facet import VECTORS

__all__ = ["encoders_of"]


def encoders_of(archive: Archive) -> dict[str, int]:
    """Return the encoders that read words whose rows are there, each with the number of its films.

    They are named as `features.encoder.encoder` takes them. Whether the rows are still those of the
    encoder as it is now is not looked at.
    """
    films: Counter[str] = Counter()
    first: dict[str, Path] = {}
    for footage in archive.catalogue.all(with_missing=True):
        for path in archive.store.folder(footage.checksum).glob(f"{VECTORS}.*.safetensors"):
            films[path.name] += 1
            first.setdefault(path.name, path)
    named: dict[str, int] = {}
    for name, count in films.items():
        try:
            _, about = read_tensors(first[name])
        except ArchiveError:
            continue
        if about.get("model"):
            named[about["model"]] = count
    return named
