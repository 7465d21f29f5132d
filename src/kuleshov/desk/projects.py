"""Read projects, write them anew, and keep the old ones."""

from __future__ import annotations

from pathlib import Path

from kuleshov.archive.archive import open_archive
from kuleshov.edit.credits import with_slates
from kuleshov.errors import ProjectError
from kuleshov.footage import Slate
from kuleshov.notes import Note
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.reattach import reattached
from kuleshov.timeline import Timeline

__all__ = ["read_project", "replace_project", "set_aside", "with_slates_of"]


def read_project(path: Path, original: Path | None = None) -> tuple[Timeline, tuple[Note, ...]]:
    """Return a project and notes on it.

    What an editing program dropped is taken from the `original`. Raises `ProjectError`.
    """
    timeline = read_otio(path)
    if original is None:
        return timeline, ()
    timeline, notes = reattached(timeline, read_otio(original))
    return timeline, tuple(notes)


def replace_project(timeline: Timeline, path: Path) -> Path | None:
    """Write a project anew, keep the old one aside, and return the old one's new path.

    It is put back if that fails. Raises `ProjectError`.
    """
    try:
        kept = set_aside(path)
    except OSError as error:
        raise ProjectError(
            f"{path} was not written: it cannot be kept ({error.strerror})."
        ) from error
    try:
        write_otio(timeline, path)
    except BaseException:
        if kept is not None:
            kept.replace(path)
        raise
    return kept


def set_aside(path: Path) -> Path | None:
    """Move a project that is in the way aside: somebody's choices may be in it.

    Returns where it is now, None if there was none.
    """
    if not path.exists():
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(kept)
    return kept


def with_slates_of(timeline: Timeline, root: Path) -> Timeline:
    """Return a project with the slates of an archive. Raises `ArchiveError` where there is none."""
    with open_archive(root) as archive:
        films = archive.catalogue.all(with_missing=True)
    return with_slates(timeline, {f.checksum: f.slate for f in films if f.slate != Slate()})
