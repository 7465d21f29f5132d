"""Recut: remake a source from an archive, shot for shot, to its own rhythm and sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from kuleshov.edit.rhythm import Rhythm, Slot, rhythm_of
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import Reference
from kuleshov.footage import Video
from kuleshov.match.candidates import Candidate, MatchOptions, find_candidates, stretch
from kuleshov.match.rows import ArchiveRows
from kuleshov.match.select import Choice, select
from kuleshov.timecode import TimeRange, format_rate
from kuleshov.timeline import Clip, Fit, Gap, Item, Layout, Media, Sound, Timeline, Track

__all__ = ["Recut", "RecutOptions", "layout_of", "recut"]

_KEPT = 12  # candidates a shot that the project remembers


@dataclass(frozen=True)
class RecutOptions:
    """`begin`, `end`: the part of the source to remake, media time in seconds (None: all of it).
    `fit`: whether clips of another shape fill the picture or fit into it."""

    begin: Fraction | None = None
    end: Fraction | None = None
    fit: Fit = "fill"
    match: MatchOptions = field(default_factory=MatchOptions)


@dataclass(frozen=True)
class Recut:
    """The remade film. Tracks `source` and `recut` have the same borders; the layout shows the
    latter alone. `notes` are sentences on what the archive could not give."""

    timeline: Timeline
    notes: tuple[str, ...]


def recut(
    analysis: Analysis,
    checksum: str,
    archive: ArchiveRows,
    reference: Reference,
    options: RecutOptions = RecutOptions(),
) -> Recut:
    """Find candidates for every shot of the source, choose, and lay them on a timeline.

    `checksum` is the source's own: the same file in the archive is not offered. Raises
    `MatchError` where the archive offers nothing, `UsageError` where the part is empty.
    """
    rhythm = rhythm_of(analysis, options.begin, options.end)
    wanted = [slot for slot in rhythm.slots if slot.shot is not None]
    sides = (False, True) if options.match.mirror else (False,)
    queries = [
        [stretch(analysis, slot.source, slot.core, mirrored=side) for side in sides]
        for slot in wanted
    ]
    durations = [len(slot.visible) / rhythm.rate for slot in wanted]
    exclude = frozenset() if options.match.allow_same else frozenset({checksum})
    found = (
        find_candidates(queries, durations, archive, reference, options.match, exclude=exclude)
        if wanted
        else []
    )
    missing = [slot for slot, candidates in zip(wanted, found, strict=True) if not candidates]
    chosen = iter(_chosen(found))
    candidates = iter(found)
    items: list[Item] = []
    source_items: list[Item] = []
    notes = list(_notes(analysis, rhythm, missing))
    source = _source_media(analysis, checksum)
    shown: list[tuple[Slot, Candidate]] = []
    borders: list[int] = []  # the last item of each slot
    for slot in rhythm.slots:
        offered = next(candidates) if slot.shot is not None else []
        if offered:
            index = next(chosen)
            shown.append((slot, offered[index]))
            items += _clips(slot, offered, index, rhythm)
        else:
            items.append(Gap(len(slot.own), _metadata(slot, [], 0)))
        borders.append(len(items) - 1)
        source_items += _source_clips(slot, items[len(source_items) :], source, rhythm)
    notes += _repeats(shown) + _holds(shown)
    transitions = tuple(
        type(t)(borders[t.after], t.before_border, t.past_border) for t in rhythm.transitions
    )
    width, height = analysis.probe.video.display_size
    timeline = Timeline(
        name=analysis.path.stem,
        rate=rhythm.rate,
        layout=Layout.single(width, height, options.fit),
        tracks=(
            Track("recut", tuple(items), transitions),
            Track("source", tuple(source_items)),
        ),
        sound=_sound(analysis, source, rhythm, options),
        metadata={"kuleshov": {"source_checksum": checksum}},
    )
    return Recut(timeline, tuple(notes))


def layout_of(timeline: Timeline, *, side_by_side: bool) -> Timeline:
    """The recut alone, or beside its source.

    Raises `TimelineError` where a track for it is missing.
    """
    region = timeline.layout.regions[-1]
    width, height, fit = region.width, region.height, region.fit
    if not side_by_side:
        return timeline.with_layout(Layout.single(width, height, fit), ("recut",))
    placed = timeline.with_layout(timeline.layout, ("recut", "source"))
    tracks = tuple(
        Track(t.name, t.items, t.transitions, "source" if t.name == "source" else "main")
        for t in placed.tracks
    )
    return Timeline(
        name=timeline.name,
        rate=timeline.rate,
        layout=Layout.side_by_side(width, height, fit),
        tracks=tracks,
        sound=timeline.sound,
        metadata=timeline.metadata,
    )


def _chosen(found: Sequence[Sequence[Candidate]]) -> tuple[int, ...]:
    return select(
        [
            [
                Choice(c.film.footage.id, float(c.media.start), float(c.media.end), c.strength)
                for c in candidates
            ]
            for candidates in found
            if candidates
        ]
    )


def _clips(slot: Slot, offered: Sequence[Candidate], index: int, rhythm: Rhythm) -> list[Clip]:
    """The select as a clip, and where its shot is too short, its last picture held."""
    chosen, rate = offered[index], rhythm.rate
    media = _archive_media(chosen)
    handle = slot.own.first - slot.visible.first
    running = len(slot.own)
    if chosen.held:
        running = max(1, min(running, int(chosen.media.duration * rate) - handle))
    start = chosen.media.start + handle / rate
    clip = Clip(
        media=media,
        start=start,
        duration=running,
        mirrored=chosen.mirrored,
        caption=chosen.film.footage.slate.title or chosen.film.footage.path.stem,
        usable=None if chosen.held else chosen.usable,
        metadata=_metadata(slot, offered, index),
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
        metadata={"kuleshov": {"shot": slot.shot, "held": True}},
    )
    return [clip, held]


def _source_clips(slot: Slot, beside: Sequence[Item], source: Media, rhythm: Rhythm) -> list[Clip]:
    """The source itself, with borders where the recut has them."""
    clips, first = [], slot.own.first
    for item in beside:
        start = rhythm.start + first / rhythm.rate
        clips.append(Clip(source, start, item.duration, caption=source.path.stem))
        first += item.duration
    return clips


def _metadata(slot: Slot, offered: Sequence[Candidate], index: int) -> dict[str, Any]:
    if slot.shot is None:
        return {"kuleshov": {"black": True}}
    if not offered:
        return {"kuleshov": {"shot": slot.shot, "candidates": []}}
    # The select first, whatever its rank: a project never forgets what it shows.
    kept = [offered[index], *(c for i, c in enumerate(offered) if i != index)][:_KEPT]
    return {
        "kuleshov": {
            "shot": slot.shot,
            "score": round(offered[index].score, 4),
            "facets": {name: round(v, 4) for name, v in offered[index].facets.items()},
            "rank": index,
            "candidates": [_remembered(candidate) for candidate in kept],
        }
    }


def _remembered(candidate: Candidate) -> dict[str, Any]:
    footage = candidate.film.footage
    return {
        "footage": str(footage.path),
        "checksum": footage.checksum,
        "shot": candidate.shot,
        "start": str(candidate.media.start),
        "end": str(candidate.media.end),
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


def _source_media(analysis: Analysis, checksum: str) -> Media:
    # Beside its remake the source is shown as it is, with its bars.
    whole = TimeRange(Fraction(0), analysis.time_of(analysis.frames))
    return Media(analysis.path, checksum, available=None if _rounds(analysis) else whole)


def _rounds(analysis: Analysis) -> bool:
    """Whether timeline frames may reach past the source's end by a rounding (variable rates)."""
    video: Video = analysis.probe.video
    return video.variable_rate or 1 / (video.rate * video.time_base) % 1 != 0


