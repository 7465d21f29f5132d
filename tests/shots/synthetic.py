"""A small film with known boundaries, the same on every machine.

Whole-number arithmetic over the raw bits of PCG64, which NumPy keeps stable, so the frames are
equal to the last bit wherever they are made. `tools/export_models.py` shows the same film to the
original network, and the tests hold ours to what that saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

HEIGHT, WIDTH = 27, 48
MARGIN = 24
"""Picture beyond the frame's edges, for the camera to move over."""


@dataclass(frozen=True)
class Piece:
    """`length` frames of one shot alone, then `dissolve` frames mixed with the next shot."""

    length: int
    dissolve: int = 0


REFERENCE = (
    Piece(60),
    Piece(45, dissolve=8),
    Piece(50, dissolve=15),
    Piece(55, dissolve=30),
    Piece(70),
    Piece(12),
    Piece(40, dissolve=15),
    Piece(90),
    Piece(5),
    Piece(60),
    Piece(48, dissolve=30),
    Piece(60),
)
"""The film of the reference outputs: cuts, a five-frame shot, dissolves of 8, 15, 30 frames."""


def film(pieces: tuple[Piece, ...], seed: int = 1) -> tuple[Frames, list[tuple[int, int]]]:
    """The film of `pieces`, (N, 27, 48, 3) uint8 RGB, and its boundaries.

    A boundary is a half-open range of mixed frames; a hard cut is the empty range at the first
    frame of the new shot. The last piece's dissolve is left out.
    """
    frames: list[Frames] = []
    boundaries: list[tuple[int, int]] = []
    carried = 0  # frames of this shot already seen inside the dissolve before it
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        mixed = 0 if last else piece.dissolve
        shot = _shot(seed * 1000 + index, carried + piece.length + mixed)
        frames.extend(shot[carried : carried + piece.length])
        if last:
            break
        boundaries.append((len(frames), len(frames) + mixed))
        coming = _shot(seed * 1000 + index + 1, mixed).astype(np.int64)
        for k in range(mixed):
            old = shot[carried + piece.length + k].astype(np.int64)
            mixture = (old * (mixed - k) + coming[k] * (k + 1)) // (mixed + 1)
            frames.append(mixture.astype(np.uint8))
        carried = mixed
    return np.stack(frames), boundaries


def _shot(seed: int, length: int) -> Frames:
    """A camera moving steadily over a blotched, grained picture: (length, 27, 48, 3)."""
    bits = np.random.PCG64(seed)
    tall, wide = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN
    blotches = _random(bits, (-(-tall // 8), -(-wide // 8), 3), 256)
    picture = np.kron(blotches, np.ones((8, 8, 1), dtype=np.int64))[:tall, :wide]
    for axis in (0, 1):  # a running mean over five pixels, to soften the blotches' edges
        picture = np.stack([np.roll(picture, shift, axis) for shift in range(-2, 3)]).sum(0) // 5
    tint = _random(bits, (3,), 128)
    picture = picture * (255 - tint) // 255 + tint
    picture = np.clip(picture + _random(bits, picture.shape, 24) - 12, 0, 255).astype(np.uint8)
    (dy, dx) = (int(v) - 4 for v in _random(bits, (2,), 9))  # sixteenths of a pixel a frame
    result = np.empty((length, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for k in range(length):
        y = MARGIN + max(-MARGIN, min(MARGIN, k * dy // 16))
        x = MARGIN + max(-MARGIN, min(MARGIN, k * dx // 16))
        result[k] = picture[y : y + HEIGHT, x : x + WIDTH]
    return result


def _random(bits: np.random.PCG64, shape: tuple[int, ...], end: int) -> NDArray[np.int64]:
    """Whole numbers in [0, end), straight from the generator's raw bits."""
    raw = np.asarray(bits.random_raw(int(np.prod(shape))), dtype=np.uint64)
    return ((raw >> np.uint64(32)) % np.uint64(end)).astype(np.int64).reshape(shape)
