"""Draw the contact sheet: every shot of the source beside the clip that answers it.

Stills are read exactly as the renderer reads them: the middle one of each clip's own frames, bars
cut off, upright, in the shape of the clip's region.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuleshov.errors import MediaError, RenderError
from kuleshov.files import write_bytes
from kuleshov.footage import even
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.letters import fitted
from kuleshov.media.colour import film_colour
from kuleshov.media.graph import build_graph
from kuleshov.project.memory import ShotMemory, ours
from kuleshov.render.clips import ClipView
from kuleshov.render.frame_readers import Readers
from kuleshov.render.options import Missing
from kuleshov.render.placeholder import StandIns, View, standing_in
from kuleshov.timecode import format_time
from kuleshov.timeline import Card, Clip, Gap, Region, Span, Timeline, Track

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Row", "SheetOptions", "rows", "sheet"]

_SEEN = Fraction(1, 50)  # of a speed that differs from the film's own, for it to be worth a mark


@dataclass(frozen=True)
class SheetOptions:
    """The options of a sheet.

    `still` is the width of one still in pixels; a sheet of more than `page_rows` shots is cut into
    pages; `shape` is the width over height that a page comes near; `missing` is what becomes of
    clips whose footage cannot be used.
    """

    still: int = 240
    page_rows: int = 120
    shape: float = 1.5
    quality: int = 92
    missing: Missing = "refuse"


@dataclass(frozen=True)
class Row:
    """A row of a sheet: one shot.

    `number` is what people call it, as `Track.numbers` has it. `source` and `select` are stills;
    None where there is none, or black.

    `score` and `facets` are between 0 and 1; `marks` are words such as `held` or `mirrored`; `why`
    is what source and select share, in words.
    """

    number: int | None
    time: str
    length: str
    source: Image | None
    select: Image | None
    name: str
    place: str
    score: float | None
    facets: tuple[tuple[str, float], ...]
    marks: tuple[str, ...]
    why: str = ""


def sheet(
    timeline: Timeline,
    out: Path,
    options: SheetOptions | None = None,
    job: Job = QUIET,
) -> tuple[Path, ...]:
    """Draw the contact sheet of a timeline into `out` (PNG or JPEG by its suffix).

    The selects are the track `recut` (or the last), beside the track `source` where there is one.
    Gives the files that were written: `out`, or `out` with -1, -2, … where it takes several pages.
    Raises `RenderError` where a film is missing or broken, or the sheet cannot be written.
    """
    options = options or SheetOptions()
    out = Path(out)
    stand_ins = standing_in(timeline, options.missing, job)
    total = len(_listed(timeline.recut))
    if not total:
        raise RenderError(f"{out.name} was not written: the film has nothing but cards.")
    paired = any(track.name == "source" for track in timeline.tracks)
    pages = math.ceil(total / options.page_rows)
    rows_a_page = math.ceil(total / pages)
    listed: list[Row] = []
    drawn: list[tuple[Path, bytes]] = []
    try:
        with job.step("drawing the sheet", of=total, unit="shots") as step:
            for done, row in enumerate(rows(timeline, options, stand_ins, job), 1):
                listed.append(row)
                step.at(done)
                if len(listed) == rows_a_page or done == total:
                    page = len(drawn) + 1
                    title = _title(timeline, total, page, pages)
                    image = _Page(listed, paired, options).draw(title)
                    path = out if pages == 1 else out.with_stem(f"{out.stem}-{page}")
                    encoded = partial(_encoded, image, path, options.quality)
                    drawn.append((path, stoppable(encoded, job)))
                    listed = []
            job.check()
    except MediaError as error:
        raise RenderError(f"{out.name} was not written: {error}") from error
    # All pages or none: whoever stops between two is left with none.
    for path, data in drawn:
        _save(data, path)
    return tuple(path for path, _ in drawn)


def rows(
    timeline: Timeline,
    options: SheetOptions,
    stand_ins: StandIns | None = None,
    job: Job = QUIET,
) -> Iterator[Row]:
    """Yield the rows of a sheet, in order. Raises `MediaError` where nothing stands in."""
    recut, found = timeline.recut, _is_list(timeline)
    source = next((track for track in timeline.tracks if track.name == "source"), None)
    with Readers(stopped=lambda: job.stopped) as readers:
        shots, numbers = _listed(recut), recut.numbers()
        for span in job.over(shots):
            middle = span.own.first + len(span.own) // 2
            item = recut.items[span.item]
            paired = None if source is None or source is recut else source
            left = None
            if paired is not None:
                beside = next(s for s in paired.spans() if middle in s.own)
                left, _ = _still(timeline, paired, beside, middle, options, readers, stand_ins)
            right, held = _still(timeline, recut, span, middle, options, readers, stand_ins)
            about = ShotMemory.of(item)
            clip = item if isinstance(item, Clip) else None
            missing = clip and stand_ins and stand_ins.stands_for(clip.media.path)
            yield Row(
                number=numbers[span.item],
                time="" if found else format_time(span.own.first / timeline.rate),
                length=f"{float(len(span.own) / timeline.rate):.2f} s",
                source=left,
                select=right,
                name=clip.media.path.stem if clip else "",
                place=f"from {format_time(clip.start)}" if clip else "",
                score=about.score,
                facets=tuple(about.facets.items()),
                marks=("missing",) if missing else _marks(clip, held),
                why=_why(about.why),
            )


def _listed(track: Track) -> list[Span]:
    """Return what has a row: all but cards and the black between two fades."""
    about = zip(track.spans(), track.items, track.numbers(), strict=True)
    return [
        span
        for span, item, number in about
        if not isinstance(item, Card) and not (isinstance(item, Gap) and number is None)
    ]


def _why(why: str) -> str:
    """Return what both share, without the facets: those are drawn."""
    text = why.partition(";")[0]
    return text.removeprefix("both: ") if text.startswith("both: ") else ""


def _marks(clip: Clip | None, held: int) -> tuple[str, ...]:
    if clip is None:
        return ("black",)
    marks = []
    if held or not clip.speed:
        marks.append("held")
    if clip.speed and abs(clip.speed - 1) >= _SEEN:
        marks.append(f"{float(clip.speed):.3g}x speed")
    if clip.mirrored:
        marks.append("mirrored")
    return (*marks, *ShotMemory.of(clip).marks)


def _still(
    timeline: Timeline,
    track: Track,
    span: Span,
    frame: int,
    options: SheetOptions,
    readers: Readers,
    stand_ins: StandIns | None,
) -> tuple[Image | None, int]:
    """Return the still of one item, and how many of the frames looked at were held over."""
    item = track.items[span.item]
    if not isinstance(item, Clip):
        return None, 0
    region, clip, rate = _still_region(timeline, track, options), item, timeline.rate

    def opened() -> ClipView:
        time = clip.start + (frame - span.own.first) * clip.speed / rate
        reader = readers.take(clip.media, time)
        return ClipView(clip, span, rate, region, film_colour(region.height), reader, "lanczos")

    view: View = (
        opened()
        if stand_ins is None
        else stand_ins.view(opened, clip, span, track.name, rate, region)
    )
    try:
        picture, _ = view.at(frame)
        rgb = build_graph(
            picture,
            "scale=in_range=limited:out_range=full:in_color_matrix=smpte170m,format=rgb24",
        )
        rgb.vpush(picture)
        image = _image(rgb.vpull().to_ndarray())
        view.at(span.own.end - 1)
        return image, view.held
    finally:
        if view.reader is not None:
            readers.give_back(view.reader)


def _still_region(timeline: Timeline, track: Track, options: SheetOptions) -> Region:
    """Return the shape of the track's region, as wide as a still and not higher than wide."""
    shown = timeline.layout.region(track.region)
    shape = Fraction(shown.width, shown.height)
    width = options.still if shape >= 1 else options.still * shape
    height = width / shape
    return Region("still", 0, 0, even(width), even(height), shown.fit)


