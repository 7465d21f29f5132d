"""The steps of a recut as the command line runs them: each says what it does while it lasts."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.cli.common import Networks, note, progress, say_waiting
from kuleshov.errors import MatchError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from kuleshov.archive.archive import Archive
    from kuleshov.archive.catalogue import Footage
    from kuleshov.archive.ingest import IngestSummary, Outcome
    from kuleshov.archive.sources import SourceCache
    from kuleshov.cli.look import Appearance
    from kuleshov.edit.recut import Recut, RecutOptions
    from kuleshov.features.analyse import Analysis
    from kuleshov.match.filters import Filter
    from kuleshov.match.rows import ArchiveRows
    from kuleshov.render.film import Rendered
    from kuleshov.render.options import Grade, Missing
    from kuleshov.timeline import Timeline

__all__ = [
    "Products",
    "analyse_source",
    "index",
    "keep_old",
    "make_recut",
    "offered",
    "read_project",
    "render_film",
    "replace_project",
    "source_cache",
]

_NO_END = Fraction(10**9)  # s
_NAMED = 5  # of the films that are missing


@dataclass
class Products:
    """What a recut left on disk, and what to say about it."""

    films: list[Rendered] = field(default_factory=list)
    projects: list[Path] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)
    credits: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Bars:
    """Two bars: the files, and the frames of the file at hand. Where no terminal shows them, a line
    for each file that was looked at, since a folder may take hours."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._files: TaskID | None = None
        self._file: TaskID | None = None
        self._began = 0.0

    def begin(self, files: int) -> None:
        what = f"indexing {files} file{'s' if files != 1 else ''}"
        self._files = self._bars.add_task(what, total=files, speed="")
        self._file = self._bars.add_task("", total=None, speed="")

    def file(self, path: Path) -> None:
        self._began = time.monotonic()
        assert self._file is not None
        self._bars.reset(self._file, description=path.name, total=None, speed="")

    def progress(self, frames: int, of: float | None) -> None:
        assert self._file is not None
        speed = f"{frames / max(1e-3, time.monotonic() - self._began):.0f} fps"
        total = max(of, frames) if of else None
        self._bars.update(self._file, completed=frames, total=total, speed=speed)

    def done(self, path: Path, outcome: Outcome) -> None:
        assert self._files is not None
        self._bars.advance(self._files)
        if not self._bars.console.is_terminal and outcome != "known":
            note(f"{outcome:<8} {path.name}  {time.monotonic() - self._began:.0f} s")


def index(
    root: Path, paths: Sequence[Path], loaded: Networks, *, wait: bool = True
) -> IngestSummary:
    """Bring the archive in `root` up to date with `paths`."""
    from kuleshov.archive.archive import write_archive
    from kuleshov.archive.ingest import ingest

    with write_archive(root, wait=wait, waiting=say_waiting(root)) as archive, progress() as bars:
        return ingest(archive, paths, loaded.analyst, _Bars(bars))


def source_cache() -> SourceCache:
    """What was seen of sources, among the user's caches."""
    from kuleshov.archive.sources import SourceCache, default_folder

    return SourceCache(default_folder())


def analyse_source(
    path: Path,
    loaded: Networks,
    *,
    mirrored: bool = False,
    only: Collection[str] | None = None,
    grid: int | None = None,
    begin: Fraction | None = None,
    end: Fraction | None = None,
) -> tuple[Analysis, str]:
    """Look at a source, or its part from `begin` to `end`, by all facets or `only` by these, `grid`
    times a second (None: as films are matched), unless that is kept; also its checksum."""
    from kuleshov.archive.sources import analysed
    from kuleshov.features.analyse import SOURCE_GRID
    from kuleshov.timecode import TimeRange

    part = None
    if begin is not None or end is not None:
        part = TimeRange(begin or Fraction(0), _NO_END if end is None else end)

    with progress() as bars:
        task = bars.add_task(f"looking at {path.name}", total=None, speed="")

        def report(frames: int, of: float | None) -> None:
            total = max(of, frames) if of else None
            bars.update(task, completed=frames, total=total)

        checksum = loaded.analyst.worker.checksum(path)
        analysis = analysed(
            *(path, checksum, loaded.analyst, source_cache()),
            grid=grid or SOURCE_GRID,
            mirrored=mirrored,
            only=only,
            part=part,
            progress=report,
        )
    return analysis, checksum


def make_recut(
    root: Path,
    source: Path,
    loaded: Networks,
    options: RecutOptions,
    filters: Filter | None = None,
) -> tuple[Recut, ...]:
    """Match a source against the archive in `root`, as far as `filters` let it, and choose."""
    from kuleshov.archive.archive import open_archive
    from kuleshov.edit.recut import recut

    with open_archive(root) as archive:
        rows = offered(archive, loaded, filters)
        analysis, checksum = analyse_source(
            *(source, loaded),
            mirrored=options.match.mirror,
            begin=options.begin,
            end=options.end,
        )
        with progress() as bars:
            bars.add_task("matching", total=None, speed="")
            return recut(analysis, checksum, rows, loaded.reference, options)


