"""Takes to the frame: where cuts lie, what is shown there, and all up to the last picture."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest

from kuleshov.desk.live import Answer
from kuleshov.desk.takes import Take, TakeHead, finished, unfinished
from kuleshov.match.live.holding import Shown
from kuleshov.match.live.moments import Moment, Spot
from kuleshov.project.file import read_otio
from kuleshov.timeline import Clip

pytestmark = pytest.mark.slow

RATE, FRAMES = 24, 60
BEGINS = 100.0  # s of the camera's clock at the film's first picture
SAMPLES = Path(__file__).parents[2] / "src" / "kuleshov" / "samples" / "archive"


def recorded() -> bytes:
    """A camera film, as a browser records it: a cluster now and then, without an index."""
    out = io.BytesIO()
    live = {"live": "1", "cluster_time_limit": "250"}
    with (
        av.open(str(SAMPLES / "ocean_wave.mp4")) as film,
        av.open(out, "w", format="webm", options=live) as made,
    ):
        stream = made.add_stream("libvpx", rate=RATE, width=160, height=90, pix_fmt="yuv420p")
        for number, picture in zip(range(FRAMES), film.decode(video=0), strict=False):
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            made.mux(stream.encode(picture))
        made.mux(stream.encode())
    return out.getvalue()


@pytest.fixture(scope="module")
def data() -> bytes:
    return recorded()


@pytest.fixture(scope="module")
def films(desk):
    return [film for film in desk.stock()[0].rows.films if len(film.shots)]


def answered(take, films, number, at, which, into):
    """Answer from a film, `into` s after its longest shot begins; return the media time."""
    film = films[which]
    place = max(range(len(film.shots)), key=lambda n: film.core(film.shots[n]).duration)
    core = film.core(film.shots[place])
    low, high = float(core.start), float(core.end)
    spot = Spot(which, place, low + into, False)
    moment = Moment(spot, 5.0, {}, low, high)
    shown = Shown(at, spot, number, 5.0, 0.5, {}, low, high, moment)
    take.answered(at, Answer(shown, film.footage, 0.01), film)
    return film.frame_start(Fraction(spot.time))


def begun(folder, data):
    take = Take.begin(folder, TakeHead(".webm"))
    third = len(data) // 3
    for number, part in enumerate((data[:third], data[third : 2 * third], data[2 * third :])):
        take.part(part, number, BEGINS)
    return take


def project_of(take, desk):
    project = finished(take.journal, desk)
    assert project is not None
    return read_otio(project)


@pytest.mark.parametrize("late", [0.0, 0.015, -0.015])
def test_clips_begin_at_the_frame_and_with_the_picture_that_were_shown(
    desk, films, data, tmp_path, late
):
    take = begun(tmp_path, data)
    shown = [
        answered(take, films, 1, BEGINS - 0.5, 0, 0.25),
        answered(take, films, 2, BEGINS + 0.5 + late, 1, 0.5),
        answered(take, films, 2, BEGINS + 1.0, 1, 1.0),  # it runs on
        answered(take, films, 3, BEGINS + 1.25 + late, 2, 0.75),
    ]
    take.end()
    timeline = project_of(take, desk)
    assert timeline.rate == RATE
    assert timeline.duration == FRAMES
    parts = [one for one in timeline.recut.items if isinstance(one, Clip)]
    assert [one.first for one in timeline.recut.ranges()] == [0, 12, 30]
    assert [one.media.checksum for one in parts] == [f.footage.checksum for f in films[:3]]
    # At the instant at which it was seen each clip shows what was shown then.
    instants = (-0.5, 0.5 + late, 1.25 + late)
    for clip, media, at, first in zip(
        parts, (shown[0], shown[1], shown[3]), instants, (0, 12, 30), strict=True
    ):
        there = clip.start + Fraction(at) - Fraction(first, RATE)
        assert abs(there - media) < Fraction(1, 2 * RATE)


def test_what_ends_in_the_middle_of_a_word_is_kept_up_to_there(desk, films, data, tmp_path):
    take = begun(tmp_path, data[:-400])
    answered(take, films, 1, BEGINS, 0, 0.25)
    answered(take, films, 2, BEGINS + 1.75, 1, 0.25)
    take.end()
    with take.journal.open("ab") as file:
        file.write(b'{"at":101.9,"check')
    assert unfinished(tmp_path) == [take.journal]
    timeline = project_of(take, desk)
    assert FRAMES - RATE // 4 <= timeline.duration <= FRAMES
    assert [one.first for one in timeline.recut.ranges()] == [0, 42]
