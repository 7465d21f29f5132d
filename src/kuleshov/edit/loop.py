"""Find loops: stretches of a shot whose last frame leads to their first.

Two instants are a loop's ends where the pictures around them are alike, before and after: then what
moves goes on as it went (the filtered distances of "Video textures", Schödl et al. 2000). Where a
shot has no such pair, the last frames dissolve into what lies just before the first one:

    [ clip from s ........................ | what lies before s ]  and again from s
                                           '--- dissolve -------'

so that the frame shown last is always the one before the first. A shot that is too short is
played again, each time with its own way back.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError
from kuleshov.footage import Video
from kuleshov.jobs import QUIET, Job
from kuleshov.media.decode import Film
from kuleshov.media.scale import Scaler
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Dissolve, Media

__all__ = ["Decoded", "Loop", "decoded", "find_loop", "played"]

_SMALL = (36, 64)  # pixels, height and width, of the pictures that are compared
_AROUND = (1.0, 3.0, 3.0, 1.0)  # weights of the frames before and after the ends, from -2 to 1
_SEAMLESS = 1.15  # times the usual step between neighbours that a jump may measure
_NOISE = 0.7  # levels of 255: below, a step cannot be seen
_DISSOLVE = Fraction(1, 2)  # s
_LEAST = Fraction(1, 6)  # s of a dissolve, if a shot is long enough for it
_LIKED = 2.5  # s: the length of loop that is liked best, where it may be chosen
_LENGTH = 1.3  # steps between neighbours that twice or half that length costs
_CENTRE = 0.5  # the same for a best instant at the very end
_MIXED = 1.0  # the same for a dissolve
_BLENDED = 0.8  # the same, each time that the ends are twice as far apart, where they dissolve


@dataclass(frozen=True)
class Loop:
    """A loop of `frames` frames from media time `start`.

    The last `dissolve` frames dissolve into as many that lie before `start`. `jump`: the step from
    last to first, over the usual step between neighbours. `best`: the instant of the shot to show
    where only one picture is shown.
    """

    start: Fraction
    frames: int
    dissolve: int
    jump: float
    best: Fraction


@dataclass(frozen=True, repr=False)
class Decoded:
    """The small pictures of a stretch, (K, D) float32: one a timeline frame, from `start`."""

    start: Fraction
    rate: Fraction
    pictures: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pictures)


def decoded(
    path: Media, video: Video, window: TimeRange, rate: Fraction, job: Job = QUIET
) -> Decoded:
    """Decode a stretch at `rate` frames a second as small pictures. Raises `MediaError`."""
    count = max(1, int(window.duration * rate))
    times = [window.start + k / rate for k in range(count)]
    small: list[NDArray[np.float32]] = []
    with Film(path.path, video=video) as film:
        scaler = Scaler(film.video, *_SMALL, path.bars)
        shown: tuple[Fraction, NDArray[np.float32]] | None = None
        for picture in job.over(film.pictures(window.start)):
            if picture.time < window.start - 1 / rate:
                continue
            made = scaler(picture.frame, picture.aspect).astype(np.float32).reshape(-1)
            while len(small) < count and shown is not None:
                wanted = times[len(small)]
                # A picture that is held stays until half a frame before the next.
                gap = picture.time - shown[0]
                half = (gap if gap <= 1 else min(gap, 1 / film.video.rate)) / 2
                if picture.time - half < wanted:
                    break
                small.append(shown[1])
            shown = picture.time, made
            if len(small) == count:
                break
    if shown is None:
        raise MediaError(path.path, f"it has no picture at {float(window.start):g} s.")
    small += [shown[1]] * (count - len(small))
    return Decoded(window.start, rate, np.stack(small))


def find_loop(
    looked: Decoded,
    shortest: int,
    longest: int,
    best: Fraction | None = None,
    job: Job = QUIET,
) -> Loop:
    """Return the best loop of a stretch, `shortest` to `longest` frames long.

    It is shorter where the stretch is, and has the instant `best` in it, if there is one.
    """
    count = len(looked)
    apart = _distances(looked.pictures)
    usual = float(np.median(np.diag(apart, 1))) if count > 1 else 0.0
    step = max(usual, _NOISE)
    wanted = None if best is None else float((best - looked.start) * looked.rate)
    longest, shortest = min(longest, count), min(shortest, count)
    found: tuple[float, int, int, int, float] | None = None
    for length in job.over(range(shortest, longest + 1)):
        starts = np.arange(count - length + 1)
        cost, jump = _ends(apart, starts, length)
        tried = [(cost / step, jump / step, 0)]
        dissolve = _room(looked.rate, length, count)
        if dissolve:
            parted = cost / step / (dissolve + 1)
            seen = _BLENDED * np.log2(1 + cost / step)
            tried.append((_MIXED + seen, 1 + parted, dissolve))
        liked = _LENGTH * abs(np.log2(length / float(looked.rate) / _LIKED))
        for costs, jumps, mix in tried:
            total = costs + liked + _off_centre(starts, length, wanted)
            # A cut back to the start must not be seen; with a dissolve it need not be.
            total = total + np.where((mix == 0) & ~_unseen(apart, starts, length, step), 1e3, 0)
            total = np.where(starts < mix, np.inf, total)
            at = int(total.argmin())
            if np.isfinite(total[at]) and (found is None or total[at] < found[0] - 1e-9):
                found = float(total[at]), int(starts[at]), length, mix, float(jumps[at])
    assert found is not None
    _, first, length, dissolve, jump_size = found
    start = looked.start + first / looked.rate
    middle = start + Fraction(length, 2) / looked.rate
    instant = best if best is not None and start <= best else middle
    instant = min(instant, start + (length - 1) / looked.rate)
    return Loop(start, length, dissolve, jump_size, instant)


def played(
    loop: Loop,
    media: Media,
    usable: TimeRange,
    rate: Fraction,
    frames: int,
    about: Clip,
    turned: float = 0.0,
) -> tuple[tuple[Clip, ...], tuple[Dissolve, ...]]:
    """Return a loop as items of a track, played again and again until `frames` are full.

    Repeats are made a frame longer or shorter than the loop is, if need be, so that the last one
    ends with the track. `about` lends its caption, metadata, side and focus. `turned`, 0 to 1: how
    far into the loop the track begins; it then ends with what comes before that, so that its ways
    back lie within it, and those of several tracks at different times.
    """
    repeats = max(1, round(frames / loop.frames))
    lengths = [frames * (n + 1) // repeats - frames * n // repeats for n in range(repeats)]
    clips: list[Clip] = []
    transitions: list[Dissolve] = []

    def clip(start: Fraction, duration: int) -> Clip:
        return Clip(
            media,
            start,
            duration,
            mirrored=about.mirrored,
            caption=about.caption,
            usable=usable,
            metadata=about.metadata,
            focus=about.focus,
        )

    room = lengths[0] - min(loop.dissolve, lengths[0] - 1) - 1
    into = round(turned * room)
    for number, length in enumerate(lengths):
        mix = min(loop.dissolve, length - 1)
        late = 0 if number else into
        clips.append(clip(loop.start + late / rate, length - mix - late))
        if mix:
            transitions.append(Dissolve(len(clips) - 1, 0, mix))
            clips.append(clip(loop.start - mix / rate, mix))
    if into:
        clips.append(clip(loop.start, into))
    return tuple(clips), tuple(transitions)


def _distances(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each two pictures are apart, (K, K), in levels (root of the mean square)."""
    flat = pictures.astype(np.float64)
    squares = (flat**2).sum(axis=1)
    product = squares[:, None] + squares[None, :] - 2 * flat @ flat.T
    return np.asarray(np.sqrt(np.maximum(product, 0) / flat.shape[1]), np.float32)


