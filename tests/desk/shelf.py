"""A desk whose archive and source are made up, for tests of what is done with a project."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from edit.cuts import made, source_of, stock
from kuleshov.archive.rows import ArchiveRows
from kuleshov.desk.choosing import Resumed
from kuleshov.edit.cut import Cut, Source
from kuleshov.edit.resuming import resumable, resumed
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.project.file import read_otio
from match.rows import GRID, path_through

__all__ = ["ShelfDesk", "checksum_of"]


def named(shelf: Stock) -> Stock:
    """The same archive, its films composed unlike their subjects, with checksums as files have."""
    films = []
    for one in shelf.rows.films:
        rows = path_through(1000 + one.footage.id, len(one.shown) / GRID, GRID)
        footage = replace(one.footage, checksum=checksum_of(one.footage.id))
        composed = {**one.rows, "composition": rows.astype(np.float16)}
        films.append(replace(one, footage=footage, rows=composed))
    return Stock(ArchiveRows(films), shelf.reference)


def checksum_of(number: int) -> str:
    """The checksum of a film of the made-up archive."""
    return hashlib.sha256(str(number).encode()).hexdigest()


class ShelfDesk:
    """Stands for a `Desk`: begins a cut of a made-up film, and resumes projects of it, by the real
    functions; only films are not looked at."""

    def __init__(self, shelf: Stock | None = None, cut: Cut | None = None) -> None:
        self.shelf = named(shelf or stock(8))
        self._cut = cut or made(self.shelf, match=MatchOptions(candidates=24))
        self.archive = SimpleNamespace(catalogue=SimpleNamespace(tags=lambda _: {}))

    def cut(self, source: Path, options: object, filters: object, *, job: Job = QUIET) -> Resumed:
        return Resumed(self._cut, self.shelf)

    def resume(self, project: Path, *, job: Job = QUIET) -> Resumed:
        timeline = read_otio(project)
        known = resumable(timeline, project)
        seen = Source(source_of().analysis, known.checksum)
        cut, notes = resumed(timeline, known, seen, self.shelf)
        return Resumed(cut, self.shelf, notes)

    def with_encoder(self, encoder: str) -> ShelfDesk:
        assert encoder == ""
        return self
