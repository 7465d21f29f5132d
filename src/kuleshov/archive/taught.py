"""Read what a person taught: the separator of a word, drawn against the archive's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.word_table import WordExample, Words
from kuleshov.errors import UsageError
from kuleshov.features.facet import SUBJECT
from kuleshov.features.separator import Separator, separate, surety
from kuleshov.features.specs import RowsSpec
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job

__all__ = ["Learnt", "WordShots", "learnt", "maker_of", "shots_showing", "usual_rows"]

Array = NDArray[np.float32]
WordShots = Callable[[str, ArchiveRows], AbstractSet[ShotRef]]
"""A function that returns the shots that clearly show a taught word."""

_USUAL = 4096  # rows of an archive, evenly over it, against which a separator is drawn


@dataclass(frozen=True, repr=False)
class Learnt:
    """A word as it was learnt from its examples.

    `sure` says how sure, 0 to 1, None where it cannot be told: see `separator.surety`.
    """

    name: str
    separator: Separator
    wanted: int
    unwanted: int
    sure: float | None


def maker_of(specs: Iterable[RowsSpec]) -> str:
    """Return what makes the rows by which words are taught, as kept with an example.

    Nothing does, an empty text, where the facet subject is not looked at.
    """
    spec = next((spec for spec in specs if spec.facet == SUBJECT), None)
    if spec is None:
        return ""
    return f"{spec.facet} {spec.version} {spec.network} {spec.checksum}"


def learnt(name: str, words: Words, rows: ArchiveRows, maker: str) -> Learnt:
    """Return a word as its examples teach it among the rows of an archive.

    Raises `UsageError` where there is no such word, or none of its examples was seen by `maker`.
    """
    name = words.named(name)
    known = [one for one in words.examples(name) if one.maker == maker]
    liked = _rows_of([one for one in known if one.wanted])
    if not len(liked):
        raise UsageError(
            f"The word {name!r} has no example that this encoder saw: teach it again with it.",
            code="word-unseen",
        )
    unlike = _rows_of([one for one in known if not one.wanted])
    usual = usual_rows(rows)
    if not len(usual):
        usual = np.zeros((1, liked.shape[1]), np.float32)
    unlike = unlike if len(unlike) else np.zeros((0, liked.shape[1]), np.float32)
    made = separate(liked, unlike, usual)
    return Learnt(name, made, len(liked), len(unlike), surety(liked, unlike, usual))


def usual_rows(rows: ArchiveRows) -> Array:
    """Return at most so many rows of an archive, evenly over it, (N, D) float32."""
    step = -(-max(len(rows), 1) // _USUAL)
    parts = [film.rows[SUBJECT][number % step :: step] for number, film in enumerate(rows.films)]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros((0, 1), np.float32)


def shots_showing(word: Learnt, rows: ArchiveRows, job: Job = QUIET) -> AbstractSet[ShotRef]:
    """Return the shots that clearly show a word: half of the shot does."""
    found: set[ShotRef] = set()
    for film in job.over(rows.films):
        if not film.shots:
            continue
        away = word.separator.deviations(film.rows[SUBJECT])
        edges, _ = film.edges()
        for shot, (first, end) in zip(film.shots, edges.tolist(), strict=True):
            begin = min(first, len(away) - 1)
            if float(np.median(away[begin : max(end, begin + 1)])) >= word.separator.clear:
                found.add(film.ref(shot))
    return found


def _rows_of(examples: Sequence[WordExample]) -> Array:
    return np.array([one.row for one in examples], np.float32)
