"""Black stretches and fades from and to black, from the light of each frame; and white ones.

A frame within a fade is the picture beyond it, darkened: luma = weight x luma of that picture. The
weight is found by projection, and what the projection leaves over tells a fade from a film that
only happens to get darker. A fade to white is a fade to black in the negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Transition
from kuleshov.shots.detector import ranges
from kuleshov.shots.light import ROWS_COLUMNS, Light
from kuleshov.timecode import FrameRange

__all__ = ["BlackStretch", "find_black", "find_white"]

_BLACK_MEAN, _BLACK_PEAK = 10, 26  # of 255; compression noise in black stays below
_EMPTY_MEAN = 2  # of 255; black but for something as small as a watermark
_GLOW = 0.75  # mean luma above a stretch's darkest at which a fade is still seen
_LONGEST_FADE = 120  # frames
_SHORTEST_FADE = 3  # frames; what is quicker is a cut
_LEFT_OVER = 0.35  # share of a frame that darkening the picture beyond may fail to explain
_BRIEF_BLACK = 12  # frames; a fade through shorter black is one transition
_FEW_BLACK = 4  # frames; so is shorter black with a hard cut on one side or both
_DIP = 0.25  # of the light on either side, below which a fade turns back before it is black
_DIP_SIDE = 30  # frames
_DIP_END = 0.3  # the most that the darkest frame of such a fade may weigh,
_HARD_END = 0.5  # that after which real black comes,
_FILM_END = 0.2  # and that with which a film begins or ends


@dataclass(frozen=True)
class BlackStretch:
    """`frames` are black; `before` fades out to them, `after` fades in from them (maybe empty)."""

    frames: FrameRange
    before: FrameRange
    after: FrameRange

    @property
    def whole(self) -> FrameRange:
        """The stretch with its fades."""
        return FrameRange(self.before.first, self.after.end)

    def transition(self) -> Transition | None:
        """The one transition that a brief stretch between two pictures is; None for a long one.

        A few black frames between hard cuts are too few for a shot of their own.
        """
        fades = min(len(self.before), len(self.after)) > 0
        if len(self.frames) >= (_BRIEF_BLACK if fades else _FEW_BLACK):
            return None
        return Transition("fade", self.whole, self.frames if len(self.frames) else None)


def find_white(light: Light) -> list[Transition]:
    """The fades to white, from white, and through it, in order.

    White that stays is a picture like others: only the fades count. So does a film that begins or
    ends in white.
    """
    found = []
    for stretch in find_black(light.inverted):
        sides = [side for side in (stretch.before, stretch.after) if len(side)]
        if stretch.frames.first == 0 or stretch.frames.end == len(light) or not sides:
            continue
        brief = len(stretch.frames) < _BRIEF_BLACK
        found += [Transition("fade", side) for side in ([stretch.whole] if brief else sides)]
    return found


def find_black(light: Light) -> list[BlackStretch]:
    """The black stretches of a film with the fades around them, in order.

    A film that begins (or ends) in the middle of a fade has an empty black stretch there, and so
    has a fade that turns back when it is nearly black.
    """
    grid = _coarse(light.grid)
    level = grid.mean(axis=1)
    runs = [_trimmed(run, level) for run in ranges(_black(light))]
    dips = _dips(level, runs)
    runs = sorted(runs + dips)
    count = len(light)
    if count and (not runs or runs[0].first > 0):
        runs.insert(0, FrameRange(0, 0))
    if count and runs[-1].end < count:
        runs.append(FrameRange(count, count))
    stretches = []
    for index, run in enumerate(runs):
        earliest = runs[index - 1].end if index else 0
        latest = runs[index + 1].first if index + 1 < len(runs) else count
        darkest = _HARD_END if len(run) else _DIP_END if run in dips else _FILM_END
        out = _fade_length(grid[earliest : run.first][::-1], darkest)
        into = _fade_length(grid[run.end : latest], darkest)
        if not len(run) and not (min if run in dips else max)(out, into):
            continue
        stretches.append(
            BlackStretch(
                run,
                FrameRange(run.first - out, run.first),
                FrameRange(run.end, run.end + into),
            )
        )
    return stretches


def _coarse(grid: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 24): the grid in larger cells, in which a shot that moves stays itself for longer."""
    rows, columns = ROWS_COLUMNS
    cells = grid.reshape(-1, rows // 3, 3, columns // 2, 2)
    return np.asarray(cells.mean(axis=(2, 4), dtype=np.float32)).reshape(len(grid), 24)


def _black(light: Light) -> NDArray[np.bool_]:
    """(N,): which frames are black."""
    mean = light.grid.mean(axis=1)
    dim = (mean < _BLACK_MEAN) & (light.peak < _BLACK_PEAK)
    return np.asarray(dim | (mean < _EMPTY_MEAN))


def _dips(level: NDArray[np.float32], runs: list[FrameRange]) -> list[FrameRange]:
    """Empty ranges at frames where the light goes nearly to black and comes back at once."""
    found: list[FrameRange] = []
    for frame in np.flatnonzero(level < 255 * _DIP).tolist():
        around = level[max(0, frame - _SHORTEST_FADE) : frame + _SHORTEST_FADE + 1]
        if len(around) <= 2 * _SHORTEST_FADE or level[frame] > around.min():
            continue
        before = level[max(0, frame - _DIP_SIDE) : frame].max()
        after = level[frame : frame + _DIP_SIDE].max()
        near = any(run.first - _DIP_SIDE <= frame < run.end + _DIP_SIDE for run in runs + found)
        if level[frame] < _DIP * min(before, after) and not near:
            found.append(FrameRange(frame, frame))
    return found


def _trimmed(run: FrameRange, level: NDArray[np.float32]) -> FrameRange:
    """`run` without the last glow of the fades at its ends."""
    floor = float(level[run.first : run.end].min()) + _GLOW
    dark = run.first + np.flatnonzero(level[run.first : run.end] <= floor)
    return FrameRange(int(dark[0]), int(dark[-1]) + 1)


def _fade_length(grid: NDArray[np.float32], darkest: float) -> int:
    """How many frames a fade from black takes that begins with the first of `grid`; 0 for none.

    `grid` (n, 24) runs away from the black; its first frame weighs at most `darkest`.
    """
    grid = grid[: _LONGEST_FADE + 4]
    level = grid.mean(axis=1)
    if len(level) < _SHORTEST_FADE + 1:
        return 0
    length = _rise(level)
    if length < _SHORTEST_FADE:
        return 0
    beyond = grid[length]
    energy = float(beyond @ beyond)
    weights = grid[:length] @ beyond / energy
    if weights[0] > darkest:
        return 0
    left = np.linalg.norm(grid[:length] - weights[:, None] * beyond, axis=1)
    explained = np.linalg.norm(weights[:, None] * beyond, axis=1)
    bright = weights > 0.15  # below, rounding and noise are most of what is left over
    if bright.any() and float(np.median(left[bright] / explained[bright])) > _LEFT_OVER:
        return 0
    return length


def _rise(level: NDArray[np.float32]) -> int:
    """Index of the first frame at which steadily growing light has stopped growing."""
    top = float(level.max())
    if top < 2 * _BLACK_MEAN:
        return 0
    step = np.diff(level)
    for index in range(len(step)):
        # Ended where the next frames together grow less than half as fast as the fade did so far.
        pace = (level[index] - level[0]) / index if index else step[0]
        ahead = step[index : index + 3]
        if index >= 2 and float(ahead.mean()) < 0.5 * max(float(pace), 0.25):
            return index
    return 0
