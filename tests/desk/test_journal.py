"""What was done and is not in the project file yet: whoever ends the process by force, wherever the
file is taken meanwhile, it is done once or said to be lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desk.shelf import ShelfDesk
from edit.cuts import parts
from kuleshov.desk import saving
from kuleshov.desk.changes import Fill, Lock, Own, Weigh
from kuleshov.desk.editing import Editing
from kuleshov.desk.journal import Journal
from kuleshov.desk.saving import kept_beside
from kuleshov.project.file import read_otio, write_otio

PATIENCE = 120  # s

_EDITS = """
import sys
from desk.shelf import ShelfDesk
from kuleshov.desk import saving
from kuleshov.desk.changes import Fill, Lock, Mirror, Own, Weigh
from kuleshov.desk.editing import Editing

saving._SOON = 1e6  # it is never saved
editing = Editing.open(ShelfDesk(), sys.argv[1])
editing.do(Lock("2"))
editing.do(Weigh({"composition": 3.0, "subject": 0.0}))
editing.do(Fill())
editing.keep_version("mine")
editing.do(Own("4"))
editing.do(Mirror("3"))
editing.undo()
print("answered", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def desk() -> Any:
    return ShelfDesk()


@pytest.fixture
def unsaved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is saved unless it is asked for."""
    monkeypatch.setattr(saving, "_SOON", 1e6)


@pytest.fixture
def project(desk: Any, tmp_path: Path, unsaved: None) -> Path:
    Editing.begin(desk, "source.mp4", tmp_path / "film.otio").close()
    return tmp_path / "film.otio"


def die(editing: Editing) -> None:
    """Leave a project as a process does that is killed: what it holds is free, nothing is saved."""
    editing._journal._close()
    editing._hold.leave()


def codes(editing: Editing) -> list[str]:
    return [note.code for note in editing.notes]


def test_a_version_that_was_called_otherwise_is_so_in_the_journal(desk, project):
    editing = Editing.open(desk, project)
    version = editing.keep_version("mine")
    editing.rename_version(version.id, "ours")
    editing.secure()
    die(editing)
    with Editing.open(desk, project) as again:
        assert [one.name for one in again.versions] == ["ours"]


@pytest.mark.slow
def test_what_was_answered_for_outlives_a_process_that_is_killed(desk, project):
    before = project.read_bytes()
    command = [sys.executable, "-c", _EDITS, str(project)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"answered\n"
        other.kill()
        other.wait(PATIENCE)
    assert project.read_bytes() == before, "it was not saved"
    with Editing.open(desk, project) as again:
        assert codes(again) == ["brought-back"]
        assert (again.steps, again.to_redo) == (4, "Mirror shot 3")
        assert again.cut.selects["2"].locked
        assert again.cut.selects["4"].instead == "own"
        (version,) = again.versions
        assert (version.name, [one.slot for one in again.compare(version.id, None)]) == (
            "mine",
            ["4"],
        )
        left = parts(again.cut)
        again.redo()
        assert again.cut.selects["3"].mirrored
        again.undo()
        for _ in range(4):
            again.undo()
        assert not again.cut.selects["2"].locked
        for _ in range(4):
            again.redo()
        assert parts(again.cut) == left
    with Editing.open(desk, project) as again:
        assert not again.notes, "it is in the file now"
        assert parts(again.cut) == left


def test_what_is_in_the_file_already_is_not_done_again(desk, project):
    """Killed after the file was written, and before the journal was emptied."""
    editing = Editing.open(desk, project)
    editing.do(Lock("2"))
    editing.do(Own("3"))
    journal = kept_beside(project, ".journal")
    written = journal.read_bytes()
    assert editing.flush()
    left = parts(editing.cut)
    die(editing)
    journal.write_bytes(written)
    with Editing.open(desk, project) as again:
        assert (parts(again.cut), again.steps, codes(again)) == (left, 2, [])


def test_what_was_done_while_it_was_saved_is_kept(desk, project, monkeypatch):
    editing = Editing.open(desk, project)
    write = write_otio

    def meanwhile(*given: Any, **more: Any) -> None:
        monkeypatch.setattr("kuleshov.desk.editing.write_otio", write)
        editing.do(Own("3"))
        write(*given, **more)

    monkeypatch.setattr("kuleshov.desk.editing.write_otio", meanwhile)
    editing.do(Lock("2"))
    editing.flush()
    left = parts(editing.cut)
    die(editing)
    with Editing.open(desk, project) as again:
        assert (parts(again.cut), again.steps) == (left, 2)
        die(again)  # before it was saved
        with Editing.open(desk, project) as third:
            assert (parts(third.cut), third.steps) == (left, 2)


def test_what_is_written_again_is_what_is_written_for_the_first_time(desk, project):
    """Items and offers that did not change are turned into text once: the file is the same."""
    editing = Editing.open(desk, project)
    for change in (Lock("2"), Own("3"), Weigh({"composition": 5.0}), Fill()):
        editing.do(change)
        assert editing.flush()
    again = project.read_text()
    editing._items.clear()
    editing._lines.clear()
    editing._slots = type(editing._slots)()
    editing._laid = None
    editing._saver.changed()
    assert editing.flush()
    assert project.read_text() == again
    editing.close()


def test_a_line_that_was_not_finished_was_not_answered_for(desk, project):
    editing = Editing.open(desk, project)
    editing.do(Lock("2"))
    left = parts(editing.cut)
    editing.do(Own("3"))
    die(editing)
    journal = kept_beside(project, ".journal")
    journal.write_bytes(journal.read_bytes()[:-9])
    with Editing.open(desk, project) as again:
        assert (parts(again.cut), again.steps) == (left, 1)


def test_what_another_program_wrote_after_a_crash_is_one_more_step(desk, project):
    editing = Editing.open(desk, project)
    editing.do(Lock("2"))
    ours = parts(editing.cut)
    die(editing)
    write_otio(_without_the_first(read_otio(project)), project)
    with Editing.open(desk, project) as again:
        assert again.to_undo == "Change it elsewhere"
        assert not again.cut.selects["2"].locked
        again.undo()
        assert parts(again.cut) == ours


def _without_the_first(timeline: Any) -> Any:
    from dataclasses import replace

    track = timeline.track("recut")
    moved = replace(track.items[0], start=track.items[0].start + 1 / timeline.rate, usable=None)
    other = replace(track, items=(moved, *track.items[1:]))
    return replace(
        timeline, tracks=tuple(other if one is track else one for one in timeline.tracks)
    )


def test_a_copy_is_what_its_file_says_and_the_original_loses_nothing(desk, project):
    editing = Editing.open(desk, project)
    editing.do(Lock("2"))
    die(editing)
    copy = project.with_name("copy.otio")
    shutil.copy(project, copy)
    with Editing.open(desk, copy) as other:
        assert not other.cut.selects["2"].locked
        other.do(Own("3"))
    with Editing.open(desk, project) as again:
        assert again.cut.selects["2"].locked
        assert again.cut.selects["3"].instead is None


def test_what_belongs_to_another_file_is_not_done_and_that_is_said(desk, project):
    early = project.read_bytes()
    editing = Editing.open(desk, project)
    editing.do(Lock("2"))
    editing.flush()
    editing.do(Own("3"))
    die(editing)
    project.write_bytes(early)  # an old one is put back
    with Editing.open(desk, project) as again:
        assert codes(again) == ["not-brought-back"]
        assert again.steps == 0
        again.do(Lock("5"))
    with Editing.open(desk, project) as again:
        assert not again.notes
        assert again.cut.selects["5"].locked


def test_whoever_takes_over_from_a_process_that_was_killed_goes_on_with_what_it_did(desk, project):
    first = Editing.open(desk, project)
    second = Editing.open(desk, project)
    first.do(Lock("2"))
    assert second.read_only is not None
    assert not second.cut.selects["2"].locked
    die(first)
    assert second.take_over()
    assert second.cut.selects["2"].locked
    second.close()


def test_where_no_journal_can_be_written_a_change_is_saved_before_it_is_answered(
    desk, project, monkeypatch
):
    editing = Editing.open(desk, project)
    before, write = project.read_bytes(), os.write

    def full(file: int, data: Any) -> int:
        write(file, bytes(data)[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kuleshov.desk.journal.os.write", full)
    editing.do(Lock("2"))
    assert not editing.safe
    assert project.read_bytes() == before
    assert editing.secure()
    assert project.read_bytes() != before
    monkeypatch.setattr("kuleshov.desk.journal.os.write", write)
    editing.do(Own("3"))
    assert editing.safe
    left = parts(editing.cut)
    die(editing)
    with Editing.open(desk, project) as again:
        assert parts(again.cut) == left


def test_other_offers_and_other_options_come_back(desk, project):
    editing = Editing.open(desk, project)
    editing.do(Weigh({"composition": 5.0, "subject": 0.0}, tightness=0.6, freshness=0.9))
    editing.do(Fill())
    other = next(one for one in editing.suggestions("2") if not one.chosen)
    editing.pick("2", other.offer)
    left = parts(editing.cut)
    die(editing)
    with Editing.open(desk, project) as again:
        assert parts(again.cut) == left


def test_nothing_is_left_of_a_journal_once_all_is_saved(desk, project):
    editing = Editing.open(desk, project)
    journal = kept_beside(project, ".journal")
    editing.do(Lock("2"))
    assert journal.stat().st_size
    editing.flush()
    assert not journal.stat().st_size
    editing.close()
    assert not journal.exists()
    assert Journal(journal).left(["="]) == []
