"""Open an archive on disk: catalogue and files, to read or, by one at a time, to write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kuleshov.archive.catalogue import Catalogue, OlderCatalogue
from kuleshov.archive.pack import Packs
from kuleshov.archive.staging import Staging, sweep
from kuleshov.archive.store import Store
from kuleshov.errors import ArchiveBusy, ArchiveError
from kuleshov.jobs import QUIET, Job
from kuleshov.notes import Note

__all__ = [
    "Archive",
    "default_root",
    "make_archive",
    "open_archive",
    "opened_archive",
    "write_archive",
]

_CATALOGUE = "catalogue.sqlite"
_LISTEN = 0.1  # s between two looks whether to go on waiting


class Archive:
    """An archive: a catalogue and its store.

    Close it, or use it in `with`. Safe among threads.
    """

    def __init__(self, root: Path, catalogue: Catalogue, *, writes: bool = False) -> None:
        self.root = root
        self.catalogue = catalogue
        self.store = Store(root)
        self.packs = Packs(root)
        self._writes = writes

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()

    @contextmanager
    def writing(self, job: Job = QUIET, *, wait: bool = True) -> Iterator[Archive]:
        """Yield the archive to write to; nobody else writes until the block ends, so keep it short.

        Another process or thread that writes is waited for, after the note `archive-waiting`;
        where `wait` is false, `ArchiveBusy` is raised.
        """
        if self._writes:
            yield self
            return
        with _locked(self.root, "lock", job, wait=wait):
            archive = Archive(self.root, Catalogue(self.root / _CATALOGUE), writes=True)
            try:
                yield archive
            finally:
                archive.close()

    @contextmanager
    def indexing(self, job: Job = QUIET, *, wait: bool = True) -> Iterator[Staging]:
        """Yield a folder for what is made, and be the only one to add footage until the block ends.

        The archive may be read, and its bins, slates and tags be written meanwhile. While footage
        is added nothing that seems to be left over is removed by others: two films that change
        names have no place for a moment.
        """
        # One who writes already may not wait for one who waits to write.
        with _locked(self.root, "index.lock", job, wait=wait and not self._writes):
            with self.writing(job) as writing:
                writing.tidy(job)
            with Staging(self.root) as staging:
                yield staging

    def tidy(self, job: Job = QUIET) -> None:
        """Remove what killed runs left behind; for those who may write and index."""
        self.catalogue.forget_unplaced()
        self.store.sweep(self.catalogue.checksums(), job)
        sweep(self.root)


def default_root() -> Path:
    """Return `KULESHOV_ARCHIVE` where that is set, or else a folder among the user's data."""
    named = os.environ.get("KULESHOV_ARCHIVE")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("kuleshov") / "archive"


@contextmanager
def open_archive(root: Path) -> Iterator[Archive]:
    """Open an archive to read, and close it again. Raises `ArchiveError` where there is none."""
    archive = opened_archive(root)
    try:
        yield archive
    finally:
        archive.close()


def opened_archive(root: Path) -> Archive:
    """Return an archive open to read; close it. Raises `ArchiveError` where there is none."""
    if not (root / _CATALOGUE).is_file():
        raise ArchiveError(f"There is no archive in {root}.", code="archive-missing")
    return Archive(root, _read(root))


def _read(root: Path) -> Catalogue:
    """Return the catalogue to read; one of an older version is brought up to date first."""
    path = root / _CATALOGUE
    try:
        return Catalogue(path, read_only=True)
    except OlderCatalogue as older:
        try:
            with _locked(root, "lock", QUIET, wait=False):
                Catalogue(path).close()
        except ArchiveError:  # where nothing may be written, or an older Kuleshov writes
            raise older from None
    return Catalogue(path, read_only=True)


def make_archive(root: Path, *, wait: bool = True, job: Job = QUIET) -> None:
    """Make an archive where there is none yet, or bring one of an older version up to date.

    Waits and raises as `write_archive`.
    """
    with write_archive(root, wait=wait, job=job):
        pass


@contextmanager
def write_archive(root: Path, *, wait: bool = True, job: Job = QUIET) -> Iterator[Archive]:
    """Open an archive to write, made where it is not there yet, and tidy up after a crash.

    Only one process may do so at a time: another waits, after the note `archive-waiting`, until the
    job is to stop, or, with `wait` false, gets `ArchiveBusy`.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"The archive {root} cannot be made: {error.strerror}.") from error
    with _locked(root, "lock", job, wait=wait):
        archive = Archive(root, Catalogue(root / _CATALOGUE), writes=True)
        try:
            with suppress(ArchiveBusy), _locked(root, "index.lock", QUIET, wait=False):
                archive.tidy(job)
            yield archive
        finally:
            archive.close()


@contextmanager
def _locked(
    root: Path,
    name: str,
    job: Job,
    *,
    wait: bool,
) -> Iterator[None]:
    """Hold a lock of the archive, once nobody else does."""
    from filelock import FileLock, Timeout

    lock = FileLock(root / name)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise ArchiveBusy(
                    f"Another process is writing to {root}: try again later."
                ) from None
            said = f"Another process is writing to {root}; waiting until it is done."
            job.note(Note("archive-waiting", said, {"archive": str(root)}))
            while not lock.is_locked:
                job.check_waiting()
                with suppress(Timeout):
                    lock.acquire(timeout=_LISTEN)
    except OSError as error:
        raise ArchiveError(f"The archive {root} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()
