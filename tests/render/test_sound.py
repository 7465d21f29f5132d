"""The clips' own sound: where it lies, how loud it is, and what is heard at cuts."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from films import clicks, flat, make_film, noise, read_sound
from kuleshov.errors import TimelineError
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.levels import CEILING, faded_out, limited, loudness
from kuleshov.notes import texts
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.render.sound import RATE, ClipsMixed
from kuleshov.timeline import (
    Clip,
    ClipSound,
    Dissolve,
    Gap,
    Layout,
    Media,
    Sound,
    Timeline,
    Track,
)

F = Fraction
SIZE = (32, 32)
QUICK = RenderOptions(write=WriteOptions(preset="ultrafast"))


def tone(frequency: float, level: float, seconds: float, rate: int = 48000, channels: int = 2):
    line = level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.tile(line.astype(np.float32), (channels, 1))


def footage(path: Path, sound=None, seconds: float = 4, **how) -> Media:
    pictures = (flat(100, size=SIZE) for _ in range(round(25 * seconds)))
    return Media(make_film(path, pictures, sound=sound, gop=250, **how))


def film(*items, how: ClipSound | None = None, transitions=()) -> Timeline:
    layout = Layout.single(*SIZE)
    return Timeline("f", F(25), layout, (Track("recut", items, transitions),), how or ClipSound())


def heard(timeline: Timeline) -> np.ndarray:
    assert isinstance(timeline.sound, ClipSound)
    mixed = ClipsMixed(timeline, timeline.sound)
    return np.concatenate(list(mixed.blocks()), axis=1)


def test_a_click_of_each_clip_lands_where_its_picture_does(tmp_path):
    # WAV in Matroska: what was written comes back to the sample.
    far = 30
    one = footage(tmp_path / "a.mkv", clicks([1.0], 4), sound_codec="pcm_s16le")
    other = footage(
        tmp_path / "b.mkv",
        clicks([far + 0.5], far + 2, 44100),
        far + 2,
        sound_rate=44100,
        sound_codec="pcm_s16le",
    )
    whole = film(Clip(one, F(4, 5), 20), Gap(5), Clip(other, F(far), 25), how=ClipSound(None))
    found = heard(whole)
    assert found.shape == (2, 50 * RATE // 25)
    loud = np.flatnonzero(np.abs(found[0]) > 0.25 * np.abs(found).max())
    first = loud[0]
    second = loud[loud > first + RATE // 10][0]
    expected = np.abs(clicks([0], 1)[0])
    lead = np.flatnonzero(expected > 0.25 * expected.max())[0]
    assert abs(first - lead - 0.2 * RATE) <= 2
    # Matroska counts in milliseconds: what was sought may lie half of one aside.
    assert abs(second - lead - 1.5 * RATE) <= 26


@pytest.mark.slow
def test_the_written_film_has_the_clips_sound_in_time(tmp_path):
    one = footage(tmp_path / "a.mp4", clicks([1.0], 4))
    other = footage(tmp_path / "b.mp4", clicks([2.0], 4))
    silent = footage(tmp_path / "c.mp4")
    whole = film(Clip(one, F(1, 2), 25), Clip(silent, F(0), 25), Clip(other, F(1), 50))
    made = render(whole, tmp_path / "out.mp4", QUICK)
    assert made.sound == "encoded"
    assert tuple(texts(made.warnings)) == ("Clips of c.mp4 are silent: there is no sound in them.",)
    data, rate, start = read_sound(tmp_path / "out.mp4")
    assert data.shape[0] == 2
    level = np.abs(data[0])
    for time in (0.5, 3.0):
        near = round((time - 0.02 - float(start)) * rate), round((time + 0.03) * rate)
        at = near[0] + int(level[slice(*near)].argmax())
        assert abs(at / rate + float(start) - time - 0.005) < 0.002
    assert level[round(1.2 * rate) : round(1.8 * rate)].max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("level", [-23.0, -16.0])
def test_clips_are_brought_to_one_loudness(tmp_path, level):
    sounds = [tone(440, 0.5, 4), tone(300, 0.02, 4), noise(4, seed=1) * 0.3, tone(900, 0.1, 4)]
    media = [footage(tmp_path / f"{n}.mp4", sound) for n, sound in enumerate(sounds)]
    whole = film(*(Clip(one, F(1), 50) for one in media), how=ClipSound(level))
    found = heard(whole)
    for number in range(len(media)):
        part = found[:, round((2 * number + 0.1) * RATE) : round((2 * number + 1.9) * RATE)]
        assert abs(loudness([part], RATE) - level) < 1.5
    assert np.abs(found).max() <= CEILING + 1e-6


@pytest.mark.slow
def test_gain_is_heard_and_noise_is_not_brought_up(tmp_path):
    loud = footage(tmp_path / "a.mp4", tone(440, 0.3, 4))
    faint = footage(tmp_path / "b.mp4", tone(440, 0.0005, 4))
    found = heard(film(Clip(loud, F(1), 25), Clip(loud, F(0), 25, gain=0.5), Clip(faint, F(0), 25)))
    power = [np.square(found[:, n * RATE + 4800 : (n + 1) * RATE - 4800]).mean() for n in range(3)]
    assert 10 * math.log10(power[1] / power[0]) == pytest.approx(-6.02, abs=0.3)
    assert 10 * math.log10(power[2] / power[0]) < -20


@pytest.mark.slow
def test_no_clicks_at_cuts(tmp_path):
    """A tone cut hard steps; cross-faded no step is larger than within a clip."""
    media = [footage(tmp_path / f"{n}.mp4", tone(220, 0.2, 4)) for n in range(2)]
    items = [Clip(media[n % 2], F(1) + n * F(1, 700), 20) for n in range(4)]
    smooth, hard = (heard(film(*items, how=ClipSound(None, fade))) for fade in (F(1, 25), F(0)))
    within = np.abs(np.diff(smooth[0, 4800:24000])).max()
    assert np.abs(np.diff(hard[0])).max() > 2 * within
    assert np.abs(np.diff(smooth[0])).max() < 1.6 * within
    assert smooth[0, :2].max() < 0.01  # nor at the film's ends
    assert np.abs(smooth[0, -2:]).max() < 0.01


@pytest.mark.slow
def test_equal_power_at_a_cut_between_unlike_sounds(tmp_path):
    media = [footage(tmp_path / f"{n}.mp4", noise(4, seed=n)) for n in range(2)]
    found = heard(film(*(Clip(one, F(1), 25) for one in media), how=ClipSound(-23, F(2, 5))))
    steady = np.square(found[:, RATE // 4 : RATE * 3 // 4]).mean()
    cut = np.square(found[:, RATE - 4800 : RATE + 4800]).mean()
    assert abs(10 * math.log10(cut / steady)) < 1


def test_clips_that_go_on_are_one_piece(tmp_path):
    media = footage(tmp_path / "a.mp4", tone(220, 0.2, 4))
    cut = heard(film(Clip(media, F(1), 25), Clip(media, F(2), 25)))
    whole = heard(film(Clip(media, F(1), 50)))
    assert np.array_equal(cut, whole)


def test_sound_fades_over_a_dissolve(tmp_path):
    media = [footage(tmp_path / f"{n}.mp4", tone(220, 0.2, 4)) for n in range(2)]
    clips = Clip(media[0], F(1), 25), Clip(media[1], F(1), 25), Gap(10)
    whole = film(*clips, transitions=(Dissolve(0, 5, 5), Dissolve(1, 10, 0)))
    mixed = ClipsMixed(whole, ClipSound())
    assert [(p.begin, p.end, p.rise, p.fall) for p in mixed.pieces] == [
        (0, 30 * 1920, 960, 10 * 1920),
        (20 * 1920, 50 * 1920, 10 * 1920, 10 * 1920),
    ]
    assert mixed.pieces[1].start == F(1) - F(5, 25)


def test_other_speeds_are_silent_and_said(tmp_path):
    media = footage(tmp_path / "a.mp4", tone(220, 0.2, 4))
    whole = film(Clip(media, F(1), 25, speed=F(1, 2)), Clip(media, F(1), 25, speed=F(0)))
    made = render(whole, tmp_path / "out.mp4", QUICK)
    assert made.sound == "none"
    assert tuple(texts(made.warnings)) == ("2 clips are silent: not at the footage's own speed.",)


def test_a_clip_beyond_the_end_of_its_sound_is_silent_there(tmp_path):
    media = footage(tmp_path / "a.mp4", tone(220, 0.2, 1))
    found = heard(film(Clip(media, F(1, 2), 50)))
    assert np.abs(found[:, : RATE // 3]).max() > 0.01
    assert not np.abs(found[:, RATE:]).any()


def test_loudness_of_known_sounds():
    # EBU Tech 3341: a stereo sine of 1 kHz at -23 dBFS in both channels has -23 LUFS.
    level = 10 ** (-23 / 20)
    for rate in (44100, 48000):
        assert loudness([tone(997, level, 3, rate)], rate) == pytest.approx(-23, abs=0.1)
    # Silence around it does not count.
    quiet = np.zeros((2, 48000 * 3), np.float32)
    assert loudness([quiet, tone(997, level, 3), quiet], 48000) == pytest.approx(-23, abs=0.5)
    assert loudness([tone(997, level, 0.2)], 48000) == pytest.approx(-23, abs=0.5)
    assert loudness([quiet], 48000) == -math.inf
    assert loudness([], 48000) == -math.inf


def test_the_limiter_leaves_alone_what_is_quiet_and_clips_nothing():
    rng = np.random.default_rng(0)
    sound = (rng.standard_normal((2, 30000)) * 0.1).astype(np.float32)
    sound[:, 12000:12100] *= 20
    for size in (77, 1024, 30000):
        pieces = [sound[:, at : at + size] for at in range(0, 30000, size)]
        found = np.concatenate(list(limited(pieces, RATE)), axis=1)
        assert found.shape == sound.shape
        assert np.abs(found).max() <= CEILING + 1e-6
        assert np.array_equal(found[:, :11500], sound[:, :11500])
        assert np.array_equal(found[:, 12700:], sound[:, 12700:])
        whole = np.concatenate(list(limited([sound], RATE)), axis=1)
        assert np.allclose(found, whole, atol=1e-6)


@pytest.mark.slow
def test_a_song_fades_out(tmp_path):
    flat_line = [np.ones((1, 700), np.float32)] * 10
    found = np.concatenate(list(faded_out(iter(flat_line), 7000, 2000)), axis=1)[0]
    assert np.all(found[:5000] == 1)
    assert np.all(np.diff(found[5000:]) < 0)
    assert found[-1] < 0.001
    song = footage(tmp_path / "song.mp4", tone(220, 0.3, 4))
    picture = footage(tmp_path / "a.mp4")
    layout = Layout.single(*SIZE)
    track = Track("recut", (Clip(picture, F(0), 50),))
    sound = Sound(song, F(1), F(2), F(1))
    render(Timeline("f", F(25), layout, (track,), sound), tmp_path / "out.mp4", QUICK)
    data, rate, _ = read_sound(tmp_path / "out.mp4")
    parts = [np.abs(data[0, round(t * rate) : round((t + 0.1) * rate)]).max() for t in (0.5, 1.9)]
    assert parts[0] > 0.25
    assert parts[1] < 0.06


@pytest.mark.parametrize("how", [{"level": 3}, {"fade": F(-1)}, {"fade": F(2)}])
def test_what_clips_cannot_sound_like(how):
    with pytest.raises(TimelineError):
        ClipSound(**how)
