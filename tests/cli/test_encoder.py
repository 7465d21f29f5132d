"""Another encoder than the bundled one, through the command line; a tiny one in the real format."""

import json

import pytest
from click.testing import CliRunner

from cli.test_cli import scene
from features.clip_model import make_model
from films import make_film
from kuleshov.cli.main import main
from kuleshov.errors import MatchError
from kuleshov.project.file import read_otio
from kuleshov.project.memory import CutMemory

pytestmark = pytest.mark.slow


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Three films, indexed with the bundled encoder, and a model."""
    root = tmp_path_factory.mktemp("place")
    (root / "footage").mkdir()
    for number in range(3):
        pictures = scene(10 + number, 30, number * 200)
        make_film(root / "footage" / f"film{number}.mp4", pictures, 25)
    make_model(root / "model")
    assert invoke("index", root / "footage", "--archive", root / "archive").exit_code == 0
    return root


def test_an_archive_may_be_indexed_with_two_encoders(place, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = ("--archive", place / "archive")
    other = ("--encoder", f"clip:local-dir:{place / 'model'}")
    film = place / "footage" / "film1.mp4"
    with pytest.raises(MatchError, match=r"is indexed with clip:.*: index it with that"):
        invoke("search", "--like", film, *archive, *other)

    one = place / "footage" / "film0.mp4"
    assert json.loads(invoke("index", one, *archive, *other, "--json").stdout)["updated"]
    seen = invoke("search", "--like", one, *archive, *other)
    assert "Not offered: 2 films of the archive (film1.mp4, film2.mp4), not indexed" in seen.stderr
    assert seen.stdout.splitlines()[0].split()[2] == str(one)

    assert invoke("index", place / "footage", *archive, *other).exit_code == 0
    for eyes in ((), other):
        answers = json.loads(invoke("search", "--like", film, *archive, *eyes, "--json").stdout)
        answers = answers["hits"]
        assert answers[0]["footage"] == str(film)
        assert answers[0]["facets"]["subject"] > 0.9
    assert [path.name for path in (tmp_path / "kuleshov" / "references").iterdir()] != []

    heard = invoke("search", "water, not a dog", *archive, *other, "--drift", "0.6", "--json")
    answers = json.loads(heard.stdout)
    assert len(answers["hits"]) == 3
    assert answers["understood"]["seen"]
    again = invoke("search", "water, not a dog", *archive, *other, "--drift", "0.6", "--json")
    assert again.stdout == heard.stdout

    # Nobody has to say it again to ask it words, but the bundled one may be named; what was taught
    # is asked of the bundled one, which it was taught to.
    heard = invoke("search", "water, not a dog", *archive, "--json")
    untold = json.loads(heard.stdout)
    told = json.loads(invoke("search", "water, not a dog", *archive, *other, "--json").stdout)
    assert untold["hits"] == told["hits"]
    assert f"Asked by {other[1]}, which reads words" in heard.stderr
    bundled = ("--encoder", "efficientnet-lite0")
    plain = json.loads(invoke("search", "water, not a dog", *archive, *bundled, "--json").stdout)
    assert plain["hits"] != told["hits"]
    assert invoke("word", "our place", "--like", film, *archive).exit_code == 0
    taught = invoke("search", "our place", *archive, "--json")
    assert json.loads(taught.stdout)["hits"][0]["footage"] == str(film)
    assert "reads words" not in taught.stderr
    held = json.loads(invoke("info", *archive, "--json").stdout)
    assert held["encoders"] == {other[1]: 3}
    assert held["words"] == ["our place"]
    assert "reads words; has seen 3 of 3 films" in invoke("info", *archive).stdout
    invoke("word", "our place", "--forget", *archive)

    out = tmp_path / "remade.mp4"
    made = invoke("recut", film, "-o", out, *archive, *other, "--allow-same", "--json")
    assert json.loads(made.stdout)["films"][0]["frames"] == 30

    # The project remembers it: nobody has to say it again, nor is anything looked at anew.
    project = out.with_suffix(".otio")
    named = CutMemory.of(read_otio(project))
    assert named is not None
    assert named.encoder == other[1]
    listed = json.loads(invoke("offers", project, "--shot", "1", *archive, "--json").stdout)
    told = invoke("offers", project, "--shot", "1", *archive, *other, "--json")
    assert json.loads(told.stdout) == listed
    going_on = ("recut", "--project", project, "--sheet-only", "--shot", "1", *archive)
    invoke(*going_on)
    again = json.loads(invoke("offers", project, "--shot", "1", *archive, "--json").stdout)
    assert again["shots"][0]["offers"][0] == listed["shots"][0]["offers"][0]
    going = CutMemory.of(read_otio(project))
    assert going is not None
    assert going.encoder == other[1]
