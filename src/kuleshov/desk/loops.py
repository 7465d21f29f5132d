"""Make grids of shots that are alike, and GIFs: loops that move without a jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.archive.filters import Filter
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.shot_tags import shared_by
from kuleshov.desk.asking import Ask
from kuleshov.desk.finding import find
from kuleshov.edit.grid import (
    Cell,
    GridOptions,
    Looped,
    fitting,
    loop_of,
    loops_of,
    rate_of,
    still,
)
from kuleshov.edit.grid import grid as laid_grid
from kuleshov.edit.layouts import arranged
from kuleshov.edit.recut import RecutOptions
from kuleshov.errors import MatchError, MediaError
from kuleshov.footage import even
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.likeness.clusters import clusters as alike
from kuleshov.match.likeness.places import different
from kuleshov.match.same.duplicates import without_copies
from kuleshov.media.gif import TICK, GifTimes, read_times
from kuleshov.media.guard import guarded
from kuleshov.notes import Note, together
from kuleshov.render.gif import Moving
from kuleshov.timecode import format_time
from kuleshov.timeline import Layout, Timeline

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["Cells", "Gif", "Grid", "cells_of", "clusters", "gif", "grid", "remade_gif"]

_CELL = Fraction(3, 4)  # s of a shot for a cell
_SHORTEST, _LONGEST = Fraction(1), Fraction(4)  # s of a GIF
_WIDTH = 480  # px of a GIF


@dataclass(frozen=True)
class Cells:
    """The shots to show side by side, and notes on them."""

    cells: tuple[Cell, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A grid as a timeline; `shown` describes each cell, in reading order."""

    timeline: Timeline
    shown: tuple[str, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Gif:
    """A timeline to be written as a GIF, and how it moves; `shown` describes its shots."""

    timeline: Timeline
    moving: Moving
    shown: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def cells_of(
    desk: Desk,
    ask: Ask,
    options: GridOptions = GridOptions(),
    match: MatchOptions = MatchOptions(),
    filters: Filter = Filter(),
    *,
    job: Job = QUIET,
) -> Cells:
    """Return the shots that answer, best first, each of another place, as many as fill a grid.

    Raises `MatchError` where nothing answers.
    """
    wanted = options.columns * options.rows
    # Several clips of one shot may be found, and copies of it.
    match = replace(match, candidates=max(60, 10 * wanted))
    # What does not answer is not shown only to fill a cell.
    found = find(desk, ask, ask.length, match, filters, job=job).clear(ask.drift)
    good = list(found.hits)
    pool = [c for c in good if c.usable.duration >= _CELL] or good
    originals = _originals(pool, job)
    chosen, same = different(originals, wanted, desk.reference, job=job)
    same += len(pool) - len(originals)
    said = []
    if same and len(chosen) < wanted:
        text = f"Shots that show the same place as another were left out: {same}."
        said.append(Note("same-place", text, {"shots": same}))
    cells = (
        Cell(c.film, c.film.shot(c.shot), None if ask.bin is not None else c.media, c.mirrored)
        for c in chosen
    )
    return Cells(tuple(cells), together(found.told, said))


def _originals(found: Sequence[Candidate], job: Job) -> list[Candidate]:
    """Return the clips found, without those whose material a better file shows as well."""
    held = {one.ref for one in found}
    films = {one.film.footage.id: one.film for one in found}
    pool = ArchiveRows(
        replace(film, shots=tuple(shot for shot in film.shots if film.ref(shot) in held))
        for film in films.values()
    )
    kept = without_copies(pool, job=job)
    left = {film.ref(shot) for film in kept.films for shot in film.shots}
    return [one for one in found if one.ref in left]


def clusters(
    desk: Desk,
    count: int,
    options: GridOptions = GridOptions(),
    match: MatchOptions = MatchOptions(),
    filters: Filter = Filter(),
    *,
    job: Job = QUIET,
) -> tuple[tuple[Cells, ...], tuple[Note, ...]]:
    """Return the archive's own groups of shots that look alike, `count` at most, and notes."""
    offer = desk.rows(filters, job=job)
    originals = without_copies(offer.rows, job=job)
    size = options.columns * options.rows
    found = alike(*(originals, desk.reference, count, size, match.weights, _CELL), job=job)
    said = []
    if len(found) < count:
        text = f"Of {count} clusters {len(found)} were found: the archive has no more shots."
        said.append(Note("few-clusters", text, {"clusters": len(found)}))
    made = []
    for number, group in enumerate(found, 1):
        if shared := shared_by([(member.film, member.shot) for member in group.members]):
            about = {"cluster": number, "tags": list(shared)}
            said.append(Note("cluster-shares", f"Cluster {number}: {', '.join(shared)}.", about))
        made.append(Cells(tuple(Cell(member.film, member.shot) for member in group.members)))
    return tuple(made), together(offer.notes, said)


def grid(
    name: str,
    cells: Sequence[Cell],
    options: GridOptions = GridOptions(),
    *,
    picture: bool = False,
    job: Job = QUIET,
) -> Grid:
    """Return a grid of shots, each a loop without a jump, or with `picture` its best instant.

    Cells whose footage cannot be read are left out, and said. Raises `MatchError` where that leaves
    none.
    """
    looped, said = [], []
    length = options.length
    found = loops_of(cells, rate_of(cells), length, length, fill=True, job=job)
    for one in found:
        if isinstance(one, MediaError):
            said.append(_not_shown(one))
        else:
            looped.append(one)
    if not looped:
        raise MatchError("No shot that was found can be read.", code="footage-gone")
    columns, rows = fitting(len(looped), options)
    if columns * rows < options.columns * options.rows:
        text = (
            f"{name} has {columns}x{rows} cells instead of {options.columns}x{options.rows}: the "
            "archive has no more different shots of it."
        )
        said.append(Note("few-cells", text, {"columns": columns, "rows": rows}))
    timeline, shown = laid_grid(name, looped, options), looped[: columns * rows]
    if picture:
        timeline = still(timeline, shown)
    return Grid(timeline, tuple(_said(one) for one in shown), tuple(said))


def _not_shown(error: MediaError) -> Note:
    return Note("not-shown", f"Not shown: {error}", {"footage": str(error.path)})


def _said(one: Looped) -> str:
    """Return a sentence that says where a loop is taken from."""
    footage = one.cell.film.footage
    return f"{footage.slate.title or footage.path.name} from {format_time(one.loop.start)}"


def gif(
    desk: Desk,
    ask: Ask,
    name: str,
    moving: Moving = Moving(),
    match: MatchOptions = MatchOptions(),
    filters: Filter = Filter(),
    *,
    width: int | None = None,
    job: Job = QUIET,
) -> Gif:
    """Return the best moment of the shot that answers best, as a loop `width` pixels wide.

    Raises `MatchError` where nothing answers, or nothing of it can be read.
    """
    found = find(desk, ask, ask.length, match, filters, job=job)
    # The one rule of films and GIFs: what does not answer is not used, but to drift away.
    clear = found.clear(ask.drift).hits
    # A shot that is shorter than a second is taken only where there is no other.
    ranked = sorted(clear, key=lambda c: c.usable.duration < _SHORTEST)
    notes = found.told
    for one in ranked:
        near = None if ask.bin is not None else one.media
        cell = Cell(one.film, one.film.shot(one.shot), near, one.mirrored)
        try:
            looped = loop_of(cell, rate_of([cell]), _SHORTEST, _LONGEST, job=job)
        except MediaError as error:
            notes = together(notes, [_not_shown(error)])
            continue
        said = _said(looped)
        notes = together(notes, [Note("shown", f"It shows {said}.", {"shown": said})])
        return Gif(_loop(looped, name, width), moving, (said,), notes)
    raise MatchError("No shot that was found can be read.", code="footage-gone")


def _loop(looped: Looped, name: str, width: int | None) -> Timeline:
    """Return a timeline that shows one loop once."""
    video = looped.cell.film.footage.probe.video
    wide = width or min(_WIDTH, max(32, video.active_size[0] // 2 * 2))
    high = max(16, even(wide / video.active_aspect))
    track = looped.track("recut", "main", looped.loop.frames)
    return Timeline(name, looped.rate, Layout.single(wide, high), (track,))


def remade_gif(
    desk: Desk,
    source: Path,
    moving: Moving = Moving(),
    match: MatchOptions = MatchOptions(),
    filters: Filter = Filter(),
    *,
    width: int | None = None,
    timed: bool = True,
    job: Job = QUIET,
) -> Gif:
    """Return a GIF, or a film, remade from the archive with its own shots, delays and loop.

    A film has one frame rate: only where it is `timed` is it known how long each picture stays.
    Raises `MatchError` where the archive offers nothing, `MediaError` for a source that cannot be
    read.
    """
    times = guarded(read_times, source, job=job) if timed else None
    # On a clock of a GIF's own ticks each of its pictures has its instant, whatever its delay.
    options = RecutOptions(match=match, rate=None if times is None else 1 / TICK)
    made = desk.recut(source, options, filters, job=job)[0]
    notes = tuple(note for note in made.notes if note.code != "rate-variable")
    region = made.timeline.layout.region(made.timeline.recut.region)
    wide = width or min(_WIDTH, region.width)
    size = (wide, max(16, 2 * round(region.height * wide / region.width / 2)))
    timeline = replace(arranged(made.timeline, "alone", size=size), sound=None)
    if times is not None and moving.fps is None:
        moving = _timed(timeline, times, moving)
    return Gif(timeline, moving, (source.name,), notes)


def _timed(timeline: Timeline, times: GifTimes, moving: Moving) -> Moving:
    """Return the moving picture with the delays of the source GIF: its instants and lengths."""
    starts, clock = [], 0
    for delay in times.delays:
        starts.append(min(clock, timeline.duration - 1))
        clock += delay
    return replace(moving, delays=times.delays, frames=tuple(starts), loop=times.loop)
