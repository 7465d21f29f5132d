"""Define what every shot detector offers, and the names by which detectors are known.

A detector looks at tiny frames, in order, and gives two probabilities a frame; `boundaries` turns
those into cuts and gradual transitions. A new detector is one file with one class and one line in
`DETECTORS`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kuleshov.errors import UsageError
from kuleshov.timecode import FrameRange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "DETECTORS",
    "SLOW",
    "TINY",
    "Detector",
    "Prediction",
    "boundaries",
    "detector",
    "ranges",
]

TINY = (27, 48)
"""Height and width of the frames that detectors look at: the whole frame, squeezed."""

SHORTEST = 3
"""Frames of the shortest gradual transition; anything shorter is a cut."""

SLOW = 6
"""Frames from which a transition may be believed without a peak of `single`."""

LONG = 12
EARLY = 0.2
"""In a dissolve of `LONG` frames or more the network notices the new shot late, so the beginning
lies where `many` reaches this part of its height rather than half. Both numbers were chosen on
films mixed from real shots, with dissolves of 8, 15 and 30 frames."""

APART = 3
"""Fewest frames between two boundaries."""

DETECTORS: Mapping[str, str] = {"transnet": "kuleshov.shots.transnet:TransNet"}
"""The detectors by name, each with its class: `module:class`, imported when asked for."""


@dataclass(frozen=True, repr=False)
class Prediction:
    """A prediction: two probabilities for each of N frames, (N,) float32 each, in [0, 1].

    `single` is high on one frame of each transition: the last before a hard cut, the middle of a
    gradual one. `many` is high on every frame of a transition.
    """

    single: NDArray[np.float32]
    many: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.single.ndim != 1 or self.single.shape != self.many.shape:
            shapes = f"{self.single.shape} and {self.many.shape}"
            raise UsageError(f"A prediction has one number a frame and head, not {shapes}.")
        if self.single.dtype != np.float32 or self.many.dtype != np.float32:
            types = f"{self.single.dtype} and {self.many.dtype}"
            raise UsageError(f"A prediction is made of float32, not {types}.")

    def __len__(self) -> int:
        return len(self.single)

    def __repr__(self) -> str:
        return f"Prediction({len(self)} frames)"


class Detector(Protocol):
    """A detector that looks at the frames of one film, in order, once.

    Make a new one for each film.
    """

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Look at the next frames, (N, 27, 48, 3) uint8 RGB, any N."""

    def finish(self) -> Prediction:
        """Return the prediction for all frames fed; nothing can be fed afterwards."""


def detector(name: str = "transnet") -> Detector:
    """Return a new detector by its name in `DETECTORS`, with its defaults.

    Raises UsageError if there is none of that name, and ModelError if its network cannot run.
    """
    if name not in DETECTORS:
        raise UsageError(f"There is no shot detector {name!r}; there are {', '.join(DETECTORS)}.")
    module, _, attribute = DETECTORS[name].partition(":")
    made: Detector = getattr(importlib.import_module(module), attribute)()
    return made


def boundaries(prediction: Prediction, threshold: float = 0.5) -> list[FrameRange]:
    """Return the boundaries between shots that a prediction holds, in order and apart.

    A hard cut between frames f-1 and f is the empty range at f. A gradual transition is the range
    of the frames that mix both shots. `threshold`, in (0, 1), is the probability from which
    a boundary is believed.

    Each peak of `single` is one boundary. Around it, the frames whose `many` reaches half of its
    height there are its extent: one or two frames for a cut, whose peak lies on the last frame
    before it; the mixed frames for a dissolve, the more exactly the faster it is. A slow dissolve
    spreads its peak over several frames, each below the threshold: it counts where `many` stays
    above it and `single` adds up to it.

    Raises UsageError if `threshold` is out of range.
    """
    if not 0 < threshold < 1:
        raise UsageError(f"A threshold lies between 0 and 1, not at {threshold}.")
    single, many = prediction.single, prediction.many
    # Strongest first, so that of two peaks in one transition the better one stands for it.
    peaks = [
        run.first + int(np.argmax(single[run.first : run.end]))
        for run in ranges(single >= threshold)
    ]
    found: list[FrameRange] = []
    for peak in sorted(peaks, key=lambda frame: -single[frame]):
        extent = _extent(many, peak)
        cut = extent[1] - extent[0] < SHORTEST
        _add(found, FrameRange(peak + 1, peak + 1) if cut else FrameRange(*extent))
    for run in ranges(many >= threshold):
        if len(run) >= SLOW and single[run.first : run.end].sum() >= threshold:
            middle = run.first + int(np.argmax(many[run.first : run.end]))
            _add(found, FrameRange(*_extent(many, middle)))
    # A boundary has a shot on either side of it.
    return sorted(r for r in found if r.first > 0 and r.end < len(prediction))


def _add(found: list[FrameRange], new: FrameRange) -> None:
    """Add `new` unless a boundary found before lies within `APART` frames of it."""
    if all(new.first - old.end >= APART or old.first - new.end >= APART for old in found):
        found.append(new)


def _extent(many: NDArray[np.float32], peak: int) -> tuple[int, int]:
    """Return the first and the end of the frames around `peak` that belong to it.

    `many` is at least half of its height there.
    """
    height = float(many[max(0, peak - 1) : peak + 2].max())
    first = end = peak
    while first > 0 and many[first - 1] >= height / 2:
        first -= 1
    while end < len(many) and many[end] >= height / 2:
        end += 1
    if end - first >= LONG:
        while first > 0 and many[first - 1] >= height * EARLY:
            first -= 1
    return first, max(end, peak + 1)


def ranges(mask: NDArray[np.bool_]) -> list[FrameRange]:
    """Return the stretches where `mask` is true, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [FrameRange(int(first), int(end)) for first, end in edges.reshape(-1, 2)]
