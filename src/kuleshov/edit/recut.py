"""Recut: remake a source from an archive, shot for shot, to its own rhythm and sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np

from kuleshov.edit.placing import clips, kept_title, metadata, source_clips, source_media
from kuleshov.edit.rhythm import Rhythm, Slot, divided, rhythm_of
from kuleshov.errors import UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import Reference
from kuleshov.features.material import judge
from kuleshov.features.tags import Tag
from kuleshov.footage import Slate
from kuleshov.match.candidates import (
    Candidate,
    MatchOptions,
    find_candidates,
    longest_answer,
    stretch,
)
from kuleshov.match.copies import Copies, folded
from kuleshov.match.own import NOTHING, own_material
from kuleshov.match.prints import PRINT
from kuleshov.match.query import Query
from kuleshov.match.rows import MATERIAL, ArchiveRows
from kuleshov.match.select import Choice, Selection, SelectOptions, select
from kuleshov.match.tagged import tags_of_analysis
from kuleshov.timecode import format_rate
from kuleshov.timeline import Fit, Gap, Item, Layout, Media, Sound, Timeline, Track

__all__ = ["Recut", "RecutOptions", "Titles", "recut"]

Titles = Literal["match", "keep", "black"]
"""What becomes of the source's title cards: answered like any shot, kept, or left black."""

_SETUP = 11.0  # bits in composition from which two shots of a source are one set-up
_MOOD = 3.0  # bits lost at most where the light is unlike
_GAP = 0.01  # of a selection's worth; less is not worth a word
_CERTAIN = 4.0  # bits more at which that is beyond doubt


@dataclass(frozen=True)
class RecutOptions:
    """`begin`, `end`: the part of the source to remake, media time in seconds (None: all of it).
    `fit`: whether clips of another shape fill the picture or fit into it. `rate`: frames a second
    of the film (None: the source's). `shape`: width over height that it will be shown in, to which
    crops are fitted (None: the source's). The film is as large as the source's picture without its
    black bars, which are cut off beside it too, unless `keep_bars`."""

    begin: Fraction | None = None
    end: Fraction | None = None
    fit: Fit = "fill"
    titles: Titles = "match"
    match: MatchOptions = field(default_factory=MatchOptions)
    select: SelectOptions = field(default_factory=SelectOptions)
    rate: Fraction | None = None
    shape: Fraction | None = None
    keep_bars: bool = False

    def __post_init__(self) -> None:
        if self.titles not in ("match", "keep", "black"):
            raise UsageError(f"--titles is match, keep or black, not {self.titles!r}.")
        if self.begin is not None and self.begin < 0:
            raise UsageError(f"--in is a time from 0 on, not {float(self.begin):g}.")
        if self.end is not None and self.end <= (self.begin or 0):
            begin = float(self.begin or 0)
            raise UsageError(f"--out {float(self.end):g} does not come after --in {begin:g}.")


@dataclass(frozen=True)
class Recut:
    """A remade film. Tracks `source` and `recut` have the same borders; the layout shows the
    latter alone. `notes` are sentences on what the archive could not give."""

    timeline: Timeline
    notes: tuple[str, ...]


def recut(
    analysis: Analysis,
    checksum: str,
    archive: ArchiveRows,
    reference: Reference,
    options: RecutOptions = RecutOptions(),
) -> tuple[Recut, ...]:
    """Find candidates for every shot of the source, choose, and lay them on timelines.

    As many films as `options.select.variants`. `checksum` is the source's own: the same file in the
    archive is not offered. Raises `MatchError` where the archive offers nothing, `UsageError` where
    the part is empty.
    """
    exclude = frozenset() if options.match.allow_same else frozenset({checksum})
    # The whole source, whatever part of it is remade, and whichever shots are asked about.
    own = NOTHING
    if not options.match.allow_same:
        own = own_material(analysis.features.get(PRINT), archive)
    rhythm = rhythm_of(analysis, options.begin, options.end, options.rate)
    rhythm, parts = _answerable(rhythm, analysis, own.left_of(archive.without(exclude)), options)
    titles = _titles(analysis, rhythm)
    answered = titles if options.titles == "match" else frozenset()
    wanted = [
        slot
        for slot in rhythm.slots
        if slot.shot is not None and (slot.shot in answered or slot.shot not in titles)
    ]
    queries = [_sides(analysis, slot, slot.shot in titles, options) for slot in wanted]
    durations = [len(slot.visible) / rhythm.rate for slot in wanted]
    found: list[list[Candidate]] = []
    if wanted:
        found = find_candidates(
            *(queries, durations, archive, reference, options.match), exclude=exclude, own=own
        )
    offered = {slot: part for slot, part in zip(wanted, found, strict=True) if part}
    returns = _returns([sides[0] for sides in queries], found, reference)
    copies = Copies.among(c for candidates in found for c in candidates)
    selections = select(_choices(found, copies), options.select, returns=returns)
    lay = _Layer(analysis, checksum, rhythm, options, titles, offered, copies)
    lay.slate = _source_slate(analysis, checksum, archive)
    general = [*_notes(analysis, rhythm, archive), *_parts(parts), *_missing(wanted, offered)]
    return tuple(
        lay.film(selection, [*general, *_doubts(selection, number)])
        for number, selection in enumerate(selections, 1)
    )


