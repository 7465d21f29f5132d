"""List what there is: footage of the archive, networks, and what is kept in caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuleshov import __version__
from kuleshov.archive.archive import open_archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.encoders import encoders_of
from kuleshov.archive.sources import SourceCache, default_folder
from kuleshov.desk.preview import PreviewCache
from kuleshov.files import Kept, Usage
from kuleshov.models.runtime import ModelRecord, bundled, compiled

__all__ = [
    "Held",
    "Holdings",
    "Stored",
    "forget_networks",
    "forget_previews",
    "forget_sources",
    "holdings",
]


@dataclass(frozen=True)
class Held:
    """Footage that an archive holds, with the number of its shots.

    It is `missing` where none of its files can be reached now.
    """

    footage: Footage
    shots: int
    missing: bool

    def as_data(self) -> Mapping[str, Any]:
        """Return the footage as data for JSON."""
        film, video = self.footage, self.footage.probe.video
        width, height = video.display_size
        return {
            "path": str(film.path),
            "checksum": film.checksum,
            "seconds": round(float(film.duration), 3),
            "frames": film.frames,
            "rate": str(video.rate),
            "width": width,
            "height": height,
            "shots": self.shots,
            "missing": self.missing,
        }


@dataclass(frozen=True)
class Stored:
    """Files that can be made again: their folder, what they take, and how many bytes they may."""

    folder: Path
    usage: Usage
    limit: int

    @classmethod
    def of(cls, kept: Kept) -> Stored:
        """Return what is stored in a folder that is kept."""
        return cls(kept.folder, kept.usage(), kept.limit)

    def as_data(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        told = {"folder": str(self.folder), "files": self.usage.entries}
        return {**told, "bytes": self.usage.bytes, "limit": self.limit}


@dataclass(frozen=True)
class Holdings:
    """An archive, and what is kept on this machine beside it.

    `exists` says whether there is an archive at `root`; `sources` is what was seen of sources, kept
    in `sources_folder`, at most `sources_limit` bytes. `previews` are those of projects, `proxies`
    the small copies of footage that they are made of.
    """

    root: Path
    exists: bool
    footage: tuple[Held, ...]
    sources: Usage
    sources_folder: Path
    sources_limit: int
    compiled: Stored
    previews: Stored
    proxies: Stored
    models: tuple[ModelRecord, ...]
    encoders: Mapping[str, int]
    """The encoders that read words whose rows are there, each with the number of its films."""
    words: tuple[str, ...]
    """The words that the archive was taught."""

    def as_data(self) -> dict[str, Any]:
        """Return all of it as data for JSON."""
        return {
            "version": __version__,
            "archive": str(self.root),
            "exists": self.exists,
            "footage": [one.as_data() for one in self.footage],
            "sources": {
                "folder": str(self.sources_folder),
                "looks": self.sources.entries,
                "bytes": self.sources.bytes,
                "limit": self.sources_limit,
            },
            "compiled": self.compiled.as_data(),
            "previews": self.previews.as_data(),
            "proxies": self.proxies.as_data(),
            "models": [
                {"name": m.name, "version": m.version, "licence": m.licence, "sha256": m.sha256}
                for m in self.models
            ],
            "encoders": dict(self.encoders),
            "words": list(self.words),
        }


def holdings(root: Path) -> Holdings:
    """Return what there is; no archive is made.

    Raises `ArchiveError` for one that is damaged, or for something else in its place.
    """
    exists = (root / "catalogue.sqlite").exists()
    footage: tuple[Held, ...] = ()
    encoders: dict[str, int] = {}
    words: tuple[str, ...] = ()
    if exists or root.is_file():
        with open_archive(root) as archive:
            footage = tuple(
                Held(
                    film,
                    len(archive.catalogue.shots(film.id)),
                    not any(location.path.exists() for location in film.locations),
                )
                for film in archive.catalogue.all(with_missing=True)
            )
            encoders = encoders_of(archive)
            words = tuple(archive.catalogue.word_table.names())
    cache, previews = SourceCache(default_folder()), PreviewCache()
    return Holdings(
        root,
        exists,
        footage,
        *(cache.usage(), cache.folder, cache.limit),
        compiled=Stored.of(compiled()),
        previews=Stored.of(previews.made),
        proxies=Stored.of(previews.proxies.kept),
        models=tuple(bundled()),
        encoders=encoders,
        words=words,
    )


def forget_sources() -> Usage:
    """Delete what was seen of sources, and return what that was; no film is touched."""
    return SourceCache(default_folder()).empty()


def forget_networks() -> Usage:
    """Delete the networks compiled for this machine, and return what that was."""
    return compiled().empty()


def forget_previews() -> int:
    """Delete previews and proxies, and return the bytes that were freed; no film is touched."""
    return sum(part.bytes for part in PreviewCache().empty())
