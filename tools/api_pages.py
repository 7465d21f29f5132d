"""Write the API pages, a page a module, from docstrings (`make docs`; `.ci/run` too).

    python tools/api_pages.py build/api

They begin with `kuleshov`, the public face; the command line, which is nobody's library, is left
out. A module that cannot be imported, a name in `__all__` that is not there and a type that cannot
be read are errors.
"""

from __future__ import annotations

import argparse
import pkgutil
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import kuleshov

__all__ = ["modules", "write"]

_LEFT_OUT = ("kuleshov.cli", "kuleshov.__main__")


def modules() -> list[str]:
    """Return the names of all modules that have a page, the public face first."""
    found = (m.name for m in pkgutil.walk_packages(kuleshov.__path__, "kuleshov."))
    return ["kuleshov", *(name for name in found if not name.startswith(_LEFT_OUT))]


def write(folder: Path) -> None:
    """Write the pages into a folder. Raises a `UserWarning` for what cannot be shown."""
    for name in kuleshov.__all__:
        getattr(kuleshov, name)  # these are loaded when they are asked for; pdoc does not ask
    templates = Path(__file__).parent / "api"
    pdoc.render.configure(docformat="markdown", show_source=False, template_directory=templates)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # PyAV's stubs are generic where its classes are not; such a type is shown as it is written.
        warnings.filterwarnings("ignore", "Error parsing type annotation .* is not subscriptable")
        pages = {name: pdoc.doc.Module.from_name(name) for name in modules()}
        for name, page in pages.items():
            out = folder / f"{name.replace('.', '/')}.html"
            _write(out, pdoc.render.html_module(page, pages))
        _write(folder / "index.html", pdoc.render.html_index(pages))
        _write(folder / "search.js", pdoc.render.search_index(pages))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write(folder)
    print(folder / "index.html")
