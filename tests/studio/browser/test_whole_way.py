"""A person's whole way through the studio, and whether the film shows what was chosen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from studio.marked import number_of
from studio.pages import clip_of, go_to, numbers_at, shot_of, state_of, until, with_film

pytestmark = pytest.mark.slow


def clear(shot: dict[str, Any]) -> tuple[int, int]:
    """Return the first and the last frame of a shot into which nothing is mixed."""
    first = shot["first"] + shot["transition"]["in"]
    return first, shot["end"] - shot["transition"]["out"] - 1


def chosen(films: Any, state: dict[str, Any], slot: str, frame: int) -> int:
    """Return the number of the picture that a shot's clip is to show in a frame of the film.

    A clip begins with the dissolve that leads to its shot; at another speed the picture is shown
    that is nearest in time; the last one is held where the clip is too short.
    """
    shot = shot_of(state, slot)
    place, clip = state["shots"].index(shot), shot["clip"]
    lead = state["shots"][place - 1]["transition"]["out"] if place else 0
    numbers = films.numbers[Path(clip["footage"]).stem]
    time = Fraction(clip["start_s"]).limit_denominator(24_000)
    time += Fraction(frame - shot["first"] + lead, 24) * Fraction(clip["speed"]).limit_denominator(
        1000
    )
    last = round(clip["end_s"] * 24) - 1
    return int(numbers[min(round(time * 24), last)])


def test_from_opening_to_the_film(films, studio, window):
    running = studio(films, films.source)
    page = window(running.url)
    state = with_film(page)
    slots = [one["slot"] for one in state["shots"] if one["clip"]]
    assert len(slots) >= 4

    # Pick by key, and lock.
    go_to(page, slots[0])
    second = page.get_attribute(".offer[data-n='2']", "data-offer")
    page.keyboard.press("2")
    state = until(page, lambda s: clip_of(s, slots[0])["offer"] == second)
    page.keyboard.press("l")
    state = until(page, lambda s: shot_of(s, slots[0])["locked"])
    assert shot_of(state, slots[0])["state"] == "locked"

    # Slip by a frame, the way there is room.
    go_to(page, slots[1])
    before = clip_of(state_of(page), slots[1])
    key, by = (".", 1) if before["room"][1] > 0 else (",", -1)
    page.keyboard.press(key)
    state = until(page, lambda s: clip_of(s, slots[1])["slip"] == before["slip"] + by)
    moved = clip_of(state, slots[1])["start_s"] - before["start_s"]
    assert moved == pytest.approx(by / before["rate"], abs=1e-4)

    # Refuse what is shown: it is not offered any more.
    go_to(page, slots[2])
    unwanted = clip_of(state_of(page), slots[2])["offer"]
    page.keyboard.press("x")
    state = until(page, lambda s: s["refused"])
    assert (clip_of(state, slots[2]) or {}).get("offer") != unwanted
    page.wait_for_selector(f".offer[data-offer='{unwanted}']", state="detached")

    # Weigh, with a slider, by key.
    page.click("#tab-weigh")
    slider = page.locator(".weight", has_text="tone").locator("input")
    slider.focus()
    weight = state["weights"]["film"]["tone"]
    slider.press("ArrowRight")
    state = until(page, lambda s: s["weights"]["film"]["tone"] > weight)

    # Fill, undo, redo.
    page.click("#tab-changes")
    picks = {slot: (clip_of(state, slot) or {}).get("offer") for slot in slots}
    page.keyboard.press("f")
    state = until(page, lambda s: s["history"]["undo"] and "ill" in s["history"]["undo"])
    filled = {slot: (clip_of(state, slot) or {}).get("offer") for slot in slots}
    assert filled[slots[0]] == second
    assert all(filled.values())
    page.keyboard.press("z")
    state = until(page, lambda s: s["history"]["redo"])
    assert {slot: (clip_of(state, slot) or {}).get("offer") for slot in slots} == picks
    page.keyboard.press("Shift+Z")
    state = until(page, lambda s: not s["history"]["redo"])
    assert {slot: clip_of(state, slot)["offer"] for slot in slots} == filled

    # Close; open again: nothing is lost, not even the history.
    until(page, lambda s: s["project"]["saved"])
    page.context.close()
    assert running.end() == 0
    page = window(studio(films, films.source.with_suffix(".otio")).url)
    again = with_film(page)
    assert [one["clip"] and one["clip"]["offer"] for one in again["shots"]] == [
        one["clip"] and one["clip"]["offer"] for one in state["shots"]
    ]
    assert shot_of(again, slots[0])["locked"]
    assert again["refused"] == state["refused"]
    assert again["history"] == state["history"]

    # Render: by key, with what is set.
    page.keyboard.press("r")
    page.wait_for_selector("dialog [type=submit]:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("video.made")
    made = page.get_attribute("video.made", "src")
    assert made is not None
    (film,) = films.source.parent.glob("source-recut*.mp4")
    numbers = numbers_of(film)
    assert len(numbers) == again["film"]["frames"]

    # What was chosen is what the film shows, and what the page plays is what the film shows.
    page.keyboard.press("Escape")
    for slot in slots:
        shot = shot_of(again, slot)
        mirrored, even = shot["clip"]["mirrored"], shot["clip"]["speed"] == 1
        for frame in clear(shot):
            number, wanted = numbers[frame][mirrored], chosen(films, again, slot, frame)
            assert number is not None, (slot, frame)
            assert abs(number - wanted) <= (0 if even else 1), (slot, frame, shot["clip"])
            if not mirrored:
                assert numbers_at(page, frame, (frame, number)) == (frame, number)
    page.context.close()


def numbers_of(film: Path) -> list[tuple[int | None, int | None]]:
    """Return what every picture of a film says, read as it is and mirrored."""
    with av.open(film) as opened:
        lumas = (
            picture.to_ndarray()[: picture.height, : picture.width]
            for picture in opened.decode(video=0)
        )
        return [(number_of(luma), number_of(luma, mirrored=True)) for luma in lumas]


def test_a_clip_is_replaced_where_it_plays(films, studio, window):
    """At both borders of a shot the page shows the right frames, however often it was replaced."""
    page = window(studio(films, films.source).url)
    state = with_film(page)
    slot = next(one["slot"] for one in state["shots"][2:] if one["clip"])
    go_to(page, slot)
    for key in ("2", "3", "1"):
        offer = page.get_attribute(f".offer[data-n='{key}']", "data-offer")
        page.keyboard.press(key)
        state = until(page, lambda s: clip_of(s, slot)["offer"] == offer)  # noqa: B023 - called at once
        shot = shot_of(state, slot)
        if shot["clip"]["mirrored"] or shot["clip"]["speed"] != 1:
            continue
        first, last = clear(shot)
        for frame in (first, last):
            wanted = (frame, chosen(films, state, slot, frame))
            assert numbers_at(page, frame, wanted) == wanted
        # The place of a segment says which frame is shown: none is lost, none is shown twice.
        for frame in range(last - 3, last + 1):
            numbers_at(page, frame, (frame, None))
