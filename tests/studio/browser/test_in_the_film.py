"""The clip that is in the film is marked among the suggestions and told of, whatever was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studio.pages import (
    clip_of,
    go_to,
    kept_picture,
    no_violations,
    shot_of,
    slots_of,
    state_of,
    until,
    with_film,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def _is_shown(page: Page, slot: str) -> None:
    """Wait until the clip in the film is marked, alone and in sight, and told of."""
    offer = clip_of(state_of(page), slot)["offer"]
    page.wait_for_function(
        """([slot, offer]) => {
          const list = document.querySelector(`.offers[data-slot='${slot}'][aria-busy=false]`);
          const marked = list ? [...list.querySelectorAll(".offer.chosen")] : [];
          if (marked.length !== 1) return false;
          const [one] = marked;
          if ((one.dataset.offer ?? one.dataset.film) !== offer) return false;
          const [tile, room] = [one, list].map((each) => each.getBoundingClientRect());
          return tile.top > room.top - 12 && tile.bottom < room.bottom + 12
            && document.querySelector(".detail").dataset.of === offer;
        }""",
        arg=[slot, offer],
        timeout=20_000,
    )


def _through(page: Page, slot: str) -> None:
    """Refuse the clip of a shot, take that back, and lock it: it is shown after each."""
    go_to(page, slot)
    _is_shown(page, slot)
    was = clip_of(state_of(page), slot)["offer"]
    page.keyboard.press("x")
    until(page, lambda s: clip_of(s, slot)["offer"] != was)
    _is_shown(page, slot)
    page.keyboard.press("z")
    until(page, lambda s: clip_of(s, slot)["offer"] == was)
    _is_shown(page, slot)
    page.keyboard.press("l")
    until(page, lambda s: shot_of(s, slot)["locked"])
    _is_shown(page, slot)
    page.keyboard.press("l")
    until(page, lambda s: not shot_of(s, slot)["locked"])


def test_after_whatever_was_done_it_is_marked_and_told_of(films, studio, window, project, axe):
    page = window(studio(films, project).url, reduced_motion="reduce")
    for slot in slots_of(page):
        _through(page, slot)
    one, other = slots_of(page)[:2]
    go_to(page, one)
    was = clip_of(state_of(page), one)["offer"]
    page.evaluate(
        "async (slot) => (await import('/page/store.js')).actHere('swap', { with: slot })", other
    )
    until(page, lambda s: clip_of(s, one)["offer"] != was)
    _is_shown(page, one)
    no_violations(page, axe, "swapped")
    kept_picture(page, "in-the-film-swapped")


def test_what_is_picked_of_those_that_are_folded_stays_in_sight(films, studio, window, project):
    page = window(studio(films, project).url, reduced_motion="reduce")
    for slot in slots_of(page):
        go_to(page, slot)
        if page.locator(".offer .folded").count():
            break
    page.locator(".offer .folded").first.click()
    page.wait_for_selector(".chip")
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    listed = "() => [...document.querySelectorAll('.offer')].map((one) => one.dataset.offer)"
    page.wait_for_function(f"() => ({listed})().length > 1 && !document.querySelector('.folded')")
    before = [one for one in page.evaluate(listed) if one]
    picked = next(one for one in before[::-1] if one != clip_of(state_of(page), slot)["offer"])
    page.click(f".offer[data-offer='{picked}'] .name")
    until(page, lambda s: clip_of(s, slot)["offer"] == picked)
    page.mouse.move(5, 5)
    _is_shown(page, slot)
    assert [one for one in page.evaluate(listed) if one] == before, "all of them stay"
    assert page.text_content(".detail button") == "In the film"
    kept_picture(page, "in-the-film-folded")
    page.click(".chip")
    page.wait_for_selector(".chip", state="detached")
    _is_shown(page, slot)


def test_what_is_proposed_can_be_taken(films, studio, window, project):
    page = window(studio(films, project).url, reduced_motion="reduce")
    slot = next(
        one["slot"]
        for one in with_film(page)["shots"]
        if one["clip"] and one["state"] == "proposed"
    )
    go_to(page, slot)
    _is_shown(page, slot)
    offer = clip_of(state_of(page), slot)["offer"]
    kept_picture(page, "proposed")
    page.click(".detail button:has-text('Take it')")
    until(page, lambda s: shot_of(s, slot)["state"] == "chosen")
    page.wait_for_selector(".detail button[aria-disabled]:has-text('In the film')")
    assert clip_of(state_of(page), slot)["offer"] == offer

    # One that the list lacks is taken, too.
    page.keyboard.press("x")
    until(page, lambda s: shot_of(s, slot)["state"] == "proposed")
    _is_shown(page, slot)
    page.click(".detail button:has-text('Take it')")
    until(page, lambda s: shot_of(s, slot)["state"] == "chosen")


def test_next_finds_the_one_that_is_undecided_wherever_it_lies(films, studio, window, project):
    page = window(studio(films, project).url, reduced_motion="reduce")
    first, *others = slots_of(page)
    for slot in others:
        page.evaluate(
            "async (slot) => (await import('/page/store.js')).act('lock', { slot })", slot
        )
    until(page, lambda s: all(shot_of(s, slot)["locked"] for slot in others))
    go_to(page, others[0])
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{first}']")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".toast:has-text('No other shot is undecided')")

    # What is said lies over none of the shots, and zooming does not lift them.
    toast, shots = (page.locator(one).bounding_box() for one in (".toast", ".ruler"))
    assert toast["y"] + toast["height"] <= shots["y"] + 1
    for _ in range(2):
        page.keyboard.press("-")
    assert page.locator(".ruler").bounding_box()["y"] == shots["y"]
