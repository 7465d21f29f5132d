"""Take the pictures of the studio that the documents show: every state of the page at three sizes.

    python tools/studio_pictures.py [--out docs/images] [--only NAME[,NAME]] [--keep FOLDER]

It remakes the sample trailer out of the sample archive in a folder of its own, as a person would
by the page alone, and takes a picture at each step. Playwright and Chromium are wanted
(`KULESHOV_CHROMIUM` says which). Look at what it took before you keep it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "src" / "kuleshov" / "samples"
FIRST, TABLET, LARGE = (1280, 720), (820, 1180), (1920, 1080)
WIDTH, HEIGHT, BETWEEN = 1355, 540, 20  # pixels of a picture of all three
GROUND = (64, 64, 66)
PATIENCE = 300_000  # ms
_FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")

# Whatever is on the way is there: pictures, what plays, suggestions, the list of changes.
_SETTLED = """() => document.querySelectorAll(
  ".coming, .still.waits, .offers[aria-busy=true], .toast, .making, progress").length === 0
  && [...document.images].every((one) => one.complete)"""


_AT_HOME = """async () => {
  const { start } = await import("/page/store.js");
  const recent = start.value.recent.map((one) => ({ ...one, folder: "~/films" }));
  start.value = { ...start.value, recent };
}"""


_MADE_AT_HOME = """() => {
  const told = document.querySelector("dialog .written");
  told.textContent = told.textContent.replace(/ in \\S+:/, " in ~/films:");
}"""


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Start a studio on the samples, with everything it keeps in a folder, and give its address.

    The archive is made once; the recut is begun anew.
    """
    footage, films = folder / "footage", folder / "films"
    shutil.copytree(SAMPLES / "archive", footage, dirs_exist_ok=True)
    for old in (films, folder / "studio"):
        shutil.rmtree(old, ignore_errors=True)
    films.mkdir()
    shutil.copy(SAMPLES / "trailer.mp4", films)
    kept = {
        f"KULESHOV_{name}": str(folder / name.lower())
        for name in ("SOURCES", "PREVIEWS", "PROXIES", "STUDIO")
    }
    env = {**os.environ, **kept}
    kuleshov, archive = [sys.executable, "-m", "kuleshov"], ["--archive", str(folder / "archive")]
    subprocess.run([*kuleshov, "index", str(footage), *archive], env=env, check=True)
    folders = ["--footage", str(films), "--footage", str(footage)]
    process = subprocess.Popen(
        [*kuleshov, "studio", *folders, *archive, "--no-browser", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


class Camera:
    """Takes pictures of a page, at one size or at all three."""

    def __init__(self, page: Page, out: Path, only: frozenset[str]) -> None:
        self._page, self._out, self._only = page, out, only

    def _taken(self, size: tuple[int, int]) -> Image.Image:
        self._page.set_viewport_size({"width": size[0], "height": size[1]})
        self._page.wait_for_timeout(800)  # what a size asks for is asked for by now
        self._page.wait_for_function(_SETTLED)
        return Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")

    def one(self, name: str) -> None:
        """Take one picture of 1280 by 720."""
        if self._wanted(name):
            self._taken(FIRST).save(self._out / f"{name}.jpg", quality=88, progressive=True)

    def three(self, name: str) -> None:
        """Take a picture at each size, laid beside and below each other."""
        if not self._wanted(name):
            return
        first, tablet, large = (self._taken(size) for size in (FIRST, TABLET, LARGE))
        self._page.set_viewport_size({"width": FIRST[0], "height": FIRST[1]})
        wide = HEIGHT * FIRST[0] // FIRST[1]
        low = WIDTH * LARGE[1] // LARGE[0]
        whole = Image.new("RGB", (WIDTH, HEIGHT + BETWEEN + low), GROUND)
        for picture, size, at in (
            (first, (wide, HEIGHT), (0, 0)),
            (tablet, (WIDTH - wide - BETWEEN, HEIGHT), (wide + BETWEEN, 0)),
            (large, (WIDTH, low), (0, HEIGHT + BETWEEN)),
        ):
            whole.paste(picture.resize(size, Image.Resampling.LANCZOS), at)
        whole.save(self._out / f"{name}.webp", quality=80, method=6)

    def _wanted(self, name: str) -> bool:
        wanted = not self._only or name in self._only
        if wanted:
            print(name, flush=True)
        return wanted


def way(page: Page, camera: Camera) -> None:
    """Go through the page as a person would, from an open film to the rendered one."""
    press = page.keyboard.press
    for _ in range(6):
        press("ArrowRight")
    settled(page)
    camera.one("studio")
    camera.three("studio-sizes")
    page.locator(".offer").nth(2).hover()
    page.locator(".offer .likened").nth(2).click()
    page.wait_for_selector(".chips .chip")
    settled(page)
    camera.three("studio-like")
    page.click(".chips .chip")
    chosen(page)
    page.click("#tab-weigh")
    page.get_by_role("button", name="Wipe", exact=True).click()
    page.click("#tab-weigh")
    camera.three("studio-weigh")
    page.get_by_role("button", name="Beside", exact=True).click()
    press("s")
    page.wait_for_selector("#naming")
    page.keyboard.type("By hand")
    press("Enter")
    page.wait_for_selector("#naming", state="detached")
    filled(page)
    camera.three("studio-fill")
    page.click("#tab-versions")
    page.get_by_role("button", name="Compare").first.click()
    dialog(page, camera, "studio-versions", lambda: None)
    page.click("#tab-clip")
    dialog(page, camera, "studio-keys", lambda: press("?"))
    dialog(page, camera, "studio-render", lambda: press("r"))
    press("r")
    page.locator("dialog").get_by_role("button", name="Render").first.click()
    page.wait_for_selector("dialog video.made", timeout=PATIENCE)
    page.evaluate("() => { document.querySelector('dialog video.made').currentTime = 9.5; }")
    dialog(page, camera, "studio-made", lambda: page.evaluate(_MADE_AT_HOME))


def settled(page: Page) -> None:
    """Wait until all that is on the way is there, and what was said is over."""
    page.mouse.move(2, 60)
    page.wait_for_timeout(500)
    page.wait_for_function(_SETTLED)


def chosen(page: Page) -> None:
    """Choose for three shots by hand, and lock a fourth."""
    for number in ("2", "3", "2"):
        settled(page)
        page.keyboard.press(number)
        settled(page)
        page.keyboard.press("ArrowRight")
    settled(page)
    page.keyboard.press("l")
    page.wait_for_selector(".shot.locked")
    page.keyboard.press("ArrowLeft")
    settled(page)


def filled(page: Page) -> None:
    """Choose again over all that is not locked, and show what that changed."""
    page.keyboard.press("f")
    page.wait_for_selector(".toast")
    page.click("#tab-changes")
    page.wait_for_selector(".overruled, .said")
    # What was said goes away by itself, later than one wants to wait.
    page.evaluate("async () => { (await import('/page/store.js')).toast.value = null; }")


def dialog(page: Page, camera: Camera, name: str, opened: Callable[[], None]) -> None:
    """Take a picture of a dialog, and close it."""
    opened()
    page.wait_for_selector("dialog[open]")
    camera.three(name)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


def main() -> None:
    """Take all pictures, or some."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", default="", help="names, with commas between")
    parser.add_argument("--keep", type=Path, help="where the archive is made, or lies")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    browser = os.environ.get("KULESHOV_CHROMIUM") or shutil.which("chromium")
    with (
        tempfile.TemporaryDirectory() as name,
        sync_playwright() as playwright,
        studio(given.keep or Path(name)) as url,
    ):
        started = playwright.chromium.launch(executable_path=browser, args=[*_FLAGS])
        page = started.new_page(viewport={"width": FIRST[0], "height": FIRST[1]})
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_selector("html[data-ready]")
        camera = Camera(page, given.out, frozenset(filter(None, given.only.split(","))))
        page.get_by_text("trailer.mp4", exact=True).click()
        page.wait_for_selector(".shot")
        settled(page)
        way(page, camera)
        page.evaluate("async () => { (await import('/page/store.js')).home.value = true; }")
        page.wait_for_selector(".start-columns .cards button")
        page.wait_for_timeout(2000)  # what is told of it anew is there by now
        # Where it lies on this machine is nobody's business.
        page.evaluate(_AT_HOME)
        camera.three("studio-start")
        started.close()


if __name__ == "__main__":
    main()
