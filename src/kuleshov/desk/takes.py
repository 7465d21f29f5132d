"""Record takes of the live view: what the camera saw, and what the archive answered.

    take = Take.begin(folder, TakeHead(".webm"))
    take.part(data, begins=12.04)            # a part of the camera film, as it comes
    take.answered(answer, film)              # kept where another clip begins
    take.end()
    project = finished(take.journal, desk)   # an ordinary project, beside the camera film

A take is two files while it runs: the camera film, to which each part is appended as it comes, and
a journal of answers, a line each. So one that was cut short, as by a crash, has all up to its last
part; `unfinished` finds it, and `finished` makes a project of it as of any other.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from kuleshov.archive.filters import parse_terms
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.desk.saving import Hold
from kuleshov.edit.cut import Cut, Known, Offers, RecutOptions, Select, Source, begun
from kuleshov.edit.layouts import arranged
from kuleshov.edit.resuming import remembering
from kuleshov.errors import KuleshovError, MediaError, NotWritten, UsageError
from kuleshov.features.analyse import Analysis
from kuleshov.files import new_beside
from kuleshov.footage import Shot, Transition
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.same.own import NOTHING
from kuleshov.media.guard import Helper
from kuleshov.media.reindex import reindexed
from kuleshov.media.sampling import FrameBatch, ReadEnd, ReadRequest
from kuleshov.project.file import write_otio
from kuleshov.records import plain, record
from kuleshov.timecode import FrameRange, TimeRange, frame_at

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.live import Answer
    from kuleshov.edit.rhythm import Slot
    from kuleshov.footage import Probe

__all__ = ["ENDINGS", "Take", "TakeHead", "finished", "unfinished"]

ENDINGS = {"video/webm": ".webm", "video/mp4": ".mp4"}
"""The files that browsers record, and how their names end."""

_JOURNAL = ".take"
_FORMAT = 1
_LARGEST = 16 * 2**30  # bytes of a camera film
_LONGEST = 4 * 3600.0  # s
_PART = 32 * 2**20  # bytes of one part
_ROOM, _LEAST = 2**30, 256 * 2**20  # bytes of the disk that are free at first, and in the end


@dataclass(frozen=True)
class TakeHead:
    """The head of a take's journal: by what the archive answers.

    `ending` is that of the camera film's name. `weights`, `mirror`, `only` and `exclude` are the
    options and filter terms of the answers, `encoder` the network that looked at it besides the
    bundled one.
    """

    ending: str
    encoder: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    mirror: bool = False
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ending not in ENDINGS.values():
            raise UsageError(f"A camera film ends in {' or '.join(ENDINGS.values())}.")


@dataclass(frozen=True)
class _Event:
    """A line of the journal: from `at` s of the camera's clock on another clip is shown.

    `shot` of the footage is counted from 0, `start` is the media time that is shown at that
    instant. Without a `checksum` nothing is shown; what is `frozen` stands still from then on.
    """

    at: float
    checksum: str = ""
    shot: int = 0
    start: Fraction = Fraction(0)
    mirrored: bool = False
    strength: float = 0.0
    score: float = 0.0
    facets: Mapping[str, float] = field(default_factory=dict)
    frozen: bool = False


class Take:
    """A take that is being recorded. Safe among threads.

    `why` is a sentence on why it ended by itself; None where it did not.
    """

    def __init__(self, journal: Path, film: IO[bytes], lines: IO[bytes], hold: Hold) -> None:
        self.journal = journal
        self.why: str | None = None
        self._film, self._lines, self._hold = film, lines, hold
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._seconds = 0.0
        self._clip: int | None = None
        self._parts = self.bytes = 0
        self.ended = False

    @classmethod
    def begin(cls, folder: Path, head: TakeHead) -> Self:
        """Begin a take in a folder, which is made if need be.

        Raises `UsageError` where the disk is nearly full, `NotWritten` where nothing can be written
        there.
        """
        journal = folder / f"take{_JOURNAL}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < _ROOM:
                raise UsageError(
                    f"The disk of {folder} has less than 1 GB left: make room before a take.",
                    code="no-room",
                )
            journal = _named(folder)
            hold = Hold(journal)
            hold.take()
            # Without a buffer: what was written outlives this process.
            film = journal.with_suffix(head.ending).open("xb", buffering=0)
            lines = journal.open("xb", buffering=0)
            lines.write(_line({"format": _FORMAT, **plain(head)}))
        except OSError as error:
            raise NotWritten(journal, error) from error
        return cls(journal, film, lines, hold)

    @property
    def name(self) -> str:
        """The name of the take, which its files bear."""
        return self.journal.stem

    @property
    def seconds(self) -> float:
        """The time that it has lasted, in s."""
        return self._seconds if self.ended else time.monotonic() - self._began

    def part(self, data: bytes, number: int, begins: float) -> None:
        """Append a part of the camera film, numbered from 0.

        `begins` is when the film's first picture was seen, in s of the camera's clock. Raises
        `UsageError` for a part that does not follow the last one, or is too large. Where the disk
        is full, or the take is as long as it may be, it ends, and `why` says so.
        """
        with self._lock:
            if self.ended:
                raise UsageError(self.why or "The take has ended.", code="take-ended")
            if number != self._parts or len(data) > _PART:
                raise UsageError("Parts of a take come one after another, 32 MB each at most.")
            try:
                if not number:
                    self._lines.write(_line({"begins": begins}))
                self._film.write(data)
                os.fsync(self._film.fileno())
            except OSError as error:
                self._end(f"The take has ended, and is kept: {error.strerror}.")
                return
            self._parts, self.bytes = number + 1, self.bytes + len(data)
            if shutil.disk_usage(self.journal.parent).free < _LEAST:
                self._end("The take has ended, and is kept: the disk is nearly full.")
            elif self.bytes > _LARGEST or self.seconds > _LONGEST:
                self._end("The take has ended, and is kept: it was as long as one may be.")

    def answered(self, at: float, answer: Answer | None, film: ArchiveFilm | None) -> None:
        """Hear what is shown from `at` s on; what goes on as it was is not written again."""
        with self._lock:
            number = -1 if answer is None else answer.shown.number
            if self.ended or number == self._clip:
                return
            self._clip = number
            if answer is None or film is None:
                self._write(_Event(at))
                return
            shown = answer.shown
            event = _Event(
                at,
                film.footage.checksum,
                film.shots[shown.spot.shot].index,
                film.frame_start(Fraction(shown.spot.time)),
                shown.spot.mirrored,
                shown.strength,
                shown.score,
                shown.facets,
            )
            self._write(event)

    def froze(self, at: float, *, frozen: bool) -> None:
        """Hear that the picture stands still from `at` s on, or moves again."""
        with self._lock:
            if frozen and not self.ended:
                self._write(_Event(at, frozen=True))
            self._clip = None  # what is shown next is told in any case

    def end(self) -> None:
        """End the take; what was recorded is kept."""
        with self._lock:
            self._end(None)

    def _end(self, why: str | None) -> None:
        if self.ended:
            return
        self._seconds, self.ended, self.why = self.seconds, True, why
        for file in (self._film, self._lines):
            file.close()
        self._hold.leave()

    def _write(self, event: _Event) -> None:
        try:
            self._lines.write(_line(plain(event)))
        except OSError as error:
            self._end(f"The take has ended, and is kept: {error.strerror}.")


def _named(folder: Path) -> Path:
    """Return a name for a journal that no take bears yet."""
    name, number = time.strftime("take-%Y%m%d-%H%M%S"), 1
    while any(folder.glob(f"{name}.*")):
        number += 1
        name = f"{name.rsplit('_', 1)[0]}_{number}"
    return folder / f"{name}{_JOURNAL}"


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def unfinished(folder: Path) -> list[Path]:
    """Return the journals of takes that were cut short; those that are recorded now are not."""
    found = []
    for journal in sorted(folder.glob(f"take-*{_JOURNAL}")):
        hold = Hold(journal)
        if hold.take():
            hold.leave()
            found.append(journal)
    return found


def finished(journal: Path, desk: Desk, *, job: Job = QUIET) -> Path | None:
    """Make a project of a take, and return its path; None where nothing was recorded.

    The camera film is given an index, so that programs can seek in it. Raises `MediaError` where
    that cannot be read, `ProjectError` where the project cannot be written; all stays as it was
    then.
    """
    head, begins, events = _read(journal)
    film = journal.with_suffix(head.ending)
    if begins is None or not film.exists() or not film.stat().st_size:
        for path in (film, journal):
            path.unlink(missing_ok=True)
        return None
    _reindexed(film, job)
    cut = _cut(film, head, begins, events, desk, job)
    timeline, _ = remembering(cut)
    project = journal.with_suffix(".otio")
    write_otio(arranged(timeline, "side-by-side"), project)
    journal.unlink()
    return project


def _read(journal: Path) -> tuple[TakeHead, float | None, list[_Event]]:
    """Return what a journal holds; a line that was cut short, or is damaged, ends it."""
    begins: float | None = None
    events: list[_Event] = []
    try:
        first, *lines = journal.read_bytes().split(b"\n")
        told = json.loads(first)
        if told.pop("format") != _FORMAT:
            raise ValueError("another format")
        head: TakeHead = record(TakeHead, told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MediaError(journal, "it is not the journal of a take, or is damaged.") from error
    for line in lines:
        try:
            one = json.loads(line)
            if "begins" in one:
                begins = float(one["begins"])
            else:
                events.append(record(_Event, one))
        except (ValueError, KeyError, TypeError):
            break
    return head, begins, events


def _reindexed(film: Path, job: Job) -> None:
    """Write a camera film anew with an index; it is taken as it is where that fails."""
    beside = new_beside(film, film.suffix)
    try:
        with Helper() as helper:
            helper.call(reindexed, film, beside, job=job)
        beside.replace(film)
    except (KuleshovError, OSError):
        job.check()
    finally:
        beside.unlink(missing_ok=True)


def _cut(
    film: Path,
    head: TakeHead,
    begins: float,
    events: Sequence[_Event],
    desk: Desk,
    job: Job,
) -> Cut:
    """Return the cut of a take: its camera film remade by what the archive answered."""
    analysis = _seen(film, desk, job)
    source = Source(analysis, desk.checksum(film, job=job), encoder=head.encoder)
    stock, _ = desk.stock(job=job)
    filters = parse_terms(head.only, head.exclude)
    options = RecutOptions(
        match=MatchOptions(weights=head.weights or None, mirror=head.mirror),
        keep_bars=True,
        cuts=(),
    )
    plainly = Known({}, frozenset(), NOTHING)
    rhythm = begun(source, stock, options, filters, known=plainly, job=job).rhythm
    shown = _shown(events, begins, rhythm.rate, rhythm.frames)
    cuts = tuple(frame / rhythm.rate for frame in sorted(shown) if frame)
    cut = begun(source, stock, replace(options, cuts=cuts), filters, known=plainly, job=job)
    selects: dict[str, Select] = {}
    offers: dict[str, tuple[Candidate, ...]] = {}
    for name, slot in cut.slots.items():
        event, still = shown.get(slot.own.first, (None, 0))
        candidate = _candidate(event, slot, cut.rhythm.rate, stock.by_checksum)
        if candidate is not None:
            offers[name] = (candidate,)
            hold = min(max(0, slot.own.end - still), len(slot.own) - 1) if still else 0
            selects[name] = replace(Select.of(candidate), hold=hold)
    # Nothing else was ranked: whoever wants other clips asks the archive then.
    return replace(cut, offers=Offers(offers), selects=selects, stale=frozenset(cut.plan.wanted))


def _seen(film: Path, desk: Desk, job: Job) -> Analysis:
    """Return a camera film as one shot, of which nothing is known but its frames."""
    worker = desk.networks.worker.another()
    parts, end, probe = [], None, None
    try:
        request = ReadRequest(film, per_second=1, picture=16)
        for message in worker.read(request, job):
            if isinstance(message, FrameBatch):
                parts.append(message.pts)
            elif isinstance(message, ReadEnd):
                end = message
            else:
                probe = message
    finally:
        worker.retire()
    pts = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if end is None or probe is None or not len(pts):
        raise MediaError(film, "no picture of it can be decoded.")
    known: Probe = replace(probe, video=end.video)
    whole = FrameRange(0, len(pts))
    shot = Shot(0, whole, whole, Transition("none", FrameRange(0, 0)))
    row = np.zeros(1, np.int64)
    return Analysis(film, known, pts, (shot,), 1, row, {}, None, end.damaged, last=end.last)


def _shown(
    events: Sequence[_Event], begins: float, rate: Fraction, frames: int
) -> dict[int, tuple[_Event | None, int]]:
    """Return by timeline frame what is shown from there on, and from which frame on it stands.

    That is 0 where it runs. What was shown before the take began runs on in its first frame.
    """
    shown: dict[int, tuple[_Event | None, int]] = {}
    latest: tuple[int, _Event] | None = None
    for event in events:
        after = Fraction(event.at - begins).limit_denominator(10_000)
        frame = max(0, frame_at(after, rate))
        if frame >= frames:
            break
        if event.frozen:
            if latest is not None:
                shown[latest[0]] = latest[1], max(frame, latest[0] + 1)
            continue
        if not event.checksum:
            latest, shown[frame] = None, (None, 0)
            continue
        # A timeline frame seldom begins at the very instant of the camera's.
        start = max(Fraction(0), event.start + frame / rate - after)
        moved = replace(event, start=start)
        latest, shown[frame] = (frame, moved), (moved, 0)
    return shown


def _candidate(
    event: _Event | None, slot: Slot, rate: Fraction, films: Mapping[str, ArchiveFilm]
) -> Candidate | None:
    """Return the clip of an event as the candidate of its slot; None where it is not there."""
    film = None if event is None else films.get(event.checksum)
    if event is None or film is None or event.shot not in film.known_numbers:
        return None
    core = film.core(film.shot(event.shot))
    latest = max(core.start, core.end - 1 / film.footage.probe.video.rate)
    start = film.frame_start(min(max(event.start, core.start), latest))
    needed = len(slot.own) / rate
    media = TimeRange(start, min(start + needed, core.end))
    return Candidate(
        *(film, event.shot, media, core, event.mirrored),
        *(event.strength, event.score, event.facets),
        held=needed - media.duration,
    )
