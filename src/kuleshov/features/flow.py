"""Measure flow: how the picture moves from each frame to the next, on the tiny frames.

Each pair of frames is first registered as a whole (pan, tilt, zoom and roll, with a change of
brightness: what the camera does), from coarse to fine, by least squares that lets single objects go
their own way. What remains is then measured in 3 x 4 cells: what moves before the camera. Both are
the iterative registration of Lucas and Kanade 1981 in a pyramid (Bouguet 2000), with the weights of
robust regression (Holland and Welsch 1977).

Very slow movement is a hundredth of a pixel from frame to frame. It is not lost: the errors that
rounding makes in one pair are taken back in the next, so that displacements added up over half a
second are as good as one measurement over that time. For the same reason nothing here rounds small
displacements to none; whoever reads a flow adds up first (`kuleshov.features.motion`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Video

__all__ = ["CELLS", "Flow", "FlowMeter"]

CELLS = (3, 4)
"""Rows and columns of the grid."""

_SIZE = (20, 40)  # height and width that the active picture is brought to
_LEVELS = 3  # of the pyramid: 5 x 10, 10 x 20, 20 x 40
_CAMERA_STEPS = (4, 3, 2)  # registrations of the whole picture at each level, coarse to fine
_CELL_STEPS = (0, 2, 1)  # and of the cells
_BLUR = 2.2  # of its pixels; half-width of the kernel that brings frames to `_SIZE`
_EDGE = 0.4  # pixels; what comes from nearer to the picture's edge does not count
_FLAT = 0.15  # luma levels a pixel; gradients below are rounding noise and pull towards rest
_CELL_FLAT = 1.0  # the same for a cell, which is pulled towards the camera's movement
_FLOOR = 2.0  # luma levels; contrast below is noise, not something to be explained
_FARTHEST = (0.25, 0.25, 0.2, 0.2)  # pan, tilt, zoom, roll that are believed between two frames
_FARTHEST_CELL = 0.15  # of the width and height, beyond the camera's movement
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BLOCK = 16  # pairs registered at once: what they need fits a processor's cache

F32 = NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Flow:
    """The flow of a film: the movement of its picture, one entry for each of its N frames.

    Entry n is what happened between frame n - 1 and frame n; entry 0 is zero. Displacements are
    those of what is seen: to the right and downwards are positive, in parts of the width and of the
    height of the picture without its bars.

    `grid` (N, 3, 4, 2) float16: horizontal and vertical displacement in each cell, the camera's
    share included. `camera` (N, 4) float16: of the picture as a whole, its horizontal and vertical
    displacement, its growth (0.01: by one hundredth) and its clockwise turn (radians). `error` (N,)
    float16: the share of the frame's contrast that the frame before, so moved, does not explain:
    hundredths as a rule, 0.12 to 1 at a cut. `aspect`: the
    picture's width over its height, in square pixels.
    """

    grid: NDArray[np.float16]
    camera: NDArray[np.float16]
    error: NDArray[np.float16]
    aspect: float

    def __post_init__(self) -> None:
        count = len(self.grid)
        shapes = (self.grid.shape, self.camera.shape, self.error.shape)
        if shapes != ((count, *CELLS, 2), (count, 4), (count,)):
            raise ValueError(f"a flow with parts of shapes {shapes}")

    def __len__(self) -> int:
        return len(self.grid)

    def __repr__(self) -> str:
        return f"Flow({len(self)} frames)"

    def mirrored(self) -> Flow:
        """Return the flow of the same film flipped left to right."""
        side = np.array([-1, 1], np.float16)
        return Flow(
            grid=self.grid[:, :, ::-1] * side,
            camera=self.camera * np.array([-1, 1, 1, -1], np.float16),
            error=self.error,
            aspect=self.aspect,
        )

    @property
    def foreground(self) -> NDArray[np.float32]:
        """The displacement in each cell beyond the camera's, (N, 3, 4, 2)."""
        return np.asarray(self.grid.astype(np.float32) - _of_camera(self.camera, self.aspect))


