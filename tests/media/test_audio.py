from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import clicks, flat, join_ts, make_film, noise, numbered, read_sound
from kuleshov.errors import MediaError, MediaNotFound
from kuleshov.media.audio import SoundReader, open_sound, samples
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.write import FilmWriter
from kuleshov.timeline import Media, Sound

F = Fraction

SMALL = (64, 64)


def source(path: Path, **how: Any) -> Path:
    return make_film(path, numbered(50, SMALL), **{"sound": noise(2.0), **how})


def write(path: Path, sound: Sound, frames: int = 50) -> tuple[str, Path]:
    opened = open_sound(sound, F(25))
    assert opened is not None
    out = path.with_name("out.mp4")
    with FilmWriter(out, *SMALL, F(25), WriteOptions(preset="ultrafast"), opened) as writer:
        for _ in range(frames):
            writer.write(flat(100, size=SMALL))
    return opened.kind, out


def data_of(path: Path, start: F = F(0), duration: F | None = None) -> Any:
    found = samples(path, start, duration)
    assert found is not None
    return found.data


def lag(one: Any, other: Any) -> int:
    """How many samples `other` comes later than `one`, by cross-correlation."""
    count = min(one.shape[1], other.shape[1])
    a, b = one[0, :count], other[0, :count]
    size = 2 * count
    product = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    peak = int(np.fft.irfft(product, size).argmax())
    return peak if peak < count else peak - size


COPIED: dict[str, tuple[str, dict[str, Any]]] = {
    "aac in mp4": ("a.mp4", {}),
    "mp3 in mp4": ("a.mp4", {"sound_codec": "libmp3lame"}),
    "aac in matroska": ("a.mkv", {}),
    "aac in a transport stream": ("a.ts", {}),
    "later than the picture": ("a.mp4", {"sound_start": F(1, 3)}),
    "much later": ("a.mp4", {"sound_start": F(3, 2)}),
    "earlier than the picture": ("a.mp4", {"picture_start": F(8, 25)}),
    "earlier in a transport stream": ("a.ts", {"picture_start": F(8, 25)}),
    "longer than the picture": ("a.mp4", {"sound": noise(4.0)}),
    "5.1": ("a.mp4", {"sound": noise(2.0, 48000, 6)}),
    "shorter than the picture": ("a.mp4", {"sound": noise(0.5)}),
    "before zero": ("a.mkv", {"picture_start": F(-1), "sound_start": F(-1)}),
    "mono": ("a.mp4", {"sound": noise(2.0, 44100, 1), "sound_rate": 44100}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", COPIED)
def test_copied_sound_is_the_same_sound(case: str, tmp_path: Path) -> None:
    name, how = COPIED[case]
    path = source(tmp_path / name, **how)
    kind, out = write(path, Sound(Media(path)))
    assert kind == "copied"
    assert np.array_equal(data_of(path), data_of(out))


@pytest.mark.slow
def test_time_zero_is_the_first_picture(tmp_path: Path) -> None:
    sound = clicks([0.5, 1.0], 2.0)
    for name, how, times in (
        ("late.mp4", {"sound_start": F(1, 4)}, [0.75, 1.25]),
        ("early.mkv", {"picture_start": F(8, 25)}, [0.18, 0.68]),
        ("early.ts", {"picture_start": F(8, 25)}, None),  # its muxer shifts the picture a little
    ):
        path = source(tmp_path / name, sound=sound, **how)
        if times is None:
            first = SoundReader.open(path)
            assert first is not None
            start = read_sound(path)[2]
            times = [0.5 + float(start - first.zero), 1.0 + float(start - first.zero)]
        for found in (path, write(path, Sound(Media(path)))[1]):
            loud = np.abs(data_of(found)[0]) > 0.3
            peaks = np.flatnonzero(loud[1:] & ~loud[:-1])
            starts = [peaks[0], peaks[np.searchsorted(peaks, peaks[0] + 4800)]]
            assert np.abs(np.array(starts) / 48000 - times).max() < 0.03, (name, found.name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.mov", {"sound_codec": "pcm_s16le"}),
        ("a.mov", {"sound_codec": "pcm_s16le", "sound_start": F(1, 3)}),
        ("a.mkv", {"sound_codec": "libopus"}),
        ("a.mov", {"sound_codec": "pcm_s16le", "sound": noise(2.0, 48000, 6)}),
        ("a.mkv", {"sound_codec": "pcm_s16le", "sound": noise(2.0, 44100, 1), "sound_rate": 44100}),
    ],
)
def test_encoded_sound_is_aligned_to_the_sample(name: str, how: Any, tmp_path: Path) -> None:
    path = source(tmp_path / name, **how)
    kind, out = write(path, Sound(Media(path)))
    assert kind == "encoded"
    given, written = data_of(path), data_of(out)
    assert lag(given, written) == 0
    count = given.shape[1]
    assert 0 <= written.shape[1] - count < 1024  # the last AAC frame is filled up with silence
    assert np.abs(written[:, count + 200 :]).max(initial=0) < 0.05
    with av.open(str(out)) as container:
        assert container.streams.audio[0].duration == count  # what players go by
    heard = [c for c in range(len(given)) if len(given) != 6 or c != 3]  # AAC cuts basses off there
    assert np.sqrt(np.mean((written[heard, :count] - given[heard]) ** 2)) < 0.1 * given.std()


@pytest.mark.slow
def test_no_drift_over_two_minutes(tmp_path: Path) -> None:
    sound = noise(120.0, 44100, 1)
    path = source(tmp_path / "a.mkv", sound=sound, sound_rate=44100, sound_codec="pcm_s16le")
    _, out = write(path, Sound(Media(path)))
    written = data_of(out)
    for second in (0, 60, 117):
        part = slice(second * 44100, (second + 2) * 44100)
        assert lag(sound[:, part], written[:, part]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "duration"), [(F(1, 2), F(1)), (F(1, 7), None), (F(0), F(3)), (F(-1, 4), F(2))]
)
def test_trimmed_sound_is_exact(start: F, duration: F | None, tmp_path: Path) -> None:
    path = source(tmp_path / "a.mp4")
    kind, out = write(path, Sound(Media(path), start, duration))
    assert kind == "encoded"
    given, written = data_of(path, start, duration), data_of(out)
    if duration is not None:
        assert given.shape[1] == duration * 48000
    assert lag(given, written) == 0
    with av.open(str(out)) as container:
        assert container.streams.audio[0].duration == given.shape[1]


