"""Beats of click tracks whose beats are known."""

import importlib.util

import numpy as np
import pytest

from films import clicks, flat, make_film
from kuleshov.errors import MediaError, UsageError
from kuleshov.media.beats import beats, check_music, on_the_bass, refined

pytestmark = pytest.mark.slow

needs_librosa = pytest.mark.skipif(
    importlib.util.find_spec("librosa") is None, reason="librosa (kuleshov[music]) is not here"
)


def song(path, sound):
    pictures = (flat(100, size=(32, 32)) for _ in range(10))
    return make_film(path, pictures, sound=sound, sound_codec="pcm_s16le")


@pytest.mark.slow
@needs_librosa
@pytest.mark.parametrize("tempo", [96, 128])
def test_the_beats_of_a_click_track_are_met_within_a_frame(tmp_path, tempo):
    times = np.arange(0.3, 19.8, 60 / tempo)
    found, length = beats(song(tmp_path / "song.mkv", clicks(times.tolist(), 20)))
    assert length == pytest.approx(20, abs=0.05)
    missed = [time for time in times if np.abs(found - time).min() > 1 / 25]
    assert not missed
    near = np.array([np.abs(found - time).min() for time in times])
    assert np.median(near) < 0.01
    # None lies between, and they reach to both ends.
    assert np.diff(found).min() > 0.7 * 60 / tempo
    assert found[0] < 60 / tempo + 0.05
    assert found[-1] > length - 60 / tempo - 0.05


@needs_librosa
def test_as_much_as_is_asked_for_and_what_has_no_beat(tmp_path):
    times = np.arange(0.3, 19.8, 0.5)
    path = song(tmp_path / "song.mkv", clicks(times.tolist(), 20))
    found, length = beats(path, 6.0)
    assert length == pytest.approx(6)
    assert found[-1] <= 6
    silent = song(tmp_path / "silent.mkv", np.zeros((1, 48000 * 4), np.float32))
    with pytest.raises(MediaError, match="no beat"):
        beats(silent)
    mute = make_film(tmp_path / "mute.mp4", [flat(100, size=(32, 32))] * 5)
    with pytest.raises(MediaError, match="no sound to cut to"):
        beats(mute)


def test_beats_move_to_the_onset_near_them():
    rate = 22050
    times = np.arange(0.5, 7.9, 0.5)
    sound = clicks(times.tolist(), 8, rate)[0]
    late = times + 0.04
    assert np.abs(refined(late, sound, rate) - times).max() < 0.006
    # Where nothing sounds a beat moves as the others do.
    sound[round(1.9 * rate) : round(2.1 * rate)] = 0
    assert np.abs(refined(late, sound, rate) - times).max() < 0.006
    assert not len(refined(np.zeros(0), sound, rate))
    assert np.array_equal(refined(late, np.zeros(8 * rate, np.float32), rate), late)


def test_the_beat_is_where_the_drum_is_not_the_cymbal():
    rate, drums = 22050, np.arange(0.3, 7.7, 0.5)
    time = np.arange(rate // 8) / rate
    drum = np.sin(2 * np.pi * 70 * time) * np.exp(-time * 20)
    sound = np.zeros(8 * rate, np.float32)
    for at in drums:
        first = round(at * rate)
        sound[first : first + len(drum)] += 0.5 * drum[: len(sound) - first]
    cymbals = drums + 0.25
    sound += clicks(cymbals.tolist(), 8, rate)[0]
    moved = on_the_bass(cymbals, sound, rate)
    assert np.abs(moved - drums[1:]).max() < 0.01
    assert np.array_equal(on_the_bass(drums, sound, rate), drums)


def test_without_librosa_it_says_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "librosa" else find(name, *a)
    )
    with pytest.raises(UsageError, match=r"pip install 'kuleshov\[music\]'"):
        check_music()