def _image(array: np.ndarray[Any, Any]) -> Image:
    from PIL.Image import fromarray

    return fromarray(np.ascontiguousarray(array))


def _is_list(timeline: Timeline) -> bool:
    """Return whether it is not a film but a list of what was found, best first."""
    return bool(ours(timeline).get("listed"))


def _title(timeline: Timeline, total: int, page: int, pages: int) -> tuple[str, str]:
    length = format_time(timeline.duration / timeline.rate)
    # A held picture shares a shot's number.
    count = len({number for number in timeline.recut.numbers() if number is not None}) or total
    facts = [f"{count} shot{'s' if count != 1 else ''}"]
    if not _is_list(timeline):
        facts += [length, f"{float(timeline.rate):.5g} frames a second"]
    if pages > 1:
        facts.append(f"page {page} of {pages}")
    return timeline.name or "Untitled", "   ·   ".join(facts)


def _encoded(image: Image, path: Path, quality: int) -> bytes:
    data = io.BytesIO()
    if path.suffix.lower() in (".jpg", ".jpeg"):
        image.save(data, "JPEG", quality=quality, subsampling=0)
    else:
        image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _save(data: bytes, path: Path) -> None:
    try:
        write_bytes(path, data)
    except OSError as error:
        raise RenderError(f"{path} could not be written: {error.strerror or error}.") from error


