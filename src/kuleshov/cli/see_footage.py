"""What a lens is trained on: files and folders as they are, or what the archive has of something.

`WORDS`, an example or a bin are looked for in the archive; files and folders named beside them
say where in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.errors import MatchError, UsageError
from kuleshov.footage import Slate

if TYPE_CHECKING:
    from kuleshov.archive.archive import Archive
    from kuleshov.cli.common import Networks
    from kuleshov.cli.finding import Asked
    from kuleshov.match.candidates import Candidate
    from kuleshov.match.filters import Filter
    from kuleshov.see.data import Pictures, Span
    from kuleshov.see.lens import Origin

__all__ = ["ToSee", "footage_to_see", "origins"]

_CLIPS = 2000  # looked at to find the shots that answer
_SAID = 0.5  # of the best score: words find much that does not answer them


@dataclass(frozen=True)
class ToSee:
    """Parts of films, and stills, to take pictures from; `slates` of files that the archive knows;
    what to say to the person."""

    spans: tuple[Span, ...]
    slates: Mapping[Path, Slate] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def footage_to_see(
    paths: Sequence[Path],
    asked: Asked | None,
    archive: Archive | None,
    loaded: Networks | None = None,
    filters: Filter | None = None,
) -> ToSee:
    """The footage at `paths`, or, if something is `asked`, the shots of the archive that answer.

    With both, only what lies at `paths` answers. `archive` may be None where nothing is asked; its
    slates are used if it is there. Raises UsageError where nothing is named or found, MatchError
    where nothing answers.
    """
    from kuleshov.see.data import found_in

    if asked is None:
        if not paths:
            raise UsageError(
                "Name films, pictures or folders of them to train on, or say what the archive is "
                "to be searched for."
            )
        spans = tuple(dict.fromkeys(span for path in paths for span in found_in(path)))
        return ToSee(spans, {} if archive is None else _slates(archive))
    if archive is None or loaded is None:
        raise UsageError("There is no archive to search: make one with `kuleshov index FOLDER`.")
    return _searched(paths, asked, archive, loaded, filters)


def _searched(
    paths: Sequence[Path],
    asked: Asked,
    archive: Archive,
    loaded: Networks,
    filters: Filter | None,
) -> ToSee:
    from kuleshov.cli.finding import find
    from kuleshov.match.candidates import WEAKEST, MatchOptions
    from kuleshov.match.filters import Filter
    from kuleshov.see.data import Span

    match = MatchOptions(candidates=_CLIPS, stretch=1.0)
    found = find(asked, asked.length, archive, loaded, match, filters or Filter())
    inside = [one for one in found.candidates if _lies_in(one, paths)]
    if paths and not inside:
        names = ", ".join(str(path) for path in paths)
        raise MatchError(
            f"No shot of the archive lies in {names}: add it with `kuleshov index`, or leave it "
            "out to search the whole archive."
        )
    answers = (
        inside if asked.bin is not None else _answers(inside, _SAID if asked.words else WEAKEST)
    )
    spans = dict.fromkeys(
        Span(one.film.footage.path, one.usable.start, one.usable.end) for one in answers
    )
    files = len({span.path for span in spans})
    said = (
        f"{len(spans)} shot{'s' * (len(spans) != 1)} of {files} film{'s' * (files != 1)} in the "
        f"archive {'answer' if len(spans) != 1 else 'answers'} {asked.name!r}."
    )
    return ToSee(tuple(spans), _slates(archive), (*found.told, said))


def _lies_in(one: Candidate, paths: Sequence[Path]) -> bool:
    """Whether any of its places is one of these files or lies in one of these folders."""
    if not paths:
        return True
    whole = [path.absolute() for path in paths] + [path.resolve() for path in paths]
    places = [place.path for place in one.film.footage.places]
    return any(place.is_relative_to(path) for place in places for path in whole)


def _answers(found: Sequence[Candidate], weakest: float) -> list[Candidate]:
    """Each shot once, by its best clip; what scores little beside the best is no answer."""
    from kuleshov.match.candidates import answering

    best: dict[tuple[int, int], Candidate] = {}
    for one in sorted(found, key=lambda c: -c.score):
        best.setdefault((one.film.footage.id, one.shot), one)
    return answering(list(best.values()), weakest)


def _slates(archive: Archive) -> dict[Path, Slate]:
    return {
        place.path: footage.slate
        for footage in archive.catalogue.all()
        for place in footage.places
        if place.now() == "there"
    }


def origins(pictures: Pictures, slates: Mapping[Path, Slate] | None = None) -> tuple[Origin, ...]:
    """Each file that pictures come from, how many, and who made it on what terms.

    From the archive's slate where it has one, and where that says nothing from the file's own tags;
    "" where neither says.
    """
    from kuleshov.media.guard import asked
    from kuleshov.see.lens import Origin
    from kuleshov.see.reading import own_slate

    counted: dict[Path, int] = {}
    for place in pictures.places:
        counted[place.path] = counted.get(place.path, 0) + 1
    known = slates or {}
    entered = {
        path: known.get(path.absolute()) or known.get(path.resolve()) or Slate() for path in counted
    }
    own = asked(own_slate, [path for path, slate in entered.items() if not all(astuple(slate))])
    made = []
    for path, count in counted.items():
        slate = entered[path]
        # A file that cannot be read any more says nothing.
        if isinstance(said := own.get(path), Slate):
            slate = _completed(slate, said)
        made.append(Origin(path.name, count, slate.title, slate.author, slate.licence, slate.url))
    return tuple(made)


def _completed(slate: Slate, own: Slate) -> Slate:
    """A slate as a person entered it; a file's own tags where it has nothing."""
    return replace(
        slate,
        title=slate.title or own.title,
        author=slate.author or own.author,
        licence=slate.licence or own.licence,
        url=slate.url or own.url,
    )
