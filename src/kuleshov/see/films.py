"""Look at a whole film, or a picture, through lenses: with all frames, times and its sound."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import av.filter
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, RenderError, UsageError
from kuleshov.files import write_bytes
from kuleshov.footage import Video
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.media.audio import open_sound, sound_notes
from kuleshov.media.bars import find_bars
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.colour import colour_of, in_rgb
from kuleshov.media.decode import Film, open_file
from kuleshov.media.decode import Picture as Decoded
from kuleshov.media.graph import build_graph
from kuleshov.media.pictures import as_film
from kuleshov.media.pictures import is_picture as known_picture
from kuleshov.media.scale import upright
from kuleshov.media.write import FilmWriter, SoundTrack
from kuleshov.notes import Note
from kuleshov.see.camera import LookOptions, framed, looked_size
from kuleshov.see.lens import Lens
from kuleshov.see.looker import Looker, State
from kuleshov.timeline import Media, Sound

__all__ = ["PICTURES", "CrossFade", "Panel", "Seen", "ViewOptions", "is_picture", "view"]

Picture = NDArray[np.uint8]
Panel = Literal["source", "input", "result"]
"""The pictures side by side in a film: what was looked at, what the lens was given of it, and what
the lens made of it."""

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""The endings of pictures that can be written."""

_JPEG_QUALITY = 95
_ONE = Fraction(1)


@dataclass(frozen=True)
class CrossFade:
    """A cross-fade from the first lens to the second, evenly, from `begin` to `end`.

    In seconds of the film; None: its beginning and its end.
    """

    begin: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        if self.begin is not None and self.end is not None and self.end < self.begin:
            raise UsageError("A cross-fade cannot end before it begins.")

    def weight(self, time: Fraction, duration: Fraction) -> float:
        """Return the second lens's share at a time, 0 to 1, of a film that lasts `duration`."""
        begin = self.begin or Fraction(0)
        end = duration if self.end is None else self.end
        if end <= begin:  # a cut from one to the other
            return float(time >= begin)
        return float(min(_ONE, max(Fraction(0), (time - begin) / (end - begin))))


@dataclass(frozen=True)
class ViewOptions:
    """The options by which a film is looked at and written.

    `panels` from left to right; `fade` where there are two lenses; black bars around a film are cut
    off unless `bars`; `threads` for decoding and for the network each (None: as many as there are).
    """

    look: LookOptions = field(default_factory=LookOptions)
    panels: tuple[Panel, ...] = ("result",)
    fade: CrossFade = field(default_factory=CrossFade)
    bars: bool = False
    write: WriteOptions = field(default_factory=WriteOptions)
    threads: int | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        if not self.panels:
            raise UsageError("A film shows one panel at least.")


@dataclass(frozen=True)
class Seen:
    """A film or picture that was written.

    `sound` is `copied`, `encoded` or `none`; `warnings` says what differs from what was asked for.
    """

    path: Path
    frames: int
    width: int
    height: int
    sound: Literal["copied", "encoded", "none"] = "none"
    warnings: tuple[Note, ...] = ()


def is_picture(path: Path) -> bool:
    """Return whether a file holds one still picture.

    Raises MediaError where it cannot be opened.
    """
    if known_picture(path):
        return True
    with open_file(path) as container:
        name = container.format.name
    return name == "image2" or name.endswith("_pipe")


def view(
    source: Path,
    lenses: Sequence[Lens],
    out: Path,
    options: ViewOptions = ViewOptions(),
    job: Job = QUIET,
) -> Seen:
    """Look at `source` through a lens, or two, and write `out`.

    It is a picture of a picture (.png, .jpg or .webp), else a film with the source's own frame
    times and sound.

    Nothing is left behind where it is not finished. Raises MediaError where the source cannot be
    used, ModelError where a lens cannot, RenderError where nothing can be written, UsageError where
    `out` does not fit the source, and Stopped where the job is to stop.
    """
    with job.step(f"looking at {source.name}", unit="frames") as step:
        return _viewed(source, lenses, out, options, job, step)


