"""Hold what a project remembers as records; only this module knows how it is written.

A project is an OpenTimelineIO file. What it shows is in its timeline; what is known besides lies in
metadata under `kuleshov`, in two places:

- `ShotMemory`, with every item: which shot it stands for, how alike it is and why, whose footage it
  is, and what might stand in its place (`OfferMemory`).
- `CutMemory`, with the timeline: all that it takes to go on choosing, as `edit.cut` has it.

Other programs may change metadata or drop them. Of an item, what is not as it should be counts as
not there; a `CutMemory` is there whole or not at all. `FORMAT` is raised when older versions could
not read what is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from kuleshov.errors import ProjectError
from kuleshov.footage import Slate
from kuleshov.records import plain, record
from kuleshov.timecode import TimeRange

__all__ = [
    "FORMAT",
    "KEY",
    "CutMemory",
    "OfferMemory",
    "RefusalMemory",
    "SelectMemory",
    "ShotMemory",
    "check_format",
    "known_slate",
    "ours",
    "slate_fields",
    "with_ours",
]

KEY = "kuleshov"
"""The key of our metadata in every OTIO object."""

FORMAT = 2
"""Format 1 had no `CutMemory`, and no `slot` with its items."""

_CUT = "cut"  # where a CutMemory lies among our metadata of a timeline
_UNREADABLE = (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError, IndexError)


def ours(thing: object) -> Mapping[str, Any]:
    """Return our metadata of an item or a timeline; empty where there are none."""
    found = getattr(thing, "metadata", {}).get(KEY, {})
    return found if isinstance(found, Mapping) else {}


def with_ours(metadata: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with `known` as ours; without any where that is empty."""
    rest = {key: value for key, value in metadata.items() if key != KEY}
    return {**rest, KEY: dict(known)} if known else rest


def check_format(written: object, path: object) -> None:
    """Raise `ProjectError` where a project was written in a format that is not known here."""
    if isinstance(written, int) and not isinstance(written, bool) and written > FORMAT:
        raise ProjectError(f"{path} was written by a newer Kuleshov; this one is too old.")


# Whose footage it is


def slate_fields(slate: Slate, checksum: str) -> dict[str, Any]:
    """Return what a clip's metadata keep of a slate; nothing where nothing is known."""
    known = {f.name: text for f in fields(Slate) if (text := getattr(slate, f.name))}
    return {"slate": {**known, "checksum": checksum}} if known else {}


def known_slate(thing: object, checksum: str) -> Slate | None:
    """Return the slate that a clip brings along for the media of this checksum, or None."""
    kept = ours(thing).get("slate")
    if isinstance(kept, Slate):
        return kept
    if not isinstance(kept, Mapping) or kept.get("checksum", checksum) != checksum:
        return None
    return Slate(**{f.name: str(kept.get(f.name, "")) for f in fields(Slate)})


# With items


@dataclass(frozen=True)
class OfferMemory:
    """A clip that might stand in a slot, as a project remembers it.

    `footage` is its path, with its `checksum`; `shot` is counted from 1; it shows media time from
    `start` to `end`.
    """

    footage: str
    checksum: str
    shot: int
    start: Fraction
    end: Fraction
    speed: Fraction = Fraction(1)
    mirrored: bool = False
    score: float | None = None
    facets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"an offer ends before it begins: {self.start} to {self.end}")

    @property
    def media(self) -> TimeRange:
        """The media time that it shows."""
        return TimeRange(self.start, self.end)

    def written(self) -> dict[str, Any]:
        """Return the offer as data for JSON."""
        told: dict[str, Any] = plain(self)
        return told

    @classmethod
    def read(cls, value: object) -> OfferMemory | None:
        """Return the offer that is written; None where that is not an offer."""
        try:
            if not isinstance(value, Mapping):
                return None
            known = {
                key: value[key]
                for key in ("footage", "checksum", "shot", "start", "end", "speed", "mirrored")
                if key in value
            }
            known = {**known, "start": str(known["start"]), "end": str(known["end"])}
            known.setdefault("checksum", "")
            known.setdefault("shot", 0)
            facets = _numbers(value.get("facets"))
            offer: OfferMemory = record(cls, known)
            return replace(offer, score=_number(value.get("score")), facets=facets)
        except _UNREADABLE:
            return None


