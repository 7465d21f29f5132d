"""What counts in matching, and how much: each test holds a rule of ranking against its reverse."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kuleshov.archive import shot_tags as tagged
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import MOVEMENT, PRINT, Reference
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.scan import MISSING
from kuleshov.match.likeness.clusters import clusters
from kuleshov.match.likeness.joins import Joins, PlacedClip
from kuleshov.match.likeness.places import pooled
from kuleshov.match.likeness.tour import best_order, length
from kuleshov.timecode import TimeRange
from match.rows import FACETS, SIZE, film, path_through, query, reference

EVEN = dict.fromkeys(FACETS, 1.0)
F = Fraction


def beside(rows, off, seed=0):
    """Unit vectors `off` away from `rows`, by the tangent."""
    rows = np.asarray(rows, np.float64)
    other = np.random.default_rng(seed).normal(size=rows.shape)
    other -= (other * rows).sum(axis=-1, keepdims=True) * rows
    other /= np.linalg.norm(other, axis=-1, keepdims=True)
    made = rows + off * other
    return made / np.linalg.norm(made, axis=-1, keepdims=True)


def still(one):
    """A film that shows its first picture all the time."""
    return replace(one, rows={n: np.repeat(r[:1], len(r), axis=0) for n, r in one.rows.items()})


def a_little_off(one, off):
    """A film that shows nearly what another shows."""
    return replace(one, rows={n: beside(r, off).astype(np.float16) for n, r in one.rows.items()})


def answers(films, asked, best, *, weights=EVEN, shorter=False, scales=None, stretch=1.25):
    it = Aligner(ArchiveRows(films), scales or reference(), weights, AlignOptions(stretch))
    return it.align([asked], best, shorter=shorter)[0]


@pytest.mark.parametrize("best", [1, 5])  # with 1, the first look alone decides what is proposed
def test_a_clip_that_fills_the_stretch_comes_before_a_better_one_that_does_not(best):
    asked, same = query(1, 4.0, 2.0), still(film(1, 20))
    asked = replace(asked, rows={n: np.tile(same.rows[n][:1], (16, 1)) for n in asked.rows})
    short = replace(same, shots=film(1, 20, cuts=(4.0, 5.0)).shots[1:2])
    other = replace(film(2, 20), rows=a_little_off(same, 0.15).rows)
    found = answers([short, other], asked, best, shorter=True, stretch=1)
    assert found[0].film == 1
    alone, whole = (answers([f], asked, 1, shorter=True, stretch=1)[0] for f in (short, same))
    assert alone.present == pytest.approx(0.5)
    assert whole.strength - alone.strength == pytest.approx(MISSING / 2)


@pytest.mark.parametrize("best", [1, 5])
def test_a_picture_comes_before_a_title_card_that_is_a_little_more_alike(best):
    cards = replace(film(1, 20), titles=frozenset({0}))
    other = replace(film(2, 20), rows=a_little_off(film(1, 20), 0.15).rows)
    asked = query(1, 4.0, 2.0)
    assert answers([cards, other], asked, best)[0].film == 1
    assert answers([cards, other], replace(asked, title=True), best)[0].film == 0


def test_when_it_moves_counts_half_of_how_it_moves():
    """One film moves a little more alike, the other at the same instants."""
    rng = np.random.default_rng(3)
    curve, foreign = rng.random((2, 20 * 24)).astype(np.float32) * 2
    row = path_through(1, 1, 1)[:1]
    arrays = {f"{n}.levels": reference()["subject.levels"] for n in ("motion", MOVEMENT)}
    asked = Query(
        2.0,
        np.arange(16) / 8,
        {
            "motion": np.tile(row, (16, 1)).astype(np.float32),
            MOVEMENT: curve[9 * 24 : 11 * 24].reshape(16, 3),
        },
    )
    films = []
    for number, (off, moves) in enumerate(((0.05, foreign), (0.35, curve)), 1):
        rows = {
            "motion": np.tile(beside(row, off), (40, 1)).astype(np.float16),
            MOVEMENT: moves.reshape(40, 12).astype(np.float16),
        }
        films.append(replace(film(number, 20), rows=rows))
    scales = Reference(arrays, NO_NETWORK)
    found = answers(films, asked, 40, weights={"motion": 1.0}, scales=scales, stretch=1)
    assert found[0].film == 1
    assert found[0].start == pytest.approx(9.0)


def test_a_cut_costs_what_lies_on_its_two_sides():
    """The last picture of a clip against the first of the next, not their other ends."""
    one, other = film(1, 10), film(2, 10)
    core = TimeRange(F(0), F(10))
    joins = Joins([one, other], reference())
    leaving = [PlacedClip(one, core, TimeRange(F(a), F(b))) for a, b in ((2, 5), (5, 8))]
    entering = [
        PlacedClip(one, core, TimeRange(F(5), F(7))),
        PlacedClip(other, core, TimeRange(F(2), F(4))),
    ]
    costs = joins.costs(leaving, entering)
    assert costs[0, 0] < 0.3 * costs[1, 0]  # goes on where it was, against: three seconds away
    assert costs[0, 0] < 0.3 * costs[0, 1]


def grouped(films, shots, off, seed=0):
    """`films` films of `shots` shots; all subjects lie `off` from one, compositions differ."""
    rng = np.random.default_rng(seed)
    centre = beside(np.eye(SIZE)[0], 0.5, seed=9)
    made = []
    for number in range(films):
        one = film(number, 3.0 * shots, tuple(3.0 * k for k in range(1, shots)))
        subject = beside(np.tile(centre, (shots, 1)), off, seed=seed + number)
        other = rng.normal(size=(2, shots, SIZE))
        other /= np.linalg.norm(other, axis=2, keepdims=True)
        rows = dict(zip(("subject", "composition", PRINT), (subject, *other), strict=True))
        made.append(
            replace(one, rows={n: np.repeat(r, 6, axis=0).astype("f2") for n, r in rows.items()})
        )
    return made


SUBJECT = {"subject": 1.0, "composition": 0.05}


def test_a_cluster_begins_with_what_is_most_alike_to_all():
    (found,) = clusters(ArchiveRows(grouped(6, 1, 0.8)), reference(), 1, 6, weights=SUBJECT)
    rows = pooled(found.members, ["subject"])["subject"]
    means = (rows @ rows.T).mean(axis=1)
    assert np.argmax(means) == 0
    assert means[0] > means[-1] + 0.01


def test_a_cluster_takes_the_shots_of_other_films_where_they_are_nearly_as_alike():
    many = grouped(1, 4, 0.35)
    few = [
        replace(one, footage=replace(one.footage, id=10 + n, checksum=f"{10 + n:064x}"))
        for n, one in enumerate(grouped(3, 1, 0.4, seed=20))
    ]
    (found,) = clusters(ArchiveRows([*many, *few]), reference(), 1, 4, weights=SUBJECT)
    assert found.films >= 3


def test_a_cluster_of_many_films_comes_before_a_tighter_one_of_a_single_film():
    alone = grouped(1, 4, 0.3)
    rng = np.random.default_rng(5)
    centre = rng.normal(size=SIZE)
    centre /= np.linalg.norm(centre)
    others = []
    for n, one in enumerate(grouped(4, 1, 0.3, seed=40)):
        footage = replace(one.footage, id=20 + n, checksum=f"{20 + n:064x}")
        subject = np.tile(beside(centre, 0.38, seed=60 + n), (6, 1)).astype(np.float16)
        others.append(replace(one, footage=footage, rows={**one.rows, "subject": subject}))
    found = clusters(ArchiveRows([*alone, *others]), reference(), 2, 4, weights=SUBJECT)
    assert [cluster.films for cluster in found] == [4, 1]
    assert found[1].strength > found[0].strength


@pytest.mark.slow
def test_a_way_gets_shorter_by_being_broken_and_searched_anew():
    rng = np.random.default_rng(0)
    totals = np.zeros(2)
    for _ in range(6):
        cost = rng.random((40, 40))
        totals += [length(cost, best_order(cost, kicks=k)) for k in (0, 40)]
    assert totals[1] < 0.99 * totals[0]


@pytest.mark.slow
def test_no_part_of_a_way_gains_by_being_turned_round():
    rng = np.random.default_rng(1)
    for _ in range(3):
        points = rng.random((80, 2))
        cost = np.linalg.norm(points[:, None] - points, axis=2)
        way = best_order(cost, kicks=0)
        turned = [
            [*way[:i], *way[i:j][::-1], *way[j:]] for i in range(80) for j in range(i + 2, 81)
        ]
        assert min(length(cost, other) for other in turned) > length(cost, way) - 1e-9


def test_what_shots_share_is_told_in_the_order_of_their_tags(monkeypatch):
    words = ["one face", "close-up", "slow", "high contrast", "blue", "handheld camera"]
    found = [tagged.Tag("x", word, 1.0) for word in words]
    monkeypatch.setattr(tagged, "tags_of", lambda *_: found)
    monkeypatch.setattr(tagged, "phrase", lambda tag: tag.word)
    pair: Any = (None, None)
    assert tagged.shared_by([pair] * 3, 6) == words
