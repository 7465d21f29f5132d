"""Ask for objects: whether a detector found them, how many, how large, and one on another.

The rows of the facet things say of each picture which of COCO's eighty objects are in it. Where the
words of a question name one, the detector is a witness beside classes and looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.body_nets import COCO
from kuleshov.match.text.lexicon import singular

__all__ = ["NUMBERS", "OBJECTS", "ObjectQuestion", "Relation", "object_of", "relation_of"]

Array = NDArray[np.float32]

_ANIMALS = "bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe"
_VEHICLES = "bicycle, car, motorcycle, airplane, bus, train, truck, boat"
_FOOD = "banana, apple, sandwich, orange fruit, broccoli, carrot, hot dog, pizza, donut, cake"

_SAID: Mapping[str, str] = {
    **{name: name for name in COCO},
    "animal": _ANIMALS,
    "pet": "cat, dog",
    "kitten": "cat",
    "puppy": "dog",
    "pony": "horse",
    "lamb": "sheep",
    "bull": "cow",
    "calf": "cow",
    "cattle": "cow",
    "vehicle": _VEHICLES,
    "traffic": "car, bus, truck, motorcycle",
    "bike": "bicycle",
    "cycle": "bicycle",
    "motorbike": "motorcycle",
    "scooter": "motorcycle",
    "automobile": "car",
    "taxi": "car",
    "lorry": "truck",
    "van": "car, truck",
    "coach": "bus",
    "locomotive": "train",
    "tram": "train",
    "plane": "airplane",
    "aeroplane": "airplane",
    "aircraft": "airplane",
    "jet": "airplane",
    "ship": "boat",
    "ski": "skis",
    "ball": "sports ball",
    "football": "sports ball",
    "racket": "tennis racket",
    "surfer": "surfboard",
    "glass of wine": "wine glass",
    "wineglass": "wine glass",
    "mug": "cup",
    "cup of coffee": "cup",
    "cup of tea": "cup",
    "dish": "bowl",
    "cutlery": "fork, knife, spoon",
    "food": _FOOD,
    "fruit": "banana, apple, orange fruit",
    "couch": "sofa",
    "settee": "sofa",
    "armchair": "chair, sofa",
    "seat": "chair, bench, sofa",
    "furniture": "chair, sofa, bed, dining table, bench",
    "houseplant": "potted plant",
    "table": "dining table",
    "tv": "television",
    "screen": "television, laptop, mobile phone",
    "monitor": "television, laptop",
    "computer": "laptop, television, keyboard",
    "notebook computer": "laptop",
    "remote": "remote control",
    "phone": "mobile phone",
    "smartphone": "mobile phone",
    "cell phone": "mobile phone",
    "cellphone": "mobile phone",
    "fridge": "refrigerator",
    "stove": "oven",
    "alarm clock": "clock",
    "toy bear": "teddy bear",
    "bag": "handbag, backpack, suitcase",
    "rucksack": "backpack",
    "necktie": "tie",
    "hairdryer": "hair dryer",
    "traffic lights": "traffic light",
}
OBJECTS: Mapping[str, tuple[str, ...]] = {
    word: tuple(names.split(", "))
    for word, names in _SAID.items()
    if word != "mouse"  # COCO's is a computer's
}
"""For each word, in the singular, the objects of COCO that it means."""

_KINDS: Mapping[str, str] = {
    "bird": "parrot, crow, raven, duck, swan, goose, eagle, owl, pigeon, seagull, gull, chicken, "
    "hen, rooster, cockatoo, penguin, sparrow",
    "boat": "sailboat, canoe, kayak, ferry, gondola, yacht",
    "bus": "minibus, trolleybus",
    "bottle": "wine bottle, beer bottle, water bottle",
}
_OF_A_KIND = 0.5  # how much it says of a crow that a bird was found
_KIND_OF = {word: name for name, words in _KINDS.items() for word in words.split(", ")}

NUMBERS: Mapping[str, int] = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "several": 3,
    "many": 4,
}
"""Words of number, with how many objects they ask for at least."""

_OPEN = frozenset(("several", "many"))  # of which more are as good
_AT = 6  # numbers kept of each object: its kind, score, box
_COUNTED = 0.3  # score of an object that is counted
_FROM, _SLOPE, _LEAST, _MOST = 0.2, 16.0, 1.0, 6.0
"""Log odds of a row in which an object was found: `_LEAST` from the score `_FROM` on, which is the
lowest that is told, growing by `_SLOPE` to at most `_MOST`. Of 257 objects that the detector saw in
195 shots, each judged by eye, 12 of 182 below 0.3 were right, 4 of 39 below 0.4 and 15 of 36 above;
where it saw them in more than a third of a shot's rows 18 of 31."""
_DOUBTED, _SURER, _SUREST = 0.25, 1.5, 0.8
"""Score below which a find takes no doubt away, how the probability that it is right grows above,
and its highest: of those above 0.4 two in five were right."""
_ABSENT = -0.7  # of one in which there is none: half of what is there is not seen
_RIGHT, _WRONG = 1.0, -2.0  # for the number that was asked, and for one that is off by more than 1
_LARGE, _SMALL = 0.45, 0.25  # side of a box beside the picture's: what fills it, what is far away
_UPON_WORDS = frozenset(("on", "onto", "riding"))
_BESIDE, _UPON = 1.0, 2.0  # for two that are seen in one picture, and for one on the other
_LYING = 0.25  # of its height, that what lies on something may end above or below its box


