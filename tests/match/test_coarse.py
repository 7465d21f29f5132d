"""Through sketches the same is found as by a look at all rows, and with the same scores."""

import gc
import weakref
from dataclasses import replace
from fractions import Fraction

import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.jobs import Job, Stopped
from kuleshov.match.align import aligner, coarse
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.asked import Asked, Offer
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.coarse import Coarse
from kuleshov.match.align.shards import Here, here
from kuleshov.match.align.stock import Stock
from match.rows import film, query, reference

FILMS = [film(number, 30.0, (4.0, 5.0, 11.0, 19.0)) for number in range(1, 9)]
WHOLE = ArchiveRows(FILMS)
EVEN = {"subject": 1.0, "composition": 1.0}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(coarse, "LEAST", 0)
    monkeypatch.setattr(coarse, "_BLOCK", 40)  # several blocks, of several films each
    monkeypatch.setattr(coarse, "_FILMS", 2)


def answers(archive, asked, *, through=None, weights=EVEN, shorter=False, best=10, **options):
    ways = (archive, reference(), weights, AlignOptions(**options))
    return Aligner(*ways, whole=through).align(asked, best, shorter=shorter)


def all_of(archive):
    return archive, Here(archive)


def sketches(archive):
    """Those of an archive that were opened."""
    return here(archive)._shard._coarse._opened


def same(found, exact):
    """The same answers with the same scores, but for the order in which products were added up."""
    for one, other in zip(found, exact, strict=True):
        assert [(a.film, a.shot) for a in one] == [(a.film, a.shot) for a in other]
        assert [a.start for a in one] == pytest.approx([a.start for a in other])
        assert [a.strength for a in one] == pytest.approx([a.strength for a in other], abs=0.02)
    assert any(exact)


def fewer(archive):
    """Without one film, and with fewer shots of another."""
    films = [f for f in archive.films if f.footage.id != 3]
    films[1] = replace(films[1], shots=films[1].shots[::2])
    return ArchiveRows(films)


@pytest.mark.parametrize("duration", [0.3, 1.5, 3.0, 9.0])
@pytest.mark.parametrize("shorter", [False, True])
def test_where_all_segments_are_chosen_the_answers_are_those_of_all_rows(duration, shorter):
    asked = [query(5, 6.0, duration, noise=0.5), query(2, 12.0, duration, noise=0.5)]
    through = all_of(WHOLE)
    for archive in (WHOLE, fewer(WHOLE)):
        for tightness in (1.0, 0.3):
            how = {"shorter": shorter, "tightness": tightness}
            same(answers(archive, asked, through=through, **how), answers(archive, asked, **how))


def test_of_a_few_segments_the_best_are_chosen(monkeypatch):
    """Each is one of 8 films of 30 s: the right one is found by its sketch alone."""
    monkeypatch.setattr(coarse, "_SEGMENTS", 1)
    through = all_of(WHOLE)
    for duration in (1.0, 2.0, 5.0):
        asked = [query(n, 5.5, duration, noise=0.5) for n in range(1, 9)]
        found = answers(WHOLE, asked, through=through, best=1)
        assert [one[0].film for one in found] == list(range(8))
        same([one[:1] for one in found], [one[:1] for one in answers(WHOLE, asked, best=1)])


def test_stretches_of_several_lengths_are_asked_at_once():
    asked = [query(n, 6.0, d, noise=0.5) for n, d in ((5, 0.3), (2, 9.0), (3, 2.0), (7, 4.5))]
    same(answers(WHOLE, asked, through=all_of(WHOLE)), answers(WHOLE, asked))


def test_all_of_a_long_stretch_counts(monkeypatch):
    """Another film begins alike and goes on otherwise: it comes first in the archive."""
    monkeypatch.setattr(coarse, "_SEGMENTS", 1)
    monkeypatch.setattr(aligner, "_HITS", 1)
    right, other = film(1, 30.0), film(2, 30.0)
    rows = {name: part.copy() for name, part in right.rows.items()}
    for name, part in rows.items():
        part[8:] = other.rows[name][8:]
    archive = ArchiveRows([replace(other, rows=rows), right])
    for start in (0.0, 2.0):
        found = answers(archive, [query(1, start, 6.0)], through=all_of(archive), best=1)
        assert found[0][0].film == 1


