"""Lenses that come with Kuleshov, known by their names."""

from __future__ import annotations

from pathlib import Path

from kuleshov.errors import ModelError

__all__ = ["FOLDER", "bundled_lenses", "lens_path"]

FOLDER = Path(__file__).resolve().parent / "lenses"
"""Where they lie: NAME.see."""


def bundled_lenses(folder: Path = FOLDER) -> dict[str, Path]:
    """The files of the bundled lenses, by name."""
    return {path.stem: path for path in sorted(folder.glob("*.see"))}


def lens_path(text: str, folder: Path = FOLDER) -> Path:
    """The file that is meant by a path or by the name of a bundled lens; a file comes first.

    Raises ModelError where there is neither.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    known = bundled_lenses(folder)
    if text in known:
        return known[text]
    if path.is_dir():
        raise ModelError(f"{text} is a folder: train a lens on it with `kuleshov see train`.")
    there = f", or use a bundled one: {', '.join(known)}" if known else ""
    raise ModelError(f"There is no lens {text}: train one with `kuleshov see train`{there}.")
