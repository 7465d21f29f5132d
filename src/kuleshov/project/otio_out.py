"""Turn a `Timeline` into OpenTimelineIO objects; see `project.file`.

`opentimelineio` has no types, so its objects are `Any` here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kuleshov.project.memory import FORMAT, KEY
from kuleshov.project.otio_cards import card_clip
from kuleshov.timecode import TimeRange
from kuleshov.timeline import (
    Card,
    Clip,
    ClipSound,
    Gap,
    Item,
    Layout,
    Media,
    Sound,
    Timeline,
    Track,
)

__all__ = ["FORMAT", "KEEPSAKES", "KEY", "MIRROR", "media_url", "name_of", "timeline_to"]

KEEPSAKES = "otio"
"""The key, in our metadata, of parts of a file that have no place in a `Timeline`."""

MIRROR = "Mirror"
"""Name of the effect on a mirrored clip."""


OtioItems = dict[int, tuple[Item, Any]]
"""Items as they are in OTIO, by their identity: what is written again and again is turned once."""

_ITEMS = 4096  # that are kept


def timeline_to(timeline: Timeline, folder: Path, known: OtioItems | None = None) -> Any:
    """Return the OTIO timeline for a project file in `folder`.

    `known` keeps its items for the next timeline of the same project.
    """
    import opentimelineio as otio

    kept, metadata = _packed(timeline.metadata, "timeline", _timeline_fields(timeline))
    result = otio.schema.Timeline(timeline.name, metadata=metadata)
    result.tracks.metadata.update(kept.get("stack", {}))
    for text in kept.get("stack_markers", ()):
        result.tracks.markers.append(_revived(text))
    tracks = kept.get("tracks", [])
    for index, track in enumerate(timeline.tracks):
        about = tracks[index] if index < len(tracks) else {}
        result.tracks.append(_track(track, timeline.rate, folder, about, known))
    if isinstance(timeline.sound, ClipSound):
        result.tracks.append(_clips_sound(timeline.sound, timeline, folder))
    elif timeline.sound is not None:
        result.tracks.append(_sound(timeline.sound, timeline, folder))
    for text in kept.get("other_tracks", ()):
        result.tracks.append(_revived(text))
    return result


def name_of(clip: Clip) -> str:
    """Return the name that a clip has in other programs."""
    return clip.caption or clip.media.path.stem


def media_url(path: Path, folder: Path) -> str:
    """Return a path relative to the project's folder for media below it, or else a file URL."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (links are kept as they are)
    if absolute.is_relative_to(folder):
        return quote(absolute.relative_to(folder).as_posix())
    return absolute.as_uri()


def _timeline_fields(timeline: Timeline) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "rate": str(timeline.rate),
        "layout": _layout(timeline.layout),
    }


def _layout(layout: Layout) -> dict[str, Any]:
    regions = [
        {
            "name": r.name,
            "x": r.x,
            "y": r.y,
            "width": r.width,
            "height": r.height,
            "fit": r.fit,
        }
        for r in layout.regions
    ]
    return {"width": layout.width, "height": layout.height, "regions": regions}


def _track(
    track: Track,
    rate: Fraction,
    folder: Path,
    about: Mapping[str, Any],
    known: OtioItems | None,
) -> Any:
    import opentimelineio as otio

    metadata = {**about.get("metadata", {}), KEY: {"track": {"region": track.region}}}
    result = otio.schema.Track(track.name, kind=otio.schema.TrackKind.Video, metadata=metadata)
    for text in about.get("markers", ()):
        result.markers.append(_revived(text))
    if known is not None and len(known) > _ITEMS:
        known.clear()
    kept = about.get("transitions", {})
    after = {transition.after: transition for transition in track.transitions}
    for index, item in enumerate(track.items):
        result.append(_item_known(item, rate, folder, known))
        if (border := after.get(index)) is not None:
            told = kept.get(str(index), {})
            result.append(
                otio.schema.Transition(
                    name=told.get("name", "Dissolve"),
                    transition_type=otio.schema.TransitionTypes.SMPTE_Dissolve,
                    in_offset=_time(Fraction(border.before_border), rate),
                    out_offset=_time(Fraction(border.past_border), rate),
                    metadata=told.get("metadata", {}),
                )
            )
    return result


