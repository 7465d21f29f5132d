"""An archive on disk: catalogue and files, opened to read or, by one at a time, to write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kuleshov.archive.catalogue import Catalogue
from kuleshov.archive.store import FeatureTag, Store
from kuleshov.errors import ArchiveBusy, ArchiveError
from kuleshov.features.analyse import ARCHIVE_GRID
from kuleshov.features.facet import AnyFacet

__all__ = ["Archive", "default_root", "open_archive", "tags_for", "write_archive"]

_CATALOGUE = "catalogue.sqlite"


class Archive:
    """A catalogue and its store. Close it, or use it in `with`."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self.root = root
        self.catalogue = catalogue
        self.store = Store(root)

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()


def default_root() -> Path:
    """`KULESHOV_ARCHIVE` where that is set, else a folder among the user's data."""
    named = os.environ.get("KULESHOV_ARCHIVE")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("kuleshov") / "archive"


def tags_for(facets: Iterable[AnyFacet]) -> tuple[FeatureTag, ...]:
    """How the archive's rows of these facets are marked."""
    return tuple(
        FeatureTag(f.name, f.version, f.maker.name, f.maker.checksum, ARCHIVE_GRID) for f in facets
    )


@contextmanager
def open_archive(root: Path) -> Iterator[Archive]:
    """Open an archive to read. Raises `ArchiveError` where there is none."""
    if not (root / _CATALOGUE).is_file():
        raise ArchiveError(
            f"There is no archive in {root}: add footage with `kuleshov index FOLDER`."
        )
    archive = Archive(root, Catalogue(root / _CATALOGUE, read_only=True))
    try:
        yield archive
    finally:
        archive.close()


@contextmanager
def write_archive(
    root: Path, *, wait: bool = True, waiting: Callable[[], None] | None = None
) -> Iterator[Archive]:
    """Open an archive to write, make it where it is not there yet, and tidy up after a crash.

    Only one process may do so at a time: another waits, after `waiting` was called once, or, with
    `wait` false, gets `ArchiveBusy`.
    """
    from filelock import FileLock, Timeout

    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"The archive {root} cannot be made: {error.strerror}.") from error
    lock = FileLock(root / "lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise ArchiveBusy(
                    f"Another process is writing to {root}: try again later."
                ) from None
            if waiting is not None:
                waiting()
            lock.acquire()
    except OSError as error:
        raise ArchiveError(f"The archive {root} cannot be written: {error.strerror}.") from error
    try:
        archive = Archive(root, Catalogue(root / _CATALOGUE))
        try:
            archive.catalogue.forget_unplaced()
            archive.store.sweep(archive.catalogue.checksums())
            yield archive
        finally:
            archive.close()
    finally:
        lock.release()
