"""Candidates for each stretch of a source: alignment, then what must not be offered taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MatchError, UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import FACETS, Reference
from kuleshov.match.align import SHORTEST, Aligner, AlignOptions
from kuleshov.match.own import NOTHING, Own, own_material
from kuleshov.match.prints import PRINT
from kuleshov.match.query import Aligned, Query
from kuleshov.match.rows import ArchiveRows, Film
from kuleshov.match.strength import DEFAULT_WEIGHTS, MOVEMENT, Strength, Weights, checked
from kuleshov.timecode import FrameRange, TimeRange

__all__ = [
    "WEAKEST",
    "Candidate",
    "MatchOptions",
    "answering",
    "clip_around",
    "find_candidates",
    "longest_answer",
    "stretch",
]

WEAKEST = 0.25
"""Share of the best score below which nothing answers."""
_WEAK = 0.5  # the same of the median score
_FIVE = 5  # of the best ones


@dataclass(frozen=True)
class MatchOptions:
    """How to match. `candidates` a shot; `weights` by facet (None: the default ones); `mirror` also
    tries the archive flipped; `allow_same` also offers material that the source itself shows. A
    clip may run `stretch` times slower or faster. `tightness` runs from 1, alike in every respect,
    to 0, alike in one."""

    candidates: int = 60
    weights: Weights | None = None
    mirror: bool = False
    allow_same: bool = False
    stretch: float = 1.25
    tightness: float = 1.0

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise UsageError(f"--candidates must be at least 1, not {self.candidates}.")
        if self.weights is not None:
            checked(self.weights)
        if not 1 <= self.stretch <= 4:
            raise UsageError(f"--max-stretch lies between 1 and 4, not at {self.stretch:g}.")
        if not 0 <= self.tightness <= 1:
            raise UsageError(f"--tightness lies between 0 and 1, not at {self.tightness:g}.")


@dataclass(frozen=True)
class Candidate:
    """A clip proposed for a stretch of the source.

    `media` is what it shows, in exact seconds from the start of a frame, at `speed`; `usable` the
    core of its shot. `strength` is in bits; `score` runs from 0 (a random pair) to 1 (the same
    picture); `facets` are shares of random pairs that are less alike. `held` is how long its last
    picture must be held, in seconds.
    """

    film: Film
    shot: int
    media: TimeRange
    usable: TimeRange
    mirrored: bool
    strength: float
    score: float
    facets: Mapping[str, float]
    speed: Fraction = Fraction(1)
    held: Fraction = Fraction(0)


def clip_around(
    film: Film, number: int, duration: Fraction, middle: Fraction | None = None
) -> tuple[TimeRange, TimeRange]:
    """What a clip of `duration` s, or as long as the shot is, shows around an instant of it, else
    around its middle, from the start of a frame; and the core of the shot."""
    core = film.core(film.shot(number))
    shown = min(duration, core.duration)
    if middle is None:
        middle = (core.start + core.end) / 2
    begin = _in_point(film, core, middle - shown / 2, core.end - shown)
    return TimeRange(begin, min(begin + shown, core.end)), core


def _in_point(film: Film, core: TimeRange, wanted: Fraction, latest: Fraction) -> Fraction:
    """The start of the frame nearest to `wanted` in a shot's core, `latest` at the latest."""
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
    """A query for what the source shows during `visible`, looked at on the frames of `core`."""
    rows = np.arange(*np.searchsorted(analysis.shown, [core.first, core.end]))
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
) -> list[list[Candidate]]:
    """Return for each stretch its candidates, strongest first.

    `queries` gives each stretch plain and, if wanted, mirrored; `durations` their exact lengths.
    Footage whose checksum is in `exclude` (the source itself) is not offered, nor is what `own`
    says that the source shows (None: as far as the queries tell), unless `options.allow_same`.
    Raises `MatchError` where the archive offers nothing at all.
    """
    others = archive.without(exclude)
    if options.allow_same:
        own = NOTHING
    elif own is None:
        own = own_material(_prints(queries), others)
    offered = own.left_of(others)
    if not any(film.shots for film in offered.films):
        raise MatchError(_why_nothing(archive))
    how = AlignOptions(options.stretch, options.tightness)
    aligner = Aligner(offered, reference, options.weights or DEFAULT_WEIGHTS, how)
    answers: list[list[Aligned]] = [[] for _ in queries]
    for shorter in (False, True):
        poor = [i for i, found in enumerate(answers) if len(found) < _FEW]
        again = _answers(aligner, [queries[i] for i in poor], options.candidates, shorter=shorter)
        for i, found in zip(poor, again, strict=True):
            answers[i] = _free(found, offered, own)
    scale = aligner.strength(queries[0][0].rows) if queries else None
    return [
        _candidates(found, duration, offered, scale, scale.itself(sides[0].rows))[
            : options.candidates
        ]
        for found, duration, sides in zip(answers, durations, queries, strict=True)
        if scale is not None
    ]


