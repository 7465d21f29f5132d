"""Add footage to an archive: find the files, skip what is known, analyse the rest, commit.

    planned = plan(archive, [folder], analyst.groups)
    with archive.indexing() as staging:
        for task in planned.tasks: ...        # `archive.tasks` has the steps of each

`ingest` does all of that. It may be killed at any moment: what was committed stays, and the next
run begins with the first file that was not. The archive is locked only while a film is committed.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kuleshov.archive.archive import Archive
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.staging import Staging
from kuleshov.archive.tasks import (
    Groups,
    Looker,
    LooksHere,
    Outcome,
    Task,
    commit,
    decided,
    is_whole,
    location_of,
    retag,
)
from kuleshov.errors import ArchiveError, MediaError, UsageError
from kuleshov.features.analyse import Analyst
from kuleshov.jobs import QUIET, Job, Step, undisturbed
from kuleshov.media.decode import reason_of
from kuleshov.media.guard import cores, memory_limit
from kuleshov.media.kinds import Kind, kind_of, passed_folder
from kuleshov.media.numbered import described

__all__ = [
    "Failure",
    "IngestPlan",
    "IngestSummary",
    "films_at_once",
    "find_files",
    "ingest",
    "ingest_by",
    "plan",
]

_LISTEN = 0.1  # s between two looks whether to stop
_EACH = 2**29  # bytes of the memory that a call may take, for each film in hand


@dataclass(frozen=True)
class Failure:
    """A failure: a file that could not be used, or something in it, and why."""

    path: Path
    reason: str


@dataclass
class IngestSummary:
    """A summary of what became of each file, as paths.

    `missing` are places at which nothing lies any more. `passed` counts the files in folders that
    are not films, by kind, `endings` those of unknown kind, by their ending; `in_part` says of
    files that were used what in them was not.
    """

    added: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    moved: list[Path] = field(default_factory=list)
    copies: list[Path] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passed: Counter[Kind] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    in_part: list[Failure] = field(default_factory=list)
    shots: int = 0
    seconds: float = 0.0


@dataclass
class IngestPlan:
    """A plan of what to do so that films are in an archive, a task for each file.

    `gone` are the places at which nothing lies any more; `passed` and `endings` count files that
    are not films, as in `IngestSummary`; `failed` names folders that cannot be looked into.
    """

    tasks: list[Task] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    passed: Counter[Kind] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)


def find_files(
    paths: Iterable[Path],
    unreadable: Callable[[OSError], None] | None = None,
    *,
    known: Container[Path] = (),
    passed: Callable[[Path, Kind], None] | None = None,
    job: Job = QUIET,
) -> Iterator[Path]:
    """Yield the films among `paths`, those in folders in the order of their names.

    A file that is named is one; those in folders are known by what is in them (`media.kinds`), but
    for those that are `known` already and need not be opened. `passed` hears of the others,
    `unreadable` of folders that cannot be looked into; its argument's `filename` says which. What
    is hidden, and what is a cache of other programs, is nobody's footage.
    Raises `UsageError` for a path that does not exist.
    """
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path, onerror=unreadable):
                folders[:] = sorted(name for name in folders if not passed_folder(name))
                job.check()
                for name in job.over(sorted(names)):
                    if name.startswith("."):
                        continue
                    file = _plain(Path(folder, name))
                    kind = "film" if file in known else kind_of(file)
                    if kind == "film":
                        yield file
                    elif passed is not None:
                        passed(file, kind)
        elif path.exists() or path.is_symlink():
            yield _plain(path)
        else:
            raise UsageError(f"{path} does not exist: name a film or a folder of films.")


def films_at_once() -> int:
    """Return how many films to look at at once: one for each core, where memory allows it."""
    return max(1, min(cores(), memory_limit() // _EACH))


def plan(archive: Archive, paths: Iterable[Path], groups: Groups, job: Job = QUIET) -> IngestPlan:
    """Return a plan to get the films at `paths` into the archive with all rows of `groups`.

    `paths` are files or folders. Nothing is written, and no film is read.
    """
    named = [_plain(path) for path in paths]
    made = IngestPlan()

    def unreadable(error: OSError) -> None:
        made.failed.append(Failure(Path(error.filename), reason_of(error)))

    known = {
        location.path: (location, footage.checksum)
        for footage in archive.catalogue.all(with_missing=True, job=job)
        for location in footage.locations
    }
    found = find_files(named, unreadable, known=known, passed=_Passed(made), job=job)
    for path in dict.fromkeys(found):
        job.check()
        made.tasks.append(Task(path, groups, again=path in known))
    made.gone = [
        location.path
        for location, _ in known.values()
        if any(location.path == path or path in location.path.parents for path in named)
        and location.now() == "missing"
    ]
    return made


class _Passed:
    """A counter, in a plan, of the files that are passed over."""

    def __init__(self, made: IngestPlan) -> None:
        self._plan = made
        self._films_of: dict[Path, set[str]] = {}

    def __call__(self, path: Path, kind: Kind) -> None:
        if kind == "picture":
            if path.parent not in self._films_of:
                self._films_of[path.parent] = described(path.parent)
            if path.name in self._films_of[path.parent]:
                return  # numbered pictures are used, as a film
        self._plan.passed[kind] += 1
        if kind == "other":
            self._plan.endings[path.suffix.lower()] += 1


def ingest(
    archive: Archive,
    paths: Iterable[Path],
    analyst: Analyst,
    job: Job = QUIET,
    *,
    at_once: int = 1,
) -> IngestSummary:
    """Bring the archive up to date with the films at `paths` (files or folders).

    So many films are looked at `at_once`, by the same networks. What is known afterwards does not
    depend on that, but for the order in which footage is numbered.

    Files that cannot be used are named in the summary. The job has a step for each file, whose
    outcome is an `Outcome`. Raises `ArchiveError` where the archive itself cannot be written (a
    full disk), and `Stopped` where the job is to stop: everything done before stays, and of the
    file that was at hand nothing does.
    """
    lookers = [LooksHere(analyst), *(LooksHere(analyst.beside()) for _ in range(at_once - 1))]
    try:
        return ingest_by(lookers, archive, paths, analyst.groups, job)
    finally:
        for looker in lookers[1:]:  # the first one's analyst is the caller's
            looker.close()


def ingest_by(
    lookers: Sequence[Looker],
    archive: Archive,
    paths: Iterable[Path],
    groups: Groups,
    job: Job = QUIET,
) -> IngestSummary:
    """Do what `ingest` does, with the films looked at by each of the `lookers` at once.

    Raises as `ingest`, and what a looker raises but for a `MediaError`.
    """
    with archive.indexing(job) as staging:
        planned = plan(archive, paths, groups, job)
        made = _Ingest(archive, staging, planned, job)
        try:
            made.run(lookers)
            pack_archive(archive, groups, job)
        except OSError as error:
            raise ArchiveError(_full(archive.root, error)) from error
    return made.summary


class _Ingest:
    """A run of `ingest`, which brings the tasks of a plan to an end."""

    def __init__(self, archive: Archive, staging: Staging, planned: IngestPlan, job: Job) -> None:
        self._archive, self._staging = archive, staging
        self._plan, self._job = planned, job
        self._lock = threading.Lock()  # of the summary, and of whatever writes to the archive
        self._turns = _Turns()
        self.summary = IngestSummary(
            failed=list(planned.failed), passed=planned.passed, endings=planned.endings
        )
        self._tagged = archive.catalogue.tag_table.footage()
        self._known = {
            location.path: (location, footage.checksum)
            for footage in archive.catalogue.all(with_missing=True, job=job)
            for location in footage.locations
        }

    def run(self, lookers: Sequence[Looker]) -> None:
        """Do all tasks, in the order of the plan as far as several lookers allow."""
        tasks, gone, job = self._plan.tasks, self._plan.gone, self._job
        if gone:
            with self._archive.writing(job) as writing:
                writing.catalogue.mark_missing(gone)
        what = f"indexing {len(tasks)} file{'s' if len(tasks) != 1 else ''}"
        with job.step(what, of=len(tasks), unit="files") as every:
            if min(len(lookers), len(tasks)) > 1:
                self._side_by_side(every, lookers[: len(tasks)])
            else:
                for number, task in enumerate(every.over(tasks)):
                    self._step(number, task, lookers[0], job)
        with self._archive.writing(job) as writing:
            writing.catalogue.forget_unplaced()
        left = self._archive.catalogue.locations()
        self.summary.missing.extend(p for p in gone if p in left)  # the others were found again
        self._in_order()

    def _side_by_side(self, every: Step, lookers: Sequence[Looker]) -> None:
        """Do the tasks in threads, each of which takes the next one that nobody has taken yet."""
        tasks = iter(enumerate(self._plan.tasks))
        parts = [self._job.beside() for _ in lookers]
        errors: list[BaseException] = []

        def work(looker: Looker, part: Job) -> None:
            try:
                while True:
                    with self._lock:
                        number, task = next(tasks, (0, None))
                    if task is None:
                        return
                    self._step(number, task, looker, part)
                    with self._lock:
                        every.advance()
            except BaseException as error:  # noqa: BLE001 (raised again by whoever waits)
                errors.append(error)
                for each in parts:
                    each.stop()

        threads = [
            threading.Thread(target=work, args=given, name="kuleshov-indexes", daemon=True)
            for given in zip(lookers, parts, strict=True)
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(_LISTEN)  # so that Ctrl-C is heard
        finally:
            with undisturbed():
                for part in parts:
                    part.stop()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join()
        if errors:
            raise errors[0]  # which stopped the others

    def _step(self, number: int, task: Task, looker: Looker, job: Job) -> None:
        with job.step(task.path.name) as step, self._turns.of(number, job) as turn:
            step.outcome = self._file(task, looker, turn, job)

    def _file(self, task: Task, looker: Looker, turn: _Turn, job: Job) -> Outcome:
        summary, path = self.summary, task.path
        try:
            outcome = self._done(task, looker, turn, job)
            self._retag(task, job)
        except MediaError as error:
            with self._lock:
                summary.failed.append(Failure(path, error.reason))
                # Whatever is there now, it is not what was known to be.
                with self._archive.writing(job) as writing:
                    writing.catalogue.mark_missing([path])
            return "failed"
        {
            "added": summary.added,
            "updated": summary.updated,
            "known": summary.known,
            "moved": summary.moved,
            "copy": summary.copies,
        }[outcome].append(path)
        return outcome

    def _done(self, task: Task, looker: Looker, turn: _Turn, job: Job) -> Outcome:
        """Do what a task needs, as far as it can be done."""
        location, checksum = self._known.get(task.path, (None, ""))
        if location == location_of(task.path) and is_whole(self._archive, checksum, task.groups):
            return "known"
        task = looker.identified(task, job)
        turn.has(task.checksum)
        with self._lock:
            task = decided(self._archive, task, job)
        if task.outcome is not None:
            return task.outcome
        staged = looker.analyse(task, self._staging, job)
        with self._lock:
            outcome = commit(self._archive, staged, job)
            self._tagged.add(task.checksum)
            if (found := staged.found) is not None:
                left_out = found.probe.left_out
                self.summary.in_part += [Failure(task.path, sentence) for sentence in left_out]
                self.summary.shots += len(found.shots)
                self.summary.seconds += float(found.duration)
        return outcome

    def _retag(self, task: Task, job: Job) -> None:
        """Tag footage whose tags follow older rules, or that has none."""
        with self._lock:
            footage = self._archive.catalogue.at(task.path)
            if footage is not None and footage.checksum not in self._tagged:
                retag(self._archive, footage, task.groups, job)
                self._tagged.add(footage.checksum)

    def _in_order(self) -> None:
        """Put what became of each file in the order of the plan, whoever was done first."""
        order = {task.path: number for number, task in enumerate(self._plan.tasks)}
        made = self.summary
        for paths in (made.added, made.updated, made.known, made.moved, made.copies):
            paths.sort(key=order.__getitem__)
        for failures in (made.failed, made.in_part):
            failures.sort(key=lambda failure: order.get(failure.path, -1))


class _Turns:
    """The order in which tasks that are done at once may ask what the archive has.

    Each waits until those before it know which content theirs is; and of two with the same content
    the later one waits for the first, so that it finds it done.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._known: set[int] = set()  # tasks, from `_next` on, that know what theirs is, or ended
        self._next = 0
        self._in_hand: dict[str, list[int]] = {}

    @contextmanager
    def of(self, number: int, job: Job) -> Iterator[_Turn]:
        """Yield the turn of a task, which is over at the end."""
        turn = _Turn(self, number, job)
        try:
            yield turn
        finally:
            self._over(turn)

    def _has(self, turn: _Turn, checksum: str) -> None:
        with self._moved:
            self._until(lambda: self._next == turn.number, turn.job)
            turn.checksum = checksum
            waiting = self._in_hand.setdefault(checksum, [])
            waiting.append(turn.number)
            self._goes_on(turn.number)
            self._until(lambda: waiting[0] == turn.number, turn.job)

    def _over(self, turn: _Turn) -> None:
        with self._moved:
            self._goes_on(turn.number)
            if turn.checksum is not None:
                waiting = self._in_hand[turn.checksum]
                waiting.remove(turn.number)
                if not waiting:
                    del self._in_hand[turn.checksum]

    def _goes_on(self, number: int) -> None:
        if number >= self._next:
            self._known.add(number)
        while self._next in self._known:
            self._known.remove(self._next)
            self._next += 1
        self._moved.notify_all()

    def _until(self, there: Callable[[], bool], job: Job) -> None:
        while not there():
            job.check_waiting()
            self._moved.wait(_LISTEN)


@dataclass
class _Turn:
    """The turn of one task."""

    turns: _Turns
    number: int
    job: Job
    checksum: str | None = None

    def has(self, checksum: str) -> None:
        """Say which content it has, and wait until it may be asked for.

        Raises `Stopped` where the job is to stop.
        """
        self.turns._has(self, checksum)


def _full(root: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {root} is full: make room and run the same command again."
    return f"The archive {root} cannot be written ({error.strerror}): nothing done so far is lost."


def _plain(path: Path) -> Path:
    """Return a path absolute and without `..`, links kept, as its user would write it out."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links
