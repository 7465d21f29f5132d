"""The flow of made films whose movement is known to a hundredth of a pixel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from kuleshov.features.flow import CELLS, Flow, FlowMeter
from kuleshov.footage import Bars, Video

Frames = NDArray[np.uint8]
HEIGHT, WIDTH = 27, 48
ASPECT = 16 / 9
FINE = 4  # places a pixel and axis that a picture is averaged from


class Texture:
    """A picture that goes on for ever: waves of all directions, from broad to fine."""

    def __init__(self, seed: int = 0, waves: int = 24) -> None:
        rng = np.random.default_rng(seed)
        length = np.geomspace(5, 60, waves)  # pixels of a tiny frame
        angle = rng.uniform(0, 2 * np.pi, waves)
        self.across = 2 * np.pi / length * np.cos(angle)
        self.down = 2 * np.pi / length * np.sin(angle)
        self.phase = rng.uniform(0, 2 * np.pi, waves)
        self.height = 12 * np.sqrt(length / 10)

    def __call__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = zip(self.across, self.down, self.phase, self.height, strict=True)
        return 120 + sum(h * np.cos(a * x + d * y + p) for a, d, p, h in waves)


def film(
    count: int,
    pan: float = 0,
    tilt: float = 0,
    zoom: float = 0,
    roll: float = 0,
    seed: int = 0,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Frames:
    """(count, h, w, 3): the picture moves by `pan` and `tilt` pixels a frame, to the right and
    downwards, grows by `zoom` and turns clockwise by `roll`."""
    texture = Texture(seed)
    height, width = size
    y, x = (np.mgrid[: height * FINE, : width * FINE] + 0.5) / FINE
    x, y = x - width / 2, y - height / 2
    frames = []
    for step in np.arange(count) - (count - 1) / 2:
        # Where what is seen at (x, y) lay in the first place.
        u, v = x - pan * step, y - tilt * step
        scale, turn = np.exp(-zoom * step), -roll * step
        u, v = (
            scale * (np.cos(turn) * u - np.sin(turn) * v),
            scale * (np.sin(turn) * u + np.cos(turn) * v),
        )
        seen = texture(u, v).reshape(height, FINE, width, FINE).mean(axis=(1, 3))
        frames.append(np.repeat(seen[..., None], 3, axis=2))
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)


def flow_of(frames: Frames, video: Video | None = None) -> Flow:
    meter = FlowMeter(video)
    meter.feed(frames)
    return meter.finish()


def video(bars: Bars = Bars(), width: int = 480, height: int = 270) -> Video:
    return Video("h264", width, height, Fraction(25), Fraction(1, 25), bars=bars)


def same(one: Flow, other: Flow) -> bool:
    pairs = ((one.grid, other.grid), (one.camera, other.camera), (one.error, other.error))
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("made", "near"),
    [
        pytest.param({"pan": 0.02}, 0.006, id="very slow pan"),
        pytest.param({"pan": -0.3}, 0.05, id="slow pan"),
        pytest.param({"pan": 3.0}, 0.15, id="fast pan"),
        pytest.param({"tilt": 0.05}, 0.01, id="slow tilt"),
        pytest.param({"tilt": -1.3}, 0.1, id="fast tilt"),
        pytest.param({"zoom": 0.002}, 0.01, id="slow zoom"),
        pytest.param({"zoom": -0.02}, 0.08, id="fast zoom"),
        pytest.param({"roll": 0.002}, 0.01, id="slow roll"),
        pytest.param({"roll": 0.02}, 0.08, id="fast roll"),
        pytest.param({"pan": 0.5, "tilt": -0.2, "zoom": 0.01, "roll": 0.01}, 0.08, id="all"),
    ],
)
def test_the_camera_is_found(made, near):
    """`near`: pixels of a tiny frame; zoom and roll count by what they do to its sides."""
    flow = flow_of(film(13, **made))
    found = flow.camera[1:].astype(np.float64).mean(axis=0) * [WIDTH, HEIGHT, WIDTH / 2, WIDTH / 2]
    true = np.array([made.get(name, 0) for name in ("pan", "tilt", "zoom", "roll")])
    true[2:] *= WIDTH / 2
    assert np.abs(found - true).max() < near
    assert flow.error[1:].max() < 0.1


def test_cells_show_what_the_camera_does_to_them():
    grid = flow_of(film(9, zoom=0.02)).grid[1:].astype(np.float64).mean(axis=0)
    columns = (np.arange(CELLS[1]) + 0.5) / CELLS[1] - 0.5
    rows = (np.arange(CELLS[0]) + 0.5) / CELLS[0] - 0.5
    assert np.abs(grid[..., 0] - 0.02 * columns).max() < 0.005
    assert np.abs(grid[..., 1] - 0.02 * rows[:, None]).max() < 0.005


def test_the_first_entry_and_a_film_that_stands_still_are_zero():
    flow = flow_of(np.repeat(film(1), 5, axis=0))
    assert not flow.grid.any()
    assert not flow.camera.any()
    assert not flow.error.any()
    assert not flow_of(film(3, pan=2)).grid[0].any()


def test_noise_does_not_become_movement():
    rng = np.random.default_rng(3)
    still = film(1).astype(np.float64)
    frames = np.round(still + rng.normal(0, 1.5, (50, HEIGHT, WIDTH, 3))).clip(0, 255)
    flow = flow_of(frames.astype(np.uint8))
    drift = np.abs(flow.grid.astype(np.float64).sum(axis=0)) * [WIDTH, HEIGHT]
    assert drift.max() < 0.25  # pixels, after two seconds
    assert np.abs(flow.camera.astype(np.float64)).max(axis=0)[:2].max() * WIDTH < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("split", [1, 7, 15, 16, 17, 50])
def test_batches_make_no_difference(split):
    frames = film(50, pan=0.4, roll=0.003)
    meter = FlowMeter()
    for first in range(0, len(frames), split):
        meter.feed(frames[first : first + split])
        meter.feed(frames[:0])
    assert same(meter.finish(), flow_of(frames))


def test_frames_may_be_overwritten_once_they_are_fed():
    frames = film(20, pan=0.4)
    meter, buffer = FlowMeter(), np.empty_like(frames[:5])
    for first in range(0, 20, 5):
        buffer[:] = frames[first : first + 5]
        meter.feed(buffer)
    assert same(meter.finish(), flow_of(frames))


def test_mirrored_is_the_flow_of_the_mirrored_film():
    frames = film(9, pan=0.6, tilt=0.3, zoom=0.01, roll=0.01)
    flow, flipped = flow_of(frames).mirrored(), flow_of(frames[:, :, ::-1])
    assert np.abs(flow.grid.astype(np.float64) - flipped.grid).max() * WIDTH < 0.02
    assert np.abs(flow.camera.astype(np.float64) - flipped.camera).max() < 1e-3
    assert same(flow.mirrored(), flow_of(frames))


def test_bars_do_not_count():
    inside = film(9, pan=0.5, tilt=0.25, size=(19, 40))
    framed = np.full((9, HEIGHT, WIDTH, 3), 16, np.uint8)
    framed[:, 4:23, 4:44] = inside
    flow = flow_of(framed, video(Bars(40, 40, 40, 40)))
    found = flow.camera[1:].astype(np.float64).mean(axis=0)
    assert found[0] * 40 == pytest.approx(0.5, abs=0.05)
    assert found[1] * 19 == pytest.approx(0.25, abs=0.05)
    assert flow.aspect == pytest.approx(400 / 190)


def test_a_bar_may_end_within_a_pixel():
    frames = film(9, pan=0.5)
    frames[:, :3] = 16
    frames[:, 3] = frames[:, 3] // 2 + 8
    flow = flow_of(frames, video(Bars(top=35)))
    assert flow.camera[1:, 0].mean() * WIDTH == pytest.approx(0.5, abs=0.05)
    assert np.abs(flow.camera[1:, 2].astype(np.float64)).max() < 1e-3


def test_a_cut_is_not_explained_and_spoils_only_its_own_pair():
    one, other = film(10, pan=0.5), film(10, pan=-0.5, seed=1)
    flow = flow_of(np.concatenate((one, other)))
    assert flow.error[10] > 0.3
    assert np.delete(flow.error, 10).max() < 0.1
    pans = flow.camera[:, 0].astype(np.float64) * WIDTH
    assert np.abs(pans[1:10] - 0.5).max() < 0.06
    assert np.abs(pans[11:] + 0.5).max() < 0.06


def test_what_moves_before_a_camera_at_rest_is_foreground():
    frames = np.repeat(film(1), 9, axis=0)
    frames[:, 9:18, 24:40] = film(9, pan=0.5, seed=5)[:, 9:18, 24:40]
    flow = flow_of(frames)
    assert np.abs(flow.camera[1:].astype(np.float64)).max() < 0.15 / WIDTH
    moving = flow.foreground[1:, ..., 0].mean(axis=0) * WIDTH
    assert moving[1, 2] == pytest.approx(0.5, abs=0.15)
    assert np.abs(moving[:, 0]).max() < 0.05


def test_a_picture_that_gets_darker_does_not_move():
    weights = np.linspace(1, 0.2, 12)[:, None, None, None]
    flow = flow_of((film(1) * weights).astype(np.uint8))
    assert np.abs(flow.grid.astype(np.float64)).max() * WIDTH < 0.1
    assert flow.error.max() < 0.05


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_anything_in_it_does_not_move(level):
    rng = np.random.default_rng(0)
    frames = np.full((8, HEIGHT, WIDTH, 3), level) + rng.integers(0, 2, (8, HEIGHT, WIDTH, 3))
    flow = flow_of(np.clip(frames, 0, 255).astype(np.uint8))
    assert np.abs(flow.grid.astype(np.float64)).max() * WIDTH < 0.1
    assert np.isfinite(flow.camera.astype(np.float64)).all()
    assert flow.error.max() < 0.2


def test_films_of_no_and_of_one_frame():
    assert len(FlowMeter().finish()) == 0
    assert len(flow_of(film(1))) == 1


def test_a_flow_is_small():
    flow = flow_of(film(17, pan=0.4))
    assert len(flow) == 17
    assert flow.grid.nbytes + flow.camera.nbytes + flow.error.nbytes <= 100 * len(flow)


def test_a_flow_checks_its_shapes():
    flow = flow_of(film(3))
    with pytest.raises(ValueError, match="a flow with parts of shapes"):
        Flow(flow.grid, flow.camera[:2], flow.error, ASPECT)