def _prints(queries: Sequence[Sequence[Query]]) -> NDArray[np.float32] | None:
    """The prints of all stretches, as far as they have any."""
    parts = [sides[0].rows[PRINT] for sides in queries if sides and PRINT in sides[0].rows]
    return np.concatenate(parts) if parts else None


def _why_nothing(archive: ArchiveRows) -> str:
    """What to do where no shot can be offered."""
    if any(film.shots for film in archive.films):
        return "The archive holds nothing but the source itself: add other footage."
    if archive.unwanted:
        kinds = ", ".join(archive.unwanted)
        return f"All shots of the archive are {kinds}: add footage with `kuleshov index FOLDER`."
    return "The archive offers no shots: add footage with `kuleshov index FOLDER`."


def _answers(
    aligner: Aligner, queries: Sequence[Sequence[Query]], best: int, *, shorter: bool = False
) -> list[list[Aligned]]:
    """The answers to each stretch, its sides together."""
    flat = iter(aligner.align([q for sides in queries for q in sides], best, shorter=shorter))
    return [[answer for _ in sides for answer in next(flat)] for sides in queries]


def longest_answer(archive: ArchiveRows, options: MatchOptions) -> tuple[Fraction, Fraction] | None:
    """Return the longest stretch, in s, that a shot of the archive can answer, its last picture
    held; and one that a dozen shots can fill, or as many as there are. None for no shots."""
    cores = sorted(
        (
            film.core(shot).duration
            for film in archive.films
            for shot in film.shots
            if shot.index not in film.titles
        ),
        reverse=True,
    )
    if not cores:
        return None
    slowest = Fraction(options.stretch).limit_denominator(100)
    return cores[0] / SHORTEST, cores[min(len(cores), _DOZEN) - 1] * slowest


_DOZEN = 12  # shots to choose from
_LOOKED_AT = {*FACETS, MOVEMENT, PRINT}
_FEW = 3  # candidates; with fewer, shots that are too short are offered as well


def _candidates(
    answers: Sequence[Aligned],
    duration: Fraction,
    archive: ArchiveRows,
    scale: Strength,
    same: float,
) -> list[Candidate]:
    """Answers as candidates, exact in time, strongest first."""
    made = [_exact(answer, duration, archive, scale, same) for answer in answers]
    return sorted(made, key=lambda c: (-c.strength, c.film.footage.id, c.media.start, c.mirrored))


def _free(answers: Sequence[Aligned], offered: ArchiveRows, own: Own) -> list[Aligned]:
    """Answers that show nothing of what the source itself shows."""
    return [
        a for a in answers if not own.shows(offered.films[a.film], a.start, a.start + a.duration)
    ]


def _exact(
    answer: Aligned, duration: Fraction, archive: ArchiveRows, how: Strength, same: float
) -> Candidate:
    film = archive.films[answer.film]
    core = film.core(film.shot(answer.shot))
    wanted = Fraction(answer.start).limit_denominator(1_000_000)
    speed = answer.speed
    if duration * speed > core.duration and answer.present > 0.999:
        # As slow as it takes to fill the stretch, rounded to be slow enough.
        speed = Fraction(int(core.duration / duration * 1000), 1000)
    needed = duration * speed
    latest = max(core.start, core.end - needed)
    start = _in_point(film, core, wanted, latest)
    end = min(start + needed, core.end)
    return Candidate(
        film=film,
        shot=answer.shot,
        media=TimeRange(start, end),
        usable=core,
        mirrored=answer.mirrored,
        strength=answer.strength,
        score=how.score(answer.strength, same),
        facets={n: float(how.scales[n].percentile(v)) for n, v in answer.similarity.items()},
        speed=speed,
        held=duration - (end - start) / speed,
    )


def answering(ranked: Sequence[Candidate], weakest: float = WEAKEST) -> list[Candidate]:
    """Of answers, best first, those that do not fall clearly behind the best ones: that score half
    of the median of the five best at least, and `weakest` times the best."""
    if not ranked:
        return []
    # The example itself may be among them: the third of five says what good answers are.
    usual = float(np.median([one.score for one in ranked[:_FIVE]]))
    # Where there is one good answer only, the others are none for that.
    least = max(_WEAK * usual, weakest * ranked[0].score)
    return [one for one in ranked if one.score >= least] if usual > 0 else [*ranked[:1]]
