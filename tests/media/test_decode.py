"""Decoding: times that always grow, pictures that are the right ones, reasons that are clear."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from films import flat, join_ts, make_film, noise, numbered, read_number
from kuleshov.errors import MediaError, MediaNotFound
from kuleshov.footage import Video
from kuleshov.media import decode
from kuleshov.media.decode import Clock, Film, Picture, reason_of

F = Fraction
SMALL = (96, 64)


def number(picture: Picture) -> int | None:
    return read_number(picture.frame.to_ndarray(format="gray"))


def numbers(pictures: list[Picture]) -> list[int | None]:
    return [number(picture) for picture in pictures]


def grainy(count: int) -> Iterator[np.ndarray]:
    """Numbered pictures of as many bytes as real ones: an MPEG packet holds no more than one."""
    grain = np.random.default_rng(1).integers(0, 40, (180, 320), np.uint8)
    for picture in numbered(count):
        picture[:180] += grain
        grain = np.roll(grain, 7)
        yield picture


def read_all(path: Path) -> tuple[list[Picture], Film]:
    with Film(path) as film:
        return list(film.pictures()), film


RAW = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**40),
    st.integers(-5000, 5000),
    st.integers(0, 300).map(lambda k: k * 3600),
)


class TestClock:
    @pytest.mark.slow
    @given(
        st.lists(RAW, max_size=60),
        st.sampled_from([F(1, 90000), F(1, 1000), F(1, 25), F(1001, 30000), F(1)]),
        st.integers(0, 10_000),
        st.booleans(),
    )
    def test_always_grows(self, raw, time_base, step, may_jump):
        clock = Clock(time_base, step, may_jump)
        given = [clock(pts) for pts in raw]
        assert all(a < b for a, b in itertools.pairwise(given))

    @given(st.integers(-(2**40), 2**40), st.lists(st.integers(1, 90000), max_size=40))
    def test_leaves_alone_what_grows(self, start, steps):
        raw = list(itertools.accumulate(steps, initial=start))
        clock = Clock(F(1, 90000), 3600, may_jump=True)
        assert [clock(pts) for pts in raw] == raw
        assert not clock.discontinuous

    @given(st.integers(2, 40), st.integers(2, 40), st.booleans())
    def test_goes_on_at_its_pace_where_stamps_restart(self, first, second, may_jump):
        raw = [126000 + 3600 * k for k in range(first + 30)] + [
            126000 + 3600 * k for k in range(second)
        ]
        clock = Clock(F(1, 90000), 3600, may_jump)
        assert [clock(pts) for pts in raw] == [126000 + 3600 * k for k in range(len(raw))]
        assert clock.discontinuous

    @given(st.lists(st.booleans(), min_size=1, max_size=40))
    def test_fills_in_missing_stamps(self, missing):
        clock = Clock(F(1, 1000), 40, may_jump=False)
        given = [clock(None if gone and k else 40 * k) for k, gone in enumerate(missing)]
        assert given == [40 * k for k in range(len(missing))]

    def test_no_stamps_at_all(self):
        clock = Clock(F(1, 25), 1, may_jump=False)
        assert [clock(None) for _ in range(4)] == [0, 1, 2, 3]

    def test_repeats_and_small_steps_back_are_pushed_on(self):
        clock = Clock(F(1, 1000), 40, may_jump=False)
        assert [clock(pts) for pts in (0, 40, 40, 20, 80)] == [0, 40, 41, 42, 80]
        assert not clock.discontinuous

    def test_a_long_gap_is_a_jump_only_where_clocks_jump(self):
        raw = [0, 3600, 3600 + 90000 * 60, 7200 + 90000 * 60]
        assert [Clock(F(1, 90000), 3600, may_jump=False)(pts) for pts in raw[:1]] == [0]
        honest, jumping = Clock(F(1, 90000), 3600, False), Clock(F(1, 90000), 3600, True)
        assert [honest(pts) for pts in raw] == raw
        assert [jumping(pts) for pts in raw] == [0, 3600, 7200, 10800]
        assert (honest.discontinuous, jumping.discontinuous) == (False, True)

    def test_a_step_of_nothing_is_a_tick(self):
        clock = Clock(F(1), 0, may_jump=False)
        assert [clock(None), clock(None)] == [0, 1]


CONTAINERS: dict[str, dict[str, Any]] = {
    "mp4": {},
    "mkv": {},
    "ts": {},
    "mpg": {"codec": "mpeg2video"},
    "avi": {"codec": "mpeg4"},
    "mov": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
}


class TestPictures:
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", CONTAINERS)
    def test_all_of_them_in_order_at_their_times(self, tmp_path, kind):
        film = make_film(tmp_path / f"a.{kind}", numbered(60, SMALL), 25, **CONTAINERS[kind])
        pictures, _ = read_all(film)
        assert numbers(pictures) == list(range(60))
        assert [picture.number for picture in pictures] == list(range(60))
        assert [picture.time for picture in pictures] == [F(k, 25) for k in range(60)]

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", CONTAINERS)
    def test_from_a_time_on(self, tmp_path, kind):
        film = make_film(tmp_path / f"a.{kind}", grainy(150), 25, **CONTAINERS[kind])
        with Film(film) as opened:
            for wanted in (1, 30, 31, 100, 149, 0):
                pictures = list(opened.pictures(F(wanted, 25)))
                assert pictures[0].time <= F(wanted, 25)
                wished = [picture for picture in pictures if picture.time >= F(wanted, 25)]
                assert numbers(wished) == list(range(wanted, 150))
                assert [p.time for p in wished] == [F(k, 25) for k in range(wanted, 150)]

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["mp4", "mkv", "ts"])
    def test_a_seek_saves_decoding(self, tmp_path, kind):
        film = make_film(tmp_path / f"a.{kind}", grainy(400), 25, **CONTAINERS[kind])
        with Film(film) as opened:
            assert next(opened.pictures(F(15))).time > 5

    @pytest.mark.slow
    def test_what_only_the_first_picture_says_counts_after_a_seek(self, footage):
        """An old x264 wrote 4:4:4 in its own way, and says so once: what is read from the middle
        is what is read from the beginning."""
        film = footage / "archive" / "cockatoo.mp4"
        pictures, opened = read_all(film)
        known = {picture.time: picture.frame.to_ndarray() for picture in pictures}
        for seconds in (5, 8):
            with Film(film, video=opened.video) as again:
                found = [*itertools.islice(again.pictures(F(seconds)), 20)]
            assert found[0].time > 0
            for picture in found:
                assert np.array_equal(picture.frame.to_ndarray(), known[picture.time])

    def test_from_behind_the_end(self, tmp_path):
        for kind in ("mp4", "ts"):
            film = make_film(tmp_path / f"a.{kind}", numbered(50, SMALL), 25)
            with Film(film) as opened:
                assert all(picture.time < 2 for picture in opened.pictures(F(60)))

    @pytest.mark.slow
    def test_time_is_counted_from_the_first_picture(self, tmp_path):
        film = make_film(
            tmp_path / "a.mp4", numbered(30, SMALL), 25, picture_start=F(2), sound=noise(3)
        )
        pictures, opened = read_all(film)
        assert pictures[0].time == 0
        assert pictures[29].time == F(29, 25)
        assert opened.video.start == 2

    @pytest.mark.slow
    def test_stamps_that_restart(self, tmp_path):
        parts = [
            make_film(tmp_path / f"{k}.ts", numbered(50, SMALL, first=50 * k), 25) for k in range(3)
        ]
        pictures, film = read_all(join_ts(parts, tmp_path / "joined.ts"))
        assert numbers(pictures) == list(range(150))
        assert [picture.time for picture in pictures] == [F(k, 25) for k in range(150)]
        assert film.discontinuous

    def test_a_film_whose_stamps_restart_is_sought_in_exactly(self, tmp_path):
        parts = [
            make_film(tmp_path / f"{k}.ts", numbered(50, SMALL, first=50 * k), 25) for k in range(2)
        ]
        path = join_ts(parts, tmp_path / "joined.ts")
        _, film = read_all(path)
        known = Video(**{**vars(film.video), "discontinuous": True})
        with Film(path, video=known) as opened:
            shown = {p.time: number(p) for p in opened.pictures(F(70, 25))}
        assert shown[F(70, 25)] == 70

    def test_a_film_can_be_read_again(self, tmp_path):
        film = make_film(tmp_path / "a.mp4", numbered(30, SMALL), 25)
        with Film(film) as opened:
            next(opened.pictures())
            list(opened.pictures(F(1)))
            assert numbers(list(opened.pictures())) == list(range(30))

    def test_a_single_picture(self, tmp_path):
        pictures, film = read_all(make_film(tmp_path / "a.mp4", numbered(1, SMALL), 25))
        assert numbers(pictures) == [0]
        assert film.damaged == 0

    def test_damage_in_the_middle_is_counted_and_passed_over(self, tmp_path):
        pictures = [np.roll(flat(100, size=SMALL), k) for k in range(90)]
        film = make_film(tmp_path / "a.mkv", pictures, 25, codec="mpeg2video", gop=5)
        whole = len(read_all(film)[0])
        data = bytearray(film.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 300] = bytes(300)
        film.write_bytes(bytes(data))
        left, _ = read_all(film)
        assert whole == 90
        assert 45 < len(left) <= 90
        assert all(a.time < b.time for a, b in itertools.pairwise(left))


class TestLooking:
    def test_rotation_and_aspect(self, tmp_path):
        for degrees in (90, 180, 270):
            turned = make_film(tmp_path / f"{degrees}.mp4", numbered(5), 25, rotation=degrees)
            with Film(turned) as film:
                assert film.video.rotation == degrees
                assert film.video.upright_size == ((180, 320) if degrees != 180 else (320, 180))
        wide = make_film(tmp_path / "wide.mp4", numbered(5), 25, aspect=F(16, 11))
        with Film(wide) as film:
            assert film.video.aspect == F(16, 11)
            assert film.video.display_size == (466, 180)

    def test_nonsense_aspect_is_square(self, tmp_path):
        with Film(make_film(tmp_path / "a.mp4", numbered(5), 25, aspect=F(100, 1))) as film:
            assert film.video.aspect == 1

    @pytest.mark.parametrize("rate", [F(10), F(24000, 1001), F(25), F(30000, 1001), F(60)])
    @pytest.mark.parametrize("kind", ["mp4", "ts", "mkv"])
    def test_rate(self, tmp_path, rate, kind):
        with Film(make_film(tmp_path / f"a.{kind}", numbered(40, SMALL), rate)) as film:
            assert film.video.rate == rate

    def test_a_cover_is_no_film(self, tmp_path):
        """A picture attached to music is not taken for its film."""
        path = tmp_path / "song.mp4"
        with av.open(path, "w") as out:
            sound = out.add_stream("aac", rate=48000, layout="stereo")
            cover = out.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(flat(90, size=(64, 48)), format="yuvj420p")
            frame.pts = 0
            for packet in [*cover.encode(frame), *cover.encode(None)]:
                out.mux(packet)
            piece = av.AudioFrame.from_ndarray(noise(0.5), format="fltp", layout="stereo")
            piece.sample_rate = 48000
            for small in av.AudioResampler("fltp", "stereo", 48000, 1024).resample(piece):
                out.mux(sound.encode(small))
            out.mux(sound.encode(None))
        with pytest.raises(MediaError, match="sound only"):
            Film(path)


class TestInterlaced:
    """Lines that move between the two fields of a frame comb when they are not deinterlaced."""

    @pytest.fixture(params=["h264", "mpeg2"])
    def film(self, request, tmp_path) -> Path:
        how: dict[str, Any] = {
            "h264": {},
            "mpeg2": {"codec": "mpeg2video"},
        }[request.param]
        kind = {"h264": "mp4", "mpeg2": "mpg"}[request.param]
        return make_film(tmp_path / f"a.{kind}", self.pictures(40), 25, interlaced=True, **how)

    def pictures(self, count: int) -> list[np.ndarray]:
        made = []
        for k in range(count):
            picture = flat(60, size=(240, 96))
            luma = picture[:96]
            for field in range(2):
                x = 10 + (2 * k + field) * 2  # moves by two pixels from field to field
                luma[field::2, x : x + 16] = 200
            made.append(picture)
        return made

    def combing(self, luma: np.ndarray) -> float:
        lines = luma.astype(int)
        return float(np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean())

    def test_is_flagged(self, film):
        with Film(film) as opened:
            assert opened.video.interlaced

    def test_as_many_pictures_at_the_same_times_without_combs(self, film):
        with av.open(film) as container:
            raw = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        pictures, _ = read_all(film)
        assert len(raw) == len(pictures) == 40
        assert [picture.time for picture in pictures] == [F(k, 25) for k in range(40)]
        before = np.mean([self.combing(luma) for luma in raw[2:-2]])
        after = np.mean([self.combing(p.frame.to_ndarray(format="gray")) for p in pictures[2:-2]])
        assert before > 5
        assert after < before / 4

    def test_each_picture_is_the_frame_of_its_number(self, film):
        pictures, _ = read_all(film)
        for k, picture in enumerate(pictures):
            luma = picture.frame.to_ndarray(format="gray")[8:-8].mean(axis=0)
            left = int(np.argmax(luma > 130))
            assert abs(left - (10 + 4 * k)) <= 3

    def test_progressive_film_is_left_alone(self, tmp_path):
        with Film(make_film(tmp_path / "a.mp4", self.pictures(5), 25)) as film:
            assert not film.video.interlaced


class TestReasons:
    def test_no_permission(self, tmp_path, monkeypatch):
        path = make_film(tmp_path / "a.mp4", numbered(3, SMALL), 25)

        def denied(*args: object, **how: object) -> None:
            raise av.error.PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(decode.av, "open", denied)
        with pytest.raises(MediaError, match="may not be read: check its permissions"):
            Film(path)

    def test_not_there(self, tmp_path):
        with pytest.raises(MediaNotFound, match="not there") as caught:
            Film(tmp_path / "a.mp4")
        assert isinstance(caught.value, FileNotFoundError)

    def test_a_folder(self, tmp_path):
        with pytest.raises(MediaError, match="folder"):
            Film(tmp_path)

    def test_the_systems_own_words_otherwise(self):
        assert reason_of(OSError(5, "Input/output error")) == "Input/output error."
        assert reason_of(ValueError()) == "ValueError."
