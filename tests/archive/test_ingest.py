"""How footage gets into an archive, and what a second run makes of what it finds."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fakes import (
    FACETS,
    CutDetector,
    Layout,
    Log,
    MeanEncoder,
    Mood,
    film_of_shots,
    inline,
    quick_analyst,
)
from kuleshov.archive import stills, store
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.ingest import IngestSummary, find_files, ingest
from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import ArchiveError, MediaError, UsageError
from kuleshov.features.analyse import Analyst, FacetGroup
from kuleshov.features.encoder import Maker
from kuleshov.shots.detector import Prediction

pytestmark = pytest.mark.slow

LOOKS = {"a.mp4": (40, 200), "b.mp4": (90,), "c.mp4": (140, 60, 220)}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for name, levels in LOOKS.items():
        film_of_shots(folder / name, levels)
    film_of_shots(folder / "other.mp4", (120, 30))
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    for name in LOOKS:
        shutil.copy2(originals / name, made / name)
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def analyst() -> Iterator[Analyst]:
    with quick_analyst() as made:
        yield made


def run(root: Path, analyst: Analyst, *paths: Path) -> tuple[IngestSummary, dict[str, str]]:
    log = Log()
    with write_archive(root) as archive:
        summary = ingest(archive, paths, analyst, log)
    assert log.files == len(log.outcomes)
    return summary, log.outcomes


def films(root: Path) -> list[Footage]:
    with open_archive(root) as archive:
        return archive.catalogue.all(with_missing=True)


def rows(root: Path, analyst: Analyst) -> ArchiveRows:
    with open_archive(root) as archive:
        return ArchiveRows.load(archive, analyst.rows)


def offered(root: Path, analyst: Analyst) -> list[str]:
    return [film.footage.path.name for film in rows(root, analyst).films]


def folders(root: Path) -> set[str]:
    return {path.name for path in (root / "footage").glob("??/*")}


class TestFirst:
    @pytest.mark.slow
    def test_adds_every_film_in_order_of_its_name(self, root, folder, analyst):
        summary, outcomes = run(root, analyst, folder)
        assert outcomes == dict.fromkeys(LOOKS, "added")
        assert summary.added == [folder / name for name in LOOKS]
        assert summary.shots == 6
        assert summary.seconds == pytest.approx(6.0)
        assert not summary.failed
        assert not summary.missing

    @pytest.mark.slow
    def test_keeps_what_was_found_out(self, root, folder, analyst):
        run(root, analyst, folder)
        film = films(root)[2]
        assert film.path == folder / "c.mp4"
        assert (film.frames, film.duration, film.probe.video.rate) == (30, 3, 10)
        assert (film.probe.video.width, film.probe.video.height) == (64, 48)
        with open_archive(root) as archive:
            shots = archive.catalogue.shots(film.id)
            pts, shown = archive.store.frames(film.checksum)
        assert [shot.frames.first for shot in shots] == [0, 10, 20]
        assert [shot.transition.kind for shot in shots] == ["none", "cut", "cut"]
        assert len(pts) == 30
        assert shown.tolist() == [0, 5, 10, 15, 20, 25]

    @pytest.mark.slow
    def test_rows_can_be_matched(self, root, folder, analyst):
        run(root, analyst, folder)
        loaded = rows(root, analyst)
        assert not loaded.left_out
        assert len(loaded) == 12
        assert {
            name: film.rows["mood"].shape for name, film in zip(LOOKS, loaded.films, strict=True)
        } == {
            "a.mp4": (4, 48),
            "b.mp4": (2, 48),
            "c.mp4": (6, 48),
        }

    def test_progress_grows_to_the_last_frame(self, root, folder, analyst):
        log = Log()
        with write_archive(root) as archive:
            ingest(archive, [folder / "c.mp4"], analyst, log)
        assert log.frames == sorted(log.frames)
        assert log.frames[-1] == 30


class TestAgain:
    def test_known_films_are_not_read(self, root, folder, analyst, monkeypatch):
        run(root, analyst, folder)

        def refuse(*args: object, **kwargs: object) -> None:
            raise AssertionError("a known film was read again")

        monkeypatch.setattr(analyst.worker, "checksum", refuse)
        monkeypatch.setattr(analyst, "index", refuse)
        summary, outcomes = run(root, analyst, folder)
        assert outcomes == dict.fromkeys(LOOKS, "known")
        assert len(summary.known) == 3
        assert summary.shots == 0

    def test_a_new_film_joins_the_others(self, root, folder, originals, analyst):
        run(root, analyst, folder)
        shutil.copy2(originals / "other.mp4", folder)
        assert run(root, analyst, folder)[1] == {
            **dict.fromkeys(LOOKS, "known"),
            "other.mp4": "added",
        }
        assert len(films(root)) == 4

    def test_goes_on_where_a_run_was_stopped(self, root, folder, analyst, monkeypatch):
        index = analyst.index

        def stop(path: Path, **how: object) -> object:
            if path.name == "b.mp4":
                raise KeyboardInterrupt
            return index(path, **how)

        monkeypatch.setattr(analyst, "index", stop)
        with pytest.raises(KeyboardInterrupt):
            run(root, analyst, folder)
        monkeypatch.undo()
        assert run(root, analyst, folder)[1] == {
            "a.mp4": "known",
            "b.mp4": "added",
            "c.mp4": "added",
        }

    def test_touched_film_is_not_analysed(self, root, folder, analyst, monkeypatch):
        run(root, analyst, folder)
        os.utime(folder / "a.mp4", (1, 1))
        monkeypatch.setattr(analyst, "index", None)
        assert run(root, analyst, folder)[1]["a.mp4"] == "known"
        assert films(root)[0].locations[0].mtime_ns == 10**9

    @pytest.mark.slow
    def test_naming_a_film_twice_is_naming_it_once(self, root, folder, analyst):
        again = folder / ".." / folder.name / "a.mp4"
        summary, _ = run(root, analyst, folder / "a.mp4", again, folder)
        assert len(summary.added) == 3
        assert not summary.known
        assert not summary.copies


class TestChanges:
    @pytest.fixture(autouse=True)
    def indexed(self, root, folder, analyst):
        run(root, analyst, folder)
        self.checksum = films(root)[0].checksum

    def test_renamed(self, root, folder, analyst, monkeypatch):
        (folder / "a.mp4").rename(folder / "z.mp4")
        monkeypatch.setattr(analyst, "index", None)
        summary, outcomes = run(root, analyst, folder)
        assert outcomes["z.mp4"] == "moved"
        assert summary.moved == [folder / "z.mp4"]
        # What moved is not missing, too.
        assert summary.missing == []
        assert [p.path for p in films(root)[0].locations] == [folder / "z.mp4"]
        assert films(root)[0].checksum == self.checksum

    def test_moved_to_a_folder_that_is_indexed_later(self, root, folder, analyst, tmp_path):
        there = tmp_path / "there"
        there.mkdir()
        (folder / "a.mp4").rename(there / "a.mp4")
        summary, _ = run(root, analyst, folder)
        assert summary.missing == [folder / "a.mp4"]
        assert films(root)[0].missing
        assert offered(root, analyst) == ["b.mp4", "c.mp4"]
        summary, _ = run(root, analyst, there)
        assert summary.moved == [there / "a.mp4"]
        assert [p.path for p in films(root)[0].locations] == [there / "a.mp4"]
        assert not films(root)[0].missing

    def test_moved_while_only_the_new_folder_is_indexed(self, root, folder, analyst, tmp_path):
        there = tmp_path / "there"
        there.mkdir()
        (folder / "a.mp4").rename(there / "a.mp4")
        assert run(root, analyst, there)[0].moved == [there / "a.mp4"]
        assert [p.path for p in films(root)[0].locations] == [there / "a.mp4"]

    def test_copied(self, root, folder, analyst):
        shutil.copy2(folder / "a.mp4", folder / "z.mp4")
        summary, outcomes = run(root, analyst, folder)
        assert outcomes["z.mp4"] == "copy"
        assert summary.copies == [folder / "z.mp4"]
        assert len(films(root)) == 3
        assert {p.path.name for p in films(root)[0].locations} == {"a.mp4", "z.mp4"}

    def test_the_copy_stands_in_for_a_film_that_vanished(self, root, folder, analyst):
        shutil.copy2(folder / "a.mp4", folder / "z.mp4")
        run(root, analyst, folder)
        (folder / "a.mp4").unlink()
        # Before the next index, and after it.
        assert offered(root, analyst) == ["z.mp4", "b.mp4", "c.mp4"]
        assert run(root, analyst, folder)[0].missing == [folder / "a.mp4"]
        assert films(root)[0].path == folder / "z.mp4"
        assert offered(root, analyst) == ["z.mp4", "b.mp4", "c.mp4"]

    def test_changed(self, root, folder, originals, analyst):
        shutil.copyfile(originals / "other.mp4", folder / "a.mp4")
        summary, outcomes = run(root, analyst, folder)
        assert outcomes["a.mp4"] == "updated"
        assert summary.updated == [folder / "a.mp4"]
        assert summary.shots == 2
        known = {film.path.name: film.checksum for film in films(root)}
        assert len(known) == 3
        assert known["a.mp4"] != self.checksum
        # What was made of the former film goes when the archive is next opened to write.
        with write_archive(root):
            pass
        assert folders(root) == set(known.values())

    def test_changed_to_something_that_is_no_film(self, root, folder, analyst):
        (folder / "a.mp4").write_text("no film any more")
        summary, outcomes = run(root, analyst, folder)
        assert outcomes["a.mp4"] == "failed"
        assert [failure.path for failure in summary.failed] == [folder / "a.mp4"]
        assert offered(root, analyst) == ["b.mp4", "c.mp4"]
        assert films(root)[0].missing

    def test_changed_since_it_was_indexed_is_not_offered(self, root, folder, originals, analyst):
        shutil.copyfile(originals / "other.mp4", folder / "a.mp4")
        loaded = rows(root, analyst)
        assert [film.footage.path.name for film in loaded.films] == ["b.mp4", "c.mp4"]
        [(footage, why)] = loaded.left_out
        assert footage.path == folder / "a.mp4"
        assert why.code == "footage-changed"

    def test_vanished(self, root, folder, analyst):
        (folder / "b.mp4").unlink()
        summary, outcomes = run(root, analyst, folder)
        assert summary.missing == [folder / "b.mp4"]
        assert "b.mp4" not in outcomes
        loaded = rows(root, analyst)
        [(footage, why)] = loaded.left_out
        assert (footage.path.name, why.code, str(why)) == (
            *("b.mp4", "footage-missing", "it is missing."),
        )

    def test_what_lies_elsewhere_is_not_looked_for(self, root, folder, originals, analyst):
        (folder / "b.mp4").unlink()
        assert run(root, analyst, originals / "other.mp4")[0].missing == []

    def test_a_whole_folder_vanished(self, root, folder, analyst):
        shutil.rmtree(folder)
        with pytest.raises(UsageError, match="does not exist"):
            run(root, analyst, folder)
        summary, _ = run(root, analyst, folder.parent)
        assert summary.missing == [folder / name for name in LOOKS]

    def test_came_back(self, root, folder, analyst, tmp_path, monkeypatch):
        (folder / "b.mp4").rename(tmp_path / "b.mp4")
        run(root, analyst, folder)
        (tmp_path / "b.mp4").rename(folder / "b.mp4")
        monkeypatch.setattr(analyst, "index", None)
        assert run(root, analyst, folder)[1]["b.mp4"] == "known"
        assert not films(root)[1].missing

    def test_two_films_that_change_names(self, root, folder, analyst, monkeypatch):
        (folder / "a.mp4").rename(folder / "x")
        (folder / "b.mp4").rename(folder / "a.mp4")
        (folder / "x").rename(folder / "b.mp4")
        monkeypatch.setattr(analyst, "index", None)
        before = {film.checksum: film.path.name for film in films(root)}
        summary, _ = run(root, analyst, folder)
        assert not summary.failed
        after = {film.checksum: [p.path.name for p in film.locations] for film in films(root)}
        swap = {"a.mp4": ["b.mp4"], "b.mp4": ["a.mp4"], "c.mp4": ["c.mp4"]}
        assert after == {checksum: swap[name] for checksum, name in before.items()}

    def test_unreadable_place(self, root, folder, analyst, monkeypatch):
        exists = Path.exists

        def denied(path: Path) -> bool:
            if path.name == "b.mp4":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return exists(path)

        monkeypatch.setattr(Path, "exists", denied)
        run(root, analyst, folder)
        loaded = rows(root, analyst)
        assert len(loaded.films) + len(loaded.left_out) == 3


def contents(base: Path) -> dict[Path, bytes]:
    files = (base / "footage").rglob("*.*")
    return {path.relative_to(base): path.read_bytes() for path in files if path.is_file()}


class TestDamagedFeatures:
    @pytest.fixture(autouse=True)
    def indexed(self, root, folder, analyst):
        run(root, analyst, folder)
        film = films(root)[0]
        self.id, self.files = film.id, root / "footage" / film.checksum[:2] / film.checksum

    @pytest.fixture(params=["missing", "cut short", "garbage", "empty", "no frames", "other model"])
    def damage(self, request, root, folder) -> str:
        path = self.files / "mood.mean.safetensors"
        data = path.read_bytes()
        match request.param:
            case "missing":
                path.unlink()
            case "cut short":
                path.write_bytes(data[:-20])
            case "garbage":
                path.write_bytes(b"\xff" * len(data))
            case "empty":
                path.write_bytes(b"")
            case "no frames":
                (self.files / "frames.safetensors").unlink()
            case "other model":
                path.write_bytes(data.replace(b"mean-1", b"mean-2"))
        return request.param

    def test_is_left_out_with_a_reason(self, root, analyst, damage):
        loaded = rows(root, analyst)
        assert [film.footage.path.name for film in loaded.films] == ["b.mp4", "c.mp4"]
        [(footage, why)] = loaded.left_out
        assert (footage.path.name, why.code) == ("a.mp4", "rows-unusable")
        assert "index the footage again" in str(why)

    @pytest.mark.slow
    def test_indexing_again_mends_it(self, root, folder, analyst, damage):
        outcomes = run(root, analyst, folder)[1]
        assert outcomes == {"a.mp4": "updated", "b.mp4": "known", "c.mp4": "known"}
        assert not rows(root, analyst).left_out
        assert [film.id for film in films(root)] == [1, 2, 3]
        with open_archive(root) as archive:
            assert len(archive.catalogue.shots(self.id)) == 2

    @pytest.mark.slow
    def test_of_a_film_that_moved(self, root, folder, analyst, damage):
        (folder / "a.mp4").rename(folder / "z.mp4")
        run(root, analyst, folder)
        assert not rows(root, analyst).left_out
        assert offered(root, analyst) == ["z.mp4", "b.mp4", "c.mp4"]

    def test_another_encoder_does_not_read_the_old_rows(self, root, folder):
        with quick_analyst(encoder=MeanEncoder("mean-2")) as newer:
            loaded = rows(root, newer)
            assert not loaded.films
            assert len(loaded.left_out) == 3
            assert all("another version or network" in str(why) for _, why in loaded.left_out)
            assert run(root, newer, folder)[1] == dict.fromkeys(LOOKS, "updated")
            assert not rows(root, newer).left_out

    def test_stills_are_made_again(self, root, folder, analyst):
        still = stills.still_path(self.files, 0)
        still.unlink()
        run(root, analyst, folder)
        assert still.is_file()


class TestFullDisk:
    """A disk fills at one step of adding b.mp4: what was there stays, the next run goes on."""

    def check(self, root: Path, folder: Path, analyst: Analyst, undo: pytest.MonkeyPatch) -> None:
        with pytest.raises(ArchiveError, match=r"full: make room") as caught:
            run(root, analyst, folder)
        assert str(root) in str(caught.value)
        undo.undo()
        assert offered(root, analyst) == ["a.mp4"]
        assert not rows(root, analyst).left_out
        assert run(root, analyst, folder)[1] == {
            "a.mp4": "known",
            "b.mp4": "added",
            "c.mp4": "added",
        }
        assert folders(root) == {film.checksum for film in films(root)}
        assert not list(root.rglob("*.partial"))

    @pytest.mark.slow
    @pytest.mark.parametrize("call", range(5, 9))
    def test_while_a_file_is_written(self, root, folder, analyst, monkeypatch, call):
        whole, calls = store.write_whole, []

        def full(path: Path, data: bytes) -> None:
            calls.append(path)
            if len(calls) == call:
                partial = path.with_name(path.name + ".partial")
                partial.parent.mkdir(parents=True, exist_ok=True)
                partial.write_bytes(data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            whole(path, data)

        monkeypatch.setattr(store, "write_whole", full)
        monkeypatch.setattr(stills, "write_whole", full)
        self.check(root, folder, analyst, monkeypatch)

    @pytest.mark.slow
    def test_while_stills_are_spooled(self, root, folder, analyst, monkeypatch):
        add = stills.StillSpool.add
        spools: list[stills.StillSpool] = []

        def full(self: stills.StillSpool, pictures: object, which: object) -> None:
            if self not in spools:
                spools.append(self)
            if len(spools) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            add(self, pictures, which)  # type: ignore[arg-type]

        monkeypatch.setattr(stills.StillSpool, "add", full)
        self.check(root, folder, analyst, monkeypatch)

    @pytest.mark.slow
    def test_while_the_catalogue_is_written(self, root, folder, analyst, monkeypatch):
        """SQLite's own limit of pages gives its own error for a full disk."""
        film_of_shots(folder / "b.mp4", [40, 200] * 200, frames=4)
        run(root, analyst, folder / "a.mp4")
        before = films(root)
        with write_archive(root) as archive:
            with archive.catalogue._connections.held() as database:
                (pages,) = database.execute("PRAGMA page_count").fetchone()
                database.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(ArchiveError, match="full"):
                ingest(archive, [folder], analyst, Log())
        assert films(root) == before
        summary, _ = run(root, analyst, folder)
        assert [path.name for path in summary.added] == ["b.mp4", "c.mp4"]

    def test_another_failure_says_its_reason(self, root, folder, analyst, monkeypatch):
        def fail(path: Path, data: bytes) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(store, "write_whole", fail)
        with pytest.raises(ArchiveError, match=os.strerror(errno.EIO)):
            run(root, analyst, folder)


