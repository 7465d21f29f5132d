"""A film whose footage is partly missing: refused with a list, or rendered with placeholders."""

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from films import SIZE, make_film, noise, numbered, read_film, read_number
from kuleshov.errors import NOT_THERE, RenderError, UsageError
from kuleshov.letters import line
from kuleshov.media.write import WriteOptions
from kuleshov.notes import texts
from kuleshov.render import placeholder as drawing
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.render.placeholder import PlaceholderView, placeholder, unusable
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.timeline import (
    Clip,
    Dissolve,
    Gap,
    Layout,
    Media,
    Region,
    Sound,
    Timeline,
    Track,
)

F = Fraction
FINE = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"), missing="placeholder")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two films of 60 numbered pictures, a (from 0) and b (from 1000), and a sound."""
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "a.mp4", numbered(60))
    make_film(folder / "b.mp4", numbered(60, first=1000))
    make_film(folder / "heard.mp4", numbered(50), sound=noise(2), sound_rate=48000)
    return folder


def clip(path: Path, first: int, duration: int, **more: Any) -> Clip:
    return replace(Clip(Media(path), F(first, 25), duration), **more)


def film(*items, transitions=(), sound=None, layout=None) -> Timeline:
    track = Track("recut", items, transitions)
    return Timeline("test", F(25), layout or Layout.single(*SIZE), (track,), sound)


def wanted(name: str, where: str, word: str = "MISSING", size=SIZE):
    """The luma of the placeholder."""
    return placeholder(size, word, name, where)[: size[1]].astype(int)


def differs(luma, other) -> float:
    return float(np.abs(luma.astype(int) - other).mean())


def gaps_and_cuts(folder: Path) -> Timeline:
    return film(
        clip(folder / "a.mp4", 3, 8),
        clip(folder / "gone.mp4", 50, 8),
        Gap(4),
        clip(folder / "b.mp4", 20, 8),
        clip(folder / "gone.mp4", 10, 4, speed=F(0)),
        clip(folder / "lost" / "c.mp4", 0, 4, mirrored=True),
        clip(folder / "b.mp4", 40, 8),
    )


@pytest.mark.slow
def test_all_that_is_missing_is_named_with_what_to_do(films, tmp_path):
    sound = Sound(Media(films / "lost" / "c.mp4"))
    timeline = replace(gaps_and_cuts(films), sound=sound)
    for make in (render, sheet):
        with pytest.raises(RenderError) as caught:
            make(timeline, tmp_path / "out.mp4")
        text = str(caught.value)
        assert f"{films / 'gone.mp4'} (2 clips)" in text
        assert f"{films / 'lost' / 'c.mp4'} (1 clip, the sound)" in text
        assert "2 files that the film needs are missing" in text
        assert caught.value.code == "footage-missing"
    assert not list(tmp_path.iterdir())


def test_the_rest_is_exact_and_placeholders_say_what_they_stand_for(films, tmp_path):
    result = render(gaps_and_cuts(films), tmp_path / "out.mp4", FINE)
    seen = read_film(result.path)
    assert len(seen) == 44
    numbers = [read_number(picture.luma) for picture in seen]
    assert numbers[:8] == list(range(3, 11))
    assert numbers[20:28] == list(range(1020, 1028))
    assert numbers[36:] == list(range(1040, 1048))
    for index in range(8):
        time = f"0:00:0{2 + index / 25:.3f}   clip 2"
        assert differs(seen[8 + index].luma, wanted("gone.mp4", time)) < 1
    other = wanted("gone.mp4", "0:00:02.000   clip 3")
    assert differs(seen[8].luma, other) > 2 * differs(
        seen[8].luma, wanted("gone.mp4", "0:00:02.000   clip 2")
    )
    assert seen[18].luma.max() < 20  # the gap is black
    for held in seen[28:32]:
        assert differs(held.luma, wanted("gone.mp4", "0:00:00.400   clip 5")) < 1
    assert differs(seen[32].luma, wanted("c.mp4", "0:00:00.000   clip 6")) < 1
    lost = films / "lost" / "c.mp4"
    assert tuple(texts(result.warnings)) == (
        f"A placeholder stands for clips 2, 5 of track 'recut': {films / 'gone.mp4'}: {NOT_THERE}",
        f"A placeholder stands for clip 6 of track 'recut': {lost}: {NOT_THERE}",
    )
    assert not result.held


