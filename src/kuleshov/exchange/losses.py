"""Note what other formats have no place for."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from kuleshov.media.facts import Facts
from kuleshov.media.numbered import ENDING
from kuleshov.notes import Note
from kuleshov.project.memory import ShotMemory
from kuleshov.smpte import Counting
from kuleshov.timeline import Clip, Gap, Timeline, Track

__all__ = ["black_notes", "clips_silent", "left_out", "off_middle"]

_OFF = 0.02  # of the picture's side; less is not seen


def left_out(timeline: Timeline, track: Track, what: str) -> list[Note]:
    """Return notes on parts of a timeline for which a format of one picture track has no place."""
    notes: list[Note] = []
    other = [repr(one.name) for one in timeline.tracks if one is not track]
    if other:
        text = f"{what} holds track {track.name!r} only, without {', '.join(other)}."
        notes.append(Note("tracks-left-out", text, {"track": track.name}))
    if len(timeline.layout.regions) > 1:
        text = f"{what} has no layout: the film is shown alone, not side by side."
        notes.append(Note("layout-left-out", text))
    if timeline.under is not None:
        path = timeline.under.media.path
        text = f"{what} has no sound here: lay {path.name} under it."
        notes.append(Note("sound-left-out", text, {"footage": str(path)}))
    notes += clips_silent(timeline, what)
    numbered = {
        item.media.path.name
        for item in track.items
        if isinstance(item, Clip) and item.media.path.suffix.lower() == ENDING
    }
    notes += [
        Note(
            "numbered-pictures",
            f"{name} stands for numbered pictures, which other programs link themselves: name them "
            "its folder.",
            {"name": name},
        )
        for name in sorted(numbered)
    ]
    if any(ShotMemory.of(item).offers is not None for item in track.items):
        text = f"{what} does not hold the other candidates; the project keeps them."
        notes.append(Note("candidates-left-out", text))
    return notes + black_notes(timeline, track)


def clips_silent(timeline: Timeline, what: str) -> list[Note]:
    """Return a note where the clips' own sound is heard, which other formats leave out."""
    if timeline.sound is None or timeline.under is not None:
        return []
    text = (
        f"{what} has no sound here: the clips' own is in the rendered film, levelled and faded, "
        "and as a track of sound in the project."
    )
    return [Note("sound-left-out", text)]


def off_middle(
    timeline: Timeline, track: Track, facts: Mapping[Path, Facts], what: str
) -> list[Note]:
    """Return a note where pictures are cropped elsewhere than in their middle.

    It is for formats that crop all pictures in the middle.
    """
    region = timeline.layout.region(track.region)
    clips = [item for item in track.items if isinstance(item, Clip)]
    moved = 0
    for clip in clips:
        size, bars = facts[clip.media.path].size, clip.media.bars
        if clip.focus is None or size is None or region.fit != "fill":
            continue
        width, height = size[0] - bars.left - bars.right, size[1] - bars.top - bars.bottom
        if min(width, height) < 1:
            continue
        ratio = float(Fraction(width, height) / Fraction(region.width, region.height))
        room = ((1 - min(1.0, 1 / ratio)) / 2, (1 - min(1.0, ratio)) / 2)
        off = (min(abs(part - 0.5), most) for part, most in zip(clip.focus, room, strict=True))
        moved += max(off) > _OFF
    if not moved:
        return []
    text = (
        f"{what} crops pictures in their middle: {moved} of {len(clips)} clips are cropped "
        "elsewhere in the rendered film and want moving."
    )
    return [Note("crops-left-out", text, {"clips": moved})]


def black_notes(timeline: Timeline, track: Track) -> list[Note]:
    """Return a note for every item that is neither a clip nor plain black."""
    counting = Counting.of(timeline.rate)
    return [
        Note(
            "item-black",
            f"What stands at frame {own.first} ({counting.label(own.first)} from the beginning) is "
            f"black here: a {type(item).__name__} is not a clip.",
            {"frame": own.first},
        )
        for item, own in zip(track.items, track.ranges(), strict=True)
        if not isinstance(item, Clip | Gap)
    ]