def test_samples_are_cut_and_filled_to_the_sample(tmp_path: Path) -> None:
    sound = noise(2.0, 48000, 1)
    path = source(tmp_path / "a.mkv", sound=sound, sound_codec="pcm_s16le", sound_start=F(1, 4))
    found = samples(path, F(1, 8), F(1))
    assert found is not None
    assert (found.rate, found.data.shape, found.data.dtype) == (48000, (1, 48000), np.float32)
    assert not found.data[0, :6000].any()
    assert np.abs(found.data[0, 6000:] - sound[0, :42000]).max() < 1e-4
    assert data_of(path, F(10), F(1, 2)).shape == (1, 24000)


def test_rates_that_aac_does_not_know_are_resampled(tmp_path: Path) -> None:
    sound = noise(2.0, 11000, 1)
    path = source(tmp_path / "a.mov", sound=sound, sound_rate=11000, sound_codec="pcm_s16le")
    _, out = write(path, Sound(Media(path)))
    found = samples(out)
    assert found is not None
    assert found.rate == 48000
    with av.open(str(out)) as container:
        assert abs((container.streams.audio[0].duration or 0) - 96000) <= 1
    coarse = found.data[:, : 48 * (found.data.shape[1] // 48)]
    resampled = np.interp(np.arange(22000) * 48 / 11, np.arange(coarse.shape[1]), coarse[0])
    assert lag(sound, resampled[None]) == 0


def test_holes_are_filled_with_silence(tmp_path: Path) -> None:
    sound = noise(2.0, 48000, 1)
    path = source(tmp_path / "a.ts", sound=sound)
    whole = data_of(path)
    data = bytearray(path.read_bytes())
    packets = [data[i : i + 188] for i in range(0, len(data), 188)]
    heard = [i for i, p in enumerate(packets) if ((p[1] & 31) << 8 | p[2]) == 0x101]
    lost = set(heard[len(heard) // 3 : len(heard) // 2])
    path.write_bytes(b"".join(p for i, p in enumerate(packets) if i not in lost))
    holed = data_of(path)
    assert abs(holed.shape[1] - whole.shape[1]) <= 1024
    silent = np.convolve(np.abs(holed[0]) < 1e-6, np.ones(2000), "valid").max()
    assert silent == 2000
    end = slice(whole.shape[1] - 24000, whole.shape[1] - 2000)
    assert lag(whole[:, end], holed[:, end]) == 0
    _, out = write(path, Sound(Media(path)))
    assert lag(holed, data_of(out)) == 0


@pytest.mark.slow
def test_clocks_that_restart(tmp_path: Path) -> None:
    parts = [
        make_film(tmp_path / f"{i}.ts", numbered(50, SMALL), sound=noise(2.0, 48000, 1, seed=i))
        for i in range(2)
    ]
    path = join_ts(parts, tmp_path / "joined.ts")
    given = data_of(path)
    assert abs(given.shape[1] - 4 * 48000) < 4096
    _, out = write(path, Sound(Media(path)), 100)
    assert lag(given, data_of(out)) == 0


def test_no_sound_and_no_file(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", numbered(5, SMALL))
    assert samples(path) is None
    assert open_sound(Sound(Media(path))) is None
    assert open_sound(None) is None
    with pytest.raises(MediaNotFound):
        samples(tmp_path / "none.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"nothing" * 99)
    with pytest.raises(MediaError):
        samples(tmp_path / "bad.mp4")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "aac"),
        ("a.mkv", "libopus"),
        ("a.mp4", "libmp3lame"),
        ("a.avi", "pcm_s16le"),
    ],
)
def test_what_lies_far_into_a_film_is_sought_and_the_same(tmp_path, name, codec):
    """Sought, it comes at the same time as decoded from the beginning: to the sample, in Matroska
    to the millisecond of its clock."""
    sound = noise(24, seed=3)
    pictures = (flat(100, size=(32, 32)) for _ in range(10 * 24))
    path = make_film(tmp_path / name, pictures, 10, sound=sound, sound_codec=codec)
    reader = SoundReader.open(path)
    assert reader is not None
    whole = np.concatenate(list(reader.blocks(Fraction(0), Fraction(22))), axis=1)[0]
    part = np.concatenate(list(reader.blocks(Fraction(20), Fraction(1))), axis=1)[0]
    first = 20 * reader.rate
    slack = 48 if name.endswith("mkv") else 1
    errors = [
        np.abs(whole[first + shift : first + shift + len(part)] - part).max()
        for shift in range(-slack, slack + 1)
    ]
    assert len(part) == reader.rate
    assert min(errors) < 0.01 < np.abs(part).max()
