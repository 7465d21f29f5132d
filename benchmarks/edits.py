"""Edits with known boundaries, mixed from stretches of single shots.

An edit is drawn first (`draw`), as numbers only, and rendered picture by picture (`render`), so
that a film of any size can be made of it without holding it. The same seed gives the same edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import TransitionKind
from kuleshov.timecode import FrameRange

__all__ = ["MIXES", "Edit", "Mix", "Piece", "Truth", "draw", "render"]

Pictures = NDArray[np.uint8]
"""(N, H, W, 3) RGB."""

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Ways in which a wipe's edge runs, as (x, y)."""


@dataclass(frozen=True)
class Truth:
    """A boundary that was made. An empty range is a cut."""

    kind: TransitionKind
    frames: FrameRange
    detail: str = ""


@dataclass(frozen=True)
class Mix:
    """What an edit is made of: shares of transitions, and what happens within its shots.

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
class Piece:
    """One shot of an edit: frames of one stretch, with the way out of it.

    `stretch` is a number, `first` its frame that comes first, `length` the frames shown alone, and
    `out` frames of the transition to the next shot (of a fade: those before the black). `flashes`
    and `jolts` are (frame after `first`, number of frames, strength).
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


@dataclass(frozen=True)
class Edit:
    """The pieces of an edit, its boundaries, and its flashes and jolts by their first frames."""

    pieces: tuple[Piece, ...]
    truths: tuple[Truth, ...] = field(default=())
    flashes: tuple[FrameRange, ...] = ()
    jolts: tuple[FrameRange, ...] = ()


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
    """The transition out of a piece, as a piece with nothing else in it."""
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
    """Events in the middle of a piece, apart from each other."""
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
    truths, flashes, jolts = [], [], []
    at = carried = 0
    for piece in pieces:
        for events, found in ((piece.flashes, flashes), (piece.jolts, jolts)):
            for first, frames, _ in events:
                found.append(FrameRange(at - carried + first, at - carried + first + frames))
        at += piece.length
        if piece is pieces[-1]:
            break
        length = piece.out + piece.black + piece.back
        detail = {"wipe": "push" if piece.push else f"{piece.direction} soft {piece.soft:.2f}"}
        detail["fade"] = "white" if piece.level else "black"
        truths.append(Truth(piece.kind, FrameRange(at, at + length), detail.get(piece.kind, "")))
        at += length
        carried = piece.back if piece.kind == "fade" else piece.out
    return Edit(pieces, tuple(truths), tuple(flashes), tuple(jolts))


def render(edit: Edit, stretches: Sequence[Pictures]) -> Iterator[NDArray[np.uint8]]:
    """The pictures of an edit, (H, W, 3) each."""
    carried = 0
    for index, piece in enumerate(edit.pieces):
        shot = stretches[piece.stretch][piece.first :]
        for k in range(carried, carried + piece.length):
            yield _changed(shot[k], k, piece)
        out = shot[carried + piece.length :]
        if index + 1 < len(edit.pieces):
            after = edit.pieces[index + 1]
            yield from _transition(piece, out, stretches[after.stretch][after.first :])
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
    """(H, W): how far each pixel has gone over to the new shot."""
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
    """The picture with the flash or the jolt that falls on it."""
    for first, frames, strength in piece.flashes:
        if first <= k < first + frames:
            fading = 1 - 0.7 * (k - first) / frames  # lamps die away
            picture = _mixed(picture, np.uint8(255), strength * fading)
    for first, frames, strength in piece.jolts:
        if first <= k < first + frames:
            swing = np.array([np.cos(1.9 * (k - first)), np.sin(1.4 * (k - first) + 1)])
            swing *= strength * (1 - (k - first) / frames) * np.array(picture.shape[:2])
            picture = _shifted(picture, *(int(v) for v in swing.round()))
    return picture


def _shifted(picture: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """The picture moved, its rim repeated."""
    height, width = picture.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return picture[rows][:, columns]
