"""What can be done with a shot on the page, by mouse and by keys, and what the page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kuleshov.archive.archive import write_archive
from kuleshov.desk.keeping import change_bin
from studio.marked import narrow_trailer_of
from studio.pages import (
    Held,
    clip_of,
    dropped,
    focused,
    go_to,
    hears,
    kept_picture,
    no_violations,
    said,
    shot_of,
    state_of,
    until,
    with_film,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def clips(state: dict[str, Any]) -> list[str]:
    """Return the slots in which a clip stands that one may change."""
    return [one["slot"] for one in state["shots"] if one["clip"] and not one["locked"]]


def first_offer(page: Page, footage: str) -> None:
    """Wait until the first suggestion is of some footage."""
    page.wait_for_selector(
        f".offers[aria-busy=false] .offer[data-n='1'] .name:has-text('{footage}')"
    )


def test_the_crop_lies_where_it_is_dragged(films, studio, window, axe, tmp_path):
    """By keys and by mouse; what a mirrored clip shows on the right is on the left of its file."""
    source = narrow_trailer_of(tmp_path / "narrow.mp4")
    page = window(studio(films, source).url, replaced=True, reduced_motion="reduce")
    slot = clips(with_film(page))[0]
    go_to(page, slot)

    # By keys: to the right, as far as there is picture. The focus comes back to the button.
    page.click("#crop")
    page.wait_for_selector(".crop-frame:focus")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    no_violations(page, axe, "crop")
    kept_picture(page, "crop")
    page.keyboard.press("Enter")
    state = until(page, lambda s: clip_of(s, slot)["focus"])
    part = 0.75  # of a picture of 16:9 that a film of 4:3 shows
    assert clip_of(state, slot)["focus"] == pytest.approx([1 - part / 2, 0.5], abs=0.01)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pair img')].every((one) =>"
        " one.style.objectPosition === '100% 50%')"
    )  # first and last picture are cropped alike
    page.wait_for_selector("#crop:focus")

    # By mouse: taken in its middle and drawn to the left, beyond the edge; kept by the button.
    page.click("#crop")
    frame = page.locator(".crop-frame")
    frame.wait_for()
    box = frame.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 1, middle[1], steps=2)
    page.wait_for_function(
        "(wanted) => Math.abs(document.querySelector('.crop-frame').getBoundingClientRect().x"
        " - wanted) <= 1",
        arg=box["x"] - 1,
    )
    page.mouse.move(middle[0] - box["width"], middle[1], steps=4)
    page.mouse.up()
    page.click(".crop-acts .strong")
    left = [part / 2, 0.5]
    until(page, lambda s: clip_of(s, slot)["focus"] == pytest.approx(left, abs=0.01))

    # Mirrored, the same place is on the right; Escape leaves it as it was.
    page.keyboard.press("m")
    until(page, lambda s: clip_of(s, slot)["mirrored"])
    page.click("#crop")
    page.wait_for_selector(".crop-frame:focus")
    area = page.locator(".crop-area").bounding_box()
    box = frame.bounding_box()
    assert box["x"] + box["width"] == pytest.approx(area["x"] + area["width"], abs=1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    page.wait_for_selector("#crop:focus")
    assert clip_of(state_of(page), slot)["focus"] == pytest.approx(left, abs=0.01)

    # And back to where it lies of itself.
    page.click("#crop")
    page.click(".crop-acts button:has-text('Automatic')")
    until(page, lambda s: clip_of(s, slot)["focus"] is None)


def test_the_crop_opens_where_the_film_is_cropped(films, studio, window, tmp_path):
    """Where faces or bodies are, at the player's picture; kept as it is it changes nothing, and the
    buttons keep their places whatever was decided."""
    source = narrow_trailer_of(tmp_path / "narrow.mp4")
    page = window(studio(films, source).url, replaced=True, reduced_motion="reduce")
    state = with_film(page)
    one = next(one for one in state["shots"] if one["clip"] and one["clip"]["crop"])
    slot, clip = one["slot"], one["clip"]
    handle = state["shots"][state["shots"].index(one) - 1]["transition"]["out"]
    assert clip["focus"] is None
    assert clip["crop"][0] > 0.7, "somebody is on the right"
    go_to(page, slot)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pair img')].every((one) =>"
        " one.style.objectPosition.startsWith('100%'))"
    )

    def opened() -> list[float]:
        page.click("#crop")
        page.wait_for_selector(".crop-frame:focus")
        names = page.locator(".crop-acts button").all_inner_texts()
        assert names == ["Keep", "Automatic", "Cancel"]
        return [one.bounding_box()["x"] for one in page.locator(".crop-acts button").all()]

    places = opened()
    area = page.locator(".crop-area").bounding_box()
    box = page.locator(".crop-frame").bounding_box()
    assert box["x"] + box["width"] == pytest.approx(area["x"] + area["width"], abs=1)
    for frame in (one["first"] + 6, one["end"] - 1):
        page.evaluate("async (n) => (await import('/page/store.js')).playedBy().seek(n)", frame)
        rate = state["film"]["rate"][0] / state["film"]["rate"][1]
        shown = frame - one["first"] + handle
        ms = 1000 * (clip["start_s"] + shown / rate * clip["speed"])
        page.wait_for_selector(f".crop-area img[src*='/{clip['id']}/{round(ms)}.jpg']")
    page.click(".crop-acts button:has-text('Keep')")
    page.wait_for_selector("#crop:focus")
    after = state_of(page)
    assert (clip_of(after, slot), after["history"]["steps"]) == (clip, 0)

    opened()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    until(page, lambda s: clip_of(s, slot)["focus"])
    hears(page, f"The crop of shot {slot} is moved.")
    assert opened() == places
    page.click(".crop-acts button:has-text('Automatic')")
    until(page, lambda s: clip_of(s, slot) == clip)
    hears(page, f"Shot {slot} is cropped by itself again.")


def test_suggestions_are_asked_for(films, studio, window):
    """By words, by an example that is dropped on a shot, by a suggestion, and out of a bin."""
    with write_archive(films.archive) as archive:
        change_bin(archive, "sky", ("night_sky.mp4",), (), delete=False)
    page = window(studio(films, films.source).url, replaced=True)
    slots = clips(with_film(page))
    go_to(page, slots[0])

    # A picture that is dropped on another shot: that is looked at, and its suggestions are like it.
    picture = page.evaluate(
        """async (slot) => {
          const path = `/api/suggestions/${slot}?count=60`;
          const { suggestions } = await (await fetch(path)).json();
          const one = suggestions.find((offer) => offer.footage.startsWith("ocean_wave"));
          const answer = await fetch(`/media/still/${one.id}/1500.jpg?width=320`);
          const bytes = new Uint8Array(await answer.arrayBuffer());
          return [...bytes];
        }""",
        slots[1],
    )
    dropped(page, f".shot[data-slot='{slots[1]}']", "wave.jpg", bytes(picture), "image/jpeg")
    page.wait_for_selector(f"html[data-slot='{slots[1]}']")
    page.wait_for_selector(".chip:has-text('wave.jpg')")
    first_offer(page, "ocean_wave")
    kept_picture(page, "like-a-picture")

    # Another shot is asked for plainly again; a film that is dropped on its suggestions.
    go_to(page, slots[0])
    assert page.locator(".chip").count() == 0
    film = (films.footage / "opossum_in_snow.mp4").read_bytes()
    dropped(page, ".shelf", "snow.mp4", film, "video/mp4")
    page.wait_for_selector(".chip:has-text('snow.mp4')")
    first_offer(page, "opossum_in_snow")
    page.click(".chip")
    page.wait_for_selector(".chip", state="detached")
    assert focused(page) != "body"

    # A suggestion that is dropped on the head of them, and the button for the same.
    page.wait_for_selector(".offers[aria-busy=false] .offer[data-n='4']")
    name = page.text_content(".offer[data-n='4'] .name")
    page.drag_and_drop(".offer[data-n='4']", ".shelf-head h2")
    page.wait_for_selector(f".chip:has-text('{name}')")
    first_offer(page, str(name))
    page.click(".chip")
    page.wait_for_selector(".chip", state="detached")
    page.wait_for_selector(".offers[aria-busy=false] .offer[data-n='3']")
    page.hover(".offer[data-n='3']")
    page.locator(".offer[data-n='3']").focus()
    name = page.text_content(".offer[data-n='3'] .name")
    page.click(".detail button:has-text('More like this')")
    page.wait_for_selector(f".chip:has-text('{name}')")
    page.click(".chip")

    # Words, by keys; gone with the next shot.
    page.keyboard.press("/")
    page.wait_for_selector("#words:focus")
    page.keyboard.type("ocean")
    page.keyboard.press("Enter")
    first_offer(page, "ocean_wave")
    kept_picture(page, "words")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".offer:focus")

    # A bin holds whatever shot is looked at, until all footage is wanted again.
    page.select_option(".shelf-head select", "sky")
    first_offer(page, "night_sky")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.offers[aria-busy=false] .offer[data-offer] .name')]"
        ".every((one) => one.textContent === 'night_sky')"
    )
    page.select_option(".shelf-head select", "")


def test_speed_hold_and_exchange(films, studio, window):
    page = window(studio(films, films.source).url, replaced=True)
    state = with_film(page)
    one, other = clips(state)[:2]
    go_to(page, one)
    page.select_option(".field select", "1.25")
    until(page, lambda s: clip_of(s, one)["speed"] == pytest.approx(1.25, abs=1e-3))
    page.fill(".field input[type=number]", "3")
    # What is told while one writes takes nothing away of it.
    page.evaluate(
        "async () => { const { refresh, shelf } = await import('/page/store.js');"
        " await refresh(); shelf.value = { ...shelf.value }; }"
    )
    page.keyboard.press("Enter")
    state = until(page, lambda s: clip_of(s, one)["hold"] == 3)
    page.wait_for_function("() => document.querySelector('#live').textContent.includes('3 frames')")
    shown = {slot: clip_of(state, slot)["footage"] for slot in (one, other)}
    page.click("button[popovertarget=menu-swap]")
    page.wait_for_selector("#menu-swap [role=menuitem]:focus")
    page.wait_for_selector("#menu-swap [role=menuitem] img[src]")
    page.click(f"#menu-swap [role=menuitem]:has-text('{other} · ')")
    until(
        page,
        lambda s: (
            [clip_of(s, slot)["footage"] for slot in (one, other)] == [shown[other], shown[one]]
        ),
    )
    assert focused(page) != "body"
    for _ in range(3):
        page.keyboard.press("z")
    state = until(page, lambda s: not s["history"]["undo"])
    assert clip_of(state, one)["footage"] == shown[one]
    assert clip_of(state, one)["hold"] == 0
    assert clip_of(state, one)["speed"] != pytest.approx(1.25, abs=1e-3)


def test_a_number_before_its_suggestion_is_kept(films, studio, window):
    """A pick waits for its suggestion, and what is asked for after it waits for the pick."""
    page = window(studio(films, films.source).url, replaced=True)
    state = with_film(page)
    one, other, *_ = clips(state)
    go_to(page, one)
    offers = page.evaluate(f"() => fetch('/api/suggestions/{other}').then((a) => a.json())")
    held = Held(page, "**/api/suggestions/**")
    order = [shot["slot"] for shot in state["shots"] if not shot["fixed"]]
    for _ in range(order.index(other) - order.index(one)):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"html[data-slot='{other}']")
    page.keyboard.press("2")
    page.keyboard.press("l")
    page.wait_for_selector(f".shot.awaited[data-slot='{other}']")
    hears(page, "as soon as")
    kept_picture(page, "pick-waits")

    # It is not lost when one goes on; nothing is done before it.
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"html:not([data-slot='{other}'])")
    assert state_of(page)["history"]["steps"] == 0
    held.release()
    state = until(page, lambda s: shot_of(s, other)["locked"])
    assert clip_of(state, other)["offer"] == offers["suggestions"][1]["offer"]
    page.wait_for_selector(".awaited", state="detached")
    assert not shot_of(state, one)["locked"]


def test_a_pick_shows_that_it_is_awaited(films, studio, window):
    """At once, until it is done; where it cannot be done that is said, and it waits no more."""
    page = window(studio(films, films.source).url, replaced=True)
    slot = clips(with_film(page))[0]
    go_to(page, slot)
    offer = page.get_attribute(".offer[data-n='2']", "data-offer")
    held = Held(page, "**/api/do")
    page.keyboard.press("2")
    page.wait_for_selector(f".offer.awaited[data-offer='{offer}'][aria-busy=true]")
    page.wait_for_selector(f".shot.awaited[data-slot='{slot}']")
    kept_picture(page, "pick-awaited")
    held.next().continue_()
    page.wait_for_selector(f".offer.chosen[data-offer='{offer}']")
    page.wait_for_selector(".awaited", state="detached")
    assert said(page).startswith(f"Shot {slot} shows ")

    page.keyboard.press("1")
    page.wait_for_selector(".offer.awaited")
    held.next().abort()
    page.wait_for_selector(".toast.bad")
    page.wait_for_selector(".awaited", state="detached")
    held.release()
    assert clip_of(state_of(page), slot)["offer"] == offer


def test_fill_says_what_was_chosen_by_hand(films, studio, window, axe):
    """Before the eyes of somebody who did not expect it; one key takes it back."""
    page = window(studio(films, films.source).url, replaced=True, reduced_motion="reduce")
    slots = clips(with_film(page))[:2]
    for slot in slots:
        go_to(page, slot)
        page.keyboard.press("3")
        page.wait_for_selector(f".shot.chosen[data-slot='{slot}']")
        page.wait_for_selector(".awaited", state="detached")
    mine = {slot: clip_of(state_of(page), slot)["offer"] for slot in slots}
    page.keyboard.press("Shift+L")
    until(page, lambda s: shot_of(s, slots[1])["locked"])
    page.keyboard.press("f")
    page.wait_for_selector(".toast.note")
    text = page.text_content(".toast.note p")
    assert f"Shot {slots[0]} was chosen by you" in text
    assert text == said(page)
    state = state_of(page)
    assert clip_of(state, slots[0])["offer"] != mine[slots[0]]
    assert clip_of(state, slots[1])["offer"] == mine[slots[1]]
    assert focused(page) != ""

    # It stays in the list of changes, with its own way back.
    page.click("#tab-changes")
    page.wait_for_selector(".overruled")
    assert page.locator(".list .mine").count() == 1
    no_violations(page, axe, "fill")
    kept_picture(page, "fill")
    others = {one["slot"]: one["clip"] for one in state["shots"] if one["slot"] != slots[0]}
    page.keyboard.press("z")
    state = until(page, lambda s: clip_of(s, slots[0])["offer"] == mine[slots[0]])
    assert state["history"]["redo"]

    # Or what was chosen by hand stays, by a key or a button, and the rest of what Fill chose too.
    page.keyboard.press("Shift+Z")
    until(page, lambda s: not s["history"]["redo"])
    page.keyboard.press("Shift+F")
    page.wait_for_selector(".toast.note:has-text('replaced nothing')")
    page.keyboard.press("z")
    until(page, lambda s: s["history"]["redo"])
    for way in ("key", "button"):
        page.keyboard.press("f")
        page.wait_for_selector(".toast.note:has-text('chosen by you') button")
        kept_picture(page, "fill-said")
        if way == "key":
            page.keyboard.press("Shift+F")
        else:
            page.click(".toast.note button")
        state = until(page, lambda s: clip_of(s, slots[0])["offer"] == mine[slots[0]])
        hears(page, f"Shot {slots[0]} is as you chose it again")
        offers = {slot: clip and clip["offer"] for slot, clip in others.items()}
        for one in state["shots"]:
            if one["slot"] in offers:
                assert (one["clip"] and one["clip"]["offer"]) == offers[one["slot"]]
        page.wait_for_selector(".toast.note", state="detached")
        for _ in range(2):
            page.keyboard.press("z")
        until(page, lambda s: clip_of(s, slots[0])["offer"] == mine[slots[0]])
    assert focused(page) != "body"


def test_the_button_of_fill_asks_where_picks_would_be_lost(films, studio, window, axe, project):
    """Only what was not picked, or all; it says that it works, and works once. What it did can be
    taken back by buttons, until something else is done."""
    page = window(studio(films, project).url, replaced=True, reduced_motion="reduce")
    slot = clips(with_film(page))[0]
    fill = page.locator(".head-acts .button", has_text="Fill")
    assert fill.get_attribute("aria-haspopup") is None
    go_to(page, slot)
    page.keyboard.press("3")
    page.wait_for_selector(f".shot.chosen[data-slot='{slot}']")
    page.wait_for_selector(".awaited", state="detached")
    mine = clip_of(state_of(page), slot)["offer"]

    fill.click()
    page.wait_for_selector("#menu-fill [role=menuitem]:focus")
    no_violations(page, axe, "the menu of fill")
    kept_picture(page, "fill-menu")
    named = page.locator("#menu-fill [role=menuitem]").all_inner_texts()
    assert named == [
        "Choose again what I have not picked",
        "Choose again all that is not locked (1 pick of yours)",
    ]
    asked = Held(page, "**/api/do")
    page.keyboard.press("Enter")
    asked.wait()
    assert fill.inner_text() == "Filling…"
    assert fill.get_attribute("aria-disabled") == "true"
    fill.click(force=True)
    assert not page.locator("#menu-fill").is_visible()
    asked.release()
    until(page, lambda s: s["history"]["undo"].startswith("Choose again for"))
    hears(page, "Fill chose again")
    assert clip_of(state_of(page), slot)["offer"] == mine
    assert shot_of(state_of(page), slot)["state"] == "chosen"

    page.click(".head-acts .button:has-text('Fill')")
    page.click("#menu-fill [role=menuitem] >> nth=1")
    page.wait_for_selector(".toast.note button:has-text('Keep mine')")
    assert clip_of(state_of(page), slot)["offer"] != mine
    page.wait_for_timeout(21_000)
    page.click(".toast.note button:has-text('Undo')")
    until(page, lambda s: clip_of(s, slot)["offer"] == mine)
    page.wait_for_selector(".toast.note", state="detached")
