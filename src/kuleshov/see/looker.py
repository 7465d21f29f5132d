"""Look through lenses from frame to frame, with a state that is handed on.

    looker = Looker([lens], width=512, height=288)
    state = State()
    for frame in frames:
        picture, state = looker.look(frame, state, options, seconds=1 / 25)

A `Looker` holds compiled networks and nothing of what was looked at, so many films or people can
be looked at through one; weights of the lenses and all options but the size may change with each
frame.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import ModelError, UsageError
from kuleshov.see.abstraction import (
    Abstraction,
    LensTone,
    Matrices,
    abstract,
    averaged,
    brought,
    matrices,
    tone_of,
)
from kuleshov.see.camera import LookOptions, exposed, light_of, parted
from kuleshov.see.lens import MULTIPLE, NOISE, Lens

if TYPE_CHECKING:
    from pathlib import Path

    from threadpoolctl import ThreadpoolController

    from kuleshov.models.eight_bits import Examples
    from kuleshov.models.runtime import Network, Precision

__all__ = ["RATE", "Looker", "State", "shown"]

Light = NDArray[np.float32]
Picture = NDArray[np.uint8]

RATE = 25.0
"""Frames a second for which the smoothing is written down."""

_FOLLOWED = 2.0  # s, in which the tone of a shot is followed where it changes
_PLANES = 8  # of noise that are kept
_EXAMPLES, _EXAMPLE = 19, 128  # where their numbers begin, and their side in pixels
_MOVED = 0.01  # of the light, by which eight bits may move a picture: less than one sees (40 dB)


@dataclass(frozen=True, eq=False)
class State:
    """The state that looking at the next frame needs of those before; begin with `State()`.

    `picture`: (H, W, 3) float32, 0 to 1, what was given last, unrounded. `coarse`: the light of
    the last frame, averaged over large squares; `tone` that of the shot so far. `drifted`: how
    often the noise has become another.
    """

    picture: Light | None = None
    coarse: Light | None = None
    tone: LensTone | None = None
    drifted: float = 0.0

    def __repr__(self) -> str:
        shape = None if self.picture is None else self.picture.shape
        return f"State(picture={shape}, drifted={self.drifted:.3f})"


class _OneThread:
    """A context in which NumPy multiplies on one thread, while anyone is in it.

    Its other threads would go on waiting busily for some milliseconds after each product, just when
    the network wants all cores. Measured at 512x288 on two cores: 39 ms a frame instead of 66 to
    75. The number belongs to the whole process, so it is counted who is in: the first one sets it,
    the last one puts back what was there. Each for itself would put back what another had set.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._pools: ThreadpoolController | None = None
        self._limit: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                from threadpoolctl import ThreadpoolController

                self._pools = self._pools or ThreadpoolController()
                self._limit = self._pools.limit(limits=1, user_api="blas")
                self._limit.__enter__()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.__exit__(None, None, None)


_ONE_THREAD = _OneThread()


