"""Sketches: their product with a query is nearly the likeness of the rows that they stand for."""

import numpy as np
import pytest

from kuleshov.features import bodies, faces
from kuleshov.features.facet import unit
from kuleshov.features.sketch import LONGEST, SKETCHED, asked, segments, sketches

WIDTHS = {
    "subject": 256,
    "composition": 512,
    "tone": 60,
    "motion": 30,
    "faces": faces.WIDTH,
    "bodies": bodies.WIDTH,
}


def test_segments_divide_each_shot_into_few_equal_parts():
    spans = np.array([(0, 4), (4, 4), (4, 13), (20, 21)])
    assert segments(spans).tolist() == [
        *([0, 0, 4], [2, 4, 7], [2, 7, 10], [2, 10, 13], [3, 20, 21]),
    ]
    for length in range(1, 40):
        parts = segments(np.array([(7, 7 + length)]))
        sizes = parts[:, 2] - parts[:, 1]
        assert (parts[0, 1], parts[-1, 2]) == (7, 7 + length)
        assert (parts[1:, 1] == parts[:-1, 2]).all()
        assert len(sizes) == -(-length // LONGEST)
        assert sizes.max() <= min(LONGEST, sizes.min() + 1)
    assert segments(np.zeros((0, 2), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("facet", sorted({*SKETCHED} - {"motion"}))
def test_the_product_of_a_sketch_and_a_query_is_their_likeness(facet):
    rng = np.random.default_rng(3)
    # Rows as they are: most is told by the first numbers of a subject, neighbours are alike.
    size = WIDTHS[facet]
    rows = rng.normal(size=(12, size))
    if facet == "subject":
        rows *= np.exp(-np.arange(size) / 60)
    if facet == "composition":
        cells = rng.normal(size=(12, 2, 1, 2, 1, 32)).repeat(2, axis=2).repeat(2, axis=4)
        rows = cells.reshape(12, size) + 0.3 * rows
    if facet == "faces":
        rows[:, 157:] *= 2.0**-9
    if facet == "bodies":
        rows[:, bodies.COMPARED :] *= 2.0**-9
    stored = unit(rows)
    spans = np.array([(0, 4), (4, 5), (9, 12)])
    made = sketches(facet, stored, spans)
    assert made.dtype == np.int8
    whole = stored.astype(np.float32)
    mean = np.array([whole[first:end].mean(axis=0) for first, end in spans])
    # Not more than a few hundredths off, where those of other pictures lie half and more below.
    assert np.abs(asked(facet, whole) @ made.T - whole @ mean.T).max() < 0.09


def test_motion_is_told_to_a_thousandth():
    rows = unit(np.ones((1, 30)) + 0.3 * np.random.default_rng(1).normal(size=(200, 30)))
    spans = np.column_stack([np.arange(200), np.arange(200) + 1])
    whole = rows.astype(np.float32)
    found = asked("motion", whole) @ sketches("motion", rows, spans).T
    assert np.abs(found - whole @ whole.T).max() < 1e-3


def test_motion_that_changes_within_a_segment_is_like_itself():
    rows = unit(np.random.default_rng(2).normal(size=(4, 30)))
    whole = rows.astype(np.float32).mean(axis=0, keepdims=True)
    found = asked("motion", whole) @ sketches("motion", rows, np.array([(0, 4)])).T
    assert found[0, 0] == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(whole) < 0.8


def test_all_numbers_by_which_faces_are_compared_are_kept():
    compared = sum(faces._PARTS)
    rows = unit(np.eye(faces.WIDTH)[:compared])
    spans = np.column_stack([np.arange(compared), np.arange(compared) + 1])
    made = sketches("faces", rows, spans)
    assert np.array_equal(made, np.eye(compared) * 127)


def test_of_nothing_there_are_no_sketches():
    rows = np.zeros((0, 512), np.float16)
    assert sketches("composition", rows, np.zeros((0, 2), np.int64)).shape == (0, 128)