def _item_known(item: Item, rate: Fraction, folder: Path, known: OtioItems | None) -> Any:
    """Return an item, where it is known as a copy of that, which takes a fifth of the time."""
    if known is None:
        return _item(item, rate, folder)
    found = known.get(id(item))
    if found is None or found[0] is not item:
        found = known[id(item)] = (item, _item(item, rate, folder))
    return found[1].clone()


def _item(item: Item, rate: Fraction, folder: Path) -> Any:
    import opentimelineio as otio

    if not isinstance(item, Clip) and (instead := _instead(item, rate)) is not None:
        return instead
    if isinstance(item, Gap):
        kept, metadata = _packed(item.metadata, "gap", {})
        span = otio.opentime.TimeRange(_time(Fraction(0), rate), _time(item.duration, rate))
        result = otio.schema.Gap(source_range=span, metadata=metadata)
    elif isinstance(item, Card):
        kept, metadata = _packed(item.metadata, "card", {})
        span = otio.opentime.TimeRange(_time(Fraction(0), rate), _time(item.duration, rate))
        result = card_clip(item.text, span, metadata)
    else:
        kept, metadata = _packed(item.metadata, "clip", _clip_fields(item, folder))
        result = otio.schema.Clip(
            name=name_of(item),
            media_reference=_reference(item.media, rate, folder, kept.get("media", {})),
            source_range=_source_range(item, rate),
            metadata=metadata,
        )
        for effect in _effects(item):
            result.effects.append(effect)
    for text in kept.get("effects", ()):
        result.effects.append(_revived(text))
    for text in kept.get("markers", ()):
        result.markers.append(_revived(text))
    return result


def _instead(item: Gap | Card, rate: Fraction) -> Any:
    """Return the clip of another program's generator for which an item stands; else None."""
    import opentimelineio as otio

    fields = item.metadata.get(KEY, {}).get(KEEPSAKES, {}).get("instead")
    if not fields:
        return None
    clip = _revived(fields)
    start = clip.trimmed_range().start_time
    clip.source_range = otio.opentime.TimeRange(start, _time(item.duration, rate))
    return clip


def _clip_fields(clip: Clip, folder: Path) -> dict[str, Any]:
    return {
        "start": str(clip.start),
        "speed": str(clip.speed),
        "mirrored": clip.mirrored,
        "gain": float(clip.gain),
        "caption": clip.caption,
        "usable": _range(clip.usable),
        "focus": None if clip.focus is None else [float(part) for part in clip.focus],
        "media": _media_fields(clip.media, folder),
    }


def _media_fields(media: Media, folder: Path) -> dict[str, Any]:
    bars = media.bars
    return {
        "path": str(media.path),
        "absolute": os.path.abspath(media.path),  # noqa: PTH100 (links are kept as they are)
        "url": media_url(media.path, folder),
        "checksum": media.checksum,
        "bars": [bars.left, bars.top, bars.right, bars.bottom],
        "available": _range(media.available),
    }


def _effects(clip: Clip) -> list[Any]:
    import opentimelineio as otio

    effects = []
    if clip.speed == 0:
        effects.append(otio.schema.FreezeFrame())
    elif clip.speed != 1:
        effects.append(otio.schema.LinearTimeWarp(time_scalar=float(clip.speed)))
    if clip.mirrored:
        effects.append(otio.schema.Effect(MIRROR, "Flop", metadata={KEY: {"mirrored": True}}))
    return effects


def _reference(media: Media, rate: Fraction, folder: Path, metadata: Mapping[str, Any]) -> Any:
    import opentimelineio as otio

    available = None
    if media.available is not None:
        available = otio.opentime.TimeRange(
            _time(media.available.start * rate, rate), _time(media.available.duration * rate, rate)
        )
    return otio.schema.ExternalReference(
        target_url=media_url(media.path, folder),
        available_range=available,
        metadata=dict(metadata),
    )


