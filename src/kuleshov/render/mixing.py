"""Mix the views of clips into whole pictures: regions, dissolves, black."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kuleshov.media.colour import Colour
from kuleshov.render.burn_in import BurnIn
from kuleshov.render.cards import CardView
from kuleshov.render.clips import BLACK, ClipView, Planes, planes_of
from kuleshov.render.finishing import Finisher
from kuleshov.render.frame_readers import Readers
from kuleshov.render.legend import Legend
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import StandIns, View
from kuleshov.timeline import Card, Clip, Layout, Region, Span, Timeline, Track

__all__ = ["Held", "TrackView", "compositions", "mixed"]

Held = tuple[str, int, int]
"""Name of a track, index of an item, number of its frames that show a picture held over."""


class TrackView:
    """A view of one track in its region.

    Readers are taken when a clip comes into sight and given back when it is gone, so that a film of
    a thousand clips needs no more memory than one of two. `finish` changes the region's planes once
    they are painted.
    """

    def __init__(
        self,
        track: Track,
        timeline: Timeline,
        colour: Colour,
        readers: Readers,
        options: RenderOptions,
        stand_ins: StandIns | None = None,
    ) -> None:
        self.track, self.held = track, list[Held]()
        self._rate, self._colour = timeline.rate, colour
        self._region = timeline.layout.region(track.region)
        self._readers, self._options, self._stand_ins = readers, options, stand_ins
        # The source beside its remake is shown as it is.
        alone = all(other.name != "recut" for other in timeline.tracks)
        ours = track.name == "recut" or alone
        self._grades = options.grades if ours else {}
        self.finish: Finisher | None = None
        if ours and options.finishing.finishes:
            self.finish = Finisher(options.finishing, self._region.width, self._region.height)
        self._spans = list(track.spans())
        self._next = 0
        self._views: dict[int, View] = {}

    @property
    def region(self) -> Region:
        """The region in which the track is shown."""
        return self._region

    def at(self, frame: int) -> list[tuple[Fraction, View | None]]:
        """Return the items in sight in a frame, with their weights; None stands for black.

        Frames are asked for in rising order. Raises `MediaError`.
        """
        while self._next < len(self._spans) and self._spans[self._next].visible.first <= frame:
            self._next += 1
        seen: list[tuple[Fraction, View | None]] = []
        for span in self._spans[max(0, self._next - 3) : self._next]:
            item, view = self.track.items[span.item], self._views.get(span.item)
            if frame not in span.visible:
                if view is not None and frame >= span.visible.end:
                    self._leave(span.item)
                continue
            if view is None and isinstance(item, Clip):
                view = self._views[span.item] = self._view(item, span)
            elif view is None and isinstance(item, Card):
                view = self._views[span.item] = CardView(item.text, self._region)
            seen.append((span.weight(frame), view))
        return seen

    def _view(self, clip: Clip, span: Span) -> View:
        def opened() -> ClipView:
            time = clip.start - (span.own.first - span.visible.first) * clip.speed / self._rate
            reader = self._readers.take(clip.media, time)
            grade = self._grades.get(span.item)
            return ClipView(
                clip,
                span,
                self._rate,
                self._region,
                self._colour,
                reader,
                self._options.scaler,
                self._options.cadence,
                grade.filters if grade is not None else "",
            )

        if self._stand_ins is None:
            return opened()
        track = self.track.name
        return self._stand_ins.view(opened, clip, span, track, self._rate, self._region)

    def close(self) -> None:
        """Give back all readers still in use."""
        for index in list(self._views):
            self._leave(index)

    def _leave(self, index: int) -> None:
        view = self._views.pop(index)
        if view.reader is not None:
            self._readers.give_back(view.reader)
        if view.held:
            self.held.append((self.track.name, index, view.held))


def compositions(
    tracks: list[TrackView],
    timeline: Timeline,
    burn_in: BurnIn | None = None,
    legend: Legend | None = None,
    only: Sequence[int] | None = None,
) -> Iterator[av.VideoFrame]:
    """Yield every picture of the film in order, yuv420p in the film's colour.

    `only` are the numbers of the frames that are wanted, in rising order (None: all).
    """
    layout = timeline.layout
    order = [region.name for region in layout.regions]
    tracks = sorted(tracks, key=lambda track: order.index(track.track.region))
    whole = len(tracks) == 1 and _covers(tracks[0].region, layout) and not tracks[0].finish
    written = burn_in is not None or legend is not None
    bare = not _tiled(layout, [track.region for track in tracks])
    for number in range(timeline.duration) if only is None else only:
        seen = [track.at(number) for track in tracks]
        alone = seen[0][0][1] if whole and len(seen[0]) == 1 else None
        if alone is not None and not written:  # else it is written on, and must be a copy
            frame, _ = alone.at(number)
            if (frame.width, frame.height) == (layout.width, layout.height):
                yield frame
                continue
        canvas = av.VideoFrame(layout.width, layout.height, "yuv420p")
        planes = planes_of(canvas)
        if bare:
            _blacken(planes)
        for track, items in zip(tracks, seen, strict=True):
            part = _part(planes, track.region)
            _paint(part, items, number)
            if track.finish is not None:
                track.finish(part, number)
            if burn_in is not None:
                burn_in.burn(track.track.name, part, items)
        if legend is not None:
            legend.burn(planes)
        yield canvas
    for track in tracks:
        track.close()


def mixed(parts: Iterable[tuple[Fraction, NDArray[np.uint8] | int]]) -> NDArray[np.uint8]:
    """Return the weighted sum of planes (or of a level that fills one), rounded to nearest."""
    listed = list(parts)
    whole = np.lcm.reduce([weight.denominator for weight, _ in listed])
    total: NDArray[Any] | int = 0
    for weight, plane in listed:
        share = int(weight * int(whole))
        total = total + (
            plane * share if isinstance(plane, int) else plane.astype(np.uint32) * share
        )
    rounded: NDArray[Any] = (np.asarray(total) * 2 + whole) // (2 * whole)
    return rounded.astype(np.uint8)


def _paint(target: Planes, items: list[tuple[Fraction, View | None]], number: int) -> None:
    """Put the mix of what is in sight into a region's part of the planes."""
    if len(items) == 1:
        view = items[0][1]
        if view is None:
            _blacken(target)
        else:
            _place(target, view, number)
        return
    layers: list[tuple[Fraction, Planes | tuple[int, int, int]]] = []
    for weight, view in items:
        if view is None:
            layers.append((weight, BLACK))
            continue
        layer = tuple(np.empty(plane.shape, np.uint8) for plane in target)
        _place((layer[0], layer[1], layer[2]), view, number)
        layers.append((weight, (layer[0], layer[1], layer[2])))
    if all(view is None for _, view in items):
        _blacken(target)
        return
    for index, plane in enumerate(target):
        plane[:] = mixed((weight, layer[index]) for weight, layer in layers)


