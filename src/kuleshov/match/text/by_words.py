"""Search by words: find what shows them, by what a lexicon and the tags know."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveFilm, ArchiveRows, RowBlock
from kuleshov.archive.shot_tags import tags_of
from kuleshov.errors import MatchError, UsageError
from kuleshov.features import concepts
from kuleshov.features.faces import EXPRESSIONS, expressions_of
from kuleshov.features.facet import FACES, SUBJECT, THINGS
from kuleshov.features.tags import WORDS, Tag
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.align.candidates import Candidate, MatchOptions, clip_around, nothing_offered
from kuleshov.match.text.film_words import SCENES
from kuleshov.match.text.grounds import ASKED, GROUNDS, Ground, ground_of
from kuleshov.match.text.lexicon import LEAST_KNOWN, ClassLexicon, Lexicon, Question
from kuleshov.match.text.looks import LOOKED
from kuleshov.match.text.names import Naming, named
from kuleshov.match.text.objects import OBJECTS, ObjectQuestion, Relation, object_of, relation_of
from kuleshov.match.text.phrases import (
    CLOSE,
    FAR,
    PHRASES,
    TextPart,
    TextRequest,
    WantedTags,
    parse,
)
from kuleshov.notes import Note

__all__ = ["CLEAR", "Named", "Understood", "WordsFound", "find_words"]

Array = NDArray[np.float32]
TagsOf = Callable[[ArchiveFilm], Mapping[int, Sequence[Tag]]]

_SOFT = 0.5  # how far the best rows of a shot count above the others; towards 0 all count alike
_TAGS = 1.5  # weight of a tag's log odds beside those of what is to be seen
_DOUBT = 0.08  # of a tag's share: so much is uncertain
_CAPPED = 6.5  # log odds of what is to be seen, either way, that count
_LOOK = 0.75  # how much it counts what a text looks like, beside the classes that it means
_SEEN = 0.8  # weight of the log odds that a detector found it, beside classes and looks
_GROUND = 0.5  # how much a ground counts where one is meant, beside classes and looks
_WHOLE = 0.3  # how much it counts what the whole text looks like, beside its parts
_RARE = 3.0  # bits: from one shot in so many on, a tag beside a thing counts in full
_BESIDE = 1.0  # weight of the log odds of a tag beside things, where it is rare
_BOTH = 0.3  # how far of several parts the one that is least seen decides
_NO_MORE = 0.5  # log odds from which it speaks against a shot that it shows what it must not
_RISING = {"scale": -1, "speed": 1, "light": 1, "contrast": 1, "length": 1}
"""Kinds whose measured value grows with the order of their words, or falls."""
_GRADED = 0.5  # log odds between the shot that is most of a kind and the middle one
_LARGER = 0.05  # log odds of a face as high as the picture: of shots of people equally sure
_SLOPE, _OFFSET = 0.45, -2.48
_CLASS_SLOPE, _CLASS_OFFSET = 0.92, -3.17
"""Of log odds that classes and tags give, without what words look like."""
_NOWHERE = 2.0
"""Log odds that all answers lose for each that even the surest shot loses by doubt: what nothing of
the archive clearly shows is less likely there at all. The order stays."""
CLEAR = 0.35
"""Score from which a shot is said to show what was asked for. The best of many shots is right less
often than its score says. On the tuning half of the benchmark 9 of 10 best answers above are
right, 7 of 19 below; held out 12 of 15, and 5 of 15."""
_SHORTEST = Fraction(1, 5)  # s; what is shorter is not seen, and answers nothing
_GUESSED = 1.5  # log odds lost where all but one of many words are only guessed: see `_unsure`
_ENOUGH, _THIN, _THINNEST = 0.5, 0.8, 1.0
"""Probability of all that is meant below which an answer loses log odds, this much for each unit of
its logarithm, and the most that it loses. What is merely less unlikely than elsewhere is not there:
on the tuning half and 30 words for what is not in the footage, best answers called clear were wrong
3 times before, now once, and 10 times of the 30, now 2; held out 5 to 3, and 8 of 30 to 2."""
_ALONE, _LONELY = 0.02, 1.5
"""Probability of the other classes that a broad word means below which an answer loses so many log
odds: a bookcase is also a bit of a library, but a painted face is like a comic book alone."""
_SPELLED = 0.8  # likeness of two spellings
_SPOKEN = 6  # names that a sentence lists


@dataclass(frozen=True)
class Understood:
    """A record of what words were taken to mean.

    `seen` names what is looked for in pictures, `against` what must not be in them, `tags` what
    shots must be or not.
    """

    text: str
    seen: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    tags: tuple[WantedTags, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.text}: {', '.join(self.seen)}"] if self.seen else []
        if self.against:
            parts.append(f"against {', '.join(self.against)}")
        parts += [f"not {wanted}" if wanted.negated else str(wanted) for wanted in self.tags]
        return "; ".join(parts)

    @property
    def wanted(self) -> str:
        """The question in a few words."""
        tags = (f"not {one.said}" if one.negated else one.said for one in self.tags)
        return self.text or ", ".join(tags) or ", ".join(self.against)

    def as_data(self) -> dict[str, object]:
        """Return it as data for a program."""
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

    hit: Candidate
    naming: Naming


@dataclass(frozen=True)
class WordsFound:
    """An answer to words: the clips found, best first, what was understood, and notes.

    Apart from them, `named` are clips of footage whose names hold the words.
    """

    hits: tuple[Candidate, ...]
    understood: Understood
    notes: tuple[Note, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, repr=False)
class Sought:
    """A part of what is looked for in pictures: a question to the rows of `facet`.

    `look` is a second witness, asked of the rows of the facet subject, `seen` a third, asked of
    those of the facet things, and where what is meant is a ground, `ground` decides.
    """

    question: Question
    facet: str
    look: Question | None = None
    seen: ObjectQuestion | None = None
    ground: Ground | None = None

    @property
    def facets(self) -> tuple[str, ...]:
        """The facets whose rows are asked."""
        more = [SUBJECT] if self.look is not None else []
        more += [THINGS] if self.seen is not None else []
        more += ASKED if self.ground is not None else ()
        return (self.facet, *dict.fromkeys(more))

    def bits(self, rows: Mapping[str, Array]) -> Array:
        """Return the log odds of n rows, (n,)."""
        own = self.question.bits(rows[self.facet])
        if self.look is not None:
            own = (1 - _LOOK) * own + _LOOK * self.look.bits(rows[SUBJECT])
        if self.ground is not None:
            own = (1 - _GROUND) * own + _GROUND * self.ground.bits(_side_by_side(rows))
        if self.seen is not None:
            own = own + _SEEN * self.seen.bits(rows[THINGS])
        return np.asarray(own, np.float32)

    def shares(self, rows: Mapping[str, Array]) -> Array | None:
        """Return how likely n rows show it, as `Question.shares` does: by any of the witnesses."""
        told = [self.question.shares(rows[self.facet])]
        told += [] if self.seen is None else [self.seen.shares(rows[THINGS])]
        told += [] if self.ground is None else [self.ground.shares(_side_by_side(rows))]
        if told[0] is None:
            return None
        absent = [1 - np.minimum(share, 1) for share in told if share is not None]
        return np.asarray(1 - np.prod(absent, axis=0), np.float32)


def _side_by_side(rows: Mapping[str, Array]) -> Array:
    return np.concatenate([rows[facet] for facet in ASKED], axis=1)


@dataclass(frozen=True, repr=False)
class _Asked:
    """The questions to put to rows, and the tags wanted."""

    seen: tuple[Sought, ...]
    whole: Question | None
    against: tuple[Sought, ...]
    wanted: tuple[WantedTags, ...]
    related: tuple[Relation, ...] = ()

    @property
    def looks(self) -> bool:
        """Whether it is asked what something looks like."""
        return any(SUBJECT in part.facets for part in self.seen)


@dataclass(frozen=True)
class _Hit:
    """A shot and what speaks for it; `row` is the media time of its best row, None for any."""

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
    taught: Mapping[str, Question] | None = None,
    alike: Question | None = None,
    job: Job = QUIET,
) -> WordsFound:
    """Return the clips of `duration` seconds that show what a text says, one a shot, best first.

    A shot's score adds log odds: of what is to be seen, by the `lexicon`, pooled softly over its
    rows, and of the tags wanted, by how far each holds. What must not be there takes away. Nothing
    is filtered out, so that there is always an answer. `drift` (0 to 1) leads away from what the
    words mean to what the machine takes for it. `tags` gives a film's tags by number of the shot,
    where they are known already. `taught` are questions to the rows of the facet subject for words
    that a person taught, as `phrases.spelled` writes them; `alike` is one for answers that were
    picked, asked beside the words.

    Raises `UsageError` where nothing of the text is understood, `MatchError` where the archive
    offers nothing.
    """
    if not 0 <= drift <= 1:
        raise UsageError(f"drift lies between 0 and 1, not at {drift:g}.", option="drift")
    if not any(film.shots for film in archive.films):
        raise nothing_offered(archive)
    known = lexicon if lexicon is not None else ClassLexicon()
    by_name = _by_name(text, archive, duration, options.candidates, job)
    try:
        # The first words wait for the network that reads them.
        own = taught or {}
        said = stoppable(lambda: parse(text, _knows(known), own.__contains__), job)
        asking, notes = stoppable(lambda: _known(said, text, known), job)
    except UsageError as error:
        if not by_name:
            raise
        said_of_it = Note("not-understood", str(error), {"text": text})
        return WordsFound((), Understood(text), (said_of_it,), by_name)
    looks, things = _looked(archive), THINGS in archive.facets
    grounds = looks and archive.facets.issuperset(ASKED)
    asked = stoppable(
        lambda: _asked(*(asking, text, known, drift), looks=looks, things=things, grounds=grounds),
        job,
    )
    asked = _with_taught(asked, [own[name] for name in asking.taught], asking.untaught, own, alike)
    needed = {facet for part in (*asked.seen, *asked.against) for facet in part.facets}
    if lacking := sorted(needed - archive.facets):
        raise MatchError(
            f"The archive holds no {lacking[0]} yet: index its footage again.", code="index-again"
        )
    unsure = _unsure(said, known)
    hits = _hits(asked, archive, tags, unsure, job)
    best = sorted(hits, key=lambda hit: (-hit.total, hit.film, hit.shot))[: options.candidates]
    understood = Understood(
        ", ".join(filter(None, (*asking.taught, asking.text))),
        _names(asked.seen),
        tuple(
            f"{w}: {', '.join(q.names[:3])}"
            for w, q in zip(
                (*asking.against, *asking.untaught),
                (part.question for part in asked.against),
                strict=True,
            )
        ),
        asked.wanted,
    )
    parts = 1 if asked.looks else max(1, bool(asked.seen) + len(asked.against) + len(asked.wanted))
    found = tuple(
        _candidate(hit, archive, duration, _likely(hit.total / parts, looks=asked.looks))
        for hit in best
    )
    if found and found[0].score < CLEAR:
        unclear = "Nothing in the archive clearly shows this; these come nearest."
        notes = (*notes, Note("nothing-clear", unclear))
    return WordsFound(found, understood, notes, by_name)


def _knows(known: Lexicon) -> Callable[[str], bool]:
    """Return what tells the names of things: the lexicon's, and those of objects and grounds."""
    return lambda text: known.knows(text) or text in GROUNDS or (" " in text and text in OBJECTS)


