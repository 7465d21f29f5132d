"""Parse what people say of shots: words that tags know, and a rest to look for in pictures.

    parse("slow pan over water, no people", lexicon.knows)

takes "slow" and "pan" as tags that are wanted, "people" as tags that are not, and leaves "water".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from kuleshov.features.tags import Tag
from kuleshov.match.text.lexicon import singular
from kuleshov.match.text.objects import NUMBERS

__all__ = [
    "CLOSE",
    "FAR",
    "PEOPLE",
    "PHRASES",
    "TextPart",
    "TextRelation",
    "TextRequest",
    "WantedTags",
    "parse",
    "spelled",
]

Words = Mapping[tuple[str, str], float]

_FACES = ("one face", "two faces", "three faces", "many faces")
_CLOSE: Words = {
    ("scale", "extreme close-up"): 0.9,
    ("scale", "close-up"): 1.0,
    ("scale", "medium close-up"): 0.5,
    ("faces", "no face"): 0.25,
}
_SEEN = ("one person", "two people", "three people", "crowd")
_ANYBODY: Words = {
    **{("faces", word): 1.0 for word in _FACES},
    **{("people", word): 1.0 for word in _SEEN},
}
_SOMEBODY: Words = {
    (kind, word): share
    for kind, words in (("faces", _FACES), ("people", _SEEN))
    for word, share in zip(words, (1, 0.7, 0.5, 0.3), strict=True)
}
_TWO: Words = {
    ("faces", "two faces"): 1.0,
    ("faces", "three faces"): 0.5,
    ("people", "two people"): 1.0,
    ("people", "three people"): 0.5,
}
_MANY: Words = {
    ("faces", "many faces"): 1.0,
    ("faces", "three faces"): 0.8,
    ("people", "crowd"): 1.0,
}
_WIDE: Words = {
    ("scale", "long shot"): 1.0,
    ("scale", "medium long shot"): 0.7,
    ("faces", "no face"): 0.7,
}
_DARK: Words = {("light", "low key"): 1.0}
_GREY: Words = {("colour", "black and white"): 1.0, ("colour", "tinted"): 0.4}
_TITLE: Words = {("material", "title"): 1.0}


def _one(kind: str, *words: str) -> Words:
    """Return words of one kind, the first of which fits best."""
    return {(kind, word): 1.0 if not n else 0.6 for n, word in enumerate(words)}


_SAID: Iterable[tuple[str, Words]] = (
    ("extreme close-up", _one("scale", "extreme close-up", "close-up")),
    ("close-up", _CLOSE),
    ("closeup", _CLOSE),
    ("detail", _CLOSE),
    ("medium close-up", _one("scale", "medium close-up", "close-up", "medium shot")),
    ("medium shot", _one("scale", "medium shot", "medium close-up", "medium long shot")),
    ("long shot | wide shot | wide | wide angle | establishing shot", _WIDE),
    ("person | man | woman | boy | girl | lady | actor | actress | speaker | child", _SOMEBODY),
    ("somebody | someone | face | head | portrait | one face | one person", _SOMEBODY),
    ("people | men | women | children | human | faces", _ANYBODY),
    ("talking | speaking | talk | conversation | interview | dialogue", _ANYBODY),
    ("two people | two faces | two men | two women | two persons | couple | both faces", _TWO),
    ("three people | three faces", {("faces", "three faces"): 1.0, ("faces", "many faces"): 0.6}),
    ("crowd | group | many people | many faces | crowd of people | group of people", _MANY),
    ("four people | five people | six people | several people", _MANY),
    ("full figure | full body | whole figure", _one("body", "full figure")),
    ("from behind | seen from behind | back to camera", _one("body", "from behind")),
    ("arms raised | raised arms | raised arm | hands up", _one("body", "arms raised")),
    ("sitting | seated", _one("body", "sitting", "crouching")),
    ("crouching | kneeling | squatting", _one("body", "crouching", "sitting")),
    ("lying | lying down", _one("body", "lying")),
    ("smiling | smile | happy | laughing | joy | laughter", _one("expression", "happy")),
    ("sad | crying | sadness | grief", _one("expression", "sad")),
    ("angry | anger | furious | rage", _one("expression", "angry", "disgusted")),
    ("afraid | scared | fear | frightened | terror", _one("expression", "afraid", "surprised")),
    ("surprise | surprised | astonished", _one("expression", "surprised", "afraid")),
    ("disgust | disgusted", _one("expression", "disgusted")),
    ("neutral face | serious", _one("expression", "neutral")),
    ("pan | panning", {("camera", "pan left"): 1.0, ("camera", "pan right"): 1.0}),
    ("pan left | panning left", _one("camera", "pan left")),
    ("pan right | panning right", _one("camera", "pan right")),
    ("tilt | tilting", {("camera", "tilt up"): 1.0, ("camera", "tilt down"): 1.0}),
    ("tilt up | tilting up", _one("camera", "tilt up")),
    ("tilt down | tilting down", _one("camera", "tilt down")),
    ("zoom | zooming", {("camera", "push in"): 1.0, ("camera", "pull out"): 1.0}),
    ("push in | zoom in | dolly in | zooming in", _one("camera", "push in")),
    ("pull out | zoom out | dolly out | zooming out", _one("camera", "pull out")),
    ("roll | rolling camera", _one("camera", "roll")),
    ("handheld | hand held | shaky | handheld camera", _one("camera", "handheld")),
    ("static | static camera | fixed camera | locked off", _one("camera", "static")),
    ("moving camera", {("camera", w): 1.0 for w in ("pan left", "pan right", "tilt up",
        "tilt down", "push in", "pull out", "roll", "handheld")}),
    ("slow | slowly", _one("speed", "slow", "still")),
    ("fast | quick | rapid | hectic", _one("speed", "fast", "moderate")),
    ("still | motionless | frozen | no movement", _one("speed", "still", "slow")),
    ("dark | low key | at night | night | darkness | gloomy", _DARK),
    ("bright | high key | light", _one("light", "high key")),
    ("high contrast", _one("contrast", "high contrast")),
    ("low contrast | flat light", _one("contrast", "low contrast")),
    ("black and white | b&w | monochrome | greyscale | grayscale", _GREY),
    ("colourful | colorful | vivid", _one("colour", "colourful")),
    ("colour | color | in colour", {("colour", "colourful"): 1.0, ("colour", "muted"): 0.9}),
    ("muted | desaturated", _one("colour", "muted")),
    ("sepia | tinted", _one("colour", "tinted")),
    *((f"{hue} | bright {hue} | vivid {hue} | dark {hue} | light {hue}", _one("hue", hue))
      for hue in ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")),
    ("violet", _one("hue", "purple")),
    ("title | title card | titles | text | letters | writing on screen | intertitle", _TITLE),
    ("on the left | face left | left", _one("face", "left")),
    ("on the right | face right | right", _one("face", "right")),
    ("in the centre | in the center | centred | centered", _one("face", "centre")),
    ("short | brief", _one("length", "under 1 s", "1 to 3 s")),
    ("long take", _one("length", "over 10 s", "3 to 10 s")),
)  # fmt: skip

PHRASES: Mapping[str, Words] = {
    phrase.strip(): words for said, words in _SAID for phrase in said.split("|")
}
"""For each phrase the tags that answer it, by kind and word, and how well: 0 to 1."""

CLOSE = frozenset(("extreme close-up", "close-up", "closeup", "detail"))
FAR = frozenset(("long shot", "wide shot", "wide", "wide angle", "establishing shot"))
"""Phrases that say of a thing that it fills the picture, or is small in it."""

_BOTH = frozenset({"night", "at night", "crowd"})
"""Phrases that also say what is to be seen: they stay in the text."""
_NOT = frozenset({"no", "not", "without", "never"})
_BREAKS = frozenset({",", ";", "but", "with", "."})
_IDLE_WORDS = """a an the of in on at with from to and or is are over under up down front some
something very its his her their this that by for into shot scene picture image film camera view"""
_IDLE = frozenset(_IDLE_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['&][^\W_]+)*|[-,;.]", re.UNICODE)
_GOOD = 0.9  # from which on a word is said to be what a phrase means
_ACTING = "ing"
_LONGEST = 4  # words of a name or phrase
_MOST = 12  # words of a name that a person taught


@dataclass(frozen=True)
class WantedTags:
    """Tags that are asked for: what was `said`, and how well each kind and word answers it."""

    said: str
    words: Words
    negated: bool = False

    def __str__(self) -> str:
        best = [word for (_, word), weight in self.words.items() if weight >= _GOOD]
        words = "any face" if set(best) >= set(_FACES) else " or ".join(dict.fromkeys(best))
        return self.said if words == self.said else f"{self.said} ({words})"

    def share(self, tags: Iterable[Tag]) -> float:
        """Return how far it holds of a shot with these tags, 0 to 1, before negation."""
        best = 0.0
        for tag in tags:
            # Of a hue the share is the part of the picture: half of it is all of it.
            held = min(1.0, 2 * tag.share) if tag.kind == "hue" else tag.share
            best = max(best, self.words.get((tag.kind, tag.word), 0.0) * held)
        return best


@dataclass(frozen=True)
class TextPart:
    """A part of what is looked for in pictures, as "a toy" of "a toy on a red table".

    Its `text`, and those of its `words` that are also asked alone: names of things or, where it has
    none, its last word. What merely describes (old, small, made) says nothing alone. `number` is
    the word for how many are wanted, empty where none is.
    """

    text: str
    words: tuple[str, ...]
    number: str = ""


@dataclass(frozen=True)
class TextRelation:
    """A relation: the names of `one` thing, the word that joins, and the names of the `other`.

    People are named by `PEOPLE`.
    """

    one: tuple[str, ...]
    join: str
    other: tuple[str, ...]


PEOPLE = ("person",)


@dataclass(frozen=True)
class TextRequest:
    """A text as it was understood.

    The `text` to be looked for in pictures, its single `words` and its `parts`, the words of what
    must not be in them (`against`), the tags that are wanted or not, and how parts are joined
    (`relations`). Words that a person taught
    are in none of these: those that are wanted (`taught`) and those that are not (`untaught`).
    """

    text: str = ""
    words: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    wanted: tuple[WantedTags, ...] = field(default=())
    parts: tuple[TextPart, ...] = ()
    taught: tuple[str, ...] = ()
    untaught: tuple[str, ...] = ()
    relations: tuple[TextRelation, ...] = ()


_DOING = frozenset(
    (
        *("flowing", "streaming", "running", "rushing", "pouring", "moving"),
        *("passing", "floating", "drifting", "rising", "falling", "blowing"),
        *("waving", "rolling", "spinning", "turning", "standing", "lying"),
        *("hanging", "walking", "speaking"),
    )
)
"""What things do, which one picture does not show; where a thing is named beside it it says no
more. Other words in -ing are things, too (lightning, a painting)."""


_JOINS_WORDS = """on with and in at beside behind before under over between near by to from into
through across against inside outside onto as or front next among around above below along riding
driving holding wearing carrying"""
_JOINS = frozenset(_JOINS_WORDS.split())
"""Words between parts, each of which is to be seen."""


def parse(
    text: str, knows: Callable[[str], bool], taught: Callable[[str], bool] | None = None
) -> TextRequest:
    """Return a text taken apart into tags and words.

    `knows` tells names of things, so that a red wine is not asked to be red; `taught` the words
    that mean what a person taught, whatever else they say. The longest name or phrase at each place
    counts. "no", "not", "without" and a minus before a word turn round all that follows up to a
    comma, "but" or "with". What stands on either side of "on", "with", "and" and their like is a
    part by itself.
    """
    tokens = _tokens(text)
    said: list[str] = []
    words: list[str] = []
    parts: list[list[tuple[str, bool]]] = [[]]
    joined: dict[int, str] = {}
    people: set[int] = set()
    numbers: dict[int, str] = {}
    against: list[str] = []
    names: set[str] = set()
    wanted: dict[tuple[str, bool], WantedTags] = {}
    own: dict[tuple[str, bool], None] = {}
    at, negated, once = 0, False, False
    while at < len(tokens):
        token = tokens[at]
        if token in _BREAKS or token in _NOT or token == "-":
            negated, once = token in _NOT or token == "-", token == "-"
            parts.append([])
            if token in _JOINS:
                joined[len(parts) - 1] = token
            at += 1
            continue
        if taught is not None and (count := _taught(tokens[at:], taught)):
            own[" ".join(tokens[at : at + count]), negated] = None
            parts.append([])
            at += count
            negated, once = negated and not once, False
            continue
        count, phrase, name = _longest(tokens[at:], knows)
        if name and token in _JOINS and parts[-1]:  # under water
            parts.append([])
        part = " ".join(tokens[at : at + count])
        at += count
        if part in NUMBERS and not phrase and at < len(tokens):
            numbers[len(parts) - 1] = part
            continue
        if phrase in _MOVES and _within(tokens[: at - count]):
            phrase, name = None, knows(part)  # something lies in a pan; a slow pan is a movement
        if phrase:
            # What somebody is like, as old or tall, is no thing.
            if any(kind == "faces" for kind, _ in PHRASES[phrase]):
                parts[-1] = [(word, named) for word, named in parts[-1] if named]
                people |= set() if negated else {len(parts) - 1}
            wanted[phrase, negated] = WantedTags(phrase, PHRASES[phrase], negated)
        if negated:
            if not phrase and part not in _IDLE:
                against.append(part)
        elif not phrase or phrase in _BOTH:
            said.append(part)
            if part in _JOINS:
                parts.append([])
                joined[len(parts) - 1] = part
            else:
                parts[-1].append((part, name))
            names |= {part} if name else set()
            if name or (count == 1 and part not in _IDLE and part not in _JOINS):
                words.append(part)
        if once and (phrase or part not in _IDLE):
            negated = once = False
    if names:
        # What things do is not seen in one picture: water that is flowing is water.
        words = [word for word in words if word in names or word not in _DOING]
        said = [word for word in said if word in names or word not in _DOING]
    return TextRequest(
        " ".join(_trimmed(said)) if words else "",
        tuple(dict.fromkeys(words)),
        tuple(dict.fromkeys(against)),
        tuple(wanted.values()),
        _parts(parts, set(words), numbers),
        tuple(name for name, negative in own if not negative),
        tuple(name for name, negative in own if negative),
        _relations(parts, joined, people),
    )


def _relations(
    parts: Sequence[Sequence[tuple[str, bool]]], joined: Mapping[int, str], people: AbstractSet[int]
) -> tuple[TextRelation, ...]:
    """Return how parts that name something are joined to the one before, by the first word between.

    `joined` gives the word before a part, `people` the parts that speak of people.
    """
    found: list[TextRelation] = []
    before: tuple[str, ...] = ()
    join = ""
    for place, part in enumerate(parts):
        join = (join or joined.get(place, "")) if place in joined else ""
        names = tuple(word for word, name in part if name) or (PEOPLE if place in people else ())
        if not names:
            continue
        if before and join:
            found.append(TextRelation(before, join, names))
        before, join = names, ""
    return tuple(found)


def _parts(
    said: Sequence[Sequence[tuple[str, bool]]],
    words: AbstractSet[str],
    numbers: Mapping[int, str],
) -> tuple[TextPart, ...]:
    """Return parts from their words, each with whether it is a name, without what says nothing."""
    found = []
    for place, each in enumerate(said):
        kept = [
            (word, name) for word, name in each if (word in words and word not in _SHADES) or name
        ]
        while kept and not kept[-1][1] and kept[-1][0].endswith(_ACTING) and len(kept) > 1:
            kept.pop()
        named = [word for word, name in kept if name]
        if kept:
            alone = named or [kept[-1][0]]
            text = " ".join(_trimmed([word for word, _ in kept]))
            found.append(TextPart(text, tuple(dict.fromkeys(alone)), numbers.get(place, "")))
    # What somebody does is no thing, where a thing is named elsewhere.
    things = [part for part in found if not all(word.endswith(_ACTING) for word in part.words)]
    return tuple(dict.fromkeys(things or found))


def _tokens(text: str) -> list[str]:
    """Return the words of a text in lower case.

    A hyphen within a word parts it; before a word it is a minus. Whose something is says as much as
    that it is there: a man's face is a man, and a face.
    """
    plain = re.sub(r"(?<=\w)-(?=\w)", " ", text.casefold().replace("\u2019", "'"))
    return [re.sub(r"'s$", "", word) for word in _WORD.findall(plain)]


def spelled(text: str) -> str:
    """Return a text as the words of a question are compared."""
    return " ".join(_tokens(text))


def _taught(tokens: Sequence[str], taught: Callable[[str], bool]) -> int:
    """Return how many words are the longest name here that a person taught; 0 for none."""
    counts = range(min(_MOST, len(tokens)), 0, -1)
    return next((count for count in counts if taught(" ".join(tokens[:count]))), 0)


def _longest(tokens: Sequence[str], knows: Callable[[str], bool]) -> tuple[int, str | None, bool]:
    """Return how many words belong together, their phrase, and whether they are a name."""
    for count in range(min(_LONGEST, len(tokens)), 0, -1):
        part = " ".join(tokens[:count])
        if part in _IDLE:
            break
        for said in (part, *singular(part)):
            if (phrase := _PLAIN.get(said)) is not None:
                return count, phrase, False
        if knows(part):
            return count, None, True
    return 1, None, False


def _within(before: Sequence[str]) -> bool:
    """Return whether what follows these words is something that a thing lies in or on."""
    return len(before) > 1 and before[-1] in ("a", "an", "the") and before[-2] in _JOINS


_MOVES = frozenset(("pan", "tilt", "zoom", "roll"))
_SHADES = frozenset(("white", "black", "grey", "gray", "brown", "golden", "silver"))
"""Colours for which there is no tag."""
_PLAIN = {phrase.replace("-", " "): phrase for phrase in PHRASES}


def _trimmed(words: list[str]) -> list[str]:
    """Return words without idle ones at the ends, where phrases stood."""
    kept = list(words)
    while kept and kept[0] in _IDLE:
        kept.pop(0)
    while kept and kept[-1] in _IDLE:
        kept.pop()
    return kept
