"""Suggestions: what may stand in a slot, as a person looks at it and chooses.

    shown = Suggester(desk)
    shown.suggestions(cut, stock, "5", 24)
    shown.suggestions(cut, stock, "5", 24, Wish(words="snow"))

Of all offers each moment comes once, copies and shots that look the same are folded into the best
of them, and those that are alike lie together in groups: the group of the best suggestion first,
and the best of each group before the others of it. Where not all are shown, the best of each group
are before any others. What the film shows elsewhere counts less, so
that it comes after what it does not, unless it is much better: to choose over a whole film never
shows anything twice, here a person decides, and sees by whom it is taken. `counts` is the figure
by which they are ordered. Once shown, suggestions keep their order for as long as a slot is asked
by the same: who picks by numbers finds them where they were; only what was not among them and has
come to be worth more than most of them has all ordered anew. Sorted by likeness several hundred
pictures can be taken in at once, unsorted some 20 (Barthel et al. 2022, arXiv 2205.04255).
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.filters import Filter, parse_terms
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.archive.shot_tags import tags_of, why
from kuleshov.desk.alike import MeanRows, likeness, looks_same, rows_at
from kuleshov.desk.changes import offer_id
from kuleshov.edit.choosing import offered
from kuleshov.edit.cut import Cut, duration_of
from kuleshov.edit.taking import taken
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.facet import Reference
from kuleshov.features.tags import Tag, mirrored
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.stock import Stock
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.match.choose.select import NEIGHBOURS
from kuleshov.match.likeness.copies import Copies, FootageRange, Held, folded

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["LEAST", "Suggester", "Suggestion", "Wish"]

LEAST = 12
"""Suggestions that a slot has, where the archive offers as many: what only looks the same is folded
as long as that leaves so many."""

T = TypeVar("T")

_MOST = 60
_GROUP = 4.0  # bits of likeness, on average, from which suggestions are a group
_TAKEN = 4.0  # bits lost by what the film shows elsewhere: it comes early only if much better
_FOUND = 400  # clips among which words are looked for
_FIRST = 9  # suggestions that are picked by their number


@dataclass(frozen=True)
class Wish:
    """A wish by which one slot is ranked for once.

    Only shots that show `words`, or those of a `bin`; such as are like an offer (by its id), or
    like a file (`example`); by other `weights` or another `tightness`. `within` names a suggestion:
    it, and what is folded into it. An empty wish: as the slot is asked.
    """

    words: str | None = None
    like: str | None = None
    example: Path | None = None
    bin: str | None = None
    weights: Mapping[str, float] | None = None
    tightness: float | None = None
    within: str | None = None

    def __bool__(self) -> bool:
        return self != Wish()

    @property
    def key(self) -> Hashable:
        """The value that tells it from others."""
        weights = None if self.weights is None else tuple(sorted(self.weights.items()))
        plain = (self.words, self.like, self.example, self.bin, self.tightness, self.within)
        return (*plain, weights)


@dataclass(frozen=True)
class Suggestion:
    """An offer as a person chooses from it: its id, the `clip`, and why it answers, in words.

    `chosen`: it stands there now. `shown_in` are other slots that show the same material. `folded`
    is how many more there are that show or look the same. Those of one `group` are alike; `best` is
    the one that would be chosen. `counts` is its score as it counts here: less for what is shown in
    other slots (`shown_in`), and for the footage of a neighbour (`near`). `sure` says how surely it
    shows the words that were asked for (0 to 1; None where none were).
    """

    offer: str
    clip: Candidate
    why: str = ""
    chosen: bool = False
    shown_in: tuple[str, ...] = ()
    folded: int = 0
    group: int = 0
    best: bool = False
    counts: float = 0.0
    near: bool = False
    sure: float | None = None


@dataclass(frozen=True)
class _Kept:
    """The order in which suggestions were shown: the clips, and the group of each.

    `worth` is what all offers were worth then, by their ids.
    """

    clips: tuple[Candidate, ...] = ()
    groups: tuple[int, ...] = ()
    worth: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Laid:
    """Places of offers in the order in which they are shown, and the group of each."""

    order: tuple[int, ...]
    groups: tuple[int, ...]

    def kept(self, ready: _Ready, ids: Mapping[int, str], worth: Mapping[int, float]) -> _Kept:
        """Return the order as it is kept."""
        clips = tuple(ready.clips[n] for n in self.order)
        return _Kept(clips, self.groups, {name: worth[n] for n, name in ids.items()})

    def page(self, most: int, ids: Mapping[int, str], own: str | None) -> dict[int, int]:
        """Return the groups of the first `most`, by place; what stands there is among them."""
        every = dict(zip(self.order, self.groups, strict=True))
        beyond = {n for n in self.order[most:] if ids[n] == own}
        first = self.order[: most - len(beyond)]
        return {n: group for n, group in every.items() if n in first or n in beyond}


@dataclass(frozen=True, eq=False)
class _Ready:
    """The offers of a slot, each once.

    `inside` is what is folded into each; `alike` (N, N) is their likeness in bits; `spans` are
    where their frames lie.
    """

    clips: tuple[Candidate, ...]
    inside: tuple[tuple[Candidate, ...], ...]
    alike: NDArray[np.float64]
    spans: tuple[tuple[FootageRange, ...], ...]
    copies: Copies


@dataclass(eq=False)
class Suggester:
    """Makes suggestions, and keeps what it takes to make them again at once.

    `more` is footage that came to the archive since the project was opened.

    Safe among threads: at worst two do the same.
    """

    desk: Desk
    more: Stock | None = None
    _merged: OrderedDict[Hashable, tuple[object, tuple[Candidate, ...]]] = field(
        default_factory=OrderedDict
    )
    _ranked: OrderedDict[Hashable, tuple[Candidate, ...]] = field(default_factory=OrderedDict)
    _ready: OrderedDict[Hashable, tuple[tuple[object, object], _Ready]] = field(
        default_factory=OrderedDict
    )
    _tags: dict[int, Mapping[int, Sequence[Tag]]] = field(default_factory=dict)
    _rows: MeanRows = field(default_factory=OrderedDict)
    _taken: dict[str, tuple[object, object, Candidate]] = field(default_factory=dict)
    _held: Held = field(default_factory=Held)
    _kept: OrderedDict[Hashable, _Kept] = field(default_factory=OrderedDict)
    _worded: OrderedDict[Hashable, Mapping[ShotRef, float]] = field(default_factory=OrderedDict)

    def suggestions(
        self,
        cut: Cut,
        stock: Stock,
        slot: str,
        count: int = 24,
        wish: Wish = Wish(),
        *,
        anew: bool = False,
        job: Job = QUIET,
    ) -> tuple[Suggestion, ...]:
        """Return at most `count` suggestions for a slot, likes together, the best first.

        Those that were shown before for the same wish come first, as they were; `anew` forgets
        that. What is refused is not among them. Raises `UsageError` for a slot that nothing is to
        answer, an offer or bin that is not there; `MatchError` where words or a bin leave nothing.
        """
        slot = cut.slot_of(slot)
        chosen = cut.selects.get(slot)
        one = None if chosen is None else chosen.candidate
        own = None if one is None else offer_id(one)
        asked = (slot, cut.asked_by(slot).__repr__(), wish.key, id(self.more))
        ready = self._listed(cut, stock, slot, wish, anew, job)
        refused = cut.refusals(slot)
        free = [
            n for n, one in enumerate(ready.clips) if not any(r.holds_for(one) for r in refused)
        ]
        if not free:
            return ()
        shown = self._shown_in(cut, slot, ready, free)
        near = {n: _of_neighbours(cut, slot, ready.clips[n]) for n in free}
        worth = {n: ready.clips[n].strength - near[n] - _TAKEN * bool(shown[n]) for n in free}
        sure = {n: self._sure(ready.clips[n], wish) for n in free}
        best_first = sorted(free, key=lambda n: _rank(ready.clips[n], worth[n], sure[n]))
        ids = {n: offer_id(ready.clips[n]) for n in free}
        before = _Kept() if anew else self._kept.get(asked, _Kept())
        most = min(max(count, 1), _MOST)
        laid = _laid_out(ready, best_first, ids, worth, before, own, most)
        _remember(self._kept, asked, laid.kept(ready, ids, worth))
        order = laid.page(most, ids, own)
        best = next((n for n in best_first if n in order and not shown[n]), next(iter(order)))
        tags = self._source_tags(cut, slot)
        return tuple(
            Suggestion(
                offer=ids[n],
                clip=ready.clips[n],
                why=self._why(tags, ready.clips[n]),
                chosen=ids[n] == own,
                shown_in=shown[n],
                folded=len(ready.inside[n]),
                group=group,
                best=n == best,
                counts=_counting(ready.clips[n], worth[n]),
                near=near[n] > 0,
                sure=sure[n],
            )
            for n, group in order.items()
        )

    def _listed(
        self, cut: Cut, stock: Stock, slot: str, wish: Wish, anew: bool, job: Job
    ) -> _Ready:
        """Return the offers that are listed for a wish, ready to be shown."""
        chosen = cut.selects.get(slot)
        one = None if chosen is None else chosen.candidate
        whole = replace(wish, within=None)
        asked = (slot, cut.asked_by(slot).__repr__(), whole.key, id(self.more))
        found = self.offers(cut, stock, slot, whole, job=job)
        forgets = anew and wish.within is None
        before = _Kept() if forgets else self._kept.get(asked, _Kept())
        stays = _staying(before.clips, found, None if whole else one)
        ready = self._made_ready(found, stays, stock.reference)
        if wish.within is None:
            return ready
        for place, clip in enumerate(ready.clips):
            if offer_id(clip) == wish.within:
                return _opened(clip, ready.inside[place], ready, stock.reference, self._rows)
        raise MatchError(f"There is no offer {wish.within!r}: look at the suggestions again.")

    def _sure(self, one: Candidate, wish: Wish) -> float | None:
        """Return how surely a clip shows the words of a wish, from 0 to 1; None without words."""
        if wish.words is None:
            return None
        return self._worded.get(wish.words, {}).get(one.ref, 0.0)

    def offers(
        self, cut: Cut, stock: Stock, slot: str, wish: Wish = Wish(), *, job: Job = QUIET
    ) -> tuple[Candidate, ...]:
        """Return all that may stand in a slot, the strongest first.

        Raises as `suggestions`.
        """
        if not wish and slot not in cut.stale:
            return self._with_more(cut, cut.offers.get(slot, ()), slot, wish, job)
        held = None if wish.bin is None else self._held_in(wish.bin)
        key = (slot, id(stock), cut.asked_by(slot).__repr__(), cut.refusals(slot), wish.key, held)
        try:
            if key not in self._ranked:
                _remember(self._ranked, key, self._wished(cut, stock, slot, wish, job))
        except MatchError:
            # What is wished for may be in the footage alone that came since.
            every = self._with_more(cut, (), slot, wish, job)
            if not every:
                raise
            return every
        return self._with_more(cut, self._ranked[key], slot, wish, job)

    def _with_more(
        self, cut: Cut, found: tuple[Candidate, ...], slot: str, wish: Wish, job: Job
    ) -> tuple[Candidate, ...]:
        """Return what answers with what answers of the footage that came to the archive since.

        That alone is ranked: to look at all of an archive takes long.
        """
        more = self.more
        if more is None or wish.example is not None:
            return found
        asked = (cut.asked_by(slot).__repr__(), cut.refusals(slot), wish.key)
        key = (slot, id(more), id(found), *asked)
        if key not in self._merged or self._merged[key][0] is not found:
            new: tuple[Candidate, ...] = ()
            with contextlib.suppress(MatchError, UsageError):  # nothing of it may be asked for
                new = self._wished(cut, more, slot, wish, job)
            there = {offer_id(one) for one in found}
            new = tuple(one for one in new if offer_id(one) not in there)
            both = sorted((*found, *new), key=lambda one: -one.strength)
            both = both[: max(len(found), cut.asked_by(slot).match.candidates)]
            _remember(self._merged, key, (found, tuple(both) if new else found))
            _remember(self._ranked, key, self._merged[key][1])  # so that they are found by name
        return self._merged[key][1]

    def why(self, cut: Cut, slot: str, one: Candidate) -> str:
        """Return why a clip answers a slot, in words."""
        return self._why(self._source_tags(cut, slot), one)

    def _wished(
        self, cut: Cut, stock: Stock, slot: str, wish: Wish, job: Job
    ) -> tuple[Candidate, ...]:
        """Return what answers a wish, or what a slot is asked by now."""
        asked = cut.asked_by(slot)
        match, filters = asked.match, asked.filters
        if wish.weights is not None:
            known = match.weights or DEFAULT_WEIGHTS
            match = replace(match, weights={**known, **wish.weights})
        if wish.tightness is not None:
            match = replace(match, tightness=wish.tightness)
        if wish.example is not None:
            return self._like_file(cut, slot, wish.example, match, filters, job)
        if wish.like is not None:
            return self._like_offer(cut, stock, slot, wish.like, match, filters, job)
        if wish.words is not None:
            term = () if wish.bin is None else parse_terms((f"bin:{wish.bin}",), ()).only
            within = Filter((*filters.only, *term), filters.exclude)
            stock = stock.only(self._showing(wish.words, within, job))
        elif wish.bin is not None:
            stock = stock.only(self._held_in(wish.bin))
        asking = offered(cut, stock, slot, match=match, filters=filters, job=job)
        return asking.offers[slot]

    def _held_in(self, name: str) -> frozenset[ShotRef]:
        """Return the shots of a bin as it is now: it may be filled while a project is open."""
        bins = self.desk.archive.catalogue.bin_table
        return frozenset(bins.all()[bins.named(name)])

    def _showing(self, words: str, filters: Filter, job: Job) -> frozenset[ShotRef]:
        """Return the shots that clearly show what words say, else those that come nearest."""
        from kuleshov.desk.asking import Ask

        found = self.desk.find(
            Ask(words), match=MatchOptions(candidates=_FOUND), filters=filters, job=job
        )
        try:
            clips = found.clear().hits
        except MatchError:
            clips = found.hits[:LEAST]
        sure: dict[ShotRef, float] = {}
        for one in found.hits:
            sure[one.ref] = max(one.score, sure.get(one.ref, 0.0))
        _remember(self._worded, words, sure)
        return frozenset(one.ref for one in clips)

    def _like_file(
        self, cut: Cut, slot: str, path: Path, match: MatchOptions, filters: Filter, job: Job
    ) -> tuple[Candidate, ...]:
        from kuleshov.desk.asking import Ask

        length = duration_of(cut, slot)
        ask = Ask(like=path, length=length)
        return self.desk.find(ask, length, match, filters, job=job).hits

    def _like_offer(
        self,
        cut: Cut,
        stock: Stock,
        slot: str,
        offer: str,
        match: MatchOptions,
        filters: Filter,
        job: Job,
    ) -> tuple[Candidate, ...]:
        """Return what looks like another offer, by the rows that the archive has of that."""
        one = self.found(cut, offer)
        length = duration_of(cut, slot)
        first, end = rows_at(one)
        time = np.arange(first, end) / one.film.grid - float(one.media.start)
        rows = {
            name: one.film.rows[name][first:end].astype(np.float32)
            for name in stock.rows.facets
            if name in one.film.rows
        }
        query = Query(float(length), np.clip(time, 0, float(length)), rows, title=True)
        plainly = replace(match, mirror=False, allow_same=False)
        (found,) = stock.candidates(
            [[query]], [length], plainly, filters, own=cut.plan.own, job=job
        )
        return tuple(found)

    def found(self, cut: Cut, offer: str, slot: str | None = None) -> Candidate:
        """Return an offer by its id: of a slot where that has it, else of whichever.

        An offer of another slot begins at the same moment, but is as long as that slot. Raises
        `MatchError` where it is not known.
        """
        ranked = [(key, clips) for key, clips in reversed(self._ranked.items())]
        own = [clips for key, clips in ranked if isinstance(key, tuple) and key[0] == slot]
        if slot is not None:
            own.insert(0, cut.offers.get(slot, ()))
        every = [*cut.offers.values(), *(clips for _, clips in ranked)]
        shown = [one.candidate for one in cut.selects.values() if one.candidate is not None]
        for part in (*own, *every, shown):
            for one in part:
                if offer_id(one) == offer:
                    return one
        raise MatchError(f"There is no offer {offer!r}: look at the suggestions again.")

    def _made_ready(
        self, found: tuple[Candidate, ...], stays: tuple[Candidate, ...], reference: Reference
    ) -> _Ready:
        """Return offers ready to be shown; what `stays` is never folded."""
        key = (id(found), tuple(id(one) for one in stays))
        if key not in self._ready or self._ready[key][0][0] is not found:
            names = {offer_id(one) for one in stays}
            clips = (*stays, *(other for other in found if offer_id(other) not in names))
            ready = _ready(clips, len(stays), reference, self._rows, self._held)
            _remember(self._ready, key, ((found, stays), ready))
        self._ready.move_to_end(key)
        return self._ready[key][1]

    def _shown_in(
        self, cut: Cut, slot: str, ready: _Ready, which: Sequence[int]
    ) -> dict[int, tuple[str, ...]]:
        """Return for each of some offers the other slots that show the same material."""
        at: dict[int, list[tuple[FootageRange, str]]] = {}
        for name, one in self._shown(cut, slot).items():
            for span in ready.copies.spans(one):
                at.setdefault(span.footage, []).append((span, name))
        found = {}
        for n in which:
            names = {
                name
                for span in ready.spans[n]
                for other, name in at.get(span.footage, ())
                if span.overlaps(other)
            }
            found[n] = tuple(name for name in cut.slots if name in names) if names else ()
        return found

    def _shown(self, cut: Cut, slot: str) -> dict[str, Candidate]:
        """Return the clips of the other slots."""
        found = {}
        for name, one in cut.selects.items():
            if one.candidate is None or name == slot:
                continue
            place, known = cut.slots[name], self._taken.get(name)
            if known is None or known[0] is not one or known[1] is not place:
                known = self._taken[name] = (one, place, taken(one, place, cut.rhythm.rate))
            found[name] = known[2]
        return found

    def _source_tags(self, cut: Cut, slot: str) -> Sequence[Tag]:
        shot = cut.slots[slot].shot
        return () if shot is None else cut.source.tags(shot)

    def _why(self, tags: Sequence[Tag], one: Candidate) -> str:
        own = self._tags_of(one.film, one.shot)
        return why(tags, mirrored(own) if one.mirrored else own, one.facets)

    def _tags_of(self, film: ArchiveFilm, shot: int) -> Sequence[Tag]:
        """Return the tags of a shot, from the catalogue where it has them."""
        number = film.footage.id
        if number not in self._tags:
            self._tags[number] = self.desk.archive.catalogue.tags(number)
        known = self._tags[number].get(shot)
        return tags_of(film, film.shot(shot)) if known is None else known


def _remember(table: OrderedDict[Hashable, T], key: Hashable, value: T, most: int = 256) -> None:
    table[key] = value
    while len(table) > most:
        table.popitem(last=False)


def _of_neighbours(cut: Cut, slot: str, one: Candidate) -> float:
    """Bits that a clip loses for coming from the footage of a neighbour, as when all is chosen."""
    spread = cut.options.select.spread
    place = cut.plan.wanted.index(slot)
    lost = 0.0
    for apart, bits in enumerate(NEIGHBOURS, 1):
        for other in (place - apart, place + apart):
            if 0 <= other < len(cut.plan.wanted):
                select = cut.selects.get(cut.plan.wanted[other])
                if select is not None and select.candidate is not None:
                    same = select.candidate.film.footage.id == one.film.footage.id
                    lost += spread * bits * same
    return lost


def _staying(
    before: tuple[Candidate, ...], found: tuple[Candidate, ...], own: Candidate | None
) -> tuple[Candidate, ...]:
    """Return what was shown before and still is offered, and what stands in the slot."""
    there = {offer_id(one): one for one in found}
    if own is not None:
        # As it is ranked now, where it is: it may be weighed otherwise since it was picked.
        there.setdefault(offer_id(own), own)
    names = dict.fromkeys(offer_id(one) for one in (*before, *(() if own is None else (own,))))
    return tuple(there[name] for name in names if name in there)


def _counting(one: Candidate, worth: float) -> float:
    """Return the score of a clip by what it is worth here, in bits, from 0 up."""
    if one.strength <= 0:
        return 0.0
    return max(0.0, one.score * worth / one.strength)


def _ready(
    clips: tuple[Candidate, ...], stay: int, reference: Reference, rows: MeanRows, held: Held
) -> _Ready:
    """Fold what shows or looks the same, and see how alike the rest is; the first `stay` stay."""
    staying = {id(one) for one in clips[:stay]}
    copies = Copies.among(clips, held=held)
    once = folded(clips, copies, better_file=False).kept
    spans = [copies.spans(one) for one in once]
    alike, composed = likeness(once, reference, rows)
    best_first = sorted(
        range(len(once)), key=lambda n: (id(once[n]) not in staying, -once[n].strength)
    )
    looks = looks_same(once, composed)
    stays = [id(one) in staying for one in once]
    kept, into = _folds(best_first, stays, looks, composed)
    inside = _inside(clips, once, spans, copies, kept, into)
    kept.sort(key=best_first.index)
    return _Ready(
        tuple(once[n] for n in kept),
        tuple(inside[n] for n in kept),
        alike[np.ix_(kept, kept)],
        tuple(spans[n] for n in kept),
        copies,
    )


def _folds(
    order: Sequence[int],
    stays: Sequence[bool],
    looks_same: NDArray[np.bool_],
    composed: NDArray[np.float64],
) -> tuple[list[int], dict[int, int]]:
    """Return which of some clips are kept, and into which of these each of the others is folded.

    That is the one that it looks most like: the first would take in what belongs to others. `order`
    has the best first; what `stays` is not folded, and nothing is where fewer than `LEAST` would be
    kept.
    """
    kept: list[int] = []
    folded: list[int] = []
    for n in order:
        alone = stays[n] or not any(looks_same[k, n] for k in kept)
        (kept if alone else folded).append(n)
    while folded and len(kept) < LEAST:
        kept.append(folded.pop(0))
    into = {}
    for n in folded:
        into[n] = max((k for k in kept if looks_same[k, n]), key=lambda k: composed[k, n])
    return kept, into


def _inside(
    clips: Sequence[Candidate],
    once: Sequence[Candidate],
    spans: Sequence[Sequence[FootageRange]],
    copies: Copies,
    kept: Sequence[int],
    into: Mapping[int, int],
) -> dict[int, tuple[Candidate, ...]]:
    """Return what is folded into each that is kept: what looks like it, or shows some of it.

    It does not matter in which order they come: a page that is asked for again folds the same.
    """
    found: dict[int, list[Candidate]] = {n: [] for n in kept}
    for one in clips:
        place = next((n for n, other in enumerate(once) if other is one), None)
        if place is None:
            mine = copies.spans(one)
            meet = [n for n, its in enumerate(spans) if _meet(mine, its)] or [kept[0]]
            place = max(meet, key=lambda n: (n in found, once[n].strength))
        head = into.get(place, place)
        if one is not once[head]:
            found[head].append(one)
    return {n: tuple(sorted(some, key=lambda one: -one.strength)) for n, some in found.items()}


def _opened(
    one: Candidate,
    inside: Sequence[Candidate],
    ready: _Ready,
    reference: Reference,
    rows: MeanRows,
) -> _Ready:
    """Return an offer and what is folded into it, each by itself."""
    clips = (one, *inside)
    alike, _ = likeness(clips, reference, rows)
    spans = tuple(ready.copies.spans(clip) for clip in clips)
    return _Ready(clips, ((),) * len(clips), alike, spans, ready.copies)


def _rank(one: Candidate, worth: float, sure: float | None) -> tuple[float, float, float]:
    """Return the key by which offers are put in order, the best first.

    Where words are asked for, how surely they are shown orders, in tenths, and among those that are
    as sure the figure that is shown.
    """
    if sure is None:
        return (-worth, 0.0, 0.0)
    return (-round(sure, 1), -round(_counting(one, worth), 2), -worth)


def _laid_out(
    ready: _Ready,
    best_first: Sequence[int],
    ids: Mapping[int, str],
    worth: Mapping[int, float],
    before: _Kept,
    own: str | None,
    most: int,
) -> _Laid:
    """Put offers in the order in which they are shown: those of before first, as they were.

    The order of before is forgotten where something that it has not has come to be worth more since
    and belongs among the first of it: a shot that showed it shows something else by now.
    """
    at = {name: n for n, name in ids.items()}
    names = [offer_id(clip) for clip in before.clips]
    shown = set(names)
    known = [(at[name], g) for name, g in zip(names, before.groups, strict=True) if name in at]
    least = min(sorted((worth[n] for n, _ in known), reverse=True)[:_FIRST], default=0.0)
    rose = (n for name, n in at.items() if worth[n] > before.worth.get(name, worth[n]))
    if any(worth[n] > least and ids[n] not in shown for n in rose):
        known = []
    order, groups = [n for n, _ in known], [group for _, group in known]
    # What stands there is always seen among the others.
    new = [n for n in best_first if n not in order and ids[n] == own]
    room = most - len(order) - len(new)
    new += _first_of_each(best_first, {*order, *new}, ready, room)
    if new:
        ranks = {n: -rank for rank, n in enumerate(best_first)}
        more, rows = _in_groups(ready.alike[np.ix_(new, new)], [ranks[n] for n in new])
        first = max(groups, default=-1) + 1
        order += [new[place] for place in rows]
        groups += [int(more[place]) + first for place in rows]
    return _Laid(tuple(order), tuple(groups))


def _first_of_each(
    best_first: Sequence[int], there: Set[int], ready: _Ready, room: int
) -> list[int]:
    """Return so many offers more than are `there`: of each group one before others of it."""
    left = [n for n in best_first if n not in there]
    if len(left) <= room or room <= 0:
        return left[: max(room, 0)]
    ranks = [-float(rank) for rank in range(len(best_first))]
    found, _ = _in_groups(ready.alike[np.ix_(best_first, best_first)], ranks)
    groups = dict(zip(best_first, found.tolist(), strict=True))
    seen = {groups[n] for n in there if n in groups}
    heads: list[int] = []
    for n in left:
        if groups[n] not in seen:
            seen.add(groups[n])
            heads.append(n)
    others = [n for n in left if n not in set(heads)]
    return [*heads, *others][:room]


def _meet(one: Sequence[FootageRange], other: Sequence[FootageRange]) -> bool:
    """Return whether two clips show some of the same, by where their frames lie."""
    return any(a.overlaps(b) for a in one for b in other)


def _in_groups(
    alike: NDArray[np.float64], worth: Sequence[float]
) -> tuple[NDArray[np.int64], list[int]]:
    """Return the group of likes that each belongs to, (N,), and the order in which to show all.

    Groups come in the order of their best, and within a group the best comes first. They are
    numbered from 0 along the order.
    """
    count = len(alike)
    found: NDArray[Any] = np.arange(count)
    if count > 1:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import squareform

        apart = np.clip(alike.max() - (alike + alike.T) / 2, 0, None)
        np.fill_diagonal(apart, 0)
        tree = linkage(squareform(apart, checks=False), "average")
        found = fcluster(tree, max(float(alike.max()) - _GROUP, 1e-9), "distance")
    best_first = sorted(range(count), key=lambda n: -worth[n])
    numbers: dict[int, int] = {}
    for n in best_first:
        numbers.setdefault(int(found[n]), len(numbers))
    groups = np.array([numbers[int(n)] for n in found], np.int64)
    return groups, sorted(best_first, key=lambda n: int(groups[n]))
