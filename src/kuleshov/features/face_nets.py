"""Find faces in pictures: where they are, how they are turned, what they express.

Two detectors propose (BlazeFace, Bazarevsky et al. 2019): the one for group pictures sees most, the
one for greater distances is asked where the first found nothing and knows small faces in old film.
Neither is believed: what they propose counts as a face where the network for landmarks
(Kartynnik et al. 2019) sees one there. Place, size and pose are read from its 468 points.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Maker
from kuleshov.models.runtime import Network, bundled, load

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["EXPRESSIONS", "Face", "FaceFinder", "face_networks", "fit", "load_small", "overlap"]

EXPRESSIONS = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
"""The expressions whose probabilities a face's `expression` holds, in this order."""

_POINTS = 192  # pixels; side of what the network for landmarks takes
_MARGIN = 1.5  # of a proposed box; what that network was trained on
_SIDE = 64  # pixels; side of what the network for expressions takes
_CROPS = (1.05, 1.25)  # of a face's extent; the two answers are averaged
_PRESENT = 0.7  # probability of a face that the network for landmarks must see
_SURE = 0.72  # score of a proposal that is looked at once more, without its colours
_SMALLEST = 0.06  # of the picture's height
_EXPRESSIVE = 40  # pixels; the height from which on an expression can be told
_LARGEST = 3  # faces of a picture whose expression is looked at
_PROPOSALS = 8  # of one picture that are looked at
_OVERLAP = 0.3  # of two boxes (intersection over union) that mean one face
_HINT = 0.3  # score of the first detector's likeliest place from which on the second is asked
_FLAT = 3.0  # levels; a picture that deviates by less shows nothing

# Numbers of points in the landmarks' mesh; left and right as in the picture.
_FOREHEAD, _CHIN, _CHEEKS = 10, 152, (234, 454)
_EYES = ((33, 133, 159, 145), (362, 263, 386, 374))  # corners, upper and lower lid
_LIPS, _MOUTH = (13, 14), (78, 308)  # inner edge: above and below; corners

Values = NDArray[np.float32]
Box = tuple[float, float, float, float]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    `box` is x, y, width and height from the forehead to the chin, as fractions of the picture's
    width and height; it may reach beyond the picture. `score` is the detector's, 0 to 1. Angles in
    degrees: `roll` clockwise, `yaw` towards the picture's right, `pitch` upwards. `expression`
    holds a probability for each of `EXPRESSIONS`, or nothing where the face is too small.
    `mouth_open` and `eyes_open` are 0 to 1; eyes that are shut are seldom told from open ones.
    """

    box: Box
    score: float
    roll: float
    yaw: float
    pitch: float
    mouth_open: float
    eyes_open: float
    expression: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.box) != 4 or self.box[2] <= 0 or self.box[3] <= 0:
            raise ValueError(f"a face without extent: {self.box}")
        if self.expression and len(self.expression) != len(EXPRESSIONS):
            raise ValueError(f"{len(self.expression)} expressions, not {len(EXPRESSIONS)}")

    @property
    def height(self) -> float:
        """The height from the forehead to the chin, as a fraction of the picture's height."""
        return self.box[3]

    def mirrored(self) -> Face:
        """Return the same face in a picture that is flipped left to right."""
        x, y, width, height = self.box
        box = (1 - x - width, y, width, height)
        return replace(self, box=box, roll=-self.roll, yaw=-self.yaw)

    @property
    def says(self) -> str:
        """The likeliest of `EXPRESSIONS`; an empty string where none was looked at."""
        return EXPRESSIONS[int(np.argmax(self.expression))] if self.expression else ""


@dataclass(frozen=True)
class _Detector:
    """A detector of faces.

    `area` in pixels, to which pictures are scaled; `least` score to propose a face; `anchors` how
    many there are at each place of grids so many pixels wide.
    """

    network: str
    area: int
    least: float
    anchors: tuple[tuple[int, int], ...]


_DETECTORS = (
    _Detector("blazeface-back", 192 * 352, 0.6, ((16, 2), (32, 6))),
    _Detector("blazeface-full-range", 160 * 288, 0.45, ((4, 1),)),
)