def _answerable(
    rhythm: Rhythm, analysis: Analysis, offered: ArchiveRows, options: RecutOptions
) -> tuple[Rhythm, dict[int, int]]:
    """The rhythm with those slots divided that are too long for any shot of the archive."""
    limits = longest_answer(offered, options.match)
    if limits is None:
        return rhythm, {}
    return divided(rhythm, analysis, *limits)


def _sides(analysis: Analysis, slot: Slot, title: bool, options: RecutOptions) -> list[Query]:
    """A slot as it is and, where that is wanted and nothing is to be read in it, mirrored."""
    flips = (False, True) if options.match.mirror and not title else (False,)
    return [stretch(analysis, slot.source, slot.core, mirrored=flip, title=title) for flip in flips]


def _titles(analysis: Analysis, rhythm: Rhythm) -> frozenset[int]:
    """The source's shots that are title cards."""
    if MATERIAL not in analysis.features:
        return frozenset()
    rows, found = analysis.features[MATERIAL], set()
    for slot in rhythm.slots:
        first, end = np.searchsorted(analysis.shown, [slot.core.first, slot.core.end])
        first = min(int(first), len(rows) - 1)
        part = rows[first : max(int(end), first + 1)]
        if slot.shot is not None and judge(part).kind == "title":
            found.add(slot.shot)
    return frozenset(found)


def _returns(
    queries: Sequence[Query], found: Sequence[Sequence[Candidate]], reference: Reference
) -> list[tuple[int, int, float]]:
    """Pairs of stretches in which the source comes back to the same set-up, and how surely.

    Numbers count the stretches that have candidates. Each is paired with the latest one before.
    """
    if not queries or "composition" not in queries[0].rows:
        return []
    kept = [q for q, candidates in zip(queries, found, strict=True) if candidates]
    means = np.array([q.rows["composition"].mean(axis=0) for q in kept], np.float32)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    bits = reference.scale("composition").bits(means @ means.T)
    pairs = []
    for later in range(len(kept)):
        alike = np.flatnonzero(bits[later, :later] >= _SETUP)
        if len(alike):
            sure = min(1.0, (float(bits[later, alike[-1]]) - _SETUP + 1) / _CERTAIN)
            pairs.append((int(alike[-1]), later, sure))
    return pairs


def _choices(found: Sequence[Sequence[Candidate]], copies: Copies) -> list[list[Choice]]:
    return [[_choice(c, copies) for c in candidates] for candidates in found if candidates]


def _choice(one: Candidate, copies: Copies) -> Choice:
    own, *others = copies.spans(one)
    also = tuple((span.footage, span.start, span.end) for span in others)
    return Choice(own.footage, one.shot, own.start, own.end, one.strength - _broken(one), also)


def _broken(one: Candidate) -> float:
    """Bits that a candidate loses in selection because its light breaks the mood: none where its
    tone is as like as that of most random pairs.

    Spread and returns are worth up to 2 bits, more than lies between answers that are about as
    strong: without this they would take night for snow where daylight is free.
    """
    return _MOOD * max(0.0, 1 - 2 * one.facets.get("tone", 1.0))


