"""Offers, selects and refusals as a project writes them, and back.

An offer is one line (`project.memory.CutMemory`), which names its footage by a number in a table of
checksums and paths. Both what is decided now (`edit.resuming`) and what was before (`edit.states`)
are written so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from kuleshov.archive.filters import parse_terms
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.cut import Absent, RankedBy, Refusal, Select
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.project.memory import RefusalMemory, SelectMemory
from kuleshov.records import plain, record
from kuleshov.timecode import TimeRange

__all__ = [
    "FootageTable",
    "asked_of",
    "asked_written",
    "facets_of",
    "offer_of",
    "refusal_memory",
    "refusal_of",
    "select_memory",
    "select_of",
]


class FootageTable:
    """Checksums and paths of footage, by a number each."""

    def __init__(self, known: Sequence[tuple[str, str]] = ()) -> None:
        self.table = [*known]
        self._numbers = {checksum: n for n, (checksum, _) in enumerate(self.table)}

    def number(self, checksum: str, path: str) -> int:
        """Return the number of some footage, a new one where it has none."""
        if checksum not in self._numbers:
            self._numbers[checksum] = len(self.table)
            self.table.append((checksum, path))
        return self._numbers[checksum]

    def line(self, one: Candidate | Absent, facets: Sequence[str]) -> str:
        """Return the line of an offer, with its shares of these facets."""
        if isinstance(one, Absent):
            known = one.fields.split()
            shares = dict(zip(one.facets, known[_BEFORE:], strict=True))
            fields = [*known[:_BEFORE], *(shares.get(name, "-") for name in facets)]
            return f"{self.number(one.checksum, one.path)} {' '.join(fields)}"
        footage = one.film.footage
        numbers = [one.strength, one.score]
        told = [repr(one.facets[name]) if name in one.facets else "-" for name in facets]
        every = [
            self.number(footage.checksum, str(footage.path)),
            *(one.shot, one.media.start, one.media.end, one.speed, "m" if one.mirrored else "-"),
            *(one.usable.start, one.usable.end, one.held, *map(repr, numbers), *told),
        ]
        return " ".join(map(str, every))


def facets_of(offers: Sequence[Candidate | Absent]) -> tuple[str, ...]:
    """Return the facets that are told of some offers."""
    return tuple(dict.fromkeys(name for one in offers for name in one.facets))


_BEFORE = 10  # fields of a line before the facets, the number of the footage not counted


@lru_cache(maxsize=4096)
def _fraction(text: str) -> Fraction:
    """Return a number as a line has it: many lines have the same."""
    return Fraction(text)


def offer_of(
    place: int,
    line: str,
    footage: Sequence[Sequence[str]],
    facets: Sequence[str],
    films: Mapping[str, ArchiveFilm],
) -> Candidate | Absent:
    """Return an offer from its line; `Absent`, at that `place`, where the archive has no such shot.

    Raises `ArithmeticError`, `LookupError` or `ValueError` where it is damaged.
    """
    number, rest = line.split(" ", 1)
    checksum, path = footage[int(number)]
    fields = rest.split()
    shot, start, end, speed, side, low, high, held, strength, score, *told = fields
    film = films.get(checksum)
    if film is None or int(shot) not in film.known_numbers:
        return Absent(place, checksum, path, rest, tuple(facets))
    return Candidate(
        film=film,
        shot=int(shot),
        media=TimeRange(_fraction(start), _fraction(end)),
        usable=TimeRange(_fraction(low), _fraction(high)),
        mirrored=side == "m",
        strength=float(strength),
        score=float(score),
        facets={n: float(v) for n, v in zip(facets, told, strict=True) if v != "-"},
        speed=_fraction(speed),
        held=_fraction(held),
    )


def select_memory(select: Select, number: int | None) -> SelectMemory:
    """Return what is remembered of a select, whose candidate has this number."""
    return SelectMemory(
        *(number, select.slip, select.mirrored, select.speed, select.hold, select.locked),
        focus=select.focus,
        picked=select.picked,
        instead=select.instead,
        still=select.still,
    )


def select_of(told: SelectMemory, candidate: Candidate | None) -> Select:
    """Return the select that is remembered, of this candidate.

    Where it has none, the slot shows something instead, or nothing yet.
    """
    if candidate is None:
        return Select(
            None,
            locked=told.locked,
            picked=told.picked and told.instead is not None,
            instead=told.instead,
            still=told.still,
        )
    return Select(
        *(candidate, told.slip, told.mirrored, told.speed, told.hold, told.locked),
        focus=told.focus,
        picked=told.picked,
    )


def refusal_memory(one: Refusal) -> RefusalMemory:
    """Return what is remembered of a refusal."""
    return RefusalMemory(
        *(one.checksum, one.name, one.shot),
        span=None if one.span is None else (one.span.start, one.span.end),
        slot=one.slot,
        also=tuple((other, span.start, span.end) for other, span in one.also),
    )


def refusal_of(told: RefusalMemory) -> Refusal:
    """Return the refusal that is remembered."""
    span = None if told.span is None else TimeRange(*told.span)
    also = tuple((checksum, TimeRange(low, high)) for checksum, low, high in told.also)
    return Refusal(told.checksum, told.name, told.shot, span, told.slot, also)


def asked_written(one: RankedBy) -> dict[str, Any]:
    """Return what a slot is asked by, ready for JSON."""
    return {
        "match": plain(one.match),
        "only": [term.written for term in one.filters.only],
        "exclude": [term.written for term in one.filters.exclude],
    }


def asked_of(told: Mapping[str, Any]) -> RankedBy:
    """Return what a slot is asked by, from what is written."""
    return RankedBy(
        record(MatchOptions, told["match"]),
        parse_terms(tuple(told.get("only", ())), tuple(told.get("exclude", ()))),
    )
