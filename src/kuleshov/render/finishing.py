"""Finish the remade film as one piece: its clips' tone, its colour, its grain.

`tones` pulls each clip's tone gently towards that of the shot it answers: the mean and spread of
luma and the mean and spread of chroma, in the manner of Reinhard and others 2001 ("Color transfer
between images"), in the film's own YUV and held within limits, so that a clip never turns into
something it is not. `Finisher` takes out colour and puts grain over the whole.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.colour import film_colour
from kuleshov.render.clips import ClipView, Planes, planes_of
from kuleshov.render.frame_readers import Readers
from kuleshov.render.options import Finishing, Grade
from kuleshov.timeline import Clip, Region, Timeline, Track

__all__ = ["PERIOD", "Finisher", "tones"]

_SAMPLES = 5  # frames of a clip that are looked at
_SMALL = (96, 54)  # pixels
_STILL = 4.0  # of 255; spreads below are noise, and not followed
_GAIN, _SHIFT = (0.7, 1.4), 40.0  # how far luma may be pulled
_CHROMA_GAIN, _CHROMA_SHIFT = (0.5, 1.6), 14.0
_TILES = 7  # of grain; a number that no frame rate is a multiple of
PERIOD = 2 * _TILES
"""Frames after which grain is the same again."""
_GRAIN = 22.0  # of 255; standard deviation in the middle greys at grain 1
_CLUMP = 0.7  # pixels of 360 lines; grain is not as fine as a pixel


@dataclass(frozen=True)
class _ClipTone:
    """The tone of pictures.

    Mean and spread of luma, mean of U and V, and their spread around grey.
    """

    luma: float
    spread: float
    u: float
    v: float
    chroma: float


def tones(timeline: Timeline, strength: float, job: Job = QUIET) -> dict[int, Grade]:
    """Return how to grade each clip of `recut` towards what `source` shows at the same time.

    Empty where the timeline has no source beside it.
    """
    named = {track.name: track for track in timeline.tracks}
    if not strength or not named.keys() >= {"recut", "source"}:
        return {}
    grades = {}
    with (
        Readers(stopped=lambda: job.stopped) as readers,
        job.step("matching the tone of clips", of=len(named["recut"].items), unit="clips") as step,
    ):
        ours, source = (
            _Samples(named[name], timeline.rate, readers) for name in ("recut", "source")
        )
        for span in step.over(ours.spans):
            if not isinstance(ours.track.items[span.item], Clip):
                continue
            frames = np.linspace(span.own.first, span.own.end - 1, _SAMPLES).round().astype(int)
            wanted = sorted(set(frames.tolist()))
            shown, aim = _tone(ours.at(wanted)), _tone(source.at(wanted))
            if shown is not None and aim is not None:
                grades[span.item] = _towards(shown, aim, strength)
    return grades


class _Samples:
    """A sampler of small pictures of single frames of a track."""

    def __init__(self, track: Track, rate: Fraction, readers: Readers) -> None:
        self.track, self.spans = track, track.spans()
        self._ends = [span.own.end for span in self.spans]
        self._rate, self._readers = rate, readers
        self._region = Region("small", 0, 0, *_SMALL, "fill")

    def at(self, frames: list[int]) -> list[Planes]:
        """Return what `frames`, in order, show, without black and what cannot be read."""
        shown = itertools.groupby(frames, lambda frame: bisect.bisect_right(self._ends, frame))
        return [planes for item, inside in shown for planes in self._of(item, list(inside))]

    def _of(self, number: int, frames: list[int]) -> list[Planes]:
        span, clip = self.spans[number], self.track.items[number]
        seen: list[Planes] = []
        if not isinstance(clip, Clip):
            return seen
        time = clip.start + (frames[0] - span.own.first) * clip.speed / self._rate
        with contextlib.suppress(MediaError):  # what cannot be used is said when the film is made
            reader = self._readers.take(clip.media, time)
            colour = film_colour(self._region.height)
            view = ClipView(clip, span, self._rate, self._region, colour, reader, "area")
            try:
                for frame in frames:
                    y, u, v = (plane.copy() for plane in planes_of(view.at(frame)[0]))
                    seen.append((y, u, v))
            finally:
                self._readers.give_back(reader)
        return seen


def _tone(seen: list[Planes]) -> _ClipTone | None:
    """Return the tone of some pictures; None for no pictures."""
    if not seen:
        return None
    y, u, v = (np.concatenate([part[k].ravel() for part in seen]).astype(float) for k in range(3))
    chroma = float(np.hypot(u - u.mean(), v - v.mean()).std() + np.hypot(u - 128, v - 128).mean())
    return _ClipTone(float(y.mean()), float(y.std()), float(u.mean()), float(v.mean()), chroma)


def _towards(shown: _ClipTone, aim: _ClipTone, strength: float) -> Grade:
    gain = 1.0
    if shown.spread > _STILL and aim.spread > _STILL:
        gain = _limited((aim.spread / shown.spread) ** strength, _GAIN)
    shift = _limited(strength * (aim.luma - shown.luma), (-_SHIFT, _SHIFT))
    chroma = 1.0
    if shown.chroma > _STILL:
        chroma = _limited((aim.chroma / shown.chroma) ** strength, _CHROMA_GAIN)
    moved = []
    for mean, wanted in ((shown.u, aim.u), (shown.v, aim.v)):
        most = (-_CHROMA_SHIFT, _CHROMA_SHIFT)
        target = mean + _limited(strength * (wanted - mean), most)
        moved.append(target - 128 - chroma * (mean - 128))
    return Grade(gain, shown.luma + shift - gain * shown.luma, chroma, *moved)


def _limited(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


class Finisher:
    """A finish that takes colour out of a region's planes and puts grain over them, frame by frame.

    Grain is the same in every run: it depends on the number of the frame and the size.
    """

    def __init__(self, finishing: Finishing, width: int, height: int) -> None:
        self._finishing = finishing
        self._tiles = _grain(width, height, finishing.grain) if finishing.grain else ()
        self._response = _response()

    def __call__(self, planes: Planes, number: int) -> None:
        """Change the planes of frame `number` in place."""
        y, u, v = planes
        if self._finishing.monochrome:
            u[:] = 128
            v[:] = 128
        if self._tiles:
            tile = self._tiles[number % len(self._tiles)]
            turned = tile[::-1] if number // len(self._tiles) % 2 else tile
            added = y + turned * self._response[y]
            y[:] = np.clip(np.rint(added), 16, 235).astype(np.uint8)


def _grain(width: int, height: int, amount: float) -> tuple[NDArray[np.float32], ...]:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(360)
    size = _CLUMP * height / 360
    tiles = []
    for _ in range(_TILES):
        tile = gaussian_filter(rng.standard_normal((height, width), np.float32), size, mode="wrap")
        tiles.append(
            (tile * np.float32(_GRAIN * amount / max(tile.std(), 1e-6))).astype(np.float32)
        )
    return tuple(tiles)


def _response() -> NDArray[np.float32]:
    """Return how much grain shows at each level of luma, (256,).

    Most shows in the middle, none in black.
    """
    level = np.clip((np.arange(256) - 16) / 219, 0, 1)
    return np.asarray(np.sqrt(4 * level * (1 - level)) * (1 - 0.4 * level), np.float32)
