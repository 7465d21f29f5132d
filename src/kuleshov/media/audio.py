"""Read sound in time with the picture, and take it over into a film.

Which tracks of sound are heard, and how their channels are taken, is said in `media.tracks` and
`media.channels`; `sound_notes` says what is not heard.

Media time zero is the first picture's time, for sound too: sound that begins later than the
picture is preceded by silence, and what lies before the first picture is left out. Holes in damaged
sound are filled with silence, so that what follows stays in time.

`open_sound` decides how a film gets its sound: the source's own packets, unchanged, where they are
AAC or MP3, are wanted whole, and decode from the new file to the very same samples at the same
time; that is tried out on a small file first. Otherwise the samples are encoded to AAC.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import av
import av.audio.resampler
import av.container
import av.error
import av.filter
import av.stream
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import NOT_THERE, KuleshovError, MediaError, MediaNotFound
from kuleshov.jobs import QUIET, Job
from kuleshov.media.channels import MOST, ChannelOrder, kept, plan_of, taken
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.decode import Clock, Film, reason_of
from kuleshov.media.hand import check_openable, in_hand
from kuleshov.media.levels import SILENT, faded_out
from kuleshov.media.tracks import tracks_of
from kuleshov.media.write import FilmWriter, SoundTrack
from kuleshov.notes import Note
from kuleshov.timeline import Sound

__all__ = [
    "COPIED_CODECS",
    "CopiedSound",
    "EncodedSound",
    "Heard",
    "Samples",
    "SoundReader",
    "open_sound",
    "samples",
    "sound_notes",
]

Block = NDArray[np.float32]

COPIED_CODECS = frozenset({"aac", "mp3", "mp3float"})
"""What players know of sound in a film: it is copied."""
_AAC_RATES = frozenset(
    {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
)
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_BITS_A_CHANNEL = 96_000
_JITTER = Fraction(1, 100)  # s; timestamps of containers are rounded: nearer than this is on time
_PREROLL = Fraction(1, 2)  # s of sound before the first picture that a copy keeps, unheard
_SILENT_BLOCK = 1 << 16  # samples
_FAR = Fraction(10)  # s into a file from which it is sought instead of decoded from its beginning
_EARLIER = Fraction(1)  # s before what is wanted that are decoded too: codecs look back
_LISTENED = 8000  # samples a second are enough to know whether there is any sound
_AUDIBLE = 10 ** (SILENT / 20)
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT of libavformat/avformat.h


@dataclass(frozen=True)
class Samples:
    """Sound as numbers: `data` (channels, N) float32 within ±1; N / `rate` seconds."""

    rate: int
    data: Block

    def __post_init__(self) -> None:
        if self.data.ndim != 2 or self.data.dtype != np.float32:
            raise ValueError(f"sound is (channels, N) float32, not {self.data.shape}")

    def __repr__(self) -> str:
        return f"Samples(rate={self.rate}, channels={len(self.data)}, n={self.data.shape[1]})"


class Heard(Protocol):
    """A sound of one rate and layout that is read in pieces; see `SoundReader`."""

    rate: int
    layout: str

    @property
    def channels(self) -> int:
        """The number of channels."""

    def blocks(
        self, start: Fraction = Fraction(0), duration: Fraction | None = None
    ) -> Iterator[Block]:
        """Yield (channels, n) float32 pieces without a hole; see `SoundReader.blocks`."""


class SoundReader:
    """A reader of the sound of a media file.

    `SoundReader.open` gives `None` where it has none.

    `tracks` are the streams that are heard: one, or two mono ones as left and right. Raises
    `MediaNotFound` or `MediaError`. Damaged packets are passed over and counted in `damaged` by the
    last reading of `blocks`.
    """

    def __init__(
        self,
        path: Path,
        zero: Fraction,
        codec: str,
        rate: int,
        layout: str,
        tracks: tuple[int, ...],
    ) -> None:
        self.path, self.zero = path, zero
        self.codec, self.rate, self.layout = codec, rate, layout
        self.tracks = tracks
        self.damaged = 0

    @staticmethod
    def open(path: Path) -> SoundReader | None:
        """Return a reader of a file's sound, whose first frame says what the headers may not."""
        path = Path(path)
        with _opened(path) as container:
            tracks = tracks_of(container)
            if tracks is None:
                return None
            cover = av.stream.Disposition.attached_pic
            pictures = any(not s.disposition & cover for s in container.streams.video)
            stream = _stream(container, tracks.heard[0], path)
            order = tracks.known[stream.index]
            first = next(iter(_decoded(container, stream, [])), None)
            plan = None if first is None else plan_of(_order_of(first, order))
            if first is None or plan is None or first.sample_rate <= 0:
                return None
            codec, rate = stream.codec_context.name, first.sample_rate
            layout = "stereo" if len(tracks.heard) > 1 else plan.layout
        zero = Fraction(0)
        if pictures:
            with Film(path) as film:
                zero = film.video.start
        return SoundReader(path, zero, codec, rate, layout, tracks.heard)

    def resampled(self, rate: int, layout: str) -> SoundReader:
        """Return the same sound at another rate and in another layout."""
        return SoundReader(self.path, self.zero, self.codec, rate, layout, self.tracks)

    @property
    def channels(self) -> int:
        """The number of channels."""
        return int(av.AudioLayout(self.layout).nb_channels)

    def blocks(
        self, start: Fraction = Fraction(0), duration: Fraction | None = None
    ) -> Iterator[Block]:
        """Yield sound from media time `start`: (channels, n) float32 pieces without a hole.

        With a `duration` there are exactly round(duration * rate) samples, silence where the file
        has none; without, the sound runs to its own end.
        """
        if len(self.tracks) > 1:
            yield from self._left_and_right(start, duration)
            return
        at = first = round(start * self.rate)
        end = None if duration is None else first + round(duration * self.rate)
        for position, data in self._placed(start):
            if end is not None and position >= end:
                break
            data = data[:, max(0, at - position) :]  # what was given already, or lies before
            if end is not None:
                data = data[:, : max(0, end - max(position, at))]
            if not data.shape[1]:
                continue
            yield from self._silence(position - at)
            at = max(at, position) + data.shape[1]
            yield data
        if end is not None:
            yield from self._silence(end - at)

    def _left_and_right(self, start: Fraction, duration: Fraction | None) -> Iterator[Block]:
        """Yield two mono tracks side by side; the shorter one is silent at its end."""
        sides = [
            SoundReader(self.path, self.zero, self.codec, self.rate, "mono", (track,))
            for track in self.tracks
        ]
        for left, right in _together(*(side.blocks(start, duration) for side in sides)):
            both = np.concatenate([left, right])
            yield both if self.channels == 2 else both.mean(axis=0, keepdims=True)
        self.damaged = sum(side.damaged for side in sides)

    def _silence(self, count: int) -> Iterator[Block]:
        while count > 0:
            length = min(count, _SILENT_BLOCK)
            yield np.zeros((self.channels, length), np.float32)
            count -= length

    def _placed(self, start: Fraction) -> Iterator[tuple[int, Block]]:
        """Yield decoded pieces, each with its position in samples since media time zero.

        They begin some time before `start`: what lies long before is not decoded, where the file
        can be sought in.
        """
        self.damaged = 0
        damaged: list[int] = []
        with _opened(self.path) as container:
            stream = _stream(container, self.tracks[0], self.path)
            plain = _Plain(self.path, self.rate, self.layout, taken(stream.codec_context))
            clock: Clock | None = None
            expected: int | None = None
            frames = _sought(container, stream, start + self.zero, damaged)
            for frame in frames or _decoded(container, stream, damaged):
                base = Fraction(frame.time_base or stream.time_base or Fraction(1, self.rate))
                if clock is None:
                    step = int(Fraction(frame.samples, self.rate) / base)
                    jumps = bool(int(container.format.flags) & _TS_DISCONT)
                    clock = Clock(base, step, may_jump=jumps)
                time = clock(frame.pts) * base - self.zero
                position = round(time * self.rate)
                slack = max(_JITTER, 2 * base) * self.rate
                if expected is not None and abs(position - expected) <= slack:
                    position = expected
                for data in plain(frame):
                    yield position, data
                    position += data.shape[1]
                expected = position
                self.damaged = len(damaged)
        self.damaged = len(damaged)


