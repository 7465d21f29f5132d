"""Small files, written whole, by any number of jobs at once."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import pytest

from films import numbered
from kuleshov.archive.store import read_tensors, write_tensors
from kuleshov.files import new_beside, write_bytes
from kuleshov.media.write import FilmWriter


def test_two_files_beside_one_path_are_two(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    one, other = new_beside(path, ".part"), new_beside(path, ".part")
    assert one != other
    assert {one.parent, other.parent} == {tmp_path}
    assert {one.name[0], other.name[0]} == {"."}
    plain = tmp_path / "plain"
    plain.touch()
    assert one.stat().st_mode == plain.stat().st_mode
    plain.chmod(0o600)
    assert new_beside(plain).stat().st_mode == plain.stat().st_mode


def test_two_writers_of_one_film_do_not_meet(tmp_path: Path) -> None:
    from films import read_film, read_number

    out = tmp_path / "film.mp4"
    writers = [FilmWriter(out, 320, 180, Fraction(25)) for _ in range(2)]
    for first, second in zip(numbered(10), numbered(10, first=100), strict=True):
        writers[0].write(first)
        writers[1].write(second)
    writers[1].close()
    assert [read_number(picture.luma) for picture in read_film(out)] == [*range(100, 110)]
    writers[0].close()
    assert [read_number(picture.luma) for picture in read_film(out)] == [*range(10)]
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "tensors"])
def test_many_at_once_leave_one_whole_file(tmp_path: Path, kind: str) -> None:
    import numpy as np

    path = tmp_path / "file"
    wrong: list[BaseException] = []

    def job(number: int) -> None:
        try:
            for _ in range(20):
                if kind == "bytes":
                    write_bytes(path, bytes([number]) * 100_000)
                else:
                    write_tensors(path, {"rows": np.full(100_000, number, np.int64)}, {})
        except BaseException as error:  # noqa: BLE001 - told by the test
            wrong.append(error)

    jobs = [threading.Thread(target=job, args=(number,)) for number in range(4)]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()
    assert not wrong
    if kind == "bytes":
        assert len(set(path.read_bytes())) == 1
        assert path.stat().st_size == 100_000
    else:
        assert len(np.unique(read_tensors(path, "rows")[0]["rows"])) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