@dataclass(frozen=True)
class ObjectQuestion:
    """A `Question` to rows of the facet things: whether objects of COCO were found in them.

    `kinds` are their places in `COCO`, of which one is enough. `number` of them are wanted in one
    picture, and more only where `more` is set; 0 does not ask. `size` is "close" where they are to
    fill the picture, "far" where they are to be small in it. `sure` is how much a find says: 1, or
    less where the word is a kind of what was found, as a crow is of a bird.
    """

    names: tuple[str, ...]
    kinds: tuple[int, ...]
    number: int = 0
    more: bool = False
    size: str = ""
    sure: float = 1.0

    def __str__(self) -> str:
        """Return what is asked of it beyond being there, empty where nothing is."""
        many = f"{self.number}{' or more' if self.more else ''} in one picture"
        large = {"close": "filling the picture", "far": "small in the picture"}.get(self.size, "")
        return ", ".join(filter(None, (many if self.number else "", large)))

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, WIDTH), (n,) float32."""
        lines = _lines(rows)
        scores = np.where(_are(lines, self.kinds), lines[..., 1], 0)
        best = scores.max(axis=1, initial=0)
        seen = best > 0
        found = np.where(seen, np.minimum(_LEAST + _SLOPE * (best - _FROM), _MOST), _ABSENT)
        found = self.sure * found
        if self.number:
            off = (scores >= _COUNTED).sum(axis=1) - self.number
            off = np.minimum(off, 0) if self.more else off
            found += seen * np.where(off == 0, _RIGHT, np.where(np.abs(off) == 1, 0, _WRONG))
        if self.size:
            sides = np.sqrt(lines[..., 4] * lines[..., 5])
            main = np.take_along_axis(sides, scores.argmax(axis=1)[:, None], 1)[:, 0]
            right = main >= _LARGE if self.size == "close" else main <= _SMALL
            found += seen * np.where(right, _RIGHT, -_RIGHT)
        return np.asarray(found, np.float32)

    def shares(self, rows: NDArray[Any]) -> Array | None:
        """Return how likely rows (n, WIDTH) show one of them, as both columns of (n, 2) float32."""
        lines = _lines(rows)
        best = np.where(_are(lines, self.kinds), lines[..., 1], 0).max(axis=1, initial=0)
        likely = self.sure * np.clip(_SURER * (best - _DOUBTED), 0, _SUREST)
        return np.asarray(np.stack([likely, likely], axis=1), np.float32)


@dataclass(frozen=True)
class Relation:
    """A `Question` to rows of the facet things: whether `one` and `other` are in one picture.

    `one` and `other` are places in `COCO`. Where `upon` is set the one is to lie, sit or stand on
    the other.
    """

    names: tuple[str, ...]
    one: tuple[int, ...]
    other: tuple[int, ...]
    upon: bool = False

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, WIDTH), (n,) float32, 0 where they are not together."""
        lines = _lines(rows)
        a, b = lines[:, :, None], lines[:, None]
        both = (_are(lines, self.one)[:, :, None] & _are(lines, self.other)[:, None]) & (
            ~np.eye(lines.shape[1], dtype=bool)
        )
        sure = np.minimum(np.minimum(a[..., 1], b[..., 1]) / _COUNTED, 1)
        worth = np.where(_upon(a, b), _UPON, 0) if self.upon else _BESIDE
        each = np.where(both, worth * sure, 0)
        return np.asarray(each.max(axis=(1, 2), initial=0), np.float32)

    def shares(self, rows: NDArray[Any]) -> Array | None:  # noqa: ARG002 - the protocol's
        """Return None: how two things lie is not a probability."""
        return None


