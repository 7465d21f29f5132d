"""Read single pictures of films by media time, exactly, with few files open at a time.

What is shown at an instant is the picture nearest to it in time (the earlier one of two as near):
timestamps of containers are rounded, and a picture must not be lost or doubled for half a
millisecond. A picture that is held for more than a second stays until half a frame before the
next. A clip's range is half-open all the same: no picture that begins at or after its end is
shown, so that the first frame of the next shot never flashes up.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from kuleshov.errors import MediaError, Stopped
from kuleshov.footage import Bars
from kuleshov.media.decode import Film, Picture
from kuleshov.media.proxy import Decoded
from kuleshov.timeline import Media

__all__ = ["Backwards", "Between", "Opener", "Reader", "Readers", "Shown"]

Opener = Callable[[Media, int], Decoded]
"""Opens a film to be decoded by so many threads (0: FFmpeg's choice)."""

_STEP_BACK = (Fraction(0), Fraction(2), Fraction(8), Fraction(32))  # s
_HELD = Fraction(1)  # s; what stays for longer is held
_PATIENCE = Fraction(1)  # s of film that are sooner decoded than jumped over
_KEPT_BYTES = 100 << 20  # of the pictures of a way backwards
_LEAST_KEPT, _MOST_KEPT = 8, 256  # pictures


@dataclass(frozen=True)
class Shown:
    """The picture on show at an instant; `held` says that the film had ended by then."""

    picture: Picture
    held: bool


@dataclass(frozen=True)
class Between:
    """The two pictures around an instant; `weight` is the share of the later one.

    Where there is nothing to mix with, it is 0 and `later` is `earlier`.
    """

    earlier: Picture
    later: Picture
    weight: Fraction
    held: bool


class Reader:
    """A reader of one open media file, read forward where it can be, sought in where it must.

    Raises `MediaError` where the file cannot be decoded, and `Stopped` as soon as `stopped`
    says so: the way to a picture can be long in a film that cannot be sought in.
    """

    def __init__(
        self,
        media: Media,
        film: Decoded,
        restarts: bool | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._stopped = stopped
        self.media, self.film = media, film
        restarts = self.film.restarts() if restarts is None else restarts
        if restarts:
            self.film.video = replace(self.film.video, discontinuous=True)
        self.path = self.film.path
        self.video = self.film.video
        self._pictures: Iterator[Picture] = iter(())
        self._before: Picture | None = None
        self._shown: Picture | None = None
        self._next: Picture | None = None

    @property
    def bars(self) -> Bars:
        """The bars that its pictures have, as far as they have the film's shape."""
        return Bars() if self.film.bare else self.media.bars

    def close(self) -> None:
        """Close the file."""
        self._pictures = iter(())
        self.film.close()

    @property
    def time(self) -> Fraction | None:
        """The media time of the picture that was read last; None before the first."""
        return None if self._shown is None else self._shown.time

    def leads_to(self, time: Fraction) -> bool:
        """Return whether reading on is the way to a time; otherwise it must be sought."""
        if self._shown is None or time < self._shown.time:
            return False
        if self._next is None or self.video.discontinuous:
            return True
        return time - self._next.time <= _PATIENCE

    def at(self, time: Fraction, end: Fraction) -> Shown:
        """Return the picture on show at media time `time` of a clip that ends at `end`."""
        if not self.leads_to(time):
            self._seek(time)
        assert self._shown is not None
        while (
            (following := self._next) is not None
            and following.time < end
            and self._until(self._shown, following) < time
        ):
            self._advance()
        # A film's last picture stays for the length of a frame before it counts as held.
        held = self._next is None and time - self._shown.time >= 1 / self.video.rate
        return Shown(self._shown, held)

    def _until(self, shown: Picture, following: Picture) -> Fraction:
        """Return until when a picture is the one to show: half-way to the next.

        A picture that is held stays until half a frame before the next.
        """
        gap = following.time - shown.time
        return following.time - (gap if gap <= _HELD else min(gap, 1 / self.video.rate)) / 2

    def around(self, time: Fraction, end: Fraction) -> Between:
        """Return the pictures before and after media time `time` of a clip that ends at `end`."""
        shown = self.at(time, end)
        one, other = shown.picture, self._next if shown.picture.time <= time else self._before
        if other is None or other.time >= end or other.time == one.time:
            return Between(one, one, Fraction(0), shown.held)
        earlier, later = (one, other) if one.time < other.time else (other, one)
        weight = (time - earlier.time) / (later.time - earlier.time)
        if not 0 < weight < 1:  # beyond both: at a jump in time
            return Between(one, one, Fraction(0), shown.held)
        return Between(earlier, later, weight, shown.held)

    def up_to(self, time: Fraction, most: int) -> list[Picture]:
        """Return the last pictures up to the one on show at media time `time`, and the next.

        They come in order, at most `most` of the former.
        """
        self.at(max(Fraction(0), time - most / self.video.rate), time)
        assert self._shown is not None
        kept = deque([self._shown], most)
        while self._next is not None and self._next.time <= time:
            self._advance()
            kept.append(self._shown)
        return [*kept, *([self._next] if self._next is not None else [])]

    def _advance(self) -> None:
        self._check()
        self._before = self._shown
        self._shown, self._next = self._next, next(self._pictures, None)

    def _check(self) -> None:
        if self._stopped is not None and self._stopped():
            raise Stopped

    def _seek(self, time: Fraction) -> None:
        """Go to a key picture at or before `time`, or to the film's first picture."""
        if not self.video.discontinuous:
            for back in _STEP_BACK:
                if time - back <= 0:
                    break
                if self._land(self.film.pictures(time - back), time):
                    return
        self._pictures = self.film.pictures()
        self._before = self._shown = None
        self._next = next(self._pictures, None)
        self._advance()
        if self._shown is None:
            raise MediaError(self.path, "no picture of it can be decoded.")

    def _land(self, pictures: Iterator[Picture], time: Fraction) -> bool:
        # Some formats seek into the middle of a group of pictures, or to a key picture that is
        # shown only after the wanted one (open groups): what comes first is then not what it seems.
        late = time + self.video.time_base
        for picture in pictures:
            self._check()
            if picture.time > late:
                return False
            if picture.frame.key_frame:
                self._pictures = pictures
                self._before, self._shown, self._next = None, picture, next(pictures, None)
                return True
        return False


class Backwards:
    """A reader of a film's pictures from later to earlier ones, for clips that run backwards.

    Films are decoded forward only, from a key picture on. So as many pictures as fit into some 100
    MB are kept of each way forward, and given from their end; where key pictures lie further apart,
    the way is gone again, which costs time, not memory.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: list[Picture] = []
        size = 2 * reader.video.width * reader.video.height  # bytes, between 8 and 16 bits
        self._most = min(_MOST_KEPT, max(_LEAST_KEPT, _KEPT_BYTES // max(1, size)))

    def at(self, time: Fraction, end: Fraction) -> Shown:
        """Return the picture on show at media time `time`.

        `end` is where the clip's latest frame ends. Times are asked for in falling order.
        """
        between = self.around(time, end)
        late = between.weight > Fraction(1, 2)
        return Shown(between.later if late else between.earlier, between.held)

    def around(self, time: Fraction, end: Fraction) -> Between:
        """Return the pictures before and after media time `time`, as `Reader.around` gives them."""
        # The first one kept is nearest only to what comes after it: there may be an earlier one.
        if not self._kept or self._kept[0].time > time:
            self._kept = self._reader.up_to(time, self._most)
        before = [p for p in self._kept if p.time <= time] or self._kept[:1]
        after = [p for p in self._kept if time < p.time < end]
        one = before[-1]
        last = not after and one is self._kept[-1]
        held = last and time - one.time >= 1 / self._reader.video.rate
        if not after or one.time > time:
            return Between(one, one, Fraction(0), held)
        return Between(one, after[0], (time - one.time) / (after[0].time - one.time), False)


class Readers:
    """A pool of readers of many films, of which few stay open while no clip uses them.

    `opened` opens them: by default the files themselves.
    """

    def __init__(
        self,
        idle: int = 4,
        threads: int = 0,
        stopped: Callable[[], bool] | None = None,
        opened: Opener | None = None,
    ) -> None:
        self._limit, self._threads, self._stopped = idle, threads, stopped
        self._opened = opened or _itself
        self._idle: OrderedDict[Reader, None] = OrderedDict()
        self._used: set[Reader] = set()
        self._restarts: dict[Path, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for reader in (*self._idle, *self._used):
            reader.close()
        self._idle.clear()
        self._used.clear()

    def take(self, media: Media, time: Fraction) -> Reader:
        """Return a reader of a film, best one that stands shortly before `time`."""
        path = media.path
        same = [
            reader
            for reader in self._idle
            if (reader.path, reader.media.bars) == (path, media.bars)
        ]
        near = [reader for reader in same if reader.leads_to(time)]
        if near or same:
            reader = max(near or same, key=lambda r: r.time if r.time is not None else Fraction(-1))
            del self._idle[reader]
        else:
            film = self._opened(media, self._threads)
            reader = Reader(media, film, self._restarts.get(path), self._stopped)
            self._restarts[path] = reader.video.discontinuous
        self._used.add(reader)
        return reader

    def give_back(self, reader: Reader) -> None:
        """Leave a reader for the next clip; those unused for longest are closed."""
        self._used.discard(reader)
        self._idle[reader] = None
        while len(self._idle) > self._limit:
            self._idle.popitem(last=False)[0].close()


def _itself(media: Media, threads: int) -> Film:
    return Film(media.path, threads=threads)
