"""Measure how alike answers are where source and archive have no footage in common.

    python benchmarks/foreign.py --archive DIR [--sources FILE ...] [--stretches 150]
        [--try NAME=facet=weight,...] [--kept FOLDER]

Each film of the archive in turn is a source, while it, and every film that shows something of it,
is not offered; `--sources` adds films from outside, stretch for stretch as `kuleshov recut` cuts
them. A stretch is a shot, 0.7 to 3 s long, described as a source is. It is answered by us, by us
with one thing left out, by the nearest neighbour of its middle frame (cosine of the encoder's
pooled features), and at random; the first candidate counts. For films from outside also what is
chosen over the whole film, nothing twice. How alike stretch and answer are is said by judges that
are none of our features (benchmarks/judges.py).

The tables give means over stretches with standard errors. A `-` says that a way is worse than ours,
a `+` that it is better, by more than two standard errors of the difference stretch by stretch. The
first table sums up each judge: the share of random answers that are less alike; 0.5 is chance.
With --kept what the judges saw is kept in a folder, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from judges import MEASURES, Judged, Judges, Part, compare, judges, look
from kuleshov.archive.archive import open_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import ARCHIVE_GRID, Analyst
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.facet import FACETS, KEPT, Reference, facets, load_reference
from kuleshov.features.specs import specs_of
from kuleshov.footage import Video
from kuleshov.match.align.strength import Weights, checked
from kuleshov.media.worker import Worker
from kuleshov.shots.transnet import TransNet
from measure import machine
from ways import (
    DRAWS,
    OURS,
    POOLED,
    RANDOM,
    SELECTED,
    Offer,
    Pooled,
    Shown,
    Source,
    answers,
    offer,
    selects,
    slots_of,
    sources_of,
)

__all__ = ["Bench", "Figures", "say", "tables"]

Values = NDArray[np.float64]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Bench:
    """An archive, the networks that describe sources, and the judges' notes on films."""

    def __init__(self, archive: Path, worker: Worker, kept: Path | None = None) -> None:
        encoder = EfficientNet()
        self.reference: Reference = load_reference(encoder)
        described = facets((*FACETS, *KEPT), self.reference)
        pooled = Pooled(self.reference.maker)
        self.analyst = Analyst(worker, TransNet, encoder, (*described, pooled))
        with open_archive(archive) as opened:
            self.rows = ArchiveRows.load(opened, specs_of(described))
        for footage, reason in self.rows.left_out:
            say(f"left out: {footage.path.name}: {reason}")
        self._kept = kept
        self._judges: Judges | None = None
        self._judged: dict[str, Judged] = {}
        self._pooled: dict[str, NDArray[np.float32]] = {}

    @property
    def judges(self) -> Judges:
        """The judges, loaded when first asked for."""
        if self._judges is None:
            self._judges = judges()
        return self._judges

    def judged(self, path: Path, checksum: str, video: Video) -> Judged:
        """Return what the judges see in a film."""
        if checksum not in self._judged:
            say(f"judging {path.name}")
            kept = self._kept / f"{checksum}.npz" if self._kept else None
            self._judged[checksum] = look(path, video, self.judges, kept)
        return self._judged[checksum]

    def pooled(self) -> Mapping[str, NDArray[np.float32]]:
        """Return the pooled features of every film of the archive, on its grid, by checksum."""
        for film in self.rows.films:
            checksum = film.footage.checksum
            kept = self._kept / f"{checksum}.pooled.npy" if self._kept else None
            if checksum in self._pooled:
                continue
            if kept is not None and kept.is_file():
                self._pooled[checksum] = np.load(kept)
                continue
            say(f"pooled features of {film.footage.path.name}")
            path = film.footage.path
            seen = self.analyst.describe(path, grid=ARCHIVE_GRID, only=(POOLED,))
            rows = seen.features[POOLED].astype(np.float32)
            if len(rows) != len(film.shown):
                raise SystemExit(f"{path.name} gives {len(rows)} rows, not {len(film.shown)}.")
            self._pooled[checksum] = rows
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                np.save(kept, rows)
        return self._pooled

    def offered(self, source: Source) -> Offer:
        """Return what a source is offered."""
        return offer(self.rows, source, self.pooled())

    def compared(self, source: Source, shown: Sequence[Sequence[Shown]]) -> list[dict[str, float]]:
        """Return for each stretch what the judges say of its answers, on average over draws."""
        films = {film.footage.checksum: film.footage for film in self.rows.films}
        own = self.judged(source.path, source.checksum, source.video)
        found = []
        for asked, places in zip(source.stretches, shown, strict=True):
            left = Part(own, float(asked.start), float(asked.duration))
            said: defaultdict[str, list[float]] = defaultdict(list)
            for place in places:
                footage = films[place.checksum]
                film = self.judged(footage.path, footage.checksum, footage.probe.video)
                right = Part(film, place.start, float(asked.duration), place.speed, place.mirrored)
                for name, value in compare(left, right).items():
                    said[name].append(value)
            found.append({name: float(np.mean(values)) for name, values in said.items()})
        return found


