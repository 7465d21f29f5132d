"""Look at films in the process of an actor, for whoever commits what is found elsewhere.

This is what is sent to the machines of a cluster: it knows nothing of Ray.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kuleshov import __version__
from kuleshov.archive.staging import Staging
from kuleshov.archive.tasks import Groups, Staged, Task, analyse, identified, location_of
from kuleshov.errors import MediaError
from kuleshov.features.specs import AnalystSpec
from kuleshov.jobs import Job, Step
from kuleshov.ray.working import Answer, Working

__all__ = ["About", "FilmActor"]

T = TypeVar("T")


@dataclass(frozen=True)
class About:
    """A description of an actor: where it runs, by which version, and the rows that it makes."""

    host: str
    process: int
    version: str
    groups: Groups
    sees_archive: bool


class FilmActor(Working):
    """The actor: it has the networks, loaded once, and looks at one film at a time.

    `progress`, too, is called by another thread meanwhile. A `question` is what one call can be
    stopped by, also where that is heard of before the call.
    """

    def __init__(self, spec: AnalystSpec) -> None:
        super().__init__()
        self._networks = spec.networks()
        self._frames: tuple[float, float | None] = (0.0, None)

    def about(self, root: Path) -> Answer[About]:
        """Say what this actor is, and whether it sees the archive at `root`."""

        def call(_: Job) -> About:
            return About(
                socket.gethostname(),
                os.getpid(),
                __version__,
                self._networks.groups,
                (root / "catalogue.sqlite").is_file(),
            )

        return self._answer(call)

    def identified(self, question: str, task: Task) -> Answer[Task]:
        """Read a file for its checksum, as `archive.tasks.identified` does."""
        return self._answer(lambda job: identified(task, self._networks.worker, job), question)

    def analyse(self, question: str, task: Task, path: Path) -> Answer[Staged]:
        """Look at a film, and leave what was found in the `Staging` at `path`.

        The file must be here as it was where the task was made.
        """

        def call(job: Job) -> Staged:
            if location_of(task.path) != task.location:
                raise MediaError(
                    task.path,
                    f"it is another file on {socket.gethostname()}: all machines must see the "
                    f"footage under the same path.",
                )
            return analyse(task, self._networks.looking(job), Staging.at(path), job)

        return self._answer(call, question)

    def progress(self) -> tuple[float, float | None]:
        """Return how many frames of the film at hand were looked at, and of how many."""
        return self._frames

    def _answer(self, call: Callable[[Job], T], question: str = "") -> Answer[T]:
        self._frames = (0.0, None)
        return super()._answer(call, question)

    def moved(self, step: Step) -> None:
        """Remember how far the film at hand is."""
        if step.unit == "frames":
            self._frames = step.done, step.of
