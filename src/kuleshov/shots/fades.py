"""Find black stretches and fades from and to black, and white ones, in the light of frames.

A frame within a fade is the picture beyond it, darkened: luma = weight x luma of that picture. The
weight is found by projection, and what the projection leaves over tells a fade from a film that
only happens to get darker. A fade to white is a fade to black in the negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Transition
from kuleshov.shots.detector import ranges
from kuleshov.shots.light import ROWS_COLUMNS, Light
from kuleshov.shots.ramps import likeness
from kuleshov.timecode import FrameRange

__all__ = ["BlackStretch", "find_black", "find_plain", "find_white", "without_titles"]

_BLACK_MEAN, _BLACK_PEAK = 10, 26  # of 255; compression noise in black stays below
_EMPTY_MEAN = 2  # of 255; black but for something as small as a watermark
_TITLE = 8  # frames that a small title on black stays; a spark is shorter
_EDGE = 5  # frames by which a cut at the edge of black may lie within it
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
_PLAIN, _PALE = 8, 100  # of 255; the most that a plain picture varies, and the least light of it
_CENTRE = (slice(2, 7), slice(2, 14))  # rows and columns of the grid that bars do not reach
_SAME = 0.7  # correlation from which the same picture is on both sides: a lamp, and no fade


@dataclass(frozen=True)
class BlackStretch:
    """A black stretch: `frames` are black.

    `before` fades out to them, `after` fades in from them (maybe empty).
    """

    frames: FrameRange
    before: FrameRange
    after: FrameRange

    @property
    def whole(self) -> FrameRange:
        """The stretch with its fades."""
        return FrameRange(self.before.first, self.after.end)

    def transition(self) -> Transition | None:
        """Return the one transition that a brief stretch between two pictures is, or None.

        A long stretch is not one transition.

        A few black frames between hard cuts are too few for a shot of their own.
        """
        fades = min(len(self.before), len(self.after)) > 0
        if len(self.frames) >= (_BRIEF_BLACK if fades else _FEW_BLACK):
            return None
        return Transition("fade", self.whole, self.frames if len(self.frames) else None)


def find_white(light: Light) -> list[Transition]:
    """Return the fades to white, from white, and through it, in order.

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


def find_plain(light: Light) -> list[Transition]:
    """Return the fades to, from and through a plain picture that is not dark, in order.

    Such a picture is of one light all over, but for black bars: white in a letterboxed film, grey
    or of one colour in any. As with white, one that stays is a picture, and only its fades count.
    """
    return [
        Transition("fade", fade)
        for run in ranges(_plain(light.grid))
        if run.first > 0 and run.end < len(light)
        for fade in _plain_fades(light.grid, run)
    ]


