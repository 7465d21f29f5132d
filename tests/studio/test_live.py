"""The live view's server: who may ask, frames in and answers out, and pieces to play."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from kuleshov.archive.archive import make_archive
from kuleshov.desk.desk import Desk
from kuleshov.desk.live import LiveOptions
from kuleshov.project.file import read_otio
from kuleshov.studio.live import LiveSession, live_application
from studio.marked import number_of
from studios import BEARER, DOOR, HOST

pytestmark = pytest.mark.slow

_ORIGIN = {"Origin": f"http://{HOST}"}
CAMERA = f"ws://{HOST}/camera"


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kept")
        patch.setenv("KULESHOV_PREVIEWS", str(folder / "previews"))
        patch.setenv("KULESHOV_PROXIES", str(folder / "proxies"))
        yield


def served(archive, takes=Path("nowhere")) -> Iterator[TestClient]:
    session = LiveSession(Desk(archive), LiveOptions(calm=0.0), takes=takes)
    app = live_application(session, replace(DOOR, camera=True))
    try:
        with TestClient(app, base_url=f"http://{HOST}", headers={**BEARER, **_ORIGIN}) as client:
            while client.get("/api/live").json()["state"] == "opening":
                time.sleep(0.05)
            yield client
    finally:
        session.close()


@pytest.fixture(scope="module")
def takes(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("here") / "takes"


@pytest.fixture(scope="module")
def client(marked_films, kept, takes) -> Iterator[TestClient]:
    yield from served(marked_films.archive, takes)


def frames_of(path, count=4, step=6):
    """JPEGs of pictures of a film, and their numbers in it."""
    found = []
    with av.open(str(path)) as film:
        for n, picture in enumerate(film.decode(video=0)):
            if n % step == 0 and n // step < count:
                data = io.BytesIO()
                picture.to_image().save(data, "JPEG", quality=80)
                found.append(data.getvalue())
    return found


def frame(number, at, data):
    return struct.pack("<Id", number, at) + data


def test_nobody_enters_without_the_token(client):
    for path in ("/", "/api/live", "/page/live.js", "/media/piece/1/0.mp4"):
        assert client.get(path, headers={"Authorization": ""}).status_code == 401
    assert client.get("/api/live", headers={"Host": "elsewhere.net"}).status_code == 421
    other = {"Origin": "http://elsewhere.net"}
    assert client.post("/api/live", json={}, headers=other).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(CAMERA, headers=other) as socket,
    ):
        socket.receive_json()


def test_the_page_alone_may_ask_for_a_camera_and_a_microphone(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "live.js" in page.text
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "microphone=(self)" in page.headers["permissions-policy"]
    assert "geolocation=()" in page.headers["permissions-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_frame_is_answered_by_what_it_shows_and_a_piece_plays_it(client, marked_films):
    with client.websocket_connect(CAMERA) as socket:
        for n, data in enumerate(frames_of(marked_films.footage / "ocean_wave.mp4")):
            socket.send_bytes(frame(n, 10 + n / 4, data))
            answer = socket.receive_json()
            assert answer["type"] == "answer"
            assert answer["id"] == n
        assert answer["name"] == "ocean_wave"
        assert answer["mirrored"] is False
        assert 0 <= answer["start"] < answer["end"]
    step = client.get("/api/live").json()["step"]
    piece = int(answer["start"] // step)
    made = client.get(f"/media/piece/{answer['footage']}/{piece}.mp4")
    assert made.status_code == 200
    assert "immutable" in made.headers["cache-control"]
    with av.open(io.BytesIO(made.content)) as film:
        first = next(film.decode(video=0)).to_ndarray(format="gray")
    begin = marked_films.numbers["ocean_wave"].start + round(piece * step * 24)
    assert number_of(first) == begin
    again = client.get(f"/media/piece/{answer['footage']}/{piece}.mp4")
    assert again.content == made.content


def test_every_frame_is_answered_or_dropped_once_and_the_newest_is_answered(client, marked_films):
    data = frames_of(marked_films.footage / "night_sky.mp4", 1)[0]
    with client.websocket_connect(CAMERA) as socket:
        for n in range(12):
            socket.send_bytes(frame(n, n / 25, data))
        told = [socket.receive_json() for _ in range(12)]
    assert sorted(one["id"] for one in told) == list(range(12))
    answered = [one["id"] for one in told if one["type"] == "answer"]
    assert answered == sorted(answered)
    assert answered[-1] == 11
    assert {one["type"] for one in told} <= {"answer", "dropped"}


@pytest.mark.parametrize(
    "data",
    [
        b"short",
        frame(3, 1.0, b"not a picture at all"),
        frame(3, float("nan"), b"\xff\xd8\xff"),
        frame(3, -1.0, b"\xff\xd8\xff"),
        "text",
    ],
    ids=["short", "junk", "nan", "negative", "text"],
)
def test_nonsense_is_refused_and_the_next_frame_answered(client, marked_films, data):
    with client.websocket_connect(CAMERA) as socket:
        socket.send_text(data) if isinstance(data, str) else socket.send_bytes(data)
        assert socket.receive_json()["type"] == "refused"
        good = frames_of(marked_films.footage / "night_sky.mp4", 1)[0]
        socket.send_bytes(frame(4, 1.0, good))
        assert socket.receive_json()["type"] == "answer"


def test_a_picture_that_is_too_large_is_refused(client):
    data = io.BytesIO()
    Image.new("L", (3000, 20)).save(data, "JPEG")
    with client.websocket_connect(CAMERA) as socket:
        socket.send_bytes(frame(1, 1.0, data.getvalue()))
        said = socket.receive_json()
    assert said["type"] == "refused"
    assert "1280" in said["text"]


def test_who_sends_nothing_but_nonsense_is_closed(client):
    with client.websocket_connect(CAMERA) as socket:
        for _ in range(20):
            socket.send_bytes(b"x")
        said = [socket.receive() for _ in range(21)]
    assert said[-1] == {**said[-1], "type": "websocket.close", "code": 1008}


def test_a_newer_window_takes_the_camera(client, marked_films):
    data = frames_of(marked_films.footage / "night_sky.mp4", 1)[0]
    with client.websocket_connect(CAMERA) as old:
        old.send_bytes(frame(1, 1.0, data))
        assert old.receive_json()["type"] == "answer"
        with client.websocket_connect(CAMERA) as new:
            assert old.receive()["code"] == 4001
            new.send_bytes(frame(1, 0.5, data))
            assert new.receive_json()["type"] == "answer"


def test_options_change_what_is_asked_and_nonsense_changes_nothing(client):
    before = client.get("/api/live").json()
    told = client.post("/api/live", json={"calm": 0.7, "weights": {"faces": 0}}).json()
    assert told["calm"] == 0.7
    assert told["weights"] == {**before["weights"], "faces": 0}
    for wrong in (
        {"calm": 2},
        {"way": "sideways"},
        {"weights": {"smell": 1}},
        {"weights": dict.fromkeys(before["weights"], 0)},
        {"bin": "nowhere"},
        {"loud": True},
    ):
        assert client.post("/api/live", json=wrong).status_code == 422, wrong
    assert client.get("/api/live").json() == told
    client.post("/api/live", json={"calm": 0.0, "weights": before["weights"]})


def test_there_are_no_pieces_of_what_is_not_there(client):
    assert client.get("/media/piece/9999/0.mp4").status_code == 404
    footage = 1
    assert client.get(f"/media/piece/{footage}/9999.mp4").status_code == 422


def test_an_empty_archive_is_said_in_a_sentence(tmp_path):
    make_archive(tmp_path / "archive")
    for client in served(tmp_path / "archive"):
        told = client.get("/api/live").json()
        assert told["state"] == "failed"
        assert told["error"].endswith(".")
        assert "index" in told["error"]


def test_a_frame_has_its_colours():
    from kuleshov.studio.live import picture_of

    data = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), (200, 40, 20), np.uint8)).save(data, "JPEG", quality=95)
    found = picture_of(data.getvalue())
    assert found.shape == (40, 60, 3)
    assert np.abs(found.mean(axis=(0, 1)) - (200, 40, 20)).max() < 6


def film_of(path, count=48) -> bytes:
    """A camera film, as a browser records it: without an index."""
    out = io.BytesIO()
    with (
        av.open(str(path)) as film,
        av.open(out, "w", format="webm", options={"live": "1"}) as made,
    ):
        stream = made.add_stream("libvpx", rate=24, width=320, height=180, pix_fmt="yuv420p")
        for _, picture in zip(range(count), film.decode(video=0), strict=False):
            picture.pts = None
            made.mux(stream.encode(picture))
        made.mux(stream.encode())
    return out.getvalue()


def begun(client):
    return client.post("/api/take", json={"do": "begin", "kind": "video/webm"}).json()


def sent(client, name, data, number=0, begins=10.0):
    asked = {"take": name, "number": number, "begins": begins}
    return client.post("/api/take/part", params=asked, content=data)


def finished(client):
    while (told := client.get("/api/live").json()["take"])["state"] == "finishing":
        time.sleep(0.05)
    return told


def test_a_take_in_parts_becomes_a_project(client, marked_films, takes):
    path = marked_films.footage / "ocean_wave.mp4"
    data = film_of(path)
    with client.websocket_connect(CAMERA) as socket:
        name = begun(client)["name"]
        assert sent(client, name, data[:5000]).json()["bytes"] == 5000
        for n, jpeg in enumerate(frames_of(path)):
            socket.send_bytes(frame(n, 10 + n / 4, jpeg))
            socket.receive_json()
        assert sent(client, name, data[5000:], 1).json()["state"] == "running"
        client.post("/api/take", json={"do": "end"})
    told = finished(client)
    assert told["text"] is None
    timeline = read_otio(Path(told["project"]))
    assert timeline.duration == 48
    assert timeline.recut.items[0].media.path.stem == "ocean_wave"
    with av.open(str(takes / f"{name}.webm")) as film:
        assert film.duration is not None  # which browsers do not write
    assert not (takes / f"{name}.take").exists()


def test_parts_that_do_not_follow_are_refused(client, marked_films, takes):
    name = begun(client)["name"]
    assert sent(client, name, b"x", 1).status_code == 422
    assert sent(client, name, b"x", 0, -1.0).status_code == 422
    assert sent(client, "take-of-another", b"x").status_code == 409
    assert client.post("/api/take", json={"do": "begin", "kind": "video/webm"}).status_code == 409
    client.post("/api/take", json={"do": "end"})
    # Of a take of which nothing came nothing is left.
    assert finished(client)["project"] is None
    assert not [*takes.glob(f"{name}*")]
    assert sent(client, name, b"x").status_code == 409


def test_a_take_that_is_no_film_is_kept_and_said_to_be(client, takes):
    name = begun(client)["name"]
    sent(client, name, b"this is no film" * 100)
    client.post("/api/take", json={"do": "end"})
    told = finished(client)
    assert told["project"] is None
    assert name in told["text"]
    assert (takes / f"{name}.webm").read_bytes() == b"this is no film" * 100
    for path in takes.glob(f"{name}*"):
        path.unlink()


def test_a_take_ends_where_the_disk_is_nearly_full(client, marked_films, monkeypatch):
    from kuleshov.desk import takes as module

    data = film_of(marked_films.footage / "night_sky.mp4")
    name = begun(client)["name"]
    monkeypatch.setattr(module, "_LEAST", 2**62)
    assert "full" in sent(client, name, data).json()["text"]
    told = finished(client)
    assert read_otio(Path(told["project"])).duration == 48
    assert "kept" in told["text"]
    monkeypatch.setattr(module, "_ROOM", 2**62)
    refused = client.post("/api/take", json={"do": "begin", "kind": "video/webm"})
    assert refused.status_code == 422
    assert "room" in refused.json()["error"]


def test_another_window_s_camera_ends_a_take_and_the_same_one_s_does_not(client, marked_films):
    data = film_of(marked_films.footage / "night_sky.mp4")
    with client.websocket_connect(f"{CAMERA}?page=one"):
        name = begun(client)["name"]
        sent(client, name, data)
    with client.websocket_connect(f"{CAMERA}?page=one") as socket:
        socket.send_bytes(b"x")
        socket.receive_json()
        assert client.get("/api/live").json()["take"]["state"] == "running"
    with client.websocket_connect(f"{CAMERA}?page=two") as socket:
        socket.send_bytes(b"x")
        socket.receive_json()
        assert "another window" in finished(client)["text"]


def test_a_frame_is_seen_through_the_lens_as_it_is_turned(client, marked_films):
    from kuleshov.studio.live_lens import HEAD

    data = frames_of(marked_films.footage / "ocean_wave.mp4", 1)[0]
    told = client.get("/api/live").json()["lens"]
    assert told["lenses"] == ["sea"]
    assert told["through"] == "archive"
    lights = {}
    with client.websocket_connect(f"ws://{HOST}/lens") as socket:
        socket.send_bytes(frame(1, 1.0, data))
        assert socket.receive_json() == {"type": "nothing", "id": 1}
        for number, brightness in ((2, -0.4), (3, 0.4)):
            change = {"through": "lens", "brightness": brightness, "threshold": 0}
            assert client.post("/api/live/lens", json=change).json()["brightness"] == brightness
            socket.send_bytes(frame(number, number * 10.0, data))
            made = socket.receive_bytes()
            assert HEAD.unpack_from(made)[0] == number
            with Image.open(io.BytesIO(made[HEAD.size :])) as picture:
                assert picture.size == (512, 288)
                lights[number] = np.asarray(picture).mean()
        socket.send_bytes(frame(4, 40.0, b"no picture at all"))
        assert socket.receive_json()["type"] == "refused"
    assert lights[3] > lights[2] + 20
    for wrong in ({"one": "lake"}, {"mix": 2}, {"through": "walls"}, {"crop": 0}, {"loud": 1}):
        assert client.post("/api/live/lens", json=wrong).status_code == 422, wrong
    client.post("/api/live/lens", json={"through": "archive", "brightness": 0})
