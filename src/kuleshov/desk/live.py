"""Answer a camera from the archive, frame by frame: nothing is queued, the newest frame counts.

    with Desk("archive") as desk:
        live = Live(desk)
        answer = live.look(frame, 0.04)                # a frame (H, W, 3) uint8 RGB, at 0.04 s
        answer.footage, answer.start, answer.score

A `Live` is one screen: what it shows runs on from answer to answer (`match.live.holding`). Options
may change between two frames; so may the filter, by which a part of the archive alone may answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.catalogue import Footage
from kuleshov.archive.filters import Filter
from kuleshov.errors import MatchError
from kuleshov.features.watching import Watcher
from kuleshov.garbage import left_alone
from kuleshov.jobs import QUIET, Job
from kuleshov.match.live.holding import Holder, LiveOptions, Shown
from kuleshov.match.live.moments import Moments
from kuleshov.notes import Note

if TYPE_CHECKING:
    from kuleshov.archive.rows import ArchiveFilm
    from kuleshov.desk.desk import Desk

__all__ = ["Answer", "Live", "LiveOptions"]


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer: what the archive shows to one frame.

    `shown` says where and how alike; `took` s from the frame to this, and `costs` are its parts in
    milliseconds. `speed` is how fast the camera's picture moves, in its sizes a second.
    """

    shown: Shown
    footage: Footage
    took: float
    costs: Mapping[str, float] = field(default_factory=dict)
    speed: float = 0.0

    @property
    def start(self) -> float:
        """The media time that is shown at the instant of the frame, in s."""
        return self.shown.spot.time

    def line(self) -> dict[str, Any]:
        """Return the answer as a line of JSON has it: what, from where, and how long it took."""
        return {
            "t_s": round(self.shown.at, 3),
            "footage": str(self.footage.path),
            "start_s": round(self.start, 3),
            "mirrored": self.shown.spot.mirrored,
            "score": round(self.shown.score, 4),
            "facets": {name: round(value, 4) for name, value in self.shown.facets.items()},
            "latency_ms": round(1000 * self.took, 1),
        }


class Live:
    """An archive that answers a camera. One thread at a time looks; options may come from others.

    `notes` say what of the archive cannot be offered. Raises `ArchiveError` where there is no
    archive, `MatchError` where it offers nothing.
    """

    def __init__(
        self,
        desk: Desk,
        options: LiveOptions = LiveOptions(),
        filters: Filter = Filter(),
        *,
        job: Job = QUIET,
    ) -> None:
        self._desk = desk
        stock, self.notes = desk.stock(job=job)
        self._stock = stock
        offered = stock.within(filters, job)
        if not any(film.shots for film in offered.films):
            raise MatchError(
                "The archive has nothing to answer with: index some footage first.",
                code="nothing-left",
            )
        self.moments = Moments(stock.rows, stock.reference, job)
        with job.step("opening networks"):
            self._watcher = Watcher(desk.networks.looking(job).facet_groups)
        self._holder = Holder(self.moments, stock.reference)
        self._lock = threading.Lock()
        self._frozen = self._struck = False
        self._options, self._filters = options, filters
        self._mask = self.moments.mask(offered, options.mirror)
        left_alone()

    @property
    def options(self) -> LiveOptions:
        """The options by which the next frame is answered."""
        return self._options

    def change(
        self,
        options: LiveOptions | None = None,
        filters: Filter | None = None,
        *,
        frozen: bool | None = None,
        job: Job = QUIET,
    ) -> tuple[Note, ...]:
        """Answer the next frame by other options, or with another part of the archive.

        Raises `UsageError`, `MatchError` where nothing is left; then all stays as it was.
        """
        options, filters = options or self._options, self._filters if filters is None else filters
        mask = self._mask
        if options.mirror != self._options.mirror or filters != self._filters:
            mask = self.moments.mask(self._stock.within(filters, job), options.mirror)
        with self._lock:
            self._options, self._filters, self._mask = options, filters, mask
            self._frozen = self._frozen if frozen is None else frozen
        return self.notes

    def beat(self) -> None:
        """Hear that music has struck: the next frame may be answered by another clip."""
        self._struck = True

    def offered(self) -> Sequence[ArchiveFilm]:
        """Return the films that may answer now."""
        return self._stock.within(self._filters).films

    def look(self, frame: NDArray[np.uint8], at: float, came: float | None = None) -> Answer | None:
        """Return what the archive shows to a frame at `at` s; None where nothing may be shown.

        `came` is when it came, by `time.perf_counter`, for the answer to say how long it took.
        """
        came = time.perf_counter() if came is None else came
        with self._lock:
            options, mask, frozen = self._options, self._mask, self._frozen
            beat, self._struck = self._struck, False
        wanted = [name for name, weight in options.weights.items() if weight > 0]
        glance = self._watcher.look(frame, at, wanted, mirrored=options.mirror)
        shown = self._holder.answer(glance, mask, options, frozen=frozen, beat=beat)
        if shown is None:
            return None
        footage = self.moments.film(shown.spot).footage
        costs = {**glance.costs, **self.moments.costs}
        return Answer(shown, footage, time.perf_counter() - came, costs, glance.speed)

    def forget(self) -> None:
        """Begin anew, as with another camera."""
        self._watcher.forget()
        self._holder.forget()
