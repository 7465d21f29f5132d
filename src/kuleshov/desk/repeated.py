"""Find footage, and parts of it, that an archive holds in more than one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuleshov.archive.catalogue import Footage
from kuleshov.archive.filters import Filter
from kuleshov.jobs import QUIET, Job
from kuleshov.match.same.duplicates import Group, Shared, duplicates, grouped, same_files
from kuleshov.notes import Note

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["Repeated", "repeated"]


@dataclass(frozen=True)
class Repeated:
    """Footage that an archive holds more than once.

    `same` are files that are the same byte for byte, with all their paths; `groups` are footage
    that shows the same material.
    """

    same: tuple[tuple[Footage, tuple[Path, ...]], ...]
    groups: tuple[Group, ...]
    notes: tuple[Note, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the footage and the groups as data for JSON."""
        return {
            "same": [
                {**_footage(footage), "paths": [str(path) for path in paths]}
                for footage, paths in self.same
            ],
            "groups": [_group_as_data(group) for group in self.groups],
        }


def repeated(desk: Desk, filters: Filter = Filter(), *, job: Job = QUIET) -> Repeated:
    """Return what an archive holds more than once, as far as `filters` let it.

    Raises as `Desk.rows`.
    """
    offer = desk.rows(filters, job=job)
    with job.step("comparing"):
        groups = grouped(offer.rows, duplicates(offer.rows, job=job))
    return Repeated(tuple(same_files(offer.rows)), tuple(groups), offer.notes)


def _group_as_data(group: Group) -> dict[str, Any]:
    return {
        "kind": "copies" if group.whole else "parts",
        "best": str(group.footage[0].path),
        "footage": [_footage(one) for one in group.footage],
        "shared": [_shared(one) for one in group.shared],
    }


def _footage(footage: Footage) -> dict[str, Any]:
    width, height = footage.probe.video.display_size
    return {
        "path": str(footage.path),
        "checksum": footage.checksum,
        "width": width,
        "height": height,
        "duration_s": round(float(footage.duration), 6),
        "bytes": footage.bytes,
    }


def _shared(one: Shared) -> dict[str, Any]:
    return {
        "footage": str(one.one.path),
        "start_s": round(one.begin, 3),
        "end_s": round(one.end, 3),
        "other": str(one.other.path),
        "other_start_s": round(one.other_begin, 3),
        "other_end_s": round(one.other_end, 3),
        "likeness": round(one.likeness, 4),
        "mirrored": one.mirrored,
    }
