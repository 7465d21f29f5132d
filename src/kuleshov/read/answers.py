"""A recut as the page tells it: each shot of the source beside the clip that answers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuleshov.features.tags import WORDS
from kuleshov.match.tagged import USUAL
from kuleshov.read.stills import Still, embedded
from kuleshov.render.placeholder import standing_in, unusable
from kuleshov.render.sheet import SheetOptions, rows
from kuleshov.timeline import Card, Clip, Timeline

__all__ = ["Answer", "answers", "told_of"]


@dataclass(frozen=True)
class Answer:
    """One shot of a recut: its number as `Track.numbers` has it, when and how long it is seen,
    both stills, the clip's name and place, what both are said to be, why, the score and the
    facets."""

    number: int | None
    time: str
    length: str
    source: Still | None
    clip: Still | None
    name: str
    place: str
    marks: tuple[str, ...]
    tags: tuple[tuple[str, ...], tuple[str, ...]]
    score: float | None
    facets: tuple[tuple[str, float], ...]

    @property
    def shared(self) -> tuple[str, ...]:
        """What both are said to be, as far as that is a reason."""
        return tuple(word for word in self.tags[0] if word in self.tags[1] and word not in USUAL)


def answers(timeline: Timeline) -> Iterator[Answer]:
    """The shots of a project, in order, without cards and held pictures.

    Footage that is missing is stood in for.

    Raises `MediaError` where footage breaks while it is read.
    """
    items = [item for item in timeline.recut.items if not isinstance(item, Card)]
    stand_ins = standing_in(timeline, "placeholder")
    options = SheetOptions(still=400, missing="placeholder")
    for item, row in zip(items, rows(timeline, options, stand_ins), strict=True):
        fields = getattr(item, "metadata", {}).get("kuleshov", {})
        if isinstance(fields, Mapping) and fields.get("held"):
            continue  # the last picture of the clip before it
        yield Answer(
            number=row.number,
            time=row.time,
            length=row.length,
            source=embedded(row.source, 2 * len(items)) if row.source else None,
            clip=embedded(row.select, 2 * len(items)) if row.select else None,
            name=_name(item, row.name),
            place=row.place,
            marks=row.marks,
            tags=_tags(fields),
            score=row.score,
            facets=row.facets,
        )


def told_of(timeline: Timeline) -> tuple[list[Answer], list[str]]:
    """The shots of a project as `answers` gives them, and a sentence for each of its files that
    cannot be used. Called in a process of its own."""
    return list(answers(timeline)), [f"{one}" for one in unusable(timeline)]


def _name(item: object, name: str) -> str:
    return item.caption or name if isinstance(item, Clip) else name


def _tags(fields: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tags of source and clip, as far as the project has them."""
    told = fields.get("tags") if isinstance(fields, Mapping) else None
    if not isinstance(told, Mapping):
        return (), ()
    return _words(told.get("source")), _words(told.get("clip"))


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return ()
    return tuple(str(word) for word in value if word not in WORDS["length"])
