"""Write products: films, moving pictures, their projects, sheets, credits and pages."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

from kuleshov.desk.appearance import Appearance
from kuleshov.desk.projects import set_aside
from kuleshov.edit.credits import Credit, as_json, as_text, credits_of, without_licence
from kuleshov.edit.layouts import arranged
from kuleshov.errors import RenderError
from kuleshov.files import write_text
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import spared
from kuleshov.notes import Note, together
from kuleshov.project.file import write_otio
from kuleshov.render.apart import apart
from kuleshov.render.cards import with_credits
from kuleshov.render.film import render
from kuleshov.render.finishing import tones
from kuleshov.render.gif import Moving, render_gif, render_still
from kuleshov.render.options import Grade, Missing, RenderOptions
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.timeline import Timeline

__all__ = [
    "FILMS",
    "MOVING",
    "PICTURE",
    "Kind",
    "Made",
    "Products",
    "Written",
    "numbered",
    "write_credits",
    "write_film",
    "write_made",
    "write_moving",
    "write_page",
    "write_project",
]

Kind = Literal["film", "gif", "webp", "picture", "sheet", "credits", "project", "page"]
"""The kinds of files that are written."""

FILMS = (".mp4", ".mov")
MOVING = (".gif", ".webp")
PICTURE = ".png"
"""Endings by which it is known how something that moves is to be written."""


@dataclass(frozen=True)
class Written:
    """A file that was written.

    `frames`, `width` and `height` (pixels) are given of what is seen, `sound` of a film: what
    became of its sound. `shots` describes what is shown, a line each.
    """

    path: Path
    kind: Kind
    frames: int = 0
    width: int = 0
    height: int = 0
    sound: str = ""
    shots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Products:
    """The files that were written, in their order, and notes on them."""

    written: tuple[Written, ...] = ()
    notes: tuple[Note, ...] = ()

    def __add__(self, other: Products) -> Products:
        return Products((*self.written, *other.written), together(self.notes, other.notes))

    def of(self, *kinds: Kind) -> tuple[Written, ...]:
        """Return the files of these kinds."""
        return tuple(one for one in self.written if one.kind in kinds)

    def saying(self, notes: Iterable[Note]) -> Products:
        """Return the same products with more notes."""
        return Products(self.written, together(self.notes, notes))


class Made(Protocol):
    """Something that has a film as a timeline, and notes on it."""

    @property
    def timeline(self) -> Timeline:
        """The film."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes on the film."""


def write_made(
    made: Made,
    out: str | Path,
    appearances: Sequence[Appearance] = (Appearance(),),
    *,
    films: bool = True,
    job: Job = QUIET,
) -> Products:
    """Write the project and sheet of what was made, and its films.

    There is one film for each of the `looks`.

    Where `films` is false, no film is rendered. Of several looks all but the recut alone are named
    after their arrangement. A project that is in the way is kept aside. Raises `RenderError`,
    `ProjectError`, `Stopped`.
    """
    out, whole, notes = Path(out), made.timeline, made.notes
    if any(appearance.credits for appearance in appearances):
        whole, more = credited(whole)
        notes = together(notes, more)
    done = write_project(_beside(whole), out.with_suffix(".otio"))
    done = Products(done.written, together(notes, done.notes))
    pages = apart(sheet, made.timeline, out.with_suffix(".sheet.png"), SheetOptions(), job=job)
    done += Products(tuple(Written(path, "sheet") for path in pages))
    for appearance in appearances if films else ():
        other = appearance.arrangement not in (None, "alone") and len(appearances) > 1
        path = out.with_stem(f"{out.stem}-{appearance.arrangement}") if other else out
        done += write_film(whole, path, appearance, job=job)
    return done


def numbered(out: Path, count: int) -> list[Path]:
    """Return the names of so many products of one kind: OUT itself, or OUT-1, OUT-2 and so on."""
    if count == 1:
        return [out]
    return [out.with_stem(f"{out.stem}-{number}") for number in range(1, count + 1)]


def _beside(timeline: Timeline) -> Timeline:
    """Return a recut beside its source, as its project has it; anything else as it is."""
    paired = any(track.name == "source" for track in timeline.tracks)
    return arranged(timeline, "side-by-side") if paired else timeline


def write_project(timeline: Timeline, path: Path) -> Products:
    """Write a project, and keep aside one that is in the way. Raises `ProjectError`."""
    kept = set_aside(path)
    said = []
    if kept is not None:
        text = f"The project that was there is kept as {kept}."
        said.append(Note("project-kept", text, {"path": str(kept)}))
    write_otio(timeline, path)
    return Products((Written(path, "project"),), tuple(said))


