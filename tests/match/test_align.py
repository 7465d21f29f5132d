from dataclasses import replace

import numpy as np
import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import UsageError
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import MOVEMENT, Reference
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.scan import TITLE
from match.rows import FACETS, film, path_through, query, reference

EVEN = dict.fromkeys(FACETS, 1.0)


def played(number, start, duration, speed):
    """A source that plays film `number` from `start` at `speed`."""
    whole = query(number, start, duration * speed + 1)
    time = np.arange(int(duration * 8)) / 8
    place = np.minimum(time * speed * 8, len(whole.time) - 2)
    left, part = place.astype(int), (place % 1)[:, None]
    rows = {n: (1 - part) * r[left] + part * r[left + 1] for n, r in whole.rows.items()}
    return Query(duration, time, {n: r.astype(np.float32) for n, r in rows.items()})


def aligner(*films, **options):
    return Aligner(ArchiveRows(films), reference(), EVEN, AlignOptions(**options))


@pytest.mark.slow
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
        assert answer.start + answer.duration <= shot.core.end / 24 + 1e-9
        assert answer.duration == pytest.approx(2.0 * float(answer.speed), abs=0.01)


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
    assert not aligner(archive, stretch=1).align([asked], best=5)[0]
    answers = aligner(archive, stretch=1).align([asked], best=5, shorter=True)[0]
    assert [a.shot for a in answers] in ([1, 0], [0, 1])
    two = next(a for a in answers if a.shot == 1)
    assert two.duration == pytest.approx(2.0)
    assert two.present == pytest.approx(0.8)


def test_a_shot_a_little_too_short_is_slowed_to_fill_the_stretch():
    archive = film(1, 12, cuts=(4.0, 6.0))
    sought = played(1, 4.0, 2.4, 2.0 / 2.4)
    (best, *_) = aligner(archive).align([sought], best=5)[0]
    assert (best.shot, best.start, best.present) == (1, pytest.approx(4.0), 1.0)
    assert float(best.speed) == pytest.approx(2.0 / 2.4, abs=0.002)
    assert best.duration == pytest.approx(2.0)
    # Half as long as the stretch is too short to be slowed so far.
    assert all(a.shot != 1 for a in aligner(archive).align([played(1, 4, 4.0, 0.5)], best=5)[0])


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_material_that_runs_at_another_speed_is_found_with_that_speed(speed):
    films = [film(number, 40) for number in range(1, 6)]
    (best, *_) = aligner(*films).align([played(3, 11.0, 14.0, speed)], best=5)[0]
    assert (best.film, float(best.speed)) == (2, speed)
    assert best.start == pytest.approx(11.0, abs=0.126)
    unhurried = aligner(*films, stretch=1).align([played(3, 11.0, 14.0, speed)], best=5)[0]
    assert {a.speed for a in unhurried} == {1}


@pytest.mark.parametrize("duration", [2.0, 4.0, 6.0])
def test_another_speed_has_to_gain_more_than_judder_costs(duration):
    """The material runs at 0.92: by likeness alone the nearest speed is 0.894."""
    films = [film(number, 40) for number in range(1, 4)]
    (best, *_) = aligner(*films).align([played(2, 11.0, duration, 0.92)], best=5)[0]
    assert (best.film, best.speed) == (1, 1)


@pytest.mark.parametrize("off", [-0.25, -3 / 24, 0, 4 / 24, 0.25])
def test_movement_is_brought_onto_movement_to_the_frame(off):
    """The pictures are all the same; only when they move tells where the moment lies."""
    rng = np.random.default_rng(3)
    curve = rng.random(20 * 24).astype(np.float32) * 2
    still = np.tile(path_through(1, 1, 1)[:1], (40, 1)).astype(np.float16)
    base = film(1, 20)
    rows = {"motion": still, MOVEMENT: curve.reshape(40, 12).astype(np.float16)}
    start = 9.25 + off
    first = round(start * 24)
    asked = Query(
        2.0,
        np.arange(16) / 8,
        {"motion": np.tile(still[:1], (16, 1)).astype(np.float32),
         MOVEMENT: curve[first : first + 48].reshape(16, 3)},
    )  # fmt: skip
    scales = reference()
    arrays = {f"{name}.levels": scales["subject.levels"] for name in ("motion", MOVEMENT)}
    it = Aligner(
        ArchiveRows([replace(base, rows=rows)]), Reference(arrays, NO_NETWORK), {"motion": 1.0}
    )
    answers = it.align([asked], best=40)[0]
    assert answers[0].start == pytest.approx(first / 24, abs=1e-6)
    assert answers[0].speed == 1


