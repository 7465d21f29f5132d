"""The page's own files: what they are built on, their words, their types, what they may load."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from vendor_web import VENDOR, differing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src" / "kuleshov" / "studio" / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
COMPILER = ROOT / "build" / "node_modules" / "typescript" / "bin" / "tsc"


def test_what_the_page_is_built_on_is_as_listed():
    assert differing(VENDOR) == []


def test_a_file_that_was_changed_is_told(tmp_path):
    for path in VENDOR.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "htm.js").write_bytes((tmp_path / "htm.js").read_bytes() + b" ")
    (tmp_path / "more.js").write_bytes(b"")
    (tmp_path / "LICENSE.preact.txt").unlink()
    assert len(differing(tmp_path)) == 4  # two pieces of Preact have its licence


def test_every_text_is_in_the_table_and_each_in_the_table_is_used():
    table = set(re.findall(r'^  "([\w.-]+)":', (PAGE / "text.js").read_text("utf-8"), re.MULTILINE))
    code = "\n".join(path.read_text("utf-8") for path in SCRIPTS if path.name != "text.js")
    named = set(re.findall(r'\bt\(\s*"([\w.-]+)"', code))
    assert named <= table, f"not in the table: {sorted(named - table)}"
    # `t(`layout.${name}`)`, `word("state", name)`, and names that are kept in lists.
    families = set(re.findall(r"\bt\(`([\w.]+\.)\$\{", code))
    families |= {f"{name}." for name in re.findall(r'\bword\("(\w+)"', code)}
    families |= {f"{name}." for name in re.findall(r"\bword\(`(\w+)\.", code)}
    families |= {f"{name}." for name in re.findall(r'\bfamily="(\w+)"', code)}
    quoted = set(re.findall(r'"([\w.-]+)"', code))
    unused = {
        name
        for name in table - named - quoted
        if not any(name.startswith(family) for family in families)
    }
    assert not unused, f"nobody says: {sorted(unused)}"


def test_nothing_is_written_into_the_page_that_its_policy_forbids():
    index = (PAGE / "index.html").read_text("utf-8")
    assert not re.findall(r"<script(?![^>]*\ssrc=)", index)
    for path in (PAGE / "index.html", *SCRIPTS):
        text = path.read_text("utf-8")
        assert not re.findall(r"\sstyle=|\son[a-z]+=\"", text), path.name
        assert not re.findall(r"\b(?:eval|Function)\(", text), path.name
        assert not re.findall(r"https?://(?!www\.w3\.org)", text), path.name


def test_types():
    """The types that the scripts name in comments hold: TypeScript says so, where npm brought it
    (`npm install --prefix build typescript@7.0.2`)."""
    if not COMPILER.is_file():
        if os.environ.get("CI"):
            pytest.fail(f"{COMPILER} is not there")
        pytest.skip("TypeScript is not there: npm install --prefix build typescript@7.0.2")
    order = [str(COMPILER), "--project", str(ROOT / "tools" / "page.tsconfig.json")]
    done = subprocess.run(order, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
