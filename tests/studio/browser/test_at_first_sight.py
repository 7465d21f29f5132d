"""What people stumble over who see the page for the first time: what they do next is what they
meant, and what they see is so."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from studio.pages import (
    Held,
    clip_of,
    focused,
    go_to,
    hears,
    kept_picture,
    laid,
    no_violations,
    shot_of,
    slots_of,
    state_of,
    until,
    with_film,
)

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

pytestmark = pytest.mark.slow


def _listed(page: Page) -> None:
    page.wait_for_selector(".offers[aria-busy=false] .offer")


def _offers(page: Page) -> list[str]:
    _listed(page)
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('.offer')].map((one) => one.dataset.offer)"
    )
    return found


# Pictures


def test_a_still_that_did_not_come_is_asked_for_until_it_is_there(films, studio, window, project):
    """Refused by nobody, not made yet, or lost on the way: no other thing need be done for it."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    slot = slots_of(page)[0]
    until(page, lambda s: all(p["ready"] for shot in s["shots"] for p in shot["segments"]))
    answers = ["lost", "not yet", "lost"]

    def fail(route: Route) -> None:
        if not answers:
            route.continue_()
        elif answers.pop(0) == "lost":
            route.abort()
        else:
            route.fulfill(status=204)

    go_to(page, slot)
    page.route("**/media/segment/*/recut/*.jpg?*", fail)
    shown = page.get_attribute(f".shot[data-slot='{slot}'] .recut img", "src")
    page.keyboard.press("m")
    page.wait_for_function(
        "([slot, was]) => { const one = document.querySelector("
        "`.shot[data-slot='${slot}'] .recut img`); return one && one.complete"
        " && one.naturalWidth && !one.matches('.old') && one.getAttribute('src') !== was; }",
        arg=[slot, shown],
    )
    assert not answers


def test_another_state_is_never_shown_as_if_it_were_this_one(films, studio, window, project):
    """What was made before and only has to be fetched again is said to be coming, too: the still of
    the clip as it is now stands for it, and not the picture of before."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    slot = slots_of(page)[0]
    go_to(page, slot)
    was = clip_of(state_of(page), slot)["mirrored"]
    laid(page, slot)
    page.keyboard.press("m")
    until(page, lambda s: clip_of(s, slot)["mirrored"] != was)
    laid(page, slot)
    segments = Held(page, "**/media/segment/*.mp4?*")
    page.keyboard.press("z")
    until(page, lambda s: clip_of(s, slot)["mirrored"] == was)
    page.wait_for_selector(".coming span")
    sign = page.locator(".coming img")
    offered = clip_of(state_of(page), slot)["offer"].endswith("-m")
    assert ("mirrored" in str(sign.get_attribute("class"))) == (was and not offered)
    kept_picture(page, "coming-again")
    segments.release()
    page.wait_for_selector(".coming", state="detached")


# Suggestions


def test_on_the_way_to_a_button_nothing_else_is_taken(films, studio, window, project):
    """Buttons below the list are of the suggestion in focus, whatever the pointer passes; those of
    the one that is pointed at lie on it."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    slot = slots_of(page)[0]
    go_to(page, slot)
    offers = _offers(page)
    page.locator(".offer[data-n='3']").focus()
    page.wait_for_selector(f".detail[data-of='{offers[2]}'] button:has-text('Pick')")
    page.hover(".offer[data-n='2']")
    page.wait_for_selector(f".detail[data-of='{offers[1]}'] .hint")
    assert page.locator(".detail button").count() == 0
    box = page.locator(".detail").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] - 20, steps=25)
    page.wait_for_selector(f".detail[data-of='{offers[2]}'] button:has-text('Pick')")
    page.click(".detail button:has-text('Pick')")
    until(page, lambda s: clip_of(s, slot)["offer"] == offers[2])

    page.hover(".offer[data-n='2']")
    page.click(".offer[data-n='2'] .likened")
    page.wait_for_selector(".chip")
    _listed(page)
    assert clip_of(state_of(page), slot)["offer"] == offers[2], "it was not picked"


