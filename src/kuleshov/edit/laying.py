"""Lay a cut on a timeline: its clips, the source beside them, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from kuleshov.edit.cut import Cut, Select
from kuleshov.edit.focus import focus_of
from kuleshov.edit.placing import (
    Later,
    clips,
    instead,
    kept_title,
    metadata,
    source_clips,
    source_media,
)
from kuleshov.edit.rhythm import Slot
from kuleshov.edit.taking import taken
from kuleshov.features.tags import Tag
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.likeness.copies import Copies, FootageRange, folded
from kuleshov.notes import Note
from kuleshov.timeline import Clip, Gap, Item, Layout, Media, Sound, Timeline, Track

__all__ = ["Laid", "Shown", "crop_of", "film", "laid", "notes_on", "ranked"]

Shown = Sequence[tuple[str, Candidate]]
"""The clips that slots show, with the slots' names."""


class Laid:
    """The items of the latest cut of a recut, slot by slot: those that did not change are kept."""

    def __init__(self) -> None:
        self._like: tuple[object, ...] = ()
        self._slots: dict[str, tuple[tuple[object, ...], _Slot]] = {}

    def begin(self, lay: _Layer) -> None:
        """Begin a cut: forget all slots where what all depend on is another than before."""
        like = lay.depends()
        if not _identical(like, self._like):
            self._like, self._slots = like, {}

    def of(self, lay: _Layer, name: str, slot: Slot) -> _Slot:
        """Return what a slot is laid as."""
        own = lay.depends(name)
        known = self._slots.get(name)
        if known is None or not _identical(known[0], own):
            known = self._slots[name] = (own, lay.slot(name, slot))
        return known[1]


@dataclass(frozen=True, eq=False)
class _Slot:
    """A slot as it is laid: its items, the source's beside them, and the clip that it shows."""

    items: list[Item]
    beside: list[Clip]
    shown: Candidate | None


