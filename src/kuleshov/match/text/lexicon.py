"""Find what words mean in pictures: a text becomes a question that scores rows.

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
from kuleshov.features.facet import CONCEPTS
from kuleshov.features.sentences import Sentences
from kuleshov.match.text.film_words import SCENES
from kuleshov.match.text.looks import Direction, looks

__all__ = [
    "LEAST_KNOWN",
    "NEAR",
    "ClassLexicon",
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
_BROAD = 3  # classes of at least half the weight: more than one is due where the thing is
_GUESSED = 0.42  # likeness from which a word of which only pieces are known is understood
NEAR = 8
"""Names that are next to one, in text or in picture: where a step of drift leads."""
LEAST_KNOWN = 0.3
"""Likeness from which a text is understood at all: made-up words reach 0.27 to 0.37, things that
have no class of their own 0.35 to 0.6."""


def drift_shares(drift: float) -> tuple[float, float, float, float]:
    """Return how much no step, one and two count at `drift` d, and what counts against an answer.

    For d from 0 to 1: `(1 - d)^2`, `2 d (1 - d)` and `d^2`; and how much what was meant then counts
    against an answer.
    """
    return (1 - drift) ** 2, 2 * drift * (1 - drift), drift**2, _AWAY * drift**2


class Question(Protocol):
    """A question to rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what it was taken to mean, the most important first."""

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return how much each row (n, D) speaks for it, (n,) float32 log odds; 0 says nothing."""

    def shares(self, rows: NDArray[Any]) -> Array | None:
        """Return how likely each row (n, D) shows anything of what is meant, (n, 2) float32.

        The second column is the same by all but the likeliest of it. None where rows tell no
        probabilities.
        """


class Lexicon(Protocol):
    """A lexicon: it knows what words mean in the rows of `facet`."""

    facet: str
    whole: bool
    """Whether it reads a text as it stands, not part by part."""

    def knows(self, text: str) -> bool:
        """Return whether the text, one or more words, is a name of its own."""

    def reads(self, text: str) -> bool:
        """Return whether its words are words at all, and not misspelt or of an unknown language."""

    def sure(self, text: str) -> bool:
        """Return whether these words name something that it can see, so that nothing is guessed."""

    def look(self, text: str) -> Direction | None:
        """Return what it looks like, a second witness asked of the facet subject; None for none."""

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """Return how near the nearest known thing is, 0 to 1, and the names of the nearest.

        Below `LEAST_KNOWN` the text is not understood.
        """

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Question:
        """Return the question for a text with its parts `words`, as far adrift as `drift` says.

        `drift` runs from 0 to 1.
        """


