"""Small stand-ins for the networks, so that a test needs neither a model nor much time.

    with quick_analyst() as analyst:
        with write_archive(root) as archive:
            summary = ingest(archive, [folder], analyst, Log())

They are deterministic: the same film gives the same rows to the last bit, however it was batched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from films import flat, make_film
from kuleshov.features.analyse import Analyst
from kuleshov.features.encoder import NO_NETWORK, Encoded, Maker
from kuleshov.features.facet import unit
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.media.sampling import ChecksumRequest, ReadRequest, checksum, read
from kuleshov.media.worker import ReadLimits, Worker
from kuleshov.notes import Note
from kuleshov.shots.detector import Prediction

__all__ = [
    "FACETS",
    "CutDetector",
    "Inline",
    "Layout",
    "Log",
    "MeanEncoder",
    "Mood",
    "film_of_shots",
    "inline",
    "quick_analyst",
]

_CELLS = 4


class MeanEncoder:
    """An `Encoder` that gives the mean colour of 4 x 4 cells: grid (N, 4, 4, 3), pooled (N, 48)."""

    name = "mean"
    side = 32

    def __init__(self, checksum: str = "mean-1") -> None:
        self.checksum = checksum

    def __call__(self, images: NDArray[np.uint8]) -> Encoded:
        cell = self.side // _CELLS
        cells = images.reshape(len(images), _CELLS, cell, _CELLS, cell, 3)
        grid = cells.mean(axis=(2, 4), dtype=np.float32)
        return Encoded(images, grid.reshape(len(images), _CELLS * _CELLS * 3), grid)


class Mood:
    """A `Facet`: the pooled vector as it is."""

    name = "mood"
    version = 1

    def __init__(self, maker: Maker) -> None:
        self.maker = maker

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        return unit(seen.pooled + 1)


class Layout:
    """A `Facet`: where the picture is lighter than its mean."""

    name = "layout"
    version = 1
    maker = NO_NETWORK

    def describe(self, seen: Encoded) -> NDArray[np.float16]:
        light = seen.grid.mean(axis=3)
        return unit(light - light.mean(axis=(1, 2), keepdims=True))


FACETS = (Mood(Maker(MeanEncoder.name, "mean-1")), Layout())
"""Both facets, as an `Analyst` takes them."""


class CutDetector:
    """A `Detector` that finds a cut wherever two neighbouring frames differ much on average."""

    def __init__(self, threshold: float = 20) -> None:
        self._threshold = threshold
        self._last: NDArray[np.int16] | None = None
        self._single: list[float] = []

    def feed(self, frames: NDArray[np.uint8]) -> None:
        for frame in frames.astype(np.int16):
            if self._last is not None:
                differs = float(np.abs(frame - self._last).mean()) > self._threshold
                self._single[-1] = float(differs)
            self._single.append(0.0)
            self._last = frame

    def finish(self) -> Prediction:
        heads = np.array(self._single, np.float32)
        return Prediction(heads, heads)


class Inline:
    """Stands for a `Worker` where a process of its own is not what the test is about."""

    def read(self, request: ReadRequest, job: Job = QUIET) -> Iterator[Any]:
        yield from job.over(read(request))

    def checksum(self, path: Path, job: Job = QUIET) -> str:
        *_, last = job.over(checksum(ChecksumRequest(path)))
        return last.sha256

    def another(self) -> Worker:
        return inline()

    def retire(self) -> None:
        """Nothing is to be ended."""


def inline() -> Worker:
    return cast(Worker, Inline())


@contextmanager
def quick_analyst(
    limits: ReadLimits | None = None, encoder: MeanEncoder | None = None
) -> Iterator[Analyst]:
    """An `Analyst` of fakes; it decodes in a real `Worker` if `limits` are given, else inline."""
    seen = encoder or MeanEncoder()
    parts = (CutDetector, seen, (Mood(Maker(seen.name, seen.checksum)), Layout()))
    if limits is None:
        yield Analyst(inline(), *parts)
        return
    with Worker(limits) as worker:
        yield Analyst(worker, *parts)


class Log(Job):
    """The job of an `ingest`, which remembers: `outcomes` by file name, in order."""

    def __init__(self) -> None:
        super().__init__(self)
        self.files = 0.0
        self.outcomes: dict[str, str] = {}
        self.frames: list[float] = []

    def began(self, step: Step) -> None:
        if step.unit == "files":
            self.files = step.of or 0
        elif step.within is not None and step.within.unit == "files":
            self.file(step.what)

    def moved(self, step: Step) -> None:
        if step.unit == "frames":
            self.progress(step.done)

    def ended(self, step: Step) -> None:
        if step.outcome:
            self.outcomes[step.what] = step.outcome

    def noted(self, note: Note) -> None:
        pass

    def file(self, name: str) -> None:
        """This file is next."""

    def progress(self, frames: float) -> None:
        """So many of its frames are read."""
        self.frames.append(frames)


def film_of_shots(
    path: Path, levels: Iterable[int] = (60, 180), frames: int = 10, **how: Any
) -> Path:
    """A film at 10 pictures a second: one flat shot of `frames` pictures for each luma level."""
    size = how.pop("size", (64, 48))
    pictures = (flat(level, size=size) for level in levels for _ in range(frames))
    return make_film(path, pictures, how.pop("rate", 10), **how)