def samples(
    path: Path, start: Fraction = Fraction(0), duration: Fraction | None = None
) -> Samples | None:
    """Return the sound of a file from media time `start`; None where it has none.

    See `SoundReader.blocks`; a whole film's sound is held in memory.
    """
    reader = SoundReader.open(path)
    if reader is None:
        return None
    pieces = list(reader.blocks(start, duration))
    empty = np.zeros((reader.channels, 0), np.float32)
    return Samples(reader.rate, np.concatenate([empty, *pieces], axis=1))


def sound_notes(path: Path, job: Job = QUIET) -> list[Note]:
    """Return notes on what of a file's sound is heard and what is not; none where all of it is.

    Where something is not heard it is found out, too, whether what is heard is silent. Raises
    `MediaError` where the file cannot be read.
    """
    path = Path(path)
    with _opened(path) as container:
        tracks = tracks_of(container)
    if tracks is None:
        return []
    order = tracks.known[tracks.heard[0]]
    plan = plan_of(order)
    if plan is None:
        text = (
            f"The sound of {path.name} is left out: it has {order.count} channels, of which at "
            f"most {MOST} can be read."
        )
        return [Note("sound-unreadable", text, {"footage": str(path)})]
    notes: list[Note] = []

    def say(text: str) -> None:
        notes.append(Note("sound-in-part", text, {"footage": str(path)}))

    heard = [tracks.numbers[index] for index in tracks.heard]
    others = [tracks.numbers[index] for index in tracks.others]
    rest = f"; {_listed('track', others)} not" if others else ""
    if len(heard) > 1:
        say(
            f"The mono tracks {heard[0]} and {heard[1]} of {path.name} are heard, as left and "
            f"right{rest}."
        )
    elif others:
        say(f"Track {heard[0]} of the sound of {path.name} is heard{rest}.")
    unheard = [
        (_listed("track", [number]), index, "")
        for number, index in zip(others, tracks.others, strict=True)
    ]
    if plan.heard < order.count:
        channels = _listed("channel", list(range(plan.heard + 1, order.count + 1)))
        say(
            f"Channels 1 and 2 of the {order.count} of {path.name} are heard, as left and right; "
            f"{channels} not, for the file does not say what they are."
        )
        summed = "+".join(f"c{index}" for index in range(plan.heard, order.count))
        unheard = [(channels, tracks.heard[0], f"pan=mono|c0={summed}"), *unheard]
    if unheard and not any(_sounds(path, index, "", job) for index in tracks.heard):
        sounding = next(
            (name for name, track, filters in unheard if _sounds(path, track, filters, job)), None
        )
        if sounding is not None:
            text = f"What is heard of {path.name} is silent; {sounding} not."
            notes.append(Note("sound-silent", text, {"footage": str(path)}))
    return notes


