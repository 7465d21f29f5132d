"""Actors for tests of a cluster: with quick stand-ins for networks, and ways to die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakes import quick_analyst
from kuleshov.archive import rows
from kuleshov.archive.tasks import Staged, Task
from kuleshov.features.analyse import Analyst
from kuleshov.features.specs import AnalystSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align import coarse
from kuleshov.match.align.shard import Shard
from kuleshov.ray.actor import FilmActor
from kuleshov.ray.shard_actor import ShardActor
from kuleshov.ray.working import Answer


class QuickNetworks:
    """Stands for `Networks`: the rows of a `quick_analyst`."""

    def __init__(self) -> None:
        self._made = quick_analyst()
        self._analyst = self._made.__enter__()
        self.worker, self.groups = self._analyst.worker, self._analyst.groups

    def looking(self, job: Job = QUIET) -> Analyst:
        return self._analyst


class QuickActor(FilmActor):
    """An actor that dies, or waits, over films for which a file says so in the folder of signs."""

    def __init__(self, spec: AnalystSpec) -> None:
        super().__init__(spec)
        self._networks = QuickNetworks()  # type: ignore[assignment]

    def analyse(self, question: str, task: Task, path: Path) -> Answer[Staged]:
        signs = Path(os.environ["KULESHOV_SIGNS"])
        name = task.path.stem
        with (signs / "log").open("a") as log:
            log.write(f"{name} {os.getpid()}\n")
        if (signs / f"{name}.dies").exists():
            (signs / f"{name}.dies").unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if (signs / f"{name}.kills").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        while (signs / f"{name}.waits").exists() and not self._stops():
            time.sleep(0.05)
        return super().analyse(question, task, path)

    def _stops(self) -> bool:
        return (Path(os.environ["KULESHOV_SIGNS"]) / "stopped").exists()

    def stop(self, question: str) -> None:
        (Path(os.environ["KULESHOV_SIGNS"]) / "stopped").touch()
        super().stop(question)


SMALL = (
    (rows, "_RUN", 100),
    (rows, "_BLOCK", 60),
    (coarse, "_SEGMENTS", 9),
    (coarse, "_BLOCK", 20),
)
"""What is large in earnest: who divides an archive and who holds its parts must agree."""


class SmallHolder(ShardActor):
    """An actor that holds parts of a small archive, and dies or waits over what it is asked.

    It does so where a file says so in the folder of signs: `NAME.dies` once, `NAME.kills` always.
    """

    def __init__(self) -> None:
        super().__init__()
        for module, name, value in SMALL:
            setattr(module, name, value)

    def ask(
        self, question: str, name: str, spec: Sequence[Any], call: Any, asked: Any, part: Any
    ) -> Answer[Any]:
        signs = Path(os.environ["KULESHOV_SIGNS"])
        with (signs / "log").open("a") as log:
            log.write(f"{call.__name__} {name.rpartition('-')[2]} {os.getpid()}\n")
        try:
            (signs / f"{call.__name__}.dies").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        except FileNotFoundError:
            pass
        if (signs / f"{call.__name__}.kills").exists():
            os.kill(os.getpid(), signal.SIGKILL)

        def held_up(shard: Shard, asked: Any, part: Any, job: Job) -> Any:
            while (signs / f"{call.__name__}.waits").exists():
                (signs / "waiting").touch()
                job.check()
                time.sleep(0.02)
            return call(shard, asked, part, job)

        return super().ask(question, name, spec, held_up, asked, part)
