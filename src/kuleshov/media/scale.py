"""From decoded frames to the small upright pictures that networks look at."""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from kuleshov.footage import Bars, Video
from kuleshov.media.colour import Colour, colour_of, narrowed
from kuleshov.media.graph import build_graph

__all__ = ["Scaler"]


class Scaler:
    """Scales frames of one film to `height` by `width`, upright, without `bars`.

    The active picture is stretched to that shape, so that each corner of the result is a corner of
    the picture, whatever its aspect. Averages over the area of each pixel.
    """

    def __init__(self, video: Video, height: int, width: int, bars: Bars = Bars()) -> None:
        self._quarter_turns = video.rotation // 90
        self._height, self._width = height, width
        upright_w, upright_h = video.upright_size
        active_w = upright_w - bars.left - bars.right
        active_h = upright_h - bars.top - bars.bottom
        full_w = round(Fraction(width * upright_w, active_w))
        full_h = round(Fraction(height * upright_h, active_h))
        x = round(Fraction(bars.left * full_w, upright_w))
        y = round(Fraction(bars.top * full_h, upright_h))
        self._x, self._y = min(x, full_w - width), min(y, full_h - height)
        turned = self._quarter_turns % 2
        self._coded = (full_h, full_w) if turned else (full_w, full_h)
        self._reformatter = VideoReformatter()
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as (height, width, 3) uint8 RGB."""
        width, height = self._coded
        given = colour_of(frame)
        small = (
            self._narrowed(frame, given)
            if given.wide
            else self._reformatter.reformat(
                frame, width, height, "rgb24", interpolation=Interpolation.AREA
            )
        )
        scaled = small.to_ndarray()
        if self._quarter_turns:
            scaled = np.rot90(scaled, -self._quarter_turns)
        y, x = self._y, self._x
        return np.ascontiguousarray(scaled[y : y + self._height, x : x + self._width])

    def _narrowed(self, frame: av.VideoFrame, given: Colour) -> av.VideoFrame:
        """The same for what is shown on other screens than films are made for."""
        key = (frame.width, frame.height, frame.format.name, given)
        if self._graph is None or key != self._key:
            width, height = self._coded
            chain = f"{narrowed(given, f'{width}:{height}:flags=area')},format=rgb24"
            self._graph, self._key = build_graph(frame, chain), key
        self._graph.vpush(frame)
        return self._graph.vpull()
