"""The whole tool on small films made here, with the real networks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from films import clicks, make_film, numbered_picture, read_film, read_number, read_sound
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.desk import products
from kuleshov.project.file import read_otio
from kuleshov.timeline import Clip

pytestmark = pytest.mark.slow

SIZE = (192, 108)
RATE = 25


def scene(seed, frames, first):
    """`frames` pictures of a moving pattern; each carries its number in the middle.

    Seeds differ in the kind of pattern, its scale, direction and colours, so that the networks can
    tell them apart.
    """
    rng = np.random.default_rng(seed)
    width, height = SIZE
    y, x = np.mgrid[:height, :width].astype(float)
    period, angle = rng.uniform(8, 60), rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    low, high = rng.uniform(20, 90), rng.uniform(130, 235)
    u, v = rng.integers(60, 196, (2, 2))
    for index in range(frames):
        moved = 0.25 * index  # an edge that runs across the whole picture would be a wipe
        t = 2 * np.pi * (along + moved) / period
        wave = (
            np.sign(np.sin(t)),
            np.sin(t) * np.sin(2 * np.pi * across / period),
            np.sign(np.sin(t) * np.sin(2 * np.pi * across / period)),
            np.sin(np.hypot(x - width * 0.2 - moved, y - height / 2) / period * 6),
            np.clip((along + moved - 60) / 80, -1, 1),
        )[seed % 5]
        pattern = low + (wave + 1) / 2 * (high - low)
        picture = numbered_picture(first + index, SIZE)
        inside = picture[:height] != 120
        picture[:height] = np.where(inside, picture[:height], pattern.astype(np.uint8))
        mixed = (wave[::2, ::2] > 0).astype(int)
        picture[height:] = np.concatenate([u[mixed], v[mixed]]).reshape(-1, width)
        yield picture


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive of 8 films of two shots each, and a source of 5 shots with sound."""
    root = tmp_path_factory.mktemp("world")
    folder = root / "footage"
    folder.mkdir()
    for film in range(8):
        pictures = [*scene(10 + film, 60, film * 200), *scene(42 + film, 60, film * 200 + 60)]
        make_film(folder / f"film{film}.mp4", pictures, RATE)
    (folder / "notes.mp4").write_text("this is no film")
    (folder / "empty.mp4").touch()
    source = [p for shot in range(5) for p in scene(70 + shot, 30, 2000 + shot * 30)]
    make_film(root / "source.mp4", source, RATE, sound=clicks([0.5, 3.0], 6.2), sound_rate=48000)
    result = invoke("index", folder, "--archive", root / "archive", "--json")
    assert result.exit_code == 0, result.output
    (root / "index.json").write_text(result.stdout)
    return root


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def fails(error, *arguments):
    with pytest.raises(error) as caught:
        CliRunner().invoke(
            main, [str(a) for a in arguments], catch_exceptions=False, standalone_mode=False
        )
    return told(caught.value)


