"""Make a supercut: everything of one kind that an archive holds, one shot after another.

Which shots: the best moment of each, the best first, until the film is as long as it may be, the
archive has no more, or answers fall clearly behind the best. How long each: still ones longest,
lively ones shortest, between the two lengths asked for, within the shot's core; to music, as many
beats as come nearest to that. Where that is too little for the film, clips get longer, and then
long shots give further moments, apart in time. In which order: `similar` (the best answer opens the
film), `time` (by file and place in it), `shuffle` (the same for the same seed), or `flow`: each cut
as near to a match cut as can be, by `match.likeness.joins` and `match.likeness.tour`; clips may
then begin a little earlier or later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Literal, get_args

import numpy as np

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.focus import focus_of
from kuleshov.edit.lengths import Lengths, in_frames, on_beats
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.facet import MOVEMENT, Reference
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.align.candidates import Candidate, answering
from kuleshov.match.likeness.copies import folded
from kuleshov.match.likeness.joins import Joins, PlacedClip, best_starts
from kuleshov.match.likeness.tour import best_order
from kuleshov.notes import Note
from kuleshov.project.memory import slate_fields
from kuleshov.timecode import TimeRange, format_rate, nearest_standard_rate
from kuleshov.timeline import Clip, ClipSound, Fit, Layout, Media, Sound, Timeline, Track

__all__ = ["LENGTH", "ORDERS", "Music", "Order", "Supercut", "SupercutOptions", "supercut"]

Order = Literal["similar", "flow", "time", "shuffle"]
ORDERS: tuple[Order, ...] = get_args(Order)

LENGTH = Fraction(60)
"""Seconds of a film that no one gave a length, or music."""

_AGAIN = 0.93  # what a score is worth for each shot of the same film that is in already
_MOST = 300  # shots of a film; beyond, ordering takes long and no one looks
_REACH = Fraction(3, 4)  # s that an in-point may be moved for a better cut
_STEP = Fraction(1, 4)
_ROUNDS = 3  # of ordering and moving in-points
_SHORT = Fraction(19, 20)  # of the length; a film that is shorter says so
_APART = Fraction(2)  # s between two moments of one shot, at least
_MORE = Fraction(3, 2)  # of a film's length to music, in shots to choose from
_FADE = Fraction(3, 2)  # s at the end of music
_LINES, _WIDTH = 1080, 1920


@dataclass(frozen=True)
class SupercutOptions:
    """The options of a supercut.

    `length` of the film at most, in s (None: that of the music, else `LENGTH`); `shot` the least
    and the greatest length of a clip, in s; `seed` of `shuffle`; `rate` of the film and the `shape`
    that crops are fitted to, width over height (None: what most of the footage has). Where shots
    are too few to fill the film, clips may last up to `longest` s (None: as in `shot`). Raises
    `UsageError` for values that cannot be.
    """

    length: Fraction | None = None
    order: Order = "similar"
    shot: tuple[Fraction, Fraction] = (Fraction(1, 2), Fraction(3))
    seed: int = 0
    rate: Fraction | None = None
    fit: Fit = "fill"
    own_sound: bool = True
    shape: Fraction | None = None
    longest: Fraction | None = None

    def __post_init__(self) -> None:
        low, high = self.shot
        if self.length is not None and self.length <= 0:
            text = f"length must be above 0, not {float(self.length):g}."
            raise UsageError(text, option="length")
        if not 0 < low <= high:
            text = (
                f"shot is the least and the greatest length, as 0.5-3, not {float(low):g}-"
                f"{float(high):g}."
            )
            raise UsageError(text, option="shot")
        if self.order not in ORDERS:
            text = f"order is one of {', '.join(ORDERS)}, not {self.order!r}."
            raise UsageError(text, option="order")
        if self.rate is not None and not 1 <= self.rate <= 240:
            text = f"rate lies between 1 and 240, not at {float(self.rate):g}."
            raise UsageError(text, option="rate")


@dataclass(frozen=True)
class Music:
    """A song: its `beats` in s, growing, and its length in s."""

    media: Media
    beats: tuple[float, ...]
    length: float


@dataclass(frozen=True)
class Supercut:
    """A supercut: a film and notes on what the archive could not give.

    `order` are the places of its clips; `cost` is the mean cost of its cuts, in bits.
    """

    timeline: Timeline
    notes: tuple[Note, ...]
    order: tuple[PlacedClip, ...] = ()
    cost: float = 0.0


@dataclass(frozen=True)
class _Select:
    """A shot that was chosen: its best moment, and its wanted length in s."""

    best: Candidate
    wanted: Fraction

    @property
    def place(self) -> PlacedClip:
        return _placed(self, self.wanted)


def supercut(
    name: str,
    found: Sequence[Candidate],
    reference: Reference,
    options: SupercutOptions = SupercutOptions(),
    music: Music | None = None,
    job: Job = QUIET,
) -> Supercut:
    """Return the film of what was found, which comes best first.

    Raises `MatchError` where nothing of it can be used.
    """
    with job.step("choosing"):
        return _made(name, found, reference, options, music, job)


def _made(
    name: str,
    found: Sequence[Candidate],
    reference: Reference,
    options: SupercutOptions,
    music: Music | None,
    job: Job,
) -> Supercut:
    length = options.length
    if music is not None:
        whole = Fraction(music.length).limit_denominator(48000)
        length = whole if length is None else min(length, whole)
    length = length or LENGTH
    # From beat to beat a shot may be shorter than wanted: there must be some more then.
    shots, said = _chosen(found, options, length if music is None else length * _MORE, job)
    notes = [*said]
    rate = options.rate or _rate([shot.best.film for shot in shots])
    able = options.shot[0], max(options.shot[1], *(shot.wanted for shot in shots))
    films = [shot.best.film for shot in shots]
    joins = stoppable(lambda: Joins(films, reference), job)
    ordered = _ordered(shots, options, joins, job)
    lengths = Lengths(
        tuple(s.wanted for s in ordered), tuple(s.best.usable.duration for s in ordered)
    )
    if music is None:
        frames = in_frames(lengths, length, rate, able)
    else:
        frames, unkept = on_beats(lengths, music.beats, length, rate, able)
        notes += unkept
    laid = [(shot, n) for shot, n in zip(ordered, frames, strict=True) if n]
    if not laid:
        raise MatchError("No shot found is long enough: allow shorter ones.", code="shots-short")
    moving = joins if options.order == "flow" else None
    places = stoppable(lambda: _moved(laid, rate, moving), job)
    size = _size([shot.best.film for shot, _ in laid])
    shape = options.shape or Fraction(*size)
    clips = tuple(_clip(s, place, n, shape) for (s, n), place in zip(laid, places, strict=True))
    total = sum(clip.duration for clip in clips)
    if total / rate < min(length - options.shot[0], length * _SHORT):
        text = (
            f"The film is {float(total / rate):.1f} s long, not {float(length):.1f}: the archive "
            "has no more shots like that, and these no further moments."
        )
        notes.append(Note("film-short", text, {"seconds": float(total / rate)}))
    timeline = Timeline(
        name=name,
        rate=rate,
        layout=Layout.single(*size, options.fit),
        tracks=(Track("recut", clips),),
        sound=_sound(options, music, Fraction(total) / rate),
        metadata={"kuleshov": {"supercut": {"order": options.order, "rate": format_rate(rate)}}},
    )
    return Supercut(timeline, tuple(notes), tuple(places), joins.mean(places))


def _chosen(
    found: Sequence[Candidate],
    options: SupercutOptions,
    length: Fraction,
    job: Job,
) -> tuple[list[_Select], list[Note]]:
    """Return the best moment of each shot, as many as fill the film, and notes on the others."""
    low, high = options.shot
    notes: list[Note] = []
    best: dict[ShotRef, Candidate] = {}
    for one in found:
        if one.ref not in best or one.score > best[one.ref].score:
            best[one.ref] = one
    ranked = sorted(best.values(), key=lambda one: -one.score)
    able = [one for one in ranked if one.usable.duration >= low]
    if len(able) < len(ranked):
        count = len(ranked) - len(able)
        text = f"{_shots(count)} left out: shorter than {float(low):g} s."
        notes.append(Note("shots-short", text, {"shots": count}))
    good = answering(able)
    if len(good) < len(able):
        count = len(able) - len(good)
        text = f"{_shots(count)} left out: much less alike than the best answers."
        notes.append(Note("shots-unlike", text, {"shots": count}))
    if not good:
        raise MatchError("Nothing that was found can be used: look for something else.")
    once = folded(sorted(good, key=lambda one: -one.score), job=job)
    if once.files:
        text = f"{_shots(once.files)} left out: other files show the same."
        notes.append(Note("shots-copied", text, {"shots": once.files}))
    kept: list[Candidate] = []
    mean = (low + high) / 2
    needed = min(_MOST, max(1, int(length / low) + 1))
    filled = Fraction(0)
    left, taken = [*once.kept], Counter[int]()
    while left and len(kept) < needed and filled < length + mean:
        job.check()
        # Of answers about as good one film does not give all.
        one = max(left, key=lambda c: c.score * _AGAIN ** taken[c.film.footage.id])
        left.remove(one)
        kept.append(one)
        taken[one.film.footage.id] += 1
        filled += min(mean, one.usable.duration)
    if left:
        text = f"{_shots(len(left))} left out: the film is full."
        notes.append(Note("film-full", text, {"shots": len(left)}))
    shots = _lengths(sorted(kept, key=lambda one: -one.score), low, high)
    while len(shots) > 1 and sum(shot.wanted for shot in shots[:-1]) >= length:
        shots.pop()
    return _filled(shots, length, max(high, options.longest or high)), notes


def _filled(shots: Sequence[_Select], length: Fraction, longest: Fraction) -> list[_Select]:
    """Return the shots with longer clips, and then with more moments, until they fill the film."""
    if sum(shot.wanted for shot in shots) >= length:
        return [*shots]
    # As little longer as it takes, all alike: the shortest clips first.
    steps = sorted({shot.wanted for shot in shots} | {longest})
    for below, above in pairwise((Fraction(0), *steps)):
        able = [s for s in shots if min(above, s.best.usable.duration) > s.wanted]
        if sum(_longer(s, above).wanted for s in shots) >= length:
            lacking = length - sum(_longer(s, below).wanted for s in shots)
            share = lacking / max(1, len(able))
            return _enough(shots, length, below + share, above)
    longer = [_longer(shot, longest) for shot in shots]
    return _with_moments(longer, length, longest)


def _enough(
    shots: Sequence[_Select], length: Fraction, least: Fraction, most: Fraction
) -> list[_Select]:
    """Return the shots with clips of about the least length at which they fill the film.

    It lies between `least` and `most` seconds.
    """
    for step in range(9):
        made = [_longer(shot, least + (most - least) * step / 8) for shot in shots]
        if sum(shot.wanted for shot in made) >= length:
            break
    return made


def _longer(shot: _Select, seconds: Fraction) -> _Select:
    return replace(shot, wanted=max(shot.wanted, min(seconds, shot.best.usable.duration)))


def _with_moments(shots: Sequence[_Select], length: Fraction, longest: Fraction) -> list[_Select]:
    """Return the shots with as many moments of the longest ones as it takes, apart in time.

    The best moment of each shot stays where it is; the others come after all shots.
    """
    counts = [1] * len(shots)
    total = sum(shot.wanted for shot in shots)
    while total < length:
        room = [
            (shot.best.usable.duration + _APART) / (count + 1) - _APART
            for shot, count in zip(shots, counts, strict=True)
        ]
        most = max(range(len(shots)), key=lambda n: room[n])
        if room[most] < longest:
            break
        counts[most] += 1
        total += longest
    first: list[_Select] = []
    further: list[_Select] = []
    for shot, count in zip(shots, counts, strict=True):
        best, *others = _moments(shot, count, longest)
        first.append(best)
        further += others
    return [*first, *further]


def _moments(shot: _Select, count: int, longest: Fraction) -> list[_Select]:
    """Return a shot in so many moments, the best first; each keeps to its own part of the core."""
    if count < 2:
        return [shot]
    best, core = shot.best, shot.best.usable
    each = (core.duration + _APART) / count
    parts = [
        TimeRange(core.start + n * each, core.start + (n + 1) * each - _APART) for n in range(count)
    ]
    middle = (best.media.start + best.media.end) / 2
    parts.sort(key=lambda part: abs((part.start + part.end) / 2 - middle))
    made = []
    for number, part in enumerate(parts):
        at = middle if number == 0 else (part.start + part.end) / 2
        seconds = min(longest, part.duration)
        start = best.film.frame_start(min(max(at - seconds / 2, part.start), part.end - seconds))
        start = max(part.start, min(start, part.end - seconds))
        media = TimeRange(start, start + seconds)
        made.append(_Select(replace(best, media=media, usable=part), seconds))
    return made


def _shots(count: int) -> str:
    return "1 shot was" if count == 1 else f"{count} shots were"


def _lengths(kept: Sequence[Candidate], low: Fraction, high: Fraction) -> list[_Select]:
    """Return each shot with its wanted length: the more moves in it, the shorter."""
    lively = [_movement(one) for one in kept]
    place = np.argsort(np.argsort(lively, kind="stable"), kind="stable")
    most = max(1, len(kept) - 1)
    shots = []
    for one, rank in zip(kept, place.tolist(), strict=True):
        wanted = high - (high - low) * Fraction(rank, most) if len(kept) > 1 else high
        shots.append(_Select(one, max(low, min(wanted, one.usable.duration))))
    return shots


def _movement(one: Candidate) -> float:
    rows = one.film.rows
    if MOVEMENT not in rows:
        return 0.0
    first = int(one.media.start * one.film.grid)
    part = rows[MOVEMENT][first : max(first + 1, int(one.media.end * one.film.grid))]
    return float(part.mean()) if len(part) else 0.0


def _ordered(
    shots: Sequence[_Select], options: SupercutOptions, joins: Joins, job: Job
) -> list[_Select]:
    if options.order == "time":
        return sorted(
            shots,
            key=lambda s: (
                str(s.best.film.footage.path),
                s.best.film.footage.id,
                s.best.media.start,
            ),
        )
    if options.order == "shuffle":
        mixed = np.random.default_rng(options.seed).permutation(len(shots))
        return [shots[n] for n in mixed]
    if options.order == "flow" and len(shots) > 2:
        return _flowing(shots, joins, job)
    return [*shots]


def _flowing(shots: Sequence[_Select], joins: Joins, job: Job) -> list[_Select]:
    """Return the shots in the order of the best cuts.

    In-points are moved and the order is found again while that gains.
    """
    places = [shot.place for shot in shots]
    best, least = [*range(len(shots))], np.inf
    for _ in job.over(range(_ROUNDS)):
        costs = stoppable(partial(joins.costs, places, places), job)
        way = best_order(costs, job=job)
        choices = [_choices(shots[n], shots[n].wanted) for n in way]
        chosen = stoppable(partial(best_starts, choices, joins), job)
        moved = [choice[k] for choice, k in zip(choices, chosen, strict=True)]
        cost = joins.mean(moved)
        if cost >= least - 1e-6:
            break
        best, least = way, cost
        for number, place in zip(way, moved, strict=True):
            places[number] = place
    return [shots[n] for n in best]


def _moved(
    laid: Sequence[tuple[_Select, int]], rate: Fraction, joins: Joins | None
) -> list[PlacedClip]:
    """Return where each clip lies, with `joins` moved for better cuts."""
    if joins is None or len(laid) < 2:
        return [_placed(shot, n / rate) for shot, n in laid]
    choices = [_choices(shot, n / rate) for shot, n in laid]
    chosen = best_starts(choices, joins)
    return [choice[k] for choice, k in zip(choices, chosen, strict=True)]


def _choices(shot: _Select, seconds: Fraction) -> list[PlacedClip]:
    """Return places for a clip: the wanted one first, then others up to 3/4 s away."""
    steps = int(_REACH / _STEP)
    shifts = sorted(range(-steps, steps + 1), key=abs)
    found = [_placed(shot, seconds, k * _STEP) for k in shifts]
    return [*{place.media.start: place for place in reversed(found)}.values()][::-1]


def _placed(shot: _Select, seconds: Fraction, shift: Fraction = Fraction(0)) -> PlacedClip:
    """Return so many seconds around the best moment, from the start of a frame, within the core."""
    best, core = shot.best, shot.best.usable
    middle = (best.media.start + best.media.end) / 2 + shift
    latest = core.end - seconds
    start = best.film.frame_start(min(max(middle - seconds / 2, core.start), latest))
    if start > latest:
        start = best.film.frame_start(start - 1 / best.film.footage.probe.video.rate)
    start = max(core.start, min(start, latest))
    return PlacedClip(best.film, core, TimeRange(start, start + seconds))


def _clip(shot: _Select, place: PlacedClip, frames: int, shape: Fraction) -> Clip:
    footage, best = place.film.footage, shot.best
    ours = {"archive_shot": best.shot + 1, **slate_fields(footage.slate, footage.checksum)}
    if best.facets:
        ours |= best.likeness
    return Clip(
        media=footage.media,
        start=place.media.start,
        duration=frames,
        mirrored=best.mirrored,
        caption=footage.caption,
        usable=place.core,
        metadata={"kuleshov": ours},
        focus=focus_of(place.film, place.film.shot(best.shot), place.media, shape),
    )


def _rate(films: Sequence[ArchiveFilm]) -> Fraction:
    """Return the frame rate of most clips, a standard one; of equally common ones the higher."""
    rates = Counter(nearest_standard_rate(film.footage.probe.video.rate) for film in films)
    return max(rates, key=lambda rate: (rates[rate], rate))


def _size(films: Sequence[ArchiveFilm]) -> tuple[int, int]:
    """Return the largest size that a quarter of the clips have, of those in the commonest shape.

    It is 1920 x 1080 at most.
    """
    sizes = []
    for film in films:
        video = film.footage.probe.video
        width, height = video.display_size
        bars = video.bars
        sizes.append((width - bars.left - bars.right, height - bars.top - bars.bottom))
    shapes = Counter(round(20 * width / height) for width, height in sizes)
    shape = max(shapes, key=lambda one: (shapes[one], one))
    alike = sorted((s for s in sizes if round(20 * s[0] / s[1]) == shape), reverse=True)
    width, height = alike[(len(alike) - 1) // 4]
    smaller = min(1.0, _LINES / height, _WIDTH / width)
    return max(16, 2 * round(width * smaller / 2)), max(16, 2 * round(height * smaller / 2))


def _sound(
    options: SupercutOptions, music: Music | None, length: Fraction
) -> Sound | ClipSound | None:
    if music is not None:
        return Sound(music.media, Fraction(0), length, min(_FADE, length / 4))
    return ClipSound() if options.own_sound else None
