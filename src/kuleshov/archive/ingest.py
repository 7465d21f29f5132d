"""Add footage to an archive: find the files, skip what is known, analyse the rest, commit.

It may be killed at any moment. What was committed stays; the next run begins with the first file
that was not.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from kuleshov.archive.archive import Archive, tags_for
from kuleshov.archive.catalogue import Footage, Place
from kuleshov.archive.stills import StillSpool, still_path, write_stills
from kuleshov.errors import ArchiveError, MediaError, MediaNotFound, UsageError
from kuleshov.features.analyse import ARCHIVE_GRID, Analysis, Analyst, Eyes
from kuleshov.features.tagging import NEEDED, tags_in
from kuleshov.footage import Shot
from kuleshov.media.decode import reason_of
from kuleshov.media.kinds import Kind, kind_of, passed_folder
from kuleshov.media.numbered import described

__all__ = ["Failure", "IngestReport", "IngestSummary", "find_files", "ingest"]

Outcome = Literal["added", "updated", "known", "moved", "copy", "failed"]

_CHANGED = "it changed while it was read: is it still being written?"


@dataclass(frozen=True)
class Failure:
    """A file that could not be used, or something in it, and why."""

    path: Path
    reason: str


@dataclass
class IngestSummary:
    """What became of each file. Paths; `missing` are places at which nothing lies any more.
    `passed` counts the files in folders that are no films, by kind, `endings` those of no kind that
    is known, by their ending; `in_part` says of files that were used what in them was not."""

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


class IngestReport(Protocol):
    """Hears how ingesting goes on."""

    def begin(self, files: int) -> None:
        """So many files are to be looked at."""

    def file(self, path: Path) -> None:
        """This one is next."""

    def progress(self, frames: int, of: float | None) -> None:
        """So many of its frames are read; `of` is what its container claims."""

    def done(self, path: Path, outcome: Outcome) -> None:
        """This is what became of it."""


def find_files(
    paths: Iterable[Path],
    unreadable: Callable[[OSError], None] | None = None,
    *,
    known: Container[Path] = (),
    passed: Callable[[Path, Kind], None] | None = None,
) -> Iterator[Path]:
    """The films among `paths`, those in folders in the order of their names.

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
                for name in sorted(names):
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


def ingest(
    archive: Archive, paths: Iterable[Path], analyst: Analyst, report: IngestReport
) -> IngestSummary:
    """Bring the archive up to date with the films at `paths` (files or folders).

    Files that cannot be used are named in the summary. Raises `ArchiveError` where the archive
    itself cannot be written (a full disk): everything done before stays.
    """
    named = [_plain(path) for path in paths]
    summary = IngestSummary()

    def unreadable(error: OSError) -> None:
        summary.failed.append(Failure(Path(error.filename), reason_of(error)))

    films_of: dict[Path, set[str]] = {}

    def passed(path: Path, kind: Kind) -> None:
        if kind == "picture":
            if path.parent not in films_of:
                films_of[path.parent] = described(path.parent)
            if path.name in films_of[path.parent]:
                return  # numbered pictures are used, as a film
        summary.passed[kind] += 1
        if kind == "other":
            summary.endings[path.suffix.lower()] += 1

    known = {
        place.path: (place, footage.checksum)
        for footage in archive.catalogue.all(with_missing=True)
        for place in footage.places
    }
    found = find_files(named, unreadable, known=known, passed=passed)
    files = list(dict.fromkeys(found))
    gone = _mark_missing(archive, named)
    tagged = archive.catalogue.tag_table.footage()
    report.begin(len(files))
    for path in files:
        report.file(path)
        try:
            outcome = _one(archive, path, known.get(path), analyst, report, summary)
            footage = archive.catalogue.at(path)
            if footage and (outcome in ("added", "updated") or footage.checksum not in tagged):
                _tag(archive, footage, analyst)
                tagged.add(footage.checksum)
        except MediaError as error:
            summary.failed.append(Failure(path, error.reason))
            # Whatever is there now, it is not what was known to be.
            archive.catalogue.mark_missing([path])
            outcome = "failed"
        except OSError as error:
            raise ArchiveError(_full(archive.root, error)) from error
        report.done(path, outcome)
    archive.catalogue.forget_unplaced()
    left = archive.catalogue.places()
    summary.missing.extend(path for path in gone if path in left)  # the others were found again
    return summary


def _one(
    archive: Archive,
    path: Path,
    known: tuple[Place, str] | None,
    analyst: Analyst,
    report: IngestReport,
    summary: IngestSummary,
) -> Outcome:
    place = _look(path)
    if known is not None and known[0] == place and _whole(archive, known[1], analyst):
        summary.known.append(path)
        return "known"
    checksum = analyst.worker.checksum(path) if place.size else ""
    footage = archive.catalogue.by_checksum(checksum)
    if footage is not None:
        states = {p.path: p.now() for p in footage.places}
        archive.catalogue.mark_missing(p for p, now in states.items() if now == "missing")
        if _whole(archive, checksum, analyst):
            archive.catalogue.seen(place, checksum)
            if path in states:
                summary.known.append(path)
                return "known"
            moved = all(p.missing or states[p.path] == "missing" for p in footage.places)
            (summary.moved if moved else summary.copies).append(path)
            return "moved" if moved else "copy"
        if _completed(archive, checksum, path, analyst, report):
            archive.catalogue.seen(place, checksum)
            summary.updated.append(path)
            return "updated"
    with StillSpool() as spool:
        analysis = analyst.index(path, stills=spool, progress=report.progress)
        if _look(path) != place:
            raise MediaError(path, _CHANGED)
        _save(archive, checksum, analysis, analyst, spool)
    rows = len(analysis.shown)
    for eyes in _lacking(archive, checksum, analyst):
        if not _looked_again(archive, checksum, path, analyst, eyes, analysis.shots, rows, report):
            raise MediaError(path, _CHANGED)
    archive.catalogue.add(
        checksum,
        analysis.frames,
        analysis.time_of(analysis.frames),
        analysis.probe,
        analysis.shots,
        place,
    )
    summary.in_part += [Failure(path, sentence) for sentence in analysis.probe.left_out]
    summary.shots += len(analysis.shots)
    summary.seconds += float(analysis.time_of(analysis.frames))
    again = known is not None or footage is not None
    (summary.updated if again else summary.added).append(path)
    return "updated" if again else "added"


