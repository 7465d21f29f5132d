"""Find the source's own material in an archive: what of it the source itself shows.

It is found once, for the whole source, by prints: each row of the archive is held against all rows
of the source, as it is and mirrored. Which passes of matching follow makes no difference then, nor
which shots of the source are asked about. A row stands for the time up to its neighbours, within
its shot: around a copy all is the source's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.facet import PRINT
from kuleshov.jobs import QUIET, Job
from kuleshov.match.same.prints import COARSELY, COPY, coarse, flipped, is_whole, same_picture

__all__ = ["NOTHING", "Own", "own_material"]

_ROWS = 8192  # of the archive compared at once
_LOOKS = 4096  # of the source compared at once
_AT_ONCE = 1024  # rows of the archive, between two looks whether to stop
_NEAREST = 3  # rows of the source that are looked at closely, for each row of the archive
_MOSTLY = 0.5  # of a shot's rows; a shot of which more is the source's is not offered at all

Prints = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Own:
    """The ranges that a source shows of an archive: by footage id, from and to in s, (K, 2)."""

    ranges: Mapping[int, NDArray[np.float64]]

    def shows(self, film: ArchiveFilm, start: float, end: float) -> bool:
        """Return whether the source shows an instant of this part of a film."""
        held = self.ranges.get(film.footage.id)
        return held is not None and bool(((held[:, 0] < end) & (held[:, 1] > start)).any())

    def left_of(self, archive: ArchiveRows) -> ArchiveRows:
        """Return the archive without the shots of which the source shows more than half."""
        if archive.by_id.keys().isdisjoint(self.ranges):
            return archive
        films = [
            self._left(film) if film.footage.id in self.ranges else film for film in archive.films
        ]
        return ArchiveRows(films, archive.left_out, archive.unwanted)

    def _left(self, film: ArchiveFilm) -> ArchiveFilm:
        held = self.ranges.get(film.footage.id)
        if held is None:
            return film
        kept = []
        for shot, (start, end) in zip(film.shots, film.edges()[1].tolist(), strict=True):
            shared = np.minimum(held[:, 1], end) - np.maximum(held[:, 0], start)
            if np.maximum(shared, 0).sum() <= _MOSTLY * (end - start):
                kept.append(shot)
        return film if len(kept) == len(film.shots) else replace(film, shots=tuple(kept))


NOTHING = Own({})
"""A source that shows nothing of the archive, or that may be answered by itself."""


def own_material(
    prints: NDArray[np.floating] | None, archive: ArchiveRows, job: Job = QUIET
) -> Own:
    """Return what a source shows of the archive.

    `prints` (N, 256) are the source's own; None where it has none.
    """
    if prints is None or not len(prints):
        return NOTHING
    source = _Source(prints, job)
    ranges = {}
    for films in job.over(_in_parts(archive)):
        rows = np.concatenate([film.rows[PRINT].astype(np.float32) for film in films])
        ends = np.cumsum([len(film.shown) for film in films])[:-1]
        # One film may have many more rows than are compared at once.
        parts = [rows[at : at + 2 * _ROWS] for at in range(0, len(rows), 2 * _ROWS)]
        likeness = [source.likeness(part) for part in parts]
        told, plain = (np.concatenate(each) for each in zip(*likeness, strict=True))
        for film, sure, like in zip(
            films, np.split(told, ends), np.split(plain, ends), strict=True
        ):
            if (sure >= COPY).any():
                found = _ranges(film, sure >= COPY, like >= COPY)
                if len(found):
                    ranges[film.footage.id] = found
    return Own(ranges)


def _in_parts(archive: ArchiveRows) -> Iterator[list[ArchiveFilm]]:
    """Yield the films that have prints, some thousand rows at a time."""
    waiting: list[ArchiveFilm] = []
    for film in archive.films:
        if PRINT in film.rows and len(film.shown):
            waiting.append(film)
        if sum(len(one.shown) for one in waiting) >= _ROWS:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


class _Source:
    """The prints of a source, as they are and mirrored."""

    def __init__(self, prints: NDArray[np.floating], job: Job) -> None:
        self._job = job
        self._prints = prints.astype(np.float32)
        if is_whole(prints):
            self._prints = np.concatenate([self._prints, flipped(self._prints, True)])
        self._coarse = coarse(self._prints)

    def likeness(self, rows: Prints) -> tuple[Prints, Prints]:
        """Return for each row (R,) how far the source shows that very picture, and the correlation.

        The first is 0 where the likeness may be by chance.
        """
        small = coarse(rows)
        told, plain = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        for begin in range(0, len(self._coarse), _LOOKS):
            part = self._coarse[begin : begin + _LOOKS]
            for first in self._job.over(range(0, len(rows), _AT_ONCE)):
                alike = small[first : first + _AT_ONCE] @ part.T
                near = np.flatnonzero(alike.max(axis=1) >= COARSELY)
                if not len(near):
                    continue
                most = min(_NEAREST, len(part))
                best = np.argpartition(-alike[near], most - 1, axis=1)[:, :most] + begin
                near += first
                for column in best.T:
                    there = self._prints[column]
                    whole = np.einsum("nd,nd->n", rows[near], there)
                    sure = same_picture(rows[near], there) if is_whole(rows) else whole
                    np.maximum.at(told, near, sure)
                    np.maximum.at(plain, near, whole)
        return told, plain


def _ranges(
    film: ArchiveFilm, sure: NDArray[np.bool_], like: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the times, (K, 2), of the rows that the source shows, each within its shot.

    In a shot of which the source surely shows a part, what is only like it is the source's, too:
    there a dark or empty picture is not like it by chance.
    """
    found = []
    rows, seconds = film.edges()
    for (first, end), (start, stop) in zip(rows.tolist(), seconds.tolist(), strict=True):
        first = min(first, len(film.shown) - 1)
        end = max(end, first + 1)
        if not sure[first:end].any():
            continue
        for row in (np.flatnonzero(like[first:end]) + first).tolist():
            low, high = max(start, (row - 1) / film.grid), min(stop, (row + 1) / film.grid)
            if high > low:
                found.append((low, high))
    return np.array(found, np.float64).reshape(-1, 2)
