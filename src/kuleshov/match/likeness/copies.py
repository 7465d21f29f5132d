"""Keep a film from showing anything twice: find clips that show the same frames, also in copies.

What two files share is told by `match.same.duplicates`; it is asked of the shots of the clips at
hand only, so that a large archive costs no more than a small one. A clip of a copy then also lies
where the same frames lie in the other file. A shot that holds one picture (a title card, a
photograph) shows the same in each of its windows: a clip of it counts as all of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.facet import MOVEMENT, PRINT
from kuleshov.features.movement import speeds_of
from kuleshov.footage import Shot, ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.same.duplicates import Shared, duplicates, quality
from kuleshov.match.same.prints import is_whole

__all__ = ["Copies", "Folded", "FootageRange", "Held", "folded"]

_STILL = 0.002  # of the picture's size a second; held pictures lie below 0.0007, films above 0.003
_UNCHANGED = 0.998  # correlation with the middle of a shot that shows nothing else


@dataclass(frozen=True)
class FootageRange:
    """A span of some footage, from `start` to `end` s of media time."""

    footage: int
    start: float
    end: float

    def overlaps(self, other: FootageRange) -> bool:
        """Return whether both have an instant in common."""
        return self.footage == other.footage and self.start < other.end and other.start < self.end


class Held:
    """Memory of which shots hold one picture, of those that were asked about."""

    def __init__(self) -> None:
        self._known: dict[ShotRef, bool] = {}

    def is_one_picture(self, film: ArchiveFilm, shot: Shot) -> bool:
        """Return whether a shot of a film shows one picture all the time."""
        ref = film.ref(shot)
        if ref not in self._known:
            self._known[ref] = _holds(film, shot.index)
        return self._known[ref]


class Copies:
    """The parts that the files of some clips share."""

    def __init__(
        self, shared: Iterable[Shared] = (), held: Mapping[ShotRef, FootageRange] = {}
    ) -> None:
        """Take the parts that files share, and the spans of the shots that hold one picture."""
        self._held = dict(held)
        self._shared: dict[int, list[Shared]] = defaultdict(list)
        for one in shared:
            self._shared[one.other.id].append(one)

    @classmethod
    def among(
        cls, found: Iterable[Candidate], job: Job = QUIET, *, held: Held | None = None
    ) -> Copies:
        """Return what the shots of these clips share; `held` is kept for another time."""
        still = Held() if held is None else held
        films: dict[int, ArchiveFilm] = {}
        shots: dict[int, dict[int, Shot]] = defaultdict(dict)
        for one in job.over(found):
            films[one.film.footage.id] = one.film
            # From the clip's own film: others may know fewer shots, each as it was filtered.
            shots[one.film.footage.id][one.shot] = one.film.shot(one.shot)
        pool = [
            replace(film, shots=tuple(shot for _, shot in sorted(shots[number].items())))
            for number, film in sorted(films.items())
        ]
        whole = {
            film.ref(shot): _whole(film, shot.index)
            for film in pool
            for shot in job.over(film.shots)
            if still.is_one_picture(film, shot)
        }
        return cls(duplicates(ArchiveRows(pool), job) if len(pool) > 1 else (), whole)

    def spans(self, one: Candidate) -> tuple[FootageRange, ...]:
        """Return where the frames of a clip lie: its own place first, then in other files."""
        shown = FootageRange(one.film.footage.id, float(one.media.start), float(one.media.end))
        own = self._held.get(one.ref, shown)
        found = [own]
        for shared in self._shared.get(own.footage, ()):
            low, high = max(own.start, shared.other_begin), min(own.end, shared.other_end)
            if low < high:
                shift = shared.begin - shared.other_begin
                found.append(FootageRange(shared.one.id, low + shift, high + shift))
        return tuple(found)

    def same(self, one: Candidate, other: Candidate) -> bool:
        """Return whether two clips show the same frames, or some of them."""
        others = self.spans(other)
        return any(a.overlaps(b) for a in self.spans(one) for b in others)


def _whole(film: ArchiveFilm, number: int) -> FootageRange:
    core = film.core(film.shot(number))
    return FootageRange(film.footage.id, float(core.start), float(core.end))


def _holds(film: ArchiveFilm, number: int) -> bool:
    """Return whether a shot shows one picture all the time."""
    if not {PRINT, MOVEMENT} <= set(film.rows) or not is_whole(film.rows[PRINT]):
        return False
    place = next(n for n, shot in enumerate(film.shots) if shot.index == number)
    first, end = film.edges()[0][place].tolist()
    if end - first < 2 or np.median(speeds_of(film.rows[MOVEMENT][first:end])) >= _STILL:
        return False
    prints = film.rows[PRINT][first:end].astype(np.float32)
    return float((prints @ prints[len(prints) // 2]).min()) >= _UNCHANGED


@dataclass(frozen=True)
class Folded:
    """Clips without repetitions.

    Those `kept`, how many were left out because other `files` show the same, and how many because
    they overlap one of the same shot (`windows`).
    """

    kept: tuple[Candidate, ...]
    files: int = 0
    windows: int = 0


def folded(
    found: Sequence[Candidate],
    copies: Copies | None = None,
    *,
    better_file: bool = True,
    job: Job = QUIET,
) -> Folded:
    """Return the clips found, best first, folded so that no two show the same frames.

    Of copies the one in the better file stays (`better_file`), in the place of the best of them,
    else the first. Of each shot one clip comes first; its other moments come after all shots.
    """
    known = copies if copies is not None else Copies.among(found, job)
    kept: list[Candidate] = []
    # By footage: what is shown of it, and the number in `kept` of the clip that shows it.
    at: dict[int, list[tuple[FootageRange, int]]] = defaultdict(list)
    files = windows = 0
    for one in job.over(found):
        spans = known.spans(one)
        before = next(
            (n for span in spans for other, n in at[span.footage] if span.overlaps(other)), None
        )
        if before is None:
            before = len(kept)
            kept.append(one)
        elif kept[before].film.footage.id == one.film.footage.id:
            windows += 1
            continue
        else:
            files += 1
            if not better_file or not _better(one, kept[before]):
                continue
            kept[before] = one
        for span in spans:
            at[span.footage].append((span, before))
    seen: set[ShotRef] = set()
    first: list[Candidate] = []
    further: list[Candidate] = []
    for one in kept:
        (further if one.ref in seen else first).append(one)
        seen.add(one.ref)
    return Folded((*first, *further), files, windows)


def _better(one: Candidate, other: Candidate) -> bool:
    return quality(one.film.footage) > quality(other.film.footage)
