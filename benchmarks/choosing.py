"""Measure how fast one shot of a film is matched again against a large archive.

    python benchmarks/choosing.py [--films 4000] [--shots 20 (5 at least)] [--repeat 9]

The archive is that of `align.py`. The source: shots of 2 s, each out of one of the films and
disturbed. A shot is asked for the first time, and then again by other weights, tightness, with a
refusal, and with a filter; each of these gives what asking all shots at once gives, which is
checked. Last, how long it takes to choose all again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np

from align import KEPT, SIZES, SOURCE_GRID, build, opened, pool, questions
from kuleshov.archive.filters import parse_terms
from kuleshov.edit import by_hand
from kuleshov.edit.choosing import chosen, offered
from kuleshov.edit.cut import Cut, RecutOptions, Source, begun
from kuleshov.features.analyse import Analysis
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import Reference, Scale
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.stock import Stock
from kuleshov.timecode import FrameRange
from measure import machine

RATE, SECONDS = 24, 2
T = TypeVar("T")


def source_of(queries: list[Query]) -> Source:
    """Return a film of all these stretches, one after another."""
    frames = len(queries) * SECONDS * RATE
    cuts = [FrameRange(n * SECONDS * RATE, (n + 1) * SECONDS * RATE) for n in range(len(queries))]
    none = FrameRange(0, 0)
    shots = tuple(
        Shot(n, span, span, Transition("cut" if n else "none", none)) for n, span in enumerate(cuts)
    )
    names = (*SIZES, *KEPT)
    rows = {n: np.concatenate([q.rows[n] for q in queries]).astype(np.float16) for n in names}
    grid = np.arange(len(queries) * SECONDS * SOURCE_GRID)
    video = Video("h264", 640, 360, Fraction(RATE), Fraction(1, RATE))
    analysis = Analysis(
        path=Path("/films/source.mp4"),
        probe=Probe(video, None, float(frames / RATE)),
        pts=np.arange(frames),
        shots=shots,
        grid=SOURCE_GRID,
        shown=grid * RATE // SOURCE_GRID,
        features=rows,
        mirrored=None,
        damaged=0,
    )
    return Source(analysis, "source")


def reference() -> Reference:
    rng = np.random.default_rng(5)
    levels = {
        f"{name}.levels": Scale.fitted(
            (rng.normal(size=100_000) / np.sqrt(size)).astype(np.float32)
        ).levels
        for name, size in SIZES.items()
    }
    moved = Scale.fitted(rng.normal(0, 0.2, 100_000).astype(np.float32)).levels
    return Reference({**levels, "movement.levels": moved}, NO_NETWORK)


def told(what: str, call: Callable[[], T], repeat: int = 1) -> T:
    """Call, and print the medians of how long it took and of processor time."""
    seconds, busy = [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        result = call()
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
    wall, cpu = (1000 * float(np.median(part)) for part in (seconds, busy))
    print(f"{what:<40} {wall:9.1f} ms, {cpu:9.1f} ms of processor (of {repeat})", flush=True)
    return result


def same(one: Cut, other: Cut, slot: str) -> bool:
    """Return whether a slot is offered the same in both."""

    def plainly(cut: Cut) -> list[tuple[object, ...]]:
        return [(c.film.footage.id, c.media, c.speed, c.held, c.strength) for c in cut.offers[slot]]

    return plainly(one) == plainly(other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--shots", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=9)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        seeds = pool()
        build(root, given.films, seeds)
        rows = opened(root)
        print(f"{len(rows):,} rows of {len(rows.films):,} films")
        stock = Stock(rows, reference())
        queries = [query for _, _, query in questions(given.shots, given.films, seeds)]
        source = source_of(queries)
        cut = told("begin (rhythm, own material)", lambda: begun(source, stock, RecutOptions()))
        cut = told("match all shots", lambda: offered(cut, stock))
        cut = told("choose for all", lambda: chosen(cut))
        weights = MatchOptions(weights={"tone": 1.0, "subject": 0.3})
        loose = replace(cut.options.match, tightness=0.4)
        told("one shot, for the first time", lambda: offered(cut, stock, 5))
        again = told("the same again", lambda: offered(cut, stock, 5), given.repeat)
        print(f"  as all at once: {same(again, cut, '5')}")
        for what, match in (("by other weights", weights), ("by another tightness", loose)):
            one = told(what, lambda m=match: offered(cut, stock, 5, match=m), given.repeat)  # type: ignore[misc]
            every = offered(cut, stock, match=match)
            print(f"  as all at once: {same(one, every, '5')}")
        less = by_hand.refused(cut, 5, "footage")
        told("after a refusal", lambda: offered(less, stock, 5), given.repeat)
        only = parse_terms((), ("1*.mp4",))
        told("with a filter, first", lambda: offered(cut, stock, 5, filters=only))
        told("with a filter", lambda: offered(cut, stock, 5, filters=only), given.repeat)
        locked = by_hand.locked(cut, (1, 2))
        told("choose again around two locks", lambda: chosen(locked), 3)
        told("slip one shot", lambda: by_hand.slipped(cut, 5, 1), given.repeat)


if __name__ == "__main__":
    main()
