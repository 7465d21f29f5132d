"""Hold the shots of footage as arrays: what of them may be offered, and the mean of their rows."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from kuleshov.features import material, tone
from kuleshov.features.grid import rows_of_each
from kuleshov.features.material import KINDS, judge
from kuleshov.features.tone import colourless
from kuleshov.footage import Shot, Transition, TransitionKind
from kuleshov.timecode import FrameRange

__all__ = ["Judgement", "ShotTable", "judged", "means", "rules"]

_MOSTLY = 0.7  # of a shot's rows without colour make it black and white
_WAYS: tuple[TransitionKind, ...] = ("none", "cut", "dissolve", "fade", "wipe")
_TITLE, _LETTERED, _GREY = 1, 2, 4
_NONE: frozenset[int] = frozenset()

COLUMNS = 12
"""Numbers in a row of a `ShotTable`."""


class ShotTable(Sequence[Shot]):
    """A table of shots, made when they are first looked at: an archive has a million.

    `table` (S, 12) int64: number, frames and core (first, end), kind of transition, its frames, the
    black ones of these (-1: none), flags, and the kind as `KINDS` has it.
    """

    def __init__(self, table: NDArray[np.int64]) -> None:
        self.table = table

    @classmethod
    def of(cls, shots: Sequence[Shot], flags: Sequence[int], kinds: Sequence[int]) -> ShotTable:
        """Return the table of these shots."""
        rows = []
        for shot, flag, kind in zip(shots, flags, kinds, strict=True):
            into, black = shot.transition, shot.transition.black
            rows.append(
                (
                    *(shot.index, shot.frames.first, shot.frames.end),
                    *(shot.core.first, shot.core.end),
                    *(_WAYS.index(into.kind), into.frames.first, into.frames.end),
                    *((-1, -1) if black is None else (black.first, black.end)),
                    *(flag, kind),
                )
            )
        return cls(np.array(rows, np.int64).reshape(-1, COLUMNS))

    @property
    def cores(self) -> NDArray[np.int64]:
        """The first frame and the end of each core, (S, 2)."""
        return self.table[:, 3:5]

    def flagged(self) -> list[list[int]]:
        """Return number and flags of the shots that have any flag."""
        marked: list[list[int]] = self.table[self.table[:, 10] != 0][:, (0, 10)].tolist()
        return marked

    @cached_property
    def _shots(self) -> tuple[Shot, ...]:
        return tuple(_shot(*row) for row in self.table.tolist())

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, at: int) -> Shot: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Shot]: ...
    def __getitem__(self, at: int | slice) -> Shot | Sequence[Shot]:
        return self._shots[at]

    def __iter__(self) -> Iterator[Shot]:
        return iter(self._shots)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShotTable | tuple) and self._shots == tuple(other)

    def __hash__(self) -> int:
        return hash(self._shots)


def _shot(
    number: int,
    first: int,
    end: int,
    core: int,
    core_end: int,
    way: int,
    into: int,
    into_end: int,
    black: int,
    black_end: int,
    *_: int,
) -> Shot:
    dark = None if black < 0 else FrameRange(black, black_end)
    transition = Transition(_WAYS[way], FrameRange(into, into_end), dark)
    return Shot(number, FrameRange(first, end), FrameRange(core, core_end), transition)


@dataclass(frozen=True, eq=False)
class Judgement:
    """A judgement of which of a film's shots may be offered.

    `unwanted` counts those that may not, by the `KINDS`, (K,) int64.
    """

    shots: ShotTable
    unwanted: NDArray[np.int64]

    def marks(self) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
        """Return the numbers of shots that show title cards, letters to be read, or no colour.

        These are three sets.
        """
        if not self.shots.table[:, 10].any():
            return _NONE, _NONE, _NONE
        marked = self.shots.flagged()
        every = 0
        for _, flags in marked:
            every |= flags
        title, lettered, grey = (
            frozenset([number for number, flags in marked if flags & flag])
            if every & flag
            else _NONE
            for flag in (_TITLE, _LETTERED, _GREY)
        )
        return title, lettered, grey


def judged(
    shots: Sequence[Shot],
    shown: NDArray[np.int64],
    material_rows: NDArray[np.float16] | None,
    tone_rows: NDArray[np.float16] | None,
) -> Judgement:
    """Return a judgement of a film's shots by its rows; those without picture are left out.

    Where it has no rows of material nothing speaks against a shot.
    """
    shots = [shot for shot in shots if not shot.black and len(shot.core)]
    unwanted = np.zeros(len(KINDS), np.int64)
    if material_rows is None:
        return Judgement(ShotTable.of(shots, [0] * len(shots), [0] * len(shots)), unwanted)
    spans = rows_of_each(
        shown, np.array([(s.core.first, s.core.end) for s in shots]).reshape(-1, 2)
    )
    grey = None if tone_rows is None else colourless(tone_rows)
    kept: list[Shot] = []
    flags: list[int] = []
    kinds: list[int] = []
    for shot, (first, end) in zip(shots, spans.tolist(), strict=True):
        found = judge(material_rows[first:end])
        kind = KINDS.index(found.kind)
        if not found.offered:
            unwanted[kind] += 1
            continue
        kept.append(shot)
        kinds.append(kind)
        colourless_ = grey is not None and grey[first:end].mean() > _MOSTLY
        flags.append(
            _TITLE * (found.kind == "title") + _LETTERED * found.text + _GREY * colourless_
        )
    return Judgement(ShotTable.of(kept, flags, kinds), unwanted)


def means(rows: NDArray[np.float16], spans: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean of the rows (M, D) from the first to the end of each span (S, 2): (S, D)."""
    found = [rows[first:end].mean(axis=0, dtype="f4") for first, end in spans.tolist()]
    return np.array(found, np.float32).reshape(len(found), rows.shape[1])


@cache
def rules() -> str:
    """Return a digest of the code that judges shots and makes their means.

    What is kept of these holds as long as the digest stays the same.
    """
    used = (judge, colourless, judged, rows_of_each, means, ShotTable.of, _shot)
    said = "".join(inspect.getsource(one) for one in used)
    constants = {
        name: value
        for module in (material, tone, sys.modules[__name__])
        for name, value in sorted(vars(module).items())
        if name.lstrip("_").isupper() and isinstance(value, int | float | str | tuple | dict)
    }
    return hashlib.sha256(f"{said}{constants}".encode()).hexdigest()
