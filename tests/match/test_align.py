import numpy as np
import pytest

from kuleshov.match.align import Aligner, Query
from kuleshov.match.rows import ArchiveRows
from match.rows import FACETS, film, query, reference

EVEN = dict.fromkeys(FACETS, 1.0)


def aligner(*films):
    return Aligner(ArchiveRows(films), reference(), EVEN)


@pytest.mark.parametrize("duration", [0.5, 1.0, 2.0, 3.25, 6.0])
@pytest.mark.parametrize("start", [0.0, 2.0, 4.375, 9.0, 13.5])
def test_a_moment_is_found_where_it_lies(start, duration):
    films = [film(number, 20) for number in range(1, 8)]
    (best, *_) = aligner(*films).align([query(5, start, duration, noise=0.3)], best=5)[0]
    assert best.film == 4
    assert best.start == pytest.approx(start, abs=0.126)
    assert best.present == 1.0


def test_an_answer_never_crosses_a_cut():
    archive = [film(1, 20, cuts=(5.0, 10.25)), film(2, 20, cuts=(3.0,))]
    answers = aligner(*archive).align([query(1, 4.0, 2.0)], best=50)[0]
    for answer in answers:
        shot = next(s for s in archive[answer.film].shots if s.index == answer.shot)
        assert answer.start >= shot.core.first / 24 - 1e-9
        assert answer.start + 2.0 <= shot.core.end / 24 + 1e-9


def test_every_shot_that_is_long_enough_can_be_offered():
    archive = film(1, 20, cuts=(2.0, 3.0, 10.0))  # shots of 2, 1, 7 and 10 s
    answers = aligner(archive).align([query(2, 0, 2.0)], best=50)[0]
    assert {answer.shot for answer in answers} == {0, 2, 3}


def test_a_shot_exactly_as_long_as_the_stretch_is_offered():
    for end in (2.0, 2.25, 2.375):
        archive = film(1, 12, cuts=(1.25, 1.25 + end))
        answers = aligner(archive).align([query(1, 1.25, end)], best=20)[0]
        assert any(answer.shot == 1 and answer.start == pytest.approx(1.25) for answer in answers)


def test_shorter_shots_only_when_asked_and_at_a_loss():
    archive = film(1, 3, cuts=(1.0,))
    asked = query(1, 0, 2.5)
    assert not aligner(archive).align([asked], best=5)[0]
    answers = aligner(archive).align([asked], best=5, shorter=True)[0]
    assert [a.shot for a in answers] in ([1, 0], [0, 1])
    two = next(a for a in answers if a.shot == 1)
    assert two.duration == pytest.approx(2.0)
    assert two.present == pytest.approx(0.8)


def test_answers_do_not_overlap_by_half():
    answers = aligner(film(1, 60)).align([query(1, 20, 4.0)], best=10)[0]
    assert len(answers) == 10
    starts = sorted(answer.start for answer in answers)
    assert min(np.diff(starts)) >= 2.0 - 0.76  # half the stretch, less the refining moves


def test_answers_come_strongest_first_and_scores_keep_their_order():
    it = aligner(*(film(number, 30) for number in range(1, 6)))
    answers = it.align([query(3, 7, 2.0, noise=0.5)], best=20)[0]
    strengths = [answer.strength for answer in answers]
    assert strengths == sorted(strengths, reverse=True)
    scores = [it.score(value) for value in strengths]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_blocks_do_not_change_the_answer(monkeypatch):
    films = [film(number, 30, cuts=(7.0, 21.5)) for number in range(1, 9)]
    asked = [query(number, 8.0, 2.0, noise=0.4) for number in (2, 5, 8)]
    whole = aligner(*films).align(asked, best=8)
    monkeypatch.setattr("kuleshov.match.rows._BLOCK", 100)
    assert aligner(*films).align(asked, best=8) == whole


def test_weights_decide():
    one, other = film(1, 10), film(2, 10)
    sought = query(1, 2, 2.0)
    mixed = Query(
        2.0,
        sought.time,
        {"subject": sought.rows["subject"], "composition": query(2, 5, 2.0).rows["subject"]},
    )
    archive = ArchiveRows([one, other])
    for weights, expected in (({"subject": 1.0}, 0), ({"composition": 1.0}, 1)):
        assert Aligner(archive, reference(), weights).align([mixed], best=3)[0][0].film == expected


def test_single_pictures_are_answered_by_a_stretch():
    sought = query(4, 6.0, 0.1)
    still = Query(2.0, np.array([1.0]), {name: rows[:1] for name, rows in sought.rows.items()})
    best = aligner(film(3, 15), film(4, 15)).align([still], best=3)[0][0]
    assert best.film == 1
    assert best.start + 1.0 == pytest.approx(6.0, abs=0.25)


def test_edges_are_what_each_shot_says_of_itself():
    it = film(4, 20, cuts=(3.3, 7.0, 12.7), black=1)
    rows, seconds = it.edges()
    for shot, (first, end), (start, stop) in zip(it.shots, rows, seconds, strict=True):
        core = it.core(shot)
        assert (float(core.start), float(core.end)) == pytest.approx((start, stop))
        inside = (it.shown >= shot.core.first) & (it.shown < shot.core.end)
        assert np.flatnonzero(inside).tolist() == list(range(first, end))
