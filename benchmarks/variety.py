"""Measure how varied a film is, and what that costs in likeness.

    python benchmarks/variety.py --archive DIR SOURCE [SOURCE ...] [--fresh 0,0.25,0.5,1]

Each source is remade once for each freshness, from the same candidates. Told for each: the
different archive shots and places (shots of one set-up, and copies, are one place) among its clips,
how often the place that is shown most is shown, the different footage, the mean strength in bits of
what was chosen, and how long choosing took. Then two films of one source (`--variants 2`): how many
of their clips show a place that the other shows, too.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kuleshov.desk.desk import Desk
from kuleshov.edit.choosing import chosen, variants
from kuleshov.edit.cut import Cut
from kuleshov.match.align.candidates import Candidate
from measure import machine


def shown(cut: Cut) -> list[Candidate]:
    """Return the clips that answer, in the order of the film."""
    selects = (cut.selects.get(slot) for slot in cut.plan.wanted)
    return [one.candidate for one in selects if one is not None and one.candidate is not None]


def row(name: str, cut: Cut, seconds: float) -> str:
    """Return a line of the table."""
    clips, places = shown(cut), cut.places()
    where = Counter(places[one.ref] for one in clips)
    strength = sum(one.strength for one in clips) / max(len(clips), 1)
    return (
        f"{name:>8} {len(clips):6} {len({one.ref for one in clips}):6} {len(where):7} "
        f"{max(where.values(), default=0):5} {len({one.film.footage.id for one in clips}):8} "
        f"{strength:9.2f} {seconds:8.2f}"
    )


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--fresh", default="0,0.25,0.5,1")
    options = parser.parse_args(given)
    print(machine())
    with Desk(options.archive) as desk:
        for path in options.sources:
            cut = desk.cut(path).cut
            print(f"\n{path.name}: {len(cut.plan.wanted)} shots to answer")
            print("   fresh  clips  shots  places  most  footage  strength  seconds")
            for fresh in map(float, options.fresh.split(",")):
                began = time.perf_counter()
                made = chosen(cut, options=replace(cut.options.select, fresh=fresh))
                print(row(f"{fresh:g}", made, time.perf_counter() - began), flush=True)
            for fresh in (0.0, cut.options.select.fresh):
                two = replace(cut.options.select, fresh=fresh, variants=2)
                one, other = variants(replace(cut, options=replace(cut.options, select=two)))
                places = cut.places()
                first = {places[clip.ref] for clip in shown(one)}
                both = [clip for clip in shown(other) if places[clip.ref] in first]
                print(f"two films at {fresh:g}: {len(both)} of {len(shown(other))} clips shared")


if __name__ == "__main__":
    main()
