"""The look of a film as one piece, and what it is written in."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import flat, make_film, numbered, read_film, read_number
from kuleshov.edit.layouts import arranged
from kuleshov.errors import UsageError
from kuleshov.media.codecs import WriteOptions
from kuleshov.render.film import render
from kuleshov.render.finishing import tones
from kuleshov.render.options import Finishing, RenderOptions
from kuleshov.timeline import Clip, Gap, Layout, Media, Sound, Timeline, Track

F = Fraction
SIZE = (320, 180)
FINE = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"))


def pair(source: Path, select: Path, frames: int = 20) -> Timeline:
    """A source beside its remake."""
    tracks = tuple(
        Track(name, (Clip(Media(path), F(0), frames),))
        for name, path in (("recut", select), ("source", source))
    )
    timeline = Timeline("pair", F(25), Layout.single(*SIZE), tracks)
    return arranged(timeline, "side-by-side")


def stripes(low: int, high: int, u: int = 128, v: int = 128) -> np.ndarray:
    picture = flat(low, u, v, size=SIZE)
    for first in range(0, SIZE[0], 80):
        picture[: SIZE[1], first : first + 40] = high
    return picture


def halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the source's side and of ours: (N, 270, 320)."""
    seen = np.stack([picture.luma for picture in read_film(path)])
    return seen[:, :, :320], seen[:, :, 320:]


@pytest.mark.slow
def test_tones_are_pulled_towards_the_source_and_no_further_than_asked(tmp_path: Path) -> None:
    bright = make_film(tmp_path / "bright.mp4", [stripes(120, 200, 120, 140)] * 20)
    dark = make_film(tmp_path / "dark.mp4", [stripes(70, 100)] * 20)
    timeline = pair(bright, dark)
    plain = render(timeline, tmp_path / "plain.mp4", FINE).path
    left, before = halves(plain)
    means, spreads = [], []
    for strength in (0.25, 0.5):
        options = replace(FINE, grades=tones(timeline, strength))
        after_left, after = halves(render(timeline, tmp_path / "out.mp4", options).path)
        np.testing.assert_allclose(after_left.mean(), left.mean(), atol=0.5)  # never the source
        means.append(after.mean() - before.mean())
        spreads.append(after.std() / before.std())
    assert means == pytest.approx([0.25 * 75, 0.5 * 75], abs=2)
    assert spreads == pytest.approx([min(1.4, (40 / 15) ** s) for s in (0.25, 0.5)], abs=0.05)
    assert tones(timeline, 0) == {}
    assert tones(arranged(timeline, "alone"), 1) == {}


def test_the_same_tone_is_left_as_it_is(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(20, SIZE))
    timeline = pair(film, film)
    (grade,) = tones(timeline, 1.0).values()
    assert (grade.gain, grade.chroma) == pytest.approx((1, 1), abs=0.01)
    assert (grade.offset, grade.u, grade.v) == pytest.approx((0, 0, 0), abs=0.5)


def test_monochrome_takes_colour_from_the_remake_only(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [flat(120, 90, 170, size=SIZE)] * 10)
    options = replace(FINE, finishing=Finishing(monochrome=True))
    seen = read_film(render(pair(film, film, 10), tmp_path / "out.mp4", options).path)[5]
    assert np.abs(seen.chroma[0, :, 4:156].astype(int) - 90).max() <= 2
    assert (seen.chroma[:, :, 164:] == 128).all()
    assert np.abs(seen.luma.astype(int) - 120).max() <= 2


@pytest.mark.slow
def test_grain_changes_every_frame_also_of_a_held_picture_and_spares_black(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [flat(120, size=SIZE)] * 10)
    held = Clip(Media(film), F(0), 10, speed=F(0))
    timeline = Timeline("g", F(25), Layout.single(*SIZE), (Track("recut", (held, Gap(5))),))
    options = replace(FINE, finishing=Finishing(grain=0.5))
    once, again = (
        [p.luma.astype(float) for p in read_film(render(timeline, tmp_path / n, options).path)]
        for n in ("a1.mp4", "a2.mp4")
    )
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [round(frame.mean()) for frame in once[:10]] == [120] * 10
    assert all(8 < frame.std() < 13 for frame in once[:10])
    between = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairwise(once[:10])]
    assert np.abs(between).max() < 0.1
    assert max(frame.std() for frame in once[10:]) < 1


def time_of(frame: av.VideoFrame) -> F:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


@pytest.mark.parametrize("values", [{"grain": 2}, {"tone_match": -0.1}])
def test_a_look_that_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        Finishing(**values)


