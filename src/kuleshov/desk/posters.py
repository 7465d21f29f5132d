"""Make small stills of films, projects and shots, for pages on which one chooses among them.

    posters = Posters(PreviewCache().made)
    wanted = of_file(Path("film.mp4"))         # or a project, or `of_shot` of an archive
    data = posters.known(wanted)               # a JPEG, or None while it is not made
    data = posters.made(wanted)                # made now, one at a time
    posters.close()

They are made in one process of their own (`media.guard`), which gives way to all others and ends
where nothing is wanted for a while, and are kept on disk under the place, size and age of what they
show. A file of which nothing can be made is not tried again before it changes.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive
from kuleshov.archive.stills import still_box, still_path
from kuleshov.errors import KuleshovError, MediaError, MediaNotFound, Stopped, UsageError
from kuleshov.files import Kept
from kuleshov.footage import ShotRef, even
from kuleshov.jobs import Job
from kuleshov.media.decode import Film, reason_of
from kuleshov.media.guard import Helper, ProcessLimits
from kuleshov.media.hand import in_hand
from kuleshov.media.scale import Scaler

__all__ = ["Posters", "WantedStill", "file_still", "of_file", "of_shot", "shot_still"]

WIDTH = 480
"""Pixels that a still of a film is wide, at most."""

_VERSION = 1  # of what they show; where that changes it is raised, and kept ones go
_HIGHEST = 960  # pixels
_PLACES = (0.15, 0.2, 0.11, 0.3, 0.45, 0.62)  # of a film, until one shows something
_UNKNOWN = 20.0  # s that a film is taken to last that does not say how long it is
_LIGHT, _CONTRAST = 26.0, 14.0  # levels of a picture that shows something
_PATIENCE = 4.0  # s of decoding in which the best until then is taken
_LIMITS = ProcessLimits(stall_s=10.0, nice=10)
_REST = 20.0  # s after which the process ends that has nothing to do
_AGAIN = 60.0  # s after which it is tried again whether what is missing is there
_FAILURES = 4000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WantedStill:
    """A still that is wanted: of the file at `path`, made by `call(*arguments)`.

    `name` is that under which it is kept.
    """

    name: str
    path: Path
    call: Callable[..., bytes]
    arguments: tuple[Any, ...]


def of_file(path: Path) -> WantedStill:
    """Return the still of a film, or of the film that a project remakes, as one that is wanted.

    Raises `MediaError` where the file is not there.
    """
    return WantedStill(_name("file", path), path, file_still, (path,))


def of_shot(archive: Archive, shot: ShotRef) -> WantedStill:
    """Return the still of a shot of an archive as one that is wanted.

    Raises `UsageError` where the archive has no such shot, `MediaError` where its stills are lost.
    """
    footage = archive.catalogue.by_checksum(shot.checksum)
    if footage is None or shot.shot >= len(archive.catalogue.shots(footage.id)):
        raise UsageError("There is no such shot in the archive.")
    place = still_box(shot.shot, 1, footage.probe.video.active_aspect)
    path = still_path(archive.store.folder(footage.checksum), place.image)
    return WantedStill(_name("shot", path, *place.box), path, shot_still, (path, place.box))


class Posters:
    """Makes stills, one at a time, and keeps them. Safe among threads."""

    def __init__(self, kept: Kept, limits: ProcessLimits = _LIMITS) -> None:
        self._kept = kept
        self._helper, self._job = Helper(limits), Job()
        self._making = threading.Lock()
        self._failed: dict[str, tuple[MediaError, float]] = {}
        self._rest: threading.Timer | None = None

    def close(self) -> None:
        """Stop what is being made, and end the process. What is asked for then is `Stopped`."""
        self._job.stop()
        with self._making:
            if self._rest is not None:
                self._rest.cancel()
            self._helper.close()

    def known(self, wanted: WantedStill) -> bytes | None:
        """Return a still that was made before, else None.

        Raises `MediaError` where it is known that none can be made.
        """
        error, until = self._failed.get(wanted.name, (None, 0.0))
        if error is not None and time.monotonic() < until:
            raise error
        return self._kept.get(wanted.name)

    def made(self, wanted: WantedStill) -> bytes:
        """Return a still, made now unless it was before.

        Raises `MediaError` where the file cannot be shown, `Stopped` where this was closed.
        """
        with self._making:
            known = self.known(wanted)  # whoever had it made was waited for
            if known is not None:
                return known
            try:
                data = self._helper.call(wanted.call, *wanted.arguments, job=self._job)
            except Stopped:
                raise
            except Exception as error:
                failure = _failure(wanted.path, error)
                self._remember(wanted, failure)
                raise failure from error
            finally:
                self._rest_later()
        self._kept.put(wanted.name, data)
        return data

    def _remember(self, wanted: WantedStill, failure: MediaError) -> None:
        if len(self._failed) >= _FAILURES:
            self._failed.clear()
        # What a project names may come back while the project stays as it is.
        lasts = _AGAIN if failure.path != wanted.path or _absent(failure) else float("inf")
        self._failed[wanted.name] = failure, time.monotonic() + lasts

    def _rest_later(self) -> None:
        """Have the process ended if nothing else is wanted for a while."""
        if self._rest is not None:
            self._rest.cancel()
        self._rest = threading.Timer(_REST, self._rested)
        self._rest.daemon = True
        self._rest.start()

    def _rested(self) -> None:
        with self._making:
            if self._rest is threading.current_thread():
                self._helper.close()


def _failure(path: Path, error: Exception) -> MediaError:
    """Return why there is no still. Damaged files make libraries fail in many ways."""
    if isinstance(error, MediaError):
        return error
    if not isinstance(error, KuleshovError):
        _log.warning("no still of %s: %s: %s", path, type(error).__name__, error)
        return MediaError(path, "no picture of it can be made.")
    return MediaError(path, str(error))


def _absent(error: MediaError) -> bool:
    return isinstance(error, MediaNotFound)


def _name(kind: str, path: Path, *told: object) -> str:
    """Return the name under which a still of a file is kept, as the file is now."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise MediaNotFound(path, reason_of(error)) from error
    except (OSError, ValueError) as error:
        raise MediaError(path, reason_of(error)) from error
    text = os.fsencode(path).hex()
    key = json.dumps([_VERSION, kind, text, found.st_size, found.st_mtime_ns, *told])
    return f"posters/{hashlib.sha256(key.encode()).hexdigest()[:32]}.jpg"


