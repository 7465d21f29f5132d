"""Carry out a person's orders for a cut in one go, and list what may answer a shot.

orders = Orders(take={"23": 3}, lock=("3", "7", "8", "9"), refuse=("4",))
cut, notes = carried_out(cut, stock, orders)
for one in listed(cut, "5"): ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from kuleshov.archive.filters import Filter
from kuleshov.archive.shot_tags import tags_of, why
from kuleshov.edit import by_hand
from kuleshov.edit.by_hand import What
from kuleshov.edit.choosing import chosen, offered, ranked_for
from kuleshov.edit.cut import Cut, Instead
from kuleshov.edit.laying import ranked
from kuleshov.edit.placing import running
from kuleshov.edit.taking import slip_room, taken
from kuleshov.errors import UsageError, meant
from kuleshov.features.tags import mirrored as mirrored_tags
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions
from kuleshov.notes import Note
from kuleshov.timeline import Fit

__all__ = ["Offer", "Orders", "carried_out", "listed", "pairs_in", "shots_in", "told_of"]

_MANY = 10_000  # shots in one range: more is a slip of the finger


@dataclass(frozen=True)
class Orders:
    """Orders for a cut, carried out in the order below. Shots are named as in `edit.cut.Where`.

    `unlock` and `allow` first ("all" is all; refusals by their number, from 1); `refuse`: what is
    chosen there, as `what` says, in the whole film or in this shot only (`here`). `shot`: these are
    ranked again, by what `match` says of `MatchOptions`, the rest as it was, and by `filters`;
    without `shot` all are. `swap` pairs of shots. `take`: an offer by its number; `own`, `black`,
    `still`: that instead of a clip. What is open then is chosen. `slip` by pictures; `flip`:
    mirrored or not; `speed`, None: as offered; `hold` a picture for so many frames; `lock`. Where
    `fill` is wanted, or all are ranked again, or `select` says of `SelectOptions` by what to
    choose, all is chosen again that is neither locked nor was changed by these orders. `shape` and
    `fit` are those of `RecutOptions` (None: as they were).

    Raises `UsageError` for options that are not there.
    """

    unlock: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    what: What = "clip"
    here: bool = False
    shot: tuple[str, ...] = ()
    match: Mapping[str, Any] = field(default_factory=dict)
    filters: Filter | None = None
    swap: tuple[tuple[str, str], ...] = ()
    take: Mapping[str, int] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    black: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    slip: Mapping[str, int] = field(default_factory=dict)
    flip: tuple[str, ...] = ()
    speed: Mapping[str, Fraction | None] = field(default_factory=dict)
    hold: Mapping[str, int] = field(default_factory=dict)
    lock: tuple[str, ...] = ()
    select: Mapping[str, Any] = field(default_factory=dict)
    fill: bool = False
    shape: Fraction | None = None
    fit: Fit | None = None

    def __post_init__(self) -> None:
        for kind, told in ((MatchOptions, self.match), (SelectOptions, self.select)):
            known = [one.name for one in fields(kind)]
            for name in told:
                if name not in known:
                    raise UsageError(f"{name!r} is not an option; {meant(name, known)}")
        for pair in self.swap:
            if len(pair) != 2:
                raise UsageError("swap exchanges two shots: name two, as in 4,5.", option="swap")

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        idle = Orders(what=self.what, here=self.here)
        return any(getattr(self, f.name) != getattr(idle, f.name) for f in fields(self))


def carried_out(
    cut: Cut, stock: Stock, orders: Orders, job: Job = QUIET
) -> tuple[Cut, tuple[Note, ...]]:
    """Return the cut after all orders, and notes on them.

    Nothing is done by halves: an order that cannot be carried out raises `UsageError`.
    """
    shape, fit = orders.shape or cut.options.shape, orders.fit or cut.options.fit
    cut = replace(cut, options=replace(cut.options, shape=shape, fit=fit))
    select = replace(cut.options.select, **orders.select) if orders.select else None
    if orders.unlock:
        cut = by_hand.unlocked(cut, None if "all" in orders.unlock else orders.unlock)
    cut, asked_again = _allowed(cut, orders.allow)
    cut = _refused(cut, orders)
    open_slots = {slot for slot in cut.plan.wanted if slot not in cut.selects}
    ranked_again = False
    if orders.match or orders.filters is not None or orders.shot or asked_again:
        cut = _ranked_again(cut, stock, orders, job)
        ranked_again = not orders.shot
        open_slots |= {s for s in cut.slots_of(orders.shot) if not _locked(cut, s)}
    every = orders.fill or select is not None or ranked_again
    cut = ranked_for(cut, stock, None if every else open_slots, job=job)
    for one, other in orders.swap:
        cut = by_hand.swapped(cut, one, other)
    for where, number in orders.take.items():
        cut = by_hand.replaced(cut, where, number)
        open_slots.discard(cut.slot_of(where))
    for what, where in _instead(orders):
        for slot in cut.slots_of(where):
            cut = by_hand.instead_of(cut, slot, what)
            open_slots.discard(slot)
    if open_slots:
        cut = chosen(cut, open_slots, options=select, job=job)
    cut = _changed(cut, orders)
    if orders.lock:
        cut = by_hand.locked(cut, orders.lock)
    if every:
        # What was put in order by hand just now is meant to stay.
        swapped = (shot for pair in orders.swap for shot in pair)
        by = (orders.take, orders.slip, orders.flip, orders.speed, orders.hold, swapped)
        meant = {cut.slot_of(where) for some in by for where in some}
        meant |= {slot for slot, one in cut.selects.items() if one.instead}
        others = [slot for slot in cut.plan.wanted if slot not in meant]
        cut = chosen(cut, others, options=select, job=job)
    return cut, _contradictions(cut)


def _ranked_again(cut: Cut, stock: Stock, orders: Orders, job: Job) -> Cut:
    """Return the cut with new offers, by what is ordered, else by what each shot was ranked by."""
    if not orders.shot:
        match = replace(cut.options.match, **orders.match) if orders.match else None
        return offered(cut, stock, match=match, filters=orders.filters, job=job)
    if not orders.match:
        return offered(cut, stock, orders.shot, filters=orders.filters, job=job)
    groups: list[tuple[MatchOptions, list[str]]] = []
    for slot in cut.slots_of(orders.shot):
        match = replace(cut.asked_by(slot).match, **orders.match)
        members = next((part for one, part in groups if one == match), None)
        if members is None:
            groups.append((match, [slot]))
        else:
            members.append(slot)
    for match, members in groups:
        cut = offered(cut, stock, members, match=match, filters=orders.filters, job=job)
    return cut


def _instead(orders: Orders) -> list[tuple[Instead, str]]:
    by: tuple[tuple[Instead, tuple[str, ...]], ...] = (
        ("own", orders.own),
        ("black", orders.black),
        ("still", orders.still),
    )
    return [(what, where) for what, shots in by for where in shots]


def _slots(cut: Cut, where: Sequence[str]) -> tuple[str, ...]:
    return cut.slots_of(where) if where else ()


def _locked(cut: Cut, slot: str) -> bool:
    select = cut.selects.get(slot)
    return select is not None and select.locked


def _allowed(cut: Cut, allow: Sequence[str]) -> tuple[Cut, bool]:
    """Return the cut with some refusals taken back, and whether there were any to take back."""
    if "all" in allow:
        return by_hand.allowed(cut), bool(cut.refused)
    for number in sorted((_number(one, "refusal") for one in allow), reverse=True):
        cut = by_hand.allowed(cut, number)
    return cut, bool(allow)


def _refused(cut: Cut, orders: Orders) -> Cut:
    before = cut
    for slot in _slots(cut, orders.refuse):
        # It may be open by now: what was just refused elsewhere showed the same.
        if slot in cut.selects or slot not in before.selects:
            cut = by_hand.refused(cut, slot, orders.what, everywhere=not orders.here)
    return cut


def _changed(cut: Cut, orders: Orders) -> Cut:
    for where, pictures in orders.slip.items():
        cut = by_hand.slipped(cut, where, pictures)
    for where in orders.flip:
        cut = by_hand.mirrored(cut, where)
    for where, speed in orders.speed.items():
        cut = by_hand.retimed(cut, where, speed)
    for where, frames in orders.hold.items():
        cut = by_hand.held(cut, where, frames)
    return cut


def _contradictions(cut: Cut) -> tuple[Note, ...]:
    return tuple(
        Note(
            "locks-contradict",
            f"Shots {one} and {other} are locked and show the same material: unlock one of them.",
            {"slots": [one, other]},
        )
        for one, other in by_hand.contradictions(cut)
    )


# What people write


def shots_in(text: str) -> tuple[str, ...]:
    """Return the shots that a text names: "3,7-9" or "5.2". Raises `UsageError`."""
    found: list[str] = []
    for part in text.split(","):
        one = part.strip()
        if re.fullmatch(r"\d+(\.\d+)?", one):
            found.append(one)
        elif match := re.fullmatch(r"(\d+)\s*-\s*(\d+)", one):
            first, last = int(match[1]), int(match[2])
            if not first <= last < first + _MANY:
                raise UsageError(f"{one!r} does not run from one shot to a later one.")
            found += map(str, range(first, last + 1))
        else:
            raise UsageError(f"{one!r} does not name shots: write 4, 3,7-9, or 5.2 for a part.")
    return tuple(dict.fromkeys(found))


def pairs_in(text: str, example: str) -> tuple[tuple[str, str], ...]:
    """Return each shot that a text names with its value: "23=3,4=1". Raises `UsageError`."""
    found = []
    for part in text.split(","):
        shot, sign, value = (one.strip() for one in part.partition("="))
        if not sign or not value or not re.fullmatch(r"\d+(\.\d+)?", shot):
            raise UsageError(f"{part.strip()!r} does not say it for a shot: write {example}.")
        found.append((shot, value))
    return tuple(found)


def _number(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{text!r} is not the number of a {what}.") from None


# What a shot may be answered with


@dataclass(frozen=True)
class Offer:
    """A line in the list of what may answer a shot.

    `number` is that by which it is taken. `clip` is as long as the shot can be seen, None where its
    footage is `gone`; `start` is the media time, in seconds, at the first frame of the shot, as
    sheets and lists have it: a dissolve shows something of the clip before. `why` says why it
    answers; `chosen` and `refused` say whether it is; `shown_in` are the other slots that show the
    same.
    """

    number: int
    path: Path
    checksum: str
    clip: Candidate | None
    start: Fraction = Fraction(0)
    why: str = ""
    chosen: bool = False
    refused: bool = False
    gone: bool = False
    shown_in: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the offer as data for JSON."""
        told: dict[str, Any] = {
            "number": self.number,
            "footage": str(self.path),
            "checksum": self.checksum,
            "chosen": self.chosen,
            "refused": self.refused,
            "gone": self.gone,
            "shown_in": [*self.shown_in],
        }
        one = self.clip
        if one is None:
            return told
        return told | {
            "shot": one.shot + 1,
            "start": str(self.start),
            "start_s": round(float(self.start), 6),
            "seen": [str(one.media.start), str(one.media.end)],
            "usable": [str(one.usable.start), str(one.usable.end)],
            "speed": str(one.speed),
            "mirrored": one.mirrored,
            "held_s": round(float(one.held), 6),
            **one.likeness,
            "strength": round(one.strength, 4),
            "why": self.why,
        }


