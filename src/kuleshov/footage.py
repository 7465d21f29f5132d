"""Records of what a media file is: streams, bars, shots. Plain data, no reading.

Three counts of pixels are kept apart: *coded* (as stored), *upright* (coded, turned by the
rotation that a phone wrote into the file) and *display* (upright, stretched to square pixels).
Bars are cut off in upright pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from kuleshov.timecode import FrameRange

__all__ = ["Audio", "Bars", "Probe", "Shot", "Slate", "Transition", "TransitionKind", "Video"]

TransitionKind = Literal["none", "cut", "dissolve", "fade", "wipe"]


@dataclass(frozen=True)
class Slate:
    """Who made the footage and on what terms it may be used. Empty means not known."""

    title: str = ""
    author: str = ""
    licence: str = ""
    url: str = ""


@dataclass(frozen=True)
class Bars:
    """Width, in upright pixels, of the black bars on each side (letterbox, pillarbox)."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __post_init__(self) -> None:
        if min(self.left, self.top, self.right, self.bottom) < 0:
            raise ValueError(f"bars cannot be negative: {self}")

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))


@dataclass(frozen=True)
class Video:
    """One video stream.

    `rate` is nominal, in frames a second; `start` is the time of the first picture on the file's
    own clock, in seconds; `rotation` is how many degrees clockwise the coded picture must be
    turned to stand upright: 0, 90, 180 or 270; `mirrored`: left and right change places after that.

    A film may change its size and aspect on the way. These are those of its first picture, in whose
    shape the film is shown; what comes in another shape is fitted into it (`shaped`).
    """

    codec: str
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    start: Fraction = Fraction(0)
    aspect: Fraction = Fraction(1)
    rotation: int = 0
    interlaced: bool = False
    variable_rate: bool = False
    discontinuous: bool = False
    bars: Bars = field(default_factory=Bars)
    mirrored: bool = False

    def shaped(self, width: int, height: int, aspect: Fraction) -> Video:
        """The same for one of its pictures. One of another size or aspect has no known bars."""
        if (width, height, aspect) == (self.width, self.height, self.aspect):
            return self
        return replace(self, width=width, height=height, aspect=aspect, bars=Bars())

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height after rotation, before square pixels."""
        if self.rotation in (90, 270):
            return self.height, self.width
        return self.width, self.height

    @property
    def active_size(self) -> tuple[int, int]:
        """Upright width and height without the bars."""
        width, height = self.upright_size
        bars = self.bars
        return width - bars.left - bars.right, height - bars.top - bars.bottom

    @property
    def upright_aspect(self) -> Fraction:
        """Width of an upright pixel over its height."""
        return 1 / self.aspect if self.rotation in (90, 270) else self.aspect

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels, bars included, even numbers; height is kept."""
        width, height = self.upright_size
        return _even(width * self.upright_aspect), _even(Fraction(height))

    @property
    def active_display_size(self) -> tuple[int, int]:
        """Width and height in square pixels without the bars, even numbers; height is kept."""
        width, height = self.active_size
        return _even(width * self.upright_aspect), _even(Fraction(height))

    @property
    def active_aspect(self) -> Fraction:
        """Shape of the picture without bars: width over height, in square pixels."""
        width, height = self.active_size
        return Fraction(width, height) * self.upright_aspect


def _even(length: Fraction) -> int:
    return max(2, 2 * round(length / 2))


@dataclass(frozen=True)
class Audio:
    """One audio stream. `start` is on the file's own clock, in seconds."""

    codec: str
    rate: int
    channels: int
    start: Fraction = Fraction(0)


@dataclass(frozen=True)
class Probe:
    """What opening a file tells before it is decoded. `duration_s` and `tags`, who made it, are the
    container's claims. `left_out`: sentences, without the file's name, on what it holds and is not
    used."""

    video: Video
    audio: Audio | None
    duration_s: float | None
    tags: Slate = field(default_factory=Slate)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transition:
    """The way from the shot before into a shot.

    A cut is a point (`frames` is empty, at the boundary); anything gradual is the range of the
    frames that show both sides, or a side and black. `black` are those within that are black: the
    middle of a fade that goes through black.
    """

    kind: TransitionKind
    frames: FrameRange
    black: FrameRange | None = None


@dataclass(frozen=True)
class Shot:
    """Footage between two boundaries.

    Shots tile the footage: `frames` of one ends where the next begins. `core` leaves out the
    frames of gradual transitions on either side; features and clips use nothing else. `transition`
    is the one into the shot (the first shot's is `none`). `black` marks a stretch without picture.
    """

    index: int
    frames: FrameRange
    core: FrameRange
    transition: Transition
    black: bool = False

    @property
    def number(self) -> int:
        """What people call it: they count from 1."""
        return self.index + 1