def _sound(
    analysis: Analysis, source: Media, rhythm: Rhythm, options: RecutOptions
) -> Sound | None:
    if analysis.probe.audio is None:
        return None
    if options.begin is None and options.end is None:
        return Sound(source)
    return Sound(source, rhythm.start, rhythm.frames / rhythm.rate)


def _notes(analysis: Analysis, rhythm: Rhythm, missing: Sequence[Slot]) -> list[str]:
    notes = []
    video = analysis.probe.video
    if video.variable_rate:
        notes.append(
            f"{analysis.path.name} has no constant frame rate ({float(video.rate):.3f} a second on "
            f"average): remade at {format_rate(rhythm.rate)}, its times and sound kept."
        )
    if analysis.damaged:
        notes.append(f"{analysis.damaged} damaged pieces of {analysis.path.name} were passed over.")
    notes += [f"Shot {slot.shot} has no candidate and stays black." for slot in missing]
    return notes


def _repeats(shown: Sequence[tuple[Slot, Candidate]]) -> list[str]:
    notes = []
    for index, (slot, one) in enumerate(shown):
        for other_slot, other in shown[:index]:
            if one.film.footage.id == other.film.footage.id and one.media.overlaps(other.media):
                notes.append(
                    f"Shot {slot.shot} repeats material of shot {other_slot.shot} "
                    f"({one.film.footage.path.name}): the archive has too little."
                )
                break
    return notes


def _holds(shown: Sequence[tuple[Slot, Candidate]]) -> list[str]:
    return [
        f"Shot {slot.shot} holds its last picture for {float(one.held):.2f} s "
        f"({one.film.footage.path.name}): no shot of the archive is long enough."
        for slot, one in shown
        if one.held
    ]
