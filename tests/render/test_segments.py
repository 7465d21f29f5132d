"""What plays before a film is rendered is what is rendered, frame for frame."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import SIZE, make_film, noise, numbered, read_film, read_number, read_sound
from kuleshov.media.audio import samples
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.proxy import Proxies
from kuleshov.render.film import render
from kuleshov.render.options import Finishing, Grade, RenderOptions
from kuleshov.render.segments import (
    beside,
    clip_film,
    codecs_of,
    excerpt,
    init_segment,
    placed,
    segments,
    sound_film,
    still,
    wave,
    write_segment,
)
from kuleshov.timecode import FrameRange
from kuleshov.timeline import (
    Card,
    Clip,
    Dissolve,
    Gap,
    Item,
    Layout,
    Media,
    Sound,
    Timeline,
    Track,
)

F = Fraction
RATE = F(24000, 1001)
LARGE = (720, 404)
FINE = RenderOptions(write=WriteOptions(crf=4, preset="veryfast"))


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    make_film(folder / "source.mp4", numbered(200), RATE, sound=noise(8.5))
    make_film(folder / "a.mp4", numbered(150, LARGE, 1000), RATE, gop=40)
    make_film(folder / "b.mp4", numbered(150, LARGE, 2000), 25, gop=250, b_frames=3)
    make_film(folder / "c.mkv", numbered(80, SIZE, 3000), F(10), gop=20)
    return folder


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Proxies:
    return Proxies(tmp_path_factory.mktemp("proxies"))


def clip(path: Path, start: F, duration: int, slot: str = "", **more: Any) -> Clip:
    about = {"kuleshov": {"slot": slot, "offers": ["x" * 1000]}} if slot else {}
    return replace(Clip(Media(path), start, duration, metadata=about), **more)


def film(
    footage: Path,
    items: list[Item],
    transitions: tuple[Dissolve, ...] = (),
    layout: Layout = Layout.single(*SIZE),
) -> Timeline:
    beside, first = [], 0
    for item in items:
        beside.append(Clip(Media(footage / "source.mp4"), first / RATE, item.duration))
        first += item.duration
    tracks = Track("recut", tuple(items), transitions), Track("source", tuple(beside))
    return Timeline("test", RATE, layout, tracks, Sound(Media(footage / "source.mp4")))


def played(small: Timeline, proxies: Proxies, path: Path, **more: Any) -> list[Any]:
    """All pictures of a film, out of its segments, made from the last to the first."""
    listed = segments(small, *more.values())
    made = [
        placed(
            write_segment(small, one, proxies, *more.values()).data, one.frames.first, small.rate
        )
        for one in reversed(listed)
    ]
    path.write_bytes(init_segment(small) + b"".join(reversed(made)))
    seen = read_film(path)
    assert [picture.time for picture in seen] == [n / small.rate for n in range(small.duration)]
    return seen


def everything(footage: Path) -> Timeline:
    """Each thing that a clip can do, and dissolves between them."""
    a, b, c = footage / "a.mp4", footage / "b.mp4", footage / "c.mkv"
    items: list[Item] = [
        clip(a, 57 / RATE, 9, "1"),
        clip(b, F(30, 25), 14, "2"),
        clip(a, F(2), 12, "3", mirrored=True),
        clip(b, F(4), 10, "4", speed=F(1, 2)),
        clip(a, F(1), 10, "5", speed=F(2)),
        clip(b, F(3), 6, "6"),
        clip(b, F(3) + 6 / RATE, 5, "6", speed=F(0)),
        Gap(6),
        clip(c, F(2), 16, "8"),
        clip(a, 100 / RATE, 8, "9", speed=F(-1)),
        clip(c, F(31, 10), 9, "10"),
        Card(5, "The End"),
    ]
    joins = (Dissolve(0, 2, 4), Dissolve(1, 0, 6), Dissolve(6, 2, 2), Dissolve(9, 3, 0))
    return film(footage, items, joins)


def test_what_plays_is_what_is_rendered(footage: Path, proxies: Proxies, tmp_path: Path) -> None:
    timeline = everything(footage)
    small = beside(timeline)
    width = small.layout.width // 2
    render(small, tmp_path / "film.mp4", FINE)
    rendered = read_film(tmp_path / "film.mp4")
    for again in range(2):  # from the originals, and from their proxies
        seen = played(small, proxies, tmp_path / f"{again}.mp4")
        assert len(seen) == len(rendered) == timeline.duration
        assert [read_number(p.luma[:, :width]) for p in seen] == list(range(len(seen)))
        for one, other in zip(seen, rendered, strict=True):
            for mirrored in (False, True):
                mine, theirs = (
                    read_number(p.luma[:, width:], mirrored=mirrored) for p in (one, other)
                )
                assert mine == theirs or None in (mine, theirs)
            # In dissolves no number can be read: there they look alike, and not like any other.
            assert np.abs(one.luma.astype(int) - other.luma).mean() < 3


def test_numbers_at_each_cut_slipped_mirrored_fast_held_and_backwards(
    footage: Path, proxies: Proxies, tmp_path: Path
) -> None:
    a = footage / "a.mp4"
    ways: list[tuple[int, int, dict[str, Any], list[int]]] = [
        (57, 9, {}, [*range(1057, 1066)]),
        (58, 9, {}, [*range(1058, 1067)]),  # slipped by a frame
        (48, 6, {"mirrored": True}, [*range(1048, 1054)]),
        (24, 5, {"speed": F(2)}, [1024, 1026, 1028, 1030, 1032]),
        (90, 4, {"speed": F(0)}, [1090] * 4),
        (100, 4, {"speed": F(-1)}, [1100, 1099, 1098, 1097]),
    ]
    items: list[Item] = [
        clip(a, first / RATE, duration, str(number), **how)
        for number, (first, duration, how, _) in enumerate(ways)
    ]
    seen = played(beside(film(footage, items)), proxies, tmp_path / "a.mp4")
    right = iter([p.luma[:, p.luma.shape[1] // 2 :] for p in seen])
    for _, _, how, wanted in ways:
        assert [read_number(next(right), how.get("mirrored", False)) for _ in wanted] == wanted


def test_a_change_of_one_clip_makes_three_segments_at_most(footage: Path) -> None:
    timeline = everything(footage)
    before = segments(beside(timeline))
    recut = timeline.track("recut")
    for index, item in enumerate(recut.items):
        if not isinstance(item, Clip):
            continue
        items = list(recut.items)
        items[index] = replace(item, mirrored=not item.mirrored)
        changed = replace(timeline, tracks=(replace(recut, items=tuple(items)), timeline.tracks[1]))
        after = segments(beside(changed))
        new = {one.slot for one in after} & {
            one.slot for one, old in zip(after, before, strict=True) if one.key != old.key
        }
        assert 1 <= len(new) <= 3
        assert before[0].slot not in new or index <= 1


def test_where_a_slot_stands_is_not_in_its_key(footage: Path) -> None:
    a = footage / "a.mp4"
    one = clip(a, F(2), 12, "1")
    items: list[Item] = [one, clip(a, F(4), 20, "2"), one]
    listed = segments(beside(film(footage, items).with_layout(Layout.single(*SIZE), ("recut",))))
    assert listed[0].key == listed[2].key != listed[1].key
    looks = [
        RenderOptions(finishing=Finishing(grain=0.5)),
        RenderOptions(grades={0: Grade(gain=1.2)}),
    ]
    for look in looks:
        keys = [one.key for one in segments(beside(film(footage, items)), look)]
        assert len({*keys, *(one.key for one in segments(beside(film(footage, items))))}) > 3


@pytest.mark.parametrize(
    "change",
    [
        {"start": F(2) + 1 / RATE},
        {"mirrored": True},
        {"speed": F(99, 100)},
        {"focus": (0.2, 0.5)},
        {"media": Media(Path("other.mp4"))},
    ],
)
def test_what_is_seen_is_in_the_key(footage: Path, change: dict[str, Any]) -> None:
    one = clip(footage / "a.mp4", F(2), 12, "1")
    keys = [
        segments(beside(film(footage, [item, Gap(3)])))[0].key
        for item in (one, replace(one, **change), replace(one, caption="other", gain=0.5))
    ]
    assert keys[0] == keys[2] != keys[1]


def test_footage_that_goes_and_comes_back_changes_the_key(footage: Path, tmp_path: Path) -> None:
    path = make_film(tmp_path / "x.mp4", numbered(20))
    timeline = beside(film(footage, [clip(path, F(0), 8, "1"), Gap(4)]))
    keys = [segments(timeline)[0].key]
    path.rename(tmp_path / "away.mp4")
    keys.append(segments(timeline)[0].key)
    (tmp_path / "away.mp4").rename(path)
    keys.append(segments(timeline)[0].key)
    assert keys[0] == keys[2] != keys[1]


def test_a_long_slot_is_several_segments(footage: Path, proxies: Proxies, tmp_path: Path) -> None:
    source = footage / "source.mp4"
    slow = clip(source, F(0), 700, "1", speed=F(1, 4))
    track = Track("recut", (slow, Gap(10)))
    timeline = beside(Timeline("long", RATE, Layout.single(*SIZE), (track,)))
    listed = segments(timeline)
    assert [one.slot for one in listed] == ["1", "1", "1", "#2"]
    assert all(len(one.frames) <= 240 for one in listed)
    seen = played(timeline, proxies, tmp_path / "a.mp4")
    numbers = [read_number(p.luma) for p in seen[:700]]
    assert numbers == sorted(numbers)  # type: ignore[type-var]
    assert (numbers[0], numbers[699]) == (0, 174)  # never what comes after the clip


@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30000, 1001), F(60), F(179, 6), F(10)])
def test_time_is_exact_in_the_films_own_ticks(rate: F, tmp_path: Path) -> None:
    timeline = Timeline("t", rate, Layout.single(64, 64), (Track("recut", (Gap(9), Gap(5))),))
    small = beside(timeline)
    made = [write_segment(small, one, Proxies(tmp_path)).data for one in segments(small)]
    assert struct.unpack_from(">I", init_segment(small), init_segment(small).index(b"mdhd") + 16)[
        0
    ] == (rate.numerator)
    for data, first in ((made[1], 10**7), (made[1], 9), (made[0], 0)):
        moved = placed(data, first, rate)
        at = moved.index(b"tfdt") + 8
        assert struct.unpack_from(">Q", moved, at) == (first * rate.denominator,)
        assert placed(moved, 0, rate) == moved
        assert len(moved) == len(data)
    assert made[0][4:8] == b"moof"


def test_the_beginning_is_the_same_whatever_comes(footage: Path, proxies: Proxies) -> None:
    small = beside(everything(footage))
    init = init_segment(small)
    assert init == init_segment(small)
    assert codecs_of(init).startswith("avc1.")
    assert b"moof" not in init


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1920, 1080), (960, 270)),
        ((1920, 800), (960, 200)),
        ((720, 576), (676, 270)),
        ((404, 720), (304, 270)),
        ((320, 180), (640, 180)),
    ],
)
def test_pictures_are_small_and_keep_their_shape(
    size: tuple[int, int], wanted: tuple[int, int], footage: Path
) -> None:
    small = beside(film(footage, [Gap(5)], layout=Layout.single(*size)))
    assert (small.layout.width, small.layout.height) == wanted
    assert [region.name for region in small.layout.regions] == ["source", "main"]


def test_placeholders_stand_for_what_cannot_be_used(
    footage: Path, proxies: Proxies, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all")
    items: list[Item] = [
        clip(footage / "a.mp4", F(2), 6, "1"),
        clip(tmp_path / "gone.mp4", F(2), 6, "2"),
        clip(broken, F(2), 6, "3"),
    ]
    small = beside(film(footage, items))
    made = [write_segment(small, one, proxies) for one in segments(small)]
    assert [len(one.notes) for one in made] == [0, 1, 1]
    assert "gone.mp4" in made[1].notes[0].text
    render(small, tmp_path / "film.mp4", replace(FINE, missing="placeholder"))
    seen = played(small, proxies, tmp_path / "a.mp4")
    for one, other in zip(seen, read_film(tmp_path / "film.mp4"), strict=True):
        assert np.abs(one.luma.astype(int) - other.luma).mean() < 3


def test_looks_and_grades_are_shown(footage: Path, proxies: Proxies, tmp_path: Path) -> None:
    items: list[Item] = [clip(footage / "a.mp4", F(2), 8, str(n)) for n in range(3)]
    small = beside(film(footage, items))
    options = RenderOptions(
        write=FINE.write,
        finishing=Finishing(monochrome=True, grain=0.3),
        grades={1: Grade(gain=0.6)},
    )
    render(small, tmp_path / "film.mp4", options)
    seen = played(small, proxies, tmp_path / "a.mp4", options=options)
    for one, other in zip(seen, read_film(tmp_path / "film.mp4"), strict=True):
        assert np.abs(one.luma.astype(int) - other.luma).mean() < 4
        assert np.abs(one.luma.mean() - other.luma.mean()) < 0.5
    assert seen[12].luma.mean() < seen[4].luma.mean() - 10


def test_an_excerpt_is_small_and_keeps_numbers(footage: Path) -> None:
    small = beside(everything(footage))
    frames = FrameRange(9, 23)
    cut = excerpt(small, frames)
    assert cut.timeline.duration == small.duration
    kept = [n for n, item in enumerate(cut.timeline.recut.items) if isinstance(item, Clip)]
    assert kept == [0, 1]
    assert all(not getattr(item, "metadata", {}) for item in cut.timeline.recut.items)


def test_a_suggestion_is_a_film_of_its_own(footage: Path, proxies: Proxies, tmp_path: Path) -> None:
    one = clip(footage / "a.mp4", 30 / RATE, 20, mirrored=True)
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip_film([one], RATE, (256, 144), proxies))
    seen = read_film(path)
    assert [read_number(p.luma, mirrored=True) for p in seen] == list(range(1030, 1050))
    with av.open(path) as container:
        assert not container.streams.audio
        assert (container.streams.video[0].width, container.streams.video[0].height) == (256, 144)
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


def test_a_still_shows_its_instant(footage: Path, proxies: Proxies, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.jpg"
    for time, wanted in ((F(40) / 25, 2040), (F(0), 2000), (F(100), 2149)):
        path.write_bytes(still(Media(footage / "b.mp4"), time, 320, proxies))
        picture = Image.open(path)
        assert picture.size == (320, 180)
        assert read_number(np.asarray(picture.convert("L"))) == wanted


@pytest.mark.parametrize("late", [F(0), F(13, 25)])
def test_sound_is_one_piece_and_in_time(late: F, tmp_path: Path) -> None:
    given = noise(5.0)
    for name, codec in (("a.mp4", "aac"), ("b.mkv", "flac")):
        source = make_film(
            tmp_path / name, numbered(125), sound=given, sound_codec=codec, sound_start=late
        )
        small = beside(
            Timeline(
                "t",
                F(25),
                Layout.single(*SIZE),
                (Track("recut", (Gap(125),)),),
                Sound(Media(source)),
            )
        )
        out = tmp_path / "sound.mp4"
        assert sound_film(small, out)
        data = out.read_bytes()
        assert data.count(b"moof") >= 2
        assert b"edts" not in data
        heard, rate, start = read_sound(out)
        assert start == 0
        assert abs(heard.shape[1] / rate - 5) < 0.06  # as long as the film, without a hole
        meant = samples(source)  # from the first picture on
        assert meant is not None
        assert meant.rate == rate
        part = meant.data[0, 40_000:80_000]
        errors = {
            shift: float(np.abs(heard[0, 40_000 + shift :][:40_000] - part).mean())
            for shift in (-1024, -512, 0, 512, 1024)
        }
        assert min(errors, key=errors.__getitem__) == 0
        assert errors[0] < 0.02
        assert late == 0 or np.abs(heard[0, : round(float(late) * rate) - 2048]).max() < 0.01
        levels = wave(small, 50)
        assert len(levels) == 50
        assert max(levels) > 0.3
        assert late == 0 or levels[0] == 0.0


def test_a_silent_film_has_no_sound(footage: Path, tmp_path: Path) -> None:
    silent = make_film(tmp_path / "s.mp4", numbered(10))
    timeline = film(footage, [Gap(10)])
    for sound in (None, Sound(Media(silent))):
        quiet = replace(timeline, sound=sound)
        assert not sound_film(quiet, tmp_path / "sound.mp4")
        assert wave(quiet, 10) == []
