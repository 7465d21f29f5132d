"""Changes that a person makes to a cut, each a record that knows its name and its outcome.

    change = Lock("5")
    change.words(cut)                    # "Lock shot 5"
    cut = change.made(cut, stock)

`desk.editing` keeps them as history. Shots and slots are named as in `edit.cut.Where`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from kuleshov.desk.alike import same_looking
from kuleshov.edit import by_hand
from kuleshov.edit.by_hand import What
from kuleshov.edit.choosing import asking, chosen, free, ranked_for
from kuleshov.edit.cut import Cut, Instead, Refusal, duration_of
from kuleshov.edit.taking import fitted
from kuleshov.errors import UsageError
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.align.stock import Stock
from kuleshov.match.align.strength import DEFAULT_WEIGHTS

__all__ = [
    "INSTEAD",
    "Allow",
    "Black",
    "Change",
    "Fill",
    "Focus",
    "Hold",
    "Lock",
    "Mirror",
    "Own",
    "Pick",
    "Refuse",
    "Slip",
    "Speed",
    "Still",
    "Swap",
    "Unlock",
    "Weigh",
    "allowing",
    "offer_id",
]

INSTEAD: Mapping[Instead, str] = {
    "own": "the source's own",
    "black": "black",
    "still": "a still of the source",
}
"""What a slot shows where nothing fits, in words."""

_ITS_LENGTH = Fraction(1, 2)  # frames by which an offer may be longer or shorter than its slot

_NAMED = 8  # shots, in what a change is called


class Change(Protocol):
    """Something that is done to a cut."""

    def words(self, cut: Cut) -> str:
        """Return what it is called, said of the cut before it."""

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut after it. Raises `UsageError` where it cannot be done."""


def offer_id(one: Candidate) -> str:
    """Return the name by which an offer is known within a project."""
    footage = one.film.footage.checksum[:10]
    return f"{footage}-{round(one.media.start * 1_000_000)}" + ("-m" if one.mirrored else "")


@dataclass(frozen=True)
class Pick:
    """A slot shows this offer."""

    slot: str
    offer: Candidate

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Pick {self.offer.film.footage.path.name} for shot {self.slot}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it; where it is one of its offers, with that.

        One that was offered to a slot of another length gets as long as this one.
        """
        wanted, name = self.offer, offer_id(self.offer)
        slot = cut.slot_of(self.slot)
        there = [one for one in cut.offers.get(slot, ()) if offer_id(one) == name]
        same = [one for one in there if (one.media, one.speed) == (wanted.media, wanted.speed)]
        if same:
            return by_hand.replaced(cut, slot, same[0])
        length = duration_of(cut, slot)
        shown = wanted.media.duration / wanted.speed + wanted.held
        if abs(shown - length) * cut.rhythm.rate >= _ITS_LENGTH:
            wanted = fitted(wanted, length)
        return by_hand.replaced(cut, slot, wanted)


@dataclass(frozen=True)
class Lock:
    """A slot stays as it is when others are chosen."""

    slot: str

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Lock shot {self.slot}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it locked."""
        return by_hand.locked(cut, self.slot)


@dataclass(frozen=True)
class Unlock:
    """A slot, or all (None), may be chosen again."""

    slot: str | None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return "Unlock all shots" if self.slot is None else f"Unlock shot {self.slot}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it unlocked."""
        return by_hand.unlocked(cut, self.slot)