def _place(target: Planes, view: View, number: int) -> None:
    frame, cut = view.at(number)
    height, width = target[0].shape
    if cut.size != (width, height):
        _blacken(target)
    (x, y), (wide, high) = cut.offset, cut.size
    for index, (plane, given) in enumerate(zip(target, planes_of(frame), strict=True)):
        by = 2 if index else 1
        plane[y // by : (y + high) // by, x // by : (x + wide) // by] = given


def _blacken(planes: Planes) -> None:
    for plane, level in zip(planes, BLACK, strict=True):
        plane[:] = level


def _part(planes: Planes, region: Region) -> Planes:
    x, y, wide, high = region.x, region.y, region.width, region.height
    luma = planes[0][y : y + high, x : x + wide]
    x, y, wide, high = x // 2, y // 2, wide // 2, high // 2
    return luma, planes[1][y : y + high, x : x + wide], planes[2][y : y + high, x : x + wide]


def _covers(region: Region, layout: Layout) -> bool:
    return (region.width, region.height) == (layout.width, layout.height)


def _tiled(layout: Layout, regions: list[Region]) -> bool:
    """Return whether the regions leave no pixel of the picture bare."""
    bare = np.ones((layout.height // 2, layout.width // 2), bool)
    for r in regions:
        bare[r.y // 2 : (r.y + r.height) // 2, r.x // 2 : (r.x + r.width) // 2] = False
    return not bare.any()
