"""Cuts of made-up films, and how two of them are compared, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np

from edit.sources import cut as hard
from edit.sources import dissolve, source
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.choosing import chosen, offered
from kuleshov.edit.cut import Cut, RecutOptions, Source, begun
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions
from match.rows import film, reference

EDIT = [hard(24), hard(31), dissolve(60, 76), hard(110), hard(200), hard(212)]


def stock(count=5, seconds=20.0, cuts=(6.0, 13.0)) -> Stock:
    rows = ArchiveRows([film(number, seconds, cuts) for number in range(1, count + 1)])
    return Stock(rows, reference())


def source_of(frames=240, edit=EDIT, **options) -> Source:
    return Source(source(frames, edit, **options), "source")


def made(shelf: Stock, **options) -> Cut:
    """A cut with few offers, chosen."""
    options = {"match": MatchOptions(candidates=12), "select": SelectOptions(returns=0.0),
               **options}  # fmt: skip
    return chosen(offered(begun(source_of(), shelf, RecutOptions(**options)), shelf))


def plainly(value):
    """A value that `==` compares: candidates by the footage that they are of, arrays as lists."""
    if isinstance(value, Candidate):
        told = {f.name: getattr(value, f.name) for f in fields(value) if f.name != "film"}
        return (value.film.footage.checksum, {k: plainly(v) for k, v in told.items()})
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plainly(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plainly(one) for one in value]
    if type(value).__name__ in ("Select", "Plan", "Own", "Asked"):
        return {f.name: plainly(getattr(value, f.name)) for f in fields(value)}
    return value


def parts(cut: Cut) -> dict[str, Any]:
    """All fields of a cut but its source, of which the checksum and slate."""
    told = {f.name: plainly(getattr(cut, f.name)) for f in fields(cut) if f.name != "source"}
    return {**told, "source": (cut.source.checksum, cut.source.slate)}


def shown(cut: Cut) -> dict[str, tuple[str, Fraction]]:
    """The footage and in-point that each slot shows."""
    return {
        slot: (one.candidate.film.footage.path.name, one.candidate.media.start)
        for slot, one in cut.selects.items()
        if one.candidate is not None
    }


def without(shelf: Stock, number: int) -> Stock:
    """The same archive without one film."""
    films = [one for one in shelf.rows.films if one.footage.id != number]
    return Stock(ArchiveRows(films), shelf.reference)
