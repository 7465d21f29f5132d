"""Keep what was seen of sources, so that the same film is looked at once.

    cache = SourceCache(folder)
    analysis = analysed(path, checksum, analyst, cache, grid=8)      # slow
    analysis = analysed(path, checksum, analyst, cache, grid=8)      # at once

An entry is one file, named by all that what is seen depends on: the film's content, the networks,
facets and grid, the part of the film, the code that looks. It is written whole, so any number of
processes may share a folder; one that is damaged is ignored and made anew. Where entries take more
room than `limit`, those go first that were not used for longest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.analyse import SOURCE_GRID, Analysis, Analyst, Described
from kuleshov.features.specs import RowsSpec
from kuleshov.files import Kept, Usage, cache_folder
from kuleshov.footage import Probe, Shot
from kuleshov.jobs import QUIET, Job
from kuleshov.records import plain, record
from kuleshov.timecode import TimeRange

__all__ = ["LIMIT", "SourceCache", "Usage", "analysed", "default_folder", "described"]

LIMIT = 1 << 30
"""Bytes that entries may take: some 40 hours of sources."""

_SUFFIX = ".look"
_SUM = ".sum"
_SUMS = 1 << 20  # bytes that remembered checksums may take: some thousand files
_SETTLED = 2.0  # s after which a file's times tell of any change; file systems count in steps
_DIGEST = 32  # bytes of SHA-256 before an entry's content
_MOST = Fraction(2, 3)  # of a film; where a part is more, all of it is looked at
_CODE = ("shots", "features", "media", "models", "footage.py", "timecode.py")

Arrays = Mapping[str, NDArray[Any]]


class Looks(Protocol):
    """One who looks at films, and who need not be ready to where it was done before."""

    @property
    def rows(self) -> tuple[RowsSpec, ...]:
        """The rows by which films are matched, each facet once."""

    def analyse(
        self,
        path: Path,
        grid: int = ...,
        *,
        mirrored: bool = False,
        only: Collection[str] | None = None,
        part: TimeRange | None = None,
        job: Job = QUIET,
    ) -> Analysis:
        """Look at a film; see `Analyst.analyse`."""

    def length(self, path: Path, job: Job = QUIET) -> float | None:
        """Return how many seconds a film lasts, or None; see `Analyst.length`."""


class SourceCache:
    """A cache of sources: a folder of entries, which is made when the first is kept.

    Beside them it remembers the checksums of files, so that a long film is not read from end to end
    each time that it is asked for.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._kept = Kept(folder, limit, f"[!.]*{_SUFFIX}")
        self._sums = Kept(folder, _SUMS, f"[!.]*{_SUM}")

    def get(self, key: str) -> tuple[dict[str, Any], Arrays] | None:
        """Return the record and the arrays of an entry; None where it is not there or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        data = self._kept.get(f"{key}{_SUFFIX}")
        if data is None:
            return None
        try:
            digest, content = data[:_DIGEST], data[_DIGEST:]
            if hashlib.sha256(content).digest() != digest:
                return None
            length = int.from_bytes(content[:8], "little")
            record = json.loads(content[8 : 8 + length])
            arrays = load(content[8 + length :])
        except (ValueError, SafetensorError):
            return None
        return record, arrays

    def put(self, key: str, record: Mapping[str, Any], arrays: Arrays) -> None:
        """Keep an entry, where it can be written, and delete what exceeds the limit."""
        from safetensors.numpy import save

        text = json.dumps(record).encode()
        content = len(text).to_bytes(8, "little") + text
        content += save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        self._kept.put(f"{key}{_SUFFIX}", hashlib.sha256(content).digest() + content)

    def checksum(self, path: Path, read: Callable[[Path], str]) -> str:
        """Return the SHA-256 of a file: what is remembered of it, or else what `read` returns.

        It is remembered as long as the file has the same size and times. What was written just now
        is not: it may change once more within one step of the clock.
        """
        state = _state(path)
        name = f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()}{_SUM}"
        if state is not None and (known := self._sums.get(name)) is not None:
            before, _, checksum = known.decode("ascii", "replace").partition(" ")
            if before == state and len(checksum) == hashlib.sha256().digest_size * 2:
                return checksum
        checksum = read(path)
        if state is not None and state == _state(path) and _has_settled(path):
            self._sums.put(name, f"{state} {checksum}".encode())
        return checksum

    def usage(self) -> Usage:
        """Return how many sources are kept, and the bytes of it all."""
        kept, sums = self._kept.usage(), self._sums.usage()
        return Usage(kept.entries, kept.bytes + sums.bytes)

    def empty(self) -> Usage:
        """Delete all entries; return what there was."""
        kept, sums = self._kept.empty(), self._sums.empty()
        return Usage(kept.entries, kept.bytes + sums.bytes)


def _state(path: Path) -> str | None:
    """Return what tells that a file is as it was; None where it cannot be reached."""
    try:
        now = path.stat()
    except OSError:
        return None
    return f"{now.st_size}:{now.st_mtime_ns}:{now.st_ctime_ns}:{now.st_ino}"


def _has_settled(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > _SETTLED
    return False


def default_folder() -> Path:
    """Return `KULESHOV_SOURCES` where that is set, or else a folder among the user's caches."""
    return cache_folder("sources")