def test_without_missing_footage_a_film_is_the_same_to_the_bit(films, tmp_path):
    dissolve = Dissolve(0, 3, 3)
    timeline = film(
        clip(films / "a.mp4", 10, 12),
        clip(films / "b.mp4", 20, 12),
        transitions=(dissolve,),
        sound=Sound(Media(films / "heard.mp4")),
    )
    one = render(timeline, tmp_path / "one.mp4", replace(FINE, missing="refuse"))
    other = render(timeline, tmp_path / "two.mp4", FINE)
    assert one.path.read_bytes() == other.path.read_bytes()
    assert one.warnings == other.warnings == ()


def test_a_placeholder_dissolves_as_its_clip_would(films, tmp_path):
    timeline = film(
        clip(films / "a.mp4", 10, 10),
        clip(films / "gone.mp4", 25, 10),
        transitions=(Dissolve(0, 2, 1),),
    )
    seen = read_film(render(timeline, tmp_path / "out.mp4", FINE).path)
    a = read_film(films / "a.mp4")
    for index, weight in ((8, 1 / 4), (9, 2 / 4), (10, 3 / 4)):
        time = f"0:00:0{(25 + index - 10) / 25:.3f}   clip 2"
        mix = a[10 + index].luma * (1 - weight) + wanted("gone.mp4", time) * weight
        assert differs(seen[index].luma, mix) < 1.5


@pytest.mark.parametrize("content", [b"", b"this is no film", None])
def test_footage_that_cannot_be_decoded_is_the_same_choice(content, films, tmp_path):
    broken = tmp_path / "broken.mp4"
    if content is None:
        broken.mkdir()
    else:
        broken.write_bytes(content)
    timeline = film(clip(broken, 0, 5), clip(films / "a.mp4", 5, 5))
    with pytest.raises(RenderError, match="1 file cannot be read") as caught:
        render(timeline, tmp_path / "out.mp4")
    assert "relink" not in str(caught.value)
    result = render(timeline, tmp_path / "out.mp4", FINE)
    seen = read_film(result.path)
    assert differs(seen[0].luma, wanted("broken.mp4", "0:00:00.000   clip 1", "CANNOT BE READ")) < 1
    assert [read_number(picture.luma) for picture in seen[5:]] == list(range(5, 10))
    assert len(result.warnings) == 1


