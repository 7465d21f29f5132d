from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.face_nets import Face
from kuleshov.features.faces import row_of
from kuleshov.features.facet import Reference, Scale
from kuleshov.match.align.candidates import MatchOptions, find_candidates, nothing_offered
from kuleshov.match.same.own import Own, own_material
from kuleshov.notes import Note
from match.rows import film, query, reference


def candidates(films, asked, duration, options=None, **more):
    options = options or MatchOptions()
    (found,) = find_candidates(
        [[asked]], [duration], ArchiveRows(films), reference(), options, **more
    )
    return found


def test_candidates_lie_in_their_shot_and_begin_on_a_frame():
    films = [film(number, 20, cuts=(3.3, 7.0, 12.7)) for number in range(1, 5)]
    duration = Fraction(47, 24)
    found = candidates(films, query(2, 8.1, float(duration), noise=0.6), duration)
    assert len(found) > 5
    for candidate in found:
        assert candidate.usable.contains(candidate.media)
        assert candidate.media.duration == duration * candidate.speed
        assert Fraction(4, 5) <= candidate.speed <= Fraction(5, 4)
        assert (candidate.media.start * 24).denominator == 1
        assert candidate.held == 0
        assert set(candidate.facets) == {"subject", "composition"}


def test_the_sources_own_material_is_not_offered():
    films = [film(1, 20), film(2, 20)]
    asked = query(1, 5.0, 2.0)
    assert not any(
        c.film is films[0] and abs(c.media.start - 5) < 1
        for c in candidates(films, asked, Fraction(2))
    )
    allowed = candidates(films, asked, Fraction(2), MatchOptions(allow_same=True))
    assert allowed[0].film is films[0]
    assert allowed[0].media.start == 5
    assert allowed[0].score > 0.97


def test_the_sources_own_material_is_not_offered_where_shots_are_too_short_either():
    # Nothing is long enough, so that a second pass looks among short shots.
    films = [film(number, 4, cuts=(1.0, 2.0, 3.0)) for number in (1, 2)]
    found = candidates(films, query(1, 0.0, 2.0), Fraction(2))
    assert found
    assert all(c.film is films[1] or c.media.start >= Fraction(2) for c in found), (
        "a copy is offered"
    )
    (own,) = candidates(
        films, query(1, 0.0, 2.0), Fraction(2), MatchOptions(allow_same=True, candidates=1)
    )
    assert own.film is films[0]


def test_one_stretch_alone_is_not_answered_by_what_another_shows():
    films = [film(1, 20), film(2, 20)]
    whole = query(1, 4.0, 8.0).rows["print"]
    own = own_material(whole, ArchiveRows(films))
    asked, duration = query(1, 5.0, 2.0), Fraction(2)
    for options in (MatchOptions(), MatchOptions(stretch=1.0)):
        found = candidates(films, asked, duration, options, own=own)
        inside = [c for c in found if c.film.footage.id == 1]
        assert all(c.media.end <= 4 or c.media.start >= 12 for c in inside)
    assert candidates(films, asked, duration, MatchOptions(allow_same=True), own=own)[0].score > 0.9


@pytest.mark.slow
def test_a_source_whose_copies_take_all_places_still_has_other_answers():
    # So many copies that no other film is among the best answers.
    copies = [copied(film(1, 20), number) for number in range(3, 13)]
    films = [film(2, 20), *copies]
    found = candidates(films, query(1, 0.0, 18.0), Fraction(18), MatchOptions(candidates=5))
    assert found
    assert all(c.film is films[0] for c in found)


def copied(one, number):
    """The same film as another file."""
    footage = replace(one.footage, id=number, checksum=f"{number:064x}")
    return replace(one, footage=footage)


def test_the_source_file_itself_is_left_out_whole():
    films = [film(1, 20), film(2, 20)]
    found = candidates(
        films,
        query(1, 5.0, 2.0, noise=2.0),
        Fraction(2),
        exclude=frozenset({films[0].footage.checksum}),
    )
    assert found
    assert all(c.film is films[1] for c in found)


def test_an_archive_of_short_shots_holds_its_last_picture():
    films = [film(1, 4, cuts=(1.0, 2.0, 3.0))]
    found = candidates(films, query(2, 0.0, 2.0), Fraction(2))
    assert found
    # As slow as they may run, and the rest is held.
    assert all(c.speed == Fraction(4, 5) for c in found)
    assert all(c.held == 2 - c.media.duration / c.speed > 0 for c in found)


