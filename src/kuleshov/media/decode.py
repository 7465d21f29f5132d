"""Decode films in this process: one picture after another with exact times.

    with Film(path) as film:
        for picture in film.pictures(start):   # from the key frame at or before `start`
            picture.number, picture.time, picture.frame

Time zero is the first picture. Timestamps that restart, jump or are missing are straightened
(`media.times`), so that times always grow. Pictures come deinterlaced where they are flagged
interlaced (`media.fields`), but neither turned upright nor cropped: that is cheaper after scaling
(`media.scale`) or inside the renderer's filter graph. A film may change its size, its aspect and
its colour on the way: each picture says what it is.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.codec.context
import av.container
import av.error
import av.filter
import av.logging
import av.packet
import av.stream
from av.sidedata.sidedata import Type

from kuleshov.errors import NOT_THERE, MediaError, MediaNotFound
from kuleshov.footage import Audio, Bars, Probe, Video
from kuleshov.media.channels import taken
from kuleshov.media.container_tags import slate_of
from kuleshov.media.crop import container_crop
from kuleshov.media.fields import Deinterlacer
from kuleshov.media.hand import check_openable, in_hand
from kuleshov.media.numbered import opening
from kuleshov.media.pictures import is_heic
from kuleshov.media.streams import rest_of, shown_streams, streams_left_out
from kuleshov.media.times import Clock, DecodeOrder, Delays, Retimer

__all__ = ["Clock", "Film", "Picture", "open_file", "reason_of", "video_stream"]

_NO_TIMESTAMPS = 0x0080  # AVFMT_NOTIMESTAMPS of libavformat/avformat.h
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT
_PROBED_FRAMES = 5
_EXIF_ORIENTATION = 0x0112
_EXIF_TURNS = {
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (90, True),
    6: (90, False),
    7: (270, True),
    8: (270, False),
}
_FURTHER_BACK = (0, 2, 10)  # s, by which to seek earlier until a seek lands early enough
_UNREADABLE = 20  # places in a row at which a container cannot be read, before it is given up
_MARKED = 5_000_000  # pixels that being marked as the default stream is worth
_DECODE_ORDER = ("avi", "asf")  # containers that stamp packets in the order of decoding
_MPEG = ("mpeg1video", "mpeg2video")
_SEQUENCE = b"\x00\x00\x01\xb3"  # begins the header of MPEG-1 and 2 that holds the size
_EXTENSION = b"\x00\x00\x01\xb5"  # begins what MPEG-2 adds to it


@dataclass(frozen=True)
class Picture:
    """A decoded picture; `number` counts from the film's first, and is None after a seek.

    `time` is in seconds since the first picture; `pts` the same in ticks of the stream's time base.
    `aspect` is the width of one of its (coded) pixels over its height: like the size of `frame`,
    it may differ from that of the film's first picture.
    """

    number: int | None
    pts: int
    time: Fraction
    frame: av.VideoFrame
    aspect: Fraction = Fraction(1)

    def __repr__(self) -> str:
        size = f"{self.frame.width}x{self.frame.height}"
        return f"Picture(number={self.number}, time={float(self.time):.4f}, {size})"


@dataclass(eq=False)
class _Told:
    """The aspect of pixels that the decoder tells when it takes in a picture's packet."""

    aspect: Fraction = Fraction(1)


