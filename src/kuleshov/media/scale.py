"""Scale decoded frames to the small upright pictures that networks look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import av
import av.filter
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from kuleshov.footage import Bars, Video
from kuleshov.media.colour import Colour, colour_of, narrowed
from kuleshov.media.graph import build_graph

__all__ = ["Scaler", "upright"]

_PLANS = 32  # shapes of pictures that are remembered


class Scaler:
    """A scaler of a film's frames to `height` by `width`, upright, without its bars.

    The active picture is stretched to that shape, so that each corner of the result is a corner of
    the picture, whatever its aspect. What comes in another shape than the film's, for a film may
    change on the way, is stretched as well; if `fit`, it keeps its shape between black bars.
    Averages over the area of each pixel.
    """

    def __init__(
        self, video: Video, height: int, width: int, bars: Bars = Bars(), fit: bool = False
    ) -> None:
        self._video = replace(video, bars=bars)
        self._height, self._width, self._fit = height, width, fit
        self._plans: dict[tuple[int, int, Fraction], _Plan] = {}
        self._reformatter = VideoReformatter()
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def __call__(self, frame: av.VideoFrame, aspect: Fraction | None = None) -> NDArray[np.uint8]:
        """Return the frame as (height, width, 3) uint8 RGB.

        `aspect` is that of its pixels, where it may not be the film's.
        """
        plan = self._plan(frame.width, frame.height, aspect or self._video.aspect)
        width, height = plan.coded
        given = colour_of(frame)
        small = (
            self._narrowed(frame, given, plan.coded)
            if given.wide
            else self._reformatter.reformat(
                frame, width, height, "rgb24", interpolation=Interpolation.AREA
            )
        )
        scaled = upright(np.asarray(small.to_ndarray(), np.uint8), self._video)
        y, x = plan.at
        seen = scaled[y : y + plan.size[0], x : x + plan.size[1]]
        if plan.size == (self._height, self._width):
            return np.ascontiguousarray(seen)
        framed = np.zeros((self._height, self._width, 3), np.uint8)
        top, left = (self._height - plan.size[0]) // 2, (self._width - plan.size[1]) // 2
        framed[top : top + plan.size[0], left : left + plan.size[1]] = seen
        return framed

    def _plan(self, width: int, height: int, aspect: Fraction) -> _Plan:
        key = (width, height, aspect)
        if key not in self._plans:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            shaped = self._video.shaped(width, height, aspect)
            size = self._height, self._width
            if self._fit and shaped is not self._video:
                size = _fitted(size, shaped.active_aspect / self._video.active_aspect)
            self._plans[key] = _plan(shaped, *size)
        return self._plans[key]

    def _narrowed(
        self, frame: av.VideoFrame, given: Colour, size: tuple[int, int]
    ) -> av.VideoFrame:
        """Return the frame scaled like others, where its colours are not those of films."""
        key = (frame.width, frame.height, frame.format.name, given, size)
        if self._graph is None or key != self._key:
            width, height = size
            chain = f"{narrowed(given, f'{width}:{height}:flags=area')},format=rgb24"
            self._graph, self._key = build_graph(frame, chain), key
        self._graph.vpush(frame)
        return self._graph.vpull()


@dataclass(frozen=True)
class _Plan:
    """A plan for scaling.

    Width and height to scale coded pixels to, where in them, upright, the active picture begins
    (row and column), and its height and width.
    """

    coded: tuple[int, int]
    at: tuple[int, int]
    size: tuple[int, int]


def _plan(video: Video, height: int, width: int) -> _Plan:
    bars = video.bars
    upright_w, upright_h = video.upright_size
    active_w, active_h = video.active_size
    full_w = round(Fraction(width * upright_w, active_w))
    full_h = round(Fraction(height * upright_h, active_h))
    x = round(Fraction(bars.left * full_w, upright_w))
    y = round(Fraction(bars.top * full_h, upright_h))
    turned = video.rotation in (90, 270)
    return _Plan(
        coded=(full_h, full_w) if turned else (full_w, full_h),
        at=(min(y, full_h - height), min(x, full_w - width)),
        size=(height, width),
    )


def _fitted(size: tuple[int, int], wider: Fraction) -> tuple[int, int]:
    """Return the largest height and width within `size` of a wider picture.

    The picture is `wider` by this factor.
    """
    height, width = size
    if wider >= 1:
        return max(1, round(height / wider)), width
    return height, max(1, round(width * wider))


def upright(picture: NDArray[np.uint8], video: Video) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) as coded, turned and mirrored as its film is to be shown."""
    turned = np.rot90(picture, -(video.rotation // 90)) if video.rotation else picture
    return turned[:, ::-1] if video.mirrored else turned
