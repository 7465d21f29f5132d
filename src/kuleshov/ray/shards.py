"""Have stretches scored by the actors of a Ray cluster, each of which holds shards of an archive.

    with Cluster.joined("auto", job) as cluster, cluster.sharing(desk.root) as divide:
        desk.share(divide)
        films = desk.recut("trailer.mp4", job=job)

Shards are opened when something is first asked of them. Where an actor dies, or its machine does,
others take its shards and are asked what it was asked.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from kuleshov import __version__
from kuleshov.archive.rows import ArchiveRows, FilmSpec
from kuleshov.features.specs import RowsSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.coarse import is_large
from kuleshov.match.align.shards import Call, Shards
from kuleshov.notes import Note
from kuleshov.ray.errors import FREE, ClusterError, none_came
from kuleshov.ray.shard_actor import Holder, ShardSpec, arithmetic
from kuleshov.ray.working import Answer

__all__ = ["Holders", "Sharing"]

_LISTEN = 0.1  # s between two looks whether to stop
_TRIES = 3  # actors that may die over one question to a shard
_EACH = 4  # shards of an actor: those of one that dies are spread over the others
_GATHER = 10.0  # s after the first actor is there that others are waited for

A = TypeVar("A")
P = TypeVar("P")
T = TypeVar("T")


class Sharing:
    """A way to get the shards of archives on a cluster; those of the same rows are kept."""

    def __init__(self, ray: Any, holders: Holders, most: int, root: Path) -> None:
        self._ray, self._holders, self._root = ray, holders, root
        self._most = most
        self._kept: WeakKeyDictionary[ArchiveRows, _ClusterShards] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(
        self, rows: ArchiveRows, specs: Sequence[RowsSpec], job: Job = QUIET
    ) -> Shards | None:
        """Return the shards of an archive; None where it is too small to be divided."""
        if not is_large(rows):
            small = "The archive is small: it is looked through here, and the cluster is not asked."
            job.note(Note("cluster-unneeded", small))
            return None
        with self._lock:
            if rows not in self._kept:
                for shards in self._kept.values():
                    shards.let_go()
                count = min(len(rows.runs) - 1, _EACH * self._most)
                self._kept[rows] = _ClusterShards(
                    *(self._ray, self._holders, count), self._root, rows, tuple(specs)
                )
            return self._kept[rows]


class Holders:
    """The actors that hold shards, `most` at most, started when they are first needed.

    One that comes late is used from then on: to end one that only begins could leave its processor
    taken for good.
    """

    def __init__(self, ray: Any, new: Callable[[], Any], most: int, root: Path) -> None:
        self._ray, self._new, self._most, self._root = ray, new, most, root
        self._lock = threading.RLock()
        self._live: list[Any] = []
        self._coming: dict[Any, Any] = {}  # what it is to say of itself, and the actor

    def live(self, wanted: int, job: Job) -> list[Any]:
        """Return the actors that live, as many as are wanted or can be had where there is none.

        Raises `ClusterError` where none can be had or one cannot be used.
        """
        with self._lock:
            self._arrived(0.0, job)
            if not self._live:
                self._start(min(self._most, wanted), job)
            return [*self._live]

    def lost(self, actor: Any) -> bool:
        """Take an actor for dead; return whether it was not known to be yet."""
        with self._lock:
            known = actor in self._live
            if known:
                self._live.remove(actor)
                self._kill(actor)  # it may only be out of reach, and keeps its processor then
            return known

    def close(self) -> None:
        """End all actors."""
        for actor in [*self._live, *self._coming.values()]:
            self._kill(actor)

    def _start(self, count: int, job: Job) -> None:
        for _ in range(count - len(self._coming)):
            actor = self._new()
            self._coming[actor.about.remote(self._root)] = actor
        began = first = time.monotonic()
        with job.step("waiting for the machines of the cluster", of=count) as step:
            while self._coming and not (self._live and time.monotonic() - first > _GATHER):
                job.check_waiting()
                first = first if self._live else time.monotonic()
                step.advance(self._arrived(_LISTEN, job))
                if not self._live and time.monotonic() - began > FREE:
                    raise none_came(self._ray)
        if not self._live:
            raise ClusterError("No process of the cluster could be started.")

    def _arrived(self, within: float, job: Job) -> int:
        """Take up the actors that have come, waiting some seconds for the first; count them."""
        if not self._coming:
            return 0
        ready, _ = self._ray.wait(
            list(self._coming), num_returns=len(self._coming) if not within else 1, timeout=within
        )
        for said in ready:
            self._came(said, self._coming.pop(said), job)
        return len(ready)

    def _came(self, said: Any, actor: Any, job: Job) -> None:
        try:
            answer: Answer[Holder] = self._ray.get(said)
        except self._ray.exceptions.RayActorError:
            return
        if answer.error is not None:
            raise answer.error
        assert answer.result is not None
        self._live.append(actor)
        self._check(answer.result, job)

    def _check(self, holder: Holder, job: Job) -> None:
        if holder.version != __version__:
            raise ClusterError(
                f"{holder.host} has Kuleshov {holder.version}, this machine {__version__}: install "
                f"the same on all machines."
            )
        if not holder.sees_archive:
            raise ClusterError(
                f"{holder.host} does not see the archive {self._root}: put it on storage that all "
                f"machines see under the same path."
            )
        if holder.arithmetic != arithmetic():
            said = (
                f"{holder.host} has another kind of processor than this machine: scores may differ "
                f"in their last digits."
            )
            job.note(Note("other-arithmetic", said, {"host": holder.host}))

    def _kill(self, actor: Any) -> None:
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(actor)


class _ClusterShards:
    """The shards of an archive, held by actors; see `match.align.shards.Shards`."""

    def __init__(
        self,
        ray: Any,
        holders: Holders,
        count: int,
        root: Path,
        rows: ArchiveRows,
        specs: tuple[RowsSpec, ...],
    ) -> None:
        self._ray, self._holders = ray, holders
        runs = rows.runs.tolist()
        self.edges = [runs[(len(runs) - 1) * n // count] for n in range(count)] + [runs[-1]]
        self._films, self._root, self._specs = rows.films, root, specs
        self._name = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._placed: dict[int, Any] = {}  # the actor that holds each shard
        self._described: dict[int, Any] = {}  # the reference to the spec of each

    def each(
        self, call: Call[A, P, T], asked: A, parts: Sequence[P | None], job: Job = QUIET
    ) -> Iterator[tuple[int, T]]:
        """Yield what the shards answer, in the order in which they are ready.

        Raises `ClusterError` where a shard cannot be asked anywhere.
        """
        wanted = [n for n, part in enumerate(parts) if part is not None]
        told, tries = self._ray.put(asked), Counter[int]()
        question = uuid.uuid4().hex

        def send(n: int) -> tuple[Any, Any]:
            holder = self._holder(n, job)
            spec = [self._spec(n)]
            name = f"{self._name}-{n}"
            return holder.ask.remote(question, name, spec, call, told, parts[n]), holder

        waiting: dict[Any, tuple[int, Any]] = {}
        try:
            with job.step("asking the machines of the cluster", of=len(wanted)) as step:
                for n in job.over(wanted):
                    ref, holder = send(n)
                    waiting[ref] = n, holder
                while waiting:
                    job.check_waiting()
                    for ref in self._ray.wait(list(waiting), timeout=_LISTEN)[0]:
                        n, holder = waiting.pop(ref)
                        try:
                            answer: Answer[T] = self._ray.get(ref)
                        except self._ray.exceptions.RayActorError:
                            tries[n] += 1
                            self._lost(n, holder, tries[n], job)
                            ref, holder = send(n)
                            waiting[ref] = n, holder
                            continue
                        if answer.error is not None:
                            raise answer.error
                        yield n, answer.result  # type: ignore[misc]
                        step.advance()
        finally:
            self._stop(question, waiting)

    def let_go(self) -> None:
        """Have the actors let go of the shards."""
        with self._lock:
            for actor in {id(actor): actor for actor in self._placed.values()}.values():
                names = [f"{self._name}-{n}" for n, one in self._placed.items() if one is actor]
                actor.let_go.remote(names)
            self._placed.clear()
            self._described.clear()

    def _holder(self, n: int, job: Job) -> Any:
        """Return the actor that holds a shard; one that has fewest takes it where none does."""
        with self._lock:
            if n not in self._placed:
                live = self._holders.live(len(self.edges) - 1, job)
                count = Counter(id(actor) for actor in self._placed.values())
                self._placed[n] = min(live, key=lambda actor: count[id(actor)])
            return self._placed[n]

    def _spec(self, n: int) -> Any:
        """Return a reference to the spec of a shard."""
        with self._lock:
            if n not in self._described:
                films = self._films[self.edges[n] : self.edges[n + 1]]
                spec = ShardSpec(self._root, self._specs, tuple(map(FilmSpec.of, films)))
                self._described[n] = self._ray.put(spec)
            return self._described[n]

    def _lost(self, n: int, actor: Any, tries: int, job: Job) -> None:
        """Take the shards of an actor that died away from it. Raises `ClusterError`."""
        with self._lock:
            if self._holders.lost(actor):
                said = "A process that looked through a part of the archive is gone: others do it."
                job.note(Note("holder-gone", said))
            gone = [shard for shard, holder in self._placed.items() if holder is actor]
            for shard in gone:
                del self._placed[shard]
        if tries >= _TRIES:
            first, last = (self._films[at].footage.path for at in self._ends(n))
            raise ClusterError(
                f"{tries} processes of the cluster ended while they looked through {first.name} to "
                f"{last.name}: see whether the machines have memory enough."
            )

    def _ends(self, n: int) -> tuple[int, int]:
        return self.edges[n], self.edges[n + 1] - 1

    def _stop(self, question: str, waiting: dict[Any, tuple[int, Any]]) -> None:
        """Stop what is asked and not answered, whether an actor has begun it or not."""
        for ref in waiting:
            with contextlib.suppress(Exception):  # of those that wait for their turn
                self._ray.cancel(ref, recursive=False)
        for actor in {id(actor): actor for _, actor in waiting.values()}.values():
            with contextlib.suppress(Exception):
                actor.stop.options(concurrency_group="aside").remote(question)
