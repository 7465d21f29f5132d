"""A project over HTTP, with the real server: opened, changed, rendered, killed, opened again."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from starlette.testclient import TestClient
from websockets.sync.client import connect

from kuleshov.desk.changes import Lock
from kuleshov.studio import session as session_module
from studios import client_of, session_at

pytestmark = pytest.mark.slow

_PATIENCE = 150.0  # s
_MORE = Path(session_module.__file__).parents[1] / "samples" / "archive" / "amsterdam_street.mp4"


def until(
    client: httpx.Client | TestClient, wanted: Callable[[dict[str, Any]], Any]
) -> dict[str, Any]:
    """The state, once it is as wanted."""
    ends = time.monotonic() + _PATIENCE
    while True:
        state = client.get("/api/state").raise_for_status().json()
        failed = [job["text"] for job in state["jobs"] if job["state"] == "failed"]
        assert not failed, failed
        if wanted(state):
            return state
        assert time.monotonic() < ends, state
        time.sleep(0.1)


def opened(client: httpx.Client | TestClient) -> dict[str, Any]:
    return until(client, lambda state: state["ready"])


def done(client: httpx.Client, verb: str, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/do", json={"do": verb, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shot(state: dict[str, Any], slot: str) -> dict[str, Any]:
    return next(one for one in state["shots"] if one["slot"] == slot)


def clips(state: dict[str, Any]) -> list[str]:
    """The slots that show a clip."""
    return [one["slot"] for one in state["shots"] if one["clip"]]


def other_offer(client: httpx.Client, slot: str) -> str:
    found = client.get(f"/api/suggestions/{slot}").raise_for_status().json()["suggestions"]
    return next(one["offer"] for one in found if not one["chosen"])


def shown(state: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What the film shows."""
    return [
        (one["slot"], one["state"], one["clip"] and (one["clip"]["offer"], one["clip"]["slip"]))
        for one in state["shots"]
    ]


def test_every_change_is_told_undone_and_kept(films, studio, project):
    running = studio(films, project)
    with running.client() as client:
        first = opened(client)
        a, b, c = clips(first)[:3]
        done(client, "pick", slot=a, offer=(offer := other_offer(client, a)))
        state = client.get("/api/state").json()
        assert shot(state, a)["clip"]["offer"] == offer
        assert shot(state, a)["state"] == "chosen"
        assert state["history"] == {"undo": state["history"]["undo"], "redo": None, "steps": 1}
        assert done(client, "lock", slot=a)["changed"][0]["slot"] == a
        done(client, "mirror", slot=b)
        room = shot(client.get("/api/state").json(), c)["clip"]["room"]
        done(client, "slip", slot=c, by=1 if room[1] else -1)
        done(client, "weigh", weights={"tone": 2.0}, tightness=0.7)
        done(client, "own", slot=b)
        state = client.get("/api/state").json()
        assert (shot(state, a)["state"], shot(state, b)["state"]) == ("locked", "own")
        assert state["weights"]["film"]["tone"] == 2.0
        assert state["tightness"] == 0.7
        done(client, "weigh", slot=c, tightness=0.55)
        alone = client.get("/api/state").json()
        assert (alone["tightness"], alone["tightness_of"]) == (0.7, {c: 0.55})
        assert alone["history"]["undo"] == f"Weigh for shot {c}: tightness 70 % → 55 %"
        done(client, "undo")
        assert state["project"]["saved"]
        filled = done(client, "fill")
        assert a not in {one["slot"] for one in filled["changed"]}
        done(client, "version", name="one way")
        last = client.get("/api/state").json()["last"]
        assert last == filled, "what changed can still be taken back"
        steps = client.get("/api/state").json()["history"]["steps"]
        assert steps == 7
        for _ in range(steps):
            done(client, "undo")
        assert shown(client.get("/api/state").json()) == shown(first)
        for _ in range(steps):
            done(client, "redo")
        state = client.get("/api/state").json()
        assert shot(state, a)["state"] == "locked"
    assert running.end(signal.SIGINT) == 0
    with studio(films, project).client() as client:
        again = opened(client)
        assert shown(again) == shown(state)
        assert again["history"]["steps"] == 7
        done(client, "undo")


