"""Render a timeline to a film, exact to the frame.

Frame number f of a clip's own frames shows the media picture nearest to media time
`start + f * speed / rate` (see `render.reading`). Decoding and mixing run in a thread ahead of the
encoder. Where a clip's film ends early its last picture is held, and the result says so.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import av
import av.error

from kuleshov.errors import MediaError, RenderError
from kuleshov.media.colour import film_colour
from kuleshov.media.write import FilmWriter, SoundTrack
from kuleshov.render.captions import Captions
from kuleshov.render.legend import legend_of
from kuleshov.render.mixing import Held, TrackView, compositions
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import StandIns, standing_in
from kuleshov.render.reading import Readers
from kuleshov.render.sound import film_sound
from kuleshov.timeline import Clip, Timeline

__all__ = ["Rendered", "ahead", "render"]

T = TypeVar("T")


@dataclass(frozen=True)
class Rendered:
    """A film that was written. `sound` is `copied`, `encoded` or `none`.

    `held` names the clips (track, index) whose films ended early, with how many of their frames
    show the last picture; `warnings` says it, and anything else that differs from what was asked
    for, in sentences.
    """

    path: Path
    frames: int
    width: int
    height: int
    sound: Literal["copied", "encoded", "none"]
    held: tuple[Held, ...] = ()
    warnings: tuple[str, ...] = ()


def render(
    timeline: Timeline,
    out: Path,
    options: RenderOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Rendered:
    """Write the film `out` (MP4). `progress` gets the frames done and to do.

    Nothing is left behind where it is not finished. Raises `RenderError` when media files are
    missing or broken (unless placeholders are to stand for them), when the disk is full, and when
    `cancelled` says so.
    """
    options = options or RenderOptions()
    out, layout = Path(out), timeline.layout
    stand_ins = standing_in(timeline, options.missing)

    def poll() -> None:
        if cancelled is not None and cancelled():
            raise RenderError(f"Stopped: {out.name} was not written.")

    try:
        sound, unheard = _sound(timeline, stand_ins)
        with FilmWriter(
            out, layout.width, layout.height, timeline.rate, options.write, sound
        ) as writer:
            views = _write_pictures(timeline, writer, options, progress, poll, stand_ins)
    except MediaError as error:
        raise RenderError(
            f"{out.name} was not written: {error} To render the rest: `kuleshov render --missing "
            "placeholder`."
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise RenderError(f"{out.name} was not written: {error}") from error
    held = tuple(entry for view in views for entry in sorted(view.held))
    return Rendered(
        path=out,
        frames=writer.frames,
        width=layout.width,
        height=layout.height,
        sound="none" if sound is None else sound.kind,
        held=held,
        warnings=(
            *_sentences(timeline, held, sound is None and not (stand_ins and stand_ins.silence)),
            *unheard,
            *(stand_ins.sentences() if stand_ins is not None else ()),
        ),
    )


def _sound(timeline: Timeline, stand_ins: StandIns | None) -> tuple[SoundTrack | None, list[str]]:
    """The film's sound, None, with the reason noted, where silence may stand for it; warnings."""
    try:
        return film_sound(timeline)
    except MediaError as error:
        if stand_ins is None:
            raise
        stand_ins.silence = str(error)
        return None, []


def _write_pictures(
    timeline: Timeline,
    writer: FilmWriter,
    options: RenderOptions,
    progress: Callable[[int, int], None] | None,
    poll: Callable[[], None],
    stand_ins: StandIns | None,
) -> list[TrackView]:
    """Every picture, in order; gives the tracks, which know by then what was held."""
    stop, colour = threading.Event(), film_colour(timeline.layout.height)
    with Readers(options.idle_films, options.threads, stop.is_set) as readers:
        views = [
            TrackView(track, timeline, colour, readers, options, stand_ins)
            for track in timeline.tracks
        ]
        captions = Captions(timeline) if options.captions else None
        legend = legend_of(timeline, options)
        made = compositions(views, timeline, captions, legend)
        with ahead(made, options.ahead, stop, poll) as pictures:
            for picture in pictures:
                writer.write(picture)
                if progress is not None:
                    progress(writer.frames, timeline.duration)
    return views


def _sentences(timeline: Timeline, held: tuple[Held, ...], silent: bool) -> Iterator[str]:
    for track, index, frames in held:
        item = timeline.track(track).items[index]
        name = item.media.path.name if isinstance(item, Clip) else ""
        yield (
            f"Item {index} of track {track!r} holds its last picture for {frames} frames: "
            f"{name} ends early."
        )
    if timeline.under is not None and silent:
        yield f"{timeline.under.media.path.name} has no sound that can be decoded."


class ahead(Iterator[T]):  # noqa: N801 (used like a function)
    """Runs an iterator in a thread, up to `depth` items ahead; errors come out where they belong.

    A context manager: leaving it sets `stop` and waits for the thread. `poll` is called before each
    item, and while one is waited for; it may raise.
    """

    def __init__(
        self,
        items: Iterator[T],
        depth: int,
        stop: threading.Event | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        self._items, self._poll = items, poll
        self._queue: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(max(1, depth))
        self._stop = stop or threading.Event()
        self._thread = threading.Thread(target=self._run, name="kuleshov-decode", daemon=True)

    def __enter__(self) -> ahead[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __next__(self) -> T:
        kind, item = self._get()
        if kind == "item":
            return item  # type: ignore[return-value]
        if isinstance(item, BaseException):
            raise item
        raise StopIteration

    def _get(self) -> tuple[str, T | BaseException | None]:
        while True:
            if self._poll is not None:
                self._poll()
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=0.2)

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put("item", item):
                    return
            self._put("end", None)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that reads)
            self._put("end", error)

    def _put(self, kind: str, item: T | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put((kind, item), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
