"""`kuleshov grid` and `kuleshov gif` on small films made here, with the real networks."""

import json
from pathlib import Path

import av
import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cli.test_cli import RATE, scene
from films import make_film
from kuleshov.cli import grid as grid_command
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.errors import ArchiveError, MatchError, MediaError, UsageError
from kuleshov.media.gif import read_times
from kuleshov.project.file import read_otio
from kuleshov.render.frames import frames
from kuleshov.timeline import Clip

pytestmark = pytest.mark.slow


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def answer(*arguments):
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(error, *arguments):
    with pytest.raises(error) as caught:
        CliRunner().invoke(
            main, [str(a) for a in arguments], catch_exceptions=False, standalone_mode=False
        )
    return told(caught.value)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive of 3 films of two shots each of 1.2 s."""
    root = tmp_path_factory.mktemp("grids")
    for film in range(3):
        pictures = [*scene(10 + film, 30, film * 200), *scene(42 + film, 30, film * 200 + 60)]
        make_film(root / f"film{film}.mp4", pictures, RATE)
    answer("index", *root.glob("*.mp4"), "--archive", root / "archive")
    return root


def archive(world):
    return ("--archive", world / "archive")


def decoded(path):
    with av.open(path) as container:
        return [f.to_ndarray(format="rgb24").astype(int) for f in container.decode(video=0)]


def test_a_grid_shows_different_shots_and_loops(world):
    out = world / "grid.mp4"
    made = answer(
        "grid", "--like", world / "film1.mp4", "-o", out, "--size", "2x2", "--length", "1.5",
        "--cell", "160x90", "--page", world / "grid.html", *archive(world),
    )  # fmt: skip
    (file,) = made["files"]
    assert (file["width"], file["height"], file["frames"]) == (320, 180, 38)
    project = read_otio(world / "grid.otio")
    cells: list[tuple[Path, int]] = []
    for track in project.tracks:
        clips = [item for item in track.items if isinstance(item, Clip)]
        shots = {(c.media.path, c.metadata["kuleshov"]["archive_shot"]) for c in clips}
        assert len(shots) == 1
        cells += shots
    assert len(set(cells)) == 4
    assert cells[0][0].name == "film1.mp4"  # what is most alike comes first
    # As rendered: what an encoder makes of sharp edges depends on where its key frames are.
    pictures = np.stack(list(frames(project))).astype(int)
    assert len(decoded(out)) == len(pictures) == 38
    steps = np.abs(pictures - np.roll(pictures, 1, axis=0)).mean(axis=(1, 2, 3))
    assert steps[0] <= steps[1:].max() * 1.1
    page = (world / "grid.html").read_text()
    assert '<video src="grid.mp4"' in page
    assert "film1.mp4" in page


def test_clusters_make_a_file_each_and_a_smaller_grid_is_said(world):
    made = answer(
        "grid", "--clusters", "2", "-o", world / "c.png", "--size", "2x1", "--cell", "64x36",
        "--page", world / "c.html", *archive(world),
    )  # fmt: skip
    assert [f["path"] for f in made["files"]] == [str(world / f"c-{n}.png") for n in (1, 2)]
    assert made["files"][0]["width"] == 128
    assert (world / "c.html").read_text().count("<img") == 2
    shown = [line for f in made["files"] for line in f["shots"]]
    assert len(shown) == len(set(shown)) == 4
    assert made["pages"] == [str(world / "c.html")]
    few = answer("grid", "--clusters", "9", "-o", world / "few.png", *archive(world))
    assert "instead of 3x3" in few["notes"][-1]
    assert "Of 9 clusters" in few["notes"][0]


def test_a_gif_that_answers_is_a_loop_with_words(world):
    invoke("bin", "wave", "--add", "film2.mp4", *archive(world))
    out = world / "wave.gif"
    made = answer(
        "gif", "--bin", "wave", "-o", out, "--caption", "Hello!", "--width", "160",
        "--max-size", "60kB", *archive(world),
    )  # fmt: skip
    assert out.stat().st_size <= 60_000
    assert read_times(out).loop == 0
    assert 100 <= sum(read_times(out).delays) <= 400
    assert "film2.mp4" in made["notes"][0]
    assert (world / "wave.otio").exists()
    webp = answer("gif", "--bin", "wave", "-o", world / "wave.webp", *archive(world))
    with Image.open(webp["files"][0]["path"]) as image:
        assert getattr(image, "n_frames", 1) == webp["files"][0]["frames"] > 5


def test_stopped_between_clusters_there_is_a_page_of_what_is_done(world, monkeypatch):
    written = grid_command._made

    def stop(cells, out, *given):
        if out.stem.endswith("-2"):
            raise KeyboardInterrupt
        return written(cells, out, *given)

    monkeypatch.setattr(grid_command, "_made", stop)
    page = world / "stopped.html"
    result = CliRunner().invoke(
        main,
        [
            *("grid", "--clusters", "2", "-o", str(world / "s.png"), "--size", "2x1"),
            *("--cell", "64x36", "--page", str(page), *map(str, archive(world))),
        ],
    )
    assert result.exit_code
    assert "Grid 1 of 2" in result.stderr
    assert page.read_text().count("<img") == 1


def test_a_gif_is_not_made_of_what_does_not_answer(world):
    out = world / "violin.gif"
    for words in ("violin", "surprise"):
        said = fails(MatchError, "gif", words, "-o", out, *archive(world))
        assert f"Nothing in the archive clearly shows {words!r}" in said
    assert not out.exists()
    answer("gif", "violin", "--drift", "0.5", "-o", out, *archive(world))
    assert out.exists()


def test_a_remade_gif_keeps_its_delays_its_shots_and_how_often_it_plays(world):
    pictures = [Image.fromarray(p.astype(np.uint8)) for p in decoded(world / "film0.mp4")[::5]]
    delays = [50, 70, 30, 200, 60, 90, 40, 20, 50, 500, 60, 70]
    source = world / "reaction.gif"
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=delays, loop=1)
    out = world / "remade.gif"
    made = answer("gif", source, "-o", out, *archive(world))
    assert read_times(out).delays == tuple(d // 10 for d in delays)
    assert read_times(out).loop == read_times(source).loop == 2
    assert (made["files"][0]["width"], made["files"][0]["frames"]) == (192, 12)
    recut = read_otio(world / "remade.otio")
    assert recut.rate == 100
    assert recut.sound is None


def test_a_gif_of_one_picture_is_remade(world):
    source = world / "one.gif"
    Image.fromarray(decoded(world / "film0.mp4")[0].astype(np.uint8)).save(source)
    made = answer("gif", source, "-o", world / "one_out.gif", *archive(world))
    assert made["files"][0]["frames"] == 1
    film = answer("gif", source, "-o", world / "one_out.mp4", *archive(world))
    assert film["files"][0]["frames"] >= 1


def test_wrong_calls_are_said_in_a_sentence(world, tmp_path):
    gif, grid = ("gif", "-o", tmp_path / "a.gif"), ("grid", "-o", tmp_path / "a.mp4")
    assert "is not there" in fails(click.UsageError, *gif, tmp_path / "none.gif", *archive(world))
    assert "is a folder" in fails(click.UsageError, *gif, world, *archive(world))
    assert "must end in" in fails(UsageError, "gif", "-o", tmp_path / "a.avi", "surprise")
    assert "is not a size" in fails(click.BadParameter, *gif, "surprise", "--max-size", "big")
    assert "--max-size is for" in fails(
        click.UsageError, "gif", "x", "-o", tmp_path / "a.mp4", "--max-size", "1MB"
    )
    for size in ("0x0", "20x20"):
        assert "1 to 64 cells" in fails(UsageError, *grid, "--clusters", 1, "--size", size)
    assert "is not a size" in fails(click.BadParameter, *grid, "--clusters", 1, "--size", "three")
    assert "Say what to show" in fails(click.UsageError, *grid)
    assert "leave WORDS" in fails(click.UsageError, *grid, "sea", "--clusters", 1)
    broken = tmp_path / "broken.mp4"
    broken.write_text("no film")
    assert "no film" in fails(MediaError, *grid, "--like", broken, *archive(world))
    assert "no archive" in fails(
        ArchiveError, *grid, "--clusters", 1, "--archive", tmp_path / "nowhere"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.mp4"]
