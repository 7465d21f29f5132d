"""Define records of what a media file is: streams, bars, shots. Plain data, no reading.

Three counts of pixels are kept apart: *coded* (as stored), *upright* (coded, turned by the
rotation that a phone wrote into the file) and *display* (upright, stretched to square pixels).
Bars are cut off in upright pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, NamedTuple

from kuleshov.timecode import FrameRange

__all__ = [
    "Audio",
    "Bars",
    "Probe",
    "Shot",
    "ShotRef",
    "Slate",
    "Transition",
    "TransitionKind",
    "Video",
    "even",
]

TransitionKind = Literal["none", "cut", "dissolve", "fade", "wipe"]


@dataclass(frozen=True)
class Slate:
    """A slate: who made footage and on what terms it may be used. Empty means not known."""

    title: str = ""
    author: str = ""
    licence: str = ""
    url: str = ""


@dataclass(frozen=True)
class Bars:
    """The black bars of a picture (letterbox, pillarbox).

    Their width on each side, in upright pixels.
    """

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __post_init__(self) -> None:
        if min(self.left, self.top, self.right, self.bottom) < 0:
            raise ValueError(f"bars cannot be negative: {self}")

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def widened(self, other: Bars) -> Bars:
        """Return the bars that cover both on each side."""
        return Bars(
            max(self.left, other.left),
            max(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True)
class Video:
    """A video stream.

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
        """Return the stream as it is for one of its pictures.

        One of another size or aspect has no known bars.
        """
        if (width, height, aspect) == (self.width, self.height, self.aspect):
            return self
        return replace(self, width=width, height=height, aspect=aspect, bars=Bars())

    @property
    def upright_size(self) -> tuple[int, int]:
        """The width and height after rotation, before square pixels."""
        if self.rotation in (90, 270):
            return self.height, self.width
        return self.width, self.height

    @property
    def active_size(self) -> tuple[int, int]:
        """The upright width and height without the bars."""
        width, height = self.upright_size
        bars = self.bars
        return width - bars.left - bars.right, height - bars.top - bars.bottom

    @property
    def upright_aspect(self) -> Fraction:
        """The width of an upright pixel over its height."""
        return 1 / self.aspect if self.rotation in (90, 270) else self.aspect

    @property
    def display_size(self) -> tuple[int, int]:
        """The width and height in square pixels, bars included, even numbers; height is kept."""
        width, height = self.upright_size
        return even(width * self.upright_aspect), even(Fraction(height))

    @property
    def active_display_size(self) -> tuple[int, int]:
        """The width and height in square pixels without bars, even numbers; height is kept."""
        width, height = self.active_size
        return even(width * self.upright_aspect), even(Fraction(height))

    @property
    def active_aspect(self) -> Fraction:
        """The shape of the picture without bars: width over height, in square pixels."""
        width, height = self.active_size
        return Fraction(width, height) * self.upright_aspect


def even(length: Fraction | float) -> int:
    """Return the even number of pixels nearest to a length, 2 at least.

    Colour lies on every second pixel of films.
    """
    return max(2, 2 * round(length / 2))


@dataclass(frozen=True)
class Audio:
    """An audio stream. `start` is on the file's own clock, in seconds."""

    codec: str
    rate: int
    channels: int
    start: Fraction = Fraction(0)


@dataclass(frozen=True)
class Probe:
    """A probe: what opening a file tells before it is decoded.

    `duration_s` and `tags`, who made it, are the container's claims. `left_out`: sentences, without
    the file's name, on what it holds and is not used.
    """

    video: Video
    audio: Audio | None
    duration_s: float | None
    tags: Slate = field(default_factory=Slate)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transition:
    """A transition from the shot before into a shot.

    A cut is a point (`frames` is empty, at the boundary); anything gradual is the range of the
    frames that show both sides, or a side and black. `black` are those within that are black: the
    middle of a fade that goes through black.
    """

    kind: TransitionKind
    frames: FrameRange
    black: FrameRange | None = None


@dataclass(frozen=True)
class Shot:
    """A shot: footage between two boundaries.

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
        """The number that people give it: they count from 1."""
        return self.index + 1


class ShotRef(NamedTuple):
    """One shot of one footage: its `checksum`, and the number of the `shot`, counted from 0.

    It means the same in every archive, film and process, so sets and mappings of shots have it as
    their key. A named tuple, for there are as many as an archive has shots.
    """

    checksum: str
    shot: int
