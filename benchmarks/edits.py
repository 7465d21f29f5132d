"""Make edits with known boundaries, mixed from stretches of single shots.

An edit is drawn first (`draw`), as numbers only, and rendered picture by picture (`render`), so
that a film of any size can be made of it without holding it. The same seed gives the same edit.

`MIXES` are calm edits with transitions of all kinds; `QUICK` are hard cuts only, in what makes them
hard to find: montage, dialogue between like pictures, a hand-held camera, strobes and gunfire,
shots of one or two frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import TransitionKind
from kuleshov.timecode import FrameRange

__all__ = [
    "JUMP",
    "MIXES",
    "QUICK",
    "Edit",
    "Mix",
    "Piece",
    "Quick",
    "Truth",
    "draw",
    "draw_quick",
    "render",
]

Pictures = NDArray[np.uint8]
"""(N, H, W, 3) RGB."""

JUMP = 25
"""Frames of a take, about a second, below which what was left out or is shown again makes a jump.

A jerk may be seen, but not that it was cut: where a camera or a converter dropped pictures it looks
the same, and some of the footage has such gaps itself."""

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Ways in which a wipe's edge runs, as (x, y)."""


@dataclass(frozen=True)
class Truth:
    """A boundary that was made. An empty range is a cut.

    A `jump` is a cut from a take to itself, with less than `JUMP` frames of it between.
    """

    kind: TransitionKind
    frames: FrameRange
    detail: str = ""
    jump: bool = False


@dataclass(frozen=True)
class Mix:
    """A mix that an edit is made of: shares of transitions, and what happens in its shots.

    `length` and `dissolve` are ranges of frames; `flashes` and `jolts` are chances of each shot,
    and `times` how many of them it then has.
    """

    shots: int = 50
    kinds: tuple[tuple[TransitionKind, float], ...] = (
        ("cut", 0.4),
        ("dissolve", 0.2),
        ("fade", 0.2),
        ("wipe", 0.2),
    )
    length: tuple[int, int] = (30, 90)
    dissolve: tuple[int, int] = (8, 30)
    flashes: float = 0.2
    jolts: float = 0.0
    times: int = 1


MIXES = {
    "edits": Mix(),
    "flashes": Mix(shots=25, kinds=(("cut", 1.0),), length=(50, 90), flashes=1.0, times=2),
    "shake": Mix(shots=25, kinds=(("cut", 1.0),), length=(50, 90), flashes=0.0, jolts=1.0, times=2),
    "long dissolves": Mix(
        shots=25, kinds=(("dissolve", 1.0),), length=(40, 90), dissolve=(31, 75), flashes=0.0
    ),
}
"""The sets that are reported: mixed edits, and what is hard, apart."""


@dataclass(frozen=True)
class Quick:
    """The make-up of an edit of hard cuts.

    `length` is a range of frames; of the shots `brief` have one or two. `same` is the chance that
    a shot comes from the take before, at another time. `rooms` are runs of shots of one take in two
    or three framings. `white` is the chance of one white frame at a cut, `lights` that of strobes,
    gunfire or lightning in a shot, `hand` by how much of the picture a hand-held camera wanders.
    Every other edit is `dark`.
    """

    shots: int = 70
    length: tuple[int, int] = (5, 25)
    brief: float = 0.0
    same: float = 0.0
    rooms: bool = False
    white: float = 0.0
    lights: float = 0.0
    hand: float = 0.0
    letterbox: bool = False
    dark: bool = False


QUICK = {
    "montage": Quick(same=1 / 3, white=1 / 20, letterbox=True, dark=True),
    "dialogue": Quick(shots=50, length=(15, 60), rooms=True),
    "chase": Quick(shots=50, length=(10, 40), same=0.2, hand=0.08),
    "strobes": Quick(shots=40, length=(12, 60), same=0.2, lights=0.8, dark=True),
    "brief": Quick(length=(4, 20), brief=0.35, same=0.1),
}
"""The sets of hard cuts, measured with a tolerance of one frame."""


@dataclass(frozen=True)
class Light:
    """A light that comes on within a shot, over `strengths` frames from `first` on.

    `kind` is strobe (the whole picture towards white), spot (a muzzle flash around a place) or
    lightning (what is lit gets brighter from one side).
    """

    kind: str
    first: int
    strengths: tuple[float, ...]
    place: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True)
