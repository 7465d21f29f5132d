"""Where no terminal shows bars, lines on stderr say what is done; stdout has the answer only."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock

from films import make_film, numbered
from kuleshov.cli import common
from kuleshov.cli import telling as lines
from kuleshov.cli.main import main

pytestmark = pytest.mark.slow


def test_a_line_when_a_step_begins_and_lines_while_it_lasts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "EVERY", 0.01)
    told = ""

    def wait_for(text: str) -> None:
        nonlocal told
        until = time.monotonic() + 30
        while text not in told and time.monotonic() < until:
            time.sleep(0.01)
            told += capsys.readouterr().err
        assert text in told

    with lines.telling() as job:
        with job.step("looking at film.mp4", unit="frames") as step:
            wait_for("Looking at film.mp4 ...\n")
            wait_for("looking at film.mp4: after 0 s\n")
            step.at(1200, 4800)
            wait_for("looking at film.mp4: 1,200 of 4,800 (25%), after ")
            step.at(4800)
            capsys.readouterr()
            told = ""
            with job.step("next.mp4", of=10) as inner:
                wait_for("next.mp4: 0 of 10 (0%), after ")
                inner.outcome = "added"
            wait_for("added    next.mp4  0 s\n")
            assert "4,800 of" not in told  # what is done is not told again
            assert "Next.mp4" not in told  # nor what is a part of something else
        capsys.readouterr()
        time.sleep(0.05)
        assert capsys.readouterr() == ("", "")
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


def test_of_each_file_it_is_said_how_many_are_done_and_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name, first in (("a", 0), ("b", 40), ("c", 80)):
        make_film(tmp_path / "films" / f"{name}.mp4", numbered(30, first=first), 25)
    arguments = ["index", str(tmp_path / "films"), "--archive", str(tmp_path / "archive")]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    told = [line for line in done.stderr.splitlines() if line.startswith("added")]
    lines = [re.fullmatch(r"added {4}(.\.mp4) {2}\d+ s {2}\((.*)\)", line) for line in told]
    # Films that are looked at side by side may end in any order.
    assert sorted(line[1] for line in lines if line) == ["a.mp4", "b.mp4", "c.mp4"]
    assert [re.sub(r"\d+ s\b", "N s", line[2]) for line in lines if line] == [
        "1 of 3, about N s left",
        "2 of 3, about N s left",
        "3 of 3",
    ]


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
