"""Search by words: what in the archive shows this, by what a lexicon and the tags know."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MatchError, UsageError
from kuleshov.features import concepts
from kuleshov.features.faces import EXPRESSIONS, expressions_of
from kuleshov.features.tags import WORDS, Tag
from kuleshov.match.candidates import Candidate, MatchOptions, clip_around
from kuleshov.match.lexicon import LEAST_KNOWN, Classes, Lexicon, Question
from kuleshov.match.names import Naming, named
from kuleshov.match.phrases import PHRASES, Asking, Wanted, parse
from kuleshov.match.rows import ArchiveRows, Film
from kuleshov.match.scenes import SCENES
from kuleshov.match.tagged import tags_of_film

__all__ = ["CLEAR", "Answer", "Named", "Understood", "find_words"]

Array = NDArray[np.float32]
TagsOf = Callable[[Film], Mapping[int, Sequence[Tag]]]

_SOFT = 0.5  # how far the best rows of a shot count above the others; towards 0 all count alike
_TAGS = 1.5  # weight of a tag's log odds beside those of what is to be seen
_DOUBT = 0.08  # of a tag's share: so much is uncertain
_CAPPED = 6.0  # log odds of what is to be seen, either way, that count
_NO_MORE = 0.5  # log odds from which it speaks against a shot that it shows what it must not
_RISING = {"scale": -1, "speed": 1, "light": 1, "contrast": 1, "length": 1}
"""Kinds whose measured value grows with the order of their words, or falls."""
_GRADED = 0.5  # log odds between the shot that is most of a kind and the middle one
_SLOPE, _OFFSET = 0.92, -3.17
CLEAR = 0.35
"""Score from which a shot is said to show what was asked for. The best of many shots is right less
often than its score says. On the tuning half of the benchmark 10 of 14 best answers above are
right, 6 of 18 below; from 0.15 on it was 16 of 30. Held out: 12 of 17, and 16 of 29."""
_SHORTEST = Fraction(1, 5)  # s; what is shorter is not seen, and answers nothing
_GUESSED = 1.5  # log odds lost where all but one of many words are only guessed: see `_unsure`
_SPELLED = 0.8  # likeness of two spellings
_SPOKEN = 6  # names that a sentence lists


@dataclass(frozen=True)
class Understood:
    """What the words were taken to mean: `seen` the names of what is looked for in pictures,
    `against` the same of what must not be in them, `tags` what shots must be or not."""

    text: str
    seen: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    tags: tuple[Wanted, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.text}: {', '.join(self.seen)}"] if self.seen else []
        if self.against:
            parts.append(f"against {', '.join(self.against)}")
        parts += [f"not {wanted}" if wanted.negated else str(wanted) for wanted in self.tags]
        return "; ".join(parts)

    def as_data(self) -> dict[str, object]:
        """For a program to read."""
        return {
            "text": self.text,
            "seen": list(self.seen),
            "against": list(self.against),
            "tags": [
                {
                    "said": wanted.said,
                    "not": wanted.negated,
                    "words": [
                        {"kind": kind, "word": word, "weight": weight}
                        for (kind, word), weight in wanted.words.items()
                    ],
                }
                for wanted in self.tags
            ],
        }


@dataclass(frozen=True)
class Named:
    """A clip of footage whose name holds the words."""

    candidate: Candidate
    naming: Naming


@dataclass(frozen=True)
class Answer:
    """The clips found, best first, what was understood, and what is to be said about it; apart from
    them `named`, clips of footage whose names hold the words."""

    candidates: tuple[Candidate, ...]
    understood: Understood
    notes: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, repr=False)
class _Asked:
    """The questions to rows, and the tags wanted."""

    seen: Question | None
    against: tuple[Question, ...]
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True)
class _Hit:
    """A shot and what speaks for it. `row` is the media time of its best row, None for any."""

    total: float
    film: int
    shot: int
    row: float | None
    facets: Mapping[str, float]


def find_words(
    text: str,
    duration: Fraction,
    archive: ArchiveRows,
    options: MatchOptions = MatchOptions(),
    drift: float = 0.0,
    *,
    lexicon: Lexicon | None = None,
    tags: TagsOf | None = None,
) -> Answer:
    """The clips of `duration` seconds that show what a text says, one of each shot, best first.

    A shot's score adds log odds: of what is to be seen, by the `lexicon`, pooled softly over its
    rows, and of the tags wanted, by how far each holds. What must not be there takes away. Nothing
    is filtered out, so that there is always an answer. `drift` (0 to 1) leads away from what the
    words mean to what the machine takes for it. `tags` gives a film's tags by number of the shot,
    where they are known already.

    Raises `UsageError` where nothing of the text is understood, `MatchError` where the archive
    offers nothing.
    """
    if not 0 <= drift <= 1:
        raise UsageError(f"--drift lies between 0 and 1, not at {drift:g}.")
    if not any(film.shots for film in archive.films):
        raise MatchError("The archive offers no shots: add footage with `kuleshov index FOLDER`.")
    known = lexicon if lexicon is not None else Classes()
    by_name = _by_name(text, archive, duration, options.candidates)
    try:
        said = parse(text, known.knows)
        asking, notes = _known(said, text, known)
    except UsageError as error:
        if not by_name:
            raise
        return Answer((), Understood(text), (str(error),), by_name)
    asked = _Asked(
        known.ask(asking.text, asking.words, drift) if asking.text else None,
        tuple(known.ask(word) for word in asking.against),
        asking.wanted,
    )
    if (asked.seen or asked.against) and known.facet not in archive.facets:
        raise MatchError(
            f"The archive holds no {known.facet} yet: run `kuleshov index` on its footage again."
        )
    hits = _hits(asked, archive, known.facet, tags or tags_of_film, _unsure(said, known))
    best = sorted(hits, key=lambda hit: (-hit.total, hit.film, hit.shot))[: options.candidates]
    understood = Understood(
        asking.text,
        asked.seen.names[:_SPOKEN] if asked.seen else (),
        tuple(
            f"{w}: {', '.join(q.names[:3])}"
            for w, q in zip(asking.against, asked.against, strict=True)
        ),
        asking.wanted,
    )
    parts = max(1, bool(asked.seen) + len(asked.against) + len(asked.wanted))
    found = tuple(_candidate(hit, archive, duration, parts) for hit in best)
    if found and found[0].score < CLEAR:
        notes = (*notes, "Nothing in the archive clearly shows this; these come nearest.")
    return Answer(found, understood, notes, by_name)


def _by_name(text: str, archive: ArchiveRows, duration: Fraction, most: int) -> tuple[Named, ...]:
    """The middle of each shot of the footage whose names hold the words."""
    found: list[Named] = []
    for film in archive.films:
        naming = named(text, film.footage) if film.shots else None
        if naming is None:
            continue
        for shot in film.shots:
            if film.core(shot).duration < _SHORTEST:
                continue
            media, core = clip_around(film, shot.index, duration)
            candidate = Candidate(
                *(film, shot.index, media, core, False, 0.0, 1.0, {"name": 1.0}),
                held=duration - media.duration,
            )
            found.append(Named(candidate, naming))
            if len(found) >= most:
                return tuple(found)
    return tuple(found)


def _unsure(asking: Asking, lexicon: Lexicon) -> float:
    """Log odds that answers lose because a part of what was asked is only guessed.

    Of the Eiffel Tower a tower is known: what shows any tower is no good answer. A text of which
    every word is guessed loses nothing; those are found as well as others.
    """
    if not asking.words:
        return 0.0
    guessed = sum(not lexicon.sure(word) for word in asking.words)
    return _GUESSED * guessed / len(asking.words) if guessed < len(asking.words) else 0.0


def _known(asking: Asking, text: str, lexicon: Lexicon) -> tuple[Asking, tuple[str, ...]]:
    """What of it the lexicon knows, and notes of what it does not."""
    unknown, notes = [], []
    for word in (*asking.words, *asking.against):
        like, near = lexicon.near(word)
        reads = lexicon.reads(word)
        meant = "" if reads else _spelled(word)
        if like < LEAST_KNOWN or meant:
            unknown.append(word)
            instead = f"did you mean {meant}?" if meant else f"near it: {', '.join(near[:3])}"
            notes.append(f"{word!r} is not understood and left out; {instead}")
        elif not reads:
            notes.append(f"{word!r} is no word that is known; taken for {', '.join(near[:3])}.")
    words = tuple(word for word in asking.words if word not in unknown)
    against = tuple(word for word in asking.against if word not in unknown)
    if not words and not against and not asking.wanted:
        near = lexicon.near(text)[1][:3]
        if meant := " or ".join(filter(None, map(_spelled, unknown))):
            raise UsageError(f"Nothing of {text!r} is understood: did you mean {meant}?")
        raise UsageError(
            f"Nothing of {text!r} is understood: say what is to be seen in other words"
            + (f" (nearest are {', '.join(near)})" if near else "")
            + ", or how: close-up, slow, at night, two people."
        )
    said = asking.text if not unknown else " ".join(words)
    return Asking(said, words, against, asking.wanted), tuple(notes)


def _spelled(word: str) -> str:
    """Known words that are spelled nearly so; none where there are none."""
    known = {*PHRASES, *SCENES, *(name.casefold() for name in concepts.names())}
    close = difflib.get_close_matches(word.casefold(), sorted(known), 2, _SPELLED)
    return " or ".join(repr(one) for one in close)


def _hits(
    asked: _Asked, archive: ArchiveRows, facet: str, tags: TagsOf, unsure: float = 0.0
) -> list[_Hit]:
    """Every shot with what speaks for it."""
    seen = _looked_at(asked, archive, facet) if asked.seen or asked.against else {}
    known = [tags(film) if asked.wanted and film.shots else {} for film in archive.films]
    grades = [_Grade(wanted, known) for wanted in asked.wanted if not wanted.negated]
    hits = []
    for number, (film, held) in enumerate(zip(archive.films, known, strict=True)):
        moments = _moments(asked.wanted, film)
        for shot in film.shots:
            if film.core(shot).duration < _SHORTEST:
                continue
            total, row = 0.0, None
            facets: dict[str, float] = {}
            if (number, shot.index) in seen:
                odds, row = seen[number, shot.index]
                odds -= unsure
                total += odds
                facets["words"] = _likely(odds)
            if asked.wanted:
                own = held.get(shot.index, ())
                total += sum(grade(own) for grade in grades)
                best = [moments.get((n, shot.index)) for n in range(len(asked.wanted))]
                shares = [_held(w, own, m) for w, m in zip(asked.wanted, best, strict=True)]
                row = next((moment[1] for moment in best if moment is not None), row)
                total += _TAGS * sum(_odds(share) for share in shares)
                facets["tags"] = float(np.mean(shares))
            hits.append(_Hit(total, number, shot.index, row, facets))
    return hits


def _looked_at(
    asked: _Asked, archive: ArchiveRows, facet: str
) -> dict[tuple[int, int], tuple[float, float]]:
    """For each shot, by film and number, the log odds of what is to be seen, and where best."""
    found = {}
    for block in archive.blocks([facet]):
        if not len(block.number) or not len(block.time):
            continue
        rows = block.rows[facet]
        bits = np.zeros(len(rows), np.float32)
        if asked.seen is not None:
            bits += asked.seen.bits(rows)
        for question in asked.against:
            bits -= np.maximum(question.bits(rows) - _NO_MORE, 0)
        # A shot that lies between two rows is read by the next.
        first = np.minimum(block.first, len(rows) - 1)
        for index, (begin, count) in enumerate(
            zip(first.tolist(), block.count.tolist(), strict=True)
        ):
            part = bits[begin : begin + max(count, 1)]
            odds = math.log(float(np.mean(np.exp(_SOFT * part)))) / _SOFT
            where = float(block.time[begin + int(part.argmax())])
            key = (int(block.film[index]), int(block.number[index]))
            found[key] = (max(-_CAPPED, min(_CAPPED, odds)), where)
    return found


class _Grade:
    """How far beyond others a shot is what is wanted: of all that are dark, the darkest first."""

    def __init__(self, wanted: Wanted, known: Sequence[Mapping[int, Sequence[Tag]]]) -> None:
        best = {kind: word for (kind, word), weight in wanted.words.items() if weight == 1}
        self._ways = {kind: _way(kind, word) for kind, word in best.items() if kind in _RISING}
        self._values = {
            kind: np.sort([v for held in known for tags in held.values() for v in _of(kind, tags)])
            for kind in self._ways
        }

    def __call__(self, tags: Sequence[Tag]) -> float:
        """Log odds, at most `_GRADED` either way."""
        total = 0.0
        for kind, way in self._ways.items():
            for value in _of(kind, tags):
                values = self._values[kind]
                below = np.searchsorted(values, value, "left") + np.searchsorted(
                    values, value, "right"
                )
                total += way * _GRADED * (float(below) / len(values) - 1)
        return total


def _way(kind: str, word: str) -> int:
    """1 where a greater value is more of this word, -1 where a smaller one is, 0 where neither."""
    words = WORDS[kind]
    place, middle = words.index(word), (len(words) - 1) / 2
    return _RISING[kind] * ((place > middle) - (place < middle))


def _of(kind: str, tags: Sequence[Tag]) -> list[float]:
    return [tag.value for tag in tags if tag.kind == kind and tag.value is not None][:1]


def _moments(wanted: Sequence[Wanted], film: Film) -> dict[tuple[int, int], tuple[float, float]]:
    """Of expressions that are wanted, by number in `wanted` and of the shot: how far the best
    moment has it, and its media time. A tag tells of the whole shot; a face may smile in the end.
    """
    found: dict[tuple[int, int], tuple[float, float]] = {}
    if "faces" not in film.rows:
        return found
    for number, each in enumerate(wanted):
        weights = np.array([each.words.get(("expression", name), 0.0) for name in EXPRESSIONS])
        if each.negated or not weights.any():
            continue
        shown = expressions_of(film.rows["faces"]) @ weights
        edges, _ = film.edges()
        for shot, (first, end) in zip(film.shots, edges.tolist(), strict=True):
            begin = min(first, len(shown) - 1)
            part = shown[begin : max(end, begin + 1)]
            # A face that is taken for something in one picture only often is not.
            steady = (part[1:] + part[:-1]) / 2 if len(part) > 1 else part / 2
            best = int(steady.argmax())
            time = (begin + best + (0.5 if len(part) > 1 else 0.0)) / film.grid
            found[number, shot.index] = (float(steady[best]), time)
    return found


def _held(wanted: Wanted, tags: Sequence[Tag], moment: tuple[float, float] | None) -> float:
    share = max(wanted.share(tags), moment[0] if moment is not None else 0.0)
    return 1 - share if wanted.negated else share


def _odds(share: float) -> float:
    return math.log((share + _DOUBT) / (1 - share + _DOUBT))


def _likely(odds: float) -> float:
    """How likely people agree, by log odds that do not know how rare an answer is: fitted on the
    tuning half of the benchmark's queries, where it lowers the log loss of the other half from 0.42
    to 0.10 (always the same guess: 0.13)."""
    odds = _SLOPE * odds + _OFFSET
    return 1 / (1 + math.exp(-odds))


def _candidate(hit: _Hit, archive: ArchiveRows, duration: Fraction, parts: int) -> Candidate:
    """The clip of a shot, around its best row."""
    film = archive.films[hit.film]
    row = None if hit.row is None else Fraction(hit.row).limit_denominator(1000)
    media, core = clip_around(film, hit.shot, duration, row)
    return Candidate(
        film=film,
        shot=hit.shot,
        media=media,
        usable=core,
        mirrored=False,
        strength=hit.total / math.log(2),
        score=_likely(hit.total / parts),
        facets=hit.facets,
        held=duration - media.duration,
    )