def analysed(
    path: Path,
    checksum: str,
    analyst: Looks,
    cache: SourceCache | None,
    *,
    grid: int = SOURCE_GRID,
    mirrored: bool = False,
    only: Collection[str] | None = None,
    part: TimeRange | None = None,
    job: Job = QUIET,
) -> Analysis:
    """Return a look at a film, or a part of it, as `Analyst.analyse` gives it, or from `cache`.

    Of what is kept the whole film serves for its parts. A film of variable rate is looked at as a
    whole, since only that tells its rate, and so is one of which the part is most.
    """
    look = _Look(path, checksum, analyst, cache, grid, mirrored, only, job)
    if part is None:
        return look.at(None)
    if (whole := look.kept(None)) is not None:
        return whole.within(part)
    if look.is_most(part):
        return look.at(None).within(part)
    analysis = look.at(part)
    video = analysis.probe.video
    if video.variable_rate or video.discontinuous:
        return look.at(None).within(part)
    return analysis


@dataclass(frozen=True)
class _Look:
    """A way to look at one film."""

    path: Path
    checksum: str
    analyst: Looks
    cache: SourceCache | None
    grid: int
    mirrored: bool
    only: Collection[str] | None
    job: Job

    def is_most(self, part: TimeRange) -> bool:
        """Return whether a part is most of the film, by the length that its container says."""
        seconds = self.analyst.length(self.path, self.job)
        if seconds is None:
            return False
        return min(part.end, Fraction(seconds)) - part.start > _MOST * Fraction(seconds)

    def at(self, part: TimeRange | None) -> Analysis:
        """Return the film, or a part of it, as it is kept; or else look at it and keep that."""
        if (known := self.kept(part)) is not None:
            return known
        analysis = self.analyst.analyse(
            *(self.path, self.grid),
            mirrored=self.mirrored,
            only=self.only,
            part=part,
            job=self.job,
        )
        if self.cache is not None:
            self.cache.put(self._key(part, self._names()), *_packed(analysis))
        return analysis

    def kept(self, part: TimeRange | None) -> Analysis | None:
        """Return what is kept of it, with these facets or with all; None where nothing is."""
        if self.cache is None:
            return None
        every = tuple(sorted(spec.facet for spec in self.analyst.rows))
        for names in dict.fromkeys((self._names(), every)):
            entry = self.cache.get(self._key(part, names))
            if entry is not None:
                with contextlib.suppress(KeyError, TypeError, ValueError):
                    return _unpacked(self.path, *entry)
        return None

    def _names(self) -> tuple[str, ...]:
        facets = (spec.facet for spec in self.analyst.rows)
        return tuple(sorted(name for name in facets if self.only is None or name in self.only))

    def _key(self, part: TimeRange | None, names: Collection[str]) -> str:
        about = ("analysis", self.grid, self.mirrored, _span(part))
        return _key(self.checksum, self.analyst, names, about)


