"""Candidates for each stretch of a source: alignment, then what must not be offered taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from kuleshov.errors import MatchError, UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import FACETS, Reference
from kuleshov.match.align import Aligned, Aligner, Query, Weights
from kuleshov.match.rows import ArchiveRows, Film
from kuleshov.timecode import FrameRange, TimeRange

__all__ = ["DEFAULT_WEIGHTS", "Candidate", "MatchOptions", "find_candidates", "stretch"]

DEFAULT_WEIGHTS: Weights = {"subject": 1.0, "composition": 1.0}

_COPY = 0.9
"""Correlation of the pictures from which a clip is the source's own material. A copy at two thirds
of the size and crf 32 gave 0.94 to 1.00 (30 shots), the most alike of other films' shots 0.54."""
_ALIKE = 0.3
"""Similarity that a copy has at least, in each facet; flat pictures correlate by chance."""


@dataclass(frozen=True)
class MatchOptions:
    """How to match. `candidates` a shot; `weights` by facet; `mirror` also tries the archive
    flipped; `allow_same` also offers material that the source itself shows."""

    candidates: int = 60
    weights: Mapping[str, float] | None = None
    mirror: bool = False
    allow_same: bool = False

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise UsageError(f"--candidates must be at least 1, not {self.candidates}.")
        for name, weight in (self.weights or {}).items():
            if name not in FACETS:
                raise UsageError(f"There is no facet {name!r}; there are {', '.join(FACETS)}.")
            if weight < 0:
                raise UsageError(f"The weight of {name!r} must not be negative.")
        if self.weights is not None and not any(self.weights.values()):
            raise UsageError("At least one facet must have a weight above 0.")


@dataclass(frozen=True)
class Candidate:
    """A clip proposed for a stretch of the source.

    `media` is what it shows, in exact seconds from the start of a frame; `usable` the core of its
    shot. `score` runs from 0 (a random pair) to 1 (the same picture); `facets` are shares of random
    pairs that are less alike. `held` is how long its last picture must be held, in seconds.
    """

    film: Film
    shot: int
    media: TimeRange
    usable: TimeRange
    mirrored: bool
    strength: float
    score: float
    facets: Mapping[str, float]
    held: Fraction = Fraction(0)


def stretch(
    analysis: Analysis, visible: TimeRange, core: FrameRange, *, mirrored: bool = False
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
    time = rows / analysis.grid - float(visible.start)
    return Query(
        duration=float(visible.duration),
        time=np.clip(time, 0, float(visible.duration)),
        rows={name: part[rows].astype(np.float32) for name, part in features.items()},
        mirrored=mirrored,
    )


def find_candidates(
    queries: Sequence[Sequence[Query]],
    durations: Sequence[Fraction],
    archive: ArchiveRows,
    reference: Reference,
    options: MatchOptions = MatchOptions(),
    *,
    exclude: frozenset[str] = frozenset(),
) -> list[list[Candidate]]:
    """For each stretch its candidates, strongest first.

    `queries` gives each stretch plain and, if wanted, mirrored; `durations` their exact lengths.
    Footage whose checksum is in `exclude` (the source itself) is not offered. Raises `MatchError`
    where the archive offers nothing at all.
    """
    offered = ArchiveRows(f for f in archive.films if f.footage.checksum not in exclude)
    if not any(film.shots for film in offered.films):
        raise MatchError(
            "The archive offers no shots: add footage with `kuleshov index FOLDER`."
            if not archive.films
            else "The archive holds nothing but the source itself: add other footage."
        )
    aligner = Aligner(offered, reference, options.weights or DEFAULT_WEIGHTS)
    answers = _answers(aligner, queries, options.candidates)
    own = [] if options.allow_same else [a for found in answers for a in found if _is_same(a)]
    answers = [_without(found, own) for found in answers]
    poor = [i for i, found in enumerate(answers) if len(found) < _FEW]
    again = _answers(aligner, [queries[i] for i in poor], options.candidates, shorter=True)
    for i, found in zip(poor, again, strict=True):
        answers[i] = _without(found, own)
    return [
        _candidates(found, duration, offered, aligner)[: options.candidates]
        for found, duration in zip(answers, durations, strict=True)
    ]


def _answers(
    aligner: Aligner, queries: Sequence[Sequence[Query]], best: int, *, shorter: bool = False
) -> list[list[Aligned]]:
    """The answers to each stretch, its sides together."""
    flat = iter(aligner.align([q for sides in queries for q in sides], best, shorter=shorter))
    return [[answer for _ in sides for answer in next(flat)] for sides in queries]


_FEW = 3  # candidates; with fewer, shots that are too short are offered as well


def _candidates(
    answers: Sequence[Aligned], duration: Fraction, archive: ArchiveRows, aligner: Aligner
) -> list[Candidate]:
    """Answers as candidates, exact in time, strongest first."""
    made = [_exact(answer, duration, archive, aligner) for answer in answers]
    return sorted(made, key=lambda c: (-c.strength, c.film.footage.id, c.media.start, c.mirrored))


def _without(answers: Sequence[Aligned], own: Sequence[Aligned]) -> list[Aligned]:
    """Answers that show nothing of what the source itself shows."""
    return [a for a in answers if not any(_overlap(a, same) for same in own)]


def _overlap(one: Aligned, other: Aligned) -> bool:
    """True where both show an instant of the same footage: around a copy all is the source's."""
    return (
        one.film == other.film
        and one.start < other.start + other.duration
        and other.start < one.start + one.duration
    )


def _is_same(answer: Aligned) -> bool:
    return answer.copied >= _COPY and min(answer.similarity.values()) >= _ALIKE


def _exact(
    answer: Aligned, duration: Fraction, archive: ArchiveRows, aligner: Aligner
) -> Candidate:
    film = archive.films[answer.film]
    shot = next(shot for shot in film.shots if shot.index == answer.shot)
    core = film.core(shot)
    wanted = Fraction(answer.start).limit_denominator(1_000_000)
    latest = max(core.start, core.end - duration)
    start = film.frame_start(min(max(wanted, core.start), latest))
    if start > latest:
        # Rounded to a frame beyond the last in-point: the frame before it begins in time.
        start = max(core.start, film.frame_start(start - 1 / film.footage.probe.video.rate))
    end = min(start + duration, core.end)
    return Candidate(
        film=film,
        shot=answer.shot,
        media=TimeRange(start, end),
        usable=core,
        mirrored=answer.mirrored,
        strength=answer.strength,
        score=aligner.score(answer.strength),
        facets={name: aligner.percentile(name, value) for name, value in answer.similarity.items()},
        held=duration - (end - start),
    )
