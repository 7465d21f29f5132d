"""Find wipes: an edge runs over the picture, the old shot before it and the new one behind.

Each cell of the grid is looked at as late as the edge would reach it. What was a wipe is then a
cut: all cells change at once, and between no other two frames as much. So a wipe is looked for as
a cut is, once for each direction and duration. (A shear of the picture's space-time, as in the
visual rhythm of Ngo, Pong and Chin 1999, "Detection of gradual transitions through temporal slice
analysis"; over the whole grid rather than a slice.) What moves within a shot is not a wipe: it does
not change every cell, or every cell changes before and after as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kuleshov.shots.light import CELLS, ROWS_COLUMNS, Light
from kuleshov.timecode import FrameRange

__all__ = ["Wipe", "find_wipes"]

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_SWEEPS = (7, 9, 11, 14, 17, 21, 26, 32, 39, 47)  # frames that the edge takes over the picture
_LONGEST = 47 + 12
_SHARE = 0.58  # of the cells must change where the edge passes: at other places at most 0.5 did
_RATIO = 2.2  # change where it passes over that elsewhere: pushes 2.6, other wipes from 4
_STEP = 8.0  # of 255; mean change where it passes
_OTHER = 0.5  # of the change as the edge passes, that must be left when it has passed
_OWN = 0.5  # of how much a picture varies along the way, that must be seen along the edge
_REST = 0.25  # of that change, which a picture at rest does not reach in a quarter of the time
_NOISE = 3.0  # of 255
_PIECE = 2048  # frames looked at together; 40 MB


@dataclass(frozen=True)
class Wipe:
    """A wipe: `frames` show both shots; `direction` is the edge's, (right, down) of -1, 0, 1.

    `share` of the cells changed as the edge passed.
    """

    frames: FrameRange
    direction: tuple[int, int]
    share: float


def find_wipes(light: Light) -> list[Wipe]:
    """Return the wipes of a film, in order and apart from each other."""
    found: list[Wipe] = []
    overlap = 2 * _LONGEST
    for first in range(0, len(light), _PIECE):
        begin = max(0, first - overlap)
        grid = light.grid[begin : first + _PIECE + overlap].astype(np.float32)
        found += (
            Wipe(
                FrameRange(begin + wipe.frames.first, begin + wipe.frames.end),
                wipe.direction,
                wipe.share,
            )
            for wipe in _in_piece(grid)
        )
    kept: list[Wipe] = []
    for wipe in sorted(found, key=lambda wipe: -wipe.share):
        if not any(wipe.frames.overlaps(other.frames) for other in kept):
            kept.append(wipe)
    return sorted(kept, key=lambda wipe: wipe.frames)


def _in_piece(grid: NDArray[np.float32]) -> Iterator[Wipe]:
    """Yield the wipes among (N, 144) frames, the surest first."""
    count = len(grid)
    if count < 2 * _SWEEPS[0]:
        return
    ways = [
        _Way(way, sweep, gap) for sweep in _SWEEPS for gap in _gaps(sweep) for way in _DIRECTIONS
    ]
    gaps = {way.gap for way in ways} | {_gaps(_LONGEST)[0]}
    steps = {gap: _Steps(grid, gap) for gap in gaps}
    still = _Steps(grid, 1).at(np.zeros(CELLS, np.int64))[2]  # what a cut would give
    best = np.zeros(count, np.float32)
    which: NDArray[np.int64] = np.zeros(count, np.int64)
    for index, way in enumerate(ways):
        mean, ratio, share = steps[way.gap].at(_delays(way.direction, way.sweep))
        score = np.where((mean > _STEP) & (ratio > _RATIO) & (share > _SHARE), share, 0)
        better = score > best
        best[better], which[better] = score[better], index
    while best.max() > 0:
        peak = int(best.argmax())
        way = ways[which[peak]]
        wipe = _measured(grid, steps, peak, way, float(best[peak]))
        half = way.sweep // 2
        best[max(0, peak - half - 5) : peak + half + 6] = 0
        near = still[max(0, peak - half) : peak + half + 1]
        if near.size and near.max() > wipe.share:
            continue  # a cut explains it better
        if _is_wipe(grid, wipe.frames, peak, way):
            yield wipe


def _is_wipe(grid: NDArray[np.float32], frames: FrameRange, middle: int, way: _Way) -> bool:
    """Return whether the picture is another one afterwards, and neither moves along with the edge.

    Where something only passed, it is the same again; where the camera pans past an edge, what is
    seen before it and behind it runs along, so that all cells along the way see the same, and does
    so before and afterwards. (It runs along in a push too, but not before and afterwards.)
    """
    delays = _delays(way.direction, way.sweep)
    cells = np.arange(CELLS)
    sides = [
        grid[np.clip(middle + delays + by, 0, len(grid) - 1), cells]
        for by in (-way.gap - 1, way.gap + 1)
    ]
    rest = [grid[max(0, frames.first - 2)], grid[min(len(grid) - 1, frames.end + 1)]]
    changed = float(np.abs(rest[1] - rest[0]).mean())
    if changed < _OTHER * float(np.abs(sides[1] - sides[0]).mean()):
        return False
    if 0 not in way.direction or _at_rest(grid, frames, way.sweep // 4) < _REST * changed:
        return True
    along = 1 if way.direction[0] else 0
    seen, shown = (
        [float(part.reshape(ROWS_COLUMNS).std(axis=along).mean()) for part in parts]
        for parts in (sides, rest)
    )
    return max(seen[0] / (shown[0] + 1), seen[1] / (shown[1] + 1)) > _OWN


def _at_rest(grid: NDArray[np.float32], frames: FrameRange, by: int) -> float:
    """Return the mean change, of 255, over `by` frames before or after `frames`.

    It is the greater of the two.
    """
    last, next_ = max(0, frames.first - 2), min(len(grid) - 1, frames.end + 1)
    earlier, later = max(0, last - by), min(len(grid) - 1, next_ + by)
    pairs = ((earlier, last), (next_, later))
    return max(float(np.abs(grid[a] - grid[b]).mean()) for a, b in pairs)


class _Steps:
    """The change of each cell over `gap` frames to either side, and beside it before and after."""

    def __init__(self, grid: NDArray[np.float32], gap: int) -> None:
        self._count = len(grid)
        reach = 3 * gap
        padded = np.pad(grid.T, ((0, 0), (reach, reach)), "edge")

        def at(shift: int) -> NDArray[np.float32]:
            return padded[:, reach + shift : reach + shift + self._count]

        across = np.abs(at(gap) - at(-gap))
        before = np.abs(at(-gap) - at(-3 * gap))
        after = np.abs(at(3 * gap) - at(gap))
        steps = (across > 1.5 * np.maximum(before, after) + 4).astype(np.float32)
        sides = ((0, 0), (_LONGEST, _LONGEST))
        self._series = [np.pad(part, sides) for part in (across, before, after, steps)]

    def at(
        self, delays: NDArray[np.int64], frames: slice = slice(None)
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return what cells change, together, at their `delays`, for `frames`; (n,) each.

        The mean change of all cells, its ratio to that before and after, and the share of cells
        that change then and not before or after.
        """
        first, end, _ = frames.indices(self._count)
        across, before, after, steps = (
            self._summed(series, delays, first, end) for series in self._series
        )
        ratio = np.asarray(across / (np.maximum(before, after) + _NOISE), np.float32)
        return across, ratio, steps

    def _summed(
        self, series: NDArray[np.float32], delays: NDArray[np.int64], first: int, end: int
    ) -> NDArray[np.float32]:
        total = np.zeros(end - first, np.float32)
        for cell, delay in enumerate(delays):
            start = _LONGEST + int(delay)
            total += series[cell, start + first : start + end]
        return total / np.float32(CELLS)


