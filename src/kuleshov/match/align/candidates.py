"""Find candidates for each stretch of a source: align, then take out what must not be offered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import EMPTY, FACETS, MOVEMENT, PRINT, Reference
from kuleshov.features.grid import rows_within
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.aligner import SHORTEST, Aligner, AlignOptions
from kuleshov.match.align.query import Alignment, Query
from kuleshov.match.align.recall import Recall
from kuleshov.match.align.shards import Shards
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Strength, Weights, checked
from kuleshov.match.same.own import NOTHING, Own, own_material
from kuleshov.timecode import FrameRange, TimeRange

__all__ = [
    "WEAKEST",
    "Candidate",
    "MatchOptions",
    "answering",
    "clip_around",
    "find_candidates",
    "in_point",
    "longest_answer",
    "nothing_offered",
    "stretch",
]

WEAKEST = 0.25
"""Share of the best score below which nothing answers."""
_WEAK = 0.5  # the same of the median score
_FIVE = 5  # of the best ones


@dataclass(frozen=True)
class MatchOptions:
    """The options of matching.

    `candidates` a shot; `weights` by facet (None: the default ones); `mirror` also tries the
    archive flipped; `allow_same` also offers material that the source itself shows. A clip may run
    `stretch` times slower or faster. `tightness` runs from 1, alike in every respect, to 0, alike
    in one. With `exact` all rows of a large archive are scored, which takes many times as long as
    looking through its sketches first.
    """

    candidates: int = 60
    weights: Weights | None = None
    mirror: bool = False
    allow_same: bool = False
    stretch: float = 1.25
    tightness: float = 1.0
    exact: bool = False

    def __post_init__(self) -> None:
        if self.candidates < 1:
            text = f"candidates must be at least 1, not {self.candidates}."
            raise UsageError(text, option="candidates")
        if self.weights is not None:
            checked(self.weights)
        if not 1 <= self.stretch <= 4:
            text = f"stretch lies between 1 and 4, not at {self.stretch:g}."
            raise UsageError(text, option="stretch")
        if not 0 <= self.tightness <= 1:
            text = f"tightness lies between 0 and 1, not at {self.tightness:g}."
            raise UsageError(text, option="tightness")


@dataclass(frozen=True)
class Candidate:
    """A candidate: a clip proposed for a stretch of the source.

    `media` is what it shows, in exact seconds from the start of a frame, at `speed`; `usable` the
    core of its shot. `strength` is in bits; `score` runs from 0 (a random pair) to 1 (the same
    picture); `facets` are shares of random pairs that are less alike. `held` is how long its last
    picture must be held, in seconds.
    """

    film: ArchiveFilm
    shot: int
    media: TimeRange
    usable: TimeRange
    mirrored: bool
    strength: float
    score: float
    facets: Mapping[str, float]
    speed: Fraction = Fraction(1)
    held: Fraction = Fraction(0)

    @property
    def ref(self) -> ShotRef:
        """The reference to the shot of the footage that it shows."""
        return ShotRef(self.film.footage.checksum, self.shot)

    @property
    def likeness(self) -> dict[str, Any]:
        """Score and facets, rounded, as projects and lists keep them."""
        facets = {name: round(value, 4) for name, value in self.facets.items()}
        return {"score": round(self.score, 4), "facets": facets}


def clip_around(
    film: ArchiveFilm, number: int, duration: Fraction, middle: Fraction | None = None
) -> tuple[TimeRange, TimeRange]:
    """Return what a clip of `duration` s shows around an instant of its shot, and the shot's core.

    The clip is as long as the shot where that is shorter, begins with a frame, and lies around the
    shot's middle where no `middle` is given.
    """
    core = film.core(film.shot(number))
    shown = min(duration, core.duration)
    if middle is None:
        middle = (core.start + core.end) / 2
    begin = in_point(film, core, middle - shown / 2, core.end - shown)
    return TimeRange(begin, min(begin + shown, core.end)), core


def in_point(film: ArchiveFilm, core: TimeRange, wanted: Fraction, latest: Fraction) -> Fraction:
    """Return the start of the frame nearest to `wanted` in a shot's core, at most `latest`."""
    start = film.frame_start(min(max(wanted, core.start), latest))
    if start > latest:
        # Rounded to a frame beyond the last in-point: the frame before it begins in time.
        start = max(core.start, film.frame_start(start - 1 / film.footage.probe.video.rate))
    return start


