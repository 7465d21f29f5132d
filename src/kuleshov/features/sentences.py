"""Turn sentences into vectors: alike in meaning, near each other (Reimers & Gurevych 2019).

The bundled network is all-MiniLM-L6-v2 with weights of 8 bits. Its tokens are those of BERT without
case (Devlin et al. 2018): words, split where need be into the longest known pieces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov import models
from kuleshov.errors import ModelError
from kuleshov.models.runtime import Network, load

__all__ = ["Sentences", "WordPieces"]

_NAME = "all-minilm-l6-v2"
_MOST = 128  # tokens of a text; what is longer is cut off
_LONGEST = 100  # letters of a word; longer ones are not known
_BATCH = 32
_SHORTEST = 3  # letters of a word that may be part of another
_ENDINGS = frozenset(("s", "es", "ed", "er", "ers", "ing", "ings", "y", "ly"))


class WordPieces:
    """The word pieces of texts, by a vocabulary of one piece a line."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._names = tuple(vocabulary)
        self._number = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown = self._number["[UNK]"]
        self._begin, self._end = self._number["[CLS]"], self._number["[SEP]"]

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, with those of its beginning and end."""
        found = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._begin, *found[: _MOST - 2], self._end]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._number.get(mark + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [self._unknown]
        return found

    def joined(self, word: str) -> bool:
        """Return whether a word is known without an ending, or its pieces are words and endings."""
        stems = {word, word.removesuffix("ies") + "y"}
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            stems |= {stem, stem + "e"} if len(stem) >= _SHORTEST else set()
        if any(stem in self._number for stem in stems):
            return True
        first, *rest = (self._names[n].removeprefix("##") for n in self._pieces(word))
        return len(first) >= _SHORTEST and all(
            part in _ENDINGS or (len(part) >= _SHORTEST and part in self._number) for part in rest
        )


class Sentences:
    """An encoder of texts as unit vectors. The network is loaded when it is first needed."""

    def __init__(self, network: Network | None = None) -> None:
        self._given = network

    @cached_property
    def _network(self) -> Network:
        # Half the bits would cost more in likeness than they spare in a few milliseconds.
        return self._given or load(_NAME, precision="f32")

    @cached_property
    def _tokens(self) -> WordPieces:
        path = Path(models.__file__).with_name(f"{_NAME}.vocab.txt")
        try:
            return WordPieces(path.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise ModelError(f"{path} is missing. Install Kuleshov again.") from error

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of N texts, (N, 384) float32.

        Raises `ModelError` where the network cannot run.
        """
        rows = [self._tokens(text) for text in texts]
        made = np.zeros((len(rows), 384), np.float32)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for first in range(0, len(order), _BATCH):
            part = order[first : first + _BATCH]
            tokens = np.zeros((len(part), max(len(rows[i]) for i in part)), np.int64)
            for line, i in enumerate(part):
                tokens[line, : len(rows[i])] = rows[i]
            made[part] = self._network(tokens)["embedding"]
        return made

    def whole(self, text: str) -> bool:
        """Return whether every word of a text is known as a whole, not in pieces only."""
        return len(self._tokens(text)) - 2 <= len(list(_words(text)))

    def joined(self, text: str) -> bool:
        """Return whether every word of a text is known, or joined of known words and endings.

        Such are "campfire" and "kayaking"; other words are in another language, or misspelt.
        """
        return all(self._tokens.joined(word) for word in _words(text))


def _words(text: str) -> Iterator[str]:
    """Yield words and single signs, in lower case and without accents, as BERT splits them."""
    word = ""
    for letter in unicodedata.normalize("NFD", "".join(_cleaned(text)).lower()):
        kind = unicodedata.category(letter)
        if kind == "Mn":
            continue
        alone = _is_sign(letter, kind) or _is_ideograph(letter)
        if letter.isspace() or alone:
            if word:
                yield word
            word = ""
            if alone:
                yield letter
        else:
            word += letter
    if word:
        yield word


def _cleaned(text: str) -> Iterator[str]:
    for letter in text:
        if letter in "\t\n\r" or letter.isspace():
            yield " "
        elif letter not in "\0\ufffd" and not unicodedata.category(letter).startswith("C"):
            yield letter


def _is_sign(letter: str, kind: str) -> bool:
    """Return whether a character stands alone: punctuation, or another sign of ASCII."""
    return kind.startswith("P") or (
        letter.isascii() and letter.isprintable() and not (letter.isalnum() or letter == " ")
    )


def _is_ideograph(letter: str) -> bool:
    code = ord(letter)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x2CEAF
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
    )
