"""What a test does with an open page of the studio, and reads of it."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.marked import BITS, LEFT, SIDE, SIZE, TOP

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

__all__ = [
    "FAULTS",
    "Held",
    "clip_of",
    "dropped",
    "focused",
    "go_to",
    "hears",
    "kept_picture",
    "laid",
    "no_violations",
    "numbers_at",
    "numbers_shown",
    "recently",
    "said",
    "shot_of",
    "slots_of",
    "state_of",
    "until",
    "with_film",
]

_PATIENCE = 300.0  # s; a machine may be busy with other things

_READ = """([bits, left, top, side, width, height]) => {
  const video = document.querySelector(".picture video");
  if (video.seeking || video.readyState < 2) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0);
  const half = canvas.width / 2;
  const [across, down] = [half / width, canvas.height / height];
  return [0, half].map((x0) => {
    let number = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      const x = Math.round(x0 + (left + (bit + 0.5) * side) * across) - 2;
      const y = Math.round((top + 0.5 * side) * down) - 2;
      const { data } = pen.getImageData(x, y, 4, 4);
      let sum = 0;
      for (let n = 0; n < data.length; n += 4) sum += data[n + 1];
      const level = sum / (data.length / 4);
      if (level > 90 && level < 165) return null;
      if (level >= 165) number |= 1 << bit;
    }
    return number;
  });
}"""

_THERE = """async () => [...(await import("/page/store.js")).playedBy().there.values()]
  .map((part) => part.key)"""

# What of a page is cut off, outside of it, or lies over something else.
FAULTS = """() => {
  const faults = [];
  const within = (one, box) => one.left >= box.left - 1 && one.right <= box.right + 1
    && one.top >= box.top - 1 && one.bottom <= box.bottom + 1;
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflow);
  const named = (element) => element.getAttribute("aria-label") ?? element.textContent ?? "";
  const seen = [];
  for (const one of document.querySelectorAll("button, input, select, h1, h2, .head-left, .time")) {
    const box = one.getBoundingClientRect();
    if (!box.width || !one.checkVisibility() || one.closest(".shots, .unseen")) continue;
    let inside = box;
    let rolled = false;
    for (let up = one.parentElement; up; up = up.parentElement) {
      rolled ||= scrolls(up);
      if (rolled || getComputedStyle(up).overflow === "visible") continue;
      if (!within(box, up.getBoundingClientRect())) faults.push(`cut off: ${named(one)}`);
    }
    if (rolled) continue;
    if (!within(box, { left: 0, top: 0, right: innerWidth, bottom: innerHeight }))
      faults.push(`outside: ${named(one)}`);
    for (const [other, its] of seen) {
      const over = box.left < its.right - 1 && its.left < box.right - 1
        && box.top < its.bottom - 1 && its.top < box.bottom - 1;
      if (over && !other.contains(one)) faults.push(`${named(one)} lies over ${named(other)}`);
    }
    seen.push([one, box]);
  }
  const hand = document.querySelector("#hand");
  if (hand && !hand.hasAttribute("data-long") && hand.scrollHeight > hand.clientHeight + 1)
    faults.push(`cut off: what can be done, ${hand.scrollHeight - hand.clientHeight} px`);
  return faults;
}"""

# How the player stands, for a failure that nobody sees again.
_STANDS = """async () => {
  const player = (await import("/page/store.js")).playedBy();
  const { video } = player;
  const ranges = (b) => Array.from({ length: b.length }, (_, n) => [b.start(n), b.end(n)]);
  return JSON.stringify({ frame: player.frame, time: video.currentTime, paused: video.paused,
    size: [video.videoWidth, video.videoHeight], error: video.error?.message,
    buffered: ranges(video.buffered), there: [...player.there], lacks: player.lacking(player.frame),
    hidden: document.hidden, videos: document.querySelectorAll(".picture video").length });
}"""


def state_of(page: Page) -> dict[str, Any]:
    """Return the studio's state, as the page gets it."""
    state: dict[str, Any] = page.evaluate("() => fetch('/api/state').then((a) => a.json())")
    return state


def with_film(page: Page) -> dict[str, Any]:
    """Wait until a film is open in a page, and return the state."""
    deadline = time.monotonic() + _PATIENCE
    while not page.locator(".shot").count():
        if time.monotonic() >= deadline:
            kept_picture(page, "without-a-film")
            raise AssertionError(f"no film: {state_of(page)}; {page.text_content('body')}")
        page.wait_for_timeout(60)
    return state_of(page)


def laid(page: Page, slot: str) -> None:
    """Wait until the player has all of a shot as it is now. Nothing is said to be coming then, but
    nothing is so either before the page has heard of a change."""
    while True:
        keys = [part["key"] for part in shot_of(state_of(page), slot)["segments"]]
        if set(keys) <= set(page.evaluate(_THERE)):
            return
        page.wait_for_timeout(60)