def _viewed(
    source: Path,
    lenses: Sequence[Lens],
    out: Path,
    options: ViewOptions,
    job: Job,
    step: Step,
) -> Seen:
    if len(lenses) not in (1, 2):
        raise UsageError(f"A film is looked at through one lens or two, not {len(lenses)}.")
    still, suffix = is_picture(source), out.suffix.lower()
    if still and suffix not in PICTURES:
        raise UsageError(f"{source.name} is a picture: name a .png, .jpg or .webp to write.")
    if not still and suffix in PICTURES:
        raise UsageError(f"{source.name} is a film: name an .mp4 or .mov to write.")
    with (
        as_film(source) if still else contextlib.nullcontext(source) as readable,
        Film(readable, threads=options.threads or 0) as film,
    ):
        try:
            video = film.video
            if not (still or options.bars):
                video = replace(video, bars=find_bars(film, film.probe.duration_s))
            job.check()
            through = _Through(film, video, lenses, options)
            job.check()
            if still:
                return _write_picture(film, through, out, job)
            return _write_film(film, through, out, job, step)
        except (av.error.FFmpegError, OSError) as error:
            if isinstance(error, MediaError):
                raise
            raise RenderError(f"{out.name} was not written: {error}") from error


class _Through:
    """A viewer of a film's frames through its lenses, one after another."""

    def __init__(
        self, film: Film, video: Video, lenses: Sequence[Lens], options: ViewOptions
    ) -> None:
        look = options.look
        wide, high = video.active_size[0] * video.upright_aspect, video.active_size[1]
        width, height = looked_size(round(wide), high, look.size or lenses[0].size)
        self.width, self.height = width, height
        self.panels, self.options = options.panels, options
        self._looker = Looker(lenses, width, height, threads=options.threads, cache=options.cache)
        # The frame as large as it must be for its crop to be of the size that is looked at.
        scale = max(width / wide, Fraction(height, high)) / Fraction(look.crop)
        self._rgb = _Rgb(video, max(width, round(wide * scale)), max(height, round(high * scale)))
        self._state, self._before = State(), Fraction(0)
        self._fades, self._duration = len(lenses) == 2, _duration(film)
        if self._fades and self._duration is None and options.fade.end is None:
            text = f"{film.path.name} does not say how long it is: say where the cross-fade ends."
            raise UsageError(text, code="length-unknown")

    def __call__(self, given: Decoded, still: bool = False) -> Picture:
        """Return the panels (H, W * panels, 3) of a picture of the film."""
        look = self.options.look
        time = given.time
        shown = framed(self._rgb(given.frame, given.aspect), self.width, self.height, look)
        look = replace(look, crop=1.0, mirror=False)
        weights = None
        if self._fades:
            share = self.options.fade.weight(time, self._duration or Fraction(0))
            share = 0.5 if still else share
            weights = (1 - share, share)
        picture, self._state = self._looker.look(
            shown, self._state, look, seconds=float(time - self._before), weights=weights
        )
        self._before = time
        parts = {"source": shown, "result": picture}
        if "input" in self.panels:
            seen = self._looker.seen(shown, look, self._state)
            parts["input"] = np.repeat(seen[:, :, None], 3, axis=2)
        if len(self.panels) == 1:
            return parts[self.panels[0]]
        return np.concatenate([parts[panel] for panel in self.panels], axis=1)