_LANDMARKS, _EXPRESSION = "face-landmarks", "face-expression"


def face_networks() -> Maker:
    """Return the maker for all networks together: they change together.

    Raises `ModelError` where they are missing.
    """
    names = {*(detector.network for detector in _DETECTORS), _LANDMARKS, _EXPRESSION}
    sums = [f"{m.name} {m.sha256}" for m in bundled() if m.name in names]
    return Maker("face-networks", hashlib.sha256("\n".join(sums).encode()).hexdigest())


def load_small(name: str, shape: Shape) -> Network:
    """Load a network that looks at one small picture at a time, for batches of this shape.

    It is so soon done that threads would wait for each other: two cost a quarter more of the
    processor than one and save little time, and films are looked at side by side anyway.
    """
    return load(name, precision="f32", shape=shape, threads=1)


@dataclass(frozen=True)
class _Proposals:
    """Proposals: K places where a face may be, in the picture's pixels, best first.

    `boxes` (K, 4) left, top, right, bottom; `eyes` (K, 2, 2) x and y of either; `scores` (K,).
    """

    boxes: Values
    eyes: Values
    scores: Values


class FaceFinder:
    """A finder of faces with the bundled networks, which are loaded when first needed.

    `loader` gives a network by its name and the shape of its batches.
    """

    def __init__(self, loader: Callable[[str, Shape], Network] | None = None) -> None:
        self._loader = loader or load_small
        self._networks: dict[tuple[str, Shape], Network] = {}

    def find(self, pictures: NDArray[np.uint8]) -> list[list[Face]]:
        """Return the faces of each of (N, H, W, 3) uint8 RGB pictures, largest first.

        Pixels are square.

        Faces lower than 6 % of the picture are left out. Raises `ModelError` where a network
        cannot be loaded.
        """
        found: list[list[Face]] = []
        for number, picture in enumerate(pictures):
            if number and np.array_equal(picture, pictures[number - 1]):
                found.append(found[-1])
            elif picture[::8, ::8].std() < _FLAT:
                found.append([])
            else:
                found.append(self._in(picture))
        return found

    def prepare(self, height: int, width: int) -> None:
        """Load all networks for pictures of this size, so that none waits for one later."""
        for detector in _DETECTORS:
            wide, high = fit(width, height, detector.area)
            self._network(detector.network, (1, high, wide, 3))
        for name, side in ((_LANDMARKS, _POINTS), (_EXPRESSION, _SIDE)):
            self._network(name, (1, side, side, 3))

    def _in(self, picture: NDArray[np.uint8]) -> list[Face]:
        from PIL import Image

        image = Image.fromarray(picture)
        for detector in _DETECTORS:
            proposed, best = self._proposed(image, detector)
            faces = self._confirmed(image, proposed)
            if faces or best < _HINT:
                break
        faces.sort(key=lambda face: -face[0].height)
        return [
            self._with_expression(image, *face) if number < _LARGEST else face[0]
            for number, face in enumerate(faces)
        ]

    def _ask(self, name: str, pictures: NDArray[np.uint8]) -> dict[str, Values]:
        """Return what a network says of each of (N, H, W, 3) pictures, asked one at a time."""
        network = self._network(name, (1, *pictures.shape[1:]))
        given = [network(picture[None]) for picture in pictures]
        return {output: np.concatenate([each[output] for each in given]) for output in given[0]}

    def _network(self, name: str, shape: Shape) -> Network:
        if (name, shape) not in self._networks:
            self._networks[name, shape] = self._loader(name, shape)
        return self._networks[name, shape]

    def _proposed(self, image: Image, detector: _Detector) -> tuple[_Proposals, float]:
        """Return what a detector proposes, and the score of the likeliest place of all."""
        width, height = fit(image.width, image.height, detector.area)
        pixels = np.asarray(image.resize((width, height), _bilinear()))
        given = self._ask(detector.network, pixels[None])
        scores = given["scores"][0]
        likely = np.flatnonzero(scores >= detector.least)
        anchors = _anchors(width, height, detector.anchors)[likely]
        raw = given["boxes"][0, likely].reshape(-1, 8, 2)
        scale = np.array([image.width / width, image.height / height], np.float32)
        centres, half = (raw[:, 0] + anchors) * scale, raw[:, 1] / 2 * scale
        boxes = np.concatenate([centres - half, centres + half], axis=1)
        eyes = (raw[:, 2:4] + anchors[:, None]) * scale
        return _merged(_Proposals(boxes, eyes, scores[likely])), float(scores.max())

    def _confirmed(self, image: Image, proposed: _Proposals) -> list[tuple[Face, Values]]:
        """Return the proposals that are faces, each with its landmarks in the picture, (468, 3)."""
        if not len(proposed.boxes):
            return []
        squares = [_square(*each) for each in zip(proposed.boxes, proposed.eyes, strict=True)]
        crops = np.stack([_crop(image, square, _POINTS) for square in squares])
        seen = self._ask(_LANDMARKS, crops)
        again = (seen["presence"] < _PRESENT) & (proposed.scores >= _SURE)
        if again.any():  # a painted or tinted face may be one only without its colours
            grey = self._ask(_LANDMARKS, _grey(crops[again]))
            seen = {name: _replaced(values, again, grey[name]) for name, values in seen.items()}
        faces: list[tuple[Face, Values]] = []
        boxes = np.empty((0, 4), np.float32)
        for number in np.flatnonzero(seen["presence"] >= _PRESENT):
            points = seen["points"][number]
            placed = _placed(points, squares[number])
            face = _face(points, placed, image.size, float(proposed.scores[number]))
            box = np.array([*placed[:, :2].min(axis=0), *placed[:, :2].max(axis=0)], np.float32)
            if face.height >= _SMALLEST and not (overlap(box, boxes) > _OVERLAP).any():
                faces.append((face, placed))
                boxes = np.concatenate([boxes, box[None]])
        return faces

    def _with_expression(self, image: Image, face: Face, points: Values) -> Face:
        if face.height * image.height < _EXPRESSIVE:
            return face
        crops = [_crop(image, _around(points, extent), _SIDE) for extent in _CROPS]
        given = self._ask(_EXPRESSION, np.stack(crops))["expressions"].mean(axis=0)
        return Face(
            **{**face.__dict__, "expression": tuple(float(share) for share in given / given.sum())}
        )


