"""The footage that a lens is trained on: files and folders as they are, or shots of the archive.

`WORDS`, an example or a bin are looked for in the archive; files and folders named beside them say
where in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.archive.archive import Archive
from kuleshov.archive.filters import Filter
from kuleshov.desk.asking import Ask
from kuleshov.desk.finding import find
from kuleshov.errors import MatchError, UsageError
from kuleshov.footage import ShotRef, Slate
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import WEAKEST, Candidate, MatchOptions, answering
from kuleshov.media.guard import asked
from kuleshov.notes import Note
from kuleshov.see.lens import Origin
from kuleshov.see.training.files import found_in
from kuleshov.see.training.pictures import FilmPart, Pictures
from kuleshov.see.training.reading import own_slate

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["ToSee", "footage_to_see", "origins"]

_CLIPS = 2000  # looked at to find the shots that answer
_SAID = 0.5  # of the best score: words find much that does not answer them


@dataclass(frozen=True)
class ToSee:
    """The parts of films and the stills to take pictures from.

    `slates` are those of files that the archive knows; `notes` are for the person.
    """

    spans: tuple[FilmPart, ...]
    slates: Mapping[Path, Slate] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def footage_to_see(
    paths: Sequence[Path],
    ask: Ask | None,
    desk: Desk | None,
    filters: Filter = Filter(),
    *,
    job: Job = QUIET,
) -> ToSee:
    """Return the footage at `paths`, or the shots of the archive that answer a question.

    With both, only what lies at `paths` answers. `desk` may be None where no question is asked; the
    slates of its archive are used if it is there. Raises `UsageError` where nothing is named or
    found, `MatchError` where nothing answers.
    """
    if ask is None:
        if not paths:
            raise UsageError(
                "Name films, pictures or folders of them to train on, or say what the archive is "
                "to be searched for."
            )
        spans = tuple(dict.fromkeys(span for path in paths for span in found_in(path)))
        return ToSee(spans, {} if desk is None else _slates(desk.archive))
    if desk is None:
        raise UsageError("There is no archive to search: index some footage first.")
    return _searched(paths, ask, desk, filters, job)


def _searched(paths: Sequence[Path], ask: Ask, desk: Desk, filters: Filter, job: Job) -> ToSee:
    match = MatchOptions(candidates=_CLIPS, stretch=1.0)
    found = find(desk, ask, ask.length, match, filters, job=job)
    inside = [one for one in found.hits if _lies_in(one, paths)]
    if paths and not inside:
        names = ", ".join(str(path) for path in paths)
        raise MatchError(
            f"No shot of the archive lies in {names}: index it, or leave it out to search the "
            "whole archive."
        )
    hits = inside if ask.bin is not None else _hits(inside, _SAID if ask.words else WEAKEST)
    spans = dict.fromkeys(
        FilmPart(one.film.footage.path, one.usable.start, one.usable.end) for one in hits
    )
    files = len({span.path for span in spans})
    text = (
        f"{len(spans)} shot{'s' * (len(spans) != 1)} of {files} film{'s' * (files != 1)} in the "
        f"archive {'answer' if len(spans) != 1 else 'answers'} {ask.name!r}."
    )
    said = Note("hits", text, {"shots": len(spans), "films": files})
    return ToSee(tuple(spans), _slates(desk.archive), (*found.told, said))


def _lies_in(one: Candidate, paths: Sequence[Path]) -> bool:
    """Return whether a clip's footage is one of these files, or lies in one of these folders."""
    if not paths:
        return True
    whole = [path.absolute() for path in paths] + [path.resolve() for path in paths]
    places = [place.path for place in one.film.footage.locations]
    return any(place.is_relative_to(path) for place in places for path in whole)


def _hits(found: Sequence[Candidate], weakest: float) -> list[Candidate]:
    """Return the best clip of each shot, without those that score little beside the best of all."""
    best: dict[ShotRef, Candidate] = {}
    for one in sorted(found, key=lambda c: -c.score):
        best.setdefault(one.ref, one)
    return answering(list(best.values()), weakest)


def _slates(archive: Archive) -> dict[Path, Slate]:
    return {
        place.path: footage.slate
        for footage in archive.catalogue.all()
        for place in footage.locations
        if place.now() == "there"
    }


def origins(
    pictures: Pictures, slates: Mapping[Path, Slate] | None = None, *, job: Job = QUIET
) -> tuple[Origin, ...]:
    """Return each file that pictures come from, how many of them, and who made it on what terms.

    From the archive's slate where it has one, and where that says nothing from the file's own tags;
    "" where neither says.
    """
    counted: dict[Path, int] = {}
    for place in pictures.places:
        counted[place.path] = counted.get(place.path, 0) + 1
    known = slates or {}
    entered = {
        path: known.get(path.absolute()) or known.get(path.resolve()) or Slate() for path in counted
    }
    own = asked(
        own_slate, [path for path, slate in entered.items() if not all(astuple(slate))], job=job
    )
    made = []
    for path, count in counted.items():
        slate = entered[path]
        # A file that cannot be read any more says nothing.
        if isinstance(said := own.get(path), Slate):
            slate = _completed(slate, said)
        made.append(Origin(path.name, count, slate.title, slate.author, slate.licence, slate.url))
    return tuple(made)


def _completed(slate: Slate, own: Slate) -> Slate:
    """Return a slate as a person entered it, completed from the file's own tags."""
    return replace(
        slate,
        title=slate.title or own.title,
        author=slate.author or own.author,
        licence=slate.licence or own.licence,
        url=slate.url or own.url,
    )