def _with_taught(
    asked: _Asked,
    wanted: Sequence[Question],
    unwanted: Sequence[str],
    own: Mapping[str, Question],
    alike: Question | None,
) -> _Asked:
    """Return a question with what a person taught, and what is like answers that were picked."""
    more = [Sought(one, SUBJECT) for one in (*wanted, *((alike,) if alike is not None else ()))]
    less = tuple(Sought(own[name], SUBJECT) for name in unwanted)
    return replace(asked, seen=(*asked.seen, *more), against=(*asked.against, *less))


def _looked(archive: ArchiveRows) -> bool:
    """Return whether the archive has rows of which is known what words look like in them."""
    return SUBJECT in archive.facets and all(
        film.rows[SUBJECT].shape[1:] == (LOOKED,) for film in archive.films[:1]
    )


def _names(seen: Sequence[Sought]) -> tuple[str, ...]:
    """Return what was looked for, of each part the most important first."""
    each = zip_longest(*((*filter(None, (str(p.seen or ""),)), *p.question.names) for p in seen))
    return tuple(dict.fromkeys(name for names in each for name in names if name))[:_SPOKEN]


def _asked(
    asking: TextRequest,
    said: str,
    known: Lexicon,
    drift: float,
    *,
    looks: bool,
    things: bool,
    grounds: bool,
) -> _Asked:
    """Return what a lexicon makes of a question."""
    whole = drift > 0 or known.whole or len(asking.parts) < 1
    parts = [TextPart(asking.text, asking.words)] if whole and asking.text else asking.parts
    things = things and drift == 0
    grounds = grounds and drift == 0
    said_of = {word for part in parts for word in part.words} | {w.said for w in asking.wanted}
    size, wanted = _sized(asking)
    found = [object_of(p.words, p.number, size) if things else None for p in parts]
    return _Asked(
        tuple(
            Sought(
                known.ask(p.text, p.words, drift),
                known.facet,
                known.look(p.text) if drift == 0 and looks else None,
                each,
                ground_of(p.words, said_of) if grounds else None,
            )
            for p, each in zip(parts, found, strict=True)
        ),
        known.look(said) if parts and drift == 0 and looks and not asking.taught else None,
        tuple(
            Sought(
                known.ask(w),
                known.facet,
                seen=object_of((w,)) if things else None,
                ground=ground_of((w,)) if grounds else None,
            )
            for w in asking.against
        ),
        wanted if any(found) else asking.wanted,
        _related(asking) if things else (),
    )


