"""Proxies: small copies of what was decoded of films, picture for picture, with the same times.

    proxies = Proxies(default_folder())
    with proxies.film(path, checksum, bars) as film:     # as a `decode.Film`, but small
        for picture in film.pictures(start): ...

Nothing is decoded for a proxy alone. A film is decoded where it is first looked at, and each
picture that comes by is written down small: at most 480 pixels a side, upright and without its
bars, H.264 without B-frames, a key picture every 12. What was decoded in one go is a *stretch*, a
file of its own whose name says which ticks of the original's clock it holds, so that of a long film
only what is used is copied, and what was used once is not decoded from the original again. A
stretch begins a second before what was wanted, and lasts until its reader had enough; where the
next one begins it is read on there. Their folder is bounded, and may be emptied at any time.

Films of at most 640 pixels a side are read as they are: decoding 640x360 costs 0.6 to 1.2 ms a
picture (of the processor, one thread), reading a proxy 0.4 to 0.5, and writing one 2 to 2.5: it
would pay only for what is looked at many times. At 1280x720 it is 3.0 against 0.6. Where their
clock restarts they get proxies all the same, since nothing can be sought in them. Films that change
the size of their pictures on the way are read as they are, too: a crop of such pictures depends on
the shape of each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, Self

import av
import av.container
import av.error
import av.filter

from kuleshov.errors import KuleshovError, MediaError
from kuleshov.files import Kept, cache_folder, new_beside, write_text
from kuleshov.footage import Bars, Video
from kuleshov.media.colour import Colour, colour_of, conversion, film_colour, tag
from kuleshov.media.decode import Film, Picture, open_file
from kuleshov.media.graph import build_graph
from kuleshov.media.hand import in_hand
from kuleshov.records import plain, record

__all__ = ["LIMIT", "Decoded", "Proxies", "ShapeChanged", "default_folder"]

LIMIT = 4 << 30
"""Bytes that proxies may take: some 25 hours of footage."""
WIDEST = 480
"""Pixels a side of a proxy's pictures."""
SMALL = 640
"""Pixels a side up to which a film is read as it is."""

_VERSION = 1  # of what proxies look like
_GOP = 12
_FURTHER_BACK = (0, 2, 8, 32)  # s, by which to seek earlier until a key picture is early enough
_LEAD = Fraction(1)  # s before what is wanted that are kept, too
_LEAST = 12  # pictures that are worth a file
_STRETCH = re.compile(r"(-?\d+)_(-?\d+|end)\.mp4")
_FINEST = 1 << 31  # ticks a second that an MP4 can count
_ENCODING = {"preset": "ultrafast", "crf": "20"}
_TURNS = {0: "", 90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}


class Decoded(Protocol):
    """A film that pictures are read from; see `decode.Film`."""

    path: Path
    video: Video
    bare: bool
    """Whether its pictures come without their bars."""

    def __enter__(self) -> Self:
        """Keep it open while the block lasts."""

    def __exit__(self, *_: object) -> None:
        """Give the file back."""

    def close(self) -> None:
        """Give the file back."""

    def restarts(self) -> bool:
        """Return whether its clock restarts, so that it cannot be sought in."""

    def pictures(self, start: Fraction | None = None) -> Iterator[Picture]:
        """Pictures from the first on, or from a key picture at or before media time `start`."""


class ShapeChanged(KuleshovError):
    """A film changes the size of its pictures on the way: it is read as it is from now on."""


def default_folder() -> Path:
    """Return a folder in the one that `KULESHOV_PROXIES` names, else among the user's caches.

    It is never the named folder itself: what is kept is deleted where it becomes too much, and
    people have other files beside it.
    """
    return cache_folder("proxies", "kuleshov-proxies")


@dataclass(frozen=True)
class _About:
    """A record of what was seen of a film when it was first opened.

    `plainly`: it is read as it is.
    """

    video: Video
    plainly: bool


