"""Stills of what may be opened, and of the archive: made once, aside, and never an error."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import misdeeds
from films import flat, make_film
from kuleshov.archive.archive import write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.stills import still_box, still_path
from kuleshov.desk import posters
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.media.guard import Helper
from kuleshov.project.file import write_otio
from kuleshov.studio import places
from kuleshov.studio.places import id_of
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Gap, Layout, Media, Timeline, Track
from studios import client_of, session_at

SIZE = (320, 180)
RED, BLUE = (81, 90, 240), (41, 240, 110)  # Y, U, V
CHECKSUM = "ab" * 32


def film(path: Path, *parts: tuple[int, tuple[int, int, int]], **options: Any) -> Path:
    """A film of so many pictures of each colour, the left half of each dark."""
    pictures = []
    for count, colour in parts:
        picture = flat(*colour, size=SIZE)
        picture[: SIZE[1], : SIZE[0] // 2] = 20
        pictures += [picture] * count
    return make_film(path, pictures, gop=250, **options)


def project_of(path: Path, source: Path) -> Path:
    """A project of a recut that shows nothing, of a film."""
    clip = Clip(Media(source), Fraction(0), 50)
    shown = (Gap(50, metadata={"kuleshov": {"shot": 1, "slot": "1"}}),)
    tracks = (Track("recut", shown), Track("source", (clip,)))
    write_otio(Timeline("film", Fraction(25), Layout.single(*SIZE), tracks), path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KULESHOV_PREVIEWS", str(tmp_path / "previews"))
    monkeypatch.setattr(places, "_FRESH", 0.0)  # films come and go faster than with people
    (tmp_path / "films").mkdir()
    return tmp_path / "films"


@pytest.fixture
def client(folder, tmp_path) -> Iterator[Any]:
    with (
        session_at(tmp_path / "home", tmp_path / "archive", [folder]) as session,
        client_of(session) as client,
    ):
        yield client


def of(path: Path) -> str:
    return f"/media/poster/{id_of(path)}.jpg"


def middle(answer: Any) -> tuple[int, int, int]:
    """The colour right of the middle of a still."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    height, width, _ = picture.shape
    r, g, b = map(int, picture[height // 2, width * 3 // 4])
    return r, g, b


@pytest.fixture
def calls(monkeypatch) -> list[Any]:
    """What the process is asked for."""
    made: list[Any] = []
    call = Helper.call

    def counted(self: Helper, function: Any, *arguments: Any, **options: Any) -> Any:
        made.append(arguments)
        return call(self, function, *arguments, **options)

    monkeypatch.setattr(Helper, "call", counted)
    return made


def test_a_film_is_shown_as_it_is_a_little_later_than_at_its_beginning(client, folder):
    """Of a film that begins in one colour and goes on in another, at a seventh of it."""
    path = film(folder / "a.mp4", (20, BLUE), (80, RED), (100, BLUE))
    answer = client.get(of(path))
    r, _, b = middle(answer)
    assert r > 180 > 90 > b
    assert Image.open(io.BytesIO(answer.content)).size == SIZE, "it is not made larger than it is"
    assert answer.headers["cache-control"].startswith("private")


def test_black_is_passed_over_where_something_else_is_found(client, folder):
    path = film(folder / "a.mp4", (80, (16, 128, 128)), (20, RED), (100, BLUE))
    r, _, b = middle(client.get(of(path)))
    assert max(r, b) > 150
    dark = folder / "dark.mp4"
    make_film(dark, [flat(16, size=SIZE)] * 30)
    assert max(middle(client.get(of(dark)))) < 20, "where all is black, that is shown"


def test_a_turned_film_stands_upright(client, folder):
    path = film(folder / "turned.mp4", (50, RED), rotation=90)
    picture = Image.open(io.BytesIO(client.get(of(path)).content)).convert("L")
    assert picture.size == (180, 320)
    upper, lower = np.asarray(picture)[:150].mean(), np.asarray(picture)[170:].mean()
    assert lower - upper > 15, "what lies left in the file lies above"


def test_it_is_made_once_and_anew_when_the_film_changes(client, folder, calls):
    path = film(folder / "a.mp4", (50, RED))
    first = client.get(of(path))
    assert client.get(of(path)).content == first.content
    assert len(calls) == 1
    film(path, (50, BLUE))
    os.utime(path, ns=(1, 1))
    r, _, b = middle(client.get(of(path)))
    assert b > 150 > r
    assert len(calls) == 2


def test_it_is_there_for_the_next_studio(folder, tmp_path, calls):
    path = film(folder / "a.mp4", (50, RED))
    for _ in range(2):
        with (
            session_at(tmp_path / "home", tmp_path / "archive", [folder]) as session,
            client_of(session) as client,
        ):
            assert client.get(of(path)).status_code == 200
    assert len(calls) == 1
    assert [*(tmp_path / "previews").rglob("posters/*.jpg")]


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, "torn"])
def test_a_film_that_cannot_be_read_is_said_and_not_tried_again(client, folder, calls, content):
    path = folder / "a.mp4"
    if content == "torn":
        content = film(path, (50, RED)).read_bytes()[:3000]
    path.write_bytes(content)
    for _ in range(2):
        answer = client.get(of(path))
        assert answer.status_code == 404, answer.text
        assert set(answer.json()) == {"error", "code"}
        assert "a.mp4" in answer.json()["error"]
    assert len(calls) == 1
    whole = film(folder / "b.mp4", (50, RED))
    assert client.get(of(whole)).status_code == 200
    film(path, (50, RED))
    assert client.get(of(path)).status_code == 200, "a better copy lies there now"


