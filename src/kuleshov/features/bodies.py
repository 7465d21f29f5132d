"""Describe bodies: how many, where, how large, from which side, in what posture.

The similarity of two pictures is a sum of soft comparisons, each a part of the row (`spreads`).
A posture is told by how joints stand to each other: the directions of limbs, how high hands are,
how far legs are stretched. Left and right are the picture's, for who is seen from behind raises the
other arm. What is hidden is half like anything, so that a figure cut off at the waist may answer a
whole one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.body_nets import JOINTS, Body, BodyFinder, body_networks
from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import BODIES, EMPTY, Reference
from kuleshov.features.spreads import Values, around, spread, united, unknown

__all__ = [
    "COMPARED",
    "WIDTH",
    "Bodies",
    "Body",
    "Posture",
    "bodies_of",
    "posture_of",
    "row_of",
]

_KEPT = 3  # bodies that a row tells of
_MOST = 8  # bodies that are counted

# Marks on which a value is spread.
_ACROSS = (0.06, 0.28, 0.5, 0.72, 0.94)  # of the picture's width
_DOWN = (0.1, 0.37, 0.63, 0.9)  # of its height
_HEIGHTS = tuple(math.log2(0.1) + 0.8 * n for n in range(5))  # octaves of the picture's height
_FIGURES = tuple(math.log2(0.12) + 0.6 * n for n in range(9))
_COUNTS = (0.0, 1.0, 2.0, 3.0)  # octaves: one body, two, four, a crowd
_SIDES = (-1.0, 0.0, 1.0)
_FACE = (0.0, 0.6)
_RAISED = (-1.0, -0.4, 0.2, 0.8)  # trunks that a wrist is above its shoulder
_APART = (0.0, 0.6, 1.2)  # trunks
_LEGS = (0.0, 0.6, 1.2, 1.8)  # trunks that an ankle is below its hip
_AROUND = 8  # marks around the circle

_LIMBS = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16))
_OTHERS = ((6, 8), (8, 10), (5, 7), (7, 9), (12, 14), (14, 16), (11, 13), (13, 15))
_BELOW_HEAD = tuple(range(5, len(JOINTS)))
_SURE = 0.2  # score of a joint that is believed
_ENOUGH = 8  # of the twelve joints below the head: from there a posture is known
_FAR, _NEAR = 0.15, 0.45  # a body's height where its posture begins to count, where it fully does
_WEIGHTS_FAR = (0.40, 0.20, 0.25, 0.10, 0.05)  # place and size, figure, number, side, posture
_WEIGHTS_NEAR = (0.22, 0.12, 0.13, 0.15, 0.38)
_OF_TRUNK, _OF_SHOULDERS, _OF_EYES = 3.4, 4.5, 27.0  # heights of a figure, in lengths of these

_NUMBERS = 5 + 3 * len(JOINTS)  # kept of each body to read it back
_SCALE = 2.0**-9  # of what is kept: it changes no similarity by more than 0.0005
_PARTS = (
    1,
    len(_ACROSS) * len(_DOWN) * len(_HEIGHTS),
    len(_FIGURES),
    len(_COUNTS),
    2 * len(_SIDES) + len(_FACE),
    _AROUND * len(_LIMBS) + 2 * len(_RAISED) + 2 * len(_APART) + _AROUND + len(_LEGS),
)
COMPARED = sum(_PARTS)
"""Numbers by which rows are compared; what bodies are read back from lies behind them."""
WIDTH = COMPARED + 2 + _KEPT * _NUMBERS
"""Numbers in a row."""

Point = NDArray[np.float64]


@dataclass(frozen=True)
class Posture:
    """A posture: how the joints of a body stand to each other; None where they are hidden.

    Lengths are in trunks, from shoulders to hips. `figure` is how high the whole figure would
    stand, in parts of the picture's height. `front` is 1 where it faces us, -1 from behind, 0 from
    the side; `side` is -1 where it looks left, 1 where it looks right; `face` is how surely its
    face is seen. `tilt` is the angle of the trunk clockwise from upright, in radians. `raised` is
    how far each wrist is above its shoulder, the higher first; `reach` how far a hand is from its
    shoulder sideways, `stride` one foot from the other; `legs` how far the lower ankle is below
    its hip, `thighs` how far the lower knee is.
    """

    figure: float
    front: float | None
    side: float | None
    face: float
    tilt: float | None
    raised: tuple[float, ...]
    reach: float | None
    legs: float | None
    thighs: float | None
    stride: float | None


class Bodies:
    """The bodies facet: the bodies of a picture as one row.

    They are looked for in `seen.large` or, where there is none, `seen.images`, twice a second.

    Two pictures with the same bodies have the similarity 1, two without any 0.5, one with and one
    without 0. `bodies_of` reads the largest bodies back out of a row.
    """

    name = BODIES
    version = 1
    slow = True
    pace = 2

    def __init__(self, reference: Reference, finder: BodyFinder | None = None) -> None:
        del reference  # nothing was fitted
        self.maker = body_networks()
        self._finder = finder or BodyFinder()

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        """Return one row a picture, (N, WIDTH) float16."""
        pictures = seen.images if seen.large is None else seen.large
        rows = [
            row_of(self._finder.find(picture), picture.shape[1] / picture.shape[0])
            for picture in pictures
        ]
        return np.array(rows, np.float16).reshape(-1, WIDTH)

    def prepare(self, height: int, width: int) -> None:
        """Load all networks for pictures of this size, so that none waits for one later."""
        self._finder.prepare(height, width)

    def both_sides(self, picture: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Return the rows of a picture (H, W, 3) and of its mirror image, (2, WIDTH) float16.

        Bodies are looked for once: those of the mirror image are the same, turned.
        """
        found = self._finder.find(picture)
        aspect = picture.shape[1] / picture.shape[0]
        return np.stack([row_of(found, aspect), row_of([b.mirrored() for b in found], aspect)])