def test_letters_are_never_mirrored_and_titles_answer_titles():
    one, other = film(1, 10, cuts=(5.0,)), film(2, 10)
    one = replace(one, titles=frozenset({0}), lettered=frozenset({0}))
    asked = query(1, 1.0, 2.0, noise=0.5)
    found = aligner(one, other).align(
        [replace(asked, title=True), asked, replace(asked, title=True, mirrored=True)], best=10
    )
    assert (found[0][0].film, found[0][0].shot) == (0, 0)
    there, elsewhere = (next(a for a in f if (a.film, a.shot) == (0, 0)) for f in found[:2])
    assert elsewhere.strength == pytest.approx(there.strength - TITLE, abs=0.01)
    assert (0, 0) not in {(a.film, a.shot) for a in found[2]}


def test_a_facet_that_the_source_lacks_is_left_out():
    asked = query(2, 1.0, 2.0)
    alone = replace(asked, rows={"subject": asked.rows["subject"]})
    it = aligner(film(1, 10), film(2, 10))
    assert it.align([alone], best=3)[0][0].film == 1
    assert set(it.align([alone], best=3)[0][0].similarity) == {"subject"}
    with pytest.raises(UsageError, match="says nothing of composition"):
        Aligner(ArchiveRows([film(1, 5)]), reference(), {"composition": 1.0}).align([alone], 3)


def test_loosely_one_shared_thing_is_enough_and_the_same_subject_is_none():
    """One film shares half of everything, another all of its composition and no subject."""
    asked = query(1, 2.0, 2.0)
    near = film(2, 10)
    half = path_through(1, 10, 2) + path_through(3, 10, 2)
    half = (half / np.linalg.norm(half, axis=1, keepdims=True)).astype(np.float16)
    tight = replace(near, rows=dict.fromkeys(FACETS, half))
    same = path_through(1, 10, 2).astype(np.float16)
    loose = replace(film(3, 10), rows={"subject": -same, "composition": same})
    for tightness, expected in ((1.0, 0), (0.0, 1)):
        (best, *_) = aligner(tight, loose, tightness=tightness).align([asked], best=3)[0]
        assert best.film == expected


def test_answers_do_not_overlap_by_half():
    answers = aligner(film(1, 60), stretch=1).align([query(1, 20, 4.0)], best=10)[0]
    assert len(answers) == 10
    starts = sorted(answer.start for answer in answers)
    assert min(np.diff(starts)) >= 2.0 - 0.76  # half the stretch, less the refining moves


def test_answers_come_strongest_first_and_scores_keep_their_order():
    it = aligner(*(film(number, 30) for number in range(1, 6)))
    answers = it.align([query(3, 7, 2.0, noise=0.5)], best=20)[0]
    strengths = [answer.strength for answer in answers]
    assert strengths == sorted(strengths, reverse=True)
    scores = [it.strength(FACETS).score(value) for value in strengths]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_blocks_do_not_change_the_answer(monkeypatch):
    films = [film(number, 30, cuts=(7.0, 21.5)) for number in range(1, 9)]
    asked = [query(number, 8.0, 2.0, noise=0.4) for number in (2, 5, 8)]
    whole = aligner(*films).align(asked, best=8)
    monkeypatch.setattr("kuleshov.archive.rows._BLOCK", 100)
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
