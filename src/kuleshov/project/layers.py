"""Merge tracks that an editing program laid above or below the film, before it is read.

`opentimelineio` has no types, so its objects are `Any` here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kuleshov.project.memory import KEY
from kuleshov.project.otio_metadata import plain

__all__ = ["flattened", "how_clips_sound", "trimmed_tracks"]

_LOG = logging.getLogger(__name__)


def flattened(stack: Iterable[Any], path: Path) -> list[Any]:
    """Return the tracks of a stack, with those of pictures that show the film merged into one.

    The uppermost clip is seen, a gap shows what lies below, and a track or clip that was switched
    off shows nothing.

    The source's track stays apart. In a project of ours all tracks that are not ours belong to the
    film; elsewhere all but the source's do. What cannot be merged (a clip that ends inside a
    dissolve below it) is left out with a warning. `path` is the file's, for warnings.
    """
    import opentimelineio as otio

    tracks = [t for t in stack if not isinstance(t, otio.schema.Track) or t.enabled]
    tracks = [_heard(track, path) for track in tracks]
    video = [t for t in tracks if getattr(t, "kind", "") == otio.schema.TrackKind.Video and len(t)]
    known = [track for track in video if KEY in track.metadata]
    films = [track for track in known if track.name == "recut"] or known[-1:]
    base_of = films[:1]
    group = [t for t in video if _among(t, base_of) or (KEY not in t.metadata and _no_source(t))]
    if len(group) < 2:
        return tracks
    base = base_of[0] if base_of else group[0]
    try:
        merged = otio.algorithms.flatten_stack([_seen(track) for track in group])
    except (ValueError, RuntimeError, otio.exceptions.OTIOError) as error:
        _LOG.warning("%s: tracks above the film are left out (%s)", path, error)
        merged = base.clone()
    merged.name = base.name
    merged.metadata.update(base.metadata)
    result = []
    for track in tracks:
        if track is base:
            result.append(merged)
        elif not _among(track, group):
            result.append(track)
    return result


def trimmed_tracks(stack: Any, path: Path) -> list[Any]:
    """Return the tracks of a stack, each cut to its own `source_range` and then to the stack's.

    A transition that a cut goes through is left out with a warning.
    """
    import opentimelineio as otio

    tracks = []
    for found in stack:
        track = found
        if isinstance(track, otio.schema.Track):
            for span in (track.source_range, stack.source_range):
                if span is not None:
                    track = _cut(track, span, path)
        tracks.append(track)
    return tracks


def _cut(track: Any, span: Any, path: Path) -> Any:
    """Return a copy of a track that shows only a range of it, in the track's own time."""
    import opentimelineio as otio

    result = track.clone()
    result.source_range = None
    del result[:]
    now = otio.opentime.RationalTime(0, span.start_time.rate)
    first, last = span.start_time, span.end_time_exclusive()
    for child in track:
        if isinstance(child, otio.schema.Transition):
            if first <= now - child.in_offset and now + child.out_offset <= last:
                result.append(child.clone())
            elif first < now + child.out_offset and now - child.in_offset < last:
                _LOG.warning("%s: a transition that is cut through is left out", path)
            continue
        begin, now = now, now + child.trimmed_range().duration
        head, tail = first - begin, now - last
        if now <= first or last <= begin:
            continue
        copy = child.clone()
        if head.value > 0 or tail.value > 0:
            none = otio.opentime.RationalTime(0, span.start_time.rate)
            copy.source_range = _less(child, max(head, none), max(tail, none))
        result.append(copy)
    while len(result) and isinstance(result[0], otio.schema.Transition):
        del result[0]
    return result


def _less(child: Any, head: Any, tail: Any) -> Any:
    """Return the range of an item without `head` and `tail`, which count in the track's time.

    A clip at another speed has passed more of its media by then; one that runs backwards begins at
    the end of its range.
    """
    import opentimelineio as otio

    whole = child.trimmed_range()
    speed = 1.0
    for effect in child.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):  # a freeze frame is one of speed 0
            speed = effect.time_scalar
    passed = head if speed >= 0 else tail
    moved = otio.opentime.RationalTime(passed.value * abs(speed), passed.rate)
    return otio.opentime.TimeRange(whole.start_time + moved, whole.duration - head - tail)


def _heard(track: Any, path: Path) -> Any:
    """Return a track of sound without black at its end.

    A track of several pieces is not the sound of a film: a warning says that it is not heard.
    """
    import opentimelineio as otio

    if getattr(track, "kind", "") != otio.schema.TrackKind.Audio or how_clips_sound(track):
        return track
    clips = [child for child in track if isinstance(child, otio.schema.Clip)]
    if len(clips) == 1 and track[0] is clips[0] and len(track) > 1:
        track = track.clone()
        del track[1:]
    elif clips and len(track) > 1:
        _LOG.warning(
            "%s: sound track %r is in pieces or begins late and is not heard; lay one whole sound "
            "under the film",
            path,
            track.name,
        )
    return track


def how_clips_sound(track: Any) -> Any:
    """Return how the film's clips are heard, where this is the track of their own sound; else None.

    A program that drops what it does not know of the track may keep it of the clips.
    """
    for thing, name in ((track, "clips_sound"), *((child, "heard") for child in track)):
        ours = plain(getattr(thing, "metadata", {}).get(KEY, {}))
        if name in ours:
            return ours[name]
    return None


def _among(track: Any, tracks: list[Any]) -> bool:
    return any(track is one for one in tracks)  # equality would compare what is in them


def _no_source(track: Any) -> bool:
    return bool(track.name.lower() != "source")


def _seen(track: Any) -> Any:
    """Return a copy of a track in which clips that were switched off are gaps."""
    import opentimelineio as otio

    copy = track.clone()
    for place, child in enumerate(copy):
        if isinstance(child, otio.schema.Clip) and not child.enabled:
            copy[place] = otio.schema.Gap(duration=child.duration())
    return copy
