"""Measure how loud sound is, and change its level as films need it: fades, and a limiter.

Loudness is that of ITU-R BS.1770-4 and EBU R 128: K-weighted, in blocks of 400 ms that overlap by
three quarters, of which those below -70 LUFS, and then those 10 LU below the rest's mean, do not
count. Sound is (channels, N) float32 within ±1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["CEILING", "SILENT", "faded_out", "limited", "loudness", "rising"]

Block = NDArray[np.float32]

CEILING = 10 ** (-1 / 20)
"""The most that a sample has after `limited`: -1 dB of full scale, room for what encoders add."""

SILENT = -70.0
"""LUFS; sound below is silence."""

_STEP = 0.1  # s from one block to the next
_RELATIVE = 10.0  # LU below the mean
_LOOK = 0.005  # s over which the limiter falls and rises


def loudness(pieces: Iterable[Block], rate: int) -> float:
    """Return the integrated loudness of a sound in LUFS; -inf for silence.

    Sound shorter than a block counts as one. Channels count alike, as in mono and stereo.
    """
    from scipy.signal import sosfilt

    filters = _k_weighting(rate)
    step = max(1, round(_STEP * rate))
    state: NDArray[np.float64] | None = None
    energy: list[float] = []  # of each 100 ms, all channels summed
    rest, count, total, samples = 0.0, 0, 0.0, 0
    for piece in pieces:
        if not piece.shape[1]:
            continue
        if state is None:
            state = np.zeros((len(filters), len(piece), 2))
        weighted, state = sosfilt(filters, piece.astype(np.float64), axis=1, zi=state)
        power = (weighted * weighted).sum(axis=0)
        total += float(power.sum())
        samples += len(power)
        while len(power):
            taken = power[: step - count]
            rest, count, power = rest + float(taken.sum()), count + len(taken), power[len(taken) :]
            if count == step:
                energy.append(rest / step)
                rest, count = 0.0, 0
    if len(energy) < 4:
        return _lufs(total / samples) if samples else -math.inf
    blocks = np.convolve(energy, np.full(4, 0.25), "valid")
    heard = blocks[blocks > _power(SILENT)]
    if not heard.size:
        return -math.inf
    heard = heard[heard > _power(_lufs(float(heard.mean())) - _RELATIVE)]
    return _lufs(float(heard.mean()))


def rising(first: int, end: int, begin: int, length: int) -> NDArray[np.float32]:
    """Return the weights, (end - first,), of samples `first` to `end` in a fade of equal power.

    It lasts `length` samples and begins at sample `begin`: 0 before it, 1 after it.
    """
    if not length:
        return (np.arange(first, end) >= begin).astype(np.float32)
    place = (np.arange(first, end) + 0.5 - begin) / length
    return np.sin(np.clip(place, 0, 1) * (math.pi / 2)).astype(np.float32)


def faded_out(pieces: Iterable[Block], length: int, fade: int) -> Iterator[Block]:
    """Yield a sound of `length` samples whose last `fade` fall to silence."""
    at = 0
    for piece in pieces:
        end = at + piece.shape[1]
        if end > length - fade:
            weights = rising(length - end, length - at, 0, min(fade, length))[::-1]
            yield np.asarray(piece * weights, np.float32)
        else:
            yield piece
        at = end


def limited(pieces: Iterable[Block], rate: int) -> Iterator[Block]:
    """Yield the same sound, as long, with no sample beyond `CEILING`.

    What is quieter stays as it is to the last bit. Around louder samples the gain falls and rises
    within 5 ms: the least gain needed within that time, smoothed over as long, which never lies
    above what a sample needs.
    """
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    reach = max(1, round(_LOOK * rate / 2))
    context = 2 * reach
    held: Block | None = None  # context of what was given, then what waits for its future
    waiting = 0
    for piece in _and_end(pieces):
        last = piece is None
        if piece is not None:
            if held is None:
                held = np.zeros((len(piece), context), np.float32)
            held = np.concatenate([held, piece], axis=1)
            waiting += piece.shape[1]
        if held is None:
            return
        ready = waiting if last else waiting - context
        if ready <= 0:
            continue
        own = held[:, held.shape[1] - waiting :][:, :ready]
        need = np.minimum(1.0, CEILING / np.maximum(np.abs(held).max(axis=0), 1e-9))
        if need.min() < 1:
            low = minimum_filter1d(need, 2 * reach + 1, mode="nearest")
            gain = np.minimum(uniform_filter1d(low, 2 * reach + 1, mode="nearest"), need)
            begin = held.shape[1] - waiting
            own = own * gain[begin : begin + ready]
        yield np.asarray(own, np.float32)
        waiting -= ready
        held = held[:, -(waiting + context) :]


def _and_end(pieces: Iterable[Block]) -> Iterator[Block | None]:
    yield from pieces
    yield None


def _k_weighting(rate: int) -> NDArray[np.float64]:
    """Return BS.1770's two filters at a sampling rate, as second-order sections.

    They are the shelf of the head and the high pass, from their analogue prototypes (De Man 2014).
    """
    gain, q, corner = 3.99984385397, 0.7071752369554193, 1681.9744509555319
    k = math.tan(math.pi * corner / rate)
    high, band = 10 ** (gain / 20), 10 ** (gain / 20 * 0.499666774155)
    a0 = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        *(1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    ]
    q, corner = 0.5003270373253953, 38.13547087613982
    k = math.tan(math.pi * corner / rate)
    a0 = 1 + k / q + k * k
    cut = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, cut])


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))
