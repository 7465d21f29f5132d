"""Bring a clip's pictures into its region: cut to shape, upright, in the film's colour.

Everything but mixing happens in one FFmpeg filter graph for each clip, on frames that never
become arrays: turn, cut off bars, crop to the region's shape, scale, convert colour, mirror.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Bars, even
from kuleshov.media.colour import Colour, colour_of, conversion, tag
from kuleshov.media.decode import Picture
from kuleshov.media.graph import build_graph
from kuleshov.render.frame_readers import Backwards, Between, Reader
from kuleshov.render.options import Cadence
from kuleshov.timeline import Clip, Region, Span

__all__ = ["BLACK", "ClipView", "Cutting", "Planes", "cutting", "planes_of"]

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""Y (H, W), U and V (H/2, W/2), uint8."""

BLACK = (16, 128, 128)
"""Y, U and V of black in limited range."""

_IN_STEP = Fraction(1, 100)  # of a picture a frame; 23.976 and 24 a second are in step

_TURNS = {0: "", 90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}


@dataclass(frozen=True)
class Cutting:
    """A cutting that brings a picture to shape, in upright pixels.

    Cut out `width` by `height` at `x`, `y` and scale that to `size`, which lies at `offset` in the
    region.
    """

    x: int
    y: int
    width: int
    height: int
    size: tuple[int, int]
    offset: tuple[int, int] = (0, 0)


