"""Change moments of films in several ways, and write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.media import decode
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.scale import Scaler
from kuleshov.media.write import FilmWriter

__all__ = ["CHANGES", "FLIPPED", "LENGTH", "Moment", "draw", "pictures_of", "write"]

LENGTH = Fraction(2)
SHORTEST = Fraction(5, 2)
LINES = 360
Pictures = NDArray[np.uint8]
"""(N, H, W, 3) RGB."""


def cropped(pictures: Pictures) -> Pictures:
    """Return 70 % of the width and of the height: half of the picture.

    It is cut from the upper left third.
    """
    height, width = pictures.shape[1:3]
    h, w = (round(0.35 * side) * 2 for side in (height, width))
    return pictures[:, (height - h) // 3 :, (width - w) // 3 :][:, :h, :w]


def mirrored(pictures: Pictures) -> Pictures:
    return pictures[:, :, ::-1]


def black_and_white(pictures: Pictures) -> Pictures:
    luma = pictures @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma.round().astype(np.uint8)[..., None].repeat(3, axis=-1)


def graded(pictures: Pictures) -> Pictures:
    """Return pictures graded otherwise.

    Contrast x 1.3, gamma 1/1.25 (brighter), hue turned by 20 degrees in YIQ.
    """
    to_yiq = np.array(
        [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32
    )
    turn = np.eye(3, dtype=np.float32)
    cos, sin = np.cos(np.pi / 9), np.sin(np.pi / 9)
    turn[1:, 1:] = [[cos, -sin], [sin, cos]]
    matrix = np.linalg.inv(to_yiq) @ turn @ to_yiq
    curve = np.clip((np.arange(256) / 255 - 0.5) * 1.3 + 0.5, 0, 1).astype(np.float32) ** 0.8
    return (np.clip(curve[pictures] @ matrix.T, 0, 1) * 255).round().astype(np.uint8)


def letterboxed(pictures: Pictures) -> Pictures:
    """Return pictures with black bars over all that lies outside 2.39:1.

    Each bar is at most a fifth of the height.
    """
    height, width = pictures.shape[1:3]
    bar = min(max(0, round((height - width / 2.39) / 2)), height // 5)
    made = pictures.copy()
    made[:, :bar] = 0
    made[:, height - bar :] = 0
    return made


def everything(pictures: Pictures) -> Pictures:
    return letterboxed(graded(black_and_white(mirrored(cropped(pictures)))))


CHANGES: Mapping[str, Callable[[Pictures], Pictures]] = {
    "plain": lambda pictures: pictures,
    "cropped to 70 %": cropped,
    "mirrored": mirrored,
    "black and white": black_and_white,
    "graded": graded,
    "letterboxed": letterboxed,
    "all together": everything,
}
FLIPPED = ("mirrored", "all together")
"""These are looked for both ways round."""


@dataclass(frozen=True)
class Moment:
    """A moment: two seconds of a film of the archive, its shot, and where it begins."""

    film: int
    shot: int
    start: Fraction


def draw(rows: ArchiveRows, count: int) -> list[Moment]:
    """Return `count` moments: first one for each long shot, then a second for each, and so on."""
    rng = np.random.default_rng(0)
    shots = [
        (index, shot, film.core(shot))
        for index, film in enumerate(rows.films)
        for shot in film.shots
        if film.core(shot).duration >= SHORTEST
    ]
    found: list[Moment] = []
    while len(found) < count and shots:
        for place in rng.permutation(len(shots)):
            film, shot, core = shots[place]
            room = float(core.duration - LENGTH)
            start = core.start + Fraction(round(rng.uniform(0, room) * 1000), 1000)
            found.append(Moment(film, shot.index, rows.films[film].frame_start(start)))
    return found[:count]


def pictures_of(film: ArchiveFilm, start: Fraction) -> tuple[Pictures, float]:
    """Return the moment's frames, upright, `LINES` high, and how much it moves."""
    video = film.footage.probe.video
    width = round(film.footage.probe.video.active_aspect * LINES / 2) * 2
    large, tiny = Scaler(video, LINES, width, video.bars), Scaler(video, 27, 48)
    frames, small = [], []
    with decode.Film(film.footage.path, video=video) as opened:
        for picture in opened.pictures(start):
            if picture.time >= start + LENGTH:
                break
            if picture.time >= start:
                frames.append(large(picture.frame))
                small.append(tiny(picture.frame).astype(np.float32))
    lag = min(len(small) - 1, max(1, round(video.rate)))
    levels = np.array(small)
    return np.array(frames), float(np.abs(levels[lag:] - levels[:-lag]).mean())


def write(pictures: Pictures, rate: Fraction, path: Path) -> None:
    height, width = (side // 2 * 2 for side in pictures.shape[1:3])
    with FilmWriter(path, width, height, rate, WriteOptions(23, "veryfast")) as writer:
        for picture in pictures[:, :height, :width]:
            writer.write(picture)
