"""Clusters on archives made of numbers: planted groups come back, from different places."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import kuleshov.match.likeness.clusters as module
from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.facet import PRINT
from kuleshov.match.align.by_example import middles
from kuleshov.match.likeness.clusters import clusters
from kuleshov.match.likeness.moments import moment
from kuleshov.match.likeness.places import different, members, numbered, places_of, setup_of
from kuleshov.timecode import TimeRange
from match.rows import FACETS, SIZE, film, reference


def planted(films, groups, seed=0, noise=0.35, shots=4):
    """`films` films of shots of 3 s; shot k of film f belongs to group (f + k) % groups, all prints
    differ."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, SIZE))
    made = []
    for number in range(films):
        one = film(number, 3.0 * shots, tuple(3.0 * k for k in range(1, shots)))
        rows = np.concatenate(
            [
                centres[(number + k) % groups] + noise * rng.normal(size=SIZE) + np.zeros((6, SIZE))
                for k in range(shots)
            ]
        )
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        prints = np.repeat(rng.normal(size=(shots, SIZE)), 6, axis=0)
        prints /= np.linalg.norm(prints, axis=1, keepdims=True)
        held = {name: rows.astype(np.float16) for name in FACETS}
        made.append(replace(one, rows={**held, PRINT: prints.astype(np.float16)}))
    return ArchiveRows(made)


def group_of(member, groups):
    return (member.film.footage.id + member.shot.index) % groups


def test_planted_groups_come_back():
    found = clusters(planted(12, 6), reference(), 4, 6)
    assert len(found) == 4
    taken = [(m.film.footage.id, m.shot.index) for c in found for m in c.members]
    assert len(taken) == len(set(taken)) == 24
    for cluster in found:
        assert len({group_of(m, 6) for m in cluster.members}) == 1
        assert cluster.films == len({m.film.footage.id for m in cluster.members}) == 6


def test_the_same_archive_gives_the_same_clusters():
    once, again = (clusters(planted(9, 5), reference(), 3, 5) for _ in range(2))
    assert [[(m.film.footage.id, m.shot.index) for m in c.members] for c in once] == [
        [(m.film.footage.id, m.shot.index) for m in c.members] for c in again
    ]


@pytest.mark.slow
def test_a_large_archive_is_parted(monkeypatch):
    monkeypatch.setattr(module, "_EXACT", 100)
    found = clusters(planted(60, 20), reference(), 5, 6)
    assert all(len({group_of(m, 20) for m in c.members}) == 1 for c in found)


def test_copies_are_one_place():
    archive = planted(8, 4)
    print_of_first = archive.films[0].rows[PRINT]
    copies = ArchiveRows(
        [
            replace(f, rows={**f.rows, PRINT: print_of_first}) if f.footage.id in (4, 0) else f
            for f in archive.films
        ]
    )
    for cluster in clusters(copies, reference(), 3, 5):
        copied = [m.shot.index for m in cluster.members if m.film.footage.id in (0, 4)]
        assert len(copied) == len(set(copied))


def test_one_set_up_of_a_film_is_one_place():
    one = film(0, 12.0, (3.0, 6.0, 9.0))
    row = np.ones(SIZE) / np.sqrt(SIZE)
    prints = np.eye(SIZE, dtype=np.float16)[np.repeat(np.arange(4), 6)]
    rows = {
        **dict.fromkeys(FACETS, np.tile(row, (24, 1)).astype(np.float16)),
        PRINT: prints.astype(np.float16),
    }
    shots = members(ArchiveRows([replace(one, rows=rows)]))
    places = places_of(shots, setup_of(reference()))
    assert places.same(0, np.arange(4)).all()


def test_places_are_numbered_by_what_shows_the_same():
    """Set-ups count within one film; copies in any; two films of one picture are two places."""
    picture = np.ones(SIZE) / np.sqrt(SIZE)
    other = np.where(np.arange(SIZE) % 2, 1.0, -1.0) / np.sqrt(SIZE)
    films = []
    for number, first_print in ((0, 0), (1, 4), (2, 0)):
        one = film(number, 12.0, (3.0, 6.0, 9.0))
        rows = np.repeat([picture, picture, other, other], 6, axis=0)
        prints = np.eye(SIZE)[np.repeat([first_print, 1 + 5 * number, 2 + number, 3], 6)]
        named = {**dict.fromkeys(FACETS, rows.astype(np.float16)), PRINT: prints.astype(np.float16)}
        films.append(replace(one, rows=named))
    shots = members(ArchiveRows(films))
    a, b, c = np.array(numbered(shots, setup_of(reference()))).reshape(3, 4).tolist()
    # The last shots of all are copies, and so are the first ones of the first and the third film.
    assert a[0] == a[1] == c[0] == c[1] != b[0] == b[1]
    assert a[2] == a[3] == b[2] == b[3] == c[2] == c[3] != a[0]
    assert numbered([], 0.5) == []


def test_what_was_found_is_spread_over_shots_and_films():
    archive = planted(4, 4)
    found = middles(archive, Fraction(1))
    chosen, _ = different([*found, *found], 4, reference())
    assert len({c.film.footage.id for c in chosen}) == 4
    every, left = different(found, 100, reference())
    assert len({(c.film.footage.id, c.shot) for c in every}) == len(every) == 16 - left


def test_too_little_is_said():
    with pytest.raises(MatchError, match="too few shots"):
        clusters(ArchiveRows([film(0, 3.0)]), reference(), 1, 9)
    with pytest.raises(UsageError, match="at least"):
        clusters(ArchiveRows([]), reference(), 1, 1)
    small = clusters(planted(3, 3, shots=2), reference(), 1, 9)
    assert 2 <= len(small[0].members) <= 6


def test_a_moment_lies_in_its_shot_and_near_what_was_found():
    one = film(1, 30.0, (10.0,))
    curve = np.zeros((60, 12), np.float16)
    curve[34] = 1.5  # at 17 s
    one = replace(one, rows={**one.rows, "movement": curve})
    found = moment(one, one.shots[1], Fraction(1), Fraction(6))
    assert found.best == 17
    assert found.window.start == 14
    assert found.window.end == 20
    near = moment(
        one, one.shots[1], Fraction(1), Fraction(6), TimeRange(Fraction(24), Fraction(26))
    )
    assert 24 <= near.best <= 26
    first = moment(one, one.shots[0], Fraction(1), Fraction(60))
    assert (first.window.start, first.window.end) == (0, 10)


def test_a_cluster_is_not_filled_up_with_what_is_not_alike():
    # Groups of four, each in a film of its own, where nine are asked for.
    found = clusters(planted(4, 3, shots=3), reference(), 3, 9)
    assert len(found) == 3
    for cluster in found:
        assert len({group_of(member, 3) for member in cluster.members}) == 1
