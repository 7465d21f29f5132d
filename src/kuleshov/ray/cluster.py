"""Join a Ray cluster, and have films looked at by its actors, or archives looked through.

    with Cluster.joined("auto", job) as cluster, cluster.lookers(spec, root, job=job) as lookers:
        desk.index([folder], lookers=lookers, job=job)

Films and archive lie on storage that all machines see under the same path. Each actor that looks at
films holds one processor, and the networks once; one process, here, writes the catalogue. An actor
that dies, or whose machine does, costs the film that it had in hand, which another one looks at.
Archives are looked through by `kuleshov.ray.shards`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from kuleshov import __version__
from kuleshov.archive.staging import Staging
from kuleshov.archive.tasks import Groups, Looker, Staged, Task
from kuleshov.errors import MediaError, Stopped, UsageError
from kuleshov.features.specs import AnalystSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.notes import Note
from kuleshov.ray.actor import About, FilmActor
from kuleshov.ray.errors import FREE, ClusterError, none_came
from kuleshov.ray.shard_actor import ShardActor
from kuleshov.ray.shards import Holders, Sharing
from kuleshov.ray.working import Answer

__all__ = ["Cluster", "ClusterError"]

_STORE = 100 << 20  # bytes of memory for what travels within a `local` cluster
_EMPTY = "The cluster has no processor: is a machine of it still running?"
_CONNECT = 5.0  # s in which a cluster's port must answer
_LISTEN = 0.1  # s between two looks whether to stop, and at how far it is
_TRIES = 3  # actors that may die over one film
_PARTING = 10.0  # s that an actor has to stop a film


class Cluster:
    """A Ray cluster that was joined; leave it, or use it in `with`."""

    def __init__(
        self,
        ray: Any,
        actor: type[FilmActor] = FilmActor,
        holder: type[ShardActor] = ShardActor,
    ) -> None:
        self._ray, self._actor, self._holder = ray, actor, holder

    @classmethod
    def joined(cls, address: str = "auto", job: Job = QUIET) -> Cluster:
        """Join the cluster at an address: `auto` for this machine's, `local` for a new one.

        Raises `ClusterError` where there is none, `UsageError` where Ray is not installed.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of this
        if address == "local":
            # Ray's name for a cluster that listens on the loopback address alone, on Linux too.
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        try:
            import ray
        except ImportError as error:
            raise UsageError(
                "Many machines need Ray: install it with `pip install 'kuleshov[ray]'`.",
                code="ray-missing",
            ) from error
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address == "local":
            options |= {"include_dashboard": False, "object_store_memory": _STORE}
        try:
            with job.step("joining the cluster"):
                _check_there(address)
                ray.init(address=address, **options)
        except (OSError, ValueError, RuntimeError) as error:
            where = "on this machine" if address == "auto" else f"at {address}"
            raise ClusterError(
                f"There is no Ray cluster {where} that can be joined: start one, or name the "
                f"address of another; if it asks for a token, set RAY_AUTH_MODE=token here, too.",
                code="cluster-missing",
            ) from error
        return cls(ray)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Leave the cluster; a `local` one ends."""
        self._ray.shutdown()

    @property
    def processors(self) -> int:
        """The number of processors that all machines of the cluster have."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    @contextlib.contextmanager
    def lookers(
        self,
        spec: AnalystSpec,
        root: Path,
        groups: Groups,
        *,
        at_once: int | None = None,
        job: Job = QUIET,
    ) -> Iterator[list[Looker]]:
        """Yield lookers that look `at_once` at so many films (None: one for each processor).

        `groups` are the rows that this process would make: an actor that makes others is refused.
        Raises `ClusterError` where no actor can be used.
        """
        count = at_once or self.processors
        if not count:
            raise ClusterError(_EMPTY)
        made = self._ray.remote(self._actor).options(
            num_cpus=1, max_concurrency=2, max_restarts=0, scheduling_strategy="SPREAD"
        )
        actors = _Actors(self._ray, lambda: made.remote(spec), root.absolute(), groups, count)
        try:
            actors.check(job)
            yield [_LooksThere(actors) for _ in range(count)]
        finally:
            actors.close()

    @contextlib.contextmanager
    def sharing(self, root: Path, *, at_once: int | None = None) -> Iterator[Sharing]:
        """Yield what gives the shards of the archive at `root`, held by actors until it is left.

        There are `at_once` actors (None: one for each processor).
        """
        count = at_once or self.processors
        if not count:
            raise ClusterError(_EMPTY)
        # One thing at a time, in order; `aside` one can be told to stop.
        made = self._ray.remote(concurrency_groups={"aside": 1})(self._holder).options(
            num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD"
        )
        holders = Holders(self._ray, made.remote, count, root.absolute())
        try:
            yield Sharing(self._ray, holders, count, root.absolute())
        finally:
            holders.close()


