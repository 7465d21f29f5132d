"""`kuleshov relink`, and what other verbs say of footage that is missing."""

import json
import shutil
from fractions import Fraction

import pytest
from click.testing import CliRunner

from fakes import Inline, Log, film_of_shots, quick_analyst
from films import read_film
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.cli import hints
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.desk.desk import Desk
from kuleshov.errors import ArchiveError, ProjectError, RenderError, UsageError
from kuleshov.features.networks import Networks
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

pytestmark = pytest.mark.slow

LOOKS = {"a.mp4": (40, 200), "b.mp4": (90,), "c.mp4": (140, 60, 220)}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    for name, levels in LOOKS.items():
        film_of_shots(folder / name, levels)
    return folder


@pytest.fixture
def home(originals, tmp_path):
    """Films, an archive of them, a project that shows them, and an empty drive."""
    shutil.copytree(originals, tmp_path / "films")
    with quick_analyst() as analyst, write_archive(tmp_path / "archive") as archive:
        ingest(archive, [tmp_path / "films"], analyst, Log())
    (tmp_path / "drive").mkdir()
    (tmp_path / "work").mkdir()
    write_otio(project(tmp_path), tmp_path / "work/p.otio")
    return tmp_path


def project(home, *, checksums=True):
    clips = []
    for name in LOOKS:
        path = home / "films" / name
        checksum = Inline().checksum(path) if checksums else ""
        clips.append(Clip(Media(path, checksum), Fraction(1, 5), 5))
    return Timeline("p", Fraction(10), Layout.single(64, 48), (Track("recut", tuple(clips)),))


def call(*words, code=0):
    result = CliRunner().invoke(
        main, [str(word) for word in words], catch_exceptions=False, standalone_mode=True
    )
    assert result.exit_code == code, result.output
    return result


def fails(error, *words):
    with pytest.raises(error) as caught:
        CliRunner().invoke(
            main, [str(word) for word in words], catch_exceptions=False, standalone_mode=False
        )
    return told(caught.value)


def places(home):
    with open_archive(home / "archive") as archive:
        return [str(f.path.relative_to(home)) for f in archive.catalogue.all(with_missing=True)]


def media(path):
    return [item.media.path for item in read_otio(path).tracks[0].items]


def test_archive_and_project_are_put_right_at_once(home):
    (home / "films").rename(home / "drive/sea")
    (home / "drive/sea/b.mp4").rename(home / "drive/another name")
    before = (home / "work/p.otio").read_text()
    answer = json.loads(
        call(
            "relink", home / "drive", "--project", home / "work/p.otio",
            "--archive", home / "archive", "--json",
        ).stdout
    )  # fmt: skip
    new = ["drive/sea/a.mp4", "drive/another name", "drive/sea/c.mp4"]
    assert places(home) == new
    assert media(home / "work/p.otio") == [home / path for path in new]
    assert (home / "work/p.1.otio").read_text() == before
    pairs = [
        {"from": str(home / "films" / name), "to": str(home / to)}
        for name, to in zip(LOOKS, new, strict=True)
    ]
    assert sorted(answer["found"], key=lambda pair: pair["from"]) == pairs
    [about] = answer["projects"]
    assert (about["found"], about["missing"], about["by_name"]) == (pairs, [], [])
    assert about["kept"] == str(home / "work/p.1.otio")
    assert (answer["missing"], answer["failed"], answer["dry_run"]) == ([], [], False)
    call("render", home / "work/p.otio", "-o", home / "work/p.mp4")
    assert len(read_film(home / "work/p.mp4")) == 15


def test_a_dry_run_changes_nothing(home):
    (home / "films").rename(home / "drive/films")
    before = (home / "work/p.otio").read_text()
    catalogue = (home / "archive/catalogue.sqlite").read_bytes()
    said = call(
        "relink", home / "drive", "--project", home / "work/p.otio", "--dry-run",
        "--archive", home / "archive",
    ).stdout  # fmt: skip
    assert "3 would be found again" in said
    assert "3 media would be relinked" in said
    assert (home / "work/p.otio").read_text() == before
    assert (home / "archive/catalogue.sqlite").read_bytes() == catalogue
    assert not list((home / "work").glob("p.1*"))
    assert places(home) == ["films/a.mp4", "films/b.mp4", "films/c.mp4"]


