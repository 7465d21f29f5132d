"""Footage that is hard to show rightly: odd sizes, deep colour, other screens, strange clocks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import SIZE, flat, make_film, numbered, numbered_picture, read_film, read_number
from kuleshov.footage import Bars
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.decode import Film
from kuleshov.media.scale import Scaler
from kuleshov.media.tonemap import to_film
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

F = Fraction
FINE = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"))
QUIET = {"crf": "6", "x265-params": "log-level=none"}


def numbers_of(
    path: Path, tmp_path: Path, firsts: list[int], rate: F | int = 25
) -> list[int | None]:
    """The numbers seen in a film of five frames from each of `firsts`."""
    clips = tuple(Clip(Media(path), first / F(rate), 5) for first in firsts)
    timeline = Timeline("hard", F(rate), Layout.single(*SIZE), (Track("recut", clips),))
    seen = read_film(render(timeline, tmp_path / "out.mp4", FINE).path)
    return [read_number(picture.luma) for picture in seen]


def wanted(firsts: list[int]) -> list[int | None]:
    return [first + index for first in firsts for index in range(5)]


CODINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "600 frame gop": ("a.mp4", {"gop": 600, "options": {"x264-params": "scenecut=0"}}),
    "10 bit h264": ("a.mp4", {"pixel_format": "yuv420p10le"}),
    "10 bit hevc": (
        "a.mkv",
        {"codec": "libx265", "pixel_format": "yuv420p10le", "options": QUIET},
    ),
    "4:2:2 prores": (
        "a.mov",
        {"codec": "prores_ks", "pixel_format": "yuv422p10le", "options": {}, "b_frames": 0},
    ),
    "4:4:4": ("a.mp4", {"pixel_format": "yuv444p"}),
    "ffv1": ("a.mkv", {"codec": "ffv1", "options": {}, "b_frames": 0}),
    "starts before zero": ("a.mkv", {"picture_start": F(-2)}),
    "starts late": ("a.mp4", {"picture_start": F(3)}),
    "vp9": ("a.webm", {"codec": "libvpx-vp9", "options": {"crf": "10", "deadline": "realtime"}}),
    "av1": ("a.mp4", {"codec": "libsvtav1", "options": {"crf": "10", "preset": "12"}}),
}


@pytest.mark.slow
@pytest.mark.parametrize("coding", CODINGS)
def test_cut_frames_are_exact(coding: str, tmp_path: Path) -> None:
    name, how = CODINGS[coding]
    count = 620 if "600" in coding else 90
    source = make_film(tmp_path / name, numbered(count), **how)
    firsts = [598, 3, 599, 300] if count > 600 else [57, 0, 80, 9, 10]
    assert numbers_of(source, tmp_path, firsts) == wanted(firsts)


@pytest.mark.parametrize("rate", [F(24000, 1001), F(48), F(60000, 1001)])
def test_high_and_odd_rates(rate: F, tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(120), rate)
    assert numbers_of(source, tmp_path, [100, 7, 55], rate) == wanted([100, 7, 55])


def test_variable_rate_shows_what_was_on_show(tmp_path: Path) -> None:
    lengths = [1, 3, 2, 5, 1, 1, 4, 2, 6, 1] * 4  # in 25ths of a second
    times = [F(sum(lengths[:k]), 25) for k in range(len(lengths))]
    source = make_film(tmp_path / "a.mp4", numbered(len(lengths)), times=times)
    begin = 30
    clips = (Clip(Media(source), F(begin, 25), 40),)
    timeline = Timeline("vfr", F(25), Layout.single(*SIZE), (Track("recut", clips),))
    seen = read_film(render(timeline, tmp_path / "out.mp4", FINE).path)
    ticks = [round(time * 25) for time in times]
    # The picture nearest in time, the earlier one of two as near.
    nearest = [
        min(range(len(ticks)), key=lambda k: (abs(ticks[k] - at), ticks[k]))
        for at in range(begin, begin + 40)
    ]
    assert [read_number(picture.luma) for picture in seen] == nearest


def test_an_edit_list_hides_the_first_pictures(tmp_path: Path) -> None:
    plain = make_film(tmp_path / "plain.mp4", numbered(60), b_frames=2)
    cut = tmp_path / "cut.mp4"
    with av.open(str(plain)) as given, av.open(str(cut), "w") as made:
        video = given.streams.video[0]
        stream = made.add_stream_from_template(video)
        for packet in given.demux(video):
            if packet.dts is None or packet.pts is None:
                continue
            # Ten pictures lie before zero: the file says by its edit list that they are not shown.
            shift = int(F(10, 25) / packet.time_base)
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = stream
            made.mux(packet)
    with Film(cut) as film:
        first = read_number(next(film.pictures()).frame.to_ndarray(format="yuv420p")[: SIZE[1]])
    assert first == 10
    assert numbers_of(cut, tmp_path, [0, 20]) == wanted([10, 30])


def test_the_best_of_several_streams(tmp_path: Path) -> None:
    """A cover picture or a small second camera is not the film."""
    large = make_film(tmp_path / "large.mp4", numbered(40))
    small = make_film(tmp_path / "small.mp4", [flat(90, size=(64, 36))] * 40)
    both = tmp_path / "both.mkv"
    with av.open(str(small)) as one, av.open(str(large)) as two, av.open(str(both), "w") as out:
        streams = [(c, c.streams.video[0]) for c in (one, two)]
        made = [out.add_stream_from_template(video) for _, video in streams]
        packets = [
            (packet, target)
            for (container, video), target in zip(streams, made, strict=True)
            for packet in container.demux(video)
            if packet.dts is not None
        ]
        for packet, target in sorted(packets, key=lambda p: (p[0].dts or 0) * p[0].time_base):
            packet.stream = target
            out.mux(packet)
    assert numbers_of(both, tmp_path, [0, 30]) == wanted([0, 30])


@pytest.mark.parametrize("size", [(321, 181), (75, 141), (1, 1), (33, 2)])
def test_odd_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    rgb = np.full((height, width, 3), (40, 160, 220), np.uint8)
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        for _ in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    clips = (Clip(Media(path), F(0), 10),)
    for fit in ("fill", "fit"):
        layout = Layout.single(160, 90, fit)
        timeline = Timeline("odd", F(25), layout, (Track("recut", clips),))
        seen = read_film(render(timeline, tmp_path / f"{fit}.mp4", FINE).path)
        assert len(seen) == 10
        # (40, 160, 220) in BT.601, limited range.
        levels = [seen[5].luma[45, 80], *seen[5].chroma[:, 22, 40]]
        assert np.abs(np.subtract(levels, [128.5, 172.1, 71.0])).max() <= 2


def code_of(nits: float) -> float:
    """How PQ (SMPTE ST 2084) codes light."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    y = (nits / 10000) ** m1
    return float(((c1 + c2 * y) / (1 + c3 * y)) ** m2)


