"""Show and play a project before it is rendered.

    with Preview(desk, editing) as preview:
        preview.heard(lambda key, slot: ...)             # a segment can be played
        film = preview.film()                            # its segments, and how to play them
        preview.playhead(240, playing=True)              # what lies there is made first
        data = preview.segment(film.segments[0].key, 0)  # None while it is being made

Segments are made in the background (`desk.making`), from proxies, in this order: what lies at the
playhead, what is asked for by itself (a suggestion that moves, a still), what lies within ten
seconds ahead of the playhead (three while nothing plays), what was changed, the rest. Sound has a
process of its own, for no picture plays before it is known whether there is any. Where the project
changes meanwhile, the order is made anew at once, and what is of no use any more is stopped. What
is made is kept on disk under the digest of what it shows (`PreviewCache`), so that it is there at
once when a change is undone or the project is opened again; each file begins with a digest of its
bytes, so that one that is damaged is made anew. A placeholder that stands for footage which cannot
be used is kept in memory only.
"""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import json
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from kuleshov.desk.making import Makers, Task
from kuleshov.edit.placing import clips
from kuleshov.edit.taking import fitted
from kuleshov.errors import Closed, MediaError, UsageError
from kuleshov.files import Kept, Usage, cache_folder, new_beside
from kuleshov.jobs import QUIET, Job
from kuleshov.media.proxy import Proxies, default_folder
from kuleshov.notes import Note
from kuleshov.records import plain
from kuleshov.render.options import RenderOptions
from kuleshov.render.segments import (
    ENCODED_BY,
    SHOWN_BY,
    Known,
    Made,
    Segment,
    beside,
    clip_film,
    clip_still,
    codecs_of,
    excerpt,
    init_segment,
    picture_of,
    placed,
    segments,
    sound_film,
    still,
    wave,
    write_excerpt,
)
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Item, Media, Sound, Timeline

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk
    from kuleshov.edit.cut import Cut
    from kuleshov.match.align.candidates import Candidate

__all__ = ["Edited", "Playable", "Preview", "PreviewCache"]

LIMIT = 1 << 30
"""Bytes that segments, moving suggestions, stills and sound may take."""
CLIP_WIDTH = 256
"""Pixels; of suggestions that move."""

_AHEAD, _AT_REST = 10, 3  # s ahead of the playhead that are made first, while it moves and else
_IN_MEMORY = 32 << 20  # bytes of segments
_WAVE = 20  # levels a second
_MOST_LEVELS = 20_000
_WIDTHS = (16, 1920)  # pixels of stills
_AGAIN = 5.0  # s after which it is looked again whether footage is there
_WAIT = 0.5  # s between two looks whether the preview was closed
_CHECK = 32  # bytes of SHA-256 before a segment's content, on disk
_SOUND = 2  # the number of the maker, and of the line, of all that is heard

Heard = Callable[[str, str], None]
Sounded = Callable[[Literal["sound", "wave", "silence"], str], None]


class Edited(Protocol):
    """An edited project, as it is shown; see `desk.editing.Editing`."""

    @property
    def cut(self) -> Cut:
        """The cut as it is now."""

    def timeline(self) -> Timeline:
        """Tracks `recut` and `source`, as they are rendered; the same object while it is so."""

    def offer(self, offer: str, slot: str | None = None) -> Candidate:
        """Return an offer by its id, as a slot has it."""


