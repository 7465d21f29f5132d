"""Find the rhythm of a source: which stretches its shots take, and how they meet."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from kuleshov.errors import UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.footage import Shot
from kuleshov.timecode import FrameRange, TimeRange, frame_at, nearest_standard_rate
from kuleshov.timeline import Dissolve

__all__ = ["SLIVER", "Rhythm", "Slot", "divided", "divided_into", "rhythm_of"]

SLIVER = Fraction(1, 5)
"""Seconds: a shot of which a part of a film leaves less is not a shot of the remade film."""


@dataclass(frozen=True)
class Slot:
    """A slot: a stretch of the timeline to be filled.

    `shot` is the index of the source shot that it stands for, None for black; `number` what people
    call the shot, counted from 1 from the first that the timeline shows, None for the black between
    two fades, which is not a shot. `own` are its timeline frames from border to border, `visible`
    those in which dissolves let it be seen. `core` are the source
    frames by which to judge it, `source` the media time of `visible` in the source.
    """

    shot: int | None
    own: FrameRange
    visible: FrameRange
    core: FrameRange
    source: TimeRange
    number: int | None = None


@dataclass(frozen=True)
class Rhythm:
    """A rhythm: slots that tile `frames` timeline frames at `rate`, and their transitions.

    `start` is the media time of the source at which the timeline begins; `shots` are the indices
    of the source's shots that it shows.
    """

    rate: Fraction
    frames: int
    start: Fraction
    slots: tuple[Slot, ...]
    transitions: tuple[Dissolve, ...]
    shots: range = range(0)

    @cached_property
    def by_id(self) -> Mapping[str, Slot]:
        """The slots by names that stay the same.

        "5" stands for shot 5, "5.1" and "5.2" for its parts where it is divided, "5b" for the black
        after it.
        """
        parts = Counter(slot.number for slot in self.slots)
        done: Counter[int | None] = Counter()
        named: dict[str, Slot] = {}
        before = 0
        for slot in self.slots:
            done[slot.number] += 1
            if slot.number is None:
                named[f"{before}b"] = slot
                continue
            before = slot.number
            several = parts[slot.number] > 1
            named[f"{slot.number}.{done[slot.number]}" if several else f"{slot.number}"] = slot
        return named


@dataclass(frozen=True)
class _Piece:
    """A slot that is not cut to size yet, in timeline frames.

    `shot` is None for black between two fades.
    """

    shot: Shot | None
    first: int
    end: int


def rhythm_of(
    analysis: Analysis,
    begin: Fraction | None = None,
    end: Fraction | None = None,
    rate: Fraction | None = None,
    cuts: Sequence[Fraction] | None = None,
) -> Rhythm:
    """Return the rhythm of a film, or of its part from `begin` to `end` (media time, seconds).

    Where a part cuts a shot so that less than `SLIVER` seconds of it are left, at either end, its
    neighbour takes these frames, for what is shown so shortly is seen as a fault. A film of
    variable rate is put on the nearest standard constant rate, its times kept. Where `cuts` are
    given (media time), slots meet there, and not where shots do. Raises `UsageError` where the part
    holds no frame.
    """
    clock = _Clock(analysis, begin, end, rate)
    if cuts is not None:
        return _cut_at(cuts, analysis, clock)
    pieces: list[_Piece] = []
    fades: list[tuple[int, int, int]] = []  # border, first and end frame of what crosses it
    for shot in analysis.shots:
        first, last = clock.frame(shot.frames.first), clock.frame(shot.frames.end)
        into = shot.transition
        if into.black is not None and len(into.frames):
            # A fade through black is two, with a stretch of black between them.
            edges = [into.frames.first, into.black.first, into.black.end, into.frames.end]
            a, dark, light, b = (clock.frame(edge) for edge in edges)
            out, back = (a + dark + 1) // 2, (light + b) // 2
            if pieces and pieces[-1].first < out < back < last:
                pieces[-1] = replace(pieces[-1], end=out)
                pieces.append(_Piece(None, out, back))
                fades += [(out, a, dark), (back, light, b)]
                first = back
        elif len(into.frames):
            fades.append((first, clock.frame(into.frames.first), clock.frame(into.frames.end)))
        if last > first:
            pieces.append(_Piece(shot, first, last))
    pieces = _without_slivers(pieces, clock)
    transitions = _fitted(pieces, fades)
    slots = _slots(pieces, transitions, analysis, clock)
    known = [piece.shot.index for piece in pieces if piece.shot is not None]
    shots = range(known[0], known[-1] + 1) if known else range(0)
    return Rhythm(clock.rate, clock.frames, clock.start, slots, transitions, shots)


def _cut_at(cuts: Sequence[Fraction], analysis: Analysis, clock: _Clock) -> Rhythm:
    """Return a rhythm whose slots meet at given times, each a shot of its own to people.

    Each stands for the shot of the source that lies in its middle.
    """
    inside = {frame_at(cut - clock.start, clock.rate) for cut in cuts}
    borders = [0, *sorted(f for f in inside if 0 < f < clock.frames), clock.frames]
    ends = [float(analysis.time_of(shot.frames.end)) for shot in analysis.shots]
    slots = []
    for number, (first, last) in enumerate(pairwise(borders), 1):
        own = FrameRange(first, last)
        source = TimeRange(clock.time(first), clock.time(last))
        middle = float((source.start + source.end) / 2)
        shot = min(bisect_right(ends, middle), len(ends) - 1)
        core = _within(FrameRange(0, analysis.frames), source, analysis)
        slots.append(Slot(shot, own, own, core, source, number))
    shown = range(slots[0].shot or 0, (slots[-1].shot or 0) + 1)
    return Rhythm(clock.rate, clock.frames, clock.start, tuple(slots), (), shown)


def divided(
    rhythm: Rhythm, analysis: Analysis, longest: Fraction, part: Fraction, shots: int
) -> tuple[Rhythm, dict[int, int]]:
    """Return the rhythm with slots longer than `longest` s divided into parts of `part` s at most.

    Slots count as long as they are visible, and their parts are equal. Where that makes more parts
    than the archive has `shots`, so that clips would repeat all the same, each lasts longer, up to
    `longest`: a picture held for minutes should not become a rush of clips.

    Also returns into how many parts each source shot was divided, by its number.
    """
    parts: dict[int, int] = {}
    for slot in rhythm.slots:
        if slot.shot is not None and len(slot.visible) > longest * rhythm.rate:
            # Each part has at least one frame, however short the shots of an archive are.
            shown = len(slot.visible) / rhythm.rate
            count = min(_pieces(shown, part), max(shots, _pieces(shown, longest)))
            parts[slot.number or 0] = min(len(slot.own), max(2, count))
    return divided_into(rhythm, analysis, parts), parts


def divided_into(rhythm: Rhythm, analysis: Analysis, parts: Mapping[int, int]) -> Rhythm:
    """Return the rhythm with each shot's slot divided into equal ones, as many as `parts` says."""
    slots: list[Slot] = []
    last: list[int] = []  # the last part of each slot
    for slot in rhythm.slots:
        count = parts.get(slot.number or 0, 1) if slot.shot is not None else 1
        slots += _divided(slot, min(count, len(slot.own)), rhythm, analysis)
        last.append(len(slots) - 1)
    moved = tuple(replace(t, after=last[t.after]) for t in rhythm.transitions)
    return replace(rhythm, slots=tuple(slots), transitions=moved)


