"""What tests of the live view share: a film as a camera, the program, and a page that looks."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import pytest

from studio.conftest import _FLAGS


def fake_camera(paths: list[Path], out: Path, most: int | None = None, still: int = 0) -> Path:
    """Films, so many pictures of each, as a file of JPEGs, which Chromium plays as a camera.

    The first picture of all stands `still` for so many.
    """
    with out.open("wb") as file:
        for path in paths:
            with av.open(str(path)) as film:
                for picture in islice(film.decode(video=0), most):
                    data = io.BytesIO()
                    picture.to_image().resize((640, 360)).save(data, "JPEG", quality=90)
                    file.write(data.getvalue() * (still or 1))
                    if still:
                        still = 0
                        break
    return out


@pytest.fixture
def address(films, tmp_path, monkeypatch) -> Iterator[Callable[..., str]]:
    """Start `kuleshov live` as a program on an archive; ended after the test."""
    running: list[subprocess.Popen[str]] = []
    folders = {f"KULESHOV_{name.upper()}": str(tmp_path / name) for name in ("previews", "proxies")}

    def start(*arguments: str, archive: Path = films.archive) -> str:
        order = [sys.executable, "-m", "kuleshov", "live", "--no-browser", "--json"]
        process = subprocess.Popen(
            [*order, "--archive", str(archive), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **folders},
        )
        running.append(process)
        assert process.stdout is not None
        return str(json.loads(process.stdout.readline())["url"])

    start.running = running  # type: ignore[attr-defined]
    yield start
    for process in running:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def seen(browser, films, tmp_path) -> Iterator[Callable[..., Any]]:
    """A page in a browser whose camera plays a film (None: there is no camera, or it is refused).
    What goes wrong in it fails the test."""
    opened: list[Any] = []
    wrong: list[str] = []

    def heard(said: Any) -> None:
        if "Content Security" in said.text:
            wrong.append(said.text)

    def new(
        url: str,
        *camera: str | None,
        refused: bool = False,
        most: int | None = None,
        still: int = 0,
        before: str = "",
    ) -> Any:
        flags = list(_FLAGS)
        names = [name for name in camera if name is not None]
        if names:
            paths = [films.footage / f"{name}.mp4" for name in names]
            film = fake_camera(paths, tmp_path / f"{names[0]}.mjpeg", most, still)
            flags.append("--use-fake-device-for-media-stream")
            flags.append(f"--use-file-for-fake-video-capture={film}")
        if refused:
            flags.append("--deny-permission-prompts")
        else:
            flags.append("--use-fake-ui-for-media-stream")
        kind = browser.browser_type
        one = kind.launch(executable_path=_executable(), args=flags)
        opened.append(one)
        page = one.new_context(viewport={"width": 1280, "height": 720}).new_page()
        page.sent = listened(page)
        if before:
            page.add_init_script(before)
        page.set_default_timeout(180_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", heard)
        page.goto(url)
        page.wait_for_selector("html[data-ready]")
        return page

    yield new
    for one in opened:
        one.close()
    assert not wrong, wrong


def _executable() -> str:
    there = os.environ.get("KULESHOV_CHROMIUM") or shutil.which("chromium")
    return there or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""


def listened(page: Any) -> dict[str, list[Any]]:
    """Keep what a page sends to the camera's socket, and what is answered."""
    found: dict[str, list[Any]] = {"frames": [], "answers": []}

    def opened(socket: Any) -> None:
        if "/camera" not in socket.url:
            return
        socket.on("framesent", lambda data: found["frames"].append(data))
        socket.on("framereceived", lambda text: found["answers"].append(json.loads(text)))

    page.on("websocket", opened)
    return found
