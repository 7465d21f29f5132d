"""The archive's files: features that describe themselves, stills, and writing whole."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open

from kuleshov.archive.stills import (
    STILLS,
    StillSpool,
    still_box,
    still_path,
    write_stills,
)
from kuleshov.archive.store import Store, read_tensors, write_tensors, write_whole
from kuleshov.errors import ArchiveError
from kuleshov.features.specs import RowsSpec
from kuleshov.footage import Shot, Transition
from kuleshov.timecode import FrameRange

TAG = RowsSpec("subject", 3, "lite0", "c0ffee", 2)
FILM = "ab" + "0" * 62


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((7, 5)).astype(np.float16)


@pytest.fixture
def store(tmp_path: Path, rows: np.ndarray) -> Store:
    made = Store(tmp_path)
    made.write_features(FILM, TAG, rows)
    made.write_frames(FILM, np.arange(4) * 512, np.array([0, 2]))
    return made


class TestFeatures:
    def test_come_back_as_they_were(self, store, rows):
        np.testing.assert_array_equal(store.features(FILM, TAG), rows)
        pts, shown = store.frames(FILM)
        assert (pts.tolist(), shown.tolist()) == ([0, 512, 1024, 1536], [0, 2])

    def test_are_mapped_into_memory_and_cannot_be_changed(self, store):
        for array in (store.features(FILM, TAG), *store.frames(FILM)):
            base = array
            while not isinstance(base, np.memmap):
                assert base.base is not None, "the numbers were copied"
                base = base.base
            assert not array.flags.writeable

    def test_say_what_they_are_to_any_reader(self, store, rows):
        with safe_open(store.folder(FILM) / TAG.file, "np") as file:
            assert file.metadata() == {
                "facet": "subject",
                "version": "3",
                "model": "lite0",
                "model_checksum": "c0ffee",
                "grid": "2",
                "footage": FILM,
            }
            np.testing.assert_array_equal(file.get_tensor("rows"), rows)
        with safe_open(store.folder(FILM) / "frames.safetensors", "np") as file:
            assert file.get_tensor("pts").tolist() == [0, 512, 1024, 1536]
            assert file.get_tensor("shown").dtype == np.int64

    def test_numbers_are_aligned(self, store):
        data = (store.folder(FILM) / TAG.file).read_bytes()
        assert (8 + int.from_bytes(data[:8], "little")) % 8 == 0

    @pytest.mark.parametrize(
        "other",
        [
            RowsSpec("subject", 4, "lite0", "c0ffee", 2),
            RowsSpec("subject", 3, "lite2", "c0ffee", 2),
            RowsSpec("subject", 3, "lite0", "decaf", 2),
            RowsSpec("subject", 3, "lite0", "c0ffee", 8),
        ],
    )
    def test_of_another_make_are_refused(self, store, other):
        with pytest.raises(ArchiveError, match="index the footage again"):
            store.features(FILM, other)
        assert store.has(FILM, [TAG])
        assert not store.has(FILM, [TAG, other])

    def test_missing(self, store):
        with pytest.raises(ArchiveError, match="missing: index the footage again"):
            store.features("cd" + FILM[2:], TAG)
        with pytest.raises(ArchiveError, match="missing"):
            store.features(FILM, RowsSpec("tone", 1, "lite0", "c0ffee", 2))

    def test_no_rows(self, tmp_path):
        store = Store(tmp_path)
        store.write_features(FILM, TAG, np.zeros((0, 5), np.float16))
        assert store.features(FILM, TAG).shape == (0, 5)

    def test_every_way_of_cutting_a_file_short_is_told(self, store):
        path = store.folder(FILM) / TAG.file
        data = path.read_bytes()
        for length in range(len(data)):
            path.write_bytes(data[:length])
            with pytest.raises(ArchiveError, match="damaged"):
                store.features(FILM, TAG)

    @pytest.mark.parametrize(
        "header",
        [
            b"[]",
            b"3",
            b'{"rows":3}',
            b'{"rows":{"dtype":"F16","shape":[1]}}',
            b'{"rows":{"dtype":"X","shape":[1],"data_offsets":[0,2]}}',
            b'{"rows":{"dtype":"F16","shape":[9],"data_offsets":[0,2]}}',
            b'{"rows":{"dtype":"F16","shape":[1],"data_offsets":["a",2]}}',
            b'{"__metadata__":[],"rows":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}',
            b'{"__metadata__":SAID,"other":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}',
            b'{"__metadata__":SAID}',
        ],
    )
    def test_a_header_that_makes_no_sense_is_told(self, store, header):
        path = store.folder(FILM) / TAG.file
        said = json.dumps(TAG.metadata()).encode()
        header = header.replace(b"SAID", said)
        path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
        with pytest.raises(ArchiveError, match="index the footage again"):
            store.features(FILM, TAG)


class TestTensors:
    def test_the_same_tensors_give_the_same_bytes(self, tmp_path):
        one: dict[str, NDArray[Any]] = {
            "a": np.arange(3),
            "b": np.zeros(2, np.float16),
            "c": np.ones((2, 2), np.float32),
        }
        write_tensors(tmp_path / "1", one, {"x": "1", "y": "2"})
        write_tensors(tmp_path / "2", dict(reversed(one.items())), {"y": "2", "x": "1"})
        assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()

    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.int64, np.uint8])
    def test_all_kinds_of_numbers(self, tmp_path, kind):
        array = np.arange(24).reshape(2, 3, 4).astype(kind)[:, ::-1]
        write_tensors(tmp_path / "t", {"odd": np.ones(3, np.uint8), "array": array}, {"é": "ü"})
        found, metadata = read_tensors(tmp_path / "t")
        assert found["array"].dtype == kind
        np.testing.assert_array_equal(found["array"], array)
        assert metadata == {"é": "ü"}


class TestWholeFiles:
    def test_replace_and_leave_nothing_else(self, tmp_path):
        path = tmp_path / "new" / "file"
        write_whole(path, b"one")
        write_whole(path, b"two")
        assert path.read_bytes() == b"two"
        assert list(path.parent.iterdir()) == [path]

    def test_are_synced_before_they_are_renamed(self, tmp_path, monkeypatch):
        happened: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def synced(file):
            happened.append("sync")
            fsync(file)

        def renamed(path, to):
            happened.append("rename")
            return replace(path, to)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", renamed)
        write_whole(tmp_path / "file", b"data")
        wanted = ["sync", "rename"] if sys.platform == "win32" else ["sync", "rename", "sync"]
        assert happened == wanted

    def test_the_old_one_stays_where_the_new_one_fails(self, tmp_path, monkeypatch):
        write_whole(tmp_path / "file", b"old")
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OSError, match="full"):
            write_whole(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"old"


class TestSweep:
    def test_removes_what_nobody_knows(self, store, tmp_path):
        other, sibling = "cd" + FILM[2:], FILM[:-1] + "1"
        for checksum in (other, sibling):
            store.write_frames(checksum, np.arange(2), np.arange(1))
        (store.folder(FILM) / f"{TAG.file}.partial").write_bytes(b"half")
        store.sweep({FILM})
        left = sorted(path.name for path in store.folder(FILM).iterdir())
        assert left == ["frames.safetensors", "subject.lite0.safetensors"]
        assert [path.name for path in (tmp_path / "footage").iterdir()] == ["ab"]
        assert [path.name for path in (tmp_path / "footage" / "ab").iterdir()] == [FILM]

    def test_of_an_archive_without_files(self, tmp_path):
        Store(tmp_path).sweep(set())


def shots_of(count: int, length: int = 6) -> list[Shot]:
    return [
        Shot(
            i,
            FrameRange(i * length, (i + 1) * length),
            FrameRange(i * length, (i + 1) * length),
            Transition("cut" if i else "none", FrameRange(i * length, i * length)),
        )
        for i in range(count)
    ]


class TestStills:
    """Each row of the spool is a flat grey that says which frame it shows."""

    def write(self, folder: Path, shots: list[Shot], shown: np.ndarray, aspect: Fraction) -> None:
        with StillSpool() as spool:
            for part in np.array_split(shown, 3):
                grey = (part * 3 % 256).astype(np.uint8)
                shades = np.broadcast_to(grey[:, None, None, None], (len(part), 32, 32, 3))
                spool.add(shades, np.arange(len(part)))
            assert len(spool) == len(shown)
            write_stills(folder, spool, shots, shown, aspect)

    def level(self, folder: Path, shot: int, still: int, aspect: Fraction) -> float:
        place = still_box(shot, still, aspect)
        with Image.open(still_path(folder, place.image)) as image:
            assert place.box[2] <= image.width
            assert place.box[3] <= image.height
            return float(np.asarray(image.crop(place.box)).mean())

    @pytest.mark.parametrize("aspect", [Fraction(16, 9), Fraction(4, 3), Fraction(9, 16)])
    def test_show_the_beginning_middle_and_end_of_each_shot(self, tmp_path, aspect):
        shots, shown = shots_of(12), np.arange(0, 72)
        self.write(tmp_path, shots, shown, aspect)
        for shot in shots:
            for still in range(STILLS):
                frame = shot.core.first + (1, 3, 5)[still]
                assert self.level(tmp_path, shot.index, still, aspect) == pytest.approx(
                    frame * 3 % 256, abs=3
                )

    @pytest.mark.slow
    def test_many_shots_take_several_images(self, tmp_path):
        shots, shown = shots_of(500, 2), np.arange(0, 1000)
        self.write(tmp_path, shots, shown, Fraction(1))
        images = sorted(path.name for path in tmp_path.iterdir())
        assert images == ["stills-000.jpg", "stills-001.jpg", "stills-002.jpg"]
        for shot in (0, 7, 8, 239, 240, 479, 480, 499):
            first = shots[shot].core.first
            assert self.level(tmp_path, shot, 0, Fraction(1)) == pytest.approx(
                first * 3 % 256, abs=4
            )

    def test_a_shot_between_two_rows_is_black(self, tmp_path):
        self.write(tmp_path, shots_of(3), np.array([5, 14]), Fraction(4, 3))
        levels = [self.level(tmp_path, shot, 1, Fraction(4, 3)) for shot in range(3)]
        assert levels == [pytest.approx(level, abs=3) for level in (15, 0, 42)]

    def test_sizes_follow_the_aspect_within_reason(self):
        def width(aspect: Fraction) -> int:
            left, _, right, _ = still_box(0, 0, aspect).box
            return right - left

        assert width(Fraction(16, 9)) == 160
        assert width(Fraction(1, 50)) == 30
        assert width(Fraction(50)) == 320
