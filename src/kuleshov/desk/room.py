"""Check that outputs can be known and make their folders, before any time is spent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kuleshov.errors import NOT_THERE, MediaNotFound, UsageError
from kuleshov.files import check_writable
from kuleshov.letters import check_font

__all__ = ["check_output", "check_room", "check_there", "make_room"]


def check_there(path: Path | None) -> None:
    """Raise `MediaNotFound` for a film that is not there; None is nothing to look at."""
    if path is not None and not path.exists():
        raise MediaNotFound(path, NOT_THERE)


def check_output(
    out: Path,
    given: Path | None,
    endings: Sequence[str],
    *,
    what: str = "film",
    whence: str = "source",
    beside: Sequence[str] = (),
) -> None:
    """Refuse an output that cannot be written, before any time is spent, and make its folder.

    `endings` are those that it may have; `given` is the file that it must not be, called `whence`;
    `beside` are the endings of what is written with it. Raises `UsageError`.
    """
    check_font()
    if out.is_dir():
        raise UsageError(
            f"{out} is a folder: name the {what} to write, such as {out / what}{endings[0]}."
        )
    if out.suffix.lower() not in endings:
        wanted = f"{', '.join(endings[:-1])} or {endings[-1]}" if len(endings) > 1 else endings[0]
        ending = out.suffix or "nothing"
        raise UsageError(f"out must end in {wanted}, not {ending!r}.", option="out")
    make_room(out, given, what, whence)
    for suffix in beside:
        if (path := out.with_suffix(suffix)).is_dir():
            raise UsageError(f"{path} is a folder, and would be written: rename one of them.")


def make_room(out: Path, given: Path | None, what: str, whence: str) -> None:
    """Make the folder for `out`, and check that files can be written in it.

    Raises `UsageError` for an `out` that is a folder itself, or the file that is `given`; `what` is
    written, `whence`, as people call them.
    """
    if out.is_dir():
        raise UsageError(f"{out} is a folder: name the {what} to write.")
    if given is not None and out.exists() and given.exists() and out.samefile(given):
        raise UsageError(f"{out} is the {whence} itself: name another {what} to write.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out.parent} cannot be made: {error.strerror}.") from error
    check_room(out)


def check_room(out: Path) -> None:
    """Refuse a file that cannot be written in its folder. Raises `UsageError`."""
    try:
        check_writable(out)
    except OSError as error:
        raise UsageError(
            f"Nothing can be written in {out.parent} ({error.strerror}): name another folder."
        ) from error
