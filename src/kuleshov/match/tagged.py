"""The tags of shots: of the archive's films, and of films that were just looked at."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from kuleshov.archive.tags import Tags
from kuleshov.errors import UsageError
from kuleshov.features.tagging import tags_in
from kuleshov.features.tags import WORDS, Tag, phrase
from kuleshov.footage import Shot

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis
    from kuleshov.match.rows import ArchiveRows, Film

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
USUAL = frozenset({"no face", "even light", "medium contrast", "muted"})
"""Words for what most shots are: no reason to call two of them alike."""


def tags_of(film: Film, shot: Shot) -> tuple[Tag, ...]:
    """The tags of a shot of the archive, by its rows; a shot between two rows is read by the next.

    A shot without picture has none.
    """
    seconds = float(film.core(shot).duration)
    return tags_in(film.rows, film.shown, shot, seconds, film.grid)


def tags_of_film(film: Film) -> dict[int, tuple[Tag, ...]]:
    """The tags of a film's shots, by number of the shot."""
    return {shot.index: tags_of(film, shot) for shot in film.shots}


def tags_of_analysis(analysis: Analysis) -> tuple[tuple[Tag, ...], ...]:
    """The tags of every shot of a film that was looked at."""
    return tuple(
        tags_in(
            analysis.features,
            analysis.shown,
            shot,
            float(analysis.range_of(shot.core).duration),
            analysis.grid,
        )
        for shot in analysis.shots
    )


def tagged(
    word: str, archive: ArchiveRows, tags: Tags | None = None
) -> AbstractSet[tuple[int, int]]:
    """The shots with the tag of this word, by the number of the film in `archive` and their own.

    The word is one of `WORDS`, the name of a recognised thing, or as `phrase` says it; capitals,
    hyphens and spaces make no difference. `tags` are those of the catalogue; footage that they do
    not know is read from its rows. Raises `UsageError`, with words that are close, for another one.
    """
    wanted = _named(word, tags.words("thing") if tags is not None else ())
    known = tags.footage() if tags is not None else set()
    held: dict[str, set[int]] = {}
    if tags is not None:
        for checksum, number in (shot for pair in wanted for shot in tags.shots(*pair)):
            held.setdefault(checksum, set()).add(number)
    found = set()
    for number, film in enumerate(archive.films):
        if film.footage.checksum in known:
            mine = held.get(film.footage.checksum, set())
            found |= {(number, shot.index) for shot in film.shots if shot.index in mine}
            continue
        for shot in film.shots:
            if any((tag.kind, tag.word) in wanted for tag in tags_of(film, shot)):
                found.add((number, shot.index))
    return found


def _named(word: str, things: Sequence[str]) -> AbstractSet[tuple[str, str]]:
    """The kinds and words that a word may mean."""
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
    """Why a clip answers a shot: what both are said to be, and the facets by which they are most
    alike, as in "both: close-up, one face, low key; subject 0.81, composition 0.77".

    What most shots are (no face, even light, medium contrast) is no reason and is left out; empty
    where there is none. Of the facets the three best are named, from 0.6 on: a random pair has 0.5.
    """
    shared = shared_phrases(source, candidate)
    best = sorted(facets.items(), key=lambda item: -item[1])
    alike = [f"{name} {value:.2f}" for name, value in best[:_BEST] if value >= _ALIKE]
    parts = ["both: " + ", ".join(shared)] if shared else []
    return "; ".join(parts + ([", ".join(alike)] if alike else []))


def shared_phrases(source: Sequence[Tag], candidate: Sequence[Tag]) -> list[str]:
    """What both shots are said to be, in the order of the first; see `why`."""
    other = {(tag.kind, tag.word) for tag in candidate}
    return [
        phrase(tag)
        for tag in source
        if (tag.kind, tag.word) in other and tag.kind != "length" and tag.word not in USUAL
    ]


def shared_by(shots: Sequence[tuple[Film, Shot]], most: int = 4) -> list[str]:
    """Return what most of these shots have in common, two of three at least, the commonest first,
    in words that say something."""
    counts: Counter[str] = Counter()
    for film, shot in shots:
        counts.update(
            {
                phrase(tag)
                for tag in tags_of(film, shot)
                if tag.kind != "length" and tag.word not in USUAL
            }
        )
    return [said for said, count in counts.most_common() if 3 * count >= 2 * len(shots)][:most]
