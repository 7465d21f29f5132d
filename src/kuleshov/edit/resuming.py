"""Write a cut into a project, and bring it back from there.

    timeline, notes = remembering(cut)            # to be written with `write_otio`
    ...
    cut, notes = resumed(read_otio(path), source, stock)

The timeline is the truth for what is shown, the memory for the rest. What an editing program moved,
trimmed or replaced is shown as it left it: where it is one of the offers, as that, else as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from kuleshov.archive.filters import parse_terms
from kuleshov.edit.credits import without_cards
from kuleshov.edit.cut import (
    Absent,
    Cut,
    Known,
    Offers,
    RecutOptions,
    Select,
    Source,
    begun,
)
from kuleshov.edit.laying import film, laid
from kuleshov.edit.lines import (
    FootageTable,
    asked_of,
    asked_written,
    facets_of,
    offer_of,
    refusal_memory,
    refusal_of,
    select_memory,
    select_of,
)
from kuleshov.edit.taking import slip_to, taken
from kuleshov.errors import ProjectError
from kuleshov.garbage import nothing_searched
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.align.stock import Stock
from kuleshov.match.same.own import Own
from kuleshov.notes import Note
from kuleshov.project.memory import (
    KEY,
    CutMemory,
    SelectMemory,
    ShotMemory,
    ours,
    with_ours,
)
from kuleshov.records import plain, record
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Gap, Item, Timeline, Track

__all__ = ["Resumable", "memory_of", "remembering", "resumable", "resumed"]

_OURS = frozenset(
    [
        "shot",
        "slot",
        "score",
        "facets",
        "rank",
        "tags",
        "why",
        "slate",
        "candidates",
        "held",
        "instead",
    ]
)


# Writing


def remembering(cut: Cut) -> tuple[Timeline, tuple[Note, ...]]:
    """Return the film of a cut as a timeline that remembers the cut, and notes on it."""
    return film(cut, memory=memory_of(cut).written(cut.unknown))


KnownLines = dict[int, tuple[tuple[Candidate, ...], tuple[str, ...], list[str]]]
"""The lines of offers, without their footage, by the identity of all of a slot."""


def memory_of(cut: Cut, known: KnownLines | None = None) -> CutMemory:
    """Return what a project remembers of a cut.

    `known` keeps what was written of offers, for the next cut of the same recut.
    """
    lines = _Lines(cut, {} if known is None else known)
    return CutMemory(
        source=str(cut.source.analysis.path),
        checksum=cut.source.checksum,
        options=plain(cut.options),
        only=tuple(term.written for term in cut.filters.only),
        exclude=tuple(term.written for term in cut.filters.exclude),
        asked={slot: asked_written(one) for slot, one in cut.asked.items()},
        parts={str(number): count for number, count in cut.plan.parts.items()},
        titles=tuple(sorted(cut.plan.titles)),
        own={
            checksum: tuple((float(a), float(b)) for a, b in cut.plan.own.ranges[number])
            for number, checksum in cut.plan.checksums.items()
        },
        footage=lines.footage,
        facets=lines.facets,
        offers=lines.offers,
        ranked=lines.ranked,
        selects=lines.selects,
        refused=tuple(map(refusal_memory, cut.refused)),
        doubts=tuple(plain(note) for note in cut.doubts),
        encoder=cut.source.encoder,
        stale=tuple(slot for slot in cut.plan.wanted if slot in cut.stale),
        newest=cut.newest,
    )


class _Lines:
    """The offers of a cut as lines of text, and its selects by the numbers of their lines."""

    def __init__(self, cut: Cut, known: KnownLines) -> None:
        self._table, self._known = FootageTable(), known
        if len(known) > 2 * len(cut.offers):
            known.clear()
        every: list[Candidate | Absent] = [one for part in cut.offers.values() for one in part]
        every += [one for part in cut.absent.values() for one in part]
        every += [one.candidate for one in cut.selects.values() if one.candidate is not None]
        self.facets = facets_of(every)
        self.offers: dict[str, tuple[str, ...]] = {}
        self.ranked: dict[str, int] = {}
        self.selects: dict[str, SelectMemory] = {}
        for slot in cut.plan.wanted:
            offers = list(cut.offers.get(slot, ()))
            absent = cut.absent.get(slot, ())
            self.ranked[slot] = len(offers) + len(absent)
            select = cut.selects.get(slot)
            if select is not None:
                number = None
                if select.candidate is not None:
                    if not any(one is select.candidate for one in offers):
                        offers.append(select.candidate)
                    number = next(n for n, one in enumerate(offers) if one is select.candidate)
                    for lost in absent:
                        number += lost.place <= number
                self.selects[slot] = select_memory(select, number)
            lines = self._lines(cut.offers.get(slot, ()))
            lines += [self._table.line(one, self.facets) for one in offers[len(lines) :]]
            for one in absent:
                lines.insert(one.place, self._table.line(one, self.facets))
            if lines:
                self.offers[slot] = tuple(lines)

    def _lines(self, offers: tuple[Candidate, ...]) -> list[str]:
        """Return the lines of all offers of a slot."""
        known = self._known.get(id(offers))
        if known is None or known[0] is not offers or known[1] != self.facets:
            table = FootageTable()
            rest = [table.line(one, self.facets).split(" ", 1)[1] for one in offers]
            known = self._known[id(offers)] = (offers, self.facets, rest)
        footage = (one.film.footage for one in offers)
        numbers = (self._table.number(one.checksum, str(one.path)) for one in footage)
        return [f"{number} {rest}" for number, rest in zip(numbers, known[2], strict=True)]

    @property
    def footage(self) -> tuple[tuple[str, str], ...]:
        """Checksums and paths of what is offered."""
        return tuple(self._table.table)


# Reading


@dataclass(frozen=True)
class Resumable:
    """A project's record of the film that it remakes: where it lies, its checksum, and its options.

    `memory` is what the project remembers of the cut, None for format 1.
    """

    path: Path
    checksum: str
    options: RecutOptions
    memory: CutMemory | None

    @property
    def encoder(self) -> str:
        """The network that looked at it besides the bundled one; empty for none."""
        return "" if self.memory is None else self.memory.encoder

    @property
    def mirrored(self) -> bool:
        """Whether the source must be looked at mirrored, too."""
        asked = () if self.memory is None else self.memory.asked.values()
        return self.options.match.mirror or any(
            isinstance(one.get("match"), Mapping) and one["match"].get("mirror") is True
            for one in asked
        )


def resumable(timeline: Timeline, path: Path) -> Resumable:
    """Return what is needed to go on with a project read from `path`.

    Of a project in format 1 the options are not known: they are the usual ones, with the part that
    its tracks show. Raises `ProjectError` where it is not a recut.
    """
    memory = CutMemory.of(timeline)
    source = next((t for t in timeline.tracks if "source" in (t.name, t.region)), None)
    clips = [item for item in source.items if isinstance(item, Clip)] if source else []
    if not clips or not any(ShotMemory.of(item).shot for item in timeline.recut.items):
        raise ProjectError(
            f"{path} cannot be gone on with: it is not a recut that Kuleshov wrote, or an editing "
            "program dropped its source."
        )
    media = clips[0].media
    if memory is not None:
        options = _options(memory.options)
        # It may have been moved since, and found again.
        where = media.path if media.checksum == memory.checksum else Path(memory.source)
        return Resumable(where, memory.checksum, options, memory)
    first = clips[0].start
    last = max(clip.start + clip.duration / timeline.rate for clip in clips)
    sound = timeline.under
    part = sound is not None and sound.duration is not None
    options = RecutOptions(begin=first if part else None, end=last if part else None)
    checksum = str(ours(timeline).get("source_checksum", "")) or media.checksum
    return Resumable(media.path, checksum, options, None)


@nothing_searched()
def resumed(
    timeline: Timeline, known: Resumable, source: Source, stock: Stock
) -> tuple[Cut, tuple[Note, ...]]:
    """Return the cut of a project, and notes on what could not be brought back.

    `source` is the film that is remade, looked at again or as it was kept. Raises `ProjectError`
    where it is not the film of the project.
    """
    if known.checksum and source.checksum != known.checksum:
        raise ProjectError(
            f"{source.analysis.path} is not the film that this project remakes: it has changed, "
            "or another lies in its place."
        )
    timeline = without_cards(timeline)
    if known.memory is None:
        cut = begun(source, stock, known.options)
        old = Note(
            "old-project",
            "This project was written by an earlier Kuleshov: its clips are kept, its offers as "
            "far as it has them, and its options are the usual ones.",
        )
        cut, notes = _from_items(cut, timeline, stock), [old]
    else:
        cut, notes = _remembered(known, source, stock)
    cut = replace(cut, kept=_kept_of(timeline), unknown=CutMemory.unknown(timeline))
    cut, more = _as_shown(cut, timeline)
    return cut, (*notes, *more)


def _options(told: Mapping[str, Any]) -> RecutOptions:
    try:
        options: RecutOptions = record(RecutOptions, told)
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"What the project remembers of its options is damaged ({error}): it can be rendered, "
            "but not gone on with."
        ) from error
    return options


def _kept_of(timeline: Timeline) -> Mapping[str, Any]:
    """Return the timeline's metadata that are not a recut's."""
    known = {
        key: value for key, value in ours(timeline).items() if key not in ("cut", "source_checksum")
    }
    return with_ours(timeline.metadata, known)


def _remembered(known: Resumable, source: Source, stock: Stock) -> tuple[Cut, list[Note]]:
    """Return the cut as it was written, before an editing program changed anything."""
    memory = known.memory
    assert memory is not None
    films = stock.by_checksum
    own = {
        films[c].footage.id: np.array(r, np.float64) for c, r in memory.own.items() if c in films
    }
    parts = {int(number): count for number, count in memory.parts.items()}
    found = Known(parts, frozenset(memory.titles), Own(own))
    filters = parse_terms(memory.only, memory.exclude)
    cut = begun(source, stock, known.options, filters, known=found)
    offers: dict[str, tuple[Candidate, ...]] = {}
    absent: dict[str, tuple[Absent, ...]] = {}
    selects: dict[str, Select] = {}
    gone: dict[str, str] = {}
    try:
        for slot in cut.plan.wanted:
            lines = memory.offers.get(slot, ())
            known_as = (memory.footage, memory.facets, films)
            read = [offer_of(n, line, *known_as) for n, line in enumerate(lines)]
            ranked = memory.ranked.get(slot, len(read))
            offers[slot] = tuple(one for one in read[:ranked] if isinstance(one, Candidate))
            lost = tuple(one for one in read[:ranked] if isinstance(one, Absent))
            gone |= {one.checksum: one.path for one in lost}
            if lost:
                absent[slot] = lost
            if (told := memory.selects.get(slot)) is not None:
                one = None if told.offer is None else read[told.offer]
                # Where that has none, what the timeline shows there takes its place.
                selects[slot] = select_of(told, one if isinstance(one, Candidate) else None)
        cut = replace(
            cut,
            offers=Offers(offers),
            absent=absent,
            selects=selects,
            refused=tuple(map(refusal_of, memory.refused)),
            asked={slot: asked_of(one) for slot, one in memory.asked.items() if slot in cut.slots},
            doubts=tuple(Note(**note) for note in memory.doubts),
            stale=frozenset(memory.stale),
            newest=memory.newest,
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ProjectError(
            f"What the project remembers of its offers is damaged ({error}): it can be rendered, "
            "but not gone on with."
        ) from error
    return cut, _gone(gone)


def _gone(films: Mapping[str, str]) -> list[Note]:
    return [
        Note(
            "offers-gone",
            f"Offers of {Path(path).name} cannot be taken: it is not in the archive now.",
            {"path": path, "checksum": checksum},
        )
        for checksum, path in films.items()
    ]


def _from_items(cut: Cut, timeline: Timeline, stock: Stock) -> Cut:
    """Return the cut of a project of format 1, with the offers that its items remember."""
    films = stock.by_checksum
    numbers: dict[int | None, list[str]] = {}
    for name in cut.plan.wanted:
        numbers.setdefault(cut.slots[name].number, []).append(name)
    offers: dict[str, tuple[Candidate, ...]] = {}
    for item in timeline.recut.items:
        about = ShotMemory.of(item)
        names = numbers.get(about.shot)
        if not names or about.held or not about.offers:
            continue
        name = names.pop(0)
        slot = cut.slots[name]
        found = []
        for one in about.offers:
            film = films.get(one.checksum)
            shots = [] if film is None else [s for s in film.shots if s.index == one.shot - 1]
            if film is None or not shots or not one.speed:
                continue
            shown = len(slot.visible) / cut.rhythm.rate
            held = max(Fraction(0), shown - one.media.duration / one.speed)
            usable = film.core(shots[0])
            score, facets = one.score or 0.0, dict(one.facets)
            found.append(
                Candidate(
                    *(film, one.shot - 1, one.media, usable, one.mirrored),
                    # Bits were not written: the order is that of the scores.
                    *(10 * score, score, facets, one.speed, held),
                )
            )
        offers[name] = tuple(sorted(found, key=lambda c: -c.score))
    return replace(
        cut,
        offers=Offers(offers),
        selects={name: Select(None) for name in cut.plan.wanted},
    )


def _as_shown(cut: Cut, timeline: Timeline) -> tuple[Cut, list[Note]]:
    """Return the cut with what an editing program left in its timeline, and notes on that."""
    known = {s: one for s, one in cut.selects.items() if one.candidate or one.instead}
    whole = replace(cut, selects=known)
    expected, _ = laid(whole)
    there, ought = timeline.recut, expected.recut
    cuts, cuts_then = _borders(there), _borders(ought)
    changed: dict[str, Select | None] = {}
    notes: list[Note] = []
    for name in cut.plan.wanted:
        own = cut.slots[name].own
        now = _cut_out(there, cuts, own, timeline.rate)
        then = _cut_out(ought, cuts_then, own, expected.rate)
        select = cut.selects.get(name)
        if name in known and _same(now, then):
            kept = _kept(now[0])
            if kept:
                changed[name] = replace(known[name], kept=kept)
            continue
        if all(isinstance(item, Gap) for item in now):
            changed[name] = None
            continue
        found = _recognised(cut, name, now, select)
        changed[name] = found or Select(
            None, locked=select is not None and select.locked, items=tuple(now)
        )
        if name in known and found is None:
            text = f"Shot {name} shows what an editing program put there; it stays as it is."
            notes.append(Note("shot-by-hand", text, {"slot": name}))
    if there.duration != cut.rhythm.frames:
        notes.append(
            Note(
                "other-length",
                f"An editing program made the film {there.duration} frames long, its source has "
                f"{cut.rhythm.frames}: it is brought back to these.",
                {"frames": there.duration, "source": cut.rhythm.frames},
            )
        )
    return cut.selecting(changed), notes


def _kept(item: Item) -> dict[str, Any]:
    """Return what other programs left in an item's metadata."""
    rest = {key: value for key, value in item.metadata.items() if key != KEY}
    known = {key: value for key, value in ours(item).items() if key not in _OURS}
    return with_ours(rest, known)