@dataclass(frozen=True)
class ShotMemory:
    """The memory of an item: what is remembered of its shot, its select and its offers.

    `shot` is what people call the shot, counted from 1, `slot` the name of its slot. `rank`: where
    the select stood among all offers. `source_tags`, `clip_tags` and `why` say what both are and
    share. `offers` has the select first; None where none are remembered, as by other films than
    recuts. `held`: the item shows the last picture of the one before; `black`: the source is black
    there. `marks` are words for a contact sheet. `credits`: it belongs to the end credits.
    """

    shot: int | None = None
    slot: str = ""
    score: float | None = None
    facets: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None
    source_tags: tuple[str, ...] = ()
    clip_tags: tuple[str, ...] = ()
    why: str = ""
    offers: tuple[OfferMemory, ...] | None = None
    held: bool = False
    black: bool = False
    marks: tuple[str, ...] = ()
    credits: bool = False

    @classmethod
    def of(cls, thing: object) -> ShotMemory:
        """Return what is remembered with an item, leaving out what is not as it should be."""
        return cls.read(getattr(thing, "metadata", {}))

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> ShotMemory:
        """Return what is remembered in an item's metadata."""
        kept = metadata.get(KEY)
        kept = kept if isinstance(kept, Mapping) else {}
        tags = kept.get("tags")
        tags = tags if isinstance(tags, Mapping) else {}
        listed = kept.get("candidates")
        offers = None
        if isinstance(listed, list | tuple):
            read = (OfferMemory.read(one) for one in listed)
            offers = tuple(one for one in read if one is not None)
        return cls(
            shot=_count(kept.get("shot")),
            slot=_text(kept.get("slot")),
            score=_number(kept.get("score")),
            facets=_numbers(kept.get("facets")),
            rank=_count(kept.get("rank")),
            source_tags=_words(tags.get("source")),
            clip_tags=_words(tags.get("clip")),
            why=_text(kept.get("why")),
            offers=offers,
            held=kept.get("held") is True,
            black=kept.get("black") is True,
            marks=_words(kept.get("marks")),
            credits=kept.get("credits") is True,
        )

    @staticmethod
    def with_offers(metadata: Mapping[str, Any], offers: Sequence[OfferMemory]) -> dict[str, Any]:
        """Return metadata with other offers remembered."""
        known = dict(metadata.get(KEY, {}))
        known["candidates"] = [one.written() for one in offers]
        return {**metadata, KEY: known}

    def written(self) -> dict[str, Any]:
        """Return what there is of it as data for JSON."""
        tags = {"source": [*self.source_tags], "clip": [*self.clip_tags]}
        offers = None if self.offers is None else [one.written() for one in self.offers]
        told = {
            "black": self.black or None,
            "shot": self.shot,
            "score": self.score,
            "facets": dict(self.facets) or None,
            "rank": self.rank,
            "tags": tags if any(tags.values()) else None,
            "why": self.why if any(tags.values()) else self.why or None,
            "candidates": offers,
            "held": self.held or None,
            "marks": [*self.marks] or None,
            "credits": self.credits or None,
            "slot": self.slot or None,
        }
        return {key: value for key, value in told.items() if value is not None}


def _number(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else None  # type: ignore[arg-type]


def _numbers(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    found = ((str(name), _number(one)) for name, one in value.items())
    return {name: one for name, one in found if one is not None}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list | tuple) else ()


# With the timeline


@dataclass(frozen=True)
class SelectMemory:
    """The memory of a select: the number of the offer, and what a person changed of it.

    The number is None for something `instead`, and for what an editing program put there; see
    `edit.cut.Select`.
    """

    offer: int | None
    slip: int = 0
    mirrored: bool = False
    speed: Fraction | None = None
    hold: int = 0
    locked: bool = False
    focus: tuple[float, float] | None = None
    picked: bool = False
    instead: Literal["own", "black", "still"] | None = None
    still: int = 0


@dataclass(frozen=True)
class RefusalMemory:
    """The memory of a refusal; see `edit.cut.Refusal`."""

    checksum: str
    name: str
    shot: int | None = None
    span: tuple[Fraction, Fraction] | None = None
    slot: str | None = None
    also: tuple[tuple[str, Fraction, Fraction], ...] = ()


@dataclass(frozen=True)
class CutMemory:
    """The memory of a cut: all that it takes to go on with a recut.

    `source` and `checksum` say what was remade. `options` are those of `edit.cut.RecutOptions`,
    `only` and `exclude` the terms of its filter; `asked` the same of single slots, ready for JSON.
    `parts`: into how many slots shots are divided, by number. `titles` are shots of the source that
    are title cards, counted from 0. `own`: by checksum what the source itself shows, in seconds.

    `footage` lists checksum and path of what is offered, and `facets` the facets that are told of
    each offer. `offers`: for each slot a line an offer, its fields parted by spaces: number of the
    footage, shot (from 0), start, end, speed, m (mirrored) or -, start and end of what may be used,
    seconds held, strength, score, and each facet's share or -. After `ranked` of them come selects
    that are not offered (any more). Those of slots in `stale` were ranked by what they are not
    asked by any more.

    `encoder` names the network that looked at source and archive besides the bundled one; it is
    empty, and not written, where none did. `newest` is the highest number of any footage of the
    archive by which offers were ranked.
    """

    source: str
    checksum: str
    options: Mapping[str, Any]
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    asked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    titles: tuple[int, ...] = ()
    own: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    footage: tuple[tuple[str, str], ...] = ()
    facets: tuple[str, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranked: Mapping[str, int] = field(default_factory=dict)
    selects: Mapping[str, SelectMemory] = field(default_factory=dict)
    refused: tuple[RefusalMemory, ...] = ()
    doubts: tuple[Mapping[str, Any], ...] = ()
    encoder: str = ""
    stale: tuple[str, ...] = ()
    newest: int | None = None

    def written(self, unknown: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Return the cut as our metadata of a timeline, with what another version wrote besides."""
        told = plain(self)
        for name in ("encoder", "newest"):
            if not told[name]:
                del told[name]
        return {_CUT: {**unknown, **told}}

    @classmethod
    def unknown(cls, thing: object) -> dict[str, Any]:
        """Return what a timeline remembers of a cut that is not known here."""
        told = ours(thing).get(_CUT)
        known = {one.name for one in fields(cls)}
        found = told if isinstance(told, Mapping) else {}
        return {key: value for key, value in found.items() if key not in known}

    @classmethod
    def of(cls, thing: object) -> CutMemory | None:
        """Return the cut that a timeline remembers; None where it remembers none.

        Raises `ProjectError` where that is damaged.
        """
        kept = ours(thing).get(_CUT)
        if kept is None:
            return None
        try:
            found: CutMemory = record(cls, kept)
        except _UNREADABLE as error:
            raise ProjectError(
                f"What the project remembers of its choices is damaged ({error}): it can be "
                "rendered, but not gone on with."
            ) from error
        return found

    @staticmethod
    def gone(metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return a timeline's metadata without the memory of a cut."""
        kept = metadata.get(KEY, {})
        known = {key: value for key, value in kept.items() if key != _CUT}
        return with_ours(metadata, known)
