"""Find footage again that lies somewhere else now: by content, whatever its name.

    wanted = lost(archive.catalogue)
    places = look_into([folder], summary.unreadable)
    find_again(wanted, places, worker, report, summary, settle=Settler(archive.catalogue))

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
from typing import Protocol

from kuleshov.archive.catalogue import Catalogue, Place, parts_of
from kuleshov.archive.ingest import Failure
from kuleshov.errors import MediaError, MediaStalled, UsageError
from kuleshov.media.decode import reason_of
from kuleshov.media.kinds import kind_of

__all__ = [
    "Namesake",
    "RelinkReport",
    "RelinkSummary",
    "Settler",
    "Wanted",
    "find_again",
    "known_places",
    "look_into",
    "lost",
]

_NOWHERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)  # of links: nothing that anyone could mend


@dataclass(frozen=True)
class Wanted:
    """Footage that is not where it was: its SHA-256, where it lay, and its size in bytes.

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
    """What became of the footage that was looked for.

    `found`: where it lies now, by checksum; `missing` lies nowhere in the folders; `failed`: files
    and folders that could not be read, and why.
    """

    found: dict[str, Place] = field(default_factory=dict)
    missing: list[Wanted] = field(default_factory=list)
    namesakes: list[Namesake] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def unreadable(self, path: Path, reason: str) -> None:
        """Note that nothing can be said about a file or folder."""
        self.failed.append(Failure(path, reason))


class RelinkReport(Protocol):
    """Hears how looking goes on."""

    def looked(self, files: int) -> None:
        """So many files were seen."""

    def begin(self, size: int) -> None:
        """So many bytes are to be read, at the most."""

    def reading(self, path: Path, done: int) -> None:
        """So many bytes of this file are read."""

    def done(self, size: int) -> None:
        """A file of that size is done with."""


class Reader(Protocol):
    """What knows the checksum of a file: a `Worker`."""

    def checksum(self, path: Path, progress: Callable[[int], None] | None = None) -> str:
        """SHA-256 in hexadecimal; `progress` gets the bytes read. Raises `MediaError`."""


def lost(catalogue: Catalogue) -> list[Wanted]:
    """The footage of an archive that lies at none of its places now."""
    return [
        Wanted(footage.checksum, footage.path, footage.places[0].size)
        for footage in catalogue.all(with_missing=True)
        if not any(_there(place) for place in footage.places)
    ]


def known_places(catalogue: Catalogue) -> dict[Path, tuple[Place, str]]:
    """Where footage lies that is there, each place with the checksum of the footage."""
    return {
        place.path: (place, footage.checksum)
        for footage in catalogue.all()
        for place in footage.places
        if _there(place)
    }


def look_into(
    paths: Iterable[Path],
    unreadable: Callable[[Path, str], None],
    looked: Callable[[int], None] | None = None,
) -> list[Place]:
    """All files below `paths`, hidden ones left out, in the order of their names.

    Links to folders are followed, each folder is looked into once. `unreadable` hears of what may
    not be looked at. Raises `UsageError` for a path that does not exist.
    """
    found: dict[Path, Place] = {}
    visited: set[tuple[int, int]] = set()
    for path in paths:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links are kept as they are
        try:
            info = absolute.stat()
        except FileNotFoundError as error:
            raise UsageError(f"{path} does not exist: name a folder to look into.") from error
        except OSError as error:
            unreadable(absolute, reason_of(error))
            continue
        for place in _below(absolute, info, visited, unreadable):
            found.setdefault(place.path, place)
            if looked is not None:
                looked(len(found))
    return list(found.values())


def find_again(
    wanted: Sequence[Wanted],
    places: Sequence[Place],
    reader: Reader,
    report: RelinkReport,
    summary: RelinkSummary,
    *,
    known: Mapping[Path, tuple[Place, str]] | None = None,
    settle: Callable[[Wanted, Place], None] | None = None,
) -> None:
    """Look for `wanted` among `places` and write into `summary` what became of it.

    Files of the right size are read whole, those of the same name first; footage of unknown size is
    looked for in all files that are named as films. Files that `known` has, unchanged, are not read
    again. `settle` hears of each find at once.
    """
    missing = {one.checksum: one for one in wanted}
    queue = _ordered(wanted, places)
    report.begin(sum(place.size for place in queue))
    for place in queue:
        if any(_may_be(place, one) for one in missing.values()):
            try:
                checksum = _checksum(place, reader, report, known or {})
            except MediaStalled:
                summary.unreadable(place.path, "it gave nothing for long: is its drive there?")
                checksum = ""
            except MediaError as error:
                summary.unreadable(place.path, error.reason)
                checksum = ""
            if (one := missing.pop(checksum, None)) is not None:
                summary.found[checksum] = place
                if settle is not None:
                    settle(one, place)
        report.done(place.size)
    summary.missing.extend(missing.values())
    summary.namesakes.extend(_namesakes(missing.values(), places, summary.failed))


