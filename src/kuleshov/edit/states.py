"""Many cuts of one recut as plain data, each kept once: what history and versions are written as.

    states = States()
    data = states.of(cut)                     # offers by name, selects, refusals, options
    written = states.written(used)            # the offers that these names stand for
    ...
    cut = States.read(written).cut(data, like=another, films=stock.by_checksum)

Offers are by far the most of it, and hardly any change from one cut to the next: each slot's offers
are packed under a name made of their content, and data refer to them by that.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kuleshov.archive.filters import parse_terms
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.cut import Absent, Cut, Offers, RecutOptions, Select
from kuleshov.edit.lines import (
    FootageTable,
    asked_of,
    asked_written,
    facets_of,
    offer_of,
    refusal_memory,
    refusal_of,
    select_memory,
    select_of,
)
from kuleshov.match.align.candidates import Candidate
from kuleshov.notes import Note
from kuleshov.project.memory import RefusalMemory, SelectMemory
from kuleshov.records import plain, record
from kuleshov.timeline import Card, Clip, Gap, Item

__all__ = ["DAMAGED", "Data", "States", "applied", "difference"]

Data = dict[str, Any]
"""A cut ready for JSON: what was decided of it, its offers by name."""

DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error)
"""What reading raises where data are not what was written."""

_ITEMS = {"clip": Clip, "gap": Gap, "card": Card}
_Listed = Sequence[Candidate | Absent]
_SELECTS = 8192  # whose data are kept


class States:
    """Writes cuts as data, and reads them."""

    def __init__(self) -> None:
        self._footage = FootageTable()
        self._packed: dict[str, str] = {}
        self._names: dict[tuple[int, int], tuple[str, object]] = {}  # keeps what is named alive
        self._read: dict[str, _Listed] = {}
        self._selects: dict[tuple[int, int, int], tuple[Data, object]] = {}
        self._options: tuple[RecutOptions, Data] | None = None

    # Writing

    def of(self, cut: Cut) -> Data:
        """Return a cut as data. Slots that share offers with one before cost next to nothing."""
        offers, selects = {}, {}
        for slot in cut.plan.wanted:
            part, absent = cut.offers.get(slot, ()), cut.absent.get(slot, ())
            if part or absent:
                offers[slot] = self._name(part, absent)
            if (select := cut.selects.get(slot)) is not None:
                selects[slot] = self._select_known(select, part, absent)
        if self._options is None or self._options[0] is not cut.options:
            self._options = cut.options, plain(cut.options)
        return {
            "options": self._options[1],
            "only": [term.written for term in cut.filters.only],
            "exclude": [term.written for term in cut.filters.exclude],
            "asked": {slot: asked_written(one) for slot, one in cut.asked.items()},
            "offers": offers,
            "selects": selects,
            "refused": [plain(refusal_memory(one)) for one in cut.refused],
            "doubts": [plain(note) for note in cut.doubts],
            "stale": [slot for slot in cut.plan.wanted if slot in cut.stale],
        }

    def _name(self, offers: tuple[Candidate, ...], absent: tuple[Absent, ...]) -> str:
        key = (id(offers), id(absent))
        if key not in self._names:
            listed: list[Candidate | Absent] = [*offers]
            for lost in absent:
                listed.insert(lost.place, lost)
            self._names[key] = (self._pack(listed), (offers, absent))
        return self._names[key][0]

    def _pack(self, listed: _Listed) -> str:
        facets = sorted(facets_of(listed))
        lines = [self._footage.line(one, facets) for one in listed]
        said = [(_checksum(one), line.split(" ", 1)[1]) for one, line in _pairs(listed, lines)]
        text = json.dumps([facets, said]).encode()
        name = hashlib.blake2b(text, digest_size=9).hexdigest()
        if name not in self._packed:
            self._packed[name] = _tight({"facets": facets, "lines": lines})
        return name

    def _select_known(
        self, select: Select, offers: tuple[Candidate, ...], absent: tuple[Absent, ...]
    ) -> Data:
        """Return a select as data: the very same while it is so, which is told at a glance."""
        key = (id(select), id(offers), id(absent))
        if key not in self._selects:
            if len(self._selects) >= _SELECTS:
                self._selects.clear()
            told = self._select(select, offers, absent)
            self._selects[key] = (told, (select, offers, absent))
        return self._selects[key][0]

    def _select(
        self, select: Select, offers: tuple[Candidate, ...], absent: tuple[Absent, ...]
    ) -> Data:
        one, number = select.candidate, None
        if one is not None:
            number = next((n for n, other in enumerate(offers) if other is one), None)
        if number is not None:
            for lost in absent:
                number += lost.place <= number
        # What is as usual is left out.
        told = {k: v for k, v in plain(select_memory(select, number)).items() if v}
        if number is not None:
            told["offer"] = number
        elif one is not None:
            told["clip"] = self._name_of_one(one)
        if select.items:
            told["items"] = [[type(item).__name__.lower(), plain(item)] for item in select.items]
        if select.kept:
            told["kept"] = plain(select.kept)
        return told

    def _name_of_one(self, one: Candidate) -> str:
        key = (id(one), 0)
        if key not in self._names:
            self._names[key] = (self._pack([one]), one)
        return self._names[key][0]

    def written(self, used: Iterable[Data]) -> Data:
        """Return what these cuts' data refer to, ready for JSON."""
        names = {name for data in used for name in _names_in(data)}
        packed = {name: self._packed[name] for name in sorted(names) if name in self._packed}
        return {"footage": [[*pair] for pair in self._footage.table], "offers": packed}

    @property
    def footage(self) -> Sequence[tuple[str, str]]:
        """Checksums and paths of the footage that offers name by its number."""
        return self._footage.table

    def more(self, old: Data, new: Data, footage: int) -> Data:
        """Return what new data refer to and old ones do not, ready for JSON.

        That is offers by name, and the footage from that number on.
        """
        names = {*_names_in(new)} - {*_names_in(old)}
        packed = {name: self._packed[name] for name in sorted(names) if name in self._packed}
        rows = [[*pair] for pair in self.footage[footage:]]
        return {"offers": packed, "footage": [footage, rows]}

    def take(self, more: Mapping[str, Any]) -> None:
        """Take in what `more` returned. Raises `DAMAGED`."""
        first, rows = more["footage"]
        table = [*self.footage]
        for number, (checksum, path) in enumerate(rows, first):
            if number == len(table):
                table.append((str(checksum), str(path)))
            elif table[number] != (checksum, path):
                raise ValueError("other footage")
        self._footage = FootageTable(table)
        self._packed |= {str(name): str(text) for name, text in more["offers"].items()}

    # Reading

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> States:
        """Return states that know what was written. Raises `DAMAGED`."""
        states = cls()
        states._footage = FootageTable([(str(c), str(path)) for c, path in written["footage"]])
        states._packed = {str(name): str(text) for name, text in written["offers"].items()}
        return states

    def cut(self, data: Data, like: Cut, films: Mapping[str, ArchiveFilm]) -> Cut:
        """Return the cut that was written, of the same source and plan as another.

        It shares with that what is the same. Raises `DAMAGED`.
        """
        known, now = self._known(like), self.of(like)
        offers: dict[str, tuple[Candidate, ...]] = {}
        absent: dict[str, tuple[Absent, ...]] = {}
        selects: dict[str, Select] = {}
        for slot in like.plan.wanted:
            name = data["offers"].get(slot)
            listed: _Listed = ()
            if name is not None:
                if name not in known:
                    listed = self._offers(name, films)
                    known[name] = (
                        tuple(one for one in listed if isinstance(one, Candidate)),
                        tuple(one for one in listed if isinstance(one, Absent)),
                    )
                offers[slot], lost = known[name]
                listed = _merged(offers[slot], lost)
                if lost:
                    absent[slot] = lost
            if (told := data["selects"].get(slot)) is not None:
                if told == now["selects"].get(slot) and name == now["offers"].get(slot):
                    selects[slot] = like.selects[slot]
                else:
                    selects[slot] = self._select_of(told, listed, films)
        return replace(
            like,
            options=record(RecutOptions, data["options"]),
            filters=parse_terms(tuple(data["only"]), tuple(data["exclude"])),
            asked={slot: asked_of(one) for slot, one in data["asked"].items()},
            offers=_offers_like(like, offers),
            absent=absent,
            selects=_selects_like(like, selects),
            refused=tuple(refusal_of(record(RefusalMemory, one)) for one in data["refused"]),
            doubts=tuple(Note(**note) for note in data["doubts"]),
            stale=frozenset(data["stale"]),
        )

    def _known(self, like: Cut) -> dict[str, tuple[tuple[Candidate, ...], tuple[Absent, ...]]]:
        found = {}
        for slot, part in like.offers.items():
            lost = like.absent.get(slot, ())
            if part or lost:
                found[self._name(part, lost)] = (part, lost)
        return found

    def _offers(self, name: str, films: Mapping[str, ArchiveFilm]) -> _Listed:
        if name not in self._read:
            told = _loose(self._packed[name])
            table, facets = self._footage.table, told["facets"]
            lines = enumerate(told["lines"])
            self._read[name] = [offer_of(n, line, table, facets, films) for n, line in lines]
        return self._read[name]

    def _select_of(self, told: Data, listed: _Listed, films: Mapping[str, ArchiveFilm]) -> Select:
        rest = {k: v for k, v in told.items() if k not in ("clip", "items", "kept")}
        memory = record(SelectMemory, {"offer": None, **rest})
        one: Candidate | Absent | None = None
        if "clip" in told:
            (one,) = self._offers(told["clip"], films)
        elif memory.offer is not None:
            one = listed[memory.offer]
        select = select_of(memory, one if isinstance(one, Candidate) else None)
        if "items" in told:
            items = tuple(_item(kind, fields) for kind, fields in told["items"])
            select = replace(select, items=items)
        return replace(select, kept=told["kept"]) if "kept" in told else select


