"""Write films: pictures and sound into a file that every player opens.

    with FilmWriter(path, width, height, rate) as writer:
        for picture in pictures:
            writer.write(picture)

The file appears under its name only when it is whole: it is written beside it, synced and renamed.
Where the block is left by an exception, of any kind, nothing is left behind. Colour is that of
`media.colour`: limited range, tagged, and what is written is converted to it.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import av
import av.container
import av.error
import av.filter
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import RenderError, UsageError
from kuleshov.files import new_beside
from kuleshov.jobs import undisturbed
from kuleshov.media.codecs import PRESETS, WriteOptions
from kuleshov.media.colour import colour_of, conversion, film_colour, tag
from kuleshov.media.graph import build_graph
from kuleshov.media.priority import ordinary_priority

__all__ = ["FilmWriter", "SoundTrack"]


class SoundTrack(Protocol):
    """A sound that a `FilmWriter` can put beside the pictures; see `media.audio`."""

    kind: Literal["copied", "encoded"]
    rate: int

    def add_to(self, container: av.container.OutputContainer) -> None:
        """Add a stream to the file; called once, before anything is written."""

    def packets(self) -> Iterator[av.Packet[Any]]:
        """Yield packets in order of time, their times counted from the film's first picture."""


class FilmWriter:
    """A writer of one film of `width` by `height` (even) at a constant `rate`.

    With a `clock`, the length of its tick in seconds, each picture comes with its own time instead,
    and `rate` is nominal. Raises `RenderError` when the folder cannot be written to or the disk is
    full.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: Fraction,
        options: WriteOptions | None = None,
        sound: SoundTrack | None = None,
        clock: Fraction | None = None,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        options = options or WriteOptions()
        if self.path.suffix.lower() not in options.suffixes:
            wanted = " or ".join(options.suffixes)
            raise UsageError(f"A film in {options.codec} ends in {wanted}: not {self.path.name}.")
        self.colour = film_colour(height)
        self._size, self._rate, self._pixels = (width, height), rate, options.encoder.pixels
        self._tick = clock or 1 / rate
        self._graph: av.filter.Graph | None = None
        self._graph_key: object = None
        self._sound = sound
        self._packets: Iterator[av.Packet[Any]] = iter(())
        self._next_sound: av.Packet[Any] | None = None
        try:
            self._temporary = new_beside(self.path)
        except OSError as error:
            raise self._refusal(error) from error
        try:
            muxer = {"movflags": "+faststart"}
            if sound is not None:
                # On a clock as fine as the sound's, an edit list can place it to the sample.
                muxer["movie_timescale"] = str(sound.rate)
            self._container: av.container.OutputContainer = av.open(
                self._temporary, "w", format=self.path.suffix.lower()[1:], options=muxer
            )
        except (av.error.FFmpegError, OSError) as error:
            self._temporary.unlink(missing_ok=True)
            raise self._refusal(error) from error
        except BaseException:
            self._temporary.unlink(missing_ok=True)
            raise
        try:
            self._stream = self._add_picture(options)
            if sound is not None:
                sound.add_to(self._container)
                self._packets = sound.packets()
                self._next_sound = next(self._packets, None)
        except BaseException:
            self.discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def write(self, picture: av.VideoFrame | NDArray[Any], time: Fraction | None = None) -> None:
        """Add the next frame, of the film's size.

        It is a frame of any format, a yuv420p array (H * 3 // 2, W) in the film's colour, or an RGB
        array (H, W, 3); arrays are uint8.

        A frame that is yuv420p and untagged counts as being in the film's colour. `time`, in
        seconds, later than that of the frame before, is for films with a `clock`.
        """
        time = self.frames / self._rate if time is None else time
        frame = self._converted(picture)
        if self._pixels != "yuv420p":
            frame = frame.reformat(format=self._pixels)
            tag(frame, self.colour)
        frame.pts, frame.time_base = round(time / self._tick), self._tick
        frame.duration = round(1 / self._rate / self._tick)  # how long the last one is shown
        frame.pict_type = 0  # a frame that was decoded still says what it was coded as
        try:
            with contextlib.nullcontext() if self.frames else ordinary_priority():
                packets = self._stream.encode(frame)  # the first opens the encoder
            self._mux(packets)
            self.frames += 1
            self._mux_sound(time + 1 / self._rate)
        except (av.error.FFmpegError, OSError) as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Finish the file, and give it its name."""
        try:
            if not self.frames:
                raise RenderError(f"{self.path.name} would have no pictures.")
            self._mux(self._stream.encode(None))
            self._mux_sound(None)
            self._container.close()
            self._check()
            _sync(self._temporary)
            self._temporary.replace(self.path)
            with contextlib.suppress(OSError):  # not every file system can sync a folder
                _sync(self.path.parent)
        except (av.error.FFmpegError, OSError) as error:
            self.discard()
            raise self._refusal(error) from error
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Stop, and leave nothing behind.

        The file goes first: closed, it would be copied once more for its index to come first.
        """
        with undisturbed():
            self._discard()

    def _discard(self) -> None:
        with contextlib.suppress(OSError):  # not where open files cannot be removed
            self._temporary.unlink(missing_ok=True)
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            pass  # the file is thrown away: whether it could have been finished does not matter
        finally:
            self._temporary.unlink(missing_ok=True)

    def _add_picture(self, options: WriteOptions) -> av.VideoStream:
        encoder = options.encoder
        settings = dict(encoder.fixed)
        if encoder.crf is not None:
            settings["crf"] = str(encoder.crf if options.crf is None else options.crf)
            settings["preset"] = encoder.presets[PRESETS.index(options.preset)]
        stream = self._container.add_stream(encoder.name, rate=self._rate, options=settings)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = self._size
        stream.pix_fmt = encoder.pixels
        context = stream.codec_context
        context.time_base = self._tick
        context.gop_size = max(1, round(options.key_seconds * self._rate))
        context.sample_aspect_ratio = Fraction(1)
        if encoder.tag:
            context.codec_tag = encoder.tag
        if options.threads:
            context.thread_count = options.threads
        tag(context, self.colour)
        return stream

    def _converted(self, picture: av.VideoFrame | NDArray[Any]) -> av.VideoFrame:
        if not isinstance(picture, av.VideoFrame):
            rgb = picture.ndim == 3
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(picture), format="rgb24" if rgb else "yuv420p"
            )
        if (picture.width, picture.height) != self._size:
            raise ValueError(f"a film of {self._size} cannot take {picture.width}x{picture.height}")
        plain = picture.format.name == "yuv420p"
        untagged = int(picture.colorspace) == 2 and int(picture.color_range) != 2
        given = self.colour if plain and untagged else colour_of(picture)
        if plain and given == self.colour:
            tag(picture, self.colour)
            return picture
        key = (picture.format.name, given)
        if self._graph is None or key != self._graph_key:
            width, height = self._size
            chain = conversion(given, self.colour, f"{width}:{height}")
            self._graph, self._graph_key = build_graph(picture, chain), key
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _mux(self, packets: Iterable[av.Packet[Any]]) -> None:
        for packet in packets:
            self._container.mux(packet)

    def _mux_sound(self, until: Fraction | None) -> None:
        """Write the sound up to a time, so that the two lie near each other in the file."""
        while (packet := self._next_sound) is not None:
            time = (packet.pts or 0) * packet.time_base
            if until is not None and time > until:
                return
            self._container.mux(packet)
            self._next_sound = next(self._packets, None)

    def _check(self) -> None:
        # A full disk is not always reported when the last blocks are flushed: look at the result.
        with av.open(self._temporary) as written:
            found = written.streams.video[0].frames
        if found != self.frames:
            raise OSError(errno.ENOSPC, "the file is not whole")

    def _refusal(self, error: BaseException) -> RenderError:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) or isinstance(
            error, av.error.InvalidDataError
        ):
            return RenderError(f"The disk is full: {self.path} could not be written.")
        reason = getattr(error, "strerror", None) or str(error)
        return RenderError(f"{self.path} could not be written: {reason}.")


def _sync(path: Path) -> None:
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    if os.name == "nt":
        if path.is_dir():
            return  # Windows cannot sync a folder
        flags |= os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
