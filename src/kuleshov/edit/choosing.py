"""Ask the archive for a cut's offers, and choose over the whole film.

`offered` ranks what may answer a shot, some, or all; what it gives for one is what it gives for
that one when all are asked. `chosen` chooses over all that is not locked, and keeps what the locks
need: their material is not shown again, and returns and spread reckon with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from kuleshov.archive.filters import Filter
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.cut import (
    Cut,
    RankedBy,
    Refusal,
    Select,
    Where,
    duration_of,
    excluded,
    sides,
)
from kuleshov.edit.taking import taken
from kuleshov.features.composition import SETUP
from kuleshov.features.facet import TONE
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import Choice, Return, Selection, SelectOptions, select
from kuleshov.match.likeness.copies import Copies
from kuleshov.match.same.own import NOTHING, Own
from kuleshov.notes import Note
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip

__all__ = ["asking", "choice_of", "chosen", "free", "offered", "ranked_for", "variants"]

_CERTAIN = 4.0  # bits more at which that is beyond doubt
_MOOD = 3.0  # bits lost at most where the light is unlike
_GAP = 0.01  # of a selection's worth; less is not worth a word


def offered(
    cut: Cut,
    stock: Stock,
    where: Where | Iterable[Where] | None = None,
    *,
    match: MatchOptions | None = None,
    filters: Filter | None = None,
    job: Job = QUIET,
) -> Cut:
    """Return the cut with new offers for some shots, or for all (None); its selects stay.

    `match` and `filters` say by what they are ranked (None: by what they were ranked before). Given
    for all, they become the film's own. What is refused is not offered. Raises `MatchError` where
    the archive offers nothing, `UsageError` as `Cut.slots_of`.
    """
    cut = asking(cut, where, match=match, filters=filters)
    slots = cut.plan.wanted if where is None else cut.slots_of(where)
    found: dict[str, tuple[Candidate, ...]] = {}
    with job.step("matching", of=len(slots), unit="shots") as step:
        for asked, refused, members in _alike_asked(cut, slots):
            found |= _ranked(cut, stock, members, asked, refused, job)
            step.advance(len(members))
    return replace(
        cut,
        offers=cut.offers.having({slot: found[slot] for slot in slots}),
        absent={slot: part for slot, part in cut.absent.items() if slot not in found},
        stale=cut.stale - found.keys(),
    )


def asking(
    cut: Cut,
    where: Where | Iterable[Where] | None = None,
    *,
    match: MatchOptions | None = None,
    filters: Filter | None = None,
) -> Cut:
    """Return the cut in which some shots, or all (None), are to be ranked by something else.

    Until `offered` ranks them, their offers are as before, and `stale`. Given for all, `match` and
    `filters` become the film's own.
    """
    if match is None and filters is None:
        return cut
    before = {slot: cut.asked_by(slot) for slot in cut.plan.wanted}
    if where is None:
        cut = replace(
            cut,
            options=replace(cut.options, match=match or cut.options.match),
            filters=cut.filters if filters is None else filters,
            asked={},
        )
    else:
        cut = _asking(cut, cut.slots_of(where), match, filters)
    changed = {slot for slot, asked in before.items() if cut.asked_by(slot) != asked}
    return replace(cut, stale=cut.stale | changed)


def _alike_asked(
    cut: Cut, slots: Sequence[str]
) -> list[tuple[RankedBy, tuple[Refusal, ...], list[str]]]:
    """Return slots in groups that are asked by the same options and have the same refusals."""
    groups: list[tuple[RankedBy, tuple[Refusal, ...], list[str]]] = []
    for slot in slots:
        asked, refused = cut.asked_by(slot), cut.refusals(slot)
        same = (part for one, others, part in groups if (one, others) == (asked, refused))
        members = next(same, None)
        if members is None:
            groups.append((asked, refused, [slot]))
        else:
            members.append(slot)
    return groups


def _asking(
    cut: Cut, slots: Sequence[str], match: MatchOptions | None, filters: Filter | None
) -> Cut:
    """Return the cut with the options by which single slots are asked."""
    asked = dict(cut.asked)
    for slot in slots:
        before = cut.asked_by(slot)
        new = RankedBy(match or before.match, before.filters if filters is None else filters)
        asked[slot] = new
        if new == RankedBy(cut.options.match, cut.filters):
            del asked[slot]
    return replace(cut, asked=asked)


def _ranked(
    cut: Cut,
    stock: Stock,
    slots: Sequence[str],
    asked: RankedBy,
    refused: tuple[Refusal, ...],
    job: Job,
) -> dict[str, tuple[Candidate, ...]]:
    """Return the candidates of slots that are asked by the same options, without refused ones."""
    exclude = excluded(cut.source, cut.options)
    own = cut.plan.own
    if refused:
        exclude |= {one.checksum for one in refused if one.shot is None}
        own = _with_refused(own, stock, refused)
    found = stock.candidates(
        [sides(cut, slot, asked.match) for slot in slots],
        [duration_of(cut, slot) for slot in slots],
        replace(asked.match, allow_same=False),
        asked.filters,
        exclude=exclude,
        own=own,
        job=job,
    )
    return {slot: tuple(part) for slot, part in zip(slots, found, strict=True)}


def _with_refused(own: Own, stock: Stock, refused: tuple[Refusal, ...]) -> Own:
    """Return what must not be offered: what the source shows, and refused parts of footage."""
    films = stock.by_checksum
    ranges = {key: [part] for key, part in own.ranges.items()}
    for one in refused:
        for checksum, span in (*_refused_spans(films, one), *one.also):
            if checksum in films:
                times = np.array([[float(span.start), float(span.end)]])
                ranges.setdefault(films[checksum].footage.id, []).append(times)
    return Own({key: np.concatenate(parts) for key, parts in ranges.items()}) if ranges else NOTHING


def _refused_spans(films: Mapping[str, ArchiveFilm], one: Refusal) -> list[tuple[str, TimeRange]]:
    """Return the refused ranges of the footage itself, where less than all of it is refused."""
    if one.span is not None:
        return [(one.checksum, one.span)]
    film = films.get(one.checksum)
    if film is None or one.shot is None:
        return []
    return [(one.checksum, film.core(shot)) for shot in film.shots if shot.index == one.shot]


def free(cut: Cut, slot: str) -> list[int]:
    """Return the numbers, from 0, of a slot's offers that are not refused and may be chosen."""
    refused = cut.refusals(slot)
    offers = cut.offers.get(slot, ())
    return [n for n, one in enumerate(offers) if not any(r.holds_for(one) for r in refused)]


