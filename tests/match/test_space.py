"""Words asked of an encoder that puts them among its pictures; here the space is made by hand."""

import numpy as np
import pytest

from kuleshov.features import concepts
from kuleshov.match.text.embedding import EmbeddingLexicon

NAMES = concepts.names()


class Hand:
    """Each word has a direction of its own; a text is the sum of the words known in it."""

    WORDS = ("magma", "fire", NAMES[3], NAMES[7], NAMES[11])

    def words(self, texts):
        rows = np.zeros((len(texts), 8), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[7] = 0.3  # what all texts share
            for number, word in enumerate(self.WORDS):
                row[number] += word in text
        # To the machine, number 3 is something like magma.
        rows[:, 0] += 0.6 * rows[:, 2]
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def space():
    rng = np.random.default_rng(0)
    background = rng.normal(size=(500, 8)).astype(np.float32)
    return EmbeddingLexicon(Hand(), background / np.linalg.norm(background, axis=1, keepdims=True))


def pictures():
    return np.eye(8, dtype=np.float32)


def test_a_picture_of_the_thing_stands_out_from_pictures_at_large(space):
    bits = space.ask("magma").bits(pictures())
    assert bits.argmax() == 0
    assert bits[0] > 3
    rng = np.random.default_rng(1)
    any_picture = rng.normal(size=(2000, 8))
    any_picture /= np.linalg.norm(any_picture, axis=1, keepdims=True)
    usual = space.ask("magma").bits(any_picture)
    assert abs(usual.mean()) < 0.15
    assert usual.std() == pytest.approx(np.pi / np.sqrt(3), abs=0.2)


def test_every_text_is_understood_as_it_stands(space):
    assert space.near("xyzzy") == (1.0, ("xyzzy",))
    assert not space.knows("magma")
    assert space.ask("magma").names == ("magma",)


def test_drift_leads_to_what_the_machine_takes_for_it(space):
    none, half, whole = (space.ask("magma", drift=d).bits(pictures()) for d in (0, 0.5, 1))
    assert none[0] > half[0] > whole[0]
    assert half[2] > none[2]
    assert np.array_equal(whole, space.ask("magma", drift=1).bits(pictures()))
    assert NAMES[3] in space.ask("magma", drift=0.3).names