def deep_film(path: Path, code: float, transfer: int, primaries: int = 9, params: str = "") -> Path:
    """Ten frames of one grey, coded 0 to 1, in 10 bits, limited range, BT.2020."""
    options = {"crf": "4", "x265-params": f"log-level=none{params}"}
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        context = stream.codec_context
        context.color_range, context.colorspace = 1, 9
        context.color_primaries, context.color_trc = primaries, transfer
        for _ in range(10):
            frame = av.VideoFrame(320, 180, "yuv420p10le")
            for index, plane in enumerate(frame.planes):
                level = round(64 + 876 * code) if index == 0 else 512
                np.frombuffer(memoryview(plane), np.uint16)[:] = level
            frame.color_range, frame.colorspace = 1, 9
            frame.color_primaries, frame.color_trc = primaries, transfer
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def level_of(path: Path, tmp_path: Path) -> tuple[float, float, float]:
    """Y, U and V of what is rendered, and what networks see agrees with it."""
    timeline = Timeline(
        "deep", F(25), Layout.single(320, 180), (Track("recut", (Clip(Media(path), F(0), 5),)),)
    )
    out = render(timeline, tmp_path / "out.mp4", FINE).path
    seen = read_film(out)[2]
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        assert int(frame.color_trc) == int(frame.color_primaries) == int(frame.colorspace) == 6
    with Film(path) as film:
        rgb = Scaler(film.video, 27, 48)(next(film.pictures()).frame)
    luma = float(seen.luma.mean())
    assert np.abs((luma - 16) / 219 * 255 - rgb.mean()) < 3
    return luma, float(seen.chroma[0].mean()), float(seen.chroma[1].mean())


@pytest.mark.parametrize("nits", [1.0, 26.0, 100.0, 203.0, 1000.0])
def test_pq_is_brought_to_the_range_of_films(nits: float, tmp_path: Path) -> None:
    path = deep_film(tmp_path / "pq.mp4", code_of(nits), 16)
    luma, *chroma = level_of(path, tmp_path)
    expected = 16 + 219 * float(to_film(np.full(3, code_of(nits)), "bt2020", "pq")[0])
    assert luma == pytest.approx(expected, abs=1.5)
    assert chroma == pytest.approx([128, 128], abs=1.5)
    if nits <= 90:  # below the knee light is kept as it is: 203 nits are white
        assert luma == pytest.approx(16 + 219 * (nits / 203) ** (1 / 2.4), abs=1.5)


def test_a_films_brightest_light_is_read_from_it(tmp_path: Path) -> None:
    code = code_of(1000.0)
    dim = deep_film(tmp_path / "dim.mp4", code, 16, params=":max-cll=1000,400")
    bright = deep_film(
        tmp_path / "bright.mp4",
        code,
        16,
        params=":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,1)",
    )
    luma, _, _ = level_of(dim, tmp_path)
    assert luma == pytest.approx(234.5, abs=1.5)  # as bright as it gets
    luma, _, _ = level_of(bright, tmp_path)
    expected = 16 + 219 * float(to_film(np.full(3, code), "bt2020", "pq", 4000)[0])
    assert expected < 232
    assert luma == pytest.approx(expected, abs=1.5)