def _related(asking: TextRequest) -> tuple[Relation, ...]:
    """Return how objects that are asked for are to stand to each other."""
    found = (relation_of(each.one, each.join, each.other) for each in asking.relations)
    return tuple(filter(None, found))


def _sized(asking: TextRequest) -> tuple[str, tuple[WantedTags, ...]]:
    """Return how large an object is to be, and the tags that are wanted beside.

    "Close-up" says of people how large a face is, and else of an object how large that is.
    """
    about_people = any(_of_people(w) for w in asking.wanted if w.said not in CLOSE | FAR)
    said = {w.said for w in asking.wanted if not w.negated} & (CLOSE | FAR)
    if about_people or not said:
        return "", asking.wanted
    rest = tuple(w for w in asking.wanted if w.said not in said or w.negated)
    return ("close" if said & CLOSE else "far"), rest


def _by_name(
    text: str, archive: ArchiveRows, duration: Fraction, most: int, job: Job
) -> tuple[Named, ...]:
    """Return the middle of each shot of the footage whose names hold the words."""
    found: list[Named] = []
    for film in job.over(archive.films):
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


def _unsure(asking: TextRequest, lexicon: Lexicon) -> float:
    """Return the log odds that answers lose because a part of the question is only guessed.

    Of the Eiffel Tower a tower is known: what shows any tower is not a good answer. A text of which
    every word is guessed loses nothing; those are found as well as others.
    """
    if not asking.words:
        return 0.0
    guessed = sum(not (lexicon.sure(word) or _shown(word)) for word in asking.words)
    return _GUESSED * guessed / len(asking.words) if guessed < len(asking.words) else 0.0