def row_of(bodies: Sequence[Body], aspect: float) -> NDArray[np.float16]:
    """Return the row, (WIDTH,) float16, of a picture with these bodies.

    `aspect` is the picture's width over its height.
    """
    kept = np.zeros(2 + _KEPT * _NUMBERS)
    kept[1] = aspect / 4
    if not bodies:
        none = np.zeros(COMPARED)
        none[0] = math.sqrt(EMPTY[BODIES])
        return np.concatenate([none, kept * _SCALE]).astype(np.float16)
    largest = sorted(bodies, key=lambda body: -body.height)[:_KEPT]
    postures = [posture_of(body, aspect) for body in largest]
    shares = np.array([body.height for body in largest])
    shares /= shares.sum()
    parts = (
        united([_place(body) for body in largest], shares),
        united([spread(math.log2(posture.figure), _FIGURES) for posture in postures], shares),
        spread(math.log2(min(len(bodies), _MOST)), _COUNTS),
        united([_side(posture) for posture in postures], shares),
        united([_stance(*each, aspect) for each in zip(largest, postures, strict=True)], shares),
    )
    weights = np.sqrt(_weights(largest[0]))
    joined = np.concatenate([np.zeros(1), *(w * p for w, p in zip(weights, parts, strict=True))])
    kept[0] = min(len(bodies), _MOST) / _MOST
    for number, body in enumerate(largest):
        kept[2 + number * _NUMBERS : 2 + (number + 1) * _NUMBERS] = [
            *body.box,
            body.score,
            *np.array(body.joints).ravel(),
        ]
    return np.concatenate([joined, kept * _SCALE]).astype(np.float16)


def bodies_of(row: NDArray[np.floating[Any]]) -> tuple[int, tuple[Body, ...], float]:
    """Return the number of bodies of a row, (WIDTH,), the largest three, and the picture's aspect.

    8 stands for as many or more. The largest comes first; places are right to about a hundredth.
    """
    kept = np.asarray(row[COMPARED:], np.float64) / _SCALE
    count = round(kept[0] * _MOST)
    bodies = []
    for number in range(min(count, _KEPT)):
        values = kept[2 + number * _NUMBERS : 2 + (number + 1) * _NUMBERS].tolist()
        x, y, width, height, score = values[:5]
        joints = tuple(zip(*(values[5 + n :: 3] for n in range(3)), strict=True))
        bodies.append(Body((x, y, max(width, 1e-3), max(height, 1e-3)), score, joints))
    return count, tuple(bodies), float(kept[1]) * 4


def posture_of(body: Body, aspect: float) -> Posture:
    """Return the posture of a body in a picture whose width is `aspect` times its height."""
    at = _points(body, aspect)
    shoulders, hips = _middle(at, 5, 6), _middle(at, 11, 12)
    width = abs(float(at[5][0] - at[6][0])) if 5 in at and 6 in at else None
    trunk = None if shoulders is None or hips is None else float(np.hypot(*(shoulders - hips)))
    if trunk is not None and width is not None:
        trunk = max(trunk, width)
    length = max(trunk or 1.4 * (width or body.height / 4), 1e-3)
    tilt = None
    if shoulders is not None and hips is not None:
        tilt = float(np.arctan2(*((shoulders - hips) * (1, -1))))
    front = None if width is None else float(np.clip((at[5][0] - at[6][0]) / (0.7 * length), -1, 1))
    side = None
    if shoulders is not None and 0 in at:
        side = float(np.clip((at[0][0] - shoulders[0]) / (0.3 * length), -1, 1))
    hands = [_hand(at, *arm) for arm in ((5, 7, 9), (6, 8, 10))]
    feet = [_hand(at, *leg) for leg in ((11, 13, 15), (12, 14, 16))]
    lower = [float(foot[1]) / length for foot in feet if foot is not None]
    thighs = [
        float(at[k][1] - at[h][1]) / length for h, k in ((11, 13), (12, 14)) if h in at and k in at
    ]
    reached = [abs(float(hand[0])) / length for hand in hands if hand is not None]
    return Posture(
        figure=_figure(body, at, trunk, width),
        front=front,
        side=side,
        face=float(np.mean([body.joints[n][2] for n in (0, 1, 2)])),
        tilt=tilt,
        raised=tuple(
            sorted((float(-hand[1] / length) for hand in hands if hand is not None), reverse=True)
        ),
        reach=max(reached) if reached else None,
        legs=max(lower) if lower else None,
        thighs=max(thighs) if thighs else None,
        stride=abs(float(at[15][0] - at[16][0])) / length if 15 in at and 16 in at else None,
    )


