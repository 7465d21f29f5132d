"""Name what a page may open: films, folders and projects, each by an id for its path.

A page never sends a path. What has no id here is not opened: films below folders that the person
named at the start, films that were dropped on the page, and projects that were open before.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import itertools
import json
import os
import re
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuleshov.archive.ingest import find_files
from kuleshov.errors import KuleshovError, NotWritten, UsageError
from kuleshov.files import write_text
from kuleshov.studio.answers import Refused

__all__ = ["Places", "clean_name", "home", "id_of"]

_RECENT = 20  # projects
_MOST = 2000  # films that are listed
_FRESH = 5.0  # s for which a list of films is good


def home() -> Path:
    """`KULESHOV_STUDIO` where that is set, else a folder among the user's data."""
    named = os.environ.get("KULESHOV_STUDIO")
    if named:
        return Path(named).absolute()
    from platformdirs import user_data_path

    return user_data_path("kuleshov") / "studio"


def id_of(path: Path) -> str:
    """Return the id of a path: the same each time, and no path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def clean_name(name: str, fallback: str) -> str:
    """Return what is left of a name from a page that a file may bear on any system."""
    plain = unicodedata.normalize("NFC", name)
    plain = re.split(r"[/\\]", plain)[-1]
    plain = "".join(c for c in plain if c.isprintable() and c not in '<>:"|?*')
    plain = plain.strip().lstrip(".").rstrip(". ")
    stem, ending = Path(plain).stem, Path(plain).suffix
    while len(stem.encode()) > 120:
        stem = stem[:-1]
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)", stem.strip()) or not stem.strip():
        stem = fallback
    return stem.strip() + (ending if len(ending.encode()) <= 12 else "")


@dataclass(frozen=True)
class _Recent:
    path: Path
    when: float


class Places:
    """The places that one studio may open. Safe among threads.

    `folders` are those that the person named at the start; `root` is the studio's own folder, with
    the list of recent projects and the films that were dropped.
    """

    def __init__(self, folders: Sequence[Path], root: Path) -> None:
        self.folders = tuple(dict.fromkeys(path.absolute() for path in folders))
        self.root = root
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._films: dict[str, Path] = {}
        self._named: dict[str, Path] = {}
        self._cut = False
        self._listed = -_FRESH

    @property
    def dropped(self) -> Path:
        """The folder of films that were dropped on the page."""
        return self.root / "dropped"

    @property
    def given(self) -> Path:
        """The folder of footage that was dropped on the page."""
        return self.root / "footage"

    def add(self, film: Path) -> str:
        """Let a film be opened, and return its id."""
        film = film.absolute()
        with self._lock:
            self._named[id_of(film)] = film
        return id_of(film)

    def film(self, identity: str) -> Path:
        """Return the film with an id. Raises `Refused` where there is none."""
        with self._lock:
            found = self._named.get(identity) or self._films.get(identity)
        if found is None:
            self._list()
            with self._lock:
                found = self._films.get(identity)
        return _there(found, "film")

    def film_or_project(self, identity: str) -> Path:
        """Return the film, or the recent project, with an id. Raises `Refused` for none."""
        recent = {id_of(one.path): one.path for one in self._recent()}
        return recent.get(identity) or self.film(identity)

    def known(self, identity: str) -> Path | None:
        """Return the film, or the picture, with an id; None where there is none."""
        with self._lock:
            return self._named.get(identity) or self._films.get(identity)

    def folder(self, identity: str) -> Path:
        """Return the folder with an id. Raises `Refused` where there is none."""
        known = (*self.folders, self.given)
        return _there({id_of(path): path for path in known}.get(identity), "folder")

    def project(self, identity: str) -> Path:
        """Return the project with an id. Raises `Refused` where there is none."""
        known = {id_of(one.path): one.path for one in self._recent()}
        return _there(known.get(identity), "project")

    def used(self, project: Path) -> None:
        """Remember that a project is open. That it cannot be remembered spoils nothing."""
        project = project.absolute()
        with self._lock:
            others = [one for one in self._recent() if one.path != project]
            kept = [_Recent(project, time.time()), *others][:_RECENT]
            data = [{"path": os.fsdecode(one.path), "when": round(one.when, 3)} for one in kept]
            with contextlib.suppress(OSError, NotWritten, UnicodeError):
                self.root.mkdir(parents=True, exist_ok=True)
                write_text(self.root / "recent.json", json.dumps(data, indent=1))

    def recent(self) -> list[dict[str, Any]]:
        """Return the projects that were open, the last first, ready for JSON."""
        return [
            {
                "id": id_of(one.path),
                "name": one.path.stem,
                "folder": str(one.path.parent),
                "when": _date(one.when),
                "missing": not one.path.is_file(),
            }
            for one in self._recent()
        ]

    def films(self) -> list[dict[str, Any]]:
        """Return the films that may be opened, ready for JSON."""
        self._list()
        with self._lock:
            every = {**self._named, **self._films}
        told = []
        for identity, path in every.items():
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                parent = str(path.parent)
                told.append({"id": identity, "name": path.name, "folder": parent, "bytes": size})
        return told

    def folders_told(self) -> list[dict[str, Any]]:
        """Return the folders that were named at the start, ready for JSON.

        That of footage that was dropped is among them once there is some.
        """
        given = [self.given] if self.given.is_dir() else []
        return [
            {
                "id": id_of(path),
                "name": path.name or str(path),
                "folder": str(path),
                "missing": not path.is_dir(),
                "dropped": path == self.given,
            }
            for path in dict.fromkeys((*self.folders, *given))
        ]

    @property
    def more(self) -> bool:
        """Whether there are more films than are listed."""
        return self._cut

    def _list(self) -> None:
        """Look which films there are, unless that was done a moment ago."""
        with self._listing:
            if time.monotonic() - self._listed < _FRESH:
                return
            there = [path for path in (*self.folders, self.dropped) if path.is_dir()]
            found: list[Path] = []
            with contextlib.suppress(KuleshovError, OSError):
                found = [*itertools.islice(find_files(there), _MOST + 1)]
            with self._lock:
                self._cut = len(found) > _MOST
                self._films = {id_of(path): path for path in found[:_MOST]}
            self._listed = time.monotonic()

    def _recent(self) -> list[_Recent]:
        try:
            data = json.loads((self.root / "recent.json").read_text("utf-8"))
            return [_Recent(Path(one["path"]), float(one["when"])) for one in data][:_RECENT]
        except (OSError, ValueError, KeyError, TypeError):
            return []


def _date(when: float) -> str:
    """Return a date and time of day, here."""
    return datetime.datetime.fromtimestamp(when).isoformat(" ", "minutes")


def _there(path: Path | None, what: str) -> Path:
    if path is None:
        raise Refused(404, f"no-such-{what}", f"There is no such {what} here.")
    return path


def project_beside(film: Path) -> Path:
    """Return where the project of a film lies. Raises `UsageError` where the film is a project."""
    if film.suffix.lower() == ".otio":
        raise UsageError(f"{film} is a project, and no film.")
    return film.with_suffix(".otio")
