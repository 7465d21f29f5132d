"""Gather pictures: look at films and stills, and keep what is worth training on.

Films are looked at in instants spread evenly over all footage; more than are wanted, since some are
left out (`see.training.sifting` says which). A network sees random crops of what is kept, so each
picture is kept a little larger than that, as eight bits: 0.6 MB of a picture of 16:9 at 256 pixels.
At most a quarter more than `most` are in memory at once: 1.1 GB for 1,500.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, UsageError
from kuleshov.footage import Video
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.notes import Note
from kuleshov.see.lens import MULTIPLE
from kuleshov.see.training.pictures import (
    LARGEST,
    REASONS,
    Dropped,
    FilmPart,
    PictureOrigin,
    Pictures,
    Reason,
)
from kuleshov.see.training.reading import (
    LONGEST,
    WantedPicture,
    film_of,
    is_still,
    read_film,
    read_still,
    resized,
)
from kuleshov.see.training.sifting import blurred, is_blank, print_of, sharpness, unlike

__all__ = ["FLOOR", "GatherOptions", "evenly", "gather"]

T = TypeVar("T")

FLOOR = 24
"""Pictures below which nothing is trained."""

_ENLARGED = 0.75  # times the crop's side: what is less is not enlarged any more
_MORE = 1.25  # times `most`: what is looked at, since some is left out
_ENOUGH = 2  # times `least`: what is looked at in footage however short, and kept where there is
_CLOSEST = Fraction(1, 24)  # s between pictures of a film, at least
_GOLDEN = Fraction(618034, 1_000_000)  # of a step: instants of any two seeds lie apart
_LONG = Fraction(600)  # s of a film, from which only its key frames are looked at
_UNKNOWN = Fraction(600)  # s, of a film that does not say how long it is
_SMALL = 72  # shorter side of what is shown of pictures left out
_SHOWN = 48  # of these
_NAMED = 3  # files in a sentence


@dataclass(frozen=True)
class GatherOptions:
    """The options of gathering.

    `size` is the side of training crops, in pixels. Pictures are kept with a shorter side of 1.3
    times that; smaller ones as they are, and enlarged to `size` where that is at most by a third.
    `most` pictures are kept, spread evenly over all footage; with fewer than `least` there is a
    note. `apart` is the time between pictures of a film in seconds; less in short footage, more
    where that would be too many. Another `seed` looks at other instants.
    """

    size: int = 256
    most: int = 1500
    least: int = 200
    apart: Fraction = Fraction(1, 2)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size % MULTIPLE or not 2 * MULTIPLE <= self.size <= 1024:
            raise UsageError(
                f"Pictures are {2 * MULTIPLE} to 1024 pixels large, in steps of {MULTIPLE}, "
                f"not {self.size}."
            )
        if not FLOOR <= self.most <= 20_000:
            raise UsageError(f"{FLOOR} to 20,000 pictures can be trained on, not {self.most:,}.")
        if self.least < 0:
            raise UsageError(f"The pictures wanted at least cannot be {self.least}.")
        if self.apart <= 0:
            raise UsageError("The time between pictures must be above 0.")

    @property
    def side(self) -> int:
        """The shorter side of pictures as they are kept."""
        return round(self.size * LARGEST)

    @property
    def memory(self) -> int:
        """The bytes that the pictures take at most.

        That is as many as are looked at, each as long as one may be, and what was left out, small.
        """
        longest = LONGEST * (self.side**2 + _SMALL**2) * 3
        return round(_MORE * self.most) * longest


@dataclass
class _FilmParts:
    """A film and what is wanted of it."""

    path: Path
    video: Video
    spans: list[tuple[Fraction, Fraction]]
    wanted: list[WantedPicture] = field(default_factory=list)


@dataclass
class _Basket:
    """A collection of what was taken so far, what was not, and why."""

    options: GatherOptions
    total: int = 0
    pixels: list[NDArray[np.uint8]] = field(default_factory=list)
    places: list[PictureOrigin] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    prints: list[NDArray[np.float32]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    dropped: list[Dropped] = field(default_factory=list)
    unreadable: list[MediaError] = field(default_factory=list)
    small: list[bool] = field(default_factory=list)
    shorter: list[int] = field(default_factory=list)

    def add(self, place: PictureOrigin, pixels: NDArray[np.uint8]) -> None:
        """Look at a picture and keep it, unless it is too small or blank."""
        shorter, size = min(pixels.shape[:2]), self.options.size
        if shorter < _ENLARGED * size:
            self.shorter.append(shorter)
            self.drop(place, pixels, "too small")
        elif is_blank(pixels):
            self.drop(place, pixels, "black or blank")
        else:
            self.sharp.append(sharpness(pixels))
            self.prints.append(print_of(pixels))
            self.places.append(place)
            self.pixels.append(pixels if shorter >= size else _resized(pixels, size))
            self.small.append(shorter < size)

    def drop(self, place: PictureOrigin, pixels: NDArray[np.uint8], reason: Reason) -> None:
        self.refused[reason] += 1
        self.dropped.append(Dropped(place, reason, _resized(pixels, _SMALL)))

    def keep(self, staying: NDArray[np.bool_], reason: Reason | None) -> None:
        """Leave out the pictures that do not stay."""
        if reason is not None:
            for index in np.flatnonzero(~staying):
                self.drop(self.places[index], self.pixels[index], reason)
        where = np.flatnonzero(staying).tolist()
        self.pixels = [self.pixels[i] for i in where]
        self.places = [self.places[i] for i in where]
        self.sharp = [self.sharp[i] for i in where]
        self.small = [self.small[i] for i in where]
        self.prints = [self.prints[i] for i in where]


def gather(
    what: Sequence[FilmPart], options: GatherOptions = GatherOptions(), job: Job = QUIET
) -> Pictures:
    """Return the pictures of this footage that are worth training on, in order of files and time.

    A file that cannot be read is passed over and named in the notes. Raises UsageError where fewer
    than `FLOOR` pictures are left, which says why, and MediaError where the only file cannot be
    read.
    """
    what = list(dict.fromkeys(what))
    basket = _Basket(options)
    with job.step("gathering pictures", unit="pictures") as step:
        stills = sorted({span.path for span in job.over(what) if _is_still(span)})
        films = _films([span for span in what if not _is_still(span)], basket, job)
        stills = _planned(stills, films, options)
        basket.total = len(stills) + sum(len(film.wanted) for film in films)
        step.at(0, basket.total)
        for path in step.over(stills):
            _still(path, basket)
        for film in films:
            _film(film, basket, job, step)
    if basket.unreadable and len({span.path for span in what}) == 1 and not basket.places:
        raise basket.unreadable[0]
    seen = len(basket.places) + sum(basket.refused.values())
    _sift(basket, options)
    _check(basket, seen, what)
    order = sorted(range(len(basket.places)), key=lambda i: _sorted(basket.places[i]))
    return Pictures(
        tuple(basket.pixels[i] for i in order),
        tuple(basket.places[i] for i in order),
        {reason: basket.refused[reason] for reason in REASONS if basket.refused[reason]},
        tuple(_shown(basket)),
        tuple(_notes(basket)),
    )


def _is_still(span: FilmPart) -> bool:
    return is_still(span.path) and span.start is None and span.end is None


def _sorted(place: PictureOrigin) -> tuple[Path, Fraction]:
    return place.path, place.time or Fraction(0)


def _films(spans: Sequence[FilmPart], basket: _Basket, job: Job) -> list[_FilmParts]:
    """Return each film once, with its parts in order and overlaps joined."""
    by_path: dict[Path, list[FilmPart]] = {}
    for span in spans:
        by_path.setdefault(span.path, []).append(span)
    films = []
    for path in job.over(sorted(by_path)):
        try:
            video, length = film_of(path)
        except MediaError as error:
            basket.refused["unreadable"] += 1
            basket.unreadable.append(error)
            continue
        last = _UNKNOWN if length is None else max(length, 1 / video.rate)
        ends = sorted(
            (s.start or Fraction(0), last if s.end is None else s.end) for s in by_path[path]
        )
        parts: list[tuple[Fraction, Fraction]] = []
        for begin, end in ends:
            if parts and begin <= parts[-1][1]:
                parts[-1] = (parts[-1][0], max(parts[-1][1], end))
            elif end > begin:
                parts.append((begin, end))
        films.append(_FilmParts(path, video, parts))
    return films


def _planned(stills: list[Path], films: list[_FilmParts], options: GatherOptions) -> list[Path]:
    """Return which stills are looked at, and write into films their instants."""
    length = sum((end - begin for film in films for begin, end in film.spans), Fraction(0))
    room = round(options.most * _MORE)
    step = options.apart
    lacking = _ENOUGH * max(options.least, FLOOR) - len(stills)
    if length and lacking > 0:
        step = max(min(step, length / lacking), _CLOSEST)
    given = len(stills) + length / step
    if given > room:
        stills = evenly(stills, int(room * len(stills) / given))
        if length:
            step = length / max(1, room - len(stills))
    # How far into the next span the next instant lies.
    phase = step * ((Fraction(1, 2) + options.seed * _GOLDEN) % 1)
    for film in films:
        for begin, end in film.spans:
            at = begin + phase
            while at < end:
                film.wanted.append(
                    WantedPicture(max(begin, at - step / 2), min(end, at + step / 2), begin)
                )
                at += step
            phase = at - end
    return stills


def _still(path: Path, basket: _Basket) -> None:
    try:
        basket.add(PictureOrigin(path, None), read_still(path, basket.options.side))
    except MediaError as error:
        basket.refused["unreadable"] += 1
        basket.unreadable.append(error)


def _film(film: _FilmParts, basket: _Basket, job: Job, step: Step) -> None:
    """Look at the pictures that are wanted of a film."""
    until, side = step.done + len(film.wanted), basket.options.side
    # Decoding hours would take longer than training: their key frames do, if they are enough.
    long = sum(end - begin for begin, end in film.spans) > _LONG
    keys = _ENOUGH * basket.options.least / basket.total if long else None
    try:
        with job.step(film.path.name, of=len(film.wanted), unit="pictures") as own:
            read = read_film(film.path, film.video, film.wanted, side, keys, job)
            for time, pixels in own.over(read):
                basket.add(PictureOrigin(film.path, time), pixels)
                step.advance()
    except MediaError as error:
        basket.refused["unreadable"] += 1
        basket.unreadable.append(error)
    step.at(until)


def _sift(basket: _Basket, options: GatherOptions) -> None:
    """Leave out what is blurred beside the others, what is there already, and what is too many."""
    basket.keep(~blurred(basket.sharp), "blurred")
    if basket.places:
        prints = np.stack(basket.prints)
        basket.keep(unlike(prints, basket.sharp, _ENOUGH * options.least), "near-duplicate")
    if len(basket.places) > options.most:
        order = sorted(range(len(basket.places)), key=lambda i: _sorted(basket.places[i]))
        staying = np.zeros(len(order), bool)
        staying[evenly(order, options.most)] = True
        basket.keep(staying, None)


def _shown(basket: _Basket) -> list[Dropped]:
    """Return some of what was left out, about as many of each reason."""
    parts = [[one for one in basket.dropped if one.reason == reason] for reason in REASONS]
    parts = [sorted(part, key=lambda one: _sorted(one.place)) for part in parts if part]
    room, shown = _SHOWN, dict[int, list[Dropped]]()
    # The fewest first: what they leave free the others have.
    for done, index in enumerate(sorted(range(len(parts)), key=lambda i: len(parts[i]))):
        shown[index] = evenly(parts[index], room // (len(parts) - done))
        room -= len(shown[index])
    return [one for index in sorted(shown) for one in shown[index]]


def _resized(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    from PIL.Image import fromarray

    return np.asarray(resized(fromarray(pixels), side, enlarged=True))


def evenly(items: list[T], count: int) -> list[T]:
    """Return `count` of the items at most, spread evenly, in order."""
    if len(items) <= count:
        return items
    return [items[int((k + 0.5) * len(items) / count)] for k in range(count)]


# ---------------------------------------------------------------- what is said


def _check(basket: _Basket, seen: int, what: Sequence[FilmPart]) -> None:
    """Raise UsageError where too few pictures are left, saying why and what to do."""
    left = len(basket.places)
    if left >= FLOOR:
        return
    where = _names(list(dict.fromkeys(span.path for span in what)))
    refused = basket.refused
    alike = refused["near-duplicate"]
    if alike and alike >= 2 * (seen - left - alike) and left + alike >= FLOOR:
        differ = "1 differs" if left == 1 else f"{left} differ"
        raise UsageError(
            f"The {seen:,} pictures in {where} are nearly all alike: {differ}, and {FLOOR} are "
            f"needed to train on, better {basket.options.least} or more."
        )
    reasons = ", ".join(f"{refused[r]:,} {_said(r)}" for r in REASONS if refused[r])
    why = f" (of {seen:,} looked at, {reasons})" if reasons else ""
    advice = _smaller(basket) or "add footage"
    few = _count(left) if left else "no picture"
    raise UsageError(
        f"{FLOOR} pictures are needed to train on, and {few} can be taken from {where}{why}: "
        f"{advice}.",
        code="pictures-small" if _smaller(basket) else "",
    )


def _said(reason: Reason) -> str:
    """Return the reason as a sentence has it."""
    return {
        "unreadable": "unreadable",
        "too small": "too small",
        "black or blank": "black or blank",
        "blurred": "blurred",
        "near-duplicate": "nearly the same as others",
    }[reason]


def _smaller(basket: _Basket) -> str:
    """Return what size would take most of those that are too small.

    The text is empty unless that is what is lacking.
    """
    if len(basket.shorter) + len(basket.places) < FLOOR:
        return ""
    usual = int(np.percentile(basket.shorter, 10) / _ENLARGED)
    size = usual // MULTIPLE * MULTIPLE
    if 2 * MULTIPLE <= size < basket.options.size:
        return f"try a size of {size}"
    return ""


def _notes(basket: _Basket) -> list[Note]:
    """Return notes on what a person should know."""
    count, options = len(basket.places), basket.options
    notes = [
        Note("file-unreadable", f"Not read: {error}", {"file": str(error.path)})
        for error in basket.unreadable[:_NAMED]
    ]
    if len(basket.unreadable) > _NAMED:
        more = len(basket.unreadable) - _NAMED
        notes.append(Note("file-unreadable", f"Not read: {more} more files.", {"files": more}))
    if count < options.least:
        alike = basket.refused["near-duplicate"]
        still = f" ({alike:,} more are nearly the same as these)" if alike > count else ""
        text = (
            f"Only {_count(count)} to train on{still}: {options.least} or more are better, or what "
            "is seen will repeat them."
        )
        notes.append(Note("few-pictures", text, {"pictures": count}))
    if any(basket.small):
        text = (
            f"Enlarged to {options.size} pixels: {sum(basket.small):,} of {_count(count)}; a "
            "smaller size would be sharper."
        )
        notes.append(Note("pictures-enlarged", text, {"pictures": sum(basket.small)}))
    return notes


def _count(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _names(paths: list[Path]) -> str:
    if len(paths) == 1:
        return paths[0].name
    folders = {path.parent for path in paths}
    folder = f" of {folders.pop().name or 'the folder'}" if len(folders) == 1 else ""
    return f"the {len(paths):,} files{folder}"
