"""Find again what an editing program dropped from a project that it changed.

Editing programs keep names, files and ranges; what Kuleshov wrote beside them they may drop, and a
clip whose file was changed may still carry what was true of the one before. Two rules:

- `refreshed` looks at one clip with the other candidates that it carries. Where it now shows one
  of them, that one's score is its score; where it shows other material, it has none.
- `reattached` looks at a whole film beside the project from which it came. A clip that lost what
  was written with it gets it back from the clip of that project which shows the same piece of the
  same file, or whose candidates hold it, or which has the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from kuleshov.notes import Note
from kuleshov.project.memory import KEY, OfferMemory, ShotMemory, ours
from kuleshov.project.otio_out import KEEPSAKES, name_of
from kuleshov.timecode import FrameRange, TimeRange
from kuleshov.timeline import Clip, Item, Timeline, Track

__all__ = ["reattached", "refreshed"]

_ABOUT_SELECT = ("score", "facets", "rank", "slate")  # true of the select, not of the shot


def refreshed(clip: Clip, rate: Fraction) -> Clip:
    """Return a clip whose file was changed elsewhere, with metadata that fit the new one.

    Scores come from the candidate that shows the same piece; without one they go, and the
    candidates stay. `rate` is the timeline's.
    """
    if not isinstance(clip.metadata.get(KEY), Mapping):
        return clip
    kept = {key: value for key, value in ours(clip).items() if key not in _ABOUT_SELECT}
    found = _candidate(clip, ShotMemory.of(clip), rate)
    checksum = clip.media.checksum
    if found is not None:
        rank, offer = found
        checksum = checksum or offer.checksum
        kept |= {"score": offer.score, "facets": dict(offer.facets), "rank": rank}
    media = replace(clip.media, checksum=checksum)
    return replace(clip, media=media, metadata={**clip.metadata, KEY: kept})


def reattached(changed: Timeline, original: Timeline) -> tuple[Timeline, list[Note]]:
    """Return a film with what its clips lost given back from its original project, and notes.

    Only clips without anything of ours are looked at. Ranges, speeds and order stay as they are in
    `changed`; a mirrored picture, which other programs do not keep, is mirrored again.
    """
    film, before = changed.recut, original.recut
    search = _Search(before, original.rate)
    items: list[Item] = []
    counts = {"again": 0, "foreign": 0}
    for item, own in zip(film.items, film.ranges(), strict=True):
        if isinstance(item, Clip) and not _ours(item):
            found = search.clip(item, own, changed.rate)
            counts["again" if found else "foreign"] += 1
            items.append(item if found is None else found)
        else:
            items.append(item)
    new = replace(film, items=tuple(items))
    tracks = tuple(new if track is film else track for track in changed.tracks)
    notes = []
    if counts["again"]:
        text = f"{counts['again']} clips got back what an editing program had dropped."
        notes.append(Note("clips-reattached", text, {"clips": counts["again"]}))
    if counts["foreign"]:
        text = f"{counts['foreign']} clips are not of the original project and stay bare."
        notes.append(Note("clips-foreign", text, {"clips": counts["foreign"]}))
    return replace(changed, tracks=tracks), notes


class _Search:
    """The clips of an original project, to be found by what they show, or by name."""

    def __init__(self, track: Track, rate: Fraction) -> None:
        self._rate = rate
        pairs = zip(track.items, track.ranges(), strict=True)
        self._clips = [(item, own) for item, own in pairs if isinstance(item, Clip)]

    def clip(self, bare: Clip, own: FrameRange, rate: Fraction) -> Clip | None:
        """Return the bare clip with what was lost; None where nothing tells what it was."""
        shown = _shown(bare, rate)

        def same(old: Clip) -> Fraction:
            alike = _same_file(bare, str(old.media.path))
            return _overlap(shown, _shown(old, self._rate)) if alike else Fraction(0)

        if (old := self._best(own, same)) is not None:
            return _given(bare, old, shown)

        def offered(old: Clip) -> Fraction:
            found = _candidate(bare, ShotMemory.of(old), rate)
            return Fraction(0) if found is None else _overlap(shown, found[1].media)

        if (old := self._best(own, offered)) is not None:
            found = _candidate(bare, ShotMemory.of(old), rate)
            mirrored = bare.mirrored or (found is not None and found[1].mirrored)
            bare = replace(bare, metadata=_merged(bare, old), mirrored=mirrored)
            return refreshed(bare, rate)
        named = self._best(own, lambda old: Fraction(name_of(old) == name_of(bare)))
        if named is None:
            return None
        return refreshed(replace(bare, metadata=_merged(bare, named)), rate)

    def _best(self, own: FrameRange, measure: Callable[[Clip], Fraction]) -> Clip | None:
        """Return the clip with the greatest measure above 0; of equals, the nearest in the film."""
        best: tuple[Fraction, int, Clip] | None = None
        for old, place in self._clips:
            value, away = measure(old), -abs(place.first - own.first)
            if value > 0 and (best is None or (value, away) > best[:2]):
                best = (value, away, old)
        return None if best is None else best[2]


def _given(bare: Clip, old: Clip, shown: TimeRange) -> Clip:
    """Return a bare clip with all that is known of the one whose file and place it shows."""
    usable = old.usable if old.usable is not None and old.usable.contains(shown) else None
    available = old.media.available
    if available is not None and not available.contains(shown):
        available = None
    media = replace(
        bare.media, checksum=old.media.checksum, bars=old.media.bars, available=available
    )
    return replace(
        bare,
        media=media,
        mirrored=bare.mirrored or old.mirrored,
        caption=bare.caption or old.caption,
        gain=old.gain,
        focus=old.focus,
        usable=usable,
        metadata=_merged(bare, old),
    )


def _merged(bare: Clip, old: Clip) -> dict[str, Any]:
    """Return our metadata of the old clip, with what other programs left at the new one."""
    known = {key: value for key, value in ours(old).items() if key != KEEPSAKES}
    keepsakes = ours(bare).get(KEEPSAKES)
    if keepsakes:
        known[KEEPSAKES] = keepsakes
    return {**bare.metadata, KEY: known}


def _ours(clip: Clip) -> bool:
    return any(key != KEEPSAKES for key in ours(clip)) or bool(clip.media.checksum)


def _candidate(clip: Clip, about: ShotMemory, rate: Fraction) -> tuple[int, OfferMemory] | None:
    """Return the remembered offer of which a clip shows most, after its number; None for none."""
    best, most = None, Fraction(0)
    shown = _shown(clip, rate)
    for number, one in enumerate(about.offers or ()):
        shared = _overlap(shown, one.media) if _same_file(clip, one.footage) else Fraction(0)
        if shared > most:
            best, most = (number, one), shared
    return best


def _same_file(clip: Clip, path: str) -> bool:
    """Return whether a clip's file has that path, or else the same name in another place."""
    return str(clip.media.path) == path or clip.media.path.name == PurePath(path).name


def _shown(clip: Clip, rate: Fraction) -> TimeRange:
    """Return the media time of a clip; a held frame counts as one frame long."""
    return clip.shown(rate)


def _overlap(one: TimeRange, other: TimeRange) -> Fraction:
    return max(Fraction(0), min(one.end, other.end) - max(one.start, other.start))
