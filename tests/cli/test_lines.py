"""Where no terminal shows bars, lines on stderr say what is done; stdout has the answer only."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock

from films import make_film, numbered
from kuleshov.cli import common
from kuleshov.cli.main import main


def test_a_line_when_a_step_begins_and_lines_while_it_lasts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "EVERY", 0.01)
    told = ""

    def wait_for(text: str) -> None:
        nonlocal told
        until = time.monotonic() + 30
        while text not in told and time.monotonic() < until:
            time.sleep(0.01)
            told += capsys.readouterr().err
        assert text in told

    with common.progress() as bars:
        task = bars.add_task("looking at film.mp4", total=None, speed="")
        wait_for("Looking at film.mp4 ...\n")
        wait_for("looking at film.mp4: after 0 s\n")
        bars.update(task, completed=1200, total=4800)
        wait_for("looking at film.mp4: 1,200 of 4,800 (25%), after ")
        bars.update(task, completed=4800)
        other = bars.add_task("", total=None, speed="")
        capsys.readouterr()
        bars.reset(other, description="next.mp4", total=10, speed="")
        told = ""
        wait_for("next.mp4: 0 of 10 (0%), after ")
        assert "4,800 of" not in told  # what is done is not told again
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_steps_are_told_on_stderr_and_the_answer_on_stdout(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", numbered(30), 25)
    for arguments in (
        ["shots", film, "--json"],
        ["index", film, "--archive", tmp_path / "archive", "--json"],
        ["read", film, "-o", tmp_path / "page.html", "--json"],
        ["search", "--like", film, "--archive", tmp_path / "archive", "--json"],
        ["see", "look", "sea", film, "-o", tmp_path / "o.mp4", "--size", "64x64", "--json"],
    ):
        done = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
        assert json.loads(done.stdout)
        first = {"index": "Indexing 1 file ..."}.get(str(arguments[0]), "Looking at film.mp4 ...")
        assert first in done.stderr.splitlines()


def test_who_waits_for_an_archive_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verb that changes an archive, while another process does."""
    film = make_film(tmp_path / "film.mp4", numbered(30), 25)
    root = tmp_path / "archive"
    CliRunner().invoke(main, ["index", str(film), "--archive", str(root)], catch_exceptions=False)
    held = FileLock(root / "lock")
    plain = common.note

    def said(text: str) -> None:
        plain(text)
        if "waiting until it is done" in text:
            held.release()

    monkeypatch.setattr(common, "note", said)
    for arguments in (
        ["bin", "one", "--add", "film.mp4:1"],
        ["slate", "film.mp4", "author=One"],
        ["relink", str(tmp_path)],
        ["index", str(film)],
    ):
        held.acquire()
        # Who waits without a word does not wait for ever, but fails below.
        patience = threading.Timer(20, held.release, kwargs={"force": True})
        patience.start()
        try:
            done = CliRunner().invoke(main, [*arguments, "--archive", str(root)])
        finally:
            patience.cancel()
            held.release(force=True)
        assert done.exit_code == 0, (arguments, done.output)
        assert f"Another process is writing to {root}" in done.stderr