class Film:
    """An open media file, its video stream ready to be decoded.

    Raises `MediaNotFound` or `MediaError` with the reason, on opening or while decoding. Single
    damaged packets are passed over and counted in `damaged`. What only reading can tell is known
    as far as was read: whether the clock was `discontinuous`, and any frame `interlaced`.
    """

    bare = False  # its pictures have the bars that they have

    def __init__(self, path: Path, threads: int = 0, video: Video | None = None) -> None:
        self.path = Path(path)
        self.damaged = 0
        self.discontinuous = self.interlaced = False
        self._threads = threads
        self._container = open_file(self.path)
        try:
            self._stream = self._prepared(video_stream(self._container, self.path))
            self._left_out = streams_left_out(self._container, self._stream)
            self._begun = video is None
            self.video = self._look() if video is None else video
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _prepared(self, stream: av.VideoStream) -> av.VideoStream:
        stream.thread_type = "AUTO"
        if self._threads:
            stream.codec_context.thread_count = self._threads
        stream.codec_context.copy_opaque = True
        return stream

    def cropped(self) -> Bars:
        """Return the edges that the container crops, in upright pixels."""
        kind, stream = self._container.format.name, self._stream
        number = stream.id if "mp4" in kind else stream.index
        return container_crop(self.path, kind, number, self.video)

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
            return Probe(self.video, None, seconds, tags, self._left_out)
        start = Fraction(audio.start_time or 0) * (audio.time_base or Fraction(1))
        context = audio.codec_context
        sound = Audio(context.name, context.rate, taken(context).count, start)
        return Probe(self.video, sound, seconds, tags, self._left_out)

    def restarts(self) -> bool:
        """Return whether the clock restarts or the streams change on the way.

        That is so in some MPEG streams; times then cannot be sought. Reads all packets of such
        formats, and nothing of others.
        """
        if not self._flags & _TS_DISCONT or not self._stream.time_base:
            return False
        clock = self._clock()
        self._rewind()
        try:
            for packet in self._packets():
                if packet.dts is not None:
                    clock(packet.dts)
                if clock.discontinuous or self.discontinuous:
                    return True
        except MediaError:
            return True  # what cannot be read through cannot be trusted to be sought in
        finally:
            self.damaged, self.discontinuous = 0, False
        return False

    def pictures(self, start: Fraction | None = None) -> Iterator[Picture]:
        """Yield pictures from the first one, or from a key frame at or before media time `start`.

        A film whose timestamps restart cannot be sought in by time: it is read from its beginning,
        which is slower and exact.
        """
        sought = not self.video.discontinuous and self._container.format.name != "gif"
        if start is not None and start > 0 and sought:
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
        """Yield pictures from wherever a seek to `start` lands, or from the first picture."""
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
        self.discontinuous = False
        fields = Deinterlacer(self.video.time_base)
        for frame, aspect in fields(self._frames()):
            pts = clock(frame.pts)
            self.discontinuous = self.discontinuous or clock.discontinuous
            self.interlaced = self.interlaced or fields.found
            ticks = pts - int(begin) if sought or number else 0
            if number == 0:
                begin = Fraction(pts)
            yield Picture(number, ticks, ticks * self.video.time_base, frame, aspect)
            if number is not None:
                number += 1

    def pictures_at(self, times: list[Fraction]) -> Iterator[Picture]:
        """Yield for each media time the picture that a seek to it lands on: near, cheap, not exact.

        What cannot be decoded on the way is not counted: seeks land in the middle of things.
        """
        damaged = self.damaged
        for time in times if self._container.format.name != "gif" else ():
            with contextlib.suppress(MediaError):
                picture = next(self._pictures(time), None)
                self.damaged = damaged
                if picture is not None:
                    yield picture

    @property
    def _flags(self) -> int:
        return int(self._container.format.flags)

    def _clock(self) -> Clock:
        video = self.video
        step = int(1 / (video.rate * video.time_base))
        return Clock(video.time_base, step, bool(self._flags & _TS_DISCONT))

    def _rewind(self) -> None:
        # Formats without an index refuse to seek; opened anew, they begin at their beginning.
        self._container.close()
        self._container = open_file(self.path)
        self._stream = self._prepared(video_stream(self._container, self.path))
        self._begun = False

    def _begin(self) -> None:
        """Decode the first picture, where a decoder that begins further on would go wrong.

        Old versions of x264 wrote 4:4:4 in a way of their own, and say which they are beside the
        first picture alone: FFmpeg reads theirs as they meant it once it has seen that.
        """
        context, self._begun = self._stream.codec_context, True
        if context.name == "h264" and "444" in (context.pix_fmt or ""):
            damaged = self.damaged
            with contextlib.suppress(MediaError):
                next(self._frames(), None)
            self.damaged = damaged

    def _seek(self, pts: int) -> None:
        if not self._begun:
            self._begin()
        try:
            with in_hand(self.path):
                self._container.seek(pts, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError):
            self._rewind()

    def _packets(self) -> Iterator[av.packet.Packet[av.VideoStream]]:
        """Yield the packets from where the container stands, those of later streams included.

        In a transport stream the programme may go on under other numbers.
        """
        last = None
        for packet in self._demuxed(self._container, self._stream):
            last = packet.pos if packet.pos is not None else last
            yield packet
        known = {self._stream.id}
        while last is not None and (rest := rest_of(self.path, self._container, last, known)):
            container, stream, begin = rest
            self.discontinuous = True
            known.add(stream.id)
            last = None
            with container:
                for packet in self._demuxed(container, self._prepared(stream)):
                    last = packet.pos + begin if packet.pos is not None else last
                    yield packet

    def _demuxed(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.packet.Packet[av.VideoStream]]:
        failed, packets = 0, container.demux(stream)
        while True:
            try:
                with in_hand(self.path):
                    packet = next(packets)
            except StopIteration:
                return
            except (IndexError, av.error.EOFError):
                return  # PyAV's answer, at the end, to streams that came up on the way
            except av.error.InvalidDataError:
                # What lies behind a damaged place may be whole.
                self.damaged += 1
                failed += 1
                if failed >= _UNREADABLE:
                    return
                packets = container.demux(stream)
                continue
            except (av.error.FFmpegError, OSError) as error:
                raise MediaError(self.path, reason_of(error)) from error
            failed = 0
            yield packet

    def _frames(self) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        """Yield every picture that can be decoded, with its aspect."""
        order = self._order()
        kind: bytes | None = None
        for packet in self._packets():
            context = packet.stream.codec_context
            begun = _sequence(packet) or kind
            if kind is not None and begun != kind:
                # The decoder forgets the picture that it holds back when its kind changes.
                with in_hand(self.path):
                    held = _decoded(context, None)
                yield from self._given(held, packet.stream, order)
                context.flush_buffers()
            kind = begun
            if order is not None:
                order.sent(packet)
            told = _Told()
            if order is None and context.name in _MPEG:
                packet.opaque = told  # comes out with the picture, which is shown later
            try:
                with in_hand(self.path):
                    frames = _decoded(context, packet)
            except (av.error.FFmpegError, OSError):
                self.damaged += 1
                continue
            told.aspect = self._aspect(packet.stream)
            yield from self._given(frames, packet.stream, order)
        if order is not None:
            for frame in order.rest():
                yield frame, self._aspect(self._stream)

    def _given(
        self, frames: list[av.VideoFrame], stream: av.VideoStream, order: Retimer | None
    ) -> Iterator[tuple[av.VideoFrame, Fraction]]:
        aspect = self._aspect(stream)
        for frame in frames:
            if order is None:
                told = frame.opaque
                yield frame, told.aspect if isinstance(told, _Told) else aspect
            else:
                for timed in order.shown(frame):
                    yield timed, aspect

    def _order(self) -> Retimer | None:
        """Return an order that gives pictures their times, or None.

        It is needed where the times that they come with cannot be used.
        """
        name = self._container.format.name
        if name == "gif":
            return Delays()
        if name in _DECODE_ORDER:
            return DecodeOrder(self._stream.codec_context.name)
        return None

    def _aspect(self, stream: av.VideoStream) -> Fraction:
        """Return the aspect of the pixels of what was decoded last.

        What a container says of it holds for the whole film; a broadcast's own stream says it anew
        with each change.
        """
        aspect = stream.sample_aspect_ratio
        if self._flags & (_TS_DISCONT | _NO_TIMESTAMPS):
            aspect = stream.codec_context.sample_aspect_ratio or aspect
        aspect = aspect or stream.codec_context.sample_aspect_ratio
        if not aspect or not Fraction(1, 8) < aspect < 8:
            return Fraction(1)
        return Fraction(aspect)

    def _look(self) -> Video:
        """Decode the first few frames: what the headers say is not always so."""
        stream, context = self._stream, self._stream.codec_context
        rate = stream.guessed_rate or stream.average_rate or stream.base_rate or Fraction(25)
        frames: list[av.VideoFrame] = []
        aspect = Fraction(1)
        for frame, shape in self._frames():
            aspect = aspect if frames else shape
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
        rotation, mirrored = _orientation(first, self.path)
        return Video(
            codec=context.name,
            width=first.width,
            height=first.height,
            rate=Fraction(rate) if 0 < rate <= 1000 else Fraction(25),
            time_base=time_base,
            start=(first.pts or 0) * time_base,
            aspect=aspect,
            rotation=rotation,
            interlaced=any(frame.interlaced_frame for frame in frames),
            mirrored=mirrored,
        )


