"""However an archive is divided, its shards together answer as one, to the last bit."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from kuleshov.archive import rows as rows_module
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.facet import PRINT
from kuleshov.jobs import QUIET
from kuleshov.match.align import coarse, shards
from kuleshov.match.align.aligner import Aligner, AlignOptions
from kuleshov.match.align.scan import Scan
from kuleshov.match.align.shard import Shard
from kuleshov.match.align.shards import Here, own_of
from match.rows import film, query, reference

EVEN = {"subject": 1.0, "composition": 1.0}


def still(one, seed=1):
    """A film that shows one picture all along."""
    rows = film(seed, 30.0).rows["subject"][:1]
    return replace(one, rows={name: np.repeat(rows, len(one.shown), axis=0) for name in one.rows})


FILMS = [film(number, 30.0, (4.0, 5.0, 11.0, 19.0)) for number in range(1, 12)]
FILMS += [still(film(number, 30.0, (4.0, 5.0, 11.0, 19.0))) for number in range(12, 18)]
FILMS += [replace(film(18, 10.0), shots=()), film(19, 12.0, (2.0, 2.1, 6.0)), film(20, 70.0)]
FILMS[3] = replace(FILMS[3], titles=frozenset({1}), lettered=frozenset({2}))
ARCHIVE = ArchiveRows(FILMS)


class Divided:
    """Shards of whole runs, each with rows of its own, that answer in any order."""

    def __init__(self, rows, count, seed=0):
        runs = rows.runs.tolist()
        self.edges = [runs[len(runs[:-1]) * n // count] for n in range(count)] + [runs[-1]]
        self._shards = [Shard(ArchiveRows(rows.films[a:b])) for a, b in pairwise(self.edges)]
        self._rng = np.random.default_rng(seed)
        self.asked = []

    def each(self, call, asked, parts, job=QUIET):
        for n in self._rng.permutation(len(self._shards)).tolist():
            if parts[n] is not None:
                self.asked.append((call.__name__, n))
                yield n, call(self._shards[n], asked, parts[n], job)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(coarse, "LEAST", 0)
    monkeypatch.setattr(rows_module, "_RUN", 100)  # two films
    monkeypatch.setattr(rows_module, "_BLOCK", 60)
    monkeypatch.setattr(coarse, "_SEGMENTS", 9)
    monkeypatch.setattr(coarse, "_BLOCK", 20)
    monkeypatch.setattr(shards, "_WAITING", 1)


def fresh():
    """The archive, as nobody has seen it yet."""
    return ArchiveRows(FILMS)


def offers(whole):
    fewer = [f for f in whole.films if f.footage.id not in (2, 3, 9)]
    fewer[1] = replace(fewer[1], shots=fewer[1].shots[::2])
    return {
        "all": whole,
        "fewer": ArchiveRows(fewer),
        "one": ArchiveRows([whole.films[4]]),
        "nothing but stills": ArchiveRows(whole.films[11:17]),
    }


def asked():
    found = [query(n, 6.0, d, noise=0.5) for n, d in ((5, 0.3), (2, 9.0), (3, 2.0), (20, 50.0))]
    found += [replace(query(4, 4.2, 0.9), mirrored=True), replace(query(4, 4.2, 0.9), title=True)]
    return [*found, query(1, 0.0, 2.0)]  # of the picture that six films show all along


def answers(whole, through, offered, **ways):
    shorter, best = ways.pop("shorter", False), ways.pop("best", 5)
    weights = ways.pop("weights", EVEN)
    return Aligner(
        *(offered, reference(), weights, AlignOptions(**ways)), whole=(whole, through)
    ).align(asked(), best, shorter=shorter)


@pytest.mark.slow
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("shorter", [False, True])
@pytest.mark.parametrize("offered", ["all", "fewer", "one", "nothing but stills"])
def test_all_shards_together_answer_as_one(exact, shorter, offered):
    whole = fresh()
    assert len(whole.runs) > 6
    ways = {"exact": exact, "shorter": shorter}
    for more in ({}, {"tightness": 0.3, "weights": {"subject": 0.2, "composition": 1.0}}):
        alone = answers(whole, Here(whole), offers(whole)[offered], **ways, **more)
        assert any(alone)
        for count in (2, 7):
            divided = Divided(whole, count, seed=count)
            assert answers(whole, divided, offers(whole)[offered], **ways, **more) == alone


@pytest.mark.parametrize("exact", [False, True])
def test_of_equal_answers_those_first_in_the_archive_are_taken(exact):
    whole = fresh()
    for best in (1, 3):
        alone = answers(
            whole, Here(whole), offers(whole)["nothing but stills"], exact=exact, best=best
        )
        assert {one.film for one in alone[-1]} == {0}
        assert len({one.strength for one in alone[-1]}) == 1
        for seed in range(2):
            divided = Divided(whole, 6, seed)
            found = answers(
                whole, divided, offers(whole)["nothing but stills"], exact=exact, best=best
            )
            assert found == alone


def test_only_shards_that_may_answer_are_asked():
    whole = fresh()
    divided = Divided(whole, 7)
    answers(whole, divided, ArchiveRows([whole.films[-1]]))
    assert {n for _, n in divided.asked} == {6}
    assert [call for call, _ in divided.asked] == ["ranked", "close", "refined"]


def test_the_sources_own_material_is_found_by_all_shards_together():
    whole = fresh()
    prints = np.concatenate([whole.films[n].rows[PRINT][10:30] for n in (2, 6, 13)])
    alone = own_of(Here(whole), prints).ranges
    assert {*alone} >= {3, 7}
    for count in (2, 7):
        found = own_of(Divided(whole, count), prints).ranges
        assert {n: part.tolist() for n, part in found.items()} == {
            n: part.tolist() for n, part in alone.items()
        }


def test_runs_are_those_of_the_whole_archive_in_every_part_that_is_made_of_whole_runs():
    runs = fresh().runs
    assert runs[0] == 0
    assert runs[-1] == len(FILMS)
    for first, end in pairwise(runs.tolist()):
        assert sum(len(f.shown) for f in FILMS[first : end - 1]) < 100
    for begin in range(len(runs) - 1):
        part = ArchiveRows(FILMS[runs[begin] :])
        assert (part.runs + runs[begin]).tolist() == runs[begin:].tolist()


def test_a_question_takes_no_more_along_than_is_weighed():
    whole = fresh()
    sent = []

    class Heard(Divided):
        def each(self, call, asked, parts, job=QUIET):
            sent.append(asked)
            return super().each(call, asked, parts, job)

    answers(whole, Heard(whole, 2), whole, weights={"subject": 1.0})
    assert [{*one.queries[0].rows} for one in sent] == [{"subject"}] * 3
    assert {one.name for one in fields(sent[0])} >= {"how", "most"}


def test_nothing_is_multiplied_with_rows_of_another_run(monkeypatch):
    whole, looked = fresh(), []
    runs = whole.runs.tolist()
    scored = coarse._Look._scored

    def heard(look, number):
        looked.append(look._blocks[number])
        return scored(look, number)

    monkeypatch.setattr(coarse._Look, "_scored", heard)
    monkeypatch.setattr(coarse, "_BLOCK", 1 << 20)
    answers(whole, Here(whole), whole)
    assert {*looked} == {*pairwise(runs)}
    monkeypatch.setattr(rows_module, "_BLOCK", 1 << 20)
    blocks = [sorted({*block.film.tolist()}) for block in whole.blocks(["subject"])]
    assert blocks == [
        [n for n in range(first, end) if FILMS[n].shots] for first, end in pairwise(runs)
    ]


def test_of_equal_hits_those_first_in_the_archive_are_kept_whatever_is_looked_at_first():
    stills = [still(film(number, 30.0, (4.0, 5.0, 11.0))) for number in range(1, 7)]
    (block,) = ArchiveRows(stills[:1]).blocks(["subject"])
    one = query(1, 0.0, 2.0)
    how = Aligner(ArchiveRows(stills), reference(), {"subject": 1.0}).strength(["subject"])
    for order in (range(12), range(11, -1, -1)):
        scan = Scan(one, 2, 4, 0.8)
        for number in order:
            moved = replace(block, film=np.full(len(block.film), number, np.int32))
            alike = {"subject": scan.samples("subject") @ block.rows["subject"].T}
            scan.look(moved, alike, how)
        hits = scan.hits()
        assert {*hits.film.tolist()} == {0}
        assert hits.start.tolist() == [0.0, 0.25, 0.75, 1.25]
