"""What is done is done to what one sees: the shot under the playhead, its words, and the focus."""

from __future__ import annotations

import pytest

from studio.marked import trailer_with_black_of
from studio.pages import (
    focused,
    go_to,
    kept_picture,
    shot_of,
    state_of,
    until,
    with_film,
)

pytestmark = pytest.mark.slow

_RING = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  return style.outlineStyle === "none" || at.matches("button, input, select, [role=slider]");
}"""


def at_frame(page, frame):
    """Wait until the playhead is on a frame."""
    page.wait_for_selector(f".picture video[data-frame='{frame}']", state="attached")


def under(state, frame):
    """Return the slot under a frame."""
    return next(one["slot"] for one in state["shots"] if one["first"] <= frame < one["end"])


def test_the_shot_under_the_playhead_is_the_one(films, studio, window):
    """By Home and End, by frames, by the wave, and while it plays: what a key does is seen."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    shots = [one for one in state["shots"] if one["clip"]]
    first, second = shots[0], shots[1]
    last = state["film"]["frames"] - 1
    page.keyboard.press("End")
    at_frame(page, last)
    page.wait_for_selector(f"html[data-slot='{under(state, last)}']")
    page.keyboard.press("Home")
    at_frame(page, 0)
    page.wait_for_selector(f"html[data-slot='{under(state, 0)}']")

    # A frame back from the first picture of a shot, and on again.
    go_to(page, second["slot"])
    begin = int(page.get_attribute(".picture video", "data-frame"))
    for _ in range(begin - second["first"] + 1):
        page.keyboard.press("Shift+ArrowLeft")
    at_frame(page, second["first"] - 1)
    page.wait_for_selector(f"html[data-slot='{under(state, second['first'] - 1)}']")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_selector(f"html[data-slot='{second['slot']}']")

    # Where the wave is pressed; M then mirrors what is there.
    box = page.locator(".wave").bounding_box()
    middle = (first["first"] + first["end"]) / 2
    page.mouse.click(box["x"] + box["width"] * middle / (last + 1), box["y"] + box["height"] / 2)
    page.wait_for_selector(f"html[data-slot='{first['slot']}']")
    page.keyboard.press("m")
    until(
        page,
        lambda s: shot_of(s, first["slot"])["clip"]["mirrored"] != first["clip"]["mirrored"],
    )

    # While it plays it follows; where it is stopped it stays with the picture.
    page.keyboard.press("Space")
    page.wait_for_selector(f"html:not([data-slot='{first['slot']}'])")
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-label=Play]")
    stopped = int(page.get_attribute(".picture video", "data-frame"))
    assert page.get_attribute("html", "data-slot") == under(state, stopped)