def until(page: Page, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Wait until the state is as wanted, and return it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        state = state_of(page)
        if wanted(state):
            return state
        assert time.monotonic() < deadline, f"it did not come to that: {state['last']}"
        page.wait_for_timeout(60)


def shot_of(state: dict[str, Any], slot: str) -> dict[str, Any]:
    """Return one shot of a state."""
    shot: dict[str, Any] = next(one for one in state["shots"] if one["slot"] == slot)
    return shot


def clip_of(state: dict[str, Any], slot: str) -> dict[str, Any]:
    """Return the clip of one shot of a state."""
    clip: dict[str, Any] = shot_of(state, slot)["clip"]
    return clip


def go_to(page: Page, slot: str) -> None:
    """Go to a shot by the arrow keys alone, and wait for its suggestions."""
    shots = state_of(page)["shots"]
    order = [one["slot"] for one in shots]
    here = order.index(page.get_attribute("html", "data-slot") or "")
    there = order.index(slot)
    between = shots[here + 1 : there + 1] if there > here else shots[there:here]
    for _ in range(sum(not one["fixed"] for one in between)):
        page.keyboard.press("ArrowRight" if there > here else "ArrowLeft")
    page.wait_for_selector(f"html[data-slot='{slot}']")
    page.wait_for_selector(f".offers[aria-busy=false][data-slot='{slot}'] .offer")


def numbers_at(
    page: Page, frame: int, wanted: tuple[int | None, int | None] = (None, None)
) -> tuple[Any, Any]:
    """Put the playhead on a frame, and return the numbers that the player shows there: the
    source's and the recut's. What of `wanted` is known is waited for: a segment may still be in
    the making or on its way, and the old picture is shown so long."""
    page.evaluate(
        "async (n) => (await import('/page/store.js')).playedBy().seek(n)",
        frame,
    )
    return numbers_shown(page, wanted, f"frame {frame}")


def numbers_shown(
    page: Page, wanted: tuple[int | None, int | None] = (None, None), where: str = "the player"
) -> tuple[Any, Any]:
    """Return the numbers that the player shows as it stands, as `numbers_at` does."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = page.evaluate(_READ, [BITS, LEFT, TOP, SIDE, *SIZE])
        settled = found is not None and None not in found
        if settled and all(w in (None, n) for n, w in zip(found, wanted, strict=True)):
            return found[0], found[1]
        if time.monotonic() >= deadline:
            stands = page.evaluate(_STANDS)
            raise AssertionError(f"{where} shows {found}, not {wanted}; {stands}")
        page.wait_for_timeout(40)


def dropped(page: Page, selector: str, name: str, data: bytes, kind: str) -> None:
    """Drop a file on an element, as from the desktop."""
    page.evaluate(
        """([selector, name, data, kind]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], name, { type: kind }));
          const init = { dataTransfer: files, bubbles: true, cancelable: true };
          document.querySelector(selector).dispatchEvent(new DragEvent("drop", init));
        }""",
        [selector, name, base64.b64encode(data).decode(), kind],
    )


def said(page: Page) -> str:
    """Return what screen readers were told last."""
    return str(page.text_content("#live"))


def hears(page: Page, text: str) -> None:
    """Wait until screen readers are told something that holds this text.

    The state that a page is told of may be known to others before the page has said so.
    """
    page.wait_for_function(
        "text => document.querySelector('#live').textContent.includes(text)", arg=text
    )


def focused(page: Page) -> str:
    """Return what has the focus: its element, and what it is called."""
    return str(
        page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? 'body' :"
            " `${e.tagName.toLowerCase()} ${e.getAttribute('aria-label') ?? e.textContent}`; }"
        )
    )


def kept_picture(page: Page, name: str) -> None:
    """Keep a picture of the page where a person wants to look at it (`KULESHOV_SCREENSHOTS`)."""
    if folder := os.environ.get("KULESHOV_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def no_violations(page: Page, axe: str, where: str) -> None:
    """Fail where the checker of accessibility finds anything in a page as it is now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("() => axe.run().then((r) => r.violations)")
    told = [
        f"{where}: {one['id']}: {one['help']}: {node['html'][:160]}: {node.get('failureSummary')}"
        for one in found
        for node in one["nodes"][:2]
    ]
    assert not told, "\n".join(told)


def slots_of(page: Page) -> list[str]:
    """The slots of the film that show a clip, once it is there."""
    return [one["slot"] for one in with_film(page)["shots"] if one["clip"]]


class Held:
    """Holds back what a page asks for, until it is released, one by one or for good."""

    def __init__(self, page: Page, path: str) -> None:
        self._routes: list[Route] = []
        self._over = False
        self._page = page
        page.route(path, self._hold)

    def _hold(self, route: Route) -> None:
        if self._over:
            route.continue_()
        else:
            self._routes.append(route)

    def next(self, name: str = "") -> Route:
        """Return what was asked for first that has a name in its address, once it is.

        What has another one goes on meanwhile: a page may ask for one after another.
        """
        while True:
            self.wait()
            route = self._routes.pop(0)
            if name in route.request.url:
                return route
            route.continue_()

    @property
    def urls(self) -> list[str]:
        """The addresses that are held back, in the order in which they were asked for."""
        return [route.request.url for route in self._routes]

    def wait(self, name: str = "") -> None:
        """Wait until something is asked for that has a name in its address."""
        end = time.monotonic() + _PATIENCE
        while not any(name in url for url in self.urls):
            assert time.monotonic() < end, f"only these are asked for: {self.urls}"
            self._page.wait_for_timeout(20)

    def release(self) -> None:
        """Let everything go on, now and from now on."""
        self._over = True
        while self._routes:
            self._routes.pop(0).continue_()


def recently(root: Path, *projects: Path) -> None:
    """Have a studio know projects as those that were open last."""
    root.mkdir(parents=True, exist_ok=True)
    known = [{"path": str(path), "when": 1.0} for path in projects]
    (root / "recent.json").write_text(json.dumps(known))
