"""Write an edit decision list in the CMX 3600 form, which nearly every editing program reads.

One track of pictures: events of one or two lines, each with a reel (the file), the kind of edit,
and in and out on the file and on the timeline.

    002  NIGHT_SK V     C        00:00:04:00 00:00:04:00 01:00:02:00 01:00:02:00
    002  HARBOUR  V     D    012 00:00:10:05 00:00:13:05 01:00:02:00 01:00:05:00
    M2   HARBOUR    022.5                00:00:10:05
    * FROM CLIP NAME: night_sky.mp4
    * TO CLIP NAME: harbour.mp4

A dissolve begins at its event's record in. All times count at the timeline's rate, the source's
too; a held frame is `M2` with speed 0 and one frame of source. Names stand in `FROM CLIP NAME`,
`TO CLIP NAME` and `SOURCE FILE`: `FROM CLIP` and `FROM FILE` make Premiere lose the media
(OpenTimelineIO issue 1178).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kuleshov.errors import ProjectError, UsageError
from kuleshov.exchange.losses import left_out
from kuleshov.media.facts import Facts
from kuleshov.notes import Note
from kuleshov.smpte import Counting
from kuleshov.timecode import frame_at
from kuleshov.timeline import Clip, Span, Timeline, Track

__all__ = ["edl", "reels"]

_EVENTS = 999  # numbers have three digits
_LONGEST = 255  # frames of a dissolve, by the original form
_RATES = (24, 25, 30, 48, 50, 60)  # that editing programs count
_BLACK = "BL"
_TAKEN = frozenset({_BLACK, "AX", "BLACK", "BLK", "BARS", "NONE"})


def reels(facts: Iterable[Facts]) -> dict[Path, str]:
    """Return a reel for every file: eight capital letters, digits and `_`, all different.

    From the reel that the file names, else from its own name; `AX`, which stands for no reel, is
    not given.
    """
    names: dict[Path, str] = {}
    taken = set(_TAKEN)
    for one in facts:
        wanted = _plain(one.reel) or _plain(one.path.stem) or "REEL"
        name, number = wanted[:8].rstrip("_"), 1
        while name in taken:
            number += 1
            name = f"{wanted[: 7 - len(str(number))].rstrip('_')}_{number}"
        taken.add(name)
        names[one.path] = name
    return names


def edl(
    timeline: Timeline, facts: Mapping[Path, Facts], start: str = "01:00:00:00"
) -> tuple[str, list[Note]]:
    """Return the list, and notes on what it cannot say; `start` is the first frame's timecode.

    Raises `ProjectError` where the rate or the length cannot be written as timecode, `UsageError`
    where `start` is not a timecode.
    """
    counting = Counting.of(timeline.rate)
    if counting.nominal > 99:
        raise ProjectError(
            f"An EDL cannot count {float(timeline.rate):g} frames a second; export .fcpxml or "
            ".otio."
        )
    first = counting.frame(start)
    if first + timeline.duration > counting.day:
        raise UsageError(f"The film would run past midnight: begin earlier than {start}.")
    track = timeline.recut
    writing = _Writing(timeline, track, facts, reels(facts.values()), counting, first)
    events, notes = writing.events(), writing.notes()
    if len(events) > _EVENTS:
        beyond = counting.label(first + events[_EVENTS].record)
        text = (
            f"An EDL has {_EVENTS} events and this film needs {len(events)}: what begins at "
            f"{beyond} or later is not in it; export .fcpxml or .otio for all of it."
        )
        notes.append(Note("film-cut-short", text, {"events": _EVENTS, "needed": len(events)}))
    mode = "DROP FRAME" if counting.drop else "NON-DROP FRAME"
    lines = [f"TITLE: {_line(timeline.name)[:70] or 'Untitled'}", f"FCM: {mode}", ""]
    for event in events[:_EVENTS]:
        lines += [*event.lines, ""]
    lines[-1:] = [f"* NOTE: {_line(note.text)}" for note in notes]
    return "\r\n".join(lines) + "\r\n", notes


@dataclass(frozen=True)
class _Event:
    record: int  # its first timeline frame
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Writing:
    """A list that is being written."""

    timeline: Timeline
    track: Track
    facts: Mapping[Path, Facts]
    names: Mapping[Path, str]
    counting: Counting
    first: int

    def events(self) -> list[_Event]:
        """Return all events, numbered from 1."""
        events: list[_Event] = []
        spans = self.track.spans()
        for span in spans:
            begin, end = span.visible.first, span.falling.first
            if begin == end:
                continue  # it is seen only while the next one dissolves in, and stands there
            before = spans[span.item - 1] if len(span.rising) else None
            events.append(_Event(begin, self._lines(len(events) + 1, span, before, begin, end)))
        return events

    def _lines(
        self, number: int, span: Span, before: Span | None, begin: int, end: int
    ) -> tuple[str, ...]:
        item = self.track.items[span.item]
        if before is None:
            edits = [self._edit(number, span, "C", begin, end)]
            speeds = self._speed(span, begin, end)
        else:
            length = min(999, len(span.rising))
            edits = [
                self._edit(number, before, "C", begin, begin),
                self._edit(number, span, f"D    {length:03d}", begin, end),
            ]
            speeds = [*self._speed(before, begin, begin), *self._speed(span, begin, end)]
        names = []
        if before is not None and isinstance(out := self.track.items[before.item], Clip):
            names.append(f"* FROM CLIP NAME: {_line(out.media.path.name)}")
        if isinstance(item, Clip):
            word = "FROM" if before is None else "TO"
            names.append(f"* {word} CLIP NAME: {_line(item.media.path.name)}")
            names.append(f"* SOURCE FILE: {_line(item.media.path.name)}")
            names += _remarks(item)
        return (*edits, *speeds, *names)

    def _edit(self, number: int, span: Span, kind: str, begin: int, end: int) -> str:
        item = self.track.items[span.item]
        reel, source, shown = _BLACK, 0, end - begin
        if isinstance(item, Clip):
            reel = self.names[item.media.path]
            source, shown = self._source(item, span, begin, end)
        times = (source, source + shown, self.first + begin, self.first + end)
        return f"{number:03d}  {reel:<8} V     {kind:<8} " + " ".join(
            self.counting.label(time) for time in times
        )

    def _source(self, clip: Clip, span: Span, begin: int, end: int) -> tuple[int, int]:
        """Return the clip's first frame in its file, and how many are shown, for a range of frames.

        `begin` and `end` are frames of the timeline, in whose counting the answer is too. A clip
        that runs backwards begins at its earlier end.
        """
        moved = (begin - span.own.first) * clip.speed
        base = self.facts[clip.media.path].first_in(self.counting)
        first = base + frame_at(clip.start * self.timeline.rate + moved, Fraction(1))
        shown = end - begin
        if shown and clip.speed != 1:
            shown = max(1, frame_at(abs(clip.speed) * shown, Fraction(1)))
        return (max(base, first + 1 - shown) if clip.speed < 0 and shown else first), shown

    def _speed(self, span: Span, begin: int, end: int) -> list[str]:
        """Return the line for a speed other than 1: frames of the file in a second of timeline."""
        clip = self.track.items[span.item]
        if not isinstance(clip, Clip) or clip.speed == 1:
            return []
        speed = float(clip.speed * self.counting.nominal)
        number = f"{speed:06.1f}" if speed < 0 else f"{speed:05.1f}"
        at = self.counting.label(self._source(clip, span, begin, end)[0])
        return [f"M2   {self.names[clip.media.path]:<8}   {number}                {at}"]

    def notes(self) -> list[Note]:
        """Return notes on what the list cannot say."""
        notes: list[Note] = []
        clips = [item for item in self.track.items if isinstance(item, Clip)]
        flipped = sum(clip.mirrored for clip in clips)
        if flipped:
            text = (
                f"{flipped} of {len(clips)} clips are mirrored, which an EDL cannot say: they are "
                "marked MIRRORED."
            )
            notes.append(Note("mirrored-left-out", text, {"clips": flipped}))
        backwards = sum(clip.speed < 0 for clip in clips)
        if backwards:
            text = (
                f"{backwards} of {len(clips)} clips run backwards (M2 with a speed below 0): not "
                "all programs read that."
            )
            notes.append(Note("backwards", text, {"clips": backwards}))
        if any(clip.media.bars for clip in clips):
            text = "Black bars that are cut off here are seen again in an EDL's clips."
            notes.append(Note("bars-left-out", text))
        longest = max((len(one) for one in self.track.transitions), default=0)
        if longest > _LONGEST:
            text = (
                f"A dissolve of {longest} frames: an EDL has room for {_LONGEST} by its original "
                "form, for 999 in most programs."
            )
            notes.append(Note("dissolve-long", text, {"frames": longest}))
        if self.timeline.rate.denominator not in (1, 1001) or self.counting.nominal not in _RATES:
            text = (
                f"Few programs have timecode at {float(self.timeline.rate):g} frames a second: "
                f"this list counts {self.counting.nominal}."
            )
            notes.append(Note("rate-uncommon", text))
        if any(not item.media.path.name.isascii() for item in clips):
            text = "File names with letters beyond ASCII are written as UTF-8."
            notes.append(Note("names-beyond-ascii", text))
        return notes + left_out(self.timeline, self.track, "An EDL")


def _remarks(clip: Clip) -> list[str]:
    remarks = []
    if clip.speed == 0:
        remarks.append("* FREEZE FRAME")
    elif clip.speed != 1:
        remarks.append(f"* SPEED: {clip.speed}")
    if clip.mirrored:
        remarks.append("* MIRRORED")
    return remarks


def _plain(name: str) -> str:
    """Return capital ASCII letters, digits and `_`: accents fall off, all else becomes one `_`."""
    ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]+", "_", ascii_.upper()).strip("_")


def _line(text: str) -> str:
    """Return text that stays on its line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
