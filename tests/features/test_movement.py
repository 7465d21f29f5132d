"""The movement curve: right at each instant, and the same for the same moment however changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kuleshov.features.flow import CELLS, Flow, FlowMeter
from kuleshov.features.movement import Movement, peak


def flow(speeds: NDArray[np.float64], rate: float) -> Flow:
    """The whole picture moves to the right with `speeds` (N,), widths a second."""
    grid = np.zeros((len(speeds), *CELLS, 2), np.float16)
    grid[..., 0] = (np.asarray(speeds) / rate)[:, None, None]
    nothing = np.zeros(len(speeds), np.float16)
    return Flow(grid, np.zeros((len(speeds), 4), np.float16), nothing, 16 / 9)


def curve(
    of: Flow, rate: float, grid: int = 2, breaks: tuple[int, ...] = ()
) -> NDArray[np.float64]:
    """The whole film's curve, in whole half seconds."""
    times = np.arange(int(len(of) / rate * 2) * grid // 2) / grid
    seconds = np.arange(len(of)) / rate
    rows = Movement().describe_flow(of, seconds, times, rate, breaks, grid)
    assert rows.shape == (len(times), 24 // grid)
    return rows.astype(np.float64).reshape(-1)


def bump(rate: float, at: float, seconds: float = 4) -> Flow:
    times = np.arange(round(seconds * rate)) / rate - 0.5 / rate  # a pair is half a frame earlier
    return flow(0.05 + 0.8 * np.exp(-(((times - at) / 0.15) ** 2)), rate)


def test_a_steady_speed_gives_its_logarithm():
    assert curve(flow(np.full(48, 0.3), 24), 24) == pytest.approx(np.log1p(15), abs=0.01)
    assert not curve(flow(np.zeros(48), 24), 24).any()


@pytest.mark.parametrize("rate", [10.0, 23.976, 24.0, 25.0, 29.97, 60.0])
def test_the_peak_is_where_it_moved_most(rate):
    assert peak(curve(bump(rate, 1.7), rate)) == pytest.approx(1.7, abs=1 / 24)


def test_the_same_curve_on_any_grid():
    moving = bump(24, 1.3)
    for grid in (1, 4, 8, 24):
        assert curve(moving, 24, grid) == pytest.approx(curve(moving, 24, 2), abs=1e-3)


def test_a_grid_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="do not divide into 5 rows"):
        curve(bump(24, 1), 24, 5)
    with pytest.raises(ValueError, match="2 times for 96 frames"):
        Movement().describe_flow(bump(24, 1), np.zeros(2), np.zeros(1), 24, ())


def test_a_cut_is_no_peak():
    speeds = np.full(96, 0.05)
    speeds[40] = 20
    calm = curve(flow(np.full(96, 0.05), 24), 24)
    assert curve(flow(speeds, 24), 24, breaks=(40,)) == pytest.approx(calm, abs=0.01)
    unexplained = flow(speeds, 24)
    unexplained.error[40] = 0.9
    assert curve(unexplained, 24) == pytest.approx(calm, abs=0.01)


def test_movement_stays_in_its_shot():
    speeds = np.concatenate((np.zeros(48), np.full(48, 0.5)))
    found = curve(flow(speeds, 24), 24, breaks=(48,))
    assert not found[:47].any()
    assert found[48:] == pytest.approx(np.log1p(25), abs=0.02)


def test_pictures_shown_twice_do_not_stand_still_in_between():
    speeds = np.full(96, 0.3)
    speeds[::2] = 0
    found = curve(flow(speeds, 24), 24)
    assert found.min() > 0.7 * found.max()


def test_peak_lies_between_samples_and_of_nothing_is_zero():
    times = (np.arange(48) + 0.5) / 24
    assert peak(-((times - 1.23) ** 2)) == pytest.approx(1.23)
    assert peak(np.array([[3.0, 1, 0], [0, 0, 0]])) == pytest.approx(0.5 / 24)
    assert peak(np.zeros(0)) == 0


def scene(path: NDArray[np.float64], crop: float = 1) -> NDArray[np.uint8]:
    """Tiny frames of blotches moved along `path` (N, 2), pixels; `crop`: the part that is seen."""
    y, x = (np.mgrid[:54, :96] / 2 + 0.25 - np.array([13.5, 24])[:, None, None]) * crop
    waves = np.random.default_rng(1).normal(0, [0.35, 0.35, 3], (16, 3))
    frames = []
    for across, down in path:
        light = sum(np.cos((x - across) * a + (y - down) * b + c) for a, b, c in waves)
        frames.append((120 + 20 * light).reshape(27, 2, 48, 2).mean(axis=(1, 3)))
    return np.repeat(np.clip(np.round(frames), 0, 255)[..., None], 3, axis=3).astype(np.uint8)


def wandering(seed: int) -> NDArray[np.float64]:
    """Ten seconds of a path whose speed comes and goes."""
    rng = np.random.default_rng(seed)
    speed = np.abs(np.interp(np.arange(240), np.arange(0, 240, 8), rng.normal(0, 0.5, 30)))
    return np.cumsum(speed[:, None] * [0.8, 0.4], axis=0)


@pytest.fixture(scope="module")
def path() -> NDArray[np.float64]:
    return wandering(2)


@pytest.fixture(scope="module")
def frames(path: NDArray[np.float64]) -> NDArray[np.uint8]:
    return scene(path)


def curve_of(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    meter = FlowMeter()
    meter.feed(frames)
    return curve(meter.finish(), 24)


def mirrored(frames: NDArray[np.uint8], path: NDArray[np.float64]) -> NDArray[np.uint8]:
    return frames[:, :, ::-1]


def cropped(frames: NDArray[np.uint8], path: NDArray[np.float64]) -> NDArray[np.uint8]:
    return scene(path, 0.75)


def graded(frames: NDArray[np.uint8], path: NDArray[np.float64]) -> NDArray[np.uint8]:
    return (255 * (frames / 255.0) ** 1.4 * [0.9, 0.8, 0.7]).astype(np.uint8)


def flat_and_grey(frames: NDArray[np.uint8], path: NDArray[np.float64]) -> NDArray[np.uint8]:
    return graded(frames, path)[..., :1].repeat(3, axis=-1) // 2 + 40


@pytest.mark.slow
@pytest.mark.parametrize("change", [mirrored, cropped, graded, flat_and_grey])
def test_a_moment_is_known_again(change, frames, path):
    whole, changed = curve_of(frames), curve_of(change(frames, path))
    moments = np.lib.stride_tricks.sliding_window_view(whole, 48)
    for at in range(0, len(moments), 24):
        alike = [np.corrcoef(moment, changed[at : at + 48])[0, 1] for moment in moments]
        assert abs(int(np.argmax(alike)) - at) <= 1
        assert max(alike) > 0.9