@dataclass(frozen=True)
class _Square:
    """A turned square of a picture.

    `centre` and `side` in pixels, `turn` in radians, clockwise.
    """

    centre: tuple[float, float]
    side: float
    turn: float

    @property
    def across(self) -> tuple[float, float]:
        """The unit vector along its upper edge."""
        return math.cos(self.turn), math.sin(self.turn)


def _bilinear() -> int:
    from PIL.Image import Resampling

    return int(Resampling.BILINEAR)


@cache
def fit(width: int, height: int, area: int) -> tuple[int, int]:
    """Return width and height, multiples of 32, of about `area` pixels.

    They have about the picture's shape.
    """

    def loss(size: tuple[int, int]) -> float:
        bent = abs(math.log(size[0] / size[1] / (width / height)))
        return 3 * max(bent - 0.02, 0) - math.log(size[0] * size[1] / area)

    lengths = range(32, 1025, 32)
    sizes = [(w, h) for w in lengths for h in lengths if w * h <= area * 1.05]
    return min(sizes, key=loss)


@cache
def _anchors(width: int, height: int, grids: tuple[tuple[int, int], ...]) -> Values:
    """Return the places, x and y in pixels, from which boxes are told, (K, 2).

    They come grid after grid, row after row.
    """
    places = []
    for step, times in grids:
        y, x = np.mgrid[0 : height // step, 0 : width // step]
        centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * step
        places.append(np.repeat(centres, times, axis=0))
    return np.concatenate(places).astype(np.float32)


def overlap(box: Values, boxes: Values) -> Values:
    """Return the intersection over union of one box with each of (K, 4), (K,)."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / np.maximum(areas - shared, 1e-6), np.float32)


def _merged(given: _Proposals) -> _Proposals:
    """Return one proposal for each heap of overlapping ones.

    It is their average, weighted by their scores.
    """
    left = np.argsort(-given.scores)
    boxes: list[Values] = []
    eyes: list[Values] = []
    scores: list[np.float32] = []
    while len(left) and len(boxes) < _PROPOSALS:
        alike = overlap(given.boxes[left[0]], given.boxes[left]) > _OVERLAP
        alike[0] = True
        heap = left[alike]
        weights = given.scores[heap]
        boxes.append(np.average(given.boxes[heap], axis=0, weights=weights))
        eyes.append(np.average(given.eyes[heap], axis=0, weights=weights))
        scores.append(weights[0])
        left = left[~alike]
    return _Proposals(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(eyes, np.float32).reshape(-1, 2, 2),
        np.array(scores, np.float32),
    )


def _square(box: Values, eyes: Values) -> _Square:
    """Return the square that the network for landmarks looks at.

    It lies about the box, turned so that the eyes lie level.
    """
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    side = _MARGIN * max(box[2] - box[0], box[3] - box[1])
    across = eyes[1] - eyes[0]
    return _Square((float(centre[0]), float(centre[1])), float(side), math.atan2(*across[::-1]))


def _around(points: Values, extent: float) -> _Square:
    """Return the square about (468, 3) landmarks, turned so that the eyes lie level."""
    eyes = [points[list(eye[:2]), :2].mean(axis=0) for eye in _EYES]
    turn = math.atan2(*(eyes[1] - eyes[0])[::-1])
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    level = points[:, :2] @ axes.T
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = axes.T @ ((low + high) / 2)
    return _Square((float(x), float(y)), extent * float((high - low).max()), turn)


def _crop(image: Image, square: _Square, side: int) -> NDArray[np.uint8]:
    """Return the square as (side, side, 3) uint8 RGB.

    It is black where it reaches beyond the picture.
    """
    from PIL.Image import Transform

    cos, sin = (part * square.side / side for part in square.across)
    x, y = square.centre
    half = side / 2
    terms = (cos, -sin, x - (cos - sin) * half, sin, cos, y - (sin + cos) * half)
    return np.asarray(image.transform((side, side), Transform.AFFINE, terms, _bilinear()))


def _grey(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures, (N, H, W, 3) uint8, without their colours."""
    luma = pictures @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat(luma.astype(np.uint8)[..., None], 3, axis=-1)


def _replaced(values: Values, where: NDArray[np.bool_], others: Values) -> Values:
    """Return a copy of `values` that holds `others` in the rows that `where` marks."""
    result = values.copy()
    result[where] = others
    return result


def _placed(points: Values, square: _Square) -> Values:
    """Return landmarks (468, 3) moved from the pixels of a crop to those of the picture."""
    cos, sin = square.across
    scaled = (points - np.array([_POINTS / 2, _POINTS / 2, 0])) * (square.side / _POINTS)
    turned = scaled @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return np.asarray(turned + np.array([*square.centre, 0]), np.float32)


def _face(points: Values, placed: Values, size: tuple[int, int], score: float) -> Face:
    """Return the face that the landmarks tell.

    `points` lie in the upright crop, `placed` in the picture.
    """
    low, high = placed[:, :2].min(axis=0) / size, placed[:, :2].max(axis=0) / size
    eyes = [placed[list(eye[:2]), :2].mean(axis=0) for eye in _EYES]
    across = points[_CHEEKS[1]] - points[_CHEEKS[0]]
    down = points[_CHIN] - points[_FOREHEAD]

    def apart(one: int, other: int) -> float:
        return max(float(np.linalg.norm(points[one] - points[other])), 1e-6)

    mouth = apart(*_LIPS) / apart(*_MOUTH)
    lids = sum(apart(upper, lower) / apart(a, b) for a, b, upper, lower in _EYES) / 2
    return Face(
        box=(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])),
        score=score,
        roll=math.degrees(math.atan2(*(eyes[1] - eyes[0])[::-1])),
        yaw=math.degrees(math.atan2(across[2], across[0])),
        pitch=math.degrees(math.atan2(-down[2], down[1])),
        mouth_open=min(mouth / 0.5, 1.0),
        eyes_open=min(max((lids - 0.1) / 0.2, 0.0), 1.0),
    )
