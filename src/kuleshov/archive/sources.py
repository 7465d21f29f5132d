"""What was seen of sources, kept so that the same film is looked at once.

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
import dataclasses
import hashlib
import json
import os
import time
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.analyse import SOURCE_GRID, Analysis, Analyst, Described, Progress
from kuleshov.files import write_bytes
from kuleshov.footage import Probe, Shot
from kuleshov.timecode import TimeRange

__all__ = ["LIMIT", "SourceCache", "Usage", "analysed", "default_folder", "described"]

LIMIT = 1 << 30
"""Bytes that entries may take: some 40 hours of sources."""

_SUFFIX = ".look"
_DIGEST = 32  # bytes of SHA-256 before an entry's content
_LEFT_OVER = 86400  # s, after which a file that was not finished is nobody's any more
_MOST = Fraction(2, 3)  # of a film; where a part is more, all of it is looked at
_CODE = ("shots", "features", "media", "models", "footage.py", "timecode.py")

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Usage:
    """How many entries there are, and the bytes that they take."""

    entries: int
    bytes: int


class SourceCache:
    """A folder of entries, which is made when the first is kept."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit

    def get(self, key: str) -> tuple[dict[str, Any], Arrays] | None:
        """Return the record and the arrays of an entry; None where there is none that is sound."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = self.folder / f"{key}{_SUFFIX}"
        try:
            data = path.read_bytes()
            digest, content = data[:_DIGEST], data[_DIGEST:]
            if hashlib.sha256(content).digest() != digest:
                return None
            length = int.from_bytes(content[:8], "little")
            record = json.loads(content[8 : 8 + length])
            arrays = load(content[8 + length :])
        except (OSError, ValueError, SafetensorError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # so that it is known which were used last
        return record, arrays

    def put(self, key: str, record: Mapping[str, Any], arrays: Arrays) -> None:
        """Keep an entry, where that can be written, and take away what is too much."""
        from safetensors.numpy import save

        text = json.dumps(record).encode()
        content = len(text).to_bytes(8, "little") + text
        content += save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        if len(content) + _DIGEST > self.limit:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(content).digest()
            write_bytes(self.folder / f"{key}{_SUFFIX}", digest + content)
            self._tidy()

    def usage(self) -> Usage:
        """Return how much is kept."""
        sizes = [size for _, size, _ in self._entries()]
        return Usage(len(sizes), sum(sizes))

    def empty(self) -> Usage:
        """Take all entries away; return what there was."""
        known = self.usage()
        for _, _, path in self._entries():
            path.unlink(missing_ok=True)
        return known

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each entry was used last, its bytes and its path, the oldest first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # another process has taken it away
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
        return sorted(found)

    def _tidy(self) -> None:
        entries = self._entries()
        taken = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if taken <= self.limit:
                break
            path.unlink(missing_ok=True)
            taken -= size
        for path in self.folder.glob(f".*{_SUFFIX}.*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER:
                    path.unlink()


def default_folder() -> Path:
    """`KULESHOV_SOURCES` where that is set, else a folder among the user's caches."""
    named = os.environ.get("KULESHOV_SOURCES")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("kuleshov") / "sources"


