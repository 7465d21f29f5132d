"""`kuleshov slate`, on an archive of two small films."""

import json
import shutil

import pytest
from click import UsageError as CallError
from click.testing import CliRunner

from fakes import Log, MeanEncoder, film_of_shots, quick_analyst
from films import tagged
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.cli.main import main
from kuleshov.errors import ArchiveError, UsageError
from kuleshov.footage import Slate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    film_of_shots(folder / "train.mp4", (60, 180, 90))
    film_of_shots(folder / "street.mp4", (200, 40, 120))
    return folder


@pytest.fixture(scope="module")
def indexed(footage, tmp_path_factory):
    root = tmp_path_factory.mktemp("indexed") / "archive"
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [footage], analyst, Log())
    return root


@pytest.fixture
def root(indexed, tmp_path):
    return shutil.copytree(indexed, tmp_path / "archive")


def call(root, *arguments):
    words = ["slate", *map(str, arguments), "--archive", str(root)]
    result = CliRunner().invoke(main, words, catch_exceptions=False, standalone_mode=False)
    return result.stdout


def slates(root):
    with open_archive(root) as archive:
        return {film.path.name: film.slate for film in archive.catalogue.all(with_missing=True)}


def enter(root, tmp_path, text, encoding="utf-8"):
    table = tmp_path / "table.csv"
    table.write_bytes(text.encode(encoding))
    return call(root, "--csv", table)


def test_fields_are_set_shown_and_made_unknown_again(root):
    assert call(root).count("nothing is known") == 2
    shown = call(root, "train", "title=The  Train", "author=Лев", "license=CC0", "url=http://a.b")
    assert [line.split(maxsplit=1) for line in shown.splitlines()[1:]] == [
        ["title", "The Train"],
        ["author", "Лев"],
        ["licence", "CC0"],
        ["url", "http://a.b"],
    ]
    call(root, "The Train", "author=")
    assert slates(root)["train.mp4"] == Slate("The Train", "", "CC0", "http://a.b")
    (answer,) = json.loads(call(root, "train.mp4", "--json"))["footage"]
    assert answer["footage"].endswith("train.mp4")
    assert (answer["title"], answer["author"], answer["licence"]) == ("The Train", "", "CC0")
    assert slates(root)["street.mp4"] == Slate()


def test_a_pattern_means_many(root, footage):
    call(root, "*t*.mp4", "licence=CC BY 4.0")
    call(root, footage, "train", "author=A=B")
    assert set(slates(root).values()) == {Slate(author="A=B", licence="CC BY 4.0")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian", "title=x"], "train.mp4"),
        (["title=x"], "Name the footage"),
        (["train", "colour=red"], "no 'colour'"),
        (["train", "title=a\x07b"], "cannot be printed"),
        (["train", "--csv", "x.csv"], "--csv goes alone"),
        (["--csv", "nowhere.csv"], "cannot be read"),
        (["train", "title=x", "--export", "-"], "--export only"),
    ],
)
def test_a_wrong_call_says_why_and_changes_nothing(root, arguments, said):
    with pytest.raises((UsageError, CallError), match=said):
        call(root, *arguments)
    assert set(slates(root).values()) == {Slate()}


def test_an_archive_is_not_made_for_a_slate(tmp_path):
    with pytest.raises(ArchiveError, match="no archive"):
        call(tmp_path / "none", "x", "title=y")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("parted", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_enters_many(root, tmp_path, parted, encoding):
    call(root, "train", "title=Before", "author=Kept")
    rows = [
        ["licence", "Footage", "title"],
        ["CC0", "*.mp4", ""],
        ["", "street.mp4", '"Rue, ""été"""'],
        ["", "", ""],
    ]
    enter(root, tmp_path, "\r\n".join(map(parted.join, rows)), encoding)
    assert slates(root) == {
        "train.mp4": Slate("Before", "Kept", "CC0"),
        "street.mp4": Slate('Rue, "été"', "", "CC0"),
    }


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("footage,titel\ntrain,x\n", "titel"),
        ("title,author\nx,y\n", "begins"),
        ("footage,title,title\ntrain,x,y\n", "each once"),
        ("", "must name the columns"),
        ("footage,title\ntrain,x\nstret,y\nnone,z\n", "line 3: .*street.*line 4: "),
        ("footage,title\ntrain,x\n,y\n", "line 3 names no footage"),
        ("footage,title\ntrain,x,y\n", "line 2, has more cells"),
        ('footage,title\ntrain,"x\n', "is not CSV"),
        ("footage,title\ntrain,a\x07b\n", "line 2: .*cannot be printed"),
    ],
)
def test_a_wrong_table_enters_nothing(root, tmp_path, table, said):
    with pytest.raises(UsageError, match=said):
        enter(root, tmp_path, table)
    assert set(slates(root).values()) == {Slate()}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_that_is_no_utf_8_is_refused(root, tmp_path, encoding):
    with pytest.raises(UsageError, match="save it as CSV in UTF-8"):
        enter(root, tmp_path, "footage,title\ntrain,José\n", encoding)
    assert set(slates(root).values()) == {Slate()}


def test_a_table_that_is_written_can_be_read_again(root, tmp_path):
    call(root, "train", 'title=A "b", c', "author=Ёж")
    before = slates(root)
    table = tmp_path / "out.csv"
    assert "2 films" in call(root, "--export", table)
    call(root, "*.mp4", "title=", "author=")
    call(root, "--csv", table)
    assert slates(root) == before
    assert call(root, "street", "--export", "-").splitlines()[0] == (
        "footage,title,author,licence,url"
    )
    with pytest.raises(UsageError, match="cannot be written"):
        call(root, "--export", tmp_path / "no" / "out.csv")
    assert table.read_text(encoding="utf-8").count("\n") == 3


def test_a_slate_survives_indexing_again(root, footage):
    call(root, "train", "title=Kept")
    with quick_analyst(encoder=MeanEncoder("mean-2")) as analyst, write_archive(root) as archive:
        summary = ingest(archive, [footage], analyst, Log())
    assert len(summary.updated) == 2
    assert slates(root)["train.mp4"] == Slate("Kept")
    with write_archive(root) as archive:  # all of it looked at anew
        (film,) = (f for f in archive.catalogue.all() if f.path.name == "train.mp4")
        archive.catalogue.add(
            film.checksum, film.frames, film.duration, film.probe, (), film.locations[0]
        )
    assert slates(root)["train.mp4"] == Slate("Kept")


def test_tags_fill_the_slate_of_new_footage_and_later_only_what_is_empty(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    film = tagged(folder / "a.mkv", {"title": "Waves", "artist": "Anna"})
    root = tmp_path / "archive"
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [folder], analyst, Log())
    assert slates(root) == {film.name: Slate("Waves", "Anna")}
    call(root, "a.mkv", "title=Mine", "author=")
    with quick_analyst() as analyst, write_archive(root) as archive:
        ingest(archive, [folder], analyst, Log())
    assert slates(root) == {film.name: Slate("Mine")}
    call(root, "--tags")
    assert slates(root) == {film.name: Slate("Mine", "Anna")}
