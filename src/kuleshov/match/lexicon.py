"""What words mean in pictures: a text becomes a question that scores rows.

`Lexicon` is the protocol. The bundled one asks in the words of ImageNet's classes, after ConSE
(Norouzi et al. 2013), the other way about: not the picture's classes averaged to a point among the
words, but the classes that mean the text, by their likelihood against that in random pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kuleshov import features
from kuleshov.errors import ModelError
from kuleshov.features import concepts
from kuleshov.features.sentences import Sentences
from kuleshov.match.scenes import SCENES

__all__ = [
    "LEAST_KNOWN",
    "NEAR",
    "Classes",
    "Lexicon",
    "Meaning",
    "Question",
    "drift_shares",
    "singular",
]

Array = NDArray[np.float32]

_CLASSES = 32  # that a text may mean
_WARMTH = 0.05  # of likeness between texts: a class that much less alike weighs 1/e
_EXACT = 0.2  # of their weight that other classes keep beside those called by the very word
_ODDS = 0.5  # weight of how likely the classes are together, beside how unusual each is
_WHOLE = 0.5  # weight of the whole text, beside its words one by one
_LEAST = 1e-6  # added to probabilities
_SURE = 0.02  # what a classifier's certainty lacks at least
_WIDEST = 450  # classes; a word above more of them ("object") says nothing
_AWAY = 0.5  # how much the things themselves count against an answer at drift 1
_GUESSED = 0.42  # likeness from which a word of which only pieces are known is understood
NEAR = 8
"""Names that are next to one, in text or in picture: where a step of drift leads."""
LEAST_KNOWN = 0.3
"""Likeness from which a text is understood at all: made-up words reach 0.27 to 0.37, things that
have no class of their own 0.35 to 0.6."""


def drift_shares(drift: float) -> tuple[float, float, float, float]:
    """How much no step, one and two count at `drift` d, 0 to 1: `(1 - d)^2`, `2 d (1 - d)` and
    `d^2`; and how much what was meant then counts against an answer."""
    return (1 - drift) ** 2, 2 * drift * (1 - drift), drift**2, _AWAY * drift**2


class Question(Protocol):
    """What is asked of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it was taken to mean, the most important first."""

    def bits(self, rows: NDArray[Any]) -> Array:
        """(n,) float32: how much each row (n, D) speaks for it, as log odds; 0 says nothing."""


class Lexicon(Protocol):
    """Knows what words mean in the rows of `facet`."""

    facet: str

    def knows(self, text: str) -> bool:
        """Whether the text, one or more words, is a name of its own."""

    def reads(self, text: str) -> bool:
        """Whether its words are words at all, and not misspelt or of a language unknown."""

    def sure(self, text: str) -> bool:
        """Whether something that it can see is called by these words, and nothing is guessed."""

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """How near the nearest thing that is known is, 0 to 1, and names of the nearest. Below
        `LEAST_KNOWN` the text is not understood."""

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Question:
        """The question for a text, `words` its parts, as far adrift as `drift` (0 to 1) says."""


@dataclass(frozen=True, repr=False)
class Meaning:
    """A `Question` in classes: for each part of a text the weights (1000,) of its classes, and
    those that count against it; `part` (P,) is how much each part counts."""

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    part: NDArray[np.float32]
    prior: Prior

    def bits(self, rows: NDArray[Any]) -> Array:
        """(n,) float32 of rows (n, 334) of the facet `concepts`."""
        used = np.flatnonzero(self.weights.any(axis=0))
        steps = concepts.levels(rows, used)
        table = np.exp(concepts.FLOOR + concepts.STEP * np.arange(31)).astype(np.float32)
        likely, level = table.take(steps), steps.astype(np.float32)
        prior, found = self.prior, np.zeros(len(rows), np.float32)
        for weights, part in zip(self.weights[:, used], self.part, strict=True):
            odds = _logit(likely @ weights) - _logit(np.float32(prior.share[used] @ weights))
            # How unusual each class is, in deviations: linear in the levels.
            each = weights / weights.sum() / prior.spread[used]
            unusual = level @ (concepts.STEP * each)
            unusual += float(((concepts.FLOOR - prior.mean[used]) * each).sum())
            # Of many classes nearly all are absent from any picture: their mean says nothing.
            many = float(weights.sum() ** 2 / (weights**2).sum())
            share = (1 - _ODDS) * min(1.0, _CLASSES / many)
            found += part * ((1 - share) * odds + share * unusual)
        return found


def _logit(share: Any) -> Any:
    """Log odds of a probability."""
    inside = np.clip(share, 0, 1)
    return np.log((inside + _LEAST) / (1 - inside + _SURE))


@dataclass(frozen=True, repr=False)
class Prior:
    """What classes are like in random pictures: `mean` and `spread` of their log probability and
    the mean of their probability, `share`, (1000,) each."""

    mean: Array
    spread: Array
    share: Array


class Classes:
    """The bundled `Lexicon`: classes of ImageNet, found by name, by what they are a kind of, and by
    likeness of their description (words, gloss and kinds, in WordNet) to the text."""

    facet = "concepts"

    def __init__(self, sentences: Sentences | None = None) -> None:
        from safetensors.numpy import load_file

        path = Path(features.__file__).with_name("concepts.safetensors")
        if not path.is_file():
            raise ModelError(f"The classes' words are missing: {path}. Install Kuleshov again.")
        data = load_file(path)
        self._texts = data["texts"].astype(np.float32)
        self._seen_near = data["near"].astype(np.int64)
        mean, spread, share = data["prior"].astype(np.float32)
        self._prior = Prior(mean, spread, share)
        self._sentences = sentences or Sentences()
        self._names = concepts.names()

    @cached_property
    def _held(self) -> Mapping[str, frozenset[int]]:
        """The classes that each word stands for."""
        known = concepts.vocabulary()
        held: dict[str, set[int]] = {}
        for number, each in enumerate(known.classes):
            for word in (each.name, *each.words):
                held.setdefault(word.casefold(), set()).add(number)
        for kind in known.kinds:
            for word in kind.words:
                held.setdefault(word.casefold(), set()).update(kind.classes)
        numbers = {name: n for n, name in enumerate(self._names)}
        for word, shown in SCENES.items():
            held[word] = {numbers[name] for name in shown.split(", ")}
        return {word: frozenset(c) for word, c in held.items() if len(c) <= _WIDEST}

    def _called(self, text: str) -> frozenset[int]:
        return next((self._held[t] for t in singular(text) if t in self._held), frozenset())

    def knows(self, text: str) -> bool:
        """Whether it is the name of a class or of a kind of classes, in singular or plural."""
        return bool(self._called(text))

    def reads(self, text: str) -> bool:
        """Whether its words are names, or known to the sentence encoder as words."""
        return self.knows(text) or self._sentences.joined(text)

    def sure(self, text: str) -> bool:
        """Whether a class, or a kind of classes, is called by these words."""
        return self.knows(text)

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """How alike the nearest class's description is, and the five nearest; 0 for made-up words,
        of which only pieces are known and to which nothing is near."""
        if called := self._called(text):
            return 1.0, tuple(self._names[n] for n in sorted(called)[:5])
        alike = self._alike([text])[0]
        best = np.argsort(-alike, kind="stable")[:5]
        like = float(alike[best[0]])
        if like < _GUESSED and not self._sentences.whole(text):
            like = 0.0
        return like, tuple(self._names[n] for n in best.tolist())

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Meaning:
        """The classes that a text means, together and word by word; see `_adrift` for `drift`."""
        parts = [text, *(word for word in words if word != text)]
        weights = np.stack(
            [
                self._meant(part, alike)
                for part, alike in zip(parts, self._alike(parts), strict=True)
            ]
        )
        rest = len(parts) - 1
        counts = [_WHOLE] + [(1 - _WHOLE) / rest] * rest if rest else [1.0]
        part = np.array(counts, np.float32)
        if drift > 0:
            weights, part = self._adrift(weights, part, drift)
        heard = np.maximum(part, 0) @ weights
        best = np.argsort(-heard, kind="stable")[:6]
        names = tuple(self._names[n] for n in best.tolist() if heard[n] > 0)
        return Meaning(names, weights.astype(np.float32), part.astype(np.float32), self._prior)

    def _alike(self, texts: Sequence[str]) -> Array:
        """(N, 1000): how alike texts and the classes' descriptions are."""
        return np.asarray(self._sentences(texts) @ self._texts.T, np.float32)

    def _meant(self, text: str, alike: Array) -> Array:
        """(1000,): the weights of the classes that a text means, the nearest 1."""
        weights = np.exp((alike - alike.max()) / _WARMTH)
        weights[np.argsort(-weights, kind="stable")[_CLASSES:]] = 0
        if called := self._called(text):
            weights *= _EXACT
            weights[list(called)] = 1
        return np.asarray(weights, np.float32)

    def _adrift(self, weights: Array, part: Array, drift: float) -> tuple[Array, Array]:
        """What the machine takes for it: from the classes meant to their neighbours' neighbours.

        A step goes from a class to those whose descriptions are most alike and to those which the
        network itself tells least apart (cosine of its weights), half each, and never to one that
        was meant. None, one and two steps count as `(1 - d)^2`, `2 d (1 - d)` and `d^2`; what was
        meant counts against an answer by `d^2 / 2`.
        """
        near = self._steps
        none, first, second, away = drift_shares(drift)
        made, counts = [], []
        for meant, count in zip(weights, part, strict=True):
            one = _stepped(meant, near, meant)
            two = _stepped(one, near, meant)
            mixed = none * meant + first * one + second * two
            made += [mixed / mixed.max(), meant]
            counts += [count, -away * count]
        return np.stack(made), np.array(counts, np.float32)

    @cached_property
    def _steps(self) -> Array:
        """(1000, 1000): where a step leads from each class, rows sum to 1."""
        alike = self._texts @ self._texts.T
        np.fill_diagonal(alike, -1)
        read = np.argsort(-alike, axis=1, kind="stable")[:, :NEAR]
        steps = np.zeros_like(alike)
        rows = np.arange(len(steps))[:, None]
        np.add.at(steps, (rows, read), 0.5 / NEAR)
        np.add.at(steps, (rows, self._seen_near[:, :NEAR]), 0.5 / NEAR)
        return np.asarray(steps, np.float32)


def _stepped(weights: Array, steps: Array, meant: Array) -> Array:
    """One step on from `weights`, never back to what was meant; the largest is 1."""
    gone = (weights / weights.sum()) @ steps
    gone[meant > 0] = 0
    kept = np.argsort(-gone, kind="stable")[_CLASSES:]
    gone[kept] = 0
    return np.asarray(gone / max(float(gone.max()), 1e-9), np.float32)


_ENDINGS: Iterable[tuple[str, str]] = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""))


def singular(text: str) -> Iterator[str]:
    """A text in lower case and, if it looks like a plural, what its singular may be."""
    plain = text.casefold()
    yield plain
    for ending, instead in _ENDINGS:
        if plain.endswith(ending) and len(plain) > len(ending) + 2:
            yield plain[: -len(ending)] + instead
