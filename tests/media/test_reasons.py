"""Why a file cannot be used, and what to do about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kuleshov.errors import MediaError, meant
from kuleshov.media.decode import open_file
from kuleshov.media.gif import read_times
from kuleshov.media.pictures import open_picture
from kuleshov.media.sampling import ReadRequest, read


def nothing(_: Path) -> None:
    pass


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


@pytest.mark.parametrize("make", [nothing, empty, folder, noise])
@pytest.mark.parametrize(
    "use",
    [open_file, read_times, lambda p: list(read(ReadRequest(p))), lambda p: open_picture(p, 64)],
)
def test_each_reason_says_what_to_do(tmp_path, make, use):
    path = tmp_path / "film.gif"
    make(path)
    with pytest.raises(MediaError) as caught:
        use(path)
    reason, _, advice = caught.value.reason.rstrip(".").partition(": ")
    assert reason
    assert advice, caught.value.reason


def test_what_is_nearly_a_name_is_told():
    assert meant("trians", ["boats", "Trains"]) == "did you mean Trains?"
    assert meant("xyz", ["boats", "Trains"]) == "there are boats, Trains."
