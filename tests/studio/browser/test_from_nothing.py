"""The way of a person who has nothing yet: footage and a film are dropped, and a recut begins."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from dataclasses import replace

import pytest

from studio.pages import Held, dropped, kept_picture, no_violations, until

pytestmark = pytest.mark.slow

_FOOTAGE, _FILM = (f".start-columns section:nth-child({n}) .drop" for n in (3, 2))

# Several files at once, as from a folder; what is no film is among them.
_DROP_ALL = """([selector, files]) => {
  const all = new DataTransfer();
  for (const [name, kind, data] of files) {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    all.items.add(new File([bytes], name, { type: kind }));
  }
  const init = { dataTransfer: all, bubbles: true, cancelable: true };
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", init));
}"""


def test_who_has_nothing_drops_footage_and_a_film(films, studio, window, axe, tmp_path):
    empty = replace(films, archive=tmp_path / "empty" / "archive")
    running = studio(empty)
    page = window(running.url, reduced_motion="reduce")
    page.wait_for_selector(_FOOTAGE)
    assert "The archive is empty" in page.inner_text(".start-columns")
    no_violations(page, axe, "nothing yet")

    footage = sorted(films.footage.glob("*.mp4"))
    sent = [
        (path.name, "video/mp4", base64.b64encode(path.read_bytes()).decode()) for path in footage
    ]
    text = base64.b64encode(b"no film at all").decode()
    sent += [("notes.txt", "text/plain", text), ("like.mp4.bin", "", text)]
    page.evaluate(_DROP_ALL, [_FOOTAGE, sent])
    # What is surely no film is not sent; what may be one is looked at, left out, and named.
    page.wait_for_selector(".toast:has-text('like.mp4.bin')")
    # How far the copy is, and the indexing, is shown; then it is in the archive.
    page.wait_for_selector(f".start-jobs:has-text('of {len(footage)} files')")
    page.wait_for_selector(".facts:has-text('Footage is being indexed')")
    assert "The archive is empty" not in page.inner_text(".start-columns")
    page.wait_for_selector(f".facts:has-text('{len(footage)} films')")
    kept = sorted(path.name for path in (running.root / "footage").iterdir())
    assert kept == [path.name for path in footage]
    assert page.locator(".cards button").count() == 0  # footage is no film to remake
    no_violations(page, axe, "footage")

    dropped(page, _FILM, "mine.mp4", films.source.read_bytes(), "video/mp4")
    until(page, lambda state: state["shots"] and any(one["clip"] for one in state["shots"]))
    page.wait_for_selector(".offer")


def test_the_archive_is_indexed_again_from_the_page(films, studio, window):
    page = window(studio(films).url)
    page.get_by_role("button", name="Index again").click()
    page.wait_for_selector(".head-said:has-text('known already')")


def test_what_cannot_be_opened_before_the_archive_is_indexed_again_says_so(films, studio, window):
    with (
        contextlib.closing(sqlite3.connect(films.archive / "catalogue.sqlite")) as database,
        database,
    ):
        database.execute("UPDATE place SET mtime_ns = mtime_ns + 1, size = size + 1")
    page = window(studio(films, films.source).url)
    said = page.locator(".banner:has-text('8 films must be indexed again')")
    said.get_by_role("button", name="Index again").wait_for()
    kept_picture(page, "index-again")
    said.get_by_role("button", name="Index again").click()
    page.wait_for_selector(".head-said:has-text('known already')")
    said.get_by_role("button", name="Open again").click()
    until(page, lambda state: any(one["clip"] for one in state["shots"]))
    page.wait_for_selector(".offer")
    assert not said.count()


def test_a_copy_that_is_stopped_leaves_nothing(films, studio, window):
    running = studio(films)
    page = window(running.url)
    page.wait_for_selector(_FOOTAGE)
    copy = Held(page, "**/api/upload?*")  # it never comes to an end by itself
    dropped(page, _FOOTAGE, "a.mp4", films.source.read_bytes(), "video/mp4")
    page.locator(_FOOTAGE).get_by_role("button", name="Stop").click()
    page.wait_for_selector(f"{_FOOTAGE} .link")
    assert not (running.root / "footage").exists()
    assert page.locator(".toast.bad").count() == 0
    assert len(copy.urls) == 1
