"""Read the tags of shots: of the archive's films, and of films that were just looked at."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from kuleshov.archive.tag_table import Tags
from kuleshov.errors import UsageError
from kuleshov.features.measuring import tags_in, tags_of_analysis
from kuleshov.features.tags import WORDS, Tag, phrase
from kuleshov.footage import Shot, ShotRef
from kuleshov.jobs import QUIET, Job

if TYPE_CHECKING:
    from kuleshov.archive.rows import ArchiveFilm, ArchiveRows

__all__ = [
    "USUAL",
    "shared_by",
    "shared_phrases",
    "tagged",
    "tags_of",
    "tags_of_analysis",
    "tags_of_film",
    "why",
]

_CLOSE = 5  # words that a sentence proposes
_BEST, _ALIKE = 3, 0.6  # facets that are named as reasons, and the least of them
USUAL = frozenset({"no face", "no people", "even light", "medium contrast", "muted"})
"""Words for what most shots are: no reason to call two of them alike."""


def tags_of(film: ArchiveFilm, shot: Shot) -> tuple[Tag, ...]:
    """Return the tags of a shot of the archive, by its rows.

    A shot between two rows is read by the next. A shot without picture has no tags.
    """
    if shot not in film.tags:
        seconds = float(film.core(shot).duration)
        film.tags[shot] = tags_in(film.rows, film.shown, shot, seconds, film.grid)
    return film.tags[shot]


def tags_of_film(film: ArchiveFilm, job: Job = QUIET) -> dict[int, tuple[Tag, ...]]:
    """Return the tags of a film's shots, by number of the shot."""
    return {shot.index: tags_of(film, shot) for shot in job.over(film.shots)}


def tagged(
    word: str, archive: ArchiveRows, tags: Tags | None = None, job: Job = QUIET
) -> AbstractSet[ShotRef]:
    """Return the shots with the tag of this word.

    The word is one of `WORDS`, the name of a recognised thing, or as `phrase` says it; capitals,
    hyphens and spaces make no difference. `tags` are those of the catalogue; footage that they do
    not know is read from its rows. Raises `UsageError`, with words that are close, for another one.
    """
    wanted = _named(word, tags.words("thing") if tags is not None else ())
    known = tags.footage() if tags is not None else set()
    found: set[ShotRef] = set()
    if tags is not None:
        found.update(shot for pair in wanted for shot in tags.shots(*pair))
        found = {shot for shot in found if shot.checksum in known}
    for film in job.over(archive.films):
        if film.footage.checksum in known:
            continue
        for shot in job.over(film.shots):
            if any((tag.kind, tag.word) in wanted for tag in tags_of(film, shot)):
                found.add(film.ref(shot))
    return found


def _named(word: str, things: Sequence[str]) -> AbstractSet[tuple[str, str]]:
    """Return the kinds and words that a word may mean."""
    every = {(kind, name) for kind, names in WORDS.items() for name in names}
    every |= {("thing", thing) for thing in things}
    spoken: dict[str, set[tuple[str, str]]] = {}
    names: dict[str, str] = {}
    for kind, name in sorted(every):
        for said in {name, phrase(Tag(kind, name, 1.0))}:
            spoken.setdefault(_plain(said), set()).add((kind, name))
            names[_plain(said)] = said
    if _plain(word) in spoken:
        return spoken[_plain(word)]
    close = difflib.get_close_matches(_plain(word), spoken, _CLOSE, 0.5)
    close = close or ["close up", "pan left", "low key", "black and white", "one face"]
    there = ", ".join(f"tag:{names[said]}" for said in close)
    raise UsageError(f"No shot can be tagged {word!r}: try {there}.")


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("-", " ").split())


def why(source: Sequence[Tag], candidate: Sequence[Tag], facets: Mapping[str, float]) -> str:
    """Return why a clip answers a shot: their common tags, and the facets most alike.

    An example: "both: close-up, one face, low key; subject 0.81, composition 0.77".

    Tags that most shots have (no face, even light, medium contrast) are not a reason and are left
    out; the text is empty where there is no reason. Of the facets the three best are named, from
    0.6 on: a random pair has 0.5.
    """
    shared = shared_phrases(source, candidate)
    best = sorted(facets.items(), key=lambda item: -item[1])
    alike = [f"{name} {value:.2f}" for name, value in best[:_BEST] if value >= _ALIKE]
    parts = ["both: " + ", ".join(shared)] if shared else []
    return "; ".join(parts + ([", ".join(alike)] if alike else []))


def shared_phrases(source: Sequence[Tag], candidate: Sequence[Tag]) -> list[str]:
    """Return the tags that both shots have, in the order of the first; see `why`."""
    other = {(tag.kind, tag.word) for tag in candidate}
    return [
        phrase(tag)
        for tag in source
        if (tag.kind, tag.word) in other and tag.kind != "length" and tag.word not in USUAL
    ]


def shared_by(shots: Sequence[tuple[ArchiveFilm, Shot]], most: int = 4) -> list[str]:
    """Return what most of these shots have in common, the commonest first.

    At least two of three have it, and the words say something.
    """
    counts: Counter[str] = Counter()
    for film, shot in shots:
        said = (
            phrase(tag)
            for tag in tags_of(film, shot)
            if tag.kind != "length" and tag.word not in USUAL
        )
        counts.update(list(dict.fromkeys(said)))  # a set would be in another order each time
    return [said for said, count in counts.most_common() if 3 * count >= 2 * len(shots)][:most]
