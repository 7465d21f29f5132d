"""Measure how near the cuts of a supercut come to match cuts, by order.

And how near the order is to the best one.

    python benchmarks/flow.py --archive ARCHIVE --like FILE [FILE ...] [--strip FOLDER]

For each example a supercut of up to 60 s in each order: the mean cost of its cuts in bits (0: the
same picture on both sides). The way found is held against a bound that no way can be below (the
assignment problem), and on subsets of 11 shots against the best of all ways (Held and Karp 1962).
`--strip` draws the last and the first picture of each cut.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from kuleshov.desk.asking import Ask
from kuleshov.desk.desk import Desk
from kuleshov.desk.supercuts import found_for
from kuleshov.edit.supercut import ORDERS, Supercut, SupercutOptions, supercut
from kuleshov.match.likeness.joins import Joins
from kuleshov.match.likeness.tour import best_order, least, length
from kuleshov.render.film import render
from kuleshov.timeline import Clip, Layout, Timeline, Track

SUBSETS, OF = 10, 11
SIZE = (192, 108)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--like", type=Path, nargs="+", required=True)
    parser.add_argument("--at", type=Fraction, default=Fraction(1))
    parser.add_argument("--strip", type=Path)
    asked = parser.parse_args()
    print("| example | shots |", " | ".join(ORDERS), "| way over bound | over the best of 11 | s |")
    with Desk(asked.archive) as desk:
        for like in asked.like:
            row, shots, way = [], 0, ""
            found = found_for(desk, Ask(like=like, begin=asked.at))
            for order in ORDERS:
                costs, began = [], time.perf_counter()
                for seed in range(10 if order == "shuffle" else 1):
                    options = SupercutOptions(order=order, seed=seed)
                    made = supercut(like.stem, found.hits, desk.reference, options)
                    costs.append(made.cost)
                row.append(f"{np.mean(costs):.2f}")
                shots = len(made.order)
                if order == "flow":
                    took = time.perf_counter() - began
                    joins = Joins([place.film for place in made.order], desk.reference)
                    way = f"{_ways(joins.costs(made.order, made.order))} | {took:.1f}"
                if asked.strip is not None and order in ("flow", "similar"):
                    strip(made, asked.strip / f"{like.stem}-{order}.png")
            print(f"| {like.stem} | {shots} |", " | ".join(row), f"| {way} |", flush=True)


def _ways(cost: np.ndarray) -> str:
    whole = length(cost, best_order(cost)) / least(cost)
    rng, over = np.random.default_rng(0), []
    for _ in range(SUBSETS):
        some = rng.choice(len(cost), min(OF, len(cost)), replace=False)
        part = cost[np.ix_(some, some)]
        over.append(length(part, best_order(part)) / best(part))
    return f"{whole:.3f} | {np.mean(over):.4f}"


def best(cost: np.ndarray) -> float:
    """Return the least cost of a way, by the set of points visited and the last of them."""
    count = len(cost)
    table = np.full((1 << count, count), np.inf)
    table[1 << np.arange(count), np.arange(count)] = 0
    for visited in range(1, 1 << count):
        reached = (table[visited][:, None] + cost).min(axis=0)
        for point in range(count):
            if not visited >> point & 1:
                grown = visited | 1 << point
                table[grown, point] = min(table[grown, point], reached[point])
    return float(table[-1].min())


def strip(made: Supercut, path: Path, across: int = 5) -> None:
    """Draw each cut: the last picture of a clip beside the first of the next."""
    from PIL import Image

    rate = made.timeline.rate
    clips = [item for item in made.timeline.recut.items if isinstance(item, Clip)]
    sides = []
    for one, other in pairwise(clips):
        last = one.start + (one.duration - 1) * one.speed / rate
        sides += [replace(one, start=last, duration=1), replace(other, duration=1)]
    layout = Layout.single(*SIZE)
    path.parent.mkdir(parents=True, exist_ok=True)
    film = path.with_suffix(".mp4")
    render(Timeline("cuts", rate, layout, (Track("recut", tuple(sides)),)), film)
    with av.open(film) as container:
        stills = [frame.to_image() for frame in container.decode(video=0)]
    film.unlink()
    wide, high = 2 * SIZE[0] + 12, SIZE[1] + 12
    rows = -(-len(stills) // 2 // across)
    page = Image.new("RGB", (across * wide, rows * high), "white")
    for number, still in enumerate(stills):
        row, column = divmod(number // 2, across)
        page.paste(still, (column * wide + number % 2 * SIZE[0], row * high))
    page.save(path)


if __name__ == "__main__":
    main()