def _shown(word: str) -> bool:
    """Return whether a word names an object or a ground, which need no class."""
    return object_of((word,)) is not None or ground_of((word,)) is not None


def _known(
    asking: TextRequest, text: str, lexicon: Lexicon
) -> tuple[TextRequest, tuple[Note, ...]]:
    """Return what the lexicon knows of a question, and notes on what it does not."""
    unknown: list[str] = []
    notes: list[Note] = []
    for word in (*asking.words, *asking.against):
        if _shown(word):
            continue
        like, near = lexicon.near(word)
        reads = lexicon.reads(word)
        meant = "" if reads else _spelled(word)
        if like < LEAST_KNOWN or meant:
            unknown.append(word)
            instead = f"did you mean {meant}?" if meant else f"near it: {', '.join(near[:3])}"
            left = f"{word!r} is not understood and left out; {instead}"
            notes.append(Note("word-not-understood", left, {"word": word}))
        elif not reads:
            taken = f"{word!r} is not a known word; taken for {', '.join(near[:3])}."
            notes.append(Note("word-guessed", taken, {"word": word, "as": list(near[:3])}))
    words = tuple(word for word in asking.words if word not in unknown)
    against = tuple(word for word in asking.against if word not in unknown)
    if not (words or against or asking.wanted or asking.taught or asking.untaught):
        near = lexicon.near(text)[1][:3]
        if meant := " or ".join(filter(None, map(_spelled, unknown))):
            raise UsageError(f"Nothing of {text!r} is understood: did you mean {meant}?")
        raise UsageError(
            f"Nothing of {text!r} is understood: say what is to be seen in other words"
            + (f" (nearest are {', '.join(near)})" if near else "")
            + ", or how: close-up, slow, at night, two people."
        )
    said = asking.text if not unknown else " ".join(words)
    parts = tuple(_without(part, unknown) for part in asking.parts)
    heard = tuple(part for part in parts if part.words)
    kept = replace(asking, text=said, words=words, against=against, parts=heard)
    return kept, tuple(notes)