def ranked_for(
    cut: Cut, stock: Stock, slots: Iterable[str] | None = None, *, job: Job = QUIET
) -> Cut:
    """Return the cut ready for a choice for some slots (None: all).

    Slots are ranked anew that are stale, or of whose offers all are refused.
    """
    wanted = [*(cut.plan.wanted if slots is None else slots)]
    spent = {slot for slot in wanted if cut.offers.get(slot) and not free(cut, slot)}
    again = [slot for slot in wanted if slot in cut.stale or slot in spent]
    return offered(cut, stock, again, job=job) if again else cut


def chosen(
    cut: Cut,
    where: Where | Iterable[Where] | None = None,
    *,
    options: SelectOptions | None = None,
    job: Job = QUIET,
) -> Cut:
    """Return the cut with the best choice for some shots, or for all (None).

    What is locked stays as it is and, where only some are to be chosen, all others. Where nothing
    fitted a person (`Select.instead`), that stays too unless the shot is named.

    `options` (None: the film's own) become the film's own. Raises `UsageError` as `Cut.slots_of`.
    """
    options = replace(options or cut.options.select, variants=cut.options.select.variants)
    cut = replace(cut, options=replace(cut.options, select=options))
    return _selected(cut, where, replace(options, variants=1), job)[0]


def variants(cut: Cut, *, job: Job = QUIET) -> tuple[Cut, ...]:
    """Return as many cuts as `options.select.variants`, each with other shots.

    What is locked is the same in all.
    """
    return _selected(cut, None, cut.options.select, job)


