"""Hold a recut as an immutable value: all that is known and decided of one film.

    cut = begun(Source(analysis, checksum), stock)           # rhythm, title cards, own material
    cut = chosen(offered(cut, stock))                        # candidates, and a choice of them
    cut = locked(replaced(cut, 23, 3), 23)                   # shot 23 shows its third offer
    cut = chosen(refused(cut, 4))                            # another for shot 4; 23 stays
    timeline, notes = film(cut)

Whatever is done to a cut gives a new one, which shares with the old what did not change: to undo is
to go back to the old one. `edit.choosing` asks the archive and chooses, `edit.by_hand` does what a
person decides, `edit.laying` makes the film, `edit.resuming` writes a cut into a project and brings
it back.

A *slot* is a stretch of the film that a clip fills. People speak of shots, which count from 1; a
shot that is divided has several slots, "5.1" and "5.2" (`Rhythm.by_id`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property, partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.filters import Filter
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.rhythm import Rhythm, Slot, divided, divided_into, rhythm_of
from kuleshov.errors import UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import COMPOSITION, MATERIAL, PRINT
from kuleshov.features.grid import rows_of
from kuleshov.features.material import judge
from kuleshov.features.measuring import tagger
from kuleshov.features.tags import Tag
from kuleshov.footage import Shot, ShotRef, Slate
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.align.candidates import Candidate, MatchOptions, longest_answer, stretch
from kuleshov.match.align.query import Query
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions
from kuleshov.match.likeness.copies import Copies
from kuleshov.match.likeness.places import Member, numbered, setup_of
from kuleshov.match.same.own import NOTHING, Own
from kuleshov.notes import Note
from kuleshov.timecode import TimeRange, format_rate
from kuleshov.timeline import FASTEST, Fit, Item

__all__ = [
    "Absent",
    "Cut",
    "Instead",
    "Known",
    "Offers",
    "Plan",
    "RankedBy",
    "RecutOptions",
    "Refusal",
    "Select",
    "Source",
    "Titles",
    "Where",
    "begun",
    "duration_of",
    "excluded",
    "sides",
]

Titles = Literal["match", "keep", "black"]
"""The treatment of the source's title cards: answered like any shot, kept, or left black."""

Instead = Literal["own", "black", "still"]
"""What a slot shows where nothing fits: the source's own shot, black, or one picture of that."""

