"""What `kuleshov index` says of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kuleshov.cli.main import main


def index(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["index", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout


def test_a_folder_without_a_film_says_what_is_in_it_and_fails(tmp_path: Path) -> None:
    folder, archive = tmp_path / "papers", tmp_path / "archive"
    folder.mkdir()
    code, said = index(folder, "--archive", archive)
    assert (code, said) == (1, f"There are no films in {folder}: nothing at all.\n")
    for name in ("a.jpg", "b.jpg", "c.txt", "d.xyz"):
        (folder / name).write_bytes(b"\0\1\2")
    code, said = index(folder, "--archive", archive)
    assert code == 1
    assert said == (
        f"There are no films in {folder}: only 2 pictures, 1 text, 1 other file (.xyz).\n"
    )
    code, said = index(folder, "--archive", archive, "--json")
    assert code == 1
    assert json.loads(said)["passed_over"] == {"other": 1, "picture": 2, "text": 1}


@pytest.mark.parametrize("name", ["a.mp4", "a.txt"])
def test_a_file_that_is_named_is_always_tried(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no film")
    code, said = index(tmp_path / name, "--archive", tmp_path / "archive")
    assert code == 1
    assert "1 skipped" in said