class TestFinding:
    def test_folders_are_searched_for_films(self, tmp_path):
        for name in ("b/z.MKV", "a/y.mov", "a/.hidden.mp4", ".git/x.mp4", "a/notes.txt", "c.mp4"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
        found = [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path])]
        assert found == ["c.mp4", "a/y.mov", "b/z.MKV"]

    def test_a_file_named_by_itself_is_always_tried(self, tmp_path):
        (tmp_path / "film.bin").touch()
        assert list(find_files([tmp_path / "film.bin"])) == [tmp_path / "film.bin"]

    def test_a_path_that_is_not_there_is_a_wrong_call(self, tmp_path):
        with pytest.raises(UsageError, match="does not exist"):
            list(find_files([tmp_path / "nothing.mp4"]))

    @pytest.mark.slow
    def test_relative_paths_are_kept_absolute(self, root, folder, analyst, monkeypatch):
        monkeypatch.chdir(folder)
        run(root, analyst, Path("a.mp4"))
        assert films(root)[0].path == folder / "a.mp4"

    @pytest.mark.slow
    def test_a_folder_that_cannot_be_read_is_named(self, root, folder, analyst, monkeypatch):
        closed = folder / "closed"
        closed.mkdir()
        scandir = os.scandir

        def denied(path: str) -> object:
            if str(path) == str(closed):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", denied)
        log = Log()
        with write_archive(root) as archive:
            summary = ingest(archive, [folder], analyst, log)
        assert len(summary.added) == 3
        [failure] = summary.failed
        assert failure.path == closed
        assert "may not be read" in failure.reason

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="names are text there")
    def test_a_name_that_is_no_text(self, root, folder, analyst):
        odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4"))
        try:
            (folder / "b.mp4").rename(odd)
        except OSError:
            pytest.skip("this file system takes only text as names")
        assert run(root, analyst, folder)[1] == {
            "a.mp4": "added",
            "c.mp4": "added",
            odd.name: "added",
        }
        assert run(root, analyst, folder)[0].known == [
            folder / "a.mp4",
            folder / "c.mp4",
            odd,
        ]
        assert odd in {film.path for film in films(root)}
        odd.unlink()
        assert run(root, analyst, folder)[0].missing == [odd]


