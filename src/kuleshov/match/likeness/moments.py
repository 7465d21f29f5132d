"""Find the best moment of a shot, coarsely.

It is where a face is near, where most moves, and from where the picture comes back to what it was.
Everything is read from the archive's rows, two a second; to the frame it is decided by `edit.loop`,
which looks at the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.features.faces import faces_of
from kuleshov.features.facet import FACES, MATERIAL, MOTION, MOVEMENT, PRINT, TONE
from kuleshov.features.material import Trait
from kuleshov.footage import Shot
from kuleshov.timecode import TimeRange

__all__ = ["Moment", "moment"]

_FACE, _MOVES, _SHARP, _RETURNS = 0.40, 0.30, 0.10, 0.20
"""What counts in a moment: faces, movement, sharpness, and that it returns; about what people look
at first. They sum to 1."""
_NEAR_FACE = 0.35  # of the picture's height: a face so high is near
_MARGIN = 0.5  # of the shortest loop, kept on both sides of the best instant if there is room


@dataclass(frozen=True)
class Moment:
    """A moment of a shot.

    `best`: the instant that must be seen; `window`: the media time around it to choose from.
    """

    best: Fraction
    window: TimeRange


def moment(
    film: ArchiveFilm,
    shot: Shot,
    shortest: Fraction,
    reach: Fraction,
    near: TimeRange | None = None,
) -> Moment:
    """Return the best moment of a shot, with up to `reach` seconds of its core around it.

    `shortest` is the least length of a loop, in seconds. `near` is a part that the moment should
    lie in: what was found by its likeness.
    """
    core = film.core(shot)
    part = core
    if near is not None and near.overlaps(core):
        part = TimeRange(max(core.start, near.start), min(core.end, near.end))
    rows = _rows(film, part)
    worth = _worth(film, rows, float(shortest))
    # The ends of a shot make poor middles of a loop.
    time = rows / film.grid
    edge = min(float(shortest) * _MARGIN, float(core.duration) / 4)
    inside = (time >= float(core.start) + edge) & (time <= float(core.end) - edge)
    if inside.any():
        worth = np.where(inside, worth, -np.inf)
    best = Fraction(int(rows[int(worth.argmax())]), film.grid)
    best = min(max(best, core.start), core.end)
    length = min(reach, core.duration)
    start = min(max(best - length / 2, core.start), core.end - length)
    return Moment(best, TimeRange(start, start + length))


def _rows(film: ArchiveFilm, part: TimeRange) -> NDArray[np.int64]:
    """Return the numbers of the rows within a part; the nearest row where it holds none."""
    first = -int(-part.start * film.grid // 1)
    end = -int(-part.end * film.grid // 1)
    last = len(film.shown) - 1
    return np.arange(min(first, last), max(min(first, last) + 1, min(end, last + 1)))


def _worth(film: ArchiveFilm, rows: NDArray[np.int64], shortest: float) -> NDArray[np.float64]:
    """Return the worth of each row as a best instant, about 0 to 1."""
    parts = film.rows
    worth = np.zeros(len(rows))
    if FACES in parts:
        worth += _FACE * np.array([_face(row) for row in parts[FACES][rows]])
    if MOVEMENT in parts:
        peaks = parts[MOVEMENT][rows].astype(np.float64).max(axis=1)
        worth += _MOVES * peaks / max(float(peaks.max()), 1e-6)
    if MATERIAL in parts:
        seen = parts[MATERIAL][rows].astype(np.float64)
        worth += _SHARP * np.clip(seen[:, Trait.SHARPNESS], 0, 1) * (1 - seen[:, Trait.BLANK])
    return worth + _RETURNS * _returns(film, rows, shortest)


def _face(row: NDArray[np.float16]) -> float:
    """Return how near the largest face is, 0 (none) to 1, less with its eyes shut."""
    count, faces = faces_of(row)
    if not count or not faces:
        return 0.0
    largest = faces[0]
    return min(1.0, largest.height / _NEAR_FACE) * (0.7 + 0.3 * min(1.0, largest.eyes_open))


def _returns(film: ArchiveFilm, rows: NDArray[np.int64], shortest: float) -> NDArray[np.float64]:
    """Return for each row how alike the ends of the best stretch around it are, 0 to 1.

    They are compared by the picture, its tone and what moves in it.
    """
    least = max(1, round(shortest * film.grid))
    most = 4 * film.grid + least
    alike = np.zeros(len(rows))
    names = [n for n in (PRINT, TONE, MOTION) if n in film.rows]
    if not names:
        return alike
    seen = [film.rows[name][rows].astype(np.float32) for name in names]
    for apart in range(least, min(most, len(rows) - 1) + 1):
        pairs = np.mean([(part[:-apart] * part[apart:]).sum(axis=1) for part in seen], axis=0)
        for offset in range(apart + 1):
            target = alike[offset : offset + len(pairs)]
            np.maximum(target, pairs, out=target)
    return np.clip(alike, 0, 1)
