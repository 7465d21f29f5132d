"""Measure how often a moment is found again after its picture was changed.

    python benchmarks/found_again.py --footage DIR [--archive DIR] [--moments 100] [--without F]

Moments of 2 s, drawn evenly over all shots of at least 2.5 s, at times off the archive's grid. Each
is written as a small film (360 lines, x264, crf 23), plain and changed in six ways, and looked for
as `kuleshov search --like` does: `Analyst.describe`, then `match.align.by_example.find_like`.
Counted is how often the first answer lies in the right shot, and, of moments that move, within half
a second of the right in-point. Beside it the usual way, on the same pictures: the nearest neighbour
of one frame, the moment's middle one, by the cosine of pooled features.

Shots with letters in them are mirrored here like all others, as they must be to be found again;
--letters keeps the rule of `search` and `recut`, which never mirror them.

A moment moves if its pictures, scaled to 48 x 27, differ on average by at least 4 of 255 levels
from those one second later. --without FACET leaves one facet out, `movement` when it moves,
`stretch` all speeds but a film's own; it may be repeated.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import Analyst, Described
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.encoder import Encoded, Maker
from kuleshov.features.facet import FACETS, KEPT, MOVEMENT, Reference, facets, load_reference, unit
from kuleshov.features.specs import specs_of
from kuleshov.footage import Shot
from kuleshov.match.align.by_example import find_like
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.media.worker import Worker
from kuleshov.shots.transnet import TransNet
from measure import machine
from moments import CHANGES, FLIPPED, LENGTH, Moment, draw, pictures_of, write

NEAR = 0.5  # s
MOVES = 4.0  # of 255 levels


@dataclass(frozen=True)
class Found:
    """The first answer of one way of looking."""

    film: int
    shot: int
    off: float


# Facets beside the shipped ones, so that all ways look at the same pictures, once


class Pooled:
    """The encoder's pooled features, less a centre."""

    version = 1

    def __init__(self, name: str, maker: Maker, centre: NDArray[np.float32] | float = 0.0) -> None:
        self.name, self.maker = name, maker
        self._centre = centre

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 1280) float16."""
        return unit(seen.pooled - self._centre)


PEERS = ("peer", "peer, centred")
Hits = tuple[defaultdict[tuple[str, str], list[bool]], defaultdict[tuple[str, str], list[bool]]]
"""By way of looking and change: right shot, right instant."""


# Ways of looking


def by_alignment(
    example: Described,
    rows: ArchiveRows,
    reference: Reference,
    start: Fraction,
    without: str | None,
) -> Found:
    options = MatchOptions(1, allow_same=True)
    if without in FACETS:
        weights = {name: w for name, w in DEFAULT_WEIGHTS.items() if name != without}
        options = replace(options, weights=weights)
    elif without == MOVEMENT:
        side = example.mirrored
        example = replace(
            example,
            features={n: r for n, r in example.features.items() if n != MOVEMENT},
            mirrored=side and {n: r for n, r in side.items() if n != MOVEMENT},
        )
    elif without == "stretch":
        options = replace(options, stretch=1.0)
    first = find_like(example, LENGTH, rows, reference, options)[0]
    return Found(rows.films.index(first.film), first.shot, abs(float(first.media.start - start)))


def by_one_frame(
    example: Described,
    name: str,
    films: Sequence[NDArray[np.float32]],
    rows: ArchiveRows,
    start: Fraction,
) -> Found:
    middle = len(example.time) // 2
    sides = [s[name][middle].astype(np.float32) for s in (example.features, example.mirrored) if s]
    best = [np.max([film @ side for side in sides], axis=0) for film in films]
    film = int(np.argmax([part.max() for part in best]))
    row = int(best[film].argmax())
    shown = rows.films[film].shown[row]
    shot = next((s.index for s in rows.films[film].shots if shown in range_of(s)), -1)
    return Found(film, shot, abs(row / rows.films[film].grid - float(start) - float(LENGTH) / 2))


def unlettered(rows: ArchiveRows) -> ArchiveRows:
    """Return the same rows, of shots in which nothing is to be read."""
    return ArchiveRows(tuple(replace(film, lettered=frozenset()) for film in rows.films))


def range_of(shot: Shot) -> range:
    return range(shot.frames.first, shot.frames.end)


# All of it


class Bench:
    """The archive as every way of looking sees it."""

    def __init__(
        self, rows: ArchiveRows, worker: Worker, encoder: EfficientNet, without: Sequence[str]
    ) -> None:
        self.rows, self.without = rows, without
        self.reference = load_reference(encoder)
        print(f"reading {len(rows.films)} films for the other ways of looking", file=sys.stderr)
        seen = [_encoded(film.footage.path, worker, encoder) for film in rows.films]
        assert [len(s.pooled) for s in seen] == [len(f.shown) for f in rows.films]
        centre = np.mean([part.pooled.mean(axis=0) for part in seen], axis=0)
        maker = self.reference.maker
        pooled = (Pooled(PEERS[0], maker), Pooled(PEERS[1], maker, centre))
        self.pooled = {
            p.name: [p.describe(part).astype(np.float32) for part in seen] for p in pooled
        }
        own = facets((*FACETS, *KEPT), self.reference)
        self.analyst = Analyst(worker, TransNet, encoder, (*own, *pooled))

    def ways(self, moment: Moment, path: Path, flipped: bool) -> dict[str, Found]:
        """Return the first answer of each way of looking."""
        example = self.analyst.describe(path, Fraction(0), LENGTH, mirrored=flipped)
        found = {
            peer: by_one_frame(example, peer, self.pooled[peer], self.rows, moment.start)
            for peer in PEERS
        }
        found["ours"] = by_alignment(example, self.rows, self.reference, moment.start, None)
        for name in self.without:
            way = f"no {name}"
            found[way] = by_alignment(example, self.rows, self.reference, moment.start, name)
        return found


def _encoded(path: Path, worker: Worker, encoder: EfficientNet) -> Encoded:
    batches = [m for m in worker.read(ReadRequest(path)) if isinstance(m, FrameBatch)]
    return encoder(np.concatenate([batch.pictures for batch in batches]))


def run(bench: Bench, count: int) -> None:
    """Look for every moment in every form, and print the shares found."""
    hits: Hits = (defaultdict(list), defaultdict(list))
    moments, moving, done = draw(bench.rows, count), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            for moment in moments:
                print(f"moment {done + 1} of {len(moments)}", file=sys.stderr)
                moving += look_for(bench, moment, Path(folder) / "moment.mp4", hits)
                done += 1
        except KeyboardInterrupt:
            print("stopped: these are the figures so far", file=sys.stderr)
    shots = len({(m.film, m.shot) for m in moments[:done]})
    print(f"{done} moments of {shots} shots; {moving} of them move")
    for title, found in zip(("right shot first", "right instant first"), hits, strict=True):
        ways = ["ours", *(f"no {name}" for name in bench.without), *PEERS]
        print(f"\n{title:20}" + "".join(f"{way:>15}" for way in ways))
        for change in CHANGES:
            shares = "".join(f"{np.mean(found[way, change]):15.2f}" for way in ways)
            print(f"{change:20}{shares}")


def look_for(bench: Bench, moment: Moment, path: Path, hits: Hits) -> bool:
    """Look for a moment in every form, add up what was found, and say whether it moves."""
    film = bench.rows.films[moment.film]
    pictures, moves = pictures_of(film, moment.start)
    right, near = hits
    for change, make in CHANGES.items():
        write(make(pictures), film.footage.probe.video.rate, path)
        for way, found in bench.ways(moment, path, change in FLIPPED).items():
            right[way, change].append((found.film, found.shot) == (moment.film, moment.shot))
            if moves >= MOVES:
                near[way, change].append(found.film == moment.film and found.off <= NEAR)
    return moves >= MOVES


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path, required=True)
    parser.add_argument("--archive", type=Path, help="an archive of that footage, to save time")
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--without", action="append", default=[], help="also leave this out")
    parser.add_argument("--letters", action="store_true", help="never mirror shots with letters")
    options = parser.parse_args()
    print(machine())
    encoder = EfficientNet()
    shipped = facets((*FACETS, *KEPT), load_reference(encoder))
    folder = options.archive or Path(tempfile.mkdtemp(prefix="kuleshov-found-"))
    try:
        with Worker() as worker:
            if options.archive is None:
                analyst = Analyst(worker, TransNet, encoder, shipped)
                with write_archive(folder) as archive:
                    ingest(archive, [options.footage], analyst)
            with open_archive(folder) as archive:
                rows = ArchiveRows.load(archive, specs_of(shipped))
                rows = rows if options.letters else unlettered(rows)
            print(f"{len(rows.films)} films, {len(rows)} rows")
            run(Bench(rows, worker, encoder, options.without), options.moments)
    finally:
        if options.archive is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
