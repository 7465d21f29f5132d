"""Find bodies and things in pictures: where people are and how they stand, and what else there is.

A detector of COCO's eighty things (CenterNet, Zhou et al. 2019) looks at every picture. Where it
sees somebody, however unsure, MoveNet MultiPose (Google) looks too, for seventeen joints of each
body: it takes three times as long, and by itself it would see people in bottles and in the Earth.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.encoder import Maker
from kuleshov.features.face_nets import fit, load_small, overlap
from kuleshov.models.runtime import Network, bundled

__all__ = [
    "BONES",
    "COCO",
    "JOINTS",
    "PERSON",
    "Body",
    "BodyFinder",
    "Thing",
    "ThingFinder",
    "body_networks",
    "thing_network",
]

JOINTS = ("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder",
          "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip",
          "right hip", "left knee", "right knee", "left ankle", "right ankle")  # fmt: skip
"""The joints of a body, in their order; left and right are the body's own."""

BONES = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12),
         (5, 11), (6, 12), (0, 1), (0, 2), (1, 3), (2, 4))  # fmt: skip
"""The joints that bones join: arms, legs, trunk, head."""

_MIRRORED = (0, *(n + 1 if n % 2 else n - 1 for n in range(1, 17)))  # left is right, and back

PERSON = "person"
COCO = (PERSON, "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
        "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat",
        "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack",
        "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball",
        "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket",
        "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
        "sandwich", "orange fruit", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake",
        "chair", "sofa", "potted plant", "bed", "dining table", "toilet", "television", "laptop",
        "computer mouse", "remote control", "keyboard", "mobile phone", "microwave", "oven",
        "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
        "hair dryer", "toothbrush")  # fmt: skip
"""The things that the detector knows: COCO's classes, in their order, by their plain names."""

_BODIES, _THINGS = "movenet-multipose", "centernet-coco"
_AREA = 160 * 256  # pixels to which pictures are scaled for either
_STEP = 4  # pixels of a picture for one of a map
_LEAST = 0.2  # score of a thing that is told
_HINT = 0.08  # score of a person that is told
_ASKED = 0.12  # from which on bodies are looked for: below, one in sixty pictures has any
_PEAK = 0.25  # score of a body's middle
_MOST = 10  # bodies, and things, of a picture that are read
_REACH = 0.3  # of a map's shorter side: how far a joint may be from where its body expects it
_SEEN = 0.127  # score of a joint that is seen, as the original has it
_JOINTED = 3.0  # sum of the scores of its joints by which a body is known where somebody may be
_CLEAR = 0.33  # mean score of the joints that are seen, the same
_ALONE = 5.0  # sum of them where the detector sees nobody
_SURE, _SAME = 0.35, 0.4  # score of a person, and overlap with one, by which a body is known else
_ONE = 0.6  # overlap of two bodies that are one
_FOUND = 0.2  # overlap with a body from which on a person is that one
_STANDS = 0.5  # overlap of a body with a thing that is taken for one
_LIVING = frozenset(COCO[14:24]) | {PERSON, "teddy bear"}  # these are shaped as bodies are
_FLAT = 3.0  # levels; a picture that deviates by less shows nothing
_KEPT = 64  # pictures whose things are remembered: bodies are asked of the same ones

Values = NDArray[np.float32]
Places = NDArray[np.int64]
Box = tuple[float, float, float, float]
Shape = tuple[int, ...]
Loader = Callable[[str, Shape], Network]


@dataclass(frozen=True)
class Body:
    """A body in a picture.

    `box` is x, y, width and height, as fractions of the picture's width and height. `score` is how
    sure it is, 0 to 1. `joints` holds x and y of each of `JOINTS`, as fractions, and how surely it
    is seen, 0 where it is hidden.
    """

    box: Box
    score: float
    joints: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        if len(self.box) != 4 or self.box[2] <= 0 or self.box[3] <= 0:
            raise ValueError(f"a body without extent: {self.box}")
        if len(self.joints) != len(JOINTS):
            raise ValueError(f"{len(self.joints)} joints, not {len(JOINTS)}")

    @property
    def height(self) -> float:
        """The height of what is seen of it, as a fraction of the picture's height."""
        return self.box[3]

    def mirrored(self) -> Body:
        """Return the same body in the mirror image of its picture, where left is right."""
        x, y, width, height = self.box
        joints = tuple(
            (1 - across, down, score)
            for across, down, score in (self.joints[number] for number in _MIRRORED)
        )
        return Body((1 - x - width, y, width, height), self.score, joints)


@dataclass(frozen=True)
class Thing:
    """A thing in a picture: one of `COCO`, how sure it is, and its box as a `Body` has it."""

    name: str
    score: float
    box: Box


def body_networks() -> Maker:
    """Return the maker of bodies: both networks together, for both are asked.

    Raises `ModelError` where they are missing.
    """
    return _maker("body-networks", {_BODIES, _THINGS})


