"""Pictures take turns, and leave room for what plays; what did not come is asked for again."""

from __future__ import annotations

import pytest

from studio.pages import (
    Held,
    clip_of,
    go_to,
    kept_picture,
    numbers_at,
    shot_of,
    slots_of,
    state_of,
    until,
)

pytestmark = pytest.mark.slow

MOST = 3  # pictures that are on their way at once
_SEEN = """() => {
  const area = document.querySelector(".offers").getBoundingClientRect();
  return [...document.querySelectorAll(".offer")].map((card) => {
    const { top, bottom } = card.querySelector(".still").getBoundingClientRect();
    return [card.dataset.offer, top < area.bottom && bottom > area.top];
  });
}"""


def test_pictures_leave_room_for_what_plays(films, studio, window):
    """However many suggestions there are: a few pictures at once, those of another shot given up,
    those in view first. The film plays while all of them are awaited."""
    page = window(studio(films, films.source).url, height=560, reduced_motion="reduce")
    one, other, *_ = slots_of(page)
    until(page, lambda s: all(p["ready"] for shot in s["shots"] for p in shot["segments"]))
    go_to(page, one)
    page.wait_for_function(
        "() => [...document.images].every((one) => one.complete && one.src || !one.offsetParent)"
    )
    pictures = Held(page, "**/media/offer/**.jpg")
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    go_to(page, other)
    seen = dict(page.evaluate(_SEEN))
    assert sum(seen.values()) > MOST
    assert not all(seen.values())
    pictures.wait()
    first = int(page.get_attribute(".picture video", "data-frame"))
    page.keyboard.press("Space")
    page.wait_for_function(
        "(first) => Number(document.querySelector('.picture video').dataset.frame) > first + 12",
        arg=first,
    )
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-label=Play]")
    go_to(page, other)
    assert 0 < len(pictures.urls) <= MOST
    of_other = [url for url in pictures.urls if f"/offer/{other}/" in url]

    # Of the shot that one leaves nothing is fetched any more; of the other no more than before.
    go_to(page, one)
    go_to(page, other)
    assert set(of_other) <= set(given_up)
    pictures.wait()
    page.wait_for_timeout(100)
    awaited = [url for url in pictures.urls if url not in given_up]
    assert len(awaited) <= MOST

    # Those in view come first.
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/media/offer/" in r.url else None)
    pictures.release()
    page.wait_for_function(
        "() => document.querySelectorAll('.offer').length && !document.querySelector('.waits')"
    )
    order = [url.rsplit("/", 1)[1].removesuffix(".jpg") for url in [*awaited, *asked]]
    places = {offer: order.index(offer) for offer in seen if offer in order}
    in_view = [place for offer, place in places.items() if seen[offer]]
    beyond = [place for offer, place in places.items() if not seen[offer]]
    assert in_view
    assert beyond
    assert max(in_view) < min(beyond)


def test_a_segment_that_did_not_come_is_fetched_again(films, studio, window):
    """The studio did not answer once, then had thrown the segment away just before it was made
    again: in both cases the page shows it, and no sign that it is being made stays."""
    page = window(studio(films, films.source).url)
    slot, *_ = slots_of(page)
    go_to(page, slot)
    shot = next(one for one in state_of(page)["shots"] if one["slot"] == slot)
    frame = (shot["first"] + shot["end"]) // 2
    before = numbers_at(page, frame, (frame, None))[1]
    segments = Held(page, "**/media/segment/*.mp4?*")
    page.locator(".offer:not(.chosen)").first.click()
    state = until(page, lambda s: clip_of(s, slot)["offer"] != shot["clip"]["offer"])
    parts = shot_of(state, slot)["segments"]
    key = next(one["key"] for one in parts if one["first"] <= frame < one["end"])
    segments.next(key).abort()
    again = segments.next(key)  # without anything else having been done
    page.evaluate("async (key) => (await import('/page/store.js')).playedBy().ready(key)", key)
    again.fulfill(status=204)
    segments.wait(key)
    page.wait_for_selector(".coming")
    kept_picture(page, "coming")
    segments.release()
    page.wait_for_selector(".coming", state="detached")
    assert numbers_at(page, frame)[1] != before


def test_what_is_looked_at_is_fetched_before_what_was(films, studio, window):
    """A segment that is on its way is given up where another is looked at by now."""
    running = studio(films, films.source)
    page = window(running.url)
    until(page, lambda s: all(p["ready"] for shot in s["shots"] for p in shot["segments"]))
    page.close()
    page = window(running.url)
    last = slots_of(page)[-1]
    page.goto("about:blank")
    segments = Held(page, "**/media/segment/*.mp4?*")
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    page.goto(running.url)
    page.wait_for_selector("html[data-ready]")
    segments.wait()
    page.click(f".shot[data-slot='{last}']")
    page.wait_for_selector(f"html[data-slot='{last}']")
    shot = next(s for s in state_of(page)["shots"] if s["slot"] == last)
    here = {part["key"] for part in shot["segments"]}
    while not any(key in url for key in here for url in segments.urls):
        page.wait_for_timeout(20)
    before = [url for url in segments.urls if not any(key in url for key in here)]
    assert before
    for _ in range(200):  # it may be told of later than it is done
        if set(before) <= set(given_up):
            break
        page.wait_for_timeout(50)
    assert set(before) <= set(given_up)
    segments.release()
    numbers_at(page, 0, (0, None))


def test_what_becomes_of_a_picture_that_was_replaced_is_not_told_of_its_successor(
    films, studio, window, project
):
    """Else a still of what just left the film would take the one away that comes in its place."""
    page = window(studio(films, project).url, replaced=True)
    told = page.evaluate(
        """async () => {
          const { render } = await import("/page/vendor/preact.js");
          const { html } = await import("/page/html.js");
          const { Picture } = await import("/page/pictures.js");
          const box = document.createElement("div");
          document.body.append(box);
          const told = [];
          const tell = (what) => () => told.push(what);
          const show = (src) => render(html`<${Picture} kind="hand" src=${src}
            onLoad=${tell(`load ${src}`)} onError=${tell(`error ${src}`)} />`, box);
          const come = async (n) => {
            while (told.length < n) await new Promise((done) => setTimeout(done, 10));
          };
          show("/page/icon.svg?1");
          await come(1);
          show("/page/icon.svg?2");
          box.firstChild.dispatchEvent(new Event("error"));
          await come(2);
          return told;
        }"""
    )
    assert told == ["load /page/icon.svg?1", "load /page/icon.svg?2"]
