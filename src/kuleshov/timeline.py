"""Describe every film that Kuleshov makes: tracks of clips, a layout, and sound.

A timeline counts whole frames at one constant rate. Items of a track follow one another without
gap or overlap; a transition sits on the border between two of them and makes both visible for a
while, for which each needs *handles*: media beyond its own ends.

    item 0        |  item 1          |  item 2
    ──────────[ in | out ]───────────|────────────
              transition (borders are where items would be cut hard)

A fade is a transition from or to a `Gap`, which is black. A `Card` is black with words on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from kuleshov.errors import TimelineError
from kuleshov.footage import Bars
from kuleshov.timecode import FrameRange, TimeRange

__all__ = [
    "FASTEST",
    "LONGEST_SIDE",
    "Card",
    "Clip",
    "ClipSound",
    "Dissolve",
    "Fit",
    "Gap",
    "Item",
    "Layout",
    "Media",
    "Region",
    "Sound",
    "Span",
    "Timeline",
    "Track",
]

Fit = Literal["fill", "fit"]
LONGEST_SIDE = 32768
"""The greatest width or height of a film's picture, in pixels."""

_MOST_FRAMES = 100_000_000
FASTEST = 1000
"""Frames a second that a film may have."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Media:
    """The file that a clip or the sound comes from.

    `available` is the media time it holds.
    """

    path: Path
    checksum: str = ""
    bars: Bars = field(default_factory=Bars)
    available: TimeRange | None = None


@dataclass(frozen=True)
class Clip:
    """A clip: a range of a media file.

    `start` is the media time of the clip's first frame; `duration` counts timeline frames; one
    second of timeline takes `speed` seconds of media (0 holds the first frame; below 0 the media
    run backwards from `start`). `usable` is the media time that the clip and its handles must stay
    inside, as a rule the core of a shot.

    Where a region of another shape is filled, the crop's middle lies at `focus`, as near as the
    picture's edges allow: x and y as fractions, 0 to 1, of the picture without its bars, upright
    and as it is in the file, so of a mirrored clip before it is mirrored. None is the middle.
    Raises `TimelineError` for a focus outside the picture.
    """

    media: Media
    start: Fraction
    duration: int
    speed: Fraction = Fraction(1)
    mirrored: bool = False
    gain: float = 1.0
    caption: str = ""
    usable: TimeRange | None = None
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    focus: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.focus is not None and not (
            len(self.focus) == 2 and all(0 <= part <= 1 for part in self.focus)
        ):
            raise TimelineError(f"A focus is x and y between 0 and 1, not {self.focus}.")

    def shown(self, rate: Fraction, before: int = 0, beyond: int = 0) -> TimeRange:
        """Return the media time of its frames at the timeline's `rate`, with some handles.

        It runs from the first instant of the earliest frame to the end of the latest, with `before`
        and `beyond` frames of handles. A held frame counts as one frame long.
        """
        step = self.speed / rate
        if not step:
            return TimeRange(self.start, self.start + 1 / rate)
        one, other = self.start - before * step, self.start + (self.duration + beyond) * step
        # Backwards, the first frame is the latest: it ends one step after its instant.
        return TimeRange(one, other) if step > 0 else TimeRange(other - step, one - step)

    def limit(self, rate: Fraction, before: int = 0, beyond: int = 0) -> TimeRange | None:
        """Return the media time that it must not leave and leaves, with handles; None where none.

        Of a film that changes most clips stay: what was found is remembered.
        """
        key = rate, before, beyond
        if key not in self._inside:
            # A handle is missing where the clip or its dissolves reach beyond the usable media.
            shown = self.shown(rate, before, beyond)
            for limit in (self.usable, self.media.available):
                if limit is not None and not limit.contains(shown):
                    return limit
            self._inside.add(key)
        return None

    @cached_property
    def _inside(self) -> set[tuple[Fraction, int, int]]:
        return set()


@dataclass(frozen=True)
class Gap:
    """A gap: black for `duration` frames."""

    duration: int
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class Card:
    """A card: words on black, centred in the track's region, for `duration` frames.

    An empty line parts paragraphs; the first line of each stands out from those below it.
    """

    duration: int
    text: str
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


Item = Clip | Gap | Card


@dataclass(frozen=True)
class Dissolve:
    """A transition: a dissolve across the border after item `after`.

    It begins `before_border` frames before that border and ends `past_border` frames behind it.
    Of its N frames, number k (from 0) shows the incoming item with weight (k + 1) / (N + 1): no
    frame of it is one side alone.
    """

    after: int
    before_border: int
    past_border: int
    kind: Literal["dissolve"] = "dissolve"

    def __len__(self) -> int:
        return self.before_border + self.past_border


def _known_number(item: Item) -> int | None:
    ours = getattr(item, "metadata", {}).get("kuleshov", {})
    number = ours.get("shot") if isinstance(ours, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


@dataclass(frozen=True)
class Span:
    """A span: where one item of a track can be seen, handles included, and with what weight."""

    item: int
    own: FrameRange
    visible: FrameRange
    rising: FrameRange
    falling: FrameRange

    @property
    def handles(self) -> tuple[int, int]:
        """The frames that can be seen before its own, and beyond them."""
        return self.own.first - self.visible.first, self.visible.end - self.own.end

    def weight(self, frame: int) -> Fraction:
        """Return how much of this item's picture is in timeline frame `frame`, 0 to 1."""
        if frame not in self.visible:
            return Fraction(0)
        if frame in self.rising:
            return Fraction(frame - self.rising.first + 1, len(self.rising) + 1)
        if frame in self.falling:
            return 1 - Fraction(frame - self.falling.first + 1, len(self.falling) + 1)
        return Fraction(1)