def test_a_film_that_kills_the_process_costs_its_own_still_alone(client, folder, monkeypatch):
    deadly, whole = film(folder / "deadly.mp4", (50, RED)), film(folder / "b.mp4", (50, RED))
    with monkeypatch.context() as patch:
        patch.setattr(posters, "file_still", misdeeds.crash)
        answer = client.get(of(deadly))
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-picture")
    assert "deadly.mp4" in answer.json()["error"]
    assert client.get(of(whole)).status_code == 200
    assert client.get(of(deadly)).status_code == 404, "it is not tried again"


def test_what_no_library_foresaw_is_no_error_of_the_server(client, folder, monkeypatch):
    path = film(folder / "a.mp4", (50, RED))
    monkeypatch.setattr(posters, "file_still", misdeeds.odd)
    assert client.get(of(path)).status_code == 404


def test_a_project_shows_the_film_that_it_remakes(client, folder, tmp_path):
    source = film(tmp_path / "source.mp4", (50, RED))
    project = project_of(tmp_path / "p.otio", source)
    assert client.get(of(project)).status_code == 404, "it was never open"
    recent = [{"path": str(project), "when": 1.0}, {"path": str(tmp_path / "gone.otio"), "when": 0}]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "recent.json").write_text(json.dumps(recent))
    assert middle(client.get(of(project)))[0] > 180
    assert client.get(of(source)).status_code == 404, "its own id says nothing here"
    gone = client.get(of(tmp_path / "gone.otio"))
    assert (gone.status_code, gone.json()["code"]) == (404, "no-such-picture")
    (folder / "other.otio").write_text("{}")
    other = [{"path": str(folder / "other.otio"), "when": 1.0}]
    (tmp_path / "home" / "recent.json").write_text(json.dumps(other))
    assert client.get(of(folder / "other.otio")).status_code == 404


def test_a_source_that_comes_back_is_shown(client, tmp_path, monkeypatch):
    project = project_of(tmp_path / "p.otio", tmp_path / "away" / "source.mp4")
    (tmp_path / "home").mkdir()
    recent = [{"path": str(project), "when": 1.0}]
    (tmp_path / "home" / "recent.json").write_text(json.dumps(recent))
    monkeypatch.setattr(posters, "_AGAIN", 0.0)
    assert client.get(of(project)).status_code == 404
    (tmp_path / "away").mkdir()
    film(tmp_path / "away" / "source.mp4", (50, RED))
    assert middle(client.get(of(project)))[0] > 180


@pytest.mark.parametrize("identity", ["0" * 16, "nothing", "..%2F..%2Fetc%2Fpasswd", "%00", "ä"])
def test_what_has_no_id_is_not_shown(client, identity):
    answer = client.get(f"/media/poster/{identity}.jpg")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "code"}


def test_only_who_may_is_shown_anything(folder, tmp_path):
    path = film(folder / "a.mp4", (50, RED))
    with (
        session_at(tmp_path / "home", tmp_path / "archive", [folder]) as session,
        client_of(session, entered=False) as stranger,
    ):
        assert stranger.get(of(path)).status_code == 401
        assert stranger.get(f"/media/shot/{CHECKSUM}/0.jpg").status_code == 401
        assert stranger.get(of(path), headers={"Host": "elsewhere.example"}).status_code == 421