def _pieces(whole: Fraction, piece: Fraction) -> int:
    """Return how many pieces of this length at most make up the whole."""
    return -int(-whole / piece // 1)


def _divided(slot: Slot, count: int, rhythm: Rhythm, analysis: Analysis) -> list[Slot]:
    """Return a slot divided into so many equal parts; handles of transitions stay at its ends."""
    if count < 2:
        return [slot]
    edges = [slot.own.first]
    for n in range(1, count):
        # Equal in what is visible; each part keeps a frame of its own between long handles.
        even = slot.visible.first + len(slot.visible) * n // count
        edges.append(max(slot.own.first + n, min(even, slot.own.end - (count - n))))
    edges.append(slot.own.end)
    made = []
    for n in range(count):
        own = FrameRange(edges[n], edges[n + 1])
        visible = FrameRange(
            slot.visible.first if n == 0 else own.first,
            slot.visible.end if n == count - 1 else own.end,
        )
        source = TimeRange(
            *(rhythm.start + frame / rhythm.rate for frame in (visible.first, visible.end))
        )
        core = _within(slot.core, source, analysis)
        made.append(replace(slot, own=own, visible=visible, core=core, source=source))
    return made


class _Clock:
    """A clock that leads from source frames to timeline frames, and back to media time."""

    def __init__(
        self,
        analysis: Analysis,
        begin: Fraction | None,
        end: Fraction | None,
        rate: Fraction | None = None,
    ) -> None:
        video, whole = analysis.probe.video, analysis.time_of(analysis.frames)
        low, high = begin or Fraction(0), whole if end is None else min(end, whole)
        if not 0 <= low < high:
            raise UsageError(
                f"From {float(low):g} to {float(high):g} s is not a part of {analysis.path.name}, "
                f"which lasts {float(whole):.2f} s.",
                code="part-outside",
            )
        self._analysis, self._variable = analysis, video.variable_rate or rate is not None
        self.rate = nearest_standard_rate(video.rate) if video.variable_rate else video.rate
        self.rate = rate or self.rate
        frames, half = range(analysis.frames + 1), Fraction(1, 2)
        self._first = bisect_left(frames, low * self.rate - half, key=self._position)
        last = bisect_right(frames, high * self.rate + half, key=self._position) - 1
        self.start = analysis.time_of(self._first)
        self._origin = frame_at(self.start, self.rate) if self._variable else self._first
        self._last = max(last, self._first)
        self.frames = self.frame(self._last)
        if self.frames < 1:
            text = f"No frame of {analysis.path.name} lies in the part that was asked for."
            raise UsageError(text, code="part-outside")

    def cuts(self, shot: Shot | None, *, begin: bool) -> bool:
        """Return whether the part cuts off the beginning of a shot, or else its end.

        Of black between two fades: whether the part cuts off anything of the film on that side.
        """
        if shot is None:
            return self._first > 0 if begin else self._last < self._analysis.frames
        return shot.frames.first < self._first if begin else shot.frames.end > self._last

    def _position(self, frame: int) -> Fraction:
        return self._analysis.time_of(frame) * self.rate

    def frame(self, source_frame: int) -> int:
        """Return the timeline frame at which a source frame begins, kept within the part."""
        inside = min(max(source_frame, self._first), self._last)
        if not self._variable:
            return inside - self._origin
        return frame_at(self._analysis.time_of(inside), self.rate) - self._origin

    def time(self, timeline_frame: int) -> Fraction:
        """Return the media time of the source at a timeline frame."""
        return self.start + timeline_frame / self.rate


def _without_slivers(pieces: list[_Piece], clock: _Clock) -> list[_Piece]:
    """Return the pieces, with slivers at the ends of the part given to their neighbours."""

    def hardly(piece: _Piece, *, begin: bool) -> bool:
        few = piece.end - piece.first < SLIVER * clock.rate
        return few and clock.cuts(piece.shot, begin=begin)

    while len(pieces) > 1 and hardly(pieces[0], begin=True):
        pieces = [replace(pieces[1], first=pieces[0].first), *pieces[2:]]
    while len(pieces) > 1 and hardly(pieces[-1], begin=False):
        pieces = [*pieces[:-2], replace(pieces[-2], end=pieces[-1].end)]
    return pieces


def _fitted(
    pieces: Sequence[_Piece], fades: Sequence[tuple[int, int, int]]
) -> tuple[Dissolve, ...]:
    """Return the fades that lie on a border of two pieces, shortened where two would meet."""
    at = {piece.first: index for index, piece in enumerate(pieces) if index}
    transitions: list[Dissolve] = []
    free = 0  # the first timeline frame that no transition has taken yet
    for border, first, end in sorted(fades):
        index = at.get(border)
        if index is None:
            continue
        before = border - max(first, free, pieces[index - 1].first)
        past = min(end, pieces[index].end) - border
        if before >= 0 and past >= 0 and before + past > 0:
            transitions.append(Dissolve(index - 1, before, past))
            free = border + past
    return tuple(transitions)


def _slots(
    pieces: Sequence[_Piece],
    transitions: Sequence[Dissolve],
    analysis: Analysis,
    clock: _Clock,
) -> tuple[Slot, ...]:
    after = {transition.after: transition for transition in transitions}
    shots = [piece.shot.index for piece in pieces if piece.shot is not None]
    slots = []
    for index, piece in enumerate(pieces):
        into, out = after.get(index - 1), after.get(index)
        visible = FrameRange(
            piece.first - (into.before_border if into else 0),
            piece.end + (out.past_border if out else 0),
        )
        source = TimeRange(clock.time(visible.first), clock.time(visible.end))
        own = FrameRange(piece.first, piece.end)
        core = FrameRange(0, 0)
        shot = piece.shot
        if shot is not None and not shot.black:
            # A shot that is all transition is judged by its own frames, mixed as they are.
            core = shot.core if len(shot.core) else shot.frames
            core = _within(core, source, analysis)
        answered = None if shot is None or shot.black else shot.index
        number = None if shot is None else shot.index - shots[0] + 1
        slots.append(Slot(answered, own, visible, core, source, number))
    return tuple(slots)


def _within(core: FrameRange, source: TimeRange, analysis: Analysis) -> FrameRange:
    """Return the frames of `core` that are shown during `source`; at least one."""
    base = analysis.probe.video.time_base
    half = 1 / analysis.probe.video.rate / 2
    low, high = (
        int(analysis.pts.searchsorted(float((time - half) / base)))
        for time in (source.start, source.end)
    )
    first = min(max(core.first, low), core.end - 1)
    return FrameRange(first, max(first + 1, min(core.end, high)))