@dataclass(frozen=True)
class Track:
    """A track: items one after another, with the transitions between them, in one region."""

    name: str
    items: tuple[Item, ...]
    transitions: tuple[Dissolve, ...] = ()
    region: str = "main"

    @property
    def duration(self) -> int:
        """The length in frames."""
        return sum(item.duration for item in self.items)

    def ranges(self) -> tuple[FrameRange, ...]:
        """Return the timeline frames that each item holds for itself, from border to border."""
        ranges, first = [], 0
        for item in self.items:
            ranges.append(FrameRange(first, first + item.duration))
            first += item.duration
        return tuple(ranges)

    def numbers(self) -> tuple[int | None, ...]:
        """Return the number that people give the shot of each item: they count from 1.

        A recut's items know it: that of the source's shot, counted from the first that is remade,
        which a picture that is held shares. Items of other films are counted. None for cards, the
        black between two fades, and clips that a recut did not make.
        """
        known = [_known_number(item) for item in self.items]
        if any(number is not None for number in known):
            return tuple(known)
        counted = accumulate(not isinstance(item, Card) for item in self.items)
        pairs = zip(self.items, counted, strict=True)
        return tuple(None if isinstance(item, Card) else int(n) for item, n in pairs)

    def spans(self) -> tuple[Span, ...]:
        """Return what a renderer needs of each item: frames, handles, weights."""
        after = {transition.after: transition for transition in self.transitions}
        spans = []
        for index, own in enumerate(self.ranges()):
            into, out = after.get(index - 1), after.get(index)
            rising = (
                FrameRange(own.first - into.before_border, own.first + into.past_border)
                if into
                else FrameRange(own.first, own.first)
            )
            falling = (
                FrameRange(own.end - out.before_border, own.end + out.past_border)
                if out
                else FrameRange(own.end, own.end)
            )
            visible = FrameRange(rising.first, falling.end)
            spans.append(Span(index, own, visible, rising, falling))
        return tuple(spans)

    def media_range(self, span: Span, rate: Fraction) -> TimeRange | None:
        """Return the media time that an item shows over its whole span; None for other than clips.

        It runs from the item's first instant to the end of its last frame. A held frame counts as
        one frame long.
        """
        item = self.items[span.item]
        if not isinstance(item, Clip):
            return None
        return item.shown(rate, *span.handles)


@dataclass(frozen=True)
class Region:
    """A region: a rectangle of the picture, in pixels from the top left.

    `fill` crops, `fit` adds black.
    """

    name: str
    x: int
    y: int
    width: int
    height: int
    fit: Fit = "fill"


@dataclass(frozen=True)
class Layout:
    """A layout: the size of the picture and its regions, painted in order."""

    width: int
    height: int
    regions: tuple[Region, ...]

    def __post_init__(self) -> None:
        for length in (self.width, self.height):
            if length < 2 or length % 2:
                raise TimelineError(f"A film needs even sides, not {self.width}x{self.height}.")
            if length > LONGEST_SIDE:
                raise TimelineError(
                    f"A film's sides have at most {LONGEST_SIDE} pixels, not "
                    f"{self.width}x{self.height}."
                )
        for region in self.regions:
            if (
                any(v % 2 or v < 0 for v in (region.x, region.y, region.width, region.height))
                or region.width < 2
                or region.height < 2
                or region.x + region.width > self.width
                or region.y + region.height > self.height
            ):
                raise TimelineError(f"Region {region.name!r} does not lie in the picture: {region}")

    def region(self, name: str) -> Region:
        """Return the region called `name`. Raises `TimelineError` where there is none."""
        for region in self.regions:
            if region.name == name:
                return region
        raise TimelineError(
            f"The layout has no region {name!r}, only {', '.join(r.name for r in self.regions)}."
        )

    @staticmethod
    def single(width: int, height: int, fit: Fit = "fill") -> Layout:
        """Return a layout of one region, `main`, over the whole picture."""
        return Layout(width, height, (Region("main", 0, 0, width, height, fit),))

    @staticmethod
    def side_by_side(width: int, height: int, fit: Fit = "fill") -> Layout:
        """Return a layout with `source` on the left and `main` on the right.

        Each is `width` by `height`.
        """
        return Layout(
            2 * width,
            height,
            (
                Region("source", 0, 0, width, height, "fit"),
                Region("main", width, 0, width, height, fit),
            ),
        )


