"""Change a cut by hand: each function returns a new cut and leaves the old one as it was.

Shots are named as people count them (`edit.cut.Where`). Each raises `UsageError`, with a sentence
that says what can be done instead, where something cannot be done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from kuleshov.edit.cut import Cut, Instead, Refusal, Select, Where, duration_of
from kuleshov.edit.laying import ranked
from kuleshov.edit.taking import fitted, slip_room, taken
from kuleshov.errors import UsageError
from kuleshov.match.align.candidates import Candidate
from kuleshov.timecode import TimeRange

__all__ = [
    "What",
    "allowed",
    "contradictions",
    "focused",
    "held",
    "instead_of",
    "locked",
    "mirrored",
    "refused",
    "replaced",
    "retimed",
    "slipped",
    "swapped",
    "unlocked",
]

What = Literal["clip", "shot", "footage"]
"""The extent of a refusal: this clip, this shot of the archive, or anything of this footage."""

_SLOWEST, _FASTEST = Fraction(1, 8), Fraction(8)


def replaced(cut: Cut, where: Where, by: int | Candidate) -> Cut:
    """Return the cut with another clip in a shot.

    `by` is an offer, by its number in the list that `ranked` gives, counted from 1; or any clip,
    which is then among the shot's offers.
    """
    slot = cut.slot_of(where)
    _unlocked_only(cut, slot)
    if isinstance(by, Candidate):
        offers = cut.offers.get(slot, ())
        if not any(one is by for one in offers):
            more = sorted((*offers, by), key=lambda one: -one.strength)
            cut = replace(cut, offers=cut.offers.having({slot: tuple(more)}))
        return cut.selecting({slot: Select.of(by, picked=True)})
    listed = ranked(cut, slot)
    absent = cut.absent.get(slot, ())
    if not 1 <= by <= len(listed):
        if 1 <= by <= len(listed) + len(absent):
            name = absent[by - len(listed) - 1].path
            raise UsageError(
                f"Offer {by} of shot {slot} is of {name}, which is not in the archive now: bring "
                "it back, or take another."
            )
        there = f"there are {len(listed)}" if listed else "nothing is offered for it"
        raise UsageError(f"Shot {slot} has no offer {by}: {there}.")
    return cut.selecting({slot: Select.of(listed[by - 1], picked=True)})


def slipped(cut: Cut, where: Where, pictures: int) -> Cut:
    """Return the cut with a clip that begins so many pictures of its footage later.

    Below 0 it begins earlier. It stays within the shot that it is cut from.
    """
    slot, select = _changeable(cut, where)
    wanted = select.slip + pictures
    least, most = slip_room(select, cut.slots[slot], cut.rhythm.rate)
    if not least <= wanted <= most:
        raise UsageError(
            f"Shot {slot} cannot be slipped by {pictures:+d}: the shot that its clip is cut from "
            f"has room for {least - select.slip:+d} to {most - select.slip:+d} pictures."
        )
    return cut.selecting({slot: replace(select, slip=wanted)})


def mirrored(cut: Cut, where: Where, on: bool | None = None) -> Cut:
    """Return the cut with a clip mirrored or not; None turns it round."""
    slot, select = _changeable(cut, where)
    return cut.selecting(
        {slot: replace(select, mirrored=not select.mirrored if on is None else on)}
    )


def retimed(cut: Cut, where: Where, speed: Fraction | None) -> Cut:
    """Return the cut with a clip at another speed, around the same instant.

    None is the speed at which it was offered.
    """
    slot, select = _changeable(cut, where)
    if speed is not None and not _SLOWEST <= speed <= _FASTEST:
        raise UsageError(
            f"A clip runs at {float(_SLOWEST):g} to {float(_FASTEST):g} times its speed, not at "
            f"{float(speed):g}."
        )
    new = replace(select, speed=speed, slip=0)
    one = taken(new, cut.slots[slot], cut.rhythm.rate)
    still = Fraction(select.hold, 1) / cut.rhythm.rate
    if speed is not None and one.held > still + 1 / cut.rhythm.rate:
        fastest = one.usable.duration / (duration_of(cut, slot) - still)
        raise UsageError(
            f"At {float(speed):g} times its speed the clip of shot {slot} is too short: the shot "
            f"that it is cut from fills it at {int(fastest * 100) / 100:g} at most."
        )
    return cut.selecting({slot: new})


def held(cut: Cut, where: Where, frames: int) -> Cut:
    """Return the cut with a picture held for the last `frames` frames of a shot; 0 undoes that."""
    slot, select = _changeable(cut, where)
    length = len(cut.slots[slot].own)
    if not 0 <= frames < length:
        raise UsageError(
            f"Shot {slot} has {length} frames: a picture can be held for 0 to {length - 1}, not "
            f"for {frames}."
        )
    return cut.selecting({slot: replace(select, hold=frames)})


def focused(cut: Cut, where: Where, focus: tuple[float, float] | None) -> Cut:
    """Return the cut with the crop of a clip laid elsewhere.

    The focus is x and y from 0 to 1 in the picture as it is in the file, without its bars; None:
    where faces are.
    """
    slot, select = _changeable(cut, where)
    if focus is not None:
        if not all(0 <= part <= 1 for part in focus):
            raise UsageError(
                f"A crop lies between 0 and 1 across and down, not at {focus[0]:g}, {focus[1]:g}."
            )
        focus = (round(float(focus[0]), 4), round(float(focus[1]), 4))
    return cut.selecting({slot: replace(select, focus=focus)})


def instead_of(cut: Cut, where: Where, what: Instead, still: int | None = None) -> Cut:
    """Return the cut with something instead of a clip, where nothing fits.

    That is the source's own shot, black, or a still of the source: the picture `still` frames into
    the shot (None: its middle). It stays when all is chosen again; whoever takes an offer has a
    clip there again.
    """
    slot = cut.slot_of(where)
    _unlocked_only(cut, slot)
    if what == "still":
        length = len(cut.slots[slot].own)
        still = length // 2 if still is None else still
        if not 0 <= still < length:
            raise UsageError(
                f"Shot {slot} has {length} frames: a still is one of 0 to {length - 1}, not "
                f"{still}."
            )
    return cut.selecting({slot: Select(None, instead=what, still=still or 0, picked=True)})


def swapped(cut: Cut, one: Where, other: Where) -> Cut:
    """Return the cut with the clips of two shots exchanged.

    Each stays around the same instant and gets as long as its new shot.
    """
    a, first = _changeable(cut, one)
    b, second = _changeable(cut, other)
    if a == b:
        raise UsageError(f"Shot {a} cannot be exchanged with itself.")
    return cut.selecting({a: _moved(cut, b, second, a), b: _moved(cut, a, first, b)})


def locked(cut: Cut, where: Where | Iterable[Where]) -> Cut:
    """Return the cut with shots locked, so that they stay when others are chosen."""
    slots = cut.slots_of(where)
    return cut.selecting({slot: replace(cut.select(slot), locked=True) for slot in slots})


def unlocked(cut: Cut, where: Where | Iterable[Where] | None = None) -> Cut:
    """Return the cut with shots (None: all) unlocked, so that they may be chosen again."""
    slots = cut.plan.wanted if where is None else cut.slots_of(where)
    there = {slot: cut.selects[slot] for slot in slots if slot in cut.selects}
    return cut.selecting({slot: replace(one, locked=False) for slot, one in there.items()})


def refused(cut: Cut, where: Where, what: What = "clip", *, everywhere: bool = True) -> Cut:
    """Return the cut with the clip that a shot shows refused.

    `what` says whether this clip, its whole shot of the archive, or all of its footage is refused;
    `everywhere`, whether in the whole film or in this shot only.

    What is refused is never chosen, nor offered again, until it is `allowed`. Shots that showed it
    are open then: choose for them.
    """
    slot, select = _changeable(cut, where)
    one = taken(select, cut.slots[slot], cut.rhythm.rate)
    refusal = _refusal(cut, one, what, None if everywhere else slot)
    cut = replace(cut, refused=(*cut.refused, refusal))
    struck = [
        name
        for name, other in cut.selects.items()
        if other.candidate is not None
        and refusal in cut.refusals(name)
        and refusal.holds_for(taken(other, cut.slots[name], cut.rhythm.rate))
    ]
    kept = [name for name in struck if cut.selects[name].locked]
    if kept:
        raise UsageError(
            f"Shot {', '.join(kept)} shows it too and is locked: unlock it, or refuse it for shot "
            f"{slot} only."
        )
    return cut.selecting(dict.fromkeys(struck))


def allowed(cut: Cut, refusal: int | Refusal | None = None) -> Cut:
    """Return the cut with something that was refused allowed again.

    `refusal` is one of `cut.refused`, by its number from 1 or as it is, or all of them (None). It
    is offered again when the shot is asked again.
    """
    if refusal is None:
        return replace(cut, refused=())
    if isinstance(refusal, int):
        if not 1 <= refusal <= len(cut.refused):
            last = f"the last is {len(cut.refused)}" if cut.refused else "nothing is refused"
            raise UsageError(f"There is no refusal {refusal}: {last}.")
        refusal = cut.refused[refusal - 1]
    return replace(cut, refused=tuple(one for one in cut.refused if one != refusal))


def contradictions(cut: Cut) -> list[tuple[str, str]]:
    """Return the pairs of locked slots that show the same material."""
    copies = cut.copies()
    clips = [
        (name, taken(one, cut.slots[name], cut.rhythm.rate))
        for name, one in cut.selects.items()
        if one.locked and one.candidate is not None
    ]
    return [
        (name, other_name)
        for n, (name, one) in enumerate(clips)
        for other_name, other in clips[n + 1 :]
        if copies.same(one, other)
    ]


def _changeable(cut: Cut, where: Where) -> tuple[str, Select]:
    """Return a slot and its select.

    Raises `UsageError` where the select is not of the archive, or locked.
    """
    slot = cut.slot_of(where)
    _unlocked_only(cut, slot)
    select = cut.select(slot)
    if select.candidate is None:
        shown = _SHOWN.get(select.instead or "", "what an editing program put there")
        raise UsageError(f"Shot {slot} shows {shown}: take one of its offers first.")
    return slot, select


_SHOWN = {"own": "the source's own shot", "black": "black", "still": "a still of the source"}


def _unlocked_only(cut: Cut, slot: str) -> None:
    select = cut.selects.get(slot)
    if select is not None and select.locked:
        raise UsageError(f"Shot {slot} is locked: unlock it first.")


def _moved(cut: Cut, source: str, select: Select, slot: str) -> Select:
    """Return what one slot shows, made for another slot."""
    shown = taken(select, cut.slots[source], cut.rhythm.rate)
    for one in cut.offers.get(slot, ()):
        if one.film is shown.film and one.media.start == shown.media.start:
            return replace(Select.of(one, picked=True), mirrored=select.mirrored)
    one = fitted(shown, duration_of(cut, slot))
    return Select.of(one, picked=True)


def _refusal(cut: Cut, one: Candidate, what: What, slot: str | None) -> Refusal:
    footage = one.film.footage
    checksum, name = footage.checksum, footage.path.name
    if what == "footage":
        return Refusal(checksum, name, slot=slot)
    span = one.media if what == "clip" else one.usable
    also = tuple(_elsewhere(cut, replace(one, media=span)))
    return Refusal(checksum, name, one.shot, one.media if what == "clip" else None, slot, also)


def _elsewhere(cut: Cut, one: Candidate) -> dict[tuple[str, TimeRange], None]:
    """Return where the frames of a clip lie in other footage that is offered."""
    copies = cut.copies()
    every = [other for part in cut.offers.values() for other in part]
    names = {other.film.footage.id: other.film.footage.checksum for other in every}
    own, *others = copies.spans(one)
    found = [(names[s.footage], _exact(s.start, s.end)) for s in others if s.footage in names]
    for other in every:
        mine, *lying = copies.spans(other)
        for span in lying:
            if mine.footage != own.footage and span.overlaps(own):
                shift = mine.start - span.start
                low, high = max(span.start, own.start), min(span.end, own.end)
                found.append((names[mine.footage], _exact(low + shift, high + shift)))
    return dict.fromkeys(found)


def _exact(start: float, end: float) -> TimeRange:
    low, high = (Fraction(t).limit_denominator(1_000_000) for t in (start, end))
    return TimeRange(low, high)
