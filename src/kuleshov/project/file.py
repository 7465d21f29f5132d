"""Read and write projects: timelines as OpenTimelineIO, the one format in which work is kept.

    write_otio(timeline, Path("film.otio"))
    timeline = read_otio(Path("film.otio"))      # the same timeline, to the last fraction

Every value is written twice: as OTIO has it (ranges in frames, URLs, transitions, effects), for
editing programs, and exactly, as metadata under `kuleshov`. On reading, the exact value holds where
it says the same as the visible one; where an editor changed the visible one, that wins; where our
metadata is gone, defaults take its place. Metadata, markers and effects that other programs left
are kept, and written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kuleshov.errors import ProjectError
from kuleshov.files import write_bytes
from kuleshov.garbage import nothing_searched
from kuleshov.project.memory import KEY
from kuleshov.project.otio_in import parsed, timeline_from
from kuleshov.project.otio_out import OtioItems, timeline_to
from kuleshov.project.relink import found_beside
from kuleshov.timeline import Timeline

__all__ = ["read_otio", "save", "write_otio"]


def write_otio(
    timeline: Timeline,
    path: Path,
    origins: Mapping[Path, Fraction] = MappingProxyType({}),
    *,
    known: OtioItems | None = None,
) -> None:
    """Write a project file, whole or not at all.

    Media below the project's folder are named relative to it, so that the folder can be moved.
    `origins` are the times, in seconds, from which files count by their own timecode; ranges then
    count from there, as editing programs expect. Reading takes them away again. `known` keeps what
    was turned into OpenTimelineIO, for the next time that the same project is written.
    Raises `ProjectError` where metadata hold what a file cannot, or the file cannot be written.
    """
    path = Path(path)
    try:
        made = timeline_to(timeline, path.absolute().parent, known)
        for clip in made.find_clips() if any(origins.values()) else ():
            _count(clip, timeline.rate, origins)
        text = made.to_json_string(indent=2)
        data = f"{text}\n".encode()
    except (TypeError, ValueError, OverflowError) as error:
        raise ProjectError(f"{path} was not written: its metadata hold {error}.") from error
    save(path, data)


def save(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises `ProjectError` where it cannot be written."""
    try:
        write_bytes(path, data)
    except OSError as error:
        raise ProjectError(f"{path} was not written: {error.strerror}.") from error


@nothing_searched()
def read_otio(path: Path) -> Timeline:
    """Read a project file, or a timeline from an editing program.

    Media that are not where it says are looked for below the project's folder, by the end of their
    path, so that a project opens on another machine too.

    Raises `ProjectError` with one sentence where it is none, or holds what cannot be shown.
    """
    import opentimelineio as otio

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ProjectError(f"{path} is not there: name a project, .otio.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(
            f"{path} is not an OpenTimelineIO file: name a project (.otio)."
        ) from error
    try:
        found = parsed(text)
    except ValueError as error:
        raise ProjectError(
            f"{path} is not an OpenTimelineIO file: name a project (.otio)."
        ) from error
    if isinstance(found, otio.schema.SerializableCollection):
        timelines = [child for child in found if isinstance(child, otio.schema.Timeline)]
        found = timelines[0] if len(timelines) == 1 else None
    if not isinstance(found, otio.schema.Timeline):
        raise ProjectError(f"{path} holds no timeline: name a project (.otio) that has one.")
    return found_beside(timeline_from(found, path), path.absolute().parent)


def _count(clip: Any, rate: Fraction, origins: Mapping[Path, Fraction]) -> None:
    """Make the ranges of an OTIO clip count from its file's timecode."""
    import opentimelineio as otio

    ours = clip.metadata.get(KEY, {})
    fields = ours.get("clip") or ours.get("sound") or ours.get("heard")
    origin = origins.get(Path(fields["media"]["path"])) if fields else None
    if not origin:
        return
    moved = otio.opentime.RationalTime(float(origin * rate), float(rate))
    span, reference = clip.source_range, clip.media_reference
    clip.source_range = otio.opentime.TimeRange(span.start_time + moved, span.duration)
    whole = reference.available_range
    if whole is None:
        # The least that is sure: it must begin where the file's timecode does.
        whole = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, float(rate)), span.end_time_exclusive()
        )
    reference.available_range = otio.opentime.TimeRange(whole.start_time + moved, whole.duration)
