"""The keys, two windows, and what a screen reader is told."""

from __future__ import annotations

import pytest

from studio.pages import (
    FAULTS,
    clip_of,
    focused,
    go_to,
    kept_picture,
    no_violations,
    shot_of,
    state_of,
    until,
    with_film,
)

pytestmark = pytest.mark.slow


def test_by_keyboard_alone(films, studio, window):
    """Everything that decides is done by keys, and the focus is never lost."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)

    # Down leads into the suggestions, and through them; Enter picks the one in focus.
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".offer:focus")
    page.locator(".offer[data-n='1']").focus()
    page.keyboard.press("ArrowDown")
    offer = page.evaluate("() => document.activeElement.dataset.offer")
    tops = page.evaluate(
        "() => [...document.querySelectorAll('.offer')].map((one) => one.offsetTop)"
    )
    wide = sum(top == tops[0] for top in tops)  # suggestions side by side
    assert 1 < wide < len(tops)
    assert offer == page.get_attribute(f".offer[data-n='{wide + 1}']", "data-offer")
    # Below the last of a column the next column begins; up the same way back.
    for _ in range(len(tops[::wide]) - 1):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector(".offer[data-n='2']:focus")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector(f".offer[data-n='{len(tops[::wide]) * wide - wide + 1}']:focus")
    for _ in range(len(tops[::wide]) - 2):
        page.keyboard.press("ArrowUp")
    page.wait_for_selector(f".offer[data-n='{wide + 1}']:focus")
    page.keyboard.press("Enter")
    state = until(page, lambda s: clip_of(s, slot)["offer"] == offer)
    page.wait_for_selector(".offer[aria-selected=true]:focus")

    # Mirror and lock, while the focus stays; then on to the next shot and back.
    page.keyboard.press("m")
    until(page, lambda s: clip_of(s, slot)["mirrored"] != clip_of(state, slot)["mirrored"])
    page.keyboard.press("Shift+L")
    until(page, lambda s: shot_of(s, slot)["locked"])
    assert focused(page).startswith("div ")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html:not([data-slot='{slot}'])")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"html[data-slot='{slot}']")
    page.wait_for_selector(".offer:focus")

    # A locked shot says why it is not changed, whatever the key; unlocked it is.
    revision = state_of(page)["revision"]
    for key in ("x", "m", ".", ","):
        page.evaluate("async () => { (await import('/page/store.js')).toast.value = null; }")
        page.keyboard.press(key)
        page.wait_for_selector(".toast.bad:has-text('is locked')")
    assert shot_of(state_of(page), slot)["locked"]
    assert state_of(page)["revision"] == revision
    page.keyboard.press("l")
    until(page, lambda s: not shot_of(s, slot)["locked"])

    # The menu of refusals opens by its button, goes by arrows, and gives the focus back.
    page.locator("button", has_text="Refuse").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#menu-refuse [role=menuitem]:focus")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.wait_for_selector("button[popovertarget=menu-refuse]:focus")

    # Help opens and closes, and the focus is where it was.
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("button[popovertarget=menu-refuse]:focus")

    # A version, an undo of what came before it, and a field in which letters are letters.
    page.keyboard.press("s")
    until(page, lambda s: s["versions"])
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.wait_for_selector("#words:focus")
    revision = state_of(page)["revision"]
    page.keyboard.type("fxmzl")
    assert page.input_value("#words") == "fxmzl"
    page.keyboard.press("Escape")
    assert state_of(page)["revision"] == revision
    page.keyboard.press("z")
    until(page, lambda s: s["history"]["redo"])
    page.keyboard.press("Shift+Z")
    until(page, lambda s: not s["history"]["redo"])
    assert focused(page) != "", focused(page)


def test_what_nothing_fits(films, studio, window):
    """A shot may show the source's own, black, or a still; each is undone by itself."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)
    for item, name in (("The source's own shot", "own"), ("Black", "black"), ("A still", "still")):
        page.click("button[popovertarget=menu-nothing]")
        page.click(f'#menu-nothing [role=menuitem]:has-text("{item}")')
        until(page, lambda s: shot_of(s, slot)["state"] == name)  # noqa: B023 - called at once
        page.wait_for_selector(f".shot.{name}[data-slot='{slot}']")
        assert focused(page) != "body"
    for name in ("black", "own", "proposed"):
        page.keyboard.press("z")
        until(page, lambda s: shot_of(s, slot)["state"] == name)  # noqa: B023 - called at once


