"""Where nothing can be written: said in a sentence, before anything is looked at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from films import make_film, numbered
from kuleshov.cli import main as cli
from kuleshov.cli.hints import told
from kuleshov.errors import KuleshovError, NotWritten, UsageError
from kuleshov.files import check_writable, write_bytes, write_text
from kuleshov.project.file import write_otio
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

pytestmark = pytest.mark.slow

PROC = Path("/proc/self")  # a folder in which not even root can make a file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, a lens that is none, and a project."""
    folder = tmp_path_factory.mktemp("unwritable")
    film = make_film(folder / "a.mp4", numbered(20), Fraction(25))
    track = Track("recut", (Clip(Media(film), Fraction(0), 10),))
    write_otio(
        Timeline("a", Fraction(25), Layout.single(64, 36), (track,)), folder / "project.otio"
    )
    return folder


@pytest.fixture(params=["below a file", "in /proc"])
def nowhere(request: pytest.FixtureRequest, folder: Path) -> Path:
    """A folder in which nothing can be written, whoever one is."""
    if request.param == "below a file":
        return folder / "a.mp4" / "folder"
    if not PROC.is_dir():
        pytest.skip("this system has no /proc")
    return PROC


VERBS = [
    "search sky --sheet OUT/s.png",
    "recut FILM -o OUT/o.mp4",
    "supercut sky -o OUT/o.mp4",
    "grid sky -o OUT/o.mp4",
    "grid --clusters 2 -o ELSE/o.mp4 --page OUT/o.html",
    "gif FILM -o OUT/o.gif",
    "gif sky -o OUT/o.gif",
    "read FILM -o OUT/o.html",
    "render PROJECT -o OUT/o.mp4",
    "export PROJECT -o OUT/o.edl",
    "credits PROJECT -o OUT/o",
    "see look sea FILM -o OUT/o.mp4",
    "see train FILM -o OUT/o.see",
    "see train FILM -o OUT/o.see --sheet-only",
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_so_before_it_looks_at_anything(
    verb: str, nowhere: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An archive that is not there would be the next thing to be complained of.
    monkeypatch.setenv("KULESHOV_ARCHIVE", str(tmp_path / "none"))
    known = {"FILM": folder / "a.mp4", "PROJECT": folder / "project.otio"}
    words = [
        str(known.get(word, word.replace("OUT", str(nowhere)).replace("ELSE", str(tmp_path))))
        for word in verb.split()
    ]
    error = CliRunner().invoke(cli.main, words, standalone_mode=False).exception
    assert isinstance(error, click.UsageError | UsageError), error
    said = told(error) if isinstance(error, UsageError) else error.message
    assert str(nowhere) in said
    assert "cannot be made" in said or "Nothing can be written" in said


def test_what_cannot_be_written_is_an_error_of_ours(nowhere: Path) -> None:
    for write in (
        lambda path: write_bytes(path, b"x"),
        lambda path: write_text(path, "x"),
        check_writable,
    ):
        with pytest.raises(NotWritten) as caught:
            write(nowhere / "a.txt")
        assert isinstance(caught.value, KuleshovError)
        assert isinstance(caught.value, OSError)
        assert str(caught.value).startswith(f"{nowhere / 'a.txt'} was not written: ")
        assert caught.value.strerror


def test_looking_whether_one_can_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("kept")
    for name in ("a.txt", "b.txt", "n" * 250):
        check_writable(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "kept"


def test_what_the_system_refuses_later_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device", "/films/o.mp4")

    monkeypatch.setattr(cli.main, "main", full)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.run()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: /films/o.mp4: No space left on device.\n"
