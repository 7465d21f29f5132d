"""What the page shows of suggestions: which of them it tells of, and how those wait that are not
there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studio.pages import (
    Held,
    clip_of,
    go_to,
    kept_picture,
    no_violations,
    shot_of,
    slots_of,
    state_of,
    until,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


_DETAILS = ".detail[data-of='{}']"


def _offer(page: Page, number: int) -> str:
    return str(page.get_attribute(f".offer[data-n='{number}']", "data-offer"))


def test_details_are_of_the_clip_in_the_film_until_another_is_looked_at(films, studio, window):
    """By pointer and by keys; of the next shot nothing was looked at yet."""
    page = window(studio(films, films.source).url)
    one, other, *_ = slots_of(page)
    go_to(page, one)
    mine = clip_of(state_of(page), one)["offer"]
    page.wait_for_selector(_DETAILS.format(mine))
    page.hover(".offer[data-n='3']")
    third = _offer(page, 3)
    page.wait_for_selector(_DETAILS.format(third))

    # The pointer rests: the next shot's list comes below it, and is not pointed at by that.
    go_to(page, other)
    page.wait_for_selector(_DETAILS.format(clip_of(state_of(page), other)["offer"]))

    # A card that had the focus: that goes to the clip in the film, which details are of.
    page.locator(".offer[data-n='4']").focus()
    page.wait_for_selector(_DETAILS.format(_offer(page, 4)))
    go_to(page, one)
    page.wait_for_selector(f".offer[data-offer='{mine}']:focus")
    page.wait_for_selector(_DETAILS.format(mine))
    assert page.locator(".offer[tabindex='0']").count() == 1

    # Of what is pointed at they only tell; their buttons are of what is in focus.
    page.hover(".offer[data-n='2']")
    page.wait_for_selector(_DETAILS.format(_offer(page, 2)) + " .hint")
    page.hover(".shelf-head h2")
    page.wait_for_selector(_DETAILS.format(mine) + " button")
    page.locator(".offer[data-n='3']").focus()
    page.click(".detail button:has-text('Pick')")
    until(page, lambda s: clip_of(s, one)["offer"] == third)
    page.wait_for_selector(f".offer.chosen[data-offer='{third}']")
    page.wait_for_selector(_DETAILS.format(third))
    kept_picture(page, "details")


def test_numbers_stay_where_they_are_and_say_what_is_used(films, studio, window):
    """A pick elsewhere marks a suggestion and does not move it; who asks again has them ordered
    anew. What a pick repeats is said."""
    page = window(studio(films, films.source).url)
    one, other, *_ = slots_of(page)
    go_to(page, one)
    order = "() => [...document.querySelectorAll('.offer')].map((card) => card.dataset.offer)"
    shown = page.evaluate(order)
    free = page.locator(".offer:not(.chosen):not(:has(.used))").first.get_attribute("data-offer")
    go_to(page, other)
    offers = page.evaluate(
        f"() => fetch('/api/suggestions/{other}?count=60').then((a) => a.json())"
    )
    assert offers["suggestions"]
    page.evaluate(
        "async ([slot, offer]) => { await (await import('/page/store.js'))"
        ".act('pick', { slot, offer }); }",
        [other, free],
    )
    until(page, lambda s: s["history"]["steps"] == 1)
    go_to(page, one)
    page.wait_for_selector(f".offer[data-offer='{free}'] .used[data-text='in {other}']")
    assert page.evaluate(order) == shown
    less = page.get_attribute(f".offer[data-offer='{free}'] .line b", "title")
    assert f"because shot {other} shows it" in str(less)
    kept_picture(page, "used")

    page.click(f".offer[data-offer='{free}']")
    page.wait_for_selector(".toast.note")
    assert f"which shot {other} shows too" in str(page.text_content(".toast.note"))

    page.keyboard.press("x")
    page.wait_for_function("() => document.querySelector('#live').textContent.includes('refused')")
    assert "Refuse" not in str(page.text_content("#live"))


def test_a_locked_shot_says_that_nothing_can_be_picked(films, studio, window):
    page = window(studio(films, films.source).url)
    slot = slots_of(page)[0]
    go_to(page, slot)
    page.keyboard.press("Shift+L")
    until(page, lambda s: shot_of(s, slot)["locked"])
    page.locator(".offer:not(.chosen)").first.focus()
    button = page.locator(".detail button:has-text('Pick')[aria-disabled=true]")
    button.wait_for()
    assert "locked" in str(button.get_attribute("title"))
    revision = state_of(page)["revision"]
    button.click(force=True)
    assert state_of(page)["revision"] == revision
    kept_picture(page, "pick-locked")


def test_what_is_looked_for_is_seen_to_be_looked_for(films, studio, window):
    """Tiles that wait; never the list of the shot before under another shot's name."""
    page = window(studio(films, films.source).url, reduced_motion="reduce")
    one, other, *_ = slots_of(page)
    go_to(page, one)
    held = Held(page, f"**/api/suggestions/{other}?*")
    page.click(f".shot[data-slot='{other}']")
    page.wait_for_selector(f"html[data-slot='{other}']")
    page.wait_for_selector(".looking .tile .waits")
    assert page.locator(".offer").count() == 0
    kept_picture(page, "looking")
    pictures = Held(page, "**/media/offer/**")
    held.wait()
    held.release()
    page.wait_for_selector(".offer .still.waits")
    kept_picture(page, "tiles-wait")
    pictures.release()
    page.wait_for_selector(".offer[data-n='1'] .still:not(.waits)")


def test_a_shot_is_kept_in_a_bin_and_chosen_from_it(films, studio, window, project, axe):
    page = window(studio(films, project).url)
    slot = slots_of(page)[0]
    go_to(page, slot)
    clip = clip_of(state_of(page), slot)
    page.click("[popovertarget='menu-bin']")
    kept_picture(page, "bin-menu")
    no_violations(page, axe, "the menu of bins")
    page.get_by_role("menuitem", name="A new bin").click()
    page.fill("#bin-name", "moon")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=kept in the bin moon")
    chooser = page.get_by_role("combobox", name="Bin", exact=True)
    chooser.select_option("moon")
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    listed = page.request.get(
        page.url.split("/?")[0].rstrip("/") + f"/api/suggestions/{slot}?bin=moon&count=60"
    ).json()["suggestions"]
    assert {(one["id"], one["shot"]) for one in listed} == {(clip["id"], clip["shot"])}
    shown = set(page.locator(".offer").evaluate_all("all => all.map(one => one.dataset.offer)"))
    assert shown == {one["offer"] for one in listed}
    page.click("[popovertarget='menu-bin']")
    page.wait_for_selector("text=moon (1)")