def _points(body: Body, aspect: float) -> dict[int, Point]:
    """Return the joints that are seen, by their numbers: x and y in picture heights."""
    return {
        number: np.array([x * aspect, y])
        for number, (x, y, score) in enumerate(body.joints)
        if score >= _SURE
    }


def _middle(at: dict[int, Point], one: int, other: int) -> Point | None:
    """Return the middle of two joints, or the one of them that is seen."""
    seen = [at[number] for number in (one, other) if number in at]
    return np.mean(seen, axis=0) if seen else None


def _hand(at: dict[int, Point], root: int, middle: int, end: int) -> Point | None:
    """Return the way from the root of a limb to its end; twice that to its middle if need be."""
    if root not in at:
        return None
    if end in at:
        return at[end] - at[root]
    return 2 * (at[middle] - at[root]) if middle in at else None


def _figure(body: Body, at: dict[int, Point], trunk: float | None, width: float | None) -> float:
    """Return how high the whole figure would stand, by the first of its measures that is seen."""
    eyes = float(np.hypot(*(at[1] - at[2]))) if 1 in at and 2 in at else None
    for measure, times in ((trunk, _OF_TRUNK), (width, _OF_SHOULDERS), (eyes, _OF_EYES)):
        if measure:
            return max(body.height, times * measure)
    return body.height


def _weights(body: Body) -> Values:
    """Return how much each part counts, (5,) with sum 1, by the largest body."""
    seen = sum(body.joints[number][2] >= _SURE for number in _BELOW_HEAD)
    near = min(max(math.log(body.height / _FAR) / math.log(_NEAR / _FAR), 0.0), 1.0)
    near *= min(seen / _ENOUGH, 1.0)
    return np.array(_WEIGHTS_FAR) * (1 - near) + np.array(_WEIGHTS_NEAR) * near


def _place(body: Body) -> Values:
    """Return where a body is and how large, (100,) of length 1."""
    x, y, width, height = body.box
    across, down = spread(x + width / 2, _ACROSS), spread(y + height / 2, _DOWN)
    heights = spread(math.log2(height), _HEIGHTS)
    return np.asarray(np.einsum("x,y,s->xys", across, down, heights)).ravel()


def _told(value: float | None, marks: Sequence[float]) -> Values:
    return unknown(len(marks)) if value is None else spread(value, marks)


def _side(posture: Posture) -> Values:
    """Return from which side a body is seen, (8,) of length 1; front or back counts most."""
    sides = (
        (posture.front, _SIDES, 0.5),
        (posture.side, _SIDES, 0.25),
        (posture.face, _FACE, 0.25),
    )
    return np.concatenate([math.sqrt(share) * _told(v, marks) for v, marks, share in sides])


def _stance(body: Body, posture: Posture, aspect: float) -> Values:
    """Return what a body does with its limbs, (90,) of length 1.

    Half of it is the directions of the limbs, half how high and how far hands, feet and trunk are.
    """
    at = _points(body, aspect)
    turned = 5 in at and 6 in at and at[5][0] < at[6][0]
    limbs = [
        around(math.atan2(*(at[end] - at[root])[::-1]), _AROUND)
        if root in at and end in at
        else unknown(_AROUND)
        for root, end in (_OTHERS if turned else _LIMBS)
    ]
    high = posture.raised[0] if posture.raised else None
    low = posture.raised[1] if len(posture.raised) > 1 else None
    tilt = unknown(_AROUND) if posture.tilt is None else around(posture.tilt, _AROUND)
    relations = (
        (_told(high, _RAISED), 0.14),
        (_told(low, _RAISED), 0.08),
        (_told(posture.reach, _APART), 0.06),
        (tilt, 0.1),
        (_told(posture.legs, _LEGS), 0.08),
        (_told(posture.stride, _APART), 0.04),
    )
    shares = [0.5 / len(limbs)] * len(limbs) + [share for _, share in relations]
    parts = [*limbs, *(part for part, _ in relations)]
    return np.concatenate([math.sqrt(s) * p for s, p in zip(shares, parts, strict=True)])