def _sounds(path: Path, track: int, filters: str, job: Job) -> bool:
    """Return whether a stream is louder than silence anywhere; it is read until it is."""
    with _opened(path) as container:
        stream = _stream(container, track, path)
        plain = _Plain(path, _LISTENED, "mono", taken(stream.codec_context), filters)
        with contextlib.suppress(MediaError):
            for frame in job.over(_decoded(container, stream, [])):
                if any(np.abs(data).max(initial=0) > _AUDIBLE for data in plain(frame)):
                    return True
    return False


def _listed(word: str, numbers: list[int]) -> str:
    """Return a phrase that names numbered things.

    `track 3 is`, `tracks 3 and 4 are`, `tracks 3 to 8 are`, `tracks 2, 5 and 6 are`.
    """
    if len(numbers) == 1:
        return f"{word} {numbers[0]} is"
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 2 and numbers == list(range(first, last + 1)):
        return f"{word}s {first} to {last} are"
    return f"{word}s {', '.join(map(str, numbers[:-1]))} and {last} are"


def open_sound(
    sound: Sound | None,
    rate: Fraction = Fraction(25),
    copied: frozenset[str] = COPIED_CODECS,
) -> SoundTrack | None:
    """Return the sound of a timeline, ready for a `FilmWriter`; None without sound.

    `rate` is the film's picture rate. What is in one of the codecs `copied` is taken over as it is,
    where that can be. Raises `MediaError` where the file cannot be read.
    """
    reader = None if sound is None else SoundReader.open(sound.media.path)
    if sound is None or reader is None:
        return None
    if sound.start == 0 and sound.duration is None and reader.codec in copied:
        track = CopiedSound(reader)
        if _is_faithful(track, reader, rate):
            return track
    return EncodedSound(reader, sound.start, sound.duration, sound.fade_out)