def thing_network() -> Maker:
    """Return the maker of things. Raises `ModelError` where it is missing."""
    return _maker(_THINGS, {_THINGS})


def _maker(name: str, networks: set[str]) -> Maker:
    sums = [f"{m.name} {m.sha256}" for m in bundled() if m.name in networks]
    return Maker(name, hashlib.sha256("\n".join(sums).encode()).hexdigest())


class ThingFinder:
    """A finder of things with the bundled detector, which is loaded when first needed.

    It remembers the last pictures that it was asked for. Safe among threads. `loader` gives a
    network by its name and the shape of its batches.
    """

    def __init__(self, loader: Loader | None = None) -> None:
        self._maps = _Maps(loader)
        self._known: OrderedDict[bytes, tuple[Thing, ...]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    @cache
    def shared(cls) -> ThingFinder:
        """Return the finder of this process, so that no picture is looked at for things twice."""
        return cls()

    def find(self, picture: NDArray[np.uint8]) -> tuple[Thing, ...]:
        """Return the things of a picture, (H, W, 3) uint8 RGB, the surest first, ten at most.

        People are told however unsure they are, other things from a score of 0.2 on. Raises
        `ModelError` where the network cannot be loaded.
        """
        if picture[::8, ::8].std() < _FLAT:
            return ()
        key = hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = self._in(picture)
        with self._lock:
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def prepare(self, height: int, width: int) -> None:
        """Load the network for pictures of this size, so that none waits for it later."""
        self._maps.network(_THINGS, height, width)

    def _in(self, picture: NDArray[np.uint8]) -> tuple[Thing, ...]:
        maps = self._maps(_THINGS, picture)
        likely = maps["likely"]
        least = np.full(len(COCO), _LEAST, np.float32)
        least[0] = _HINT
        y, x, kind = _peaks(likely, least, 1)
        scores = likely[y, x, kind]
        best = np.argsort(-scores, kind="stable")[:_MOST]
        found = []
        for n in best.tolist():
            left, top, right, bottom = (maps["sides"][y[n], x[n]] / _STEP).tolist()
            edges = (x[n] - left, y[n] - top, x[n] + right, y[n] + bottom)
            box = _box(edges, likely.shape)
            if box is not None:
                found.append(Thing(COCO[kind[n]], float(scores[n]), box))
        return tuple(found)


class BodyFinder:
    """A finder of bodies with the bundled networks, which are loaded when first needed.

    `things` finds the things of the same pictures; `loader` as for `ThingFinder`.
    """

    def __init__(self, things: ThingFinder | None = None, loader: Loader | None = None) -> None:
        self._things = things or ThingFinder.shared()
        self._maps = _Maps(loader)

    def find(self, picture: NDArray[np.uint8]) -> tuple[Body, ...]:
        """Return the bodies of a picture, (H, W, 3) uint8 RGB, the largest first.

        Somebody whose joints cannot be told is a body without joints. Raises `ModelError` where a
        network cannot be loaded.
        """
        things = self._things.find(picture)
        people = [thing for thing in things if thing.name == PERSON]
        if not any(person.score >= _ASKED for person in people):
            return ()
        bodies = [b for b in self._read(self._maps(_BODIES, picture)) if _is_one(b, things)]
        apart: list[Body] = []
        for body in bodies:
            if not _overlaps(body.box, [other.box for other in apart], _ONE):
                apart.append(body)
        for one in people:  # too small or too much hidden for joints
            if one.score >= _SURE and not _overlaps(one.box, [b.box for b in apart], _FOUND):
                apart.append(Body(one.box, one.score, ((0.0, 0.0, 0.0),) * len(JOINTS)))
        apart.sort(key=lambda body: -body.height)
        return tuple(apart)

    def prepare(self, height: int, width: int) -> None:
        """Load all networks for pictures of this size, so that none waits for one later."""
        self._things.prepare(height, width)
        self._maps.network(_BODIES, height, width)

    def _read(self, maps: dict[str, Values]) -> list[Body]:
        """Return the bodies of a network's maps, the surest first, as the original reads them.

        A body is a peak of the map of middles. From there its joints are expected somewhere; each
        is the place in its box where the joint's map is high and that is not far from there.
        """
        middles = maps["middles"][..., 0]
        rows, columns = middles.shape
        ys, xs, _ = _peaks(maps["middles"], np.full(1, _PEAK, np.float32), 2)
        best = np.argsort(-middles[ys, xs], kind="stable")[:_MOST]
        found = []
        for y, x in zip(ys[best], xs[best], strict=True):
            middle = maps["centres"][y, x] + np.array([y, x])
            half = np.maximum(maps["sizes"][y, x], 0) / 2
            (top, left), (bottom, right) = middle - half, middle + half
            box = _box((left, top, right, bottom), middles.shape)
            if box is None:
                continue
            expected = maps["expected"][y, x].reshape(-1, 2) + np.array([y, x])
            inside = (
                slice(*np.clip(np.ceil([top, bottom]), 0, rows).astype(int)),
                slice(*np.clip(np.ceil([left, right]), 0, columns).astype(int)),
            )
            places, scores = _likeliest(maps["joints"], expected, inside)
            moved = maps["moved"].reshape(-1, len(JOINTS), 2)[places, np.arange(len(JOINTS))]
            joints = tuple(
                (float(px + dx) / columns, float(py + dy) / rows, float(s) if s > _SEEN else 0.0)
                for (py, px), (dy, dx), s in zip(
                    np.stack(np.divmod(places, columns), axis=1), moved, scores, strict=True
                )
            )
            found.append(Body(box, float(middles[y, x]), joints))
        return found


class _Maps:
    """The maps that networks make of a picture, by name: (h, w, C) float32 each."""

    def __init__(self, loader: Loader | None) -> None:
        self._loader = loader or load_small
        self._networks: dict[tuple[str, Shape], Network] = {}

    def __call__(self, name: str, picture: NDArray[np.uint8]) -> dict[str, Values]:
        from PIL import Image
        from PIL.Image import Resampling

        network, size = self.network(name, *picture.shape[:2])
        scaled = Image.fromarray(picture).resize(size, Resampling.BILINEAR)
        given = network(np.asarray(scaled)[None])
        return {output: values[0] for output, values in given.items()}

    def network(self, name: str, height: int, width: int) -> tuple[Network, tuple[int, int]]:
        """Return the network for pictures of this size, and the width and height that it wants."""
        wide, high = fit(width, height, _AREA)
        shape = (1, high, wide, 3)
        if (name, shape) not in self._networks:
            self._networks[name, shape] = self._loader(name, shape)
        return self._networks[name, shape], (wide, high)


def _peaks(maps: Values, least: Values, reach: int) -> tuple[Places, Places, Places]:
    """Return the peaks of maps (h, w, C): rows, columns and channels, in their order.

    A peak has at least `least` (C,), and nothing within `reach` places is higher. Few places have
    that much, so only their surroundings are looked at.
    """
    ys, xs, kinds = np.unravel_index(np.flatnonzero(maps >= least), maps.shape)
    tops = [
        maps[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1, kind].max()
        for y, x, kind in zip(ys.tolist(), xs.tolist(), kinds.tolist(), strict=True)
    ]
    highest = maps[ys, xs, kinds] >= np.array(tops, maps.dtype)
    return ys[highest], xs[highest], kinds[highest]


def _likeliest(
    joints: Values, expected: Values, inside: tuple[slice, slice]
) -> tuple[Places, Values]:
    """Return where each joint of a body is likeliest, (17,) places of the map, and how likely.

    `joints` (h, w, 17) says it of any body; `expected` (17, 2) is where this one has them, and
    `inside` its box.
    """
    rows, columns = joints.shape[:2]
    down, across = (each.astype(np.float32) for each in np.ogrid[inside])
    far = (down[..., None] - expected[:, 0]) ** 2 + (across[..., None] - expected[:, 1]) ** 2
    near = joints[inside] * np.exp(-far / (_REACH * min(rows, columns)))
    if not near.size:
        return np.zeros(len(JOINTS), np.int64), np.zeros(len(JOINTS), np.float32)
    flat = near.reshape(-1, len(JOINTS))
    best = flat.argmax(axis=0)
    y, x = np.divmod(best, near.shape[1])
    places = (y + inside[0].start) * columns + x + inside[1].start
    return places, flat[best, np.arange(len(JOINTS))]


def _box(edges: Sequence[float], shape: Sequence[int]) -> Box | None:
    """Return left, top, right and bottom, in places of a map, as a box in the picture."""
    left, right = (min(max(float(edge) / shape[1], 0.0), 1.0) for edge in edges[::2])
    top, bottom = (min(max(float(edge) / shape[0], 0.0), 1.0) for edge in edges[1::2])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def _overlaps(box: Box, others: Sequence[Box], least: float) -> bool:
    """Return whether a box and one of some others share so much of what both take."""
    if not others:
        return False
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in (box, *others)], np.float32)
    return bool((overlap(corners[0], corners[1:]) >= least).any())


def _is_one(body: Body, things: Sequence[Thing]) -> bool:
    """Return whether a body is one: by its joints, or since the detector too sees somebody there.

    It is none where a thing without life stands there, a bottle or a lamp, surer than anybody.
    """
    there = [t for t in things if t.name == PERSON and _overlaps(body.box, [t.box], _SAME)]
    sure = max((t.score for t in there), default=0.0)
    for thing in things:
        lifeless = thing.name not in _LIVING and thing.score > sure
        if lifeless and _overlaps(body.box, [thing.box], _STANDS):
            return False
    seen = [score for _, _, score in body.joints if score]
    clear = sum(seen) >= _CLEAR * len(seen)  # a window may have many joints, all of them faint
    return sure >= _SURE or (clear and sum(seen) >= (_JOINTED if there else _ALONE))
