"""How long a person waits for the studio: a change, the state, suggestions, opening.

    python benchmarks/studio.py [--films 4000] [--shots 150] [--keep FOLDER] [--parts PART[,PART]]

The archive is made up (`made_up`: films of 90 s, all the rows of the bundled networks), and so is
the source: shots of 2 s, each like a place of the archive. Its project gets 20 versions and 200
steps. With `--keep` archive and project are made once and used again. Milliseconds are medians, by
the clock and of this process's processor: on a busy machine only the latter says much.

`change`: what it takes until a change is answered. `state`: what every window is told after each
change. `again`: one shot ranked anew, by other weights and by another tightness. `server`: from the
command `kuleshov studio PROJECT`, nothing imported yet, until it listens and until the project is
open; then the same questions by HTTP. What the server's process takes is not in this one's.
`open`: from a project being opened on the start page, by HTTP, until its state is answered, in five
studios that have read their archive (`server` comes before it: that makes the project known).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np

from kuleshov.archive.archive import open_archive
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.sources import SourceCache, _Look, _packed
from kuleshov.desk.changes import Change, Lock, Mirror, Own, Slip, Unlock
from kuleshov.desk.desk import Desk
from kuleshov.desk.editing import Editing
from kuleshov.desk.preview import Preview
from kuleshov.desk.suggestions import Wish
from kuleshov.errors import KuleshovError
from kuleshov.features.analyse import SOURCE_GRID, Analysis
from kuleshov.features.specs import bundled_rows
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.jobs import QUIET
from kuleshov.media.decode import Film
from kuleshov.studio.places import Places
from kuleshov.studio.session import Session
from kuleshov.timecode import FrameRange
from made_up import build, queries
from measure import machine

RATE, SECONDS = 24, 2
STEPS, VERSIONS = 200, 20
PARTS = ("change", "state", "again", "server", "open")

_OPENED = 5  # times
_READ = 8.0  # s, in which a studio that shows its start reads the archive


def film(path: Path, shots: int) -> None:
    """Write a film of flat pictures, which is small."""
    with av.open(path, "w") as target:
        stream = target.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for n in range(shots * SECONDS * RATE):
            grey = np.full((108, 128), 40 + (n // (SECONDS * RATE) * 53) % 160, np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "yuv420p")))
        target.mux(stream.encode(None))


def seen(path: Path, shots: int, films: int) -> Analysis:
    """Return what would be seen in a film whose shots are like places of the archive."""
    asked, length = queries(shots, films), SECONDS * RATE
    cuts = [FrameRange(n * length, (n + 1) * length) for n in range(shots)]
    none = FrameRange(0, 0)
    made = tuple(
        Shot(n, span, span, Transition("cut" if n else "none", none)) for n, span in enumerate(cuts)
    )
    names = asked[0].rows
    rows = {n: np.concatenate([one.rows[n] for one in asked]).astype(np.float16) for n in names}
    count = shots * SECONDS * SOURCE_GRID
    rows["material"] = np.tile(np.eye(8, dtype=np.float16)[0], (count, 1))
    for name in ("faces", "bodies", "things"):
        rows[name][:] = 0  # of nobody: random numbers are no faces
    rows["concepts"] = np.full((count, 334), 0.05, np.float16)
    with Film(path) as opened:
        video = opened.video
    tick = int(1 / (video.rate * video.time_base))
    grid = np.arange(count)
    return Analysis(
        path=path,
        probe=Probe(
            Video(video.codec, 128, 72, Fraction(RATE), video.time_base), None, shots * 2.0
        ),
        pts=np.arange(shots * length, dtype=np.int64) * tick,
        shots=made,
        grid=SOURCE_GRID,
        shown=(grid * RATE // SOURCE_GRID).astype(np.int64),
        features=rows,
        mirrored=None,
        damaged=0,
    )


def project(root: Path, folder: Path, shots: int, films: int) -> Path:
    """Make a project with versions and history, and return its path."""
    path, where = folder / "long.mp4", folder / "long.otio"
    if not path.exists():
        film(path, shots)
    with desk_of(root, folder) as desk:
        looks = desk.networks.when_needed()
        look = _Look(
            *(path, desk.checksum(path), looks, desk.sources, SOURCE_GRID, False, None), QUIET
        )
        if look.kept(None) is None:  # the code that looks may have changed
            desk.sources.put(look._key(None, look._names()), *_packed(seen(path, shots, films)))
        if where.exists():
            return where
        began = time.perf_counter()
        with Editing.begin(desk, path, where) as editing:
            print(f"begun in {time.perf_counter() - began:.0f} s", flush=True)
            for number in range(STEPS):
                done(editing, number)
                if number % (STEPS // VERSIONS) == 0:
                    editing.keep_version()
    return where


def desk_of(root: Path, folder: Path) -> Desk:
    return Desk(root, sources=SourceCache(folder / "sources"))


def changes(editing: Editing, number: int) -> Sequence[Change]:
    """Return what may be done next, as a person would: something small, somewhere."""
    luck = random.Random(number)
    slot = luck.choice(editing.cut.plan.wanted)
    every: list[Change] = [Slip(slot, 1), Slip(slot, -1), Mirror(slot), Lock(slot), Unlock(slot)]
    luck.shuffle(every)
    return [*every, Own(slot)]


def done(editing: Editing, number: int) -> None:
    """Do one thing that can be done."""
    for change in changes(editing, number):
        try:
            editing.do(change)
        except KuleshovError:
            continue
        return


def told(what: str, call: Callable[[], object], repeat: int = 9) -> None:
    """Call, and print the medians of how long it took and of processor time."""
    seconds, busy = [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        call()
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
    wall, cpu = (1000 * float(np.median(part)) for part in (seconds, busy))
    print(f"{what:<44} {wall:9.1f} ms, {cpu:9.1f} ms of processor (of {repeat})", flush=True)


class Quiet(Preview):
    """A preview that makes nothing, so that nothing else is measured."""

    def _urgent(self, _number: int) -> None:
        return None


def session_of(root: Path, where: Path, folder: Path) -> Session:
    """Return a studio with the project open, of which no segment is made."""
    from kuleshov.studio import session as module

    module.Preview = Quiet  # type: ignore[misc]
    session = Session(desk_of(root, folder), Places((), folder / "home"))
    session.open_path(where)
    while not json.loads(session.state_text())["ready"]:
        jobs = [one for one in session.jobs.all() if one["state"] == "failed"]
        assert not jobs, jobs
        time.sleep(0.05)
    return session


def of_a_session(root: Path, where: Path, folder: Path, parts: Sequence[str]) -> None:
    """Print what changes, states and suggestions cost."""
    from kuleshov.studio.reading import Fields

    session = session_of(root, where, folder)
    assert session._opened is not None
    editing = session._opened.editing
    number = iter(range(10_000, 20_000))

    def change() -> None:
        slot = random.Random(next(number)).choice(editing.cut.plan.wanted)
        session.do(
            Fields({"do": "unlock" if editing.cut.selects[slot].locked else "lock", "slot": slot})
        )

    def change_and_save() -> None:
        change()
        editing.flush()

    def change_and_state() -> None:
        change()
        session.state_text()

    if "change" in parts or "state" in parts:
        print(f"project: {where.stat().st_size / 1e6:.2f} MB, {editing.steps} steps")
    if "change" in parts:
        told("a change, until it is answered", change)
        told("a change, until it is saved", change_and_save)
    if "state" in parts:
        text = session.state_text()
        print(f"the state: {len(text) / 1e3:.0f} kB")
        told("the state, nothing changed", session.state_text)
        told("a change and the state after it", change_and_state)
    if "again" in parts:
        again(editing)
    session.close()


def again(editing: Editing) -> None:
    """Print what it takes to rank one shot anew."""
    slot = editing.cut.plan.wanted[7]
    luck = random.Random(1)
    began = time.perf_counter()
    editing.suggestions(slot, 24, Wish(weights={"tone": 0.9}))
    print(f"one shot looked at for the first time: {time.perf_counter() - began:.1f} s")

    def weighed() -> None:
        editing.suggestions(slot, 24, Wish(weights={"tone": luck.uniform(0, 3)}))

    def tighter() -> None:
        editing.suggestions(slot, 24, Wish(tightness=luck.uniform(0.2, 0.9)))

    told("one shot again, by other weights", weighed)
    told("one shot again, by another tightness", tighter)
    told("one shot again, as it is known", lambda: editing.suggestions(slot, 24))


@contextlib.contextmanager
def studio(root: Path, folder: Path, *what: str) -> Iterator[tuple[httpx.Client, float]]:
    """Run the command `kuleshov studio`; give a client of it, and when it was begun."""
    settings = {"SOURCES": "sources", "PREVIEWS": "previews", "PROXIES": "proxies"}
    kept = {f"KULESHOV_{name}": str(folder / place) for name, place in settings.items()}
    command = [sys.executable, "-m", "kuleshov", "studio", *what, "--archive", str(root)]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--no-browser", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **kept, "KULESHOV_STUDIO": str(folder / "home")},
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        print(f"the command until it listens: {time.perf_counter() - began:.2f} s")
        base = url.split("/?")[0]
        with httpx.Client(
            base_url=base, headers={"Origin": base}, follow_redirects=True, timeout=600
        ) as client:
            client.get(url).raise_for_status()
            yield client, began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def until_open(client: httpx.Client) -> dict[str, Any]:
    """Wait until a project is open, and return its state."""
    while True:
        state: dict[str, Any] = client.get("/api/state").json()
        if state["ready"]:
            return state
        time.sleep(0.02)


def of_a_server(root: Path, where: Path, folder: Path) -> None:
    """Print how long it is from the command until a project can be used, and what answers take."""
    with studio(root, folder, str(where)) as (client, began):
        state = until_open(client)
        print(f"the command until the project is open: {time.perf_counter() - began:.2f} s")
        asked_by_http(client, [one["slot"] for one in state["shots"] if one["clip"]])


def from_the_start(root: Path, where: Path, folder: Path) -> None:
    """Print how long it takes to open a project on the start page, in one studio after another."""
    seconds = []
    for _ in range(_OPENED):
        with studio(root, folder) as (client, _):
            time.sleep(_READ)
            recent = client.get("/api/start").json()["recent"]
            identity = next(one["id"] for one in recent if one["name"] == where.stem)
            began = time.perf_counter()
            client.post("/api/open", json={"project": identity}).raise_for_status()
            until_open(client)
            seconds.append(time.perf_counter() - began)
    told = ", ".join(f"{one:.2f}" for one in seconds)
    print(f"a project opened on the start page: {float(np.median(seconds)):.2f} s ({told})")


def asked_by_http(client: httpx.Client, slots: Sequence[str]) -> None:
    """Print how long suggestions take that a page asks for."""
    luck = random.Random(1)
    slot = slots[7]

    def suggestions(**query: str) -> None:
        client.get(f"/api/suggestions/{slot}", params={"count": "24", **query}).raise_for_status()

    began = time.perf_counter()
    suggestions()
    print(f"one shot for the first time, by HTTP: {time.perf_counter() - began:.2f} s")
    told("one shot again, by other weights, by HTTP", lambda: suggestions(weights=tone(luck)))
    told("one shot again, as it is known, by HTTP", suggestions)
    told("the state, by HTTP", lambda: client.get("/api/state").raise_for_status())


def tone(luck: random.Random) -> str:
    """Return weights as the page writes them, of which one was moved."""
    return json.dumps({"tone": round(luck.uniform(0, 3), 3)})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=4000)
    parser.add_argument("--shots", type=int, default=150)
    parser.add_argument("--keep", type=Path, help="where archive and project are made, or lie")
    parser.add_argument("--archive", type=Path, help="an archive made so before")
    parser.add_argument("--parts", default=",".join(PARTS))
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        root = given.archive or folder / "archive"
        if not root.exists():
            build(root, given.films)
            with open_archive(root) as archive, archive.indexing():
                pack_archive(archive, [bundled_rows()])
        where = project(root, folder, given.shots, given.films)
        parts = given.parts.split(",")
        if {"change", "state", "again"} & {*parts}:
            of_a_session(root, where, folder, parts)
        if "server" in parts:
            of_a_server(root, where, folder)
        if "open" in parts:
            from_the_start(root, where, folder)


if __name__ == "__main__":
    main()