def listed(cut: Cut, slot: str, most: int | None = None) -> list[Offer]:
    """Return what may answer a slot, by the numbers that `Orders.take` knows.

    What is chosen comes first, then the strongest, and last what is of footage that is gone.
    """
    return [*_listed(cut, slot, most)]


def _listed(cut: Cut, slot: str, most: int | None) -> Iterator[Offer]:
    refused, copies = cut.refusals(slot), cut.copies()
    place, select = cut.slots[slot], cut.selects.get(slot)
    tags = () if place.shot is None else cut.source.tags(place.shot)
    shown = {
        name: taken(one, cut.slots[name], cut.rhythm.rate)
        for name, one in cut.selects.items()
        if one.candidate is not None and name != slot
    }
    clips = ranked(cut, slot)
    for number, one in enumerate(clips[:most], 1):
        own = tags_of(one.film, one.film.shot(one.shot))
        own_select = select is not None and one is select.candidate
        # What is chosen is told as it is shown: slipped, mirrored, at its speed.
        clip = taken(select, place, cut.rhythm.rate) if select is not None and own_select else one
        yield Offer(
            number,
            *(one.film.footage.path, one.film.footage.checksum, clip),
            start=running(place, clip, cut.rhythm).start,
            why=why(tags, mirrored_tags(own) if one.mirrored else own, one.facets),
            chosen=own_select,
            refused=any(refusal.holds_for(one) for refusal in refused),
            shown_in=tuple(name for name, other in shown.items() if copies.same(one, other)),
        )
    if most is None or most > len(clips):
        for number, lost in enumerate(cut.absent.get(slot, ()), len(clips) + 1):
            yield Offer(number, Path(lost.path), lost.checksum, None, gone=True)


def told_of(cut: Cut, slot: str) -> dict[str, Any]:
    """Return what is decided of a slot as data for JSON."""
    select = cut.selects.get(slot)
    place = cut.slots[slot]
    told: dict[str, Any] = {
        "shot": place.number,
        "slot": slot,
        "first_frame": place.own.first,
        "frames": len(place.own),
        "locked": select is not None and select.locked,
        "refused": [str(one) for one in cut.refusals(slot)],
    }
    if select is not None and select.candidate is not None:
        least, most = slip_room(select, place, cut.rhythm.rate)
        told |= {
            "slip": select.slip,
            "slip_room": [least - select.slip, most - select.slip],
            "mirrored": select.mirrored,
            "hold": select.hold,
            "focus": None if select.focus is None else [*select.focus],
        }
    if select is not None and select.instead is not None:
        told["instead"] = select.instead
    return told