def test_changes_are_taken_back_alone(films, studio, window):
    """What a refusal of footage changed is listed, and one shot of it is taken back."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)
    page.keyboard.press("2")
    state = until(page, lambda s: s["history"]["steps"] == 1)
    page.click("#tab-changes")
    page.click(".list li button:has-text('Take back')")
    until(page, lambda s: s["history"]["steps"] == 2)
    assert clip_of(state_of(page), slot)["offer"] != clip_of(state, slot)["offer"]
    assert focused(page) != "body"

    # A tab that was clicked leaves the arrows to the shots; one that was come to by keys has them.
    page.click("#tab-versions")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html:not([data-slot='{slot}'])")
    assert page.get_attribute("#tab-versions", "aria-selected") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#tab-notes[aria-selected=true]:focus")


def test_two_windows(films, studio, window):
    """What is done in one window is seen in the other, where another shot is looked at."""
    running = studio(films, films.source)
    one = window(running.url)
    state = with_film(one)
    other = window(running.url)
    with_film(other)
    slots = [shot["slot"] for shot in state["shots"] if shot["clip"]]
    go_to(one, slots[0])
    go_to(other, slots[1])
    one.keyboard.press("l")
    other.wait_for_selector(f".shot.locked[data-slot='{slots[0]}']")
    assert other.get_attribute("html", "data-slot") == slots[1]
    other.keyboard.press("2")
    state = until(other, lambda s: s["history"]["steps"] == 2)
    one.wait_for_selector(f".shot.chosen[data-slot='{slots[1]}']")
    one.keyboard.press("z")
    until(other, lambda s: s["history"]["redo"])
    other.wait_for_selector(f".shot.proposed[data-slot='{slots[1]}']")


def test_the_studio_goes_away_and_comes_back(films, studio, window):
    """A page whose studio ended says so, and that nothing is lost."""
    running = studio(films, films.source)
    page = window(running.url)
    with_film(page)
    running.kill()
    page.wait_for_selector(".banner")
    assert page.get_attribute("html", "data-ready") is None


_SIZES = [(1280, 720), (1920, 1080), (820, 1180), (1024, 768)]
"""Of the page: a small screen, a large one, a tablet, and an old one."""


def test_every_state_fits_and_is_accessible(films, studio, window, axe):
    """At each size nothing is cut off or lies over anything else, and axe knows no fault."""
    page = window(studio(films, films.source).url, reduced_motion="reduce")
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)
    for number, (width, height) in enumerate(_SIZES):
        page.set_viewport_size({"width": width, "height": height})
        size = f"{width}x{height}"
        for tab in ("weigh", "changes", "versions", "notes", "clip"):
            page.click(f"#tab-{tab}")
            faults = page.evaluate(FAULTS)
            assert not faults, (size, tab, faults)
            if number == 0:
                no_violations(page, axe, tab)
        assert "undecided" in page.inner_text(".head-left")
        no_violations(page, axe, size)
        kept_picture(page, f"studio-{size}")
        for key in ("?", "r"):
            page.keyboard.press(key)
            page.wait_for_selector("dialog[open]")
            if number in (0, 2):
                no_violations(page, axe, f"dialog {key} {size}")
            kept_picture(page, f"dialog-{'help' if key == '?' else 'render'}-{size}")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
    page.click("button[popovertarget=menu-refuse]")
    page.wait_for_selector("#menu-refuse [role=menuitem]:focus")
    no_violations(page, axe, "menu")
    page.keyboard.press("Escape")
    for layout in ("wipe", "over"):
        page.click(f".choice button:has-text('{layout.capitalize()}')")
        no_violations(page, axe, layout)
        kept_picture(page, f"layout-{layout}")
    page.click(".mark")
    page.wait_for_selector("main.start")
    no_violations(page, axe, "start")
    kept_picture(page, "start")


def test_nothing_moves_where_that_is_not_wanted(films, studio, window):
    """Under reduced motion suggestions move only when all are asked to."""
    page = window(studio(films, films.source).url, reduced_motion="reduce")
    state = with_film(page)
    go_to(page, next(one["slot"] for one in state["shots"] if one["clip"]))
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".offer:focus")
    page.wait_for_timeout(400)
    assert page.locator(".offer video").count() == 0
    page.keyboard.press("a")
    page.wait_for_selector(".offer video")


def test_a_slider_that_many_keys_move_is_one_change(films, studio, window):
    page = window(studio(films, films.source).url)
    steps = with_film(page)["history"]["steps"]
    page.click("#tab-weigh")
    slider = page.locator(".weight input").first
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    moved = float(slider.input_value())
    # Whatever comes next is done after it, though the slider was only just let go.
    page.keyboard.press("s")
    state = until(page, lambda s: s["versions"])
    assert state["history"]["steps"] == steps + 1
    assert state["weights"]["film"]["subject"] == moved
