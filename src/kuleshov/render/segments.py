"""Segments: a film before it is rendered, in pieces that a browser plays as one.

    small = beside(timeline)                             # source | recut, small, in one picture
    listed = segments(small)                             # one for each slot
    head = init_segment(small)
    body = write_segment(small, listed[3], proxies)
    playable = head + placed(body, listed[3].frames.first, small.rate)

Pictures are made by the one renderer (`render.mixing`), dissolves and finish included, out of
proxies, so that each frame shows the very picture of the footage that the rendered film shows. A
segment is a fragment of an MP4 (ISO/IEC 14496-12: `moof` and `mdat`) without B-frames that begins
with a key picture. Its clock is the numerator of the film's rate, a frame lasts the denominator:
nothing is rounded. Its time is 0 until it is `placed`, and its key is a digest of what can be seen
in it: where it stands in the film is part of neither, so that what is moved need not be made again.
A dissolve is seen in both slots that it joins: a change of one clip changes at most three slots.
"""

from __future__ import annotations

import bisect
import hashlib
import io
import itertools
import json
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
import numpy as np

from kuleshov.edit.layouts import arranged
from kuleshov.errors import NOT_THERE, Closed, KuleshovError, MediaError, RenderError, Stopped
from kuleshov.jobs import QUIET, Job
from kuleshov.media.audio import SoundReader, open_sound
from kuleshov.media.colour import film_colour, in_rgb, tag
from kuleshov.media.decode import reason_of
from kuleshov.media.graph import build_graph
from kuleshov.media.proxy import Decoded, Proxies, ShapeChanged
from kuleshov.media.write import SoundTrack
from kuleshov.notes import Note
from kuleshov.records import plain
from kuleshov.render.clips import BLACK, planes_of
from kuleshov.render.film import ahead
from kuleshov.render.finishing import PERIOD
from kuleshov.render.frame_readers import Readers
from kuleshov.render.mixing import TrackView, compositions
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import StandIns
from kuleshov.render.sound import film_sound
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Card, Clip, Gap, Item, Layout, Media, Sound, Span, Timeline, Track

__all__ = [
    "ENCODED_BY",
    "SHOWN_BY",
    "Excerpt",
    "Made",
    "Segment",
    "beside",
    "clip_film",
    "clip_still",
    "codecs_of",
    "excerpt",
    "init_segment",
    "picture_of",
    "placed",
    "segments",
    "sound_film",
    "still",
    "warmed",
    "wave",
    "write_excerpt",
    "write_segment",
]

LARGEST = (480, 270)
"""Width and height in pixels that each of the two pictures has at most."""

_VERSION = 1  # of what segments look like
_LONGEST = 10  # s; a slot that lasts longer is several segments
_ENCODING = {"preset": "ultrafast", "crf": "24"}
_CLIP = {"preset": "veryfast", "crf": "26"}
ENCODED_BY = (_VERSION, sorted(_ENCODING.items()), av.__version__)
"""How segments are encoded. Those encoded otherwise do not play after the same init segment."""

SHOWN_BY = 2
"""The version of what stills and clips show. Where that changes it is raised, and kept ones go."""

_FRAGMENTED = "empty_moov+default_base_moof+frag_custom+skip_trailer"
_SOUND = "empty_moov+default_base_moof+skip_trailer"
_SOUND_PIECE = 2_000_000  # microseconds of a fragment of sound
_AAC = frozenset({"aac"})
_HOLE = Fraction(1, 20)  # s of silence that browsers play over


@dataclass(frozen=True)
class Segment:
    """A piece of a film: its frames, the slot that it belongs to, and a digest of what is seen."""

    key: str
    slot: str
    frames: FrameRange


@dataclass(frozen=True)
class Made:
    """The bytes of a segment, and what stands in it for footage that cannot be used."""

    data: bytes
    notes: tuple[Note, ...] = ()


