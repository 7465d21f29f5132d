"""What `kuleshov index` says of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kuleshov.cli.main import main

pytestmark = pytest.mark.slow


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


def test_a_rate_that_is_none_and_a_folder_without_numbered_pictures(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    archive = ("--archive", tmp_path / "archive")
    for rate in ("x", "0", "1000", "1/0", "nan"):
        code, _ = index(tmp_path / "scan", "--rate", rate, *archive)
        assert code == 2
    result = CliRunner().invoke(main, ["index", str(tmp_path / "scan"), "--rate", "18"])
    assert "no numbered pictures" in str(result.exception or result.output)


def test_numbered_pictures_are_hinted_at(tmp_path: Path) -> None:
    folder = tmp_path / "my scan"
    folder.mkdir()
    for number in range(50):
        (folder / f"s{number:04d}.dpx").write_bytes(b"x")
    result = CliRunner().invoke(main, ["index", str(folder), "--archive", str(tmp_path / "a")])
    assert result.exit_code == 1
    assert f"`kuleshov index '{folder}' --rate 18`" in result.output
