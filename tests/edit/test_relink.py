"""Projects whose media lie elsewhere: opened without asking where it is clear, else relinked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fakes import film_of_shots
from kuleshov.archive.catalogue import Location
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.relink import Need, film_lengths, guess, lost_media, relinked
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Gap, Layout, Media, Sound, Timeline, Track

F = Fraction
OFFER = {
    "footage": "/old/a.mp4", "checksum": "aa", "shot": 1, "start": "1/2", "end": "5/2",
    "speed": "1", "mirrored": False, "score": 0.5, "facets": {"tone": 0.5},
}  # fmt: skip
CANDIDATES: dict[str, Any] = {"kuleshov": {"candidates": [OFFER], "shot": 3}}


def timeline(*paths: Path | str, sound: Path | None = None, **media: Any) -> Timeline:
    items = [Clip(Media(Path(path), **media), F(1, 5), 10) for path in paths]
    track = Track("recut", (*items, Gap(2)))
    heard = None if sound is None else Sound(Media(sound))
    return Timeline("t", F(10), Layout.single(64, 48), (track,), heard)


def paths(project: Path) -> list[Path]:
    read = read_otio(project)
    shown = [item.media.path for item in read.track("recut").items if isinstance(item, Clip)]
    return shown + ([read.sound.media.path] if read.sound else [])


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        film_of_shots(file)  # 2 s


class TestOpening:
    def test_a_project_that_was_moved_with_its_media(self, tmp_path):
        old, new = tmp_path / "old", tmp_path / "new"
        touch(old / "media/a b.mp4", old / "c.mp4")
        write_otio(timeline(old / "media/a b.mp4", sound=old / "c.mp4"), old / "p.otio")
        shutil.move(old, new)
        assert paths(new / "p.otio") == [new / "media/a b.mp4", new / "c.mp4"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("written", "beside"),
        [
            ("/home/someone/films/sea/a.mp4", "films/sea/a.mp4"),
            ("/home/someone/films/sea/a.mp4", "sea/a.mp4"),
            ("/home/someone/films/sea/a.mp4", "a.mp4"),
            ("C:\\Users\\me\\films\\a.mp4", "films/a.mp4"),
            ("\\\\server\\share\\films\\a.mp4", "films/a.mp4"),
        ],
    )
    def test_the_end_of_a_path_below_the_folder(self, written, beside, tmp_path):
        touch(tmp_path / beside)
        write_otio(timeline(written), tmp_path / "p.otio")
        assert paths(tmp_path / "p.otio") == [tmp_path / beside]

    def test_a_path_as_another_program_writes_it(self, tmp_path):
        write_otio(timeline("/x/films/a.mp4"), tmp_path / "p.otio")
        text = json.loads((tmp_path / "p.otio").read_text())

        def bare(value):
            if isinstance(value, dict):
                return {k: {} if k == "metadata" else bare(v) for k, v in value.items()}
            return [bare(v) for v in value] if isinstance(value, list) else value

        (tmp_path / "p.otio").write_text(
            json.dumps(bare(text)).replace("file:///x/films", "file:///C:/x/films")
        )
        touch(tmp_path / "films/a.mp4")
        assert paths(tmp_path / "p.otio") == [tmp_path / "films/a.mp4"]

    def test_the_longest_end_is_taken(self, tmp_path):
        touch(tmp_path / "sea/a.mp4", tmp_path / "a.mp4")
        write_otio(timeline("/films/sea/a.mp4"), tmp_path / "p.otio")
        assert paths(tmp_path / "p.otio") == [tmp_path / "sea/a.mp4"]

    def test_what_is_there_as_written_is_taken_before_anything_else(self, tmp_path):
        there = tmp_path / "films/a.mp4"
        touch(there, tmp_path / "project/films/a.mp4", tmp_path / "project/a.mp4")
        write_otio(timeline(there), tmp_path / "project/p.otio")
        assert paths(tmp_path / "project/p.otio") == [there]

    def test_nothing_is_guessed_beyond_that(self, tmp_path):
        touch(tmp_path / "elsewhere/a.mp4", tmp_path / "b.mp4")
        written = [Path("/films/a.mp4"), Path("/card1/b.mp4"), Path("/card2/b.mp4")]
        write_otio(timeline(*written), tmp_path / "p.otio")
        assert paths(tmp_path / "p.otio") == written

    @pytest.mark.slow
    def test_a_name_alone_is_not_enough_where_the_length_is_another(self, tmp_path):
        touch(tmp_path / "a.mp4")
        span = TimeRange(F(0), F(6))
        write_otio(timeline("/card/a.mp4", available=span), tmp_path / "p.otio")
        assert paths(tmp_path / "p.otio") == [Path("/card/a.mp4")]
        span = TimeRange(F(0), F(2))
        write_otio(timeline("/card/a.mp4", available=span), tmp_path / "q.otio")
        assert paths(tmp_path / "q.otio") == [tmp_path / "a.mp4"]


class TestLost:
    def test_each_file_once_with_the_end_of_what_is_shown(self, tmp_path):
        touch(tmp_path / "there.mp4")
        gone = tmp_path / "gone.mp4"
        lost = lost_media(timeline(gone, tmp_path / "there.mp4", gone, sound=gone), {})
        assert lost == (Need(Media(gone), F(6, 5)),)

    def test_a_file_of_another_size_is_another_film(self, tmp_path):
        touch(tmp_path / "a.mp4")
        film = timeline(tmp_path / "a.mp4", checksum="aa")
        size = (tmp_path / "a.mp4").stat().st_size
        assert lost_media(film, {"aa": size}) == ()
        assert [need.media.checksum for need in lost_media(film, {"aa": size + 1})] == ["aa"]

    def test_relinked_moves_clips_sound_and_candidates(self):
        old = timeline("/old/a.mp4", "/old/b.mp4", sound=Path("/old/a.mp4"))
        first = replace(old.tracks[0].items[0], metadata=CANDIDATES)
        track = replace(old.tracks[0], items=(first, *old.tracks[0].items[1:]))
        new = relinked(
            replace(old, tracks=(track,)),
            {Path("/old/a.mp4"): Path("/new/z.mp4")},
            {"aa": Path("/new/z.mp4")},
        )
        items = new.tracks[0].items
        assert [item.media.path for item in items[:2]] == [Path("/new/z.mp4"), Path("/old/b.mp4")]
        assert new.sound is not None
        assert new.sound.media.path == Path("/new/z.mp4")
        assert items[0].metadata["kuleshov"] == {
            "candidates": [{**OFFER, "footage": "/new/z.mp4"}],
            "shot": 3,
        }
        assert CANDIDATES["kuleshov"]["candidates"][0]["footage"] == "/old/a.mp4"


class TestGuess:
    def need(self, path="/old/sea/a.mp4", end=2, available=None):
        span = None if available is None else TimeRange(F(0), F(available))
        return Need(Media(Path(path), available=span), F(end))

    def guessed(self, need, lengths):
        places = [Location(Path(path), 1, 1) for path in lengths]
        return guess(need, places, lambda path: lengths[str(path)])

    def test_by_name_and_length(self):
        lengths = {"/n/A.MP4": F(9), "/n/b.mp4": F(9)}
        assert self.guessed(self.need(), lengths) == Path("/n/A.MP4")
        assert self.guessed(self.need(available=9), lengths) == Path("/n/A.MP4")
        assert self.guessed(self.need(available=F("7.5")), lengths) == Path("/n/A.MP4")  # sound
        assert self.guessed(self.need("C:\\v\\b.mp4"), lengths) == Path("/n/b.mp4")
        assert self.guessed(self.need(), {"/n/a.mp4": None}) == Path("/n/a.mp4")

    def test_not_where_it_is_too_short_or_another_length(self):
        assert "not its length" in str(self.guessed(self.need(end=10), {"/n/a.mp4": F(9)}))
        assert "not its length" in str(self.guessed(self.need(available=6), {"/n/a.mp4": F(9)}))
        assert "not its length" in str(self.guessed(self.need(available=10), {"/n/a.mp4": F(9)}))
        assert self.guessed(self.need(), {"/n/b.mp4": F(9)}) == "no file has its name."

    def test_of_several_the_one_whose_folders_are_most_alike(self):
        lengths = {"/n/sea/a.mp4": F(9), "/n/land/a.mp4": F(9)}
        assert self.guessed(self.need(), lengths) == Path("/n/sea/a.mp4")
        doubtful = self.guessed(self.need("/q/a.mp4"), lengths)
        assert doubtful == ("several files have its name and length: /n/sea/a.mp4, /n/land/a.mp4.")

    def test_length_is_read_from_the_header(self, tmp_path):
        film_of_shots(tmp_path / "a.mp4", (60, 180))
        (tmp_path / "b.mp4").write_bytes(b"no film")
        told = film_lengths([tmp_path / "a.mp4", tmp_path / "b.mp4"])
        assert told[tmp_path / "a.mp4"] == pytest.approx(2, abs=0.11)
        assert told[tmp_path / "b.mp4"] == 0