def _same(now: Sequence[Item], then: Sequence[Item]) -> bool:
    """Return whether items show the same."""
    if len(now) != len(then):
        return False
    return all(_shows(one) == _shows(other) for one, other in zip(now, then, strict=True))


def _shows(item: Item) -> tuple[Any, ...]:
    if not isinstance(item, Clip):
        return type(item), item.duration
    media = item.media.checksum or str(item.media.path)
    return media, item.start, item.duration, item.speed, item.mirrored


def _borders(track: Track) -> list[int]:
    return [*accumulate((item.duration for item in track.items), initial=0)]


def _cut_out(
    track: Track, borders: Sequence[int], frames: FrameRange, rate: Fraction
) -> list[Item]:
    """Return what a track shows during some frames; black where it is too short.

    `borders` are those of its items: the first frame of each, and the end.
    """
    found: list[Item] = []
    for number in range(max(0, bisect_right(borders, frames.first) - 1), len(track.items)):
        item, own = track.items[number], FrameRange(borders[number], borders[number + 1])
        first, end = max(own.first, frames.first), min(own.end, frames.end)
        if first >= end:
            if own.first >= frames.end:
                break
            continue
        if isinstance(item, Clip):
            start = item.start + (first - own.first) * item.speed / rate
            found.append(replace(item, start=start, duration=end - first))
        else:
            found.append(replace(item, duration=end - first))
    length = sum(item.duration for item in found)
    return found + ([Gap(len(frames) - length)] if length < len(frames) else [])


