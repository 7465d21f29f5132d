"""Find the lenses that come with Kuleshov by their names."""

from __future__ import annotations

from pathlib import Path

from kuleshov.errors import ModelError

__all__ = ["FOLDER", "bundled_lenses", "lens_path"]

FOLDER = Path(__file__).resolve().parent / "lenses"
"""The folder of the bundled lenses: NAME.see."""


def bundled_lenses(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the files of the bundled lenses, by name."""
    return {path.stem: path for path in sorted(folder.glob("*.see"))}


def lens_path(text: str, folder: Path = FOLDER) -> Path:
    """Return the file meant by a path or a bundled lens's name; a file comes first.

    Raises ModelError where there is neither.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    known = bundled_lenses(folder)
    if text in known:
        return known[text]
    if path.is_dir():
        raise ModelError(f"{text} is a folder: train a lens on it.", code="lens-missing")
    there = f"; there are bundled ones: {', '.join(known)}" if known else ""
    raise ModelError(f"There is no lens {text}{there}.", code="lens-missing")