def test_one_is_made_at_a_time_while_everything_else_is_answered(client, folder, monkeypatch):
    paths = [film(folder / f"{n}.mp4", (10, RED)) for n in range(5)]
    state, going = {"now": 0, "most": 0}, threading.Event()

    def slow(_self: Helper, *_arguments: Any, **_options: Any) -> bytes:
        state["now"] += 1
        state["most"] = max(state.values())
        assert going.wait(30)
        state["now"] -= 1
        return b"\xff\xd8"

    monkeypatch.setattr(Helper, "call", slow)
    client.get("/api/start")
    answers: list[int] = []
    waiting = [
        threading.Thread(target=lambda path=path: answers.append(client.get(of(path)).status_code))
        for path in paths
    ]
    for one in waiting:
        one.start()
    deadline = time.monotonic() + 30
    while not state["now"] and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        for path in ("/api/start", "/api/state", "/page/start.js"):
            assert client.get(path).status_code == 200
        assert not answers
    finally:
        going.set()
        for one in waiting:
            one.join(30)
    assert (answers, state["most"]) == ([200] * 5, 1)


def test_the_process_ends_where_nothing_is_wanted(client, folder, monkeypatch):
    begun: list[Helper] = []
    start = Helper.start

    def noted(self: Helper) -> None:
        begun.append(self)
        start(self)

    monkeypatch.setattr(Helper, "start", noted)
    monkeypatch.setattr(posters, "_REST", 0.05)
    assert client.get(of(film(folder / "a.mp4", (10, RED)))).status_code == 200
    deadline = time.monotonic() + 30
    while begun[0]._running is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert begun[0]._running is None
    assert client.get(of(film(folder / "b.mp4", (10, RED)))).status_code == 200, "and begins again"


# The archive


@pytest.fixture
def strip(tmp_path) -> Path:
    """An archive of one footage, and its strip of stills: four shots, the third of them black."""
    video = Video("h264", *SIZE, Fraction(25), Fraction(1, 12800))
    shots = [
        Shot(
            n,
            FrameRange(50 * n, 50 * n + 50),
            FrameRange(50 * n, 50 * n + 50),
            Transition("cut" if n else "none", FrameRange(50 * n, 50 * n)),
            black=n == 2,
        )
        for n in range(4)
    ]
    place = Location(tmp_path / "films" / "f.mp4", 10, 10)
    with write_archive(tmp_path / "archive") as archive:
        probe = Probe(video, None, 8.0)
        archive.catalogue.add(CHECKSUM, 200, Fraction(8), probe, shots, place)
        path = still_path(archive.store.folder(CHECKSUM), 0)
    path.parent.mkdir(parents=True)
    aspect = Fraction(16, 9)
    sheet = Image.new("RGB", (still_box(3, 2, aspect).box[2], still_box(3, 2, aspect).box[3]))
    for shot, colour in enumerate(("red", "lime", "black", "blue")):
        sheet.paste(colour, still_box(shot, 1, aspect).box)
    sheet.save(path, quality=95, subsampling=0)
    return path


def test_the_archive_tells_a_few_shots_and_shows_each(strip, client, calls):
    told = client.get("/api/start").json()["archive"]["stills"]
    assert [one["shot"] for one in told] == [0, 1, 3], "a black one is not told"
    assert {one["footage"] for one in told} == {CHECKSUM}
    seen = [client.get(f"/media/shot/{one['footage']}/{one['shot']}.jpg") for one in told]
    assert [int(np.argmax(middle(one))) for one in seen] == [0, 1, 2]
    assert max(map(max, (middle(one) for one in seen))) > 200
    assert Image.open(io.BytesIO(seen[0].content)).size == (160, 90)
    assert len(calls) == 3
    client.get(f"/media/shot/{CHECKSUM}/0.jpg")
    assert len(calls) == 3


@pytest.mark.parametrize(
    "path", [f"{CHECKSUM}/4", f"{CHECKSUM}/{1 << 70}", f"{'0' * 64}/0", "../0", f"{CHECKSUM}/-1"]
)
def test_a_shot_that_is_not_in_the_archive_is_not_shown(strip, client, path):
    assert client.get(f"/media/shot/{path}.jpg").status_code == 404


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff\xe0 no picture", "narrow"])
def test_a_strip_that_is_lost_or_damaged_is_no_error_of_the_server(strip, client, content):
    if content is None:
        strip.unlink()
    elif content == "narrow":
        Image.new("RGB", (100, 20)).save(strip)
    else:
        strip.write_bytes(content)
    answer = client.get(f"/media/shot/{CHECKSUM}/0.jpg")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "code"}


def test_without_an_archive_nothing_is_shown_of_it(client):
    assert client.get("/api/start").json()["archive"]["stills"] == []
    assert client.get(f"/media/shot/{CHECKSUM}/0.jpg").status_code == 404