def write_film(
    whole: Timeline,
    out: str | Path,
    appearance: Appearance = Appearance(),
    missing: Missing = "refuse",
    *,
    job: Job = QUIET,
) -> Products:
    """Render a film, and write the list of its credits if it has some.

    `whole` is the film with its source. `missing` says what to do where footage cannot be read.
    Raises `RenderError`, `Stopped`; nothing is left of a film that was not finished.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    laid = appearance.arrange(whole)
    options = RenderOptions(
        write=appearance.write,
        cadence=appearance.cadence,
        finishing=appearance.finishing,
        grades=_grades(whole, appearance.finishing.tone_match, job),
        missing=missing,
        burn_in=appearance.burn_in,
    )
    film = apart(render, laid, out, options, job=job)
    made = Written(film.path, "film", film.frames, film.width, film.height, film.sound)
    done = Products((made,), film.warnings)
    if appearance.credits:
        shown = {track.name for track in laid.tracks}
        done += write_credits(credits_of(whole, shown), out.stem, out.with_suffix(""))
    return done


def _grades(timeline: Timeline, strength: float, job: Job) -> Mapping[int, Grade]:
    """Return the grades that pull clips towards the source.

    Clips that cannot be read keep theirs.
    """
    return spared(tones, timeline, strength, job=job) if strength else {}


def credited(timeline: Timeline) -> tuple[Timeline, tuple[Note, ...]]:
    """Return the film with end credits, and notes on them."""
    listed = credits_of(timeline)
    film, notes = with_credits(timeline, listed)
    return film, together(notes, without_licence(listed))


def write_credits(listed: Sequence[Credit], name: str, base: Path) -> Products:
    """Write BASE.credits.txt and BASE.credits.json. Raises `RenderError`."""
    written = []
    for suffix, text in ((".txt", as_text(name, listed)), (".json", as_json(name, listed))):
        path = base.with_name(f"{base.name}.credits{suffix}")
        _write(path, text)
        written.append(Written(path, "credits"))
    return Products(tuple(written))


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise RenderError(f"{path} was not written: {error.strerror}.") from error


def write_moving(
    timeline: Timeline,
    out: str | Path,
    moving: Moving = Moving(),
    options: RenderOptions = RenderOptions(),
    shots: Sequence[str] = (),
    *,
    job: Job = QUIET,
) -> Products:
    """Write a timeline as moving pictures, and its project beside them.

    The ending of `out` says whether they are a GIF, a WebP, a still or a film. `shots` describes
    what is shown, a line each. Raises `RenderError`, `Stopped`.
    """
    out = Path(out)
    written = _moving(timeline, out, moving, options, shots, job)
    return written + write_project(timeline, out.with_suffix(".otio"))


def _moving(
    timeline: Timeline,
    out: Path,
    moving: Moving,
    options: RenderOptions,
    shots: Sequence[str],
    job: Job,
) -> Products:
    suffix, lines = out.suffix.lower(), tuple(shots)
    if suffix in MOVING:
        gif = apart(render_gif, timeline, out, moving, options, job=job)
        kind: Kind = "gif" if suffix == ".gif" else "webp"
        return Products(
            (Written(out, kind, gif.frames, gif.width, gif.height, shots=lines),), gif.notes
        )
    if suffix == PICTURE:
        still = apart(render_still, timeline, out, options, job=job)
        size = (still.frames, still.width, still.height)
        return Products((Written(out, "picture", *size, shots=lines),))
    film = apart(render, timeline, out, options, job=job)
    made = Written(out, "film", film.frames, film.width, film.height, film.sound, lines)
    return Products((made,), film.warnings)


def write_page(out: Path, title: str, products: Products) -> Products:
    """Write an HTML page beside the files that shows them all, playing and without sound.

    Raises `RenderError`.
    """
    shown = products.of("film", "gif", "webp", "picture")
    figures = "\n".join(_figure(out, one) for one in shown)
    _write(out, _PAGE.format(title=html.escape(title), figures=figures))
    return Products((Written(out, "page"),))


def _figure(out: Path, made: Written) -> str:
    where = quote(Path(os.path.relpath(made.path.absolute(), out.absolute().parent)).as_posix())
    size = f'width="{made.width}" height="{made.height}"'
    if made.kind == "film":
        shown = f'<video src="{where}" {size} autoplay loop muted playsinline controls></video>'
    else:
        shown = f'<img src="{where}" {size} alt="{html.escape(made.path.stem, quote=True)}">'
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in made.shots)
    listed = f"<figcaption><details><summary>Shots</summary><ol>{lines}</ol></details></figcaption>"
    return f"<figure>{shown}{listed if lines else ''}</figure>"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 2rem; background: #111; color: #ccc; font: 15px/1.4 system-ui, sans-serif; }}
figure {{ margin: 0 0 2rem; }}
video, img {{ display: block; max-width: 100%; height: auto; }}
figcaption {{ margin-top: 0.4rem; }}
</style>
<h1>{title}</h1>
{figures}
</html>
"""
