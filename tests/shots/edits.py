"""Pairs of shots joined in known ways, as tiny frames (N, 27, 48, 3) uint8."""

from __future__ import annotations

import numpy as np

from kuleshov.shots.light import Light, LightMeter

HEIGHT, WIDTH = 27, 48


def panorama(width: int, seed: int) -> np.ndarray:
    """A blotched picture, (45, width, 3) float."""
    blotches = np.random.default_rng(seed).integers(0, 256, (6, -(-width // 9) + 1, 3))
    picture = np.kron(blotches, np.ones((9, 9, 1)))[:45]
    for axis in (0, 1):
        picture = np.mean([np.roll(picture, shift, axis) for shift in range(-2, 3)], axis=0)
    return picture[:, :width]


def shot(length: int, seed: int) -> np.ndarray:
    """A camera that moves slowly over a blotched picture with a little noise."""
    picture, rng = panorama(96, seed), np.random.default_rng(seed)
    right, down = rng.integers(-3, 4, 2)  # pixels in 24 frames
    frames = []
    for k in range(length):
        x = int(np.clip(24 + k * right / 24, 0, 48))
        y = int(np.clip(9 + k * down / 24, 0, 18))
        noise = rng.normal(0, 1, (HEIGHT, WIDTH, 1))
        frames.append(picture[y : y + HEIGHT, x : x + WIDTH] + noise)
    return np.clip(np.array(frames), 0, 255).round().astype(np.uint8)


def light(frames: np.ndarray, pieces: int = 3) -> Light:
    meter = LightMeter()
    for piece in np.array_split(frames, pieces):
        meter.feed(piece)
    return meter.finish()


def along(way: tuple[int, int]) -> np.ndarray:
    """(27, 48): how far each pixel lies along a way over the picture, in [0, 1]."""
    x, y = (np.arange(WIDTH) + 0.5) / WIDTH, (np.arange(HEIGHT)[:, None] + 0.5) / HEIGHT
    parts = [p if step > 0 else 1 - p for step, p in zip(way, (x, y), strict=True) if step]
    return sum(parts) / len(parts) + np.zeros((HEIGHT, WIDTH))


def joined(old: np.ndarray, new: np.ndarray, masks: list[np.ndarray | float]) -> np.ndarray:
    """`old` and `new` with frames in which both show, the new one by the weights of `masks`."""
    count = len(masks)
    ends = zip(old[len(old) - count :], new[:count], masks, strict=True)
    mixed = []
    for a, b, mask in ends:
        weight = np.asarray(mask)[..., None] if np.ndim(mask) else mask
        mixed.append((a * (1 - weight) + b * weight + 0.5).astype(np.uint8))
    return np.concatenate([old[: len(old) - count], np.array(mixed), new[count:]])


def dissolve(old: np.ndarray, new: np.ndarray, frames: int) -> np.ndarray:
    return joined(old, new, [(k + 1) / (frames + 1) for k in range(frames)])


def wipe(
    old: np.ndarray, new: np.ndarray, frames: int, way: tuple[int, int], soft: float = 0.02
) -> np.ndarray:
    place = along(way)
    parts = [(k + 1) / (frames + 1) for k in range(frames)]
    return joined(old, new, [np.clip((p * (1 + soft) - place) / soft, 0, 1) for p in parts])


def push(old: np.ndarray, new: np.ndarray, frames: int, axis: int, forward: bool) -> np.ndarray:
    """The new picture shoves the old one out, along an axis of the picture (0: down, 1: right)."""
    count, made = len(old) - frames, []
    for k in range(frames):
        size = old.shape[axis + 1]
        shift = round((k + 1) / (frames + 1) * size)
        pair = (new[k], old[count + k]) if forward else (old[count + k], new[k])
        start = size - shift if forward else shift
        made.append(np.take(np.concatenate(pair, axis), np.arange(start, start + size), axis))
    return np.concatenate([old[:count], np.array(made), new[frames:]])


def flashed(frames: np.ndarray, first: int, strengths: tuple[float, ...]) -> np.ndarray:
    """The frames from `first` on brightened towards white."""
    made = frames.astype(np.float32)
    for k, strength in enumerate(strengths):
        made[first + k] += (255 - made[first + k]) * strength
    return made.round().astype(np.uint8)
