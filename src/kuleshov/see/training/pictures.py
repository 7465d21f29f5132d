"""Hold pictures to train on: where they come from, and what was left out on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kuleshov.notes import Note

__all__ = ["LARGEST", "REASONS", "Dropped", "FilmPart", "PictureOrigin", "Pictures", "Reason"]

LARGEST = 1.3
"""Pictures are shown at 1 to 1.3 times the size, the paper's random scale; so much is kept."""

Reason = Literal["unreadable", "too small", "black or blank", "blurred", "near-duplicate"]
"""The reasons for which a picture is not taken."""

REASONS: tuple[Reason, ...] = (
    "unreadable",
    "too small",
    "black or blank",
    "blurred",
    "near-duplicate",
)
"""The reasons in the order in which pictures are tested for them."""


@dataclass(frozen=True)
class FilmPart:
    """A part of a film, half-open media time in seconds, or a still.

    None stands for the film's beginning and end.
    """

    path: Path
    start: Fraction | None = None
    end: Fraction | None = None


@dataclass(frozen=True)
class PictureOrigin:
    """A place where a picture comes from; `time` is media time in seconds, None for a still."""

    path: Path
    time: Fraction | None


@dataclass(frozen=True)
class Dropped:
    """A picture that was not taken, why, and a small version of it, (H, W, 3) uint8 RGB."""

    place: PictureOrigin
    reason: Reason
    small: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class Pictures:
    """The pictures that a network is trained on.

    `pixels`: (H, W, 3) uint8 RGB each, upright, without black bars, in square pixels; the shorter
    side is that of training crops at least and 1.3 times that at most. `places` says of each where
    it comes from; they are in the order of files and time. `refused` counts what was left out by
    reason, and `dropped` shows some of it.
    """

    pixels: tuple[NDArray[np.uint8], ...]
    places: tuple[PictureOrigin, ...]
    refused: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.places):
            raise ValueError(f"{len(self.pixels)} pictures from {len(self.places)} places")
        if any(p.ndim != 3 or p.shape[2] != 3 or p.dtype != np.uint8 for p in self.pixels):
            raise ValueError("pictures are (H, W, 3) uint8")

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return f"Pictures({len(self)}, refused={dict(self.refused)})"
