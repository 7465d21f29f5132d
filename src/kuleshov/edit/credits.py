"""Credit the footage that a film is made of, and say when each is seen.

    credits = credits_of(timeline)           # each footage once, the source first
    print(as_text(timeline.name, credits))

What is known of footage travels with its clips (metadata `slate` under `kuleshov`), so that a
project can be credited without the archive that it came from. A slate names the checksum of the
footage it speaks of: where an editor puts other media under a clip, it counts no more.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from kuleshov.footage import Slate
from kuleshov.notes import Note, texts
from kuleshov.project.memory import KEY, ShotMemory, ours, slate_fields, with_ours
from kuleshov.project.memory import known_slate as slate_of
from kuleshov.timecode import TimeRange, format_time
from kuleshov.timeline import Card, Clip, Gap, Item, Media, Timeline, Track

__all__ = [
    "Credit",
    "as_json",
    "as_text",
    "credits_of",
    "is_credit",
    "known_slate",
    "slate_fields",
    "with_cards",
    "with_slates",
    "without_cards",
    "without_licence",
]

_MARK = {KEY: ShotMemory(credits=True).written()}
_BLACK_S = 0.5  # between the film and its credits
_NAMED = 6  # films that a note lists


@dataclass(frozen=True)
class Credit:
    """A credit for one footage of a film.

    `seen` are the times of the film at which it is seen, in order; `heard` says that its sound is
    the film's; `source`, that the film is a recut of it.
    """

    path: Path
    checksum: str
    slate: Slate
    seen: tuple[TimeRange, ...] = ()
    heard: bool = False
    source: bool = False

    @property
    def title(self) -> str:
        """The title of the footage, or else the name of its file."""
        return self.slate.title or self.path.stem


def known_slate(clip: Clip) -> Slate:
    """Return the slate that a clip brings along; an empty one where it speaks of other media."""
    return slate_of(clip, clip.media.checksum) or Slate()


def with_slates(timeline: Timeline, slates: Mapping[str, Slate]) -> Timeline:
    """Return the film with known slates, by checksum of the footage, put into its clips."""

    def renewed(item: Item) -> Item:
        if not isinstance(item, Clip) or item.media.checksum not in slates:
            return item
        known = {name: value for name, value in ours(item).items() if name != "slate"}
        known |= slate_fields(slates[item.media.checksum], item.media.checksum)
        return replace(item, metadata=with_ours(item.metadata, known))

    tracks = (replace(t, items=tuple(renewed(item) for item in t.items)) for t in timeline.tracks)
    return replace(timeline, tracks=tuple(tracks))


def credits_of(timeline: Timeline, shown: Collection[str] | None = None) -> tuple[Credit, ...]:
    """Return the credits of a film: each footage once, the source first, then as they appear.

    `shown` names the tracks that are seen in the film, all where it is None. The others only say
    what is known of the source.
    """
    listing = _Listing(timeline)
    for track in timeline.tracks:
        visible = shown is None or track.name in shown
        for span in track.spans():
            item = track.items[span.item]
            if isinstance(item, Clip) and (visible or track.name == "source"):
                times = TimeRange(
                    span.visible.first / timeline.rate, span.visible.end / timeline.rate
                )
                listing.enter(item.media, known_slate(item), times if visible else None)
    if timeline.under is not None:
        listing.enter(timeline.under.media, Slate(), None, heard=True)
    return listing.ordered()


class _Listing:
    """A list of the uses of each footage, which is known by its checksum, or else by its path."""

    def __init__(self, timeline: Timeline) -> None:
        self._found: dict[str, Credit] = {}
        self._checksums: dict[str, str] = {}
        self._source = str(ours(timeline).get("source_checksum", ""))
        for track in timeline.tracks:
            for item in track.items:
                if isinstance(item, Clip):
                    self._learn(item.media, track.name)
        if timeline.under is not None:
            self._learn(timeline.under.media, "")

    def enter(
        self, media: Media, slate: Slate, times: TimeRange | None, *, heard: bool = False
    ) -> None:
        """Record one use of a media file."""
        key = self._key(media)
        known = self._found.get(key)
        if known is None:
            known = Credit(media.path, media.checksum, slate, source=key == self._source)
        seen = known.seen if times is None else (*known.seen, times)
        self._found[key] = replace(
            known,
            checksum=known.checksum or media.checksum,
            slate=slate if known.slate == Slate() else known.slate,
            seen=seen,
            heard=known.heard or heard,
        )

    def ordered(self) -> tuple[Credit, ...]:
        """Return all credits in order, with times that meet joined into one."""
        found = [replace(credit, seen=_joined(credit.seen)) for credit in self._found.values()]
        found.sort(key=lambda c: (not c.source, c.seen[0].start if c.seen else math.inf))
        return tuple(found)

    def _learn(self, media: Media, track: str) -> None:
        if media.checksum:
            self._checksums.setdefault(os.path.abspath(media.path), media.checksum)  # noqa: PTH100
        if track == "source" and not self._source:
            self._source = self._key(media)

    def _key(self, media: Media) -> str:
        path = os.path.abspath(media.path)  # noqa: PTH100 (links are kept as they are)
        return media.checksum or self._checksums.get(path, path)


def _joined(times: Iterable[TimeRange]) -> tuple[TimeRange, ...]:
    joined: list[TimeRange] = []
    for span in sorted(times):
        if joined and span.start <= joined[-1].end:
            joined[-1] = TimeRange(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def without_licence(credited: Sequence[Credit]) -> tuple[Note, ...]:
    """Return a note that names the footage without a known licence; nothing where all are known."""
    lacking = [credit.path.name for credit in credited if not credit.slate.licence]
    if not lacking:
        return ()
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    text = (
        f"No licence is known of {len(lacking)} of {len(credited)} films used: "
        f"{', '.join(lacking[:_NAMED])}{more}."
    )
    paths = [str(credit.path) for credit in credited if not credit.slate.licence]
    return (Note("licence-unknown", text, {"footage": paths}),)


def as_json(name: str, credited: Sequence[Credit]) -> str:
    """Return the credits as JSON for programs; times are seconds of the film."""
    listed = [
        {
            "path": str(credit.path),
            "checksum": credit.checksum,
            **{f.name: getattr(credit.slate, f.name) for f in fields(Slate)},
            "source": credit.source,
            "heard": credit.heard,
            "seen": [
                {"start_s": round(float(t.start), 6), "end_s": round(float(t.end), 6)}
                for t in credit.seen
            ],
        }
        for credit in credited
    ]
    return json.dumps({"film": name, "credits": listed}, indent=2, ensure_ascii=False) + "\n"


def as_text(name: str, credited: Sequence[Credit]) -> str:
    """Return the credits as text for people."""
    lines = [f"Credits of {name}", ""]
    for credit in credited:
        slate = credit.slate
        lines.append(f"{credit.title} (source of the cut)" if credit.source else credit.title)
        lines.append(f"    author    {slate.author or 'not known'}")
        lines.append(f"    licence   {slate.licence or 'not known'}")
        if slate.url:
            lines.append(f"    url       {slate.url}")
        lines.append(f"    file      {credit.path}")
        if credit.checksum:
            lines.append(f"    sha256    {credit.checksum}")
        spans = [f"{format_time(t.start)} to {format_time(t.end)}" for t in credit.seen]
        used = [*spans, "its sound, throughout"] if credit.heard else spans
        lines += [f"    {'used' if not n else '':<9} {text}" for n, text in enumerate(used)]
        lines.append("")
    if lacking := without_licence(credited):
        lines += [*texts(lacking), ""]
    return "\n".join(lines)


# ---------------------------------------------------------------- end credits


def with_cards(timeline: Timeline, cards: Sequence[tuple[str, float]]) -> Timeline:
    """Return the film with cards (text, seconds) after it; the other tracks end in black."""
    film = without_cards(timeline)
    if not cards:
        return film
    shown: list[Item] = [Gap(max(1, round(_BLACK_S * film.rate)), _MARK)]
    shown += [Card(max(1, math.ceil(seconds * film.rate)), text, _MARK) for text, seconds in cards]
    black = Gap(sum(item.duration for item in shown), _MARK)
    recut = film.recut
    tracks = (
        replace(track, items=(*track.items, *(shown if track is recut else (black,))))
        for track in film.tracks
    )
    return replace(film, tracks=tuple(tracks))


def without_cards(timeline: Timeline) -> Timeline:
    """Return the film without the cards that `with_cards` put after it."""
    if not any(is_credit(item) for track in timeline.tracks for item in track.items):
        return timeline
    recut = timeline.recut
    length = _cut(recut, None).duration
    cut = [_cut(track, length) for track in timeline.tracks]
    longest = max(track.duration for track in cut)
    tracks = (
        replace(track, items=(*track.items, Gap(longest - track.duration)))
        if track.duration < longest
        else track
        for track in cut
    )
    return replace(timeline, tracks=tuple(tracks))


def _cut(track: Track, length: int | None) -> Track:
    """Return a track without the credits at its end, and without black beyond `length` frames.

    Another program may have put such black in their place.
    """
    items = list(track.items)
    while len(items) > 1 and is_credit(items[-1]):
        items.pop()
    total = sum(item.duration for item in items)
    while length is not None and total > length and isinstance(items[-1], Gap) and len(items) > 1:
        last = items.pop()
        left = last.duration - min(last.duration, total - length)
        total -= last.duration - left
        if left:
            items.append(Gap(left, last.metadata))
    kept = tuple(t for t in track.transitions if t.after < len(items) - 1)
    return replace(track, items=tuple(items), transitions=kept)


def is_credit(item: Item) -> bool:
    """Return whether an item belongs to the end credits."""
    # Not by all that is remembered of an item: its offers take long to read.
    return ours(item).get("credits") is True
