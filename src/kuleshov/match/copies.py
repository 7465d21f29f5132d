"""Nothing twice: which clips show the same frames, in one file or, by way of copies, in several.

What two files share is told by `match.duplicates`; it is asked of the shots of the clips at hand
only, so that a large archive costs no more than a small one. A clip of a copy then also lies where
the same frames lie in the other file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kuleshov.match.candidates import Candidate
from kuleshov.match.duplicates import Shared, duplicates, quality
from kuleshov.match.rows import ArchiveRows, Film

__all__ = ["Copies", "Folded", "Span", "folded"]


@dataclass(frozen=True)
class Span:
    """A part of some footage, from `start` to `end` s of media time."""

    footage: int
    start: float
    end: float

    def overlaps(self, other: Span) -> bool:
        """Return whether both have an instant in common."""
        return self.footage == other.footage and self.start < other.end and other.start < self.end


class Copies:
    """What the files of some clips share."""

    def __init__(self, shared: Iterable[Shared] = ()) -> None:
        self._shared: dict[int, list[Shared]] = defaultdict(list)
        for one in shared:
            self._shared[one.other.id].append(one)

    @classmethod
    def among(cls, found: Iterable[Candidate]) -> Copies:
        """Return what the shots of these clips share."""
        films: dict[int, Film] = {}
        shots: dict[int, set[int]] = defaultdict(set)
        for one in found:
            films[one.film.footage.id] = one.film
            shots[one.film.footage.id].add(one.shot)
        pool = [
            replace(film, shots=tuple(film.shot(n) for n in sorted(shots[number])))
            for number, film in sorted(films.items())
        ]
        return cls(duplicates(ArchiveRows(pool)) if len(pool) > 1 else ())

    def spans(self, one: Candidate) -> tuple[Span, ...]:
        """Return where the frames of a clip lie: its own place first, then in other files."""
        own = Span(one.film.footage.id, float(one.media.start), float(one.media.end))
        found = [own]
        for shared in self._shared.get(own.footage, ()):
            low, high = max(own.start, shared.other_begin), min(own.end, shared.other_end)
            if low < high:
                shift = shared.begin - shared.other_begin
                found.append(Span(shared.one.id, low + shift, high + shift))
        return tuple(found)

    def same(self, one: Candidate, other: Candidate) -> bool:
        """Return whether both clips show the same frames, or some of them."""
        others = self.spans(other)
        return any(a.overlaps(b) for a in self.spans(one) for b in others)


@dataclass(frozen=True)
class Folded:
    """The clips that are `kept`, how many were left out because other `files` show the same, and
    how many because they overlap one of the same shot (`windows`)."""

    kept: tuple[Candidate, ...]
    files: int = 0
    windows: int = 0


def folded(
    found: Sequence[Candidate], copies: Copies | None = None, *, better_file: bool = True
) -> Folded:
    """Fold what was found, best first, so that no two clips show the same frames.

    Of copies the one in the better file stays (`better_file`), in the place of the best of them,
    else the first. Of each shot one clip comes first; its other moments come after all shots.
    """
    known = copies if copies is not None else Copies.among(found)
    kept: list[Candidate] = []
    at: dict[int, list[tuple[Span, int]]] = defaultdict(list)  # by footage: span, number in kept
    files = windows = 0
    for one in found:
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
    seen: set[tuple[int, int]] = set()
    first: list[Candidate] = []
    further: list[Candidate] = []
    for one in kept:
        key = one.film.footage.id, one.shot
        (further if key in seen else first).append(one)
        seen.add(key)
    return Folded((*first, *further), files, windows)


def _better(one: Candidate, other: Candidate) -> bool:
    return quality(one.film.footage) > quality(other.film.footage)
