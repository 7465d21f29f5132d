"""Train the network that every lens starts from: `python tools/make_base.py --minutes 60`.

Fetches Debian packages with freely licensed photographs (`apt-get download`, so it wants Debian or
Ubuntu), cuts them into squares at several scales, trains on these with
`kuleshov.see.training.trainer`, and writes `src/kuleshov/see/base.safetensors` (half precision) and
`BASE.md`, which says whose photographs they were. Needs `pip install 'kuleshov[see]'`. Training
follows from the seed, so the same steps on the same machine give the same network.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from kuleshov.see.training.trainer import BASE, Knobs, Trainer

SIDE = 333
"""Shorter side of a square as it is kept: 256 times the largest scale of training."""

MOST = 28
"""Squares of one photograph at most."""

KNOBS = Knobs(base=False, average=0.998)
WARM = replace(KNOBS, rate=5e-4, adversarial=0.0, matching=0.0)
WARM_STEPS = 400
"""At first without critics: they are taught by what is nearly a picture."""


@dataclass(frozen=True)
class Package:
    """A Debian package, its photographs by the ends of their paths, and their licence."""

    name: str
    files: tuple[str, ...]
    licence: str
    authors: str


PACKAGES = (
    Package(
        "lomiri-wallpapers-16.04",
        ("backgrounds/*.jpg",),
        "CC BY 4.0, CC BY-SA 4.0, CC0 1.0",
        'Abhishek Mudgal, Aitzol Berasategi, Bolly, Clemens Engelhardt, Trevor "Freespace", '
        "Jakub Mede, Peter Nerlich, Sander Klootwijk",
    ),
    Package(
        "lomiri-wallpapers-20.04",
        ("Fossa_*.jpg", "Kleiber_*.jpg", "Infinite-Sea_*.jpg"),
        "CC BY-SA 3.0",
        "Jasper Roks, Lukas Baubkus, Aury88",
    ),
    Package(
        "mate-backgrounds",
        ("nature/*.jpg",),
        "GPL-2+",
        "Charles Barbin, Lennart Poettering, Marco Cogoni, Timothy Schellhase, "
        '"blackcombwhistler07", Sergey Nazarov, Jean-François Fortin Tam',
    ),
    Package(
        "plasma-workspace-wallpapers",
        tuple(
            f"{name}/contents/images/2560x1600.jpg"
            for name in (
                "Autumn",
                "BytheWater",
                "ColorfulCups",
                "DarkestHour",
                "EveningGlow",
                "FallenLeaf",
                "Grey",
                "Kite",
                "OneStandsOut",
                "Path",
            )
        ),
        "LGPL-3",
        "RJ Quiralta, Maciej Wiklo, Dmitri Popov, Risto Saukonpää, Ian Hex, Martin Klapetek, "
        "Sigi Sagi",
    ),
    Package(
        "lxqt-themes",
        (
            "Valendas.png",
            "after-the-rain.jpg",
            "appleflower.png",
            "butterfly.png",
            "cloud.png",
            "drop.png",
            "flowers.png",
            "fog.jpg",
        ),
        "LGPL-2.1+",
        "the Razor and LXQt teams",
    ),
    Package(
        "opencv-doc",
        tuple(
            f"examples/data/{name}"
            for name in (
                "aero1.jpg",
                "aloeL.jpg",
                "apple.jpg",
                "baboon.jpg",
                "board.jpg",
                "building.jpg",
                "butterfly.jpg",
                "ela_original.jpg",
                "fruits.jpg",
                "graf1.png",
                "home.jpg",
                "leuvenA.jpg",
                "leuvenB.jpg",
                "orange.jpg",
                "rubberwhale1.png",
                "squirrel_cls.jpg",
                "starry_night.jpg",
            )
        ),
        "Apache-2.0, as packaged",
        "the OpenCV developers and others",
    ),
)


def fetched(package: Package, folder: Path) -> list[Path]:
    """Return the package's photographs, fetched into `folder` unless they lie there."""
    home = folder / package.name
    if not home.is_dir():
        subprocess.run(["apt-get", "download", package.name], cwd=folder, check=True)
        (file,) = folder.glob(f"{package.name}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(file), str(home)], check=True)
    found = [path for end in package.files for path in sorted(home.rglob(f"*/{end}"))]
    if not found:
        raise SystemExit(f"{package.name} holds none of its photographs: see PACKAGES.")
    return found


def squares(path: Path, random: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Return squares of SIDE pixels of one photograph.

    The whole comes first, then finer and finer parts.
    """
    with Image.open(path) as file:
        whole = file.convert("RGB")
    result: list[NDArray[np.uint8]] = []
    for parts in (1, 1.5, 2, 3, 4, 6):
        shorter = round(SIDE * parts)
        scale = shorter / min(whole.size)
        if scale > 1.05:  # nothing is enlarged
            break
        size = tuple(max(SIDE, round(side * scale)) for side in whole.size)
        shown = whole.resize((size[0], size[1]), Image.Resampling.BOX)
        for _ in range(min(8, max(2, round(size[0] * size[1] / SIDE**2 / 2)))):
            left = int(random.integers(0, size[0] - SIDE + 1))
            top = int(random.integers(0, size[1] - SIDE + 1))
            square = np.asarray(shown)[top : top + SIDE, left : left + SIDE]
            if _detail(square) > 2.5:  # neither sky alone, nor black, nor out of focus
                result.append(np.ascontiguousarray(square))
    return result[:MOST]


def _detail(square: NDArray[np.uint8]) -> float:
    """Return how far pixels lie from the mean of the 4 x 4 around them, RMS, of 255."""
    light = square[:332, :332].mean(axis=2).reshape(83, 4, 83, 4)
    return float((light - light.mean(axis=(1, 3), keepdims=True)).std())


def sources(count: dict[str, int], steps: int) -> str:
    """Return in words what the network was trained on."""
    lines = [
        "# The base network",
        "",
        f"Every lens starts from `base.safetensors`: {steps:,} steps of `tools/make_base.py` on "
        "squares cut from",
        "photographs that Debian's packages carry. It holds no picture; whose pictures it learnt "
        "from, and on what",
        "terms they are given, is said here. Each package's `copyright` file names the author of "
        "each picture.",
        "",
        "| package | squares | authors | licence |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {each.name} | {count[each.name]} | {each.authors} | {each.licence} |"
        for each in PACKAGES
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fetch, cut, train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cache", type=Path, default=Path("build/photographs"))
    parser.add_argument("--state", type=Path, default=Path("build/base.pt"), help="goes on from it")
    parser.add_argument("--out", type=Path, default=BASE)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    pictures: list[NDArray[np.uint8]] = []
    count: dict[str, int] = {}
    for package in PACKAGES:
        before = len(pictures)
        for path in fetched(package, given.cache):
            pictures += squares(path, random)
        count[package.name] = len(pictures) - before
    print(f"{len(pictures)} squares")
    trainer = Trainer(pictures, WARM, base=None)
    if given.state.exists():
        trainer.restore(torch.load(given.state, weights_only=True))
        if trainer.step > WARM_STEPS:
            trainer.turn_to(KNOBS)
    begin, saved = time.monotonic(), time.monotonic()
    while time.monotonic() - begin < given.minutes * 60:
        if trainer.step == WARM_STEPS:
            trainer.turn_to(KNOBS)
        losses = trainer.learn()
        if trainer.step % 20 == 0:
            said = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"{trainer.step} {(time.monotonic() - begin) / 60:.1f} min {said}", flush=True)
        if time.monotonic() - saved > 120:
            torch.save(trainer.state(), given.state)
            saved = time.monotonic()
    torch.save(trainer.state(), given.state)
    weights = {f"net.{name}": value for name, value in trainer.average.state_dict().items()}
    weights |= {f"critics.{name}": value for name, value in trainer.critics.state_dict().items()}
    save_file({name: value.cpu().half().contiguous() for name, value in weights.items()}, given.out)
    given.out.with_name("BASE.md").write_text(sources(count, trainer.step), encoding="utf-8")
    print(f"{given.out}: {given.out.stat().st_size} bytes after {trainer.step} steps")


if __name__ == "__main__":
    main()
