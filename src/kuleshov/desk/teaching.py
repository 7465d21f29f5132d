"""Teach an archive words by examples, and forget them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kuleshov.archive.archive import write_archive
from kuleshov.archive.sources import described
from kuleshov.archive.taught import Learnt, learnt, maker_of
from kuleshov.archive.word_table import WordExample
from kuleshov.desk.room import check_there
from kuleshov.errors import UsageError
from kuleshov.features.facet import SUBJECT
from kuleshov.jobs import QUIET, Job
from kuleshov.media.pictures import as_film
from kuleshov.timecode import TimeRange, format_time

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["Example", "TaughtWord", "forget", "taught", "teach"]

_LENGTH = Fraction(1)  # s of a film that are one example


@dataclass(frozen=True)
class Example:
    """An example of a word: a picture, or the second of a film that begins at `at` s."""

    path: Path
    at: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        object.__setattr__(self, "at", Fraction(self.at))
        if self.at < 0:
            raise UsageError(f"An example begins at 0 or later, not at {float(self.at):g}.")

    def __str__(self) -> str:
        return f"{self.path.absolute()}{f' at {format_time(self.at)}' if self.at else ''}"


@dataclass(frozen=True)
class TaughtWord:
    """A word that was taught: its examples, and those of what it does not mean.

    `sure` is how sure it is, 0 to 1: of each example that is left out once, what share of the
    archive it comes before. None where that cannot be told, of one example or with an encoder that
    saw none.
    """

    name: str
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    sure: float | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the word as data for JSON."""
        return {
            "name": self.name,
            "like": list(self.like),
            "not": list(self.unlike),
            "sure": self.sure,
        }


def teach(
    desk: Desk,
    name: str,
    like: Sequence[Example] = (),
    unlike: Sequence[Example] = (),
    bins: Sequence[str] = (),
    *,
    job: Job = QUIET,
) -> TaughtWord:
    """Teach the archive a word by examples, besides those that it was taught by before.

    All shots of `bins` are examples, too. Raises `UsageError` for examples that are not there, or
    where the word would have none.
    """
    for one in (*like, *unlike):
        check_there(one.path)
    known = taught(desk, job=job)
    before = next((word for word in known if word.name.casefold() == name.casefold()), None)
    if not like and not bins and (before is None or not before.like):
        raise UsageError("A word is taught by at least one example of what it means.")
    maker = maker_of(desk.networks.loaded(job).rows)
    found = [*_of_bins(desk, bins, maker, job)]
    for wanted, examples in ((True, like), (False, unlike)):
        found += [_seen(desk, one, maker, job, wanted=wanted) for one in job.over(examples)]
    with write_archive(desk.root, job=job) as archive:
        archive.catalogue.word_table.teach(name, found)
    return next(word for word in taught(desk, job=job) if word.name.casefold() == _plain(name))


def taught(desk: Desk, *, job: Job = QUIET) -> tuple[TaughtWord, ...]:
    """Return the words that the archive was taught, by name."""
    table = desk.archive.catalogue.word_table
    names = table.names()
    if not names:
        return ()
    rows = desk.stock(job=job)[0].rows
    maker = maker_of(desk.networks.loaded(job).rows)
    words = []
    for name in job.over(names):
        examples = table.examples(name)
        seen = any(one.maker == maker and one.wanted for one in examples)
        found: Learnt | None = learnt(name, table, rows, maker) if seen else None
        words.append(
            TaughtWord(
                name,
                tuple(one.said for one in examples if one.wanted),
                tuple(one.said for one in examples if not one.wanted),
                None if found is None else found.sure,
            )
        )
    return tuple(words)


def forget(desk: Desk, name: str, *, job: Job = QUIET) -> None:
    """Forget a word. Raises `UsageError` where it was not taught."""
    with write_archive(desk.root, job=job) as archive:
        archive.catalogue.word_table.forget(name)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _seen(desk: Desk, one: Example, maker: str, job: Job, *, wanted: bool) -> WordExample:
    """Return what is seen in an example."""
    span = TimeRange(one.at, one.at + _LENGTH)
    with job.step(f"looking at {one.path.name}"), as_film(one.path) as readable:
        checksum = desk.checksum(one.path, job=job)
        found = described(
            readable, checksum, desk.networks.looking(job), desk.sources, span, job=job
        )
    return WordExample(str(one), wanted, maker, _mean(found.features[SUBJECT]))


def _of_bins(desk: Desk, bins: Sequence[str], maker: str, job: Job) -> list[WordExample]:
    """Return an example for each shot of these bins that the archive offers."""
    catalogue = desk.archive.catalogue
    examples = []
    rows = desk.stock(job=job)[0].rows if bins else None
    for name in bins:
        name = catalogue.bin_table.named(name)
        held = catalogue.bins()[name]
        for film in rows.films if rows is not None else ():
            edges, _ = film.edges()
            for shot, (first, end) in zip(film.shots, edges.tolist(), strict=True):
                if film.ref(shot) in held:
                    seen = film.rows[SUBJECT]
                    begin = min(first, len(seen) - 1)
                    mean = _mean(seen[begin : max(end, begin + 1)])
                    said = f"{film.footage.path}:{shot.number}"
                    examples.append(WordExample(said, True, maker, mean))
        if not examples:
            raise UsageError(f"The bin {name!r} holds nothing to learn from.", code="bin-empty")
    return examples


def _mean(rows: Any) -> Any:
    """Return the mean of rows as a unit vector, (D,) float16."""
    mean = np.asarray(rows, np.float32).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float16)
