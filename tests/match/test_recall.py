"""What is asked again gives what was found at first, and what a look at the whole would give."""

from dataclasses import replace

import numpy as np
import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.jobs import QUIET
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.recall import Recall
from match.rows import film, query, reference

FILMS = [film(number, 30.0, (4.0, 5.0, 11.0, 19.0)) for number in range(1, 9)]
WHOLE = ArchiveRows(FILMS)


def fewer(archive):
    """Without one film, and with fewer shots of another."""
    films = [f for f in archive.films if f.footage.id != 3]
    films[1] = replace(films[1], shots=films[1].shots[::2])
    return ArchiveRows(films)


@pytest.mark.slow
@pytest.mark.parametrize("duration", [0.3, 1.5, 3.0, 9.0])
@pytest.mark.parametrize("shorter", [False, True])
def test_what_is_recalled_is_what_is_found(duration, shorter):
    recall = Recall(WHOLE, reference())
    asked = [query(5, 6.0, duration, noise=0.5), query(2, 12.0, duration, noise=0.5)]
    for archive in (WHOLE, fewer(WHOLE), WHOLE):
        for weights in ({"subject": 1.0}, {"subject": 0.2, "composition": 1.0}):
            for tightness in (1.0, 0.3):
                ways = (reference(), weights, AlignOptions(1.25, tightness))
                plain = Aligner(archive, *ways).align(asked, 10, shorter=shorter)
                again = [
                    Aligner(archive, *ways, recall).align([one], 10, shorter=shorter)[0]
                    for one in asked
                ]
                assert again == plain
                assert any(plain)


def test_titles_and_letters_are_heeded():
    titled = [replace(f, titles=frozenset({1}), lettered=frozenset({2})) for f in FILMS]
    archive = ArchiveRows(titled)
    recall = Recall(archive, reference())
    for title in (False, True):
        for mirrored in (False, True):
            one = replace(query(5, 6.0, 2.0, noise=0.5), title=title, mirrored=mirrored)
            ways = (reference(), {"subject": 1.0})
            assert Aligner(archive, *ways, recall=recall).align([one], 10) == (
                Aligner(archive, *ways).align([one], 10)
            )


def test_it_looks_once_and_keeps_no_more_than_it_may():
    class Counted(ArchiveRows):
        looks = 0

        def blocks(self, facets, job=QUIET):
            self.looks += 1
            return super().blocks(facets, job)

    archive = Counted(FILMS)
    one = 4 * 2 * len(archive)
    recall = Recall(archive, reference(), limit=3 * one)
    assert recall.fits(3)
    assert not recall.fits(4)
    ask = [query(n, 6.0, 2.0) for n in range(1, 6)]
    for each in (ask[0], ask[0], ask[1], ask[0]):
        Aligner(archive, reference(), {"subject": 1.0}, recall=recall).align([each], 5)
    assert archive.looks == 2
    for each in ask:
        Aligner(archive, reference(), {"subject": 1.0}, recall=recall).align([each], 5)
    assert sum(look.bytes for look in recall._looks.values()) <= 3 * one
    assert len(recall._looks) >= 2


def test_of_equal_in_points_those_first_in_the_archive_are_kept():
    """Ten films that show one picture all along: how much is looked at at once decides nothing."""
    row = FILMS[0].rows["subject"][:1]
    still = [
        replace(f, rows={name: np.repeat(row, len(f.shown), axis=0) for name in f.rows})
        for f in FILMS
    ]
    archive = ArchiveRows(still)
    one = query(1, 0.0, 2.0)
    ways = (reference(), {"subject": 1.0})
    plain = Aligner(archive, *ways).align([one], 4)
    assert Aligner(archive, *ways, recall=Recall(archive, reference())).align([one], 4) == plain
    assert {answer.film for answer in plain[0]} == {0}