def test_what_was_answered_for_outlives_a_crash(films, studio, project):
    running = studio(films, project)
    with running.client() as client:
        state = opened(client)
        slot = clips(state)[0]
        offer = other_offer(client, slot)
        done(client, "pick", slot=slot, offer=offer)
        done(client, "lock", slot=slot)
        running.kill()
    with studio(films, project).client() as client:
        state = opened(client)
        assert (shot(state, slot)["clip"]["offer"], shot(state, slot)["locked"]) == (offer, True)
        assert state["history"]["steps"] == 2


def test_revisions_never_go_back_when_another_project_is_opened(films, studio, project):
    running = studio(films, project)
    with running.client() as client:
        state = opened(client)
        for _ in range(3):
            done(client, "mirror", slot=clips(state)[0])
        before = client.get("/api/state").json()["revision"]
        assert client.post("/api/close", json={}).status_code == 200
        closed = client.get("/api/state").json()
        assert (closed["project"], closed["ready"]) == (None, False)
        (recent,) = client.get("/api/start").json()["recent"]
        assert recent["name"] == "film"
        client.post("/api/open", json={"project": recent["id"]}).raise_for_status()
        assert opened(client)["revision"] > before


def test_a_change_that_does_not_fit_any_more_is_refused(films, studio, project):
    with studio(films, project).client() as client:
        state = opened(client)
        a, b = clips(state)[:2]
        seen = state["revision"]
        done(client, "pick", slot=a, offer=other_offer(client, a), revision=seen)

        def again(verb: str, **fields: Any) -> int:
            body = {"do": verb, "revision": seen, **fields}
            return client.post("/api/do", json=body).status_code

        assert again("lock", slot=a) == 409  # that clip is not there any more
        assert again("refuse", slot=a) == 409
        assert again("undo") == 409
        assert again("lock", slot=b) == 200  # nothing happened to this one
        assert again("mirror", slot=b) == 200 or shot(client.get("/api/state").json(), b)["locked"]
        offer = other_offer(client, a)
        assert again("pick", slot=a, offer=offer) == 200  # whoever picks says what it is to be
        wrong = client.post("/api/do", json={"do": "lock", "slot": "999"})
        assert wrong.status_code == 422
        assert wrong.json()["error"].startswith("There is no shot 999")


def test_every_window_is_told(films, studio, project):
    running = studio(films, project)
    with running.client() as client:
        state = opened(client)
        headers = {"Authorization": f"Bearer {running.token}"}
        address = running.base.replace("http", "ws") + "/socket"
        with (
            connect(address, additional_headers=headers) as one,
            connect(address, additional_headers=headers) as other,
        ):
            windows = (one, other)
            slot = clips(state)[0]
            revision = done(client, "mirror", slot=slot)["revision"]
            for window in windows:
                told = hear(window, lambda m: m["type"] == "state" and m["state"]["revision"] >= 1)
                while told["state"]["revision"] < revision:
                    told = hear(window, lambda m: m["type"] == "state")
                assert shot(told["state"], slot)["clip"]["mirrored"]
            client.post("/api/render", json={"preset": "ultrafast", "height": 90})
            for window in windows:
                job = hear(window, lambda m: m["type"] == "job" and m["state"] != "runs")
                assert (job["kind"], job["state"]) == ("render", "done"), job