def _decoded(
    context: av.VideoCodecContext, packet: av.packet.Packet[av.VideoStream] | None
) -> list[av.VideoFrame]:
    """Return the pictures that come out of a decoder for one more packet.

    For None, all that are left.
    """
    with contextlib.suppress(av.error.EOFError):
        return context.decode(packet)
    return []


def _sequence(packet: av.packet.Packet[av.VideoStream]) -> bytes | None:
    """Return the size and the format of chroma of MPEG-1 and 2 pictures where a sequence begins.

    As they are written there (ISO/IEC 13818-2, 6.2.2); None within one and for other codecs.
    """
    if packet.stream.codec_context.name not in _MPEG or not packet.size:
        return None
    head = bytes(memoryview(packet)[:256])
    at = head.find(_SEQUENCE)
    if at < 0:
        return None
    further = head.find(_EXTENSION, at)
    chroma = head[further + 5] & 0x06 if 0 <= further < len(head) - 5 else 0
    return head[at + 4 : at + 7] + bytes([chroma])


def _orientation(frame: av.VideoFrame, path: Path) -> tuple[int, bool]:
    """Return how a picture must be turned to stand upright, and whether mirrored after that.

    Degrees clockwise; mirrored left to right.
    """
    try:
        carried: Mapping[Any, Any] = frame.side_data
    except ValueError:  # PyAV does not know everything that FFmpeg sends along: EXIF of pictures
        return _exif_orientation(path)
    data = bytes(carried[Type.DISPLAYMATRIX]) if Type.DISPLAYMATRIX in carried else b""
    if len(data) < 20:
        return 0, False
    # The columns that x and y are multiplied by (libavutil/display.h); bits 16 and up are whole.
    across, down, _, tilt_across, tilt_down = struct.unpack_from("5i", data)
    mirrored = across * tilt_down - down * tilt_across < 0
    if not (across or down):
        return 0, False
    angle = math.degrees(math.atan2(down, -across if mirrored else across))
    return round(angle / 90) * 90 % 360, mirrored


