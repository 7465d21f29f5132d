"""With fingers, on a tablet held either way: all can be hit, and looked at before it is picked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from studio.pages import FAULTS, clip_of, kept_picture, no_violations, state_of, until, with_film

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

_UPRIGHT, _LYING = (820, 1180), (1180, 820)

# What can be pressed and is less than 40 px high or wide; a box is ticked by its words, too.
_SMALL = """() => {
  const all = document.querySelectorAll("button, input, select, summary, [role=slider]");
  const found = [];
  for (const one of all) {
    const { width, height } = (one.closest("label.flag") ?? one).getBoundingClientRect();
    if (!width || !one.checkVisibility() || one.closest(".unseen")) continue;
    if (Math.min(width, height) < 39.5)
      found.push(`${one.getAttribute("aria-label") ?? one.textContent} ${width} x ${height}`);
  }
  for (const one of document.querySelectorAll(".offer .folded")) {
    const { width, height } = getComputedStyle(one, "::after");
    if (Math.min(parseFloat(width), parseFloat(height)) < 40) found.push(`+ ${width} ${height}`);
  }
  return found;
}"""

_BOX = """(selector) => { const b = document.querySelector(selector).getBoundingClientRect();
  return [b.x, b.y, b.width, b.height]; }"""


@pytest.fixture
def tablet(studio, window, films, project) -> Callable[..., Page]:
    """A tablet of a size on a project, once its suggestions are there."""
    running = studio(films, project)

    def opened(size: tuple[int, int], **options: Any) -> Page:
        page: Page = window(running.url, *size, has_touch=True, is_mobile=True, **options)
        with_film(page)
        page.wait_for_selector(".offers[aria-busy=false] .offer")
        return page

    return opened


class Fingers:
    """Fingers on a page: places where they are put down, moved to, and lifted."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._browser = page.context.new_cdp_session(page)

    def _tell(self, kind: str, places: list[tuple[float, float]]) -> None:
        points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(places)]
        self._browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self._page.wait_for_timeout(30)

    def down(self, *places: tuple[float, float]) -> None:
        self._tell("touchStart", list(places))

    def move(self, *places: tuple[float, float]) -> None:
        self._tell("touchMove", list(places))

    def up(self) -> None:
        self._tell("touchEnd", [])


@pytest.mark.parametrize("size", [_UPRIGHT, _LYING])
def test_all_of_it_can_be_hit(tablet, axe, size):
    page = tablet(size, reduced_motion="reduce")
    name = f"{size[0]}x{size[1]}"
    for tab in ("weigh", "changes", "versions", "notes", "clip"):
        page.tap(f"#tab-{tab}")
        assert not page.evaluate(FAULTS), tab
        assert not page.evaluate(_SMALL), tab
        kept_picture(page, f"touch-{tab}-{name}")
    height = "() => document.scrollingElement.scrollHeight"
    assert page.evaluate(height) == size[1], "the page is no higher than the screen"
    no_violations(page, axe, name)
    page.locator(".offer:has(.folded)").first.focus()
    page.wait_for_selector(".detail button:has-text('alike')")
    last = page.locator(".detail .row button").last.bounding_box()
    assert last["x"] + last["width"] <= page.locator(".detail .facets").bounding_box()["x"]
    page.tap("button[popovertarget=menu-refuse]")
    page.wait_for_selector("#menu-refuse [role=menuitem]:focus")
    assert not page.evaluate(_SMALL)
    page.keyboard.press("Escape")
    page.tap("button:has-text('Keep version')")
    page.wait_for_selector("#naming:focus")
    assert not page.evaluate(_SMALL)
    page.tap(".naming button")
    page.wait_for_selector("#naming", state="detached")
    for label in ("Render", "Keys and help"):
        page.tap(f".head button[aria-label='{label}'], .head button:has-text('{label}')")
        page.wait_for_selector("dialog[open]")
        assert not page.evaluate(_SMALL), label
        no_violations(page, axe, f"{label} {name}")
        kept_picture(page, f"touch-{label}-{name}")
        if (label, size) == ("Render", _UPRIGHT):
            rolls = "() => { const { scrollHeight: all, clientHeight: seen } ="
            rolls += " document.querySelector('dialog'); return all - seen; }"
            assert page.evaluate(rolls) == 0, "what has room does not roll"
        page.tap("dialog header button")
        page.wait_for_selector("dialog", state="detached")


def test_a_finger_that_rests_looks_and_one_that_taps_picks(tablet):
    page = tablet(_LYING)
    slot = page.get_attribute("html", "data-slot")
    fingers = Fingers(page)
    was = clip_of(state_of(page), slot)["offer"]
    tile = page.locator(".offer:not(.chosen)").nth(1)
    offer = str(tile.get_attribute("data-offer"))
    x, y, *_ = page.evaluate(_BOX, f".offer[data-offer='{offer}']")
    fingers.down((x + 40, y + 30))
    page.wait_for_selector(f".detail[data-of='{offer}'] .facets")
    page.wait_for_selector(f".offer[data-offer='{offer}'] video")
    fingers.up()
    page.wait_for_timeout(300)
    assert page.locator(f".offer[data-offer='{offer}'] video").count() == 1, "it goes on"
    assert page.locator(".detail button:has-text('Pick')").count() == 1
    assert clip_of(state_of(page), slot)["offer"] == was
    assert state_of(page)["history"]["undo"] is None
    kept_picture(page, "touch-held")

    # The next tap elsewhere ends it.
    page.tap(".strip-head p")
    page.wait_for_selector(f".detail[data-of='{was}']")
    page.wait_for_selector(".offer video", state="detached")

    # One that moves pushes the list; one that taps picks.
    fingers.down((x + 40, y + 30))
    fingers.move((x + 40, y + 10))
    fingers.move((x + 40, y - 30))
    page.wait_for_timeout(600)
    fingers.up()
    assert page.get_attribute(".detail", "data-of") == was
    page.tap(f".offer[data-offer='{offer}'] .line")
    until(page, lambda s: clip_of(s, slot)["offer"] == offer)