@dataclass(frozen=True)
class _Way:
    """A way in which an edge may run: where to, in how many frames, and how widely it is seen."""

    direction: tuple[int, int]
    sweep: int
    gap: int


def _gaps(sweep: int) -> tuple[int, ...]:
    """Return the frames to look at on either side.

    An edge takes longer over a cell the slower and softer it is.
    """
    hard, soft = 1 + sweep // 14, 2 + sweep // 8
    return (hard, soft) if sweep >= 14 else (hard,)


@lru_cache(maxsize=512)
def _delays(way: tuple[int, int], sweep: int) -> NDArray[np.int64]:
    """Return the frames after the wipe's middle at which the edge reaches each cell, (144,)."""
    return np.asarray(np.round((_along(way) - 0.5) * sweep), np.int64)


def _along(way: tuple[int, int]) -> NDArray[np.float64]:
    """Return how far each cell lies along the edge's way over the picture, (144,), in [0, 1]."""
    rows, columns = ROWS_COLUMNS
    x = np.broadcast_to((np.arange(columns) + 0.5) / columns, ROWS_COLUMNS)
    y = np.broadcast_to((np.arange(rows)[:, None] + 0.5) / rows, ROWS_COLUMNS)
    parts = [
        place if step > 0 else 1 - place for step, place in zip(way, (x, y), strict=True) if step
    ]
    return np.asarray(np.mean(parts, axis=0), np.float64).ravel()


def _measured(
    grid: NDArray[np.float32], steps: dict[int, _Steps], peak: int, way: _Way, share: float
) -> Wipe:
    """Return the wipe near `peak` with its exact duration and the width of its edge."""
    best = (0.0, peak, way.sweep)
    window = slice(max(0, peak - 4), peak + 5)
    for tried in range(max(6, round(way.sweep * 0.75)), round(way.sweep * 1.3) + 1):
        mean, _, _ = steps[_gaps(tried)[0]].at(_delays(way.direction, tried), window)
        at = int(mean.argmax())  # where all cells change at once, they change most together
        if mean[at] > best[0]:
            best = (float(mean[at]), window.start + at, tried)
    _, middle, sweep = best
    soft = _edge_width(grid, middle, sweep, way.direction)
    half = (sweep + soft) / 2
    first = max(0, round(middle - half + 0.25))
    end = min(len(grid), max(first + 1, round(middle + half + 0.25)))
    return Wipe(FrameRange(first, end), way.direction, share)


def _edge_width(grid: NDArray[np.float32], middle: int, sweep: int, way: tuple[int, int]) -> float:
    """Return the frames that the edge needs over a point.

    What the size of a cell makes of it is taken off.
    """
    reach = 4 + sweep // 3
    times = np.arange(-reach, reach + 1)
    frames = np.clip(middle + times[:, None] + _delays(way, sweep), 0, len(grid) - 1)
    sheared = grid[frames, np.arange(CELLS)]  # (2 * reach + 1, 144): the wipe as a cut
    old, new = sheared[:2].mean(axis=0), sheared[-2:].mean(axis=0)
    change = new - old
    weight = (sheared - old) @ change / max(float(change @ change), 1.0)
    low = np.flatnonzero((weight < 0.25) & (times <= 0))
    high = np.flatnonzero((weight > 0.75) & (times >= 0))
    if not low.size or not high.size:
        return 0.0
    width = 2.0 * (times[high[0]] - times[low[-1]] - 1)
    parts = [1 / size for size, step in zip(ROWS_COLUMNS[::-1], way, strict=True) if step]
    cell = sweep * float(np.mean(parts))
    return float(min(max(0.0, width - cell), 0.4 * sweep))
