"""The script in docs/choosing.md runs."""

import re
from pathlib import Path

import pytest

from cli.test_choosing import world
from films import read_film

pytestmark = pytest.mark.slow

__all__ = ["world"]  # a fixture

PAGE = Path(__file__).parents[2] / "docs" / "choosing.md"


def test_the_script_about_choosing_runs(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KULESHOV_SOURCES", str(tmp_path / "sources"))
    scripts = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(scripts) == 3
    given = {
        "archive_folder": world / "archive",
        "trailer": world / "source.mp4",
        "project": tmp_path / "mine.otio",
        "out": tmp_path / "mine.mp4",
    }
    for script in scripts:
        exec(compile(script, str(PAGE), "exec"), given)
    assert len(read_film(given["out"])) == 100
    assert capsys.readouterr().out.startswith("1 film")
    assert (tmp_path / "mine.1.otio").exists(), "the project that was there is kept"
