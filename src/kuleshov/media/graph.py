"""Build chains of FFmpeg's filters for frames of one kind."""

from __future__ import annotations

import re
from fractions import Fraction

import av
import av.filter

__all__ = ["build_graph"]


def build_graph(frame: av.VideoFrame, chain: str) -> av.filter.Graph:
    """Return a filter graph for frames like `frame`.

    `chain` is a list of filters as FFmpeg writes it, commas within arguments escaped by a
    backslash.
    """
    graph = av.filter.Graph()
    last = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(frame.time_base or Fraction(1, 25)),
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )
    for text in (*re.split(r"(?<!\\),", chain), "buffersink"):
        name, _, arguments = text.partition("=")
        following = graph.add(name, arguments or None)
        last.link_to(following)
        last = following
    graph.configure()
    return graph