@dataclass(frozen=True)
class Sound:
    """A sound of a media file from media time `start`, under the whole timeline.

    With `duration` None it runs to its own end, which may be later than the picture's. Where it has
    one, its last `fade_out` seconds fall to silence.
    """

    media: Media
    start: Fraction = Fraction(0)
    duration: Fraction | None = None
    fade_out: Fraction = Fraction(0)


@dataclass(frozen=True)
class ClipSound:
    """The sound of clips: each is heard with its own, times its `gain`.

    Clips are brought to one loudness, `level` in LUFS (None: left as loud as they are), and
    cross-faded over `fade` seconds at each cut, over the whole of each dissolve.
    """

    level: float | None = -23.0
    fade: Fraction = Fraction(1, 25)

    def __post_init__(self) -> None:
        if self.level is not None and not -70 <= self.level <= 0:
            raise TimelineError(f"A level lies between -70 and 0 LUFS, not at {self.level:g}.")
        if not 0 <= self.fade <= 1:
            raise TimelineError(f"Sound fades at cuts for 0 to 1 s, not for {float(self.fade):g}.")


@dataclass(frozen=True)
class Timeline:
    """A whole film. Raises `TimelineError` when made with parts that contradict each other."""

    name: str
    rate: Fraction
    layout: Layout
    tracks: tuple[Track, ...]
    sound: Sound | ClipSound | None = None
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise TimelineError(f"A frame rate must be above 0, not {self.rate}.")
        if self.rate > FASTEST:
            raise TimelineError(f"A film has at most {FASTEST} frames a second.")
        if not self.tracks:
            raise TimelineError("A timeline needs at least one track.")
        regions = {region.name for region in self.layout.regions}
        for track in self.tracks:
            if track.region not in regions:
                raise TimelineError(
                    f"Track {track.name!r} wants region {track.region!r}; the layout has "
                    f"{', '.join(sorted(regions))}."
                )
            if track.duration > _MOST_FRAMES:
                raise TimelineError(
                    f"Track {track.name!r} is longer than any film: over {_MOST_FRAMES:,} frames."
                )
            for fault in _faults(track, self.rate):
                raise TimelineError(f"Track {track.name!r}: {fault}")
        lengths = {track.name: track.duration for track in self.tracks}
        if len(set(lengths.values())) > 1:
            raise TimelineError(f"Tracks differ in length: {lengths}.")

    @property
    def duration(self) -> int:
        """The length in frames."""
        return self.tracks[0].duration

    @property
    def under(self) -> Sound | None:
        """The one sound under the whole film; None where clips have their own, or none is heard."""
        return self.sound if isinstance(self.sound, Sound) else None

    @property
    def recut(self) -> Track:
        """The track that is the film.

        It is the one called `recut`, else the uppermost that is not the source, else the last. The
        one rule for it: whatever renders or exports asks here.
        """
        named = [track for track in self.tracks if track.name == "recut"]
        others = [track for track in self.tracks if "source" not in (track.name, track.region)]
        return named[0] if named else (others or self.tracks)[-1]

    def track(self, name: str) -> Track:
        """Return the track called `name`. Raises `TimelineError` where there is none."""
        for track in self.tracks:
            if track.name == name:
                return track
        raise TimelineError(
            f"The timeline has no track {name!r}, only {', '.join(t.name for t in self.tracks)}."
        )

    def with_layout(self, layout: Layout, tracks: tuple[str, ...] | None = None) -> Timeline:
        """Return the same film in another layout, with only the named tracks if given."""
        kept = self.tracks if tracks is None else tuple(self.track(name) for name in tracks)
        return replace(self, layout=layout, tracks=kept)


def _faults(track: Track, rate: Fraction) -> Iterator[str]:
    if not track.items:
        yield "it has no items."
    for index, item in enumerate(track.items):
        if item.duration < 1:
            yield f"item {index} lasts {item.duration} frames."
    yield from _transition_faults(track)
    for span in track.spans():
        item = track.items[span.item]
        if isinstance(item, Clip) and (limit := item.limit(rate, *span.handles)) is not None:
            name, shown = item.media.path.name, item.shown(rate, *span.handles)
            yield (
                f"item {span.item} shows {name} from {float(shown.start):.3f} to "
                f"{float(shown.end):.3f} s but may only use {float(limit.start):.3f} to "
                f"{float(limit.end):.3f} s."
            )


def _transition_faults(track: Track) -> Iterator[str]:
    previous = None
    for transition in track.transitions:
        if not 0 <= transition.after < len(track.items) - 1:
            yield f"a transition follows item {transition.after}, where no border is."
            return
        if min(transition.before_border, transition.past_border) < 0 or not len(transition):
            yield f"the transition after item {transition.after} has no length."
        left, right = track.items[transition.after], track.items[transition.after + 1]
        used = 0
        if previous is not None:
            if previous.after >= transition.after:
                yield "its transitions are not in order."
            used = previous.past_border if previous.after == transition.after - 1 else 0
        if used + transition.before_border > left.duration:
            yield f"transitions overlap on item {transition.after}."
        if transition.past_border > right.duration:
            yield f"the transition after item {transition.after} is longer than the next item."
        previous = transition
