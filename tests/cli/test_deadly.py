"""Files that kill whatever decodes them, through the command line: each costs one sentence.

The processes that Kuleshov starts find a `sitecustomize` first on their path, by which opening a
file called `deadly` aborts, as damaged files make libraries do. In the process of the command line
itself opening it is an error: nothing may decode there what others wrote.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import av
import PIL.Image
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from cli.test_cli import RATE, scene
from films import make_film, noise
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.errors import KuleshovError, WorkerDied
from kuleshov.media.guard import guarded
from kuleshov.project.file import read_otio, write_otio
from kuleshov.report.film import sound_levels
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

pytestmark = pytest.mark.slow

F = Fraction
ARMED = """
import os
import av, PIL.Image

def arm(module):
    plain = module.open
    def opening(file, *more, **options):
        if "deadly" in os.path.basename(str(getattr(file, "name", file))):
            os.abort()
        return plain(file, *more, **options)
    module.open = opening

arm(av)
arm(PIL.Image)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive of two films, one of which is going to be deadly."""
    root = tmp_path_factory.mktemp("deadly")
    (root / "footage").mkdir()
    for number, name in enumerate(("good", "deadly")):
        pictures = [
            *scene(10 + number, 30, number * 200),
            *scene(42 + number, 30, number * 200 + 60),
        ]
        make_film(root / "footage" / f"{name}.mp4", pictures, RATE, sound=noise(2.4))
    result = CliRunner().invoke(
        main, ["index", str(root / "footage"), "--archive", str(root / "archive")]
    )
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def armed(world, tmp_path, monkeypatch):
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "sitecustomize.py").write_text(ARMED)
    monkeypatch.syspath_prepend(str(tmp_path / "arms"))
    for module in (av, PIL.Image):
        monkeypatch.setattr(module, "open", unopened(module.open))
    return world


def unopened(plain):
    def opening(file, *more, **options):
        assert "deadly" not in Path(str(getattr(file, "name", file))).name, (
            "opened in the main process"
        )
        return plain(file, *more, **options)

    return opening


def call(*arguments) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], standalone_mode=False)


def fine(*arguments) -> Result:
    result = call(*arguments)
    assert result.exception is None, (result.exception, result.output)
    return result


def failure(*arguments) -> str:
    error = call(*arguments).exception
    assert isinstance(error, KuleshovError), error
    return told(error)


def project(world, out: Path, *names: str, checksum: str = "") -> Path:
    """A project of one clip of each film, and the good one beside it as its source."""
    films = [world / "footage" / f"{name}.mp4" for name in names]
    clips = tuple(Clip(Media(film, checksum), F(0), 20) for film in films)
    source = Clip(Media(world / "footage" / "good.mp4"), F(0), 20 * len(films))
    tracks = (Track("recut", clips), Track("source", (source,), region="source"))
    write_otio(Timeline("film", F(25), Layout.side_by_side(192, 108), tracks), out)
    return out


def test_export_goes_on_without_it(armed, tmp_path):
    film = project(armed, tmp_path / "p.otio", "good", "deadly")
    result = fine("export", film, "-o", tmp_path / "p.edl")
    assert "deadly.mp4 could not be asked" in result.stderr
    assert "the process that decoded it ended with status" in result.stderr
    assert "good.mp4 could not" not in result.stderr


def test_slates_are_filled_from_the_others(armed, tmp_path):
    result = fine("slate", "--tags", "--archive", armed / "archive")
    assert result.stderr.count("Skipped: ") == 1
    assert "deadly.mp4: the process that decoded it ended" in result.stderr


def test_relink_does_not_guess_it(armed, tmp_path):
    film = project(armed, tmp_path / "p.otio", "good", "deadly")
    moved = tmp_path / "moved"
    (armed / "footage").rename(moved)
    try:
        result = fine("relink", moved, "--project", film, "--dry-run")
    finally:
        moved.rename(armed / "footage")
    assert "1 media would be relinked, 1 still missing" in result.stdout
    assert "deadly.mp4 has its name, but not its length" in result.stdout


def test_tones_of_the_others_are_matched(armed, tmp_path):
    film = project(armed, tmp_path / "p.otio", "good", "deadly")
    out = tmp_path / "out.mp4"
    result = fine("render", film, "-o", out, "--tone-match", "1")
    assert out.exists()
    assert "deadly.mp4: the process that decoded it ended" in result.stderr


def test_a_grid_goes_on_without_it(armed, tmp_path):
    fine("bin", "all", "--add", "good.mp4", "--add", "deadly.mp4", "--archive", armed / "archive")
    out = tmp_path / "grid.png"
    result = fine(
        *("grid", "--bin", "all", "--size", "2x1", "--length", "1", "-o", out),
        *("--archive", armed / "archive"),
    )
    assert out.exists()
    assert "Not shown: " in result.stderr
    assert "deadly.mp4: the process that decoded it ended" in result.stderr
    used = {
        item.media.path.stem for t in read_otio(out.with_suffix(".otio")).tracks for item in t.items
    }
    assert used == {"good"}


def test_training_goes_on_without_it(armed, tmp_path):
    result = fine(
        "see", "train", armed / "footage", "-o", tmp_path / "a.see", "--sheet-only", "--size", "64"
    )
    assert "deadly.mp4: the process that decoded it ended" in result.stderr
    assert (tmp_path / "a.training" / "pictures.jpg").exists()


def test_a_single_file_is_one_error(armed, tmp_path):
    for name in ("deadly.png", "deadly.gif"):
        Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / name)
    archive = ("--archive", armed / "archive")
    picture = failure("search", "--like", tmp_path / "deadly.png", *archive)
    moving = failure("gif", tmp_path / "deadly.gif", "-o", tmp_path / "o.gif", *archive)
    for said in (picture, moving):
        assert "the process that decoded it ended with status" in said
        assert "\n" not in said
    assert "deadly.png" in picture
    assert "deadly.gif" in moving


def test_the_page_of_a_project_says_it(armed, tmp_path):
    film = project(armed, tmp_path / "p.otio", "good", "deadly")
    result = fine("read", film, "-o", tmp_path / "p.html", "--json")
    assert json.loads(result.stdout)["shots"] == 2
    assert "Not to be seen here: " in result.stderr
    assert "deadly.mp4 (1 clip; the process that decoded it ended" in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(world, tmp_path):
    for name in ("a.png", "a.mp4"):
        os.mkfifo(tmp_path / name)
    archive = ("--archive", world / "archive")
    for call_it in (
        ("search", "--like", tmp_path / "a.png", *archive),
        ("see", "look", "sea", tmp_path / "a.mp4", "-o", tmp_path / "o.mp4"),
        ("see", "train", tmp_path / "a.png", "--sheet-only", "-o", tmp_path / "o.see"),
        ("shots", tmp_path / "a.mp4"),
        ("recut", tmp_path / "a.mp4", "-o", tmp_path / "o.mp4", *archive),
    ):
        assert "it is not a regular file" in failure(*call_it)
    (tmp_path / "folder.mp4").mkdir()
    assert "it is a folder" in failure("shots", tmp_path / "folder.mp4")


def test_sound_is_listened_to_elsewhere(armed):
    with pytest.raises(WorkerDied):
        guarded(sound_levels, armed / "footage" / "deadly.mp4", TimeRange(F(0), F(1)))
