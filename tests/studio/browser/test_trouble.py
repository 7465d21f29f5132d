"""What the page says, and keeps, where something is not as it should be."""

from __future__ import annotations

import json
import resource
import shutil
from dataclasses import replace

import pytest

from studio.pages import (
    clip_of,
    focused,
    go_to,
    kept_picture,
    no_violations,
    recently,
    state_of,
    until,
    with_film,
)

pytestmark = pytest.mark.slow


def test_a_full_disk_is_said_and_nothing_is_lost(films, studio, window, axe, project):
    running = studio(films, project)
    page = window(running.url, replaced=True, reduced_motion="reduce")
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)
    before = project.read_bytes()
    soft, hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1000, hard))
    page.keyboard.press("m")
    page.wait_for_selector(".banner[role=alert]")
    page.wait_for_selector(".saved.bad")
    text = page.inner_text(".banner[role=alert]")
    assert "film.otio" in text
    assert "do not end the studio" in text
    no_violations(page, axe, "full disk")
    kept_picture(page, "full-disk")
    # One goes on; as soon as there is room all of it is kept.
    page.keyboard.press("l")
    page.wait_for_selector(f".shot.locked[data-slot='{slot}']")
    assert project.read_bytes() == before
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (soft, hard))
    page.wait_for_selector(".banner", state="detached")
    page.wait_for_selector(".saved:not(.bad):has-text('Saved')")
    page.context.close()
    running.kill()
    page = window(studio(films, project).url, replaced=True)
    with_film(page)
    page.wait_for_selector(f".shot.locked[data-slot='{slot}']")
    assert clip_of(state_of(page), slot)["mirrored"]


def test_footage_that_is_gone_is_named_with_its_shots(films, studio, window, axe, project):
    """The page says which shots, and what to do; a render stops and says so, too."""
    wanted = [one for one in films.footage.iterdir() if one.stem in films.numbers]
    moved = films.footage.with_name("elsewhere")
    moved.mkdir()
    for path in wanted:
        path.rename(moved / path.name)
    try:
        page = window(studio(films, project).url, replaced=True, reduced_motion="reduce")
        state = with_film(page)
        gone = [one["slot"] for one in state["shots"] if one["missing"]]
        assert len(gone) >= 4
        page.wait_for_selector(".banner.bad")
        text = page.inner_text(".banner.bad")
        assert f"Shots {', '.join(gone)}" in text
        assert "relink" in text
        assert all(name in text for one in state["shots"] for name in one["missing"])
        assert f"{len(gone)} undecided" in page.inner_text(".head-left")
        for slot in gone:
            page.wait_for_selector(f".shot.missing[data-slot='{slot}'][aria-label*='not there']")
        no_violations(page, axe, "missing footage")
        kept_picture(page, "footage-missing")
        page.keyboard.press("r")
        page.wait_for_selector("dialog [type=submit]:focus")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog form .bad:has-text('missing')")
        page.wait_for_selector("dialog [type=submit]:focus")
        kept_picture(page, "render-missing")
    finally:
        for path in moved.iterdir():
            path.rename(films.footage / path.name)
        moved.rmdir()


def test_what_cannot_be_opened_is_said_until_it_is_read(
    films, studio, window, axe, begun, tmp_path
):
    """A project of a newer version, and a film that is none: each is one sentence."""
    newer = tmp_path / "newer.otio"
    written = json.loads(begun.read_text())
    written["metadata"]["kuleshov"]["timeline"]["format"] = 99
    newer.write_text(json.dumps(written))
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "torn.mp4").write_bytes(films.source.read_bytes()[:3000])
    recently(tmp_path / "studio", newer, tmp_path / "gone.otio")
    page = window(studio(films, "--footage", folder).url, replaced=True, reduced_motion="reduce")
    page.wait_for_selector(".cards button:has-text('gone')[disabled]")
    no_violations(page, axe, "start")
    for name, words in (("newer", "newer"), ("torn.mp4", "torn.mp4")):
        page.locator(".cards button", has_text=name).focus()
        page.keyboard.press("Enter")
        banner = page.locator(".banner.bad", has_text=name)
        banner.wait_for()
        assert words in banner.inner_text()
        assert focused(page) != "body"
    no_violations(page, axe, "what cannot be opened")
    kept_picture(page, "not-opened")
    page.click(".banner.bad button[aria-label]")
    page.click(".banner.bad button[aria-label]")
    page.wait_for_selector(".banner", state="detached")
    assert focused(page) != "body"


def test_another_program_changes_the_project(films, studio, window, begun, project):
    """It is taken in and said, and what was done here can be had back."""
    page = window(studio(films, project).url, replaced=True)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    first = clip_of(state, slot)["offer"]
    go_to(page, slot)
    page.keyboard.press("2")
    state = until(page, lambda s: clip_of(s, slot)["offer"] != first and s["project"]["saved"])
    picked = clip_of(state, slot)["offer"]
    # Else what the other program writes would be what was there before.
    until(page, lambda _: project.read_bytes() != begun.read_bytes())
    other = project.with_name("other.otio")
    shutil.copy(begun, other)
    other.replace(project)
    until(page, lambda s: clip_of(s, slot)["offer"] == first)
    page.wait_for_function("() => document.querySelector('#live').textContent.length > 0")
    page.click("#tab-notes")
    page.wait_for_selector(".list.plain li:has-text('Another program')")
    kept_picture(page, "changed-outside")
    page.keyboard.press("z")
    until(page, lambda s: clip_of(s, slot)["offer"] == picked)


def test_from_an_empty_archive_to_suggestions(films, studio, window, axe, tmp_path):
    """The page opens, says what to do, indexes a folder with progress, and then opens the film."""
    few = tmp_path / "few"
    few.mkdir()
    for name in ("ocean_wave", "night_sky", "opossum_in_snow"):
        shutil.copy(films.footage / f"{name}.mp4", few)
    empty = replace(films, archive=tmp_path / "none")
    page = window(
        studio(empty, films.source, "--footage", few).url, replaced=True, reduced_motion="reduce"
    )
    page.wait_for_selector(".banner.bad:has-text('archive')")
    page.wait_for_selector(".facts:has-text('empty')")
    no_violations(page, axe, "empty archive")
    kept_picture(page, "archive-empty")
    page.locator("button", has_text="Index").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=progressbar]")
    kept_picture(page, "indexing")
    page.wait_for_selector(".facts:has-text('3 films')")
    assert focused(page) != "body"
    page.locator(".banner.bad button", has_text="Open again").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".shot")
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    page.wait_for_selector(".banner", state="detached")
    assert focused(page) != "body"
