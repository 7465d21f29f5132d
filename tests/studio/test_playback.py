"""Segments played by real browsers: in any order, sought, replaced while playing, frame for frame.

The page (`playback.html`) feeds a `<video>` by Media Source Extensions, reads the numbers in both
halves of the picture, and tells them to a server here. Firefox finds what Chromium forgives.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from films import SIZE, make_film, noise, numbered
from kuleshov.media.proxy import Proxies
from kuleshov.render.segments import (
    beside,
    codecs_of,
    init_segment,
    placed,
    segments,
    sound_film,
    write_segment,
)
from kuleshov.timeline import Clip, Layout, Media, Sound, Timeline, Track

RATE = Fraction(24000, 1001)
LENGTHS = (17, 5, 24, 31, 8, 40, 12, 60, 9, 26)
REPLACED = 3
"""The segment that is replaced while the film plays."""
PAGE = Path(__file__).with_name("playback.html")
PATIENCE = 240  # s; the machine may be busy

CHROMIUM = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--mute-audio", "--autoplay-policy=no-user-gesture-required"),
]
FIREFOX = """
user_pref("media.autoplay.default", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Film:
    """All that the page asks for, by path, and what each frame is to show then and after."""

    answers: dict[str, bytes]
    before: list[tuple[int, int]]
    after: list[tuple[int, int]]
    sought: list[int]
    until: int
    replaced: range


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    total = sum(LENGTHS)
    source = make_film(folder / "source.mp4", numbered(total), RATE, sound=noise(total / 23.976))
    archive = make_film(folder / "a.mp4", numbered(600, (720, 404), 1000), RATE, gop=50)
    proxies = Proxies(folder / "proxies")
    starts = [37 * n for n in range(len(LENGTHS))]
    firsts = [sum(LENGTHS[:n]) for n in range(len(LENGTHS))]
    laid = _laid(source, archive, starts)
    changed = _laid(source, archive, [*starts[:REPLACED], 500, *starts[REPLACED + 1 :]])
    answers: dict[str, bytes] = {"/": PAGE.read_bytes(), "/init": init_segment(laid)}
    for name, timeline in (("segment", laid), ("other", changed)):
        for number, one in enumerate(segments(timeline)):
            data = write_segment(timeline, one, proxies).data
            answers[f"/{name}/{number}"] = placed(data, one.frames.first, RATE)
    pairs = zip(segments(laid), segments(changed), strict=True)
    assert [one.key != other.key for one, other in pairs].count(True) == 1
    assert sound_film(laid, folder / "sound.mp4")
    answers["/sound"] = (folder / "sound.mp4").read_bytes()
    order = list(range(len(LENGTHS)))
    random.Random(5).shuffle(order)
    edges = {first + k for first in firsts for k in (-1, 0, 1) if 0 <= first + k < total}
    sought = sorted(edges | set(range(0, total, 7)))
    random.Random(7).shuffle(sought)
    until = firsts[REPLACED + 4] + 10
    answers["/film.json"] = json.dumps(
        {
            "rate": [RATE.numerator, RATE.denominator],
            "frames": total,
            "codec": f'video/mp4; codecs="{codecs_of(answers["/init"])}"',
            "sound_codec": 'audio/mp4; codecs="mp4a.40.2"',
            "order": order,
            "sought": sought,
            "replaced": REPLACED,
            "until": until,
        }
    ).encode()
    replaced = range(firsts[REPLACED], firsts[REPLACED + 1])
    return Film(answers, _shown(starts), _shown(starts, 500), sought, until, replaced)


def _laid(source: Path, archive: Path, starts: list[int]) -> Timeline:
    pairs = list(zip(starts, LENGTHS, strict=True))
    clips = [
        Clip(Media(archive), s / RATE, n, metadata={"kuleshov": {"slot": str(k)}})
        for k, (s, n) in enumerate(pairs)
    ]
    own = [Clip(Media(source), sum(LENGTHS[:k]) / RATE, n) for k, n in enumerate(LENGTHS)]
    tracks = Track("recut", tuple(clips)), Track("source", tuple(own))
    film = Timeline("film", RATE, Layout.single(*SIZE), tracks, Sound(Media(source)))
    return beside(replace(film, metadata={}))


def _shown(starts: list[int], instead: int | None = None) -> list[tuple[int, int]]:
    """The numbers at the left and at the right, frame by frame."""
    right = [
        1000 + (instead if instead is not None and k == REPLACED else start) + n
        for k, (start, length) in enumerate(zip(starts, LENGTHS, strict=True))
        for n in range(length)
    ]
    return list(enumerate(right))


@contextlib.contextmanager
def serving(answers: dict[str, bytes]) -> Iterator[tuple[str, queue.Queue[tuple[str, Any]]]]:
    """Serve the page; what it tells comes out of the queue."""
    told: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = answers.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Type", "text/html" if self.path == "/" else "video/mp4")
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def do_POST(self) -> None:
            told.put((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *what: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def browser(*names: str) -> str:
    """Return where a browser lies; without one the test is left out, but not where CI runs."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        missing = f"{names[0]} is not installed: apt-get install {names[0]}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def seen_by(command: list[str], film: Film, home: Path) -> dict[str, Any]:
    """Return what the page told, opened in a browser of its own."""
    with serving(film.answers) as (address, told):
        process = subprocess.Popen(
            [*command, address],
            env={**os.environ, "HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            path, found = told.get(timeout=PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it and what it has started
            process.wait()
    assert path == "/result", found
    assert isinstance(found, dict)
    return found


def check(found: dict[str, Any], film: Film) -> None:
    length = float(len(film.before) / RATE)
    (range_,) = found["pictures"]
    assert range_ == pytest.approx([0, length], abs=1e-4), "one range, whatever the order"
    (heard,) = found["sound"]
    assert heard == pytest.approx([0, length], abs=0.06)
    assert found["after"] == found["pictures"]
    wrong = [one for one in found["sought"] if tuple(one[1:]) != film.before[one[0]]]
    assert not wrong, "each frame that was sought, before"
    wrong = [one for one in found["again"] if tuple(one[1:]) != film.after[one[0]]]
    assert not wrong, "and after one segment was replaced"
    assert len(found["sought"]) == len(film.sought) > 50


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


def test_chromium_plays_the_very_frames(film: Film, home: Path) -> None:
    command = [browser("chromium", "chromium-browser"), *CHROMIUM, f"--user-data-dir={home}"]
    found = seen_by(command, film, home)
    check(found, film)
    played = found["played"]
    frames = [round(time * float(RATE) - 1e-3) for time, *_ in played["seen"]]
    assert frames == sorted(frames)
    assert frames[-1] >= film.until - 3
    for (_, *shown), frame in zip(played["seen"], frames, strict=True):
        known = [film.before[frame], film.after[frame]]
        assert tuple(shown) in known, f"frame {frame} shows {shown}, not {known}"
    assert any(
        tuple(shown) == film.after[frame] != film.before[frame]
        for (_, *shown), frame in zip(played["seen"], frames, strict=True)
    ), "what was replaced ahead of the playhead is what plays"
    assert played["waited"] == 0


def test_firefox_plays_the_very_frames(film: Film, home: Path) -> None:
    (home / "user.js").write_text(FIREFOX)
    command = [browser("firefox-esr", "firefox"), "--headless", "--no-remote", "--profile"]
    found = seen_by([*command, str(home)], film, home)
    check(found, film)
    # In its callback Firefox shows another picture than it says: its numbers are not read there.
    frames = [round(time * float(RATE)) for time, *_ in found["played"]["seen"]]
    # Now and then it tells, in one of them, of a picture that comes only later.
    assert sum(after < before for before, after in pairwise(frames)) <= 1
    assert frames[-1] >= film.until - 3