def test_two_fingers_zoom_the_shots_and_one_pushes_them(tablet):
    page = tablet(_UPRIGHT)
    fingers = Fingers(page)
    x, y, width, _ = page.evaluate(_BOX, ".shots")
    middle = x + 0.6 * width
    place = """(x) => {
      const inner = document.querySelector(".strip-inner").getBoundingClientRect();
      return [(x - inner.left) / inner.width, inner.width, visualViewport.scale]; }"""
    before = page.evaluate(place, middle)
    fingers.down((middle - 20, y + 40), (middle + 20, y + 40))
    for apart in (40, 60, 80):
        fingers.move((middle - apart, y + 40), (middle + apart, y + 40))
    fingers.up()
    after = page.evaluate(place, middle)
    assert after[1] == pytest.approx(4 * before[1], rel=0.02)
    assert after[0] == pytest.approx(before[0], abs=0.01), "what lay between them stays there"
    assert after[2] == 1, "the page is not zoomed"
    kept_picture(page, "touch-pinched")
    fingers.down((middle, y + 40))
    for far in (15, 40, 80):
        fingers.move((middle - far, y + 40))
    fingers.up()
    assert page.evaluate(place, middle)[0] > after[0] + 0.01

    # Along the times above the shots as along the sound below them.
    for selector in (".ruler", ".wave"):
        top, high = page.evaluate(_BOX, selector)[1::2]
        fingers.down((100, top + high / 2))
        seen = []
        for to in (130, 170):
            fingers.move((to, top + high / 2))
            seen.append(int(page.get_attribute(".picture video", "data-frame") or -1))
        fingers.up()
        assert seen[0] < seen[1], selector


def test_a_version_is_named_without_the_header_giving_way(tablet):
    page = tablet(_UPRIGHT)
    places = """() => [...document.querySelectorAll(".head > *, .head button")]
      .filter((one) => !one.closest(".naming"))
      .map((one) => { const b = one.getBoundingClientRect(); return [b.x, b.y, b.width]; })"""
    before = page.evaluate(places)
    page.tap("button:has-text('Keep version')")
    page.wait_for_selector("#naming:focus")
    page.keyboard.type("colder")
    assert page.evaluate(places) == before
    kept_picture(page, "touch-naming")
    page.tap(".naming button:has-text('Keep')")
    until(page, lambda s: [one["name"] for one in s["versions"]] == ["colder"])


@pytest.mark.parametrize("size", [_UPRIGHT, _LYING])
def test_layouts_stay_where_they_are(tablet, size):
    page = tablet(size)
    buttons = page.evaluate(_BOX, ".choice")
    for name in ("alone", "wipe", "over", "beside"):
        page.tap(f".transport .choice button:has-text('{name.capitalize()}')")
        page.wait_for_selector(f".picture.{name}")
        assert page.evaluate(_BOX, ".transport .choice") == buttons, name
        assert not page.evaluate(FAULTS), name
        kept_picture(page, f"touch-{name}-{size[0]}")
    page.tap(".transport .choice button:has-text('Alone')")
    page.tap("button[aria-label^='Only the player']")
    page.wait_for_selector(".shelf", state="hidden")
    page.wait_for_function(
        "() => document.querySelector('.picture').getBoundingClientRect().width"
        " > Math.min(innerWidth, 1.6 * innerHeight) - 80"
    )
    kept_picture(page, f"touch-full-{size[0]}")
    x, y, width, height = page.evaluate(_BOX, ".picture")
    assert x + width / 2 == pytest.approx(size[0] / 2, abs=2)
    assert y + height / 2 == pytest.approx((size[1] - 48) / 2, abs=8)

    # A tap on it plays, another pauses.
    page.touchscreen.tap(x + width / 2, y + height / 3)
    page.wait_for_selector("button[aria-label=Pause]")
    page.touchscreen.tap(x + width / 2, y + height / 3)
    page.wait_for_selector("button[aria-label=Play]")


def test_help_says_what_fingers_do_and_what_signs_mean(tablet):
    page = tablet(_UPRIGHT)
    page.tap("button[aria-label='Keys and help']")
    page.wait_for_selector("dialog[open]")
    told = page.inner_text("dialog .dialog-inside")
    for word in (
        "With fingers",
        "Pinch",
        "Hold",
        "Amber dot",
        "+18",
        "Grey score",
        "Blank picture",
    ):
        assert word in told
    assert told.index("With fingers") < told.index("Space")
    faulty = page.evaluate(
        "async () => { const { TEXT } = await import('/page/text.js');"
        " return [...document.querySelectorAll('dialog :is(dt, dd, h3)')]"
        ".map((one) => one.textContent).filter((text) => /^(sign|finger|help)\\.|^$/.test(text)); }"
    )
    assert not faulty
