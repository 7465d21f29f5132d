"""Render a timeline to a film, exact to the frame.

Frame number f of a clip's own frames shows the media picture nearest to media time `start + f *
speed / rate` (see `render.frame_readers`). Decoding and mixing run in a thread ahead of the
encoder. Where a clip's film ends early its last picture is held, and the result says so.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import av
import av.error

from kuleshov.errors import MediaError, RenderError
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.media.colour import film_colour
from kuleshov.media.write import FilmWriter, SoundTrack
from kuleshov.notes import Note
from kuleshov.render.burn_in import BurnIn
from kuleshov.render.frame_readers import Readers
from kuleshov.render.legend import legend_of
from kuleshov.render.mixing import Held, TrackView, compositions
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import StandIns, standing_in
from kuleshov.render.sound import film_sound
from kuleshov.timeline import Clip, Timeline

__all__ = ["Rendered", "ahead", "render"]

T = TypeVar("T")


@dataclass(frozen=True)
class Rendered:
    """A film that was written; `sound` is `copied`, `encoded` or `none`.

    `held` names the clips (track, index) whose films ended early, with how many of their frames
    show the last picture; `warnings` says it, and anything else that differs from what was asked
    for.
    """

    path: Path
    frames: int
    width: int
    height: int
    sound: Literal["copied", "encoded", "none"]
    held: tuple[Held, ...] = ()
    warnings: tuple[Note, ...] = ()


def render(
    timeline: Timeline,
    out: Path,
    options: RenderOptions | None = None,
    job: Job = QUIET,
) -> Rendered:
    """Write the film `out` (MP4). The job's step counts frames.

    Nothing is left behind where it is not finished. Raises `RenderError` when media files are
    missing or broken (unless placeholders are to stand for them) and when the disk is full,
    `Stopped` when the job is to stop.
    """
    with job.step(f"rendering {Path(out).name}", of=timeline.duration, unit="frames") as step:
        return _rendered(timeline, Path(out), options or RenderOptions(), job, step)


def _rendered(
    timeline: Timeline, out: Path, options: RenderOptions, job: Job, step: Step
) -> Rendered:
    layout = timeline.layout
    stand_ins = standing_in(timeline, options.missing, job)
    try:
        sound, unheard = _sound(timeline, stand_ins, job)
        with FilmWriter(
            out, layout.width, layout.height, timeline.rate, options.write, sound
        ) as writer:
            views = _write_pictures(timeline, writer, options, stand_ins, job, step)
    except MediaError as error:
        text = f"{out.name} was not written: {error}"
        raise RenderError(text, code="footage-unreadable") from error
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
            *_notes(timeline, held, sound is None and not (stand_ins and stand_ins.silence)),
            *unheard,
            *(stand_ins.notes() if stand_ins is not None else ()),
        ),
    )


def _sound(
    timeline: Timeline, stand_ins: StandIns | None, job: Job
) -> tuple[SoundTrack | None, list[Note]]:
    """Return the film's sound and warnings.

    Where silence may stand for it, None with the reason noted in `stand_ins`.
    """
    try:
        return film_sound(timeline, job)
    except MediaError as error:
        if stand_ins is None:
            raise
        stand_ins.silence = str(error)
        return None, []


def _write_pictures(
    timeline: Timeline,
    writer: FilmWriter,
    options: RenderOptions,
    stand_ins: StandIns | None,
    job: Job,
    step: Step,
) -> list[TrackView]:
    """Write every picture, in order, and return the tracks, which then know what was held."""
    stop, colour = threading.Event(), film_colour(timeline.layout.height)
    with Readers(options.idle_films, options.threads, stop.is_set) as readers:
        views = [
            TrackView(track, timeline, colour, readers, options, stand_ins)
            for track in timeline.tracks
        ]
        burn_in = BurnIn(timeline) if options.burn_in else None
        legend = legend_of(timeline, options)
        made = compositions(views, timeline, burn_in, legend)
        with ahead(made, options.ahead, stop, job) as pictures:
            for picture in pictures:
                writer.write(picture)
                step.at(writer.frames)
    return views


def _notes(timeline: Timeline, held: tuple[Held, ...], silent: bool) -> Iterator[Note]:
    for track, index, frames in held:
        item = timeline.track(track).items[index]
        name = item.media.path.name if isinstance(item, Clip) else ""
        text = (
            f"Item {index} of track {track!r} holds its last picture for {frames} frames: "
            f"{name} ends early."
        )
        yield Note("footage-ends-early", text, {"track": track, "item": index, "frames": frames})
    if timeline.under is not None and silent:
        path = timeline.under.media.path
        text = f"{path.name} has no sound that can be decoded."
        yield Note("film-silent", text, {"footage": str(path)})


class ahead(Iterator[T]):  # noqa: N801 (used like a function)
    """An iterator run in a thread, up to `depth` items ahead; errors come out where they belong.

    A context manager: leaving it sets `stop` and waits for the thread. Before each item, and while
    one is waited for, it looks whether the job is to stop, and raises `Stopped`.
    """

    def __init__(
        self,
        items: Iterator[T],
        depth: int,
        stop: threading.Event | None = None,
        job: Job = QUIET,
    ) -> None:
        self._items, self._job = items, job
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
        self._job.check()
        while True:
            self._job.check_waiting()
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=0.1)

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