# Figures and tables


@dataclass
class Figures:
    """The figures of the judges, by way: for each stretch the measures that say something.

    `drawn` is what they said of each stretch's random answers one by one.
    """

    said: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    drawn: list[list[dict[str, float]]] = field(default_factory=list)

    def add(self, way: str, found: Iterable[dict[str, float]]) -> None:
        """Add the next stretches' figures of a way; all ways get the same stretches in order."""
        self.said.setdefault(way, []).extend(found)

    def values(self, way: str, measure: str) -> Values:
        """Return one figure for each stretch, NaN where there is none."""
        return np.array([found.get(measure, np.nan) for found in self.said[way]])

    def cell(self, way: str, measure: str) -> str:
        """Return mean, standard error, and a sign where it differs from ours."""
        values, digits = self.values(way, measure), MEASURES[measure].digits
        there = values[~np.isnan(values)]
        if not len(there):
            return ""
        error = there.std() / np.sqrt(len(there))
        sign = self._sign(self.values(OURS, measure) - values, MEASURES[measure].more)
        return f"{there.mean():.{digits}f} ±{error:.{digits}f}{sign}"

    def _sign(self, ahead: Values, more: bool) -> str:
        ahead = ahead[~np.isnan(ahead)] * (1 if more else -1)
        if len(ahead) < 3 or abs(ahead.mean()) <= 2 * ahead.std() / np.sqrt(len(ahead)):
            return ""
        return " -" if ahead.mean() > 0 else " +"

    def ahead(self, way: str, judge: str) -> Values:
        """Return for each stretch the share of random answers that are less alike.

        It is averaged over the judge's measures: 0.5 is chance, NaN where the judge says nothing.

        No face is further off than any; equal answers count as half. Of random answers themselves
        that is always 0.5.
        """
        parts = []
        for name in [n for n, measure in MEASURES.items() if measure.judge == judge]:
            sign = 1 if MEASURES[name].more else -1
            worst = np.where(self.says(name), -np.inf, np.nan)
            own = sign * self.values(way, name)
            own = np.where(np.isnan(own), worst, own)[:, None]
            drawn = sign * np.array([[d.get(name, np.nan) for d in row] for row in self.drawn])
            drawn = np.where(np.isnan(drawn), worst[:, None], drawn)
            share = ((own > drawn) + 0.5 * (own == drawn)).mean(axis=1)
            share = np.full(len(share), 0.5) if way == RANDOM else share
            parts.append(np.where(np.isnan(worst), np.nan, share))
        return _together(parts)

    def says(self, measure: str) -> NDArray[np.bool_]:
        """Return the stretches of which a measure says something, whatever the answer."""
        whole = "answered" if measure in ("place", "size") else measure
        return ~np.isnan(self.values(RANDOM, whole))