# ---------------------------------------------------------------- drawing

_GROUND, _WELL, _LINE = (22, 22, 23), (12, 12, 13), (44, 44, 46)
_BRIGHT, _TEXT, _DIM, _ACCENT = (240, 238, 234), (200, 198, 194), (128, 127, 125), (226, 170, 92)
_MARGIN, _GUTTER, _GAP, _PAIR, _SPACE = 44, 40, 22, 6, 18
_HEAD = 104
_MOST_FACETS = 6


class _Page:
    """A page that draws rows in columns, filled from top to bottom."""

    def __init__(self, listed: list[Row], paired: bool, options: SheetOptions) -> None:
        self._rows, self._paired, self._options = listed, paired, options
        stills = [still for row in listed for still in (row.source, row.select) if still]
        self._still_width = max((still.width for still in stills), default=options.still)
        self._still_height = max(
            (still.height for still in stills), default=options.still * 9 // 16
        )
        self._text_width = max(216, options.still * 9 // 10)
        number = 2 if paired else 1
        self._cell_width = number * self._still_width + (number - 1) * _PAIR
        self._cell_width += _SPACE + self._text_width
        self._reasons = any(row.why for row in listed)
        text_height = 92 + 16 * self._reasons + 13 * self._facet_lines()
        self._cell_height = max(self._still_height, text_height) + _GAP
        self._columns = self._best_columns()

    def _facet_lines(self) -> int:
        return max((min(_MOST_FACETS, len(row.facets)) for row in self._rows), default=0)

    def _size(self, columns: int) -> tuple[int, int]:
        lines = math.ceil(len(self._rows) / columns)
        width = 2 * _MARGIN + columns * self._cell_width + (columns - 1) * _GUTTER
        return width, _HEAD + lines * self._cell_height - _GAP + _MARGIN

    def _best_columns(self) -> int:
        def off(columns: int) -> float:
            width, height = self._size(columns)
            return abs(math.log(width / height / self._options.shape))

        return min(range(1, min(8, len(self._rows)) + 1), key=off)

    def draw(self, title: tuple[str, str]) -> Image:
        from PIL import ImageDraw
        from PIL.Image import new

        page = new("RGB", self._size(self._columns), _GROUND)
        pen = ImageDraw.Draw(page)
        _put(pen, (_MARGIN, 32), title[0], 26, page.width - 2 * _MARGIN, _BRIGHT)
        pen.text((_MARGIN, 66), title[1], _DIM, _font(14))
        lines = math.ceil(len(self._rows) / self._columns)
        for index, row in enumerate(self._rows):
            column, line = divmod(index, lines)
            x = _MARGIN + column * (self._cell_width + _GUTTER)
            self._row(page, pen, row, x, _HEAD + line * self._cell_height)
        return page

    def _row(self, page: Image, pen: Any, row: Row, x: int, y: int) -> None:
        for still in (row.source, row.select) if self._paired else (row.select,):
            self._still(page, pen, still, x, y)
            x += self._still_width + _PAIR
        self._words(pen, row, x + _SPACE - _PAIR, y)

    def _still(self, page: Image, pen: Any, still: Image | None, x: int, y: int) -> None:
        right, bottom = x + self._still_width - 1, y + self._still_height - 1
        pen.rectangle((x, y, right, bottom), fill=_WELL)
        if still is not None:
            left = x + (self._still_width - still.width) // 2
            page.paste(still, (left, y + (self._still_height - still.height) // 2))

    def _words(self, pen: Any, row: Row, x: int, y: int) -> None:
        right = x + self._text_width
        number = "" if row.number is None else str(row.number)
        pen.text((x, y - 3), number, _BRIGHT, _font(20))
        start = x + max(30, math.ceil(_font(20).getlength(number)) + 10)
        pen.text((start, y + 3), row.time, _TEXT, _font(13))
        pen.text((right, y + 3), row.length, _DIM, _font(13), anchor="ra")
        pen.line((x, y + 25, right, y + 25), fill=_LINE)
        name = row.name or ("black" if "black" in row.marks else "")
        score = "" if row.score is None else f"{row.score:.2f}"
        space = self._text_width - (48 if score else 0)
        _put(pen, (x, y + 33), name, 14, space, _BRIGHT if row.name else _DIM)
        pen.text((right, y + 31), score, _ACCENT, _font(16), anchor="ra")
        pen.text((x, y + 52), row.place, _DIM, _font(12))
        if row.why:
            y += 16
            _put(pen, (x, y + 53), row.why, 11, self._text_width, _TEXT)
        marks = [mark for mark in row.marks if mark != name]
        self._marks(pen, marks, x, right, y + 70)
        shift = 92 if marks else 76
        for index, (facet, value) in enumerate(row.facets[:_MOST_FACETS]):
            self._facet(pen, facet, value, x, right, y + shift + 13 * index)

    def _marks(self, pen: Any, marks: list[str], x: int, right: int, y: int) -> None:
        for mark in marks:
            width = math.ceil(_font(10).getlength(mark)) + 12
            if x + width > right:
                return
            pen.rounded_rectangle((x, y, x + width, y + 15), 7, outline=_DIM)
            pen.text((x + 6, y + 2), mark, _TEXT, _font(10))
            x += width + 5

    def _facet(self, pen: Any, name: str, value: float, x: int, right: int, y: int) -> None:
        fitted(name, 10, 70).draw(pen, (x, y), _DIM)
        pen.text((right, y), f"{value:.2f}", _DIM, _font(10), anchor="ra")
        first, last, middle = x + 76, right - 32, y + 7
        pen.rectangle((first, middle, last, middle + 1), fill=_LINE)
        length = round((last - first) * min(1.0, max(0.0, value)))
        if length:
            pen.rectangle((first, middle - 1, first + length, middle + 2), fill=_ACCENT)


def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _put(
    pen: Any, place: tuple[int, int], text: str, size: int, width: int, colour: tuple[int, int, int]
) -> None:
    """Draw a name as far as it fits, in a font that has its letters."""
    line = fitted(text, size, width)
    base = place[1] + _font(size).getmetrics()[0]  # fonts sit on one line whatever their height
    line.draw(pen, (place[0], base), colour, "ls")
