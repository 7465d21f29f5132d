"""Render in a process of its own, so that a bad file costs its clips only.

    film = apart(render, timeline, out, options, job=job)

The call runs in a process of its own (`media.guard`). If it dies over a file, it runs again with
placeholders for that file, and the result says so, as of footage that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from kuleshov.errors import KuleshovError, MediaStalled, RenderError, WorkerDied
from kuleshov.files import remove_unfinished
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import ProcessLimits, spared
from kuleshov.render.options import RenderOptions
from kuleshov.render.sheet import SheetOptions
from kuleshov.timeline import Timeline

__all__ = ["apart"]

T = TypeVar("T")


def apart(
    function: Callable[..., T],
    timeline: Timeline,
    out: Path,
    *options: Any,
    limits: ProcessLimits = ProcessLimits(),
    job: Job = QUIET,
) -> T:
    """Return `function(timeline, out, *options)` of this layer, run in a process of its own.

    Nothing is left behind where it is not finished. Raises what the function raises, and
    `RenderError` where its process dies of something else than a file, or of too many.
    """
    out = Path(out)
    try:
        return spared(
            function,
            timeline,
            out,
            *options,
            again=_tolerant,
            limits=limits,
            tidy=lambda process: remove_unfinished(out, process),
            job=job,
        )
    except (WorkerDied, MediaStalled) as error:
        raise RenderError(f"{out.name} was not written: {error}") from error
    except KuleshovError as error:
        if type(error) is not KuleshovError:
            raise
        raise RenderError(f"{out.name} was not written: {error}") from error  # no file's fault


def _tolerant(argument: Any) -> Any:
    """Return the same options, with placeholders for what cannot be read."""
    if isinstance(argument, RenderOptions | SheetOptions):
        return replace(argument, missing="placeholder")
    return argument
