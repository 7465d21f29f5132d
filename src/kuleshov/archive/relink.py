"""Find footage again that lies somewhere else now: by content, whatever its name.

    wanted = lost(archive.catalogue)
    locations = look_into([folder], summary.unreadable)
    find_again(wanted, locations, worker, summary, settle=Settler(archive), job=job)

The size of a file says whether it can be the one; the checksum of those that can says whether it
is. Nothing is decoded. What is found is committed at once, so that a run may end at any moment.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Catalogue, Location, parts_of
from kuleshov.archive.ingest import Failure
from kuleshov.archive.tasks import ReadsChecksums
from kuleshov.errors import MediaError, MediaStalled, UsageError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.decode import reason_of
from kuleshov.media.kinds import kind_of

__all__ = [
    "LostFootage",
    "Namesake",
    "RelinkSummary",
    "Settler",
    "find_again",
    "known_places",
    "look_into",
    "lost",
]

_NOWHERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)  # of links: nothing that anyone could mend


@dataclass(frozen=True)
class LostFootage:
    """A footage that is not where it was: its SHA-256, where it lay, and its size in bytes.

    Where the size is not known (None), every film has to be read to find it.
    """

    checksum: str
    path: Path
    size: int | None = None

    @property
    def name(self) -> str:
        """The name of its file, in small letters."""
        return _name(self.path)


@dataclass(frozen=True)
class Namesake:
    """A file that has the name of missing footage, and is another film."""

    missing: Path
    path: Path


@dataclass
class RelinkSummary:
    """A summary of what became of the footage that was looked for.

    `found`: where it lies now, by checksum; `missing` lies nowhere in the folders; `failed`: files
    and folders that could not be read, and why.
    """

    found: dict[str, Location] = field(default_factory=dict)
    missing: list[LostFootage] = field(default_factory=list)
    namesakes: list[Namesake] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def unreadable(self, path: Path, reason: str) -> None:
        """Record that nothing can be said about a file or folder."""
        self.failed.append(Failure(path, reason))


def lost(catalogue: Catalogue, job: Job = QUIET) -> list[LostFootage]:
    """Return the footage of an archive that lies at none of its locations now."""
    return [
        LostFootage(footage.checksum, footage.path, footage.locations[0].size)
        for footage in job.over(catalogue.all(with_missing=True, job=job))
        if not any(_there(location) for location in footage.locations)
    ]


def known_places(catalogue: Catalogue, job: Job = QUIET) -> dict[Path, tuple[Location, str]]:
    """Return the locations at which footage lies now, each with the footage's checksum."""
    return {
        location.path: (location, footage.checksum)
        for footage in job.over(catalogue.all(job=job))
        for location in footage.locations
        if _there(location)
    }


def look_into(
    paths: Iterable[Path],
    unreadable: Callable[[Path, str], None],
    job: Job = QUIET,
) -> list[Location]:
    """Return all files below `paths`, hidden ones left out, in the order of their names.

    Links to folders are followed, each folder is looked into once. `unreadable` hears of what may
    not be looked at. Raises `UsageError` for a path that does not exist.
    """
    found: dict[Path, Location] = {}
    visited: set[tuple[int, int]] = set()
    with job.step("looking into folders", unit="files") as step:
        for path in paths:
            absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links are kept as they are
            try:
                info = absolute.stat()
            except FileNotFoundError as error:
                raise UsageError(f"{path} does not exist: name a folder to look into.") from error
            except OSError as error:
                unreadable(absolute, reason_of(error))
                continue
            for location in _below(absolute, info, visited, unreadable, job):
                found.setdefault(location.path, location)
                step.at(len(found))
    return list(found.values())


def find_again(
    wanted: Sequence[LostFootage],
    locations: Sequence[Location],
    reader: ReadsChecksums,
    summary: RelinkSummary,
    *,
    known: Mapping[Path, tuple[Location, str]] | None = None,
    settle: Callable[[LostFootage, Location], None] | None = None,
    job: Job = QUIET,
) -> None:
    """Look for `wanted` among `locations`, and write into `summary` what became of it.

    Files of the right size are read whole, those of the same name first; footage of unknown size is
    looked for in all files that are named as films. Files that `known` has, unchanged, are not read
    again. `settle` hears of each find at once. The job's step counts the bytes of the files that
    may have to be read.
    """
    missing = {one.checksum: one for one in wanted}
    queue = _ordered(wanted, locations, job)
    size = sum(location.size for location in queue)
    with job.step("reading what may be it", of=size, unit="bytes") as step:
        for location in queue:
            if any(_may_be(location, one) for one in missing.values()):
                try:
                    checksum = _checksum(location, reader, known or {}, job)
                except MediaStalled:
                    summary.unreadable(
                        location.path, "it gave nothing for long: is its drive there?"
                    )
                    checksum = ""
                except MediaError as error:
                    summary.unreadable(location.path, error.reason)
                    checksum = ""
                if (one := missing.pop(checksum, None)) is not None:
                    summary.found[checksum] = location
                    if settle is not None:
                        settle(one, location)
            step.advance(location.size)
    summary.missing.extend(missing.values())
    summary.namesakes.extend(_namesakes(missing.values(), job.over(locations), summary.failed))


