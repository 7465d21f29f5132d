"""The live view through a lens, in Chromium with a film as its camera."""

from __future__ import annotations

from typing import Any

import pytest

from studio.pages import no_violations

pytestmark = pytest.mark.slow

_LIGHT = """() => {
  const canvas = document.querySelector('canvas.through');
  if (!canvas?.dataset.drawn) return null;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let n = 0; n < data.length; n += 4) sum += data[n + 1];
  return { width: canvas.width, height: canvas.height, light: 4 * sum / data.length };
}"""


def drawn(page: Any, wanted: str = "true") -> dict[str, float]:
    """Wait until a picture is drawn whose `light`, `width` or `height` is as wanted."""
    found = page.wait_for_function(
        f"() => {{ const one = ({_LIGHT})(); if (!one) return false;"
        f" const {{ light, width, height }} = one; return {wanted} ? one : false; }}"
    )
    return dict(found.json_value())


def test_the_camera_is_seen_through_a_lens_that_is_turned_and_faded(address, seen, axe, tmp_path):
    import shutil

    from kuleshov.see.bundled import lens_path

    shutil.copy(lens_path("sea"), tmp_path / "waves.see")
    page = seen(address("--lens", str(tmp_path / "waves.see")), "drawing_hand")
    page.keyboard.press("l")
    page.wait_for_selector(".knobs.lens")
    first = drawn(page)
    assert first["width"] * 9 == first["height"] * 16
    assert not page.is_visible(".shown .named")
    # What is turned is seen.
    bright = page.locator("input[name=brightness]")
    bright.focus()
    bright.press("Home")
    dark = drawn(page, f"light < {first['light'] - 12}")
    bright.press("End")
    drawn(page, f"light > {dark['light'] + 20}")
    # Another lens to fade to, by the slider.
    assert page.is_disabled("input[name=mix]")
    page.select_option("select[name=other]", "waves")
    page.locator("input[name=mix]").focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "() => fetch('/api/live').then((a) => a.json()).then((a) => a.lens.mix === 1)"
    )
    no_violations(page, axe, "lens")


def test_the_archive_s_answer_is_seen_through_the_lens(address, seen):
    page = seen(address("--through", "both"), "ocean_wave")
    drawn(page)
    page.wait_for_selector("html[data-footage]:not([data-footage=''])")
    # What is drawn is of the video that plays behind it.
    assert page.is_visible("canvas.through")
    page.keyboard.press("l")
    page.wait_for_selector("canvas.through", state="detached")
    page.wait_for_function("() => document.querySelector('.shown video.front')?.readyState >= 2")


def test_a_lens_that_is_damaged_is_refused_in_a_sentence(address, seen, tmp_path):
    (tmp_path / "broken.see").write_bytes(b"no lens")
    page = seen(address("--lens", str(tmp_path / "broken.see")), "ocean_wave")
    page.keyboard.press("l")
    page.wait_for_selector(".live-head [role=alert]:has-text('is damaged')")
