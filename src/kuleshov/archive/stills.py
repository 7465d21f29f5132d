"""Draw thumbnail strips: three stills of every shot, a few images for each footage."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.store import write_whole
from kuleshov.features.grid import rows_within
from kuleshov.footage import Shot
from kuleshov.jobs import QUIET, Job

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["STILLS", "StillSpool", "still_box", "still_path", "write_stills"]

STILLS = 3
"""Stills a shot: near its beginning, its middle, its end."""
HEIGHT = 90
"""Height of a still in pixels; its width follows the footage's aspect."""
_ACROSS, _DOWN = 8, 30  # shots in a row of an image, rows in an image
_SPOOLED = 128  # pixels a side, squeezed square, while the film is read


class StillSpool:
    """A spool that keeps the sampled pictures on disk, as JPEG, until the shots are known."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="kuleshov-stills-")  # noqa: SIM115
        self._ends = [0]
        self._rows: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, pictures: NDArray[np.uint8], which: NDArray[np.int64]) -> None:
        """Keep the next (P, S, S, 3) uint8 RGB pictures, each once.

        `which` of them each row shows, (M,).
        """
        from PIL import Image

        kept = len(self._ends) - 1
        self._rows += (which + kept).tolist()
        for picture in pictures:
            data = io.BytesIO()
            Image.fromarray(picture).resize((_SPOOLED, _SPOOLED), Image.Resampling.BOX).save(
                data, "JPEG", quality=88
            )
            self._file.write(data.getvalue())
            self._ends.append(self._ends[-1] + data.tell())

    def picture(self, row: int) -> Image:
        """Return the picture of one row, squeezed square."""
        from PIL import Image

        begin, end = self._ends[self._rows[row] :][:2]
        self._file.seek(begin)
        return Image.open(io.BytesIO(self._file.read(end - begin)))


@dataclass(frozen=True)
class StillBox:
    """A still's place: number of the image, and left, top, right, bottom in it, in pixels."""

    image: int
    box: tuple[int, int, int, int]


def still_path(folder: Path, image: int) -> Path:
    """Return the path of one of a footage's images."""
    return folder / f"stills-{image:03d}.jpg"


def still_box(shot: int, still: int, aspect: Fraction) -> StillBox:
    """Return the place of still 0, 1 or 2 of a shot, for footage of this aspect.

    The aspect is width over height.
    """
    width = _width(aspect)
    image, place = divmod(shot, _ACROSS * _DOWN)
    row, column = divmod(place, _ACROSS)
    x, y = (column * STILLS + still) * width, row * HEIGHT
    return StillBox(image, (x, y, x + width, y + HEIGHT))


def write_stills(
    folder: Path,
    spool: StillSpool,
    shots: Sequence[Shot],
    shown: NDArray[np.int64],
    aspect: Fraction,
    job: Job = QUIET,
) -> None:
    """Write the strips of one footage. A shot too short to have a row has black stills.

    Raises `Stopped` where the job is to stop.
    """
    from PIL import Image

    width, per_image = _width(aspect), _ACROSS * _DOWN
    for image in range((len(shots) + per_image - 1) // per_image):
        part = shots[image * per_image : (image + 1) * per_image]
        rows = (len(part) + _ACROSS - 1) // _ACROSS
        columns = min(len(part), _ACROSS)
        sheet = Image.new("RGB", (columns * STILLS * width, rows * HEIGHT))
        for shot in job.over(part):
            for still, row in enumerate(_rows_of(shot, shown)):
                picture = spool.picture(row).resize((width, HEIGHT), Image.Resampling.BILINEAR)
                sheet.paste(picture, still_box(shot.index, still, aspect).box[:2])
        data = io.BytesIO()
        sheet.save(data, "JPEG", quality=82)
        write_whole(still_path(folder, image), data.getvalue())


def _rows_of(shot: Shot, shown: NDArray[np.int64]) -> list[int]:
    first, end = rows_within(shown, shot.core)
    if first == end:
        return []
    return [first + int((end - first) * (k + 0.5) / STILLS) for k in range(STILLS)]


def _width(aspect: Fraction) -> int:
    return max(30, min(320, round(HEIGHT * aspect)))
