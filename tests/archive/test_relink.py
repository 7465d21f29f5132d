"""Footage that was moved is found again by content, and the catalogue loses nothing meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import Inline, Log, film_of_shots, quick_analyst
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.ingest import ingest
from kuleshov.archive.relink import (
    LostFootage,
    RelinkSummary,
    Settler,
    find_again,
    known_places,
    look_into,
    lost,
)
from kuleshov.errors import MediaError, UsageError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.worker import Worker
from told import Told

LOOKS = {"a.mp4": (40, 200), "b.mp4": (90,), "c.mp4": (140, 60, 220)}


class Reader(Inline):
    """Remembers what it read; `after` is called when a file has been read."""

    def __init__(self, after: Callable[[Path], None] | None = None) -> None:
        self.read_files: list[str] = []
        self._after = after

    def checksum(self, path: Path, job: Job = QUIET) -> str:
        self.read_files.append(path.name)
        result = super().checksum(path)
        if self._after is not None:
            self._after(path)
        return result


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films and an archive of them, to be copied."""
    home = tmp_path_factory.mktemp("original")
    (home / "films").mkdir()
    for name, levels in LOOKS.items():
        film_of_shots(home / "films" / name, levels)
    with quick_analyst() as analyst, write_archive(home / "archive") as archive:
        ingest(archive, [home / "films"], analyst, Log())
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Path:
    """A copy, as if it had been indexed where it is; and a drive with nothing on it."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    db = sqlite3.connect(tmp_path / "archive/catalogue.sqlite")
    with db:
        db.execute("UPDATE place SET path = replace(path, ?, ?)", (str(original), str(tmp_path)))
    db.close()
    (tmp_path / "drive").mkdir()
    return tmp_path


def relink(
    home: Path, *folders: Path, reader: Reader | None = None
) -> tuple[RelinkSummary, Reader, Told]:
    reader, job, summary = reader or Reader(), Told(), RelinkSummary()
    with write_archive(home / "archive") as archive:
        settler = Settler(archive)
        places = look_into(folders or (home / "drive",), summary.unreadable, job)
        find_again(
            lost(archive.catalogue),
            places,
            reader,
            summary,
            known=known_places(archive.catalogue),
            settle=settler,
            job=job,
        )
        summary.failed += settler.finish()
    return summary, reader, job


def where(home: Path) -> dict[str, list[str]]:
    """For each film, by its number of frames, the places that the archive knows."""
    with open_archive(home / "archive") as archive:
        return {
            {20: "a", 10: "b", 30: "c"}[film.frames]: sorted(
                str(place.path.relative_to(home)) for place in film.locations
            )
            for film in archive.catalogue.all(with_missing=True)
        }


def states(home: Path) -> set[str]:
    with open_archive(home / "archive") as archive:
        return {p.now() for f in archive.catalogue.all(with_missing=True) for p in f.locations}


@pytest.mark.slow
def test_nothing_is_read_where_nothing_is_missing(home):
    shutil.copy(home / "films/a.mp4", home / "drive/a.mp4")
    summary, reader, _ = relink(home)
    assert (summary.found, summary.missing, reader.read_files) == ({}, [], [])
    assert where(home) == {"a": ["films/a.mp4"], "b": ["films/b.mp4"], "c": ["films/c.mp4"]}


def test_a_moved_folder_is_found_again_and_only_files_of_the_right_size_are_read(home):
    (home / "drive/noise.mp4").write_bytes(b"no film, and of another size")
    (home / "films").rename(home / "drive/sea")
    summary, reader, job = relink(home)
    assert sorted(reader.read_files) == ["a.mp4", "b.mp4", "c.mp4"]
    assert (summary.missing, summary.failed, summary.namesakes) == ([], [], [])
    assert where(home) == {name: [f"drive/sea/{name}.mp4"] for name in "abc"}
    assert states(home) == {"there"}
    assert job.begun == ["looking into folders", "reading what may be it"]
    assert ("looking into folders", 4, None) in job.moves
    *_, (_, done, size) = job.moves
    assert done == size == sum(path.stat().st_size for path in (home / "drive/sea").iterdir())


def test_a_file_is_found_by_its_content_whatever_its_name(home):
    (home / "drive/deep/er").mkdir(parents=True)
    (home / "films/a.mp4").rename(home / "drive/deep/er/ünicode \U0001f3ac")
    relink(home)
    assert where(home)["a"] == ["drive/deep/er/ünicode \U0001f3ac"]


def test_what_is_there_keeps_its_place_and_what_is_not_stays_missing(home):
    (home / "films/a.mp4").rename(home / "drive/z.mp4")
    (home / "films/b.mp4").unlink()
    summary, _, _ = relink(home)
    assert [one.path for one in summary.missing] == [home / "films/b.mp4"]
    assert where(home) == {"a": ["drive/z.mp4"], "b": ["films/b.mp4"], "c": ["films/c.mp4"]}


def test_a_file_of_the_same_name_that_is_another_film_is_said_and_not_taken(home):
    content = bytearray((home / "films/a.mp4").read_bytes())
    content[-1] ^= 1
    (home / "drive/A.MP4").write_bytes(content)  # the same size
    (home / "films/a.mp4").write_bytes(b"something else")
    summary, reader, _ = relink(home)
    assert reader.read_files == ["A.MP4"]
    assert {(one.missing, one.path) for one in summary.namesakes} == {
        (home / "films/a.mp4", home / "drive/A.MP4"),
        (home / "films/a.mp4", home / "films/a.mp4"),
    }
    assert where(home)["a"] == ["films/a.mp4"]


def test_two_films_that_changed_names_are_told_apart(home):
    shutil.move(home / "films/a.mp4", home / "films/x")
    shutil.move(home / "films/b.mp4", home / "films/a.mp4")
    shutil.move(home / "films/x", home / "films/b.mp4")
    summary, _, _ = relink(home, home / "films")
    assert not summary.failed
    assert where(home) == {"a": ["films/b.mp4"], "b": ["films/a.mp4"], "c": ["films/c.mp4"]}
    assert states(home) == {"there"}


def test_the_only_place_of_other_missing_footage_is_not_taken_from_it(home):
    shutil.move(home / "films/a.mp4", home / "films/b.mp4")  # b is gone for good
    summary, _, _ = relink(home, home / "films")
    [failure] = summary.failed
    assert failure.path == home / "films/b.mp4"
    assert "b.mp4, which is missing too" in failure.reason
    assert where(home) == {"a": ["films/a.mp4"], "b": ["films/b.mp4"], "c": ["films/c.mp4"]}


def test_links_that_loop_lead_nowhere_and_links_to_folders_are_followed(home):
    (home / "drive/loop").symlink_to(home / "drive")
    (home / "drive/self").symlink_to(home / "drive/self")
    (home / "drive/broken").symlink_to(home / "nowhere")
    (home / "films").rename(home / "elsewhere")
    (home / "drive/link").symlink_to(home / "elsewhere")
    summary, reader, _ = relink(home)
    assert not summary.failed
    assert len(reader.read_files) == 3
    assert where(home)["c"] == ["drive/link/c.mp4"]


def test_a_folder_that_may_not_be_looked_into_is_named(home, monkeypatch):
    (home / "films").rename(home / "drive/films")
    (home / "drive/locked").mkdir()
    listdir = os.listdir

    def refuses(path):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuses)
    summary, _, _ = relink(home)
    assert [(one.path, one.reason) for one in summary.failed] == [
        (home / "drive/locked", "it may not be read: check its permissions.")
    ]
    assert len(summary.found) == 3


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_found(home):
    (home / "films").rename(home / "drive/films")

    def refuse(path: Path) -> None:
        if path.name == "b.mp4":
            raise MediaError(path, "it may not be read: check its permissions.")

    summary, _, _ = relink(home, reader=Reader(refuse))
    assert [(one.path.name, one.reason) for one in summary.failed] == [
        ("b.mp4", "it may not be read: check its permissions.")
    ]
    assert [one.path.name for one in summary.missing] == ["b.mp4"]
    assert not summary.namesakes  # nobody knows what it is
    assert len(summary.found) == 2


@pytest.mark.parametrize("what", ["grows", "goes"])
def test_a_file_that_changes_while_it_is_read_is_not_taken(home, what):
    (home / "films/b.mp4").rename(home / "drive/b.mp4")

    def change(path: Path) -> None:
        if what == "goes":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes() + b"more")

    summary, _, _ = relink(home, reader=Reader(change))
    [failure] = summary.failed
    assert failure.reason.endswith(("written?", "connected."))
    assert where(home)["b"] == ["films/b.mp4"]


def test_an_interrupted_run_loses_nothing_that_was_found(home):
    (home / "films").rename(home / "drive/films")

    def stop(path: Path) -> None:
        if path.name == "c.mp4":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relink(home, reader=Reader(stop))
    assert where(home) == {
        "a": ["drive/films/a.mp4"],
        "b": ["drive/films/b.mp4"],
        "c": ["films/c.mp4"],
    }
    _, reader, _ = relink(home)
    assert reader.read_files == ["c.mp4"]


def test_relative_folders_and_single_files_may_be_named(home, monkeypatch):
    (home / "films/a.mp4").rename(home / "drive/a.mp4")
    (home / "films/b.mp4").rename(home / "b-moved.mp4")
    monkeypatch.chdir(home / "drive")
    relink(home, Path(), Path("../b-moved.mp4"))
    assert (where(home)["a"], where(home)["b"]) == (["drive/a.mp4"], ["b-moved.mp4"])
    with pytest.raises(UsageError, match="does not exist"):
        relink(home, Path("nowhere"))


def test_footage_of_unknown_size_is_looked_for_in_its_namesakes_first(home):
    shutil.copytree(home / "films", home / "drive/films")
    reader, summary = Reader(), RelinkSummary()
    sha = Inline().checksum(home / "films/c.mp4")
    places = look_into([home / "drive"], summary.unreadable)
    find_again([LostFootage(sha, Path("C:\\video\\C.MP4"))], places, reader, summary)
    assert reader.read_files == ["c.mp4"]
    assert summary.found[sha].path == home / "drive/films/c.mp4"
    other = RelinkSummary()
    find_again([LostFootage(sha, Path("/video/q.mp4"))], places, reader, other)
    assert other.found == summary.found  # then among all films
    known = {place.path: (place, Inline().checksum(place.path)) for place in places}
    reader.read_files.clear()
    find_again([LostFootage("0" * 64, Path("c.mp4"))], places, reader, other, known=known)
    assert reader.read_files == []  # what is known is not read again
    assert [one.path.name for one in other.namesakes] == ["c.mp4"]


def test_where_films_changed_names_all_is_written_or_nothing(home):
    before = where(home)

    def found():
        film = archive.catalogue.all()[0]
        yield film.checksum, Location(home / "drive/a.mp4", 1, 1), [film.path]
        raise KeyboardInterrupt

    with write_archive(home / "archive") as archive, pytest.raises(KeyboardInterrupt):
        archive.catalogue.moved(found())
    assert where(home) == before


def test_a_worker_tells_how_far_it_is(original):
    job = Told()
    film = original / "films/a.mp4"
    with Worker() as worker:
        assert worker.checksum(film, job) == Inline().checksum(film)
    size = film.stat().st_size
    assert job.moves[-1] == ("reading a.mp4", size, size)
