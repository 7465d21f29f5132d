"""Decoding in this process: one picture after another with exact times.

    with Film(path) as film:
        for picture in film.pictures(start):   # from the key frame at or before `start`
            picture.number, picture.time, picture.frame

Time zero is the first picture. Timestamps that restart, jump or are missing are straightened by
`Clock`, so that times always grow. Pictures come deinterlaced where they are flagged interlaced,
but neither turned upright nor cropped: that is cheaper after scaling (`media.scale`) or inside the
renderer's filter graph.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.container
import av.error
import av.filter
import av.logging
import av.stream

from kuleshov.errors import MediaError, MediaNotFound
from kuleshov.footage import Audio, Probe, Video
from kuleshov.media.pictures import is_heic
from kuleshov.media.tags import slate_of

__all__ = ["Clock", "Film", "Picture", "open_file", "reason_of", "video_stream"]

_MAX_BACK_STEP = Fraction(1)  # s; timestamps that fall back further have restarted
_MAX_GAP = Fraction(10)  # s; in formats whose clock may jump (MPEG), a longer gap is a jump
_MARKED = 5_000_000  # pixels that being marked as the default stream is worth
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT of libavformat/avformat.h
_PROBED_FRAMES = 5
_FURTHER_BACK = (0, 2, 10)  # s, by which to seek earlier until a seek lands early enough


@dataclass(frozen=True)
class Picture:
    """A decoded frame. `number` counts from the film's first picture, and is None after a seek.

    `time` is in seconds since the first picture; `pts` the same in ticks of the stream's time base.
    """

    number: int | None
    pts: int
    time: Fraction
    frame: av.VideoFrame

    def __repr__(self) -> str:
        size = f"{self.frame.width}x{self.frame.height}"
        return f"Picture(number={self.number}, time={float(self.time):.4f}, {size})"


class Clock:
    """Makes timestamps grow: straightens restarts, jumps, repeats and gaps in what a file says.

    `step` is the nominal length of a frame in ticks; `may_jump` says that the container's clock
    is known to jump forward (MPEG streams) where others mean a long gap as they say it.
    """

    def __init__(self, time_base: Fraction, step: int, may_jump: bool) -> None:
        self._step = max(1, step)
        self._back = int(_MAX_BACK_STEP / time_base)
        self._gap = int(_MAX_GAP / time_base) if may_jump else None
        self._offset = 0
        self._last: int | None = None
        self.discontinuous = False

    def __call__(self, raw: int | None) -> int:
        """The straightened timestamp of the next frame, in ticks, larger than the one before."""
        if self._last is None:
            self._last = raw or 0
            return self._last
        expected = self._last + self._step
        if raw is None:
            self._last = expected
            return expected
        pts = raw + self._offset
        fell_back = pts < self._last - self._back
        jumped = self._gap is not None and pts > self._last + self._gap
        if fell_back or jumped:
            self._offset = expected - raw
            self.discontinuous = True
            pts = expected
        self._last = max(pts, self._last + 1)
        return self._last


class Film:
    """An open media file, its video stream ready to be decoded.

    Raises `MediaNotFound` or `MediaError` with the reason, on opening or while decoding. Single
    damaged packets are passed over and counted in `damaged`.
    """

    def __init__(self, path: Path, threads: int = 0, video: Video | None = None) -> None:
        self.path = Path(path)
        self.damaged = 0
        self.discontinuous = False
        self._container = open_file(self.path)
        try:
            self._stream = video_stream(self._container, self.path)
            self._stream.thread_type = "AUTO"
            if threads:
                self._stream.codec_context.thread_count = threads
            known = video if video is not None else self._look()
            self.video = known
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    @property
    def probe(self) -> Probe:
        """The records of the streams, and how long the container says the film is."""
        container = self._container
        seconds = container.duration / av.time_base if container.duration else None
        audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
        told = [container.metadata]
        if container.format.name == "ogg":  # has its tags there; a stream of others, a track's name
            told.append(self._stream.metadata)
        tags = slate_of(*told, name=self.path.name)
        if audio is None:
            return Probe(self.video, None, seconds, tags)
        start = Fraction(audio.start_time or 0) * (audio.time_base or Fraction(1))
        context = audio.codec_context
        sound = Audio(context.name, context.rate, context.channels, start)
        return Probe(self.video, sound, seconds, tags)

    def pictures(self, start: Fraction | None = None) -> Iterator[Picture]:
        """Decode from the first picture, or from a key frame at or before media time `start`.

        A film whose timestamps restart cannot be sought in by time: it is read from its beginning,
        which is slower and exact.
        """
        if start is not None and start > 0 and not self.video.discontinuous:
            for back in _FURTHER_BACK:
                pictures = self._pictures(start - back)
                first = next(pictures, None)
                # A transport stream has no index: seeking in it may land behind what was wanted.
                if first is not None and first.time <= start:
                    yield first
                    yield from pictures
                    return
                pictures.close()
        yield from self._pictures(None)

    def _pictures(self, start: Fraction | None) -> Generator[Picture]:
        """Decode from wherever a seek to `start` lands, or from the first picture."""
        begin = self.video.start / self.video.time_base
        sought = start is not None and start > 0
        if sought and start is not None:
            # One frame early: rounding of the container's clock must not lose the wanted picture.
            target = self.video.start + start - 1 / self.video.rate
            self._seek(int(target / self.video.time_base))
        else:
            self._rewind()
        clock = self._clock()
        number = None if sought else 0
        for frame in self._deinterlaced(self._frames()):
            pts = clock(frame.pts)
            self.discontinuous = clock.discontinuous
            ticks = pts - int(begin) if sought or number else 0
            if number == 0:
                begin = Fraction(pts)
            yield Picture(number, ticks, ticks * self.video.time_base, frame)
            if number is not None:
                number += 1

    def pictures_at(self, times: list[Fraction]) -> Iterator[Picture]:
        """For each media time, the picture that a seek to it lands on: near, cheap, not exact."""
        for time in times:
            with contextlib.suppress(MediaError):
                picture = next(self._pictures(time), None)
                if picture is not None:
                    yield picture

    def _clock(self) -> Clock:
        video = self.video
        step = int(1 / (video.rate * video.time_base))
        may_jump = bool(int(self._container.format.flags) & _TS_DISCONT)
        return Clock(video.time_base, step, may_jump)

    def _rewind(self) -> None:
        # Formats without an index refuse to seek; opened anew, they begin at their beginning.
        self._container.close()
        self._container = open_file(self.path)
        count = self._stream.codec_context.thread_count
        self._stream = video_stream(self._container, self.path)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = count

    def _seek(self, pts: int) -> None:
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError):
            self._rewind()

    def _frames(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.InvalidDataError, av.error.EOFError):
                self.damaged += 1
                return
            except (av.error.FFmpegError, OSError) as error:
                raise MediaError(self.path, reason_of(error)) from error
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, OSError):
                self.damaged += 1

    def _deinterlaced(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        if not self.video.interlaced:
            yield from frames
            return
        graph: av.filter.Graph | None = None
        for frame in frames:
            if graph is None:
                graph = _bwdif(frame, self._stream)
            graph.push(frame)
            yield from _pull(graph, self.video.time_base)
        if graph is not None:
            graph.push(None)
            yield from _pull(graph, self.video.time_base)

    def _look(self) -> Video:
        """Decode the first few frames: what the headers say is not always so."""
        stream, context = self._stream, self._stream.codec_context
        rate = stream.guessed_rate or stream.average_rate or stream.base_rate or Fraction(25)
        frames: list[av.VideoFrame] = []
        for frame in self._frames():
            frames.append(frame)
            if len(frames) == _PROBED_FRAMES:
                break
        if not frames and context.name == "webp":
            raise MediaError(
                self.path, "animated WebP cannot be read: convert it to GIF or MP4 first."
            )
        if not frames:
            raise MediaError(self.path, "no picture of it can be decoded.")
        first, time_base = frames[0], Fraction(stream.time_base or Fraction(1, 1000))
        return Video(
            codec=context.name,
            width=first.width,
            height=first.height,
            rate=Fraction(rate) if 0 < rate <= 1000 else Fraction(25),
            time_base=time_base,
            start=(first.pts or 0) * time_base,
            aspect=_aspect(stream),
            rotation=round(-first.rotation / 90) * 90 % 360,
            interlaced=any(frame.interlaced_frame for frame in frames),
        )


def reason_of(error: BaseException) -> str:
    """One short clause, without the path, that says why FFmpeg or the system refused a file."""
    if isinstance(error, FileNotFoundError):
        return "it is not there."
    if isinstance(error, PermissionError):
        return "it may not be read: check its permissions."
    if isinstance(error, IsADirectoryError):
        return "it is a folder."
    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return "it is damaged, cut short, or no film."
    if isinstance(error, av.error.DecoderNotFoundError):
        return "its codec is not known here."
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{text}."


def open_file(path: Path) -> av.container.InputContainer:
    """Open a container; raises `MediaNotFound` or `MediaError` with the reason."""
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise MediaError(path, "it is a folder; a film is wanted.")
        if not stat.S_ISREG(info.st_mode):
            raise MediaError(path, "it is no regular file.")
        if info.st_size == 0:
            raise MediaError(path, "it is empty.")
        if is_heic(path):  # FFmpeg would give one of its tiles
            raise MediaError(path, "it is a photo in HEIC, and no film.")
        # `ignore_editlist` stays off: edit lists say which pictures and samples are shown.
        return av.open(path, mode="r", metadata_errors="replace")
    except FileNotFoundError as error:
        raise MediaNotFound(path, "it is not there.") from error
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(path, reason_of(error)) from error


def video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The stream that is the film. Raises `MediaError` where there is none that can be decoded."""
    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        sound = bool(container.streams.audio)
        raise MediaError(path, "it holds sound only." if sound else "it holds no pictures.")
    known = [s for s in streams if isinstance(s, av.VideoStream) and s.codec_context is not None]
    if not known:
        raise MediaError(path, "its codec is not known here.")
    # As FFmpeg's command chooses: the largest, unless another is marked as the one to show.
    default = av.stream.Disposition.default
    return max(known, key=lambda s: s.width * s.height + _MARKED * bool(s.disposition & default))


def _aspect(stream: av.VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not aspect or not Fraction(1, 8) < aspect < 8:
        return Fraction(1)
    return Fraction(aspect)


def _bwdif(frame: av.VideoFrame, stream: av.VideoStream) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=stream.time_base,
    )
    # One picture for each frame, only where the frame is flagged: frame numbers stay as they are.
    bwdif = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    return graph


def _pull(graph: av.filter.Graph, time_base: Fraction) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        if frame.pts is not None and frame.time_base is not None:
            # The filter halves the ticks, to have room for a picture a field.
            frame.pts = round(frame.pts * frame.time_base / time_base)
            frame.time_base = time_base
        yield frame
