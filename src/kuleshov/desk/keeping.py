"""Keep an archive in order: bins of shots, and slates that say who made what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.filters import named_footage
from kuleshov.archive.slates import changed, read_table
from kuleshov.errors import ArchiveError, UsageError
from kuleshov.footage import Shot, ShotRef, Slate
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import asked
from kuleshov.notes import Note
from kuleshov.see.training.reading import own_slate

__all__ = [
    "BinShot",
    "BinSize",
    "bins_of",
    "change_bin",
    "enter_slates",
    "footage_meant",
    "in_bin",
    "shots_meant",
]


@dataclass(frozen=True)
class BinShot:
    """A shot in a bin.

    `start` and `end` are media time in s, None where they are not known.
    """

    footage: Footage
    shot: Shot
    start: float | None
    end: float | None

    def as_data(self) -> dict[str, Any]:
        """Return the shot as data for JSON."""
        return {
            "footage": str(self.footage.path),
            "checksum": self.footage.checksum,
            "shot": self.shot.number,
            "first_frame": self.shot.frames.first,
            "end_frame": self.shot.frames.end,
            "start_s": self.start,
            "end_s": self.end,
        }


@dataclass(frozen=True)
class BinSize:
    """The name of a bin, and how many shots of how many films it holds."""

    name: str
    shots: int
    footage: int


def bins_of(archive: Archive) -> tuple[BinSize, ...]:
    """Return all bins of an archive, by name."""
    return tuple(
        BinSize(name, len(shots), len({checksum for checksum, _ in shots}))
        for name, shots in archive.catalogue.bins().items()
    )


def shots_meant(archive: Archive, text: str) -> list[tuple[str, list[int]]]:
    """Return the shots that FOOTAGE[:SHOT[-SHOT]] means, counted from 0, by checksum.

    FOOTAGE is a file name, a path, a title, or a pattern of these with *; SHOT counts from 1.
    Raises `UsageError` for what is not there.
    """
    catalogue = archive.catalogue
    footage = catalogue.all(with_missing=True)
    parts = re.fullmatch(r"(.+):(\d+)(?:-(\d+))?", text)
    if parts is None or any(p.path.name == text for f in footage for p in f.locations):
        found = named_footage(text, footage)
        return [(f.checksum, [shot.index for shot in catalogue.shots(f.id)]) for f in found]
    first, last = int(parts[2]), int(parts[3] or parts[2])
    if last < first:
        raise UsageError(f"{text}: the last shot comes before the first.")
    meant = []
    for film in named_footage(parts[1], footage):
        there = [shot.number for shot in catalogue.shots(film.id)]
        if not there or first < there[0] or last > there[-1]:
            has = f"has shots {there[0]} to {there[-1]}" if there else "has no shots"
            raise UsageError(f"{film.path.name} {has}: {text} is not among them.")
        meant.append((film.checksum, [n - 1 for n in there if first <= n <= last]))
    return meant


def change_bin(
    archive: Archive,
    name: str,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    *,
    delete: bool = False,
) -> None:
    """Add shots to a bin and remove others, or delete the bin; all or nothing.

    Shots are named as for `shots_meant`. Raises `UsageError` for what is not there.
    """
    bins = archive.catalogue.bin_table
    adding = [part for text in add for part in shots_meant(archive, text)]
    removing = [part for text in remove for part in shots_meant(archive, text)]
    if delete:
        bins.delete(name)
    if removing:
        bins.named(name)
    for checksum, shots in adding:
        bins.add(name, checksum, shots)
    for checksum, shots in removing:
        bins.remove(name, checksum, shots)


def in_bin(archive: Archive, name: str) -> tuple[str, tuple[BinShot, ...]]:
    """Return a bin's name as it is written, and its shots in the order of the archive.

    Raises `UsageError` for a bin that is not there.
    """
    catalogue = archive.catalogue
    name = catalogue.bin_table.named(name)
    held = catalogue.bins()[name]
    shots = []
    for film in catalogue.all(with_missing=True):
        inside = [s for s in catalogue.shots(film.id) if ShotRef(film.checksum, s.index) in held]
        times = _times(archive, film) if inside else []
        for shot in inside:
            span = shot.frames
            known = span.end < len(times)
            start, end = (times[span.first], times[span.end]) if known else (None, None)
            shots.append(BinShot(film, shot, start, end))
    return name, tuple(shots)


def _times(archive: Archive, film: Footage) -> list[float]:
    """Return when each frame begins and the last one ends, in s; empty where that is lost."""
    base = film.probe.video.time_base
    try:
        pts, _ = archive.store.frames(film.checksum)
    except ArchiveError:
        return []
    return [round(float(int(t) * base), 6) for t in pts] + [round(float(film.duration), 6)]


def footage_meant(archive: Archive, names: Sequence[str]) -> list[Footage]:
    """Return the footage that is named, each once; all footage where no name is given.

    Raises `UsageError` for a name that means none.
    """
    films = archive.catalogue.all(with_missing=True)
    if not names:
        return films
    found = {film.checksum: film for name in names for film in named_footage(name, films)}
    return list(found.values())


def enter_slates(
    archive: Archive,
    checksums: Sequence[str],
    values: Mapping[str, str],
    table: Path | None = None,
    *,
    tags: bool = False,
    job: Job = QUIET,
) -> tuple[list[str], tuple[Note, ...]]:
    """Enter slates, all or nothing; return the checksums of the footage named, and notes.

    From a `table`, which names its footage itself; or `values` by field for the footage of these
    checksums, and with `tags` what the files say of themselves, where a field is empty. Raises
    `UsageError` for a table that is wrong.
    """
    films = archive.catalogue.all(with_missing=True)
    notes: tuple[Note, ...] = ()
    if table is not None:
        slates = read_table(table, lambda name: named_footage(name, films))
    else:
        meant = [film for film in films if film.checksum in set(checksums)]
        slates = {film.checksum: changed(film.slate, dict(values)) for film in meant}
        if tags:
            own, notes = _own_slates(meant, job)
            for film in meant:
                found = asdict(own.get(film.path, Slate()))
                known = slates[film.checksum]
                empty = {f: text for f, text in found.items() if text and not getattr(known, f)}
                slates[film.checksum] = changed(known, empty)
    archive.catalogue.enter_slates(slates)
    return list(slates), notes


def _own_slates(films: Sequence[Footage], job: Job) -> tuple[dict[Path, Slate], tuple[Note, ...]]:
    """Return the slates that files themselves hold, and notes on files that cannot be opened."""
    told: dict[Path, Slate] = {}
    notes = []
    for path, own in asked(own_slate, [film.path for film in films], job).items():
        if isinstance(own, Exception):
            notes.append(Note("skipped", f"Skipped: {own}", {"footage": str(path)}))
        else:
            told[path] = own
    return told, tuple(notes)
