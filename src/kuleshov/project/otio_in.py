"""Turn OpenTimelineIO objects into a `Timeline`; see `project.file`.

`opentimelineio` has no types, so its objects are `Any` here.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from kuleshov.errors import ProjectError, TimelineError
from kuleshov.footage import Bars
from kuleshov.media.facts import picture_size
from kuleshov.media.guard import asked
from kuleshov.project.generators import is_black, not_of_a_file
from kuleshov.project.layers import flattened, how_clips_sound, trimmed_tracks
from kuleshov.project.memory import KEY, check_format
from kuleshov.project.otio_cards import card_text
from kuleshov.project.otio_metadata import as_text, plain
from kuleshov.project.otio_out import KEEPSAKES, MIRROR, name_of
from kuleshov.project.reattach import refreshed
from kuleshov.timecode import TimeRange, exact_rate
from kuleshov.timeline import (
    Card,
    Clip,
    ClipSound,
    Dissolve,
    Fit,
    Gap,
    Item,
    Layout,
    Media,
    Region,
    Sound,
    Timeline,
    Track,
)

__all__ = ["parsed", "timeline_from"]

_LOG = logging.getLogger(__name__)
_LATEST = 10**9  # s; later than any film's time, and what containers can count to
_LOUDEST = 1000  # as a factor
_ASKED = 8  # files, for their size
_DISSOLVES = ("SMPTE_Dissolve", "")
UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(RuntimeError, NotImplementedError),
)
"""The errors that reading something damaged raises in Python and OpenTimelineIO, but its own."""


def parsed(text: str) -> Any:
    """Return the OTIO object of a file's text. Raises `ValueError` where there is none.

    Metadata are in it as `otio_metadata` carries them.
    """
    import opentimelineio as otio

    try:
        safe = json.dumps(as_text(json.loads(text)))
        return otio.core.deserialize_json_from_string(safe)
    except (*UNREADABLE, otio.exceptions.OTIOError) as error:
        raise ValueError(str(error)) from error


def timeline_from(found: Any, path: Path) -> Timeline:
    """Return the timeline of a project file at `path`. Raises `ProjectError`."""
    import opentimelineio as otio

    reading = _Reading(found, path)
    try:
        return reading.timeline()
    except TimelineError as error:
        raise ProjectError(f"{path} cannot be shown: {error}") from error
    except (*UNREADABLE, otio.exceptions.OTIOError) as error:
        where = f" at {reading.at}" if reading.at else ""
        raise ProjectError(
            f"{path} is damaged{where}: a value is missing there, or is not what it should be "
            f"({error!r}). Take an older copy of it."
        ) from error


class _Reading:
    """One pass of reading an OTIO timeline."""

    def __init__(self, found: Any, path: Path) -> None:
        self.found, self.path = found, path
        self.folder = path.absolute().parent
        self.at = ""  # the part that is being read, for errors
        self.metadata: dict[str, Any] = {}
        self.fields: dict[str, Any] = {}
        self.rate = Fraction(25)
        self._others: set[str] = set()  # what other programs put in that is not shown

    def timeline(self) -> Timeline:
        import opentimelineio as otio

        if self.found.tracks is None:
            raise ProjectError(f"{self.path} has no pictures in it.")
        self.metadata, self.fields = _unpacked(self.found.metadata, "timeline")
        check_format(self.fields.get("format"), self.path)
        self.rate = self._rate()
        tracks: list[Track] = []
        kept_tracks, others = [], []
        sound: Sound | ClipSound | None = None
        for track in flattened(trimmed_tracks(self.found.tracks, self.path), self.path):
            self.at = f"track {track.name!r}"
            if not isinstance(track, otio.schema.Track):
                raise ProjectError(f"{self.path} stacks more than tracks; flatten it first.")
            if track.kind == otio.schema.TrackKind.Video:
                if len(track):
                    read, kept = self._track(track)
                    tracks.append(read)
                    kept_tracks.append(kept)
            elif sound is None and (heard := self._sound(track)) is not None:
                sound = heard
            else:
                if sound is not None and len(track):
                    _LOG.warning("%s: sound track %r is not heard", self.path, track.name)
                others.append(_kept(track))
        if not tracks:
            raise ProjectError(f"{self.path} has no pictures in it.")
        self.at = "the layout"
        layout = self._layout(tracks)
        self.at = ""
        if self._others:
            _LOG.warning(
                "%s: not shown as there, for Kuleshov does not know it: %s (a transition is shown "
                "as a dissolve)",
                self.path,
                ", ".join(sorted(self._others)),
            )
        keepsakes = {
            "stack": plain(self.found.tracks.metadata),
            "stack_markers": [_kept(marker) for marker in self.found.tracks.markers],
            "tracks": kept_tracks if any(kept_tracks) else [],
            "other_tracks": others,
        }
        return Timeline(
            name=self.found.name,
            rate=self.rate,
            layout=layout,
            tracks=self._same_length(tracks, layout),
            sound=sound,
            metadata=_with_keepsakes(self.metadata, keepsakes),
        )

    def _rate(self) -> Fraction:
        if "rate" in self.fields:
            return _fraction(self.fields["rate"])
        for track in self.found.tracks:
            for child in track if isinstance(track, Iterable) else ():
                span = getattr(child, "source_range", None)
                if span is not None and span.duration.rate > 0:
                    return _exact_rate(span.duration.rate)
        return Fraction(25)

    def _layout(self, tracks: list[Track]) -> Layout:
        known = self.fields.get("layout")
        if known is not None:
            regions = tuple(_region(region) for region in known["regions"])
            return Layout(_whole(known["width"]), _whole(known["height"]), regions)
        if {"source", "main"} <= {track.region for track in tracks}:
            return Layout.side_by_side(*self._guessed_size(tracks, (640, 360)))
        return Layout.single(*self._guessed_size(tracks, (1280, 720)))

    def _guessed_size(self, tracks: list[Track], default: tuple[int, int]) -> tuple[int, int]:
        """Return a film's size where its project does not say it, and warn where it is taken from.

        It is the source's, or else that of the first clip that can be asked, or else the default.
        """
        ordered = sorted(tracks, key=lambda track: track.region != "source")
        clips = (item for track in ordered for item in track.items if isinstance(item, Clip))
        files = dict.fromkeys(clip.media.path for clip in clips)
        size, whence = default, "for want of a file that could be asked"
        for path in islice(files, _ASKED):
            found = asked(picture_size, [path])[path]
            if isinstance(found, tuple):
                size, whence = found, f"as {path.name} has"
                break
        lost = "" if _has_ours(self.found) or not _looks_like_ours(tracks) else (
            " What else Kuleshov had noted in it (black bars, crops, levels) is gone too: "
            "the project as it was before has it."
        )  # fmt: skip
        _LOG.warning(
            "%s does not say how large its picture is: %dx%d, %s; another size may be set.%s",
            self.path,
            *size,
            whence,
            lost,
            extra={"code": "size-guessed-and-more-lost" if lost else "size-guessed"},
        )
        return size

    def _same_length(self, tracks: list[Track], layout: Layout) -> tuple[Track, ...]:
        """Return tracks of one length, in regions that exist.

        Tracks that an editor made unequal end in black; unknown regions become known ones.
        """
        longest = max(track.duration for track in tracks)
        names = [region.name for region in layout.regions]
        result = []
        for track in tracks:
            missing = longest - track.duration
            items = (*track.items, Gap(missing)) if missing else track.items
            region = track.region if track.region in names else names[-1]
            result.append(replace(track, items=items, region=region))
        return tuple(result)

    def _track(self, found: Any) -> tuple[Track, dict[str, Any]]:
        import opentimelineio as otio

        metadata, fields = _unpacked(found.metadata, "track")
        items: list[Item] = []
        transitions: list[Dissolve] = []
        kept_transitions: dict[str, Any] = {}
        children = list(found)
        for place, child in enumerate(children):
            self.at = f"item {place + 1} of track {found.name!r}"
            if isinstance(child, otio.schema.Transition):
                if not items or place + 1 == len(children):
                    _LOG.warning("%s: a fade at the end of a track is left out", self.path)
                    continue
                transitions.append(self._transition(child, len(items) - 1))
                if child.transition_type not in _DISSOLVES:
                    self._others.add(f"transition {child.transition_type or child.name!r}")
                about = {"name": child.name, "metadata": plain(child.metadata)}
                if about != {"name": "Dissolve", "metadata": {}}:
                    kept_transitions[str(len(items) - 1)] = about
            elif (
                isinstance(child, otio.schema.Gap)
                or card_text(child) is not None
                or not child.enabled
            ):
                items.append(self._gap(child))
            elif isinstance(child, otio.schema.Clip) and (made := not_of_a_file(child)):
                items.append(self._instead(child, made))
            elif isinstance(child, otio.schema.Clip):
                items.append(self._clip(child))
            else:
                kind = type(child).__name__
                raise ProjectError(f"{self.path} has a {kind} inside a track; flatten it first.")
        region = fields.get("region", "source" if found.name == "source" else "main")
        track = self._allowed(Track(found.name, tuple(items), tuple(transitions), region))
        kept = {
            "metadata": metadata,
            "markers": [_kept(marker) for marker in found.markers],
            "transitions": kept_transitions,
        }
        return track, {key: value for key, value in kept.items() if value}

    def _instead(self, found: Any, made: str) -> Gap | Card:
        """Return black, or a card with its name, for a clip whose pictures are in no file."""
        metadata, _ = _unpacked(found.metadata, "clip")
        duration = self._frames(found.trimmed_range().duration)
        kept = _with_keepsakes(metadata, {"instead": _kept(found)})
        if is_black(found.media_reference):
            return Gap(duration, kept)
        _LOG.warning("%s: %s; a card with its name stands for it", self.path, made)
        return Card(duration, made, kept)

    def _allowed(self, track: Track) -> Track:
        """Return a track without limits that an editor has gone beyond: what is visible wins."""
        items = list(track.items)
        for span in track.spans():
            item, shown = items[span.item], track.media_range(span, self.rate)
            if not isinstance(item, Clip) or shown is None:
                continue
            if max(abs(shown.start), abs(shown.end)) > _LATEST:
                raise ProjectError(
                    f"{self.path}: clip {name_of(item)!r} shows a time that no file has."
                )
            if item.usable is not None and not item.usable.contains(shown):
                # A focus is true of the shot, also of what lies a little beyond its core.
                focus = item.focus if item.usable.overlaps(shown) else None
                item = replace(item, usable=None, focus=focus)
            available = item.media.available
            if available is not None and not available.contains(shown):
                item = replace(item, media=replace(item.media, available=None))
            items[span.item] = item
        return replace(track, items=tuple(items))

    def _transition(self, found: Any, after: int) -> Dissolve:
        return Dissolve(after, self._frames(found.in_offset), self._frames(found.out_offset))

    def _gap(self, found: Any) -> Gap | Card:
        text = card_text(found) if found.enabled else None
        metadata, _ = _unpacked(found.metadata, "gap" if text is None else "card")
        keepsakes = {
            "effects": [_kept(effect) for effect in found.effects],
            "markers": [_kept(marker) for marker in found.markers],
        }
        duration = self._frames(found.trimmed_range().duration)
        kept = _with_keepsakes(metadata, keepsakes)
        return Gap(duration, kept) if text is None else Card(duration, text, kept)

    def _clip(self, found: Any) -> Clip:
        metadata, fields = _unpacked(found.metadata, "clip")
        media, ours = self._media(found, fields.get("media"))
        speed, mirrored, effects = _effects(found, fields)
        start, duration = self._placed(found, fields, ours, speed)
        self._others |= {f"effect {e.get('effect_name') or e.get('name')!r}" for e in effects}
        usable = fields.get("usable") if ours else None
        clip = Clip(
            media=media,
            start=start,
            duration=duration,
            speed=speed,
            mirrored=mirrored,
            gain=_gain(fields.get("gain", 1.0)),
            caption=_words(fields.get("caption", "")),
            usable=_range(usable),
            focus=_focus(fields.get("focus")) if ours else None,
        )
        if found.name and found.name != name_of(clip):
            clip = replace(clip, caption=found.name)
        reference = found.media_reference
        keepsakes = {
            "effects": effects,
            "markers": [_kept(marker) for marker in found.markers],
            "media": {} if reference is None else plain(reference.metadata),
        }
        clip = replace(clip, metadata=_with_keepsakes(metadata, keepsakes))
        return clip if ours else refreshed(clip, self.rate)

    def _placed(
        self, found: Any, fields: Any, ours: bool, speed: Fraction = Fraction(1)
    ) -> tuple[Fraction, int]:
        """Return the start in media time and the duration in frames."""
        span = found.source_range
        if span is None:
            span = None if found.media_reference is None else found.media_reference.available_range
        if span is None:
            raise ProjectError(f"{self.path}: clip {found.name!r} does not say what it shows.")
        first = getattr(found.media_reference, "available_range", None)
        origin = Fraction(0) if first is None else _seconds(first.start_time)
        start, exact, half = _seconds(span.start_time), fields.get("start"), 1 / (2 * self.rate)
        if ours and (written := fields["media"].get("available")) is not None:
            origin -= Fraction(written[0])
        if not ours or abs(origin) >= half:
            start -= origin  # other programs count from the file's timecode
        if speed < 0:  # the range is played from its end: the first frame is its last one
            start += (self._frames(span.duration) - 1) * -speed / self.rate
        # Programs that round to whole frames have not moved the clip.
        if ours and exact is not None and abs(start - Fraction(exact)) < half:
            start = Fraction(exact)
        return start, self._frames(span.duration)

    def _media(self, found: Any, known: Mapping[str, Any] | None) -> tuple[Media, bool]:
        """Return the media of a clip, and whether they are still those that we wrote."""
        reference = found.media_reference
        if not_of_a_file(found):
            raise ProjectError(f"{self.path}: the media of clip {found.name!r} is not a file.")
        url = getattr(reference, "target_url", None) or ""
        if known is not None and url in ("", known["url"]):
            return self._known_media(known), True
        if not url:
            raise ProjectError(f"{self.path}: clip {found.name!r} has no media.")
        path = self._path_of(url)
        if known is not None and path == Path(known["absolute"]):
            return self._known_media(known), True  # the same file, written in another way
        span, available = reference.available_range, None
        if span is not None:
            available = TimeRange(Fraction(0), _seconds(span.duration))
        return Media(path, available=available), False

    def _known_media(self, known: Mapping[str, Any]) -> Media:
        absolute, given = Path(known["absolute"]), Path(known["path"])
        path = absolute
        if not urlsplit(known["url"]).scheme:
            beside = self.folder / unquote(known["url"])
            if beside.exists() or not absolute.exists():
                path = beside
        if os.path.abspath(given) == str(path):  # noqa: PTH100 (links are kept as they are)
            path = given
        return Media(
            path=path,
            checksum=_words(known.get("checksum", "")),
            bars=Bars(*map(_whole, known.get("bars", ()))),
            available=_range(known.get("available")),
        )

    def _path_of(self, url: str) -> Path:
        if url.startswith("file:"):
            parts = urlsplit(url)
            host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
            return Path(host + url2pathname(parts.path))
        literal = self.folder / url  # joining keeps an absolute path as it is
        return literal if literal.exists() else self.folder / unquote(url)

    def _sound(self, track: Any) -> Sound | ClipSound | None:
        """Return the sound of a track, or None.

        A track that holds one clip from its beginning gives that sound; the track of the film's
        clips gives theirs.
        """
        import opentimelineio as otio

        if (how := how_clips_sound(track)) is not None:
            level = how.get("level")
            return ClipSound(None if level is None else float(level), Fraction(how["fade"]))
        children = list(track)
        if len(children) != 1 or not isinstance(children[0], otio.schema.Clip):
            return None
        found = children[0]
        if made := not_of_a_file(found):
            _LOG.warning("%s: %s, which is not heard", self.path, made)
            return None
        _, fields = _unpacked(found.metadata, "sound")
        media, ours = self._media(found, fields.get("media"))
        start, _ = self._placed(found, fields, ours)
        span = found.source_range
        length = None if span is None else _seconds(span.duration)
        if not fields or length is None:
            return Sound(media, start, length)
        exact, fade = fields["duration"], Fraction(fields.get("fade_out", 0))
        if exact is not None and abs(Fraction(exact) - length) < Fraction(1, 2) / self.rate:
            return Sound(media, start, Fraction(exact), fade)
        # Sound without an end was written as long as the picture was then.
        if exact is None and self._frames(span.duration) == fields.get("frames"):
            return Sound(media, start)
        return Sound(media, start, length, fade)

    def _frames(self, time: Any) -> int:
        return round(_seconds(time) * self.rate)


def _effects(found: Any, fields: Mapping[str, Any]) -> tuple[Fraction, bool, list[Any]]:
    """Return the speed, whether it is mirrored, and the effects of other programs."""
    import opentimelineio as otio

    speed, mirrored, others = Fraction(1), False, []
    for effect in found.effects:
        if isinstance(effect, otio.schema.FreezeFrame):
            speed = Fraction(0)
        elif isinstance(effect, otio.schema.LinearTimeWarp):
            known = _fraction(fields.get("speed", 1))
            near = abs(float(known) - effect.time_scalar) < 1e-6
            speed = known if near else Fraction(effect.time_scalar).limit_denominator(1000)
        elif effect.name == MIRROR:
            mirrored = True
        else:
            others.append(_kept(effect))
    return speed, mirrored, others


def _unpacked(metadata: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return metadata without our fields, and the fields; empty where they are gone."""
    rest = plain(metadata)
    ours = rest.pop(KEY, None)
    if not isinstance(ours, dict):
        return rest, {}
    fields = ours.pop(name, {})
    if not isinstance(fields, dict):
        fields = {}
    if ours or fields.get("bare"):
        rest[KEY] = ours
    return rest, fields