class Looker:
    """A looker through lenses, compiled for pictures of `width` by `height` pixels.

    `threads`, `precision` and `cache` as for `models.runtime.load_bytes`: "auto" is eight bits
    where no one sees that, 40 dB and more from what "f32" gives. Raises ModelError where
    a lens holds no network that can look.
    """

    def __init__(
        self,
        lenses: Sequence[Lens],
        width: int,
        height: int,
        *,
        threads: int | None = None,
        precision: Precision = "auto",
        cache: Path | None = None,
    ) -> None:
        if not lenses:
            raise UsageError("There is no lens to look through.")
        self.width, self.height = width, height
        self._padding = _padding(height), _padding(width)
        self._high, self._wide = height + sum(self._padding[0]), width + sum(self._padding[1])
        self._given = tuple((lens.abstraction, lens.tone) for lens in lenses)
        self._coarse = matrices(height, width, Abstraction())
        self._operators = {kind: self._padded(kind) for kind, _ in self._given}
        self._networks = tuple(
            _compiled(lens, self._high, self._wide, threads, precision, cache) for lens in lenses
        )

    def look(
        self,
        frame: Picture,
        state: State,
        options: LookOptions = LookOptions(),
        *,
        seconds: float = 1 / RATE,
        weights: Sequence[float] | None = None,
    ) -> tuple[Picture, State]:
        """Return the picture that the lenses make of a frame, and the state for the next frame.

        The frame is (H, W, 3), the picture (height, width, 3) uint8 RGB; the frame came `seconds`
        after the one before.

        `weights` of the lenses sum to 1 (None: the first alone); a lens of weight 0 costs nothing.
        Pictures are mixed plainly, by their numbers, as dissolves are.
        """
        shares = self._shares(weights)
        with _ONE_THREAD:
            return self._look(frame, state, options, seconds, shares)

    def _look(
        self,
        frame: Picture,
        state: State,
        options: LookOptions,
        seconds: float,
        shares: Sequence[float],
    ) -> tuple[Picture, State]:
        plain = light_of(frame, self.width, self.height, options)
        coarse, light = averaged(plain, self._coarse), parted(plain, options)
        first = state.picture is None or state.picture.shape[:2] != plain.shape
        begins = first or _is_cut(state.coarse, coarse, options)
        cells = coarse if light is plain else averaged(light, self._coarse)
        tone = _followed(None if begins else state.tone, cells, seconds)
        drifted = state.drifted if first else state.drifted + seconds * options.drift
        made = self._made(light, tone, options, drifted, shares)
        if not begins and state.picture is not None:
            old = (1 - options.smoothing) ** (seconds * RATE) if options.smoothing < 1 else 0.0
            if old:
                # In place: `made` is nobody else's.
                made *= np.float32(1 - old)
                made += np.float32(old) * state.picture
        return shown(made), State(made, coarse, tone, drifted)

    def seen(
        self,
        frame: Picture,
        options: LookOptions = LookOptions(),
        state: State = State(),
        lens: int = 0,
    ) -> Picture:
        """Return what a lens is given of a frame: its abstracted grey, (height, width) uint8.

        `state` is that after the frame was looked at; without, it is taken for the first of a shot.
        """
        with _ONE_THREAD:
            light = parted(light_of(frame, self.width, self.height, options), options)
            tone = state.tone or _followed(None, averaged(light, self._coarse), 0)
            given = self._abstracted(light, tone, options, *self._given[lens])
        return shown(self._unpadded(given))

    def _abstracted(
        self,
        light: Light,
        tone: LensTone,
        options: LookOptions,
        kind: Abstraction,
        known: LensTone | None,
    ) -> Light:
        """Return light (H, W) of this tone as it is given to a lens that knows another tone.

        It is padded.
        """
        if known is not None and options.match:
            light = brought(light, tone, known, options.match).astype(np.float32, copy=False)
        given: Light = abstract(exposed(light, options), self._operators[kind])
        return given

    def _shares(self, weights: Sequence[float] | None) -> tuple[float, ...]:
        if weights is None:
            return (1.0, *(0.0 for _ in self._networks[1:]))
        if len(weights) != len(self._networks):
            raise UsageError(f"{len(self._networks)} lenses want as many weights: {weights}.")
        if min(weights) < 0 or not math.isclose(sum(weights), 1, abs_tol=1e-6):
            raise UsageError(f"Weights of lenses are not below 0 and sum to 1: {tuple(weights)}.")
        return tuple(weights)

    def _made(
        self,
        light: Light,
        tone: LensTone,
        options: LookOptions,
        drifted: float,
        shares: Sequence[float],
    ) -> Light:
        """Return what the networks make of light (H, W) of this tone, mixed: (H, W, 3)."""
        noise = _noise(options.seed, drifted, self._high // NOISE, self._wide // NOISE)
        given: dict[tuple[Abstraction, LensTone | None], Light] = {}
        mixed: Light | None = None
        for share, network, key in zip(shares, self._networks, self._given, strict=True):
            if not share:
                continue
            if key not in given:
                padded = self._abstracted(light, tone, options, *key)
                given[key] = np.ascontiguousarray(padded)[None, None]
            made = _run(network, given[key], noise)
            if share < 1:
                made *= np.float32(share)
            mixed = made if mixed is None else np.add(mixed, made, out=mixed)
        assert mixed is not None, "weights sum to 1"
        return np.ascontiguousarray(self._unpadded(mixed))

    def _unpadded(self, padded: Light) -> Light:
        (top, _), (left, _) = self._padding
        return padded[top : top + self.height, left : left + self.width]

    def _padded(self, kind: Abstraction) -> Matrices:
        """Return the operator for a picture of this size that also goes on beyond its border.

        It goes on mirrored: enlarging gives the same rows and columns again, so padding costs
        nothing.
        """
        plain = matrices(self.height, self.width, kind)
        rows, columns = (
            np.pad(np.arange(length), sides, mode="symmetric")
            for length, sides in zip((self.height, self.width), self._padding, strict=True)
        )
        return Matrices(
            plain.down_rows, plain.up_rows[rows], plain.down_columns, plain.up_columns[columns]
        )


def _padding(length: int) -> tuple[int, int]:
    """Return what is added before and after a side, so that a network takes it."""
    lacking = -length % MULTIPLE
    return lacking // 2, lacking - lacking // 2


def _compiled(
    lens: Lens,
    high: int,
    wide: int,
    threads: int | None,
    precision: Precision,
    cache: Path | None,
) -> Network:
    """Return the network of a lens, compiled for one size and tried once.

    So what is wrong with it is said now.
    """
    from kuleshov.models.runtime import load_bytes

    shapes = {"grey": (1, 1, high, wide), "noise": (1, 1, high // NOISE, wide // NOISE)}
    name = f"the lens {lens.name}"
    try:
        network = load_bytes(
            lens.network,
            name,
            shapes=shapes,
            threads=threads,
            precision=precision,
            cache=cache,
            examples=_examples(lens.abstraction),
        )
        if set(network.inputs) != set(shapes) or "picture" not in network.outputs:
            raise ModelError(f"It takes {network.inputs} and gives {network.outputs}.")
        given = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}
        shape = network(given)["picture"].shape
        if shape != (1, high, wide, 3):
            raise ModelError(f"Its picture is {shape}, not {(1, high, wide, 3)}.")
    except ModelError as error:
        raise ModelError(
            f"The network of {lens.name} cannot be looked through: train it again. ({error})"
        ) from error
    return network


@lru_cache(maxsize=8)
def _examples(kind: Abstraction) -> Examples:
    """Return pictures as a lens may be given them: soft light and shade, calm and hard, and noise.

    Their light falls with the scale, as that of photographs does (Field 1987).
    """
    from kuleshov.models.eight_bits import Examples

    rng = np.random.default_rng(_EXAMPLES)
    size = matrices(_EXAMPLE, _EXAMPLE, kind)
    cells = len(size.down_rows)
    places = np.fft.fftfreq(cells)
    scale = np.maximum(np.hypot(places[:, None], places), 1 / cells)
    given = []
    for mean, spread in itertools.product((0.2, 0.45, 0.7), (0.1, 0.2, 0.5)):
        waves = np.exp(2j * np.pi * rng.random((cells, cells))) / scale**1.5
        drawn = np.fft.ifft2(waves).real
        drawn *= spread / max(float(drawn.std()), 1e-9)
        light = np.clip(drawn + mean, 0, 1).astype(np.float32)
        grey = size.up_rows @ light @ size.up_columns.T
        noise = rng.standard_normal((1, 1, _EXAMPLE // NOISE, _EXAMPLE // NOISE))
        given.append({"grey": grey[None, None], "noise": noise.astype(np.float32)})
    return Examples(given, _MOVED)


def _run(network: Network, given: Light, noise: Light) -> Light:
    """Return a network's picture (H, W, 3) float32."""
    made: Light = network({"grey": given, "noise": noise})["picture"][0]
    if not math.isfinite(float(made.sum())):
        raise ModelError(f"{network.name} gives values that are not numbers: train it again.")
    return made.astype(np.float32, copy=False)


def _noise(seed: int, drifted: float, height: int, width: int) -> Light:
    """Return noise, (1, 1, height, width), normally distributed at each instant.

    It is on its way from one plane to the next along a circle, which keeps its variance.
    """
    number = math.floor(drifted)
    angle = (drifted - number) * math.pi / 2
    one = _plane(seed, number, height, width)
    if not angle:
        return one
    other = _plane(seed, number + 1, height, width)
    return np.float32(math.cos(angle)) * one + np.float32(math.sin(angle)) * other


@lru_cache(maxsize=_PLANES)
def _plane(seed: int, number: int, height: int, width: int) -> Light:
    drawn = np.random.default_rng((seed, number)).standard_normal((1, 1, height, width))
    plane = drawn.astype(np.float32)
    plane.setflags(write=False)
    return plane


def _followed(before: LensTone | None, coarse: Light, seconds: float) -> LensTone:
    """Return the tone of a shot whose next coarse light is `coarse`.

    It follows slowly, so that what passes by does not make all of the picture pump.
    """
    now = tone_of(coarse)
    if before is None:
        return now
    old = math.exp(-seconds / _FOLLOWED)
    mean, spread = (
        old * a + (1 - old) * b for a, b in ((before.mean, now.mean), (before.spread, now.spread))
    )
    return LensTone(min(mean, 1.0), spread)


def _is_cut(before: Light | None, now: Light, options: LookOptions) -> bool:
    """Return whether the source was cut between two frames, by their coarse light.

    In the first 700 frames of 23 films of all kinds 36 cuts changed it by 0.15 or more, 8,783
    steps within shots by 0.11 or less, one excepted (a wing before the lens, 0.16).
    """
    if not options.cut or before is None or before.shape != now.shape:
        return False
    return float(np.abs(now - before).mean()) >= options.cut


def shown(light: Light) -> Picture:
    """Return light from 0 to 1 as 0 to 255, rounded."""
    scaled = np.clip(light, 0, 1)
    scaled *= np.float32(255)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)