@dataclass(frozen=True)
class Refuse:
    """The clip of a slot, its whole shot or its footage must not answer, as `what` says.

    That holds only `here`, or in the whole film. Slots that are open then are chosen again.
    """

    slot: str
    what: What = "clip"
    here: bool = False

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        what = {"clip": "the clip", "shot": "the whole shot", "footage": "the footage"}[self.what]
        return f"Refuse {what} of shot {self.slot}" + (" there" if self.here else "")

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut without it."""
        before = cut
        cut = by_hand.refused(cut, self.slot, self.what, everywhere=not self.here)
        struck = [slot for slot in before.selects if slot not in cut.selects]
        cut = ranked_for(cut, stock, struck, job=job)
        apart = self._apart(before, cut, stock, struck)
        found = replace(chosen(apart, struck, job=job), refused=cut.refused)
        if apart is not cut and any(slot not in found.selects for slot in struck):
            return chosen(cut, struck, job=job)  # better the same again than nothing
        return found

    def _apart(self, before: Cut, cut: Cut, stock: Stock, struck: list[str]) -> Cut:
        """Return the cut to choose by: what looks like the clip is refused too, for this once.

        Where a slot has another answer: who refuses a clip does not want the same from a moment
        later.
        """
        shown = before.selects[before.slot_of(self.slot)].candidate
        if shown is None:
            return cut
        more: list[Refusal] = []
        for slot in struck:
            offers = cut.offers.get(slot, ())
            able = [offers[n] for n in free(cut, slot)]
            like = same_looking(shown, able, stock.reference)
            if 0 < len(like) < len(able):
                more += [_only(one, slot) for one in like]
        return replace(cut, refused=(*cut.refused, *more)) if more else cut


def _only(one: Candidate, slot: str) -> Refusal:
    footage = one.film.footage
    return Refusal(footage.checksum, footage.path.name, one.shot, one.media, slot)


@dataclass(frozen=True)
class Allow:
    """Something that was refused may answer again: by its number, from 1; None: all."""

    number: int | None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        if self.number is None or not 1 <= self.number <= len(cut.refused):
            return "Allow all that was refused"
        what = str(cut.refused[self.number - 1]).removeprefix("not ")
        return f"Allow again: {what.replace('nothing of', 'anything of', 1)}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it allowed."""
        return allowing(cut, self.number)


def allowing(cut: Cut, refusal: int | Refusal | None) -> Cut:
    """Return the cut with a refusal (None: all) taken away.

    What it was refused for is ranked anew when it is looked at.
    """
    again = by_hand.allowed(cut, refusal)
    gone = [one for one in cut.refused if one not in again.refused]
    struck = {s for s in cut.plan.wanted if any(one.slot in (None, s) for one in gone)}
    return replace(again, stale=again.stale | struck)


@dataclass(frozen=True)
class Slip:
    """A clip begins so many pictures of its footage later, or earlier."""

    slot: str
    by: int

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Slip shot {self.slot} by {self.by:+d}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it slipped."""
        return by_hand.slipped(cut, self.slot, self.by)


@dataclass(frozen=True)
class Mirror:
    """A clip is mirrored, or no longer."""

    slot: str

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Mirror shot {self.slot}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it turned round."""
        return by_hand.mirrored(cut, self.slot)


@dataclass(frozen=True)
class Speed:
    """A clip runs at `by` times the speed of its footage; None: as it was offered."""

    slot: str
    by: Fraction | None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        speed = "as offered" if self.by is None else f"{float(self.by):.3g} times its speed"
        return f"Run shot {self.slot} at {speed}" if self.by else f"Run shot {self.slot} {speed}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it at that speed."""
        return by_hand.retimed(cut, self.slot, self.by)


@dataclass(frozen=True)
class Hold:
    """The last frames of a slot show one picture."""

    slot: str
    frames: int

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Hold the end of shot {self.slot} for {self.frames} frames"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it held."""
        return by_hand.held(cut, self.slot, self.frames)


@dataclass(frozen=True)
class Swap:
    """Two slots exchange their clips."""

    slot: str
    other: str

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Swap shots {self.slot} and {self.other}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with them exchanged."""
        return by_hand.swapped(cut, self.slot, self.other)


class _InsteadOf:
    """Nothing fits a slot: it shows something else."""

    slot: str
    _what: Instead

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        return f"Leave shot {self.slot} as {INSTEAD[self._what]}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with that."""
        return by_hand.instead_of(cut, self.slot, self._what)


