"""Palettes, delays, and GIFs as other readers see them."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from kuleshov.errors import MediaError, UsageError
from kuleshov.media.decode import Film
from kuleshov.media.gif import (
    GifOptions,
    GifTimes,
    delays_of,
    read_times,
    write_gif,
    write_webp,
)
from kuleshov.media.palette import Mapper, palette_of

SIZE = (48, 64)


def ramp(shift=0):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([(x * 4 + shift) % 256, y * 5, np.full_like(x, 90)], axis=-1).astype(np.uint8)


def seen(data):
    image = Image.open(io.BytesIO(data))
    shown = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        shown.append((np.asarray(image.convert("RGB")), image.info.get("duration")))
    return shown, image.info.get("loop")


def test_few_colours_come_back_as_they_are():
    colours = np.array([[0, 0, 0], [255, 255, 255], [200, 30, 40], [10, 90, 220]], np.uint8)
    picture = colours[np.random.default_rng(0).integers(0, 4, SIZE)]
    palette = palette_of([picture], 16)
    assert {tuple(c) for c in palette.tolist()} == {tuple(c) for c in colours.tolist()}
    (shown, _), *_ = seen(write_gif([picture], [10], GifOptions(dither=0, keep=0)))[0]
    assert np.array_equal(shown, picture)


@pytest.mark.slow
def test_a_palette_serves_all_pictures_and_more_colours_serve_better():
    pictures = [ramp(), ramp(90)[:, :, ::-1]]
    errors = []
    for count in (8, 32, 128):
        palette = palette_of(pictures, count)
        assert len(palette) <= count
        mapper = Mapper(palette, 0)
        errors.append(np.mean([np.abs(palette[mapper(p)] - p.astype(int)) for p in pictures]))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 8


def test_dither_keeps_the_mean_of_a_flat_grey():
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    grey = np.full((64, 64, 3), 100, np.uint8)
    plain, dithered = Mapper(palette, 0)(grey), Mapper(palette, 1)(grey)
    assert len(np.unique(plain)) == 1
    assert palette[dithered].mean() == pytest.approx(100, abs=12)


def test_delays_carry_what_is_rounded_off():
    times = [Fraction(n, 15) for n in range(30)]
    delays = delays_of(times, Fraction(2))
    assert sum(delays) == 200
    assert set(delays) == {6, 7}
    begins = np.concatenate([[0], np.cumsum(delays)[:-1]])
    assert all(abs(b - float(t) * 100) <= 0.5 for b, t in zip(begins, times, strict=True))
    assert min(delays_of([Fraction(n, 100) for n in range(5)], Fraction(1, 20))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("loop", [0, 1, 3])
def test_delays_and_loop_are_written_and_read(tmp_path, loop):
    delays = [3, 50, 4, 12]
    pictures = [ramp(60 * n) for n in range(4)]
    path = tmp_path / "a.gif"
    path.write_bytes(write_gif(pictures, delays, GifOptions(loop=loop)))
    assert read_times(path) == GifTimes(tuple(delays), loop)
    shown, _ = seen(path.read_bytes())
    assert [duration for _, duration in shown] == [30, 500, 40, 120]
    for (there, _), here in zip(shown, pictures, strict=True):
        assert np.abs(there.astype(int) - here).mean() < 8


@pytest.mark.slow
def test_what_hardly_changes_stays_and_costs_less_but_never_drifts():
    rng = np.random.default_rng(1)
    pictures = [
        np.clip(ramp() + rng.integers(-3, 4, (*SIZE, 3)) + 2 * n, 0, 255).astype(np.uint8)
        for n in range(12)
    ]
    plain, kept = (
        write_gif(pictures, [5] * 12, GifOptions(dither=0, keep=keep)) for keep in (0, 6)
    )
    assert len(kept) < 0.85 * len(plain)
    shown, _ = seen(kept)
    # The palette's own error, and at most what may be kept.
    for (there, _), here in zip(shown, pictures, strict=True):
        assert np.abs(there.astype(int) - here).mean() < 10


@pytest.mark.slow
def test_a_gif_of_one_picture(tmp_path):
    path = tmp_path / "one.gif"
    path.write_bytes(write_gif([ramp()], [10]))
    with Film(path) as film:
        assert len(list(film.pictures())) == 1
    assert len(read_times(path).delays) == 1


def test_gifs_of_others_are_read_with_disposal_and_transparency(tmp_path):
    path = tmp_path / "other.gif"
    frames = []
    for n in range(3):
        part = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
        part.paste((250, 0, 0, 255), (10 * n, 0, 10 * n + 10, 20))
        frames.append(part)
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=[40, 200, 70], loop=0, disposal=2
    )
    with Film(path) as film:
        pictures = list(film.pictures())
    assert [float(p.time) for p in pictures] == [0, 0.04, 0.24]
    red = [p.frame.to_ndarray(format="rgba")[10, :, 0] > 200 for p in pictures]
    for n, row in enumerate(red):
        clear = pictures[n].frame.to_ndarray(format="rgba")[10, :, 3] < 128
        assert (row & ~clear).nonzero()[0].tolist() == list(range(10 * n, 10 * n + 10))
    assert read_times(path).delays == (4, 20, 7)


def test_what_is_no_gif_is_said(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(write_webp([ramp(), ramp(80)], [40, 40]))
    assert read_times(path) is None
    with pytest.raises(MediaError, match="animated WebP cannot be read"):
        Film(path)
    with pytest.raises(UsageError, match="colours"):
        GifOptions(colours=1)
    shown, _ = seen(path.read_bytes())
    assert len(shown) == 2