def hear(window: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        told = json.loads(window.recv(timeout=_PATIENCE))
        if wanted(told):
            return told
    raise AssertionError("it was not told")


def test_a_film_is_rendered_beside_the_project_and_played(films, studio, project):
    with studio(films, project).client() as client:
        state = opened(client)
        order = {"preset": "ultrafast", "height": 90, "edl": True, "sheet": True}
        job = client.post("/api/render", json=order).raise_for_status().json()["job"]
        made = finished(client, job)
        assert [one["name"] for one in made["files"]] == [
            "film-recut.mp4",
            "film-recut.sheet.png",
            "film-recut.edl",
        ]
        path = project.with_name("film-recut.mp4")
        with av.open(path) as film:
            assert sum(1 for _ in film.decode(video=0)) == state["film"]["frames"]
        played = client.get(f"/media/made/{made['made']}")
        assert (played.status_code, played.content) == (200, path.read_bytes())
        part = client.get(f"/media/made/{made['made']}", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, path.read_bytes()[10:20])
        # Nothing that is there is written over, unless that is wanted.
        second = client.post("/api/render", json=order).raise_for_status().json()["job"]
        assert finished(client, second)["name"] == "film-recut-2.mp4"
        named = {**order, "name": "film-recut.mp4"}
        assert client.post("/api/render", json=named).status_code == 409
        assert client.post("/api/render", json=named | {"name": "../x"}).status_code == 200


def finished(client: httpx.Client, job: str) -> dict[str, Any]:
    def over(state: dict[str, Any]) -> bool:
        return next(one for one in state["jobs"] if one["id"] == job)["state"] != "runs"

    return next(one for one in until(client, over)["jobs"] if one["id"] == job)


def test_footage_is_never_written_over(films, studio, tmp_path):
    """The source's own name is wanted for the film, and it may be replaced."""
    running = studio(films, films.source)
    before = films.source.read_bytes()
    with running.client() as client:
        opened(client)
        order = {"name": films.source.name, "replace": True}
        answer = client.post("/api/render", json=order)
        assert answer.status_code == 409
        assert "footage" in answer.json()["error"]
    assert films.source.read_bytes() == before


def test_a_job_is_stopped_and_leaves_nothing(films, studio, project):
    with studio(films, project).client() as client:
        opened(client)
        order = {"preset": "veryslow", "height": 1080}
        job = client.post("/api/render", json=order).raise_for_status().json()["job"]
        assert client.post("/api/render", json=order).status_code == 409
        assert client.post("/api/stop", json={"job": job}).status_code == 200
        assert finished(client, job)["state"] == "stopped"
        assert client.post("/api/stop", json={"job": "j999"}).status_code == 404
    names = {path.name for path in project.parent.iterdir()}
    assert not any(name.endswith((".mp4", ".part")) and "recut" in name for name in names), names


def test_suggestions_do_not_wait_for_renders_and_pictures(films, studio, project):
    """While a film is rendered and every suggestion asked to move, one is told what may stand in a
    shot before any of those are done."""
    with studio(films, project).client() as client:
        state = opened(client)
        a, b = clips(state)[:2]
        client.get(f"/api/suggestions/{b}").raise_for_status()
        order = {"preset": "veryslow", "height": 720}
        job = client.post("/api/render", json=order).raise_for_status().json()["job"]
        offers = [one["offer"] for one in client.get(f"/api/suggestions/{a}").json()["suggestions"]]
        ready: list[float] = []

        def ask(offer: str) -> None:
            answer = client.get(f"/media/offer/{a}/{offer}.mp4", timeout=_PATIENCE)
            assert answer.status_code == 200
            ready.append(time.monotonic())

        asking = [threading.Thread(target=ask, args=(one,)) for one in offers[:12]]
        for thread in asking:
            thread.start()
        client.get(f"/api/suggestions/{b}").raise_for_status()
        client.get("/api/state").raise_for_status()
        answered = time.monotonic()
        for thread in asking:
            thread.join()
        assert sum(one > answered for one in ready) >= 6, (answered, ready)
        client.post("/api/stop", json={"job": job})


def test_a_project_changed_outside_is_taken_in(films, studio, project, begun):
    running = studio(films, project)
    with running.client() as client:
        first = opened(client)
        slot = clips(first)[0]
        done(client, "pick", slot=slot, offer=other_offer(client, slot))
        # Else what the other program writes would be what was there before.
        until(client, lambda _: project.read_bytes() != begun.read_bytes())
        project.write_bytes(begun.read_bytes())  # another program
        until(
            client,
            lambda s: (
                shown(s) == shown(first)
                and "changed-outside" in {note["code"] for note in s["notes"]}
            ),
        )
        done(client, "undo")


def test_footage_that_is_indexed_meanwhile_is_suggested(films, studio, project, tmp_path):
    """Another process adds a film to the archive while the studio is open."""
    with studio(films, project).client() as client:
        state = opened(client)
        slot = clips(state)[0]
        client.get(f"/api/suggestions/{slot}?count=60").raise_for_status()
        new = tmp_path / "new"
        new.mkdir()
        shutil.copy(_MORE, new / "new.mp4")
        command = [sys.executable, "-m", "kuleshov", "index", str(new)]
        command += ["--archive", str(films.archive)]
        subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE)
        state = until(client, lambda s: "archive-grown" in {note["code"] for note in s["notes"]})
        (note,) = [note for note in state["notes"] if note["code"] == "archive-grown"]
        assert note["text"].startswith("A film came to the archive")
        found = client.get(f"/api/suggestions/{slot}?count=60").raise_for_status().json()
        told = found["suggestions"]
        offer = next(one["offer"] for one in told if one["footage"] == "new.mp4")
        done(client, "pick", slot=slot, offer=offer)
        state = client.get("/api/state").json()
        assert shot(state, slot)["clip"]["footage"] == "new.mp4"