def _exif_orientation(path: Path) -> tuple[int, bool]:
    """Return the same for a photo, by its EXIF tags."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            number = image.getexif().get(_EXIF_ORIENTATION)
    except (OSError, SyntaxError, ValueError):
        number = None
    return _EXIF_TURNS.get(number or 1, (0, False))


def reason_of(error: BaseException) -> str:
    """Return a short clause, without the path, on why FFmpeg or the system refused a file."""
    if isinstance(error, FileNotFoundError):
        return NOT_THERE
    if isinstance(error, PermissionError):
        return "it may not be read: check its permissions."
    if isinstance(error, IsADirectoryError):
        return "it is a folder: name a file in it."
    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return "it is damaged, cut short, or no film: try another copy of it."
    if isinstance(error, av.error.DecoderNotFoundError):
        return "its codec is not known here: convert it, to H.264 for example."
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{text}."


def open_file(path: Path) -> av.container.InputContainer:
    """Return an open container. Raises `MediaNotFound` or `MediaError` with the reason."""
    try:
        check_openable(path)
        if path.stat().st_size == 0:
            raise MediaError(path, "it is empty: copy it anew.")
        if is_heic(path):  # FFmpeg would give one of its tiles
            raise MediaError(path, "it is a photo in HEIC, and no film.")
        # `ignore_editlist` stays off: edit lists say which pictures and samples are shown.
        how = opening(path)
        with in_hand(path):
            return av.open(
                how.file,
                mode="r",
                format=how.format,
                options=how.options,
                metadata_errors="replace",
            )
    except FileNotFoundError as error:
        raise MediaNotFound(path, NOT_THERE) from error
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(path, reason_of(error)) from error


def video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """Return the stream that is the film.

    Raises `MediaError` where there is none that can be decoded.
    """
    streams = shown_streams(container)
    if not streams:
        sound = bool(container.streams.audio)
        raise MediaError(
            path,
            "it holds sound only: name a film." if sound else "it holds no pictures: name a film.",
        )
    known = [s for s in streams if isinstance(s, av.VideoStream) and s.codec_context is not None]
    if not known:
        raise MediaError(path, "its codec is not known here: convert it, to H.264 for example.")
    # As FFmpeg's command chooses: the largest, unless another is marked as the one to show.
    default = av.stream.Disposition.default
    return max(known, key=lambda s: s.width * s.height + _MARKED * bool(s.disposition & default))
