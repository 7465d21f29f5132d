"""`kuleshov read`, `shots --tags`, `search` and filters by tag, with the real networks."""

import json
from fractions import Fraction

import click
import numpy as np
import pytest
from click.testing import CliRunner

from films import clicks, flat, make_film
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.errors import KuleshovError
from kuleshov.features.tags import Tag, phrase
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

pytestmark = pytest.mark.slow

SIZE = (160, 90)
RATE = 20


def ground(seed):
    """Hard-edged blocks of two sizes: soft ones would be out of focus, and not be offered."""
    rng = np.random.default_rng(seed)
    fine = np.kron(rng.random((12, 50)), np.ones((8, 8)))[:90]
    coarse = np.kron(rng.random((4, 16)), np.ones((24, 25)))[:90]
    return (fine + coarse) / 2


def panned(seed, low, high, frames=30):
    """A camera that pans to the right over blobs from `low` to `high`."""
    luma = low + ground(seed) * (high - low)
    for frame in range(frames):
        picture = flat(128, size=SIZE)
        picture[: SIZE[1]] = luma[:, frame : frame + SIZE[0]]
        yield picture


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("read")
    (root / "footage").mkdir()
    dark, bright = (16, 105), (140, 235)
    pictures = [*panned(1, *dark), *panned(2, *bright)]
    make_film(root / "footage" / "one.mp4", pictures, RATE)
    make_film(root / "source.mp4", [*panned(3, *dark), *panned(4, *bright)], RATE,
              sound=clicks([0.5], 3.0))  # fmt: skip
    result = invoke("index", root / "footage", "--archive", root / "archive")
    assert result.exit_code == 0, result.output
    return root


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def fails(*arguments):
    with pytest.raises((KuleshovError, click.ClickException)) as caught:
        CliRunner().invoke(
            main, [str(a) for a in arguments], catch_exceptions=False, standalone_mode=False
        )
    return told(caught.value)


def test_shots_with_their_tags(world):
    plain = json.loads(invoke("shots", world / "source.mp4", "--json").stdout)
    assert not any("tags" in shot for shot in plain["shots"])
    told = json.loads(invoke("shots", world / "source.mp4", "--tags", "--json").stdout)
    first, second = ({tag["kind"]: tag for tag in shot["tags"]} for shot in told["shots"])
    assert (first["light"]["word"], second["light"]["word"]) == ("low key", "high key")
    assert first["camera"]["word"] == "pan right"
    assert first["camera"]["value"] == pytest.approx(RATE / SIZE[0], rel=0.2)
    assert set(first["camera"]) == {"kind", "word", "share", "value"}
    lines = invoke("shots", world / "source.mp4", "--tags").stdout.splitlines()
    assert len(lines) == 5
    assert "pan right" in lines[2]
    assert "low key" in lines[2]


def test_search_says_what_both_share(world):
    arguments = ("search", "--like", world / "source.mp4", "--for", "1",
                 "--archive", world / "archive")  # fmt: skip
    best = json.loads(invoke(*arguments, "--json").stdout)["hits"][0]
    assert {"low key", "pan right"} <= {tag["word"] for tag in best["tags"]}
    assert best["why"].startswith("both: ")
    assert "low key" in best["why"]
    assert "           both: " in invoke(*arguments).stdout


def test_only_and_exclude_by_tag(world):
    arguments = ("search", "--like", world / "source.mp4", "--for", "1",
                 "--archive", world / "archive", "--json", "-k", "50")  # fmt: skip
    for options, starts in ((("--only", "tag:high key"), 1.5), (("--exclude", "tag:low key"), 1.5)):
        found = json.loads(invoke(*arguments, *options).stdout)["hits"]
        assert found
        assert all(one["start_s"] >= starts for one in found)
    error = fails(*arguments, "--only", "tag:high kye")
    assert "tag:high key" in error


def test_recut_and_its_page(world):
    out = world / "out.mp4"
    made = invoke("recut", world / "source.mp4", "-o", out, "--archive", world / "archive")
    assert made.exit_code == 0, made.output
    text = (world / "out.otio").read_text()
    assert '"why": "both: ' in text
    result = invoke("read", world / "out.otio", "-o", world / "out.html", "--json")
    answer = json.loads(result.stdout)
    page = (world / "out.html").read_text("utf-8")
    assert answer["bytes"] == len(page.encode())
    assert page.count('class="pair"') == answer["shots"] == 2
    assert "Both: " in page
    assert "<h2>Rhythm</h2>" in page
    # A shot has the same tags in the project, on its page and in the list of the source's shots.
    listed = json.loads(invoke("shots", world / "source.mp4", "--tags", "--json").stdout)
    clips = [clip for clip in read_otio(world / "out.otio").recut.items if isinstance(clip, Clip)]
    assert [clip.metadata["kuleshov"]["tags"]["source"] for clip in clips] == [
        [
            phrase(Tag(tag["kind"], tag["word"], tag["share"], tag.get("value")))
            for tag in shot["tags"]
        ]
        for shot in listed["shots"]
    ]


def test_a_film_of_its_own(world):
    result = invoke("read", world / "source.mp4", "-o", world / "pages" / "a.html")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("a.html: 2 shots.\n")
    page = (world / "pages" / "a.html").read_text("utf-8")
    assert 'id="shot-1"' in page
    assert "<h1>source</h1>" in page
    assert "pan right" in page


def test_a_project_whose_source_is_gone(world):
    there = world / "footage" / "one.mp4"
    items = (Clip(Media(there), Fraction(0), 20),)
    source = (Clip(Media(world / "gone.mp4"), Fraction(0), 20),)
    tracks = (Track("recut", items), Track("source", source))
    timeline = Timeline("Lost", Fraction(20), Layout.single(*SIZE), tracks)
    write_otio(timeline, world / "lost.otio")
    result = invoke("read", world / "lost.otio", "-o", world / "lost.html")
    assert result.exit_code == 0, result.output
    page = (world / "lost.html").read_text("utf-8")
    assert "gone.mp4" in page
    assert "<h2>Rhythm</h2>" not in page
    assert page.count("<img") == 2


def test_wrong_calls_say_so(world, tmp_path):
    assert ".html" in fails("read", world / "source.mp4", "-o", tmp_path / "a.pdf")
    assert "is not there" in fails("read", tmp_path / "none.mp4", "-o", tmp_path / "a.html")
    (tmp_path / "text.otio").write_text("no project")
    assert "text.otio" in fails("read", tmp_path / "text.otio", "-o", tmp_path / "a.html")
    assert not list(tmp_path.glob("*.html"))
