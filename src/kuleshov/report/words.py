"""Say in sentences how a film is cut, and what it mostly shows."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from kuleshov.features.tags import Tag, phrase
from kuleshov.report.film import FilmReport, clock

__all__ = ["cutting", "lasting", "summary"]

_PACE = 1.25  # one half's average shot over the other's, from which the pace differs
_SOME = 4  # shots in either half that it takes to speak of pace
_MOSTLY = 0.5  # of the time


def lasting(seconds: float) -> str:
    """Return a length as it is read: `0.42 s`, `3.1 s`, `1:05`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def summary(film: FilmReport) -> str:
    """Return the sentence at the top of the page."""
    number = len(film.pictured)
    shots = "One shot" if number == 1 else f"{number} shots"
    said = [f"{shots} in {clock(film.span.duration)}"]
    mostly = [
        phrase(Tag(kind, word, share))
        for kind in ("scale", "camera", "light", "colour")
        for word, share in film.tally.get(kind, {}).items()
        if share >= _MOSTLY
    ]
    if mostly:
        said.append("mostly " + ", ".join(mostly))
    return "; ".join(said) + "."


def cutting(film: FilmReport) -> Iterator[str]:
    """Yield sentences on the rhythm."""
    lengths = [float(shot.span.duration) for shot in film.pictured]
    if len(lengths) < 2:
        yield "The film is one shot: there is no cut in it."
        return
    mean, median = statistics.mean(lengths), statistics.median(lengths)
    yield (
        f"The average shot length is {lasting(mean)}. Half of the shots last less than "
        f"{lasting(median)}; the shortest {lasting(min(lengths))}, the longest "
        f"{lasting(max(lengths))}."
    )
    yield from _pace(film)
    kinds = Counter(shot.transition for shot in film.shots[1:])
    named = [
        f"{count} {kind}{'s' if count != 1 else ''}"
        for kind, count in kinds.most_common()
        if kind != "none"
    ]
    if named:
        yield f"From shot to shot there are {_listed(named)}."
    if film.louder is not None:
        number = len(film.shots) - 1
        yield (
            f"Of {number} changes of shot {film.louder} fall where the sound is louder than usual."
        )


def _pace(film: FilmReport) -> Iterator[str]:
    """Yield a sentence on whether the film gets faster or slower towards its end."""
    middle = film.span.start + film.span.duration / 2
    halves = [
        [float(s.span.duration) for s in film.pictured if (s.span.start < middle) == first]
        for first in (True, False)
    ]
    if min(map(len, halves)) < _SOME:
        return
    first, second = map(statistics.mean, halves)
    if max(first, second) < _PACE * min(first, second):
        way = "keeps its pace"
    else:
        way = "gets faster" if second < first else "gets slower"
    yield f"It {way}: {lasting(first)} a shot in its first half, {lasting(second)} in its second."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
