"""Write GIFs and animated WebP, and read how long each picture of a GIF stays.

A GIF counts in hundredths of a second, and what is shown for less than two of them players show for
ten. One palette serves the whole file, so that a pixel which hardly changes can stay: FFmpeg's
writer then leaves it out of the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, UsageError
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.media.decode import open_file, reason_of
from kuleshov.media.hand import in_hand
from kuleshov.media.palette import Mapper, palette_of
from kuleshov.media.times import shown_delay

__all__ = ["TICK", "GifOptions", "GifTimes", "delays_of", "read_times", "write_gif", "write_webp"]

TICK = Fraction(1, 100)
"""The unit in which a GIF counts, in seconds."""
_SHORTEST = 2  # ticks
_SAMPLES = 24  # pictures that the palette is made from
_CLEAR = 255  # the number of the colour that stands for what was there before


@dataclass(frozen=True)
class GifOptions:
    """The options of a GIF.

    `colours` of the palette, 2 to 255; `dither` 0 to 1; a pixel that differs by no more than `keep`
    levels from what is shown stays as it is; `loop`: how often it is played, 0 for ever.
    """

    colours: int = 255
    dither: float = 0.2
    keep: int = 4
    loop: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.colours <= _CLEAR:
            raise UsageError(f"A GIF has 2 to {_CLEAR} colours, not {self.colours}.")
        if not 0 <= self.dither <= 1:
            raise UsageError(f"Dither lies between 0 and 1, not at {self.dither:g}.")
        if self.keep < 0 or self.loop < 0:
            raise UsageError("What a GIF keeps, and how often it is played, is not below 0.")


@dataclass(frozen=True)
class GifTimes:
    """The times of a GIF: `delays` of its pictures in ticks, as players show them.

    `loop`: how often it is played, 0 for ever.
    """

    delays: tuple[int, ...]
    loop: int


def delays_of(times: Sequence[Fraction], end: Fraction) -> list[int]:
    """Return how long pictures that begin at `times` stay, in ticks, until `end`.

    `times` are in s, the first 0.

    What is rounded off one goes to the next, so that none begins more than half a tick off; none
    stays for less than two ticks.
    """
    shown: list[int] = []
    clock = 0
    for following in (*times[1:], end):
        until = max(clock + _SHORTEST, round(following / TICK))
        shown.append(until - clock)
        clock = until
    return shown


def read_times(path: Path) -> GifTimes | None:
    """Return how long the pictures of a GIF stay; None for a film that is not a GIF.

    Raises `MediaError` where it cannot be read.
    """
    from PIL import Image

    with open_file(path) as container:
        if container.format.name != "gif":
            return None
        try:
            packets = container.demux(container.streams.video[0])
            delays = tuple(shown_delay(p.duration) for p in packets if p.pts is not None)
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(path, reason_of(error)) from error
    try:
        with in_hand(path), Image.open(path) as image:
            repeats = image.info.get("loop")
    except (OSError, SyntaxError, ValueError) as error:
        raise MediaError(
            path, "it is damaged, cut short, or no GIF: try another copy of it."
        ) from error
    # The file says how often it is repeated, and nothing where it is shown once.
    return GifTimes(delays, 1 if repeats is None else (repeats + 1 if repeats else 0))


def write_gif(
    pictures: Sequence[NDArray[np.uint8]],
    delays: Sequence[int],
    options: GifOptions = GifOptions(),
    job: Job = QUIET,
) -> bytes:
    """Return a GIF of (H, W, 3) uint8 RGB pictures of one size, each shown for so many ticks."""
    height, width = pictures[0].shape[:2]
    step = max(1, len(pictures) // _SAMPLES)
    palette = stoppable(lambda: palette_of(pictures[::step], options.colours), job)
    mapper = stoppable(lambda: Mapper(palette, options.dither), job)
    table = np.zeros((256, 4), np.uint8)  # alpha, red, green, blue
    table[: len(mapper.palette), 0] = 255
    table[: len(mapper.palette), 1:] = mapper.palette
    # The writer counts repeats, and -1 stands for none.
    repeats = 0 if options.loop == 0 else (options.loop - 1 or -1)
    out = io.BytesIO()
    muxer = {"loop": str(repeats), "final_delay": str(delays[-1])}
    with av.open(out, "w", format="gif", options=muxer) as container:
        stream = container.add_stream("gif")
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.codec_context.time_base = TICK
        clock = 0
        shown_in_turn = _kept(job.over(pictures), mapper, options.keep)
        for shown, delay in zip(shown_in_turn, delays, strict=True):
            frame = av.VideoFrame.from_ndarray((shown, table), format="pal8")  # type: ignore[arg-type]
            frame.pts, frame.time_base = clock, TICK
            container.mux(stream.encode(frame))
            clock += delay
        container.mux(stream.encode())
    return out.getvalue()


def _kept(
    pictures: Iterable[NDArray[np.uint8]], mapper: Mapper, keep: int
) -> Iterable[NDArray[np.uint8]]:
    """Yield pictures in numbers of colours, in which what hardly changes stays.

    How far a pixel may be off does not grow with time: it is held against the picture from which it
    was taken.
    """
    shown: NDArray[np.uint8] | None = None
    taken: NDArray[np.int16] | None = None
    for picture in pictures:
        wanted = picture.astype(np.int16)
        numbers = mapper(picture)
        if shown is None or taken is None:
            shown, taken = numbers, wanted
        else:
            stays = np.abs(wanted - taken).max(axis=2) <= keep
            shown = np.where(stays, shown, numbers)
            taken = np.where(stays[:, :, None], taken, wanted)
        yield shown


def write_webp(
    pictures: Sequence[NDArray[np.uint8]],
    delays: Sequence[int],
    quality: int = 75,
    loop: int = 0,
    job: Job = QUIET,
) -> bytes:
    """Return an animated WebP of (H, W, 3) uint8 RGB pictures.

    Each is shown for so many milliseconds.
    """
    from PIL import Image

    first, *rest = (Image.fromarray(np.ascontiguousarray(p)) for p in job.over(pictures))
    out = io.BytesIO()
    # Encoded in one go, in memory.
    stoppable(
        lambda: first.save(
            out,
            "WEBP",
            save_all=True,
            append_images=rest,
            duration=list(delays),
            loop=loop,
            quality=quality,
            method=4,
        ),
        job,
    )
    return out.getvalue()
