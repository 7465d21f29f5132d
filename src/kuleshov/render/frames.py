"""Yield the pictures of a timeline as arrays, through the same mixing as a film's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, RenderError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.colour import Colour, film_colour, in_rgb
from kuleshov.media.graph import build_graph
from kuleshov.render.film import ahead
from kuleshov.render.frame_readers import Readers
from kuleshov.render.legend import legend_of
from kuleshov.render.mixing import TrackView, compositions
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import standing_in
from kuleshov.timeline import Timeline

__all__ = ["frames"]


def frames(
    timeline: Timeline,
    only: Sequence[int] | None = None,
    options: RenderOptions | None = None,
    job: Job = QUIET,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a film, or those numbered `only`, as RGB.

    They are (H, W, 3) uint8 of full range; `only` are rising numbers. Raises `RenderError` where
    footage is missing or broken.
    """
    options = options or RenderOptions()
    stand_ins = standing_in(timeline, options.missing, job)
    stop, colour = threading.Event(), film_colour(timeline.layout.height)
    total = timeline.duration if only is None else len(only)
    convert = _Rgb(colour)
    try:
        with (
            job.step("making pictures", of=total, unit="pictures") as step,
            Readers(options.idle_films, options.threads, stop.is_set) as readers,
        ):
            views = [
                TrackView(track, timeline, colour, readers, options, stand_ins)
                for track in timeline.tracks
            ]
            made = compositions(views, timeline, None, legend_of(timeline, options), only)
            with ahead(made, options.ahead, stop, job) as pictures:
                for picture in pictures:
                    yield convert(picture)
                    step.advance()
    except MediaError as error:
        raise RenderError(f"No pictures of {timeline.name} were made: {error}") from error


class _Rgb:
    """A converter from a film's colour to RGB."""

    def __init__(self, colour: Colour) -> None:
        self._chain = in_rgb(colour, "flags=bicubic+accurate_rnd+full_chroma_int")
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        # Pictures come tagged or not, as they were made; a graph is for one kind.
        key = (frame.width, frame.height, int(frame.colorspace), int(frame.color_range))
        if self._graph is None or key != self._key:
            self._graph, self._key = build_graph(frame, self._chain), key
        self._graph.vpush(frame)
        shown: NDArray[Any] = self._graph.vpull().to_ndarray()
        return np.ascontiguousarray(shown)