class CopiedSound:
    """The packets of a file's sound as they are, on the clock of its pictures."""

    kind: Literal["copied", "encoded"] = "copied"

    def __init__(self, reader: SoundReader) -> None:
        self._reader = reader
        self.rate = reader.rate
        self._target: av.AudioStream | None = None

    def add_to(self, container: av.container.OutputContainer) -> None:
        """Add a stream to the file."""
        with _opened(self._reader.path) as source:
            stream = _stream(source, self._reader.tracks[0], self._reader.path)
            self._target = container.add_stream_from_template(stream)

    def packets(self) -> Iterator[av.Packet[Any]]:
        """Yield the packets, timed from the first picture."""
        with _opened(self._reader.path) as source:
            stream = _stream(source, self._reader.tracks[0], self._reader.path)
            assert self._target is not None, "add_to comes first"
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                base = Fraction(packet.time_base)
                zero = round(self._reader.zero / base)
                if (packet.pts - zero + (packet.duration or 0)) * base < -_PREROLL:
                    continue
                packet.pts -= zero
                packet.dts -= zero
                packet.stream = self._target
                yield packet


class EncodedSound:
    """A range of a sound, encoded to AAC; where it has an end its last `fade_out` s fade."""

    kind: Literal["copied", "encoded"] = "encoded"

    def __init__(
        self,
        reader: Heard,
        start: Fraction = Fraction(0),
        duration: Fraction | None = None,
        fade_out: Fraction = Fraction(0),
    ) -> None:
        self._reader, self._start, self._duration = reader, start, duration
        self._fade_out = fade_out
        self.rate = reader.rate if reader.rate in _AAC_RATES else 48000
        self._layout = _LAYOUTS.get(reader.channels, "stereo")
        if reader.channels == av.AudioLayout(self._layout).nb_channels and reader.channels > 2:
            self._layout = reader.layout if reader.layout in _LAYOUTS.values() else "stereo"
        self._target: av.AudioStream | None = None

    def add_to(self, container: av.container.OutputContainer) -> None:
        """Add an AAC stream to the file."""
        stream = container.add_stream("aac", rate=self.rate, layout=self._layout)
        stream.codec_context.bit_rate = _BITS_A_CHANNEL * stream.codec_context.channels
        self._target = stream

    def packets(self) -> Iterator[av.Packet[Any]]:
        """Yield the packets.

        The encoder's lead-in has negative time: the file says that it is not heard.
        """
        target = self._target
        assert target is not None, "add_to comes first"
        position = 0
        for frame in self._frames():
            frame.pts, frame.time_base = position, Fraction(1, self.rate)
            position += frame.samples
            yield from target.encode(frame)
        if position:
            yield from target.encode(None)

    def _frames(self) -> Iterator[av.AudioFrame]:
        reader = self._reader
        # The resampler changes nothing but the length of frames where rate and layout agree.
        resampler = av.audio.resampler.AudioResampler("fltp", self._layout, self.rate, 1024)
        position = 0
        blocks = reader.blocks(self._start, self._duration)
        if self._duration is not None and self._fade_out:
            length = round(self._duration * reader.rate)
            blocks = faded_out(blocks, length, round(self._fade_out * reader.rate))
        for block in blocks:
            frame = _frame(block, reader)
            frame.pts = position
            position += frame.samples
            yield from resampler.resample(frame)
        if position:
            yield from resampler.resample(None)