class _Layer:
    """Lays selections of one source on timelines."""

    def __init__(
        self,
        analysis: Analysis,
        checksum: str,
        rhythm: Rhythm,
        options: RecutOptions,
        titles: frozenset[int],
        offered: dict[Slot, list[Candidate]],
        copies: Copies,
    ) -> None:
        self._analysis, self._checksum, self._rhythm = analysis, checksum, rhythm
        self._options, self._titles, self._offered = options, titles, offered
        self._copies = copies
        self._source = source_media(analysis, checksum, keep_bars=options.keep_bars)
        self.slate = analysis.probe.tags
        self._said: tuple[tuple[Tag, ...], ...] | None = None

    def _tags(self, slot: Slot) -> tuple[Tag, ...]:
        """What is said of a slot's source shot."""
        if slot.shot is None:
            return ()
        if self._said is None:
            self._said = tags_of_analysis(self._analysis)
        return self._said[slot.shot]

    def _others(self, candidates: Sequence[Candidate], index: int) -> tuple[Candidate, ...]:
        """What a project remembers besides the select: each other moment of the archive once."""
        ranked = [candidates[index], *(c for i, c in enumerate(candidates) if i != index)]
        return folded(ranked, self._copies, better_file=False).kept[1:]

    def film(self, selection: Selection, notes: Sequence[str]) -> Recut:
        """The timeline of a selection, and what is to be said about it."""
        chosen = iter(selection.choices)
        items: list[Item] = []
        beside: list[Item] = []
        shown: list[tuple[Slot, Candidate]] = []
        borders: list[int] = []  # the last item of each slot
        video = self._analysis.probe.video
        kept = self._options.keep_bars
        width, height = video.display_size if kept else video.active_display_size
        shape = self._options.shape or Fraction(width, height)
        for slot in self._rhythm.slots:
            candidates = self._offered.get(slot, [])
            if candidates:
                index = next(chosen)
                shown.append((slot, candidates[index]))
                others = self._others(candidates, index)
                remembered = metadata(slot, candidates, index, self._tags(slot), others)
                items += clips(slot, candidates[index], self._rhythm, remembered, shape)
            elif slot.shot in self._titles and self._options.titles == "keep":
                items.append(kept_title(slot, self._source, self._rhythm, self.slate))
            else:
                items.append(Gap(len(slot.own), metadata(slot, [], 0)))
            borders.append(len(items) - 1)
            answers = items[len(beside) :]
            beside += source_clips(slot, answers, self._source, self._rhythm, self.slate)
        transitions = tuple(
            type(t)(borders[t.after], t.before_border, t.past_border)
            for t in self._rhythm.transitions
        )
        timeline = Timeline(
            name=self._analysis.path.stem,
            rate=self._rhythm.rate,
            layout=Layout.single(width, height, self._options.fit),
            tracks=(
                Track("recut", tuple(items), transitions),
                Track("source", tuple(beside)),
            ),
            sound=_sound(self._analysis, self._source, self._rhythm, self._options),
            metadata={"kuleshov": {"source_checksum": self._checksum}},
        )
        return Recut(timeline, (*notes, *_repeats(shown, self._copies), *_holds(shown)))


def _source_slate(analysis: Analysis, checksum: str, archive: ArchiveRows) -> Slate:
    """What the archive knows of the source, where it holds it too, else what its own tags say."""
    held = [*(film.footage for film in archive.films), *(film for film, _ in archive.left_out)]
    known = (film.slate for film in held if film.checksum == checksum)
    return next((slate for slate in known if slate != Slate()), analysis.probe.tags)


def _sound(
    analysis: Analysis, source: Media, rhythm: Rhythm, options: RecutOptions
) -> Sound | None:
    if analysis.probe.audio is None:
        return None
    if options.begin is None and options.end is None:
        return Sound(source)
    return Sound(source, rhythm.start, rhythm.frames / rhythm.rate)


def _notes(analysis: Analysis, rhythm: Rhythm, archive: ArchiveRows) -> list[str]:
    notes = []
    video = analysis.probe.video
    if video.variable_rate:
        notes.append(
            f"{analysis.path.name} has no constant frame rate ({float(video.rate):.3f} a second "
            f"mostly): remade at {format_rate(rhythm.rate)}, its times and sound kept."
        )
    notes += [f"{analysis.path.name}: {sentence}" for sentence in analysis.probe.left_out]
    if analysis.damaged:
        notes.append(f"{analysis.damaged} damaged pieces of {analysis.path.name} were passed over.")
    if archive.unwanted:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(archive.unwanted.items()))
        notes.append(f"Shots of the archive that are no pictures were not offered: {counts}.")
    return notes


def _parts(parts: dict[int, int]) -> list[str]:
    return [
        f"Shot {number} is longer than any shot of the archive can answer: {count} clips follow "
        "one another in it."
        for number, count in parts.items()
    ]


def _missing(wanted: Sequence[Slot], offered: dict[Slot, list[Candidate]]) -> list[str]:
    return [
        f"Shot {slot.number} has no candidate and stays black."
        for slot in wanted
        if slot not in offered
    ]


def _doubts(selection: Selection, number: int) -> list[str]:
    notes = []
    if selection.gap > _GAP:
        notes.append(
            f"Time ran out while choosing: a selection up to {selection.gap:.1%} better may exist."
        )
    if number > 1 and selection.differs < selection.wanted:
        notes.append(
            f"Film {number} differs from the others in only {selection.differs:.0%} of its shots: "
            "the archive has too little."
        )
    return notes


def _repeats(shown: Sequence[tuple[Slot, Candidate]], copies: Copies) -> list[str]:
    notes = []
    for index, (slot, one) in enumerate(shown):
        for other_slot, other in shown[:index]:
            if copies.same(one, other):
                again = f"shot {other_slot.number}" if other_slot.shot != slot.shot else "its own"
                notes.append(
                    f"Shot {slot.number} repeats material of {again} "
                    f"({one.film.footage.path.name}): the archive has too little."
                )
                break
    return [*dict.fromkeys(notes)]  # of a divided shot they are alike


def _holds(shown: Sequence[tuple[Slot, Candidate]]) -> list[str]:
    return [
        f"Shot {slot.number} holds its last picture for {float(one.held):.2f} s "
        f"({one.film.footage.path.name}): no shot of the archive is long enough."
        for slot, one in shown
        if one.held
    ]
