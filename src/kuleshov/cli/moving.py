"""What the verbs share that write a GIF, a WebP, a film or a still, and a page that shows them."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from kuleshov.cli.common import Parsed, answer_json, make_room, note, progress
from kuleshov.errors import RenderError, UsageError

if TYPE_CHECKING:
    from kuleshov.render.gif import Moving
    from kuleshov.render.options import RenderOptions
    from kuleshov.timeline import Timeline

__all__ = ["SIZE_LIMIT", "Made", "Products", "check_moving", "page", "tell", "write"]

_STILL = ".png"
_FILMS = (".mp4", ".mov")
_MOVING = (".gif", ".webp")


def _bytes(text: str) -> int:
    plain = text.strip().lower().removesuffix("b").strip()
    unit = {"k": 1000, "m": 1_000_000, "g": 1_000_000_000}.get(plain[-1:], 1)
    try:
        size = Fraction(plain[:-1].strip() if unit > 1 else plain) * unit
    except (ValueError, ZeroDivisionError):
        size = Fraction(0)
    if size < 1:
        raise UsageError(f"{text!r} is no size: write 8MB or 500kB.")
    return int(size)


SIZE_LIMIT = Parsed("size", _bytes)
"""`8MB`, `500kB`, or a number of bytes."""


@dataclass(frozen=True)
class Made:
    """A file that was written: `shots` says what it shows, line by line."""

    path: Path
    frames: int
    width: int
    height: int
    shots: tuple[str, ...] = ()


@dataclass
class Products:
    """What was written, and what is to be said about it."""

    made: list[Made] = field(default_factory=list)
    projects: list[Path] = field(default_factory=list)
    pages: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(self, texts: Sequence[str]) -> None:
        """Add notes that were not made yet."""
        self.notes += [text for text in dict.fromkeys(texts) if text not in self.notes]


def check_moving(out: Path, given: Path | None, *, still: bool = False) -> None:
    """Refuse an output that cannot be written, before any time is spent."""
    from kuleshov.letters import check_font

    check_font()
    known = (*_FILMS[:1], *_MOVING, *((_STILL,) if still else ()))
    if out.suffix.lower() not in known:
        wanted = f"{', '.join(known[:-1])} or {known[-1]}"
        raise click.UsageError(f"-o must end in {wanted}, not {out.suffix or 'nothing'!r}.")
    make_room(out, given, "file", "source")


def write(
    timeline: Timeline,
    out: Path,
    products: Products,
    moving: Moving,
    options: RenderOptions,
    shots: Sequence[str] = (),
) -> None:
    """Write a timeline as `out`, by its suffix, and its project beside it."""
    from kuleshov.cli import work
    from kuleshov.edit.interchange import write_otio

    _write_moving(timeline, out, products, moving, options, shots)
    project = out.with_suffix(".otio")
    kept = work.keep_old(project)
    if kept:
        note(f"The project that was there is kept as {kept}.")
    write_otio(timeline, project)
    products.projects.append(project)


def _write_moving(
    timeline: Timeline,
    out: Path,
    products: Products,
    moving: Moving,
    options: RenderOptions,
    shots: Sequence[str],
) -> None:
    """The same without its project."""
    from kuleshov.render.apart import apart
    from kuleshov.render.film import render
    from kuleshov.render.gif import render_gif, render_still

    suffix = out.suffix.lower()
    with progress() as bars:
        task = bars.add_task(f"rendering {out.name}", total=None, speed="")
        began = time.monotonic()

        def report(done: int, of: int) -> None:
            speed = f"{done / max(1e-3, time.monotonic() - began):.0f} fps"
            bars.update(task, completed=done, total=of, speed=speed)

        if suffix in _MOVING:
            file = apart(render_gif, timeline, out, moving, options, progress=report)
            products.say(file.notes)
        elif suffix == _STILL:
            file = apart(render_still, timeline, out, options)
        else:
            film = apart(render, timeline, out, options, progress=report)
            products.say(film.warnings)
            made = Made(out, film.frames, film.width, film.height, tuple(shots))
            products.made.append(made)
            return
    products.made.append(Made(out, file.frames, file.width, file.height, tuple(shots)))


def page(out: Path, title: str, products: Products) -> None:
    """Write an HTML page beside the files that shows them all, playing and mute."""
    from kuleshov.files import write_text

    parts = [_figure(out, made) for made in products.made]
    text = _PAGE.format(title=html.escape(title), figures="\n".join(parts))
    try:
        write_text(out, text)
    except OSError as error:
        raise RenderError(f"{out} was not written: {error.strerror}.") from error
    products.pages.append(out)


def _figure(out: Path, made: Made) -> str:
    where = quote(Path(os.path.relpath(made.path.absolute(), out.absolute().parent)).as_posix())
    size = f'width="{made.width}" height="{made.height}"'
    if made.path.suffix.lower() in _FILMS:
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


def tell(products: Products, as_json: bool) -> None:
    """Say what was made and where it lies."""
    if as_json:
        files = [
            {
                "path": str(made.path),
                "frames": made.frames,
                "width": made.width,
                "height": made.height,
                "bytes": made.path.stat().st_size,
                "shots": list(made.shots),
            }
            for made in products.made
        ]
        answer_json(
            {
                "files": files,
                "projects": [str(path) for path in products.projects],
                "pages": [str(path) for path in products.pages],
                "notes": products.notes,
            }
        )
        return
    for text in products.notes:
        note(f"Note: {text}")
    for made in products.made:
        size = f"{made.frames} frames, {made.width}x{made.height}"
        click.echo(f"{_word(made.path):<8} {made.path}  ({size})")
    for path in products.projects:
        click.echo(f"project  {path}")
    for path in products.pages:
        click.echo(f"page     {path}")


def _word(path: Path) -> str:
    return {".png": "picture", ".gif": "gif", ".webp": "webp"}.get(path.suffix.lower(), "film")
