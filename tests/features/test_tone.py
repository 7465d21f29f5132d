"""Tone: pictures of like light and colour are alike, whatever they show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kuleshov.features.encoder import Encoded
from kuleshov.features.tone import Tone, lab

Picture = NDArray[np.uint8]


def rows(*pictures: Picture) -> NDArray[np.float32]:
    images = np.stack(pictures)
    count = len(images)
    seen = Encoded(images, np.zeros((count, 1), np.float32), np.zeros((count, 1, 1, 1), np.float32))
    return Tone().describe(seen).astype(np.float32)


def likeness(one: Picture, other: Picture) -> float:
    first, second = rows(one, other)
    return float(first @ second)


def scene(
    seed: int,
    low: float = 0,
    high: float = 255,
    tint: tuple[float, float, float] = (1, 1, 1),
    slope: float = 0,
    side: int = 224,
) -> Picture:
    """Blotches between two levels in one tint; `slope` > 0: lighter at the top."""
    rng = np.random.default_rng(seed)
    blotches = np.kron(rng.random((14, 14)), np.ones((side // 14 + 1, side // 14 + 1)))
    light = low + (high - low) * blotches[:side, :side]
    light = light + slope * np.linspace(1, -1, side)[:, None]
    return np.clip(light[..., None] * np.array(tint), 0, 255).astype(np.uint8)


def test_rows_are_unit_vectors_and_the_same_picture_is_fully_alike():
    described = rows(*(scene(seed) for seed in range(5)), np.zeros((224, 224, 3), np.uint8))
    assert np.abs(np.linalg.norm(described, axis=1) - 1).max() < 2e-3
    assert likeness(scene(1), scene(1)) > 0.998


def test_the_extremes_are_unit_vectors_too():
    black, white = (np.full((224, 224, 3), level, np.uint8) for level in (0, 255))
    red = black.copy()
    red[..., 0] = 255
    described = rows(black, white, red)
    assert np.abs(np.linalg.norm(described, axis=1) - 1).max() < 2e-3
    assert (described @ described.T)[np.triu_indices(3, 1)].max() < 0.5


@pytest.mark.parametrize(
    ("one", "like", "unlike"),
    [
        pytest.param({"high": 70}, {"high": 70}, {"low": 185}, id="low key"),
        pytest.param({"low": 185}, {"low": 185}, {"high": 70}, id="high key"),
        pytest.param({}, {}, {"low": 100, "high": 155}, id="hard contrast"),
        pytest.param({"low": 110, "high": 145}, {"low": 110, "high": 145}, {}, id="soft contrast"),
        pytest.param(
            {"tint": (1, 0.8, 0.6)}, {"tint": (1, 0.8, 0.6)}, {"tint": (0.6, 0.8, 1)}, id="warm"
        ),
        pytest.param({}, {}, {"tint": (1, 0.8, 0.6)}, id="black and white"),
        pytest.param(
            {"low": 80, "high": 175, "slope": 80},
            {"low": 80, "high": 175, "slope": 80},
            {"low": 80, "high": 175, "slope": -80},
            id="bright top",
        ),
    ],
)
def test_other_pictures_of_the_same_tone_are_more_alike(one, like, unlike):
    picture = scene(1, **one)
    assert likeness(picture, scene(2, **like)) > likeness(picture, scene(3, **unlike)) + 0.02


def test_a_little_grading_or_cropping_changes_little():
    picture = scene(4, 30, 200, (1, 0.9, 0.7))
    graded = np.clip(picture * np.array([1.06, 1.0, 0.95]), 0, 255).astype(np.uint8)
    cropped = np.kron(picture[16:208, 16:208][::6, ::6], np.ones((7, 7, 1), np.uint8))
    other = scene(5, 0, 120, (0.7, 0.9, 1))
    assert likeness(picture, graded) > 0.99
    assert likeness(picture, cropped) > 0.98
    assert likeness(picture, other) < 0.9


def test_a_slight_difference_is_not_lost_in_half_precision():
    picture = scene(6, 60, 180)
    lighter = np.clip(picture.astype(np.float32) * 1.1, 0, 255).astype(np.uint8)
    much_lighter = np.clip(picture.astype(np.float32) * 1.2, 0, 255).astype(np.uint8)
    assert likeness(picture, picture) - likeness(picture, lighter) > 1e-3
    assert likeness(picture, lighter) - likeness(picture, much_lighter) > 1e-3


def test_pictures_of_other_sizes_are_described_as_well():
    assert rows(scene(1, side=32)).shape == rows(scene(1)).shape == (1, 60)


def test_lab_agrees_with_published_values():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]], np.float32)
    known = np.array([[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    assert np.abs(lab(colours) - known).max() < 0.05
