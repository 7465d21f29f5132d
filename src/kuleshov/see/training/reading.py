"""Read pictures out of films and stills, upright, without bars, no larger than needed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError
from kuleshov.footage import Slate, Video
from kuleshov.jobs import QUIET, Job
from kuleshov.media.hand import check_openable, in_hand
from kuleshov.media.pictures import STILLS, open_picture, resized

if TYPE_CHECKING:
    from kuleshov.media.decode import Film, Picture

__all__ = [
    "LONGEST",
    "STILLS",
    "WantedPicture",
    "film_of",
    "is_still",
    "own_slate",
    "read_film",
    "read_still",
    "resized",
    "still_slate",
]

LONGEST = 3
"""The longest side, in shorter sides; of panoramas the middle is taken."""
_FAR = Fraction(2)  # s from one picture to the next from which it is sought
_TRIED = 24  # pictures for which key frames are tried


@dataclass(frozen=True)
class WantedPicture:
    """A wanted picture of a film: any with a media time from `begin` s to before `end`.

    A key frame will do that lies before that, at `earliest` s or later.
    """

    begin: Fraction
    end: Fraction
    earliest: Fraction


def is_still(path: Path) -> bool:
    """Return whether a file is taken for a picture, by its name."""
    return path.suffix.lower() in STILLS


def film_of(path: Path) -> tuple[Video, Fraction | None]:
    """Return what a film is, with its black bars, and its length in s.

    The length is what its container says, None where it does not. Raises MediaError.
    """
    from kuleshov.media.bars import find_bars
    from kuleshov.media.decode import Film

    with Film(path) as film:
        seconds = film.probe.duration_s
        video = replace(film.video, bars=find_bars(film, seconds))
    return video, None if seconds is None else Fraction(seconds)


def read_film(
    path: Path,
    video: Video,
    wanted: Sequence[WantedPicture],
    side: int,
    keys: float | None = None,
    job: Job = QUIET,
) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    """Yield for each wanted picture, in rising order, its media time and itself.

    Pictures are (H, W, 3) RGB; the shorter side is `side` pixels, or what the film has if that is
    less. No picture is given twice; where there is none, nothing is given. What lies far apart is
    sought, and the key frame that a seek lands on is taken if it is in time. With `keys` each is
    sought and its key frame taken even if it is early, where that gives this share of what is
    wanted. Raises MediaError where the film breaks off.
    """
    import av.error

    from kuleshov.media.decode import Film, reason_of
    from kuleshov.media.scale import Scaler

    scaler = Scaler(video, *_size(video, side), video.bars, fit=True)
    try:
        with Film(path, video=video) as film:
            for picture in _wanted(film, wanted, keys, job):
                yield picture.time, _not_too_long(scaler(picture.frame, picture.aspect))
    except av.error.FFmpegError as error:
        raise MediaError(path, reason_of(error)) from error


def _wanted(
    film: Film, wanted: Sequence[WantedPicture], keys: float | None, job: Job
) -> Iterator[Picture]:
    rest = list(wanted)
    if keys is not None and not film.video.discontinuous:
        tried = rest[:_TRIED]
        early = list(_key_frames(film, tried, job))
        if len(early) >= keys * len(tried):
            yield from early
            # What is sought again would be given again.
            last = early[-1].time
            yield from (p for p in _key_frames(film, rest[_TRIED:], job) if p.time > last)
            return
    yield from _in_turn(film, rest, job)


def _key_frames(film: Film, wanted: Sequence[WantedPicture], job: Job) -> Iterator[Picture]:
    """Yield what a seek to each wanted picture lands on, each once."""
    last: Fraction | None = None
    for want in job.over(wanted):
        for picture in film.pictures_at([(want.begin + want.end) / 2]):
            new = last is None or picture.time > last
            if new and want.earliest <= picture.time < want.end:
                last = picture.time
                yield picture


def _in_turn(film: Film, wanted: Sequence[WantedPicture], job: Job) -> Iterator[Picture]:
    """Yield one wanted picture after another, sought where it is far to the next."""
    pictures: Iterator[Picture] = iter(())
    at: Picture | None = None
    far, used = _FAR, True
    for want in wanted:
        if at is None or want.begin - at.time > far:
            before = at
            pictures = film.pictures((want.begin + want.end) / 2)
            at, used = next(pictures, None), False
            if at is not None and before is not None and at.time <= before.time:
                far *= 4  # key frames lie further apart: it was for nothing
        while at is not None and (used or at.time < want.begin):
            job.check()
            at, used = next(pictures, None), False
        if at is None:
            return
        if at.time < want.end:
            yield at
            used = True


def _size(video: Video, side: int) -> tuple[int, int]:
    """Return height and width in square pixels, the shorter `side`, or as much as there is."""
    width, height = video.active_size
    aspect = video.active_aspect
    shown = min(Fraction(height), width * video.upright_aspect)
    shorter = max(1, min(side, round(shown)))
    return (shorter, round(shorter * aspect)) if aspect >= 1 else (round(shorter / aspect), shorter)


def read_still(path: Path, side: int) -> NDArray[np.uint8]:
    """Return a picture, turned as its camera says, no shorter side above `side`.

    It is (H, W, 3) uint8 RGB. Colours are brought to sRGB; what is transparent lies on middle grey.
    Raises MediaError.
    """
    return _not_too_long(np.asarray(open_picture(path, side), np.uint8))


def own_slate(path: Path) -> Slate:
    """Return who made a film or a picture and on what terms, as the file itself says.

    Raises MediaError where it cannot be opened.
    """
    from kuleshov.media.decode import Film

    if is_still(path):
        return still_slate(path)
    with Film(path) as film:
        return film.probe.tags


def still_slate(path: Path) -> Slate:
    """Return who made a picture and on what terms, by its EXIF tags.

    It is empty where they do not say.
    """
    from PIL import ExifTags, Image

    from kuleshov.media.container_tags import slate_of

    tags = {
        "title": ExifTags.Base.ImageDescription,
        "artist": ExifTags.Base.Artist,
        "copyright": ExifTags.Base.Copyright,
    }
    with contextlib.suppress(OSError, ValueError, SyntaxError, KeyError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_openable(path)
        with in_hand(path), Image.open(path) as opened:
            found = opened.getexif()
        told = {name: str(found[tag]) for name, tag in tags.items() if tag in found}
        return slate_of(told, name=path.name)
    return Slate()


def _not_too_long(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    longest = LONGEST * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return np.ascontiguousarray(pixels[top : top + longest, left : left + longest])