def offered(archive: Archive, loaded: Networks, filters: Filter | None = None) -> ArchiveRows:
    """What the archive offers; what it cannot offer is said."""
    from kuleshov.archive.archive import tags_for
    from kuleshov.match.rows import MISSING, ArchiveRows

    rows = ArchiveRows.load(archive, tags_for(loaded.analyst.matched))
    unseen = _not_seen(archive, rows, loaded)
    missing = [footage for footage, reason in rows.left_out if reason == MISSING]
    for footage, reason in rows.left_out:
        if footage not in missing and footage not in unseen:
            note(f"Not offered: {footage.path}: {reason}")
    if missing:
        note(
            f"Not offered: {_films(missing)}, which cannot be reached now: mount the drive, or "
            "find what was moved with `kuleshov relink FOLDER`."
        )
    if unseen:
        name = loaded.analyst.eyes[-1].encoder.name
        again = f"run `kuleshov index FOLDER --encoder {name}`."
        if not rows.films:
            raise MatchError(f"No footage of the archive is indexed with {name}: {again}")
        note(f"Not offered: {_films(unseen)}, not indexed with {name}: {again}")
    if filters is None:
        return rows
    catalogue = archive.catalogue
    return filters.apply(rows, catalogue.bins(), tags=catalogue.tag_table)


def _not_seen(archive: Archive, rows: ArchiveRows, loaded: Networks) -> list[Footage]:
    """Footage that is left out only because another encoder than the bundled one never saw it."""
    from kuleshov.archive.archive import tags_for

    first, *others = (tags_for(eyes.facets) for eyes in loaded.analyst.eyes)
    if not others:
        return []
    lacking = (f for f, _ in rows.left_out if not archive.store.has(f.checksum, others[0]))
    return [f for f in lacking if not f.missing and archive.store.has(f.checksum, first)]


def _films(footage: list[Footage]) -> str:
    """How many films, and the names of some."""
    names = ", ".join(film.path.name for film in footage[:_NAMED])
    more = ", …" if len(footage) > _NAMED else ""
    return f"{len(footage)} film{'s' if len(footage) > 1 else ''} of the archive ({names}{more})"


def render_film(
    timeline: Timeline,
    out: Path,
    appearance: Appearance,
    missing: Missing = "refuse",
    *,
    captions: bool = False,
) -> Rendered:
    """Render with a bar. Ctrl-C stops it and leaves nothing."""
    from kuleshov.render.apart import apart
    from kuleshov.render.film import render
    from kuleshov.render.options import RenderOptions

    out.parent.mkdir(parents=True, exist_ok=True)
    laid = appearance.arrange(timeline)
    with progress() as bars:
        task = bars.add_task(f"rendering {out.name}", total=laid.duration, speed="")
        began = time.monotonic()

        def report(done: int, of: int) -> None:
            speed = f"{done / max(1e-3, time.monotonic() - began):.0f} fps"
            bars.update(task, completed=done, total=of, speed=speed)

        options = RenderOptions(
            write=appearance.write,
            cadence=appearance.cadence,
            look=appearance.look,
            grades=_grades(timeline, appearance.look.tone_match),
            missing=missing,
            captions=captions,
        )
        return apart(render, laid, out, options, progress=report)


def _grades(timeline: Timeline, strength: float) -> Mapping[int, Grade]:
    """How clips are graded towards the source; what cannot be read stays as it is."""
    from kuleshov.media.guard import spared
    from kuleshov.render.look import tones

    return spared(tones, timeline, strength) if strength else {}


def read_project(path: Path, original: Path | None = None) -> tuple[Timeline, list[str]]:
    """A project, with what an editing program dropped taken from the `original`; and notes."""
    from kuleshov.edit.interchange import read_otio
    from kuleshov.edit.reattach import reattached

    timeline = read_otio(path)
    return (timeline, []) if original is None else reattached(timeline, read_otio(original))


def replace_project(timeline: Timeline, path: Path) -> Path | None:
    """Write a project anew and keep the old one aside, which is given; put back if that fails.

    Raises `ProjectError`.
    """
    from kuleshov.edit.interchange import write_otio
    from kuleshov.errors import ProjectError

    try:
        kept = keep_old(path)
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


def keep_old(path: Path) -> Path | None:
    """Move a project that is in the way aside: somebody's choices may be in it."""
    if not path.exists():
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(kept)
    return kept