def _with_keepsakes(metadata: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in kept.items() if value}
    if not kept:
        return metadata
    return {**metadata, KEY: {**metadata.get(KEY, {}), KEEPSAKES: kept}}


def _kept(thing: Any) -> Any:
    """Return an OTIO object as plain data."""
    return plain(json.loads(thing.to_json_string()))


def _range(pair: list[str] | None) -> TimeRange | None:
    if pair is None:
        return None
    start, end = pair
    return TimeRange(_fraction(start), _fraction(end))


def _focus(pair: list[float] | None) -> tuple[float, float] | None:
    if pair is None:
        return None
    across, down = pair
    return float(across), float(down)


def _fraction(value: Any) -> Fraction:
    """Return a number as we write it.

    Raises `ValueError` for one of more digits than any film's time has.
    """
    number = Fraction(value)
    if abs(number) > 10**15 or number.denominator > 10**30:
        raise ValueError(f"{str(value)[:40]} is out of range")
    return number


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**9:
        raise ValueError(f"{str(value)[:40]} is not a whole number of pixels")
    return value


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]} is not a text")
    return value


def _gain(value: Any) -> float:
    gain = float(value)
    if not 0 <= gain <= _LOUDEST:
        raise ValueError(f"{gain} is not a gain")
    return gain


def _region(fields: Mapping[str, Any]) -> Region:
    name, fit = _words(fields["name"]), fields["fit"]
    if fit not in get_args(Fit):
        raise ValueError(f"{str(fit)[:40]} is not a way to fit")
    x, y, width, height = (_whole(fields[key]) for key in ("x", "y", "width", "height"))
    return Region(name, x, y, width, height, fit)


def _looks_like_ours(tracks: list[Track]) -> bool:
    return any(track.name in ("recut", "source") for track in tracks)


def _has_ours(found: Any) -> bool:
    """Return whether anything of Kuleshov's is left in the metadata of an OTIO timeline."""
    things = [found, *found.tracks, *(child for track in found.tracks for child in track)]
    return any(KEY in thing.metadata for thing in things)


def _seconds(time: Any) -> Fraction:
    """Return a RationalTime in seconds.

    Its rate, a float, is taken for the exact one that it means.
    """
    return Fraction(time.value).limit_denominator(1_000_000) / _exact_rate(time.rate)


def _exact_rate(rate: float) -> Fraction:
    given = Fraction(rate).limit_denominator(1001)
    if given <= 0:
        raise ValueError(f"{rate} is not a frame rate")
    return exact_rate(given)
