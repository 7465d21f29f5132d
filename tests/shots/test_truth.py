"""Shots of real films, against boundaries that were labelled by eye (`labelled` says how).

The films are no part of the project: `KULESHOV_FOOTAGE` names the folder that holds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuleshov.footage import Transition
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.media.worker import Worker
from kuleshov.shots.detector import detector
from kuleshov.shots.finder import ShotFinder
from kuleshov.timecode import FrameRange
from labelled import Boundary, Labelled, judge, load_labels

pytestmark = pytest.mark.slow

TRUTH = Path(__file__).parent / "truth"
F1 = 0.98


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as running:
        yield running


def labelled_film(footage: Path, name: str) -> tuple[Labelled, Path]:
    """The labels of a film, and the film itself. Skips the test where it is absent."""
    labelled = load_labels(TRUTH / f"{name}.json")
    path = footage / labelled.film
    if not path.exists():
        pytest.skip(f"there is no {labelled.film} in {footage}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != labelled.sha256:
        pytest.skip(f"{path} is not the file that was labelled")
    return labelled, path


NAMES = ["trip_to_the_moon_trailer", "bodypaint_edited", "opossum_snow", "bikes", "sintel_trailer"]


@pytest.mark.parametrize("name", NAMES)
def test_shots_of_a_film(footage, worker, name):
    labelled, path = labelled_film(footage, name)
    finder = ShotFinder(detector())
    for message in worker.read(ReadRequest(path, per_second=1, picture=32)):
        if isinstance(message, FrameBatch):
            finder.feed(message.tiny)
    shots = finder.finish()
    assert shots[-1].frames.end == labelled.frames
    verdict = judge([shot.transition for shot in shots[1:]], labelled)
    assert verdict.f1 >= F1, str(verdict)
    assert not [one for one in verdict.missed if one.kind != "cut"], str(verdict)


def at(first: int, end: int | None = None) -> FrameRange:
    return FrameRange(first, first if end is None else end)


def test_what_is_counted():
    labelled = Labelled(
        "film.mp4",
        "",
        200,
        (
            Boundary("cut", at(10), ""),
            Boundary("cut", at(20), ""),
            Boundary("cut", at(30, 31), "one frame shows both"),
            Boundary("dissolve", at(50, 60), ""),
            Boundary("fade", at(80, 90), ""),
            Boundary("doubtful", at(100), ""),
            Boundary("doubtful", at(150), ""),
        ),
    )
    found = [
        Transition("cut", at(9)),  # one frame off
        Transition("dissolve", at(14, 26)),  # too long for a cut
        Transition("cut", at(32)),
        Transition("cut", at(48)),  # two frames before the dissolve
        Transition("cut", at(95)),  # five after the fade
        Transition("cut", at(101)),
    ]
    verdict = judge(found, labelled)
    assert (verdict.cuts, verdict.right) == (3, 2)
    assert [one.frames.first for one in verdict.missed] == [20, 80]
    assert [one.frames.first for one in verdict.false] == [14, 95]
    assert verdict.f1 == pytest.approx(4 / 7)


def test_a_cut_is_found_once():
    labelled = Labelled("film.mp4", "", 99, (Boundary("cut", at(10), ""),))
    verdict = judge([Transition("cut", at(9)), Transition("cut", at(10))], labelled)
    assert (verdict.right, verdict.missed) == (1, ())
    assert [one.frames.first for one in verdict.false] == [9]
    assert judge([Transition("cut", at(12))], labelled).right == 0
