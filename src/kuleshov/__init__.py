"""Re-make films out of other films.

    import kuleshov

    with kuleshov.Desk("archive") as desk:
        desk.index(["footage"])                          # look at films, once
        (made,) = desk.recut("trailer.mp4")              # remake a source from them
        kuleshov.write_made(made, "remade.mp4")          # the film, its project and its sheet

What is named here is the public face, and is kept; `docs/python.md` shows it at work. Everything
else may change. Names are loaded when they are first used, so that importing costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kuleshov.archive.filters import parse_terms as filters
    from kuleshov.desk import changes
    from kuleshov.desk.appearance import Appearance
    from kuleshov.desk.asking import Ask, Found
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.editing import Editing
    from kuleshov.desk.loops import cells_of, clusters, gif, grid, remade_gif
    from kuleshov.desk.products import Products, write_film, write_made, write_moving
    from kuleshov.desk.suggestions import Wish
    from kuleshov.desk.teaching import Example, TaughtWord, forget, taught, teach
    from kuleshov.edit.by_hand import (
        allowed,
        focused,
        held,
        instead_of,
        locked,
        mirrored,
        refused,
        replaced,
        retimed,
        slipped,
        swapped,
        unlocked,
    )
    from kuleshov.edit.choosing import chosen, offered
    from kuleshov.edit.cut import Cut, RecutOptions
    from kuleshov.edit.grid import GridOptions
    from kuleshov.edit.laying import film, ranked
    from kuleshov.edit.orders import Orders
    from kuleshov.edit.resuming import remembering
    from kuleshov.edit.supercut import SupercutOptions
    from kuleshov.errors import KuleshovError, Stopped
    from kuleshov.jobs import Job
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.match.choose.select import SelectOptions
    from kuleshov.notes import Note
    from kuleshov.project.file import read_otio, write_otio
    from kuleshov.render.gif import Moving

__version__ = "0.1.0"

_AT = {
    "desk.appearance": ("Appearance",),
    "desk.asking": ("Ask", "Found"),
    "desk.desk": ("Desk",),
    "desk.editing": ("Editing",),
    "desk.loops": ("cells_of", "clusters", "gif", "grid", "remade_gif"),
    "desk.products": ("Products", "write_film", "write_made", "write_moving"),
    "desk.suggestions": ("Wish",),
    "desk.teaching": ("Example", "TaughtWord", "forget", "taught", "teach"),
    "edit.by_hand": (
        *("allowed", "focused", "held", "instead_of", "locked", "mirrored", "refused"),
        *("replaced", "retimed", "slipped", "swapped", "unlocked"),
    ),
    "edit.choosing": ("chosen", "offered"),
    "edit.cut": ("Cut", "RecutOptions"),
    "edit.grid": ("GridOptions",),
    "project.file": ("read_otio", "write_otio"),
    "edit.laying": ("film", "ranked"),
    "edit.orders": ("Orders",),
    "edit.resuming": ("remembering",),
    "edit.supercut": ("SupercutOptions",),
    "errors": ("KuleshovError", "Stopped"),
    "jobs": ("Job",),
    "match.align.candidates": ("MatchOptions",),
    "match.choose.select": ("SelectOptions",),
    "notes": ("Note",),
    "render.gif": ("Moving",),
}
_WHERE = {name: (module, name) for module, names in _AT.items() for name in names}
_WHERE["filters"] = ("archive.filters", "parse_terms")
_MODULES = {"changes": "desk.changes"}

__all__ = [  # noqa: RUF022 - in the order of what one does
    "__version__",
    "Desk",
    "Ask",
    "Found",
    "teach",
    "taught",
    "forget",
    "Example",
    "TaughtWord",
    "filters",
    "MatchOptions",
    "SelectOptions",
    "RecutOptions",
    "SupercutOptions",
    "GridOptions",
    "Appearance",
    "Moving",
    "write_made",
    "write_film",
    "write_moving",
    "Products",
    "cells_of",
    "clusters",
    "grid",
    "gif",
    "remade_gif",
    "Editing",
    "changes",
    "Wish",
    "Cut",
    "offered",
    "chosen",
    "replaced",
    "locked",
    "unlocked",
    "refused",
    "allowed",
    "slipped",
    "mirrored",
    "retimed",
    "held",
    "swapped",
    "focused",
    "instead_of",
    "ranked",
    "Orders",
    "film",
    "remembering",
    "read_otio",
    "write_otio",
    "Job",
    "Stopped",
    "Note",
    "KuleshovError",
]


def __getattr__(name: str) -> Any:
    found: Any
    if name in _MODULES:
        found = importlib.import_module(f"kuleshov.{_MODULES[name]}")
    elif name in _WHERE:
        module, known = _WHERE[name]
        found = getattr(importlib.import_module(f"kuleshov.{module}"), known)
    else:
        raise AttributeError(f"module 'kuleshov' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
