"""Answer with stills of what may be opened, and of what is in the archive."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kuleshov.archive.archive import open_archive
from kuleshov.archive.catalogue import Catalogue
from kuleshov.desk.posters import Posters, WantedStill, of_file, of_shot
from kuleshov.desk.preview import PreviewCache
from kuleshov.errors import KuleshovError, Stopped
from kuleshov.footage import ShotRef
from kuleshov.studio.answers import Refused
from kuleshov.studio.places import Places

__all__ = ["StudioPosters", "shots_told"]

_TILES = 12
_MOST_SHOTS = 1 << 31  # of one film; SQLite takes no larger numbers than twice as many figures


def shots_told(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return a few shots from all over the archive, ready for JSON."""
    return [{"footage": one.checksum, "shot": one.shot} for one in catalogue.spread(_TILES)]


class StudioPosters:
    """The stills of one studio's places and archive, named by ids. Safe among threads."""

    def __init__(self, places: Places, archive: Path) -> None:
        self._places, self._archive = places, archive
        self._posters = Posters(PreviewCache().made)

    def close(self) -> None:
        """Stop what is being made."""
        self._posters.close()

    def of_place(self, identity: str) -> WantedStill:
        """Return the still of a film or a recent project. Raises `Refused` where there is none."""
        with _shown():
            return of_file(self._places.film_or_project(identity))

    def of_shot(self, footage: str, shot: int) -> WantedStill:
        """Return the still of a shot of the archive. Raises `Refused` where there is none."""
        if shot >= _MOST_SHOTS:
            raise Refused(404, "no-such-picture", "There is no such shot in the archive.")
        with _shown(), open_archive(self._archive) as archive:
            return of_shot(archive, ShotRef(footage, shot))

    def known(self, wanted: WantedStill) -> bytes | None:
        """Return a still that was made before, else None. Raises `Refused` where none can be."""
        with _shown():
            return self._posters.known(wanted)

    def made(self, wanted: WantedStill) -> bytes:
        """Return a still, made now. Raises `Refused` where none can be."""
        with _shown():
            return self._posters.made(wanted)


@contextlib.contextmanager
def _shown() -> Iterator[None]:
    """Whoever asks for a picture of what cannot be shown asks for a wrong address."""
    try:
        yield
    except Stopped:
        raise
    except KuleshovError as error:
        raise Refused(404, error.code or "no-such-picture", str(error)) from error
