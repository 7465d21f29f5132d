"""Motion: rows from flows that say what moved, and the words for what a camera does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kuleshov.features.flow import CELLS, Flow, FlowMeter
from kuleshov.features.motion import (
    Motion,
    camera_word,
    compress,
    describe_camera,
    mean_speeds,
    shot_times,
)

RATE = 24.0


def flow(
    speeds: NDArray[np.float64] | list[tuple[float, float]],
    rate: float = RATE,
    camera: bool = True,
) -> Flow:
    """All that is seen moves with `speeds` (N, 2), picture sizes a second; with the camera or, if
    not, before one at rest."""
    moved = np.asarray(speeds, np.float64).reshape(-1, 2) / rate
    grid = np.broadcast_to(moved[:, None, None], (len(moved), *CELLS, 2)).astype(np.float16)
    of_camera = np.zeros((len(moved), 4), np.float16)
    if camera:
        of_camera[:, :2] = moved
    return Flow(grid, of_camera, np.zeros(len(moved), np.float16), 16 / 9)


def steady(across: float, down: float = 0, seconds: float = 2, rate: float = RATE) -> Flow:
    return flow(np.tile([across, down], (round(seconds * rate), 1)), rate)


def row(
    of: Flow, at: float = 1.0, rate: float = RATE, breaks: tuple[int, ...] = ()
) -> NDArray[np.float32]:
    described = Motion().describe_flow(of, np.arange(len(of)) / rate, np.array([at]), rate, breaks)
    return described[0].astype(np.float32)


def likeness(one: Flow, other: Flow) -> float:
    return float(row(one) @ row(other))


REST = steady(0)


def test_rows_are_unit_vectors():
    for moving in (REST, steady(0.01), steady(0.3, -0.2), steady(50, 50)):
        assert np.linalg.norm(row(moving)) == pytest.approx(1, abs=1e-3)
    assert row(REST).shape == (30,)


def test_where_nothing_moves_all_is_alike():
    assert likeness(REST, REST) == pytest.approx(1, abs=1e-3)
    assert likeness(REST, steady(0.002)) > 0.99
    assert likeness(REST, steady(0.2)) < 0.9


def test_opposite_directions_are_less_alike_than_movement_and_rest():
    left, right, up = steady(-0.2), steady(0.2), steady(0, -0.2)
    assert likeness(left, left) == pytest.approx(1, abs=2e-3)
    assert likeness(left, right) < likeness(left, up) < likeness(left, REST)


def test_speeds_are_alike_by_how_many_times_they_are_faster():
    slow, brisk, fast, faster = (steady(speed) for speed in (0.05, 0.2, 0.8, 1.2))
    assert likeness(fast, faster) > 0.98
    assert likeness(slow, brisk) > likeness(slow, fast) + 0.02
    assert likeness(brisk, fast) > likeness(slow, fast) + 0.02


def test_what_moves_before_a_resting_camera_is_not_a_pan():
    pan = steady(0.2)
    crowd = flow(np.tile([0.2, 0], (48, 1)), camera=False)
    assert likeness(pan, crowd) < 0.95
    assert likeness(pan, crowd) > likeness(REST, crowd) - 0.1


def test_where_in_the_picture_it_moves_tells():
    def one_side(columns: slice) -> Flow:
        still = steady(0)
        still.grid[:, :, columns, 0] = 0.3 / RATE
        return still

    left, right = one_side(slice(0, 2)), one_side(slice(2, 4))
    assert likeness(left, left) > likeness(left, right) + 0.05


def test_the_rate_of_a_film_makes_no_difference():
    rows = [row(steady(0.2, 0.1, rate=rate), rate=rate) for rate in (10.0, 24.0, 60.0)]
    assert np.abs(rows[0] - rows[1]).max() < 5e-3
    assert np.abs(rows[2] - rows[1]).max() < 5e-3


def test_repeated_frames_make_no_difference():
    """24 pictures a second shown 30 times a second: every fifth stands still."""
    speeds = np.tile([0.2, 0.0], (60, 1)) * 30 / 24
    speeds[::5] = 0
    assert np.abs(row(flow(speeds, 30), rate=30) - row(steady(0.2))).max() < 0.03


def test_frames_may_come_at_any_time():
    seconds = np.sort(np.random.default_rng(0).uniform(0, 2, 60))
    moved = np.diff(seconds, prepend=seconds[0])[:, None] * [0.2, 0.1]
    described = Motion().describe_flow(flow(moved, 1), seconds, np.array([1.0]), 30, ())
    assert np.abs(described[0] - row(steady(0.2, 0.1))).max() < 0.01


def test_nothing_comes_over_from_the_neighbouring_shot():
    speeds = np.zeros((48, 2))
    speeds[24] = 9  # from one shot to the next
    speeds[25:] = 0.3
    cut = flow(speeds)
    assert row(cut, 0.9, breaks=(24,)) == pytest.approx(row(REST), abs=1e-3)
    assert row(cut, 1.0, breaks=(24,)) == pytest.approx(row(steady(0.3, 0.3)), abs=5e-3)
    assert np.abs(row(cut, 0.9) - row(REST)).max() > 0.1


def test_pairs_that_movement_does_not_explain_are_left_out():
    speeds = np.tile([0.1, 0.0], (48, 1))
    speeds[22] = 9
    flash = flow(speeds)
    flash.error[22] = 0.9
    assert row(flash) == pytest.approx(row(steady(0.1)), abs=2e-3)


def test_a_shot_of_one_frame_and_rows_after_the_end_are_described():
    speeds = np.tile([0.2, 0.0], (48, 1))
    alone = flow(speeds)
    assert row(alone, 1.0, breaks=(24, 25)) == pytest.approx(row(REST), abs=1e-3)
    assert row(alone, 7.0) == pytest.approx(row(steady(0.2)), abs=2e-3)
    assert row(steady(0, seconds=1 / RATE), 0.0) == pytest.approx(row(REST), abs=1e-3)


def test_rows_far_apart_leave_nothing_out_between_them():
    speeds = np.zeros((96, 2))
    speeds[58:62, 0] = 2  # half a second from the row at 2 s
    seconds = np.arange(96) / RATE
    times = np.array([2.0])
    near = Motion().describe_flow(flow(speeds), seconds, times, RATE, (), 8)
    far = Motion().describe_flow(flow(speeds), seconds, times, RATE, (), 1)
    assert near[0, -1] == pytest.approx(1, abs=1e-3)
    assert far[0, -1] < 0.9


def test_no_rows_are_no_rows():
    described = Motion().describe_flow(REST, np.arange(48) / RATE, np.zeros(0), RATE, ())
    assert described.shape == (0, 30)


def test_a_mirrored_pan_goes_the_other_way():
    assert row(steady(0.2, 0.1).mirrored()) == pytest.approx(row(steady(-0.2, 0.1)), abs=1e-3)


def test_times_belong_to_frames():
    with pytest.raises(ValueError, match="47 times for 48 frames"):
        Motion().describe_flow(REST, np.arange(47) / RATE, np.zeros(1), RATE, ())


def test_shot_times_are_of_the_frame_that_is_seen():
    seconds = np.arange(10) / 10
    begin, end = shot_times(seconds, np.array([0.34, 0.36, 0.4, 2.0]), 10, (4, 8))
    assert begin.tolist() == [0, 0.4, 0.4, 0.8]
    assert end.tolist() == [0.3, 0.7, 0.7, 0.9]


def test_mean_speeds_leave_out_what_is_not_usable():
    seconds = np.arange(5) / 10
    values = np.array([0, 1, 5, 1, 1.0])[:, None]
    usable = np.array([False, True, False, True, True])
    times = np.array([0.0, 0.1, 0.05]), np.array([0.4, 0.2, 0.25])
    speeds = mean_speeds(values, seconds, usable, *times)
    assert speeds[:, 0] == pytest.approx([10, 0, 10])


def test_compressed_speeds_keep_their_direction():
    speeds = compress(np.array([[0.03, 0.04], [3.0, 4.0], [0, 0]]), 0.02)
    assert speeds[0] / np.linalg.norm(speeds[0]) == pytest.approx([0.6, 0.8])
    assert speeds[1] == pytest.approx([0.6, 0.8])
    assert speeds[2].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("speeds", "word"),
    [
        ((0, 0, 0, 0, 0.005), "static"),
        ((0.05, 0.01, 0, 0, 0.005), "pan right"),
        ((-0.05, 0.01, 0.02, 0, 0.005), "pan left"),
        ((0, 0.1, 0, 0, 0.05), "tilt up"),
        ((0.02, -0.1, 0, 0, 0.05), "tilt down"),
        ((0.01, 0, 0.1, 0, 0.0), "push in"),
        ((0.01, 0, -0.1, 0, 0.0), "pull out"),
        ((0.01, 0, 0, 0.2, 0.0), "roll"),
        ((0.02, 0, 0, 0, 0.1), "handheld"),
    ],
)
def test_the_word_for_a_camera(speeds, word):
    assert camera_word(*speeds) == word


def scene(pan: float, tilt: float, zoom: float, roll: float) -> NDArray[np.uint8]:
    """A tiny frame of blotches that were moved by pixels, growth and radians."""
    y, x = np.mgrid[:54, :96] / 2 + 0.25
    x, y = x - 24 - pan, y - 13.5 - tilt
    scale = np.exp(-zoom)
    u = scale * (np.cos(roll) * x + np.sin(roll) * y)
    v = scale * (np.cos(roll) * y - np.sin(roll) * x)
    waves = sum(
        np.cos(u * a + v * b + c)
        for a, b, c in np.random.default_rng(1).normal(0, [0.35, 0.35, 3], (16, 3))
    )
    small = (120 + 25 * waves).reshape(27, 2, 48, 2).mean(axis=(1, 3))
    return np.repeat(np.clip(np.round(small), 0, 255)[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speeds", "word"),
    [
        ((0, 0, 0, 0), "static"),
        ((-2, 0, 0, 0), "pan right"),
        ((2, 0, 0, 0), "pan left"),
        ((0, 1.5, 0, 0), "tilt up"),
        ((0, -1.5, 0, 0), "tilt down"),
        ((0, 0, 0.1, 0), "push in"),
        ((0, 0, -0.1, 0), "pull out"),
        ((0, 0, 0, 0.15), "roll"),
    ],
)
def test_a_made_film_gets_its_word(speeds, word):
    """`speeds` of the picture: pixels of 48 x 27, growth, radians; a second."""
    meter = FlowMeter()
    steps = np.arange(36) / RATE
    meter.feed(np.stack([scene(*(speed * step for speed in speeds)) for step in steps]))
    camera = describe_camera(meter.finish(), steps, 0, 36)
    assert camera.word == word
    assert camera.pan == pytest.approx(-speeds[0] / 48, abs=0.006)
    assert camera.tilt == pytest.approx(speeds[1] / 27, abs=0.01)
    assert camera.zoom == pytest.approx(speeds[2], abs=0.02)
    assert camera.roll == pytest.approx(-speeds[3], abs=0.02)
    assert camera.shake < 0.02


def test_a_film_that_jitters_is_handheld():
    rng = np.random.default_rng(4)
    times = np.arange(48) / RATE
    wander = np.stack(
        [np.interp(times, np.arange(12) / 5, rng.normal(0, 1, 12)) for _ in range(2)], axis=1
    )
    meter = FlowMeter()
    meter.feed(np.stack([scene(x, y, 0, 0) for x, y in wander]))
    assert describe_camera(meter.finish(), times, 0, 48).word == "handheld"


def test_only_the_frames_asked_for_make_the_word():
    speeds = np.concatenate([np.tile([0.2, 0], (24, 1)), np.tile([-0.2, 0], (24, 1))])
    seconds = np.arange(48) / RATE
    assert describe_camera(flow(speeds), seconds, 0, 24).word == "pan left"
    assert describe_camera(flow(speeds), seconds, 24, 48).word == "pan right"
    assert describe_camera(flow(speeds), seconds, 30, 31).word == "static"
