"""Make `features/concepts.safetensors`: the classes of ImageNet-1k as words.

    python tools/make_concepts.py --torchvision FOLDER --timm FOLDER --wordnet FOLDER ARCHIVE...

The short names are torchvision's (BSD-3-Clause; FOLDER holds `models/_meta.py`), which class is
which noun of WordNet is timm's list (Apache-2.0; FOLDER holds `data/_info`), and synonyms, glosses
and what each is a kind of come from WordNet 3.0 (its own free licence; FOLDER holds `data.noun`, as
in Debian's package `wordnet-base`). What each is licensed by is written into the file's header.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from kuleshov import features, models
from kuleshov.archive.archive import open_archive
from kuleshov.archive.store import read_tensors, write_tensors
from kuleshov.features.concepts import CLASSES, FLOOR, STEP, levels
from kuleshov.features.sentences import Sentences

OUT = Path(features.__file__).with_name("concepts.safetensors")

LICENCES = {
    "names": "torchvision, BSD-3-Clause; models/LICENSE.torchvision.txt",
    "order": "timm, Apache-2.0, Copyright Ross Wightman",
    "nouns": "WordNet 3.0, Copyright 2006 by Princeton University; models/LICENSE.wordnet.txt",
}


@dataclass(frozen=True)
class Noun:
    """A noun of WordNet: its words, what it means, and what it is a kind of (offsets)."""

    words: tuple[str, ...]
    gloss: str
    above: tuple[str, ...]


def nouns(path: Path) -> dict[str, Noun]:
    """Return all nouns of WordNet's `data.noun`, by offset, as its manual page wndb(5) tells."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue  # the licence
        data, _, gloss = line.partition(" | ")
        parts = data.split()
        count = int(parts[3], 16)
        words = tuple(word.replace("_", " ") for word in parts[4 : 4 + 2 * count : 2])
        rest = parts[5 + 2 * count :]
        above = tuple(rest[i + 1] for i in range(0, len(rest) - 3, 4) if rest[i] in ("@", "@i"))
        found[parts[0]] = Noun(words, gloss.split(';  "')[0].split('; "')[0].strip(), above)
    return found


def short_names(path: Path) -> list[str]:
    """Return the names of the classes that torchvision uses, in their order."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_IMAGENET_CATEGORIES":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise ValueError(f"{path} holds no _IMAGENET_CATEGORIES")


def distinct(names: list[str], known: list[Noun]) -> list[str]:
    """Return `names` without repetitions.

    Those that occur twice are told apart by what they are a kind of or their synonyms.
    """
    twice = {name for name, count in Counter(names).items() if count > 1}
    taken: set[str] = set(names)
    made = []
    for name, noun in zip(names, known, strict=True):
        other = next((word for word in noun.words if word not in taken), None)
        if name in twice and other is not None:
            name = other
            taken.add(name)
        made.append(name)
    return made


def described(names: list[str], synsets: list[str], every: dict[str, Noun]) -> dict[str, Any]:
    """Return the classes, and the nouns above them with the classes that each holds."""
    above: dict[str, set[int]] = {}
    depth: dict[int, dict[str, int]] = {}
    for index, synset in enumerate(synsets):
        steps, level = {synset[1:]: 0}, [synset[1:]]
        while level:
            level = [up for at in level for up in every[at].above if up not in steps]
            for up in level:
                steps[up] = max(steps.values()) + 1
        depth[index] = steps
        for up in steps:
            above.setdefault(up, set()).add(index)
    classes = [
        {"name": name, "words": every[s[1:]].words, "gloss": every[s[1:]].gloss}
        for name, s in zip(names, synsets, strict=True)
    ]
    kinds = [
        {"words": every[offset].words, "gloss": every[offset].gloss, "classes": sorted(held)}
        for offset, held in sorted(above.items())
        if len(held) < len(names) and f"n{offset}" not in synsets
    ]
    parents = [
        {"class": synsets.index(f"n{offset}"), "classes": sorted(held)}
        for offset, held in sorted(above.items())
        if f"n{offset}" in synsets and len(held) > 1
    ]
    return {"classes": classes, "kinds": kinds, "parents": parents}


def texts(words: dict[str, Any]) -> NDArray[np.float16]:
    """Return the descriptions of the classes as vectors, (1000, 384).

    Each is the mean of three ways to say it.
    """
    kinds: list[list[str]] = [[] for _ in words["classes"]]
    for kind in sorted(words["kinds"], key=lambda kind: len(kind["classes"])):
        for number in kind["classes"]:
            kinds[number].append(kind["words"][0])
    ways = [
        [", ".join(each["words"]) for each in words["classes"]],
        [f"{each['name']}: {each['gloss']}" for each in words["classes"]],
        [
            f"{each['name']}, a kind of {', '.join(above[:3])}"
            for each, above in zip(words["classes"], kinds, strict=True)
        ],
    ]
    encode = Sentences()
    return np.asarray(np.mean([encode(way) for way in ways], axis=0), np.float16)


def near(count: int = 16) -> NDArray[np.int64]:
    """Return for each class those that the network's weights tell least apart, (1000, count)."""
    path = Path(models.__file__).with_name("efficientnet-lite0.onnx")
    arrays = [numpy_helper.to_array(array) for array in onnx.load(path).graph.initializer]
    found = next(a for a in arrays if a.shape == (CLASSES, 1280)).astype(np.float64)
    found -= found.mean(axis=0)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    alike = found @ found.T
    np.fill_diagonal(alike, -1)
    return np.argsort(-alike, axis=1, kind="stable")[:, :count].astype(np.int64)


def prior(archives: list[Path]) -> NDArray[np.float32]:
    """Return what classes are like in random pictures, (3, 1000), from indexed archives."""
    means, squares, shares = [], [], []
    for root in archives:
        with open_archive(root) as archive:
            for footage in archive.catalogue.all():
                path = archive.store.folder(footage.checksum) / "concepts.safetensors"
                rows = read_tensors(path, "rows")[0]["rows"].astype(np.float16)
                found = FLOOR + STEP * levels(rows, np.arange(CLASSES)).astype(np.float64)
                means.append(found.mean(axis=0))
                squares.append((found**2).mean(axis=0))
                shares.append(np.exp(found).mean(axis=0))
    mean = np.mean(means, axis=0)
    spread = np.sqrt(np.maximum(np.mean(squares, axis=0) - mean**2, STEP**2))
    return np.stack([mean, spread, np.mean(shares, axis=0)]).astype(np.float32)


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--torchvision", type=Path, required=True, help="its package folder")
    parser.add_argument("--timm", type=Path, required=True, help="its package folder")
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with data.noun")
    parser.add_argument("archives", type=Path, nargs="+", help="whose pictures are random ones")
    given = parser.parse_args()
    synsets = (given.timm / "data/_info/imagenet_synsets.txt").read_text(encoding="utf-8").split()
    every = nouns(given.wordnet / "data.noun")
    names = short_names(given.torchvision / "models/_meta.py")
    known = [every[synset[1:]] for synset in synsets]
    words = described(distinct(names, known), synsets, every)
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
    found: dict[str, NDArray[Any]] = {
        "words": np.frombuffer(text, np.uint8),
        "texts": texts(words),
        "near": near(),
        "prior": prior(given.archives),
    }
    write_tensors(OUT, found, LICENCES)


if __name__ == "__main__":
    main()
