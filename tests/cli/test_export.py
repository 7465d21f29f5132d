"""`kuleshov export` as it is called."""

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edit.readers import read_edl, read_fcpxml
from films import make_film, noise, numbered
from kuleshov.cli.main import main
from kuleshov.errors import KuleshovError, ProjectError, UsageError
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timeline import Clip, Layout, Media, Sound, Timeline, Track

pytestmark = pytest.mark.slow

F = Fraction


@pytest.fixture
def project(tmp_path: Path) -> Path:
    film = make_film(tmp_path / "a.mp4", numbered(40))
    source = make_film(tmp_path / "source.mp4", numbered(20), sound=noise(0.8))
    items = (Clip(Media(film), F(0), 10), Clip(Media(film), F(20, 25), 10, mirrored=True))
    tracks = (
        Track("recut", items),
        Track("source", (Clip(Media(source), F(0), 20),), region="source"),
    )
    layout = Layout.side_by_side(320, 180)
    write_otio(
        Timeline("film", F(25), layout, tracks, Sound(Media(source))), tmp_path / "film.otio"
    )
    return tmp_path / "film.otio"


def call(*args: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, args)], standalone_mode=False)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def failure(*args: object) -> Exception:
    error = call(*args).exception
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize("form", ["edl", "fcpxml", "otio", "json", "csv"])
def test_each_format_by_suffix_and_by_name(project: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "new" / f"film.{form}"
    result = call(project, "-o", out)
    assert result.exception is None, result.exception
    assert str(out) in result.stdout
    assert "(2 clips)" in result.stdout
    assert "Note: " in result.stderr or form in ("otio", "json")
    other = tmp_path / "other.txt"
    assert call(project, "-o", other, "--format", form).exception is None
    if form == "otio":
        assert read_otio(out).track("recut") == read_otio(project).track("recut")
    else:
        assert other.read_bytes() == out.read_bytes()
    text = out.read_bytes().decode("utf-8-sig")
    if form == "edl":
        assert len(read_edl(text, F(25)).edits) == 2
    elif form == "fcpxml":
        assert len(read_fcpxml(text).clips) == 2
    elif form == "json":
        assert json.loads(text)["files"][0]["found"] is True
    elif form == "csv":
        assert len(table(out)) == 2


def test_json_answers_and_the_start(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.edl"
    result = call(project, "-o", out, "--start", "10:00:00:00", "--json")
    answer = json.loads(result.stdout)
    assert (answer["path"], answer["format"], answer["clips"]) == (str(out), "edl", 2)
    assert any("mirrored" in note for note in answer["notes"])
    assert " 10:00:00:00 10:00:00:10" in out.read_text()


def test_missing_media_are_said_and_the_rest_is_written(project: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").unlink()
    result = call(project, "-o", tmp_path / "film.fcpxml")
    assert result.exception is None
    assert "a.mp4 could not be asked" in result.stderr
    assert len(read_fcpxml((tmp_path / "film.fcpxml").read_text()).clips) == 2


def test_a_project_in_the_way_is_kept(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "again.otio"
    out.write_text("somebody's choices")
    result = call(project, "-o", out)
    assert "again.1.otio" in result.stderr
    assert (tmp_path / "again.1.otio").read_text() == "somebody's choices"


@pytest.mark.parametrize(
    ("args", "kind", "words"),
    [
        (("film.otio", "-o", "film.mov"), UsageError, "'mov'"),
        (("film.otio", "-o", "film"), UsageError, "no suffix"),
        (("film.otio", "-o", "film.otio"), Exception, "the project itself"),
        (("film.otio", "-o", "."), UsageError, "no suffix"),
        (("film.otio", "-o", "x.edl", "--start", "late"), UsageError, "timecode"),
        (("none.otio", "-o", "x.edl"), ProjectError, "not there"),
        (("a.mp4", "-o", "x.edl"), ProjectError, "not an OpenTimelineIO"),
    ],
)
def test_what_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, args: tuple, kind: type, words: str
) -> None:
    monkeypatch.chdir(project.parent)
    before = project.read_bytes()
    error = failure(*args)
    assert isinstance(error, kind)
    assert words in (getattr(error, "message", "") or str(error))
    assert isinstance(error, KuleshovError) or "itself" in words
    assert project.read_bytes() == before
    assert not Path("x.edl").exists()


def test_what_a_program_dropped_comes_from_the_original(project: Path, tmp_path: Path) -> None:
    bare = tmp_path / "edited.otio"
    fields = json.loads(project.read_text())

    def strip(node: object) -> object:
        if isinstance(node, dict):
            kept = {key: strip(value) for key, value in node.items() if key != "kuleshov"}
            return kept | ({"effects": []} if "effects" in kept else {})
        return [strip(one) for one in node] if isinstance(node, list) else node

    bare.write_text(json.dumps(strip(fields)))
    out = tmp_path / "film.csv"
    call(bare, "-o", out)
    assert [row["mirrored"] for row in table(out)] == ["no", "no"]
    result = call(bare, "-o", out, "--original", project)
    assert "got back" in result.stderr
    assert [row["mirrored"] for row in table(out)] == ["no", "yes"]
