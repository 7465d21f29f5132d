"""Footage that was moved is found again from the page, and a part of the film written as a GIF."""

from __future__ import annotations

import io
import shutil

import pytest
from PIL import Image, ImageSequence

from studio.pages import go_to, kept_picture, no_violations, shot_of, state_of, until, with_film

pytestmark = pytest.mark.slow


def _lost(state):
    return [one["slot"] for one in state["shots"] if one["missing"]]


def test_footage_that_was_moved_is_found_again(films, studio, window, axe, project, tmp_path):
    """In a folder that was named at start: archive and project point to where it lies now, also in
    the steps that were made before. What is not named cannot be looked through."""
    elsewhere = tmp_path / "drive"
    elsewhere.mkdir()
    used = shutil.copytree(films.footage, tmp_path / "kept")
    gone = [path for path in films.footage.iterdir() if path.stem in films.numbers]
    try:
        for path in gone:
            path.rename(elsewhere / path.name)
        running = studio(films, project, "--footage", elsewhere)
        page = window(running.url, replaced=True, reduced_motion="reduce")
        lost = _lost(with_film(page))
        assert lost
        slot = lost[0]
        page.click(f".shot[data-slot='{slot}']")
        # Where all footage is gone there is nothing to suggest, and that is said.
        page.wait_for_selector(f".offers[aria-busy=false][data-slot='{slot}'] .nothing")
        assert "Nothing in the archive answers" in str(page.text_content(".offers .nothing"))
        page.keyboard.press("m")
        until(page, lambda s: s["history"]["steps"] == 1)
        page.click("button[popovertarget=menu-relink]")
        no_violations(page, axe, "relink")
        kept_picture(page, "relink")
        page.click("#menu-relink [role=menuitem]")
        state = until(page, lambda s: not _lost(s))
        page.wait_for_selector(".banner.bad", state="detached")
        assert state["history"]["undo"] == "Find footage again"
        assert not [one for one in state["notes"] if one["code"] == "changed-outside"]
        until(page, lambda s: all(p["ready"] for p in shot_of(s, slot)["segments"]))
        assert not [one for one in state_of(page)["notes"] if one["code"] == "placeholder"]
        page.keyboard.press("z")
        page.keyboard.press("z")
        state = until(page, lambda s: s["history"]["steps"] == 0)
        assert not _lost(state)
        with running.client() as client:
            answer = client.post("/api/relink", json={"folder": "/etc"})
            assert answer.status_code == 404
    finally:
        for path in gone:
            if not path.exists():
                shutil.move(used / path.name, path)


def test_a_shot_and_a_span_become_a_gif(films, studio, window, axe, project):
    """Of this shot, and of some: as long as they are in the film; shown on the page."""
    running = studio(films, project)
    page = window(running.url, reduced_motion="reduce")
    state = with_film(page)
    clips = [one["slot"] for one in state["shots"] if one["clip"]]
    slot, other = clips[1], clips[2]
    rate = state["film"]["rate"][0] / state["film"]["rate"][1]
    go_to(page, slot)

    def written(last):
        page.keyboard.press("r")
        page.wait_for_selector("dialog .gif")
        if last != slot:
            page.select_option(".gif label:has-text('To shot') select", last)
            page.select_option(".gif label:has-text('Layout') select", "side-by-side")
        page.select_option(".gif label:has-text('Width') select", "240")
        no_violations(page, axe, "gif")
        page.locator("dialog .gif .button").scroll_into_view_if_needed()
        kept_picture(page, "gif")
        page.click("dialog .gif .button")
        page.wait_for_selector("dialog img.made")
        address = page.get_attribute("dialog img.made", "src")
        page.wait_for_function("() => document.querySelector('dialog img.made').naturalWidth > 0")
        kept_picture(page, "gif-made")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        with running.client() as client:
            data = client.get(address).raise_for_status().content
        with Image.open(io.BytesIO(data)) as gif:
            pictures = ImageSequence.Iterator(gif)
            seconds = sum(picture.info["duration"] for picture in pictures) / 1000
            return gif.size, seconds

    one, two = shot_of(state, slot), shot_of(state, other)
    size, seconds = written(slot)
    assert size[0] == 240
    assert seconds == pytest.approx((one["end"] - one["first"]) / rate, abs=0.03)
    size, seconds = written(other)
    assert size[0] == 480
    assert seconds == pytest.approx((two["end"] - one["first"]) / rate, abs=0.03)
    assert len([*project.parent.glob("film-*.gif")]) == 2
