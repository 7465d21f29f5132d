"""What to look for in the archive, for every verb that finds something: an example or a bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuleshov.cli.common import TIME, Networks, progress

if TYPE_CHECKING:
    from kuleshov.archive.archive import Archive
    from kuleshov.features.tags import Tag
    from kuleshov.match.candidates import Candidate, MatchOptions
    from kuleshov.match.filters import Filter
    from kuleshov.match.lexicon import Lexicon
    from kuleshov.match.rows import Film
    from kuleshov.match.words import Understood

__all__ = ["Asked", "Found", "asked_options", "asked_options_or_none", "find"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """What is looked for: words, an example (a part of a film, or a picture), or a bin."""

    words: str | None = None
    like: Path | None = None
    begin: Fraction = Fraction(0)
    length: Fraction = Fraction(2)
    bin: str | None = None
    drift: float = 0.0

    def __post_init__(self) -> None:
        given = [part for part in (self.words, self.like, self.bin) if part is not None]
        if len(given) != 1:
            raise click.UsageError('Say what to look for: "WORDS", --like FILE or --bin NAME, one.')
        if self.words is not None and not self.words.strip():
            raise click.UsageError("The words to look for are empty.")
        if self.length <= 0:
            raise click.UsageError("--for must be above 0.")
        if not 0 <= self.drift <= 1:
            raise click.UsageError(f"--drift lies between 0 and 1, not at {self.drift:g}.")
        if self.drift and self.words is None:
            raise click.UsageError("--drift leads away from words: say some.")

    @property
    def name(self) -> str:
        """What people would call it."""
        return self.words or self.bin or (self.like.stem if self.like is not None else "")


@dataclass(frozen=True)
class Found:
    """The clips found, best first, what is to be said about them, the tags of the example,
    and what words were taken to mean."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    understood: Understood | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """What to say to the person: the notes, and what words were taken to mean."""
        heard = () if self.understood is None else (f"Understood: {self.understood}.",)
        return (*heard, *self.notes)


def asked_options(function: F) -> F:
    """`WORDS`, `--like`, `--at`, `--for`, `--bin`, `--drift`; the command gets them as `asked`."""
    return _options(function, needed=True)


def asked_options_or_none(function: F) -> F:
    """The same for a verb that also finds by itself: `asked` is None where nothing is given."""
    return _options(function, needed=False)


def _options(function: F, *, needed: bool) -> F:
    @click.argument("words", required=False)
    @click.option("--like", type=click.Path(path_type=Path), help="A film or picture to look like.")
    @click.option("--at", type=TIME, default="0", show_default=True, help="Where in the example.")
    @click.option(
        "--for", "length", type=TIME, default="2", show_default=True, help="How long, in s."
    )
    @click.option("--bin", "bin_name", metavar="NAME", help="All shots of a bin.")
    @click.option(
        "--drift",
        type=float,
        default=0.0,
        show_default=True,
        help="Of WORDS: 0 what they mean, up to 1 what the machine takes for it.",
    )
    @wraps(function)
    def command(
        *args: Any,
        words: str | None,
        like: Path | None,
        at: Fraction,
        length: Fraction,
        bin_name: str | None,
        drift: float,
        **others: Any,
    ) -> Any:
        given = needed or drift or any(one is not None for one in (words, like, bin_name))
        asked = Asked(words, like, at, length, bin_name, drift) if given else None
        return function(*args, asked=asked, **others)

    return command  # type: ignore[return-value]


def find(
    asked: Asked,
    duration: Fraction,
    archive: Archive,
    loaded: Networks,
    match: MatchOptions,
    filters: Filter,
) -> Found:
    """The clips of `duration` seconds that answer, best first, at most `match.candidates`.

    Where a shot is shorter the clip is, too: its `held` says by how much. Of a bin, in the order of
    the archive, the middle of each shot is given. Raises `MatchError` where there is nothing.
    """
    from kuleshov.archive.sources import described
    from kuleshov.cli import work
    from kuleshov.features.analyse import SOURCE_GRID
    from kuleshov.features.tagging import tag_shot
    from kuleshov.match.filters import parse_terms
    from kuleshov.match.search import find_like, middles
    from kuleshov.match.words import find_words
    from kuleshov.media.pictures import as_film
    from kuleshov.timecode import TimeRange

    rows = work.offered(archive, loaded, filters)
    if asked.bin is not None:
        held = parse_terms([f"bin:{asked.bin}"], []).apply(rows, archive.catalogue.bins())
        return Found(tuple(middles(held, duration)[: match.candidates]))
    if asked.words is not None:
        lexicon, tags = _lexicon(loaded), _kept(archive)
        with progress() as bars:
            bars.add_task("searching", total=None, speed="")
            answer = find_words(
                asked.words, duration, rows, match, asked.drift, lexicon=lexicon, tags=tags
            )
        return Found(answer.candidates, answer.notes, understood=answer.understood)
    assert asked.like is not None  # one of the three is given: `Asked` checks it
    span = TimeRange(asked.begin, asked.begin + asked.length)
    analyst, cache = loaded.analyst, work.source_cache()
    with progress() as bars, as_film(asked.like) as readable:
        bars.add_task(f"looking at {asked.like.name}", total=None, speed="")
        checksum = analyst.worker.checksum(asked.like)
        example = described(readable, checksum, analyst, cache, span, mirrored=match.mirror)
    # The example's own material is what one looks for, when it is there.
    options = replace(match, allow_same=True)
    with progress() as bars:
        bars.add_task("searching", total=None, speed="")
        found = find_like(example, duration, rows, loaded.reference, options)
    return Found(tuple(found), tags=tag_shot(example.features, float(asked.length), SOURCE_GRID))


def _lexicon(loaded: Networks) -> Lexicon | None:
    """The words of the encoder that was chosen, if it reads any; None for the bundled ones."""
    from kuleshov.features.encoder import ReadsWords
    from kuleshov.match.space import Space

    eyes = loaded.analyst.eyes[-1].encoder
    return Space(eyes, loaded.reference["background"]) if isinstance(eyes, ReadsWords) else None


def _kept(archive: Archive) -> Callable[[Film], Mapping[int, Sequence[Tag]]]:
    """The tags of films as the catalogue keeps them; those it does not know are measured."""
    known = archive.catalogue.tag_table.footage()

    def tags(film: Film) -> Mapping[int, Sequence[Tag]]:
        from kuleshov.match.tagged import tags_of_film

        if film.footage.checksum in known:
            return archive.catalogue.tags(film.footage.id)
        return tags_of_film(film)

    return tags
