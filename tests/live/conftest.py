"""An archive of real films that move, for a camera to be answered from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import kuleshov
from kuleshov.desk.desk import Desk

SAMPLES = Path(kuleshov.__file__).parent / "samples" / "archive"
_FILMS = ("amsterdam_street.mp4", "drawing_hand.mp4", "minneapolis_flight.mp4", "ocean_wave.mp4")


@pytest.fixture(scope="session")
def samples_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of four films. Nothing may be written to it."""
    root = tmp_path_factory.mktemp("live") / "archive"
    with Desk(root) as desk:
        done = desk.index([SAMPLES / name for name in _FILMS])
    assert not done.failed, done.failed
    return root


@pytest.fixture(scope="module")
def desk(samples_archive: Path) -> Iterator[Desk]:
    with Desk(samples_archive) as opened:
        yield opened
