"""Go on with a recut by hand, in the way of every face.

    going = desk.resume(project)                    # or desk.cut(source)
    going = going.after(Orders(take={"2": 3}, lock=("2",)))
    for one in going.offers(["2"]): ...
    write_made(going.made(), "remade.mp4", (going.appearance(),))

It is a value: whatever is ordered gives a new one, and to undo is to go back to the old one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kuleshov.desk.appearance import Appearance
from kuleshov.edit.cut import Cut, Where
from kuleshov.edit.orders import Offer, Orders, carried_out, listed, told_of
from kuleshov.edit.recut import Recut
from kuleshov.edit.resuming import remembering
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.stock import Stock
from kuleshov.notes import Note, together

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Resumed", "ShotOffers", "offers_as_data"]


@dataclass(frozen=True, eq=False)
class ShotOffers:
    """The offers of one slot.

    `slot` is its name; `decided` says what is decided of it, as data for JSON.
    """

    slot: str
    decided: Mapping[str, Any]
    offers: tuple[Offer, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the offers as data for JSON."""
        return {**self.decided, "offers": [one.as_data() for one in self.offers]}


@dataclass(frozen=True, eq=False)
class Resumed:
    """A recut to go on with: its cut, and the archive ready to be asked.

    `notes` are on the latest step: what could not be brought back, or what orders led to. `credits`
    says whether its film ends with them.
    """

    cut: Cut
    stock: Stock
    notes: tuple[Note, ...] = ()
    credits: bool = False

    def after(self, orders: Orders, *, job: Job = QUIET) -> Resumed:
        """Return the recut after all orders, or none, with notes on them.

        Raises `UsageError` where something cannot be done, `MatchError` where nothing is offered.
        """
        cut, notes = carried_out(self.cut, self.stock, orders, job)
        return replace(self, cut=cut, notes=notes)

    def offers(
        self, where: Where | Iterable[Where], most: int | None = None
    ) -> tuple[ShotOffers, ...]:
        """Return what shots may show, at most `most` offers of each.

        Raises `UsageError` as `Cut.slots_of`.
        """
        return tuple(
            ShotOffers(slot, told_of(self.cut, slot), tuple(listed(self.cut, slot, most)))
            for slot in self.cut.slots_of(where)
        )

    def made(self) -> Recut:
        """Return the film as a timeline that remembers the cut, with all notes."""
        timeline, notes = remembering(self.cut)
        return Recut(timeline, together(self.notes, notes))

    def appearance(self, wanted: Appearance = Appearance()) -> Appearance:
        """Return the wanted appearance, with credits where the film had them."""
        return replace(wanted, credits=wanted.credits or self.credits)


def offers_as_data(going: Resumed, offers: Iterable[ShotOffers]) -> dict[str, Any]:
    """Return what shots may show, and what is refused in the whole film, as data for JSON."""
    refused = [str(one) for one in going.cut.refused]
    return {"shots": [one.as_data() for one in offers], "refused": refused}
