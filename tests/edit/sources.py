"""Analyses made of numbers: sources without any file."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from kuleshov.features.analyse import SOURCE_GRID, Analysis
from kuleshov.features.facet import MATERIAL
from kuleshov.features.material import Trait
from kuleshov.footage import Audio, Probe, Transition, Video
from kuleshov.shots.tile import tile
from kuleshov.timecode import FrameRange
from match.rows import FACETS, path_through


def source(
    frames: int,
    transitions: Sequence[Transition] = (),
    *,
    black: Sequence[FrameRange] = (),
    rate: Fraction = Fraction(24),
    pts: np.ndarray | None = None,
    time_base: Fraction | None = None,
    seed: int = 99,
    sound: bool = True,
    titles: Sequence[int] = (),
) -> Analysis:
    """A source of `frames` frames, whose rows are `path_through(seed)`; `titles` are the numbers of
    shots that are title cards."""
    base = time_base or 1 / rate
    ticks = np.arange(frames) * int(1 / rate / base) if pts is None else pts
    seconds = float((int(ticks[-1]) * base) + 1 / rate)
    rows = path_through(seed, seconds + 1, SOURCE_GRID)[: int(np.ceil(seconds * SOURCE_GRID))]
    times = ticks * float(base)
    grid = np.arange(len(rows)) / SOURCE_GRID
    shown = np.searchsorted(times, grid + 1e-6, side="right") - 1
    variable = bool(len(np.unique(np.diff(ticks))) > 1)
    video = Video("h264", 640, 360, rate, base, variable_rate=variable)
    shots = tuple(tile(transitions, black, frames))
    material = np.zeros((len(rows), len(Trait)), np.float16)
    material[:, Trait.PICTURE] = 1
    for number in titles:
        span = shots[number].frames
        card = (shown >= span.first) & (shown < span.end)
        material[card, Trait.PICTURE], material[card, Trait.TITLE] = 0, 1
    return Analysis(
        path=Path("/films/source.mp4"),
        probe=Probe(video, Audio("aac", 48000, 2) if sound else None, seconds),
        pts=ticks.astype(np.int64),
        shots=shots,
        grid=SOURCE_GRID,
        shown=shown.astype(np.int64),
        features={**{name: rows.astype(np.float16) for name in FACETS}, MATERIAL: material},
        mirrored=None,
        damaged=0,
    )


def cut(frame: int) -> Transition:
    return Transition("cut", FrameRange(frame, frame))


def dissolve(first: int, end: int) -> Transition:
    return Transition("dissolve", FrameRange(first, end))


def fade(first: int, end: int, black: tuple[int, int] | None = None) -> Transition:
    return Transition("fade", FrameRange(first, end), FrameRange(*black) if black else None)
