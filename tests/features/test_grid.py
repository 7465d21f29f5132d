"""Which rows belong to which frames."""

import numpy as np
import pytest

from kuleshov.features.grid import rows_of, rows_of_each, rows_within, rows_within_each
from kuleshov.timecode import FrameRange

SHOWN = np.array([0, 12, 24, 36])


@pytest.mark.parametrize(
    ("frames", "within", "read_by"),
    [
        ((0, 12), (0, 1), (0, 1)),  # the frame at the end belongs to the next shot
        ((0, 13), (0, 2), (0, 2)),
        ((12, 40), (1, 4), (1, 4)),
        ((13, 20), (2, 2), (2, 3)),  # between two rows: the next
        ((37, 40), (4, 4), (3, 4)),  # behind the last: the last
    ],
)
def test_rows_of_a_shot(frames, within, read_by):
    assert rows_within(SHOWN, FrameRange(*frames)) == within
    assert rows_of(SHOWN, FrameRange(*frames)) == read_by
    assert rows_within_each(SHOWN, np.array([frames])).tolist() == [list(within)]
    assert rows_of_each(SHOWN, np.array([frames])).tolist() == [list(read_by)]


def test_no_shots_have_no_rows():
    none = np.zeros((0, 2), np.int64)
    assert rows_of_each(SHOWN, none).shape == rows_within_each(SHOWN, none).shape == (0, 2)
