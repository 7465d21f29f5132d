"""Choose where to crop a clip so that faces, or else bodies, stay in the picture.

Faces are read from the archive's rows, two a second, of what the clip shows: nothing is decoded.
A crop stays where it is for the whole clip; a place is worth what it shows of all faces of the
clip, large ones counting by their area. Where whole faces, with the hair above them, leave a
choice, the crop lies half-way between the middle of the picture, which was composed, and the place
in which the faces stand as they would in a picture of that shape: in the middle across, their eyes
above it. Where a clip shows no face the bodies in it count in the same way: as wide as they are,
and down to the waist. Compare "Video retargeting: automating pan and scan" (Liu and Gleicher 2006).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.features.bodies import bodies_of
from kuleshov.features.faces import faces_of
from kuleshov.features.facet import BODIES, FACES
from kuleshov.features.grid import rows_within
from kuleshov.footage import Shot
from kuleshov.timecode import TimeRange

__all__ = ["focus_of"]

_PLACES = 201  # that are tried along a side
_ROOM = 0.4  # worth of the room around a face, in that of the face
_ACROSS = (0.35, 0.35)  # room left and right of a face, in widths of it
_DOWN = (0.5, 0.35)  # above, for the hair, and below, for the neck, in heights of it
_WAIST = 0.5  # of a body's height: what of it a crop must keep
_STANDS = (0.5, 0.42)  # where the middle of a face stands in a picture, across and down
_WELL = 0.25  # what it costs to stand off by a whole side of the crop
_CALM = 0.25  # the same for a crop off the middle
_NARROW = 0.5  # of a side: another crop, which another layout may want
_NEXT = 0.05  # what that one counts

Values = NDArray[np.float64]


def focus_of(
    film: ArchiveFilm, shot: Shot, shown: TimeRange, shape: Fraction | None = None
) -> tuple[float, float] | None:
    """Return the `focus` of a clip that shows this media time of a shot; None without anybody.

    `shape` is the width over the height of the region that the clip fills (None: as its own). A
    side that is hardly cropped gets a focus too: the film may be laid out anew.
    """
    faces = _faces(film, shot, shown)
    if not len(faces):
        faces = _bodies(film, shot, shown)
    if not len(faces):
        return None
    own = film.footage.probe.video.active_aspect
    ratio = float(own / shape) if shape else 1.0
    return (
        _place(faces[:, [0, 2, 4]], min(1.0, 1 / ratio), _ACROSS, _STANDS[0]),
        _place(faces[:, [1, 3, 4]], min(1.0, ratio), _DOWN, _STANDS[1]),
    )


def _faces(film: ArchiveFilm, shot: Shot, shown: TimeRange) -> Values:
    """Return the faces of a clip, (F, 5), one for each face in each row.

    Columns are left, top, width and height as fractions of the picture, and the weight: area times
    the detector's score.
    """
    found = []
    for row in _rows(FACES, film, shot, shown):
        for face in faces_of(row)[1]:
            left, top, width, height = face.box
            found.append((left, top, width, height, width * height * face.score))
    return np.array(found, np.float64).reshape(-1, 5)


def _bodies(film: ArchiveFilm, shot: Shot, shown: TimeRange) -> Values:
    """Return the bodies of a clip down to the waist, as `_faces` does."""
    found = []
    for row in _rows(BODIES, film, shot, shown):
        for body in bodies_of(row)[1]:
            left, top, width, height = body.box
            found.append((left, top, width, _WAIST * height, width * height * body.score))
    return np.array(found, np.float64).reshape(-1, 5)


def _rows(facet: str, film: ArchiveFilm, shot: Shot, shown: TimeRange) -> NDArray[np.float16]:
    """Return the rows of a facet that a clip shows, none where the film has no such rows."""
    if facet not in film.rows:
        return np.zeros((0, 0), np.float16)
    first, end = rows_within(film.shown, shot.core)
    # Rows of other shots say nothing of this one; a clip between two rows has the nearest.
    within = np.arange(first, min(end, len(film.rows[facet])))
    times = within / film.grid
    begin, stop = float(shown.start), float(shown.end)
    inside = within[(times >= begin) & (times < stop)]
    if not len(inside) and len(within):
        inside = within[[int(np.abs(times - (begin + stop) / 2).argmin())]]
    return np.asarray(film.rows[facet][inside])


def _place(faces: Values, window: float, room: tuple[float, float], stands: float) -> float:
    """Return the middle of the best crop along one side, 0 to 1, which shows `window` of it.

    `faces` (F, 3): where each begins along the side, its length, and its weight. Of middles that
    come to the same, or nearly, since a crop ends at the picture's edge, the best for a narrower
    crop.
    """
    middles = np.linspace(0, 1, _PLACES)
    worth = _NEXT * _worth(faces, middles, _NARROW, room, stands)
    if window < 1:
        cropped = np.clip(middles, window / 2, 1 - window / 2)
        worth += _worth(faces, cropped, window, room, stands)
        worth -= _CALM * ((cropped - 0.5) / window) ** 2
    return round(float(middles[int(worth.argmax())]), 3)


def _worth(
    faces: Values, middles: Values, window: float, room: tuple[float, float], stands: float
) -> Values:
    """Return the worth, (P,), of crops at P places, by what they show of faces and where."""
    begin, length, weight = faces.T
    seen = _seen(middles, window, begin, begin + length)
    wide = _seen(middles, window, begin - room[0] * length, begin + (1 + room[1]) * length)
    stood = (begin + length / 2 - middles[:, None]) / window + 0.5
    worth = seen + _ROOM * wide - _WELL * seen * (stood - stands) ** 2
    return np.asarray(worth @ weight / max(float(weight.sum()), 1e-9))


def _seen(middles: Values, window: float, begin: Values, end: Values) -> Values:
    """Return how much of each face a crop at each place shows of what it could, squared, (P, F).

    Squared, because two halves are worth less than one whole.
    """
    begin, end = np.clip(begin, 0, 1), np.clip(end, 0, 1)
    low, high = middles[:, None] - window / 2, middles[:, None] + window / 2
    shared = np.maximum(np.minimum(end, high) - np.maximum(begin, low), 0)
    return np.asarray((shared / np.maximum(np.minimum(end - begin, window), 1e-3)) ** 2)