def test_what_is_folded_opens_by_a_click_and_by_keys(films, studio, window, project, axe):
    page = window(studio(films, project).url, reduced_motion="reduce")
    for slot in slots_of(page):
        go_to(page, slot)
        _listed(page)
        if page.locator(".offer .folded").count():
            break
    before = _offers(page)
    sign = page.locator(".offer .folded").first
    of = page.locator(".offer:has(.folded)").first.get_attribute("data-offer")
    more = int(str(sign.get_attribute("data-text")))
    was = clip_of(state_of(page), slot)["offer"]
    sign.click()
    page.wait_for_selector(".chip:has-text('folded into it')")
    page.wait_for_function(
        "(n) => document.querySelectorAll('.offers[aria-busy=false] .offer').length === n",
        arg=1 + more,
    )
    assert of in _offers(page)
    assert clip_of(state_of(page), slot)["offer"] == was, "nothing was picked"
    no_violations(page, axe, "folded")
    kept_picture(page, "folded")
    page.click(".chip")
    page.wait_for_selector(".chip", state="detached")
    assert _offers(page) == before
    page.locator(f".offer[data-offer='{of}']").focus()
    page.click(".detail button:has-text('alike')")
    page.wait_for_selector(".chip")


def test_one_figure_of_a_clip_wherever_it_stands(films, studio, window, project):
    """In the list, beside the clip, and where it counts less; likes lie on one ground."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    for slot in slots_of(page):
        go_to(page, slot)
        _listed(page)
        told = page.evaluate(f"() => fetch('/api/suggestions/{slot}').then((a) => a.json())")
        for one in told["suggestions"]:
            tile = page.locator(f".offer[data-offer='{one['offer']}']")
            assert tile.locator(".line b").text_content() == f"{one['score']:.2f}"
            less = bool(one["taken_by"]) or one["near"]
            assert ("less" in str(tile.locator(".line b").get_attribute("class"))) == less
        figure = page.text_content(".clip-name em")
        assert figure == f"{clip_of(state_of(page), slot)['score']:.2f}"
        groups = [one["group"] for one in told["suggestions"]]
        joined = page.evaluate(
            "() => [...document.querySelectorAll('.offer')].map((o) => o.matches('.joined'))"
        )
        assert joined == [a == b for a, b in zip(groups, [*groups[1:], None], strict=True)]


def test_words_are_looked_for_by_enter_and_that_is_said(films, studio, window, project):
    """How surely they hold is told beside the likeness, and orders what is equally alike."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    slot = slots_of(page)[0]
    go_to(page, slot)
    page.keyboard.press("/")
    page.keyboard.type("ocean")
    page.wait_for_selector(".words-enter")
    assert "Enter" in str(page.text_content(".words-enter"))
    kept_picture(page, "words-enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(".offers[aria-busy=false] .offer .sure")
    assert page.locator(".words-enter").count() == 0
    told = page.evaluate(
        f"() => fetch('/api/suggestions/{slot}?words=ocean').then((a) => a.json())"
    )["suggestions"]
    assert all(0 < one["sure"] <= 1 for one in told)
    for a, b in pairwise(told):
        if a["group"] == b["group"] and round(a["counts"], 2) == round(b["counts"], 2):
            assert a["sure"] >= b["sure"] - 0.01
    page.keyboard.press("ArrowDown")
    page.keyboard.press("2")
    until(page, lambda s: shot_of(s, slot)["state"] == "chosen")
    page.wait_for_selector(".clip-name i:has-text('words')")
    kept_picture(page, "words-sure")


# Keys and focus


def test_after_a_drag_the_arrows_go_between_shots(films, studio, window, project):
    """Of any slider; also where what was dragged cannot be used any more."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    one, other, *_ = slots_of(page)
    go_to(page, one)
    box = page.locator(".slip-bar i").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + 5, steps=4)
    page.mouse.up()
    page.keyboard.press("Shift+L")
    until(page, lambda s: shot_of(s, one)["locked"])
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{other}']")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"html[data-slot='{one}']")
    for slider in (".slide input", ".wave"):
        box = page.locator(slider).bounding_box()
        page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
        here = page.get_attribute("html", "data-slot")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"html:not([data-slot='{here}'])")
    # Whoever comes to it by keys moves it by keys.
    page.locator(".slide input").focus()
    value = page.input_value(".slide input")
    page.keyboard.press("ArrowRight")
    assert page.input_value(".slide input") != value

    # A field that is locked while it has the focus gives that to its part of the page.
    page.evaluate("() => document.activeElement.blur()")
    go_to(page, other)
    page.locator(".clip-acts select").focus()
    page.evaluate("async () => (await import('/page/store.js')).toggleLock()")
    until(page, lambda s: shot_of(s, other)["locked"])
    page.wait_for_selector("#hand:focus")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"html:not([data-slot='{other}'])")


def test_a_version_is_kept_at_once_and_named_in_place(films, studio, window, project, axe):
    page = window(studio(films, project).url, reduced_motion="reduce")
    one, other, *_ = slots_of(page)
    go_to(page, one)
    page.keyboard.press("s")
    page.wait_for_selector("#naming:focus")
    until(page, lambda s: len(s["versions"]) == 1)  # it is kept before it has a name
    steps = state_of(page)["history"]["steps"]
    page.keyboard.type("mzx colder")
    # What is still looked for is dimmed.
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    no_violations(page, axe, "naming")
    kept_picture(page, "naming")
    page.keyboard.press("Enter")
    until(page, lambda s: s["versions"][0]["name"] == "mzx colder")
    assert state_of(page)["history"]["steps"] == steps, "what was typed was no command"
    page.wait_for_selector("#naming", state="detached")
    assert focused(page) != "body"

    # Escape leaves it as it is called; so do the keys that go about, where nothing was written.
    page.keyboard.press("s")
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("#naming", state="detached")
    page.keyboard.press("s")
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{other}']")
    state = until(page, lambda s: len(s["versions"]) == 3)
    names = [version["name"] for version in state["versions"]]
    assert names == ["mzx colder", "Version 2", "Version 3"]


def test_versions_are_numbered_in_turn_however_late_it_is_answered(films, studio, window, project):
    page = window(studio(films, project).url, reduced_motion="reduce")
    go_to(page, slots_of(page)[0])
    answers: list[tuple[Route, APIResponse]] = []

    def answered_late(route: Route) -> None:
        if answers:
            route.continue_()
        else:
            answers.append((route, route.fetch()))

    page.route("**/api/do", answered_late)
    page.keyboard.press("s")
    page.wait_for_function(
        "async () => (await import('/page/store.js')).state.value.versions.length === 1"
    )
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("#naming", state="detached")
    page.keyboard.press("s")
    page.wait_for_selector("#naming:focus")
    assert page.get_attribute("#naming", "placeholder") == "Version 2"
    ((route, answer),) = answers
    route.fulfill(response=answer)
    state = until(page, lambda s: len(s["versions"]) == 2)
    assert [version["name"] for version in state["versions"]] == ["Version 1", "Version 2"]


def test_a_name_that_is_written_while_the_film_is_filled_is_a_name(films, studio, window, project):
    """The version waits for what was asked for before it; the field for its name does not."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    go_to(page, slots_of(page)[0])
    asked = Held(page, "**/api/do")
    page.keyboard.press("f")
    asked.wait()
    page.keyboard.press("s")
    page.wait_for_selector("#naming:focus")
    page.keyboard.type("mzx colder")
    page.keyboard.press("Enter")
    page.wait_for_selector("#naming", state="detached")
    asked.release()
    state = until(page, lambda s: [one["name"] for one in s["versions"]] == ["mzx colder"])
    assert not any(shot["locked"] or shot["state"] == "refused" for shot in state["shots"])

    # And later, in the list.
    page.click("#tab-versions")
    page.locator(".version-name button").first.click()
    field = page.locator(".version-name input")
    field.fill("warmer")
    field.press("Enter")
    until(page, lambda s: s["versions"][-1]["name"] == "warmer")
    page.wait_for_selector(".version-name button:has-text('warmer')")
    assert focused(page) != "body"


def test_a_loop_is_played_by_who_wants_it_and_the_shot_that_is_named_is_changed(
    films, studio, window, project
):
    page = window(studio(films, project).url)
    one = slots_of(page)[0]
    go_to(page, one)
    page.keyboard.press("o")
    page.wait_for_selector("button[aria-label='Loop this shot'][aria-pressed=true]")
    hears(page, one)
    assert page.locator("button[aria-label=Play]").count() == 1
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-label=Pause]")
    was = clip_of(state_of(page), one)["mirrored"]
    page.keyboard.press("m")
    until(page, lambda s: clip_of(s, one)["mirrored"] != was)
    page.wait_for_function(
        "(slot) => document.querySelector('#live').textContent.includes(`shot ${slot} `)", arg=one
    )
    assert page.get_attribute("html", "data-slot") == one


