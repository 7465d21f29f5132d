"""Films made in a process of their own: the same bytes, and a deadly file costs its clips only."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest

import misdeeds
from films import SIZE, make_film, noise, numbered, read_film
from kuleshov.errors import RenderError, Stopped
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.guard import ProcessLimits
from kuleshov.notes import texts
from kuleshov.render.apart import apart
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.timeline import Clip, Layout, Media, Sound, Timeline, Track
from told import Told

pytestmark = pytest.mark.slow

F = Fraction
QUICK = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "good.mp4", numbered(60), sound=noise(2.4))
    make_film(folder / "deadly.mp4", numbered(60, first=1000), sound=noise(2.4))
    return folder


def film(*items, sound=None) -> Timeline:
    return Timeline("test", F(25), Layout.single(*SIZE), (Track("recut", items),), sound)


def clip(path: Path, first: int, duration: int) -> Clip:
    return Clip(Media(path), F(first, 25), duration)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_same_film_comes_of_it(films, tmp_path):
    timeline = film(
        clip(films / "good.mp4", 0, 20),
        clip(films / "deadly.mp4", 5, 20),
        sound=Sound(Media(films / "good.mp4")),
    )
    here = render(timeline, tmp_path / "here.mp4", QUICK)
    job = Told()
    there = apart(render, timeline, tmp_path / "there.mp4", QUICK, job=job)
    one, other = (hashlib.sha256(made.path.read_bytes()).digest() for made in (here, there))
    assert one == other
    assert (there.frames, there.sound, there.warnings) == (here.frames, here.sound, here.warnings)
    assert job.begun == ["rendering there.mp4"]
    assert job.moves[-1] == ("rendering there.mp4", 40, 40)


def test_a_deadly_file_costs_its_clips(films, tmp_path):
    timeline = film(
        clip(films / "good.mp4", 0, 10),
        clip(films / "deadly.mp4", 10, 25),
        clip(films / "good.mp4", 30, 10),
        sound=Sound(Media(films / "good.mp4")),
    )
    made = apart(misdeeds.aborting, timeline, tmp_path / "out.mp4", QUICK)
    shown = [seen.number for seen in read_film(made.path)]
    assert len(shown) == 45
    assert shown[:10] == list(range(10))
    assert shown[35:] == list(range(30, 40))
    assert not any(number is not None and number >= 1000 for number in shown)
    (sentence,) = texts(made.warnings)
    assert "A placeholder stands for clip 2" in sentence
    assert "deadly.mp4: the process that decoded it ended" in sentence
    assert made.sound != "none"
    assert left(tmp_path) == ["out.mp4"]


def test_a_deadly_source_costs_its_sound(films, tmp_path):
    """What kills beside the remake and under it leaves the remake."""
    deadly = films / "deadly.mp4"
    timeline = film(
        clip(films / "good.mp4", 0, 20), clip(deadly, 0, 30), sound=Sound(Media(deadly))
    )
    made = apart(misdeeds.aborting, timeline, tmp_path / "out.mp4", QUICK)
    assert (made.frames, made.sound) == (50, "none")
    assert any("The film is silent" in sentence for sentence in texts(made.warnings))


def test_missing_footage_is_refused_as_ever(films, tmp_path):
    timeline = film(clip(films / "good.mp4", 0, 20), clip(films / "none.mp4", 0, 30))
    with pytest.raises(RenderError, match="missing"):
        apart(render, timeline, tmp_path / "out.mp4", QUICK)
    assert left(tmp_path) == []


def test_a_limit_that_no_film_meets_is_an_error(films, tmp_path):
    """Where the fault lies with no file, it goes on without each only once."""
    timeline = film(clip(films / "good.mp4", 0, 60))
    with pytest.raises(RenderError, match="was not written"):
        apart(render, timeline, tmp_path / "o.mp4", QUICK, limits=ProcessLimits(memory=1 << 20))
    assert left(tmp_path) == []


@pytest.mark.slow
def test_stopping_leaves_nothing(films, tmp_path):
    timeline = film(*[clip(films / "good.mp4", 0, 60)] * 20)
    for at in (1, 2, 3):
        with pytest.raises(Stopped):
            apart(render, timeline, tmp_path / "out.mp4", QUICK, job=Told(at))
        assert left(tmp_path) == []


def test_a_sheet_is_drawn_apart(films, tmp_path):
    timeline = film(clip(films / "good.mp4", 0, 20), clip(films / "deadly.mp4", 0, 30))
    (written,) = apart(sheet, timeline, tmp_path / "s.png", SheetOptions())
    assert written.stat().st_size > 1000
