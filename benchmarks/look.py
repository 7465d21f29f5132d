"""Measure how fast films are looked at through a lens, and where the time goes.

    python benchmarks/look.py [LENS.see or a bundled lens's name] [--frames 60] [--threads 2]

A frame of 1280x720, as a webcam gives it, is looked at in three sizes: end to end (grey, scaled,
abstracted, through the network, smoothed, as RGB uint8), and each part by itself. What is compared
is the ratio to the network alone: rounds of all parts take turns, so that another load on the
machine meets them all. Medians, or with --quick the time that a tenth of the rounds stayed below,
which says more where the machine is not quiet.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kuleshov.see.abstraction import abstract, matrices
from kuleshov.see.bundled import bundled_lenses, lens_path
from kuleshov.see.camera import LookOptions, light_of
from kuleshov.see.lens import MULTIPLE, NOISE, Lens, read_lens
from kuleshov.see.looker import Looker, State, shown

SIZES = ((256, 256), (512, 288), (512, 512))
FRAME = (720, 1280, 3)


def parts_of(
    lens: Lens, width: int, height: int, threads: int | None
) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name; each a call without arguments."""
    from kuleshov.models.runtime import load_bytes

    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, FRAME, np.uint8) for _ in range(4)]
    options = LookOptions()
    looker = Looker([lens], width, height, threads=threads)
    light = light_of(frames[0], width, height, options)
    size = matrices(height, width, lens.abstraction)
    padded = (-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE)
    shapes = {
        "grey": (1, 1, *padded),
        "noise": (1, 1, padded[0] // NOISE, padded[1] // NOISE),
    }
    network = load_bytes(lens.network, lens.name, shapes=shapes, threads=threads)
    given = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    _, state = looker.look(frames[0], State(), options)
    made = state.picture
    assert made is not None
    last = made.copy()

    def mixed() -> None:
        fresh = made * np.float32(0.65)
        fresh += np.float32(0.35) * last

    count = iter(range(1 << 30))
    return {
        "network": lambda: network(given),
        "whole": lambda: looker.look(frames[next(count) % 4], state, options),
        "light": lambda: light_of(frames[next(count) % 4], width, height, options),
        "abstraction": lambda: abstract(light, size),
        "smoothing": mixed,
        "conversion": lambda: shown(made),
    }


def timed(parts: dict[str, Callable[[], object]], rounds: int, part: float) -> dict[str, float]:
    """Return the milliseconds of each part that a `part` of the rounds stayed below."""
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(rounds + 3):
        for name, call in parts.items():
            began = time.perf_counter()
            call()
            if turn >= 3:  # the first ones warm up
                taken[name].append(1000 * (time.perf_counter() - began))
    return {name: float(np.quantile(values, part)) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lens", nargs="?", default=next(iter(bundled_lenses()), None))
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    # As `Looker` does: other threads of products would wait busily beside what is timed next.
    threadpool_limits(1, "blas")
    if args.lens is None:
        sys.exit("No lens comes with this Kuleshov: name a .see file.")
    lens = read_lens(lens_path(args.lens))
    rows: list[dict[str, Any]] = []
    for width, height in SIZES:
        found = timed(
            parts_of(lens, width, height, args.threads), args.frames, 0.1 if args.quick else 0.5
        )
        rest = found["whole"] - found["network"]
        rows.append(
            {"size": f"{width}x{height}", "fps": 1000 / found["whole"], "rest": rest, **found}
        )
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    names = [name for name in rows[0] if name not in ("size", "fps", "whole", "rest")]
    print("| size | fps | whole / network | " + " | ".join(f"{n}, ms" for n in names) + " |")
    print("|---" * (len(names) + 3) + "|")
    for row in rows:
        ratio = f"{row['whole'] / row['network']:.2f}"
        values = " | ".join(f"{row[name]:.2f}" for name in names)
        print(f"| {row['size']} | {row['fps']:.1f} | {ratio} | {values} |")


if __name__ == "__main__":
    main()