def _identical(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(
        a is b or (isinstance(a, frozenset) and a == b) for a, b in zip(one, other, strict=True)
    )


def film(cut: Cut, *, memory: Mapping[str, Any] | None = None) -> tuple[Timeline, tuple[Note, ...]]:
    """Return the film of a cut, and notes on it.

    Tracks `recut` and `source` have the same borders; the layout shows the former alone. `memory`
    is what the project remembers besides (see `edit.resuming`).
    """
    timeline, shown = laid(cut, memory=memory)
    return timeline, notes_on(cut, shown, cut.copies())


def laid(
    cut: Cut, *, memory: Mapping[str, Any] | None = None, known: Laid | None = None
) -> tuple[Timeline, Shown]:
    """Return the film of a cut as `film` does, and which clip each slot shows.

    `known` keeps what was laid, for the next cut of the same recut.
    """
    lay, known = _Layer(cut), known or Laid()
    known.begin(lay)
    items: list[Item] = []
    beside: list[Item] = []
    shown: list[tuple[str, Candidate]] = []
    borders: list[int] = []  # the last item of each slot
    for name, slot in cut.slots.items():
        part = known.of(lay, name, slot)
        if part.shown is not None:
            shown.append((name, part.shown))
        items += part.items
        borders.append(len(items) - 1)
        beside += part.beside
    transitions = tuple(replace(t, after=borders[t.after]) for t in cut.rhythm.transitions)
    timeline = Timeline(
        name=cut.source.analysis.path.stem,
        rate=cut.rhythm.rate,
        layout=Layout.single(*lay.size, cut.options.fit),
        tracks=(Track("recut", tuple(items), transitions), Track("source", tuple(beside))),
        sound=_sound(cut, lay.source),
        metadata={
            **cut.kept,
            "kuleshov": {
                **cut.kept.get("kuleshov", {}),
                "source_checksum": cut.source.checksum,
                **(memory or {}),
            },
        },
    )
    return timeline, shown


def notes_on(cut: Cut, shown: Shown, copies: Copies | None) -> tuple[Note, ...]:
    """Return notes on the film of a cut; without `copies` none on what is repeated."""
    return (
        *cut.plan.notes,
        *_parts(cut),
        *_missing(cut),
        *cut.doubts,
        *(() if copies is None else _repeats(cut, shown, copies)),
        *_crowds(cut, shown),
        *_holds(cut, shown),
    )


def crop_of(cut: Cut, name: str) -> tuple[float, float] | None:
    """Return where the film crops the clip that a slot shows; None: in the middle."""
    lay = _Layer(cut)
    select, one = cut.selects.get(name), lay.shows(name)
    if select is None or one is None or select.focus is not None:
        return None if select is None else select.focus
    return focus_of(one.film, one.film.shot(one.shot), one.media, lay.shape)


def ranked(cut: Cut, slot: str) -> tuple[Candidate, ...]:
    """Return what may stand in a slot, in the order in which a person chooses from it.

    First what is chosen there, then of the offers each moment of the archive once, the strongest
    first.
    """
    return _ranked(cut, slot, cut.copies())


def _ranked(cut: Cut, slot: str, copies: Copies) -> tuple[Candidate, ...]:
    select = cut.selects.get(slot)
    offers = cut.offers.get(slot, ())
    one = None if select is None else select.candidate
    if one is None:
        return folded(offers, copies, better_file=False).kept
    others = (other for other in offers if other is not one)
    return folded([one, *others], copies, better_file=False).kept


class _Layer:
    """A layer that lays the slots of one cut as items."""

    def __init__(self, cut: Cut) -> None:
        analysis, options = cut.source.analysis, cut.options
        self._cut = cut
        self.source = source_media(analysis, cut.source.checksum, keep_bars=options.keep_bars)
        video = analysis.probe.video
        self.size = video.display_size if options.keep_bars else video.active_display_size
        self.shape = options.shape or Fraction(*self.size)

    def depends(self, name: str | None = None) -> tuple[object, ...]:
        """Return all on which it depends what a slot is laid as; None: on which that of all does.

        They are values that never change: what is laid is the same while each is the very one.
        """
        cut = self._cut
        if name is None:
            options = cut.options
            besides = cut.offers.besides(cut.shown)  # with which copies are known
            parts = (options.titles, options.shape, options.keep_bars)
            return (cut.plan, cut.source, cut.offers, besides, *parts)
        return (cut.selects.get(name),)

    def slot(self, name: str, slot: Slot) -> _Slot:
        """Return what a slot is laid as."""
        items = self.laid(name, slot)
        cut = self._cut
        beside = source_clips(slot, items, self.source, cut.rhythm, cut.source.slate)
        return _Slot(items, beside, self.shows(name))

    def shows(self, name: str) -> Candidate | None:
        """Return the clip that a slot shows; None for black and what has no candidate."""
        select = self._cut.selects.get(name)
        if select is None or select.candidate is None:
            return None
        return taken(select, self._cut.slots[name], self._cut.rhythm.rate)

    def laid(self, name: str, slot: Slot) -> list[Item]:
        """Return the items of a slot."""
        cut = self._cut
        select = cut.selects.get(name)
        if select is not None and select.instead is not None:
            return [instead(select, name, slot, self.source, cut.rhythm, cut.source.slate)]
        if select is not None and select.candidate is None:
            return [*select.items]
        one = self.shows(name)
        if select is not None and one is not None:
            remembered = Later(name, partial(self._remembered, name, slot, select, one))
            return [*clips(slot, one, cut.rhythm, remembered, self.shape, select.focus)]
        if slot.shot in cut.plan.titles and cut.options.titles == "keep":
            return [kept_title(slot, self.source, cut.rhythm, cut.source.slate)]
        return [Gap(len(slot.own), metadata(slot, None, None, name=name))]

    def _remembered(self, name: str, slot: Slot, select: Select, one: Candidate) -> dict[str, Any]:
        offers = self._cut.offers.get(name, ())
        assert select.candidate is not None
        rank = next((n for n, other in enumerate(offers) if other is select.candidate), None)
        others = _ranked(self._cut, name, self._cut.copies())[1:]
        known = metadata(slot, one, rank, self._tags(slot), others, name=name)
        if not select.kept:
            return known
        kept = {key: value for key, value in select.kept.items() if key != "kuleshov"}
        return {**kept, "kuleshov": {**known["kuleshov"], **select.kept.get("kuleshov", {})}}

    def _tags(self, slot: Slot) -> tuple[Tag, ...]:
        """Return the tags of a slot's source shot."""
        return () if slot.shot is None else self._cut.source.tags(slot.shot)


def _sound(cut: Cut, source: Media) -> Sound | None:
    if cut.source.analysis.probe.audio is None:
        return None
    if cut.options.begin is None and cut.options.end is None:
        return Sound(source)
    return Sound(source, cut.rhythm.start, cut.rhythm.frames / cut.rhythm.rate)


def _parts(cut: Cut) -> Iterator[Note]:
    for number, count in cut.plan.parts.items():
        yield Note(
            "shot-divided",
            f"Shot {number} is longer than any shot of the archive can answer: {count} clips "
            "follow one another in it.",
            {"shot": number, "clips": count},
        )


def _missing(cut: Cut) -> Iterator[Note]:
    for name in cut.plan.wanted:
        number = cut.slots[name].number
        if (select := cut.selects.get(name)) is not None:
            if select.instead is not None:
                text = f"Shot {name} {_INSTEAD[select.instead]}: nothing that is offered fits it."
                about = {"shot": number, "slot": name, "instead": select.instead}
                yield Note("shot-instead", text, about)
            continue
        if cut.offers.get(name):
            text = f"Nothing is chosen for shot {name}: it stays black."
            yield Note("shot-open", text, {"shot": number, "slot": name})
        else:
            text = f"Shot {number} has no candidate and stays black."
            yield Note("shot-missing", text, {"shot": number, "slot": name})


_INSTEAD = {
    "own": "is the source's own",
    "black": "is left black",
    "still": "is a still of the source",
}


def _repeats(cut: Cut, shown: Sequence[tuple[str, Candidate]], copies: Copies) -> Iterator[Note]:
    said = set()
    at: dict[int, list[tuple[FootageRange, int]]] = {}  # by footage: what is shown, and by which
    for index, (name, one) in enumerate(shown):
        slot, spans = cut.slots[name], copies.spans(one)
        shows = ((span, there) for span in spans for there in at.get(span.footage, ()))
        others = (n for span, (other, n) in shows if span.overlaps(other))
        if (first := min(others, default=None)) is not None:
            other_name = shown[first][0]
            there = cut.slots[other_name]
            again = f"shot {there.number}" if there.shot != slot.shot else "its own"
            text = (
                f"Shot {slot.number} repeats material of {again} "
                f"({one.film.footage.path.name}): {_why(cut, name, other_name)}."
            )
            if text not in said:  # of a divided shot they are alike
                said.add(text)
                about = {"shot": slot.number, "slot": name, "of": other_name}
                yield Note("shot-repeats", text, about)
        for span in spans:
            at.setdefault(span.footage, []).append((span, index))


def _why(cut: Cut, *slots: str) -> str:
    """Return the reason why two slots show the same."""
    if all(cut.selects[slot].locked for slot in slots):
        return "both are locked"
    by_hand = [slot for slot in slots if cut.selects[slot].picked or cut.selects[slot].locked]
    if len(by_hand) == len(slots):
        return "both were chosen by hand"
    if by_hand:
        return f"shot {cut.slots[by_hand[0]].number} was chosen by hand"
    return "the archive has too little"


def _crowds(cut: Cut, shown: Sequence[tuple[str, Candidate]]) -> Iterator[Note]:
    most = cut.options.select.at_most
    if most is None:
        return
    names: dict[int, list[str]] = {}
    for name, one in shown:
        names.setdefault(one.film.footage.id, []).append(name)
    for _, one in shown:
        slots = names.pop(one.film.footage.id, [])
        if len(slots) > most:
            path = one.film.footage.path
            yield Note(
                "footage-crowds",
                f"{len(slots)} clips are of {path.name}, not {most} at most: the archive has too "
                "little else.",
                {"path": str(path), "clips": len(slots)},
            )


def _holds(cut: Cut, shown: Sequence[tuple[str, Candidate]]) -> Iterator[Note]:
    for name, one in shown:
        if one.held and not cut.selects[name].hold:
            number = cut.slots[name].number
            yield Note(
                "shot-held",
                f"Shot {number} holds its last picture for {float(one.held):.2f} s "
                f"({one.film.footage.path.name}): no shot of the archive is long enough.",
                {"shot": number, "slot": name, "seconds": float(one.held)},
            )
