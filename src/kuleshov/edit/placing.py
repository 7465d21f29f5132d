"""From what was chosen to clips on a timeline, and what a project remembers of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from kuleshov.edit.credits import slate_fields
from kuleshov.edit.focus import focus_of
from kuleshov.edit.rhythm import Rhythm, Slot
from kuleshov.features.analyse import Analysis
from kuleshov.features.tags import Tag, mirrored, phrase
from kuleshov.footage import Bars, Slate, Video
from kuleshov.match.candidates import Candidate
from kuleshov.match.tagged import tags_of, why
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Item, Media

__all__ = ["clips", "kept_title", "metadata", "source_clips", "source_media"]

_KEPT = 12  # candidates a shot that the project remembers


def clips(
    slot: Slot,
    chosen: Candidate,
    rhythm: Rhythm,
    remembered: Mapping[str, Any],
    shape: Fraction | None = None,
) -> list[Clip]:
    """Return the select as a clip, and where its shot is too short, its last picture held.

    `remembered` is the `metadata` of the slot, `shape` that of the film: its width over its height.
    """
    rate = rhythm.rate
    media = _archive_media(chosen)
    handle = slot.own.first - slot.visible.first
    running, speed = len(slot.own), chosen.speed
    if chosen.held:
        filled = int(chosen.media.duration / speed * rate)
        running = max(1, min(running, filled - handle))
        if running == len(slot.own):
            # Only a dissolve would see the picture held: it runs a little slower instead.
            speed = chosen.media.duration * rate / len(slot.visible)
    start = chosen.media.start + handle * speed / rate
    clip = Clip(
        media=media,
        start=start,
        duration=running,
        speed=speed,
        mirrored=chosen.mirrored,
        caption=chosen.film.footage.slate.title or chosen.film.footage.path.stem,
        usable=None if chosen.held else chosen.usable,
        metadata=dict(remembered),
        focus=focus_of(chosen.film, chosen.film.shot(chosen.shot), chosen.media, shape),
    )
    if running == len(slot.own):
        return [clip]
    last = max(chosen.usable.start, chosen.usable.end - 1 / rate)
    held = Clip(
        media=media,
        start=last,
        duration=len(slot.own) - running,
        speed=Fraction(0),
        mirrored=chosen.mirrored,
        caption=clip.caption,
        metadata={"kuleshov": {"shot": slot.number, "held": True, **_slate(chosen)}},
        focus=clip.focus,
    )
    return [clip, held]


def kept_title(slot: Slot, source: Media, rhythm: Rhythm, slate: Slate = Slate()) -> Clip:
    """The source's own title card, where it stood."""
    start = rhythm.start + slot.own.first / rhythm.rate
    return Clip(
        source,
        start,
        len(slot.own),
        caption=source.path.stem,
        metadata={
            "kuleshov": {
                "shot": slot.number,
                "title": "kept",
                **slate_fields(slate, source.checksum),
            }
        },
    )


def source_clips(
    slot: Slot, beside: Sequence[Item], source: Media, rhythm: Rhythm, slate: Slate = Slate()
) -> list[Clip]:
    """The source itself, with borders where the recut has them."""
    known = slate_fields(slate, source.checksum)
    about = {"kuleshov": known} if known else {}
    clips, first = [], slot.own.first
    for item in beside:
        start = rhythm.start + first / rhythm.rate
        clips.append(Clip(source, start, item.duration, caption=source.path.stem, metadata=about))
        first += item.duration
    return clips


def metadata(
    slot: Slot,
    offered: Sequence[Candidate],
    index: int,
    tags: Sequence[Tag] = (),
    others: Sequence[Candidate] = (),
) -> dict[str, Any]:
    """Return what a project remembers of a slot: the select's score and facets, why it answers the
    source, whose shot has these `tags`, and `others`, which might stand in its place."""
    if slot.shot is None:
        known = {} if slot.number is None else {"shot": slot.number}
        return {"kuleshov": {"black": True, **known}}
    if not offered:
        return {"kuleshov": {"shot": slot.number, "candidates": []}}
    # The select first, whatever its rank: a project never forgets what it shows.
    kept = [offered[index], *others][:_KEPT]
    return {
        "kuleshov": {
            "shot": slot.number,
            "score": round(offered[index].score, 4),
            "facets": {name: round(v, 4) for name, v in offered[index].facets.items()},
            "rank": index,
            **_reason(offered[index], tags),
            **_slate(offered[index]),
            "candidates": [_remembered(candidate) for candidate in kept],
        }
    }


def _reason(select: Candidate, tags: Sequence[Tag]) -> dict[str, Any]:
    """The tags of both, as they are read, and what they share; only of the select, so that no film
    is opened for it that is not shown."""
    if not tags:
        return {}
    own = tags_of(select.film, select.film.shot(select.shot))
    own = mirrored(own) if select.mirrored else own
    said = {"source": [*map(phrase, tags)], "clip": [*map(phrase, own)]}
    return {"tags": said, "why": why(tags, own, select.facets)}


def _slate(candidate: Candidate) -> dict[str, Any]:
    footage = candidate.film.footage
    return slate_fields(footage.slate, footage.checksum)


def _remembered(candidate: Candidate) -> dict[str, Any]:
    footage = candidate.film.footage
    return {
        "footage": str(footage.path),
        "checksum": footage.checksum,
        "shot": candidate.shot + 1,
        "start": str(candidate.media.start),
        "end": str(candidate.media.end),
        "speed": str(candidate.speed),
        "mirrored": candidate.mirrored,
        "score": round(candidate.score, 4),
        "facets": {name: round(value, 4) for name, value in candidate.facets.items()},
    }


def _archive_media(candidate: Candidate) -> Media:
    footage = candidate.film.footage
    return Media(
        path=footage.path,
        checksum=footage.checksum,
        bars=footage.probe.video.bars,
        available=TimeRange(Fraction(0), footage.duration),
    )


def source_media(analysis: Analysis, checksum: str, *, keep_bars: bool = False) -> Media:
    """The source as media of its own timeline, its black bars cut off unless they are kept."""
    bars = Bars() if keep_bars else analysis.probe.video.bars
    whole = TimeRange(Fraction(0), analysis.time_of(analysis.frames))
    return Media(analysis.path, checksum, bars, None if _rounds(analysis) else whole)


def _rounds(analysis: Analysis) -> bool:
    """Whether timeline frames may reach past the source's end by a rounding (variable rates)."""
    video: Video = analysis.probe.video
    return video.variable_rate or 1 / (video.rate * video.time_base) % 1 != 0