def _sound(sound: Sound, timeline: Timeline, folder: Path) -> Any:
    import opentimelineio as otio

    rate = timeline.rate
    frames = max(1, timeline.duration - _cards_at_the_end(timeline))  # they have no sound
    fields = {
        "start": str(sound.start),
        "duration": None if sound.duration is None else str(sound.duration),
        "frames": frames,
        "fade_out": str(sound.fade_out),
        "media": _media_fields(sound.media, folder),
    }
    length = Fraction(frames) if sound.duration is None else sound.duration * rate
    clip = otio.schema.Clip(
        name=sound.media.path.stem,
        media_reference=_reference(sound.media, rate, folder, {}),
        source_range=otio.opentime.TimeRange(_time(sound.start * rate, rate), _time(length, rate)),
        metadata={KEY: {"sound": fields}},
    )
    return otio.schema.Track("sound", [clip], kind=otio.schema.TrackKind.Audio)


def _clips_sound(sound: ClipSound, timeline: Timeline, folder: Path) -> Any:
    """Return the sound of the film's clips as a track of its own, as editing programs want it.

    On reading, the clips of the film decide; of this track only how they are heard is read.
    """
    import opentimelineio as otio

    rate = timeline.rate
    how = {"level": None if sound.level is None else str(sound.level), "fade": str(sound.fade)}
    result = otio.schema.Track(
        "sound", kind=otio.schema.TrackKind.Audio, metadata={KEY: {"clips_sound": how}}
    )
    for item in timeline.recut.items:
        if not isinstance(item, Clip) or not item.speed:
            span = otio.opentime.TimeRange(_time(Fraction(0), rate), _time(item.duration, rate))
            result.append(otio.schema.Gap(source_range=span))
            continue
        span = _source_range(item, rate)
        fields = {**how, "media": _media_fields(item.media, folder)}
        clip = otio.schema.Clip(
            name=name_of(item),
            media_reference=_reference(item.media, rate, folder, {}),
            source_range=span,
            metadata={KEY: {"heard": fields}},
        )
        if item.speed != 1:
            clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(item.speed)))
        result.append(clip)
    return result


def _source_range(clip: Clip, rate: Fraction) -> Any:
    """Return the range of a clip, from the earliest media time that it shows.

    It is as long as the clip: what runs backwards ends there, as OpenTimelineIO has it.
    """
    import opentimelineio as otio

    first = clip.shown(rate).start if clip.speed < 0 else clip.start
    return otio.opentime.TimeRange(_time(first * rate, rate), _time(clip.duration, rate))


def _cards_at_the_end(timeline: Timeline) -> int:
    """Return how many frames the cards last that no clip of any track comes after or beside."""
    lengths = []
    for track in timeline.tracks:
        length = 0
        for item in reversed(track.items):
            if isinstance(item, Clip):
                break
            length += item.duration
        lengths.append(length)
    cards = any(isinstance(track.items[-1], Card) for track in timeline.tracks)
    return min(lengths) if cards else 0


def _packed(
    metadata: Mapping[str, Any], name: str, fields: dict[str, Any]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return keepsakes, and metadata with our fields put in and the keepsakes taken out."""
    ours = dict(metadata.get(KEY, {}))
    kept = ours.pop(KEEPSAKES, {})
    # Marks what was there, so that reading gives back the same: nothing, or an empty mapping.
    if KEY in metadata and not ours and not kept:
        fields = {**fields, "bare": True}
    rest = {key: value for key, value in metadata.items() if key != KEY}
    return kept, {**_plain(rest), KEY: {**_plain(ours), name: fields}}


def _plain(value: Any) -> Any:
    """Return mappings and sequences as OTIO takes them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _range(span: TimeRange | None) -> list[str] | None:
    return None if span is None else [str(span.start), str(span.end)]


def _time(frames: Fraction | int, rate: Fraction) -> Any:
    import opentimelineio as otio

    return otio.opentime.RationalTime(float(frames), float(rate))


def _revived(fields: Any) -> Any:
    """Return an OTIO object again, from the plain data that it was kept as."""
    import opentimelineio as otio

    return otio.core.deserialize_json_from_string(json.dumps(_plain(fields)))
