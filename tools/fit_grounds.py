"""Fit grounds, which no class names, on labelled pictures: `python tools/fit_grounds.py FOLDER`.

Writes `src/kuleshov/features/grounds.safetensors`. FOLDER gets the Debian packages that hold the
pictures (`apt-get download`, unless they lie there). `grounds.json` lists the pictures and says of
each word, by their places, which show it (`right`) and of which it is not certain (`doubtful`);
they were labelled by eye. The packages' files `copyright` name authors and licences (public domain,
CC0, CC BY and CC BY-SA, GPL, LGPL); no picture is kept, only weights.

Each word has one line between what shows it and all else, by logistic regression on the rows of
subject and tone, with a ridge, either side counting alike. It is measured on the fifth of the
pictures that it was not fitted on, those that are nearly alike in one fifth, and its log odds are
scaled by what it says of these. A word is written where the average precision held out reaches
`LEAST`.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from kuleshov import features
from kuleshov.features.encoder import Encoder, encoder
from kuleshov.features.facet import load_reference
from kuleshov.features.subject import Subject
from kuleshov.features.tone import Tone

Array = NDArray[np.float32]

PACKAGES = (
    *("gcompris-qt-data", "gnome-backgrounds", "hugin-data", "jigzo-data", "lomiri-wallpapers"),
    *("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "mate-backgrounds", "opencv-doc"),
    *("palapeli-data", "plasma-workspace-wallpapers", "stellarium-data", "sway-backgrounds"),
    *("tuxpaint-stamps-default", "ukui-wallpapers"),
)
LEAST = 0.5
LEFT_OUT = {
    **dict.fromkeys(("flowers", "forest", "mountains"), "classes and looks find it as well"),
    "city at night": "in films it finds dark rooms",
    "text": "titles and signs are found by the tag",
    **dict.fromkeys(("painting", "cartoon", "stage"), "its pictures share more than the word says"),
}
"""Words that are measured and not written. Paintings are pieces of puzzles, cartoons are cut out:
what is learnt is that, and in films such a line finds painted faces."""
RIDGE = 1 / 30
FOLDS = 5
ALIKE = 0.8  # cosine of two pictures' rows, less their mean, from which on they share a fold
WINDOWS = (
    *((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.75, 1.0)),
    *((0.25, 0.0, 1.0, 1.0), (0.15, 0.15, 0.85, 0.85)),
)
"""What is looked at of a picture: left, top, right, bottom."""
SIDE = 800  # pixels of the longer side that is looked at


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    known = json.loads(Path(__file__).with_name("grounds.json").read_text())
    for package in PACKAGES:
        fetch(package, folder)
    rows = np.stack(list(looked_at([folder / name for name in known["pictures"]])))
    fold = folds(rows)
    words, made = [], []
    for word, told in known["words"].items():
        right = np.zeros(len(rows), bool)
        right[told["right"]] = True
        certain = np.ones(len(rows), bool)
        certain[told["doubtful"]] = False
        left_out = held_out(rows, right, certain, fold)
        precision = average_precision(right[certain], left_out[certain])
        print(f"{word:14} {right.sum():3} pictures, held out {precision:.2f}", flush=True)
        if precision < LEAST or word in LEFT_OUT:
            continue
        line = fitted(flat(rows[certain]), np.repeat(right[certain], len(WINDOWS)))
        scale = fitted(left_out[certain, None], right[certain])
        words.append(word)
        made.append(np.append(scale[0] * line[:-1], scale[0] * line[-1] + scale[1]))
    out = Path(features.__file__).with_name("grounds.safetensors")
    named = np.frombuffer(json.dumps(words).encode(), np.uint8)
    save_file({"words": named, "lines": np.array(made, np.float32)}, out)
    print(f"{out}: {len(words)} words, {out.stat().st_size} bytes")


def fetch(package: str, folder: Path) -> None:
    """Fetch and unpack a package unless it lies there."""
    home = folder / package
    if not home.is_dir():
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        (file,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(file), str(home)], check=True)
    for file in () if (home / "unpacked").is_dir() else sorted(home.rglob("*.rcc")):
        for name, data in resources(file.read_bytes()):
            path = home / "unpacked" / file.stem / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def resources(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the pictures in a Qt resource file, as `rcc` packs them."""
    _, version, tree, data, names = struct.unpack(">4s4I", packed[:20])
    size = 14 if version < 2 else 22

    def within(number: int, above: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        at = tree + number * size
        name, flags = struct.unpack(">IH", packed[at : at + 6])
        (letters,) = struct.unpack(">H", packed[names + name : names + name + 2])
        text = packed[names + name + 6 : names + name + 6 + 2 * letters].decode("utf-16-be")
        here = (*above, text) if number else ()
        if flags & 2:
            count, first = struct.unpack(">II", packed[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from within(child, here)
        elif text.endswith((".webp", ".jpg", ".png")):
            (place,) = struct.unpack(">I", packed[at + 10 : at + 14])
            (length,) = struct.unpack(">I", packed[data + place : data + place + 4])
            content = packed[data + place + 4 : data + place + 4 + length]
            name_of_it = "/".join(here).removeprefix("gcompris/src/activities/")
            yield name_of_it, zlib.decompress(content[4:]) if flags & 1 else content

    yield from within(0, ())


def looked_at(paths: list[Path]) -> Iterator[Array]:
    """Yield the rows of each picture's views, (V, D)."""
    look: Encoder = encoder()
    reference = load_reference(look)
    described = (Subject(reference), Tone(reference))
    for path in paths:
        with Image.open(path) as file:
            clear = "A" in file.getbands() or "transparency" in file.info
            file.thumbnail((SIDE, SIDE))
            picture = file.convert("RGBA")
        # What was cut out stands on white and on black: on neither alone, else that is learnt.
        white, black = (on(picture, light) for light in (255, 0))
        grounds = (white, white, black, black) if clear else (white,) * 4
        windows = (WINDOWS[0], WINDOWS[3]) * 2 if clear else WINDOWS
        views = [
            np.asarray(ground.resize((look.side, look.side), box=box_of(ground, window)))
            for ground, window in zip(grounds, windows, strict=True)
        ]
        seen = look(np.stack(views))
        yield np.concatenate([f.describe(seen).astype(np.float32) for f in described], axis=1)


def on(picture: Image.Image, light: int) -> Image.Image:
    """Return a picture laid on a plain ground, with air around what is cut out."""
    ground = Image.new("RGBA", picture.size, (light, light, light, 255))
    ground.alpha_composite(picture)
    return ground.convert("RGB")


def box_of(picture: Image.Image, window: tuple[float, ...]) -> tuple[float, float, float, float]:
    """Return a window, in parts of a picture, in pixels."""
    wide, high = picture.size
    left, top, right, bottom = window
    return left * wide, top * high, right * wide, bottom * high


def flat(rows: Array) -> Array:
    """Return views (N, V, D) one after another, (N * V, D)."""
    return rows.reshape(-1, rows.shape[-1])


def folds(rows: Array) -> NDArray[np.int64]:
    """Return the fold of each picture, (N,): pictures that are nearly alike share one."""
    mean = rows.mean(axis=1)
    mean = mean - mean.mean(axis=0)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    group = np.arange(len(mean))
    for one, other in np.argwhere(np.triu(mean @ mean.T > ALIKE, 1)).tolist():
        group[group == group[other]] = group[one]
    return np.random.default_rng(0).permutation(len(mean))[group] % FOLDS


def held_out(
    rows: Array, right: NDArray[np.bool_], certain: NDArray[np.bool_], fold: NDArray[np.int64]
) -> Array:
    """Return what is said of each picture, seen whole, by a line that it had no part in, (N,)."""
    said = np.zeros(len(rows), np.float32)
    for number in range(FOLDS):
        of = certain & (fold != number)
        line = fitted(flat(rows[of]), np.repeat(right[of], len(WINDOWS)))
        said[fold == number] = rows[fold == number, 0] @ line[:-1] + line[-1]
    return said


def fitted(rows: Array, right: NDArray[np.bool_]) -> Array:
    """Return the line, (D + 1,), by which a logistic regression tells rows; Newton's steps."""
    whole = np.column_stack([rows, np.ones(len(rows))]).astype(np.float64)
    weight = np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum()) * len(right)
    line = np.zeros(whole.shape[1])
    ridge = RIDGE * np.eye(len(line))
    ridge[-1, -1] = 1e-6
    for _ in range(30):
        likely = 1 / (1 + np.exp(-np.clip(whole @ line, -30, 30)))
        slope = whole.T @ (weight * (likely - right)) + ridge @ line
        bent = (whole * (weight * likely * (1 - likely) + 1e-9)[:, None]).T @ whole + ridge
        step = np.linalg.solve(bent, slope)
        line -= step
        if np.abs(step).max() < 1e-6:
            break
    return line.astype(np.float32)


def average_precision(right: NDArray[np.bool_], said: Array) -> float:
    """Return the mean precision at each picture that is right, the surest first."""
    ordered = right[np.argsort(-said, kind="stable")]
    found = np.cumsum(ordered)
    return float((found[ordered] / (np.flatnonzero(ordered) + 1)).mean())


if __name__ == "__main__":
    main()