def test_footage_that_opens_but_gives_no_picture_is_found_out_on_the_way(films, tmp_path):
    hollow = tmp_path / "hollow.mp4"
    data = bytearray((films / "b.mp4").read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    if end < begin:
        end = len(data)
    data[begin:end] = bytes(end - begin)
    hollow.write_bytes(data)
    timeline = film(clip(films / "a.mp4", 0, 5), clip(hollow, 0, 5), clip(films / "a.mp4", 30, 5))
    assert unusable(timeline) == ()
    with pytest.raises(RenderError, match="no picture of it can be decoded"):
        render(timeline, tmp_path / "out.mp4")
    result = render(timeline, tmp_path / "out.mp4", FINE)
    seen = read_film(result.path)
    numbers = [read_number(picture.luma) for picture in seen]
    assert (numbers[:5], numbers[10:]) == (list(range(5)), list(range(30, 35)))
    assert differs(seen[6].luma, wanted("hollow.mp4", "0:00:00.040   clip 2", "CANNOT BE READ")) < 1
    assert "clip 2 of track 'recut'" in result.warnings[0].text


def test_a_film_that_fails_half_way_is_a_placeholder_from_there(films, tmp_path, monkeypatch):
    from kuleshov.errors import MediaError
    from kuleshov.render.frame_readers import Reader

    at = Reader.at

    def fails(self, time, end):
        if self.path.name == "b.mp4" and time >= F(13, 25):
            raise MediaError(self.path, "the drive is gone.")
        return at(self, time, end)

    monkeypatch.setattr(Reader, "at", fails)
    timeline = film(clip(films / "b.mp4", 10, 6), clip(films / "b.mp4", 2, 4))
    result = render(timeline, tmp_path / "out.mp4", FINE)
    seen = read_film(result.path)
    numbers = [read_number(picture.luma) for picture in seen]
    assert numbers[:3] == [1010, 1011, 1012]
    for index in (3, 4, 5):
        time = f"0:00:00.{(10 + index) * 40}   clip 1"
        assert differs(seen[index].luma, wanted("b.mp4", time, "CANNOT BE READ")) < 1
    assert "clips 1, 2" in result.warnings[0].text
    assert "the drive is gone." in result.warnings[0].text


@pytest.mark.parametrize("there", [False, True])
def test_without_its_sound_a_film_is_silent_and_says_so(there, films, tmp_path):
    heard = tmp_path / "heard.mp4"
    if there:
        heard.write_bytes(b"no sound at all")
    timeline = film(clip(films / "a.mp4", 0, 5), sound=Sound(Media(heard)))
    with pytest.raises(RenderError, match="the sound"):
        render(timeline, tmp_path / "out.mp4")
    result = render(timeline, tmp_path / "out.mp4", FINE)
    assert result.sound == "none"
    [warning] = texts(result.warnings)
    assert warning.startswith("The film is silent: ")
    assert str(heard) in warning


def test_beside_its_source_a_placeholder_fills_its_own_region(films, tmp_path):
    recut = Track("recut", (clip(films / "gone.mp4", 0, 4),), region="main")
    source = Track("source", (clip(films / "a.mp4", 7, 4),), region="source")
    timeline = Timeline("t", F(25), Layout.side_by_side(*SIZE), (source, recut))
    seen = read_film(render(timeline, tmp_path / "out.mp4", FINE).path)
    assert [read_number(p.luma[:, : SIZE[0]]) for p in seen] == [7, 8, 9, 10]
    assert differs(seen[0].luma[:, SIZE[0] :], wanted("gone.mp4", "0:00:00.000   clip 1")) < 1


def test_a_sheet_shows_placeholders_and_marks_them(films, tmp_path):
    from PIL import Image

    timeline = film(clip(films / "a.mp4", 3, 8), clip(films / "gone.mp4", 50, 8))
    [page] = sheet(timeline, tmp_path / "sheet.png", SheetOptions(missing="placeholder"))
    with_gone = np.asarray(Image.open(page).convert("YCbCr"), int)
    shutil.copy(films / "b.mp4", tmp_path / "gone.mp4")
    there = film(clip(films / "a.mp4", 3, 8), clip(tmp_path / "gone.mp4", 20, 8))
    [other] = sheet(there, tmp_path / "other.png")
    whole = np.asarray(Image.open(other).convert("YCbCr"), int)
    assert with_gone.shape == whole.shape
    assert (with_gone[..., 2] > 145).sum() > 200  # the frame and the diagonals are red
    assert (whole[..., 2] > 145).sum() < 200


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (320, 180), (240, 426), (64, 48)])
def test_letters_stay_inside_and_are_as_large_as_there_is_room(size):
    name = "a name that nobody can read to its end because it never comes to one.mov"
    planes = placeholder(size, "MISSING", name, "0:01:02.500   clip 12")
    luma = planes[: size[1]]
    rows, columns = np.nonzero(luma > 150)
    assert columns.min() > 0
    assert columns.max() < size[0] - 1
    assert rows.max() - rows.min() > min(size[1], size[0] * 3 / 4) * 0.25
    assert luma.min() >= 16
    assert luma.max() <= 235
    assert np.median(luma) < 40
    chroma = planes[size[1] :].reshape(2, size[1] // 2, size[0] // 2)
    assert chroma[1].max() > 150


@pytest.mark.parametrize("size", [(2, 2), (38, 400), (1920, 8), (40, 40), (42, 1200), (1920, 44)])
def test_no_size_and_no_name_is_too_odd(size):
    for name in ("\udcff\n\t.mp4", "", "\u6d77.mov", "x" * 4000):
        planes = placeholder(size, "CANNOT BE READ", name, "100:01:02.500   clip 12345")
        assert planes.shape == (size[1] * 3 // 2, size[0])
        assert planes[: size[1]].mean() < 90


def test_another_choice_is_refused(films, tmp_path):
    timeline = film(clip(films / "a.mp4", 0, 5))
    other: Any = "skip"
    with pytest.raises(UsageError, match="refuse or placeholder"):
        render(timeline, tmp_path / "out.mp4", RenderOptions(missing=other))


def test_a_long_name_loses_its_middle_not_its_end():
    text, letters, _ = drawing._fitted("beginning" * 9 + "reel 4.mov", 20, 260, 225)
    assert text.startswith("beginning")
    assert text.endswith("reel 4.mov")
    assert "…" in text
    assert line(text, letters).width <= 260


def test_the_picture_is_given_again_while_nothing_moves(films):
    held = clip(films / "gone.mp4", 10, 4, speed=F(0))
    [span] = Track("recut", (held,)).spans()
    view = PlaceholderView(held, span, F(25), Region("main", 0, 0, 64, 48))
    assert view.at(0)[0] is view.at(3)[0]
    assert view.at(0)[1].size == (64, 48)
