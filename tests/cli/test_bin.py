"""`kuleshov bin`, on an archive of two small films of three shots."""

import json

import pytest
from click import UsageError as CallError
from click.testing import CliRunner

from fakes import Log, film_of_shots, quick_analyst
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.cli.main import main
from kuleshov.errors import ArchiveError, UsageError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    film_of_shots(folder / "train.mp4", (60, 180, 90))
    film_of_shots(folder / "street.mp4", (200, 40, 120))
    return folder


@pytest.fixture
def root(footage, tmp_path):
    with quick_analyst() as analyst, write_archive(tmp_path / "archive") as archive:
        ingest(archive, [footage], analyst, Log())
    return tmp_path / "archive"


def call(root, *arguments):
    words = ["bin", *map(str, arguments), "--archive", str(root)]
    result = CliRunner().invoke(main, words, catch_exceptions=False, standalone_mode=False)
    return result.stdout


def answer(root, *arguments):
    return json.loads(call(root, *arguments, "--json"))


def inside(root, name):
    shots = answer(root, name)["shots"]
    return [(shot["footage"].rpartition("/")[2], shot["shot"]) for shot in shots]


def test_a_bin_is_made_filled_and_listed(root):
    assert answer(root) == {"bins": []}
    assert "kuleshov bin NAME --add" in call(root)
    call(root, "trains", "--add", "train.mp4:2", "--add", "street:1-2")
    assert inside(root, "trains") == [("street.mp4", 1), ("street.mp4", 2), ("train.mp4", 2)]
    call(root, "empty", "--add", "train:1")
    call(root, "Empty", "--remove", "train:1")
    assert answer(root) == {
        "bins": [
            {"name": "empty", "shots": 0, "footage": 0},
            {"name": "trains", "shots": 3, "footage": 2},
        ]
    }
    assert call(root).splitlines()[1].split() == ["3", "shots", "of", "2", "films", "trains"]


def test_what_it_says_of_a_shot(root, footage):
    shots = answer(root, "trains", "--add", "train.mp4:2-3")["shots"]
    assert shots[0] | {"checksum": ""} == {
        "footage": str(footage / "train.mp4"),
        "checksum": "",
        "shot": 2,
        "first_frame": 10,
        "end_frame": 20,
        "start_s": 1.0,
        "end_s": 2.0,
    }
    assert shots[1]["end_s"] == 3.0
    lines = call(root, "trains").splitlines()
    assert lines[0] == "trains: 2 shots."
    assert lines[1].split()[0] == "2"
    assert "frames 10-20" in lines[1]


def test_times_are_left_out_where_they_are_lost(root):
    call(root, "trains", "--add", "train.mp4:2")
    for path in root.rglob("frames*"):
        path.unlink()
    assert answer(root, "trains")["shots"][0]["start_s"] is None
    assert "frames 10-20" in call(root, "trains")


def test_whole_films_and_patterns(root, footage):
    call(root, "all", "--add", "*.mp4")
    assert len(inside(root, "all")) == 6
    call(root, "all", "--remove", footage / "street.mp4", "--remove", "train:3")
    assert inside(root, "all") == [("train.mp4", 1), ("train.mp4", 2)]


def test_deleting(root):
    call(root, "trains", "--add", "train.mp4")
    assert answer(root, "trains", "--delete") == {"deleted": "trains"}
    assert answer(root) == {"bins": []}
    with open_archive(root) as archive:
        assert len(archive.catalogue.all()) == 2


@pytest.mark.parametrize(
    ("error", "said", "arguments"),
    [
        (UsageError, "There is no bin 'boats'; there are trains", ["boats"]),
        (UsageError, r"There is no bin 'Trians'; did you mean trains\?", ["Trians"]),
        (UsageError, "There is no bin 'boats'", ["boats", "--remove", "train"]),
        (UsageError, "There is no bin 'boats'", ["boats", "--delete"]),
        (UsageError, "the archive has train.mp4", ["boats", "--add", "trian"]),
        (UsageError, "has shots 1 to 3: train:4 is", ["boats", "--add", "train:4"]),
        (UsageError, "has shots 1 to 3: train:0 is", ["boats", "--add", "train:0"]),
        (UsageError, "has shots 1 to 3", ["boats", "--add", "street", "--add", "train:1-9"]),
        (UsageError, "before the first", ["boats", "--add", "train:2-1"]),
        (CallError, "Name the bin", ["--add", "train"]),
        (CallError, "goes with neither", ["trains", "--delete", "--add", "train"]),
    ],
)
def test_wrong_calls_say_so_and_change_nothing(root, error, said, arguments):
    call(root, "trains", "--add", "train.mp4:1")
    with pytest.raises(error, match=said):
        call(root, *arguments)
    assert answer(root) == {"bins": [{"name": "trains", "shots": 1, "footage": 1}]}


def test_no_archive_is_made_for_it(tmp_path):
    with pytest.raises(ArchiveError, match="There is no archive"):
        call(tmp_path / "none", "trains", "--add", "a.mp4")
    assert not (tmp_path / "none").exists()