def stretch(
    analysis: Analysis,
    visible: TimeRange,
    core: FrameRange,
    *,
    mirrored: bool = False,
    title: bool = False,
) -> Query:
    """Return a query for what the source shows during `visible`, judged by the frames of `core`."""
    rows = np.arange(*rows_within(analysis.shown, core))
    if not rows.size:
        # Shorter than the grid: the row nearest to its middle.
        middle = (core.first + core.end) // 2
        rows = np.array([int(np.abs(analysis.shown - middle).argmin())])
    features = analysis.mirrored if mirrored else analysis.features
    if features is None:
        raise ValueError("the source was not analysed mirrored")
    time = (rows + analysis.first_row) / analysis.grid - float(visible.start)
    return Query(
        duration=float(visible.duration),
        time=np.clip(time, 0, float(visible.duration)),
        rows={
            name: part[rows].astype(np.float32)
            for name, part in features.items()
            if name in _LOOKED_AT
        },
        mirrored=mirrored,
        title=title,
    )


def find_candidates(
    queries: Sequence[Sequence[Query]],
    durations: Sequence[Fraction],
    archive: ArchiveRows,
    reference: Reference,
    options: MatchOptions = MatchOptions(),
    *,
    exclude: frozenset[str] = frozenset(),
    own: Own | None = None,
    recall: Recall | None = None,
    whole: tuple[ArchiveRows, Shards] | None = None,
    job: Job = QUIET,
) -> list[list[Candidate]]:
    """Return the candidates of each stretch, the strongest first.

    `queries` gives each stretch plain and, if wanted, mirrored; `durations` their exact lengths.
    Footage whose checksum is in `exclude` (the source itself) is not offered, nor is what `own`
    says that the source shows (None: as far as the queries tell), unless `options.allow_same`.
    `archive` is all or a part of what `recall` and `whole` know: `recall` remembers what was found
    of few stretches, and where much is offered the shards of the `whole` archive are asked.
    Raises `MatchError` where the archive offers nothing at all.
    """
    others = archive.without(exclude)
    if options.allow_same:
        own = NOTHING
    elif own is None:
        own = own_material(_prints(queries), others, job)
    offered = own.left_of(others)
    if not any(film.shots for film in offered.films):
        raise nothing_offered(archive)
    how = AlignOptions(options.stretch, options.tightness, options.exact)
    weights = options.weights or DEFAULT_WEIGHTS
    aligner = Aligner(offered, reference, weights, how, recall, whole)
    alignments: list[list[Alignment]] = [[] for _ in queries]
    for shorter in (False, True):
        poor = [i for i, found in enumerate(alignments) if len(found) < _FEW]
        asked = [queries[i] for i in poor]
        again = _answers(aligner, asked, options.candidates, shorter=shorter, job=job)
        for i, found in zip(poor, again, strict=True):
            alignments[i] = _free(found, offered, own)
    scale = aligner.strength(queries[0][0].rows) if queries else None
    return [
        _candidates(found, duration, offered, scale, scale.itself(sides[0].rows))[
            : options.candidates
        ]
        for found, duration, sides in job.over(zip(alignments, durations, queries, strict=True))
        if scale is not None
    ]


def _prints(queries: Sequence[Sequence[Query]]) -> NDArray[np.float32] | None:
    """Return the prints of all stretches in one array; None where they have none."""
    parts = [sides[0].rows[PRINT] for sides in queries if sides and PRINT in sides[0].rows]
    return np.concatenate(parts) if parts else None


def nothing_offered(archive: ArchiveRows) -> MatchError:
    """Return the error that says why no shot can be offered."""
    if any(film.shots for film in archive.films):
        return MatchError("The archive holds nothing but the source itself: add other footage.")
    if archive.unwanted:
        kinds = ", ".join(archive.unwanted)
        return MatchError(f"All shots of the archive are {kinds}.", code="archive-empty")
    codes = Counter(note.code for _, note in archive.left_out)
    if not codes:
        return MatchError("The archive offers no shots.", code="archive-empty")
    missing = codes.pop("footage-missing", 0)
    again = codes.total()
    parts = [f"{_films(again)} must be indexed again"] if again else []
    if missing:
        parts.append(f"{_films(missing)} {'is' if missing == 1 else 'are'} missing")
    return MatchError(
        f"Nothing of the archive can be used as it is: {', '.join(parts)}.",
        code="index-again" if again else "footage-gone",
    )


def _films(count: int) -> str:
    return f"{count} film{'' if count == 1 else 's'}"


def _answers(
    aligner: Aligner,
    queries: Sequence[Sequence[Query]],
    best: int,
    *,
    shorter: bool,
    job: Job,
) -> list[list[Alignment]]:
    """Return the answers to each stretch, those of its sides together."""
    every = [query for sides in queries for query in sides]
    flat = iter(aligner.align(every, best, shorter=shorter, job=job))
    return [[alignment for _ in sides for alignment in next(flat)] for sides in queries]


