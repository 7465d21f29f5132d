"""Deinterlace frames where and while they are interlaced."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import av.filter

from kuleshov.media.graph import build_graph

__all__ = ["Deinterlacer"]

_AFTER = 50  # progressive frames in a row, after which the filter is put away

# One picture for each frame, only where the frame is flagged: frame numbers stay as they are.
_CHAIN = "bwdif=mode=send_frame:deint=interlaced"


class Deinterlacer:
    """A deinterlacer of those frames that are flagged interlaced: as many, at their times.

    Films may begin progressive and go on interlaced (recordings), with the one or the other field
    first: each frame is asked. `found` tells whether any was interlaced. Frames come and go with
    what belongs to them (their aspect); a change of that, of size or of colour begins anew.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._graph: av.filter.Graph | None = None
        self._key: object = None
        self._aspect = Fraction(1)
        self._progressive = 0
        self.found = False

    def __call__(
        self, frames: Iterator[tuple[av.VideoFrame, Fraction]]
    ) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        """Yield each frame, with its aspect, as a progressive one."""
        for frame, aspect in frames:
            self._progressive = 0 if frame.interlaced_frame else self._progressive + 1
            colour = int(frame.colorspace), int(frame.color_range)
            key = (frame.width, frame.height, frame.format.name, colour, aspect)
            if self._graph is not None and (key != self._key or self._progressive > _AFTER):
                yield from self._end()
            if self._graph is None and not frame.interlaced_frame:
                yield frame, aspect
                continue
            if self._graph is None:
                self.found = True
                self._graph, self._key, self._aspect = build_graph(frame, _CHAIN), key, aspect
            self._graph.push(frame)
            yield from self._pulled(self._graph)
        yield from self._end()

    def _end(self) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.push(None)
            yield from self._pulled(graph)

    def _pulled(self, graph: av.filter.Graph) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        while True:
            try:
                frame = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)
            if frame.pts is not None and frame.time_base is not None:
                # The filter halves the ticks, to have room for a picture a field.
                scale = frame.time_base / self._time_base
                frame.pts = round(frame.pts * scale)
                frame.duration = round((frame.duration or 0) * scale)
                frame.time_base = self._time_base
            yield frame, self._aspect