def _plain(grid: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of N frames, (N, 144), are plain but for black bars, (N,)."""
    pictures = grid.reshape(-1, *ROWS_COLUMNS)
    rows, columns = _CENTRE
    light = pictures[:, rows, columns].min(axis=(1, 2)) >= _PALE
    plain = np.asarray(light & (_varied(grid) <= _PLAIN))
    if not plain.any():
        return plain
    # Bars darken whole rows and columns, and most often one in part.
    some = pictures[plain].astype(np.float32)
    level = np.median(some[:, rows, columns], axis=(1, 2))[:, None, None]
    down = np.median(some[:, :, columns], axis=2)[:, :, None] / level
    across = np.median(some[:, rows], axis=1)[:, None, :] / level
    off = np.abs(some - level * down * across).max(axis=(1, 2))
    brightest = some.max(axis=(1, 2)) - level[:, 0, 0]
    plain[plain] = (off <= _PLAIN) & (brightest <= _PLAIN)
    return plain


def _varied(grid: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the light of the centre varies in N frames, (N,) of 255."""
    rows, columns = _CENTRE
    centre = grid.reshape(-1, *ROWS_COLUMNS)[:, rows, columns]
    return np.asarray(centre.max(axis=(1, 2)) - centre.min(axis=(1, 2)), np.float32)


def _plain_fades(grid: NDArray[np.uint8], run: FrameRange) -> list[FrameRange]:
    """Return the fades around a run of plain frames: both as one where the run is brief."""
    base, end = max(0, run.first - _LONGEST_FADE - 4), run.end + _LONGEST_FADE + 4
    near = grid[base:end].astype(np.float32)
    within = near[run.first - base : run.end - base]
    plain = within[int(_varied(within).argmin())]
    away = _coarse(np.abs(near - plain))
    core = _trimmed(FrameRange(run.first - base, run.end - base), away.mean(axis=1))
    out = _fade_length(away[: core.first][::-1], _HARD_END)
    into = _fade_length(away[core.end :], _HARD_END)
    first, last = base + core.first, base + core.end
    if len(core) >= _BRIEF_BLACK:
        sides = (FrameRange(first - out, first), FrameRange(last, last + into))
        return [side for side in sides if len(side)]
    before, after = core.first - out - 1, core.end + into
    shown = plain > _BLACK_MEAN
    if not min(out, into) or before < 0 or after >= len(near):
        return []
    if likeness(near[before, shown], near[after, shown]) >= _SAME:
        return []
    return [FrameRange(first - out, last + into)]


def find_black(light: Light) -> list[BlackStretch]:
    """Return the black stretches of a film with the fades around them, in order.

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


def without_titles(light: Light, stretch: BlackStretch, cuts: Sequence[int]) -> list[BlackStretch]:
    """Return the black parts of a black stretch, in order, without the small titles it holds.

    A title so small that the picture is as good as black springs up from black, gives way to it or
    to another title with one of `cuts`; a watermark is there from the first black frame to the
    last.
    """
    first, end = stretch.frames.first, stretch.frames.end
    titles = [
        FrameRange(first + run.first, first + run.end)
        for run in ranges(light.peak[first:end] >= _BLACK_PEAK)
        if len(run) >= _TITLE
    ]
    titles = [title for title in titles if _cut_within(title, stretch.frames, cuts)]
    if not titles:
        return [stretch]
    edges = [first, *(edge for title in titles for edge in (title.first, title.end)), end]
    dark = [FrameRange(*pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
    parts = [
        BlackStretch(run, FrameRange(run.first, run.first), FrameRange(run.end, run.end))
        for run in dark
    ]
    parts[0] = replace(parts[0], before=stretch.before)
    parts[-1] = replace(parts[-1], after=stretch.after)
    return [part for part in parts if len(part.whole)]


def _cut_within(title: FrameRange, black: FrameRange, cuts: Sequence[int]) -> bool:
    """Return whether a title begins, ends or changes with a cut within the black."""
    earliest = title.first + _EDGE * (title.first == black.first)
    latest = title.end - _EDGE * (title.end == black.end)
    return any(earliest <= cut <= latest for cut in cuts)


def _coarse(grid: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the grid in larger cells, (N, 24).

    In these a shot that moves stays itself for longer.
    """
    rows, columns = ROWS_COLUMNS
    cells = grid.reshape(-1, rows // 3, 3, columns // 2, 2)
    return np.asarray(cells.mean(axis=(2, 4), dtype=np.float32)).reshape(len(grid), 24)


def _black(light: Light) -> NDArray[np.bool_]:
    """Return which frames are black, (N,)."""
    mean = light.grid.mean(axis=1)
    dim = (mean < _BLACK_MEAN) & (light.peak < _BLACK_PEAK)
    return np.asarray(dim | (mean < _EMPTY_MEAN))


def _dips(level: NDArray[np.float32], runs: list[FrameRange]) -> list[FrameRange]:
    """Return empty ranges at frames where the light goes nearly to black and comes back at once."""
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
    """Return `run` without the last glow of the fades at its ends."""
    floor = float(level[run.first : run.end].min()) + _GLOW
    dark = run.first + np.flatnonzero(level[run.first : run.end] <= floor)
    return FrameRange(int(dark[0]), int(dark[-1]) + 1)


def _fade_length(grid: NDArray[np.float32], darkest: float) -> int:
    """Return the length in frames of a fade from black that begins `grid`; 0 for none.

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
    """Return the index of the first frame at which steadily growing light has stopped growing."""
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
