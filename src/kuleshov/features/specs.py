"""Specify what rows there are to be, and what is needed to make them, as plain values.

    specs = bundled_rows()                         # nothing is compiled
    rows = ArchiveRows.load(archive, specs)

A `RowsSpec` says what rows of features were made by; rows are read by it. An `AnalystSpec` says of
which parts an `Analyst` is made. Both are small, compare by value and can be sent to another
process or machine, which builds its own networks from them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.errors import ModelError
from kuleshov.features.encoder import BUNDLED, Maker
from kuleshov.features.facet import FACETS, KEPT, AnyFacet, Reference, facets, load_reference
from kuleshov.files import plain_name
from kuleshov.jobs import QUIET, Job
from kuleshov.media.worker import ReadLimits
from kuleshov.models.runtime import bundled

if TYPE_CHECKING:
    from kuleshov.features.networks import Networks

__all__ = [
    "AnalystSpec",
    "RowsSpec",
    "bundled_maker",
    "bundled_reference",
    "bundled_rows",
    "only",
    "specs_of",
    "used_rows",
]

ARCHIVE_GRID = 2
"""Rows a second of footage in an archive."""


@dataclass(frozen=True)
class RowsSpec:
    """A spec of what rows were made by: two rows compare only where these agree.

    `network` and `checksum` are those of the network whose numbers they are made of, empty where
    they are measured in the picture itself; `grid` is how many there are a second.
    """

    facet: str
    version: int
    network: str
    checksum: str
    grid: int = ARCHIVE_GRID

    @property
    def file(self) -> str:
        """The name of the file: rows of several networks may lie side by side."""
        return ".".join(filter(None, (self.facet, plain_name(self.network), "safetensors")))

    def metadata(self) -> dict[str, str]:
        """Return the spec as the text that a safetensors header holds."""
        return {
            "facet": self.facet,
            "version": str(self.version),
            "model": self.network,
            "model_checksum": self.checksum,
            "grid": str(self.grid),
        }


@dataclass(frozen=True)
class AnalystSpec:
    """A spec of what an `Analyst` is made of.

    `encoder` is a name as `features.encoder.encoder` takes it: of another one than the bundled one
    rows are made besides. `limits` are those of its decoding process; `references` is the folder in
    which the references of other encoders are kept (None: among the user's caches).
    """

    encoder: str = BUNDLED
    limits: ReadLimits = field(default_factory=ReadLimits)
    references: Path | None = None

    @property
    def is_bundled(self) -> bool:
        """Whether no other encoder is needed than the bundled one."""
        return self.encoder == BUNDLED

    def networks(self, job: Job = QUIET) -> Networks:
        """Return the networks, each to be compiled when it is first needed; close them."""
        from kuleshov.features.networks import Networks

        return Networks(self, job)


def specs_of(made: Iterable[AnyFacet]) -> tuple[RowsSpec, ...]:
    """Return the specs of the archive's rows of these facets."""
    return tuple(RowsSpec(f.name, f.version, f.maker.name, f.maker.checksum) for f in made)


def used_rows(groups: Sequence[Sequence[RowsSpec]]) -> tuple[RowsSpec, ...]:
    """Return the rows by which films are matched, each facet once.

    They are chosen of the rows that an archive is indexed with: of those that two encoders make,
    the later one's.
    """
    used: list[RowsSpec] = []
    for at, group in enumerate(groups):
        later = {spec.facet for other in groups[at + 1 :] for spec in other}
        used += [spec for spec in group if spec.facet not in later]
    return tuple(used)


def only(specs: Iterable[RowsSpec], names: Collection[str]) -> tuple[RowsSpec, ...]:
    """Return those of the rows whose facets have these names."""
    return tuple(spec for spec in specs if spec.facet in names)


@cache
def bundled_maker() -> Maker:
    """Return the bundled encoder's name and checksum, as the manifest of the networks has them.

    Raises `ModelError` where that does not know it.
    """
    for record in bundled():
        if record.name == BUNDLED:
            return Maker(record.name, record.sha256)
    raise ModelError(f"The manifest of the networks lacks {BUNDLED}. Install Kuleshov again.")


@cache
def bundled_reference() -> Reference:
    """Return the reference of the bundled encoder."""
    return load_reference(bundled_maker())


@cache
def bundled_rows() -> tuple[RowsSpec, ...]:
    """Return the rows that every archive is indexed with; no network is compiled."""
    return specs_of(facets((*FACETS, *KEPT), bundled_reference()))
