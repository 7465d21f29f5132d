"""Give the rows of an open archive, loaded once, and again when they have changed.

reader = Reader(archive)
reader.rows(specs)       # loaded
reader.rows(specs)       # the same object, until some process has committed something
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kuleshov.archive.archive import Archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.specs import RowsSpec
from kuleshov.garbage import nothing_searched
from kuleshov.jobs import QUIET, Job

__all__ = ["RowsReader"]

_LISTEN = 0.1  # s between two looks whether to stop, while another thread loads rows


class RowsReader:
    """A reader that gives the rows of an archive to any number of threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._loaded: dict[tuple[RowsSpec, ...], tuple[int, ArchiveRows]] = {}

    def rows(self, specs: Iterable[RowsSpec], job: Job = QUIET) -> ArchiveRows:
        """Return the rows as they are in the archive now.

        They are loaded again only where anything was committed since; whoever still works with the
        older ones may go on. Of several threads that need them at once one loads them. Raises
        `ArchiveError` where the catalogue cannot be read, `Closed` where the archive is closed.
        """
        wanted = tuple(specs)
        while not self._lock.acquire(timeout=_LISTEN):
            job.check_waiting()
        try:
            # Read first: what is committed while rows are loaded is seen by the next call.
            version = self._archive.catalogue.version()
            known = self._loaded.get(wanted)
            if known is not None and known[0] == version:
                return known[1]
            with nothing_searched():
                rows = ArchiveRows.load(self._archive, wanted, job)
            self._loaded[wanted] = (version, rows)
            return rows
        finally:
            self._lock.release()