def _without(part: TextPart, unknown: Sequence[str]) -> TextPart:
    """Return a part of a text without words that are not understood."""
    kept = tuple(word for word in part.words if word not in unknown)
    return part if kept == part.words else TextPart(" ".join(kept), kept)


def _spelled(word: str) -> str:
    """Return known words that are spelled nearly so; an empty text where there are none."""
    known = {*PHRASES, *SCENES, *(name.casefold() for name in concepts.names())}
    close = difflib.get_close_matches(word.casefold(), sorted(known), 2, _SPELLED)
    return " or ".join(repr(one) for one in close)


def _hits(
    asked: _Asked, archive: ArchiveRows, tags: TagsOf | None, unsure: float, job: Job
) -> list[_Hit]:
    """Return every shot with what speaks for it."""
    seen = _looked_at(asked, archive, job) if asked.seen or asked.against else {}
    with job.step("reading tags", of=len(archive.films), unit="films") as step:
        films = step.over(archive.films)
        known = [_tags(film, tags, job) if asked.wanted and film.shots else {} for film in films]
    people = any(_of_people(wanted) for wanted in asked.wanted if not wanted.negated)
    grades = [_Grade(wanted, known) for wanted in asked.wanted if not wanted.negated]
    shown = [
        (number, shot.index)
        for number, film in enumerate(archive.films)
        for shot in film.shots
        if film.core(shot).duration >= _SHORTEST
    ]
    moments = [_moments(asked.wanted, film) for film in job.over(archive.films)]
    held = np.array(
        [
            [
                _held(wanted, known[film].get(shot, ()), moments[film].get((n, shot)))
                for n, wanted in enumerate(asked.wanted)
            ]
            for film, shot in job.over(shown)
        ]
    ).reshape(len(shown), len(asked.wanted))
    counts = _qualifying(held, things=bool(asked.seen))
    nowhere = (_NOWHERE if asked.looks else 0.0) * min(
        (one.doubt for one in seen.values()), default=0.0
    )
    odds = np.array([seen[key].odds for key in shown if key in seen]).reshape(
        -1, max(1, len(asked.seen))
    )
    joined = dict(zip((key for key in shown if key in seen), _joined(odds).tolist(), strict=True))
    hits = []
    for (film, shot), own in zip(shown, held.tolist(), strict=True):
        total, row = 0.0, None
        facets: dict[str, float] = {}
        if (film, shot) in seen:
            said = joined[film, shot] + _WHOLE * seen[film, shot].whole + seen[film, shot].together
            said -= seen[film, shot].against + unsure + nowhere
            row = seen[film, shot].time
            total += said
            facets["words"] = _likely(said, looks=asked.looks)
        if asked.wanted:
            total += sum(grade(known[film].get(shot, ())) for grade in grades)
            total += _LARGER * _height(known[film].get(shot, ())) if people else 0.0
            best = [moments[film].get((n, shot)) for n in range(len(asked.wanted))]
            row = next((moment[1] for moment in best if moment is not None), row)
            total += sum(count * _odds(share) for count, share in zip(counts, own, strict=True))
            facets["tags"] = float(np.mean(own))
        hits.append(_Hit(total, film, shot, row, facets))
    return hits