def test_a_slider_that_is_held_is_one_change_however_long_it_rests(films, studio, window, project):
    page = window(studio(films, project).url)
    steps = with_film(page)["history"]["steps"]
    _listed(page)
    page.click("#tab-weigh")
    box = page.locator(".weight input").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=3)
    page.evaluate("() => new Promise((done) => setTimeout(done, 900))")  # longer than it waits
    assert state_of(page)["history"]["steps"] == steps
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=3)
    page.mouse.up()
    until(page, lambda s: s["history"]["steps"] == steps + 1)
    moved = float(page.locator(".weight input").first.input_value())
    assert state_of(page)["weights"]["film"]["subject"] == moved


def test_on_a_tablet_the_archive_is_not_below_all_films(films, studio, window):
    page = window(studio(films, "--footage", films.footage).url, width=820, height=1180)
    page.wait_for_selector(".start .facts")
    page.wait_for_function("() => document.querySelectorAll('.start .cards button').length > 6")
    recent, listed, archive = (
        page.locator(".start-columns > section").nth(n).bounding_box() for n in range(3)
    )
    assert (recent["x"], recent["y"]) < (listed["x"], archive["y"])
    assert listed["y"] == recent["y"]
    assert archive["x"] == recent["x"]
    assert archive["y"] < listed["y"] + listed["height"] / 2


