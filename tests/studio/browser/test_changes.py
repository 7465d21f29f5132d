"""What was changed is seen where it was, listed, and taken back shot by shot; so is a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studio.pages import (
    clip_of,
    go_to,
    hears,
    kept_picture,
    no_violations,
    numbers_at,
    shot_of,
    slots_of,
    state_of,
    until,
    with_film,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


def _mirrored(page: Page, slot: str) -> None:
    """Mirror the clip of a shot, by keys."""
    go_to(page, slot)
    before = clip_of(state_of(page), slot)["mirrored"]
    page.keyboard.press("m")
    until(page, lambda s: clip_of(s, slot)["mirrored"] != before)


def test_undo_and_redo_go_to_the_shot_that_they_change(films, studio, window, project):
    """Where another is looked at; one that is looked at stays, and what is said names it."""
    page = window(studio(films, project).url)
    one, other, third, *_ = slots_of(page)
    _mirrored(page, one)
    _mirrored(page, third)
    go_to(page, other)
    page.keyboard.press("z")
    page.wait_for_selector(f"html[data-slot='{third}']")
    hears(page, f"shot {third}")
    page.keyboard.press("z")
    page.wait_for_selector(f"html[data-slot='{one}']")
    hears(page, f"shot {one}")
    page.keyboard.press("Shift+Z")
    until(page, lambda s: s["history"]["steps"] == 1)
    page.keyboard.press("Shift+Z")
    page.wait_for_selector(f"html[data-slot='{third}']")
    frame = int(str(page.get_attribute(".picture video", "data-frame")))
    shot = shot_of(state_of(page), third)
    assert shot["first"] <= frame < shot["end"], "the playhead is there, too"

    # Of a change that does not name its shots it is said which they were.
    page.evaluate(
        "async ([a, b]) => { const { act } = await import('/page/store.js');"
        " await act('restore', { slots: [a, b] }); await act('version', { name: 'both' });"
        " await act('mirror', { slot: a }); await act('mirror', { slot: b });"
        " await act('go_back', { version: 1 }); }",
        [one, third],
    )
    go_to(page, other)
    page.keyboard.press("z")
    page.wait_for_selector(f"html[data-slot='{one}']")
    hears(page, f"shots {one}, {third}")


def test_all_that_changed_is_listed_and_each_taken_back_alone(films, studio, window, axe, project):
    """Since the project was opened, and, once a version is kept, since that."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    one, other, *_ = slots_of(page)
    was = clip_of(state_of(page), one)
    _mirrored(page, one)
    _mirrored(page, other)
    page.click("#tab-changes")
    page.wait_for_selector(".list.since li >> nth=1")
    assert page.locator(".list.since li").count() == 2
    assert page.text_content("#hand h2") == "Since the project was opened"
    page.wait_for_selector(".offers[aria-busy=false] .offer")
    no_violations(page, axe, "changes")
    kept_picture(page, "changes-since")
    page.click(f".list.since [data-slot='{one}'] .button")
    state = until(page, lambda s: clip_of(s, one)["mirrored"] == was["mirrored"])
    assert [c["slot"] for c in state["since"]["changed"]] == [other]
    assert state["history"]["steps"] == 3, "that can be undone as well"

    page.keyboard.press("s")
    until(page, lambda s: s["versions"])
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    assert state_of(page)["since"]["changed"] == []
    _mirrored(page, one)
    state = state_of(page)
    assert state["since"]["version"] == state["versions"][0]["name"]
    assert [c["slot"] for c in state["since"]["changed"]] == [one]


