"""Small films for tests: every picture says which one it is, every sound says when it is.

    film = make_film(tmp_path / "a.mp4", numbered(50), rate=Fraction(25))
    shown = [read_number(picture.luma) for picture in read_film(film)]      # 0, 1, … 49

Pictures are yuv420p arrays as FFmpeg lays them out, (H * 3 // 2, W) uint8: nothing is converted on
the way in, so flat colours come back as they went in. A numbered picture carries its number as
black and white blocks in the middle, which survives scaling, cropping to another shape and dim
mixing; `read_number` reads it back, mirrored pictures too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Bars
from kuleshov.media.priority import ordinary_priority

__all__ = [
    "SIZE",
    "Seen",
    "bars_around",
    "clicks",
    "flat",
    "join_ts",
    "luma_of",
    "make_film",
    "noise",
    "numbered",
    "numbered_picture",
    "read_film",
    "read_number",
    "read_sound",
    "tagged",
    "turn",
    "with_tags",
]

Array = NDArray[Any]
SIZE = (320, 180)
"""Width and height of a test picture unless a test says otherwise."""

_ROWS, _COLUMNS = 2, 6  # blocks of the code: 12 bits, numbers up to 4095
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.30, 0.70, 0.35, 0.65  # where it lies, as parts of the picture
_DARK, _BRIGHT = 40, 210


# ---------------------------------------------------------------- pictures


def flat(y: int, u: int = 128, v: int = 128, size: tuple[int, int] = SIZE) -> Array:
    """A picture of one colour: (H * 3 // 2, W) uint8, limited-range YUV as given."""
    width, height = size
    picture = np.empty((height * 3 // 2, width), np.uint8)
    picture[:height] = y
    chroma = picture[height:].reshape(2, -1)
    chroma[0], chroma[1] = u, v
    return picture


def numbered_picture(number: int, size: tuple[int, int] = SIZE, ground: int = 120) -> Array:
    """A picture that carries `number` (0 to 4095) in its middle, on a grey ground."""
    if not 0 <= number < 1 << (_ROWS * _COLUMNS):
        raise ValueError(f"no room for the number {number}")
    picture = flat(ground, size=size)
    luma = picture[: size[1]]
    for bit, (rows, columns) in enumerate(_blocks(size[1], size[0])):
        luma[rows, columns] = _BRIGHT if number >> bit & 1 else _DARK
    return picture


def numbered(
    count: int, size: tuple[int, int] = SIZE, first: int = 0, ground: int = 120
) -> Iterator[Array]:
    """`count` numbered pictures: `first`, `first` + 1, …"""
    return (numbered_picture(first + index, size, ground) for index in range(count))


def bars_around(picture: Array, bars: Bars) -> Array:
    """The picture with black bars added around it; all widths even."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    size = (width + bars.left + bars.right, height + bars.top + bars.bottom)
    framed = flat(16, size=size)
    framed[bars.top : bars.top + height, bars.left : bars.left + width] = picture[:height]
    inner = picture[height:].reshape(2, height // 2, width // 2)
    outer = framed[size[1] :].reshape(2, size[1] // 2, size[0] // 2)
    top, left = bars.top // 2, bars.left // 2
    outer[:, top : top + height // 2, left : left + width // 2] = inner
    return framed


def luma_of(picture: Array) -> Array:
    """The (H, W) luma of a yuv420p picture."""
    return picture[: picture.shape[0] * 2 // 3]


def read_number(luma: Array, mirrored: bool = False) -> int | None:
    """The number that a picture (H, W) carries; None where its blocks are not clear."""
    if mirrored:
        luma = luma[:, ::-1]
    number = 0
    for bit, (rows, columns) in enumerate(_blocks(*luma.shape)):
        block = luma[rows, columns]
        inner = block[block.shape[0] // 4 : -(block.shape[0] // 4) or None]
        inner = inner[:, inner.shape[1] // 4 : -(inner.shape[1] // 4) or None]
        level = float(inner.mean())
        if 95 < level < 155:
            return None
        number |= (level >= 155) << bit
    return number


def _blocks(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    ys = np.linspace(_TOP * height, _BOTTOM * height, _ROWS + 1).round().astype(int)
    xs = np.linspace(_LEFT * width, _RIGHT * width, _COLUMNS + 1).round().astype(int)
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            yield slice(ys[row], ys[row + 1]), slice(xs[column], xs[column + 1])


# ---------------------------------------------------------------- sound


def noise(seconds: float, rate: int = 48000, channels: int = 2, seed: int = 0) -> Array:
    """Smooth noise that is never the same twice: (channels, N) float32, within ±0.5."""
    count = round(seconds * rate)
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((channels, count + 63)).astype(np.float32)
    window = np.hanning(64).astype(np.float32)
    smooth = np.stack([np.convolve(line, window, "valid") for line in raw])
    return (0.5 * smooth / np.abs(smooth).max()).astype(np.float32)


def clicks(times: Sequence[float], seconds: float, rate: int = 48000) -> Array:
    """Silence with short beeps that begin at the given times: (1, N) float32."""
    sound = np.zeros((1, round(seconds * rate)), np.float32)
    length = rate // 100
    beep = np.sin(2 * np.pi * 1000 * np.arange(length) / rate) * np.hanning(length)
    for time in times:
        first = round(time * rate)
        part = sound[0, first : first + length]
        part += beep[: len(part)].astype(np.float32)
    return sound


# ---------------------------------------------------------------- files


def make_film(
    path: Path,
    pictures: Iterable[Array],
    rate: Fraction | int = Fraction(25),
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container: str | None = None,
    header: dict[str, str] | None = None,
    gop: int = 12,
    b_frames: int = 2,
    aspect: Fraction | None = None,
    rotation: int = 0,
    tags: tuple[int, int, int, int] | None = None,
    pixel_format: str = "yuv420p",
    times: Sequence[Fraction] | None = None,
    picture_start: Fraction = Fraction(0),
    interlaced: bool = False,
    sound: Array | None = None,
    sound_rate: int = 48000,
    sound_codec: str = "aac",
    sound_start: Fraction = Fraction(0),
) -> Path:
    """Write a film and return its path.

    `pictures` are yuv420p arrays, all of one size; `times` (seconds) overrides the constant `rate`;
    `picture_start` and `sound_start` set where each begins on the file's own clock. `sound` is
    (channels, N) float32. `tags` are FFmpeg's numbers for range, matrix, primaries, transfer.
    `rotation` turns the film clockwise on display (MP4 only). The quality is near lossless unless
    `options` says otherwise; `header` are options of the container.
    `interlaced` flags each picture as two fields, the upper one first.
    """
    rate = Fraction(rate)
    settings = {"libx264": {"crf": "4", "preset": "veryfast"}, "mpeg2video": {"qscale": "2"}}
    opened = av.open(path, "w", format=container, options=header or {})
    with ordinary_priority(), opened as out:
        options = settings.get(codec, {}) | (options or {})
        if interlaced:
            options = {"flags": "+ildct+ilme", "x264-params": "tff=1"} | options
        stream = out.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = pixel_format
        context = stream.codec_context
        context.gop_size = gop
        if codec in ("libx264", "libx265", "mpeg2video", "mpeg4"):
            context.max_b_frames = b_frames
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if tags is not None:
            context.color_range, context.colorspace = tags[:2]
            context.color_primaries, context.color_trc = tags[2:]
        context.time_base = 1 / rate if times is None else Fraction(1, 90000)
        audio = None if sound is None else _sound_stream(out, sound, sound_rate, sound_codec)
        for index, picture in enumerate(pictures):
            if index == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0] * 2 // 3
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="yuv420p")
            if tags is not None:
                frame.color_range, frame.colorspace = tags[:2]
            if pixel_format != "yuv420p":
                frame = frame.reformat(format=pixel_format)
            time = (index / rate if times is None else times[index]) + picture_start
            frame.time_base = context.time_base
            frame.pts = round(time / context.time_base)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio is not None and sound is not None:
            _write_sound(out, audio, sound, sound_rate, sound_start)
    if rotation:
        turn(path, rotation)
    return path


def _sound_stream(
    out: av.container.OutputContainer, sound: Array, rate: int, codec: str
) -> av.AudioStream:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[sound.shape[0]]
    stream = out.add_stream(codec, rate=rate, layout=layout)
    assert isinstance(stream, av.AudioStream)
    return stream


def _write_sound(
    out: av.container.OutputContainer,
    stream: av.AudioStream,
    sound: Array,
    rate: int,
    start: Fraction,
) -> None:
    layout = stream.codec_context.layout
    context = stream.codec_context
    resampler = av.AudioResampler(context.format, layout, rate, context.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=layout)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    frame.pts = 0
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    for piece in pieces:
        if piece.pts is not None:
            piece.pts += round(start * rate)
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def join_ts(parts: Sequence[Path], path: Path) -> Path:
    """MPEG transport streams one after another, as they are: each part's clock starts anew."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def with_tags(source: Path, path: Path, *, of: str = "container", **tags: str) -> Path:
    """A copy of a film with tags on its container, or on its stream of pictures."""
    with av.open(source) as given, av.open(path, "w") as out:
        pairs = {
            s.index: out.add_stream_from_template(s) for s in given.streams if s.type != "data"
        }
        picture = next(s for s in pairs.values() if s.type == "video")
        (out.metadata if of == "container" else picture.metadata).update(tags)
        for packet in given.demux(*(given.streams[index] for index in pairs)):
            if packet.dts is not None:
                packet.stream = pairs[packet.stream.index]
                out.mux(packet)
    return path


_MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def turn(path: Path, degrees: int) -> None:
    """Write a rotation into the header of an MP4's first track, as a phone does.

    `degrees` is how far the picture must be turned clockwise for display.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    matrix = at + (52 if data[at] else 40)  # version 1 has 64-bit times
    a, b, c, d = (value << 16 for value in _MATRICES[degrees])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@dataclass(frozen=True)
class Seen:
    """A decoded picture: `time` on the file's clock (s), `planes` as (H * 3 // 2, W) uint8."""

    time: Fraction
    planes: Array

    @property
    def luma(self) -> Array:
        """(H, W) uint8."""
        return luma_of(self.planes)

    @property
    def chroma(self) -> Array:
        """(2, H // 2, W // 2) uint8: U and V."""
        height, width = self.luma.shape
        return self.planes[height:].reshape(2, height // 2, width // 2)

    @property
    def number(self) -> int | None:
        """The number it carries."""
        return read_number(self.luma)


def read_film(path: Path) -> list[Seen]:
    """All pictures of a small film."""
    with av.open(path) as container:
        return [
            Seen(Fraction(f.pts or 0) * Fraction(f.time_base or 1), f.to_ndarray(format="yuv420p"))
            for f in container.decode(video=0)
        ]


def read_sound(path: Path) -> tuple[Array, int, Fraction]:
    """The whole sound as a player hears it: samples (channels, N), rate, start in seconds."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        resampler = av.AudioResampler("fltp", stream.codec_context.layout, frames[0].sample_rate)
        start = Fraction(frames[0].pts or 0) * Fraction(frames[0].time_base or 1)
        rate = frames[0].sample_rate
        pieces = [piece for frame in frames for piece in resampler.resample(frame)]
        return np.concatenate([piece.to_ndarray() for piece in pieces], axis=1), rate, start


def tagged(path: Path, tags: dict[str, str]) -> Path:
    """A small film with these tags on its container."""
    plain = make_film(path.with_name(".plain.mp4"), [flat(90)] * 3)
    with av.open(plain) as given, av.open(path, "w") as out:
        out.metadata.update(tags)
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path