def cutting(
    upright: tuple[int, int],
    aspect: Fraction,
    bars: Bars,
    region: Region,
    focus: tuple[float, float] | None = None,
) -> Cutting:
    """Return how to cut a picture of `upright` size and pixel `aspect` for a region, without bars.

    What is cropped away leaves `focus` (as a clip's) in the middle, as near as the edges allow.
    All numbers are even, so that colour, which has half the pixels, stays in place.
    """
    x, y = _up(bars.left), _up(bars.top)
    width, height = _down(upright[0] - bars.right) - x, _down(upright[1] - bars.bottom) - y
    if width < 2 or height < 2:  # bars that leave nothing are wrong
        x, y, width, height = 0, 0, max(2, _down(upright[0])), max(2, _down(upright[1]))
    if not any((bars.left, bars.top, bars.right, bars.bottom)):
        width, height = upright
    shape, wanted = Fraction(width, height) * aspect, Fraction(region.width, region.height)
    if region.fit == "fit":
        size = (
            (region.width, _even(region.width / shape, region.height))
            if shape > wanted
            else (_even(region.height * shape, region.width), region.height)
        )
        offset = (_down((region.width - size[0]) // 2), _down((region.height - size[1]) // 2))
        return Cutting(x, y, width, height, size, offset)
    size = (region.width, region.height)
    across, down = focus or (0.5, 0.5)
    if shape > wanted:
        inner = _even(height * wanted / aspect, width)
        return Cutting(x + _off(width, inner, across), y, inner, height, size)
    inner = _even(width * aspect / wanted, height)
    return Cutting(x, y + _off(height, inner, down), width, inner, size)


def _off(length: int, inner: int, middle: float) -> int:
    """Return where `inner` pixels begin whose middle lies at `middle` of `length`.

    It is an even number.
    """
    return _down(min(max(int(length * middle - inner / 2), 0), length - inner))


def _up(length: int) -> int:
    return length + length % 2


def _down(length: int) -> int:
    return length - length % 2


def _even(length: Fraction, most: int) -> int:
    """Return the nearest even number; `most` itself, even or odd, where that is as near."""
    near = even(length)
    return most if near >= most - 1 else near


class ClipView:
    """A view of a clip, timeline frame by timeline frame, fitted into a region.

    `filters`: more of FFmpeg's filters, on yuv420p in the film's colour.
    """

    def __init__(
        self,
        clip: Clip,
        span: Span,
        rate: Fraction,
        region: Region,
        colour: Colour,
        reader: Reader,
        scaler: str = "bicubic",
        cadence: Cadence = "nearest",
        filters: str = "",
    ) -> None:
        self.clip, self.span, self.reader = clip, span, reader
        self.held = 0
        self._region, self._colour, self._scaler = region, colour, scaler
        self._filters = f",{filters}" if filters else ""
        self._step = clip.speed / rate
        self._end = clip.shown(rate, *span.handles).end
        self._source = Backwards(reader) if clip.speed < 0 else reader
        self._graph: av.filter.Graph | None = None
        self._key: object = None
        self._last: Between | None = None
        self._view: tuple[av.VideoFrame, Cutting] | None = None
        self._seen: list[tuple[Picture, av.VideoFrame]] = []
        # Footage that runs in step, every frame or every nth, has nothing to be mixed.
        pace = reader.video.rate * abs(self._step)
        off = abs(pace - max(1, round(pace)))
        self._blends = cadence == "blend" and clip.speed != 0 and off > _IN_STEP

    def time(self, frame: int) -> Fraction:
        """Return the media time that timeline frame `frame` shows."""
        return self.clip.start + (frame - self.span.own.first) * self._step

    @property
    def shown_time(self) -> Fraction | None:
        """The media time of the picture given last, of two the more visible.

        None before the first.
        """
        if self._last is None:
            return None
        most = self._last.later if self._last.weight > Fraction(1, 2) else self._last.earlier
        return most.time

    def at(self, frame: int) -> tuple[av.VideoFrame, Cutting]:
        """Return the picture for timeline frame `frame`: yuv420p, `Cutting.size` big.

        It is in the film's colour.

        Frames are asked for in rising order; the same object is given again while nothing moves.
        Raises `MediaError`.
        """
        time = self.time(frame)
        if self._blends:
            between = self._source.around(time, self._end)
        else:
            shown = self._source.at(time, self._end)
            between = Between(shown.picture, shown.picture, Fraction(0), shown.held)
        self.held += between.held and self.clip.speed != 0
        if self._view is None or between != self._last:
            self._view = self._mixed(between)
            self._last = between
        return self._view

    def _mixed(self, between: Between) -> tuple[av.VideoFrame, Cutting]:
        if not between.weight:
            return self._fitted(between.earlier)
        one, two = self._kept(between.earlier), self._kept(between.later)
        result = av.VideoFrame(one.width, one.height, "yuv420p")
        share = round(between.weight * 256)
        for target, a, b in zip(planes_of(result), planes_of(one), planes_of(two), strict=True):
            mix = a.astype(np.uint16) * (256 - share) + b.astype(np.uint16) * share
            target[:] = (mix + 128) >> 8
        tag(result, self._colour)
        return result, self._cut

    def _kept(self, picture: Picture) -> av.VideoFrame:
        """Return a picture cut to shape.

        Two are kept, since each is mixed with both its neighbours.
        """
        for known, frame in self._seen:
            if known is picture:
                return frame
        frame, _ = self._fitted(picture)
        self._seen = [*self._seen[-1:], (picture, frame)]
        return frame

    def _fitted(self, picture: Picture) -> tuple[av.VideoFrame, Cutting]:
        frame, aspect = picture.frame, picture.aspect
        given = colour_of(frame)
        key = (frame.width, frame.height, frame.format.name, given, aspect)
        if self._graph is None or key != self._key:
            shaped = self.reader.video.shaped(frame.width, frame.height, aspect)
            # A film that changes its shape on the way has no known bars from there on.
            bars = self.reader.bars if shaped is self.reader.video else Bars()
            size, across = shaped.upright_size, shaped.upright_aspect
            self._cut = cutting(size, across, bars, self._region, self.clip.focus)
            self._graph = build_graph(frame, self._chain(given))
            self._key = key
        self._graph.vpush(frame)
        return self._graph.vpull(), self._cut

    def _chain(self, given: Colour) -> str:
        cut, video = self._cut, self.reader.video
        turn = _TURNS[video.rotation] + ("hflip," if video.mirrored else "")
        crop = f"crop={cut.width}:{cut.height}:{cut.x}:{cut.y}:exact=1,"
        scale = f"{cut.size[0]}:{cut.size[1]}:flags={self._scaler}"
        mirror = ",hflip" if self.clip.mirrored else ""
        return f"{turn}{crop}{conversion(given, self._colour, scale)}{mirror}{self._filters}"


def planes_of(frame: av.VideoFrame) -> Planes:
    """Return the planes of a yuv420p frame as arrays that share its memory."""
    shapes = ((frame.height, frame.width), *[(frame.height // 2, frame.width // 2)] * 2)
    arrays: list[NDArray[Any]] = []
    for plane, (height, width) in zip(frame.planes, shapes, strict=True):
        flat = np.frombuffer(memoryview(plane), np.uint8)
        arrays.append(flat.reshape(-1, plane.line_size)[:height, :width])
    return arrays[0], arrays[1], arrays[2]
