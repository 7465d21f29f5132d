"""`kuleshov live --source`: a film as the camera, an answer a line."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import kuleshov
from films import make_film, numbered
from kuleshov.cli.main import main
from kuleshov.desk.desk import Desk
from kuleshov.desk.live_source import Camera

pytestmark = pytest.mark.slow


def test_each_answer_is_a_line_and_the_right_footage_leads(samples_archive, tmp_path):
    from pathlib import Path

    street = Path(kuleshov.__file__).parent / "samples" / "archive" / "amsterdam_street.mp4"
    film = tmp_path / "camera.mp4"
    shutil.copy(street, film)
    told = CliRunner().invoke(
        main,
        [
            *("live", "--source", str(film), "--seconds", "3", "--json"),
            *("--archive", str(samples_archive)),
        ],
    )
    assert told.exit_code == 0, told.output
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert lines
    for line in lines:
        assert set(line) == {
            *("t_s", "footage", "start_s", "mirrored", "score", "facets", "latency_ms")
        }
        assert 0 <= line["t_s"] < 3
    assert [line["t_s"] for line in lines] == sorted({line["t_s"] for line in lines})
    ours = [line for line in lines if line["footage"] == str(street)]
    assert len(ours) > 0.8 * len(lines)


def test_frames_that_come_too_late_are_dropped(samples_archive, tmp_path):
    film = make_film(tmp_path / "film.mp4", numbered(50), rate=25)
    with Desk(samples_archive) as desk, Camera(desk, film) as camera:
        assert camera.rate == 25
        first = camera.newest()
        assert first.time == 0
        assert camera._began is not None
        camera._began -= 1.0  # a second passes
        later = camera.newest()
        assert later.time >= 0.96
        assert camera.dropped >= 23
        camera._began -= 10.0
        while (frame := camera.newest()) is not None:
            later = frame
        assert later.time == pytest.approx(49 / 25)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "nowhere.mp4"], "nowhere.mp4"),
        (["--source", __file__], "test_live_verb.py"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(samples_archive, arguments, said):
    told = CliRunner().invoke(main, ["live", *arguments, "--archive", str(samples_archive)])
    assert told.exit_code in (1, 2)
    assert said in (told.output + str(told.exception))