Where = int | str
"""A shot, counted from 1, or one of its slots: 5, "5", "5.2"."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class RecutOptions:
    """The options of a recut.

    `begin`, `end`: the part of the source to remake, media time in seconds (None: all of it).
    `fit`: whether clips of another shape fill the picture or fit into it. `rate`: frames a second
    of the film (None: the source's). `shape`: width over height that it will be shown in, to which
    crops are fitted (None: the source's). The film is as large as the source's picture without its
    black bars, which are cut off beside it too, unless `keep_bars`. `cuts`: where slots meet, media
    time in seconds, in order (None: where the source's own shots do).
    """

    begin: Fraction | None = None
    end: Fraction | None = None
    fit: Fit = "fill"
    titles: Titles = "match"
    match: MatchOptions = field(default_factory=MatchOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    rate: Fraction | None = None
    shape: Fraction | None = None
    keep_bars: bool = False
    cuts: tuple[Fraction, ...] | None = None

    def __post_init__(self) -> None:
        if self.titles not in ("match", "keep", "black"):
            text = f"titles is match, keep or black, not {self.titles!r}."
            raise UsageError(text, option="titles")
        if self.begin is not None and self.begin < 0:
            text = f"begin is a time from 0 on, not {float(self.begin):g}."
            raise UsageError(text, option="begin")
        if self.end is not None and self.end <= (self.begin or 0):
            begin = float(self.begin or 0)
            text = f"end {float(self.end):g} does not come after the beginning, {begin:g}."
            raise UsageError(text, option="end")


@dataclass(frozen=True, eq=False)
class Source:
    """The film to remake: what was seen of it, the checksum of its file, and its slate.

    `encoder` names the network that looked at it besides the bundled one; empty where none did.
    """

    analysis: Analysis
    checksum: str
    slate: Slate = field(default_factory=Slate)
    encoder: str = ""

    def tags(self, shot: int) -> tuple[Tag, ...]:
        """Return the tags of one of the source's shots, which are read once."""
        return self._tagged(self.analysis.shots[shot])

    @cached_property
    def _tagged(self) -> Callable[[Shot], tuple[Tag, ...]]:
        return cache(tagger(self.analysis))


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan of a recut: what follows from source, options and archive before any offer.

    `parts`: into how many slots shots are divided, by number. `titles` are the source's shots that
    are title cards. `own` is what the source itself shows of the archive. `alike` (S, S) float32:
    how surely two of the slots in `wanted` show the same set-up, in bits. `setup`: the similarity
    in composition from which two shots of one film are of one set-up. `notes` say what is to be
    known of source and archive; `checksums` are those of the footage in `own`, by its id.
    """

    rhythm: Rhythm
    parts: Mapping[int, int]
    titles: frozenset[int]
    own: Own
    wanted: tuple[str, ...]
    alike: NDArray[np.float32] | None
    notes: tuple[Note, ...] = ()
    checksums: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    setup: float = 2.0


@dataclass(frozen=True, eq=False)
class Known:
    """The parts of a plan that need not be found again: divided shots, titles and own material."""

    parts: Mapping[int, int]
    titles: frozenset[int]
    own: Own


class Offers(Mapping[str, tuple[Candidate, ...]]):
    """The candidates that may answer each slot, the strongest first; never changed."""

    def __init__(self, by_slot: Mapping[str, tuple[Candidate, ...]] = MappingProxyType({})) -> None:
        self._by_slot = dict(by_slot)
        self._copies: dict[frozenset[ShotRef], Copies] = {}
        self._places: dict[frozenset[ShotRef], dict[ShotRef, int]] = {}

    def __getitem__(self, slot: str) -> tuple[Candidate, ...]:
        return self._by_slot[slot]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_slot)

    def __len__(self) -> int:
        return len(self._by_slot)

    def having(self, others: Mapping[str, tuple[Candidate, ...]]) -> Offers:
        """Return the offers with other candidates for some slots."""
        return Offers({**self._by_slot, **others})

    def copies(self, besides: Iterable[Candidate] = (), *, job: Job = QUIET) -> Copies:
        """Return what the files of all offers, and of some clips `besides`, have in common.

        It is found when it is first asked for.
        """
        more = [*besides]
        key = self.besides(more)
        if key not in self._copies:
            self._copies[key] = Copies.among(self._with(more, key), job)
        return self._copies[key]

    def places(
        self, setup: float, besides: Iterable[Candidate] = (), *, job: Job = QUIET
    ) -> Mapping[ShotRef, int]:
        """Return a number for the place that each shot shows, of all offers and of some clips.

        Shots that show the same have the same number: copies, and those of one set-up of a film.
        For `setup` see `Plan`. It is found when it is first asked for.
        """
        more = [*besides]
        key = self.besides(more)
        if key not in self._places:
            shots = {one.ref: one for one in self._with(more, key)}
            members = [Member(one.film, one.film.shot(one.shot)) for one in shots.values()]
            self._places[key] = dict(zip(shots, numbered(members, setup, job), strict=True))
        return self._places[key]

    def _with(self, more: Sequence[Candidate], key: frozenset[ShotRef]) -> list[Candidate]:
        """Return all offers, and those of some clips whose shots are in `key`."""
        every = [one for part in self._by_slot.values() for one in part]
        return [*every, *(one for one in more if one.ref in key)]

    def besides(self, clips: Iterable[Candidate]) -> frozenset[ShotRef]:
        """Return the shots of clips that are not among the offers."""
        return frozenset(one.ref for one in clips) - self._shots

    def knows_copies(self, besides: Iterable[Candidate]) -> bool:
        """Return whether `copies` need not be found any more."""
        return self.besides(besides) in self._copies

    @cached_property
    def _shots(self) -> frozenset[ShotRef]:
        every = (one for part in self._by_slot.values() for one in part)
        return frozenset(one.ref for one in every)


@dataclass(frozen=True)
class Select:
    """The choice for a slot: a candidate, and a person's changes to it.

    Where an editing program put something else there, `items` fill the slot as they are.

    `slip` counts pictures of the footage by which the in-point is moved. `mirrored` says whether it
    is shown mirrored in the end. `speed` None: the candidate's. For the last `hold` frames of the
    film one picture stands still. What is `locked` stays when others are chosen again. `kept` are
    metadata of other programs. `focus` is where the crop lies (None: where faces are, see
    `edit.focus`), as in `timeline.Clip`. `picked`: a person took it, rather than agreed to it.

    Where nothing fits there is no candidate: the slot shows something `instead`, and of a still
    that picture of the source which stands `still` frames into the slot.
    """

    candidate: Candidate | None
    slip: int = 0
    mirrored: bool = False
    speed: Fraction | None = None
    hold: int = 0
    locked: bool = False
    items: tuple[Item, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    focus: tuple[float, float] | None = None
    picked: bool = False
    instead: Instead | None = None
    still: int = 0

    @classmethod
    def of(cls, candidate: Candidate, *, locked: bool = False, picked: bool = False) -> Select:
        """Return a select of a candidate as it was offered."""
        return cls(candidate, mirrored=candidate.mirrored, locked=locked, picked=picked)

    @property
    def as_offered(self) -> bool:
        """Whether nothing of what its candidate shows was changed."""
        one = self.candidate
        if one is None or self.slip or self.hold or self.mirrored != one.mirrored:
            return False
        return self.speed is None


@dataclass(frozen=True)
class Refusal:
    """A refusal: something of the footage with this checksum that must not answer.

    A clip, where `span` says which media time of the `shot` (counted from 0); that whole shot where
    it does not; all of the footage where `shot` is None too. In one `slot` only, or in all (None).
    `name` is the footage's, for people; `also` is where the same frames lie in other footage.
    """

    checksum: str
    name: str
    shot: int | None = None
    span: TimeRange | None = None
    slot: str | None = None
    also: tuple[tuple[str, TimeRange], ...] = ()

    def holds_for(self, one: Candidate) -> bool:
        """Return whether a clip is refused, or shows something that is."""
        checksum = one.film.footage.checksum
        if any(checksum == other and span.overlaps(one.media) for other, span in self.also):
            return True
        if checksum != self.checksum:
            return False
        if self.shot is None:
            return True
        return one.shot == self.shot and (self.span is None or self.span.overlaps(one.media))

    def __str__(self) -> str:
        where = "" if self.slot is None else f" for shot {self.slot}"
        if self.shot is None:
            return f"nothing of {self.name}{where}"
        if self.span is None:
            return f"not shot {self.shot + 1} of {self.name}{where}"
        return f"not {self.name} from {float(self.span.start):.2f} s on{where}"


@dataclass(frozen=True)
class Absent:
    """An offer of footage that cannot be reached now, as the project remembers it.

    `place` is its place among all offers, from 0. `fields` is its line without the footage, its
    last ones the shares of these `facets`.
    """

    place: int
    checksum: str
    path: str
    fields: str
    facets: tuple[str, ...] = ()


@dataclass(frozen=True)
class RankedBy:
    """The options and filters by which a slot was ranked, where they are not the whole film's."""

    match: MatchOptions
    filters: Filter = field(default_factory=Filter)


@dataclass(frozen=True, eq=False)
class Cut:
    """A recut as an immutable value; see the module.

    `offers` and `selects` are by slot; a slot that is wanted and has no select stays black.
    `filters` are those of the whole film; `asked` says by what single slots were ranked instead.
    `doubts` are notes on the latest choice; `absent` are offers that were remembered and cannot be
    reached now. `kept` are metadata of other programs, `unknown` what another version remembers of
    the cut besides. `stale` are slots that are asked by something else by now than what their
    offers were ranked by: `offered` ranks them anew. `newest` is the highest number of any footage
    that the archive had when all offers were ranked; None where that is not known.
    """

    source: Source
    options: RecutOptions
    plan: Plan
    filters: Filter = field(default_factory=Filter)
    offers: Offers = field(default_factory=Offers)
    selects: Mapping[str, Select] = field(default_factory=lambda: MappingProxyType({}))
    refused: tuple[Refusal, ...] = ()
    asked: Mapping[str, RankedBy] = field(default_factory=lambda: MappingProxyType({}))
    doubts: tuple[Note, ...] = ()
    absent: Mapping[str, tuple[Absent, ...]] = field(default_factory=lambda: MappingProxyType({}))
    kept: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    unknown: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    stale: frozenset[str] = frozenset()
    newest: int | None = None

    @property
    def rhythm(self) -> Rhythm:
        """The rhythm of the film: its slots, and how they meet."""
        return self.plan.rhythm

    @property
    def slots(self) -> Mapping[str, Slot]:
        """The slots of the film by name, in their order."""
        return self.plan.rhythm.by_id

    def asked_by(self, slot: str) -> RankedBy:
        """Return the options and filters by which a slot is ranked."""
        return self.asked.get(slot) or RankedBy(self.options.match, self.filters)

    def refusals(self, slot: str) -> tuple[Refusal, ...]:
        """Return the refusals that hold for a slot."""
        return tuple(one for one in self.refused if one.slot in (None, slot))

    def select(self, slot: str) -> Select:
        """Return the select of a slot. Raises `UsageError` where nothing is chosen."""
        found = self.selects.get(slot)
        if found is None:
            raise UsageError(f"Nothing is chosen for shot {slot}: choose something for it first.")
        return found

    def selecting(self, changed: Mapping[str, Select | None]) -> Cut:
        """Return the cut with other selects for some slots; None removes one."""
        selects = {**self.selects, **changed}
        kept = {slot: one for slot, one in selects.items() if one is not None}
        return replace(self, selects=kept)

    def copies(self, *, job: Job = QUIET) -> Copies:
        """Return what the files of the cut's offers and selects have in common."""
        return self.offers.copies(self.shown, job=job)

    def places(self, *, job: Job = QUIET) -> Mapping[ShotRef, int]:
        """Return a number for the place that each shot shows, of all offers and all selects."""
        return self.offers.places(self.plan.setup, self.shown, job=job)

    @property
    def shown(self) -> list[Candidate]:
        """The candidates of the selects."""
        return [one.candidate for one in self.selects.values() if one.candidate is not None]

    def slots_of(self, where: Where | Iterable[Where]) -> tuple[str, ...]:
        """Return the slots of shots, in the film's order.

        Raises `UsageError` for a shot that is not there, or that nothing is to answer.
        """
        several = [where] if isinstance(where, int | str) else [*where]
        found = {slot for one in several for slot in self._slots_of(str(one))}
        return tuple(slot for slot in self.slots if slot in found)

    def slot_of(self, where: Where) -> str:
        """Return the one slot of a shot.

        Raises `UsageError` as `slots_of`, and for a shot of several slots.
        """
        found = self._slots_of(str(where))
        if len(found) > 1:
            names = f"{', '.join(found[:-1])} or {found[-1]}"
            raise UsageError(f"Shot {where} is answered by {len(found)} clips: say {names}.")
        return found[0]

    def _slots_of(self, where: str) -> list[str]:
        found = [s for s in self.slots if s == where or s.partition(".")[0] == where]
        if not found:
            numbers = [slot.number for slot in self.slots.values() if slot.number is not None]
            there = f"the film has shots 1 to {max(numbers)}" if numbers else "the film has none"
            parts = [s for s in self.slots if s.partition(".")[0] == where.partition(".")[0]]
            if "." in where and parts:
                there = f"shot {where.partition('.')[0]} has the parts {', '.join(parts)}"
                there = there if len(parts) > 1 else f"shot {parts[0]} has one clip"
            raise UsageError(f"There is no shot {where}; {there}.")
        wanted = [slot for slot in found if slot in self.plan.wanted]
        if not wanted:
            slot = self.slots[found[0]]
            title = slot.shot in self.plan.titles
            what = f"a title card, which is {_LEFT[self.options.titles]}" if title else "black"
            raise UsageError(f"Shot {where} is {what}: there is nothing to choose for it.")
        return wanted


_LEFT = {"keep": "kept as it is", "black": "left black", "match": "left black"}


def begun(
    source: Source,
    stock: Stock,
    options: RecutOptions = RecutOptions(),
    filters: Filter = Filter(),
    *,
    known: Known | None = None,
    job: Job = QUIET,
) -> Cut:
    """Return a new cut, for which nothing is offered yet.

    `known` is what is remembered of an earlier one, which is not found again. Raises `UsageError`
    where the part to be remade is empty.
    """
    analysis, archive = source.analysis, stock.within(filters, job)
    part = options.begin, options.end
    rhythm = stoppable(lambda: rhythm_of(analysis, *part, options.rate, options.cuts), job)
    if rhythm.rate > FASTEST:
        raise UsageError(
            f"{analysis.path.name} has {float(rhythm.rate):.6g} frames a second, and a film may "
            f"have {FASTEST} at most: convert it to fewer first."
        )
    if known is None:
        # The whole source, whatever part of it is remade, and whichever shots are asked about.
        own = NOTHING
        if not options.match.allow_same:
            # Of the whole archive: a shot may be asked later without these filters.
            own = stock.own(analysis.features.get(PRINT), job)
        others = archive.without(excluded(source, options))
        left = stoppable(lambda: own.left_of(others), job)
        limits = longest_answer(left, options.match, job)
        parts: Mapping[int, int] = {}
        if limits is not None:
            rhythm, parts = stoppable(partial(divided, rhythm, analysis, *limits), job)
        titles = _titles(analysis, rhythm)
    else:
        own, parts, titles = known.own, known.parts, known.titles
        rhythm = divided_into(rhythm, analysis, parts)
    answered = titles if options.titles == "match" else frozenset()
    wanted = tuple(
        name
        for name, slot in rhythm.by_id.items()
        if slot.shot is not None and (slot.shot in answered or slot.shot not in titles)
    )
    source = replace(source, slate=_slate(source, stock.rows))
    films = {film.footage.id: film.footage.checksum for film in stock.rows.films}
    checksums = {number: films[number] for number in own.ranges if number in films}
    notes = (*_beyond(analysis, options), *_barred(analysis, options))
    notes += _notes(source, rhythm, archive)
    made = Plan(rhythm, parts, titles, own, wanted, None, notes, checksums)
    made = replace(made, setup=setup_of(stock.reference))
    newest = max((film.footage.id for film in stock.rows.films), default=None)
    cut = Cut(source, options, made, filters, newest=newest)
    return replace(cut, plan=replace(made, alike=stoppable(lambda: _alike(cut, stock), job)))


def excluded(source: Source, options: RecutOptions) -> frozenset[str]:
    """Return the checksums of footage that is the source itself."""
    return frozenset() if options.match.allow_same else frozenset({source.checksum})


def sides(cut: Cut, slot: str, match: MatchOptions) -> list[Query]:
    """Return the query for a slot, and the same mirrored where that is wanted.

    A title card is never mirrored.
    """
    place = cut.slots[slot]
    title = place.shot in cut.plan.titles
    flips = (False, True) if match.mirror and not title else (False,)
    analysis = cut.source.analysis
    return [
        stretch(analysis, place.source, place.core, mirrored=flip, title=title) for flip in flips
    ]


def duration_of(cut: Cut, slot: str) -> Fraction:
    """Return for how long a slot can be seen, in seconds."""
    return len(cut.slots[slot].visible) / cut.rhythm.rate


def _alike(cut: Cut, stock: Stock) -> NDArray[np.float32] | None:
    """Return how surely any two wanted slots show the same set-up, in bits, (S, S)."""
    plainly = replace(cut.options.match, mirror=False)
    queries = [sides(cut, slot, plainly) for slot in cut.plan.wanted]
    if not queries or COMPOSITION not in queries[0][0].rows:
        return None
    means = np.array([q[0].rows[COMPOSITION].mean(axis=0) for q in queries], np.float32)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    return np.asarray(stock.reference.scale(COMPOSITION).bits(means @ means.T), np.float32)


def _titles(analysis: Analysis, rhythm: Rhythm) -> frozenset[int]:
    """Return the numbers of the source's shots that are title cards."""
    if MATERIAL not in analysis.features:
        return frozenset()
    rows, found = analysis.features[MATERIAL], set()
    for slot in rhythm.slots:
        first, end = rows_of(analysis.shown, slot.core)
        if slot.shot is not None and judge(rows[first:end]).kind == "title":
            found.add(slot.shot)
    return frozenset(found)


def _slate(source: Source, archive: ArchiveRows) -> Slate:
    """Return what the archive knows of the source, where it holds it, or else its own tags."""
    held = [*(film.footage for film in archive.films), *(film for film, _ in archive.left_out)]
    known = (film.slate for film in held if film.checksum == source.checksum)
    own = source.analysis.probe.tags if source.slate == Slate() else source.slate
    return next((slate for slate in known if slate != Slate()), own)


def _beyond(analysis: Analysis, options: RecutOptions) -> tuple[Note, ...]:
    """Return a note where the wanted part ends later than the source."""
    end = analysis.time_of(analysis.frames)
    if options.end is None or options.end <= end + 1 / analysis.probe.video.rate:
        return ()
    text = (
        f"{float(options.end):g} s lies beyond the end of {analysis.path.name}, which lasts "
        f"{float(end):.2f} s: remade to its end."
    )
    return (Note("beyond-end", text, {"end_s": float(options.end), "lasts_s": float(end)}),)


def _barred(analysis: Analysis, options: RecutOptions) -> tuple[Note, ...]:
    """Return a note on black bars that are cut off."""
    video = analysis.probe.video
    if options.keep_bars or video.active_size == video.upright_size:
        return ()
    width, height = video.active_display_size
    text = (
        f"The black bars of {analysis.path.name}, or edges that its container crops, are cut off: "
        f"the film is {width}x{height}."
    )
    return (Note("bars-cut", text, {"width": width, "height": height}),)


def _notes(source: Source, rhythm: Rhythm, archive: ArchiveRows) -> tuple[Note, ...]:
    analysis, name = source.analysis, source.analysis.path.name
    notes = []
    video = analysis.probe.video
    if video.variable_rate:
        text = (
            f"{name} has no constant frame rate ({float(video.rate):.3f} a second mostly): remade "
            f"at {format_rate(rhythm.rate)}, its times and sound kept."
        )
        notes.append(Note("rate-variable", text, {"footage": str(analysis.path)}))
    notes += [
        Note("source-in-part", f"{name}: {sentence}", {"footage": str(analysis.path)})
        for sentence in analysis.probe.left_out
    ]
    if analysis.damaged:
        text = f"{analysis.damaged} damaged pieces of {name} were passed over."
        notes.append(Note("source-damaged", text, {"pieces": analysis.damaged}))
    if archive.unwanted:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(archive.unwanted.items()))
        text = f"Shots of the archive without a usable picture were not offered: {counts}."
        notes.append(Note("shots-not-offered", text, dict(archive.unwanted)))
    return tuple(notes)