def _recognised(cut: Cut, name: str, now: Sequence[Item], select: Select | None) -> Select | None:
    """Return the select that shows these items: an offer, slipped or mirrored; else None."""
    slot, rate = cut.slots[name], cut.rhythm.rate
    clip = now[0]
    if not isinstance(clip, Clip) or not clip.speed:
        return None
    offers = [*cut.offers.get(name, ())]
    if select is not None and select.candidate is not None:
        offers.insert(0, select.candidate)
    locked = select is not None and select.locked
    handle = (slot.own.first - slot.visible.first) * clip.speed / rate
    seen = clip.start - handle
    for one in offers:
        if one.film.footage.checksum != clip.media.checksum:
            continue
        if not one.usable.start <= seen < one.usable.end:
            continue
        speed = None if clip.speed == one.speed else clip.speed
        plainly = Select(one, 0, clip.mirrored, speed, 0, locked, (), _kept(clip))
        tries = [plainly, replace(plainly, slip=slip_to(plainly, slot, rate, seen))]
        for tried in tries:
            if _would_show(cut, name, tried, now):
                return tried
    return None


def _would_show(cut: Cut, name: str, tried: Select, now: Sequence[Item]) -> bool:
    from kuleshov.edit.placing import clips
    from kuleshov.errors import UsageError

    try:
        one = taken(tried, cut.slots[name], cut.rhythm.rate)
    except UsageError:
        return False
    return _same(now, clips(cut.slots[name], one, cut.rhythm, {}))
