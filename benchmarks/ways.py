"""Answer stretches of film from an archive: our way, without a part of it, and others.

`sources_of` draws stretches from the archive's own films, `slots_of` takes those of a film from
outside; `answers` answers them in every way. What is offered is the same for all ways: shots that
are pictures, of films that have no footage in common with the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.edit.recut import RecutOptions, recut
from kuleshov.edit.rhythm import rhythm_of
from kuleshov.features.analyse import SOURCE_GRID, Analysis, Analyst, Described
from kuleshov.features.encoder import Encoded, Maker
from kuleshov.features.facet import MATERIAL, MOVEMENT, PRINT, Reference, unit
from kuleshov.features.material import judge
from kuleshov.footage import Video
from kuleshov.match.align import refine
from kuleshov.match.align.candidates import Candidate, MatchOptions, find_candidates, stretch
from kuleshov.match.align.query import Query
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Weights
from kuleshov.match.same.prints import COPY
from kuleshov.timeline import Clip

__all__ = [
    "DRAWS",
    "NEAREST",
    "OURS",
    "POOLED",
    "RANDOM",
    "SELECTED",
    "Asked",
    "Offer",
    "Pooled",
    "Shown",
    "Source",
    "answers",
    "nearest",
    "offer",
    "random_ones",
    "selects",
    "slots_of",
    "sources_of",
]

OURS, NEAREST, RANDOM, SELECTED = "ours", "nearest neighbour", "random", "ours, selected"
POOLED = "pooled"
SHORTEST, LONGEST = Fraction(7, 10), Fraction(3)
DRAWS = 20
_ALIKE = 0.3  # what subject and composition must share as well, where prints are alike
_OF_ONE = 1 / 6  # of all stretches, the most that come from one film
_SEED = 0

Rows = Mapping[str, NDArray[np.float32]]


class Pooled:
    """The encoder's pooled features: what nearest neighbours are usually found by."""

    name, version = POOLED, 1

    def __init__(self, maker: Maker) -> None:
        self.maker = maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return unit vectors, (N, 1280) float16."""
        return unit(seen.pooled)


@dataclass(frozen=True, repr=False)
class Asked:
    """A stretch: where it lies in its source (s), its query, the pooled features of its middle."""

    start: Fraction
    duration: Fraction
    query: Query
    pooled: NDArray[np.float32]
    shot: int


@dataclass(frozen=True, repr=False)
class Source:
    """A film whose stretches want answers. `analysis` is known of films outside the archive."""

    path: Path
    checksum: str
    video: Video
    stretches: tuple[Asked, ...]
    analysis: Analysis | None = None


@dataclass(frozen=True)
class Shown:
    """An answer: the archive's footage by its checksum, from `start` s on, at `speed`."""

    checksum: str
    start: float
    speed: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, repr=False)
class Offer:
    """The offer to a source: films and their rows.

    Of each of their rows (R,) which film it belongs to, when it is, the core of its shot; `pooled`
    (R, 1280).
    """

    rows: ArchiveRows
    film: NDArray[np.int64]
    time: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    pooled: NDArray[np.float32]


# Stretches


def sources_of(
    rows: ArchiveRows, analyst: Analyst, count: int, said: Callable[[str], None]
) -> list[Source]:
    """Return up to `count` stretches of the archive's own films, one a shot, spread over films."""
    rng = np.random.default_rng(_SEED)
    waiting = []
    for film in rows.films:
        long = [s for s in film.shots if film.core(s).duration >= SHORTEST]
        waiting.append([long[i] for i in rng.permutation(len(long))])
    taken: list[list[int]] = [[] for _ in rows.films]
    for turn in range(max(map(len, waiting), default=0)):
        for shots, own in zip(waiting, taken, strict=True):
            if turn < min(len(shots), count * _OF_ONE) and sum(map(len, taken)) < count:
                own.append(shots[turn].index)
    made = []
    for film, numbers in zip(rows.films, taken, strict=True):
        said(f"describing {len(numbers)} stretches of {film.footage.path.name}")
        video = film.footage.probe.video
        # Where clocks restart, a film cannot be sought in: it is described whole, and cut out.
        jumps = video.discontinuous and numbers
        whole = analyst.describe(film.footage.path) if jumps else None
        stretches = tuple(_asked(film, n, analyst, whole, rng) for n in sorted(numbers))
        made.append(Source(film.footage.path, film.footage.checksum, video, stretches))
    return [source for source in made if source.stretches]


def _asked(
    film: ArchiveFilm,
    number: int,
    analyst: Analyst,
    whole: Described | None,
    rng: np.random.Generator,
) -> Asked:
    core = film.core(film.shot(number))
    duration = min(core.duration, LONGEST)
    room = float(core.duration - duration)
    start = film.frame_start(core.start + Fraction(round(rng.uniform(0, room) * 1000), 1000))
    start = max(core.start, min(start, core.end - duration))
    if whole is None:
        seen = analyst.describe(film.footage.path, start, start + duration)
    else:
        first, end = round(start * SOURCE_GRID), int((start + duration) * SOURCE_GRID)
        part = {name: rows[first:end] for name, rows in whole.features.items()}
        seen = Described(np.arange(end - first) / SOURCE_GRID, part, None)
    query = Query(float(duration), *_wanted(seen), title=number in film.titles)
    return Asked(start, duration, query, _middle(seen.features[POOLED]), number)