class Piece:
    """One shot of an edit: frames of one stretch, with the way out of it.

    `stretch` is a number, `first` its frame that comes first, `length` the frames shown alone, and
    `out` frames of the transition to the next shot (of a fade: those before the black). `flashes`
    and `jolts` are (frame after `first`, number of frames, strength). `crop` is the left, top and
    size of the part of the picture that is shown, each a share of it; `wander` are amplitude,
    frames and phase of swings of that part. `white` frames follow.
    """

    stretch: int
    first: int
    length: int
    kind: TransitionKind = "cut"
    out: int = 0
    black: int = 0
    back: int = 0
    level: int = 0
    direction: tuple[int, int] = (1, 0)
    soft: float = 0.0
    push: bool = False
    flashes: tuple[tuple[int, int, float], ...] = ()
    jolts: tuple[tuple[int, int, float], ...] = ()
    lights: tuple[Light, ...] = ()
    crop: tuple[float, float, float] = (0.0, 0.0, 1.0)
    wander: tuple[tuple[float, float, float], ...] = ()
    white: int = 0


@dataclass(frozen=True)
class Edit:
    """The pieces of an edit, its boundaries, and its flashes and jolts by their first frames.

    `gain` is what is left of its light, `bars` the share of its height that is black, `near` how
    many frames off a boundary may be found.
    """

    pieces: tuple[Piece, ...]
    truths: tuple[Truth, ...] = field(default=())
    flashes: tuple[FrameRange, ...] = ()
    jolts: tuple[FrameRange, ...] = ()
    gain: float = 1.0
    bars: float = 0.0
    near: int = 2

    @property
    def frames(self) -> int:
        """The number of pictures of the edit."""
        last = len(self.pieces) - 1
        out = [p.out + p.black + p.back + p.white for p in self.pieces[:last]]
        return sum(piece.length for piece in self.pieces) + sum(out)


def draw(lengths: Sequence[int], films: Sequence[str], mix: Mix, seed: int) -> Edit:
    """Draw an edit of stretches that are so many frames long and come from these films.

    Neighbours are of different films: two stretches of one film may show the same picture, and
    between them there would be no boundary to see.
    """
    rng = np.random.default_rng(seed)
    pieces: list[Piece] = []
    used = dict.fromkeys(range(len(lengths)), 0)
    carried, before = 0, ""
    for index in range(mix.shots):
        way = _way(rng, mix) if index + 1 < mix.shots else Piece(0, 0, 0)
        length = int(rng.integers(mix.length[0], mix.length[1] + 1))
        need = carried + length + way.out
        fitting = [s for s in used if lengths[s] >= need and films[s] != before]
        if not fitting:
            fitting = sorted((s for s in used if films[s] != before), key=lambda s: -lengths[s])[:3]
        # The least used come first, so that every stretch is seen.
        rng.shuffle(fitting)
        stretch = min(fitting, key=lambda s: used[s])
        used[stretch] += 1
        length = min(length, lengths[stretch] - carried - way.out)
        if length < 8:
            raise ValueError("The footage has no shots that are long enough for this edit.")
        first = int(rng.integers(0, lengths[stretch] - carried - length - way.out + 1))
        flashes = _events(rng, mix.flashes, mix.times, carried, length, 1, 6, 0.5, 0.95)
        jolts = _events(rng, mix.jolts, mix.times, carried, length, 6, 14, 0.03, 0.12)
        pieces.append(
            replace(way, stretch=stretch, first=first, length=length, flashes=flashes, jolts=jolts)
        )
        carried = way.back if way.kind == "fade" else way.out
        before = films[stretch]
    return _with_truths(tuple(pieces))


def _way(rng: np.random.Generator, mix: Mix) -> Piece:
    """Return the transition out of a piece, as a piece with nothing else in it."""
    names, shares = zip(*mix.kinds, strict=True)
    kind = names[int(rng.choice(len(names), p=shares))]
    if kind == "dissolve":
        return Piece(0, 0, 0, kind, int(rng.integers(mix.dissolve[0], mix.dissolve[1] + 1)))
    if kind == "fade":
        out, back = (int(n) for n in rng.integers(6, 25, 2))
        level = 255 if rng.random() < 0.4 else 0
        return Piece(0, 0, 0, kind, out, int(rng.integers(0, 9)), back, level)
    if kind == "wipe":
        soft = 0.0 if rng.random() < 0.5 else float(rng.uniform(0.05, 0.3))
        push = bool(rng.random() < 0.15)
        direction = _DIRECTIONS[int(rng.integers(0, 4 if push else 8))]
        frames = int(rng.integers(8, 41))
        return Piece(0, 0, 0, kind, frames, direction=direction, soft=soft, push=push)
    return Piece(0, 0, 0, kind)


