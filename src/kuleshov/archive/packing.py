"""Decide what is packed, and when: rows, frame times, judged shots, means and sketches of rows.

    pack_archive(archive, groups)       # at the end of every `ingest`

Nothing is packed before `LEAST` films are to be: the files of a few are opened as fast. A new pack
takes in those that are no larger, so that there are never many; one of which a quarter is waste is
written anew, as is one that was found damaged. Kinds of rows are packed each for itself, so that
another encoder leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive
from kuleshov.archive.pack import Pack, Packed, PackKind, Packs, kind_of, write_pack
from kuleshov.archive.shots import judged, means, rules
from kuleshov.archive.store import Store
from kuleshov.errors import ArchiveError
from kuleshov.features.facet import COMPOSITION, MATERIAL, MOTION, PRINT, SUBJECT, TONE
from kuleshov.features.grid import rows_of_each, rows_within_each
from kuleshov.features.sketch import SKETCHED, segments, sketch_rules, sketches
from kuleshov.features.specs import RowsSpec
from kuleshov.footage import Shot
from kuleshov.jobs import QUIET, Job

__all__ = [
    "FRAMES",
    "LEAST",
    "POOLED",
    "means_kind",
    "pack_archive",
    "rows_kind",
    "segments_kind",
    "shots_kind",
    "sketch_kind",
]

LEAST = 64
"""Films for which a pack is written, at least."""

POOLED = (SUBJECT, COMPOSITION, TONE, MOTION, PRINT)
"""The rows whose means over each shot are kept: shots are compared by them."""

_WASTE = 0.25  # of a pack, from which on it is written anew

FRAMES = kind_of("frames", {"kind": "frames"})
"""When each frame is shown, and which frame each row shows."""


def rows_kind(spec: RowsSpec) -> PackKind:
    """Return the kind of the rows of a spec."""
    return kind_of(_name(spec), {"kind": "rows", **spec.metadata()})


def means_kind(spec: RowsSpec) -> PackKind:
    """Return the kind of the means, over each shot, of the rows of a spec."""
    about = {"kind": "means", "rules": rules(), **spec.metadata()}
    return kind_of(f"{_name(spec)}.means", about)


def shots_kind(specs: Sequence[RowsSpec]) -> PackKind:
    """Return the kind of shots that are judged by the rows of these specs."""
    by = {name: _told(specs, name) for name in (MATERIAL, TONE)}
    return kind_of("shots", {"kind": "shots", "rules": rules(), **by})


def segments_kind() -> PackKind:
    """Return the kind of the segments of shots that are sketched."""
    return kind_of("segments", {"kind": "segments", "rules": sketch_rules()})


def sketch_kind(spec: RowsSpec) -> PackKind:
    """Return the kind of the sketches, one of each segment, of the rows of a spec."""
    about = {"kind": "sketches", "rules": sketch_rules(), **spec.metadata()}
    return kind_of(f"{_name(spec)}.sketches", about)


def pack_archive(
    archive: Archive,
    groups: Sequence[Sequence[RowsSpec]],
    job: Job = QUIET,
    *,
    least: int | None = None,
) -> None:
    """Pack the rows of all `groups` that are not packed yet, and write anew what became waste.

    Nothing is packed where that is of fewer than `least` films (`LEAST`).

    For whoever is `indexing`: nobody else changes footage then. May be stopped or killed at any
    moment; what is not packed is read from its own files. Raises `OSError` where the disk is full.
    """
    packs = Packs(archive.root)
    packs.refresh()
    packs.tidy()
    films = [
        _PackedFilm(footage.checksum, footage.revision, footage.id)
        for footage in archive.catalogue.all(with_missing=True, job=job)
    ]
    sources = list(_sources(archive, groups))
    planned = [
        (source, _Choice(packs, source.kind, films, least or LEAST)) for source in job.over(sources)
    ]
    planned = [(source, choice) for source, choice in planned if choice.needed]
    if planned:
        _pack(packs, planned, job)
    for pack in packs.all():
        if dict(pack.kind.about).get("rules", rules()) not in (rules(), sketch_rules()):
            pack.remove()


def _pack(packs: Packs, planned: Sequence[tuple[_Source, _Choice]], job: Job) -> None:
    count = sum(len(choice.films) for _, choice in planned)
    with job.step("packing rows", of=count, unit="parts") as step:
        for source, choice in planned:
            if choice.films:
                made = _read(source, step.over(choice.films))
                write_pack(packs.new_path(source.kind), source.kind, made, source.types, job)
            for pack in choice.replaced:
                pack.remove()


@dataclass(frozen=True)
class _PackedFilm:
    checksum: str
    revision: int
    id: int


class _Choice:
    """A choice of the films that a new pack of one kind is to hold, and the packs it replaces."""

    def __init__(
        self, packs: Packs, kind: PackKind, films: Sequence[_PackedFilm], least: int
    ) -> None:
        table = packs.table(kind)
        mine = [pack for pack in packs.all() if pack.kind == kind]
        held: dict[int, list[_PackedFilm]] = {id(pack): [] for pack in mine}
        self.films: list[_PackedFilm] = []
        for film in films:
            found = table.get((film.checksum, film.revision))
            if found is None:
                self.films.append(film)
            else:
                held[id(found[0])].append(film)
        spoilt = [p for p in mine if p.is_damaged or len(held[id(p)]) < (1 - _WASTE) * len(p)]
        self.replaced = list[Pack](spoilt)
        for pack in spoilt:
            self.films += held[id(pack)]
        self.needed = bool(spoilt) or len(self.films) >= least
        if self.needed:
            for pack in sorted((p for p in mine if p not in spoilt), key=len):
                if len(pack) <= len(self.films):
                    self.films += held[id(pack)]
                    self.replaced.append(pack)
        order = {film: number for number, film in enumerate(films)}
        self.films.sort(key=order.__getitem__)


class _Source(Protocol):
    """A source of what is packed."""

    kind: PackKind
    types: dict[str, str]

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        """Return what is to be packed of a film. Raises `ArchiveError` where it is not there."""


def _sources(archive: Archive, groups: Sequence[Sequence[RowsSpec]]) -> Iterator[_Source]:
    specs = [spec for group in groups for spec in group]
    yield _Frames(archive.store)
    yield from (_Rows(archive.store, spec) for spec in specs)
    yield _Shots(archive, groups[0])
    yield from (_Means(archive, spec) for spec in specs if spec.facet in POOLED)
    yield _Segments(archive)
    yield from (_Sketches(archive, spec) for spec in specs if spec.facet in SKETCHED)


def _read(source: _Source, films: Iterator[_PackedFilm]) -> Iterator[Packed]:
    """Yield what there is of each film."""
    for film in films:
        try:
            parts = source.of(film)
        except ArchiveError:
            continue  # said of it wherever it is opened
        yield Packed(film.checksum, film.revision, parts)


class _Frames:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.kind = FRAMES
        self.types = {"pts": "I64", "shown": "I64"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        pts, shown = self._store.frames(film.checksum)
        return {"pts": pts, "shown": shown}


class _Rows:
    def __init__(self, store: Store, spec: RowsSpec) -> None:
        self._store, self._spec = store, spec
        self.kind = rows_kind(spec)
        self.types = {"rows": "F16"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        return {"rows": self._store.features(film.checksum, self._spec)}


class _Shots:
    def __init__(self, archive: Archive, specs: Sequence[RowsSpec]) -> None:
        self._archive = archive
        self._by = {spec.facet: spec for spec in specs if spec.facet in (MATERIAL, TONE)}
        self.kind = shots_kind(specs)
        self.types = {"shots": "I64", "unwanted": "I64"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        store, shots = self._archive.store, self._archive.catalogue.shots(film.id)
        rows = {name: store.features(film.checksum, spec) for name, spec in self._by.items()}
        _, shown = store.frames(film.checksum)
        found = judged(shots, shown, rows.get(MATERIAL), rows.get(TONE))
        return {"shots": found.shots.table, "unwanted": found.unwanted[None]}


class _Means:
    def __init__(self, archive: Archive, spec: RowsSpec) -> None:
        self._archive, self._spec = archive, spec
        self.kind = means_kind(spec)
        self.types = {"means": "F32"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        shots = self._archive.catalogue.shots(film.id)
        rows = self._archive.store.features(film.checksum, self._spec)
        _, shown = self._archive.store.frames(film.checksum)
        return {"means": means(rows, rows_of_each(shown, _cores(shots)))}


class _Segments:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.kind = segments_kind()
        self.types = {"spans": "I64"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        return {"spans": _segments(self._archive, film)}


class _Sketches:
    def __init__(self, archive: Archive, spec: RowsSpec) -> None:
        self._archive, self._spec = archive, spec
        self.kind = sketch_kind(spec)
        self.types = {"codes": "I8"}

    def of(self, film: _PackedFilm) -> dict[str, NDArray[np.generic]]:
        rows = self._archive.store.features(film.checksum, self._spec)
        spans = _segments(self._archive, film)[:, 1:]
        return {"codes": sketches(self._spec.facet, rows, spans)}


def _segments(archive: Archive, film: _PackedFilm) -> NDArray[np.int64]:
    """Return the segments of a film, the number of their shot first."""
    _, shown = archive.store.frames(film.checksum)
    return segments(rows_within_each(shown, _cores(archive.catalogue.shots(film.id))))


def _cores(shots: Sequence[Shot]) -> NDArray[np.int64]:
    """Return the cores of shots, whose numbers are their places.

    Raises `ArchiveError` where they are not.
    """
    if [shot.index for shot in shots] != list(range(len(shots))):
        raise ArchiveError("The numbers of its shots have gaps.")
    return np.array([(s.core.first, s.core.end) for s in shots], np.int64).reshape(-1, 2)


def _name(spec: RowsSpec) -> str:
    return spec.file.removesuffix(".safetensors")


def _told(specs: Sequence[RowsSpec], facet: str) -> str:
    return " ".join(str(spec.metadata()) for spec in specs if spec.facet == facet)
