"""Write docs/modules.md from the modules' own first sentences. A test compares the two.

python tools/module_map.py
"""

from __future__ import annotations

import ast
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
OUT = Path(__file__).parents[1] / "docs" / "modules.md"


def module_map() -> str:
    """Return the text of docs/modules.md."""
    parts = [
        "# Modules\n",
        "Written by `make docs` from the first sentence of each module. How they stand to each "
        "other: [architecture.md](architecture.md).\n",
    ]
    folders = sorted(path.parent for path in (SOURCES / "kuleshov").rglob("__init__.py"))
    for folder in folders:
        name = ".".join(folder.relative_to(SOURCES).parts)
        parts += [f"## {name}\n", f"{_first(folder / '__init__.py')}\n"]
        modules = sorted(path for path in folder.glob("*.py") if not path.stem.startswith("__"))
        if modules:
            parts += ["| module | what |", "|---|---|"]
            parts += [f"| `{path.stem}` | {_first(path)} |" for path in modules]
            parts.append("")
    return "\n".join(parts)


def _first(path: Path) -> str:
    """Return the first sentence, or line, of a module."""
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    paragraph = " ".join(said.split("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return (sentence + stop).strip().replace("|", "\\|")


if __name__ == "__main__":
    OUT.write_text(module_map(), "utf-8")
    print(OUT)
