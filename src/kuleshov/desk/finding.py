"""Find clips of an archive: by words, by example, or those of a bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.archive import Archive
from kuleshov.archive.encoders import encoders_of
from kuleshov.archive.filters import Filter, parse_terms
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.archive.shot_tags import tags_of_film
from kuleshov.archive.sources import described
from kuleshov.archive.taught import learnt, maker_of, usual_rows
from kuleshov.desk.asking import Ask, Found
from kuleshov.desk.room import check_there
from kuleshov.errors import MatchError, ModelError, UsageError
from kuleshov.features.analyse import SOURCE_GRID
from kuleshov.features.facet import SUBJECT
from kuleshov.features.measuring import tag_shot
from kuleshov.features.separator import separate
from kuleshov.features.tags import Tag
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.by_example import find_like, middles
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.likeness.copies import folded
from kuleshov.match.text.by_words import find_words
from kuleshov.match.text.embedding import EmbeddingLexicon
from kuleshov.match.text.lexicon import Lexicon
from kuleshov.match.text.looks import Direction, taught
from kuleshov.match.text.phrases import spelled
from kuleshov.media.pictures import as_film
from kuleshov.notes import Note
from kuleshov.timecode import TimeRange

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["find"]

_WIDER, _MORE = 3, 20  # times as many clips, and some more, are looked at as are wanted
_SHORTEST = Fraction(1, 5)  # s of a shot; what is shorter answers nothing


def find(
    desk: Desk,
    ask: Ask,
    duration: Fraction | None = None,
    match: MatchOptions = MatchOptions(),
    filters: Filter = Filter(),
    *,
    fold: bool = True,
    job: Job = QUIET,
) -> Found:
    """Return the clips of `duration` s that answer, best first, at most `match.align.candidates`.

    Without a duration they are as long as what is asked. No two show the same frames, in one file
    or in copies; without `fold` they may. Where a shot is shorter the clip is, too: its `held` says
    by how much. Of a bin, in the order of the archive, the middle of each shot is given. Raises
    `MatchError` where there is nothing, `UsageError` for a bin that is not there.
    """
    check_there(ask.like)
    if (reading := _reading(desk, ask, job)) is not None:
        try:
            read = find(reading, ask, duration, match, filters, fold=fold, job=job)
        except (MatchError, ModelError):  # its rows are of an older version, or it is not at hand
            pass
        else:
            name = reading.networks.spec.encoder
            said = f"Asked by {name}, which reads words and has seen this archive."
            return replace(read, notes=(Note("words-read", said, {"encoder": name}), *read.notes))
    seconds = ask.length if duration is None else duration
    offer = desk.rows(filters, job=job)
    # Several windows of one shot may be found, and copies of it: they are folded into one.
    wide = replace(match, candidates=_WIDER * match.candidates + _MORE) if fold else match

    def once(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
        kept = folded(found, job=job).kept if fold else tuple(found)
        return kept[: match.candidates]

    if ask.bin is not None:
        held = parse_terms([f"bin:{ask.bin}"], []).apply(
            offer.rows, desk.archive.catalogue.bins(), job=job
        )
        return Found(once(middles(held, seconds, job)), offer.notes)
    if ask.words is not None:
        with job.step("searching"):
            answer = find_words(
                *(ask.words, seconds, offer.rows, wide, ask.drift),
                lexicon=_lexicon(desk),
                tags=_kept_tags(desk.archive, job),
                taught=_taught(desk, ask.words, job),
                alike=_alike(desk, ask, seconds, match, filters, offer.rows, job),
                job=job,
            )
            found = once(answer.hits)
            by_name = {id(one.hit): one for one in answer.named}
            listed = once([one.hit for one in answer.named])
        return Found(
            found,
            (*offer.notes, *answer.notes),
            understood=answer.understood,
            named=tuple(by_name[id(candidate)] for candidate in listed),
        )
    return replace(_like(desk, ask, seconds, offer.rows, wide, once, job), notes=offer.notes)


def _like(
    desk: Desk,
    ask: Ask,
    duration: Fraction,
    rows: ArchiveRows,
    match: MatchOptions,
    once: Callable[[Sequence[Candidate]], tuple[Candidate, ...]],
    job: Job,
) -> Found:
    assert ask.like is not None  # one of the three is given: `Ask` checks it
    span = TimeRange(ask.begin, ask.begin + ask.length)
    with job.step(f"looking at {ask.like.name}"), as_film(ask.like) as readable:
        checksum = desk.checksum(ask.like, job=job)
        example = described(
            *(readable, checksum, desk.networks.looking(job), desk.sources, span),
            mirrored=match.mirror,
            job=job,
        )
    # The example's own material is what one looks for, when it is there.
    options = replace(match, allow_same=True)
    long_enough = rows.of_shots_from(_SHORTEST, job)
    with job.step("searching"):
        asked = (example, duration, long_enough, desk.reference, options)
        found = once(find_like(*asked, whole=desk.stock(job=job)[0].whole, job=job))
    return Found(found, tags=tag_shot(example.features, float(ask.length), SOURCE_GRID))


def _reading(desk: Desk, ask: Ask, job: Job) -> Desk | None:
    """Return a desk with an encoder that reads words, where none was named and it has seen all.

    What a person taught is asked of the encoder that it was taught to, the bundled one.
    """
    if ask.words is None or not desk.may_choose or not desk.networks.spec.is_bundled:
        return None
    if find_spec("open_clip") is None or _taught(desk, ask.words, job):
        return None
    films = len(desk.archive.catalogue.all())
    whole = [name for name, seen in encoders_of(desk.archive).items() if seen >= films]
    return desk.with_encoder(whole[0]) if whole and films else None


def _taught(desk: Desk, text: str, job: Job) -> dict[str, Direction]:
    """Return the words of a text that a person taught, each as its examples teach it now."""
    table = desk.archive.catalogue.word_table
    said = f" {spelled(text)} "
    names = [name for name in table.names() if f" {spelled(name)} " in said]
    if not names:
        return {}
    rows = desk.stock(job=job)[0].rows
    maker = maker_of(desk.networks.loaded(job).rows)
    return {spelled(n): taught(n, learnt(n, table, rows, maker).separator) for n in names}


def _alike(
    desk: Desk,
    ask: Ask,
    seconds: Fraction,
    match: MatchOptions,
    filters: Filter,
    rows: ArchiveRows,
    job: Job,
) -> Direction | None:
    """Return what answers that are liked have and others do not; None where none were picked."""
    if not ask.more and not ask.less:
        return None
    most = max(*ask.more, *ask.less, match.candidates)
    plain = replace(ask, more=(), less=())
    wide = replace(match, candidates=most)
    hits = find(desk, plain, seconds, wide, filters, job=job).hits
    if len(hits) < max((*ask.more, *ask.less)):
        raise UsageError(f"These words have only {len(hits)} answers.")
    usual = usual_rows(rows)
    # Where nothing was liked, what is not is told from what is usual, the other way round.
    liked, unlike = (
        _shown([hits[n - 1] for n in picked], usual.shape[1]) for picked in (ask.more, ask.less)
    )
    if not len(liked):
        made = separate(unlike, liked, usual)
        return Direction(("less like these",), -made.vector, -made.mean, made.spread)
    return taught("more like these", separate(liked, unlike, usual))


def _shown(hits: Sequence[Candidate], size: int) -> NDArray[np.float32]:
    """Return the mean row of what each clip shows, (n, size)."""
    found = []
    for hit in hits:
        rows = hit.film.rows[SUBJECT]
        first = min(int(hit.media.start * hit.film.grid), len(rows) - 1)
        end = max(first + 1, int(hit.media.end * hit.film.grid))
        found.append(np.asarray(rows[first:end], np.float32).mean(axis=0))
    return np.array(found, np.float32).reshape(len(found), size)


def _lexicon(desk: Desk) -> Lexicon | None:
    """Return the words of the encoder that was chosen, if it reads any; None for the bundled ones.

    No network is opened to find that out where the bundled one is used.
    """
    sees = desk.networks.words
    return None if sees is None else EmbeddingLexicon(sees, desk.reference["background"])


def _kept_tags(archive: Archive, job: Job) -> Callable[[ArchiveFilm], Mapping[int, Sequence[Tag]]]:
    """Return a function that gives the tags of a film: kept in the catalogue, or else measured."""
    known = archive.catalogue.tag_table.footage()

    def tags(film: ArchiveFilm) -> Mapping[int, Sequence[Tag]]:
        if film.footage.checksum in known:
            return archive.catalogue.tags(film.footage.id)
        return tags_of_film(film, job)

    return tags
