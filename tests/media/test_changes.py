"""Films that change on the way, or whose containers say less, or other things, than they hold."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import SIZE, flat, join_ts, make_film, numbered, numbered_picture, read_number
from kuleshov.footage import Video
from kuleshov.media.decode import Film, Picture
from kuleshov.media.gif import read_times, write_gif
from kuleshov.media.sampling import FrameBatch, ReadEnd, ReadRequest, read
from kuleshov.media.scale import Scaler
from kuleshov.media.times import Clock
from kuleshov.render.frame_readers import Reader
from kuleshov.timeline import Media

F = Fraction
SMALL = (96, 64)


def shown(picture: Picture) -> int | None:
    return read_number(picture.frame.to_ndarray(format="gray"))


def pictures_of(path: Path, start: Fraction | None = None) -> list[Picture]:
    with Film(path) as film:
        return list(film.pictures(start))


def passed(path: Path, **how: Any) -> tuple[list[FrameBatch], ReadEnd]:
    messages = list(read(ReadRequest(path, **how)))
    end = messages[-1]
    assert isinstance(end, ReadEnd)
    return [m for m in messages if isinstance(m, FrameBatch)], end


def at(path: Path, time: Fraction) -> int | None:
    """The number of the picture that a film shows at an instant, sought from its beginning."""
    reader = Reader(Media(path), Film(path))
    try:
        return shown(reader.at(time, F(10**6)).picture)
    finally:
        reader.close()


class TestSize:
    """A recording goes on in another size."""

    @pytest.fixture(params=["mpeg2video", "libx264"])
    def film(self, request, tmp_path) -> Path:
        sizes = (SMALL, (160, 128))
        parts = [
            make_film(tmp_path / f"{k}.ts", numbered(50, size, 50 * k), 25, codec=request.param)
            for k, size in enumerate(sizes)
        ]
        return join_ts(parts, tmp_path / "a.ts")

    def test_every_picture_in_its_own_size(self, film):
        pictures = pictures_of(film)
        assert [shown(picture) for picture in pictures] == list(range(100))
        assert [picture.time for picture in pictures] == [F(k, 25) for k in range(100)]
        sizes = [(p.frame.width, p.frame.height) for p in pictures]
        assert sizes == [SMALL] * 50 + [(160, 128)] * 50

    def test_is_read_to_its_end(self, film):
        batches, end = passed(film, picture=96, large=64)
        assert end.frames == 100
        rows = np.concatenate([b.pictures[b.which] for b in batches])
        assert [read_number(row[..., 1]) for row in rows] == [0, 13, 25, 38, 50, 63, 75, 88]

    def test_other_shapes_are_fitted_where_shape_counts(self, film):
        """160 x 128 in the shape of 96 x 64: full height, bars at the sides."""
        batches, _ = passed(film, large=64)
        last = np.concatenate([b.large[b.which] for b in batches if b.large is not None])[-1]
        columns = np.flatnonzero(last[..., 1].max(axis=0) > 40)
        assert last.shape == (64, 96, 3)
        assert (columns[0], columns[-1]) == (8, 87)


def test_the_format_of_pixels_changes(tmp_path):
    parts = [
        make_film(
            tmp_path / f"{k}.ts",
            numbered(30, SMALL, 30 * k),
            25,
            codec="mpeg2video",
            pixel_format=pixels,
        )
        for k, pixels in enumerate(("yuv420p", "yuv422p"))
    ]
    path = join_ts(parts, tmp_path / "a.ts")
    pictures = pictures_of(path)
    assert [shown(p) for p in pictures] == list(range(60))
    assert {p.frame.format.name for p in pictures} == {"yuv420p", "yuv422p"}
    assert passed(path)[1].frames == 60


def test_a_broadcast_changes_from_4_3_to_16_9(tmp_path):
    """The stream says so itself, at the same size; nothing is distorted by it."""
    parts = [
        make_film(
            tmp_path / f"{k}.ts",
            [numbered_picture(k, (180, 144))] * 30,
            25,
            codec="mpeg2video",
            aspect=aspect,
        )
        for k, aspect in enumerate((F(16, 15), F(64, 45)))
    ]
    pictures = pictures_of(join_ts(parts, tmp_path / "a.ts"))
    assert [p.aspect for p in pictures] == [F(16, 15)] * 30 + [F(64, 45)] * 30
    with Film(tmp_path / "a.ts") as film:
        video = film.video
    assert video.aspect == F(16, 15)
    scaler = Scaler(video, 90, 120, fit=True)
    wide = scaler(pictures[-1].frame, pictures[-1].aspect)
    rows = np.flatnonzero(wide[..., 1].max(axis=1) > 60)
    assert len(rows) == pytest.approx(90 * 3 / 4, abs=2)


class TestDecodeOrder:
    """AVI knows the order of decoding only; pictures are shown in another."""

    @pytest.fixture(params=["libx264", "mpeg4"])
    def film(self, request, tmp_path) -> Path:
        options = {"libx264": {"x264-params": "b-adapt=0:scenecut=0"}, "mpeg4": {}}[request.param]
        pictures = numbered(100, SMALL)
        return make_film(
            tmp_path / "a.avi", pictures, 25, codec=request.param, options=options, b_frames=2
        )

    def test_each_picture_at_its_time(self, film):
        with av.open(film) as container:
            kinds = {int(frame.pict_type) for frame in container.decode(video=0)}
        assert 3 in kinds, "this film was to have B-frames"
        pictures = pictures_of(film)
        first = shown(pictures[0])
        assert first == 0
        assert [shown(p) for p in pictures] == list(range(100))
        assert [p.time for p in pictures] == [F(k, 25) for k in range(100)]

    @pytest.mark.slow
    def test_the_same_after_a_seek(self, film):
        for wanted in (3, 13, 30, 47, 60, 96):
            assert at(film, F(wanted, 25)) == wanted
            for picture in pictures_of(film, F(wanted, 25)):
                assert shown(picture) == picture.time * 25

    def test_it_begins_with_the_sound(self, film):
        with Film(film) as opened:
            assert opened.video.start == 0

    def test_damage_does_not_put_what_follows_out_of_step(self, film):
        data = bytearray(film.read_bytes())
        with av.open(film) as container:
            packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
        begin, size = packets[20]
        data[begin : begin + size] = bytes(size)
        film.write_bytes(bytes(data))
        late = [p for p in pictures_of(film) if p.time > F(50, 25)]
        assert len(late) == 49
        assert [shown(p) for p in late] == [p.time * 25 for p in late]


def test_asf_knows_the_order_of_decoding_only_too(tmp_path):
    path = make_film(tmp_path / "a.wmv", numbered(60, SMALL), 25, b_frames=2, container="asf")
    pictures = pictures_of(path)
    assert [(shown(p), p.time * 25) for p in pictures] == [(k, k) for k in range(60)]


class TestHeld:
    """A picture that stays for ten minutes, as in recordings of screens."""

    @pytest.fixture
    def film(self, tmp_path) -> Path:
        times = [F(k, 25) + (600 if k > 25 else 0) for k in range(50)]
        return make_film(tmp_path / "a.mkv", numbered(50, SMALL), 25, times=times)

    def test_is_looked_at_once(self, film):
        batches, end = passed(film, picture=32, large=32)
        rows = np.concatenate([b.sampled for b in batches])
        assert len(rows) == 1204
        assert rows.tolist() == [0, 13] + [25] * 1201 + [38]
        assert sum(len(b.pictures) for b in batches) <= 4 + len(batches)
        assert sum(len(b.large) for b in batches if b.large is not None) <= 4 + len(batches)
        assert end.frames == 50

    def test_has_the_rate_of_what_moves_and_its_length(self, film):
        batches, end = passed(film)
        assert (end.video.rate, end.video.variable_rate) == (25, True)
        last = int(batches[-1].pts[-1]) * end.video.time_base
        assert last + end.last == 602

    def test_is_shown_until_the_next(self, film):
        for time in (2, 299, 302, 600, 601):
            assert at(film, F(time)) == 25
        assert at(film, F(60152, 100)) == 38


def test_no_clock_holds_a_picture_for_days():
    honest = Clock(F(1, 1000), 40, may_jump=False)
    assert [honest(t) for t in (0, 40, 3_600_040, 3_600_080)] == [0, 40, 3_600_040, 3_600_080]
    assert [honest(t) for t in (10**12, 10**12 + 40)] == [3_600_120, 3_600_160]
    assert honest.discontinuous


class TestFields:
    """Progressive at first, interlaced from two seconds on."""

    def pictures(self, count: int, upper: bool) -> Iterator[np.ndarray]:
        for k in range(count):
            picture = flat(60, size=(240, 96))
            for field in range(2):
                x = 10 + (2 * k + (field if upper else 1 - field)) * 2
                picture[field:96:2, x : x + 16] = 200
            yield picture

    def combing(self, luma: np.ndarray) -> float:
        lines = luma.astype(int)
        return float(np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean())

    def test_are_woven_where_they_come(self, tmp_path):
        plain = make_film(tmp_path / "0.ts", numbered(50, (240, 96)), 25, codec="mpeg2video")
        upper = make_film(
            tmp_path / "1.ts", self.pictures(40, True), 25, codec="mpeg2video", interlaced=True
        )
        path = join_ts([plain, upper], tmp_path / "a.ts")
        with Film(path) as film:
            pictures = list(film.pictures())
            assert not film.video.interlaced
            assert film.interlaced
        assert [p.time for p in pictures] == [F(k, 25) for k in range(90)]
        assert [shown(p) for p in pictures[:50]] == list(range(50))
        with av.open(upper) as container:
            raw = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        before = np.mean([self.combing(luma) for luma in raw[2:-2]])
        after = np.mean([self.combing(p.frame.to_ndarray(format="gray")) for p in pictures[52:-2]])
        assert before > 5
        assert after < before / 4
        assert passed(path)[1].video.interlaced


class TestTracks:
    def test_a_programme_goes_on_under_other_numbers(self, tmp_path):
        parts = [
            make_film(
                tmp_path / f"{k}.ts",
                numbered(50, SMALL, 50 * k),
                25,
                header={
                    "mpegts_start_pid": str(0x100 + k),
                    "mpegts_pmt_start_pid": str(0x1000 + k),
                },
            )
            for k in range(3)
        ]
        path = join_ts(parts, tmp_path / "a.ts")
        pictures = pictures_of(path)
        assert [shown(p) for p in pictures] == list(range(150))
        assert [p.time for p in pictures] == [F(k, 25) for k in range(150)]
        assert passed(path)[1].video.discontinuous
        assert at(path, F(120, 25)) == 120

    def test_what_is_left_out_is_named(self, tmp_path):
        path = tmp_path / "a.mp4"
        with av.open(path, "w") as out:
            for size in ((64, 48), (96, 64)):
                stream = out.add_stream("libx264", rate=25)
                assert isinstance(stream, av.VideoStream)
                stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for stream in out.streams.video:
                for k in range(5):
                    frame = numbered_picture(k, (stream.width, stream.height))
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "yuv420p")))
                out.mux(stream.encode(None))
        with Film(path) as film:
            (sentence,) = film.probe.left_out
        assert sentence.startswith("it holds 2 tracks of pictures: number ")
        with Film(make_film(tmp_path / "b.mp4", numbered(5, SMALL), 25)) as film:
            assert film.probe.left_out == ()


def test_pictures_left_out_of_a_grid_do_not_change_it(tmp_path):
    """AVI writes nothing for a picture that is like the one before."""
    kept = [k for k in range(300) if k % 17 != 9]
    whole = make_film(
        tmp_path / "whole.avi",
        numbered(300, SMALL),
        25,
        codec="mjpeg",
        pixel_format="yuvj420p",
        b_frames=0,
    )
    path = tmp_path / "a.avi"
    with av.open(whole) as given, av.open(path, "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux(video=0)):
            if number in kept:
                packet.stream = stream
                out.mux(packet)
    pictures = pictures_of(path)
    assert [p.time * 25 for p in pictures] == kept
    end = passed(path)[1]
    assert (end.video.rate, end.video.variable_rate, end.frames) == (25, True, len(kept))


class TestGif:
    """Browsers show what asks for less than 2 hundredths of a second for 10."""

    def gif(self, path: Path, delays: list[int]) -> Path:
        pictures = [np.full((32, 32, 3), 10 * k, np.uint8) for k in range(len(delays))]
        data = bytearray(write_gif(pictures, [5] * len(delays)))
        place = 0
        for delay in delays:
            place = data.index(b"\x21\xf9\x04", place) + 4
            data[place : place + 2] = struct.pack("<H", delay)
        path.write_bytes(bytes(data))
        return path

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("asked", "wanted"), [([1] * 20, [10] * 20), ([0, 1, 2, 3], [10, 10, 2, 3])]
    )
    def test_short_delays(self, tmp_path, asked, wanted):
        path = self.gif(tmp_path / "a.gif", asked)
        starts = [F(sum(wanted[:k]), 100) for k in range(len(wanted))]
        assert [p.time for p in pictures_of(path)] == starts
        assert list(read_times(path).delays) == wanted
        batches, end = passed(path)
        last = int(batches[-1].pts[-1]) * end.video.time_base + end.last
        assert last == F(sum(wanted), 100)

    @pytest.mark.slow
    def test_pictures_of_minutes(self, tmp_path):
        path = self.gif(tmp_path / "a.gif", [65535] * 3)
        batches, end = passed(path, picture=32)
        assert end.frames == 3
        assert len(np.concatenate([b.sampled for b in batches])) == 1 + 2 * 1310 + 1
        assert sum(len(b.pictures) for b in batches) <= 3
        last = int(batches[-1].pts[-1]) * end.video.time_base + end.last
        assert last == 3 * F(65535, 100)


MATRICES = [
    (1, 0, 0, 1),
    (0, 1, -1, 0),
    (-1, 0, 0, -1),
    (0, -1, 1, 0),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
]


@pytest.mark.parametrize("matrix", MATRICES)
def test_turned_and_mirrored(tmp_path, matrix):
    """A header may turn a picture, mirror it, or both: (x, y) goes to (ax + cy, bx + dy)."""
    a, b, c, d = matrix
    upright = numbered_picture(1234, SIZE)[: SIZE[1]].astype(int)
    ys, xs = np.mgrid[: SIZE[1], : SIZE[0]]
    left, top = a * xs + c * ys, b * xs + d * ys
    wanted = np.zeros((np.ptp(top) + 1, np.ptp(left) + 1), int)
    wanted[top - top.min(), left - left.min()] = upright
    path = make_film(tmp_path / "a.mp4", [numbered_picture(1234, SIZE)] * 3, 25)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4
    place += 52 if data[place] else 40
    whole = [value << 16 for value in matrix]
    data[place : place + 36] = struct.pack(">9i", *whole[:2], 0, *whole[2:], 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with Film(path) as film:
        video: Video = film.video
        picture = next(film.pictures())
    assert video.mirrored == (a * d - b * c < 0)
    assert video.upright_size == wanted.shape[::-1]
    made = Scaler(video, *wanted.shape)(picture.frame)[..., 1].astype(int)
    assert np.abs(made - (wanted - 16) * 255 / 219).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_photos_are_turned_as_they_say(tmp_path, orientation, kind):
    """Held against Pillow, by the four corners."""
    from PIL import Image, ImageOps

    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48], picture[:32, 48:], picture[32:, :48] = 240, 160, 80
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(picture).save(path, exif=exif)
    with Image.open(path) as image:
        upright = np.array(ImageOps.exif_transpose(image)).astype(int)
    with Film(path) as film:
        shown_upright = Scaler(film.video, *upright.shape[:2])(next(film.pictures()).frame)
    assert np.abs(shown_upright - upright).mean() < 6