class _Rgb:
    """A converter of a film's frames to RGB of full range, (height, width, 3).

    They are upright, of square pixels, without bars. What comes in another shape than the film's is
    fitted into that, between black bars.
    """

    def __init__(self, video: Video, width: int, height: int) -> None:
        self._video, self._width, self._height = video, width, height
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def __call__(self, frame: av.VideoFrame, aspect: Fraction) -> Picture:
        given = colour_of(frame)
        key = (frame.width, frame.height, frame.format.name, given, aspect)
        if self._graph is None or key != self._key:
            (width, height), self._seen, self._at = self._plan(frame, aspect)
            smaller = width <= frame.width and height <= frame.height
            how = f"{'area' if smaller else 'bicubic'}+accurate_rnd+full_chroma_int"
            chain = in_rgb(given, f"{width}:{height}:flags={how}")
            self._graph, self._key = build_graph(frame, chain), key
        self._graph.vpush(frame)
        shown: NDArray[Any] = self._graph.vpull().to_ndarray()
        seen = upright(shown, self._video)[self._seen]
        if seen.shape[:2] == (self._height, self._width):
            return seen
        framed = np.zeros((self._height, self._width, 3), np.uint8)
        framed[self._at[0] : self._at[0] + len(seen), self._at[1] :][:, : seen.shape[1]] = seen
        return framed

    def _plan(
        self, frame: av.VideoFrame, aspect: Fraction
    ) -> tuple[tuple[int, int], tuple[slice, slice], tuple[int, int]]:
        """Return the size to scale to, what of that is seen, and where it is put.

        The size is as coded, the seen part upright; it is put at a row and a column.
        """
        video = self._video.shaped(frame.width, frame.height, aspect)
        width, height = self._width, self._height
        if video is not self._video:
            wider = video.active_aspect / self._video.active_aspect
            width = max(2, round(width * min(_ONE, wider)))
            height = max(2, round(height / max(_ONE, wider)))
        (wide, high), bars, active = video.upright_size, video.bars, video.active_size
        across, down = Fraction(width, active[0]), Fraction(height, active[1])
        # A row that is partly bar is dark: it goes as well.
        left, top = math.ceil(bars.left * across), math.ceil(bars.top * down)
        size = max(left + width, round(wide * across)), max(top + height, round(high * down))
        coded = size[::-1] if video.rotation in (90, 270) else size
        seen = slice(top, top + height), slice(left, left + width)
        return coded, seen, ((self._height - height) // 2, (self._width - width) // 2)


def _write_picture(film: Film, through: _Through, out: Path, job: Job) -> Seen:
    from PIL import Image

    picture = through(next(film.pictures()), still=True)
    job.check()
    write_bytes(out, _encoded(Image.fromarray(picture), out.suffix.lower()))
    return Seen(out, 1, picture.shape[1], picture.shape[0])


def _encoded(image: object, suffix: str) -> bytes:
    import io

    from PIL import Image

    assert isinstance(image, Image.Image)
    data = io.BytesIO()
    kind = {".png": "PNG", ".webp": "WEBP"}.get(suffix, "JPEG")
    image.save(data, kind, quality=_JPEG_QUALITY)
    return data.getvalue()


def _write_film(film: Film, through: _Through, out: Path, job: Job, step: Step) -> Seen:
    video = film.video
    sound, warnings = _sound(film, job)
    width, height = through.width * len(through.panels), through.height
    options = through.options.write
    clock = video.time_base
    expected = round((_duration(film) or Fraction(0)) * video.rate)
    with FilmWriter(out, width, height, video.rate, options, sound, clock) as writer:
        for picture, time in _made(film, through):
            writer.write(picture, time)
            step.at(writer.frames, max(expected, writer.frames))
    about = {"footage": str(film.path)}
    for sentence in film.probe.left_out:
        warnings.append(Note("source-in-part", f"{film.path.name}: {sentence}", about))
    if film.damaged:
        text = f"{film.path.name} is damaged: {film.damaged} of its packets were left out."
        warnings.append(Note("source-damaged", text, {**about, "pieces": film.damaged}))
    kind = "none" if sound is None else sound.kind
    return Seen(out, writer.frames, width, height, kind, tuple(warnings))


def _made(film: Film, through: _Through) -> Iterator[tuple[Picture, Fraction]]:
    for picture in film.pictures():
        yield through(picture), picture.time


def _sound(film: Film, job: Job) -> tuple[SoundTrack | None, list[Note]]:
    """Return the film's own sound and notes.

    The sound is None where there is none or none that can be read.
    """
    try:
        sound = open_sound(Sound(Media(film.path)), film.video.rate)
    except MediaError as error:
        return None, [Note("film-silent", f"The film is silent: {error}")]
    if sound is None and film.probe.audio is not None:
        text = f"{film.path.name} has no sound that can be decoded: the film is silent."
        return None, [Note("film-silent", text, {"footage": str(film.path)})]
    return sound, sound_notes(film.path, job)


def _duration(film: Film) -> Fraction | None:
    """Return how long the container says the film is, in seconds."""
    seconds = film.probe.duration_s
    return None if seconds is None else Fraction(seconds).limit_denominator(1_000_000)
