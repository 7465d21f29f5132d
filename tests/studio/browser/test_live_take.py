"""Takes in Chromium, with films as its camera: recorded, opened, rendered, and cut short."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from kuleshov.desk.desk import Desk
from kuleshov.desk.editing import Editing
from kuleshov.project.file import read_otio
from kuleshov.timeline import Clip
from studio.marked import number_of

pytestmark = pytest.mark.slow

_CAMERA = ("ocean_wave", "drawing_hand", "night_sky")
_EACH = 45  # pictures of each that the camera sees, again and again
_RATE = 24  # of the archive's films


def take_of(page: Any) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate("() => fetch('/api/live').then((a) => a.json())")
    return dict(told["take"])


def recorded(page: Any, names: set[str], seconds: float) -> str:
    """Record a take until all of these films have answered, and for so long after, and name it."""
    page.keyboard.press("m")  # the film is not to be flipped
    page.wait_for_selector("html[data-footage='ocean_wave']")
    assert not page.is_visible(".rolling")
    page.keyboard.press("r")
    page.wait_for_selector(".rolling")
    begun, until = len(page.sent["answers"]), None
    while until is None or take_of(page)["seconds"] < until:
        page.wait_for_timeout(100)
        answers = page.sent["answers"][begun:]
        if until is None and names <= {one.get("name") for one in answers}:
            until = take_of(page)["seconds"] + seconds
    return str(take_of(page)["name"])


def pictures_of(path: Path) -> list[tuple[float, int | None]]:
    """Times of a film's pictures, and the numbers that they bear."""
    with av.open(str(path)) as film:
        return [
            (float(p.time), number_of(p.to_ndarray(format="gray"))) for p in film.decode(video=0)
        ]


def test_a_take_becomes_a_project_whose_cuts_are_right_to_the_frame(address, seen, films, tmp_path):
    folder = tmp_path / "takes"
    url = address("--calm", "0", "--fresh", "0", "--takes", str(folder))
    page = seen(url, *_CAMERA, most=_EACH)
    name = recorded(page, set(_CAMERA), 3)
    page.keyboard.press("r")
    page.wait_for_selector(".kept:has-text('take-')")
    project = folder / f"{name}.otio"
    assert str(folder) in page.text_content(".kept")
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.otio", f"{name}.webm"]

    # The project shows what was answered.
    timeline = read_otio(project)
    assert timeline.track("source").items[0].media.path == folder / f"{name}.webm"
    clips = [one for one in timeline.recut.items if isinstance(one, Clip)]
    assert {one.media.path.stem for one in clips} >= set(_CAMERA)

    # Cuts lie where the page was told of another clip: the camera film shows the same picture
    # there, or the next one that was recorded where a busy machine left that one out. One so busy
    # that the browser does not say which picture was recorded first may shift all of them alike.
    film = [(t, n) for t, n in pictures_of(folder / f"{name}.webm") if n is not None]
    frames = dict(map(_frame, page.sent["frames"]))
    firsts = {one["clip"]: one for one in reversed(page.sent["answers"]) if one["type"] == "answer"}
    told = {frames[one["id"]][1] for one in firsts.values()}
    starts = [one.first / timeline.rate for one in timeline.recut.ranges()][1:]
    at = [min(range(len(film)), key=lambda n: abs(film[n][0] - one)) for one in starts]

    def right(place: int) -> bool:
        before, (_, shown) = film[max(0, place - 1)], film[min(place, len(film) - 1)]
        return bool(told & {shown, *range(before[1] + 1, shown)})

    found = {shift: sum(right(place + shift) for place in at) for shift in (0, -1, 1, -2, 2)}
    assert max(found.values()) >= 0.7 * len(at), (found, at, sorted(told, key=str), film)

    # It is rendered, and every picture is that of the archive which its clip names.
    out = tmp_path / "out.mp4"
    order = [sys.executable, "-m", "kuleshov", "render", str(project), "-o", str(out)]
    subprocess.run([*order, "--layout", "alone"], check=True, timeout=300)
    rendered = pictures_of(out)
    assert len(rendered) == timeline.duration
    seen_there = 0
    for item, own in zip(timeline.recut.items, timeline.recut.ranges(), strict=True):
        if not isinstance(item, Clip) or not item.speed:
            continue
        first = films.numbers[item.media.path.stem].start
        for frame in range(own.first, own.end):
            time = item.start + (frame - own.first) / timeline.rate
            there, wanted = rendered[frame][1], first + time * _RATE
            if there is not None:
                seen_there += 1
                assert abs(there - wanted) < 1, (frame, item.media.path.stem)
    assert seen_there > 0.8 * timeline.duration

    # The studio opens it as it is, and other clips may be chosen.
    with Desk(films.archive) as desk, Editing.open(desk, project) as editing:
        assert not [note for note in editing.notes if note.code == "edited-elsewhere"]
        again = [one for one in editing.timeline().recut.items if isinstance(one, Clip)]
        plainly = [(one.media.checksum, one.start, one.duration, one.mirrored) for one in clips]
        assert [(o.media.checksum, o.start, o.duration, o.mirrored) for o in again] == plainly
        assert len(editing.suggestions(editing.shots()[0].slot)) > 1


def _frame(data: bytes) -> tuple[int, tuple[float, int | None]]:
    number, at = struct.unpack_from("<Id", data)
    picture = np.asarray(Image.open(io.BytesIO(data[12:])).convert("L"))
    return number, (at, number_of(picture))


def test_a_take_that_a_crash_cut_short_is_kept_up_to_the_last_second(address, seen, tmp_path):
    folder = tmp_path / "takes"
    page = seen(address("--calm", "0", "--takes", str(folder)), *_CAMERA, most=_EACH)
    name = recorded(page, {"ocean_wave", "drawing_hand"}, 3)
    address.running[-1].kill()
    address.running[-1].wait(60)
    page.wait_for_selector(".live-head [role=alert]:has-text('is kept')")
    assert not page.is_visible(".rolling")
    assert (folder / f"{name}.take").exists()
    # Started again, it finishes what was left.
    again = seen(address("--takes", str(folder)), None)
    while not (folder / f"{name}.otio").exists() or (folder / f"{name}.take").exists():
        again.wait_for_timeout(100)
    timeline = read_otio(folder / f"{name}.otio")
    assert timeline.duration / timeline.rate > Fraction(5, 2)
    assert len({one.media.path.stem for one in timeline.recut.items if isinstance(one, Clip)}) > 1
    assert json.loads((folder / f"{name}.otio").read_text())
