"""What the classifier says of pictures: kept in few bytes, read back, called by names."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.errors import ModelError
from kuleshov.features.concepts import (
    CLASSES,
    FLOOR,
    STEP,
    Concepts,
    levels,
    names,
    pack,
    probabilities,
    vocabulary,
)
from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.facet import Reference


def softmax(logits):
    high = np.exp(logits - logits.max(axis=1, keepdims=True))
    return high / high.sum(axis=1, keepdims=True)


@pytest.fixture
def logits():
    made = np.random.default_rng(3).normal(0, 1.4, (40, CLASSES)).astype(np.float32)
    made[np.arange(40), np.arange(40) * 25] += 9
    return made


def test_rows_are_small_and_finite_in_either_precision(logits):
    rows = pack(logits)
    assert rows.dtype == np.float16
    assert rows.nbytes // len(rows) <= 700
    assert np.isfinite(rows).all()
    assert (levels(rows, np.arange(CLASSES)) == levels(rows.astype("f4"), np.arange(CLASSES))).all()


def test_a_row_is_read_back_within_half_a_step(logits):
    true = np.log(softmax(logits))
    read = FLOOR + STEP * levels(pack(logits), np.arange(CLASSES))
    assert np.abs(read - np.maximum(true, FLOOR)).max() <= STEP / 2 + 1e-4
    found = probabilities(pack(logits))
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (found.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_some_classes_are_read_as_all_are(logits):
    rows = pack(logits)
    some = [999, 0, 500, 2, 1]
    assert (levels(rows, some) == levels(rows, np.arange(CLASSES))[:, some]).all()


def test_extreme_logits_are_the_ends_of_the_scale():
    logits = np.zeros((1, CLASSES), np.float32)
    logits[0, 7] = 1000
    assert levels(pack(logits), [7, 8]).tolist() == [[30, 0]]
    assert pack(np.zeros((0, CLASSES))).shape == (0, 334)


def test_an_encoder_without_classes_is_refused():
    with pytest.raises(ModelError, match="classes of ImageNet"):
        Concepts(Reference({}, NO_NETWORK)).describe(
            Encoded(
                np.zeros((1, 4, 4, 3), np.uint8),
                np.zeros((1, 2), np.float32),
                np.zeros((1, 1, 1, 2), np.float32),
            )
        )


def test_classes_have_one_name_each_and_kinds_hold_them():
    assert len(names()) == len(set(names())) == CLASSES
    assert (names()[0], names()[972], names()[978]) == ("tench", "cliff", "seashore")
    kinds = {kind.words[0]: kind for kind in vocabulary().kinds}
    assert len(kinds["dog"].classes) == 118
    assert names().index("tabby") in kinds["animal"].classes
    assert names().index("sports car") in kinds["vehicle"].classes
    assert all(each.gloss and each.words for each in vocabulary().classes)