class Proxies:
    """A folder of proxies, which together take at most `limit` bytes. A value that travels."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder, self.limit = Path(folder), limit
        self.kept = Kept(self.folder, limit)

    def __reduce__(self) -> tuple[Any, ...]:
        return Proxies, (self.folder, self.limit)

    def film(
        self, path: Path, checksum: str = "", bars: Bars = Bars(), threads: int = 0
    ) -> Decoded:
        """Open a film: pictures come small, upright and without `bars` as far as it has proxies.

        Where it is read as it is, they come as `Film` gives them. `checksum` is that of its
        content; without one it is known by its place, size and age. Raises `MediaNotFound` or
        `MediaError`.
        """
        path = Path(path)
        folder = self.folder / _key(path, checksum, bars)
        about = _read_about(folder)
        if about is None:
            about = _look(path, threads)
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                _write_about(folder, about)
        if about.plainly:
            return _Plain(path, threads, about.video)
        return _ProxyFilm(path, threads, about.video, bars, folder, self.kept)


def _key(path: Path, checksum: str, bars: Bars) -> str:
    if not checksum:
        try:
            found = path.stat()
        except OSError:
            checksum = str(path)
        else:
            checksum = f"{path.absolute()} {found.st_size} {found.st_mtime_ns}"
    told = json.dumps([_VERSION, _ENCODING, checksum, plain(bars)])
    return hashlib.sha256(told.encode()).hexdigest()[:40]


def _look(path: Path, threads: int) -> _About:
    """Open a film for the first time."""
    with Film(path, threads) as film:
        video = film.video
        restarts = film.restarts()
    if restarts:
        video = replace(video, discontinuous=True)
    size = max(video.upright_size)
    plainly = size <= SMALL and not restarts
    base = video.time_base
    if video.codec == "gif" or base.denominator >= _FINEST:
        plainly = True
    return _About(video, plainly)


def _read_about(folder: Path) -> _About | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = record(_About, json.loads((folder / "about.json").read_text("utf-8")))
        assert isinstance(found, _About)
        return found
    return None


def _write_about(folder: Path, about: _About) -> None:
    write_text(folder / "about.json", json.dumps(plain(about)))


class _Plain(Film):
    """A film that is read as it is; what was seen of it before is not looked for again."""

    def restarts(self) -> bool:
        return self.video.discontinuous


@dataclass(frozen=True)
class _Stretch:
    """Pictures of a film from tick `first` up to, not including, `end` (None: the film's end)."""

    path: Path
    first: int
    end: int | None

    def holds(self, tick: int) -> bool:
        return self.first <= tick and (self.end is None or tick < self.end)

    def covers(self, other: _Stretch) -> bool:
        ends = self.end is None or (other.end is not None and other.end <= self.end)
        return self.first <= other.first and ends


class _ProxyFilm:
    """A film by its proxies, and by itself where there are none yet, which it then makes."""

    bare = True

    def __init__(
        self, path: Path, threads: int, video: Video, bars: Bars, folder: Path, kept: Kept
    ) -> None:
        self.path = path
        self._threads, self._original, self._bars = threads, video, bars
        self._folder, self._kept = folder, kept
        self._small = _Small(video, bars)
        # Ticks count from the film's first picture whatever its clock does, so it can be sought in.
        self.video = replace(
            video,
            width=self._small.size[0],
            height=self._small.size[1],
            aspect=self._small.aspect,
            rotation=0,
            mirrored=False,
            discontinuous=False,
            bars=Bars(),
        )
        self._film: Film | None = None
        self._open: list[Generator[Picture]] = []
        if not path.is_file():
            open_file(path).close()  # says why it cannot be used, though there may be proxies of it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back; what was decoded last becomes a proxy."""
        for pictures in self._open:
            pictures.close()
        self._open = []
        if self._film is not None:
            self._film.close()
            self._film = None

    def restarts(self) -> bool:
        """Return False: its own clock never restarts."""
        return False

    def pictures(self, start: Fraction | None = None) -> Iterator[Picture]:
        """Small pictures, from the first or from a key picture at or before `start`; see `Film`."""
        made = self._pictures(max(Fraction(0), start or Fraction(0)))
        # Only one at a time reads the original: who asks anew has done with the last.
        for earlier in self._open:
            earlier.close()
        self._open = [made]
        return made

    def _pictures(self, start: Fraction) -> Generator[Picture]:
        tick, last = int(start / self.video.time_base), None
        unsound: set[Path] = set()
        while True:
            stretch = self._stretch(tick, unsound)
            if stretch is None:
                ends = yield from self._decoded(tick, last)
                if ends is None:
                    return
                tick = ends
            else:
                try:
                    yield from self._stored(stretch, tick, last)
                except (MediaError, av.error.FFmpegError, OSError, IndexError):
                    unsound.add(stretch.path)  # damaged, or taken away meanwhile
                    with contextlib.suppress(OSError):
                        stretch.path.unlink(missing_ok=True)
                    continue
                if stretch.end is None:
                    return
                tick = stretch.end
            last = tick - 1

    def _stretch(self, tick: int, unsound: set[Path]) -> _Stretch | None:
        """Return the stretch that holds a tick, of several the one that lasts longest."""
        holding = [s for s in self._stretches() if s.path not in unsound and s.holds(tick)]
        return max(holding, key=_length, default=None)

    def _stretches(self) -> list[_Stretch]:
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if (said := _STRETCH.fullmatch(path.name)) is not None:
                    end = None if said[2] == "end" else int(said[2])
                    found.append(_Stretch(path, int(said[1]), end))
        return found

    def _stored(self, stretch: _Stretch, tick: int, last: int | None) -> Iterator[Picture]:
        """Yield the pictures of a stretch, after tick `last`.

        They begin with a key picture at or before `tick`.
        """
        self._kept.used(stretch.path)
        base = self.video.time_base
        with open_file(stretch.path) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            step = Fraction(stream.time_base or base) / base
            container.seek(int((tick - stretch.first) / step), stream=stream, backward=True)
            for packet in container.demux(stream):
                with in_hand(stretch.path):
                    frames = packet.decode()
                for frame in frames:
                    ticks = stretch.first + int((frame.pts or 0) * step)
                    if last is None or ticks > last:
                        yield Picture(None, ticks, ticks * base, frame, self.video.aspect)

    def _decoded(self, tick: int, last: int | None) -> Generator[Picture, None, int | None]:
        """Yield the pictures of the original, small, after tick `last`.

        They begin with a key picture at or before `tick`, and go on up to where a stretch begins
        that holds what comes then, which is returned.
        """
        if self._film is None:
            self._film = Film(self.path, self._threads, self._original)
        ahead = {s.first for s in self._stretches()}
        writing = _Writing(self._folder, self._original, self._small.size)
        # Each generator closes the one that it reads from: left to the collector, which takes them
        # in any order, they would be closed while they close each other.
        pictures = self._near(self._from_key(self._film, tick), tick, last)
        done: int | None = None
        complete = False
        try:
            for picture in pictures:
                if picture.pts in ahead and writing.begun:
                    done = picture.pts
                    break
                frame = self._taken(picture, writing)
                yield Picture(None, picture.pts, picture.time, frame, self.video.aspect)
            else:
                complete = True
        except GeneratorExit:
            if last is not None:
                done, complete = self._run_on(pictures, writing, ahead)
            raise
        finally:
            pictures.close()
            self._finish(writing, done, complete)
        return done

    def _near(
        self, pictures: Generator[Picture], tick: int, last: int | None
    ) -> Generator[Picture]:
        """Yield pictures from a second before a tick on, or all after tick `last`.

        Those before it, back to the key picture, are on the way only: making them small would take
        longer than all that is wanted. Where nothing can be sought each is worth being kept.
        """
        lead = tick - int(_LEAD / self.video.time_base)
        if self._original.discontinuous:
            lead = 0
        waiting: Picture | None = None
        with contextlib.closing(pictures):
            for picture in pictures:
                if last is not None and picture.pts <= last:
                    continue
                if waiting is not None and (last is not None or picture.pts > lead):
                    yield waiting
                waiting = picture
            if waiting is not None:
                yield waiting

    def _run_on(
        self, pictures: Iterator[Picture], writing: _Writing, ahead: set[int]
    ) -> tuple[int | None, bool]:
        """Read on for a second where a stretch was lengthened.

        Whoever moves a clip's beginning by a frame does it again, and the way to its end through
        the original is long.
        """
        with contextlib.suppress(MediaError, ShapeChanged):
            for _ in range(round(self.video.rate)):
                picture = next(pictures, None)
                if picture is None:
                    return None, True
                if picture.pts in ahead:
                    return picture.pts, False
                self._taken(picture, writing)
        return None, False

    def _taken(self, picture: Picture, writing: _Writing) -> av.VideoFrame:
        """Return the picture made small, and write it down too."""
        if not self._small.fits(picture):
            self._read_plainly()
        frame = self._small(picture)
        if not writing.begun:
            # As it is in the stretch that it begins; that it can be set the stubs do not know.
            frame.key_frame = True  # type: ignore[misc]
        writing.add(frame, picture.pts)
        return frame

    def _from_key(self, film: Film, tick: int) -> Generator[Picture]:
        """Yield the pictures of the original from a key picture at or before a tick.

        Some formats seek into the middle of a group of pictures, or to a key picture that is shown
        only after the wanted one (open groups): then it is sought further back.
        """
        time = tick * self.video.time_base
        for back in _FURTHER_BACK:
            if time - back <= 0:
                break
            pictures = film.pictures(time - back)
            first = next((picture for picture in pictures if picture.frame.key_frame), None)
            if first is not None and first.pts <= tick:
                yield first
                yield from pictures
                return
        yield from film.pictures()

    def _read_plainly(self) -> None:
        with contextlib.suppress(OSError):
            _write_about(self._folder, _About(self._original, plainly=True))
        raise ShapeChanged(f"{self.path} changes the size of its pictures on the way.")

    def _finish(self, writing: _Writing, end: int | None, complete: bool) -> None:
        """Keep what was written as a stretch, where it is worth a file, and drop what it covers."""
        with contextlib.suppress(OSError, av.error.FFmpegError):
            made = writing.finish(end, complete)
            if made is None:
                return
            self._kept.added(made.path.stat().st_size)
            for other in self._stretches():
                if other.path != made.path and made.covers(other):
                    other.path.unlink(missing_ok=True)


def _length(stretch: _Stretch) -> float:
    return float("inf") if stretch.end is None else stretch.end


class _Small:
    """Makes the pictures of a film small: upright, without its bars, in the colour of films.

    `size` is even, its longer side at most `WIDEST`; `aspect` is that of its pixels, so that the
    shape of what is shown stays the same to the last digit.
    """

    def __init__(self, video: Video, bars: Bars) -> None:
        self._video, self._bars = video, bars
        width, height = video.upright_size
        x, y = _up(bars.left), _up(bars.top)
        inner = _down(width - bars.right) - x, _down(height - bars.bottom) - y
        if not bars:
            inner = width, height
        elif min(inner) < 2:  # bars that leave nothing are wrong
            x, y, inner = 0, 0, (max(2, _down(width)), max(2, _down(height)))
        self._crop = f"crop={inner[0]}:{inner[1]}:{x}:{y}:exact=1,"
        shape = Fraction(*inner) * video.upright_aspect
        whole = max(inner[0] * video.upright_aspect, Fraction(inner[1]))
        long = min(Fraction(WIDEST), whole)
        wide = (long, long / shape) if shape >= 1 else (long * shape, long)
        self.size = _even(wide[0]), _even(wide[1])
        self.aspect = shape / Fraction(*self.size)
        self._colour = film_colour(self.size[1])
        self._graph: av.filter.Graph | None = None
        self._key: object = None

    def fits(self, picture: Picture) -> bool:
        """Return whether a picture has the shape of the film's first."""
        video, frame = self._video, picture.frame
        shaped = (frame.width, frame.height, picture.aspect)
        return shaped == (video.width, video.height, video.aspect)

    def __call__(self, picture: Picture) -> av.VideoFrame:
        """Return the picture made small, yuv420p."""
        frame = picture.frame
        given = colour_of(frame)
        key = (frame.format.name, given)
        if self._graph is None or key != self._key:
            self._graph, self._key = build_graph(frame, self._chain(given)), key
        self._graph.vpush(frame)
        small = self._graph.vpull()
        tag(small, self._colour)
        return small

    def _chain(self, given: Colour) -> str:
        turn = _TURNS[self._video.rotation] + ("hflip," if self._video.mirrored else "")
        scale = f"{self.size[0]}:{self.size[1]}:flags=bicubic"
        return f"{turn}{self._crop}{conversion(given, self._colour, scale)}"


class _Writing:
    """A stretch that is being written: each picture once the next one says until when it lasts."""

    def __init__(self, folder: Path, video: Video, size: tuple[int, int]) -> None:
        self._folder, self._video, self._size = folder, video, size
        self._container: av.container.OutputContainer | None = None
        self._stream: Any = None
        self._temporary: Path | None = None
        self._first = self._count = 0
        self._waiting: tuple[av.VideoFrame, int] | None = None
        self._failed = False
        self.begun = False

    def add(self, frame: av.VideoFrame, tick: int) -> None:
        """Take the next picture."""
        if not self.begun:
            self.begun, self._first = True, tick
        if self._waiting is not None:
            self._encode(*self._waiting)
        self._waiting = frame, tick

    def finish(self, end: int | None, complete: bool) -> _Stretch | None:
        """Close the file and give it its name; None where there is nothing to keep.

        `complete`: the last picture is the film's last; else it is known to last until tick `end`,
        or, where that is None, left out, for nobody knows what comes after it.
        """
        waiting, self._waiting = self._waiting, None
        known = complete or end is not None
        if waiting is not None and known:
            self._encode(*waiting)
        if self._container is None or self._temporary is None:
            return None
        try:
            if not self._failed:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
            self._container.close()
            if self._failed or not (known or self._count >= _LEAST):
                return None
            until = end if known else waiting[1] if waiting is not None else None
            name = f"{self._first}_{'end' if until is None else until}.mp4"
            path = self._folder / name
            self._temporary.replace(path)
            return _Stretch(path, self._first, until)
        finally:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _encode(self, frame: av.VideoFrame, tick: int) -> None:
        if self._failed:
            return
        try:
            if self._container is None:
                self._begin()
            assert self._container is not None
            # What is encoded is a copy with another time: the picture itself is still being shown.
            copy = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
            tag(copy, film_colour(self._size[1]))
            base = self._video.time_base
            copy.pts = (tick - self._first) * base.numerator
            copy.time_base = Fraction(1, base.denominator)
            for packet in self._stream.encode(copy):
                self._container.mux(packet)
            self._count += 1
        except (OSError, av.error.FFmpegError):
            self._failed = True  # a full disk costs the proxy, not the picture

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._temporary = new_beside(self._folder / f"{self._first}.mp4")
        ticks = self._video.time_base.denominator
        self._container = av.open(
            self._temporary, "w", format="mp4", options={"video_track_timescale": str(ticks)}
        )
        stream = self._container.add_stream("libx264", rate=self._video.rate, options=_ENCODING)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, ticks)
        context.gop_size = _GOP
        context.max_b_frames = 0
        context.thread_count = 1
        tag(context, film_colour(self._size[1]))
        self._stream = stream


def _up(length: int) -> int:
    return length + length % 2


def _down(length: int) -> int:
    return length - length % 2


def _even(length: Fraction) -> int:
    return max(16, 2 * round(length / 2))
