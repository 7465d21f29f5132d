"""Writing a film in a form that other programs open; one module knows each format.

    exported = export(read_otio(project), Path("film.edl"))
    exported.notes           # what the format could not say

docs/exchange.md tells which program takes which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kuleshov.edit.edl import edl
from kuleshov.edit.facts import facts_of
from kuleshov.edit.fcpxml import fcpxml
from kuleshov.edit.interchange import write_otio, write_whole
from kuleshov.edit.tables import csv_table, json_list
from kuleshov.errors import UsageError
from kuleshov.media.guard import spared
from kuleshov.timeline import Clip, Timeline

__all__ = ["FORMATS", "Exported", "export", "format_of"]

FORMATS = ("edl", "fcpxml", "otio", "json", "csv")
"""What can be written; each is also its suffix."""

_WRITERS = {"edl": edl, "fcpxml": fcpxml, "json": json_list, "csv": csv_table}


@dataclass(frozen=True)
class Exported:
    """What was written: the file, its format, how many clips the film's track has, and sentences
    on what the format cannot say."""

    path: Path
    format: str
    clips: int
    notes: tuple[str, ...]


def format_of(path: Path, wanted: str | None = None) -> str:
    """The format for a file: `wanted`, else by its suffix. Raises `UsageError` for others."""
    name = (wanted or path.suffix.removeprefix(".")).lower()
    if name not in FORMATS:
        known = ", ".join(f".{one}" for one in FORMATS)
        what = repr(name) if name else "no suffix"
        raise UsageError(f"{path} has {what}: name a file with {known}, or a --format.")
    return name


def export(
    timeline: Timeline, out: Path, *, form: str | None = None, start: str = "01:00:00:00"
) -> Exported:
    """Write a timeline as `form`, by default that of the suffix, whole or not at all.

    `start` is the timecode of the first frame. Raises `UsageError` where format or timecode are
    none, `ProjectError` where the film cannot be said so or the file not be written.
    """
    form = format_of(out, form)
    clips = sum(isinstance(item, Clip) for item in timeline.recut.items)
    facts, notes = spared(facts_of, timeline)
    if form == "otio":
        origins = {path: one.origin for path, one in facts.items()}
        write_otio(_source_below(timeline), out, origins)
        return Exported(out, form, clips, tuple(notes))
    text, more = _WRITERS[form](timeline, facts, start)
    # Spreadsheets take UTF-8 for what it is only with its mark.
    write_whole(out, text.encode("utf-8-sig" if form == "csv" else "utf-8", "replace"))
    return Exported(out, form, clips, (*notes, *more))


def _source_below(timeline: Timeline) -> Timeline:
    """With the source's track lowest: editing programs show the uppermost."""
    tracks = sorted(timeline.tracks, key=lambda track: track.name != "source")
    return replace(timeline, tracks=tuple(tracks))
