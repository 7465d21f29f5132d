"""Write a film as data: JSON with everything, and CSV with one line for each clip.

The fields are described in docs/exchange.md; they stay what they are while `VERSION` does.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from kuleshov.exchange.edl import reels
from kuleshov.exchange.losses import black_notes
from kuleshov.features.facet import BODIES, COMPOSITION, FACES, MOTION, SUBJECT, TONE
from kuleshov.footage import Slate
from kuleshov.media.facts import Facts
from kuleshov.notes import Note
from kuleshov.project.memory import ShotMemory, known_slate
from kuleshov.project.otio_out import name_of
from kuleshov.smpte import Counting
from kuleshov.timecode import FrameRange, TimeRange
from kuleshov.timeline import Clip, ClipSound, Gap, Item, Media, Timeline, Track

__all__ = ["COLUMNS", "VERSION", "csv_table", "json_list"]

VERSION = 1
"""Raised when a field changes its meaning or goes; new ones may come at any time."""

_FACETS = (SUBJECT, COMPOSITION, TONE, MOTION, FACES, BODIES)
_SLATE = ("title", "author", "licence", "url")

COLUMNS = (
    *("number", "record_in_frame", "record_out_frame", "record_in", "record_out", "frames"),
    *("name", "file", "path", "checksum", "reel"),
    *("source_in_exact", "source_out_exact", "source_in_seconds", "source_out_seconds"),
    *("source_in", "source_out", "speed", "mirrored", "dissolve_in", "dissolve_out"),
    *("shot", "score", *_FACETS, "caption", *_SLATE),
)
"""The columns of the CSV, in order."""


def json_list(
    timeline: Timeline, facts: Mapping[Path, Facts], start: str = "01:00:00:00"
) -> tuple[str, list[Note]]:
    """Return everything as JSON: tracks, clips, transitions, sound and layout; and notes.

    Raises `UsageError` where `start` is not a timecode at the timeline's rate.
    """
    counting = Counting.of(timeline.rate)
    first = counting.frame(start)
    layout = timeline.layout
    fields = {
        "format": "kuleshov-clips",
        "version": VERSION,
        "name": timeline.name,
        "rate": str(timeline.rate),
        "frames": timeline.duration,
        "seconds": float(timeline.duration / timeline.rate),
        "timecode": {"start": counting.label(first), "nominal": counting.nominal}
        | {"drop_frame": counting.drop},
        "layout": {
            "width": layout.width,
            "height": layout.height,
            "regions": [
                {"name": r.name, "x": r.x, "y": r.y, "width": r.width, "height": r.height}
                | {"fit": r.fit}
                for r in layout.regions
            ],
        },
        "film": timeline.recut.name,
        "tracks": [_track(timeline, track, facts, counting, first) for track in timeline.tracks],
        "sound": _sound(timeline),
        "files": [_file(one) for one in facts.values()],
    }
    notes = [note for track in timeline.tracks for note in black_notes(timeline, track)]
    return json.dumps(fields, indent=2, ensure_ascii=False, default=_plain) + "\n", notes


def csv_table(
    timeline: Timeline, facts: Mapping[Path, Facts], start: str = "01:00:00:00"
) -> tuple[str, list[Note]]:
    """Return a head line, then one line for each clip of the film's track; and notes.

    Text that a spreadsheet would take for a formula begins with an apostrophe. Raises `UsageError`
    where `start` is not a timecode at the timeline's rate.
    """
    counting = Counting.of(timeline.rate)
    first = counting.frame(start)
    track = timeline.recut
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for fields in _track(timeline, track, facts, counting, first)["items"]:
        if fields["kind"] == "clip":
            row = {**fields, **fields["facets"], **fields["slate"]}
            writer.writerow({key: _cell(row.get(key)) for key in COLUMNS})
    notes = black_notes(timeline, track)
    others = [repr(one.name) for one in timeline.tracks if one is not track]
    if others:
        text = f"The table holds track {track.name!r} only, without {', '.join(others)}."
        notes.append(Note("tracks-left-out", text, {"track": track.name}))
    return out.getvalue(), notes


def _track(
    timeline: Timeline, track: Track, facts: Mapping[Path, Facts], counting: Counting, first: int
) -> dict[str, Any]:
    names = reels(facts.values())
    items, spans, shots = [], track.spans(), track.numbers()
    for number, (span, item) in enumerate(zip(spans, track.items, strict=True), 1):
        fields = {"number": number, "kind": _kind(item), **_record(span.own, counting, first)}
        fields |= {"dissolve_in": len(span.rising), "dissolve_out": len(span.falling)}
        if isinstance(item, Clip):
            one = facts[item.media.path]
            fields |= _clip(item, timeline.rate, one) | {"reel": names[item.media.path]}
            fields["shot"] = shots[number - 1]
        items.append(fields)
    dissolves = [
        {"after": t.after + 1, "kind": t.kind, "before_border": t.before_border}
        | {"past_border": t.past_border, **_record(span.falling, counting, first)}
        for t in track.transitions
        for span in (spans[t.after],)
    ]
    return {
        "name": track.name,
        "region": track.region,
        "items": items,
        "transitions": dissolves,
    }


def _fields(value: Any) -> dict[str, Any]:
    """Return fields of metadata, which anyone may have changed; nothing where there are none."""
    return dict(value) if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _kind(item: Item) -> str:
    if isinstance(item, Clip):
        return "clip"
    return "black" if isinstance(item, Gap) else type(item).__name__.lower()


def _record(frames: FrameRange, counting: Counting, first: int) -> dict[str, Any]:
    return {
        "record_in_frame": frames.first,
        "record_out_frame": frames.end,
        "record_in": counting.label(first + frames.first),
        "record_out": counting.label(first + frames.end),
        "frames": len(frames),
    }


def _clip(clip: Clip, rate: Fraction, one: Facts) -> dict[str, Any]:
    """Return a clip as data, without its place.

    A held picture's out is its in: no media time passes.
    """
    end = clip.start + clip.duration * clip.speed / rate
    if clip.speed < 0:  # its out is where its last frame begins
        end -= clip.speed / rate
    about = ShotMemory.of(clip)
    return {
        "name": name_of(clip),
        **_media(clip.media),
        "source_in_exact": str(clip.start),
        "source_out_exact": str(end),
        "source_in_seconds": round(float(clip.start), 6),
        "source_out_seconds": round(float(end), 6),
        "source_in": one.label(clip.start),
        "source_out": one.label(end),
        "speed": str(clip.speed),
        "mirrored": clip.mirrored,
        "gain": clip.gain,
        "caption": clip.caption,
        "usable": _range(clip.usable),
        "focus": None if clip.focus is None else [*clip.focus],
        "shot": None,
        "score": about.score,
        "facets": dict(about.facets),
        "slate": _slate(clip),
        "candidates": [one.written() for one in about.offers or ()],
    }


def _slate(clip: Clip) -> dict[str, Any]:
    """Return who made the footage, as the project says it.

    Its title is in most projects the caption.
    """
    known = known_slate(clip, clip.media.checksum) or Slate(title=clip.caption)
    return {name: getattr(known, name) for name in _SLATE}


def _media(media: Media) -> dict[str, Any]:
    bars = media.bars
    return {
        "file": media.path.name,
        "path": str(media.path),
        "checksum": media.checksum,
        "bars": [bars.left, bars.top, bars.right, bars.bottom],
        "available": _range(media.available),
    }


def _sound(timeline: Timeline) -> dict[str, Any] | None:
    if isinstance(timeline.sound, ClipSound):
        return {"clips": True, "level": timeline.sound.level, "fade": str(timeline.sound.fade)}
    sound = timeline.under
    if sound is None:
        return None
    length = None if sound.duration is None else str(sound.duration)
    return {**_media(sound.media), "start_exact": str(sound.start), "duration_exact": length} | (
        {"fade_out": str(sound.fade_out)} if sound.fade_out else {}
    )


def _file(one: Facts) -> dict[str, Any]:
    audio = one.audio
    sound = None if audio is None else {"rate": audio.rate, "channels": audio.channels}
    return {
        "path": str(one.path),
        "found": one.found,
        "timecode": one.timecode,
        "rate": str(one.rate),
        "size": one.size,
        "sound": sound,
    }


def _range(span: TimeRange | None) -> list[str] | None:
    return None if span is None else [str(span.start), str(span.end)]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def _plain(value: Any) -> Any:
    """Return what JSON does not know as data or text."""
    return dict(value) if isinstance(value, Mapping) else str(value)
