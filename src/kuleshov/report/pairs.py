"""Tell a recut for the page: each shot of the source beside the clip that answers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kuleshov.archive.shot_tags import USUAL
from kuleshov.features.tags import WORDS
from kuleshov.jobs import QUIET, Job
from kuleshov.notes import Note
from kuleshov.project.memory import ShotMemory
from kuleshov.render.placeholder import standing_in, unusable
from kuleshov.render.sheet import SheetOptions, rows
from kuleshov.report.stills import Still, embedded
from kuleshov.timeline import Card, Clip, Timeline

__all__ = ["Pair", "pairs", "told_of"]


@dataclass(frozen=True)
class Pair:
    """An answer: one shot of a recut beside its clip.

    Its number as `Track.numbers` has it, when and how long it is seen, both stills, the clip's name
    and place, what both are said to be, why, the score and the facets.
    """

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
        """The tags that both have, as far as they are a reason."""
        return tuple(word for word in self.tags[0] if word in self.tags[1] and word not in USUAL)


def pairs(timeline: Timeline, job: Job = QUIET) -> Iterator[Pair]:
    """Yield the shots of a project, in order, without cards and held pictures.

    Footage that is missing is stood in for.

    Raises `MediaError` where footage breaks while it is read.
    """
    items = [item for item in timeline.recut.items if not isinstance(item, Card)]
    stand_ins = standing_in(timeline, "placeholder", job)
    options = SheetOptions(still=400, missing="placeholder")
    for item, row in zip(items, rows(timeline, options, stand_ins, job), strict=True):
        about = ShotMemory.of(item)
        if about.held:
            continue  # the last picture of the clip before it
        yield Pair(
            number=row.number,
            time=row.time,
            length=row.length,
            source=embedded(row.source, 2 * len(items)) if row.source else None,
            clip=embedded(row.select, 2 * len(items)) if row.select else None,
            name=_name(item, row.name),
            place=row.place,
            marks=row.marks,
            tags=(_words(about.source_tags), _words(about.clip_tags)),
            score=row.score,
            facets=row.facets,
        )


def told_of(timeline: Timeline, job: Job = QUIET) -> tuple[list[Pair], list[Note]]:
    """Return the shots of a project, and a note for each of its files that cannot be used.

    Shots are as `answers` gives them. Called in a process of its own.
    """
    count = len(timeline.recut.items)
    with job.step("reading the recut", of=count, unit="shots") as step:
        told = list(step.over(pairs(timeline, job)))
    lost = [
        Note("footage-missing", f"Not to be seen here: {one}.", {"footage": str(one.path)})
        for one in unusable(timeline, job)
    ]
    return told, lost


def _name(item: object, name: str) -> str:
    return item.caption or name if isinstance(item, Clip) else name


def _words(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that a page shows.

    How long a shot is, it shows otherwise.
    """
    return tuple(word for word in tags if word not in WORDS["length"])