class Settler:
    """Writes into the catalogue where footage was found, one transaction for each find.

    The place of other footage is not taken from it before that was found elsewhere: footage without
    any place is forgotten. Two films may have changed names, so `finish` decides on these. Without
    `write` it only says what would be refused.
    """

    def __init__(self, catalogue: Catalogue, *, write: bool = True) -> None:
        self._catalogue, self._writes = catalogue, write
        films = catalogue.all(with_missing=True)
        self._films = {footage.checksum: footage for footage in films}
        self._owner = {place.path: f.checksum for f in films for place in f.places}
        self._waiting: dict[str, Place] = {}
        self._settled: set[str] = set()

    def __call__(self, wanted: Wanted, place: Place) -> None:
        """Note that `wanted` lies at `place`; footage that is not in the archive is passed over."""
        if wanted.checksum not in self._films:
            return
        owner = self._owner.get(place.path, wanted.checksum)
        if owner == wanted.checksum or owner in self._settled:
            self._write({wanted.checksum: place})
        else:
            self._waiting[wanted.checksum] = place

    def finish(self) -> list[Failure]:
        """Write the rest; what cannot be, and why, is given back."""
        refused: list[Failure] = []
        while unsafe := [c for c, place in self._waiting.items() if not self._may_take(place)]:
            for checksum in unsafe:
                place = self._waiting.pop(checksum)
                other = self._films[self._owner[place.path]].path.name
                refused.append(
                    Failure(
                        place.path,
                        f"the archive knows it as the only place of {other}, which is missing "
                        "too: find that first.",
                    )
                )
        self._write(self._waiting)
        self._waiting = {}
        return refused

    def _may_take(self, place: Place) -> bool:
        owner = self._owner[place.path]
        if owner in self._settled or owner in self._waiting:
            return True
        taken = {waiting.path for waiting in self._waiting.values()}
        return any(other.path not in taken for other in self._films[owner].places)

    def _write(self, found: Mapping[str, Place]) -> None:
        if not found:
            return
        if self._writes:
            self._catalogue.moved(
                (checksum, place, [p.path for p in self._films[checksum].places if not _there(p)])
                for checksum, place in found.items()
            )
        self._settled.update(found)


def _below(
    path: Path,
    info: os.stat_result,
    visited: set[tuple[int, int]],
    unreadable: Callable[[Path, str], None],
) -> Iterator[Place]:
    if stat.S_ISREG(info.st_mode):
        yield Place(path, info.st_size, info.st_mtime_ns)
    if not stat.S_ISDIR(info.st_mode) or (info.st_dev, info.st_ino) in visited:
        return
    visited.add((info.st_dev, info.st_ino))
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))  # noqa: PTH208
    except OSError as error:
        unreadable(path, reason_of(error))
        return
    for name in names:
        try:
            inner = (path / name).stat()
        except OSError as error:
            if error.errno not in _NOWHERE:
                unreadable(path / name, reason_of(error))
            continue
        yield from _below(path / name, inner, visited, unreadable)


def _ordered(wanted: Sequence[Wanted], places: Iterable[Place]) -> list[Place]:
    """The places at which something wanted may lie, likely ones first."""
    sizes = {one.size for one in wanted}
    names = {one.name for one in wanted}
    unknown = {one.name for one in wanted if one.size is None}
    listed = [
        place
        for place in places
        if place.size in sizes
        or (unknown and place.size and (_is_film(place) or _name(place.path) in unknown))
    ]
    return sorted(listed, key=lambda place: _name(place.path) not in names)


def _may_be(place: Place, one: Wanted) -> bool:
    if one.size is None:
        return _is_film(place) or _name(place.path) == one.name
    return place.size == one.size


def _is_film(place: Place) -> bool:
    return kind_of(place.path) == "film"


def _checksum(
    place: Place,
    reader: Reader,
    report: RelinkReport,
    known: Mapping[Path, tuple[Place, str]],
) -> str:
    seen, checksum = known.get(place.path, (None, ""))
    if seen == place:
        return checksum
    checksum = reader.checksum(place.path, lambda done: report.reading(place.path, done))
    try:
        info = place.path.stat()
    except OSError as error:
        raise MediaError(place.path, reason_of(error)) from error
    if (info.st_size, info.st_mtime_ns) != (place.size, place.mtime_ns):
        raise MediaError(place.path, "it changed while it was read: is it still being written?")
    return checksum


def _namesakes(
    missing: Iterable[Wanted], places: Iterable[Place], failed: Iterable[Failure]
) -> Iterator[Namesake]:
    """Files of the same name, also at the old place, that were not what was wanted."""
    unread = {failure.path for failure in failed}
    named: dict[str, list[Path]] = {}
    for place in places:
        named.setdefault(_name(place.path), []).append(place.path)
    for one in missing:
        there = dict.fromkeys(named.get(one.name, []))
        if one.size is not None and Place(one.path, one.size, 0).now() == "changed":
            there[one.path] = None
        yield from (Namesake(one.path, path) for path in there if path not in unread)


def _name(path: Path) -> str:
    parts = parts_of(path)
    return parts[-1].casefold() if parts else ""


def _there(place: Place) -> bool:
    return not place.missing and place.now() == "there"
