"""What is wrong with a call is said before any film is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cli.test_cli import scene
from films import make_film
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.desk.desk import Desk
from kuleshov.errors import KuleshovError, MediaNotFound
from kuleshov.features.analyse import Analyst

pytestmark = pytest.mark.slow


def call(*arguments: object) -> Any:
    return CliRunner().invoke(
        main, [str(a) for a in arguments], standalone_mode=False, catch_exceptions=True
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of one film, a source, and places where nothing can be written."""
    root = tmp_path_factory.mktemp("world")
    make_film(root / "footage.mp4", [*scene(10, 30, 0), *scene(42, 30, 30)], 25)
    make_film(root / "source.mp4", [*scene(71, 25, 100), *scene(72, 25, 200)], 25)
    done = call("index", root / "footage.mp4", "--archive", root / "archive")
    assert done.exit_code == 0, done.output
    (root / "film.mp4").mkdir()
    (root / "kept.otio").mkdir()
    (root / "full").symlink_to("/proc/self/fdinfo")  # nobody may write there, root neither
    return root


SOURCE, OUT, ARCHIVE = "{0}/source.mp4", "-o {0}/out.mp4", "--archive {0}/archive"
RECUT = f"recut {SOURCE} {ARCHIVE}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{RECUT} {OUT} --in 1 --out 0.5", "does not come after"),
        (f"{RECUT} {OUT} --in 1 --out 1", "does not come after"),
        (f"{RECUT} {OUT} --out 0", "does not come after"),
        (f"{RECUT} -o {{0}}/out.avi", "must end in"),
        (f"{RECUT} -o {{0}}/out.mov --codec av1", "must end in"),
        (f"{RECUT} {OUT} --codec prores", "must end in"),
        (f"{RECUT} {OUT} --crf 70", "crf"),
        (f"{RECUT} -o {{0}}/film.mp4", "is a folder"),
        (f"{RECUT} -o {{0}}/kept.mp4", "is a folder"),
        (f"{RECUT} -o {{0}}/film.mp4", "name the film to write, such as"),
        (f"{RECUT} -o {{0}}", "is a folder: name the film to write"),
        (f"{RECUT} {OUT} --by colour", "did you mean tone"),
        (f"{RECUT} {OUT} --by compositon", "did you mean composition"),
        (f"{RECUT} {OUT} --by sound", "there are look, subject"),
        (f"{RECUT} -o {{0}}/full/out.mp4", "Nothing can be written"),
        (f"{RECUT} -o {{0}}/source.mp4/out.mp4", "cannot be made"),
        (f"{RECUT} -o {SOURCE}", "is the source itself"),
        (f"{RECUT} {OUT} --only nothing.mp4", "nothing.mp4"),
        (f"{RECUT} {OUT} --only bin:nothing", "nothing"),
        (f"{RECUT} {OUT} --exclude tag:nothing", "nothing"),
        (f"{RECUT} {OUT} --weights subject=x", "not a weight"),
        (f"{RECUT} {OUT} --weights nothing=1", "nothing"),
        (f"{RECUT} {OUT} --weights subject=0", "above 0"),
        (f"{RECUT} {OUT} --tightness 2", "--tightness"),
        (f"{RECUT} {OUT} --size 3x3", "16 pixels"),
        (f"{RECUT} {OUT} --variants 0", "variant"),
        (f"recut {SOURCE} {OUT} --archive {{0}}/nowhere", "no archive"),
        (f"recut {{0}}/nothing.mp4 {OUT} {ARCHIVE}", "not there"),
        (f"gif {SOURCE} -o {{0}}/full/o.gif {ARCHIVE}", "Nothing can be written"),
        (f"gif {SOURCE} -o {{0}}/o.gif {ARCHIVE} --only bin:nothing", "nothing"),
        (f"gif {SOURCE} -o {{0}}/o.gif --archive {{0}}/nowhere", "no archive"),
        (f"search --like {SOURCE} {ARCHIVE} --sheet {{0}}/full/s.png", "Nothing can be written"),
        (f"search --like {SOURCE} {ARCHIVE} --only bin:nothing", "nothing"),
        (f"search --like {SOURCE} --archive {{0}}/nowhere", "no archive"),
        (f"supercut --like {SOURCE} {ARCHIVE} -o {{0}}/full/s.mp4", "Nothing can be written"),
        (f"supercut --like {SOURCE} {ARCHIVE} {OUT} --only bin:nothing", "nothing"),
        (f"supercut --like {SOURCE} {OUT} --archive {{0}}/nowhere", "no archive"),
        (f"grid --like {SOURCE} {ARCHIVE} {OUT} --page {{0}}/full/p.html", "Nothing can be"),
        (f"grid --like {SOURCE} {OUT} --archive {{0}}/nowhere", "no archive"),
        (f"read {SOURCE} -o {{0}}/full/page.html", "Nothing can be written"),
        (f"read {SOURCE} -o {{0}}/page.txt", "not a page"),
        ("demo --footage {0}/nothing -o {0}/demo", "does not exist"),
        ("demo --source {0}/nothing.mp4 -o {0}/demo", "not there"),
        ("demo -o {0}/full/demo", "cannot be made"),
        ("see look sea {0}/source.mp4 -o {0}/full/s.mp4", "Nothing can be written"),
        ("see look nothing {0}/source.mp4 -o {0}/s.mp4", "nothing"),
    ],
)
def test_it_is_said_first(
    world: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    def looked(*_: object, **__: object) -> None:
        raise AssertionError("a film was looked at")

    for name in ("analyse", "describe", "index"):
        monkeypatch.setattr(Analyst, name, looked)
    done = call(*line.format(world).split())
    assert isinstance(done.exception, click.ClickException | KuleshovError), done.exception
    error = done.exception
    text = told(error) if isinstance(error, KuleshovError) else error.message
    assert said in text
    assert "looked at" not in text


def test_what_is_wrong_with_a_source_is_said_before_the_archive_is_opened(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film that is not there, and one whose end comes before --in, cost no network and no row."""

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the archive was opened, or a network compiled")

    monkeypatch.setattr(Desk, "stock", opened)
    monkeypatch.setattr(Desk, "analyst", property(opened))
    archive = ("--archive", world / "archive")
    nowhere, late = world / "nothing.mp4", world / "late.mp4"
    for line in (
        ("recut", nowhere, "-o", late),
        ("recut", nowhere, "-o", late, "--in", "1:00"),
        ("search", "--like", nowhere),
        ("supercut", "--like", nowhere, "-o", late),
        ("grid", "--like", nowhere, "-o", late),
        ("gif", "--like", nowhere, "-o", world / "late.gif"),
    ):
        done = call(*line, *archive)
        assert isinstance(done.exception, MediaNotFound), (line, done.exception)
    late_in = ("recut", world / "source.mp4", "-o", late, *archive, "--in")
    done = call(*late_in, "1:00")
    assert "source.mp4 is shorter: it has no picture at 60 s." in str(done.exception)
    # The last of its 50 pictures begins at 1.96 s.
    assert isinstance(call(*late_in, "1.96").exception, AssertionError)
    assert "is shorter" in str(call(*late_in, "2").exception)