def test_a_shot_is_kept_in_a_bin_and_chosen_from_it(films, studio, project):
    with studio(films, project).client() as client:
        slot = clips(opened(client))[0]

        def suggested(**query: str) -> list[dict[str, Any]]:
            found = client.get(f"/api/suggestions/{slot}", params={"count": "60", **query})
            return found.raise_for_status().json()["suggestions"]

        def bins(**fields: Any) -> dict[str, int]:
            found = client.post("/api/bin", json={"slot": slot, **fields})
            assert found.status_code == 200, found.text
            return {one["name"]: one["shots"] for one in found.json()["bins"]}

        first, second, *_ = {(one["id"], one["shot"]): one for one in suggested()}.values()
        assert client.get(f"/api/suggestions/{slot}", params={"bin": "moon"}).status_code == 422
        assert bins(offer=first["offer"], name="moon") == {"moon": 1}
        assert {(one["id"], one["shot"]) for one in suggested(bin="moon")} == {
            (first["id"], first["shot"])
        }
        assert bins(offer=second["offer"], name="Moon") == {"moon": 2}, "it is the same bin"
        assert {(one["id"], one["shot"]) for one in suggested(bin="moon")} == {
            (one["id"], one["shot"]) for one in (first, second)
        }
        assert client.get("/api/start").json()["bins"] == [{"name": "moon", "shots": 2}]
        assert bins(offer=first["offer"], name="moon", out=True) == {"moon": 1}
        assert {(one["id"], one["shot"]) for one in suggested(bin="moon")} == {
            (second["id"], second["shot"])
        }
        for wrong in ({"name": "moon", "offer": "none"}, {"name": " ", "offer": first["offer"]}):
            answer = client.post("/api/bin", json={"slot": slot, **wrong})
            assert 400 <= answer.status_code < 500
            assert answer.json()["error"].endswith(".")


def test_a_full_disk_loses_nothing(films, studio, project):
    running = studio(films, project)
    with running.client() as client:
        slot = clips(opened(client))[0]
        before = project.read_bytes()
        soft, hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1000, hard))
        done(client, "mirror", slot=slot)
        state = until(client, lambda s: s["project"]["error"])
        assert not state["project"]["saved"]
        assert shot(state, slot)["clip"]["mirrored"]
        assert project.read_bytes() == before
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (soft, hard))
        until(client, lambda s: s["project"]["saved"])
    assert running.end() == 0
    with studio(films, project).client() as client:
        assert shot(opened(client), slot)["clip"]["mirrored"]