@dataclass(frozen=True, repr=False)
class Meaning:
    """A `Question` in classes.

    `weights` hold, for each part of a text, the weights (1000,) of its classes, and of those that
    count against it; `part` (P,) is how much each part counts.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    part: NDArray[np.float32]
    prior: Prior

    def bits(self, rows: NDArray[Any]) -> Array:
        """Return the log odds of rows (n, 334) of the facet `concepts`, (n,) float32."""
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

    def shares(self, rows: NDArray[Any]) -> Array | None:
        """Return the probability of all classes meant together, for rows (n, 334), (n, 2) float32.

        Each class counts by its weight; the second column leaves out the likeliest, where the text
        means several. None adrift, where classes are asked that nobody meant.
        """
        if (self.part < 0).any():
            return None
        heard = self.part @ self.weights
        used = np.flatnonzero(heard)
        each = np.exp(concepts.FLOOR + concepts.STEP * concepts.levels(rows, used)) * heard[used]
        every = each.sum(axis=1)
        broad = np.count_nonzero(heard >= 0.5) >= _BROAD
        others = every - each.max(axis=1) if broad else every
        return np.stack([every, others], axis=1).astype(np.float32)


def _logit(share: Any) -> Any:
    """Return the log odds of a probability."""
    inside = np.clip(share, 0, 1)
    return np.log((inside + _LEAST) / (1 - inside + _SURE))


@dataclass(frozen=True, repr=False)
class Prior:
    """The prior of the classes: what they are like in random pictures, (1000,) each.

    `mean` and `spread` of their log probability, and the mean of their probability, `share`.
    """

    mean: Array
    spread: Array
    share: Array


class ClassLexicon:
    """The bundled `Lexicon`: classes of ImageNet.

    They are found by name, by what they are a kind of, and by likeness of their description (words,
    gloss and kinds, in WordNet) to the text.
    """

    facet = CONCEPTS
    whole = False

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
        """Return whether it names a class or a kind of classes, in singular or plural."""
        return bool(self._called(text))

    def reads(self, text: str) -> bool:
        """Return whether its words are names, or known to the sentence encoder as words."""
        return self.knows(text) or self._sentences.joined(text)

    def sure(self, text: str) -> bool:
        """Return whether a class, or a kind of classes, is called by these words."""
        return self.knows(text)

    def near(self, text: str) -> tuple[float, tuple[str, ...]]:
        """Return how alike the nearest class's description is, and the names of the five nearest.

        It is 0 for made-up words, of which only pieces are known and to which nothing is near.
        """
        if called := self._called(text):
            return 1.0, tuple(self._names[n] for n in sorted(called)[:5])
        alike = self._alike([text])[0]
        best = np.argsort(-alike, kind="stable")[:5]
        like = float(alike[best[0]])
        if like < _GUESSED and not self._sentences.whole(text):
            like = 0.0
        return like, tuple(self._names[n] for n in best.tolist())

    def ask(self, text: str, words: Sequence[str] = (), drift: float = 0.0) -> Meaning:
        """Return the classes that a text means, as a whole and word by word.

        See `_adrift` for `drift`.
        """
        parts = [text, *(word for word in words if word != text)]
        alike = self._alike(parts)
        weights = np.stack([self._meant(p, like) for p, like in zip(parts, alike, strict=True)])
        rest = len(parts) - 1
        counts = [_WHOLE] + [(1 - _WHOLE) / rest] * rest if rest else [1.0]
        part = np.array(counts, np.float32)
        if drift > 0:
            weights, part = self._adrift(weights, part, drift)
        heard = np.maximum(part, 0) @ weights
        # Of classes that are meant as much, those that the text is nearest to are named.
        best = np.argsort(-heard - 1e-3 * alike[0], kind="stable")[:6]
        names = tuple(self._names[n] for n in best.tolist() if heard[n] > 0)
        return Meaning(names, weights.astype(np.float32), part.astype(np.float32), self._prior)

    def look(self, text: str) -> Direction:
        """Return what a text looks like, asked of the rows of the facet subject."""
        return looks().look(text, self._sentences([text])[0])

    def _alike(self, texts: Sequence[str]) -> Array:
        """Return how alike texts and the classes' descriptions are, (N, 1000)."""
        return np.asarray(self._sentences(texts) @ self._texts.T, np.float32)

    def _meant(self, text: str, alike: Array) -> Array:
        """Return the weights of the classes that a text means, (1000,); the nearest has 1."""
        weights = np.exp((alike - alike.max()) / _WARMTH)
        weights[np.argsort(-weights, kind="stable")[_CLASSES:]] = 0
        if called := self._called(text):
            weights *= _EXACT
            weights[list(called)] = 1
        return np.asarray(weights, np.float32)

    def _adrift(self, weights: Array, part: Array, drift: float) -> tuple[Array, Array]:
        """Return the classes to which the machine drifts: neighbours' neighbours of those meant.

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
        """The classes to which a step leads from each class, (1000, 1000); rows sum to 1."""
        alike = self._texts @ self._texts.T
        np.fill_diagonal(alike, -1)
        read = np.argsort(-alike, axis=1, kind="stable")[:, :NEAR]
        steps = np.zeros_like(alike)
        rows = np.arange(len(steps))[:, None]
        np.add.at(steps, (rows, read), 0.5 / NEAR)
        np.add.at(steps, (rows, self._seen_near[:, :NEAR]), 0.5 / NEAR)
        return np.asarray(steps, np.float32)


def _stepped(weights: Array, steps: Array, meant: Array) -> Array:
    """Return `weights` one step on, never back to what was meant; the largest is 1."""
    gone = (weights / weights.sum()) @ steps
    gone[meant > 0] = 0
    kept = np.argsort(-gone, kind="stable")[_CLASSES:]
    gone[kept] = 0
    return np.asarray(gone / max(float(gone.max()), 1e-9), np.float32)


_ENDINGS: Iterable[tuple[str, str]] = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""))


def singular(text: str) -> Iterator[str]:
    """Yield a text in lower case and, if it looks like a plural, what its singular may be."""
    plain = text.casefold()
    yield plain
    for ending, instead in _ENDINGS:
        if plain.endswith(ending) and len(plain) > len(ending) + 2:
            yield plain[: -len(ending)] + instead
