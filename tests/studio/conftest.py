"""What tests of the studio share: small films, an archive of them, a server, and a browser."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kuleshov.desk.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

_AXE = Path(__file__).parents[2] / "build" / "node_modules" / "axe-core" / "axe.min.js"

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Films:
    """An archive of marked films, a source to remake, and the numbers of each film's pictures."""

    archive: Path
    footage: Path
    source: Path
    numbers: dict[str, range]


@pytest.fixture(scope="session")
def marked_films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """Films whose pictures say which they are, indexed. Nothing may be written to the archive: what
    a test changes is a copy of it (`films`)."""
    from studio.marked import archive_of, trailer_of

    folder = tmp_path_factory.mktemp("marked")
    numbers = archive_of(folder / "footage")
    source = trailer_of(folder / "source.mp4")
    with Desk(folder / "archive") as desk:
        done = desk.index([folder / "footage"])
    assert not done.failed, done.failed
    return Films(folder / "archive", folder / "footage", source, numbers)


@pytest.fixture
def films(marked_films: Films, tmp_path: Path) -> Films:
    """The same, for one test: an archive and a source of its own."""
    archive = tmp_path / "archive"
    shutil.copytree(marked_films.archive, archive)
    source = tmp_path / "source.mp4"
    shutil.copy(marked_films.source, source)
    return Films(archive, marked_films.footage, source, marked_films.numbers)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start `kuleshov studio` as a program on an archive: `studio(films, films.source)`; ended
    after the test."""
    from studios import Running

    monkeypatch.setenv("KULESHOV_PREVIEWS", str(tmp_path / "previews"))
    monkeypatch.setenv("KULESHOV_PROXIES", str(tmp_path / "proxies"))
    running: list[Running] = []

    def start(films: Films, *arguments: str | Path) -> Running:
        started = Running(*arguments, root=tmp_path / "studio", archive=films.archive)
        running.append(started)
        return started

    yield start
    for one in running:
        if one.process.poll() is None:
            one.end()
        for stream in (one.process.stdout, one.process.stderr):
            stream.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as it is installed; a test that needs it is skipped where there is none, and fails
    under CI."""
    there = os.environ.get("KULESHOV_CHROMIUM") or shutil.which("chromium")
    there = there or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("playwright is not installed")
    if there is None:
        _lacking("there is no Chromium: install it, or name it in KULESHOV_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=there, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A new window on an address, once the page says that it can be used. What goes wrong in it, an
    error of a script, a file that may not be loaded or a picture that is refused, fails the test:
    what is only being made is no error. Where a test replaces much (`replaced`), a picture of what
    just left the film may be asked for: the page asks again for what is there then."""
    opened: list[Any] = []
    wrong: list[str] = []

    def heard(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            wrong.append(said.text)

    def answered(response: Response) -> None:
        if response.status >= 400 and "/media/" in response.url:
            wrong.append(f"{response.status} {response.url}")

    def new(
        url: str, width: int = 1280, height: int = 720, *, replaced: bool = False, **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", heard)
        if not replaced:
            page.on("response", answered)
        opened.append(context)
        page.goto(url)
        page.wait_for_selector("html[data-ready]")
        return page

    yield new
    for context in opened:
        context.close()
    assert not wrong, wrong


@pytest.fixture(scope="session")
def axe() -> str:
    """The checker of accessibility, as npm brings it: `npm install --prefix build axe-core`."""
    if not _AXE.is_file():
        _lacking(f"{_AXE} is not there: npm install --prefix build axe-core@4.14.1")
    return _AXE.read_text("utf-8")


@pytest.fixture(scope="module")
def begun(marked_films: Films, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as the studio begins it, of the marked source. It is only read: copy it."""
    from studios import Running

    root = tmp_path_factory.mktemp("begun")
    project = root / "begun.otio"
    arguments = (marked_films.source, "-o", project)
    with Running(*arguments, root=root / "home", archive=marked_films.archive) as running:
        with running.client() as client:
            while not client.get("/api/state").raise_for_status().json()["ready"]:
                time.sleep(0.2)
        assert running.end() == 0
    return project


@pytest.fixture
def project(begun: Path, tmp_path: Path) -> Path:
    """A project of one test's own, as the studio began it."""
    path = tmp_path / "film.otio"
    shutil.copy(begun, path)
    return path


def _lacking(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and under CI nothing is skipped")
    pytest.skip(reason)
