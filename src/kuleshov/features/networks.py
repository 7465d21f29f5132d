"""Hold the networks, each compiled when first needed, and what is known without that.

with AnalystSpec().networks() as loaded:
    rows = ArchiveRows.load(archive, loaded.rows)     # nothing is compiled
    loaded.analyst.index(path)                        # now all are
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.analyse import SOURCE_GRID, Analysis, Analyst, FacetGroup, claimed_length
from kuleshov.features.encoder import Encoder, ReadsWords, encoder
from kuleshov.features.facet import ENCODED, FACETS, KEPT, WORDED, Reference, facets
from kuleshov.features.fitted import kept_reference
from kuleshov.features.specs import (
    AnalystSpec,
    RowsSpec,
    bundled_reference,
    bundled_rows,
    specs_of,
    used_rows,
)
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.media.worker import Worker
from kuleshov.timecode import TimeRange

__all__ = ["LateAnalyst", "Networks"]

_SAMPLES = Path(__file__).parents[1] / "samples" / "archive"


class Networks:
    """The networks that a spec names.

    Close them, or use them in `with`. Safe among threads.

    Of another encoder than the bundled one the name alone does not say which rows are its: it is
    loaded as soon as that is asked.
    """

    def __init__(self, spec: AnalystSpec = AnalystSpec(), job: Job = QUIET) -> None:
        self.spec = spec
        self._job = job
        self._lock = threading.RLock()
        self.worker = Worker(spec.limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding process; a call that looks at a film then raises `Closed`."""
        self.worker.retire()

    def check(self) -> None:
        """Raise `ModelError` or `UsageError` where the encoder that was named cannot be used."""
        if not self.spec.is_bundled:
            _ = self._other

    @property
    def groups(self) -> tuple[tuple[RowsSpec, ...], ...]:
        """The rows with which footage is indexed: the bundled ones, and the other encoder's."""
        if self.spec.is_bundled:
            return (bundled_rows(),)
        return (bundled_rows(), specs_of(self._other[0].facets))

    @property
    def rows(self) -> tuple[RowsSpec, ...]:
        """The rows by which films are matched, each facet once."""
        return used_rows(self.groups)

    @property
    def reference(self) -> Reference:
        """The reference that belongs to the `rows`."""
        return bundled_reference() if self.spec.is_bundled else self._other[1]

    @property
    def words(self) -> ReadsWords | None:
        """The encoder, where it reads words."""
        if self.spec.is_bundled:
            return None
        other = self._other[0].encoder
        return other if isinstance(other, ReadsWords) else None

    @property
    def analyst(self) -> Analyst:
        """The analyst that looks at films.

        The first access compiles all networks.
        """
        with self._lock:
            return self._analyst

    @cached_property
    def _analyst(self) -> Analyst:
        from kuleshov.models.runtime import load
        from kuleshov.shots.transnet import TransNet

        network = load("transnetv2")
        other = None if self.spec.is_bundled else self._other[0]
        described = facets((*FACETS, *KEPT), bundled_reference())
        return Analyst(self.worker, lambda: TransNet(network), encoder(), described, other)

    def when_needed(self, job: Job = QUIET) -> LateAnalyst:
        """Return an analyst whose networks are compiled when it first looks at a film."""
        return LateAnalyst(self.loaded(job))

    def loaded(self, job: Job = QUIET) -> Networks:
        """Load what rows are known by, once: of the bundled networks nothing has to be.

        Raises `Stopped` where the job is to stop: whoever asks next finds it loaded, or waits.
        """
        if not self.spec.is_bundled:
            stoppable(lambda: self._other, job)
        return self

    def looking(self, job: Job = QUIET) -> Analyst:
        """Return the `analyst`, compiled if need be, which takes seconds and cannot be interrupted.

        Where the job is to stop `Stopped` is raised at once, and it goes on for whoever asks next.
        """
        return stoppable(lambda: self.analyst, job)

    @property
    def _other(self) -> tuple[FacetGroup, Reference]:
        with self._lock:
            return self._loaded

    @cached_property
    def _loaded(self) -> tuple[FacetGroup, Reference]:
        """The other encoder's facets, and the reference with which films are matched by them."""
        from platformdirs import user_cache_path

        other = encoder(self.spec.encoder)
        folder = self.spec.references or user_cache_path("kuleshov") / "references"
        own = kept_reference(other, folder, lambda: self._samples(other))
        both = Reference({**bundled_reference().arrays, **own.arrays}, own.maker)
        names = (*ENCODED, *(WORDED if isinstance(other, ReadsWords) else ()))
        return FacetGroup(other, facets(names, own)), both

    def _samples(self, other: Encoder) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures of each of the bundled samples, by which an encoder is known."""
        paths = sorted(_SAMPLES.glob("*.mp4"))
        what = f"getting to know {other.name} by the samples, once"
        with self._job.step(what, of=len(paths), unit="films") as step:
            for path in step.over(paths):
                read = self.worker.read(ReadRequest(path, picture=other.side), self._job)
                yield np.concatenate(
                    [m.pictures[m.which] for m in read if isinstance(m, FrameBatch)]
                )


class LateAnalyst:
    """An analyst that is not ready to look until it has to: what it makes is known before."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    @property
    def rows(self) -> tuple[RowsSpec, ...]:
        """The rows by which films are matched, each facet once."""
        return self._networks.rows

    def analyse(
        self,
        path: Path,
        grid: int = SOURCE_GRID,
        *,
        mirrored: bool = False,
        only: Collection[str] | None = None,
        part: TimeRange | None = None,
        job: Job = QUIET,
    ) -> Analysis:
        """Return an analysis of a film; see `Analyst.analyse`."""
        analyst = self._networks.looking(job)
        return analyst.analyse(path, grid, mirrored=mirrored, only=only, part=part, job=job)

    def length(self, path: Path, job: Job = QUIET) -> float | None:
        """Return how many seconds a film lasts; see `claimed_length`."""
        return claimed_length(self._networks.worker, path, job)