def _look(path: Path) -> Place:
    try:
        info = path.stat()
    except OSError as error:
        raise MediaNotFound(path, "it is not there, or may not be looked at.") from error
    return Place(path, info.st_size, info.st_mtime_ns)


def _whole(archive: Archive, checksum: str, analyst: Analyst) -> bool:
    """Whether all files of known footage are there, sound, and made as they would be now."""
    stills = still_path(archive.store.folder(checksum), 0)
    tags = [tag for eyes in analyst.eyes for tag in tags_for(eyes.facets)]
    return stills.is_file() and archive.store.has(checksum, tags)


def _completed(
    archive: Archive, checksum: str, path: Path, analyst: Analyst, report: IngestReport
) -> bool:
    """Add the rows that known footage lacks, or has from another network, and nothing else.

    False where it lacks more than that, and must be looked at anew.
    """
    store = archive.store
    try:
        _, shown = store.frames(checksum)
    except ArchiveError:
        return False
    if not still_path(store.folder(checksum), 0).is_file():
        return False
    footage = archive.catalogue.by_checksum(checksum)
    shots = archive.catalogue.shots(footage.id) if footage is not None else ()
    lacking = _lacking(archive, checksum, analyst)
    return bool(lacking) and all(
        _looked_again(archive, checksum, path, analyst, eyes, shots, len(shown), report)
        for eyes in lacking
    )


def _lacking(archive: Archive, checksum: str, analyst: Analyst) -> list[Eyes]:
    """The eyes with which footage is still to be looked at, and for which facets."""
    found = []
    for eyes in analyst.eyes:
        tags = tags_for(eyes.facets)
        missing = {tag.facet for tag in tags if not archive.store.has(checksum, [tag])}
        if missing:
            found.append(eyes.only(missing))
    return found


def _looked_again(
    archive: Archive,
    checksum: str,
    path: Path,
    analyst: Analyst,
    eyes: Eyes,
    shots: Sequence[Shot],
    rows: int,
    report: IngestReport,
) -> bool:
    """Describe a film with these eyes and keep it; False where it has not as many rows any more."""
    breaks = [shot.frames.first for shot in shots[1:]]
    described = analyst.look_again(eyes, path, breaks=breaks, progress=report.progress)
    if len(described.time) != rows:
        return False
    for tag in tags_for(eyes.facets):
        archive.store.write_features(checksum, tag, described.features[tag.facet])
    return True


def _save(
    archive: Archive, checksum: str, analysis: Analysis, analyst: Analyst, spool: StillSpool
) -> None:
    store = archive.store
    for tag in tags_for(analyst.eyes[0].facets):
        store.write_features(checksum, tag, analysis.features[tag.facet])
    write_stills(
        store.folder(checksum),
        spool,
        analysis.shots,
        analysis.shown,
        analysis.probe.video.active_aspect,
    )
    store.write_frames(checksum, analysis.pts, analysis.shown)


def _tag(archive: Archive, footage: Footage, analyst: Analyst) -> None:
    """Tag the shots of footage by its stored rows."""
    pts, shown = archive.store.frames(footage.checksum)
    stored = [t for t in tags_for(analyst.eyes[0].facets) if t.facet in NEEDED]
    rows = {tag.facet: archive.store.features(footage.checksum, tag) for tag in stored}
    base, tags = footage.probe.video.time_base, {}
    for shot in archive.catalogue.shots(footage.id):
        core = shot.core
        end = int(pts[core.end]) * base if core.end < len(pts) else footage.duration
        begin = int(pts[core.first]) * base if core.first < len(pts) else end
        tags[shot.index] = tags_in(rows, shown, shot, float(end - begin), ARCHIVE_GRID)
    archive.catalogue.tag_table.write(footage.id, tags)


def _mark_missing(archive: Archive, named: list[Path]) -> list[Path]:
    """Find the places below the paths named at which nothing lies any more."""
    gone = [
        place.path
        for place in archive.catalogue.places().values()
        if any(place.path == path or path in place.path.parents for path in named)
        and place.now() == "missing"
    ]
    archive.catalogue.mark_missing(gone)
    return gone


def _full(root: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {root} is full: make room and run the same command again."
    return f"The archive {root} cannot be written ({error.strerror}): nothing done so far is lost."


def _plain(path: Path) -> Path:
    """Absolute and without `..`, links kept: the path as its user would write it out."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links
