from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import (
    SIZE,
    bars_around,
    flat,
    join_ts,
    make_film,
    noise,
    numbered,
    numbered_picture,
    read_film,
    read_number,
    read_sound,
    turn,
)
from kuleshov.errors import RenderError, Stopped
from kuleshov.footage import Bars
from kuleshov.jobs import Job, Step
from kuleshov.media.codecs import WriteOptions
from kuleshov.render.film import ahead, render
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import (
    Clip,
    ClipSound,
    Dissolve,
    Gap,
    Layout,
    Media,
    Region,
    Sound,
    Timeline,
    Track,
)
from told import Told, stops_anywhere, threads_at_work

F = Fraction

FINE = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"))


def clip(path: Path, first: int, duration: int, rate: F | int = 25, **more: Any) -> Clip:
    return replace(Clip(Media(path), first / F(rate), duration), **more)


def film(
    *items: Clip | Gap,
    transitions: tuple[Dissolve, ...] = (),
    rate: F | int = 25,
    layout: Layout | None = None,
    sound: Sound | ClipSound | None = None,
) -> Timeline:
    track = Track("recut", items, transitions)
    return Timeline("test", F(rate), layout or Layout.single(*SIZE), (track,), sound)


def shown(timeline: Timeline, tmp_path: Path, mirrored: bool = False) -> list[int | None]:
    result = render(timeline, tmp_path / "out.mp4", FINE)
    seen = read_film(result.path)
    assert result.frames == len(seen) == timeline.duration
    times = [picture.time for picture in seen]
    assert times == [index / timeline.rate for index in range(len(seen))]
    return [read_number(picture.luma, mirrored) for picture in seen]


CODINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "b-frames": ("a.mp4", {"gop": 12, "b_frames": 3}),
    "long gop": ("a.mp4", {"gop": 250, "b_frames": 2}),
    "open gop": ("a.mp4", {"gop": 10, "options": {"x264-params": "open-gop=1:scenecut=0"}}),
    "open gop mkv": ("a.mkv", {"gop": 10, "options": {"x264-params": "open-gop=1:scenecut=0"}}),
    "transport stream": ("a.ts", {"gop": 25}),
    "open gop ts": ("a.ts", {"gop": 15, "options": {"x264-params": "open-gop=1:scenecut=0"}}),
    "mpeg-2": ("a.mpg", {"codec": "mpeg2video", "gop": 15, "b_frames": 2}),
    "mpeg-4": ("a.avi", {"codec": "mpeg4", "gop": 30, "b_frames": 2, "options": {"qscale": "2"}}),
    "hevc": (
        "a.mp4",
        {"codec": "libx265", "gop": 12, "options": {"crf": "8", "x265-params": "log-level=none"}},
    ),
    "late picture": ("a.mkv", {"picture_start": F(13, 25)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("coding", CODINGS)
def test_every_frame_of_cut_clips_is_the_one_asked_for(coding: str, tmp_path: Path) -> None:
    name, how = CODINGS[coding]
    source = make_film(tmp_path / name, numbered(120), **how)
    firsts = [57, 0, 110, 9, 10, 11, 84, 23, 96]
    wanted = [first + index for first in firsts for index in range(5)]
    assert shown(film(*(clip(source, first, 5) for first in firsts)), tmp_path) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30000, 1001)])