def test_what_is_missing_still_and_what_only_has_its_name(home):
    (home / "films/a.mp4").unlink()
    (home / "films/b.mp4").rename(home / "drive/b.mp4")
    (home / "drive/a.mp4").write_bytes(b"another film")
    said = call("relink", home / "drive", "--archive", home / "archive").stdout
    assert "1 found again, 1 still missing" in said
    assert f"missing  {home / 'films/a.mp4'}" in said
    assert f"another  {home / 'drive/a.mp4'} has its name, but is another film" in said
    call("relink", home / "drive", "--archive", home / "archive", code=1)  # nothing more is found


def test_nothing_is_missing(home):
    said = call("relink", home, "--archive", home / "archive", "--project", home / "work/p.otio")
    assert "no footage is missing" in said.stdout
    assert "no media are missing" in said.stdout
    assert not list((home / "work").glob("p.1*"))


def test_a_project_needs_no_archive(home, monkeypatch):
    monkeypatch.setenv("KULESHOV_ARCHIVE", str(home / "none"))
    (home / "films").rename(home / "drive/films")
    (home / "drive/films/a.mp4").rename(home / "drive/films/renamed.mp4")
    call("relink", home / "drive", "--project", home / "work/p.otio")
    names = [path.name for path in media(home / "work/p.otio")]
    assert names == ["renamed.mp4", "b.mp4", "c.mp4"]
    assert not (home / "none").exists()
    assert "kuleshov index" in fails(ArchiveError, "relink", home / "drive")
    fails(
        ArchiveError, "relink", home / "drive", "--project", home / "work/p.otio",
        "--archive", home / "none",
    )  # fmt: skip


def test_the_archive_knows_where_a_projects_media_lie(home):
    shutil.copytree(home / "films", home / "copies")
    with quick_analyst() as analyst, write_archive(home / "archive") as archive:
        ingest(archive, [home / "copies"], analyst, Log())
    shutil.rmtree(home / "films")
    call("relink", home / "drive", "--project", home / "work/p.otio", "--archive", home / "archive")
    assert media(home / "work/p.otio") == [home / "copies" / name for name in LOOKS]


def test_media_without_a_checksum_are_found_by_name_and_that_is_said(home):
    write_otio(project(home, checksums=False), home / "work/p.otio")
    (home / "films").rename(home / "drive/films")
    film_of_shots(home / "drive/films/b.mp4", (90,), frames=3)  # too short
    result = call(
        "relink", home / "drive", "--project", home / "work/p.otio", "--archive", home / "archive"
    )
    assert media(home / "work/p.otio") == [
        home / "drive/films/a.mp4",
        home / "films/b.mp4",
        home / "drive/films/c.mp4",
    ]
    assert "2 media of p.otio have no checksum" in result.stderr
    assert result.stdout.count("by name and length only") == 2
    assert "has its name, but not its length" in result.stdout


def test_wrong_calls_say_so_in_a_sentence(home):
    here = ("--archive", home / "archive")
    assert "does not exist" in fails(UsageError, "relink", home / "nowhere", *here)
    assert "not there" in fails(
        ProjectError, "relink", home, "--project", home / "none.otio", *here
    )
    # A folder that is mistyped is said before a project that is.
    assert "nowhere does not exist" in fails(
        UsageError, "relink", home / "nowhere", "--project", home / "none.otio", *here
    )


def test_render_names_all_that_is_missing_or_shows_placeholders(home):
    (home / "films/a.mp4").unlink()
    (home / "films/c.mp4").unlink()
    words = ("render", home / "work/p.otio", "-o", home / "work/p.mp4")
    said = fails(RenderError, *words)
    assert all(str(home / "films" / name) in said for name in ("a.mp4", "c.mp4"))
    assert "b.mp4" not in said
    assert not (home / "work/p.mp4").exists()
    answer = json.loads(call(*words, "--missing", "placeholder", "--json").stdout)
    assert [note.partition(":")[0] for note in answer["notes"]] == [
        "A placeholder stands for clip 1 of track 'recut'",
        "A placeholder stands for clip 3 of track 'recut'",
    ]
    assert len(read_film(home / "work/p.mp4")) == 15


def test_what_the_archive_cannot_reach_is_said_once(home, monkeypatch):
    for name in ("a.mp4", "c.mp4"):
        (home / "films" / name).unlink()
    (home / "films/b.mp4").write_bytes(b"changed")
    with quick_analyst() as analyst, Desk(home / "archive") as desk:
        monkeypatch.setattr(Networks, "groups", analyst.groups)
        offer = desk.rows()
    assert not offer.rows.films
    said = [hints.hinted(note) for note in offer.notes]
    assert len(said) == 2
    [missing] = [line for line in said if "relink" in line]
    assert "2 films of the archive" in missing
    assert "(a.mp4, c.mp4)" in missing
