"""Filter which footage and shots of an archive may be used at all.

A term is `bw`, `colour`, `licence:TEXT`, `author:TEXT`, `title:TEXT`, `bin:NAME`, `tag:WORD`,
`word:NAME` (a word that a person taught), or it names footage: a file name with or without its
ending, a path, a folder, a title, or a glob of these.
Capitals make no difference. Of the terms of one kind that are asked for, one must hold; of each
kind one; and none of those that are excluded.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Literal

from kuleshov.archive.catalogue import Footage, Location
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.archive.shot_tags import tagged
from kuleshov.archive.tag_table import Tags
from kuleshov.archive.taught import WordShots
from kuleshov.errors import MatchError, UsageError, meant
from kuleshov.footage import Shot, ShotRef
from kuleshov.jobs import QUIET, Job

__all__ = ["Filter", "IsGrey", "Shots", "Term", "named_footage", "parse_terms"]

Kind = Literal["tone", "licence", "author", "title", "bin", "tag", "word", "footage"]
Shots = Mapping[str, AbstractSet[ShotRef]]
"""The shots of each bin."""
IsGrey = Callable[[ArchiveFilm, Shot], bool]
"""A function that returns whether a shot is black and white."""

_PREFIXES: dict[str, Kind] = {
    "licence": "licence",
    "license": "licence",
    "author": "author",
    "title": "title",
    "bin": "bin",
    "tag": "tag",
    "word": "word",
}
_TONES = {"bw": "bw", "colour": "colour", "color": "colour"}
_LISTED = 8  # names in a sentence


@dataclass(frozen=True)
class Term:
    """A term of a filter: as it was written, its kind, and what it asks for."""

    written: str
    kind: Kind
    value: str


@dataclass(frozen=True)
class Filter:
    """A filter: `only` these may be used, and none of those in `exclude`.

    Made by `parse_terms`.
    """

    only: tuple[Term, ...] = ()
    exclude: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.exclude)

    def apply(
        self,
        rows: ArchiveRows,
        bins: Shots,
        is_grey: IsGrey | None = None,
        tags: Tags | None = None,
        words: WordShots | None = None,
        job: Job = QUIET,
    ) -> ArchiveRows:
        """Return the archive with fewer films, and films with fewer shots.

        `is_grey` says which shots are black and white (None: as the films do); `tags` are those of
        the catalogue (None, and for footage that has none: they are read from the rows); `words`
        says which shots show a word that was taught (None: none was). Raises `UsageError` where a
        term matches nothing in the archive, or is not a word of any tag or no taught one,
        `MatchError` where nothing is left.
        """
        if not self:
            return rows
        able = {
            term: tagged(term.value, rows, tags, job)
            if term.kind == "tag"
            else _shots_of(term, rows, bins, is_grey, words)
            for term in job.over((*self.only, *self.exclude))
        }
        kinds = groupby(sorted(self.only, key=lambda term: term.kind), lambda term: term.kind)
        wanted = [[able[term] for term in terms] for _, terms in kinds]
        unwanted = [able[term] for term in self.exclude]
        films = []
        for film in job.over(rows.films):
            shots = tuple(
                shot
                for shot in film.shots
                if all(any(film.ref(shot) in one for one in kind) for kind in wanted)
                and not any(film.ref(shot) in one for one in unwanted)
            )
            if shots:
                films.append(replace(film, shots=shots, footage=self._as_named(film.footage)))
        if rows.films and not films:
            raise MatchError(
                f"Nothing of the archive is left with {self}: leave out one of these.",
                code="nothing-left",
            )
        return ArchiveRows(films, rows.left_out, rows.unwanted)

    def _as_named(self, footage: Footage) -> Footage:
        """Return footage with the place first that is asked for, where it lies at several."""
        named = [term.value for term in self.only if term.kind == "footage"]
        if not named or len(footage.locations) < 2:
            return footage
        first = sorted(
            footage.locations, key=lambda p: not any(_names_location(t, p) for t in named)
        )
        return replace(footage, locations=tuple(first))

    def __str__(self) -> str:
        options = [("only", term) for term in self.only]
        options += [("exclude", term) for term in self.exclude]
        return ", ".join(f"{option} {term.written!r}" for option, term in options)


def parse_terms(only: Sequence[str], exclude: Sequence[str]) -> Filter:
    """Return the filter that these terms describe.

    Raises `UsageError` where one is empty or of no known kind.
    """
    return Filter(tuple(map(_term, only)), tuple(map(_term, exclude)))


def named_footage(text: str, footage: Iterable[Footage]) -> list[Footage]:
    """Return the footage that a file name, path, folder, title or glob names.

    Raises `UsageError` with names that are close where there is none.
    """
    films = list(footage)
    found = [film for film in films if _names(text, film)]
    if found:
        return found
    there = [location.path.name for film in films for location in film.locations]
    titles = [film.slate.title for film in films if film.slate.title]
    raise UsageError(f"No footage matches {text!r}; {_instead(text, there, titles)}")


def _term(written: str) -> Term:
    text = written.strip()
    if not text:
        raise UsageError("A term of the filter is empty: name a file, a title or a bin.")
    if text.casefold() in _TONES:
        return Term(text, "tone", _TONES[text.casefold()])
    prefix, colon, value = text.partition(":")
    # One letter before a colon is a drive; a prefix has no sign of a path in it.
    if not colon or not re.fullmatch(r"\w{2,}", prefix) or Path(text).exists():
        return Term(text, "footage", text)
    kind = _PREFIXES.get(prefix.casefold())
    if kind is None:
        raise UsageError(
            f"There is no {prefix + ':'!r} to choose by: write bw, colour, licence:TEXT, "
            "author:TEXT, title:TEXT, bin:NAME, tag:WORD, word:NAME, or name a file."
        )
    if not value.strip():
        raise UsageError(f"{prefix + ':'!r} needs something behind it, as in {_EXAMPLES[kind]}.")
    return Term(text, kind, value.strip())


_EXAMPLES = {
    "licence": "licence:cc0",
    "author": "author:lumière",
    "title": "title:train",
    "bin": "bin:trains",
    "tag": "tag:close-up",
    "word": "word:mother",
}


def _shots_of(
    term: Term,
    rows: ArchiveRows,
    bins: Shots,
    is_grey: IsGrey | None,
    words: WordShots | None,
) -> AbstractSet[ShotRef]:
    """Return the shots for which a term holds."""
    if term.kind == "tone":
        grey = is_grey or (lambda film, shot: shot.index in film.grey)
        return {
            film.ref(shot)
            for film in rows.films
            for shot in film.shots
            if grey(film, shot) == (term.value == "bw")
        }
    if term.kind == "word":
        if words is None:
            raise UsageError(f"No word was taught yet, so not {term.value!r}.", code="word-missing")
        return words(term.value, rows)
    if term.kind == "bin":
        return _bin(term.value, bins)
    return {film.ref(shot) for film in _films_of(term, rows) for shot in film.shots}


def _films_of(term: Term, rows: ArchiveRows) -> list[ArchiveFilm]:
    """Return the films for which a term about whole films holds."""
    found = [film for film in rows.films if _holds(term, film.footage)]
    if found:
        return found
    footage = [film.footage for film in rows.films]
    for film, reason in rows.left_out:
        if _holds(term, film):
            raise UsageError(f"{film.path.name} ({term.written!r}) cannot be used: {reason}")
    if term.kind == "footage":
        named_footage(term.value, footage)
    there = {str(getattr(film.slate, term.kind)) for film in footage} - {""}
    raise UsageError(
        f"No footage has {term.value!r} in its {term.kind}; {_instead(term.value, sorted(there))}"
        if there
        else f"No footage of the archive has a {term.kind}: {term.written!r} cannot be told."
    )


def _bin(name: str, bins: Shots) -> AbstractSet[ShotRef]:
    by_name = {known.casefold(): known for known in bins}
    known = by_name.get(name.casefold())
    if known is None:
        if not bins:
            raise UsageError(f"There is no bin {name!r}.", code="bin-missing")
        raise UsageError(f"There is no bin {name!r}; {meant(name, sorted(bins))}")
    if not bins[known]:
        raise UsageError(f"The bin {known!r} is empty.", code="bin-empty")
    return bins[known]


def _holds(term: Term, footage: Footage) -> bool:
    if term.kind == "footage":
        return _names(term.value, footage)
    return term.value.casefold() in str(getattr(footage.slate, term.kind)).casefold()


def _names(text: str, footage: Footage) -> bool:
    """Return whether a text names footage, by any of its places or by its title."""
    wanted = text.casefold()
    title = footage.slate.title.casefold()
    if wanted == title or any(_names_location(text, location) for location in footage.locations):
        return True
    return _is_glob(text) and bool(title) and fnmatchcase(title, _glob(wanted))


def _names_location(text: str, location: Location) -> bool:
    wanted = text.casefold()
    whole = os.path.normpath(Path(text).absolute()).casefold()
    name, path = location.path.name.casefold(), str(location.path).casefold()
    if wanted in (name, location.path.stem.casefold()) or path == whole:
        return True
    if path.startswith(whole.rstrip(os.sep) + os.sep):
        return True
    return _is_glob(text) and fnmatchcase(path if os.sep in text else name, _glob(wanted))


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _glob(text: str) -> str:
    """Return a glob of paths from the root on; a glob of names stays as it is."""
    if os.sep not in text or text.startswith("*"):
        return text
    return os.path.normpath(Path(text).absolute())


def _instead(text: str, there: Sequence[str], more: Sequence[str] = ()) -> str:
    """Return a phrase on what the archive has instead, the closest first where some are close."""
    if not there:
        return "the archive is empty."
    names = {Path(name).stem.casefold(): name for name in there}
    names |= {name.casefold(): name for name in (*more, *there)}
    close = difflib.get_close_matches(text.casefold(), names, _LISTED)
    said = list(dict.fromkeys(names[key] for key in close)) or [*there[:_LISTED]]
    rest = " and others" if not close and len(there) > _LISTED else ""
    return f"the archive has {', '.join(said)}{rest}."