class Settler:
    """A writer into an archive of where footage was found, one transaction for each find.

    The place of other footage is not taken from it before that was found elsewhere: footage without
    any place is forgotten. Two films may have changed names, so `finish` decides on these. Without
    `write` it only says what would be refused.
    """

    def __init__(self, archive: Archive, *, write: bool = True, job: Job = QUIET) -> None:
        self._archive, self._writes = archive, write
        films = archive.catalogue.all(with_missing=True, job=job)
        self._films = {footage.checksum: footage for footage in films}
        self._owner = {location.path: f.checksum for f in films for location in f.locations}
        self._waiting: dict[str, Location] = {}
        self._settled: set[str] = set()

    def __call__(self, wanted: LostFootage, location: Location) -> None:
        """Record that `wanted` lies at `location`.

        Footage it is footage of the archive.
        """
        if wanted.checksum not in self._films:
            return
        owner = self._owner.get(location.path, wanted.checksum)
        if owner == wanted.checksum or owner in self._settled:
            self._write({wanted.checksum: location})
        else:
            self._waiting[wanted.checksum] = location

    def finish(self) -> list[Failure]:
        """Write the rest; return what cannot be written, and why."""
        refused: list[Failure] = []
        while unsafe := [
            c for c, location in self._waiting.items() if not self._may_take(location)
        ]:
            for checksum in unsafe:
                location = self._waiting.pop(checksum)
                other = self._films[self._owner[location.path]].path.name
                refused.append(
                    Failure(
                        location.path,
                        f"the archive knows it as the only place of {other}, which is missing "
                        "too: find that first.",
                    )
                )
        self._write(self._waiting)
        self._waiting = {}
        return refused

    def _may_take(self, location: Location) -> bool:
        owner = self._owner[location.path]
        if owner in self._settled or owner in self._waiting:
            return True
        taken = {waiting.path for waiting in self._waiting.values()}
        return any(other.path not in taken for other in self._films[owner].locations)

    def _write(self, found: Mapping[str, Location]) -> None:
        if not found:
            return
        if self._writes:
            moved = [
                (
                    checksum,
                    location,
                    [p.path for p in self._films[checksum].locations if not _there(p)],
                )
                for checksum, location in found.items()
            ]
            with self._archive.writing() as writing:
                writing.catalogue.moved(moved)
        self._settled.update(found)


def _below(
    path: Path,
    info: os.stat_result,
    visited: set[tuple[int, int]],
    unreadable: Callable[[Path, str], None],
    job: Job,
) -> Iterator[Location]:
    if stat.S_ISREG(info.st_mode):
        yield Location(path, info.st_size, info.st_mtime_ns)
    if not stat.S_ISDIR(info.st_mode) or (info.st_dev, info.st_ino) in visited:
        return
    visited.add((info.st_dev, info.st_ino))
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))  # noqa: PTH208
    except OSError as error:
        unreadable(path, reason_of(error))
        return
    for name in job.over(names):
        try:
            inner = (path / name).stat()
        except OSError as error:
            if error.errno not in _NOWHERE:
                unreadable(path / name, reason_of(error))
            continue
        yield from _below(path / name, inner, visited, unreadable, job)


def _ordered(
    wanted: Sequence[LostFootage], locations: Iterable[Location], job: Job
) -> list[Location]:
    """Return the locations at which something wanted may lie, likely ones first."""
    sizes = {one.size for one in wanted}
    names = {one.name for one in wanted}
    unknown = {one.name for one in wanted if one.size is None}
    listed = [
        location
        for location in job.over(locations)  # whether one is a film is read in it
        if location.size in sizes
        or (unknown and location.size and (_is_film(location) or _name(location.path) in unknown))
    ]
    return sorted(listed, key=lambda location: _name(location.path) not in names)


def _may_be(location: Location, one: LostFootage) -> bool:
    if one.size is None:
        return _is_film(location) or _name(location.path) == one.name
    return location.size == one.size


def _is_film(location: Location) -> bool:
    return kind_of(location.path) == "film"


def _checksum(
    location: Location,
    reader: ReadsChecksums,
    known: Mapping[Path, tuple[Location, str]],
    job: Job,
) -> str:
    seen, checksum = known.get(location.path, (None, ""))
    if seen == location:
        return checksum
    checksum = reader.checksum(location.path, job)
    try:
        info = location.path.stat()
    except OSError as error:
        raise MediaError(location.path, reason_of(error)) from error
    if (info.st_size, info.st_mtime_ns) != (location.size, location.mtime_ns):
        raise MediaError(location.path, "it changed while it was read: is it still being written?")
    return checksum


def _namesakes(
    missing: Iterable[LostFootage], locations: Iterable[Location], failed: Iterable[Failure]
) -> Iterator[Namesake]:
    """Yield files of the same name, also at the old place, that were not what was wanted."""
    unread = {failure.path for failure in failed}
    named: dict[str, list[Path]] = {}
    for location in locations:
        named.setdefault(_name(location.path), []).append(location.path)
    for one in missing:
        there = dict.fromkeys(named.get(one.name, []))
        if one.size is not None and Location(one.path, one.size, 0).now() == "changed":
            there[one.path] = None
        yield from (Namesake(one.path, path) for path in there if path not in unread)


def _name(path: Path) -> str:
    parts = parts_of(path)
    return parts[-1].casefold() if parts else ""


def _there(location: Location) -> bool:
    return not location.missing and location.now() == "there"
