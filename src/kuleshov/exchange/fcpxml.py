"""Write Final Cut Pro's XML (FCPXML 1.10), which DaVinci Resolve reads too.

Every time is an exact fraction of seconds on a grid: offsets and durations on the sequence's
frames, the start of an asset and of its clips on the asset's. The grammar is that of Apple's
document type definition for 1.10; how elements are meant is told in Apple's FCPXML reference.

- A file starts at its embedded timecode; where its rate is another, `conform-rate` with
  `scaleEnabled="0"` keeps its speed: one second stays one second.
- Another speed is a `timeMap`. The clip's start then counts in retimed time, which begins at 0.
- Final Cut centres a transition on its edit: edits with a dissolve are moved to its middle, which
  shows the same pictures, for both clips have the handles.
- A mirrored clip has the scale -1 1.
- The source lies on lane 1, disabled, its sound on lane -1; both hang on the first element.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from kuleshov.errors import UsageError
from kuleshov.exchange.losses import black_notes, clips_silent, off_middle
from kuleshov.media.facts import Facts
from kuleshov.notes import Note
from kuleshov.project.memory import ShotMemory
from kuleshov.project.otio_out import name_of
from kuleshov.smpte import Counting
from kuleshov.timecode import FrameRange, TimeRange, exact_rate, frame_at
from kuleshov.timeline import Clip, Media, Span, Timeline, Track

__all__ = ["VERSION", "fcpxml"]

VERSION = "1.10"
"""The version of the format."""

_DISSOLVE = "FxPlug:4731E73A-8DAC-4113-9A30-AE85B1761265"  # Final Cut's own Cross Dissolve
_SEQUENCES = ("23.98", "24", "25", "29.97", "30", "50", "59.94", "60")
_SOURCES = (*_SEQUENCES, "47.95", "48")  # what srcFrameRate may be


def fcpxml(
    timeline: Timeline, facts: Mapping[Path, Facts], start: str = "01:00:00:00"
) -> tuple[str, list[Note]]:
    """Return the document, and notes on what it cannot say; `start` is the first frame's timecode.

    Raises `UsageError` where `start` is not a timecode at the timeline's rate.
    """
    track = timeline.recut
    resources = _Resources(timeline, facts)
    sequence = _Sequence(timeline, track, facts, resources, start)
    root = ET.Element("fcpxml", version=VERSION)
    made = sequence.element()
    root.append(resources.element)
    event = ET.SubElement(ET.SubElement(root, "library"), "event", name=_text(timeline.name))
    project = ET.SubElement(event, "project", name=_text(timeline.name))
    project.append(made)
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n'
    return head + ET.tostring(root, encoding="unicode") + "\n", sequence.notes()


class _Resources:
    """The formats, assets and the dissolve of a document, each named once."""

    def __init__(self, timeline: Timeline, facts: Mapping[Path, Facts]) -> None:
        self.element = ET.Element("resources")
        self._facts, self._rate = facts, exact_rate(timeline.rate)
        self._formats: dict[tuple[Fraction, int, int], str] = {}
        self._assets: dict[Path, ET.Element] = {}
        self._dissolve = ""
        region = timeline.layout.region(timeline.recut.region)
        self.sequence = self._format(self._rate, (region.width, region.height))
        self._size = (region.width, region.height)

    def grid(self, path: Path) -> Fraction:
        """Return the frames a second of a file; for a file of sound, its samples."""
        one = self._facts[path]
        return Fraction(one.audio.rate) if not one.pictures and one.audio else one.rate

    def asset(self, media: Media, shown: TimeRange, *, sound: bool = False) -> str:
        """Return the id of a file's asset, made long enough for the media time `shown`."""
        one, grid = self._facts[media.path], self.grid(media.path)
        if media.path not in self._assets:
            self._assets[media.path] = self._made(one, media)
        asset = self._assets[media.path]
        needed = Fraction(-(-shown.end * grid // 1))
        known = Fraction(0 if one.duration is None else frame_at(one.duration, grid))
        longest = max(known, needed, _seconds(asset.get("duration", "0s")) * grid)
        asset.set("duration", _time(longest / grid))
        if sound and not asset.get("hasAudio"):
            asset.set("hasAudio", "1")
        return asset.get("id", "")

    def duration(self, path: Path) -> Fraction:
        """Return the length of a file's asset, in seconds."""
        return _seconds(self._assets[path].get("duration", "0s"))

    def dissolve(self) -> str:
        """Return the id of the dissolve."""
        if not self._dissolve:
            self._dissolve = self._id()
            fields = {"id": self._dissolve, "name": "Cross Dissolve", "uid": _DISSOLVE}
            ET.SubElement(self.element, "effect", fields)
        return self._dissolve

    def _made(self, one: Facts, media: Media) -> ET.Element:
        fields = {"name": _text(one.path.stem), "start": _time(one.origin), "duration": "0s"}
        if one.pictures:
            size = one.size or self._size
            fields |= {"hasVideo": "1", "format": self._format(one.rate, size)}
            fields["videoSources"] = "1"
        if one.audio is not None:
            fields |= {"hasAudio": "1", "audioSources": "1"}
            fields |= {
                "audioChannels": str(one.audio.channels),
                "audioRate": str(one.audio.rate),
            }
        asset = ET.SubElement(self.element, "asset", {"id": self._id(), **fields})
        url = media.path.absolute().as_uri()
        ET.SubElement(asset, "media-rep", kind="original-media", src=url)
        return asset

    def _format(self, rate: Fraction, size: tuple[int, int]) -> str:
        key = (rate, *size)
        if key not in self._formats:
            self._formats[key] = self._id()
            fields = {"id": self._formats[key]}
            word = _rate_word(rate).replace(".", "")
            if size in ((1920, 1080), (1280, 720)) and _rate_word(rate) in _SEQUENCES:
                fields["name"] = f"FFVideoFormat{size[1]}p{word}"
            fields |= {"frameDuration": _time(1 / rate), "width": str(size[0])}
            ET.SubElement(self.element, "format", {**fields, "height": str(size[1])})
        return self._formats[key]

    def _id(self) -> str:
        return f"r{len(self.element) + 1}"


@dataclass(frozen=True)
class _Sequence:
    """A sequence that is being written."""

    timeline: Timeline
    track: Track
    facts: Mapping[Path, Facts]
    resources: _Resources
    start: str

    @cached_property
    def _rate(self) -> Fraction:
        return exact_rate(self.timeline.rate)

    @cached_property
    def _origin(self) -> Fraction:
        return Counting.of(self.timeline.rate).frame(self.start) / self._rate

    def element(self) -> ET.Element:
        """Return the `sequence` with its spine."""
        counting = Counting.of(self.timeline.rate)
        if counting.frame(self.start) + self.timeline.duration > counting.day:
            raise UsageError(f"The film would run past midnight: begin earlier than {self.start}.")
        fields = {
            "format": self.resources.sequence,
            "duration": _time(self.timeline.duration / self._rate),
            "tcStart": _time(self._origin),
            "tcFormat": "DF" if counting.drop else "NDF",
            "audioLayout": "stereo",
            "audioRate": "48k",
        }
        sequence = ET.Element("sequence", fields)
        spine = ET.SubElement(sequence, "spine")
        after = {transition.after: transition for transition in self.track.transitions}
        spans = self.track.spans()
        for span, own in zip(spans, edits(self.track), strict=True):
            spine.append(self._item(span, own))
            if span.item in after:
                spine.append(self._transition(span.falling))
        self._connect(spine[0])
        return sequence

    def _item(self, span: Span, own: FrameRange) -> ET.Element:
        item = self.track.items[span.item]
        place = {"offset": self._at(own.first), "duration": _time(len(own) / self._rate)}
        if not isinstance(item, Clip):
            return ET.Element("gap", {"name": "Gap", **place, "start": "0s"})
        seen = FrameRange(min(own.first, span.visible.first), max(own.end, span.visible.end))
        element = self._clip(item, own, seen, item.start, own.first - span.own.first)
        for name, value in place.items():
            element.set(name, value)
        region = self.timeline.layout.region(self.track.region)
        bars, size = item.media.bars, self.facts[item.media.path].size
        if bars and size is not None:
            crop = ET.SubElement(element, "adjust-crop", mode="crop")
            sides = {"left": bars.left, "top": bars.top, "right": bars.right, "bottom": bars.bottom}
            # All four count in hundredths of the picture's height.
            part = {name: f"{100 * width / size[1]:g}" for name, width in sides.items()}
            ET.SubElement(crop, "crop-rect", part)
        ET.SubElement(element, "adjust-conform", type=region.fit)
        if item.mirrored:
            ET.SubElement(element, "adjust-transform", scale="-1 1")
        return element

    def _clip(
        self, clip: Clip, own: FrameRange, seen: FrameRange, begin: Fraction, moved: int
    ) -> ET.Element:
        """Return an `asset-clip` of pictures, with its start and timing.

        `begin` is the media time of frame `own.first - moved`, `seen` what is shown of it with its
        handles.
        """
        path, grid = clip.media.path, self.resources.grid(clip.media.path)
        one, step = self.facts[path], clip.speed / self._rate
        first = begin + moved * step
        one_end = first - (own.first - seen.first) * step
        other_end = first + (seen.end - own.first) * step
        if step < 0:  # its first frame is the latest
            one_end, other_end = other_end - step, one_end - step
        shown = TimeRange(max(Fraction(0), one_end), max(other_end, first + 1 / grid))
        fields = {"ref": self.resources.asset(clip.media, shown), "name": _text(name_of(clip))}
        fields |= {"tcFormat": "DF" if one.counting.drop else "NDF", "srcEnable": "video"}
        element = ET.Element("asset-clip", fields)
        if exact_rate(one.rate) != self._rate:
            conform = {"scaleEnabled": "0"}
            if _rate_word(one.rate) in _SOURCES:
                conform["srcFrameRate"] = _rate_word(one.rate)
            ET.SubElement(element, "conform-rate", conform)
        at = one.origin + Fraction(frame_at(first, grid)) / grid
        if clip.speed == 1:
            element.set("start", _time(at))
            return element
        points = self._points(clip, at, own, seen)
        element.set("start", _time(points[0]))
        curve = ET.SubElement(element, "timeMap")
        for time, value in points[1:]:
            fields = {"time": _time(time), "value": _time(value), "interp": "linear"}
            ET.SubElement(curve, "timept", fields)
        return element

    def _points(
        self, clip: Clip, at: Fraction, own: FrameRange, seen: FrameRange
    ) -> tuple[Fraction, tuple[Fraction, Fraction], tuple[Fraction, Fraction]]:
        """Return where a retimed clip starts in retimed time, and the two ends of its map.

        Retimed time lies on the sequence's grid; the map goes through `at`, the media time of the
        clip's first frame, exactly, and as far back and on as the file does.
        """
        before, behind = own.first - seen.first, seen.end - own.first
        if clip.speed == 0:
            held = (before + behind) / self._rate
            return before / self._rate, (Fraction(0), at), (held, at)
        path, step = clip.media.path, clip.speed / self._rate
        if step < 0:  # from the end of its first frame to the beginning of its last
            latest = at - (before + 1) * step
            length = before + behind
            return (
                before / self._rate,
                (Fraction(0), latest),
                (
                    length / self._rate,
                    latest + length * step,
                ),
            )
        origin = self.facts[path].origin
        back = max(before, (at - origin) // step)
        first = at - back * step
        whole = max(back + behind, (origin + self.resources.duration(path) - first) // step)
        end = (whole / self._rate, first + whole * step)
        return back / self._rate, (Fraction(0), first), end

    def _transition(self, frames: FrameRange) -> ET.Element:
        place = {"offset": self._at(frames.first), "duration": _time(len(frames) / self._rate)}
        element = ET.Element("transition", {"name": "Cross Dissolve", **place})
        ET.SubElement(element, "filter-video", ref=self.resources.dissolve(), name="Cross Dissolve")
        return element

    def _connect(self, first: ET.Element) -> None:
        """Hang the source and its sound on the first element, at its beginning."""
        anchor, sound = first.get("start", "0s"), self.timeline.under
        piece = source_piece(self.timeline, self.track)
        if piece is not None:
            whole = FrameRange(0, self.timeline.duration)
            element = self._clip(piece, whole, whole, piece.start, 0)
            whole_length = _time(self.timeline.duration / self._rate)
            place = {"lane": "1", "offset": anchor, "duration": whole_length, "enabled": "0"}
            for name, value in place.items():
                element.set(name, value)
            first.append(element)
        if sound is None:
            return
        path, grid = sound.media.path, self.resources.grid(sound.media.path)
        length = sound.duration
        if length is None:
            known = self.facts[path].duration
            length = self.timeline.duration / self._rate if known is None else known - sound.start
        frames = min(self.timeline.duration, max(1, frame_at(length, self._rate)))
        shown = TimeRange(sound.start, sound.start + frames / self._rate)
        start = self.facts[path].origin + Fraction(frame_at(sound.start, grid)) / grid
        fields = {
            "ref": self.resources.asset(sound.media, shown, sound=True),
            "name": _text(path.stem),
            "lane": "-1",
            "offset": anchor,
            "start": _time(start),
            "duration": _time(frames / self._rate),
            "srcEnable": "audio",
            "audioRole": "dialogue",
        }
        ET.SubElement(first, "asset-clip", fields)

    def _at(self, frame: int) -> str:
        return _time(self._origin + frame / self._rate)

    def notes(self) -> list[Note]:
        """Return notes on what the document cannot say."""
        timeline, notes = self.timeline, clips_silent(self.timeline, "FCPXML")
        if _rate_word(self._rate) not in _SEQUENCES:
            text = (
                f"Final Cut Pro offers no project at {float(self._rate):g} frames a second; it "
                "will choose another rate."
            )
            notes.append(Note("rate-not-offered", text))
        if len(timeline.layout.regions) > 1:
            text = "FCPXML shows the film alone here, not side by side."
            notes.append(Note("layout-left-out", text))
        if source_piece(timeline, self.track) is not None:
            text = "The source lies above the film as a disabled clip."
            notes.append(Note("source-disabled", text))
        elif len(timeline.tracks) > 1:
            names = ", ".join(repr(t.name) for t in timeline.tracks if t is not self.track)
            text = f"FCPXML holds track {self.track.name!r} only, without {names}."
            notes.append(Note("tracks-left-out", text, {"track": self.track.name}))
        if any(ShotMemory.of(item).offers is not None for item in self.track.items):
            text = "FCPXML does not hold the other candidates; the project keeps them."
            notes.append(Note("candidates-left-out", text))
        notes += off_middle(timeline, self.track, self.facts, "FCPXML")
        return notes + black_notes(timeline, self.track)


def edits(track: Track) -> tuple[FrameRange, ...]:
    """Return the items' ranges with each border in a dissolve moved to the dissolve's middle.

    It is moved only so far that no item is left without a frame.
    """
    spans = track.spans()
    ranges, first = [], 0
    for span in spans:
        end = span.own.end
        if len(span.falling):
            middle = (span.falling.first + span.falling.end) // 2
            end = min(max(middle, first + 1), spans[span.item + 1].own.end - 1)
        ranges.append(FrameRange(first, end))
        first = end
    return tuple(ranges)


def source_piece(timeline: Timeline, film: Track) -> Clip | None:
    """Return the source's track as one clip, where it is one piece of one file from end to end."""
    track = next((t for t in timeline.tracks if t.name == "source" and t is not film), None)
    if track is None or track.transitions:
        return None
    first = track.items[0]
    for item, own in zip(track.items, track.ranges(), strict=True):
        if not isinstance(item, Clip) or not isinstance(first, Clip):
            return None
        moved = item.start - own.first / timeline.rate
        if item.media.path != first.media.path or item.speed != 1 or item.mirrored:
            return None
        if abs(moved - first.start) > Fraction(1, 2) / timeline.rate:
            return None
    return first if isinstance(first, Clip) else None


def _rate_word(rate: Fraction) -> str:
    """Return a rate as Final Cut names it: `23.98` or `25`."""
    return f"{float(rate):.2f}".removesuffix(".00")


def _time(seconds: Fraction) -> str:
    """Return a time as `1001/24000s` or `5s`; Final Cut takes 32 bits of denominator."""
    seconds = Fraction(seconds)
    if seconds.denominator >= 2**31:
        seconds = Fraction(round(seconds * 720_000), 720_000)
    return f"{seconds}s"


def _seconds(text: str) -> Fraction:
    return Fraction(text.removesuffix("s"))


def _text(text: str) -> str:
    """Return text without the characters that XML has no place for."""
    return "".join(
        c for c in text if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"
    )
