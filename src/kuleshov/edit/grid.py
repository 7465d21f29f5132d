"""Show many shots side by side as a grid, each a loop of its own, all of one length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.focus import focus_of
from kuleshov.edit.loop import Loop, decoded, find_loop, played
from kuleshov.errors import MediaError, UsageError
from kuleshov.footage import Shot, Video, even
from kuleshov.jobs import QUIET, Job
from kuleshov.match.likeness.moments import Moment, moment
from kuleshov.media.guard import spared
from kuleshov.project.memory import slate_fields
from kuleshov.timecode import TimeRange, nearest_standard_rate
from kuleshov.timeline import Clip, Layout, Media, Region, Timeline, Track

__all__ = [
    "Cell",
    "GridOptions",
    "Looped",
    "fitting",
    "grid",
    "loop_of",
    "loops_of",
    "rate_of",
    "still",
]

_MOST_CELLS = 64
_MOST_PIXELS = 7680
_SLACK = Fraction(4)  # s around a moment in which a loop is looked for
_AREA = 320 * 180
_GOLDEN = 0.6180339887
_FASTEST = 30  # frames a second of a grid
_SHORT = Fraction(1, 4)  # s: shots shorter than a loop are played in parts no shorter than this


@dataclass(frozen=True)
class GridOptions:
    """The options of a grid.

    `columns` and `rows` of cells, `cell` width and height in pixels (None: in the shape of most of
    the footage), `gap` pixels of black between them, `length` in seconds.
    """

    columns: int = 3
    rows: int = 3
    length: Fraction = Fraction(4)
    cell: tuple[int, int] | None = None
    gap: int = 0

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1 or self.columns * self.rows > _MOST_CELLS:
            raise UsageError(
                f"A grid has 1 to {_MOST_CELLS} cells, not {self.columns}x{self.rows}: write 3x3."
            )
        if not Fraction(1, 2) <= self.length <= 60:
            text = f"length lies between 0.5 and 60 s, not at {float(self.length):g}."
            raise UsageError(text, option="length")
        if self.gap < 0 or self.gap % 2 or self.gap > 200:
            text = f"gap is an even number of pixels up to 200, not {self.gap}."
            raise UsageError(text, option="gap")
        if self.cell is not None:
            width, height = self.cell
            if width < 16 or height < 16 or width % 2 or height % 2:
                raise UsageError(
                    f"A cell has even sides of at least 16 pixels, not {width}x{height}."
                )
            if max(width * self.columns, height * self.rows) > _MOST_PIXELS:
                raise UsageError(
                    f"{self.columns}x{self.rows} cells of {width}x{height} are more than "
                    f"{_MOST_PIXELS} pixels across: make the cells smaller.",
                    code="grid-large",
                )


@dataclass(frozen=True)
class Cell:
    """A shot for a cell; `near` is the part of it that was found, if it was searched for."""

    film: ArchiveFilm
    shot: Shot
    near: TimeRange | None = None
    mirrored: bool = False

    @property
    def media(self) -> Media:
        """The footage as a clip names it."""
        return self.film.footage.media

    @property
    def usable(self) -> TimeRange:
        """The range of the shot that may be shown."""
        return self.film.core(self.shot)


@dataclass(frozen=True)
class Looped:
    """A cell and its loop at `rate` frames a second."""

    cell: Cell
    loop: Loop
    rate: Fraction

    def track(
        self,
        name: str,
        region: str,
        frames: int,
        turned: float = 0.0,
        shape: Fraction | None = None,
    ) -> Track:
        """Return a track of so many frames that loops without a jump.

        `turned` is as for `played`, `shape` as for `focus_of`.
        """
        cell = self.cell
        clips, transitions = played(
            self.loop, cell.media, cell.usable, self.rate, frames, self._about(shape), turned
        )
        return Track(name, clips, transitions, region)

    def _about(self, shape: Fraction | None) -> Clip:
        film, loop = self.cell.film, self.loop
        footage = film.footage
        begin = loop.start - loop.dissolve / self.rate
        shown = TimeRange(begin, loop.start + loop.frames / self.rate)
        known = slate_fields(footage.slate, footage.checksum)
        return Clip(
            self.cell.media,
            self.loop.start,
            1,
            mirrored=self.cell.mirrored,
            caption=footage.caption,
            metadata={"kuleshov": {"archive_shot": self.cell.shot.number, **known}},
            focus=focus_of(film, self.cell.shot, shown, shape),
        )


def loop_of(
    cell: Cell,
    rate: Fraction,
    shortest: Fraction,
    longest: Fraction,
    *,
    fill: bool = False,
    job: Job = QUIET,
) -> Looped:
    """Return the best loop of a shot around its best moment, `shortest` to `longest` seconds long.

    With `fill` both are one length, and a shot that is too short is played in equal parts of it.
    Raises `MediaError` where the footage cannot be read.
    """
    (found,) = loops_of([cell], rate, shortest, longest, fill=fill, job=job)
    if isinstance(found, MediaError):
        raise found
    return found


def loops_of(
    cells: Sequence[Cell],
    rate: Fraction,
    shortest: Fraction,
    longest: Fraction,
    *,
    fill: bool = False,
    job: Job = QUIET,
) -> list[Looped | MediaError]:
    """Return the loops of several shots, as `loop_of` finds them, or why footage cannot be read.

    All footage is decoded in one process of its own.
    """
    lengths = tuple(max(1, round(length * rate)) for length in (shortest, longest))
    stretches = [
        _Stretch(
            cell.media,
            cell.film.footage.probe.video,
            moment(cell.film, cell.shot, shortest, longest + _SLACK, cell.near),
        )
        for cell in job.over(cells)
    ]
    found = spared(_found_loops, stretches, rate, lengths, fill, job=job)
    return [
        loop if isinstance(loop, MediaError) else Looped(cell, loop, rate)
        for cell, loop in zip(cells, found, strict=True)
    ]


@dataclass(frozen=True)
class _Stretch:
    """The stretch of a film in which a loop is looked for."""

    media: Media
    video: Video
    moment: Moment


def _found_loops(
    stretches: Sequence[_Stretch],
    rate: Fraction,
    lengths: tuple[int, int],
    fill: bool,
    job: Job = QUIET,
) -> list[Loop | MediaError]:
    """Return the best loop in each stretch; `lengths` are the least and most frames."""
    found: list[Loop | MediaError] = []
    with job.step("looking for loops", of=len(stretches), unit="shots") as step:
        for stretch in step.over(stretches):
            try:
                looked = decoded(stretch.media, stretch.video, stretch.moment.window, rate, job)
            except MediaError as error:
                found.append(error)
                continue
            least, most = lengths
            if fill:
                parts, count = 1, len(looked)
                mix = max(1, round(_SHORT * rate))
                while -(-most // parts) + mix > count and -(-most // parts) > mix:
                    parts += 1
                least = most = -(-most // parts)
            found.append(find_loop(looked, least, most, stretch.moment.best, job))
    return found


def rate_of(cells: Sequence[Cell]) -> Fraction:
    """Return the frame rate of most of the footage, halved until it is at most 30."""
    rates = Counter(nearest_standard_rate(c.film.footage.probe.video.rate) for c in cells)
    rate = max(rates, key=lambda known: (rates[known], -abs(known - 25)))
    while rate > _FASTEST:
        rate /= 2
    return max(rate, Fraction(12))


def fitting(count: int, options: GridOptions) -> tuple[int, int]:
    """Return columns and rows of the largest grid within the options that `count` shots fill."""
    sizes = [
        (columns, rows)
        for columns in range(1, options.columns + 1)
        for rows in range(1, options.rows + 1)
        if columns * rows <= count
    ]
    # Of equally many cells, the one in the shape that was asked for.
    shape = options.columns / options.rows
    return max(sizes, key=lambda s: (s[0] * s[1], -abs(s[0] / s[1] - shape)), default=(0, 0))


def grid(name: str, looped: Sequence[Looped], options: GridOptions) -> Timeline:
    """Return the film of a grid, filled in reading order with as many cells as there are.

    Raises `UsageError` where there are none.
    """
    columns, rows = fitting(len(looped), options)
    if not columns:
        raise UsageError("A grid needs at least one shot.")
    shown, rate = looped[: columns * rows], looped[0].rate
    layout = _layout(columns, rows, options, [part.cell for part in shown])
    frames = max(1, round(options.length * rate))
    names = [region.name for region in layout.regions]
    shape = Fraction(layout.regions[0].width, layout.regions[0].height)
    # The golden section spreads the cells' ways back evenly, however many there are.
    tracks = tuple(
        part.track(cell, cell, frames, number * _GOLDEN % 1, shape)
        for number, (part, cell) in enumerate(zip(shown, names, strict=True), 1)
    )
    about = {"kuleshov": {"grid": [columns, rows]}}
    return Timeline(name, rate, layout, tracks, metadata=about)


def still(timeline: Timeline, looped: Sequence[Looped]) -> Timeline:
    """Return one picture of a grid: each cell's best instant, held for a frame."""
    tracks = []
    for track, part in zip(timeline.tracks, looped, strict=False):
        clip = track.items[0]
        assert isinstance(clip, Clip)
        best = min(max(part.loop.best, part.cell.usable.start), part.cell.usable.end)
        last = part.cell.usable.end - 1 / timeline.rate
        held = Clip(
            clip.media,
            max(part.cell.usable.start, min(best, last)),
            1,
            speed=Fraction(0),
            mirrored=clip.mirrored,
            caption=clip.caption,
            metadata=clip.metadata,
            focus=clip.focus,
        )
        tracks.append(Track(track.name, (held,), region=track.region))
    return Timeline(
        timeline.name, timeline.rate, timeline.layout, tuple(tracks), metadata=timeline.metadata
    )


def _layout(columns: int, rows: int, options: GridOptions, cells: Sequence[Cell]) -> Layout:
    width, height = options.cell or _cell_size(cells)
    gap = options.gap
    regions = tuple(
        Region(f"cell {r * columns + c + 1}", c * (width + gap), r * (height + gap), width, height)
        for r in range(rows)
        for c in range(columns)
    )
    whole = (columns * (width + gap) - gap, rows * (height + gap) - gap)
    return Layout(*whole, regions)


def _cell_size(cells: Sequence[Cell]) -> tuple[int, int]:
    """Return a cell's size: about as many pixels as 320x180, in the middle shape of the footage."""
    shapes = sorted(float(c.film.footage.probe.video.active_aspect) for c in cells)
    shape = min(max(shapes[len(shapes) // 2], 0.5), 2.4)
    height = max(16, even((_AREA / shape) ** 0.5))
    return max(16, even(height * shape)), height