def analysed(
    path: Path,
    checksum: str,
    analyst: Analyst,
    cache: SourceCache | None,
    *,
    grid: int = SOURCE_GRID,
    mirrored: bool = False,
    only: Collection[str] | None = None,
    part: TimeRange | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Look at a film, or a part of it, as `Analyst.analyse` does, unless it is kept in `cache`.

    Of what is kept the whole film serves for its parts. A film of variable rate is looked at as a
    whole, since only that tells its rate, and so is one of which the part is most.
    """
    look = _Look(path, checksum, analyst, cache, grid, mirrored, only, progress)
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
    """One way to look at one film."""

    path: Path
    checksum: str
    analyst: Analyst
    cache: SourceCache | None
    grid: int
    mirrored: bool
    only: Collection[str] | None
    progress: Progress | None

    def is_most(self, part: TimeRange) -> bool:
        """Whether a part is most of the film, as far as its container says how long it is."""
        seconds = self.analyst.length(self.path)
        if seconds is None:
            return False
        return min(part.end, Fraction(seconds)) - part.start > _MOST * Fraction(seconds)

    def at(self, part: TimeRange | None) -> Analysis:
        """The film, or a part of it, as it is kept, else looked at and then kept."""
        if (known := self.kept(part)) is not None:
            return known
        analysis = self.analyst.analyse(
            *(self.path, self.grid),
            mirrored=self.mirrored,
            only=self.only,
            part=part,
            progress=self.progress,
        )
        if self.cache is not None:
            self.cache.put(self._key(part, self._names()), *_packed(analysis))
        return analysis

    def kept(self, part: TimeRange | None) -> Analysis | None:
        """What is kept of it: with these facets, or with all."""
        if self.cache is None:
            return None
        every = tuple(sorted(facet.name for facet in self.analyst.matched))
        for names in dict.fromkeys((self._names(), every)):
            entry = self.cache.get(self._key(part, names))
            if entry is not None:
                with contextlib.suppress(KeyError, TypeError, ValueError):
                    return _unpacked(self.path, *entry)
        return None

    def _names(self) -> tuple[str, ...]:
        facets = (facet.name for facet in self.analyst.matched)
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
    progress: Progress | None = None,
) -> Described:
    """Describe a part of a film, or a picture, as `Analyst.describe` does, unless it is kept."""
    names = tuple(sorted(facet.name for facet in analyst.matched))
    key = _key(checksum, analyst, names, ("description", SOURCE_GRID, mirrored, _span(span)))
    entry = None if cache is None else cache.get(key)
    if entry is not None:
        with contextlib.suppress(KeyError):
            record, arrays = entry
            flipped = _under("mirrored", arrays) if record["mirrored"] else None
            return Described(arrays["time"], _under("features", arrays), flipped)
    found = analyst.describe(path, span.start, span.end, mirrored=mirrored, progress=progress)
    if cache is not None:
        arrays = {"time": found.time, **_over("features", found.features)}
        arrays |= _over("mirrored", found.mirrored or {})
        cache.put(key, {"mirrored": found.mirrored is not None}, arrays)
    return found


def _span(part: TimeRange | None) -> list[str] | None:
    return None if part is None else [str(part.start), str(part.end)]


def _key(checksum: str, analyst: Analyst, names: Collection[str], about: tuple[Any, ...]) -> str:
    """The name of an entry: a digest of all that what is seen depends on."""
    makers = [
        (facet.name, facet.version, facet.maker.name, facet.maker.checksum)
        for facet in analyst.matched
        if facet.name in names
    ]
    told = json.dumps([checksum, _code(), sorted(makers), sorted(names), about])
    return hashlib.sha256(told.encode()).hexdigest()


@cache
def _code() -> str:
    """A digest of the code that looks, of the bundled networks' list and of what both stand on."""
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
        "probe": _plain(analysis.probe),
        "shots": _plain(analysis.shots),
        "grid": analysis.grid,
        "damaged": analysis.damaged,
        "first_row": analysis.first_row,
        "last": _plain(analysis.last),
        "mirrored": analysis.mirrored is not None,
    }
    arrays = {"pts": analysis.pts, "shown": analysis.shown}
    arrays |= _over("features", analysis.features) | _over("mirrored", analysis.mirrored or {})
    return record, arrays


def _unpacked(path: Path, record: Mapping[str, Any], arrays: Arrays) -> Analysis:
    return Analysis(
        path=path,
        probe=_record(Probe, record["probe"]),
        pts=arrays["pts"],
        shots=_record(tuple[Shot, ...], record["shots"]),
        grid=record["grid"],
        shown=arrays["shown"],
        features=_under("features", arrays),
        mirrored=_under("mirrored", arrays) if record["mirrored"] else None,
        damaged=record["damaged"],
        first_row=record["first_row"],
        last=_record(Fraction | None, record["last"]),
    )


def _over(group: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {f"{group}/{name}": array for name, array in arrays.items()}


def _under(group: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(f"{group}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{group}/")
    }


def _plain(value: Any) -> Any:
    """A record, and those in it, as JSON has them; fractions as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Fraction) else value


def _record(kind: Any, value: Any) -> Any:
    """The same back, by the types of the records' fields."""
    if get_origin(kind) in (Union, types.UnionType):
        if value is None:
            return None
        kind = next(one for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        each = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return tuple(_record(one, part) for one, part in zip(each, value, strict=True))
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        told = {name: _record(hints[name], value[name]) for name in _fields(kind)}
        return kind(**told)  # type: ignore[operator]
    return Fraction(value) if kind is Fraction else value


def _fields(kind: Any) -> Iterator[str]:
    return (field.name for field in dataclasses.fields(kind) if field.init)
