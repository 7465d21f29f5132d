"""Make a film of everything in an archive that answers a question."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from kuleshov.archive.filters import Filter
from kuleshov.desk.asking import Ask, Found
from kuleshov.desk.finding import find
from kuleshov.desk.room import check_there
from kuleshov.edit.supercut import Music, Supercut, SupercutOptions
from kuleshov.edit.supercut import supercut as cut_together
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.media.beats import beats
from kuleshov.media.guard import guarded
from kuleshov.notes import together
from kuleshov.timeline import Media

if TYPE_CHECKING:
    from kuleshov.desk.desk import Desk

__all__ = ["found_for", "listened", "supercut"]

_CLIPS = 2000  # looked at to find the best of each shot


def supercut(
    desk: Desk,
    ask: Ask,
    options: SupercutOptions = SupercutOptions(),
    filters: Filter = Filter(),
    song: Path | None = None,
    *,
    job: Job = QUIET,
) -> Supercut:
    """Return a film of all shots that answer, each once, at its best moment.

    Cut on the beats of `song` where there is one (needs librosa). Raises `MatchError` where nothing
    answers, `MediaError` for a song that cannot be heard.
    """
    check_there(ask.like)
    music = None if song is None else listened(song, options.length, job=job)
    found = found_for(desk, ask, options, filters, job=job).clear(ask.drift)
    made = cut_together(ask.name, found.hits, desk.reference, options, music, job=job)
    return replace(made, notes=together(found.told, made.notes))


def found_for(
    desk: Desk,
    ask: Ask,
    options: SupercutOptions = SupercutOptions(),
    filters: Filter = Filter(),
    *,
    job: Job = QUIET,
) -> Found:
    """Return clips as long as shots may be, and shorter ones of the shots that are shorter."""
    match = MatchOptions(candidates=_CLIPS, stretch=1.0)
    low, high = options.shot
    if ask.like is None or low == high:  # by words and bins each shot is found once
        return find(desk, ask, high, match, filters, fold=False, job=job)
    long = find(desk, _shortened(ask, high), high, match, filters, fold=False, job=job)
    short = find(desk, _shortened(ask, low), low, match, filters, fold=False, job=job)
    known = {one.ref for one in long.hits}
    more = [one for one in short.hits if one.ref not in known]
    notes = together(long.notes, short.notes)
    return replace(long, hits=(*long.hits, *more), notes=notes)


def _shortened(ask: Ask, duration: Fraction) -> Ask:
    """Return an example cut to the length of the clips that are to answer it."""
    return replace(ask, length=min(ask.length, duration))


def listened(song: Path, length: Fraction | None = None, *, job: Job = QUIET) -> Music:
    """Return a song with its beats, or those of its first `length` s. Raises `MediaError`."""
    longest = None if length is None else float(length)
    found, seconds = guarded(beats, song, longest, job=job)
    return Music(Media(song.absolute()), tuple(found.tolist()), seconds)