class _Plain:
    """A converter of decoded frames to float arrays of one rate and layout, whatever they are.

    `order` is that of the stream's channels, which frames whose channels are only counted have.
    `filters`, where given, replace what is done to bring them to a layout.
    """

    def __init__(
        self, path: Path, rate: int, layout: str, order: ChannelOrder, filters: str = ""
    ) -> None:
        self._path, self._rate, self._layout, self._order = path, rate, layout, order
        self._filters = filters
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def __call__(self, frame: av.AudioFrame) -> Iterator[Block]:
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if key != self._key:
            self._graph, self._key = self._built(frame), key
        if self._graph is None:  # it is so already
            yield frame.to_ndarray().astype(np.float32, copy=False)
            return
        frame.pts = None  # positions are kept by the caller; the resampler must not fill in
        self._graph.push(frame)
        for piece in _pulled(self._graph):
            # Planes of eight channels and more cannot be told from what lies behind them (PyAV
            # 18.1): samples of all channels come in one.
            data = piece.to_ndarray().astype(np.float32, copy=False)
            yield data.reshape(-1, piece.layout.nb_channels).T

    def _built(self, frame: av.AudioFrame) -> av.filter.Graph | None:
        plan = plan_of(_order_of(frame, self._order))
        if plan is None:
            raise MediaError(self._path, f"its sound has {frame.layout.nb_channels} channels.")
        filters = self._filters or plan.filters
        same = (plan.layout, frame.sample_rate) == (self._layout, self._rate)
        if same and not filters and frame.format.name == "fltp" and frame.layout.nb_channels < 8:
            return None
        graph = av.filter.Graph()
        given = graph.add(
            "abuffer",
            sample_rate=f"{frame.sample_rate}",
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=f"{frame.time_base or Fraction(1, frame.sample_rate)}",
        )
        name, _, options = filters.partition("=")
        chain = [given, *([graph.add(name, options)] if name else [])]
        wanted = {"sample_fmts": "flt", "sample_rates": str(self._rate)}
        chain += [graph.add("aformat", channel_layouts=self._layout, **wanted)]
        graph.link_nodes(*chain, graph.add("abuffersink")).configure()
        return graph


