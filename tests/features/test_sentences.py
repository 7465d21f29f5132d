"""Sentences as vectors, against the original network and its own tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kuleshov.features.sentences import Sentences, WordPieces

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "sentences_reference.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def encode():
    return Sentences()


def test_tokens_are_those_of_the_original(encode):
    for each in REFERENCE["texts"]:
        assert encode._tokens(each["text"]) == each["tokens"], each["text"]


@pytest.mark.slow
def test_vectors_are_those_of_the_original_but_for_eight_bits(encode):
    made = encode([each["text"] for each in REFERENCE["texts"]])
    assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-4)
    assert np.abs(made @ made.T - np.array(REFERENCE["alike"])).max() < 0.02
    begins = np.array([each["begins"] for each in REFERENCE["texts"]])
    assert np.abs(made[:, : begins.shape[1]] - begins).max() < 0.02


def test_a_text_does_not_depend_on_its_neighbours(encode):
    alone = encode(["water"])[0]
    among = encode(["water", "a very much longer sentence about something else"])[0]
    assert alone == pytest.approx(among, abs=1e-4)
    assert encode([]).shape == (0, 384)


def test_words_known_whole_and_in_pieces_only(encode):
    assert encode.whole("two dogs")
    assert not encode.whole("xyzzy")


def test_pieces_are_the_longest_and_signs_stand_alone():
    pieces = WordPieces(["[UNK]", "[CLS]", "[SEP]", "sun", "##set", "##s", "!", "su"])
    assert pieces("Sunsets!") == [1, 3, 4, 5, 6, 2]
    assert pieces("moon") == [1, 0, 2]


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("water", True),
        ("puppies", True),
        ("campfire", True),
        ("a snowboarder walking", True),
        ("womn", False),
        ("Schnee", False),
        ("smilling", False),
        ("a bycicle", False),
    ],
)
def test_what_is_misspelt_or_foreign_is_told_from_what_is_only_rare(text, joined):
    assert Sentences().joined(text) is joined