# What the process does


def file_still(path: Path) -> bytes:
    """Return a JPEG of a film, or of the film that a project remakes, from its first part.

    Raises `MediaError`, `ProjectError`.
    """
    if path.suffix.lower() != ".otio":
        return _film_still(path)
    from kuleshov.edit.resuming import resumable
    from kuleshov.project.file import read_otio

    known = resumable(read_otio(path), path)
    return _film_still(known.path, known.options.begin, known.options.end)


def shot_still(strip: Path, box: tuple[int, int, int, int]) -> bytes:
    """Return a part of a strip of stills, given by its edges in pixels, as a JPEG.

    Raises `MediaError`.
    """
    from PIL import Image

    try:
        with in_hand(strip), Image.open(strip) as sheet:
            if box[2] > sheet.width or box[3] > sheet.height:
                raise MediaError(strip, "it is shorter than it should be.")
            return _jpeg(np.asarray(sheet.convert("RGB").crop(box)))
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(strip, "it is damaged: index its film anew.") from error


def _film_still(path: Path, begin: Fraction | None = None, end: Fraction | None = None) -> bytes:
    with Film(path, threads=1) as film:
        first = float(begin or 0)
        last = float(end) if end is not None else film.probe.duration_s
        return _jpeg(_telling(film, first, max(0.0, last - first) if last else _UNKNOWN))


def _telling(film: Film, first: float, length: float) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of a part of a film that is neither black nor empty.

    Where none is found soon, it is that with most contrast.
    """
    shape = film.video.active_aspect
    width = min(WIDTH, even(film.video.display_size[0]))
    scaler = Scaler(film.video, min(_HIGHEST, even(width / shape)), width)
    until = time.monotonic() + _PATIENCE
    best: NDArray[np.uint8] | None = None
    most, fault = -1.0, MediaError(film.path, "no picture of it can be decoded.")
    for place in _PLACES:
        at = Fraction(first + place * length).limit_denominator(1000)
        try:
            seen = _near(film, at, scaler, until)
        except MediaError as error:
            fault = error
            continue
        contrast = 0.0 if seen is None else float(seen.std())
        if seen is not None and contrast > most:
            best, most = seen, contrast
        if seen is not None and contrast >= _CONTRAST and float(seen.mean()) >= _LIGHT:
            return seen
        if time.monotonic() > until:
            break
    if best is None:
        raise fault
    return best


def _near(film: Film, at: Fraction, scaler: Scaler, until: float) -> NDArray[np.uint8] | None:
    """Return the picture at a time or, where it takes too long to come there, one before."""
    found = None
    for picture in film.pictures(at):
        found = picture
        if picture.time >= at or time.monotonic() > until:
            break
    return None if found is None else scaler(found.frame, found.aspect)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=82)
    return data.getvalue()
