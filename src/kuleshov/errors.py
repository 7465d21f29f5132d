"""Every error that Kuleshov raises on purpose.

    KuleshovError
    ├── MediaError                 one file cannot be used; carries its path and the reason
    │   ├── MediaNotFound          also a FileNotFoundError
    │   ├── MediaStalled           also a TimeoutError
    │   └── WorkerDied             the decoding process ended without a word
    ├── ModelError                 a network is missing, damaged or cannot run
    ├── ArchiveError               the archive cannot be opened, read or written
    │   └── ArchiveBusy            another writer holds it
    ├── TimelineError              a timeline contradicts itself; also a ValueError
    ├── ProjectError               a project file cannot be read
    ├── MatchError                 nothing in the archive can answer the source
    ├── RenderError                a film could not be written
    ├── NotWritten                 another file could not be written; also an OSError
    └── UsageError                 the call is wrong; also a ValueError

The library raises; only the command line turns an error into an exit status. Each message is one
sentence that a user can act on.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "ArchiveBusy",
    "ArchiveError",
    "KuleshovError",
    "MatchError",
    "MediaError",
    "MediaNotFound",
    "MediaStalled",
    "ModelError",
    "NotWritten",
    "ProjectError",
    "RenderError",
    "TimelineError",
    "UsageError",
    "WorkerDied",
]


class KuleshovError(Exception):
    """Root of the tree: `except KuleshovError` catches all that is raised on purpose."""


class MediaError(KuleshovError):
    """One media file cannot be used. `path` says which, `reason` why."""

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = Path(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple[type[MediaError], tuple[Path, str]]:
        # The default rebuilds from `args`, the joined message; this error crosses a process border.
        return type(self), (self.path, self.reason)


class MediaNotFound(MediaError, FileNotFoundError):
    """The file is not there, or not any more."""

    def __str__(self) -> str:
        # OSError would print its own, empty, form.
        return f"{self.path}: {self.reason}"


class MediaStalled(MediaError, TimeoutError):
    """The file gave no new frame within the time limit."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class WorkerDied(MediaError):
    """The process that decoded the file ended without a word (a crash, or memory ran out)."""


class ModelError(KuleshovError):
    """A network is missing, damaged, or cannot run here."""


class ArchiveError(KuleshovError):
    """The archive cannot be opened, read or written."""


class ArchiveBusy(ArchiveError):
    """Another process is writing to the archive."""


class TimelineError(KuleshovError, ValueError):
    """A timeline contradicts itself: gaps, overlaps, missing handles, sums that do not add up."""


class ProjectError(KuleshovError):
    """A project file cannot be read as one."""


class MatchError(KuleshovError):
    """Nothing in the archive can answer the source."""


class RenderError(KuleshovError):
    """A film could not be written."""


class NotWritten(KuleshovError, OSError):
    """A file could not be written. `path` says which; `errno` and `strerror` are the system's."""

    def __init__(self, path: str | Path, error: OSError) -> None:
        self.path = Path(path)
        super().__init__(error.errno, error.strerror or str(error) or type(error).__name__)

    def __str__(self) -> str:
        return f"{self.path} was not written: {self.strerror}."


class UsageError(KuleshovError, ValueError):
    """The call is wrong: a time that is none, an option outside its range."""
