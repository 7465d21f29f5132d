"""Find the beats of a song with librosa (`pip install 'kuleshov[music]'`).

librosa finds them (dynamic programming over an onset envelope: Ellis 2007, "Beat Tracking by
Dynamic Programming"); its frames are coarse and lie a few hundredths of a second late, so each beat
is moved here to the steepest rise of sound near it.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError, UsageError
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.media.audio import SoundReader

__all__ = ["beats", "check_music", "on_the_bass", "refined"]

_RATE = 22050
_HOP = 256  # samples between two of librosa's frames: 12 ms
_FINE = 64  # samples between two samples of the rise: 3 ms
_NEAR = 0.07  # s around a beat in which its onset is looked for
_CLEAR = 4.0  # times the usual rise: an onset that a beat is moved to
_EARLY = 0.8  # of the pace; a beat that is sooner, in the silence at an end, is none
_STEADY = 0.1  # of the pace; steps that differ by more are missed beats
_BASS = 150.0  # Hz
_HARDER = 2.0
_FEWEST = 4  # beats; fewer are no beat

Times = NDArray[np.float64]
Samples = NDArray[np.float32]


def check_music() -> None:
    """Raise `UsageError`, saying what to install, where beats cannot be found here."""
    if importlib.util.find_spec("librosa") is None:
        raise UsageError(
            "Cutting to music needs librosa: install it with `pip install 'kuleshov[music]'`."
        )


def beats(path: Path, seconds: float | None = None, job: Job = QUIET) -> tuple[Times, float]:
    """Return the times of a song's beats in s, and its length in s, at most `seconds`.

    They go on at the same pace up to its beginning and its end. Raises `UsageError` without
    librosa, `MediaError` where the file has no sound, or none with a beat.
    """
    check_music()
    reader = SoundReader.open(path)
    if reader is None:
        raise MediaError(path, "it has no sound to cut to.")
    with job.step(f"listening to {path.name}"):
        sound = _read(reader.resampled(_RATE, "mono"), seconds, job)
        length = len(sound) / _RATE
        # librosa finds the beats in one go.
        found = stoppable(
            lambda: refined(on_the_bass(_tracked(sound), sound, _RATE), sound, _RATE), job
        )
    if len(found) < _FEWEST:
        raise MediaError(path, "no beat can be told in it.", code="no-beat")
    return _whole(found, length), length


def _read(reader: SoundReader, seconds: float | None, job: Job) -> Samples:
    pieces, count = [], 0
    for piece in job.over(reader.blocks()):
        pieces.append(piece[0])
        count += piece.shape[1]
        if seconds is not None and count >= seconds * _RATE:
            break
    whole = np.concatenate([np.zeros(0, np.float32), *pieces])
    return whole if seconds is None else whole[: round(seconds * _RATE)]


def _tracked(sound: Samples) -> Times:
    """Return the beats as librosa finds them."""
    if not len(sound) or not np.abs(sound).max() > 0:
        return np.zeros(0)
    with warnings.catch_warnings(), _own_numba_cache():
        warnings.simplefilter("ignore")  # of its own dependencies
        import librosa

        _, frames = librosa.beat.beat_track(y=sound, sr=_RATE, hop_length=_HOP, trim=False)
    return np.asarray(frames, np.float64) * _HOP / _RATE


@contextmanager
def _own_numba_cache() -> Iterator[None]:
    """Keep what librosa compiles in Kuleshov's cache folder, unless NUMBA_CACHE_DIR names another.

    Numba would keep it beside librosa, or elsewhere in the home folder where that is not allowed.
    """
    import numba
    from platformdirs import user_cache_path

    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = before or str(user_cache_path("kuleshov") / "numba")
    try:
        yield
    finally:
        config.CACHE_DIR = before


def refined(found: Times, sound: Samples, rate: int) -> Times:
    """Return beats, in s, each moved to the steepest rise of sound near it.

    `sound` is (N,); a rise counts within 70 ms where it is clear, and the other beats are moved by
    as much as most.
    """
    if not len(found):
        return found
    rise = _rise(sound)
    step = _FINE / rate
    reach = round(_NEAR / step)
    usual = float(np.median(rise)) + 1e-9
    moved = np.full(len(found), np.nan)
    for number, time in enumerate(found):
        first = max(0, round(time / step) - reach)
        part = rise[first : round(time / step) + reach + 1]
        if part.size and part.max() > _CLEAR * usual:
            moved[number] = (first + int(part.argmax())) * step - time
    clear = ~np.isnan(moved)
    if not clear.any():
        return found
    shift = np.where(clear, moved, np.median(moved[clear]))
    return np.unique(np.maximum(found + shift, 0.0))


def on_the_bass(found: Times, sound: Samples, rate: int) -> Times:
    """Return beats, in s, moved by half a beat where the bass strikes far harder there.

    Cymbals between the beats are the clearer onsets; what people hear as the beat is the drum.
    """
    from scipy.signal import butter, sosfilt

    if len(found) < _FEWEST:
        return found
    low = sosfilt(butter(4, _BASS, fs=rate, output="sos"), sound).astype(np.float32)
    rise, step = _rise(low), _FINE / rate
    reach = round(_NEAR / step)

    def struck(times: Times) -> float:
        parts = (rise[max(0, round(t / step) - reach) :][: 2 * reach + 1] for t in times)
        return float(np.median([part.max() for part in parts if part.size] or [0.0]))

    between = (found[1:] + found[:-1]) / 2
    return between if struck(between) > _HARDER * struck(found) else found


def _rise(sound: Samples) -> Times:
    """Return how steeply loudness rises at each step of 64 samples, (N // 64,).

    The samples before and after each step are compared.
    """
    steps = sound[: len(sound) // _FINE * _FINE].reshape(-1, _FINE).astype(np.float64)
    power = np.concatenate([[0.0] * 4, (steps * steps).mean(axis=1), [0.0] * 4])
    summed = np.concatenate([[0.0], np.cumsum(power)])
    after, before = summed[8:-1] - summed[4:-5], summed[4:-5] - summed[:-9]
    floor = 1e-4 * max(float(power.max()), 1e-12)
    level = np.log((after + floor) / (before + floor))
    return np.asarray(np.maximum(level, 0.0) * np.sqrt(after + floor))


def _whole(found: Times, length: float) -> Times:
    """Return beats from the beginning to the end of a sound, at the pace of those found."""
    steps = np.diff(found)
    usual = float(np.median(steps))
    pace = float(steps[np.abs(steps - usual) < _STEADY * usual].mean())
    while len(found) > _FEWEST and found[1] - found[0] < _EARLY * pace:
        found = found[1:]
    while len(found) > _FEWEST and found[-1] - found[-2] < _EARLY * pace:
        found = found[:-1]
    before = found[0] - pace * np.arange(1, int(found[0] / pace) + 1)
    after = found[-1] + pace * np.arange(1, int(max(0.0, length - found[-1]) / pace) + 1)
    return np.concatenate([before[::-1], found, after])
