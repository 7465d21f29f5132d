"""The catalogue, and opening an archive while others read or write it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from kuleshov.archive import catalogue as catalogue_module
from kuleshov.archive.archive import default_root, open_archive, write_archive
from kuleshov.archive.catalogue import Catalogue, Footage, Location, Totals
from kuleshov.errors import ArchiveBusy, ArchiveError, Stopped, UsageError
from kuleshov.footage import Audio, Bars, Probe, Shot, Transition, Video
from kuleshov.notes import Note
from kuleshov.timecode import FrameRange
from told import Told

VIDEO = Video(
    codec="h264",
    width=720,
    height=576,
    rate=Fraction(30000, 1001),
    time_base=Fraction(1, 90000),
    start=Fraction(7, 5),
    aspect=Fraction(16, 15),
    rotation=90,
    interlaced=True,
    variable_rate=True,
    discontinuous=True,
    bars=Bars(2, 74, 4, 72),
)
AUDIO = Audio("aac", 48000, 2, Fraction(-1, 48))
DURATION = Fraction(1001, 300)
SHOTS = (
    Shot(0, FrameRange(0, 40), FrameRange(0, 35), Transition("none", FrameRange(0, 0))),
    Shot(1, FrameRange(40, 70), FrameRange(46, 70), Transition("dissolve", FrameRange(35, 46))),
    Shot(2, FrameRange(70, 90), FrameRange(70, 90), Transition("cut", FrameRange(70, 70)), True),
    Shot(
        3,
        FrameRange(90, 100),
        FrameRange(93, 100),
        Transition("fade", FrameRange(85, 93), FrameRange(88, 91)),
    ),
)


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    made = Catalogue(":memory:")
    yield made
    made.close()


def place(name: str, size: int = 10) -> Location:
    return Location(Path("/films") / name, size, 1_700_000_000_123_456_789)


def add(catalogue: Catalogue, checksum: str, name: str, audio: Audio | None = AUDIO) -> None:
    probe = Probe(VIDEO, audio, 99.0)
    catalogue.add(checksum, 100, DURATION, probe, SHOTS, place(name))


def only(catalogue: Catalogue) -> Footage:
    (film,) = catalogue.all(with_missing=True)
    return film


class TestFootage:
    def test_comes_back_exactly(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        film = only(catalogue)
        assert film.probe == Probe(VIDEO, AUDIO, float(DURATION))
        assert (film.checksum, film.frames, film.duration) == ("aa", 100, DURATION)
        assert film.locations == (place("a.mp4"),)
        assert film.slate.title == ""
        assert catalogue.by_checksum("aa") == film
        assert catalogue.by_checksum("bb") is None
        assert catalogue.checksums() == {"aa"}

    def test_shots_come_back_exactly(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        assert catalogue.shots(only(catalogue).id) == SHOTS
        assert catalogue.shots(17) == ()

    def test_shots_from_all_over_are_of_as_many_films_as_can_be(self, catalogue):
        assert catalogue.spread(12) == []
        add(catalogue, "aa", "a.mp4")
        assert catalogue.spread(12) == [("aa", 0), ("aa", 1)], "one is black, one very short"
        assert catalogue.spread(1) == [("aa", 1)]
        single = (Shot(0, FrameRange(0, 100), FrameRange(0, 100), SHOTS[0].transition),)
        for n in range(9):
            catalogue.add(f"b{n}", 100, DURATION, Probe(VIDEO, None, 1.0), single, place(f"{n}"))
        catalogue.add("cc", 30, DURATION, Probe(VIDEO, None, 1.0), SHOTS[2:3], place("c"))
        assert {one.checksum for one in catalogue.spread(10)} == {
            "aa",
            *(f"b{n}" for n in range(9)),
        }
        assert len(catalogue.spread(12)) == 11, "there are no more"
        few = [one.checksum for one in catalogue.spread(4)]
        assert (len({*few}), few[0]) == (4, "aa")
        assert few[-1] > "b5", "late ones as well"

    def test_without_sound(self, catalogue):
        add(catalogue, "aa", "a.mp4", audio=None)
        assert only(catalogue).probe.audio is None

    def test_added_again_keeps_its_number(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        add(catalogue, "bb", "b.mp4")
        catalogue.add("aa", 7, Fraction(1), Probe(VIDEO, None, 1.0), SHOTS[:1], place("a.mp4", 11))
        first, second = catalogue.all()
        assert (first.id, second.id) == (1, 2)
        assert (first.frames, first.probe.audio) == (7, None)
        assert catalogue.shots(1) == SHOTS[:1]
        assert catalogue.shots(2) == SHOTS

    def test_all_or_nothing(self, catalogue):
        def broken() -> Iterator[Shot]:
            yield SHOTS[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            catalogue.add("aa", 1, Fraction(1), Probe(VIDEO, None, 1.0), broken(), place("a.mp4"))
        assert catalogue.checksums() == set()
        add(catalogue, "aa", "a.mp4")
        assert len(catalogue.shots(1)) == 4


class TestPlaces:
    def test_several(self, catalogue):
        add(catalogue, "aa", "b.mp4")
        catalogue.seen(place("a.mp4"), "aa")
        assert only(catalogue).locations == (place("a.mp4"), place("b.mp4"))
        assert set(catalogue.locations()) == {Path("/films/a.mp4"), Path("/films/b.mp4")}

    def test_missing(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        catalogue.seen(place("b.mp4"), "aa")
        catalogue.mark_missing([Path("/films/a.mp4"), Path("/films/unknown.mp4")])
        assert only(catalogue).path == Path("/films/b.mp4")
        assert not only(catalogue).missing
        catalogue.mark_missing([Path("/films/b.mp4")])
        assert only(catalogue).missing
        assert catalogue.all() == []
        assert only(catalogue).path == Path("/films/a.mp4")

    def test_found_again_elsewhere(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        catalogue.mark_missing([Path("/films/a.mp4")])
        catalogue.seen(place("c.mp4"), "aa")
        assert only(catalogue).locations == (place("c.mp4"),)

    def test_another_film_at_the_same_place(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        add(catalogue, "bb", "a.mp4")
        assert [film.checksum for film in catalogue.all(with_missing=True)] == ["bb"]
        catalogue.forget_unplaced()
        assert catalogue.checksums() == {"bb"}
        assert catalogue.shots(1) == ()
        assert catalogue.shots(2) == SHOTS

    def test_odd_names(self, catalogue):
        for number, name in enumerate(("a'b;--.mp4", "été 映画.mp4", "a\udce9.mp4", "a\nb.mp4")):
            add(catalogue, f"{number}", name)
            assert Path("/films") / name in catalogue.locations()
            catalogue.mark_missing([Path("/films") / name])
            assert catalogue.locations()[Path("/films") / name].missing

    def test_state_now(self, tmp_path):
        path = tmp_path / "a.mp4"
        path.write_bytes(b"1234")
        assert Location(path, 4, 0).now() == "there"
        assert Location(path, 5, 0).now() == "changed"
        assert Location(tmp_path / "b.mp4", 4, 0).now() == "missing"
        assert Location(path / "below a file", 4, 0).now() == "missing"


class TestBins:
    def test_what_is_put_in_is_in(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        add(catalogue, "bb", "b.mp4")
        table = catalogue.bin_table
        assert (catalogue.bins(), table.names()) == ({}, [])
        table.add("trains", "aa", [0, 2])
        table.add("Äpfel", "bb", [])
        table.add("trains", "bb", [1, 1])
        table.add("trains", "aa", [2])
        assert catalogue.bins() == {"trains": {("aa", 0), ("aa", 2), ("bb", 1)}, "Äpfel": set()}
        table.remove("trains", "aa", [2, 3])
        assert catalogue.bins()["trains"] == {("aa", 0), ("bb", 1)}
        table.delete("trains")
        assert catalogue.bins() == {"Äpfel": set()}

    def test_names(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        table = catalogue.bin_table
        table.add(" Night trains ", "aa", [0])
        table.add("NIGHT TRAINS", "aa", [1])
        assert catalogue.bins() == {"Night trains": {("aa", 0), ("aa", 1)}}
        assert table.named("night trains") == "Night trains"
        for wrong in ("", "  ", "a\nb", "a\x1b[2J"):
            with pytest.raises(UsageError, match="printable"):
                table.add(wrong, "aa", [0])

    def test_no_such_bin(self, catalogue):
        table = catalogue.bin_table
        with pytest.raises(UsageError, match="There is no bin"):
            table.named("trains")
        add(catalogue, "aa", "a.mp4")
        table.add("boats", "aa", [0])
        for call in (lambda: table.remove("trains", "aa", [0]), lambda: table.delete("trains")):
            with pytest.raises(UsageError, match="no bin 'trains'; there are boats"):
                call()

    def test_no_such_shot_changes_nothing(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        for checksum, shots in (("aa", [0, 4]), ("bb", [0])):
            with pytest.raises(UsageError, match="no shot"):
                catalogue.bin_table.add("trains", checksum, shots)
            assert catalogue.bins() == {}

    def test_kept_when_footage_is_indexed_again(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        add(catalogue, "bb", "b.mp4")
        catalogue.bin_table.add("trains", "aa", [1, 3])
        catalogue.bin_table.add("trains", "bb", [2])
        catalogue.bin_table.add("hands", "aa", [0])
        before = catalogue.bins()
        add(catalogue, "aa", "elsewhere.mp4")
        assert catalogue.bins() == before

    def test_kept_by_what_they_show_when_it_is_cut_otherwise(self, catalogue):
        def cut(*borders: int) -> None:
            spans = [FrameRange(a, b) for a, b in pairwise(borders)]
            none = Transition("none", FrameRange(0, 0))
            shots = [Shot(number, span, span, none) for number, span in enumerate(spans)]
            catalogue.add("aa", 100, DURATION, Probe(VIDEO, None, 1.0), shots, place("a.mp4"))

        cut(0, 40, 70, 100)
        catalogue.bin_table.add("trains", "aa", [1])
        cut(0, 20, 42, 55, 70, 100)  # in two
        assert catalogue.bins() == {"trains": {("aa", 2), ("aa", 3)}}
        cut(0, 41, 100)  # in one that is longer
        assert catalogue.bins() == {"trains": {("aa", 1)}}

    def test_gone_with_the_footage(self, catalogue):
        add(catalogue, "aa", "a.mp4")
        catalogue.bin_table.add("trains", "aa", [0])
        catalogue.mark_missing([Path("/films/a.mp4")])
        assert catalogue.bins() == {"trains": {("aa", 0)}}
        add(catalogue, "bb", "a.mp4")
        catalogue.forget_unplaced()
        assert catalogue.bins() == {"trains": set()}

    def test_an_archive_of_before_there_were_bins(self, tmp_path):
        database = sqlite3.connect(tmp_path / "catalogue.sqlite")
        two = "".join(catalogue_module._MIGRATIONS[:2])
        database.executescript(two + "PRAGMA user_version = 2;")
        database.close()
        with write_archive(tmp_path) as archive:
            add(archive.catalogue, "aa", "a.mp4")
            archive.catalogue.bin_table.add("trains", "aa", [1])
        with open_archive(tmp_path) as archive:
            assert archive.catalogue.bins() == {"trains": {("aa", 1)}}


class TestVersions:
    def newer(self, path: Path) -> None:
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 99")
        database.close()

    def test_a_newer_archive_is_refused(self, tmp_path):
        with write_archive(tmp_path):
            pass
        self.newer(tmp_path / "catalogue.sqlite")
        for opening in (open_archive, write_archive):
            with (
                pytest.raises(ArchiveError, match=r"newer Kuleshov \(version 99"),
                opening(tmp_path),
            ):
                pass

    def test_refusing_changes_nothing_and_frees_the_archive(self, tmp_path):
        with write_archive(tmp_path) as archive:
            add(archive.catalogue, "aa", "a.mp4")
        self.newer(tmp_path / "catalogue.sqlite")
        files = tmp_path / "footage" / "aa" / "aa"
        files.mkdir(parents=True)
        for _ in range(2):
            with pytest.raises(ArchiveError, match="newer"), write_archive(tmp_path, wait=False):
                pass
        assert files.is_dir()

    def test_an_older_archive_is_brought_up_to_date(self, tmp_path):
        database = sqlite3.connect(tmp_path / "catalogue.sqlite")
        database.executescript(catalogue_module._MIGRATIONS[0] + "PRAGMA user_version = 1;")
        database.execute("INSERT INTO footage (checksum, frames, duration, video) VALUES (1,2,3,4)")
        database.execute("INSERT INTO shot VALUES (1, 0, 0, 9, 0, 9, 'none', 0, 0, 0)")
        database.execute("INSERT INTO place VALUES ('/films/a.mp4', 1, 10, 0, 0)")
        database.commit()
        database.close()
        with (
            pytest.raises(ArchiveError, match="older Kuleshov"),
            write_archive(tmp_path / "other"),
        ):
            Catalogue(tmp_path / "catalogue.sqlite", read_only=True)
        with open_archive(tmp_path) as archive:
            whole = FrameRange(0, 9)
            none = Transition("none", FrameRange(0, 0))
            assert archive.catalogue.shots(1) == (Shot(0, whole, whole, none),)
        with open_archive(tmp_path) as archive:
            assert archive.catalogue.checksums() == {"1"}

    def test_something_else_is_no_catalogue(self, tmp_path):
        (tmp_path / "catalogue.sqlite").write_text("Dear diary, " * 100)
        for opening in (open_archive, write_archive):
            with pytest.raises(ArchiveError, match="cannot be opened"), opening(tmp_path):
                pass

    def test_an_empty_file_is_not_read(self, tmp_path):
        # So it looks when the very first run was killed at once.
        (tmp_path / "catalogue.sqlite").touch()
        with (
            pytest.raises(ArchiveError, match=r"index any footage|There is no archive"),
            open_archive(tmp_path),
        ):
            pass
        with write_archive(tmp_path) as archive:
            assert archive.catalogue.all() == []

    def test_a_damaged_catalogue_is_told(self, tmp_path):
        with write_archive(tmp_path) as archive:
            for number in range(200):
                add(archive.catalogue, f"{number}", f"{number}.mp4")
        path = tmp_path / "catalogue.sqlite"
        data = path.read_bytes()
        path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
        with open_archive(tmp_path) as archive, pytest.raises(ArchiveError, match="cannot be read"):
            archive.catalogue.all()

    def test_there_is_none(self, tmp_path):
        with (
            pytest.raises(ArchiveError, match=r"index any footage|There is no archive"),
            open_archive(tmp_path),
        ):
            pass
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_the_way(self, tmp_path):
        (tmp_path / "archive").touch()
        for root in (tmp_path / "archive", tmp_path / "archive" / "below"):
            with pytest.raises(ArchiveError, match="cannot be"), write_archive(root):
                pass

    def test_where_it_lies(self, monkeypatch):
        monkeypatch.setenv("KULESHOV_ARCHIVE", "/mnt/films")
        assert default_root() == Path("/mnt/films")
        monkeypatch.delenv("KULESHOV_ARCHIVE")
        assert default_root().name == "archive"


class TestTogether:
    def test_readers_see_what_is_committed_while_another_writes(self, tmp_path):
        with write_archive(tmp_path) as writing:
            add(writing.catalogue, "aa", "a.mp4")
            with open_archive(tmp_path) as reading:
                assert reading.catalogue.checksums() == {"aa"}
                add(writing.catalogue, "bb", "b.mp4")
                assert reading.catalogue.checksums() == {"aa", "bb"}
                seen: list[set[str]] = []

                def half_way() -> Iterator[Shot]:
                    seen.append(reading.catalogue.checksums())
                    yield from SHOTS

                probe = Probe(VIDEO, None, 1.0)
                writing.catalogue.add("cc", 100, DURATION, probe, half_way(), place("c.mp4"))
                assert seen == [{"aa", "bb"}]
                assert reading.catalogue.checksums() == {"aa", "bb", "cc"}

    def test_readers_cannot_write(self, tmp_path):
        with write_archive(tmp_path):
            pass
        with open_archive(tmp_path) as reading, pytest.raises(ArchiveError, match="readonly"):
            add(reading.catalogue, "aa", "a.mp4")

    def test_a_second_writer_is_refused_where_it_will_not_wait(self, tmp_path):
        with (
            write_archive(tmp_path),
            pytest.raises(ArchiveBusy, match="Another process"),
            write_archive(tmp_path, wait=False),
        ):
            pass
        with write_archive(tmp_path, wait=False):
            pass

    def test_a_second_writer_says_that_it_waits_and_then_writes(self, tmp_path):
        waits, written = threading.Event(), threading.Event()

        class Waiting(Told):
            def noted(self, note: Note) -> None:
                super().noted(note)
                waits.set()

        job = Waiting()

        def second() -> None:
            with write_archive(tmp_path, job=job) as archive:
                assert archive.catalogue.checksums() == {"aa"}
                add(archive.catalogue, "bb", "b.mp4")
                written.set()

        with write_archive(tmp_path) as archive:
            thread = threading.Thread(target=second)
            thread.start()
            assert waits.wait(20)
            assert not written.wait(0.3)
            add(archive.catalogue, "aa", "a.mp4")
        thread.join(20)
        assert written.is_set()
        assert [note.code for note in job.notes] == ["archive-waiting"]
        with open_archive(tmp_path) as reading:
            assert reading.catalogue.checksums() == {"aa", "bb"}

    def test_nobody_is_told_to_wait_for_a_free_archive(self, tmp_path):
        with write_archive(tmp_path, job=(job := Told())):
            pass
        assert job.notes == []

    def test_who_waits_can_be_stopped(self, tmp_path):
        class Impatient(Told):
            def noted(self, note: Note) -> None:
                self.stop()

        with (
            write_archive(tmp_path),
            pytest.raises(Stopped),
            write_archive(tmp_path, job=Impatient()),
        ):
            pass
        with write_archive(tmp_path, wait=False):
            pass

    def test_a_writer_that_fails_frees_the_archive(self, tmp_path):
        with pytest.raises(ZeroDivisionError), write_archive(tmp_path):
            raise ZeroDivisionError
        with write_archive(tmp_path, wait=False):
            pass

    def test_opening_to_write_tidies_up(self, tmp_path):
        left = tmp_path / "footage" / "cc" / "cc00" / "subject.safetensors"
        left.parent.mkdir(parents=True)
        left.touch()
        with write_archive(tmp_path) as archive:
            assert not left.parent.exists()
            archive.catalogue.add("dd00", 1, DURATION, Probe(VIDEO, None, 1.0), (), place("d"))
            kept = archive.store.folder("dd00")
            kept.mkdir(parents=True)
        with write_archive(tmp_path):
            assert kept.is_dir()


def test_totals_count_what_lies_somewhere(catalogue):
    assert catalogue.totals() == Totals(0, 0, Fraction(0))
    add(catalogue, "aa", "a.mp4")
    add(catalogue, "bb", "b.mp4")
    add(catalogue, "bb", "copy of b.mp4")
    add(catalogue, "cc", "a.mp4")  # in the place of the first, which lies nowhere now
    assert catalogue.totals() == Totals(2, 2 * len(SHOTS), 2 * DURATION)