def _ends(
    apart: NDArray[np.float32], starts: NDArray[np.int64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the frames around a loop's ends are apart, and its step from last to first.

    Both are for loops of `length` from each start.
    """
    last = len(apart) - 1
    total = np.zeros(len(starts))
    weight = np.zeros(len(starts))
    for share, offset in zip(_AROUND, range(-2, 2), strict=True):
        one, other = starts + offset, starts + length + offset
        known = (one >= 0) & (other <= last)
        total += np.where(known, share * apart[np.clip(one, 0, last), np.clip(other, 0, last)], 0)
        weight += np.where(known, share, 0)
    jump = apart[starts + length - 1, starts].astype(np.float64)
    # Where nothing is known beyond either end the jump must tell.
    return np.where(weight > 0, total / np.maximum(weight, 1e-9), jump), jump


def _unseen(
    apart: NDArray[np.float32], starts: NDArray[np.int64], length: int, step: float
) -> NDArray[np.bool_]:
    """Return for each start whether its step from last to first is as small as those beside it."""
    steps = np.append(np.diag(apart, 1), 0.0)
    before, after = steps[np.maximum(starts + length - 2, 0)], steps[starts]
    beside = np.maximum(np.maximum(before, after), step)
    return np.asarray(apart[starts + length - 1, starts] <= _SEAMLESS * beside + _NOISE / 2)


def _off_centre(
    starts: NDArray[np.int64], length: int, wanted: float | None
) -> NDArray[np.float64]:
    """Return the cost of the best instant lying off the middle of each loop.

    It is high where the instant is not in the loop at all.
    """
    if wanted is None:
        return np.zeros(len(starts))
    off = np.abs(wanted - (starts + length / 2)) / max(length / 2, 1)
    return np.asarray(_CENTRE * off**2 + np.where(off > 1, 5.0, 0.0), np.float64)


def _room(rate: Fraction, length: int, count: int) -> int:
    """Return for how many frames a loop of `length` may dissolve with what lies before it."""
    least = max(1, round(_LEAST * rate))
    mix = min(round(_DISSOLVE * rate), length // 3, count - length)
    return mix if mix >= least else 0