def _of_camera(camera: NDArray[Any], aspect: float) -> F32:
    """Return the displacement that the camera's movement makes in cells' centres, (N, 3, 4, 2)."""
    rows, columns = ((np.arange(count) + 0.5) / count - 0.5 for count in CELLS)
    pan, tilt, zoom, roll = (camera[:, k, None, None].astype(np.float32) for k in range(4))
    y, x = rows[:, None], columns[None]
    across, down = pan + zoom * x - roll * (y / aspect), tilt + zoom * y + roll * (x * aspect)
    return np.stack((across, down), axis=-1).astype(np.float32)


class FlowMeter:
    """A meter that gathers the `Flow` of a film from its tiny frames as they come.

    `video` tells where the bars are and how wide the picture is; without it there are no bars and
    the picture has this `aspect`. However frames are split into batches, the result is the same to
    the bit.
    """

    def __init__(self, video: Video | None = None, aspect: float = 16 / 9) -> None:
        self._video = video
        self._aspect = float(video.active_aspect) if video is not None else aspect
        self._levels: tuple[_Level, ...] = ()
        self._resample: tuple[F32, F32] | None = None
        self._waiting: list[NDArray[np.uint8]] = []
        self._count = 0
        self._last: list[F32] | None = None
        self._parts: list[Flow] = []

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Take (N, 27, 48, 3) uint8 RGB frames, upright, bars included, in order."""
        if not len(frames):
            return
        self._waiting.append(frames.copy())  # the caller may use the buffer again
        self._count += len(frames)
        if self._count < _BLOCK:
            return
        # Always the same blocks, so that sums are taken in the same order.
        whole = np.concatenate(self._waiting)
        rest = len(whole) % _BLOCK
        for first in range(0, len(whole) - rest, _BLOCK):
            self._block(whole[first : first + _BLOCK])
        self._waiting, self._count = [whole[len(whole) - rest :].copy()], rest

    def finish(self) -> Flow:
        """Return the flow of all frames fed."""
        if self._count:
            self._block(np.concatenate(self._waiting))
            self._waiting, self._count = [], 0
        if not self._parts:
            return _still(0, self._aspect)
        return Flow(
            grid=np.concatenate([part.grid for part in self._parts]),
            camera=np.concatenate([part.camera for part in self._parts]),
            error=np.concatenate([part.error for part in self._parts]),
            aspect=self._aspect,
        )

    def take(self) -> Flow:
        """Return the flow of the frames that were fed since the last call, at once.

        For frames that come one at a time: nothing of them is gathered but the last one.
        """
        flow, self._parts = self.finish(), []
        return flow

    def _block(self, frames: NDArray[np.uint8]) -> None:
        if self._resample is None:
            self._resample = _to_active(self._video, *frames.shape[1:3])
            sizes = [(_SIZE[0] >> k, _SIZE[1] >> k) for k in reversed(range(_LEVELS))]
            self._levels = tuple(_Level(*size, self._aspect) for size in sizes)
        rows, columns = self._resample
        pyramid = [rows @ (frames.astype(np.float32) @ _LUMA) @ columns.T]
        for _ in range(_LEVELS - 1):
            pyramid.insert(0, _halved(pyramid[0]))
        if self._last is None:
            self._parts.append(_still(1, self._aspect))
        else:
            pyramid = [np.concatenate((a, b)) for a, b in zip(self._last, pyramid, strict=True)]
        self._last = [level[-1:] for level in pyramid]
        if len(pyramid[0]) > 1:
            self._parts.append(_register(self._levels, pyramid))


def _still(count: int, aspect: float) -> Flow:
    """Return a flow of `count` frames in which nothing moves."""
    return Flow(
        grid=np.zeros((count, *CELLS, 2), np.float16),
        camera=np.zeros((count, 4), np.float16),
        error=np.zeros(count, np.float16),
        aspect=aspect,
    )


def _to_active(video: Video | None, height: int, width: int) -> tuple[F32, F32]:
    """Return matrices, (20, height) and (40, width), that cut the bars off a tiny frame's luma.

    Pixels that a bar touches do not count.
    """
    top = bottom = left = right = 0.0
    if video is not None:
        upright_w, upright_h = video.upright_size
        bars = video.bars
        left, right = bars.left / upright_w * width, bars.right / upright_w * width
        top, bottom = bars.top / upright_h * height, bars.bottom / upright_h * height
    return (
        _kernel(_SIZE[0], height, top, height - bottom),
        _kernel(_SIZE[1], width, left, width - right),
    )


def _kernel(count: int, length: int, begin: float, end: float) -> F32:
    """Return triangles around `count` places spread evenly from `begin` to `end`.

    They are rows, (count, length).
    """
    step = (end - begin) / count
    centres = begin + (np.arange(count) + 0.5) * step
    distance = np.abs(centres[:, None] - (np.arange(length) + 0.5))
    inside = np.minimum(np.arange(length) + 1, end) - np.maximum(np.arange(length), begin)
    weights = np.maximum(1 - distance / max(_BLUR * step, 1.5), 0)
    weights = weights * np.maximum(inside, 1e-3) ** 8
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _halved(luma: F32) -> F32:
    """Return (N, h, w) halved to (N, h / 2, w / 2), by means of 2 x 2."""
    tall = luma[:, ::2] + luma[:, 1::2]
    return (tall[:, :, ::2] + tall[:, :, 1::2]) * np.float32(0.25)


class _Level:
    """A level of the pyramid: what depends on the size of the picture only."""

    def __init__(self, height: int, width: int, aspect: float) -> None:
        self.height, self.width, self.aspect = height, width, aspect
        y, x = np.mgrid[:height, :width].reshape(2, -1).astype(np.float32)
        self.row, self.column = y, x  # (P,) pixels
        self.x: F32 = (x + np.float32(0.5)) / np.float32(width) - np.float32(0.5)
        self.y: F32 = (y + np.float32(0.5)) / np.float32(height) - np.float32(0.5)
        # What is on the picture's edge is blurred, and not where it seems: it does not count.
        self.inner = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
        one = np.ones_like(self.x)
        # What pan (or tilt), zoom and roll do to each place, to the right and downwards.
        self.basis = (
            np.stack((one, self.x, -self.y / np.float32(aspect))),
            np.stack((one, self.y, self.x * np.float32(aspect))),
        )
        self.hats = _hats(CELLS[0], height), _hats(CELLS[1], width)
        # Pixels that count for each cell, as if each of them counted by its share.
        self.shares = np.outer(self.hats[0].sum(axis=0), self.hats[1].sum(axis=0))

    def warp(self, luma: F32, across: F32, down: F32) -> tuple[F32, F32]:
        """Return `luma` (N, P) displaced, and where it comes from within the picture (1, else 0).

        `across` and `down` are (N, P), parts of width and height; both results are (N, P).
        """
        far_x, far_y = self.column - across * self.width, self.row - down * self.height
        x = np.clip(far_x, _EDGE, self.width - 1 - _EDGE)
        y = np.clip(far_y, _EDGE, self.height - 1 - _EDGE)
        within = (x == far_x) & (y == far_y) & self.inner
        left, top = x.astype(np.int32), y.astype(np.int32)
        x -= left
        y -= top
        at = top * self.width + left
        at += np.arange(len(luma), dtype=np.int32)[:, None] * np.int32(luma.shape[1])
        flat = luma.reshape(-1)
        upper, lower = flat.take(at), flat.take(at + self.width)
        upper += x * (flat.take(at + 1) - upper)
        lower += x * (flat.take(at + (self.width + 1)) - lower)
        upper += y * (lower - upper)
        return upper, within.astype(np.float32)

    def gradient(self, luma: F32) -> tuple[F32, F32]:
        """Return the slope of `luma` (N, P) to the right and downwards, (N, P).

        In levels a width and levels a height.
        """
        picture = luma.reshape(-1, self.height, self.width)
        across, down = np.empty_like(picture), np.empty_like(picture)
        across[:, :, 1:-1] = (picture[:, :, 2:] - picture[:, :, :-2]) * (0.5 * self.width)
        across[:, :, 0] = (picture[:, :, 1] - picture[:, :, 0]) * self.width
        across[:, :, -1] = (picture[:, :, -1] - picture[:, :, -2]) * self.width
        down[:, 1:-1] = (picture[:, 2:] - picture[:, :-2]) * (0.5 * self.height)
        down[:, 0] = (picture[:, 1] - picture[:, 0]) * self.height
        down[:, -1] = (picture[:, -1] - picture[:, -2]) * self.height
        return across.reshape(luma.shape), down.reshape(luma.shape)

    def spread(self, cells: F32) -> F32:
        """Return the values of cells (N, 3, 4) spread between their centres, (N, P)."""
        values = self.hats[0] @ cells @ self.hats[1].T
        return np.asarray(values.reshape(len(cells), -1), np.float32)

    def gather(self, values: F32) -> F32:
        """Return the sums of (N, P) over each cell and half of its neighbours, (N, 3, 4)."""
        picture = values.reshape(-1, self.height, self.width)
        return np.asarray(self.hats[0].T @ picture @ self.hats[1], np.float32)


def _hats(count: int, length: int) -> F32:
    """Return how much each of `count` cells counts at each place, (length, count).

    Linear between their centres; rows sum to 1.
    """
    place = np.clip((np.arange(length) + 0.5) / length * count - 0.5, 0, count - 1)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0), np.float32)


def _register(levels: tuple[_Level, ...], pyramid: list[F32]) -> Flow:
    """Return the flow of N pairs of neighbours in N + 1 frames.

    `pyramid` goes from coarse to fine, (N + 1, h, w) each.
    """
    count = len(pyramid[0]) - 1
    flat = [luma.reshape(count + 1, -1) for luma in pyramid]
    camera = np.zeros((count, 6), np.float32)
    camera[:, 5] = 1
    for index, (level, luma) in enumerate(zip(levels, flat, strict=True)):
        if index == _LEVELS - 1:
            camera = _or_still(levels[-2], flat[-2][:-1], flat[-2][1:], camera)
        columns = _columns(level, luma[1:])
        for _ in range(_CAMERA_STEPS[index]):
            camera = _camera_step(level, luma[:-1], luma[1:], columns, camera)
    cells = np.zeros((count, 2, *CELLS), np.float32)
    for level, luma, steps in zip(levels, flat, _CELL_STEPS, strict=True):
        if steps:
            cells = _cell_steps(level, luma[:-1], luma[1:], camera, cells, steps)
    level, before, after = levels[-1], flat[-1][:-1], flat[-1][1:]
    left_over, _ = _left_over(level, before, after, camera, cells)
    error = left_over.var(axis=1) / (after.var(axis=1) + np.float32(_FLOOR**2))
    grid = _of_camera(camera, level.aspect) + np.moveaxis(cells, 1, -1)
    return Flow(
        grid=grid.astype(np.float16),
        camera=camera[:, :4].astype(np.float16),
        error=np.minimum(error, 1).astype(np.float16),
        aspect=level.aspect,
    )


def _or_still(level: _Level, before: F32, after: F32, camera: F32) -> F32:
    """Return `camera` (N, 6), or rest where that explains more places.

    What moves before a camera at rest drags the first, coarse registrations along.
    """
    moved, within = _left_over(level, before, after, camera, None)
    still = (after - camera[:, 5:6] * before - camera[:, 4:5]) * within
    rest = camera * np.array([0, 0, 0, 0, 1, 1], np.float32)
    return np.where((_typical(still) < _typical(moved))[:, None], rest, camera)


def _typical(left_over: F32) -> F32:
    """Return the usual size of what is left over, (N, P), whatever a few places do: (N,)."""
    return np.asarray(np.square(np.sqrt(np.abs(left_over)).mean(axis=1)), np.float32)


def _left_over(
    level: _Level, before: F32, after: F32, camera: F32, cells: F32 | None
) -> tuple[F32, F32]:
    """Return what movement does not explain, (N, P) levels, and where that counts.

    It counts where the second is 1, not where it is 0.
    """
    across, down = camera[:, [0, 2, 3]] @ level.basis[0], camera[:, [1, 2, 3]] @ level.basis[1]
    if cells is not None:
        across += level.spread(cells[:, 0])
        down += level.spread(cells[:, 1])
    moved, within = level.warp(before, across, down)
    return (after - camera[:, 5:6] * moved - camera[:, 4:5]) * within, within


def _weights(left_over: F32, within: F32) -> F32:
    """Return weights (N, P) of robust regression (Cauchy's).

    So what moves by itself counts less.
    """
    scale = _typical(left_over)[:, None] * np.float32(1.5) + np.float32(0.25)
    return np.asarray(within / (1 + np.square(left_over / scale)), np.float32)


def _columns(level: _Level, after: F32) -> F32:
    """Return how the frame after (N, P) answers to the camera, (N, 6, P).

    In levels for each unit of pan, tilt, zoom, roll, brightness and gain.
    """
    columns = np.empty((len(after), 6, after.shape[1]), np.float32)
    across, down = level.gradient(after)
    columns[:, 0], columns[:, 1] = across, down
    columns[:, 2] = across * level.x + down * level.y
    columns[:, 3] = across * level.basis[0][2] + down * level.basis[1][2]
    columns[:, 4] = -1
    columns[:, 5] = -after
    return columns


def _camera_step(level: _Level, before: F32, after: F32, columns: F32, camera: F32) -> F32:
    """Return `camera` (N, 6) after registering whole pictures once.

    Its columns are pan, tilt, zoom, roll, brightness, gain.
    """
    left_over, within = _left_over(level, before, after, camera, None)
    weighted = columns * _weights(left_over, within)[:, None]
    normal = weighted @ columns.transpose(0, 2, 1)
    places = after.shape[1]
    flat = np.array([_FLAT * level.width, _FLAT * level.height], np.float32) ** 2 * places
    # Little light and little contrast: nothing is known, so nothing is supposed to move.
    pull = np.array([flat[0], flat[1], flat.sum() / 12, flat.sum() / 12, 1, places], np.float32)
    normal[:, np.arange(6), np.arange(6)] += pull
    # The pull is towards rest, not towards what was found so far.
    rest = np.array([0, 0, 0, 0, 0, 1], np.float32)
    right = pull * (rest - camera) - (weighted @ left_over[:, :, None])[:, :, 0]
    result = camera + np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    far = np.array(_FARTHEST, np.float32)
    result[:, :4] = np.clip(result[:, :4], -far, far)
    result[:, 5] = np.clip(result[:, 5], 0.5, 2)
    return np.asarray(result, np.float32)


def _cell_steps(level: _Level, before: F32, after: F32, camera: F32, cells: F32, steps: int) -> F32:
    """Return `cells` (N, 2, 3, 4) after registering them `steps` times.

    They are the cells' movement beyond the camera's.
    """
    across, down = level.gradient(after)
    flat = np.array([_CELL_FLAT * level.width, _CELL_FLAT * level.height], np.float32) ** 2
    for _ in range(steps):
        left_over, within = _left_over(level, before, after, camera, cells)
        weighted = (across * within, down * within)
        xx = level.gather(weighted[0] * across) + flat[0] * level.shares
        xy = level.gather(weighted[0] * down)
        yy = level.gather(weighted[1] * down) + flat[1] * level.shares
        # The pull is towards the camera's movement, not towards what was found so far.
        rx = level.gather(weighted[0] * left_over) + flat[0] * level.shares * cells[:, 0]
        ry = level.gather(weighted[1] * left_over) + flat[1] * level.shares * cells[:, 1]
        scale = xx * yy - xy * xy
        step = np.stack((yy * rx - xy * ry, xx * ry - xy * rx), axis=1) / scale[:, None]
        cells = np.asarray(np.clip(cells - step, -_FARTHEST_CELL, _FARTHEST_CELL), np.float32)
    return cells