def test_one_shot_is_taken_from_a_version(films, studio, window, axe, project):
    """Beside what the source shows there; the other shots stay as they are, and so does one that is
    locked."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    one, other, third, *_ = slots_of(page)
    page.keyboard.press("s")
    until(page, lambda s: s["versions"])
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    then = state_of(page)
    for slot in (one, other, third):
        _mirrored(page, slot)
    page.keyboard.press("Shift+L")
    until(page, lambda s: shot_of(s, third)["locked"])
    page.click("#tab-versions")
    page.click("#hand button:has-text('Compare')")
    page.wait_for_selector(f".compare-row[data-slot='{third}']")
    for slot in (one, other):
        source = page.locator(f".compare-row[data-slot='{slot}'] figure img[src]").first
        address = str(source.get_attribute("src"))
        shot, rate = shot_of(then, slot), then["film"]["rate"]
        second = int(address.rsplit("/", 1)[1].partition(".")[0]) / 1000
        assert shot["first"] <= second * rate[0] / rate[1] < shot["end"]
        assert "/still/source/" in address
    no_violations(page, axe, "compare")
    kept_picture(page, "compare")
    locked = page.locator(f".compare-row[data-slot='{third}'] .button[aria-disabled=true]")
    assert "locked" in str(locked.get_attribute("title"))
    page.click(f".compare-row[data-slot='{one}'] .button:has-text('Take this')")
    page.wait_for_selector(f".compare-row[data-slot='{one}'] .button:has-text('Taken')")
    state = state_of(page)
    assert clip_of(state, one) == clip_of(then, one)
    assert clip_of(state, other)["mirrored"] != clip_of(then, other)["mirrored"]
    assert state["versions"][0]["changed"] == 2


def test_a_shot_is_gone_to_where_nothing_is_seen_of_the_one_before(films, studio, window, project):
    """Past the dissolve, of which in the source more is seen than is found; the time is that of the
    picture."""
    page = window(studio(films, project).url)
    shots = with_film(page)["shots"]
    places = [n for n, one in enumerate(shots) if n and one["transition"]["in"] and one["clip"]]
    assert places
    for n in places:
        one, before = shots[n], shots[n - 1]
        page.click(f".shot[data-slot='{one['slot']}']")
        page.wait_for_selector(f"html[data-slot='{one['slot']}']")
        into = one["transition"]["in"]
        long = into + before["transition"]["out"]
        frame = int(str(page.get_attribute(".picture video", "data-frame")))
        assert one["first"] + into + long // 2 <= frame < one["end"] - one["transition"]["out"]
        seconds, frames = divmod(frame, 24)
        assert page.text_content(".time b") == f"0:00:{seconds:02}:{frames:02}"
        numbers_at(page, frame, (frame, None))


def test_a_version_is_forgotten_only_by_who_says_so_twice(films, studio, window, axe, project):
    """What cannot be undone is asked for in its place; the focus stays there."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    with_film(page)
    page.keyboard.press("s")
    until(page, lambda s: s["versions"])
    page.wait_for_selector("#naming:focus")
    page.keyboard.press("Escape")
    page.click("#tab-versions")
    forget = page.get_by_role("button", name="Forget Version 1")
    forget.click()
    page.wait_for_selector("#hand button:has-text('No'):focus")
    no_violations(page, axe, "forgetting")
    page.keyboard.press("Escape")
    page.wait_for_selector("#forget-1:focus")
    forget.click()
    page.click("#hand button:has-text('No')")
    assert [one["name"] for one in state_of(page)["versions"]] == ["Version 1"]
    forget.click()
    page.click("#hand button:has-text('Forget it')")
    until(page, lambda s: not s["versions"])


def test_the_tightness_of_a_shot_stays_where_it_was_put(films, studio, window, project):
    """The slider shows what holds for the shot, or for the film, in the words of the change."""
    page = window(studio(films, project).url)
    one, *_ = slots_of(page)
    go_to(page, one)
    page.click("#tab-weigh")
    page.click(f".weigh .choice button:has-text('shot {one}')")
    slider = page.locator("#hand").get_by_role("slider", name="tightness")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(11):
        page.keyboard.press("ArrowRight")
    until(page, lambda s: s["tightness_of"].get(one) == 0.55)
    hears(page, f"Weighed anew for shot {one}: tightness 100 % → 55 %.")
    assert slider.input_value() == "0.55"
    assert page.locator(".weight output").last.inner_text() == "55 %"
    page.click(".weigh .choice button:has-text('the film')")
    page.wait_for_selector(".weight:has-text('freshness')")
    assert slider.input_value() == "1"
    assert "100 %" in str(page.locator(".weight", has_text="tightness").get_attribute("title"))


def test_in_what_two_versions_differ_is_said(films, studio, window, axe, project):
    """Under each pair, in words; a lock is not counted as another picture."""
    page = window(studio(films, project).url, reduced_motion="reduce")
    one, other, third, *_ = slots_of(page)
    page.evaluate(
        "async ([a, b, c]) => { const { act } = await import('/page/store.js');"
        " await act('version', { name: 'first' }); await act('lock', { slot: a });"
        " await act('mirror', { slot: b }); await act('focus', { slot: c, x: 0.2, y: 0.5 }); }",
        [one, other, third],
    )
    page.click("#tab-versions")
    page.wait_for_selector(".list li:has-text('2 shots differ · 1 only in what is locked')")
    page.click("#hand button:has-text('Compare')")
    for slot, what in ((one, "locked"), (other, "mirrored"), (third, "cropped elsewhere")):
        said = page.locator(f".compare-row[data-slot='{slot}'] .differs").inner_text()
        assert what in said
    no_violations(page, axe, "compare")
    kept_picture(page, "compare-words")


def test_what_was_done_is_said_in_plain_words(films, studio, window, project):
    """A clip is mirrored, or no more; what is allowed again is not called refused."""
    page = window(studio(films, project).url)
    one, *_ = slots_of(page)
    go_to(page, one)
    page.keyboard.press("m")
    hears(page, f"The clip of shot {one} is mirrored.")
    page.keyboard.press("m")
    hears(page, f"The clip of shot {one} is not mirrored any more.")
    footage = clip_of(state_of(page), one)["footage"]
    page.keyboard.press("x")
    until(page, lambda s: s["refused"])
    page.click("#tab-notes")
    page.click(f"#hand button[title^='Allow again: {footage} from']")
    hears(page, f"Allowed again: {footage} from")
    assert state_of(page)["history"]["undo"].startswith(f"Allow again: {footage} from")