def test_titles_and_letters_are_heeded(monkeypatch):
    monkeypatch.setattr(coarse, "_SEGMENTS", 20)
    archive = ArchiveRows(replace(f, titles=frozenset({1}), lettered=frozenset({2})) for f in FILMS)
    through = all_of(archive)
    for title in (False, True):
        for mirrored in (False, True):
            asked = [
                replace(query(5, start, 2.0, noise=0.5), title=title, mirrored=mirrored)
                for start in (4.0, 6.0)
            ]
            found = answers(archive, asked, through=through, shorter=True)
            same([one[:2] for one in found], [o[:2] for o in answers(archive, asked, shorter=True)])
            assert not mirrored or all(a.shot != 2 for one in found for a in one)


def test_shots_without_rows_and_films_without_shots_are_passed_over():
    films = [replace(FILMS[0], shots=()), film(9, 10.0, (2.0, 2.1, 6.0)), *FILMS[1:4]]
    archive = ArchiveRows(films)
    asked = [query(3, 6.0, 2.0)]
    same(answers(archive, asked, through=all_of(archive)), answers(archive, asked))


def test_it_makes_no_difference_how_much_is_looked_at_at_once(monkeypatch):
    monkeypatch.setattr(coarse, "_SEGMENTS", 5)
    asked = [query(5, 6.0, 2.0, noise=0.5), query(1, 1.0, 2.0, noise=0.5)]
    found = answers(WHOLE, asked, through=all_of(WHOLE), best=2)
    monkeypatch.setattr(coarse, "_BLOCK", 1)
    monkeypatch.setattr(coarse, "_FILMS", 100)
    same(answers(WHOLE, asked, through=all_of(WHOLE), best=2), found)


def test_a_small_archive_is_looked_at_row_by_row(monkeypatch):
    monkeypatch.setattr(coarse, "LEAST", len(WHOLE) + 1)
    through = WHOLE, here(WHOLE)
    asked = [query(5, 6.0, 2.0)]
    assert answers(WHOLE, asked, through=through) == answers(WHOLE, asked)
    assert sketches(WHOLE) is None  # none was made


def test_a_stock_looks_through_sketches_unless_all_rows_are_wanted():
    stock = Stock(WHOLE, reference())
    asked, durations = [[query(5, 6.0, 2.0)]], [Fraction(2)]
    exact = stock.candidates(asked, durations, MatchOptions(exact=True))
    assert sketches(WHOLE) is None
    found = stock.candidates(asked, durations, MatchOptions())
    assert sketches(WHOLE) is not None
    told = [[(c.film.footage.id, c.shot, c.media) for c in one] for one in (found[0], exact[0])]
    assert told[0] == told[1]


def test_sketches_go_with_the_rows_that_they_are_of():
    archive = ArchiveRows(FILMS)
    kept = weakref.ref(here(archive))
    assert here(archive) is kept()
    del archive
    gc.collect()
    assert kept() is None


def test_it_hears_a_stop():
    job = Job()
    job.stop()
    how = Aligner(WHOLE, reference(), EVEN).strength(["subject"])
    asked = Asked((query(5, 6.0, 2.0),), how, 10, 0.8, 1.25)
    with pytest.raises(Stopped):
        Coarse(WHOLE).best(asked, Offer.all(len(FILMS)), job)


def test_other_weights_multiply_nothing_again(monkeypatch):
    """What was asked before is weighed anew: the answers are those of a first look, and of another
    question the likeness is its own."""
    monkeypatch.setattr(coarse, "_SEGMENTS", 5)
    asked = [query(5, 6.0, 2.0, noise=0.5)]
    through = all_of(WHOLE)
    answers(WHOLE, asked, through=through)
    other = [query(2, 3.0, 2.0, noise=0.5)]
    same(answers(WHOLE, other, through=through), answers(WHOLE, other, through=all_of(WHOLE)))
    firsts = []
    for weights in ({**EVEN, "tone": 2.5}, {**EVEN, "subject": 0.0}):
        for tightness in (1.0, 0.4):
            how = {"weights": weights, "tightness": tightness}
            firsts.append((how, answers(WHOLE, asked, through=all_of(WHOLE), **how)))
    assert firsts[0][1] != firsts[2][1]

    def again(*_):
        raise AssertionError("it was multiplied before")

    monkeypatch.setattr(coarse._Look, "_places", again)
    for how, first in firsts:
        same(answers(WHOLE, asked, through=through, **how), first)
    with pytest.raises(AssertionError, match="multiplied before"):
        answers(WHOLE, [query(7, 2.0, 2.0, noise=0.5)], through=through)