def _events(
    rng: np.random.Generator,
    chance: float,
    times: int,
    carried: int,
    length: int,
    shortest: int,
    longest: int,
    weakest: float,
    strongest: float,
) -> tuple[tuple[int, int, float], ...]:
    """Return events in the middle of a piece, apart from each other."""
    if rng.random() >= chance:
        return ()
    made = []
    room = (length - 16) // times
    for index in range(times):
        frames = int(rng.integers(shortest, longest + 1))
        if room < frames + 6:
            break
        first = carried + 8 + index * room + int(rng.integers(0, room - frames - 4))
        made.append((first, frames, float(rng.uniform(weakest, strongest))))
    return tuple(made)


def _with_truths(pieces: tuple[Piece, ...]) -> Edit:
    truths: list[Truth] = []
    flashes: list[FrameRange] = []
    jolts: list[FrameRange] = []
    at = carried = 0
    for piece in pieces:
        white = piece.white if piece is not pieces[-1] else 0
        for events, found in ((piece.flashes, flashes), (piece.jolts, jolts)):
            for first, frames, _ in events:
                found.append(FrameRange(at - carried + first, at - carried + first + frames))
        at += piece.length
        if piece is pieces[-1]:
            break
        length = piece.out + piece.black + piece.back + white
        detail = {"wipe": "push" if piece.push else f"{piece.direction} soft {piece.soft:.2f}"}
        detail["fade"] = "white" if piece.level else "black"
        detail["cut"] = "white frame" if white else ""
        truths.append(Truth(piece.kind, FrameRange(at, at + length), detail.get(piece.kind, "")))
        at += length
        carried = piece.back if piece.kind == "fade" else piece.out
    return Edit(pieces, tuple(truths), tuple(flashes), tuple(jolts))


def draw_quick(looks: Sequence[Pictures], films: Sequence[str], mix: Quick, seed: int) -> Edit:
    """Draw an edit of hard cuts of stretches that come from these films.

    `looks` are the stretches' pictures, as small as you like: between two shots there must be a
    change to be seen, greater than those around it.
    """
    rng = np.random.default_rng(seed)
    pieces: list[Piece] = []
    room: list[Piece] = []
    while len(pieces) < mix.shots:
        if mix.rooms and not room:
            room = _room(rng, looks, mix)
        before = pieces[-1] if pieces else None
        new = room.pop(0) if room else _another(rng, looks, films, mix, before)
        if before is None or _seen(looks, before, new):
            pieces.append(new)
    plain = _with_truths(tuple(pieces))
    lights = tuple(
        FrameRange(at + light.first, at + light.first + len(light.strengths))
        for piece, at in zip(pieces, _starts(pieces), strict=True)
        for light in piece.lights
    )
    dark = mix.dark and seed % 2 == 1
    gain = float(rng.uniform(0.2, 0.35)) if dark else 1.0
    bars = 0.256 if mix.letterbox else 0.0
    truths = tuple(
        replace(truth, jump=_jumps(*pair))
        for truth, pair in zip(plain.truths, pairwise(pieces), strict=True)
    )
    return replace(plain, truths=truths, flashes=lights, gain=gain, bars=bars, near=1)


def _jumps(before: Piece, new: Piece) -> bool:
    """Return whether a cut from one shot to the next is a jump within a take, in one framing."""
    same = before.stretch == new.stretch and before.crop == new.crop and not before.white
    return same and abs(new.first - (before.first + before.length)) < JUMP


def _starts(pieces: Sequence[Piece]) -> list[int]:
    ends = np.cumsum([piece.length + piece.white for piece in pieces])
    return [0, *(int(end) for end in ends[:-1])]


def _another(
    rng: np.random.Generator,
    looks: Sequence[Pictures],
    films: Sequence[str],
    mix: Quick,
    before: Piece | None,
) -> Piece:
    """Return a shot of another film than the one before, or of its take."""
    length = int(rng.integers(mix.length[0], mix.length[1] + 1))
    if rng.random() < mix.brief:
        length = int(rng.integers(1, 3))
    stretch = int(rng.integers(len(looks)))
    if before is not None:
        if rng.random() < mix.same:
            stretch = before.stretch
        else:
            while films[stretch] == films[before.stretch]:
                stretch = int(rng.integers(len(looks)))
    length = min(length, len(looks[stretch]))
    first = int(rng.integers(0, len(looks[stretch]) - length + 1))
    wander = tuple(
        (float(mix.hand * rng.uniform(0.3, 1)), float(rng.uniform(6, 40)), float(rng.uniform(0, 6)))
        for _ in range(6 if mix.hand else 0)
    )
    crop = (0.1, 0.1, 0.8) if mix.hand else (0.0, 0.0, 1.0)
    lights = _lights(rng, length) if rng.random() < mix.lights else ()
    white = int(rng.random() < mix.white)
    return Piece(stretch, first, length, lights=lights, crop=crop, wander=wander, white=white)


