"""Films whose boundaries were labelled by eye, and how well a way of looking finds them.

Each file of `shots/truth` is a film: `film`, its path in a folder of footage; `sha256` of the file;
`frames`, its pictures; `labelled`, when and how; `remarks`, what is easily mistaken. `boundaries`
are rows of kind, first frame, end frame and note. Frames are counted from 0 as they are shown, and
ranges are half open, as in `Transition`:

- `cut`: first and end are the frame with which the new shot begins. A cut may hold one frame that
  shows both shots; then they are its range.
- `dissolve`, `fade`, `wipe`: the frames that show both sides, or a side and black or white.
- `doubtful`: a person may or may not say that a shot ends there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kuleshov.footage import Transition
from kuleshov.timecode import FrameRange

NEAR_CUT = 1  # frames that a cut, or what is doubtful, may be off
NEAR_GRADUAL = 4  # frames that a gradual transition may be off
LONGEST_CUT = 2  # frames of what is found, beyond those of the cut itself


@dataclass(frozen=True)
class Boundary:
    """What was seen: one row of a truth file."""

    kind: str
    frames: FrameRange
    note: str


@dataclass(frozen=True)
class Labelled:
    """A film, by its path in a folder of footage, and its boundaries in order."""

    film: str
    sha256: str
    frames: int
    boundaries: tuple[Boundary, ...]


@dataclass(frozen=True)
class Verdict:
    """What was found of one film: of `cuts` hard cuts so many were `right`."""

    cuts: int
    right: int
    missed: tuple[Boundary, ...]
    """Cuts and gradual transitions."""
    false: tuple[Transition, ...]

    @property
    def f1(self) -> float:
        """F1 of the hard cuts: what is false is counted, whatever it was taken for."""
        return 2 * self.right / (self.cuts + self.right + len(self.false))

    def __str__(self) -> str:
        head = f"{self.right} of {self.cuts} cuts, {len(self.false)} false: F1 {self.f1:.3f}"
        missed = [f"missed {one.kind} {_said(one.frames)} {one.note}" for one in self.missed]
        false = [f"false {one.kind} {_said(one.frames)}" for one in self.false]
        return "\n".join([head, *missed, *false])


def load_labels(path: Path) -> Labelled:
    """Read a truth file. Raises `ValueError` where its rows are not in order or out of the film."""
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple(
        Boundary(kind, FrameRange(first, end), note)
        for kind, first, end, note in data["boundaries"]
    )
    ends = [0, *(at for row in rows for at in (row.frames.first, row.frames.end)), data["frames"]]
    if ends != sorted(ends):
        raise ValueError(f"{path.name}: boundaries are not in order, or out of the film")
    return Labelled(data["film"], data["sha256"], data["frames"], rows)


def judge(found: Sequence[Transition], labelled: Labelled) -> Verdict:
    """Compare what was found in a film with its labels.

    Each cut counts once, the nearest first. What is found within a gradual transition, or where it
    is doubtful, is not false, however much there is of it.
    """
    cuts = [one for one in labelled.boundaries if one.kind == "cut"]
    pairs = sorted(
        (abs(one.frames.first - cut.frames.first) + abs(one.frames.end - cut.frames.end), i, j)
        for i, one in enumerate(found)
        for j, cut in enumerate(cuts)
        if near(one.frames, cut.frames, NEAR_CUT)
        and len(one.frames) <= len(cut.frames) + LONGEST_CUT
    )
    cut_of: dict[int, int] = {}  # what was found: its cut
    for _, i, j in pairs:
        if i not in cut_of and j not in cut_of.values():
            cut_of[i] = j
    rest = [one for i, one in enumerate(found) if i not in cut_of]
    others = [one for one in labelled.boundaries if one.kind != "cut"]
    missed = [cut for j, cut in enumerate(cuts) if j not in cut_of.values()]
    missed += [
        other
        for other in others
        if other.kind != "doubtful" and not any(_within(one, other) for one in rest)
    ]
    false = [one for one in rest if not any(_within(one, other) for other in others)]
    return Verdict(len(cuts), len(cut_of), tuple(missed), tuple(false))


def near(one: FrameRange, other: FrameRange, frames: int) -> bool:
    """Whether two ranges overlap or lie at most so many frames apart."""
    return one.first <= other.end + frames and other.first <= one.end + frames


def _said(frames: FrameRange) -> str:
    return f"{frames.first}-{frames.end}" if len(frames) else f"{frames.first}"


def _within(one: Transition, other: Boundary) -> bool:
    frames = NEAR_CUT if other.kind == "doubtful" else NEAR_GRADUAL
    return near(one.frames, other.frames, frames)
