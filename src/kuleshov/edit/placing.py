"""Place selects as clips on a timeline, with what a project remembers of the other candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kuleshov.archive.shot_tags import tags_of, why
from kuleshov.edit.focus import focus_of
from kuleshov.edit.rhythm import Rhythm, Slot
from kuleshov.features.analyse import Analysis
from kuleshov.features.tags import Tag, mirrored, phrase
from kuleshov.footage import Bars, Slate, Video
from kuleshov.match.align.candidates import Candidate
from kuleshov.project.memory import KEY, OfferMemory, ShotMemory, slate_fields
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Gap, Item, Media

if TYPE_CHECKING:
    from kuleshov.edit.cut import Select

__all__ = [
    "Later",
    "Running",
    "clips",
    "instead",
    "kept_title",
    "metadata",
    "running",
    "source_clips",
    "source_media",
]

_KEPT = 12  # candidates a shot that the project remembers


def clips(
    slot: Slot,
    chosen: Candidate,
    rhythm: Rhythm,
    remembered: Mapping[str, Any],
    shape: Fraction | None = None,
    focus: tuple[float, float] | None = None,
) -> list[Clip]:
    """Return a select as a clip and, where its shot is too short, its last picture held.

    `remembered` is the `metadata` of the slot, `shape` that of the film: its width over its height.
    `focus` is where its crop lies (None: where faces are).
    """
    rate = rhythm.rate
    footage = chosen.film.footage
    runs = running(slot, chosen, rhythm)
    if focus is None:
        focus = focus_of(chosen.film, chosen.film.shot(chosen.shot), chosen.media, shape)
    clip = Clip(
        media=footage.media,
        start=runs.start,
        duration=runs.frames,
        speed=runs.speed,
        mirrored=chosen.mirrored,
        caption=footage.caption,
        usable=None if chosen.held else chosen.usable,
        metadata=remembered,
        focus=focus,
    )
    if runs.frames == len(slot.own):
        return [clip]
    last = max(chosen.usable.start, chosen.media.end - 1 / rate)
    held = Clip(
        media=footage.media,
        start=last,
        duration=len(slot.own) - runs.frames,
        speed=Fraction(0),
        mirrored=chosen.mirrored,
        caption=clip.caption,
        metadata={
            "kuleshov": {"shot": slot.number, "held": True, **_slate(chosen), **_named(remembered)}
        },
        focus=clip.focus,
    )
    return [clip, held]


@dataclass(frozen=True)
class Running:
    """The way in which a clip runs in its slot.

    `start` is the media time, in seconds, at the first frame of the slot; from there it runs for so
    many `frames` at a `speed`.
    """

    start: Fraction
    frames: int
    speed: Fraction


def running(slot: Slot, chosen: Candidate, rhythm: Rhythm) -> Running:
    """Return how a clip runs in its slot, until its last picture is held where it is too short."""
    rate = rhythm.rate
    handle = slot.own.first - slot.visible.first
    frames, speed = len(slot.own), chosen.speed
    if chosen.held:
        filled = int(chosen.media.duration / speed * rate)
        frames = _running(slot, rhythm, filled - handle)
        if frames == len(slot.own):
            # Only dissolves would see the picture held: it runs a little slower instead.
            speed = chosen.media.duration * rate / len(slot.visible)
        elif handle + frames > filled:
            # A dissolve into it lasts longer than it fills.
            speed = chosen.media.duration * rate / (handle + frames)
    return Running(chosen.media.start + handle * speed / rate, frames, speed)


def _named(remembered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name of the slot for which something is remembered, as metadata."""
    if isinstance(remembered, Later):
        return {"slot": remembered.slot}
    ours = remembered.get("kuleshov", {})
    return {"slot": ours["slot"]} if "slot" in ours else {}


class Later(Mapping[str, Any]):
    """Metadata of a slot that are put together when they are first read.

    What plays needs none of them, and most of what a film is laid for they take.
    """

    def __init__(self, slot: str, make: Callable[[], Mapping[str, Any]]) -> None:
        self.slot = slot
        self._make: Callable[[], Mapping[str, Any]] | None = make
        self._made: dict[str, Any] = {}

    def _now(self) -> dict[str, Any]:
        make = self._make
        if make is not None:
            self._made = dict(make())
            self._make = None
        return self._made

    def __getitem__(self, key: str) -> Any:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return repr(self._now())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._now(),)


