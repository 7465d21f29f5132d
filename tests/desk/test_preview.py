"""Previews are made in the order of what is urgent, kept, and go on whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from films import SIZE, make_film, noise, numbered, read_film, read_number
from kuleshov.desk import preview as previewing
from kuleshov.desk.making import Task
from kuleshov.desk.preview import Preview, PreviewCache
from kuleshov.edit.cut import Cut
from kuleshov.errors import Closed, MatchError, MediaError, UsageError
from kuleshov.match.align.candidates import Candidate
from kuleshov.render.segments import Segment
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Dissolve, Layout, Media, Sound, Timeline, Track

F = Fraction
RATE = F(25)
SLOTS, LONG = 8, 10


class Project:
    """A film of eight slots that is being edited: what `Preview` asks of an `Editing`."""

    def __init__(self, folder: Path) -> None:
        self.source = make_film(
            folder / "source.mp4", numbered(SLOTS * LONG), sound=noise(SLOTS * LONG / 25)
        )
        self.archive = make_film(folder / "archive.mp4", numbered(200, (720, 404), 1000))
        self.starts = [20 * n for n in range(SLOTS)]
        self.paths = [self.archive] * SLOTS
        self.joins: tuple[Dissolve, ...] = ()
        self._laid: Timeline | None = None

    @property
    def cut(self) -> Cut:
        slots = {
            str(n + 1): SimpleNamespace(own=FrameRange(n * LONG, n * LONG + LONG))
            for n in range(SLOTS)
        }
        return cast(Cut, SimpleNamespace(slots=slots))

    def timeline(self) -> Timeline:
        if self._laid is None:
            clips = [
                Clip(Media(path), start / RATE, LONG)
                for path, start in zip(self.paths, self.starts, strict=True)
            ]
            beside = [Clip(Media(self.source), n * LONG / RATE, LONG) for n in range(SLOTS)]
            tracks = Track("recut", tuple(clips), self.joins), Track("source", tuple(beside))
            sound = Sound(Media(self.source))
            self._laid = Timeline("film", RATE, Layout.single(*SIZE), tracks, sound)
        return self._laid

    def offer(self, offer: str, slot: str | None = None) -> Candidate:
        raise MatchError(f"There is no offer {offer!r}.")

    def change(self, slot: int, start: int, path: Path | None = None) -> None:
        self.starts[slot] = start
        self.paths[slot] = path or self.paths[slot]
        self._laid = None


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> PreviewCache:
    return PreviewCache(tmp_path / "previews", tmp_path / "proxies")


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def all_ready(preview: Preview) -> bool:
    return all(preview.ready(one.key) for one in preview.film().segments)


def numbers(preview: Preview, path: Path) -> list[int | None]:
    """What the film shows at the right, frame by frame."""
    film = preview.film()
    head, data = preview.init(film.init), b""
    assert head is not None
    for one in film.segments:
        segment = preview.segment(one.key, one.frames.first)
        assert segment is not None
        data += segment
    path.write_bytes(head + data)
    x, _, width, _ = film.pictures["recut"]
    seen = read_film(path)
    assert [picture.time for picture in seen] == [n / film.rate for n in range(film.frames)]
    return [read_number(picture.luma[:, x : x + width]) for picture in seen]


def meant(project: Project) -> list[int]:
    return [1000 + start + n for start in project.starts for n in range(LONG)]


@pytest.mark.slow
def test_all_is_made_in_the_background_and_what_changes_is_made_again(
    project: Project, cache: PreviewCache, tmp_path: Path
) -> None:
    made: list[tuple[str, str]] = []
    with Preview(None, project, cache=cache) as preview:
        preview.heard(lambda key, slot: made.append((key, slot)))
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "a.mp4") == meant(project)
        before = {one.slot: one.key for one in preview.film().segments}
        assert [one.slot for one in preview.film().segments] == [str(n + 1) for n in range(SLOTS)]
        project.change(3, 150)
        assert [o.slot for o in preview.film().segments if not preview.ready(o.key)] == ["4"]
        # What is ready is told of a moment later, and not at all before somebody listens.
        until(lambda: all_ready(preview) and {key for key, _ in made} - {*before.values()})
        assert [slot for key, slot in made if key not in before.values()] == ["4"]
        assert len({*made}) == len(made), "nothing is made twice"
        assert numbers(preview, tmp_path / "b.mp4") == meant(project)
        project.change(3, 60)
        assert all_ready(preview), "what was undone is there"
        assert {one.slot: one.key for one in preview.film().segments} == before
    with Preview(None, project, cache=cache) as again:
        assert all_ready(again), "and after it was closed, too"
        assert numbers(again, tmp_path / "c.mp4") == meant(project)


def segment(number: int) -> Segment:
    return Segment(f"k{number}", str(number), FrameRange(100 * number, 100 * number + 100))


def test_the_order_of_work(project: Project, cache: PreviewCache, monkeypatch: Any) -> None:
    """Near ahead of the playhead, what was asked for, what was changed, then the rest."""
    monkeypatch.setattr(previewing.Makers, "start", lambda _: None)
    with_all = [segment(n) for n in range(10)]
    preview = Preview(None, project, cache=cache)
    shown = replace(preview._shown, segments=tuple(with_all))
    monkeypatch.setattr(preview, "_now", lambda: shown)
    monkeypatch.setattr(previewing, "excerpt", lambda *_: None)
    preview.playhead(320, playing=True)
    preview._changed = {"k1", "k8"}
    preview._ask("still", 1, Task("still", print, (), print))
    preview._ask("clip", 0, Task("clip", print, (), print))
    preview._ask("clip", 0, Task("clip", print, (), print))
    order = []
    for turn in range(12):
        task = preview._urgent(0 if turn < 4 else 1)
        assert task is not None
        order.append(task.key)
        preview._ready.add(task.key)
    near, asked, changed = ["k3", "k4", "k5"], ["clip", "still"], ["k8", "k1"]
    assert order == [*near, *asked, *changed, "k6", "k7", "k9", "k0", "k2"]
    assert preview._urgent(0) is None


def test_who_makes_what(project: Project, cache: PreviewCache, monkeypatch: Any) -> None:
    """The first makes what plays; the second helps it where that is pressing, and else makes what
    was asked for; sound waits for neither."""
    monkeypatch.setattr(previewing.Makers, "start", lambda _: None)
    preview = Preview(None, project, cache=cache)
    film = preview.film()
    preview._ask("still", 1, Task("still", print, (), print))

    def keys() -> list[str]:
        tasks = [preview._urgent(number) for number in (0, 1)]
        return [task.key for task in tasks if task is not None]

    heard = preview._urgent(2)
    assert heard is not None
    assert heard.key == f"sound/{film.sound}.mp4", "it is asked for before anybody does"
    assert preview._urgent(2) is None, "and nothing else is its business"
    assert keys() == [film.segments[0].key] * 2, "nothing is there to be played"
    preview._ready.add(film.segments[0].key)
    assert keys() == [film.segments[1].key, "still"]
    preview._ask("other", 1, Task("other", print, (), print))
    preview.playhead(0, playing=True)
    assert keys() == [film.segments[1].key] * 2, "what plays goes before pictures to choose from"
    preview.playhead(0)
    assert keys() == [film.segments[1].key, "other"]


@pytest.mark.slow
def test_what_is_damaged_on_disk_is_made_again(
    project: Project, cache: PreviewCache, tmp_path: Path
) -> None:
    """Cut short, a byte turned over, or as it was before there was a digest: none of it plays."""
    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        files = [cache.made.folder / previewing._file_of(o.key) for o in preview.film().segments]
    whole = [file.read_bytes() for file in files]
    files[0].write_bytes(whole[0][:-7])
    files[1].write_bytes(whole[1][:200] + bytes([whole[1][200] ^ 8]) + whole[1][201:])
    files[2].write_bytes(whole[2][32:])
    files[3].write_bytes(b"")
    with Preview(None, project, cache=cache) as preview:
        listed = preview.film().segments
        lost = [n for n, one in enumerate(listed) if preview.segment(one.key, 0) is None]
        assert lost == [0, 1, 2, 3]
        project.change(7, 33)  # it is laid out anew: what is damaged does not count as made then
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "a.mp4") == meant(project)


@pytest.mark.slow
def test_what_cannot_be_played_is_made_anew(
    project: Project, cache: PreviewCache, tmp_path: Path
) -> None:
    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        one = preview.film().segments[4]
        # Another one's bytes, whole: nothing says that they are wrong but whoever plays them.
        other = preview._memory[preview.film().segments[5].key]
        preview._memory[one.key] = other
        assert numbers(preview, tmp_path / "a.mp4") != meant(project)
        assert preview.segment(one.key, one.frames.first, anew=True) is None
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "b.mp4") == meant(project)


@pytest.mark.slow
def test_pictures_of_what_plays(
    project: Project, cache: PreviewCache, tmp_path: Path, monkeypatch: Any
) -> None:
    """They are those of the segments, and cost no look at the footage."""
    from PIL import Image

    monkeypatch.setattr(previewing, "_AGAIN", 1e9)  # nor does anybody see that it is gone

    def shown(data: bytes | None) -> int | None:
        assert data is not None
        path = tmp_path / "picture.jpg"
        path.write_bytes(data)
        return read_number(np.asarray(Image.open(path).convert("L")))

    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        listed = preview.film().segments
        project.source.rename(tmp_path / "gone.mp4")
        project.archive.rename(tmp_path / "gone too.mp4")
        for slot, number in ((0, 0), (3, 6), (7, LONG - 1)):
            key = listed[slot].key
            assert shown(preview.picture(key, "source", number, 480)) == slot * LONG + number
            wanted = 1000 + project.starts[slot] + number
            assert shown(preview.picture(key, "recut", number, 480)) == wanted
        assert preview.picture("no key", "recut", 0) is None
        with pytest.raises(UsageError):
            preview.picture(listed[0].key, "sound", 0)
        for number in (-1, LONG):
            with pytest.raises(UsageError):
                preview.picture(listed[0].key, "recut", number)
        # One that is not what it says is made anew.
        monkeypatch.setattr(preview.cache.made, "get", lambda _: None)
        preview._memory[listed[2].key] = b"no segment"
        assert preview.picture(listed[2].key, "recut", 5) is None
        assert listed[2].key not in preview._memory


@pytest.mark.slow
def test_missing_footage_gives_a_placeholder_and_comes_back(
    project: Project, cache: PreviewCache, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(previewing, "_AGAIN", 0.05)
    other = make_film(tmp_path / "other.mp4", numbered(60, (720, 404), 2000))
    project.change(2, 30, other)
    away = other.rename(tmp_path / "away.mp4")
    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        seen = numbers(preview, tmp_path / "a.mp4")
        assert [n for n in seen if n in range(2000, 2100)] == []
        assert (seen[:20], seen[30:]) == (meant(project)[:20], meant(project)[30:])
        (note,) = preview.faults()
        assert "other.mp4" in note.text
        away.rename(other)
        time.sleep(0.1)
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "b.mp4")[20:30] == [*range(2030, 2040)]
        assert not preview.faults()


@pytest.mark.slow
def test_stills_clips_and_sound(project: Project, cache: PreviewCache, tmp_path: Path) -> None:
    with Preview(None, project, cache=cache) as preview:
        path = tmp_path / "still.jpg"
        from PIL import Image

        path.write_bytes(preview.still("source", 33 / 25, 320))
        assert read_number(np.asarray(Image.open(path).convert("L"))) == 33
        assert preview.still("source", F(33, 25), 320) == path.read_bytes()
        with pytest.raises(UsageError, match="no footage 77"):
            preview.still(77, 0)
        with pytest.raises(UsageError, match="no shot 99"):
            preview.clip("99", "x")
        key = preview.film().sound
        assert key is not None
        assert preview.sound("other") is None
        until(lambda: preview.sound(key))
        sound = preview.sound(key)
        assert sound is not None
        assert sound.read_bytes()[4:8] == b"ftyp"
        until(lambda: preview.wave(key))
        levels = preview.wave(key)
        assert levels is not None
        assert len(levels) == 64  # twenty a second
        assert 0.2 < max(levels) <= 1


@pytest.mark.slow
def test_stills_that_older_code_left_are_not_shown(
    project: Project, cache: PreviewCache, monkeypatch: Any
) -> None:
    with Preview(None, project, cache=cache) as preview:
        made = preview.still("source", 1)
        (kept,) = cache.made.folder.glob("stills/*.jpg")
        kept.write_bytes(b"what older code took for a picture")
        assert preview.still("source", 1) == kept.read_bytes(), "it is not made twice"
        monkeypatch.setattr("kuleshov.desk.preview.SHOWN_BY", "newer code")
        assert preview.still("source", 1) == made


@pytest.mark.slow
def test_closing_stops_all_and_who_waits_is_told(
    project: Project, cache: PreviewCache, tmp_path: Path
) -> None:
    before = threading.active_count()
    preview = Preview(None, project, cache=cache)
    heard: list[BaseException] = []

    def ask() -> None:
        try:
            while True:
                preview.still("source", len(heard) + time.monotonic() % 2, 64)
        except Closed as error:
            heard.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    preview.close()
    asking.join(10)
    assert heard
    assert threading.active_count() == before
    with pytest.raises(Closed):
        preview.film()
    assert not [path for path in tmp_path.rglob("*.part") if path.parent.name == "segments"]


@pytest.mark.slow
def test_without_room_on_the_disk_it_plays_from_memory(project: Project, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    cache = PreviewCache(blocked / "previews", blocked / "proxies")
    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "a.mp4") == meant(project)
        assert preview.still("source", 0, 64)[:2] == b"\xff\xd8"


@pytest.mark.slow
def test_what_is_taken_from_the_cache_is_made_again(
    project: Project, cache: PreviewCache, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(previewing, "_IN_MEMORY", 0)
    with Preview(None, project, cache=cache) as preview:
        until(lambda: all_ready(preview))
        gone = cache.empty()
        assert gone[0].entries >= SLOTS
        assert gone[1].bytes > 0
        missing = [one for one in preview.film().segments if preview.segment(one.key, 0) is None]
        assert len(missing) >= SLOTS - 1  # the last may be in memory
        until(lambda: all_ready(preview))
        assert numbers(preview, tmp_path / "a.mp4") == meant(project)


def test_a_still_of_what_cannot_be_read_is_refused(project: Project, cache: PreviewCache) -> None:
    project.source.write_bytes(b"no film at all")
    with Preview(None, project, cache=cache) as preview, pytest.raises(MediaError):
        preview.still("source", 0)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    names = [thread.name for thread in threading.enumerate()]
    assert "kuleshov-preview" not in names