@pytest.fixture(scope="module")
def made(world):
    result = invoke(
        "recut", world / "source.mp4", "-o", world / "out.mp4", "--side-by-side",
        "--archive", world / "archive", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_index_adds_what_it_can_and_names_what_it_cannot(world):
    summary = json.loads((world / "index.json").read_text())
    assert [Path(p).name for p in summary["added"]] == [f"film{n}.mp4" for n in range(8)]
    assert {Path(f["path"]).name for f in summary["failed"]} == {"notes.mp4", "empty.mp4"}
    assert all(f["reason"].endswith(".") for f in summary["failed"])
    assert summary["shots"] == 16


def test_index_again_skips_what_it_knows(world):
    result = invoke("index", world / "footage", "--archive", world / "archive", "--json")
    again = json.loads(result.stdout)
    assert (len(again["known"]), again["added"]) == (8, [])
    assert (
        "8 already known"
        in invoke("index", world / "footage", "--archive", world / "archive").stdout
    )


def test_info_says_what_is_there(world):
    info = json.loads(invoke("info", "--archive", world / "archive", "--json").stdout)
    assert len(info["footage"]) == 8
    assert all(film["frames"] == 120 and film["shots"] == 2 for film in info["footage"])
    assert {model["name"] for model in info["models"]} >= {"transnetv2", "efficientnet-lite0"}
    assert info["compiled"]["files"] > 0
    assert info["compiled"]["bytes"] > 1e6
    nothing = json.loads(invoke("info", "--archive", world / "nowhere", "--json").stdout)
    assert not nothing["exists"]


def test_shots_tile_the_film(world):
    answer = json.loads(invoke("shots", world / "source.mp4", "--json").stdout)
    assert (answer["frames"], answer["rate"]) == (150, "25")
    shots = answer["shots"]
    assert [shot["number"] for shot in shots] == [1, 2, 3, 4, 5]
    assert [shot["first_frame"] for shot in shots] == [0, 30, 60, 90, 120]
    assert [shot["end_frame"] for shot in shots] == [30, 60, 90, 120, 150]
    assert shots[0]["transition"] == {"kind": "none", "first_frame": 0, "end_frame": 0}
    assert shots[1]["transition"] == {"kind": "cut", "first_frame": 30, "end_frame": 30}
    assert (shots[1]["start"], shots[1]["start_s"]) == ("6/5", 1.2)


def test_recut_is_exact_to_the_frame(world, made):
    frames = read_film(world / "out.mp4")
    assert len(frames) == 150
    timeline = read_otio(Path(made["projects"][0]))
    expected: list[int] = []
    for item in timeline.track("recut").items:
        assert isinstance(item, Clip)
        film = int(item.media.path.stem.removeprefix("film"))
        first = film * 200 + round(item.start * RATE)
        expected += range(first, first + item.duration)
    left = [read_number(frame.luma[:, : SIZE[0]]) for frame in frames]
    right = [read_number(frame.luma[:, SIZE[0] :]) for frame in frames]
    assert left == list(range(2000, 2150))
    assert right == expected
    assert len(set(right)) == 150  # nothing is shown twice


def test_recut_keeps_the_sound(world, made):
    assert made["films"][0]["sound"] == "copied"
    one, rate, start = read_sound(world / "source.mp4")
    other, other_rate, other_start = read_sound(world / "out.mp4")
    assert (rate, start) == (other_rate, other_start)
    assert np.array_equal(one, other)


def test_recut_leaves_a_project_and_a_sheet(made):
    assert Path(made["projects"][0]).exists()
    assert [Path(path).exists() for path in made["sheets"]] == [True]
    assert all("not offered: bars" in note for note in made["notes"])  # stripes, as in test bars


def test_recut_again_gives_the_same_film_and_keeps_the_old_project(world, made):
    before = read_otio(Path(made["projects"][0]))
    old = world / "out.1.otio"
    result = invoke(
        "recut", world / "source.mp4", "-o", world / "out.mp4", "--archive", world / "archive"
    )
    assert result.exit_code == 0
    assert read_otio(old) == before == read_otio(Path(made["projects"][0]))


def test_a_part_of_the_source(world):
    out = world / "part.mp4"
    result = invoke(
        "recut", world / "source.mp4", "-o", out, "--in", "0.8", "--out", "0:00:02",
        "--archive", world / "archive", "--weights", "subject=1,composition=.5", "--mirror",
    )  # fmt: skip
    assert result.exit_code == 0
    assert len(read_film(out)) == 30
    samples, rate, _ = read_sound(out)
    assert samples.shape[1] == pytest.approx(1.2 * rate, abs=1024)


def test_shots_are_counted_from_1_everywhere(world):
    """A part of the source that begins and ends with a sliver, so that its second shot is the
    remake's first, from an archive that is too small, so that there is something to say."""
    import csv
    import re

    from kuleshov.render.sheet import SheetOptions, rows

    out = world / "counted.mp4"
    result = invoke(
        "recut", world / "source.mp4", "-o", out, "--in", "1.1", "--archive", world / "archive",
        "--only", "film0.mp4", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    timeline = read_otio(out.with_suffix(".otio"))
    numbered = [1, 2, 3, 4]
    track = timeline.recut
    assert sorted({item.metadata["kuleshov"]["shot"] for item in track.items}) == numbered
    borders = dict(zip(track.numbers()[::-1], track.ranges()[::-1], strict=True))
    assert {n: own.first for n, own in borders.items()} == {1: 0, 2: 33, 3: 63, 4: 93}
    drawn = [(row.number, row.time) for row in rows(timeline, SheetOptions(still=64))]
    assert {number for number, _ in drawn} == {*numbered}
    assert drawn[0] == (1, "0:00:00.000")
    notes = json.loads(result.stdout)["notes"]
    told = [re.findall(r"[Ss]hot (\d+)", text) for text in notes if re.match(r"Shot \d", text)]
    assert told
    shown = {n: [i for i, own in zip(track.items, track.numbers(), strict=True) if own == n]
             for n in numbered}  # fmt: skip
    for numbers in told:
        first, *other = ([*shown[int(n)]] for n in numbers)
        if other:  # repeats material of an earlier shot
            one, two = ((c.start, c.start + c.duration * c.speed / RATE) for c in
                        (first[0], other[0][0]))  # fmt: skip
            assert one[0] < two[1]
            assert two[0] < one[1]
        else:  # holds its last picture
            assert first[-1].speed == 0
    page = world / "counted.html"
    assert invoke("read", out.with_suffix(".otio"), "-o", page).exit_code == 0
    answered = re.findall(r'id="pair-(\d+)"', page.read_text())
    assert [int(n) for n in answered] == numbered
    for kind in ("json", "csv"):
        listed = world / f"counted.{kind}"
        assert invoke("export", out.with_suffix(".otio"), "-o", listed).exit_code == 0
    tracks = json.loads((world / "counted.json").read_text())["tracks"]
    items = next(one for one in tracks if one["name"] == "recut")["items"]
    assert [item["shot"] for item in items] == [*track.numbers()]
    with (world / "counted.csv").open(newline="") as file:
        assert [int(row["shot"]) for row in csv.DictReader(file)] == [*track.numbers()]
    known = {c["shot"] for item in items for c in item["candidates"]}
    assert known <= {1, 2}
    assert 2 in known
    invoke("bin", "firsts", "--add", "film*:1", "--archive", world / "archive")
    held = json.loads(invoke("bin", "firsts", "--archive", world / "archive", "--json").stdout)
    assert {shot["shot"] for shot in held["shots"]} == {1}
    assert {shot["first_frame"] for shot in held["shots"]} == {0}
    first = invoke("shots", world / "source.mp4").stdout.splitlines()[1]
    assert first.split()[0] == "1"


def test_render_a_project_that_was_changed(world, made):
    from dataclasses import replace

    from kuleshov.project.file import write_otio

    timeline = read_otio(Path(made["projects"][0]))
    recut = timeline.track("recut")
    first = recut.items[0]
    assert isinstance(first, Clip)
    other = replace(first, start=Fraction(7, RATE), usable=None)
    changed = replace(recut, items=(other, *recut.items[1:]))
    tracks = tuple(changed if t.name == "recut" else t for t in timeline.tracks)
    write_otio(replace(timeline, tracks=tracks), world / "changed.otio")
    result = invoke("render", world / "changed.otio", "-o", world / "changed.mp4")
    assert result.exit_code == 0
    frames = read_film(world / "changed.mp4")
    assert (frames[0].luma.shape[1], len(frames)) == (SIZE[0], 150)
    film = int(first.media.path.stem.removeprefix("film"))
    assert read_number(frames[0].luma) == film * 200 + 7


def test_search_finds_a_moment_again(world):
    result = invoke(
        "search", "--like", world / "footage" / "film3.mp4", "--at", "0.6", "--for", "1.4",
        "-k", "5", "--archive", world / "archive", "--json",
    )  # fmt: skip
    found = json.loads(result.stdout)["hits"]
    assert len(found) == 5
    assert Path(found[0]["footage"]).name == "film3.mp4"
    assert found[0]["start_s"] == pytest.approx(0.6, abs=0.13)
    assert found[0]["end_s"] - found[0]["start_s"] == pytest.approx(1.4 * found[0]["speed"])
    # Of faces and bodies nothing is said: there are none on either side.
    assert set(found[0]["facets"]) == {"subject", "composition", "tone", "motion"}
    scores = [candidate["score"] for candidate in found]
    assert scores == sorted(scores, reverse=True)


def test_search_by_a_picture(world, tmp_path):
    frame = read_film(world / "footage" / "film3.mp4")[30]
    from PIL import Image

    Image.fromarray(frame.luma).save(tmp_path / "still.png")
    result = invoke(
        "search", "--like", tmp_path / "still.png", "--for", "1", "--archive", world / "archive"
    )
    assert result.stdout.splitlines()[0].split()[2].endswith("film3.mp4")


def test_wrong_calls_and_impossible_work_say_so_in_a_sentence(world, tmp_path):
    from click import UsageError as CallError

    from kuleshov.errors import ArchiveError, MediaError, ProjectError, UsageError

    source, archive = world / "source.mp4", world / "archive"
    out = ("-o", tmp_path / "a.mp4")
    here = ("--archive", archive)
    like = ("search", "--like", source, "--weights", "mood=1")
    for error, word, arguments in (
        (ArchiveError, "kuleshov index", ("recut", source, *out, "--archive", tmp_path)),
        (MediaError, "not there", ("recut", "gone.mp4", *out, *here)),
        (MediaError, "no film", ("shots", world / "footage" / "notes.mp4")),
        (UsageError, "source.mp4", ("recut", source, *out, "--in", "9", *here)),
        (UsageError, "does not exist", ("index", tmp_path / "none", "--archive", tmp_path / "x")),
        (UsageError, ".mp4", ("recut", source, "-o", tmp_path / "a.avi", *here)),
        (UsageError, "source itself", ("recut", source, "-o", source, *here)),
        # What cannot be made is said before the archive is looked for.
        (UsageError, "even sides", ("recut", source, *out, "--size", "101x50")),
        (UsageError, "even number", ("recut", source, *out, "--gap", "41")),
        (UsageError, "0 to 51", ("recut", source, *out, "--crf", "60")),
        (CallError, "not a size", ("render", source, *out, "--size", "12x")),
        (UsageError, ".mov", ("recut", source, *out, "--codec", "prores")),
        (CallError, "not a time", ("recut", source, *out, "--in", "soon")),
        (UsageError, "no facet", (*like, *here)),
        (ProjectError, "OpenTimelineIO", ("render", source, *out)),
    ):  # fmt: skip
        message = fails(error, *arguments)
        assert word in message
        assert "\n" not in message
    assert not list(tmp_path.glob("*.mp4"))


def written(folder):
    with contextlib.suppress(FileNotFoundError):  # renamed between the two looks
        return any(path.stat().st_size for path in folder.iterdir())
    return True


@pytest.mark.parametrize("how", [("SIGINT",), ("SIGTERM",), ("SIGINT",) * 3])
def test_stopped_while_rendering_it_leaves_nothing_half_written(world, made, tmp_path, how):
    """Stopped once something has been written; however often."""
    (out := tmp_path / "out").mkdir()
    (temporary := tmp_path / "temporary").mkdir()
    command = [
        sys.executable,
        "-m",
        "kuleshov",
        "render",
        made["projects"][0],
        "-o",
        out / "a.mp4",
    ]
    with subprocess.Popen(
        [str(part) for part in command],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as process:
        while not written(out) and process.poll() is None:
            time.sleep(0.005)
        for one in how:
            process.send_signal(getattr(signal, one))
            time.sleep(0.1)
    if process.returncode:  # else it was done before the signal came
        assert process.returncode in (130, 143)
        assert list(out.iterdir()) == []
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SystemExit(143)])
def test_stopped_while_rendering_a_recut_it_says_how_to_go_on(
    world, tmp_path, monkeypatch, stopped
):
    def stop(*_, **__):
        raise stopped

    monkeypatch.setattr(products, "write_film", stop)
    out = tmp_path / "a film.mp4"
    arguments = ["recut", world / "source.mp4", "-o", out, "--archive", world / "archive"]
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code in (1, 130, 143)
    assert f"kuleshov render '{tmp_path}/a film.otio' -o '{out}'" in result.stderr
