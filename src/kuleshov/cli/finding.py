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
    from kuleshov.match.words import Named, Understood

__all__ = ["Asked", "Found", "asked_options", "asked_options_or_none", "find"]

_WIDER, _MORE = 3, 20  # times as many clips, and some more, are looked at as are wanted
_SHORTEST = Fraction(1, 5)  # s of a shot; what is shorter answers nothing

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
    named: tuple[Named, ...] = ()

    def clear(self, drift: float = 0.0) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
        """Return what answers, clips of footage with such a name first, and what to say of the
        rest. Of words what does not clearly show it is left out, unless one wants to drift away.

        Raises `MatchError` where nothing answers.
        """
        from kuleshov.errors import MatchError
        from kuleshov.match.words import CLEAR

        if self.understood is None or drift:
            return self.candidates, ()
        by_name = tuple(one.candidate for one in self.named)
        known = {(c.film.footage.id, c.shot) for c in by_name}
        seen = tuple(c for c in self.candidates if (c.film.footage.id, c.shot) not in known)
        good = tuple(c for c in seen if c.score >= CLEAR)
        # A name says nothing of how well it is seen: as well as what is seen best.
        named_as = max((c.score for c in good), default=1.0)
        by_name = tuple(replace(c, score=named_as) for c in by_name)
        if not by_name and not good:
            raise MatchError(
                f"Nothing in the archive clearly shows {self.understood.text!r}: see with "
                "`kuleshov search` what comes nearest, say it in other words, or let the machine "
                "wander from them with --drift 0.5."
            )
        said = []
        if by_name:
            said.append(f"{_shots(len(by_name))} of footage with such a name.")
        if good:
            said.append(
                f"{_shots(len(good))} {'shows' if len(good) == 1 else 'show'} it clearly; what "
                "does not is not used."
            )
        return (*by_name, *good), tuple(said)

    @property
    def told(self) -> tuple[str, ...]:
        """What to say to the person: the notes, and what words were taken to mean."""
        heard = () if self.understood is None else (f"Understood: {self.understood}.",)
        return (*heard, *self.notes)


def _shots(count: int) -> str:
    return "1 shot" if count == 1 else f"{count} shots"


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
    *,
    fold: bool = True,
) -> Found:
    """The clips of `duration` seconds that answer, best first, at most `match.candidates`.

    No two show the same frames, in one file or in copies; without `fold` they may.

    Where a shot is shorter the clip is, too: its `held` says by how much. Of a bin, in the order of
    the archive, the middle of each shot is given. Raises `MatchError` where there is nothing.
    """
    from kuleshov.archive.sources import described
    from kuleshov.cli import work
    from kuleshov.features.analyse import SOURCE_GRID
    from kuleshov.features.tagging import tag_shot
    from kuleshov.match.copies import folded
    from kuleshov.match.filters import parse_terms
    from kuleshov.match.search import find_like, middles
    from kuleshov.match.words import find_words
    from kuleshov.media.pictures import as_film
    from kuleshov.timecode import TimeRange

    # Several windows of one shot may be found, and copies of it: they are folded into one.
    wide = replace(match, candidates=_WIDER * match.candidates + _MORE) if fold else match

    def once(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
        kept = folded(found).kept if fold else tuple(found)
        return kept[: match.candidates]

    rows = work.offered(archive, loaded, filters)
    if asked.bin is not None:
        held = parse_terms([f"bin:{asked.bin}"], []).apply(rows, archive.catalogue.bins())
        return Found(once(middles(held, duration)))
    if asked.words is not None:
        lexicon, kept_tags = _lexicon(loaded), _kept(archive)
        with progress() as bars:
            bars.add_task("searching", total=None, speed="")
            answer = find_words(
                asked.words, duration, rows, wide, asked.drift, lexicon=lexicon, tags=kept_tags
            )
        kept = once(answer.candidates)
        by_name = {id(one.candidate): one for one in answer.named}
        listed = once([one.candidate for one in answer.named])
        return Found(
            kept, answer.notes, (), answer.understood, tuple(by_name[id(c)] for c in listed)
        )
    assert asked.like is not None  # one of the three is given: `Asked` checks it
    span = TimeRange(asked.begin, asked.begin + asked.length)
    analyst, cache = loaded.analyst, work.source_cache()
    with progress() as bars, as_film(asked.like) as readable:
        bars.add_task(f"looking at {asked.like.name}", total=None, speed="")
        checksum = analyst.worker.checksum(asked.like)
        example = described(readable, checksum, analyst, cache, span, mirrored=match.mirror)
    # The example's own material is what one looks for, when it is there.
    options = replace(wide, allow_same=True)
    long_enough = rows.of_shots_from(_SHORTEST)
    with progress() as bars:
        bars.add_task("searching", total=None, speed="")
        found = once(find_like(example, duration, long_enough, loaded.reference, options))
    return Found(found, tags=tag_shot(example.features, float(asked.length), SOURCE_GRID))


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
