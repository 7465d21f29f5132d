"""The page where nothing is open: what may be opened is seen, and no still is waited for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from studio.browser.test_touch import _SMALL
from studio.pages import FAULTS, Held, focused, kept_picture, no_violations, recently, with_film

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

_SIZES = [(1280, 720), (820, 1180), (1920, 1080)]
_TILES = ".mosaic .poster"

_BOXES = """() => [...document.querySelectorAll(".start :is(h3, button, .poster, .facts, .drop)")]
  .map((one) => one.getBoundingClientRect())
  .map(({ x, y, width, height }) => [x, y, width, height].map(Math.round))"""
_SHAPES = """() => [...document.querySelectorAll(".poster")]
  .map((one) => one.getBoundingClientRect()).map(({ width, height }) => width / height)"""
_COME = """() => { const all = [...document.querySelectorAll(".poster img")];
  return all.length && all.every((one) => one.matches(".there") && one.naturalWidth); }"""


@pytest.fixture
def start(films, studio, window, project, tmp_path) -> Callable[..., tuple[Page, Held]]:
    """The first page, with films, one of them torn, three projects, one of them gone, and an
    archive; stills are held back, none of which a browser has seen before."""
    folder: Path = tmp_path / "films"
    folder.mkdir()
    running = studio(films, "--footage", folder)

    def opened(width: int, height: int, more: int = 0, **options: object) -> tuple[Page, Held]:
        page: Page = window(running.url, width, height, replaced=True, **options)
        page.wait_for_selector(".facts")
        stills = Held(page, "**/media/poster/*")
        for name in ("night_sky", "ocean_wave"):
            shutil.copy(films.footage / f"{name}.mp4", folder)
        for n in range(more):
            shutil.copy(films.footage / "night_sky.mp4", folder / f"z{n:02d}.mp4")
        (folder / "torn.mp4").write_bytes(films.source.read_bytes()[:3000])
        other = shutil.copy(project, tmp_path / "other.otio")
        recently(tmp_path / "studio", project, other, tmp_path / "gone.otio")
        while not page.locator(".cards button", has_text="torn.mp4").count():
            page.wait_for_timeout(1000)  # films are listed every few seconds
            page.reload()
            page.wait_for_selector(".facts")
        return page, stills

    return opened


@pytest.mark.parametrize("size", _SIZES)
def test_each_is_seen_by_a_still_for_which_there_is_room_before(start, axe, size):
    touch = size == (820, 1180)
    page, stills = start(*size, has_touch=touch, is_mobile=touch)
    page.wait_for_function("() => document.fonts.status === 'loaded'")
    stills.wait()
    before = page.evaluate(_BOXES)
    no_violations(page, axe, f"start {size[0]}, before")
    kept_picture(page, f"start-{size[0]}x{size[1]}-before")
    assert page.locator(".cards .poster img.there").count() == 0
    stills.release()
    page.wait_for_function(_COME)
    assert page.locator(".cards .poster img.there").count() == 4
    assert page.evaluate(_BOXES) == before, "nothing moves when they come"

    tiles = page.locator(_TILES).count()
    assert tiles >= 6
    assert tiles % 3 == 0, "rows are whole"
    shapes = page.evaluate(_SHAPES)
    assert shapes == [pytest.approx(16 / 9, rel=0.03)] * (tiles + 6)
    first, second, gone = (page.locator(".recent .poster").nth(n) for n in range(3))
    assert first.bounding_box()["width"] > 2.5 * second.bounding_box()["width"]
    assert gone.locator("img").count() == 0, "what is not there is not asked for"
    assert page.locator("button:has-text('torn.mp4') img").count() == 0
    assert page.locator(".poster img:not([alt=''])").count() == 0, "the names are beside them"
    assert not page.evaluate(FAULTS)
    if touch:
        assert not page.evaluate(_SMALL)
    no_violations(page, axe, f"start {size[0]}")
    kept_picture(page, f"start-{size[0]}x{size[1]}")


def test_what_is_not_shown_is_opened_all_the_same(start):
    page, stills = start(1280, 720, reduced_motion="reduce")
    stills.release()
    page.wait_for_function(_COME)
    duration = "() => getComputedStyle(document.querySelector('.poster img')).transitionDuration"
    assert page.evaluate(duration) == "0s"
    page.locator(".cards button", has_text="torn.mp4").click()
    page.wait_for_selector(".banner.bad:has-text('torn.mp4')")
    # By keys: where one is, is seen around the still.
    page.locator(".cards button", has_text="night_sky").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert "night_sky" in focused(page)
    style = "() => getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(style) == "solid"
    kept_picture(page, "start-focus")
    page.locator(".recent button").first.focus()
    page.keyboard.press("Enter")
    with_film(page)


def test_few_are_asked_for_at_once_and_only_those_in_view(start):
    page, stills = start(1280, 720, 60)
    stills.wait()
    page.wait_for_function("() => document.querySelectorAll('.poster img').length > 4")
    page.wait_for_timeout(500)
    assert 1 <= len({*stills.urls}) <= 3
    assert page.locator(".wall .poster").count() == 63
    assert page.locator(".wall .poster img").count() < 20
    stills.release()
    page.wait_for_function(_COME)
    page.locator(".wall .cards button").last.scroll_into_view_if_needed()
    page.wait_for_selector(".wall li:last-child .poster img.there")


def test_no_still_is_made_while_a_film_is_opened(films, studio, window):
    """Whoever waits for a film does not wait for pictures of others."""
    page = window(studio(films, films.source, "--footage", films.footage).url)
    stills: list[str] = []
    page.on("request", lambda one: stills.append(one.url) if "/media/poster" in one.url else None)
    page.reload()
    with_film(page)
    assert not stills
    page.evaluate("async () => { (await import('/page/store.js')).home.value = true; }")
    page.wait_for_function(_COME)
    assert stills