def _selected(
    cut: Cut, where: Where | Iterable[Where] | None, options: SelectOptions, job: Job
) -> tuple[Cut, ...]:
    """Return the cuts of all variants."""
    open_slots = set(cut.plan.wanted if where is None else cut.slots_of(where))
    copies = cut.copies(job=job)
    places = cut.places(job=job) if options.fresh else {}
    slots: list[str] = []
    stretches: list[list[Choice]] = []
    numbers: dict[str, list[int]] = {}  # of the offers that may be chosen
    elsewhere = _Elsewhere()
    for slot in cut.plan.wanted:
        kept = cut.selects.get(slot)
        settled = kept is not None and kept.instead is not None and where is None
        if kept is not None and (kept.locked or settled or slot not in open_slots):
            stretches.append([_fixed(cut, slot, kept, copies, places, elsewhere)])
        elif slot in open_slots and (able := free(cut, slot)):
            numbers[slot] = able
            offers = cut.offers[slot]
            stretches.append([choice_of(offers[n], copies, places) for n in able])
        else:
            continue
        slots.append(slot)
    with job.step("choosing", of=len(numbers), unit="shots"):
        found = select(stretches, options, returns=_returns(cut, slots), job=job)
    made = []
    for number, selection in enumerate(found, 1):
        changed: dict[str, Select | None] = {
            slot: Select.of(cut.offers[slot][numbers[slot][index]])
            for slot, index in zip(slots, selection.choices, strict=True)
            if slot in numbers
        }
        none = {s: None for s in open_slots - set(slots) if s in cut.selects}
        doubts = _doubts(selection, number)
        made.append(replace(cut.selecting({**changed, **none}), doubts=doubts))
    return tuple(made)


class _Elsewhere:
    """Numbers for footage that the archive does not hold: below 0, so that none is taken twice."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        return self._numbers.setdefault(name, -1 - len(self._numbers))


def _fixed(
    cut: Cut,
    slot: str,
    kept: Select,
    copies: Copies,
    places: Mapping[ShotRef, int],
    elsewhere: _Elsewhere,
) -> Choice:
    """Return what stays as it is, as the only choice of its slot."""
    if kept.candidate is not None:
        return choice_of(taken(kept, cut.slots[slot], cut.rhythm.rate), copies, places)
    films = {one.film.footage.checksum: one.film for part in cut.offers.values() for one in part}
    for item in kept.items:
        if isinstance(item, Clip):
            film = films.get(item.media.checksum)
            name = item.media.checksum or str(item.media.path)
            number = elsewhere.number(name) if film is None else film.footage.id
            shown = item.shown(cut.rhythm.rate)
            return Choice(number, -1, float(shown.start), float(shown.end), 0.0)
    return Choice(elsewhere.number(f"black {slot}"), -1, 0.0, 0.0, 0.0)


def choice_of(
    one: Candidate, copies: Copies, places: Mapping[ShotRef, int] = MappingProxyType({})
) -> Choice:
    """Return a candidate in the form that selection takes."""
    own, *others = copies.spans(one)
    also = tuple((span.footage, span.start, span.end) for span in others)
    strength, place = one.strength - _broken(one), places.get(one.ref)
    return Choice(own.footage, one.shot, own.start, own.end, strength, also, place)


def _broken(one: Candidate) -> float:
    """Return the bits that a candidate loses in selection because its light breaks the mood.

    It loses none where its tone is as like as that of most random pairs.

    Spread and returns are worth up to 2 bits, more than lies between answers that are about as
    strong: without this they would take night for snow where daylight is free.
    """
    return _MOOD * max(0.0, 1 - 2 * one.facets.get(TONE, 1.0))


def _returns(cut: Cut, slots: Sequence[str]) -> list[Return]:
    """Return the pairs of slots in which the source comes back to a set-up, and how surely.

    Numbers count `slots`. Each is paired with the latest one before.
    """
    if cut.plan.alike is None:
        return []
    at = [cut.plan.wanted.index(slot) for slot in slots]
    bits = cut.plan.alike[np.ix_(at, at)]
    pairs = []
    for later in range(len(slots)):
        same = np.flatnonzero(bits[later, :later] >= SETUP)
        if len(same):
            sure = min(1.0, (float(bits[later, same[-1]]) - SETUP + 1) / _CERTAIN)
            pairs.append((int(same[-1]), later, sure))
    return pairs


def _doubts(selection: Selection, number: int) -> tuple[Note, ...]:
    notes = []
    if selection.gap > _GAP:
        text = (
            f"Time ran out while choosing: a selection up to {selection.gap:.1%} better may exist."
        )
        notes.append(Note("time-ran-out", text, {"gap": selection.gap}))
    if number > 1 and selection.differs < selection.wanted:
        text = (
            f"Film {number} differs from the others in only {selection.differs:.0%} of its shots: "
            "the archive has too little."
        )
        notes.append(Note("variant-alike", text, {"film": number, "differs": selection.differs}))
    return tuple(notes)
