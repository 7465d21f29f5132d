"""Find the black bars (letterbox, pillarbox) around a film's picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from kuleshov.footage import Bars, Video
from kuleshov.media.decode import Film, Picture

__all__ = ["BarWatch", "find_bars"]

_BLACK = 26  # full-range luma; compression noise in black bars stays below
_LIT = 60  # a frame with nothing brighter says nothing about where its picture ends
_STRIPS = 96  # columns (or rows) that a profile is the maximum of
_SPOTS = 12
_FIRST_S = 15  # s, looked through where there are few key frames
_STRAIGHT = 0.4  # of a line that must be lit behind a bar (less than all: pillars cut it short)
_ODD_SHARE = 0.08  # of a side, by which two opposite bars may differ
_MIN_SHARE, _MAX_SHARE = Fraction(1, 100), Fraction(2, 5)  # of a side, for one bar


def find_bars(film: Film, duration_s: float | None) -> Bars:
    """Return the bars common to frames from the whole film, in upright pixels.

    Looks at key frames at up to 12 spots and, where the film has few of those, at its first
    seconds. One frame in eight may be brighter at the border (titles over the bars).
    """
    watch = BarWatch(film, duration_s)
    pictures = watch.over(film.pictures())
    while not watch.settled and next(pictures, None) is not None:
        pass
    return watch.bars()


class BarWatch:
    """A watch that finds bars while a film is read.

    Looks at key frames at up to 12 spots; where the film has few of those, `settled` is False until
    the first 15 s of pictures have passed through `over`, one of each second being looked at.
    """

    def __init__(self, film: Film, duration_s: float | None) -> None:
        self._video = film.video
        self._profiles: dict[int, _Profile] = {}
        if duration_s:
            spots = [Fraction(k + 1, _SPOTS + 1) * Fraction(duration_s) for k in range(_SPOTS)]
            for picture in film.pictures_at(spots):
                self._look(picture)
        self.settled = len(self._profiles) >= _SPOTS // 2

    def over(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Yield the same pictures, from the film's first on, looked at as they pass."""
        every = max(1, round(self._video.rate))
        for picture in pictures:
            if not self.settled and picture.number is not None and picture.number % every == 0:
                self._look(picture)
            self.settled = self.settled or picture.time > _FIRST_S
            yield picture

    def bars(self) -> Bars:
        """Return the bars common to what was looked at, in upright pixels; none where unsure."""
        return _bars_of(self._profiles.values(), self._video)

    def _look(self, picture: Picture) -> None:
        frame, video = picture.frame, self._video
        # Bars are those of the film's own shape: where it changes, there are none known.
        if video.shaped(frame.width, frame.height, picture.aspect) is not video:
            return
        if picture.pts not in self._profiles:
            self._profiles[picture.pts] = _Profile(picture.frame)


def _bars_of(profiles: Iterable[_Profile], video: Video) -> Bars:
    lit = [profile for profile in profiles if profile.rows.max() >= _LIT]
    if not lit:
        return Bars()
    sides = np.sort(np.array([profile.dark_ends() for profile in lit]), axis=0)[len(lit) // 8]
    rows = np.max([profile.rows for profile in lit], axis=0)
    columns = np.max([profile.columns for profile in lit], axis=0)
    # What was brightest on each line, from the side that the bar is on: left, top, right, bottom.
    views = (columns.T, rows, columns.T[::-1], rows[::-1])
    settled = [_settled(int(bar), view) for bar, view in zip(sides, views, strict=True)]
    left, top, right, bottom = settled
    for one, other, length in ((left, right, video.width), (top, bottom, video.height)):
        # Thick bars come in pairs. A thick one alone is a dark part of the picture.
        if abs(one - other) > _ODD_SHARE * length:
            return Bars()
    # Turning the picture turns its sides along: what was at the left stands at the top, and so on.
    for _ in range(video.rotation // 90):
        settled = [settled[3], settled[0], settled[1], settled[2]]
    if video.mirrored:
        settled = [settled[2], settled[1], settled[0], settled[3]]
    return Bars(*settled)


class _Profile:
    """A frame's luma as averages over lines: `rows` (H, 96), `columns` (96, W)."""

    def __init__(self, frame: av.VideoFrame) -> None:
        def gray(width: int, height: int) -> NDArray[np.uint8]:
            scaled = VideoReformatter().reformat(
                frame, width, height, "gray", interpolation=Interpolation.AREA
            )
            return np.asarray(scaled.to_ndarray(), np.uint8)

        self.rows, self.columns = gray(_STRIPS, frame.height), gray(frame.width, _STRIPS)

    def dark_ends(self) -> tuple[int, int, int, int]:
        """Return how many lines are black at the left, top, right and bottom."""
        top, bottom = _dark_ends(self.rows.max(axis=1))
        left, right = _dark_ends(self.columns.max(axis=0))
        return left, top, right, bottom


def _dark_ends(profile: NDArray[np.uint8]) -> tuple[int, int]:
    lit = np.flatnonzero(profile >= _BLACK)
    if not lit.size:
        return 0, 0
    return int(lit[0]), int(profile.size - 1 - lit[-1])


def _settled(bar: int, brightest: NDArray[np.uint8]) -> int:
    """Return a bar grown over its soft edge, an even number; 0 where there is no bar.

    `brightest` is (lines, 96), from the bar inwards. A bar ends in a straight line: just behind it
    the picture is lit along most of its width. A planet on black space ends in a curve.
    """
    lines = len(brightest)
    if not _MIN_SHARE * lines <= bar <= _MAX_SHARE * lines:
        return 0
    behind = brightest[bar + max(2, lines // 100)]
    along = np.flatnonzero(behind >= _BLACK)
    if along.size < _STRAIGHT * _STRIPS:
        return 0
    return (bar + 3) // 2 * 2