@pytest.mark.slow
@pytest.mark.parametrize("arrangement", ["alone", "side-by-side", "stacked", "inset"])
@pytest.mark.parametrize("gap", [0, 12])
def test_arrangements(arrangement: str, gap: int, tmp_path: Path) -> None:
    red = make_film(tmp_path / "source.mp4", [flat(80, size=SIZE)] * 4)
    grey = make_film(tmp_path / "select.mp4", [flat(180, size=SIZE)] * 4)
    timeline = arranged(pair(red, grey, 4), arrangement, size=(160, 90), gap=gap)  # type: ignore[arg-type]
    again = arranged(timeline, arrangement, size=(160, 90), gap=gap)  # type: ignore[arg-type]
    assert again == timeline
    result = render(timeline, tmp_path / "out.mp4", FINE)
    luma = read_film(result.path)[2].luma
    whole = {"side-by-side": (320 + gap, 90), "stacked": (160, 180 + gap)}
    assert (result.width, result.height) == whole.get(arrangement, (160, 90))
    source, ours, black = (np.abs(luma.astype(int) - level) <= 3 for level in (80, 180, 16))
    if arrangement == "alone":
        assert ours.all()
    elif arrangement == "inset":
        assert ours[:50].all()
        assert source[60:84, 112:150].all()
        assert 0.05 < source.mean() < 0.1
    else:
        assert source.sum() == pytest.approx(160 * 90, rel=0.03)
        assert ours.sum() == pytest.approx(160 * 90, rel=0.03)
        side = 90 if arrangement == "side-by-side" else 160
        assert black.sum() == pytest.approx(gap * side, abs=4 * side)
        assert source[10, 10]
        assert ours[-10, -10]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"size": (161, 90)}, "even sides"),
        ({"size": (8, 8)}, "at least 16"),
        ({"gap": 3}, "even number"),
        ({"gap": -2}, "even number"),
    ],
)
def test_arrangements_that_cannot_be(how: dict[str, object], said: str, tmp_path: Path) -> None:
    timeline = pair(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with pytest.raises(UsageError, match=said):
        arranged(timeline, "side-by-side", **how)  # type: ignore[arg-type]


CODECS = {
    "h264": ("a.mp4", "h264", "yuv420p"),
    "hevc": ("a.mp4", "hevc", "yuv420p"),
    "av1": ("a.mp4", "libdav1d", "yuv420p"),
    "prores": ("a.mov", "prores", "yuv422p10le"),
}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [F(24000, 1001), F(25)])
@pytest.mark.parametrize("codec", CODECS)
def test_codecs_keep_every_frame_its_time_and_the_sound(
    codec: str, rate: F, tmp_path: Path
) -> None:
    name, known, pixels = CODECS[codec]
    tone = np.sin(np.arange(48000 * 2, dtype=np.float32) / 30)[None].repeat(2, 0) * 0.3
    source = make_film(tmp_path / "s.mp4", numbered(48), rate, sound=tone)
    timeline = Timeline(
        "codec",
        rate,
        Layout.single(*SIZE),
        (Track("recut", (Clip(Media(source), F(0), 40),)),),
        Sound(Media(source)),
    )
    write = WriteOptions(codec=codec, preset="ultrafast")  # type: ignore[arg-type]
    result = render(timeline, tmp_path / name, RenderOptions(write=write))
    assert result.sound == "copied"
    with av.open(str(result.path)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == (known, pixels)
        frames = list(container.decode(video))
        times = [time_of(frame) for frame in frames]
        assert times[0] == 0
    assert times == [k / rate for k in range(40)]
    tagged = {(int(f.colorspace), int(f.color_range), int(f.color_primaries)) for f in frames}
    assert tagged == {(6, 1, 6)}
    numbers = [read_number(f.to_ndarray(format="yuv420p")[: SIZE[1]]) for f in frames]
    assert numbers == list(range(40))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"codec": "prores", "crf": 20}, "leave the crf out"),
        ({"crf": 60}, "0 to 51"),
        ({"codec": "vp8"}, "A codec is"),
        ({"preset": "warp"}, "A preset is"),
    ],
)
def test_options_that_do_not_go_together(how: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        WriteOptions(**how)  # type: ignore[arg-type]


def test_a_name_that_does_not_fit_the_codec(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [flat(120, size=SIZE)] * 2)
    timeline = arranged(pair(film, film, 2), "alone")
    prores = RenderOptions(write=WriteOptions(codec="prores"))
    with pytest.raises(UsageError, match=r"ends in \.mov"):
        render(timeline, tmp_path / "out.mp4", prores)
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.slow
def test_colours_are_pulled_towards_the_source_within_limits(tmp_path: Path) -> None:
    warm = make_film(tmp_path / "warm.mp4", [flat(120, 118, 138, size=SIZE)] * 20)
    cold = make_film(tmp_path / "cold.mp4", [flat(120, 136, 120, size=SIZE)] * 20)
    vivid = make_film(tmp_path / "vivid.mp4", [flat(120, 40, 220, size=SIZE)] * 20)
    shifts = []
    for aim, strength in ((warm, 0.25), (warm, 0.5), (vivid, 1.0)):
        timeline = pair(aim, cold)
        options = replace(FINE, grades=tones(timeline, strength))
        seen = read_film(render(timeline, tmp_path / "out.mp4", options).path)[10]
        ours = seen.chroma[:, :, 164:].astype(float).mean(axis=(1, 2))
        shifts.append((ours - (136, 120)).tolist())
    assert shifts[0] == pytest.approx([0.25 * -18, 0.25 * 18], abs=1.5)
    assert shifts[1] == pytest.approx([0.5 * -18, 0.5 * 18], abs=1.5)
    assert np.abs(shifts[2]).max() <= 15  # a clip never turns into something it is not


def test_grain_does_not_return_within_a_second(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [flat(120, size=SIZE)] * 13)
    timeline = Timeline(
        "g", F(25), Layout.single(*SIZE), (Track("recut", (Clip(Media(film), F(0), 13),)),)
    )
    options = replace(FINE, finishing=Finishing(grain=0.5))
    seen = [
        p.luma.astype(float) for p in read_film(render(timeline, tmp_path / "o.mp4", options).path)
    ]
    alike = np.corrcoef(np.stack([frame.ravel() for frame in seen]))
    assert np.abs(alike - np.eye(13)).max() < 0.1
