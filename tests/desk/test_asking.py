"""Of what was found, what answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kuleshov.desk.asking import Found
from kuleshov.errors import MatchError
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.text.by_words import CLEAR, Named, Understood
from kuleshov.notes import texts


def clip(footage: int, score: float) -> Candidate:
    film: Any = SimpleNamespace(footage=SimpleNamespace(id=footage, checksum=f"{footage:064x}"))
    nothing: Any = None
    return Candidate(film, 0, nothing, nothing, False, score, score, {})


def found(*seen: Candidate, named: tuple[Candidate, ...] = ()) -> Found:
    nothing: Any = None
    by_name = tuple(Named(one, nothing) for one in named)
    return Found(seen, understood=Understood("snow", ("snow",)), named=by_name)


def order(answer: Found) -> list[int]:
    return [one.film.footage.id for one in answer.hits]


def test_what_shows_it_comes_before_what_is_only_called_so():
    clear, poor = clip(1, CLEAR + 0.2), clip(2, CLEAR - 0.2)
    answer = found(clear, poor, named=(clip(3, 0.0), clip(1, 0.0))).clear()
    assert order(answer) == [1, 3]
    assert answer.hits[1].score < answer.hits[0].score == clear.score
    assert "1 shot of footage with such a name come" in " ".join(texts(answer.notes))


def test_a_name_answers_where_nothing_shows_it():
    assert order(found(clip(2, CLEAR - 0.2), named=(clip(3, 0.0),)).clear()) == [3]


def test_nothing_clear_is_said():
    with pytest.raises(MatchError, match="Nothing in the archive clearly shows 'snow'"):
        found(clip(2, CLEAR - 0.01)).clear()
    assert order(found(clip(2, CLEAR - 0.01)).clear(drift=0.5)) == [2]