@dataclass(frozen=True)
class Own(_InsteadOf):
    """A slot shows the source's own shot."""

    slot: str
    _what = "own"


@dataclass(frozen=True)
class Black(_InsteadOf):
    """A slot stays black."""

    slot: str
    _what = "black"


@dataclass(frozen=True)
class Still(_InsteadOf):
    """A slot shows a still of the source: the picture `frame` frames into it (None: its middle)."""

    slot: str
    frame: int | None = None
    _what = "still"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with that."""
        return by_hand.instead_of(cut, self.slot, "still", self.frame)


@dataclass(frozen=True)
class Focus:
    """The crop of a clip lies here; without `x` and `y`, where faces are."""

    slot: str
    x: float | None = None
    y: float | None = None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        if self.x is None or self.y is None:
            return f"Crop shot {self.slot} by itself again"
        return f"Move the crop of shot {self.slot}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with it there."""
        given = None if self.x is None or self.y is None else (self.x, self.y)
        return by_hand.focused(cut, self.slot, given)


@dataclass(frozen=True)
class Weigh:
    """Likeness is weighed anew, for the whole film or for one `slot`; None: as before.

    `weights` by facet; `tightness` as in `MatchOptions`; `freshness`, of the whole film only, is
    how much what was not shown yet is preferred (`SelectOptions.fresh`). Clips stay: they are
    chosen anew by `Fill`.
    """

    weights: Mapping[str, float] | None = None
    tightness: float | None = None
    freshness: float | None = None
    slot: str | None = None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        before = cut.options.match if self.slot is None else cut.asked_by(self.slot).match
        old = before.weights or DEFAULT_WEIGHTS
        told = [
            f"{name} {old.get(name, 0):g} → {value:g}"
            for name, value in (self.weights or {}).items()
            if value != old.get(name, 0)
        ]
        if self.tightness is not None and self.tightness != before.tightness:
            told.append(f"tightness {_percent(before.tightness)} → {_percent(self.tightness)}")
        fresh = cut.options.select.fresh
        if self.freshness is not None and self.freshness != fresh:
            told.append(f"freshness {_percent(fresh)} → {_percent(self.freshness)}")
        where = "" if self.slot is None else f" for shot {self.slot}"
        return f"Weigh{where}: {', '.join(told)}" if told else f"Weigh{where} as before"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut in which slots are asked by that."""
        slot = None if self.slot is None else cut.slot_of(self.slot)
        if slot is not None and self.freshness is not None:
            raise UsageError("Freshness is of the whole film, not of one shot.", option="freshness")
        match = cut.options.match if slot is None else cut.asked_by(slot).match
        if self.weights is not None:
            match = replace(match, weights={**(match.weights or DEFAULT_WEIGHTS), **self.weights})
        if self.tightness is not None:
            match = replace(match, tightness=self.tightness)
        cut = asking(cut, slot, match=match)
        if self.freshness is None:
            return cut
        select = replace(cut.options.select, fresh=self.freshness)
        return replace(cut, options=replace(cut.options, select=select))


@dataclass(frozen=True)
class Fill:
    """Some slots, or all (None), are chosen again, as far as they are not locked."""

    slots: tuple[str, ...] | None = None

    def words(self, cut: Cut) -> str:
        """Return what it is called."""
        if self.slots is None:
            return "Fill what is not locked"
        return f"Choose again for {_shots(self.slots)}"

    def made(self, cut: Cut, stock: Stock, job: Job = QUIET) -> Cut:
        """Return the cut with the best choice."""
        slots = None if self.slots is None else cut.slots_of(self.slots)
        return chosen(ranked_for(cut, stock, slots, job=job), slots, job=job)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _shots(slots: Iterable[str]) -> str:
    names = [*slots]
    if len(names) > _NAMED:
        return f"{len(names)} shots"
    return f"shot {names[0]}" if len(names) == 1 else f"shots {', '.join(names)}"
