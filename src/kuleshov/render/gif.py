"""Write a timeline as a GIF, an animated WebP or one still picture, within a limit of size.

Where a limit of size is not met, first fewer pictures a second are shown, then fewer colours (in a
WebP: less quality), then the picture gets smaller. These steps are one row from best to worst, and
the best that fits is looked for by halving: five or six encodes at most.
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import RenderError, UsageError
from kuleshov.files import write_bytes
from kuleshov.jobs import QUIET, Job
from kuleshov.media.gif import TICK, GifOptions, delays_of, write_gif, write_webp
from kuleshov.notes import Note
from kuleshov.render.frames import frames
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import Timeline

__all__ = ["MOVING", "Moving", "MovingFile", "render_gif", "render_still"]

MOVING = (".gif", ".webp")
"""The suffixes of what `render_gif` writes."""

_RATES = {".gif": Fraction(15), ".webp": Fraction(25)}  # pictures a second, unless asked for
_FINEST = 60  # frames a second that are all rendered where there is a limit
_SLOWEST = Fraction(7)  # pictures a second that a limit may lead to
_COLOURS = (255, 160, 96, 64)
_QUALITIES = (78, 60, 45, 32)
_NARROWER = 0.86  # from one step to the next
_NARROWEST = 96  # pixels
_MOST = 6_000_000_000  # bytes of pictures that are kept on disk while a size is looked for


@dataclass(frozen=True)
class Moving:
    """The options of a GIF or WebP.

    `fps`: pictures a second at most (None: 15, or 25); `limit`: bytes that the file may have;
    `loop`: how often it is played, 0 for ever. `delays`: how long each picture stays, in hundredths
    of a second, where that is given, with the timeline's `frames` that they show: their number is
    then not changed.
    """

    fps: Fraction | None = None
    limit: int | None = None
    loop: int = 0
    delays: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.fps is not None and not 1 <= self.fps <= 50:
            raise UsageError(
                f"fps lies between 1 and 50, not at {float(self.fps):g}.", option="fps"
            )
        if self.limit is not None and self.limit < 1:
            raise UsageError("limit must be above 0.", option="limit")
        if len(self.delays) != len(self.frames):
            raise ValueError(f"{len(self.delays)} delays for {len(self.frames)} frames")


@dataclass(frozen=True)
class MovingFile:
    """A file that was written; `notes` say what was given up for its size."""

    path: Path
    frames: int
    width: int
    height: int
    bytes: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class _Step:
    """A step of quality: every `every`th picture, so many colours (or so much quality), so wide."""

    every: int
    fine: int
    width: int


def render_gif(
    timeline: Timeline,
    out: Path,
    moving: Moving = Moving(),
    options: RenderOptions | None = None,
    job: Job = QUIET,
) -> MovingFile:
    """Write `out`, .gif or .webp.

    Raises `RenderError` where footage is missing, the limit cannot be met or nothing can be
    written.
    """
    suffix = out.suffix.lower()
    if suffix not in MOVING:
        raise UsageError(f"A moving picture ends in {' or '.join(MOVING)}: not {out.name}.")
    layout = timeline.layout
    shown, times, every = _shown(timeline, moving, suffix)
    if len(shown) * layout.width * layout.height * 3 > _MOST:
        raise RenderError(
            f"{out.name} was not written: {len(shown)} pictures of {layout.width}x{layout.height} "
            "are a film, not a GIF; name an .mp4, or make it shorter or smaller."
        )
    with (
        job.step(f"rendering {out.name}"),
        tempfile.TemporaryFile() as file,
    ):
        shape = (len(shown), layout.height, layout.width, 3)
        pictures = np.memmap(file, np.uint8, "w+", shape=shape)
        for number, picture in enumerate(frames(timeline, shown, options, job)):
            pictures[number] = picture
        made = _Encoder(pictures, times, timeline.duration / timeline.rate, suffix, moving, job)
        steps = _steps(made, every, layout.width, moving)
        step, data = _best(made, steps, moving.limit, out)
        del made, pictures
        job.check()
    try:
        write_bytes(out, data)
    except OSError as error:
        raise RenderError(f"{out} was not written: {error.strerror}.") from error
    height = _height(step.width, layout.width, layout.height)
    count = len(range(0, len(shown), step.every))
    written = MovingFile(out, count, step.width, height, len(data))
    if step == steps[0] or moving.limit is None:
        return written
    return replace(written, notes=(_given_up(steps[0], step, moving.limit, _rate(times), out),))


def render_still(
    timeline: Timeline,
    out: Path,
    options: RenderOptions | None = None,
    frame: int = 0,
    job: Job = QUIET,
) -> MovingFile:
    """Write one frame of a timeline as a picture (PNG)."""
    from PIL import Image

    (picture,) = frames(timeline, [frame], options, job)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", optimize=True)
    try:
        write_bytes(out, data.getvalue())
    except OSError as error:
        raise RenderError(f"{out} was not written: {error.strerror}.") from error
    height, width = picture.shape[:2]
    return MovingFile(out, 1, width, height, len(data.getvalue()))


def _rate(times: Sequence[Fraction]) -> float:
    """Return the rate, in pictures a second, of pictures shown at these times."""
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else 0.0


def _shown(
    timeline: Timeline, moving: Moving, suffix: str
) -> tuple[list[int], list[Fraction], int]:
    """Return the frames to render, when each is shown, in s, and every how many to show."""
    if moving.delays:
        starts = np.concatenate([[0], np.cumsum(moving.delays[:-1])]).tolist()
        return list(moving.frames), [start * TICK for start in starts], 1
    wanted = min(moving.fps or _RATES[suffix], timeline.rate)
    # Every nth frame: an uneven choice would stutter. For a limit others may be wanted.
    every = max(1, math.ceil(timeline.rate / wanted))
    step = 1 if moving.limit is not None and timeline.rate <= _FINEST else every
    shown = list(range(0, timeline.duration, step))
    return shown, [number / timeline.rate for number in shown], every // step


class _Encoder:
    """An encoder that makes the bytes of a step from pictures kept on disk."""

    def __init__(
        self,
        pictures: NDArray[np.uint8],
        times: Sequence[Fraction],
        end: Fraction,
        suffix: str,
        moving: Moving,
        job: Job,
    ) -> None:
        self._job = job
        self.pictures, self.times, self.suffix = pictures, times, suffix
        self._end, self._moving = end, moving

    def __call__(self, step: _Step) -> bytes:
        self._job.check()
        chosen = self.pictures[:: step.every]
        given = self._moving.delays
        times = list(self.times)[:: step.every]
        delays = list(given) if given else delays_of(times, self._end)
        height, width = self.pictures.shape[1:3]
        small = _sized(chosen, step.width, _height(step.width, width, height), self._job)
        loop = self._moving.loop
        if self.suffix == ".webp":
            exact = [0, *(round(t * 1000) for t in times[1:]), round(self._end * 1000)]
            spans = [b - a for a, b in pairwise(exact)]
            if given:
                spans = [10 * delay for delay in delays]
            return write_webp(small, spans, step.fine, loop, self._job)
        # With few colours a little more may stay as it is.
        keep = GifOptions().keep + (2 if step.fine < _COLOURS[2] else 0)
        return write_gif(small, delays, GifOptions(step.fine, keep=keep, loop=loop), self._job)


def _sized(
    pictures: NDArray[np.uint8], width: int, height: int, job: Job
) -> list[NDArray[np.uint8]]:
    """Return the pictures, made smaller if need be; unchanged ones stay on disk."""
    from PIL import Image

    if pictures.shape[1:3] == (height, width):
        return list(pictures)
    images = (Image.fromarray(picture) for picture in job.over(pictures))
    size = (width, height)
    return [np.asarray(image.resize(size, Image.Resampling.LANCZOS)) for image in images]


def _steps(made: _Encoder, every: int, width: int, moving: Moving) -> list[_Step]:
    """Return the steps that may be given up, the best first: the order is fps, colours, width."""
    fine = _COLOURS if made.suffix == ".gif" else _QUALITIES
    best = _Step(every, fine[0], width)
    if moving.limit is None:
        return [best]
    steps, rate = [best], _rate(made.times)
    while not moving.delays and rate / (every + 1) >= _SLOWEST:
        every += 1
        steps.append(_Step(every, fine[0], width))
    steps += [_Step(every, less, width) for less in fine[1:]]
    narrow = width * _NARROWER
    while narrow >= min(_NARROWEST, width / 2):
        steps.append(_Step(every, fine[-1], max(2, 2 * round(narrow / 2))))
        narrow *= _NARROWER
    return steps


def _best(
    made: _Encoder, steps: Sequence[_Step], limit: int | None, out: Path
) -> tuple[_Step, bytes]:
    """Return the first step that fits the limit, and its bytes."""
    first = made(steps[0])
    if limit is None or len(first) <= limit:
        return steps[0], first
    found: tuple[_Step, bytes] | None = None
    low, high, smallest = 1, len(steps), len(first)  # the answer lies in steps[low:high]
    while low < high:
        middle = (low + high) // 2
        data = made(steps[middle])
        smallest = min(smallest, len(data))
        if len(data) <= limit:
            found, high = (steps[middle], data), middle
        else:
            low = middle + 1
    if found is None:
        raise RenderError(
            f"{out.name} was not written: it cannot be made smaller than "
            f"{_bytes(smallest, up=True)}: make it shorter, or allow that much."
        )
    return found


def _given_up(best: _Step, step: _Step, limit: int, rate: float, out: Path) -> Note:
    given = []
    if step.every > best.every:
        given.append(
            f"{rate / step.every:.3g} pictures a second instead of {rate / best.every:.3g}"
        )
    if step.fine < best.fine:
        what = "colours" if out.suffix.lower() == ".gif" else "quality"
        given.append(f"{step.fine} {what} instead of {best.fine}")
    if step.width < best.width:
        given.append(f"{step.width} pixels wide instead of {best.width}")
    text = f"To stay below {_bytes(limit)}, {out.name} has {', '.join(given)}."
    return Note("given-up-for-size", text, {"bytes": limit})


def _height(width: int, whole: int, height: int) -> int:
    return height if width == whole else max(2, 2 * round(height * width / whole / 2))


def _bytes(count: int, *, up: bool = False) -> str:
    """Return a number of bytes as people read it.

    With `up` it is rounded so that it may be asked for as a limit.
    """
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    unit, digits, name = (1e6, 2, "MB") if count >= 1e5 else (1e3, 1, "kB")
    fine = count / unit * 10**digits
    return f"{(math.ceil(fine) if up else round(fine)) / 10**digits:.{digits}f} {name}"
