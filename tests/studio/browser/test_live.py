"""The live view in Chromium, with a film as its camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from studio.pages import no_violations

pytestmark = pytest.mark.slow


_FRONT = "() => document.querySelector('.shown video.front:not([src=\"\"])')"


def test_what_the_camera_sees_is_answered_and_plays(address, seen, axe):
    page = seen(address("--calm", "0"), "ocean_wave")
    page.keyboard.press("m")  # the film is not to be flipped
    page.wait_for_selector("html[data-footage='ocean_wave']")
    page.wait_for_function(f"() => (({_FRONT})())?.readyState >= 2")
    page.wait_for_function(f"() => (({_FRONT})()).currentTime > 0")
    # Of the two videos one is seen, and it has a picture.
    assert page.evaluate("() => document.querySelectorAll('.shown video.front').length") == 1
    no_violations(page, axe, "live")


def test_a_change_of_clips_never_shows_an_empty_screen(address, seen):
    page = seen(address("--calm", "0", "--weights", "motion=1"), "drawing_hand")
    page.wait_for_function(f"() => (({_FRONT})())?.readyState >= 2")
    page.evaluate(
        """() => {
          window.changes = 0; window.empty = 0;
          new MutationObserver(() => {
            window.changes += 1;
            const front = [...document.querySelectorAll('.shown video.front')];
            if (front.length !== 1 || front[0].readyState < 2) window.empty += 1;
          }).observe(document.querySelector('.shown'), {subtree: true, attributeFilter: ['class']});
        }"""
    )
    for weights in ("1", "2", "1", "2"):  # facets off and on again: another clip answers
        page.keyboard.press(weights)
        page.wait_for_timeout(200)
    page.wait_for_function("() => window.changes >= 2")
    assert page.evaluate("() => window.empty") == 0


def test_by_keyboard_alone(address, seen):
    page = seen(address(), "night_sky")
    page.wait_for_selector(".knobs")

    def told() -> Any:
        return page.evaluate("() => fetch('/api/live').then((a) => a.json())")

    def until(wanted: Callable[[Any], bool]) -> None:
        while not wanted(told()):
            page.wait_for_timeout(50)

    page.keyboard.press("w")
    until(lambda now: now["way"] == "cut")
    page.keyboard.press("+")
    until(lambda now: now["calm"] == 0.5)
    page.keyboard.press("5")
    until(lambda now: now["weights"]["faces"] == 0)
    page.keyboard.press("a")
    until(lambda now: now["mirror"] is True)
    page.keyboard.press("v")
    page.wait_for_selector(".live.alone")
    page.keyboard.press("Space")
    page.wait_for_selector(".shown.frozen")
    page.keyboard.press("Space")
    page.wait_for_selector(".shown:not(.frozen)")
    # Every control can be reached, and says what it is.
    names: list[str] = []
    while not any("Full screen" in one for one in names):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "() => { const e = document.activeElement;"
                "return e.labels?.[0]?.textContent || e.getAttribute('aria-label') "
                "|| e.textContent; }"
            )
        )
    assert "" not in names, names
    assert len(names) == len({*names}), names
    for name in ("Mirror", "Calmness", "Faces", "Freeze"):
        assert any(name in one for one in names), (name, names)


def test_without_a_camera_it_is_said_what_to_do(address, seen, axe):
    page = seen(address(), None)
    said = page.text_content(".seen [role=alert]")
    assert "camera" in said
    no_violations(page, axe, "no camera")


def test_a_kiosk_has_nothing_to_press(address, seen):
    page = seen(address("--kiosk"), "ocean_wave")
    page.wait_for_function(f"() => (({_FRONT})())?.readyState >= 2")
    assert page.evaluate("() => document.querySelector('.knobs')") is None
    assert not page.is_visible(".live-head")
    assert not page.is_visible(".seen")
    page.keyboard.press("v")
    assert not page.is_visible(".seen")


def test_an_empty_archive_says_what_to_do(address, seen, tmp_path):
    from kuleshov.archive.archive import make_archive

    make_archive(tmp_path / "empty")
    page = seen(address(archive=tmp_path / "empty"), "ocean_wave")
    assert "index" in page.text_content(".shown [role=alert]")
    # Through a lens there is something to see all the same.
    page.keyboard.press("l")
    page.wait_for_function("() => document.querySelector('canvas.through')?.dataset.drawn")
    assert page.locator(".shown [role=alert]").count() == 0
    page.keyboard.press("l")
    assert "index" in page.text_content(".shown [role=alert]")


def test_a_lens_needs_no_archive(address, seen, tmp_path):
    page = seen(address("--through", "lens", archive=tmp_path / "none"), "ocean_wave")
    page.wait_for_function("() => document.querySelector('canvas.through')?.dataset.drawn")
    assert page.locator("[role=alert]").count() == 0


def test_a_kiosk_plays_by_itself_while_nobody_moves(address, seen):
    page = seen(address("--kiosk", "--attract", "0.7"), "night_sky", "drawing_hand", still=75)
    page.wait_for_selector("html[data-attract]")
    page.wait_for_function(f"() => (({_FRONT})())?.playbackRate === 0.5")
    # The hand moves: it is answered.
    page.wait_for_selector("html:not([data-attract])")
    page.wait_for_function(f"() => (({_FRONT})())?.playbackRate === 1")
    page.wait_for_selector("html[data-attract]")


def answered(page: Any) -> int:
    return sum(one["type"] == "answer" for one in page.sent["answers"])


def goes_on(page: Any) -> None:
    """Wait until frames are answered that were not before."""
    before = answered(page)
    while answered(page) < before + 3:
        page.wait_for_timeout(50)


@pytest.mark.parametrize("told", [True, False], ids=["pulled out", "silent"])
def test_a_camera_that_ends_is_opened_again(address, seen, told):
    page = seen(address(), "drawing_hand")
    goes_on(page)
    page.evaluate(
        """(told) => {
          const [track] = document.querySelector('.seen video').srcObject.getTracks();
          track.stop();
          if (told) track.dispatchEvent(new Event('ended'));
        }""",
        told,
    )
    page.wait_for_selector(".seen [role=alert]:has-text('pulled out')")
    page.wait_for_selector(".seen [role=alert]", state="detached")
    goes_on(page)


def test_a_kiosk_goes_on_when_the_program_is_started_again(address, seen, tmp_path, monkeypatch):
    import socket

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    page = seen(address("--kiosk", "--port", port), "drawing_hand")
    goes_on(page)
    (token,) = (tmp_path / "data").rglob("*.token")
    assert token.stat().st_mode & 0o077 == 0
    address.running[-1].kill()
    address.running[-1].wait(60)
    page.wait_for_selector(".shown [role=alert]:has-text('start')", state="attached")
    address("--kiosk", "--port", port)
    goes_on(page)
    assert not page.is_visible(".shown [role=alert]")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NotAllowedError", "refused"),
        ("NotReadableError", "in use"),
        ("NotFoundError", "no camera"),
    ],
)
def test_a_camera_that_cannot_be_had_is_said_and_tried_again(address, seen, axe, name, text):
    page = seen(
        address(),
        "drawing_hand",
        before=f"""(() => {{
          const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.free = false;
          navigator.mediaDevices.getUserMedia = (how) =>
            window.free ? asked(how) : Promise.reject(new DOMException('', '{name}'));
        }})()""",
    )
    page.wait_for_selector(f".seen [role=alert]:has-text('{text}')")
    no_violations(page, axe, text)
    page.evaluate("() => { window.free = true; }")
    if name == "NotAllowedError":  # nobody is asked again and again
        page.wait_for_timeout(100)
        page.click(".seen button")
    page.wait_for_selector(".seen [role=alert]", state="detached")
    goes_on(page)


def test_a_browser_that_denies_the_camera_says_so(address, seen):
    page = seen(address(), "drawing_hand", refused=True)
    page.wait_for_selector(".seen [role=alert]:has-text('refused')")


def test_the_beat_of_the_microphone_is_heard(address, seen):
    # Chromium's own microphone beeps once a second.
    page = seen(address(), "drawing_hand")
    page.keyboard.press("b")
    page.wait_for_selector("[aria-pressed=true]:has-text('On the beat')")
    page.wait_for_function("() => Number(document.documentElement.dataset.beats) >= 3")
    page.wait_for_function(
        "() => fetch('/api/live').then((a) => a.json()).then((a) => a.beat && a.way === 'cut')"
    )


def test_a_microphone_that_is_refused_is_said_and_the_camera_goes_on(address, seen, axe):
    page = seen(
        address(),
        "drawing_hand",
        before="""(() => {
          const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.free = false;
          navigator.mediaDevices.getUserMedia = (how) =>
            window.free || !how.audio
              ? asked(how)
              : Promise.reject(new DOMException('', 'NotAllowedError'));
        })()""",
    )
    goes_on(page)
    page.keyboard.press("b")
    page.wait_for_selector("[role=alert]:has-text('microphone was refused')")
    no_violations(page, axe, "a refused microphone")
    assert not page.evaluate("() => fetch('/api/live').then((a) => a.json()).then((a) => a.beat)")
    goes_on(page)
    # Allowed later, it is heard when one asks again.
    page.evaluate("() => { window.free = true; }")
    page.keyboard.press("b")
    page.wait_for_selector("[aria-pressed=true]:has-text('On the beat')")
