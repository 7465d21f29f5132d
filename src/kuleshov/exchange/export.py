"""Write a film in a form that other programs open; each format has a module of its own.

    exported = export(read_otio(project), Path("film.edl"))
    exported.notes           # what the format could not say

docs/exchange.md tells which program takes which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kuleshov.errors import UsageError
from kuleshov.exchange.edl import edl
from kuleshov.exchange.fcpxml import fcpxml
from kuleshov.exchange.tables import csv_table, json_list
from kuleshov.jobs import QUIET, Job
from kuleshov.media.facts import facts_of
from kuleshov.media.guard import spared
from kuleshov.notes import Note
from kuleshov.project.file import save, write_otio
from kuleshov.timeline import Clip, Timeline

__all__ = ["FORMATS", "Exported", "export", "format_of"]

FORMATS = ("edl", "fcpxml", "otio", "json", "csv")
"""The formats that can be written; each is also its suffix."""

_WRITERS = {"edl": edl, "fcpxml": fcpxml, "json": json_list, "csv": csv_table}


@dataclass(frozen=True)
class Exported:
    """A file that was exported.

    Its format, how many clips the film's track has, and notes on what the format cannot say.
    """

    path: Path
    format: str
    clips: int
    notes: tuple[Note, ...]


def format_of(path: Path, wanted: str | None = None) -> str:
    """Return the format for a file: `wanted`, or that of its suffix.

    Raises `UsageError` for others.
    """
    name = (wanted or path.suffix.removeprefix(".")).lower()
    if name not in FORMATS:
        known = ", ".join(f".{one}" for one in FORMATS)
        what = repr(name) if name else "no suffix"
        text = f"{path} has {what}: name a file with {known}."
        raise UsageError(text, code="format-unknown")
    return name


def export(
    timeline: Timeline,
    out: Path,
    *,
    form: str | None = None,
    start: str = "01:00:00:00",
    job: Job = QUIET,
) -> Exported:
    """Write a timeline as `form`, by default that of the suffix, whole or not at all.

    `start` is the timecode of the first frame. Raises `UsageError` where format or timecode are
    none, `ProjectError` where the film cannot be said so or the file not be written.
    """
    form = format_of(out, form)
    clips = sum(isinstance(item, Clip) for item in timeline.recut.items)
    facts, notes = spared(facts_of, timeline, job=job)
    if form == "otio":
        origins = {path: one.origin for path, one in facts.items()}
        write_otio(_source_below(timeline), out, origins)
        return Exported(out, form, clips, tuple(notes))
    text, more = _WRITERS[form](timeline, facts, start)
    # Spreadsheets take UTF-8 for what it is only with its mark.
    save(out, text.encode("utf-8-sig" if form == "csv" else "utf-8", "replace"))
    return Exported(out, form, clips, (*notes, *more))


def _source_below(timeline: Timeline) -> Timeline:
    """Return the timeline with the source's track lowest: editing programs show the uppermost."""
    tracks = sorted(timeline.tracks, key=lambda track: track.name != "source")
    return replace(timeline, tracks=tuple(tracks))
