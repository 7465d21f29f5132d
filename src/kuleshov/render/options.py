"""Hold the options by which a timeline becomes a film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kuleshov.errors import UsageError
from kuleshov.media.codecs import WriteOptions

__all__ = ["Cadence", "Finishing", "Grade", "Missing", "RenderOptions"]

Cadence = Literal["nearest", "blend"]
"""The way to fill the time between two pictures: the nearer one, or a mix of both."""

Missing = Literal["refuse", "placeholder"]
"""The treatment of clips whose footage cannot be used: no film, or marked pictures."""


@dataclass(frozen=True)
class Grade:
    """A grade: luma becomes `gain` * Y + `offset`.

    Chroma grows around grey by `chroma`, and moves by `u` and `v`.
    """

    gain: float = 1.0
    offset: float = 0.0
    chroma: float = 1.0
    u: float = 0.0
    v: float = 0.0

    @property
    def filters(self) -> str:
        """The filter of FFmpeg for it, on yuv420p of limited range."""
        parts = {
            "y": (f"{self.gain:.4f}*val+{self.offset:.3f}", 235),
            "u": (f"128+{self.chroma:.4f}*(val-128)+{self.u:.3f}", 240),
            "v": (f"128+{self.chroma:.4f}*(val-128)+{self.v:.3f}", 240),
        }
        terms = (f"{name}=clip({how}\\,16\\,{most})" for name, (how, most) in parts.items())
        return f"lutyuv={':'.join(terms)}"


@dataclass(frozen=True)
class Finishing:
    """The look of a film.

    `tone_match`: how far clips are pulled towards the source's tone, 0 to 1; `monochrome`: no
    colour; `grain`: 0 to 1. Raises `UsageError` for anything else.
    """

    tone_match: float = 0.0
    monochrome: bool = False
    grain: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("tone match", self.tone_match), ("grain", self.grain)):
            if not 0 <= value <= 1:
                raise UsageError(f"The {name} is a number from 0 to 1, not {value}.")

    @property
    def finishes(self) -> bool:
        """Whether whole pictures are changed."""
        return self.monochrome or self.grain > 0


@dataclass(frozen=True)
class RenderOptions:
    """The options of a film.

    `write`: compression; `scaler` as FFmpeg's `sws_flags`; `cadence`: what footage of another rate
    shows between two of its pictures; `finishing`: colour and grain of the recut, `grades`: the
    tone of its items, by number (`render.finishing.tones`); `idle_films` stay open without being
    used; `threads` decode each film (0: FFmpeg's choice); `ahead` frames are made ahead of the
    encoder; `legend`: words at the bottom of every picture.
    """

    write: WriteOptions = field(default_factory=WriteOptions)
    scaler: str = "bicubic"
    cadence: Cadence = "nearest"
    finishing: Finishing = field(default_factory=Finishing)
    grades: Mapping[int, Grade] = field(default_factory=dict)
    idle_films: int = 4
    threads: int = 0
    ahead: int = 8
    missing: Missing = "refuse"
    burn_in: bool = False
    legend: str = ""