def _wanted(seen: Described) -> tuple[NDArray[np.float64], Rows]:
    names = (*DEFAULT_WEIGHTS, MOVEMENT, PRINT)
    return seen.time, {n: seen.features[n].astype(np.float32) for n in names if n in seen.features}


def _middle(rows: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.asarray(rows[len(rows) // 2], np.float32)


def slots_of(path: Path, analyst: Analyst) -> Source:
    """Return a film outside the archive, as `recut` cuts it into stretches, without black."""
    analysis = analyst.analyse(path, SOURCE_GRID)
    stretches = []
    for slot in rhythm_of(analysis).slots:
        if slot.shot is None:
            continue
        first, end = np.searchsorted(analysis.shown, [slot.core.first, slot.core.end])
        first = min(int(first), len(analysis.shown) - 1)
        part = slice(first, max(int(end), first + 1))
        title = judge(analysis.features[MATERIAL][part]).kind == "title"
        query = stretch(analysis, slot.source, slot.core, title=title)
        pooled = _middle(analysis.features[POOLED][part])
        length = slot.source.duration
        stretches.append(Asked(slot.source.start, length, query, pooled, slot.shot))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(path, checksum, analysis.probe.video, tuple(stretches), analysis)


# What is offered


def offer(rows: ArchiveRows, source: Source, pooled: Mapping[str, NDArray[np.float32]]) -> Offer:
    """Return the films that have nothing in common with the source; `pooled` by checksum."""
    films = [film for film in rows.films if not _in_common(film, source)]
    parts = []
    for number, film in enumerate(films):
        spans, seconds = film.edges()
        for (first, end), (low, high) in zip(spans.tolist(), seconds.tolist(), strict=True):
            row = np.arange(first, end)
            parts.append(
                np.column_stack([np.full((len(row), 1), number), row, np.full(len(row), low),
                                 np.full(len(row), high)])
            )  # fmt: skip
    table = np.concatenate(parts)
    film_of, row_of = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    grids = np.array([film.grid for film in films])
    vectors = np.concatenate(
        [pooled[film.footage.checksum][row_of[film_of == k]] for k, film in enumerate(films)]
    )
    kept = ArchiveRows(films)
    return Offer(kept, film_of, row_of / grids[film_of], table[:, 2], table[:, 3], vectors)


def _in_common(film: ArchiveFilm, source: Source) -> bool:
    """Return whether a film shows something that the source shows, by their prints."""
    if film.footage.checksum == source.checksum:
        return True
    for asked in source.stretches:
        rows = asked.query.rows
        alike = np.min(
            [rows[n] @ film.rows[n].astype(np.float32).T for n in ("subject", "composition")],
            axis=0,
        )
        copied = rows[PRINT] @ film.rows[PRINT].astype(np.float32).T
        if ((copied >= COPY) & (alike >= _ALIKE)).any():
            return True
    return False


# Ways


def answers(
    source: Source, offered: Offer, reference: Reference, tried: Mapping[str, Weights]
) -> Iterator[tuple[str, list[list[Shown]]]]:
    """Yield each way by name, with its answers to each stretch: one, several for a draw, or none.

    `tried` are further weights by name.
    """
    facets = [name for name in DEFAULT_WEIGHTS if name in offered.rows.facets]
    whole = {name: DEFAULT_WEIGHTS[name] for name in facets}
    queries = [asked.query for asked in source.stretches]
    durations = [asked.duration for asked in source.stretches]

    def ours(
        weights: Weights, asked: Sequence[Query] = queries, stretched: float = 1.25
    ) -> list[list[Shown]]:
        options = MatchOptions(weights=weights, stretch=stretched)
        found = find_candidates([[q] for q in asked], durations, offered.rows, reference, options)
        return [[_shown(part[0])] if part else [] for part in found]

    yield OURS, ours(whole)
    for name in facets:
        yield f"without {name}", ours({n: w for n, w in whole.items() if n != name})
    for name in facets:
        yield f"{name} alone", ours({name: 1.0})
    for name, weights in tried.items():
        yield name, ours(weights)
    yield "movement peaks left out", ours(whole, [_without_peaks(q) for q in queries])
    yield "own speed only", ours(whole, stretched=1.0)
    with _unrefined():
        yield "grid only, own speed", ours(whole, stretched=1.0)
        yield "one frame", _by_one_frame(source, offered, reference, whole)
    yield NEAREST, [[place] for place in nearest(source, offered)]
    yield RANDOM, random_ones(source, offered, DRAWS)


def _shown(candidate: Candidate) -> Shown:
    checksum, media = candidate.film.footage.checksum, candidate.media
    return Shown(checksum, float(media.start), float(candidate.speed), candidate.mirrored)


def _without_peaks(query: Query) -> Query:
    return replace(query, rows={n: part for n, part in query.rows.items() if n != MOVEMENT})


@contextmanager
def _unrefined() -> Iterator[None]:
    """Keep in-points on the archive's grid, in the block."""
    shifts = refine._SHIFTS
    refine._SHIFTS = np.zeros(1)
    try:
        yield
    finally:
        refine._SHIFTS = shifts


def _by_one_frame(
    source: Source, offered: Offer, reference: Reference, weights: Weights
) -> list[list[Shown]]:
    """Return our answers by one frame against one frame: the middle one."""
    queries = []
    for asked in source.stretches:
        middle = len(asked.query.time) // 2
        rows = {n: part[[middle]] for n, part in asked.query.rows.items() if n != MOVEMENT}
        queries.append(replace(asked.query, duration=0.5, time=np.array([0.25]), rows=rows))
    half = [Fraction(1, 2)] * len(queries)
    options = MatchOptions(weights=weights, stretch=1.0)
    found = find_candidates([[q] for q in queries], half, offered.rows, reference, options)
    answered = []
    for asked, candidates in zip(source.stretches, found, strict=True):
        long = [c for c in candidates if c.usable.duration >= asked.duration]
        places = [
            min(max(c.media.start + Fraction(1, 4) - asked.duration / 2, c.usable.start),
                c.usable.end - asked.duration)
            for c in long[:1]
        ]  # fmt: skip
        answered.append(
            [Shown(c.film.footage.checksum, float(p)) for c, p in zip(long, places, strict=False)]
        )
    return answered


def nearest(source: Source, offered: Offer, *, once: bool = False) -> list[Shown]:
    """Return the row nearest to each stretch's middle, around which the clip lies.

    By the cosine of pooled features, in shots that are long enough. With `once`, in the order of
    the film, nothing is shown twice.
    """
    taken: list[tuple[int, float, float]] = []
    found = []
    for asked in source.stretches:
        length = float(asked.duration)
        start = np.clip(offered.time - length / 2, offered.low, offered.high - length)
        alike = np.where(offered.high - offered.low >= length - 1e-6, offered.pooled @ asked.pooled,
                         -2.0)  # fmt: skip
        for film, low, high in taken if once else ():
            alike[(offered.film == film) & (start < high) & (start + length > low)] -= 10
        best = int(alike.argmax())
        film = int(offered.film[best])
        taken.append((film, float(start[best]), float(start[best]) + length))
        found.append(Shown(offered.rows.films[film].footage.checksum, float(start[best])))
    return found


def random_ones(
    source: Source, offered: Offer, draws: int, seed: int = _SEED, *, once: bool = False
) -> list[list[Shown]]:
    """Return for each stretch `draws` in-points, each as likely as any other.

    With `once`, what was shown is drawn again, up to a hundred times.
    """
    rng = np.random.default_rng(seed)
    spans = np.unique(np.column_stack([offered.film, offered.low, offered.high]), axis=0)
    taken: list[tuple[int, float, float]] = []
    found = []
    for asked in source.stretches:
        length = float(asked.duration)
        room = np.maximum(0, spans[:, 2] - spans[:, 1] - length)
        own: list[Shown] = []
        for _ in range(100 * draws):
            span = rng.choice(len(spans), p=room / room.sum())
            film, start = int(spans[span, 0]), float(spans[span, 1] + rng.uniform(0, room[span]))
            seen = any(
                f == film and start < high and start + length > low for f, low, high in taken
            )
            if once and seen:
                continue
            taken.append((film, start, start + length))
            own.append(Shown(offered.rows.films[film].footage.checksum, start))
            if len(own) == draws:
                break
        found.append(own)
    return found


def selects(source: Source, offered: Offer, reference: Reference) -> list[list[Shown]]:
    """Return what `recut` chooses for each stretch of a film outside the archive."""
    if source.analysis is None:
        raise ValueError("a whole film is wanted")
    made = recut(source.analysis, source.checksum, offered.rows, reference, RecutOptions())[0]
    track = next(t for t in made.timeline.tracks if t.name == "recut")
    checksums = {film.footage.path: film.footage.checksum for film in offered.rows.films}
    rhythm = rhythm_of(source.analysis)
    before = {slot.shot: slot.own.first - slot.visible.first for slot in rhythm.slots}
    by_shot: dict[int, Shown] = {}
    for item in track.items:
        about = item.metadata.get("kuleshov", {})
        if isinstance(item, Clip) and not about.get("held") and about.get("shot") in before:
            start = item.start - before[about["shot"]] * item.speed / rhythm.rate
            checksum = checksums[item.media.path]
            by_shot[about["shot"]] = Shown(checksum, float(start), float(item.speed), item.mirrored)
    return [[by_shot[a.shot]] if a.shot in by_shot else [] for a in source.stretches]