def tables(figures: Figures) -> str:
    """Return all tables in Markdown: a summary by judge, then every measure."""
    names = list(dict.fromkeys(measure.judge for measure in MEASURES.values()))
    lines = ["| way | " + " | ".join(names) + " | all |", "|---|" + "---|" * (len(names) + 1)]
    for way in figures.said:
        every = [figures.ahead(way, name) for name in names]
        ours = [figures.ahead(OURS, name) for name in names]
        cells = []
        for own, best in [*zip(every, ours, strict=True), (_together(every), _together(ours))]:
            there = own[~np.isnan(own)]
            error = there.std() / np.sqrt(max(1, len(there)))
            mean = there.mean() if len(there) else np.nan
            cells.append(f"{mean:.2f} ±{error:.2f}{figures._sign(best - own, True)}")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    for judge_names in (("faces", "objects"), ("tone", "movement")):
        shown = [n for n, m in MEASURES.items() if m.judge in judge_names]
        lines += ["", "| way | " + " | ".join(MEASURES[n].title for n in shown) + " |"]
        lines.append("|---|" + "---|" * len(shown))
        for way in figures.said:
            cells = [figures.cell(way, name) for name in shown]
            lines.append(f"| {way} | " + " | ".join(cells) + " |")
        counts = [str(int(figures.says(name).sum())) for name in shown]
        lines.append("| *of so many stretches* | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def _together(parts: Sequence[Values]) -> Values:
    """Return the mean over judges, each counting the same."""
    table = np.array(parts)
    count = (~np.isnan(table)).sum(axis=0)
    return np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.nan)


def run(bench: Bench, sources: Sequence[Source], tried: Mapping[str, Weights]) -> Figures:
    """Answer every stretch in every way, and have the answers judged."""
    figures = Figures()
    for number, source in enumerate(sources, 1):
        say(f"answering {source.path.name} ({number} of {len(sources)})")
        offered = bench.offered(source)
        for way, shown in answers(source, offered, bench.reference, tried):
            figures.add(way, bench.compared(source, shown))
            if way == RANDOM:
                draws = [[places[k : k + 1] for places in shown] for k in range(DRAWS)]
                by_draw = [bench.compared(source, single) for single in draws]
                figures.drawn += [list(row) for row in zip(*by_draw, strict=True)]
        if source.analysis is not None:
            chosen = selects(source, offered, bench.reference)
            figures.add(SELECTED, bench.compared(source, chosen))
    return figures


def _tried(texts: Sequence[str]) -> dict[str, Weights]:
    found: dict[str, Weights] = {}
    for text in texts:
        name, _, parts = text.partition("=")
        pairs = (part.partition("=") for part in parts.split(","))
        found[name] = checked({facet: float(weight) for facet, _, weight in pairs})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--sources", type=Path, nargs="*", default=[])
    parser.add_argument("--stretches", type=int, default=150, help="of the archive's own films")
    parser.add_argument("--try", dest="tried", action="append", default=[], metavar="NAME=WEIGHTS")
    parser.add_argument("--kept", type=Path, help="a folder for what the judges saw")
    options = parser.parse_args()
    tried = _tried(options.tried)
    print(machine())
    began = time.perf_counter()
    with Worker() as worker:
        bench = Bench(options.archive, worker, options.kept)
        inside = sources_of(bench.rows, bench.analyst, options.stretches, say)
        outside = []
        for path in options.sources:
            say(f"describing {path.name}")
            outside.append(slots_of(path.absolute(), bench.analyst))
        for title, sources in (("films of the archive", inside), ("films from outside", outside)):
            if sources:
                figures = run(bench, sources, tried)
                count = sum(len(source.stretches) for source in sources)
                print(f"\n{count} stretches of {len(sources)} {title}\n\n{tables(figures)}")
    print(f"\n{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
