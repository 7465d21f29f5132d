"""Read and write lenses: a trained network with its recipe and provenance in one `.see` file.

The file is a ZIP archive of three: `network.onnx`, `lens.json` (recipe, measures, provenance) and
`SOURCES.md`, which says in words what footage made it and on what terms. Nothing in it is
executable Python, so a `.see` file from elsewhere is safe to open.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kuleshov.errors import ModelError
from kuleshov.files import write_bytes
from kuleshov.see.abstraction import Abstraction, LensTone

__all__ = ["FORMAT", "MULTIPLE", "NOISE", "Lens", "Origin", "read_lens", "write_lens"]

FORMAT = 1
"""Version of the file. A reader refuses newer ones."""

MULTIPLE = 32
"""Sides of the picture that a network takes are multiples of this."""

NOISE = 4
"""The plane of noise has one value for this many pixels a side."""

_NETWORK, _FACTS, _SOURCES = "network.onnx", "lens.json", "SOURCES.md"


@dataclass(frozen=True)
class Origin:
    """The origin of pictures of a lens: its file's name, how many pictures, and its slate.

    `title`, `author`, `licence` and `url` are "" where unknown.
    """

    name: str
    pictures: int
    title: str = ""
    author: str = ""
    licence: str = ""
    url: str = ""


@dataclass(frozen=True)
class Lens:
    """A trained network and what is known of it.

    `network` is an ONNX file. It takes `grey` (1, 1, H, W) float32, 0 to 1, abstracted as
    `abstraction` says, and `noise` (1, 1, H / NOISE, W / NOISE) float32, normally distributed;
    H and W are multiples of MULTIPLE. It gives `picture` (1, H, W, 3) float32 RGB, 0 to 1.

    `name` is what to call it, `size` the shorter side of the pictures that it was trained on, in
    pixels, `tone` theirs (None: not known). `recipe` holds the knobs of the training, `measured`
    what was measured of it at its end; both are for people.
    """

    name: str
    network: bytes
    size: int
    abstraction: Abstraction = field(default_factory=Abstraction)
    tone: LensTone | None = None
    origins: tuple[Origin, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.network:
            raise ModelError(f"The lens {self.name!r} has no network.")
        if self.size < MULTIPLE:
            raise ModelError(f"A lens is trained on {MULTIPLE} pixels at least, not {self.size}.")

    def __repr__(self) -> str:
        return f"Lens({self.name!r}, {len(self.network)} bytes, {self.size} pixels)"


def write_lens(lens: Lens, path: Path) -> None:
    """Write `lens` whole or not at all. Raises OSError."""
    facts = {
        "format": FORMAT,
        "name": lens.name,
        "size": lens.size,
        "abstraction": asdict(lens.abstraction),
        "tone": None if lens.tone is None else asdict(lens.tone),
        "recipe": lens.recipe,
        "measured": lens.measured,
        "origins": [asdict(origin) for origin in lens.origins],
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in (
            (_FACTS, json.dumps(facts, indent=2, ensure_ascii=False)),
            (_SOURCES, _sources(lens)),
            (_NETWORK, lens.network),
        ):
            # A fixed date: the same lens gives the same bytes.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, data)
    write_bytes(path, buffer.getvalue())


def read_lens(path: Path) -> Lens:
    """Return the lens in the file `path`.

    Raises ModelError if there is none, if it is damaged or was made by a newer Kuleshov.
    """
    try:
        with zipfile.ZipFile(path) as file:
            facts = json.loads(file.read(_FACTS))
            network = file.read(_NETWORK)
        if facts["format"] > FORMAT:
            raise ModelError(f"{path} was made by a newer Kuleshov: update this one.")
        tone = facts.get("tone")
        return Lens(
            name=str(facts["name"]),
            network=network,
            size=int(facts["size"]),
            abstraction=Abstraction(**facts["abstraction"]),
            tone=None if tone is None else LensTone(float(tone["mean"]), float(tone["spread"])),
            origins=tuple(Origin(**origin) for origin in facts["origins"]),
            recipe=dict(facts["recipe"]),
            measured=dict(facts["measured"]),
        )
    except FileNotFoundError as error:
        raise ModelError(f"There is no lens {path}.", code="lens-missing") from error
    except (
        *(OSError, zipfile.BadZipFile, zlib.error, RuntimeError),  # locked ones are RuntimeErrors
        *(ValueError, KeyError, TypeError, AttributeError, EOFError),
    ) as error:
        text = f"{path} is not a lens, or is damaged."
        raise ModelError(text, code="lens-missing") from error


def _sources(lens: Lens) -> str:
    lines = [f"# What {lens.name} was trained on", ""]
    lines += [
        "| footage | pictures | title | author | licence | URL |",
        "|---|---|---|---|---|---|",
    ]
    for origin in lens.origins:
        licence = origin.licence or "not stated"
        known = (origin.name, origin.title, origin.author, licence, origin.url)
        name, *rest = (cell.replace("|", "\\|") for cell in known)
        lines.append(f"| {' | '.join((name, str(origin.pictures), *rest))} |")
    return "\n".join(lines) + "\n"