def _running(slot: Slot, rhythm: Rhythm, filled: int) -> int:
    """Return for how many frames a slot's clip runs before its last picture is held.

    It runs for all of them where there is no room between its dissolves to hold one, as each
    dissolve lies on one item.
    """
    place = rhythm.slots.index(slot)
    into = sum(t.past_border for t in rhythm.transitions if t.after == place - 1)
    out = sum(t.before_border for t in rhythm.transitions if t.after == place)
    least, most = max(1, into), len(slot.own) - max(1, out)
    if filled >= len(slot.own) or most < least:
        return len(slot.own)
    return max(least, min(filled, most))


def kept_title(slot: Slot, source: Media, rhythm: Rhythm, slate: Slate = Slate()) -> Clip:
    """Return the source's own title card, in its place."""
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


def instead(
    select: Select, name: str, slot: Slot, source: Media, rhythm: Rhythm, slate: Slate = Slate()
) -> Clip | Gap:
    """Return what a slot shows where nothing fits it: the source's own, a still of it, or black."""
    known = metadata(slot, None, None, name=name)[KEY] | {"instead": select.instead}
    if select.instead == "black":
        return Gap(len(slot.own), {KEY: known})
    first = slot.own.first + (select.still if select.instead == "still" else 0)
    return Clip(
        source,
        rhythm.start + first / rhythm.rate,
        len(slot.own),
        speed=Fraction(0 if select.instead == "still" else 1),
        caption=source.path.stem,
        metadata={KEY: known | slate_fields(slate, source.checksum)},
    )


def source_clips(
    slot: Slot, beside: Sequence[Item], source: Media, rhythm: Rhythm, slate: Slate = Slate()
) -> list[Clip]:
    """Return clips of the source itself, with borders where the recut has them."""
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
    select: Candidate | None,
    rank: int | None,
    tags: Sequence[Tag] = (),
    others: Sequence[Candidate] = (),
    *,
    name: str = "",
) -> dict[str, Any]:
    """Return what a project remembers of a slot called `name`, as metadata.

    That is the select's score and facets, why it answers the source, whose shot has these `tags`,
    and `others`, which might stand in its place. `rank` is where the select stands among all offers
    (None: it is not among them).
    """
    if slot.shot is None:
        return {KEY: ShotMemory(shot=slot.number, slot=name, black=True).written()}
    if select is None:
        return {KEY: ShotMemory(shot=slot.number, slot=name, offers=()).written()}
    # The select first, whatever its rank: a project never forgets what it shows.
    kept = [select, *others][:_KEPT]
    about = ShotMemory(
        shot=slot.number,
        slot=name,
        rank=rank,
        offers=tuple(_remembered(candidate) for candidate in kept),
        # How alike a select is, where that is known.
        **(select.likeness if select.facets or select.score else {}),
        **_reason(select, tags),
    )
    return {KEY: {**about.written(), **_slate(select)}}


def _reason(select: Candidate, tags: Sequence[Tag]) -> dict[str, Any]:
    """Return the tags of source and clip as they are read, and what they share.

    Only the select is described, so that no film is opened that is not shown.
    """
    if not tags:
        return {}
    own = tags_of(select.film, select.film.shot(select.shot))
    own = mirrored(own) if select.mirrored else own
    return {
        "source_tags": tuple(map(phrase, tags)),
        "clip_tags": tuple(map(phrase, own)),
        "why": why(tags, own, select.facets),
    }


def _slate(candidate: Candidate) -> dict[str, Any]:
    footage = candidate.film.footage
    return slate_fields(footage.slate, footage.checksum)


def _remembered(candidate: Candidate) -> OfferMemory:
    footage = candidate.film.footage
    return OfferMemory(
        footage=str(footage.path),
        checksum=footage.checksum,
        shot=candidate.shot + 1,
        start=candidate.media.start,
        end=candidate.media.end,
        speed=candidate.speed,
        mirrored=candidate.mirrored,
        **candidate.likeness,
    )


def source_media(analysis: Analysis, checksum: str, *, keep_bars: bool = False) -> Media:
    """Return the source as media of its own timeline; its black bars are cut off unless kept."""
    bars = Bars() if keep_bars else analysis.probe.video.bars
    whole = TimeRange(Fraction(0), analysis.time_of(analysis.frames))
    return Media(analysis.path, checksum, bars, None if _rounds(analysis) else whole)


def _rounds(analysis: Analysis) -> bool:
    """Return whether timeline frames may reach past the source's end by a rounding.

    They may where its rate is variable, or its time base does not hold it exactly.
    """
    video: Video = analysis.probe.video
    return video.variable_rate or 1 / (video.rate * video.time_base) % 1 != 0
