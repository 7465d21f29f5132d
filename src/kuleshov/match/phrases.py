"""What people say of shots, in words that tags know, and what is left to be looked for in pictures.

    parse("slow pan over water, no people", lexicon.knows)

takes "slow" and "pan" as tags that are wanted, "people" as tags that are not, and leaves "water".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kuleshov.features.tags import Tag
from kuleshov.match.lexicon import singular

__all__ = ["PHRASES", "Asking", "Wanted", "parse"]

Words = Mapping[tuple[str, str], float]

_FACES = ("one face", "two faces", "three faces", "many faces")
_CLOSE: Words = {
    ("scale", "extreme close-up"): 0.9,
    ("scale", "close-up"): 1.0,
    ("scale", "medium close-up"): 0.5,
    ("faces", "no face"): 0.25,
}
_ANYBODY: Words = {("faces", word): 1.0 for word in _FACES}
_SOMEBODY: Words = {
    ("faces", word): share for word, share in zip(_FACES, (1, 0.7, 0.5, 0.3), strict=True)
}
_TWO: Words = {("faces", "two faces"): 1.0, ("faces", "three faces"): 0.5}
_MANY: Words = {("faces", "many faces"): 1.0, ("faces", "three faces"): 0.8}
_WIDE: Words = {
    ("scale", "long shot"): 1.0,
    ("scale", "medium long shot"): 0.7,
    ("faces", "no face"): 0.7,
}
_DARK: Words = {("light", "low key"): 1.0}
_GREY: Words = {("colour", "black and white"): 1.0, ("colour", "tinted"): 0.4}
_TITLE: Words = {("material", "title"): 1.0}


def _one(kind: str, *words: str) -> Words:
    """Words of one kind, the first the best."""
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

_BOTH = frozenset({"night", "at night", "crowd"})
"""Phrases that also say what is to be seen: they stay in the text."""
_NOT = frozenset({"no", "not", "without", "never"})
_BREAKS = frozenset({",", ";", "but", "with", "."})
_IDLE_WORDS = """a an the of in on at with from to and or is are over under up down front some
something very its his her their this that by for into shot scene picture image film camera view"""
_IDLE = frozenset(_IDLE_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['&][^\W_]+)*|[-,;.]", re.UNICODE)
_GOOD = 0.9  # from which on a word is said to be what a phrase means
_LONGEST = 4  # words of a name or phrase


@dataclass(frozen=True)
class Wanted:
    """Tags that are asked for: what was `said`, and how well each kind and word answers it."""

    said: str
    words: Words
    negated: bool = False

    def __str__(self) -> str:
        best = [word for (_, word), weight in self.words.items() if weight >= _GOOD]
        words = "any face" if set(best) >= set(_FACES) else " or ".join(dict.fromkeys(best))
        return self.said if words == self.said else f"{self.said} ({words})"

    def share(self, tags: Iterable[Tag]) -> float:
        """How far it holds of a shot with these tags, 0 to 1, before negation."""
        best = 0.0
        for tag in tags:
            # Of a hue the share is the part of the picture: half of it is all of it.
            held = min(1.0, 2 * tag.share) if tag.kind == "hue" else tag.share
            best = max(best, self.words.get((tag.kind, tag.word), 0.0) * held)
        return best


@dataclass(frozen=True)
class Asking:
    """A text, understood: the `text` to be looked for in pictures and its single `words`, the same
    of what must not be in them (`against`), and the tags that are wanted or not."""

    text: str = ""
    words: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = field(default=())


def parse(text: str, knows: Callable[[str], bool]) -> Asking:
    """Take a text apart. `knows` tells names of things, so that a red wine is not asked to be red.

    The longest name or phrase at each place counts. "no", "not", "without" and a minus before a
    word turn round all that follows up to a comma, "but" or "with".
    """
    tokens = _tokens(text)
    said: list[str] = []
    words: list[str] = []
    against: list[str] = []
    wanted: dict[tuple[str, bool], Wanted] = {}
    at, negated, once = 0, False, False
    while at < len(tokens):
        token = tokens[at]
        if token in _BREAKS or token in _NOT or token == "-":
            negated, once = token in _NOT or token == "-", token == "-"
            at += 1
            continue
        count, phrase, name = _longest(tokens[at:], knows)
        part = " ".join(tokens[at : at + count])
        at += count
        if phrase:
            wanted[phrase, negated] = Wanted(phrase, PHRASES[phrase], negated)
        if negated:
            if not phrase and part not in _IDLE:
                against.append(part)
        elif not phrase or phrase in _BOTH:
            said.append(part)
            if name or (count == 1 and part not in _IDLE):
                words.append(part)
        if once and (phrase or part not in _IDLE):
            negated = once = False
    return Asking(
        " ".join(_trimmed(said)) if words else "",
        tuple(dict.fromkeys(words)),
        tuple(dict.fromkeys(against)),
        tuple(wanted.values()),
    )


def _tokens(text: str) -> list[str]:
    """Words in lower case; a hyphen within a word parts it, before a word it is a minus."""
    plain = re.sub(r"(?<=\w)-(?=\w)", " ", text.casefold())
    return _WORD.findall(plain)


def _longest(tokens: Sequence[str], knows: Callable[[str], bool]) -> tuple[int, str | None, bool]:
    """How many words belong together, the phrase that they are, and whether they are a name."""
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


_PLAIN = {phrase.replace("-", " "): phrase for phrase in PHRASES}


def _trimmed(words: list[str]) -> list[str]:
    """Without idle words at the ends, where phrases stood."""
    kept = list(words)
    while kept and kept[0] in _IDLE:
        kept.pop(0)
    while kept and kept[-1] in _IDLE:
        kept.pop()
    return kept
