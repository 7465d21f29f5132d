"""Define every error that Kuleshov raises on purpose.

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
    ├── Stopped                    the call was asked to stop, and has
    └── UsageError                 the call is wrong; also a ValueError

The library raises; only the command line turns an error into an exit status. Each message is one
sentence that a user can act on, and names no option of a command line: where one would help, the
error has a `code`, by which a face knows what to add.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "NOT_THERE",
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
    "Stopped",
    "TimelineError",
    "UsageError",
    "WorkerDied",
    "meant",
]


NOT_THERE = "it is not there: check its name, and that its drive is connected."
"""The reason that a missing file is given, everywhere."""


class KuleshovError(Exception):
    """The root of the tree: `except KuleshovError` catches all that is raised on purpose.

    `code` names the fault in a few words joined by hyphens, where a face may have more to say.
    """

    code = ""

    def __init__(self, *given: object, code: str = "") -> None:
        super().__init__(*given)
        if code:
            self.code = code


class MediaError(KuleshovError):
    """Raised where one media file cannot be used. `path` says which, `reason` why."""

    def __init__(self, path: str | Path, reason: str, code: str = "") -> None:
        self.path = Path(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}", code=code)

    def __reduce__(self) -> tuple[type[MediaError], tuple[Path, str, str]]:
        # The default rebuilds from `args`, the joined message; this error crosses a process border.
        return type(self), (self.path, self.reason, self.code)


class MediaNotFound(MediaError, FileNotFoundError):
    """Raised where the file is not there, or not any more."""

    def __str__(self) -> str:
        # OSError would print its own, empty, form.
        return f"{self.path}: {self.reason}"


class MediaStalled(MediaError, TimeoutError):
    """Raised where the file gave no new frame within the time limit."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class WorkerDied(MediaError):
    """Raised where the process that decoded the file ended without a word.

    It crashed, or memory ran out.
    """


class ModelError(KuleshovError):
    """Raised where a network is missing, damaged, or cannot run here."""


class ArchiveError(KuleshovError):
    """Raised where the archive cannot be opened, read or written."""


class ArchiveBusy(ArchiveError):
    """Raised where another process is writing to the archive."""


class TimelineError(KuleshovError, ValueError):
    """Raised where a timeline contradicts itself.

    There are gaps, overlaps, missing handles, or sums that do not add up.
    """


class ProjectError(KuleshovError):
    """Raised where a project file cannot be read as one."""


class MatchError(KuleshovError):
    """Raised where nothing in the archive can answer the source."""


class RenderError(KuleshovError):
    """Raised where a film could not be written."""


class NotWritten(KuleshovError, OSError):
    """Raised where a file could not be written.

    `path` says which; `errno` and `strerror` are the system's.
    """

    def __init__(self, path: str | Path, error: OSError) -> None:
        self.path = Path(path)
        super().__init__(error.errno, error.strerror or str(error) or type(error).__name__)

    def __str__(self) -> str:
        return f"{self.path} was not written: {self.strerror}."


class Stopped(KuleshovError):
    """Raised where the call was asked to stop, and has.

    What was already finished is kept.
    """

    def __init__(self) -> None:
        super().__init__("Stopped before it was done; what was finished is kept.")

    def __reduce__(self) -> tuple[type[Stopped], tuple[()]]:
        return type(self), ()


class Closed(KuleshovError):
    """Raised where what the call works with was closed, before it or meanwhile.

    What was finished is kept.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was closed, and is of no use any more: open it again.")
        self.what = what

    def __reduce__(self) -> tuple[type[Closed], tuple[str]]:
        return type(self), (self.what,)


class UsageError(KuleshovError, ValueError):
    """Raised where the call is wrong, as by an invalid time or an option outside its range.

    `option` is the name of the argument or field that is wrong, as it is written in Python, with
    which the sentence then begins; `Ask.length` tells it from other records' `length`.
    """

    option = ""

    def __init__(self, *given: object, option: str = "", code: str = "") -> None:
        super().__init__(*given, code=code)
        if option:
            self.option = option


def meant(text: str, known: Iterable[str]) -> str:
    """Return the end of a sentence on an unknown word: which of the `known` ones are closest."""
    there = {name.casefold(): name for name in known}
    close = [there[name] for name in difflib.get_close_matches(text.casefold(), there, 2)]
    return f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}."