def test_hlg_and_wide_gamut(tmp_path: Path) -> None:
    # Half the signal of HLG is a twelfth of the light, shown at 1000 nits with a gamma of 1.2.
    luma, *chroma = level_of(deep_film(tmp_path / "hlg.mp4", 0.5, 18), tmp_path)
    assert luma == pytest.approx(16 + 219 * (1000 * (1 / 12) ** 1.2 / 203) ** (1 / 2.4), abs=2)
    assert chroma == pytest.approx([128, 128], abs=1.5)
    # Grey is the same grey in every gamut.
    luma, *chroma = level_of(deep_film(tmp_path / "wide.mp4", 0.5, 14), tmp_path)
    assert luma == pytest.approx(16 + 219 * 0.5, abs=1.5)
    assert chroma == pytest.approx([128, 128], abs=1.5)


def test_colours_outside_the_gamut_keep_their_hue_and_light() -> None:
    green = to_film(np.array([0.0, 1.0, 0.0]), "bt2020", "film")
    assert (green >= 0).all()
    assert (green <= 1).all()
    light = green**2.4 @ np.array([0.2126, 0.7152, 0.0722])
    assert light == pytest.approx(0.6780, abs=0.01)  # BT.2020's own luminance of green
    ramp = to_film(np.linspace(0, 1, 64)[:, None].repeat(3, 1), "p3", "pq", 4000)
    assert (np.diff(ramp[:, 0]) >= 0).all()


def test_bars_and_turns_of_deep_film(tmp_path: Path) -> None:
    path = make_film(
        tmp_path / "a.mp4", [numbered_picture(k) for k in range(20)], pixel_format="yuv420p10le"
    )
    media = replace(Media(path), bars=Bars(top=20, bottom=20))
    timeline = Timeline(
        "bars",
        F(25),
        Layout.single(320, 140),
        (Track("recut", (Clip(media, F(0), 5, mirrored=True),)),),
    )
    assert len(read_film(render(timeline, tmp_path / "out.mp4", FINE).path)) == 5


@pytest.mark.parametrize(
    ("other", "speed"), [(F(24), F(1)), (F(30), F(1)), (F(25), F(4, 5)), (F(25), F(1, 2))]
)
def test_blend_mixes_the_two_pictures_around(other: F, speed: F, tmp_path: Path) -> None:
    """Each picture is a level brighter, so that a level says what was mixed, and how."""
    ramp = [flat(40 + 3 * k) for k in range(50)]
    source = make_film(tmp_path / "a.mp4", ramp, other, options={"crf": "0"})
    clips = (Clip(Media(source), F(4) / other, 30, speed),)
    timeline = Timeline("blend", F(25), Layout.single(*SIZE), (Track("recut", clips),))
    options = replace(FINE, cadence="blend")
    seen = read_film(render(timeline, tmp_path / "out.mp4", options).path)
    levels = [float(picture.luma.mean()) for picture in seen]
    expected = [40 + 3 * float(4 + k * speed * other / 25) for k in range(30)]
    # The last frame may not show what comes after the clip.
    np.testing.assert_allclose(levels[:-1], expected[:-1], atol=1.1)


@pytest.mark.parametrize("other", [F(24000, 1001), F(24), F(48), F(12)])
def test_what_runs_in_step_is_not_mixed(other: F, tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(100), other)
    clips = (Clip(Media(source), F(8) / other, 20),)
    timeline = Timeline("step", F(24), Layout.single(*SIZE), (Track("recut", clips),))
    plain, mixed = (
        read_film(render(timeline, tmp_path / f"{way}.mp4", replace(FINE, cadence=way)).path)
        for way in ("nearest", "blend")
    )
    same = [np.array_equal(a.planes, b.planes) for a, b in zip(plain, mixed, strict=True)]
    assert all(same) == (other != 12)


def test_telecined_film_shows_one_of_the_two_pictures_woven_together(tmp_path: Path) -> None:
    """24 pictures a second in 60 fields: 3:2 pulldown, the upper field first."""
    whole = list(numbered(40))
    fields = [n for n in range(40) for _ in range(2 + n % 2)]
    woven, pairs = [], []
    for upper, lower in zip(fields[::2], fields[1::2], strict=False):
        picture = whole[upper].copy()
        for first, end in ((0, SIZE[1]), (SIZE[1], SIZE[1] * 5 // 4), (SIZE[1] * 5 // 4, None)):
            picture[first:end][1::2] = whole[lower][first:end][1::2]
        woven.append(picture)
        pairs.append({upper, lower})
    rate = F(30000, 1001)
    source = make_film(tmp_path / "a.mp4", woven, rate, interlaced=True)
    count = 45
    clips = (Clip(Media(source), F(0), count),)
    timeline = Timeline("telecine", rate, Layout.single(*SIZE), (Track("recut", clips),))
    seen = read_film(render(timeline, tmp_path / "out.mp4", FINE).path)
    numbers = [read_number(picture.luma) for picture in seen]
    assert all(n in pair for n, pair in zip(numbers[1:-1], pairs[1:], strict=False))
    assert set(numbers) == set(range(36))
