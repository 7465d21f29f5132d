"""Films and files that are made on the page, and versions that are kept and compared."""

from __future__ import annotations

import os
from pathlib import Path

import av
import pytest

from studio.pages import (
    clip_of,
    focused,
    go_to,
    hears,
    kept_picture,
    no_violations,
    recently,
    shot_of,
    state_of,
    until,
    with_film,
)

pytestmark = pytest.mark.slow


def test_by_keys_from_the_start_page_to_the_film(
    films, studio, window, axe, project, tmp_path, monkeypatch
):
    """A project is opened, decided on, rendered with options and watched without a mouse; a render
    is stopped on the way; what was made opens in its folder, and is written for other programs."""
    opened = tmp_path / "opened"
    tool = tmp_path / "tools" / "xdg-open"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    recently(tmp_path / "studio", project)
    page = window(studio(films).url, replaced=True, reduced_motion="reduce")
    page.wait_for_selector(".cards button")

    # The start page, by Tab and Enter.
    tab_to(page, "film")
    page.keyboard.press("Enter")
    state = with_film(page)
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    slot = state_slot(page)
    assert focused(page) != "body"
    page.keyboard.press("2")
    until(page, lambda s: shot_of(s, slot)["state"] == "chosen")
    assert focused(page) != "body"

    # How the film is to be: side by side, small, under a name, with a contact sheet.
    page.keyboard.press("r")
    page.wait_for_selector("dialog [type=submit]:focus")
    choose(page, "Layout", "side-by-side")
    choose(page, "Height", "360")
    page.get_by_label("File name").fill("beside")
    page.get_by_label("A contact sheet too").press("Space")
    choose(page, "Encoding", "slow")
    page.locator("dialog [type=submit]").focus()
    page.keyboard.press("Enter")

    # It is stopped; the form is there again, as it was filled in, and nothing is left.
    page.wait_for_selector("dialog .dialog-inside:focus")
    page.wait_for_selector("dialog [role=progressbar]")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.wait_for_selector("dialog .progress button:focus")
    no_violations(page, axe, "rendering")
    kept_picture(page, "rendering")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog [type=submit]:focus")
    page.wait_for_selector("dialog form [role=status]:has-text('Stopped')")
    assert not [*tmp_path.glob("beside*")]

    # Again, to its end.
    choose(page, "Encoding", "veryfast")
    page.locator("dialog [type=submit]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("video.made:focus")
    page.wait_for_function("() => document.querySelector('video.made').currentTime > 0")
    page.wait_for_function("() => document.querySelector('img.made').naturalWidth > 100")
    no_violations(page, axe, "made")
    kept_picture(page, "made")
    with av.open(tmp_path / "beside.mp4") as film:
        picture = film.streams.video[0]
        assert (picture.height, picture.width) == (360, 1280)
        assert sum(1 for _ in film.decode(video=0)) == state["film"]["frames"]
    assert (tmp_path / "beside.sheet.png").is_file()
    page.locator("dialog button", has_text="Open its folder").focus()
    page.keyboard.press("Enter")
    while not opened.exists() or not opened.read_text():
        page.wait_for_timeout(50)
    assert Path(opened.read_text()) == tmp_path
    page.wait_for_selector(f"dialog .toast:has-text('{tmp_path} is being opened')")

    # Where nothing opens folders that is said; what was made can be fetched from anywhere.
    assert str(tmp_path) in page.inner_text("dialog .written")
    tool.write_text("#!/bin/sh\nexit 3\n")
    page.locator("dialog button", has_text="Open its folder").click()
    page.wait_for_selector(f"dialog .toast.bad:has-text('it lies in {tmp_path}')")
    with page.expect_download() as coming:
        page.locator("dialog a", has_text="Download beside.mp4").click()
    assert coming.value.suggested_filename == "beside.mp4"
    assert Path(coming.value.path()).read_bytes() == (tmp_path / "beside.mp4").read_bytes()

    # Each list and edit; each is said in words.
    page.locator("dialog button", has_text="Render another").focus()
    page.keyboard.press("Enter")
    for form, name in (
        ("FCPXML", "film.fcpxml"),
        ("EDL", "film.edl"),
        ("OTIO", "film.export.otio"),
        ("CSV", "film.csv"),
        ("JSON", "film.json"),
    ):
        page.locator("dialog form button", has_text=form).focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(f".written:has-text('{name}')")
        assert (tmp_path / name).stat().st_size > 100
        page.wait_for_selector("dialog .dialog-inside:focus")
        page.keyboard.press("Tab")
        page.wait_for_selector("dialog .finished button:focus")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog [type=submit]:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert focused(page) != "body"


def tab_to(page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page).startswith(f"button {name}") or f" {name}" in focused(page)[:40]:
            return
    raise AssertionError(f"the focus never came to {name}: {focused(page)}")


def state_slot(page) -> str:
    """Return the slot that is looked at."""
    return str(page.get_attribute("html", "data-slot"))


def choose(page, label: str, value: str) -> None:
    """Choose in a field of the dialog."""
    page.locator("dialog fieldset:not(.gif) label", has_text=label).locator("select").select_option(
        value
    )


def test_versions_are_compared_and_gone_back_to(films, studio, window, axe, project):
    """One is kept, others are tried, both are seen side by side; going back can be undone."""
    page = window(studio(films, project).url, replaced=True, reduced_motion="reduce")
    state = with_film(page)
    slots = [one["slot"] for one in state["shots"] if one["clip"]][:3]
    page.click("#tab-versions")
    page.get_by_label("Name").fill("first try")
    page.keyboard.press("Enter")
    until(page, lambda s: [one["name"] for one in s["versions"]] == ["first try"])
    hears(page, "first try is kept.")
    page.keyboard.press("Escape")  # out of the field: letters are keys again
    kept = {slot: clip_of(state, slot)["offer"] for slot in slots}
    for slot in slots[:2]:
        go_to(page, slot)
        page.keyboard.press("3")
        until(page, lambda s: clip_of(s, slot)["offer"] != kept[slot])  # noqa: B023 - called at once
    go_to(page, slots[2])
    page.click("#tab-clip")
    page.click("button[popovertarget=menu-nothing]")
    page.click("#menu-nothing [role=menuitem]:has-text('Black')")
    page.click("#tab-versions")
    state = until(page, lambda s: shot_of(s, slots[2])["state"] == "black")
    other = {slot: (clip_of(state, slot) or {}).get("offer") for slot in slots}

    page.wait_for_selector(".list li:has-text('3 shots differ')")
    page.locator("button", has_text="Compare").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog .compare-row")
    numbers = page.locator("dialog .compare-row .number").all_inner_texts()
    assert numbers == slots
    page.wait_for_function(
        "() => [...document.querySelectorAll('dialog .compare img')].every((i) => i.naturalWidth)"
    )
    count = page.locator("dialog .compare img").count()
    assert count == 3 + 3 + 2, "the source's, those that were kept, those of now: one is black"
    assert "black" in page.locator("dialog .compare-row").nth(2).inner_text().lower()
    no_violations(page, axe, "compare")
    kept_picture(page, "compare")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector("button:has-text('Compare'):focus")

    page.locator("button", has_text="Go back").focus()
    page.keyboard.press("Enter")
    until(
        page, lambda s: all((clip_of(s, slot) or {}).get("offer") == kept[slot] for slot in slots)
    )
    assert focused(page) != "body"
    page.keyboard.press("z")
    until(page, lambda s: all((clip_of(s, n) or {}).get("offer") == other[n] for n in slots))
    page.keyboard.press("Shift+Z")
    until(page, lambda s: all(clip_of(s, n)["offer"] == kept[n] for n in slots if clip_of(s, n)))

    # What going back changed is listed, and one of it is taken back alone.
    page.click("#tab-changes")
    page.keyboard.press("z")
    until(page, lambda s: (clip_of(s, slots[2]) or {}).get("offer") == other[slots[2]])
    page.locator(".list li", has_text=f"Shot {slots[0]}:").locator("button").last.click()
    state = until(page, lambda s: clip_of(s, slots[0])["offer"] == kept[slots[0]])
    assert clip_of(state, slots[1])["offer"] == other[slots[1]]
    assert state_of(page)["versions"]