def test_an_empty_archive_says_what_to_do():
    with pytest.raises(MatchError, match="offers no shots"):
        candidates([], query(1, 0, 1.0), Fraction(1))
    left_out = [
        (film(n, 5).footage, Note(code, "it cannot be used."))
        for n, code in enumerate(["rows-unusable", "footage-changed", "footage-missing"], 1)
    ]
    for count, code, said in (
        (3, "index-again", "2 films must be indexed again, 1 film is missing"),
        (1, "index-again", "as it is: 1 film must be indexed again[.]"),
    ):
        with pytest.raises(MatchError, match=said) as found:
            raise nothing_offered(ArchiveRows([], left_out[:count]))
        assert found.value.code == code
    with pytest.raises(MatchError, match="1 film is missing") as found:
        find_candidates(
            [[query(1, 0, 1.0)]], [Fraction(1)], ArchiveRows([], left_out[2:]), reference()
        )
    assert found.value.code == "footage-gone"
    alone = [film(1, 5)]
    with pytest.raises(MatchError, match="other footage"):
        candidates(
            alone, query(1, 0, 1.0), Fraction(1), exclude=frozenset({alone[0].footage.checksum})
        )


@pytest.mark.parametrize(
    "wrong",
    [{"candidates": 0}, {"weights": {"colour": 1.0}}, {"weights": {"subject": 0.0}},
     {"weights": {"subject": -1.0}}, {"stretch": 0.5}, {"stretch": 9}, {"tightness": 1.5}],
)  # fmt: skip
def test_wrong_options_are_refused(wrong):
    with pytest.raises(UsageError):
        MatchOptions(**wrong)


def test_the_same_input_gives_the_same_candidates():
    films = [film(number, 30) for number in range(1, 6)]
    asked = query(3, 11.0, 1.5, noise=1.0)
    one = [(c.film.footage.id, c.media) for c in candidates(films, asked, Fraction(3, 2))]
    two = [(c.film.footage.id, c.media) for c in candidates(films, asked, Fraction(3, 2))]
    assert one == two


def test_what_both_lack_is_no_likeness_that_is_told():
    """Of two shots without a face nothing is said; one with and one without are unlike."""
    nobody = row_of([]).astype(np.float32)
    somebody = row_of([Face((0.4, 0.3, 0.2, 0.4), 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)]).astype(np.float32)
    scale = Scale.fitted(np.random.default_rng(0).uniform(0, 1, 10_000).astype(np.float32))
    known = Reference({**reference().arrays, "faces.levels": scale.levels}, NO_NETWORK)

    def facets(source, archive):
        one, asked = film(1, 20.0), query(1, 5.0, 2.0)
        faces = np.repeat(archive[None], len(one.shown), axis=0).astype(np.float16)
        films = ArchiveRows([replace(one, rows={**one.rows, "faces": faces})])
        rows = np.repeat(source[None], len(asked.time), axis=0)
        asked = replace(asked, rows={**asked.rows, "faces": rows})
        options = MatchOptions(allow_same=True)
        (found,) = find_candidates([[asked]], [Fraction(2)], films, known, options)
        return found[0].facets

    assert "faces" not in facets(nobody, nobody)
    assert facets(somebody, somebody)["faces"] > 0.95
    assert facets(nobody, somebody)["faces"] < 0.05


def test_what_cannot_be_known_of_a_picture_does_not_count_against_it():
    # A facet in which there is nothing to be seen gives little even for the same picture.
    known = reference()
    pairs = np.random.default_rng(1).normal(0, 0.15, 100_000).astype(np.float32)
    pairs[:60_000] = 0.25  # of random pairs most have no face in either
    levels = Scale.fitted(pairs).levels
    faced = replace(known, arrays={**known.arrays, "faces.levels": levels})
    empty = np.array([0.5, 0, 0, 0], np.float32)
    one = film(1, 20)
    one = replace(one, rows={**one.rows, "faces": np.tile(empty, (len(one.shown), 1))})
    asked = query(1, 5.0, 2.0)
    asked = replace(asked, rows={**asked.rows, "faces": np.tile(empty, (len(asked.time), 1))})
    ((best, *_),) = find_candidates(
        [[asked]], [Fraction(2)], ArchiveRows([one]), faced, MatchOptions(allow_same=True)
    )
    assert best.media.start == 5
    assert best.score > 0.97


def test_of_a_shot_that_is_the_sources_in_part_the_rest_is_offered_and_no_more():
    films = [film(1, 20), film(2, 20)]
    own = Own({1: np.array([[4.0, 8.0]])})
    asked, duration = query(1, 5.0, 2.0), Fraction(2)
    inside = [c for c in candidates(films, asked, duration, own=own) if c.film is films[0]]
    assert inside
    assert all(c.media.end <= 4 or c.media.start >= 8 for c in inside)