def test_space_plays_after_a_click(films, studio, window):
    """A button that was clicked is not pressed by Space; one that Tab came to is. What holds the
    focus without being a control has no ring."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"] if one["clip"])
    go_to(page, slot)
    page.click(".clip-acts button[aria-pressed]:has-text('Lock')")
    until(page, lambda s: shot_of(s, slot)["locked"])
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-label=Pause]")
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-label=Play]")
    assert shot_of(state_of(page), slot)["locked"]

    # By Tab: the same button.
    go_to(page, slot)
    page.locator("#hand").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused(page) == "button Unlock":
            break
    page.keyboard.press("Space")
    until(page, lambda s: not shot_of(s, slot)["locked"])
    page.wait_for_selector("button[aria-label=Play]")

    # A menu whose choice changes the panel gives the focus back to itself; a dialog to the page.
    page.click("button[popovertarget=menu-nothing]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, lambda s: shot_of(s, slot)["state"] == "black")
    page.wait_for_selector("button[popovertarget=menu-nothing]:focus")
    page.keyboard.press("z")
    until(page, lambda s: shot_of(s, slot)["state"] == "proposed")
    assert page.evaluate(_RING)
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate(_RING), focused(page)
    kept_picture(page, "dialog-closed")


def test_words_belong_to_their_shot(films, studio, window):
    """They are in the field when the shot is looked at, and the list is that of the field."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    one, other = [shot["slot"] for shot in state["shots"] if shot["clip"]][:2]
    go_to(page, one)
    plain = page.get_attribute(".offer[data-n='1']", "data-offer")
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/api/suggestions/" in r.url else None)

    def ask(words):
        page.keyboard.press("/")
        page.wait_for_selector("#words:focus")
        page.keyboard.type(words)
        page.keyboard.press("Enter")
        page.wait_for_selector(
            f".offers[aria-busy=false] .offer[data-n='1'] .name:has-text('{words}')"
        )

    ask("ocean")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".offer:focus")
    page.keyboard.press("2")
    until(page, lambda s: shot_of(s, one)["state"] == "chosen")
    assert page.input_value("#words") == "ocean"

    # Another shot has none; back, they are there, and the list is theirs.
    go_to(page, other)
    assert page.input_value("#words") == ""
    assert "words=" not in asked[-1]
    go_to(page, one)
    assert page.input_value("#words") == "ocean"
    page.wait_for_selector(".offers[aria-busy=false] .offer[data-n='1'] .name:has-text('ocean')")
    assert "words=ocean" in asked[-1]
    kept_picture(page, "words-again")

    # Escape empties the field, and the list with it, for good.
    page.keyboard.press("/")
    page.wait_for_selector("#words:focus")
    page.keyboard.press("Escape")
    assert page.input_value("#words") == ""
    page.wait_for_selector(f".offers[aria-busy=false] .offer[data-offer='{plain}']")
    assert "words=" not in asked[-1]
    go_to(page, other)
    go_to(page, one)
    assert page.input_value("#words") == ""


def test_black_is_passed_over(films, studio, window, tmp_path):
    """Arrows go on to what something can be chosen for; black can be looked at by a click."""
    source = trailer_with_black_of(tmp_path / "black.mp4")
    page = window(studio(films, source).url)
    state = with_film(page)
    order = [one["slot"] for one in state["shots"]]
    black = [one["slot"] for one in state["shots"] if one["fixed"]][-1]
    before, after = order[order.index(black) - 1], order[order.index(black) + 1]
    refused: list[str] = []
    page.on("response", lambda r: refused.append(r.url) if r.status >= 400 else None)
    go_to(page, before)
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{after}']")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"html[data-slot='{before}']")

    # A click shows it, and why there is nothing to do about it.
    page.click(f".shot[data-slot='{black}']")
    page.wait_for_selector(f".offers[aria-busy=false][data-slot='{black}'] .nothing")
    assert page.text_content(".shelf h2") == "Black"
    assert "stays so" in str(page.text_content("#hand"))
    assert page.locator("button[popovertarget=menu-nothing]").count() == 0
    label = page.get_attribute(f".shot[data-slot='{black}']", "aria-label")
    assert label == "Black in the source"
    kept_picture(page, "black")
    page.keyboard.press("3")
    page.wait_for_selector(".toast.bad")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{after}']")
    assert not refused


def test_words_and_how_a_film_is_to_be_are_kept_over_a_reload(films, studio, window, project):
    """In this window, by project and shot."""
    page = window(studio(films, project).url)
    slots = [one["slot"] for one in with_film(page)["shots"] if one["clip"]][:2]
    go_to(page, slots[1])
    page.keyboard.press("/")
    page.keyboard.type("waves at night")
    page.keyboard.press("Enter")
    page.wait_for_selector(".offers[aria-busy=false] .sure")
    page.locator(".offer").first.focus()
    page.keyboard.press("r")
    page.get_by_label("Black and white").check()
    page.get_by_label("File name").fill("one")
    page.reload()
    page.wait_for_selector(f"html[data-slot='{slots[1]}']")
    page.wait_for_selector(".offers[aria-busy=false] .sure")
    assert page.input_value("#words") == "waves at night"
    go_to(page, slots[0])
    assert page.input_value("#words") == ""
    page.keyboard.press("r")
    assert page.get_by_label("Black and white").is_checked()
    assert page.get_by_label("File name").input_value() == ""
