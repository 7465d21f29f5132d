"""Describe numbered pictures as a film: a film scan, a time lapse, frames of a 3D program.

    scan_0001.dpx, scan_0002.dpx, ...  ->  scan.ffconcat, beside them

That small text names the pictures in order, their rate, and a checksum over all of them. FFmpeg
reads it as a film, with one picture open at a time, and so do all parts of Kuleshov: it is known by
its own checksum, which follows from that of the pictures, and is found again where the folder is
moved to. Numbers may be missing: the film goes on with the next one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from kuleshov.errors import MediaError
from kuleshov.files import write_text

__all__ = [
    "ENDING",
    "Opening",
    "Run",
    "described",
    "is_numbered",
    "opening",
    "runs_in",
    "write_film",
]

ENDING = ".ffconcat"
LEAST = 8
"""Pictures that make a film at least."""

_HEAD = "ffconcat version 1.0\n# kuleshov: numbered pictures\n"
_PICTURES = frozenset(
    {".dpx", ".cin", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".exr", ".bmp", ".tga", ".jp2"}
)
_NUMBERED = re.compile(r"(.*?)(\d+)(\.\w+)")
_NAMED = re.compile(r"^file '(.*)'$", re.MULTILINE)
_RATE = re.compile(r"^# rate: (\d+(?:/\d+)?)$", re.MULTILINE)
_PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Run:
    """A run: pictures in one folder whose names differ by a number only, in its order."""

    folder: Path
    prefix: str
    suffix: str
    names: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def path(self) -> Path:
        """The path at which the film of them is described."""
        name = self.prefix.rstrip(" ._-#") or self.folder.name or "pictures"
        return self.folder / f"{name}{self.suffix.lower()}{ENDING}"

    @property
    def missing(self) -> int:
        """The count of numbers between the first and the last that have no picture."""
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers)


def runs_in(folder: Path, names: Iterable[str], least: int = LEAST) -> list[Run]:
    """Return the runs of at least so many numbered pictures among the names of a folder's files."""
    found: dict[tuple[str, str], dict[int, str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None or match[3].lower() not in _PICTURES or name.startswith("."):
            continue
        # Of 7 and 007, which may lie side by side, the first by name counts.
        numbered = found.setdefault((match[1], match[3]), {})
        numbered[int(match[2])] = min(name, numbered.get(int(match[2]), name))
    return [
        Run(folder, prefix, suffix, tuple(n[k] for k in sorted(n)), tuple(sorted(n)))
        for (prefix, suffix), n in sorted(found.items())
        if len(n) >= least
    ]


def write_film(run: Run, rate: Fraction) -> Path:
    """Describe a run as a film of `rate` pictures a second, beside it; return its path.

    What is described so already is left alone. Reads every picture once, for the checksum.

    Raises `MediaError` where a picture cannot be read, `NotWritten` where nothing can be written.
    """
    digest = hashlib.sha256()
    for name in run.names:
        try:
            with (run.folder / name).open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            raise MediaError(run.folder / name, f"{error.strerror}.") from error
    lines = [f"{_HEAD}# rate: {rate}\n# sha256 of all pictures: {digest.hexdigest()}\n"]
    for name in run.names:
        quoted = name.replace("'", "'\\''")
        lines.append(f"file '{quoted}'\noption framerate {rate}\nduration {float(1 / rate):.6f}\n")
    text = "".join(lines)
    try:
        if run.path.read_text(encoding="utf-8", errors="surrogateescape") == text:
            return run.path
    except OSError:
        pass
    write_text(run.path, text)
    return run.path


def is_numbered(path: Path) -> bool:
    """Return whether a file describes numbered pictures as a film, as `write_film` does."""
    if path.suffix.lower() != ENDING:
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD.encode()
    except OSError:
        return False


@dataclass(frozen=True)
class Opening:
    """A way for FFmpeg to open a file."""

    file: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def opening(path: Path) -> Opening:
    """Return how FFmpeg is to open a file: plainly, but for numbered pictures. Raises `OSError`.

    Without a gap they are read by its reader of sequences, which finds its way to any picture at
    once; with one by that of lists, which begins at the beginning.
    """
    if not is_numbered(path):
        return Opening(str(path))
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    rate, names = _RATE.search(text), _named(text)
    run = runs_in(path.parent, names, least=1)
    if rate and len(run) == 1 and len(run[0].names) == len(names) and not run[0].missing:
        first = _NUMBERED.fullmatch(names[0])
        digits = {len(found[2]) for n in names if (found := _NUMBERED.fullmatch(n))}
        if first and (len(digits) == 1 or not first[2].startswith("0")):
            width = f"0{len(first[2])}" if len(digits) == 1 else ""
            whole = os.path.join(path.parent, first[1]).replace("%", "%%")  # noqa: PTH118 (may be "")
            options = {"framerate": rate[1], "start_number": str(int(first[2]))}
            pattern = f"{whole}%{width}d{first[3]}"
            return Opening(pattern, "image2", {**options, "pattern_type": "sequence"})
    # Names may be any, but nothing else than files is read.
    return Opening(str(path), "concat", {"safe": "0", "protocol_whitelist": "file"})


def _named(text: str) -> list[str]:
    """Return the names of the pictures that a description names."""
    return [name.replace("'\\''", "'") for name in _NAMED.findall(text)]


def described(folder: Path) -> set[str]:
    """Return the names of the pictures in a folder that are described as films."""
    names: set[str] = set()
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if is_numbered(path):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            names.update(_named(text))
    return names