@pytest.mark.slow
def test_the_same_film_gives_the_same_files(root, folder, analyst, tmp_path):
    run(root, analyst, folder)
    run(tmp_path / "second", analyst, folder)

    assert contents(root) == contents(tmp_path / "second")
    assert len(contents(root)) == 3 * (len(FACETS) + 2)


def test_an_error_of_the_encoder_is_not_taken_for_a_bad_file(root, folder, analyst, monkeypatch):
    def broken(*args: object, **how: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(analyst, "index", broken)
    with pytest.raises(ZeroDivisionError):
        run(root, analyst, folder)


@pytest.mark.slow
def test_a_film_that_cannot_be_analysed_leaves_nothing(root, folder, analyst, monkeypatch):
    index = analyst.index

    def refuse(path: Path, **how: object) -> object:
        if path.name == "b.mp4":
            raise MediaError(path, "it is odd.")
        return index(path, **how)

    monkeypatch.setattr(analyst, "index", refuse)
    summary, outcomes = run(root, analyst, folder)
    assert outcomes == {"a.mp4": "added", "b.mp4": "failed", "c.mp4": "added"}
    assert [(f.path.name, f.reason) for f in summary.failed] == [("b.mp4", "it is odd.")]
    assert folders(root) == {film.checksum for film in films(root)}


def test_facet_tags_name_what_made_the_rows(analyst):
    tags = analyst.rows
    assert [tag.facet for tag in tags] == ["mood", "layout"]
    assert [(tag.network, tag.checksum) for tag in tags] == [("mean", "mean-1"), ("", "")]
    assert [tag.file for tag in tags] == ["mood.mean.safetensors", "layout.safetensors"]
    assert {tag.grid for tag in tags} == {2}


@pytest.mark.slow
def test_another_encoder_lies_beside_the_first_and_they_never_meet(root, folder, analyst):
    class Small(MeanEncoder):
        name, side = "clip:A/b", 16

    run(root, analyst, folder)
    before = contents(root)
    other = FacetGroup(Small("small-1"), (Mood(Maker("clip:A/b", "small-1")),))
    both = Analyst(inline(), CutDetector, MeanEncoder(), analyst.facet_groups[0].facets, other)
    assert len(rows(root, both).left_out) == len(LOOKS)  # until it is indexed by both
    assert run(root, both, folder)[1] == dict.fromkeys(LOOKS, "updated")
    assert run(root, both, folder)[1] == dict.fromkeys(LOOKS, "known")
    after = contents(root)
    assert {path: after[path] for path in before} == before
    added = {path.name for path in after.keys() - before.keys()}
    assert added == {"mood.clip-a-b.safetensors"}
    assert {facet.name: facet.maker.name for facet in both.matched} == {
        "layout": "",
        "mood": "clip:A/b",
    }
    # Each reads its own rows, and a source is described by those that it is matched with.
    for looking in (analyst, both):
        loaded = rows(root, looking)
        assert not loaded.left_out
        film = loaded.films[0]
        described = looking.describe(film.footage.path, grid=2)
        analysis = looking.analyse(film.footage.path, 2)
        for name in ("mood", "layout"):
            assert np.array_equal(film.rows[name], described.features[name])
            assert np.array_equal(film.rows[name], analysis.features[name])


@pytest.mark.slow
def test_new_footage_is_indexed_by_both_encoders_at_once(root, folder):
    other = FacetGroup(MeanEncoder("mean-9"), (Mood(Maker("other", "mean-9")),))
    own = (Mood(Maker("mean", "mean-1")), Layout())
    both = Analyst(inline(), CutDetector, MeanEncoder(), own, other)
    assert run(root, both, folder)[1] == dict.fromkeys(LOOKS, "added")
    assert not rows(root, both).left_out
    assert not rows(root, Analyst(inline(), CutDetector, MeanEncoder(), own)).left_out


@pytest.mark.slow
def test_a_new_facet_is_added_and_nothing_else_is_made_again(root, folder):
    """Shots are not looked for again, and the other files stay what they are."""

    class Blind(CutDetector):
        def finish(self) -> Prediction:
            raise AssertionError("shots were looked for again")

    first = Analyst(inline(), CutDetector, MeanEncoder(), FACETS[:1])
    run(root, first, folder)
    before = {path: path.stat().st_mtime_ns for path in (root / "footage").glob("??/*/*")}
    both = Analyst(inline(), Blind, MeanEncoder(), FACETS)
    summary, _ = run(root, both, folder)
    assert len(summary.updated) == len(LOOKS)
    after = {path: path.stat().st_mtime_ns for path in (root / "footage").glob("??/*/*")}
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} == {"layout.safetensors"}
    whole, _ = run(root, both, folder)
    assert len(whole.known) == len(LOOKS)