def known(through):
    return through[1]._shard._coarse._known


def test_what_is_kept_of_likeness_is_limited(monkeypatch):
    monkeypatch.setattr(coarse, "_REMEMBERED", 20_000)
    through = all_of(WHOLE)
    for n in range(1, 9):
        asked = [query(n, 6.0, 2.0, noise=0.5)]
        same(answers(WHOLE, asked, through=through), answers(WHOLE, asked, through=all_of(WHOLE)))
        assert sum(bits.nbytes for bits, _ in known(through)._kept.values()) <= 20_000
    assert known(through)._kept
    monkeypatch.setattr(coarse, "_REMEMBERED", 100)  # too little for one question
    asked = [query(3, 1.0, 2.0, noise=0.5)]
    before = [*known(through)._kept]
    answers(WHOLE, asked, through=through)
    assert [*known(through)._kept] == before


def test_rows_are_compared_once_whatever_the_weights(monkeypatch):
    """What was compared before is weighed anew, row by row; another question is compared itself."""
    monkeypatch.setattr(coarse, "_SEGMENTS", 10_000)  # all of them
    asked = [query(5, 6.0, 2.0, noise=0.5)]
    through = all_of(WHOLE)
    answers(WHOLE, asked, through=through)
    how = [{**EVEN, "tone": 2.5}, {**EVEN, "composition": 0.3}]
    firsts = [answers(WHOLE, asked, through=all_of(WHOLE), weights=one) for one in how]
    assert firsts[0] != firsts[1]

    def again(*_):
        raise AssertionError("it was compared before")

    monkeypatch.setattr(coarse._Close, "_compare", again)
    for one, first in zip(how, firsts, strict=True):
        same(answers(WHOLE, asked, through=through, weights=one), first)
    with pytest.raises(AssertionError, match="compared before"):
        answers(WHOLE, [query(7, 2.0, 2.0, noise=0.5)], through=through)


def test_of_what_is_new_only_that_is_compared(monkeypatch):
    """Other weights make other segments the best: the answers are those of a first look."""
    monkeypatch.setattr(coarse, "_SEGMENTS", 5)
    asked, through = [query(5, 6.0, 2.0, noise=0.5)], all_of(WHOLE)
    films = []
    compare = coarse._Close._compare

    def counted(self, film, *rest):
        films.append(film)
        compare(self, film, *rest)

    monkeypatch.setattr(coarse._Close, "_compare", counted)
    counts = []
    first, *others = EVEN
    for heavy in (first, *others, first):
        weights = {name: 9.0 if name == heavy else 0.05 for name in EVEN}
        films.clear()
        found = answers(WHOLE, asked, through=through, weights=weights)
        counts.append(len(films))
        same(found, answers(WHOLE, asked, through=all_of(WHOLE), weights=weights))
    assert counts[0] > 0
    assert counts[-1] == 0, "the last were the first"
    assert sum(counts[1:]) > 0, "others were the best meanwhile"


def test_what_is_kept_of_rows_is_limited(monkeypatch):
    monkeypatch.setattr(coarse, "_COMPARED", 20_000)
    through = all_of(WHOLE)
    kept = through[1]._shard._coarse._compared._kept
    for n in range(1, 9):
        asked = [query(n, 6.0, 2.0, noise=0.5)]
        same(answers(WHOLE, asked, through=through), answers(WHOLE, asked, through=all_of(WHOLE)))
        assert sum(rows.alike.nbytes for rows in kept.values()) <= 20_000
    assert kept