def test_a_slider_reaches_as_far_as_its_weight(films, studio, window, project):
    """Weights may be said elsewhere, and have no end: the slider does not show less, or set it."""
    page = window(studio(films, project).url)
    with_film(page)
    _listed(page)
    page.click("#tab-weigh")
    slider = page.locator(".weight", has_text="tone").locator("input")
    assert slider.get_attribute("max") == "3"
    heights = page.locator(".weight output").evaluate_all(
        "all => all.map((one) => one.clientHeight)"
    )
    assert len(heights) >= 6
    assert len({*heights}) == 1, "every figure is on one line"
    page.evaluate(
        "async () => (await import('/page/store.js'))"
        ".act('weigh', { everywhere: true, weights: { tone: 4.5, subject: 1 } })"
    )
    until(page, lambda s: s["weights"]["film"]["tone"] == 4.5)
    page.wait_for_selector(".weight input[max='5']")
    assert float(slider.input_value()) == 4.5


def test_decided_shots_are_said_to_be_decided(films, studio, window, project):
    page = window(studio(films, project).url)
    for slot in slots_of(page):
        page.evaluate(
            "async (slot) => (await import('/page/store.js')).act('lock', { slot })", slot
        )
    until(page, lambda s: all(one["locked"] for one in s["shots"] if one["clip"]))
    page.wait_for_function(
        "() => document.querySelector('.head-left').textContent === 'All decided'"
    )
    page.keyboard.press("u")
    page.wait_for_selector(".toast.note:has-text('All shots are decided')")
    assert page.locator(".shot.dim").count() == 0


# The player


def test_a_picture_alone_has_the_room_and_the_whole_screen(films, studio, window, project, axe):
    page = window(studio(films, project).url, reduced_motion="reduce")
    go_to(page, slots_of(page)[0])
    wide = "() => document.querySelector('.picture').getBoundingClientRect().width"
    beside = page.evaluate(wide) / 2
    page.keyboard.press("v")
    page.wait_for_selector(".picture.alone")
    page.wait_for_function(f"(one) => ({wide})() > 1.8 * one", arg=beside)
    no_violations(page, axe, "alone")
    kept_picture(page, "alone")
    alone = page.evaluate(wide)
    page.click("#tab-weigh")
    page.wait_for_selector(".weights")
    page.wait_for_function(f"(one) => ({wide})() < one", arg=alone)
    page.keyboard.press("w")
    page.wait_for_function(f"(one) => ({wide})() > 1.5 * one", arg=alone)
    assert page.locator(".shelf").is_hidden()
    no_violations(page, axe, "full")
    kept_picture(page, "full")
    page.keyboard.press("w")
    page.wait_for_selector(".shelf")
    page.click("button[aria-label^='Only the player']")
    page.wait_for_selector(".shelf", state="hidden")
    page.keyboard.press("Escape")
    page.wait_for_selector(".shelf")


def test_the_page_that_is_loaded_again_is_where_it_was(films, studio, window, project):
    page = window(studio(films, project).url)
    last = slots_of(page)[-1]
    page.click(f".shot[data-slot='{last}']")
    page.wait_for_selector(f"html[data-slot='{last}']")
    page.reload()
    page.wait_for_selector(f"html[data-ready][data-slot='{last}']")
    shot = shot_of(state_of(page), last)
    page.wait_for_function(
        "([first, end]) => { const at = Number(document.querySelector('.picture video')"
        ".dataset.frame); return at >= first && at < end; }",
        arg=[shot["first"], shot["end"]],
    )


def test_where_there_is_nothing_to_crop_that_is_said_before(films, studio, window, project):
    page = window(studio(films, project).url)
    for slot in slots_of(page):
        go_to(page, slot)
        shape = clip_of(state_of(page), slot)["shape"]
        film = state_of(page)["film"]["picture"]["recut"]
        whole = abs(shape / (film[2] / film[3]) - 1) < 0.01
        assert (page.get_attribute("#crop", "aria-disabled") == "true") == whole
        assert ("nothing to crop" in str(page.get_attribute("#crop", "title"))) == whole
