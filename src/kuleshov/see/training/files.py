"""Files to train on: the films and pictures in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from kuleshov.errors import UsageError
from kuleshov.media.kinds import kind_of, passed_folder
from kuleshov.see.training.pictures import FilmPart
from kuleshov.see.training.reading import STILLS

__all__ = ["found_in"]


def found_in(path: Path) -> list[FilmPart]:
    """Return the films and pictures below a folder, by name; or one file, any.

    What is hidden is passed over. Raises UsageError where there is nothing.
    """
    if path.is_dir():
        found = []
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not passed_folder(name))
            for name in sorted(names):
                file = Path(folder, name)
                if name.startswith("."):
                    continue
                if file.suffix.lower() in STILLS or kind_of(file) == "film":
                    found.append(FilmPart(file))
        if found:
            return found
        raise UsageError(
            f"{path} holds no film and no picture that can be read (JPEG, PNG, WebP, TIFF, BMP)."
        )
    if path.exists():
        return [FilmPart(path)]
    raise UsageError(f"{path} does not exist: name a film, a picture or a folder of them.")
