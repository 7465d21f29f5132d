"""Stand in for a clip whose footage is missing or cannot be decoded: a picture that says so.

    stand_ins = standing_in(timeline, "placeholder")     # None where everything is there
    TrackView(..., stand_ins)
    stand_ins.sentences()                                # what stood for what, once it is rendered

The picture is drawn as luma, with two fixed planes of colour, so that it is the same in every
film's colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, get_args

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import NOT_THERE, MediaError, RenderError, UsageError
from kuleshov.footage import Video
from kuleshov.jobs import QUIET, Job
from kuleshov.letters import line
from kuleshov.media.decode import Film, open_file, reason_of
from kuleshov.notes import Note
from kuleshov.render.clips import ClipView, Cutting
from kuleshov.render.frame_readers import Reader
from kuleshov.render.options import Missing
from kuleshov.timecode import format_time
from kuleshov.timeline import Clip, Region, Span, Timeline

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "PlaceholderView",
    "StandIns",
    "Unusable",
    "View",
    "placeholder",
    "standing_in",
    "unusable",
]

_GROUND, _RULE, _PANEL, _BRIGHT, _DIM = 30, 92, 24, 225, 165  # luma, limited range
_WARM = (118, 168)  # U and V of the rules; the rest is grey
_SMALLEST = 40  # pixels; a region less high or wide has no room for letters
_LONGEST = 120  # letters
_WHATEVER = Video("", 2, 2, Fraction(25), Fraction(1, 25))  # spares a look into the film


@dataclass(frozen=True)
class Unusable:
    """A file that a timeline needs and that cannot be used, why, and for how many clips.

    `sound`: whether the film's sound comes from it.
    """

    path: Path
    reason: str
    clips: int
    sound: bool

    @property
    def gone(self) -> bool:
        """Whether nothing lies there; otherwise it is there, but cannot be decoded."""
        return self.reason == NOT_THERE

    def __str__(self) -> str:
        needs = [f"{self.clips} clip{'s' if self.clips > 1 else ''}"] if self.clips else []
        needs += ["the sound"] if self.sound else []
        why = "" if self.gone else f"; {self.reason.rstrip('.')}"
        return f"{self.path} ({', '.join(needs)}{why})"


def unusable(timeline: Timeline, job: Job = QUIET) -> tuple[Unusable, ...]:
    """Return the files of a timeline that are not there or cannot be opened, each once, in order.

    Only their headers are read.
    """
    clips: dict[Path, int] = {}
    for track in timeline.tracks:
        for item in track.items:
            if isinstance(item, Clip):
                clips[item.media.path] = clips.get(item.media.path, 0) + 1
    heard = None if timeline.under is None else timeline.under.media.path
    found = []
    for path in job.over(dict.fromkeys([*clips, *([heard] if heard is not None else [])])):
        reason = _reason(path, pictures=path in clips)
        if reason:
            found.append(Unusable(path, reason, clips.get(path, 0), path == heard))
    return tuple(found)


def standing_in(timeline: Timeline, missing: Missing, job: Job = QUIET) -> StandIns | None:
    """Return the stand-ins for footage that cannot be used; None where nothing is to stand for it.

    Raises `RenderError`, naming every such file and what to do, where they are refused.
    """
    if missing not in get_args(Missing):
        known = " or ".join(get_args(Missing))
        raise UsageError(f"missing is {known}, not {missing!r}.", option="missing")
    found = unusable(timeline, job)
    if missing == "placeholder":
        return StandIns({one.path: one.reason for one in found})
    if found:
        gone = any(one.gone for one in found)
        raise RenderError(_refusal(found), code="footage-missing" if gone else "footage-unreadable")
    return None


class View(Protocol):
    """A view of what a track shows of one item; see `ClipView`."""

    held: int

    @property
    def reader(self) -> Reader | None:
        """The reader that it reads with, to be given back; None for none."""

    def at(self, frame: int) -> tuple[av.VideoFrame, Cutting]:
        """Return the picture for a timeline frame."""


class StandIns:
    """A giver of views that never fail, which remembers what stood for what; `reasons` by file."""

    def __init__(self, reasons: dict[Path, str]) -> None:
        self.silence = ""
        self._reasons = reasons
        self._clips: dict[Path, dict[str, set[int]]] = {}

    def view(
        self,
        opened: Callable[[], ClipView],
        clip: Clip,
        span: Span,
        track: str,
        rate: Fraction,
        region: Region,
    ) -> View:
        """Return the view of a clip that `opened` gives, or a placeholder.

        The placeholder also takes over from the first picture on that cannot be decoded.
        """

        def instead(reason: str) -> PlaceholderView:
            path = clip.media.path
            self._reasons.setdefault(path, reason)
            self._clips.setdefault(path, {}).setdefault(track, set()).add(span.item + 1)
            return PlaceholderView(clip, span, rate, region, gone=reason == NOT_THERE)

        if clip.media.path in self._reasons:
            return instead(self._reasons[clip.media.path])
        try:
            return _Guarded(opened(), instead)
        except MediaError as error:
            return instead(error.reason)

    def stands_for(self, path: Path) -> bool:
        """Return whether this file cannot be used, as far as is known by now."""
        return path in self._reasons

    def notes(self) -> Iterator[Note]:
        """Yield notes on what is shown, or not heard, instead of what was asked for."""
        for path, tracks in self._clips.items():
            for track, numbers in tracks.items():
                listed = ", ".join(map(str, sorted(numbers)))
                clips = "clip" if len(numbers) == 1 else "clips"
                text = (
                    f"A placeholder stands for {clips} {listed} of track {track!r}: "
                    f"{path}: {self._reasons[path]}"
                )
                about = {"footage": str(path), "track": track, "clips": sorted(numbers)}
                yield Note("placeholder", text, about)
        if self.silence:
            yield Note("film-silent", f"The film is silent: {self.silence}")


class PlaceholderView:
    """A placeholder for a `ClipView`: a dark, marked picture.

    It names the footage, its media time and the number of the clip, as the contact sheet counts it.
    """

    reader: Reader | None = None

    def __init__(
        self, clip: Clip, span: Span, rate: Fraction, region: Region, *, gone: bool = True
    ) -> None:
        self.held = 0
        self._clip, self._span, self._step = clip, span, clip.speed / rate
        self._region, self._word = region, "MISSING" if gone else "CANNOT BE READ"
        self._shown: tuple[str, av.VideoFrame] | None = None

    def at(self, frame: int) -> tuple[av.VideoFrame, Cutting]:
        """Return the picture for timeline frame `frame`, as large as the region."""
        time = self._clip.start + (frame - self._span.own.first) * self._step
        where = f"{format_time(max(Fraction(0), time))}   clip {self._span.item + 1}"
        size = (self._region.width, self._region.height)
        if self._shown is None or self._shown[0] != where:
            planes = placeholder(size, self._word, self._clip.media.path.name, where)
            self._shown = where, av.VideoFrame.from_ndarray(planes, format="yuv420p")
        return self._shown[1], Cutting(0, 0, *size, size)


class _Guarded:
    """A view that becomes a placeholder when its film cannot be decoded."""

    def __init__(self, view: ClipView, instead: Callable[[str], PlaceholderView]) -> None:
        self._view: View = view
        self._instead = instead

    @property
    def held(self) -> int:
        return self._view.held

    @held.setter
    def held(self, value: int) -> None:
        self._view.held = value

    @property
    def reader(self) -> Reader | None:
        # A reader that failed is not given back: nobody else should go on reading with it.
        return self._view.reader

    def at(self, frame: int) -> tuple[av.VideoFrame, Cutting]:
        try:
            return self._view.at(frame)
        except MediaError as error:
            reason = error.reason
        except av.error.FFmpegError as error:
            reason = reason_of(error)
        self._view = self._instead(reason)
        return self._view.at(frame)


# ---------------------------------------------------------------- drawing


def placeholder(size: tuple[int, int], word: str, name: str, where: str) -> NDArray[np.uint8]:
    """Return the picture as (H * 3 // 2, W) uint8, yuv420p in limited range.

    `size` is width, height. `word` stands in large letters, below it the `name` of the footage and
    `where`. Where there is no room for letters the picture is dark, and reddish.
    """
    from PIL import ImageDraw

    width, height = size
    if min(size) < _SMALLEST:
        return _dark(width, height)
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    ground, colour = _ground(width, height)
    image = ground.copy()
    pen = ImageDraw.Draw(image)
    unit = min(height, width * 3 / 4)
    room = round(width * 0.8)
    lines = [(word, round(unit * 0.13), _BRIGHT), (name, round(unit * 0.062), _BRIGHT)]
    lines.append((where, round(unit * 0.062), _DIM))
    fitted = [_fitted(text, max(9, letters), room, level) for text, letters, level in lines]
    gap = max(2, round(unit * 0.035))
    total = sum(letters for _, letters, _ in fitted) + gap * (len(fitted) - 1)
    wide = max(line(text, letters).width for text, letters, _ in fitted)
    x, y, pad = width / 2, (height - total) / 2, 1.4 * gap
    edge = 4 * _thickness(width, height)
    left, top = max(edge, int(x - wide / 2 - pad)), max(edge, int(y - pad))
    right, bottom = width - 1 - left, height - 1 - top
    pen.rectangle((left, top, right, bottom), fill=_PANEL)
    for text, letters, level in fitted:
        drawn = line(text, letters)
        drawn.draw(pen, (x, y + letters / 2), level, "mm")
        y += letters + gap
    planes = np.empty((height * 3 // 2, width), np.uint8)
    planes[:height] = np.asarray(image)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    chroma[:] = colour
    chroma[:, top // 2 : bottom // 2 + 1, left // 2 : right // 2 + 1] = 128
    return planes


def _dark(width: int, height: int) -> NDArray[np.uint8]:
    planes = np.full((height * 3 // 2, width), _GROUND, np.uint8)
    planes[height:].reshape(2, -1)[:] = np.reshape(_WARM, (2, 1))
    return planes


@lru_cache(maxsize=4)
def _ground(width: int, height: int) -> tuple[Image, NDArray[np.uint8]]:
    """Return the dark ground with a frame and two diagonals as luma, and its colour.

    The colour is (2, H/2, W/2).
    """
    from PIL import ImageDraw
    from PIL.Image import Resampling, new

    scale = 2 if width * height <= 1 << 22 else 1  # drawn larger, so that the diagonals are smooth
    rules = new("L", (width * scale, height * scale), 0)
    pen = ImageDraw.Draw(rules)
    thick = _thickness(width, height) * scale
    inset = 2 * thick
    left, top, right, bottom = inset, inset, rules.width - 1 - inset, rules.height - 1 - inset
    pen.line((left + thick, top + thick, right - thick, bottom - thick), fill=255, width=thick)
    pen.line((left + thick, bottom - thick, right - thick, top + thick), fill=255, width=thick)
    pen.rectangle((left, top, right, bottom), outline=255, width=thick)
    share = np.asarray(rules.resize((width, height), Resampling.BOX), np.float32) / 255
    small = np.asarray(rules.resize((width // 2, height // 2), Resampling.BOX), np.float32) / 255
    luma = np.rint(_GROUND + share * (_RULE - _GROUND)).astype(np.uint8)
    planes = [np.rint(128 + small * (level - 128)) for level in _WARM]
    return _image(luma), np.stack(planes).astype(np.uint8)


def _thickness(width: int, height: int) -> int:
    """Return the thickness of the rules, in pixels."""
    return max(2, round(min(width, height) / 120))


@lru_cache(maxsize=64)
def _fitted(text: str, letters: int, room: int, level: int) -> tuple[str, int, int]:
    """Return a text no wider than `room`: in smaller letters, then without its middle."""
    text = text if len(text) <= _LONGEST else _middle(text, _LONGEST)
    while letters > 9 and line(text, letters).width > room and letters > room / 24:
        letters -= 1
    if line(text, letters).width > room:
        # The end of a file's name tells as much as its beginning.
        kept = next(
            (
                n
                for n in range(len(text) - 1, 1, -1)
                if line(_middle(text, n), letters).width <= room
            ),
            1,
        )
        text = _middle(text, kept)
    return text, letters, level


def _middle(text: str, kept: int) -> str:
    head = math.ceil(kept / 2)
    return f"{text[:head]}…{text[len(text) - (kept - head) :]}"


def _image(array: NDArray[np.uint8]) -> Image:
    from PIL.Image import fromarray

    return fromarray(array)


# ---------------------------------------------------------------- what cannot be used


def _reason(path: Path, *, pictures: bool) -> str:
    """Return why a file cannot be used; empty where it can, as far as its headers tell."""
    try:
        if pictures:
            Film(path, video=_WHATEVER).close()
        else:
            open_file(path).close()
    except MediaError as error:
        return error.reason
    return ""


def _refusal(found: tuple[Unusable, ...]) -> str:
    gone = [str(one) for one in found if one.gone]
    broken = [str(one) for one in found if not one.gone]
    parts = [f"{_files(gone)} that the film needs {_are(gone)} missing: {', '.join(gone)}"]
    if broken:
        parts = parts if gone else []
        parts.append(f"{_files(broken)} cannot be read: {', '.join(broken)}")
    return f"{'; '.join(parts)}."


def _files(listed: list[str]) -> str:
    return "1 file" if len(listed) == 1 else f"{len(listed)} files"


def _are(listed: list[str]) -> str:
    return "is" if len(listed) == 1 else "are"