def _qualifying(held: NDArray[np.float64], *, things: bool) -> list[float]:
    """Return how much each tag counts: beside a thing, those that many shots have say little."""
    if not things:
        return [_TAGS] * held.shape[1]
    usual = held.mean(axis=0)
    return [_BESIDE * min(1.0, -math.log2(max(u, 1e-3)) / _RARE) for u in usual]


def _joined(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds that shots show all parts, (n,), from those of each part, (n, P).

    The part that fewer shots show counts for more, and what shows only one of them answers little.
    """
    if odds.shape[1] == 1:
        return odds[:, 0]
    likely = 1 / (1 + np.exp(-(_SLOPE * odds + _OFFSET)))
    rare = -np.log(likely.mean(axis=0) + 1e-3)
    share = rare / rare.sum()
    mean = odds @ share
    least = odds.min(axis=1)
    return np.asarray((1 - _BOTH) * mean + _BOTH * least)


def _tags(film: ArchiveFilm, tags: TagsOf | None, job: Job) -> Mapping[int, Sequence[Tag]]:
    """Return the tags of a film's shots: those that are known, or else read from its rows."""
    if tags is not None:
        return tags(film)
    return {shot.index: tags_of(film, shot) for shot in job.over(film.shots)}


@dataclass(frozen=True)
class _Seen:
    """A record of a shot: log odds of each part, those against it, and where most is seen.

    `together` are those that parts are in one picture, as they were asked.
    """

    odds: tuple[float, ...]
    doubt: float
    whole: float
    together: float
    against: float
    time: float


def _looked_at(asked: _Asked, archive: ArchiveRows, job: Job) -> dict[tuple[int, int], _Seen]:
    """Return for each shot, by film and number, the log odds that it shows the words, and where."""
    facets = {f for part in (*asked.seen, *asked.against) for f in part.facets}
    facets |= {SUBJECT} if asked.whole is not None else set()
    facets |= {THINGS} if asked.related else set()
    with job.step("comparing", of=len(archive), unit="rows") as step:
        found: dict[tuple[int, int], _Seen] = {}
        for block in archive.blocks(facets, job):
            # A block takes long where many classes are meant, and is not divided: the products of
            # fewer rows may differ in their last bits.
            found |= stoppable(partial(_best_of, asked, block), job)
            step.advance(len(block.time))
    return found


def _best_of(asked: _Asked, block: RowBlock) -> dict[tuple[int, int], _Seen]:
    """Return the same as `_looked_at` for the shots of a block."""
    found: dict[tuple[int, int], _Seen] = {}
    if not len(block.number) or not len(block.time):
        return found
    count = len(block.time)
    bits = [part.bits(block.rows) for part in asked.seen]
    shares = [part.shares(block.rows) for part in asked.seen]
    unwanted = np.zeros(count, np.float32)
    for one in asked.against:
        unwanted += np.maximum(one.bits(block.rows) - _NO_MORE, 0)
    whole = None if asked.whole is None else asked.whole.bits(block.rows[SUBJECT])
    together = np.zeros(count, np.float32)
    for relation in asked.related:
        together += relation.bits(block.rows[THINGS])
    best = np.sum(bits, axis=0) + together - unwanted
    # A shot that lies between two rows is read by the next.
    first = np.minimum(block.first, count - 1)
    for index, (begin, rows) in enumerate(zip(first.tolist(), block.count.tolist(), strict=True)):
        part = slice(begin, begin + max(rows, 1))
        doubts = [_doubt(share[part]) if share is not None else 0.0 for share in shares]
        odds = [
            _capped(_pooled(own[part])) - doubt for own, doubt in zip(bits, doubts, strict=True)
        ]
        every = 0.0 if whole is None else _capped(_pooled(whole[part]))
        both = _pooled(together[part])
        against = -_capped(_pooled(-unwanted[part]))
        where = float(block.time[begin + int(best[part].argmax())])
        key = (int(block.film[index]), int(block.number[index]))
        found[key] = _Seen(
            *(tuple(odds) or (0.0,), float(np.mean(doubts or [0.0])), every, both, against, where)
        )
    return found


def _pooled(odds: Array) -> float:
    """Return the log odds of a shot from those of its rows."""
    return math.log(float(np.mean(np.exp(_SOFT * odds)))) / _SOFT


def _capped(odds: float) -> float:
    """Return log odds that grow ever more slowly towards the largest that count, never equal."""
    return odds / math.sqrt(math.sqrt(1 + (odds / _CAPPED) ** 4))


def _doubt(shares: Array) -> float:
    """Return the log odds that a shot loses because too little of it shows what was asked for.

    It also loses some where a single class alone says so. `shares` (n, 2) are those of its rows.
    """
    every, others = shares.mean(axis=0).tolist()
    thin = min(_THINNEST, _THIN * max(0.0, math.log(_ENOUGH / (every + 1e-4))))
    return thin + (_LONELY if others < _ALONE else 0.0)


class _Grade:
    """A grade of how far a shot is what is wanted beyond others: of dark ones the darkest first."""

    def __init__(self, wanted: WantedTags, known: Sequence[Mapping[int, Sequence[Tag]]]) -> None:
        best = {kind: word for (kind, word), weight in wanted.words.items() if weight == 1}
        self._ways = {kind: _way(kind, word) for kind, word in best.items() if kind in _RISING}
        self._values = {
            kind: np.sort([v for held in known for tags in held.values() for v in _of(kind, tags)])
            for kind in self._ways
        }

    def __call__(self, tags: Sequence[Tag]) -> float:
        """Return the grade as log odds, at most `_GRADED` either way."""
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
    """Return 1 where a greater value is more of this word, -1 where a smaller one is, else 0."""
    words = WORDS[kind]
    place, middle = words.index(word), (len(words) - 1) / 2
    return _RISING[kind] * ((place > middle) - (place < middle))


def _of(kind: str, tags: Sequence[Tag]) -> list[float]:
    return [tag.value for tag in tags if tag.kind == kind and tag.value is not None][:1]


def _of_people(wanted: WantedTags) -> bool:
    return any(kind in ("faces", "people") for kind, _ in wanted.words)


def _height(tags: Sequence[Tag]) -> float:
    """Return how high the main face of a shot is, in heights of the picture; 0 without one."""
    return min(1.0, next(iter(_of("scale", tags)), 0.0))


def _moments(
    wanted: Sequence[WantedTags], film: ArchiveFilm
) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the best moment of each wanted expression in each shot, and its media time.

    Keys are the number in `wanted` and that of the shot; values say how far the moment has it, and
    when. A tag tells of the whole shot, but a face may smile only at its end.
    """
    found: dict[tuple[int, int], tuple[float, float]] = {}
    if FACES not in film.rows:
        return found
    for number, each in enumerate(wanted):
        weights = np.array([each.words.get(("expression", name), 0.0) for name in EXPRESSIONS])
        if each.negated or not weights.any():
            continue
        shown = expressions_of(film.rows[FACES]) @ weights
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


def _held(wanted: WantedTags, tags: Sequence[Tag], moment: tuple[float, float] | None) -> float:
    share = max(wanted.share(tags), moment[0] if moment is not None else 0.0)
    return 1 - share if wanted.negated else share


def _odds(share: float) -> float:
    return math.log((share + _DOUBT) / (1 - share + _DOUBT))


def _likely(odds: float, *, looks: bool) -> float:
    """Return how likely people are to agree, from log odds that do not know how rare an answer is.

    Fitted on the tuning halves of the benchmark's queries and on words for what is not there;
    `looks` where it was also asked what words look like.
    """
    odds = _SLOPE * odds + _OFFSET if looks else _CLASS_SLOPE * odds + _CLASS_OFFSET
    return 1 / (1 + math.exp(-odds))


def _candidate(hit: _Hit, archive: ArchiveRows, duration: Fraction, score: float) -> Candidate:
    """Return the clip of a shot, around its best row."""
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
        score=score,
        facets=hit.facets,
        held=duration - media.duration,
    )
