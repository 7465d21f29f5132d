"""Going on with a project from the command line: offers, takes, locks, refusals."""

import json
from pathlib import Path

import click
import pytest

from cli.test_cli import fails, invoke, scene
from films import clicks, make_film, read_film
from kuleshov.errors import ProjectError, UsageError
from kuleshov.features.analyse import Analyst
from kuleshov.project.file import read_otio
from kuleshov.project.memory import CutMemory
from kuleshov.timeline import Clip

pytestmark = pytest.mark.slow

RATE = 25


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive of five films of two shots each, and a project of a source of four shots."""
    root = tmp_path_factory.mktemp("choosing")
    folder = root / "footage"
    folder.mkdir()
    for film in range(5):
        pictures = [*scene(10 + film, 50, film * 200), *scene(42 + film, 50, film * 200 + 50)]
        make_film(folder / f"film{film}.mp4", pictures, RATE)
    source = [p for shot in range(4) for p in scene(70 + shot, 25, 2000 + shot * 25)]
    make_film(root / "source.mp4", source, RATE, sound=clicks([0.5], 4.2), sound_rate=48000)
    assert invoke("index", folder, "--archive", root / "archive").exit_code == 0
    result = invoke("recut", root / "source.mp4", "-o", root / "a.mp4", "--sheet-only",
                    "--archive", root / "archive")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert not (root / "a.mp4").exists()
    return root


@pytest.fixture
def project(world, tmp_path):
    """A copy of the project, to be changed."""
    path = tmp_path / "b.otio"
    path.write_text((world / "a.otio").read_text())
    return path


def offers(world, project, shot):
    result = invoke("offers", project, "--shot", shot, "--json", "--archive", world / "archive")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def go_on(world, project, *orders):
    result = invoke("recut", "--project", project, "--sheet-only", "--archive", world / "archive",
                    *orders)  # fmt: skip
    assert result.exit_code == 0, result.output
    return result


def shown(project):
    clips = [item for item in read_otio(project).recut.items if isinstance(item, Clip)]
    return {clip.metadata["kuleshov"]["slot"]: (clip.media.path.name, clip.start) for clip in clips}


def test_offers_are_numbered_as_they_are_taken(world, project):
    (told,) = offers(world, project, "2")["shots"]
    numbers = [one["number"] for one in told["offers"]]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert [one["number"] for one in told["offers"] if one["chosen"]] == [1]
    scores = [one["score"] for one in told["offers"][1:]]
    assert scores == sorted(scores, reverse=True)
    third = told["offers"][2]
    go_on(world, project, "--take", "2=3")
    name, start = shown(project)["2"]
    assert (name, str(start)) == (Path(third["footage"]).name, third["start"])
    again = offers(world, project, "2")["shots"][0]["offers"]
    assert (again[0]["footage"], again[0]["start"]) == (third["footage"], third["start"])
    said = invoke("offers", project, "--shot", "2-3", "--archive", world / "archive").stdout
    assert said.startswith("shot 2: 25 frames from 0:00:01.000")
    assert "shot 3: " in said


def test_the_old_project_is_kept_aside(world, project):
    before = project.read_text()
    result = go_on(world, project, "--take", "2=2")
    kept = project.with_name("b.1.otio")
    assert kept.read_text() == before
    assert f"is kept as {kept}" in result.output


def test_what_is_locked_stays_and_what_is_refused_is_gone(world, project):
    before = shown(project)
    go_on(world, project, "--take", "3=2", "--lock", "3", "--refuse", "1", "--slip", "4=2")
    after = shown(project)
    assert after["2"] == before["2"]
    assert after["3"] != before["3"]
    assert after["1"] != before["1"]
    name, start = before["4"]
    assert after["4"] == (name, start + 2 / read_otio(project).rate)
    go_on(world, project, "--fill", "--spread", "0")
    filled = shown(project)
    assert filled["3"] == after["3"]
    assert before["1"] not in filled.values()
    told = offers(world, project, "3")
    assert told["shots"][0]["locked"]
    (refused,) = told["refused"]
    assert before["1"][0] in refused
    error = fails(UsageError, "recut", "--project", project, "--take", "3=1",
                  "--archive", world / "archive")  # fmt: skip
    assert error == "Shot 3 is locked: unlock it first."
    go_on(world, project, "--unlock", "all", "--allow", "1")
    told = offers(world, project, "3")
    assert not told["shots"][0]["locked"]
    assert not told["refused"]


def test_one_shot_is_matched_again_by_other_weights(world, project):
    one, two = (json.dumps(offers(world, project, n)["shots"][0]["offers"]) for n in (1, 2))
    go_on(world, project, "--shot", "2", "--weights", "tone=1")
    assert json.dumps(offers(world, project, 1)["shots"][0]["offers"]) == one
    assert json.dumps(offers(world, project, 2)["shots"][0]["offers"]) != two
    memory = CutMemory.of(read_otio(project))
    assert memory.asked["2"]["match"]["weights"] == {"tone": 1.0}
    go_on(world, project, "--only", "film1.mp4", "--shot", "4")
    assert shown(project)["4"][0] == "film1.mp4"


def test_at_most_so_many_clips_of_one_footage(world, project):
    go_on(world, project, "--at-most", "1")
    names = [name for name, _ in shown(project).values()]
    assert len(set(names)) == len(names) == 4


def test_going_on_looks_at_no_source_again(world, project, monkeypatch, tmp_path_factory):
    looks = []
    analyse = Analyst.analyse

    def looked(self, path, *args, **options):
        looks.append(path)
        return analyse(self, path, *args, **options)

    monkeypatch.setattr(Analyst, "analyse", looked)
    go_on(world, project, "--take", "2=2")
    assert not looks
    monkeypatch.setenv("KULESHOV_SOURCES", str(tmp_path_factory.mktemp("forgotten")))
    go_on(world, project, "--take", "3=2")
    assert looks == [world / "source.mp4"]


def test_where_nothing_fits_the_film_says_so(world, project):
    result = go_on(world, project, "--own", "2", "--black", "3", "--still", "4")
    assert "Shot 2 is the source's own: nothing that is offered fits it." in result.output
    assert "Shot 3 is left black" in result.output
    assert "Shot 4 is a still of the source" in result.output
    assert shown(project)["2"][0] == shown(project)["4"][0] == "source.mp4"
    told = offers(world, project, "2-4")["shots"]
    assert [one["instead"] for one in told] == ["own", "black", "still"]
    go_on(world, project, "--fill")
    assert shown(project)["2"][0] == "source.mp4"
    go_on(world, project, "--take", "2=1")
    assert shown(project)["2"][0] != "source.mp4"


def test_a_film_of_the_project_shows_what_was_chosen(world, project, tmp_path):
    out = tmp_path / "c.mp4"
    result = invoke("recut", "--project", project, "-o", out, "--take", "2=2", "--hold", "1=5",
                    "--archive", world / "archive", "--json")  # fmt: skip
    made = json.loads(result.stdout)
    assert made["projects"] == [str(tmp_path / "c.otio")]
    assert project.exists()
    assert len(read_film(out)) == 100
    (held,) = [i for i in read_otio(tmp_path / "c.otio").recut.items if not i.speed]
    assert held.duration == 5


@pytest.mark.parametrize(
    ("orders", "error", "said"),
    [
        (("--take", "9=1"), UsageError, "There is no shot 9; the film has shots 1 to 4."),
        (("--take", "2=999"), UsageError, "Shot 2 has no offer 999: there are"),
        (("--take", "2"), click.UsageError, "'2' does not say it for a shot: write 23=3."),
        (("--take", "2=x"), click.UsageError, "has no whole number: write 23=3."),
        (("--slip", "2=-9999"), UsageError, "Shot 2 cannot be slipped by -9999"),
        (("--lock", "3-1"), click.UsageError, "does not run from one shot to a later one"),
        (("--in", "1"), click.UsageError, "--in belongs to a new recut"),
        (("--titles", "keep"), click.UsageError, "--titles belongs to a new recut"),
        (("--swap", "3"), UsageError, "--swap exchanges two shots: name two"),
        (("--allow", "1"), UsageError, "There is no refusal 1"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(world, project, orders, error, said):
    before = project.read_text()
    text = fails(error, "recut", "--project", project, *orders, "--archive", world / "archive")
    assert said in text
    assert project.read_text() == before
    assert [p.name for p in project.parent.iterdir()] == ["b.otio"]


def test_orders_need_a_project(world, tmp_path):
    source = world / "source.mp4"
    assert "--project" in fails(click.UsageError, "recut", source, "-o", tmp_path / "x.mp4",
                                "--lock", "3")  # fmt: skip
    assert "-o" in fails(click.UsageError, "recut", source)
    assert "Name a film" in fails(click.UsageError, "recut", "-o", tmp_path / "x.mp4")
    made = fails(ProjectError, "offers", tmp_path / "no.otio", "--shot", "1",
                 "--archive", world / "archive")  # fmt: skip
    assert "no.otio is not there" in made