def _room(rng: np.random.Generator, looks: Sequence[Pictures], mix: Quick) -> list[Piece]:
    """Return shots of one take as two or three cameras would see it."""
    stretch = int(rng.integers(len(looks)))
    framings = []
    for _ in range(int(rng.integers(2, 4))):
        size = float(rng.uniform(0.5, 0.8))
        left, top = (float(part) for part in rng.uniform(0, 1 - size, 2))
        framings.append((left, top, size))
    made: list[Piece] = []
    for index in range(int(rng.integers(4, 9))):
        length = int(rng.integers(mix.length[0], mix.length[1] + 1))
        length = min(length, len(looks[stretch]))
        first = int(rng.integers(0, len(looks[stretch]) - length + 1))
        made.append(Piece(stretch, first, length, crop=framings[index % len(framings)]))
    return made


def _lights(rng: np.random.Generator, length: int) -> tuple[Light, ...]:
    """Return strobes, gunfire or lightning in a shot, also right beside its cuts."""
    kind = ("strobe", "spot", "lightning")[int(rng.integers(3))]
    frames = int(rng.integers(3, 21))
    first = int(rng.integers(1, max(2, length - 3)))
    frames = min(frames, length - 1 - first)
    if frames < 1:
        return ()
    strength, every = float(rng.uniform(0.4, 0.95)), int(rng.integers(2, 5))
    if kind == "lightning":
        strengths = [strength * float(rng.uniform(0.1, 1)) ** 2 for _ in range(frames)]
    else:
        strengths = [strength * (k % every == 0) for k in range(frames)]
    place = tuple(float(part) for part in rng.uniform(0.2, 0.8, 2))
    return (Light(kind, first, tuple(strengths), (place[0], place[1])),)


_SEEN = (9.0, 2.5)  # of 255, and of the changes around it


def _seen(looks: Sequence[Pictures], before: Piece, new: Piece) -> bool:
    """Return whether the cut between two shots is one to the eye.

    It is a change much greater than around it.
    """

    def part(piece: Piece, k: int) -> NDArray[np.float32]:
        k = min(max(k, 0), piece.length - 1)
        return _cropped(looks[piece.stretch][piece.first + k], piece, 0).astype(np.float32)

    last = before.length - 1
    change = float(np.abs(part(before, last) - part(new, 0)).mean())
    around = [np.abs(part(before, last - k) - part(before, last - k - 1)).mean() for k in range(3)]
    around += [np.abs(part(new, k) - part(new, k + 1)).mean() for k in range(3)]
    return change > _SEEN[0] and change > _SEEN[1] * float(max(around))


def render(edit: Edit, stretches: Sequence[Pictures]) -> Iterator[NDArray[np.uint8]]:
    """Yield the pictures of an edit, (H, W, 3) each."""
    for picture in _plain(edit, stretches):
        if edit.gain != 1:
            picture = (picture * np.float32(edit.gain) + 0.5).astype(np.uint8)
        bar = round(edit.bars / 2 * len(picture))
        if bar:
            picture = picture.copy()
            picture[:bar] = picture[-bar:] = 0
        yield picture


def _plain(edit: Edit, stretches: Sequence[Pictures]) -> Iterator[NDArray[np.uint8]]:
    carried = 0
    for index, piece in enumerate(edit.pieces):
        shot = stretches[piece.stretch][piece.first :]
        for k in range(carried, carried + piece.length):
            yield _changed(shot[k], k, piece)
        out = shot[carried + piece.length :]
        if index + 1 < len(edit.pieces):
            after = edit.pieces[index + 1]
            yield from _transition(piece, out, stretches[after.stretch][after.first :])
            for _ in range(piece.white):
                yield np.full_like(shot[0], 255)
        carried = piece.back if piece.kind == "fade" else piece.out


def _transition(piece: Piece, old: Pictures, new: Pictures) -> Iterator[NDArray[np.uint8]]:
    if piece.kind == "fade":
        for k in range(piece.out):
            yield _mixed(old[k], np.uint8(piece.level), (k + 1) / (piece.out + 1))
        for _ in range(piece.black):
            yield np.full_like(old[0], piece.level)
        for k in range(piece.back):
            yield _mixed(np.uint8(piece.level), new[k], (k + 1) / (piece.back + 1))
        return
    for k in range(piece.out):
        part = (k + 1) / (piece.out + 1)
        if piece.kind == "dissolve":
            yield _mixed(old[k], new[k], part)
        elif piece.push:
            yield _pushed(old[k], new[k], part, piece.direction)
        else:
            yield _mixed(old[k], new[k], _edge(old[k], part, piece)[..., None])