def difference(old: Data, new: Data) -> Data:
    """Return what changed from one cut's data to another's, slot by slot where they have slots."""
    changed: Data = {}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        if isinstance(value, dict) and isinstance(before, dict) and key != "options":
            changed[key] = {
                "set": {slot: one for slot, one in value.items() if before.get(slot) != one},
                "gone": [slot for slot in before if slot not in value],
            }
        else:
            changed[key] = {"to": value}
    return changed


def applied(old: Data, changed: Data) -> Data:
    """Return a cut's data after what changed. Raises `DAMAGED`."""
    new = dict(old)
    for key, change in changed.items():
        if "to" in change:
            new[key] = change["to"]
        else:
            kept = {s: one for s, one in old[key].items() if s not in change["gone"]}
            new[key] = {**kept, **change["set"]}
    return new


def _offers_like(like: Cut, offers: Mapping[str, tuple[Candidate, ...]]) -> Offers:
    """Return the offers of another cut where they are the same, with what is known of copies."""
    same = like.offers.keys() == offers.keys() and all(like.offers[s] is offers[s] for s in offers)
    return like.offers if same else Offers(offers)


def _selects_like(like: Cut, selects: dict[str, Select]) -> Mapping[str, Select]:
    """Return the selects, each the very one of another cut where it is the same."""
    return {s: like.selects[s] if like.selects.get(s) == one else one for s, one in selects.items()}


def _merged(offers: Sequence[Candidate], absent: Sequence[Absent]) -> _Listed:
    listed: list[Candidate | Absent] = [*offers]
    for lost in absent:
        listed.insert(lost.place, lost)
    return listed


def _pairs(listed: _Listed, lines: Sequence[str]) -> zip[tuple[Candidate | Absent, str]]:
    return zip(listed, lines, strict=True)


def _checksum(one: Candidate | Absent) -> str:
    return one.checksum if isinstance(one, Absent) else one.film.footage.checksum


def _names_in(data: Data) -> Iterable[str]:
    yield from data["offers"].values()
    yield from (one["clip"] for one in data["selects"].values() if "clip" in one)


def _item(kind: str, fields: Mapping[str, Any]) -> Item:
    made: Item = record(_ITEMS[kind], fields)
    return made


def _tight(value: object) -> str:
    data = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(data, 6)).decode()


def _loose(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))