def test_a_state_is_of_one_moment(films, project, tmp_path, monkeypatch):
    """What changes while it is being put together is in it whole, or not at all."""
    told = session_module.state_of

    def changed_meanwhile(editing, *given):
        state = told(editing, *given)
        monkeypatch.setattr(session_module, "state_of", told)
        editing.do(Lock(clips(state)[0]))
        return {**state, "read_only": editing.read_only}

    monkeypatch.setattr(session_module, "state_of", changed_meanwhile)
    with session_at(tmp_path / "home", films.archive) as session, client_of(session) as client:
        session.open_path(project)
        state = opened(client)
        assert shot(state, clips(state)[0])["locked"]
        assert state["revision"] == client.get("/api/state").json()["revision"]


def test_a_second_studio_looks_on_and_takes_over(films, studio, project):
    first = studio(films, project)
    with first.client() as one:
        slot = clips(opened(one))[0]
        second = studio(films, project)
        with second.client() as two:
            state = opened(two)
            assert "edited elsewhere" in state["read_only"]
            refused = two.post("/api/do", json={"do": "lock", "slot": slot})
            assert refused.status_code == 422
            done(one, "lock", slot=slot)
            assert first.end() == 0
            state = until(two, lambda s: s["read_only"] is None)
            assert shot(state, slot)["locked"]
            done(two, "unlock", slot=slot)


def test_footage_that_is_gone_is_no_end(films, studio, project):
    """What the project shows may not be there; it opens, says so, and the rest can be changed."""
    moved = films.footage.with_name("elsewhere")
    films.footage.rename(moved)
    try:
        with studio(films, project).client() as client:
            answer = client.get("/api/state")
            ends = time.monotonic() + _PATIENCE
            while not answer.json()["ready"] and time.monotonic() < ends:
                jobs = answer.json()["jobs"]
                if any(job["state"] == "failed" for job in jobs):
                    break
                time.sleep(0.2)
                answer = client.get("/api/state")
            state = answer.json()
            told = [job["text"] for job in state["jobs"]] + [n["text"] for n in state["notes"]]
            assert any("reached" in text or "not there" in text for text in told), told
    finally:
        moved.rename(films.footage)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_while_much_is_going_on(films, studio, project, by):
    running = studio(films, project)
    with running.client() as client:
        slot = clips(opened(client))[0]
        done(client, "lock", slot=slot)
        client.post("/api/render", json={"preset": "veryslow", "height": 1080}).raise_for_status()
        headers = {"Authorization": f"Bearer {running.token}"}
        address = running.base.replace("http", "ws") + "/socket"
        with connect(address, additional_headers=headers):
            assert running.end(by) == 0
    assert "Traceback" not in "".join(running.errors)
    assert not [*project.parent.glob("*recut*")], [*project.parent.iterdir()]
    assert not [*project.parent.glob(".*.part")], [*project.parent.iterdir()]


def test_what_cannot_be_opened_is_one_sentence(films, tmp_path):
    (tmp_path / "notes.txt").write_text("no film")
    (tmp_path / "broken.otio").write_text("{}")
    wrong = {
        ("nothing.mp4",): "does not exist",
        (".",): "is a folder",
        ("notes.txt",): "is not a film",
        ("broken.otio",): "broken.otio",
        ("-o", "x.otio"): "-o",
        (str(films.source), "-o", "x.mp4"): ".otio",
        ("--port", "1", "--host", "203.0.113.1"): "cannot listen",
        ("--footage", "nowhere"): "nowhere",
        (str(films.source), "--archive", str(tmp_path / "none")): "archive",
    }
    for arguments, words in wrong.items():
        ended = subprocess.run(
            [sys.executable, "-m", "kuleshov", "studio", "--no-browser", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
        )
        assert ended.returncode in (1, 2), (arguments, ended.stdout, ended.stderr)
        assert words in ended.stderr, (arguments, ended.stderr)
        assert "Traceback" not in ended.stderr