def described(
    path: Path,
    checksum: str,
    analyst: Analyst,
    cache: SourceCache | None,
    span: TimeRange,
    *,
    mirrored: bool = False,
    job: Job = QUIET,
) -> Described:
    """Return a description of a part of a film, or a picture, or what is kept of it.

    See `Analyst.describe`.
    """
    names = tuple(sorted(spec.facet for spec in analyst.rows))
    key = _key(checksum, analyst, names, ("description", SOURCE_GRID, mirrored, _span(span)))
    entry = None if cache is None else cache.get(key)
    if entry is not None:
        with contextlib.suppress(KeyError):
            record, arrays = entry
            flipped = _under("mirrored", arrays) if record["mirrored"] else None
            return Described(arrays["time"], _under("features", arrays), flipped)
    found = analyst.describe(path, span.start, span.end, mirrored=mirrored, job=job)
    if cache is not None:
        arrays = {"time": found.time, **_over("features", found.features)}
        arrays |= _over("mirrored", found.mirrored or {})
        cache.put(key, {"mirrored": found.mirrored is not None}, arrays)
    return found


def _span(part: TimeRange | None) -> list[str] | None:
    return None if part is None else [str(part.start), str(part.end)]


def _key(checksum: str, analyst: Looks, names: Collection[str], about: tuple[Any, ...]) -> str:
    """Return the name of an entry: a digest of all that what is seen depends on."""
    makers = [
        (spec.facet, spec.version, spec.network, spec.checksum)
        for spec in analyst.rows
        if spec.facet in names
    ]
    told = json.dumps([checksum, _code(), sorted(makers), sorted(names), about])
    return hashlib.sha256(told.encode()).hexdigest()


@cache
def _code() -> str:
    """Return a digest of the code that looks, of the list of networks and of their libraries."""
    from importlib.metadata import version

    found = hashlib.sha256()
    home = Path(__file__).parents[1]
    for name in _CODE:
        files = [home / name] if name.endswith(".py") else sorted((home / name).glob("*.py"))
        for file in files:
            found.update(file.name.encode() + file.read_bytes())
    found.update((home / "models" / "manifest.json").read_bytes())
    for package in ("av", "numpy", "openvino"):
        found.update(version(package).encode())
    return found.hexdigest()


def _packed(analysis: Analysis) -> tuple[dict[str, Any], Arrays]:
    record = {
        "probe": plain(analysis.probe),
        "shots": plain(analysis.shots),
        "grid": analysis.grid,
        "damaged": analysis.damaged,
        "first_row": analysis.first_row,
        "last": plain(analysis.last),
        "mirrored": analysis.mirrored is not None,
    }
    arrays = {"pts": analysis.pts, "shown": analysis.shown}
    arrays |= _over("features", analysis.features) | _over("mirrored", analysis.mirrored or {})
    return record, arrays


def _unpacked(path: Path, known: Mapping[str, Any], arrays: Arrays) -> Analysis:
    return Analysis(
        path=path,
        probe=record(Probe, known["probe"]),
        pts=arrays["pts"],
        shots=record(tuple[Shot, ...], known["shots"]),
        grid=known["grid"],
        shown=arrays["shown"],
        features=_under("features", arrays),
        mirrored=_under("mirrored", arrays) if known["mirrored"] else None,
        damaged=known["damaged"],
        first_row=known["first_row"],
        last=record(Fraction | None, known["last"]),
    )


def _over(group: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {f"{group}/{name}": array for name, array in arrays.items()}


def _under(group: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(f"{group}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{group}/")
    }