def _pulled(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame


def _order_of(frame: av.AudioFrame, order: ChannelOrder) -> ChannelOrder:
    """Return the order of a frame's channels.

    Where the frame only counts them, it is `order`, the stream's.
    """
    own = ChannelOrder(frame.layout.nb_channels, frame.layout.name)
    return order if own.count == order.count and not own.channels else own


def _frame(block: Block, reader: Heard) -> av.AudioFrame:
    if len(block) < 8:
        data, form = np.ascontiguousarray(block), "fltp"
    else:  # see `_Plain`
        data, form = np.ascontiguousarray(block.T).reshape(1, -1), "flt"
    frame = av.AudioFrame.from_ndarray(data, format=form, layout=reader.layout)
    frame.sample_rate, frame.time_base = reader.rate, Fraction(1, reader.rate)
    return frame


def _together(one: Iterator[Block], other: Iterator[Block]) -> Iterator[tuple[Block, Block]]:
    """Yield pieces of two mono sounds of the same length.

    The shorter sound is silent at its end.
    """
    nothing = np.zeros((1, 0), np.float32)
    sides, pieces, over = (one, other), [nothing, nothing], [False, False]
    while True:
        for index, side in enumerate(sides):
            while not over[index] and not pieces[index].shape[1]:
                following = next(side, None)
                over[index] = following is None
                pieces[index] = nothing if following is None else following
        lengths = [pieces[index].shape[1] for index in (0, 1) if not over[index]]
        if not lengths:
            return
        shared = min(lengths)
        silence = np.zeros((1, shared), np.float32)
        left, right = (silence if over[i] else pieces[i][:, :shared] for i in (0, 1))
        yield left, right
        pieces = [piece[:, shared:] for piece in pieces]


def _is_faithful(copied: CopiedSound, reader: SoundReader, rate: Fraction) -> bool:
    """Return whether a film with the copied packets decodes to the same samples as the source."""
    with tempfile.TemporaryDirectory(prefix="kuleshov-") as folder:
        trial = Path(folder) / "sound.mp4"
        try:
            with FilmWriter(trial, 32, 32, rate, WriteOptions(preset="ultrafast"), copied) as film:
                for _ in range(3):
                    film.write(np.full((48, 32), 128, np.uint8))
            written = SoundReader.open(trial)
            if written is None or written.rate != reader.rate or written.layout != reader.layout:
                return False
            same = _same(reader.blocks(), written.blocks())
            return same and not reader.damaged and not written.damaged
        except (KuleshovError, av.error.FFmpegError, OSError, ValueError):
            return False  # whatever stands in the way of a copy does not stand in that of encoding


def _same(one: Iterator[Block], other: Iterator[Block]) -> bool:
    """Return whether two sounds have the same samples, however they are cut into pieces."""
    pieces = [np.zeros((0, 0), np.float32)] * 2
    sides = (one, other)
    while True:
        for index, side in enumerate(sides):
            if not pieces[index].shape[1]:
                pieces[index] = next(side, np.zeros((0, 0), np.float32))
        lengths = [piece.shape[1] for piece in pieces]
        if not all(lengths):
            return lengths == [0, 0]
        shared = min(lengths)
        if not np.array_equal(pieces[0][:, :shared], pieces[1][:, :shared]):
            return False
        pieces = [piece[:, shared:] for piece in pieces]


def _opened(path: Path) -> av.container.InputContainer:
    try:
        check_openable(path)
        with in_hand(path):
            return av.open(path, "r", metadata_errors="replace")
    except FileNotFoundError as error:
        raise MediaNotFound(path, NOT_THERE) from error
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(path, reason_of(error)) from error


def _stream(container: av.container.InputContainer, index: int, path: Path) -> av.AudioStream:
    stream = container.streams[index] if index < len(container.streams) else None
    if not isinstance(stream, av.AudioStream) or stream.codec_context is None:
        raise MediaError(path, "its sound is gone.")
    return stream


def _sought(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    time: Fraction,
    damaged: list[int],
) -> Iterator[av.AudioFrame] | None:
    """Return frames from before `time` on the file's own clock, in s, or None without a seek.

    There is no seek near the beginning, and where a file's clock may jump or it does not say when
    it goes on.
    """
    if time < _FAR or int(container.format.flags) & _TS_DISCONT or stream.time_base is None:
        return None
    wanted = time - _EARLIER
    try:
        with in_hand(Path(container.name)):
            container.seek(int(wanted / stream.time_base), stream=stream)
        frames = _decoded(container, stream, damaged)
        first = next(frames, None)
    except (av.error.FFmpegError, OSError):
        first = None
    if first is None or first.pts is None or first.pts * Fraction(stream.time_base) > time:
        container.seek(0)
        damaged.clear()
        return None
    return itertools.chain([first], frames)


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream, damaged: list[int]
) -> Iterator[av.AudioFrame]:
    """Yield frames in order.

    The number of each packet that cannot be decoded is added to `damaged`.
    """
    packets, path = container.demux(stream), Path(container.name)
    for number in itertools.count():
        try:
            with in_hand(path):
                packet = next(packets, None)
        except (av.error.FFmpegError, OSError):
            damaged.append(number)
            return
        if packet is None:
            return
        try:
            with in_hand(path):
                decoded = packet.decode()
            yield from map(kept, decoded)
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError):
            damaged.append(number)