def _upon(a: Array, b: Array) -> NDArray[np.bool_]:
    """Return where objects `a` stand on objects `b`: over its width, ending within its height."""
    middle, foot = a[..., 2] + a[..., 4] / 2, a[..., 3] + a[..., 5]
    across = (middle >= b[..., 2]) & (middle <= b[..., 2] + b[..., 4])
    slack = _LYING * b[..., 5]
    down = (foot >= b[..., 3] - slack) & (foot <= b[..., 3] + b[..., 5] + slack)
    return across & down & (a[..., 3] < b[..., 3] + b[..., 5] / 2)


def _lines(rows: NDArray[Any]) -> Array:
    """Return rows (n, WIDTH) of things as (n, K, 6): kind from 1, score, and box of each."""
    return np.asarray(rows, np.float32).reshape(len(rows), -1, _AT)


def _are(lines: Array, kinds: Sequence[int]) -> NDArray[np.bool_]:
    """Return which objects (..., K) are of these kinds."""
    return np.isin(np.rint(lines[..., 0]).astype(np.int64) - 1, kinds)


def object_of(words: Sequence[str], number: str = "", size: str = "") -> ObjectQuestion | None:
    """Return the question after the object that one of these names means, None where none does.

    `number` is a word of `NUMBERS`, `size` as `ObjectQuestion` has it.
    """
    found = _named(words)
    if not found:
        return None
    count = NUMBERS.get(number, 0)
    sure = max(found.values())
    return ObjectQuestion(tuple(found), _places(found), count, number in _OPEN, size, sure)


def relation_of(one: Sequence[str], join: str, other: Sequence[str]) -> Relation | None:
    """Return the question whether what these names mean is so joined, None unless both are objects.

    `join` is the word between them.
    """
    first, second = _named(one), _named(other)
    if not first or not second:
        return None
    return Relation((join,), _places(first), _places(second), join in _UPON_WORDS)


def _named(words: Sequence[str]) -> dict[str, float]:
    """Return the objects that names mean, and how much it says of each name that one is found."""
    found: dict[str, float] = {}
    for word in words:
        for plain in singular(word):
            if plain in OBJECTS:
                found |= dict.fromkeys(OBJECTS[plain], 1.0)
                break
            if plain in _KIND_OF:
                found.setdefault(_KIND_OF[plain], _OF_A_KIND)
                break
    return found


def _places(names: Iterable[str]) -> tuple[int, ...]:
    return tuple(COCO.index(name) for name in names)
