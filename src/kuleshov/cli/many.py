"""Give verbs the option `--ray`, by which the machines of a cluster do the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.common import note

if TYPE_CHECKING:
    from kuleshov.archive.tasks import Looker
    from kuleshov.desk.asking import Ask
    from kuleshov.desk.desk import Desk
    from kuleshov.jobs import Job
    from kuleshov.ray.cluster import Cluster

__all__ = ["lookers", "ray_option", "shared"]

F = TypeVar("F", bound=Callable[..., Any])


def ray_option(what: str) -> Callable[[F], F]:
    """Return a decorator that adds `--ray`, which has `what` done by a cluster."""
    return click.option(
        "--ray",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value="auto",
        help=f"Have {what} by the machines of a Ray cluster, by default the one that runs on this "
        "machine. Files must lie where all of them see them. docs/cluster.md",
    )


@contextmanager
def lookers(
    desk: Desk, address: str | None, jobs: int | None, job: Job
) -> Iterator[Sequence[Looker]]:
    """Yield those who look at films on other machines, where that is wanted."""
    if address is None:
        yield ()
        return
    from kuleshov.archive.archive import make_archive

    with _joined(address, job) as cluster:
        make_archive(desk.root, job=job)
        groups = desk.networks.loaded(job).groups
        asked = cluster.lookers(desk.networks.spec, desk.root, groups, at_once=jobs, job=job)
        with asked as made:
            yield made


@contextmanager
def shared(desk: Desk, address: str | None, job: Job, ask: Ask | None = None) -> Iterator[None]:
    """Have the archive looked through by other machines until the block ends, where wanted.

    What is printed meanwhile is lost.
    """
    if address is None:
        yield
        return
    if ask is not None and ask.like is None:
        note("Only examples are looked for by the cluster: words and bins are looked for here.")
    with _joined(address, job) as cluster, cluster.sharing(desk.root) as divide:
        desk.share(divide)
        try:
            yield
        finally:
            desk.share(None)


@contextmanager
def _joined(address: str, job: Job) -> Iterator[Cluster]:
    from kuleshov.ray.cluster import Cluster

    with (
        Path(os.devnull).open("w", encoding="utf-8") as unheard,
        redirect_stdout(unheard),  # where Ray tells of processes that are gone, as we do in notes
        Cluster.joined(address, job) as cluster,
    ):
        yield cluster