def beside(timeline: Timeline, largest: tuple[int, int] = LARGEST) -> Timeline:
    """Return a recut small, its source at its left; a film without a source alone.

    Each picture has even sides, at most `largest` (width and height), and the shape of the recut's,
    as near as that allows.
    """
    region = timeline.layout.region(timeline.recut.region)
    wide, high = Fraction(largest[0], region.width), Fraction(largest[1], region.height)
    scale = min(wide, high, Fraction(1))
    size = max(16, _even(region.width * scale)), max(16, _even(region.height * scale))
    names = {track.name for track in timeline.tracks}
    if names >= {"recut", "source"}:
        return arranged(timeline, "side-by-side", size=size)
    alone = replace(timeline, tracks=(replace(timeline.recut, name="recut"),))
    return arranged(alone, "alone", size=size)


def segments(
    timeline: Timeline,
    options: RenderOptions = RenderOptions(),
    slots: Sequence[tuple[str, FrameRange]] | None = None,
    known: Known | None = None,
) -> tuple[Segment, ...]:
    """Return the pieces of a film, one for each slot, in order; a long slot is several.

    `slots` are their names and frames, which tile the film (None: as the clips remember them).
    `known` keeps what was told of items, for the next timeline of the same rate and options.
    """
    seen = _Seen(timeline, options, Known() if known is None else known)
    found = []
    for slot, frames in _slots(timeline.recut) if slots is None else slots:
        parts = -(-len(frames) // max(1, round(_LONGEST * timeline.rate)))
        borders = [frames.first + len(frames) * part // parts for part in range(parts + 1)]
        for first, end in itertools.pairwise(borders):
            found.append(Segment(seen.key(first, end), slot, FrameRange(first, end)))
    return tuple(found)


def _slots(track: Track) -> Iterator[tuple[str, FrameRange]]:
    """Yield the ranges of slots.

    What follows one another for one slot, as a clip and its last picture held, is together.
    """
    named: list[tuple[str, FrameRange]] = []
    for index, (item, own) in enumerate(zip(track.items, track.ranges(), strict=True)):
        ours = getattr(item, "metadata", {}).get("kuleshov", {})
        name = ours.get("slot") if isinstance(ours, Mapping) else None
        name = name if isinstance(name, str) and name else f"#{index + 1}"
        if named and named[-1][0] == name:
            named[-1] = name, FrameRange(named[-1][1].first, own.end)
        else:
            named.append((name, own))
    yield from named


class Known:
    """Memory of what was told of items, and of which files are there."""

    def __init__(self) -> None:
        self.items: dict[tuple[Any, ...], tuple[Item, list[Any]]] = {}  # kept alive
        self.there: dict[Path, bool] = {}

    def look_again(self) -> None:
        """Forget which files are there."""
        self.there.clear()


_KNOWN = 8192  # items that are kept


class _Seen:
    """A text of what can be seen of a film in a range of its frames."""

    def __init__(self, timeline: Timeline, options: RenderOptions, known: Known) -> None:
        self._timeline, self._options = timeline, options
        self._known, self._there = known.items, known.there
        if len(known.items) > _KNOWN:
            known.items.clear()
        self._tracks = [(track, track.spans()) for track in timeline.tracks]
        self._ends = [[span.visible.end for span in spans] for _, spans in self._tracks]
        self._common = [
            *ENCODED_BY,
            str(timeline.rate),
            plain(timeline.layout),
            options.scaler,
            options.cadence,
            plain(options.finishing),
        ]

    def key(self, first: int, end: int) -> str:
        """Return a digest of all that makes the pictures of frames `first` to `end`."""
        told: list[Any] = [*self._common, end - first]
        if self._options.finishing.grain:
            told.append(first % PERIOD)
        for (track, spans), ends in zip(self._tracks, self._ends, strict=True):
            at = bisect.bisect_right(ends, first)
            inside = itertools.takewhile(lambda span: span.visible.first < end, spans[at:])
            told.append([track.name, track.region, [self._item(track, s, first) for s in inside]])
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]

    def _item(self, track: Track, span: Span, first: int) -> list[Any]:
        """Return an item as it is seen from frame `first` on; its place is counted from there."""
        item = track.items[span.item]
        ramps = [_from(span.visible, first), _from(span.rising, first), _from(span.falling, first)]
        if isinstance(item, Card):
            return ["card", item.text, ramps]
        if isinstance(item, Gap):
            return ["gap", ramps]
        rate, grade = self._timeline.rate, self._options.grades.get(span.item)
        step = item.speed / rate
        media = item.media
        if media.path not in self._there:
            self._there[media.path] = media.path.is_file()
        plainly = grade is None and self._there[media.path]
        key = (id(item), span.own.first - first, span.handles, str(ramps))
        if plainly and key in self._known:
            return self._known[key][1]
        told = [
            *(media.checksum or str(media.path), plain(media.bars)),
            None if self._there[media.path] else span.item,  # which a placeholder names
            str(item.start + (first - span.own.first) * step),
            *(str(step), str(item.shown(rate, *span.handles).end)),
            *(item.mirrored, item.focus),
            plain(grade) if grade is not None and track.name == "recut" else None,
            ramps,
        ]
        if plainly:
            self._known[key] = (item, told)
        return told


def _from(frames: FrameRange, first: int) -> list[int]:
    return [frames.first - first, frames.end - first] if len(frames) else []


@dataclass(frozen=True)
class Excerpt:
    """Some frames of a film, and all that is needed to make them."""

    timeline: Timeline
    frames: FrameRange
    options: RenderOptions


def excerpt(
    timeline: Timeline, frames: FrameRange, options: RenderOptions = RenderOptions()
) -> Excerpt:
    """Return what is needed to make some frames.

    Items that are out of sight are black, and nothing is said of any. Frames and items keep their
    numbers; it is small, to be sent elsewhere.
    """
    tracks = tuple(replace(track, items=_in_sight(track, frames)) for track in timeline.tracks)
    cut = replace(timeline, tracks=tracks, metadata={}, sound=None)
    shown = cut.recut.items
    grades = {n: one for n, one in options.grades.items() if isinstance(shown[n], Clip)}
    return Excerpt(cut, frames, replace(options, grades=grades))


def _in_sight(track: Track, frames: FrameRange) -> tuple[Item, ...]:
    """Return the items of a track, those that cannot be seen in some frames as black."""
    items: list[Item] = []
    for item, span in zip(track.items, track.spans(), strict=True):
        seen = span.visible.overlaps(frames)
        items.append(replace(item, metadata={}) if seen else Gap(item.duration))
    return tuple(items)


def write_segment(
    timeline: Timeline,
    segment: Segment,
    proxies: Proxies,
    options: RenderOptions = RenderOptions(),
    job: Job = QUIET,
) -> Made:
    """Make a segment, as a fragment whose time is 0.

    A placeholder stands for footage that is missing or cannot be decoded; the notes say so. Raises
    `Stopped`.
    """
    return write_excerpt(excerpt(timeline, segment.frames, options), proxies, job)


def write_excerpt(cut: Excerpt, proxies: Proxies, job: Job = QUIET) -> Made:
    """Make what `write_segment` makes, of an excerpt."""
    try:
        try:
            return _written(cut, proxies, {}, job)
        except ShapeChanged:  # from now on the film is read as it is
            return _written(cut, proxies, {}, job)
    except (Stopped, Closed):
        raise
    except (KuleshovError, av.error.FFmpegError, OSError, ValueError) as error:
        # Whatever it is, there is something to see, which says so, and the rest goes on.
        reason = str(error) or type(error).__name__
        return _written(cut, proxies, dict.fromkeys(_paths(cut.timeline), reason), job)


def _written(cut: Excerpt, proxies: Proxies, refused: Mapping[Path, str], job: Job) -> Made:
    stand_ins = _stand_ins(cut, refused)
    layout, rate = cut.timeline.layout, cut.timeline.rate
    encoder = _Fragment((layout.width, layout.height), rate)
    with job.step("making a segment", of=len(cut.frames), unit="frames") as step:
        for picture in step.over(_pictures(cut, proxies, stand_ins, job)):
            encoder.write(picture)
    _, body = _parted(encoder.finish())
    return Made(body, tuple(stand_ins.notes()))


def _stand_ins(cut: Excerpt, refused: Mapping[Path, str]) -> StandIns:
    """Return the stand-ins for footage that is not there, is refused, or proves unreadable."""
    missing = {path: NOT_THERE for path in _paths(cut.timeline) if not path.is_file()}
    return StandIns({**refused, **missing})


def _paths(timeline: Timeline) -> list[Path]:
    items = [item for track in timeline.tracks for item in track.items]
    return [*dict.fromkeys(item.media.path for item in items if isinstance(item, Clip))]


def _pictures(
    cut: Excerpt, proxies: Proxies, stand_ins: StandIns | None, job: Job
) -> Iterator[av.VideoFrame]:
    """Yield the pictures of an excerpt, in order; decoded and mixed ahead of whoever takes them."""

    def opened(media: Media, threads: int) -> Decoded:
        return proxies.film(media.path, media.checksum, media.bars, threads)

    timeline, options = cut.timeline, cut.options
    stop, colour = threading.Event(), film_colour(timeline.layout.height)
    with Readers(options.idle_films, options.threads, stop.is_set, opened) as readers:
        views = [
            TrackView(track, timeline, colour, readers, options, stand_ins)
            for track in timeline.tracks
        ]
        numbers = range(cut.frames.first, cut.frames.end)
        with ahead(compositions(views, timeline, only=numbers), 8, stop, job) as pictures:
            yield from pictures
        for view in views:
            view.close()


# ---------------------------------------------------------------- single clips


def clip_film(
    items: Sequence[Item],
    rate: Fraction,
    size: tuple[int, int],
    proxies: Proxies,
    job: Job = QUIET,
) -> bytes:
    """Return clips one after another as a small MP4 without sound, to be looped.

    `size` is (width, height), even. A placeholder stands for what cannot be read.
    """
    cut = _of_items(items, rate, size)
    with tempfile.TemporaryDirectory(prefix="kuleshov-") as folder:
        path = Path(folder) / "clip.mp4"  # a file, for its index to come first
        with av.open(path, "w", options={"movflags": "+faststart"}) as container:
            stream = _picture_stream(container, size, rate, _CLIP)
            for number, picture in enumerate(_shown(cut, proxies, job)):
                for packet in _encoded(stream, picture, number, rate):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
        return path.read_bytes()


def clip_still(
    items: Sequence[Item],
    rate: Fraction,
    size: tuple[int, int],
    proxies: Proxies,
    frame: int = 0,
    job: Job = QUIET,
) -> bytes:
    """Return one frame of what `clip_film` shows as a JPEG."""
    cut = _of_items(items, rate, size)
    cut = replace(cut, frames=FrameRange(frame, frame + 1))
    return _jpeg(next(_shown(cut, proxies, job)))


def still(media: Media, time: Fraction, width: int, proxies: Proxies, job: Job = QUIET) -> bytes:
    """Return what footage shows at a media time, without its bars, as a JPEG so wide.

    Raises `MediaError` where it cannot be read.
    """
    with proxies.film(media.path, media.checksum, media.bars) as film:
        video = film.video if film.bare else replace(film.video, bars=media.bars)
    shape = video.active_aspect
    size = max(16, _even(width)), max(16, _even(width / shape))
    return clip_still([Clip(media, time, 1, speed=Fraction(0))], video.rate, size, proxies, job=job)


def _of_items(items: Sequence[Item], rate: Fraction, size: tuple[int, int]) -> Excerpt:
    layout = Layout.single(*size)
    timeline = Timeline("clip", rate, layout, (Track("recut", tuple(items)),))
    return excerpt(timeline, FrameRange(0, timeline.duration), RenderOptions())


def _shown(cut: Excerpt, proxies: Proxies, job: Job) -> Iterator[av.VideoFrame]:
    try:
        yield from _pictures(cut, proxies, _stand_ins(cut, {}), job)
    except ShapeChanged:
        yield from _pictures(cut, proxies, _stand_ins(cut, {}), job)


def _jpeg(picture: av.VideoFrame) -> bytes:
    from PIL import Image

    graph = build_graph(picture, in_rgb(film_colour(picture.height), "flags=bicubic"))
    graph.vpush(picture)
    data = io.BytesIO()
    Image.fromarray(graph.vpull().to_ndarray()).save(data, "JPEG", quality=82)
    return data.getvalue()


# ---------------------------------------------------------------- sound


def sound_film(timeline: Timeline, out: Path, job: Job = QUIET) -> bool:
    """Write the sound of a film as one fragmented MP4, and say whether it has any.

    It lasts as long as the film, without a hole: browsers wait for sound that is not there. AAC is
    copied where the film copies it and that holds of it, all else becomes AAC. What an encoder puts
    before the first sample is left out: a browser would hear it. Raises `MediaError` where it
    cannot be read, `RenderError` where it cannot be written.
    """
    sound, length = timeline.sound, timeline.duration / timeline.rate
    if not isinstance(sound, Sound):
        track, _ = film_sound(timeline, job)
    else:
        track = open_sound(sound, timeline.rate, _AAC)
        if track is not None and track.kind == "copied":
            if _write_sound(track, out, length, job):
                return True
            track = open_sound(replace(sound, duration=length), timeline.rate)
    if track is None:
        return False
    _write_sound(track, out, length, job)
    return True


def _write_sound(track: SoundTrack, out: Path, length: Fraction, job: Job) -> bool:
    """Write the packets that begin within `length` s, and say whether they fill that."""
    options = {
        "movflags": _SOUND,
        "frag_duration": str(_SOUND_PIECE),
        "use_editlist": "0",
    }
    end, whole = Fraction(0), True
    try:
        with av.open(out, "w", format="mp4", options=options) as container:
            track.add_to(container)
            for packet in job.over(track.packets()):
                time = Fraction(packet.pts or 0) * packet.time_base
                if time >= length:
                    break
                if packet.pts is not None and time >= 0:
                    whole = whole and abs(time - end) <= _HOLE
                    end = time + (packet.duration or 0) * packet.time_base
                    container.mux(packet)
    except (av.error.FFmpegError, OSError) as error:
        raise RenderError(f"The sound was not written: {reason_of(error)}") from error
    return whole and length - end <= _HOLE


def wave(timeline: Timeline, count: int, job: Job = QUIET) -> list[float]:
    """Return how loud a film is over its length: the peaks of `count` equal parts, 0 to 1.

    An empty list where it is silent. Raises `MediaError` where its sound cannot be read.
    """
    sound = timeline.under
    reader = None if sound is None else SoundReader.open(sound.media.path)
    if sound is None or reader is None:
        return []
    length = timeline.duration / timeline.rate
    total = max(1, round(length * reader.rate))
    peaks, at = np.zeros(count, np.float32), 0
    for block in job.over(reader.blocks(sound.start, length)):
        place = (np.arange(at, at + block.shape[1]) * count // total).clip(0, count - 1)
        np.maximum.at(peaks, place, np.abs(block).max(axis=0))
        at += block.shape[1]
    return [round(float(peak), 3) for peak in np.minimum(peaks, 1)]


# ---------------------------------------------------------------- fragments


def init_segment(timeline: Timeline) -> bytes:
    """Return what comes before all segments of a film (`ftyp` and `moov`), the same for all."""
    layout = timeline.layout
    encoder = _Fragment((layout.width, layout.height), timeline.rate)
    encoder.write(_black(layout.width, layout.height))
    return _parted(encoder.finish())[0]


def placed(data: bytes, first: int, rate: Fraction) -> bytes:
    """Return a segment that begins with frame `first` of a film of that rate, to the tick."""
    moved = bytearray(data)
    for kind, begin, _ in _boxes(data):
        if kind != b"moof":
            continue
        for at in _found(data, begin, b"traf", b"tfdt"):
            version = data[at]
            form = ">Q" if version else ">I"
            (time,) = struct.unpack_from(form, data, at + 4)
            struct.pack_into(form, moved, at + 4, time + first * rate.denominator)
    return bytes(moved)


def warmed() -> bool:
    """Load what makes segments and stills, which takes longer than a small segment does."""
    picture = _black(32, 32)
    encoder = _Fragment((32, 32), Fraction(25))
    encoder.write(picture)
    return bool(encoder.finish() and _jpeg(picture))


def picture_of(
    init: bytes, data: bytes, number: int, place: tuple[int, int, int, int], width: int
) -> bytes | None:
    """Return a part of a segment's picture as a JPEG so wide; None where it has no such picture.

    `number` counts its pictures from 0, `place` is x, y, width and height in them. From the last
    key picture on they are decoded, a second at most. Raises `MediaError` where it is damaged.
    """
    waiting: list[av.Packet[av.VideoStream]] = []
    count = -1
    try:
        with av.open(io.BytesIO(init + data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            for packet in container.demux(stream):
                if not packet.size:
                    break  # the end
                count += 1
                if packet.is_keyframe:
                    waiting = []
                waiting.append(packet)
                if count == number:
                    break
            pictures = [frame for packet in waiting for frame in packet.decode()]
            if len(pictures) < len(waiting):
                pictures += stream.codec_context.decode(None)
    except (av.error.FFmpegError, IndexError) as error:
        raise MediaError(Path("segment"), reason_of(error)) from error
    if count != number or len(pictures) != len(waiting):
        return None
    x, y, wide, high = place
    size = max(16, _even(width)), max(16, _even(Fraction(width * high, wide)))
    frame = pictures[-1]
    tag(frame, film_colour(frame.height))
    scaled = f"crop={wide}:{high}:{x}:{y}:exact=1,scale={size[0]}:{size[1]}:flags=bicubic"
    graph = build_graph(frame, scaled)
    graph.vpush(frame)
    return _jpeg(graph.vpull())


def codecs_of(init: bytes) -> str:
    """Return how a browser is told what is in an `init_segment`: `avc1.42C01E`, `mp4a.40.2`."""
    at = init.find(b"avcC")
    if at >= 0:
        return f"avc1.{init[at + 5 : at + 8].hex().upper()}"
    return "mp4a.40.2"


def _boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each box, where its content begins and where it ends."""
    at, end = begin, len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        if size < head:
            return
        yield kind, at + head, at + size
        at += size


def _found(data: bytes, begin: int, *path: bytes) -> Iterator[int]:
    """Yield where the content begins of boxes on a path within another box.

    `begin` is where the content of that box begins.
    """
    (size,) = struct.unpack_from(">I", data, begin - 8)
    for kind, first, _ in _boxes(data, begin, begin - 8 + size):
        if kind == path[0]:
            if len(path) == 1:
                yield first
            else:
                yield from _found(data, first, *path[1:])


def _parted(data: bytes) -> tuple[bytes, bytes]:
    """Return the description of a fragmented film, and its fragments."""
    for kind, first, _ in _boxes(data):
        if kind == b"moof":
            return data[: first - 8], data[first - 8 :]
    return data, b""


class _Fragment:
    """Encodes pictures into one fragment of an MP4 in memory."""

    def __init__(self, size: tuple[int, int], rate: Fraction) -> None:
        self._rate, self._count = rate, 0
        self._file = io.BytesIO()
        self._container = av.open(
            self._file,
            "w",
            format="mp4",
            options={
                "movflags": _FRAGMENTED,
                "use_editlist": "0",
                "video_track_timescale": str(rate.numerator),
            },
        )
        self._stream = _picture_stream(self._container, size, rate, _ENCODING)

    def write(self, picture: av.VideoFrame) -> None:
        """Add the next picture, yuv420p."""
        for packet in _encoded(self._stream, picture, self._count, self._rate):
            self._container.mux(packet)
        self._count += 1

    def finish(self) -> bytes:
        """Return the whole."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._file.getvalue()


def _picture_stream(
    container: av.container.OutputContainer,
    size: tuple[int, int],
    rate: Fraction,
    encoding: Mapping[str, str],
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=rate, options=dict(encoding))
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.gop_size = max(1, round(rate))  # a second, so that seeking is quick
    context.max_b_frames = 0
    context.thread_count = 1
    context.sample_aspect_ratio = Fraction(1)
    tag(context, film_colour(size[1]))
    return stream


def _encoded(
    stream: av.VideoStream, picture: av.VideoFrame, number: int, rate: Fraction
) -> list[av.Packet[Any]]:
    picture.pts, picture.time_base, picture.duration = number, 1 / rate, 1
    picture.pict_type = 0  # a frame that was decoded still says what it was coded as
    tag(picture, film_colour(picture.height))
    return [*stream.encode(picture)]


def _black(width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, level in zip(planes_of(frame), BLACK, strict=True):
        plane[:] = level
    return frame


def _even(length: Fraction | int) -> int:
    return 2 * round(Fraction(length) / 2)
