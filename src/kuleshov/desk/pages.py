"""Make a page on a film or a recut: its shots, rhythm, light, colours and rhymes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.desk.projects import read_project
from kuleshov.errors import MediaError
from kuleshov.features.analyse import ARCHIVE_GRID
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import guarded, spared
from kuleshov.notes import Note, together
from kuleshov.report.film import FilmReport, read_film
from kuleshov.report.page import page
from kuleshov.report.pairs import told_of
from kuleshov.report.stills import Still, stills
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Media, Timeline

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["Page", "page_of_film", "page_of_project"]


@dataclass(frozen=True)
class Page:
    """A self-contained HTML page, the number of shots on it, and notes."""

    html: str
    shots: int
    notes: tuple[Note, ...] = ()


def page_of_film(desk: Desk, path: Path, *, job: Job = QUIET) -> Page:
    """Return the page on a film. Raises `MediaError` where it cannot be read."""
    film, pictures = _read(desk, path, None, job)
    return Page(page(film.slate.title or path.stem, film, pictures), len(film.pictured))


def _read(
    desk: Desk, path: Path, span: TimeRange | None, job: Job, *, rhyming: bool = False
) -> tuple[FilmReport, dict[int, Still]]:
    """Return the report on a film, and its stills by number of the shot.

    Where `rhyming`, only stills of shots that rhyme are read.
    """
    source = desk.source(path, grid=ARCHIVE_GRID, job=job)
    film = read_film(source.analysis, desk.reference, span, job=job)
    alike = {number for rhyme in film.rhymes for number in (rhyme.first, rhyme.second)}
    shown = [shot for shot in film.shots if not rhyming or shot.number in alike]
    times = [shot.still for shot in shown]
    found = guarded(stills, path, source.analysis.probe.video, times, job=job)
    pairs = zip(shown, found, strict=True)
    return film, {shot.number: still for shot, still in pairs if still is not None}


def page_of_project(desk: Desk, path: Path, *, job: Job = QUIET) -> Page:
    """Return the page on a recut: each shot of the source beside the clip that answers it.

    Raises `ProjectError` where it is not a project.
    """
    timeline, notes = read_project(path)
    pairs, missing = spared(told_of, timeline, job=job)
    said = [*missing]
    film, pictures = None, dict[int, Still]()
    media, span = _source(timeline)
    if media is None:
        text = "The project has no source beside its clips: its rhythm is not told."
        said.append(Note("source-missing", text))
    else:
        try:
            film, pictures = _read(desk, media.path, span, job, rhyming=True)
        except MediaError as error:
            text = f"The source's rhythm is not told: {error}"
            said.append(Note("source-unreadable", text, {"footage": str(media.path)}))
    if pairs and not any(pair.tags[1] for pair in pairs):
        text = "What the shots share is not in this project: it was made by an older Kuleshov."
        said.append(Note("project-old", text))
    notes = together(notes, said)
    used = {item.media.path for item in timeline.recut.items if isinstance(item, Clip)}
    # Black is shown on the page where it stands, and is no shot.
    count = sum(pair.clip is not None for pair in pairs)
    films = f"{len(used)} film{'s' if len(used) != 1 else ''}"
    told = f"{count} shot{'s' if count != 1 else ''} from {films}"
    title = timeline.name or path.stem
    text = page(title, film, pictures, pairs, notes, [("Recut", told)])
    return Page(text, count, notes)


def _source(timeline: Timeline) -> tuple[Media | None, TimeRange | None]:
    """Return the source of a recut, and the part of it that was remade, as media time."""
    track = next((track for track in timeline.tracks if track.name == "source"), None)
    clips = [item for item in track.items if isinstance(item, Clip)] if track is not None else []
    if not clips:
        return None, None
    media = clips[0].media
    own = [clip for clip in clips if clip.media.path == media.path]
    shown = [clip.shown(timeline.rate) for clip in own]
    start, end = min(part.start for part in shown), max(part.end for part in shown)
    return media, TimeRange(max(Fraction(0), start), end)