@pytest.mark.parametrize("other", [F(24), F(25), F(30000, 1001), F(50)])
def test_footage_at_another_rate_shows_the_nearest_picture(
    rate: F, other: F, tmp_path: Path
) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(120), other)
    start, duration = F(37) / other, 40
    times = [(start + index / rate) * other for index in range(duration)]
    wanted = [-int((F(1, 2) - time) // 1) for time in times]  # nearest; the earlier of two as near
    end = (start + duration / rate) * other
    wanted = [min(number, -int(-end // 1) - 1) for number in wanted]
    assert shown(film(Clip(Media(source), start, duration), rate=rate), tmp_path) == wanted


def test_the_frame_after_a_clip_never_flashes_up(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(40), 24)
    slow = Clip(Media(source), F(10, 24), 20, speed=F(1, 4))
    assert max(n or 0 for n in shown(film(slow, rate=24), tmp_path)) == 14


def test_millisecond_timestamps_lose_and_double_nothing(tmp_path: Path) -> None:
    rate = F(30000, 1001)
    source = make_film(tmp_path / "a.mkv", numbered(90), rate)
    assert shown(film(clip(source, 7, 80, rate), rate=rate), tmp_path) == list(range(7, 87))


def test_speeds(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(100))
    double, half, hold = F(2), F(1, 2), F(0)
    timeline = film(
        clip(source, 10, 5, speed=double),
        clip(source, 40, 6, speed=half),
        clip(source, 70, 4, speed=hold),
    )
    wanted = [10, 12, 14, 16, 18] + [40, 40, 41, 41, 42, 42] + [70] * 4
    assert shown(timeline, tmp_path) == wanted


def test_transport_stream_whose_clock_restarts(tmp_path: Path) -> None:
    parts = [
        make_film(tmp_path / f"{index}.ts", numbered(50, first=50 * index), gop=10)
        for index in range(3)
    ]
    source = join_ts(parts, tmp_path / "joined.ts")
    timeline = film(clip(source, 120, 8), clip(source, 3, 8), clip(source, 46, 8))
    wanted = [*range(120, 128), *range(3, 11), *range(46, 54)]
    assert shown(timeline, tmp_path) == wanted


def test_interlaced_footage_keeps_its_time(tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "codec": "mpeg2video",
        "options": {"flags": "+ildct+ilme", "qscale": "2"},
    }
    source = make_film(tmp_path / "a.mpg", numbered(60), **how)
    assert shown(film(clip(source, 30, 10)), tmp_path) == list(range(30, 40))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_film_is_shown_upright(degrees: int, tmp_path: Path) -> None:
    turns = {90: 1, 180: 2, 270: 3}[degrees]  # np.rot90 turns anticlockwise, as a phone held so
    upright = numbered_picture(1234, (180, 320)) if degrees != 180 else numbered_picture(1234)
    planes = [upright[: upright.shape[0] * 2 // 3]]
    coded = np.rot90(planes[0], turns)
    picture = flat(120, size=(coded.shape[1], coded.shape[0]))
    picture[: coded.shape[0]] = coded
    source = make_film(tmp_path / "a.mp4", [picture] * 5)
    turn(source, degrees)
    size = (planes[0].shape[1], planes[0].shape[0])
    assert shown(film(clip(source, 0, 5), layout=Layout.single(*size)), tmp_path) == [1234] * 5


def test_mirrored(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(30))
    timeline = film(clip(source, 10, 10, mirrored=True))
    assert shown(timeline, tmp_path, mirrored=True) == list(range(10, 20))


def test_wide_pixels_are_stretched(tmp_path: Path) -> None:
    # 160x180 with pixels twice as wide as high is 320x180: in a region of that shape nothing is cut
    source = make_film(tmp_path / "a.mp4", numbered(10, (160, 180)), aspect=F(2))
    assert shown(film(clip(source, 0, 10)), tmp_path) == list(range(10))
    fitted = film(clip(source, 0, 10), layout=Layout.single(320, 320, "fit"))
    assert render(fitted, tmp_path / "fit.mp4", FINE).frames == 10
    luma = read_film(tmp_path / "fit.mp4")[4].luma
    assert luma[:68].max() <= 18
    assert luma[252:].max() <= 18
    assert read_number(luma[70:250]) == 4


def test_bars_are_cut_off(tmp_path: Path) -> None:
    bars = Bars(left=20, top=30, right=40, bottom=10)
    source = make_film(tmp_path / "a.mp4", (bars_around(p, bars) for p in numbered(10)))
    without = clip(source, 0, 10, media=Media(source, bars=bars))
    assert shown(film(without), tmp_path) == list(range(10))
    edges = read_film(tmp_path / "out.mp4")[3].luma
    assert min(edges[0].min(), edges[-1].min(), edges[:, 0].min(), edges[:, -1].min()) > 100


def test_side_by_side_with_fit_and_fill(tmp_path: Path) -> None:
    left = make_film(tmp_path / "l.mp4", numbered(30, (240, 180)))
    right = make_film(tmp_path / "r.mp4", numbered(30, (320, 240), first=500), 30)
    tracks = (
        Track("source", (clip(left, 5, 20),), region="source"),
        Track("recut", (clip(right, 6, 20, 30, speed=F(5, 6)),), region="main"),
    )
    timeline = Timeline("pair", F(25), Layout.side_by_side(320, 180), tracks)
    render(timeline, tmp_path / "out.mp4", FINE)
    seen = read_film(tmp_path / "out.mp4")
    assert seen[0].luma.shape == (180, 640)
    assert [read_number(p.luma[:, 40:280]) for p in seen] == list(range(5, 25))
    assert [read_number(p.luma[:, 320:]) for p in seen] == list(range(506, 526))
    assert all(p.luma[:, :38].max() <= 18 for p in seen)  # 240x180 fitted into 320x180
    assert all(p.luma[:, 322].min() > 100 for p in seen)


def test_regions_leave_black_where_none_is(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", [flat(180, 90, 160)] * 5)
    regions = (Region("main", 40, 20, 160, 90), Region("empty", 0, 0, 20, 20))
    render(film(clip(source, 0, 5), layout=Layout(320, 180, regions)), tmp_path / "o.mp4", FINE)
    picture = read_film(tmp_path / "o.mp4")[2]
    assert abs(int(picture.luma[60, 100]) - 180) <= 1
    assert picture.luma[:14].max() <= 17
    assert picture.luma[120:].max() <= 17


def test_dissolve_weights_frame_by_frame(tmp_path: Path) -> None:
    one = make_film(tmp_path / "1.mp4", [flat(40, 100, 160)] * 60)
    two = make_film(tmp_path / "2.mp4", [flat(220, 150, 90)] * 60)
    before, past = 4, 3
    timeline = film(clip(one, 10, 12), clip(two, 20, 12), transitions=(Dissolve(0, before, past),))
    render(timeline, tmp_path / "o.mp4", FINE)
    seen = read_film(tmp_path / "o.mp4")
    steps = before + past + 1
    for index, picture in enumerate(seen):
        weight = min(max(F(index - (12 - before) + 1, steps), F(0)), F(1))
        levels = [float(picture.luma.mean()), *(float(p.mean()) for p in picture.chroma)]
        wanted = [float(a + weight * (b - a)) for a, b in ((40, 220), (100, 150), (160, 90))]
        assert np.abs(np.subtract(levels, wanted)).max() <= 2, index


def test_dissolve_shows_the_handles_of_both(tmp_path: Path) -> None:
    one = make_film(tmp_path / "1.mp4", numbered(60))
    two = make_film(tmp_path / "2.mp4", [flat(16)] * 60)
    timeline = film(clip(one, 10, 10), clip(two, 20, 10), transitions=(Dissolve(0, 0, 4),))
    render(timeline, tmp_path / "o.mp4", FINE)
    seen = read_film(tmp_path / "o.mp4")
    lifted = [
        read_number(np.clip((p.luma - 16.0) / (1 - (k + 1) / 5) + 16, 0, 255).astype(np.uint8))
        for k, p in enumerate(seen[10:14])
    ]
    assert lifted == [20, 21, 22, 23]


def test_fades_and_gaps_are_true_black(tmp_path: Path) -> None:
    grey = make_film(tmp_path / "1.mp4", [flat(200, 90, 170)] * 60)
    timeline = film(
        Gap(6),
        clip(grey, 10, 10),
        Gap(8),
        transitions=(Dissolve(0, 0, 4), Dissolve(1, 3, 0)),
    )
    render(timeline, tmp_path / "o.mp4", FINE)
    seen = read_film(tmp_path / "o.mp4")
    rising = [F(k + 1, 5) for k in range(4)]
    falling = [1 - F(k + 1, 4) for k in range(3)]
    weights = [F(0)] * 6 + rising + [F(1)] * 3 + falling + [F(0)] * 8
    assert len(weights) == len(seen) == 24
    for index, (weight, picture) in enumerate(zip(weights, seen, strict=True)):
        wanted = [float(a + weight * (b - a)) for a, b in ((16, 200), (128, 90), (128, 170))]
        levels = [float(picture.luma.mean()), *(float(p.mean()) for p in picture.chroma)]
        assert np.abs(np.subtract(levels, wanted)).max() <= 2, index
        if weight == 0:
            assert picture.luma.min() == picture.luma.max() == 16
            assert picture.chroma.min() == picture.chroma.max() == 128


def test_a_film_that_ends_early_holds_its_last_picture_and_says_so(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(20))
    result = render(film(clip(source, 15, 10)), tmp_path / "o.mp4", FINE)
    assert [p.number for p in read_film(result.path)] == [15, 16, 17, 18] + [19] * 6
    assert result.held == (("recut", 0, 5),)
    assert "a.mp4" in result.warnings[0].text


def test_full_range_and_other_matrices_come_out_right(tmp_path: Path) -> None:
    full = make_film(tmp_path / "f.mp4", [flat(255)] * 4, tags=(2, 6, 6, 6))
    # Pure green in BT.709 is (173, 42, 26); in BT.601, which small films are in, (145, 54, 34).
    green = make_film(tmp_path / "g.mp4", [flat(173, 42, 26)] * 4, tags=(1, 1, 1, 1))
    grey = make_film(
        tmp_path / "h.mkv", [flat(16)] * 4, codec="ffv1", pixel_format="gray", options={}
    )
    render(film(clip(full, 0, 4), clip(green, 0, 4), clip(grey, 0, 4)), tmp_path / "o.mp4", FINE)
    seen = read_film(tmp_path / "o.mp4")
    assert abs(int(seen[1].luma[90, 160]) - 235) <= 1
    levels = [seen[5].luma[90, 160], *seen[5].chroma[:, 45, 80]]
    assert np.abs(np.subtract(levels, [145.0, 54.0, 34.0])).max() <= 2
    assert abs(int(seen[9].luma[90, 160]) - 16) <= 1
    with av.open(str(tmp_path / "o.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (int(frame.color_range), int(frame.colorspace)) == (1, 6)


@pytest.mark.slow
def test_many_clips_keep_few_films_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kuleshov.render import frame_readers as reading

    open_now, most = 0, 0

    class Counted(reading.Film):
        def __init__(self, *args: Any, **more: Any) -> None:
            nonlocal open_now, most
            super().__init__(*args, **more)
            open_now += 1
            most = max(most, open_now)

        def close(self) -> None:
            nonlocal open_now
            open_now -= 1
            super().close()

    monkeypatch.setattr(reading, "Film", Counted)
    paths = [
        make_film(tmp_path / f"{i}.mp4", numbered(12, (64, 64), first=20 * i)) for i in range(12)
    ]
    items = [clip(paths[i * 5 % 12], i % 9, 2) for i in range(120)]
    numbers = shown(film(*items, layout=Layout.single(64, 64)), tmp_path)
    assert numbers == [20 * (i * 5 % 12) + i % 9 + k for i in range(120) for k in (0, 1)]
    assert most <= 6
    assert open_now == 0


@pytest.mark.slow
def test_sound_is_copied_with_the_film(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(50), sound=noise(2.4))
    timeline = film(clip(source, 0, 50), sound=Sound(Media(source)))
    result = render(timeline, tmp_path / "o.mp4", FINE)
    assert result.sound == "copied"
    given, written = read_sound(source), read_sound(result.path)
    assert given[1:] == written[1:]
    assert np.array_equal(given[0], written[0])
    assert written[0].shape[1] / written[1] > 2.35  # sound may end later than the picture


def test_a_silent_source_gives_a_silent_film(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(10))
    result = render(film(clip(source, 0, 10), sound=Sound(Media(source))), tmp_path / "o.mp4", FINE)
    assert result.sound == "none"
    assert "no sound" in result.warnings[0].text


def test_progress_counts_every_frame(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(10))
    job = Told()
    render(film(clip(source, 0, 10)), tmp_path / "o.mp4", FINE, job)
    assert job.moves == [("rendering o.mp4", index, 10) for index in range(1, 11)]


def nothing_left(folder: Path) -> bool:
    return not list(folder.iterdir()) and threads_at_work() == 1


@pytest.mark.slow
def test_stopping_leaves_no_file(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(50))
    (folder := tmp_path / "out").mkdir()
    timeline = film(clip(source, 0, 50), sound=ClipSound())

    def call(job: Job) -> None:
        try:
            render(timeline, folder / "o.mp4", FINE, job)
        finally:
            assert threads_at_work() == 1

    stops_anywhere(call, folder=folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_leaves_no_file_and_the_old_one(
    error: type[BaseException], tmp_path: Path
) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(50))
    (folder := tmp_path / "out").mkdir()
    (folder / "o.mp4").write_bytes(b"the film before")

    class Breaking(Told):
        def moved(self, step: Step) -> None:
            if step.done == 20:
                raise error

    with pytest.raises(error):
        render(film(clip(source, 0, 50)), folder / "o.mp4", FINE, Breaking())
    assert [path.name for path in folder.iterdir()] == ["o.mp4"]
    assert (folder / "o.mp4").read_bytes() == b"the film before"


@pytest.mark.parametrize("content", [None, b"", b"this is no film" * 100])
def test_missing_or_broken_media_is_named(content: bytes | None, tmp_path: Path) -> None:
    good = make_film(tmp_path / "a.mp4", numbered(20))
    bad = tmp_path / "the bad one.mp4"
    if content is not None:
        bad.write_bytes(content)
    (folder := tmp_path / "out").mkdir()
    with pytest.raises(RenderError, match=r"the bad one\.mp4"):
        render(film(clip(good, 0, 10), clip(bad, 0, 10)), folder / "o.mp4", FINE)
    assert nothing_left(folder)


def test_errors_of_the_thread_ahead_come_out() -> None:
    def items():
        yield 1
        raise LookupError("inside")

    with ahead(items(), 2) as numbers:
        assert next(numbers) == 1
        with pytest.raises(LookupError, match="inside"):
            next(numbers)
    assert threads_at_work() == 1


def test_a_long_way_to_a_picture_can_be_stopped(tmp_path: Path) -> None:
    part = make_film(tmp_path / "part.ts", numbered(200, (64, 64)), gop=50)
    source = join_ts([part] * 20, tmp_path / "joined.ts")  # cannot be sought in
    (folder := tmp_path / "out").mkdir()
    with pytest.raises(Stopped):
        render(
            film(clip(source, 3990, 5), layout=Layout.single(64, 64)),
            folder / "o.mp4",
            FINE,
            Told(stop_at=1),
        )
    assert nothing_left(folder)