def longest_answer(
    archive: ArchiveRows, options: MatchOptions, job: Job = QUIET
) -> tuple[Fraction, Fraction, int] | None:
    """Return how long a stretch the shots of an archive can answer; None where there are no shots.

    First the longest stretch, in s, that one shot can answer, its last picture held; then one that
    a dozen shots can fill, or as many as there are; then how many shots there are.
    """
    count = 0
    cores: list[Fraction] = []  # the longest dozen, the longest first
    for film in job.over(archive.films):
        seconds = film.edges()[1]
        pictures = [
            (shot, end - start)
            for shot, (start, end) in zip(film.shots, seconds.tolist(), strict=True)
            if shot.index not in film.titles
        ]
        count += len(pictures)
        # Exact times take long to compare: only of those that may be among the dozen.
        least = float(cores[-1]) - _ROUNDED if len(cores) == _DOZEN else -math.inf
        longer = [film.core(shot).duration for shot, long in pictures if long >= least]
        cores = sorted([*cores, *longer], reverse=True)[:_DOZEN]
    if not cores:
        return None
    slowest = Fraction(options.stretch).limit_denominator(100)
    return cores[0] / SHORTEST, cores[-1] * slowest, count


_DOZEN = 12  # shots to choose from
_ROUNDED = 1e-3  # s by which times that are not exact may be wrong, at the very most
_LOOKED_AT = {*FACETS, MOVEMENT, PRINT}
_ALL_ALONG = 1e-3  # of likeness, by which halves are rounded
_FEW = 3  # candidates; with fewer, shots that are too short are offered as well


def _candidates(
    alignments: Sequence[Alignment],
    duration: Fraction,
    archive: ArchiveRows,
    scale: Strength,
    same: float,
) -> list[Candidate]:
    """Return answers as candidates, exact in time, the strongest first."""
    rare = {
        name: scale.scales[name]
        .percentile(np.array([one.similarity[name] for one in alignments], np.float32))
        .tolist()
        for name in scale.weights
    }
    made = [
        _exact(
            *(one, duration, archive, scale, same),
            {name: rare[name][n] for name in rare if not _says_nothing(name, one.similarity[name])},
        )
        for n, one in enumerate(alignments)
    ]
    return sorted(made, key=lambda c: (-c.strength, c.film.footage.id, c.media.start, c.mirrored))


def _says_nothing(facet: str, similarity: float) -> bool:
    """Return whether neither of two stretches has what a facet is about, all along."""
    return facet in EMPTY and abs(similarity - EMPTY[facet]) < _ALL_ALONG


def _free(alignments: Sequence[Alignment], offered: ArchiveRows, own: Own) -> list[Alignment]:
    """Return the answers that show nothing of what the source itself shows."""
    return [
        a for a in alignments if not own.shows(offered.films[a.film], a.start, a.start + a.duration)
    ]


def _exact(
    alignment: Alignment,
    duration: Fraction,
    archive: ArchiveRows,
    how: Strength,
    same: float,
    facets: Mapping[str, float],
) -> Candidate:
    film = archive.films[alignment.film]
    core = film.core(film.shot(alignment.shot))
    wanted = Fraction(alignment.start).limit_denominator(1_000_000)
    speed = alignment.speed
    if duration * speed > core.duration and alignment.present > 0.999:
        # As slow as it takes to fill the stretch, rounded to be slow enough.
        speed = Fraction(int(core.duration / duration * 1000), 1000)
    needed = duration * speed
    latest = max(core.start, core.end - needed)
    start = in_point(film, core, wanted, latest)
    end = min(start + needed, core.end)
    return Candidate(
        film=film,
        shot=alignment.shot,
        media=TimeRange(start, end),
        usable=core,
        mirrored=alignment.mirrored,
        strength=alignment.strength,
        score=how.score(alignment.strength, same),
        facets=facets,
        speed=speed,
        held=duration - (end - start) / speed,
    )


def answering(ranked: Sequence[Candidate], weakest: float = WEAKEST) -> list[Candidate]:
    """Return those answers, best first, that do not fall clearly behind the best ones.

    They score at least half of the median of the five best, and `weakest` times the best.
    """
    if not ranked:
        return []
    # The example itself may be among them: the third of five says what good answers are.
    usual = float(np.median([one.score for one in ranked[:_FIVE]]))
    # Where there is one good answer only, the others are none for that.
    least = max(_WEAK * usual, weakest * ranked[0].score)
    return [one for one in ranked if one.score >= least] if usual > 0 else [*ranked[:1]]
