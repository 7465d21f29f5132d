"""`kuleshov credits`, and `--credits` and `--burn-in`, on a project of small films."""

import json
from fractions import Fraction

import pytest
from click.testing import CliRunner

from fakes import Log, film_of_shots, quick_analyst
from films import clicks, make_film, numbered, read_film, read_sound
from kuleshov.archive.archive import write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.cli.main import main
from kuleshov.desk.appearance import Appearance
from kuleshov.desk.products import write_made
from kuleshov.edit.recut import Recut
from kuleshov.errors import ProjectError, UsageError
from kuleshov.footage import Slate
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.memory import slate_fields
from kuleshov.timeline import Card, Clip, Gap, Layout, Media, Sound, Timeline, Track

pytestmark = pytest.mark.slow

F = Fraction
SIZE = (192, 108)


@pytest.fixture
def timeline(tmp_path):
    source = make_film(tmp_path / "source.mp4", numbered(25, SIZE), sound=clicks([0.5], 1.0))
    sea = make_film(tmp_path / "sea.mp4", numbered(40, SIZE, first=100))
    about = {"kuleshov": slate_fields(Slate("The sea", "Anna", "CC BY 4.0"), "sea")}
    recut = (Clip(Media(sea, "sea"), F(5, 25), 20, metadata=about), Gap(5))
    beside = (Clip(Media(source, "src"), F(0), 25),)
    return Timeline(
        "Film",
        F(25),
        Layout.single(*SIZE),
        (Track("recut", recut), Track("source", beside)),
        Sound(Media(source, "src")),
        {"kuleshov": {"source_checksum": "src"}},
    )


@pytest.fixture
def project(timeline, tmp_path):
    write_otio(timeline, tmp_path / "film.otio")
    return tmp_path / "film.otio"


def call(*arguments):
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False, standalone_mode=False)


def cards(timeline):
    return [item for item in timeline.track("recut").items if isinstance(item, Card)]


def test_a_project_is_listed_and_the_list_written_beside_it(project):
    said = call("credits", project).stdout
    assert "source (source of the cut)" in said
    assert "No licence is known of 1 of 2 films used: source.mp4." in said
    assert project.with_name("film.credits.txt").read_text().strip() in said
    found = json.loads(project.with_name("film.credits.json").read_text())
    assert [(c["title"], c["licence"], len(c["seen"])) for c in found["credits"]] == [
        ("", "", 0),
        ("The sea", "CC BY 4.0", 1),
    ]


def test_the_list_can_go_elsewhere_and_to_a_program(project, tmp_path):
    (tmp_path / "lists").mkdir()
    answer = json.loads(
        call("credits", project, "-o", tmp_path / "lists" / "v1.2", "--json").stdout
    )
    assert answer["film"] == "v1.2"
    assert answer["files"] == [
        str(tmp_path / "lists" / f"v1.2.credits.{suffix}") for suffix in ("txt", "json")
    ]
    assert not project.with_name("film.credits.txt").exists()
    with pytest.raises(UsageError, match="Nothing can be written"):
        call("credits", project, "-o", tmp_path / "no" / "x")
    with pytest.raises(ProjectError, match="not an OpenTimelineIO file"):
        call("credits", tmp_path / "sea.mp4")


def test_slates_entered_later_reach_a_project(tmp_path):
    folder, root = tmp_path / "footage", tmp_path / "archive"
    folder.mkdir()
    path = film_of_shots(folder / "train.mp4", (60, 180))
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [folder], analyst, Log())
        (film,) = archive.catalogue.all()
    clip = Clip(Media(path, film.checksum), F(0), 5, metadata={"kuleshov": {"shot": 3}})
    project = tmp_path / "film.otio"
    track = Track("recut", (clip,))
    write_otio(Timeline("Film", F(10), Layout.single(64, 48), (track,)), project)
    call("credits", project, "--archive", root)
    assert not project.with_name("film.1.otio").exists()
    call("slate", "train", "title=The train", "licence=CC0", "--archive", root)
    assert "licence   not known" in call("credits", project).stdout
    assert "licence   CC0" in call("credits", project, "--archive", root).stdout
    assert "licence   CC0" in call("credits", project).stdout
    assert project.with_name("film.1.otio").exists()
    (again,) = read_otio(project).tracks[0].items
    assert again.metadata["kuleshov"]["shot"] == 3


@pytest.mark.parametrize("beside", [(), ("--side-by-side",)])
def test_a_film_ends_with_credits(project, tmp_path, beside):
    out = tmp_path / "out.mp4"
    answer = json.loads(call("render", project, "-o", out, "--credits", "--json", *beside).stdout)
    (film,) = answer["films"]
    assert film["frames"] == 25 + 12 + 75  # the film, black, and a page for 3 s
    pictures = read_film(out)
    right = [picture.luma[:, -SIZE[0] :] for picture in pictures]
    assert right[30].max() < 20
    assert right[50].max() > 150
    sound, rate, _ = read_sound(out)
    assert sound.shape[1] / rate == pytest.approx(1.0, abs=0.05)
    assert any("No licence is known" in note for note in answer["notes"])
    found = json.loads((tmp_path / "out.credits.json").read_text())["credits"]
    assert [len(c["seen"]) for c in found] == [1 if beside else 0, 1]
    assert answer["credits"] == [str(tmp_path / f"out.credits.{s}") for s in ("txt", "json")]
    assert not cards(read_otio(project))  # a project that is only rendered stays as it is


def test_without_credits_nothing_is_listed(project, tmp_path):
    answer = json.loads(call("render", project, "-o", tmp_path / "out.mp4", "--json").stdout)
    assert answer["credits"] == answer["notes"] == []
    assert answer["films"][0]["frames"] == 25
    assert not list(tmp_path.glob("*.credits.*"))


def test_captions_are_burnt_in(project, tmp_path):
    call("render", project, "-o", tmp_path / "plain.mp4")
    call("render", project, "-o", tmp_path / "out.mp4", "--burn-in")
    plain, captioned = (read_film(tmp_path / f"{name}.mp4")[9].luma for name in ("plain", "out"))
    assert captioned[-25:].max() > 200 > plain[-25:].max()


def test_a_recuts_project_keeps_its_credits_and_they_are_not_doubled(timeline, tmp_path):
    looks = Appearance("alone", credits=True), Appearance("side-by-side", credits=True)
    products = write_made(Recut(timeline, ()), tmp_path / "cut.mp4", looks)
    assert [film.frames for film in products.of("film")] == [112, 112]
    assert [one.path.name for one in products.of("credits")] == [
        "cut.credits.txt",
        "cut.credits.json",
        "cut-side-by-side.credits.txt",
        "cut-side-by-side.credits.json",
    ]
    project = read_otio(tmp_path / "cut.otio")
    assert [card.text for card in cards(project)] == [
        "source\nsource of the cut\n\nThe sea\nAnna · CC BY 4.0"
    ]
    for more in ((), ("--credits",)):
        call("render", tmp_path / "cut.otio", "-o", tmp_path / "again.mp4", *more)
        assert len(read_film(tmp_path / "again.mp4")) == 112
