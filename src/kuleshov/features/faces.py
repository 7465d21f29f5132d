"""Describe faces: how many, where, how large, how turned, and what a close one expresses.

The similarity of two pictures is a sum of soft comparisons. Each is a kernel, so that it can be
stored as a part of the row (`spreads`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.face_nets import EXPRESSIONS, Face, FaceFinder, face_networks
from kuleshov.features.facet import EMPTY, FACES, Reference
from kuleshov.features.spreads import Values, spread, united

__all__ = [
    "EXPRESSIONS",
    "WIDTH",
    "Face",
    "FaceFinder",
    "Faces",
    "expressions_of",
    "faces_of",
    "row_of",
]

_KEPT = 3  # faces that a row tells of

# Marks on which a value is spread.
_ACROSS = (0.06, 0.28, 0.5, 0.72, 0.94)  # of the picture's width
_DOWN = (0.1, 0.37, 0.63, 0.9)  # of its height
_HEIGHTS = tuple(math.log2(0.06) + 0.8 * n for n in range(6))  # octaves of the picture's height
_SHOT_SIZES = tuple(math.log2(0.06) + 0.6 * n for n in range(8))
_COUNTS = (0.0, 1.0, 2.0, 3.0)  # octaves: one face, two, four, a crowd
_YAWS = (-70.0, -35.0, 0.0, 35.0, 70.0)  # degrees
_PITCHES = (-45.0, -15.0, 15.0, 45.0)
_ROLLS = (-60.0, -20.0, 20.0, 60.0)
_MOUTHS = (0.0, 0.33, 0.67, 1.0)
_FAR, _NEAR = (
    0.16,
    0.45,
)  # a face's height where its expression begins to count, where it fully does
_WEIGHTS_FAR = (0.50, 0.20, 0.20, 0.10, 0.0)  # place and size, size, number, pose, expression
_WEIGHTS_NEAR = (0.26, 0.10, 0.14, 0.17, 0.33)

_NUMBERS = 11 + len(EXPRESSIONS)  # kept of each face to read it back
_SCALE = 2.0**-9  # of what is kept: it changes no similarity by more than 0.0002
_PARTS = (
    1,
    len(_ACROSS) * len(_DOWN) * len(_HEIGHTS),
    len(_SHOT_SIZES),
    len(_COUNTS),
    len(_YAWS) + len(_PITCHES) + len(_ROLLS),
    len(EXPRESSIONS) + len(_MOUTHS),
)
WIDTH = sum(_PARTS) + 1 + _KEPT * _NUMBERS
"""Numbers in a row."""


class Faces:
    """The faces facet: the faces of a picture as one row.

    They are looked for in `seen.large` or, where there is none, `seen.images`.

    Two pictures with the same faces have the similarity 1, two without any 0.5, one with and one
    without 0. `faces_of` reads the largest faces back out of a row. Finding is exact enough in
    float32 only; the networks are loaded by the first picture.
    """

    name = FACES
    version = 1
    slow = True

    def __init__(self, reference: Reference, finder: FaceFinder | None = None) -> None:
        del reference  # nothing was fitted
        self.maker = face_networks()
        self._finder = finder or FaceFinder()

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return one row a picture, (N, WIDTH) float16."""
        pictures = seen.images if seen.large is None else seen.large
        rows = [row_of(faces) for faces in self._finder.find(pictures)]
        return np.array(rows, np.float16).reshape(-1, WIDTH)

    def prepare(self, height: int, width: int) -> None:
        """Load all networks for pictures of this size, so that none waits for one later."""
        self._finder.prepare(height, width)

    def both_sides(self, picture: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Return the rows of a picture (H, W, 3) and of its mirror image, (2, WIDTH) float16.

        Faces are looked for once: those of the mirror image are the same, turned.
        """
        found = self._finder.find(picture[None])[0]
        return np.stack([row_of(found), row_of([face.mirrored() for face in found])])


def row_of(faces: Sequence[Face]) -> NDArray[np.float16]:
    """Return the row, (WIDTH,) float16, of a picture with these faces."""
    kept = np.zeros(1 + _KEPT * _NUMBERS)
    if not faces:
        none = np.zeros(sum(_PARTS))
        none[0] = math.sqrt(EMPTY[FACES])
        return np.concatenate([none, kept]).astype(np.float16)
    largest = sorted(faces, key=lambda face: -face.height)[:_KEPT]
    shares = np.array([face.height for face in largest])
    shares /= shares.sum()
    parts = (
        united([_place(face) for face in largest], shares),
        united([spread(math.log2(face.height), _SHOT_SIZES) for face in largest], shares),
        spread(math.log2(min(len(faces), 8)), _COUNTS),
        united([_pose(face) for face in largest], shares),
        united([_expression(face) for face in largest], shares),
    )
    weights = np.sqrt(_weights(largest[0].height, any(face.expression for face in largest)))
    joined = np.concatenate([np.zeros(1), *(w * p for w, p in zip(weights, parts, strict=True))])
    kept[0] = min(len(faces), 8) / 8
    for number, face in enumerate(largest):
        kept[1 + number * _NUMBERS : 1 + (number + 1) * _NUMBERS] = _numbers(face)
    return np.concatenate([joined, kept * _SCALE]).astype(np.float16)


def faces_of(row: NDArray[np.float16]) -> tuple[int, tuple[Face, ...]]:
    """Return the number of faces that a row tells of, and the largest three of them.

    The row is (WIDTH,); 8 stands for as many or more. The largest comes first; angles are right to
    about a degree, the rest to about a hundredth.
    """
    kept = row[sum(_PARTS) :].astype(np.float64) / _SCALE
    count = round(kept[0] * 8)
    faces = []
    for number in range(min(count, _KEPT)):
        values = kept[1 + number * _NUMBERS : 1 + (number + 1) * _NUMBERS]
        box, (score, roll, yaw, pitch, mouth, eyes) = values[:4], values[4:10]
        shares = values[11:] / max(values[11:].sum(), 1e-6)
        faces.append(
            Face(
                box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                score=float(score),
                roll=float(roll) * 180,
                yaw=float(yaw) * 180,
                pitch=float(pitch) * 180,
                mouth_open=float(mouth),
                eyes_open=float(eyes),
                expression=tuple(shares.tolist()) if values[10] > 0.5 else (),
            )
        )
    return count, tuple(faces)


def expressions_of(rows: NDArray[np.floating[Any]]) -> Values:
    """Return the expression of the largest face in each of the rows (n, WIDTH), (n, 7) float64.

    These are the probabilities of `EXPRESSIONS`, all 0 where there is no face or it is too small to
    tell.
    """
    first = sum(_PARTS) + 1
    numbers = np.asarray(rows[:, first : first + _NUMBERS], np.float64) / _SCALE
    told, shares = numbers[:, 10] > 0.5, numbers[:, 11:]
    total = np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)
    return np.where(told[:, None], shares / total, 0.0)


def _numbers(face: Face) -> list[float]:
    """Return what is kept of a face, as numbers of the order of 1.

    Box, score, angles, mouth, eyes, expression.
    """
    angles = [face.roll / 180, face.yaw / 180, face.pitch / 180]
    shares = face.expression or (0.0,) * len(EXPRESSIONS)
    told = float(bool(face.expression))
    return [*face.box, face.score, *angles, face.mouth_open, face.eyes_open, told, *shares]


def _weights(height: float, told: bool) -> Values:
    """Return how much each part counts, (5,) with sum 1, by the height of the largest face."""
    near = min(max(math.log(height / _FAR) / math.log(_NEAR / _FAR), 0.0), 1.0) if told else 0.0
    return np.array(_WEIGHTS_FAR) * (1 - near) + np.array(_WEIGHTS_NEAR) * near


def _place(face: Face) -> Values:
    """Return where a face is and how large, (120,) of length 1."""
    x, y, width, height = face.box
    across, down = spread(x + width / 2, _ACROSS), spread(y + height / 2, _DOWN)
    heights = spread(math.log2(height), _HEIGHTS)
    return np.asarray(np.einsum("x,y,s->xys", across, down, heights)).ravel()


def _pose(face: Face) -> Values:
    """Return how a face is turned, (13,) of length 1; to which side counts most."""
    turns = ((face.yaw, _YAWS, 0.6), (face.pitch, _PITCHES, 0.2), (face.roll, _ROLLS, 0.2))
    return np.concatenate([math.sqrt(share) * spread(v, marks) for v, marks, share in turns])


def _expression(face: Face) -> Values:
    """Return what a face expresses, (11,) of length 1.

    The probabilities, whose roots give Bhattacharyya's coefficient as their product, and how far
    the mouth is open.
    """
    if not face.expression:
        return _unknown()
    roots = np.sqrt(np.array(face.expression) / sum(face.expression))
    return np.concatenate(
        [math.sqrt(0.65) * roots, math.sqrt(0.35) * spread(face.mouth_open, _MOUTHS)]
    )


@cache
def _unknown() -> Values:
    """Return a vector for an expression that was not looked at.

    It has no weight unless a larger face beside it was looked at.
    """
    vector = np.ones(len(EXPRESSIONS) + len(_MOUTHS))
    return np.asarray(vector / np.linalg.norm(vector))