def _mixed(
    old: NDArray[np.uint8] | np.uint8, new: NDArray[np.uint8] | np.uint8, part: object
) -> NDArray[np.uint8]:
    weight = np.asarray(part, np.float32)
    mixed = np.float32(1) * old * (1 - weight) + np.float32(1) * new * weight
    return np.asarray(mixed + 0.5).astype(np.uint8)


def _edge(picture: NDArray[np.uint8], part: float, piece: Piece) -> NDArray[np.float32]:
    """Return how far each pixel has gone over to the new shot, (H, W)."""
    height, width = picture.shape[:2]
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height)[:, None] + 0.5) / height
    along = np.zeros((height, width))
    for way, place in zip(piece.direction, (x, y), strict=True):
        along = along + (place if way > 0 else 1 - place) * (way != 0)
    along /= np.abs(piece.direction).sum()
    soft = max(piece.soft, 1 / width)
    return np.clip((part * (1 + soft) - along) / soft, 0, 1).astype(np.float32)


def _pushed(
    old: NDArray[np.uint8], new: NDArray[np.uint8], part: float, direction: tuple[int, int]
) -> NDArray[np.uint8]:
    axis = 1 if direction[0] else 0
    forward = direction[axis == 0] > 0
    shift = round(part * old.shape[axis])
    both = np.concatenate([new, old] if forward else [old, new], axis)
    start = old.shape[axis] - shift if forward else shift
    return both[:, start : start + old.shape[1]] if axis else both[start : start + old.shape[0]]


def _changed(picture: NDArray[np.uint8], k: int, piece: Piece) -> NDArray[np.uint8]:
    """Return the picture with what happens to it in frame `k` of a piece."""
    picture = _cropped(picture, piece, k)
    for first, frames, strength in piece.flashes:
        if first <= k < first + frames:
            fading = 1 - 0.7 * (k - first) / frames  # lamps die away
            picture = _mixed(picture, np.uint8(255), strength * fading)
    for first, frames, strength in piece.jolts:
        if first <= k < first + frames:
            swing = np.array([np.cos(1.9 * (k - first)), np.sin(1.4 * (k - first) + 1)])
            swing *= strength * (1 - (k - first) / frames) * np.array(picture.shape[:2])
            picture = _shifted(picture, *(int(v) for v in swing.round()))
    for light in piece.lights:
        if light.first <= k < light.first + len(light.strengths):
            picture = _lit(picture, light, light.strengths[k - light.first])
    return picture


def _cropped(picture: NDArray[np.uint8], piece: Piece, k: int) -> NDArray[np.uint8]:
    """Return the part of the picture that frame `k` shows, in the picture's size."""
    height, width = picture.shape[:2]
    left, top, size = piece.crop
    if size == 1:
        return picture
    swings = [a * np.sin(2 * np.pi * k / frames + phase) for a, frames, phase in piece.wander]
    half = len(swings) // 2
    left = min(max(left + sum(swings[:half]), 0.0), 1 - size)
    top = min(max(top + sum(swings[half:]), 0.0), 1 - size)
    rows = ((top + size * (np.arange(height) + 0.5) / height) * height).astype(np.int64)
    columns = ((left + size * (np.arange(width) + 0.5) / width) * width).astype(np.int64)
    return picture[rows][:, columns]


def _lit(picture: NDArray[np.uint8], light: Light, strength: float) -> NDArray[np.uint8]:
    """Return the picture with a light of this strength on it."""
    if strength <= 0:
        return picture
    if light.kind == "strobe":
        return _mixed(picture, np.uint8(255), strength)
    height, width = picture.shape[:2]
    x = (np.arange(width) + 0.5) / width
    y = (np.arange(height)[:, None] + 0.5) / height
    if light.kind == "spot":
        away = (x - light.place[0]) ** 2 + (y - light.place[1]) ** 2
        glow = strength * (0.9 * np.exp(-away / 0.03) + 0.15)
        return _mixed(picture, np.uint8(255), glow[..., None])
    side = (0.4 + 0.6 * (x if light.place[0] > 0.5 else 1 - x) + 0 * y)[..., None]
    lit = picture * (1 + 3 * strength * side) + 60 * strength * side
    return np.asarray(np.minimum(lit, 255)).astype(np.uint8)


def _shifted(picture: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Return the picture moved, its rim repeated."""
    height, width = picture.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return picture[rows][:, columns]
