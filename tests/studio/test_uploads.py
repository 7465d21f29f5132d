"""Films that are dropped on the page: kept whole, under a name that is one, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from films import make_film, numbered
from kuleshov.studio.places import Places, clean_name, id_of
from studios import BEARER, Running, client_of, session_at

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_film(path, numbered(24))
    return path.read_bytes()


@pytest.fixture
def session(tmp_path):
    with session_at(tmp_path / "home", tmp_path / "archive") as session:
        yield session


def dropped(session) -> list[str]:
    folder = session.places.dropped
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_dropped_film_lies_in_the_studios_folder_and_may_be_opened(session, clip):
    with client_of(session) as client:
        answer = client.post("/api/upload?name=My film.mp4", content=clip)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        listed = client.get("/api/start").json()["films"]
    path = session.places.film(told["film"])
    assert path == session.places.dropped / "My film.mp4"
    assert path.read_bytes() == clip
    assert dropped(session) == ["My film.mp4"]
    assert [(one["id"], one["name"], one["bytes"]) for one in listed] == [
        (told["film"], "My film.mp4", len(clip))
    ]


def test_footage_that_is_dropped_lies_apart_and_is_indexed_by_its_folder(session, clip):
    with client_of(session) as client:
        before = client.get("/api/start").json()["folders"]
        answer = client.post("/api/upload?name=a.mp4&use=footage", content=clip)
        assert answer.status_code == 200, answer.text
        told = client.get("/api/start").json()
        wrong = client.post("/api/upload?name=a.mp4&use=other", content=clip)
        picture = client.post("/api/upload?name=a.png&use=footage", content=PICTURE)
    assert (before, told["films"]) == ([], [])  # it is no film to remake
    assert (wrong.status_code, picture.status_code) == (422, 415)
    assert not dropped(session)
    (folder,) = told["folders"]
    assert answer.json() == {"folder": folder["id"], "name": "a.mp4"}
    assert folder["dropped"]
    path = session.places.folder(folder["id"])
    assert [(one.name, one.read_bytes()) for one in path.iterdir()] == [("a.mp4", clip)]


def test_an_empty_archive_cannot_be_indexed_again(session):
    with client_of(session) as client:
        answer = client.post("/api/index", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "archive-empty")


def test_a_film_takes_no_others_place(session, clip):
    with client_of(session) as client:
        names = [
            client.post("/api/upload?name=a.mp4", content=clip).json()["name"] for _ in range(3)
        ]
    assert names == ["a.mp4", "a-2.mp4", "a-3.mp4"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.mp4", "passwd.mp4"),
        ("..\\..\\windows\\clip.mp4", "clip.mp4"),
        ("/etc/cron.d/job.mp4", "job.mp4"),
        (".hidden.mp4", "hidden.mp4"),
        ("..", "film"),
        ("", "film"),
        ("a\0b\n.mp4", "ab.mp4"),
        ("a\u202egpj.mp4", "agpj.mp4"),
        ("CON.mp4", "film.mp4"),
        ("film.mp4. . .", "film.mp4"),
        ("x" * 300 + ".mp4", "x" * 120 + ".mp4"),
        ("ü" * 300 + ".mp4", "ü" * 60 + ".mp4"),
        ("a.mp4:stream", "a.mp4stream"),
        ("~root.mp4", "~root.mp4"),
        ("%2e%2e%2fa.mp4", "%2e%2e%2fa.mp4"),
        ("name." + "e" * 400, "name"),
    ],
)
def test_a_name_is_one_part_of_a_path(name, kept):
    assert clean_name(name, "film") == kept


@pytest.mark.parametrize(
    "name", ["../../../evil.mp4", "/evil.mp4", "..%2f..%2fevil.mp4", "a/../b.mp4"]
)
def test_nothing_is_written_elsewhere(session, clip, tmp_path, name):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with client_of(session) as client:
        client.post("/api/upload", params={"name": name}, content=clip)
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.parent for path in new} == {session.places.dropped}


def test_what_is_too_large_is_refused_before_and_while_it_comes(session):
    def endless() -> Iterator[bytes]:
        while True:
            yield b"\0" * 65536

    with client_of(session, largest=10**6) as client:
        said = client.post("/api/upload?name=a.mp4", content=b"\0" * (10**6 + 1))
        unsaid = client.post("/api/upload?name=a.mp4", content=_upto(endless(), 3 * 10**6))
        lied = client.post(
            "/api/upload?name=a.mp4", content=b"\0" * 10**7, headers={"Content-Length": "5"}
        )
    assert (said.status_code, unsaid.status_code) == (413, 413)
    assert said.json()["code"] == "too-large"
    assert lied.status_code != 500
    assert dropped(session) == []


def _upto(parts: Iterator[bytes], most: int) -> Iterator[bytes]:
    done = 0
    for part in parts:
        if done >= most:
            return
        done += len(part)
        yield part


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [("a.mp4", b"", 422), ("notes.txt", b"plain text", 415), ("a.html", b"<script></script>", 415)],
)
def test_what_is_no_film_is_not_kept(session, name, data, status):
    with client_of(session) as client:
        answer = client.post("/api/upload", params={"name": name}, content=data)
    assert answer.status_code == status, answer.text
    assert dropped(session) == []


def test_a_full_disk_is_said(session, clip, monkeypatch):
    import shutil

    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with client_of(session) as client:
        answer = client.post("/api/upload?name=a.mp4", content=clip)
    assert (answer.status_code, answer.json()["code"]) == (507, "no-room")
    assert dropped(session) == []


def test_only_what_has_an_id_is_opened(tmp_path, clip):
    named, other = tmp_path / "named", tmp_path / "other"
    for folder in (named, other):
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(clip)
    (named / "notes.txt").write_text("no film")
    places = Places([named], tmp_path / "home")
    assert [one["name"] for one in places.films()] == ["clip.mp4"]
    assert places.film(id_of(named / "clip.mp4")) == named / "clip.mp4"
    wrongs = (
        str(named / "clip.mp4"),
        id_of(other / "clip.mp4"),
        id_of(named / "notes.txt"),
        "../other/clip.mp4",
        "file:///etc/passwd",
        "",
        "0" * 16,
    )
    studio = session_at(tmp_path / "home", tmp_path / "archive", [named])
    with studio as session, client_of(session) as client:
        for wrong in wrongs:
            for kind in ("film", "project"):
                answer = client.post("/api/open", json={kind: wrong})
                assert answer.status_code == 404, answer.text
            assert client.post("/api/index", json={"folder": wrong}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/page/../session.py",
        "/page/%2e%2e/session.py",
        "/page/..%2fsession.py",
        "/page/....//session.py",
        "/page//etc/passwd",
        "/media/made/..%2f..%2fetc%2fpasswd",
        "/media/made/%2fetc%2fpasswd",
        "/media/sound/..%2f..%2fx.mp4",
        "/media/still/..%2f..%2fetc/0.jpg",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_no_address_is_a_path(session, path):
    with client_of(session) as client:
        answer = client.get(path)
    assert answer.status_code in (404, 409)
    assert "root:" not in answer.text
    assert "import" not in answer.text


@pytest.mark.slow
def test_a_large_film_is_never_held_in_memory(tmp_path, clip):
    size = 400 * 10**6
    with Running(root=tmp_path / "home", archive=tmp_path / "archive") as studio:
        with studio.client() as client:
            client.get("/api/start").raise_for_status()
            before = _most(studio.pid)
            whole = clip + b"\0" * 65536
            parts = _upto(iter(lambda: whole, None), size)
            answer = client.post("/api/upload?name=large.mp4", content=parts)
            assert answer.status_code == 200, answer.text
            grown = _most(studio.pid) - before
        (kept,) = (tmp_path / "home" / "dropped").iterdir()
        assert kept.stat().st_size >= size
        assert grown < 120 * 10**6
        assert studio.end() == 0


def _most(pid: int) -> int:
    """How much memory a process had at most, in bytes."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell how much memory a process takes")
    line = next(part for part in status.read_text().splitlines() if part.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_an_upload_that_breaks_off_leaves_nothing(session):
    """The other end is gone in the middle of a film."""
    import asyncio

    from kuleshov.studio.app import application
    from studios import DOOR

    app = application(session, DOOR)
    parts = [
        {"type": "http.request", "body": b"\0" * 1000, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = []

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/upload",
        "raw_path": b"/api/upload",
        "query_string": b"name=a.mp4",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", BEARER["Authorization"].encode())],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }

    async def ask():
        await app(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 400
    assert dropped(session) == []