def _check_there(address: str) -> None:
    """Raise `OSError` where nobody listens at an address: Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), _CONNECT).close()


class _Actors:
    """The actors, each of which is lent to whoever has a film to be looked at.

    `count` of them are kept; one that died is replaced as soon as there is room for another.
    """

    def __init__(
        self, ray: Any, new: Callable[[], Any], root: Path, groups: Groups, count: int
    ) -> None:
        self._ray, self._new, self._root, self._groups = ray, new, root, groups
        self._lock = threading.Lock()
        self._idle: list[Any] = []
        self._coming: dict[Any, Any] = {}  # what it is to say of itself, and the actor
        self._every: list[Any] = []
        for _ in range(count):
            self._add()

    def _add(self) -> None:
        actor = self._new()
        self._every.append(actor)
        self._coming[actor.about.remote(self._root)] = actor

    def check(self, job: Job) -> None:
        """Wait for the first actor, so that what is wrong with all of them is said at once."""
        with job.step("waiting for a machine of the cluster"):
            self.back(self.lend(job))

    def lend(self, job: Job) -> Any:
        """Return an actor that is free now, once there is one. Raises `ClusterError`."""
        waited = 0.0
        while True:
            job.check_waiting()
            with self._lock:
                if self._idle:
                    return self._idle.pop()
                coming = list(self._coming)
                away = len(self._coming) == len(self._every)
            ready, _ = self._ray.wait(coming, timeout=_LISTEN) if coming else ([], [])
            for said in ready:
                self._came(said)
            if not coming:
                threading.Event().wait(_LISTEN)
            waited = waited + _LISTEN if away and not ready else 0.0
            if waited > FREE:
                raise none_came(self._ray)

    def back(self, actor: Any) -> None:
        """Take back an actor that is free again."""
        with self._lock:
            self._idle.append(actor)

    def died(self, actor: Any) -> None:
        """Put another in the place of an actor that died."""
        with self._lock:
            self._every.remove(actor)
            self._add()

    def end(self, actor: Any) -> None:
        """End an actor of which no more is wanted."""
        with self._lock:
            self._every.remove(actor)
        self._kill(actor)

    def _came(self, said: Any) -> None:
        with self._lock:
            actor = self._coming.pop(said, None)
        if actor is None:  # another thread was quicker
            return
        try:
            answer: Answer[About] = self._ray.get(said)
        except self._ray.exceptions.RayActorError:
            self.died(actor)
            return
        if answer.error is not None:
            raise answer.error
        assert answer.result is not None
        self._check(answer.result)
        self.back(actor)

    def _check(self, about: About) -> None:
        if about.version != __version__ or about.groups != self._groups:
            raise ClusterError(
                f"{about.host} has Kuleshov {about.version}, this machine {__version__}, or other "
                f"networks: install the same on all machines."
            )
        if not about.sees_archive:
            raise ClusterError(
                f"{about.host} does not see the archive {self._root}: put it on storage that all "
                f"machines see under the same path."
            )

    def close(self) -> None:
        """End all actors."""
        for actor in self._every:
            self._kill(actor)

    def _kill(self, actor: Any) -> None:
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(actor)


class _LooksThere:
    """A looker that has an actor look, whichever is free."""

    def __init__(self, actors: _Actors) -> None:
        self._actors, self._ray = actors, actors._ray

    def identified(self, task: Task, job: Job = QUIET) -> Task:
        """Return a task with the checksum of its file. Raises `MediaError` and `Stopped`."""
        found: Task = self._asked("identified", (task,), task, job)
        return found

    def analyse(self, task: Task, staging: Staging, job: Job = QUIET) -> Staged:
        """Have the film of a task looked at, and staged. Raises `MediaError` and `Stopped`."""
        try:
            staged: Staged = self._asked("analyse", (task, staging.path), task, job)
        except BaseException:
            staging.clear(task.checksum)
            raise
        return staged

    def close(self) -> None:
        """Do nothing: actors are ended together."""

    def _asked(self, what: str, given: tuple[Any, ...], task: Task, job: Job) -> Any:
        """Return what an actor answers, the next one where it dies over it."""
        for _ in range(_TRIES):
            actor, question = self._actors.lend(job), uuid.uuid4().hex
            try:
                ref = getattr(actor, what).remote(question, *given)
                answer = self._answer(actor, question, ref, task, job)
            except self._ray.exceptions.RayActorError:
                self._actors.died(actor)
                said = f"A process that looked at {task.path.name} is gone: another one begins."
                job.note(Note("actor-gone", said, {"path": str(task.path)}))
                continue
            except BaseException:
                self._actors.end(actor)  # it may still be busy
                raise
            self._actors.back(actor)
            if answer.error is not None:
                raise answer.error
            return answer.result
        raise MediaError(
            task.path, f"{_TRIES} processes of the cluster ended while they looked at it."
        )

    def _answer(self, actor: Any, question: str, ref: Any, task: Task, job: Job) -> Answer[Any]:
        """Wait for an answer, and tell how far it is; ask the actor to stop where the job is to."""
        told: Any = None
        try:
            with job.step(f"looking at {task.path.name}", unit="frames") as step:
                while not self._ray.wait([ref], timeout=_LISTEN)[0]:
                    told = told or actor.progress.remote()
                    if self._ray.wait([told], timeout=0)[0]:
                        step.at(*self._ray.get(told))
                        told = None
                    job.check()
        except Stopped:
            actor.stop.remote(question)
            self._ray.wait([ref], timeout=_PARTING)
            raise
        answer: Answer[Any] = self._ray.get(ref)
        return answer
