"""Films and files that are asked for on the page: every option of the command line, by name.

They are written beside the project. A page says names, never paths, and no file that is there is
written over unless that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast, get_args

from kuleshov.desk.appearance import Appearance
from kuleshov.desk.products import Kind, Products, Written, credited, write_film
from kuleshov.desk.room import check_output, make_room
from kuleshov.edit.layouts import ARRANGEMENTS, Arrangement, arranged
from kuleshov.exchange.export import FORMATS, export
from kuleshov.footage import even
from kuleshov.jobs import Job
from kuleshov.media.codecs import PRESETS, Codec, Preset, WriteOptions
from kuleshov.media.gif import delays_of
from kuleshov.render.apart import apart
from kuleshov.render.gif import Moving, render_gif
from kuleshov.render.options import Cadence, Finishing, Missing, RenderOptions
from kuleshov.render.segments import excerpt
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.studio.answers import Refused
from kuleshov.studio.places import clean_name
from kuleshov.studio.reading import Fields
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Fit, Timeline

__all__ = [
    "ExportOrder",
    "GifOrder",
    "RenderOrder",
    "export_order",
    "exported",
    "gif_order",
    "looped",
    "render_order",
    "rendered",
]

_SIDE = 16_384  # pixels
_LONGEST = 60  # s of a GIF
_WIDTH = 480  # pixels of a GIF
_MOVING = ("gif", "webp")
_ALSO = ("edl", "fcpxml", "csv", "json")


@dataclass(frozen=True)
class RenderOrder:
    """An order to write a film: where, how it looks, and what becomes of missing footage.

    `also` are the formats of lists and edits that are written with it; `sheet`: a contact sheet.
    """

    out: Path
    appearance: Appearance
    missing: Missing
    also: tuple[str, ...] = ()
    sheet: bool = False


@dataclass(frozen=True)
class ExportOrder:
    """An order to write a file for editing programs.

    Where, in which format, and the timecode of its first frame.
    """

    out: Path
    form: str
    start: str


@dataclass(frozen=True)
class GifOrder:
    """An order to write frames of the film as a GIF or WebP.

    `caption` is written below; `limit`: bytes that it may have.
    """

    out: Path
    frames: FrameRange
    arrangement: Arrangement
    size: tuple[int, int]
    fps: Fraction
    limit: int | None
    caption: str = ""


def render_order(fields: Fields, project: Path, timeline: Timeline) -> RenderOrder:
    """Return what is to be rendered. Raises `Refused`, `UsageError` where that cannot be."""
    fields.only(
        *("name", "replace", "layout", "gap", "width", "height", "fit", "codec", "crf", "preset"),
        *("tone_match", "monochrome", "grain", "cadence", "credits", "burn_in", "missing"),
        *("sheet", *_ALSO),
    )
    write = WriteOptions(
        crf=fields.whole("crf", 0, 63) if fields.has("crf") else None,
        preset=cast("Preset", fields.one_of("preset", PRESETS, "medium")),
        codec=cast("Codec", fields.one_of("codec", get_args(Codec), "h264")),
    )
    fit = fields.one_of("fit", get_args(Fit)) if fields.has("fit") else None
    appearance = Appearance(
        arrangement=cast("Arrangement", fields.one_of("layout", ARRANGEMENTS, "alone")),
        size=_size(fields),
        gap=fields.whole("gap", 0, _SIDE, 0),
        fit=cast("Fit | None", fit),
        write=write,
        cadence=cast("Cadence", fields.one_of("cadence", get_args(Cadence), "nearest")),
        finishing=Finishing(
            fields.number("tone_match", 0, 1, 0.0),
            fields.flag("monochrome", default=False),
            fields.number("grain", 0, 1, 0.0),
        ),
        burn_in=fields.flag("burn_in", default=False),
        credits=fields.flag("credits", default=False),
    )
    also = tuple(form for form in _ALSO if fields.flag(form, default=False))
    drawn = fields.flag("sheet", default=False)
    beside = (*(f".{form}" for form in also), *([".sheet.png"] if drawn else []))
    beside += (".credits.txt", ".credits.json") if appearance.credits else ()
    out = _place(fields, project, f"-recut{write.suffixes[0]}", write.suffixes, beside)
    _spare(out, timeline)
    check_output(out, project, write.suffixes)
    missing = fields.one_of("missing", get_args(Missing), "refuse")
    return RenderOrder(out, appearance, cast("Missing", missing), also, drawn)


def _spare(out: Path, timeline: Timeline) -> None:
    """Refuse to write over footage. Raises `Refused`."""
    used = {i.media.path for t in timeline.tracks for i in t.items if isinstance(i, Clip)}
    if out.exists() and any(path.exists() and out.samefile(path) for path in used):
        raise Refused(409, "name-taken", f"{out.name} is footage of this film: name another.")


def _size(fields: Fields) -> tuple[int | None, int] | None:
    if not fields.has("height"):
        if fields.has("width"):
            raise Refused(422, "field-wrong", "Say the height too, or that alone.")
        return None
    width = fields.whole("width", 16, _SIDE) if fields.has("width") else None
    return width, fields.whole("height", 16, _SIDE)


def rendered(timeline: Timeline, order: RenderOrder, job: Job) -> Products:
    """Write the film. Raises `RenderError`, `Stopped`."""
    products, whole = Products(), timeline
    if order.appearance.credits:
        whole, notes = credited(timeline)
        products = products.saying(notes)
    done = write_film(whole, order.out, order.appearance, order.missing, job=job)
    if order.sheet:
        page = order.out.with_suffix(".sheet.png")
        pages = apart(sheet, timeline, page, SheetOptions(), job=job)
        done += Products(tuple(Written(path, "sheet") for path in pages))
    for form in order.also:
        listed = export(timeline, order.out.with_suffix(f".{form}"), form=form, job=job)
        done += Products((Written(listed.path, "page"),), listed.notes)
    return done.saying(products.notes)


def gif_order(fields: Fields, project: Path, timeline: Timeline) -> GifOrder:
    """Return which frames are to be a GIF. Raises `Refused`, `UsageError` where that cannot be."""
    fields.only(
        *("first", "end", "name", "replace", "format", "layout", "width", "fps", "limit"), "caption"
    )
    first = fields.whole("first", 0, timeline.duration - 1)
    end = fields.whole("end", 1, timeline.duration)
    if not first < end <= first + _LONGEST * timeline.rate:
        text = (
            f"A GIF shows at least one frame, and {_LONGEST} seconds at most: choose fewer shots."
        )
        raise Refused(422, "field-wrong", text)
    form = fields.one_of("format", _MOVING, "gif")
    region = timeline.layout.region(timeline.recut.region)
    width = fields.whole("width", 32, 1920, _WIDTH) // 2 * 2
    size = width, max(16, even(Fraction(width * region.height, region.width)))
    limit = fields.number("limit", 0.01, 1000) if fields.has("limit") else None
    out = _place(fields, project, f"-{first}.{form}", (f".{form}",))
    _spare(out, timeline)
    make_room(out, project, "file", "project")
    return GifOrder(
        out,
        FrameRange(first, end),
        cast("Arrangement", fields.one_of("layout", ARRANGEMENTS, "alone")),
        size,
        Fraction(fields.number("fps", 1, 50, 15.0)).limit_denominator(1000),
        None if limit is None else round(limit * 1e6),
        fields.text("caption", "")[:200],
    )


def looped(timeline: Timeline, order: GifOrder, job: Job) -> Products:
    """Write some frames of the film as a GIF or WebP. Raises `RenderError`, `Stopped`."""
    frames, rate = order.frames, timeline.rate
    shown = range(frames.first, frames.end, max(1, math.ceil(rate / order.fps)))
    times = [Fraction(n - frames.first) / rate for n in shown]
    delays = delays_of(times, len(frames) / rate)
    moving = Moving(limit=order.limit, delays=tuple(delays), frames=tuple(shown))
    laid = arranged(timeline, order.arrangement, size=order.size)
    options = RenderOptions(legend=order.caption)
    made = apart(render_gif, excerpt(laid, frames).timeline, order.out, moving, options, job=job)
    kind: Kind = "webp" if order.out.suffix == ".webp" else "gif"
    written = Written(order.out, kind, made.frames, made.width, made.height)
    return Products((written,), made.notes)


def export_order(fields: Fields, project: Path, timeline: Timeline) -> ExportOrder:
    """Return what is to be written for editing programs. Raises `Refused`, `UsageError`."""
    fields.only("name", "replace", "format", "start")
    form = fields.one_of("format", FORMATS)
    if form == "otio":
        suffix, kinds = ".export.otio", (".otio",)
    else:
        suffix, kinds = f".{form}", (f".{form}",)
    out = _place(fields, project, suffix, kinds)
    _spare(out, timeline)
    make_room(out, project, "file", "project")
    return ExportOrder(out, form, fields.text("start", "01:00:00:00"))


def exported(timeline: Timeline, order: ExportOrder, job: Job) -> Products:
    """Write the file. Raises `ProjectError`, `UsageError`."""
    made = export(timeline, order.out, form=order.form, start=order.start, job=job)
    return Products((Written(made.path, "project"),), made.notes)


def _place(
    fields: Fields,
    project: Path,
    suffix: str,
    kinds: Collection[str],
    beside: Collection[str] = (),
) -> Path:
    """Return where a file is to be written: beside the project.

    It has the name that is wanted, else the first one that is free. `beside` are the endings of
    what is written with it.
    """
    replace = fields.flag("replace", default=False)

    def taken(out: Path) -> list[str]:
        others = (out.with_name(out.stem + ending) for ending in beside)
        return [] if replace else [path.name for path in (out, *others) if path.exists()]

    if not fields.has("name"):
        number, out = 1, project.with_name(f"{project.stem}{suffix}")
        first = out
        while taken(out):
            number += 1
            out = first.with_name(f"{project.stem}{suffix.replace('.', f'-{number}.', 1)}")
        return out
    name = clean_name(fields.text("name"), project.stem)
    if Path(name).suffix.lower() not in kinds:
        name += suffix if suffix.startswith(".") else Path(suffix).suffix
    out = project.with_name(name)
    if there := taken(out):
        text = f"{there[0]} is there already: name another, or say that it is to be replaced."
        raise Refused(409, "name-taken", text)
    return out