@pytest.mark.slow
def test_what_is_no_film_is_counted_by_kind_and_never_called_damaged(
    root: Path, folder: Path, originals: Path, analyst: Analyst
) -> None:
    """Films are known by what is in them; what is known is not opened again."""
    shutil.copy2(originals / "other.mp4", folder / "CLIP001.insv")
    (folder / "a.jpg").write_bytes(b"no picture either")
    (folder / "code.ts").write_text("export const a = 1;\n")
    (folder / "GX01.LRV").write_bytes(b"x")
    (folder / "what.xyz").write_bytes(bytes(range(256)))
    (folder / "odd").write_bytes(bytes(range(256)))
    (folder / "$RECYCLE.BIN").mkdir()
    shutil.copy2(originals / "other.mp4", folder / "$RECYCLE.BIN" / "gone.mp4")
    with write_archive(root) as archive:
        summary = ingest(archive, [folder], analyst, Log())
        assert folder / "CLIP001.insv" in summary.added
        assert len(summary.added) == 4
        assert not summary.failed
        assert summary.passed == {"picture": 1, "text": 1, "preview": 1, "other": 2}
        assert summary.endings == {".xyz": 1, "": 1}
        again = ingest(archive, [folder], analyst, Log())
        assert (len(again.known), again.passed) == (4, summary.passed)