class PreviewCache:
    """The folders of previews and proxies among the user's caches, each with a limit.

    `KULESHOV_PREVIEWS` and `KULESHOV_PROXIES` name folders for them: in each a folder of their own
    is made, since files of other people must neither count nor be deleted.
    """

    def __init__(
        self,
        folder: Path | None = None,
        proxies: Path | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.made = Kept(folder or _default_folder(), limit)
        self.proxies = Proxies(proxies or default_folder())

    def usage(self) -> tuple[Usage, Usage]:
        """Return how much is kept, of previews and of proxies."""
        return self.made.usage(), self.proxies.kept.usage()

    def empty(self) -> tuple[Usage, Usage]:
        """Take all of both away; return what there was."""
        return self.made.empty(), self.proxies.kept.empty()


def _default_folder() -> Path:
    return cache_folder("previews", "kuleshov-previews")


@dataclass(frozen=True)
class Playable:
    """A film that can be played before it is rendered.

    `pictures` says where source and recut lie in the picture: x, y, width, height. `init` and
    `sound` are keys; `sound` is None where nothing is heard. `codec` and `sound_codec` are the
    types of the two, as a browser wants them.
    """

    rate: Fraction
    frames: int
    width: int
    height: int
    pictures: Mapping[str, tuple[int, int, int, int]]
    init: str
    codec: str
    sound: str | None
    segments: tuple[Segment, ...]
    sound_codec: str = 'audio/mp4; codecs="mp4a.40.2"'


@dataclass(frozen=True, eq=False)
class _Shown:
    """A film as it is now, laid out to be played."""

    whole: Timeline
    small: Timeline
    segments: tuple[Segment, ...]
    sound: str | None

    @cached_property
    def init(self) -> bytes:
        return init_segment(self.small)

    @cached_property
    def init_key(self) -> str:
        return _digest("init", *ENCODED_BY, str(self.small.rate), plain(self.small.layout))

    @cached_property
    def by_key(self) -> Mapping[str, Segment]:
        return {segment.key: segment for segment in self.segments}


class _Answer:
    """An answer for which several may wait, and the thread that works at it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.waiting: list[queue.SimpleQueue[Any]] = []


class Preview:
    """Plays what is being edited. Safe among threads; a context manager.

    `options` are those by which the film will be rendered: its look is shown, too. `makers` are
    those that make it, begun before, for that takes a while (None: new ones); it closes them.
    Methods that return pictures raise `Closed` once it is closed.
    """

    def __init__(
        self,
        desk: Desk | None,
        editing: Edited,
        *,
        cache: PreviewCache | None = None,
        options: RenderOptions = RenderOptions(),
        makers: Makers | None = None,
    ) -> None:
        self._desk, self._editing, self._options = desk, editing, options
        self.cache = cache or PreviewCache()
        self._heard: Heard = _nobody
        self._sounded: Sounded = _nobody
        self._lock = threading.RLock()
        self._closed = False
        self._playhead, self._playing = 0, False
        self._ready: set[str] = set()
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._faults: dict[str, tuple[Note, ...]] = {}
        self._lost: set[str] = set()
        self._changed: set[str] = set()
        self._silent: set[str] = set()
        self._asked: dict[str, _Answer] = {}
        self._queues: tuple[deque[str], ...] = (deque(), deque(), deque())
        self._footage: dict[int, Media] = {}
        self._told = Known()
        self._absent: set[str] = set()  # segments that did not lie on the disk
        self._shown = self._laid(editing.timeline())
        self._looked = time.monotonic()
        self._makers = makers or Makers()
        self._makers.start()
        self._makers.serve(self._urgent)
        if self._shown.sound is not None:
            self.sound(self._shown.sound)  # what plays waits for it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all that is being made; whoever waits gets `Closed`."""
        with self._lock:
            self._closed = True
        self._makers.close()

    def heard(self, heard: Heard, sounded: Sounded | None = None) -> None:
        """Call a function for each segment that can be played from now on.

        It gets key and slot, on another thread. `sounded` is called with what there is of the sound
        by now, and its key: itself, its wave, or the knowledge that there is none.
        """
        self._heard, self._sounded = heard, sounded or _nobody

    # What plays

    def film(self) -> Playable:
        """Return how the film is played as it is now."""
        shown = self._now()
        layout = shown.small.layout
        silent = shown.sound is None or shown.sound in self._silent
        return Playable(
            rate=shown.small.rate,
            frames=shown.small.duration,
            width=layout.width,
            height=layout.height,
            pictures=self._pictures(shown),
            init=shown.init_key,
            codec=f'video/mp4; codecs="{codecs_of(shown.init)}"',
            sound=None if silent else shown.sound,
            segments=shown.segments,
        )

    @staticmethod
    def _pictures(shown: _Shown) -> Mapping[str, tuple[int, int, int, int]]:
        names = {"main": "recut"}
        return {
            names.get(region.name, region.name): (region.x, region.y, region.width, region.height)
            for region in shown.small.layout.regions
        }

    def ready(self, key: str) -> bool:
        """Return whether a segment can be played."""
        return key in self._ready

    def faults(self) -> tuple[Note, ...]:
        """Return what placeholders stand for in the film as it is now."""
        keys = self._now().by_key
        with self._lock:
            found = [note for key in keys for note in self._faults.get(key, ())]
        return tuple({note.text: note for note in found}.values())

    def faulty(self, key: str) -> bool:
        """Return whether a placeholder stands in a segment that was made."""
        with self._lock:
            return bool(self._faults.get(key))

    def playhead(self, frame: int, playing: bool = False) -> None:
        """Say which frame of the film is looked at: what comes after it is made first."""
        with self._lock:
            self._playhead, self._playing = max(0, frame), playing
        self._makers.look()

    def init(self, key: str) -> bytes | None:
        """Return what comes before all segments; None where that is not its key (any more)."""
        shown = self._now()
        return shown.init if key == shown.init_key else None

    def segment(self, key: str, first: int, *, anew: bool = False) -> bytes | None:
        """Return a segment, placed at frame `first` of the film; None while it is not made.

        `anew`: what there is of it is thrown away, since it cannot be played.
        """
        shown = self._now()
        if anew and key in shown.by_key:
            self._forget(key)
        data = self._data(key)
        return None if data is None else placed(data, first, shown.small.rate)

    def picture(self, key: str, of: str, number: int, width: int = 160) -> bytes | None:
        """Return one picture of a segment as a JPEG so wide, or None.

        None while it is not made, and where it is not a part of the film any more. `of` is `recut`
        or `source`, `number` counts the segment's pictures from 0. It costs no look at the footage.
        Raises `UsageError` where there is no such picture.
        """
        shown = self._now()
        place, one = self._pictures(shown).get(of), shown.by_key.get(key)
        if place is None or number < 0 or (one is not None and number >= len(one.frames)):
            raise UsageError("The film has no such picture.")
        wide = min(max(width, _WIDTHS[0]), place[2])
        name = f"stills/{_digest('picture', key, of, number, wide)}.jpg"
        known = self.cache.made.get(name)
        data = self._data(key) if known is None and one is not None else None
        if data is None:
            return known
        try:
            made = picture_of(shown.init, data, number, place, wide)
        except MediaError:
            made = None
        if made is None:
            self._forget(key)  # it is not what it should be
        else:
            self.cache.made.put(name, made)
        return made

    def _data(self, key: str) -> bytes | None:
        """Return a segment, its time 0; where it is not there it will be made."""
        with self._lock:
            data = self._memory.get(key)
        if data is None and _is_key(key):
            kept = self.cache.made.get(_file_of(key))
            data = _intact(kept)
            if data is None and kept is not None:
                self._forget(key)  # damaged: what is there counts as made
        if data is None:
            with self._lock:
                self._ready.discard(key)
            self._makers.look()
        return data

    def _forget(self, key: str) -> None:
        """Throw a segment away, so that it is made anew."""
        with self._lock:
            self._memory.pop(key, None)
            self._ready.discard(key)
            with contextlib.suppress(OSError):
                (self.cache.made.folder / _file_of(key)).unlink(missing_ok=True)
        self._makers.look()

    def look_again(self) -> None:
        """Look for footage anew: it was moved, and is found where it lies now."""
        with self._lock:
            self._footage = {}
            self._looked = -_AGAIN
            self._lost.clear()
        self._makers.look()

    # What is asked for by itself

    def clip(self, slot: str, offer: str, *, job: Job = QUIET) -> bytes:
        """Return an offer as it would be seen in a slot: a small MP4 without sound, to be looped.

        Raises `MatchError` where it is not known, `UsageError` where there is no such slot.
        """
        items, rate, size = self._offered(slot, offer)
        key = self._key_of(items, rate, size)
        arguments = (items, rate, size, self.cache.proxies)
        return self._kept(f"clips/{key}.mp4", 0, clip_film, arguments, job)

    def first(self, slot: str, offer: str, *, job: Job = QUIET) -> bytes:
        """Return the first picture of `clip`, as a JPEG."""
        items, rate, size = self._offered(slot, offer)
        key = self._key_of(items, rate, size)
        arguments = (items, rate, size, self.cache.proxies)
        return self._kept(f"clips/{key}.jpg", 1, clip_still, arguments, job)

    def still(
        self, footage: str | int, time: Fraction | float, width: int = 320, *, job: Job = QUIET
    ) -> bytes:
        """Return what footage shows at a media time in s, as a JPEG so wide.

        `footage` is its id in the archive, or `source`. Raises `UsageError` where there is none,
        `MediaError` where it cannot be read.
        """
        media = self._media(footage)
        at = Fraction(round(max(Fraction(0), Fraction(time)) * 1_000_000), 1_000_000)
        wide = min(max(int(width), _WIDTHS[0]), _WIDTHS[1])
        told = (media.checksum or str(media.path), plain(media.bars), str(at), wide)
        key = _digest("still", SHOWN_BY, *told)
        arguments = (media, at, wide, self.cache.proxies)
        return self._kept(f"stills/{key}.jpg", 1, still, arguments, job)

    def sound(self, key: str) -> Path | None:
        """Return the film's sound, a fragmented MP4, or None.

        None while it is not made, or where there is none under that key.
        """
        shown = self._now()
        if key != shown.sound or key in self._silent:
            return None
        path = self.cache.made.folder / f"sound/{key}.mp4"
        if path.is_file():
            self.cache.made.used(path)
            return path
        self._ask_for_sound(shown, key)
        return None

    def wave(self, key: str) -> list[float] | None:
        """Return how loud the film is over its length, from 0 to 1 in equal parts, or None.

        None while that is not known, or where there is no sound under that key.
        """
        shown = self._now()
        if key != shown.sound:
            return None
        name = f"sound/{key}.json"
        known = self.cache.made.get(name)
        if known is not None:
            with contextlib.suppress(ValueError):
                return [float(level) for level in json.loads(known)]
        seconds = shown.whole.duration / shown.whole.rate
        count = min(_MOST_LEVELS, max(1, round(seconds * _WAVE)))

        def done(levels: Any) -> None:
            if not isinstance(levels, BaseException):
                self.cache.made.put(name, json.dumps(levels).encode())
                self._sounded("wave", key)

        self._ask(name, _SOUND, Task(name, wave, (_sound_only(shown.whole), count), done))
        return None

    def _ask_for_sound(self, shown: _Shown, key: str) -> None:
        name = f"sound/{key}.mp4"
        path = self.cache.made.folder / name

        def done(made: Any) -> None:
            if made is True:
                temporary.replace(path)
                self.cache.made.added(path.stat().st_size)
            else:
                temporary.unlink(missing_ok=True)
                self._silent.add(key)
            self._sounded("sound" if made is True else "silence", key)

        with self._lock:
            if name in self._asked:
                return
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = new_beside(path)
            except OSError:
                return  # the film plays without sound as long as there is no room
            task = Task(name, sound_film, (_sound_only(shown.whole), temporary), done)
            self._ask(name, _SOUND, task)

    # How it is now

    def _now(self) -> _Shown:
        """Return the film as it is now.

        Work that is of no use any more is stopped.
        """
        if self._closed:
            raise Closed("The preview")
        whole = self._editing.timeline()
        with self._lock:
            moment = time.monotonic()
            if moment - self._looked >= _AGAIN:
                self._looked = moment
                self._told.look_again()
                self._absent.clear()
            elif whole is self._shown.whole:
                return self._shown
            before = self._shown
            shown = self._laid(whole)
            if shown.segments == before.segments and whole is before.whole:
                return before
            self._changed = shown.by_key.keys() - before.by_key.keys() or self._changed
            self._shown = shown
        for task in self._makers.under_way:
            if task.function is write_excerpt and task.key not in shown.by_key:
                task.job.stop()
        self._makers.look()
        return shown

    def _laid(self, whole: Timeline) -> _Shown:
        small = beside(whole)
        slots = [(name, slot.own) for name, slot in self._editing.cut.slots.items()]
        listed = segments(small, self._options, slots, self._told)
        for segment in listed:
            if segment.key in self._ready or segment.key in self._absent:
                continue
            path = self.cache.made.folder / _file_of(segment.key)
            there = segment.key in self._memory or path.is_file()
            (self._ready if there else self._absent).add(segment.key)
        heard = whole.sound
        key = None if heard is None else _digest("sound", _sound_told(whole))
        return _Shown(whole, small, listed, key)

    # What is made next

    def _urgent(self, number: int) -> Task | None:
        """Return what a maker is to do next.

        The first sees that what is about to play is there, the second that whoever asks for a
        single picture waits for one segment at most; it helps the first while it plays, and where
        what lies at the playhead itself is not there. The third makes what is heard.
        """
        with contextlib.suppress(Closed):
            shown = self._now()
            with self._lock:
                if number == _SOUND:
                    line = self._queues[_SOUND]
                    return self._asked[line.popleft()].task if line else None
                near, later = self._missing(shown)
                needed = number == 0 or self._playing or not self._plays(shown)
                if near is not None and needed:
                    return self._segment_task(shown, near)
                for line in self._queues[:_SOUND]:
                    if line:
                        return self._asked[line.popleft()].task
                wanted = near or later
                return None if wanted is None else self._segment_task(shown, wanted)
        return None

    def _plays(self, shown: _Shown) -> bool:
        """Return whether what lies at the playhead is there."""
        at = bisect.bisect_right([one.frames.end for one in shown.segments], self._playhead)
        here = shown.segments[min(at, len(shown.segments) - 1)].key
        return here in self._ready or here in self._lost

    def _missing(self, shown: _Shown) -> tuple[Segment | None, Segment | None]:
        """Return the segments to be made first: one that is about to be played, and another."""
        busy = {task.key for task in self._makers.under_way}
        best: tuple[int, int] | None = None
        found: Segment | None = None
        whole = shown.segments[-1].frames.end
        reach = (_AHEAD if self._playing else _AT_REST) * shown.small.rate
        for segment in shown.segments:
            if segment.key in self._ready or segment.key in busy or segment.key in self._lost:
                continue
            behind = segment.frames.end <= self._playhead
            away = segment.frames.first + (whole if behind else -self._playhead)
            away = max(0, away)
            rank = 0 if away < reach and not behind else 1 if segment.key in self._changed else 2
            if best is None or (rank, away) < best:
                best, found = (rank, away), segment
        return (found, None) if best is not None and best[0] == 0 else (None, found)

    def _segment_task(self, shown: _Shown, segment: Segment) -> Task:
        cut = excerpt(shown.small, segment.frames, self._options)

        def done(made: Any) -> None:
            if isinstance(made, Made):
                self._keep(segment, made)
            else:
                with self._lock:
                    self._lost.add(segment.key)
                    text = f"Shot {segment.slot} cannot be shown: {made}"
                    note = Note("not-playable", text, {"slot": segment.slot})
                    self._faults[segment.key] = (note,)

        return Task(segment.key, write_excerpt, (cut, self.cache.proxies), done)

    def _keep(self, segment: Segment, made: Made) -> None:
        if not made.notes:
            check = hashlib.sha256(made.data).digest()
            self.cache.made.put(_file_of(segment.key), check + made.data)
        with self._lock:
            self._memory[segment.key] = made.data
            self._faults[segment.key] = made.notes
            self._ready.add(segment.key)
            size = sum(map(len, self._memory.values()))
            while size > _IN_MEMORY and len(self._memory) > 1:
                key, data = self._memory.popitem(last=False)
                size -= len(data)
                if not (self.cache.made.folder / _file_of(key)).is_file():
                    self._ready.discard(key)  # it is made again when it is wanted
        self._heard(segment.key, segment.slot)

    def _kept(
        self,
        name: str,
        line: int,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        job: Job,
    ) -> bytes:
        """Return what is kept under a name, or else make it now."""
        known = self.cache.made.get(name)
        if known is not None:
            return known
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def done(made: Any) -> None:
            if isinstance(made, bytes):
                self.cache.made.put(name, made)

        self._ask(name, line, Task(name, function, arguments, done), answers)
        while True:
            job.check()
            if self._closed:
                raise Closed("The preview")
            with contextlib.suppress(queue.Empty):
                made = answers.get(timeout=_WAIT)
                if isinstance(made, BaseException):
                    raise made
                return bytes(made)

    def _ask(
        self, name: str, line: int, task: Task, waits: queue.SimpleQueue[Any] | None = None
    ) -> None:
        """Have something made, once, however many ask for it."""
        with self._lock:
            answer = self._asked.get(name)
            if answer is None:
                answer = self._asked[name] = _Answer(task)
                tell = task.done

                def done(made: Any) -> None:
                    try:
                        tell(made)
                    finally:
                        with self._lock:
                            waiting = self._asked.pop(name).waiting
                        for one in waiting:
                            one.put(made)

                task.done = done
                self._queues[line].append(name)
            if waits is not None:
                answer.waiting.append(waits)
        self._makers.look()

    # What is meant

    def _offered(self, slot: str, offer: str) -> tuple[list[Item], Fraction, tuple[int, int]]:
        """Return the clips of an offer in a slot, the film's rate, and their pictures' size."""
        cut, region = self._editing.cut, _recut_region(self._now().whole)
        place = cut.slots.get(slot)
        if place is None:
            raise UsageError(f"There is no shot {slot}.")
        one, rate = self._editing.offer(offer, slot), cut.rhythm.rate
        length = len(place.visible) / rate
        if one.media.duration / one.speed + one.held != length:
            one = fitted(one, length)
        shape = Fraction(*region)
        found = clips(place, one, cut.rhythm, {}, cut.options.shape or shape)
        size = CLIP_WIDTH, max(16, 2 * round(CLIP_WIDTH / shape / 2))
        return [*found], rate, size

    def _key_of(self, items: list[Item], rate: Fraction, size: tuple[int, int]) -> str:
        told = [
            (
                item.media.checksum or str(item.media.path),
                item.media.path.is_file(),
                plain(item.media.bars),
                str(item.start),
                str(item.speed),
                item.duration,
                item.mirrored,
                item.focus,
            )
            for item in items
            if isinstance(item, Clip)
        ]
        return _digest("clip", SHOWN_BY, str(rate), size, told)

    def _media(self, footage: str | int) -> Media:
        if footage == "source":
            whole = self._now().whole
            names = [track for track in whole.tracks if track.name == "source"]
            for item in (item for track in names for item in track.items):
                if isinstance(item, Clip):
                    return item.media
            raise UsageError("The film has no source.")
        with contextlib.suppress(ValueError):
            number = int(footage)
            if number not in self._footage and self._desk is not None:
                known = self._desk.archive.catalogue.all(with_missing=True)
                self._footage = {
                    film.id: Media(film.path, film.checksum, film.probe.video.bars)
                    for film in known
                }
            if number in self._footage:
                return self._footage[number]
        raise UsageError(f"There is no footage {footage} in the archive.")


def _nobody(_what: str, _of: str) -> None:
    pass


def _recut_region(timeline: Timeline) -> tuple[int, int]:
    region = timeline.layout.region(timeline.recut.region)
    return region.width, region.height


def _sound_only(timeline: Timeline) -> Timeline:
    """Return the film without what is not needed to hear it."""
    if not isinstance(timeline.sound, Sound):
        return timeline
    whole = excerpt(timeline, FrameRange(0, 1), RenderOptions()).timeline
    return Timeline(whole.name, whole.rate, whole.layout, whole.tracks, timeline.sound)


def _sound_told(timeline: Timeline) -> Any:
    sound = timeline.sound
    if isinstance(sound, Sound):
        media = sound.media
        span = (str(sound.start), str(sound.duration), str(sound.fade_out))
        return [media.checksum or str(media.path), span, str(timeline.rate), timeline.duration]
    return [plain(sound), [segment.key for segment in segments(beside(timeline))]]


def _digest(*told: Any) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _intact(kept: bytes | None) -> bytes | None:
    """Return what is kept of a segment without its digest; None where it is damaged."""
    if kept is None or hashlib.sha256(kept[_CHECK:]).digest() != kept[:_CHECK]:
        return None
    return kept[_CHECK:]


def _is_key(key: str) -> bool:
    return key.isalnum()


def _file_of(key: str) -> str:
    return f"segments/{key[:2]}/{key}.m4s"
