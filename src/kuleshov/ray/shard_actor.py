"""Hold shards of an archive in the process of an actor, and score what is asked of them.

This is what is sent to the machines of a cluster. Rows and sketches are mapped from the files of
the archive; its catalogue is left alone, since one machine at a time may open that.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kuleshov import __version__
from kuleshov.archive.rows import ArchiveRows, FilmSpec
from kuleshov.features.specs import RowsSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.cores import products, use_cores
from kuleshov.match.align.shard import Shard
from kuleshov.match.align.shards import Call
from kuleshov.ray.working import Answer, Working

__all__ = ["Holder", "ShardActor", "ShardSpec", "arithmetic"]

A = TypeVar("A")
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Holder:
    """A description of a process that holds shards: where it runs, its version, how it multiplies.

    Where `arithmetic` is another, the last bits of products may be others.
    """

    host: str
    version: str
    sees_archive: bool
    arithmetic: str


@dataclass(frozen=True)
class ShardSpec:
    """A spec of a shard: films of the archive at `root`, with the rows that these specs name."""

    root: Path
    specs: tuple[RowsSpec, ...]
    films: tuple[FilmSpec, ...]

    def opened(self, job: Job = QUIET) -> Shard:
        """Return the shard. Raises `ArchiveError` where rows are not there."""
        return Shard(ArchiveRows.opened(self.root, self.specs, self.films, job))


class ShardActor(Working):
    """The actor: it holds shards, each from when it is first asked of it, and works on one core."""

    def __init__(self) -> None:
        super().__init__()
        use_cores(1)
        self._shards: dict[str, Shard] = {}

    def about(self, root: Path) -> Answer[Holder]:
        """Say what this actor is, and whether it sees the archive at `root`."""
        there = (root / "catalogue.sqlite").is_file()
        return self._answer(
            lambda _: Holder(socket.gethostname(), __version__, there, arithmetic())
        )

    def ask(
        self,
        question: str,
        name: str,
        spec: Sequence[Any],
        call: Call[A, P, T],
        asked: A,
        part: P,
    ) -> Answer[T]:
        """Do what is asked of a shard by its name.

        `question` is what all shards are asked together, by which it can be stopped. `spec` is a
        reference of Ray to its `ShardSpec`, in a list: it is fetched where it is needed, once.
        """

        def answer(job: Job) -> T:
            if name not in self._shards:
                import ray

                self._shards[name] = ray.get(spec[0]).opened(job)
            return call(self._shards[name], asked, part, job)

        return self._answer(answer, question)

    def let_go(self, names: Sequence[str]) -> None:
        """Let go of shards of which nothing more is asked."""
        for name in names:
            self._shards.pop(name, None)


@cache
def arithmetic() -> str:
    """Return a digest of products that are known to differ between kinds of processors."""
    rng, found = np.random.default_rng(0), hashlib.sha256()
    for samples, size in ((1, 160), (3, 37), (40, 640), (300, 157)):
        asked, rows = (rng.normal(size=(n, size)).astype(np.float32) for n in (samples, 731))
        found.update(products({"": asked}, {"": rows}, QUIET)[""].tobytes())
    return found.hexdigest()
